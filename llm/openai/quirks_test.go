package openai_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
)

const (
	boundedSchema = `{"type":"object","properties":{"a":{"type":"string","minLength":1,"maxLength":9},"b":{"type":"array","items":{"type":"string"},"maxItems":4}},"required":["a","b"],"additionalProperties":false}`
	mapSchema     = `{"type":"object","properties":{"m":{"type":"object","additionalProperties":{"type":"integer"}}},"required":["m"]}`
	jsonReply     = `{"model":"m","choices":[{"message":{"content":"{\"a\":\"x\",\"b\":[]}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`
)

func withSchema(body string) *llm.Request {
	req := hello()
	req.Schema = &llm.Schema{Name: "s", Body: json.RawMessage(body)}
	return req
}

// refuse answers 400 with message as long as bad holds for the request.
func refuse(t *testing.T, message string, bad func(body map[string]any) bool) *answering {
	return serve(t, func(_ int64, body map[string]any, w http.ResponseWriter) {
		if bad(body) {
			always(400, nil, message)(0, nil, w)
			return
		}
		always(200, nil, jsonReply)(0, nil, w)
	})
}

func wire(body map[string]any, path ...string) any {
	var v any = body
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

func text(body map[string]any, path ...string) string {
	b, _ := json.Marshal(wire(body, path...))
	return string(b)
}

// Refusals in the words of real servers; what is sent in the end; and what is said.
func TestAdapts(t *testing.T) {
	formatType := func(body map[string]any) any { return wire(body, "response_format", "type") }
	for name, c := range map[string]struct {
		message  string
		bad      func(map[string]any) bool
		req      *llm.Request
		good     func(map[string]any) bool
		adapted  []string
		attempts int64
	}{
		"temperature": {
			message:  `{"error":{"message":"Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.","type":"invalid_request_error","param":"temperature","code":"unsupported_value"}}`,
			bad:      func(b map[string]any) bool { return b["temperature"] != nil },
			good:     func(b map[string]any) bool { return b["temperature"] == nil && b["max_completion_tokens"] == 50.0 },
			adapted:  []string{"no temperature"},
			attempts: 2,
		},
		"old limit": {
			message:  `{"error":{"message":"Unrecognized request argument supplied: max_completion_tokens","type":"invalid_request_error","param":null,"code":null}}`,
			bad:      func(b map[string]any) bool { return b["max_completion_tokens"] != nil },
			good:     func(b map[string]any) bool { return b["max_tokens"] == 50.0 },
			adapted:  []string{"max_tokens in place of max_completion_tokens"},
			attempts: 2,
		},
		"old limit, FastAPI": {
			message:  `{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted","input":50}]}}`,
			bad:      func(b map[string]any) bool { return b["max_completion_tokens"] != nil },
			good:     func(b map[string]any) bool { return b["max_tokens"] == 50.0 },
			adapted:  []string{"max_tokens in place of max_completion_tokens"},
			attempts: 2,
		},
		"an effort": {
			message: `{"error":{"message":"Unsupported value: 'reasoning_effort' does not support 'low' with this model. Supported values are: 'none', 'medium', and 'high'.","type":"invalid_request_error","param":"reasoning_effort","code":"unsupported_value"}}`,
			bad: func(b map[string]any) bool {
				return !slices.Contains([]any{"none", "medium", "high"}, b["reasoning_effort"])
			},
			good:     func(b map[string]any) bool { return b["reasoning_effort"] == "medium" && b["temperature"] == 0.2 },
			adapted:  []string{"reasoning_effort: the nearest of none, medium, high"},
			attempts: 2,
		},
		"an effort of no use": {
			message:  `{"error":{"message":"Unsupported value: 'reasoning_effort' does not support this with this model. Supported values are: 'medium'.","param":"reasoning_effort","code":"unsupported_value"}}`,
			bad:      func(b map[string]any) bool { return b["reasoning_effort"] != nil },
			good:     func(b map[string]any) bool { return b["temperature"] == 0.2 },
			adapted:  []string{"no reasoning_effort"},
			attempts: 3,
		},
		"several at once": {
			message:  `{"error":{"message":"Unsupported parameters: temperature, top_p, stop"}}`,
			bad:      func(b map[string]any) bool { return b["temperature"] != nil || b["top_p"] != nil || b["stop"] != nil },
			good:     func(b map[string]any) bool { return b["reasoning_effort"] == "low" },
			adapted:  []string{"no temperature", "no top_p", "no stop"},
			attempts: 2,
		},
		"system role": {
			message: `{"error":{"message":"Unsupported value: 'messages[0].role' does not support 'system' with this model.","param":"messages[0].role","code":"unsupported_value"}}`,
			bad:     func(b map[string]any) bool { return strings.Contains(text(b, "messages"), `"system"`) },
			good: func(b map[string]any) bool {
				return text(b, "messages") == `[{"content":"Be brief.\n\nHello","role":"user"}]`
			},
			adapted:  []string{"no system role: the system prompt opens the first user message"},
			attempts: 2,
		},
		"keyword": {
			message: `{"error":{"message":"Invalid schema for response_format 's': In context=('properties', 'a'), 'maxLength' is not permitted.","type":"invalid_request_error","param":"response_format","code":null}}`,
			bad:     func(b map[string]any) bool { return strings.Contains(text(b, "response_format"), "maxLength") },
			req:     withSchema(boundedSchema),
			good: func(b map[string]any) bool {
				f := text(b, "response_format")
				return !strings.Contains(f, "Length") && strings.Contains(f, "maxItems") && strings.Contains(f, `"strict":true`)
			},
			adapted:  []string{"schemas without minLength, maxLength"},
			attempts: 2,
		},
		"grammar": {
			message:  `{"error":{"code":400,"message":"Failed to initialize samplers: failed to parse grammar","type":"invalid_request_error"}}`,
			bad:      func(b map[string]any) bool { return strings.Contains(text(b, "response_format"), "max") },
			req:      withSchema(boundedSchema),
			good:     func(b map[string]any) bool { return strings.Contains(text(b, "response_format"), `"strict":true`) },
			adapted:  []string{"schemas without minLength, maxLength", "schemas without minItems, maxItems"},
			attempts: 2,
		},
		"no json_schema": {
			message: `{"error":{"message":"Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.","param":"response_format"}}`,
			bad:     func(b map[string]any) bool { return formatType(b) == "json_schema" },
			req:     withSchema(boundedSchema),
			good: func(b map[string]any) bool {
				return formatType(b) == "json_object" && strings.Contains(text(b, "messages"), "maxLength")
			},
			adapted:  []string{"json_object, with the schema in the prompt"},
			attempts: 2,
		},
		"no response_format": {
			message:  `{"error":{"message":"response_format is not supported"}}`,
			bad:      func(b map[string]any) bool { return formatType(b) != nil },
			req:      withSchema(boundedSchema),
			good:     func(b map[string]any) bool { return strings.Contains(text(b, "messages"), "maxLength") },
			adapted:  []string{"no structured output: the schema is in the prompt"},
			attempts: 3,
		},
		"one schema that is too much": {
			message:  `{"error":{"message":"Invalid schema for response_format 's': schema is too deeply nested.","param":"response_format"}}`,
			bad:      func(b map[string]any) bool { return strings.Contains(text(b, "response_format"), `"strict":true`) },
			req:      withSchema(boundedSchema),
			good:     func(b map[string]any) bool { return formatType(b) == "json_schema" },
			attempts: 2, // and other schemas stay strict: see TestOneSchema
		},
		"a map and a temperature": {
			message:  `{"error":{"message":"temperature is not supported"}}`,
			bad:      func(b map[string]any) bool { return b["temperature"] != nil },
			req:      func() *llm.Request { r := withSchema(mapSchema); r.Temperature = new(0.2); return r }(),
			good:     func(b map[string]any) bool { return strings.Contains(text(b, "response_format"), `"strict":false`) },
			adapted:  []string{"no temperature"}, // and schemas are strict where they can be
			attempts: 2,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := refuse(t, c.message, c.bad)
			var log bytes.Buffer
			m := newModel(t, &openai.Options{BaseURL: a.URL, Log: slog.New(slog.NewTextHandler(&log, nil))})
			req := c.req
			if req == nil {
				req = hello()
				req.Temperature, req.TopP, req.MaxTokens, req.Stop, req.Effort = new(0.2), new(0.9), 50, []string{"X"}, "low"
			}
			for range 3 {
				if _, err := m.Generate(t.Context(), req); err != nil {
					t.Fatal(err)
				}
			}
			if body, _ := a.last(); !c.good(body) {
				t.Errorf("sent in the end: %s", text(body))
			}
			if n := a.calls.Load() - 2; n != c.attempts {
				t.Errorf("%d attempts, want %d", n, c.attempts)
			}
			if got := m.Adapted(); !cmp.Equal(got, c.adapted) {
				t.Errorf("Adapted() = %q, want %q", got, c.adapted)
			}
			lines := strings.Count(log.String(), "\n")
			if want := max(1, len(c.adapted)); lines != want {
				t.Errorf("%d lines in the log, want %d:\n%s", lines, want, &log)
			}
		})
	}
}

