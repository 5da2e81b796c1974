package study_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/study"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a mind that answers what it heard last, or thinks when it heard nothing.
type echo struct{ failAt int }

func (e echo) Decide(_ context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	if e.failAt > 0 && p.Step == e.failAt {
		return nil, errors.New("the model is down")
	}
	d := &tinytroupe.Decision{State: &tinytroupe.MentalState{Goals: fmt.Sprintf("step %d", p.Step)}}
	if len(p.Stimuli) == 0 {
		d.Actions = []tinytroupe.Action{{Kind: tinytroupe.Think, Content: fmt.Sprintf("%d %s at %s", p.Step, strings.Join(p.Situation.Context, "+"), p.Situation.Place)}}
		return d, nil
	}
	last := p.Stimuli[len(p.Stimuli)-1]
	d.Actions = []tinytroupe.Action{{Kind: tinytroupe.Talk, Content: fmt.Sprintf("%d %s: %s", p.Step, last.Kind, head(last.Content))}}
	return d, nil
}

func head(s string) string { return s[:min(len(s), 20)] }

// log is a journal in memory.
type log struct{ events []tinytroupe.Event }

func (l *log) Append(events ...tinytroupe.Event) error {
	l.events = append(l.events, events...)
	return nil
}

func (l *log) lines(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, ev := range l.events {
		b, err := json.Marshal(ev)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, string(b))
	}
	return list
}

// commits returns the lengths of the journal after each commit.
func (l *log) commits() []int {
	var at []int
	for i, ev := range l.events {
		if ev.End {
			at = append(at, i+1)
		}
	}
	return at
}

func seq(events []tinytroupe.Event) iter.Seq2[tinytroupe.Event, error] {
	return func(yield func(tinytroupe.Event, error) bool) {
		for _, ev := range events {
			if !yield(ev, nil) {
				return
			}
		}
	}
}

