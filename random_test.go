package tinytroupe

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	seeds = flag.Int("seeds", 14, "how many random worlds TestRandom makes")
	seed  = flag.Int("seed", 0, "make only the random world of this seed")
)

// TestRandom lets worlds drawn at random go through what a run goes through, and
// holds each against what must be true of all.
func TestRandom(t *testing.T) {
	from, to := 1, *seeds
	if *seed > 0 {
		from, to = *seed, *seed
	}
	var met sync.Map // kinds of events, so that the test does not come to prove nothing
	t.Run("worlds", func(t *testing.T) {
		for n := from; n <= to; n++ {
			t.Run(fmt.Sprint("seed=", n), func(t *testing.T) {
				t.Parallel()
				testRandom(t, uint64(n), &met)
			})
		}
	})
	if *seed > 0 || t.Failed() {
		return
	}
	for _, k := range []EventKind{
		EventClock, EventJoined, EventLeft, EventLinked, EventParted, EventMoved, EventContext, EventEdited, EventPerceived, EventActed,
		EventState, EventMemo, EventFolded, EventCarried, EventFired, EventNoted, EventProduced, EventMarked, EventFailed,
	} {
		if _, ok := met.Load(k); !ok {
			t.Errorf("no world had a %s event: draw more of them", k)
		}
	}
}

func testRandom(t *testing.T, n uint64, met *sync.Map) {
	first := newTrial(t, n)
	first.play(0)
	want := encode(t, first.journal)
	for i := range first.journal {
		met.Store(first.journal[i].Kind, true)
	}
	first.checkTurns()
	first.checkFold()
	same := func(what string, tr *trial) {
		t.Helper()
		if got := encode(t, tr.journal); got != want {
			t.Fatalf("seed %d, %s: %s", n, what, firstDifference(want, got))
		}
		if !slices.Equal(first.errs, tr.errs) && what != "resumed" {
			t.Fatalf("seed %d, %s: errors\nwant %q\ngot  %q", n, what, first.errs, tr.errs)
		}
	}
	for run := range 2 {
		tr := newTrial(t, n)
		tr.timing = delays(n*10+uint64(run), 1+run*7)
		tr.play(0)
		same("delayed", tr)
	}
	pieces := newTrial(t, n)
	pieces.pieces = true
	pieces.play(0)
	same("in pieces", pieces)

	r := rand.New(rand.NewPCG(n, 3))
	for cut := 1; cut <= len(first.journal); cut++ {
		if !first.journal[cut-1].End || *seed == 0 && r.IntN(100) > 25 {
			continue
		}
		tr := newTrial(t, n)
		tr.resume(first, cut)
		same("resumed", tr)
	}
}

// A trial is a random world and what is done to it. All of it follows from the
// seed; minds and interventions depend on what they perceive alone, but for the
// errors that they make once.
type trial struct {
	t       *testing.T
	seed    uint64
	opts    Options
	ops     []op
	w       *World
	timing  func()
	pieces  bool // Run(1) n times, not Run(n)
	running atomic.Int32

	mu    sync.Mutex
	once  map[string]bool  // hard errors made
	shown map[string]shown // by call: what a mind was shown
	asked map[string]int   // how often Options.Person was called

	journal []Event
	after   []int // of each op: the length of the journal, and the step
	steps   []int
	errs    []string
}

type op struct {
	name   string
	steps  int // of Run, if above 0
	act    string
	change func(w *World) error
}

// shown is what a mind was shown in one pass.
type shown struct {
	stimuli []Stimulus
	episode []int
	results []string // of earlier passes
}

var (
	errSoft = errors.New("soft") // tolerated, and made by whoever perceives the same
	errHard = errors.New("hard") // not tolerated, made once
)

var pool = []string{"Ann", "Bob", "Cid Ray", "Dan Lee", "Dana Lee", "ann", "Eve", "Flo"}

func (tr *trial) Append(evs ...Event) error {
	tr.journal = append(tr.journal, evs...)
	return nil
}

