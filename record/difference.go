package record

import (
	"errors"
	"iter"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
)

// difference finds the first member, in the order of the first, in which two JSON
// values differ, and what stands around the difference on either side.
func difference(a, b []byte) (field, was, is string) {
	va, errA := ordered.Parse(a)
	vb, errB := ordered.Parse(b)
	if errA != nil || errB != nil {
		n := common(string(a), string(b))
		return "event", around(string(a), n), around(string(b), n)
	}
	return unlike("", va, vb)
}

// unlike follows two values down to the first that differ.
func unlike(path string, a, b ordered.Value) (field, was, is string) {
	if a.Kind == b.Kind {
		switch a.Kind {
		case ordered.Object:
			for _, f := range a.Fields {
				other, ok := b.Field(f.Name)
				if !ok {
					return join(path, f.Name), around(spelt(f.Value), 0), ""
				}
				if field, was, is := unlike(join(path, f.Name), f.Value, other); field != "" {
					return field, was, is
				}
			}
			for _, f := range b.Fields {
				if _, ok := a.Field(f.Name); !ok {
					return join(path, f.Name), "", around(spelt(f.Value), 0)
				}
			}
			for i := range a.Fields {
				if a.Fields[i].Name != b.Fields[i].Name {
					return join(path, a.Fields[i].Name), "another order of members", ""
				}
			}
			return "", "", ""
		case ordered.Array:
			for i := range max(len(a.Items), len(b.Items)) {
				at := join(path, strconv.Itoa(i))
				switch {
				case i >= len(a.Items):
					return at, "", around(spelt(b.Items[i]), 0)
				case i >= len(b.Items):
					return at, around(spelt(a.Items[i]), 0), ""
				}
				if field, was, is := unlike(at, a.Items[i], b.Items[i]); field != "" {
					return field, was, is
				}
			}
			return "", "", ""
		}
	}
	x, y := spelt(a), spelt(b)
	if a.Kind == b.Kind && x == y {
		return "", "", ""
	}
	n := common(x, y)
	return path, around(x, n), around(y, n)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// spelt is a value as people read it.
func spelt(v ordered.Value) string {
	if v.Kind == ordered.String {
		return v.Text
	}
	return string(v.Append(nil))
}

// common returns how many bytes two texts have in common at their beginning.
func common(a, b string) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// around returns what stands around a place in a text, whole runes of it.
func around(s string, at int) string {
	from, to := max(0, at-30), min(len(s), at+50)
	for from > 0 && !utf8.RuneStart(s[from]) {
		from--
	}
	for to < len(s) && !utf8.RuneStart(s[to]) {
		to++
	}
	part := s[from:to]
	if from > 0 {
		part = "…" + part
	}
	if to < len(s) {
		part += "…"
	}
	return part
}

// Diff returns the first event in which two records part, in simulated time, and nil
// where every event of every room is the same but for the keys of its calls.
func Diff(a, b *Record) (*DivergenceError, error) {
	roomsA, err := a.Rooms()
	if err != nil {
		return nil, err
	}
	roomsB, err := b.Rooms()
	if err != nil {
		return nil, err
	}
	var first *DivergenceError
	var when time.Time
	for _, room := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(roomsA, roomsB)))) {
		d, at, err := diffRoom(a, b, room, slices.Contains(roomsA, room), slices.Contains(roomsB, room))
		if err != nil {
			return nil, err
		}
		if d != nil && (first == nil || at.Before(when)) {
			first, when = d, at
		}
	}
	return first, nil
}

func diffRoom(a, b *Record, room string, inA, inB bool) (*DivergenceError, time.Time, error) {
	none := func(func(tinytroupe.Event, error) bool) {}
	events := func(r *Record, in bool) iter.Seq2[tinytroupe.Event, error] {
		if !in {
			return none
		}
		return r.Events(room)
	}
	nextA, stopA := iter.Pull2(events(a, inA))
	defer stopA()
	nextB, stopB := iter.Pull2(events(b, inB))
	defer stopB()
	var mark *DivergenceError // a digest: what it stands for tells more, if it follows
	var at time.Time
	for {
		x, errA, okA := nextA()
		y, errB, okB := nextB()
		if err := errors.Join(errA, errB); err != nil {
			return nil, time.Time{}, err
		}
		x.Calls, y.Calls = nil, nil
		switch {
		case !okA && !okB:
			return mark, at, nil
		case okA && okB:
			d := diverged(&x, &y)
			if d == nil {
				continue
			}
			if d.Room = room; x.Kind != tinytroupe.EventMarked || y.Kind != tinytroupe.EventMarked {
				return d, x.Time, nil
			}
			if mark == nil {
				mark, at = d, x.Time
			}
		default:
			ev, was, is := x, "goes on", "ends here"
			if okB {
				ev, was, is = y, is, was
			}
			return &DivergenceError{Room: room, Seq: ev.Seq, Step: ev.Step, Round: ev.Round, Person: ev.Who, Field: "the room", Was: was, Is: is}, ev.Time, nil
		}
	}
}
