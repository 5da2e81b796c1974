package study_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/study"
)

const moody = `
people:
  ann: {persona: {name: Ann}}
  bob: {persona: {name: Bob}}
  cy: {persona: {name: Cy}}
  di: {persona: {name: Di}}
vars: {topics: [tea, rain, trains]}
questions:
  mood: {find: How they feel., one of: [good, bad]}
script:
  - say: Hello.
  - run: 1
  - extract: mood
  - scene: moody
    rooms: {of: 2}
    who: {mood: bad}
    do:
      - for: topic in topics
        order: rotate
        do: [{say: "${topic}"}, {run: 1}]
`

// down is a reader that finds everybody in a bad mood, but those of whom it gets no reply.
func down(names ...string) *reader {
	return &reader{
		value: func(string, string) any { return "bad" },
		down:  func(req *llm.Request) bool { return slices.Contains(names, req.Label.Person) },
	}
}

// came returns who came into the rooms of a scene, by room.
func (j journals) came(scene string) map[string]string {
	m := map[string]string{}
	for room, l := range j {
		for _, ev := range l.events {
			if ev.Kind == tinytroupe.EventJoined && strings.HasPrefix(room, scene+"/") {
				m[room] = strings.TrimSpace(m[room] + " " + ev.Who)
			}
		}
	}
	return m
}

// TestFindingFails: where a step selects people by what a look finds, what it does not find
// ends the run before that step; gone on with, the run is that of which nothing failed.
// Where no step selects by it, the run goes on.
func TestFindingFails(t *testing.T) {
	const coded = `
people: {ann: {persona: {name: Ann}}, bob: {persona: {name: Bob}}}
questions: {why: {ask: Why?}}
script:
  - ask: why
  - code: why
    codes: {file: codes.csv}
  - say: Bold.
    to: {why.code: bold}
`
	const codes = "code,description\nbold,what is bold\n"
	value := func(who, _, _ string) any { return who + " is bold" }
	for _, c := range []struct{ text, name, person string }{{moody, "mood", "Bob"}, {coded, "why.code", "Ann"}} {
		s := load(t, c.text, "codes.csv", codes)
		want := journals{}
		files, err := want.polled(t, s, value, down())
		if err != nil {
			t.Fatal(err)
		}
		j := journals{}
		r := down(c.person)
		if c.name == "why.code" {
			r.down = func(*llm.Request) bool { return true }
		}
		_, err = j.polled(t, s, value, r)
		e, ok := errors.AsType[*study.AskError](err)
		if !ok || e.Person != c.person || e.Question != c.name || e.Outcome != extract.Failed || !e.Look || !strings.Contains(err.Error(), "a later step selects by it") {
			t.Fatalf("%s: %v", c.name, err)
		}
		if len(j.came("moody")) > 0 || len(j.heard("Bold.")) > 0 {
			t.Errorf("%s: the run went on", c.name)
		}
		again, err := j.polled(t, s, value, down())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.lines(t), j.lines(t)); diff != "" {
			t.Errorf("%s: journals (-want +got):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(files, again); diff != "" {
			t.Errorf("%s: files (-want +got):\n%s", c.name, diff)
		}
	}
	free := load(t, strings.Replace(moody, "{mood: bad}", "everyone", 1)+"  - check: {said: x, by: {mood: bad}}\n")
	if _, err := (journals{}).polled(t, free, nil, down("Bob")); err != nil {
		t.Error(err)
	}
}

