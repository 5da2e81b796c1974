package llm

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Object returns the one JSON object in a model's reply, as [Ask] reads it.
//
// Reasoning, fences and prose around it are dropped. Inside of it comments, commas
// before a closing bracket and raw control characters in strings are put right,
// since they can be read in one way only. Everything else is an error: nothing
// found, two objects, an object that breaks off or does not parse, a stray bracket,
// a key given twice. It never guesses, so `[{[}]` is an error and not `{}`.
func Object(text string) (json.RawMessage, error) {
	text = strings.ToValidUTF8(text, "\uFFFD")
	trimmed := strings.TrimSpace(text)
	if strings.HasPrefix(trimmed, "{") {
		if p := (parser{in: trimmed}); p.value(0) == nil && p.pos == len(trimmed) {
			return p.bytes(), nil
		}
	}
	text, err := stripReasoning(text)
	if err != nil {
		return nil, err
	}
	return findObject(text)
}

// stripReasoning drops what a reasoning model thought aloud.
func stripReasoning(text string) (string, error) {
	for _, tag := range []string{"think", "thinking", "reasoning"} {
		open, end := "<"+tag+">", "</"+tag+">"
		for {
			i := strings.Index(text, open)
			j := strings.LastIndex(text, end)
			if j < 0 {
				if i >= 0 {
					return "", errors.New("the reply ends within its reasoning")
				}
				break
			}
			if i < 0 || i > j { // the server's template opened it
				text = text[j+len(end):]
				break
			}
			j = i + strings.Index(text[i:], end)
			if j < i {
				return "", errors.New("the reply ends within its reasoning")
			}
			text = text[:i] + " " + text[j+len(end):]
		}
	}
	return text, nil
}

// findObject scans prose for one object. Brackets that do not begin as JSON does are
// prose and skipped as a whole, up to the bracket that closes them.
func findObject(text string) (json.RawMessage, error) {
	var found json.RawMessage
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '}' || c == ']':
			return nil, fmt.Errorf("a stray %q", c)
		case c != '{' && c != '[':
			i++
			continue
		case !beginsJSON(text[i:]):
			n := balanced(text[i:])
			if n < 0 {
				return nil, fmt.Errorf("a %q is never closed", c)
			}
			i += n
			continue
		}
		p := parser{in: text, pos: i}
		err := p.value(0)
		if err != nil {
			return nil, err
		}
		if text[i] == '{' {
			if found != nil {
				return nil, errors.New("more than one JSON object")
			}
			found = p.bytes()
			rest := strings.TrimLeft(text[p.pos:], " \t\r\n")
			if rest != "" && strings.IndexByte(",:\"", rest[0]) >= 0 {
				return nil, errors.New("the JSON goes on after its end")
			}
		}
		i = p.pos
	}
	if found == nil {
		return nil, errors.New("no JSON object in it")
	}
	return found, nil
}

// beginsJSON reports whether the text after the bracket may be JSON.
func beginsJSON(text string) bool {
	rest := strings.TrimLeft(text[1:], " \t\r\n")
	if rest == "" {
		return true // it breaks off here
	}
	switch c := rest[0]; {
	case strings.HasPrefix(rest, "//") || strings.HasPrefix(rest, "/*"):
		return true
	case text[0] == '{':
		return c == '"' || c == '}'
	case c == '{' || c == '[' || c == ']' || c == '"' || c == '-' || c >= '0' && c <= '9':
		return true
	default:
		return strings.HasPrefix(rest, "true") || strings.HasPrefix(rest, "false") || strings.HasPrefix(rest, "null")
	}
}

// balanced returns the length of the bracketed text at the start, or -1.
func balanced(text string) int {
	var open []byte
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '{', '[':
			open = append(open, c+2) // the bracket that closes it
		case '}', ']':
			if open[len(open)-1] != c {
				return -1
			}
			if open = open[:len(open)-1]; len(open) == 0 {
				return i + 1
			}
		}
	}
	return -1
}

// mostDepth bounds nesting: no schema here needs more, and a reply must not exhaust
// the stack.
const mostDepth = 200

// parser reads one JSON value. It copies nothing while the value is strictly JSON;
// edits says what to leave out or to put in.
type parser struct {
	in    string
	pos   int
	start int
	begun bool
	edits []edit
}

// edit replaces in[from:to].
type edit struct {
	from, to int
	with     string
}

func (p *parser) bytes() json.RawMessage {
	if len(p.edits) == 0 {
		return json.RawMessage(p.in[p.start:p.pos])
	}
	var b []byte
	at := p.start
	for _, e := range p.edits {
		b = append(b, p.in[at:e.from]...)
		b = append(b, e.with...)
		at = e.to
	}
	return append(b, p.in[at:p.pos]...)
}

var errBreaksOff = errors.New("the JSON breaks off")

func (p *parser) errorf(format string, args ...any) error {
	if p.pos >= len(p.in) {
		return errBreaksOff
	}
	return fmt.Errorf("%s at character %d of the JSON, near %q", fmt.Sprintf(format, args...),
		utf8.RuneCountInString(p.in[p.start:p.pos])+1, head(p.in[p.pos:min(len(p.in), p.pos+80)], 20))
}

