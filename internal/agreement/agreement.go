// Package agreement measures how far two coders agree about the same items.
package agreement

import "math"

// A Table compares two coders. Items that either of them did not code are no part of
// it: say beside it how many they are.
type Table struct {
	N        int     // items that both coded
	Same     int     // of those, coded alike
	Expected float64 // share coded alike by chance, given how often each used each code
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
	used := map[string]int{}
	for i, code := range a {
		used[code]++
		if code == b[i] {
			t.Same++
		}
	}
	pairs := 0 // an integer, so that the sum does not depend on the order
	for _, code := range b {
		pairs += used[code]
	}
	t.Expected = float64(pairs) / float64(t.N) / float64(t.N)
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
func (t Table) Kappa() (float64, bool) {
	p, ok := t.Observed()
	if !ok || t.Expected >= 1 {
		return 0, false
	}
	return (p - t.Expected) / (1 - t.Expected), true
}

// Error is Cohen's approximate standard error of kappa (the same paper), rough for
// fewer than some thirty items; false where kappa is.
func (t Table) Error() (float64, bool) {
	p, ok := t.Observed()
	if !ok || t.Expected >= 1 {
		return 0, false
	}
	return math.Sqrt(p*(1-p)/float64(t.N)) / (1 - t.Expected), true
}
