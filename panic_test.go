package tinytroupe

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A bomb is everything that a caller gives to a world. One place of it panics, at the
// first time that it comes to be used in step 2 or later.
type bomb struct {
	place string
	off   bool
	kept  *memoryJournal
	w     *World
}

var errBoom = errors.New("boom")

func (b *bomb) at(place string) {
	if b.place == place && !b.off && b.w != nil && b.w.View().Step() >= 2 {
		panic(errBoom)
	}
}

func (b *bomb) Decide(_ context.Context, p *Perception) (*Decision, error) {
	if p.Persona.Name() == "Bob" {
		b.at("mind")
	}
	d := &Decision{Actions: []Action{{Kind: Talk, Content: fmt.Sprintf("Step %d is what %s talks about", p.Step, p.Persona.Name())}}}
	if len(p.Draft) == 0 && p.Persona.Name() == "Ann" {
		d.Actions = append(d.Actions, Action{Kind: "WRITE", Content: "x"}, Action{Kind: "LOOK"})
	}
	return d, nil
}

func (b *bomb) Consolidate(_ context.Context, _ *Perception, old []Event) (*Consolidation, error) {
	b.at("consolidation")
	return &Consolidation{Summary: fmt.Sprint(len(old), " events"), Memos: []Memo{{Content: "a memo"}}}, nil
}

func (b *bomb) Ask(context.Context, *Perception, Question) (*Answer, error) {
	b.at("asking")
	return &Answer{}, nil
}

func (b *bomb) Add(...Memo) { b.at("adding") }

func (b *bomb) Search(context.Context, Query) ([]Memo, error) {
	b.at("searching")
	return nil, nil
}

func (b *bomb) Name() string { return "desk" }

func (b *bomb) Acts() []ActSpec { return []ActSpec{{Kind: "WRITE"}, {Kind: "LOOK", Yields: true}} }

func (b *bomb) Perform(_ context.Context, _ *View, actor string, a Action) ([]Effect, error) {
	if a.Kind == "LOOK" {
		b.at("looking")
		return nil, nil
	}
	b.at("writing")
	return []Effect{Produce{Who: actor, Name: "a.txt", Data: []byte("x")}}, nil
}

func (b *bomb) Rounds(v *View, step int, r *rand.Rand) [][]string {
	b.at("scheduler")
	return Together{}.Rounds(v, step, r)
}

func (b *bomb) Resolve(v *View, actor string, a Action) ([]Effect, error) {
	b.at("rules")
	return Room{Acquainted: true}.Resolve(v, actor, a)
}

func (b *bomb) Greet(v *View, newcomer string) []Effect {
	b.at("greeting")
	return Room{Acquainted: true}.Greet(v, newcomer)
}

func (b *bomb) Append(evs ...Event) error {
	b.at("journal")
	return b.kept.Append(evs...)
}

func (b *bomb) options() *Options {
	return &Options{
		Seed: 1, Episode: 600, Scheduler: b, Rules: b, Journal: b,
		Store:   func(string, []byte) error { b.at("store"); return nil },
		Observe: func([]Event) { b.at("observer") },
		Tolerate: func(error) bool {
			b.at("tolerance")
			return false
		},
		Person: func(string) *PersonOptions {
			b.at("options")
			return &PersonOptions{Mind: b, Memory: b, Faculties: []Faculty{b}}
		},
		Interventions: []Intervention{{
			Name: "news",
			When: func(context.Context, *View) (*Reason, error) { b.at("condition"); return &Reason{}, nil },
			Then: func(_ context.Context, v *View) ([]Effect, error) {
				b.at("intervention")
				if v.Step() == 3 {
					return []Effect{Join{NewPersona("Cid")}}, nil
				}
				return nil, nil
			},
		}},
	}
}

func (b *bomb) begin(t *testing.T) {
	t.Helper()
	b.kept = &memoryJournal{}
	b.w = NewWorld("W", nil, b.options())
	add(t, b.w, "Ann", "Bob")
}

