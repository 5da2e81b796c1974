package llm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// load sends n requests at once and returns the time they took.
func load(ctx context.Context, m llm.Model, n int) time.Duration {
	start := time.Now()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { m.Generate(ctx, hello(fmt.Sprint(i))) })
	}
	wg.Wait()
	return time.Since(start)
}

// endpoint takes half a second for each call and rejects those beyond most at once.
type endpoint struct {
	most             int64
	now, peak, total atomic.Int64
}

func (e *endpoint) Name() string { return "test/endpoint" }

func (e *endpoint) Generate(ctx context.Context, _ *llm.Request) (*llm.Response, error) {
	e.total.Add(1)
	n := e.now.Add(1)
	defer e.now.Add(-1)
	if n > e.most {
		return nil, &llm.Error{Status: 429, Err: llm.ErrRate}
	}
	for p := e.peak.Load(); n > p && !e.peak.CompareAndSwap(p, n); p = e.peak.Load() {
	}
	select {
	case <-time.After(500 * time.Millisecond):
		return says("hi"), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func TestLimiterLosesNoTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{most: 32}
		l := llm.NewLimiter(&llm.LimiterOptions{Parallel: 32})
		if d := load(t.Context(), llm.Wrap(e, llm.Limit(l)), 320); d != 5*time.Second || e.peak.Load() != 32 {
			t.Errorf("320 calls of 0.5 s, 32 at once, took %v; peak %d", d, e.peak.Load())
		}
	})
}

func TestLimiterAdapts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// It grows while the endpoint takes it…
		e := &endpoint{most: 1000}
		l := llm.NewLimiter(nil)
		if l.Parallel() != 8 {
			t.Errorf("begins with %d", l.Parallel())
		}
		load(t.Context(), llm.Wrap(e, llm.Limit(l)), 200)
		if l.Parallel() != 32 {
			t.Errorf("an endpoint that takes everything gets %d at once", l.Parallel())
		}
		// …not without need…
		l = llm.NewLimiter(nil)
		for range 50 {
			load(t.Context(), llm.Wrap(e, llm.Limit(l)), 1)
		}
		if l.Parallel() != 8 {
			t.Errorf("one call at a time made it %d", l.Parallel())
		}
		// …and settles near what a small endpoint takes, losing no request.
		e = &endpoint{most: 4}
		l = llm.NewLimiter(&llm.LimiterOptions{Parallel: 32})
		var failed atomic.Int64
		counted := func(m llm.Model) llm.Model {
			return fake(func(ctx context.Context, req *llm.Request) (*llm.Response, error) {
				resp, err := m.Generate(ctx, req)
				if err != nil {
					failed.Add(1)
				}
				return resp, err
			})
		}
		load(t.Context(), llm.Wrap(e, counted, llm.Retry(&llm.RetryOptions{Attempts: 20}), llm.Limit(l)), 200)
		if l.Parallel() > 8 || l.Parallel() < 1 || failed.Load() > 0 {
			t.Errorf("an endpoint of 4 gets %d at once; %d failed", l.Parallel(), failed.Load())
		}
	})
}

func TestLimiterForgivesSingleRejections(t *testing.T) {
	t.Parallel()
	l := llm.NewLimiter(&llm.LimiterOptions{Parallel: 16})
	n := 0
	m := llm.Wrap(fake(func(context.Context, *llm.Request) (*llm.Response, error) {
		if n++; n%2 == 0 {
			return nil, llm.ErrRate
		}
		return says("hi"), nil
	}), llm.Limit(l))
	for range 100 {
		m.Generate(t.Context(), hello("Hi."))
	}
	if l.Parallel() != 16 {
		t.Errorf("every second rejected: %d", l.Parallel())
	}
	n = 1
	for range 9 {
		n = 1 // from here on, only rejections
		m.Generate(t.Context(), hello("Hi."))
	}
	if l.Parallel() != 8 {
		t.Errorf("most of the last 16 rejected: %d", l.Parallel())
	}
}

func TestLimiterPausesOnRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := llm.NewLimiter(&llm.LimiterOptions{Parallel: 4})
		var starts []time.Duration
		start := time.Now()
		var after time.Duration
		m := llm.Wrap(fake(func(context.Context, *llm.Request) (*llm.Response, error) {
			starts = append(starts, time.Since(start))
			if d := after; d > 0 {
				after = 0
				return nil, &llm.Error{Err: llm.ErrRate, RetryAfter: d}
			}
			return says("hi"), nil
		}), llm.Limit(l))
		after = 5 * time.Minute
		for _, text := range []string{"first", "second", "third"} {
			m.Generate(t.Context(), hello(text))
		}
		after = time.Hour // longer than Retry waits, so nobody else does
		for _, text := range []string{"first", "second"} {
			m.Generate(t.Context(), hello(text))
		}
		if want := []time.Duration{0, 5 * time.Minute, 5 * time.Minute, 5 * time.Minute, 5 * time.Minute}; !slices.Equal(starts, want) {
			t.Errorf("calls began at %v, want %v", starts, want)
		}
		// Who waits in a pause can leave.
		after = time.Minute
		m.Generate(t.Context(), hello("fourth"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := m.Generate(ctx, hello("fifth")); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestLimiterIsFair(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var order []string
		m := llm.Wrap(fake(func(_ context.Context, req *llm.Request) (*llm.Response, error) {
			order = append(order, req.Messages[0].Parts[0].Text)
			time.Sleep(time.Second)
			return says("hi"), nil
		}), llm.Limit(llm.NewLimiter(&llm.LimiterOptions{Parallel: 1})))
		var wg sync.WaitGroup
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			ctx, cancel := context.WithCancel(t.Context())
			wg.Go(func() { defer cancel(); m.Generate(ctx, hello(name)) })
			synctest.Wait()
			if name == "c" {
				cancel() // leaves the queue
			}
		}
		wg.Wait()
		if !slices.Equal(order, []string{"a", "b", "d", "e"}) {
			t.Errorf("served in order %v", order)
		}
	})
}

func TestAStopEndsWaitingNotWork(t *testing.T) {
	t.Parallel()
	for _, with := range []llm.Middleware{
		llm.Limit(llm.NewLimiter(&llm.LimiterOptions{Parallel: 1})),
		llm.Meter(llm.NewMemory()),
		llm.Spend(llm.NewBudget(nil)),
	} {
		synctest.Test(t, func(t *testing.T) {
			e := &endpoint{most: 10}
			m := llm.Wrap(e, with)
			run := func(ctx context.Context) error { _, err := m.Generate(ctx, hello("Hi.")); return err }

			ctx, stop := drain.With(t.Context())
			time.AfterFunc(100*time.Millisecond, stop)
			if err := run(ctx); err != nil {
				t.Errorf("a stop ended a call in flight: %v", err)
			}
			if err := run(ctx); !errors.Is(err, drain.ErrStopped) || e.total.Load() != 1 {
				t.Errorf("a call was sent after the stop: %v", err)
			}

			outer, cancel := context.WithCancel(t.Context())
			ctx, stop = drain.With(outer)
			time.AfterFunc(100*time.Millisecond, stop)
			time.AfterFunc(200*time.Millisecond, cancel)
			if err := run(ctx); !errors.Is(err, context.Canceled) {
				t.Errorf("a real cancel after the stop: %v", err)
			}

			ctx, stop = drain.With(t.Context())
			defer stop()
			inner, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
			defer cancel()
			time.AfterFunc(100*time.Millisecond, stop)
			if err := run(inner); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a deadline inside of the stop: %v", err)
			}

			ctx, stop = drain.With(t.Context())
			defer stop()
			inner, cancel = context.WithCancel(ctx)
			time.AfterFunc(100*time.Millisecond, cancel)
			if err := run(inner); !errors.Is(err, context.Canceled) {
				t.Errorf("a cancel inside of the stop: %v", err)
			}
		})
	}
}

// TestLimiterTurns: rooms are served in turn, however many calls each has waiting, and
// whichever model they are for.
func TestLimiterTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		m := llm.Wrap(fake(func(_ context.Context, req *llm.Request) (*llm.Response, error) {
			mu.Lock()
			order = append(order, req.Label.World)
			mu.Unlock()
			time.Sleep(time.Second)
			return says("hi"), nil
		}), llm.Limit(llm.NewLimiter(&llm.LimiterOptions{Parallel: 1})))
		var wg sync.WaitGroup
		for world, n := range []int{6, 1, 3} {
			for i := range n {
				req := hello(fmt.Sprint(i))
				req.Label.World = string(rune('a' + world))
				wg.Go(func() { m.Generate(t.Context(), req) })
				synctest.Wait()
			}
		}
		wg.Wait()
		if want := []string{"a", "a", "b", "c", "a", "c", "a", "c", "a", "a"}; !slices.Equal(order, want) {
			t.Errorf("served %v, want %v", order, want)
		}
	})
}

