package llmtest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ask(text string) *llm.Request {
	return &llm.Request{Messages: []llm.Message{llm.Text(llm.User, text)}}
}

func TestScripted(t *testing.T) {
	s := llmtest.Scripted("one", "two")
	req := ask("first")
	for _, want := range []string{"one", "two"} {
		resp, err := s.Generate(t.Context(), req)
		if err != nil || resp.Text != want || resp.Finish != llm.FinishStop {
			t.Fatalf("got %+v, %v, want %q", resp, err, want)
		}
		req.Messages[0].Parts[0].Text = "changed later"
	}
	if resp, err := s.Generate(t.Context(), req); err == nil {
		t.Errorf("a third reply: %+v", resp)
	}
	var asked []string
	for _, r := range s.Requests() {
		asked = append(asked, r.Messages[0].Parts[0].Text)
	}
	if want := []string{"first", "changed later", "changed later"}; !cmp.Equal(asked, want) {
		t.Errorf("requests %q, want %q", asked, want)
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := llmtest.Scripted("x").Generate(ctx, req); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestFaulty(t *testing.T) {
	const reply = `{"s":"text","n":1,"b":true,"l":[1],"o":{}}`
	for kind, c := range map[llmtest.FaultKind]struct {
		err  error
		text string // of the response, where there is one
	}{
		llmtest.None:        {nil, reply},
		llmtest.Rate:        {llm.ErrRate, ""},
		llmtest.ServerError: {llm.ErrTransient, ""},
		llmtest.Reset:       {llm.ErrTransient, ""},
		llmtest.Quota:       {llm.ErrQuota, ""},
		llmtest.Auth:        {llm.ErrAuth, ""},
		llmtest.NotFound:    {llm.ErrNotFound, ""},
		llmtest.TooLong:     {llm.ErrTooLong, ""},
		llmtest.FilterCall:  {llm.ErrFiltered, ""},
		llmtest.Length:      {llm.ErrTruncated, reply[:len(reply)/2]},
		llmtest.Fenced:      {nil, "```json\n" + reply + "\n```"},
		llmtest.WrongTypes:  {nil, `{"b":{},"l":"a list","n":"seven","o":[1],"s":7}`},
	} {
		m := llmtest.Faulty(llmtest.Scripted(reply), llmtest.Always(llmtest.Fault{Kind: kind, RetryAfter: time.Second}))
		resp, err := m.Generate(t.Context(), ask("x"))
		if !errors.Is(err, c.err) {
			t.Errorf("%s: got %v, want %v", kind, err, c.err)
		}
		var e *llm.Error
		if err != nil && (!errors.As(err, &e) || e.Provider != "test/script" || e.RetryAfter != time.Second) {
			t.Errorf("%s: got %#v", kind, err)
		}
		if (resp != nil) != (c.text != "") || resp != nil && resp.Text != c.text {
			t.Errorf("%s: got %+v, want the text %q", kind, resp, c.text)
		}
	}
}

func TestFaultyHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := llmtest.Faulty(llmtest.Scripted("x"), llmtest.Always(llmtest.Fault{Kind: llmtest.Hang}))
		ctx, stop := context.WithTimeout(t.Context(), time.Hour)
		defer stop()
		if _, err := m.Generate(ctx, ask("x")); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestSchedules(t *testing.T) {
	rate, reset := llmtest.Fault{Kind: llmtest.Rate}, llmtest.Fault{Kind: llmtest.Reset}
	kinds := func(f func(int) llmtest.Fault) string {
		var b strings.Builder
		for n := 1; n <= 6; n++ {
			fmt.Fprintf(&b, "%s,", f(n).Kind)
		}
		return b.String()
	}
	if got := kinds(llmtest.Every(3, rate)); got != ",,rate,,,rate," {
		t.Errorf("Every: %s", got)
	}
	if got := kinds(llmtest.Sequence(rate, llmtest.Fault{}, reset)); got != "rate,,reset,,,," {
		t.Errorf("Sequence: %s", got)
	}
}

// post sends a chat and returns status and body.
func post(t *testing.T, s *llmtest.Server, body string) (int, string) {
	t.Helper()
	resp, err := client(t).Post(s.URL+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(b)
}

func client(t *testing.T) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 10 * time.Second}
}

func chat(model, text string) string {
	b, _ := json.Marshal(map[string]any{"model": model, "messages": []any{map[string]any{"role": "user", "content": text}}})
	return string(b)
}

// The counts against a plain reading of their definition.
func TestPrefixes(t *testing.T) {
	long := strings.Repeat("0123456789abcdef", 200) // 3,200 characters
	prompts := []struct{ model, text string }{
		{"m", long}, {"m", long + "tail"}, {"m", long[:1000] + "other"}, {"n", long}, {"m", "short"}, {"m", "short"},
		{"m", strings.Repeat("é", 700)}, {"m", strings.Repeat("é", 700) + "!"}, {"m", "x" + long}, {"n", long + long},
	}
	s := llmtest.NewServer(t, nil)
	var seen []struct{ model, prompt string }
	input, eligible := 0, 0
	for i, p := range prompts {
		status, body := post(t, s, chat(p.model, p.text))
		prompt := llmtest.Prompt(ask(p.text))
		best := 0
		for _, old := range seen {
			if old.model == p.model {
				best = max(best, common([]rune(old.prompt), []rune(prompt))/512*128)
			}
		}
		seen = append(seen, struct{ model, prompt string }{p.model, prompt})
		input += int(math.Ceil(float64(len([]rune(prompt))) / 4))
		eligible += best
		if want := fmt.Sprintf(`"cached_tokens":%d`, best); status != 200 || !strings.Contains(body, want) {
			t.Errorf("prompt %d: %d %s, want %s", i, status, body, want)
		}
	}
	st := s.Stats()
	if st.Input != input || st.Eligible != eligible || eligible < 1500 || st.Calls != len(prompts) || st.Answered != len(prompts) {
		t.Errorf("%+v, want input %d, eligible %d", st, input, eligible)
	}
}

func common(a, b []rune) int {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

func TestParallel(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Parallel: 2, Latency: 100 * time.Millisecond})
	var mu sync.Mutex
	got := map[int]int{}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			status, _ := post(t, s, chat("m", "x"))
			mu.Lock()
			got[status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if st := s.Stats(); got[200] < 2 || got[429] == 0 || got[200]+got[429] != 5 || st.MaxInFlight < 3 || st.Answered != got[200] {
		t.Errorf("statuses %v, %+v", got, st)
	}
}

func TestServerFaults(t *testing.T) {
	for kind, c := range map[llmtest.FaultKind]struct {
		status int
		says   string
	}{
		llmtest.Rate: {429, "Rate limit"}, llmtest.ServerError: {500, "error"}, llmtest.NotFound: {404, "does not exist"},
		llmtest.Quota: {429, "insufficient_quota"}, llmtest.Reset: {0, "reset"}, llmtest.Truncated: {0, "unexpected EOF"},
		llmtest.NotJSON: {200, "<html>"}, llmtest.Fenced: {200, "```json"}, llmtest.Prose: {200, "Certainly"},
		llmtest.Filter: {200, "content_filter"}, llmtest.Refusal: {200, "I cannot"}, llmtest.Length: {200, `"length"`},
		llmtest.RejectParam: {400, "'model' is not supported"}, llmtest.NoSchema: {200, "the reply"}, llmtest.Empty: {200, `"content":""`},
		llmtest.FilterCall: {400, "content_filter"}, llmtest.Echo: {400, "Content-Type: application/json"},
	} {
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Faults: llmtest.Always(llmtest.Fault{Kind: kind, Param: "model"}),
			Reply: func(int, *llm.Request) (string, error) { return "the reply", nil }})
		if status, body := post(t, s, chat("m", "x")); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s: %d %s, want %d and %q", kind, status, body, c.status, c.says)
		}
	}
}

