package tinytroupe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
)

func count(w *World, kind EventKind) (n int) {
	for ev := range w.Events() {
		if ev.Kind == kind {
			n++
		}
	}
	return n
}

func idle(context.Context, *Perception) (*Decision, error) { return &Decision{}, nil }

// TestFromOutside: what a program may do wrong is an error that changes nothing, or
// has the stated meaning; never a panic.
func TestFromOutside(t *testing.T) {
	w := NewWorld("W", mindFunc(idle), nil)
	add(t, w, "Ann", "Bob", "Cid")
	if err := w.Remove("Cid"); err != nil {
		t.Fatal(err)
	}
	ann, cid := w.Person("Ann"), w.Person("Cid")
	second := func(_ any, err error) error { return err }
	for what, c := range map[string]struct {
		do   func() error
		want string // empty: no error
	}{
		"remove twice":          {func() error { return w.Remove("Cid") }, "remove Cid: Cid is not here"},
		"remove nobody":         {func() error { return w.Remove("Zoe") }, `remove Zoe: nobody called "Zoe" is here`},
		"return to stay":        {func() error { return w.Return("Ann") }, "return Ann: Ann is here already"},
		"return of nobody":      {func() error { return w.Return("Zoe") }, "return Zoe: was never here"},
		"add after remove":      {func() error { return second(w.Add(NewPersona("Cid"), nil)) }, `add: the name "Cid" is taken`},
		"a blank name":          {func() error { return second(w.Add(NewPersona(" "), nil)) }, "add: a person needs a name"},
		"everyone's name":       {func() error { return second(w.Add(NewPersona(Everyone), nil)) }, `add: "*" stands for everyone: it is nobody's name`},
		"a newcomer's name":     {func() error { return w.Apply(Join{NewPersona("*")}) }, `apply: "*" stands for everyone: it is nobody's name`},
		"introduce nobody":      {func() error { return w.Introduce("Ann", "Zoe", "") }, `introduce: nobody called "Zoe" is here`},
		"introduce by nobody":   {func() error { return w.Introduce("", "Ann", "") }, `introduce: nobody called "" is here`},
		"part nobody":           {func() error { return w.Part("Zoe", "Ann") }, `part: nobody called "Zoe" is here`},
		"tell nobody":           {func() error { return w.Tell(Stimulus{Content: "x"}, "Ann", "Zoe") }, `tell: nobody called "Zoe" is here`},
		"effects of nobody":     {func() error { return w.Apply(Leave{}, nil) }, `apply: nobody called "" is here`},
		"no effect":             {func() error { return w.Apply(nil) }, "apply: unknown effect <nil>"},
		"backwards":             {func() error { return w.Skip(-time.Second) }, "skip: -1s: time does not run backwards"},
		"no mark":               {func() error { return w.MarkJSON(nil) }, "mark: unexpected end of JSON input"},
		"a name edited":         {func() error { return ann.Define("name", "Zoe") }, "Ann: define: a name cannot be changed"},
		"a name edited, spelt":  {func() error { return ann.Define(`na\me`, "Zoe") }, "Ann: define: a name cannot be changed"},
		"an edit of nothing":    {func() error { return ann.Define("", 1) }, "Ann: define: expected a path of names with dots between"},
		"a value without JSON":  {func() error { return ann.Define("x", func() {}) }, "Ann: define: json: unsupported type: func()"},
		"act after remove":      {func() error { return second(cid.Act(t.Context())) }, "Cid: act: not here"},
		"snapshot after remove": {func() error { return second(cid.Snapshot(t.Context())) }, ""},
		"no asker":              {func() error { return second(ann.Ask(t.Context(), Question{})) }, "Ann: ask: unsupported operation"},
		"no steps":              {func() error { return w.Run(t.Context(), 0) }, ""},
		"negative steps":        {func() error { return w.Run(t.Context(), -1) }, ""},
		"no effects":            {func() error { return w.Apply() }, ""},
	} {
		before := w.st.seq
		got := ""
		if err := c.do(); err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", what, got, c.want)
		}
		if w.st.seq != before {
			t.Errorf("%s: it left an event", what)
		}
	}
	if w.Person("Zoe") != nil || cid == nil {
		t.Error("Person is nil for whoever never joined, and for nobody else")
	}
	// Who has left hears, but is not here to hear what everybody hears.
	if err := errors.Join(w.Broadcast("news"), cid.Listen("a letter"), w.Return("Cid")); err != nil {
		t.Fatal(err)
	}
	per, err := cid.Snapshot(t.Context())
	if err != nil || len(per.Stimuli) != 1 || per.Stimuli[0].Content != "a letter" {
		t.Errorf("%v %v", per.Stimuli, err)
	}
}

