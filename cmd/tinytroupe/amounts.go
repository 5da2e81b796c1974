package main

import (
	"fmt"
	"math"
)

// dollars writes a range of money: to the cent, or two digits of less.
func dollars(low, high float64) string {
	if high == 0 {
		return "$0.00"
	}
	l, h := cents(low, math.Floor), cents(high, math.Ceil)
	if l == h {
		return "$" + l
	}
	return "$" + l + "–" + h
}

func cents(x float64, round func(float64) float64) string {
	digits := 2
	if x > 0 && x < 0.1 {
		digits = min(1-int(math.Floor(math.Log10(x))), 8)
	}
	scale := math.Pow10(digits)
	return fmt.Sprintf("%.*f", digits, round(x*scale)/scale)
}

// span writes a range of whole numbers.
func span(low, high int) string {
	if low == high {
		return fmt.Sprint(low)
	}
	return fmt.Sprintf("%d–%d", low, high)
}

// rough writes a range to two digits, with commas.
func rough(low, high int) string {
	l, h := digits(low, math.Floor), digits(high, math.Ceil)
	if l == h {
		return l
	}
	return l + "–" + h
}

func digits(n int, round func(float64) float64) string {
	scale := 1.0
	for x := n; x >= 100; x /= 10 {
		scale *= 10
	}
	s := fmt.Sprint(int(round(float64(n)/scale) * scale))
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// about writes seconds as people say them.
func about(seconds float64) string {
	switch {
	case seconds < 100:
		return fmt.Sprintf("%.0f s", seconds)
	case seconds < 100*60:
		return fmt.Sprintf("%.0f min", seconds/60)
	}
	return fmt.Sprintf("%.1f h", seconds/3600)
}
