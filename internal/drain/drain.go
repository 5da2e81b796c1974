// Package drain tells "start nothing new" from "stop at once".
//
// A context made by [With] is done as soon as its stop function is called; work
// that waits should wait on it. Work that has begun and costs money runs on
// [Hard] of that context, which is done only when the outer context is.
package drain

import (
	"cmp"
	"context"
	"errors"
	"sync"
)

// ErrStopped is the cause of a context that was stopped, not cancelled.
var ErrStopped = errors.New("stopped: no new work is started")

type key struct{}

// With returns a context that stop ends without ending Hard(ctx).
func With(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.WithValue(parent, key{}, Hard(parent)))
	return ctx, func() { cancel(ErrStopped) }
}

// Hard returns the context for work that must not be interrupted by a stop.
func Hard(ctx context.Context) context.Context {
	if h, ok := ctx.Value(key{}).(context.Context); ok {
		return h
	}
	return ctx
}

// Ended reports whether err came of the end of ctx, which is nobody's failure. What
// an interrupted call returns may be spelt in any way; a stop lets calls in flight
// finish, whose errors are their own.
func Ended(ctx context.Context, err error) bool {
	return err != nil && (Hard(ctx).Err() != nil ||
		ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, ErrStopped)))
}

// Each calls f for 0 to n-1. With a limit, so many run at once, and none is begun once one
// fails or ctx ends; where it is 0, all begin at once. Those begun are waited for. The
// error is that of the lowest number, before errors of what was merely stopped; these
// count where there is no other: what was stopped has come to nothing.
func Each(ctx context.Context, limit, n int, f func(ctx context.Context, i int) error) error {
	ctx, stop := With(ctx)
	defer stop()
	errs := make([]error, n)
	slots := make(chan struct{}, cmp.Or(limit, n))
	var wg sync.WaitGroup
	begun := 0
	for ; begun < n; begun++ {
		slots <- struct{}{}
		if limit > 0 && ctx.Err() != nil {
			break
		}
		i := begun
		wg.Go(func() {
			defer func() { <-slots }()
			if errs[i] = f(ctx, i); errs[i] != nil {
				stop()
			}
		})
	}
	wg.Wait()
	var stopped error
	for _, err := range errs {
		if err != nil && !errors.Is(err, ErrStopped) && !errors.Is(err, context.Canceled) {
			return err
		}
		if stopped == nil {
			stopped = err
		}
	}
	if stopped == nil && begun < n {
		return context.Cause(ctx)
	}
	return stopped
}
