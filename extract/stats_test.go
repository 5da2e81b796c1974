package extract

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func near(t *testing.T, what string, got, want, by float64) {
	t.Helper()
	if !(math.Abs(got-want) <= by) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// The score intervals of Newcombe 1998 (Statistics in Medicine 17:857–872, table I,
// method 3), to their four printed digits.
func TestWilsonPublished(t *testing.T) {
	for _, c := range []struct {
		k, n, lo, hi float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0.0000, 0.1611}, {1, 29, 0.0061, 0.1718}} {
		i := Wilson(c.k/c.n, c.n, 0.95)
		near(t, fmt.Sprintf("%v of %v, low", c.k, c.n), i.Lo, c.lo, 0.00005)
		near(t, fmt.Sprintf("%v of %v, high", c.k, c.n), i.Hi, c.hi, 0.00005)
	}
}

// The worked example of Cohen 1960 (Educational and Psychological Measurement
// 20:37–46): kappa .492. That of Fleiss, Levin and Paik 2003 (Statistical Methods for
// Rates and Proportions, 3rd ed., table 18.1): kappa .68, its standard error were it
// nothing .076.
func TestKappaPublished(t *testing.T) {
	g := kappaOf([][]float64{{88, 14, 18}, {10, 40, 10}, {2, 6, 12}})
	near(t, "Cohen's observed", g.Observed, 0.70, 0.005)
	near(t, "Cohen's expected", g.Expected, 0.41, 0.005)
	near(t, "Cohen's kappa", g.Kappa.Value, 0.492, 0.0005)
	g = kappaOf([][]float64{{75, 1, 4}, {5, 4, 1}, {0, 0, 10}})
	near(t, "Fleiss's kappa", g.Kappa.Value, 0.68, 0.005)
}

// The capital of Tennessee, the usual example of Borda's count: 194, 173, 126, 107.
func TestBordaPublished(t *testing.T) {
	q := Question{ID: "capital", Ask: "?", Type: Rank, Options: []string{"Memphis", "Nashville", "Chattanooga", "Knoxville"}}
	var answers []Answer
	for _, v := range []struct {
		n    int
		list string
	}{{42, "Memphis Nashville Chattanooga Knoxville"}, {26, "Nashville Chattanooga Knoxville Memphis"}, {15, "Chattanooga Knoxville Nashville Memphis"}, {17, "Knoxville Chattanooga Nashville Memphis"}} {
		for range v.n {
			answers = append(answers, Answer{Question: "capital", Type: Rank, Outcome: Answered, Value: Value{Kind: Rank, List: strings.Fields(v.list)}})
		}
	}
	table, err := Tally(q, answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		points float64
		first  int
	}{{126, 42}, {194, 26}, {173, 15}, {107, 17}} {
		r := table.Groups[0].Rows[i]
		near(t, r.Value, r.Ranked.Points, want.points, 1e-9)
		near(t, r.Value, r.Ranked.Borda, want.points/300, 1e-12)
		near(t, r.Value, r.Ranked.MeanRank, 4-want.points/100, 1e-12)
		if r.Count != want.first {
			t.Errorf("%s came first %d times, want %d", r.Value, r.Count, want.first)
		}
	}
}

// Figures made by SciPy and statsmodels; testdata/oracle.py is the program.
func TestOracle(t *testing.T) {
	data, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		Wilson []struct{ K, N, Level, Lo, Hi float64 }
		Kappa  []struct {
			Table     [][]float64
			Kappa, SE float64
		}
		Stats []struct {
			X                []float64
			Mean, SD, Median float64
		}
		Weighted []struct {
			X, W                                []float64
			Mean, SD, Effective, Share3, Lo, Hi float64
		}
	}
	if err := json.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	if len(o.Wilson) < 100 || len(o.Kappa) < 10 || len(o.Stats) < 4 || len(o.Weighted) < 3 {
		t.Fatal("the fixtures are not whole")
	}
	const by = 1e-8
	for _, c := range o.Wilson {
		i := Wilson(c.K/c.N, c.N, c.Level)
		near(t, fmt.Sprintf("%+v low", c), i.Lo, c.Lo, by)
		near(t, fmt.Sprintf("%+v high", c), i.Hi, c.Hi, by)
	}
	for _, c := range o.Kappa {
		g := kappaOf(c.Table)
		near(t, fmt.Sprint(c.Table), g.Kappa.Value, c.Kappa, by)
		near(t, fmt.Sprint(c.Table, " se"), g.Kappa.SE, c.SE, by)
		var a, b []string
		for i := range c.Table {
			for j, n := range c.Table[i] {
				for range int(n) {
					a, b = append(a, fmt.Sprint("c", i)), append(b, fmt.Sprint("c", j))
				}
			}
		}
		if h := CohenKappa(a, b); h.N != g.N || math.Abs(h.Kappa.Value-c.Kappa) > by || math.Abs(h.Kappa.SE-c.SE) > by {
			t.Errorf("%v item by item: %+v", c.Table, h)
		}
	}
	q := Question{ID: "q", Ask: "?", Type: Scale, Lo: 1, Hi: 5}
	answers := func(x, w []float64) []Answer {
		var out []Answer
		for i := range x {
			a := Answer{Question: "q", Type: Scale, Outcome: Answered, Value: Value{Kind: Scale, Number: x[i]}}
			if w != nil {
				a.Weight = w[i]
			}
			out = append(out, a)
		}
		return out
	}
	for _, c := range o.Stats {
		table, err := Tally(q, answers(c.X, nil), nil)
		if err != nil {
			t.Fatal(err)
		}
		s := table.Groups[0].Stats
		near(t, fmt.Sprint(c.X, " mean"), s.Mean, c.Mean, by)
		near(t, fmt.Sprint(c.X, " sd"), *s.SD, c.SD, by)
		near(t, fmt.Sprint(c.X, " median"), s.Median, c.Median, by)
	}
	for _, c := range o.Weighted {
		table, err := Tally(q, answers(c.X, c.W), nil)
		if err != nil {
			t.Fatal(err)
		}
		g := table.Groups[0]
		near(t, fmt.Sprint(c.X, " mean"), g.Stats.Mean, c.Mean, by)
		near(t, fmt.Sprint(c.X, " sd"), *g.Stats.SD, c.SD, by)
		near(t, fmt.Sprint(c.X, " effective"), g.Effective, c.Effective, by)
		near(t, fmt.Sprint(c.X, " share"), g.Rows[2].Share.P, c.Share3, by)
		near(t, fmt.Sprint(c.X, " low"), g.Rows[2].Share.Lo, c.Lo, by)
		near(t, fmt.Sprint(c.X, " high"), g.Rows[2].Share.Hi, c.Hi, by)
	}
}

