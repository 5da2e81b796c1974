package extract

import "github.com/tinytroupe-go/tinytroupe/internal/agreement"

// Agreement says how often two codings of the same things agree.
type Agreement struct {
	Name     string  // of what was coded twice: choice.advert; outcome stands behind it for free texts and numbers
	N        int     // things that both coded
	Observed float64 // share on which they agree
	Expected float64 // share on which they would agree by chance
	Kappa    *Kappa  // nil where it is not defined: nothing coded, or a single category throughout
}

// Kappa is Cohen's kappa for two coders and nominal categories (Cohen 1960,
// doi:10.1177/001316446002000104), with its large-sample standard error (Fleiss, Cohen
// and Everitt 1969, doi:10.1037/h0028106).
type Kappa struct{ Value, SE float64 }

// CohenKappa compares two codings, item by item. Slices of different lengths are
// compared up to the shorter; nothing compared has N 0 and no kappa.
func CohenKappa(a, b []string) Agreement {
	n := min(len(a), len(b))
	t := agreement.Compare(a[:n], b[:n])
	g := Agreement{N: n, Expected: t.Expected}
	g.Observed, _ = t.Observed()
	if k, ok := t.Kappa(); ok {
		se, _ := t.Error()
		g.Kappa = &Kappa{k, se}
	}
	return g
}

// compared compares two extractions of the same subjects, question by question. Where
// values are categories it compares those of things that have one in both; of texts,
// numbers and lists only what became of them.
func compared(q *Question, first, second []Answer) []Agreement {
	var out []Agreement
	for _, leaf := range q.Leaves() {
		nominal := (leaf.Type == YesNo || leaf.Type == OneOf || leaf.Type == Scale) && q.Type != ListOf
		name := leaf.ID
		if !nominal {
			name += " outcome"
		}
		var a, b []string
		again := map[string]*Answer{}
		id := func(x *Answer) string { return x.Person + "\x00" + x.Scene + "\x00" + x.Room }
		for i := range second {
			if x := &second[i]; x.Name() == leaf.ID && again[id(x)] == nil {
				again[id(x)] = x
			}
		}
		for i := range first {
			x := &first[i]
			y := again[id(x)]
			if x.Name() != leaf.ID || y == nil || x.Item > 1 {
				continue
			}
			switch {
			case !nominal:
				a, b = append(a, string(x.Outcome)), append(b, string(y.Outcome))
			case x.Outcome == Answered && y.Outcome == Answered:
				a, b = append(a, x.Value.String()), append(b, y.Value.String())
			}
		}
		g := CohenKappa(a, b)
		g.Name = name
		out = append(out, g)
	}
	return out
}
