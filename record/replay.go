package record

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// ErrEnd: a replay has come to the end of what the record holds of a room.
var ErrEnd = errors.New("the record ends here")

// A DivergenceError is the first difference between a record and a run that should
// have been the same.
type DivergenceError struct {
	Room   string
	Seq    int // of the event that differs; 0 where it is a prompt
	Step   int
	Round  int // 0 outside of rounds
	Person string
	Field  string // of the event, such as persona.age, or of the prompt, such as system
	Was    string // around the first difference; empty where there was nothing
	Is     string
}

func (e *DivergenceError) Error() string {
	var b strings.Builder
	for _, part := range []string{e.Room, e.at(), e.Person} {
		if part != "" {
			b.WriteString(part + ": ")
		}
	}
	fmt.Fprintf(&b, "%s differs from the record\n  was  %s\n  is   %s", e.Field, shown(e.Was), shown(e.Is))
	return b.String()
}

func (e *DivergenceError) at() string {
	switch {
	case e.Step == 0 && e.Seq == 0:
		return ""
	case e.Step == 0:
		return fmt.Sprintf("event %d", e.Seq)
	case e.Round == 0:
		return fmt.Sprintf("step %d", e.Step)
	}
	return fmt.Sprintf("step %d, round %d", e.Step, e.Round)
}

func shown(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return fmt.Sprintf("%q", s)
}

// A Replay makes a run again from its record, without a model, and compares. Its
// methods are safe for concurrent use; each room has one Journal and any number of
// minds.
type Replay struct {
	r     *Record
	calls *Calls
	names []string

	mu     sync.Mutex
	rooms  map[string]*replayed
	missed map[missed]bool // answers that did not come

	keys func() map[string]bool // of the calls behind all events
}

// missed is an answer that did not come, and was let be.
type missed struct{ Person, Question, Outcome, Reason string }

// Replay begins a replay. A record without calls is fs.ErrNotExist.
func (r *Record) Replay() (*Replay, error) {
	calls, err := r.Calls()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("replay %s: the record keeps no calls: %w", r.dir, err)
	}
	if err != nil {
		return nil, fmt.Errorf("replay %s: %w", r.dir, err)
	}
	names, err := r.Rooms()
	if err != nil {
		return nil, fmt.Errorf("replay %s: %w", r.dir, err)
	}
	p := &Replay{r: r, calls: calls, names: names, rooms: map[string]*replayed{}, missed: map[missed]bool{}}
	p.keys = sync.OnceValue(p.behind)
	return p, nil
}

// behind returns the keys of the calls behind all events of the record.
func (p *Replay) behind() map[string]bool {
	keys := map[string]bool{}
	for _, name := range p.names {
		for ev, err := range p.r.Events(name) {
			if err != nil {
				break // it is met again where events are compared
			}
			for _, key := range ev.Calls {
				keys[key] = true
			}
		}
	}
	return keys
}

// replayed is a room that is being made again.
type replayed struct {
	room string

	mu   sync.Mutex
	next func() (tinytroupe.Event, error, bool)
	stop func()
	head *tinytroupe.Event // the next event of the record; nil at its end
	err  error             // in reading it
	mark *DivergenceError  // the first mark that differs

	turns map[string][]turn // by who took them, in order
	folds map[string][]tinytroupe.Event
}

// turn is what the record holds of a turn: its acts and states, or why it failed.
type turn struct {
	seq    int // of its first event
	step   int
	events []tinytroupe.Event
	cause  string
	failed bool
}

