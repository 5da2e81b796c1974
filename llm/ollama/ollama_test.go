package ollama_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/ollama"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newModel(t testing.TB, o *ollama.Options) *ollama.Model {
	t.Helper()
	m, err := ollama.New("test-model", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestConformance(t *testing.T) {
	llmtest.TestModel(t, func(t *testing.T, url, key string) llm.Model {
		return newModel(t, &ollama.Options{Host: url, Key: key})
	}, &llmtest.TestOptions{
		Dialect:    llmtest.Ollama(),
		Skip:       []llmtest.FaultKind{llmtest.Filter, llmtest.Refusal, llmtest.FilterCall, llmtest.Quota},
		NoCounts:   true,
		Rejectable: []string{"think"},
		Logged: func(t *testing.T, url, key string, log *slog.Logger) llm.Model {
			return newModel(t, &ollama.Options{Host: url, Key: key, Log: log})
		},
	})
}

// A model that thinks, by efforts or not, on a server that holds no reply of it to the
// format unless it does.
func TestConformanceThinking(t *testing.T) {
	for _, efforts := range []bool{true, false} {
		t.Run(fmt.Sprint("efforts ", efforts), func(t *testing.T) {
			llmtest.TestModel(t, func(t *testing.T, url, key string) llm.Model {
				return newModel(t, &ollama.Options{Host: url, Key: key})
			}, &llmtest.TestOptions{
				Dialect:    llmtest.OllamaThinking(efforts),
				Skip:       []llmtest.FaultKind{llmtest.Filter, llmtest.Refusal, llmtest.FilterCall, llmtest.Quota},
				NoCounts:   true,
				NoEffort:   !efforts,
				Rejectable: []string{"think"},
			})
		})
	}
}

// A schema is in the prompt too where nothing else may hold a reply to it, and a model
// that says nothing unless it thinks is let.
func TestThinking(t *testing.T) {
	const reply = `{"a":"x"}`
	schema := &llm.Schema{Name: "a", Body: []byte(`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}`)}
	for name, c := range map[string]struct {
		wire    llmtest.Dialect
		effort  string
		calls   int // of two requests
		think   string
		prompt  bool
		adapted []string
	}{
		"plain model":        {llmtest.Ollama(), "", 2, `"think":false`, false, nil},
		"thinks":             {llmtest.OllamaThinking(false), "", 2, `"think":false`, true, nil},
		"thinks, asked to":   {llmtest.OllamaThinking(false), "low", 2, `"think":true`, true, []string{"think without an effort"}},
		"thinks, the least":  {llmtest.OllamaThinking(false), "minimal", 2, `"think":false`, true, nil},
		"must":               {llmtest.OllamaThinking(true), "", 3, `"think":"low"`, true, []string{"think where nothing is said of it: without, replies are empty"}},
		"must, and asked so": {llmtest.OllamaThinking(true), "high", 2, `"think":"high"`, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: c.wire, Keep: true, Reply: func(int, *llm.Request) (string, error) { return reply, nil }})
			m := newModel(t, &ollama.Options{Host: s.URL, Effort: c.effort})
			used := llm.Usage{}
			for range 2 {
				req := hello()
				req.Schema, req.MaxTokens = schema, 50
				resp, err := m.Generate(t.Context(), req)
				if err != nil || resp.Text != reply {
					t.Fatalf("%+v, %v", resp, err)
				}
				used = used.Add(resp.Usage)
			}
			calls := s.Calls()
			body := string(calls[len(calls)-1].Body)
			if len(calls) != c.calls || !strings.Contains(body, c.think) || strings.Contains(body, "under this JSON schema") != c.prompt {
				t.Errorf("%d calls, sent %s", len(calls), body)
			}
			if used.Output != s.Stats().Output {
				t.Errorf("used %+v, and the server counted %+v", used, s.Stats())
			}
			if got := m.Adapted(); !slices.Equal(got, c.adapted) {
				t.Errorf("adapted %q, want %q", got, c.adapted)
			}
		})
	}
}

// What an empty reply leaves of the limit is what the second may use, and a second that
// is empty too changes nothing.
func TestSilence(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.OllamaThinking(true), Keep: true,
		Reply: func(n int, _ *llm.Request) (string, error) { return strings.Repeat("x", 80*(n%2)), nil }})
	m := newModel(t, &ollama.Options{Host: s.URL})
	req := hello()
	req.Schema, req.MaxTokens = &llm.Schema{Name: "a", Body: []byte(`{"type":"object"}`)}, 50
	resp, err := m.Generate(t.Context(), req)
	if !errors.Is(err, llm.ErrTransient) || resp == nil || resp.Usage.Output != 20 || m.Adapted() != nil {
		t.Errorf("%+v, %v, adapted %q", resp, err, m.Adapted())
	}
	if calls := s.Calls(); len(calls) != 2 || calls[1].Request.MaxTokens != 30 || calls[1].Request.Effort != "low" {
		t.Errorf("asked %d times, the last time for %+v", len(calls), calls[len(calls)-1].Request)
	}
}

