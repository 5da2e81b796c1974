package study_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// voter is a mind that answers as it is told to: each its own way.
type voter struct {
	echo
	value func(who, question, text string) any // nil refuses
}

func (v voter) Ask(_ context.Context, p *tinytroupe.Perception, q tinytroupe.Question) (*tinytroupe.Answer, error) {
	var schema struct {
		Properties map[string]struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"properties"`
	}
	if err := json.Unmarshal(q.Schema, &schema); err != nil {
		return nil, err
	}
	answer := func(key string) any {
		value := v.value(p.Persona.Name(), key, q.Text)
		return map[string]any{"said": "as I say", "outcome": map[bool]string{true: "refused", false: "answered"}[value == nil], "value": value}
	}
	reply := map[string]any{}
	for key, x := range schema.Properties {
		if _, plain := x.Properties["outcome"]; plain {
			reply[key] = answer(key)
			continue
		}
		fields := map[string]any{}
		for field := range x.Properties {
			fields[field] = answer(field)
		}
		reply[key] = fields
	}
	b, err := json.Marshal(reply)
	return &tinytroupe.Answer{Value: b, Calls: []string{"call"}}, err
}

// reader is a model that finds what it is told to, with something that was said as its
// quotation; all else the stand-in does. It keeps what it was shown.
type reader struct {
	llm.Model
	value func(question, prompt string) any
	down  func(req *llm.Request) bool // which requests fail; nil none

	mu      sync.Mutex
	prompts []string
}

var talk = regexp.MustCompile(`"who":"([^"]*)"[^\n]*"does":"TALK"[^\n]*"content":"([^"]*)"`)

func (r *reader) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	prompt := req.System
	for _, m := range req.Messages {
		for _, p := range m.Parts {
			prompt += "\n" + p.Text
		}
	}
	r.mu.Lock()
	r.prompts = append(r.prompts, prompt)
	r.mu.Unlock()
	if r.down != nil && r.down(req) {
		return nil, errors.New("the model is down")
	}
	if r.value == nil || req.Schema == nil || req.Schema.Name != "found" {
		return r.Model.Generate(ctx, req)
	}
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(req.Schema.Body, &schema); err != nil {
		return nil, err
	}
	said := ""
	for _, m := range talk.FindAllStringSubmatch(prompt, -1) {
		if who := req.Label.Person; who == "" || who == m[1] {
			said = m[2]
		}
	}
	if said == "" {
		return nil, errors.New("nobody spoke")
	}
	reply := map[string]any{}
	for key := range schema.Properties {
		reply[key] = map[string]any{"quote": said, "event": 0, "outcome": "answered", "value": r.value(key, prompt)}
	}
	b, err := json.Marshal(reply)
	return &llm.Response{Text: string(b), Finish: llm.FinishStop, Model: "reader"}, err
}

// polled runs a study over journals, and returns the files that it leaves.
func (j journals) polled(t *testing.T, s *study.Study, value func(who, question, text string) any, r *reader) (map[string]string, error) {
	t.Helper()
	o, files := j.polling(value, r)
	_, err := s.Run(t.Context(), o)
	return files, err
}

// polling returns what a study is run with over journals, and the files that it leaves.
func (j journals) polling(value func(who, question, text string) any, r *reader) (*study.RunOptions, map[string]string) {
	files := map[string]string{}
	if r == nil {
		r = &reader{}
	}
	r.Model = rehearsal.New(nil)
	return &study.RunOptions{
		Mind:    func(study.Member) tinytroupe.Mind { return voter{value: value} },
		Open:    j.open,
		Extract: r, Judge: r,
		Results: func(name string, data []byte) error {
			files[name] = string(data)
			return nil
		},
	}, files
}

// counts reads what a table counts: by group, how often each value.
func counts(t *testing.T, table string) map[string]string {
	t.Helper()
	var x struct {
		Groups []struct {
			Values []string
			Rows   []struct {
				Value string
				Count int
			}
		}
	}
	if err := json.Unmarshal([]byte(table), &x); err != nil {
		t.Fatalf("%v in %q", err, table)
	}
	m := map[string]string{}
	for _, g := range x.Groups[1:] {
		var list []string
		for _, r := range g.Rows {
			if r.Count > 0 {
				list = append(list, fmt.Sprintf("%s:%d", r.Value, r.Count))
			}
		}
		m[strings.Join(g.Values, ", ")] = strings.Join(list, " ")
	}
	return m
}

// heard returns who perceived a text, in any room.
func (j journals) heard(text string) []string {
	names := map[string]bool{}
	for _, l := range j {
		for _, ev := range l.events {
			if ev.Kind == tinytroupe.EventPerceived && ev.Stimulus.Content == text {
				for _, name := range ev.To {
					names[name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// resumed cuts a run after each step, and each of rooms, which follow one another, after
// each commit, goes on, and expects the same journals and files.
func (j journals) resumed(t *testing.T, s *study.Study, want map[string]string, value func(who, question, text string) any, r *reader, rooms ...string) {
	t.Helper()
	again := func(what string, c journals) {
		t.Helper()
		got, err := c.polled(t, s, value, r)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: files (-want +got):\n%s", what, diff)
		}
		if diff := cmp.Diff(j.lines(t), c.lines(t)); diff != "" {
			t.Errorf("%s: journals (-want +got):\n%s", what, diff)
		}
	}
	j.cuts(t, s, again)
	for i, room := range rooms {
		for _, n := range j[room].commits() {
			c := j.clone()
			c[room].events = c[room].events[:n]
			for _, later := range rooms[i+1:] {
				delete(c, later)
			}
			again(fmt.Sprint(room, " up to event ", n), c)
		}
	}
}

func table(t *testing.T, text string) (head []string, rows [][]string) {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("%v in %q", err, text)
	}
	return all[0], all[1:]
}

// TestQuestionsWords: whoever sorts answers is told what was asked, and so is the reader
// of a table; of a question in a loop, what its items share.
func TestQuestionsWords(t *testing.T) {
	r := &reader{}
	files, err := journals{}.polled(t, load(t, `
vars: {concepts: [Creamy, Thin]}
people: {ann: {persona: {name: Ann}}, bea: {persona: {name: Bea}}}
questions:
  why: {ask: "Marmalade, ${person.name}: what for?"}
  intent: {ask: "Will you really buy ${concept} tomorrow?", yes/no: true}
script:
  - ask: why
  - for: concept in concepts
    do: [{ask: intent}]
  - code: why
    codes: 2
  - tally: intent
`), func(who, question, text string) any {
		if question == "why" {
			return who + " likes it"
		}
		return true
	}, r)
	if err != nil {
		t.Fatal(err)
	}
	sorted := 0
	for _, p := range r.prompts {
		if strings.Contains(p, "BEGIN ANSWERS") {
			sorted++
			if !strings.Contains(p, "Marmalade, …: what for?") {
				t.Errorf("the question is not in the prompt: %s", p)
			}
		}
	}
	if sorted < 2 {
		t.Errorf("%d prompts about answers", sorted)
	}
	if !strings.Contains(files["results/intent.json"], `"text": "Will you really buy … tomorrow?"`) {
		t.Error(files["results/intent.json"])
	}
}

// TestTableBy: a table that is parted by another question takes for each answer the one
// that belongs to it: of the same person, for the same item of a loop, of the same room.
func TestTableBy(t *testing.T) {
	const text = `
vars: {concepts: [Creamy, Thin]}
people: {ann: {persona: {name: Ann}}, bea: {persona: {name: Bea}}}
questions:
  intent: {ask: "How likely are you to buy ${concept}?", scale: 1..5}
  why: {ask: Why?}
  choice: {ask: "Which, and how sure?", fields: {advert: {one of: [A, B]}, sure: 1..3}}
  mood: {find: How they feel., one of: [gay, sad]}
  outcome: {find: What came of it., one of: [deal, none]}
world: {rooms: each}
script:
  - say: "I am ${room.id}."
  - run: 1
  - for: concept in concepts
    order: rotate
    do: [{ask: [intent, why]}]
  - code: why
    codes: {file: codes.csv}
  - tally: why.code
    by: intent
  - extract: mood
    per: room
  - extract: outcome
    per: room
  - tally: outcome
    by: mood
  - tally: intent
    by: mood
  - ask: choice
  - tally: intent
    by: choice.advert
  - tally: choice.sure
    by: advert
  - tally: intent
    by: concept position
`
	value := func(who, question, prompt string) any {
		creamy := strings.Contains(prompt, "Creamy")
		switch question {
		case "intent":
			return map[bool]int{true: 5, false: 2}[creamy]
		case "why":
			return map[bool]string{true: "soft stuff", false: "watery stuff"}[creamy]
		case "advert":
			return map[string]string{"Ann": "A", "Bea": "B"}[who]
		case "sure":
			return map[string]int{"Ann": 3, "Bea": 1}[who]
		}
		panic(question)
	}
	r := &reader{value: func(question, prompt string) any {
		ann := strings.Contains(prompt, "I am Ann.")
		if question == "mood" {
			return map[bool]string{true: "gay", false: "sad"}[ann]
		}
		return map[bool]string{true: "deal", false: "none"}[ann]
	}}
	s := load(t, text, "codes.csv", "code,description,words\nsoft,,soft\nwatery,,watery\n")
	files, err := journals{}.polled(t, s, value, r)
	if err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]map[string]string{
		"why.code-by-intent": {"2": "watery:2", "5": "soft:2"},
		"outcome-by-mood":    {"gay": "deal:1", "sad": "none:1"},
		"intent-by-mood":     {"gay": "2:1 5:1", "sad": "2:1 5:1"},

		"intent-by-choice.advert":    {"A": "2:1 5:1", "B": "2:1 5:1"},
		"choice.sure-by-advert":      {"A": "3:1", "B": "1:1"},
		"intent-by-concept-position": {"1": "2:1 5:1", "2": "2:1 5:1"},
	} {
		if diff := cmp.Diff(want, counts(t, files["results/"+file+".json"])); diff != "" {
			t.Errorf("%s (-want +got):\n%s", file, diff)
		}
	}
}

// TestSelectedByAnswers: whoever answered so, and nobody else, is reached by to, is in a
// scene, ends a run, and is looked at by a check.
func TestSelectedByAnswers(t *testing.T) {
	const text = `
people:
  ann: {persona: {name: Ann}}
  bea: {persona: {name: Bea}}
  cy: {persona: {name: Cy}}
questions:
  intent: {ask: How likely?, scale: 1..5}
  why: {ask: "Why, ${person.name}?"}
script:
  - ask: intent
    to: [ann, bea]
  - say: You would.
    to: {intent: 4..5}
  - say: You would not.
    to: {not: {intent: 4..5}}
  - run: {steps: 3, until: {said: ., by: {intent: 1..2}}}
  - run: {steps: 2, until: {said: ., by: {intent: 3}}}
  - scene: fans
    who: {intent: 4..5}
    do:
      - say: Fans.
      - say: Ann.
        to: ann
      - run: 1
  - scene: chats
    rooms: each
    who: ann
    with: {intent: 1..2}
    do:
      - say: Chats.
  - check: {said: "Ann\\.", by: {intent: 4..5}}
    name: fans
    per: study
  - check: {said: "Ann\\.", by: {intent: 1..2}}
    name: others
    per: study
  - check: {said: "Ann\\.", by: {intent: 3}}
    name: nobody
    per: study
`
	value := func(who, _, _ string) any { return map[string]int{"Ann": 5, "Bea": 1}[who] }
	s := load(t, text)
	j := journals{}
	files, err := j.polled(t, s, value, nil)
	if err != nil {
		t.Fatal(err)
	}
	for said, want := range map[string][]string{
		"You would.": {"Ann"}, "You would not.": {"Bea", "Cy"}, "Fans.": {tinytroupe.Everyone}, "Chats.": {tinytroupe.Everyone},
	} {
		if got := j.heard(said); !slices.Equal(got, want) {
			t.Errorf("%s: heard by %q, want %q", said, got, want)
		}
	}
	came := map[string][]string{}
	steps := 0
	for room, l := range j {
		for _, ev := range l.events {
			if ev.Kind == tinytroupe.EventJoined {
				came[room] = append(came[room], ev.Who)
			}
			if room == "all" {
				steps = max(steps, ev.Step)
			}
		}
	}
	if diff := cmp.Diff(map[string][]string{"all": {"Ann", "Bea", "Cy"}, "fans/all": {"Ann"}, "chats/Ann": {"Ann", "Bea"}}, came); diff != "" {
		t.Errorf("who came (-want +got):\n%s", diff)
	}
	if steps != 1+2 {
		t.Errorf("%d steps; Bea spoke in the first, and nobody in the others whose words end a run", steps)
	}
	for i, want := range []string{`{"check":"fans".*"outcome":"holds"`, `{"check":"others".*"outcome":"does not hold"`, `{"check":"nobody".*"outcome":"not applicable"`} {
		if lines := strings.Split(files["results/checks.jsonl"], "\n"); !regexp.MustCompile(want).MatchString(lines[i]) {
			t.Errorf("%s: %s", want, lines[i])
		}
	}
	j.resumed(t, s, files, value, nil, "all", "fans/all", "chats/Ann")
	panel, err := s.Panel(study.Who{}, nil, &study.RunOptions{
		Mind: func(study.Member) tinytroupe.Mind { return voter{} },
		Open: j.read,
	})
	var where []string
	for _, p := range panel {
		where = append(where, p.Person+" "+p.Room)
	}
	if want := []string{"Ann chats/Ann", "Bea chats/Ann", "Cy all"}; err != nil || !slices.Equal(where, want) {
		t.Errorf("%q, %v; want %q", where, err, want)
	}
}

// TestNewestAnswer: what somebody answered is what they answered last, wherever that was:
// in the run, and for whoever is asked after it.
func TestNewestAnswer(t *testing.T) {
	s := load(t, `
people: {ann: {persona: {name: Ann}}, bea: {persona: {name: Bea}}}
questions:
  intent: {ask: "How likely in ${room.id}?", scale: 1..5}
script:
  - ask: intent
  - scene: talk
    do: [{ask: intent}]
  - say: You would.
    to: {intent: 4..5}
  - scene: none
    who: {intent: 1..3}
    do: [{say: You would not.}]
`)
	value := func(who, _, text string) any {
		again := strings.Contains(text, "talk/all")
		if who == "Ann" {
			return map[bool]int{false: 2, true: 4}[again]
		}
		return map[bool]int{false: 3, true: 1}[again]
	}
	j := journals{}
	files, err := j.polled(t, s, value, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := j.heard("You would."); !slices.Equal(got, []string{"Ann"}) {
		t.Errorf("heard by %q", got)
	}
	if l := j["none/all"]; l == nil || slices.ContainsFunc(l.events, func(ev tinytroupe.Event) bool { return ev.Who == "Ann" }) {
		t.Error("the scene is not Bea's alone")
	}
	j.resumed(t, s, files, value, nil, "all", "talk/all", "none/all")
	answers, _, err := extract.ReadJSONL("answers.jsonl", strings.NewReader(files["results/answers.jsonl"]))
	if err != nil {
		t.Fatal(err)
	}
	for to, want := range map[string]string{"{intent: 4}": "Ann", "{intent: 1}": "Bea"} {
		who, err := s.ParseWho("--to", to)
		if err != nil {
			t.Fatal(err)
		}
		list, err := s.Panel(who, answers, &study.RunOptions{
			Mind: func(study.Member) tinytroupe.Mind { return voter{} },
			Open: func(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
				return nil, seq(slices.Clone(j[room.Name()].events)), nil
			},
		})
		if err != nil || len(list) != 1 || list[0].Person != want {
			t.Errorf("%s: %v, %v", to, list, err)
		}
	}
}

// TestPartedLater: a table may be parted by what it was not when people answered: they
// stand there as they were then.
func TestPartedLater(t *testing.T) {
	const text = `
people: {ann: {persona: {name: Ann, city: Rio}}, bea: {persona: {name: Bea, city: Ulm}}}
questions: {intent: {ask: How likely?, scale: 1..5}}
script:
  - set: {city: Bonn}
    to: bea
  - ask: intent
  - set: {city: Paris}
  - tally: intent
`
	value := func(who, _, _ string) any { return map[string]int{"Ann": 5, "Bea": 1}[who] }
	j := journals{}
	if _, err := j.polled(t, load(t, text), value, nil); err != nil {
		t.Fatal(err)
	}
	later := load(t, text+"    by: [city, room]\n")
	if e, err := later.Compare(j.rooms()); err != nil || e.First != nil {
		t.Fatal(e, err)
	}
	files, err := j.polled(t, later, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"Rio, all": "5:1", "Bonn, all": "1:1"}
	if diff := cmp.Diff(want, counts(t, files["results/intent-by-city-by-room.json"])); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	head, rows := table(t, files["results/answers.csv"])
	if i := slices.Index(head, "city"); i < 0 || rows[1][i] != "Bonn" {
		t.Errorf("%q, %q", head, rows)
	}
}

// TestAskedOnce: who is asked is settled before they answer. A run that is gone on with
// between the answers and their being remembered lets those remember who were asked.
func TestAskedOnce(t *testing.T) {
	s := load(t, `
people: {ann: {persona: {name: Ann}}, bea: {persona: {name: Bea}}}
questions: {intent: {ask: How likely?, scale: 1..5}}
script:
  - ask: intent
  - ask: intent
    to: {intent: 1..2}
    remember: true
  - run: 1
`)
	asked := map[string]int{}
	var mu sync.Mutex
	value := func(who, _, _ string) any {
		mu.Lock()
		defer mu.Unlock()
		if asked[who]++; who == "Bea" || asked[who] > 1 {
			return 5
		}
		return 1
	}
	j := journals{}
	files, err := j.polled(t, s, value, nil)
	if err != nil {
		t.Fatal(err)
	}
	if asked["Ann"] != 2 || asked["Bea"] != 1 {
		t.Fatal(asked)
	}
	for n, ev := range j["all"].events {
		if !strings.Contains(string(ev.Mark), `"at":"answers"`) || !strings.Contains(string(ev.Mark), `"value":5`) || strings.Contains(string(ev.Mark), "Bea") {
			continue
		}
		c := journals{"all": {events: slices.Clone(j["all"].events[:n+1])}}
		got, err := c.polled(t, s, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(j.lines(t), c.lines(t)); diff != "" {
			t.Errorf("journals (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(files, got); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		return
	}
	t.Error("nobody was asked again")
}

// TestRoomsClaim: a claim about rooms has the room's name in it.
func TestRoomsClaim(t *testing.T) {
	r := &reader{}
	_, err := journals{}.polled(t, load(t, `
people: {ann: {persona: {name: Ann}}, bea: {persona: {name: Bea}}}
script:
  - scene: talk
    rooms: each
    do: [{say: Hello.}, {run: 1}]
  - check: It was loud in ${room.id}.
    per: room
`), nil, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, room := range []string{"talk/Ann", "talk/Bea"} {
		if !slices.ContainsFunc(r.prompts, func(p string) bool { return strings.Contains(p, "It was loud in "+room+".") }) {
			t.Errorf("nobody was asked about %s: %q", room, r.prompts)
		}
	}
}

// TestShuffledLoop: the order of a loop by chance is another in each room and each loop,
// and stays when lines or what items are called change.
func TestShuffledLoop(t *testing.T) {
	const text = `
vars: {concepts: [a, b, c, d, e, f], more: [x, y]}
people: {ann: {persona: {name: Ann}}, bea: {persona: {name: Bea}}}
world: {rooms: each}
script:
  - for: concept in concepts
    order: shuffle
    do: [{say: "${concept}"}]
  - for: concept in concepts
    order: shuffle
    do:
      - for: x in more
        do:
          - for: again in concepts
            order: shuffle
            do: [{say: "${concept}${x}${again}"}]
`
	run := func(text string) (journals, map[string]string) {
		j := journals{}
		j.run(t, load(t, text))
		said := map[string]string{}
		for room, l := range j {
			for _, ev := range l.events {
				if ev.Kind == tinytroupe.EventPerceived {
					said[room] += " " + ev.Stimulus.Content
				}
			}
		}
		return j, said
	}
	j, said := run(text)
	orders := map[string]bool{}
	for _, all := range said {
		words := strings.Fields(all)
		if len(words) != 6+6*2*6 {
			t.Fatal(all)
		}
		orders[strings.Join(words[:6], "")] = true
		for ; len(words) > 6; words = words[6:] {
			order := ""
			for _, w := range words[6:12] {
				order += w[2:]
			}
			orders[order] = true
		}
	}
	if len(orders) < 20 { // of 26
		t.Errorf("%d orders", len(orders))
	}
	commented := strings.Replace(text, "script:\n", "# A comment.\nscript:\n", 1)
	c, again := run(commented)
	if diff := cmp.Diff(j.lines(t), c.lines(t)); diff != "" {
		t.Errorf("with a comment (-want +got):\n%s", diff)
	}
	_, renamed := run(strings.Replace(text, "[a, b,", "[A, b,", 1))
	for room := range said {
		if strings.ToLower(renamed[room]) != again[room] {
			t.Errorf("%s: another order with another word", room)
		}
	}
	j.cut(map[string]int{"Ann": 40, "Bea": 40})
	j.run(t, load(t, commented))
	if diff := cmp.Diff(c.lines(t), j.lines(t)); diff != "" {
		t.Errorf("gone on with (-want +got):\n%s", diff)
	}
}

// TestEditedLook: what was done by what looks found does not stand when they look for
// something else; what was done otherwise does.
func TestEditedLook(t *testing.T) {
	const text = `
people: {ann: {persona: {name: Ann}}, bea: {persona: {name: Bea}}}
questions:
  mood: {find: How they feel., one of: [gay, sad]}
  other: {find: Why they say it.}
script:
  - say: Hello.
  - run: 1
  - extract: mood
  - extract: other
  - code: other
    codes: {file: codes.csv}
  - say: Gay.
    to: {mood: gay}
  - say: Coded.
    to: {other.code: bold}
  - scene: sad
    who: {mood: sad}
    do: [{say: Sad.}]
  - say: The end.
`
	const codes = "code,description,words\nbold,,bold\n"
	r := &reader{value: func(question, prompt string) any {
		if question == "mood" {
			return "sad"
		}
		return "so bold"
	}}
	s := load(t, text, "codes.csv", codes)
	old := journals{}
	files, err := old.polled(t, s, nil, r)
	if err != nil {
		t.Fatal(err)
	}
	if got := old.heard("Coded."); !slices.Equal(got, []string{"Ann", "Bea"}) || len(old.heard("Gay.")) > 0 || len(old.heard("Sad.")) == 0 {
		t.Errorf("heard by %q", got)
	}
	old.resumed(t, s, files, nil, r, "all", "sad/all")
	for _, c := range []struct{ old, new, codes, first string }{
		{"", "", codes, ""},
		{"How they feel.", "Their mood.", codes, "study.yaml:13: say"},
		{"Why they say it.", "Why.", codes, "study.yaml:15: say"},
		{"", "", codes + "shy,,shy\n", "study.yaml:15: say"},
		{"  - say: Coded.\n    to: {other.code: bold}\n", "  - say: Coded.\n", codes, "study.yaml:15: say"},
	} {
		s := load(t, strings.Replace(text, c.old, c.new, 1), "codes.csv", c.codes)
		e, err := s.Compare(old.rooms())
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if e.First != nil {
			got, _, _ = strings.Cut(e.First.Error(), ": this step")
		}
		if got != c.first {
			t.Errorf("%s: %q, want %q", c.new, got, c.first)
		}
	}
	// Of a scene it is the scene that differs.
	short := strings.Replace(strings.Replace(text, "  - say: Gay.\n    to: {mood: gay}\n", "", 1), "  - say: Coded.\n    to: {other.code: bold}\n", "", 1)
	old = journals{}
	if _, err := old.polled(t, load(t, short, "codes.csv", codes), nil, r); err != nil {
		t.Fatal(err)
	}
	e, err := load(t, strings.Replace(short, "How they feel.", "Their mood.", 1), "codes.csv", codes).Compare(old.rooms())
	if err != nil || e.First == nil || e.First.Error() != "study.yaml:13: scene sad or what was before it: not as it was" {
		t.Errorf("%v, %v", e.First, err)
	}
	// Who was in it follows from what was found.
	last := load(t, strings.Replace(short, "  - say: The end.\n", "", 1), "codes.csv", codes)
	old = journals{}
	if files, err = old.polled(t, last, nil, r); err != nil {
		t.Fatal(err)
	}
	found, _, err := extract.ReadJSONL("answers.jsonl", strings.NewReader(files["results/answers.jsonl"]))
	if err != nil {
		t.Fatal(err)
	}
	panel, err := last.Panel(study.Who{}, found, &study.RunOptions{
		Mind: func(study.Member) tinytroupe.Mind { return voter{} },
		Open: func(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
			return nil, seq(slices.Clone(old[room.Name()].events)), nil
		},
	})
	if err != nil || len(panel) != 2 || panel[0].Room != "sad/all" {
		t.Errorf("%v, %v", panel, err)
	}
}

// TestMindsOnce: the mind of somebody in a room is asked for once, whoever needs it.
func TestMindsOnce(t *testing.T) {
	s := load(t, fmt.Sprintf(scenes, "in turn"))
	asked := map[string]int{}
	j := &shelf{}
	o := j.options(nil)
	o.Mind = func(m study.Member) tinytroupe.Mind {
		asked[m.Room.Name()+" "+m.Name()]++
		return recaller{}
	}
	o.Episode = 200 // so little that memories are summed up between parts
	if _, err := s.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for who, n := range asked {
		if n != 1 {
			t.Errorf("%s: %d times", who, n)
		}
	}
	if len(asked) < 10 {
		t.Errorf("%d minds", len(asked))
	}
}

// TestWarnings: a question that nothing asks is no mistake where it is made for the items
// of a loop that does not ask it now; an order that changes nothing is told.
func TestWarnings(t *testing.T) {
	const text = `
vars: {concepts: [a, b], c: {rows: c.csv}}
people: {ann: {persona: {name: Ann}}}
questions:
  intent: {ask: "How likely are you to buy ${concept.name}?", scale: 1..5}
  best: {ask: Which?, one of: concept.kinds}
script:
  - for: x in concepts
    order: rotate
    do:
      - for: y in concepts
        order: rotate
        do: [{run: 1}]
  - scene: talk
    rooms: each
    do:
      - for: x in concepts
        order: rotate
        do: [{run: 1}]
`
	s := load(t, text, "c.csv", "name\nA\n")
	if diff := cmp.Diff([]string{
		"study.yaml:9: order: rotate: there is one room, in which the order is as written",
		"study.yaml:12: order: rotate: there is one room, in which the order is as written",
		"study.yaml:6: nothing asks or extracts best",
		"study.yaml:5: nothing asks or extracts intent",
	}, s.Warnings); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := loadText(strings.Replace(text, "scale: 1..5", "scale: 5..1", 1), "c.csv", "name\nA\n"); err != nil {
		t.Error(err)
	}
	if _, err := loadText(strings.Replace(text, " ${concept.name}?\", scale: 1..5", " it?\", scale: 5..1", 1), "c.csv", "name\nA\n"); err == nil {
		t.Error("a mistake in a question that is not asked is not told")
	}
}