// What OpenAI's strict mode does not take, in its words.
func TestStrictMode(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{})
	malformed := 0
	for schema, says := range map[string]string{
		`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":["integer","null"]}},"required":["a","b"],"additionalProperties":false}`:                         "",
		`{"type":"object","properties":{"a":{"anyOf":[{"$ref":"#/$defs/d"},{"enum":[1]}]}},"required":["a"],"additionalProperties":false,"$defs":{"d":{"type":"string"}}}`: "",
		`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`:                                                                                          "'additionalProperties' is required",
		`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"],"additionalProperties":false}`:                                       "Missing 'b'",
		`{"type":"object","properties":{},"required":["a"],"additionalProperties":false}`:                                                                                  "Extra 'a'",
		`{"type":"object","properties":{"a":{}},"required":["a"],"additionalProperties":false}`:                                                                            "In context=('properties', 'a'), schema must have a 'type' key",
		`{"type":"object","properties":{"a":{"type":"array","items":{"type":"string"},"uniqueItems":true}},"required":["a"],"additionalProperties":false}`:                 "'uniqueItems' is not permitted",
		`{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{}}}},"required":["a"],"additionalProperties":false}`:                    "In context=('properties', 'a', 'items', '0'), 'additionalProperties'",
		`{"type":"object","properties":{"a":{"$ref":"#/$defs/d","title":"x"}},"required":["a"],"additionalProperties":false,"$defs":{"d":{"type":"string"}}}`:              "$ref",
		`{"anyOf":[{"type":"object","properties":{},"additionalProperties":false}]}`:                                                                                       "top level",
		`{"type":"object","properties":{"a":{"anyOf":[{"type":"object"}]}},"required":["a"],"additionalProperties":false}`:                                                 "('properties', 'a', 'anyOf', '0')",
		`{"type":"object","properties":{"a":true},"required":["a"],"additionalProperties":false}`:                                                                          "must be an object",
	} {
		for _, strict := range []bool{true, false} {
			body := fmt.Sprintf(`{"messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"s","strict":%v,"schema":%s}}}`, strict, schema)
			status, said := post(t, s, body)
			if refused := strict && says != ""; (status == 400) != refused || refused && !strings.Contains(said, says) {
				t.Errorf("strict %v: %s: %d %s, want %q", strict, schema, status, said, says)
			}
		}
		if says != "" {
			malformed++
		}
	}
	if st := s.Stats(); st.Malformed != malformed || st.Answered != st.Calls {
		t.Errorf("%+v, want %d malformed", st, malformed)
	}
	for text, want := range map[string]int{"Reply in Json.": 200, "Reply.": 400} {
		if status, said := post(t, s, fmt.Sprintf(`{"messages":[{"role":"user","content":%q}],"response_format":{"type":"json_object"}}`, text)); status != want {
			t.Errorf("%s: %d %s, want %d", text, status, said, want)
		}
	}
}