// The second of two calls fails: what the first used is told where the second cost
// nothing, and else nobody knows.
func TestSilenceBroken(t *testing.T) {
	schema := &llm.Schema{Name: "a", Body: []byte(`{"type":"object"}`)}
	for kind, known := range map[llmtest.FaultKind]bool{llmtest.Auth: true, llmtest.Reset: false, llmtest.Truncated: false} {
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.OllamaThinking(true), Faults: llmtest.Sequence(llmtest.Fault{}, llmtest.Fault{Kind: kind})})
		req := hello()
		req.Schema = schema
		resp, err := newModel(t, &ollama.Options{Host: s.URL}).Generate(t.Context(), req)
		if !errors.Is(err, llm.ErrTransient) || llm.Unreported(resp, err) == known {
			t.Errorf("%s: %+v, %v", kind, resp, err)
		}
	}
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.OllamaThinking(true), Faults: llmtest.Sequence(llmtest.Fault{}, llmtest.Fault{Kind: llmtest.Hang})})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	req := hello()
	req.Schema = schema
	if _, err := newModel(t, &ollama.Options{Host: s.URL}).Generate(ctx, req); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, llm.ErrTransient) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestEmbedderConformance(t *testing.T) {
	llmtest.TestEmbedder(t, func(t *testing.T, url, key string) llm.Embedder {
		m, err := ollama.NewEmbedder("test-model", &ollama.Options{Host: url, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Close)
		return m
	}, &llmtest.TestOptions{Dialect: llmtest.Ollama()})
}

// Ollama leaves out images that its model cannot see, and answers.
func TestBlind(t *testing.T) {
	blind := serve(t, `{"capabilities":["completion"],"message":{"content":"A lovely picture."},"done":true,"done_reason":"stop"}`)
	req := hello()
	req.Messages[0].Parts = append(req.Messages[0].Parts, llm.Part{Image: &llm.Image{MediaType: "image/png", Data: []byte("\x89PNG")}})
	m := newModel(t, &ollama.Options{Host: blind.URL})
	if resp, err := m.Generate(t.Context(), req); !errors.Is(err, llm.ErrNotFound) || !strings.Contains(err.Error(), "does not see") {
		t.Errorf("%+v, %v", resp, err)
	}
	if _, err := m.Generate(t.Context(), hello()); err != nil {
		t.Errorf("without an image: %v", err)
	}
}

// Options reach the server, and stand in the identity, under which calls are kept.
func TestOptions(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Ollama(), Keep: true})
	m := newModel(t, &ollama.Options{Host: s.URL, NumCtx: 4000, KeepAlive: 90 * time.Second, MaxTokens: 7, Temperature: new(0.5), TopP: new(0.9),
		Effort: "high", Seed: new(int64(40)), Extra: map[string]any{"num_thread": 2, "frequency_penalty": 0.5}, Key: "sk-0123456789abcdef"})
	req := hello()
	req.Draw = 2
	if _, err := m.Generate(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	want := `{"model":"test-model","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello"}],"stream":false,` +
		`"think":"high","keep_alive":"1m30s","truncate":false,"shift":false,"options":{"num_ctx":4000,"num_predict":7,"temperature":0.5,"top_p":0.9,"seed":42,` +
		`"frequency_penalty":0.5,"num_thread":2}}`
	if got := string(s.Calls()[0].Body); got != want {
		t.Errorf("sent\n%s\nwant\n%s", got, want)
	}
	id := `ollama/test-model at ` + s.URL + ` with {"NumCtx":4000,"MaxTokens":7,"Temperature":0.5,"TopP":0.9,"Effort":"high","Seed":40} and "frequency_penalty":0.5,"num_thread":2`
	if m.Identity() != id {
		t.Errorf("identity %s\nwant     %s", m.Identity(), id)
	}
	plain := newModel(t, nil)
	if plain.Identity() != "ollama/test-model" {
		t.Errorf("identity %s", plain.Identity())
	}
	for name, o := range map[string]*ollama.Options{
		"num_ctx twice": {Extra: map[string]any{"num_ctx": 1}}, "no context": {NumCtx: -1}, "no address": {Host: "ftp://x"}, "blank in key": {Key: "a b"},
	} {
		if _, err := ollama.New("m", o); err == nil || !strings.HasPrefix(err.Error(), "ollama: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ollama.New("", nil); err == nil {
		t.Error("no name, no error")
	}
}

// Where grammars fail, less is asked for, and what helped is remembered.
func TestAdapts(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Ollama(), Keep: true, Reject: []string{"think"},
		Reply:  func(int, *llm.Request) (string, error) { return `{"a":"x"}`, nil },
		Faults: func(n int) llmtest.Fault { return llmtest.Fault{Kind: llmtest.NoSchema} }})
	m := newModel(t, &ollama.Options{Host: s.URL, Effort: "low"})
	req := hello()
	req.Schema = &llm.Schema{Name: "a", Body: []byte(`{"type":"object","properties":{"a":{"type":"string","maxLength":3}},"required":["a"]}`)}
	for range 2 {
		if _, err := m.Generate(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"no think", "any JSON, with the schema in the prompt"}
	if got := m.Adapted(); !slices.Equal(got, want) {
		t.Errorf("adapted %q, want %q", got, want)
	}
	if n := s.Stats().Calls; n != 5 {
		t.Errorf("%d calls, want 4 to find out and 1", n)
	}
}

