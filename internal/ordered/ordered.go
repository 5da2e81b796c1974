// Package ordered holds JSON values that remember the order of their keys and the
// spelling of their numbers. Values are immutable: a change makes a new value that
// shares what did not change.
package ordered

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
)

// Kind is a JSON type.
type Kind uint8

const (
	Null Kind = iota
	Bool
	Number
	String
	Array
	Object
)

func (k Kind) String() string {
	return [...]string{"null", "true or false", "a number", "a string", "a list", "an object"}[k]
}

// MaxDepth bounds the nesting of objects and lists.
const MaxDepth = 128

// A Value is a JSON value; the zero Value is null. Its fields are read-only.
type Value struct {
	Kind   Kind
	Text   string  // of a string, decoded; of a number or a Boolean, as written
	Items  []Value // of an array
	Fields []Field // of an object, in order
	Pos    int     // offset in the text it was parsed from
}

// A Field is a member of an object.
type Field struct {
	Name  string
	Value Value
}

// Of returns the JSON form of any Go value that encoding/json can encode.
func Of(v any) (Value, error) {
	b, err := rawjson.Marshal(v)
	if err != nil {
		return Value{}, err
	}
	return Parse(b)
}

// Field returns the member called name, null where there is none.
func (v Value) Field(name string) (Value, bool) {
	for i := range v.Fields {
		if v.Fields[i].Name == name {
			return v.Fields[i].Value, true
		}
	}
	return Value{}, false
}

// Lookup follows a path through objects and, by index, lists.
func (v Value) Lookup(path []string) (Value, bool) {
	for _, name := range path {
		ok := false
		switch v.Kind {
		case Object:
			v, ok = v.Field(name)
		case Array:
			var i int
			if i, ok = index(name); ok && i < len(v.Items) {
				v = v.Items[i]
			} else {
				ok = false
			}
		}
		if !ok {
			return Value{}, false
		}
	}
	return v, true
}

// Set returns v with the value at path replaced. What is missing or null on the
// way becomes an object. The index just after a list's end appends to it. An error
// is an *Error with a path.
func (v Value) Set(path []string, new Value) (Value, error) {
	if d := len(path) + new.depth(); d > MaxDepth {
		return Value{}, &Error{Path: Join(path), Msg: fmt.Sprintf("expected at most %d levels of nesting, found %d", MaxDepth, d)}
	}
	return v.set(path, 0, new)
}

func (v Value) set(path []string, at int, new Value) (Value, error) {
	if at == len(path) {
		return new, nil
	}
	name := path[at]
	switch v.Kind {
	case Object, Null:
		i := slices.IndexFunc(v.Fields, func(f Field) bool { return f.Name == name })
		fields := slices.Clone(v.Fields)
		if i < 0 {
			i, fields = len(fields), append(fields, Field{Name: name})
		}
		child, err := fields[i].Value.set(path, at+1, new)
		fields[i].Value = child
		return Value{Kind: Object, Fields: fields, Pos: v.Pos}, err
	case Array:
		i, ok := index(name)
		if !ok || i > len(v.Items) {
			return Value{}, &Error{Path: Join(path[:at+1]), Msg: fmt.Sprintf("expected an index from 0 to %d, found %q", len(v.Items), name)}
		}
		items := slices.Clone(v.Items)
		if i == len(items) {
			items = append(items, Value{})
		}
		child, err := items[i].set(path, at+1, new)
		items[i] = child
		return Value{Kind: Array, Items: items, Pos: v.Pos}, err
	}
	return Value{}, &Error{Path: Join(path[:at]), Msg: fmt.Sprintf("expected an object or a list, found %s", v.Kind)}
}

func (v Value) depth() int {
	d := 0
	for _, it := range v.Items {
		d = max(d, it.depth())
	}
	for _, f := range v.Fields {
		d = max(d, f.Value.depth())
	}
	if v.Kind == Array || v.Kind == Object {
		d++
	}
	return d
}

func index(name string) (int, bool) {
	i, err := strconv.Atoi(name)
	return i, err == nil && i >= 0 && strconv.Itoa(i) == name
}

// Any returns a copy as Go values: nil, bool, json.Number, string, []any and
// map[string]any.
func (v Value) Any() any {
	switch v.Kind {
	case Bool:
		return v.Text == "true"
	case Number:
		return json.Number(v.Text)
	case String:
		return v.Text
	case Array:
		list := make([]any, len(v.Items))
		for i, it := range v.Items {
			list[i] = it.Any()
		}
		return list
	case Object:
		m := make(map[string]any, len(v.Fields))
		for _, f := range v.Fields {
			m[f.Name] = f.Value.Any()
		}
		return m
	}
	return nil
}

// Append appends the compact JSON form. Only quotes, backslashes and control
// characters are escaped.
func (v Value) Append(b []byte) []byte {
	switch v.Kind {
	case Bool, Number:
		return append(b, v.Text...)
	case String:
		return appendString(b, v.Text)
	case Array:
		b = append(b, '[')
		for i := range v.Items {
			if i > 0 {
				b = append(b, ',')
			}
			b = v.Items[i].Append(b)
		}
		return append(b, ']')
	case Object:
		b = append(b, '{')
		for i := range v.Fields {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(appendString(b, v.Fields[i].Name), ':')
			b = v.Fields[i].Value.Append(b)
		}
		return append(b, '}')
	}
	return append(b, "null"...)
}

// Size returns about the number of bytes that Append appends, seldom less.
func (v Value) Size() int {
	n := len(v.Text) + len(v.Text)/64 + 6
	for i := range v.Items {
		n += v.Items[i].Size()
	}
	for i := range v.Fields {
		n += len(v.Fields[i].Name) + 4 + v.Fields[i].Value.Size()
	}
	return n
}

// Canonical returns a text that is the same for values that differ in the order of
// keys only.
func (v Value) Canonical() string {
	return string(v.sorted().Append(nil))
}

func (v Value) sorted() Value {
	v.Items, v.Fields = slices.Clone(v.Items), slices.Clone(v.Fields)
	for i := range v.Items {
		v.Items[i] = v.Items[i].sorted()
	}
	for i := range v.Fields {
		v.Fields[i].Value = v.Fields[i].Value.sorted()
	}
	slices.SortFunc(v.Fields, func(a, b Field) int { return strings.Compare(a.Name, b.Name) })
	return v
}

func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		b = append(b, s[from:i]...)
		from = i + 1
		if k := strings.IndexByte("\"\\\b\f\n\r\t", c); k >= 0 {
			b = append(b, '\\', `"\bfnrt`[k])
		} else {
			b = fmt.Appendf(b, `\u%04x`, c)
		}
	}
	return append(append(b, s[from:]...), '"')
}

// Split cuts a dotted path into names. A backslash takes the next character as it
// is, so that a name may hold a dot.
func Split(path string) []string {
	if path == "" {
		return nil
	}
	var names []string
	var name strings.Builder
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && i+1 < len(path):
			i++
			name.WriteByte(path[i])
		case c == '.':
			names = append(names, name.String())
			name.Reset()
		default:
			name.WriteByte(c)
		}
	}
	return append(names, name.String())
}

// Join is the inverse of Split.
func Join(names []string) string {
	var b strings.Builder
	for i, name := range names {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strings.NewReplacer(`\`, `\\`, `.`, `\.`).Replace(name))
	}
	return b.String()
}
