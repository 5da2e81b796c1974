package extract

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// TallyOptions are the settings of Tally.
type TallyOptions struct {
	By    []Dimension // cross-tabulates: a group for each combination that occurs, after the total
	Level float64     // of the intervals; 0 means 0.95

	Rehearsal bool // the table says that the stand-in made it

	// Also holds answers in which a Dimension that is a field of the same item is looked
	// up; nil means the answers that are counted. Codes, say, stand apart from the rest.
	Also []Answer
}

// A Dimension is what groups are made by: an attribute of the respondent or a field of
// the same item.
type Dimension struct {
	Name  string
	Bands []Band   // for numbers: a group for each; what is in none is other
	Order []string // values in their order; others follow: numbers by size, the rest as they first occur
}

// A Band is a range of numbers, both ends within.
type Band struct{ Lo, Hi float64 }

func (b Band) String() string {
	return Value{Kind: Number, Number: b.Lo}.String() + ".." + Value{Kind: Number, Number: b.Hi}.String()
}

// A Table is how often what was answered.
type Table struct {
	Name      string   `json:"name"`
	Text      string   `json:"text,omitempty"` // what was asked or looked for
	Type      Kind     `json:"type"`
	By        []string `json:"by,omitempty"`
	Level     float64  `json:"level"`
	Weighted  bool     `json:"weighted,omitempty"` // some respondents have a weight other than 1
	Rehearsal bool     `json:"rehearsal,omitempty"`
	Notice    string   `json:"notice,omitempty"` // of a rehearsal: what that means
	Groups    []Group  `json:"groups"`           // the total, then each combination of By
}

// A Group is a column of a table.
type Group struct {
	Values []string `json:"values,omitempty"` // of By; nil for the total
	Base   Base     `json:"base"`
	People int      `json:"people"` // respondents with an answer, in whatever scenes and rooms; fewer than answers where they have several
	// Weight is the sum of the weights of the answers; Effective the number of equally
	// weighted ones that would tell as much (Kish 1965, Survey Sampling, 11.7).
	Weight    float64 `json:"weight"`
	Effective float64 `json:"effective"`
	Rows      []Row   `json:"rows,omitempty"`
	Stats     *Stats  `json:"stats,omitempty"` // Scale, Number: nil where nothing was answered
}

// A Row is how often one value was answered. For a ranking it is how often an option
// came first.
type Row struct {
	Value  string  `json:"value"`
	Label  string  `json:"label,omitempty"`
	Count  int     `json:"count"`
	Weight float64 `json:"weight"`
	Share  *Share  `json:"share,omitempty"` // of those who answered; nil where nobody did
	Ranked *Ranked `json:"ranked,omitempty"`
}

// Share is a share of the weight of the answers, with its interval.
type Share struct {
	P float64 `json:"p"`
	Interval
}

// Ranked is where an option of a ranking stands.
type Ranked struct {
	// Borda is the mean of K - rank points, over the K - 1 of an option that everybody
	// puts first: 0 to 1 (Borda 1781).
	Borda    float64 `json:"borda"`
	Points   float64 `json:"points"` // the sum of the points, weighted
	MeanRank float64 `json:"mean_rank"`
}

// Stats describe numbers.
type Stats struct {
	Mean   float64  `json:"mean"`
	SD     *float64 `json:"sd,omitempty"` // of the sample; nil for a single answer
	Median float64  `json:"median"`
	Min    float64  `json:"min"`
	Max    float64  `json:"max"`
	Top2   *Share   `json:"top_2,omitempty"`    // Scale: the upper two points
	Bottom *Share   `json:"bottom_2,omitempty"` // Scale: the lower two points
}

