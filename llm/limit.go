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
	MaxPause time.Duration // no pause is longer; default 5 min, as long as Retry waits
}

// A Limiter bounds how many calls one endpoint gets at once. Make one for each
// endpoint and share it among all models and embedders there; a new one for each would
// let each have the whole bound.
//
// The bound adapts. While nothing is rejected it doubles with each round of successes,
// later it grows by one, as long as it is fully used. Such a step is on trial: two
// rejections among the next 16 calls take it back, and the next one comes later. What
// has passed its trial halves only when most of the last 16 calls ended in ErrRate.
//
// A Retry-After pauses the model that got it for that long. So do rate headers that
// say that nothing is left; see [HoldOff]. What is longer than MaxPause pauses nothing:
// the next call hears it from the endpoint itself, and ends as soon. Nothing else waits
// for time to pass.
//
// Rooms are served in turn, one call each, as [Label].World names them; within a room,
// calls that are sent again go first, then who came first.
type Limiter struct {
	most     int
	maxPause time.Duration

	mu    sync.Mutex
	bound int
	inUse int
	byKey map[laneKey]*lane
	lanes list.List // of *lane: those in which somebody waits, the next to be served first
	until map[string]time.Time
	timer *time.Timer

	last     [16]bool // a ring: was the outcome a rejection
	at, n    int      // next place in the ring; outcomes in it
	steep    bool     // nothing was rejected yet
	credit   int      // successes at a full bound since it last changed
	patience int      // rounds of successes before the next step
	trial    int      // calls left in the trial of the last step
	bad      int      // rejections in it
}

// A lane is a queue of its own: a room's calls to one model.
type lane struct {
	laneKey
	queue list.List // of chan struct{}, closed to hand over a slot
	at    *list.Element
}

type laneKey struct{ model, world string }

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
		opts.MaxPause = 5 * time.Minute
	}
	return &Limiter{
		most: opts.Most, maxPause: opts.MaxPause, bound: min(opts.Parallel, opts.Most),
		byKey: map[laneKey]*lane{}, until: map[string]time.Time{}, steep: true, patience: 1,
	}
}

// Limit makes calls wait for a slot of l. Waiting ends with ctx; a call that has its
// slot is no longer ended by a drain stop, only by a real cancel or deadline.
func Limit(l *Limiter) Middleware {
	return func(m Model) Model {
		return &wrapper{m, func(ctx context.Context, req *Request) (*Response, error) {
			return limited(ctx, l, laneKey{m.Name(), req.Label.World}, func(ctx context.Context) (*Response, error) {
				return m.Generate(ctx, req)
			})
		}}
	}
}

func limited[T any](ctx context.Context, l *Limiter, k laneKey, call func(context.Context) (T, error)) (v T, err error) {
	if err := l.acquire(ctx, k); err != nil {
		return v, err
	}
	err = errAborted // where call panics
	defer func() { l.release(k.model, err) }()
	ctx, cancel := underway(ctx)
	defer cancel()
	v, err = call(context.WithValue(ctx, holdKey{}, func(d time.Duration) { l.holdOff(k.model, d) }))
	return v, err
}

var errAborted = errors.New("aborted")

type holdKey struct{}

// HoldOff tells the limiter that a call came through, if there is one, that its
// endpoint takes nothing more from the call's model for d. For vendors, who read that
// from the headers of an answer.
func HoldOff(ctx context.Context, d time.Duration) {
	if hold, ok := ctx.Value(holdKey{}).(func(time.Duration)); ok && d > 0 {
		hold(d)
	}
}

func (l *Limiter) holdOff(model string, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pause(model, d)
}

func (l *Limiter) pause(model string, d time.Duration) {
	if d <= 0 || d > l.maxPause {
		return
	}
	if until := time.Now().Add(d); until.After(l.until[model]) {
		l.until[model] = until
	}
}

// Parallel returns how many calls may be in flight now.
func (l *Limiter) Parallel() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bound
}

func (l *Limiter) acquire(ctx context.Context, k laneKey) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	l.mu.Lock()
	n := l.byKey[k]
	if n == nil {
		n = &lane{laneKey: k}
		n.at = l.lanes.PushBack(n)
		l.byKey[k] = n
	}
	slot := make(chan struct{})
	e := n.queue.PushBack(slot)
	if ctx.Value(againKey{}) != nil {
		n.queue.MoveToFront(e)
	}
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
		l.leave(n, e)
	}
	l.grant()
	return context.Cause(ctx)
}

// leave takes somebody out of a lane, and the lane out of the turn when it is empty.
func (l *Limiter) leave(n *lane, e *list.Element) {
	n.queue.Remove(e)
	if n.queue.Len() == 0 {
		l.lanes.Remove(n.at)
		delete(l.byKey, n.laneKey)
	}
}

// release gives the slot back and learns from how the call ended.
func (l *Limiter) release(model string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	full := l.inUse >= l.bound
	l.inUse--
	rejected := errors.Is(err, ErrRate)
	if rejected || errors.Is(err, ErrTransient) {
		l.pause(model, retryAfter(err))
	}
	l.last[l.at] = rejected
	l.at = (l.at + 1) % len(l.last)
	l.n = min(l.n+1, len(l.last))
	if rejected {
		l.steep = false
	}
	if l.trial > 0 {
		l.try(rejected)
	}
	switch {
	case rejected && l.rejections() > len(l.last)/2:
		l.set(max(1, l.bound/2))
		l.at, l.n = 0, 0 // judge the new bound by its own outcomes
		l.patience = 1
	case err == nil && full && l.trial == 0 && l.bound < l.most:
		l.credit++
		if l.steep {
			l.set(l.bound + 1)
		} else if l.credit >= l.bound*l.patience {
			l.set(l.bound + 1)
			l.trial = min(len(l.last), 2*l.bound)
		}
	}
	l.grant()
}

// try counts an outcome in the trial of the last step.
func (l *Limiter) try(rejected bool) {
	l.trial--
	if rejected {
		l.bad++
	}
	switch {
	case l.bad > 1:
		l.set(l.bound - 1)
		l.patience = min(2*l.patience, 32)
	case l.trial == 0:
		l.patience = 1
	}
}

func (l *Limiter) set(bound int) { l.bound, l.credit, l.trial, l.bad = bound, 0, 0, 0 }

func (l *Limiter) rejections() (n int) {
	for _, r := range l.last[:l.n] {
		if r {
			n++
		}
	}
	return n
}

// grant hands out free slots, one to each lane in turn whose model is not paused.
// Where pauses alone leave slots free, a timer does so when the first of them ends; it
// exists only as long as somebody waits.
func (l *Limiter) grant() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
	now := time.Now()
	for l.inUse < l.bound && l.lanes.Len() > 0 {
		n, wait := l.next(now)
		if n == nil {
			l.timer = time.AfterFunc(wait, func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.grant()
			})
			return
		}
		first := n.queue.Front()
		close(first.Value.(chan struct{}))
		l.inUse++
		l.lanes.MoveToBack(n.at)
		l.leave(n, first)
	}
}

// next returns the lane whose turn it is, or how long every lane's model is paused.
func (l *Limiter) next(now time.Time) (n *lane, wait time.Duration) {
	for e := l.lanes.Front(); e != nil; e = e.Next() {
		n := e.Value.(*lane)
		d := l.until[n.model].Sub(now)
		if d <= 0 {
			return n, 0
		}
		if wait == 0 || d < wait {
			wait = d
		}
	}
	return nil, wait
}
