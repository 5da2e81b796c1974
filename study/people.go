package study

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/people"
)

func (d *decoder) people(root *node) {
	n := root.get("people")
	switch {
	case n == nil:
		d.bad.add(place{src: d.src}, []string{"Such as people: {lisa: {file: lisa.agent.json}}."}, "a study needs people")
		d.partial = true
		return
	case n.kind != mapNode || len(n.fields) == 0:
		d.bad.add(n.at, []string{"Each key names a group: people: {lisa: {file: lisa.agent.json}}."}, "expected a map of people, found %s", n.describe())
		d.partial = true
		return
	}
	where := map[string]place{} // of each name
	for _, f := range n.fields {
		g, ok := d.group(f)
		d.partial = d.partial || !ok
		if n := len(g.People); n > 1 && slices.ContainsFunc(g.People, func(p Person) bool { return p.Name() == g.Name }) {
			d.bad.add(f.key.at, []string{"Call the group something else."}, "%s is a person and a group of %d", g.Name, n)
		}
		for _, p := range g.People {
			if first, taken := where[p.Name()]; taken {
				d.bad.add(f.key.at, []string{fmt.Sprintf("The first is on line %d. Names are unique in a study.", first.line)}, "%s is here twice", p.Name())
			}
			where[p.Name()] = f.key.at
		}
		d.study.People = append(d.study.People, g)
	}
	for _, g := range d.study.People {
		at, taken := where[g.Name]
		if taken && !slices.ContainsFunc(g.People, func(p Person) bool { return p.Name() == g.Name }) {
			d.bad.add(at, []string{"Call the group something else."}, "%s is a person here and the name of another group", g.Name)
		}
	}
}

// group reads one group; false where its people are not known.
func (d *decoder) group(f field) (Group, bool) {
	g := Group{Name: f.key.text}
	before := len(d.bad.list)
	n := f.value
	if g.Name == everyone {
		d.bad.add(f.key.at, nil, "a group cannot be called everyone")
	}
	if n.kind != mapNode {
		d.bad.add(n.at, knownWords("keys", "", groupWords), "expected a map such as {file: %s.agent.json}, found %s", f.key.text, n.describe())
		return g, false
	}
	d.words(n, "a group of people", groupWords)
	var first *node
	for _, x := range n.fields {
		if !slices.Contains(sources, x.key.text) {
			continue
		}
		if first != nil {
			d.bad.add(x.key.at, nil, "%s and %s: a group has one of %s", first.text, x.key.text, listed(availableSources()))
		}
		first = x.key
	}
	if first == nil {
		d.bad.add(f.key.at, nil, "%s needs one of %s", f.key.text, listed(availableSources()))
		return g, false
	}
	var list []tinytroupe.Persona
	known := true
	switch v := n.get(first.text); first.text {
	case "file":
		list, known = d.filePeople(v)
	case "persona":
		list, known = one(d.inline(v, g.Name))
	case "human":
		g.Human = true
		list, known = one(d.human(v, g.Name))
	case "http":
		g.HTTP, g.Staff = d.http(v, n.get("assign")), true
		list = []tinytroupe.Persona{tinytroupe.NewPersona(g.Name)}
	default:
		known = false
	}
	if v := n.get("staff"); v != nil {
		g.Staff = d.yes(v, g.Staff)
		if g.HTTP != nil && !g.Staff {
			d.bad.add(v.at, nil, "a chatbot is staff")
		}
	}
	list = d.fragments(n.get("fragments"), list)
	for _, p := range list {
		if g.HTTP == nil {
			p = d.speaking(p)
		}
		g.People = append(g.People, Person{Group: g.Name, Staff: g.Staff, Persona: p, Begins: d.begins[p.Name()].begins})
	}
	d.choose(n, &g, first.text, known)
	d.assign(n.get("assign"), &g)
	return g, known && len(d.bad.list) == before
}

func one(p tinytroupe.Persona, ok bool) ([]tinytroupe.Persona, bool) {
	if !ok {
		return nil, false
	}
	return []tinytroupe.Persona{p}, true
}

// speaking gives the study's language to whoever has none of their own.
func (d *decoder) speaking(p tinytroupe.Persona) tinytroupe.Persona {
	if d.study.Language == "" || p.Get("language") != nil {
		return p
	}
	spoken, err := p.With("language", d.study.Language)
	if err != nil {
		return p // no persona refuses a text at its top
	}
	return spoken
}

