package tinytroupe

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// commit gathers events on a copy of the state. All of them happen, or none.
type commit struct {
	w      *World
	s      *state
	round  int
	events []Event
	seats  map[string]*seat // of people who join in it
	err    error            // the first event that did not fold: nothing is journalled
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
	if err := tx.s.apply(ev, tx.w.opts.Episode); err != nil {
		tx.err = cmp.Or(tx.err, err)
		return err
	}
	tx.events = append(tx.events, ev)
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
		if err := w.opts.Journal.Append(tx.events...); err != nil {
			return fmt.Errorf("journal: %w", err)
		}
	}
	w.st = tx.s
	for name, st := range tx.seats {
		w.seats[name] = st
	}
	for _, ev := range tx.events {
		if ev.Kind == EventCarried {
			delete(w.jobs, ev.Who) // it was of what they remembered before
		}
		if ev.Kind == EventMemo {
			if m := w.seats[ev.Who].memory; m != nil {
				m.Add(*ev.Memo)
			}
		}
	}
	if w.opts.Observe != nil {
		w.opts.Observe(tx.events)
	}
	return nil
}

// enter lets a person join, and the rules greet them.
func (tx *commit) enter(p Persona, st *seat) error {
	name := p.Name()
	if st != nil {
		if tx.seats == nil {
			tx.seats = map[string]*seat{}
		}
		tx.seats[name] = st
	}
	if err := tx.emit(Event{Kind: EventJoined, Who: name, Persona: &p}); err != nil {
		return err
	}
	if g, ok := tx.w.opts.Rules.(Greeter); ok {
		return tx.effects(name, g.Greet(&View{tx.s}, name), false)
	}
	return nil
}

func (tx *commit) effects(actor string, effects []Effect, during bool) error {
	for _, e := range effects {
		if err := tx.effect(actor, e, during); err != nil {
			return err
		}
	}
	return nil
}

