package llm

import (
	"container/list"
	"context"
	"errors"
	"sync"
	"time"
)

// LimiterOptions tune a [Limiter]. Nil and zero fields mean the defaults.
type LimiterOptions struct {
	Parallel int           // calls at once to begin with; default 8
	Most     int           // calls at once it may grow to; default Parallel where that is set, else 32
	MaxPause time.Duration // the longest pause for one Retry-After; default 1 min
}

// A Limiter bounds how many calls one endpoint gets at once. Make one for each
// endpoint and share it among all models there; a new one for each model would let
// each have the whole bound.
//
// The bound adapts. It doubles with each round of successes until the endpoint first
// pushes back, then grows by one a round, as long as it is fully used. It halves when
// most of the last 16 calls ended in ErrRate; a single rejection changes nothing. A
// Retry-After pauses the endpoint for that long. Those who wait are served in the
// order in which they came.
type Limiter struct {
	most     int
	maxPause time.Duration

	mu      sync.Mutex
	bound   float64
	careful bool // the endpoint has pushed back: grow slowly
	inUse   int
	queue   list.List // of chan struct{}, closed to hand over a slot
	last    [16]bool  // a ring: was the outcome a rejection
	at, n   int       // next place in the ring; outcomes in it
	until   time.Time // paused
	timer   *time.Timer
}

// NewLimiter returns a limiter.
func NewLimiter(o *LimiterOptions) *Limiter {
	var opts LimiterOptions
	if o != nil {
		opts = *o
	}
	if opts.Most <= 0 {
		opts.Most = opts.Parallel
		if opts.Parallel <= 0 {
			opts.Most = 32
		}
	}
	if opts.Parallel <= 0 {
		opts.Parallel = 8
	}
	if opts.MaxPause <= 0 {
		opts.MaxPause = time.Minute
	}
	return &Limiter{most: opts.Most, maxPause: opts.MaxPause, bound: float64(min(opts.Parallel, opts.Most))}
}

// Limit makes calls wait for a slot of l. Waiting ends with ctx; a call that has its
// slot is no longer ended by a drain stop, only by a real cancel or deadline.
func Limit(l *Limiter) Middleware {
	return func(m Model) Model {
		return &wrapper{m, func(ctx context.Context, req *Request) (*Response, error) {
			return limited(ctx, l, func(ctx context.Context) (*Response, error) { return m.Generate(ctx, req) })
		}}
	}
}

func limited[T any](ctx context.Context, l *Limiter, call func(context.Context) (T, error)) (v T, err error) {
	if err := l.acquire(ctx); err != nil {
		return v, err
	}
	err = errAborted // where call panics
	defer func() { l.release(err) }()
	ctx, cancel := underway(ctx)
	defer cancel()
	v, err = call(ctx)
	return v, err
}

var errAborted = errors.New("aborted")

// Parallel returns how many calls may be in flight now.
func (l *Limiter) Parallel() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.bound)
}

func (l *Limiter) acquire(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	slot := make(chan struct{})
	e := l.queue.PushBack(slot)
	l.grant()
	l.mu.Unlock()
	select {
	case <-slot:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case <-slot: // it came at the same time: hand it on
		l.inUse--
	default:
		l.queue.Remove(e)
	}
	l.grant()
	return context.Cause(ctx)
}

// release gives the slot back and learns from how the call ended.
func (l *Limiter) release(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	full := l.inUse >= int(l.bound)
	l.inUse--
	rejected := errors.Is(err, ErrRate)
	l.last[l.at] = rejected
	l.at = (l.at + 1) % len(l.last)
	l.n = min(l.n+1, len(l.last))
	switch {
	case rejected:
		l.careful = true
		if d := min(retryAfter(err), l.maxPause); d > 0 {
			if until := time.Now().Add(d); until.After(l.until) {
				l.until = until
			}
		}
		count := 0
		for _, r := range l.last[:l.n] {
			if r {
				count++
			}
		}
		if count > len(l.last)/2 {
			l.bound = max(1, l.bound/2)
			l.at, l.n = 0, 0 // judge the new bound by its own outcomes
		}
	case err == nil && full:
		step := 1.0
		if l.careful {
			step = 1 / l.bound
		}
		l.bound = min(float64(l.most), l.bound+step)
	}
	l.grant()
}

// grant hands out free slots. While the endpoint is paused, a timer does so when the
// pause ends; it exists only as long as somebody waits.
func (l *Limiter) grant() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	if l.queue.Len() == 0 {
		return
	}
	if d := time.Until(l.until); d > 0 {
		l.timer = time.AfterFunc(d, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.grant()
		})
		return
	}
	for l.inUse < int(l.bound) && l.queue.Len() > 0 {
		e := l.queue.Front()
		close(e.Value.(chan struct{}))
		l.queue.Remove(e)
		l.inUse++
	}
}