// TestCastStays: where a failure is tolerated, a scene keeps the people with whom it began,
// also where the finding is there when the run is gone on with; wherever the run was cut.
func TestCastStays(t *testing.T) {
	run := func(j journals, s *study.Study, r *reader) map[string]string {
		t.Helper()
		o, files := j.polling(nil, r)
		o.Tolerate = func(error) bool { return true }
		if _, err := s.Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		return files
	}
	s := load(t, moody+"  - say: The end.\n  - run: 1\n")
	whole := journals{}
	run(whole, s, down("Bob"))
	want := whole.came("moody")
	if len(want) != 2 || strings.Contains(strings.Join(slices.Collect(maps.Values(want)), " "), "Bob") {
		t.Fatalf("%q", want)
	}
	for _, room := range slices.Sorted(maps.Keys(whole)) {
		for _, n := range whole[room].commits() {
			j := whole.clone()
			j[room].events = j[room].events[:n]
			settled := slices.ContainsFunc(j["all"].events, func(ev tinytroupe.Event) bool { return strings.Contains(string(ev.Mark), `"cast"`) })
			if room == "all" {
				delete(j, "moody/1")
				delete(j, "moody/2")
			} else { // outside, nothing happens until the scene is over
				i := slices.IndexFunc(j["all"].events, func(ev tinytroupe.Event) bool { return strings.Contains(string(ev.Mark), `"return"`) })
				j["all"].events = j["all"].events[:i]
			}
			files := run(j, s, down())
			if !settled {
				if got := j.came("moody"); !strings.Contains(got["moody/1"]+got["moody/2"], "Bob") {
					t.Errorf("%s up to event %d: nothing was settled, and Bob is not in the scene", room, n)
				}
				continue
			}
			if diff := cmp.Diff(whole.lines(t), j.lines(t)); diff != "" {
				t.Errorf("%s up to event %d (-want +got):\n%s", room, n, diff)
			}
			if !strings.Contains(files["results/answers.csv"], "Bob,mood,") || strings.Contains(files["results/answers.csv"], "failed") {
				t.Errorf("Bob's mood is still not there: %s", files["results/answers.csv"])
			}
		}
	}
	// Who is in no scene is so for good, too.
	none := journals{}
	run(none, s, down("Ann", "Bob", "Cy", "Di"))
	lines := none.lines(t)
	run(none, s, down())
	if diff := cmp.Diff(lines, none.lines(t)); diff != "" || len(none) != 1 {
		t.Errorf("a scene without anybody (-want +got):\n%s", diff)
	}
	// The mark goes where what it stands for goes.
	edited := load(t, strings.Replace(moody, "How they feel.", "Their mood.", 1)+"  - say: The end.\n  - run: 1\n")
	e, err := edited.Compare(whole.rooms())
	if err != nil || e.First == nil || e.Keep["moody/1"] != 0 {
		t.Fatal(e, err)
	}
	j := whole.clone()
	j.cut(e.Keep)
	run(j, edited, down())
	fresh := journals{}
	run(fresh, edited, down())
	if diff := cmp.Diff(fresh.lines(t), j.lines(t)); diff != "" {
		t.Errorf("edited (-want +got):\n%s", diff)
	}
	// A run that was begun without such marks goes on without.
	s = load(t, moody)
	old := journals{}
	run(old, s, down("Bob"))
	all := old["all"].events
	if last := all[len(all)-1]; !strings.Contains(string(last.Mark), `"cast":{"who":["Ann","Cy","Di"]}`) {
		t.Fatalf("%s", last.Mark)
	}
	old["all"].events = all[:len(all)-1]
	n := old["moody/2"].commits()
	old["moody/2"].events = old["moody/2"].events[:n[len(n)/2]]
	run(old, s, down("Bob"))
	if got := old.came("moody"); !maps.Equal(got, want) || len(old["all"].events) != len(all)-1 {
		t.Errorf("%q", got)
	}
}

// TestLookSays: what was done by what a look found does not stand when its model is told
// something else of the study, or is another; where nothing was, it does.
func TestLookSays(t *testing.T) {
	const head = "title: A\nabout: B\nmodel: {act: x/y, extract: x/z}\n"
	was := journals{}
	if _, err := was.polled(t, load(t, head+moody), nil, down()); err != nil {
		t.Fatal(err)
	}
	free := journals{}
	loose := strings.Replace(moody, "{mood: bad}", "everyone", 1)
	if _, err := free.polled(t, load(t, head+"world: {name: W}\n"+loose), nil, down()); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new string }{{"about: B", "about: C"}, {"extract: x/z", "extract: x/other"}, {"title: A", "title: Z\nworld: {name: A}"}} {
		e, err := load(t, strings.Replace(head, c.old, c.new, 1)+moody).Compare(was.rooms())
		if err != nil || e.First == nil || !strings.Contains(e.First.Error(), "scene moody or what was before it") || e.Keep["all"] == 0 || e.Keep["moody/1"] != 0 {
			t.Errorf("%s: %v, %v", c.new, e, err)
		}
		if strings.HasPrefix(c.old, "title") {
			c.new = "title: Z"
		}
		if e, err = load(t, strings.Replace(head, c.old, c.new, 1)+"world: {name: W}\n"+loose).Compare(free.rooms()); err != nil || e.First != nil {
			t.Errorf("%s: %v, %v", c.new, e.First, err)
		}
	}
	if e, err := load(t, head+moody).Compare(was.rooms()); err != nil || e.First != nil {
		t.Errorf("unchanged: %v, %v", e.First, err)
	}
}
