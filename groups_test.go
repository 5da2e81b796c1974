package tinytroupe_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/mind"
)

const (
	groupCount, groupPeople, groupSteps = 20, 8, 5
	groupCalls                          = groupCount * groupPeople * groupSteps
	groupLatency                        = 500 * time.Millisecond
)

// slow is an endpoint that takes half a second for an answer, and rejects some calls.
type slow struct {
	instant
	reject func(inFlight int) bool // nil rejects none
	late   bool                    // a rejection takes as long as an answer

	mu                 sync.Mutex
	inFlight, rejected int
}

func (s *slow) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	s.mu.Lock()
	s.inFlight++
	reject := s.reject != nil && s.reject(s.inFlight)
	if reject {
		s.rejected++
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.inFlight--
		s.mu.Unlock()
	}()
	if !reject || s.late {
		select {
		case <-time.After(groupLatency):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if reject {
		return nil, &llm.Error{Status: 429, Err: llm.ErrRate}
	}
	return s.instant.Generate(ctx, req)
}

// groups runs 20 groups of 8 for 5 steps through one limiter, and returns the share of
// the ideal time: that of 800 calls of half a second, so many at a time as ideally.
// Time is simulated: the figure does not depend on the machine.
func groups(t *testing.T, vendor *slow, l *llm.Limiter, atOnce int) (share float64) {
	m, err := mind.New(llm.Wrap(vendor, llm.Retry(&llm.RetryOptions{Attempts: 50}), llm.Limit(l)), nil)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	var wg sync.WaitGroup
	for g := range groupCount {
		wg.Go(func() {
			w := tinytroupe.NewWorld(fmt.Sprint("Group ", g), m, &tinytroupe.Options{Scheduler: tinytroupe.Together{}})
			for i := range groupPeople {
				if _, err := w.Add(tinytroupe.NewPersona(fmt.Sprint("Person ", i)), nil); err != nil {
					t.Error(err)
				}
			}
			if err := w.IntroduceAll(); err != nil {
				t.Error(err)
			}
			if err := w.Run(t.Context(), groupSteps); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	took := time.Since(begun)
	if n := vendor.n.Load(); n != groupCalls {
		t.Fatalf("%d calls were answered, want %d", n, groupCalls)
	}
	ideal := groupCalls * groupLatency / time.Duration(atOnce)
	share = float64(ideal) / float64(took)
	t.Logf("%v, ideal %v: %.3f; %d rejected; bound %d at the end", took, ideal, share, vendor.rejected, l.Parallel())
	return share
}

// TestGroups: one limit of 32 calls at once costs at most a twentieth of the time.
func TestGroups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := llm.NewLimiter(&llm.LimiterOptions{Parallel: 32})
		if share := groups(t, &slow{}, l, 32); share < 0.95 {
			t.Errorf("%.3f of the ideal, want 0.95", share)
		}
	})
}

// TestGroupsAtAFlakyEndpoint: an endpoint that rejects a call in twenty, whatever the
// load, keeps its calls at once. Where a rejection takes as long as an answer, it fills
// a slot for that time, which counts as used.
func TestGroupsAtAFlakyEndpoint(t *testing.T) {
	for seed := range uint64(2) {
		for _, late := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				r := rand.New(rand.NewPCG(seed, 0))
				vendor := &slow{late: late, reject: func(int) bool { return r.IntN(20) == 0 }}
				l := llm.NewLimiter(&llm.LimiterOptions{Parallel: 32})
				share := groups(t, vendor, l, 32)
				if late {
					share *= float64(groupCalls+vendor.rejected) / groupCalls
				}
				if share < 0.9 {
					t.Errorf("seed %d late %v: %.3f of the ideal, want 0.9", seed, late, share)
				}
				if l.Parallel() != 32 || vendor.rejected < 20 {
					t.Errorf("seed %d: %d at once in the end, %d rejected", seed, l.Parallel(), vendor.rejected)
				}
			})
		}
	}
}

// TestGroupsAtASmallEndpoint: an endpoint that takes six calls at once is found out and
// held, at the cost of at most 150 rejections. Where each rejection takes as long as an
// answer, what is learnt is half a second old, and more are met: how many depends on the
// order in which goroutines come to it.
func TestGroupsAtASmallEndpoint(t *testing.T) {
	for _, late := range []bool{false, true} {
		for _, parallel := range []int{0, 32} {
			synctest.Test(t, func(t *testing.T) {
				vendor := &slow{late: late, reject: func(n int) bool { return n > 6 }}
				l := llm.NewLimiter(&llm.LimiterOptions{Parallel: parallel, Most: 32})
				share := groups(t, vendor, l, 6)
				most, least := 150, 0.95
				if late {
					most, least = 400, 0.7
				}
				if vendor.rejected > most || l.Parallel() < 4 || l.Parallel() > 9 || share < least {
					t.Errorf("begun with %d, late %v: %d rejected, bound %d, %.3f of the ideal", parallel, late, vendor.rejected, l.Parallel(), share)
				}
			})
		}
	}
}