// Penalties, which are no options of their own, are left out as well, and nothing else.
func TestPenaltiesRefused(t *testing.T) {
	for _, refused := range []string{"frequency_penalty", "presence_penalty"} {
		a := refuse(t, `{"error":{"message":"Unsupported parameter: '`+refused+`' is not supported with this model.","code":"unsupported_parameter"}}`,
			func(b map[string]any) bool { return b[refused] != nil })
		m := newModel(t, &openai.Options{BaseURL: a.URL, Extra: map[string]any{"frequency_penalty": 0.5, "kept": []any{1, "a"}, "presence_penalty": -1e-9}})
		for range 2 {
			if _, err := m.Generate(t.Context(), hello()); err != nil {
				t.Fatal(err)
			}
		}
		body, _ := a.last()
		if body["frequency_penalty"] != nil || body["presence_penalty"] != nil || text(body, "kept") != `[1,"a"]` || a.calls.Load() != 3 {
			t.Errorf("%s: sent %s after %d calls", refused, text(body), a.calls.Load())
		}
		if got, want := m.Adapted(), []string{"no frequency_penalty and presence_penalty"}; !cmp.Equal(got, want) {
			t.Errorf("Adapted() = %q, want %q", got, want)
		}
	}
}

// Who asks for as little thought as there is gets the least that there is near it, not
// what the model does unasked.
func TestNearestEffort(t *testing.T) {
	for _, c := range []struct{ asked, words, want string }{
		{"minimal", "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. Supported values are: 'none', 'low', 'medium', 'high', and 'xhigh'.", "none"},
		{"minimal", "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. Supported values are: 'low', 'medium', and 'high'.", "low"},
		{"low", "Unsupported value: 'reasoning_effort' does not support 'low' with this model. Supported values are: 'high'.", "high"},
		{"low", "`reasoning_effort` must be one of `none` or `default`", "none"},
		{"minimal", "[body reasoning_effort]: Input should be 'low', 'medium' or 'high' (literal_error)", "low"},
	} {
		message, _ := json.Marshal(c.words)
		a := refuse(t, `{"error":{"message":`+string(message)+`}}`, func(b map[string]any) bool { return b["reasoning_effort"] != c.want })
		m := newModel(t, &openai.Options{BaseURL: a.URL, Effort: c.asked})
		for range 2 {
			if _, err := m.Generate(t.Context(), hello()); err != nil {
				t.Error(err)
			}
		}
		if body, _ := a.last(); body["reasoning_effort"] != c.want || a.calls.Load() != 3 {
			t.Errorf("%s: sent %v after %d calls, want %s", c.words, body["reasoning_effort"], a.calls.Load(), c.want)
		}
	}
}

