package openai

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/subset"
)

// withoutNulls undoes in a reply what strictly did to a schema: a member that is
// null only because an optional one had to be nullable is left out. A reply that is
// not JSON, or has none, is returned as it is.
func withoutNulls(schema json.RawMessage, text string) string {
	if !strings.Contains(text, "null") {
		return text
	}
	root, err := ordered.Parse(schema)
	if err != nil {
		return text
	}
	v, err := ordered.Parse([]byte(text))
	if err != nil {
		return text
	}
	p := pruner{root: root, steps: 4096 + 16*len(text)} // ends where references go round
	v = p.prune(root, v)
	if !p.changed {
		return text
	}
	return string(v.Append(nil))
}

type pruner struct {
	root    ordered.Value
	changed bool
	steps   int // left
}

// next counts a step of the walk, and reports whether it may be taken.
func (p *pruner) next() bool { p.steps--; return p.steps >= 0 }

// resolve follows local references. What they do not lead to is null, which says
// nothing about a value.
func (p *pruner) resolve(schema ordered.Value) ordered.Value {
	for range 32 {
		ref, ok := schema.Field("$ref")
		if !ok {
			return schema
		}
		if schema, ok = subset.Target(p.root, ref.Text); !ok {
			break
		}
	}
	return ordered.Value{}
}

func (p *pruner) prune(schema, v ordered.Value) ordered.Value {
	s := p.resolve(schema)
	if s.Kind != ordered.Object || !p.next() {
		return v
	}
	for _, k := range []string{"anyOf", "oneOf", "allOf"} {
		for _, b := range items(s, k) {
			if k == "allOf" || p.fits(b, v) {
				v = p.prune(b, v)
			}
		}
	}
	switch v.Kind {
	case ordered.Array:
		below, _ := s.Field("items")
		v.Items = slices.Clone(v.Items)
		for i := range v.Items {
			v.Items[i] = p.prune(below, v.Items[i])
		}
	case ordered.Object:
		props, _ := s.Field("properties")
		required := items(s, "required")
		var kept []ordered.Field
		for _, f := range v.Fields {
			if sub, known := props.Field(f.Name); known {
				if f.Value.Kind == ordered.Null && !holds(required, f.Name) && !p.takesNull(sub) {
					p.changed = true
					continue
				}
				f.Value = p.prune(sub, f.Value)
			}
			kept = append(kept, f)
		}
		v.Fields = kept
	}
	return v
}

// fits reports whether an object could be meant by one of several branches: its
// members are the branch's, those required are there, and fixed values agree.
func (p *pruner) fits(branch, v ordered.Value) bool {
	s := p.resolve(branch)
	props, ok := s.Field("properties")
	if !ok || v.Kind != ordered.Object {
		return false
	}
	for _, r := range items(s, "required") {
		if _, ok := v.Field(r.Text); !ok {
			return false
		}
	}
	for _, f := range v.Fields {
		sub, known := props.Field(f.Name)
		if !known {
			return false
		}
		sub = p.resolve(sub)
		allowed := items(sub, "enum")
		if c, ok := sub.Field("const"); ok {
			allowed = []ordered.Value{c}
		}
		if allowed != nil && f.Value.Kind != ordered.Null && !slices.ContainsFunc(allowed, func(a ordered.Value) bool {
			return a.Kind == f.Value.Kind && a.Text == f.Value.Text
		}) {
			return false
		}
	}
	return true
}

func (p *pruner) takesNull(schema ordered.Value) bool {
	s := p.resolve(schema)
	if s.Kind != ordered.Object {
		return s.Text == "true"
	}
	if !p.next() {
		return true
	}
	if slices.ContainsFunc(append(slices.Clip(items(s, "anyOf")), items(s, "oneOf")...), p.takesNull) {
		return true
	}
	return len(s.Fields) == 0 || allowsNull(s)
}
