package tinytroupe

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the traces of testdata/plays")

// TestPlays plays testdata/plays/*.txt: a cast with scripted minds, commands, and
// the trace expected of them. Commit a rewritten trace only if you understand
// every line of the difference.
func TestPlays(t *testing.T) {
	files, err := filepath.Glob("testdata/plays/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no plays", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			ar, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := newStage(t, ar).play()
			for i, f := range ar.Files {
				if f.Name != "trace" {
					continue
				}
				if *update {
					ar.Files[i].Data = []byte(got)
					if err := os.WriteFile(file, txtar.Format(ar), 0o644); err != nil {
						t.Fatal(err)
					}
				} else if want := string(f.Data); got != want {
					t.Errorf("the trace differs (-update rewrites it)\n--- want\n%s--- got\n%s", want, got)
				}
				return
			}
			t.Fatal("no trace section")
		})
	}
}

// stage is a world being played from a script.
type stage struct {
	t       *testing.T
	w       *World
	opts    Options
	minds   map[string]*scripted
	play_   string
	journal []Event
	out     strings.Builder
	shown   int
	timing  func() // called by every mind before it decides
}

func (st *stage) Append(evs ...Event) error {
	st.journal = append(st.journal, evs...)
	return nil
}

func section(ar *txtar.Archive, name string) string {
	for _, f := range ar.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func lines(s string) []string {
	var ls []string
	for l := range strings.Lines(s) {
		if l = strings.TrimSpace(l); l != "" && !strings.HasPrefix(l, "#") {
			ls = append(ls, l)
		}
	}
	return ls
}

// newStage reads the sections world (options, one a line), minds (one decision a
// line: "Ann: TALK Bob: hello | THINK: hm {goals/attention/emotions}") and play.
func newStage(t *testing.T, ar *txtar.Archive) *stage {
	st := &stage{t: t, minds: map[string]*scripted{}, play_: section(ar, "play"), timing: func() {}}
	st.opts = Options{Seed: 1, Start: time.Date(2026, 3, 2, 19, 0, 0, 0, time.UTC), Episode: -1}
	st.opts.Store = func(string, []byte) error { return nil }
	for _, l := range lines(section(ar, "world")) {
		f := strings.Fields(l)
		switch f[0] {
		case "scheduler":
			st.opts.Scheduler = map[string]Scheduler{"together": Together{}, "shuffled": Shuffled{}, "in-turn": InTurn{}}[f[1]]
		case "idle":
			st.opts.Idle = Idle(f[1])
		case "quiet":
			st.opts.Rules = Room{Quiet: true}
		case "tolerant":
			st.opts.Tolerate = func(error) bool { return true }
		case "episode":
			st.opts.Episode = atoi(f[1])
		case "related": // related Ann Bob friends
			n, _ := st.opts.Rules.(*Network)
			if n == nil {
				n, _ = NewNetwork()
			}
			n.edges[edge(f[1], f[2])] = strings.Join(f[3:], " ")
			st.opts.Rules = n
		case "intervene": // intervene NAME once|cooldown=N|most=N|- WORD: tell everyone "…" when WORD was said in the step before
			st.opts.Interventions = append(st.opts.Interventions, whenSaid(f[1], f[2], f[3]))
		default:
			t.Fatalf("unknown world option %q", l)
		}
	}
	for _, l := range lines(section(ar, "minds")) {
		name, script, _ := strings.Cut(l, ": ")
		if st.minds[name] == nil {
			st.minds[name] = &scripted{st: st, name: name}
		}
		st.minds[name].script = append(st.minds[name].script, script)
	}
	return st
}

func atoi(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}

func whenSaid(name, limits, word string) Intervention {
	iv := Intervention{Name: name}
	for _, l := range strings.Split(limits, ",") {
		k, v, _ := strings.Cut(l, "=")
		switch k {
		case "once":
			iv.Once = true
		case "cooldown":
			iv.Cooldown = atoi(v)
		case "most":
			iv.Most = atoi(v)
		}
	}
	iv.When = func(_ context.Context, v *View) (*Reason, error) {
		for ev := range v.Recent() {
			if ev.Step < v.Step()-1 {
				break
			}
			if ev.Kind == EventActed && strings.Contains(ev.Action.Content, word) {
				return &Reason{ev.Who + " said " + word}, nil
			}
		}
		return nil, nil
	}
	iv.Then = func(_ context.Context, v *View) ([]Effect, error) {
		switch name {
		case "newcomer":
			return []Effect{Join{NewPersona("Zoe")}}, nil
		case "expel":
			return []Effect{Leave{v.People()[len(v.People())-1]}}, nil
		}
		return []Effect{Tell{[]string{Everyone}, Stimulus{Kind: Visual, Source: name, Content: name + " happens."}}}, nil
	}
	return iv
}

// scripted is a mind that plays its lines, one a decision, then only DONE. It
// derives the line from how often it has decided before, by what it perceives, so
// that it is the same after a resume.
type scripted struct {
	st     *stage
	name   string
	script []string
	mu     sync.Mutex
	seen   []string // what it was shown, for the command "shown"
	failed int
}

var errScripted = errors.New("out of order")

func (m *scripted) Decide(ctx context.Context, p *Perception) (*Decision, error) {
	m.st.timing()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	// A decision taken leaves a note in the state: its number.
	n := 0
	if p.State.Attention != "" {
		n = atoi(p.State.Attention)
	}
	for i := range p.Draft {
		if p.Draft[i].Kind == EventState {
			n = atoi(p.Draft[i].State.Attention)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen = append(m.seen, perceived(p))
	line := "DONE"
	if n < len(m.script) {
		line = m.script[n]
	}
	if cause, ok := strings.CutPrefix(line, "!"); ok {
		if m.failed++; strings.HasPrefix(cause, "once ") && m.failed > 1 {
			line = strings.TrimPrefix(cause, "once ")
		} else {
			return nil, fmt.Errorf("%w: %s", errScripted, cause)
		}
	}
	d := &Decision{State: &MentalState{Attention: strconv.Itoa(n + 1)}, Calls: []string{fmt.Sprintf("%s#%d", m.name, n+1)}}
	for _, part := range strings.Split(line, " | ") {
		head, content, _ := strings.Cut(part, ": ")
		kind, target, _ := strings.Cut(head, " ")
		d.Actions = append(d.Actions, Action{ActionKind(kind), target, content})
	}
	return d, nil
}

func (m *scripted) Consolidate(ctx context.Context, p *Perception, old []Event) (*Consolidation, error) {
	m.st.timing()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if len(p.Acts) == 0 || p.Memos != nil {
		return nil, errors.New("a consolidation sees the acts, so that its prompt begins as a turn's does, and no memos")
	}
	words := p.Summary
	for i := range old {
		if old[i].Action != nil {
			words += "/" + old[i].Action.Content
		}
		if old[i].Stimulus != nil {
			words += "/" + old[i].Stimulus.Content
		}
	}
	if len(words) > 60 {
		words = words[:30] + "…" + words[len(words)-30:]
	}
	return &Consolidation{Summary: words, Memos: []Memo{{Kind: "consolidated", Content: fmt.Sprintf("%d events", len(old))}}, Calls: []string{fmt.Sprintf("%s/fold@%d", m.name, old[len(old)-1].Seq)}}, nil
}

func perceived(p *Perception) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s step %d, episode %d", p.Persona.Name(), p.Step, len(p.Episode))
	if p.Summary != "" {
		fmt.Fprintf(&b, ", summary %q", p.Summary)
	}
	for _, a := range p.Situation.Near {
		fmt.Fprintf(&b, ", near %s", a.Name)
	}
	for _, s := range p.Stimuli {
		fmt.Fprintf(&b, ", new %s %q", s.Kind, s.Content)
	}
	for _, m := range p.Memos {
		fmt.Fprintf(&b, ", memo %q", m.Content)
	}
	for i := range p.Draft {
		if p.Draft[i].Kind == EventState {
			continue
		}
		fmt.Fprintf(&b, ", draft %s", brief(&p.Draft[i]))
	}
	return b.String()
}

// library is a faculty: LOOK yields, COUNT keeps a tally in notes, LEAVE_ROOM and
// BREAK do what they say.
type library struct{}

func (library) Name() string { return "library" }

func (library) Acts() []ActSpec {
	return []ActSpec{{Kind: "LOOK", Yields: true}, {Kind: "MARK", Yields: true}, {Kind: "COUNT"}, {Kind: "LEAVE_ROOM"}, {Kind: "BREAK"}, {Kind: "EXPEL"}, {Kind: "MAKE"}}
}

func (library) Perform(_ context.Context, v *View, actor string, a Action) ([]Effect, error) {
	switch a.Kind {
	case "LOOK":
		if a.Content == "nothing" {
			return nil, fmt.Errorf("there is no book called %s", a.Content)
		}
		return []Effect{Tell{[]string{actor}, Stimulus{Kind: Result, Source: "library", Content: fmt.Sprintf("%s: a page, after %d marks", a.Content, len(v.Notes(actor, "library"))), Data: true}}}, nil
	case "MARK":
		return []Effect{Note{Faculty: "library", Value: 1}}, nil
	case "COUNT":
		return []Effect{Note{Faculty: "library", Value: 1}, Tell{[]string{actor}, Stimulus{Kind: Result, Content: fmt.Sprintf("count %d", 1+len(v.Notes(actor, "library")))}}}, nil
	case "LEAVE_ROOM":
		return []Effect{Leave{}}, nil
	case "EXPEL":
		return []Effect{Leave{a.Target}}, nil
	case "MAKE":
		return []Effect{Produce{Name: a.Content, Data: []byte(a.Content)}}, nil
	}
	return nil, errors.New("broken")
}

// shelf is a memory that finds memos by any common word.
type shelf struct {
	mu    sync.Mutex
	memos []Memo
}

func (s *shelf) Add(memos ...Memo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memos = append(s.memos, memos...)
}

func (s *shelf) Search(_ context.Context, q Query) ([]Memo, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q.Text == "" || len(s.memos) == 0 {
		return nil, nil
	}
	return s.memos[len(s.memos)-1:], nil
}

func (st *stage) options() *Options {
	o := st.opts
	o.Journal = st
	o.Person = st.person
	return &o
}

func (st *stage) person(name string) *PersonOptions {
	m := st.minds[name]
	if m == nil {
		m = &scripted{st: st, name: name}
		st.minds[name] = m
	}
	return &PersonOptions{Mind: m, Memory: &shelf{}, Faculties: []Faculty{library{}, gear{}}}
}

func (st *stage) play() string {
	st.w = NewWorld("Chat", nil, st.options())
	for _, cmd := range lines(st.play_) {
		fmt.Fprintf(&st.out, "> %s\n", cmd)
		if err := st.do(cmd); err != nil {
			fmt.Fprintf(&st.out, "error: %v\n", err)
		}
		for _, ev := range st.journal[st.shown:] {
			st.out.WriteString(trace(&ev) + "\n")
		}
		st.shown = len(st.journal)
	}
	return st.out.String()
}

func (st *stage) do(cmd string) error {
	verb, rest, _ := strings.Cut(cmd, " ")
	name, text, _ := strings.Cut(rest, ": ")
	w, p := st.w, st.w.Person(name)
	switch verb {
	case "add":
		_, err := w.Add(NewPersona(rest), st.person(rest))
		return err
	case "remove":
		return w.Remove(rest)
	case "return":
		return w.Return(rest)
	case "introduce-all":
		return w.IntroduceAll()
	case "introduce":
		f := strings.SplitN(rest, " ", 3)
		return w.Introduce(f[0], f[1], strings.Join(f[2:], " "))
	case "part":
		f := strings.Fields(rest)
		return w.Part(f[0], f[1])
	case "broadcast":
		return w.Broadcast(rest)
	case "broadcast-thought":
		return w.BroadcastThought(rest)
	case "broadcast-goal":
		return w.BroadcastGoal(rest)
	case "broadcast-context":
		return w.BroadcastContext(strings.Split(rest, "; "))
	case "run":
		return w.Run(context.Background(), atoi(rest))
	case "skip":
		d, err := time.ParseDuration(rest)
		if err != nil {
			return err
		}
		return w.Skip(d)
	case "mark":
		return w.Mark(rest)
	case "listen":
		return p.Listen(text)
	case "see":
		return p.See(text)
	case "think":
		return p.Think(text)
	case "goal":
		return p.AdoptGoal(text)
	case "move":
		return p.MoveTo(text)
	case "context":
		return p.ChangeContext(strings.Split(text, "; ")...)
	case "define":
		path, value, _ := strings.Cut(text, "=")
		return p.Define(path, value)
	case "act":
		acts, err := w.Person(rest).Act(context.Background())
		for _, a := range acts {
			fmt.Fprintf(&st.out, "did %s %s\n", a.Kind, a.Content)
		}
		return err
	case "snapshot":
		per, err := w.Person(rest).Snapshot(context.Background())
		if err == nil {
			fmt.Fprintln(&st.out, perceived(per))
		}
		return err
	case "shown": // what a person was shown since the last "shown"
		m := st.minds[rest]
		for _, s := range m.seen {
			fmt.Fprintln(&st.out, s)
		}
		m.seen = nil
		return nil
	}
	st.t.Fatalf("unknown command %q", cmd)
	return nil
}

func trace(ev *Event) string {
	end := ""
	if ev.End {
		end = " ."
	}
	return fmt.Sprintf("%3d %d.%d %s%s", ev.Seq, ev.Step, ev.Round, brief(ev), end)
}

func brief(ev *Event) string {
	var b strings.Builder
	b.WriteString(string(ev.Kind))
	if ev.Who != "" {
		b.WriteString(" " + ev.Who)
	}
	switch {
	case ev.Action != nil:
		fmt.Fprintf(&b, " %s", ev.Action.Kind)
		if ev.Action.Target != "" {
			fmt.Fprintf(&b, " (%s)", ev.Action.Target)
		}
		fmt.Fprintf(&b, " %q", ev.Action.Content)
	case ev.Stimulus != nil:
		fmt.Fprintf(&b, " %s", ev.Stimulus.Kind)
		if ev.Stimulus.Source != "" {
			fmt.Fprintf(&b, " from %s", ev.Stimulus.Source)
		}
		fmt.Fprintf(&b, " %q", ev.Stimulus.Content)
	case ev.State != nil:
		fmt.Fprintf(&b, " %s", ev.State.Attention)
	case ev.Persona != nil:
	default:
		var rest any
		switch {
		case ev.Clock != nil:
			rest = ev.Clock
		case ev.Memo != nil:
			rest = ev.Memo.Content
		case ev.Folded != nil:
			rest = ev.Folded
		case ev.Fired != nil:
			rest = ev.Fired
		case ev.Note != nil:
			rest = ev.Note
		case ev.Failure != nil:
			rest = ev.Failure
		case ev.Edit != nil:
			rest = ev.Edit
		case ev.Artifact != nil:
			rest = ev.Artifact.Name
		case ev.Mark != nil:
			rest = ev.Mark
		case ev.Place != "":
			rest = ev.Place
		case ev.Context != nil:
			rest = ev.Context
		}
		if rest != nil {
			j, _ := json.Marshal(rest)
			fmt.Fprintf(&b, " %s", j)
		}
	}
	if ev.Relation != "" {
		fmt.Fprintf(&b, " as %s", ev.Relation)
	}
	if len(ev.To) > 0 {
		fmt.Fprintf(&b, " -> %s", strings.Join(ev.To, ", "))
	}
	if ev.Seen > 0 {
		fmt.Fprintf(&b, " seen %d", ev.Seen)
	}
	if ev.During {
		b.WriteString(" during")
	}
	return b.String()
}

func eventSeq(evs []Event) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for _, ev := range evs {
			if !yield(ev, nil) {
				return
			}
		}
	}
}
