package openai

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"

	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// Each testdata/strict/NAME.json is a schema as it comes; NAME.golden is what is
// sent, with all optional keywords and without.
func TestStrictGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/strict/*.json")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d schemas, %v", len(files), err)
	}
	for _, file := range files {
		in, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		for _, drop := range []class{0, lengths | counts | ranges | patterns | formats} {
			s, err := strictly(in, drop)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			fmt.Fprintf(&b, "# keywords dropped: %v; strict: %v; optional members made nullable: %v\n", drop != 0, s.strict, s.nullable)
			if err := json.Indent(&b, s.body, "", "  "); err != nil {
				t.Fatalf("%s: %v in %s", file, err, s.body)
			}
			b.WriteByte('\n')
		}
		golden := strings.TrimSuffix(file, ".json") + ".golden"
		if *update {
			if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), b.String()); d != "" {
			t.Errorf("%s: run with -update if this is meant:\n%s", file, d)
		}
	}
}

func TestStrictMistakes(t *testing.T) {
	for _, in := range []string{``, `{`, `true`, `[]`, `{"type":"array","items":{"type":"string"}}`, `{"type":["string","null"]}`} {
		if s, err := strictly([]byte(in), 0); err == nil {
			t.Errorf("%s: no error, but %s", in, s.body)
		}
	}
}

// A Go type's schema, as llm.Ask makes it, gives a strict schema; what a model
// writes under that, with every optional member null, is valid under the type's own.
func TestStrictOfGoType(t *testing.T) {
	type item struct {
		Quote string  `json:"quote"`
		Score *int    `json:"score,omitempty"`
		Note  string  `json:"note,omitempty"`
		Share float64 `json:"share"`
	}
	type answer struct {
		Zeta  string `json:"zeta"`
		Items []item `json:"items"`
		Best  *item  `json:"best,omitempty"`
		Alpha bool   `json:"alpha,omitempty"`
	}
	own, err := jsonschema.For[answer](nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(own)
	if err != nil {
		t.Fatal(err)
	}
	s, err := strictly(body, 0)
	if err != nil || !s.strict || !s.nullable {
		t.Fatalf("strict %+v, %v", s, err)
	}
	text := `{"zeta":"z","items":[{"quote":"null & <void>","score":null,"note":null,"share":0.10},{"quote":"q","score":3,"note":"n","share":1e3}],"best":{"quote":"b","score":null,"note":null,"share":1},"alpha":null}`
	valid(t, s.body, text)
	got := withoutNulls(body, text)
	valid(t, body, got)
	want := `{"zeta":"z","items":[{"quote":"null & <void>","score":null,"share":0.10},{"quote":"q","score":3,"note":"n","share":1e3}],"best":{"quote":"b","score":null,"share":1}}`
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func valid(t *testing.T, schema []byte, text string) {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal(schema, &s); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	if err := r.Validate(v); err != nil {
		t.Errorf("%s is not valid: %v", text, err)
	}
}

func TestWithoutNulls(t *testing.T) {
	const schema = `{"type":"object","properties":{"a":{"type":"string"},"keep":{"type":["string","null"]},"need":{"type":"string"},` +
		`"in":{"$ref":"#/$defs/in"},"many":{"type":"array","items":{"anyOf":[{"$ref":"#/$defs/in"},{"type":"object","properties":{"kind":{"const":"b"},"y":{"type":["string","null"]}},"required":["kind"]}]}},"any":{}},` +
		`"required":["need"],"$defs":{"in":{"type":"object","properties":{"kind":{"const":"a"},"x":{"type":"integer"},"y":{"type":"string"}},"required":["kind"]}}}`
	for text, want := range map[string]string{
		`{"a":null,"need":"n"}`:                                       `{"need":"n"}`,
		`{"a":"null","need":"null"}`:                                  `{"a":"null","need":"null"}`,
		`{"keep":null,"need":null,"any":null,"z":null}`:               `{"keep":null,"need":null,"any":null,"z":null}`,
		`{"in":null}`:                                                 `{}`,
		`{"in":{"kind":"a","x":null,"y":null}}`:                       `{"in":{"kind":"a"}}`,
		`{"many":[{"kind":"a","y":null},{"kind":"b","y":null},null]}`: `{"many":[{"kind":"a"},{"kind":"b","y":null},null]}`,
		"```json\n{\"a\":null}\n```":                                  "```json\n{\"a\":null}\n```",
		`null`:                                                        `null`,
	} {
		if got := withoutNulls([]byte(schema), text); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	const round = `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`
	if got := withoutNulls([]byte(round), `{"a":null}`); got != `{"a":null}` {
		t.Errorf("references that go round: %s", got)
	}
	const loop = `{"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"$ref":"#/$defs/a"}],"properties":{"a":{"$ref":"#/$defs/a"}}}}}`
	withoutNulls([]byte(loop), `{"a":{"a":null}}`) // ends
}

// Whatever the schema, a strict result is closed in every object and lists every
// member; what is not strict is valid JSON all the same.
func FuzzStrictly(f *testing.F) {
	files, _ := filepath.Glob("testdata/strict/*.json")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint8(0), `{"a":null,"opt":null}`)
	}
	f.Add([]byte(`{"$ref":"#","properties":{"a":{"$ref":"#/properties/a"}}}`), uint8(255), `{"a":null}`)
	f.Fuzz(func(t *testing.T, in []byte, drop uint8, text string) {
		if got := withoutNulls(in, text); json.Valid([]byte(text)) && !json.Valid([]byte(got)) {
			t.Errorf("withoutNulls made %q of %q", got, text)
		}
		s, err := strictly(in, class(drop))
		if err != nil {
			return
		}
		v, err := ordered.Parse(s.body)
		if err != nil {
			t.Fatalf("%v in %s", err, s.body)
		}
		if s.strict {
			closed(t, v)
		}
	})
}

func closed(t *testing.T, v ordered.Value) {
	if v.Kind != ordered.Object {
		t.Errorf("not a schema: %s", v.Append(nil))
		return
	}
	if props, ok := v.Field("properties"); ok {
		more, _ := v.Field("additionalProperties")
		if more.Text != "false" || len(items(v, "required")) != len(props.Fields) {
			t.Errorf("open: %s", v.Append(nil))
		}
		for _, f := range props.Fields {
			closed(t, f.Value)
		}
	}
	for _, k := range []string{"allOf", "oneOf", "prefixItems", "not", "default", "patternProperties", "uniqueItems"} {
		if has(v, k) {
			t.Errorf("%s: %s", k, v.Append(nil))
		}
	}
	if below, ok := v.Field("items"); ok {
		closed(t, below)
	}
	for _, b := range items(v, "anyOf") {
		closed(t, b)
	}
	if !has(v, "type") && !has(v, "anyOf") && !has(v, "$ref") {
		t.Errorf("without a type: %s", v.Append(nil))
	}
}

// Whatever a server says, it is read without a panic, kept within bounds, and never
// with the key.
func FuzzRefused(f *testing.F) {
	f.Add(400, "application/json", []byte(`{"error":{"message":"m","code":1,"param":["x"]}}`))
	f.Add(429, "1e9", []byte(`[{"error":"x"}]`))
	const key = "sk-canary-0123456789"
	e, err := NewEndpoint(&Options{Key: key})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, header string, body []byte) {
		h := map[string][]string{"Retry-After": {header}, "X-Ratelimit-Remaining-Tokens": {"0"}, "X-Ratelimit-Reset-Tokens": {header}}
		fail := e.refused("p/m", &wire.Answer{Status: status, Header: h, Body: append(body, key...), Asked: "http://h/v1"})
		if s := fail.err.Error(); strings.Contains(s, key) || len(s) > 3*4096 {
			t.Errorf("%d bytes: %s", len(s), s)
		}
		if d := wire.RetryAfter(h, time.Unix(0, 0)); d < 0 || d.Hours() > 24 {
			t.Errorf("RetryAfter %v", d)
		}
	})
}