func newTrial(t *testing.T, n uint64) *trial {
	tr := &trial{t: t, seed: n, timing: func() {}, once: map[string]bool{}, shown: map[string]shown{}, asked: map[string]int{}}
	r := rand.New(rand.NewPCG(n, 2))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	o := &tr.opts
	o.Seed, o.Key, o.Journal = n, "trial", tr
	o.Scheduler = []Scheduler{InTurn{}, Together{}, Shuffled{}, teams{}}[r.IntN(4)]
	o.Idle = []Idle{"", Act, Pass}[r.IntN(3)]
	o.Episode = []int{-1, 600, 1200}[r.IntN(3)]
	o.Store = func(string, []byte) error { return nil }
	o.Person = func(name string) *PersonOptions {
		tr.asked[name]++
		return tr.person()
	}
	if r.IntN(2) == 0 {
		o.Tolerate = func(err error) bool { return errors.Is(err, errSoft) }
	}
	network, _ := NewNetwork(Relation{"Ann", "Bob", "friends"}, Relation{"Bob", "Dan Lee", ""}, Relation{"Ann", "Dana Lee", "boss"}, Relation{"Eve", "Bob", ""})
	o.Rules = []Rules{nil, Room{Acquainted: true}, Room{Quiet: true}, network}[r.IntN(4)]
	for i := range r.IntN(4) {
		o.Interventions = append(o.Interventions, tr.intervention(i, r.IntN(2) == 0, r.IntN(3), r.IntN(4)))
	}

	change := func(name string, f func(w *World) error) { tr.ops = append(tr.ops, op{name: name, change: f}) }
	add := func(name string) {
		change("add "+name, func(w *World) error { _, err := w.Add(NewPersona(name), tr.person()); return err })
	}
	cast := 2 + r.IntN(4)
	for _, name := range pool[:cast] {
		add(name)
	}
	if r.IntN(2) == 0 {
		change("introduce all", (*World).IntroduceAll)
	}
	for i := range 10 + r.IntN(8) {
		a, b, relation := pick(pool[:cast+1]...), pick(pool[:cast+1]...), pick("", "kin")
		to := func(f func(p *Person) error) func(w *World) error {
			return func(w *World) error {
				if p := w.Person(a); p != nil {
					return f(p)
				}
				return errors.New("nobody")
			}
		}
		switch r.IntN(19) {
		case 0, 1, 2, 3, 4:
			tr.ops = append(tr.ops, op{name: "run", steps: 1 + r.IntN(3)})
		case 5:
			tr.ops = append(tr.ops, op{name: "act", act: a})
		case 6:
			change("broadcast", func(w *World) error { return w.Broadcast(fmt.Sprint("news ", i)) })
		case 7:
			change("listen", to(func(p *Person) error { return p.Listen(fmt.Sprint("listen, this is \xff number ", i)) }))
		case 8:
			change("tell", func(w *World) error { return w.Tell(Stimulus{Kind: Visual, Content: fmt.Sprint("sight ", i)}, a, b, a) })
		case 9:
			change("skip", func(w *World) error { return w.Skip(time.Duration(i) * time.Hour) })
		case 10:
			change("mark", func(w *World) error { return w.Mark("<mark>") })
		case 11:
			change("remove", func(w *World) error { return w.Remove(a) })
		case 12:
			change("return", func(w *World) error { return w.Return(a) })
		case 13:
			change("introduce", func(w *World) error { return w.Introduce(a, b, relation) })
		case 14:
			change("part", func(w *World) error { return w.Part(a, b) })
		case 15:
			change("define", to(func(p *Person) error { return p.Define("mood.now", i) }))
		case 16:
			change("move", to(func(p *Person) error { return p.MoveTo(fmt.Sprint("room ", i), "noise") }))
		case 17:
			add(a)
		case 18:
			change("carry", func(w *World) error { return w.Apply(Carry{Who: a, Past: w.View().Past(b)}) })
		}
	}
	tr.ops = append(tr.ops, op{name: "run", steps: 2})
	return tr
}

// teams lets people act in twos. It names some twice and some who are not here.
type teams struct{}

func (teams) Rounds(v *View, step int, r *rand.Rand) [][]string {
	names := append(v.People(), "Nobody")
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	var rounds [][]string
	for pair := range slices.Chunk(names, 2) {
		rounds = append(rounds, append(pair, pair[0]))
	}
	return append(rounds, names[:1])
}

func (tr *trial) fail(key string) error {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.once[key] {
		return nil
	}
	tr.once[key] = true
	return fmt.Errorf("%w: %s", errHard, key)
}

func draw(parts ...any) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprintln(h, parts...)
	return rand.New(rand.NewPCG(h.Sum64(), 0))
}

