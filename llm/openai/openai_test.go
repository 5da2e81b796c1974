package openai_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newModel(t testing.TB, o *openai.Options) *openai.Model {
	t.Helper()
	m, err := openai.New("test-model", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestConformance(t *testing.T) {
	llmtest.TestModel(t, func(t *testing.T, url, key string) llm.Model {
		return newModel(t, &openai.Options{BaseURL: url + "/v1", Key: key})
	}, &llmtest.TestOptions{
		Rejectable: []string{"temperature", "top_p", "max_completion_tokens", "reasoning_effort", "stop", "response_format", "maxLength"},
		Logged: func(t *testing.T, url, key string, log *slog.Logger) llm.Model {
			return newModel(t, &openai.Options{BaseURL: url + "/v1", Key: key, Log: log})
		},
	})
}

// answering serves one fixed answer and keeps the newest request's body and path.
type answering struct {
	*httptest.Server
	calls atomic.Int64
	mu    sync.Mutex
	body  map[string]any
	uri   string
}

func serve(t testing.TB, answer func(n int64, body map[string]any, w http.ResponseWriter)) *answering {
	a := new(answering)
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := a.calls.Add(1)
		raw, _ := io.ReadAll(r.Body)
		body := map[string]any{}
		json.Unmarshal(raw, &body)
		a.mu.Lock()
		a.body, a.uri = body, r.URL.RequestURI()
		a.mu.Unlock()
		answer(n, body, w)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *answering) last() (map[string]any, string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.body, a.uri
}

const okReply = `{"model":"m","choices":[{"message":{"content":"fine"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}`

func always(status int, header map[string]string, body string) func(int64, map[string]any, http.ResponseWriter) {
	return func(_ int64, _ map[string]any, w http.ResponseWriter) {
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

func hello() *llm.Request {
	return &llm.Request{System: "Be brief.", Messages: []llm.Message{llm.Text(llm.User, "Hello")}}
}

func TestBaseURL(t *testing.T) {
	a := serve(t, always(200, nil, okReply))
	for base, want := range map[string]string{
		"/v1":                                 "/v1/chat/completions",
		"/v1/":                                "/v1/chat/completions",
		"":                                    "/chat/completions",
		"/v1/chat/completions":                "/v1/chat/completions",
		"/openai/deployments/d?api-version=1": "/openai/deployments/d/chat/completions?api-version=1",
	} {
		if _, err := newModel(t, &openai.Options{BaseURL: a.URL + base}).Generate(t.Context(), hello()); err != nil {
			t.Errorf("%q: %v", base, err)
		}
		if _, uri := a.last(); uri != want {
			t.Errorf("%q: asked %s, want %s", base, uri, want)
		}
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]*openai.Options{
		"no scheme":    {BaseURL: "localhost:1234/v1"},
		"other scheme": {BaseURL: "ftp://localhost/v1"},
		"key":          {Key: "sk-canary-0123456789\nx"},
		"extra":        {Extra: map[string]any{"model": "x"}},
		"extra value":  {Extra: map[string]any{"x": func() {}}},
	} {
		_, err := openai.New("m", o)
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := openai.New("", nil); err == nil {
		t.Error("no model: no error")
	}
	if s := fmt.Sprintf("%v %+v %#v", openai.Options{Key: "sk-canary"}, openai.Options{Key: "sk-canary"}, openai.Options{Key: "sk-canary"}); strings.Contains(s, "canary") {
		t.Errorf("options show the key: %s", s)
	}
}

// Answers as real servers give them, and what they mean.
func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		header map[string]string
		body   string
		want   error
		says   string
		wait   time.Duration
	}{
		"openai context":              {status: 400, body: `{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 130011 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`, want: llm.ErrTooLong, says: "130011"},
		"llama.cpp context":           {status: 400, body: `{"error":{"code":400,"message":"request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":9031,"n_ctx":8192}}`, want: llm.ErrTooLong, says: "9031 tokens, 8192 fit"},
		"request over the rate limit": {status: 429, body: `{"error":{"message":"Request too large for m on tokens per min (TPM): Limit 30000, Requested 45000.","type":"tokens","code":"rate_limit_exceeded"}}`, want: llm.ErrTooLong, says: "45000"},
		"llama.cpp embeddings":        {status: 500, body: `{"error":{"code":500,"message":"input (3002 tokens) is too large to process. increase the physical batch size (current batch size: 512)","type":"server_error"}}`, want: llm.ErrTooLong, says: "3002"},
		"quota":                       {status: 429, header: map[string]string{"Retry-After": "1"}, body: `{"error":{"message":"You exceeded your current quota.","type":"insufficient_quota","code":"insufficient_quota"}}`, want: llm.ErrQuota, wait: time.Second},
		"payment":                     {status: 402, body: `{"error":{"message":"Insufficient credits","code":402}}`, want: llm.ErrQuota},
		"rate seconds":                {status: 429, header: map[string]string{"Retry-After": "1.5"}, body: `{}`, want: llm.ErrRate, wait: 1500 * time.Millisecond},
		"rate ms":                     {status: 429, header: map[string]string{"Retry-After": "9", "Retry-After-Ms": "250"}, body: `{}`, want: llm.ErrRate, wait: 250 * time.Millisecond},
		"rate reset":                  {status: 429, header: map[string]string{"X-Ratelimit-Remaining-Tokens": "0", "X-Ratelimit-Reset-Tokens": "6m0s", "X-Ratelimit-Reset-Requests": "1s"}, body: ``, want: llm.ErrRate, wait: 6 * time.Minute},
		"rate odd":                    {status: 429, header: map[string]string{"Retry-After": "-3"}, body: `[]`, want: llm.ErrRate},
		"rate endless":                {status: 429, header: map[string]string{"Retry-After": "1e300"}, body: `[]`, want: llm.ErrRate, wait: 24 * time.Hour},
		"azure filter":                {status: 400, body: `{"error":{"message":"The response was filtered","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`, want: llm.ErrFiltered},
		"usage policy":                {status: 400, body: `{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a different prompt: https://platform.openai.com/docs/guides/reasoning#advice-on-prompting","type":"invalid_request_error","param":null,"code":"invalid_prompt"}}`, want: llm.ErrFiltered, says: "flagged"},
		"usage policy, no code":       {status: 400, body: `{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy.","code":null}}`, want: llm.ErrFiltered},
		"moderation":                  {status: 403, body: `{"error":{"code":403,"message":"Your chosen model requires moderation and your input was flagged","metadata":{"reasons":["violence"],"flagged_input":"He hit…","provider_name":"OpenAI","model_slug":"m"}}}`, want: llm.ErrFiltered, says: "flagged (filtered for violence)"},
		"no access to the model":      {status: 403, body: `{"error":{"message":"Project ` + "`proj_x`" + ` does not have access to model ` + "`gpt-x`" + `","type":"invalid_request_error","param":null,"code":"model_not_found"}}`, want: llm.ErrNotFound, says: "does not have access to model"},
		"forbidden with metadata":     {status: 403, body: `{"error":{"code":403,"message":"Key disabled","metadata":{"reasons":"none"}}}`, want: llm.ErrAuth, says: "Key disabled"},
		"no model":                    {status: 404, body: `{"error":{"message":"The model x does not exist","code":"model_not_found"}}`, want: llm.ErrNotFound},
		"ollama no model":             {status: 404, body: `{"error":"model \"x\" not found, try pulling it first"}`, want: llm.ErrNotFound, says: "try pulling"},
		"forbidden":                   {status: 403, body: `{"error":{"message":"Country not supported"}}`, want: llm.ErrAuth},
		"fastapi":                     {status: 422, body: `{"detail":[{"loc":["body","messages"],"msg":"field required"}]}`, says: "field required"},
		"prompt repeated":             {status: 422, body: `{"detail":[{"type":"missing","loc":["body","x"],"msg":"Field required","input":{"messages":"context window content_filter temperature unknown"}}]}`, says: "[body x]: Field required (missing)"},
		"wrong path":                  {status: 404, body: `File Not Found`, want: llm.ErrNotFound, says: "/chat/completions)"},
		"old vllm":                    {status: 400, body: `{"object":"error","message":"bad thing","type":"BadRequestError","param":null,"code":400}`, says: "bad thing"},
		"gemini list":                 {status: 400, body: `[{"error":{"code":400,"message":"bad list","status":"INVALID_ARGUMENT"}}]`, says: "bad list"},
		"html":                        {status: 502, body: `<html>Bad gateway</html>`, want: llm.ErrTransient, says: "Bad gateway"},
		"timeout":                     {status: 408, want: llm.ErrTransient},
		"conflict":                    {status: 409, want: llm.ErrTransient},
		"engine overloaded":           {status: 503, body: `{"error":{"message":"The engine is currently overloaded, please try again later","type":"server_error","param":null,"code":null}}`, want: llm.ErrRate, says: "overloaded"},
		"slow down":                   {status: 503, header: map[string]string{"Retry-After": "30"}, body: `{"error":{"message":"Slow down","type":"server_error"}}`, want: llm.ErrRate, wait: 30 * time.Second},
		"unavailable":                 {status: 503, header: map[string]string{"Retry-After": "3"}, want: llm.ErrTransient, wait: 3 * time.Second},
		"no images":                   {status: 500, body: `{"error":{"code":500,"message":"image input is not supported - hint: …","type":"server_error"}}`, want: errors.ErrUnsupported, says: "not supported: image input"},
		"not implemented":             {status: 501, body: `{"error":{"message":"no embeddings here"}}`, want: llm.ErrNotFound},
		"redirect":                    {status: 307, header: map[string]string{"Location": "https://elsewhere.example/"}, want: llm.ErrNotFound, says: "elsewhere.example"},
		"200 with error":              {status: 200, body: `{"error":{"code":429,"message":"upstream is busy"}}`, want: llm.ErrRate, says: "upstream is busy"},
		"200 error, no number":        {status: 200, body: `{"error":{"message":"upstream broke"},"choices":null}`, want: llm.ErrTransient, says: "upstream broke"},
		"no choice":                   {status: 200, body: `{"choices":[]}`, want: llm.ErrTransient},
		"empty":                       {status: 200, body: ``, want: llm.ErrTransient},
		"blank reply":                 {status: 200, body: `{"choices":[{"message":{"content":" \n"},"finish_reason":"stop"}]}`, want: llm.ErrTransient, says: "empty reply"},
		"thoughts alone":              {status: 200, body: `{"choices":[{"message":{"content":null,"reasoning_content":"hm"},"finish_reason":"stop"}]}`, want: llm.ErrTransient, says: "empty reply"},
		"thoughts to the limit":       {status: 200, body: `{"choices":[{"message":{"content":"","reasoning_content":"hm"},"finish_reason":"length"}]}`, want: llm.ErrTruncated},
		"gave up":                     {status: 200, body: `{"choices":[{"message":{"content":"hal"},"finish_reason":"error"}]}`, want: llm.ErrTransient},
		"no resources":                {status: 200, body: `{"choices":[{"message":{"content":"hal"},"finish_reason":"insufficient_system_resource"}]}`, want: llm.ErrTransient, says: "insufficient_system_resource"},
		"aborted":                     {status: 200, body: `{"choices":[{"message":{"content":"hal"},"finish_reason":"abort"}]}`, want: llm.ErrTransient, says: "abort"},
		"repeats":                     {status: 200, body: `{"choices":[{"message":{"content":"la la la"},"finish_reason":"repetition"}]}`, want: llm.ErrTruncated, says: "repeats itself"},
		"refusal":                     {status: 200, body: `{"choices":[{"message":{"content":null,"refusal":"I cannot."},"finish_reason":"stop"}]}`, want: llm.ErrFiltered, says: "I cannot."},
		"odd content":                 {status: 200, body: `{"choices":[{"message":{"content":{"a":1}},"finish_reason":"stop"}]}`, want: llm.ErrTransient},
	} {
		t.Run(name, func(t *testing.T) {
			a := serve(t, always(c.status, c.header, c.body))
			_, err := newModel(t, &openai.Options{BaseURL: a.URL}).Generate(t.Context(), hello())
			var e *llm.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v (%T), want an *llm.Error", err, err)
			}
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
			for _, cond := range []error{llm.ErrTransient, llm.ErrRate, llm.ErrTooLong, llm.ErrFiltered, llm.ErrQuota, llm.ErrAuth, llm.ErrNotFound} {
				if cond != c.want && errors.Is(err, cond) {
					t.Errorf("%v is %v too", err, cond)
				}
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v does not say %q", err, c.says)
			}
			if e.RetryAfter != c.wait {
				t.Errorf("RetryAfter = %v, want %v", e.RetryAfter, c.wait)
			}
			if n := a.calls.Load(); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestRetryAfterDate(t *testing.T) {
	at := time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)
	a := serve(t, always(429, map[string]string{"Retry-After": at}, "{}"))
	_, err := newModel(t, &openai.Options{BaseURL: a.URL}).Generate(t.Context(), hello())
	var e *llm.Error
	if !errors.As(err, &e) || e.RetryAfter < 80*time.Second || e.RetryAfter > 90*time.Second {
		t.Errorf("got %+v", e)
	}
}

func TestTimeout(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Faults: llmtest.Always(llmtest.Fault{Kind: llmtest.Hang})})
	m := newModel(t, &openai.Options{BaseURL: s.URL, Timeout: 30 * time.Millisecond})
	_, err := m.Generate(t.Context(), hello())
	if !errors.Is(err, llm.ErrTransient) || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "30ms") {
		t.Errorf("got %v, want a temporary failure that names the limit", err)
	}
}

func TestErrorBodyIsBounded(t *testing.T) {
	a := serve(t, always(500, nil, strings.Repeat("é", 1<<20)))
	_, err := newModel(t, &openai.Options{BaseURL: a.URL}).Generate(t.Context(), hello())
	if n := len(err.Error()); n < 4000 || n > 5000 {
		t.Errorf("the error has %d bytes", n)
	}
}

// A key that straddles the end of what is kept must be masked before the cut.
func TestKeyAtTheCut(t *testing.T) {
	const key = "sk-canary-0123456789"
	a := serve(t, always(500, nil, strings.Repeat("x", 4<<10-10)+key+" Basic dTpodW50ZXIyLWNhbmFyeQ== hunter2-canary"))
	m := newModel(t, &openai.Options{
		BaseURL: strings.Replace(a.URL, "http://", "http://u:hunter2-canary@", 1), Header: http.Header{"X-Api-Token": {"t-canary-token"}}, Key: key})
	_, err := m.Generate(t.Context(), hello())
	if s := err.Error(); strings.Contains(s, "sk-ca") || strings.Contains(s, "hunter2") || strings.Contains(s, "dTpod") {
		t.Errorf("a secret is shown: …%s", s[len(s)-80:])
	}
}

// What an address holds beside host and path is a secret, whatever its name: net/http
// puts it into every error, servers say it again, and an identity goes into records.
func TestSecretsInAddress(t *testing.T) {
	shows := func(s string) bool {
		s = strings.ToLower(s)
		return strings.Contains(s, "canary") || strings.Contains(s, "y2fuyxj5lwzvci10zxn0") // base64
	}
	for _, part := range []struct{ user, query string }{
		{query: "api_key=canary%2B0123456789"}, {query: "code=0123456789-CANARY"}, {user: "canary-for-test@"}, {user: "canary-for-test:canary-password@"},
	} {
		a := serve(t, always(400, nil, `{"error":{"message":"you sent canary-for-test:canary-password, canary+0123456789, canary%2B0123456789, `+
			`0123456789-CANARY and Basic Y2FuYXJ5LWZvci10ZXN0OmNhbmFyeS1wYXNzd29yZA== to version 2024-10-21"}}`))
		url := strings.Replace(a.URL, "http://", "http://"+part.user, 1) + "/v1?api-version=2024-10-21&" + part.query
		m := newModel(t, &openai.Options{BaseURL: url})
		if id := m.Identity(); shows(id) || !strings.Contains(id, a.URL+"/v1") {
			t.Errorf("the identity: %s", id)
		}
		_, err := m.Generate(t.Context(), hello())
		for _, secret := range strings.FieldsFunc(strings.ReplaceAll(part.user+part.query, "code=", ""), func(r rune) bool { return strings.ContainsRune(":@", r) }) {
			if secret = strings.TrimPrefix(secret, "api_key="); strings.Contains(err.Error(), secret) {
				t.Errorf("%s is in %v", secret, err)
			}
		}
		if !strings.Contains(err.Error(), "version 2024-10-21") {
			t.Errorf("the version is not in %v", err)
		}
		a.Close()
		_, err = m.Generate(t.Context(), hello())
		if !errors.Is(err, llm.ErrTransient) || shows(err.Error()) || !strings.Contains(err.Error(), a.URL+"/v1/chat/completions") {
			t.Errorf("got %v", err)
		}
	}
}

func TestRedirect(t *testing.T) {
	other := serve(t, always(200, nil, okReply))
	a := serve(t, always(307, map[string]string{"Location": other.URL}, ""))
	for _, client := range []*http.Client{nil, {Transport: http.DefaultTransport}} {
		m := newModel(t, &openai.Options{BaseURL: a.URL, Key: "sk-0123456789", KeyHeader: "api-key", Client: client})
		if _, err := m.Generate(t.Context(), hello()); !errors.Is(err, llm.ErrNotFound) || !strings.Contains(err.Error(), other.URL) {
			t.Errorf("got %v", err)
		}
	}
	if n := other.calls.Load(); n != 0 {
		t.Errorf("the key went to another server %d times", n)
	}
}

func TestUsageAndParts(t *testing.T) {
	a := serve(t, always(200, nil, `{"model":"served-model","choices":[{"message":{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"a"},{"type":"text","text":"b"}]},"finish_reason":null}],
		"usage":{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":64},"completion_tokens_details":{"reasoning_tokens":30}}}`))
	resp, err := newModel(t, &openai.Options{BaseURL: a.URL}).Generate(t.Context(), hello())
	if err != nil {
		t.Fatal(err)
	}
	want := &llm.Response{Text: "ab", Finish: llm.FinishStop, Model: "served-model", Usage: llm.Usage{Input: 100, CachedInput: 64, Output: 50, Reasoning: 30}}
	if d := cmp.Diff(want, resp, cmpopts.IgnoreUnexported(llm.Response{})); d != "" {
		t.Error(d)
	}
}

// Whole replies, as servers say that they are.
func TestFinishReasons(t *testing.T) {
	for _, reason := range []string{`"stop"`, `null`, `""`, `"eos"`, `"eos_token"`, `"stop_sequence"`, `"tool_calls"`, `"function_call"`} {
		a := serve(t, always(200, nil, `{"choices":[{"message":{"content":"fine"},"finish_reason":`+reason+`}]}`))
		resp, err := newModel(t, &openai.Options{BaseURL: a.URL}).Generate(t.Context(), hello())
		if err != nil || resp.Text != "fine" || resp.Finish != llm.FinishStop {
			t.Errorf("%s: %+v, %v", reason, resp, err)
		}
	}
}

// What the provider writes to its cache is part of the prompt, and told of.
func TestCacheWrites(t *testing.T) {
	a := serve(t, always(200, nil, `{"choices":[{"message":{"content":"fine"},"finish_reason":"stop"}],
		"usage":{"prompt_tokens":9657,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":0,"cache_write_tokens":9654}}}`))
	resp, err := newModel(t, &openai.Options{BaseURL: a.URL}).Generate(t.Context(), hello())
	if want := (llm.Usage{Input: 9657, CacheWrite: 9654, Output: 5}); err != nil || resp.Usage != want {
		t.Errorf("got %+v, %v", resp, err)
	}
	s := llmtest.NewServer(t, &llmtest.ServerOptions{})
	m := newModel(t, &openai.Options{BaseURL: s.URL})
	req := hello()
	req.System = strings.Repeat("x", 8<<10)
	for i, want := range []int{2048, 0} {
		resp, err := m.Generate(t.Context(), req)
		if err != nil || resp.Usage.CacheWrite != want {
			t.Errorf("call %d: got %+v, %v; want %d tokens written", i, resp, err, want)
		}
	}
}

func TestDefaultsAndExtra(t *testing.T) {
	a := serve(t, always(200, nil, okReply))
	o := &openai.Options{BaseURL: a.URL, MaxTokens: 10, Temperature: new(1.5), TopP: new(0.9), Effort: "low", Seed: new(int64(40)),
		Extra: map[string]any{"chat_template_kwargs": map[string]any{"enable_thinking": false}}}
	m := newModel(t, o)
	req := hello()
	req.Draw = 2
	if _, err := m.Generate(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"model": "test-model", "max_completion_tokens": 10.0, "temperature": 1.5, "top_p": 0.9, "reasoning_effort": "low", "seed": 42.0,
		"chat_template_kwargs": map[string]any{"enable_thinking": false},
		"messages":             []any{map[string]any{"role": "system", "content": "Be brief."}, map[string]any{"role": "user", "content": "Hello"}},
	}
	if got, _ := a.last(); !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
	req.Temperature, req.MaxTokens = new(0.0), 5
	if _, err := m.Generate(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	want["temperature"], want["max_completion_tokens"] = 0.0, 5.0
	if got, _ := a.last(); !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
}

func TestModels(t *testing.T) {
	a := serve(t, always(200, nil, `{"data":[{"id":"b","meta":{"n_ctx":8192}},{"id":"a","max_model_len":4096},{"id":"c"}]}`))
	e, err := openai.NewEndpoint(&openai.Options{BaseURL: a.URL + "/v1"})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	got, err := e.Models(t.Context())
	if want := []openai.ModelInfo{{"b", 8192}, {"a", 4096}, {"c", 0}}; err != nil || !cmp.Equal(want, got) {
		t.Errorf("got %v, %v", got, err)
	}
	if _, uri := a.last(); uri != "/v1/models" {
		t.Errorf("asked %s", uri)
	}
}

// Many models of one endpoint share its connections.
func TestSharedConnections(t *testing.T) {
	var opened atomic.Int64
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, okReply) }))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	e, err := openai.NewEndpoint(&openai.Options{BaseURL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for i := range 20 {
		m, err := e.Model(fmt.Sprint("model-", i))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Generate(t.Context(), hello()); err != nil {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 20 calls in a row, want 1", n)
	}
}

func TestEmbedder(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{})
	m, err := openai.NewEmbedder("e", &openai.Options{BaseURL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	texts := make([]string, 600)
	for i := range texts {
		texts[i] = fmt.Sprintf("text number %d", i)
	}
	got, usage, err := m.Embed(t.Context(), texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range got {
		if !cmp.Equal(v, llmtest.Embed(texts[i])) {
			t.Fatalf("vector %d is another text's", i)
		}
	}
	if st := s.Stats(); len(got) != 600 || st.Calls != 3 || usage.Input != st.Input || m.Name() != "openai/e" {
		t.Errorf("%d vectors, usage %+v, server %+v", len(got), usage, st)
	}
	if got, _, err := m.Embed(t.Context(), nil); len(got) != 0 || err != nil {
		t.Errorf("no texts: %v, %v", got, err)
	}
}

func TestEmbedderMistakes(t *testing.T) {
	for name, body := range map[string]string{
		"too few": `{"data":[{"index":0,"embedding":[1]}]}`,
		"twice":   `{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`,
		"outside": `{"data":[{"index":0,"embedding":[1]},{"index":7,"embedding":[1]}]}`,
		"lengths": `{"data":[{"index":1,"embedding":[1,2]},{"index":0,"embedding":[1]}]}`,
		"empty":   `{"data":[{"index":1,"embedding":[]},{"index":0,"embedding":[]}]}`,
	} {
		a := serve(t, always(200, nil, body))
		m, err := openai.NewEmbedder("e", &openai.Options{BaseURL: a.URL})
		if err != nil {
			t.Fatal(err)
		}
		if v, _, err := m.Embed(t.Context(), []string{"a", "b"}); !errors.Is(err, llm.ErrTransient) {
			t.Errorf("%s: got %v, %v", name, v, err)
		}
		m.Close()
	}
}

func ExampleNew() {
	srv := httptest.NewServer(llmtest.NewHandler(&llmtest.ServerOptions{
		Reply: func(n int, req *llm.Request) (string, error) { return "Hello, I am Lisa.", nil },
	}))
	defer srv.Close()
	m, err := openai.New("gpt-5-mini", &openai.Options{BaseURL: srv.URL + "/v1", Log: slog.Default()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	resp, err := m.Generate(context.Background(), &llm.Request{Messages: []llm.Message{llm.Text(llm.User, "Who are you?")}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Name(), "says:", resp.Text)
	// Output: openai/gpt-5-mini says: Hello, I am Lisa.
}
