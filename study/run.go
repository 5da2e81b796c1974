package study

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/tinytroupe-go/tinytroupe"
)

// Room is the name of the one room that a study has.
const Room = "all"

// RunOptions are what a study is run with. Mind is needed; the zero value of every
// other field has the stated meaning.
type RunOptions struct {
	// Mind gives the mind of a person of a group. It is called once a person, never
	// concurrently.
	Mind func(group string, p tinytroupe.Persona) tinytroupe.Mind

	// Journal keeps the events; nil keeps them in memory alone.
	Journal tinytroupe.Journal
	// Events is what the journal holds already: the run goes on from there. Nil, or
	// no complete commit, begins anew. Journal must have been cut after the last
	// complete commit.
	Events iter.Seq2[tinytroupe.Event, error]
	// Store keeps bytes under their SHA-256 (hexadecimal); nil makes an image in the
	// study, and whatever people make, an error.
	Store func(hash string, data []byte) error

	// Episode is as in tinytroupe.Options.
	Episode int
	// Tolerate says which errors of a turn become a failed event; nil none.
	Tolerate func(err error) bool
	// Observe is shown each commit once it is journalled.
	Observe func(events []tinytroupe.Event)
	// Progress is told of each verb as it begins and ends.
	Progress func(Progress)
}

// Phase is how far a verb has come.
type Phase string

const (
	Began   Phase = "began"
	Resumed Phase = "resumed" // begun by an earlier run, and gone on with
	Ended   Phase = "ended"
	Skipped Phase = "skipped" // ended in an earlier run
)

// Progress is told when a verb begins and ends.
type Progress struct {
	Verb, Of int  // 1, 2…
	Step     Step // as in the script
	Phase    Phase
	Reached  int // people it was done to; with Ended, where it is done to people
	Present  int // people who are there; with Ended
}

// Result is what a run came to.
type Result struct {
	World   *tinytroupe.World
	Done    int  // verbs ended, earlier runs included
	Resumed bool // an earlier run had begun
	// Idle holds the verbs, 1, 2…, that were done to nobody, since nobody they select
	// was there.
	Idle []int
}

// Run carries out the study's script. Everything that a verb does to the world but
// run is one commit; the beginning and the end of each verb are marks in the journal.
// With the events of an earlier run, verbs that ended are skipped, the open one is
// finished, and the rest follows; that the study has changed meanwhile is a
// *ChangedError. An error names file, line and verb; the result beside it says how
// far it came, and is nil where there is no world yet.
func (s *Study) Run(ctx context.Context, o *RunOptions) (*Result, error) {
	if o == nil || o.Mind == nil {
		return nil, errors.New("study: run: no minds given")
	}
	r := &runner{s: s, o: *o, group: map[string]string{}, persona: map[string]tinytroupe.Persona{}}
	for _, g := range s.People {
		for _, p := range g.People {
			r.group[p.Name()], r.persona[p.Name()] = g.Name, p
		}
	}
	past, err := r.open()
	if err != nil {
		if _, ok := errors.AsType[*ChangedError](err); !ok {
			err = fmt.Errorf("%s: %w", s.File, err)
		}
		return nil, err
	}
	res := &Result{World: r.w, Resumed: past.last >= 0, Done: max(0, past.done)}
	for i := 0; i <= len(s.Script); i++ {
		if err := r.verb(ctx, i, past, res); err != nil {
			return res, err
		}
	}
	return res, nil
}

type runner struct {
	s       *Study
	o       RunOptions
	w       *tinytroupe.World
	group   map[string]string             // by person
	persona map[string]tinytroupe.Persona // as in the study
}

