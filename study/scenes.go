package study

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
)

// rooms reads how people are spread over rooms.
func (d *decoder) rooms(n *node) Rooms {
	r := Rooms{Spread: All}
	hint := []string{"Rooms are all, each, {of: 8} or {by: attribute}."}
	if n.kind != mapNode {
		r.Spread = Spread(d.choice(n, string(All), string(All), string(Each)))
		return r
	}
	d.words(n, "rooms", roomWords)
	of, by := n.get("of"), n.get("by")
	switch {
	case of != nil && by != nil:
		d.bad.add(by.at, hint, "of and by: rooms have one of them")
	case of != nil:
		c, ok := parseCount(d.scalar(of))
		if !ok {
			d.bad.add(of.at, nil, "%s, found %s", aCount, of.describe())
		}
		r.Spread, r.Of = Of, c
	case by != nil:
		if r.Spread, r.By = By, d.scalar(by); by.kind == scalarNode && r.By == "" {
			d.bad.add(by.at, nil, "expected an attribute, found nothing")
		}
	default:
		d.bad.add(n.at, hint, "expected rooms, found %s", n.describe())
	}
	return r
}

// checkRooms reports whoever cannot be put into a room by their attribute.
func (d *decoder) checkRooms(r Rooms, n *node, scene bool) {
	if r.Spread != By || r.By == "" || d.partial || d.edited() {
		return
	}
	for _, p := range d.study.everybody() {
		if scene {
			may, _ := d.scene.Who.may(p)
			with := false
			if d.scene.With != nil {
				_, with = d.scene.With.may(p)
			}
			if !may || with {
				continue
			}
		} else if p.Staff {
			continue
		}
		if _, ok := attribute(p, r.By); !ok {
			at := n.get("by").at
			if p.Get(r.By) != nil {
				d.bad.add(at, nil, "%s of %s is more than a text: it tells no room", r.By, p.Name())
			} else {
				d.bad.add(at, known("attributes", r.By, p.attributes()), "%s has no %q, and so no room", p.Name(), r.By)
			}
			return
		}
	}
}

// sceneOf reads a scene and its steps.
func (d *decoder) sceneOf(n, value *node) Verb {
	s := Scene{Name: d.line(value), Rooms: Rooms{Spread: All}}
	switch {
	case d.scene != nil:
		d.bad.add(value.at, []string{"Scenes follow one another."}, "a scene within a scene")
		return s
	case d.loops > 0:
		d.bad.add(value.at, []string{"A loop may stand in a scene."}, "a scene within for")
		return s
	}
	if name := folder(s.Name); name != "" {
		if first, taken := d.names[strings.ToLower(name)]; taken {
			d.bad.add(value.at, []string{fmt.Sprintf("The first is on line %d.", first.line)}, "there is a scene called %s already", s.Name)
		}
		d.names[strings.ToLower(name)] = value.at
	}
	before := len(d.bad.list)
	if v := n.get("who"); v != nil {
		s.Who, s.Named = d.who(v), true
		d.checkWho(s.Who, len(d.bad.list) == before)
	}
	if v := n.get("with"); v != nil {
		before := len(d.bad.list)
		with := d.who(v)
		d.checkWho(with, len(d.bad.list) == before)
		s.With = &with
	}
	s.Fresh = d.yes(n.get("fresh"), false)
	outside := d.nth
	d.scene, d.nth = &s, 0
	defer func() { d.scene, d.nth = nil, outside }()
	if v := n.get("rooms"); v != nil {
		s.Rooms = d.rooms(v)
		d.checkRooms(s.Rooms, v, true)
	}
	s.Do = d.do(n, "scene")
	d.scenes = append(d.scenes, s.Name)
	return s
}

// do reads the steps of a scene or a loop.
func (d *decoder) do(n *node, what string) []Step {
	do := n.get("do")
	switch {
	case do == nil:
		d.bad.add(n.at, []string{"Such as do: [{run: 2}]."}, "a %s needs do: its steps", what)
		return nil
	case do.kind != listNode || len(do.items) == 0:
		d.bad.add(do.at, []string{"Each begins with a dash: - run: 2"}, "expected a list of steps, found %s", do.describe())
		return nil
	}
	return d.stepsOf(do)
}

var loopHead = regexp.MustCompile(`^\s*(\S+)\s+in\s+(\S.*?)\s*$`)

