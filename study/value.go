package study

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	durationPart = regexp.MustCompile(`^(\d+(?:\.\d+)?)(s|m|h|d|w)`)
	rangeOf      = regexp.MustCompile(`^(-?\d+(?:\.\d+)?)\.\.(-?\d+(?:\.\d+)?)$`)
)

// parseDuration reads durations such as 30s, 5m, 2h, 2d, 1w and 1h30m.
func parseDuration(s string) (time.Duration, error) {
	units := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}
	var total float64
	rest := s
	for rest != "" || s == "" {
		m := durationPart.FindStringSubmatch(rest)
		if m == nil {
			return 0, fmt.Errorf("expected a duration such as 30s, 5m, 2h or 2d, found %q", s)
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return 0, err
		}
		total += n * float64(units[m[2]])
		rest = rest[len(m[0]):]
	}
	if total <= 0 || total >= math.MaxInt64 {
		return 0, fmt.Errorf("a duration of %s is out of range", s)
	}
	return time.Duration(total), nil
}

// isDuration reports whether s looks like a duration rather than a number.
func isDuration(s string) bool { return durationPart.MatchString(s) }

// parseMoment reads a date, or a date and a time, in UTC.
func parseMoment(s string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02 15:04:05", time.RFC3339, "2006-01-02"} {
		if t, err := time.Parse(layout, s); err == nil {
			if year := t.Year(); year < 1 {
				break
			}
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf(`expected a date such as "2026-03-02 19:00", found %q`, s)
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

// parseCount reads a whole number of at least least.
func parseCount(s string, least int) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil || n < least || n > 1_000_000 {
		return 0, fmt.Errorf("expected a whole number from %d to 1000000, found %q", least, s)
	}
	return n, nil
}
