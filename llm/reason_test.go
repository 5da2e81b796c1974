package llm

import (
	"encoding/json"
	"errors"
	"testing"
)

// TestReason: of several things wrong the same one is told each time, since it stands
// in the next prompt.
func TestReason(t *testing.T) {
	for _, c := range []struct{ schema, text, want string }{
		{plain, `{"a":1,"b":2,"c":3}`, `/properties/a: type: 1 has type "integer", want "string"`},
		{plain, `{"a":"x","b":[1,0,"y"],"c":3}`, `/properties/b/items/1: /$defs/n: minimum: 0/1 is less than 1.000000`},
		{plain, `{"a":"x","b":[1],"c":{"z":"1","y":2}}`, `/properties/c/properties/y: type: 2 has type "integer", want "string"`},
		{plain, `{"d":1,"e":2,"a":"x","b":[]}`, `additionalProperties: unexpected "d"`},
		{plain, `{}`, `required: missing properties: ["a" "b"]`},
		{nested, `{"ref":{"x":1,"y":2,"z":3}}`, `/properties/ref/properties/x: type: 1 has type "integer", want "string"`},
		{older, `{"old":{"x":1,"y":2,"z":3}}`, `/properties/old/properties/x: type: 1 has type "integer", want "string"`},
		{nested, `{"ref":{"b":1,"a":2,"c":3}}`, `/properties/ref: additionalProperties: unexpected "a"`},
		{nested, `{"map":{"c":"1","b":"2","a":"3"}}`, `/properties/map/additionalProperties/a: type: 3 has type "string", want "integer"`},
		{nested, `{"map":{"c":1,"b":2}, "self":{"map":{"c":"1","b":"2","a":"3"}}}`,
			`/properties/self/properties/map/additionalProperties/a: type: 3 has type "string", want "integer"`},
		{nested, `{"self":{"self":{"ref":{"x":1,"y":2}}}}`, `/properties/self/properties/self/properties/ref/properties/x: type: 1 has type "integer", want "string"`},
		{nested, `{"any":{"x":1,"y":2,"z":3}}`, `/properties/any: anyOf: /properties/x: type: 1 has type "integer", want "string"; or ` +
			`type: map[x:1 y:2 z:3] has type "object", want "null"`},
		{nested, `{"list":[1,"x",1]}`, `/properties/list: uniqueItems: array items 2 and 0 are equal`},
		{nested, `{"never":1}`, "/properties/never: " + unclear},
		{nested, `{"patterns":{"x1":2,"y":"z"}}`, "/properties/patterns: " + unclear},
		{`{"allOf":[{"properties":{"x":{"type":"string"},"y":{"type":"string"}}}]}`, `{"x":1,"y":2}`, unclear},
		{`{"properties":{"p":{"prefixItems":[{"properties":{"x":{"type":"string"},"y":{"type":"string"}}}]}}}`, `{"p":[{"x":1,"y":2}]}`, "/properties/p: " + unclear},
		{`{"propertyNames":{"maxLength":1}}`, `{"xx":1,"yy":2}`, unclear},
		{`{"dependentRequired":{"x":["a"],"y":["b"]}}`, `{"x":1,"y":2}`, unclear},
		{`{"properties":{"p":{"$ref":"#/$defs/n","properties":{"x":{"type":"string"},"y":{"type":"string"}}}},"$defs":{"n":{"type":"object"}}}`, `{"p":{"x":1,"y":2}}`, "/properties/p: " + unclear},
		{`{"anyOf":[false,{"properties":{"x":{"type":"string"},"y":{"type":"string"}}}]}`, `{"x":1,"y":2}`, unclear},
	} {
		for range 30 {
			s := &Schema{Name: "s", Body: json.RawMessage(c.schema)}
			_, err := s.find(c.text)
			e, ok := errors.AsType[*InvalidError](err)
			if !ok || e.Reason != c.want {
				t.Fatalf("%s: %v", c.text, err)
			}
		}
	}
}

const (
	unclear = "it does not fit the schema there"
	plain   = `{"type":"object","required":["a","b"],"additionalProperties":false,"properties":{
		"a":{"type":"string"},"b":{"type":"array","items":{"$ref":"#/$defs/n"}},"c":{"type":"object","properties":{"y":{"type":"string"},"z":{"type":"integer"}}}},
		"$defs":{"n":{"type":"integer","minimum":1}}}`
	nested = `{"type":"object","additionalProperties":false,"properties":{"ref":{"$ref":"#/$defs/also"},"self":{"$ref":"#"},
		"map":{"type":"object","additionalProperties":{"type":"integer"}},"any":{"anyOf":[{"$ref":"#/$defs/xyz"},{"type":"null"}]},
		"list":{"type":"array","uniqueItems":true},"never":{"anyOf":[false,{"type":"null"}]},"patterns":{"type":"object","patternProperties":{"x":{"type":"string"}, "y":{}},"additionalProperties":false}},
		"$defs":{"also":{"$ref":"#/$defs/xyz"},"xyz":{"type":"object","additionalProperties":false,"properties":{"x":{"type":"string"},"y":{"type":"string"},"z":{"type":"string"}}}}}`
	older = `{"type":"object","properties":{"old":{"$ref":"#/definitions/xyz"}},
		"definitions":{"xyz":{"type":"object","properties":{"x":{"type":"string"},"y":{"type":"string"},"z":{"type":"string"}}}}}`
)
