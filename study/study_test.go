package study_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/study"
)

func Example() {
	files := fstest.MapFS{"chat.yaml": {Data: []byte(`
title: A chat
people:
  oscar: {persona: {name: Oscar, occupation: architect}}
  lisa: {persona: {name: Lisa, occupation: data scientist}}
script:
  - say: What is new in your life as ${person.occupation}?
  - rum: 2
`)}}
	_, err := study.Load("chat.yaml", &study.LoadOptions{FS: files})
	fmt.Println(err)
	// Output:
	// chat.yaml:8:5: there is no verb "rum"
	//     8 |   - rum: 2
	//       |     ^^^
	//       verbs: say, show, goal, think, context, move, introduce, join, leave, set, run, skip, scene, for, ask, extract, code, tally, check, export. Did you mean run?
	// 1 mistake; nothing called or spent.
}

func ExampleStudy_Run() {
	files := fstest.MapFS{"chat.yaml": {Data: []byte(`
people:
  oscar: {persona: {name: Oscar}}
  lisa: {persona: {name: Lisa}}
script:
  - say: Good morning!
  - run: 1
`)}}
	s, err := study.Load("chat.yaml", &study.LoadOptions{FS: files})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = s.Run(context.Background(), &study.RunOptions{
		Mind: func(study.Member) tinytroupe.Mind { return polite{} },
		Observe: func(_ study.Room, events []tinytroupe.Event) {
			for _, ev := range events {
				if ev.Action != nil && ev.Action.Kind == tinytroupe.Talk {
					fmt.Println(ev.Who+":", ev.Action.Content)
				}
			}
		},
	})
	if err != nil {
		fmt.Println(err)
	}
	// Output:
	// Oscar: Good morning!
	// Lisa: Good morning!
}

type polite struct{}

func (polite) Decide(_ context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	return &tinytroupe.Decision{Actions: []tinytroupe.Action{{Kind: tinytroupe.Talk, Content: "Good morning!"}}}, nil
}

func TestLoad(t *testing.T) {
	s := load(t, `
title: ${title} 1.10
about: {file: about.md}
language: Portuguese
seed: 07
model: {act: openai/gpt-5-mini, judge: anthropic/x, write: openai/w}
budget: {usd: $2.50, calls: 100, tokens: 5000000}
vars:
  title: Advert
  n: 3
  rows: {rows: rows.csv}
  brief: {file: about.md}
  nested: {deep: [a, {b: c}]}
world: {name: "Room of ${env.CITY}", starts: 2026-03-02, step: 1h30m, turns: shuffled, acquainted: no, idle: pass, untargeted: nobody}
people:
  lisa: {file: people/lisa.json, fragments: [people/f.json]}
  zed: {persona: {zip: 07, age: 30, id: "30", list: [1, 1.10, yes, true, ~], "on": off}}
script:
  - say: {file: about.md}
  - run: ${n}
  - run: 4h
  - say: |
      Two lines, "quoted" # and no comment
      $${x} costs $5 ${person.age}
    to: {age: 20..30, not: lisa}
`, "about.md", "\ufeffAbout ${title}\r\nand more\n\n", "rows.csv", "name,text\nA,\"Creamy, soft\"\n",
		"people/lisa.json", `{"type":"TinyPerson","mental_faculties":[{"type":"RecallFaculty"}],"persona":{"name":"Lisa Carter","age":28,"language":"English","beliefs":["a"]}}`,
		"people/f.json", `{"type":"Fragment","persona":{"beliefs":["a","b"]}}`)
	want := &study.Study{
		File: "study.yaml", Title: "Advert 1.10", About: "About Advert\nand more", Language: "Portuguese", Seed: 7,
		Models: study.Models{Act: "openai/gpt-5-mini", Write: "openai/w", Judge: "anthropic/x"},
		Budget: study.Budget{USD: 2.5, Calls: 100, Tokens: 5000000},
		World: study.World{Name: "Room of Porto", Starts: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC), Step: 90 * time.Minute,
			Turns: study.Shuffled, Idle: tinytroupe.Pass, Quiet: true, Rooms: study.Rooms{Spread: study.All}},
		Vars: map[string]any{
			"title": "Advert", "n": "3", "brief": "About Advert\nand more",
			"rows":   []any{map[string]any{"name": "A", "text": "Creamy, soft"}},
			"nested": map[string]any{"deep": []any{"a", map[string]any{"b": "c"}}},
		},
		Warnings: []string{
			"study.yaml: model: write: not used in this version: nothing writes",
			"people/lisa.json: not used: mental_faculties (RecallFaculty), which the program must give",
		},
	}
	got := *s
	got.People, got.Script, got.Inputs = nil, nil, nil
	if diff := cmp.Diff(want, &got, cmpopts.IgnoreUnexported(study.Study{})); diff != "" {
		t.Error(diff)
	}
	if got := string(s.People[0].People[0].Persona.JSON()); got != `{"name":"Lisa Carter","age":28,"language":"English","beliefs":["a","b"]}` {
		t.Error(got)
	}
	if got := string(s.People[1].People[0].Persona.JSON()); got != `{"name":"zed","zip":"07","age":30,"id":"30","list":[1,1.10,"yes",true,null],"on":"off","language":"Portuguese"}` {
		t.Error(got)
	}
	if got := s.Script[0].Do.(study.Say).Text.String(); got != "About Advert\nand more" {
		t.Errorf("%q", got)
	}
	if a, b := s.Script[1].Do.(study.Run).Steps, s.Script[2].Do.(study.Run).Steps; a != 3 || b != 3 {
		t.Error(a, b)
	}
	text := s.Script[3].Do.(study.Say).Text
	if got, err := text.For(s.People[1].People[0], "all"); err != nil || got != "Two lines, \"quoted\" # and no comment\n${x} costs $5 30\n" {
		t.Errorf("%q, %v", got, err)
	}
	if text.Same() {
		t.Error("the text differs by person")
	}
	var paths []string
	for _, in := range s.Inputs {
		paths = append(paths, in.Path)
	}
	if diff := cmp.Diff([]string{"study.yaml", "rows.csv", "about.md", "people/lisa.json", "people/f.json"}, paths, cmp.Transformer("sorted", sorted)); diff != "" {
		t.Error(diff)
	}
	if paths[0] != "study.yaml" {
		t.Error("the study is not the first input")
	}
}

