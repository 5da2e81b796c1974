package openai

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

// A failed is an exchange that came to nothing.
type failed struct {
	err error
	// For an HTTP error, what the endpoint said, in lower case: message, code, type
	// and parameter; and whether it has been understood as one of llm's conditions.
	status int
	said   string
	// draft is a reply that the provider held back because it is not the JSON that was
	// asked for.
	draft *string
}

// exchange sends body (nil for none) and decodes a good answer into out. name is for
// errors. A context that ends gives its own error, not one that is retried.
func (e *Endpoint) exchange(ctx context.Context, name, method, path string, body []byte, out any) *failed {
	a, err := e.c.Exchange(ctx, name, method, path, body)
	if err != nil {
		return &failed{err: err}
	}
	if a.Status != http.StatusOK || inBody(a.Body) {
		return e.refused(name, a)
	}
	if err := e.c.Decode(name, a, out); err != nil {
		return &failed{err: err}
	}
	return nil
}

// inBody reports whether an answer is an error all the same: some gateways answer 200
// and put the error into the body.
func inBody(data []byte) bool {
	var wrapped struct {
		Error   json.RawMessage `json:"error"`
		Choices json.RawMessage `json:"choices"`
	}
	return bytes.Contains(data, []byte(`"error"`)) && json.Unmarshal(data, &wrapped) == nil &&
		len(wrapped.Error) > len("null") && len(wrapped.Choices) <= len("null")
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
		Code   string `json:"code"`
		Result map[string]struct {
			Filtered bool   `json:"filtered"`
			Severity string `json:"severity"`
		} `json:"content_filter_result"`
	} `json:"innererror"` // Azure
	Draft    *string `json:"failed_generation"` // Groq
	Metadata struct {
		Reasons []string `json:"reasons"`
	} `json:"metadata"` // OpenRouter
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

// filtered names what a filter found.
func (w *wireError) filtered() string {
	found := w.Metadata.Reasons // OpenRouter's
	for name, r := range w.Inner.Result {
		if r.Filtered {
			found = append(found, strings.TrimSuffix(name+": "+r.Severity, ": "))
		}
	}
	if len(found) == 0 {
		return ""
	}
	slices.Sort(found)
	return " (filtered for " + strings.Join(found, ", ") + ")"
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

// refused types an error answer. The address is added where a wrong one may be the
// cause.
func (e *Endpoint) refused(name string, a *wire.Answer) *failed {
	w, status := parseError(a.Body), a.Status
	code, param := scalar(w.Code), scalar(w.Param)
	if n, err := strconv.Atoi(code); err == nil {
		if status == http.StatusOK && n >= 400 && n < 600 {
			status = n
		}
		code = "" // a repeated status says nothing; the type does
	}
	w.Message += w.filtered()
	if w.Prompt > 0 && !strings.Contains(w.Message, strconv.Itoa(w.Prompt)) {
		w.Message += fmt.Sprintf(" (%d tokens, %d fit)", w.Prompt, w.Context)
	}
	if loc := a.Header.Get("Location"); status >= 300 && status < 400 {
		w.Message = "redirected to " + loc + "; redirects are not followed"
	}
	if (status == 404 || status == 405) && code == "" {
		w.Message += " (asked " + wire.Redacted(a.Asked) + ")"
	}
	// What is said at length may repeat the prompt, whose words mean nothing here.
	said := strings.ToLower(strings.Join([]string{code, w.Type, param, w.Inner.Code, w.Message[:min(len(w.Message), 1000)]}, "\n"))
	err := &llm.Error{
		Provider:   name,
		Status:     status,
		Code:       e.c.Cut(cmp.Or(code, w.Inner.Code, w.Type)),
		Body:       e.c.Cut(w.Message),
		RetryAfter: wire.RetryAfter(a.Header, time.Now()),
		Err:        conditionOf(status, said),
	}
	f := &failed{err: err, status: status, said: said}
	if code == "json_validate_failed" {
		f.draft, f.said = w.Draft, "" // says nothing of what the endpoint takes
		if w.Draft == nil {
			err.Err = llm.ErrTransient
		}
	}
	return f
}

// conditionOf maps an error answer, in lower case, to one of llm's conditions, or to
// nil where none fits. The order matters: a 429 may mean an empty account, or a
// request that will never fit.
func conditionOf(status int, said string) error {
	switch {
	case status == 402, wire.Says(said, "insufficient_quota", "billing_hard_limit", "billing_not_active", "insufficient credits"):
		return llm.ErrQuota
	case wire.Says(said, "context_length_exceeded", "exceed_context_size", "maximum context length", "available context size",
		"context window", "exceeds the context length", "too large to process", "prompt is too long", "string_above_max_length", "request too large"), status == 413:
		return llm.ErrTooLong
	case status != 401 && wire.Says(said, "content_filter", "responsibleaipolicyviolation", "content_policy_violation", "content management policy",
		"invalid_prompt", "violating our usage policy"):
		return llm.ErrFiltered
	case status == 403 && wire.Says(said, "flagged", "moderation", "content_policy"): // OpenRouter's, about the prompt
		return llm.ErrFiltered
	case status == 403 && wire.Says(said, "model_not_found"): // OpenAI's, of a project that may not use the model
		return llm.ErrNotFound
	case status == 401, status == 403:
		return llm.ErrAuth
	case status == 404, status == 405, status == 501, status >= 300 && status < 400, wire.Says(said, "model_not_found", "deploymentnotfound"):
		return llm.ErrNotFound
	case status == 429:
		return llm.ErrRate
	case status >= 500 && wire.Says(said, "overloaded", "high demand", "slow down"):
		return wire.Condition(llm.ErrRate, "overloaded")
	case status >= 500 && wire.Says(said, "not supported", "not_supported"):
		return wire.Worded(errors.ErrUnsupported, "not supported") // llama.cpp's 500 for an image or a feature that the model lacks
	case status >= 500, status == 408, status == 409, status == 425, status == http.StatusOK:
		return llm.ErrTransient
	}
	return nil
}
