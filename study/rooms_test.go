package study_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// recaller is a mind that says what it remembers, so that a journal shows it, and sums
// up when asked.
type recaller struct {
	delay func()
	fail  func(p *tinytroupe.Perception) error
}

func (r recaller) Decide(_ context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	if r.delay != nil {
		r.delay()
	}
	if r.fail != nil {
		if err := r.fail(p); err != nil {
			return nil, err
		}
	}
	var heard []string
	for _, ev := range p.Episode {
		if s, ok := ev.Perceived(p.Persona.Name()); ok && s.Source == "" {
			heard = append(heard, s.Content)
		}
	}
	text := fmt.Sprintf("%s of %s, step %d, %s: I remember %d (%s; %s), see %d", p.Persona.Name(), p.Persona.Get("mood"), p.Step,
		p.Situation.Now.Format("15:04"), len(p.Episode), strings.Join(heard, ", "), p.Summary, len(p.Stimuli))
	return &tinytroupe.Decision{
		Actions: []tinytroupe.Action{{Kind: tinytroupe.Talk, Content: text}},
		State:   &tinytroupe.MentalState{Goals: "after " + p.State.Goals[:min(len(p.State.Goals), 12)]},
	}, nil
}

func (r recaller) Consolidate(_ context.Context, p *tinytroupe.Perception, old []tinytroupe.Event) (*tinytroupe.Consolidation, error) {
	return &tinytroupe.Consolidation{
		Summary: fmt.Sprintf("%.20s+%d", p.Summary, len(old)), Memos: []tinytroupe.Memo{{Kind: "consolidated", Content: fmt.Sprint(len(old), " ", old[0].Kind)}},
	}, nil
}

// shelf is journals in memory, by room.
type shelf struct {
	mu   sync.Mutex
	logs map[string]*log
}

func (s *shelf) open(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logs == nil {
		s.logs = map[string]*log{}
	}
	l := s.logs[room.Name()]
	if l == nil {
		l = &log{}
		s.logs[room.Name()] = l
	}
	return l, seq(slices.Clone(l.events)), nil
}

func (s *shelf) lines(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for name, l := range s.logs {
		all[name] = l.lines(t)
	}
	return all
}

// cut returns the shelf with only some commits of each room, as a kill leaves it: a
// stage is begun only when the one before is over in all rooms.
func (s *shelf) cut(keep map[string]int) *shelf {
	c := &shelf{logs: map[string]*log{}}
	for name, l := range s.logs {
		if n, ok := keep[name]; ok {
			c.logs[name] = &log{events: slices.Clone(l.events[:n])}
		}
	}
	return c
}

func (s *shelf) options(m tinytroupe.Mind) *study.RunOptions {
	return &study.RunOptions{Mind: func(study.Member) tinytroupe.Mind { return m }, Open: s.open}
}

func (s *shelf) talk(room, who string) []string {
	var list []string
	for _, ev := range s.logs[room].events {
		if ev.Kind == tinytroupe.EventActed && ev.Who == who && ev.Action.Kind == tinytroupe.Talk {
			list = append(list, ev.Action.Content)
		}
	}
	return list
}

const scenes = `
title: Scenes
seed: 3
world: {name: Lab, starts: "2026-03-02 10:00", step: 10m, turns: %s}
vars: {topics: [tea, rain, trains]}
people:
  ann: {persona: {name: Ann, mood: calm, town: Rio}}
  bo: {persona: {name: Bo, mood: gay, town: Ulm}}
  cy: {persona: {name: Cy, mood: sad, town: Rio}}
  mo: {persona: {name: Mo, mood: kind}, staff: true}
script:
  - say: Welcome
  - run: 1
  - scene: talks
    rooms: each
    with: mo
    do:
      - say: Talk to ${person.name} in ${room.id}
        to: {not: mo}
      - for: topic in topics
        order: rotate
        do:
          - say: About ${topic}
          - run: 1
      - set: {mood: "new"}
        to: ann
  - scene: towns
    rooms: {by: town}
    fresh: true
    do: [{say: Fresh}, {run: 1}]
  - say: Back
  - leave: cy
  - run: 1
  - scene: group
    with: mo
    do:
      - say: Together
        to: [everyone, mo]
      - run: {steps: 5, until: {said: "step 2", by: bo}}
  - join: cy
  - run: 1
`

