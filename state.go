package tinytroupe

import (
	"fmt"
	"slices"
	"time"

	"github.com/tinytroupe-go/tinytroupe/internal/trigram"
)

// state is what the events so far amount to. A state that stands in a World is
// immutable: a commit works on a copy, in which bodies are copied when first
// touched. Slices are shared between copies and only ever appended to, which is
// sound because at most one copy of a state at a time is extended.
type state struct {
	clock   WorldClock
	stepLen time.Duration
	seq     int
	now     time.Time

	step   int        // the newest step
	rounds [][]string // of the open step
	done   int        // rounds of it that are committed
	open   bool

	people []*body // in order of joining, those who left included
	index  map[string]int
	fired  map[string]firing
	log    []Event

	// Between the events of one commit.
	actors []string // who acted in it
	round  int      // its round

	// In a draft, which others read and extend at the same time, nothing shared is
	// appended to: log entries go to side, and episodes and inboxes stay as they were.
	draft bool
	side  []Event
}

type firing struct{ times, last int }

// body is a person as the events made them.
type body struct {
	owner *state // the copy that may change it

	name    string
	persona Persona
	present bool
	since   int // step of the last joining
	place   string
	context []string
	near    []Acquaintance
	mental  MentalState
	summary string
	episode []Event
	size    int // bytes in the episode, see size
	inbox   []Event
	recent  said // the last words of each kind and target
	seen    int  // the Seq up to which the newest turn had perceived
	notes   []FacultyNote
	due     *due // a consolidation to be made
}

// due is the perception of a person whose episode has outgrown the limit, as of
// the commit of the turn that made it so.
type due struct {
	perception *Perception
	over       int // bytes to be rid of
}

func newState() *state {
	return &state{index: map[string]int{}, fired: map[string]firing{}}
}

// extend returns a copy to commit on.
func (s *state) extend() *state {
	c := *s
	c.people = slices.Clone(s.people)
	c.actors, c.round = nil, 0
	return &c
}

// branch returns a copy for a draft, safe beside others of the same state.
func (s *state) branch() *state {
	c := s.extend()
	c.draft = true
	return c
}

func (s *state) body(name string) *body {
	if i, ok := s.index[name]; ok {
		return s.people[i]
	}
	return nil
}

// own returns a body that may be changed.
func (s *state) own(name string) *body {
	i, ok := s.index[name]
	if !ok {
		return nil
	}
	b := s.people[i]
	if b.owner != s {
		c := *b
		c.owner = s
		b = &c
		s.people[i] = b
	}
	return b
}

// present reports whether somebody of that name is in the world now.
func (s *state) present(name string) bool {
	b := s.body(name)
	return b != nil && b.present
}

// willAct reports whether the person would take a turn in the open step.
func (s *state) willAct(name string) bool {
	b := s.body(name)
	return b != nil && b.present && b.since < s.step && (s.clock.Idle != string(Pass) || len(b.inbox) > 0)
}

// nextRound returns the index of the next round of the open step in which
// somebody acts, and who.
func (s *state) nextRound() (int, []string) {
	for i := s.done; i < len(s.rounds); i++ {
		var who []string
		for _, name := range s.rounds[i] {
			if s.willAct(name) {
				who = append(who, name)
			}
		}
		if len(who) > 0 {
			return i, who
		}
	}
	return 0, nil
}

// apply folds one event in. It fails only on events that no World wrote.
func (s *state) apply(ev Event, limit int) error {
	ev.Time = fixed(ev.Time)
	if ev.Seq != s.seq+1 {
		return fmt.Errorf("event %d where %d was expected", ev.Seq, s.seq+1)
	}
	if s.seq == 0 && (ev.Clock == nil || ev.Clock.World == nil) {
		return fmt.Errorf("event 1 does not open a world")
	}
	if err := s.fold(ev); err != nil {
		return fmt.Errorf("event %d (%s): %w", ev.Seq, ev.Kind, err)
	}
	s.seq = ev.Seq
	if s.draft {
		s.side = append(s.side, ev)
	} else {
		s.log = append(s.log, ev)
	}
	if ev.Round > 0 {
		s.round = ev.Round
	}
	if ev.End {
		s.endCommit(limit)
	}
	return nil
}

// endCommit does what follows from a commit as a whole: who must consolidate, and
// whether the open step is over.
func (s *state) endCommit(limit int) {
	for _, name := range s.actors {
		b := s.own(name)
		if b.due = nil; limit > 0 && b.size > limit {
			b.due = &due{s.perception(b), b.size - limit/2}
		}
	}
	if s.round > 0 {
		s.done = s.round
	}
	if s.open {
		if _, who := s.nextRound(); who == nil {
			s.open = false
		}
	}
	s.actors, s.round = nil, 0
}

