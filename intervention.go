package tinytroupe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
)

// A Reason says why an intervention fires.
type Reason struct{ Text string }

// An Intervention watches a world and acts upon it when its condition holds. When
// and Then see a view of the step that begins; Then also sees the effects of
// interventions before it.
type Intervention struct {
	Name     string                                               // unique in its world, else Run is an error; journalled
	When     func(ctx context.Context, v *View) (*Reason, error)  // a nil Reason: not now; nil holds always
	Then     func(ctx context.Context, v *View) ([]Effect, error) // nil does nothing
	Once     bool                                                 // at most one firing
	Cooldown int                                                  // steps that must lie between firings
	Most     int                                                  // at most this many firings; 0 means no limit
}

func (iv *Intervention) ready(s *state) bool {
	f := s.fired[iv.Name]
	switch {
	case f.times == 0:
		return true
	case iv.Once, iv.Most > 0 && f.times >= iv.Most:
		return false
	}
	return s.step > f.last+iv.Cooldown
}

// intervene evaluates the conditions on one view, concurrently, and applies the
// effects of those that hold, in order.
func (w *World) intervene(ctx context.Context, tx *commit) error {
	ivs := w.opts.Interventions
	reasons := make([]*Reason, len(ivs))
	errs := make([]error, len(ivs))
	var wg sync.WaitGroup
	for i := range ivs {
		if slices.ContainsFunc(ivs[:i], func(iv Intervention) bool { return iv.Name == ivs[i].Name }) {
			errs[i] = errors.New("two have this name")
		} else if !ivs[i].ready(tx.s) {
			continue
		} else if ivs[i].When == nil {
			reasons[i] = &Reason{}
		} else {
			wg.Go(func() {
				reasons[i], errs[i] = guard("when", func() (*Reason, error) { return ivs[i].When(ctx, &View{tx.s}) })
			})
		}
	}
	wg.Wait()
	for i := range ivs {
		if errs[i] == nil && reasons[i] == nil {
			continue
		}
		err := errs[i]
		if err == nil {
			tx.emit(Event{Kind: EventFired, Fired: &Fired{ivs[i].Name, reasons[i].Text}})
			if ivs[i].Then == nil {
				continue
			}
			var effects []Effect
			effects, err = guard("then", func() ([]Effect, error) { return ivs[i].Then(ctx, &View{tx.s}) })
			if err == nil {
				err = tx.effects("", effects)
			}
		}
		if drain.Ended(ctx, err) {
			return w.interrupted(ctx, tx.s.step)
		}
		if err != nil {
			return fmt.Errorf("step %d: intervention %q: %w", tx.s.step, ivs[i].Name, err)
		}
	}
	return nil
}
