package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// An object is a JSON object that keeps the order of its keys. Values are *object,
// []any, string, json.Number, bool or nil.
type object struct {
	keys   []string
	values map[string]any
}

// newObject returns an object of keys and values in turn.
func newObject(pairs ...any) *object {
	o := &object{values: map[string]any{}}
	for i := 0; i+1 < len(pairs); i += 2 {
		o.set(pairs[i].(string), pairs[i+1])
	}
	return o
}

func (o *object) has(k string) bool { _, ok := o.values[k]; return ok }

func (o *object) get(k string) (any, bool) { v, ok := o.values[k]; return v, ok }

func (o *object) list(k string) ([]any, bool) { v, ok := o.values[k].([]any); return v, ok }

func (o *object) set(k string, v any) {
	if !o.has(k) {
		o.keys = append(o.keys, k)
	}
	o.values[k] = v
}

func (o *object) remove(k string) {
	delete(o.values, k)
	o.keys = slices.DeleteFunc(o.keys, func(s string) bool { return s == k })
}

// clone copies the object, not its values.
func (o *object) clone() *object {
	c := newObject()
	for _, k := range o.keys {
		c.set(k, o.values[k])
	}
	return c
}

// parseJSON reads one JSON value.
func parseJSON(data []byte) (any, error) {
	if !json.Valid(data) { // also bounds the depth
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			return nil, err
		}
		return nil, errors.New("not valid JSON")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return parseValue(d)
}

func parseValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err = d.Token()
		return list, err
	case json.Delim('{'):
		o := newObject()
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			v, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			name, _ := k.(string) // a key is always a string
			o.set(name, v)
		}
		_, err = d.Token()
		return o, err
	}
	return t, nil
}

// writeJSON writes compact JSON without escaping HTML.
func writeJSON(v any) []byte { return appendJSON(nil, v) }

func appendJSON(b []byte, v any) []byte {
	switch v := v.(type) {
	case []any:
		b = append(b, '[')
		for i, x := range v {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendJSON(b, x)
		}
		return append(b, ']')
	case *object:
		b = append(b, '{')
		for i, k := range v.keys {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendScalar(b, k), ':')
			b = appendJSON(b, v.values[k])
		}
		return append(b, '}')
	}
	return appendScalar(b, v)
}

func appendScalar(b []byte, v any) []byte {
	buf := bytes.NewBuffer(b)
	e := json.NewEncoder(buf)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return append(b, "null"...) // not reached: strings, numbers, booleans and null
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}

// withoutNulls undoes in a reply what strictly did to a schema: a member that is
// null only because an optional one had to be nullable is left out. A reply that is
// not JSON, or has none, is returned as it is.
func withoutNulls(schema json.RawMessage, text string) string {
	if !strings.Contains(text, "null") {
		return text
	}
	root, err := parseJSON(schema)
	if err != nil {
		return text
	}
	v, err := parseJSON([]byte(text))
	if err != nil {
		return text
	}
	p := pruner{root: root, steps: 4096 + 16*len(text)} // ends where references go round
	p.prune(root, v)
	if !p.changed {
		return text
	}
	return string(writeJSON(v))
}

type pruner struct {
	root    any
	changed bool
	steps   int // left
}

// next counts a step of the walk, and reports whether it may be taken.
func (p *pruner) next() bool { p.steps--; return p.steps >= 0 }

// resolve follows local references.
func (p *pruner) resolve(schema any) *object {
	for range 32 {
		o, ok := schema.(*object)
		if !ok {
			return nil
		}
		ref, ok := o.values["$ref"].(string)
		if !ok {
			return o
		}
		path, ok := strings.CutPrefix(ref, "#")
		if !ok {
			return nil
		}
		schema = p.root
		for _, step := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
			if step == "" {
				continue
			}
			o, ok := schema.(*object)
			if !ok {
				return nil
			}
			if strings.Contains(step, "~") {
				step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
			}
			schema = o.values[step]
		}
	}
	return nil
}

func (p *pruner) prune(schema, v any) {
	s := p.resolve(schema)
	if s == nil || !p.next() {
		return
	}
	for _, k := range []string{"anyOf", "oneOf", "allOf"} {
		branches, _ := s.list(k)
		for _, b := range branches {
			if k == "allOf" || p.fits(b, v) {
				p.prune(b, v)
			}
		}
	}
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			p.prune(s.values["items"], x)
		}
	case *object:
		props, ok := s.values["properties"].(*object)
		if !ok {
			return
		}
		required, _ := s.list("required")
		for _, k := range slices.Clone(v.keys) {
			sub, known := props.get(k)
			switch {
			case !known:
			case v.values[k] == nil && !slices.Contains(required, any(k)) && !p.takesNull(sub):
				v.remove(k)
				p.changed = true
			default:
				p.prune(sub, v.values[k])
			}
		}
	}
}

// fits reports whether v could be meant by one of several branches: its required
// members are there, and fixed values agree.
func (p *pruner) fits(branch, v any) bool {
	s := p.resolve(branch)
	o, ok := v.(*object)
	if s == nil || !ok {
		return false
	}
	required, _ := s.list("required")
	for _, k := range required {
		if name, ok := k.(string); !ok || !o.has(name) {
			return false
		}
	}
	props, ok := s.values["properties"].(*object)
	if !ok {
		return false
	}
	for _, k := range o.keys {
		sub, known := props.get(k)
		if !known {
			return false
		}
		if q := p.resolve(sub); q != nil {
			if c, ok := q.values["const"].(string); ok && c != o.values[k] {
				return false
			}
			if e, ok := q.list("enum"); ok && o.values[k] != nil && !slices.ContainsFunc(e, func(x any) bool { return same(x, o.values[k]) }) {
				return false
			}
		}
	}
	return true
}

// same compares scalars.
func same(a, b any) bool {
	switch a.(type) {
	case string, json.Number, bool, nil:
		return a == b
	}
	return false
}

func (p *pruner) takesNull(schema any) bool {
	s := p.resolve(schema)
	if s == nil {
		return schema == true
	}
	if !p.next() {
		return true
	}
	for _, k := range []string{"anyOf", "oneOf"} {
		branches, _ := s.list(k)
		if slices.ContainsFunc(branches, func(b any) bool { return p.takesNull(b) }) {
			return true
		}
	}
	return len(s.keys) == 0 || allowsNull(s)
}
