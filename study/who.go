package study

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/extract"
)

// Who selects people. The zero Who selects everyone.
type Who struct {
	Name  string      `json:"name,omitempty"`  // a group, or a person
	Any   []Who       `json:"any,omitempty"`   // whoever one of them selects
	Where []Condition `json:"where,omitempty"` // whoever they all hold for
	Not   *Who        `json:"not,omitempty"`   // but not these

	at place
}

// A Condition is on one attribute of a person, a path into the persona.
type Condition struct {
	Attribute string   `json:"attribute"`
	Values    []string `json:"values,omitempty"` // one of them, or of their ranges lo..hi

	at     place
	answer bool  // the attribute is what they will have answered
	of     reach // those who may have
	number bool  // they answer by a number
}

// open reports whether it depends on what somebody will have answered.
func (c Condition) open(p Person) bool {
	_, dealt := p.Assigned[c.Attribute]
	return c.answer && !dealt && (c.of == nil || c.of[p.Name()])
}

// Everyone reports whether w selects everyone whatever they are like.
func (w Who) Everyone() bool {
	return (w.Name == "" || w.Name == everyone) && len(w.Any) == 0 && len(w.Where) == 0 && w.Not == nil
}

const everyone = "everyone"

// Selects reports whether w selects a person. Staff is selected only where it is
// named, as a group or as a person.
func (w Who) Selects(p Person) bool {
	return w.matches(p) && (!p.Staff || w.names(p))
}

func (w Who) matches(p Person) bool {
	if w.Name != "" && w.Name != everyone && w.Name != p.Group && w.Name != p.Name() {
		return false
	}
	if len(w.Any) > 0 && !slices.ContainsFunc(w.Any, func(x Who) bool { return x.Selects(p) }) {
		return false
	}
	for _, c := range w.Where {
		if !c.holds(p) {
			return false
		}
	}
	return w.Not == nil || !w.Not.matches(p)
}

// names reports whether w names a person or their group.
func (w Who) names(p Person) bool {
	return w.Name != "" && w.Name != everyone && (w.Name == p.Group || w.Name == p.Name()) ||
		slices.ContainsFunc(w.Any, func(x Who) bool { return x.names(p) })
}

// holds reports whether the attribute has one of the values, or, where it is a list,
// whether one of its items does. Letter case counts for nothing.
func (c Condition) holds(p Person) bool {
	v := p.Get(c.Attribute)
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	return slices.ContainsFunc(items, func(item any) bool {
		var text string
		switch v := item.(type) {
		case string:
			text = v
		case json.Number:
			text = v.String()
		case bool:
			text = strconv.FormatBool(v)
		default:
			return false
		}
		_, isNumber := item.(json.Number)
		return slices.ContainsFunc(c.Values, func(want string) bool {
			return fits(want, text) || (isNumber || c.number) && equal(want, text)
		})
	})
}

// equal reports whether both are the same number, in any spelling.
func equal(a, b string) bool {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return number.MatchString(a) && number.MatchString(b) && err1 == nil && err2 == nil && x == y
}

// fits reports whether a text is what a condition wants.
func fits(want, text string) bool {
	if lo, hi, ok := parseRange(want); ok {
		n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		return err == nil && lo <= n && n <= hi
	}
	return strings.EqualFold(want, text)
}

// who reads a selector. nil is everyone.
func (d *decoder) who(n *node) Who {
	if n == nil {
		return Who{}
	}
	w := Who{at: n.at}
	switch n.kind {
	case nullNode:
		d.bad.add(n.at, whoHint, "expected who, found nothing")
	case scalarNode:
		w.Name = d.scalar(n)
	case listNode:
		if len(n.items) == 0 {
			d.bad.add(n.at, whoHint, "expected who, found an empty list")
		}
		for _, it := range n.items {
			w.Any = append(w.Any, d.who(it))
		}
	case mapNode:
		if len(n.fields) == 0 {
			d.bad.add(n.at, whoHint, "expected who, found an empty map")
		}
		for _, f := range n.fields {
			if f.key.text == "not" {
				not := d.who(f.value)
				w.Not = &not
				continue
			}
			w.Where = append(w.Where, d.condition(f))
		}
	}
	return w
}

