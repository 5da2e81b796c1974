package tinytroupe

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"
)

// Idle says what becomes of people who have nothing new to react to.
type Idle string

const (
	Act  Idle = "act"  // they take their turns all the same; the default
	Pass Idle = "pass" // they are passed over: no call is made
)

// DefaultEpisode is the length of an episode, in bytes, beyond which it is
// consolidated: about 12,000 tokens.
const DefaultEpisode = 48_000

// Options tune a world. The zero value of each field has the stated meaning.
type Options struct {
	Seed  uint64        // of all that is left to chance here
	Key   string        // keeps the chance of several worlds apart; empty means the world's name
	Start time.Time     // simulated, at a fixed offset from UTC; zero means 2026-01-01 09:00 UTC
	Step  time.Duration // simulated time a step takes; 0 means 5 minutes, negative that time stands still
	Idle  Idle          // empty means Act

	Scheduler     Scheduler // nil means InTurn
	Rules         Rules     // nil means Room{}
	Interventions []Intervention

	// Episode is the length, in bytes of UTF-8 and 4,000 for an image, beyond which a person's episode is
	// consolidated, where the mind can; 0 means DefaultEpisode, negative never.
	Episode int

	// Journal keeps the events; nil keeps them in memory alone.
	Journal Journal
	// Store keeps the bytes of an artifact under their SHA-256 (hexadecimal); its
	// error stops the run. Nil makes every Produce an error, told to the actor.
	Store func(hash string, data []byte) error
	// Observe is shown each commit once it is journalled. It may read the World, but
	// must not call what changes it.
	Observe func(events []Event)
	// Tolerate says which errors of a turn become a failed event, so that the run
	// goes on without it. Nil tolerates none. It is called concurrently, and never
	// with what the end of a context caused.
	Tolerate func(err error) bool
	// Person gives what belongs to a person who joins by an effect, is added without
	// options, or is met in a journal; nil, or a nil result, means PersonOptions{}.
	// It is called once a person, or more often where it gives nil or joining failed,
	// never concurrently.
	// Resume needs it to give what Add was given.
	Person func(name string) *PersonOptions
}

// PersonOptions are what a person has beyond a persona.
type PersonOptions struct {
	Mind      Mind      // nil means the world's
	Memory    Memory    // nil: nothing is recalled
	Faculties []Faculty // each with its own name and kinds

	// What the person begins with; only for World.Add.
	Place   string
	Context []string
	State   MentalState
	Memos   []Memo // recalled where there is a Memory
}

// A World is people, a clock and a journal. Its methods are safe for concurrent
// use. Those that change it wait for one another; those that read it, a Person's
// Snapshot and Ask among them, do not wait: while it runs they see it as of the
// newest commit.
type World struct {
	opts Options
	mind Mind

	changing sync.Mutex      // held by whatever changes the world, all the while
	jobs     map[string]*job // consolidations begun, by person; under changing

	mu    sync.Mutex // taken to write, or to read without changing
	st    *state
	seats map[string]*seat
}

// seat is what a person has that is no part of the events.
type seat struct {
	mind         Mind
	consolidator Consolidator // nil where the mind has no such ability
	memory       Memory
	acts         []ActSpec
	owner        map[ActionKind]Faculty
	yields       map[ActionKind]bool
}

// NewWorld returns an empty world. m is the mind of everybody who has none of
// their own; it may be nil if each has.
func NewWorld(name string, m Mind, opts *Options) *World {
	w := newWorld(m, opts)
	o := &w.opts
	name = strings.ToValidUTF8(name, "\ufffd")
	w.st.clock = WorldClock{Name: name, Seed: o.Seed, Start: o.Start, Step: o.Step.String(), Idle: string(o.Idle)}
	w.st.stepLen = o.Step
	w.st.now = w.st.clock.Start
	return w
}

