package llm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Ask puts a request and returns the answer as a T.
//
// Where req.Schema is nil it is derived from T (see [SchemaFor], which a caller that
// asks often calls once). Where it is set, it judges the reply, which is then decoded
// into T; a json.RawMessage receives it as it is.
//
// A reply that is not valid gets exactly one repair: the same request, followed by
// the reply and a message that quotes the error. A reply cut off at the token limit
// gets one fresh request that asks for less. After that the error is an
// *InvalidError, which keeps what the model said, or ErrTruncated. All other errors
// come as the model returned them.
//
// The response, where there is one, is the last; its usage and Calls cover both
// calls. It is returned with errors too.
func Ask[T any](ctx context.Context, m Model, req *Request) (T, *Response, error) {
	var zero T
	r := *req
	r.key = ""
	if r.Schema == nil {
		s, err := SchemaFor[T]()
		if err != nil {
			return zero, nil, err
		}
		r.Schema = s
	}
	if _, err := r.Schema.compile(); err != nil {
		return zero, nil, err
	}
	v, resp, err := askOnce[T](ctx, m, &r)
	var again []Message
	var invalid *InvalidError
	switch {
	case err == nil:
		return v, resp, nil
	case errors.As(err, &invalid):
		again = repair(invalid)
	case errors.Is(err, ErrTruncated):
		again = []Message{Text(User, shorter)}
	default:
		return zero, resp, err
	}
	r.Messages = slices.Concat(req.Messages, again)
	v, second, err := askOnce[T](ctx, m, &r)
	return v, join(resp, second), err
}

const shorter = "The reply before this one was cut off at the token limit. " +
	"Reply again, with much less text: one complete JSON object that fits the schema, and nothing else."

// repair is what is added to a request after an invalid reply.
func repair(e *InvalidError) []Message {
	text := fmt.Sprintf("That is not a valid reply: %s.\n"+
		"Reply again with one complete JSON object that fits the schema, and nothing else.", head(e.Reason, 500))
	if strings.TrimSpace(e.Raw) == "" {
		return []Message{Text(User, text)} // servers refuse an empty message
	}
	return []Message{Text(Assistant, e.Raw), Text(User, text)}
}

// askOnce makes one call. Only an answer comes without an error.
func askOnce[T any](ctx context.Context, m Model, req *Request) (T, *Response, error) {
	var v T
	resp, err := m.Generate(ctx, req)
	if resp != nil {
		r := *resp // it may be shared with a store
		resp = &r
		if resp.Call != "" {
			resp.Calls = []string{resp.Call}
		}
	}
	if err = finished(resp, err); err != nil {
		return v, resp, err
	}
	if err := resp.find(req.Schema); err != nil {
		return v, resp, err
	}
	raw := resp.JSON
	if req.Schema.wrapped {
		var w struct{ Value json.RawMessage }
		if err := json.Unmarshal(raw, &w); err != nil {
			return v, resp, &InvalidError{Reason: err.Error(), Raw: resp.Text}
		}
		raw = w.Value
	}
	if p, ok := any(&v).(*json.RawMessage); ok {
		*p = bytes.Clone(raw)
		return v, resp, nil
	}
	if err := json.Unmarshal(raw, &v); err != nil {
		var zero T
		return zero, resp, &InvalidError{Reason: err.Error(), Raw: resp.Text}
	}
	return v, resp, nil
}

// finished returns err, or what is wrong with a response beside its content.
func finished(resp *Response, err error) error {
	switch {
	case err != nil:
		return err
	case resp == nil:
		return errors.New("the model returned neither a response nor an error")
	case resp.Finish == FinishLength:
		return ErrTruncated
	case resp.Finish == FinishFilter:
		return ErrFiltered
	}
	return nil
}

// join returns the second response with the usage and the keys of both.
func join(first, second *Response) *Response {
	if first == nil || second == nil {
		if second == nil {
			return first
		}
		return second
	}
	second.Usage = first.Usage.Add(second.Usage)
	second.Calls = slices.Concat(first.Calls, second.Calls)
	second.Cached = first.Cached && second.Cached
	return second
}
