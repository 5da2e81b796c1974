package extract

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// Kind is a type of answer.
type Kind string

const (
	Text   Kind = "text"
	YesNo  Kind = "yes/no"
	Scale  Kind = "scale"   // a whole number Lo..Hi
	Number Kind = "number"  // any number Lo..Hi; without bounds where both are 0
	OneOf  Kind = "one of"  // one of Options
	SomeOf Kind = "some of" // any of Options, each once
	Rank   Kind = "rank"    // all Options, best first
	Fields Kind = "fields"  // several values, by name
	ListOf Kind = "list of" // any number of items, each with several values
)

// Order says in which order options are shown.
type Order string

const (
	Written Order = "written" // as they stand in Options
	Shuffle Order = "shuffle" // in an order drawn for each person, and recorded
)

// A Question is what is asked of people, or looked for in what they said.
type Question struct {
	ID      string
	Ask     string     // what people are asked; empty where it is only looked for
	Find    string     // what to look for in a transcript; empty means Ask
	Type    Kind       // empty means Text
	Lo, Hi  float64    // Scale, Number
	Options []string   // OneOf, SomeOf, Rank
	Labels  []Label    // what options or points of a scale stand for
	Order   Order      // of options put to people; empty means Written. An extractor always sees them shuffled
	Fields  []Question // Fields, ListOf: what one item holds, by ID; neither Fields nor ListOf themselves
	Most    int        // ListOf: most items; 0 means 30
}

// A Label says what a value stands for.
type Label struct{ Value, Text string }

const mostItems = 30

// kind returns the type, the default filled in.
func (q *Question) kind() Kind {
	if q.Type == "" {
		return Text
	}
	return q.Type
}

// find is what an extractor looks for.
func (q *Question) find() string {
	if q.Find != "" {
		return q.Find
	}
	return q.Ask
}

func (q *Question) label(value string) string {
	for _, l := range q.Labels {
		if l.Value == value {
			return l.Text
		}
	}
	return ""
}

// Leaves returns the questions that have one value each, with whole names: the question
// itself, or its fields as choice.advert.
func (q *Question) Leaves() []Question {
	if !q.compound() {
		return []Question{*q}
	}
	out := slices.Clone(q.Fields)
	for i := range out {
		out[i].ID = q.ID + "." + out[i].ID
	}
	return out
}

func (q *Question) compound() bool { return q.Type == Fields || q.Type == ListOf }

// parts are the fields of a compound question, or the question itself without a name.
func (q *Question) parts() []Question {
	if q.compound() {
		return q.Fields
	}
	part := *q
	part.ID = ""
	return []Question{part}
}

// Leaf finds a question that has one value by its whole name.
func Leaf(qs []Question, name string) (Question, bool) {
	for i := range qs {
		for _, l := range qs[i].Leaves() {
			if l.ID == name {
				return l, true
			}
		}
	}
	return Question{}, false
}

// Check returns what is wrong with a question, all of it.
func (q *Question) Check() error {
	return errors.Join(q.check("question "+strconv.Quote(q.ID), false)...)
}

func (q *Question) check(where string, inner bool) (errs []error) {
	wrong := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %w", where, fmt.Errorf(format, args...)))
	}
	if q.ID == "" {
		wrong("it has no name")
	}
	if strings.ContainsAny(q.ID, ".\t\r\n") || strings.TrimSpace(q.ID) != q.ID {
		wrong("a name has no points and no line breaks, and no spaces around it")
	}
	if q.Ask == "" && q.Find == "" && !inner {
		wrong("it neither asks nor says what to find")
	}
	switch q.kind() {
	case Text, YesNo:
	case Scale, Number:
		unbounded := q.kind() == Number && q.Lo == 0 && q.Hi == 0
		switch {
		case !finite(q.Lo) || !finite(q.Hi) || q.Lo >= q.Hi && !unbounded:
			wrong("%v..%v is no range: the lower end comes first", q.Lo, q.Hi)
		case q.Type == Scale && (q.Lo != math.Trunc(q.Lo) || q.Hi != math.Trunc(q.Hi)):
			wrong("a scale has whole ends, not %v..%v", q.Lo, q.Hi)
		case q.Type == Scale && q.Hi-q.Lo > 1000:
			wrong("a scale has at most 1,001 points; use a number")
		}
	case OneOf, SomeOf, Rank:
		if len(q.Options) < 2 {
			wrong("%q needs at least two options", q.Type)
		}
		seen := map[string]string{}
		for _, o := range q.Options {
			switch f := foldText(o); {
			case f == "":
				wrong("an option is empty")
			case seen[f] != "":
				wrong("options %q and %q look the same", seen[f], o)
			default:
				seen[f] = o
			}
		}
	case Fields, ListOf:
		if inner {
			wrong("%q within fields is not supported: give each its own question", q.Type)
			return errs
		}
		if len(q.Fields) == 0 {
			wrong("it has no fields")
		}
		seen := map[string]bool{}
		for i := range q.Fields {
			f := &q.Fields[i]
			if seen[f.ID] {
				wrong("field %q stands twice", f.ID)
			}
			seen[f.ID] = true
			errs = append(errs, f.check(where+": field "+strconv.Quote(f.ID), true)...)
		}
	default:
		wrong("there is no type %q; there are text, yes/no, scale, number, one of, some of, rank, fields, list of", q.Type)
	}
	if o := q.Order; o != "" && o != Written && o != Shuffle {
		wrong("order %q is neither written nor shuffle", o)
	}
	return errs
}

// checkAll checks questions that are put together.
func checkAll(qs []Question) error {
	if len(qs) == 0 {
		return errors.New("there is no question")
	}
	var errs []error
	seen := map[string]bool{}
	for i := range qs {
		errs = append(errs, qs[i].check("question "+strconv.Quote(qs[i].ID), false)...)
		if seen[qs[i].ID] {
			errs = append(errs, fmt.Errorf("question %q stands twice", qs[i].ID))
		}
		seen[qs[i].ID] = true
	}
	return errors.Join(errs...)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// options returns the options in the order of perm.
func (q *Question) options(perm []int) []string {
	if len(perm) != len(q.Options) {
		return q.Options
	}
	out := make([]string, len(perm))
	for i, j := range perm {
		out[i] = q.Options[j]
	}
	return out
}

// random returns a generator that depends on seed and keys alone.
func random(seed uint64, keys ...string) *rand.Rand {
	h := fnv.New64a()
	for _, k := range keys {
		io.WriteString(h, k)
		h.Write([]byte{0})
	}
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}

// reordered returns the questions with their options shuffled, those to people only
// where they are to be.
func reordered(qs []Question, all bool, seed uint64, keys ...string) []Question {
	out := slices.Clone(qs)
	for i := range out {
		q := &out[i]
		if len(q.Options) > 1 && (all || q.Order == Shuffle) {
			q.Options = q.options(random(seed, append(slices.Clip(keys), q.ID)...).Perm(len(q.Options)))
		}
		if q.compound() {
			q.Fields = reordered(q.Fields, all, seed, append(slices.Clip(keys), q.ID)...)
		}
	}
	return out
}

// oneLine keeps a name from posing as several lines of a prompt.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// foldText is a text without differences of case and spacing.
func foldText(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