func TestScenes(t *testing.T) {
	s := load(t, fmt.Sprintf(scenes, "in turn"))
	sh := &shelf{}
	res, err := s.Run(t.Context(), sh.options(recaller{}))
	if err != nil {
		t.Fatal(err)
	}
	if want := len(s.Steps()); res.Done != want || want != 2+7+1+2+3+2+2 || len(res.Idle) != 0 {
		t.Errorf("done %d of %d, idle %v", res.Done, want, res.Idle)
	}
	var rooms []string
	for _, o := range res.Rooms {
		rooms = append(rooms, o.Room.Name())
	}
	if got := strings.Join(rooms, " "); got != "all talks/Ann talks/Bo talks/Cy towns/Rio towns/Ulm group/all" {
		t.Error(got)
	}
	for _, c := range []struct {
		room, who string
		want      []string
	}{
		// Rooms begin loops at another item each, and people remember what was outside.
		{"talks/Bo", "Bo", []string{
			"Bo of gay, step 1, 10:20: I remember 7 (Welcome; ), see 2",
			"Bo of gay, step 2, 10:30: I remember 12 (Welcome, Talk to Bo in talks/Bo, About rain; ), see 2",
			"Bo of gay, step 3, 10:40: I remember 17 (Welcome, Talk to Bo in talks/Bo, About rain, About trains; ), see 2",
		}},
		// Nothing of it is in a fresh scene; the edit is.
		{"towns/Rio", "Ann", []string{"Ann of new, step 1, 10:50: I remember 0 (; ), see 1"}},
		{"towns/Rio", "Cy", []string{"Cy of sad, step 1, 10:50: I remember 0 (; ), see 2"}},
		// Who comes back remembers both.
		{"all", "Ann", []string{
			"Ann of calm, step 1, 10:10: I remember 0 (; ), see 1",
			"Ann of new, step 2, 11:00: I remember 28 (Welcome, Talk to Ann in talks/Ann, About tea, About rain, About trains, Fresh; ), see 1",
			"Ann of new, step 3, 11:30: I remember 45 (Welcome, Talk to Ann in talks/Ann, About tea, About rain, About trains, Fresh, Back, Together; ), see 0",
		}},
		// Staff remembers all rooms.
		{"group/all", "Mo", []string{
			"Mo of kind, step 1, 11:10: I remember 47 (; ), see 3",
			"Mo of kind, step 2, 11:20: I remember 53 (Together; ), see 2",
		}},
	} {
		if diff := cmp.Diff(c.want, sh.talk(c.room, c.who)); diff != "" {
			t.Errorf("%s in %s (-want +got):\n%s", c.who, c.room, diff)
		}
	}
	// Cy had left: not in the group, and back at the end with what the others had not.
	if got := sh.talk("group/all", "Ann"); len(got) != 2 {
		t.Errorf("%d turns: the run ends when Bo says so", len(got))
	}
	if _, there := sh.logs["group/all"]; !there || slices.Contains(res.Rooms[6].World.People(), "Cy") {
		t.Error("Cy is in the group")
	}
	if got := sh.talk("all", "Cy"); len(got) != 2 || !strings.Contains(got[1], "(Welcome, Talk to Cy in talks/Cy, About trains, About tea, About rain, Fresh, Back; )") {
		t.Errorf("%q", got)
	}
	var loops []string
	for _, ev := range sh.logs["talks/Cy"].events {
		if m := string(ev.Mark); strings.Contains(m, `"say"`) && strings.Contains(m, `"start"`) && strings.Contains(m, `"for"`) {
			loops = append(loops, m[strings.Index(m, `"for"`):])
		}
	}
	if diff := cmp.Diff([]string{
		`"for":[{"var":"topic","item":3,"position":1}],"at":"start"}`,
		`"for":[{"var":"topic","item":1,"position":2}],"at":"start"}`,
		`"for":[{"var":"topic","item":2,"position":3}],"at":"start"}`,
	}, loops); diff != "" {
		t.Error(diff)
	}
}

