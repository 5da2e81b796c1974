package tinytroupe

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/tinytroupe-go/tinytroupe/internal/trigram"
)

// mindFunc is a Mind.
type mindFunc func(ctx context.Context, p *Perception) (*Decision, error)

func (f mindFunc) Decide(ctx context.Context, p *Perception) (*Decision, error) { return f(ctx, p) }

func says(text string) mindFunc {
	return func(context.Context, *Perception) (*Decision, error) {
		return &Decision{Actions: []Action{{Kind: Talk, Content: text}}}, nil
	}
}

func add(t *testing.T, w *World, names ...string) {
	t.Helper()
	for _, n := range names {
		if _, err := w.Add(NewPersona(n), nil); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInFlight: in a round of 32, all 32 minds are asked at once.
func TestInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		w := NewWorld("Crowd", mindFunc(func(context.Context, *Perception) (*Decision, error) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			return &Decision{}, nil
		}), &Options{Scheduler: Together{}})
		for i := range 32 {
			add(t, w, fmt.Sprint("P", i))
		}
		if err := w.Run(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		if most.Load() != 32 {
			t.Errorf("%d at once, want 32", most.Load())
		}
	})
}

// folder fails to consolidate as often as it is told to.
type folder struct {
	mindFunc
	fail atomic.Int32
}

func (f *folder) Consolidate(context.Context, *Perception, []Event) (*Consolidation, error) {
	if f.fail.Add(-1) >= 0 {
		return nil, errors.New("the summary broke")
	}
	return &Consolidation{Summary: "in short"}, nil
}

type wrapped struct{ Mind }

func (w wrapped) Unwrap() Mind { return w.Mind }

