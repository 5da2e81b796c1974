package openai

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

const (
	maxBody  = 32 << 20 // bytes of a good answer
	maxError = 64 << 10 // bytes read of an error answer
	keepBody = 4 << 10  // bytes kept of it
)

// A failed is an exchange that came to nothing.
type failed struct {
	err error
	// For an HTTP error, what the endpoint said, in lower case: message, code, type
	// and parameter; and whether it has been understood as one of llm's conditions.
	status int
	said   string
}

// exchange sends body (nil for none) and decodes a good answer into out. name is for
// errors. A context that ends gives its own error, not one that is retried.
func (e *Endpoint) exchange(ctx context.Context, name, method, path string, body []byte, out any) *failed {
	inner, cancel := context.WithTimeout(ctx, e.o.Timeout)
	defer cancel()
	asked := e.base.JoinPath(path).String()
	req, err := http.NewRequestWithContext(inner, method, asked, bytes.NewReader(body))
	if err != nil {
		return &failed{err: &llm.Error{Provider: name, Err: errors.New(e.mask(err.Error()))}}
	}
	e.prepare(req.Header)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return &failed{err: e.network(ctx, name, err)}
	}
	defer resp.Body.Close()
	limit := int64(maxBody)
	if resp.StatusCode != http.StatusOK {
		limit = maxError
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case resp.StatusCode != http.StatusOK:
		if err != nil && ctx.Err() != nil {
			return &failed{err: e.network(ctx, name, err)}
		}
		return e.refused(name, asked, resp.StatusCode, resp.Header, data) // whatever of the body arrived
	case err != nil:
		return &failed{err: e.network(ctx, name, fmt.Errorf("reading the answer: %w", err))}
	case len(data) > maxBody:
		return &failed{err: &llm.Error{Provider: name, Status: 200, Err: condition(llm.ErrTransient, "the answer is longer than 32 MB")}}
	}
	// Some gateways answer 200 and put the error into the body.
	var wrapped struct {
		Error   json.RawMessage `json:"error"`
		Choices json.RawMessage `json:"choices"`
	}
	if bytes.Contains(data, []byte(`"error"`)) && json.Unmarshal(data, &wrapped) == nil &&
		len(wrapped.Error) > len("null") && len(wrapped.Choices) <= len("null") {
		return e.refused(name, asked, resp.StatusCode, resp.Header, data)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return &failed{err: &llm.Error{Provider: name, Status: 200, Body: e.cut(string(data)),
			Err: condition(llm.ErrTransient, "the answer is not the expected JSON")}}
	}
	return nil
}

// A worded is a condition with words of its own.
type worded struct {
	text string
	is   error
}

func (s *worded) Error() string { return s.text }
func (s *worded) Unwrap() error { return s.is }

// condition returns an error that is err, and says more. It never wraps a foreign
// error, whose text might hold a key.
func condition(err error, text string) error { return &worded{err.Error() + ": " + text, err} }

// network types an error that came without an answer.
func (e *Endpoint) network(ctx context.Context, name string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", name, ctx.Err())
	}
	text := e.cut(err.Error())
	var cert *tls.CertificateVerificationError
	var dns *net.DNSError
	var record tls.RecordHeaderError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return &llm.Error{Provider: name, Err: condition(llm.ErrTransient, "no answer within "+e.o.Timeout.String())}
	case errors.As(err, &cert), errors.As(err, &record):
		return &llm.Error{Provider: name, Err: errors.New(text)}
	case errors.As(err, &dns) && dns.IsNotFound && !dns.IsTemporary:
		return &llm.Error{Provider: name, Err: condition(llm.ErrNotFound, text)}
	}
	return &llm.Error{Provider: name, Err: condition(llm.ErrTransient, text)}
}

// A wireError is the error object of an answer, in the shapes that are in use.
type wireError struct {
	Message string          `json:"message"`
	Type    string          `json:"type"`
	Code    json.RawMessage `json:"code"` // a string or a number
	Param   json.RawMessage `json:"param"`
	Prompt  int             `json:"n_prompt_tokens"` // llama.cpp
	Context int             `json:"n_ctx"`
	Inner   struct {
		Code string `json:"code"`
	} `json:"innererror"` // Azure
}