func (p *Replay) room(name string) *replayed {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.rooms[name]
	if x != nil {
		return x
	}
	x = &replayed{room: name, turns: map[string][]turn{}, folds: map[string][]tinytroupe.Event{}}
	p.rooms[name] = x
	if !slices.Contains(p.names, name) {
		x.next, x.stop = func() (tinytroupe.Event, error, bool) { return tinytroupe.Event{}, nil, false }, func() {}
		return x
	}
	for ev, err := range p.r.Events(name) {
		if err != nil {
			break // it is met again where events are compared
		}
		list := x.turns[ev.Who]
		switch {
		case ev.Kind == tinytroupe.EventFailed && ev.Failure.What == "turn":
			x.turns[ev.Who] = append(list, turn{seq: ev.Seq, step: ev.Step, cause: ev.Failure.Cause, failed: true})
		case ev.Kind == tinytroupe.EventFailed:
			x.folds[ev.Who] = append(x.folds[ev.Who], ev)
		case ev.Kind == tinytroupe.EventActed && ev.Seen > 0:
			x.turns[ev.Who] = append(list, turn{seq: ev.Seq, step: ev.Step, events: []tinytroupe.Event{ev}})
		case (ev.Kind == tinytroupe.EventActed || ev.Kind == tinytroupe.EventState) && len(list) > 0:
			t := &list[len(list)-1]
			t.events = append(t.events, ev)
		case ev.Kind == tinytroupe.EventMarked:
			p.miss(ev.Mark)
		}
	}
	x.next, x.stop = p.r.pull(name)
	x.advance()
	return x
}

// miss notes the answers in a mark that did not come. Marks without answers have none.
func (p *Replay) miss(mark json.RawMessage) {
	var m struct {
		Answers []struct{ Person, Question, Field, Outcome, Reason string }
	}
	if json.Unmarshal(mark, &m) != nil {
		return
	}
	for _, a := range m.Answers {
		if a.Field != "" {
			a.Question += "." + a.Field
		}
		switch a.Outcome {
		case "invalid", "failed", "skipped":
			p.missed[missed{a.Person, a.Question, a.Outcome, a.Reason}] = true
		}
	}
}

// Missed reports whether an answer that did not come did not come in the run either, for
// the same reason, and was let be; or whether the record ends before it.
func (p *Replay) Missed(person, question, outcome, reason string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.missed[missed{person, question, outcome, reason}] || strings.HasSuffix(reason, ErrEnd.Error())
}

func (x *replayed) advance() {
	ev, err, ok := x.next()
	if x.head = nil; ok && err == nil {
		x.head = &ev
	}
	x.err = err
}

// Journal returns what takes a room's events and compares them with those of the
// record. The first that differs is a [*DivergenceError], one that the record no longer
// has an [ErrEnd]; nothing of their commit is taken.
func (p *Replay) Journal(room string) tinytroupe.Journal { return p.room(room) }

// Append compares events with the record.
func (x *replayed) Append(events ...tinytroupe.Event) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i := range events {
		switch {
		case x.err != nil:
			return x.err
		case x.head == nil:
			return fmt.Errorf("%s: %w", x.room, ErrEnd)
		}
		if e := diverged(x.head, &events[i]); e != nil {
			if e.Room = x.room; x.head.Kind != tinytroupe.EventMarked || events[i].Kind != tinytroupe.EventMarked {
				return e
			}
			// A mark is a digest: what it stands for tells more, if it follows.
			x.mark = cmp.Or(x.mark, e)
		}
		x.advance()
	}
	return nil
}

func (x *replayed) ended() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.head == nil && x.err == nil
}

// turn returns the turn that somebody takes next in the record, counted from where the
// replay is: of several in one step, each has its own. It is empty where there is none
// in that step.
func (x *replayed) turn(who string, step int) turn {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, t := range x.turns[who] {
		if x.head != nil && t.seq >= x.head.Seq && t.step == step {
			return t
		}
	}
	return turn{}
}

// diverged compares two events.
func diverged(was, is *tinytroupe.Event) *DivergenceError {
	a, errA := marshal(was, "")
	b, errB := marshal(is, "")
	if errA == nil && errB == nil && bytes.Equal(a, b) {
		return nil
	}
	e := &DivergenceError{Seq: was.Seq, Step: was.Step, Round: was.Round, Person: was.Who}
	e.Field, e.Was, e.Is = difference(a, b)
	return e
}

