package transcript

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/internal/words"
)

// folded is a text in the form in which quotations are compared.
type folded struct {
	runes []rune
	at    []int // where each begins in the original; one more for the end
}

// fold folds case, makes one mark of all quotation marks and one space of each run of
// white space.
func fold(s string) *folded {
	f := &folded{runes: make([]rune, 0, len(s)), at: make([]int, 0, len(s)+1)}
	for i, c := range s {
		switch {
		case unicode.IsSpace(c):
			if n := len(f.runes); n > 0 && f.runes[n-1] == ' ' {
				continue
			}
			c = ' '
		case isQuotationMark(c):
			c = '\''
		default:
			c = foldCase(c)
		}
		f.runes, f.at = append(f.runes, c), append(f.at, i)
	}
	f.at = append(f.at, len(s))
	return f
}

// foldCase returns the least of the characters that differ from c in case alone.
func foldCase(c rune) rune {
	least := c
	for r := unicode.SimpleFold(c); r != c; r = unicode.SimpleFold(r) {
		least = min(least, r)
	}
	return least
}

func isQuotationMark(c rune) bool {
	switch c {
	case '"', '\'', '`', '´', '‘', '’', '‚', '‛', '“', '”', '„', '‟', '‹', '›', '«', '»', '′', '″', '「', '」', '『', '』', '＂', '＇':
		return true
	}
	return false
}

// foldQuote returns a quotation without the marks and spaces around it, or nil where
// no letter or digit is left.
func foldQuote(s string) *folded {
	f := fold(s)
	f.runes = []rune(strings.Trim(string(f.runes), "' "))
	if !slices.ContainsFunc(f.runes, func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }) {
		return nil
	}
	return f
}

// in finds the quotation in a text, at the ends of words.
func (q *folded) in(text string) (string, bool) {
	f := fold(text)
	n := len(q.runes)
	for i := 0; i+n <= len(f.runes); i++ {
		if f.runes[i] != q.runes[0] || !slices.Equal(f.runes[i:i+n], q.runes) {
			continue
		}
		if f.within(text, i) || f.within(text, i+n) {
			continue
		}
		last := f.at[i+n-1]
		_, size := utf8.DecodeRuneInString(text[last:])
		return text[f.at[i] : last+size], true
	}
	return "", false
}

// within reports whether the place before rune i lies within a word or a number: can't,
// non-smoker and 1,500 are one. Cutting one there can turn what was said into its opposite.
// Scripts that write words without spaces between them have no such places.
func (f *folded) within(text string, i int) bool {
	at := func(k int) rune { // as it stands in the text; 0 beyond its ends
		if k < 0 || k >= len(f.runes) {
			return 0
		}
		c, _ := utf8.DecodeRuneInString(text[f.at[k]:])
		return c
	}
	if inWord(at(i-1)) && inWord(at(i)) {
		return true
	}
	return joins(at(i-1), at(i), at(i+1)) || joins(at(i-2), at(i-1), at(i))
}

// joins reports whether c makes one word or number of what stands before and after it.
func joins(before, c, after rune) bool {
	if unicode.IsDigit(before) && unicode.IsDigit(after) {
		return strings.ContainsRune(".,'’", c)
	}
	return strings.ContainsRune("'’´`＇-‐‑", c) && inWord(before) && inWord(after) && !unicode.In(after, unicode.Hangul)
}

func inWord(c rune) bool { return words.In(c) && !words.Unspaced(c) }

// object writes a JSON object without escaping HTML, leaving out what is empty.
type object struct{ b []byte }

func newLine(b []byte) *object { return &object{append(b, '{')} }

func (o *object) raw(member string) {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, member...)
}

func (o *object) number(key string, n int) { o.raw(`"` + key + `":` + strconv.Itoa(n)) }

func (o *object) text(key, s string) {
	if s != "" {
		o.raw(`"` + key + `":` + string(rawjson.Of(s)))
	}
}

func (o *object) list(key string, items []string) {
	if len(items) == 0 {
		return
	}
	quoted := make([]string, len(items))
	for i, s := range items {
		quoted[i] = string(rawjson.Of(s))
	}
	o.raw(`"` + key + `":[` + strings.Join(quoted, ",") + "]")
}

func (o *object) close() []byte { return append(o.b, '}') }
