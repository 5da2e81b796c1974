package tinytroupe_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/cputime"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/mind"
)

// room fills a world with n people who know one another.
func room(tb testing.TB, name string, m tinytroupe.Mind, n int) *tinytroupe.World {
	w := tinytroupe.NewWorld(name, m, &tinytroupe.Options{Scheduler: tinytroupe.Together{}, Episode: -1})
	for i := range n {
		if _, err := w.Add(tinytroupe.NewPersona(fmt.Sprintf("Person %d of %s", i, name)), nil); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.IntroduceAll(); err != nil {
		tb.Fatal(err)
	}
	return w
}

// TestStory21StepsAreLinear: a step of 5, 50 and 500 people in one room takes the time
// that their calls need at 32 at once, and not a call more. Elsewhere 5, 10 and 20 people
// took 45, 181 and 722 s.
func TestStory21StepsAreLinear(t *testing.T) {
	for _, n := range []int{5, 50, 500} {
		synctest.Test(t, func(t *testing.T) {
			vendor := &slow{}
			m, err := mind.New(llm.Wrap(vendor, llm.Retry(nil), llm.Limit(llm.NewLimiter(&llm.LimiterOptions{Parallel: 32})),
				llm.Spend(llm.NewBudget(&llm.BudgetOptions{Tokens: 1 << 40}))), nil)
			if err != nil {
				t.Fatal(err)
			}
			w := room(t, "the room", m, n)
			steps := 2
			if n == 500 {
				steps = 1 // the second has 500 prompts of 500 remarks
			}
			for step := range steps {
				begun := time.Now()
				if err := w.Run(t.Context(), 1); err != nil {
					t.Fatal(err)
				}
				ideal := time.Duration((n+31)/32) * groupLatency
				if took := time.Since(begun); took != ideal {
					t.Errorf("%d people, step %d: %v, want %v", n, step+1, took, ideal)
				}
			}
			if calls := vendor.n.Load(); calls != int64(steps*n) {
				t.Errorf("%d people: %d calls for %d steps", n, calls, steps)
			}
		})
	}
}

// BenchmarkStep is the processor time of a turn among 5, 50 and 500 people: in rooms of
// five, where it must not grow, and in one room where all talk to all, so that what each
// hears in a step grows with the number of people.
func BenchmarkStep(b *testing.B) {
	for _, n := range []int{5, 50, 500} {
		for _, size := range slices.Compact([]int{5, n}) {
			b.Run(fmt.Sprintf("people=%d/rooms=%d", n, n/size), func(b *testing.B) {
				m, err := mind.New(llm.Wrap(&instant{}, llm.Retry(nil), llm.Limit(llm.NewLimiter(&llm.LimiterOptions{Parallel: 32})),
					llm.Spend(llm.NewBudget(&llm.BudgetOptions{Tokens: 1 << 40}))), nil)
				if err != nil {
					b.Fatal(err)
				}
				const steps = 3
				var used time.Duration
				turns := 0
				for b.Loop() {
					b.StopTimer()
					worlds := make([]*tinytroupe.World, n/size)
					for i := range worlds {
						worlds[i] = room(b, fmt.Sprint("room ", i), m, size)
					}
					b.StartTimer()
					before := cputime.Used()
					var wg sync.WaitGroup
					for _, w := range worlds {
						wg.Go(func() {
							if err := w.Run(context.Background(), steps); err != nil {
								b.Error(err)
							}
						})
					}
					wg.Wait()
					used += cputime.Used() - before
					turns += n * steps
				}
				b.ReportMetric(float64(used.Microseconds())/float64(turns), "µs-cpu/turn")
				b.ReportMetric(float64(turns)/b.Elapsed().Seconds(), "turns/s")
			})
		}
	}
}
