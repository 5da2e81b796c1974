package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

func room() *talk {
	return new(talk).hear("Which advert do you pick, A or B?", "Lisa Carter", "Oscar").
		thinks("Lisa Carter", "Films at night: B.").says("Lisa Carter", "B. I watch “films” at night, don’t I?").
		says("Oscar", "A, it is brighter. How old I am is none of your business.")
}

// one is a reply about one value.
func one(quote string, event int, outcome, value string) string {
	return fmt.Sprintf(`{"quote":%s,"event":%d,"outcome":%q,"value":%s}`, rawjson.Of(quote), event, outcome, value)
}

func extracted(t testing.TB, q Question, s Subject, replies ...string) []Answer {
	t.Helper()
	x := newExtractor(t, llmtest.Scripted(replies...), nil)
	r, err := x.Extract(t.Context(), []Question{q}, []Subject{s})
	if err != nil {
		t.Fatal(err)
	}
	return r.Answers
}

// Everything that a reply can claim ends as its own outcome, and only what holds as an
// answer.
func TestOutcomes(t *testing.T) {
	options := Question{ID: "q", Ask: "Which one?", Type: OneOf, Options: []string{"A", "B"}}
	rank := Question{ID: "q", Ask: "Best first?", Type: Rank, Options: []string{"A", "B", "C"}}
	some := Question{ID: "q", Ask: "Which ones?", Type: SomeOf, Options: []string{"A", "B", "C"}}
	scale := Question{ID: "q", Ask: "How much?", Type: Scale, Lo: 1, Hi: 5}
	number := Question{ID: "q", Ask: "How many?", Type: Number}
	share := Question{ID: "q", Ask: "How many?", Type: Number, Lo: 0, Hi: 1}
	yes := Question{ID: "q", Ask: "Do you?", Type: YesNo}
	text := Question{ID: "q", Ask: "Why?"}
	for _, c := range []struct {
		name    string
		q       Question
		reply   string
		outcome Outcome
		value   string
		reason  string
	}{
		{"answered", options, one("B.", 3, "answered", `"B"`), Answered, "B", ""},
		{"marks and case differ", options, one(`"b. i WATCH 'films' at"`, 3, "answered", `"B"`), Answered, "B", ""},
		{"thought", options, one("Films at night: B.", 2, "answered", `"B"`), Answered, "B", ""},
		{"another event is named", options, one("don't I?", 99, "answered", `"B"`), Answered, "B", ""},
		{"fabricated", options, one("I love B", 3, "answered", `"B"`), Invalid, "", `Lisa Carter did not say "I love B"`},
		{"words left out", text, one("I watch at night", 3, "answered", `"x"`), Invalid, "", "did not say"},
		{"somebody else's words", options, one("it is brighter", 4, "answered", `"A"`), Invalid, "", "did not say"},
		{"the question's words", options, one("Which advert do you pick", 1, "answered", `"A"`), Invalid, "", "did not say"},
		{"no quotation", options, one("", 3, "answered", `"B"`), Invalid, "", "there is no quotation"},
		{"only marks", options, one(`"…"`, 3, "answered", `"B"`), Invalid, "", "did not say"},
		{"part of a word with an apostrophe", options, one("night, don", 3, "answered", `"B"`), Invalid, "", "did not say"},
		{"half a word", options, one("nigh", 3, "answered", `"B"`), Invalid, "", "did not say"},
		{"absent", options, one("", 0, "absent", "null"), Absent, "", ""},
		{"absent with a value", options, one("B.", 3, "absent", `"B"`), Absent, "", ""},
		{"refused", options, one("don’t I?", 3, "refused", "null"), Refused, "", ""},
		{"a refusal that nobody said", options, one("No comment.", 3, "refused", "null"), Invalid, "", "did not say"},
		{"answered without a value", options, one("B.", 3, "answered", "null"), Invalid, "", "there is no value"},
		{"partial ranking", rank, one("B.", 3, "answered", `["B","A"]`), Invalid, "", "it ranks 2 of 3 options"},
		{"whole ranking", rank, one("B.", 3, "answered", `["B","C","A"]`), Answered, `["B","C","A"]`, ""},
		{"ranked twice", rank, one("B.", 3, "answered", `["B","B","A"]`), Invalid, "", `"B" stands twice`},
		{"some twice", some, one("B.", 3, "answered", `["C","C"]`), Invalid, "", `"C" stands twice`},
		{"some, in their own order", some, one("B.", 3, "answered", `["C","A"]`), Answered, `["A","C"]`, ""},
		{"none of them", some, one("B.", 3, "answered", `[]`), Answered, `[]`, ""},
		{"scale", scale, one("B.", 3, "answered", `4`), Answered, "4", ""},
		{"scale as 4.0", scale, one("B.", 3, "answered", `4.0`), Answered, "4", ""},
		{"number", number, one("B.", 3, "answered", `-1e3`), Answered, "-1000", ""},
		{"share", share, one("B.", 3, "answered", `0.25`), Answered, "0.25", ""},
		{"no", yes, one("B.", 3, "answered", `false`), Answered, "no", ""},
		{"text", text, one(`I watch "films" at night`, 3, "answered", `" Dark films. "`), Answered, "Dark films.", ""},
		{"empty text", text, one("B.", 3, "answered", `" "`), Invalid, "", "the text is empty"},
		{"events beyond numbers", options, `{"quote":"B.","event":1e300,"outcome":"answered","value":"B"}`, Answered, "B", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := extracted(t, c.q, room().about("Lisa Carter"), `{"q":`+c.reply+`}`)
			if len(a) != 1 {
				t.Fatalf("%d answers", len(a))
			}
			if a[0].Outcome != c.outcome || a[0].Value.String() != c.value || !strings.Contains(a[0].Reason, c.reason) || (c.reason == "") != (a[0].Reason == "") {
				t.Errorf("%+v", a[0])
			}
			if (a[0].Outcome == Answered) != !a[0].Value.IsZero() {
				t.Errorf("%s has the value %+v", a[0].Outcome, a[0].Value)
			}
			if a[0].Outcome == Answered && (len(a[0].Evidence) != 1 || a[0].Evidence[0].Event < 2 || a[0].Evidence[0].Event > 3 || a[0].Evidence[0].Who != "Lisa Carter") {
				t.Errorf("evidence %+v", a[0].Evidence)
			}
		})
	}
}

