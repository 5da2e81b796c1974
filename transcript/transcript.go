// Package transcript tells who said what to whom, from the events of a world: as
// plain text, in colour, as Markdown or as JSON lines. It reads, and changes nothing;
// limits on what is shown live here and nowhere else.
//
// Nothing that a model says can drive a terminal, or break out of its block in
// Markdown: control and formatting characters are shown as \x1b or \u202e.
package transcript

import (
	"bufio"
	"io"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
)

// Notice is the first line of every transcript made by the stand-in.
const Notice = "rehearsal: invented by a stand-in, evidence of nothing"

// Form is how a transcript looks.
type Form string

const (
	Plain     Form = "plain"
	Coloured  Form = "coloured" // plain, with the colours of ANSI terminals
	Markdown  Form = "markdown"
	JSONLines Form = "jsonl" // one Entry a line
)

// DefaultWidth is the width of plain and coloured transcripts, in columns.
const DefaultWidth = 100

// Options tune a transcript. The zero value of each field has the stated meaning.
type Options struct {
	Form       Form     // empty means Plain
	Width      int      // in columns; 0 means DefaultWidth. Markdown and JSON lines are not wrapped
	MaxContent int      // characters shown of one content; 0 shows all. What is left out is counted
	Title      string   // the first heading; empty leaves it out
	World      string   // name in step banners until the events tell it; empty means Chat Room
	People     []string // who is there before the first event
	Steps      int      // the N of "step 1 of N"; 0 leaves it out
	Rehearsal  bool     // the first line is Notice

	HideThoughts bool // leaves THINK out
	Done         bool // shows DONE
	State        bool // shows goals, attention and emotions
	Details      bool // shows memories, links, notes, marks and foldings
}

// An Entry is one item of a transcript.
type Entry struct {
	Seq     int       `json:"seq"`
	Step    int       `json:"step,omitempty"`
	Time    time.Time `json:"time"` // simulated
	Kind    string    `json:"kind"` // stimulus, act, or an event's kind
	From    string    `json:"from,omitempty"`
	To      []string  `json:"to,omitempty"`     // who perceives it; * for everyone, where they are not known
	Type    string    `json:"type,omitempty"`   // of the stimulus or act
	Target  string    `json:"target,omitempty"` // of the act, as the person named it
	Content string    `json:"content,omitempty"`
	LeftOut int       `json:"left_out,omitempty"` // characters of Content beyond MaxContent
	Data    bool      `json:"data,omitempty"`     // Content is a document's or a tool's text

	all bool // To is everyone there but From
}

const (
	kindStimulus = "stimulus"
	kindAct      = "act"
	kindStep     = "step"
	kindQuiet    = "quiet" // a step of which nothing is shown; in no JSON lines
	kindTitle    = "title"
	kindNotice   = "notice"
)

// Write writes the transcript of the events.
func Write(w io.Writer, events iter.Seq[tinytroupe.Event], o *Options) error {
	b := bufio.NewWriter(w)
	p := NewPrinter(b, o)
	for ev := range events {
		p.Events(ev)
		if p.err != nil {
			break
		}
	}
	if err := p.Close(); err != nil {
		return err
	}
	return b.Flush()
}

// A Printer writes a transcript as events come; a world's Observe passes them on to
// Events. Each call of Events is at most one write. It is not safe for concurrent use.
// An error in writing is kept and returned by Close; nothing is written after it.
type Printer struct {
	w    io.Writer
	o    Options
	form former
	err  error

	begun   bool
	world   string
	present []string
	held    *Entry // a stimulus or arrival that the next event may add people to
	quiet   *Entry // what is said of the step under way if nothing of it is shown; nil where something is
	due     int    // people who have not acted yet in that step
}

// A former renders entries.
type former interface {
	append(b []byte, e *Entry) []byte
}

// NewPrinter returns a printer.
func NewPrinter(w io.Writer, o *Options) *Printer {
	p := &Printer{w: w}
	if o != nil {
		p.o = *o
	}
	p.present = slices.Clone(p.o.People)
	p.world = p.o.World
	if p.world == "" {
		p.world = "Chat Room"
	}
	switch p.o.Form {
	case Markdown:
		p.form = markdown{}
	case JSONLines:
		p.form = jsonLines{}
	default:
		width := p.o.Width
		if width <= 0 {
			width = DefaultWidth
		}
		p.form = text{width: width, colour: p.o.Form == Coloured}
	}
	return p
}

// Events adds events to the transcript. People who arrive one after the other share a
// line, which is written when something else happens, at Flush or at Close.
func (p *Printer) Events(evs ...tinytroupe.Event) {
	var b []byte
	for i := range evs {
		b = p.event(b, &evs[i])
	}
	p.write(b)
}

