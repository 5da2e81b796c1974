package tinytroupe

import (
	"maps"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/trigram"
)

const (
	recentKept = 3 // acts of a kind and target that a new one is compared with
	heardKept  = 8 // things perceived that a new one is compared with
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
	t    trigram.Set
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
func (s said) repeats(at slot, t trigram.Set) (seen int, ok bool) {
	if at.kind != Talk && at.kind != Think && at.kind != ReachOut {
		return 0, false
	}
	for _, w := range slices.Backward(s[at]) {
		if t.Like(w.t) || t.Within(w.t) {
			return w.seen, true
		}
	}
	return 0, false
}

// heard is something perceived, to compare others with.
type heard struct {
	t      trigram.Set
	text   string // folded, where it is too short for trigrams
	images []Image
}

func heardOf(s *Stimulus) heard {
	h := heard{t: trigram.Of(s.Content), images: s.Images}
	if h.t == nil {
		h.text = strings.ToLower(strings.TrimSpace(s.Content))
	}
	return h
}

// same reports whether two things perceived are the same for whoever answers.
func (h heard) same(o heard) bool {
	alike := h.t.Like(o.t) || h.t == nil && o.t == nil && h.text == o.text
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

// stranger reports whether others are here and none of them is within reach.
func (s *state) stranger(b *body) bool {
	return len(s.situation(b).Near) == 0 && slices.ContainsFunc(s.people, func(o *body) bool { return o.present && o.name != b.name })
}