func (d *decoder) personFile(n *node) (tinytroupe.Persona, bool) {
	data, src, ok := d.file(n)
	if !ok {
		return tinytroupe.Persona{}, false
	}
	s, err := people.Parse(src.name, data)
	if err != nil {
		d.personaError(err, src, place{})
		return s.Persona, false
	}
	d.study.Warnings = append(d.study.Warnings, s.Warnings...)
	if b := beginning(s); b != nil {
		if d.begins == nil {
			d.begins = map[string]saved{}
		}
		d.begins[s.Persona.Name()] = saved{src.name, b}
	}
	return s.Persona, true
}

func (d *decoder) ignored(file string, keys []string) {
	if len(keys) > 0 {
		d.study.Warnings = append(d.study.Warnings, fmt.Sprintf("%s: not used: %s", file, listed(keys)))
	}
}

// personaError reports what is wrong with a persona: in its own file where it has
// one, else at p.
func (d *decoder) personaError(err error, src *source, p place) {
	problem := err.Error()
	if e, ok := errors.AsType[*tinytroupe.PersonaError](err); ok {
		problem = e.Problem
		if e.Path != "" {
			problem = e.Path + ": " + problem
		}
		if src != nil {
			p = place{src, e.Line, e.Column, 1}
		}
	}
	if p.src == nil {
		p.src = src
	}
	d.bad.add(p, nil, "%s", problem)
}

// fragments adds one fragment or several to each of the people.
func (d *decoder) fragments(n *node, list []tinytroupe.Persona) []tinytroupe.Persona {
	if n == nil {
		return list
	}
	for _, it := range n.list() {
		data, src, ok := d.file(it)
		if !ok {
			continue
		}
		f, ignored, err := tinytroupe.ParseFragment(src.name, data)
		if err != nil {
			d.personaError(err, src, place{})
			continue
		}
		d.ignored(src.name, ignored)
		for i, p := range list {
			merged, err := p.Merge(f, tinytroupe.Fail)
			if err != nil {
				d.personaError(err, nil, it.at)
				break
			}
			list[i] = merged
		}
	}
	return list
}

// inline reads a persona that is written out in the study.
func (d *decoder) inline(n *node, group string) (tinytroupe.Persona, bool) {
	if n.kind != mapNode {
		d.bad.add(n.at, nil, "expected a map of what the person is like, found %s", n.describe())
		return tinytroupe.Persona{}, false
	}
	before := len(d.bad.list)
	value := d.json(n)
	if n.get("name") == nil {
		name, _ := json.Marshal(group)
		more := value[1:]
		if len(n.fields) > 0 {
			more = "," + more
		}
		value = `{"name":` + string(name) + more
	}
	if len(d.bad.list) > before {
		return tinytroupe.Persona{}, false
	}
	p, ignored, err := tinytroupe.ParsePersona("", []byte(value))
	if err != nil {
		at := n.at
		if e, ok := errors.AsType[*tinytroupe.PersonaError](err); ok {
			for _, key := range strings.Split(e.Path, ".") {
				if v := n.get(key); v != nil {
					n, at = v, v.at
				}
			}
			err = &tinytroupe.PersonaError{Path: e.Path, Problem: e.Problem}
		}
		d.personaError(err, nil, at)
		return p, false
	}
	d.ignored("persona "+group, ignored)
	return p, true
}

// number is a scalar that JSON reads as the number it looks like.
var number = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$`)

// json returns a value as JSON text, keys in order. What looks like a number to JSON
// is one; other spellings, such as 07, stay texts.
func (d *decoder) json(n *node) string {
	switch n.kind {
	case nullNode:
		return "null"
	case scalarNode:
		d.comment(n)
		text := d.scalar(n)
		if !n.quoted && (text == "true" || text == "false" || number.MatchString(text)) {
			return text
		}
		return quoteRaw(text)
	case listNode:
		items := make([]string, len(n.items))
		for i, it := range n.items {
			items[i] = d.json(it)
		}
		return "[" + strings.Join(items, ",") + "]"
	}
	fields := make([]string, len(n.fields))
	for i, f := range n.fields {
		fields[i] = quoteRaw(f.key.text) + ":" + d.json(f.value)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

// quoteRaw quotes a JSON string and escapes no more than it must.
func quoteRaw(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(s) != nil {
		return `""` // strings always encode
	}
	return strings.TrimSuffix(b.String(), "\n")
}