// What Gemini's API does not take, in schemas and in levels of thought.
func TestGeminiRefuses(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Gemini(), Reject: []string{"thinkingLevel=minimal"}})
	for config, says := range map[string]string{
		`"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"a":{"type":"array","items":{"enum":["x"]},"maxItems":3}},"required":["a"],"additionalProperties":false}`: "",
		`"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"a":{"type":"string","maxLength":3}}}`:                                                                    "[a]: \\\"maxLength\\\"",
		`"responseMimeType":"application/json","responseJsonSchema":{"type":"array","items":{"anyOf":[{"pattern":"x"}]}}`:                                                                                    "pattern",
		`"responseMimeType":"application/json","responseJsonSchema":{"properties":{"a":{"$ref":"#/$defs/a","title":"x"}},"$defs":{"a":{"type":"string"}}}`:                                                   "title",
		`"thinkingConfig":{"thinkingLevel":"HIGH"}`:    "",
		`"thinkingConfig":{"thinkingLevel":"xhigh"}`:   "thinking_level",
		`"thinkingConfig":{"thinkingLevel":"minimal"}`: "Thinking level MINIMAL is not supported",
	} {
		resp, err := client(t).Post(s.URL+"/v1beta/models/m:generateContent", "application/json",
			strings.NewReader(`{"contents":[{"role":"user","parts":[{"text":"x"}]}],"generationConfig":{`+config+`}}`))
		if err != nil {
			t.Fatal(err)
		}
		said, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || (resp.StatusCode == 400) != (says != "") || !strings.Contains(string(said), says) {
			t.Errorf("%s: %d %s, %v; want %q", config, resp.StatusCode, said, err, says)
		}
	}
}