// parseError finds the error object; the whole body is the message where there is
// none.
func parseError(body []byte) (w wireError) {
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		body = list[0] // Gemini's compatible endpoint
	}
	var outer struct {
		Error   json.RawMessage `json:"error"`
		Message json.RawMessage `json:"message"`
		Detail  []struct {      // FastAPI; its "input" may repeat the whole prompt
			Type  string `json:"type"`
			Where []any  `json:"loc"`
			Text  string `json:"msg"`
		} `json:"detail"`
	}
	if json.Unmarshal(body, &outer) == nil {
		for _, d := range outer.Detail {
			w.Message += fmt.Sprintf("%v: %s (%s) ", d.Where, d.Text, d.Type)
		}
		switch {
		case len(outer.Error) > 0 && outer.Error[0] == '{':
			json.Unmarshal(outer.Error, &w) // what cannot be read stays zero
		case len(outer.Error) > 0 && outer.Error[0] == '"':
			json.Unmarshal(outer.Error, &w.Message)
		case len(outer.Message) > 0 && outer.Message[0] == '"':
			json.Unmarshal(body, &w)
		case len(outer.Message) > 0 && outer.Message[0] == '{':
			return parseError(outer.Message)
		}
	}
	if w.Message == "" {
		w.Message = strings.TrimSpace(string(body))
	}
	return w
}

// scalar returns a JSON string or number as text, anything else as "".
func scalar(raw json.RawMessage) string {
	var s string
	var n json.Number
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	if json.Unmarshal(raw, &n) == nil {
		return n.String()
	}
	return ""
}

// refused types an error answer. asked is the address, for the errors that come of a
// wrong one.
func (e *Endpoint) refused(name, asked string, status int, h http.Header, body []byte) *failed {
	w := parseError(body)
	code, param := scalar(w.Code), scalar(w.Param)
	if n, err := strconv.Atoi(code); err == nil {
		if status == http.StatusOK && n >= 400 && n < 600 {
			status = n
		}
		code = "" // a repeated status says nothing; the type does
	}
	if w.Prompt > 0 && !strings.Contains(w.Message, strconv.Itoa(w.Prompt)) {
		w.Message += fmt.Sprintf(" (%d tokens, %d fit)", w.Prompt, w.Context)
	}
	if loc := h.Get("Location"); status >= 300 && status < 400 {
		w.Message = "redirected to " + loc + "; redirects are not followed"
	}
	if (status == 404 || status == 405) && code == "" {
		w.Message += " (asked " + redactedURL(asked) + ")"
	}
	// What is said at length may repeat the prompt, whose words mean nothing here.
	said := strings.ToLower(strings.Join([]string{code, w.Type, param, w.Inner.Code, w.Message[:min(len(w.Message), 1000)]}, "\n"))
	err := &llm.Error{
		Provider:   name,
		Status:     status,
		Code:       e.cut(cmpOr(code, cmpOr(w.Inner.Code, w.Type))),
		Body:       e.cut(w.Message),
		RetryAfter: retryAfter(h, time.Now()),
		Err:        conditionOf(status, said),
	}
	return &failed{err: err, status: status, said: said}
}

func containsAny(s string, subs ...string) bool {
	for _, sub := range subs {
		if strings.Contains(s, sub) {
			return true
		}
	}
	return false
}