// TestResumeRooms stops runs at random commits of any of their rooms and goes on:
// every journal must be the same to the byte, whatever the timing of the minds.
func TestResumeRooms(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, episode := range []int{0, 600} {
		for _, turns := range []string{"in turn", "together"} {
			s := load(t, fmt.Sprintf(scenes, turns))
			whole := &shelf{}
			o := whole.options(recaller{})
			o.Episode = episode
			res, err := s.Run(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			want := whole.lines(t)
			folded := slices.ContainsFunc(whole.logs["all"].events, func(ev tinytroupe.Event) bool { return ev.Past != nil && ev.Past.Summary != "" })
			if folded != (episode > 0) {
				t.Fatalf("episode %d: a past with a summary: %t", episode, folded)
			}
			var stages [][]string // rooms that are under way together
			for _, o := range res.Rooms {
				if n := len(stages); n > 0 && o.Room.Index > 0 {
					stages[n-1] = append(stages[n-1], o.Room.Name())
				} else {
					stages = append(stages, []string{o.Room.Name()})
				}
			}
			for n := range 25 {
				sh := whole.cut(cutAt(r, whole, stages))
				o := sh.options(recaller{delay: func() {
					if n%10 == 0 {
						time.Sleep(time.Duration(rand.IntN(200)) * time.Microsecond)
					}
				}})
				o.Episode = episode
				o.Rooms = 1 + n%4
				if _, err := s.Run(t.Context(), o); err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, sh.lines(t)); diff != "" {
					t.Fatalf("episode %d, %s, cut %d (-want +got):\n%s", episode, turns, n, diff)
				}
			}
		}
	}
}

// cutAt draws how many events of each room a kill left: those of finished stages
// whole, any number of commits of the rooms of one stage, and nothing of later ones.
// The first stage goes on between the others.
func cutAt(r *rand.Rand, s *shelf, stages [][]string) map[string]int {
	keep := map[string]int{}
	k := r.IntN(len(stages))
	for _, name := range slices.Concat(stages[:k]...) {
		keep[name] = len(s.logs[name].events)
	}
	for _, name := range stages[k] {
		at := append(s.logs[name].commits(), 0)
		keep[name] = at[r.IntN(len(at))]
	}
	// Outside, nothing happens until the scene is over.
	returns := []int{}
	for i, ev := range s.logs["all"].events {
		if m := string(ev.Mark); strings.Contains(m, `"return"`) && strings.Contains(m, `"start"`) {
			returns = append(returns, i)
		}
	}
	switch {
	case k == 0:
	case k < 3: // talks, towns
		keep["all"] = returns[0]
	default:
		keep["all"] = returns[1]
	}
	return keep
}

// TestCutOutside stops runs at every commit outside of scenes.
func TestCutOutside(t *testing.T) {
	s := load(t, fmt.Sprintf(scenes, "shuffled"))
	whole := &shelf{}
	if _, err := s.Run(t.Context(), whole.options(recaller{})); err != nil {
		t.Fatal(err)
	}
	want := whole.lines(t)
	var first, second int
	for i, ev := range whole.logs["all"].events {
		if m := string(ev.Mark); strings.Contains(m, `"return"`) && strings.Contains(m, `"start"`) {
			if first, second = second, i; first == 0 {
				first, second = i, 0
			}
		}
	}
	if second == 0 {
		second = first
	}
	for _, at := range whole.logs["all"].commits() {
		keep := map[string]int{"all": at}
		for name, l := range whole.logs {
			stage, _, _ := strings.Cut(name, "/")
			if (stage == "talks" || stage == "towns") && at > first || stage == "group" && at > second {
				keep[name] = len(l.events)
			}
		}
		sh := whole.cut(keep)
		if _, err := s.Run(t.Context(), sh.options(recaller{})); err != nil {
			t.Fatalf("at %d: %v", at, err)
		}
		if diff := cmp.Diff(want, sh.lines(t)); diff != "" {
			t.Fatalf("at %d (-want +got):\n%s", at, diff)
		}
	}
}