func Example() {
	server := llmtest.NewHandler(&llmtest.ServerOptions{Dialect: llmtest.Ollama(), Models: []string{"gemma3"},
		Reply: func(int, *llm.Request) (string, error) { return "Hello, I am Lisa.", nil }})
	s := httptest.NewServer(server)
	defer s.Close()
	m, err := ollama.New("gemma3", &ollama.Options{Host: s.URL}) // without Host, the Ollama of this machine
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
	// Output: ollama/gemma3 says: Hello, I am Lisa.
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"":                              "http://127.0.0.1:11434",
		"localhost":                     "http://localhost:11434",
		"localhost:9933":                "http://localhost:9933",
		"0.0.0.0":                       "http://127.0.0.1:11434",
		"0.0.0.0:9933":                  "http://127.0.0.1:9933",
		":9933":                         "http://127.0.0.1:9933",
		"[::]:9933":                     "http://[::1]:9933",
		"[::1]":                         "http://[::1]:11434",
		"http://ollama.lan":             "http://ollama.lan:80",
		"https://ollama.lan":            "https://ollama.lan:443",
		"https://u:p@ollama.lan:1/a/b/": "https://u:p@ollama.lan:1/a/b",
		` "192.168.0.7:1" `:             "http://192.168.0.7:1",
		"http://0.0.0.0:9933/":          "http://127.0.0.1:9933",
	} {
		if got, err := ollama.Address(in); got != want || err != nil {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"ftp://x", "host:port", "host:70000", "http://[::", "a b:1"} {
		if got, err := ollama.Address(in); err == nil {
			t.Errorf("%q: %q, and no error", in, got)
		}
	}
}

func FuzzAddress(f *testing.F) {
	f.Add("0.0.0.0:1")
	f.Add("https://[::]/x")
	f.Fuzz(func(t *testing.T, s string) {
		if a, err := ollama.Address(s); err == nil {
			if b, err := ollama.Address(a); err != nil || a != b {
				t.Errorf("%q: %q, then %q, %v", s, a, b, err)
			}
		}
	})
}

// A prompt that the server cuts without a word never comes back as an answer.
func TestNeverCut(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Ollama(), Keep: true})
	m := newModel(t, &ollama.Options{Host: s.URL, NumCtx: 600})
	answered, refused := 0, 0
	rapid.Check(t, func(r *rapid.T) {
		req := &llm.Request{System: strings.Repeat("You are Lisa. ", rapid.IntRange(0, 40).Draw(r, "system"))}
		for i := range rapid.IntRange(1, 12).Draw(r, "messages") {
			req.Messages = append(req.Messages, llm.Text(llm.User, fmt.Sprint(i, strings.Repeat(" Grüße, Åsa.", rapid.IntRange(0, 60).Draw(r, "words")))))
		}
		before := len(s.Calls())
		_, err := m.Generate(t.Context(), req)
		switch calls := s.Calls()[before:]; {
		case errors.Is(err, llm.ErrTooLong):
			refused++
		case err != nil:
			r.Fatal(err)
		case len(calls) != 1 || llmtest.Prompt(calls[0].Request) != llmtest.Prompt(req):
			r.Fatalf("%d of %d messages arrived, and the answer was taken", len(calls[0].Request.Messages), len(req.Messages))
		default:
			answered++
		}
	})
	if answered < 20 || refused < 20 {
		t.Errorf("%d answered, %d refused: too few of one kind to mean anything", answered, refused)
	}
}