// TestTheEndOfTime: a journal cannot hold a time after the year 9999, so the world
// does not reach one.
func TestTheEndOfTime(t *testing.T) {
	const most = 1<<63 - 1
	w := NewWorld("W", mindFunc(idle), &Options{Step: most})
	add(t, w, "Ann")
	var err error
	for i := 0; err == nil && i < 40; i++ {
		if err = w.Skip(most); err == nil {
			err = w.Run(t.Context(), 1)
		}
	}
	if err == nil || !strings.Contains(err.Error(), "no journal can hold a time after the year 9999") {
		t.Fatalf("got %v", err)
	}
	for ev := range w.Events() {
		if _, err := json.Marshal(ev); err != nil {
			t.Fatal(err)
		}
	}
	w = NewWorld("W", mindFunc(idle), &Options{Step: -time.Hour})
	add(t, w, "Ann")
	start := w.View().Now()
	if err := w.Run(t.Context(), 3); err != nil || !w.View().Now().Equal(start) {
		t.Errorf("%v %v: a negative step is no time", w.View().Now(), err)
	}
}

// TestDaylightSaving: a journal keeps an offset, not a zone; a world that runs across
// a change of clocks must not resume to another time of day.
func TestDaylightSaving(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Skip(err)
	}
	defer func(l *time.Location) { time.Local = l }(time.Local)
	for _, time.Local = range []*time.Location{time.UTC, berlin} { // encoding/json reads offsets as this zone where they fit
		j := &memoryJournal{}
		o := &Options{Start: time.Date(2026, 3, 29, 0, 30, 0, 0, berlin), Step: time.Hour, Journal: j}
		w := NewWorld("W", mindFunc(idle), o)
		add(t, w, "Ann")
		if err := w.Run(t.Context(), 4); err != nil {
			t.Fatal(err)
		}
		want := encode(t, j.evs)
		j.evs = readBack(t, j.evs[:2])
		if w, err = Resume(mindFunc(idle), eventSeq(j.evs), o); err != nil {
			t.Fatal(err)
		}
		if err := w.Run(t.Context(), 4); err != nil {
			t.Fatal(err)
		}
		if got := encode(t, j.evs); got != want {
			t.Errorf("in %v: %s", time.Local, firstDifference(want, got))
		}
	}
}

// TestEndOfContextIsNoFailure: however the end of a context is spelt, and whatever is
// tolerated, it makes no failed event.
func TestEndOfContextIsNoFailure(t *testing.T) {
	why := errors.New("the building is on fire")
	for name, with := range map[string]func(ctx context.Context) context.Context{
		"deadline": func(ctx context.Context) context.Context {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			t.Cleanup(cancel)
			return ctx
		},
		"cause": func(ctx context.Context) context.Context {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Second, func() { cancel(why) })
			return ctx
		},
	} {
		for spelling, err := range map[string]func(ctx context.Context) error{
			"err": context.Context.Err, "cause": context.Cause, "other": func(context.Context) error { return errors.New("connection reset") },
		} {
			t.Run(name+"/"+spelling, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := NewWorld("W", mindFunc(func(ctx context.Context, p *Perception) (*Decision, error) {
						<-ctx.Done()
						return nil, err(ctx)
					}), &Options{Scheduler: Together{}, Tolerate: func(error) bool { return true }})
					add(t, w, "Ann", "Bob")
					ctx := with(t.Context())
					got := w.Run(ctx, 1)
					if !errors.Is(got, context.Cause(ctx)) || count(w, EventFailed) > 0 || !w.View().Open() {
						t.Errorf("got %v, %d failed", got, count(w, EventFailed))
					}
					w = NewWorld("W", mindFunc(nil), &Options{Interventions: []Intervention{{Name: "watch", When: func(ctx context.Context, _ *View) (*Reason, error) {
						<-ctx.Done()
						return nil, err(ctx)
					}}}})
					ctx = with(t.Context())
					if got := w.Run(ctx, 1); !errors.Is(got, context.Cause(ctx)) {
						t.Errorf("watching: got %v", got)
					}
				})
			})
		}
	}
}

// TestCanceledWithoutAnEnd: a mind whose own context ends has failed like any other.
func TestCanceledWithoutAnEnd(t *testing.T) {
	m := mindFunc(func(context.Context, *Perception) (*Decision, error) {
		return nil, fmt.Errorf("its own time is up: %w", context.Canceled)
	})
	w := NewWorld("W", m, nil)
	add(t, w, "Ann", "Bob")
	var te *TurnError
	if err := w.Run(t.Context(), 1); !errors.As(err, &te) || te.Person != "Ann" || errors.Is(err, drain.ErrStopped) {
		t.Errorf("got %v", err)
	}
	w = NewWorld("W", m, &Options{Tolerate: func(error) bool { return true }})
	add(t, w, "Ann", "Bob")
	if err := w.Run(t.Context(), 1); err != nil || count(w, EventFailed) != 2 {
		t.Errorf("got %v, %d failed", err, count(w, EventFailed))
	}
}

