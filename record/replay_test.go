package record

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe"
)

// typing is a human: words of their own each time, and no summaries.
type typing struct{ n int }

func (h *typing) Decide(context.Context, *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	h.n++
	talk := tinytroupe.Action{Kind: tinytroupe.Talk, Content: strings.Repeat(fmt.Sprintf("line %d ", h.n), 30)}
	return &tinytroupe.Decision{Actions: []tinytroupe.Action{talk}, State: &tinytroupe.MentalState{Goals: fmt.Sprint("goal ", h.n)}}, nil
}

// TestReplayTurns makes a human's turns again: several outside of any step, each as it
// was, and then so many that an episode would be summed up by a mind that can.
func TestReplayTurns(t *testing.T) {
	r := newRecord(t, filepath.Join(t.TempDir(), "r"))
	if _, err := r.Calls(); err != nil {
		t.Fatal(err)
	}
	program := func(m tinytroupe.Mind, o *tinytroupe.Options) {
		t.Helper()
		w := tinytroupe.NewWorld("all", nil, o)
		p, err := w.Add(tinytroupe.NewPersona("Me"), &tinytroupe.PersonOptions{Mind: m})
		if err != nil {
			t.Fatal(err)
		}
		for _, say := range []string{"Hello.", "And now?", "And then?"} {
			if _, err := p.ListenAndAct(t.Context(), say); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Run(t.Context(), 4); err != nil {
			t.Fatal(err)
		}
	}
	j, err := r.Journal("all")
	if err != nil {
		t.Fatal(err)
	}
	program(&typing{}, &tinytroupe.Options{Journal: j, Episode: 300})
	again, err := r.Replay()
	if err != nil {
		t.Fatal(err)
	}
	program(again.Mind("all", nil), &tinytroupe.Options{Journal: again.Journal("all"), Episode: 300, Tolerate: again.Tolerate})
	if err := again.Finish(); err != nil {
		t.Error(err)
	}
}
