package tinytroupe

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// A View is the world at one moment, read-only, as are the slices that it returns.
// It is valid during the call it was given to; one from [World.View] stays valid.
type View struct{ s *state }

// World returns the world's name.
func (v *View) World() string { return v.s.clock.Name }

// Step returns the number of the newest step, 0 before the first.
func (v *View) Step() int { return v.s.step }

// Open reports whether the newest step is not over: somebody will still act in it.
func (v *View) Open() bool { return v.s.open }

// Now returns the simulated time.
func (v *View) Now() time.Time { return v.s.now }

// People returns the names of those present, in order of joining.
func (v *View) People() []string {
	names := make([]string, 0, len(v.s.people))
	for _, b := range v.s.people {
		if b.present {
			names = append(names, b.name)
		}
	}
	return names
}

// Present reports whether somebody of that name is present.
func (v *View) Present(name string) bool { return v.s.present(name) }

// Persona returns the persona of anybody who ever joined, else the zero Persona.
func (v *View) Persona(name string) Persona {
	if b := v.s.body(name); b != nil {
		return b.persona
	}
	return Persona{}
}

// Situation returns where a person is and who is within reach.
func (v *View) Situation(name string) Situation {
	if b := v.s.body(name); b != nil {
		return v.s.situation(b)
	}
	return Situation{Now: v.s.now}
}

// State returns a person's mental state as last decided.
func (v *View) State(name string) MentalState {
	if b := v.s.body(name); b != nil {
		return b.mental
	}
	return MentalState{}
}

// Waiting returns how many stimuli a person has not seen yet.
func (v *View) Waiting(name string) int {
	if b := v.s.body(name); b != nil {
		return len(b.inbox)
	}
	return 0
}

// Reaches reports whether two people are within each other's reach.
func (v *View) Reaches(a, b string) bool {
	x := v.s.body(a)
	return x != nil && v.s.present(b) && slices.ContainsFunc(x.near, func(q Acquaintance) bool { return q.Name == b })
}

// Notes returns the notes that a faculty left for a person, oldest first.
func (v *View) Notes(name, faculty string) []json.RawMessage {
	var notes []json.RawMessage
	if b := v.s.body(name); b != nil {
		for _, n := range b.notes {
			if n.Faculty == faculty {
				notes = append(notes, n.Value)
			}
		}
	}
	return notes
}

// Events returns all events so far, oldest first.
func (v *View) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for _, part := range [2][]Event{v.s.log, v.s.side} {
			for _, ev := range part {
				if !yield(ev) {
					return
				}
			}
		}
	}
}

// Recent returns all events so far, newest first.
func (v *View) Recent() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for _, part := range [2][]Event{v.s.side, v.s.log} {
			for _, ev := range slices.Backward(part) {
				if !yield(ev) {
					return
				}
			}
		}
	}
}

// Find returns the name of the person present that target means: the exact name,
// else the only name like it but for case, else the only name that contains all of
// its words. What stands in parentheses behind a name is left out where nobody has it,
// such as a relation. The error is for the person who named the target.
func (v *View) Find(target string) (string, error) {
	name, err := v.find(strings.TrimSpace(target))
	if i := strings.LastIndex(target, " ("); err != nil && i > 0 && strings.HasSuffix(strings.TrimSpace(target), ")") {
		if name, err := v.find(strings.TrimSpace(target[:i])); err == nil {
			return name, nil
		}
	}
	return name, err
}

func (v *View) find(target string) (string, error) {
	if v.s.present(target) {
		return target, nil
	}
	var same, found []string
	words := strings.Fields(strings.ToLower(target))
	for _, name := range v.People() {
		if strings.EqualFold(name, target) {
			same = append(same, name)
		}
		parts := strings.Fields(strings.ToLower(name))
		if len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !slices.Contains(parts, w) }) {
			found = append(found, name)
		}
	}
	if len(same) > 0 {
		found = same
	}
	switch len(found) {
	case 0:
		return "", nobody(target)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%q could be %s: use the full name", target, strings.Join(found, " or "))
}