// Flush writes the arrivals that are held back, for whoever writes between them and
// what comes next.
func (p *Printer) Flush() { p.write(p.flush(nil)) }

// Close writes what is held back and returns the first error.
func (p *Printer) Close() error {
	b := p.flush(p.begin(nil))
	if p.due == 0 { // else the step may have been broken off
		b = p.over(b)
	}
	p.write(b)
	return p.err
}

func (p *Printer) write(b []byte) {
	if p.err == nil && len(b) > 0 {
		_, p.err = p.w.Write(b)
	}
}

func (p *Printer) begin(b []byte) []byte {
	if p.begun {
		return b
	}
	p.begun = true
	if p.o.Rehearsal {
		b = p.form.append(b, &Entry{Kind: kindNotice, Content: Notice})
	}
	if p.o.Title != "" {
		b = p.form.append(b, &Entry{Kind: kindTitle, Content: p.o.Title})
	}
	return b
}

func (p *Printer) flush(b []byte) []byte {
	if p.held != nil {
		b = p.form.append(b, p.held)
		p.held = nil
	}
	return b
}

func (p *Printer) event(b []byte, ev *tinytroupe.Event) []byte {
	b = p.begin(b)
	if ev.Kind == tinytroupe.EventClock || ev.Kind == tinytroupe.EventMarked {
		b = p.over(p.flush(b))
	}
	e := p.entry(ev)
	if e != nil {
		b = p.hold(b, e)
	}
	p.notice(ev, e)
	// Only arrivals wait for others beyond their commit.
	if ev.End && p.held != nil && p.held.Kind != string(tinytroupe.EventJoined) {
		b = p.flush(b)
	}
	return b
}

// notice keeps what is to be said of a step in which nothing is shown. e is what is
// shown of ev.
func (p *Printer) notice(ev *tinytroupe.Event, e *Entry) {
	switch {
	case e != nil && e.Kind == kindStep:
		if p.o.Form != JSONLines {
			p.quiet = &Entry{Seq: ev.Seq, Step: ev.Step, Time: ev.Time, Kind: kindQuiet, Content: "nobody has anything new to react to"}
			p.due = len(slices.Concat(ev.Clock.Rounds...))
		}
	case e != nil:
		p.quiet = nil
	case p.quiet == nil || ev.Kind != tinytroupe.EventActed || ev.Action == nil:
	case ev.Action.Kind == tinytroupe.Done:
		p.quiet.Content = "everybody waits"
		p.due--
	default:
		p.quiet = nil // thoughts, which are not to be shown
	}
}

// over says of a step that is over that nothing is shown of it.
func (p *Printer) over(b []byte) []byte {
	if p.quiet != nil {
		b = p.form.append(b, p.quiet)
		p.quiet = nil
	}
	return b
}

// hold adds e to what is held back, where they are one thing to a reader, or holds e
// in its place.
func (p *Printer) hold(b []byte, e *Entry) []byte {
	if p.o.MaxContent > 0 {
		e.Content, e.LeftOut = cut(e.Content, p.o.MaxContent)
	}
	shared := e.Kind == kindStimulus || e.Kind == string(tinytroupe.EventJoined)
	if h := p.held; h != nil && shared && h.Kind == e.Kind && h.Step == e.Step && h.From == e.From && h.Type == e.Type &&
		h.Content == e.Content && h.LeftOut == e.LeftOut && h.Data == e.Data {
		for _, name := range e.To {
			if !slices.Contains(h.To, name) {
				h.To = append(h.To, name)
			}
		}
		h.all = h.all || e.all
		return b
	}
	b = p.flush(b)
	p.held = e
	return b
}

// entry returns what is shown of an event; nil shows nothing.
func (p *Printer) entry(ev *tinytroupe.Event) *Entry {
	e := &Entry{Seq: ev.Seq, Step: ev.Step, Time: ev.Time, Kind: string(ev.Kind), From: ev.Who}
	switch {
	case ev.Kind == tinytroupe.EventPerceived && ev.Stimulus != nil:
		s := ev.Stimulus
		e.Kind, e.From, e.Type, e.Content, e.Data = kindStimulus, s.Source, string(s.Kind), s.Content, s.Data
		if e.From == "" {
			e.From = "USER"
			if s.Kind == tinytroupe.Result {
				e.From = "WORLD"
			}
		}
		for i := range s.Images {
			e.Content += picture(&s.Images[i], e.Content)
		}
		e.To, e.all = p.audience(ev)
		return e
	case ev.Kind == tinytroupe.EventActed && ev.Action != nil:
		a := ev.Action
		if a.Kind == tinytroupe.Think && p.o.HideThoughts || a.Kind == tinytroupe.Done && !p.o.Done {
			return nil
		}
		e.Kind, e.Type, e.Target, e.Content = kindAct, string(a.Kind), a.Target, a.Content
		e.To, e.all = p.audience(ev)
		return e
	case ev.Kind == tinytroupe.EventClock && ev.Clock != nil:
		return p.clock(ev, e)
	case ev.Kind == tinytroupe.EventJoined:
		if !slices.Contains(p.present, ev.Who) {
			p.present = append(p.present, ev.Who)
		}
		e.From, e.To = "", []string{ev.Who}
		return e
	case ev.Kind == tinytroupe.EventLeft:
		p.present = slices.DeleteFunc(p.present, func(n string) bool { return n == ev.Who })
		return e
	case p.other(ev, e):
		return e
	}
	return nil
}

