package study

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// writeTranscripts writes what was said in every room: as JSON lines with the room, or
// as chats, one for each person and room.
func (r *runner) writeTranscripts(w io.Writer, format string) error {
	if format == "chat" {
		return r.writeChats(w)
	}
	for _, rm := range r.seen {
		var b bytes.Buffer
		if err := transcript.Write(&b, rm.view.Events(), &transcript.Options{Form: transcript.JSONLines, Rehearsal: r.o.Rehearsal}); err != nil {
			return err
		}
		room, err := json.Marshal(rm.id.Name())
		if err != nil {
			return err
		}
		for line := range bytes.Lines(b.Bytes()) {
			if len(line) > 1 && line[0] == '{' {
				line = fmt.Appendf(nil, `{"room":%s,%s`, room, line[1:])
			}
			if _, err := w.Write(line); err != nil {
				return err
			}
		}
	}
	return nil
}

// chat is what models are trained on.
type chat struct {
	Room      string    `json:"room"`
	Person    string    `json:"person"`
	Rehearsal bool      `json:"rehearsal,omitempty"`
	Messages  []message `json:"messages"`
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// writeChats writes for each person, without staff, and room what they heard (user) and
// what they said (assistant). Whoever said nothing has none.
func (r *runner) writeChats(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, rm := range r.seen {
		for _, p := range r.who([]*seen{rm}) {
			c := chat{rm.id.Name(), p.Name(), r.o.Rehearsal, nil}
			said := false
			add := func(role, text string) {
				if n := len(c.Messages); n > 0 && c.Messages[n-1].Role == role {
					c.Messages[n-1].Content += "\n" + text
					return
				}
				c.Messages = append(c.Messages, message{role, text})
			}
			for ev := range rm.view.Events() {
				switch {
				case ev.Kind == tinytroupe.EventActed && ev.Action.Kind == tinytroupe.Talk && ev.Who == p.Name():
					said = true
					add("assistant", ev.Action.Content)
				case ev.Kind == tinytroupe.EventActed && ev.Action.Kind == tinytroupe.Talk && hears(&ev, p.Name()):
					add("user", ev.Who+": "+ev.Action.Content)
				case ev.Kind == tinytroupe.EventPerceived && hears(&ev, p.Name()) && ev.Stimulus.Kind != tinytroupe.Thought:
					add("user", ev.Stimulus.Content)
				}
			}
			if !said {
				continue
			}
			if err := enc.Encode(c); err != nil {
				return err
			}
		}
	}
	return nil
}

func hears(ev *tinytroupe.Event, name string) bool {
	return slices.Contains(ev.To, name) || slices.Contains(ev.To, tinytroupe.Everyone)
}

// writePeople writes who took part: whole, as JSON lines, or what of them is a text or a
// number, as CSV.
func (r *runner) writePeople(w io.Writer, format string) error {
	list := r.s.everybody()
	if format == "jsonl" {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for _, p := range list {
			if err := enc.Encode(map[string]any{"name": p.Name(), "group": p.Group, "staff": p.Staff, "assigned": p.Assigned, "persona": p.Persona}); err != nil {
				return err
			}
		}
		return nil
	}
	columns := []string{"name", "group", "staff"}
	for _, p := range list {
		for _, k := range p.attributes() {
			if _, ok := attribute(p, strings.ReplaceAll(k, ".", `\.`)); ok {
				columns = appendNew(columns, k)
			}
		}
	}
	out := csv.NewWriter(w)
	out.Write(columns)
	for _, p := range list {
		row := []string{extract.Cell(p.Name()), extract.Cell(p.Group), fmt.Sprint(p.Staff)}
		for _, k := range columns[3:] {
			s, _ := attribute(p, strings.ReplaceAll(k, ".", `\.`))
			row = append(row, extract.Cell(s))
		}
		out.Write(row)
	}
	out.Flush()
	return out.Error()
}
