// Package words takes texts apart into words.
package words

import (
	"strings"
	"unicode"
)

// Unspaced reports whether a character is of a script that puts no blanks between words.
func Unspaced(r rune) bool {
	return r > 0x0E00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// In reports whether a character is part of a word: a letter, a digit or a mark.
func In(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// Of returns the words of a text in lower case: runs of letters, digits and marks. Of
// scripts that put no blanks between words, each character is one.
func Of(text string) []string {
	var list []string
	for _, f := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !In(r) }) {
		start := 0
		for i, r := range f {
			if !Unspaced(r) {
				continue
			}
			if i > start {
				list = append(list, f[start:i])
			}
			start = i + len(string(r))
			list = append(list, f[i:start])
		}
		if start < len(f) {
			list = append(list, f[start:])
		}
	}
	return list
}
