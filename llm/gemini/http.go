package gemini

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

// A failed is an exchange that came to nothing.
type failed struct {
	err    error
	status int    // of an HTTP error
	said   string // its status, reason and messages, in lower case
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
	if a.Status == 404 && !isError || a.Status == 405 {
		w.Message += " (asked " + wire.Redacted(a.Asked) + ")"
	}
	var said strings.Builder
	said.WriteString(w.Status)
	for _, d := range w.Details {
		said.WriteString("\n" + d.Reason)
		for _, v := range d.Fields {
			said.WriteString("\n" + head(v.Field) + " " + head(v.Text))
		}
	}
	said.WriteString("\n" + head(w.Message))
	lower := strings.ToLower(said.String())
	return &failed{status: a.Status, said: lower, err: &llm.Error{
		Provider: name, Status: a.Status, Code: c.Cut(cmp.Or(w.reason(), w.Status)), Body: c.Cut(w.Message),
		RetryAfter: w.retryAfter(wire.RetryAfter(a.Header, time.Now())), Err: w.condition(a.Status, lower),
	}}
}

// head returns the beginning of what was said: at length it may repeat the prompt,
// whose words mean nothing here.
func head(s string) string { return s[:min(len(s), 1000)] }

// A wireError is Google's status.
type wireError struct {
	Message string   `json:"message"`
	Status  string   `json:"status"`
	Details []detail `json:"details"`
}

type detail struct {
	Type   string `json:"@type"`
	Reason string `json:"reason"`     // ErrorInfo
	Delay  string `json:"retryDelay"` // RetryInfo
	Quotas []struct {
		ID    string `json:"quotaId"`
		Value string `json:"quotaValue"`
	} `json:"violations"` // QuotaFailure
	Fields []struct {
		Field string `json:"field"`
		Text  string `json:"description"`
	} `json:"fieldViolations"` // BadRequest
}

// parseError finds the error object, also as the only element of a list; the whole
// body is the message where there is none.
func parseError(body []byte) (w wireError, found bool) {
	var outer struct {
		Error json.RawMessage `json:"error"`
	}
	inner := body
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		inner = list[0]
	}
	if json.Unmarshal(inner, &outer) == nil && len(outer.Error) > 0 && string(outer.Error) != "null" {
		found = true
		if json.Unmarshal(outer.Error, &w) != nil { // a detail of another shape hides none of the rest
			var short struct {
				Message string `json:"message"`
				Status  string `json:"status"`
			}
			if json.Unmarshal(outer.Error, &short) == nil {
				w = wireError{Message: short.Message, Status: short.Status}
			}
		}
	}
	if w.Message == "" {
		w.Message = strings.TrimSpace(string(body))
	}
	return w, found
}

func (w *wireError) reason() string {
	for _, d := range w.Details {
		if d.Reason != "" {
			return d.Reason
		}
	}
	return ""
}

// retryAfter returns what the answer asks for, at least the header's.
func (w *wireError) retryAfter(header time.Duration) time.Duration {
	for _, d := range w.Details {
		if t, err := time.ParseDuration(d.Delay); err == nil {
			header = max(header, t)
		}
	}
	return min(header, 24*time.Hour)
}

var nothing = regexp.MustCompile(`limit: 0($|[^.0-9])`)

// condition maps an error answer, in lower case, to one of llm's conditions, or to
// nil where none fits. A limit for a day is like an empty account: to wait is no use.
func (w *wireError) condition(status int, said string) error {
	switch {
	case status == 402, wire.Says(said, "billing_disabled", "credits are depleted", "spending cap", "spend cap", "please enable billing",
		"requires billing to be enabled"):
		return llm.ErrQuota
	case status == 429:
		for _, d := range w.Details {
			for _, q := range d.Quotas {
				if strings.Contains(q.ID, "PerDay") {
					return wire.Condition(llm.ErrQuota, "a limit for the day is used up: "+q.ID)
				}
				if q.Value == "0" {
					return wire.Condition(llm.ErrQuota, "the account has none of it: "+q.ID)
				}
			}
		}
		if nothing.MatchString(said) {
			return llm.ErrQuota
		}
		return llm.ErrRate
	case status == 413, status == 400 && wire.Says(said, "exceeds the maximum number of tokens", "input token count", "payload size exceeds", "exceeds the maximum token"):
		return llm.ErrTooLong
	case status == 401, status == 403, wire.Says(said, "api_key_invalid", "api key not valid", "api key expired"):
		return llm.ErrAuth
	case status == 404, status == 405, status == 501, status >= 300 && status < 400:
		return llm.ErrNotFound
	case status >= 500 && wire.Says(said, "overloaded", "high demand"):
		return wire.Condition(llm.ErrRate, "overloaded") // it passes sooner if all ask less
	case status >= 500, status == 408, status == 409, status == 499, status == http.StatusOK:
		return llm.ErrTransient
	}
	return nil
}
