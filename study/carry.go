package study

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
)

// memory is what a person takes along from one part to the next.
type memory struct {
	persona tinytroupe.Persona // as edited so far
	past    tinytroupe.Past
	memos   []tinytroupe.Memo
	begins  *Beginning // until they have come
}

func (m *memory) empty() bool {
	return m.past.Summary == "" && len(m.past.Episode) == 0 && m.past.State == (tinytroupe.MentalState{})
}

// gather takes from the rooms of a part, which is over, what people remember, and
// what time it is. Whoever was in several rooms remembers them in the order of rooms.
func (r *runner) gather(k int, rooms []*room) error {
	scene := r.parts[k].scene
	if scene == nil {
		clear(r.there)
	}
	next := map[string]*memory{}
	for _, rm := range rooms {
		_, last := rm.span(k)
		v, err := rm.at(last)
		if err != nil {
			return err
		}
		if now := v.Now(); now.After(r.now) {
			r.now = now
		}
		changed := map[string][]tinytroupe.Event{} // edits of the part, and memos
		brought := map[string]string{}             // summaries
		for ev := range v.Events() {
			switch {
			case ev.Kind == tinytroupe.EventCarried:
				brought[ev.Who] = ev.Past.Summary
			case ev.Kind == tinytroupe.EventMemo, ev.Kind == tinytroupe.EventEdited && ev.Seq > rm.seqAtStart(k):
				changed[ev.Who] = append(changed[ev.Who], ev)
			}
		}
		for _, p := range rm.cast {
			name := p.Name()
			if v.Persona(name).IsZero() {
				continue // never came
			}
			if scene == nil && v.Present(name) {
				r.there[name] = true
			}
			before := r.memory[name]
			m, again := next[name]
			if !again {
				m = &memory{persona: before.persona, past: before.past, memos: slices.Clone(before.memos)}
				next[name] = m
			}
			past := v.Past(name)
			if again || scene != nil && scene.Fresh {
				m.past = joined(name, m.past, past, brought[name], v)
			} else {
				m.past = past
			}
			for _, ev := range changed[name] {
				if ev.Memo != nil {
					if !remembers(m.memos, *ev.Memo) { // nor was brought
						m.memos = append(m.memos, *ev.Memo)
					}
					continue
				}
				if m.persona, err = m.persona.With(ev.Edit.Path, ev.Edit.Value); err != nil {
					return fmt.Errorf("%s: %s: %w", rm.id.Name(), name, err)
				}
			}
		}
	}
	for name, m := range next {
		r.memory[name] = m
	}
	return nil
}

// joined adds to a past what another room added to what was brought there. known is
// the summary that was brought there.
func joined(name string, a, b tinytroupe.Past, known string, v *tinytroupe.View) tinytroupe.Past {
	a.Episode = slices.Clone(a.Episode)
	if b.Summary != "" && b.Summary != known {
		a.Episode = append(a.Episode, tinytroupe.Event{
			Time: v.Now(), Kind: tinytroupe.EventPerceived, To: []string{name},
			Stimulus: &tinytroupe.Stimulus{Kind: tinytroupe.Thought, Source: name, Content: b.Summary},
		})
	}
	for _, ev := range b.Episode {
		if ev.Seq > 0 { // lived there
			a.Episode = append(a.Episode, ev)
		}
	}
	if b.State != (tinytroupe.MentalState{}) {
		a.State = b.State
	}
	return a
}

