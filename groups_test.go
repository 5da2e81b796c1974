package tinytroupe_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/mind"
)

// slow is instant after half a second.
type slow struct{ instant }

func (s *slow) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	select {
	case <-time.After(500 * time.Millisecond):
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	return s.instant.Generate(ctx, req)
}

// TestGroups: 20 groups of 8, 5 steps each, all under one limit of 32 calls at once,
// take at most 1/0.95 of the time that 800 calls of half a second need at 32 a time.
// Time is simulated: the figure does not depend on the machine.
func TestGroups(t *testing.T) {
	const groups, people, steps, limit = 20, 8, 5, 32
	synctest.Test(t, func(t *testing.T) {
		vendor := &slow{}
		m, err := mind.New(llm.Wrap(vendor, llm.Limit(llm.NewLimiter(&llm.LimiterOptions{Parallel: limit}))), nil)
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		var wg sync.WaitGroup
		for g := range groups {
			wg.Go(func() {
				w := tinytroupe.NewWorld(fmt.Sprint("Group ", g), m, &tinytroupe.Options{Scheduler: tinytroupe.Together{}})
				for i := range people {
					if _, err := w.Add(tinytroupe.NewPersona(fmt.Sprint("Person ", i)), nil); err != nil {
						t.Error(err)
					}
				}
				if err := w.IntroduceAll(); err != nil {
					t.Error(err)
				}
				if err := w.Run(t.Context(), steps); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		took := time.Since(begun)
		if n := vendor.n.Load(); n != groups*people*steps {
			t.Fatalf("%d calls", n)
		}
		ideal := time.Duration(groups*people*steps) * 500 * time.Millisecond / limit
		share := float64(ideal) / float64(took)
		t.Logf("%v, ideal %v: %.3f", took, ideal, share)
		if share < 0.95 {
			t.Errorf("%.3f of the ideal, want 0.95", share)
		}
	})
}