// Whatever is sent as strict, a server that looks takes.
func TestStrictIsTaken(t *testing.T) {
	files, err := filepath.Glob("testdata/strict/*.json")
	if err != nil || len(files) < 9 {
		t.Fatalf("%d schemas, %v", len(files), err)
	}
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Keep: true})
	m := newModel(t, &openai.Options{BaseURL: s.URL})
	strict := 0
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Generate(t.Context(), withSchema(string(body))); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		calls := s.Calls()
		if bytes.Contains(calls[len(calls)-1].Body, []byte(`"strict":true`)) {
			strict++
		}
		if n := s.Stats().Malformed; n > 0 {
			t.Fatalf("%s was refused, and sent in the end as %s", file, calls[len(calls)-1].Body)
		}
	}
	if strict < 4 {
		t.Errorf("%d schemas went as strict", strict)
	}
}

// Templates of some models want user and assistant in turn.
func TestAlternation(t *testing.T) {
	a := refuse(t, `{"error":{"message":"Conversation roles must alternate user/assistant/user/assistant/..."}}`, func(b map[string]any) bool {
		list, _ := b["messages"].([]any)
		return len(list) != 2
	})
	m := newModel(t, &openai.Options{BaseURL: a.URL})
	req := hello()
	req.Messages = append(req.Messages, llm.Message{Role: llm.User, Parts: []llm.Part{{Text: "look"}, {Image: &llm.Image{MediaType: "image/png", Data: []byte{1}}}}})
	if _, err := m.Generate(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	body, _ := a.last()
	want := `[{"content":"Be brief.","role":"system"},{"content":[{"text":"Hello\n\n","type":"text"},{"text":"look","type":"text"},` +
		`{"image_url":{"url":"data:image/png;base64,AQ=="},"type":"image_url"}],"role":"user"}]`
	if got := text(body, "messages"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What is wrong with one schema says nothing of others.
func TestOneSchema(t *testing.T) {
	a := refuse(t, `{"error":{"message":"Invalid schema for response_format 's': enum too long","param":"response_format"}}`, func(b map[string]any) bool {
		return strings.Contains(text(b, "response_format"), "minLength") && strings.Contains(text(b, "response_format"), `"strict":true`)
	})
	m := newModel(t, &openai.Options{BaseURL: a.URL})
	other := withSchema(`{"type":"object","properties":{"a":{"type":"boolean"}},"required":["a"]}`)
	for _, req := range []*llm.Request{withSchema(boundedSchema), other} {
		if _, err := m.Generate(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	if body, _ := a.last(); !strings.Contains(text(body, "response_format"), `"strict":true`) || m.Adapted() != nil {
		t.Errorf("another schema was sent as %s; adapted %q", text(body, "response_format"), m.Adapted())
	}
}

// A caller's mistake is an error, not a reason to leave out what was asked.
func TestMistakesAreNotAdapted(t *testing.T) {
	for _, message := range []string{
		`{"error":{"message":"Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 5 instead.","param":"temperature","code":"decimal_above_max_value"}}`,
		`{"error":{"message":"Expected 'messages' to be an array"}}`,
		`{"error":{"message":"The model is not supported in your region"}}`,
	} {
		a := serve(t, always(400, nil, message))
		m := newModel(t, &openai.Options{BaseURL: a.URL})
		req := hello()
		req.Temperature, req.MaxTokens = new(5.0), 500000
		_, err := m.Generate(t.Context(), req)
		var e *llm.Error
		if !errors.As(err, &e) || e.Status != 400 || a.calls.Load() != 1 || m.Adapted() != nil {
			t.Errorf("%s: %v after %d calls, adapted %q", message, err, a.calls.Load(), m.Adapted())
		}
	}
}

// Groq judges JSON by itself: what it holds back is repaired like any reply, and says
// nothing of schemas.
func TestHeldBack(t *testing.T) {
	const held = `{"error":{"message":"Failed to generate JSON. Please adjust your prompt. See 'failed_generation' for more details. The generated JSON does not match the expected schema.","type":"invalid_request_error","code":"json_validate_failed"%s}}`
	for name, c := range map[string]struct {
		extra string
		want  error // of one call
		calls int64 // of Ask
	}{
		"not JSON":  {`,"failed_generation":"{\"a\":\"x\",\"b\":"`, nil, 2},
		"cut":       {`,"failed_generation":"max completion tokens reached before generating a valid document"`, llm.ErrTruncated, 2},
		"empty":     {`,"failed_generation":""`, llm.ErrTransient, 1},
		"not shown": {``, llm.ErrTransient, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, func(n int64, body map[string]any, w http.ResponseWriter) {
				if n%2 == 1 {
					always(400, nil, fmt.Sprintf(held, c.extra))(0, nil, w)
					return
				}
				if calls := text(body, "messages"); c.want == nil && !strings.Contains(calls, `{\"a\":\"x\",\"b\":`) {
					t.Errorf("the repair does not show what was held back: %s", calls)
				}
				always(200, nil, jsonReply)(0, nil, w)
			})
			m := newModel(t, &openai.Options{BaseURL: a.URL})
			_, resp, err := llm.Ask[json.RawMessage](t.Context(), m, withSchema(boundedSchema))
			if a.calls.Load() != c.calls || c.calls == 2 && err != nil || c.calls == 1 && !errors.Is(err, c.want) {
				t.Errorf("%+v, %v after %d calls", resp, err, a.calls.Load())
			}
			a.calls.Store(2)
			resp, err = m.Generate(t.Context(), withSchema(boundedSchema))
			if !errors.Is(err, c.want) || resp != nil && !llm.Unreported(resp, err) {
				t.Errorf("one call: %+v, %v; want %v, and a usage that nobody knows", resp, err, c.want)
			}
			if m.Adapted() != nil {
				t.Errorf("adapted %q", m.Adapted())
			}
			if body, _ := a.last(); text(body, "response_format", "json_schema", "strict") != "true" {
				t.Errorf("sent %s", text(body, "response_format"))
			}
		})
	}
}

// A limit of output tokens that the model does not have is lowered to the one that it
// has, in the words of several servers.
func TestOutputLimit(t *testing.T) {
	for message, most := range map[string]int{
		`{"error":{"message":"max_tokens is too large: 8192. This model supports at most 4096 completion tokens, whereas you provided 8192.","type":"invalid_request_error","param":"max_tokens","code":"invalid_value"}}`: 4096,
		"{\"error\":{\"message\":\"`max_completion_tokens` must be less than or equal to `4000`, the maximum value for `max_completion_tokens` is less than the `context_window` for this model\"}}":                       4000,
		`{"error":{"message":"Invalid max_tokens value, the valid range of max_tokens is [1, 4096]","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}`:                                          4096,
	} {
		a := refuse(t, message, func(b map[string]any) bool { return b["max_completion_tokens"].(float64) > float64(most) })
		m := newModel(t, &openai.Options{BaseURL: a.URL})
		for i, sent := range []int{8192, 8192, 100} {
			req := hello()
			req.MaxTokens = sent
			if _, err := m.Generate(t.Context(), req); err != nil {
				t.Fatal(err)
			}
			if body, _ := a.last(); body["max_completion_tokens"] != float64(min(sent, most)) || a.calls.Load() != int64(i+2) {
				t.Errorf("%s: sent %v after %d calls", message, body["max_completion_tokens"], a.calls.Load())
			}
		}
		if want := []string{fmt.Sprintf("at most %d output tokens", most)}; !cmp.Equal(m.Adapted(), want) {
			t.Errorf("Adapted() = %q, want %q", m.Adapted(), want)
		}
	}
}

// Where prompt and reply share a context, what is left beside one prompt says nothing
// of another; the context does.
func TestRoomForOutput(t *testing.T) {
	for name, words := range map[string]string{
		"vllm":       "'max_completion_tokens' is too large: %[1]d. This model's maximum context length is 8192 tokens and your request has %[2]d input tokens (%[1]d > 8192 - %[2]d).",
		"openai":     "This model's maximum context length is 8192 tokens. However, you requested %[3]d tokens (%[2]d in the messages, %[1]d in the completion). Please reduce the length of the messages or completion.",
		"openrouter": "This endpoint's maximum context length is 8192 tokens. However, you requested about %[3]d tokens (%[2]d of text input, %[1]d in the output). Please reduce the length of either one.",
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, func(_ int64, body map[string]any, w http.ResponseWriter) {
				sent, _ := body["max_completion_tokens"].(float64)
				if in := len(text(body, "messages")) / 3; in+int(sent) > 8192 { // more tokens than one guesses
					message, _ := json.Marshal(fmt.Sprintf(words, int(sent), in, in+int(sent)))
					always(400, nil, `{"error":{"message":`+string(message)+`,"type":"BadRequestError","param":"max_tokens","code":400}}`)(0, nil, w)
					return
				}
				always(200, nil, okReply)(0, nil, w)
			})
			m := newModel(t, &openai.Options{BaseURL: a.URL})
			for _, c := range []struct{ chars, least, most int }{{100, 8000, 8192}, {18000, 2000, 2200}, {100, 7900, 8192}} {
				req := hello()
				req.MaxTokens, req.System = 8192, strings.Repeat("x", c.chars)
				before := a.calls.Load()
				if _, err := m.Generate(t.Context(), req); err != nil {
					t.Fatal(err)
				}
				body, _ := a.last()
				if sent := int(body["max_completion_tokens"].(float64)); sent < c.least || sent > c.most || a.calls.Load() > before+2 {
					t.Errorf("%d characters: a limit of %d after %d attempts", c.chars, sent, a.calls.Load()-before)
				}
			}
			before := a.calls.Load()
			req := hello()
			req.MaxTokens, req.System = 8192, strings.Repeat("x", 3*8150)
			if _, err := m.Generate(t.Context(), req); !errors.Is(err, llm.ErrTooLong) || a.calls.Load() != before+1 {
				t.Errorf("a prompt that leaves hardly any room: %v after %d attempts", err, a.calls.Load()-before)
			}
		})
	}
}