// TestRoomFails: when one room fails, the others begin nothing new, and a run that
// goes on ends as if nothing had been.
func TestRoomFails(t *testing.T) {
	s := load(t, fmt.Sprintf(scenes, "in turn"))
	whole := &shelf{}
	if _, err := s.Run(t.Context(), whole.options(recaller{})); err != nil {
		t.Fatal(err)
	}
	sh := &shelf{}
	down := errors.New("the model is down")
	_, err := s.Run(t.Context(), sh.options(recaller{fail: func(p *tinytroupe.Perception) error {
		if p.Persona.Name() == "Cy" && p.Step == 2 {
			return down
		}
		return nil
	}}))
	var room *study.RoomError
	if !errors.Is(err, down) || !errors.As(err, &room) || room.Room.Name() != "talks/Cy" || err.Error() != "study.yaml:24: run: talks/Cy: step 2: Cy: the model is down" {
		t.Fatal(err)
	}
	if len(sh.logs) != 4 {
		t.Errorf("%d rooms were begun", len(sh.logs))
	}
	if _, err := s.Run(t.Context(), sh.options(recaller{})); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(whole.lines(t), sh.lines(t)); diff != "" {
		t.Error(diff)
	}
	// Where it is tolerated, the room goes on without the turn.
	sh = &shelf{}
	o := sh.options(recaller{fail: func(p *tinytroupe.Perception) error {
		if p.Persona.Name() == "Cy" && p.Step == 2 {
			return down
		}
		return nil
	}})
	o.Tolerate = func(error) bool { return true }
	if _, err := s.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	failed := map[string]int{}
	for name, l := range sh.logs {
		for _, ev := range l.events {
			if ev.Kind == tinytroupe.EventFailed {
				failed[name]++
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"talks/Cy": 1, "all": 0}, failed, cmp.Transformer("positive", func(m map[string]int) map[string]int {
		m = maps.Clone(m)
		maps.DeleteFunc(m, func(_ string, n int) bool { return n == 0 })
		return m
	})); diff != "" {
		t.Error(diff)
	}
}

// forgetful is a mind that cannot sum up.
type forgetful struct{ recaller }

func (forgetful) Consolidate(context.Context, *tinytroupe.Perception, []tinytroupe.Event) (*tinytroupe.Consolidation, error) {
	return nil, errors.New("too long")
}

// TestSummaryFails: where a summary between scenes fails, and that is tolerated, all is
// remembered, and the room tries again and journals that it failed.
func TestSummaryFails(t *testing.T) {
	s := load(t, `
people:
  ann: {persona: {name: Ann}}
  bo: {persona: {name: Bo}}
  mo: {persona: {name: Mo}, staff: true}
script:
  - scene: one
    rooms: each
    with: mo
    do: [{say: "It is ${room.id}", to: mo}, {run: 1}]
  - scene: two
    with: mo
    do: [{run: 2}]
`)
	sh := &shelf{}
	o := sh.options(forgetful{})
	o.Episode = 600
	if _, err := s.Run(t.Context(), o); err == nil || !strings.Contains(err.Error(), "Mo: consolidation: too long") {
		t.Fatal(err)
	}
	sh = &shelf{}
	o = sh.options(forgetful{})
	o.Episode, o.Tolerate = 600, func(error) bool { return true }
	if _, err := s.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got := sh.talk("two/all", "Mo"); len(got) != 2 || !strings.Contains(got[0], "(It is one/Ann, It is one/Bo; )") {
		t.Errorf("%q", got)
	}
	if !slices.ContainsFunc(sh.logs["two/all"].events, func(ev tinytroupe.Event) bool {
		return ev.Kind == tinytroupe.EventFailed && ev.Who == "Mo" && ev.Failure.What == "consolidation"
	}) {
		t.Error("no failure in the journal")
	}
}

// TestChangedScene: a scene with other rooms is another study.
func TestChangedScene(t *testing.T) {
	base := fmt.Sprintf(scenes, "in turn")
	sh := &shelf{}
	if _, err := load(t, base).Run(t.Context(), sh.options(recaller{})); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"fresh: true", "fresh: false", "study.yaml:27: scene towns or what was before it: not as it was"},
		{"About ${topic}", "On ${topic}", "study.yaml:23: say: this step is not the one that was run"},
		{"order: rotate", "order: written", "study.yaml:23: say: this step is not the one that was run"},
		{"[tea, rain, trains]", "[tea, rain]", "study.yaml:23: say: this step is not the one that was run"},
		{"said: \"step 2\"", "said: \"step 3\"", "study.yaml:39: run: this step is not the one that was run"},
	} {
		again := sh.cut(map[string]int{})
		for name, l := range sh.logs {
			again.logs[name] = &log{events: l.events}
		}
		s := load(t, strings.Replace(base, c.old, c.new, 1))
		_, err := s.Run(t.Context(), again.options(recaller{}))
		if _, ok := errors.AsType[*study.ChangedError](err); !ok {
			t.Errorf("%s: %v", c.new, err)
		}
		rooms := map[string]iter.Seq2[tinytroupe.Event, error]{}
		for name, l := range again.logs {
			rooms[name] = seq(l.events)
		}
		if e, err := s.Compare(rooms); err != nil || e.First == nil || e.First.Error() != c.want {
			t.Errorf("%s: %v, %v", c.new, e, err)
		}
	}
}