// Tally counts the answers to q, which has one value: see [Question.Leaves]. Only what
// was answered is counted; everything else stands in the bases. Free texts have to be
// coded first; a value that is none of the question's is an error. Nothing in a table is NaN or infinite.
func Tally(q Question, answers []Answer, o *TallyOptions) (*Table, error) {
	if o == nil {
		o = &TallyOptions{}
	}
	if q.compound() || q.kind() == Text {
		return nil, fmt.Errorf("tally %s: answers of type %q cannot be counted: %s", q.ID, q.kind(),
			map[bool]string{true: "tally one of its fields", false: "code them first"}[q.compound()])
	}
	t := &Table{Name: q.ID, Text: q.Ask, Type: q.kind(), Level: o.Level, Rehearsal: o.Rehearsal}
	if t.Text == "" {
		t.Text = q.Find
	}
	if t.Rehearsal {
		t.Notice = transcript.Notice
	}
	if t.Level == 0 {
		t.Level = 0.95
	}
	if !(t.Level > 0 && t.Level < 1) {
		return nil, fmt.Errorf("tally %s: a level is between 0 and 1, not %v", q.ID, t.Level)
	}
	var mine []*Answer
	for i := range answers {
		if answers[i].Name() == q.ID {
			mine = append(mine, &answers[i])
			if answers[i].Outcome == Answered {
				if _, err := q.read(rawjson.Of(answers[i].Value)); err != nil {
					return nil, fmt.Errorf("tally %s: the answer of %s is none to this question: %w", q.ID, answers[i].Person, err)
				}
			}
			if w := answers[i].weight(); w < 0 || !finite(w) {
				return nil, fmt.Errorf("tally %s: %s has the weight %v", q.ID, answers[i].Person, w)
			}
			t.Weighted = t.Weighted || answers[i].weight() != 1
		}
	}
	t.Groups = append(t.Groups, t.group(&q, nil, mine))
	if len(o.By) == 0 {
		return t, nil
	}
	also := o.Also
	if also == nil {
		also = answers
	}
	fields, seen := fieldsOf(also), map[string]int{}
	cells := map[string][]*Answer{}
	var combinations [][]string // those that occur
	for _, a := range mine {
		at := place(a)
		var values []string
		for _, d := range o.By {
			values = append(values, d.value(a, fields[at+"\x00"+d.Name], seen[at]))
		}
		seen[at]++
		k := strings.Join(values, "\x00")
		if cells[k] == nil {
			combinations = append(combinations, values)
		}
		cells[k] = append(cells[k], a)
	}
	places := make([]map[string]int, len(o.By)) // of each value of a dimension, in its order
	for i, d := range o.By {
		t.By = append(t.By, d.Name)
		var occur []string
		for _, c := range combinations {
			if !slices.Contains(occur, c[i]) {
				occur = append(occur, c[i])
			}
		}
		places[i] = map[string]int{}
		for n, v := range d.order(occur) {
			places[i][v] = n
		}
	}
	slices.SortFunc(combinations, func(a, b []string) int {
		for i := range a {
			if c := places[i][a[i]] - places[i][b[i]]; c != 0 {
				return c
			}
		}
		return 0
	})
	for _, values := range combinations {
		t.Groups = append(t.Groups, t.group(&q, values, cells[strings.Join(values, "\x00")]))
	}
	return t, nil
}

// place identifies the item that an answer belongs to.
func place(a *Answer) string {
	keys := []string{a.Question, strconv.Itoa(a.Item), a.Person, a.Scene, a.Room}
	names := make([]string, 0, len(a.Attributes))
	for k, v := range a.Attributes {
		names = append(names, k+"\x01"+v)
	}
	slices.Sort(names)
	return strings.Join(append(keys, names...), "\x00")
}

// fieldsOf indexes answers by their item and field: several, in their order, where the
// same was asked again.
func fieldsOf(answers []Answer) map[string][]*Answer {
	m := map[string][]*Answer{}
	for i := range answers {
		if a := &answers[i]; a.Field != "" {
			k := place(a) + "\x00" + a.Field
			m[k] = append(m[k], a)
		}
	}
	return m
}

// value is the group of an answer, given the fields of that name in the same item: who is
// asked again has the nth answer and the nth field at one time.
func (d *Dimension) value(a *Answer, fields []*Answer, n int) string {
	v, ok := a.Attributes[d.Name]
	if !ok {
		if n < len(fields) {
			f := fields[n]
			v, ok = f.Value.String(), true
			if f.Outcome != Answered {
				v = "(" + string(f.Outcome) + ")"
			}
		}
	}
	switch {
	case !ok || v == "":
		return "(none)"
	case d.Bands == nil:
		return v
	}
	if x, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
		for _, b := range d.Bands {
			if x >= b.Lo && x <= b.Hi {
				return b.String()
			}
		}
	}
	return Other
}

