package transcript

import (
	"iter"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
)

// Evidence is what was perceived and done, line by line, as a model is shown it to
// judge or to extract from; and where a quotation is looked up that the model gives
// back. The zero value is empty and usable. Adding is not safe for concurrent use;
// everything else is.
type Evidence struct {
	Lines []EvidenceLine

	base int // added to the Seq of the journal being read
	next int // the number for an event without a Seq
}

// An EvidenceLine is one event that can be referred to by its number.
type EvidenceLine struct {
	Number int // unique in this Evidence, rising; of a single journal it is the event's Seq
	Room   string
	Seq    int // in the room's journal; 0 for what is in none yet
	Step   int

	Who     string   // who did it; empty for what merely was perceived
	From    string   // what a stimulus comes from
	To      []string // who perceives it; [tinytroupe.Everyone] for everyone else there
	Kind    string   // TALK, CONVERSATION, …; or an event's kind, such as left
	Content string   // whole
	Data    bool     // Content quotes a document or a tool
}

// EvidenceOptions choose lines. Nil takes everything that is said, done, perceived or
// happens to people; never DONE, memories or states.
type EvidenceOptions struct {
	Room         string   // name of the journal, shown where there are several
	For          string   // only what this person did or perceived
	HideThoughts bool     // leaves THINK out
	People       []string // who is there before the first event
}

// NewEvidence returns the evidence in one journal.
func NewEvidence(events iter.Seq[tinytroupe.Event], o *EvidenceOptions) *Evidence {
	e := new(Evidence)
	e.Add(events, o)
	return e
}

// Add adds a journal. Its numbers go on from the last one. Its events may be read twice.
func (e *Evidence) Add(events iter.Seq[tinytroupe.Event], o *EvidenceOptions) {
	if o == nil {
		o = &EvidenceOptions{}
	}
	p := NewPrinter(nil, &Options{People: o.People, HideThoughts: o.HideThoughts})
	e.base = max(e.next-1, 0)
	e.next = e.base + 1
	for ev, here := range Presence(o.For, o.People, events) {
		n := e.next
		if ev.Seq > 0 {
			n = max(n, e.base+ev.Seq)
		}
		e.next = n + 1
		t := p.entry(&ev)
		if t == nil || slices.Contains([]string{kindStep, string(tinytroupe.EventEdited), string(tinytroupe.EventFired)}, t.Kind) {
			continue
		}
		if o.For != "" && ev.Who != o.For && !(here && perceives(&ev, o.For)) {
			continue
		}
		l := EvidenceLine{Number: n, Room: o.Room, Seq: ev.Seq, Step: ev.Step, Who: t.From, To: t.To, Kind: t.Type, Content: t.Content, Data: t.Data}
		if t.all {
			l.To = []string{tinytroupe.Everyone}
		}
		switch t.Kind {
		case kindStimulus:
			l.Who, l.From = "", t.From
		case kindAct:
		case string(tinytroupe.EventJoined):
			l.Who, l.To, l.Kind = ev.Who, nil, t.Kind
		default:
			l.Kind = t.Kind
			if t.Type != "" && t.Content != "" { // what kind of failure, artifact, …
				l.Content = t.Type + ": " + t.Content
			}
		}
		e.Lines = append(e.Lines, l)
	}
}

func perceives(ev *tinytroupe.Event, name string) bool {
	_, ok := ev.Perceived(name)
	return ok
}

// Presence returns the events of a journal, and with each whether the person called name
// is there to perceive it: what everyone is told before they come, or after they leave,
// they do not hear. What names them reaches them on their return, and so counts.
// People are there before the first event. Who is not among them, and never is said to
// come, counts as there until they leave.
func Presence(name string, people []string, events iter.Seq[tinytroupe.Event]) iter.Seq2[tinytroupe.Event, bool] {
	return func(yield func(tinytroupe.Event, bool) bool) {
		here := true
		if name != "" && !slices.Contains(people, name) {
			for ev := range events {
				if ev.Kind == tinytroupe.EventJoined && ev.Who == name {
					here = false
					break
				}
			}
		}
		for ev := range events {
			if ev.Kind == tinytroupe.EventJoined && ev.Who == name {
				here = true
			}
			if !yield(ev, here || slices.Contains(ev.To, name)) {
				return
			}
			if ev.Kind == tinytroupe.EventLeft && ev.Who == name {
				here = false
			}
		}
	}
}

