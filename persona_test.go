package tinytroupe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tinytroupe-go/tinytroupe"
)

func persona(t testing.TB, text string) tinytroupe.Persona {
	t.Helper()
	var p tinytroupe.Persona
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func fragment(t testing.TB, text string) tinytroupe.Fragment {
	t.Helper()
	return tinytroupe.Fragment(persona(t, text))
}

func TestParsePersona(t *testing.T) {
	const bare = `{"name":"Ana","zeta":1.50,"age":"28","city":"São <Paulo>"}`
	tests := []struct {
		text    string
		ignored []string
	}{
		{text: bare},
		{text: `{"type":"TinyPerson","persona":` + bare + `}`},
		{text: `{"persona":` + bare + `}`},
		{
			text:    `{"type":"TinyPerson","persona":` + bare + `,"mental_faculties":[],"episodic_memory":{"type":"EpisodicMemory"}}`,
			ignored: []string{"mental_faculties", "episodic_memory"},
		},
	}
	for _, tt := range tests {
		p, ignored, err := tinytroupe.ParsePersona("a.json", []byte(tt.text))
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
			continue
		}
		if got := string(p.JSON()); got != bare {
			t.Errorf("%s became %s", tt.text, got)
		}
		if d := cmp.Diff(tt.ignored, ignored); d != "" {
			t.Errorf("%s: ignored (-want +got):\n%s", tt.text, d)
		}
	}
}

func TestParseErrors(t *testing.T) {
	const person, frag = true, false
	tests := []struct {
		person     bool
		text, want string
	}{
		{person, `{"type":"TinyPerson","persona":{"name":"A","skills":["x",]}}`, `f.json:1:58: persona.skills.1: expected a value, found "]"`},
		{person, `[]`, `f.json:1:1: expected an object, found a list`},
		{person, `{"age":3}`, `f.json:1:1: expected a "name"`},
		{person, `{"name":null}`, `f.json:1:1: expected a "name"`},
		{person, `{"name":" "}`, `f.json:1:9: name: expected a name, found " "`},
		{person, `{"persona":{"name":7}}`, `f.json:1:20: persona.name: expected a name, found 7`},
		{person, `{"persona":{}}`, `f.json:1:12: persona: expected a "name"`},
		{person, "{\n\"type\": \"Fragment\",\n\"persona\":{}}", `f.json:2:9: type: expected "TinyPerson", found "Fragment"`},
		{person, `{"type":"TinyPerson"}`, `f.json:1:1: expected a "persona" beside "type"`},
		{person, `{"type":"TinyPerson","persona":"Ana"}`, `f.json:1:32: persona: expected an object, found "Ana"`},
		{person, "{\r\n\"persona\": {\r\n  \"name\": \"Zoë\", \"age\": NaN}}", `f.json:3:25: persona.age: expected a value, found "NaN"`},
		{person, "\ufeff[1]", `f.json:1:1: expected an object, found a list`},
		{person, `{"name":"A","relationships":[{"name":"B"},{"name":}]}`, `f.json:1:51: relationships.1.name: expected a value, found "}"`},
		{person, `{"name":"A","behaviors":{"routines":{"morning":["x"],"morning":[]}}}`, `f.json:1:54: behaviors.routines: expected every key once, found "morning" again`},
		{person, `{"name":"A","style":"it's \'fine\'"}`, `f.json:1:27: style: expected one of \" \\ \/ \b \f \n \r \t \u0000 after a backslash`},
		{person, `{"name":"A","age":028}`, `f.json:1:19: age: expected a number as JSON writes it, found "028"`},
		{person, "{\"name\":\"A\" // a remark\n}", `f.json:1:13: name: expected "," or "}", found "/"`},
		{frag, `{"type":"TinyPerson","persona":{}}`, `f.json:1:9: type: expected "Fragment", found "TinyPerson"`},
		{frag, `{"type":"Fragment"}`, `f.json:1:1: expected a "persona" beside "type"`},
		{frag, `3`, `f.json:1:1: expected an object, found 3`},
	}
	for _, tt := range tests {
		var err error
		if tt.person {
			_, _, err = tinytroupe.ParsePersona("f.json", []byte(tt.text))
		} else {
			_, _, err = tinytroupe.ParseFragment("f.json", []byte(tt.text))
		}
		var pe *tinytroupe.PersonaError
		if !errors.As(err, &pe) || err.Error() != tt.want {
			t.Errorf("%s\n got %v\nwant %s", tt.text, err, tt.want)
		}
	}
	err := json.Unmarshal([]byte(`{"name":"A","a":{"b":1,"b":2}}`), new(tinytroupe.Persona))
	if want := `1:24: a: expected every key once, found "b" again`; err == nil || err.Error() != want {
		t.Errorf("Unmarshal: got %v, want %s", err, want)
	}
}

