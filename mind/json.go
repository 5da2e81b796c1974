package mind

import (
	"unicode/utf8"

	"github.com/tinytroupe-go/tinytroupe"
)

// appendString appends s as a JSON string, spelt as encoding/json spells it when
// HTML is not escaped. It is here because every event of an episode is written
// again for every turn.
func appendString(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != '\u2028' && r != '\u2029' && (r != utf8.RuneError || n > 1) {
				i += n
				continue
			}
			b = append(b, s[start:i]...)
			switch r {
			case '\u2028':
				b = append(b, `\u2028`...)
			case '\u2029':
				b = append(b, `\u2029`...)
			default:
				b = append(b, `\ufffd`...)
			}
			i += n
			start = i
			continue
		}
		b = append(b, s[start:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		case '\n':
			b = append(b, '\\', 'n')
		case '\r':
			b = append(b, '\\', 'r')
		case '\t':
			b = append(b, '\\', 't')
		default:
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		i++
		start = i
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

// appendField appends a comma where one is due, the key, and the string.
func appendField(b []byte, key, s string) []byte {
	if c := b[len(b)-1]; c != '{' {
		b = append(b, ',')
	}
	b = append(b, '"')
	b = append(b, key...)
	b = append(b, '"', ':')
	return appendString(b, s)
}

func appendAction(b []byte, a *tinytroupe.Action) []byte {
	b = append(b, '{')
	b = appendField(b, "type", string(a.Kind))
	b = appendField(b, "target", a.Target)
	b = appendField(b, "content", a.Content)
	return append(b, '}')
}

func appendState(b []byte, s *tinytroupe.MentalState) []byte {
	b = append(b, '{')
	b = appendField(b, "goals", s.Goals)
	b = appendField(b, "attention", s.Attention)
	b = appendField(b, "emotions", s.Emotions)
	return append(b, '}')
}

// appendStimulus appends one thing perceived. Its images follow the text of the
// message; labels say which they are.
func appendStimulus(b []byte, s *tinytroupe.Stimulus, labels []string) []byte {
	b = append(b, '{')
	b = appendField(b, "type", string(s.Kind))
	if s.Source != "" {
		b = appendField(b, "source", s.Source)
	}
	b = appendField(b, "content", s.Content)
	if s.Data {
		b = append(b, `,"data":true`...)
	}
	for i, l := range labels {
		if i == 0 {
			b = append(b, `,"images":[`...)
		} else {
			b = append(b, ',')
		}
		b = appendString(b, l)
	}
	if len(labels) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

// appendMemo appends something recalled. A document's text is labelled as data.
func appendMemo(b []byte, m *tinytroupe.Memo) []byte {
	b = append(b, '{')
	if m.Kind != "" {
		b = appendField(b, "kind", m.Kind)
	}
	if !m.Time.IsZero() {
		b = appendField(b, "time", m.Time.Format("2006-01-02 15:04"))
	}
	if m.Source != "" {
		b = appendField(b, "source", m.Source)
	}
	b = appendField(b, "content", m.Content)
	if m.Kind == documentMemo {
		b = append(b, `,"data":true`...)
	}
	return append(b, '}')
}
