package tinytroupe

import (
	"maps"
	"slices"
	"strings"
	"unicode"
)

const (
	recentKept  = 3    // acts of a kind and target that a new one is compared with
	heardKept   = 8    // things perceived that a new one is compared with
	repeatAbove = 0.85 // Jaccard index of word trigrams from which it is a repeat
)

// slot is what an act is, and to whom.
type slot struct {
	kind   ActionKind
	target string // without case and surrounding space
}

func slotOf(a *Action) slot {
	return slot{a.Kind, strings.ToLower(strings.TrimSpace(a.Target))}
}

// words are those of an act, and what was perceived before it.
type words struct {
	t    trigrams
	seen int // the Seq up to which it was; 0 in the turn under way
}

// said is the newest words of each kind of act and target, to compare new ones with. It
// is shared between states: with returns a changed copy.
type said map[slot][]words

// with returns s with the words of one more act.
func (s said) with(at slot, w words) said {
	last := s[at]
	if len(last) >= recentKept {
		last = last[len(last)-recentKept+1:]
	}
	c := make(said, len(s)+1)
	maps.Copy(c, s)
	c[at] = append(slices.Clone(last), w)
	return c
}

// repeats reports whether an act says what one of the last of its kind and target said,
// and what the newest such act had seen. Words under three never do, nor do acts of
// faculties, which may well be done twice.
func (s said) repeats(at slot, t trigrams) (seen int, ok bool) {
	if at.kind != Talk && at.kind != Think && at.kind != ReachOut {
		return 0, false
	}
	for _, w := range slices.Backward(s[at]) {
		if t.like(w.t) || t.within(w.t) {
			return w.seen, true
		}
	}
	return 0, false
}

// heard is something perceived, to compare others with.
type heard struct {
	t      trigrams
	text   string // folded, where it is too short for trigrams
	images []Image
}

func heardOf(s *Stimulus) heard {
	h := heard{t: trigramsOf(s.Content), images: s.Images}
	if h.t == nil {
		h.text = strings.ToLower(strings.TrimSpace(s.Content))
	}
	return h
}

// same reports whether two things perceived are the same for whoever answers.
func (h heard) same(o heard) bool {
	alike := h.t.like(o.t) || h.t == nil && o.t == nil && h.text == o.text
	return alike && slices.EqualFunc(h.images, o.images, func(a, b Image) bool { return a.Hash == b.Hash })
}

// news reports whether a person perceived anything after an event that they had not
// heard or seen just before it: to another question the same answer is no repeat. What
// came of acts, and who came near, is no news.
func (b *body) news(since int) bool {
	if since == 0 {
		return false
	}
	var old, fresh []heard
	for _, list := range [][]Event{b.inbox, b.episode} {
		for i := range slices.Backward(list) {
			s, ok := list[i].Perceived(b.name)
			if !ok || s.Kind == Result || s.Kind == Social {
				continue
			}
			if list[i].Seq > since {
				fresh = append(fresh, heardOf(&s))
			} else if old = append(old, heardOf(&s)); len(old) == heardKept {
				break
			}
		}
	}
	return slices.ContainsFunc(fresh, func(h heard) bool { return !slices.ContainsFunc(old, h.same) })
}

// like reports whether two texts say the same. Texts under three words never do.
func (t trigrams) like(u trigrams) bool {
	common := t.common(u)
	return len(t) > 0 && float64(common) >= repeatAbove*float64(len(t)+len(u)-common)
}

// within reports whether a text of four words or more stands in another: it was part of
// a longer speech.
func (t trigrams) within(u trigrams) bool { return len(t) > 1 && t.common(u) == len(t) }

// common counts the trigrams that both have.
func (t trigrams) common(u trigrams) int {
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
