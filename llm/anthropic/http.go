package anthropic

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

// A failed is an exchange that came to nothing.
type failed struct {
	err    error
	status int    // of an HTTP error
	said   string // its type and message, in lower case
}

// exchange sends body (nil for none) and decodes a good answer into out. name is for
// errors.
func (e *Endpoint) exchange(ctx context.Context, c *wire.Client, name, method, path string, body []byte, out any) *failed {
	a, err := c.Exchange(ctx, name, method, path, body)
	if err != nil {
		return &failed{err: err}
	}
	w, isError := parseError(a.Body)
	if a.Status == http.StatusOK && !isError {
		if err := c.Decode(name, a, out); err != nil {
			return &failed{err: err}
		}
		return nil
	}
	if loc := a.Header.Get("Location"); a.Status >= 300 && a.Status < 400 {
		w.Message = "redirected to " + loc + "; redirects are not followed"
	}
	if a.Status == 404 && (!isError || w.Type == "") || a.Status == 405 {
		w.Message += " (asked " + wire.Redacted(a.Asked) + ")"
	}
	// What is said at length may repeat the prompt, whose words mean nothing here.
	said := strings.ToLower(w.Type + "\n" + w.Message[:min(len(w.Message), 1000)])
	return &failed{status: a.Status, said: said, err: &llm.Error{
		Provider: name, Status: a.Status, Code: c.Cut(w.Type), Body: c.Cut(w.Message),
		RetryAfter: wire.RetryAfter(a.Header, time.Now()), Err: conditionOf(a.Status, w.Type, said),
	}}
}

type wireError struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// parseError finds the error object; the whole body is the message where there is
// none.
func parseError(body []byte) (w wireError, found bool) {
	var outer struct {
		Type  string          `json:"type"`
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &outer) == nil && len(outer.Error) > 0 && string(outer.Error) != "null" {
		if json.Unmarshal(outer.Error, &w) != nil {
			json.Unmarshal(outer.Error, &w.Message) // a bare text; what cannot be read stays zero
		}
		found = true
	}
	if w.Message == "" {
		w.Message = strings.TrimSpace(string(body))
	}
	return w, found
}

// conditionOf maps an error answer to one of llm's conditions, or to nil where none
// fits.
func conditionOf(status int, kind, said string) error {
	switch {
	case kind == "billing_error", status == 402,
		wire.Says(said, "credit balance is too low", "specified api usage limits", "specified workspace api usage limits"):
		return llm.ErrQuota
	case kind == "request_too_large", status == 413,
		status == 400 && wire.Says(said, "prompt is too long", "exceed context limit", "context window", "maximum context length"):
		return llm.ErrTooLong
	case status == 400 && wire.Says(said, "content filtering policy", "blocked by content"):
		return llm.ErrFiltered
	case kind == "overloaded_error", status == 529, status >= 500 && wire.Says(said, "overloaded", "high demand"):
		return wire.Condition(llm.ErrRate, "overloaded") // it passes sooner if all ask less
	case kind == "rate_limit_error", status == 429:
		return llm.ErrRate
	case status == 401, status == 403:
		return llm.ErrAuth
	case status == 404, status == 405, status >= 300 && status < 400:
		return llm.ErrNotFound
	case status >= 500, status == 408, status == 409, status == http.StatusOK:
		return llm.ErrTransient
	}
	return nil
}
