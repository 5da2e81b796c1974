package rehearsal_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

// anySchema draws a satisfiable schema at most depth deep.
func anySchema(t *rapid.T, depth int) map[string]any {
	kinds := []string{"string", "string", "integer", "number", "boolean", "enum", "const", "null", "format", "pattern"}
	if depth > 0 {
		kinds = append(kinds, "object", "object", "array", "array", "nullable", "anyOf", "oneOf", "ref", "enums", "tuple", "allOf")
	}
	n := rapid.IntRange(0, 6)
	word := rapid.SampledFrom([]string{"why", "quote", "name", "age", "score", "items", "summary", "answer", "best_option", "title"})
	switch k := rapid.SampledFrom(kinds).Draw(t, "kind"); k {
	case "string":
		lo := rapid.IntRange(0, 120).Draw(t, "minLength")
		return map[string]any{"type": "string", "minLength": lo, "maxLength": lo + n.Draw(t, "more"), "description": "What do you think about trains?"}
	case "integer":
		lo := rapid.IntRange(-50, 50).Draw(t, "minimum")
		m := map[string]any{"type": "integer"}
		switch n.Draw(t, "form") {
		case 0:
		case 1:
			m["minimum"], m["exclusiveMaximum"] = lo, lo+1+n.Draw(t, "more")
		case 2:
			m["multipleOf"] = 1 + n.Draw(t, "step")
			m["minimum"] = lo
		case 3:
			m["exclusiveMinimum"] = lo
		default:
			m["minimum"], m["maximum"] = lo, lo+n.Draw(t, "more")
		}
		return m
	case "number":
		lo := rapid.Float64Range(-10, 10).Draw(t, "minimum")
		return map[string]any{"type": "number", "minimum": lo, "maximum": lo + rapid.Float64Range(0.5, 5).Draw(t, "more")}
	case "enum":
		return map[string]any{"enum": rapid.SampledFrom([][]any{{"A", "B", "C"}, {1, 2, 3}, {nil, "x"}, {true}, {"yes", "no", "not sure"}, {map[string]any{"a": 1.0}}}).Draw(t, "enum")}
	case "const":
		return map[string]any{"const": rapid.SampledFrom([]any{"x", 3, nil, []any{1.0}}).Draw(t, "const")}
	case "format":
		return map[string]any{"type": "string", "format": rapid.SampledFrom([]string{"date", "date-time", "email", "uri", "uuid", "unknown"}).Draw(t, "format")}
	case "pattern":
		return map[string]any{"type": "string", "pattern": rapid.SampledFrom([]string{"^[A-Z]{3}-[0-9]{2,4}$", "^(low|mid|high)$", `^\d+(\.\d+)?$`, "[aeiou]", "^#[0-9a-f]{6}$", "^.+$"}).Draw(t, "pattern")}
	case "object":
		props := map[string]any{}
		required := []string{}
		for range n.Draw(t, "properties") {
			w := word.Draw(t, "property")
			props[w] = anySchema(t, depth-1)
			if rapid.Bool().Draw(t, "required") {
				required = append(required, w)
			}
		}
		m := map[string]any{"type": "object", "properties": props, "additionalProperties": false}
		if len(required) > 0 {
			m["required"] = required
		}
		return m
	case "array":
		lo := n.Draw(t, "minItems")
		return map[string]any{"type": "array", "items": anySchema(t, depth-1), "minItems": lo, "maxItems": lo + n.Draw(t, "more")}
	case "tuple":
		return map[string]any{"type": "array", "prefixItems": []any{anySchema(t, depth-1), anySchema(t, depth-1)}, "items": false, "minItems": 2}
	case "enums":
		return map[string]any{"type": "array", "items": map[string]any{"enum": []any{"red", "green", "blue"}}, "uniqueItems": true, "minItems": n.Draw(t, "minItems") % 4, "maxItems": 3}
	case "nullable":
		return map[string]any{"type": []any{"null", rapid.SampledFrom([]string{"string", "integer", "boolean"}).Draw(t, "type")}}
	case "anyOf", "oneOf":
		if k == "oneOf" { // branches that exclude each other
			return map[string]any{k: []any{map[string]any{"type": "null"}, map[string]any{"type": "object", "properties": map[string]any{"a": anySchema(t, depth-1)}, "required": []any{"a"}}}}
		}
		return map[string]any{k: []any{anySchema(t, depth-1), anySchema(t, depth-1)}}
	case "allOf":
		return map[string]any{"allOf": []any{
			map[string]any{"type": "object", "properties": map[string]any{"a": anySchema(t, depth-1)}, "required": []any{"a"}},
			map[string]any{"properties": map[string]any{"b": map[string]any{"type": "integer", "minimum": 2}}, "required": []any{"b"}},
		}}
	case "ref":
		return map[string]any{"$ref": rapid.SampledFrom([]string{"#/$defs/leaf", "#/$defs/tree"}).Draw(t, "ref")}
	default:
		return map[string]any{"type": k}
	}
}

