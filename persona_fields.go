package tinytroupe

import (
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
)

// The usual fields of a persona, in the shapes that TinyTroupe's files and programs
// give them. A method returns zero where a field is missing, null or of a shape it
// cannot read; Get and Raw reach everything.

// Occupation is what somebody does for a living.
type Occupation struct{ Title, Organization, Description string }

// Personality is somebody's character.
type Personality struct {
	Traits  []string
	BigFive BigFive
}

// BigFive holds a level and a remark for each of the five factors.
type BigFive struct{ Openness, Conscientiousness, Extraversion, Agreeableness, Neuroticism string }

// Preferences are somebody's tastes.
type Preferences struct{ Interests, Likes, Dislikes []string }

// Behaviors are somebody's habits.
type Behaviors struct {
	General  []string
	Routines []Habits // by time: morning, workday, …; one without a name where the file has a plain list
	Topics   []Habits // further lists: debate, travel, shopping, …
}

// Habits are what somebody does at a time, or about a topic.
type Habits struct {
	Name  string
	Items []string
}

// Relationship is somebody that a person knows.
type Relationship struct{ Name, Description string }

func (p Persona) Name() string        { return p.text("name") }
func (p Persona) Age() string         { return p.text("age") } // whether written as a number or a string
func (p Persona) Gender() string      { return p.text("gender") }
func (p Persona) Nationality() string { return p.text("nationality") }
func (p Persona) Education() string   { return p.text("education") }
func (p Persona) Style() string       { return p.text("style") }
func (p Persona) Health() string      { return p.text("health") }
func (p Persona) Language() string    { return p.text("language") }

// Residence is where somebody lives; it reads country_of_residence too.
func (p Persona) Residence() string { return p.text("residence", "country_of_residence") }

func (p Persona) LongTermGoals() []string { return texts(p.field("long_term_goals")) }
func (p Persona) Skills() []string        { return texts(p.field("skills")) }
func (p Persona) Beliefs() []string       { return texts(p.field("beliefs")) }
func (p Persona) OtherFacts() []string    { return texts(p.field("other_facts")) }

// Occupation reads an object, or a plain string as the title.
func (p Persona) Occupation() Occupation {
	v := p.field("occupation")
	if v.Kind != ordered.Object {
		return Occupation{Title: text(v)}
	}
	return Occupation{text(member(v, "title")), text(member(v, "organization")), text(member(v, "description"))}
}

// Personality reads traits and big_five; a plain string or list is the traits.
func (p Persona) Personality() Personality {
	v := p.field("personality")
	if v.Kind != ordered.Object {
		return Personality{Traits: texts(v)}
	}
	five := member(v, "big_five")
	return Personality{texts(member(v, "traits")), BigFive{
		text(member(five, "openness")), text(member(five, "conscientiousness")), text(member(five, "extraversion")),
		text(member(five, "agreeableness")), text(member(five, "neuroticism")),
	}}
}

func (p Persona) Preferences() Preferences {
	v := p.field("preferences")
	return Preferences{texts(member(v, "interests")), texts(member(v, "likes")), texts(member(v, "dislikes"))}
}

// Behaviors reads an object; a plain string or list is the general ones.
func (p Persona) Behaviors() Behaviors {
	v := p.field("behaviors")
	if v.Kind != ordered.Object {
		return Behaviors{General: texts(v)}
	}
	var b Behaviors
	for _, f := range v.Fields {
		switch {
		case f.Name == "general":
			b.General = texts(f.Value)
		case f.Name == "routines" && f.Value.Kind == ordered.Object:
			for _, r := range f.Value.Fields {
				b.Routines = append(b.Routines, Habits{r.Name, texts(r.Value)})
			}
		case f.Name == "routines":
			if items := texts(f.Value); items != nil {
				b.Routines = []Habits{{Items: items}}
			}
		default:
			if items := texts(f.Value); items != nil {
				b.Topics = append(b.Topics, Habits{f.Name, items})
			}
		}
	}
	return b
}

// Relationships reads objects whose keys are name and description, capitalised or
// not; a plain string is a description.
func (p Persona) Relationships() []Relationship {
	var list []Relationship
	v := p.field("relationships")
	for _, item := range v.Items {
		r := Relationship{text(member(item, "name", "Name")), text(member(item, "description", "Description"))}
		if item.Kind == ordered.String {
			r.Description = item.Text
		}
		if r != (Relationship{}) {
			list = append(list, r)
		}
	}
	return list
}

func (p Persona) field(name string) ordered.Value { return member(p.root, name) }

func (p Persona) text(names ...string) string { return text(member(p.root, names...)) }

// member returns the first field of those names that is not null.
func member(v ordered.Value, names ...string) ordered.Value {
	for _, name := range names {
		if m, _ := v.Field(name); m.Kind != ordered.Null {
			return m
		}
	}
	return ordered.Value{}
}

// text reads a scalar, or a list of them joined.
func text(v ordered.Value) string {
	if v.Kind == ordered.Array {
		return strings.Join(texts(v), "; ")
	}
	return v.Text
}

// texts reads a list of scalars, or one alone. Anything else in it is left out.
func texts(v ordered.Value) []string {
	items := v.Items
	if v.Kind != ordered.Array {
		items = []ordered.Value{v}
	}
	var list []string
	for _, it := range items {
		if it.Text != "" {
			list = append(list, it.Text)
		}
	}
	return list
}
