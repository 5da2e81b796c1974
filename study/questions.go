package study

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/extract"
)

// types are the keys that say how a question is answered; it has one of them, or none
// where the answer is text.
var types = []string{"text", "yes/no", "scale", "number", "one of", "some of", "rank", "fields", "list of"}

// questions keeps where each question is, to be read where it is used: its texts may
// hold the items of loops.
func (d *decoder) questions(n *node) {
	if n == nil {
		return
	}
	if n.kind != mapNode || len(n.fields) == 0 {
		d.bad.add(n.at, []string{"Each key names a question: questions: {intent: {ask: How likely are you to buy it?, scale: 1..5}}."}, "expected a map of questions, found %s", n.describe())
		return
	}
	for _, f := range n.fields {
		id := f.key.text
		if id == "" || strings.ContainsAny(id, ".\t\r\n") || strings.TrimSpace(id) != id {
			d.bad.add(f.key.at, nil, "a question's name has no points and no line breaks, and no spaces around it")
			continue
		}
		d.asked[id] = f
	}
}

// unused reads the questions that no step uses, so that their mistakes are told too. One
// with a variable that there is not may be made for a loop, and is not read.
func (d *decoder) unused() {
	for _, id := range slices.Sorted(maps.Keys(d.asked)) {
		if f := d.asked[id]; !d.read[id] {
			before, missing := len(d.bad.list), d.missing
			if d.questionOf(id, f); d.missing > missing {
				d.bad.list = d.bad.list[:before]
			}
			d.warn(f.key, "nothing asks or extracts %s", id)
		}
	}
}

// warn warns once of each thing: what stands in a loop is read several times.
func (d *decoder) warn(at *node, format string, args ...any) {
	d.study.Warnings = appendNew(d.study.Warnings, fmt.Sprintf("%s:%d: %s", at.at.src.name, at.at.line, fmt.Sprintf(format, args...)))
}

// question returns the question that a step names.
func (d *decoder) question(n *node, id string) (Question, bool) {
	f, ok := d.asked[id]
	if !ok {
		d.bad.add(n.at, known("questions", id, slices.Sorted(maps.Keys(d.asked))), "there is no question %q", id)
		return Question{}, false
	}
	d.read[id] = true
	before := len(d.bad.list)
	q := d.questionOf(id, f)
	return q, len(d.bad.list) == before
}

func (d *decoder) questionOf(id string, f field) Question {
	q := Question{Line: f.key.at.line}
	n := f.value
	if n.kind != mapNode {
		d.bad.add(n.at, knownWords("keys", "", questionWords), "expected a question such as {ask: How old are you?, number: 0..120}, found %s", n.describe())
		return q
	}
	before := len(d.bad.list)
	d.words(n, "a question", questionWords)
	q.Form = d.form(n)
	q.Form.ID = id
	if v := n.get("ask"); v != nil {
		q.Text, _ = d.text(v)
	}
	if v := n.get("find"); v != nil {
		q.Form.Find = d.line(v)
	}
	if len(d.bad.list) > before {
		return q
	}
	whole := q.Form
	whole.Ask = q.Text.String()
	if err := whole.Check(); err != nil {
		for line := range strings.Lines(err.Error()) {
			d.bad.add(f.key.at, nil, "%s", strings.TrimSpace(line))
		}
	}
	return q
}

// form reads how a question, or a field of one, is answered.
func (d *decoder) form(n *node) extract.Question {
	q := extract.Question{Type: extract.Text}
	var first *node
	for _, f := range n.fields {
		if !slices.Contains(types, f.key.text) {
			continue
		}
		if first != nil {
			d.bad.add(f.key.at, nil, "%s and %s: a question has one of %s", first.text, f.key.text, listed(types))
			continue
		}
		first = f.key
		q.Type = extract.Kind(f.key.text)
		d.kind(&q, f)
	}
	switch o := n.get("order"); {
	case o == nil:
	case q.Type != extract.OneOf && q.Type != extract.SomeOf && q.Type != extract.Rank:
		d.bad.add(o.at, nil, "order is for options: one of, some of, rank")
	default:
		q.Order = extract.Order(d.choice(o, string(extract.Written), string(extract.Written), string(extract.Shuffle)))
	}
	if v := n.get("labels"); v != nil {
		d.labels(&q, v)
	}
	return q
}

