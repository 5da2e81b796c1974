package transcript

import (
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
)

// markdown renders CommonMark: one heading a step, one paragraph saying who does what,
// and what is said as a quotation in which every mark is escaped.
type markdown struct{}

func (m markdown) append(b []byte, e *Entry) []byte {
	switch e.Kind {
	case kindNotice:
		return append(append(append(b, "**"...), mdLine(e.Content)...), "**\n\n"...)
	case kindTitle:
		return append(append(append(b, "# "...), mdLine(e.Content)...), "\n\n"...)
	case kindStep:
		return append(append(append(b, "## "...), mdLine(e.Content)...), "\n\n"...)
	case kindStimulus:
		b = append(b, bold(e.From)+" --> "+mdNames(e)+": ["+mdLine(e.Type)+"]\n\n"...)
		return m.quote(b, e.Content, e.LeftOut)
	case kindAct:
		b = append(b, bold(e.From)+" acts: ["+mdLine(e.Type)+"]"...)
		switch {
		case len(e.To) > 0:
			b = append(b, " to "+mdNames(e)...)
		case e.Target != "":
			b = append(b, " to "+bold(e.Target)...)
		case e.Type == string(tinytroupe.Talk):
			b = append(b, " to nobody"...)
		}
		return m.quote(append(b, "\n\n"...), e.Content, e.LeftOut)
	case string(tinytroupe.EventJoined):
		verb := " joins"
		if len(e.To) > 1 {
			verb = " join"
		}
		return append(b, "· "+mdNames(e)+verb+"\n\n"...)
	}
	head, body := remark(e)
	b = append(append(b, "· "...), mdLine(head)...)
	if body != "" && e.LeftOut == 0 && !strings.Contains(body, "\n") {
		return append(b, ": "+mdLine(body)+"\n\n"...)
	}
	if body != "" {
		b = append(b, ':')
	}
	return m.quote(append(b, "\n\n"...), body, e.LeftOut)
}

func (m markdown) quote(b []byte, content string, leftOut int) []byte {
	if content == "" && leftOut == 0 {
		return b
	}
	content = escape(content)
	if leftOut > 0 {
		content += more(leftOut)
	}
	lines := strings.Split(content, "\n")
	for i, l := range lines {
		l = strings.TrimRight(l, " ")
		b = append(b, '>')
		if l != "" {
			b = append(append(b, ' '), mdText(l)...)
			// A line break within a paragraph is kept.
			if i+1 < len(lines) && strings.TrimSpace(lines[i+1]) != "" {
				b = append(b, '\\')
			}
		}
		b = append(b, '\n')
	}
	return append(b, '\n')
}

func mdNames(e *Entry) string {
	names := make([]string, len(e.To))
	for i, n := range e.To {
		if names[i] = bold(n); n == tinytroupe.Everyone {
			names[i] = "everyone"
		}
	}
	return strings.Join(names, ", ")
}

func bold(s string) string {
	s = mdLine(s)
	if s == "" {
		return ""
	}
	return "**" + s + "**"
}

func mdLine(s string) string { return mdText(line(s)) }

// mdText escapes one line so that it is shown as it is wherever it begins a block.
func mdText(s string) string {
	var b strings.Builder
	// Leading spaces would make code: they are kept as spaces that do not.
	rest := strings.TrimLeft(s, " ")
	for range len(s) - len(rest) {
		b.WriteRune('\u00a0')
	}
	start := true // nothing but digits so far
	for i, c := range rest {
		switch {
		case strings.ContainsRune("\\`*_{}[]<>#|~$&", c),
			i == 0 && strings.ContainsRune("+-=:", c),
			start && i > 0 && (c == '.' || c == ')'):
			b.WriteByte('\\')
		}
		start = start && c >= '0' && c <= '9'
		b.WriteRune(c)
	}
	return b.String()
}
