// Command brainstorm lets three people look for AI features of a word processor: the
// study beside it as a program, which extracts their ideas and asks a question at its
// end.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/examples/cast"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

func main() {
	name := flag.String("model", "", "a model of OpenAI or of the server at OPENAI_BASE_URL (default: the stand-in)")
	flag.Parse()
	model, err := connect(*name)
	if err != nil {
		log.Fatal(err)
	}
	if err := brainstorm(context.Background(), os.Stdout, model); err != nil {
		log.Fatal(err)
	}
}

// connect returns the model of that name: patient with a busy server, and stopped
// after a hundred calls.
func connect(name string) (llm.Model, error) {
	if name == "" {
		return rehearsal.New(nil), nil
	}
	set, err := config.Load([]string{"config.ini"}, nil)
	if err != nil {
		return nil, err
	}
	m, err := openai.New(name, &openai.Options{BaseURL: set.BaseURL, Key: set.OpenAIKey.Reveal()})
	if err != nil {
		return nil, err
	}
	return llm.Wrap(m, llm.Retry(nil), llm.Limit(llm.NewLimiter(nil)), llm.Spend(llm.NewBudget(&llm.BudgetOptions{Calls: 100}))), nil
}

// An Idea is what is looked for in what they say.
type Idea struct {
	Idea  string   `json:"idea" find:"what it does, in a few words"`
	Helps *string  `json:"helps" find:"whom or what work it helps"`
	Price *float64 `json:"price" find:"what somebody would pay for it a month, in dollars" answer:"number: 0..1000"`
}

// brainstorm shows on out what three people come up with in three rounds, their ideas as
// JSON, and what each would then use.
func brainstorm(ctx context.Context, out io.Writer, model llm.Model) error {
	m, err := mind.New(model, nil)
	if err != nil {
		return err
	}
	rounds := []string{
		"We work on a word processor with artificial intelligence in it, and want to learn from you. Before any ideas, the problems: what do you write at work, and what is difficult or takes too long?",
		"Now the bold part. Suggest features that would help in your trade. Build on what the others said, and say what each feature does.",
		"Take the best idea that you have heard, your own or another's, and settle the details: how it works, what it must never do, what one would pay for it. Which improvements do you propose?",
	}
	show := transcript.NewPrinter(out, &transcript.Options{Steps: len(rounds)})
	w := tinytroupe.NewWorld("Focus group", m, &tinytroupe.Options{
		Rules:   tinytroupe.Room{Acquainted: true},
		Observe: func(events []tinytroupe.Event) { show.Events(events...) },
	})
	for _, name := range []string{"lisa", "oscar", "marcos"} {
		p, err := cast.Person(name)
		if err != nil {
			return err
		}
		if _, err := w.Add(p, nil); err != nil {
			return err
		}
	}
	for _, words := range rounds {
		if err := w.Broadcast(words); err != nil {
			return err
		}
		if err := w.Run(ctx, 1); err != nil {
			return err
		}
	}
	if err := show.Close(); err != nil {
		return err
	}
	// Each value stands on words that the person said; what was not said is null.
	found, err := extract.Into[[]Idea](ctx, model, "each idea for a word processor that the person suggests", extract.EachPerson(w), nil)
	if err != nil {
		return err
	}
	for _, f := range found {
		ideas, ok := f.Value()
		if !ok {
			fmt.Fprintf(out, "ideas of %s: %s\n", f.Subject.Person, f.Outcome)
			continue
		}
		text, err := json.MarshalIndent(ideas, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "ideas of %s: %s\n", f.Subject.Person, text)
	}
	// A question is not part of the talk: nobody hears it, and nobody changes by it.
	for _, name := range w.People() {
		answer, err := w.Person(name).Ask(ctx, tinytroupe.Question{Text: "Would you use such features yourself?"})
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		fmt.Fprintf(out, "%s, asked alone: %s\n", name, answer.Text)
	}
	return nil
}
