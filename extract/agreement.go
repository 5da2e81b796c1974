package extract

import (
	"math"
	"slices"
)

// Agreement says how often two codings of the same things agree.
type Agreement struct {
	Name     string  // of what was coded twice: choice.advert; outcome stands behind it for free texts and numbers
	N        int     // things that both coded
	Observed float64 // share on which they agree
	Expected float64 // share on which they would agree by chance
	Kappa    *Kappa  // nil where it is not defined: nothing coded, or a single category throughout
}

// Kappa is Cohen's kappa for two coders and nominal categories (Cohen 1960,
// doi:10.1177/001316446002000104): (Po - Pe) / (1 - Pe).
type Kappa struct {
	Value float64
	// SE is the large-sample standard error; SE0 the one where kappa is 0, for a test
	// against chance (Fleiss, Cohen and Everitt 1969, doi:10.1037/h0028106).
	SE, SE0 float64
}

// CohenKappa compares two codings, item by item. Slices of different lengths are
// compared up to the shorter; nothing compared has N 0 and no kappa.
func CohenKappa(a, b []string) Agreement {
	n := min(len(a), len(b))
	g := Agreement{N: n}
	if n == 0 {
		return g
	}
	var cats []string
	for _, list := range [][]string{a[:n], b[:n]} {
		for _, c := range list {
			if !slices.Contains(cats, c) {
				cats = append(cats, c)
			}
		}
	}
	slices.Sort(cats)
	table := make([][]float64, len(cats))
	for i := range table {
		table[i] = make([]float64, len(cats))
	}
	for i := range n {
		x, _ := slices.BinarySearch(cats, a[i])
		y, _ := slices.BinarySearch(cats, b[i])
		table[x][y]++
	}
	return kappaOf(table)
}

// kappaOf is the agreement in a square table of counts.
func kappaOf(table [][]float64) Agreement {
	k := len(table)
	var n float64
	row, col := make([]float64, k), make([]float64, k)
	for i := range table {
		for j, c := range table[i] {
			n += c
			row[i] += c
			col[j] += c
		}
	}
	g := Agreement{N: int(n)}
	if n == 0 {
		return g
	}
	for i := range k {
		g.Observed += table[i][i] / n
		g.Expected += row[i] / n * col[i] / n
	}
	if 1-g.Expected < 1e-12 {
		return g
	}
	po, pe := g.Observed, g.Expected
	kappa := (po - pe) / (1 - pe)
	var diagonal, off, both float64
	for i := range k {
		ri, ci := row[i]/n, col[i]/n
		diagonal += table[i][i] / n * math.Pow(1-(ri+ci)*(1-kappa), 2)
		both += ri * ci * (ri + ci)
		for j := range k {
			if i != j {
				off += table[i][j] / n * math.Pow(col[i]/n+row[j]/n, 2)
			}
		}
	}
	variance := (diagonal + math.Pow(1-kappa, 2)*off - math.Pow(kappa-pe*(1-kappa), 2)) / (n * math.Pow(1-pe, 2))
	variance0 := (pe + pe*pe - both) / (n * math.Pow(1-pe, 2))
	g.Kappa = &Kappa{kappa, math.Sqrt(max(variance, 0)), math.Sqrt(max(variance0, 0))}
	return g
}

// agreement compares two extractions of the same subjects, question by question. Where
// values are categories it compares those of things that have one in both; of texts,
// numbers and lists only what became of them.
func agreement(q *Question, first, second []Answer) []Agreement {
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
