package ordered_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
)

func TestParseErrors(t *testing.T) {
	tests := []struct{ text, want string }{
		{``, `1:1: expected a value, found the end of the text`},
		{"\n  nope", `2:3: expected a value, found "nope"`},
		{`{"a":1,"b":{"c":[1,{"d":tru}]}}`, `1:25: b.c.1.d: expected a value, found "tru"`},
		{`{"a":1,}`, `1:8: expected a key in double quotes, found "}"`},
		{`{"a":1 "b":2}`, `1:8: a: expected "," or "}", found "\""`},
		{`{a:1}`, `1:2: expected a key in double quotes, found "a"`},
		{`{"a" 1}`, `1:6: expected ":", found "1"`},
		{`{"o":{"a":1,"x":0,"a":2}}`, `1:19: o: expected every key once, found "a" again`},
		{`{"a":1,"\u0061":2}`, `1:8: expected every key once, found "a" again`},
		{`[1,2`, `1:5: 1: expected "," or "]", found the end of the text`},
		{`{} {}`, `1:4: expected the end of the text, found "{"`},
		{"{\"é\":\"x\ny\"}", `1:8: é: expected a closing quote before the end of the line, or \n for a line break`},
		{"[\"\x01\"]", `1:3: 0: expected \u0001 for a control character`},
		{"[\"a\xff\"]", `1:4: 0: expected UTF-8, found byte 0xff`},
		{"\xff", `1:1: expected a value, found invalid UTF-8 (byte 0xff)`},
		{"\ufeff{\"a\":x}", `1:6: a: expected a value, found "x"`},
		{`["abc`, `1:2: 0: expected a closing quote, found the end of the text`},
		{`["\x"]`, `1:3: 0: expected one of \" \\ \/ \b \f \n \r \t \u0000 after a backslash`},
		{`["\u12"]`, `1:3: 0: expected four hexadecimal digits after \u`},
		{`["\ud83d"]`, `1:3: 0: expected a pair of surrogates, found half of one`},
		{`["\ude00\ud83d"]`, `1:3: 0: expected a pair of surrogates, found half of one`},
		{`[01]`, `1:2: 0: expected a number as JSON writes it, found "01"`},
		{`[-]`, `1:2: 0: expected a number as JSON writes it, found "-"`},
		{`[1.]`, `1:2: 0: expected a number as JSON writes it, found "1."`},
		{`[1e+]`, `1:2: 0: expected a number as JSON writes it, found "1e+"`},
		{`[12px]`, `1:2: 0: expected a number as JSON writes it, found "12px"`},
		{`{"a.b":{"c":}}`, `1:13: a\.b.c: expected a value, found "}"`},
	}
	for _, tt := range tests {
		if _, err := ordered.Parse([]byte(tt.text)); err == nil || err.Error() != tt.want {
			t.Errorf("Parse(%q)\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

func TestDepth(t *testing.T) {
	nested := func(n int) []byte { return []byte(strings.Repeat("[", n) + strings.Repeat("]", n)) }
	v, err := ordered.Parse(nested(ordered.MaxDepth))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ordered.Parse(nested(ordered.MaxDepth + 1)); err == nil {
		t.Error("one level too many was read")
	}
	if _, err := (ordered.Value{}).Set([]string{"a"}, v); err == nil {
		t.Error("one level too many was set")
	}
}

func TestText(t *testing.T) {
	tests := []struct{ text, want string }{
		{"\ufeff { \"b\" : 1.50 ,\n\"a\" : [ ] }", `{"b":1.50,"a":[]}`},
		{`[1e5,-0,0.10,123456789012345678901234567890]`, ""},
		{`["<a> & b","日本","\u0000\u001f\b\f\n\r\t\"\\"]`, ""},
		{"[\"\u2028\U0001F600\u007f\"]", ""},
		{`["\u00e9\/\ud83d\ude00\u0041"]`, `["é/😀A"]`},
		{`{"":{"":null},"t":true,"f":false}`, ""},
	}
	for _, tt := range tests {
		v, err := ordered.Parse([]byte(tt.text))
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if tt.want == "" {
			tt.want = tt.text
		}
		if got := string(v.Append(nil)); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

func TestPath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.StringN(1, 4, -1), 1, 4).Draw(t, "names")
		got := ordered.Split(ordered.Join(names))
		if strings.Join(got, "\x00|") != strings.Join(names, "\x00|") {
			t.Fatalf("%q became %q", names, got)
		}
	})
}

// values draws any JSON value.
func values(depth int) *rapid.Generator[any] {
	scalar := rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.String().AsAny(),
		rapid.Float64().AsAny(), rapid.Int().AsAny())
	if depth == 0 {
		return scalar
	}
	return rapid.OneOf(scalar,
		rapid.SliceOfN(values(depth-1), 0, 4).AsAny(),
		rapid.MapOfN(rapid.String(), values(depth-1), 0, 4).AsAny())
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, err := ordered.Of(values(3).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		text := v.Append(nil)
		again, err := ordered.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if got := again.Append(nil); !bytes.Equal(got, text) {
			t.Fatalf("%s became %s", text, got)
		}
		if third, err := ordered.Of(v.Any()); err != nil || third.Canonical() != v.Canonical() {
			t.Fatalf("%s became %s by way of Go values (%v)", v.Canonical(), third.Canonical(), err)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e-3,"\u00e9\ud83d\ude00",null,true]}`, `{"a":1,"a":2}`, "\ufeff[]", `[01]`, `"\ud800"`, "\"\xff\"", `[[[[`, `{"a":{"b":}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := ordered.Parse(data)
		if err != nil {
			return
		}
		if !json.Valid(bytes.TrimPrefix(data, []byte("\ufeff"))) {
			t.Fatalf("read %q, which is no JSON", data)
		}
		text := v.Append(nil)
		again, err := ordered.Parse(text)
		if err != nil || !bytes.Equal(again.Append(nil), text) {
			t.Fatalf("%q became %q (%v)", data, text, err)
		}
		var want, got any
		if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\ufeff")), &want); err != nil {
			return // a number too large for encoding/json
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		w, _ := json.Marshal(want)
		g, _ := json.Marshal(got)
		if !bytes.Equal(w, g) {
			t.Fatalf("%q means %s, got %s", data, w, g)
		}
	})
}
