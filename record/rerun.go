package record

import (
	"sync"

	"github.com/tinytroupe-go/tinytroupe"
)

// A Rerun is the journal of a room for a program that runs again from its beginning. As
// long as what the program does is what it did before, nothing is written; at the first
// difference the rest of the journal is set aside, whole, in earlier/, and the program
// goes on from there. A program that was killed, or whose later part was changed, need
// not know how far it came: with [llm.Cache] on the record's calls, what is the same
// costs nothing.
type Rerun struct {
	r    *Record
	room string

	mu   sync.Mutex
	next func() (tinytroupe.Event, error, bool)
	stop func()
	seq  int      // of the last event that was as before
	j    *Journal // once something differs, or is new
}

// Rerun returns the journal of a room for a program that runs again. Its world begins
// anew, with [tinytroupe.NewWorld]. The record's journal of that room must not be in use.
func (r *Record) Rerun(room string) (*Rerun, error) {
	if r.lock == nil {
		return nil, ErrReadOnly
	}
	rooms, err := r.Rooms()
	if err != nil {
		return nil, err
	}
	x := &Rerun{r: r, room: room, next: func() (tinytroupe.Event, error, bool) { return tinytroupe.Event{}, nil, false }, stop: func() {}}
	for _, have := range rooms {
		if have == room {
			x.next, x.stop = r.pull(room)
		}
	}
	return x, nil
}

// Append takes a commit: it compares it with what is there, or writes it.
func (x *Rerun) Append(events ...tinytroupe.Event) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := 0; x.j == nil && i < len(events); i++ {
		was, err, ok := x.next()
		if err != nil {
			return err
		}
		if !ok || diverged(&was, &events[i]) != nil {
			return x.part(events)
		}
		if was.End && i+1 == len(events) {
			x.seq = was.Seq
			return nil
		}
	}
	if x.j == nil { // the commit of then was longer
		return x.part(events)
	}
	return x.j.Append(events...)
}

// part sets aside what no longer holds, and writes from here on.
func (x *Rerun) part(events []tinytroupe.Event) error {
	x.stop()
	x.r.mu.Lock()
	dir, err := x.r.nextEarlier()
	if err == nil {
		err = x.r.cut(roomPath(x.room), x.seq, dir)
	}
	x.r.mu.Unlock()
	if err != nil {
		return err
	}
	if x.j, err = x.r.Journal(x.room); err != nil {
		return err
	}
	return x.j.Append(events...)
}

// Repeated returns the Seq of the last event that was as before.
func (x *Rerun) Repeated() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.seq
}
