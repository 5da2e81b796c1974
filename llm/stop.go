package llm

import (
	"context"
	"errors"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
)

type waitingKey struct{}

// waiting returns the context that ends waiting: the one with which the call came,
// also where underway has taken the drain stop out of ctx.
func waiting(ctx context.Context) context.Context {
	if w, ok := ctx.Value(waitingKey{}).(context.Context); ok {
		return w
	}
	return ctx
}

// underway returns a context for work that has begun: a drain stop does not end it,
// a real cancel or deadline of ctx does. The caller must call cancel.
func underway(ctx context.Context) (context.Context, context.CancelFunc) {
	outer := drain.Hard(ctx)
	if outer == ctx || ctx.Value(waitingKey{}) != nil {
		return ctx, func() {}
	}
	run, cancel := context.WithCancelCause(context.WithValue(context.WithoutCancel(ctx), waitingKey{}, ctx))
	stopOuter := context.AfterFunc(outer, func() { cancel(context.Cause(outer)) })
	stopInner := context.AfterFunc(ctx, func() {
		if cause := context.Cause(ctx); !errors.Is(cause, drain.ErrStopped) {
			cancel(cause)
		}
	})
	release := func() {
		stopOuter()
		stopInner()
		cancel(context.Canceled)
	}
	if d, ok := ctx.Deadline(); ok {
		timed, stop := context.WithDeadline(run, d)
		return timed, func() { stop(); release() }
	}
	return run, release
}
