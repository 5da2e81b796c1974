package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"slices"

	"github.com/tinytroupe-go/tinytroupe"
)

// A room is a Room under way.
type room struct {
	r     *runner
	id    Room
	scene *Scene // nil: outside
	cast  []Person
	units []unit
	w     *tinytroupe.World

	seq  int   // of the newest event
	done int   // units that are over
	ends []int // the Seq of the end mark of each
	past past  // of the open unit

	answers []given // what people were asked here, in order
}

// open makes the world, or resumes it.
func (rm *room) open() error {
	r, w := rm.r, rm.r.s.World
	opts := &tinytroupe.Options{
		Seed: r.s.Seed, Key: rm.id.Name(), Start: w.Starts, Step: w.Step, Idle: w.Idle,
		Rules:   tinytroupe.Room{Quiet: w.Quiet, Acquainted: w.Acquainted},
		Episode: r.o.Episode, Store: r.o.Store, Tolerate: r.o.Tolerate, Observe: rm.observe,
		Person: func(name string) *tinytroupe.PersonOptions {
			p, ok := rm.person(name)
			if !ok {
				p = Person{Persona: tinytroupe.NewPersona(name)} // came in otherwise than by the study
			}
			return &tinytroupe.PersonOptions{Mind: r.mind(Member{p, rm.id}), Memory: recall()}
		},
	}
	if !r.now.IsZero() {
		opts.Start = r.now
	}
	switch w.Turns {
	case Together:
		opts.Scheduler = tinytroupe.Together{}
	case Shuffled:
		opts.Scheduler = tinytroupe.Shuffled{}
	}
	if w.Network != nil {
		n, err := tinytroupe.NewNetwork(w.Network...)
		if err != nil {
			return err
		}
		n.Quiet = w.Quiet
		opts.Rules = n
	}
	opts.Rules = rm.acquaint(opts.Rules)
	events, err := rm.events(opts)
	if err != nil {
		return err
	}
	if len(events) == 0 {
		rm.w = tinytroupe.NewWorld(w.Name, nil, opts)
		return nil
	}
	rm.r.res.Resumed = true
	if err := rm.scan(slices.Values(events)); err != nil {
		return err
	}
	rm.seq = events[len(events)-1].Seq
	rm.w, err = tinytroupe.Resume(nil, errless(slices.Values(events)), opts)
	return err
}

// events opens the journal, and returns the commits in it.
func (rm *room) events(opts *tinytroupe.Options) ([]tinytroupe.Event, error) {
	if rm.r.o.Open == nil {
		return nil, nil
	}
	j, past, err := rm.r.o.Open(rm.id)
	if err != nil || past == nil {
		opts.Journal = j
		return nil, err
	}
	opts.Journal = j
	var events []tinytroupe.Event
	whole := 0
	for ev, err := range past {
		if err != nil {
			return nil, err
		}
		if events = append(events, ev); ev.End {
			whole = len(events)
		}
	}
	return events[:whole], nil
}

func errless(events iter.Seq[tinytroupe.Event]) iter.Seq2[tinytroupe.Event, error] {
	return func(yield func(tinytroupe.Event, error) bool) {
		for ev := range events {
			if !yield(ev, nil) {
				return
			}
		}
	}
}

func (rm *room) observe(events []tinytroupe.Event) {
	rm.seq = events[len(events)-1].Seq
	if rm.r.o.Observe != nil {
		rm.r.tell.Lock()
		defer rm.r.tell.Unlock()
		rm.r.o.Observe(rm.id, events)
	}
}

// person returns somebody of the cast.
func (rm *room) person(name string) (Person, bool) {
	i := slices.IndexFunc(rm.cast, func(p Person) bool { return p.Name() == name })
	if i < 0 {
		return Person{}, false
	}
	return rm.cast[i], true
}

// span returns the first and the last unit of a part.
func (rm *room) span(k int) (first, last int) {
	first = slices.IndexFunc(rm.units, func(u unit) bool { return u.part == k })
	last = first
	for last+1 < len(rm.units) && rm.units[last+1].part == k {
		last++
	}
	return first, last
}

// seqAtStart returns the Seq at which a part began, once people were there.
func (rm *room) seqAtStart(k int) int {
	first, _ := rm.span(k)
	if rm.units[first].step != nil {
		first--
	}
	return rm.ends[first]
}

// entered returns the Seq at which people came in, or came back, last.
func (rm *room) entered() int {
	for i := rm.done; i >= 0; i-- {
		if i < len(rm.ends) && rm.units[i].step == nil {
			return rm.ends[i]
		}
	}
	return 0
}

// at returns the world as it was when a unit was over.
func (rm *room) at(unit int) (*tinytroupe.View, error) {
	if rm.done == unit+1 && rm.seq == rm.ends[unit] {
		return rm.w.View(), nil
	}
	w, err := tinytroupe.Resume(inert{}, errless(func(yield func(tinytroupe.Event) bool) {
		for ev := range rm.w.Events() {
			if ev.Seq > rm.ends[unit] || !yield(ev) {
				return
			}
		}
	}), &tinytroupe.Options{Episode: -1})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", rm.id.Name(), err)
	}
	return w.View(), nil
}

// inert is the mind of those who are only looked at.
type inert struct{}

func (inert) Decide(context.Context, *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	return nil, errors.ErrUnsupported
}

// safely makes a panic an error of the room, so that the other rooms end as they do
// after any error. What panics within a turn has been made one by the world.
func (rm *room) safely(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%s: %w", rm.r.s.File, &tinytroupe.PanicError{In: rm.id.Name(), Value: v, Stack: debug.Stack()})
		}
	}()
	return f()
}

