package llm

import (
	"errors"
	"time"
)

// Outcome says how a call ended.
type Outcome string

const (
	Answered  Outcome = "answered"  // a reply that is complete and, where a schema was given, valid
	Invalid   Outcome = "invalid"   // a complete reply without a valid answer in it
	Refused   Outcome = "refused"   // a content filter or the model refused
	Truncated Outcome = "truncated" // the reply ended at the token limit
	Failed    Outcome = "failed"    // no reply
)

// A Call is one attempt, as it is about to be sent.
type Call struct {
	Key     string
	Model   string // the model's name
	Request *Request
	Label   Label
	Bound   Usage // the most it can use; Output is a default where the request sets no limit
	Start   time.Time

	Borrowed bool // the reply was paid for by another run: nothing is sent
}

// A Result is how a call ended.
type Result struct {
	Outcome  Outcome
	Response *Response // nil where there was none; with usage even where the outcome is not Answered
	Err      error     // nil where the outcome is Answered
	Elapsed  time.Duration
}

// A CallStore returns the reply to an earlier call that ended Answered, or false.
// The caller does not change the response. Get must be safe for concurrent use.
type CallStore interface {
	Get(key string) (*Response, bool, error)
}

// A CallLog records calls. Begin writes before the call is sent and returns an id;
// End has made the result durable when it returns without an error, for only then
// is the reply used. Both must be safe for concurrent use and must not change or
// keep what they point to.
type CallLog interface {
	Begin(c *Call) (id int64, err error)
	End(id int64, r *Result) error
}

// outcome sorts the end of a call to one request, and sets resp.JSON. cause says why
// it is not Answered; err is what the caller gets: an invalid reply under a schema is
// passed on without one, since Ask repairs it, whereas one without a schema has nobody
// to judge it later.
func outcome(req *Request, resp *Response, e error) (how Outcome, cause, err error) {
	err = finished(resp, e)
	switch {
	case errors.Is(err, ErrTruncated):
		return Truncated, err, err
	case errors.Is(err, ErrFiltered):
		return Refused, err, err
	case errors.Is(err, ErrInvalid):
		return Invalid, err, err
	case err != nil:
		return Failed, err, err
	case req.Schema != nil:
		if cause := resp.find(req.Schema); cause != nil {
			return Invalid, cause, nil
		}
	case blank(resp.Text):
		err := &InvalidError{Reason: "the reply is empty", Raw: resp.Text}
		return Invalid, err, err
	}
	return Answered, nil, nil
}

// find sets JSON to the one object in the text that the schema accepts.
func (r *Response) find(s *Schema) error {
	if r.judge == s && r.JSON != nil {
		return nil
	}
	raw, err := s.find(r.Text)
	if err != nil {
		r.JSON = nil
		return err
	}
	r.JSON, r.judge = raw, s
	return nil
}