// open makes the world, or resumes it.
func (r *runner) open() (*past, error) {
	w := r.s.World
	opts := &tinytroupe.Options{
		Seed: r.s.Seed, Key: Room, Start: w.Starts, Step: w.Step, Idle: w.Idle,
		Rules:   tinytroupe.Room{Quiet: w.Quiet, Acquainted: w.Acquainted},
		Episode: r.o.Episode, Journal: r.o.Journal, Store: r.o.Store, Observe: r.o.Observe, Tolerate: r.o.Tolerate,
		Person: func(name string) *tinytroupe.PersonOptions {
			p, ok := r.persona[name]
			if !ok {
				p = tinytroupe.NewPersona(name) // came in otherwise than by the study
			}
			return &tinytroupe.PersonOptions{Mind: r.o.Mind(r.group[name], p)}
		},
	}
	switch w.Turns {
	case Together:
		opts.Scheduler = tinytroupe.Together{}
	case Shuffled:
		opts.Scheduler = tinytroupe.Shuffled{}
	}
	var events []tinytroupe.Event
	whole := 0
	if r.o.Events != nil {
		for ev, err := range r.o.Events {
			if err != nil {
				return nil, err
			}
			if events = append(events, ev); ev.End {
				whole = len(events)
			}
		}
	}
	if whole == 0 {
		r.w = tinytroupe.NewWorld(w.Name, nil, opts)
		return &past{done: -1, last: -1}, nil
	}
	var err error
	r.w, err = tinytroupe.Resume(nil, func(yield func(tinytroupe.Event, error) bool) {
		for _, ev := range events[:whole] {
			if !yield(ev, nil) {
				return
			}
		}
	}, opts)
	if err != nil {
		return nil, err
	}
	return r.past(events[:whole])
}

// verb carries out verb i, 0 being the set-up, or what is left of it.
func (r *runner) verb(ctx context.Context, i int, p *past, res *Result) error {
	m := mark{Verb: &i, Hash: r.s.setup(), At: "start"}
	prog := Progress{Verb: i, Of: len(r.s.Script), Phase: Began}
	if i > 0 {
		prog.Step = r.s.Script[i-1]
		m.Word, m.Hash = prog.Step.Word(), prog.Step.Hash
	}
	tell := func() {
		if r.o.Progress != nil && i > 0 {
			r.o.Progress(prog)
		}
	}
	if i <= p.done {
		prog.Phase = Skipped
		tell()
		return nil
	}
	fail := func(err error) error {
		if i == 0 {
			return fmt.Errorf("%s: set-up: %w", r.s.File, err)
		}
		return fmt.Errorf("%s:%d: %s: %w", r.s.File, prog.Step.Line, m.Word, err)
	}
	if err := context.Cause(ctx); err != nil {
		return fail(fmt.Errorf("interrupted: %w", err))
	}
	commits, steps := 0, 0
	if i == p.last {
		prog.Phase, commits, steps = Resumed, p.commits, p.steps
	} else if err := r.mark(m); err != nil {
		return fail(err)
	}
	tell()
	var err error
	switch do := prog.Step.Do.(type) {
	case Run:
		err = r.run(ctx, do.Steps, steps)
	case Skip:
		if commits == 0 {
			err = r.w.Skip(do.For)
		}
	default:
		if commits > 0 {
			break // it is one commit, and that was journalled
		}
		var effects []tinytroupe.Effect
		if effects, prog.Reached, err = r.effects(prog.Step, i); err == nil {
			err = r.commit(do, effects)
		}
		if err == nil && prog.Reached == 0 && i > 0 {
			res.Idle = append(res.Idle, i)
		}
	}
	if err != nil {
		return fail(err)
	}
	m.At = "end"
	if err := r.mark(m); err != nil {
		return fail(err)
	}
	res.Done = i
	prog.Phase, prog.Present = Ended, len(r.w.People())
	tell()
	return nil
}

func (r *runner) mark(m mark) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return r.w.MarkJSON(b)
}

// run lets people act until the verb has had its steps, of which some were begun
// by an earlier run; the last of those may be open.
func (r *runner) run(ctx context.Context, steps, begun int) error {
	left := steps - begun
	if begun > 0 && r.w.View().Open() {
		left++
	}
	if left == 0 {
		return nil
	}
	return r.w.Run(ctx, left)
}

// commit lets effects happen, all at once.
func (r *runner) commit(do Verb, effects []tinytroupe.Effect) error {
	if show, ok := do.(Show); ok && show.Image != nil {
		if r.o.Store == nil {
			return errors.New("there is no place to keep the image")
		}
		if err := r.o.Store(show.Image.SHA256, r.s.Inputs[show.Image.Input].Data); err != nil {
			return err
		}
	}
	if len(effects) == 0 {
		return nil
	}
	return r.w.Apply(effects...)
}

