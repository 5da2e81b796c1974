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
	Verb *int   `json:"verb"`
	Word string `json:"word,omitempty"`
	Hash string `json:"hash"`
	At   string `json:"at"` // start or end
}

// past is how far earlier runs came.
type past struct {
	last    int // the verb begun last, -1 before any
	done    int // the verb ended last, -1 before any
	commits int // of the open verb
	steps   int // begun in the open verb
}

// past reads the marks of a journal, and checks that they are of this study.
func (r *runner) past(events []tinytroupe.Event) (*past, error) {
	p := &past{last: -1, done: -1}
	for _, ev := range events {
		if m, ok := markOf(ev); ok {
			if err := r.s.check(m); err != nil {
				return nil, err
			}
			if m.At == "end" {
				p.done = *m.Verb
				continue
			}
			p.last, p.commits, p.steps = *m.Verb, 0, 0
			continue
		}
		if ev.End {
			p.commits++
		}
		if ev.Kind == tinytroupe.EventClock && ev.Clock.World == nil && ev.Clock.Skip == "" {
			p.steps++
		}
	}
	return p, nil
}

// Continues reports whether a run with these events can be gone on with: a
// *ChangedError says that they are of another study, or of this one before a change.
func (s *Study) Continues(events iter.Seq2[tinytroupe.Event, error]) error {
	for ev, err := range events {
		if err != nil {
			return err
		}
		if m, ok := markOf(ev); ok {
			if err := s.check(m); err != nil {
				return err
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

func (s *Study) check(m mark) error {
	i := *m.Verb
	if i == 0 {
		if m.Hash != s.setup() {
			return &ChangedError{File: s.File}
		}
		return nil
	}
	if i < 0 || i > len(s.Script) {
		return &ChangedError{File: s.File, Line: s.Script[len(s.Script)-1].Line, Word: m.Word, Gone: true}
	}
	if step := s.Script[i-1]; step.Hash != m.Hash {
		return &ChangedError{File: s.File, Line: step.Line, Word: step.Word()}
	}
	return nil
}

// setup identifies world and people.
func (s *Study) setup() string {
	h := sha256.New()
	b, err := json.Marshal(s.World)
	if err != nil {
		return "" // a World always encodes
	}
	h.Write(b)
	for _, g := range s.People {
		fmt.Fprintf(h, "\n%q", g.Name)
		for _, p := range g.People {
			fmt.Fprintf(h, "\n%s", p.JSON())
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
