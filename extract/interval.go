package extract

import "math"

// Interval is a range of a share, 0 to 1.
type Interval struct {
	Lo float64 `json:"lo"`
	Hi float64 `json:"hi"`
}

// Wilson is the score interval for a share p seen among n (Wilson 1927,
// doi:10.1080/01621459.1927.10502953), without continuity correction, at a level such
// as 0.95. Of simulated people it describes how much chance there is among as many of
// them, not how far they are from people. It is the whole range for n of 0.
func Wilson(p, n, level float64) Interval {
	if !(n > 0) || !(p >= 0 && p <= 1) {
		return Interval{0, 1}
	}
	z := math.Sqrt2 * math.Erfinv(level)
	centre := p + z*z/(2*n)
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	i := Interval{max((centre-half)/(1+z*z/n), 0), min((centre+half)/(1+z*z/n), 1)}
	// The ends of a share of nothing, or of all, are exact.
	if p == 0 {
		i.Lo = 0
	}
	if p == 1 {
		i.Hi = 1
	}
	return i
}