func load(t *testing.T, text string, files ...string) *study.Study {
	t.Helper()
	s, err := loadText(text, files...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func loadText(text string, files ...string) (*study.Study, error) {
	fsys := fstest.MapFS{"study.yaml": {Data: []byte(text)}}
	for i := 0; i+1 < len(files); i += 2 {
		fsys[files[i]] = &fstest.MapFile{Data: []byte(files[i+1])}
	}
	return study.Load("study.yaml", &study.LoadOptions{FS: fsys, Env: env})
}

const whole = `
title: All that a script can do
seed: 5
world: {name: Square, starts: "2026-03-02 19:00", step: 10m, turns: %s, acquainted: %t, untargeted: everyone, idle: %s}
people:
  ann: {persona: {name: Ann, age: 30, mood: calm}}
  bo: {persona: {name: Bo, age: 61, mood: gay}}
  cy: {persona: {name: Cy, age: 19, mood: sad}}
script:
  - say: Hello all in ${room.id}
  - say: "You are ${person.age}, ${person.name}"
  - introduce: [ann, bo]
  - goal: Find out about the others
    to: {age: 18..35}
  - run: 2
  - think: I should listen
  - context: [rain, "mood ${person.mood}"]
  - move: Café
    to: bo
  - join: cy
  - run: 25m
  - set: {mood: merry, extra: {deep: [1, x]}}
    to: Ann
  - leave: bo
  - say: Is Bo here?
    to: [bo, cy]
  - skip: 2d
  - show: A picture
  - run: {steps: 2}
  - say: Nobody hears this
    to: bo
  - join: bo
  - run: 1
`

func options(l *log) *study.RunOptions { return resuming(l, nil) }

// resuming goes on with the events that a journal held.
func resuming(l tinytroupe.Journal, events iter.Seq2[tinytroupe.Event, error]) *study.RunOptions {
	return &study.RunOptions{
		Mind: func(study.Member) tinytroupe.Mind { return echo{} },
		Open: func(study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
			return l, events, nil
		},
	}
}

func TestRun(t *testing.T) {
	s := load(t, fmt.Sprintf(whole, "in turn", true, "act"))
	l := &log{}
	o := options(l)
	var told []string
	o.Progress = func(p study.Progress) {
		if p.Phase == study.Ended {
			told = append(told, fmt.Sprintf("%d/%d %s %d of %d", p.Verb, p.Of, p.Step.Word(), p.Reached, p.Present))
		}
	}
	res, err := s.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{
		"1/19 say 2 of 2", "2/19 say 2 of 2", "3/19 introduce 2 of 2", "4/19 goal 1 of 2", "5/19 run 0 of 2",
		"6/19 think 2 of 2", "7/19 context 2 of 2", "8/19 move 1 of 2", "9/19 join 1 of 3", "10/19 run 0 of 3",
		"11/19 set 1 of 3", "12/19 leave 1 of 2", "13/19 say 1 of 2", "14/19 skip 0 of 2", "15/19 show 2 of 2",
		"16/19 run 0 of 2", "17/19 say 0 of 2", "18/19 join 1 of 3", "19/19 run 0 of 3",
	}, told); diff != "" {
		t.Error(diff)
	}
	if res.Done != 19 || res.Resumed || !slices.Equal(res.Idle, []int{17}) {
		t.Errorf("done %d, resumed %t, idle %v", res.Done, res.Resumed, res.Idle)
	}
	v := res.Rooms[0].World.View()
	if got := v.Persona("Ann").Get("mood"); got != "merry" {
		t.Errorf("mood %v", got)
	}
	if got := v.Step(); got != 2+3+2+1 {
		t.Errorf("%d steps", got)
	}
	if got := v.Now().Format("2006-01-02 15:04"); got != "2026-03-04 20:20" {
		t.Errorf("it is %s", got)
	}
	// What is said to everyone alike is one event for everyone; what differs is one each.
	var spoken []string
	for _, ev := range l.events {
		if ev.Kind == tinytroupe.EventPerceived && ev.Stimulus.Source == "" || ev.Kind == tinytroupe.EventPerceived && ev.Stimulus.Kind == tinytroupe.Goal {
			spoken = append(spoken, fmt.Sprintf("%s %s: %s", ev.Stimulus.Kind, strings.Join(ev.To, ","), ev.Stimulus.Content))
		}
	}
	if diff := cmp.Diff([]string{
		"CONVERSATION *: Hello all in all",
		"CONVERSATION Ann: You are 30, Ann", "CONVERSATION Bo: You are 61, Bo",
		"INTERNAL_GOAL_FORMULATION Ann: Find out about the others",
		"THOUGHT *: I should listen",
		"CONVERSATION Cy: Is Bo here?",
		"VISUAL *: A picture",
	}, spoken); diff != "" {
		t.Error(diff)
	}
}

// TestResume stops a run after every commit and goes on: the journal must be the
// same to the byte, and every verb must be told of once.
func TestResume(t *testing.T) {
	for turns, idle := range map[string]string{"in turn": "act", "together": "pass", "shuffled": "act"} {
		s := load(t, fmt.Sprintf(whole, turns, idle == "act", idle))
		want := &log{}
		if _, err := s.Run(t.Context(), options(want)); err != nil {
			t.Fatal(err)
		}
		lines := want.lines(t)
		for _, at := range append(want.commits(), 0) {
			for torn := range 2 {
				if torn == 1 && (at == len(want.events) || want.events[at].End) {
					continue // no torn commit follows
				}
				cut := &log{events: slices.Clone(want.events[:at])}
				o := resuming(cut, seq(want.events[:at+torn]))
				res, err := s.Run(t.Context(), o)
				if err != nil {
					t.Fatalf("%s, %s: from event %d: %v", turns, idle, at, err)
				}
				if got := cut.lines(t); !slices.Equal(lines, got) {
					t.Fatalf("%s, %s: from event %d (-want +got):\n%s", turns, idle, at, cmp.Diff(lines, got))
				}
				if res.Done != 19 {
					t.Errorf("done %d", res.Done)
				}
			}
		}
	}
}

// TestInterrupted stops a run in the middle of a step by its context, and in the
// middle of another by a failing mind.
func TestInterrupted(t *testing.T) {
	s := load(t, fmt.Sprintf(whole, "in turn", true, "act"))
	want := &log{}
	if _, err := s.Run(t.Context(), options(want)); err != nil {
		t.Fatal(err)
	}
	l := &log{}
	ctx, cancel := context.WithCancel(t.Context())
	o := options(l)
	o.Observe = func(_ study.Room, events []tinytroupe.Event) {
		if events[0].Step == 3 && events[0].Round == 1 {
			cancel()
		}
	}
	res, err := s.Run(ctx, o)
	if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "study.yaml:21: run: step 3:") {
		t.Fatalf("error %v", err)
	}
	if res.Done != 9 {
		t.Errorf("done %d", res.Done)
	}
	o = resuming(l, seq(slices.Clone(l.events)))
	o.Mind = func(p study.Member) tinytroupe.Mind {
		if p.Name() == "Cy" {
			return echo{failAt: 5}
		}
		return echo{}
	}
	_, err = s.Run(t.Context(), o)
	var turn *tinytroupe.TurnError
	if !errors.As(err, &turn) || turn.Person != "Cy" || !strings.HasPrefix(err.Error(), "study.yaml:21: run: ") {
		t.Fatalf("error %v", err)
	}
	o = resuming(l, seq(slices.Clone(l.events)))
	var phases []string
	o.Progress = func(p study.Progress) { phases = append(phases, fmt.Sprint(p.Verb, " ", p.Phase)) }
	if _, err := s.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.lines(t), l.lines(t)); diff != "" {
		t.Error(diff)
	}
	if got := strings.Join(phases[8:14], " "); got != "9 skipped 10 resumed 10 ended 11 began 11 ended 12 began" {
		t.Error(got)
	}
}