// ParseWho reads a selector as a step's to: is written, such as Ann, [Ann, Bea] or
// {age: 18..34, not: Ann}, of the people of a study that was loaded and of what they were
// asked. name is what mistakes are said to be in.
func (s *Study) ParseWho(name, text string) (Who, error) {
	d := &decoder{study: s, src: newSource(name, []byte(text)), origins: map[string]origin{}}
	for _, p := range s.parts() {
		d.scene = p.scene
		for _, x := range leaves(p.steps) {
			d.again(x)
		}
	}
	d.scene = nil
	n := parseYAML(d.src, &d.bad)
	if n == nil {
		n = &node{at: place{src: d.src}}
	}
	if len(d.bad.list) > 0 {
		return Who{}, d.bad.err(name)
	}
	w := d.who(n)
	d.checkWho(w, len(d.bad.list) == 0)
	return w, d.bad.err(name)
}

var whoHint = []string{"Who is everyone, a person, a group, a list of them, or {attribute: value, not: who}."}

func (d *decoder) condition(f field) Condition {
	c := Condition{Attribute: f.key.text, at: f.key.at}
	var q extract.Question
	if q, c.answer = d.answer(c.Attribute); c.answer {
		c.of, c.number = d.origin(c.Attribute).of, q.Type == extract.Scale || q.Type == extract.Number
	}
	items := f.value.list()
	if len(items) == 0 {
		d.bad.add(f.value.at, nil, "expected a value, a list of values or lo..hi, found an empty list")
	}
	for _, it := range items {
		if it.kind != scalarNode {
			d.bad.add(it.at, nil, "expected a value, a list of values or lo..hi, found %s", it.kind)
			continue
		}
		v := d.scalar(it)
		lo, hi, isRange := parseRange(v)
		switch {
		case isRange && lo > hi:
			d.bad.add(it.at, nil, "nothing is in %s", v)
		case !isRange && likeRange.MatchString(v):
			d.bad.add(it.at, []string{"A range has both ends and no spaces, such as 4..5."}, "%q is no range", v)
		case c.answer && !answerable(q, v):
			d.bad.add(it.at, answerHints(q, v), "nobody can answer %s by %q", c.Attribute, v)
		}
		c.Values = append(c.Values, v)
	}
	return c
}

// checkWho reports names that are nobody's, attributes that nobody has, and
// selectors that select nobody, where the selector itself is sound.
func (d *decoder) checkWho(w Who, sound bool) {
	before := len(d.bad.list)
	d.checkNames(w)
	if !sound || len(d.bad.list) > before || w.at.src == nil || d.partial || d.edited() {
		return
	}
	if !slices.ContainsFunc(d.present(), func(p Person) bool { may, _ := w.may(p); return may }) {
		d.bad.add(w.at, nil, "this selects nobody")
	}
}

func (d *decoder) checkNames(w Who) {
	if w.Name != "" && w.Name != everyone && !d.partial && !slices.ContainsFunc(d.study.People, func(g Group) bool { return g.called(w.Name) }) {
		all := []string{everyone}
		for _, g := range d.study.People {
			all = appendNew(all, g.Name)
		}
		for _, p := range d.study.everybody() {
			all = appendNew(all, p.Name())
		}
		d.bad.add(w.at, known("who there is", w.Name, all), "there is nobody called %q", w.Name)
	}
	for _, x := range w.Any {
		d.checkNames(x)
	}
	for _, c := range w.Where {
		if c.answer {
			continue
		}
		if d.had(c.Attribute) {
			continue
		}
		if none := d.none(c.Attribute); none != "" {
			d.bad.add(c.at, nil, "nobody is selected by %s: %s", c.Attribute, none)
		} else if !d.edited() {
			d.bad.add(c.at, known("attributes", c.Attribute, d.attributes()), "nobody has an attribute %q", c.Attribute)
		}
	}
	if w.Not != nil {
		d.checkNames(*w.Not)
	}
}

// called reports whether it is the name of the group, or of somebody in it.
func (g Group) called(name string) bool {
	return g.Name == name || slices.ContainsFunc(g.People, func(p Person) bool { return p.Name() == name })
}

