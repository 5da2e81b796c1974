package llm

import (
	"encoding/json"
	"errors"
	"testing"
)

// TestReason: of several things wrong the same one is told each time, since it stands
// in the next prompt.
func TestReason(t *testing.T) {
	body := json.RawMessage(`{"type":"object","required":["a","b"],"additionalProperties":false,"properties":{
		"a":{"type":"string"},"b":{"type":"array","items":{"$ref":"#/$defs/n"}},"c":{"type":"object","properties":{"y":{"type":"string"},"z":{"type":"integer"}}}},
		"$defs":{"n":{"type":"integer","minimum":1}}}`)
	for _, c := range []struct{ text, want string }{
		{`{"a":1,"b":2,"c":3}`, `/properties/a: type: 1 has type "integer", want "string"`},
		{`{"a":"x","b":[1,0,"y"],"c":3}`, `/properties/b/items/1: /$defs/n: minimum: 0/1 is less than 1.000000`},
		{`{"a":"x","b":[1],"c":{"z":"1","y":2}}`, `/properties/c/properties/y: type: 2 has type "integer", want "string"`},
		{`{"d":1,"e":2,"a":"x","b":[]}`, `additionalProperties: unexpected "d"`},
		{`{}`, `required: missing properties: ["a" "b"]`},
	} {
		for range 30 {
			s := &Schema{Name: "s", Body: body}
			_, err := s.find(c.text)
			e, ok := errors.AsType[*InvalidError](err)
			if !ok || e.Reason != c.want {
				t.Fatalf("%s: %v", c.text, err)
			}
		}
	}
}
