package subset

import (
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
)

// Types returns the types of a schema, inferred where it does not name them; nil where
// nothing says them all.
func Types(schema ordered.Value) (out []string) {
	if t, ok := schema.Field("type"); ok {
		if t.Kind == ordered.String {
			return []string{t.Text}
		}
		for _, x := range t.Items {
			out = append(out, x.Text)
		}
		return out
	}
	if _, ok := schema.Field("properties"); ok {
		return []string{"object"}
	}
	if _, ok := schema.Field("items"); ok {
		return []string{"array"}
	}
	enum, _ := schema.Field("enum")
	values := enum.Items
	if c, ok := schema.Field("const"); ok {
		values = []ordered.Value{c}
	}
	for _, x := range values {
		t := map[ordered.Kind]string{ordered.Null: "null", ordered.Bool: "boolean", ordered.Number: "number", ordered.String: "string"}[x.Kind]
		if t == "" {
			return nil
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	return out
}

// TypeValue returns what stands for types in a schema.
func TypeValue(types []string) ordered.Value {
	if len(types) == 1 {
		return Text(types[0])
	}
	out := ordered.Value{Kind: ordered.Array}
	for _, t := range types {
		out.Items = append(out.Items, Text(t))
	}
	return out
}

// Text returns a string.
func Text(s string) ordered.Value { return ordered.Value{Kind: ordered.String, Text: s} }

// Object returns an object with these members.
func Object(fields ...ordered.Field) ordered.Value {
	return ordered.Value{Kind: ordered.Object, Fields: fields}
}

// Target returns what a reference within a schema leads to, such as #/$defs/a.
func Target(root ordered.Value, ref string) (ordered.Value, bool) {
	path, local := strings.CutPrefix(ref, "#")
	if !local || path == "" {
		return root, local
	}
	steps := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, s := range steps {
		if strings.Contains(s, "~") {
			steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(s)
		}
	}
	return root.Lookup(steps)
}

// Without leaves out the keywords of a schema for which drop is true, and nothing else.
func Without(schema ordered.Value, drop func(ordered.Field) bool) ordered.Value {
	return without(schema, false, drop)
}

// names says that the keys of v are names, not keywords.
func without(v ordered.Value, names bool, drop func(ordered.Field) bool) ordered.Value {
	v.Items = slices.Clone(v.Items)
	for i := range v.Items {
		v.Items[i] = without(v.Items[i], false, drop)
	}
	var kept []ordered.Field
	for _, f := range v.Fields {
		switch {
		case names:
			f.Value = without(f.Value, false, drop)
		case drop(f):
			continue
		case !slices.Contains([]string{"enum", "const", "default", "examples"}, f.Name):
			f.Value = without(f.Value, slices.Contains([]string{"properties", "patternProperties", "$defs", "definitions"}, f.Name), drop)
		}
		kept = append(kept, f)
	}
	v.Fields = kept
	return v
}