func newWorld(m Mind, opts *Options) *World {
	w := &World{mind: m, st: newState(), seats: map[string]*seat{}, jobs: map[string]*job{}}
	if opts != nil {
		w.opts = *opts
	}
	o := &w.opts
	o.Interventions = slices.Clone(o.Interventions)
	for i := range o.Interventions {
		o.Interventions[i].Name = strings.ToValidUTF8(o.Interventions[i].Name, "\ufffd") // as journals keep it
	}
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	}
	o.Start = fixed(o.Start.Round(0))
	o.Step = max(cmp.Or(o.Step, 5*time.Minute), 0)
	o.Idle = cmp.Or(o.Idle, Act)
	if o.Scheduler == nil {
		o.Scheduler = InTurn{}
	}
	if o.Rules == nil {
		o.Rules = Room{}
	}
	o.Episode = cmp.Or(o.Episode, DefaultEpisode)
	return w
}

// Resume returns the world that the events of a journal amount to. What follows
// the last complete commit is ignored: the journal must be cut there before it is
// appended to. Name, seed, start, step length and idle policy come from the
// journal, all else from opts. Resume appends nothing and calls no mind.
func Resume(m Mind, events iter.Seq2[Event, error], opts *Options) (*World, error) {
	w := newWorld(m, opts)
	var pending []Event
	memos := map[string][]Memo{}
	for ev, err := range events {
		if err != nil {
			return nil, fmt.Errorf("resume: %w", err)
		}
		pending = append(pending, ev)
		if !ev.End {
			continue
		}
		for _, ev := range pending {
			if err := w.st.apply(ev, w.opts.Episode); err != nil {
				return nil, fmt.Errorf("resume: %w", err)
			}
			if ev.Kind == EventMemo {
				memos[ev.Who] = append(memos[ev.Who], *ev.Memo)
			}
		}
		pending = pending[:0]
	}
	if w.st.seq == 0 {
		return nil, errors.New("resume: the journal holds no complete commit")
	}
	for _, b := range w.st.people {
		st, err := w.seatFor(b.name, nil)
		if err != nil {
			return nil, fmt.Errorf("resume: %w", err)
		}
		w.seats[b.name] = st
		if st.memory != nil && len(memos[b.name]) > 0 {
			st.memory.Add(memos[b.name]...)
		}
	}
	return w, nil
}

