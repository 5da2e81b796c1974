package people_test

import (
	"errors"
	"testing"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/people"
)

func TestRelate(t *testing.T) {
	person := func(text string) tinytroupe.Persona { return parse(t, text).Persona }
	tests := []struct {
		a, b, back string
		wantA      string
		wantB      string // empty: as it was
	}{
		{`{"name":"A"}`, `{"name":"B"}`, "", `{"name":"A","relationships":[{"name":"B","description":"likes <B>"}]}`, ""},
		{`{"name":"A"}`, `{"name":"B"}`, "fears A", `{"name":"A","relationships":[{"name":"B","description":"likes <B>"}]}`, `{"name":"B","relationships":[{"name":"A","description":"fears A"}]}`},
		{`{"name":"A","relationships":null,"z":1}`, `{"name":"B"}`, "", `{"name":"A","relationships":[{"name":"B","description":"likes <B>"}],"z":1}`, ""},
		{
			`{"name":"A","relationships":[{"Description":"old","Name":"B","since":1.0},"a cousin",{"name":"C"}]}`, `{"name":"B"}`, "",
			`{"name":"A","relationships":[{"Description":"likes <B>","Name":"B","since":1.0},"a cousin",{"name":"C"}]}`, "",
		},
		{`{"name":"A","relationships":[{"x":1.50,"name":"C"},{"name":"B"}]}`, `{"name":"B"}`, "", `{"name":"A","relationships":[{"x":1.50,"name":"C"},{"name":"B","description":"likes <B>"}]}`, ""},
	}
	for _, tt := range tests {
		if tt.wantB == "" {
			tt.wantB = tt.b
		}
		a, b := person(tt.a), person(tt.b)
		a2, b2, err := people.Relate(a, b, "likes <B>", tt.back)
		if err != nil || string(a2.JSON()) != tt.wantA || string(b2.JSON()) != tt.wantB {
			t.Errorf("%v\n got %s %s\nwant %s %s", err, a2.JSON(), b2.JSON(), tt.wantA, tt.wantB)
		}
		if string(a.JSON()) != tt.a || string(b.JSON()) != tt.b {
			t.Error("relating changed an operand")
		}
		again, _, err := people.Relate(a2, b2, "likes <B>", tt.back)
		if err != nil || !again.Equal(a2) {
			t.Errorf("again: %v, %s", err, again.JSON())
		}
		c, err := people.Unrelate(a2)
		if err != nil || len(c.Relationships()) > 0 || string(c.Raw("relationships")) != "[]" {
			t.Errorf("unrelated: %v, %s", err, c.JSON())
		}
	}
	for _, tt := range []struct {
		a, b tinytroupe.Persona
		want string
	}{
		{person(`{"name":"A"}`), person(`{"name":"A"}`), `name: expected two people to relate, found "A" twice`},
		{person(`{"name":"A"}`), tinytroupe.Persona{}, "name: expected a person with a name to relate to"},
		{person(`{"name":"A","relationships":{"B":"x"}}`), person(`{"name":"B"}`), "relationships: expected a list to add to"},
		{person(`{"name":"A"}`), person(`{"name":"B","relationships":7}`), "relationships: expected a list to add to"},
	} {
		_, _, err := people.Relate(tt.a, tt.b, "x", "y")
		var pe *tinytroupe.PersonaError
		if !errors.As(err, &pe) || err.Error() != tt.want {
			t.Errorf("got %v, want %s", err, tt.want)
		}
	}
}
