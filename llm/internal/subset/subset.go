// Package subset rewrites JSON schemas into the subsets that vendors accept. A
// rewritten schema may allow more than its original, never less that matters: replies
// are checked against the original.
package subset

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
)

// maxNodes bounds a rewritten schema, which references that are written out can make
// much larger.
const maxNodes = 5000

// A Dialect says what a vendor accepts.
type Dialect struct {
	// Keep reports whether a keyword is accepted with this value. Structure is not
	// asked about: type, properties, required, items, anyOf, enum, description. A bound
	// that is not kept is told in the description.
	Keep func(word string, v ordered.Value) bool
	// Closed: objects may have no members but their properties, and each schema must
	// have a type.
	Closed bool
	// Ordered: a model writes members in the order of required, then of
	// propertyOrdering; both are given the order of the properties.
	Ordered bool
	// OpenAPI: types in capitals, nullable in place of null, references written out.
	OpenAPI bool
}

// Rewrite returns a schema in the dialect. ok is false where the dialect cannot say it.
func (d *Dialect) Rewrite(body json.RawMessage) (out json.RawMessage, ok bool, err error) {
	root, err := ordered.Parse(body)
	if err != nil {
		return nil, false, fmt.Errorf("schema: %w", err)
	}
	if root.Kind != ordered.Object {
		return nil, false, fmt.Errorf("schema: not an object: %.40s", body)
	}
	w := writer{Dialect: d, root: root, left: maxNodes}
	v := w.schema(root, 0)
	if w.unsaid {
		return nil, false, nil
	}
	return v.Append(nil), true, nil
}

type writer struct {
	*Dialect
	root   ordered.Value
	left   int
	unsaid bool // something that the dialect cannot say was met
}

// bounds are the keywords that a reader of a description understands.
var bounds = []string{"minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems", "minimum", "maximum",
	"exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minProperties", "maxProperties"}

func (w *writer) schema(in ordered.Value, depth int) ordered.Value {
	if w.left--; w.left < 0 || depth > ordered.MaxDepth/2 {
		w.unsaid = true
		return in
	}
	if in.Kind != ordered.Object || len(in.Fields) == 0 { // true, false, {}
		w.unsaid = w.unsaid || w.Closed || w.OpenAPI
		return in
	}
	if ref, ok := in.Field("$ref"); ok {
		return w.reference(in, ref, depth)
	}
	if all, ok := in.Field("allOf"); ok {
		if len(all.Items) != 1 || all.Items[0].Kind != ordered.Object {
			w.unsaid = true
			return in
		}
		merged := ordered.Value{Kind: ordered.Object}
		for _, f := range in.Fields {
			if f.Name != "allOf" {
				merged.Fields = append(merged.Fields, f)
			}
		}
		for _, f := range all.Items[0].Fields {
			if _, ok := merged.Field(f.Name); !ok {
				merged.Fields = append(merged.Fields, f)
			}
		}
		return w.schema(merged, depth+1)
	}
	return w.members(in, depth)
}

// reference keeps a reference, which allows no neighbours but definitions, or writes
// out what it refers to.
func (w *writer) reference(in, ref ordered.Value, depth int) ordered.Value {
	if !strings.HasPrefix(ref.Text, "#") {
		w.unsaid = true
		return in
	}
	if w.OpenAPI {
		target, ok := Target(w.root, ref.Text)
		if !ok {
			w.unsaid = true
			return in
		}
		return w.schema(target, depth+1)
	}
	out := Object(ordered.Field{Name: "$ref", Value: Text(strings.Replace(ref.Text, "#/definitions/", "#/$defs/", 1))})
	for _, f := range in.Fields {
		if f.Name == "$defs" || f.Name == "definitions" {
			out.Fields = append(out.Fields, ordered.Field{Name: "$defs", Value: w.named(f.Value, depth)})
		}
	}
	return out
}

// named rewrites schemas by name.
func (w *writer) named(v ordered.Value, depth int) ordered.Value {
	out := Object()
	for _, f := range v.Fields {
		out.Fields = append(out.Fields, ordered.Field{Name: f.Name, Value: w.schema(f.Value, depth+1)})
	}
	return out
}

func (w *writer) list(v ordered.Value, depth int) ordered.Value {
	out := ordered.Value{Kind: ordered.Array}
	for _, x := range v.Items {
		out.Items = append(out.Items, w.schema(x, depth+1))
	}
	return out
}

