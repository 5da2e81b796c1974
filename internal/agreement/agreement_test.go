package agreement

import (
	"math"
	"math/rand/v2"
	"testing"
)

// coded lists the items of a table of counts: a row for each code of the first coder.
func coded(counts [][]int) (a, b []string) {
	for i, row := range counts {
		for j, n := range row {
			for range n {
				a, b = append(a, string(rune('A'+i))), append(b, string(rune('A'+j)))
			}
		}
	}
	return a, b
}

// TestPublished holds kappa to the digits that were printed.
func TestPublished(t *testing.T) {
	for _, c := range []struct {
		name       string
		counts     [][]int
		expected   float64
		wantKappa  float64
		wantErrors float64 // 0: not compared
	}{
		// Two diagnosticians, 200 patients. Cohen, Weighted kappa, Psychological Bulletin
		// 70 (1968) 213–220, doi:10.1037/h0026256, where the unweighted kappa is .492. The
		// standard error is worked by hand: sqrt(.7 × .3 / 200) / .59 = .0549.
		{"Cohen 1968", [][]int{{88, 14, 18}, {10, 40, 10}, {2, 6, 12}}, 0.41, 0.492, 0.055},
		// Fleiss, Cohen and Everitt, Large sample standard errors of kappa and weighted
		// kappa, Psychological Bulletin 72 (1969) 323–327, doi:10.1037/h0028106.
		{"Fleiss, Cohen, Everitt 1969", [][]int{{106, 10, 4}, {22, 28, 10}, {2, 12, 6}}, 0.475, 0.429, 0},
	} {
		tab := Compare(coded(c.counts))
		k, ok := tab.Kappa()
		if round := math.Round(k*1e3) / 1e3; !ok || tab.N != 200 || math.Abs(tab.Expected-c.expected) > 1e-12 || round != c.wantKappa {
			t.Errorf("%s: kappa %.4f (%v), expected share %v, N %d; printed %v", c.name, k, ok, tab.Expected, tab.N, c.wantKappa)
		}
		if e, ok := tab.Error(); c.wantErrors > 0 && (!ok || math.Round(e*1e3)/1e3 != c.wantErrors) {
			t.Errorf("%s: standard error %.4f, want %v", c.name, e, c.wantErrors)
		}
	}
}

// TestEdges: what cannot be said is not a number.
func TestEdges(t *testing.T) {
	for _, c := range []struct {
		name  string
		a, b  []string
		kappa float64
		ok    bool
	}{
		{"nothing", nil, nil, 0, false},
		{"one code throughout", []string{"A", "A"}, []string{"A", "A"}, 0, false},
		{"all alike", []string{"A", "B", "C"}, []string{"A", "B", "C"}, 1, true},
		{"never alike", []string{"A", "B"}, []string{"B", "A"}, -1, true},
		{"no code in common", []string{"A", "B"}, []string{"C", "D"}, 0, true},
		{"as by chance", []string{"A", "A", "B", "B"}, []string{"A", "B", "A", "B"}, 0, true},
	} {
		tab := Compare(c.a, c.b)
		k, ok := tab.Kappa()
		_, errOK := tab.Error()
		if k != c.kappa || ok != c.ok || errOK != c.ok {
			t.Errorf("%s: kappa %v, %v; want %v, %v", c.name, k, ok, c.kappa, c.ok)
		}
	}
}

// TestProperties: kappa lies between −1 and 1, and neither the order of the items nor
// which coder comes first changes it.
func TestProperties(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		n := 1 + r.IntN(30)
		a, b := make([]string, n), make([]string, n)
		for i := range n {
			a[i], b[i] = string(rune('A'+r.IntN(4))), string(rune('A'+r.IntN(4)))
		}
		k, ok := Compare(a, b).Kappa()
		if k < -1 || k > 1 || math.IsNaN(k) {
			t.Fatalf("kappa %v of %v and %v", k, a, b)
		}
		if k2, ok2 := Compare(b, a).Kappa(); k2 != k || ok2 != ok {
			t.Fatalf("%v and %v: kappa %v and %v", a, b, k, k2)
		}
		r.Shuffle(n, func(i, j int) { a[i], a[j], b[i], b[j] = a[j], a[i], b[j], b[i] })
		if k2, ok2 := Compare(a, b).Kappa(); k2 != k || ok2 != ok {
			t.Fatalf("%v and %v: kappa %v and %v", a, b, k, k2)
		}
	}
}
