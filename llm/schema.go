package llm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// compiled is a schema ready to judge replies.
type compiled struct {
	resolved *jsonschema.Resolved
	err      error
}

// NewSchema returns a schema that is known to compile. Its root must describe an
// object; a $ref may lead to "#" or "#/$defs/NAME" and nowhere else.
//
// A reply is held to the whole schema except maxLength of strings: that bound is
// for endpoints which enforce it while they write, so that small models do not run
// on; where it was not enforced, a longer string is still an answer.
func NewSchema(name string, body json.RawMessage) (*Schema, error) {
	s := &Schema{Name: name, Body: bytes.Clone(body)}
	if _, err := s.compile(); err != nil {
		return nil, err
	}
	return s, nil
}

// SchemaFor derives a schema from T: objects are closed, fields without omitempty
// or omitzero are required, slices are never null. A `jsonschema` tag describes a
// field. Where T is not an object in JSON, the schema is an object with the one
// member "value", and [Ask] unwraps it. Recursive types and interfaces without a
// schema are errors.
func SchemaFor[T any]() (*Schema, error) {
	t := reflect.TypeFor[T]()
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t == reflect.TypeFor[json.RawMessage]() || t.Kind() == reflect.Interface {
		return nil, fmt.Errorf("no schema can be derived from %v", t)
	}
	root, err := jsonschema.ForType(t, nil)
	if err != nil {
		return nil, fmt.Errorf("schema of %v: %w", t, err)
	}
	eachSchema(root, func(s *jsonschema.Schema) {
		if len(s.Types) == 2 && s.Types[0] == "null" && s.Types[1] == "array" {
			s.Type, s.Types = "array", nil
		}
	})
	wrapped := root.Type != "object"
	if wrapped {
		root = &jsonschema.Schema{
			Type: "object", Properties: map[string]*jsonschema.Schema{"value": root},
			Required: []string{"value"}, AdditionalProperties: &jsonschema.Schema{Not: &jsonschema.Schema{}},
		}
	}
	body, err := json.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("schema of %v: %w", t, err)
	}
	s, err := NewSchema(schemaName(t), body)
	if err != nil {
		return nil, err
	}
	s.wrapped = wrapped
	return s, nil
}

// schemaName spells a type's name as providers accept it.
func schemaName(t reflect.Type) string {
	name := strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return -1
	}, strings.ToLower(t.Name()))
	if name == "" || len(name) > 64 {
		return "answer"
	}
	return name
}

func (s *Schema) compile() (*compiled, error) {
	if c := s.compiled.Load(); c != nil {
		return c, c.err
	}
	c := new(compiled)
	c.resolved, c.err = resolve(s.Body)
	if c.err != nil {
		c.err = fmt.Errorf("schema %s: %w", s.Name, c.err)
	}
	s.compiled.Store(c)
	return c, c.err
}

func resolve(body json.RawMessage) (*jsonschema.Resolved, error) {
	root := new(jsonschema.Schema)
	if err := json.Unmarshal(body, root); err != nil {
		return nil, err
	}
	if root.Type != "" && root.Type != "object" || len(root.Types) > 0 {
		return nil, errors.New("the root is not an object")
	}
	eachSchema(root, func(s *jsonschema.Schema) { s.MaxLength = nil })
	resolved, err := root.Resolve(nil)
	if err != nil {
		return nil, err
	}
	if err := acyclic(root); err != nil {
		return nil, err
	}
	return resolved, nil
}

