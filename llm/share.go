package llm

import (
	"context"
	"fmt"
	"time"
)

// Share serves a request from a store that several runs share, and puts each new good
// reply there. What comes from it is written to log as borrowed, so that the run's own
// record is complete. It belongs between the run's own [Cache] and [Retry]:
//
//	llm.Wrap(m, llm.Cache(calls), llm.Share(shared, calls), llm.Retry(nil), …)
//
// Draws are part of the key: samples that are to be independent stay so.
func Share(shared interface {
	CallStore
	CallLog
}, log CallLog) Middleware {
	return func(m Model) Model {
		return &wrapper{m, func(ctx context.Context, req *Request) (*Response, error) {
			c := &Call{Key: keyOf(m, req), Model: m.Name(), Request: req, Label: req.Label, Start: time.Now(), Borrowed: true}
			resp, err := lookUp(shared, c.Key)
			if err != nil {
				return nil, fmt.Errorf("shared calls: %w", err)
			}
			if resp != nil {
				if err := note(log, c, resp); err != nil {
					return nil, fmt.Errorf("recording a shared reply: %w", err)
				}
				return resp, nil
			}
			resp, err = m.Generate(ctx, req)
			if err != nil || resp == nil {
				return resp, err
			}
			if how, _, _ := outcome(req, resp, nil); how == Answered {
				c.Borrowed = false
				if err := note(shared, c, resp); err != nil {
					return nil, fmt.Errorf("sharing a reply: %w", err)
				}
			}
			return resp, nil
		}}
	}
}

// note writes a call that has ended already.
func note(log CallLog, c *Call, resp *Response) error {
	id, err := log.Begin(c)
	if err != nil {
		return err
	}
	return log.End(id, &Result{Outcome: Answered, Response: resp, Elapsed: time.Since(c.Start)})
}
