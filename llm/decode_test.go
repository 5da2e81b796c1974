package llm

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestDecode(t *testing.T) {
	t.Parallel()
	const bad = "!"
	for _, c := range []struct{ in, want string }{
		{`{"a":1}`, `{"a":1}`},
		{"\uFEFF {\"a\" : [1, 2.5e3, -0, true, null]}\n", `{"a" : [1, 2.5e3, -0, true, null]}`},
		{"```json\n{\"a\":1}\n```", `{"a":1}`},
		{"Here [as asked] it is, {curly}: {\"a\":1}. Enjoy!", `{"a":1}`},
		{"As in [1] and [2, 3]:\n{\"a\":1}", `{"a":1}`},
		{"[INST] {\"a\":1} [/INST]", `{"a":1}`},
		{`{"a":[1,2,],}`, `{"a":[1,2]}`},
		{"{\"a\":1, // first\n /* and */ \"b\":2 /* last */, }", "{\"a\":1, \n  \"b\":2  }"},
		{"{\"a\":\"two\nlines\tand more\"}", `{"a":"two\u000alines\u0009and more"}`},
		{`{"a":"http://x, // no comment, ]"}`, `{"a":"http://x, // no comment, ]"}`},
		{`{"a":"é \u00e9 \ud83d\ude00 <b>&"}`, `{"a":"é \u00e9 \ud83d\ude00 <b>&"}`},
		{"<think>Maybe {\"a\":0}? {oh</think>\n{\"a\":1}", `{"a":1}`},
		{"maybe {\"a\":0}, no</think>{\"a\":1}", `{"a":1}`},
		{"<reasoning>x</reasoning><think>y</think>{\"a\":1}", `{"a":1}`},
		{`{"a":"<think>never ends"}`, `{"a":"<think>never ends"}`},
		{`{}`, `{}`},
		{"{\"a\":\"\xff\"}", "{\"a\":\"\uFFFD\"}"},

		{`[{[}]`, bad},
		{`[{"a":1}, {[}]`, bad},
		{`[{"a":1}]`, bad},
		{`{[}`, bad},
		{``, bad},
		{`null`, bad},
		{`"a"`, bad},
		{`no JSON at all`, bad},
		{`{"a":1`, bad},
		{`{"a":"b`, bad},
		{`{"a":"b\`, bad},
		{`{"a":"\u00`, bad},
		{`{"a":tru`, bad},
		{`{`, bad},
		{`{"a":1}{"a":1}`, bad},
		{"{\"a\":1}\n{\"a\":2}", bad},
		{"```\n{\"a\":1}\n```\nor\n```\n{\"a\":2}\n```", bad},
		{`{"a":1} {"a":`, bad},
		{`{"a":{"b":1}},"c":2}`, bad},
		{`{"a":1},"c":2`, bad},
		{`{"a":1}}`, bad},
		{`{"a":1]`, bad},
		{`{a:1,"b":{"c":2}}`, bad},
		{`{'a':1}`, bad},
		{`{"a":'b'}`, bad},
		{`{"a":True}`, bad},
		{`{"a":1,,"b":2}`, bad},
		{`{,}`, bad},
		{`{"a":[,]}`, bad},
		{`{"a":01}`, bad},
		{`{"a":.5}`, bad},
		{`{"a":1 "b":2}`, bad},
		{`{"a" 1}`, bad},
		{`{"a":1,"a":2}`, bad},
		{`{"a":"he said "no""}`, bad},
		{`{"a":"\x41"}`, bad},
		{`<think>{"a":1}`, bad},
		{`{"a":1 /* open }`, bad},
		{`{"a":1 // open }`, bad},
		{strings.Repeat(`{"a":`, 5000), bad},
		{strings.Repeat(`{"a":`, 5000) + "1" + strings.Repeat(`}`, 5000), bad},
	} {
		got, err := Object(c.in)
		switch {
		case c.want == bad && err == nil:
			t.Errorf("%.60q was read as %s", c.in, got)
		case c.want != bad && (err != nil || string(got) != c.want):
			t.Errorf("%q: got %s, %v; want %s", c.in, got, err, c.want)
		}
	}
}

// What decode returns is an object that encoding/json reads; strict JSON comes back
// as it is, also within prose; half of a reply is never a reply.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,{"b":"c\n\u00e9"}],"d":null}`, "```json\n{\"a\":1,}\n```", `[{[}]`, "<think>x</think>{}",
		"{\"a\":1,//x\n}", `{"a":1}{"a":1}`, `[x] {"a":"\"}"}`, "{\"a\":\"\n\"}", `{"a":1e400}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := Object(in)
		if err == nil {
			var v map[string]any
			if !json.Valid(got) {
				t.Fatalf("%q was read as %q, which is not JSON", in, got)
			}
			if err := json.Unmarshal(got, &v); err == nil && v == nil {
				t.Fatalf("%q was read as %q, which is not an object", in, got)
			}
			again, err := Object(string(got))
			if err != nil || string(again) != string(got) {
				t.Fatalf("%q decodes to %q, which decodes to %q, %v", in, got, again, err)
			}
			if n := len(got); n > 2 {
				if half, err := Object(string(got[:n-1])); err == nil {
					t.Fatalf("%q, cut off, was read as %q", got[:n-1], half)
				}
				if both, err := Object(string(got) + string(got)); err == nil {
					t.Fatalf("%q, doubled, was read as %q", got, both)
				}
			}
		}
		var v map[string]any
		if json.Unmarshal([]byte(in), &v) == nil && v != nil && err != nil &&
			!strings.Contains(err.Error(), "twice") && !strings.Contains(err.Error(), "deeply") {
			t.Fatalf("%q is JSON, but: %v", in, err)
		}
	})
}

// Neither a schema nor a reply may panic.
func FuzzSchema(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"type":"integer","minimum":1,"enum":[1,2]}},"required":["a"],"additionalProperties":false}`, `{"a":1}`)
	f.Add(`{"$defs":{"x":{"pattern":"^a$"}},"properties":{"a":{"$ref":"#/$defs/x"}},"patternProperties":{"b":false}}`, `{"a":"a","b":null}`)
	f.Add(`{"type":"object","anyOf":[{"not":{}},{"if":{},"then":true,"else":false}],"minProperties":1}`, `{"a":[{}]}`)
	f.Add(`{"type":"object","properties":{"a":{"prefixItems":[{"const":1}],"items":{"oneOf":[{},{"multipleOf":2}]},"uniqueItems":true,"contains":{"type":["null","string"]}}}}`, `{"a":[1,2,"x"]}`)
	f.Fuzz(func(t *testing.T, body, text string) {
		s, err := NewSchema("s", json.RawMessage(body))
		if err != nil {
			return
		}
		raw, err := s.find(text)
		if err == nil && !json.Valid(raw) {
			t.Fatalf("%q was read as %q", text, raw)
		}
	})
}