func (tr *trial) intervention(i int, once bool, cooldown, most int) Intervention {
	name := fmt.Sprint("intervention ", i)
	return Intervention{
		Name: name, Once: once, Cooldown: cooldown, Most: most,
		When: func(ctx context.Context, v *View) (*Reason, error) {
			tr.timing()
			r := draw(tr.seed, name, v.Step(), "when")
			if r.IntN(8) == 0 {
				if err := tr.fail(fmt.Sprint(name, v.Step())); err != nil {
					return nil, err
				}
			}
			if r.IntN(2) == 0 {
				return nil, nil
			}
			return &Reason{fmt.Sprint("it is step ", v.Step())}, nil
		},
		Then: func(ctx context.Context, v *View) ([]Effect, error) {
			r := draw(tr.seed, name, v.Step(), v.People(), "then")
			effects := []Effect{Tell{[]string{Everyone}, Stimulus{Kind: Visual, Content: fmt.Sprint(name, " at ", v.Step())}}}
			switch who := pool[r.IntN(len(pool))]; {
			case !v.Present(who):
				effects = append(effects, Join{NewPersona(who)}, Tell{[]string{who}, Stimulus{Kind: Thought, Content: "I am here"}})
			case len(v.People()) > 2:
				effects = append(effects, Leave{who})
			}
			if r.IntN(8) == 0 {
				return effects, tr.fail(fmt.Sprint("then ", name, v.Step()))
			}
			return effects, nil
		},
	}
}

func (tr *trial) person() *PersonOptions {
	return &PersonOptions{Mind: &chancer{tr}, Memory: &shelf{}, Faculties: []Faculty{library{}, gear{}}}
}

// chancer is a mind that does what its perception makes it draw.
type chancer struct{ tr *trial }

func (m *chancer) key(p *Perception) string {
	h := fnv.New64a()
	fmt.Fprintln(h, m.tr.seed, perceived(p), p.State, p.Situation, p.Persona.Raw("mood"), p.Reminders)
	for _, evs := range [][]Event{p.Episode, p.Draft} {
		j, err := json.Marshal(evs)
		if err != nil {
			panic(err)
		}
		h.Write(j)
	}
	return fmt.Sprintf("%s-%x", p.Persona.Name(), h.Sum64())
}

func (m *chancer) Decide(ctx context.Context, p *Perception) (*Decision, error) {
	tr := m.tr
	tr.running.Add(1)
	defer tr.running.Add(-1)
	tr.timing()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	key := m.key(p)
	r := draw(key)
	s := shown{stimuli: slices.Clone(p.Stimuli)}
	for i := range p.Episode {
		s.episode = append(s.episode, p.Episode[i].Seq)
		if p.Episode[i].End {
			return nil, errors.New("an event of the episode ends a commit")
		}
	}
	for i := range p.Draft {
		if p.Draft[i].Kind == EventPerceived {
			s.results = append(s.results, p.Draft[i].Stimulus.Content)
		}
	}
	tr.mu.Lock()
	tr.shown[key] = s
	tr.mu.Unlock()
	switch x := r.IntN(40); {
	case x == 0:
		if err := tr.fail(key); err != nil {
			return nil, err
		}
	case x == 1 && tr.opts.Tolerate != nil:
		return nil, errSoft
	}
	d := &Decision{Calls: []string{key}}
	if r.IntN(2) == 0 {
		d.State = &MentalState{Goals: fmt.Sprint(r.IntN(100)), Emotions: "calm"}
	}
	words := []string{"tea", "rain", "maps", "rivers", "bells", "night", "bread", "ice"}
	for range r.IntN(5) {
		target := ""
		switch r.IntN(6) {
		case 0:
			target = []string{"Nemo", "lee", "LEE, Ann", "Ann and Ann", " , ; ", "*", "ANN", "everyone"}[r.IntN(8)]
		case 1, 2, 3:
			target = pool[r.IntN(len(pool))]
		}
		content := ""
		for range r.IntN(6) {
			content += words[r.IntN(len(words))] + " "
		}
		kinds := []ActionKind{Talk, Talk, Talk, Think, ReachOut, Done, "LOOK", "MARK", "COUNT", "LEAVE_ROOM", "EXPEL", "MAKE", "BREAK", "WHISPER", "SEND_OUT", "SHOUT", "INVITE", "LIVE", "NOTHING", ""}
		d.Actions = append(d.Actions, Action{kinds[r.IntN(len(kinds))], target, content})
	}
	return d, nil
}

func (m *chancer) Consolidate(ctx context.Context, p *Perception, old []Event) (*Consolidation, error) {
	tr := m.tr
	tr.running.Add(1)
	defer tr.running.Add(-1)
	tr.timing()
	key := m.key(p) + fmt.Sprint(len(old))
	switch r := draw("fold", key); {
	case r.IntN(4) == 0:
		if err := tr.fail("fold " + key); err != nil {
			return nil, err
		}
	case tr.opts.Tolerate != nil && r.IntN(4) == 0:
		return nil, errSoft
	}
	return &Consolidation{Summary: fmt.Sprint("in short ", key), Memos: []Memo{{Content: "I recall " + key}}, Calls: []string{key}}, nil
}