func sorted(list []string) map[string]bool {
	m := map[string]bool{}
	for _, s := range list {
		m[s] = true
	}
	return m
}

func TestSet(t *testing.T) {
	const text = "vars: {tone: warm, b: \"${tone}!\"}\npeople: {ann: {persona: {age: 1}}}\nscript: [{say: \"${tone} ${b}\"}]\n"
	fsys := fstest.MapFS{"s.yaml": {Data: []byte(text)}}
	s, err := study.Load("s.yaml", &study.LoadOptions{FS: fsys, Vars: map[string]string{"tone": "cold ${x}"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Script[0].Do.(study.Say).Text.String(); got != "cold ${x} cold ${x}!" {
		t.Error(got)
	}
	if s.Set["tone"] != "cold ${x}" {
		t.Error(s.Set)
	}
	_, err = study.Load("s.yaml", &study.LoadOptions{FS: fsys, Vars: map[string]string{"tome": "x", "person": "y"}})
	want := `s.yaml: --set person: the name is taken: ${person.…} has a meaning of its own
s.yaml: --set tome: the study has no such variable
      variables: tone, b. Did you mean tone?
2 mistakes; nothing called or spent.`
	if err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
	// The hash of a step is of what it means.
	same, err := study.Load("s.yaml", &study.LoadOptions{FS: fsys, Vars: map[string]string{"tone": "cold ${x}"}})
	if err != nil || same.Script[0].Hash != s.Script[0].Hash {
		t.Error("the hash changes", err)
	}
	other, err := study.Load("s.yaml", &study.LoadOptions{FS: fsys})
	if err != nil || other.Script[0].Hash == s.Script[0].Hash {
		t.Error("the hash does not change", err)
	}
}

// TestInputs loads a study that refers to files above it, and loads it again from a
// copy of its inputs.
func TestInputs(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("examples/chat/study.yaml", "people: {a: {file: ../people/./a.json}, b: {file: ../../b.json}}\nscript: [{say: {file: hi.md}}, {think: {file: ./hi.md}}]\n")
	write("examples/chat/hi.md", "Hi")
	write("examples/people/a.json", `{"name":"A"}`)
	write("b.json", `{"name":"B"}`)
	s, err := study.Load(filepath.Join(dir, "examples", "chat", "study.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Title != "chat" {
		t.Errorf("title %q", s.Title)
	}
	copied := fstest.MapFS{}
	var paths []string
	for _, in := range s.Inputs {
		paths = append(paths, in.Path)
		copied[in.Path] = &fstest.MapFile{Data: in.Data}
	}
	if diff := cmp.Diff([]string{"examples/chat/study.yaml", "examples/people/a.json", "b.json", "examples/chat/hi.md"}, paths); diff != "" {
		t.Error(diff)
	}
	again, err := study.Load(s.Inputs[0].Path, &study.LoadOptions{FS: copied})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(s.Inputs, again.Inputs); diff != "" {
		t.Error(diff)
	}
	if _, err := study.Load(filepath.Join(dir, "none.yaml"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	write("broken.yaml", "people: {a: {file: examples/people/a.jso}}\nscript: [{say: {file: examples}}]\n")
	_, err = study.Load(filepath.Join(dir, "broken.yaml"), nil)
	if err == nil || !strings.Contains(err.Error(), "Did you mean examples/people/a.json?") || !strings.Contains(err.Error(), "is not a file") {
		t.Error(err)
	}
}

func TestLater(t *testing.T) {
	s := load(t, `
people:
  ann: {persona: {age: 3}}
  bo: {persona: {age: 4}}
  cy: {persona: {age: 5}}
script:
  - leave: ann
  - join: [ann, bo]
  - leave: everyone
`)
	j := journals{}
	j.run(t, s)
	keep, err := s.Upto(0, 0, j.rooms())
	if err != nil {
		t.Fatal(err)
	}
	var from []string
	for _, ev := range j["all"].events[:keep["all"]] {
		if ev.Kind == tinytroupe.EventJoined {
			from = append(from, ev.Who)
		}
	}
	if diff := cmp.Diff([]string{"ann", "cy"}, from); diff != "" {
		t.Error(diff)
	}
}

// TestBombs are small files that mean large ones, or exhaust a parser.
func TestBombs(t *testing.T) {
	const rest = "\npeople: {ann: {persona: {age: 1}}}\nscript: [{run: 1}]\n"
	var aliases strings.Builder
	aliases.WriteString("vars:\n  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n")
	for i := 1; i < 12; i++ {
		fmt.Fprintf(&aliases, "  a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 10), ", "))
	}
	for name, text := range map[string]string{
		"aliases":  aliases.String() + rest,
		"self":     "vars: {a: &a [*a]}" + rest,
		"brackets": "vars: " + strings.Repeat("[", 100_000) + rest,
		"closed":   "vars: " + strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000) + rest,
		"maps":     "vars: " + strings.Repeat("{a: ", 20_000) + strings.Repeat("}", 20_000) + rest,
		"dashes":   "vars:\n  " + strings.Repeat("- ", 100_000) + "x" + rest,
		"keys":     "vars:\n  " + strings.Repeat("? ", 100_000) + "x" + rest,
		"tags":     "vars: " + strings.Repeat("!a ", 10_000) + "x" + rest,
		"anchors":  "vars: " + strings.Repeat("&a ", 10_000) + "x" + rest,
		"indent":   "vars:\n" + indented(1_000) + rest,
		"large":    "title: " + strings.Repeat("x", 2<<20) + rest,
		"nul":      "title: a\x00b" + rest,
		"utf8":     "title: a\xffb" + rest,
	} {
		begun := time.Now()
		_, err := loadText(text)
		var all *study.Mistakes
		if !errors.As(err, &all) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(err.Error()) > 50_000 {
			t.Errorf("%s: %d bytes of error", name, len(err.Error()))
		}
		if d := time.Since(begun); d > 5*time.Second {
			t.Errorf("%s: %v", name, d)
		}
	}
}

func indented(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(strings.Repeat(" ", i+1) + "a:\n")
	}
	return b.String()
}

func TestLongLine(t *testing.T) {
	_, err := loadText("title: " + strings.Repeat("é", 300) + " ${nope} " + strings.Repeat("x", 300) + "\npeople: {ann: {persona: {age: 1}}}\nscript: [{say: \"\\u001b[31m${nope}\"}]\n")
	want := `study.yaml:1:309: there is no variable "nope"
    1 | …` + strings.Repeat("é", 59) + ` ${nope} ` + strings.Repeat("x", 42) + `…
      |  ` + strings.Repeat(" ", 60) + `^^^^^^^
      variables: none.
study.yaml:3:27: there is no variable "nope"
    3 | script: [{say: "\u001b[31m${nope}"}]
      |                           ^^^^^^^
      variables: none.
2 mistakes; nothing called or spent.`
	if err == nil || err.Error() != want {
		t.Errorf("%v\n%s", err, cmp.Diff(want, fmt.Sprint(err)))
	}
}

func FuzzLoad(f *testing.F) {
	names, _ := filepath.Glob("testdata/studies/*.yaml")
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Add(fmt.Sprintf(whole, "together", true, "act"))
	f.Add(fmt.Sprintf(scenes, "in turn"))
	f.Add("people: {a: {file: '*.json', where: {name: A}, count: 1, assign: {x: [1]}}, b: {http: {url: 'http://x', body: {a: ['${said}', 1]}, reply: /a}}, c: {human: C}}\nworld: {network: rows.csv, rooms: {by: x}}\nscript: [{for: y in [1, 2], do: [{say: '${y} ${person.x}', to: a}]}]")
	for _, text := range []string{"a: &a [*a]", "say: !x", "a: |\n  b\n c", "{", "- - - ? :", "a: \"\\x\"", "people: {a: {persona: {b: [c, {d: e}]}}}\nscript: [{say: \"${person.b}\"}]"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		begun := time.Now()
		s, err := loadText(text, "a.md", text, "a.json", `{"name":"A"}`, "rows.csv", text)
		if d := time.Since(begun); d > 5*time.Second {
			t.Fatalf("%v for %d bytes", d, len(text))
		}
		if (s == nil) == (err == nil) {
			t.Fatalf("%v and %v", s, err)
		}
		var all *study.Mistakes
		if err != nil && !errors.As(err, &all) {
			t.Fatal(err)
		}
		if all != nil {
			for _, m := range all.List {
				if m.Problem == "" || m.Line < 0 || m.Line > 0 && m.Column < 1 {
					t.Fatalf("%+v", m)
				}
			}
			return
		}
		for _, step := range s.Steps() {
			if step.Hash == "" || step.Line < 1 {
				t.Fatalf("%+v", step)
			}
		}
	})
}