// selected returns the people a step is done to, in the order of the study: those
// present, for a join those who are not.
func (r *runner) selected(s Step) []tinytroupe.Persona {
	_, join := s.Do.(Join)
	v := r.w.View()
	var list []tinytroupe.Persona
	for _, g := range r.s.People {
		for _, p := range g.People {
			if now := v.Persona(p.Name()); !now.IsZero() {
				p = now
			}
			if v.Present(p.Name()) != join && s.To.Selects(g.Name, p) {
				list = append(list, p)
			}
		}
	}
	return list
}

// effects returns what a verb does to the world, and how many people it is done to.
func (r *runner) effects(s Step, i int) ([]tinytroupe.Effect, int, error) {
	if i == 0 {
		later := r.s.Later()
		var list []tinytroupe.Effect
		for _, p := range r.s.everybody() {
			if !slices.Contains(later, p.Name()) {
				list = append(list, tinytroupe.Join{Persona: p})
			}
		}
		return list, len(list), nil
	}
	people := r.selected(s)
	all := make([]string, len(people))
	for k, p := range people {
		all[k] = p.Name()
	}
	var list []tinytroupe.Effect
	each := func(t Text, make func(name, text string) tinytroupe.Effect) error {
		for _, p := range people {
			text, err := t.For(p, Room)
			if err != nil {
				return err
			}
			list = append(list, make(p.Name(), text))
		}
		return nil
	}
	var err error
	switch do := s.Do.(type) {
	case Say:
		list, err = tell(s.To, people, do.Text, tinytroupe.Stimulus{Kind: tinytroupe.Conversation})
	case Show:
		stim := tinytroupe.Stimulus{Kind: tinytroupe.Visual}
		if do.Image != nil {
			in := r.s.Inputs[do.Image.Input]
			stim.Images = []tinytroupe.Image{{Name: in.Path, MediaType: do.Image.MediaType, Hash: do.Image.SHA256}}
		}
		list, err = tell(s.To, people, do.Text, stim)
	case Goal:
		list, err = tell(s.To, people, do.Text, tinytroupe.Stimulus{Kind: tinytroupe.Goal})
	case Think:
		list, err = tell(s.To, people, do.Text, tinytroupe.Stimulus{Kind: tinytroupe.Thought})
	case Move:
		err = each(do.Place, func(name, text string) tinytroupe.Effect { return tinytroupe.Move{Who: name, Place: text} })
	case Context:
		for _, p := range people {
			texts := make([]string, len(do.Texts))
			for k, t := range do.Texts {
				if texts[k], err = t.For(p, Room); err != nil {
					return nil, 0, err
				}
			}
			list = append(list, tinytroupe.SetContext{Who: p.Name(), Context: texts})
		}
	case Set:
		for _, name := range all {
			for _, v := range do.Values {
				list = append(list, tinytroupe.Edit{Who: name, Path: v.Path, Value: v.Value})
			}
		}
	case Join:
		for _, p := range people {
			list = append(list, tinytroupe.Join{Persona: p})
		}
	case Leave:
		for _, name := range all {
			list = append(list, tinytroupe.Leave{Who: name})
		}
	case Introduce:
		for k, name := range all {
			if k+1 < len(all) {
				list = append(list, tinytroupe.Introduce{Who: name, To: all[k+1:]})
			}
		}
	}
	return list, len(people), err
}

// tell lets people perceive a text: in one event for everybody where it is the same
// for everyone, in one for those it is for where nobody is its source, else in one
// for each.
func tell(to Who, people []tinytroupe.Persona, t Text, s tinytroupe.Stimulus) ([]tinytroupe.Effect, error) {
	own := s.Kind == tinytroupe.Goal || s.Kind == tinytroupe.Thought
	names := make([]string, len(people))
	for i, p := range people {
		names[i] = p.Name()
	}
	var err error
	switch same := t.Same(); {
	case len(people) == 0:
		return nil, nil
	case same && to.Everyone():
		names = []string{tinytroupe.Everyone}
		fallthrough
	case same && !own:
		if s.Content, err = t.For(people[0], Room); err != nil {
			return nil, err
		}
		return []tinytroupe.Effect{tinytroupe.Tell{To: names, Stimulus: s}}, nil
	}
	list := make([]tinytroupe.Effect, len(people))
	for i, p := range people {
		x := s
		if own {
			x.Source = p.Name()
		}
		if x.Content, err = t.For(p, Room); err != nil {
			return nil, err
		}
		list[i] = tinytroupe.Tell{To: names[i : i+1], Stimulus: x}
	}
	return list, nil
}
