package tinytroupe

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
)

// commit gathers events on a copy of the state. All of them happen, or none.
type commit struct {
	w      *World
	s      *state
	round  int
	events []Event
	err    error // why it cannot be: nothing is journalled
}

func (w *World) begin() *commit {
	tx := &commit{w: w, s: w.st.extend()}
	if tx.s.seq == 0 {
		clock := tx.s.clock
		tx.emit(Event{Kind: EventClock, Clock: &Clock{World: &clock}})
	}
	return tx
}

func (tx *commit) emit(ev Event) error {
	ev.Seq, ev.Step, ev.Round, ev.Time = tx.s.seq+1, tx.s.step, tx.round, tx.s.now
	legible(&ev)
	if err := tx.s.apply(ev, tx.w.opts.Episode); err != nil {
		return tx.fail(err)
	}
	tx.events = append(tx.events, ev)
	return nil
}

// fail makes the commit impossible.
func (tx *commit) fail(err error) error {
	tx.err = cmp.Or(tx.err, err)
	return err
}

// legible makes an event's own copy of what it was given, without what no journal
// can keep: a world must not remember other words than its journal holds.
func legible(ev *Event) {
	text := func(s *string) { *s = strings.ToValidUTF8(*s, "\ufffd") }
	list := func(l *[]string) {
		if *l = slices.Clone(*l); len(*l) == 0 {
			*l = nil
		}
		for i := range *l {
			text(&(*l)[i])
		}
	}
	text(&ev.Place)
	text(&ev.Relation)
	list(&ev.Context)
	list(&ev.Calls)
	if a := own(&ev.Action); a != nil {
		text((*string)(&a.Kind))
		text(&a.Target)
		text(&a.Content)
	}
	if s := own(&ev.Stimulus); s != nil {
		text((*string)(&s.Kind))
		text(&s.Source)
		text(&s.Content)
		s.Images = slices.Clone(s.Images)
	}
	if s := own(&ev.State); s != nil {
		text(&s.Goals)
		text(&s.Attention)
		text(&s.Emotions)
	}
	if m := own(&ev.Memo); m != nil {
		text(&m.Content)
		text(&m.Source)
	}
	if f := own(&ev.Folded); f != nil {
		text(&f.Summary)
	}
	if f := own(&ev.Fired); f != nil {
		text(&f.Name)
		text(&f.Reason)
	}
	if f := own(&ev.Failure); f != nil {
		text(&f.What)
		text(&f.Cause)
	}
	if a := own(&ev.Artifact); a != nil {
		text(&a.Name)
		text(&a.MediaType)
	}
}

// own puts a copy in place of what p points to.
func own[T any](p **T) *T {
	if *p != nil {
		c := **p
		*p = &c
	}
	return *p
}

// pass lets simulated time pass.
func (tx *commit) pass(d time.Duration) error {
	now := tx.s.now.Add(d)
	if now.Year() > 9999 {
		return fmt.Errorf("%v from %v: no journal can hold a time after the year 9999", d, tx.s.now)
	}
	tx.s.now = now
	return nil
}

