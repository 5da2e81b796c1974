package study

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	index "github.com/tinytroupe-go/tinytroupe/memory"
	"github.com/tinytroupe-go/tinytroupe/people"
)

// A Beginning is what somebody brings to a study besides a persona: the state that was
// saved in their file.
type Beginning struct {
	Place   string   // where the person is, and in what surroundings, as they come
	Context []string //
	State   tinytroupe.MentalState
	Near    []string // whom the person can reach, where not everybody can reach everybody
	Memos   []tinytroupe.Memo
}

// saved is the beginning of somebody, and the file that it stood in.
type saved struct {
	file   string
	begins *Beginning
}

// beginning returns what was saved beside a persona, nil where nothing was.
func beginning(s people.Saved) *Beginning {
	b := &Beginning{s.Place, s.Context, s.State, s.Near, s.Memos}
	if b.Place == "" && len(b.Context)+len(b.Near)+len(b.Memos) == 0 && b.State == (tinytroupe.MentalState{}) {
		return nil
	}
	return b
}

// unreachable warns of those who are saved as within somebody's reach, and cannot be:
// a network says who is, or nobody in the study has the name.
func (d *decoder) unreachable() {
	if d.partial {
		return
	}
	const key = "mental_state.accessible_agents"
	all := d.study.everybody()
	for _, p := range all {
		if p.Begins == nil || len(p.Begins.Near) == 0 {
			continue
		}
		warn := func(format string, args ...any) {
			d.study.Warnings = append(d.study.Warnings, fmt.Sprintf("%s: not used: %s: ", d.begins[p.Name()].file, key)+fmt.Sprintf(format, args...))
		}
		if d.study.World.Network != nil {
			warn("the study's network says who reaches whom")
			continue
		}
		if d.study.World.Acquainted {
			continue // whoever is here is within reach
		}
		absent := slices.DeleteFunc(slices.Clone(p.Begins.Near), func(name string) bool {
			return slices.ContainsFunc(all, func(q Person) bool { return q.Name() == name })
		})
		if len(absent) > 0 {
			warn("the study has no %s", strings.Join(absent, ", "))
		}
	}
}

// begin returns the memory that somebody comes into the study with.
func (s *Study) begin(p Person) *memory {
	m := &memory{persona: p.Persona, begins: p.Begins}
	if p.Begins == nil {
		return m
	}
	m.past.State = p.Begins.State
	m.memos = slices.Clone(p.Begins.Memos)
	now := s.World.Starts
	if now.IsZero() {
		now = tinytroupe.NewWorld("", nil, nil).View().Now()
	}
	for i := range m.memos {
		if m.memos[i].Time.IsZero() {
			m.memos[i].Time = now // the same in every room, or a room's would be another memo
		}
	}
	return m
}

// settle returns what puts somebody where they were.
func (b *Beginning) settle(name string) []tinytroupe.Effect {
	switch {
	case b == nil:
		return nil
	case b.Place != "":
		return []tinytroupe.Effect{tinytroupe.Move{Who: name, Place: b.Place, Context: b.Context}}
	case len(b.Context) > 0:
		return []tinytroupe.Effect{tinytroupe.SetContext{Who: name, Context: b.Context}}
	}
	return nil
}

// entering returns what somebody has in mind who was never in the room: where nothing
// of earlier scenes is to be remembered, what they had when the study began.
func (rm *room) entering(p Person) []tinytroupe.Effect {
	m := rm.r.memory[p.Name()]
	if rm.scene != nil && rm.scene.Fresh {
		m = rm.r.s.begin(p)
	}
	return append(m.begins.settle(p.Name()), m.bring(p.Name())...)
}

// recall is the memory of somebody in a room: what is journalled as remembered there
// comes to mind by its words.
func recall() tinytroupe.Memory { return new(index.Words) }

// acquainted are rules under which those who could reach one another before can here.
type acquainted struct {
	tinytroupe.Rules
	near map[string][]string
}

// acquaint adds to a room's rules whom people could reach before, where that is not
// everybody and no network says who it is.
func (rm *room) acquaint(rules tinytroupe.Rules) tinytroupe.Rules {
	if w := rm.r.s.World; w.Acquainted || w.Network != nil {
		return rules
	}
	near := map[string][]string{}
	for _, p := range rm.cast {
		if p.Begins != nil && len(p.Begins.Near) > 0 {
			near[p.Name()] = p.Begins.Near
		}
	}
	if len(near) == 0 {
		return rules
	}
	return acquainted{rules, near}
}

// Greet implements tinytroupe.Greeter.
func (a acquainted) Greet(v *tinytroupe.View, newcomer string) []tinytroupe.Effect {
	var list []tinytroupe.Effect
	if g, ok := a.Rules.(tinytroupe.Greeter); ok {
		list = g.Greet(v, newcomer)
	}
	var to []string
	for _, name := range v.People() {
		if name != newcomer && (slices.Contains(a.near[newcomer], name) || slices.Contains(a.near[name], newcomer)) {
			to = append(to, name)
		}
	}
	if len(to) == 0 {
		return list
	}
	return append(list, tinytroupe.Introduce{Who: newcomer, To: to})
}

// Describe implements tinytroupe.Describer.
func (a acquainted) Describe(kind tinytroupe.ActionKind) string {
	if d, ok := a.Rules.(tinytroupe.Describer); ok {
		return d.Describe(kind)
	}
	return ""
}
