package study

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/mind/bot"
	"github.com/tinytroupe-go/tinytroupe/mind/human"
)

// RunOptions are what a study is run with. Mind is needed where anybody is played by
// a model; the zero value of every other field has the stated meaning.
type RunOptions struct {
	// Mind gives the mind of somebody in a room, of all but chatbots and humans. It is
	// called once for each in each room, never concurrently.
	Mind func(m Member) tinytroupe.Mind

	// Open gives a room's journal, and what it holds already: the run goes on from
	// there. The journal must have been cut after the last complete commit. Nil keeps
	// events in memory alone; a nil sequence, or no complete commit, begins anew. It is
	// never called concurrently.
	Open func(room Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error)
	// Store keeps bytes under their SHA-256 (hexadecimal); nil makes an image in the
	// study, and whatever people make, an error.
	Store func(hash string, data []byte) error

	// Around puts around the model of a chatbot what stands around other models; it may
	// be called parallel times at once. Nil puts nothing.
	Around func(m llm.Model, parallel int) llm.Model
	// Proxy is as in http.Transport, for chatbots.
	Proxy func(*http.Request) (*url.URL, error)
	// In and Out are the terminal at which humans are asked; without both, a study with
	// humans is an error.
	In  io.Reader
	Out io.Writer

	// Human gives the mind of somebody who is asked at the terminal, in place of In and Out.
	Human func(m Member) tinytroupe.Mind

	// Extract and Judge are the models that look at what happened; see Study.Looks for
	// whether they are needed. Nil is an error where they are.
	Extract, Judge llm.Model
	// Tokens is the most of a transcript that is shown to a model at once; 0 means the
	// usual number, see extract.Options.
	Tokens int
	// Parallel is the most questions asked at once, by each step that asks; 0 means 16.
	Parallel int
	// Rehearsal says that the models are a stand-in, whose results are evidence of nothing.
	Rehearsal bool
	// Results keeps a file of results, by its path such as results/answers.csv. Nil keeps
	// none.
	Results func(name string, data []byte) error

	// Rooms is how many rooms are under way at once, at most; 0 means DefaultRooms.
	Rooms int
	// Episode is as in tinytroupe.Options.
	Episode int
	// Tolerate says which errors of a turn become a failed event; nil none.
	Tolerate func(err error) bool
	// Enough says which errors end a room without ending the others: the run ends with
	// one after them. Nil says none.
	Enough func(err error) bool
	// Observe is shown each commit once it is journalled. Neither it nor Progress is
	// called concurrently.
	Observe func(room Room, events []tinytroupe.Event)
	// Progress is told of each verb as it begins and ends in a room.
	Progress func(Progress)

	ends    bound        // of runs that may end early: after a step at least, at most never
	answers bound        // who is selected by answers: at least who must be, at most who may be
	open    *atomic.Bool // becomes true where these differ
}

// DefaultRooms is how many rooms are under way at once.
const DefaultRooms = 128

// ErrNoTerminal: somebody is to be asked at the terminal, and there is none.
var ErrNoTerminal = errors.New("there is no terminal to ask at")

// Phase is how far a verb has come.
type Phase string

const (
	Began   Phase = "began"
	Resumed Phase = "resumed" // begun by an earlier run, and gone on with
	Ended   Phase = "ended"
	Skipped Phase = "skipped" // ended in an earlier run
)

// Progress is told when a verb begins and ends in a room.
type Progress struct {
	Verb, Of int // 1, 2…: of Study.Steps
	Step     Step
	Loops    []Loop // that the step is in, outermost first
	Room     Room
	Phase    Phase
	Reached  int // people it was done to; with Ended, where it is done to people
	Present  int // people who are there; with Ended
	// Text says what a look found, in lines; with Ended. Looks have no Room.
	Text string
}

// Result is what a run came to.
type Result struct {
	Rooms   []Outcome // that were opened, in order
	Done    int       // verbs ended in all their rooms, earlier runs included
	Resumed bool      // an earlier run had begun
	// Idle holds the verbs, 1, 2…, that were done to nobody in any room, since nobody
	// they select was there.
	Idle []int

	Answers []extract.Answer // to all questions, asked and extracted, and codes
	Checks  []Checked
	Tables  []*extract.Table

	Agreement []extract.Agreement // of what was extracted or coded twice
	Unmet     []string            // expectations that do not hold, one a line
}

// An Outcome is a room as it is at the end of a run.
type Outcome struct {
	Room  Room
	World *tinytroupe.World
}

