package study_test

import (
	"encoding/csv"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/study"
)

const looking = `
title: Yoghurt
vars:
  concepts: [Creamy, Thin, Sour]
people:
  ann: {persona: {name: Ann Archer, age: 30, beliefs: [creamy food is a comfort]}}
  bea: {persona: {name: Bea Brook, age: 40, beliefs: [thin and sour things keep you awake]}}
  cy: {persona: {name: Cy Cole, age: 50}}
  mo: {persona: {name: Mo Moss, age: 60}, staff: true}
world: {rooms: each}
questions:
  intent: {ask: "How likely are you to buy ${concept}?", scale: 1..5}
  why: {ask: "What is the main reason, ${person.name}?"}
  best: {ask: Put them in order., rank: concepts, order: shuffle}
  wants: {find: What the person asked for., list of: {want: text, urgent: yes/no}}
script:
  - say: We sell yoghurt. What do you want of it?
  - run: 1
  - extract: wants
    double: 0.5
  - for: concept in concepts
    order: rotate
    do:
      - show: ${concept}
      - ask: [intent, why]
        remember: true
  - tally: intent
    by: [concept, {age: [18..34, 35..64]}]
  - scene: talk
    with: mo
    do:
      - say: Talk about it.
      - run: 1
      - ask: best
  - say: Thank you.
    to: {best: Creamy}
  - run: 1
  - extract: wants
    from: talk
    as: later
  - code: why
    codes: 3
    double: 1
  - tally: [best, why.code]
  - tally: best
  - check: {said: yoghurt, not: true}
    name: no yoghurt
  - export: answers
    format: jsonl
  - export: transcript
    format: chat
  - export: people
    format: csv
  - export: checks
    format: csv
`

