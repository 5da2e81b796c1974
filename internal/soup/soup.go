// Package soup tells text from what a model says that has lost its way: the same words
// over and over, letters of many scripts mixed, symbols, characters that are no text.
// It is meant to be wrong seldom about text rather than never about soup.
package soup

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	fewRunes   = 60  // too little to judge by its characters
	fewWords   = 40  // too little to judge by its words
	mostSame   = 40  // characters in a row that may be one
	leastNew   = 0.3 // share of runs of three words that must be different
	leastWords = 0.5 // share of characters that must be letters, digits or blanks
	mostBroken = 0.02
	mostMixed  = 3 // scripts
)

// Why says why a text is taken for soup; empty where it is not.
func Why(text string) string {
	var runes, plain, broken, same int
	var last rune
	scripts := map[string]int{}
	for _, c := range text {
		runes++
		if c == last && !unicode.IsSpace(c) && !strings.ContainsRune("-=_*.#~", c) {
			if same++; same >= mostSame {
				return "one character over and over"
			}
		} else {
			same = 1
		}
		last = c
		switch {
		case c == utf8.RuneError || unicode.Is(unicode.Co, c) || unicode.IsControl(c) && !unicode.IsSpace(c):
			broken++
		case unicode.IsLetter(c):
			plain++
			if s := script(c); s != "" {
				scripts[s]++
			}
		case unicode.IsDigit(c), unicode.IsSpace(c), unicode.IsMark(c):
			plain++
		}
	}
	if runes < fewRunes {
		return ""
	}
	if broken > 2 && float64(broken) > mostBroken*float64(runes) {
		return "characters that are no text"
	}
	if float64(plain) < leastWords*float64(runes) {
		return "symbols rather than words"
	}
	mixed := 0
	for _, n := range scripts {
		if n > 1 {
			mixed++
		}
	}
	if mixed > mostMixed {
		return "letters of many scripts mixed"
	}
	if loops(text) {
		return "the same words over and over"
	}
	return ""
}

// loops reports whether few of the runs of three words in a text are different.
func loops(text string) bool {
	words := strings.FieldsFunc(strings.ToLower(text), func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && !unicode.IsMark(c) })
	if len(words) < fewWords {
		// Some scripts are written without blanks.
		if words = nil; utf8.RuneCountInString(text) >= 3*fewWords {
			for _, c := range text {
				if unicode.IsLetter(c) {
					words = append(words, string(c))
				}
			}
		}
		if len(words) < 3*fewWords {
			return false
		}
	}
	met := map[[3]string]bool{}
	for i := range len(words) - 2 {
		met[[3]string(words[i:i+3])] = true
	}
	return float64(len(met)) < leastNew*float64(len(words)-2)
}

// script names the script of a letter; those that one language mixes have one name.
func script(c rune) string {
	if c < 0x250 {
		return "Latin"
	}
	for _, s := range []struct {
		name  string
		table *unicode.RangeTable
	}{
		{"Latin", unicode.Latin}, {"Cyrillic", unicode.Cyrillic}, {"Greek", unicode.Greek}, {"CJK", unicode.Han},
		{"CJK", unicode.Hiragana}, {"CJK", unicode.Katakana}, {"CJK", unicode.Hangul}, {"Arabic", unicode.Arabic},
		{"Hebrew", unicode.Hebrew}, {"Devanagari", unicode.Devanagari}, {"Bengali", unicode.Bengali}, {"Tamil", unicode.Tamil},
		{"Thai", unicode.Thai}, {"Armenian", unicode.Armenian}, {"Georgian", unicode.Georgian},
	} {
		if unicode.Is(s.table, c) {
			return s.name
		}
	}
	return ""
}
