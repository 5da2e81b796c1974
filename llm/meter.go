package llm

import (
	"context"
	"fmt"
	"time"
)

// Meter records every attempt in l: before it is sent, and again before its reply
// is used. It judges replies, so that one which is not valid under the request's
// schema is recorded as such; it passes that reply on, for [Ask] to repair. A call
// that cannot be recorded is an error, and in the first case it is not sent.
//
// It belongs next to the vendor's model. Once recorded as sent, a call is not
// interrupted by a drain stop.
func Meter(l CallLog) Middleware {
	return func(m Model) Model {
		return &wrapper{m, func(ctx context.Context, req *Request) (*Response, error) {
			if req.Schema != nil {
				if _, err := req.Schema.compile(); err != nil {
					return nil, err
				}
			}
			if err := context.Cause(waiting(ctx)); err != nil {
				return nil, err
			}
			ctx, cancel := underway(ctx)
			defer cancel()
			c := &Call{Key: keyOf(m, req), Model: m.Name(), Request: req, Label: req.Label, Bound: bound(req), Start: time.Now()}
			id, err := l.Begin(c)
			if err != nil {
				return nil, fmt.Errorf("recording a call before it is sent: %w", err)
			}
			resp, err := m.Generate(ctx, req)
			if resp != nil {
				r := *resp
				r.Call = c.Key
				resp = &r
			}
			how, cause, err := outcome(req, resp, err)
			r := &Result{Outcome: how, Response: resp, Err: cause, Elapsed: time.Since(c.Start)}
			if err := l.End(id, r); err != nil {
				return nil, fmt.Errorf("recording the end of a call: %w", err)
			}
			return resp, err
		}}
	}
}
