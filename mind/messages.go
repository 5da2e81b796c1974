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
//     ends with the state, with the next thing perceived, or with the next pass.
//   - Two assistant messages have a user message between them, if only to say that
//     nothing was new.
//
// All text gathers in one buffer, which the messages share in the end.
type writer struct {
	name string
	show func(tinytroupe.Image) (llm.Part, error)

	text     []byte
	parts    []part
	messages []message

	lines  []byte     // perceived, not yet in a message
	images []llm.Part // of those lines
	open   bool       // an assistant message is being written
	state  *tinytroupe.MentalState
	err    error
}

// part is an image, or text up to a place in the buffer, from where the part
// before it ends.
type part struct {
	image llm.Part
	end   int
}

// message has the parts up to a place in the list of them.
type message struct {
	role llm.Role
	end  int
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
	for _, p := range images {
		w.parts = append(w.parts, part{p, len(w.text)})
	}
}

func (w *writer) endPart() {
	if n := len(w.parts); n == 0 || w.parts[n-1].end < len(w.text) {
		w.parts = append(w.parts, part{end: len(w.text)})
	}
}

// end ends the message being written.
func (w *writer) end(role llm.Role) {
	w.endPart()
	w.messages = append(w.messages, message{role, len(w.parts)})
}

// finish returns the messages. A stable prefix ends before the last one.
func (w *writer) finish() []llm.Message {
	text := string(w.text)
	parts := make([]llm.Part, len(w.parts))
	from := 0
	for i, p := range w.parts {
		if parts[i] = p.image; p.image.Image == nil {
			parts[i].Text = text[from:p.end]
		}
		from = p.end
	}
	msgs := make([]llm.Message, len(w.messages))
	from = 0
	for i, m := range w.messages {
		msgs[i] = llm.Message{Role: m.role, Parts: parts[from:m.end:m.end], Cache: i == len(msgs)-2}
		from = m.end
	}
	return msgs
}
