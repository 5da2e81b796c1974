package extract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// Outcome says how a request for a value ended. Only Answered comes with a value.
type Outcome string

const (
	Answered Outcome = "answered"
	Absent   Outcome = "absent"  // nothing was said about it; or, when asked, nothing is known
	Refused  Outcome = "refused" // the person would not say, or the model refused
	Invalid  Outcome = "invalid" // there is a reply, but it does not hold
	Failed   Outcome = "failed"  // no reply came
	Skipped  Outcome = "skipped" // not asked, or not to the end
)

// Value is what was answered. The zero Value is none.
type Value struct {
	Kind   Kind     // of the question
	Text   string   // Text; YesNo: yes or no; OneOf: the option
	Number float64  // Scale, Number
	List   []string // SomeOf: in the order of the question's options; Rank: best first
}

// String is the value as it stands in tables: 3.5, yes, A, or ["A","B"].
func (v Value) String() string {
	switch v.Kind {
	case "":
		return ""
	case Scale, Number:
		return plain(v.Number)
	case SomeOf, Rank:
		return string(rawjson.Of(nonNil(v.List)))
	}
	return v.Text
}

// IsZero reports whether there is no value.
func (v Value) IsZero() bool { return v.Kind == "" }

// MarshalJSON writes a string, a number, true or false, or an array of strings.
func (v Value) MarshalJSON() ([]byte, error) {
	switch v.Kind {
	case "":
		return []byte("null"), nil
	case YesNo:
		return strconv.AppendBool(nil, v.Text == "yes"), nil
	case Scale, Number:
		if !finite(v.Number) {
			return nil, fmt.Errorf("%v is no number for JSON", v.Number)
		}
		return json.Marshal(v.Number)
	case SomeOf, Rank:
		return rawjson.Of(nonNil(v.List)), nil
	}
	return rawjson.Of(v.Text), nil
}

// An Answer is one value, or why there is none: of one person (or room) to one
// question, to one of its fields, or to a field of one item.
type Answer struct {
	Question string     `json:"question"`        // ID of the question
	Field    string     `json:"field,omitempty"` // of Fields and ListOf
	Item     int        `json:"item,omitempty"`  // of ListOf, from 1; 0 where there is no item
	Type     Kind       `json:"type"`
	Outcome  Outcome    `json:"outcome"`
	Value    Value      `json:"value,omitzero"`
	Reason   string     `json:"reason,omitempty"` // why there is no value
	Evidence []Evidence `json:"evidence,omitempty"`
	Shown    []string   `json:"shown,omitempty"`    // options in the order in which they were shown
	Position int        `json:"position,omitempty"` // OneOf: the place of the chosen option in Shown, from 1
	Calls    []string   `json:"calls,omitempty"`    // keys of the model calls behind it

	Respondent
}

// Evidence is what a value rests on: words, and where they stand.
type Evidence struct {
	Quote  string `json:"quote"` // as it was said
	Who    string `json:"who,omitempty"`
	Room   string `json:"room,omitempty"`
	Event  int    `json:"event,omitempty"`  // Seq in the room's journal
	Record string `json:"record,omitempty"` // key of the call in which it was said, for what was asked
}

// A Respondent is whom an answer is from.
type Respondent struct {
	Person     string            `json:"person,omitempty"` // empty for an answer of a whole room or study
	Weight     float64           `json:"weight,omitempty"` // 0 means 1
	Attributes map[string]string `json:"attributes,omitempty"`
	Scene      string            `json:"scene,omitempty"`
	Room       string            `json:"room,omitempty"`
}

func (r *Respondent) weight() float64 {
	if r.Weight == 0 {
		return 1
	}
	return r.Weight
}

// Name is the whole name of what is answered: choice, or choice.advert.
func (a *Answer) Name() string {
	if a.Field == "" {
		return a.Question
	}
	return a.Question + "." + a.Field
}

// Base says what became of all requests for a value. Asked is the sum of the others.
type Base struct {
	Asked    int `json:"asked"`
	Answered int `json:"answered"`
	Absent   int `json:"absent"`
	Refused  int `json:"refused"`
	Invalid  int `json:"invalid"`
	Failed   int `json:"failed"`
	Skipped  int `json:"skipped"`
}

// Count counts outcomes. An outcome that is not known counts as failed.
func Count(answers []Answer) Base {
	var b Base
	for i := range answers {
		b.add(answers[i].Outcome)
	}
	return b
}

func (b *Base) add(o Outcome) {
	b.Asked++
	switch o {
	case Answered:
		b.Answered++
	case Absent:
		b.Absent++
	case Refused:
		b.Refused++
	case Invalid:
		b.Invalid++
	case Skipped:
		b.Skipped++
	default:
		b.Failed++
	}
}

