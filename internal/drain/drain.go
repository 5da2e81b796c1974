// Package drain tells "start nothing new" from "stop at once".
//
// A context made by [With] is done as soon as its stop function is called; work
// that waits should wait on it. Work that has begun and costs money runs on
// [Hard] of that context, which is done only when the outer context is.
package drain

import (
	"context"
	"errors"
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

// Stopped reports whether ctx has ended by a stop alone.
func Stopped(ctx context.Context) bool {
	return ctx.Err() != nil && errors.Is(context.Cause(ctx), ErrStopped) && Hard(ctx).Err() == nil
}