// A server that refuses what does not fit needs no estimate: every prompt that fits is
// answered.
func TestNeverRefused(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.OllamaThinking(false), Keep: true})
	m := newModel(t, &ollama.Options{Host: s.URL, NumCtx: 600})
	answered, refused, near := 0, 0, 0
	rapid.Check(t, func(r *rapid.T) {
		req := &llm.Request{System: strings.Repeat("You are Lisa. ", rapid.IntRange(0, 40).Draw(r, "system"))}
		for i := range rapid.IntRange(2, 12).Draw(r, "messages") {
			req.Messages = append(req.Messages, llm.Text(llm.User, fmt.Sprint(i, strings.Repeat(" Grüße, Åsa.", rapid.IntRange(0, 60).Draw(r, "words")))))
		}
		size := llmtest.Tokens(llmtest.Prompt(req))
		_, err := m.Generate(t.Context(), req)
		switch fits := size < 600-5; { // with the reply
		case size >= 600-5 && size <= 600+5: // either way: the messages' own tokens decide
		case !fits && (errors.Is(err, llm.ErrTooLong) || errors.Is(err, llm.ErrTruncated)):
			refused++
		case fits && err == nil:
			answered++
			if size > 400 {
				near++
			}
		default:
			r.Fatalf("%d tokens: %v", size, err)
		}
	})
	if answered < 10 || refused < 10 || near < 3 {
		t.Errorf("%d answered, %d of them near the limit, %d refused: too few to mean anything", answered, near, refused)
	}
}

// Which versions are believed.
func TestVersions(t *testing.T) {
	for version, believed := range map[string]bool{"0.6.5": false, "0.12.6": false, "0.13.0": true, "0.13.0-rc1": true, "0.30.2": true, "1.0": true,
		"0.0.0": false, "": false, "x.y": false, "0": false} {
		const reply = `{"message":{"content":"x"},"done":true,"done_reason":"stop","prompt_eval_count":7000,"eval_count":5`
		s := serve(t, reply+`,"version":"`+version+`"}`)
		req := hello()
		req.Messages = append([]llm.Message{llm.Text(llm.User, strings.Repeat("word ", 2000))}, req.Messages...)
		_, err := newModel(t, &ollama.Options{Host: s.URL}).Generate(t.Context(), req)
		if believed && err != nil || !believed && !errors.Is(err, llm.ErrTooLong) {
			t.Errorf("%q: %v", version, err)
		}
	}
}

func TestContext(t *testing.T) {
	for _, c := range []struct {
		has, asked int
		want       int
	}{{131072, 0, 8192}, {4096, 0, 4096}, {131072, 20000, 20000}, {4096, 20000, 4096}} {
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Ollama(), Keep: true, Context: c.has})
		m := newModel(t, &ollama.Options{Host: s.URL, NumCtx: c.asked})
		n, err := m.Context(t.Context())
		if n != c.want || err != nil {
			t.Errorf("a model of %d, asked for %d: %d, %v, want %d", c.has, c.asked, n, err, c.want)
		}
		if _, err := m.Generate(t.Context(), hello()); err != nil {
			t.Fatal(err)
		}
		if body := string(s.Calls()[0].Body); !strings.Contains(body, fmt.Sprintf(`"num_ctx":%d`, c.want)) ||
			!strings.Contains(body, `"truncate":false,"shift":false`) || !strings.Contains(body, `"think":false`) {
			t.Errorf("sent %s", body)
		}
	}
	fixed := serve(t, `{"parameters":"num_ctx    3000\nstop  \"x y\"","model_info":{"general.architecture":"a","a.context_length":9000}}`)
	if n, err := newModel(t, &ollama.Options{Host: fixed.URL}).Context(t.Context()); n != 3000 || err != nil {
		t.Errorf("the Modelfile says 3000: %d, %v", n, err)
	}
}

func hello() *llm.Request {
	return &llm.Request{System: "Be brief.", Messages: []llm.Message{llm.Text(llm.User, "Hello")}}
}

// serve answers everything with one body.
func serve(t *testing.T, body string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) }))
	t.Cleanup(s.Close)
	return s
}