// What the schema refuses gets one repair; what is broken twice is invalid, with what
// the model said kept out of the data.
func TestBrokenReplies(t *testing.T) {
	q := Question{ID: "q", Ask: "Which one?", Type: OneOf, Options: []string{"A", "B"}}
	good := `{"q":` + one("B.", 3, "answered", `"B"`) + `}`
	for _, bad := range []string{"", "B, I think.", "{}", `{"q":{}}`, `{"q":null}`, `[{[}]`, `{"q":` + one("B.", 3, "answered", `"C"`) + `}`, `{"q":` + one("B.", 3, "answered", `7`) + `}`,
		`{"q":` + one("B.", 3, "maybe", `"B"`) + `}`, good + good, good[:len(good)-2], `{"q":{"quote":"B.","event":3,"outcome":"answered"}}`} {
		if a := extracted(t, q, room().about("Lisa Carter"), bad, good); a[0].Outcome != Answered || a[0].Value.Text != "B" {
			t.Errorf("%s, then good: %+v", bad, a[0])
		}
		a := extracted(t, q, room().about("Lisa Carter"), bad, bad)
		if a[0].Outcome != Invalid || !a[0].Value.IsZero() || a[0].Reason == "" || len(a[0].Evidence) > 0 {
			t.Errorf("%s twice: %+v", bad, a[0])
		}
	}
}

// Each field stands for itself: one that is wrong costs the others nothing.
func TestFields(t *testing.T) {
	q := Question{ID: "choice", Ask: "?", Type: Fields, Fields: []Question{{ID: "advert", Type: OneOf, Options: []string{"A", "B"}}, {ID: "why"}, {ID: "age", Type: Number, Lo: 0, Hi: 120}}}
	a := extracted(t, q, room().about("Oscar"), `{"choice":{"advert":`+one("A,", 4, "answered", `"A"`)+`,"why":`+one("I like it", 4, "answered", `"likes it"`)+
		`,"age":`+one("none of your business", 4, "refused", "null")+`}}`)
	var got []string
	for i := range a {
		got = append(got, a[i].Name()+" "+string(a[i].Outcome)+" "+a[i].Value.String())
	}
	if want := []string{"choice.advert answered A", "choice.why invalid ", "choice.age refused "}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if p := a[0].Position; p < 1 || a[0].Shown[p-1] != "A" {
		t.Errorf("position %d of %q", p, a[0].Shown)
	}
}

