package study

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// finish writes the answers of the whole study.
func (r *runner) finish() error {
	if err := r.glance(len(r.parts)); err != nil {
		return err
	}
	l := &r.looked
	r.res.Answers, r.res.Checks, r.res.Tables, r.res.Unmet, r.res.Agreement = r.all(), l.checks, l.tables, l.unmet, l.twice
	if r.o.Results == nil {
		return nil
	}
	var errs []error
	if list := r.res.Answers; len(list) > 0 {
		var csv, lines bytes.Buffer
		o := &extract.WriteOptions{Rehearsal: r.o.Rehearsal}
		errs = append(errs, extract.WriteCSV(&csv, list, o), extract.WriteJSONL(&lines, list, o))
		errs = append(errs, r.o.Results("results/answers.csv", csv.Bytes()), r.o.Results("results/answers.jsonl", lines.Bytes()))
	}
	if len(l.twice) > 0 {
		var csv bytes.Buffer
		errs = append(errs, extract.WriteAgreement(&csv, l.twice, &extract.WriteOptions{Rehearsal: r.o.Rehearsal}), r.o.Results("results/agreement.csv", csv.Bytes()))
	}
	if len(l.checks) > 0 {
		var lines bytes.Buffer
		errs = append(errs, writeChecks(&lines, l.checks, "jsonl"))
		errs = append(errs, r.o.Results("results/checks.jsonl", lines.Bytes()))
	}
	return errors.Join(errs...)
}

// export writes a file into exports/.
func (r *runner) export(do Export) (string, error) {
	var b bytes.Buffer
	var err error
	switch do.What {
	case "transcript":
		err = r.writeTranscripts(&b, do.Format)
	case "people":
		err = r.writePeople(&b, do.Format)
	case "checks":
		err = writeChecks(&b, r.looked.checks, do.Format)
	default:
		list := r.all()
		if do.What != "answers" {
			list = slices.DeleteFunc(append(list, r.verdicts()...), func(a extract.Answer) bool { return a.Question != do.What && a.Name() != do.What })
		}
		o := &extract.WriteOptions{Rehearsal: r.o.Rehearsal}
		if do.Format == "csv" {
			err = extract.WriteCSV(&b, list, o)
		} else {
			err = extract.WriteJSONL(&b, list, o)
		}
	}
	if err != nil || r.o.Results == nil {
		return "", err
	}
	name := path.Join("exports", do.Path)
	return name, r.o.Results(name, b.Bytes())
}

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
			for ev, here := range transcript.Presence(p.Name(), nil, rm.view.Events()) {
				talk := ev.Kind == tinytroupe.EventActed && ev.Action.Kind == tinytroupe.Talk
				switch s, heard := ev.Perceived(p.Name()); {
				case talk && ev.Who == p.Name():
					said = true
					add("assistant", ev.Action.Content)
				case !here || !heard:
				case talk:
					add("user", ev.Who+": "+s.Content)
				case ev.Kind == tinytroupe.EventPerceived && s.Kind != tinytroupe.Thought:
					add("user", s.Content)
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

// writePeople writes who took part so far, as they are now: whole, as JSON lines, or what
// of them is a text or a number, as CSV.
func (r *runner) writePeople(w io.Writer, format string) error {
	list := slices.DeleteFunc(r.people(), func(p Person) bool {
		return !slices.ContainsFunc(r.seen, func(s *seen) bool { return !s.view.Persona(p.Name()).IsZero() })
	})
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
