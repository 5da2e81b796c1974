package tinytroupe

import (
	"slices"
	"strings"
)

const (
	recentKept  = 3    // acts of a kind that a new one is compared with
	repeatAbove = 0.85 // Jaccard index of word trigrams from which it is a repeat
)

// remember keeps an act's words for later comparison. The map is copied, since
// states share it.
func (b *body) remember(a Action) {
	if a.Content == "" {
		return
	}
	recent := make(map[ActionKind][]string, len(b.recent)+1)
	for k, v := range b.recent {
		recent[k] = v
	}
	recent[a.Kind] = push(recent[a.Kind], a.Content)
	b.recent = recent
}

func push(last []string, s string) []string {
	if len(last) >= recentKept {
		last = last[len(last)-recentKept+1:]
	}
	return append(slices.Clone(last), s)
}

// repeats reports whether text says what one of last said. Texts under three
// words never do.
func repeats(text string, last []string) bool {
	t := trigrams(text)
	if len(t) == 0 {
		return false
	}
	for _, l := range last {
		if l == text {
			return true
		}
		u := trigrams(l)
		common := 0
		for g := range t {
			if u[g] {
				common++
			}
		}
		if float64(common) >= repeatAbove*float64(len(t)+len(u)-common) {
			return true
		}
	}
	return false
}

func trigrams(s string) map[[3]string]bool {
	words := strings.Fields(strings.ToLower(s))
	if len(words) < 3 {
		return nil
	}
	set := make(map[[3]string]bool, len(words)-2)
	for i := range len(words) - 2 {
		set[[3]string(words[i:i+3])] = true
	}
	return set
}
