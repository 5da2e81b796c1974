package extract

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tinytroupe-go/tinytroupe/transcript"
)

const noticeLine = `{"rehearsal":true,"notice":"` + transcript.Notice + `"}`

// columns of answers.csv, before the attributes.
var columns = []string{"person", "question", "field", "item", "option", "value", "outcome", "reason", "quote", "event", "record", "position", "weight", "scene", "room"}

// WriteOptions are the settings of WriteCSV and WriteJSONL.
type WriteOptions struct {
	Rehearsal bool // says that the stand-in made the answers
}

// WriteCSV writes answers as a table for statistics: person × question × item. Each has
// one row, but for what was answered to rank (a row for each option, whose value is its
// place, 1 the best) and some of (a row for each option, yes or no). Options are those
// shown, best first or, of some of, as they were shown. A list has a number for each of
// its items. The value is empty unless the outcome is answered. After the columns that
// every study has come the attributes, by name; one that is called like a column gets
// "attribute " before its name. Of a rehearsal each row ends in a notice of that.
//
// Spreadsheets take some texts for formulas. So a text that begins with = + - @, their
// wide forms, a tab or a line break gets an apostrophe before it; numbers stay numbers, also where they are options or attributes.
// Text that is not UTF-8 is made so.
func WriteCSV(w io.Writer, answers []Answer, o *WriteOptions) error {
	rehearsal := o != nil && o.Rehearsal
	names := map[string]bool{}
	for i := range answers {
		for k := range answers[i].Attributes {
			names[k] = true
		}
	}
	attributes := slices.Sorted(maps.Keys(names))
	c := csv.NewWriter(w)
	head := slices.Clone(columns)
	for _, k := range attributes {
		if slices.Contains(columns, k) || k == "notice" {
			k = "attribute " + k
		}
		head = append(head, Cell(k))
	}
	if rehearsal {
		head = append(head, "notice")
	}
	c.Write(head)
	for i := range answers {
		a := &answers[i]
		write := func(option, value string) {
			var e Evidence
			if len(a.Evidence) > 0 {
				e = a.Evidence[0]
			}
			row := []string{Cell(a.Person), Cell(a.Question), Cell(a.Field), number(a.Item), numberOrText(option), value, string(a.Outcome), Cell(a.Reason),
				Cell(e.Quote), number(e.Event), Cell(e.Record), number(a.Position), plain(a.weight()), Cell(a.Scene), Cell(a.Room)}
			for _, k := range attributes {
				row = append(row, numberOrText(a.Attributes[k]))
			}
			if rehearsal {
				row = append(row, transcript.Notice)
			}
			c.Write(row)
		}
		switch v := a.Value; {
		case a.Outcome != Answered:
			write("", "")
		case v.Kind == Rank:
			for n, o := range v.List {
				write(o, strconv.Itoa(n+1))
			}
		case v.Kind == SomeOf:
			options := optionsOf(a)
			if len(options) == 0 { // nothing was taken of what is not known: a row all the same
				write("", "")
			}
			for _, o := range options {
				value := "no"
				if slices.Contains(v.List, o) {
					value = "yes"
				}
				write(o, value)
			}
		case v.Kind == Scale || v.Kind == Number:
			write("", v.String())
		default:
			write("", numberOrText(v.String()))
		}
	}
	c.Flush()
	return c.Error()
}

// numberOrText is a text as a cell, or a number as it is, though it be below zero.
func numberOrText(s string) string {
	if plainNumber.MatchString(s) {
		return s
	}
	return Cell(s)
}

// plainNumber is a number that no spreadsheet takes for a formula.
var plainNumber = regexp.MustCompile(`^-?\d+(?:\.\d+)?$`)

// optionsOf are the options that were shown, or else those that were taken.
func optionsOf(a *Answer) []string {
	out := slices.Clone(a.Shown)
	for _, o := range a.Value.List {
		if !slices.Contains(out, o) {
			out = append(out, o)
		}
	}
	return out
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// Cell is a text as a cell of a table that no spreadsheet takes for a formula: see
// [WriteCSV].
func Cell(s string) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if c, _ := utf8.DecodeRuneInString(s); s != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", c) {
		return "'" + s
	}
	return s
}

// WriteJSONL writes answers as JSON, one a line, with nothing left out. Of a rehearsal
// the first line says so, as in a transcript.
func WriteJSONL(w io.Writer, answers []Answer, o *WriteOptions) error {
	b := bufio.NewWriter(w)
	if o != nil && o.Rehearsal {
		b.WriteString(noticeLine + "\n")
	}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	for i := range answers {
		if err := e.Encode(&answers[i]); err != nil {
			return err
		}
	}
	return b.Flush()
}

// ReadJSONL reads what WriteJSONL wrote, and whether that is of a rehearsal, which
// [TallyOptions] and [WriteOptions] want to know. file is for errors.
func ReadJSONL(file string, r io.Reader) (answers []Answer, rehearsal bool, err error) {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 64<<20)
	for line := 1; s.Scan(); line++ {
		text := strings.TrimSpace(s.Text())
		if rehearsal = rehearsal || text == noticeLine; text == "" || text == noticeLine {
			continue
		}
		var a Answer
		if err := json.Unmarshal(s.Bytes(), &a); err != nil {
			return nil, false, fmt.Errorf("%s:%d: %w", file, line, err)
		}
		answers = append(answers, a)
	}
	if err := s.Err(); err != nil {
		return nil, false, fmt.Errorf("%s: %w", file, err)
	}
	return answers, rehearsal, nil
}

// UnmarshalJSON reads an answer; its type says how the value is read.
func (a *Answer) UnmarshalJSON(data []byte) error {
	type fields Answer
	in := struct {
		*fields
		Value json.RawMessage `json:"value"`
	}{fields: (*fields)(a)}
	a.Value = Value{}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if (a.Outcome == Answered) != (in.Value != nil && string(in.Value) != "null") {
		return fmt.Errorf("an answer is %s and its value is %s", a.Outcome, in.Value)
	}
	if a.Outcome != Answered {
		return nil
	}
	v := Value{Kind: a.Type}
	var err error
	switch a.Type {
	case YesNo:
		var yes bool
		err = json.Unmarshal(in.Value, &yes)
		v.Text = map[bool]string{true: "yes", false: "no"}[yes]
	case Scale, Number:
		err = json.Unmarshal(in.Value, &v.Number)
	case SomeOf, Rank:
		if err = json.Unmarshal(in.Value, &v.List); len(v.List) == 0 {
			v.List = nil
		}
	case Text, OneOf:
		err = json.Unmarshal(in.Value, &v.Text)
	default:
		err = fmt.Errorf("there is no type %q of an answer", a.Type)
	}
	a.Value = v
	return err
}
