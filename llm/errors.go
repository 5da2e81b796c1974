package llm

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Conditions that callers tell apart with errors.Is. Vendors return an *Error that
// wraps one of them where one fits.
var (
	// ErrFiltered: a content filter or a refusal. Never retried.
	ErrFiltered = errors.New("the provider's content filter or the model refused")
	// ErrTruncated: the reply ended at the token limit. Not an answer.
	ErrTruncated = errors.New("the reply ended at the token limit")
	// ErrInvalid: no valid JSON even after the repair. See InvalidError.
	ErrInvalid = errors.New("the reply is not valid")
	// ErrTooLong: the prompt does not fit the model's context.
	ErrTooLong = errors.New("the prompt is too long for the model's context")
	// ErrQuota: the account is out of credit. Never retried.
	ErrQuota = errors.New("out of quota")
	// ErrBudget: the caller's own budget would be passed. Nothing was sent.
	ErrBudget = errors.New("budget reached")
	// ErrAuth: the key is missing or not accepted. Never retried.
	ErrAuth = errors.New("not authorised")
	// ErrNotFound: no such model or endpoint. Never retried.
	ErrNotFound = errors.New("not found")
	// ErrRate: too many requests now. Retried.
	ErrRate = errors.New("rate limited")
	// ErrTransient: the server or the network failed. Retried.
	ErrTransient = errors.New("temporary failure")
)

// Hopeless reports whether an error will come again with every further call: no budget
// or no price to count it by, no credit, no access, no such model.
func Hopeless(err error) bool {
	for _, e := range []error{ErrBudget, ErrNoPrice, ErrQuota, ErrAuth, ErrNotFound} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Error is what a provider answered instead of a reply.
type Error struct {
	Provider   string        // provider/model
	Status     int           // HTTP status; 0 when no answer came
	Code       string        // the provider's own code
	Body       string        // the provider's message, secrets masked
	RetryAfter time.Duration // what the provider asked for; 0 when it did not
	Sent       bool          // the request went out and no whole answer came back: it may have been billed
	Err        error         // one of the conditions above, or the network's error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Provider)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": HTTP %d", e.Status)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, " (%s)", e.Code)
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	if e.Body != "" {
		fmt.Fprintf(&b, ": %s", e.Body)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Err }

// InvalidError is an ErrInvalid that keeps what the model said.
type InvalidError struct {
	Reason string // what is wrong with it
	Raw    string // the last reply, whole
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("%v: %s; it begins %q", ErrInvalid, e.Reason, head(e.Raw, 80))
}

func (e *InvalidError) Unwrap() error { return ErrInvalid }

func head(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n]) + "…"
}
