package extract

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

type pick struct {
	Advert string  `json:"advert" find:"which advert was picked" answer:"one of: A | B"`
	Why    *string `json:"why,omitempty"`
	Age    *int    `json:"age" answer:"number: 0..120"`
}

func TestInto(t *testing.T) {
	why := "films"
	for _, c := range []struct {
		name, advert, why, age string
		outcome                Outcome
		want                   pick
	}{
		{"all of it", one("B.", 3, "answered", `"B"`), one("films", 3, "answered", `"films"`), one("B.", 3, "answered", `40`), Answered, pick{"B", &why, new(40)}},
		{"only what is needed", one("B.", 3, "answered", `"B"`), one("", 0, "absent", `null`), one("x", 0, "answered", `40`), Answered, pick{Advert: "B"}},
		{"absent", one("", 0, "absent", `null`), one("films", 3, "answered", `"films"`), one("", 0, "absent", `null`), Absent, pick{}},
		{"refused", one("don't I?", 3, "refused", `null`), one("", 0, "absent", `null`), one("", 0, "absent", `null`), Refused, pick{}},
		{"made up", one("I take B", 3, "answered", `"B"`), one("", 0, "absent", `null`), one("", 0, "absent", `null`), Invalid, pick{}},
		{"half a year", one("B.", 3, "answered", `"B"`), one("", 0, "absent", `null`), one("B.", 3, "answered", `2.5`), Answered, pick{Advert: "B"}},
	} {
		m := llmtest.Scripted(`{"value":{"advert":` + c.advert + `,"why":` + c.why + `,"age":` + c.age + `}}`)
		es, err := Into[pick](t.Context(), m, "The choice.", []Subject{room().about("Lisa Carter")}, nil)
		if err != nil {
			t.Fatal(err)
		}
		v, ok := es[0].Value()
		if es[0].Outcome != c.outcome || ok != (c.outcome == Answered) || !cmp.Equal(v, c.want) || len(es[0].Answers) != 3 {
			t.Errorf("%s: %+v %v %v", c.name, es[0], v, ok)
		}
		if a := es[0].Answers[2]; c.name == "half a year" && (a.Outcome != Invalid || !a.Value.IsZero() || a.Reason == "") {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
}

func TestIntoList(t *testing.T) {
	item := func(advert string) string {
		return `{"advert":` + advert + `,"why":` + one("", 0, "absent", `null`) + `,"age":` + one("", 0, "absent", `null`) + `}`
	}
	good, bad := item(one("B.", 3, "answered", `"B"`)), item(one("C.", 3, "answered", `"B"`))
	other := item(one("films", 3, "answered", `"B"`))
	reply := func(items ...string) string {
		return `{"value":{"items":[` + strings.Join(items, ",") + `],"outcome":"absent","quote":"","event":0}}`
	}
	m := llmtest.Scripted(reply(good, bad, other, good), reply(), reply(bad))
	s := room().about("Lisa Carter")
	es, err := Into[[]pick](t.Context(), m, "Each choice.", []Subject{s, s, s}, &Options{Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range es {
		v, _ := es[i].Value()
		got = append(got, string(es[i].Outcome)+" "+strings.Repeat("B", len(v)))
	}
	if d := cmp.Diff([]string{"answered BB", "absent ", "invalid "}, got); d != "" {
		t.Error(d)
	}
}

func TestIntoTypes(t *testing.T) {
	try := func(want string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	_, err := Into[string](t.Context(), nil, "x", nil, nil)
	try("neither a struct nor a slice of structs", err)
	_, err = Into[struct{ a string }](t.Context(), nil, "x", nil, nil)
	try("field a: it is not exported", err)
	_, err = Into[struct{ A []string }](t.Context(), nil, "x", nil, nil)
	try(`cannot hold an answer of type "number"`, err)
	_, err = Into[struct {
		A int `answer:"one of: A|B"`
	}](t.Context(), nil, "x", nil, nil)
	try(`int cannot hold an answer of type "one of"`, err)
	_, err = Into[struct {
		A int `answer:"scale: one to five"`
	}](t.Context(), nil, "x", nil, nil)
	try("is no range such as 1..5", err)
	_, err = Into[struct {
		A int `answer:"stars"`
	}](t.Context(), nil, "x", nil, nil)
	try("there are text, yes/no", err)
	_, err = Into[struct{ A bool }](t.Context(), nil, "", nil, nil)
	try("neither asks nor says what to find", err)
	if _, err := Into[struct {
		A []string `answer:"rank: a|b"`
		B bool
		C uint8 `answer:"scale: 1..5"`
		D float64
	}](t.Context(), llmtest.Scripted(), "x", nil, nil); err != nil {
		t.Error(err)
	}
}
