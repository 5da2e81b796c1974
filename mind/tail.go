package mind

import (
	"strings"
	"unicode/utf8"

	"github.com/tinytroupe-go/tinytroupe"
)

// appendTail appends what the last message says of the moment, and what is not
// kept: an empty line, the situation, memos, the state where it is not the one
// shown in the newest reply, notes, and the closing.
func appendTail(b []byte, p *tinytroupe.Perception, state, shown *tinytroupe.MentalState, closing string) []byte {
	b = append(b, "\n\n"...)
	s := &p.Situation
	if s.Place != "" {
		b = appendLine(b, "Place: ", sentence(s.Place))
	}
	if len(s.Context) > 0 {
		b = appendLine(b, "Context: ", sentence(strings.Join(s.Context, "; ")))
	}
	b = appendNear(b, s.Near)
	for i := range p.Memos {
		b = append(appendMemo(append(b, "Recalled: "...), &p.Memos[i]), '\n')
	}
	if shown == nil {
		shown = &tinytroupe.MentalState{}
	}
	if state != nil && *state != *shown {
		b = append(appendState(append(b, "State: "...), state), '\n')
	}
	for _, r := range p.Reminders {
		b = appendLine(b, "Note: ", r)
	}
	return append(b, closing...)
}

func appendNear(b []byte, near []tinytroupe.Acquaintance) []byte {
	if len(near) == 0 {
		return append(b, "Nobody is within reach.\n"...)
	}
	b = append(b, "Within reach: "...)
	for i, a := range near {
		if i > 0 {
			b = append(b, "; "...)
		}
		b = append(b, oneLine(a.Name)...)
		if a.Relation != "" {
			b = append(b, " ("...)
			b = append(b, strings.ReplaceAll(oneLine(a.Relation), ";", ",")...)
			b = append(b, ')')
		}
	}
	return append(b, ".\n"...)
}

func appendLine(b []byte, label, s string) []byte {
	return append(append(append(b, label...), oneLine(s)...), '\n')
}

// oneLine keeps a text from posing as several lines.
func oneLine(s string) string {
	if !strings.ContainsAny(s, "\r\n\v\f\u0085\u2028\u2029") {
		return s
	}
	return strings.Join(strings.Fields(s), " ")
}

// sentence ends a text like a sentence.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if r, _ := utf8.DecodeLastRuneInString(s); s == "" || strings.ContainsRune(".!?…。！？", r) {
		return s
	}
	return s + "."
}