func TestNilDecision(t *testing.T) {
	w := NewWorld("W", mindFunc(func(context.Context, *Perception) (*Decision, error) { return nil, nil }), nil)
	add(t, w, "Ann")
	if err := w.Run(t.Context(), 1); err == nil || err.Error() != "step 1: Ann: the mind decided nothing" {
		t.Errorf("got %v", err)
	}
}

// TestReusedMemory: what minds and callers hand over they may use again.
func TestReusedMemory(t *testing.T) {
	j := &memoryJournal{}
	state, calls, images, context_ := &MentalState{}, []string{""}, []Image{{}}, []string{""}
	n := 0
	w := NewWorld("W", mindFunc(func(context.Context, *Perception) (*Decision, error) {
		n++
		state.Goals, calls[0] = fmt.Sprint("goal ", n), fmt.Sprint("call ", n)
		return &Decision{State: state, Calls: calls}, nil
	}), &Options{Journal: j})
	add(t, w, "Ann")
	var before string
	for i := range 3 {
		images[0].Hash, context_[0] = fmt.Sprint("hash ", i), fmt.Sprint("context ", i)
		if err := errors.Join(w.Person("Ann").See("a picture", images...), w.BroadcastContext(context_), w.Run(t.Context(), 1)); err != nil {
			t.Fatal(err)
		}
		after := encode(t, j.evs)
		if !strings.HasPrefix(after, before) {
			t.Fatal("an event was edited: " + firstDifference(before, after))
		}
		before = after
	}
}

