package llmtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// openAIUnknown are keywords that strict mode does not take.
var openAIUnknown = []string{"allOf", "oneOf", "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "patternProperties",
	"propertyNames", "minProperties", "maxProperties", "unevaluatedProperties", "unevaluatedItems", "prefixItems", "contains",
	"minContains", "maxContains", "uniqueItems", "default", "examples"}

// openAIStrict refuses what strict mode does not take: objects that are open or leave
// members optional, keywords that it does not know, and parts without a type.
func openAIStrict(name string, body json.RawMessage) error {
	return openAIPart(body, nil, func(at []string, format string, args ...any) error {
		return wording(fmt.Sprintf("Invalid schema for response_format '%s': In context=(%s), %s", name, strings.Join(at, ", "), fmt.Sprintf(format, args...)))
	})
}

// wording is an error as a vendor words it.
type wording string

func (w wording) Error() string { return string(w) }

func openAIPart(body json.RawMessage, at []string, fail func(at []string, format string, args ...any) error) error {
	var s map[string]json.RawMessage
	if json.Unmarshal(body, &s) != nil {
		return fail(at, "schema must be an object")
	}
	has := func(word string) bool { _, ok := s[word]; return ok }
	for _, word := range openAIUnknown {
		if has(word) {
			return fail(at, "'%s' is not permitted.", word)
		}
	}
	switch {
	case has("$ref") && len(s) > 1:
		return fail(at, "$ref cannot have keywords beside it.")
	case !has("type") && !has("$ref") && !has("anyOf") && !has("enum") && !has("const"):
		return fail(at, "schema must have a 'type' key.")
	case at == nil && (string(s["type"]) != `"object"` || has("anyOf")):
		return fail(at, "schema must have type 'object' and not have 'anyOf' at the top level.")
	}
	var members map[string]json.RawMessage
	json.Unmarshal(s["properties"], &members) // nothing where it is not there
	if has("properties") || strings.Contains(string(s["type"]), `"object"`) {
		var required []string
		json.Unmarshal(s["required"], &required)
		if string(s["additionalProperties"]) != "false" {
			return fail(at, "'additionalProperties' is required to be supplied and to be false.")
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			if !slices.Contains(required, name) {
				return fail(at, "'required' is required to be supplied and to be an array including every key in properties. Missing '%s'.", name)
			}
		}
		for _, name := range required {
			if _, ok := members[name]; !ok {
				return fail(at, "'required' is required to be an array of keys in properties. Extra '%s'.", name)
			}
		}
	}
	below := func(where string, parts map[string]json.RawMessage) error {
		for _, name := range slices.Sorted(maps.Keys(parts)) {
			if err := openAIPart(parts[name], append(slices.Clone(at), "'"+where+"'", "'"+name+"'"), fail); err != nil {
				return err
			}
		}
		return nil
	}
	var defs map[string]json.RawMessage
	json.Unmarshal(s["$defs"], &defs)
	var branches []json.RawMessage
	json.Unmarshal(s["anyOf"], &branches)
	cases := map[string]json.RawMessage{}
	for i, b := range branches {
		cases[fmt.Sprint(i)] = b
	}
	items := map[string]json.RawMessage{}
	if has("items") {
		items["0"] = s["items"]
	}
	for _, err := range []error{below("properties", members), below("$defs", defs), below("anyOf", cases), below("items", items)} {
		if err != nil {
			return err
		}
	}
	return nil
}

// openAIValue says of parameters that a model takes them, but not this value.
func openAIValue(c *Call, param string) string {
	if c.Request == nil {
		return ""
	}
	switch r := c.Request; {
	case param == "temperature" && r.Temperature != nil:
		return fmt.Sprintf("Unsupported value: 'temperature' does not support %v with this model. Only the default (1) value is supported.", *r.Temperature)
	case param == "reasoning_effort" && r.Effort != "":
		return fmt.Sprintf("Unsupported value: 'reasoning_effort' does not support '%s' with this model. Supported values are: 'medium'.", r.Effort)
	}
	return ""
}
