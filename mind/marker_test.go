package mind

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// marks hands out texts that stand nowhere else.
type marks struct{ all []string }

func (m *marks) next(where string) string {
	s := fmt.Sprintf("mark%d of %s <&>", len(m.all)+1, where)
	m.all = append(m.all, s)
	return s
}

// unmarked are the fields that are not for the model to read.
var unmarked = map[string]bool{
	"Image.MediaType": true, // goes with the bytes
	"Image.Hash":      true, // goes as bytes
	"ActSpec.Faculty": true, // whose act it is changes nothing for the person
	"Stimulus.Kind":   true, // set by the test
}

// fill puts a mark in every text within v, and two items in every slice.
func (m *marks) fill(v reflect.Value, where string) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			name := v.Type().Name() + "." + v.Type().Field(i).Name
			if unmarked[name] {
				continue
			}
			m.fill(v.Field(i), name)
		}
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			v.SetBytes(appendString(nil, m.next(where)))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			m.fill(v.Index(i), where)
		}
	case reflect.String:
		v.SetString(m.next(where))
	case reflect.Bool:
	default:
		panic("the marker test does not know " + where + ", a " + v.Kind().String())
	}
}

func filled[T any](m *marks) T {
	var v T
	m.fill(reflect.ValueOf(&v).Elem(), reflect.TypeFor[T]().Name())
	return v
}

// TestMarks proves that nothing a person is, knows, perceives or did gets lost on
// the way to the model. A new field of a type is checked as soon as it exists.
func TestMarks(t *testing.T) {
	m := new(marks)
	stimulus := func(kind tinytroupe.StimulusKind) tinytroupe.Stimulus {
		s := filled[tinytroupe.Stimulus](m)
		s.Kind = kind
		m.all = append(m.all, `"type":"`+string(kind)+`"`)
		return s
	}
	kinds := []tinytroupe.StimulusKind{tinytroupe.Conversation, tinytroupe.Visual, tinytroupe.Social, tinytroupe.Thought, tinytroupe.Goal, tinytroupe.Location, tinytroupe.Result, "SMELL"}

	p := &tinytroupe.Perception{
		Situation: filled[tinytroupe.Situation](m),
		State:     filled[tinytroupe.MentalState](m),
		Summary:   m.next("summary"),
		Memos:     filled[[]tinytroupe.Memo](m),
		Acts:      filled[[]tinytroupe.ActSpec](m),
		Reminders: filled[[]string](m),
	}
	p.Situation.Now = at(1)
	var err error
	p.Persona = tinytroupe.NewPersona("Lisa Carter")
	for _, path := range []string{"age", "occupation.title", "personality.big_five.openness", "unheard.of.key", "Großmutter"} {
		if p.Persona, err = p.Persona.With(path, m.next(path)); err != nil {
			t.Fatal(err)
		}
	}
	if p.Persona, err = p.Persona.With("lists", []any{m.next("list"), map[string]any{m.next("key"): []any{[]any{m.next("nested")}}}}); err != nil {
		t.Fatal(err)
	}

	action := func() *tinytroupe.Action { a := filled[tinytroupe.Action](m); return &a }
	state := func() *tinytroupe.MentalState { s := filled[tinytroupe.MentalState](m); return &s }
	turn := func(seen int) []tinytroupe.Event {
		var events []tinytroupe.Event
		for _, k := range kinds {
			events = append(events, told(stimulus(k), at(0)))
		}
		events = append(events, said(m.next("speaker"), m.next("speech"), at(0)))
		return append(events,
			tinytroupe.Event{Kind: tinytroupe.EventActed, Who: "Lisa Carter", Action: action(), Seen: seen, Time: at(0)},
			tinytroupe.Event{Kind: tinytroupe.EventActed, Who: "Lisa Carter", Action: action(), Time: at(0)},
			tinytroupe.Event{Kind: tinytroupe.EventState, Who: "Lisa Carter", State: state(), Time: at(0)})
	}
	p.Episode = append(turn(3), turn(9)...)
	for _, k := range kinds {
		p.Stimuli = append(p.Stimuli, stimulus(k))
	}
	result := told(stimulus(tinytroupe.Result), at(1))
	result.During = true
	p.Draft = []tinytroupe.Event{
		{Kind: tinytroupe.EventActed, Who: "Lisa Carter", Action: action(), Seen: 12},
		{Kind: tinytroupe.EventState, Who: "Lisa Carter", State: state()},
		result,
	}

	q := tinytroupe.Question{Text: m.next("question")}
	got := dump(asks(t, &Options{Images: func(string) (string, []byte, error) { return "image/png", nil, nil }}, p, q, "Yes."))
	lost := func(got string) (n []string) {
		for _, mark := range m.all {
			if !strings.Contains(got, mark) {
				n = append(n, mark)
			}
		}
		return n
	}
	// What the draft's state replaces is the only thing that is not told again.
	p.Draft = nil
	got += dump(asks(t, &Options{Images: func(string) (string, []byte, error) { return "image/png", nil, nil }}, p, q, "Yes."))
	if l := lost(got); len(l) > 0 {
		t.Errorf("%d of %d marks are lost:\n%s\nin\n%s", len(l), len(m.all), strings.Join(l, "\n"), got)
	}
	if len(m.all) < 150 {
		t.Errorf("only %d marks were placed", len(m.all))
	}
}

// TestBudget holds the fixed part of a prompt, and its tail, to their size.
func TestBudget(t *testing.T) {
	req := decides(t, nil, first(t))
	head, _, ok := strings.Cut(req.System, "# Who you are\n")
	if n := llmtest.Tokens(head); !ok || n > 1500 {
		t.Errorf("the fixed part has %d tokens, want at most 1500", n)
	} else {
		t.Logf("fixed part: %d tokens", n)
	}

	p := later(t)
	p.Situation.Near = nil
	for _, name := range []string{"Oscar Wolff", "Lila Brand", "Marcos Almeida", "Sophie Lefevre", "Ana Lúcia Reis", "Jonas Petersen", "Mei Lin Chow"} {
		p.Situation.Near = append(p.Situation.Near, tinytroupe.Acquaintance{Name: name, Relation: "a colleague"})
	}
	req = decides(t, nil, p)
	_, tail, ok := strings.Cut(req.Messages[len(req.Messages)-1].Parts[0].Text, "\n\n")
	if n := llmtest.Tokens(tail); !ok || n > 150 {
		t.Errorf("the tail has %d tokens, want at most 150:\n%s", n, tail)
	}
}
