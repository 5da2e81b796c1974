package cast_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/examples/cast"
)

// usual are the fields of a whole persona.
func usual() []string {
	return strings.Fields(`name age gender nationality residence education long_term_goals occupation style
		personality preferences skills beliefs behaviors health relationships other_facts`)
}

// TestKnown: the people whom TinyTroupe's users know are who they were.
func TestKnown(t *testing.T) {
	for file, want := range map[string][4]string{ // name, age, occupation, nationality
		"lisa":      {"Lisa Carter", "28", "Data Scientist", "Canadian"},
		"oscar":     {"Oscar", "30", "Architect", "German"},
		"marcos":    {"Marcos Almeida", "35", "Physician, neurologist", "Brazilian"},
		"lila":      {"Lila", "28", "Linguist", "Brazilian"},
		"sophie":    {"Sophie Lefevre", "28", "Unemployed", "French"},
		"friedrich": {"Friedrich Wolf", "35", "Architect", "German"},
	} {
		p, err := cast.Person(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := [4]string{p.Name(), p.Age(), p.Occupation().Title, p.Nationality()}; got != want {
			t.Errorf("%s is %q, want %q", file, got, want)
		}
	}
}

func TestPeople(t *testing.T) {
	if n := len(cast.Names()); n < 8 {
		t.Errorf("%d people, want at least 8", n)
	}
	names := map[string]string{}
	said := map[string]string{} // by whose file
	for _, file := range cast.Names() {
		p, err := cast.Person(file)
		if err != nil {
			t.Error(err)
			continue
		}
		if other := names[p.Name()]; other != "" {
			t.Errorf("%s and %s are both called %s", file, other, p.Name())
		}
		names[p.Name()] = file
		missing := usual()
		missing = slices.DeleteFunc(missing, func(f string) bool { return slices.Contains(p.Keys(), f) })
		if len(missing) > 0 {
			t.Errorf("%s lacks %v", file, missing)
		}
		if n := utf8.RuneCount(p.JSON()); n < 6000 || n > 9000 {
			t.Errorf("%s has %d characters, want 6,000 to 9,000", file, n)
		}
		for what, text := range map[string]string{
			"age": p.Age(), "gender": p.Gender(), "nationality": p.Nationality(), "residence": p.Residence(),
			"education": p.Education(), "style": p.Style(), "health": p.Health(),
			"title": p.Occupation().Title, "organization": p.Occupation().Organization, "description": p.Occupation().Description,
			"openness": p.Personality().BigFive.Openness, "conscientiousness": p.Personality().BigFive.Conscientiousness,
			"extraversion": p.Personality().BigFive.Extraversion, "agreeableness": p.Personality().BigFive.Agreeableness,
			"neuroticism": p.Personality().BigFive.Neuroticism,
		} {
			if text == "" {
				t.Errorf("%s: no %s", file, what)
			}
		}
		b := p.Behaviors()
		lists := map[string][]string{
			"goals": p.LongTermGoals(), "traits": p.Personality().Traits, "interests": p.Preferences().Interests,
			"likes": p.Preferences().Likes, "dislikes": p.Preferences().Dislikes, "skills": p.Skills(),
			"beliefs": p.Beliefs(), "general": b.General, "other facts": p.OtherFacts(),
		}
		var when []string
		for _, r := range b.Routines {
			when = append(when, r.Name)
			lists["routine "+r.Name] = r.Items
		}
		if d := cmp.Diff([]string{"morning", "workday", "evening", "weekend"}, when); d != "" {
			t.Errorf("%s: routines (-want +got):\n%s", file, d)
		}
		for what, list := range lists {
			if len(list) < 4 {
				t.Errorf("%s: %d %s, want at least 4", file, len(list), what)
			}
			for _, item := range list {
				if other := said[item]; other != "" {
					t.Errorf("%s repeats from %s: %s", file, other, item)
				}
				said[item] = file
			}
		}
		for _, r := range p.Relationships() {
			if r.Name == "" || r.Description == "" {
				t.Errorf("%s: half a relationship: %+v", file, r)
			}
		}
		if n := len(p.Relationships()); n < 4 {
			t.Errorf("%s: %d relationships, want at least 4", file, n)
		}
	}
	for _, name := range []string{"Lisa Carter", "Oscar", "Marcos Almeida", "Lila", "Sophie Lefevre", "Friedrich Wolf"} {
		if names[name] == "" {
			t.Errorf("%s is missing", name)
		}
	}
}

// TestFragments: each fragment goes into each person without a conflict, and all of
// it arrives.
func TestFragments(t *testing.T) {
	if n := len(cast.Fragments()); n < 8 {
		t.Errorf("%d fragments, want at least 8", n)
	}
	for _, name := range cast.Fragments() {
		f, err := cast.Fragment(name)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, who := range cast.Names() {
			p, err := cast.Person(who)
			if err != nil {
				t.Fatal(err)
			}
			q, err := p.Merge(f, tinytroupe.Fail)
			if err != nil {
				t.Errorf("%s + %s: %v", who, name, err)
				continue
			}
			part := tinytroupe.Persona(f)
			added := len(part.Beliefs())
			if got := len(q.Beliefs()) - len(p.Beliefs()); got != added || added == 0 {
				t.Errorf("%s + %s: %d beliefs more, want %d", who, name, got, added)
			}
			if got := len(q.Behaviors().Topics); got != len(part.Behaviors().Topics) || got == 0 {
				t.Errorf("%s + %s: %d topics", who, name, got)
			}
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, name := range []string{"nobody", "", "../people/lisa", "*"} {
		if _, err := cast.Person(name); err == nil || !strings.Contains(err.Error(), "lisa") {
			t.Errorf("Person(%q): %v does not say who there is", name, err)
		}
		if _, err := cast.Fragment(name); err == nil || !strings.Contains(err.Error(), "picky_customer") {
			t.Errorf("Fragment(%q): %v does not say what there is", name, err)
		}
	}
}

func Example() {
	lisa, err := cast.Person("lisa")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(lisa.Name(), lisa.Age(), lisa.Occupation().Organization)
	// Output: Lisa Carter 28 Microsoft, M365 search team
}
