package transcript

import (
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
)

// The colours are those that users of TinyTroupe know, as SGR codes.
const (
	sgrConversation = "1;3;38;5;51"
	sgrThought      = "2;3;38;5;51"
	sgrStimulus     = "3"
	sgrDone         = "38;5;252"
	sgrTalk         = "1;38;5;40"
	sgrThink        = "32"
	sgrAct          = "38;5;93"
	sgrIntervention = "95"
	sgrNotice       = "1;33"
	sgrBanner       = "1"
	sgrQuiet        = "2"
	sgrName         = "4" // added to the style of the line
)

const margin = "          > "

// text renders plain and coloured transcripts.
type text struct {
	width  int
	colour bool
}

func (t text) append(b []byte, e *Entry) []byte {
	style := t.style(e)
	switch e.Kind {
	case kindNotice, kindTitle:
		return t.lines(b, style, "", line(e.Content), 0)
	case kindStep:
		const rule = "────────"
		return t.line(b, style, rule+" "+line(e.Content)+" "+rule)
	case kindStimulus:
		head := t.name(style, e.From) + " --> " + t.names(style, e.To) + ": [" + line(e.Type) + "]"
		return t.block(b, style, head, e)
	case kindAct:
		head := t.name(style, e.From) + " acts: [" + line(e.Type) + "]" + t.heard(style, e)
		return t.block(b, style, head, e)
	case string(tinytroupe.EventJoined):
		verb := " joins"
		if len(e.To) > 1 {
			verb = " join"
		}
		for i, w := range wrap(line(strings.Join(e.To, ", "))+verb, max(t.width-2, 20)) {
			prefix := "· "
			if i > 0 {
				prefix = "  "
			}
			b = t.line(b, style, prefix+w)
		}
		return b
	}
	head, body := remark(e)
	head = "· " + line(head)
	if body == "" {
		return t.line(b, style, head)
	}
	if e.LeftOut == 0 && !strings.Contains(body, "\n") && width(head)+2+width(escape(body)) <= t.width {
		return t.line(b, style, head+": "+escape(body))
	}
	return t.content(t.line(b, style, head+":"), style, body, e.LeftOut)
}

// remark words what is neither said nor done: a head and, perhaps, a longer body.
func remark(e *Entry) (head, body string) {
	switch tinytroupe.EventKind(e.Kind) {
	case tinytroupe.EventLeft:
		return e.From + " leaves", ""
	case tinytroupe.EventClock, kindQuiet:
		return e.Content, ""
	case tinytroupe.EventMoved:
		return e.From + " moves to", e.Content
	case tinytroupe.EventContext:
		return e.From + "'s surroundings", e.Content
	case tinytroupe.EventEdited:
		return e.From + "'s " + e.Type + " is now", e.Content
	case tinytroupe.EventFired:
		return "intervention " + e.From, e.Content
	case tinytroupe.EventProduced:
		return e.From + " makes", e.Content
	case tinytroupe.EventFailed:
		return e.From + ": " + e.Type + " failed", e.Content
	case tinytroupe.EventLinked:
		return strings.TrimSpace(e.From + " reaches " + strings.Join(e.To, ", ")), e.Content
	case tinytroupe.EventParted:
		return e.From + " parts from " + strings.Join(e.To, ", "), ""
	case tinytroupe.EventFolded:
		return e.From + " sums up", e.Content
	case tinytroupe.EventMarked:
		return "mark", e.Content
	}
	head = e.From + ": " + e.Kind
	if e.Type != "" {
		head += " " + e.Type
	}
	return head, e.Content
}

// heard tells an act's audience where it is not simply everybody.
func (t text) heard(style string, e *Entry) string {
	switch {
	case e.all:
		return ""
	case len(e.To) > 0:
		return " to " + t.names(style, e.To)
	case e.Target != "":
		return " to " + t.name(style, e.Target)
	case e.Type == string(tinytroupe.Talk):
		return " to nobody"
	}
	return ""
}

// names shows two of them and how many more there are.
func (t text) names(style string, names []string) string {
	var b strings.Builder
	for i, n := range names {
		if i == 2 && len(names) > 3 {
			b.WriteString(", +" + strconv.Itoa(len(names)-2) + " more")
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		if n == tinytroupe.Everyone {
			b.WriteString("everyone")
			continue
		}
		b.WriteString(t.name(style, n))
	}
	return b.String()
}

// name underlines a name within a line of the given style.
func (t text) name(style, name string) string {
	name = line(name)
	if !t.colour {
		return name
	}
	return "\x1b[" + sgrName + "m" + name + "\x1b[0m" + start(style)
}

func start(style string) string {
	if style == "" {
		return ""
	}
	return "\x1b[" + style + "m"
}

func (t text) block(b []byte, style, head string, e *Entry) []byte {
	b = t.line(b, style, head)
	if e.Content == "" && e.LeftOut == 0 {
		return b
	}
	return t.content(b, style, e.Content, e.LeftOut)
}

func (t text) content(b []byte, style, content string, leftOut int) []byte {
	content = escape(content)
	if leftOut > 0 {
		content += more(leftOut)
	}
	return t.lines(b, style, margin, content, len(margin))
}

// more says how much is left out.
func more(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if n == 1 {
		return " (… 1 more character)"
	}
	return " (… " + digits + " more characters)"
}

// lines wraps escaped text; used is the width of the prefix.
func (t text) lines(b []byte, style, prefix, content string, used int) []byte {
	for _, l := range strings.Split(content, "\n") {
		for _, w := range wrap(l, max(t.width-used, 20)) {
			b = t.line(b, style, strings.TrimRight(prefix+w, " "))
		}
	}
	return b
}

func (t text) line(b []byte, style, s string) []byte {
	if !t.colour || style == "" {
		return append(append(b, s...), '\n')
	}
	b = append(b, start(style)...)
	b = append(b, s...)
	return append(b, "\x1b[0m\n"...)
}

func (t text) style(e *Entry) string {
	switch e.Kind {
	case kindNotice:
		return sgrNotice
	case kindTitle, kindStep:
		return sgrBanner
	case kindStimulus:
		switch tinytroupe.StimulusKind(e.Type) {
		case tinytroupe.Conversation:
			return sgrConversation
		case tinytroupe.Thought:
			return sgrThought
		}
		return sgrStimulus
	case kindAct:
		switch tinytroupe.ActionKind(e.Type) {
		case tinytroupe.Done:
			return sgrDone
		case tinytroupe.Talk:
			return sgrTalk
		case tinytroupe.Think:
			return sgrThink
		}
		return sgrAct
	case string(tinytroupe.EventFired):
		return sgrIntervention
	case string(tinytroupe.EventFailed):
		return sgrNotice
	}
	return sgrQuiet
}
