package people

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/tinytroupe-go/tinytroupe"
)

// Relate returns two people of whom a has b among its relationships, as description
// says, and, where back is not empty, b has a, as back says. Where there is a
// relationship of that name already, its description is replaced. What cannot be
// related, such as somebody to themselves, is a *tinytroupe.PersonaError.
func Relate(a, b tinytroupe.Persona, description, back string) (tinytroupe.Persona, tinytroupe.Persona, error) {
	none := tinytroupe.Persona{}
	if a.Name() == b.Name() {
		return none, none, &tinytroupe.PersonaError{Path: "name", Problem: fmt.Sprintf("expected two people to relate, found %q twice", a.Name())}
	}
	a2, err := related(a, b.Name(), description)
	if err != nil || back == "" {
		return a2, b, err
	}
	b2, err := related(b, a.Name(), back)
	if err != nil {
		return none, none, err
	}
	return a2, b2, nil
}

// Unrelate returns the person without any relationship.
func Unrelate(p tinytroupe.Persona) (tinytroupe.Persona, error) {
	return p.With("relationships", []string{})
}

func related(p tinytroupe.Persona, name, description string) (tinytroupe.Persona, error) {
	const at = "relationships"
	if name == "" {
		return tinytroupe.Persona{}, &tinytroupe.PersonaError{Path: "name", Problem: "expected a person with a name to relate to"}
	}
	var items []json.RawMessage
	if raw := p.Raw(at); raw != nil && json.Unmarshal(raw, &items) != nil {
		return tinytroupe.Persona{}, &tinytroupe.PersonaError{Path: at, Problem: "expected a list to add to"}
	}
	for i, item := range items {
		var r struct{ Name, Description *string } // encoding/json does not mind the case of keys
		if json.Unmarshal(item, &r) != nil || r.Name == nil || *r.Name != name {
			continue
		}
		path := at + "." + strconv.Itoa(i) + "."
		if p.Get(path+"Description") != nil {
			return p.With(path+"Description", description)
		}
		return p.With(path+"description", description)
	}
	entry, err := json.Marshal(struct {
		Name        string `json:"name"`
		Description string `json:"description"`
	}{name, description})
	if err != nil {
		return tinytroupe.Persona{}, err
	}
	return p.With(at, append(items, entry))
}
