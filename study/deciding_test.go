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

// TestNobodyButStaff: a scene of people who are selected, and of whom there are none, is
// not held: nobody talks to an empty room.
func TestNobodyButStaff(t *testing.T) {
	s := load(t, `
people: {ann: {persona: {name: Ann}}, mo: {persona: {name: Mo}, staff: true}}
questions: {intent: {ask: How likely?, scale: 1..5}}
script:
  - ask: intent
  - scene: fans
    who: {intent: 5}
    with: mo
    do: [{run: 2}]
  - scene: others
    who: {intent: 1..4}
    with: mo
    do: [{run: 2}]
  - run: 1
`)
	j := journals{}
	value := func(string, string, string) any { return 2 }
	files, err := j.polled(t, s, value, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"others/all": "Ann Mo"}, j.came("others")); diff != "" {
		t.Errorf("others (-want +got):\n%s", diff)
	}
	if _, held := j["fans/all"]; held {
		t.Error("the scene was held without anybody it is for")
	}
	j.resumed(t, s, files, value, nil)
}

// TestMayHaveAnswered: only whoever was asked can have answered, so that selectors which
// leave the others alone are sound, and those that only they could meet are not.
func TestMayHaveAnswered(t *testing.T) {
	const head = `
people: {lisa: {persona: {name: Lisa, age: 30}}, bo: {persona: {name: Bo, intent: 5}}, me: {human: true}, mo: {persona: {name: Mo}, staff: true}}
questions: {intent: {ask: How likely?, scale: 1..5}, why: {ask: Why?}}
script:
`
	for _, c := range []struct{ script, bad string }{
		{"  - {ask: intent, to: {not: [me, bo]}}\n  - {ask: why, to: {intent: 1..2}}\n", ""},
		{"  - {ask: intent, to: lisa}\n  - {say: \"You are ${person.age}.\", to: {intent: 1..2}}\n", ""},
		{"  - {ask: intent, to: lisa}\n  - {scene: s, rooms: {by: age}, who: {intent: 1..2}, do: [{run: 1}]}\n", ""},
		{"  - {ask: why, to: lisa}\n  - {code: why, codes: 2}\n  - {ask: intent, to: {why.code: x}}\n", ""},
		{"  - {scene: s, who: lisa, do: [{ask: intent}]}\n  - {ask: why, to: {intent: 1..5}}\n", ""},
		{"  - {ask: intent, to: lisa}\n  - {say: Hi., to: {intent: 1..2, age: 31}}\n", "this selects nobody"},
		{"  - {ask: intent, to: lisa}\n  - {ask: intent, to: {not: me}}\n  - {say: \"You are ${person.age}.\", to: {intent: 1..2}}\n", `Bo has no "age"`},
		{"  - {ask: intent, to: lisa}\n  - {say: \"You are ${person.age}.\", to: {intent: 5}}\n", `Bo has no "age"`}, // as they are
		{"  - {ask: why, to: lisa}\n  - {ask: intent, to: {not: {why: x}}}\n", "me is a human"},
	} {
		_, err := loadText(head + c.script)
		if c.bad == "" && err != nil || c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad)) {
			t.Errorf("%s: %v, want %q", c.script, err, c.bad)
		}
	}
	s := load(t, head+"  - {scene: s, who: lisa, do: [{ask: why}]}\n  - {check: {said: x}, name: loud}\n")
	for to, bad := range map[string]string{"{why: x}": "", "{why: x, age: 31}": "this selects nobody", "{loud: yes}": "nobody is selected by loud: it is a check"} {
		if _, err := s.ParseWho("--to", to); bad == "" && err != nil || bad != "" && (err == nil || !strings.Contains(err.Error(), bad)) {
			t.Errorf("%s: %v, want %q", to, err, bad)
		}
	}
}