// Run carries out the study's script. Each room is a world of its own with a journal
// of its own. The rooms of a scene are under way at once, unheard by one another; a
// scene begins when everything before it is over in every room. In a room, everything
// that a verb does to the world but run is one commit; the beginning and the end of
// each verb are marks in its journal. With the events of an earlier run, verbs that
// ended are skipped, the open one is finished, and the rest follows; that the study
// has changed meanwhile is a *ChangedError. When a room fails, nothing new is begun in
// any. An error names file, line and verb, and the room where there are several; the
// result beside it says how far the run came, and is nil where there is no world yet.
func (s *Study) Run(ctx context.Context, o *RunOptions) (*Result, error) {
	r, err := newRunner(s, o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	ctx, stop := drain.With(ctx)
	defer stop()
	var outside []*room
	for k, p := range r.parts {
		if p.look {
			if err = r.look(ctx, k); err != nil {
				break
			}
			continue
		}
		if err = r.remind(k); err != nil {
			break
		}
		var rooms []*room
		if p.scene == nil && outside != nil {
			rooms = outside
		} else if rooms, err = r.open(k); err != nil {
			break
		}
		if err = r.settle(k); err != nil {
			break
		}
		if p.scene == nil {
			outside = rooms
		}
		if err = r.part(ctx, stop, k, rooms); err != nil {
			break
		}
		if k+1 < len(r.parts) {
			if err = r.gather(k, rooms); err != nil {
				break
			}
		}
	}
	if len(r.res.Rooms) == 0 && err != nil {
		return nil, err
	}
	return &r.res, errors.Join(err, r.finish())
}

type runner struct {
	s      *Study
	o      RunOptions
	parts  []stage
	number map[*Step]int // of leaves, in written order
	act    map[*Step]int // of those that are no looks: what marks have
	steps  int
	setups []string            // by part
	later  map[*Scene][]string // who is not there from the start

	selects bool              // somebody is selected by what they answered
	decides map[string]bool   // names of the answers by which somebody is, looks aside
	looks   map[string]string // what identifies the looks that found answers, by their names
	casts   map[int]cast      // of scenes, by part
	marked  map[int]bool      // those that a journal holds

	memory map[string]*memory
	there  map[string]bool // outside of scenes
	now    time.Time       // when the latest room was over; zero before

	terminal *human.Terminal
	bots     map[string]*bot.Bot // by group
	http     map[string]llm.Model

	minds, tell sync.Mutex                 // held while a callback is called
	got         map[string]tinytroupe.Mind // minds, by room and name

	rooms   []*room                     // that were opened, in order
	seen    []*seen                     // rooms as the newest look saw them
	told    map[string][]extract.Answer // to each person, in parts that are over
	looked  looked                      // what the looks so far found
	res     Result
	asked   sync.Map    // questions that were asked now, not in an earlier run, by name
	ended   map[int]int // by verb: in how many rooms it is over
	tried   map[int]int // and in how many it was done now
	reached map[int]int // and to how many
}

func newRunner(s *Study, o *RunOptions) (*runner, error) {
	r := &runner{
		s: s, parts: s.parts(), number: map[*Step]int{}, act: map[*Step]int{}, memory: map[string]*memory{}, there: map[string]bool{},
		got: map[string]tinytroupe.Mind{}, selects: s.selectsByAnswers(), decides: s.deciding(), casts: map[int]cast{}, marked: map[int]bool{}, later: map[*Scene][]string{nil: s.later(s.outside())}, bots: map[string]*bot.Bot{}, http: map[string]llm.Model{}, ended: map[int]int{}, tried: map[int]int{}, reached: map[int]int{},
	}
	r.setups, r.looks = s.setups()
	if o != nil {
		r.o = *o
	}
	for _, p := range r.parts {
		if p.scene != nil {
			r.later[p.scene] = s.later(p.steps)
		}
		for _, x := range leaves(p.steps) {
			r.steps++
			r.number[x] = r.steps
			if ask, ok := x.Do.(Ask); ok {
				for _, q := range ask.Questions {
					r.asks(q)
				}
			}
			if !p.look {
				r.act[x] = len(r.act) + 1
			}
		}
	}
	for _, p := range s.everybody() {
		r.memory[p.Name()] = s.begin(p)
		r.there[p.Name()] = true
	}
	for _, name := range r.later[nil] {
		r.there[name] = false
	}
	for _, g := range s.People {
		switch {
		case g.HTTP != nil:
			b, err := g.HTTP.bot(g.Name, r.o.Proxy)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.File, err)
			}
			r.bots[g.Name], r.http[g.Name] = b, b
			if r.o.Around != nil {
				r.http[g.Name] = r.o.Around(b, g.HTTP.Parallel)
			}
		case g.Human:
			if r.o.Human != nil {
				continue
			}
			if r.o.In == nil || r.o.Out == nil {
				return nil, fmt.Errorf("%s: people: %s is asked at the terminal: %w", s.File, g.Name, ErrNoTerminal)
			}
			if r.terminal == nil {
				r.terminal = human.New(r.o.In, r.o.Out)
			}
		case r.o.Mind == nil:
			return nil, errors.New("study: run: no minds given")
		}
	}
	return r, nil
}

