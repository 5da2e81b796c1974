package study_test

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"slices"
	"sync"
	"testing"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// purse is a model that answers so many requests, and each of them once.
type purse struct {
	llm.Model
	mu      sync.Mutex
	replies map[string]*llm.Response
	paid    int
	most    int
}

func (p *purse) known(_ study.Role, req *llm.Request) (*llm.Response, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	resp, ok := p.replies[llm.Key("", req)]
	return resp, ok, nil
}

func (p *purse) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	if resp, ok, _ := p.known("", req); ok {
		return resp, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.paid == p.most {
		return nil, &llm.BudgetError{What: "calls"}
	}
	resp, err := p.Model.Generate(ctx, req)
	if err == nil {
		p.paid++
		p.replies[llm.Key("", req)] = resp
	}
	return resp, err
}

// TestEstimateRest stops a run after any number of calls: what is estimated of the rest
// is what going on then calls, and the record stays as it was.
func TestEstimateRest(t *testing.T) {
	s := load(t, looking)
	run := func(p *purse, j journals) error {
		m, err := mind.New(p, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Run(t.Context(), &study.RunOptions{
			Mind: func(study.Member) tinytroupe.Mind { return m },
			Open: func(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
				if j[room.Name()] == nil {
					j[room.Name()] = &log{}
				}
				return j[room.Name()], seq(slices.Clone(j[room.Name()].events)), nil
			},
			Extract: p, Judge: p, Rehearsal: true,
		})
		return err
	}
	newPurse := func(most int) *purse {
		return &purse{Model: rehearsal.New(nil), replies: map[string]*llm.Response{}, most: most}
	}
	whole := newPurse(-1)
	if err := run(whole, journals{}); err != nil {
		t.Fatal(err)
	}
	if whole.paid < 30 {
		t.Fatalf("%d calls", whole.paid)
	}
	for n := 0; n <= whole.paid; n++ {
		p, j := newPurse(n), journals{}
		if err := run(p, j); n < whole.paid && !errors.Is(err, llm.ErrBudget) || n == whole.paid && err != nil {
			t.Fatal(err)
		}
		before := j.lines(t)
		e, err := s.Estimate(t.Context(), &study.EstimateOptions{
			Model: rehearsal.New(nil), Known: p.known,
			Open: func(room study.Room) (iter.Seq2[tinytroupe.Event, error], error) {
				if j[room.Name()] == nil {
					return seq(nil), nil
				}
				return seq(slices.Clone(j[room.Name()].events)), nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(before, j.lines(t)) {
			t.Fatal("the journals changed")
		}
		low, _ := e.Sum("")
		p.most = -1
		if err := run(p, j); err != nil {
			t.Fatal(err)
		}
		if low.Calls != p.paid-n || p.paid != whole.paid {
			t.Errorf("stopped after %d calls: %d were estimated, and %d made", n, low.Calls, p.paid-n)
		}
		for _, x := range e.Steps {
			if x.Step.Word() == "say" {
				t.Errorf("stopped after %d calls: they are counted with %s", n, x.Step.Word())
			}
		}
	}
}