// Finish ends the replay. A room of which the record has more is a [*DivergenceError].
func (p *Replay) Finish() error {
	var errs []error
	for _, name := range p.names {
		x := p.room(name)
		x.mu.Lock()
		if x.stop(); x.head != nil {
			errs = append(errs, &DivergenceError{Room: name, Seq: x.head.Seq, Step: x.head.Step, Round: x.head.Round, Person: x.head.Who, Field: string(x.head.Kind), Was: fmt.Sprintf("event %d", x.head.Seq)})
		} else if x.err != nil {
			errs = append(errs, x.err)
		} else if x.mark != nil {
			errs = append(errs, x.mark)
		}
		x.mu.Unlock()
	}
	return errors.Join(errs...)
}

// Mind returns the mind of somebody in a room: m, but that turns which failed in the
// run fail again. Without m, of a human, the decisions are those of the record. Where
// the record ends the error is an [ErrEnd].
func (p *Replay) Mind(room string, m tinytroupe.Mind) tinytroupe.Mind {
	a := &again{p.room(room), m}
	if c, ok := tinytroupe.As[tinytroupe.Consolidator](m); ok {
		return &folding{a, c}
	}
	return a
}

type again struct {
	x *replayed
	m tinytroupe.Mind
}

func (a *again) Unwrap() tinytroupe.Mind { return a.m }

func (a *again) Decide(ctx context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	t := a.x.turn(p.Persona.Name(), p.Step)
	if t.failed {
		return nil, &failedBefore{t.cause}
	}
	if a.x.ended() {
		return nil, fmt.Errorf("%s: %w", a.x.room, ErrEnd)
	}
	if a.m != nil {
		d, err := a.m.Decide(ctx, p)
		if e, ok := errors.AsType[*DivergenceError](err); ok {
			e.Room = a.x.room
		}
		return d, err
	}
	d := &tinytroupe.Decision{}
	for _, ev := range t.events {
		if ev.Kind == tinytroupe.EventState {
			d.State = ev.State
			continue
		}
		d.Actions, d.Calls = append(d.Actions, *ev.Action), ev.Calls
	}
	return d, nil
}

// folding is again, of a mind that consolidates.
type folding struct {
	*again
	c tinytroupe.Consolidator
}

// Consolidate fails where it failed in the run, which tells of it in a later step.
func (f *folding) Consolidate(ctx context.Context, p *tinytroupe.Perception, old []tinytroupe.Event) (*tinytroupe.Consolidation, error) {
	out, err := f.c.Consolidate(ctx, p, old)
	if err == nil {
		return out, nil
	}
	for _, ev := range f.x.folds[p.Persona.Name()] {
		if ev.Step > p.Step {
			return nil, &failedBefore{ev.Failure.Cause}
		}
	}
	return nil, err
}

// Ask asks somebody as in the run, up to where the record ends.
func (a *again) Ask(ctx context.Context, p *tinytroupe.Perception, q tinytroupe.Question) (*tinytroupe.Answer, error) {
	asker, ok := tinytroupe.As[tinytroupe.Asker](a.m)
	switch {
	case !ok:
		return nil, errors.ErrUnsupported
	case a.x.ended():
		return nil, fmt.Errorf("%s: %w", a.x.room, ErrEnd)
	}
	return asker.Ask(ctx, p, q)
}

// failedBefore is a failure of the run that is made again.
type failedBefore struct{ cause string }

func (e *failedBefore) Error() string { return e.cause }

// Tolerate is a replay's tinytroupe.Options.Tolerate: what failed in the run and was
// tolerated fails again and is tolerated. Where the run was not that patient, its record
// ends, and so does the replay.
func (p *Replay) Tolerate(err error) bool {
	_, failed := errors.AsType[*failedBefore](err)
	_, refused := errors.AsType[*refusedBefore](err)
	return failed || refused || errors.Is(err, llm.ErrInvalid) || errors.Is(err, llm.ErrTruncated)
}
