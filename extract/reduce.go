package extract

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// A Moment is an event as one person lived it: something they perceived or did.
type Moment struct {
	Person  string // whose moment it is
	Kind    string // of the act or stimulus: TALK, CONVERSATION, …; else of the event: moved, produced, …
	Acted   bool   // the person did it; else it was perceived
	Source  string // who or what it comes from; empty for the user outside
	Target  string // of an act, as the person named it
	Content string
	Event   *tinytroupe.Event // to read only
}

// A Rule makes rows of the moments of some kind. Row returns a value for each column,
// or nil to leave the moment out.
type Rule struct {
	Kind string
	Row  func(m *Moment) []any
}

// Rows are what rules made.
type Rows struct {
	Columns []string
	Rows    [][]any
}

// Reduce walks the events as each of the people lived them, in order, and collects
// what the rules make of them. It asks no model. What somebody says to others is an
// act of theirs and a CONVERSATION for each who hears it. Who comes later, or has left,
// hears only what names them: see [transcript.Presence].
func Reduce(events iter.Seq[tinytroupe.Event], people []string, columns []string, rules ...Rule) (*Rows, error) {
	byKind := map[string]Rule{}
	for _, r := range rules {
		if _, twice := byKind[r.Kind]; twice {
			return nil, fmt.Errorf("reduce: there are two rules for %s", r.Kind)
		}
		if r.Kind == "" || r.Row == nil {
			return nil, fmt.Errorf("reduce: a rule needs a kind and what to do with it")
		}
		byKind[r.Kind] = r
	}
	all := slices.Collect(events)
	out := &Rows{Columns: slices.Clone(columns)}
	for _, person := range people {
		i := -1
		for ev, here := range transcript.Presence(person, nil, slices.Values(all)) {
			i++
			m, ok := momentOf(&all[i], person)
			if !ok || !here && ev.Who != person {
				continue
			}
			rule, ok := byKind[m.Kind]
			if !ok {
				continue
			}
			row := rule.Row(&m)
			if row == nil {
				continue
			}
			if len(row) != len(columns) {
				return nil, fmt.Errorf("reduce: the rule for %s made %d values for %d columns, of event %d", m.Kind, len(row), len(columns), all[i].Seq)
			}
			out.Rows = append(out.Rows, row)
		}
	}
	return out, nil
}

func momentOf(ev *tinytroupe.Event, person string) (Moment, bool) {
	m := Moment{Person: person, Event: ev}
	switch {
	case ev.Kind == tinytroupe.EventActed && ev.Who == person && ev.Action != nil:
		m.Kind, m.Acted, m.Source, m.Target, m.Content = string(ev.Action.Kind), true, person, ev.Action.Target, ev.Action.Content
		return m, true
	case ev.Kind != tinytroupe.EventActed && ev.Kind != tinytroupe.EventPerceived && ev.Who == person:
		m.Kind, m.Source = string(ev.Kind), person
		return m, true
	}
	s, ok := ev.Perceived(person)
	m.Kind, m.Source, m.Content = string(s.Kind), s.Source, s.Content
	return m, ok
}

// WriteCSV writes the rows under a header. Texts are made safe as by [WriteCSV].
func (r *Rows) WriteCSV(w io.Writer) error {
	c := csv.NewWriter(w)
	line := make([]string, len(r.Columns))
	for i, name := range r.Columns {
		line[i] = Cell(name)
	}
	c.Write(line)
	for _, row := range r.Rows {
		for i, v := range row {
			var err error
			if line[i], err = cell(v); err != nil {
				return fmt.Errorf("column %s: %w", r.Columns[i], err)
			}
		}
		if len(line) == 1 && line[0] == "" { // an empty line is none to those who read it
			c.Flush()
			if _, err := io.WriteString(w, "\"\"\n"); err != nil {
				return err
			}
			continue
		}
		c.Write(line)
	}
	c.Flush()
	return c.Error()
}

// cell is a value as text: numbers and truth values as they are, null as nothing,
// everything else that is no text as JSON.
func cell(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return Cell(v), nil
	case int:
		return strconv.Itoa(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	var s string
	if json.Unmarshal(b, &s) == nil && len(b) > 0 && b[0] == '"' {
		return Cell(s), nil
	}
	return string(b), nil
}

// WriteJSONL writes each row as a JSON object, in the order of the columns.
func (r *Rows) WriteJSONL(w io.Writer) error {
	b := bufio.NewWriter(w)
	for _, row := range r.Rows {
		for i, v := range row {
			data, err := json.Marshal(v)
			if err != nil {
				return fmt.Errorf("column %s: %w", r.Columns[i], err)
			}
			b.WriteString(map[bool]string{true: "{", false: ","}[i == 0])
			b.Write(rawjson.Of(r.Columns[i]))
			b.WriteString(":")
			b.Write(data)
		}
		if len(row) == 0 {
			b.WriteString("{")
		}
		b.WriteString("}\n")
	}
	return b.Flush()
}
