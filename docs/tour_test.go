package docs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/examples/cast"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

func Example_alone() {
	persona, err := cast.Person("oscar")
	check(err)
	oscar, err := tinytroupe.Alone(persona, newMind(), nil)
	check(err)

	check(oscar.MoveTo("A building site in Leipzig", "It rains", "The crane stands still"))
	check(oscar.AdoptGoal("Get the stairs delivered by Friday."))
	_, err = oscar.ListenAndAct(context.Background(), "What do you like about your work?")
	check(err)
	check(transcript.Write(os.Stdout, oscar.World().Events(), nil))
	// Output:
	// · Oscar joins
	// · Oscar moves to: A building site in Leipzig; It rains; The crane stands still
	// Oscar --> Oscar: [INTERNAL_GOAL_FORMULATION]
	//           > Get the stairs delivered by Friday.
	// USER --> Oscar: [CONVERSATION]
	//           > What do you like about your work?
	// Oscar acts: [THINK]
	//           > I am asked for my reasons.
	// Oscar acts: [TALK] to nobody
	//           > It has to do with who I am: I laugh easily, also at myself.
}

// A clerk answers by rule: any type with a Decide is a mind.
type clerk struct{ stamps int }

func (c *clerk) Decide(_ context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	var acts []tinytroupe.Action
	for _, s := range p.Stimuli {
		if s.Kind == tinytroupe.Conversation && s.Source != "" {
			c.stamps++
			acts = append(acts, tinytroupe.Action{Kind: tinytroupe.Talk, Target: s.Source, Content: fmt.Sprintf("Form %d is stamped. Next!", c.stamps)})
		}
	}
	return &tinytroupe.Decision{Actions: acts}, nil
}

func Example_scriptedMind() {
	w := tinytroupe.NewWorld("Office", newMind(), &tinytroupe.Options{Rules: tinytroupe.Room{Acquainted: true}})
	lisa, err := cast.Person("lisa")
	check(err)
	_, err = w.Add(lisa, nil)
	check(err)
	_, err = w.Add(tinytroupe.NewPersona("Mr Kim"), &tinytroupe.PersonOptions{Mind: &clerk{}})
	check(err)

	check(w.Person("Lisa Carter").Listen("Talk to Mr Kim about your form."))
	check(w.Run(context.Background(), 1))
	check(transcript.Write(os.Stdout, w.Events(), &transcript.Options{HideThoughts: true}))
	// Output:
	// · Lisa Carter, Mr Kim join
	// USER --> Lisa Carter: [CONVERSATION]
	//           > Talk to Mr Kim about your form.
	// ──────── Office step 1 ────────
	// Lisa Carter acts: [TALK] to Mr Kim
	//           > Hello Mr Kim, nice to meet you. I am Lisa, and I work as a data scientist at Microsoft.
	//           > What do you do for a living?
	// Mr Kim acts: [TALK] to Lisa Carter
	//           > Form 1 is stamped. Next!
}

// Weather is a faculty: it adds an act that brings something back within the turn.
type weather struct{}

func (weather) Name() string { return "weather" }

func (weather) Acts() []tinytroupe.ActSpec {
	return []tinytroupe.ActSpec{{Kind: "LOOK_OUTSIDE", Purpose: "see what the weather is like; target and content are empty.", Yields: true}}
}

func (weather) Perform(_ context.Context, v *tinytroupe.View, actor string, _ tinytroupe.Action) ([]tinytroupe.Effect, error) {
	sky := []string{"It rains.", "The sun shines."}[v.Now().Day()%2]
	return []tinytroupe.Effect{tinytroupe.Tell{To: []string{actor}, Stimulus: tinytroupe.Stimulus{Kind: tinytroupe.Result, Content: sky}}}, nil
}

// A planner looks outside before it says anything.
type planner struct{}

func (planner) Decide(_ context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	for _, ev := range p.Draft { // what this turn has brought so far
		if s, ok := ev.Perceived(p.Persona.Name()); ok {
			return &tinytroupe.Decision{Actions: []tinytroupe.Action{{Kind: tinytroupe.Talk, Content: s.Content + " Take a coat?"}}}, nil
		}
	}
	return &tinytroupe.Decision{Actions: []tinytroupe.Action{{Kind: "LOOK_OUTSIDE"}}}, nil
}

func Example_faculty() {
	ann, err := tinytroupe.NewWorld("Home", planner{}, nil).Add(tinytroupe.NewPersona("Ann"),
		&tinytroupe.PersonOptions{Faculties: []tinytroupe.Faculty{weather{}}})
	check(err)
	acts, err := ann.Act(context.Background())
	check(err)
	fmt.Println(acts)
	// Output:
	// [{LOOK_OUTSIDE  } {TALK  The sun shines. Take a coat?} {DONE  }]
}

