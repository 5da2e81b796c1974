package main

import (
	"fmt"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// manyRooms is what is known of rooms that are under way at once. What is printed
// follows the order of the script, whatever the order in which rooms come to it: a
// line for each verb once it is over in all rooms, and the first room's talk. That of a
// run is shown as it comes, once all rooms are over with what stands before it.
type manyRooms struct {
	next  int              // the verb whose line is to be printed
	verbs map[int]*inRooms // those that have begun
	under map[string]int   // the verb under way, by room
	first []tinytroupe.Event
	of    int // rooms of the part that is shown; 0 where it is none of these
}

// inRooms is a verb in many rooms.
type inRooms struct {
	last    study.Progress
	over    int // rooms in which it is
	before  int // of them, those in which an earlier run did it
	reached int
	present int
	begun   bool               // in the first room
	open    bool               // its talk is shown as it comes
	talk    []tinytroupe.Event // of the first room, that is not shown yet
}

// among shows a commit of one of many rooms.
func (n *narrator) among(room study.Room, evs []tinytroupe.Event) {
	m := &n.many
	v := m.verbs[m.under[room.Name()]]
	switch {
	case room.Index > 0:
	case v == nil:
		m.first = append(m.first, evs...) // until the first verb begins
	case v.open:
		n.printer.Events(evs...)
	default:
		v.talk = append(v.talk, evs...)
	}
}

// several tells of a verb in one of many rooms.
func (n *narrator) several(p study.Progress) {
	m := &n.many
	if m.verbs == nil {
		m.verbs, m.under = map[int]*inRooms{}, map[string]int{}
	}
	m.next = max(m.next, 1)
	v := m.verbs[p.Verb]
	if v == nil {
		v = &inRooms{}
		m.verbs[p.Verb] = v
	}
	if p.Room.Index == 0 || v.last.Step.Do == nil {
		v.last = p
	}
	switch p.Phase {
	case study.Began, study.Resumed:
		m.under[p.Room.Name()] = p.Verb
		if p.Room.Index == 0 {
			v.talk, m.first, v.begun = append(m.first, v.talk...), nil, true
			n.open()
		}
		return
	case study.Skipped:
		v.before++
	}
	v.over++
	v.reached += p.Reached
	v.present += p.Present
	for v := m.verbs[m.next]; v != nil && v.over == v.last.Room.Of; v = m.verbs[m.next] {
		n.line(v)
		delete(m.verbs, m.next)
		m.next++
	}
	n.open()
}

// open begins to show the talk of a run that is next, where the first room is in it.
func (n *narrator) open() {
	v := n.many.verbs[n.many.next]
	if v == nil || v.open || !v.begun {
		return
	}
	if _, run := v.last.Step.Do.(study.Run); run {
		n.line(v)
		v.open = true
	}
}

// line prints the line of a verb, and what was said in the first room.
func (n *narrator) line(v *inRooms) {
	if v.open {
		n.printer.Flush()
		return
	}
	p := v.last
	n.enter(p.Room) // the first, or one that stands for it
	n.many.of = p.Room.Of
	head := fmt.Sprintf("%-8s", p.Step.Word())
	run, isRun := p.Step.Do.(study.Run)
	if isRun {
		head += fmt.Sprintf(" %d", run.Steps)
	}
	p.Reached, p.Present = v.reached, v.present
	switch {
	case v.before == p.Room.Of:
		head += " done before"
	case !isRun:
		head += " " + done(p)
	}
	n.printf("[%*d/%d] %s%s\n", len(fmt.Sprint(p.Of)), p.Verb, p.Of, head, item(p))
	n.show(v)
}

// show shows the talk of the first room that was held.
func (n *narrator) show(v *inRooms) {
	n.held, v.talk = v.talk, nil
	n.release()
	n.held = nil
}

// rest prints the verbs that are not over in all rooms when a run ends.
func (n *narrator) rest() {
	m := &n.many
	for i := m.next; len(m.verbs) > 0 && i <= len(n.study.Steps()); i++ {
		if v := m.verbs[i]; v != nil {
			if n.printer == nil || n.scene != v.last.Room.Scene {
				n.enter(v.last.Room)
			}
			n.many.of = v.last.Room.Of
			n.printf("[%*d/%d] %-8s over in %d of %d rooms%s\n", len(fmt.Sprint(v.last.Of)), v.last.Verb, v.last.Of, v.last.Step.Word(), v.over, v.last.Room.Of, item(v.last))
			n.show(v)
			delete(m.verbs, i)
		}
	}
}

// others says that there is more than was shown.
func (n *narrator) others() {
	if k := n.many.of; k > 1 {
		n.printf("(%d more: tinytroupe show --transcript)\n", k-1)
	}
	n.many.of = 0
}

// part names a scene and its rooms.
func part(r study.Room) string {
	rooms := ""
	if r.Of > 1 {
		rooms = fmt.Sprintf("%d rooms, the first is %s", r.Of, r.ID)
	}
	switch {
	case r.Scene == "":
		return strings.Replace("rooms   "+rooms, " rooms,", ",", 1)
	case rooms == "":
		return "scene   " + r.Scene
	}
	return "scene   " + r.Scene + ": " + rooms
}

// item says for which items of loops a verb is done.
func item(p study.Progress) string {
	var list []string
	for _, l := range p.Loops {
		list = append(list, fmt.Sprintf("%s %d of %d", l.Var, l.Item, l.Of))
	}
	if list == nil {
		return ""
	}
	return "  (" + strings.Join(list, ", ") + ")"
}

// stepsIn returns how many steps a room of a scene has at most, or one outside.
func stepsIn(s *study.Study, scene string) int {
	n := 0
	for _, st := range s.StepsOf(scene) {
		if r, ok := st.Do.(study.Run); ok {
			n += r.Steps
		}
	}
	return n
}
