package memory

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tinytroupe-go/tinytroupe"
)

func contents(t *testing.T, w *Words, text string, most int) []string {
	t.Helper()
	memos, err := w.Search(context.Background(), tinytroupe.Query{Text: text, Most: most})
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, m := range memos {
		list = append(list, m.Content)
	}
	return list
}

func filled(texts ...string) *Words {
	w := new(Words)
	for _, text := range texts {
		w.Add(tinytroupe.Memo{Content: text})
	}
	return w
}

func TestSearch(t *testing.T) {
	w := filled("The baker has a red bicycle.", "It rained on Tuesday.", "The flat has two rooms.", "My sister sells flowers.", "The flat is dear, says the baker.")
	for _, x := range []struct {
		query string
		most  int
		want  string // the beginnings, in the order of adding
	}{
		{"How many rooms has the FLAT?", 1, "The flat has"},
		{"flat", 2, "The flat has, The flat is"},
		{"bicycles? Bicycle!", 1, "The baker"},
		{"nothing fits here", 2, "My sister, The flat is"},           // the newest
		{"flowers", 2, "My sister, The flat is"},                     // one fits
		{"", 3, "The flat has, My sister, The flat is"},              //
		{"rain", 9, "The baker, It rained, The flat has, My sister"}, // all
	} {
		got := contents(t, w, x.query, x.most)
		for i, want := range strings.Split(x.want, ", ") {
			if i >= len(got) || !strings.HasPrefix(got[i], want) {
				t.Errorf("%q: %q, want %s", x.query, got, x.want)
				break
			}
		}
		if len(got) != min(x.most, 5) {
			t.Errorf("%q: %d memos", x.query, len(got))
		}
	}
	if got := contents(t, filled(strings.Split(strings.Repeat("x,", 20), ",")...), "x", 0); len(got) != DefaultMost {
		t.Error(len(got))
	}
	if got := contents(t, new(Words), "x", 0); len(got) > 0 {
		t.Error(got)
	}
}

// TestScores holds the weights to the formula, worked out by hand: four memos of two,
// four, one and one words, of which one word is in half of them, and one in the second
// alone, twice.
func TestScores(t *testing.T) {
	w := filled("blue door", "blue sea, sea wind", "rain", "snow")
	want := []float64{0, math.Log(3.5/1.5) * 2 * 2.2 / (2 + 1.2*(0.25+0.75*4/2)), 0, 0}
	for i, got := range w.scores("Blue sea!") {
		if math.Abs(got-want[i]) > 1e-12 {
			t.Errorf("memo %d: %v, want %v", i, got, want[i])
		}
	}
}

// TestNothingShared: what a search returns is the caller's, and searches and additions
// may run at once.
func TestNothingShared(t *testing.T) {
	w := filled("one")
	memos, _ := w.Search(context.Background(), tinytroupe.Query{})
	memos[0].Content = "changed"
	if got := contents(t, w, "", 0); !slices.Equal(got, []string{"one"}) {
		t.Error(got)
	}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for k := range 50 {
				w.Add(tinytroupe.Memo{Content: fmt.Sprint("memo ", i, k)})
				contents(t, w, "memo", 3)
			}
		})
	}
	wg.Wait()
	if len(w.memos) != 201 {
		t.Error(len(w.memos))
	}
}

func BenchmarkSearch(b *testing.B) {
	w := new(Words)
	for i := range 10_000 {
		w.Add(tinytroupe.Memo{Content: fmt.Sprintf("The baker number %d has a bicycle and %d flowers, and says that it rained", i, i%97)})
	}
	for b.Loop() {
		if _, err := w.Search(context.Background(), tinytroupe.Query{Text: "what did the baker say of flowers 12"}); err != nil {
			b.Fatal(err)
		}
	}
}