func TestPersonaZero(t *testing.T) {
	var p tinytroupe.Persona
	if !p.IsZero() || p.Name() != "" || p.Get("a.b") != nil || p.Raw("a") != nil || string(p.JSON()) != "{}" {
		t.Errorf("the zero persona: %+v", p)
	}
	if d := cmp.Diff(tinytroupe.Behaviors{}, p.Behaviors()); d != "" || p.Relationships() != nil || p.Skills() != nil {
		t.Errorf("fields of the zero persona: %s", d)
	}
	p, err := p.With("a.b", 1)
	if got := string(p.JSON()); err != nil || got != `{"a":{"b":1}}` || p.IsZero() {
		t.Errorf("got %s, %v", got, err)
	}
	p, err = tinytroupe.Persona{}.Merge(fragment(t, `{"x":[1,1]}`), tinytroupe.Fail)
	if got := string(p.JSON()); err != nil || got != `{"x":[1,1]}` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestPersonaInsideJSON(t *testing.T) {
	p := persona(t, `{"name":"A & B","n":1.0}`)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(struct{ P *tinytroupe.Persona }{&p}); err != nil {
		t.Fatal(err)
	}
	if got := b.String(); got != `{"P":{"name":"A & B","n":1.0}}`+"\n" {
		t.Error(got)
	}
}

func TestPersonaFields(t *testing.T) {
	p := persona(t, `{
		"name":"Ana","age":41,"gender":"f","nationality":null,"country_of_residence":"Chile","language":"Spanish",
		"education":["School","Night school"],"long_term_goals":["a"],"style":"dry","health":"fine",
		"occupation":{"title":"Cook","organization":"Casa","description":"Cooks."},
		"personality":{"traits":["t"],"big_five":{"openness":"High. Curious.","neuroticism":"Low."}},
		"preferences":{"interests":["i"],"likes":["l","m"],"dislikes":"d"},
		"skills":"one","beliefs":["b",{"odd":1},7],"other_facts":[],
		"behaviors":{"routines":{"morning":["wakes"],"weekend":["sleeps"]},"travel":["packs late"],"general":["g"]},
		"relationships":[{"name":"Bo","description":"friend"},{"Name":"Cy","Description":"rival"},"a cousin",{}]}`)
	check := func(what string, got, want any) {
		t.Helper()
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
	check("texts", []string{p.Name(), p.Age(), p.Gender(), p.Nationality(), p.Residence(), p.Language(), p.Education(), p.Style(), p.Health()},
		[]string{"Ana", "41", "f", "", "Chile", "Spanish", "School; Night school", "dry", "fine"})
	check("lists", [][]string{p.LongTermGoals(), p.Skills(), p.Beliefs(), p.OtherFacts()},
		[][]string{{"a"}, {"one"}, {"b", "7"}, nil})
	check("occupation", p.Occupation(), tinytroupe.Occupation{Title: "Cook", Organization: "Casa", Description: "Cooks."})
	check("personality", p.Personality(), tinytroupe.Personality{Traits: []string{"t"},
		BigFive: tinytroupe.BigFive{Openness: "High. Curious.", Neuroticism: "Low."}})
	check("preferences", p.Preferences(), tinytroupe.Preferences{Interests: []string{"i"}, Likes: []string{"l", "m"}, Dislikes: []string{"d"}})
	check("behaviors", p.Behaviors(), tinytroupe.Behaviors{General: []string{"g"},
		Routines: []tinytroupe.Habits{{"morning", []string{"wakes"}}, {"weekend", []string{"sleeps"}}},
		Topics:   []tinytroupe.Habits{{"travel", []string{"packs late"}}}})
	check("relationships", p.Relationships(), []tinytroupe.Relationship{{"Bo", "friend"}, {"Cy", "rival"}, {"", "a cousin"}})

	q := persona(t, `{"age":"30","occupation":"Cook","behaviors":{"routines":["wakes"]},"personality":["kind"],"residence":"Rome"}`)
	check("age", q.Age(), "30")
	check("plain occupation", q.Occupation(), tinytroupe.Occupation{Title: "Cook"})
	check("plain routines", q.Behaviors(), tinytroupe.Behaviors{Routines: []tinytroupe.Habits{{"", []string{"wakes"}}}})
	check("plain personality", q.Personality(), tinytroupe.Personality{Traits: []string{"kind"}})
	check("residence", q.Residence(), "Rome")
	check("odd behaviors", persona(t, `{"behaviors":3,"relationships":{"a":1}}`).Behaviors(), tinytroupe.Behaviors{General: []string{"3"}})
}

func TestGet(t *testing.T) {
	p := persona(t, `{"a":{"b":[10,{"c":"x"}]},"d.e":true,"n":null,"0":"zero"}`)
	tests := []struct {
		path string
		want any
	}{
		{"a.b.0", json.Number("10")}, {"a.b.1.c", "x"}, {`d\.e`, true}, {"n", nil}, {"0", "zero"},
		{"a.b.2", nil}, {"a.b.-1", nil}, {"a.b.00", nil}, {"a.x.y", nil}, {"a.b.0.q", nil}, {"d.e", nil},
		{"a", map[string]any{"b": []any{json.Number("10"), map[string]any{"c": "x"}}}},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, p.Get(tt.path)); d != "" {
			t.Errorf("Get(%q) (-want +got):\n%s", tt.path, d)
		}
	}
	p.Get("a").(map[string]any)["b"].([]any)[0] = "changed"
	if got := string(p.Raw("a")); got != `{"b":[10,{"c":"x"}]}` {
		t.Errorf("what Get returned reaches the persona: %s", got)
	}
	if p.Raw("n") == nil || p.Raw("x") != nil {
		t.Error("Raw does not tell null from absent")
	}
}

func TestWith(t *testing.T) {
	const base = `{"name":"A","n":null,"l":[1,2],"o":{"k":"v"}}`
	tests := []struct {
		path  string
		value any
		want  string // the persona, or the error
	}{
		{"age", 3, `{"name":"A","n":null,"l":[1,2],"o":{"k":"v"},"age":3}`},
		{"name", "B", `{"name":"B","n":null,"l":[1,2],"o":{"k":"v"}}`},
		{"n.x.y", "<é>", `{"name":"A","n":{"x":{"y":"<é>"}},"l":[1,2],"o":{"k":"v"}}`},
		{"l.1", []int{7}, `{"name":"A","n":null,"l":[1,[7]],"o":{"k":"v"}}`},
		{"l.2", nil, `{"name":"A","n":null,"l":[1,2,null],"o":{"k":"v"}}`},
		{"o", json.RawMessage(`{"z":1.0,"a":2}`), `{"name":"A","n":null,"l":[1,2],"o":{"z":1.0,"a":2}}`},
		{`a\.b`, true, `{"name":"A","n":null,"l":[1,2],"o":{"k":"v"},"a.b":true}`},
		{"l.3", 1, `l.3: expected an index from 0 to 2, found "3"`},
		{"l.x", 1, `l.x: expected an index from 0 to 2, found "x"`},
		{"o.k.deeper", 1, `o.k: expected an object or a list, found a string`},
		{"", 1, `expected a path of names with dots between`},
		{"a..b", 1, `a..b: expected a path of names with dots between`},
		{"name", "", `name: expected a name, found ""`},
		{"name.first", "x", `name: expected an object or a list, found a string`},
		{"f", func() {}, `f: json: unsupported type: func()`},
		{"o.r", json.RawMessage(`{"a":{"b":1,"b":2}}`), `o.r.a: expected every key once, found "b" again`},
		{strings.Repeat("a.", 200) + "a", 1, strings.Repeat("a.", 200) + `a: expected at most 128 levels of nesting, found 201`},
	}
	for _, tt := range tests {
		p := persona(t, base)
		q, err := p.With(tt.path, tt.value)
		got := string(q.JSON())
		if err != nil {
			got = err.Error()
			var pe *tinytroupe.PersonaError
			if !errors.As(err, &pe) {
				t.Errorf("With(%q) returned a %T", tt.path, err)
			}
		}
		if got != tt.want {
			t.Errorf("With(%q, %v)\n got %s\nwant %s", tt.path, tt.value, got, tt.want)
		}
		if got := string(p.JSON()); got != base {
			t.Errorf("With(%q) changed its receiver to %s", tt.path, got)
		}
	}
}

func TestMerge(t *testing.T) {
	tests := []struct {
		base, frag string
		pol        tinytroupe.Policy
		want       string // the persona, or the error
	}{
		{`{"a":1}`, `{"b":2}`, tinytroupe.Fail, `{"a":1,"b":2}`},
		{`{"a":null,"b":1}`, `{"a":[1],"b":null}`, tinytroupe.Fail, `{"a":[1],"b":1}`},
		{`{"o":{"x":[1]}}`, `{"o":{"x":[2],"y":3}}`, tinytroupe.Fail, `{"o":{"x":[1,2],"y":3}}`},
		{`{"l":["a",{"p":1,"q":2}]}`, `{"l":[{"q":2,"p":1},"b","a","b"]}`, tinytroupe.Fail, `{"l":["a",{"p":1,"q":2},"b"]}`},
		{`{"s":"x"}`, `{"s":"x"}`, tinytroupe.Fail, `{"s":"x"}`},
		{`{"o":{"s":"x"}}`, `{"o":{"s":"y"}}`, tinytroupe.Fail, `o.s: expected the same value twice, found "x" and "y"`},
		{`{"o":{"s":"x"}}`, `{"o":{"s":"y"}}`, tinytroupe.Keep, `{"o":{"s":"x"}}`},
		{`{"o":{"s":"x"}}`, `{"o":{"s":"y"}}`, tinytroupe.Overwrite, `{"o":{"s":"y"}}`},
		{`{"t":true}`, `{"t":false}`, tinytroupe.Fail, `t: expected the same value twice, found true and false`},
		{`{"a.b":{"s":"x"}}`, `{"a.b":{"s":[1]}}`, tinytroupe.Overwrite, `a\.b.s: expected a string to merge with, found a list`},
		{`{"age":"28"}`, `{"age":28}`, tinytroupe.Keep, `age: expected a string to merge with, found a number`},
		{`{"name":"A"}`, `{"name":""}`, tinytroupe.Overwrite, `name: expected a name, found ""`},
	}
	for _, tt := range tests {
		p, err := persona(t, tt.base).Merge(fragment(t, tt.frag), tt.pol)
		got := string(p.JSON())
		if err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s + %s, policy %d\n got %s\nwant %s", tt.base, tt.frag, tt.pol, got, tt.want)
		}
	}
}