func TestSpread(t *testing.T) {
	people := ""
	for i := range 20 {
		people += fmt.Sprintf("  p%d: {persona: {name: P%02d, town: %s}}\n", i, i, []string{"Rio", "rio", "a/b", ".."}[i%4])
	}
	spread := func(rooms string) map[string]int {
		t.Helper()
		s := load(t, "world: {rooms: "+rooms+"}\npeople:\n"+people+"script: [{say: Hi}]\n")
		sh := &shelf{}
		res, err := s.Run(t.Context(), sh.options(recaller{}))
		if err != nil {
			t.Fatal(err)
		}
		sizes := map[string]int{}
		for _, o := range res.Rooms {
			sizes[o.Room.Name()] = len(o.World.People())
		}
		return sizes
	}
	if got := spread("each"); len(got) != 20 || got["P07"] != 1 {
		t.Error(got)
	}
	if diff := cmp.Diff(map[string]int{"1": 6, "2": 7, "3": 7}, spread("{of: 8}")); diff != "" {
		t.Error(diff)
	}
	if got := spread("{of: 2}"); len(got) != 10 || got["01"] != 2 || got["10"] != 2 {
		t.Error(got)
	}
	if diff := cmp.Diff(map[string]int{"Rio": 10, "a-b": 5, "..": 5}, spread("{by: town}")); diff != "" {
		t.Error(diff)
	}
}

// TestShuffled: each room has an order of its own, that depends on the seed alone.
func TestShuffled(t *testing.T) {
	const text = `
seed: %d
world: {rooms: each}
people: {group: {file: people, count: 12}}
script:
  - for: x in [a, b, c, d]
    order: shuffle
    do: [{say: "${x}"}]
`
	var files []string
	for i := range 15 {
		files = append(files, fmt.Sprintf("people/p%02d.agent.json", i), fmt.Sprintf(`{"name":"P%02d"}`, i))
	}
	orders := func(seed int) map[string]string {
		s := load(t, fmt.Sprintf(text, seed), files...)
		sh := &shelf{}
		if _, err := s.Run(t.Context(), sh.options(recaller{})); err != nil {
			t.Fatal(err)
		}
		m := map[string]string{}
		for name, l := range sh.logs {
			for _, ev := range l.events {
				if ev.Stimulus != nil {
					m[name] += ev.Stimulus.Content
				}
			}
		}
		return m
	}
	one, again, two := orders(1), orders(1), orders(2)
	if diff := cmp.Diff(one, again); diff != "" {
		t.Error(diff)
	}
	if len(one) != 12 || cmp.Equal(one, two) {
		t.Errorf("%v\n%v", one, two)
	}
	different := map[string]bool{}
	for _, o := range one {
		different[o] = true
		if c := slices.Sorted(slices.Values(strings.Split(o, ""))); strings.Join(c, "") != "abcd" {
			t.Errorf("%q", o)
		}
	}
	if len(different) < 6 {
		t.Errorf("only %d orders in 12 rooms", len(different))
	}
}
