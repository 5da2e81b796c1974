package study

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/judge"
)

// ask reads what is asked: a question's name, or several.
func (d *decoder) ask(n, step *node) Ask {
	a := Ask{Remember: d.yes(step.get("remember"), false)}
	items := n.list()
	if len(items) == 0 {
		d.bad.add(n.at, nil, "expected a question or a list of them, found an empty list")
	}
	for _, it := range items {
		q, ok := d.question(it, d.scalar(it))
		if !ok {
			continue
		}
		if len(q.Text.parts) == 0 {
			d.bad.add(it.at, nil, "%s has no ask: it is only looked for", q.Form.ID)
		}
		if slices.ContainsFunc(a.Questions, func(x Question) bool { return x.Form.ID == q.Form.ID }) {
			d.bad.add(it.at, nil, "%s stands here twice", q.Form.ID)
		}
		a.Questions = append(a.Questions, q)
		d.found(it, q.Form, asked, "")
	}
	return a
}

// askable reports those among who is asked that cannot be.
func (d *decoder) askable(to Who, n *node) {
	for _, g := range d.study.People {
		what := ""
		switch {
		case g.Human:
			what = "a human at the terminal"
		case g.HTTP != nil:
			what = "a chatbot"
		default:
			continue
		}
		for _, p := range g.People {
			may, _ := to.may(p)
			if may && slices.ContainsFunc(d.present(), func(x Person) bool { return x.Name() == p.Name() }) {
				d.bad.add(n.at, []string{"Ask the others: to: {not: " + g.Name + "}."}, "%s is %s, who takes turns and answers no questions", p.Name(), what)
			}
		}
	}
}

// top reports a look within a scene or a loop.
func (d *decoder) top(n *node, verb string) {
	if d.scene != nil || d.loops > 0 {
		d.bad.add(n.at, []string{"Put it after the scene or loop."}, "%s looks at all rooms: it stands in no scene and in no loop", verb)
	}
}

func (d *decoder) extract(n, step *node) Extract {
	d.top(n, "extract")
	x := Extract{Per: Per(d.choice(step.get("per"), string(PerPerson), string(PerPerson), string(PerRoom), string(PerStudy)))}
	q, ok := d.question(n, d.scalar(n))
	if !ok {
		return x
	}
	if q.Form.Ask = q.Text.general(); q.Form.Find == "" {
		for _, p := range q.Text.parts {
			if p.ref != nil {
				d.bad.add(n.at, []string{"Say what to look for: find: …"}, "%s asks with ${%s}, which stands for nothing where it is looked for", n.text, strings.Join(p.ref, "."))
				break
			}
		}
	}
	if v := step.get("as"); v != nil {
		if q.Form.ID = d.line(v); strings.ContainsAny(q.Form.ID, ".\t\r\n") || q.Form.ID == "" {
			d.bad.add(v.at, nil, "a name has no points and no line breaks")
		}
	}
	if v := step.get("from"); v != nil {
		x.From = d.line(v)
		if folder(x.From) == "" || !d.has(x.From) {
			d.bad.add(v.at, known("scenes so far", x.From, d.scenes), "there is no scene %q before this", x.From)
		}
	}
	x.Question = q
	x.Double = d.share(step.get("double"))
	d.found(n, q.Form, extracted, x.Per.none())
	return x
}

func (d *decoder) has(scene string) bool { return slices.Contains(d.scenes, scene) }

// leaf returns what a name stands for that can be counted or coded.
func (d *decoder) leaf(n *node, name string) (extract.Question, bool) {
	if q, ok := extract.Leaf(d.forms, name); ok {
		return q, true
	}
	id, _, _ := strings.Cut(name, ".")
	var names, fields []string
	for i := range d.forms {
		for _, l := range d.forms[i].Leaves() {
			names = append(names, l.ID)
			if d.forms[i].ID == id {
				fields = append(fields, l.ID)
			}
		}
	}
	_, exists := d.asked[id]
	switch {
	case len(fields) > 0 && name == id:
		d.bad.add(n.at, known("fields", "", fields), "%s has several values: name one", id)
	case len(fields) > 0:
		d.bad.add(n.at, known("fields", name, fields), "%s has no field %q", id, strings.TrimPrefix(name, id+"."))
	case exists:
		d.bad.add(n.at, nil, "nothing before this asks or extracts %s", id)
	default:
		d.bad.add(n.at, known("what there is to count", name, names), "there is nothing called %q", name)
	}
	return extract.Question{}, false
}

