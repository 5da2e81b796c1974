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
	path, inner := narrow(root, root, "", value, err)
	return path + reason(inner)
}

// narrow follows a value that is not valid down to its first part that is not.
func narrow(root, schema map[string]any, path string, value any, err error) (string, error) {
	properties, _ := schema["properties"].(map[string]any)
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if s, ok := properties[name].(map[string]any); ok {
				if err := judge(root, s, v[name]); err != nil {
					return narrow(root, s, path+"/properties/"+name, v[name], err)
				}
			}
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if _, ok := properties[name]; !ok && schema["additionalProperties"] == false {
				return path, fmt.Errorf("additionalProperties: unexpected %q", name)
			}
		}
	case []any:
		items, ok := schema["items"].(map[string]any)
		for i := range v {
			if !ok {
				break
			}
			if err := judge(root, items, v[i]); err != nil {
				return narrow(root, items, fmt.Sprintf("%s/items/%d", path, i), v[i], err)
			}
		}
	}
	if path == "" {
		return "", err
	}
	return path + ": ", err
}

// judge validates a part of a value under its part of a schema. What cannot be judged
// by itself, since it refers elsewhere, passes here.
func judge(root, schema map[string]any, value any) error {
	part := maps.Clone(schema)
	if defs, ok := root["$defs"]; ok {
		part["$defs"] = defs
	}
	body, err := json.Marshal(part)
	if err != nil || strings.Contains(string(body), `"$ref":"#"`) {
		return nil
	}
	s := new(jsonschema.Schema)
	if json.Unmarshal(body, s) != nil {
		return nil
	}
	eachSchema(s, func(s *jsonschema.Schema) { s.MaxLength = nil })
	resolved, err := s.Resolve(nil)
	if err != nil {
		return nil
	}
	return resolved.Validate(value)
}