// Errors of a model behind the server come out as that provider's errors.
func TestServerOfModel(t *testing.T) {
	m := llmtest.Faulty(llmtest.Scripted("fine", "lost"), llmtest.Sequence(llmtest.Fault{Kind: llmtest.Quota}, llmtest.Fault{}, llmtest.Fault{Kind: llmtest.TooLong}, llmtest.Fault{Kind: llmtest.Length}))
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: m})
	for _, want := range []struct {
		status int
		says   string
	}{{429, "insufficient_quota"}, {200, "fine"}, {400, "context_length_exceeded"}, {200, `"finish_reason":"length"`}} {
		if status, body := post(t, s, chat("m", "x")); status != want.status || !strings.Contains(body, want.says) {
			t.Errorf("%d %s, want %d and %q", status, body, want.status, want.says)
		}
	}
}

// A server that stops lets go of calls that hang; the leak check of TestMain sees
// what it leaves behind.
func TestServerStops(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Faults: llmtest.Every(2, llmtest.Fault{Kind: llmtest.Hang}), Latency: time.Millisecond})
	done := make(chan int)
	for range 2 {
		go func() {
			status, _ := post(t, s, chat("m", "x"))
			done <- status
		}()
	}
	if status := <-done; status != 200 {
		t.Errorf("status %d", status)
	}
	begin := time.Now()
	s.Close()
	<-done
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("stopping took %v", took)
	}
	s.Close()
}

func TestMaxTokens(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reasoning: 10, Reply: func(int, *llm.Request) (string, error) { return strings.Repeat("word ", 50), nil }})
	status, body := post(t, s, `{"model":"m","max_tokens":30,"messages":[{"role":"user","content":"x"}]}`)
	if status != 200 || !strings.Contains(body, `"length"`) || !strings.Contains(body, `"completion_tokens":30`) || !strings.Contains(body, `"reasoning_tokens":10`) {
		t.Errorf("%d %s", status, body)
	}
}

func TestEmbed(t *testing.T) {
	dot := func(a, b []float32) (sum float64) {
		for i := range a {
			sum += float64(a[i]) * float64(b[i])
		}
		return sum
	}
	a, b, c := llmtest.Embed("The cat sat on the mat"), llmtest.Embed("the CAT on a mat!"), llmtest.Embed("Interest rates rose sharply")
	if dot(a, b) < 0.6 || dot(a, c) > 0.4 || math.Abs(dot(a, a)-1) > 1e-5 || math.Abs(dot(llmtest.Embed(""), llmtest.Embed(""))-1) > 1e-5 {
		t.Errorf("near %.2f, far %.2f, same %.2f", dot(a, b), dot(a, c), dot(a, a))
	}
}

// Nothing that a client sends ends the server.
func FuzzOpenAI(f *testing.F) {
	f.Add("/v1/chat/completions", []byte(chat("m", "x")))
	f.Add("/v1/embeddings", []byte(`{"input":["a"]}`))
	f.Add("/v1/chat/completions", []byte(`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:x;base64,!"}}]}]}`))
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		r, err := http.NewRequest(http.MethodPost, "http://h/", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Path = path
		c, err := llmtest.OpenAI().Decode(r, body)
		if err == nil && c.Kind == llmtest.Generate && (c.Request == nil || len(c.Request.Messages) == 0) {
			t.Errorf("decoded %+v", c)
		}
	})
}

func ExampleScripted() {
	m := llmtest.Faulty(llmtest.Scripted("Hello.", "Goodbye."), llmtest.Every(2, llmtest.Fault{Kind: llmtest.Rate}))
	for range 3 {
		resp, err := m.Generate(context.Background(), &llm.Request{Messages: []llm.Message{llm.Text(llm.User, "Hi")}})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(resp.Text)
	}
	// Output:
	// Hello.
	// test/script: HTTP 429 (rate_limit_exceeded): rate limited: slow down
	// Goodbye.
}
