package tinytroupe

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// counter is a mind that says how much it remembers, and sums up when asked.
type counter struct{ seen *[]*Perception }

func (c counter) Decide(_ context.Context, p *Perception) (*Decision, error) {
	*c.seen = append(*c.seen, p)
	return &Decision{
		Actions: []Action{{Kind: Talk, Content: fmt.Sprintf("In %s I remember %d things and hear %d.", p.World, len(p.Episode), len(p.Stimuli))}},
		State:   &MentalState{Goals: fmt.Sprint("goal ", len(p.Episode))},
	}, nil
}

func (c counter) Consolidate(_ context.Context, p *Perception, old []Event) (*Consolidation, error) {
	return &Consolidation{Summary: fmt.Sprintf("%s+%d", p.Summary, len(old))}, nil
}

type pastJournal struct{ events []Event }

func (j *pastJournal) Append(evs ...Event) error {
	j.events = append(j.events, evs...)
	return nil
}

func allOf(evs []Event) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for _, ev := range evs {
			if !yield(ev, nil) {
				return
			}
		}
	}
}

// TestPast takes people from one world to another: they remember, they have seen
// what was still to be seen, and a resumed world is the same.
func TestPast(t *testing.T) {
	var seen []*Perception
	m := counter{&seen}
	first := NewWorld("Kitchen", m, &Options{Rules: Room{Acquainted: true}})
	for _, name := range []string{"Ann", "Bo"} {
		if _, err := first.Add(NewPersona(name), nil); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Broadcast("Hello"); err != nil {
		t.Fatal(err)
	}
	if err := first.Run(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	past := first.View().Past("Ann")
	if n := first.View().Waiting("Ann"); n != 1 {
		t.Fatalf("%d waiting", n)
	}
	if past.State.Goals == "" || len(past.Episode) != 1+3+1+3+1 || past.Size() == 0 {
		t.Fatalf("%d events, state %v", len(past.Episode), past.State)
	}
	if n := past.Oldest("Ann", 1); n != 4 {
		t.Errorf("the oldest turn has %d events", n)
	}

	j := &pastJournal{}
	opts := &Options{Journal: j}
	second := NewWorld("Garden", m, opts)
	if err := second.Apply(Join{NewPersona("Ann")}, Carry{"Ann", past}, Join{NewPersona("Cy")}); err != nil {
		t.Fatal(err)
	}
	if err := second.Apply(Carry{"Nobody", past}); err == nil {
		t.Error("a past for nobody")
	}
	seen = nil
	if err := second.Run(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	p := seen[0]
	if len(p.Episode) != len(past.Episode) || len(p.Stimuli) != 0 || p.State != past.State || p.Step != 1 {
		t.Errorf("%d events, %d stimuli, %v", len(p.Episode), len(p.Stimuli), p.State)
	}
	for _, ev := range p.Episode {
		if ev.Seq != 0 || ev.End {
			t.Errorf("%+v", ev)
		}
	}
	if len(seen[1].Episode) != 0 || second.View().Past("Nobody").Episode != nil {
		t.Error("Cy remembers")
	}

	// The journal says it all.
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	for _, ev := range j.events {
		if err := enc.Encode(ev); err != nil {
			t.Fatal(err)
		}
	}
	var read []Event
	for dec := json.NewDecoder(&b); dec.More(); {
		var ev Event
		if err := dec.Decode(&ev); err != nil {
			t.Fatal(err)
		}
		read = append(read, ev)
	}
	again, err := Resume(m, allOf(read), nil)
	if err != nil {
		t.Fatal(err)
	}
	same := cmpopts.EquateEmpty()
	if diff := cmp.Diff(second.View().Past("Ann"), again.View().Past("Ann"), same); diff != "" {
		t.Error(diff)
	}
	for _, w := range []*World{second, again} {
		seen = nil
		if err := w.Run(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		if got := len(seen[0].Episode); got != len(past.Episode)+3 {
			t.Errorf("%d events", got)
		}
	}
	if diff := cmp.Diff(second.View().Past("Ann"), again.View().Past("Ann"), same); diff != "" {
		t.Error(diff)
	}
}

// TestPastInPlace gives a past to somebody whose episode is being consolidated:
// what comes of that is of what they remembered before, and does not count.
func TestPastInPlace(t *testing.T) {
	var seen []*Perception
	w := NewWorld("Hall", counter{&seen}, &Options{Episode: 500})
	if _, err := w.Add(NewPersona("Ann"), nil); err != nil {
		t.Fatal(err)
	}
	for range 4 {
		if err := w.Broadcast("What do you remember of all the many things that happened here?"); err != nil {
			t.Fatal(err)
		}
		if err := w.Run(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.jobs) == 0 {
		t.Fatal("nothing is being consolidated: the test shows nothing")
	}
	if err := w.Broadcast("Never seen"); err != nil {
		t.Fatal(err)
	}
	if err := w.Apply(Carry{"Ann", Past{Summary: "elsewhere \xff"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Run(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	last := seen[len(seen)-1]
	if last.Summary != "elsewhere \ufffd" || len(last.Episode) != 0 || len(last.Stimuli) != 0 {
		t.Errorf("%q, %d events, %d stimuli", last.Summary, len(last.Episode), len(last.Stimuli))
	}
}