// space skips white space and edits comments out.
func (p *parser) space() error {
	for p.pos < len(p.in) {
		switch p.in[p.pos] {
		case ' ', '\t', '\r', '\n':
			p.pos++
		case '/':
			from, n := p.pos, -1
			switch rest := p.in[p.pos:]; {
			case strings.HasPrefix(rest, "//"):
				if n = strings.IndexByte(rest, '\n'); n < 0 {
					return errBreaksOff
				}
			case strings.HasPrefix(rest, "/*"):
				if n = strings.Index(rest[2:], "*/"); n < 0 {
					return errBreaksOff
				}
				n += 4
			default:
				return p.errorf("unexpected %q", '/')
			}
			p.pos += n
			p.edits = append(p.edits, edit{from, p.pos, ""})
		default:
			return nil
		}
	}
	return nil
}

func (p *parser) value(depth int) error {
	if !p.begun {
		p.begun, p.start = true, p.pos
	}
	if depth > mostDepth {
		return p.errorf("nested too deeply")
	}
	if p.pos >= len(p.in) {
		return errBreaksOff
	}
	switch c := p.in[p.pos]; {
	case c == '{':
		return p.list('}', depth)
	case c == '[':
		return p.list(']', depth)
	case c == '"':
		return p.text()
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	default:
		for _, word := range []string{"true", "false", "null"} {
			if strings.HasPrefix(p.in[p.pos:], word) {
				p.pos += len(word)
				return nil
			}
		}
		if rest := p.in[p.pos:]; rest != "" && (strings.HasPrefix("true", rest) || strings.HasPrefix("false", rest) || strings.HasPrefix("null", rest)) {
			return errBreaksOff
		}
		return p.errorf("unexpected %q", p.rune())
	}
}

// list reads an object or an array; end says which.
func (p *parser) list(end byte, depth int) error {
	p.pos++
	var keys map[string]bool
	comma := -1 // position of a comma after which nothing has come
	for {
		if err := p.space(); err != nil {
			return err
		}
		if p.pos >= len(p.in) {
			return errBreaksOff
		}
		if p.in[p.pos] == end {
			if comma >= 0 {
				i := len(p.edits)
				for i > 0 && p.edits[i-1].from > comma {
					i--
				}
				p.edits = slices.Insert(p.edits, i, edit{comma, comma + 1, ""})
			}
			p.pos++
			return nil
		}
		if end == '}' {
			if p.in[p.pos] != '"' {
				return p.errorf("a key must be a string, not %q", p.rune())
			}
			from := p.pos
			if err := p.text(); err != nil {
				return err
			}
			key := p.in[from:p.pos]
			if keys[key] {
				return p.errorf("the key %s is given twice", key)
			}
			if keys == nil {
				keys = make(map[string]bool, 4)
			}
			keys[key] = true
			if err := p.space(); err != nil {
				return err
			}
			if p.pos >= len(p.in) || p.in[p.pos] != ':' {
				return p.errorf("no colon after a key")
			}
			p.pos++
			if err := p.space(); err != nil {
				return err
			}
		}
		if err := p.value(depth + 1); err != nil {
			return err
		}
		if err := p.space(); err != nil {
			return err
		}
		comma = -1
		if p.pos >= len(p.in) {
			return errBreaksOff
		}
		switch p.in[p.pos] {
		case ',':
			comma = p.pos
			p.pos++
		case end:
		default:
			return p.errorf("unexpected %q", p.rune())
		}
	}
}

func (p *parser) text() error {
	for p.pos++; p.pos < len(p.in); p.pos++ {
		switch c := p.in[p.pos]; {
		case c == '"':
			p.pos++
			return nil
		case c == '\\':
			p.pos++
			if p.pos >= len(p.in) {
				return errBreaksOff
			}
			switch p.in[p.pos] {
			case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
			case 'u':
				for range 4 {
					if p.pos+1 >= len(p.in) {
						return errBreaksOff
					}
					if !strings.ContainsRune("0123456789abcdefABCDEF", rune(p.in[p.pos+1])) {
						return p.errorf("bad \\u escape")
					}
					p.pos++
				}
			default:
				return p.errorf("bad escape \\%c", p.rune())
			}
		case c < ' ':
			p.edits = append(p.edits, edit{p.pos, p.pos + 1, fmt.Sprintf("\\u%04x", c)})
		}
	}
	return errBreaksOff
}

func (p *parser) number() error {
	digits := func() bool {
		from := p.pos
		for p.pos < len(p.in) && p.in[p.pos] >= '0' && p.in[p.pos] <= '9' {
			p.pos++
		}
		return p.pos > from
	}
	next := func(set string) bool {
		if p.pos < len(p.in) && strings.IndexByte(set, p.in[p.pos]) >= 0 {
			p.pos++
			return true
		}
		return false
	}
	next("-")
	if !next("0") && !digits() {
		return p.errorf("bad number")
	}
	if next(".") && !digits() {
		return p.errorf("bad number")
	}
	if next("eE") {
		next("+-")
		if !digits() {
			return p.errorf("bad number")
		}
	}
	if p.pos < len(p.in) && p.in[p.pos] >= '0' && p.in[p.pos] <= '9' {
		return p.errorf("bad number")
	}
	return nil
}

func (p *parser) rune() rune {
	r, _ := utf8.DecodeRuneInString(p.in[p.pos:])
	return r
}