// answers returns the conditions of w on what people will have answered.
func (w Who) answers() []Condition {
	var list []Condition
	for _, c := range w.Where {
		if c.answer {
			list = append(list, c)
		}
	}
	for _, x := range w.Any {
		list = append(list, x.answers()...)
	}
	if w.Not != nil {
		list = append(list, w.Not.answers()...)
	}
	return list
}

// byAnswers reports whether who is selected by what they will have answered.
func (w Who) byAnswers() bool { return len(w.answers()) > 0 }

// may reports whether w may select a person, and whether it must, whatever they will
// have answered.
func (w Who) may(p Person) (may, must bool) {
	may, must = w.mayMatch(p)
	selectable := !p.Staff || w.names(p)
	return may && selectable, must && selectable
}

func (w Who) mayMatch(p Person) (may, must bool) {
	may, must = true, true
	if w.Name != "" && w.Name != everyone && w.Name != p.Group && w.Name != p.Name() {
		return false, false
	}
	if len(w.Any) > 0 {
		some, sure := false, false
		for _, x := range w.Any {
			a, b := x.may(p)
			some, sure = some || a, sure || b
		}
		may, must = some, sure
	}
	for _, c := range w.Where {
		if c.open(p) {
			must = false
		} else if !c.holds(p) {
			return false, false
		}
	}
	if w.Not != nil {
		some, sure := w.Not.mayMatch(p)
		may, must = may && !sure, must && !some
	}
	return may, must
}

// whos returns whom the steps, and those within them, select: looks too, or not.
func whos(steps []Step, withLooks bool) []Who {
	var list []Who
	for _, x := range steps {
		if withLooks || !looks(x.Do) {
			list = append(list, x.whos()...)
		}
		switch do := x.Do.(type) {
		case Scene:
			list = append(list, whos(do.Do, withLooks)...)
		case For:
			for _, body := range do.Do {
				list = append(list, whos(body, withLooks)...)
			}
		}
	}
	return list
}

// whos returns whom the step itself selects.
func (s Step) whos() []Who {
	list := []Who{s.To}
	switch do := s.Do.(type) {
	case Scene:
		if list = append(list, do.Who); do.With != nil {
			list = append(list, *do.With)
		}
	case Run:
		if do.Until != nil && do.Until.By != nil {
			list = append(list, *do.Until.By)
		}
	case Check:
		if do.By != nil {
			list = append(list, *do.By)
		}
	}
	return list
}

func (s *Study) selectsByAnswers() bool {
	return slices.ContainsFunc(whos(s.Script, true), Who.byAnswers)
}

// present returns who may take part where the steps that are read now happen.
func (d *decoder) present() []Person {
	list := d.study.everybody()
	if s := d.scene; s != nil {
		list = slices.DeleteFunc(list, func(p Person) bool {
			may, _ := s.Who.may(p)
			if s.With != nil && !may {
				may, _ = s.With.may(p)
			}
			return !may
		})
	}
	return list
}

// sure reports whether somebody who may take part there does so whatever is answered.
func (d *decoder) sure(p Person) bool {
	s := d.scene
	if s == nil {
		return true
	}
	_, must := s.Who.may(p)
	if s.With != nil && !must {
		_, must = s.With.may(p)
	}
	return must
}

// attributes returns the keys that anybody has, in order of appearance.
func (d *decoder) attributes() []string {
	var list []string
	for _, p := range d.study.everybody() {
		for _, k := range p.attributes() {
			list = appendNew(list, k)
		}
	}
	return list
}

// Get returns an attribute: one that was assigned, or one of the persona. Paths go on
// with dots.
func (p Person) Get(path string) any {
	if v, ok := p.Assigned[path]; ok { // the codes of an answer: why.code
		return v
	}
	first, rest, deeper := strings.Cut(path, ".")
	v, ok := p.Assigned[first]
	if !ok {
		return p.Persona.Get(path)
	}
	for deeper {
		m, isMap := v.(map[string]any)
		if !isMap {
			return nil
		}
		first, rest, deeper = strings.Cut(rest, ".")
		v = m[first]
	}
	return v
}

// attributes returns the names of what a person has, what was assigned last.
func (p Person) attributes() []string {
	return slices.Concat(p.Persona.Keys(), sortedKeys(p.Assigned))
}