// acyclic makes sure that judging a value comes to an end: that no schema refers to
// itself for the same value. For its parts it may.
func acyclic(root *jsonschema.Schema) error {
	const open, done = 1, 2
	state := map[*jsonschema.Schema]int{}
	var same, visit func(*jsonschema.Schema) error
	same = func(s *jsonschema.Schema) error { // follows what judges the same value as s
		switch {
		case s == nil || state[s] == done:
			return nil
		case state[s] == open:
			return errors.New("a $ref leads back to itself")
		case s.DynamicRef != "":
			return errors.New("$dynamicRef is not supported")
		}
		state[s] = open
		target, err := refersTo(root, s.Ref)
		if err != nil {
			return err
		}
		next := slices.Concat([]*jsonschema.Schema{target, s.Not, s.If, s.Then, s.Else}, s.AllOf, s.AnyOf, s.OneOf,
			slices.Collect(maps.Values(s.DependentSchemas)), slices.Collect(maps.Values(s.DependencySchemas)))
		for _, n := range next {
			if err := same(n); err != nil {
				return err
			}
		}
		state[s] = done
		return nil
	}
	seen := map[*jsonschema.Schema]bool{}
	visit = func(s *jsonschema.Schema) error {
		if s == nil || seen[s] {
			return nil
		}
		seen[s] = true
		if err := same(s); err != nil {
			return err
		}
		parts := slices.Concat([]*jsonschema.Schema{s.Items, s.AdditionalItems, s.AdditionalProperties, s.Contains, s.PropertyNames,
			s.UnevaluatedItems, s.UnevaluatedProperties, s.Not, s.If, s.Then, s.Else},
			s.PrefixItems, s.ItemsArray, s.AllOf, s.AnyOf, s.OneOf)
		for _, m := range []map[string]*jsonschema.Schema{s.Properties, s.PatternProperties, s.Defs, s.Definitions, s.DependentSchemas, s.DependencySchemas} {
			parts = slices.AppendSeq(parts, maps.Values(m))
		}
		for _, p := range parts {
			if err := visit(p); err != nil {
				return err
			}
		}
		return nil
	}
	return visit(root)
}

// refersTo finds what a $ref stands for: the root, or one of its definitions.
func refersTo(root *jsonschema.Schema, ref string) (*jsonschema.Schema, error) {
	if ref == "" {
		return nil, nil
	}
	if ref == "#" {
		return root, nil
	}
	for prefix, defs := range map[string]map[string]*jsonschema.Schema{"#/$defs/": root.Defs, "#/definitions/": root.Definitions} {
		if name, ok := strings.CutPrefix(ref, prefix); ok {
			if s := defs[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]; s != nil {
				return s, nil
			}
		}
	}
	return nil, fmt.Errorf("$ref %q: only # and #/$defs/NAME are supported", ref)
}

// eachSchema calls f for s and those below it that restrict the same value or parts
// of it, not for those under not, if and oneOf, where a weaker schema could make the
// whole one stronger.
func eachSchema(s *jsonschema.Schema, f func(*jsonschema.Schema)) {
	if s == nil {
		return
	}
	f(s)
	eachSchema(s.Items, f)
	eachSchema(s.AdditionalProperties, f)
	for _, list := range [][]*jsonschema.Schema{s.PrefixItems, s.ItemsArray, s.AllOf, s.AnyOf} {
		for _, sub := range list {
			eachSchema(sub, f)
		}
	}
	for _, m := range []map[string]*jsonschema.Schema{s.Properties, s.PatternProperties, s.Defs, s.Definitions} {
		for _, sub := range m {
			eachSchema(sub, f)
		}
	}
}

// find returns the one JSON object in text that the schema accepts.
func (s *Schema) find(text string) (json.RawMessage, error) {
	c, err := s.compile()
	if err != nil {
		return nil, err
	}
	raw, err := Object(text)
	if err != nil {
		return nil, &InvalidError{Reason: err.Error(), Raw: text}
	}
	var value any
	if err := json.Unmarshal(raw, &value); err != nil {
		return nil, &InvalidError{Reason: err.Error(), Raw: text}
	}
	if err := c.resolved.Validate(value); err != nil {
		return nil, &InvalidError{Reason: reasonOf(s.Body, value, err), Raw: text}
	}
	return raw, nil
}

// reason shortens a validation error to its last, most precise part.
func reason(err error) string {
	text := err.Error()
	for {
		rest, ok := strings.CutPrefix(text, "validating ")
		if !ok {
			return text
		}
		place, rest, ok := strings.Cut(rest, ": ")
		if !ok {
			return text
		}
		if !strings.HasPrefix(rest, "validating ") {
			if place == "root" {
				return rest
			}
			return place + ": " + rest
		}
		text = rest
	}
}
