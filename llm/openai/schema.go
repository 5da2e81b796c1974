package openai

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// A class groups the keywords of JSON schema that endpoints accept or refuse
// together.
type class uint8

const (
	lengths class = 1 << iota
	items
	ranges
	patterns
	formats
)

// classes of optional keywords, in the order in which they are tried as the cause
// of a refusal.
var classes = []struct {
	class class
	words []string
}{
	{lengths, []string{"minLength", "maxLength"}},
	{items, []string{"minItems", "maxItems"}},
	{ranges, []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}},
	{patterns, []string{"pattern"}},
	{formats, []string{"format"}},
}

// plain are the keywords that the strict dialect takes as they are.
var plain = []string{"type", "description", "title", "enum", "const", "$ref"}

// strictFormats are the formats that the strict dialect knows.
var strictFormats = []string{"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}

// A strictSchema is a schema in the dialect of OpenAI's strict mode.
type strictSchema struct {
	body     json.RawMessage
	strict   bool // false: the dialect cannot say it; body is then the schema as it was
	nullable bool // optional members were made required and nullable: see withoutNulls
}

// strictly rewrites a schema into the strict dialect: every object closed, every
// member required, an optional one nullable, oneOf read as anyOf. Keywords that it
// does not know, and those of the classes in drop, are left out, which only widens
// the schema: replies are checked against the original. Key order is kept, since it
// is the order in which a model writes. Open objects (maps), tuples and schemas
// without a type cannot be said; such a schema is returned as it was, not strict.
func strictly(body json.RawMessage, drop class) (*strictSchema, error) {
	v, err := parseJSON(body)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	root, ok := v.(*object)
	if !ok {
		return nil, fmt.Errorf("schema: not an object: %.40s", body)
	}
	n := normaliser{drop: drop}
	if !root.has("$ref") && !root.has("anyOf") && !root.has("oneOf") {
		if t := typesOf(root); len(t) > 0 && !slices.Contains(t, "object") {
			return nil, fmt.Errorf("schema: its root must be an object, not %s", strings.Join(t, " or "))
		}
		root = root.clone()
		root.set("type", "object")
	} else {
		n.open = true
	}
	out := n.schema(root)
	if n.open {
		n = normaliser{drop: drop}
		return &strictSchema{body: writeJSON(n.thin(v))}, nil
	}
	return &strictSchema{body: writeJSON(out), strict: true, nullable: n.nullable}, nil
}

type normaliser struct {
	drop     class
	open     bool // something that the dialect cannot say was met
	nullable bool
}

// keeps reports whether an optional keyword is sent.
func (n *normaliser) keeps(word string, value any) bool {
	for _, c := range classes {
		if !slices.Contains(c.words, word) {
			continue
		}
		s, _ := value.(string)
		switch {
		case n.drop&c.class != 0:
			return false
		case c.class == formats:
			return slices.Contains(strictFormats, s)
		case c.class == patterns:
			// Grammars take anchored patterns alone, and a lookahead kills some servers.
			return strings.HasPrefix(s, "^") && strings.HasSuffix(s, "$") && !strings.Contains(s, "(?")
		}
		return true
	}
	return false
}

func (n *normaliser) schema(v any) any {
	in, ok := v.(*object)
	if !ok || len(in.keys) == 0 { // true, false, {}
		n.open = true
		return v
	}
	if ref, ok := in.get("$ref"); ok { // allows no neighbours
		out := newObject("$ref", ref)
		n.definitions(in, out)
		return out
	}
	if all, _ := in.list("allOf"); len(all) == 1 && !in.has("properties") && !in.has("anyOf") {
		if one, ok := all[0].(*object); ok {
			merged := in.clone()
			merged.remove("allOf")
			for _, k := range one.keys {
				if !merged.has(k) {
					merged.set(k, one.values[k])
				}
			}
			return n.schema(merged)
		}
	}
	if in.has("allOf") || in.has("prefixItems") {
		n.open = true
	}
	out := newObject()
	types := typesOf(in)
	if !in.has("type") && len(types) > 0 {
		out.set("type", typeValue(types))
	}
	for _, k := range in.keys {
		v := in.values[k]
		switch {
		case k == "properties":
			n.properties(in, out)
		case k == "items":
			out.set(k, n.schema(v))
		case k == "anyOf" || k == "oneOf":
			n.branches(v, out)
		case slices.Contains(plain, k) || n.keeps(k, v):
			out.set(k, v)
		}
	}
	n.definitions(in, out)
	if len(types) == 0 && !out.has("anyOf") {
		n.open = true
	}
	if slices.Contains(types, "array") && !out.has("items") {
		n.open = true
	}
	if slices.Contains(types, "object") && !out.has("properties") {
		if closed, ok := in.values["additionalProperties"].(bool); !ok || closed {
			n.open = true
			return out
		}
		out.set("properties", newObject())
		out.set("required", []any{})
		out.set("additionalProperties", false)
	}
	return out
}

func (n *normaliser) properties(in, out *object) {
	props, ok := in.values["properties"].(*object)
	if !ok {
		n.open = true
		return
	}
	required, _ := in.list("required")
	res, all := newObject(), []any{}
	for _, name := range props.keys {
		p := n.schema(props.values[name])
		if !slices.Contains(required, any(name)) && !allowsNull(p) {
			p, n.nullable = nullable(p), true
		}
		res.set(name, p)
		all = append(all, name)
	}
	out.set("properties", res)
	out.set("required", all)
	out.set("additionalProperties", false)
}

func (n *normaliser) branches(v any, out *object) {
	list, ok := v.([]any)
	if !ok {
		n.open = true
		return
	}
	res := make([]any, len(list))
	for i, b := range list {
		res[i] = n.schema(b)
	}
	out.set("anyOf", res)
}

func (n *normaliser) definitions(in, out *object) {
	for _, k := range []string{"$defs", "definitions"} {
		if defs, ok := in.values[k].(*object); ok {
			res := newObject()
			for _, name := range defs.keys {
				res.set(name, n.schema(defs.values[name]))
			}
			out.set(k, res)
		}
	}
}

// thin leaves out optional keywords that are not to be sent, and nothing else. Below
// properties and definitions the keys are names, not keywords.
func (n *normaliser) thin(v any) any { return n.thinner(v, false) }

func (n *normaliser) thinner(v any, names bool) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = n.thinner(x, false)
		}
		return out
	case *object:
		out := newObject()
		for _, k := range v.keys {
			optional := !names && slices.ContainsFunc(classes, func(c struct {
				class class
				words []string
			}) bool {
				return slices.Contains(c.words, k)
			})
			if !optional || n.keeps(k, v.values[k]) {
				below := !names && slices.Contains([]string{"properties", "patternProperties", "$defs", "definitions"}, k)
				if !names && slices.Contains([]string{"enum", "const", "default", "examples"}, k) {
					out.set(k, v.values[k])
					continue
				}
				out.set(k, n.thinner(v.values[k], below))
			}
		}
		return out
	}
	return v
}