// A name that looks like the number of another question or field is not taken for it.
func TestKeys(t *testing.T) {
	yes := func(id string) Question { return Question{ID: id, Ask: "?", Type: YesNo} }
	whole := Question{ID: "q1", Ask: "?", Type: Fields, Fields: []Question{yes("f2"), yes("Prix €"), yes("f2_")}}
	m := llmtest.Scripted(`{"q1":{"f2":` + one("B.", 3, "answered", "true") + `,"f2__":` + one("B.", 3, "answered", "false") + `,"f2_":` + one("", 0, "absent", "null") + `},` +
		`"q2_":` + one("B.", 3, "answered", "false") + `,"q2":` + one("B.", 3, "answered", "true") + `}`)
	r, err := newExtractor(t, m, nil).Extract(t.Context(), []Question{whole, yes("q2 why?"), yes("q2")}, []Subject{room().about("Lisa Carter")})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range r.Answers {
		got = append(got, r.Answers[i].Name()+" "+r.Answers[i].Value.String())
	}
	if want := []string{"q1.f2 yes", "q1.Prix € no", "q1.f2_ ", "q2 why? no", "q2 yes"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if text := llmtest.Prompt(m.Requests()[0]); !strings.Contains(text, "\nq2_: ?") || !strings.Contains(text, "\n- f2__: ?") {
		t.Error(text)
	}
}

func TestList(t *testing.T) {
	q := Question{ID: "pains", Ask: "?", Type: ListOf, Fields: []Question{{ID: "pain"}, {ID: "bad", Type: Scale, Lo: 1, Hi: 5}}}
	item := func(quote string) string {
		return `{"pain":` + one(quote, 4, "answered", `"it"`) + `,"bad":` + one("", 0, "absent", "null") + `}`
	}
	for _, c := range []struct {
		reply string
		want  string
	}{
		{`{"items":[` + item("it is brighter") + `,` + item("made up") + `],"outcome":"answered","quote":"","event":0}`, "1 pain answered; 1 bad absent; 2 pain invalid; 2 bad absent"},
		{`{"items":[` + item("it is brighter") + `,` + item("made up") + `,` + item("it is brighter") + `,` + item("A, it is brighter") + `],"outcome":"answered","quote":"","event":0}`,
			"1 pain answered; 1 bad absent; 2 pain invalid; 2 bad absent; 3 pain answered; 3 bad absent"},
		{`{"items":[],"outcome":"absent","quote":"","event":0}`, "0 pain absent; 0 bad absent"},
		{`{"items":[],"outcome":"answered","quote":"","event":0}`, "0 pain absent; 0 bad absent"},
		{`{"items":[],"outcome":"refused","quote":"none of your business","event":4}`, "0 pain refused; 0 bad refused"},
		{`{"items":[],"outcome":"refused","quote":"","event":4}`, "0 pain invalid; 0 bad invalid"},
	} {
		var got []string
		for _, a := range extracted(t, q, room().about("Oscar"), `{"pains":`+c.reply+`}`) {
			got = append(got, fmt.Sprintf("%d %s %s", a.Item, a.Field, a.Outcome))
		}
		if s := strings.Join(got, "; "); s != c.want {
			t.Errorf("%s: %s", c.reply, s)
		}
	}
}

// Of a whole room everybody's own words are evidence, or those of some.
func TestWholeRoom(t *testing.T) {
	q := Question{ID: "q", Ask: "Which was picked?", Type: OneOf, Options: []string{"A", "B"}}
	s := Subject{Respondent: Respondent{Room: "r1"}, Journals: []Journal{room().journal("r1")}}
	reply := `{"q":` + one("it is brighter", 4, "answered", `"A"`) + `}`
	a := extracted(t, q, s, reply)
	if a[0].Outcome != Answered || !cmp.Equal(a[0].Evidence, []Evidence{{Quote: "it is brighter", Who: "Oscar", Room: "r1", Event: 4}}) {
		t.Errorf("%+v", a[0])
	}
	s.Speakers = []string{"Lisa Carter"}
	if a := extracted(t, q, s, reply); a[0].Outcome != Invalid || !strings.Contains(a[0].Reason, "nobody asked about") {
		t.Errorf("%+v", a[0])
	}
	if a := extracted(t, q, s, `{"q":`+one("Which advert do you pick", 1, "answered", `"A"`)+`}`); a[0].Outcome != Invalid {
		t.Errorf("%+v", a[0])
	}
}

// Who said and did nothing is absent, and costs no call.
func TestSilent(t *testing.T) {
	m := llmtest.Scripted()
	x := newExtractor(t, m, nil)
	silent := new(talk).hear("Which?", "Lisa Carter").says("Oscar", "A.")
	r, err := x.Extract(t.Context(), []Question{{ID: "q", Ask: "?"}}, []Subject{silent.about("Lisa Carter"), {}})
	if err != nil || len(m.Requests()) > 0 {
		t.Fatal(err, len(m.Requests()))
	}
	if b := r.Base(); b != (Base{Asked: 2, Absent: 2}) {
		t.Errorf("%+v", b)
	}
}

// Options are shown in an order of each person's own, which the seed decides and the
// answer records.
func TestOrderOfOptions(t *testing.T) {
	q := Question{ID: "q", Ask: "?", Type: OneOf, Options: []string{"A", "B", "C", "D"}}
	firsts := func(seed uint64) string {
		m := llmtest.Func("test/first", func(_ context.Context, _ int, req *llm.Request) (string, error) {
			var s struct {
				Properties map[string]struct {
					Properties struct{ Value struct{ Enum []any } }
				}
			}
			if err := json.Unmarshal(req.Schema.Body, &s); err != nil {
				return "", err
			}
			return `{"q":` + one("Fine.", 1, "answered", string(rawjson.Of(s.Properties["q"].Properties.Value.Enum[0]))) + `}`, nil
		})
		var subjects []Subject
		for i := range 40 {
			name := fmt.Sprint("Person ", i)
			subjects = append(subjects, new(talk).says(name, "Fine.").about(name))
		}
		r, err := newExtractor(t, m, &Options{Seed: seed}).Extract(t.Context(), []Question{q}, subjects)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, a := range r.Answers {
			if a.Position != 1 || a.Shown[0] != a.Value.Text || len(a.Shown) != 4 {
				t.Fatalf("%+v", a)
			}
			b.WriteString(a.Value.Text)
		}
		return b.String()
	}
	a := firsts(1)
	if a != firsts(1) {
		t.Error("the same seed gives another order")
	}
	if a == firsts(2) {
		t.Error("another seed gives the same order")
	}
	for _, o := range q.Options {
		if n := strings.Count(a, o); n < 4 || n > 20 {
			t.Errorf("%s stands first %d times of 40", o, n)
		}
	}
}

// Results are in the order of the subjects, whatever the timing.
func TestOrderOfResults(t *testing.T) {
	m := llmtest.Func("test/any", func(_ context.Context, n int, req *llm.Request) (string, error) {
		return `{"q":` + one(req.Label.Person, 1, "answered", string(rawjson.Of(req.Label.Person))) + `}`, nil
	})
	var subjects []Subject
	for i := range 60 {
		name := fmt.Sprint("Person ", i)
		subjects = append(subjects, new(talk).says(name, "I am "+name).about(name))
	}
	r, err := newExtractor(t, m, &Options{Parallel: 7, Double: 0.5}).Extract(t.Context(), []Question{{ID: "q", Ask: "?"}}, subjects)
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range r.Answers {
		if a.Value.Text != subjects[i].Person {
			t.Fatalf("answer %d is %+v", i, a)
		}
	}
	if g := r.Agreement; len(g) != 1 || g[0].Name != "q outcome" || g[0].N != 30 || g[0].Observed != 1 {
		t.Errorf("%+v", g)
	}
}

func TestDouble(t *testing.T) {
	q := Question{ID: "q", Ask: "?", Type: YesNo}
	m := llmtest.Func("test/twice", func(_ context.Context, _ int, req *llm.Request) (string, error) {
		yes := req.Label.Person < "f" // of a to j; the second time c changes its mind
		if req.Draw == 1 && req.Label.Person == "c" {
			yes = !yes
		}
		return `{"q":` + one("Yes.", 1, "answered", fmt.Sprint(yes)) + `}`, nil
	})
	var subjects []Subject
	for _, name := range strings.Split("abcdefghij", "") {
		subjects = append(subjects, new(talk).says(name, "Yes.").about(name))
	}
	r, err := newExtractor(t, m, &Options{Double: 1}).Extract(t.Context(), []Question{q}, subjects)
	if err != nil {
		t.Fatal(err)
	}
	if g := r.Agreement[0]; g.N != 10 || g.Observed != 0.9 || g.Kappa == nil || g.Kappa.Value < 0.799 || g.Kappa.Value > 0.801 {
		t.Errorf("%+v", g)
	}
	if b := r.Base(); b.Asked != 10 {
		t.Errorf("the second extraction is counted: %+v", b)
	}
}

// The second reading of somebody is compared with their first, also where others have
// their name; who has no value in one of both is left out and counted.
func TestDoubleNamesakes(t *testing.T) {
	q := Question{ID: "q", Ask: "?", Type: OneOf, Options: []string{"A", "B"}}
	m := llmtest.Func("test/namesakes", func(_ context.Context, _ int, req *llm.Request) (string, error) {
		for _, o := range q.Options {
			if strings.Contains(llmtest.Prompt(req), "I pick "+o) {
				return `{"q":` + one("I pick "+o, 1, "answered", `"`+o+`"`) + `}`, nil
			}
		}
		return `{"q":` + one("", 0, "absent", "null") + `}`, nil
	})
	var subjects []Subject
	for _, words := range []string{"I pick A.", "I pick B.", "I pick B.", "Hm."} {
		subjects = append(subjects, new(talk).says("Lisa", words).about("Lisa"))
	}
	r, err := newExtractor(t, m, &Options{Double: 1}).Extract(t.Context(), []Question{q}, subjects)
	if err != nil {
		t.Fatal(err)
	}
	if g := r.Agreement[0]; g.N != 3 || g.Of != 4 || g.Observed != 1 || g.Kappa == nil || g.Kappa.Value != 1 {
		t.Errorf("%+v", g)
	}
}

// What will come again with every call stops the rest, which is skipped; everything
// else is the outcome of its own subject.
func TestErrors(t *testing.T) {
	q := Question{ID: "q", Ask: "?"}
	for _, c := range []struct {
		err     error
		outcome Outcome
		stops   bool
	}{
		{llm.ErrFiltered, Refused, false}, {llm.ErrTruncated, Invalid, false}, {&llm.InvalidError{Reason: "x"}, Invalid, false},
		{llm.ErrTransient, Failed, false}, {llm.ErrTooLong, Failed, false}, {errors.New("boom"), Failed, false},
		{llm.ErrBudget, Failed, true}, {llm.ErrQuota, Failed, true}, {llm.ErrAuth, Failed, true}, {llm.ErrNotFound, Failed, true}, {llm.ErrNoPrice, Failed, true},
	} {
		m := llmtest.Func("test/error", func(_ context.Context, n int, req *llm.Request) (string, error) {
			if req.Label.Person == "b" {
				return "", c.err
			}
			return `{"q":` + one("Yes.", 1, "answered", `"x"`) + `}`, nil
		})
		var subjects []Subject
		for _, name := range []string{"a", "b", "c", "d"} {
			subjects = append(subjects, new(talk).says(name, "Yes.").about(name))
		}
		r, err := newExtractor(t, m, &Options{Parallel: 1}).Extract(t.Context(), []Question{q}, subjects)
		if (err != nil) != c.stops || err != nil && (!errors.Is(err, c.err) || !strings.Contains(err.Error(), "extract b: ")) {
			t.Errorf("%v: returned %v", c.err, err)
		}
		want := []Outcome{Answered, c.outcome, Answered, Answered}
		if c.stops {
			want = []Outcome{Answered, c.outcome, Skipped, Skipped}
		}
		for i, a := range r.Answers {
			if a.Outcome != want[i] || (a.Outcome != Answered) != a.Value.IsZero() {
				t.Errorf("%v: answer %d: %+v", c.err, i, a)
			}
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	m := llmtest.Func("test/cancel", func(ctx context.Context, n int, req *llm.Request) (string, error) {
		if n == 2 {
			cancel()
			return "", ctx.Err()
		}
		return `{"q":` + one("Yes.", 1, "answered", `"x"`) + `}`, nil
	})
	var subjects []Subject
	for _, name := range []string{"a", "b", "c"} {
		subjects = append(subjects, new(talk).says(name, "Yes.").about(name))
	}
	r, err := newExtractor(t, m, &Options{Parallel: 1}).Extract(ctx, []Question{{ID: "q", Ask: "?"}}, subjects)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("returned %v", err)
	}
	if b := r.Base(); b != (Base{Asked: 3, Answered: 1, Skipped: 2}) {
		t.Errorf("%+v", b)
	}
}

// A stop from outside ends with an error, also where all subjects had begun and merely
// waited for their call.
func TestStopped(t *testing.T) {
	ctx, stop := drain.With(t.Context())
	m := llmtest.Func("test/stop", func(ctx context.Context, n int, req *llm.Request) (string, error) {
		if n == 1 {
			stop()
			return `{"q":` + one("Yes.", 1, "answered", `"x"`) + `}`, nil
		}
		<-ctx.Done() // as in a queue that a stop empties
		return "", context.Cause(ctx)
	})
	var subjects []Subject
	for _, name := range []string{"a", "b", "c"} {
		subjects = append(subjects, new(talk).says(name, "Yes.").about(name))
	}
	r, err := newExtractor(t, m, nil).Extract(ctx, []Question{{ID: "q", Ask: "?"}}, subjects)
	if !errors.Is(err, drain.ErrStopped) {
		t.Errorf("returned %v", err)
	}
	if b := r.Base(); b != (Base{Asked: 3, Answered: 1, Skipped: 2}) {
		t.Errorf("%+v", b)
	}
}

// What was paid for while another's error stops everything is told: an answer that comes
// all the same, and the calls of what was cut off before its repair, or between its parts.
func TestStoppedWithCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := llmtest.Func("test/broke", func(_ context.Context, _ int, req *llm.Request) (string, error) {
			switch {
			case req.Label.Person == "a":
				time.Sleep(time.Second)
				return "", llm.ErrQuota
			case strings.Contains(llmtest.Prompt(req), "part 1 of"):
				return `{"q":` + one("", 0, "absent", "null") + `}`, nil
			case req.Label.Person == "b" && len(req.Messages) == 1:
				return "no answer", nil
			}
			time.Sleep(2 * time.Second)
			return "no answer", nil
		})
		subjects := []Subject{new(talk).says("a", "Yes.").about("a"), new(talk).says("b", "Yes.").about("b"), new(talk).says("c", "Yes.").about("c"), long("x", "y").about("Lisa Carter")}
		x := newExtractor(t, llm.Wrap(m, llm.Meter(llm.NewMemory())), &Options{Tokens: 1000})
		r, err := x.Extract(t.Context(), []Question{{ID: "q", Ask: "?"}}, subjects)
		if !errors.Is(err, llm.ErrQuota) {
			t.Errorf("returned %v", err)
		}
		for i, want := range []Outcome{Failed, Invalid, Skipped, Skipped} {
			if a := r.Answers[i]; a.Outcome != want || (i > 0) != (len(a.Calls) > 0) {
				t.Errorf("answer %d: %+v, want %s", i, a, want)
			}
		}
	})
}