// TestLimiterIsSharedByEmbedders: models and embedders of one endpoint have one bound.
func TestLimiterIsSharedByEmbedders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := &endpoint{most: 5}
		l := llm.NewLimiter(&llm.LimiterOptions{Parallel: 5})
		m := llm.Wrap(e, llm.Limit(l))
		emb := llm.WrapEmbedder(embedding(func(ctx context.Context, texts []string) ([][]float32, llm.Usage, error) {
			_, err := e.Generate(ctx, nil)
			return [][]float32{{1}}, llm.Usage{Input: 1}, err
		}), &llm.EmbedderOptions{Limiter: l})
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				if _, err := m.Generate(t.Context(), hello(fmt.Sprint(i))); err != nil {
					t.Error(err)
				}
			})
			wg.Go(func() {
				if _, _, err := emb.Embed(t.Context(), []string{fmt.Sprint(i)}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if e.peak.Load() != 5 || e.total.Load() != 40 {
			t.Errorf("%d at once, %d in all", e.peak.Load(), e.total.Load())
		}
	})
}

// TestLimiterHoldsOff: what rate headers say holds the calls of that model alone, until
// the time that they name and no longer; and longer than MaxPause is not waited for.
func TestLimiterHoldsOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := llm.NewLimiter(&llm.LimiterOptions{Parallel: 4})
		start := time.Now()
		said := map[string]time.Duration{"none left": 20 * time.Second, "none left today": 6 * time.Hour}
		began := map[string]time.Duration{}
		named := func(name string) llm.Model {
			return llm.Wrap(namedFake{name, func(ctx context.Context, req *llm.Request) (*llm.Response, error) {
				text := req.Messages[0].Parts[0].Text
				began[text] = time.Since(start)
				llm.HoldOff(ctx, said[text])
				return says("hi"), nil
			}}, llm.Limit(l))
		}
		one, other := named("test/one"), named("test/other")
		for _, c := range []struct {
			m    llm.Model
			text string
		}{{one, "free"}, {one, "none left"}, {other, "of the other model"}, {one, "after it"}, {one, "none left today"}, {one, "last"}} {
			if _, err := c.m.Generate(t.Context(), hello(c.text)); err != nil {
				t.Error(err)
			}
		}
		for text, want := range map[string]time.Duration{"none left": 0, "of the other model": 0, "after it": 20 * time.Second, "last": 20 * time.Second} {
			if began[text] != want {
				t.Errorf("%s: began after %v, want %v", text, began[text], want)
			}
		}
		// The other model goes on while calls of the first wait.
		var wg sync.WaitGroup
		one.Generate(t.Context(), hello("none left"))
		again := time.Since(start)
		wg.Go(func() { one.Generate(t.Context(), hello("waits")) })
		synctest.Wait()
		other.Generate(t.Context(), hello("beside"))
		wg.Wait()
		if began["beside"] != again || began["waits"] != again+20*time.Second {
			t.Errorf("beside %v, waits %v, held at %v", began["beside"], began["waits"], again)
		}
	})
	llm.HoldOff(t.Context(), time.Hour) // nobody listens
}

type namedFake struct {
	name string
	fake
}

func (n namedFake) Name() string { return n.name }

type embedding func(context.Context, []string) ([][]float32, llm.Usage, error)

func (embedding) Name() string { return "test/embedding" }
func (e embedding) Embed(ctx context.Context, texts []string) ([][]float32, llm.Usage, error) {
	return e(ctx, texts)
}

// Whatever comes of calls, the bound falls when most of the last 16, since it fell
// last, were rejected, to a half, and then only.
func TestLimiterFallsOnlyWhenMostAreRejected(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		l := llm.NewLimiter(&llm.LimiterOptions{Parallel: 32})
		var reject bool
		m := llm.Wrap(fake(func(context.Context, *llm.Request) (*llm.Response, error) {
			if reject {
				return nil, llm.ErrRate
			}
			return says("hi"), nil
		}), llm.Limit(l))
		likely := rapid.IntRange(0, 10).Draw(rt, "of ten")
		bound, last := 32, []bool{}
		for range 200 {
			reject = rapid.IntRange(1, 10).Draw(rt, "outcome") <= likely
			m.Generate(context.Background(), hello("Hi."))
			last = append(last, reject)
			last = last[max(0, len(last)-16):]
			n := 0
			for _, r := range last {
				if r {
					n++
				}
			}
			if reject && n > 8 {
				bound, last = max(1, bound/2), nil
			}
			if got := l.Parallel(); got < bound || bound > 1 && got != bound {
				rt.Fatalf("the bound is %d after %v, want %d", got, last, bound)
			}
			if bound == 1 {
				return // from here on, calls one at a time fill it, and it may grow
			}
		}
	})
}