func TestKappaUndefined(t *testing.T) {
	for _, c := range [][2][]string{{nil, nil}, {{"a"}, nil}, {{"a", "a"}, {"a", "a"}}} {
		if g := CohenKappa(c[0], c[1]); g.Kappa != nil {
			t.Errorf("%v has kappa %v", c, g.Kappa)
		}
	}
	if g := CohenKappa([]string{"a", "a"}, []string{"a", "a"}); g.N != 2 || g.Observed != 1 {
		t.Errorf("%+v", g)
	}
}

func TestWriteAgreement(t *testing.T) {
	list := []Agreement{CohenKappa([]string{"a", "a"}, []string{"a", "a"}), CohenKappa(nil, nil), CohenKappa([]string{"a", "b", "b", "a"}, []string{"a", "b", "b", "b"})}
	for i, name := range []string{"=same", "nothing", "some"} {
		list[i].Name = name
	}
	list[2].Of = 40
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintln(&b, a)
	}
	if err := errors.Join(WriteAgreement(&b, list, nil), WriteAgreement(&b, list[:1], &WriteOptions{Rehearsal: true})); err != nil {
		t.Fatal(err)
	}
	const want = `=same: 2 of 2 that both coded, 100% alike, all of one kind, so that there is no kappa
nothing: none of 0 that both coded
some: 4 of 40 that both coded, 75% alike, kappa 0.50 ± 0.38
name,n,of,observed,expected,kappa,se
'=same,2,2,1,1,,
nothing,0,0,,,,
some,4,40,0.75,0.5,0.5,0.375
name,n,of,observed,expected,kappa,se,notice
'=same,2,2,1,1,,,"rehearsal: invented by a stand-in, evidence of nothing"
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, c := range []struct {
		of   float64
		n, k int
	}{{0, 5, 0}, {0.1, 0, 0}, {0.1, 4, 1}, {0.5, 5, 3}, {1, 5, 5}, {7, 5, 5}, {-1, 5, 0}} {
		if got := share(c.of, c.n); got != c.k {
			t.Errorf("%v of %d: %d, want %d", c.of, c.n, got, c.k)
		}
	}
}

func TestWilsonBounds(t *testing.T) {
	for _, n := range []float64{0, -1, math.NaN()} {
		if i := Wilson(0.5, n, 0.95); i != (Interval{0, 1}) {
			t.Errorf("n %v: %v", n, i)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 1000).Draw(t, "n")
		k := rapid.IntRange(0, n).Draw(t, "k")
		p := float64(k) / float64(n)
		i, j := Wilson(p, float64(n), 0.95), Wilson(1-p, float64(n), 0.95)
		if !(0 <= i.Lo && i.Lo <= p && p <= i.Hi && i.Hi <= 1) {
			t.Errorf("%d of %d: %v", k, n, i)
		}
		if math.Abs(i.Lo-(1-j.Hi)) > 1e-9 {
			t.Errorf("%d of %d: not the mirror of the rest: %v %v", k, n, i, j)
		}
	})
}

// A 95 % interval holds the truth about 95 times in 100.
func TestWilsonCovers(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const runs = 4000
	for _, p := range []float64{0.1, 0.5} {
		held := 0
		for range runs {
			k := 0
			for range 60 {
				if r.Float64() < p {
					k++
				}
			}
			if i := Wilson(float64(k)/60, 60, 0.95); i.Lo <= p && p <= i.Hi {
				held++
			}
		}
		if share := float64(held) / runs; share < 0.93 || share > 0.97 {
			t.Errorf("p %v: held %v of the time", p, share)
		}
	}
}

// kappaOf is the agreement in a square table of counts.
func kappaOf(table [][]float64) Agreement {
	var a, b []string
	for i := range table {
		for j, n := range table[i] {
			for range int(n) {
				a, b = append(a, fmt.Sprint(i)), append(b, fmt.Sprint(j))
			}
		}
	}
	return CohenKappa(a, b)
}
