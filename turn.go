package tinytroupe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/internal/trigram"
)

const (
	mostPasses = 4  // decisions within one turn
	mostActs   = 15 // acts within one turn, the closing DONE included

	failedTurn          = "turn"
	failedConsolidation = "consolidation"
)

// A TurnError is why a run stopped: what went wrong in whose turn.
type TurnError struct {
	Step   int
	Person string
	Err    error
}

func (e *TurnError) Error() string { return fmt.Sprintf("step %d: %s: %v", e.Step, e.Person, e.Err) }

func (e *TurnError) Unwrap() error { return e.Err }

// A proposal is what came of a turn, before anything is committed.
type proposal struct {
	name      string
	seen      int // everything up to this Seq was shown
	passes    []pass
	fold      *Consolidation // of the oldest foldCount events of the episode
	foldCount int
	foldDue   *due
	foldErr   error
	err       error // the turn came to nothing
	cut       bool  // by the end of the context, which is no failure
	borne     bool  // the error is tolerated
}

// A pass is one decision, tidied.
type pass struct {
	acts    []Action // DONE left out; the last one yields if yields is set
	calls   []string
	state   *MentalState
	yields  bool
	effects []Effect // of the act that yields
	during  bool     // there was a pass after it, which saw the result
	done    *Action  // closes the turn
}

// turn lets a person perceive and decide. Nothing changes by it; base is shared
// with the other turns of the round.
func (w *World) turn(ctx context.Context, base *state, name string, round int) *proposal {
	p := &proposal{name: name, seen: base.seq}
	if err := w.decide(ctx, base, p, round); err != nil {
		p.err = err
	}
	return p
}

func (w *World) decide(ctx context.Context, base *state, p *proposal, round int) error {
	b, st := base.body(p.name), w.seats[p.name]
	per, err := w.perceive(ctx, base, b, p)
	if err != nil {
		return err
	}
	var draft *commit // made when a pass yields
	recent, total := b.recent, 0
	for n := 1; ; n++ {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		d, err := guard("mind", func() (*Decision, error) { return st.mind.Decide(ctx, per) })
		if err != nil {
			return err
		}
		if d == nil {
			return errors.New("the mind decided nothing")
		}
		ps := pass{calls: slices.Clone(d.Calls), state: d.State, during: n < mostPasses}
		var done *Action
		ps.acts, done, recent = tidy(d.Actions, recent, b.news, mostActs-1-total, st.yields)
		total += len(ps.acts)
		if k := len(ps.acts); k > 0 && st.yields[ps.acts[k-1].Kind] {
			ps.yields = true
			if draft == nil {
				draft = &commit{w: w, s: base.branch(), round: round}
			}
			a := ps.acts[k-1]
			effects, err := perform(ctx, st.owner[a.Kind], &View{draft.s}, p.name, a)
			switch cause := context.Cause(ctx); {
			case isPanic(err):
				return err
			case err != nil && cause != nil:
				return cause
			case err != nil:
				effects = []Effect{told(p.name, refusal(a, err))}
			case !slices.ContainsFunc(effects, func(e Effect) bool { return bringsBack(e, p.name) }):
				effects = append(slices.Clone(effects), told(p.name, string(a.Kind)+" is done."))
			}
			ps.effects = effects
		}
		last := !ps.yields || n == mostPasses || total >= mostActs-1
		if last {
			ps.during = false
			if done == nil {
				done = &Action{Kind: Done}
			}
			ps.done = done
			if len(ps.acts) == 0 {
				// A turn that keeps nothing still has an act, which carries what was seen.
				ps.acts, ps.done = []Action{*done}, nil
			} else if !ps.yields {
				ps.acts, ps.done = append(ps.acts, *done), nil
			}
		}
		p.passes = append(p.passes, ps)
		if last {
			return nil
		}
		if per, err = w.again(per, draft, p, &p.passes[n-1]); err != nil {
			return err
		}
		per.Reminders = []string{fmt.Sprintf("This is the same turn. You may look things up %d more times before it ends.", mostPasses-1-n)}
	}
}

