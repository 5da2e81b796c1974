package study

import (
	"bytes"
	"encoding/csv"
	"errors"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// scalar reads a word, number or short text in which everything is known. nil is
// empty.
func (d *decoder) scalar(n *node) string {
	if n == nil {
		return ""
	}
	if n.kind != scalarNode {
		d.bad.add(n.at, nil, "expected a text, found %s", n.kind)
		return ""
	}
	return d.fill(n.text, n.at, fixed).String()
}

// line reads a text in which everything is known, with the traps of longer texts.
func (d *decoder) line(n *node) string {
	if n == nil {
		return ""
	}
	t, _ := d.textAs(n, fixed)
	return t.String()
}

// text reads a text for people: as it stands, or {file: a.md}.
func (d *decoder) text(n *node) (Text, bool) { return d.textAs(n, spoken) }

func (d *decoder) textAs(n *node, open use) (Text, bool) {
	before := len(d.bad.list)
	var t Text
	switch n.kind {
	case nullNode:
		d.noText(n)
	case scalarNode:
		d.comment(n)
		if strings.TrimSpace(n.text) == "" {
			d.bad.add(n.at, nil, "expected a text, found an empty one")
		}
		t = d.fill(n.text, n.at, open)
	case listNode:
		hints := []string(nil)
		if n.flow {
			hints = []string{"A text that begins with [ needs quotes."}
		}
		d.bad.add(n.at, hints, "expected a text, found a list")
	case mapNode:
		t = d.textMap(n, open)
	}
	return t, len(d.bad.list) == before
}

func (d *decoder) noText(n *node) {
	hints := []string{"A text that is the word null needs quotes."}
	if n.text == "" {
		hints = []string{"A text that begins with # or ! needs quotes."}
	}
	d.bad.add(n.at, hints, "expected a text, found nothing")
}

func (d *decoder) textMap(n *node, open use) Text {
	file := n.get("file")
	switch {
	case file != nil && len(n.fields) == 1:
		return d.textFile(file, open)
	case len(n.fields) == 0:
		d.bad.add(n.at, []string{"A text that begins with { needs quotes."}, "expected a text, found a map")
	case file != nil:
		for _, f := range n.fields {
			if f.key.text != "file" {
				d.bad.add(f.key.at, known("keys", f.key.text, []string{"file"}), "a text from a file has no key %q", f.key.text)
			}
		}
	default:
		f := n.fields[0]
		hints := known("keys", f.key.text, []string{"file"})
		if !n.flow && f.value.kind == scalarNode {
			hints = []string{"\": \" makes a map of a text. Put the text in quotes: " + quote(f.key.text+": "+f.value.text)}
		}
		d.bad.add(f.key.at, hints, "expected a text or {file: a.md}, found a map with the key %q", f.key.text)
	}
	return Text{}
}

// textFile reads the text of a file, without the line breaks at its end.
func (d *decoder) textFile(n *node, open use) Text {
	src, ok := d.plain(n)
	switch {
	case !ok:
		return Text{}
	case strings.TrimSpace(src.text) == "":
		d.bad.add(n.at, nil, "%s is empty", src.name)
		return Text{}
	}
	return d.fill(strings.TrimRight(src.text, "\n"), place{src, 1, 1, 1}, open)
}

// plain reads a file of text.
func (d *decoder) plain(n *node) (*source, bool) {
	_, src, ok := d.file(n)
	if ok && !utf8.ValidString(src.text) {
		d.bad.add(n.at, []string{"Save it as UTF-8."}, "%s is not UTF-8 text", src.name)
		return nil, false
	}
	return src, ok
}

// comment finds text that YAML has taken for a comment: what follows " #" without a
// space after it.
func (d *decoder) comment(n *node) {
	if n.quoted || n.at.src == nil {
		return
	}
	last, col := n.last, 0
	if last <= n.at.line {
		last, col = n.at.line, n.at.col-1+n.at.width
	}
	line := []rune(n.at.src.line(last))
	rest := string(line[min(max(col, 0), len(line)):])
	i := strings.Index(rest, " #")
	if i < 0 || strings.ContainsAny(rest[:i], "]}") {
		return
	}
	lost := rest[i+1:]
	if len(lost) < 2 || lost[1] == ' ' || lost[1] == '#' {
		return
	}
	full := n.text + rest[:i] + " " + lost
	if last > n.at.line {
		full = n.text + " " + lost
	}
	at := place{n.at.src, last, min(max(col, 0), len(line)) + utf8.RuneCountInString(rest[:i]) + 2, utf8.RuneCountInString(lost)}
	d.bad.add(at, []string{
		"Put the text in quotes: " + quote(full),
		"or, if it is a comment, write a space after #.",
	}, "%q is taken for a comment: the text ends before it", lost)
}

// vars reads variables; those set from outside go first.
func (d *decoder) vars(n *node) {
	for name, v := range d.o.Vars {
		d.study.Vars[name] = v
		if slices.Contains(reserved, name) {
			d.bad.add(place{src: d.src}, nil, "--set %s: the name is taken: ${%s.…} has a meaning of its own", name, name)
		}
	}
	if n == nil || n.kind == nullNode {
		n = &node{kind: mapNode}
	}
	if n.kind != mapNode {
		d.bad.add(n.at, nil, "expected a map of names, found %s", n.kind)
		return
	}
	own := map[string]bool{}
	for _, f := range n.fields {
		name := f.key.text
		own[name] = true
		switch {
		case slices.Contains(reserved, name):
			d.bad.add(f.key.at, nil, "the name is taken: ${%s.…} has a meaning of its own", name)
			continue
		case strings.Contains(name, ".") || !refName.MatchString(name):
			d.bad.add(f.key.at, nil, "a variable's name is letters, digits, - and _")
			continue
		}
		v := d.value(f.value)
		if _, set := d.o.Vars[name]; !set {
			d.study.Vars[name] = v
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.o.Vars)) {
		if !own[name] && !slices.Contains(reserved, name) {
			var declared []string
			for _, f := range n.fields {
				declared = append(declared, f.key.text)
			}
			d.bad.add(place{src: d.src}, known("variables", name, declared), "--set %s: the study has no such variable", name)
		}
	}
}

// value reads any value: texts as strings, lists and maps. {file: …} is a text and
// {rows: …} a list.
func (d *decoder) value(n *node) any {
	switch n.kind {
	case scalarNode:
		d.comment(n)
		return d.fill(n.text, n.at, fixed).String()
	case listNode:
		list := make([]any, 0, len(n.items))
		for _, it := range n.items {
			list = append(list, d.value(it))
		}
		return list
	case mapNode:
		if len(n.fields) == 1 && n.fields[0].key.text == "file" {
			return d.textFile(n.fields[0].value, fixed).String()
		}
		if len(n.fields) == 1 && n.fields[0].key.text == "rows" {
			return d.rows(n.fields[0].value)
		}
		m := make(map[string]any, len(n.fields))
		for _, f := range n.fields {
			m[f.key.text] = d.value(f.value)
		}
		return m
	}
	d.bad.add(n.at, nil, "expected a value, found nothing")
	return ""
}

// rows reads a CSV file with a header: a list of maps, nil where it cannot be read.
func (d *decoder) rows(n *node) []any {
	src, ok := d.plain(n)
	if !ok {
		return nil
	}
	r := csv.NewReader(bytes.NewReader([]byte(src.text)))
	records, err := r.ReadAll()
	if err != nil {
		var pe *csv.ParseError
		p, problem := place{src: src}, err.Error()
		if errors.As(err, &pe) {
			p, problem = place{src, pe.Line, max(1, pe.Column), 1}, pe.Err.Error()
		}
		d.bad.add(p, []string{"Rows are CSV with a header, as many values in each as there are columns."}, "%s", problem)
		return nil
	}
	if len(records) < 2 {
		d.bad.add(n.at, nil, "%s has no rows: expected a header and at least one", src.name)
		return nil
	}
	header := records[0]
	for i, name := range header {
		header[i] = strings.TrimSpace(name)
		if header[i] == "" || slices.Contains(header[:i], header[i]) {
			d.bad.add(place{src, 1, 1, 1}, nil, "column %d has no name of its own: %q", i+1, name)
		}
	}
	list := make([]any, 0, len(records)-1)
	for _, rec := range records[1:] {
		row := make(map[string]any, len(header))
		for i, name := range header {
			row[name] = rec[i]
		}
		list = append(list, row)
	}
	return list
}