func TestChanged(t *testing.T) {
	base := fmt.Sprintf(whole, "in turn", true, "act")
	l := &log{}
	if _, err := load(t, base).Run(t.Context(), options(l)); err != nil {
		t.Fatal(err)
	}
	if e, err := load(t, base).Compare(map[string]iter.Seq2[tinytroupe.Event, error]{"all": seq(l.events)}); err != nil || e.First != nil || e.Keep["all"] != len(l.events) {
		t.Error(e, err)
	}
	for _, c := range []struct{ old, new, want string }{
		{"age: 30", "age: 31", "study.yaml: its world or people are not those of the run to be continued"},
		{"step: 10m", "step: 5m", "study.yaml: its world or people are not those of the run to be continued"},
		{"A picture", "A painting", "study.yaml:28: show: this step is not the one that was run"},
		{"to: [bo, cy]", "to: cy", "study.yaml:25: say: this step is not the one that was run"},
		{"  - run: 1\n", "", "study.yaml:32: the script ends here, and the run to be continued went on: run"},
	} {
		o := resuming(&log{}, seq(l.events))
		s := load(t, strings.Replace(base, c.old, c.new, 1))
		_, err := s.Run(t.Context(), o)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", c.new, err)
		}
		e, problem := s.Compare(map[string]iter.Seq2[tinytroupe.Event, error]{"all": seq(l.events)})
		if problem != nil || e.First == nil || e.First.Error() != c.want {
			t.Errorf("%s: compare: %v, %v", c.new, e, problem)
		}
		var changed *study.ChangedError
		if !errors.As(err, &changed) {
			t.Errorf("%s: %T", c.new, err)
		}
	}
	// More steps at the end are the run going on.
	o := resuming(l, seq(slices.Clone(l.events)))
	res, err := load(t, base+"  - run: 1\n").Run(t.Context(), o)
	if err != nil || res.Done != 20 || res.Rooms[0].World.View().Step() != 9 {
		t.Errorf("%v, %+v", err, res)
	}
}

func TestImage(t *testing.T) {
	const png = "\x89PNG\r\n\x1a\n0000"
	s := load(t, "people: {ann: {persona: {age: 3}}}\nscript: [{show: {image: a.png, text: Look!}}]\n", "a.png", png)
	l := &log{}
	o := options(l)
	if _, err := s.Run(t.Context(), o); err == nil {
		t.Error("an image without a store")
	}
	l.events = nil
	stored := map[string]string{}
	o.Store = func(hash string, data []byte) error {
		stored[hash] = string(data)
		return nil
	}
	if _, err := s.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for _, ev := range l.events {
		if ev.Stimulus != nil {
			im := ev.Stimulus.Images[0]
			if stored[im.Hash] != png || im.MediaType != "image/png" || im.Name != "a.png" || ev.Stimulus.Content != "Look!" {
				t.Errorf("%+v", ev.Stimulus)
			}
			return
		}
	}
	t.Error("nobody saw it")
}