func TestAnySchema(t *testing.T) {
	m := rehearsal.New(nil)
	for _, system := range []string{system(lisa), system(oscar), "You judge.", "", system("{}")} {
		rapid.Check(t, func(t *rapid.T) {
			schema := compact(map[string]any{
				"type":       "object",
				"properties": map[string]any{"value": anySchema(t, 3), "why": map[string]any{"type": "string"}},
				"required":   []string{"value", "why"},
				"$defs": map[string]any{
					"leaf": map[string]any{"type": "string", "maxLength": 20},
					"tree": map[string]any{"type": "object", "properties": map[string]any{"name": map[string]any{"type": "string"}, "children": map[string]any{"type": "array", "items": map[string]any{"$ref": "#/$defs/tree"}}}, "required": []string{"name", "children"}},
				},
			})
			req := &llm.Request{System: system, Messages: []llm.Message{llm.Text(llm.User, "Would you go by train?\nMona: I like trains. They are quiet.")}, Schema: &llm.Schema{Name: "x", Body: json.RawMessage(schema)}}
			resp, err := m.Generate(t.Context(), req)
			if err != nil {
				t.Fatalf("%v\nschema %s", err, schema)
			}
			check(t, schema, resp.Text)
		})
	}
}

func FuzzGenerate(f *testing.F) {
	f.Add(system(lisa), "[Monday 2026-03-02 19:05]\n"+`{"type":"CONVERSATION","source":"Oscar","content":"What do you do?"}`+"\n\nWithin reach: Oscar.\nIt is your turn.", decisionSchema)
	f.Add("# Who you are\n{\"name\":", "Question: Which? A) x B) y", `{"type":"object","properties":{"a":{"enum":["A","B"]}}}`)
	f.Add("# Who you are\n[1]", "“ \" ” A: \nB:", "")
	f.Add("# Who you are\n"+`{"name":"\u0000","skills":["is","has",". "," a","You"],"occupation":{"title":7}}`, "[x]\n\n", decisionSchema)
	f.Add(oscar, "Summarise.\nUSER --> Oscar: [CONVERSATION]\n  > \xff", `{"type":"object","properties":{"quote":{"type":"string","pattern":"("}}}`)
	m := rehearsal.New(nil)
	f.Fuzz(func(t *testing.T, system, user, schema string) {
		req := &llm.Request{System: system, Messages: []llm.Message{llm.Text(llm.User, user), llm.Text(llm.Assistant, user), llm.Text(llm.User, user)}}
		if schema != "" {
			req.Schema = &llm.Schema{Name: "x", Body: json.RawMessage(schema)}
		}
		resp, err := m.Generate(t.Context(), req)
		if err == nil && schema != "" && !json.Valid([]byte(resp.Text)) {
			t.Fatalf("not JSON: %q", resp.Text)
		}
		if err == nil && resp.Text == "" {
			t.Fatal("no text")
		}
	})
}
