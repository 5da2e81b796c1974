package ollama

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestNormalise(t *testing.T) {
	for _, c := range []struct{ in, full, shape string }{
		{`{"type":"object","properties":{"z":{"type":"string","maxLength":9},"a":{"type":"array","items":{"type":"integer","minimum":1},"maxItems":2}}}`,
			`{"type":"object","properties":{"z":{"type":"string","maxLength":9},"a":{"type":"array","items":{"type":"integer","minimum":1},"maxItems":2}}}`,
			`{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"array","items":{"type":"integer"}}}}`},
		// Patterns that end a server, or that it does not take.
		{`{"properties":{"a":{"type":"string","pattern":"^(?!x)y$"},"b":{"pattern":"x"},"c":{"pattern":"^\\d+$"},"d":{"pattern":"^[a-z]+$"},"e":{"pattern":"^a$|b^$"}}}`,
			`{"properties":{"a":{"type":"string"},"b":{},"c":{},"d":{"pattern":"^[a-z]+$"},"e":{}}}`,
			`{"properties":{"a":{"type":"string"},"b":{},"c":{},"d":{},"e":{}}}`},
		{`{"properties":{"a":{"format":"date"},"b":{"format":"uri"},"c":{"multipleOf":5}}}`,
			`{"properties":{"a":{"format":"date"},"b":{},"c":{}}}`, `{"properties":{"a":{},"b":{},"c":{}}}`},
		// Members that are called like keywords, and values that look like schemas.
		{`{"properties":{"pattern":{"type":"string"},"format":{"enum":[{"pattern":"x"}]}},"$defs":{"maxLength":{"maxLength":3}}}`,
			`{"properties":{"pattern":{"type":"string"},"format":{"enum":[{"pattern":"x"}]}},"$defs":{"maxLength":{"maxLength":3}}}`,
			`{"properties":{"pattern":{"type":"string"},"format":{"enum":[{"pattern":"x"}]}},"$defs":{"maxLength":{}}}`},
	} {
		full, shape, err := normalise(json.RawMessage(c.in))
		if err != nil || string(full) != c.full || string(shape) != c.shape {
			t.Errorf("%s\nfull  %s\nwant  %s\nshape %s\nwant  %s\n%v", c.in, full, c.full, shape, c.shape, err)
		}
	}
	for _, in := range []string{``, `[]`, `{"a"`, `"x"`} {
		if _, _, err := normalise(json.RawMessage(in)); err == nil {
			t.Errorf("%q: no error", in)
		}
	}
}

// Whatever a schema says, what is sent is a schema without a pattern that looks ahead.
func FuzzNormalise(f *testing.F) {
	f.Add([]byte(`{"properties":{"a":{"pattern":"^(?=x)$"}}}`))
	f.Add([]byte(`{"pattern":[1],"properties":[{"pattern":"(?"}],"items":{"format":null}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		full, shape, err := normalise(in)
		if err != nil {
			return
		}
		for _, out := range []json.RawMessage{full, shape} {
			if again, _, err := normalise(out); err != nil || string(again) != string(out) {
				t.Errorf("%s, and again %s, %v", out, again, err)
			}
		}
	})
}

// Whatever a server says, it is read without a panic, kept within bounds, and never
// with the key.
func FuzzAnswer(f *testing.F) {
	f.Add(200, []byte(`{"message":{"content":"x"},"done":true,"prompt_eval_count":-5,"eval_count":9223372036854775807}`))
	f.Add(500, []byte(`{"error":"invalid JSON schema in format"}`))
	f.Add(404, []byte(`{"error":{"message":"x"}}`))
	const key = "sk-canary-0123456789"
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		e, err := NewEndpoint(&Options{Key: key, Client: &http.Client{Transport: fixed{status, append(body, key...)}}})
		if err != nil {
			t.Fatal(err)
		}
		m, err := e.Model("m")
		if err != nil {
			t.Fatal(err)
		}
		resp, err := m.Generate(t.Context(), fuzzRequest())
		if err == nil && strings.TrimSpace(resp.Text) == "" {
			t.Error("an empty reply is no error")
		}
		if err != nil && (strings.Contains(err.Error(), key) || len(err.Error()) > 4*4096) {
			t.Errorf("%d bytes: %s", len(err.Error()), err)
		}
	})
}
