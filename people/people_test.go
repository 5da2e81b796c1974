package people_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/examples"
	"github.com/tinytroupe-go/tinytroupe/people"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// idle is a mind that does nothing.
type idle struct{}

func (idle) Decide(context.Context, *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	return &tinytroupe.Decision{}, nil
}

func parse(t testing.TB, text string) people.Saved {
	t.Helper()
	s, err := people.Parse("a.agent.json", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func files(pairs ...string) fstest.MapFS {
	m := fstest.MapFS{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = &fstest.MapFile{Data: []byte(pairs[i+1])}
	}
	return m
}

func agent(persona string) string { return `{"type":"TinyPerson","persona":` + persona + `}` }

// TestVariations loads testdata/variations, a file for each way in which TinyTroupe's
// programs and users write a persona, and holds every file to the text it must keep.
func TestVariations(t *testing.T) {
	list, err := people.Load("testdata/variations")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 14 {
		t.Errorf("%d files", len(list))
	}
	byFile := map[string]people.Saved{}
	for _, s := range list {
		byFile[strings.TrimSuffix(filepath.Base(s.File), people.AgentSuffix)] = s
		if len(s.Warnings) > 0 {
			t.Error(s.Warnings)
		}
		// Nothing is lost on the way out and in again, not even the order of keys.
		again, err := people.Parse(s.File, people.Format(s.Persona))
		if err != nil || !again.Persona.Equal(s.Persona) {
			t.Errorf("%s: %v\n%s\n%s", s.File, err, s.Persona.JSON(), again.Persona.JSON())
		}
	}
	type habits = tinytroupe.Habits
	tests := []struct {
		file string
		got  func(p tinytroupe.Persona) any
		want any
	}{
		{"age_number", func(p tinytroupe.Persona) any { return p.Age() }, "41"},
		{"age_string", func(p tinytroupe.Persona) any { return p.Age() }, "28"},
		{"age_null", func(p tinytroupe.Persona) any { return p.Age() }, ""},
		{"bare_agent", func(p tinytroupe.Persona) any { return p.Keys() }, []string{"name", "age", "nationality", "country_of_residence", "occupation"}},
		{"occupation_object", func(p tinytroupe.Persona) any { return p.Occupation() }, tinytroupe.Occupation{Title: "Baker", Organization: "Forno Duarte", Description: "Bakes at night."}},
		{"occupation_string", func(p tinytroupe.Persona) any { return p.Occupation() }, tinytroupe.Occupation{Title: "Baker"}},
		{"country_of_residence", func(p tinytroupe.Persona) any { return p.Residence() }, "Uruguay"},
		{"routines_object", func(p tinytroupe.Persona) any { return p.Behaviors() }, tinytroupe.Behaviors{
			General:  []string{"Hums"},
			Routines: []habits{{Name: "morning", Items: []string{"Runs"}}, {Name: "weekend", Items: []string{"Sleeps"}}},
		}},
		{"routines_list", func(p tinytroupe.Persona) any { return p.Behaviors().Routines }, []habits{{Items: []string{"Runs", "Sleeps"}}}},
		{"topical_behaviors", func(p tinytroupe.Persona) any { return p.Behaviors().Topics }, []habits{
			{Name: "debate", Items: []string{"Interrupts"}}, {Name: "travel", Items: []string{"Packs late"}},
			{Name: "children", Items: []string{"Reads to them"}}, {Name: "shopping", Items: []string{"Compares"}},
			{Name: "decision_making", Items: []string{"Asks a friend"}}, {Name: "conversations", Items: []string{"Listens"}},
			{Name: "expression", Items: []string{"Sighs"}},
		}},
		{"projects", func(p tinytroupe.Persona) any { return string(p.Raw("projects.0.key_contributions")) }, `["Wrote the parser","Taught it"]`},
		{"relationship_keys", func(p tinytroupe.Persona) any { return p.Relationships() }, []tinytroupe.Relationship{{Name: "Ben", Description: "Brother"}, {Name: "Ruth", Description: "Aunt"}}},
		{"unknown_keys", func(p tinytroupe.Persona) any { return string(p.JSON()) }, `{"zodiac":"Leo","name":"Ines Prado","personality":{"traits":["calm"],"enneagram":{"type":5,"wing":[4,6.0,1e3]}},"type":"kept","persona":{"nested":true},"preferences":{"likes":[{"thing":"tea","since":2001}]}}`},
		{"non_ascii", func(p tinytroupe.Persona) any { return p.Name() + "|" + p.Residence() + "|" + p.Style() }, "Zoë Łukasiewicz|東京都|😀 ≤ <b>&</b>"},
		{"bom", func(p tinytroupe.Persona) any { return p.Name() }, "Bo Mark"},
		{"crlf", func(p tinytroupe.Persona) any { return p.Name() + "|" + p.Style() }, "Carl Fry|Two\r\nlines"},
		{"no_envelope", func(p tinytroupe.Persona) any { return p.Name() }, "Nova Lee"},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		s, ok := byFile[tt.file]
		if !ok {
			t.Errorf("no file %s", tt.file)
			continue
		}
		seen[tt.file] = true
		if d := cmp.Diff(tt.want, tt.got(s.Persona)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.file, d)
		}
	}
	for file := range byFile {
		if !seen[file] {
			t.Errorf("%s is checked by nothing", file)
		}
	}
}

func TestLoad(t *testing.T) {
	fsys := files(
		"p/b.agent.json", agent(`{"name":"B"}`), "p/a.agent.json", agent(`{"name":"A"}`),
		"p/notes.json", "no", "p/x.fragment.json", "no", "p/deeper.agent.json/c.agent.json", "no", "one.json", `{"name":"C"}`,
		"empty/readme.txt", "",
	)
	list, err := people.LoadFS(fsys, "one.json", "p")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range list {
		got = append(got, s.File+" "+s.Persona.Name())
	}
	if d := cmp.Diff([]string{"one.json C", "p/a.agent.json A", "p/b.agent.json B"}, got); d != "" {
		t.Error(d)
	}
	if _, err := people.LoadFS(fsys, "empty"); err == nil || err.Error() != "empty: expected files that end in .agent.json, found none" {
		t.Error(err)
	}
	if _, err := people.LoadFS(fsys, "none.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestLoadFolderOnDisk(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b", "a"} {
		if err := os.WriteFile(filepath.Join(dir, name+people.AgentSuffix), []byte(agent(`{"name":"`+name+`"}`)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := people.Load(dir)
	if err != nil || len(list) != 2 || list[0].Persona.Name() != "a" {
		t.Fatal(list, err)
	}
	if list, err = people.Load(list[1].File); err != nil || len(list) != 1 || list[0].Persona.Name() != "b" {
		t.Fatal(list, err)
	}
}

// TestLoadErrors: every mistake of a folder at once, each with its place.
func TestLoadErrors(t *testing.T) {
	fsys := files(
		"p/1.agent.json", agent(`{"name":"Ana"}`),
		"p/2.agent.json", "{\n  \"type\": \"TinyPerson\",\n  \"persona\": {\"age\": 3, \"name\": \"Ana\"}\n}",
		"p/3.agent.json", `{"name":"Ana"}`,
		"p/4.agent.json", "{\n\"persona\": {\"name\": \"Di\",\n \"skills\": [\"x\" \"y\"]}}",
		"p/5.agent.json", `{"type":"Fragment","persona":{}}`,
		"p/6.agent.json", "\ufeff"+`{"persona":{"name":7}}`,
		"p/7.agent.json", "{\"persona\":{\"name\":\"E\"},\r\n\"mental_state\":\r\n\"calm\"}",
		"p/8.agent.json", `{"persona":{"name":"F"},"episodic_memory":{"memory":{"a":1}}}`,
		"p/9.agent.json", ``,
	)
	_, err := people.LoadFS(fsys, "p")
	want := strings.Join([]string{
		`p/2.agent.json:3:33: persona.name: expected a name of its own, found "Ana", which the person of p/1.agent.json has`,
		`p/3.agent.json:1:9: name: expected a name of its own, found "Ana", which the person of p/1.agent.json has`,
		`p/4.agent.json:3:17: persona.skills.0: expected "," or "]", found "\""`,
		`p/5.agent.json:1:9: type: expected "TinyPerson", found "Fragment"`,
		`p/6.agent.json:1:20: persona.name: expected a name, found 7`,
		`p/7.agent.json:3:1: mental_state: expected an object, found a string`,
		`p/8.agent.json:1:53: episodic_memory.memory: expected a list, found an object`,
		`p/9.agent.json:1:1: expected a value, found the end of the text`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Error(cmp.Diff(want, fmt.Sprint(err)))
	}
	var pe *tinytroupe.PersonaError
	if !errors.As(err, &pe) || pe.Line != 3 || pe.Path != "persona.name" {
		t.Errorf("%#v", pe)
	}
}

func TestFragments(t *testing.T) {
	list, err := people.LoadFragmentsFS(examples.Files(), "fragments")
	if err != nil || len(list) < 8 || list[0].Name != "aggressive_debater" || list[0].IsZero() {
		t.Fatal(list, err)
	}
	fsys := files(
		"f/leftwing.agent.fragment.json", `{"type":"Fragment","persona":{"beliefs":["b"]},"note":"x","empty":[]}`,
		"g/leftwing.fragment.json", `{"beliefs":["b"]}`,
	)
	list, err = people.LoadFragmentsFS(fsys, "f/leftwing.agent.fragment.json")
	if err != nil || list[0].Name != "leftwing" || string(list[0].JSON()) != `{"beliefs":["b"]}` {
		t.Error(list, err)
	}
	if d := cmp.Diff([]string{"f/leftwing.agent.fragment.json: not used: note, empty"}, list[0].Warnings); d != "" {
		t.Error(d)
	}
	_, err = people.LoadFragmentsFS(fsys, "f", "g")
	if want := `g/leftwing.fragment.json: expected a name of its own for a fragment, found "leftwing", which f/leftwing.agent.fragment.json has`; err == nil || err.Error() != want {
		t.Error(err)
	}
	if _, err = people.LoadFragments("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestExamplesLoad(t *testing.T) {
	list, err := people.LoadFS(examples.Files(), "people")
	if err != nil || len(list) < 8 {
		t.Fatal(len(list), err)
	}
	for _, s := range list {
		if s.Warnings != nil || s.Memos != nil {
			t.Error(s.File, s.Warnings)
		}
		text, err := fs.ReadFile(examples.Files(), s.File)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(text), string(people.Format(s.Persona))); d != "" {
			t.Errorf("%s is not as Format writes it:\n%s", s.File, d)
		}
	}
}

// TestSaved reads a file as TinyTroupe's save_specification writes it, with memory and
// mental state.
func TestSaved(t *testing.T) {
	list, err := people.Load("testdata/saved.json")
	if err != nil {
		t.Fatal(err)
	}
	got := list[0]
	at := func(minute, second int) time.Time { return time.Date(2026, 3, 2, 19, minute, second, 0, time.UTC) }
	want := people.Saved{
		File: "testdata/saved.json", Persona: got.Persona,
		Place:   "Lyon",
		Context: []string{"A quiet café", "Waiting for a friend"},
		State:   tinytroupe.MentalState{Goals: "Sell the flat; Rest", Attention: "The rain", Emotions: "Calm, a little tired"},
		Near:    []string{"Ben"},
		Memos: []tinytroupe.Memo{
			{Kind: "experience", Time: at(0, 0), Content: "I heard: Do you sell?"},
			{Kind: "experience", Time: at(0, 0), Source: "Ben", Content: "Ben said: He does."},
			{Kind: "experience", Time: at(0, 0), Source: "Mia Roth", Content: "I thought: Not cheaply."},
			{Kind: "experience", Time: at(0, 0), Source: "Mia Roth", Content: "I said to Ben: Perhaps."},
			{Kind: "experience", Time: at(5, 0), Content: "I saw: A blue door"},
			{Kind: "experience", Time: at(5, 0), Source: "Mia Roth", Content: "I set myself a goal: Find the key"},
			{Kind: "experience", Time: at(5, 1), Source: "Mia Roth", Content: "I did CONSULT: prices.txt"},
			{Kind: "consolidated", Time: at(6, 0), Content: "Ben wants to buy the flat."},
			{Kind: "fact", Content: "The flat has two rooms."},
			{Kind: "information", Content: "Prices rose."},
			{Kind: "acquaintance", Content: "Ben: buyer"},
		},
		Faculties: []string{"Memory Recall", "FilesAndWebGroundingFaculty"},
		Warnings: []string{"testdata/saved.json: not used: mental_faculties (Memory Recall, FilesAndWebGroundingFaculty), which the program must give, " +
			"current_episode_event_count, semantic_memory.semantic_grounding_connector, mental_state.datetime, episodic_memory.memory (feedback), " +
			"episodic_memory.fixed_prefix_length, episodic_memory.lookback_length, episodic_memory (cognitive_state of acts)"},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}

	// All of it reaches the world.
	w := tinytroupe.NewWorld("Room", idle{}, nil)
	p, err := w.Add(got.Persona, got.Options())
	if err != nil {
		t.Fatal(err)
	}
	per, err := p.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if per.Situation.Place != want.Place || per.State != want.State || !cmp.Equal(per.Situation.Context, want.Context) {
		t.Errorf("%+v %+v", per.Situation, per.State)
	}
	if len(per.Episode) > 0 {
		t.Errorf("what somebody begins with is no part of a decision: %v", per.Episode)
	}
	var memos []tinytroupe.Memo
	for ev := range w.Events() {
		if ev.Kind == tinytroupe.EventMemo {
			memos = append(memos, *ev.Memo)
		}
	}
	for i := range want.Memos {
		if m := &want.Memos[i]; m.Time.IsZero() {
			m.Time = w.View().Now() // known when they came
		}
	}
	if d := cmp.Diff(want.Memos, memos); d != "" {
		t.Errorf("memos (-want +got):\n%s", d)
	}
}

func TestSavedShapes(t *testing.T) {
	const mia = `{"persona":{"name":"Mia"},`
	tests := []struct {
		text string
		want people.Saved // persona and file aside
	}{
		{mia + `"type":"TinyPerson","mental_faculties":[],"current_episode_event_count":0,"mental_state":null,"episodic_memory":null,"semantic_memory":null}`, people.Saved{}},
		{mia + `"mental_state":{"location":null,"context":{"description":"At sea"},"goals":[],"attention":null,"emotions":"Fine","working_semantic_memory":null}}`,
			people.Saved{Context: []string{"At sea"}, State: tinytroupe.MentalState{Emotions: "Fine"}}},
		{mia + `"mental_state":{"context":"At sea","goals":{"short":"eat"}}}`,
			people.Saved{Context: []string{"At sea"}, State: tinytroupe.MentalState{Goals: `{"short":"eat"}`}}},
		// Without a mental state, the last act tells.
		{mia + `"episodic_memory":{"type":"EpisodicMemory","memory":[
			{"role":"assistant","type":"action","content":{"action":{"type":"DONE","content":"","target":""},"cognitive_state":{"goals":"G","attention":"A","emotions":"E"}},"simulation_timestamp":null}]}}`,
			people.Saved{State: tinytroupe.MentalState{Goals: "G", Attention: "A", Emotions: "E"}}},
		// The older format has several acts in one event, and texts for contents.
		{mia + `"episodic_memory":{"memory":[
			{"type":"action","content":{"actions":[{"type":"REACH_OUT","target":"Ben"},{"type":"TALK","content":"Hi"}]}},
			{"role":"user","content":"It rains."},{"type":"stimulus","content":{"stimuli":[]}},{"type":"stimulus","content":{"stimuli":[{"type":"SOCIAL","content":"Ben nods","source":"Ben"}]}}]}}`,
			people.Saved{
				Memos: []tinytroupe.Memo{
					{Kind: "experience", Source: "Mia", Content: "I reached out to Ben"}, {Kind: "experience", Source: "Mia", Content: "I said: Hi"},
					{Kind: "experience", Content: "It rains."}, {Kind: "experience", Content: `{"stimuli":[]}`}, {Kind: "experience", Source: "Ben", Content: "I noticed: Ben nods"},
				}}},
		{mia + `"semantic_memory":{"memories":["", {"content":""}, {"content":"x","simulation_timestamp":"yesterday"}, {"content":["a","b"],"simulation_timestamp":"2026-03-02T19:05:00.123456"}]},"mental_faculties":[7,{"a":1}]}`,
			people.Saved{
				Memos:     []tinytroupe.Memo{{Kind: "fact", Content: "x"}, {Kind: "fact", Time: time.Date(2026, 3, 2, 19, 5, 0, 123456000, time.UTC), Content: "a; b"}},
				Faculties: []string{"7"},
				Warnings:  []string{"a.agent.json: not used: semantic_memory.memories, semantic_memory.memories (simulation_timestamp), mental_faculties, mental_faculties (7), which the program must give"},
			}},
	}
	for _, tt := range tests {
		got := parse(t, tt.text)
		tt.want.File, tt.want.Persona = got.File, got.Persona
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, file := range []string{"saved.json", "variations/unknown_keys.agent.json", "variations/bom.agent.json"} {
		data, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"persona":{"name":"A"},"episodic_memory":{"memory":[null,3,{"type":"action","content":{"actions":[0,{"type":{}}]}},{"type":"stimulus","content":{"stimuli":[[]]}}]},"mental_faculties":[[{}]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := people.LoadFS(files("f", string(data)), "f")
		if err != nil {
			var pe *tinytroupe.PersonaError
			if !errors.As(err, &pe) || pe.Line < 1 || pe.Column < 1 || pe.File != "f" {
				t.Fatalf("%#v", err)
			}
			return
		}
		s := list[0]
		if len(s.Warnings) > 1 || s.Persona.Bio() == "" {
			t.Fatal(s.Warnings)
		}
		for _, m := range s.Memos {
			if m.Kind == "" || m.Content == "" {
				t.Fatalf("%+v", m)
			}
		}
		again, err := people.Parse("f", people.Format(s.Persona))
		if err != nil || !again.Persona.Equal(s.Persona) {
			t.Fatal(again, err)
		}
		if _, err := tinytroupe.NewWorld("w", idle{}, nil).Add(s.Persona, s.Options()); err != nil {
			t.Fatal(err)
		}
	})
}

func ExampleLoadFS() {
	folder := files(
		"people/lisa.agent.json", `{"type":"TinyPerson","persona":{"name":"Lisa Carter","age":"28","occupation":"Data scientist"}}`,
		"people/oscar.agent.json", `{"type":"TinyPerson","persona":{"name":"Oscar","residence":"Berlin"},"mental_state":{"location":"A train"}}`,
	)
	list, err := people.LoadFS(folder, "people")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range list {
		fmt.Printf("%s Now: %q\n", s.Persona.Bio(), s.Place)
	}
	// Output:
	// Lisa Carter is 28 years old. Occupation: Data scientist. Now: ""
	// Oscar lives in Berlin. Now: "A train"
}

// TestPersonaKey: a persona may have a key of that name, and is no envelope for it.
func TestPersonaKey(t *testing.T) {
	const text = `{"name":"Ines","age":30,"persona":"A cheerful skeptic","mental_state":"calm","semantic_memory":7}`
	s, err := people.Parse("ines.agent.json", []byte(text))
	if err != nil || s.Warnings != nil || string(s.Persona.JSON()) != text {
		t.Errorf("%+v, %v", s, err)
	}
	files := fstest.MapFS{"a.agent.json": {Data: []byte(text)}, "b.agent.json": {Data: []byte("{\"persona\":{\"name\":\"Ines\"},\n\"name\":\"Ines\"}")}}
	_, err = people.LoadFS(files, ".")
	if want := `b.agent.json:2:8: name: expected a name of its own, found "Ines", which the person of a.agent.json has`; err == nil || err.Error() != want {
		t.Errorf("%v\nwant %s", err, want)
	}
}
