package extract_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/people"
)

const adverts = `You are looking for a new TV. These are four adverts:
A) Bright Vision: the brightest screen that money can buy, for sunny rooms.
B) Deep Cinema: black as the night, for films and quiet evenings.
C) Family Fun: games, cartoons and a remote that children cannot break.
D) Saver: the smallest price, no frills, five years of guarantee.
Which advert would you follow, and why?`

var choice = extract.Question{ID: "choice", Find: "Which advert the person picked, and why.", Type: extract.Fields, Fields: []extract.Question{
	{ID: "advert", Type: extract.OneOf, Options: []string{"A", "B", "C", "D"}},
	{ID: "why", Find: "The reason given."},
}}

// rehearsed is a world of example people who have been asked about the adverts.
func rehearsed(t testing.TB) *tinytroupe.World {
	t.Helper()
	m, err := mind.New(rehearsal.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	w := tinytroupe.NewWorld("Living room", m, nil)
	saved, err := people.LoadFS(os.DirFS(".."), "examples/people")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range saved {
		if _, err := w.Add(s.Persona, nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Broadcast(adverts); err != nil {
		t.Fatal(err)
	}
	if err := w.Run(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	return w
}

// jsonl writes answers as text.
func jsonl(t testing.TB, answers []extract.Answer) string {
	t.Helper()
	var b strings.Builder
	if err := extract.WriteJSONL(&b, answers, nil); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// What the stand-in extracts from what it said are quotations, and mostly answers; the
// same each time.
func TestRehearsedExtraction(t *testing.T) {
	qs := []extract.Question{choice,
		{ID: "pains", Find: "Each thing that the person cares about.", Type: extract.ListOf, Fields: []extract.Question{
			{ID: "what"}, {ID: "how much", Type: extract.Scale, Lo: 1, Hi: 5}, {ID: "where", Type: extract.OneOf, Options: []string{"home", "work", "other"}}}},
		{ID: "sure", Find: "Whether the person is sure.", Type: extract.YesNo},
		{ID: "liking", Find: "How much the person likes it.", Type: extract.Scale, Lo: 1, Hi: 5}}
	var was string
	for range 2 {
		w := rehearsed(t)
		x, err := extract.New(rehearsal.New(nil), &extract.Options{Double: 0.5})
		if err != nil {
			t.Fatal(err)
		}
		r, err := x.Extract(t.Context(), qs, extract.EachPerson(w))
		if err != nil {
			t.Fatal(err)
		}
		if b := r.Base(); b.Answered*10 < b.Asked*9 || b.Invalid+b.Failed+b.Refused > 0 {
			t.Errorf("%v", b)
		}
		items := 0
		for _, a := range r.Answers {
			items = max(items, a.Item)
		}
		if items < 2 {
			t.Error("no list has two items")
		}
		for _, g := range r.Agreement {
			if g.Observed != 1 { // the same words are chosen in whatever order options stand
				t.Errorf("%+v", g)
			}
		}
		coding, err := x.Code(t.Context(), extract.Question{ID: "choice.why", Find: "Why that one?"}, r.Answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(coding.Codes) < 1 || coding.Answers[0].Outcome != extract.Answered {
			t.Errorf("%+v", coding)
		}
		got := jsonl(t, append(r.Answers, coding.Answers...))
		if was != "" && got != was {
			t.Errorf("the second time it is another result:\n%s\n%s", was, got)
		}
		was = got
	}
}

// The stand-in answers as the persona has it: everybody, whole rankings, and not all
// the same.
func TestRehearsedAnswers(t *testing.T) {
	qs := []extract.Question{
		{ID: "intent", Ask: "How likely are you to buy the Deep Cinema?", Type: extract.Scale, Lo: 1, Hi: 5},
		{ID: "why", Ask: "What is the main reason for that?"},
		{ID: "best", Ask: "Put the adverts in order, best first.", Type: extract.Rank, Options: []string{"Bright Vision", "Deep Cinema", "Family Fun", "Saver"}, Order: extract.Shuffle},
		{ID: "own", Ask: "Do you own a television?", Type: extract.YesNo},
		{ID: "which", Ask: "Which of them would you show a friend?", Type: extract.SomeOf, Options: []string{"Bright Vision", "Deep Cinema", "Family Fun", "Saver"}},
		{ID: "price", Ask: "What would you pay, in dollars?", Type: extract.Number, Lo: 0, Hi: 2000},
		{ID: "days", Ask: "Tell of your evenings.", Type: extract.ListOf, Most: 2, Fields: []extract.Question{{ID: "what"}, {ID: "good", Type: extract.YesNo}}}}
	w := rehearsed(t)
	r, err := extract.Ask(t.Context(), qs, extract.Panel(w), nil)
	if err != nil {
		t.Fatal(err)
	}
	if b := r.Base(); b.Answered != b.Asked {
		t.Errorf("%v\n%s", b, jsonl(t, r.Answers))
	}
	values := map[string]map[string]bool{}
	for _, a := range r.Answers {
		if values[a.Name()] == nil {
			values[a.Name()] = map[string]bool{}
		}
		values[a.Name()][a.Value.String()] = true
		if a.Type != extract.Text && (len(a.Evidence) == 0 || a.Evidence[0].Quote == "") {
			t.Errorf("%s says nothing: %+v", a.Person, a)
		}
	}
	for _, name := range []string{"intent", "why", "best", "price"} {
		if len(values[name]) < 2 {
			t.Errorf("%s: everybody says the same: %v", name, values[name])
		}
	}
	again, err := extract.Ask(t.Context(), qs, extract.Panel(w), nil)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := jsonl(t, r.Answers), jsonl(t, again.Answers); a != b {
		t.Error("asked again they say something else")
	}
	t.Log(jsonl(t, r.Answers[:9]))
}

// TestRehearsedRoom: a question about a whole room is answered from what anybody there
// said, or from what those said who are named.
func TestRehearsedRoom(t *testing.T) {
	w := rehearsed(t)
	list := extract.Question{ID: "reasons", Find: "Every reason that was given.", Type: extract.ListOf, Fields: []extract.Question{{ID: "why"}}}
	x, err := extract.New(rehearsal.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, speakers := range [][]string{nil, {"Lisa Carter", "Oscar"}} {
		s := extract.World(w)
		s.Speakers = speakers
		r, err := x.Extract(t.Context(), []extract.Question{list}, []extract.Subject{s})
		if err != nil {
			t.Fatal(err)
		}
		if n := r.Base().Answered; n == 0 || r.Base().Invalid > 0 {
			t.Errorf("of %q: %v", speakers, r.Base())
		}
		for _, a := range r.Answers {
			for _, e := range a.Evidence {
				if speakers != nil && !slices.Contains(speakers, e.Who) {
					t.Errorf("of %q: quoted %s", speakers, e.Who)
				}
			}
		}
	}
}