// TestOwnAttribute: an attribute that people have selects them, also where answers by which
// nobody is selected have its name.
func TestOwnAttribute(t *testing.T) {
	const text = `
people: {ann: {persona: {name: Ann, mood: cheerful}}, bo: {persona: {name: Bo, mood: sad}}}
questions: {mood: {find: How they feel.}, wish: {find: A wish., list of: {what: text}}}
script:
  - {say: Hello.}
  - {run: 1}
  - {extract: mood, per: room}
  - {extract: wish}
  - {check: {said: x}, name: loud}
  - {say: Hi., to: {mood: cheerful}}
`
	j := journals{}
	if _, err := j.polled(t, load(t, text), nil, nil); err != nil || !slices.Equal(j.heard("Hi."), []string{"Ann"}) {
		t.Errorf("%v, heard by %q", err, j.heard("Hi."))
	}
	for name, why := range map[string]string{"wish.what": "each person may have several", "loud": "it is a check"} {
		for _, set := range []string{"", "  - set: {other: 1}\n"} {
			if _, err := loadText(text + set + "  - {say: Ho., to: {" + name + ": x}}\n"); err == nil || !strings.Contains(err.Error(), "nobody is selected by "+name+": "+why) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, err := loadText(text + "  - set: {loud: x}\n  - {say: Ho., to: {loud: x}}\n"); err != nil {
		t.Error(err)
	}
}

// TestSetByAnswers: what may have been set of somebody makes no later set a mistake, what
// must have been does.
func TestSetByAnswers(t *testing.T) {
	const head = `
people: {ann: {persona: {name: Ann}}, bo: {persona: {name: Bo}}}
questions: {intent: {ask: How likely?, scale: 1..5}}
script:
  - {ask: intent, to: ann}
`
	const first, second = "{set: {job: cook}, to: {intent: 1..2}}", "{set: {job.title: Cook}, to: {intent: 3..5}}"
	for script, bad := range map[string]bool{
		"  - " + first + "\n  - " + second + "\n": false,
		"  - {scene: a, who: {intent: 1..2}, do: [{set: {job: cook}}]}\n  - {scene: b, who: {intent: 3..5}, do: [{set: {job.title: Cook}}]}\n": false,
		"  - {set: {job: cook}}\n  - " + second + "\n":                                                                 true,
		"  - " + first + "\n  - {set: {job.title: Cook}, to: bo}\n  - {set: {job.title.x: Cook}, to: bo}\n":            true,
		"  - {set: {job: cook}, to: {not: {intent: 1..2}}}\n  - {set: {job.title: Cook}, to: bo}\n":                    true,
		"  - {scene: a, who: bo, do: [{set: {job: cook}}]}\n  - {scene: b, who: bo, do: [{set: {job.title: Cook}}]}\n": true,
	} {
		if _, err := loadText(head + script); (err != nil) != bad {
			t.Errorf("%s: %v", script, err)
		}
	}
}

// TestSelectedByNumber: a number selects by what it is, in any spelling; a text does not.
func TestSelectedByNumber(t *testing.T) {
	const head = `
people: {ann: {persona: {name: Ann, rate: 2.50, id: "1.10"}}, bo: {persona: {name: Bo, rate: 3, id: "1.1"}}}
questions: {price: {ask: What would you pay?, number: 0..10.5}}
script:
  - ask: price
  - say: Hi.
    to: `
	for to, want := range map[string][]string{
		"{price: 1.50}": {"Ann"}, "{price: 1.5}": {"Ann"}, "{price: [2.0, 7]}": {"Bo"}, "{rate: 2.5}": {"Ann"}, "{rate: 3.0}": {"Bo"}, "{id: 1.10}": {"Ann"},
	} {
		j := journals{}
		value := func(who, _, _ string) any { return map[string]float64{"Ann": 1.5, "Bo": 2}[who] }
		if _, err := j.polled(t, load(t, head+to+"\n"), value, nil); err != nil || !slices.Equal(j.heard("Hi."), want) {
			t.Errorf("%s: %v, heard by %q", to, err, j.heard("Hi."))
		}
	}
	for _, to := range []string{"{price: 11}", "{price: 0x1}", "{price: much}", "{price: inf}"} {
		if _, err := loadText(head + to + "\n"); err == nil || !strings.Contains(err.Error(), "nobody can answer price by") {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// TestDoubleChangesNothing: what is done twice finds what it found, so that who was selected
// by it stays.
func TestDoubleChangesNothing(t *testing.T) {
	was := journals{}
	text := moody + "  - code: mood\n    codes: {file: codes.csv}\n  - say: Bold.\n    to: {mood.code: bold}\n"
	text = strings.Replace(text, ", one of: [good, bad]", "", 1)
	const codes = "code,description\nbold,what is bold\n"
	if _, err := was.polled(t, load(t, text, "codes.csv", codes), nil, down()); err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{"  - extract: mood\n", "  - code: mood\n"} {
		e, err := load(t, strings.Replace(text, old, old+"    double: 0.5\n", 1), "codes.csv", codes).Compare(was.rooms())
		if err != nil || e.First != nil {
			t.Errorf("%s: %v, %v", old, e.First, err)
		}
	}
}