// String names what there is beside answers: 11 answered, 2 absent, 0 refused, 0
// invalid, 0 failed.
func (b Base) String() string {
	s := fmt.Sprintf("%d answered, %d absent, %d refused, %d invalid, %d failed", b.Answered, b.Absent, b.Refused, b.Invalid, b.Failed)
	if b.Skipped > 0 {
		s += fmt.Sprintf(", %d skipped", b.Skipped)
	}
	return s
}

// read reads the value of a question from a reply. It never guesses: an option that
// does not exist, one given twice and a ranking that leaves options out are errors.
func (q *Question) read(raw json.RawMessage) (Value, error) {
	v := Value{Kind: q.kind()}
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || string(raw) == "null" {
		return Value{}, errors.New("there is no value")
	}
	wrong := func() (Value, error) {
		return Value{}, fmt.Errorf("%s is no answer of type %q", clip(string(raw), 100), q.kind())
	}
	switch q.kind() {
	case YesNo:
		var yes bool
		if json.Unmarshal(raw, &yes) != nil {
			return wrong()
		}
		v.Text = map[bool]string{true: "yes", false: "no"}[yes]
	case Scale, Number:
		if json.Unmarshal(raw, &v.Number) != nil || !finite(v.Number) {
			return wrong()
		}
		if v.Number == 0 {
			v.Number = 0 // not minus zero
		}
		bounded := q.Type == Scale || q.Lo != 0 || q.Hi != 0
		if bounded && (v.Number < q.Lo || v.Number > q.Hi) {
			return Value{}, fmt.Errorf("%v is outside of %v..%v", v.Number, q.Lo, q.Hi)
		}
		if q.Type == Scale && v.Number != math.Trunc(v.Number) {
			return Value{}, fmt.Errorf("%v is no point of the scale", v.Number)
		}
	case OneOf:
		if json.Unmarshal(raw, &v.Text) != nil {
			return wrong()
		}
		if !slices.Contains(q.Options, v.Text) {
			return Value{}, fmt.Errorf("%q is none of the options", clip(v.Text, 100))
		}
	case SomeOf, Rank:
		if json.Unmarshal(raw, &v.List) != nil {
			return wrong()
		}
		if err := q.checkList(v.List); err != nil {
			return Value{}, err
		}
	default:
		if json.Unmarshal(raw, &v.Text) != nil {
			return wrong()
		}
		if v.Text = strings.TrimSpace(v.Text); v.Text == "" {
			return Value{}, errors.New("the text is empty")
		}
	}
	return v, nil
}

func (q *Question) checkList(list []string) error {
	for i, s := range list {
		if !slices.Contains(q.Options, s) {
			return fmt.Errorf("%q is none of the options", clip(s, 100))
		}
		if slices.Contains(list[:i], s) {
			return fmt.Errorf("%q stands twice", s)
		}
	}
	if q.Type == Rank && len(list) < len(q.Options) {
		return fmt.Errorf("it ranks %d of %d options", len(list), len(q.Options))
	}
	return nil
}

// settle puts a value into an answer to q, whose options stand as they were shown.
func (a *Answer) settle(q, written *Question, v Value) {
	a.Outcome, a.Value = Answered, v
	if v.Kind == OneOf {
		a.Position = slices.Index(q.Options, v.Text) + 1
	}
	if v.Kind == SomeOf && written != nil { // in the question's own order, whatever was shown
		var list []string
		for _, o := range written.Options {
			if slices.Contains(v.List, o) {
				list = append(list, o)
			}
		}
		a.Value.List = list
	}
}

// blank returns what a question's answers are before there are any: one for each part.
func blank(q *Question, r *Respondent, outcome Outcome, reason string) []Answer {
	var out []Answer
	for _, p := range q.parts() {
		a := Answer{Question: q.ID, Field: p.ID, Type: p.kind(), Outcome: outcome, Reason: reason, Respondent: *r}
		a.Shown = slices.Clone(p.Options)
		out = append(out, a)
	}
	return out
}

// ended says what an error of a model makes of the answers that were asked of it.
func ended(err error) (Outcome, string) {
	switch {
	case errors.Is(err, llm.ErrFiltered):
		return Refused, err.Error()
	case errors.Is(err, llm.ErrInvalid), errors.Is(err, llm.ErrTruncated):
		return Invalid, err.Error()
	}
	return Failed, err.Error()
}

// stops is ended, for what is lost with the error; and the error that goes on to stop
// everything else, if it does.
func stops(ctx context.Context, err error) (Outcome, string, error) {
	outcome, reason := ended(err)
	switch {
	case llm.Hopeless(err):
		return outcome, reason, err
	case drain.Ended(ctx, err):
		return Skipped, "the run stopped before it", context.Cause(ctx)
	}
	return outcome, reason, nil
}

// plain spells a number in digits, and with an exponent only where it is very large or
// very small.
func plain(x float64) string {
	if a := math.Abs(x); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.FormatFloat(x, 'g', -1, 64)
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}

func nonNil(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}
