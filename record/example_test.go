package record_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/examples/cast"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/record"
)

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// program is written as if it ran once. Run again over its record, it repeats nothing
// that it has paid for, and after a change only what the change concerns is new.
func program(dir, question string) {
	rec, err := record.Open(dir, nil)
	if err != nil {
		rec, err = record.Create(dir, &record.Manifest{Title: "Chat"}, nil)
	}
	check(err)
	defer rec.Close()
	calls, err := rec.Calls()
	check(err)
	journal, err := rec.Rerun("all")
	check(err)
	sent := 0
	counted := func(m llm.Model) llm.Model { return counter{m, &sent} }
	m, err := mind.New(llm.Wrap(rehearsal.New(nil), llm.Cache(calls), llm.Meter(calls), counted), nil)
	check(err)

	w := tinytroupe.NewWorld("Chat Room", m, &tinytroupe.Options{Journal: journal})
	for _, name := range []string{"lisa", "oscar"} {
		p, err := cast.Person(name)
		check(err)
		_, err = w.Add(p, nil)
		check(err)
	}
	check(w.IntroduceAll())
	check(w.Broadcast("Talk to each other."))
	check(w.Run(context.Background(), 2))
	check(w.Broadcast(question))
	check(w.Run(context.Background(), 1))
	fmt.Println(sent, "calls")
}

type counter struct {
	llm.Model
	n *int
}

func (c counter) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	*c.n++
	return c.Model.Generate(ctx, req)
}

func ExampleRecord_Rerun() {
	dir := filepath.Join(os.TempDir(), fmt.Sprint("tinytroupe-rerun-", os.Getpid()))
	defer os.RemoveAll(dir)
	program(dir, "What do you read?")
	program(dir, "What do you read?")  // as it was
	program(dir, "What do you write?") // another ending
	program(dir, "What do you read?")  // and back
	// Output:
	// 6 calls
	// 0 calls
	// 2 calls
	// 0 calls
}
