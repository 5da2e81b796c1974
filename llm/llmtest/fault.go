package llmtest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// FaultKind names a way in which a provider misbehaves.
type FaultKind string

const (
	None FaultKind = "" // answered properly

	// What the network and the server do.
	Rate        FaultKind = "rate"           // 429, with Retry-After where Fault.RetryAfter is set
	ServerError FaultKind = "server-error"   // 500
	Reset       FaultKind = "reset"          // the connection is reset before an answer
	Truncated   FaultKind = "truncated-body" // the connection ends in the middle of the body
	NotJSON     FaultKind = "not-json"       // 200 with a proxy's HTML page
	Hang        FaultKind = "hang"           // no answer until the client gives up or the server stops
	NotFound    FaultKind = "not-found"      // no such model
	Auth        FaultKind = "auth"           // the key is not accepted
	Quota       FaultKind = "quota"          // out of credit
	TooLong     FaultKind = "too-long"       // the prompt does not fit; the message names 9000 and 8192 tokens
	Echo        FaultKind = "echo"           // 400 whose message repeats the request's headers and address
	EchoRefusal FaultKind = "echo-refusal"   // the same, and it refuses Fault.Param; no effect on a request without it

	// What an endpoint lacks. These have no effect on a request without the thing.
	RejectParam FaultKind = "reject-parameter" // 400: Fault.Param, by its name on the wire, is not supported
	NoSchema    FaultKind = "no-schema"        // 400: no structured output by JSON schema

	// What a model says.
	Fenced     FaultKind = "fenced"       // the reply in a Markdown fence
	Prose      FaultKind = "prose"        // sentences around the reply
	WrongTypes FaultKind = "wrong-types"  // every value at the root of the JSON has another type
	Empty      FaultKind = "empty"        // no text
	Filter     FaultKind = "filter"       // cut by the content filter
	FilterCall FaultKind = "filter-error" // 400: the prompt itself was filtered
	Refusal    FaultKind = "refusal"      // the model refused
	Length     FaultKind = "length"       // half of the reply, then the token limit

	cutShort FaultKind = "cut-short" // a reply that was cut already
)

// A Fault is what happens to one call.
type Fault struct {
	Kind       FaultKind
	RetryAfter time.Duration // Rate: sent as Retry-After (whole seconds) or in milliseconds; 0 sends neither
	Param      string        // RejectParam, EchoRefusal
}

// Every returns a schedule in which each n-th call has the fault: n, 2n, 3n…
func Every(n int, f Fault) func(int) Fault {
	return func(i int) Fault {
		if n > 0 && i%n == 0 {
			return f
		}
		return Fault{}
	}
}

// Sequence returns a schedule with one fault a call; later calls have none.
func Sequence(faults ...Fault) func(int) Fault {
	return func(i int) Fault {
		if i >= 1 && i <= len(faults) {
			return faults[i-1]
		}
		return Fault{}
	}
}

// Always returns a schedule in which every call has the fault.
func Always(f Fault) func(int) Fault { return func(int) Fault { return f } }

// distort applies the faults that concern what a model says.
func (f Fault) distort(text string) (string, llm.Finish) {
	switch f.Kind {
	case Fenced:
		return "```json\n" + text + "\n```", llm.FinishStop
	case Prose:
		return "Certainly! Here is what you asked for:\n\n" + text + "\n\nTell me if anything is missing.", llm.FinishStop
	case WrongTypes:
		return wrongTypes(text), llm.FinishStop
	case Empty:
		return "", llm.FinishStop
	case Length:
		r := []rune(text)
		return string(r[:len(r)/2]), llm.FinishLength
	case cutShort:
		return text, llm.FinishLength
	case Filter, Refusal:
		return "", llm.FinishFilter
	}
	return text, llm.FinishStop
}

// wrongTypes changes the type of each value at the root of a JSON object. Text that
// is no object becomes an array, which no schema of this module asks for.
func wrongTypes(text string) string {
	var m map[string]any
	if json.Unmarshal([]byte(text), &m) != nil {
		return "[]"
	}
	for k, v := range m {
		switch v.(type) {
		case string:
			m[k] = 7
		case float64:
			m[k] = "seven"
		case bool, nil:
			m[k] = map[string]any{}
		case []any:
			m[k] = "a list"
		default:
			m[k] = []any{1}
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		return "[]"
	}
	return string(b)
}

// err returns what a provider called name makes of the fault, or nil where a reply
// (perhaps a distorted one) comes.
func (f Fault) err(name string, req *llm.Request) error {
	e := func(status int, code, body string, err error) error {
		return &llm.Error{Provider: name, Status: status, Code: code, Body: body, RetryAfter: f.RetryAfter, Err: err}
	}
	switch f.Kind {
	case Rate:
		return e(429, "rate_limit_exceeded", "slow down", llm.ErrRate)
	case ServerError:
		return e(500, "server_error", "something broke", llm.ErrTransient)
	case Reset, Truncated, NotJSON:
		return e(0, "", string(f.Kind), llm.ErrTransient)
	case Empty:
		return e(200, "", "empty reply", llm.ErrTransient)
	case NotFound:
		return e(404, "model_not_found", "no such model", llm.ErrNotFound)
	case Auth:
		return e(401, "invalid_api_key", "the key is not accepted", llm.ErrAuth)
	case Quota:
		return e(429, "insufficient_quota", "out of credit", llm.ErrQuota)
	case TooLong:
		return e(400, "context_length_exceeded", "9000 tokens, 8192 fit", llm.ErrTooLong)
	case FilterCall:
		return e(400, "content_filter", "the prompt was filtered", llm.ErrFiltered)
	case Filter, Refusal:
		return e(200, "", string(f.Kind), llm.ErrFiltered)
	case Length:
		return e(200, "", "", llm.ErrTruncated)
	case RejectParam, Echo, EchoRefusal:
		return e(400, "unsupported_parameter", f.Param+" is not supported", nil)
	case NoSchema:
		if req.Schema != nil {
			return e(400, "", "response_format is not supported", nil)
		}
	}
	return nil
}

// retryAfter returns the header that asks for d, and its value.
func retryAfter(d time.Duration) (name, value string) {
	if d%time.Second == 0 {
		return "Retry-After", fmt.Sprint(int(d / time.Second))
	}
	return "Retry-After-Ms", fmt.Sprint(d.Milliseconds())
}

// Prompt writes a request as one text in the order in which providers read it:
// schema, system, messages. An image stands as its type and size. The counts of
// [Server] are made on this text.
func Prompt(req *llm.Request) string {
	var b strings.Builder
	if req.Schema != nil {
		b.Write(req.Schema.Body)
		b.WriteByte('\n')
	}
	b.WriteString(req.System)
	for _, m := range req.Messages {
		fmt.Fprintf(&b, "\n<%s>\n", m.Role)
		for _, p := range m.Parts {
			b.WriteString(p.Text)
			if p.Image != nil {
				fmt.Fprintf(&b, "[%s, %d bytes]", p.Image.MediaType, len(p.Image.Data))
			}
		}
	}
	return b.String()
}