// long is a talk of many lines, of which two say something.
func long(first, last string) *talk {
	j := new(talk)
	for i := range 60 {
		words := fmt.Sprintf("Sentence number %d is there to fill the time between one thing and another.", i)
		switch i {
		case 10:
			words = first
		case 50:
			words = last
		}
		j.says("Lisa Carter", words)
	}
	return j
}

// parted answers for each part from what stands in it.
func parted(pick string) llm.Model {
	return llmtest.Func("test/parts", func(_ context.Context, _ int, req *llm.Request) (string, error) {
		text := llmtest.Prompt(req)
		if strings.Contains(text, "BEGIN FOUND") {
			return pick, nil
		}
		for _, o := range []string{"A", "B"} {
			if strings.Contains(text, "I pick "+o) {
				return `{"q":` + one("I pick "+o, 0, "answered", `"`+o+`"`) + `}`, nil
			}
		}
		return `{"q":` + one("", 0, "absent", "null") + `}`, nil
	})
}

func TestParts(t *testing.T) {
	q := Question{ID: "q", Ask: "Which one?", Type: OneOf, Options: []string{"A", "B"}}
	for _, c := range []struct {
		first, last, pick string
		outcome           Outcome
		value             string
		event             int
	}{
		{"I pick A.", "And so on.", "", Answered, "A", 11},
		{"So be it.", "I pick B.", "", Answered, "B", 51},
		{"So be it.", "And so on.", "", Absent, "", 0},
		{"I pick A.", "I pick A.", "", Answered, "A", 51},
		{"I pick A.", "I pick B.", `{"c1":{"pick":2}}`, Answered, "B", 51},
		{"I pick A.", "I pick B.", `{"c1":{"pick":1}}`, Answered, "A", 11},
		{"I pick A.", "I pick B.", `{"c1":{"pick":3}}`, Invalid, "", 0},
		{"I pick A.", "I pick B.", `oops`, Invalid, "", 0},
	} {
		r, err := newExtractor(t, parted(c.pick), &Options{Tokens: 600}).Extract(t.Context(), []Question{q}, []Subject{long(c.first, c.last).about("Lisa Carter")})
		if err != nil {
			t.Fatal(err)
		}
		a := r.Answers
		if len(a) != 1 || a[0].Outcome != c.outcome || a[0].Value.Text != c.value || c.event > 0 && a[0].Evidence[0].Event != c.event {
			t.Errorf("%+v: %+v", c, a)
		}
	}
}

