package tinytroupe

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
)

// A Persona is who somebody is: a JSON object with a name and whatever else is
// known. Keys that nothing here knows, the order of keys and the spelling of
// numbers survive reading and writing. A Persona is a value that never changes:
// [Persona.With] and [Persona.Merge] return new ones, so that two people never
// share anything that an edit of one could alter. The zero Persona is empty.
type Persona struct{ root ordered.Value }

// A Fragment is part of a persona, to be merged into several. A whole persona
// serves as one after the conversion Fragment(p).
type Fragment struct{ root ordered.Value }

// A PersonaError says what is wrong with a persona, a fragment or an edit of one.
type PersonaError struct {
	File         string // as the caller named it; may be empty
	Line, Column int    // from 1, in characters; 0 where there is no file
	Path         string // dotted, as Get reads it; empty for the whole
	Problem      string // what was expected, and what was found
}

func (e *PersonaError) Error() string {
	var b strings.Builder
	switch {
	case e.File != "" && e.Line > 0:
		fmt.Fprintf(&b, "%s:%d:%d: ", e.File, e.Line, e.Column)
	case e.Line > 0:
		fmt.Fprintf(&b, "%d:%d: ", e.Line, e.Column)
	case e.File != "":
		fmt.Fprintf(&b, "%s: ", e.File)
	}
	if e.Path != "" {
		fmt.Fprintf(&b, "%s: ", e.Path)
	}
	return b.String() + e.Problem
}

// NewPersona returns a persona that has a name and nothing else.
func NewPersona(name string) Persona {
	return Persona{ordered.Value{Kind: ordered.Object, Fields: []ordered.Field{
		{Name: "name", Value: ordered.Value{Kind: ordered.String, Text: strings.ToValidUTF8(name, "\ufffd")}},
	}}}
}

// ParsePersona reads a persona from the text of a file: TinyTroupe's agent file
// {"type":"TinyPerson","persona":{…}}, or the persona itself. It must have a name.
// What an agent file holds beside the persona (mental state, memories, …) is not
// read; ignored lists those keys. Package people reads them, and folders of files.
// An error is a *PersonaError; file is for it alone.
func ParsePersona(file string, data []byte) (p Persona, ignored []string, err error) {
	root, at, ignored, err := parseEnvelope(file, data, "TinyPerson", "Fragment")
	if err != nil {
		return Persona{}, nil, err
	}
	name, ok := root.Field("name")
	if !ok || name.Kind == ordered.Null {
		return Persona{}, nil, problem(file, data, root.Pos, at, `expected a "name"`)
	}
	if name.Kind != ordered.String || strings.TrimSpace(name.Text) == "" {
		return Persona{}, nil, problem(file, data, name.Pos, strings.TrimPrefix(at+".name", "."), "expected a name, found "+describe(name))
	}
	return Persona{root}, ignored, nil
}

// ParseFragment is [ParsePersona] for fragments: {"type":"Fragment","persona":{…}},
// or the object to be merged itself. It needs no name.
func ParseFragment(file string, data []byte) (f Fragment, ignored []string, err error) {
	root, _, ignored, err := parseEnvelope(file, data, "Fragment", "TinyPerson")
	return Fragment{root}, ignored, err
}

// parseEnvelope returns the object under "persona" and its path, or the whole where
// the text is no envelope. An envelope is of one of the two types, or has a "persona" and
// no name of its own.
func parseEnvelope(file string, data []byte, want, other string) (root ordered.Value, path string, ignored []string, err error) {
	root, bad := parseObject(data)
	if bad != nil {
		bad.File = file
		return ordered.Value{}, "", nil, bad
	}
	typ, typed := root.Field("type")
	inner, ok := root.Field("persona")
	_, named := root.Field("name")
	switch known := typ.Kind == ordered.String && (typ.Text == want || typ.Text == other); {
	case (!ok || named) && !known:
		return root, "", nil, nil
	case typed && typ.Text != want:
		bad = problem(file, data, typ.Pos, "type", fmt.Sprintf("expected %q, found %s", want, describe(typ)))
	case !ok:
		bad = problem(file, data, root.Pos, "", `expected a "persona" beside "type"`)
	case inner.Kind != ordered.Object:
		bad = problem(file, data, inner.Pos, "persona", "expected an object, found "+describe(inner))
	}
	if bad != nil {
		return ordered.Value{}, "", nil, bad
	}
	for _, f := range root.Fields {
		if f.Name != "type" && f.Name != "persona" {
			ignored = append(ignored, f.Name)
		}
	}
	return inner, "persona", ignored, nil
}

func parseObject(data []byte) (ordered.Value, *PersonaError) {
	root, err := ordered.Parse(data)
	if err != nil {
		return ordered.Value{}, personaError(err)
	}
	if root.Kind != ordered.Object {
		return ordered.Value{}, problem("", data, root.Pos, "", "expected an object, found "+describe(root))
	}
	return root, nil
}

func problem(file string, data []byte, pos int, path, text string) *PersonaError {
	line, column := ordered.Position(string(data), pos)
	return &PersonaError{file, line, column, path, text}
}

