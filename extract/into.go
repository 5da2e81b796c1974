package extract

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// Extraction is what was extracted from one subject, as a T.
type Extraction[T any] struct {
	Subject Respondent
	Outcome Outcome  // Answered, or else that of the first value that T cannot do without
	Answers []Answer // value by value, with evidence and outcomes

	value T
}

// Value returns the value, and whether there is one.
func (e *Extraction[T]) Value() (T, bool) { return e.value, e.Outcome == Answered }

// Into extracts a T from each subject, in their order. T is a struct whose fields are
// looked for, or a slice of such structs, of which each subject has any number.
//
// A field is a string, bool, integer, float, or a slice of strings that have options.
// Its name is that of its json tag. Its find tag says what to look for (default: its
// name), and its answer tag how it is answered, as a study's questions say it: scale:
// 1..5; number: 0..100; one of: A|B|C; some of: A|B|C; rank: A|B|C. Without it, a
// string is a text, a bool is yes/no, a number is any.
//
//	type Choice struct {
//		Advert string  `json:"advert" find:"which advert the person picked" answer:"one of: A|B|C|D"`
//		Why    *string `json:"why" find:"the reason given"`
//	}
//
// A field that is a pointer is nil where it has no answer, or one that it cannot hold,
// such as 2.5 for an int, which makes the answer invalid. Any other must have one: if it
// is absent, refused, invalid or failed, so is the whole, and there is no T. Of a
// slice, an item that lacks such a field is left out of the T and makes it no less; if
// there is no item, the outcome tells why. The error is that of [Extractor.Extract].
func Into[T any](ctx context.Context, m llm.Model, find string, subjects []Subject, o *Options) ([]Extraction[T], error) {
	q, err := questionFor(reflect.TypeFor[T](), find)
	if err != nil {
		return nil, err
	}
	x, err := New(m, o)
	if err != nil {
		return nil, err
	}
	r, err := x.Extract(ctx, []Question{q}, subjects)
	if r == nil {
		return nil, err
	}
	out := make([]Extraction[T], len(subjects))
	answers := r.Answers
	for i := range subjects {
		n := q.extent(answers)
		e := &out[i]
		e.Subject, e.Answers = subjects[i].Respondent, answers[:n:n]
		answers = answers[n:]
		e.Outcome = fill(reflect.ValueOf(&e.value).Elem(), &q, e.Answers)
	}
	return out, err
}

// extent is how many of the answers belong to the first subject.
func (q *Question) extent(answers []Answer) int {
	n := len(q.Fields)
	if q.Type == ListOf && answers[0].Item > 0 {
		for n < len(answers) && answers[n].Item == answers[n-1].Item+1 {
			n += len(q.Fields)
		}
	}
	return n
}

// fill puts answers into v, a struct or a slice of structs.
func fill(v reflect.Value, q *Question, answers []Answer) Outcome {
	k := len(q.Fields)
	if q.Type == Fields {
		return fillItem(v, answers)
	}
	if answers[0].Item == 0 {
		return answers[0].Outcome
	}
	worst := Invalid
	for ; len(answers) >= k; answers = answers[k:] {
		item := reflect.New(v.Type().Elem()).Elem()
		if o := fillItem(item, answers[:k]); o == Answered {
			v.Set(reflect.Append(v, item))
		} else {
			worst = o
		}
	}
	if v.Len() == 0 {
		return worst
	}
	return Answered
}

func fillItem(v reflect.Value, answers []Answer) Outcome {
	filled := reflect.New(v.Type()).Elem()
	for i := range answers {
		a := &answers[i]
		f := filled.Field(i)
		if a.Outcome != Answered {
			if f.Kind() != reflect.Pointer {
				return a.Outcome
			}
			continue
		}
		if err := json.Unmarshal(rawjson.Of(a.Value), f.Addr().Interface()); err != nil { // such as 2.5 for an int
			a.Outcome, a.Value, a.Reason = Invalid, Value{}, err.Error()
			if f.Kind() != reflect.Pointer {
				return Invalid
			}
			f.SetZero()
		}
	}
	v.Set(filled)
	return Answered
}

// questionFor derives a question from a type.
func questionFor(t reflect.Type, find string) (Question, error) {
	q := Question{ID: "value", Type: Fields, Find: find}
	if t.Kind() == reflect.Slice {
		q.Type, t = ListOf, t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return q, fmt.Errorf("extract: %v is neither a struct nor a slice of structs", t)
	}
	for i := range t.NumField() {
		f, err := fieldFor(t.Field(i))
		if err != nil {
			return q, fmt.Errorf("extract: %v: field %s: %w", t, t.Field(i).Name, err)
		}
		q.Fields = append(q.Fields, f)
	}
	if err := q.Check(); err != nil {
		return q, fmt.Errorf("extract: %v: %w", t, err)
	}
	return q, nil
}

func fieldFor(f reflect.StructField) (Question, error) {
	if !f.IsExported() {
		return Question{}, fmt.Errorf("it is not exported")
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		name = f.Name
	}
	q := Question{ID: name, Find: f.Tag.Get("find")}
	if q.Find == "" {
		q.Find = name
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	kind := t.Kind()
	if tag := f.Tag.Get("answer"); tag != "" {
		if err := q.parse(tag); err != nil {
			return q, err
		}
	} else if kind == reflect.Bool {
		q.Type = YesNo
	} else if kind != reflect.String {
		q.Type = Number
	}
	ok := false
	switch q.kind() {
	case Text, OneOf:
		ok = kind == reflect.String
	case YesNo:
		ok = kind == reflect.Bool
	case Scale, Number:
		ok = kind >= reflect.Int && kind <= reflect.Float64 && kind != reflect.Uintptr
	default:
		ok = kind == reflect.Slice && t.Elem().Kind() == reflect.String
	}
	if !ok {
		return q, fmt.Errorf("%v cannot hold an answer of type %q", f.Type, q.kind())
	}
	return q, nil
}

// parse reads the type of an answer as an answer tag has it.
func (q *Question) parse(tag string) error {
	kind, rest, _ := strings.Cut(tag, ":")
	rest = strings.TrimSpace(rest)
	switch q.Type = Kind(strings.TrimSpace(kind)); q.Type {
	case Text, YesNo:
	case Scale, Number:
		var err error
		if q.Lo, q.Hi, err = ParseRange(rest); err != nil {
			return err
		}
	case OneOf, SomeOf, Rank:
		for o := range strings.SplitSeq(rest, "|") {
			q.Options = append(q.Options, strings.TrimSpace(o))
		}
	default:
		return fmt.Errorf("answer tag %q: there are text, yes/no, scale: 1..5, number: 0..100, one of: A|B, some of: A|B, rank: A|B", tag)
	}
	return nil
}

// ParseRange reads 1..5.
func ParseRange(s string) (lo, hi float64, err error) {
	a, b, ok := strings.Cut(s, "..")
	if ok {
		if lo, err = strconv.ParseFloat(strings.TrimSpace(a), 64); err == nil {
			hi, err = strconv.ParseFloat(strings.TrimSpace(b), 64)
		}
	}
	if !ok || err != nil || !finite(lo) || !finite(hi) {
		return 0, 0, fmt.Errorf("%q is no range such as 1..5", s)
	}
	return lo, hi, nil
}