// Who says A, then B, then A again has said A last, and in the order of time.
func TestLastWord(t *testing.T) {
	q := Question{ID: "q", Ask: "Which one?", Type: OneOf, Options: []string{"A", "B"}}
	j := long("I pick A.", "I pick A.")
	(*j)[30].Action.Content = "I pick B."
	var found string
	m := llmtest.Func("test/last", func(ctx context.Context, n int, req *llm.Request) (string, error) {
		if text := llmtest.Prompt(req); strings.Contains(text, "BEGIN FOUND") {
			_, found, _ = strings.Cut(text, "BEGIN FOUND\n")
		}
		resp, err := parted(`{"c1":{"pick":2}}`).Generate(ctx, req)
		return resp.Text, err
	})
	r, err := newExtractor(t, m, &Options{Tokens: 600}).Extract(t.Context(), []Question{q}, []Subject{j.about("Lisa Carter")})
	if err != nil || r.Answers[0].Value.Text != "A" || r.Answers[0].Evidence[0].Event != 51 {
		t.Errorf("%+v %v", r.Answers, err)
	}
	if want := `{"number":1,"value":"B","quote":"I pick B","event":31}` + "\n" + `{"number":2,"value":"A","quote":"I pick A","event":51}` + "\n"; !strings.HasPrefix(found, want) {
		t.Errorf("found %s", found)
	}
}

