package openai

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/subset"
)

// A class groups the keywords of JSON schema that endpoints accept or refuse
// together.
type class uint8

const (
	lengths class = 1 << iota
	counts
	ranges
	patterns
	formats
)

// A keyword class with its words.
type keywords struct {
	class class
	words []string
}

// classes of optional keywords, in the order in which they are tried as the cause
// of a refusal.
var classes = []keywords{
	{lengths, []string{"minLength", "maxLength"}},
	{counts, []string{"minItems", "maxItems"}},
	{ranges, []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}},
	{patterns, []string{"pattern"}},
	{formats, []string{"format"}},
}

// classOf returns the class of an optional keyword, 0 for any other.
func classOf(word string) class {
	for _, c := range classes {
		if slices.Contains(c.words, word) {
			return c.class
		}
	}
	return 0
}

// plain are the keywords that the strict dialect takes as they are.
var plain = []string{"type", "description", "title", "enum", "const"}

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
// without a type cannot be said; such a schema is returned as it was but for its
// optional keywords, not strict.
func strictly(body json.RawMessage, drop class) (*strictSchema, error) {
	root, err := ordered.Parse(body)
	if err != nil {
		return nil, fmt.Errorf("schema: %w", err)
	}
	if root.Kind != ordered.Object {
		return nil, fmt.Errorf("schema: not an object: %.40s", body)
	}
	n := normaliser{drop: drop}
	in := root
	if has(root, "$ref") || has(root, "anyOf") || has(root, "oneOf") {
		n.open = true // the root must be an object in so many words
	} else {
		if t := subset.Types(root); len(t) > 0 && !slices.Contains(t, "object") {
			return nil, fmt.Errorf("schema: its root must be an object, not %s", strings.Join(t, " or "))
		}
		in = with(root, "type", subset.Text("object"))
	}
	out := n.schema(in)
	if n.open {
		return &strictSchema{body: subset.Without(root, func(f ordered.Field) bool {
			return classOf(f.Name) != 0 && !n.keeps(f.Name, f.Value)
		}).Append(nil)}, nil
	}
	return &strictSchema{body: out.Append(nil), strict: true, nullable: n.nullable}, nil
}

type normaliser struct {
	drop     class
	open     bool // something that the dialect cannot say was met
	nullable bool
}

// keeps reports whether an optional keyword is sent.
func (n *normaliser) keeps(word string, v ordered.Value) bool {
	switch c := classOf(word); {
	case c == 0, n.drop&c != 0:
		return false
	case c == formats:
		return slices.Contains(strictFormats, v.Text)
	case c == patterns:
		// Grammars take anchored patterns alone, and a lookahead kills some servers.
		return strings.HasPrefix(v.Text, "^") && strings.HasSuffix(v.Text, "$") && !strings.Contains(v.Text, "(?")
	}
	return true
}

func (n *normaliser) schema(in ordered.Value) ordered.Value {
	if in.Kind != ordered.Object || len(in.Fields) == 0 { // true, false, {}
		n.open = true
		return in
	}
	if ref, ok := in.Field("$ref"); ok { // allows no neighbours
		return n.definitions(in, subset.Object(ordered.Field{Name: "$ref", Value: ref}))
	}
	if all := items(in, "allOf"); len(all) == 1 && all[0].Kind == ordered.Object && !has(in, "properties") && !has(in, "anyOf") {
		merged := in
		merged.Fields = slices.DeleteFunc(slices.Clone(in.Fields), func(f ordered.Field) bool { return f.Name == "allOf" })
		for _, f := range all[0].Fields {
			if !has(merged, f.Name) {
				merged = with(merged, f.Name, f.Value)
			}
		}
		return n.schema(merged)
	}
	n.open = n.open || has(in, "allOf") || has(in, "prefixItems")
	out := subset.Object()
	types := subset.Types(in)
	if !has(in, "type") && len(types) > 0 {
		out = with(out, "type", subset.TypeValue(types))
	}
	for _, f := range in.Fields {
		switch k := f.Name; {
		case k == "properties":
			out = n.properties(in, f.Value, out)
		case k == "items":
			out = with(out, k, n.schema(f.Value))
		case k == "anyOf" || k == "oneOf":
			out = with(out, "anyOf", n.branches(f.Value))
		case slices.Contains(plain, k) || n.keeps(k, f.Value):
			out = with(out, k, f.Value)
		}
	}
	out = n.definitions(in, out)
	if slices.Contains(types, "object") && !has(out, "properties") {
		if more, ok := in.Field("additionalProperties"); !ok || more.Text != "false" {
			n.open = true
		}
		out = n.properties(in, subset.Object(), out)
	}
	if len(types) == 0 && !has(out, "anyOf") || slices.Contains(types, "array") && !has(out, "items") {
		n.open = true
	}
	return out
}