// play does what is left of a part.
func (rm *room) play(ctx context.Context, k int) error {
	first, last := rm.span(k)
	for i := first; i <= last; i++ {
		if i < rm.done {
			rm.progress(rm.units[i], Progress{Phase: Skipped}, false)
			continue
		}
		if err := rm.unit(ctx, rm.units[i]); err != nil {
			return rm.failed(rm.units[i], err)
		}
	}
	return nil
}

// A RoomError says in which room a run failed.
type RoomError struct {
	Room  Room
	Err   error
	named bool // there are several rooms
}

func (e *RoomError) Error() string {
	if e.named {
		return e.Room.Name() + ": " + e.Err.Error()
	}
	return e.Err.Error()
}

func (e *RoomError) Unwrap() error { return e.Err }

// failed says where an error came from.
func (rm *room) failed(u unit, err error) error {
	err = &RoomError{rm.id, err, rm.id.Of > 1 || rm.scene != nil}
	if u.step == nil {
		return fmt.Errorf("%s: set-up: %w", rm.r.s.File, err)
	}
	return fmt.Errorf("%s:%d: %s: %w", rm.r.s.File, u.step.Line, u.word, err)
}

// progress tells of a verb, and counts it. tried says that it is known whom it reached.
func (rm *room) progress(u unit, p Progress, tried bool) {
	if u.step == nil {
		return
	}
	r := rm.r
	r.tell.Lock()
	defer r.tell.Unlock()
	n := r.number[u.step]
	switch p.Phase {
	case Ended:
		if tried {
			r.tried[n]++
			r.reached[n] += p.Reached
		}
		r.ended[n]++
	case Skipped:
		r.ended[n]++
	}
	if r.o.Progress != nil {
		p.Verb, p.Of, p.Step, p.Loops, p.Room = n, r.steps, *u.step, u.loops, rm.id
		r.o.Progress(p)
	}
}

// unit does what is left of a unit.
func (rm *room) unit(ctx context.Context, u unit) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	m := mark{Verb: &u.verb, Word: u.word, Hash: u.hash, For: u.loops, At: "start"}
	if u.step == nil && rm.scene != nil {
		m.Scene = rm.scene.Name
	}
	prog := Progress{Phase: Began}
	if rm.past.begun {
		prog.Phase = Resumed
	} else if err := rm.mark(m); err != nil {
		return err
	}
	rm.progress(u, prog, false)
	tried := rm.past.commits == 0
	var err error
	if u.step == nil {
		err = rm.arrive(u)
	} else {
		switch do := u.step.Do.(type) {
		case Run:
			err = rm.run(ctx, do, u.part, rm.past.steps)
		case Ask:
			prog.Reached, err = rm.ask(ctx, u, do)
		case Skip:
			if rm.past.commits == 0 {
				err = rm.w.Skip(do.For)
			}
		default:
			if rm.past.commits > 0 {
				break // it is one commit, and that was journalled
			}
			var effects []tinytroupe.Effect
			if effects, prog.Reached, err = rm.effects(u); err == nil {
				err = rm.commit(do, effects)
			}
		}
	}
	if err != nil {
		return err
	}
	m.At = "end"
	if err := rm.mark(m); err != nil {
		return err
	}
	rm.ended(rm.seq)
	prog.Phase, prog.Present = Ended, len(rm.w.People())
	rm.progress(u, prog, tried)
	return nil
}

func (rm *room) mark(m mark) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return rm.w.MarkJSON(b)
}

// arrive lets people come in at the beginning, or come back from scenes.
func (rm *room) arrive(u unit) error {
	if u.word == returning {
		if d := rm.r.now.Sub(rm.w.View().Now()); d > 0 {
			if err := rm.w.Skip(d); err != nil {
				return err
			}
		}
		if effects := rm.back(); len(effects) > 0 && !rm.past.carried {
			return rm.w.Apply(effects...)
		}
		return nil
	}
	if rm.past.commits > 0 {
		return nil
	}
	var list []tinytroupe.Effect
	for _, p := range rm.cast {
		if slices.Contains(rm.r.later[rm.scene], p.Name()) {
			continue
		}
		list = append(list, rm.enter(p)...)
	}
	if len(list) == 0 {
		return nil
	}
	return rm.w.Apply(list...)
}

// enter lets somebody in who was never here.
func (rm *room) enter(p Person) []tinytroupe.Effect {
	list := []tinytroupe.Effect{tinytroupe.Join{Persona: rm.r.memory[p.Name()].persona}}
	return append(list, rm.entering(p)...)
}

// run lets people act until the verb has had its steps, of which some were begun by
// an earlier run; the last of those may be open.
func (rm *room) run(ctx context.Context, do Run, part, begun int) error {
	if do.Until == nil {
		left := do.Steps - begun
		if begun > 0 && rm.w.View().Open() {
			left++
		}
		if left == 0 {
			return nil
		}
		return rm.w.Run(ctx, left)
	}
	for {
		if !rm.w.View().Open() {
			if begun >= do.Steps || begun > 0 && rm.met(do.Until, part) {
				return nil
			}
			begun++
		}
		if err := rm.w.Run(ctx, 1); err != nil {
			return err
		}
	}
}

// met reports whether what ends a run came true in the newest step.
func (rm *room) met(u *Until, part int) bool {
	if rm.r.o.ends != asIs {
		return rm.r.o.ends == atLeast
	}
	v := rm.w.View()
	for ev := range v.Recent() {
		if ev.Step < v.Step() {
			return false
		}
		if ev.Kind != tinytroupe.EventActed || ev.Action.Kind != tinytroupe.Talk || !u.re.MatchString(ev.Action.Content) {
			continue
		}
		p, ok := rm.person(ev.Who)
		if u.By == nil || ok && u.By.Selects(rm.known(p.in(v), part)) {
			return true
		}
	}
	return false
}
