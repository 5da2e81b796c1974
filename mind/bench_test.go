package mind

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// instant answers at once, never the same twice.
type instant struct{}

func (instant) Name() string { return "test/instant" }

func (instant) Generate(_ context.Context, req *llm.Request) (*llm.Response, error) {
	if req.Label.Purpose == "consolidate" {
		return &llm.Response{Text: `{"summary":"We spoke of many things.","memos":["One thing."]}`, Finish: llm.FinishStop}, nil
	}
	text := fmt.Sprintf(`{"actions":[{"type":"THINK","target":"","content":"What was said in step %[1]d is worth a thought, but %[1]d thoughts are too many for me."},{"type":"TALK","target":"","content":"In step %[1]d I say what number %[1]d makes me think of, and no more."},{"type":"DONE","target":"","content":""}],"state":{"goals":"Get to step %[1]d and beyond.","attention":"Number %[1]d.","emotions":"Calm."}}`, req.Label.Step)
	return &llm.Response{Text: text, Finish: llm.FinishStop}, nil
}

// BenchmarkDecide is prompt and decoding of a turn with an episode of 50 events.
func BenchmarkDecide(b *testing.B) {
	p := first(b)
	for i := 0; len(p.Episode) < 50; i++ {
		p.Episode = append(p.Episode, said("Oscar", strings.Repeat("Some words, \"quoted\". ", 10), at(i)))
		p.Episode = append(p.Episode, did(tinytroupe.Talk, "Oscar", strings.Repeat("Some words. ", 20), at(i), 3*i+1), felt("goals", "attention", "emotions", at(i)))
	}
	m := newMind(b, instant{}, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Decide(context.Background(), p); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTurns is the whole turn: engine, prompt and decoding. People talk in
// eights, and their episodes are consolidated as they grow.
func BenchmarkTurns(b *testing.B) {
	m := newMind(b, instant{}, nil)
	for _, episode := range []int{12_000, 48_000} {
		b.Run(fmt.Sprint(episode), func(b *testing.B) {
			w := tinytroupe.NewWorld("Room", m, &tinytroupe.Options{Episode: episode, Scheduler: tinytroupe.Together{}})
			persona := lisa(b)
			for i := range 8 {
				p, err := persona.With("name", fmt.Sprint("Person ", i))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := w.Add(p, nil); err != nil {
					b.Fatal(err)
				}
			}
			if err := w.IntroduceAll(); err != nil {
				b.Fatal(err)
			}
			if err := w.Run(b.Context(), 100); err != nil { // until episodes have their usual length
				b.Fatal(err)
			}
			turns := 0
			for b.Loop() {
				if err := w.Run(b.Context(), 1); err != nil {
					b.Fatal(err)
				}
				turns += 8
			}
			b.ReportMetric(float64(turns)/b.Elapsed().Seconds(), "turns/s")
		})
	}
}