// What was said in a later room has a higher number there, whatever its number in its own
// journal; the answer has the latter.
func TestPartsOfRooms(t *testing.T) {
	q := Question{ID: "q", Ask: "Which one?", Type: OneOf, Options: []string{"A", "B"}}
	first, second := long("And so on.", "I pick A."), new(talk).says("Lisa Carter", "I pick B.")
	var found string
	m := llmtest.Func("test/rooms", func(ctx context.Context, n int, req *llm.Request) (string, error) {
		text := llmtest.Prompt(req)
		if strings.Contains(text, "BEGIN FOUND") {
			_, found, _ = strings.Cut(text, "BEGIN FOUND\n")
			return `{"c1":{"pick":2}}`, nil
		}
		for _, o := range []string{"B", "A"} {
			if strings.Contains(text, "I pick "+o) {
				return `{"q":` + one("I pick "+o, 0, "answered", `"`+o+`"`) + `}`, nil
			}
		}
		return `{"q":` + one("", 0, "absent", "null") + `}`, nil
	})
	s := Subject{Respondent: Respondent{Person: "Lisa Carter"}, Journals: []Journal{first.journal("morning"), second.journal("evening")}}
	r, err := newExtractor(t, m, &Options{Tokens: 600}).Extract(t.Context(), []Question{q}, []Subject{s})
	if err != nil || !cmp.Equal(r.Answers[0].Evidence, []Evidence{{Quote: "I pick B", Who: "Lisa Carter", Room: "evening", Event: 1}}) {
		t.Errorf("%+v %v", r.Answers, err)
	}
	if want := `{"number":1,"value":"A","quote":"I pick A","event":51,"room":"morning"}` + "\n" + `{"number":2,"value":"B","quote":"I pick B","event":61,"room":"evening"}` + "\n"; !strings.HasPrefix(found, want) {
		t.Errorf("found %s", found)
	}
}

// A part without a reply, or with none that can be read, may have held the answer,
// whatever the reason: the whole has failed.
func TestFailedPart(t *testing.T) {
	option := Question{ID: "q", Ask: "Which one?", Type: OneOf, Options: []string{"A", "B"}}
	list := Question{ID: "q", Ask: "Which?", Type: ListOf, Fields: []Question{{ID: "name"}}}
	for _, q := range []Question{option, list} {
		for _, cause := range []error{llm.ErrTransient, llm.ErrFiltered, llm.ErrTruncated, llm.ErrInvalid} {
			m := llmtest.Func("test/failing", func(ctx context.Context, n int, req *llm.Request) (string, error) {
				text := llmtest.Prompt(req)
				found := strings.Contains(text, "I pick A")
				switch {
				case strings.Contains(text, "Sentence number 40"):
					return "", cause
				case q.Type == ListOf && found:
					return `{"q":{"items":[{"name":` + one("I pick A", 0, "answered", `"A"`) + `}],"outcome":"answered","quote":"","event":0}}`, nil
				case q.Type == ListOf:
					return `{"q":{"items":[],"outcome":"absent","quote":"","event":0}}`, nil
				case found:
					return `{"q":` + one("I pick A", 0, "answered", `"A"`) + `}`, nil
				}
				return `{"q":` + one("", 0, "absent", "null") + `}`, nil
			})
			r, err := newExtractor(t, m, &Options{Tokens: 600}).Extract(t.Context(), []Question{q}, []Subject{long("I pick A.", "x y").about("Lisa Carter")})
			if err != nil || len(r.Answers) != 1 || r.Answers[0].Outcome != Failed || !strings.Contains(r.Answers[0].Reason, "a part of the transcript") {
				t.Errorf("%s, %v: %+v %v", q.Type, cause, r.Answers, err)
			}
		}
	}
}