// finish journals the events and makes the copy the world's state.
func (tx *commit) finish() error {
	w, n := tx.w, len(tx.events)
	if n == 0 || tx.err != nil {
		return tx.err
	}
	tx.events[n-1].End = true
	tx.s.log[len(tx.s.log)-1].End = true
	tx.s.endCommit(w.opts.Episode)
	if w.opts.Journal != nil {
		if err := safely("append", func() error { return w.opts.Journal.Append(tx.events...) }); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	w.mu.Lock()
	w.st = tx.s
	w.mu.Unlock()
	for _, ev := range tx.events {
		if ev.Kind != EventMemo || w.seats[ev.Who].memory == nil {
			continue
		}
		if err := safely("memory", func() error { w.seats[ev.Who].memory.Add(*ev.Memo); return nil }); err != nil {
			return fmt.Errorf("%s: %w", ev.Who, err)
		}
	}
	if w.opts.Observe == nil {
		return nil
	}
	return safely("observer", func() error { w.opts.Observe(tx.events); return nil })
}

// enter lets a person join, and the rules greet them.
func (tx *commit) enter(p Persona, st *seat) error {
	name := p.Name()
	if st != nil {
		tx.w.mu.Lock()
		tx.w.seats[name] = st
		tx.w.mu.Unlock()
	}
	if err := tx.emit(Event{Kind: EventJoined, Who: name, Persona: &p}); err != nil {
		return err
	}
	if g, ok := tx.w.opts.Rules.(Greeter); ok {
		effects, err := guard("rules", func() ([]Effect, error) { return g.Greet(&View{tx.s}, name), nil })
		if err == nil {
			err = tx.effects(name, effects)
		}
		if err != nil {
			return tx.fail(err) // not an error of the effect: somebody has joined by it
		}
	}
	return nil
}

func (tx *commit) effects(actor string, effects []Effect) error {
	for _, e := range effects {
		if err := tx.effect(actor, e, false); err != nil {
			return err
		}
	}
	return nil
}

func nobody(name string) error { return fmt.Errorf("nobody called %q is here", name) }

// audience returns names, each once, so that nobody perceives anything twice.
func (tx *commit) audience(actor string, names []string) ([]string, error) {
	to := make([]string, 0, len(names))
	met := make(map[string]bool, len(names))
	all := slices.Contains(names, Everyone)
	for _, n := range names {
		if n != Everyone && tx.s.body(n) == nil {
			return nil, nobody(n)
		}
		if met[n] || all && n != Everyone && n != actor && tx.s.present(n) {
			continue
		}
		met[n] = true
		to = append(to, n)
	}
	return to, nil
}

// effect turns an effect into events. An error leaves nothing of it behind.
func (tx *commit) effect(actor string, e Effect, during bool) error {
	who := func(name string) (string, error) {
		if name == "" {
			name = actor
		}
		if tx.s.body(name) == nil {
			return "", nobody(name)
		}
		return name, nil
	}
	ev := Event{}
	var err error
	switch e := e.(type) {
	case Tell:
		ev = Event{Kind: EventPerceived, Stimulus: &e.Stimulus, During: during && bringsBack(e, actor)}
		if slices.Contains(e.To, Everyone) {
			ev.Who = actor
		}
		ev.To, err = tx.audience(actor, e.To)
	case Introduce:
		ev = Event{Kind: EventLinked, Relation: e.Relation}
		if ev.Who, err = who(e.Who); err == nil {
			ev.To, err = tx.audience(ev.Who, e.To)
		}
	case Part:
		ev.Kind = EventParted
		if ev.Who, err = who(e.Who); err == nil {
			ev.To, err = tx.audience(ev.Who, e.To)
		}
	case Join:
		return tx.rejoin(e.Persona)
	case Leave:
		ev.Kind = EventLeft
		if ev.Who, err = who(e.Who); err == nil && !tx.s.present(ev.Who) {
			err = fmt.Errorf("%s is not here", ev.Who)
		}
	case Move:
		ev = Event{Kind: EventMoved, Place: e.Place, Context: e.Context}
		ev.Who, err = who(e.Who)
	case SetContext:
		ev = Event{Kind: EventContext, Context: e.Context}
		ev.Who, err = who(e.Who)
	case Edit:
		ev.Kind = EventEdited
		var value json.RawMessage
		if ev.Who, err = who(e.Who); err == nil {
			value, err = rawjson.Marshal(e.Value)
		}
		if err == nil {
			var p Persona
			if p, err = tx.s.body(ev.Who).persona.With(e.Path, value); err == nil && p.Name() != ev.Who {
				err = errors.New("a name cannot be changed")
			}
		}
		ev.Edit = &PersonaEdit{e.Path, value}
	case Remember:
		m := e.Memo
		ev = Event{Kind: EventMemo, Memo: &m}
		if m.Time.IsZero() {
			m.Time = tx.s.now
		}
		ev.Who, err = who(e.Who)
	case Carry:
		ev = Event{Kind: EventCarried, Past: e.Past.carried()}
		ev.Who, err = who(e.Who)
	case Produce:
		sum := sha256.Sum256(e.Data)
		a := &Artifact{Name: e.Name, MediaType: e.MediaType, Hash: hex.EncodeToString(sum[:]), Size: len(e.Data)}
		ev = Event{Kind: EventProduced, Artifact: a}
		ev.Who, err = who(e.Who)
		switch store := tx.w.opts.Store; {
		case err != nil:
		case store == nil:
			err = errors.New("this world has no store for artifacts")
		case !tx.s.draft:
			if err := safely("keep", func() error { return store(a.Hash, e.Data) }); err != nil {
				return tx.fail(fmt.Errorf("store: %w", err)) // no fault of the actor's
			}
		}
	case Note:
		var value json.RawMessage
		ev.Kind = EventNoted
		if ev.Who, err = who(e.Who); err == nil {
			value, err = rawjson.Marshal(e.Value)
		}
		ev.Note = &FacultyNote{e.Faculty, value}
	default:
		err = fmt.Errorf("unknown effect %T", e)
	}
	if err != nil {
		return err
	}
	return tx.emit(ev)
}

// rejoin lets a newcomer join, or somebody who left return.
func (tx *commit) rejoin(p Persona) error {
	name := p.Name()
	if err := checkPersonName(name); err != nil {
		return err
	}
	if tx.s.present(name) {
		return fmt.Errorf("%s is here already", name)
	}
	var st *seat
	if tx.w.seats[name] == nil && !tx.s.draft {
		var err error
		if st, err = tx.w.seatFor(name, nil); err != nil {
			return err
		}
	}
	return tx.enter(p, st)
}

// told lets a person know what came of an act.
func told(name, content string) Tell {
	return Tell{[]string{name}, Stimulus{Kind: Result, Content: content}}
}

// bringsBack reports whether e tells the actor, and nobody else, what came of an act.
func bringsBack(e Effect, actor string) bool {
	t, ok := e.(Tell)
	return ok && len(t.To) == 1 && t.To[0] == actor
}

// turn commits what a person decided.
func (tx *commit) turn(p *proposal) error {
	if p.err != nil {
		return tx.emit(Event{Kind: EventFailed, Who: p.name, Failure: &Failure{failedTurn, p.err.Error()}})
	}
	switch {
	case p.foldErr != nil:
		if err := tx.emit(Event{Kind: EventFailed, Who: p.name, Failure: &Failure{failedConsolidation, p.foldErr.Error()}}); err != nil {
			return err
		}
	case p.fold != nil && p.foldDue == tx.s.body(p.name).due:
		if err := tx.folded(p); err != nil {
			return err
		}
	}
	seen, here := p.seen, true
	for i := range p.passes {
		ps := &p.passes[i]
		for j := range ps.acts {
			ev := Event{Kind: EventActed, Who: p.name, Action: &ps.acts[j], Seen: seen}
			if j == 0 {
				ev.Calls = ps.calls
			}
			seen = 0
			if here = here && tx.s.present(p.name); !here {
				if err := tx.tooLate(ev); err != nil {
					return err
				}
			} else if ps.yields && j == len(ps.acts)-1 {
				if err := tx.emit(ev); err != nil { // its effects come after the state
					return err
				}
			} else if err := tx.act(ev); err != nil {
				return err
			}
		}
		if ps.done != nil {
			if err := tx.emit(Event{Kind: EventActed, Who: p.name, Action: ps.done}); err != nil {
				return err
			}
		}
		if ps.state != nil {
			if err := tx.emit(Event{Kind: EventState, Who: p.name, State: ps.state}); err != nil {
				return err
			}
		}
		if ps.yields && here {
			if err := tx.effectsOf(p.name, ps.acts[len(ps.acts)-1], ps.effects, ps.during); err != nil {
				return err
			}
		}
	}
	return nil
}

func (tx *commit) folded(p *proposal) error {
	err := tx.emit(Event{Kind: EventFolded, Who: p.name, Folded: &Folded{p.foldCount, p.fold.Summary}, Calls: p.fold.Calls})
	for _, m := range p.fold.Memos {
		if err == nil {
			err = tx.effect(p.name, Remember{Memo: m}, false)
		}
	}
	return err
}

// tooLate commits an act of somebody who has left, which has no effects.
func (tx *commit) tooLate(ev Event) error {
	if err := tx.emit(ev); err != nil || ev.Action.Kind == Done {
		return err
	}
	return tx.effect(ev.Who, told(ev.Who, fmt.Sprintf("%s did not happen: you had left.", ev.Action.Kind)), false)
}

// act resolves one act that does not yield, and commits it with its effects.
// Whatever is wrong with it is told to the actor.
func (tx *commit) act(ev Event) error {
	actor, a := ev.Who, *ev.Action
	view := &View{tx.s}
	var effects []Effect
	var err error
	if f := tx.w.seats[actor].owner[a.Kind]; f != nil {
		effects, err = perform(context.Background(), f, view, actor, a)
	} else {
		effects, err = guard("rules", func() ([]Effect, error) { return tx.w.opts.Rules.Resolve(view, actor, a) })
	}
	if isPanic(err) {
		return tx.fail(err)
	}
	if err == nil {
		// The act's own words are told by the act itself: one event with its audience.
		effects = slices.DeleteFunc(slices.Clone(effects), func(e Effect) bool {
			t, ok := e.(Tell)
			if !ok || ev.To != nil || t.Stimulus.Kind != Conversation || t.Stimulus.Source != actor || t.Stimulus.Content != a.Content || len(t.Stimulus.Images) > 0 || slices.Contains(t.To, actor) {
				return false
			}
			to, err := tx.audience(actor, t.To)
			if err == nil {
				ev.To = to
			}
			return err == nil
		})
	}
	if e := tx.emit(ev); e != nil {
		return e
	}
	if err != nil {
		effects = []Effect{told(actor, refusal(a, err))}
	}
	return tx.effectsOf(actor, a, effects, false)
}

// effectsOf applies the effects of an act; one that is impossible is told to the
// actor, the others happen. What only the commit found impossible was not shown
// within the turn.
func (tx *commit) effectsOf(actor string, a Action, effects []Effect, during bool) error {
	for _, e := range effects {
		if err := tx.effect(actor, e, during); err != nil {
			if tx.err != nil {
				return tx.err
			}
			if err := tx.effect(actor, told(actor, refusal(a, err)), false); err != nil {
				return err
			}
		}
	}
	return nil
}

func refusal(a Action, err error) string {
	what := cmp.Or(string(a.Kind), "An act without a type")
	if a.Target != "" {
		what += " to " + a.Target
	}
	return fmt.Sprintf("%s did not work: %v.", what, err)
}
