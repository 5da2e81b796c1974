package tinytroupe

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
)

// Run lets the people act for a number of steps. A step that an earlier call left
// open is finished first and counts as one. When it fails, no new call is started,
// those in flight finish, and the open step is left for the next Run or Resume; the
// error is a *TurnError where it came from somebody's turn. A context that ends
// is no failure of anybody: the round is left and its work is done again.
func (w *World) Run(ctx context.Context, steps int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx, stop := drain.With(ctx)
	defer stop()
	defer w.join(ctx)
	w.consolidate(ctx, w.st.people)
	for range steps {
		if err := w.runStep(ctx, stop); err != nil {
			stop()
			return err
		}
	}
	return nil
}

func (w *World) runStep(ctx context.Context, stop func()) error {
	if !w.st.open {
		if err := w.interrupted(ctx, w.st.step+1); err != nil {
			return err
		}
		if err := w.openStep(ctx); err != nil {
			return err
		}
	}
	for w.st.open {
		if err := w.interrupted(ctx, w.st.step); err != nil {
			return err
		}
		i, who := w.st.nextRound()
		if err := w.runRound(ctx, stop, i+1, who); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) interrupted(ctx context.Context, step int) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("step %d: interrupted: %w", step, err)
	}
	return nil
}

// openStep commits the clock, and what the interventions do.
func (w *World) openStep(ctx context.Context) error {
	step := w.st.step + 1
	r := generator(w.st.clock.Seed, w.key(), step, "schedule")
	rounds := w.opts.Scheduler.Rounds(&View{w.st}, step, r)
	tx := w.begin()
	tx.s.step = step
	tx.s.now = tx.s.now.Add(tx.s.stepLen)
	if err := tx.emit(Event{Kind: EventClock, Clock: &Clock{Rounds: rounds}}); err != nil {
		return fmt.Errorf("step %d: %w", step, err)
	}
	if err := w.intervene(ctx, tx); err != nil {
		return err
	}
	if err := tx.finish(); err != nil {
		return fmt.Errorf("step %d: %w", step, err)
	}
	return nil
}

func (w *World) key() string {
	if w.opts.Key != "" {
		return w.opts.Key
	}
	return w.st.clock.Name
}

// runRound lets the members of a round decide concurrently, and commits what they
// decided in schedule order.
func (w *World) runRound(ctx context.Context, stop func(), round int, who []string) error {
	base, step := w.st, w.st.step
	proposals := make([]*proposal, len(who))
	var stopped atomic.Bool
	take := func(i int) {
		proposals[i] = w.turn(ctx, base, who[i], round)
		if err := proposals[i].err; err != nil && !w.tolerates(err) && context.Cause(ctx) == nil {
			stopped.Store(true)
			stop() // nothing new is begun
		}
	}
	if len(who) == 1 {
		take(0)
	} else {
		var wg sync.WaitGroup
		for i := range who {
			wg.Go(func() { take(i) })
		}
		wg.Wait()
	}
	cut := false
	for _, p := range proposals {
		switch {
		case p.err == nil || w.tolerates(p.err):
		case stopped.Load() && !ended(p.err):
			return &TurnError{step, p.name, p.err}
		default:
			cut = true
		}
	}
	if cut {
		return w.interrupted(ctx, step)
	}
	tx := w.begin()
	tx.round = round
	for _, p := range proposals {
		if err := tx.turn(p); err != nil {
			return &TurnError{step, p.name, err}
		}
	}
	if err := tx.finish(); err != nil {
		return fmt.Errorf("step %d: %w", step, err)
	}
	w.settle(ctx, proposals)
	return nil
}

// tolerates reports whether a turn may fail with err.
func (w *World) tolerates(err error) bool {
	return w.opts.Tolerate != nil && !ended(err) && w.opts.Tolerate(err)
}

// ended reports whether err is the end of a context, which is nobody's failure.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, drain.ErrStopped)
}
