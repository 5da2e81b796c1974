package tinytroupe

import (
	"fmt"
	"slices"

	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
)

// Policy says what becomes of a number, string or Boolean for which a persona and a
// fragment have different values.
type Policy int

const (
	Fail      Policy = iota // an error
	Keep                    // the persona's
	Overwrite               // the fragment's
)

// Merge returns the persona with a fragment added. Keys that are new come last, in
// the fragment's order; null gives way to anything; objects are merged; a list gets
// the items that it does not have, the order of their keys aside; pol decides about
// what else differs. Values of different types are an error under any policy.
// An error is a *PersonaError.
func (p Persona) Merge(f Fragment, pol Policy) (Persona, error) {
	root, err := mergeValues(p.root, f.root, pol, nil)
	if err != nil {
		return Persona{}, err
	}
	return checkName(Persona{root})
}

func mergeValues(a, b ordered.Value, pol Policy, path []string) (ordered.Value, error) {
	switch {
	case b.Kind == ordered.Null:
		return a, nil
	case a.Kind == ordered.Null:
		return b, nil
	case a.Kind != b.Kind:
		return a, &PersonaError{Path: ordered.Join(path), Problem: fmt.Sprintf("expected %s to merge with, found %s", a.Kind, b.Kind)}
	case a.Kind == ordered.Array:
		return joinLists(a, b), nil
	case a.Kind == ordered.Object:
		return mergeObjects(a, b, pol, path)
	case a.Text == b.Text || pol == Keep:
		return a, nil
	case pol == Overwrite:
		return b, nil
	}
	return a, &PersonaError{Path: ordered.Join(path), Problem: fmt.Sprintf("expected the same value twice, found %s and %s", describe(a), describe(b))}
}

func mergeObjects(a, b ordered.Value, pol Policy, path []string) (ordered.Value, error) {
	at := make(map[string]int, len(a.Fields))
	fields := make([]ordered.Field, len(a.Fields), len(a.Fields)+len(b.Fields))
	for i, f := range a.Fields {
		at[f.Name], fields[i] = i, f
	}
	for _, f := range b.Fields {
		i, ok := at[f.Name]
		if !ok {
			fields = append(fields, f)
			continue
		}
		v, err := mergeValues(fields[i].Value, f.Value, pol, append(path[:len(path):len(path)], f.Name))
		if err != nil {
			return a, err
		}
		fields[i].Value = v
	}
	a.Fields = fields
	return a, nil
}

// joinLists appends the items of b that are not in a yet.
func joinLists(a, b ordered.Value) ordered.Value {
	seen := make(map[string]bool, len(a.Items)+len(b.Items))
	for _, item := range a.Items {
		seen[item.Canonical()] = true
	}
	a.Items = slices.Clip(a.Items)
	for _, item := range b.Items {
		if key := item.Canonical(); !seen[key] {
			seen[key] = true
			a.Items = append(a.Items, item)
		}
	}
	return a
}