func (d *decoder) code(n, step *node) Code {
	d.top(n, "code")
	c := Code{Name: d.scalar(n), Multi: d.yes(step.get("multi"), false)}
	q, ok := d.leaf(n, c.Name)
	if ok && q.Type != extract.Text {
		d.bad.add(n.at, nil, "%s is answered by %s: only text is sorted into codes", c.Name, q.Type)
	}
	if v := step.get("codes"); v != nil && v.kind == mapNode && v.get("file") != nil && len(v.fields) == 1 {
		if src, ok := d.plain(v.get("file")); ok {
			var err error
			if c.Codes, err = extract.ReadCodes(src.name, strings.NewReader(src.text)); err != nil {
				d.bad.add(v.at, []string{"Codes are CSV with a header: code, description, words."}, "%v", err)
			}
		}
	} else if v != nil {
		var ok bool
		if c.Most, ok = parseCount(d.scalar(v)); !ok {
			d.bad.add(v.at, []string{"Or {file: codes.csv}."}, "%s, found %s", aCount, v.describe())
		}
	}
	c.Double = d.share(step.get("double"))
	if v := step.get("double"); v != nil && worded(c.Codes) {
		d.bad.add(v.at, nil, "these codes sort by words: a second time would be the same")
	}
	d.found(n, c.form(), coded, d.none(c.Name))
	return c
}

// form is what the codes of an answer count as.
func (c Code) form() extract.Question {
	q := extract.Question{ID: c.Name + ".code", Type: extract.OneOf}
	if c.Multi {
		q.Type = extract.SomeOf
	}
	for _, x := range c.Codes {
		q.Options = append(q.Options, x.Name)
	}
	if len(c.Codes) > 0 && !slices.Contains(q.Options, extract.Other) {
		q.Options = append(q.Options, extract.Other)
	}
	return q
}

func (d *decoder) tally(n, step *node) Tally {
	d.top(n, "tally")
	var t Tally
	for _, it := range n.list() {
		name := d.scalar(it)
		q, ok := d.leaf(it, name)
		if ok && q.Type == extract.Text {
			d.bad.add(it.at, []string{"Sort it first: code: " + name + ", then tally: " + name + ".code."}, "%s is free text", name)
		}
		t.Names = append(t.Names, name)
	}
	if by := step.get("by"); by != nil {
		for _, it := range by.list() {
			if dim, ok := d.dimension(it, t.Names); ok {
				t.By = append(t.By, dim)
				d.study.parted = appendNew(d.study.parted, dim.Name)
			}
		}
	}
	for _, name := range t.Names {
		for _, dim := range t.By {
			name += " by " + dim.Name
		}
		t.files = append(t.files, d.table(file(name)))
	}
	return t
}

// table returns a name for the files of a table: another where one that came before, or
// that the record itself has, would be written over.
func (d *decoder) table(name string) string {
	fresh, n := name, 1
	for slices.ContainsFunc(append(d.tables, "answers", "asked", "checks", "agreement"), func(x string) bool { return strings.EqualFold(x, fresh) }) {
		n++
		fresh = fmt.Sprintf("%s-%d", name, n)
	}
	d.tables = append(d.tables, fresh)
	return fresh
}