// TestMergeShares: people who share a fragment do not share what they do with it.
func TestMergeShares(t *testing.T) {
	f := fragment(t, `{"preferences":{"likes":["tea"]},"extra":{"deep":{"list":[1]}}}`)
	merge := func(name string) tinytroupe.Persona {
		p, err := tinytroupe.NewPersona(name).Merge(f, tinytroupe.Fail)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	a, b := merge("A"), merge("B")
	before := string(b.JSON())
	for _, path := range []string{"preferences.likes.0", "preferences.likes.1", "extra.deep.list.0", "extra.deep.more"} {
		var err error
		if a, err = a.With(path, "changed"); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(b.JSON()); got != before {
		t.Errorf("an edit of one reached the other: %s", got)
	}
	if got := string(f.JSON()); strings.Contains(got, "changed") {
		t.Errorf("an edit reached the fragment: %s", got)
	}
}

// trees draws a JSON object of few names, so that two of them overlap.
func trees() *rapid.Generator[string] {
	name := rapid.SampledFrom([]string{"a", "b", "c.d", "é"})
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		scalar := rapid.OneOf(rapid.Just[any](nil), rapid.IntRange(0, 2).AsAny(), rapid.SampledFrom([]string{"x", "<y>"}).AsAny())
		if depth == 0 {
			return scalar
		}
		return rapid.OneOf(scalar, rapid.SliceOfN(value(depth-1), 0, 3).AsAny(), rapid.MapOfN(name, value(depth-1), 0, 3).AsAny())
	}
	return rapid.Custom(func(t *rapid.T) string {
		text, err := json.Marshal(rapid.MapOfN(name, value(2), 0, 4).Draw(t, "object"))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	})
}

func TestMergeProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, f := persona(t, trees().Draw(rt, "persona")), fragment(t, trees().Draw(rt, "fragment"))
		pol := rapid.SampledFrom([]tinytroupe.Policy{tinytroupe.Fail, tinytroupe.Keep, tinytroupe.Overwrite}).Draw(rt, "policy")
		before := string(p.JSON()) + string(f.JSON())
		once, err := p.Merge(f, pol)
		if string(p.JSON())+string(f.JSON()) != before {
			rt.Fatal("merging changed an operand")
		}
		if err != nil {
			var pe *tinytroupe.PersonaError
			if !errors.As(err, &pe) || p.Raw(pe.Path) == nil || f.Get(pe.Path) == nil {
				rt.Fatalf("%v does not name a place in both", err)
			}
			return
		}
		twice, err := once.Merge(f, pol)
		if err != nil || !twice.Equal(once) {
			rt.Fatalf("again: %s instead of %s (%v)", twice.JSON(), once.JSON(), err)
		}
		for _, key := range p.Keys() {
			if once.Raw(strings.ReplaceAll(key, ".", `\.`)) == nil {
				rt.Fatalf("%q was lost", key)
			}
		}
	})
}

