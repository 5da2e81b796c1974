package rehearsal_test

import (
	"context"
	"fmt"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

func Example() {
	m := rehearsal.New(&rehearsal.Options{Seed: 1})
	resp, err := m.Generate(context.Background(), &llm.Request{
		System: "# Who you are\n" + `{"name":"Ada Moss","occupation":"gardener","preferences":{"likes":["Roses","Rain"]}}`,
		Messages: []llm.Message{
			llm.Text(llm.User, "Which would you choose?\nA: A week at the beach.\nB: A visit to a garden with old roses."),
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resp.Text)
	// Output:
	// I would choose B, “A visit to a garden with old roses”. It speaks of “roses”, and I like roses.
}
