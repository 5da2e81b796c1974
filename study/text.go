package study

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Text is a text of a study in which everything is filled in that does not depend
// on who it is for: ${person.age} and ${room.id} are left. It is never cut.
type Text struct{ parts []part }

// part is literal text, or a reference.
type part struct {
	text string
	ref  []string // person.age, room.id
	at   func() place
}

// String returns the text with what is left open as ${…}.
func (t Text) String() string {
	var b strings.Builder
	for _, p := range t.parts {
		if p.ref != nil {
			b.WriteString("${" + strings.Join(p.ref, ".") + "}")
			continue
		}
		b.WriteString(p.text)
	}
	return b.String()
}

// general returns the text for nobody in particular: … stands for what is left open.
func (t Text) general() string {
	s, _ := t.with(func([]string) (string, error) { return "…", nil })
	return s
}

// blended returns what two texts share, with … for where they differ.
func blended(a, b string) string {
	if a == b {
		return a
	}
	x, y := strings.Fields(a), strings.Fields(b)
	n := 0
	for n < min(len(x), len(y)) && x[n] == y[n] {
		n++
	}
	m := 0
	for m < min(len(x), len(y))-n && x[len(x)-1-m] == y[len(y)-1-m] {
		m++
	}
	return strings.Join(slices.Concat(x[:n], []string{"…"}, x[len(x)-m:]), " ")
}

// MarshalJSON returns the text as a JSON string in which nothing is ambiguous.
func (t Text) MarshalJSON() ([]byte, error) {
	var b strings.Builder
	for _, p := range t.parts {
		if p.ref != nil {
			b.WriteString("${" + strings.Join(p.ref, ".") + "}")
			continue
		}
		b.WriteString(strings.ReplaceAll(p.text, "${", "$${"))
	}
	return json.Marshal(b.String())
}

// Same reports whether the text is the same for everybody.
func (t Text) Same() bool {
	return !slices.ContainsFunc(t.parts, func(p part) bool { return p.ref != nil && p.ref[0] == "person" })
}

// For returns the text for one person in a room.
func (t Text) For(p Person, room string) (string, error) {
	return t.with(func(ref []string) (string, error) {
		if ref[0] == "room" {
			return room, nil
		}
		return p.text(ref)
	})
}

// with returns the text with what is left open replaced by what value says.
func (t Text) with(value func(ref []string) (string, error)) (string, error) {
	var b strings.Builder
	for _, x := range t.parts {
		s := x.text
		if x.ref != nil {
			var err error
			if s, err = value(x.ref); err != nil {
				return "", err
			}
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

// text returns what ${person.…} stands for.
func (p Person) text(ref []string) (string, error) {
	path := strings.Join(ref[1:], ".")
	s, ok := attribute(p, path)
	if !ok {
		return "", fmt.Errorf("%s has no %s that could stand in a text", p.Name(), path)
	}
	return s, nil
}

// attribute returns a scalar of a person as text.
func attribute(p Person, path string) (string, bool) {
	switch v := p.Get(path).(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	case bool:
		return fmt.Sprint(v), true
	}
	return "", false
}

var (
	reference = regexp.MustCompile(`\$\$\{|\$\{[^}]*\}?`)
	refName   = regexp.MustCompile(`^[\pL_][\pL\pN_-]*(\.[\pL\pN_ -]+)*$`)
)

// reserved are names that variables cannot have.
var reserved = []string{"person", "room", "env", "said", "arm"}

// A use says what a text is for, and so what may be left open in it.
type use int

const (
	fixed  use = iota // for the study itself: nothing
	spoken            // for people: what depends on them, and on their room
	sent              // for a chatbot: that, what was said, and the environment
)

// fill fills in a text that is written at a place.
func (d *decoder) fill(text string, at place, open use) Text {
	var t Text
	literal := func(s string) {
		if s == "" {
			return
		}
		if n := len(t.parts); n > 0 && t.parts[n-1].ref == nil {
			t.parts[n-1].text += s
			return
		}
		t.parts = append(t.parts, part{text: s})
	}
	seen := map[string]int{}
	for text != "" && !d.bad.full() {
		loc := reference.FindStringIndex(text)
		if loc == nil {
			literal(text)
			break
		}
		literal(text[:loc[0]])
		whole := text[loc[0]:loc[1]]
		text = text[loc[1]:]
		if whole == "$${" {
			literal("${")
			continue
		}
		nth := seen[whole]
		p := func() place { return at.occurrence(whole, nth) } // found where it is asked for: texts may be long
		seen[whole]++
		name, closed := strings.CutSuffix(strings.TrimPrefix(whole, "${"), "}")
		if name = strings.TrimSpace(name); !closed || !refName.MatchString(name) {
			d.bad.add(p(), []string{"$${ stands for ${ itself."}, "expected ${name} or ${name.part}")
			continue
		}
		s, ref := d.resolve(strings.Split(name, "."), p, open)
		if ref != nil {
			t.parts = append(t.parts, part{ref: ref, at: p})
			continue
		}
		literal(s)
	}
	return t
}

// resolve returns the text that a reference stands for, or the reference itself
// where that is known only later.
func (d *decoder) resolve(ref []string, at func() place, open use) (string, []string) {
	name := strings.Join(ref, ".")
	switch ref[0] {
	case "person", "room":
		switch {
		case open == fixed:
			d.bad.add(at(), nil, "${%s} is not known here: this is not a text for a person", name)
		case len(ref) < 2:
			d.bad.add(at(), nil, "expected ${person.age} or another attribute; ${room.id} for the room")
		case ref[0] == "room" && name != "room.id":
			d.bad.add(at(), []string{"Did you mean ${room.id}?"}, "a room has no %q", strings.Join(ref[1:], "."))
		default:
			return "", ref
		}
		return "", nil
	case "said":
		if open == sent && len(ref) == 1 {
			return "", ref
		}
		d.bad.add(at(), nil, "${said} is known only in the body of an http person")
		return "", nil
	case "arm":
		d.bad.add(at(), []string{"To vary a study now, run it with --set."}, "${%s}: arms are not available yet in this version", name).NotYet = true
		return "", nil
	case "env":
		if len(ref) == 2 {
			if v, ok := d.env(ref[1]); ok {
				if open == sent {
					return "", ref // it is filled in where it is sent, and is kept nowhere
				}
				return v, nil
			}
		}
		d.bad.add(at(), []string{"Set it before the run."}, "the environment has no %s", strings.Join(ref[1:], "."))
		return "", nil
	}
	v, ok := d.study.Vars[ref[0]]
	if !ok {
		d.missing++
		d.bad.add(at(), known("variables", ref[0], d.varNames()), "there is no variable %q", ref[0])
		return "", nil
	}
	for i, key := range ref[1:] {
		m, isMap := v.(map[string]any)
		if !isMap {
			d.bad.add(at(), nil, "%s is %s: it has no %q", strings.Join(ref[:i+1], "."), kindOf(v), key)
			return "", nil
		}
		if v, ok = m[key]; !ok {
			d.bad.add(at(), known("it has", key, sortedKeys(m)), "%s has no %q", strings.Join(ref[:i+1], "."), key)
			return "", nil
		}
	}
	s, ok := v.(string)
	if !ok {
		d.bad.add(at(), nil, "%s is %s, not a text", name, kindOf(v))
	}
	return s, nil
}

func kindOf(v any) string {
	switch v.(type) {
	case string:
		return "a text"
	case []any:
		return "a list"
	}
	return "a map"
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}