// perceive gathers what a person perceives at the start of a turn, once their
// consolidation is ready.
func (w *World) perceive(ctx context.Context, base *state, b *body, p *proposal) (*Perception, error) {
	per := base.perception(b)
	if j := w.jobs[b.name]; j != nil {
		select {
		case <-j.done:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		switch {
		case j.due != b.due: // another past came in between
		case j.err == nil:
			p.fold, p.foldCount, p.foldDue = j.out, j.count, j.due
			per.Summary, per.Episode = j.out.Summary, per.Episode[j.count:]
		case drain.Ended(ctx, j.err):
			return nil, context.Cause(ctx)
		default:
			j.reported = true
			p.foldErr = fmt.Errorf("%s: %w", failedConsolidation, j.err)
			if ok, err := w.tolerates(j.err); !ok {
				return nil, errors.Join(p.foldErr, err)
			}
		}
	}
	per.Stimuli = unseen(b)
	per.Acts = w.seats[b.name].acts
	return per, recall(ctx, w.seats[b.name].memory, per)
}

func unseen(b *body) []Stimulus {
	stimuli := make([]Stimulus, 0, len(b.inbox))
	for i := range b.inbox {
		if s, ok := b.inbox[i].Perceived(b.name); ok {
			stimuli = append(stimuli, s)
		}
	}
	return stimuli
}

// recall asks the person's memory, if there is one, for what bears on the moment.
func recall(ctx context.Context, m Memory, per *Perception) error {
	if m == nil {
		return nil
	}
	var words []string
	for _, s := range per.Stimuli {
		words = append(words, s.Content)
	}
	words = append(words, per.State.Goals, per.State.Attention)
	words = append(words, per.Situation.Context...)
	memos, err := guard("search", func() ([]Memo, error) {
		return m.Search(ctx, Query{Text: strings.TrimSpace(strings.Join(words, "\n"))})
	})
	if err != nil {
		return fmt.Errorf("memory: %w", err)
	}
	per.Memos = memos
	return nil
}

// again returns the perception of the pass after ps, with what it did in the draft.
func (w *World) again(per *Perception, draft *commit, p *proposal, ps *pass) (*Perception, error) {
	next := *per
	next.Draft = slices.Clip(per.Draft)
	add := func(ev Event) {
		ev.Seq, ev.Step, ev.Round, ev.Time = 0, draft.s.step, draft.round, draft.s.now
		next.Draft = append(next.Draft, ev)
	}
	for i := range ps.acts {
		ev := Event{Kind: EventActed, Who: p.name, Action: &ps.acts[i]}
		if len(next.Draft) == 0 {
			ev.Seen = p.seen
		}
		if i == 0 {
			ev.Calls = ps.calls
		}
		add(ev)
	}
	if ps.state != nil {
		add(Event{Kind: EventState, Who: p.name, State: ps.state})
	}
	from := len(draft.events)
	a := ps.acts[len(ps.acts)-1]
	ps.effects = slices.Clone(ps.effects)
	for i, e := range ps.effects {
		if err := draft.effect(p.name, e, true); err != nil {
			// It was shown to have failed, so it stays failed.
			ps.effects[i] = told(p.name, refusal(a, err))
			if err := draft.effect(p.name, ps.effects[i], true); err != nil {
				return nil, err
			}
		}
	}
	for _, ev := range draft.events[from:] {
		if ev.During {
			add(ev)
		}
	}
	return &next, nil
}

// tidy keeps the acts that make sense: at most room of them, one per kind and target,
// to which the words of further ones are added, no empty words, none repeated unless
// there are news since, nothing after an act that yields. DONE is taken out. It returns
// the acts kept, the DONE if there was one, and the words to compare later ones with.
func tidy(acts []Action, recent said, news func(since int) bool, room int, yields map[ActionKind]bool) ([]Action, *Action, said) {
	kept := make([]Action, 0, len(acts)+1)
	var done *Action
	taken := make(map[slot]int, len(acts))
	for _, a := range acts {
		a.Kind = ActionKind(strings.ToUpper(strings.TrimSpace(string(a.Kind))))
		if a.Kind == Done {
			done = &Action{Kind: Done, Content: a.Content}
			continue
		}
		at := slotOf(&a)
		i, more := taken[at]
		spoken := a.Kind == Talk || a.Kind == Think
		if a == (Action{}) || spoken && strings.TrimSpace(a.Content) == "" || more && !spoken || !more && len(kept) == room {
			continue
		}
		t := trigram.Of(a.Content)
		if seen, again := recent.repeats(at, t); again && !news(seen) {
			continue
		}
		if t != nil {
			recent = recent.with(at, words{t: t})
		}
		if more {
			if !strings.Contains(kept[i].Content, a.Content) {
				kept[i].Content += "\n" + a.Content
			}
			continue
		}
		taken[at] = len(kept)
		kept = append(kept, a)
		if yields[a.Kind] {
			done = nil
			break
		}
	}
	return kept, done, recent
}
