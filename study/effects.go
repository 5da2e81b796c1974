package study

import (
	"errors"

	"github.com/tinytroupe-go/tinytroupe"
)

// commit lets effects happen, all at once.
func (rm *room) commit(do Verb, effects []tinytroupe.Effect) error {
	if show, ok := do.(Show); ok && show.Image != nil {
		if rm.r.o.Store == nil {
			return errors.New("there is no place to keep the image")
		}
		if err := rm.r.o.Store(show.Image.SHA256, rm.r.s.Inputs[show.Image.Input].Data); err != nil {
			return err
		}
	}
	if len(effects) == 0 {
		return nil
	}
	return rm.w.Apply(effects...)
}

// selected returns the people a step is done to, in the order of the study: those
// present, for a join those who are not.
func (rm *room) selected(u unit) []Person {
	_, join := u.step.Do.(Join)
	_, leave := u.step.Do.(Leave)
	v := rm.w.View()
	var list []Person
	for _, p := range rm.cast {
		if p = p.in(v); v.Present(p.Name()) != join && rm.chooses(u, p, leave) {
			list = append(list, p)
		}
	}
	return list
}

// chooses reports whether a step is done to somebody who is there. In an estimate few are
// there where many leave.
func (rm *room) chooses(u unit, p Person, leave bool) bool {
	if rm.r.o.answers == asIs || !u.step.To.byAnswers() {
		return u.step.To.Selects(rm.known(p, u.part))
	}
	may, must := u.step.To.may(p)
	if may != must {
		rm.r.o.open.Store(true)
	}
	if least := rm.r.o.answers == atLeast; least != leave {
		return must
	}
	return may
}

// in returns somebody as they are in a room, or as they were before they came.
func (p Person) in(v *tinytroupe.View) Person {
	if now := v.Persona(p.Name()); !now.IsZero() {
		p.Persona = now
	}
	return p
}

// effects returns what a verb does to the world, and how many people it is done to.
func (rm *room) effects(u unit) ([]tinytroupe.Effect, int, error) {
	people, s := rm.selected(u), u.step
	all := make([]string, len(people))
	for k, p := range people {
		all[k] = p.Name()
	}
	var list []tinytroupe.Effect
	var err error
	switch do := s.Do.(type) {
	case Say:
		list, err = rm.told(s.To, people, do.Text, tinytroupe.Stimulus{Kind: tinytroupe.Conversation})
	case Show:
		stim := tinytroupe.Stimulus{Kind: tinytroupe.Visual}
		if do.Image != nil {
			in := rm.r.s.Inputs[do.Image.Input]
			stim.Images = []tinytroupe.Image{{Name: in.Path, MediaType: do.Image.MediaType, Hash: do.Image.SHA256}}
		}
		list, err = rm.told(s.To, people, do.Text, stim)
	case Goal:
		list, err = rm.told(s.To, people, do.Text, tinytroupe.Stimulus{Kind: tinytroupe.Goal})
	case Think:
		list, err = rm.told(s.To, people, do.Text, tinytroupe.Stimulus{Kind: tinytroupe.Thought})
	case Move:
		for _, p := range people {
			text, err := do.Place.For(p, rm.id.Name())
			if err != nil {
				return nil, 0, err
			}
			list = append(list, tinytroupe.Move{Who: p.Name(), Place: text})
		}
	case Context:
		for _, p := range people {
			texts := make([]string, len(do.Texts))
			for k, t := range do.Texts {
				if texts[k], err = t.For(p, rm.id.Name()); err != nil {
					return nil, 0, err
				}
			}
			list = append(list, tinytroupe.SetContext{Who: p.Name(), Context: texts})
		}
	case Set:
		for _, name := range all {
			for _, v := range do.Values {
				list = append(list, tinytroupe.Edit{Who: name, Path: v.Path, Value: v.Value})
			}
		}
	case Join:
		for _, p := range people {
			list = append(list, rm.joins(p)...)
		}
	case Leave:
		for _, name := range all {
			list = append(list, tinytroupe.Leave{Who: name})
		}
	case Introduce:
		for k, name := range all {
			if k+1 < len(all) {
				list = append(list, tinytroupe.Introduce{Who: name, To: all[k+1:]})
			}
		}
	}
	return list, len(people), err
}

// joins lets somebody in, with what they lived elsewhere since they left.
func (rm *room) joins(p Person) []tinytroupe.Effect {
	v := rm.w.View()
	if v.Persona(p.Name()).IsZero() {
		return rm.enter(p)
	}
	list := []tinytroupe.Effect{tinytroupe.Join{Persona: p.Persona}}
	for ev := range v.Recent() {
		if ev.Kind == tinytroupe.EventLeft && ev.Who == p.Name() {
			if ev.Seq < rm.entered() { // before other parts of the study
				list = append(list, rm.news(p.Name(), v)...)
			}
			break
		}
	}
	return list
}

// told lets people perceive a text: in one event for everybody where it is the same
// for everyone there, in one for those it is for where nobody is its source, else in
// one for each.
func (rm *room) told(to Who, people []Person, t Text, s tinytroupe.Stimulus) ([]tinytroupe.Effect, error) {
	if len(people) == 0 {
		return nil, nil
	}
	own := s.Kind == tinytroupe.Goal || s.Kind == tinytroupe.Thought
	all := to.Everyone() && len(people) == len(rm.w.People())
	var err error
	if t.Same() && (all || !own) {
		names := []string{tinytroupe.Everyone}
		if !all {
			names = names[:0]
			for _, p := range people {
				names = append(names, p.Name())
			}
		}
		if s.Content, err = t.For(people[0], rm.id.Name()); err != nil {
			return nil, err
		}
		return []tinytroupe.Effect{tinytroupe.Tell{To: names, Stimulus: s}}, nil
	}
	list := make([]tinytroupe.Effect, len(people))
	for i, p := range people {
		x := s
		if own {
			x.Source = p.Name()
		}
		if x.Content, err = t.For(p, rm.id.Name()); err != nil {
			return nil, err
		}
		list[i] = tinytroupe.Tell{To: []string{p.Name()}, Stimulus: x}
	}
	return list, nil
}
