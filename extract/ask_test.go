package extract

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	tt "github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/mind"
)

// mute cannot be asked.
type mute struct{}

func (mute) Decide(context.Context, *tt.Perception) (*tt.Decision, error) {
	return nil, errors.New("not now")
}

func company(t *testing.T, m llm.Model, names ...string) *tt.World {
	t.Helper()
	thinker, err := mind.New(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := tt.NewWorld("Office", thinker, nil)
	for _, n := range names {
		if _, err := w.Add(tt.NewPersona(n), nil); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

var survey = []Question{
	{ID: "intent", Ask: "How likely are you to buy it?", Find: "For an extractor, not for people.", Type: Scale, Lo: 1, Hi: 5, Labels: []Label{{"1", "definitely not"}, {"5", "definitely"}}},
	{ID: "why", Ask: "What is the main reason for that?"},
	{ID: "best", Ask: "Put them in order, best first.", Type: Rank, Options: []string{"X", "Y", "Z"}, Order: Shuffle},
}

func TestAsk(t *testing.T) {
	replies := map[string]string{
		"Ann":  `{"intent":{"said":"Quite likely.","outcome":"answered","value":4},"why":{"outcome":"answered","value":"The price."},"best":{"said":"Z first.","outcome":"answered","value":["Z","X","Y"]}}`,
		"Bob":  `{"intent":{"said":"None of your business.","outcome":"refused","value":null},"why":{"outcome":"absent","value":null},"best":{"said":"Z, I guess.","outcome":"answered","value":["Z"]}}`,
		"Cleo": "I will not answer in your form.",
	}
	var asked []*llm.Request
	m := llmtest.Func("test/people", func(_ context.Context, _ int, req *llm.Request) (string, error) {
		if req.Label.Person == "Dan" {
			return "", llm.ErrFiltered
		}
		if req.Label.Person == "Ann" {
			asked = append(asked, llmtest.Clone(req))
		}
		return replies[req.Label.Person], nil
	})
	calls := llm.NewMemory()
	w := company(t, llm.Wrap(m, llm.Meter(calls)), "Ann", "Bob", "Cleo", "Dan")
	if _, err := w.Add(tt.NewPersona("Mute"), &tt.PersonOptions{Mind: mute{}}); err != nil {
		t.Fatal(err)
	}
	before := slices.Collect(w.Events())
	panel := Panel(w)
	panel[0].Weight, panel[0].Attributes = 2, map[string]string{"concept": "mild"}
	r, err := Ask(t.Context(), survey, panel, &AskOptions{Seed: 3, Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range r.Answers {
		quote, record := "", false
		if len(a.Evidence) > 0 {
			quote, record = a.Evidence[0].Quote, a.Evidence[0].Record != ""
		}
		if record != (quote != "") && a.Outcome == Answered {
			t.Errorf("quotation %q, record %v: %+v", quote, record, a)
		}
		got = append(got, strings.TrimRight(a.Person+" "+a.Name()+" "+string(a.Outcome)+" "+a.Value.String()+" | "+quote, " |"))
	}
	want := []string{"Ann intent answered 4 | Quite likely.", "Ann why answered The price. | The price.", `Ann best answered ["Z","X","Y"] | Z first.`,
		"Bob intent refused  | None of your business.", "Bob why absent", "Bob best invalid",
		"Cleo intent invalid", "Cleo why invalid", "Cleo best invalid", "Dan intent refused", "Dan why refused", "Dan best refused",
		"Mute intent failed", "Mute why failed", "Mute best failed"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if a := r.Answers[0]; a.Weight != 2 || a.Attributes["concept"] != "mild" || len(a.Calls) != 1 {
		t.Errorf("%+v", a)
	}
	if d := cmp.Diff(before, slices.Collect(w.Events()), cmp.AllowUnexported(tt.Persona{}), cmp.Comparer(func(a, b tt.Persona) bool { return a.Name() == b.Name() })); d != "" {
		t.Errorf("asking changed the world: %s", d)
	}
	prompt := asked[0]
	prompt.System, prompt.Messages = "(the mind's)", prompt.Messages[len(prompt.Messages)-1:]
	golden(t, "ask.txt", dump(prompt))
	shown := r.Answers[2].Shown
	if text := llmtest.Prompt(asked[0]); !strings.Contains(text, `"`+strings.Join(shown, `", "`)+`"`) {
		t.Errorf("shown was not %q", shown)
	}
}

func TestAskRemembered(t *testing.T) {
	m := llmtest.Func("test/people", func(_ context.Context, _ int, req *llm.Request) (string, error) {
		if req.Label.Person == "Bob" {
			return `{"intent":{"said":"","outcome":"absent","value":null}}`, nil
		}
		return `{"intent":{"said":"Quite likely.","outcome":"answered","value":4}}`, nil
	})
	w := company(t, m, "Ann", "Bob")
	if _, err := Ask(t.Context(), survey[:1], Panel(w), &AskOptions{Remember: true}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for ev := range w.Events() {
		if ev.Kind == tt.EventPerceived {
			got = append(got, strings.Join(ev.To, " ")+" "+string(ev.Stimulus.Kind)+" "+ev.Stimulus.Content)
		}
	}
	want := []string{"Ann THOUGHT I was asked: How likely are you to buy it? I answered: 4 (Quite likely.)"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestAskLists(t *testing.T) {
	qs := []Question{{ID: "pains", Ask: "What went wrong?", Type: ListOf, Fields: []Question{{ID: "pain"}, {ID: "bad", Type: YesNo}}},
		{ID: "who", Ask: "Who are you?", Type: Fields, Fields: []Question{{ID: "age", Type: Number}, {ID: "town"}}}}
	m := llmtest.Func("test/people", func(context.Context, int, *llm.Request) (string, error) {
		return `{"pains":{"items":[{"pain":{"outcome":"answered","value":"Slow."},"bad":{"said":"Very.","outcome":"answered","value":true}}],"outcome":"answered"},` +
			`"who":{"age":{"said":"40","outcome":"answered","value":40},"town":{"outcome":"refused","value":null}}}`, nil
	})
	r, err := Ask(t.Context(), qs, Panel(company(t, m, "Ann")), nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range r.Answers {
		got = append(got, strings.TrimSpace(a.Name()+" "+string(a.Outcome)+" "+a.Value.String()))
	}
	if d := cmp.Diff([]string{"pains.pain answered Slow.", "pains.bad answered yes", "who.age answered 40", "who.town refused"}, got); d != "" {
		t.Error(d)
	}
	if r.Answers[1].Item != 1 {
		t.Errorf("%+v", r.Answers[1])
	}
}

func TestAskErrors(t *testing.T) {
	w := company(t, llmtest.Func("test/none", func(context.Context, int, *llm.Request) (string, error) { return "", llm.ErrBudget }), "Ann", "Bob", "Cleo")
	r, err := Ask(t.Context(), survey[:1], Panel(w), &AskOptions{Parallel: 1})
	if !errors.Is(err, llm.ErrBudget) || !strings.Contains(err.Error(), "Ann") {
		t.Errorf("%v", err)
	}
	if b := r.Base(); b != (Base{Asked: 3, Failed: 1, Skipped: 2}) {
		t.Errorf("%+v", b)
	}
	if _, err := Ask(t.Context(), []Question{{ID: "q", Find: "x"}}, nil, nil); err == nil || !strings.Contains(err.Error(), "no text to ask") {
		t.Error(err)
	}
}

// Options stand as written, unless they are to be shuffled for each.
func TestAskOrder(t *testing.T) {
	options := []string{"A", "B", "C", "D"}
	qs := []Question{{ID: "fixed", Ask: "?", Type: OneOf, Options: options}, {ID: "mixed", Ask: "?", Type: OneOf, Options: options, Order: Shuffle}}
	m := llmtest.Func("test/people", func(context.Context, int, *llm.Request) (string, error) {
		return `{"fixed":{"said":"B","outcome":"answered","value":"B"},"mixed":{"said":"B","outcome":"answered","value":"B"}}`, nil
	})
	r, err := Ask(t.Context(), qs, Panel(company(t, m, "a", "b", "c", "d", "e", "f", "g", "h")), nil)
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]map[int]bool{"fixed": {}, "mixed": {}}
	for _, a := range r.Answers {
		places[a.Question][a.Position] = true
		if a.Shown[a.Position-1] != "B" || a.Question == "fixed" && !slices.Equal(a.Shown, options) {
			t.Errorf("%+v", a)
		}
	}
	if len(places["fixed"]) != 1 || len(places["mixed"]) < 2 {
		t.Errorf("B stood in %v", places)
	}
}

// Who gives a value and says nothing beside it has answered, without a quotation.
func TestAskWordless(t *testing.T) {
	m := llmtest.Scripted(`{"intent":{"said":" ","outcome":"answered","value":4},"why":{"outcome":"answered","value":"The price."}}`)
	calls := llm.NewMemory()
	r, err := Ask(t.Context(), survey[:2], Panel(company(t, llm.Wrap(m, llm.Meter(calls)), "Ann")), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, quote := range []string{"", "The price."} {
		a := r.Answers[i]
		if a.Outcome != Answered || len(a.Evidence) != 1 || a.Evidence[0].Quote != quote || a.Evidence[0].Record == "" || a.Evidence[0].Who != "Ann" {
			t.Errorf("%+v", a)
		}
	}
	if text := Remembered(survey[:2], r.Answers); !strings.Contains(text, "I answered: 4\n") {
		t.Error(text)
	}
}
