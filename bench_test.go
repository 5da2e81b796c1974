package tinytroupe_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/examples/cast"
	"github.com/tinytroupe-go/tinytroupe/internal/cputime"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/record"
)

// instant answers at once with a decision of about a hundred tokens, each a
// different one.
type instant struct{ n atomic.Int64 }

func (*instant) Name() string { return "instant" }

func (m *instant) Generate(context.Context, *llm.Request) (*llm.Response, error) {
	n := m.n.Add(1)
	return &llm.Response{Finish: llm.FinishStop, Model: "instant", Text: fmt.Sprintf(`{"actions":[`+
		`{"type":"THINK","target":"","content":"Thought %d is about what was said, and about why %d matters more than %d."},`+
		`{"type":"TALK","target":"","content":"Remark %d, on the subject of %d: I see it much as you do, though %d reasons speak against it, and I would rather wait and see."},`+
		`{"type":"DONE","target":"","content":""}],`+
		`"state":{"goals":"to get to number %d","attention":"what was said last","emotions":"calm and curious"}}`, n, n, n, n*7, n*11, n*13, n+1)}, nil
}

func people(tb testing.TB) []tinytroupe.Persona {
	tb.Helper()
	var ps []tinytroupe.Persona
	for _, name := range cast.Names() {
		p, err := cast.Person(name)
		if err != nil {
			tb.Fatal(err)
		}
		ps = append(ps, p)
	}
	return ps
}

// BenchmarkTurn is a whole turn: engine, prompt, decoding, journal on disk; an
// instant model; 8 people who act together and all talk to everyone. Compare the figures for few
// and for many steps: they must not grow.
func BenchmarkTurn(b *testing.B) {
	for _, steps := range []int{20, 200, 2000} {
		b.Run(fmt.Sprintf("steps=%d", steps), func(b *testing.B) {
			benchmarkTurns(b, steps, true)
		})
	}
}

// BenchmarkEngine is a turn of the engine alone, with the journal on disk.
func BenchmarkEngine(b *testing.B) {
	for _, steps := range []int{20, 200, 2000} {
		b.Run(fmt.Sprintf("steps=%d", steps), func(b *testing.B) {
			benchmarkTurns(b, steps, false)
		})
	}
}

type quick struct{ n atomic.Int64 }

func (q *quick) Decide(context.Context, *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	n := q.n.Add(1)
	return &tinytroupe.Decision{
		Actions: []tinytroupe.Action{{Kind: tinytroupe.Talk, Content: fmt.Sprintf("Remark %d, on the subject of %d: %s", n, n*7, strings.Repeat(fmt.Sprint(n, " "), 10))}},
		State:   &tinytroupe.MentalState{Goals: fmt.Sprint(n), Attention: "what was said", Emotions: "calm"},
	}, nil
}

func (q *quick) Consolidate(_ context.Context, p *tinytroupe.Perception, _ []tinytroupe.Event) (*tinytroupe.Consolidation, error) {
	return &tinytroupe.Consolidation{Summary: fmt.Sprintf("By step %d much was said.", p.Step)}, nil
}

// summing adds to a model-made mind a consolidation without a model, so that an
// ordinary turn stays one call.
type summing struct {
	tinytroupe.Mind
	*quick
}

func (s summing) Decide(ctx context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	return s.Mind.Decide(ctx, p)
}

func benchmarkTurns(b *testing.B, steps int, whole bool) {
	ps := people(b)
	var m tinytroupe.Mind = &quick{}
	if whole {
		lm, err := mind.New(&instant{}, nil)
		if err != nil {
			b.Fatal(err)
		}
		m = summing{lm, &quick{}}
	}
	turns, events, bytes, used := 0, 0, int64(0), time.Duration(0)
	for b.Loop() {
		b.StopTimer()
		rec, err := record.Create(filepath.Join(b.TempDir(), "r"), &record.Manifest{}, nil)
		if err != nil {
			b.Fatal(err)
		}
		j, err := rec.Journal("room")
		if err != nil {
			b.Fatal(err)
		}
		w := tinytroupe.NewWorld("Room", m, &tinytroupe.Options{Scheduler: tinytroupe.Together{}, Journal: j, Observe: func(evs []tinytroupe.Event) { events += len(evs) }})
		for _, p := range ps {
			if _, err := w.Add(p, nil); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.IntroduceAll(); err != nil {
			b.Fatal(err)
		}
		before := cputime.Used()
		b.StartTimer()
		if err := w.Run(b.Context(), steps); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		used += cputime.Used() - before
		turns += steps * len(ps)
		if err := rec.Close(); err != nil {
			b.Fatal(err)
		}
		files, err := filepath.Glob(rec.Path("worlds/*"))
		if err != nil {
			b.Fatal(err)
		}
		for _, f := range files {
			if fi, err := os.Stat(f); err == nil {
				bytes += fi.Size()
			}
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(turns)/b.Elapsed().Seconds(), "turns/s")
	b.ReportMetric(float64(used.Microseconds())/float64(turns), "µs-cpu/turn")
	b.ReportMetric(float64(bytes)/float64(events), "B/event")
	b.ReportMetric(0, "ns/op")
}
