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

	mu    sync.Mutex
	rooms map[string]*replayed
}

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
	return &Replay{r: r, calls: calls, names: names, rooms: map[string]*replayed{}}, nil
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

	failures map[turn]string // causes of turns that failed
	folds    map[string][]tinytroupe.Event
	acts     map[turn][]tinytroupe.Event
}

type turn struct {
	who  string
	step int
}

func (p *Replay) room(name string) *replayed {
	p.mu.Lock()
	defer p.mu.Unlock()
	x := p.rooms[name]
	if x != nil {
		return x
	}
	x = &replayed{room: name, failures: map[turn]string{}, folds: map[string][]tinytroupe.Event{}, acts: map[turn][]tinytroupe.Event{}}
	p.rooms[name] = x
	if !slices.Contains(p.names, name) {
		x.next, x.stop = func() (tinytroupe.Event, error, bool) { return tinytroupe.Event{}, nil, false }, func() {}
		return x
	}
	for ev, err := range p.r.Events(name) {
		if err != nil {
			break // it is met again where events are compared
		}
		at := turn{ev.Who, ev.Step}
		switch {
		case ev.Kind == tinytroupe.EventFailed && ev.Failure.What == "turn":
			x.failures[at] = ev.Failure.Cause
		case ev.Kind == tinytroupe.EventFailed:
			x.folds[ev.Who] = append(x.folds[ev.Who], ev)
		case ev.Kind == tinytroupe.EventActed || ev.Kind == tinytroupe.EventState:
			x.acts[at] = append(x.acts[at], ev)
		}
	}
	x.next, x.stop = p.r.pull(name)
	x.advance()
	return x
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
	return &again{p.room(room), m}
}

type again struct {
	x *replayed
	m tinytroupe.Mind
}

func (a *again) Unwrap() tinytroupe.Mind { return a.m }

func (a *again) Decide(ctx context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	at := turn{p.Persona.Name(), p.Step}
	if cause, ok := a.x.failures[at]; ok {
		return nil, &failedBefore{cause}
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
	for _, ev := range a.x.acts[at] {
		if ev.Kind == tinytroupe.EventState {
			d.State = ev.State
			continue
		}
		d.Actions, d.Calls = append(d.Actions, *ev.Action), ev.Calls
	}
	return d, nil
}

// Consolidate fails where it failed in the run, which tells of it in a later step.
func (a *again) Consolidate(ctx context.Context, p *tinytroupe.Perception, old []tinytroupe.Event) (*tinytroupe.Consolidation, error) {
	c, ok := tinytroupe.As[tinytroupe.Consolidator](a.m)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	out, err := c.Consolidate(ctx, p, old)
	if err == nil {
		return out, nil
	}
	for _, ev := range a.x.folds[p.Persona.Name()] {
		if ev.Step > p.Step {
			return nil, &failedBefore{ev.Failure.Cause}
		}
	}
	return nil, err
}

// failedBefore is a failure of the run that is made again.
type failedBefore struct{ cause string }

func (e *failedBefore) Error() string { return e.cause }

// Tolerate is a replay's tinytroupe.Options.Tolerate: what failed in the run and was
// tolerated fails again and is tolerated.
func (p *Replay) Tolerate(err error) bool {
	_, ok := errors.AsType[*failedBefore](err)
	return ok
}

// Model returns a model that answers from the record alone, as the model of that name
// and identity (see [llm.Identified]) did, bad replies included. What it did not answer
// is a [*DivergenceError] that says what of the prompt is not as it was.
func (p *Replay) Model(name, identity string) llm.Model {
	return &recorded{p.calls, name, identity}
}

type recorded struct {
	c              *Calls
	name, identity string
}

func (m *recorded) Name() string     { return m.name }
func (m *recorded) Identity() string { return m.identity }

func (m *recorded) Generate(_ context.Context, req *llm.Request) (*llm.Response, error) {
	key := llm.Key(m.identity, req)
	resp, ok, err := m.c.Get(key)
	if err == nil && !ok {
		resp, err = m.c.bad(key)
	}
	if err != nil {
		return nil, err
	}
	if resp != nil {
		resp.Call, resp.Cached = key, true
		return resp, nil
	}
	return nil, m.c.changed(req)
}

// bad returns the newest reply to a key that was of no use, which its asker then had
// repaired; nil where there is none.
func (c *Calls) bad(key string) (*llm.Response, error) {
	list, err := c.ByKey(key)
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Backward(list) {
		if e.Outcome != llm.Invalid && e.Outcome != llm.Truncated {
			continue
		}
		text, err := c.Reply(e.ID)
		return &llm.Response{Text: text, Finish: e.Finish, Usage: e.Usage, Model: e.Served}, err
	}
	return nil, nil
}

// changed says what of a request is not as it was in the call that is most like it.
func (c *Calls) changed(req *llm.Request) error {
	l := req.Label
	e := &DivergenceError{Step: l.Step, Person: l.Person, Field: l.Purpose, Is: "a call that the record does not have"}
	is, err := c.flat(req)
	if err != nil {
		return err
	}
	list, err := collect(c.entries("WHERE person = ? AND step = ? AND purpose = ?", l.Person, l.Step, l.Purpose))
	if err != nil {
		return err
	}
	best := -1
	for _, old := range list {
		r, err := c.Request(old.ID)
		if err != nil {
			return err
		}
		was, err := c.flat(r)
		if err != nil {
			return err
		}
		field, a, b, same := firstOf(was, is)
		if same > best && field != "" {
			best, e.Field, e.Was, e.Is = same, "prompt: "+field, a, b
		}
	}
	return e
}

// piece is a part of a request.
type piece struct{ name, text string }

func (c *Calls) flat(req *llm.Request) ([]piece, error) {
	list := []piece{{"system", req.System}}
	for i, m := range req.Messages {
		var b strings.Builder
		for _, p := range m.Parts {
			b.WriteString(p.Text)
			if p.Image != nil {
				fmt.Fprintf(&b, "[%s %s]", p.Image.MediaType, Hash(p.Image.Data))
			}
		}
		list = append(list, piece{fmt.Sprintf("message %d (%s)", i+1, m.Role), b.String()})
	}
	r := *req
	r.System, r.Messages = "", nil
	set, err := json.Marshal(&settings{r.Schema, r.Temperature, r.TopP, r.MaxTokens, r.Effort, r.Stop, r.Draw})
	return append(list, piece{"settings", string(set)}), err
}

// firstOf returns the first piece that differs, what stands around the difference, and
// how many bytes are the same before it.
func firstOf(was, is []piece) (field, a, b string, same int) {
	for i := range max(len(was), len(is)) {
		var x, y piece
		if i < len(was) {
			x = was[i]
		}
		if i < len(is) {
			y = is[i]
		}
		if x == y {
			same += len(x.text)
			continue
		}
		n := common(x.text, y.text)
		return cmp.Or(y.name, x.name), around(x.text, n), around(y.text, n), same + n
	}
	return "", "", "", same
}
