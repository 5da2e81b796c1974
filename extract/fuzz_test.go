package extract

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

var seeds = []string{
	`{"choice":{"advert":{"quote":"B.","event":3,"outcome":"answered","value":"A"},"why":{"quote":"don't I?","event":3,"outcome":"refused","value":null}}}`,
	`{"pains":{"items":[{"pain":{"quote":"B.","event":3,"outcome":"answered","value":"x"},"f2":{"quote":"B.","event":-1,"outcome":"answered","value":9}}],"outcome":"answered","quote":"","event":0}}`,
	`{"best":{"quote":"B.","event":1e99,"outcome":"answered","value":["X","Y"]},"brands":{"quote":"B.","outcome":"answered","value":["X","X"]},"sure":{"quote":"B.","outcome":"answered","value":true}}`,
	`{"price":{"quote":"B.","outcome":"answered","value":-0},"any":{"quote":"B.","outcome":"answered","value":1e308},"intent":{"quote":"B.","outcome":"answered","value":2.5}}`,
	`{"why":null,"choice":[],"pains":{"items":null,"outcome":"refused","quote":"B."}}`, `[{[}]`, `null`, ``, `{"why":{"outcome":"answered","Value":"x","QUOTE":"B."}}`,
}

// sound fails unless each answer either has a value that its question allows and words
// that were said, or neither counts.
func sound(t *testing.T, qs []Question, answers []Answer, said func(string) bool) {
	t.Helper()
	var leaves []Question
	for i := range qs {
		leaves = append(leaves, qs[i].Leaves()...)
	}
	seen := map[string]bool{}
	for i := range answers {
		a := &answers[i]
		n := slices.IndexFunc(leaves, func(q Question) bool { return q.ID == a.Name() })
		if n < 0 {
			t.Fatalf("an answer to what was not asked: %+v", a)
		}
		seen[a.Name()] = true
		if !slices.Contains([]Outcome{Answered, Absent, Refused, Invalid}, a.Outcome) || (a.Outcome == Answered) != !a.Value.IsZero() {
			t.Errorf("%+v", a)
		}
		if a.Outcome == Invalid && a.Reason == "" {
			t.Errorf("invalid without a reason: %+v", a)
		}
		if a.Outcome != Answered {
			continue
		}
		q := leaves[n]
		if _, err := q.read(rawjson.Of(a.Value)); err != nil {
			t.Errorf("%+v: %v", a, err)
		}
		if len(a.Evidence) == 0 || !said(a.Evidence[0].Quote) {
			t.Errorf("nobody said it: %+v", a)
		}
		if q.Type == OneOf && a.Shown[a.Position-1] != a.Value.Text {
			t.Errorf("%+v", a)
		}
	}
	if len(seen) != len(leaves) {
		t.Errorf("%d of %d are accounted for", len(seen), len(leaves))
	}
}

// A reply is read without the schema before it, so that nothing rests on that alone.
func FuzzReply(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, false)
		f.Add(s, true)
	}
	s := room().about("Lisa Carter")
	shown := transcript.NewEvidence(room().journal("").Events, nil)
	r := &reading{s: &s, written: everyType, qs: reordered(everyType, true, 1, "fuzz")}
	asked := &asking{p: &Panelist{Respondent: s.Respondent}}
	f.Fuzz(func(t *testing.T, text string, ask bool) {
		var raw map[string]json.RawMessage
		if json.Unmarshal([]byte(text), &raw) != nil {
			return
		}
		p := reply{r: &s.Respondent, words: func(a *Answer, f *found) bool { return r.quote(shown, a, f) }}
		said := func(quote string) bool {
			return strings.Contains("Films at night: B.\nB. I watch “films” at night, don’t I?", quote)
		}
		if ask {
			p.words, said = asked.said, func(string) bool { return true }
		}
		var answers []Answer
		for i, k := range keys("q", r.qs) {
			answers = append(answers, p.question(&r.qs[i], &r.written[i], raw[k])...)
		}
		sound(t, r.qs, answers, said)
	})
}

// The same through all that stands between a model and a table.
func FuzzExtract(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		m := llmtest.Func("test/fuzz", func(_ context.Context, n int, _ *llm.Request) (string, error) {
			return []string{first, second}[min(n, 2)-1], nil
		})
		q := []Question{everyType[0], everyType[7]}
		r, err := newExtractor(t, m, nil).Extract(t.Context(), q, []Subject{room().about("Lisa Carter")})
		if err != nil {
			t.Fatal(err)
		}
		sound(t, q, r.Answers, func(quote string) bool {
			said := transcript.Evidence{Lines: []transcript.EvidenceLine{{Content: "Films at night: B.\nB. I watch “films” at night, don’t I?"}}}
			_, ok := said.Quote(quote, "", 0)
			return ok
		})
		var b strings.Builder
		if WriteCSV(&b, r.Answers, nil) != nil || WriteJSONL(&b, r.Answers, nil) != nil {
			t.Error("it cannot be written")
		}
		if _, err := Tally(q[1], r.Answers, nil); err != nil {
			t.Error(err)
		}
	})
}

func FuzzCodes(f *testing.F) {
	f.Add("2", "[1,2]")
	f.Add("1e400", "[-1]")
	f.Add("null", "[0.5]")
	f.Fuzz(func(t *testing.T, one, many string) {
		for _, c := range []coder{{codes: make([]Code, 3)}, {codes: make([]Code, 3), o: CodeOptions{Multi: true}}} {
			for _, raw := range []string{one, many} {
				for _, reversed := range []bool{false, true} {
					r := c.readCodes(json.RawMessage(raw), reversed)
					if r.outcome != Answered && r.outcome != Invalid || r.outcome == Invalid && (len(r.codes) > 0 || r.reason == "") {
						t.Errorf("%s: %+v", raw, r)
					}
					for _, n := range r.codes {
						if n < 0 || n > 2 {
							t.Errorf("%s: %+v", raw, r)
						}
					}
				}
			}
		}
	})
}

func FuzzJSONL(f *testing.F) {
	f.Add(`{"question":"q","type":"rank","outcome":"answered","value":["a"]}`)
	f.Add(`{"outcome":"absent","value":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		got, _, err := ReadJSONL("x", strings.NewReader(text))
		if err != nil {
			return
		}
		for _, a := range got {
			if (a.Outcome == Answered) != !a.Value.IsZero() {
				t.Errorf("%q: %+v", text, a)
			}
		}
		var b strings.Builder
		if err := WriteJSONL(&b, got, nil); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}