// Acted reports whether a person's own words stand in the line: something they said,
// thought, wrote or otherwise did.
func (l *EvidenceLine) Acted() bool {
	return l.Who != "" && l.Kind == strings.ToUpper(l.Kind)
}

// Append appends the line as it is shown to a model: one JSON object on one line,
// whatever is in the content. Lines of several rooms carry the room's name.
//
//	{"event":7,"who":"Lisa Carter","does":"TALK","to":["Oscar"],"content":"B."}
//	{"event":3,"kind":"CONVERSATION","from":"USER","to":["Lisa Carter"],"content":"Which one?"}
func (l *EvidenceLine) Append(b []byte) []byte {
	e := newLine(b)
	e.number("event", l.Number)
	e.text("room", l.Room)
	e.text("who", l.Who)
	if l.Acted() {
		e.text("does", l.Kind)
	} else {
		e.text("kind", l.Kind)
	}
	e.text("from", l.From)
	if slices.Contains(l.To, tinytroupe.Everyone) {
		e.text("to", "everyone")
	} else {
		e.list("to", l.To)
	}
	e.text("content", l.Content)
	if l.Data {
		e.raw(`"data":true`)
	}
	return e.close()
}

// Text is the lines as a model is shown them, each ended by a line break.
func (e *Evidence) Text() string {
	var b []byte
	for i := range e.Lines {
		b = append(e.Lines[i].Append(b), '\n')
	}
	return string(b)
}

// Line returns the line with that number, or nil.
func (e *Evidence) Line(number int) *EvidenceLine {
	i, ok := slices.BinarySearchFunc(e.Lines, number, func(l EvidenceLine, n int) int { return l.Number - n })
	if !ok {
		return nil
	}
	return &e.Lines[i]
}

// A Quotation is a quote that was found.
type Quotation struct {
	Text string // as it stands in the line
	Line *EvidenceLine
}

// Quote looks a quotation up. With a name in by, only lines count in which that person
// acts: their own words; else all do. Of several lines that hold it, the one with the
// number given is taken, else the first.
//
// A quotation is found in a line whose content holds the same characters in the same
// order, where
//   - any run of white space equals any other, and none counts at the ends;
//   - any quotation mark or apostrophe equals any other, and those around the whole
//     quotation do not count;
//   - upper case equals lower case;
//   - it does not begin or end within a word or a number, where words are written apart;
//     can't, non-smoker and 1,500 are one.
//
// Nothing else is forgiven: no word left out, no other punctuation, no ellipsis, no
// quotation across two lines. A quotation without a letter or digit is never found.
func (e *Evidence) Quote(text, by string, number int) (Quotation, bool) {
	q := foldQuote(text)
	if q == nil {
		return Quotation{}, false
	}
	in := func(l *EvidenceLine) (Quotation, bool) {
		if by != "" && (l.Who != by || !l.Acted()) {
			return Quotation{}, false
		}
		found, ok := q.in(l.Content)
		return Quotation{found, l}, ok
	}
	if l := e.Line(number); l != nil {
		if f, ok := in(l); ok {
			return f, true
		}
	}
	for i := range e.Lines {
		if f, ok := in(&e.Lines[i]); ok {
			return f, true
		}
	}
	return Quotation{}, false
}

// Width is how many columns a text on one line takes on a terminal.
func Width(s string) int { return width(s) }

// OneLine is a text on one line in which nothing can drive a terminal: line breaks are
// shown as \n, control characters as \x1b.
func OneLine(s string) string { return line(s) }
