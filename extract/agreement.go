package extract

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/tinytroupe-go/tinytroupe/internal/agreement"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// Agreement says how often two codings of the same things agree.
type Agreement struct {
	Name     string  // of what was coded twice: choice.advert; outcome stands behind it for free texts and numbers
	N        int     // things that both coded, which is all that the rest is about
	Of       int     // things done twice; what has no value in one of both is not compared
	Observed float64 // share on which they agree
	Expected float64 // share on which they would agree by chance
	Kappa    *Kappa  // nil where it is not defined: nothing coded, or a single category throughout
}

// Kappa is Cohen's kappa for two coders and nominal categories (Cohen 1960,
// doi:10.1177/001316446002000104), with its large-sample standard error (Fleiss, Cohen
// and Everitt 1969, doi:10.1037/h0028106).
type Kappa struct{ Value, SE float64 }

// String is the agreement in a line.
func (a Agreement) String() string {
	switch {
	case a.N == 0:
		return fmt.Sprintf("%s: none of %d that both coded", a.Name, a.Of)
	case a.Kappa == nil:
		return fmt.Sprintf("%s: %d of %d that both coded, %.0f%% alike, all of one kind, so that there is no kappa", a.Name, a.N, a.Of, 100*a.Observed)
	}
	return fmt.Sprintf("%s: %d of %d that both coded, %.0f%% alike, kappa %.2f ± %.2f", a.Name, a.N, a.Of, 100*a.Observed, a.Kappa.Value, a.Kappa.SE)
}

// WriteAgreement writes agreements as a table with the columns name, n, of, observed,
// expected, kappa and se; the last two are empty where there is no kappa, and the two
// before them too where nothing is compared.
func WriteAgreement(w io.Writer, list []Agreement, o *WriteOptions) error {
	rehearsal := o != nil && o.Rehearsal
	c := csv.NewWriter(w)
	head := []string{"name", "n", "of", "observed", "expected", "kappa", "se"}
	if rehearsal {
		head = append(head, "notice")
	}
	c.Write(head)
	for _, a := range list {
		row := []string{Cell(a.Name), strconv.Itoa(a.N), strconv.Itoa(a.Of), "", "", "", ""}
		if a.N > 0 {
			row[3], row[4] = plain(a.Observed), plain(a.Expected)
		}
		if a.Kappa != nil {
			row[5], row[6] = plain(a.Kappa.Value), plain(a.Kappa.SE)
		}
		if rehearsal {
			row = append(row, transcript.Notice)
		}
		c.Write(row)
	}
	c.Flush()
	return c.Error()
}

// share is how many of n are a share of them: at least one, where it is above 0.
func share(of float64, n int) int {
	if of <= 0 || n == 0 {
		return 0
	}
	return min(n, max(1, int(of*float64(n)+0.5)))
}

// CohenKappa compares two codings, item by item. Slices of different lengths are
// compared up to the shorter; nothing compared has N 0 and no kappa.
func CohenKappa(a, b []string) Agreement {
	n := min(len(a), len(b))
	t := agreement.Compare(a[:n], b[:n])
	g := Agreement{N: n, Of: n, Expected: t.Expected}
	g.Observed, _ = t.Observed()
	if k, ok := t.Kappa(); ok {
		se, _ := t.Error()
		g.Kappa = &Kappa{k, se}
	}
	return g
}

// compared compares two extractions of the same subjects, of which first[i] and second[i]
// are the answers, question by question. Where values are categories it compares those of
// things that have one in both; of texts, numbers and lists only what became of them.
func compared(q *Question, first, second [][]Answer) []Agreement {
	var out []Agreement
	for _, leaf := range q.Leaves() {
		nominal := (leaf.Type == YesNo || leaf.Type == OneOf || leaf.Type == Scale) && q.Type != ListOf
		name := leaf.ID
		if !nominal {
			name += " outcome"
		}
		of := func(answers []Answer) *Answer { // of a list, the first item stands for the outcome
			return &answers[slices.IndexFunc(answers, func(a Answer) bool { return a.Name() == leaf.ID })]
		}
		var a, b []string
		for i := range first {
			x, y := of(first[i]), of(second[i])
			switch {
			case !nominal:
				a, b = append(a, string(x.Outcome)), append(b, string(y.Outcome))
			case x.Outcome == Answered && y.Outcome == Answered:
				a, b = append(a, x.Value.String()), append(b, y.Value.String())
			}
		}
		g := CohenKappa(a, b)
		g.Name, g.Of = name, len(first)
		out = append(out, g)
	}
	return out
}
