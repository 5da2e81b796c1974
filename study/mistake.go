package study

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tinytroupe-go/tinytroupe/internal/nearest"
)

// A Mistake is something wrong with a study or with a file that it names.
type Mistake struct {
	File         string // as the user would name it
	Line, Column int    // from 1, in characters; 0 where the mistake has no place in the file
	Width        int    // characters that the mistake spans
	Source       string // the line
	Problem      string
	Hints        []string // what was expected, what is known, what may have been meant
	NotYet       bool     // a part of the format that this version does not have
}

// Error returns the mistake as its user should see it: place and problem, the line
// with the offending text underlined, and the hints.
func (m *Mistake) Error() string {
	var b strings.Builder
	b.WriteString(m.File)
	if m.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", m.Line, m.Column)
	}
	b.WriteString(": " + printable(m.Problem) + "\n")
	if m.Line > 0 {
		text, carets := m.excerpt()
		fmt.Fprintf(&b, "%5d | %s\n      | %s\n", m.Line, text, carets)
	}
	for _, h := range m.Hints {
		b.WriteString("      " + printable(h) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// excerpt returns the line and what underlines it, both cut around the mistake
// where the line is long.
func (m *Mistake) excerpt() (text, carets string) {
	const before, most = 60, 110
	line := []rune(m.Source)
	at := min(max(m.Column-1, 0), len(line))
	width := max(1, min(m.Width, len(line)-at))
	var prefix, suffix string
	if len(line) > most {
		if at > before {
			prefix, line, at = "…", line[at-before:], before
		}
		if len(line) > most {
			suffix, line = "…", line[:most]
		}
		width = max(1, min(width, len(line)-at))
	}
	pad := func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}
	text = prefix + printable(string(line)) + suffix
	// What is escaped takes more room than it had.
	carets = strings.Map(pad, prefix+printable(string(line[:at]))) +
		strings.Repeat("^", max(1, utf8.RuneCountInString(printable(string(line[at:min(at+width, len(line))])))))
	return text, carets
}

// printable shows control characters escaped, tabs excepted, so that nothing in a
// file can drive the terminal.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r != '\t' && !unicode.IsPrint(r) && r != ' ' }) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if r == '\t' || unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		q := fmt.Sprintf("%+q", r)
		b.WriteString(q[1 : len(q)-1])
	}
	return b.String()
}

// Mistakes are all the mistakes of a study, in the order of their places.
type Mistakes struct{ List []*Mistake }

// shown is how many mistakes are listed; whoever makes more mends these first.
const shown = 100

// Error lists the mistakes and counts them.
func (m *Mistakes) Error() string {
	var b strings.Builder
	for i, x := range m.List {
		if i == shown {
			fmt.Fprintf(&b, "… and %d more\n", len(m.List)-shown)
			break
		}
		b.WriteString(x.Error() + "\n")
	}
	s := "s"
	if len(m.List) == 1 {
		s = ""
	}
	fmt.Fprintf(&b, "%d mistake%s; nothing called or spent.", len(m.List), s)
	return b.String()
}

// Unwrap gives errors.As each mistake.
func (m *Mistakes) Unwrap() []error {
	list := make([]error, len(m.List))
	for i, x := range m.List {
		list[i] = x
	}
	return list
}

// A source is a file that mistakes can be in.
type source struct {
	name  string // as the user would name it
	text  string // lines end in \n
	lines []string
}

func newSource(name string, data []byte) *source {
	text := strings.TrimPrefix(string(data), "\ufeff")
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return &source{name, text, strings.Split(text, "\n")}
}

func (s *source) line(n int) string {
	if n < 1 || n > len(s.lines) {
		return ""
	}
	return s.lines[n-1]
}

// A place is a stretch of one line of a source.
type place struct {
	src              *source
	line, col, width int
}

// occurrence returns the place of the nth (from 0) occurrence of text at or after p,
// or p itself where it is spelled otherwise.
func (p place) occurrence(text string, nth int) place {
	if p.src == nil {
		return p
	}
	from := p.col - 1
	for n := p.line; n <= len(p.src.lines); n++ {
		line := []rune(p.src.line(n))
		rest := string(line[min(max(from, 0), len(line)):])
		col := min(max(from, 0), len(line)) + 1
		for {
			before, after, ok := strings.Cut(rest, text)
			if !ok {
				break
			}
			col += utf8.RuneCountInString(before)
			if nth == 0 {
				return place{p.src, n, col, utf8.RuneCountInString(text)}
			}
			nth--
			col += utf8.RuneCountInString(text)
			rest = after
		}
		from = 0
	}
	return p
}

const general = "expected a text, found "

// full reports that there are more mistakes than anybody will read.
func (l *mistakes) full() bool { return len(l.list) >= 10*shown }

// mistakes collects.
type mistakes struct{ list []*Mistake }

func (l *mistakes) add(p place, hints []string, format string, args ...any) *Mistake {
	m := &Mistake{Problem: fmt.Sprintf(format, args...), Hints: hints, Line: p.line, Column: p.col, Width: p.width}
	if p.src != nil {
		m.File, m.Source = p.src.name, p.src.line(p.line)
	}
	if n := len(l.list); n > 0 {
		// What was expected in general gives way to what was expected in particular.
		if old := l.list[n-1]; old.File == m.File && old.Line == m.Line && old.Column == m.Column && strings.HasPrefix(old.Problem, general) {
			l.list = l.list[:n-1]
		}
	}
	l.list = append(l.list, m)
	return m
}

// at reports whether there is a mistake on the line of p, in p or behind it.
func (l *mistakes) at(p place) bool {
	return slices.ContainsFunc(l.list, func(m *Mistake) bool {
		return p.src != nil && m.File == p.src.name && m.Line == p.line && m.Column >= p.col && m.Column < p.col+max(p.width, 1)
	})
}

// err returns what was collected, sorted, each mistake once; nil where there is none.
func (l *mistakes) err(first string) error {
	if len(l.list) == 0 {
		return nil
	}
	slices.SortStableFunc(l.list, func(a, b *Mistake) int {
		if a.File != b.File {
			switch {
			case a.File == first:
				return -1
			case b.File == first:
				return 1
			}
		}
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	type same struct {
		file, problem string
		line, column  int
	}
	met := map[same]bool{} // a loop's steps are read once for each item
	list := slices.DeleteFunc(l.list, func(m *Mistake) bool {
		k := same{m.File, m.Problem, m.Line, m.Column}
		known := met[k]
		met[k] = true
		return known
	})
	return &Mistakes{list}
}

// known returns the hint that lists the known words and the nearest one to word.
func known(what, word string, words []string) []string {
	hint := what + ": " + listed(words) + "."
	if len(words) == 0 {
		hint = what + ": none."
	}
	if near := nearest.Word(word, words); near != "" {
		hint += " Did you mean " + near + "?"
	}
	return []string{hint}
}

// knownWords is known for words of the format: those that are not available yet are
// not offered, unless there are no others, but may be what was meant.
func knownWords(what, name string, words []word) []string {
	offered := available(words)
	if len(offered) == 0 {
		offered = names(words)
	}
	hints := known(what, "", offered)
	if near := nearest.Word(name, names(words)); near != "" {
		hints[0] += " Did you mean " + near + "?"
	}
	return hints
}

// listed joins words; of many, the first.
func listed(words []string) string {
	const most = 30
	if len(words) > most {
		return strings.Join(words[:most], ", ") + fmt.Sprintf(" and %d more", len(words)-most)
	}
	return strings.Join(words, ", ")
}
