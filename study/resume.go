package study

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
)

// A ChangedError says that a study differs from the one that a journal is of.
type ChangedError struct {
	File string
	// Verb is the number in Study.Steps of the first step that differs, 0 where something
	// else does. Where Gone it counts what acts alone, without looks.
	Verb int
	Line int    // of that step, or scene; 0 where world or people differ
	Word string // its verb
	Gone bool   // the run did Word after that line, where the study has no step any more
}

func (e *ChangedError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: its world or people are not those of the run to be continued", e.File)
	}
	if e.Verb == 0 {
		return fmt.Sprintf("%s:%d: %s: not as it was", e.File, e.Line, e.Word)
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
	At    string `json:"at"` // start, end, answers: what people were asked between them; or cast, before a scene

	Answers []extract.Answer `json:"answers,omitempty"`
	Cast    *cast            `json:"cast,omitempty"`
}

const (
	atAnswers = "answers"
	atCast    = "cast"
)

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
		case ok && m.At == atCast:
			if err := rm.r.settled(m); err != nil {
				return err
			}
			continue
		case ok && m.At == atAnswers && !rm.past.begun:
			return fmt.Errorf("event %d holds answers, and no step that asks has begun", ev.Seq)
		case ok && m.At == atAnswers:
			rm.answers = append(rm.answers, given{rm.units[rm.done].part, ev.Seq, m.Answers})
			rm.past.commits++
			continue
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
	if rm.scene != nil {
		m.Scene = rm.scene.Name
	}
	if err := s.checker()(m); err != nil {
		return err
	}
	if rm.done >= len(rm.units) {
		return s.gone(*m.Verb, m.Word)
	}
	e := &ChangedError{File: s.File}
	u := rm.units[rm.done]
	if u.word == returning {
		u = rm.units[rm.done+1]
	}
	if u.step != nil {
		e.Verb, e.Line, e.Word = rm.r.number[u.step], u.step.Line, u.word
	}
	return e
}

func markOf(ev tinytroupe.Event) (mark, bool) {
	var m mark
	ok := ev.Kind == tinytroupe.EventMarked && json.Unmarshal(ev.Mark, &m) == nil && m.Verb != nil
	return m, ok
}

// checker returns what checks marks, each by itself: it returns nil for one that the
// study still makes in that scene, or outside. The hash of a step says all that its
// loops' order depends on: a room whose marks are all made makes them in that order.
func (s *Study) checker() func(m mark) *ChangedError {
	acts, parts := s.acts(), s.parts()
	setups, _ := s.setups()
	scenes := map[string]int{}
	returns := map[int]int{} // by the number of the first step after a scene
	n := 1
	for k, p := range parts {
		if p.look {
			continue
		}
		if p.scene != nil {
			scenes[p.scene.Name] = k
		} else if _, ok := scenes[""]; !ok {
			scenes[""] = k
		} else if !p.goes {
			returns[n] = k
		}
		n += len(leaves(p.steps))
	}
	return func(m mark) *ChangedError {
		i := *m.Verb
		if i == 0 || m.Word == returning {
			k, ok := scenes[m.Scene]
			if i != 0 {
				k, ok = returns[i]
			}
			switch {
			case !ok && i == 0:
				return s.gone(len(acts), "scene "+m.Scene)
			case i < 0 || i >= len(acts):
				return s.gone(i, "what came after scene")
			case !ok:
				return acts[i].changed(s)
			case worldOf(m.Hash) != worldOf(setups[k]):
				return &ChangedError{File: s.File}
			case m.Hash == setups[k]:
				return nil
			case parts[k].scene == nil && i == 0:
				return &ChangedError{File: s.File, Line: parts[k].line, Word: "who is there from the start"}
			case parts[k].scene == nil:
				return &ChangedError{File: s.File, Line: parts[k].line, Word: "what was before"}
			}
			return &ChangedError{File: s.File, Line: parts[k].line, Word: "scene " + m.Scene + " or what was before it"}
		}
		if i < 0 || i >= len(acts) {
			return s.gone(i, m.Word)
		}
		scene := ""
		if p := parts[acts[i].part]; p.scene != nil {
			scene = p.scene.Name
		}
		if x := acts[i]; x.Hash != m.Hash || scene != m.Scene {
			return x.changed(s)
		}
		return nil
	}
}

func (x act) changed(s *Study) *ChangedError {
	return &ChangedError{File: s.File, Verb: x.number, Line: x.Line, Word: x.Word()}
}

// gone is the error of a mark of a step after the last.
func (s *Study) gone(verb int, word string) *ChangedError {
	return &ChangedError{File: s.File, Verb: verb, Line: s.Script[len(s.Script)-1].Line, Word: word, Gone: true}
}

// setups returns what identifies the beginning of each part: world and people, and
// after a colon all else that it depends on, which is a scene's rooms, who comes
// later, and every step of the parts before. looks identifies the looks that find answers.
func (s *Study) setups() (list []string, looks map[string]string) {
	all := []any{s.World}
	for _, g := range s.People {
		all = append(all, g.Name, g.Staff, g.Human, g.HTTP)
		for _, p := range g.People {
			all = append(all, p.Persona, p.Assigned)
			if p.Begins != nil {
				all = append(all, p.Begins)
			}
		}
	}
	world := hashOf(all...)
	var before []any
	looks = map[string]string{}
	for _, p := range s.parts() {
		here := append(slices.Clone(before), p.scene, s.later(s.outside()))
		if p.scene == nil && !p.look && !p.goes && len(before) > 0 {
			before = append(before, returning) // a scene's last step is not the first after it
		}
		if p.scene != nil {
			here = append(here, s.later(p.scene.Do))
			before = append(before, p.scene)
			if by := (Step{Do: *p.scene}).lookedBy(looks); len(by) > 0 {
				here, before = append(here, by), append(before, by)
			}
		}
		list = append(list, world+":"+hashOf(here...))
		for _, x := range leaves(p.steps) {
			if s.look(*x, looks); !p.look {
				before = append(before, x.Hash)
			}
		}
	}
	return list, looks
}

func worldOf(setup string) string {
	world, _, _ := strings.Cut(setup, ":")
	return world
}