// order puts the values that occur in order.
func (d *Dimension) order(seen []string) []string {
	known := slices.Clone(d.Order)
	for _, b := range d.Bands {
		known = append(known, b.String())
	}
	var out, numbers, rest []string
	for _, k := range known {
		if slices.Contains(seen, k) {
			out = append(out, k)
		}
	}
	for _, v := range seen {
		if slices.Contains(out, v) {
			continue
		}
		if _, err := strconv.ParseFloat(v, 64); err == nil {
			numbers = append(numbers, v)
		} else {
			rest = append(rest, v)
		}
	}
	slices.SortStableFunc(numbers, func(a, b string) int {
		x, _ := strconv.ParseFloat(a, 64)
		y, _ := strconv.ParseFloat(b, 64)
		switch {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return append(append(out, numbers...), rest...)
}

// group counts the answers of one group.
func (t *Table) group(q *Question, values []string, answers []*Answer) Group {
	g := Group{Values: values}
	people := map[string]bool{}
	var squares float64
	var counted []*Answer
	for _, a := range answers {
		g.Base.add(a.Outcome)
		if a.Outcome != Answered {
			continue
		}
		counted = append(counted, a)
		who := a.Person
		if who == "" { // a room's own answer
			who = "\x00" + a.Scene + "\x00" + a.Room
		}
		people[who] = true
		g.Weight += a.weight()
		squares += a.weight() * a.weight()
	}
	g.People = len(people)
	if squares > 0 {
		g.Effective = g.Weight * g.Weight / squares
	}
	for _, v := range q.values(counted) {
		r := Row{Value: v, Label: q.label(v)}
		for _, a := range counted {
			if a.Value.has(v) {
				r.Count++
				r.Weight += a.weight()
			}
		}
		r.Share = g.share(r.Weight, t.Level)
		if q.Type == Rank && g.Weight > 0 {
			r.Ranked = ranked(v, counted, g.Weight, len(q.Options))
		}
		g.Rows = append(g.Rows, r)
	}
	if (q.Type == Scale || q.Type == Number) && g.Weight > 0 {
		g.Stats = g.stats(q, counted, t.Level)
	}
	return g
}

// share is nil where there is nothing to be a share of.
func (g *Group) share(weight, level float64) *Share {
	if g.Weight <= 0 {
		return nil
	}
	p := min(weight/g.Weight, 1)
	return &Share{p, Wilson(p, g.Effective, level)}
}

// values are the rows of a table.
func (q *Question) values(answers []*Answer) []string {
	switch q.Type {
	case YesNo:
		return []string{"yes", "no"}
	case OneOf, SomeOf, Rank:
		return q.Options
	case Scale:
		var out []string
		few := q.Hi-q.Lo <= 20
		for x := q.Lo; x <= q.Hi; x++ {
			v := Value{Kind: Scale, Number: x}.String()
			if few || slices.ContainsFunc(answers, func(a *Answer) bool { return a.Value.has(v) }) {
				out = append(out, v)
			}
		}
		return out
	}
	return nil
}

// has reports whether a value counts for a row.
func (v Value) has(row string) bool {
	switch v.Kind {
	case SomeOf:
		return slices.Contains(v.List, row)
	case Rank:
		return len(v.List) > 0 && v.List[0] == row
	}
	return v.String() == row
}

func ranked(option string, answers []*Answer, weight float64, k int) *Ranked {
	r := new(Ranked)
	for _, a := range answers {
		rank := float64(slices.Index(a.Value.List, option) + 1)
		r.MeanRank += rank * a.weight() / weight
		r.Points += (float64(k) - rank) * a.weight()
	}
	r.Borda = r.Points / weight / float64(k-1)
	return r
}

func (g *Group) stats(q *Question, answers []*Answer, level float64) *Stats {
	s := &Stats{Min: math.Inf(1), Max: math.Inf(-1)}
	type point struct{ x, w float64 }
	var points []point
	for _, a := range answers {
		x, w := a.Value.Number, a.weight()
		points = append(points, point{x, w})
		s.Mean += x * (w / g.Weight)
		s.Min, s.Max = min(s.Min, x), max(s.Max, x)
	}
	var sum, squares float64
	for _, p := range points {
		sum += p.w * (p.x - s.Mean) * (p.x - s.Mean)
		squares += p.w * p.w
	}
	// With equal weights this is the sum over n - 1.
	if free := g.Weight - squares/g.Weight; free > g.Weight*1e-12 {
		if sd := math.Sqrt(sum / free); finite(sd) {
			s.SD = &sd
		}
	}
	slices.SortFunc(points, func(a, b point) int {
		if a.x < b.x {
			return -1
		}
		return map[bool]int{true: 1}[a.x > b.x]
	})
	var below float64
	half := g.Weight / 2
	for i, p := range points {
		below += p.w
		if below >= half*(1-1e-12) {
			s.Median = p.x
			if i+1 < len(points) && below <= half*(1+1e-12) {
				s.Median = p.x/2 + points[i+1].x/2
			}
			break
		}
	}
	if q.Type == Scale {
		box := func(in func(float64) bool) *Share {
			var w float64
			for _, p := range points {
				if in(p.x) {
					w += p.w
				}
			}
			return g.share(w, level)
		}
		s.Top2 = box(func(x float64) bool { return x >= q.Hi-1 })
		s.Bottom = box(func(x float64) bool { return x <= q.Lo+1 })
	}
	return s
}