// dimension reads what a table is parted by: a name, or {name: [lo..hi, …]}.
func (d *decoder) dimension(n *node, names []string) (extract.Dimension, bool) {
	dim := extract.Dimension{}
	at := n
	if n.kind == mapNode && len(n.fields) == 1 {
		at = n.fields[0].key
		dim.Name = at.text
		bands := n.fields[0].value
		if bands.kind != listNode || len(bands.items) == 0 {
			d.bad.add(bands.at, []string{"Such as {age: [18..34, 35..54]}."}, "expected a list of ranges, found %s", bands.describe())
			return dim, false
		}
		for _, it := range bands.items {
			before := len(d.bad.list)
			lo, hi := d.span(it)
			if lo > hi && len(d.bad.list) == before {
				d.bad.add(it.at, nil, "nothing is in %s", d.scalar(it))
			}
			dim.Bands = append(dim.Bands, extract.Band{Lo: lo, Hi: hi})
		}
	} else {
		dim.Name = d.scalar(n)
	}
	all := []string{"group", "room", "scene"}
	for _, name := range d.items {
		all = append(all, name, name+" position")
	}
	for i := range d.forms {
		q := &d.forms[i]
		if q.Type != extract.ListOf {
			for _, l := range q.Leaves() {
				all = append(all, l.ID)
			}
		}
		if slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, q.ID+".") }) {
			for _, f := range q.Fields {
				all = append(all, f.ID)
			}
		}
	}
	has := func(p Person) bool { _, ok := spelled(p, dim.Name); return ok }
	if slices.Contains(all, dim.Name) || slices.ContainsFunc(d.study.everybody(), has) {
		return dim, true
	}
	all = slices.Concat(d.attributes(), all)
	switch first, rest, _ := strings.Cut(dim.Name, "."); {
	case slices.Contains(d.items, first):
		d.bad.add(at.at, []string{"Of an item tables have what it is called: by: " + first + "."}, "tables are not parted by parts of %s", first)
	case slices.ContainsFunc(d.forms, func(q extract.Question) bool { return q.ID == first && q.Type == extract.ListOf }):
		d.bad.add(at.at, []string{"Of the same item it is by: " + rest + "."}, "each person may have several %s", dim.Name)
	case d.partial || d.edited():
		return dim, true
	case slices.Contains(d.attributes(), dim.Name):
		d.bad.add(at.at, []string{"Of a map, name a part: " + dim.Name + ".…"}, "%s is nobody's as a text or a number", dim.Name)
	default:
		d.bad.add(at.at, known("what tables are parted by", dim.Name, all), "nobody has %q", dim.Name)
	}
	return dim, false
}

func (d *decoder) check(n, step *node) Check {
	d.top(n, "check")
	c := Check{
		Per:   Per(d.choice(step.get("per"), string(PerPerson), string(PerPerson), string(PerRoom), string(PerStudy))),
		Score: d.yes(step.get("score"), false),
	}
	c.Name = d.line(step.get("name"))
	if n.kind == mapNode && n.get("file") == nil {
		d.said(n, &c)
	} else if p := judge.Find(n.text); n.kind == scalarNode && p != nil {
		c.Library = n.text
		if vars := p.Variables(); len(vars) > 0 {
			d.bad.add(n.at, []string{"Write the claim out in place of its name."}, "%s needs values for %s", n.text, listed(vars))
		}
		if p.World && c.Per == PerPerson {
			c.Per = PerRoom
		}
	} else {
		c.Claim, _ = d.text(n)
		if c.Per != PerPerson && !c.Claim.Same() {
			d.bad.add(n.at, nil, "the claim is about persons, and per is %s", c.Per)
		}
		for _, p := range c.Claim.parts {
			if p.ref != nil && p.ref[0] == "room" && c.Per != PerRoom {
				d.bad.add(p.at(), []string{"Judge each room: per: room."}, "${%s} is not known here: per is %s", strings.Join(p.ref, "."), c.Per)
			}
		}
		if one := strings.TrimSpace(n.text); n.kind == scalarNode && !strings.ContainsAny(one, " ${") {
			var names []string
			for _, p := range judge.Library() {
				names = append(names, p.Name)
			}
			d.bad.add(n.at, known("propositions", one, names), "a claim is a sentence, and there is no proposition called %q", one)
		}
	}
	if c.Name == "" {
		c.Name = c.Library
	}
	if c.Name == "" {
		d.checks++
		c.Name = "check " + strconv.Itoa(d.checks)
	}
	if strings.ContainsAny(c.Name, ".\t\r\n") {
		d.bad.add(step.get("name").at, nil, "a name has no points and no line breaks")
	}
	if v := step.get("draws"); v != nil {
		var ok bool
		if c.Draws, ok = parseCount(d.scalar(v)); !ok {
			d.bad.add(v.at, nil, "%s, found %s", aCount, v.describe())
		}
	}
	if v := step.get("expect"); v != nil {
		c.Expect = d.expect(v)
		if c.Score {
			d.bad.add(v.at, nil, "a share is of claims that hold, and score: true gives numbers")
		}
	}
	d.found(n, c.form(), checked, ofCheck)
	return c
}

