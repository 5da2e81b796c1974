package ordered

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// An Error says where in a text, and where in its tree, something is wrong.
type Error struct {
	Line, Column int    // from 1, in characters; 0 where there is no text
	Path         string // as Split reads it; empty at the root
	Msg          string // what was expected, and what was found
}

func (e *Error) Error() string {
	msg := e.Msg
	if e.Path != "" {
		msg = e.Path + ": " + msg
	}
	if e.Line > 0 {
		msg = fmt.Sprintf("%d:%d: %s", e.Line, e.Column, msg)
	}
	return msg
}

// Position returns the line and column, from 1, of an offset in a text. A byte order
// mark takes no column, as in editors.
func Position(text string, offset int) (line, column int) {
	before := strings.TrimPrefix(text[:min(offset, len(text))], "\ufeff")
	start := strings.LastIndexByte(before, '\n') + 1
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[start:]) + 1
}

// Parse reads one JSON value. A byte order mark is skipped. Duplicate keys, text
// after the value, invalid UTF-8, unpaired surrogates and nesting beyond MaxDepth
// are errors. An error is an *Error.
func Parse(data []byte) (v Value, err error) {
	p := &parser{text: string(data)}
	defer func() {
		// The parser alone panics with *Error, to leave its recursion.
		switch e := recover().(type) {
		case nil:
		case *Error:
			v, err = Value{}, e
		default:
			panic(e)
		}
	}()
	if strings.HasPrefix(p.text, "\ufeff") {
		p.at = len("\ufeff")
	}
	v = p.value()
	if p.space(); p.at < len(p.text) {
		p.expected("the end of the text")
	}
	return v, nil
}

type parser struct {
	text string
	at   int
	path []string
}

func (p *parser) fail(at int, format string, args ...any) {
	line, column := Position(p.text, at)
	panic(&Error{line, column, Join(p.path), fmt.Sprintf(format, args...)})
}

// expected fails at the current place and says what stands there.
func (p *parser) expected(what string) {
	if p.at >= len(p.text) {
		p.fail(p.at, "expected %s, found the end of the text", what)
	}
	rest := p.text[p.at:]
	r, size := utf8.DecodeRuneInString(rest)
	if r == utf8.RuneError && size == 1 {
		p.fail(p.at, "expected %s, found invalid UTF-8 (byte %#02x)", what, rest[0])
	}
	if word := len(rest) - len(strings.TrimLeft(rest, wordChars)); word > 0 {
		rest = rest[:min(word, 40)]
	} else {
		rest = rest[:size]
	}
	p.fail(p.at, "expected %s, found %q", what, rest)
}

const wordChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-."

