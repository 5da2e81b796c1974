package tinytroupe

import (
	"maps"
	"slices"
	"unicode"
)

const (
	recentKept  = 3    // acts of a kind that a new one is compared with
	repeatAbove = 0.85 // Jaccard index of word trigrams from which it is a repeat
)

// said is the newest words of each kind of act, to compare new ones with. It is
// shared between states: with returns a changed copy.
type said map[ActionKind][]trigrams

// with returns s with the words of one more act.
func (s said) with(kind ActionKind, t trigrams) said {
	last := s[kind]
	if len(last) >= recentKept {
		last = last[len(last)-recentKept+1:]
	}
	c := make(said, len(s)+1)
	maps.Copy(c, s)
	c[kind] = append(slices.Clone(last), t)
	return c
}

// repeats reports whether an act says what one of the last of its kind said.
// Words under three never do.
func (s said) repeats(kind ActionKind, t trigrams) bool {
	return len(t) > 0 && slices.ContainsFunc(s[kind], func(u trigrams) bool {
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
		return float64(common) >= repeatAbove*float64(len(t)+len(u)-common)
	})
}

// trigrams are the hashes of a text's runs of three words, sorted, each once.
type trigrams []uint64

// trigramsOf reads words as runs of letters and digits, whatever their case; in
// scripts written without spaces each character is a word.
func trigramsOf(text string) trigrams {
	const offset, prime = 14695981039346656037, 1099511628211 // FNV-1a
	var t trigrams
	var a, b, c uint64 = 0, 0, offset // hashes of the two words before, and of this one
	words := 0
	end := func() {
		if c == offset {
			return
		}
		if words++; words > 2 {
			t = append(t, (a*31+b)*0x9E3779B97F4A7C15+c)
		}
		a, b, c = b, c, offset
	}
	for _, r := range text {
		switch {
		case r < 0x80 && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9'):
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai):
			end()
			c = (c ^ uint64(r)) * prime
			end()
			continue
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r):
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
