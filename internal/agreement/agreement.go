// Package agreement measures how far two coders agree about the same items.
package agreement

import (
	"math"
	"slices"
)

// A Table compares two coders. Items that either of them did not code are no part of
// it: say beside it how many they are.
type Table struct {
	N        int     // items that both coded
	Same     int     // of those, coded alike
	Expected float64 // share coded alike by chance, given how often each used each code

	kappa, err float64 // where Expected is below 1
}

// Compare makes the table of two lists of codes, item by item. The lists must be of
// one length, else it panics.
func Compare(a, b []string) Table {
	t := Table{N: len(a)}
	if len(b) != len(a) {
		panic("agreement: two lists of different length")
	}
	if t.N == 0 {
		return t
	}
	codes := slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
	k := len(codes)
	cells, rows, cols := make([]float64, k*k), make([]float64, k), make([]float64, k)
	for i := range a {
		x, _ := slices.BinarySearch(codes, a[i])
		y, _ := slices.BinarySearch(codes, b[i])
		cells[x*k+y]++
		rows[x]++
		cols[y]++
		if x == y {
			t.Same++
		}
	}
	n := float64(t.N)
	for i := range k {
		t.Expected += rows[i] * cols[i]
	}
	t.Expected /= n * n
	if t.Expected >= 1 {
		return t
	}
	t.kappa = (float64(t.Same)/n - t.Expected) / (1 - t.Expected)
	var sum float64
	for i := range k {
		for j := range k {
			// How the column of the first code and the row of the second are filled.
			w := (cols[i] + rows[j]) / n * (1 - t.kappa)
			if i == j {
				w = 1 - w
			}
			sum += cells[i*k+j] / n * w * w
		}
	}
	sum -= math.Pow(t.kappa-t.Expected*(1-t.kappa), 2)
	t.err = math.Sqrt(max(sum, 0)/n) / (1 - t.Expected)
	return t
}

// Observed is the share coded alike; false without items.
func (t Table) Observed() (float64, bool) {
	if t.N == 0 {
		return 0, false
	}
	return float64(t.Same) / float64(t.N), true
}

// Kappa is the coefficient of Cohen, A coefficient of agreement for nominal scales,
// Educational and Psychological Measurement 20 (1960) 37–46,
// doi:10.1177/001316446002000104: the agreement beyond chance as a share of what could
// lie beyond it. It is false where nothing could: without items, and where both used
// one and the same code throughout.
func (t Table) Kappa() (float64, bool) { return t.kappa, t.N > 0 && t.Expected < 1 }

// Error is the large-sample standard error of kappa by Fleiss, Cohen and Everitt, Large
// sample standard errors of kappa and weighted kappa, Psychological Bulletin 72 (1969)
// 323–327, doi:10.1037/h0028106; rough for few items. It is false where kappa is.
func (t Table) Error() (float64, bool) { return t.err, t.N > 0 && t.Expected < 1 }