// An endpoint that refuses everything is asked a bounded number of times, and its
// words are in the error.
func TestAdaptationEnds(t *testing.T) {
	a := serve(t, always(400, nil, `{"error":{"message":"Unsupported: temperature top_p stop reasoning_effort seed max_completion_tokens max_tokens response_format json_schema strict system role alternate minLength maxItems"}}`))
	m := newModel(t, &openai.Options{BaseURL: a.URL, Seed: new(int64(1))})
	req := withSchema(boundedSchema)
	req.Temperature, req.TopP, req.MaxTokens, req.Stop, req.Effort = new(0.2), new(0.9), 50, []string{"X"}, "low"
	_, err := m.Generate(t.Context(), req)
	if err == nil || !strings.Contains(err.Error(), "Unsupported: temperature") || a.calls.Load() > 12 {
		t.Errorf("%v after %d calls", err, a.calls.Load())
	}
	if m.Adapted() != nil || a.calls.Load() < 4 {
		t.Errorf("after %d calls that did not help, adapted %q", a.calls.Load(), m.Adapted())
	}
}

// A server that passes over max_completion_tokens is found out by its usage.
func TestLimitPassedOver(t *testing.T) {
	a := serve(t, always(200, nil, `{"choices":[{"message":{"content":"long"},"finish_reason":"stop"}],"usage":{"completion_tokens":400}}`))
	m := newModel(t, &openai.Options{BaseURL: a.URL})
	req := hello()
	req.MaxTokens = 10
	for range 2 {
		if _, err := m.Generate(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	if body, _ := a.last(); body["max_tokens"] != 10.0 || body["max_completion_tokens"] != nil {
		t.Errorf("sent %s", text(body))
	}
}

// One reply that is a token too long takes the limit away from no later call: where
// max_tokens is refused, max_completion_tokens is what there is.
func TestLimitStays(t *testing.T) {
	a := serve(t, func(n int64, body map[string]any, w http.ResponseWriter) {
		if body["max_tokens"] != nil {
			always(400, nil, `{"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}`)(n, body, w)
			return
		}
		always(200, nil, `{"choices":[{"message":{"content":"long"},"finish_reason":"stop"}],"usage":{"completion_tokens":101}}`)(n, body, w)
	})
	m := newModel(t, &openai.Options{BaseURL: a.URL})
	req := hello()
	req.MaxTokens = 100
	for i, calls := range []int64{1, 3, 4, 5} {
		if _, err := m.Generate(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		if body, _ := a.last(); body["max_completion_tokens"] != 100.0 || a.calls.Load() != calls {
			t.Errorf("call %d: after %d requests sent %s", i+1, a.calls.Load(), text(body))
		}
	}
	if m.Adapted() != nil {
		t.Errorf("adapted %q", m.Adapted())
	}
}

// Many calls that find out the same thing at once log it once.
func TestAdaptsConcurrently(t *testing.T) {
	a := refuse(t, `{"error":{"message":"temperature is not supported"}}`, func(b map[string]any) bool { return b["temperature"] != nil })
	var log bytes.Buffer
	m := newModel(t, &openai.Options{BaseURL: a.URL, Log: slog.New(slog.NewTextHandler(&log, nil)), Temperature: new(0.1)})
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			req := hello()
			if i%2 == 0 {
				req = withSchema(strings.Replace(boundedSchema, "9", strings.Repeat("9", 1+i/4), 1))
			}
			if _, err := m.Generate(t.Context(), req); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines:\n%s", n, &log)
	}
}

// An optional member that strict mode made nullable comes back left out.
func TestOptionalMembers(t *testing.T) {
	a := serve(t, always(200, nil, `{"choices":[{"message":{"content":"{\"a\":\"x\",\"b\":null}"}}]}`))
	m := newModel(t, &openai.Options{BaseURL: a.URL})
	req := withSchema(`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"]}`)
	resp, err := m.Generate(t.Context(), req)
	if err != nil || resp.Text != `{"a":"x"}` {
		t.Errorf("got %+v, %v", resp, err)
	}
	body, _ := a.last()
	if got := text(body, "response_format", "json_schema", "schema", "required"); got != `["a","b"]` {
		t.Errorf("required: %s", got)
	}
}

func TestIdentity(t *testing.T) {
	ids := []string{}
	for _, o := range []*openai.Options{
		nil, {BaseURL: "http://u:secret-word@127.0.0.1:1/v1/?key=secret-word"}, {Temperature: new(0.0)}, {Seed: new(int64(0))}, {Extra: map[string]any{"x": 1}}, {MaxTokens: 5},
	} {
		id := newModel(t, o).Identity()
		if slices.Contains(ids, id) || strings.Contains(id, "secret") {
			t.Errorf("identity %q", id)
		}
		ids = append(ids, id)
	}
	if ids[0] != "openai/test-model" {
		t.Errorf("identity with defaults: %q", ids[0])
	}
	same := newModel(t, &openai.Options{BaseURL: openai.DefaultURL + "/", Key: "sk-0123456789"}).Identity()
	if same != ids[0] {
		t.Errorf("a key or a slash changed the identity: %q", same)
	}
}
