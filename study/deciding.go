package study

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/extract"
)

// missed returns an error for answers that did not come, unless that is tolerated.
func (r *runner) missed(ctx context.Context, answers []extract.Answer, look bool) error {
	for _, a := range answers {
		if a.Outcome != extract.Invalid && a.Outcome != extract.Failed && a.Outcome != extract.Skipped {
			continue
		}
		if err := context.Cause(ctx); err != nil {
			return fmt.Errorf("interrupted: %w", err)
		}
		if e := (&AskError{a.Person, a.Name(), a.Outcome, a.Reason, look}); r.o.Tolerate == nil || !r.o.Tolerate(e) {
			return e
		}
	}
	return nil
}

// find takes what a look found; err is what it ended with. Where a step selects people by
// it, what did not come ends the run, as an answer does that people were asked for: a
// failure would decide who takes part, and another try find somebody else.
func (r *runner) find(ctx context.Context, k int, answers []extract.Answer, err error) error {
	r.looked.answers = append(r.looked.answers, given{part: k, list: answers})
	if err != nil {
		return err
	}
	return r.missed(ctx, slices.DeleteFunc(slices.Clone(answers), func(a extract.Answer) bool { return a.Person == "" || !r.decides[a.Name()] }), true)
}

// deciding returns the names of the answers by which steps that are no looks select people.
func (s *Study) deciding() map[string]bool {
	names := map[string]bool{}
	for _, who := range whos(s.Script, false) {
		for _, c := range who.answers() {
			names[c.Attribute] = true
		}
	}
	return names
}

// A cast is who takes part in a scene.
type cast struct {
	Who  []string `json:"who"`
	With []string `json:"with,omitempty"`
}

// castOf returns the rooms of a part and who is in them: as it was settled when the part
// began, or as it is now.
func (r *runner) castOf(k int) ([]Room, [][]Person, error) {
	scene := r.parts[k].scene
	if scene == nil {
		var who, with []Person
		for _, x := range r.people() {
			if x.Staff {
				with = append(with, x)
			} else {
				who = append(who, x)
			}
		}
		if len(who) == 0 {
			who, with = with, nil // they are all there is
		}
		return r.s.spread("", r.s.World.Rooms, who, with)
	}
	if c, settled := r.casts[k]; settled {
		return r.roomsOf(scene, c)
	}
	r.casts[k] = r.choose(scene)
	ids, casts, err := r.roomsOf(scene, r.casts[k])
	if err != nil || r.o.answers == asIs || !scene.Who.byAnswers() && (scene.With == nil || !scene.With.byAnswers()) {
		return ids, casts, err
	}
	known := !r.byLooks(scene) && !slices.ContainsFunc(Step{Do: *scene}.whos(), r.guessed) // from the earlier run
	if begun, err := r.recorded(k, ids); known || begun || err != nil {
		return ids, casts, err
	}
	return r.roomsOf(scene, r.most(scene))
}

// roomsOf returns the rooms of a scene with a cast.
func (r *runner) roomsOf(scene *Scene, c cast) ([]Room, [][]Person, error) {
	var who, with []Person
	for _, x := range r.people() {
		if slices.Contains(c.Who, x.Name()) {
			who = append(who, x)
		}
		if slices.Contains(c.With, x.Name()) {
			with = append(with, x)
		}
	}
	if scene.Named && len(who) == 0 {
		return nil, nil, nil // who is with them is with nobody
	}
	return r.s.spread(scene.Name, scene.Rooms, who, with)
}

// recorded reports whether a part was begun in an earlier run, of which these are its rooms.
func (r *runner) recorded(k int, ids []Room) (bool, error) {
	if r.reachedPart(k) || r.o.Open == nil {
		return r.reachedPart(k), nil
	}
	for _, id := range ids {
		_, events, err := r.o.Open(id)
		if err != nil || events == nil {
			return false, err
		}
		for ev, err := range events {
			if err != nil || ev.End {
				return ev.End, err
			}
		}
	}
	return false, nil
}

// guessed reports whether who selects by answers that an earlier run has not.
func (r *runner) guessed(who Who) bool {
	return slices.ContainsFunc(who.answers(), func(c Condition) bool {
		name, _, _ := strings.Cut(c.Attribute, ".")
		_, now := r.asked.Load(name)
		return now
	})
}

// most returns who is in a scene, in an estimate, whatever was answered: those who may be,
// also in both ways at once, or those who must be.
func (r *runner) most(scene *Scene) cast {
	var c cast
	for _, x := range r.people() {
		var mayWith, mustWith bool
		if scene.With != nil {
			mayWith, mustWith = scene.With.may(x)
		}
		may, must := scene.Who.may(x)
		if !scene.Named && !r.there[x.Name()] {
			may, must = false, false
		}
		if may != must || mayWith != mustWith {
			r.o.open.Store(true)
		}
		if r.o.answers == atLeast {
			may, mayWith = must && !mayWith, mustWith
		} else if mustWith {
			may = false
		}
		if may {
			c.Who = append(c.Who, x.Name())
		}
		if mayWith {
			c.With = append(c.With, x.Name())
		}
	}
	return c
}

// people returns everybody as they are at the beginning of a part.
func (r *runner) people() []Person {
	list := r.s.everybody()
	for i := range list {
		list[i].Persona = r.memory[list[i].Name()].persona
	}
	return list
}

// choose returns who is in a scene that begins now.
func (r *runner) choose(scene *Scene) cast {
	c := cast{Who: []string{}}
	for _, x := range r.people() {
		switch name := x.Name(); {
		case scene.With != nil && scene.With.Selects(r.known(x)):
			c.With = append(c.With, name)
		case scene.Who.Selects(r.known(x)) && (scene.Named || r.there[name]):
			c.Who = append(c.Who, name)
		}
	}
	return c
}

// settle journals who is in a scene, before it begins, where that follows from what looks
// found: it depends on replies that are in no journal, and could come otherwise when the
// run is gone on with. It stands in the first room of the run, since the scene's own
// rooms follow from it.
func (r *runner) settle(k int) error {
	scene := r.parts[k].scene
	if scene == nil || !r.byLooks(scene) || r.reachedPart(k) || len(r.rooms) == 0 || r.rooms[0].units[0].part >= k {
		return nil
	}
	c := r.casts[k]
	return r.rooms[0].mark(mark{Verb: new(int), Hash: r.setups[k], Scene: scene.Name, At: atCast, Cast: &c})
}

// settled takes a mark that says who is in a scene.
func (r *runner) settled(m mark) error {
	k := slices.IndexFunc(r.parts, func(p stage) bool { return p.scene != nil && p.scene.Name == m.Scene })
	if k < 0 || r.setups[k] != m.Hash {
		if err := r.s.checker()(m); err != nil {
			return err
		}
	}
	if k < 0 || m.Cast == nil {
		return fmt.Errorf("a mark does not say who is in scene %s", m.Scene)
	}
	r.casts[k], r.marked[k] = *m.Cast, true
	return nil
}

// byLooks reports whether who is in a scene follows from what looks found.
func (r *runner) byLooks(scene *Scene) bool {
	return len(Step{Do: *scene}.lookedBy(r.looks)) > 0
}

// reachedPart reports whether any room has begun a part, or one after it.
func (r *runner) reachedPart(k int) bool {
	if r.marked[k] {
		return true
	}
	return slices.ContainsFunc(r.rooms, func(rm *room) bool {
		i := slices.IndexFunc(rm.units, func(u unit) bool { return u.part >= k })
		return i >= 0 && (rm.done > i || rm.done == i && rm.past.begun)
	})
}