// form is what the verdicts of a check count as.
func (c Check) form() extract.Question {
	if c.Score {
		return extract.Question{ID: c.Name, Type: extract.Number, Lo: 0, Hi: judge.MaxScore}
	}
	return extract.Question{ID: c.Name, Type: extract.YesNo}
}

// said reads {said, by, not}.
func (d *decoder) said(n *node, c *Check) {
	d.words(n, "what is said", saidWords)
	v := n.get("said")
	if v == nil {
		d.bad.add(n.at, []string{"Such as check: {said: thank you, by: lisa}."}, "expected said: a regular expression")
		return
	}
	c.Said, c.By = d.pattern(v), d.by(n)
	c.Not = d.yes(n.get("not"), false)
}

func (d *decoder) expect(n *node) *float64 {
	v := n.get("share")
	if n.kind != mapNode || len(n.fields) != 1 || v == nil {
		d.bad.add(n.at, nil, "expected {share: 0.9}, found %s", n.describe())
		return nil
	}
	x := d.share(v)
	return &x
}

// share reads a part of 1; 0 where there is none.
func (d *decoder) share(n *node) float64 {
	if n == nil {
		return 0
	}
	x, err := strconv.ParseFloat(d.scalar(n), 64)
	if err != nil || !(x >= 0 && x <= 1) {
		d.bad.add(n.at, nil, "expected a share from 0 to 1, found %s", n.describe())
	}
	return x
}

// formats are those of each kind of export; the first is taken where none is said.
var formats = map[string][]string{
	"transcript": {"jsonl", "chat"},
	"people":     {"jsonl", "csv"},
	"answers":    {"csv", "jsonl"},
	"checks":     {"jsonl", "csv", "junit"},
}

func (d *decoder) export(n, step *node) Export {
	d.top(n, "export")
	e := Export{What: d.scalar(n)}
	allowed, ok := formats[e.What]
	if !ok {
		allowed = formats["answers"]
		if !slices.ContainsFunc(d.forms, func(q extract.Question) bool { return q.ID == e.What }) {
			names := sortedKeys(map[string]any{"transcript": 0, "people": 0, "answers": 0, "checks": 0})
			for i := range d.forms {
				names = append(names, d.forms[i].ID)
			}
			d.bad.add(n.at, known("what there is", e.What, names), "there is nothing called %q to export", e.What)
		}
	}
	e.Format = d.choice(step.get("format"), allowed[0], allowed...)
	ext := map[string]string{"jsonl": "jsonl", "chat": "jsonl", "csv": "csv", "junit": "xml"}[e.Format]
	if e.Path = d.line(step.get("path")); e.Path == "" {
		e.Path = folder(e.What) + "." + ext
	}
	if !fs.ValidPath(e.Path) || e.Path == "." || strings.Contains(e.Path, `\`) {
		d.bad.add(step.get("path").at, []string{"It is put into exports/ of the record."}, "expected the name of a file, with slashes and without .., found %q", e.Path)
	}
	for _, x := range d.exports {
		if strings.EqualFold(x, e.Path) {
			d.bad.add(n.at, []string{"Name another: path: …"}, "another export writes %s", e.Path)
		}
	}
	d.exports = append(d.exports, e.Path)
	return e
}
