package anthropic_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/anthropic"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

func failure(kind, message string) string {
	m, _ := json.Marshal(message)
	return fmt.Sprintf(`{"type":"error","error":{"type":%q,"message":%s},"request_id":"req_1"}`, kind, m)
}

func ended(reason, content string) string {
	return fmt.Sprintf(`{"type":"message","model":"m","content":%s,"stop_reason":%q,"usage":{"input_tokens":3,"output_tokens":2}}`, content, reason)
}

// Answers as the provider is reported to give them, and what they mean.
func TestErrors(t *testing.T) {
	soon := time.Now().Add(90 * time.Second).UTC().Format(time.RFC3339)
	for name, c := range map[string]struct {
		status int
		header map[string]string
		body   string
		want   error
		says   string
		wait   time.Duration
	}{
		"key":           {status: 401, body: failure("authentication_error", "invalid x-api-key"), want: llm.ErrAuth, says: "authentication_error"},
		"permission":    {status: 403, body: failure("permission_error", "Your API key does not have permission"), want: llm.ErrAuth},
		"no model":      {status: 404, body: failure("not_found_error", "model: claude-x"), want: llm.ErrNotFound, says: "model: claude-x"},
		"wrong path":    {status: 404, body: `not here`, want: llm.ErrNotFound, says: "/v1/messages)"},
		"rate":          {status: 429, header: map[string]string{"Retry-After": "12"}, body: failure("rate_limit_error", "This request would exceed your organization's rate limit"), want: llm.ErrRate, wait: 12 * time.Second},
		"rate reset":    {status: 429, header: map[string]string{"Anthropic-Ratelimit-Input-Tokens-Remaining": "0", "Anthropic-Ratelimit-Input-Tokens-Reset": soon}, body: failure("rate_limit_error", "x"), want: llm.ErrRate, wait: 90 * time.Second},
		"overloaded":    {status: 529, body: failure("overloaded_error", "Overloaded"), want: llm.ErrRate, says: "overloaded"},
		"demand":        {status: 503, body: failure("api_error", "We are experiencing high demand"), want: llm.ErrRate},
		"500":           {status: 500, body: failure("api_error", "Internal server error"), want: llm.ErrTransient},
		"timeout":       {status: 504, body: failure("timeout_error", "timed out"), want: llm.ErrTransient},
		"billing":       {status: 402, body: failure("billing_error", "There is an issue with your billing"), want: llm.ErrQuota},
		"credit":        {status: 400, body: failure("invalid_request_error", "Your credit balance is too low to access the Anthropic API."), want: llm.ErrQuota},
		"usage limit":   {status: 400, body: failure("invalid_request_error", "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."), want: llm.ErrQuota, says: "2026-12-01"},
		"too long":      {status: 400, body: failure("invalid_request_error", "prompt is too long: 208310 tokens > 200000 maximum"), want: llm.ErrTooLong, says: "208310"},
		"with reply":    {status: 400, body: failure("invalid_request_error", "input length and `max_tokens` exceed context limit: 199990 + 16384 > 200000, decrease input length or `max_tokens` and try again"), want: llm.ErrTooLong},
		"too large":     {status: 413, body: `<html>413</html>`, want: llm.ErrTooLong},
		"filter":        {status: 400, body: failure("invalid_request_error", "Output blocked by content filtering policy"), want: llm.ErrFiltered},
		"bad value":     {status: 400, body: failure("invalid_request_error", "temperature: Input should be less than or equal to 1"), says: "less than or equal to 1"},
		"bad image":     {status: 400, body: failure("invalid_request_error", "messages.0.content.1.image.source.base64: invalid base64 data"), says: "base64"},
		"words":         {status: 400, body: failure("invalid_request_error", "messages: unknown thing: "+strings.Repeat("x", 1000)+" temperature prompt is too long"), says: "unknown thing"},
		"bare error":    {status: 502, body: `{"error":"upstream"}`, want: llm.ErrTransient, says: "upstream"},
		"html":          {status: 502, body: `<html>Bad gateway</html>`, want: llm.ErrTransient, says: "Bad gateway"},
		"200 error":     {status: 200, body: failure("overloaded_error", "Overloaded"), want: llm.ErrRate},
		"redirect":      {status: 307, header: map[string]string{"Location": "https://elsewhere.example/"}, want: llm.ErrNotFound, says: "elsewhere.example"},
		"empty body":    {status: 200, body: ``, want: llm.ErrTransient},
		"no content":    {status: 200, body: `{}`, want: llm.ErrTransient},
		"odd types":     {status: 200, body: `{"content":{"a":1}}`, want: llm.ErrTransient},
		"blank":         {status: 200, body: ended("end_turn", `[{"type":"text","text":" \n"}]`), want: llm.ErrTransient, says: "empty reply"},
		"thoughts":      {status: 200, body: ended("end_turn", `[{"type":"thinking","thinking":"hm","signature":"x"}]`), want: llm.ErrTransient, says: "empty reply"},
		"limit":         {status: 200, body: ended("max_tokens", `[{"type":"text","text":"hal"}]`), want: llm.ErrTruncated},
		"context":       {status: 200, body: ended("model_context_window_exceeded", `[{"type":"text","text":"hal"}]`), want: llm.ErrTruncated, says: "context"},
		"paused":        {status: 200, body: ended("pause_turn", `[{"type":"text","text":"hal"}]`), want: llm.ErrTransient, says: "pause_turn"},
		"refusal":       {status: 200, body: ended("refusal", `[]`), want: llm.ErrFiltered},
		"refusal, why":  {status: 200, body: strings.Replace(ended("refusal", `[]`), `"usage"`, `"stop_details":{"type":"refusal","category":"cyber","explanation":"Not this."},"usage"`, 1), want: llm.ErrFiltered, says: "cyber: Not this."},
		"refusal, null": {status: 200, body: strings.Replace(ended("refusal", `[{"type":"text","text":"I cannot."}]`), `"usage"`, `"stop_details":{"type":"refusal","category":null,"explanation":null},"usage"`, 1), want: llm.ErrFiltered, says: "I cannot."},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(_ int, _ string, h http.Header) (int, string) {
				for k, v := range c.header {
					h.Set(k, v)
				}
				return c.status, c.body
			})
			req := hello()
			req.Temperature = new(0.5)
			_, err := newModel(t, &anthropic.Options{BaseURL: s.URL}).Generate(t.Context(), req)
			var e *llm.Error
			if !errors.As(err, &e) || e.Provider != "anthropic/test-model" {
				t.Fatalf("got %v (%T), want an *llm.Error", err, err)
			}
			for _, cond := range []error{llm.ErrTransient, llm.ErrRate, llm.ErrTooLong, llm.ErrFiltered, llm.ErrQuota, llm.ErrAuth, llm.ErrNotFound, llm.ErrTruncated} {
				if errors.Is(err, cond) != (cond == c.want) {
					t.Errorf("%v: is %q: %v", err, cond, errors.Is(err, cond))
				}
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
			if d := c.wait - e.RetryAfter; d < 0 || d > 5*time.Second {
				t.Errorf("RetryAfter = %v, want %v", e.RetryAfter, c.wait)
			}
			if n := len(s.all()); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

// Where prompt and reply together do not fit, the reply is asked to be shorter; in this
// call alone, since the next prompt is another.
func TestRoomBesideThePrompt(t *testing.T) {
	s := serve(t, refusing([2]string{`"max_tokens":16384`,
		"input length and `max_tokens` exceed context limit: 188240 + 16384 > 200000, decrease input length or `max_tokens` and try again"}))
	m := newModel(t, &anthropic.Options{BaseURL: s.URL})
	for n := 2; n <= 4; n += 2 {
		if _, err := m.Generate(t.Context(), hello()); err != nil {
			t.Fatal(err)
		}
		if all := s.all(); len(all) != n || !strings.Contains(s.last(), `"max_tokens":11760`) {
			t.Errorf("after %d calls sent %s", len(all), s.last())
		}
	}
	if m.Adapted() != nil {
		t.Errorf("Adapted: %q", m.Adapted())
	}
}

// Others take temperatures up to 2, and so does config.ini.
func TestTooWarm(t *testing.T) {
	for _, answer := range []string{"temperature: Input should be less than or equal to 1", "temperature: range: -1 or 0..1"} {
		s := serve(t, refusing([2]string{`"temperature":1.2`, answer}))
		m := newModel(t, &anthropic.Options{BaseURL: s.URL, Temperature: new(1.2)})
		for n := 2; n <= 3; n++ {
			if _, err := m.Generate(t.Context(), hello()); err != nil {
				t.Fatal(err)
			}
			if all := s.all(); len(all) != n || !strings.Contains(s.last(), `"temperature":1}`) {
				t.Errorf("after %d calls sent %s", len(all), s.last())
			}
		}
		if d := cmp.Diff([]string{"no temperature above 1"}, m.Adapted()); d != "" {
			t.Errorf("Adapted:\n%s", d)
		}
	}
}

// There is no minimum below low.
func TestMinimalEffort(t *testing.T) {
	s := serve(t, refusing())
	if _, err := newModel(t, &anthropic.Options{BaseURL: s.URL, Effort: "minimal"}).Generate(t.Context(), hello()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.last(), `"output_config":{"effort":"low"}`) {
		t.Errorf("sent %s", s.last())
	}
}

func TestUsage(t *testing.T) {
	s := serve(t, always(200, `{"model":"served","content":[{"type":"thinking","thinking":""},{"type":"text","text":"a"},{"type":"text","text":"b"}],"stop_reason":"stop_sequence",
		"usage":{"input_tokens":20,"cache_creation_input_tokens":300,"cache_read_input_tokens":4000,"output_tokens":50,"output_tokens_details":{"thinking_tokens":30}}}`))
	resp, err := newModel(t, &anthropic.Options{BaseURL: s.URL}).Generate(t.Context(), hello())
	if err != nil {
		t.Fatal(err)
	}
	want := &llm.Response{Text: "ab", Finish: llm.FinishStop, Model: "served", Usage: llm.Usage{Input: 4320, CachedInput: 4000, CacheWrite: 300, Output: 50, Reasoning: 30}}
	if d := cmp.Diff(want, resp, cmpopts.IgnoreUnexported(llm.Response{})); d != "" {
		t.Error(d)
	}
}

// A schema that structured output cannot say, or is refused for, goes with a tool; it
// alone.
func TestOneSchema(t *testing.T) {
	s := serve(t, refusing())
	m := newModel(t, &anthropic.Options{BaseURL: s.URL})
	ask := func(body string) string {
		req := hello()
		req.Schema = &llm.Schema{Name: "reply", Body: json.RawMessage(body)}
		if _, err := m.Generate(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		return s.last()
	}
	const (
		maps  = `{"type":"object","properties":{"m":{"type":"object","additionalProperties":{"type":"integer"}}},"required":["m"]}`
		loop  = `{"type":"object","title":"recursive","properties":{"r":{"$ref":"#"}},"required":[]}`
		plain = `{"properties":{"a":{"type":"string"}},"required":["a"]}`
	)
	if got := ask(maps); !strings.Contains(got, `"input_schema":`+maps) || strings.Contains(got, "output_config") || len(s.all()) != 1 {
		t.Errorf("a map: sent %s", got)
	}
	s = serve(t, func(n int, body string, h http.Header) (int, string) {
		if strings.Contains(body, `"output_config"`) && strings.Contains(body, "recursive") {
			return 400, failure("invalid_request_error", "output_config.format.schema: recursive references are not supported")
		}
		return refusing()(n, body, h)
	})
	m = newModel(t, &anthropic.Options{BaseURL: s.URL})
	if got := ask(loop); !strings.Contains(got, `"input_schema":`+loop) || len(s.all()) != 2 {
		t.Errorf("a loop: sent %s", got)
	}
	if got := ask(loop); len(s.all()) != 3 {
		t.Errorf("a loop, again: sent %s", got)
	}
	if got := ask(plain); !strings.Contains(got, `"schema":{"type":"object",`) || len(s.all()) != 4 || m.Adapted() != nil {
		t.Errorf("another: sent %s; adapted %q", got, m.Adapted())
	}
	req := hello()
	req.Schema = &llm.Schema{Name: "s", Body: json.RawMessage(`[]`)}
	if _, err := m.Generate(t.Context(), req); err == nil || len(s.all()) != 4 {
		t.Errorf("no schema: %v", err)
	}
}

func TestDefaults(t *testing.T) {
	s := serve(t, always(200, okReply))
	o := &anthropic.Options{BaseURL: s.URL + "/v1/messages", Temperature: new(0.25), TopP: new(0.5), Effort: "low"}
	m := newModel(t, o)
	for _, c := range []struct {
		o, req, want int
	}{{0, 0, anthropic.DefaultMaxTokens}, {500, 0, 500}, {500, 700, 700}} {
		o.MaxTokens = c.o
		req := hello()
		req.MaxTokens = c.req
		if _, err := newModel(t, o).Generate(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{fmt.Sprintf(`"max_tokens":%d,`, c.want), `"temperature":0.25`, `"top_p":0.5`, `"effort":"low"`} {
			if !strings.Contains(s.last(), part) {
				t.Errorf("sent %s, without %s", s.last(), part)
			}
		}
	}
	if id := m.Identity(); id != "anthropic/test-model at "+s.URL+` with {"Temperature":0.25,"TopP":0.5,"Effort":"low"}` {
		t.Errorf("Identity() = %s", id)
	}
	if id := newModel(t, nil).Identity(); id != "anthropic/test-model" {
		t.Errorf("Identity() = %s", id)
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]*anthropic.Options{
		"no scheme":   {BaseURL: "localhost:1234"},
		"key":         {Key: "sk-canary-0123456789\nx"},
		"extra":       {Extra: map[string]any{"model": "x"}},
		"extra value": {Extra: map[string]any{"x": func() {}}},
	} {
		if _, err := anthropic.New("m", o); err == nil || !strings.HasPrefix(err.Error(), "anthropic: ") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := anthropic.New("", nil); err == nil {
		t.Error("no model: no error")
	}
	o := anthropic.Options{Key: "sk-canary", Header: http.Header{"Authorization": {"Bearer canary"}}}
	if s := fmt.Sprintf("%v %+v %#v", o, o, o); strings.Contains(s, "canary") {
		t.Errorf("options show the key: %s", s)
	}
}

func TestTimeout(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Anthropic(), Faults: llmtest.Always(llmtest.Fault{Kind: llmtest.Hang})})
	_, err := newModel(t, &anthropic.Options{BaseURL: s.URL, Timeout: 30 * time.Millisecond}).Generate(t.Context(), hello())
	if !errors.Is(err, llm.ErrTransient) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "30ms") {
		t.Errorf("got %v, want a temporary failure that names the limit", err)
	}
}

func TestModels(t *testing.T) {
	s := serve(t, func(n int, _ string, _ http.Header) (int, string) {
		if n == 1 {
			return 200, `{"data":[{"id":"b","max_input_tokens":1000000,"max_tokens":128000},{"id":"a"}],"has_more":true,"last_id":"a"}`
		}
		return 200, `{"data":[{"id":"c"}],"has_more":true,"last_id":"a"}` // says the same for ever
	})
	e, err := anthropic.NewEndpoint(&anthropic.Options{BaseURL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	got, err := e.Models(t.Context())
	if want := []anthropic.ModelInfo{{"b", 1_000_000, 128_000}, {"a", 0, 0}, {"c", 0, 0}}; err != nil || !cmp.Equal(want, got) {
		t.Errorf("got %v, %v", got, err)
	}
	if asked := s.all(); !strings.HasPrefix(asked[0], "GET /v1/models?limit=1000\n") || !strings.HasPrefix(asked[1], "GET /v1/models?after_id=a&limit=1000\n") {
		t.Errorf("asked %q", asked)
	}
}

// Whatever a server answers, a reply is either whole or an error.
func FuzzReply(f *testing.F) {
	f.Add(200, okReply)
	f.Add(200, ended("tool_use", `[{"type":"tool_use","input":{"a":1}}]`))
	f.Add(200, ended("refusal", `null`))
	f.Add(400, failure("invalid_request_error", "max_tokens: 6000 > 4096, which is the maximum"))
	f.Add(400, failure("invalid_request_error", "output_config.format: Extra inputs are not permitted"))
	f.Add(429, `{"error":"x"}`)
	type answer struct {
		status int
		body   string
	}
	answers := make(chan answer, 1)
	s := serve(f, func(int, string, http.Header) (int, string) {
		a := <-answers
		answers <- a
		return a.status, a.body
	})
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return
		}
		answers <- answer{status, body}
		resp, err := newModel(t, &anthropic.Options{BaseURL: s.URL}).Generate(t.Context(), talk())
		<-answers
		switch {
		case err == nil && (resp == nil || strings.TrimSpace(resp.Text) == "" || resp.Finish != llm.FinishStop):
			t.Errorf("%d %q: %+v taken for an answer", status, body, resp)
		case err != nil && status == 200 && !errors.As(err, new(*llm.Error)):
			t.Errorf("%d %q: %T", status, body, err)
		}
	})
}

func Example() {
	// A stand-in for api.anthropic.com, so that this can be run anywhere.
	s := llmtest.NewHandler(&llmtest.ServerOptions{Dialect: llmtest.Anthropic(),
		Reply: func(int, *llm.Request) (string, error) { return "Good morning.", nil }})
	server := httptest.NewServer(s)
	defer server.Close()

	m, err := anthropic.New("claude-haiku-5-5", &anthropic.Options{BaseURL: server.URL, Key: "sk-ant-…"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	resp, err := m.Generate(context.Background(), &llm.Request{
		System:   "You are Lisa.",
		Messages: []llm.Message{llm.Text(llm.User, "Say good morning.")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Name(), "says", resp.Text, resp.Usage.Output, "tokens")
	// Output: anthropic/claude-haiku-5-5 says Good morning. 4 tokens
}
