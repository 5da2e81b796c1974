package tinytroupe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
)

// Run lets the people act for a number of steps; below 1 it does nothing. A step
// that an earlier call left open is finished first and counts as one. When it fails,
// no new call is started, those in flight finish, and the open step is left for the
// next Run or Resume; the error is a *TurnError where it came from somebody's turn.
// A context that ends is no failure of anybody: the round is left, its work is done
// again, and the error wraps the context's cause.
func (w *World) Run(ctx context.Context, steps int) error {
	w.changing.Lock()
	defer w.changing.Unlock()
	if steps < 1 {
		return nil
	}
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
	rounds, err := guard("scheduler", func() ([][]string, error) { return w.opts.Scheduler.Rounds(&View{w.st}, step, r), nil })
	if err != nil {
		return fmt.Errorf("step %d: %w", step, err)
	}
	rounds = arranged(rounds)
	tx := w.begin()
	tx.s.step = step
	if err := tx.pass(tx.s.stepLen); err != nil {
		return fmt.Errorf("step %d: %w", step, err)
	}
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

// arranged copies a scheduler's rounds, with each person in a round once.
func arranged(rounds [][]string) [][]string {
	rounds = slices.Clone(rounds)
	for i, who := range rounds {
		met := make(map[string]bool, len(who))
		rounds[i] = make([]string, 0, len(who))
		for _, name := range who {
			if !met[name] {
				met[name] = true
				rounds[i] = append(rounds[i], name)
			}
		}
	}
	return rounds
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
		p := w.turn(ctx, base, who[i], round)
		proposals[i] = p
		w.judge(ctx, p)
		if p.fails() && context.Cause(ctx) == nil {
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
		if p.fails() && stopped.Load() {
			return &TurnError{step, p.name, p.err}
		}
		cut = cut || p.cut || p.fails()
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

// fails reports whether a turn failed in a way that is not tolerated.
func (p *proposal) fails() bool { return p.err != nil && !p.cut && !p.borne }

// judge says what the error of a turn is.
func (w *World) judge(ctx context.Context, p *proposal) {
	if p.cut = drain.Ended(ctx, p.err); p.err == nil || p.cut {
		return
	}
	var err error
	if p.borne, err = w.tolerates(p.err); err != nil {
		p.err = errors.Join(p.err, err)
	}
}

func (w *World) tolerates(err error) (bool, error) {
	if w.opts.Tolerate == nil {
		return false, nil
	}
	return guard("tolerate", func() (bool, error) { return w.opts.Tolerate(err), nil })
}