func personaError(err error) *PersonaError {
	if e, ok := errors.AsType[*ordered.Error](err); ok {
		return &PersonaError{Line: e.Line, Column: e.Column, Path: e.Path, Problem: e.Msg}
	}
	return &PersonaError{Problem: err.Error()}
}

// describe names a value, with the value itself where it is short.
func describe(v ordered.Value) string {
	if text := string(v.Append(nil)); v.Kind != ordered.Object && v.Kind != ordered.Array && len(text) <= 60 {
		return text
	}
	return v.Kind.String()
}

// IsZero reports whether nothing is known, not even a name.
func (p Persona) IsZero() bool { return len(p.root.Fields) == 0 }

// IsZero reports whether the fragment is empty.
func (f Fragment) IsZero() bool { return len(f.root.Fields) == 0 }

// Equal reports whether two personas have the same JSON text.
// It is quick where one is a copy of the other.
func (p Persona) Equal(q Persona) bool {
	a, b := p.root.Fields, q.root.Fields
	return len(a) > 0 && len(a) == len(b) && &a[0] == &b[0] || string(p.JSON()) == string(q.JSON())
}

// Equal reports whether two fragments have the same JSON text.
func (f Fragment) Equal(g Fragment) bool { return string(f.JSON()) == string(g.JSON()) }

// JSON returns the persona as compact JSON, in a new slice. Nothing is escaped that
// need not be. It is the exact text: encoding/json escapes <, > and & in what
// MarshalJSON returns unless told otherwise.
func (p Persona) JSON() []byte { return appendObject(p.root) }

// JSON returns the fragment as [Persona.JSON] does.
func (f Fragment) JSON() []byte { return appendObject(f.root) }

func appendObject(v ordered.Value) []byte {
	if v.Kind == ordered.Null {
		return []byte("{}")
	}
	return v.Append(make([]byte, 0, v.Size()))
}

// MarshalJSON returns [Persona.JSON].
func (p Persona) MarshalJSON() ([]byte, error) { return p.JSON(), nil }

// MarshalJSON returns [Fragment.JSON].
func (f Fragment) MarshalJSON() ([]byte, error) { return f.JSON(), nil }

// UnmarshalJSON reads an object, without an envelope; a name is not required. An
// error is a *PersonaError, its place counted from where the object begins.
func (p *Persona) UnmarshalJSON(data []byte) error { return unmarshalObject(&p.root, data) }

// UnmarshalJSON reads an object as [Persona.UnmarshalJSON] does.
func (f *Fragment) UnmarshalJSON(data []byte) error { return unmarshalObject(&f.root, data) }

func unmarshalObject(to *ordered.Value, data []byte) error {
	if string(data) == "null" {
		return nil // by the convention of encoding/json
	}
	root, err := parseObject(data)
	if err != nil {
		return err
	}
	*to = root
	return nil
}

// Get returns the value at a dotted path, such as occupation.title or skills.0, nil
// where there is none. A backslash before a dot makes it part of a key. Values are
// nil, bool, json.Number, string, []any and map[string]any, the caller's to keep.
// An empty path is the whole.
func (p Persona) Get(path string) any {
	v, _ := p.root.Lookup(ordered.Split(path))
	return v.Any()
}

// Get returns a value as [Persona.Get] does.
func (f Fragment) Get(path string) any { return Persona(f).Get(path) }

// Raw returns the value at a path as compact JSON, keys in order, nil where there is
// none.
func (p Persona) Raw(path string) json.RawMessage {
	if v, ok := p.root.Lookup(ordered.Split(path)); ok {
		return v.Append(nil)
	}
	return nil
}

// Keys returns the names of the fields at the top, in order.
func (p Persona) Keys() []string {
	names := make([]string, 0, len(p.root.Fields))
	for _, f := range p.root.Fields {
		names = append(names, f.Name)
	}
	return names
}

// With returns a persona in which the value at path is value, as encoding/json
// encodes it. Objects missing on the way are made; the index just after a list's
// end appends to it. An error is a *PersonaError.
func (p Persona) With(path string, value any) (Persona, error) {
	names := ordered.Split(path)
	if slices.Contains(names, "") || len(names) == 0 {
		return Persona{}, &PersonaError{Path: path, Problem: "expected a path of names with dots between"}
	}
	v, err := ordered.Of(value)
	if err != nil {
		e := personaError(err)
		e.Path, e.Line, e.Column = strings.TrimSuffix(path+"."+e.Path, "."), 0, 0
		return Persona{}, e
	}
	root, err := p.root.Set(names, v)
	if err != nil {
		return Persona{}, personaError(err)
	}
	return checkName(Persona{root})
}

// checkName refuses an edit that leaves a name that is none.
func checkName(p Persona) (Persona, error) {
	name, ok := p.root.Field("name")
	if ok && (name.Kind != ordered.String || strings.TrimSpace(name.Text) == "") {
		return Persona{}, &PersonaError{Path: "name", Problem: "expected a name, found " + describe(name)}
	}
	return p, nil
}