// loop reads the steps of a loop, once for each item.
func (d *decoder) loop(n, value *node) Verb {
	f := For{Order: Order(d.choice(n.get("order"), string(Written), string(Written), string(Rotate), string(Shuffle)))}
	hint := []string{"Such as for: concept in concepts, where concepts is a list of vars."}
	if value.kind != scalarNode {
		d.bad.add(value.at, hint, "expected NAME in LIST, found %s", value.describe())
		return f
	}
	m := loopHead.FindStringSubmatch(d.scalar(value))
	if m == nil {
		d.bad.add(value.at, hint, "expected NAME in LIST, found %s", value.describe())
		return f
	}
	f.Var = m[1]
	_, taken := d.study.Vars[f.Var]
	switch {
	case slices.Contains(reserved, f.Var):
		d.bad.add(value.at, nil, "the name is taken: ${%s.…} has a meaning of its own", f.Var)
		return f
	case taken:
		d.bad.add(value.at, nil, "the name is taken: there is a variable %s", f.Var)
		return f
	case strings.Contains(f.Var, ".") || !refName.MatchString(f.Var):
		d.bad.add(value.at, nil, "a variable's name is letters, digits, - and _")
		return f
	}
	rooms := d.study.World.Rooms
	if d.scene != nil {
		rooms = d.scene.Rooms
	}
	if f.Order == Rotate && rooms.Spread == All {
		d.warn(n.get("order"), "order: rotate: there is one room, in which the order is as written")
	}
	items, err := d.list(d.inText(m[2], value.at.occurrence(m[2], 0)))
	if err != nil {
		if err != errSaid {
			d.bad.add(value.at, nil, "%s: %v", m[2], err)
		}
		return f
	}
	d.items = appendNew(d.items, f.Var)
	d.loops++
	d.nth++
	within, nth := d.within, d.nth
	f.place = fmt.Sprint(within, nth)
	for i, item := range items {
		d.within, d.nth = fmt.Sprintf("%s:%d/", f.place, i+1), 0
		d.study.Vars[f.Var] = item
		f.Items = append(f.Items, called(item, len(f.Items)+1))
		f.Do = append(f.Do, d.do(n, "for"))
		if d.bad.full() || d.steps >= mostSteps {
			break
		}
	}
	d.loops--
	d.within, d.nth = within, nth
	delete(d.study.Vars, f.Var)
	loop := []any{f.Var, f.Order} // and all else that decides which step follows which
	if f.Order != Written {
		for _, body := range f.Do {
			loop = append(loop, len(leaves(body)))
		}
	}
	if f.Order == Shuffle {
		loop = append(loop, f.place)
	}
	for i, body := range f.Do {
		for _, x := range leaves(body) {
			x.Hash = hashOf(x.Hash, loop, i, f.Items[i]) // answers hold what the item is called
		}
	}
	return f
}

// called is what an item of a list is called in tables: the text that it is, or its
// name, id or title, or its number.
func called(item any, n int) string {
	switch v := item.(type) {
	case string:
		return v
	case map[string]any:
		for _, key := range []string{"name", "id", "title", "label"} {
			if s, ok := v[key].(string); ok && s != "" {
				return s
			}
		}
	}
	return fmt.Sprint(n)
}

// inText returns a list that stands in a text, or the name of one.
func (d *decoder) inText(text string, at place) *node {
	var bad mistakes
	if n := parseYAML(newSource("", []byte(text)), &bad); strings.HasPrefix(text, "[") && n != nil && n.kind == listNode && len(bad.list) == 0 {
		n.at = at
		for _, it := range n.items {
			it.at, it.last = at, at.line
		}
		return n
	}
	return &node{kind: scalarNode, text: text, at: at}
}

// network reads who is related to whom: CSV with a header, two names and perhaps
// what they are to each other.
func (d *decoder) network(n *node) {
	if n == nil {
		return
	}
	src, ok := d.plain(n)
	if !ok {
		return
	}
	r := csv.NewReader(strings.NewReader(src.text))
	r.TrimLeadingSpace = true
	var records [][]string
	var lines []int // on which they begin
	rec, err := r.Read()
	for ; err == nil; rec, err = r.Read() {
		line, _ := r.FieldPos(0)
		records, lines = append(records, rec), append(lines, line)
	}
	if err != io.EOF {
		p, problem := place{src: src}, err.Error()
		if pe, ok := errors.AsType[*csv.ParseError](err); ok {
			p, problem = place{src, pe.Line, max(1, pe.Column), 1}, pe.Err.Error()
		}
		d.bad.add(p, []string{"Relations are CSV with a header: two names, and perhaps what they are to each other."}, "%s", problem)
		return
	}
	people := map[string]string{} // by what they can be called
	for _, g := range d.study.People {
		if len(g.People) == 1 {
			people[g.Name] = g.People[0].Name()
		}
	}
	var names []string
	for _, p := range d.study.everybody() {
		people[p.Name()] = p.Name()
		names = append(names, p.Name())
	}
	for _, g := range d.study.People {
		names = appendNew(names, g.Name)
	}
	if len(records) < 2 || len(records[0]) < 2 || len(records[0]) > 3 {
		d.bad.add(n.at, nil, "%s: expected a header with two or three columns, such as from,to,relation, and at least one row", src.name)
		return
	}
	if _, ok := people[records[0][0]]; ok {
		d.bad.add(place{src, 1, 1, 1}, []string{"Such as from,to,relation."}, "the first line is a header, and not a relation")
	}
	list, met := []tinytroupe.Relation{}, map[[2]string]string{}
	for i, rec := range records[1:] {
		line := lines[i+1]
		rel, sound := tinytroupe.Relation{}, true
		for k, to := range []*string{&rel.A, &rel.B} {
			name, ok := people[strings.TrimSpace(rec[k])]
			if !ok && !d.partial {
				at := place{src, line, 1, 1}.occurrence(rec[k], 0)
				d.bad.add(at, known("who there is", rec[k], names), "there is nobody called %q", rec[k])
			}
			*to, sound = name, sound && ok
		}
		if len(rec) > 2 {
			rel.Name = strings.TrimSpace(rec[2])
		}
		if !sound {
			continue
		}
		pair := [2]string{min(rel.A, rel.B), max(rel.A, rel.B)}
		switch old, again := met[pair]; {
		case rel.A == rel.B:
			d.bad.add(place{src, line, 1, 1}, nil, "%s is related to themselves", rel.A)
		case again && old != rel.Name:
			d.bad.add(place{src, line, 1, 1}, nil, "%s and %s are related as %q and as %q", rel.A, rel.B, old, rel.Name)
		case !again:
			met[pair] = rel.Name
			list = append(list, rel)
		}
	}
	d.study.World.Network = list
}

// folder makes a name of a folder, or a file, of any text that names a scene or a
// room: slashes would make more of them.
func folder(name string) string {
	return strings.TrimSpace(strings.NewReplacer("/", "-", `\`, "-").Replace(name))
}
