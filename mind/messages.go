package mind

import (
	"strconv"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// documentMemo is the kind of a memo that quotes a document.
const documentMemo = "document"

// A writer turns events into messages as the person called name lived them. What a
// message says and where it ends follows from the events alone, never from the
// moment of writing: so a later prompt begins with everything that this one keeps.
//
//   - What is perceived gathers until the person acts; then it becomes a user
//     message headed by the time of that act.
//   - The acts of a pass and the state after them become one assistant message. It
//     ends with the state, with the next thing perceived, or with the next turn.
//   - Two assistant messages have a user message between them, if only to say that
//     nothing was new.
type writer struct {
	name string
	show func(tinytroupe.Image) (llm.Part, error)

	msgs   []llm.Message
	lines  []byte                  // perceived, not yet in a message
	images []llm.Part              // of those lines
	reply  []byte                  // the open assistant message; nil when none is open
	state  *tinytroupe.MentalState // the newest one in a message
	err    error
}

func (w *writer) events(events []tinytroupe.Event, now time.Time) {
	for i := range events {
		w.event(&events[i], now)
	}
}

// event takes the next event. Those that are neither perceived nor done by the
// person leave no trace. A draft's events without a time happen at now.
func (w *writer) event(e *tinytroupe.Event, now time.Time) {
	if !e.Time.IsZero() {
		now = e.Time
	}
	switch {
	case e.Who == w.name && e.Kind == tinytroupe.EventActed && e.Action != nil:
		if e.Seen > 0 {
			w.endReply(nil)
		}
		if w.beginReply(now) {
			w.reply = append(w.reply, ',')
		}
		w.reply = appendAction(w.reply, e.Action)
	case e.Who == w.name && e.Kind == tinytroupe.EventState && e.State != nil:
		w.beginReply(now)
		w.endReply(e.State)
	default:
		if s, ok := e.Perceived(w.name); ok {
			w.perceive(&s)
		}
	}
}

func (w *writer) perceive(s *tinytroupe.Stimulus) {
	w.endReply(nil)
	var labels []string
	for _, img := range s.Images {
		label := img.Name
		if label == "" {
			label = "image " + strconv.Itoa(len(w.images)+1)
		}
		labels = append(labels, label)
		w.images = append(w.images, w.part(img))
	}
	w.lines = append(w.lines, '\n')
	w.lines = appendStimulus(w.lines, s, labels)
}

// part fetches an image. The first failure is kept in err.
func (w *writer) part(img tinytroupe.Image) llm.Part {
	p, err := w.show(img)
	if err != nil && w.err == nil {
		w.err = err
	}
	return p
}

// beginReply opens an assistant message, after the user message that it answers.
// It reports whether one was open already.
func (w *writer) beginReply(now time.Time) bool {
	if w.reply != nil {
		return true
	}
	w.user(now, nil, nil)
	w.reply = append(make([]byte, 0, 512), `{"actions":[`...)
	return false
}

// endReply closes the open assistant message, if any.
func (w *writer) endReply(s *tinytroupe.MentalState) {
	if w.reply == nil {
		return
	}
	w.reply = append(w.reply, ']')
	if s != nil {
		w.reply = append(w.reply, `,"state":`...)
		w.reply = appendState(w.reply, s)
		w.state = s
	}
	w.msgs = append(w.msgs, llm.Text(llm.Assistant, string(append(w.reply, '}'))))
	w.reply = nil
}

// user appends the user message of what was perceived: the part that is kept, then
// tail and its images.
func (w *writer) user(now time.Time, tail []byte, images []llm.Part) {
	b := append(make([]byte, 0, 40+len(w.lines)+len(tail)), '[')
	b = now.AppendFormat(b, "Monday 2006-01-02 15:04")
	b = append(b, ']')
	b = append(b, w.lines...)
	if len(w.lines) == 0 {
		b = append(b, "\n(nothing new)"...)
	}
	var parts []llm.Part
	switch {
	case len(w.images) == 0:
		parts = []llm.Part{{Text: string(append(b, tail...))}}
	default:
		parts = append(append(make([]llm.Part, 0, len(w.images)+2), llm.Part{Text: string(b)}), w.images...)
		if len(tail) > 0 {
			parts = append(parts, llm.Part{Text: string(tail)})
		}
	}
	w.msgs = append(w.msgs, llm.Message{Role: llm.User, Parts: append(parts, images...)})
	w.lines, w.images = w.lines[:0], nil
}
