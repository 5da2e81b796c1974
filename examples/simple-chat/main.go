// Command simple-chat lets two people get to know each other: the study beside it, as
// a program.
package main

import (
	"context"
	"io"
	"log"
	"os"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/examples/cast"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

func main() {
	// For a real model: openai.New("gpt-5-mini", &openai.Options{Key: key}).
	if err := chat(context.Background(), os.Stdout, rehearsal.New(nil)); err != nil {
		log.Fatal(err)
	}
}

// chat shows on out what two people say to each other in four steps.
func chat(ctx context.Context, out io.Writer, model llm.Model) error {
	m, err := mind.New(model, nil)
	if err != nil {
		return err
	}
	show := transcript.NewPrinter(out, &transcript.Options{Steps: 4})
	w := tinytroupe.NewWorld("Chat Room", m, &tinytroupe.Options{
		Start:   time.Date(2026, 3, 2, 19, 0, 0, 0, time.UTC),
		Rules:   tinytroupe.Room{Acquainted: true},
		Observe: func(events []tinytroupe.Event) { show.Events(events...) },
	})
	for _, name := range []string{"lisa", "oscar"} {
		p, err := cast.Person(name)
		if err != nil {
			return err
		}
		if _, err := w.Add(p, nil); err != nil {
			return err
		}
	}
	if err := w.Person("Lisa Carter").Listen("Talk to Oscar to get to know him."); err != nil {
		return err
	}
	if err := w.Run(ctx, 4); err != nil {
		return err
	}
	return show.Close()
}
