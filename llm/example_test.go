package llm_test

import (
	"context"
	"fmt"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// A model that first forgets a field, then says what it was asked for.
func ExampleAsk() {
	model := &script{turns: []any{
		"<think>She watches films.</think>B, because she watches films: {\"advert\": \"B\"}",
		"{\"advert\": \"B\", \"why\": \"I watch films at night.\"}",
	}}
	calls := llm.NewMemory()
	m := llm.Wrap(model,
		llm.Cache(calls),
		llm.Retry(nil),
		llm.Limit(llm.NewLimiter(nil)),
		llm.Spend(llm.NewBudget(&llm.BudgetOptions{Calls: 10})),
		llm.Meter(calls))

	type Choice struct {
		Advert string `json:"advert" jsonschema:"the letter of the advert"`
		Why    string `json:"why"`
	}
	choice, resp, err := llm.Ask[Choice](context.Background(), m, &llm.Request{
		System:   "You are Lisa Carter.",
		Messages: []llm.Message{llm.Text(llm.User, "Which advert sells the TV?")},
	})
	fmt.Println(choice.Advert, choice.Why, err)
	fmt.Println(len(resp.Calls), "calls,", resp.Usage.Output, "tokens of output")
	for _, c := range calls.All() {
		fmt.Println(c.Result.Outcome, c.Result.Err)
	}
	// Output:
	// B I watch films at night. <nil>
	// 2 calls, 10 tokens of output
	// invalid the reply is not valid: required: missing properties: ["why"]; it begins "<think>She watches films.</think>B, because she watches films: {\"advert\": \"B\"}"
	// answered <nil>
}
