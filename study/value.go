package study

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	durationPart = regexp.MustCompile(`^(\d+(?:\.\d+)?)(s|m|h|d|w)`)
	rangeOf      = regexp.MustCompile(`^(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)$`)
)

// What is said to be expected of a value that is not.
const (
	aDuration = "expected a duration such as 30s, 5m, 2h or 2d"
	aMoment   = `expected a date such as "2026-03-02 19:00"`
	aCount    = "expected a whole number from 1 to 1000000"
)

// parseDuration reads durations such as 30s, 5m, 2h, 2d, 1w and 1h30m, longer than
// none and shorter than 200 years.
func parseDuration(s string) (time.Duration, bool) {
	units := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}
	var total float64
	for rest := s; rest != ""; {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, false
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return 0, false
		}
		total += n * float64(units[m[2]])
		rest = rest[len(m[0]):]
	}
	return time.Duration(total), total >= 1 && total < float64(200*365*24*time.Hour)
}

// isDuration reports whether s looks like a duration rather than a number.
func isDuration(s string) bool { return durationPart.MatchString(s) }

// parseMoment reads a date, or a date and a time, in UTC.
func parseMoment(s string) (time.Time, bool) {
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() > 0 {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// parseRange reads lo..hi.
func parseRange(s string) (lo, hi float64, ok bool) {
	m := rangeOf.FindStringSubmatch(s)
	if m == nil {
		return 0, 0, false
	}
	lo, err1 := strconv.ParseFloat(m[1], 64)
	hi, err2 := strconv.ParseFloat(m[2], 64)
	return lo, hi, err1 == nil && err2 == nil
}

// parseCount reads a whole number from 1 to a million.
func parseCount(s string) (int, bool) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	return n, err == nil && n >= 1 && n <= 1_000_000
}