// results runs a study over journals and returns the files that it leaves.
func (j journals) results(t *testing.T, s *study.Study) map[string]string {
	t.Helper()
	m, err := mind.New(rehearsal.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	_, err = s.Run(t.Context(), &study.RunOptions{
		Mind:    func(study.Member) tinytroupe.Mind { return m },
		Open:    j.open,
		Extract: rehearsal.New(nil), Judge: rehearsal.New(nil), Rehearsal: true,
		Results: func(name string, data []byte) error {
			files[name] = string(data)
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestResults cuts a run after each step, and the last room after each commit, and goes
// on: journals, tables and exports are those of a run that nobody cut.
func TestResults(t *testing.T) {
	s := load(t, looking)
	whole := journals{}
	want := whole.results(t, s)
	names := slices.Sorted(maps.Keys(want))
	if diff := cmp.Diff([]string{
		"exports/answers.jsonl", "exports/checks.csv", "exports/people.csv", "exports/transcript.jsonl", "results/agreement.csv", "results/answers.csv",
		"results/answers.jsonl", "results/best-2.csv", "results/best-2.json", "results/best.csv", "results/best.json", "results/checks.jsonl", "results/intent-by-concept-by-age.csv",
		"results/intent-by-concept-by-age.json", "results/why.code.csv", "results/why.code.json", "results/why.codes.json",
	}, names); diff != "" {
		t.Fatalf("files (-want +got):\n%s", diff)
	}
	twice := strings.Split(want["results/agreement.csv"], "\n")
	for i, start := range []string{"name,n,", "wants.want outcome,2,", "wants.urgent outcome,2,", "why.code,", ""} {
		if i >= len(twice) || !strings.HasPrefix(twice[i], start) {
			t.Fatalf("agreement: %q", twice)
		}
	}
	again := func(what string, j journals) {
		t.Helper()
		got := j.results(t, s)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: files (-want +got):\n%s", what, diff)
		}
		if diff := cmp.Diff(whole.lines(t), j.lines(t)); diff != "" {
			t.Errorf("%s: journals (-want +got):\n%s", what, diff)
		}
	}
	whole.cuts(t, s, again)
	cy := whole["Cy Cole"].events
	for i, ev := range cy {
		if !ev.End {
			continue
		}
		j := whole.clone()
		j["Cy Cole"].events = slices.Clone(cy[:i+1])
		if ev.Seq < scenePart(t, whole) { // before the scene nothing of it is there
			delete(j, "talk/all")
			for _, room := range []string{"Ann Archer", "Bea Brook"} {
				keep, err := s.Upto(8, 0, journals{room: whole[room]}.rooms())
				if err != nil {
					t.Fatal(err)
				}
				j[room].events = j[room].events[:min(len(j[room].events), keep[room])]
			}
		}
		again(fmt.Sprint("the last room up to event ", ev.Seq), j)
	}
}

// scenePart is the Seq in the last room at which people come back from the scene.
func scenePart(t *testing.T, j journals) int {
	for _, ev := range j["Cy Cole"].events {
		if ev.Kind == tinytroupe.EventMarked && strings.Contains(string(ev.Mark), `"word":"return"`) {
			return ev.Seq
		}
	}
	t.Fatal("nobody came back")
	return 0
}

// TestAnswers: each answer is in the table once, with its loop, its place in it, its
// quotation and who it is of; staff is not asked; who answered how selects people.
func TestAnswers(t *testing.T) {
	s := load(t, looking)
	j := journals{}
	files := j.results(t, s)
	rows, err := csv.NewReader(strings.NewReader(files["results/answers.csv"])).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	col := map[string]int{}
	for i, name := range rows[0] {
		col[name] = i
	}
	for _, name := range []string{"concept", "concept position", "age", "group"} {
		if _, ok := col[name]; !ok {
			t.Fatalf("no column %q in %q", name, rows[0])
		}
	}
	count := map[string]int{}
	positions := map[string][]string{}
	for _, row := range rows[1:] {
		who, q := row[col["person"]], row[col["question"]]
		count[who+" "+q]++
		if who == "Mo Moss" {
			t.Errorf("staff was asked: %q", row)
		}
		if q == "intent" {
			positions[who] = append(positions[who], row[col["concept"]]+row[col["concept position"]])
			if row[col["outcome"]] != "answered" || row[col["quote"]] == "" {
				t.Errorf("%q", row)
			}
		}
	}
	for _, who := range []string{"Ann Archer", "Bea Brook", "Cy Cole"} {
		if count[who+" intent"] != 3 || count[who+" why"] != 6 || count[who+" best"] != 3 {
			t.Errorf("%s: %v", who, count)
		}
	}
	if diff := cmp.Diff(map[string][]string{
		"Ann Archer": {"Creamy1", "Thin2", "Sour3"}, "Bea Brook": {"Thin1", "Sour2", "Creamy3"}, "Cy Cole": {"Sour1", "Creamy2", "Thin3"},
	}, positions); diff != "" {
		t.Errorf("order of concepts (-want +got):\n%s", diff)
	}
	// Who put Creamy anywhere in their order, which all did, is thanked; nobody else is.
	for _, who := range []string{"Ann Archer", "Bea Brook", "Cy Cole"} {
		thanked := slices.ContainsFunc(j[who].events, func(ev tinytroupe.Event) bool {
			return ev.Kind == tinytroupe.EventPerceived && ev.Stimulus.Content == "Thank you."
		})
		if !thanked {
			t.Errorf("%s was not thanked", who)
		}
	}
	thoughts := 0
	for _, ev := range j["Ann Archer"].events {
		if ev.Kind == tinytroupe.EventPerceived && strings.HasPrefix(ev.Stimulus.Content, "I was asked: How likely are you to buy") {
			thoughts++
		}
	}
	if thoughts != 3 {
		t.Errorf("%d times asked is remembered", thoughts)
	}
}

// TestEditLooks: what looks at a run may change without any of the run being made anew.
func TestEditLooks(t *testing.T) {
	was := load(t, looking)
	old := journals{}
	old.results(t, was)
	for _, c := range []struct{ old, new string }{
		{"  - extract: wants\n    double: 0.5\n", ""},
		{"  - tally: intent\n    by: [concept, {age: [18..34, 35..64]}]\n", "  - tally: intent\n"},
		{"  - scene: talk\n", "  - extract: wants\n    as: more\n  - scene: talk\n"},
		{"name: no yoghurt", "name: none\n    per: room"},
		{"What the person asked for.", "Each wish."},
	} {
		s := load(t, strings.Replace(looking, c.old, c.new, 1))
		e, err := s.Compare(old.rooms())
		if err != nil || e.First != nil {
			t.Errorf("%s: %v, %v", c.new, e.First, err)
		}
	}
	for _, c := range []struct{ old, new, first string }{
		{"How likely are you", "How sure are you", "study.yaml:25: ask: this step is not the one that was run"},
		{"scale: 1..5", "scale: 1..7", "study.yaml:25: ask: this step is not the one that was run"},
		{"remember: true", "remember: false", "study.yaml:25: ask: this step is not the one that was run"},
	} {
		s := load(t, strings.Replace(looking, c.old, c.new, 1))
		e, err := s.Compare(old.rooms())
		if err != nil || e.First == nil || e.First.Error() != c.first {
			t.Errorf("%s: %v, %v", c.new, e.First, err)
		}
	}
}

// TestTableNames: a table takes the place of no other file of the record.
func TestTableNames(t *testing.T) {
	files := journals{}.results(t, load(t, `
people: {ann: {persona: {name: Ann}}}
questions: {answers: {ask: Really?, yes/no: true}, Checks: {ask: And this?, yes/no: true}}
script:
  - ask: [answers, Checks]
  - tally: [answers, Checks, answers]
  - check: {said: x}
`))
	want := []string{"results/Checks-2.csv", "results/Checks-2.json", "results/answers-2.csv", "results/answers-2.json", "results/answers-3.csv", "results/answers-3.json", "results/answers.csv", "results/answers.jsonl", "results/checks.jsonl"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(files))); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !strings.HasPrefix(files["results/answers.csv"], "person,question,") || !strings.HasPrefix(files["results/answers-2.csv"], "question,figure,") {
		t.Errorf("%q", files)
	}
}