func (w *writer) members(in ordered.Value, depth int) ordered.Value {
	out := Object()
	add := func(name string, v ordered.Value) {
		out.Fields = append(out.Fields, ordered.Field{Name: name, Value: v})
	}
	var notes, told []string // the description, and the bounds told in it
	props, _ := in.Field("properties")
	types := Types(in)
	null := false
	if w.OpenAPI {
		null = slices.Contains(types, "null")
		types = slices.DeleteFunc(types, func(t string) bool { return t == "null" })
		w.unsaid = w.unsaid || len(types) > 1
	}
	if len(types) == 0 {
		_, any := in.Field("anyOf")
		_, one := in.Field("oneOf")
		w.unsaid = w.unsaid || (w.Closed || w.OpenAPI) && !any && !one
	} else {
		add("type", w.types(types))
	}
	for _, f := range in.Fields {
		switch k, v := f.Name, f.Value; k {
		case "type":
		case "properties":
			add(k, w.named(v, depth))
		case "required":
			add(k, w.inOrder(v, props))
		case "items":
			if v.Kind == ordered.Array { // tuples, as they were once written
				w.unsaid = true
				continue
			}
			add(k, w.schema(v, depth+1))
		case "anyOf", "oneOf":
			branches := v
			if w.OpenAPI {
				branches = ordered.Value{Kind: ordered.Array}
				for _, b := range v.Items {
					if t := Types(b); len(t) == 1 && t[0] == "null" {
						null = true
					} else {
						branches.Items = append(branches.Items, b)
					}
				}
			}
			add("anyOf", w.list(branches, depth))
		case "$defs", "definitions":
			if !w.OpenAPI {
				add("$defs", w.named(v, depth))
			}
		case "description":
			if v.Kind == ordered.String {
				notes = append(notes, v.Text)
			}
		case "enum", "const":
			if k == "const" {
				if w.Keep(k, v) {
					add(k, v)
					continue
				}
				v = ordered.Value{Kind: ordered.Array, Items: []ordered.Value{v}}
			}
			if w.Keep("enum", v) {
				add("enum", v)
			} else {
				told = append(told, "one of: "+string(v.Append(nil)))
			}
		case "additionalProperties":
			switch {
			case w.Closed || w.OpenAPI:
			case v.Kind == ordered.Object:
				add(k, w.schema(v, depth+1))
			default:
				add(k, v)
			}
		case "prefixItems":
			if !w.Keep(k, v) {
				w.unsaid = true
				continue
			}
			add(k, w.list(v, depth))
		default:
			if w.Keep(k, v) {
				add(k, v)
			} else if slices.Contains(bounds, k) {
				told = append(told, k+": "+string(v.Append(nil)))
			}
		}
	}
	if slices.Contains(types, "object") {
		more, open := in.Field("additionalProperties")
		open = open && (more.Kind == ordered.Object || more.Text == "true")
		w.unsaid = w.unsaid || (w.Closed || w.OpenAPI) && len(props.Fields) == 0 && (open || props.Kind != ordered.Object)
		if w.Closed {
			add("additionalProperties", ordered.Value{Kind: ordered.Bool, Text: "false"})
		}
	}
	if w.Ordered && len(props.Fields) > 1 {
		names := ordered.Value{Kind: ordered.Array}
		for _, p := range props.Fields {
			names.Items = append(names.Items, Text(p.Name))
		}
		add("propertyOrdering", names)
	}
	if null {
		add("nullable", ordered.Value{Kind: ordered.Bool, Text: "true"})
	}
	if len(told) > 0 {
		notes = append(notes, "("+strings.Join(told, ", ")+")")
	}
	if len(notes) > 0 {
		add("description", Text(strings.Join(notes, " ")))
	}
	return out
}

func (w *writer) types(types []string) ordered.Value {
	if w.OpenAPI {
		return Text(strings.ToUpper(types[0]))
	}
	return TypeValue(types)
}

// inOrder puts the names of required members into the order of the properties.
func (w *writer) inOrder(required, props ordered.Value) ordered.Value {
	if !w.Ordered {
		return required
	}
	at := func(v ordered.Value) int {
		i := slices.IndexFunc(props.Fields, func(f ordered.Field) bool { return f.Name == v.Text })
		if i < 0 {
			return len(props.Fields)
		}
		return i
	}
	required.Items = slices.Clone(required.Items)
	slices.SortStableFunc(required.Items, func(a, b ordered.Value) int { return at(a) - at(b) })
	return required
}