func (p *Printer) clock(ev *tinytroupe.Event, e *Entry) *Entry {
	c := ev.Clock
	switch {
	case c.World != nil:
		if c.World.Name != "" {
			p.world = c.World.Name
		}
		if c.Rounds == nil {
			return nil
		}
		fallthrough
	case c.Skip == "":
		e.Kind, e.Content = kindStep, p.world+" step "+strconv.Itoa(ev.Step)
		if p.o.Steps > 0 {
			e.Content += " of " + strconv.Itoa(p.o.Steps)
		}
	default:
		// 2h0m0s is 2h to a reader.
		e.Content = c.Skip
		for _, zero := range []string{"m0s", "h0m"} {
			if s, ok := strings.CutSuffix(e.Content, zero); ok {
				e.Content = s + zero[:1]
			}
		}
		e.Content += " pass"
	}
	return e
}

// other fills in what is shown of the kinds that are neither said nor done.
func (p *Printer) other(ev *tinytroupe.Event, e *Entry) bool {
	switch {
	case ev.Kind == tinytroupe.EventMoved:
		e.Content = strings.Join(append([]string{ev.Place}, ev.Context...), "; ")
	case ev.Kind == tinytroupe.EventContext:
		e.Content = strings.Join(ev.Context, "; ")
	case ev.Kind == tinytroupe.EventEdited && ev.Edit != nil:
		e.Type, e.Content = ev.Edit.Path, string(ev.Edit.Value)
	case ev.Kind == tinytroupe.EventFired && ev.Fired != nil:
		e.From, e.Content = ev.Fired.Name, ev.Fired.Reason
	case ev.Kind == tinytroupe.EventProduced && ev.Artifact != nil:
		e.Type, e.Content = ev.Artifact.MediaType, ev.Artifact.Name
	case ev.Kind == tinytroupe.EventFailed && ev.Failure != nil:
		e.Type, e.Content = ev.Failure.What, ev.Failure.Cause
	case ev.Kind == tinytroupe.EventState && ev.State != nil:
		if !p.o.State {
			return false
		}
		s := ev.State
		e.Content = "Goals: " + s.Goals + "\nAttention: " + s.Attention + "\nEmotions: " + s.Emotions
	case !p.o.Details:
		return false
	case ev.Kind == tinytroupe.EventLinked || ev.Kind == tinytroupe.EventParted:
		e.To, e.Content = ev.To, ev.Relation
	case ev.Kind == tinytroupe.EventMemo && ev.Memo != nil:
		e.Type, e.Content = ev.Memo.Kind, ev.Memo.Content
	case ev.Kind == tinytroupe.EventFolded && ev.Folded != nil:
		e.Content = ev.Folded.Summary
	case ev.Kind == tinytroupe.EventNoted && ev.Note != nil:
		e.Type, e.Content = ev.Note.Faculty, string(ev.Note.Value)
	case ev.Kind == tinytroupe.EventMarked:
		e.Content = string(ev.Mark)
	default:
		return false
	}
	return true
}

// audience returns who perceives an event, and whether that is everyone else there.
func (p *Printer) audience(ev *tinytroupe.Event) ([]string, bool) {
	if !slices.Contains(ev.To, tinytroupe.Everyone) {
		return slices.Clone(ev.To), false
	}
	var to []string
	for _, name := range p.present {
		if name != ev.Who {
			to = append(to, name)
		}
	}
	if len(to) == 0 {
		to = []string{tinytroupe.Everyone}
	}
	return to, true
}

func picture(im *tinytroupe.Image, before string) string {
	s := "[image " + im.Name + ", " + im.MediaType + "]"
	if im.Name == "" {
		s = "[image, " + im.MediaType + "]"
	}
	if before != "" {
		s = "\n" + s
	}
	return s
}

// cut returns at most n characters of s and how many are left out.
func cut(s string, n int) (string, int) {
	for i := range s {
		if n == 0 {
			return s[:i], len([]rune(s[i:]))
		}
		n--
	}
	return s, 0
}
