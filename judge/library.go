package judge

import (
	"fmt"
	"slices"

	"github.com/tinytroupe-go/tinytroupe"
)

// Library returns the propositions that come with the package, in the order of their
// names in TinyTroupe, which they keep. Those whose name begins with action_ or
// hard_action_ judge Subject.Proposed. Variables returns what must be filled in.
func Library() []*Proposition {
	recent := Window{First: 5, Last: 10}
	return []*Proposition{
		{
			Name: "persona_adherence", Personas: true, OwnWords: true, Precondition: acted,
			Claim: "${target} behaves like the person described. Look at five things and give each the same weight: " +
				"the traits of the personality, the style of speaking, the beliefs, the habits and preferences, the skills and their limits. " +
				"Judge each act by those of the five that it shows, then average over the acts. What the description leaves open cannot be missed.",
		},
		{
			Name: "hard_persona_adherence", Personas: true, OwnWords: true, Precondition: acted,
			Claim: "${target} is the person described, in every act and without exception. Any trait, belief, habit, skill or manner of speech " +
				"that does not fit is a flaw, however small. One flaw makes this false; where a score is asked for, each flaw takes a fifth of the whole scale away.",
		},
		{
			Name: "action_persona_adherence", Personas: true, OwnWords: true, Window: recent, Precondition: proposes,
			Claim: "The proposed acts of ${target} fit the person described. Look at five things and give each the same weight: " +
				"the traits of the personality, the style of speaking, the beliefs, the habits and preferences, the skills and their limits. " +
				"Judge the proposed acts alone; earlier events only show what they answer. What the acts do not touch on cannot be missed.",
		},
		{
			Name: "hard_action_persona_adherence", Personas: true, OwnWords: true, Window: recent, Precondition: proposes,
			Claim: "The proposed acts of ${target} are in every respect those of the person described. Anything in them that does not fit is a flaw, however small. " +
				"One flaw makes this false; where a score is asked for, each flaw takes a fifth of the whole scale away. " +
				"Judge the proposed acts alone; earlier events only show what they answer.",
		},
		{
			Name: "self_consistency", OwnWords: true, Precondition: acted,
			Claim: "${target} never contradicts what they said, thought or did before. A change of mind for which they give or are given a reason is no contradiction.",
		},
		{
			Name: "action_self_consistency", OwnWords: true, Window: recent, Precondition: proposes,
			Claim: "The proposed acts of ${target} do not contradict what they said, thought or did before, nor one another. " +
				"A change of mind for which they give or are given a reason is no contradiction.",
		},
		{
			Name: "fluency", OwnWords: true, Precondition: acted,
			Claim: "${target} thinks and speaks as people naturally do. They do not repeat their thoughts or their words, " +
				"use no set phrases over and over, and do not begin or end one act after the other in the same way.",
		},
		{
			Name: "action_fluency", OwnWords: true, Window: recent, Precondition: proposes,
			Claim: "The proposed acts of ${target} read as people naturally think and speak. They do not repeat earlier acts or one another, " +
				"and are not put in set phrases or in the pattern of the acts before.",
		},
		{
			Name: "action_suitability", Personas: true, OwnWords: true, Window: recent, Precondition: proposes,
			Claim: "The proposed acts of ${target} are worth doing now, for at least one of three reasons: they are a step towards a goal of ${target}; " +
				"they tell somebody, or ${target}, something new; or they are a sensible reply to what was perceived. One is enough.",
		},
		{
			Name: "task_completion", Precondition: acted,
			Claim: "${target} completed this task, as it was specified, and not just in part or in words: ${task_description}",
		},
		{
			Name: "quiet_recently", Code: quiet,
			Claim: "${target} has been quiet: in the last two turns, or more, they did nothing but wait.",
		},
		{
			Name: "divergence", World: true, Precondition: several,
			Claim: "In the course of ${target}, the people grow apart: what they speak about, and how they behave, differs more between them towards the end than at the beginning.",
		},
		{
			Name: "convergence", World: true, Precondition: several,
			Claim: "In the course of ${target}, the people grow together: what they speak about, and how they behave, differs less between them towards the end than at the beginning.",
		},
	}
}

// Find returns the proposition of that name in the library, or nil.
func Find(name string) *Proposition {
	l := Library()
	if i := slices.IndexFunc(l, func(p *Proposition) bool { return p.Name == name }); i >= 0 {
		return l[i]
	}
	return nil
}

// acted: there is something that the subject said, thought or did.
func acted(s *Subject) string {
	for _, ev := range s.acts() {
		if ev.Action.Kind != tinytroupe.Done {
			return ""
		}
	}
	return s.Name + " did nothing but wait"
}

// proposes: some proposed act has words to judge.
func proposes(s *Subject) string {
	for _, a := range s.Proposed {
		if a.Kind == tinytroupe.Talk || a.Kind == tinytroupe.Think {
			return ""
		}
	}
	return "no TALK or THINK of " + s.Name + " is proposed"
}

// several: two people or more did something.
func several(s *Subject) string {
	first := ""
	for _, ev := range s.acts() {
		switch {
		case ev.Action.Kind == tinytroupe.Done:
		case first == "":
			first = ev.Who
		case ev.Who != first:
			return ""
		}
	}
	return "fewer than two people in " + s.Name + " did anything but wait"
}

// quiet decides quiet_recently: of everybody judged, the last two turns were DONE and
// nothing else. The DONE that ends a turn with other acts is no wait.
func quiet(s *Subject) (Outcome, string, []Quote) {
	turns := map[string][]turn{} // the last two of each
	var names []string
	for room, ev := range s.acts() {
		mine, ok := turns[ev.Who]
		if !ok {
			names = append(names, ev.Who)
		}
		q := Quote{Seq: ev.Seq, Who: ev.Who, Text: string(ev.Action.Kind)}
		if len(s.Rooms) > 1 {
			q.Room = room.Name
		}
		t := turn{room: room, step: ev.Step, round: ev.Round, last: q, waited: true}
		if n := len(mine); n > 0 && mine[n-1].goesOn(&t) {
			t.waited = mine[n-1].waited
			mine = mine[:n-1]
		}
		t.waited = t.waited && ev.Action.Kind == tinytroupe.Done
		mine = append(mine, t)
		turns[ev.Who] = mine[max(0, len(mine)-2):]
	}
	if len(names) == 0 {
		return NotApplicable, s.Name + " has not had a turn", nil
	}
	var rest []Quote
	for _, n := range names {
		mine := turns[n]
		if len(mine) < 2 {
			return DoesNotHold, n + " has had only one turn", []Quote{mine[0].last}
		}
		for _, t := range mine {
			if !t.waited {
				return DoesNotHold, fmt.Sprintf("in one of the last two turns %s did more than wait", n), []Quote{t.last}
			}
			rest = append(rest, t.last)
		}
	}
	return Holds, "the last two turns were to wait", rest
}

// A turn is what somebody does in one round.
type turn struct {
	room        *Room
	step, round int
	last        Quote // its last act; Text is the kind
	waited      bool  // no act was more than DONE
}

// goesOn reports whether the act of next belongs to the turn. Outside of rounds it does
// unless DONE ended the turn.
func (t *turn) goesOn(next *turn) bool {
	return t.room == next.room && t.step == next.step && t.round == next.round && (t.round > 0 || t.last.Text != string(tinytroupe.Done))
}