// peek skips white space and returns the next byte, 0 at the end.
func (p *parser) peek() byte {
	p.space()
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

// take skips white space and the byte c, if that is next.
func (p *parser) take(c byte) bool {
	if p.peek() != c || p.at >= len(p.text) {
		return false
	}
	p.at++
	return true
}

func (p *parser) value() Value {
	c := p.peek()
	pos := p.at
	switch {
	case c == '{':
		return Value{Kind: Object, Fields: p.object(), Pos: pos}
	case c == '[':
		return Value{Kind: Array, Items: p.array(), Pos: pos}
	case c == '"':
		return Value{Kind: String, Text: p.string(), Pos: pos}
	case c == '-' || c >= '0' && c <= '9':
		return Value{Kind: Number, Text: p.number(), Pos: pos}
	}
	rest := p.text[p.at:]
	word := rest[:len(rest)-len(strings.TrimLeft(rest, wordChars))]
	switch word {
	case "null":
		p.at += len(word)
		return Value{Pos: pos}
	case "true", "false":
		p.at += len(word)
		return Value{Kind: Bool, Text: word, Pos: pos}
	}
	p.expected("a value")
	return Value{}
}

// enter goes one level down, to a child that is named with name later.
func (p *parser) enter() {
	if len(p.path) >= MaxDepth {
		p.fail(p.at, "expected at most %d levels of nesting", MaxDepth)
	}
	p.at++
	p.path = append(p.path, "")
}

func (p *parser) name(name string) { p.path[len(p.path)-1] = name }

// leave goes one level up.
func (p *parser) leave() { p.path = p.path[:len(p.path)-1] }

func (p *parser) object() []Field {
	var fields []Field
	seen := map[string]bool{}
	for p.enter(); ; {
		last := p.path
		p.leave() // a bad key is the object's mistake
		if len(fields) == 0 && p.take('}') {
			return nil
		}
		if p.peek() != '"' {
			p.expected("a key in double quotes")
		}
		at := p.at
		name := p.string()
		if seen[name] {
			p.fail(at, "expected every key once, found %q again", name)
		}
		seen[name] = true
		if !p.take(':') {
			p.expected(`":"`)
		}
		p.path = last
		p.name(name)
		fields = append(fields, Field{name, p.value()})
		if p.take(',') {
			continue
		}
		if !p.take('}') {
			p.expected(`"," or "}"`)
		}
		p.leave()
		return fields
	}
}

func (p *parser) array() []Value {
	items := []Value{}
	p.enter()
	if p.take(']') {
		p.leave()
		return items
	}
	for {
		p.name(strconv.Itoa(len(items)))
		items = append(items, p.value())
		if p.take(',') {
			continue
		}
		if !p.take(']') {
			p.expected(`"," or "]"`)
		}
		p.leave()
		return items
	}
}

func (p *parser) number() string {
	start := p.at
	digits := func() int {
		from := p.at
		for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
			p.at++
		}
		return p.at - from
	}
	skip := func(set string) bool {
		if p.at < len(p.text) && strings.IndexByte(set, p.text[p.at]) >= 0 {
			p.at++
			return true
		}
		return false
	}
	skip("-")
	first := p.at
	n := digits()
	ok := n > 0 && (n == 1 || p.text[first] != '0')
	if skip(".") {
		ok = digits() > 0 && ok
	}
	if skip("eE") {
		skip("+-")
		ok = digits() > 0 && ok
	}
	if !ok || p.at < len(p.text) && strings.IndexByte(wordChars, p.text[p.at]) >= 0 {
		p.at = start
		p.expected("a number as JSON writes it")
	}
	return p.text[start:p.at]
}

// string reads a string whose opening quote is next.
func (p *parser) string() string {
	start := p.at
	p.at++
	var b strings.Builder
	from := p.at // what has not been copied to b yet
	for p.at < len(p.text) {
		c := p.text[p.at]
		switch {
		case c == '"':
			s := p.text[from:p.at]
			p.at++
			if b.Len() == 0 {
				return s
			}
			b.WriteString(s)
			return b.String()
		case c == '\\':
			b.WriteString(p.text[from:p.at])
			b.WriteString(p.escape())
			from = p.at
		case c == '\n' || c == '\r':
			p.fail(p.at, `expected a closing quote before the end of the line, or \n for a line break`)
		case c < ' ':
			p.fail(p.at, `expected \u%04x for a control character`, c)
		case c < utf8.RuneSelf:
			p.at++
		default:
			r, size := utf8.DecodeRuneInString(p.text[p.at:])
			if r == utf8.RuneError && size == 1 {
				p.fail(p.at, "expected UTF-8, found byte %#02x", c)
			}
			p.at += size
		}
	}
	p.fail(start, "expected a closing quote, found the end of the text")
	return ""
}

func (p *parser) escape() string {
	start := p.at
	if p.at++; p.at < len(p.text) {
		c := p.text[p.at]
		if k := strings.IndexByte(`"\/bfnrt`, c); k >= 0 {
			p.at++
			return "\"\\/\b\f\n\r\t"[k : k+1]
		}
		if c == 'u' {
			r := p.hex()
			if utf16.IsSurrogate(r) {
				low := rune(-1)
				if strings.HasPrefix(p.text[p.at:], `\u`) {
					p.at++
					low = p.hex()
				}
				if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
					p.fail(start, "expected a pair of surrogates, found half of one")
				}
			}
			return string(r)
		}
	}
	p.fail(start, `expected one of \" \\ \/ \b \f \n \r \t \u0000 after a backslash`)
	return ""
}

// hex reads the u and four digits.
func (p *parser) hex() rune {
	digits := p.text[p.at+1 : min(p.at+5, len(p.text))]
	n, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || len(digits) < 4 {
		p.fail(p.at-1, `expected four hexadecimal digits after \u`)
	}
	p.at += 5
	return rune(n)
}
