package study_test

import (
	"context"
	"errors"
	"iter"
	"reflect"
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

func newPurse(most int) *purse {
	return &purse{Model: rehearsal.New(nil), replies: map[string]*llm.Response{}, most: most}
}

// run runs a study over journals.
func (p *purse) run(t *testing.T, s *study.Study, j journals) error {
	m, err := mind.New(p, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Run(t.Context(), &study.RunOptions{
		Mind:    func(study.Member) tinytroupe.Mind { return m },
		Open:    j.open,
		Extract: p, Judge: p, Rehearsal: true,
	})
	return err
}

// rest estimates what is left of a run.
func (p *purse) rest(t *testing.T, s *study.Study, j journals) *study.Estimate {
	t.Helper()
	e, err := s.Estimate(t.Context(), &study.EstimateOptions{
		Model: rehearsal.New(nil), Known: p.known,
		Open: func(room study.Room) (iter.Seq2[tinytroupe.Event, error], error) {
			_, events, err := j.read(room)
			return events, err
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// TestEstimateRestAnswers: a scene that was begun is estimated with the people who are in
// it, and one of which it is known who will be with those.
func TestEstimateRestAnswers(t *testing.T) {
	s := load(t, `
people: {ann: {persona: {name: Ann}}, bo: {persona: {name: Bo}}, cy: {persona: {name: Cy}}, di: {persona: {name: Di}}}
vars: {topics: [tea, rain]}
questions: {intent: {ask: How likely?, scale: 1..5}}
script:
  - ask: intent
  - scene: likely
    rooms: each
    who: {intent: 3..5}
    do:
      - for: topic in topics
        order: rotate
        do: [{say: "${topic}"}, {run: 1}]
  - scene: others
    who: {not: {intent: 3..5}}
    do: [{run: 2}]
`)
	whole, all := newPurse(-1), journals{}
	if err := whole.run(t, s, all); err != nil {
		t.Fatal(err)
	}
	if n := len(all); n < 3 || n > 5 { // all, others, and those of the likely
		t.Fatalf("%d rooms: answers decide nothing", n)
	}
	for n := 0; n <= whole.paid; n++ {
		p, j := newPurse(n), journals{}
		_ = p.run(t, s, j)
		e := p.rest(t, s, j)
		low, high := e.Sum("")
		p.most = -1
		if err := p.run(t, s, j); err != nil {
			t.Fatal(err)
		}
		left := p.paid - n
		if known := n >= 4; low.Calls > left || high.Calls < left || known && low.Calls != left || known == e.Answers {
			t.Errorf("stopped after %d calls: %d to %d were estimated, and %d made; depends on answers: %t", n, low.Calls, high.Calls, left, e.Answers)
		}
	}
}

// TestEstimateRest stops a run after any number of calls: what is estimated of the rest
// is what going on then calls, and the record stays as it was.
func TestEstimateRest(t *testing.T) {
	s := load(t, looking)
	run := func(p *purse, j journals) error { return p.run(t, s, j) }
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
		e := p.rest(t, s, j)
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