// A transcript that does not fit is read in parts, as small as it takes.
func TestTooLong(t *testing.T) {
	q := Question{ID: "q", Ask: "Which one?", Type: OneOf, Options: []string{"A", "B"}}
	inner := parted("")
	var refused atomic.Int64
	m := llmtest.Func("test/small", func(ctx context.Context, n int, req *llm.Request) (string, error) {
		if llm.EstimateInput(req) > 1600 {
			refused.Add(1)
			return "", llm.ErrTooLong
		}
		resp, err := inner.Generate(ctx, req)
		if err != nil {
			return "", err
		}
		return resp.Text, nil
	})
	r, err := newExtractor(t, m, nil).Extract(t.Context(), []Question{q}, []Subject{long("I pick A.", "x y").about("Lisa Carter")})
	if err != nil || r.Answers[0].Value.Text != "A" || refused.Load() == 0 {
		t.Errorf("%+v %v, %d refused", r.Answers, err, refused.Load())
	}
	// One line that does not fit by itself is not cut.
	r, err = newExtractor(t, m, nil).Extract(t.Context(), []Question{q}, []Subject{new(talk).says("Lisa Carter", strings.Repeat("I pick A. ", 2000)).about("Lisa Carter")})
	if err != nil || r.Answers[0].Outcome != Failed {
		t.Errorf("%+v %v", r.Answers, err)
	}
}

// Items of lists come together from all parts, equal ones once.
func TestListParts(t *testing.T) {
	q := Question{ID: "q", Ask: "Which?", Type: ListOf, Fields: []Question{{ID: "name"}}}
	m := func(keep string) llm.Model {
		return llmtest.Func("test/lists", func(_ context.Context, _ int, req *llm.Request) (string, error) {
			text := llmtest.Prompt(req)
			if strings.Contains(text, "BEGIN FOUND") {
				return keep, nil
			}
			var items []string
			for _, o := range []string{"A", "B"} {
				if strings.Contains(text, "I pick "+o) {
					items = append(items, `{"name":`+one("I pick "+o, 0, "answered", `"`+o+`"`)+`}`)
				}
			}
			return `{"q":{"items":[` + strings.Join(items, ",") + `],"outcome":"absent","quote":"","event":0}}`, nil
		})
	}
	for _, c := range []struct{ first, last, keep, want string }{
		{"I pick A.", "I pick A.", "", "1 A"},
		{"I pick A.", "I pick B.", `{"c1":{"keep":[1,2]}}`, "1 A 2 B"},
		{"I pick A.", "I pick B.", `{"c1":{"keep":[2,2]}}`, "1 B"},
		{"I pick A.", "I pick B.", `{"c1":{"keep":[]}}`, "1 A 2 B"},
		{"so", "so", "", "0 "},
	} {
		r, err := newExtractor(t, m(c.keep), &Options{Tokens: 600}).Extract(t.Context(), []Question{q}, []Subject{long(c.first, c.last).about("Lisa Carter")})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range r.Answers {
			got = append(got, fmt.Sprintf("%d %s", a.Item, a.Value.Text))
		}
		if s := strings.Join(got, " "); s != c.want {
			t.Errorf("%+v: %s", c, s)
		}
	}
}

// What was chosen among findings rests on the call that chose, too: of a list each item,
// of a value all findings.
func TestMergeCalls(t *testing.T) {
	pick := Question{ID: "pick", Ask: "Which one?", Type: OneOf, Options: []string{"A", "B"}}
	list := Question{ID: "list", Ask: "Which?", Type: ListOf, Fields: []Question{{ID: "name"}}}
	for choice, want := range map[string]map[string]int{
		`{"c1":{"pick":2},"c2":{"keep":[1,2]}}`: {"pick": 3, "list": 2},
		"oops":                                  {"pick": 4, "list": 4}, // asked twice
	} {
		m := llmtest.Func("test/merged", func(_ context.Context, _ int, req *llm.Request) (string, error) {
			text := llmtest.Prompt(req)
			if strings.Contains(text, "BEGIN FOUND") {
				return choice, nil
			}
			for _, o := range []string{"A", "B"} {
				if strings.Contains(text, "I pick "+o) {
					v := one("I pick "+o, 0, "answered", `"`+o+`"`)
					return `{"pick":` + v + `,"list":{"items":[{"name":` + v + `}],"outcome":"answered","quote":"","event":0}}`, nil
				}
			}
			return `{"pick":` + one("", 0, "absent", "null") + `,"list":{"items":[],"outcome":"absent","quote":"","event":0}}`, nil
		})
		calls := llm.NewMemory()
		x := newExtractor(t, llm.Wrap(m, llm.Meter(calls)), &Options{Tokens: 600})
		r, err := x.Extract(t.Context(), []Question{pick, list}, []Subject{long("I pick A.", "I pick B.").about("Lisa Carter")})
		if err != nil {
			t.Fatal(err)
		}
		last := r.Answers[0].Calls[len(r.Answers[0].Calls)-1]
		for _, a := range r.Answers {
			if len(a.Calls) != want[a.Question] || a.Calls[len(a.Calls)-1] != last {
				t.Errorf("%s: %s of %s rests on %q, not %d with %s", choice, a.Value.Text, a.Question, a.Calls, want[a.Question], last)
			}
		}
	}
}