// What is wrong is said with what to do about it.
func TestHints(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Ollama(), Models: []string{"other"}})
	m := newModel(t, &ollama.Options{Host: s.URL})
	for range 2 { // also when asked again
		if _, err := m.Generate(t.Context(), hello()); !errors.Is(err, llm.ErrNotFound) || !strings.Contains(err.Error(), "ollama pull test-model") {
			t.Errorf("missing model: %v", err)
		}
	}
	s.Close()
	m = newModel(t, &ollama.Options{Host: s.URL}) // without a connection from before
	if _, err := m.Generate(t.Context(), hello()); !errors.Is(err, llm.ErrTransient) || !strings.Contains(err.Error(), "ollama serve") || !strings.Contains(err.Error(), s.URL) {
		t.Errorf("stopped server: %v", err)
	}
	e, err := ollama.NewEndpoint(&ollama.Options{Host: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Models(t.Context()); err == nil || !strings.Contains(err.Error(), "ollama serve") {
		t.Errorf("stopped server, list: %v", err)
	}
}

// Odd answers of a server are errors, never replies.
func TestOddAnswers(t *testing.T) {
	for body, want := range map[string]error{
		`{}`:                             llm.ErrTransient,
		`{"done":true}`:                  llm.ErrTransient,
		`{"message":{"content":"half"}}`: llm.ErrTransient,
		`{"error":"something broke"}`:    llm.ErrTransient,
		`{"message":{"content":"x"},"done":true,"done_reason":"stop","prompt_eval_count":8000,"eval_count":500}`: llm.ErrTruncated,
		`{"message":{"content":"x"},"done":true,"done_reason":"stop","prompt_eval_count":8192,"eval_count":5}`:   llm.ErrTooLong,
		`{"message":{"content":"x"},"done":true,"done_reason":"length","prompt_eval_count":80,"eval_count":5}`:   llm.ErrTruncated,
	} {
		m := newModel(t, &ollama.Options{Host: serve(t, body).URL})
		if _, err := m.Generate(t.Context(), hello()); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", body, err, want)
		}
	}
}

// Errors in the shapes that versions of the server have.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		is     error
		says   string
	}{
		{400, `{"error":"{\"error\":{\"code\":400,\"message\":\"request (351 tokens) exceeds the available context size (256 tokens), try increasing it\",\"type\":\"exceed_context_size_error\",\"n_prompt_tokens\":351,\"n_ctx\":256}}"}`,
			llm.ErrTooLong, ": request (351 tokens) exceeds the available context size (256 tokens), try increasing it"},
		{400, `{"error":{"code":400,"message":"the input length exceeds the context length"}}`, llm.ErrTooLong, ": the input length exceeds the context length"},
		{500, `{"error":"model requires more system memory (9.1 GiB) than is available (3.2 GiB)"}`, llm.ErrTransient, "9.1 GiB"},
		{500, `{"error":"missing data required for image input"}`, errors.ErrUnsupported, "the server cannot: missing data"},
		{400, `{"error":"invalid options: a"}`, nil, "invalid options"},
		{503, `{"error":"server busy, please try again.  maximum pending requests exceeded"}`, llm.ErrRate, "busy"},
		{502, `<html>Bad gateway</html>`, llm.ErrTransient, "Bad gateway"},
		{429, `{"error":"you've reached your hourly usage limit, please upgrade to continue"}`, llm.ErrQuota, "upgrade"},
		{307, ``, llm.ErrNotFound, "redirects are not followed"},
		{405, `405 method not allowed`, llm.ErrNotFound, "is that Ollama?"},
	} {
		calls := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/api/chat" {
				fmt.Fprint(w, `{}`)
				return
			}
			calls++
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(c.status)
			fmt.Fprint(w, c.body)
		}))
		m := llm.Wrap(newModel(t, &ollama.Options{Host: s.URL}), llm.Retry(&llm.RetryOptions{Attempts: 2, First: time.Millisecond}))
		_, err := m.Generate(t.Context(), hello())
		if again := c.is == llm.ErrRate || c.is == llm.ErrTransient; (calls > 1) != again {
			t.Errorf("%d %s: %d calls", c.status, c.body, calls)
		}
		var e *llm.Error
		if !errors.As(err, &e) || e.Status != c.status || c.is != nil && !errors.Is(err, c.is) || c.is == nil && e.Err != nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%d %s: %v", c.status, c.body, err)
		}
		s.Close()
	}
}

func TestCancelWhileContextIsAsked(t *testing.T) {
	hang := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // so that the end of the connection is noticed
		<-r.Context().Done()
	}))
	t.Cleanup(hang.Close)
	m := newModel(t, &ollama.Options{Host: hang.URL})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	errs := make(chan error)
	for range 2 {
		go func() { _, err := m.Generate(ctx, hello()); errs <- err }()
	}
	for range 2 {
		if err := <-errs; !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, llm.ErrTransient) {
			t.Error(err)
		}
	}
}
