package study

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
)

// syntaxError returns the place and the words of the parser's error.
func syntaxError(src *source, err error) (place, string) {
	if e, ok := errors.AsType[*yaml.SyntaxError](err); ok && e.Token != nil && e.Token.Position != nil {
		pos := e.Token.Position
		return place{src, min(max(pos.Line, 1), len(src.lines)), max(pos.Column, 1), 1}, e.Message
	}
	return place{src: src}, "this cannot be read as YAML"
}

// entry is a line with a key and a value on it.
var entry = regexp.MustCompile(`^(\s*(?:- +)*)([^\s"'#\[\]{}:,&*!|>%@` + "`" + `-][^:"'#\[\]{}]*): +(\S.*)$`)

// item is a line of a list with a plain value on it.
var item = regexp.MustCompile(`^(\s*(?:- +)+)()(\S.*)$`)

// explain reports a syntax error, in the terms of somebody who wanted to write a
// text where the line looks like that. It reports whether it has mended lines so
// that reading can go on. last is the line mended before: what cannot be explained
// just after it follows from it.
func explain(src *source, lines []string, p place, problem string, bad *mistakes, last int) (fixed bool) {
	line := ""
	if p.line > 0 {
		line = lines[p.line-1]
	}
	for n := p.line; n > 0 && n <= min(p.line+1, len(lines)); n++ {
		if at := strings.IndexByte(indentOf(lines[n-1]), '\t'); at >= 0 {
			bad.add(place{src, n, at + 1, 1}, []string{"YAML is indented with spaces."}, "a tab in the indentation")
			for i, l := range lines { // one mistake for all of them
				in := indentOf(l)
				lines[i] = strings.ReplaceAll(in, "\t", "  ") + l[len(in):]
			}
			return true
		}
	}
	m := entry.FindStringSubmatch(line)
	if m == nil {
		if m = item.FindStringSubmatch(line); m == nil {
			m = make([]string, 4)
		}
	}
	start := len(line) - len(m[3])
	at := func(i, width int) place {
		return place{src, p.line, utf8.RuneCountInString(line[:i]) + 1, width}
	}
	text := strings.TrimRight(m[3], " ")
	quoted := quote(text)
	what, where := "", place{}
	colon := strings.Index(text, ": ")
	if colon < 0 && strings.HasSuffix(text, ":") {
		colon = len(text) - 1
	}
	after := strings.HasPrefix(problem, "value is not allowed in this context") && p.col-1 > utf8.RuneCountInString(line[:start])
	switch {
	case text == "":
	case strings.ContainsAny(text[:1], "@`%"):
		what, where = fmt.Sprintf("a text cannot begin with %s unless it is quoted", text[:1]), at(start, 1)
	case strings.ContainsAny(text[:1], "&*!"):
		what, where = fmt.Sprintf("%s begins something that is no text", text[:1]), at(start, utf8.RuneCountInString(strings.Fields(text)[0]))
	case strings.ContainsAny(text[:1], "|>") && strings.HasPrefix(problem, "invalid header option"):
		what, where = fmt.Sprintf("after %s the text begins on the next line", text[:1]), at(start, utf8.RuneCountInString(text))
	case strings.ContainsAny(text[:1], `"'`) && after:
		what, where = "the text goes on after its closing quote", p
	case strings.ContainsAny(text[:1], "[{") && after && m[2] != "":
		what, where = fmt.Sprintf("the text goes on after what %s begins", text[:1]), p
	case strings.HasPrefix(text+" ", "- ") || strings.HasPrefix(text+" ", "? "):
		what, where = fmt.Sprintf("%s begins something that is no text", text[:1]), at(start, 1)
	case colon >= 0 && !strings.ContainsAny(text[:1], `"'[{`):
		what, where = `": " in a text that is not quoted`, at(start+colon, 1)
	}
	if what != "" {
		lines[p.line-1] = m[1] + m[2]
		if m[2] != "" {
			lines[p.line-1] += ": "
		}
		lines[p.line-1] += quoted
		bad.add(where, []string{"Put the text in quotes: " + strings.TrimSpace(lines[p.line-1])}, "%s", what)
		return true
	}
	if last > 0 && p.line == last+1 {
		return false
	}
	hints := []string(nil)
	switch {
	case strings.Contains(problem, "found character '\t'"):
		problem, hints = "a tab in the indentation", []string{"YAML is indented with spaces."}
	case strings.Contains(problem, "end token ']'"):
		problem = "this [ is not closed"
	case strings.Contains(problem, "end token '}'"):
		problem = "this { is not closed"
	case strings.Contains(problem, "end character of"):
		problem = "this quote is not closed"
	case strings.Contains(line, "${") && strings.ContainsAny(line, "{["):
		hints = []string{"Inside {…} and […] a text with ${…} needs quotes."}
	case strings.Contains(problem, "must be specified"):
		hints = []string{"Is every { and [ before it closed?"}
	case strings.Contains(problem, "is not allowed in this context"):
		problem, hints = "this does not belong here", []string{"Is it indented like its siblings? A text with \": \" in it needs quotes."}
		if next := src.line(p.line + 1); entry.MatchString(next) && colon < 0 && p.line > 0 {
			in := len(indentOf(next))
			if in <= len(indentOf(line)) {
				break // it is not deeper
			}
			p = place{src, p.line + 1, in + 1, utf8.RuneCountInString(strings.TrimSpace(next))}
		}
	}
	if strings.Contains(line, " #") || p.line > 1 && strings.Contains(src.line(p.line-1), " #") {
		hints = append(hints, "What follows \" #\" is a comment, unless it is quoted.")
	}
	bad.add(p, hints, "%s", problem)
	return drop(lines, p.line)
}

// drop blanks the item of a list that line n (from 1) is in, so that what stands
// around it can be read; false where it is in none that has a sibling.
func drop(lines []string, n int) bool {
	dash := func(i, indent int) bool {
		return i >= 0 && i < len(lines) && strings.HasPrefix(lines[i][len(indentOf(lines[i])):], "- ") && (indent < 0 || len(indentOf(lines[i])) == indent)
	}
	from := n - 1
	for from >= 0 && !dash(from, -1) {
		from--
	}
	if from < 0 || n > len(lines) {
		return false
	}
	indent, to := len(indentOf(lines[from])), n
	within := func(i int) bool { return strings.TrimSpace(lines[i]) == "" || len(indentOf(lines[i])) > indent }
	for to < len(lines) && within(to) {
		to++
	}
	for i := from + 1; i < n-1; i++ {
		if !within(i) {
			return false // the line is not in that item
		}
	}
	before := from - 1
	for before >= 0 && within(before) {
		before--
	}
	if !dash(before, indent) && !dash(to, indent) {
		return false
	}
	for i := from; i < to; i++ {
		lines[i] = ""
	}
	return true
}

func indentOf(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " \t"))] }

// quote returns a text as a YAML scalar that means it, quoted.
func quote(text string) string {
	if n := len(text); n > 1 && (text[0] == '"' || text[0] == '\'') && text[0] == text[n-1] && strings.Count(text, text[:1]) == 2 {
		return text
	}
	if !strings.ContainsAny(text, `"\`) {
		return `"` + text + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}