// TestReadsDoNotWait: while the world runs it can be looked at and asked, as of its
// newest commit, by others and by who observes it.
func TestReadsDoNotWait(t *testing.T) {
	w := NewWorld("W", nil, nil)
	look := func() error {
		p := w.Person("Ann")
		_, err := p.Snapshot(t.Context())
		if err != nil {
			return err
		}
		a, err := p.Ask(t.Context(), Question{Text: "Why?"})
		if err == nil && (a.Text != "Ann: Why?" || len(w.People()) != 1 || p.Persona().Name() != "Ann") {
			err = errors.New("something else was read")
		}
		for range w.Events() {
		}
		return err
	}
	observed := 0
	w.opts.Observe = func(evs []Event) {
		observed++
		if w.st.seq != evs[len(evs)-1].Seq || look() != nil {
			t.Error("an observer sees another moment")
		}
	}
	if _, err := w.Add(NewPersona("Ann"), &PersonOptions{Mind: struct {
		Mind
		Asker
	}{mindFunc(func(context.Context, *Perception) (*Decision, error) { return &Decision{}, look() }), asker{}}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Run(t.Context(), 2); err != nil || observed != 5 {
		t.Errorf("%v, %d commits observed", err, observed)
	}
}

// TestConcurrentUse: all methods at once, for the race detector; the journal stays
// one that a world can be resumed from.
func TestConcurrentUse(t *testing.T) {
	j := &memoryJournal{}
	o := &Options{Scheduler: Together{}, Episode: 600, Journal: j}
	m := &folder{mindFunc: says("hello to all of you")}
	w := NewWorld("W", m, o)
	add(t, w, "Ann", "Bob")
	ctx := t.Context()
	var wg sync.WaitGroup
	for i, f := range []func(i int) error{
		func(int) error { return w.Run(ctx, 1) },
		func(int) error { return w.Run(ctx, 2) },
		func(int) error { _, err := w.Person("Ann").Act(ctx); return err },
		func(i int) error { _, err := w.Add(NewPersona(fmt.Sprint("P", i)), nil); return err },
		func(int) error {
			return errors.Join(w.Broadcast("news"), w.BroadcastThought("hm"), w.BroadcastGoal("to win"))
		},
		func(int) error {
			return errors.Join(w.IntroduceAll(), w.Introduce("Ann", "Bob", "kin"), w.Part("Ann", "Bob"))
		},
		func(int) error { return errors.Join(w.Remove("Bob"), w.Return("Bob")) },
		func(int) error {
			return errors.Join(w.Skip(time.Minute), w.Mark("x"), w.BroadcastContext([]string{"rain"}))
		},
		func(i int) error {
			return errors.Join(w.Person("Bob").Define("x", i), w.Person("Bob").MoveTo("here", "noise"))
		},
		func(int) error { _, err := w.Person("Ann").Snapshot(ctx); return err },
		func(int) error {
			_, _, _ = w.People(), w.Person("Ann").Persona(), w.View().Situation("Ann")
			return nil
		},
		func(int) error {
			for ev := range w.Events() {
				if ev.Seq == 0 {
					return errors.New("an event without a place")
				}
			}
			return nil
		},
	} {
		wg.Go(func() {
			for n := range 10 {
				if err := f(100*i + n); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if _, err := Resume(m, eventSeq(j.evs), o); err != nil {
		t.Error(err)
	}
}

// TestStoreFails: that a disk is full is nobody's experience.
func TestStoreFails(t *testing.T) {
	fail := true
	w := NewWorld("W", mindFunc(func(context.Context, *Perception) (*Decision, error) {
		return &Decision{Actions: []Action{{Kind: "MAKE", Content: "a chair"}}}, nil
	}), &Options{Store: func(string, []byte) error {
		if fail {
			return errors.New("disk full")
		}
		return nil
	}})
	if _, err := w.Add(NewPersona("Ann"), &PersonOptions{Faculties: []Faculty{library{}}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Run(t.Context(), 1); err == nil || err.Error() != "step 1: Ann: store: disk full" || count(w, EventPerceived)+count(w, EventActed) > 0 {
		t.Errorf("got %v", err)
	}
	fail = false
	if err := w.Run(t.Context(), 1); err != nil || count(w, EventProduced) != 1 {
		t.Errorf("got %v, %d produced", err, count(w, EventProduced))
	}
}

// TestInterventionZero: without a condition it always holds, without an effect it has
// none; two of one name would share their count of firings, and are refused.
func TestInterventionZero(t *testing.T) {
	o := &Options{Interventions: []Intervention{{Name: "a", Most: 2}, {Name: "b", Cooldown: 1}}}
	w := NewWorld("W", mindFunc(idle), o)
	if err := w.Run(t.Context(), 3); err != nil || count(w, EventFired) != 4 {
		t.Errorf("%v, %d fired", err, count(w, EventFired))
	}
	o.Interventions[1].Name = "a"
	w = NewWorld("W", mindFunc(idle), o)
	if err := w.Run(t.Context(), 1); err == nil || err.Error() != `step 1: intervention "a": two have this name` {
		t.Errorf("got %v", err)
	}
}

type lowercase struct{ library }

func (lowercase) Acts() []ActSpec { return []ActSpec{{Kind: "look"}} }

// TestKindsAreUpperCase: an act of another spelling would never be performed.
func TestKindsAreUpperCase(t *testing.T) {
	w := NewWorld("W", mindFunc(idle), nil)
	_, err := w.Add(NewPersona("Ann"), &PersonOptions{Faculties: []Faculty{lowercase{}}})
	if err == nil || err.Error() != `add: Ann: faculty "library": the kind "look" is not in upper case` {
		t.Errorf("got %v", err)
	}
}

// eager greets newcomers with an effect that is impossible.
type eager struct{ Room }

func (eager) Greet(*View, string) []Effect { return []Effect{Leave{"Nobody"}} }

// TestGreetingFails: somebody who joined must not be said not to have.
func TestGreetingFails(t *testing.T) {
	w := NewWorld("W", mindFunc(func(context.Context, *Perception) (*Decision, error) {
		return &Decision{Actions: []Action{{Kind: "INVITE", Target: "Zoe"}}}, nil
	}), nil)
	if _, err := w.Add(NewPersona("Ann"), &PersonOptions{Faculties: []Faculty{gear{}}}); err != nil {
		t.Fatal(err)
	}
	w.opts.Rules = eager{}
	if err := w.Run(t.Context(), 1); err == nil || w.Person("Zoe") != nil {
		t.Errorf("got %v", err)
	}
}

// TestInvalidText: what no journal can keep is not remembered either.
func TestInvalidText(t *testing.T) {
	j := &memoryJournal{}
	w := NewWorld("W", says("say \xff\xfe once"), &Options{Journal: j})
	add(t, w, "Ann", "Bob")
	if err := errors.Join(w.IntroduceAll(), w.Broadcast("a \xff b"), w.Person("Ann").MoveTo("\xff", "\xfe"), w.Run(t.Context(), 2)); err != nil {
		t.Fatal(err)
	}
	for _, ev := range readBack(t, j.evs) {
		live := j.evs[ev.Seq-1]
		if fmt.Sprint(live.Stimulus, live.Action, live.Place, live.Context) != fmt.Sprint(ev.Stimulus, ev.Action, ev.Place, ev.Context) && ev.Stimulus == nil && ev.Action == nil ||
			ev.Stimulus != nil && ev.Stimulus.Content != live.Stimulus.Content || ev.Action != nil && ev.Action.Content != live.Action.Content {
			t.Errorf("event %d is read back as another", ev.Seq)
		}
	}
}