// Every line stands in some part whole, and no part is longer than it may be unless a
// single new line is.
func TestSplit(t *testing.T) {
	j := long(strings.Repeat("very long ", 500), "x")
	e := transcript.NewEvidence(j.journal("").Events, nil)
	for _, most := range []int{1, 100, 600, 5000, 1 << 20} {
		parts, _ := split(e.Lines, most)
		next := 0
		for i, p := range parts {
			tokens := 0
			for k := range p {
				tokens += llm.Tokens(string(p[k].Append(nil))) + 1
			}
			at := slices.IndexFunc(e.Lines, func(l transcript.EvidenceLine) bool { return l.Number == p[0].Number })
			if at > next || i > 0 && at+len(p) <= next {
				t.Fatalf("most %d: part %d begins at %d of %d", most, i, at, next)
			}
			fresh := at + len(p) - next
			if tokens > most && fresh > 1 {
				t.Errorf("most %d: part %d has %d tokens and %d new lines", most, i, tokens, fresh)
			}
			next = at + len(p)
		}
		if next != len(e.Lines) {
			t.Errorf("most %d: %d of %d lines", most, next, len(e.Lines))
		}
	}
}

func TestQuestionChecks(t *testing.T) {
	for _, c := range []struct {
		q    Question
		want string
	}{
		{Question{}, "it has no name"},
		{Question{ID: "a.b", Ask: "?"}, "no points and no line breaks"},
		{Question{ID: "q"}, "neither asks nor says what to find"},
		{Question{ID: "q", Ask: "?", Type: "likert"}, `there is no type "likert"`},
		{Question{ID: "q", Ask: "?", Type: Scale, Lo: 5, Hi: 1}, "the lower end comes first"},
		{Question{ID: "q", Ask: "?", Type: Scale, Lo: 1, Hi: 2.5}, "whole ends"},
		{Question{ID: "q", Ask: "?", Type: Scale, Lo: 0, Hi: 1e6}, "at most 1,001 points"},
		{Question{ID: "q", Ask: "?", Type: Number, Lo: 1, Hi: 1}, "no range"},
		{Question{ID: "q", Ask: "?", Type: OneOf, Options: []string{"A"}}, "at least two options"},
		{Question{ID: "q", Ask: "?", Type: Rank, Options: []string{"A", " a"}}, "look the same"},
		{Question{ID: "q", Ask: "?", Type: SomeOf, Options: []string{"A", " "}}, "an option is empty"},
		{Question{ID: "q", Ask: "?", Type: Fields}, "it has no fields"},
		{Question{ID: "q", Ask: "?", Type: Fields, Fields: []Question{{ID: "f"}, {ID: "f"}}}, `field "f" stands twice`},
		{Question{ID: "q", Ask: "?", Type: ListOf, Fields: []Question{{ID: "f", Type: ListOf}}}, "within fields is not supported"},
		{Question{ID: "q", Ask: "?", Type: Fields, Fields: []Question{{ID: "f", Type: OneOf}}}, `field "f": "one of" needs`},
		{Question{ID: "100% sure", Ask: "?", Type: Fields}, `question "100% sure": it has no fields`},
		{Question{ID: "q", Ask: "?", Order: "random"}, "neither written nor shuffle"},
	} {
		if err := c.q.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %s", c.q, err, c.want)
		}
		if _, err := newExtractor(t, llmtest.Scripted(), nil).Extract(t.Context(), []Question{c.q}, nil); err == nil {
			t.Errorf("%+v is extracted", c.q)
		}
	}
	for _, qs := range [][]Question{nil, {{ID: "q", Ask: "?"}, {ID: "q", Ask: "!"}}} {
		if err := checkAll(qs); err == nil {
			t.Errorf("%+v pass", qs)
		}
	}
}

// An extraction from two journals tells which room words were said in.
func TestTwoRooms(t *testing.T) {
	s := Subject{Respondent: Respondent{Person: "Oscar"}, Journals: []Journal{new(talk).says("Oscar", "One.").journal("r1"), new(talk).hear("?", "Oscar").says("Oscar", "Two.").journal("r2")}}
	a := extracted(t, Question{ID: "q", Ask: "?"}, s, `{"q":`+one("two.", 1, "answered", `"2"`)+`}`)
	want := []Evidence{{Quote: "Two.", Who: "Oscar", Room: "r2", Event: 2}}
	if d := cmp.Diff(want, a[0].Evidence, cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}

// Of parts without an answer, one that is invalid may hide an answer: it is reported
// rather than a refusal, and a refusal rather than silence.
func TestPartsWithoutAnswer(t *testing.T) {
	for _, c := range []struct {
		first, last string
		want        Outcome
	}{{"No comment.", "made up", Invalid}, {"made up", "No comment.", Invalid}, {"No comment.", "so", Refused}, {"so", "No comment.", Refused}} {
		m := llmtest.Func("test/parts", func(_ context.Context, _ int, req *llm.Request) (string, error) {
			switch text := llmtest.Prompt(req); {
			case strings.Contains(text, "No comment."):
				return `{"q":` + one("no comment", 0, "refused", "null") + `}`, nil
			case strings.Contains(text, `"made up"`):
				return `{"q":` + one("I pick A", 0, "answered", `"A"`) + `}`, nil
			}
			return `{"q":` + one("", 0, "absent", "null") + `}`, nil
		})
		q := Question{ID: "q", Ask: "?", Type: OneOf, Options: []string{"A", "B"}}
		r, err := newExtractor(t, m, &Options{Tokens: 600}).Extract(t.Context(), []Question{q}, []Subject{long(c.first, c.last).about("Lisa Carter")})
		if err != nil || r.Answers[0].Outcome != c.want {
			t.Errorf("%q, %q: %+v %v, want %s", c.first, c.last, r.Answers, err, c.want)
		}
	}
}
