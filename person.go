package tinytroupe

import (
	"context"
	"errors"
	"fmt"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
)

// A Person is somebody in a World, or who was: after Remove they can still be told
// and asked things, but Act is an error until they return.
type Person struct {
	w    *World
	name string
}

// Alone returns a person in a world of one. The options are for the world; their
// Person function is asked for the rest.
func Alone(p Persona, m Mind, opts *Options) (*Person, error) {
	return NewWorld(p.Name(), m, opts).Add(p, nil)
}

// Name returns the person's name.
func (p *Person) Name() string { return p.name }

// World returns the world that the person is in.
func (p *Person) World() *World { return p.w }

// Persona returns the persona as it is now.
func (p *Person) Persona() Persona { return p.w.View().Persona(p.name) }

// Listen lets the person hear speech from outside.
func (p *Person) Listen(speech string) error {
	return p.perceive(Stimulus{Kind: Conversation, Content: speech})
}

// See lets the person see what the description says, with images if there are any.
func (p *Person) See(description string, images ...Image) error {
	return p.perceive(Stimulus{Kind: Visual, Content: description, Images: images})
}

// Socialize lets the person perceive something social, such as being approached.
func (p *Person) Socialize(description, source string) error {
	return p.perceive(Stimulus{Kind: Social, Source: source, Content: description})
}

// Think puts a thought into the person's mind.
func (p *Person) Think(thought string) error {
	return p.perceive(Stimulus{Kind: Thought, Source: p.name, Content: thought})
}

// AdoptGoal gives the person a goal.
func (p *Person) AdoptGoal(goal string) error {
	return p.perceive(Stimulus{Kind: Goal, Source: p.name, Content: goal})
}

// MoveTo changes where the person is, and the context with it.
func (p *Person) MoveTo(place string, context ...string) error {
	return p.change("move", Move{Place: place, Context: context})
}

// ChangeContext changes what surrounds the person.
func (p *Person) ChangeContext(context ...string) error {
	return p.change("context", SetContext{Context: context})
}

// Define sets a value of the persona, by path; see [Persona.With]. The name cannot
// be changed.
func (p *Person) Define(path string, value any) error {
	return p.change("define", Edit{Path: path, Value: value})
}

func (p *Person) perceive(s Stimulus) error {
	return p.change("perceive", Tell{[]string{p.name}, s})
}

func (p *Person) change(what string, e Effect) error {
	return p.w.change(p.name+": "+what, func(tx *commit) error { return tx.effect(p.name, e, false) })
}

// Act lets the person take one turn outside of any step, and returns what they
// did, DONE included. The clock stands still, no intervention is considered and no
// failure of the turn is tolerated: the error is a *TurnError.
func (p *Person) Act(ctx context.Context) ([]Action, error) {
	w := p.w
	w.changing.Lock()
	defer w.changing.Unlock()
	if !w.st.present(p.name) {
		return nil, fmt.Errorf("%s: act: not here", p.name)
	}
	ctx, stop := drain.With(ctx)
	defer stop()
	defer w.join(ctx)
	w.consolidate(ctx, []*body{w.st.body(p.name)})
	prop := w.turn(ctx, w.st, p.name, 0)
	if prop.err != nil {
		stop()
		return nil, &TurnError{w.st.step, p.name, prop.err}
	}
	tx := w.begin()
	err := tx.turn(prop)
	if err == nil {
		err = tx.finish()
	}
	if err != nil {
		return nil, &TurnError{w.st.step, p.name, err}
	}
	w.settle(ctx, []*proposal{prop})
	var acts []Action
	for _, ev := range tx.events {
		if ev.Kind == EventActed && ev.Who == p.name {
			acts = append(acts, *ev.Action)
		}
	}
	return acts, nil
}

// ListenAndAct is Listen, then Act.
func (p *Person) ListenAndAct(ctx context.Context, speech string) ([]Action, error) {
	if err := p.Listen(speech); err != nil {
		return nil, err
	}
	return p.Act(ctx)
}

// Snapshot returns what the person perceives now, what they have not reacted to
// yet included; while the world runs, as of its newest commit. Nobody changes by it.
func (p *Person) Snapshot(ctx context.Context) (*Perception, error) {
	w := p.w
	w.mu.Lock()
	st, seat := w.st, w.seats[p.name]
	w.mu.Unlock()
	b := st.body(p.name)
	per := st.perception(b)
	per.Stimuli, per.Acts = unseen(b), seat.acts
	if err := recall(ctx, seat.memory, per); err != nil {
		return nil, fmt.Errorf("%s: snapshot: %w", p.name, err)
	}
	return per, nil
}

// Ask puts a question to the person as [Person.Snapshot] shows them. Nobody changes
// by it. A mind that is no [Asker] is errors.ErrUnsupported.
func (p *Person) Ask(ctx context.Context, q Question) (*Answer, error) {
	p.w.mu.Lock()
	mind := p.w.seats[p.name].mind
	p.w.mu.Unlock()
	asker, ok := As[Asker](mind)
	if !ok {
		return nil, fmt.Errorf("%s: ask: %w", p.name, errors.ErrUnsupported)
	}
	per, err := p.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	a, err := guard("mind", func() (*Answer, error) { return asker.Ask(ctx, per, q) })
	if err == nil && a == nil {
		err = errors.New("the mind answered nothing")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: ask: %w", p.name, err)
	}
	return a, nil
}