func FuzzParsePersona(f *testing.F) {
	f.Add([]byte(`{"type":"TinyPerson","persona":{"name":"Ana","age":28,"skills":["x"]},"mental_state":{}}`))
	f.Add([]byte(`{"name":"Ana","behaviors":{"routines":["a"],"travel":3},"relationships":[{"Name":"B"},null,4]}`))
	f.Add([]byte(`{"type":"Fragment","persona":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, _, err := tinytroupe.ParsePersona("f", data)
		if err != nil {
			var pe *tinytroupe.PersonaError
			if !errors.As(err, &pe) || pe.Line < 1 || pe.Column < 1 || pe.File != "f" {
				t.Fatalf("%#v", err)
			}
			return
		}
		var q tinytroupe.Persona
		if err := json.Unmarshal(p.JSON(), &q); err != nil || !p.Equal(q) {
			t.Fatalf("%s became %s (%v)", p.JSON(), q.JSON(), err)
		}
		if strings.TrimSpace(p.Name()) == "" {
			t.Fatal("no name")
		}
		p.Behaviors()
		p.Relationships()
		p.Personality()
		p.Occupation()
	})
}

func ExamplePersona_Merge() {
	ana, err := tinytroupe.NewPersona("Ana Reyes").With("occupation.title", "Cook")
	if err != nil {
		fmt.Println(err)
		return
	}
	traveller, _, err := tinytroupe.ParseFragment("traveller.fragment.json",
		[]byte(`{"type": "Fragment", "persona": {"preferences": {"likes": ["night trains"]}, "occupation": {"title": "Guide"}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = ana.Merge(traveller, tinytroupe.Fail)
	fmt.Println(err)
	ana, err = ana.Merge(traveller, tinytroupe.Keep)
	fmt.Println(string(ana.JSON()), err)
	// Output:
	// occupation.title: expected the same value twice, found "Cook" and "Guide"
	// {"name":"Ana Reyes","occupation":{"title":"Cook"},"preferences":{"likes":["night trains"]}} <nil>
}
