package mind_test

import (
	"context"
	"fmt"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/mind"
)

func Example() {
	model := llmtest.Scripted(
		`{"actions":[{"type":"THINK","target":"","content":"Films at night: B."},{"type":"TALK","target":"","content":"B, for the dark scenes."},{"type":"DONE","target":"","content":""}],"state":{"goals":"A better TV.","attention":"The offer.","emotions":"Curious."}}`,
		`About 500 dollars.`,
	)
	m, err := mind.New(model, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	lisa, err := tinytroupe.Alone(tinytroupe.NewPersona("Lisa Carter"), m, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	acts, err := lisa.ListenAndAct(context.Background(), "TV A is bright, TV B is dark. Which one?")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range acts {
		fmt.Printf("%s %q\n", a.Kind, a.Content)
	}
	answer, err := lisa.Ask(context.Background(), tinytroupe.Question{Text: "What would you pay for it?"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Text)

	// The question came after the same words as the turn before it, and more.
	asked := model.Requests()[1]
	for _, msg := range asked.Messages {
		fmt.Printf("%s:\n%s\n", msg.Role, msg.Parts[0].Text)
	}
	// Output:
	// THINK "Films at night: B."
	// TALK "B, for the dark scenes."
	// DONE ""
	// About 500 dollars.
	// user:
	// [Thursday 2026-01-01 09:00]
	// {"type":"CONVERSATION","content":"TV A is bright, TV B is dark. Which one?"}
	// assistant:
	// {"actions":[{"type":"THINK","target":"","content":"Films at night: B."},{"type":"TALK","target":"","content":"B, for the dark scenes."},{"type":"DONE","target":"","content":""}],"state":{"goals":"A better TV.","attention":"The offer.","emotions":"Curious."}}
	// user:
	// [Thursday 2026-01-01 09:00]
	// (nothing new)
	//
	// Nobody is within reach.
	// Question: What would you pay for it?
}
