package tinytroupe_test

import (
	"context"
	"fmt"
	"log"

	"github.com/tinytroupe-go/tinytroupe"
)

// scripted is a mind that plays its lines, one act a turn.
type scripted struct {
	lines map[string][]tinytroupe.Action
}

func (m scripted) Decide(_ context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	// What was done before is in the episode, so that the mind itself keeps no count.
	turns := 0
	for _, ev := range p.Episode {
		if ev.Who == p.Persona.Name() && ev.Kind == tinytroupe.EventActed && ev.Seen > 0 {
			turns++
		}
	}
	if lines := m.lines[p.Persona.Name()]; turns < len(lines) {
		return &tinytroupe.Decision{Actions: lines[turns : turns+1]}, nil
	}
	return &tinytroupe.Decision{}, nil
}

// newWorld returns a world in which the people of a script stand.
func newWorld(m scripted, opts *tinytroupe.Options, people *tinytroupe.PersonOptions, names ...string) *tinytroupe.World {
	w := tinytroupe.NewWorld("Stage", m, opts)
	for _, name := range names {
		if _, err := w.Add(tinytroupe.NewPersona(name), people); err != nil {
			log.Fatal(err)
		}
	}
	return w
}

// show prints what people did and perceived.
func show(w *tinytroupe.World) {
	for ev := range w.Events() {
		switch {
		case ev.Kind == tinytroupe.EventActed && ev.Action.Kind != tinytroupe.Done:
			fmt.Printf("%d %s: %s %q\n", ev.Step, ev.Who, ev.Action.Kind, ev.Action.Content)
		case ev.Kind == tinytroupe.EventPerceived:
			fmt.Printf("%d to %v: %s\n", ev.Step, ev.To, ev.Stimulus.Content)
		case ev.Kind == tinytroupe.EventFired:
			fmt.Printf("%d %s, since %s\n", ev.Step, ev.Fired.Name, ev.Fired.Reason)
		}
	}
}

// till is a faculty: it lets people buy. What each has bought is kept in notes, which
// a resumed world still has.
type till struct{}

func (till) Name() string { return "till" }

func (till) Acts() []tinytroupe.ActSpec {
	return []tinytroupe.ActSpec{{Kind: "BUY", Purpose: "buy one thing; content is its name"}}
}

func (till) Perform(_ context.Context, v *tinytroupe.View, actor string, a tinytroupe.Action) ([]tinytroupe.Effect, error) {
	if a.Content == "" {
		return nil, fmt.Errorf("the content must say what to buy") // the actor is told
	}
	n := len(v.Notes(actor, "till")) + 1
	return []tinytroupe.Effect{
		tinytroupe.Note{Faculty: "till", Value: a.Content},
		tinytroupe.Tell{To: []string{actor}, Stimulus: tinytroupe.Stimulus{
			Kind: tinytroupe.Result, Source: "till", Content: fmt.Sprintf("%s is yours, item %d.", a.Content, n), Data: true,
		}},
	}, nil
}

// A Faculty adds an act.
func ExampleFaculty() {
	m := scripted{map[string][]tinytroupe.Action{
		"Ann": {{Kind: "BUY", Content: "Tea"}, {Kind: "BUY"}, {Kind: "BUY", Content: "Milk"}},
	}}
	w := newWorld(m, nil, &tinytroupe.PersonOptions{Faculties: []tinytroupe.Faculty{till{}}}, "Ann")
	if err := w.Run(context.Background(), 3); err != nil {
		log.Fatal(err)
	}
	show(w)
	// Output:
	// 1 Ann: BUY "Tea"
	// 1 to [Ann]: Tea is yours, item 1.
	// 2 Ann: BUY ""
	// 2 to [Ann]: BUY did not work: the content must say what to buy.
	// 3 Ann: BUY "Milk"
	// 3 to [Ann]: Milk is yours, item 2.
}

// An Intervention watches a world and acts upon it.
func ExampleIntervention() {
	quiet := tinytroupe.Intervention{
		Name: "a new question", Once: true,
		When: func(_ context.Context, v *tinytroupe.View) (*tinytroupe.Reason, error) {
			if v.Step() == 1 {
				return nil, nil
			}
			for ev := range v.Recent() {
				if ev.Step < v.Step()-1 {
					break
				}
				if ev.Kind == tinytroupe.EventActed && ev.Action.Kind == tinytroupe.Talk {
					return nil, nil
				}
			}
			return &tinytroupe.Reason{Text: "nobody spoke in the step before"}, nil
		},
		Then: func(context.Context, *tinytroupe.View) ([]tinytroupe.Effect, error) {
			return []tinytroupe.Effect{tinytroupe.Tell{To: []string{tinytroupe.Everyone}, Stimulus: tinytroupe.Stimulus{
				Kind: tinytroupe.Conversation, Source: "Host", Content: "And what would you pay for it?",
			}}}, nil
		},
	}
	m := scripted{map[string][]tinytroupe.Action{
		"Ann": {{Kind: tinytroupe.Talk, Content: "I like it."}, {Kind: tinytroupe.Think, Content: "Hm."}, {Kind: tinytroupe.Talk, Content: "Ten."}},
		"Bob": {{Kind: tinytroupe.Talk, Content: "So do I."}},
	}}
	w := newWorld(m, &tinytroupe.Options{Rules: tinytroupe.Room{Acquainted: true}, Interventions: []tinytroupe.Intervention{quiet}}, nil, "Ann", "Bob")
	if err := w.Broadcast("What do you think of it?"); err != nil {
		log.Fatal(err)
	}
	if err := w.Run(context.Background(), 3); err != nil {
		log.Fatal(err)
	}
	show(w)
	// Output:
	// 0 to [*]: What do you think of it?
	// 1 Ann: TALK "I like it."
	// 1 Bob: TALK "So do I."
	// 2 Ann: THINK "Hm."
	// 3 a new question, since nobody spoke in the step before
	// 3 to [*]: And what would you pay for it?
	// 3 Ann: TALK "Ten."
}

// In a Network only those who are related come within reach of one another.
func ExampleNewNetwork() {
	rules, err := tinytroupe.NewNetwork(
		tinytroupe.Relation{A: "Ann", B: "Bob", Name: "neighbours"},
		tinytroupe.Relation{A: "Bob", B: "Cid", Name: "colleagues"},
	)
	if err != nil {
		log.Fatal(err)
	}
	m := scripted{map[string][]tinytroupe.Action{
		"Ann": {{Kind: tinytroupe.Talk, Content: "Bob, the lift is out of order."}, {Kind: tinytroupe.ReachOut, Target: "Cid"}},
		"Bob": {{Kind: tinytroupe.Talk, Target: "Cid", Content: "I come a little later, the lift is out of order."}},
	}}
	w := newWorld(m, &tinytroupe.Options{Rules: rules}, nil, "Ann", "Bob", "Cid")
	if err := w.Run(context.Background(), 2); err != nil {
		log.Fatal(err)
	}
	show(w)
	for _, a := range w.View().Situation("Bob").Near {
		fmt.Printf("Bob and %s: %s\n", a.Name, a.Relation)
	}
	// Output:
	// 1 Ann: TALK "Bob, the lift is out of order."
	// 1 Bob: TALK "I come a little later, the lift is out of order."
	// 2 Ann: REACH_OUT ""
	// 2 to [Ann]: REACH_OUT to Cid did not work: Cid cannot be reached: you are not related.
	// Bob and Ann: neighbours
	// Bob and Cid: colleagues
}
