package mind

import (
	"slices"
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
//     ends with the state, with the next thing perceived, or with the next pass.
//   - Two assistant messages have a user message between them, if only to say that
//     nothing was new.
type writer struct {
	name string
	show func(tinytroupe.Image) (llm.Part, error)

	messages []llm.Message
	parts    []llm.Part // of the message being written
	text     []byte     // of its newest part; used again for the next

	lines  []byte     // perceived, not yet in a message
	images []llm.Part // of those lines
	open   bool       // an assistant message is being written
	state  *tinytroupe.MentalState
	err    error
}

func (w *writer) event(e *tinytroupe.Event, now time.Time) {
	switch {
	case e.Who == w.name && e.Kind == tinytroupe.EventActed && e.Action != nil:
		if e.Seen > 0 || len(e.Calls) > 0 { // the first act of a turn, or of a pass
			w.endReply(nil)
		}
		if w.open {
			w.text = append(w.text, ',')
		} else {
			w.beginReply(now)
		}
		w.text = appendAction(w.text, e.Action)
	case e.Who == w.name && e.Kind == tinytroupe.EventState && e.State != nil:
		if !w.open {
			w.beginReply(now)
		}
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
		w.images = append(w.images, w.image(img))
	}
	w.lines = appendStimulus(append(w.lines, '\n'), s, labels)
}

// image fetches an image. The first failure is kept in err.
func (w *writer) image(img tinytroupe.Image) llm.Part {
	p, err := w.show(img)
	if err != nil && w.err == nil {
		w.err = err
	}
	return p
}

// beginReply opens an assistant message, after the user message that it answers.
func (w *writer) beginReply(now time.Time) {
	w.kept(now)
	w.end(llm.User)
	w.text = append(w.text, `{"actions":[`...)
	w.open = true
}

// endReply closes the open assistant message, if any.
func (w *writer) endReply(s *tinytroupe.MentalState) {
	if !w.open {
		return
	}
	w.text = append(w.text, ']')
	if s != nil {
		w.text = appendState(append(w.text, `,"state":`...), s)
		w.state = s
	}
	w.text = append(w.text, '}')
	w.end(llm.Assistant)
	w.open = false
}

// kept writes what was perceived, as the part of a user message that stays.
func (w *writer) kept(now time.Time) {
	w.text = append(now.AppendFormat(append(w.text, '['), "Monday 2006-01-02 15:04"), ']')
	if len(w.lines) == 0 {
		w.text = append(w.text, "\n(nothing new)"...)
	}
	w.text = append(w.text, w.lines...)
	if len(w.images) > 0 {
		w.add(w.images)
	}
	w.lines, w.images = w.lines[:0], w.images[:0]
}

// add ends the text of the part being written, and adds images after it.
func (w *writer) add(images []llm.Part) {
	w.endPart()
	w.parts = append(w.parts, images...)
}

func (w *writer) endPart() {
	if len(w.text) > 0 {
		w.parts = append(w.parts, llm.Part{Text: string(w.text)})
		w.text = w.text[:0]
	}
}

// end ends the message being written.
func (w *writer) end(role llm.Role) {
	w.endPart()
	w.messages = append(w.messages, llm.Message{Role: role, Parts: w.parts})
	w.parts = nil
}

// finish returns the messages. A stable prefix ends before the last one.
func (w *writer) finish() []llm.Message {
	msgs := slices.Clone(w.messages)
	if n := len(msgs); n > 1 {
		msgs[n-2].Cache = true
	}
	return msgs
}