// effect turns an effect into events. An error leaves nothing of it behind.
func (tx *commit) effect(actor string, e Effect, during bool) error {
	who := func(name string) (string, error) {
		if name == "" {
			name = actor
		}
		if tx.s.body(name) == nil {
			return "", fmt.Errorf("nobody called %q is here", name)
		}
		return name, nil
	}
	all := func(names []string) error {
		for _, n := range names {
			if n != Everyone && tx.s.body(n) == nil {
				return fmt.Errorf("nobody called %q is here", n)
			}
		}
		return nil
	}
	ev := Event{}
	var err error
	switch e := e.(type) {
	case Tell:
		if err := all(e.To); err != nil {
			return err
		}
		st := e.Stimulus
		ev = Event{Kind: EventPerceived, Stimulus: &st, To: slices.Clone(e.To)}
		if slices.Contains(e.To, Everyone) {
			ev.Who = actor
		}
		ev.During = during && len(e.To) == 1 && e.To[0] == actor
		return tx.emit(ev)
	case Introduce:
		ev = Event{Kind: EventLinked, To: slices.Clone(e.To), Relation: e.Relation}
		if ev.Who, err = who(e.Who); err == nil {
			err = all(e.To)
		}
	case Part:
		ev = Event{Kind: EventParted, To: slices.Clone(e.To)}
		if ev.Who, err = who(e.Who); err == nil {
			err = all(e.To)
		}
	case Join:
		return tx.rejoin(e.Persona)
	case Leave:
		ev.Kind = EventLeft
		if ev.Who, err = who(e.Who); err == nil && !tx.s.present(ev.Who) {
			err = fmt.Errorf("%s is not here", ev.Who)
		}
	case Move:
		ev = Event{Kind: EventMoved, Place: e.Place, Context: slices.Clone(e.Context)}
		ev.Who, err = who(e.Who)
	case SetContext:
		ev = Event{Kind: EventContext, Context: slices.Clone(e.Context)}
		ev.Who, err = who(e.Who)
	case Edit:
		ev.Kind = EventEdited
		var value json.RawMessage
		if ev.Who, err = who(e.Who); err == nil {
			value, err = rawJSON(e.Value)
		}
		if err == nil {
			if _, err = tx.s.body(ev.Who).persona.With(e.Path, value); err == nil && e.Path == "name" {
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
		case err != nil || tx.s.draft:
		case store == nil:
			err = errors.New("this world has no store for artifacts")
		default:
			err = store(a.Hash, e.Data)
		}
	case Note:
		var value json.RawMessage
		ev.Kind = EventNoted
		if ev.Who, err = who(e.Who); err == nil {
			value, err = rawJSON(e.Value)
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
	if name == "" {
		return errors.New("a person needs a name")
	}
	if tx.s.present(name) {
		return fmt.Errorf("%s is here already", name)
	}
	var st *seat
	if tx.s.body(name) == nil && !tx.s.draft {
		var err error
		if st, err = tx.w.seatFor(name, nil); err != nil {
			return err
		}
	}
	return tx.enter(p, st)
}

// rawJSON encodes compactly and without HTML escapes, as a journal does.
func rawJSON(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSpace(b.Bytes()), nil
}

// told lets a person know what came of an act.
func (tx *commit) told(name, content string, during bool) error {
	return tx.effect(name, Tell{[]string{name}, Stimulus{Kind: Result, Content: content}}, during)
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
	case p.fold != nil:
		if err := tx.folded(p); err != nil {
			return err
		}
	}
	seen := p.seen
	for i := range p.passes {
		ps := &p.passes[i]
		for j := range ps.acts {
			ev := Event{Kind: EventActed, Who: p.name, Action: &ps.acts[j], Seen: seen}
			if j == 0 {
				ev.Calls = ps.calls
			}
			seen = 0
			if err := tx.act(ev, ps); err != nil {
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
		if ps.yields {
			if err := tx.yielded(p.name, ps); err != nil {
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

// act resolves one act that does not yield, and commits it with its effects.
// Whatever is wrong with it is told to the actor.
func (tx *commit) act(ev Event, ps *pass) error {
	actor, a := ev.Who, *ev.Action
	if !tx.s.present(actor) {
		if err := tx.emit(ev); err != nil {
			return err
		}
		if a.Kind == Done {
			return nil
		}
		return tx.told(actor, fmt.Sprintf("%s did not happen: you had left.", a.Kind), false)
	}
	if ps.yields && ev.Action == &ps.acts[len(ps.acts)-1] {
		return tx.emit(ev) // its effects come after the state; see yielded
	}
	view := &View{tx.s}
	var effects []Effect
	var err error
	if f := tx.w.seat(tx, actor).owner[a.Kind]; f != nil {
		effects, err = f.Perform(context.Background(), view, actor, a)
	} else {
		effects, err = tx.w.opts.Rules.Resolve(view, actor, a)
	}
	if err == nil {
		// The act's own words are told by the act itself: one event with its audience.
		effects = slices.DeleteFunc(slices.Clone(effects), func(e Effect) bool {
			t, ok := e.(Tell)
			own := ok && ev.To == nil && t.Stimulus.Kind == Conversation && t.Stimulus.Source == actor && t.Stimulus.Content == a.Content && len(t.Stimulus.Images) == 0
			if own {
				ev.To = slices.Clone(t.To)
			}
			return own
		})
	}
	if e := tx.emit(ev); e != nil {
		return e
	}
	if err != nil {
		return tx.told(actor, refusal(a, err), false)
	}
	return tx.effectsOf(actor, a, effects, false)
}

// yielded commits what a yielding act brought back.
func (tx *commit) yielded(actor string, ps *pass) error {
	a := ps.acts[len(ps.acts)-1]
	if ps.yielded != nil {
		return tx.told(actor, refusal(a, ps.yielded), ps.during)
	}
	return tx.effectsOf(actor, a, ps.effects, ps.during)
}

// effectsOf applies the effects of an act; one that is impossible is told to the
// actor, the others happen.
func (tx *commit) effectsOf(actor string, a Action, effects []Effect, during bool) error {
	for _, e := range effects {
		if err := tx.effect(actor, e, during); err != nil {
			if err := tx.told(actor, refusal(a, err), during); err != nil {
				return err
			}
		}
	}
	return nil
}

func refusal(a Action, err error) string {
	if a.Target != "" {
		return fmt.Sprintf("%s to %s did not work: %v.", a.Kind, a.Target, err)
	}
	return fmt.Sprintf("%s did not work: %v.", a.Kind, err)
}

func (w *World) seat(tx *commit, name string) *seat {
	if st := tx.seats[name]; st != nil {
		return st
	}
	return w.seats[name]
}