func (s *state) fold(ev Event) error {
	payload := func(ok bool) error {
		if !ok {
			return fmt.Errorf("its payload is missing")
		}
		return nil
	}
	if ev.Kind == EventJoined {
		if err := payload(ev.Persona != nil && ev.Who != ""); err != nil {
			return err
		}
		return s.join(ev)
	}
	var who *body
	if ev.Who != "" && ev.Kind != EventPerceived {
		if who = s.own(ev.Who); who == nil {
			return fmt.Errorf("%q is nobody here", ev.Who)
		}
	}
	switch ev.Kind {
	case EventActed, EventLeft, EventMoved, EventContext, EventEdited, EventState, EventMemo, EventFolded, EventCarried, EventNoted, EventFailed:
		if who == nil {
			return fmt.Errorf("it names nobody")
		}
	}
	switch ev.Kind {
	case EventClock:
		if err := payload(ev.Clock != nil); err != nil {
			return err
		}
		return s.tick(ev)
	case EventLeft:
		who.present = false
	case EventLinked, EventParted:
		return s.link(ev)
	case EventMoved:
		who.place, who.context = ev.Place, ev.Context
	case EventContext:
		who.context = ev.Context
	case EventEdited:
		if err := payload(ev.Edit != nil); err != nil {
			return err
		}
		p, err := who.persona.With(ev.Edit.Path, ev.Edit.Value)
		if err != nil {
			return err
		}
		who.persona = p
	case EventPerceived:
		if err := payload(ev.Stimulus != nil); err != nil {
			return err
		}
		return s.deliver(ev)
	case EventActed:
		if err := payload(ev.Action != nil); err != nil {
			return err
		}
		if ev.Seen > 0 && !s.draft {
			n := 0
			for n < len(who.inbox) && who.inbox[n].Seq <= ev.Seen {
				who.enter(who.inbox[n])
				n++
			}
			who.inbox = who.inbox[n:]
		}
		if ev.Seen > 0 {
			who.seen = ev.Seen
		}
		if !slices.Contains(s.actors, ev.Who) {
			s.actors = append(s.actors, ev.Who)
		}
		if !s.draft {
			who.enter(ev)
		}
		// Words that found nobody are no reason to keep back what is said next. Whoever is
		// alone talks to themselves.
		unheard := ev.Action.Kind == Talk && len(ev.To) == 0 && (ev.Action.Target != "" || s.stranger(who))
		if t := trigram.Of(ev.Action.Content); t != nil && !unheard {
			who.recent = who.recent.with(slotOf(ev.Action), words{t, who.seen})
		}
		return s.deliver(ev)
	case EventState:
		if err := payload(ev.State != nil); err != nil {
			return err
		}
		who.mental = *ev.State
		// What a person begins with is no part of a decision.
		if !s.draft && len(who.episode) > 0 {
			who.enter(ev)
		}
	case EventMemo:
		return payload(ev.Memo != nil)
	case EventFolded:
		if err := payload(ev.Folded != nil && ev.Folded.Count >= 0 && ev.Folded.Count <= len(who.episode)); err != nil {
			return err
		}
		who.fold(ev.Folded)
	case EventCarried:
		if err := payload(ev.Past != nil); err != nil {
			return err
		}
		who.carry(ev.Past)
	case EventFired:
		if err := payload(ev.Fired != nil); err != nil {
			return err
		}
		fired := make(map[string]firing, len(s.fired)+1)
		for k, v := range s.fired {
			fired[k] = v
		}
		fired[ev.Fired.Name] = firing{fired[ev.Fired.Name].times + 1, ev.Step}
		s.fired = fired
	case EventNoted:
		if err := payload(ev.Note != nil); err != nil {
			return err
		}
		if s.draft {
			who.notes = slices.Clip(who.notes)
		}
		who.notes = append(who.notes, *ev.Note)
	case EventProduced:
		return payload(ev.Artifact != nil)
	case EventMarked:
		return payload(ev.Mark != nil)
	case EventFailed:
		if err := payload(ev.Failure != nil); err != nil {
			return err
		}
		if ev.Failure.What == failedConsolidation {
			who.due = nil
		}
	default:
		return fmt.Errorf("unknown kind")
	}
	return nil
}

func (s *state) tick(ev Event) error {
	switch c := ev.Clock; {
	case c.World != nil:
		if s.seq != 0 {
			return fmt.Errorf("a world opens only once")
		}
		d, err := time.ParseDuration(c.World.Step)
		if err != nil {
			return err
		}
		s.clock, s.stepLen = *c.World, d
	case c.Skip != "":
	default:
		s.step, s.rounds, s.done, s.open = ev.Step, c.Rounds, 0, true
	}
	s.now = fixed(ev.Time)
	return nil
}

