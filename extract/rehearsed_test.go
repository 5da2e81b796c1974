package extract_test

import (
	"bytes"
	"fmt"
	"os"
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

// What the stand-in extracts from what it said are quotations, and mostly answers.
func TestRehearsed(t *testing.T) {
	w := rehearsed(t)
	x, err := extract.New(rehearsal.New(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	var was string
	for range 2 {
		r, err := x.Extract(t.Context(), []extract.Question{choice}, extract.EachPerson(w))
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := extract.WriteJSONL(&b, r.Answers); err != nil {
			t.Fatal(err)
		}
		t.Log(b.String())
		if was != "" && b.String() != was {
			t.Error("the second time it is another result")
		}
		was = b.String()
		base := r.Base()
		if base.Answered*10 < base.Asked*8 || base.Invalid+base.Failed > 0 {
			t.Errorf("%v", base)
		}
		leaf, _ := extract.Leaf([]extract.Question{choice}, "choice.advert")
		table, err := extract.Tally(leaf, r.Answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		table.Text(&text, nil)
		t.Log(text.String())
	}
	coding, err := x.Code(t.Context(), extract.Question{ID: "choice.why", Find: "Why?"}, mustExtract(t, x, w), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(fmt.Sprint(coding.Codes))
}

func mustExtract(t *testing.T, x *extract.Extractor, w *tinytroupe.World) []extract.Answer {
	r, err := x.Extract(t.Context(), []extract.Question{choice}, extract.EachPerson(w))
	if err != nil {
		t.Fatal(err)
	}
	return r.Answers
}
