package judge

import (
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// A Proposition is a claim to be judged. It is never changed by judging, so that one
// may be judged of many subjects at once.
type Proposition struct {
	Name  string
	Claim string // ${variable} stands for a value in Vars, ${target} for the subject's name, $${ for ${

	Vars map[string]string // values of the claim's variables; they are not expanded again

	World    bool   // only of worlds
	Personas bool   // the judge is shown who the people are, apart from what they did
	OwnWords bool   // of a person: only their own acts may be quoted
	Window   Window // what the judge sees of the events; zero shows all
	Draws    int    // how often it is judged; 0 leaves it to the judge's Options

	// Precondition says why the claim does not apply to a subject, or nothing where it
	// does. Where it does not, no model is asked. Nil applies to all.
	Precondition func(*Subject) string

	// Code decides the claim without a model: Holds, DoesNotHold or NotApplicable, why,
	// and what it rests on. Nil leaves it to the judge.
	Code func(*Subject) (Outcome, string, []Quote)
}

// A Window chooses which events the judge sees: the first and the last of them, or the
// newest that fit into a number of tokens. Of what it leaves out, the judge is told how
// much it is. Where nothing with words would be left, the newest event with words is
// shown, however long: that somebody said much is no reason to judge that they were silent.
type Window struct {
	First, Last int // events; with both zero, all
	Tokens      int // of events as estimated by llm.Tokens; 0 sets no limit
}

// With returns the proposition with further values of variables.
func (p Proposition) With(vars map[string]string) *Proposition {
	all := map[string]string{}
	maps.Copy(all, p.Vars)
	maps.Copy(all, vars)
	p.Vars = all
	return &p
}

var variable = regexp.MustCompile(`\$\$\{|\$\{\s*([^{}\s]*)\s*\}`)

// Variables returns the names of the claim's variables in order, without ${target}.
func (p *Proposition) Variables() []string {
	var names []string
	for _, m := range variable.FindAllStringSubmatch(p.Claim, -1) {
		if n := m[1]; m[0] != "$${" && n != "target" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// claim returns the claim about a subject.
func (p *Proposition) claim(s *Subject) (string, error) {
	var missing []string
	for _, n := range p.Variables() {
		if _, ok := p.Vars[n]; !ok {
			missing = append(missing, "${"+n+"}")
		}
	}
	if len(missing) > 0 {
		return "", fmt.Errorf("no value is given for %s", strings.Join(missing, ", "))
	}
	text := variable.ReplaceAllStringFunc(p.Claim, func(m string) string {
		name := variable.FindStringSubmatch(m)[1]
		switch {
		case m == "$${":
			return "${"
		case name == "target":
			if v, ok := p.Vars[name]; ok {
				return v
			}
			return s.Name
		}
		return p.Vars[name]
	})
	if strings.TrimSpace(text) == "" && p.Code == nil {
		return "", fmt.Errorf("the claim is empty")
	}
	return text, nil
}

// A Subject is whom or what a proposition is judged of: a person in one or several
// rooms, or a world. It is not changed by judging.
type Subject struct {
	Name     string               // the person's, or the world's
	World    bool                 // what everybody did, in place of what one person did and perceived
	Personas []tinytroupe.Persona // the person's, or everybody's
	Rooms    []Room               // in order
	Context  string               // what else the judge should know; part of no event
	Proposed []tinytroupe.Action  // what the person may do next, for claims about that
}

// A Room is a journal, or part of one.
type Room struct {
	Name   string                     // shown where a subject has several
	Events iter.Seq[tinytroupe.Event] // may be read any number of times
	People []string                   // who was there before the first event
}

// OfPerson returns a person of a world as a subject.
func OfPerson(v *tinytroupe.View, name string) *Subject {
	return &Subject{
		Name: name, Personas: []tinytroupe.Persona{v.Persona(name)},
		Rooms: []Room{{Name: v.World(), Events: v.Events()}},
	}
}

// OfWorld returns a world, with everybody who ever joined it, as a subject.
func OfWorld(v *tinytroupe.View) *Subject {
	s := &Subject{Name: v.World(), World: true, Rooms: []Room{{Name: v.World(), Events: v.Events()}}}
	var names []string
	for ev := range v.Events() {
		if ev.Kind == tinytroupe.EventJoined && !slices.Contains(names, ev.Who) {
			names = append(names, ev.Who)
			s.Personas = append(s.Personas, v.Persona(ev.Who))
		}
	}
	return s
}

// evidence returns what there is to judge, and the number of the first event that is
// merely proposed (0: none).
func (s *Subject) evidence() (*transcript.Evidence, int) {
	e := new(transcript.Evidence)
	add := func(events iter.Seq[tinytroupe.Event], o *transcript.EvidenceOptions) {
		if !s.World {
			o.For = s.Name
		}
		e.Add(events, o)
	}
	for _, r := range s.Rooms {
		o := &transcript.EvidenceOptions{People: r.People}
		if len(s.Rooms) > 1 {
			o.Room = r.Name
		}
		add(r.Events, o)
	}
	n := len(e.Lines)
	add(func(yield func(tinytroupe.Event) bool) {
		for i := range s.Proposed {
			if !yield(tinytroupe.Event{Kind: tinytroupe.EventActed, Who: s.Name, Action: &s.Proposed[i]}) {
				return
			}
		}
	}, &transcript.EvidenceOptions{})
	if n < len(e.Lines) {
		return e, e.Lines[n].Number
	}
	return e, 0
}

// acts returns what a person did, DONE included, or what everybody did.
func (s *Subject) acts() iter.Seq2[*Room, *tinytroupe.Event] {
	return func(yield func(*Room, *tinytroupe.Event) bool) {
		for i := range s.Rooms {
			for ev := range s.Rooms[i].Events {
				if ev.Kind != tinytroupe.EventActed || ev.Action == nil || !s.World && ev.Who != s.Name {
					continue
				}
				if !yield(&s.Rooms[i], &ev) {
					return
				}
			}
		}
	}
}

// hasWords reports whether there is something in a line to be judged, and quoted.
func hasWords(l transcript.EvidenceLine) bool { return l.Content != "" }

// view is what a window shows of some evidence. What is proposed is always shown.
func (w Window) view(e *transcript.Evidence, proposed int) (shown *transcript.Evidence, text string) {
	lines, after := e.Lines, 0
	if proposed > 0 {
		for after < len(lines) && lines[len(lines)-1-after].Number >= proposed {
			after++
		}
	}
	done := lines[:len(lines)-after]
	show := make([]bool, len(lines))
	for i := range lines {
		all := w.First <= 0 && w.Last <= 0
		show[i] = all || i < w.First || i >= len(done)-w.Last
	}
	if w.Tokens > 0 {
		left, full := w.Tokens, false
		for i := len(lines) - 1; i >= 0; i-- {
			n := llm.Tokens(string(lines[i].Append(nil)))
			full = full || show[i] && n > left && i < len(done)
			if full {
				show[i] = false
			} else if show[i] {
				left -= n
			}
		}
	}
	newest := -1 // with words; if there is such a one, one that is shown
	for i := range lines {
		if hasWords(lines[i]) && (newest < 0 || !show[newest]) {
			newest = i
		}
	}
	if newest >= 0 {
		show[newest] = true
	}
	shown = new(transcript.Evidence)
	var b []byte
	left := 0
	leave := func() {
		if left > 0 {
			b = fmt.Appendf(b, "(%d events are not shown here)\n", left)
		}
		left = 0
	}
	for i := range lines {
		if !show[i] {
			left++
			continue
		}
		leave()
		shown.Lines = append(shown.Lines, lines[i])
		b = append(lines[i].Append(b), '\n')
	}
	leave()
	return shown, string(b)
}
