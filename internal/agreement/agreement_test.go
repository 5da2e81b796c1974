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
		name     string
		counts   [][]int
		expected float64
		kappa    float64
	}{
		// Two diagnosticians, 200 patients. Cohen, Weighted kappa, Psychological Bulletin
		// 70 (1968) 213–220, doi:10.1037/h0026256, which gives the unweighted kappa as .492.
		{"Cohen 1968", [][]int{{88, 14, 18}, {10, 40, 10}, {2, 6, 12}}, 0.41, 0.492},
		// Fleiss, Cohen and Everitt 1969.
		{"Fleiss, Cohen, Everitt 1969", [][]int{{106, 10, 4}, {22, 28, 10}, {2, 12, 6}}, 0.475, 0.429},
	} {
		tab := Compare(coded(c.counts))
		k, ok := tab.Kappa()
		if !ok || tab.N != 200 || math.Abs(tab.Expected-c.expected) > 1e-12 || math.Round(k*1e3)/1e3 != c.kappa {
			t.Errorf("%s: kappa %.4f (%v), expected share %v, N %d; printed %v", c.name, k, ok, tab.Expected, tab.N, c.kappa)
		}
	}
}

// TestOracle holds kappa and its standard error to what cohens_kappa of statsmodels
// 0.15.0 gives (kappa, std_kappa).
func TestOracle(t *testing.T) {
	for _, c := range []struct {
		counts     [][]int
		kappa, err float64
	}{
		{[][]int{{88, 14, 18}, {10, 40, 10}, {2, 6, 12}}, 0.49152542372881347, 0.05100181557607786},
		{[][]int{{75, 1, 4}, {5, 4, 1}, {0, 0, 10}}, 0.676470588235294, 0.08770295347521254},
		{[][]int{{20, 5}, {10, 15}}, 0.3999999999999999, 0.12699606293110033},
		{[][]int{{5, 0}, {0, 5}}, 1.0, 0.0},
		{[][]int{{0, 7}, {3, 0}}, -0.7241379310344827, 0.34462251477263817},
		{[][]int{{21, 10}, {26, 4}}, -0.19088937093275493, 0.1059472865953673},
		{[][]int{{5, 35}, {7, 24}}, -0.09150805270863839, 0.08382564920738327},
		{[][]int{{38, 4}, {33, 14}}, 0.19545565599804554, 0.07939188544035601},
		{[][]int{{3, 6, 28}, {27, 5, 16}, {6, 36, 28}}, -0.19796064168344477, 0.04616944759929699},
		{[][]int{{4, 37, 8}, {15, 38, 4}, {37, 38, 26}}, 0.03530476765238384, 0.039714082096763366},
		{[][]int{{4, 15, 3}, {36, 9, 19}, {27, 10, 35}}, -0.009877977919814021, 0.0464693736714299},
		{[][]int{{8, 37, 20, 36}, {12, 7, 38, 37}, {13, 24, 7, 36}, {5, 37, 4, 40}}, -0.09829159840861225, 0.02477061888295317},
		{[][]int{{14, 32, 35, 28}, {21, 30, 38, 30}, {24, 20, 16, 12}, {16, 6, 37, 20}}, -0.041438444289232795, 0.02740884918197123},
		{[][]int{{34, 32, 22, 29}, {19, 39, 5, 8}, {33, 27, 11, 22}, {10, 32, 27, 3}}, -0.00277665050513682, 0.028528678657522594},
	} {
		tab := Compare(coded(c.counts))
		k, ok := tab.Kappa()
		e, okToo := tab.Error()
		if !ok || !okToo || math.Abs(k-c.kappa) > 1e-8 || math.Abs(e-c.err) > 1e-8 {
			t.Errorf("%v: kappa %v, error %v; want %v, %v", c.counts, k, e, c.kappa, c.err)
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