// conditionOf maps an error answer, in lower case, to one of llm's conditions, or to
// nil where none fits. The order matters: a 429 may mean an empty account, or a
// request that will never fit.
func conditionOf(status int, said string) error {
	switch {
	case status == 402, containsAny(said, "insufficient_quota", "billing_hard_limit", "billing_not_active", "insufficient credits"):
		return llm.ErrQuota
	case containsAny(said, "context_length_exceeded", "exceed_context_size", "maximum context length", "available context size",
		"context window", "exceeds the context length", "too large to process", "prompt is too long", "string_above_max_length", "request too large"), status == 413:
		return llm.ErrTooLong
	case status != 401 && containsAny(said, "content_filter", "responsibleaipolicyviolation", "content_policy_violation", "content management policy"):
		return llm.ErrFiltered
	case status == 401, status == 403:
		return llm.ErrAuth
	case status == 404, status == 405, status == 501, status >= 300 && status < 400, containsAny(said, "model_not_found", "deploymentnotfound"):
		return llm.ErrNotFound
	case status == 429:
		return llm.ErrRate
	case status >= 500 && containsAny(said, "not supported", "not_supported"):
		return &worded{"not supported", llm.ErrNotFound} // llama.cpp's 500 for an image or a feature that the model lacks
	case status >= 500, status == 408, status == 409, status == 425, status == http.StatusOK:
		return llm.ErrTransient
	}
	return nil
}

// retryAfter reads how long to wait: in milliseconds, in seconds, as a date, or, on
// a 429 without any of these, from the limit that is used up. At most a day.
func retryAfter(h http.Header, now time.Time) time.Duration {
	var d time.Duration
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if ms, err := strconv.ParseFloat(h.Get(name), 64); err == nil && d == 0 {
			d = seconds(ms / 1000)
		}
	}
	if v := h.Get("Retry-After"); v != "" && d == 0 {
		if s, err := strconv.ParseFloat(v, 64); err == nil {
			d = seconds(s)
		} else if t, err := http.ParseTime(v); err == nil {
			d = t.Sub(now)
		}
	}
	for _, what := range []string{"Requests", "Tokens"} {
		if d == 0 && h.Get("X-Ratelimit-Remaining-"+what) == "0" {
			d, _ = time.ParseDuration(h.Get("X-Ratelimit-Reset-" + what))
		}
	}
	return min(max(d, 0), 24*time.Hour)
}

func seconds(s float64) time.Duration {
	if !(s > 0) { // NaN too
		return 0
	}
	return time.Duration(math.Min(s, 86400) * float64(time.Second))
}

// cut masks and then bounds what a server said.
func (e *Endpoint) cut(s string) string {
	s = strings.ToValidUTF8(e.mask(s), "\uFFFD")
	if len(s) > keepBody {
		s = strings.ToValidUTF8(s[:keepBody], "") + "…"
	}
	return s
}

// secrets collects what must never be shown.
func secrets(key string, header http.Header, u *url.URL) []string {
	list := []string{key}
	sensitive := func(name string) bool {
		return containsAny(strings.ToLower(name), "key", "token", "auth", "secret", "cookie", "password", "signature")
	}
	for name, values := range header {
		if sensitive(name) {
			for _, v := range values {
				list = append(list, v, v[strings.LastIndexByte(v, ' ')+1:]) // with and without "Bearer "
			}
		}
	}
	for name, values := range u.Query() {
		if sensitive(name) {
			list = append(list, values...)
		}
	}
	if pass, ok := u.User.Password(); ok {
		list = append(list, pass, base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+pass)))
	}
	return list
}

// maskers return functions that replace secrets, as they are and as they look in a
// URL or in JSON. A text of fewer than 8 bytes is a placeholder such as "ollama";
// in a model's own words only secrets of 16 bytes or more are replaced, so that no
// placeholder changes what somebody says.
func maskers(list []string) (all, long func(string) string) {
	build := func(least int) func(string) string {
		var pairs []string
		for _, s := range list {
			if len(s) < least {
				continue
			}
			quoted, _ := json.Marshal(s) // a string always has a form
			for _, form := range []string{s, url.QueryEscape(s), url.PathEscape(s), string(quoted[1 : len(quoted)-1])} {
				pairs = append(pairs, form, "***")
			}
		}
		if pairs == nil {
			return func(s string) string { return s }
		}
		return strings.NewReplacer(pairs...).Replace
	}
	return build(8), build(16)
}
