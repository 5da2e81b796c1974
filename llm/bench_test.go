package llm_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

const turnSchema = `{"type":"object","properties":{"actions":{"type":"array","maxItems":15,"items":{"type":"object","properties":{` +
	`"type":{"type":"string","enum":["TALK","THINK","REACH_OUT","DONE"]},"target":{"type":"string","maxLength":200},` +
	`"content":{"type":"string","maxLength":2000}},"required":["type","target","content"],"additionalProperties":false}},` +
	`"state":{"type":"object","properties":{"goals":{"type":"string","maxLength":400},"attention":{"type":"string","maxLength":400},` +
	`"emotions":{"type":"string","maxLength":400}},"required":["goals","attention","emotions"],"additionalProperties":false}},` +
	`"required":["actions","state"],"additionalProperties":false}`

const turnReply = `{"actions":[{"type":"THINK","target":"","content":"He asks about the TV; I should tell him of the films."},` +
	`{"type":"TALK","target":"Oscar","content":"B, I think. I watch films at night, and it talks of the dark."},` +
	`{"type":"DONE","target":"","content":""}],"state":{"goals":"Choose a TV.","attention":"The two adverts.","emotions":"Curious."}}`

func long() *llm.Request { return hello(strings.Repeat("Everything that was said so far. ", 1000)) }

func answer(text string) llm.Model {
	return fake(func(context.Context, *llm.Request) (*llm.Response, error) { return says(text), nil })
}

// The target is 0.1 ms.
func BenchmarkCacheHit30KB(b *testing.B) {
	calls := llm.NewMemory()
	m := llm.Wrap(answer("hi"), llm.Cache(calls), llm.Meter(calls))
	req := long()
	for b.Loop() {
		if _, err := m.Generate(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkAsk(b *testing.B, s func() *llm.Schema, mw ...llm.Middleware) {
	m := llm.Wrap(answer(turnReply), mw...)
	req := long()
	for i := 0; b.Loop(); i++ {
		req.Schema, req.Draw = s(), i
		if _, _, err := llm.Ask[json.RawMessage](b.Context(), m, req); err != nil {
			b.Fatal(err)
		}
	}
}

// The target is well under 0.3 ms.
func BenchmarkAsk(b *testing.B) {
	s := &llm.Schema{Name: "turn", Body: json.RawMessage(turnSchema)}
	benchmarkAsk(b, func() *llm.Schema { return s })
}

func BenchmarkAskCompilingEachTime(b *testing.B) {
	benchmarkAsk(b, func() *llm.Schema { return &llm.Schema{Name: "turn", Body: json.RawMessage(turnSchema)} })
}

func BenchmarkAskThroughTheStack(b *testing.B) {
	s := &llm.Schema{Name: "turn", Body: json.RawMessage(turnSchema)}
	calls := &forgetful{}
	benchmarkAsk(b, func() *llm.Schema { return s }, llm.Cache(calls), llm.Retry(nil), llm.Limit(llm.NewLimiter(nil)),
		llm.Spend(llm.NewBudget(&llm.BudgetOptions{USD: 1e9, Price: priced})), llm.Meter(calls))
}

// forgetful is a record that keeps nothing.
type forgetful struct{}

func (forgetful) Get(string) (*llm.Response, bool, error) { return nil, false, nil }
func (forgetful) Begin(*llm.Call) (int64, error)          { return 1, nil }
func (forgetful) End(int64, *llm.Result) error            { return nil }

func BenchmarkSchemaFor(b *testing.B) {
	for b.Loop() {
		if _, err := llm.SchemaFor[choice](); err != nil {
			b.Fatal(err)
		}
	}
}
