package study

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/tinytroupe-go/tinytroupe"
)

// A ChangedError says that a study differs from the one that a journal is of.
type ChangedError struct {
	File string
	Line int    // of the first step that differs; 0 where world or people do
	Word string // its verb
	Gone bool   // the run did Word after that line, where the study has no step any more
}

func (e *ChangedError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: its world or people are not those of the run to be continued", e.File)
	}
	if e.Gone {
		return fmt.Sprintf("%s:%d: the script ends here, and the run to be continued went on: %s", e.File, e.Line, e.Word)
	}
	return fmt.Sprintf("%s:%d: %s: this step is not the one that was run", e.File, e.Line, e.Word)
}

// mark is what is journalled as a verb begins and ends. Verb 0 is the set-up.
type mark struct {
	Verb  *int   `json:"verb"`
	Word  string `json:"word,omitempty"`
	Hash  string `json:"hash"`
	Scene string `json:"scene,omitempty"` // of a set-up
	For   []Loop `json:"for,omitempty"`
	At    string `json:"at"` // start or end
}

// past is how far a room came in the unit that is open.
type past struct {
	begun   bool
	commits int // after its start mark
	steps   int // begun in it
	carried bool
}

// scan finds in the events of a journal how far the room came, and checks that they
// are of this study.
func (rm *room) scan(events iter.Seq[tinytroupe.Event]) error {
	for ev := range events {
		m, ok := markOf(ev)
		switch {
		case ok:
			if err := rm.verify(m); err != nil {
				return err
			}
			if m.At == "end" {
				rm.ended(ev.Seq)
			} else {
				rm.past = past{begun: true}
			}
			continue
		case ev.End:
			rm.past.commits++
		}
		switch {
		case ev.Kind == tinytroupe.EventClock && ev.Clock.World == nil && ev.Clock.Skip == "":
			rm.past.steps++
		case ev.Kind == tinytroupe.EventCarried:
			rm.past.carried = true
		}
	}
	return nil
}

// ended notes that the open unit is over, at the event with that Seq.
func (rm *room) ended(seq int) {
	rm.ends = append(rm.ends, seq)
	rm.done++
	rm.past = past{}
}

// verify checks that a mark is the next that the room's program makes.
func (rm *room) verify(m mark) error {
	s := rm.r.s
	if rm.done < len(rm.units) {
		u := rm.units[rm.done]
		if *m.Verb == u.verb && m.Word == u.word && m.Hash == u.hash && (m.At == "end") == rm.past.begun {
			return nil
		}
	}
	if err := s.checker()(m); err != nil {
		return err
	}
	if rm.done >= len(rm.units) {
		return s.gone(m)
	}
	e := &ChangedError{File: s.File}
	u := rm.units[rm.done]
	if u.word == returning {
		u = rm.units[rm.done+1]
	}
	if u.step != nil {
		e.Line, e.Word = u.step.Line, u.word
	}
	return e
}

// gone is the error of a mark of a step after the last.
func (s *Study) gone(m mark) error {
	return &ChangedError{File: s.File, Line: s.Script[len(s.Script)-1].Line, Word: m.Word, Gone: true}
}

// Continues reports whether a run whose rooms have these events can be gone on with:
// a *ChangedError says that they are of another study, or of this one before a change.
func (s *Study) Continues(rooms ...iter.Seq2[tinytroupe.Event, error]) error {
	check := s.checker()
	for _, events := range rooms {
		for ev, err := range events {
			if err != nil {
				return err
			}
			if m, ok := markOf(ev); ok {
				if err := check(m); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func markOf(ev tinytroupe.Event) (mark, bool) {
	var m mark
	ok := ev.Kind == tinytroupe.EventMarked && json.Unmarshal(ev.Mark, &m) == nil && m.Verb != nil
	return m, ok
}

// checker returns what checks marks, each by itself.
func (s *Study) checker() func(m mark) error {
	steps := s.Steps()
	setups := map[string]string{"": s.setup(nil)} // by scene
	for _, p := range s.parts() {
		if p.scene != nil {
			setups[p.scene.Name] = s.setup(p.scene)
		}
	}
	return func(m mark) error {
		i := *m.Verb
		if i == 0 || m.Word == returning {
			if m.Hash != setups[m.Scene] {
				return &ChangedError{File: s.File}
			}
			return nil
		}
		if i < 0 || i > len(steps) {
			return s.gone(m)
		}
		if step := steps[i-1]; step.Hash != m.Hash {
			return &ChangedError{File: s.File, Line: step.Line, Word: step.Word()}
		}
		return nil
	}
}

// setup identifies world and people, and a scene's rooms.
func (s *Study) setup(scene *Scene) string {
	h := sha256.New()
	enc := json.NewEncoder(h)
	put := func(v any) {
		if err := enc.Encode(v); err != nil {
			panic(fmt.Sprintf("study: set-up: %v", err)) // what a study holds always encodes
		}
	}
	put(s.World)
	for _, g := range s.People {
		put([]any{g.Name, g.Staff, g.Human, g.HTTP})
		for _, p := range g.People {
			put(p.Persona)
			put(p.Assigned)
			if p.Begins != nil {
				put(p.Begins)
			}
		}
	}
	put(scene)
	return hex.EncodeToString(h.Sum(nil)[:8])
}