// TestPanics: a panic in anything that a caller gave is an error that says where it
// was, and nothing else is lost: the journal holds whole commits, and a world resumed
// from them, in which nothing panics any more, comes to what it would have come to.
func TestPanics(t *testing.T) {
	const steps = 6
	whole := &bomb{off: true}
	whole.begin(t)
	if err := whole.w.Run(t.Context(), steps); err != nil {
		t.Fatal(err)
	}
	if count(whole.w, EventFolded) == 0 || count(whole.w, EventProduced) == 0 {
		t.Fatal("not everything is tried")
	}
	for place, want := range map[string]string{
		"mind":          "step 2: Bob: mind: panic: boom (tinytroupe.(*bomb).at, panic_test.go:",
		"consolidation": "consolidation: mind: panic: boom (",
		"adding":        ": memory: panic: boom (",
		"searching":     "memory: search: panic: boom (",
		"looking":       `step 2: Ann: faculty "desk": panic: boom (`,
		"writing":       `step 2: Ann: faculty "desk": panic: boom (`,
		"scheduler":     "step 3: scheduler: panic: boom (",
		"rules":         "step 2: Ann: rules: panic: boom (",
		"greeting":      `step 3: intervention "news": rules: panic: boom (`,
		"journal":       "step 2: journal: append: panic: boom (",
		"store":         "step 2: Ann: store: keep: panic: boom (",
		"observer":      "step 2: observer: panic: boom (",
		"options":       `step 3: intervention "news": Cid: options: panic: boom (`,
		"condition":     `step 3: intervention "news": when: panic: boom (`,
		"intervention":  `step 3: intervention "news": then: panic: boom (`,
	} {
		t.Run(place, func(t *testing.T) {
			b := &bomb{place: place}
			b.begin(t)
			err := b.w.Run(t.Context(), steps)
			p, ok := errors.AsType[*PanicError](err)
			if !ok || !strings.Contains(err.Error(), want) || !errors.Is(err, errBoom) {
				t.Fatalf("got %v\nwant %s", err, want)
			}
			if !strings.Contains(string(p.Stack), "panic_test.go") {
				t.Errorf("no stack:\n%s", p.Stack)
			}
			if n := len(b.kept.evs); n == 0 || !b.kept.evs[n-1].End {
				t.Fatal("the journal ends within a commit")
			}
			b.off = true
			before := slices.Clone(b.kept.evs)
			if b.w, err = Resume(nil, eventSeq(before), b.options()); err != nil {
				t.Fatal(err)
			}
			left := steps - b.w.View().Step()
			if b.w.View().Open() {
				left++
			}
			if err := b.w.Run(t.Context(), left); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(whole.kept.evs, b.kept.evs, cmp.AllowUnexported(Persona{})); diff != "" {
				t.Errorf("the journal differs from one without a panic:\n%s", diff)
			}
		})
	}
}

// TestPanicTolerated: a panic can be borne like any other error of a turn; what is
// journalled of it is the same each time.
func TestPanicTolerated(t *testing.T) {
	var journals []string
	for range 2 {
		b := &bomb{place: "mind"}
		o := b.options()
		b.kept = &memoryJournal{}
		o.Tolerate = func(error) bool { return true }
		b.w = NewWorld("W", nil, o)
		add(t, b.w, "Ann", "Bob")
		if err := b.w.Run(t.Context(), 3); err != nil {
			t.Fatal(err)
		}
		var failures []string
		for _, ev := range b.kept.evs {
			if ev.Kind == EventFailed {
				failures = append(failures, ev.Who+": "+ev.Failure.Cause)
			}
		}
		if len(failures) != 2 || !strings.HasPrefix(failures[0], "Bob: mind: panic: boom (") {
			t.Fatalf("%q", failures)
		}
		journals = append(journals, fmt.Sprint(failures))
	}
	if journals[0] != journals[1] {
		t.Errorf("two runs differ:\n%s\n%s", journals[0], journals[1])
	}
}

// TestPanicElsewhere: panics outside of steps, of the runtime's own kind, and in what
// judges errors.
func TestPanicElsewhere(t *testing.T) {
	b := &bomb{place: "asking"}
	b.begin(t)
	if err := b.w.Run(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if _, err := b.w.Person("Ann").Ask(t.Context(), Question{}); err == nil || !strings.HasPrefix(err.Error(), "Ann: ask: mind: panic: boom") {
		t.Errorf("ask: %v", err)
	}
	b.place = "mind"
	_, err := b.w.Person("Bob").Act(t.Context())
	if te, ok := errors.AsType[*TurnError](err); !ok || te.Person != "Bob" || !isPanic(err) {
		t.Errorf("act: %v", err)
	}
	b.place = "rules"
	if _, err := b.w.Person("Bob").Act(t.Context()); !isPanic(err) {
		t.Errorf("act: %v", err)
	}
	b.place = "greeting"
	if _, err := b.w.Add(NewPersona("Dot"), nil); !isPanic(err) || b.w.Person("Dot") != nil {
		t.Errorf("add: %v", err)
	}

	var none map[string]int
	w := NewWorld("W", mindFunc(func(_ context.Context, p *Perception) (*Decision, error) {
		none[p.Persona.Name()] = 1
		return nil, nil
	}), nil)
	add(t, w, "Ann")
	err = w.Run(t.Context(), 1)
	if _, ok := errors.AsType[runtime.Error](err); !ok || !strings.HasPrefix(err.Error(), "step 1: Ann: mind: panic: assignment to entry in nil map (tinytroupe.TestPanicElsewhere.func1, panic_test.go:") {
		t.Errorf("a panic of the runtime: %v", err)
	}

	w = NewWorld("W", mindFunc(func(context.Context, *Perception) (*Decision, error) { return nil, errBoom }),
		&Options{Tolerate: func(error) bool { panic("no") }})
	add(t, w, "Ann")
	if err := w.Run(t.Context(), 1); !errors.Is(err, errBoom) || !isPanic(err) {
		t.Errorf("tolerance: %v", err)
	}
}