// fixed keeps the offset of a time and lets go of its zone, as a journal does, so
// that a resumed world shows the same time of day as the first would have.
func fixed(t time.Time) time.Time {
	if _, offset := t.Zone(); offset != 0 && offset%60 == 0 {
		return t.In(time.FixedZone("", offset))
	}
	return t.UTC()
}

func (s *state) join(ev Event) error {
	if b := s.own(ev.Who); b != nil {
		if b.present {
			return fmt.Errorf("%q is here already", ev.Who)
		}
		b.present, b.since, b.persona = true, s.step, *ev.Persona
		return nil
	}
	index := make(map[string]int, len(s.index)+1)
	for k, v := range s.index {
		index[k] = v
	}
	index[ev.Who] = len(s.people)
	s.index = index
	s.people = append(s.people, &body{owner: s, name: ev.Who, persona: *ev.Persona, present: true, since: s.step})
	return nil
}

// link puts Who within reach of everybody in To and the other way round, or parts
// them. Without Who, all in To are linked with one another.
func (s *state) link(ev Event) error {
	group := ev.To
	if slices.Contains(group, Everyone) {
		group = nil
		for _, b := range s.people {
			if b.present && b.name != ev.Who {
				group = append(group, b.name)
			}
		}
	}
	heads := group
	if ev.Who != "" {
		heads = []string{ev.Who}
	}
	for _, name := range heads {
		b := s.own(name)
		if b == nil {
			return fmt.Errorf("%q is nobody here", name)
		}
		known := make(map[string]bool, len(b.near)) // and known by: reach is mutual
		for _, a := range b.near {
			known[a.Name] = true
		}
		for _, other := range group {
			o := s.own(other)
			if o == nil {
				return fmt.Errorf("%q is nobody here", other)
			}
			if o == b {
				continue
			}
			s.tie(b, other, known[other], &ev)
			if ev.Who != "" {
				s.tie(o, name, known[other], &ev)
			}
			known[other] = ev.Kind == EventLinked
		}
	}
	return nil
}

// tie puts a name within a body's reach, or out of it.
func (s *state) tie(b *body, name string, known bool, ev *Event) {
	is := func(a Acquaintance) bool { return a.Name == name }
	switch {
	case ev.Kind == EventParted && known:
		b.near = slices.DeleteFunc(slices.Clone(b.near), is)
	case ev.Kind == EventParted:
	case !known:
		if s.draft {
			b.near = slices.Clip(b.near)
		}
		b.near = append(b.near, Acquaintance{name, ev.Relation})
	case ev.Relation != "":
		b.near = slices.Clone(b.near)
		b.near[slices.IndexFunc(b.near, is)].Relation = ev.Relation
	}
}

// deliver puts an event before those it reaches: into the inbox, or into the
// episode where it was already used within a turn.
func (s *state) deliver(ev Event) error {
	if s.draft {
		return nil
	}
	ev.End = false // of the commit, not of what is perceived
	put := func(b *body) {
		if ev.During {
			b.enter(ev)
		} else {
			b.inbox = append(b.inbox, ev)
		}
	}
	for _, to := range ev.To {
		if to == Everyone {
			for _, b := range s.people {
				if b.present && b.name != ev.Who {
					put(s.own(b.name))
				}
			}
			continue
		}
		b := s.own(to)
		if b == nil {
			return fmt.Errorf("%q is nobody here", to)
		}
		put(b)
	}
	return nil
}

// enter appends to the episode.
func (b *body) enter(ev Event) {
	ev.End = false
	b.episode = append(b.episode, ev)
	b.size += size(&ev)
}

func (b *body) fold(f *Folded) {
	for i := range b.episode[:f.Count] {
		b.size -= size(&b.episode[i])
	}
	b.episode, b.summary, b.due = b.episode[f.Count:], f.Summary, nil
}

// situation is where a body is.
func (s *state) situation(b *body) Situation {
	near := make([]Acquaintance, 0, len(b.near))
	for _, a := range b.near {
		if s.present(a.Name) {
			near = append(near, a)
		}
	}
	return Situation{Now: s.now, Place: b.place, Context: b.context, Near: near}
}

// perception is what a body perceives now, without memos and acts.
func (s *state) perception(b *body) *Perception {
	return &Perception{
		World: s.clock.Name, Step: s.step, Persona: b.persona, Situation: s.situation(b),
		State: b.mental, Summary: b.summary, Episode: slices.Clip(b.episode),
	}
}
