package study_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/tinytroupe-go/tinytroupe/study"
)

func resolved(t *testing.T) *jsonschema.Resolved {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(study.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func asAny(t *testing.T, text string) any {
	t.Helper()
	b, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSchemaGolden(t *testing.T) {
	const file = "testdata/schema.json"
	got := study.Schema()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// TestSchema validates studies: those that load must be valid, and what the schema
// can see to be wrong must not be.
func TestSchema(t *testing.T) {
	r := resolved(t)
	const people = "people: {ann: {persona: {age: 30}}}\n"
	for _, text := range []string{
		people + "script: [{run: 1}]",
		people + "script: [{run: 2h}, {run: {steps: 3}}, {skip: 2d}, {say: a}, {say: {file: a.md}, to: ann}]",
		people + "script: [{say: 7}, {say: true, to: [ann, {age: 18..35, not: {age: [20, 21]}}]}]",
		people + "script: [{show: {image: a.png, text: hi}}, {show: hi}, {context: [a, b]}, {context: a}, {move: a}]",
		people + "script: [{introduce: everyone}, {join: ann}, {leave: [ann]}, {set: {mood: {deep: 1}}, to: ann}]",
		people + "script: [{goal: a}, {think: a}]\ntitle: 1.10\nabout: a\nlanguage: French\nseed: 3\nmodel: {act: a/b, judge: c/d}\nbudget: {usd: 2.5, calls: 3, tokens: 7}\nvars: {x: [1, {y: z}]}\nworld: {name: Room, starts: '2026-03-02', step: 5m, turns: together, acquainted: no, idle: pass, untargeted: nobody, rooms: all}",
		"people: {ann: {file: a.json, fragments: [a, b], count: 1}, bo: {file: a, fragments: b}}\nscript: [{run: 1}]\nbudget: 5\nmodel: rehearsal",
		people + "script: [{ask: q, remember: YES}, {ask: q, remember: 'off'}, {ask: q, remember: False}]\nquestions: {q: {ask: Well?}}\nseed: 0",
		"people: {a: {file: [a, 'b/*'], where: {age: 1..2, x: [y], not: {z: 1}}, count: 2, assign: {x: [1, {y: z}], t: tasks, r: {rows: a.csv}}, staff: true}, h: {human: true}, i: {human: {age: 3}}, b: {http: 'http://x'}, c: {http: {url: 'http://x', headers: {A: b}, body: {a: [1, {b: '${said}'}]}, reply: /a, timeout: 5s, parallel: 3}}}\nworld: {rooms: {of: 8}, network: a.csv}\nscript: [{run: 1}]",
		people + "script: [{scene: a, rooms: each, who: ann, with: [b], fresh: no, do: [{run: {steps: 2, until: {said: x, by: ann}}}]}, {scene: b, rooms: {by: town}, do: [{run: 1}]}, {for: x in y, order: rotate, do: [{say: a}, {for: z in w, do: [{run: 1}]}]}]",
	} {
		if err := r.Validate(asAny(t, text)); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
	for _, text := range []string{
		"[]", "{}", people, "script: [{run: 1}]", "people: {}\nscript: [{run: 1}]", people + "script: []",
		people + "script: [{for: x in y, do: []}]",
		people + "script: [{run: 1, to: []}]",
		people + "script: [{say: a, to: []}]",
		people + "script: [{say: a, to: {}}]",
		people + "script: [{say: a, to: {age: []}}]",
		people + "script: [{ask: q, remember: perhaps}]",
		people + "script: [{check: It was loud., draws: 0}]",
		people + "script: [{scene: a, rooms: {of: 0}, do: [{run: 1}]}]",
		"people: {ann: {file: a, count: 0}}\nscript: [{run: 1}]",
		"people: {bot: {http: {url: 'http://x', parallel: 0}}}\nscript: [{run: 1}]",
		people + "script: [{run: 1}]\ntitel: a",
		people + "script: [{run: 1, say: a}]",
		people + "script: [{sya: a}]",
		people + "script: [{say: a, too: ann}]",
		people + "script: [{run: 0}]",
		people + "script: [{run: 1, to: ann}]",
		people + "script: [{say: [a]}]",
		people + "script: [{say: {fiel: a}}]",
		people + "script: {say: a}",
		people + "script: [{set: {}}]",
		people + "script: [{run: 1}]\nworld: {turns: turn}",
		people + "script: [{run: 1}]\nmodel: {acts: a/b}",
		"people: {ann: {file: a, persona: {}}}\nscript: [{run: 1}]",
		"people: {ann: {count: 1}}\nscript: [{run: 1}]",
		"people: {ann: {http: {body: x}}}\nscript: [{run: 1}]",
		"people: {ann: {http: {url: x, replay: y}}}\nscript: [{run: 1}]",
		people + "script: [{scene: a}]",
		people + "script: [{scene: a, do: [{sya: b}]}]",
		people + "script: [{scene: a, rooms: some, do: [{run: 1}]}]",
		people + "script: [{scene: a, rooms: {of: 1, by: x}, do: [{run: 1}]}]",
		people + "script: [{for: x in y, order: random, do: [{run: 1}]}]",
		people + "script: [{run: {steps: 1, until: {sad: x}}}]",
		"people: {ann: {file: a, cuont: 1}}\nscript: [{run: 1}]",
	} {
		if r.Validate(asAny(t, text)) == nil {
			t.Errorf("valid: %s", text)
		}
	}
	// The examples of the whole format, later parts included.
	names, _ := filepath.Glob("testdata/studies/*.yaml")
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Validate(asAny(t, string(data))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