// shorten sums up the oldest of what people remember, where it is longer than an
// episode may be: whoever was in many rooms. It is done where some room awaits them.
func (r *runner) shorten(ctx context.Context, k int, rooms []*room) error {
	limit := r.o.Episode
	if limit == 0 {
		limit = tinytroupe.DefaultEpisode
	}
	if s := r.parts[k].scene; limit < 0 || r.parts[k].goes || s != nil && s.Fresh {
		return nil
	}
	var due []Member
	for _, p := range r.s.everybody() {
		m := r.memory[p.Name()]
		if m.past.Size() <= limit {
			continue
		}
		i := slices.IndexFunc(rooms, func(rm *room) bool {
			first, _ := rm.span(k)
			return rm.done <= first && slices.ContainsFunc(rm.cast, func(x Person) bool { return x.Name() == p.Name() })
		})
		if i >= 0 {
			p.Persona = m.persona
			due = append(due, Member{p, rooms[i].id})
		}
	}
	return r.each(ctx, len(due), func(ctx context.Context, i int) error {
		p := due[i]
		c, ok := tinytroupe.As[tinytroupe.Consolidator](r.mind(p))
		m := r.memory[p.Name()]
		for ok && m.past.Size() > limit {
			cut := m.past.Oldest(p.Name(), min(m.past.Size()-limit/2, limit))
			if cut == 0 {
				break
			}
			per := &tinytroupe.Perception{
				World: r.s.World.Name, Persona: m.persona, Situation: tinytroupe.Situation{Now: r.now},
				State: m.past.State, Summary: m.past.Summary, Episode: m.past.Episode,
			}
			out, err := c.Consolidate(ctx, per, m.past.Episode[:cut])
			if err != nil {
				if r.o.Tolerate != nil && context.Cause(ctx) == nil && r.o.Tolerate(err) {
					break // all is remembered still: the room sums up in its turn, and journals what fails
				}
				return fmt.Errorf("%s: consolidation: %w", p.Name(), err)
			}
			m.past.Summary, m.past.Episode = out.Summary, m.past.Episode[cut:]
			for _, memo := range out.Memos {
				if memo.Time.IsZero() {
					memo.Time = r.now // as the room would have it
				}
				if !remembers(m.memos, memo) {
					m.memos = append(m.memos, memo)
				}
			}
		}
		return nil
	})
}

// bring returns what lets a person have what they take along.
func (m *memory) bring(name string) []tinytroupe.Effect {
	var list []tinytroupe.Effect
	if !m.empty() {
		list = append(list, tinytroupe.Carry{Who: name, Past: m.past})
	}
	for _, memo := range m.memos {
		list = append(list, tinytroupe.Remember{Who: name, Memo: memo})
	}
	return list
}

// back returns what lets people who are in a room already have what they lived
// elsewhere.
func (rm *room) back() []tinytroupe.Effect {
	var list []tinytroupe.Effect
	v := rm.w.View()
	for _, p := range rm.cast {
		if v.Present(p.Name()) {
			list = append(list, rm.news(p.Name(), v)...)
		}
	}
	return list
}

// news returns what of a person's memory is not in the room.
func (rm *room) news(name string, v *tinytroupe.View) []tinytroupe.Effect {
	m := rm.r.memory[name]
	var list []tinytroupe.Effect
	here := v.Persona(name)
	for _, key := range m.persona.Keys() {
		path := strings.ReplaceAll(key, ".", `\.`)
		if value := m.persona.Get(path); !same(value, here.Get(path)) {
			list = append(list, tinytroupe.Edit{Who: name, Path: path, Value: value})
		}
	}
	if !m.empty() {
		list = append(list, tinytroupe.Carry{Who: name, Past: m.past})
	}
	var had []tinytroupe.Memo
	for ev := range v.Events() {
		if ev.Kind == tinytroupe.EventMemo && ev.Who == name {
			had = append(had, *ev.Memo)
		}
	}
	for _, memo := range m.memos {
		if !remembers(had, memo) {
			list = append(list, tinytroupe.Remember{Who: name, Memo: memo})
		}
	}
	return list
}

func remembers(list []tinytroupe.Memo, m tinytroupe.Memo) bool {
	return slices.ContainsFunc(list, func(x tinytroupe.Memo) bool {
		return x.Kind == m.Kind && x.Source == m.Source && x.Content == m.Content && x.Time.Equal(m.Time)
	})
}

func same(a, b any) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(x) == string(y)
}