// typesOf returns the types of a schema, inferred where it does not name them.
func typesOf(o *object) []string {
	switch t := o.values["type"].(type) {
	case string:
		return []string{t}
	case []any:
		var out []string
		for _, x := range t {
			if s, ok := x.(string); ok {
				out = append(out, s)
			}
		}
		return out
	}
	if o.has("properties") {
		return []string{"object"}
	}
	if o.has("items") {
		return []string{"array"}
	}
	values, _ := o.list("enum")
	if c, ok := o.get("const"); ok {
		values = append(values, c)
	}
	var out []string
	for _, v := range values {
		t := "string"
		switch v.(type) {
		case nil:
			t = "null"
		case bool:
			t = "boolean"
		case json.Number:
			t = "number"
		case []any, *object:
			return nil
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

func typeValue(types []string) any {
	if len(types) == 1 {
		return types[0]
	}
	out := make([]any, len(types))
	for i, t := range types {
		out[i] = t
	}
	return out
}

// allowsNull reports whether a schema, references aside, takes null.
func allowsNull(v any) bool {
	o, ok := v.(*object)
	if !ok {
		return v == true
	}
	branches, _ := o.list("anyOf")
	more, _ := o.list("oneOf")
	if slices.ContainsFunc(append(slices.Clip(branches), more...), allowsNull) {
		return true
	}
	if enum, ok := o.list("enum"); ok && !slices.Contains(enum, nil) {
		return false
	}
	return slices.Contains(typesOf(o), "null")
}

// nullable widens a normalised schema by null.
func nullable(v any) any {
	null := newObject("type", "null")
	o, ok := v.(*object)
	if !ok || o.has("$ref") || o.has("const") {
		return newObject("anyOf", []any{v, null})
	}
	if branches, ok := o.list("anyOf"); ok {
		o = o.clone()
		o.set("anyOf", append(slices.Clip(branches), null))
		return o
	}
	o = o.clone()
	types := typesOf(o)
	if !slices.Contains(types, "null") {
		types = append(types, "null")
	}
	o.set("type", typeValue(types))
	if enum, ok := o.list("enum"); ok && !slices.Contains(enum, nil) {
		o.set("enum", append(slices.Clip(enum), nil))
	}
	return o
}
