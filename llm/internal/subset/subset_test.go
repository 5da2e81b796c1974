package subset_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"pgregory.net/rapid"

	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/subset"
)

func keep(words ...string) func(string, ordered.Value) bool {
	return func(w string, _ ordered.Value) bool { return slices.Contains(words, w) }
}

var (
	closed  = &subset.Dialect{Closed: true, Keep: keep("enum", "const", "title")}
	order   = &subset.Dialect{Ordered: true, Keep: keep("enum", "minimum", "prefixItems")}
	openAPI = &subset.Dialect{OpenAPI: true, Keep: keep("enum")}
)

func TestRewrite(t *testing.T) {
	const unsaid = "unsaid"
	for _, c := range []struct {
		d        *subset.Dialect
		in, want string
	}{
		{closed, `{"type":"object","properties":{"b":{"type":"string","maxLength":3},"a":{"type":"integer"}},"required":["b"]}`,
			`{"type":"object","properties":{"b":{"type":"string","description":"(maxLength: 3)"},"a":{"type":"integer"}},"required":["b"],"additionalProperties":false}`},
		{closed, `{"properties":{"properties":{"enum":["maxLength",null]}},"$schema":"x","examples":[1]}`,
			`{"type":"object","properties":{"properties":{"type":["string","null"],"enum":["maxLength",null]}},"additionalProperties":false}`},
		{closed, `{"oneOf":[{"const":1},{"type":"array","items":{"type":"number","description":"d","multipleOf":2}}]}`,
			`{"anyOf":[{"type":"number","const":1},{"type":"array","items":{"type":"number","description":"d (multipleOf: 2)"}}]}`},
		{closed, `{"$ref":"#/definitions/a","description":"x","definitions":{"a":{"type":"object","properties":{}}}}`,
			`{"$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{},"additionalProperties":false}}}`},
		{closed, `{"allOf":[{"type":"string","title":"inner"}],"title":"outer"}`, `{"type":"string","title":"outer"}`},
		{closed, `{"type":"object"}`, unsaid},
		{closed, `{"enum":["a",{"x":1}]}`, unsaid}, // no type says both
		{order, `{"enum":["a",{"x":1}]}`, `{"enum":["a",{"x":1}]}`},
		{closed, `{"type":"object","additionalProperties":{"type":"string"}}`, unsaid},
		{closed, `{"type":"array","items":{}}`, unsaid},
		{closed, `{"type":"array","items":true}`, unsaid},
		{closed, `{"description":"anything"}`, unsaid},
		{closed, `{"type":"array","prefixItems":[{"type":"string"}]}`, unsaid},
		{closed, `{"allOf":[{"type":"string"},{"maxLength":3}]}`, unsaid},
		{closed, `{"$ref":"https://elsewhere.example/schema"}`, unsaid},
		{order, `{"type":"object","properties":{"b":{"minimum":1,"maximum":2,"type":"number"},"a":{}},"required":["a","b","z"],"additionalProperties":{"type":"string"}}`,
			`{"type":"object","properties":{"b":{"type":"number","minimum":1,"description":"(maximum: 2)"},"a":{}},"required":["b","a","z"],"additionalProperties":{"type":"string"},"propertyOrdering":["b","a"]}`},
		{order, `{"type":"array","prefixItems":[{"const":"x"}],"items":false}`, `{"type":"array","prefixItems":[{"type":"string","enum":["x"]}],"items":false}`},
		{openAPI, `{"type":"object","properties":{"t":{"$ref":"#/$defs/a~1b"},"n":{"anyOf":[{"type":"string"},{"type":"null"}]},"m":{"type":["integer","null"]}},"$defs":{"a/b":{"type":"boolean"}},"additionalProperties":false}`,
			`{"type":"OBJECT","properties":{"t":{"type":"BOOLEAN"},"n":{"anyOf":[{"type":"STRING"}],"nullable":true},"m":{"type":"INTEGER","nullable":true}}}`},
		{openAPI, `{"type":["string","integer"]}`, unsaid},
		{openAPI, `{"type":"object","properties":{"r":{"$ref":"#"}}}`, unsaid},
		{openAPI, `{"$ref":"#/$defs/none"}`, unsaid},
	} {
		out, ok, err := c.d.Rewrite(json.RawMessage(c.in))
		got := string(out)
		if !ok {
			got = unsaid
		}
		if err != nil || got != c.want {
			t.Errorf("%s\ngot  %s, %v\nwant %s", c.in, got, err, c.want)
		}
	}
	for _, bad := range []string{``, `[]`, `"x"`, `{`, `{"a":1,}`} {
		if _, ok, err := closed.Rewrite(json.RawMessage(bad)); ok || err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

// References that multiply end, and do so soon.
func TestBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/d0","$defs":{`)
	for i := range 40 {
		fmt.Fprintf(&b, `"d%d":{"type":"object","properties":{"a":{"$ref":"#/$defs/d%d"},"b":{"$ref":"#/$defs/d%d"}}},`, i, i+1, i+1)
	}
	b.WriteString(`"d40":{"type":"string"}}}`)
	if _, ok, err := openAPI.Rewrite(json.RawMessage(b.String())); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

// pair draws a schema and a value that it allows.
func pair(t *rapid.T, depth int) (schema, value string) {
	kinds := []string{"string", "enum", "integer", "boolean"}
	if depth > 0 {
		kinds = append(kinds, "object", "array", "null", "allOf")
	}
	switch rapid.SampledFrom(kinds).Draw(t, "kind") {
	case "string":
		return `{"type":"string","minLength":1,"maxLength":5,"pattern":"^a"}`, `"a"`
	case "enum":
		return `{"enum":["x","y",7]}`, rapid.SampledFrom([]string{`"x"`, `7`}).Draw(t, "value")
	case "integer":
		return `{"type":"integer","minimum":0,"exclusiveMaximum":9}`, fmt.Sprint(rapid.IntRange(0, 8).Draw(t, "value"))
	case "boolean":
		return `{"type":"boolean"}`, `true`
	case "null":
		s, v := pair(t, depth-1)
		return `{"anyOf":[` + s + `,{"type":"null"}]}`, rapid.SampledFrom([]string{v, "null"}).Draw(t, "value")
	case "allOf":
		s, v := pair(t, depth-1)
		return `{"allOf":[` + s + `]}`, v
	case "array":
		s, v := pair(t, depth-1)
		return `{"type":"array","items":` + s + `,"maxItems":2}`, rapid.SampledFrom([]string{"[]", "[" + v + "]", "[" + v + "," + v + "]"}).Draw(t, "value")
	}
	var props, values, required []string
	for i := range rapid.IntRange(1, 4).Draw(t, "members") {
		s, v := pair(t, depth-1)
		name := fmt.Sprintf("%q", string(rune('z'-i)))
		props = append(props, name+":"+s)
		if must := rapid.Bool().Draw(t, "required"); must {
			required = append([]string{name}, required...)
		} else if rapid.Bool().Draw(t, "absent") {
			continue
		}
		values = append(values, name+":"+v)
	}
	return fmt.Sprintf(`{"type":"object","properties":{%s},"required":[%s],"additionalProperties":false}`, strings.Join(props, ","), strings.Join(required, ",")),
		"{" + strings.Join(values, ",") + "}"
}

// What a closed schema allows, its rewritten form allows.
func TestNeverLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema, value := pair(t, 3)
		var v any
		if err := json.Unmarshal([]byte(value), &v); err != nil {
			t.Fatal(err)
		}
		allows := func(body []byte) error {
			var s jsonschema.Schema
			if err := json.Unmarshal(body, &s); err != nil {
				return err
			}
			r, err := s.Resolve(nil)
			if err != nil {
				return err
			}
			return r.Validate(v)
		}
		if err := allows([]byte(schema)); err != nil {
			t.Fatalf("the test itself: %s, %s: %v", schema, value, err)
		}
		for _, d := range []*subset.Dialect{closed, order} {
			out, ok, err := d.Rewrite(json.RawMessage(schema))
			if err != nil || !ok {
				t.Fatalf("%s: %v, %v", schema, ok, err)
			}
			if err := allows(out); err != nil {
				t.Errorf("%s is allowed by %s, not by %s: %v", value, schema, out, err)
			}
		}
		if _, ok, err := openAPI.Rewrite(json.RawMessage(schema)); err != nil || ok == strings.Contains(schema, `,7]`) {
			t.Errorf("%s as OpenAPI: %v, %v", schema, ok, err)
		}
	})
}

func FuzzRewrite(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"anyOf":[{"type":"null"},{"$ref":"#"}]}}}`)
	f.Add(`{"allOf":[{"allOf":[{}]}],"required":{},"enum":7,"properties":[]}`)
	f.Fuzz(func(t *testing.T, schema string) {
		for _, d := range []*subset.Dialect{closed, order, openAPI} {
			out, ok, err := d.Rewrite(json.RawMessage(schema))
			if ok && (err != nil || !json.Valid(out)) {
				t.Errorf("%q: %s, %v", schema, out, err)
			}
		}
	})
}
