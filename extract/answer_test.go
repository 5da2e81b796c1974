package extract

import (
	"encoding/json"
	"strings"
	"testing"
)

// Where a server did not hold a reply to its schema, reading does.
func TestRead(t *testing.T) {
	for _, c := range []struct {
		q    Question
		raw  string
		want string // the value, or what the error says after a !
	}{
		{intent, `5`, "5"}, {intent, `0`, "!outside of 1..5"}, {intent, `6`, "!outside of 1..5"}, {intent, `2.5`, "!no point of the scale"}, {intent, `"3"`, "!no answer of type"}, {intent, `true`, "!no answer"},
		{price, `-0`, "0"}, {price, `1e21`, "1e+21"}, {price, `1e400`, "!no answer"}, {price, `123456789`, "123456789"}, {price, `0.0000001`, "1e-07"},
		{advert, `"A"`, "A"}, {advert, `"a"`, "!none of the options"}, {advert, `["A"]`, "!no answer"}, {advert, `""`, "!none of the options"},
		{again, `true`, "yes"}, {again, `"yes"`, "!no answer"}, {again, `0`, "!no answer"},
		{brands, `["Z","X"]`, `["Z","X"]`}, {brands, `["X","X"]`, "!stands twice"}, {brands, `["Q"]`, "!none of the options"}, {brands, `"X"`, "!no answer"}, {brands, `[1]`, "!no answer"},
		{order, `["Z","X","Y"]`, `["Z","X","Y"]`}, {order, `["Z"]`, "!ranks 1 of 3"}, {order, `[]`, "!ranks 0 of 3"}, {order, `["Z","X","Y","X"]`, "!stands twice"},
		{Question{ID: "why"}, `" so "`, "so"}, {Question{ID: "why"}, `"\t"`, "!empty"}, {Question{ID: "why"}, `7`, "!no answer"},
		{Question{ID: "why"}, ` null `, "!there is no value"}, {Question{ID: "why"}, ``, "!there is no value"}, {Question{ID: "why"}, `{`, "!no answer"},
	} {
		v, err := c.q.read(json.RawMessage(c.raw))
		if msg, ok := strings.CutPrefix(c.want, "!"); ok {
			if err == nil || !strings.Contains(err.Error(), msg) || !v.IsZero() {
				t.Errorf("%s %s: %q %v, want %s", c.q.Type, c.raw, v, err, msg)
			}
		} else if err != nil || v.String() != c.want {
			t.Errorf("%s %s: %q %v, want %s", c.q.Type, c.raw, v, err, c.want)
		}
	}
}

// Names are cut on the terminal, where columns are counted as they are seen.
func TestLongNames(t *testing.T) {
	q := Question{ID: "q", Ask: "?", Type: OneOf, Options: []string{strings.Repeat("very long ", 20), "黒の深さ", "B\x1b[2J"}}
	table, err := Tally(q, []Answer{answer(q, "a", Value{Text: "黒の深さ"}, nil)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := table.WriteText(&b, &TextOptions{Name: 12}); err != nil {
		t.Fatal(err)
	}
	const want = "q, base 1 of 1\n  very long v…   0  0 % (0–79)\n  黒の深さ     █ 1  100 % (21–100)\n  B\\x1b[2J       0  0 % (0–79)\n"
	if b.String() != want {
		t.Errorf("%s", b.String())
	}
}
