// Package trigram compares texts by their runs of three words.
package trigram

import (
	"slices"
	"unicode"

	"github.com/tinytroupe-go/tinytroupe/internal/words"
)

// alike is the Jaccard index of trigrams from which two texts say the same.
const alike = 0.85

// A Set is the hashes of a text's runs of three words, sorted, each once.
type Set []uint64

// Of reads words as runs of letters and digits, whatever their case; in
// scripts written without spaces each character is a word.
func Of(text string) Set {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	var t Set
	var a, b, c uint64 = 0, 0, offset // hashes of the two words before, and of this one
	n := 0
	end := func() {
		if c == offset {
			return
		}
		if n++; n > 2 {
			t = append(t, (a*31+b)*0x9E3779B97F4A7C15+c)
		}
		a, b, c = b, c, offset
	}
	for _, r := range text {
		switch {
		case r < 0x80 && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9'):
		case words.Unspaced(r):
			end()
			c = (c ^ uint64(r)) * prime
			end()
			continue
		case words.In(r):
			r = unicode.ToLower(r)
		default:
			end()
			continue
		}
		c = (c ^ uint64(r)) * prime
	}
	end()
	slices.Sort(t)
	return slices.Compact(t)
}

// Like reports whether two texts say the same. Texts under three words never do.
func (t Set) Like(u Set) bool {
	common := t.common(u)
	return len(t) > 0 && float64(common) >= alike*float64(len(t)+len(u)-common)
}

// Within reports whether a text of four words or more stands in another: it was part of
// a longer speech.
func (t Set) Within(u Set) bool { return len(t) > 1 && t.common(u) == len(t) }

// common counts the trigrams that both have.
func (t Set) common(u Set) int {
	common := 0
	for i, j := 0, 0; i < len(t) && j < len(u); {
		switch {
		case t[i] < u[j]:
			i++
		case t[i] > u[j]:
			j++
		default:
			common, i, j = common+1, i+1, j+1
		}
	}
	return common
}
