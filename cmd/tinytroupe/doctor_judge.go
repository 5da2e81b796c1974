package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/judge"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

// judging is how a model judges the gold set, whose verdicts are known.
type judging struct {
	Model    string         `json:"model"`
	Items    int            `json:"items"`
	Right    int            `json:"right"`
	Accuracy *float64       `json:"accuracy"` // of all that was asked; null where a stand-in judged
	Kappa    *float64       `json:"kappa"`    // on what came to a verdict; null where it is not defined
	Error    *float64       `json:"kappa_error,omitempty"`
	Verdicts int            `json:"verdicts"` // that Kappa is of
	Outcomes map[string]int `json:"outcomes"`
}

// judge tries the model on the gold set. How well it judges is no question of whether a
// run would work.
func (d *diagnosis) judge(ctx context.Context, p *program, c choice, st *stack, s *config.Settings) {
	items, err := judge.Gold()
	if err != nil {
		d.fail("judge", err)
		return
	}
	m := llm.Model(rehearsal.New(nil))
	if !c.rehearsal() {
		price, known := d.prices(c.name)
		var l caps
		switch {
		case !known:
			fmt.Fprintf(d.w, "        now %s judges %s; the price is not known\n", c.name, count(len(items), "transcript"))
		case price != (llm.Price{}):
			l.usd = foundCap
			fmt.Fprintf(d.w, "        now %s judges %s, which costs some cents, and is stopped at %s\n", c.name, count(len(items), "transcript"), usd(foundCap))
		}
		m = llm.Wrap(st.model, llm.Retry(&llm.RetryOptions{Attempts: s.MaxAttempts}),
			llm.Limit(p.limits.at(st.endpoint, max(s.MaxConcurrent, 0))), llm.Spend(p.budget(s, l, llm.Spent{}, c.name)))
	}
	j, err := judge.New(m, &judge.Options{Rehearsal: c.rehearsal()})
	if err != nil {
		d.fail("judge", err)
		return
	}
	r, err := judge.Agreement(ctx, j, items)
	d.Judge = judged(c.name, r)
	d.report(r)
	if errors.Is(err, llm.ErrBudget) {
		d.note("judge", "", "stopped at its own cap, which is no cap of a run: %v", err)
	} else if err != nil {
		d.fail("judge", err)
	}
}

func judged(model string, r *judge.Report) *judging {
	g := &judging{Model: model, Items: len(r.Items), Right: r.Correct, Verdicts: r.Table.N, Outcomes: map[string]int{}}
	if a, ok := r.Accuracy(); ok {
		g.Accuracy = &a
	}
	if k, ok := r.Table.Kappa(); ok {
		g.Kappa = &k
		if e, ok := r.Table.Error(); ok {
			g.Error = &e
		}
	}
	for _, v := range r.Got {
		outcome := "not asked"
		if v != nil {
			outcome = string(v.Outcome)
		}
		g.Outcomes[outcome]++
	}
	return g
}

// report says what the judge is worth: what it got right, against what guessing gets.
func (d *diagnosis) report(r *judge.Report) {
	text := strings.TrimRight(r.String(), "\n")
	most := 0
	right := map[judge.Outcome]int{}
	for _, it := range r.Items {
		right[it.Verdict]++
		most = max(most, right[it.Verdict])
	}
	a, ok := r.Accuracy()
	switch {
	case !ok:
		d.note("judge", "name a model that judges: --model PROVIDER/NAME", "%s", text)
	case r.Table.N == 0:
		d.note("judge", "let another model judge: model: {judge: PROVIDER/NAME} in the study", "%s", text)
	case a <= float64(most)/float64(len(r.Items)):
		d.note("judge", "let another model judge: model: {judge: PROVIDER/NAME} in the study",
			"%s\nno better than always saying the same, which is right in %d of %d", text, most, len(r.Items))
	default:
		d.ok("judge", "%s\nthe set has clear cases only: one who passes may fail on hard ones", text)
	}
}