func TestConsolidationFails(t *testing.T) {
	long := strings.Repeat("word ", 100)
	n := 0
	newMind := func(fail int32) *folder {
		f := &folder{mindFunc: func(context.Context, *Perception) (*Decision, error) {
			n++
			return &Decision{Actions: []Action{{Kind: Think, Content: fmt.Sprint(n, " ", strings.Repeat(fmt.Sprint(n, "word "), 100))}}}, nil
		}}
		f.fail.Store(fail)
		return f
	}
	count := func(w *World, kind EventKind) (n int) {
		for ev := range w.Events() {
			if ev.Kind == kind {
				n++
			}
		}
		return n
	}
	t.Run("stops the run at the next turn", func(t *testing.T) {
		w := NewWorld("W", wrapped{newMind(1)}, &Options{Episode: len(long)})
		add(t, w, "Ann")
		err := w.Run(t.Context(), 5)
		var te *TurnError
		if !errors.As(err, &te) || te.Person != "Ann" || !strings.Contains(err.Error(), "step 3: Ann: consolidation: the summary broke") {
			t.Fatalf("got %v", err)
		}
		if err := w.Run(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		if count(w, EventFolded) == 0 {
			t.Error("nothing was folded after the failure")
		}
	})
	t.Run("is an event where tolerated", func(t *testing.T) {
		w := NewWorld("W", newMind(1), &Options{Episode: len(long), Tolerate: func(error) bool { return true }})
		add(t, w, "Ann")
		if err := w.Run(t.Context(), 5); err != nil {
			t.Fatal(err)
		}
		if count(w, EventFailed) != 1 || count(w, EventFolded) == 0 {
			t.Errorf("%d failed, %d folded", count(w, EventFailed), count(w, EventFolded))
		}
	})
}

type brokenJournal struct{ after int }

func (j *brokenJournal) Append(...Event) error {
	if j.after--; j.after < 0 {
		return errors.New("disk full")
	}
	return nil
}

// TestJournalFails: what is not journalled has not happened.
func TestJournalFails(t *testing.T) {
	w := NewWorld("W", says("hello to you"), &Options{Journal: &brokenJournal{after: 3}})
	add(t, w, "Ann", "Bob")
	err := w.Run(t.Context(), 1)
	if err == nil || !strings.Contains(err.Error(), "disk full") {
		t.Fatalf("got %v", err)
	}
	if got := w.View().Waiting("Bob"); got != 0 {
		t.Errorf("Bob perceived %d things that are in no journal", got)
	}
	if w.st.seq != 4 {
		t.Errorf("the state is at event %d, the journal at 4", w.st.seq)
	}
}

// TestFailureStartsNothing: after a failure no new mind is asked, and those being
// asked may finish.
func TestFailureStartsNothing(t *testing.T) {
	var asked, finished atomic.Int32
	slots := make(chan struct{}, 4)
	w := NewWorld("W", mindFunc(func(ctx context.Context, p *Perception) (*Decision, error) {
		if p.Persona.Name() == "P0" {
			for asked.Load() < 4 {
				time.Sleep(time.Millisecond)
			}
			return nil, errors.New("no")
		}
		select { // as a limiter does
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
		asked.Add(1)
		<-ctx.Done()
		finished.Add(1)
		return &Decision{}, nil
	}), &Options{Scheduler: Together{}})
	for i := range 20 {
		add(t, w, fmt.Sprint("P", i))
	}
	var te *TurnError
	if err := w.Run(t.Context(), 1); !errors.As(err, &te) || te.Person != "P0" {
		t.Fatalf("got %v", err)
	}
	if asked.Load() != 4 || finished.Load() != 4 {
		t.Errorf("asked %d, finished %d", asked.Load(), finished.Load())
	}
}

func TestAlone(t *testing.T) {
	p, err := Alone(NewPersona("Ann"), says("I like tea a lot"), nil)
	if err != nil {
		t.Fatal(err)
	}
	acts, err := p.ListenAndAct(t.Context(), "What do you drink?")
	if err != nil || len(acts) != 2 || acts[0].Content != "I like tea a lot" || acts[1].Kind != Done {
		t.Fatalf("%v %v", acts, err)
	}
}

// TestOptionsAreNotShared: an intervention given to one world is in no other, and
// the caller's slice is not kept.
func TestOptionsAreNotShared(t *testing.T) {
	o := &Options{}
	a, b := NewWorld("A", says("x"), o), NewWorld("B", says("x"), o)
	a.opts.Interventions = append(a.opts.Interventions, Intervention{Name: "i"})
	if len(b.opts.Interventions) != 0 || len(o.Interventions) != 0 {
		t.Error("shared")
	}
}

func TestAddErrors(t *testing.T) {
	w := NewWorld("W", nil, nil)
	if _, err := w.Add(NewPersona("Ann"), nil); err == nil || !strings.Contains(err.Error(), "Ann has no mind") {
		t.Errorf("got %v", err)
	}
	o := &PersonOptions{Mind: says("x")}
	if _, err := w.Add(NewPersona("Ann"), o); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Add(NewPersona("Ann"), o); err == nil {
		t.Error("a name was given twice")
	}
	o.Faculties = []Faculty{library{}, library{}}
	if _, err := w.Add(NewPersona("Bob"), o); err == nil {
		t.Error("a faculty was given twice")
	}
	if _, err := w.Add(NewPersona(""), o); err == nil {
		t.Error("a person without a name")
	}
}

// TestResumeRefuses: journals that no world wrote are refused, never a panic.
func TestResumeRefuses(t *testing.T) {
	st := newStage(t, busy("in-turn", "act"))
	st.play()
	for i := range st.journal {
		for _, spoil := range []func(e *Event){
			func(e *Event) { e.Seq += 5 },
			func(e *Event) { e.Kind = "dreamt" },
			func(e *Event) { e.Who, e.To = "Nobody", []string{"Nobody"} },
			func(e *Event) {
				*e = Event{Seq: e.Seq, Kind: e.Kind, Who: e.Who, End: e.End}
			},
		} {
			evs := append([]Event(nil), st.journal...)
			spoil(&evs[i])
			if w, err := Resume(nil, eventSeq(evs), st.options()); err == nil {
				// Some kinds have no payload; then the world must still run.
				if err := w.Run(context.Background(), 1); err != nil {
					t.Errorf("event %d: %v", i+1, err)
				}
			}
		}
	}
	if _, err := Resume(nil, eventSeq(nil), nil); err == nil {
		t.Error("an empty journal was resumed")
	}
}

func TestRepeats(t *testing.T) {
	say := func(text string) words { return words{t: trigram.Of(text), seen: 7} }
	repeats := func(s said, k ActionKind, target, text string) bool {
		seen, ok := s.repeats(slotOf(&Action{Kind: k, Target: target}), trigram.Of(text))
		return ok && seen == 7
	}
	ann := slotOf(&Action{Kind: Talk, Target: " ANN"})
	last := said{}.with(ann, say("I would like to talk about the weather today."))
	for text, want := range map[string]bool{
		"i would like to TALK, about the weather today!": true,
		"I would like to talk about the climate today":   false,
		"the weather": false,
		"":            false,
		"Completely different words stand in this text": false,
		// Two long texts share most of their letters and no three words.
		strings.Repeat("today about weather talk would the I like ", 20): false,
	} {
		if got := repeats(last, Talk, "Ann", text); got != want {
			t.Errorf("%q: %v", text, got)
		}
		if repeats(last, Think, "Ann", text) || repeats(last, Talk, "Bob", text) {
			t.Errorf("%q repeats an act of another kind, or to somebody else", text)
		}
	}
	if last = last.with(ann, say("今天天气很好")); !repeats(last, Talk, "Ann", "今天天气很好。") || repeats(last, Talk, "Ann", "明天我们去公园") {
		t.Error("text without spaces is not compared")
	}
	for i := range 5 {
		last = last.with(ann, say(fmt.Sprint(i, " little words")))
	}
	if repeats(last, Talk, "Ann", "0 little words") || !repeats(last, Talk, "Ann", "2 little words") {
		t.Error("not the last three are compared")
	}
	look := slot{"CONSULT", ""}
	if repeats(said{}.with(look, say("Annual report 2025")), "CONSULT", "", "Annual report 2025") {
		t.Error("an act of a faculty is taken for a repeat")
	}
}

// TestAskChangesNobody: a question to a snapshot leaves no trace.
func TestAskChangesNobody(t *testing.T) {
	p, err := Alone(NewPersona("Ann"), asker{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := p.World().st.seq
	a, err := p.Ask(t.Context(), Question{Text: "Why?"})
	if err != nil || a.Text != "Ann: Why?" {
		t.Fatalf("%+v %v", a, err)
	}
	if a, err := p.Ask(t.Context(), Question{}); a != nil || err == nil || err.Error() != "Ann: ask: the mind answered nothing" {
		t.Errorf("no answer: %+v %v", a, err)
	}
	if p.World().st.seq != before {
		t.Error("asking changed the world")
	}
}

type asker struct{ Mind }

func (asker) Decide(context.Context, *Perception) (*Decision, error) { return &Decision{}, nil }

func (asker) Ask(_ context.Context, p *Perception, q Question) (*Answer, error) {
	if q.Text == "" {
		return nil, nil
	}
	return &Answer{Text: p.Persona.Name() + ": " + q.Text}, nil
}

type memoryJournal struct {
	mu  sync.Mutex
	evs []Event
}

func (j *memoryJournal) Append(evs ...Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.evs = append(j.evs, evs...)
	return nil
}

// TestShuffledDraws: the order changes from step to step and with the seed, and
// depends on nothing else.
func TestShuffledDraws(t *testing.T) {
	order := func(seed uint64, key string) string {
		j := &memoryJournal{}
		w := NewWorld("W", says("x"), &Options{Seed: seed, Key: key, Scheduler: Shuffled{}, Journal: j})
		add(t, w, "A", "B", "C", "D", "E", "F")
		if err := w.Run(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, ev := range j.evs {
			if ev.Clock != nil {
				fmt.Fprintln(&b, ev.Clock.Rounds)
			}
		}
		return b.String()
	}
	a := order(1, "")
	if a != order(1, "") || a == order(2, "") || a == order(1, "other room") {
		t.Error("the draw does not depend on seed and key alone")
	}
	if ls := strings.Split(a, "\n"); ls[len(ls)-2] == ls[len(ls)-3] {
		t.Error("two steps have the same order")
	}
}

// TestNotShownTwice: over the busy plays, no stimulus is shown in two committed
// turns, and none that reached somebody who acted afterwards is never shown.
func TestNotShownTwice(t *testing.T) {
	for _, k := range kinds {
		st := newStage(t, busy(k[0], k[1]))
		st.play()
		for _, b := range st.w.st.people {
			seen := map[int]bool{}
			var all int
			for _, ev := range st.journal {
				if _, ok := ev.Perceived(b.name); ok && !ev.During {
					all++
				}
			}
			var folded int
			for _, ev := range st.journal {
				if ev.Kind == EventFolded && ev.Who == b.name {
					folded += ev.Folded.Count
				}
			}
			for _, ev := range append(append([]Event(nil), b.episode...), b.inbox...) {
				if _, ok := ev.Perceived(b.name); ok {
					if seen[ev.Seq] {
						t.Errorf("%v: %s has event %d twice", k, b.name, ev.Seq)
					}
					seen[ev.Seq] = true
				}
			}
			if folded == 0 && b.present && b.since == 0 && len(seen) < all {
				t.Errorf("%v: %s holds %d of %d stimuli", k, b.name, len(seen), all)
			}
		}
	}
}

func FuzzResume(f *testing.F) {
	f.Add(3, "acted", "Ann", 7)
	f.Fuzz(func(t *testing.T, at int, kind, who string, seen int) {
		st := newStage(t, txtar.Parse([]byte("-- minds --\nAnn: TALK: hello there all\n-- play --\nadd Ann\nadd Bob\nintroduce-all\nrun 2\n")))
		st.play()
		if at < 0 || at >= len(st.journal) {
			return
		}
		ev := &st.journal[at]
		ev.Kind, ev.Who, ev.Seen = EventKind(kind), who, seen
		if w, err := Resume(nil, eventSeq(st.journal), st.options()); err == nil {
			if err := w.Run(t.Context(), 1); err != nil {
				t.Log(err)
			}
		}
	})
}

// TestAddDefaults: who is added without options gets all that Options.Person says, also
// what they begin with.
func TestAddDefaults(t *testing.T) {
	w := NewWorld("W", asker{}, &Options{Person: func(name string) *PersonOptions {
		return &PersonOptions{Place: "At home", Context: []string{"It rains"}, State: MentalState{Goals: "rest"}, Memos: []Memo{{Kind: "fact", Content: name + " has a dog"}}}
	}})
	if _, err := w.Add(NewPersona("Ann"), nil); err != nil {
		t.Fatal(err)
	}
	v := w.View()
	if s := v.Situation("Ann"); s.Place != "At home" || len(s.Context) != 1 || v.State("Ann").Goals != "rest" {
		t.Errorf("%+v, %+v", s, v.State("Ann"))
	}
	memos := 0
	for ev := range v.Events() {
		if ev.Kind == EventMemo && ev.Memo.Content == "Ann has a dog" {
			memos++
		}
	}
	if memos != 1 {
		t.Errorf("%d memos", memos)
	}
}

// TestNews: what was perceived before is no news, a picture that was not is, and so is
// everything after another past was put in place of one's own.
func TestNews(t *testing.T) {
	see := func(seq int, text, image string) Event {
		s := &Stimulus{Kind: Visual, Content: text}
		if image != "" {
			s.Images = []Image{{Hash: image}}
		}
		return Event{Seq: seq, Kind: EventPerceived, To: []string{"Ann"}, Stimulus: s}
	}
	const advert = "What do you think of this advert?"
	for _, c := range []struct {
		old, fresh Event
		want       bool
	}{
		{see(1, advert, "a"), see(3, advert, "b"), true},
		{see(1, advert, "a"), see(3, advert, "a"), false},
		{see(1, advert, ""), see(3, advert, ""), false},
		{see(1, "Why?", ""), see(3, " why? ", ""), false},
		{see(1, "Why?", ""), see(3, "How?", ""), true},
		{see(1, advert, ""), see(3, "Why?", ""), true},
	} {
		b := &body{name: "Ann", episode: []Event{c.old}, inbox: []Event{c.fresh}}
		if got := b.news(2); got != c.want {
			t.Errorf("%+v after %+v: %v", c.fresh.Stimulus, c.old.Stimulus, got)
		}
		if b.news(3) || b.news(0) {
			t.Error("there is news after all of it, or in a turn")
		}
	}
	b := &body{name: "Ann", recent: said{}.with(slot{Talk, ""}, words{trigram.Of("No, I would not buy that."), 2})}
	b.carry(&Past{})
	if _, again := b.recent.repeats(slot{Talk, ""}, trigram.Of("No, I would not buy that.")); again {
		t.Error("what was said in another past is a repeat")
	}
}

// TestDescribe: people are told what the rules make of their acts.
func TestDescribe(t *testing.T) {
	for quiet, want := range map[bool]string{false: "With an empty target everyone within reach hears it", true: "Only those named in the target hear it"} {
		for _, rules := range []Rules{Room{Quiet: quiet}, &Network{Quiet: quiet}} {
			acts := coreActs(rules)
			if !strings.Contains(acts[0].Purpose, want) || !strings.Contains(acts[3].Purpose, "end the turn") {
				t.Errorf("%+v", acts)
			}
			w := NewWorld("W", mindFunc(nil), &Options{Rules: rules})
			add(t, w, "Ann", "Bob")
			if err := w.Introduce("Ann", "Bob", ""); err != nil {
				t.Fatal(err)
			}
			if effects, err := rules.Resolve(w.View(), "Ann", Action{Kind: Talk, Content: "Hm."}); err != nil || (len(effects) == 0) != quiet {
				t.Errorf("%+v: %v %v", rules, effects, err)
			}
		}
	}
}