// seatFor returns what the options say belongs to a person, or without options
// what Options.Person says.
func (w *World) seatFor(name string, o *PersonOptions) (*seat, error) {
	if st := w.seats[name]; st != nil && o == nil {
		return st, nil // made for a commit that came to nothing
	}
	if o == nil && w.opts.Person != nil {
		var err error
		if o, err = guard("options", func() (*PersonOptions, error) { return w.opts.Person(name), nil }); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if o == nil {
		o = &PersonOptions{}
	}
	st := &seat{
		mind: o.Mind, memory: o.Memory, acts: coreActs(w.opts.Rules),
		owner: map[ActionKind]Faculty{}, yields: map[ActionKind]bool{},
	}
	if st.mind == nil {
		st.mind = w.mind
	}
	if st.mind == nil {
		return nil, fmt.Errorf("%s has no mind", name)
	}
	st.consolidator, _ = As[Consolidator](st.mind)
	faculties := slices.Clone(o.Faculties)
	slices.SortStableFunc(faculties, func(a, b Faculty) int { return cmp.Compare(a.Name(), b.Name()) })
	for i, f := range faculties {
		if i > 0 && faculties[i-1].Name() == f.Name() {
			return nil, fmt.Errorf("%s has two faculties called %q", name, f.Name())
		}
		for _, a := range f.Acts() {
			if k := string(a.Kind); k == "" || k != strings.ToUpper(strings.TrimSpace(k)) {
				return nil, fmt.Errorf("%s: faculty %q: the kind %q is not in upper case", name, f.Name(), k)
			}
			if slices.ContainsFunc(st.acts, func(b ActSpec) bool { return b.Kind == a.Kind }) {
				return nil, fmt.Errorf("%s has %s twice: faculty %q adds it again", name, a.Kind, f.Name())
			}
			a.Faculty = f.Name()
			st.acts = append(st.acts, a)
			st.owner[a.Kind], st.yields[a.Kind] = f, a.Yields
		}
	}
	return st, nil
}

// coreActs are the acts that everybody has, as the rules describe them.
func coreActs(rules Rules) []ActSpec {
	acts := []ActSpec{
		{Kind: Talk, Purpose: "say something aloud. With an empty target everyone within reach hears it, and so does whoever speaks from outside: the usual thing in company, with names in the words. With a name as target nobody else hears it."},
		{Kind: Think, Purpose: "think something that nobody else perceives; target is empty"},
		{Kind: ReachOut, Purpose: "try to bring somebody who is not within reach within reach; target is the full name, content is empty"},
		{Kind: Done, Purpose: "end the turn and wait; target and content are empty"},
	}
	if d, ok := rules.(Describer); ok {
		for i := range acts {
			acts[i].Purpose = cmp.Or(d.Describe(acts[i].Kind), acts[i].Purpose)
		}
	}
	return acts
}

// As returns the ability T of a mind, looking through what wraps it.
func As[T any](m Mind) (T, bool) {
	for m != nil {
		if t, ok := m.(T); ok {
			return t, true
		}
		u, ok := m.(interface{ Unwrap() Mind })
		if !ok {
			break
		}
		m = u.Unwrap()
	}
	var zero T
	return zero, false
}

// checkPersonName refuses what cannot be a person's name.
func checkPersonName(name string) error {
	switch strings.TrimSpace(name) {
	case "":
		return errors.New("a person needs a name")
	case Everyone:
		return fmt.Errorf("%q stands for everyone: it is nobody's name", name)
	}
	return nil
}

// Add brings a person in, who acts from the next step on. Names are unique in a
// world, those of people who left included; to bring somebody back use Return. Nil
// options are what Options.Person gives.
func (w *World) Add(p Persona, opts *PersonOptions) (*Person, error) {
	w.changing.Lock()
	defer w.changing.Unlock()
	name := p.Name()
	if err := checkPersonName(name); err != nil {
		return nil, fmt.Errorf("add: %w", err)
	}
	if w.st.body(name) != nil {
		return nil, fmt.Errorf("add: the name %q is taken", name)
	}
	if opts == nil && w.opts.Person != nil {
		var err error
		if opts, err = guard("options", func() (*PersonOptions, error) { return w.opts.Person(name), nil }); err != nil {
			return nil, fmt.Errorf("add: %s: %w", name, err)
		}
	}
	st, err := w.seatFor(name, opts)
	if err != nil {
		return nil, fmt.Errorf("add: %w", err)
	}
	tx := w.begin()
	err = tx.enter(p, st)
	if err == nil && opts != nil {
		switch {
		case opts.Place != "":
			err = tx.effect(name, Move{Place: opts.Place, Context: opts.Context}, false)
		case len(opts.Context) > 0:
			err = tx.effect(name, SetContext{Context: opts.Context}, false)
		}
		if st := opts.State; err == nil && st != (MentalState{}) {
			err = tx.emit(Event{Kind: EventState, Who: name, State: &st})
		}
		for _, m := range opts.Memos {
			if err == nil {
				err = tx.effect(name, Remember{Memo: m}, false)
			}
		}
	}
	if err == nil {
		err = tx.finish()
	}
	if err != nil {
		return nil, fmt.Errorf("add %s: %w", name, err)
	}
	return &Person{w, name}, nil
}

// Return brings back somebody who left, as they were, with what reached them since.
// They act from the next step on.
func (w *World) Return(name string) error {
	return w.change("return "+name, func(tx *commit) error {
		b := tx.s.body(name)
		if b == nil {
			return errors.New("was never here")
		}
		return tx.effect("", Join{b.persona}, false)
	})
}

// Remove takes a person out of the world. Their past stays in the journal, and
// methods that need no presence go on working. It is an error if they are not here.
func (w *World) Remove(name string) error {
	return w.change("remove "+name, func(tx *commit) error { return tx.effect("", Leave{name}, false) })
}

// Person returns the person of that name, present or not, or nil if nobody of that
// name ever joined.
func (w *World) Person(name string) *Person {
	if w.View().s.body(name) == nil {
		return nil
	}
	return &Person{w, name}
}

// People returns the names of those present, in order of joining.
func (w *World) People() []string {
	return w.View().People()
}

// View returns the world as it is now, or as of the newest commit while it runs. It
// stays as it is whatever happens later.
func (w *World) View() *View {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &View{w.st}
}

// Events returns the events so far, oldest first.
func (w *World) Events() iter.Seq[Event] { return w.View().Events() }

// IntroduceAll puts everybody present within everybody's reach.
func (w *World) IntroduceAll() error {
	return w.change("introduce all", func(tx *commit) error {
		return tx.emit(Event{Kind: EventLinked, To: []string{Everyone}})
	})
}

// Introduce puts a and b within each other's reach. The relation is shown to both;
// an empty one leaves an earlier one as it was. A name that never joined is an error.
func (w *World) Introduce(a, b, relation string) error {
	return w.change("introduce", func(tx *commit) error {
		return tx.effect(a, Introduce{To: []string{b}, Relation: relation}, false)
	})
}

// Part puts a and b out of each other's reach.
func (w *World) Part(a, b string) error {
	return w.change("part", func(tx *commit) error { return tx.effect(a, Part{To: []string{b}}, false) })
}

// Broadcast lets everybody present hear speech from outside.
func (w *World) Broadcast(speech string) error {
	return w.Tell(Stimulus{Kind: Conversation, Content: speech})
}

// BroadcastThought puts a thought into everybody's mind.
func (w *World) BroadcastThought(thought string) error {
	return w.Tell(Stimulus{Kind: Thought, Content: thought})
}

// BroadcastGoal gives everybody a goal.
func (w *World) BroadcastGoal(goal string) error {
	return w.Tell(Stimulus{Kind: Goal, Content: goal})
}

// BroadcastContext changes what surrounds everybody.
func (w *World) BroadcastContext(context []string) error {
	return w.change("context", func(tx *commit) error {
		for _, name := range (&View{tx.s}).People() {
			if err := tx.effect(name, SetContext{Context: context}, false); err != nil {
				return err
			}
		}
		return nil
	})
}

// Tell lets the people named, or without names everybody present, perceive
// something from outside. Somebody named who has left will perceive it on returning;
// a name that never joined is an error, and nobody is told.
func (w *World) Tell(s Stimulus, to ...string) error {
	if len(to) == 0 {
		to = []string{Everyone}
	}
	return w.change("tell", func(tx *commit) error { return tx.effect("", Tell{to, s}, false) })
}

// Apply commits effects that come from outside, all of them or, on an error, none.
func (w *World) Apply(effects ...Effect) error {
	return w.change("apply", func(tx *commit) error { return tx.effects("", effects) })
}

// Skip moves the clock forward. Nobody acts.
func (w *World) Skip(d time.Duration) error {
	return w.change("skip", func(tx *commit) error {
		if d < 0 {
			return fmt.Errorf("%v: time does not run backwards", d)
		}
		if err := tx.pass(d); err != nil {
			return err
		}
		return tx.emit(Event{Kind: EventClock, Clock: &Clock{Skip: d.String()}})
	})
}

// Mark journals a label.
func (w *World) Mark(label string) error {
	b, err := json.Marshal(label)
	if err != nil {
		return err
	}
	return w.MarkJSON(b)
}

// MarkJSON journals any JSON value, for programs that find their way back by it.
func (w *World) MarkJSON(mark json.RawMessage) error {
	return w.change("mark", func(tx *commit) error {
		var b bytes.Buffer
		if err := json.Compact(&b, mark); err != nil {
			return err
		}
		return tx.emit(Event{Kind: EventMarked, Mark: b.Bytes()})
	})
}

// change commits what f does.
func (w *World) change(what string, f func(tx *commit) error) error {
	w.changing.Lock()
	defer w.changing.Unlock()
	tx := w.begin()
	err := f(tx)
	if err == nil {
		err = tx.finish()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}
