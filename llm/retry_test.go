package llm_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

func TestRetryWhat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err   error
		again bool
	}{
		{llm.ErrRate, true},
		{llm.ErrTransient, true},
		{&llm.Error{Status: 429, Err: llm.ErrRate}, true},
		{&llm.Error{Status: 503}, true},
		{&llm.Error{Err: &net.OpError{Op: "dial", Err: errors.New("connection refused")}}, true},
		{io.ErrUnexpectedEOF, true},
		{context.DeadlineExceeded, true}, // the vendor's own time limit
		{llm.ErrFiltered, false},
		{llm.ErrTruncated, false},
		{&llm.InvalidError{}, false},
		{llm.ErrTooLong, false},
		{&llm.Error{Status: 429, Err: llm.ErrQuota}, false},
		{&llm.BudgetError{}, false},
		{llm.ErrAuth, false},
		{llm.ErrNotFound, false},
		{&llm.Error{Status: 400}, false},
		{&llm.Error{Status: 501}, false},
		{errors.New("a bug"), false},
	} {
		m := &script{turns: []any{c.err, "hi"}}
		resp, err := llm.Wrap(m, llm.Retry(&llm.RetryOptions{First: time.Microsecond})).Generate(t.Context(), hello("Hi."))
		if c.again && (err != nil || resp.Text != "hi") {
			t.Errorf("%v was not retried: %v", c.err, err)
		}
		if !c.again && (err == nil || len(m.asked) != 1 || !errors.Is(err, c.err)) {
			t.Errorf("%v: %v after %d calls", c.err, err, len(m.asked))
		}
	}
}

// took runs one request on a fresh clock and returns how long it took, and after how many calls.
func took(t *testing.T, o *llm.RetryOptions, text string, turns ...any) (d time.Duration, calls int, err error) {
	synctest.Test(t, func(t *testing.T) {
		m := &script{turns: turns}
		start := time.Now()
		_, err = llm.Wrap(m, llm.Retry(o)).Generate(t.Context(), hello(text))
		d, calls = time.Since(start), len(m.asked)
	})
	return d, calls, err
}

func TestRetryWaits(t *testing.T) {
	t.Parallel()
	d, calls, err := took(t, nil, "Hi.", llm.ErrTransient)
	// 0.5 + 1 + 2 + 4 s, spread between half and whole; no wait after the last attempt
	if calls != 5 || !errors.Is(err, llm.ErrTransient) || d < 3750*time.Millisecond || d > 7500*time.Millisecond {
		t.Errorf("%v, %d calls, %v", d, calls, err)
	}
	if same, _, _ := took(t, nil, "Hi.", llm.ErrTransient); same != d {
		t.Errorf("the same request waited %v, then %v", d, same)
	}
	if other, _, _ := took(t, nil, "Ho.", llm.ErrTransient); other == d {
		t.Error("two requests return at the same instant")
	}
	after := func(d time.Duration) error { return &llm.Error{Status: 429, Err: llm.ErrRate, RetryAfter: d} }
	if d, calls, err = took(t, nil, "Hi.", after(40*time.Second), "hi"); err != nil || calls != 2 || d < 40*time.Second || d > 41*time.Second {
		t.Errorf("Retry-After 40 s: %v, %d calls, %v", d, calls, err)
	}
	if d, calls, err = took(t, nil, "Hi.", after(time.Hour), "hi"); !errors.Is(err, llm.ErrRate) || calls != 1 || d != 0 {
		t.Errorf("Retry-After an hour: %v, %d calls, %v", d, calls, err)
	}
	o := &llm.RetryOptions{Attempts: 100, Total: time.Minute, Longest: 10 * time.Second}
	if d, calls, err = took(t, o, "Hi.", llm.ErrTransient); err == nil || calls > 20 || d > time.Minute || d < 40*time.Second {
		t.Errorf("total: %v, %d calls, %v", d, calls, err)
	}
}

func TestRetryEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := drain.With(t.Context())
		time.AfterFunc(10*time.Millisecond, stop)
		start := time.Now()
		m := &script{turns: []any{llm.ErrRate}}
		_, err := llm.Wrap(m, llm.Retry(nil)).Generate(ctx, hello("Hi."))
		if !errors.Is(err, drain.ErrStopped) || !errors.Is(err, llm.ErrRate) || time.Since(start) > 10*time.Millisecond || len(m.asked) != 1 {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
