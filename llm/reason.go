package llm

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// reasonOf says why a value is not valid under a schema: of several reasons always the
// same one, the first by the names of members and the places in lists. It stands in the
// prompt that asks for a repair, so that two runs ask the same.
func reasonOf(body json.RawMessage, value any, err error) string {
	var root map[string]any
	if json.Unmarshal(body, &root) != nil {
		return reason(err)
	}
	return narrow(root, root, "", value, err)
}

// narrow follows a value that is not valid down to its first part that is not, through
// references, properties, additionalProperties, items and anyOf. Where a schema says more
// than that, in whatever order the validator comes to it, only the place is told.
func narrow(root, schema map[string]any, path string, value any, err error) string {
	for s := schema; s != nil; s = definition(root, s["$ref"]) {
		if schema = s; !orderly(schema) {
			return at(path, "it does not fit the schema there")
		}
	}
	properties, _ := schema["properties"].(map[string]any)
	switch v := value.(type) {
	case map[string]any:
		names := slices.Sorted(maps.Keys(v))
		for _, name := range names {
			below, s := "/properties/", properties[name]
			if s == nil {
				below, s = "/additionalProperties/", schema["additionalProperties"]
			}
			if s, ok := s.(map[string]any); ok {
				if err := judge(root, s, v[name]); err != nil {
					return narrow(root, s, path+below+name, v[name], err)
				}
			}
		}
		for _, name := range names {
			if _, ok := properties[name]; !ok && schema["additionalProperties"] == false {
				return at(path, fmt.Sprintf("additionalProperties: unexpected %q", name))
			}
		}
	case []any:
		items, ok := schema["items"].(map[string]any)
		if !ok {
			break
		}
		valid := judgeOf(root, items)
		for i, item := range v {
			if err := valid(item); err != nil {
				return narrow(root, items, fmt.Sprintf("%s/items/%d", path, i), item, err)
			}
		}
	}
	var each []string
	forms, _ := schema["anyOf"].([]any)
	for _, f := range forms {
		f := f.(map[string]any) // in an orderly schema
		if err := judge(root, f, value); err != nil {
			each = append(each, narrow(root, f, "", value, err))
		}
	}
	if len(each) > 0 && len(each) == len(forms) {
		return at(path, "anyOf: "+strings.Join(each, "; or "))
	}
	return at(path, reason(err))
}

// orderly reports whether the validator tells one fault of a schema, apart from what is
// below it, in an order that is always the same.
func orderly(schema map[string]any) bool {
	_, ref := schema["$ref"]
	for key, v := range schema {
		switch key {
		case "$schema", "$id", "$ref", "$defs", "definitions", "title", "description", "default", "examples":
		case "anyOf":
			forms, _ := v.([]any)
			if ref || slices.ContainsFunc(forms, func(f any) bool { _, ok := f.(map[string]any); return !ok }) {
				return false
			}
		case "type", "enum", "const", "properties", "required", "additionalProperties", "items", "uniqueItems", "minItems", "maxItems",
			"minLength", "maxLength", "pattern", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf":
			if ref {
				return false
			}
		default:
			return false
		}
	}
	return true
}

func at(path, what string) string {
	if path == "" {
		return what
	}
	return path + ": " + what
}

// definition returns what a $ref stands for, nil for none. A schema that compiled has no
// other forms.
func definition(root map[string]any, ref any) map[string]any {
	place, _ := ref.(string)
	if place == "#" {
		return root
	}
	key, all := definitions(root)
	s, _ := all[strings.NewReplacer("~1", "/", "~0", "~").Replace(strings.TrimPrefix(place, "#/"+key+"/"))].(map[string]any)
	return s
}

// definitions returns those of a schema, which has them under one of two names.
func definitions(root map[string]any) (key string, all map[string]any) {
	for _, key = range []string{"definitions", "$defs"} {
		if all, ok := root[key].(map[string]any); ok {
			return key, all
		}
	}
	return key, nil
}

// judge validates one part.
func judge(root, schema map[string]any, value any) error { return judgeOf(root, schema)(value) }

// judgeOf returns what validates parts of values under a part of a schema, for which the
// root is a definition like others.
func judgeOf(root, schema map[string]any) func(any) error {
	pass := func(any) error { return nil }
	const name = "(root)"
	key, known := definitions(root)
	part, whole, defs := maps.Clone(schema), maps.Clone(root), map[string]any{}
	maps.Copy(defs, known)
	delete(whole, key)
	defs[name], part[key] = whole, defs
	body, err := json.Marshal(part)
	if err != nil {
		return pass
	}
	s := new(jsonschema.Schema)
	if json.Unmarshal([]byte(strings.ReplaceAll(string(body), `"$ref":"#"`, `"$ref":"#/`+key+"/"+name+`"`)), s) != nil {
		return pass
	}
	eachSchema(s, func(s *jsonschema.Schema) { s.MaxLength = nil })
	resolved, err := s.Resolve(nil)
	if err != nil {
		return pass
	}
	return resolved.Validate
}