// gear is a faculty whose acts ask for what may be impossible.
type gear struct{}

func (gear) Name() string { return "gear" }

func (gear) Acts() []ActSpec {
	return []ActSpec{{Kind: "WHISPER"}, {Kind: "SEND_OUT", Yields: true}, {Kind: "SHOUT", Yields: true}, {Kind: "INVITE"}, {Kind: "LIVE"}}
}

func (gear) Perform(_ context.Context, v *View, actor string, a Action) ([]Effect, error) {
	switch a.Kind {
	case "WHISPER":
		return []Effect{Tell{[]string{a.Target}, Stimulus{Kind: Conversation, Source: actor, Content: a.Content}}}, nil
	case "SEND_OUT": // what is possible for the actor's draft may be impossible when it is committed
		return []Effect{Leave{a.Target}, Note{Faculty: "gear", Value: 1}}, nil
	case "SHOUT":
		return []Effect{Tell{[]string{Everyone, actor, actor}, Stimulus{Kind: Conversation, Source: actor, Content: "hey " + a.Content}}, Remember{Memo: Memo{Content: a.Content}}}, nil
	case "INVITE":
		return []Effect{Join{NewPersona(a.Target)}, Introduce{To: []string{a.Target}, Relation: "guest"}}, nil
	}
	return []Effect{
		SetContext{Context: strings.Fields(a.Content)}, Edit{Path: "mood." + a.Target, Value: a.Content}, Edit{Path: "name", Value: "Other"},
		Part{To: []string{a.Target}}, Produce{Name: "x", Data: []byte(a.Content)}, Tell{Stimulus: Stimulus{Content: a.Content}},
	}, nil
}

// play does what is to be done, from the op of that index on.
func (tr *trial) play(from int) {
	if tr.w == nil {
		tr.w = NewWorld("Trial", nil, &tr.opts)
	}
	for i := from; i < len(tr.ops); i++ {
		o := tr.ops[i]
		switch {
		case o.steps > 0:
			tr.run(tr.w.View().Step() + o.steps)
		case o.act != "":
			tr.act(o.act)
		default:
			tr.did(o.name, o.change(tr.w))
		}
		if n := tr.running.Load(); n != 0 {
			tr.t.Fatalf("seed %d, after %s: %d minds are still busy", tr.seed, o.name, n)
		}
		tr.after, tr.steps = append(tr.after, len(tr.journal)), append(tr.steps, tr.w.View().Step())
	}
	for name, times := range tr.asked {
		if times > 1 {
			tr.t.Errorf("seed %d: Person was called %d times for %s", tr.seed, times, name)
		}
	}
}

func (tr *trial) did(what string, err error) {
	if err != nil {
		tr.errs = append(tr.errs, what+": "+err.Error())
	}
}

// run runs up to the end of a step, again after each hard error.
func (tr *trial) run(to int) {
	for range 60 {
		steps := to - tr.w.View().Step()
		if tr.w.View().Open() {
			steps++
		}
		if steps == 0 {
			return
		}
		if tr.pieces {
			steps = 1
		}
		if err := tr.w.Run(tr.t.Context(), steps); err != nil && !errors.Is(err, errHard) {
			tr.t.Fatalf("seed %d: %v", tr.seed, err)
		}
	}
	tr.t.Fatalf("seed %d: step %d is not reached", tr.seed, to)
}

func (tr *trial) act(name string) {
	p := tr.w.Person(name)
	if p == nil {
		return
	}
	for {
		_, err := p.Act(tr.t.Context())
		switch {
		case errors.Is(err, errHard):
			continue
		case !errors.Is(err, errSoft): // which no Act tolerates, but ops are not to stop
			tr.did("act "+name, err)
		}
		return
	}
}

// resume goes on with what another trial's journal held at a cut.
func (tr *trial) resume(from *trial, cut int) {
	tr.journal = readBack(tr.t, from.journal[:cut])
	w, err := Resume(nil, eventSeq(tr.journal), &tr.opts)
	if err != nil {
		tr.t.Fatalf("seed %d, cut at %d: %v", tr.seed, cut, err)
	}
	tr.w = w
	i := slices.IndexFunc(from.after, func(n int) bool { return n >= cut })
	if from.ops[i].steps > 0 {
		tr.run(from.steps[i])
	}
	tr.play(i + 1)
}

