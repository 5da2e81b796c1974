package judge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
)

// A Monitor judges a proposition as a world runs, at the beginning of steps: as the
// condition of an intervention ([Monitor.When]), or to keep the course of the verdicts
// in the journal ([Monitor.Intervention]).
//
// A verdict that came to nothing (undecided, refused, invalid or failed) ends the run
// with an error, which can be resumed: a condition that counts it as not true would
// change an experiment unnoticed. Of a stand-in's verdict, which is not judged, the
// condition is never true.
type Monitor struct {
	Judge       *Judge // may be nil where the proposition is decided in code
	Proposition *Proposition
	People      []string // judged of each of them who is present; none: of the world

	// Score judges from 0 to 9, as AtLeast and AtMost do; nil sets no limit.
	Score           bool
	AtLeast, AtMost *float64
	Not             bool // the condition is true where the claim does not hold, or the score is not within the limits

	Every int // judges in steps 1, 1+Every, 1+2·Every…; 0 means in each

	// Tolerant counts a verdict that came to nothing as one that does not meet the
	// condition, with Not as well, in place of ending the run.
	Tolerant bool

	// Seen gets each verdict with the number of its step. It may be called concurrently
	// with other monitors'.
	Seen func(step int, v *Verdict)
}

// When is the condition of an intervention: true where the claim holds, or the score is
// within the limits, of anybody it is judged of. The reason tells of whom and why.
func (m *Monitor) When(ctx context.Context, v *tinytroupe.View) (*tinytroupe.Reason, error) {
	verdicts, err := m.judge(ctx, v)
	if err != nil {
		return nil, err
	}
	var reasons []string
	for _, d := range verdicts {
		if m.meets(d) {
			reasons = append(reasons, d.String())
		}
	}
	if len(reasons) == 0 {
		return nil, nil
	}
	return &tinytroupe.Reason{Text: strings.Join(reasons, "\n")}, nil
}

// Intervention returns an intervention that changes nothing: it fires in each step that
// is judged, and its reason, in the journal, is the verdicts, one a line.
func (m *Monitor) Intervention(name string) tinytroupe.Intervention {
	return tinytroupe.Intervention{Name: name, When: func(ctx context.Context, v *tinytroupe.View) (*tinytroupe.Reason, error) {
		verdicts, err := m.judge(ctx, v)
		if err != nil || len(verdicts) == 0 {
			return nil, err
		}
		lines := make([]string, len(verdicts))
		for i, d := range verdicts {
			lines[i] = d.String()
		}
		return &tinytroupe.Reason{Text: strings.Join(lines, "\n")}, nil
	}}
}

func (m *Monitor) judge(ctx context.Context, v *tinytroupe.View) ([]*Verdict, error) {
	if m.Every > 1 && (v.Step()-1)%m.Every != 0 {
		return nil, nil
	}
	j := m.Judge
	if j == nil {
		if m.Proposition.Code == nil {
			return nil, fmt.Errorf("judging %s: the monitor has no judge", m.Proposition.title())
		}
		j = &Judge{}
	}
	var subjects []*Subject
	if len(m.People) == 0 {
		subjects = []*Subject{OfWorld(v)}
	}
	for _, name := range m.People {
		if v.Present(name) {
			subjects = append(subjects, OfPerson(v, name))
		}
	}
	f := j.Check
	if m.scores() {
		f = j.Score
	}
	verdicts, err := Each(ctx, f, m.Proposition, subjects)
	for _, d := range verdicts {
		if d != nil && m.Seen != nil {
			m.Seen(v.Step(), d)
		}
	}
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(verdicts, func(d *Verdict) bool { return !d.Outcome.Judged() && d.Outcome != NotJudged }); i >= 0 && !m.Tolerant {
		d := verdicts[i]
		err := errors.New(d.Reason)
		for _, draw := range d.Draws {
			if draw.Outcome == d.Outcome && draw.Err != nil {
				err = draw.Err
				break
			}
		}
		return nil, fmt.Errorf("judging %s of %s: %s: %w", m.Proposition.title(), d.Subject, d.Outcome, err)
	}
	return verdicts, nil
}

func (m *Monitor) scores() bool { return m.Score || m.AtLeast != nil || m.AtMost != nil }

// meets reports whether a verdict makes the condition true. Only one that says
// something of the people does, and what does not apply never does.
func (m *Monitor) meets(v *Verdict) bool {
	switch v.Outcome {
	case Holds:
		return !m.Not
	case DoesNotHold:
		return m.Not
	case Scored:
		within := (m.AtLeast == nil || *v.Score >= *m.AtLeast) && (m.AtMost == nil || *v.Score <= *m.AtMost)
		return within != m.Not
	}
	return false
}