func Example_intervention() {
	w := tinytroupe.NewWorld("Focus group", newMind(), &tinytroupe.Options{
		Rules: tinytroupe.Room{Acquainted: true},
		Interventions: []tinytroupe.Intervention{{
			Name: "change the subject",
			When: func(_ context.Context, v *tinytroupe.View) (*tinytroupe.Reason, error) {
				for ev := range v.Recent() {
					if ev.Kind == tinytroupe.EventActed && strings.Contains(ev.Action.Content, "work") {
						return &tinytroupe.Reason{Text: ev.Who + " spoke about work"}, nil
					}
				}
				return nil, nil
			},
			Then: func(context.Context, *tinytroupe.View) ([]tinytroupe.Effect, error) {
				return []tinytroupe.Effect{tinytroupe.Tell{To: []string{tinytroupe.Everyone}, Stimulus: tinytroupe.Stimulus{
					Kind: tinytroupe.Conversation, Content: "Enough of work. How do you spend your weekends?",
				}}}, nil
			},
			Once: true,
		}},
	})
	for _, name := range []string{"lisa", "oscar"} {
		p, err := cast.Person(name)
		check(err)
		_, err = w.Add(p, nil)
		check(err)
	}
	check(w.Broadcast("What do you do for a living?"))
	check(w.Run(context.Background(), 2))
	check(transcript.Write(os.Stdout, w.Events(), &transcript.Options{HideThoughts: true}))
	// Output:
	// · Lisa Carter, Oscar join
	// USER --> Lisa Carter, Oscar: [CONVERSATION]
	//           > What do you do for a living?
	// ──────── Focus group step 1 ────────
	// Lisa Carter acts: [TALK]
	//           > I work as a data scientist at Microsoft. I spend more of the week cleaning data and
	//           > explaining charts than training models, and have made peace with that on most days.
	// Oscar acts: [TALK]
	//           > That was interesting, Lisa. I work as an architect at Awesome Inc. I design standard
	//           > elements for apartment buildings.
	// ──────── Focus group step 2 ────────
	// · intervention change the subject: Oscar spoke about work
	// USER --> Lisa Carter, Oscar: [CONVERSATION]
	//           > Enough of work. How do you spend your weekends?
	// Lisa Carter acts: [TALK]
	//           > Saturday market is part of my weekends. One matinee a month is part of my weekends.
	// Oscar acts: [TALK]
	//           > Flea market or lake is part of my weekends. At the weekend I repair something on the
	//           > bicycle that was not broken.
}

func Example_ask() {
	w := tinytroupe.NewWorld("Panel", newMind(), nil)
	question := tinytroupe.Question{
		Text:   "On a scale from 1 to 5, how much would you like to live without a car?",
		Schema: json.RawMessage(`{"type":"object","properties":{"score":{"type":"integer","minimum":1,"maximum":5},"why":{"type":"string"}},"required":["score","why"],"additionalProperties":false}`),
	}
	for _, name := range cast.Names()[:3] {
		p, err := cast.Person(name)
		check(err)
		person, err := w.Add(p, nil)
		check(err)
		answer, err := person.Ask(context.Background(), question)
		check(err)
		var a struct{ Score int }
		check(json.Unmarshal(answer.Value, &a))
		fmt.Println(person.Name(), a.Score)
	}
	// Output:
	// Friedrich Wolf 4
	// Lila 4
	// Lisa Carter 5
}

// A gossip tells everyone near what they hear first, unless they doubt it.
type gossip struct{ doubts bool }

func (g gossip) Decide(_ context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	if g.doubts || len(p.Episode) > 0 {
		return &tinytroupe.Decision{}, nil
	}
	return &tinytroupe.Decision{Actions: []tinytroupe.Action{{Kind: tinytroupe.Talk, Content: p.Stimuli[0].Content}}}, nil
}

func Example_rumour() {
	var ring []tinytroupe.Relation
	for i := range 100 {
		ring = append(ring, tinytroupe.Relation{A: fmt.Sprint("P", i), B: fmt.Sprint("P", (i+1)%100)})
	}
	net, err := tinytroupe.NewNetwork(ring...)
	check(err)
	w := tinytroupe.NewWorld("Village", nil, &tinytroupe.Options{
		Rules: net, Scheduler: tinytroupe.Together{}, Idle: tinytroupe.Pass, Step: time.Hour,
	})
	for i := range 100 {
		_, err := w.Add(tinytroupe.NewPersona(fmt.Sprint("P", i)), &tinytroupe.PersonOptions{Mind: gossip{doubts: i%10 == 5}})
		check(err)
	}
	for _, name := range []string{"P0", "P33", "P66"} {
		check(w.Person(name).Listen("The mill is sold."))
	}
	check(w.Run(context.Background(), 12))
	heard := 0
	for _, name := range w.People() {
		past := w.View().Past(name)
		if len(past.Episode) > 0 {
			heard++
		}
	}
	fmt.Println(heard, "of 100 have heard by", w.View().Now().Format("15:04"))
	// Output:
	// 33 of 100 have heard by 21:00
}
