// Package memory holds what people can be reminded of.
package memory

import (
	"context"
	"math"
	"slices"
	"sync"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/words"
)

// DefaultMost is how many memos a search returns at most where the query does not say.
const DefaultMost = 8

// Words is a memory that finds memos by their words, without a model: those that share
// the most telling words with the query, by BM25 (Robertson and Zaragoza 2009,
// doi:10.1561/1500000019), to which words that half of the memos have count nothing. Where fewer do than were asked for, the newest others are
// added, so that a person with few memories has all of them in mind. A search returns
// memos in the order in which they were added; equal contents always give equal
// answers. The zero value is an empty memory.
type Words struct {
	mu       sync.RWMutex
	memos    []tinytroupe.Memo
	length   []int                // in words, by memo
	total    int                  // of length
	postings map[string][]posting // by word
}

// A posting says how often a word is in a memo.
type posting struct{ memo, count int }

// The usual parameters of BM25.
const (
	saturation = 1.2
	byLength   = 0.75
)

// Add implements tinytroupe.Memory.
func (w *Words) Add(memos ...tinytroupe.Memo) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.postings == nil {
		w.postings = map[string][]posting{}
	}
	for _, m := range memos {
		i := len(w.memos)
		list := words.Of(m.Content)
		w.memos = append(w.memos, m)
		w.length = append(w.length, len(list))
		w.total += len(list)
		for _, word := range list {
			p := w.postings[word]
			if n := len(p); n > 0 && p[n-1].memo == i {
				p[n-1].count++
				continue
			}
			w.postings[word] = append(p, posting{i, 1})
		}
	}
}

// Search implements tinytroupe.Memory. It never fails.
func (w *Words) Search(_ context.Context, q tinytroupe.Query) ([]tinytroupe.Memo, error) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	most := q.Most
	if most <= 0 {
		most = DefaultMost
	}
	if len(w.memos) <= most {
		return slices.Clone(w.memos), nil
	}
	scores := w.scores(q.Text)
	chosen := make([]int, 0, most+1) // the best first
	for i := len(scores) - 1; i >= 0; i-- {
		if len(chosen) == most && scores[i] <= scores[chosen[most-1]] {
			continue
		}
		k := len(chosen)
		for k > 0 && scores[i] > scores[chosen[k-1]] {
			k--
		}
		chosen = slices.Insert(chosen, k, i)
		chosen = chosen[:min(len(chosen), most)]
	}
	slices.Sort(chosen)
	found := make([]tinytroupe.Memo, most)
	for k, i := range chosen {
		found[k] = w.memos[i]
	}
	return found, nil
}

// scores returns how well each memo fits a text.
func (w *Words) scores(text string) []float64 {
	n := float64(len(w.memos))
	mean := max(float64(w.total)/n, 1)
	scores := make([]float64, len(w.memos))
	query := words.Of(text)
	slices.Sort(query)
	for _, word := range slices.Compact(query) {
		list := w.postings[word]
		in := float64(len(list))
		if 2*in >= n {
			continue // its weight would be nothing, or less
		}
		weight := math.Log((n - in + 0.5) / (in + 0.5))
		for _, p := range list {
			c := float64(p.count)
			norm := 1 - byLength + byLength*float64(w.length[p.memo])/mean
			scores[p.memo] += weight * c * (saturation + 1) / (c + saturation*norm)
		}
	}
	return scores
}