// readBack returns events as a journal on disk gives them back.
func readBack(t *testing.T, evs []Event) []Event {
	t.Helper()
	back := make([]Event, len(evs))
	for i := range evs {
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(&evs[i]); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(b.Bytes(), &back[i]); err != nil {
			t.Fatal(err)
		}
	}
	return back
}

// checkFold: the journal as read back amounts to the state that stands.
func (tr *trial) checkFold() {
	o := tr.opts
	o.Journal, o.Person = nil, newTrial(tr.t, tr.seed).opts.Person
	w, err := Resume(nil, eventSeq(readBack(tr.t, tr.journal)), &o)
	if err != nil {
		tr.t.Fatalf("seed %d: %v", tr.seed, err)
	}
	if d := cmp.Diff(tr.w.st, w.st, cmp.AllowUnexported(state{}, body{}, due{}, firing{}, slot{}, words{}), cmpopts.IgnoreFields(body{}, "owner"), cmpopts.EquateEmpty()); d != "" {
		tr.t.Fatalf("seed %d: the journal read back amounts to another state (-live +read):\n%s", tr.seed, d)
	}
}

// checkTurns: each commit ends with End. Each committed turn's first act carries
// Seen; and by a reckoning of its own from the journal, its mind was shown exactly
// what reached the person since the last committed turn, and the episode before.
func (tr *trial) checkTurns() {
	type person struct {
		present bool
		inbox   []Event
		episode []int
		results []string // of the turn under way
		last    string   // its last call
	}
	people := map[string]*person{}
	var names []string
	started := map[string]bool{} // in this commit
	for i := range tr.journal {
		ev := tr.journal[i]
		bad := func(format string, args ...any) {
			tr.t.Helper()
			tr.t.Fatalf("seed %d: %s\n%s", tr.seed, trace(&ev), fmt.Sprintf(format, args...))
		}
		if ev.Seq != i+1 {
			bad("its place is %d", i+1)
		}
		who := people[ev.Who]
		switch ev.Kind {
		case EventJoined:
			if who == nil {
				who = &person{}
				people[ev.Who] = who
				names = append(names, ev.Who)
			}
			who.present = true
		case EventLeft:
			who.present = false
		case EventCarried:
			who.inbox, who.episode = nil, make([]int, len(ev.Past.Episode))
		case EventFolded:
			who.episode = who.episode[ev.Folded.Count:]
		case EventActed:
			if started[ev.Who] == (ev.Seen > 0) {
				bad("only the first act of a turn carries Seen")
			}
			if ev.Seen > 0 {
				sh, ok := tr.shown[ev.Calls[0]]
				var want []Stimulus
				var drained []int
				for len(who.inbox) > 0 && who.inbox[0].Seq <= ev.Seen {
					s, _ := who.inbox[0].Perceived(ev.Who)
					want, drained = append(want, s), append(drained, who.inbox[0].Seq)
					who.inbox = who.inbox[1:]
				}
				if d := cmp.Diff(want, sh.stimuli, cmpopts.EquateEmpty()); d != "" || !ok {
					bad("stimuli (-reached +shown):\n%s", d)
				}
				if d := cmp.Diff(who.episode, sh.episode, cmpopts.EquateEmpty()); d != "" {
					bad("episode (-reckoned +shown):\n%s", d)
				}
				who.episode = append(who.episode, drained...)
				who.results = nil
			}
			started[ev.Who] = true
			who.episode = append(who.episode, ev.Seq)
			if len(ev.Calls) > 0 {
				who.last = ev.Calls[0]
				if d := cmp.Diff(who.results, tr.shown[who.last].results, cmpopts.EquateEmpty()); d != "" && who.present {
					bad("results within the turn (-journalled +shown):\n%s", d)
				}
			}
		case EventState:
			who.episode = append(who.episode, ev.Seq)
		}
		for _, name := range names {
			if _, ok := ev.Perceived(name); !ok || !people[name].present && !slices.Contains(ev.To, name) {
				continue
			}
			if p := people[name]; ev.During {
				p.episode = append(p.episode, ev.Seq)
				p.results = append(p.results, ev.Stimulus.Content)
			} else {
				p.inbox = append(p.inbox, ev)
			}
		}
		if ev.End {
			clear(started)
		}
	}
	if n := len(tr.journal); !tr.journal[n-1].End {
		tr.t.Fatalf("seed %d: the journal ends within a commit", tr.seed)
	}
}
