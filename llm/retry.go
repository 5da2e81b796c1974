package llm

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// RetryOptions tune [Retry]. Nil and zero fields mean the defaults.
type RetryOptions struct {
	Attempts int           // in all; default 5, not counting those that ended in ErrRate
	First    time.Duration // about how long the first wait is; default 500 ms
	Longest  time.Duration // no wait grows beyond it, unless the provider asks; default 30 s
	Total    time.Duration // of all waits of one request; default 5 min

	patient bool // Attempts is the default

	// Waiting is told how long each wait is, and after what error. It may be called by
	// several requests at once; nil tells nobody.
	Waiting func(wait time.Duration, after error)
}

func (o *RetryOptions) withDefaults() RetryOptions {
	var r RetryOptions
	if o != nil {
		r = *o
	}
	if r.patient = r.Attempts <= 0; r.patient {
		r.Attempts = 5
	}
	if r.First <= 0 {
		r.First = 500 * time.Millisecond
	}
	if r.Longest <= 0 {
		r.Longest = 30 * time.Second
	}
	if r.Total <= 0 {
		r.Total = 5 * time.Minute
	}
	if r.Waiting == nil {
		r.Waiting = func(time.Duration, error) {}
	}
	return r
}

// Retry sends a request again after ErrRate, ErrTransient and failures of the
// network; nothing else. Waits double and are spread between half and the whole of
// their length by the request's key, so that requests do not return together and a
// run repeats itself; after ErrRate, for which the limiter slows down, they are half as
// long. A provider's Retry-After is waited out in full; where that
// would pass Total, the error comes at once. When ctx is done, waiting ends.
func Retry(o *RetryOptions) Middleware {
	opts := o.withDefaults()
	return func(m Model) Model {
		return &wrapper{m, func(ctx context.Context, req *Request) (*Response, error) {
			return retry(ctx, opts, func() string { return keyOf(m, req) }, func(ctx context.Context) (*Response, error) {
				return m.Generate(ctx, req)
			})
		}}
	}
}

func retry[T any](ctx context.Context, o RetryOptions, key func() string, attempt func(context.Context) (T, error)) (T, error) {
	var last error
	waits := &waits{opts: o, key: key}
	v, err := backoff.Retry(ctx, func() (T, error) {
		ctx := ctx
		if waits.n > 0 {
			ctx = context.WithValue(ctx, againKey{}, true)
		}
		v, err := attempt(ctx)
		last = err
		if err == nil {
			return v, nil
		}
		waits.rate = errors.Is(err, ErrRate)
		if !waits.rate || !o.patient {
			waits.counted++
		}
		if ctx.Err() != nil || !retryable(err) || waits.counted >= o.Attempts {
			return v, backoff.Permanent(err)
		}
		waits.asked = retryAfter(err)
		return v, err
	}, backoff.WithBackOff(waits), backoff.WithMaxElapsedTime(0),
		backoff.WithNotify(func(_ error, wait time.Duration) { o.Waiting(wait, last) }))
	if err != nil && last != nil && !errors.Is(err, last) { // ctx ended a wait
		err = fmt.Errorf("%w, waiting to retry after: %w", err, last)
	}
	return v, err
}

// againKey marks the context of a call that was sent before: it has waited for a slot
// once, and a room waits for it.
type againKey struct{}

// waits says how long to wait before each attempt. It implements backoff.BackOff.
type waits struct {
	opts  RetryOptions
	key   func() string
	asked time.Duration // by the provider, with the last error
	rate  bool          // the last error was ErrRate

	n       int // waits
	counted int // attempts that count
	total   time.Duration
}

func (w *waits) Reset() { w.n, w.total = 0, 0 }

func (w *waits) NextBackOff() time.Duration {
	d := w.opts.Longest
	if w.n < 30 {
		d = min(d, w.opts.First<<w.n)
	}
	w.n++
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", w.key(), w.n)
	spread := time.Duration(h.Sum64() % 1024)
	d = d/2 + d/2*spread/1024
	if w.rate {
		d /= 2
	}
	if w.asked > 0 {
		d = w.asked + d/4 // not all at the same instant
	}
	if w.total += d; w.total > w.opts.Total {
		return backoff.Stop
	}
	return d
}

func retryable(err error) bool {
	for _, never := range []error{ErrFiltered, ErrTruncated, ErrInvalid, ErrTooLong, ErrQuota, ErrBudget, ErrAuth, ErrNotFound, errors.ErrUnsupported, context.Canceled} {
		if errors.Is(err, never) {
			return false
		}
	}
	if errors.Is(err, ErrRate) || errors.Is(err, ErrTransient) {
		return true
	}
	var e *Error
	if errors.As(err, &e) && e.Status != 0 {
		switch e.Status {
		case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooEarly, http.StatusTooManyRequests:
			return true
		}
		return e.Status >= 500 && e.Status != http.StatusNotImplemented
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, context.DeadlineExceeded)
}

func retryAfter(err error) time.Duration {
	var e *Error
	if errors.As(err, &e) {
		return max(0, e.RetryAfter)
	}
	return 0
}