func (r *runner) close() {
	for _, b := range r.bots {
		b.Close()
	}
}

// mind returns the mind of somebody in a room.
func (r *runner) mind(m Member) tinytroupe.Mind {
	for _, g := range r.s.People {
		switch {
		case g.Name != m.Group:
		case g.HTTP != nil:
			return g.HTTP.mind(r.http[g.Name], r.s.Seed, m.Person, m.Room.Name())
		case g.Human && r.o.Human != nil:
			return r.ask(r.o.Human, m)
		case g.Human && m.Room.Of > 1:
			return r.terminal.In(m.Room.Name())
		case g.Human:
			return r.terminal
		}
	}
	return r.ask(r.o.Mind, m)
}

// ask returns the mind of somebody in a room, which is given once.
func (r *runner) ask(give func(m Member) tinytroupe.Mind, m Member) tinytroupe.Mind {
	r.minds.Lock()
	defer r.minds.Unlock()
	key := m.Room.Name() + "\x00" + m.Name()
	mind, ok := r.got[key]
	if !ok {
		mind = give(m)
		r.got[key] = mind
	}
	return mind
}

// open makes the rooms of a part, or resumes them.
func (r *runner) open(k int) ([]*room, error) {
	p := r.parts[k]
	ids, casts, err := r.castOf(k)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: rooms: %w", r.s.File, p.line, err)
	}
	rooms := make([]*room, len(ids))
	for i, id := range ids {
		rm := &room{r: r, id: id, scene: p.scene, cast: casts[i], units: r.program(id, p.scene)}
		if err := rm.open(); err != nil {
			if _, ok := errors.AsType[*ChangedError](err); !ok {
				err = fmt.Errorf("%s: %s: %w", r.s.File, id.Name(), err)
			}
			return nil, err
		}
		rooms[i] = rm
		r.rooms = append(r.rooms, rm)
		r.res.Rooms = append(r.res.Rooms, Outcome{id, rm.w})
	}
	return rooms, nil
}

// part lets the rooms of a part do what they do in it.
func (r *runner) part(ctx context.Context, stop func(), k int, rooms []*room) error {
	if err := r.shorten(ctx, k, rooms); err != nil {
		return fmt.Errorf("%s:%d: %w", r.s.File, r.parts[k].line, err)
	}
	err := r.each(ctx, len(rooms), func(ctx context.Context, i int) error {
		err := rooms[i].safely(func() error { return rooms[i].play(ctx, k) })
		if err != nil && !r.enough(err) {
			stop() // nothing new is begun
		}
		return err
	})
	for _, x := range leaves(r.parts[k].steps) {
		n := r.number[x]
		if r.ended[n] < len(rooms) {
			continue
		}
		r.res.Done++
		switch x.Do.(type) {
		case Run, Skip, Ask:
		default:
			if r.tried[n] == len(rooms) && r.reached[n] == 0 {
				r.res.Idle = append(r.res.Idle, n)
			}
		}
	}
	return err
}

// parallel is how many are asked at once.
func (r *runner) parallel() int {
	if r.o.Parallel > 0 {
		return r.o.Parallel
	}
	return usualParallel
}

// atOnce does f for 0, 1, … n-1, as many at once as people are asked, until ctx ends.
// After an error nothing new is begun.
func (r *runner) atOnce(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, stop := drain.With(ctx)
	defer stop()
	return r.some(ctx, n, r.parallel(), func(ctx context.Context, i int) error {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		err := f(ctx, i)
		if err != nil {
			stop()
		}
		return err
	})
}

func (r *runner) enough(err error) bool { return r.o.Enough != nil && r.o.Enough(err) }

// each does f for 0, 1, … n-1, some at once, until ctx ends. The error is the first, in
// order, that says more than that ctx has ended.
func (r *runner) each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	most := r.o.Rooms
	if most <= 0 {
		most = DefaultRooms
	}
	return r.some(ctx, n, most, f)
}

// some is each with a limit of its own.
func (r *runner) some(ctx context.Context, n, most int, f func(ctx context.Context, i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(n, most) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				errs[i] = f(ctx, int(i))
			}
		})
	}
	wg.Wait()
	var first error
	for _, err := range errs {
		switch {
		case err == nil:
		case !errors.Is(err, context.Canceled) && !errors.Is(err, drain.ErrStopped) && !r.enough(err):
			return err
		case first == nil:
			first = err
		}
	}
	return first
}