func (n *normaliser) properties(in, props, out ordered.Value) ordered.Value {
	required := items(in, "required")
	res, all := subset.Object(), ordered.Value{Kind: ordered.Array}
	for _, f := range props.Fields {
		p := n.schema(f.Value)
		if !holds(required, f.Name) && !allowsNull(p) {
			p, n.nullable = nullable(p), true
		}
		res = with(res, f.Name, p)
		all.Items = append(all.Items, subset.Text(f.Name))
	}
	n.open = n.open || props.Kind != ordered.Object
	out = with(out, "properties", res)
	out = with(out, "required", all)
	return with(out, "additionalProperties", ordered.Value{Kind: ordered.Bool, Text: "false"})
}

func (n *normaliser) branches(v ordered.Value) ordered.Value {
	n.open = n.open || v.Kind != ordered.Array
	v.Items = slices.Clone(v.Items)
	for i := range v.Items {
		v.Items[i] = n.schema(v.Items[i])
	}
	return v
}

func (n *normaliser) definitions(in, out ordered.Value) ordered.Value {
	for _, k := range []string{"$defs", "definitions"} {
		if defs, ok := in.Field(k); ok {
			res := subset.Object()
			for _, f := range defs.Fields {
				res = with(res, f.Name, n.schema(f.Value))
			}
			out = with(out, k, res)
		}
	}
	return out
}

// allowsNull reports whether a schema, references aside, takes null.
func allowsNull(v ordered.Value) bool {
	if v.Kind != ordered.Object {
		return v.Text == "true"
	}
	if slices.ContainsFunc(append(slices.Clip(items(v, "anyOf")), items(v, "oneOf")...), allowsNull) {
		return true
	}
	if enum := items(v, "enum"); enum != nil && !slices.ContainsFunc(enum, isNull) {
		return false
	}
	return slices.Contains(subset.Types(v), "null")
}

func isNull(v ordered.Value) bool { return v.Kind == ordered.Null }

// nullable widens a normalised schema by null.
func nullable(v ordered.Value) ordered.Value {
	null := subset.Object(ordered.Field{Name: "type", Value: subset.Text("null")})
	if v.Kind != ordered.Object || has(v, "$ref") || has(v, "const") {
		return subset.Object(ordered.Field{Name: "anyOf", Value: ordered.Value{Kind: ordered.Array, Items: []ordered.Value{v, null}}})
	}
	if branches, ok := v.Field("anyOf"); ok {
		branches.Items = append(slices.Clip(branches.Items), null)
		return with(v, "anyOf", branches)
	}
	types := subset.Types(v)
	if !slices.Contains(types, "null") {
		types = append(types, "null")
	}
	v = with(v, "type", subset.TypeValue(types))
	if enum, ok := v.Field("enum"); ok && !slices.ContainsFunc(enum.Items, isNull) {
		enum.Items = append(slices.Clip(enum.Items), ordered.Value{})
		v = with(v, "enum", enum)
	}
	return v
}

func has(v ordered.Value, name string) bool { _, ok := v.Field(name); return ok }

// items returns the elements of a member that is a list, else nil.
func items(v ordered.Value, name string) []ordered.Value {
	list, _ := v.Field(name)
	return list.Items
}

func holds(list []ordered.Value, s string) bool {
	return slices.ContainsFunc(list, func(v ordered.Value) bool { return v.Kind == ordered.String && v.Text == s })
}

// with returns v with a member set, in its place or at the end.
func with(v ordered.Value, name string, value ordered.Value) ordered.Value {
	v.Fields = slices.Clone(v.Fields)
	for i := range v.Fields {
		if v.Fields[i].Name == name {
			v.Fields[i].Value = value
			return v
		}
	}
	v.Fields = append(v.Fields, ordered.Field{Name: name, Value: value})
	return v
}
