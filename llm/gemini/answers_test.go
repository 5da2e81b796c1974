package gemini_test

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
	"github.com/tinytroupe-go/tinytroupe/llm/gemini"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

const exceeded = "You exceeded your current quota, please check your plan and billing details."

func quota(id, value string) string {
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"m","quotaId":%q,"quotaValue":%q}]}`, id, value)
}

func retry(delay string) string {
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":%q}`, delay)
}

func reason(r string) string {
	return fmt.Sprintf(`{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":%q,"domain":"googleapis.com"}`, r)
}

func ended(finish, parts string) string {
	return fmt.Sprintf(`{"candidates":[{"content":{"parts":%s},"finishReason":%q,"finishMessage":"said why"}],"usageMetadata":{"promptTokenCount":3}}`, parts, finish)
}

// Answers as the provider is reported to give them, and what they mean.
func TestErrors(t *testing.T) {
	const hal = `[{"text":"hal"}]`
	for name, c := range map[string]struct {
		status int
		header map[string]string
		body   string
		want   error
		says   string
		wait   time.Duration
	}{
		"key":            {status: 400, body: failure(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", reason("API_KEY_INVALID")), want: llm.ErrAuth, says: "API_KEY_INVALID"},
		"no key":         {status: 403, body: failure(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers"), want: llm.ErrAuth},
		"token":          {status: 401, body: failure(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."), want: llm.ErrAuth},
		"no model":       {status: 404, body: failure(404, "NOT_FOUND", "models/x is not found for API version v1beta"), want: llm.ErrNotFound, says: "models/x is not found"},
		"wrong path":     {status: 404, body: `not here`, want: llm.ErrNotFound, says: ":generateContent)"},
		"minute":         {status: 429, body: failure(429, "RESOURCE_EXHAUSTED", exceeded, quota("GenerateRequestsPerMinutePerProjectPerModel", "10"), retry("22s")), want: llm.ErrRate, wait: 22 * time.Second},
		"minute, exact":  {status: 429, header: map[string]string{"Retry-After": "3"}, body: failure(429, "RESOURCE_EXHAUSTED", exceeded, retry("10.689924287s")), want: llm.ErrRate, wait: 10689924287},
		"minute, odd":    {status: 429, body: failure(429, "RESOURCE_EXHAUSTED", exceeded, retry("soon"), `{"violations":7}`), want: llm.ErrRate},
		"day":            {status: 429, body: failure(429, "RESOURCE_EXHAUSTED", exceeded, retry("8s"), quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier", "200")), want: llm.ErrQuota, says: "for the day", wait: 8 * time.Second},
		"none of it":     {status: 429, body: failure(429, "RESOURCE_EXHAUSTED", exceeded+" Quota exceeded for metric: x, limit: 0, model: y"), want: llm.ErrQuota},
		"credits":        {status: 429, body: failure(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), want: llm.ErrQuota},
		"spend cap":      {status: 429, body: failure(429, "RESOURCE_EXHAUSTED", "Your project has exceeded its monthly spending cap."), want: llm.ErrQuota},
		"exhausted":      {status: 429, body: failure(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."), want: llm.ErrRate},
		"billing":        {status: 403, body: failure(403, "PERMISSION_DENIED", "This API method requires billing to be enabled.", reason("BILLING_DISABLED")), want: llm.ErrQuota},
		"country":        {status: 400, body: failure(400, "FAILED_PRECONDITION", "User location is not supported for the API use."), says: "location"},
		"overloaded":     {status: 503, body: failure(503, "UNAVAILABLE", "The model is overloaded. Please try again later."), want: llm.ErrRate, says: "overloaded"},
		"demand":         {status: 503, body: failure(503, "UNAVAILABLE", "This model is currently experiencing high demand. Spikes in demand are usually temporary. Please try again later."), want: llm.ErrRate},
		"unavailable":    {status: 503, body: failure(503, "UNAVAILABLE", "The service is currently unavailable."), want: llm.ErrTransient},
		"500":            {status: 500, body: failure(500, "INTERNAL", "An internal error has occurred."), want: llm.ErrTransient},
		"deadline":       {status: 504, body: failure(504, "DEADLINE_EXCEEDED", "x"), want: llm.ErrTransient},
		"too long":       {status: 400, body: failure(400, "INVALID_ARGUMENT", "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576)."), want: llm.ErrTooLong, says: "1200293"},
		"too large":      {status: 400, body: failure(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit: 20971520 bytes."), want: llm.ErrTooLong},
		"bad value":      {status: 400, body: failure(400, "INVALID_ARGUMENT", "Invalid value at 'generation_config.temperature': must be in the range [0.0, 2.0]"), says: "range"},
		"bad image":      {status: 400, body: failure(400, "INVALID_ARGUMENT", "Unable to process input image."), says: "image"},
		"list":           {status: 400, body: `[` + failure(400, "INVALID_ARGUMENT", "in a list") + `]`, says: "in a list"},
		"html":           {status: 502, body: `<html>Bad gateway</html>`, want: llm.ErrTransient, says: "Bad gateway"},
		"200 error":      {status: 200, body: failure(503, "UNAVAILABLE", "busy"), want: llm.ErrTransient},
		"redirect":       {status: 302, header: map[string]string{"Location": "https://elsewhere.example/"}, want: llm.ErrNotFound, says: "elsewhere.example"},
		"empty body":     {status: 200, body: ``, want: llm.ErrTransient},
		"no candidate":   {status: 200, body: `{}`, want: llm.ErrTransient},
		"odd types":      {status: 200, body: `{"candidates":{}}`, want: llm.ErrTransient},
		"blocked":        {status: 200, body: `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":3}}`, want: llm.ErrFiltered, says: "prompt was blocked"},
		"limit":          {status: 200, body: ended("MAX_TOKENS", hal), want: llm.ErrTruncated},
		"limit, thought": {status: 200, body: `{"candidates":[{"content":{"role":"model"},"finishReason":"MAX_TOKENS"}]}`, want: llm.ErrTruncated},
		"continued":      {status: 200, body: ended("CONTINUATION", hal), want: llm.ErrTruncated},
		"safety":         {status: 200, body: ended("SAFETY", hal), want: llm.ErrFiltered, says: "said why"},
		"recitation":     {status: 200, body: ended("RECITATION", hal), want: llm.ErrFiltered},
		"prohibited":     {status: 200, body: ended("PROHIBITED_CONTENT", `[]`), want: llm.ErrFiltered},
		"blocklist":      {status: 200, body: ended("BLOCKLIST", `[]`), want: llm.ErrFiltered},
		"spii":           {status: 200, body: ended("SPII", hal), want: llm.ErrFiltered},
		"other":          {status: 200, body: ended("OTHER", hal), want: llm.ErrTransient, says: "OTHER"},
		"tool":           {status: 200, body: ended("MALFORMED_FUNCTION_CALL", `[]`), want: llm.ErrTransient},
		"no reason":      {status: 200, body: ended("", hal), want: llm.ErrTransient},
		"new reason":     {status: 200, body: ended("WHO_KNOWS", hal), want: llm.ErrTransient},
		"blank":          {status: 200, body: ended("STOP", `[{"text":" \n"}]`), want: llm.ErrTransient, says: "empty reply"},
		"thoughts":       {status: 200, body: ended("STOP", `[{"text":"hm","thought":true}]`), want: llm.ErrTransient, says: "empty reply"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(_ int, _ string, h http.Header) (int, string) {
				for k, v := range c.header {
					h.Set(k, v)
				}
				return c.status, c.body
			})
			req := hello()
			req.Temperature = new(2.5)
			resp, err := newModel(t, &gemini.Options{BaseURL: s.URL}).Generate(t.Context(), req)
			var e *llm.Error
			if !errors.As(err, &e) || e.Provider != "gemini/test-model" {
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
			if e.RetryAfter != c.wait {
				t.Errorf("RetryAfter = %v, want %v", e.RetryAfter, c.wait)
			}
			if errors.Is(err, llm.ErrFiltered) && (resp == nil || resp.Usage.Input != 3) {
				t.Errorf("the usage is lost: %+v", resp)
			}
			if n := len(s.all()); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}

func TestUsage(t *testing.T) {
	s := serve(t, always(200, `{"candidates":[{"content":{"parts":[{"text":"hm","thought":true},{"text":"a"},{"text":"b","thoughtSignature":"x"}]},"finishReason":"STOP"}],"modelVersion":"served",
		"usageMetadata":{"promptTokenCount":4320,"cachedContentTokenCount":4000,"candidatesTokenCount":20,"thoughtsTokenCount":30,"totalTokenCount":4370}}`))
	resp, err := newModel(t, &gemini.Options{BaseURL: s.URL}).Generate(t.Context(), hello())
	if err != nil {
		t.Fatal(err)
	}
	want := &llm.Response{Text: "ab", Finish: llm.FinishStop, Model: "served", Usage: llm.Usage{Input: 4320, CachedInput: 4000, Output: 50, Reasoning: 30}}
	if d := cmp.Diff(want, resp, cmpopts.IgnoreUnexported(llm.Response{})); d != "" {
		t.Error(d)
	}
}

func TestAddresses(t *testing.T) {
	s := serve(t, always(200, okReply))
	for _, c := range []struct{ base, id, want string }{
		{"", "m", "/v1beta/models/m:generateContent"},
		{"/", "models/m", "/v1beta/models/m:generateContent"},
		{"/v1beta/models", "m", "/v1beta/models/m:generateContent"},
		{"/proxy/v1?x=1", "tunedModels/m y", "/proxy/v1/tunedModels/m%20y:generateContent?x=1"},
	} {
		m, err := gemini.New(c.id, &gemini.Options{BaseURL: s.URL + c.base})
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Generate(t.Context(), hello())
		m.Close()
		asked := s.all()
		if line, _, _ := strings.Cut(asked[len(asked)-1], "\n"); err != nil || line != "POST "+c.want {
			t.Errorf("%q, %q: %s, %v; want %s", c.base, c.id, line, err, c.want)
		}
	}
	m := newModel(t, &gemini.Options{Seed: new(int64(1)), Dimensions: 7})
	if id := m.Identity(); id != `gemini/test-model with {"Seed":1,"Dimensions":7}` {
		t.Errorf("Identity() = %s", id)
	}
}

func TestBadOptions(t *testing.T) {
	for name, o := range map[string]*gemini.Options{
		"no scheme":   {BaseURL: "localhost:1234"},
		"key":         {Key: "AIza-canary-0123456789\nx"},
		"extra":       {Extra: map[string]any{"contents": "x"}},
		"extra value": {Extra: map[string]any{"x": func() {}}},
	} {
		if _, err := gemini.New("m", o); err == nil || !strings.HasPrefix(err.Error(), "gemini: ") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: got %v", name, err)
		}
		if _, err := gemini.NewEmbedder("m", o); err == nil {
			t.Errorf("%s: an embedder without an error", name)
		}
	}
	for _, id := range []string{"", "models/"} {
		if _, err := gemini.New(id, nil); err == nil {
			t.Errorf("model %q: no error", id)
		}
		if _, err := gemini.NewEmbedder(id, nil); err == nil {
			t.Errorf("embedder %q: no error", id)
		}
	}
	o := gemini.Options{Key: "AIza-canary", Header: http.Header{"Authorization": {"Bearer canary"}}}
	if s := fmt.Sprintf("%v %+v %#v", o, o, o); strings.Contains(s, "canary") {
		t.Errorf("options show the key: %s", s)
	}
}

// A schema that neither form can say stands in the prompt.
func TestUnsayable(t *testing.T) {
	s := serve(t, refusing())
	req := hello()
	req.Schema = &llm.Schema{Name: "s", Body: json.RawMessage(`{"type":"object","properties":{"a":{"allOf":[{"type":"string"},{"pattern":"x"}]}}}`)}
	m := newModel(t, &gemini.Options{BaseURL: s.URL})
	if _, err := m.Generate(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if got := s.last(); !strings.Contains(got, `\"allOf\"`) || !strings.Contains(got, `"responseMimeType":"application/json"`) || strings.Contains(got, "Schema\"") {
		t.Errorf("sent %s", got)
	}
	req.Schema = &llm.Schema{Name: "s", Body: json.RawMessage(`"x"`)}
	if _, err := m.Generate(t.Context(), req); err == nil || len(s.all()) != 1 {
		t.Errorf("no schema: %v", err)
	}
}

func TestModels(t *testing.T) {
	s := serve(t, func(n int, _ string, _ http.Header) (int, string) {
		if n == 1 {
			return 200, `{"models":[{"name":"models/b","inputTokenLimit":1048576,"outputTokenLimit":65536,"supportedGenerationMethods":["generateContent"]},` +
				`{"name":"models/picture","supportedGenerationMethods":["predict"]}],"nextPageToken":"p 2"}`
		}
		return 200, `{"models":[{"name":"models/e","inputTokenLimit":2048,"supportedGenerationMethods":["embedContent"]}],"nextPageToken":"p 2"}`
	})
	e, err := gemini.NewEndpoint(&gemini.Options{BaseURL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	got, err := e.Models(t.Context())
	if want := []gemini.ModelInfo{{"b", 1048576, 65536, false}, {"e", 2048, 0, true}}; err != nil || !cmp.Equal(want, got) {
		t.Errorf("got %v, %v", got, err)
	}
	if asked := s.all(); len(asked) != 2 || !strings.HasPrefix(asked[0], "GET /v1beta/models?pageSize=1000\n") ||
		!strings.HasPrefix(asked[1], "GET /v1beta/models?pageSize=1000&pageToken=p+2\n") {
		t.Errorf("asked %q", asked)
	}
}

func TestEmbed(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Gemini(), Keep: true})
	m, err := gemini.NewEmbedder("models/test-model", &gemini.Options{BaseURL: s.URL, Dimensions: 64})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var texts []string
	for i := range 230 {
		texts = append(texts, fmt.Sprint("text number ", i))
	}
	vectors, usage, err := m.Embed(t.Context(), texts)
	if err != nil || len(vectors) != len(texts) || usage.Input != s.Stats().Input {
		t.Fatalf("%d vectors, %+v, %v", len(vectors), usage, err)
	}
	for i, v := range vectors {
		if !cmp.Equal(v, llmtest.Embed(texts[i])) {
			t.Fatalf("vector %d is not that of text %d", i, i)
		}
	}
	calls := s.Calls()
	if len(calls) != 3 || !strings.Contains(string(calls[0].Body), `{"model":"models/test-model","content":{"parts":[{"text":"text number 0"}]},"outputDimensionality":64}`) {
		t.Errorf("%d calls, the first %s", len(calls), calls[0].Body)
	}
	if v, u, err := m.Embed(t.Context(), nil); len(v) != 0 || u != (llm.Usage{}) || err != nil {
		t.Errorf("nothing: %v, %v, %v", v, u, err)
	}
	if m.Name() != "gemini/test-model" || m.Identity() != "gemini/test-model at "+s.URL+`/v1beta with {"Dimensions":64}` {
		t.Errorf("Name %s, Identity %s", m.Name(), m.Identity())
	}
}

func TestEmbedErrors(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   error
		tokens int
	}{
		"rate":      {429, failure(429, "RESOURCE_EXHAUSTED", "x", retry("1s")), llm.ErrRate, 0},
		"few":       {200, `{"embeddings":[{"values":[1,2]}]}`, llm.ErrTransient, 4},
		"ragged":    {200, `{"embeddings":[{"values":[1,2]},{"values":[1]}],"usageMetadata":{"promptTokenCount":9}}`, llm.ErrTransient, 9},
		"empty":     {200, `{"embeddings":[{"values":[]},{"values":[]}]}`, llm.ErrTransient, 4},
		"not JSON":  {200, `x`, llm.ErrTransient, 0},
		"odd shape": {200, `{"embeddings":[[1],[2]]}`, llm.ErrTransient, 0},
	} {
		s := serve(t, always(c.status, c.body))
		m, err := gemini.NewEmbedder("e", &gemini.Options{BaseURL: s.URL})
		if err != nil {
			t.Fatal(err)
		}
		v, usage, err := m.Embed(t.Context(), []string{"one two", "three"})
		m.Close()
		if !errors.Is(err, c.want) || !errors.As(err, new(*llm.Error)) || v != nil || usage.Input != c.tokens {
			t.Errorf("%s: %v, %+v, %v", name, v, usage, err)
		}
	}
}

// Whatever a server answers, a reply is either whole or an error.
func FuzzReply(f *testing.F) {
	f.Add(200, okReply)
	f.Add(200, ended("SAFETY", `null`))
	f.Add(200, `{"promptFeedback":{"blockReason":"SAFETY"}}`)
	f.Add(400, failure(400, "INVALID_ARGUMENT", tooManyStates))
	f.Add(400, failure(400, "INVALID_ARGUMENT", "Request contains an invalid argument."))
	f.Add(429, failure(429, "RESOURCE_EXHAUSTED", exceeded, quota("PerDay", "0"), retry("22s")))
	f.Add(429, `[{"error":"x"}]`)
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
		resp, err := newModel(t, &gemini.Options{BaseURL: s.URL}).Generate(t.Context(), talk())
		<-answers
		var e *llm.Error
		switch {
		case err == nil && (resp == nil || strings.TrimSpace(resp.Text) == "" || resp.Finish != llm.FinishStop):
			t.Errorf("%d %q: %+v taken for an answer", status, body, resp)
		case err != nil && !errors.As(err, &e):
			t.Errorf("%d %q: %T", status, body, err)
		case err != nil && (e.RetryAfter < 0 || e.RetryAfter > 24*time.Hour):
			t.Errorf("%d %q: RetryAfter %v", status, body, e.RetryAfter)
		}
	})
}

func Example() {
	// A stand-in for Google's server, so that this can be run anywhere.
	server := httptest.NewServer(llmtest.NewHandler(&llmtest.ServerOptions{Dialect: llmtest.Gemini(),
		Reply: func(int, *llm.Request) (string, error) { return "Good morning.", nil }}))
	defer server.Close()

	m, err := gemini.New("gemini-3.8-flash", &gemini.Options{BaseURL: server.URL, Key: "AIza…"})
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
	// Output: gemini/gemini-3.8-flash says Good morning. 4 tokens
}
