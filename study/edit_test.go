package study_test

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// A journal is read, cut and written, room by room.
type journals map[string]*log

// open opens the journal of a room, to go on with.
func (j journals) open(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
	l := j[room.Name()]
	if l == nil {
		l = &log{}
		j[room.Name()] = l
	}
	return l, seq(slices.Clone(l.events)), nil
}

// read gives what a room has, to which nothing is added.
func (j journals) read(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
	if j[room.Name()] == nil {
		return nil, seq(nil), nil
	}
	return nil, seq(slices.Clone(j[room.Name()].events)), nil
}

// cuts calls f with the journals as they were after each number of steps.
func (j journals) cuts(t *testing.T, s *study.Study, f func(what string, cut journals)) {
	t.Helper()
	for verb := range len(s.Steps()) + 1 {
		c := j.clone()
		keep, err := s.Upto(verb, 0, c.rooms())
		if err != nil {
			t.Fatal(err)
		}
		c.cut(keep)
		f(fmt.Sprint("up to step ", verb), c)
	}
}

func (j journals) run(t *testing.T, s *study.Study) {
	t.Helper()
	_, err := s.Run(t.Context(), &study.RunOptions{
		Mind: func(study.Member) tinytroupe.Mind { return echo{} },
		Open: j.open,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (j journals) rooms() map[string]iter.Seq2[tinytroupe.Event, error] {
	m := map[string]iter.Seq2[tinytroupe.Event, error]{}
	for room, l := range j {
		m[room] = seq(l.events)
	}
	return m
}

func (j journals) cut(keep map[string]int) {
	for room, l := range j {
		if l.events = l.events[:keep[room]]; keep[room] == 0 {
			delete(j, room)
		}
	}
}

func (j journals) clone() journals {
	c := journals{}
	for room, l := range j {
		c[room] = &log{events: slices.Clone(l.events)}
	}
	return c
}

func (j journals) lines(t *testing.T) map[string][]string {
	m := map[string][]string{}
	for room, l := range j {
		m[room] = l.lines(t)
	}
	return m
}

const edited = `
title: Edited
vars: {tags: [one, two, three]}
people:
  p: {persona: {age: 30}}
  q: {persona: {age: 40}}
  r: {persona: {age: 50}, staff: true}
script:
  - say: Welcome.
  - run: 2
  - scene: talk
    rooms: each
    with: r
    do:
      - say: Before the talk.
      - run: 1
      - for: tag in tags
        order: rotate
        do:
          - say: See ${tag}.
          - run: 1
  - say: Between.
  - scene: ask
    rooms: each
    do:
      - say: Well?
      - run: 1
  - say: The end.
`

// TestEdit changes a study in every place, cuts what was run of it where Compare says,
// and goes on: the journals must be those of a run of the changed study from nothing,
// and what stands must be what was before the change.
func TestEdit(t *testing.T) {
	was := load(t, edited)
	old := journals{}
	old.run(t, was)
	for _, c := range []struct {
		old, new, first string
		keep            []string // rooms of which something stands, and how much of it: whole, part
	}{
		{"# none", "", "", []string{"all whole", "ask/p whole", "ask/q whole", "talk/p whole", "talk/q whole"}},
		{"title: Edited\n", "title: Edited\nabout: Something\n", "", []string{"all whole", "ask/p whole", "ask/q whole", "talk/p whole", "talk/q whole"}},
		{"age: 30", "age: 31", "study.yaml: its world or people are not those of the run to be continued", nil},
		{"Welcome.", "Hello.", "study.yaml:9: say: this step is not the one that was run", []string{"all part"}},
		{"run: 2", "run: 3", "study.yaml:10: run: this step is not the one that was run", []string{"all part"}},
		{"    with: r\n", "", "study.yaml:11: scene talk or what was before it: not as it was", []string{"all part"}},
		{"Before the talk.", "Before it.", "study.yaml:15: say: this step is not the one that was run", []string{"all part", "talk/p part", "talk/q part"}},
		{"See ${tag}.", "Behold ${tag}.", "study.yaml:20: say: this step is not the one that was run", []string{"all part", "talk/p part", "talk/q part"}},
		{"[one, two, three]", "[one, two, four]", "study.yaml:20: say: this step is not the one that was run", []string{"all part", "talk/p part", "talk/q part"}},
		{"[one, two, three]", "[one, two, three, four]", "study.yaml:20: say: this step is not the one that was run", []string{"all part", "talk/p part", "talk/q part"}},
		{"Between.", "And now.", "study.yaml:22: say: this step is not the one that was run", []string{"all part", "talk/p whole", "talk/q whole"}},
		{"Well?", "What then?", "study.yaml:26: say: this step is not the one that was run", []string{"all part", "ask/p part", "ask/q part", "talk/p whole", "talk/q whole"}},
		{"The end.", "End.", "study.yaml:28: say: this step is not the one that was run", []string{"all part", "ask/p whole", "ask/q whole", "talk/p whole", "talk/q whole"}},
		{"  - say: The end.\n", "", "study.yaml:23: the script ends here, and the run to be continued went on: what came after scene", []string{"all part", "ask/p whole", "ask/q whole", "talk/p whole", "talk/q whole"}},
		{"  - say: The end.\n", "  - say: The end.\n  - run: 1\n", "", []string{"all whole", "ask/p whole", "ask/q whole", "talk/p whole", "talk/q whole"}},
		{"scene: ask", "scene: inquiry", "study.yaml:28: what was before: not as it was", []string{"all part", "talk/p whole", "talk/q whole"}},
		{"  - say: Between.\n", "  - scene: new\n    do: [{run: 1}]\n  - say: Between.\n", "study.yaml:23: run: this step is not the one that was run", []string{"all part", "talk/p whole", "talk/q whole"}},
		{"  - say: Between.\n", "", "study.yaml:22: scene ask or what was before it: not as it was", []string{"all part", "talk/p whole", "talk/q whole"}},
		{"tag in tags\n        order: rotate\n        do:\n          - say: See ${tag}.", "t in tags\n        order: rotate\n        do:\n          - say: See ${t}.", "study.yaml:20: say: this step is not the one that was run", []string{"all part", "talk/p part", "talk/q part"}},
		{"  - say: Between.\n", "      - say: Between.\n", "study.yaml:22: say: this step is not the one that was run", []string{"all part", "talk/p whole", "talk/q whole"}},
		{"The end.\n", "The end.\n  - join: q\n", "study.yaml:9: who is there from the start: not as it was", nil},
	} {
		t.Run(c.new, func(t *testing.T) {
			text := strings.Replace(edited, c.old, c.new, 1)
			if strings.HasPrefix(c.old, "#") {
				text = edited
			}
			s := load(t, text)
			j := old.clone()
			e, err := s.Compare(j.rooms())
			if err != nil {
				t.Fatal(err)
			}
			first := ""
			if e.First != nil {
				first = e.First.Error()
			}
			if first != c.first {
				t.Errorf("first: %s", first)
			}
			var keep []string
			for _, room := range slices.Sorted(maps.Keys(e.Keep)) {
				switch n := e.Keep[room]; n {
				case 0:
				case len(old[room].events):
					keep = append(keep, room+" whole")
				default:
					keep = append(keep, room+" part")
				}
			}
			if diff := cmp.Diff(c.keep, keep); diff != "" {
				t.Errorf("keep (-want +got):\n%s", diff)
			}
			j.cut(e.Keep)
			j.run(t, s)
			want := journals{}
			want.run(t, s)
			if diff := cmp.Diff(want.lines(t), j.lines(t)); diff != "" {
				t.Errorf("journals (-from nothing +gone on):\n%s", diff)
			}
		})
	}
}

// TestEditItem: answers hold what the variable and the item of a loop are called, and so
// are other answers where these are called otherwise. Another item at the end is the run
// going on, unless it changes the order.
func TestEditItem(t *testing.T) {
	const text = `
vars: {tags: [{name: one, text: x}, {name: two, text: y}]}
people: {p: {persona: {age: 30}}}
questions: {q: {ask: What?}}
script:
  - for: tag in tags
    order: written
    do: [{ask: q}]
`
	for _, c := range []struct {
		old, new string
		stands   bool
	}{
		{"text: y", "text: z", true},
		{"tag in tags", "label in tags", false},
		{"name: two", "name: deux", false},
		{"text: y}]", "text: y}, three]", true},
		{"written", "shuffle", false},
	} {
		j := journals{}
		if _, err := j.polled(t, load(t, text), func(_, _, _ string) any { return "x" }, nil); err != nil {
			t.Fatal(err)
		}
		e, err := load(t, strings.Replace(text, c.old, c.new, 1)).Compare(j.rooms())
		if err != nil || (e.First == nil) != c.stands {
			t.Errorf("%s: %v, %v", c.new, e.First, err)
		}
	}
	shuffled := strings.Replace(text, "written", "shuffle", 1)
	j := journals{}
	if _, err := j.polled(t, load(t, shuffled), func(_, _, _ string) any { return "x" }, nil); err != nil {
		t.Fatal(err)
	}
	e, err := load(t, strings.Replace(shuffled, "text: y}]", "text: y}, three]", 1)).Compare(j.rooms())
	if err != nil || e.First == nil {
		t.Error("an order by chance of more items is another")
	}
	// In turn, how long one item's part is decides what follows in every room.
	const rotated = `
vars: {tags: [{name: one, words: [a, b]}, {name: two, words: [c]}]}
people: {p: {persona: {age: 30}}, q: {persona: {age: 31}}}
questions: {q: {ask: What?}}
script:
  - scene: alone
    rooms: each
    do:
      - for: tag in tags
        order: rotate
        do: [{for: word in tag.words, do: [{ask: q}]}]
`
	j = journals{}
	if _, err := j.polled(t, load(t, rotated), func(_, _, _ string) any { return "x" }, nil); err != nil {
		t.Fatal(err)
	}
	e, err = load(t, strings.Replace(rotated, "[c]", "[c, d]", 1)).Compare(j.rooms())
	if err != nil || e.First == nil {
		t.Error("a longer part of an item that is first elsewhere is another order")
	}
}

// TestUpto cuts a run after each step, and in the midst of each run, and goes on.
func TestUpto(t *testing.T) {
	s := load(t, edited)
	want := journals{}
	want.run(t, s)
	before := -1
	for verb := 0; verb <= len(s.Steps()); verb++ {
		for within := range 3 {
			j := want.clone()
			keep, err := s.Upto(verb, within, j.rooms())
			isRun := verb > 0 && s.Steps()[verb-1].Word() == "run"
			if within > 0 && !isRun {
				if err == nil {
					t.Errorf("%d.%d: no error", verb, within)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, k := range keep {
				n += k
			}
			if within == 0 {
				if n <= before {
					t.Errorf("up to %d: %d events, %d before", verb, n, before)
				}
				before = n
			}
			j.cut(keep)
			j.run(t, s)
			if diff := cmp.Diff(want.lines(t), j.lines(t)); diff != "" {
				t.Errorf("up to %d.%d (-want +got):\n%s", verb, within, diff)
			}
		}
	}
	if _, err := s.Upto(99, 0, want.rooms()); fmt.Sprint(err) != "step 99: the script has 14 steps" {
		t.Error(err)
	}
}
