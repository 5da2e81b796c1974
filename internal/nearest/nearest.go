// Package nearest finds the known word that somebody may have meant.
package nearest

import (
	"strings"
	"unicode/utf8"
)

// Word returns the known word nearest to word, or "" where none is near. Case,
// spaces, hyphens and underscores count for nothing; a swap of neighbours counts as
// one change. At most a third of the letters may differ. The first of equals wins.
func Word(word string, known []string) string {
	best, least := "", utf8.RuneCountInString(word)/3+1
	if utf8.RuneCountInString(word) > 100 {
		return ""
	}
	a := fold(word)
	for _, k := range known {
		if utf8.RuneCountInString(k) > 100 {
			continue
		}
		if d := distance(a, fold(k)); d < least || d == least && best == "" && d < 2 && len(a) > 1 {
			best, least = k, d
		}
	}
	return best
}

func fold(s string) []rune {
	return []rune(strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' || r == '_' {
			return -1
		}
		return r
	}, strings.ToLower(s)))
}

// distance is the optimal string alignment distance.
func distance(a, b []rune) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(row[j]+1, last[j+1]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