// kind reads the value of a type.
func (d *decoder) kind(q *extract.Question, f field) {
	n := f.value
	switch q.Type {
	case extract.Text, extract.YesNo:
		if n.kind != nullNode && !d.yes(n, true) {
			d.bad.add(n.at, nil, "%s is a type: write it as %s: true", f.key.text, f.key.text)
		}
	case extract.Scale, extract.Number:
		q.Lo, q.Hi = d.span(n)
	case extract.OneOf, extract.SomeOf, extract.Rank:
		q.Options = d.options(n)
	case extract.Fields, extract.ListOf:
		if n.kind != mapNode || len(n.fields) == 0 {
			d.bad.add(n.at, []string{"Such as {pain: text, severity: 1..5}."}, "expected a map of fields, found %s", n.describe())
			return
		}
		for _, x := range n.fields {
			part := d.part(x.value)
			part.ID = x.key.text
			q.Fields = append(q.Fields, part)
		}
	}
}

// part reads a field: text, yes/no, LO..HI, or a map with a type.
func (d *decoder) part(n *node) extract.Question {
	switch n.kind {
	case mapNode:
		d.words(n, "a field", fieldWords)
		part := d.form(n)
		if v := n.get("find"); v != nil {
			part.Find = d.line(v)
		}
		return part
	case scalarNode:
		switch s := d.scalar(n); {
		case s == "text":
			return extract.Question{Type: extract.Text}
		case s == "yes/no":
			return extract.Question{Type: extract.YesNo}
		case strings.Contains(s, ".."):
			lo, hi := d.span(n)
			return extract.Question{Type: extract.Scale, Lo: lo, Hi: hi}
		}
	}
	d.bad.add(n.at, []string{"A field is text, yes/no, 1..5, or a map such as {one of: [a, b]}."}, "expected a field, found %s", n.describe())
	return extract.Question{}
}

func (d *decoder) span(n *node) (lo, hi float64) {
	lo, hi, err := extract.ParseRange(d.scalar(n))
	if err != nil {
		d.bad.add(n.at, []string{"Such as 1..5."}, "expected a range, found %s", n.describe())
	}
	return lo, hi
}

// options reads a list of texts.
func (d *decoder) options(n *node) []string {
	list, err := d.list(n)
	if err != nil {
		if err != errSaid {
			d.bad.add(n.at, nil, "options: %v", err)
		}
		return nil
	}
	var options []string
	for i, v := range list {
		s, ok := v.(string)
		if !ok {
			d.bad.add(n.at, []string{"A column of a table is named with a point: concepts.name."}, "option %d is %s, not a text", i+1, kindOf(v))
			return nil
		}
		options = append(options, s)
	}
	return options
}

func (d *decoder) labels(q *extract.Question, n *node) {
	if n.kind != mapNode || len(n.fields) == 0 {
		d.bad.add(n.at, []string{"Such as {1: not at all, 5: very much}."}, "expected a map of labels, found %s", n.describe())
		return
	}
	for _, f := range n.fields {
		value := f.key.text
		switch q.Type {
		case extract.Scale, extract.Number:
			if x, err := strconv.ParseFloat(value, 64); err != nil || x < q.Lo || x > q.Hi {
				d.bad.add(f.key.at, nil, "%s is not in %v..%v", value, q.Lo, q.Hi)
			}
		case extract.OneOf, extract.SomeOf, extract.Rank:
			if !slices.Contains(q.Options, value) {
				d.bad.add(f.key.at, known("options", value, q.Options), "there is no option %q", value)
			}
		case extract.YesNo:
			if value != "yes" && value != "no" {
				d.bad.add(f.key.at, nil, "labels are for yes and no")
			}
		default:
			d.bad.add(f.key.at, nil, "labels are for points of a scale and for options")
			return
		}
		q.Labels = append(q.Labels, extract.Label{Value: value, Text: d.line(f.value)})
	}
}
