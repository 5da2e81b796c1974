package anthropic_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/anthropic"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newModel(t testing.TB, o *anthropic.Options) *anthropic.Model {
	t.Helper()
	m, err := anthropic.New("test-model", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestConformance(t *testing.T) {
	llmtest.TestModel(t, func(t *testing.T, url, key string) llm.Model {
		return newModel(t, &anthropic.Options{BaseURL: url, Key: key})
	}, &llmtest.TestOptions{
		Dialect: llmtest.Anthropic(),
		Rejectable: []string{"temperature", "top_p", "stop_sequences", "thinking", "output_config", "output_config.effort",
			"output_config.format"},
		Logged: func(t *testing.T, url, key string, log *slog.Logger) llm.Model {
			return newModel(t, &anthropic.Options{BaseURL: url, Key: key, Log: log})
		},
	})
}

// What is written to the cache ends at the last mark, and a short prompt is not kept.
func TestCacheWrites(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Anthropic()})
	m := newModel(t, &anthropic.Options{BaseURL: s.URL})
	for i, c := range []struct{ system, written int }{{2048, 2048}, {2048, 0}, {512, 0}} { // in tokens
		req := &llm.Request{System: strings.Repeat("x", 4*c.system), Messages: []llm.Message{llm.Text(llm.User, strings.Repeat("y", 16000))}}
		if i == 2 {
			req.System = strings.Repeat("z", 4*c.system)
		}
		resp, err := m.Generate(t.Context(), req)
		if err != nil || resp.Usage.CacheWrite != c.written || resp.Usage.Input < c.system+4000 || (resp.Usage.CachedInput > 0) != (i == 1) {
			t.Errorf("call %d: %+v, %v; want %d tokens written", i, resp, err, c.written)
		}
	}
}

// A log keeps what a server was asked.
type log struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string
	bodies []string
}

// serve answers with status and body of answer, which gets the number of the call.
func serve(t testing.TB, answer func(n int, body string, h http.Header) (int, string)) *log {
	l := new(log)
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		var b strings.Builder
		fmt.Fprintf(&b, "%s %s\n", r.Method, r.URL.RequestURI())
		for _, name := range []string{"Anthropic-Version", "Anthropic-Beta", "X-Api-Key", "Authorization", "Content-Type"} {
			if v := r.Header.Get(name); v != "" {
				fmt.Fprintf(&b, "%s: %s\n", name, v)
			}
		}
		var pretty bytes.Buffer
		if json.Indent(&pretty, raw, "", "  ") == nil {
			b.Write(pretty.Bytes())
			b.WriteByte('\n')
		}
		l.mu.Lock()
		l.asked, l.bodies = append(l.asked, b.String()), append(l.bodies, string(raw))
		n := len(l.asked)
		l.mu.Unlock()
		status, body := answer(n, string(raw), w.Header())
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(l.Close)
	return l
}

func (l *log) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.asked...)
}

func (l *log) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bodies[len(l.bodies)-1]
}

func always(status int, body string) func(int, string, http.Header) (int, string) {
	return func(int, string, http.Header) (int, string) { return status, body }
}

const okReply = `{"type":"message","model":"m","content":[{"type":"text","text":"fine"}],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":2}}`

func hello() *llm.Request {
	return &llm.Request{System: "Be brief.", Messages: []llm.Message{llm.Text(llm.User, "Hello <&>")}}
}

const schema = `{"type":"object","properties":{"why":{"type":"string","description":"A reason","minLength":1,"maxLength":90},` +
	`"score":{"type":"integer","minimum":1,"maximum":5},"tags":{"type":"array","items":{"$ref":"#/$defs/tag"},"minItems":1,"maxItems":3},` +
	`"note":{"anyOf":[{"type":"string"},{"type":"null"}]}},"required":["why","score","tags"],"$defs":{"tag":{"enum":["A","B"]}}}`

func talk() *llm.Request {
	req := &llm.Request{
		System: "Rules.\n# Who you are\n{\"name\":\"Åsa\"}",
		Messages: []llm.Message{
			llm.Text(llm.User, "one"), llm.Text(llm.Assistant, "two"), llm.Text(llm.User, "three"), llm.Text(llm.Assistant, "four"),
			{Role: llm.User, Parts: []llm.Part{{Text: "five"}, {Image: &llm.Image{MediaType: "image/png", Data: []byte("png")}}, {Text: ""}}},
		},
		Schema:      &llm.Schema{Name: "reply", Body: json.RawMessage(schema)},
		Temperature: new(0.5), TopP: new(0.9), MaxTokens: 6000, Effort: "high", Stop: []string{"END"},
	}
	return req
}

// refusing answers as a model of some generation does, in its words.
func refusing(refusals ...[2]string) func(int, string, http.Header) (int, string) {
	return func(_ int, body string, _ http.Header) (int, string) {
		for _, r := range refusals {
			if strings.Contains(body, r[0]) {
				message, _ := json.Marshal(r[1])
				return 400, `{"type":"error","error":{"type":"invalid_request_error","message":` + string(message) + `}}`
			}
		}
		if strings.Contains(body, `"tool_choice"`) {
			return 200, `{"model":"m","content":[{"type":"text","text":"Let me see."},{"type":"tool_use","id":"t","name":"reply","input":{"why":"w","score":1,"tags":["A"]}}],` +
				`"stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":2}}`
		}
		return 200, strings.Replace(okReply, "fine", `{\"why\":\"w\",\"score\":1,\"tags\":[\"A\"]}`, 1)
	}
}

// What goes over the wire in the end to models of several generations.
func TestWire(t *testing.T) {
	marked := talk()
	for i := range marked.Messages {
		marked.Messages[i].Cache = true
	}
	plain := talk()
	plain.Schema, plain.Messages = nil, plain.Messages[:1]
	for name, c := range map[string]struct {
		o       anthropic.Options
		req     *llm.Request
		answer  func(int, string, http.Header) (int, string)
		adapted []string
	}{
		"plain":   {req: hello(), answer: refusing()},
		"full":    {req: talk(), answer: refusing()},
		"marks":   {req: marked, answer: refusing()},
		"nocache": {o: anthropic.Options{NoCache: true, Extra: map[string]any{"service_tier": "auto"}, Header: http.Header{"Anthropic-Beta": {"x-2026-01-01"}}}, req: marked, answer: refusing()},
		// The newest: no sampling, no forced tools.
		"newest": {req: talk(), answer: refusing(
			[2]string{`"temperature"`, "`temperature` is deprecated for this model."},
			[2]string{`"top_p"`, "`top_p` is deprecated for this model."},
			[2]string{`"tool_choice"`, `tool_choice: type "tool" and "any" are not supported for this model.`},
		), adapted: []string{"no temperature", "no top_p"}},
		// Haiku 4.5: structured output, but no effort, and thinking by budget, which allows no sampling.
		"budget": {req: talk(), answer: refusing(
			[2]string{`"effort"`, "This model does not support the effort parameter."},
			[2]string{`"adaptive"`, "adaptive thinking is not supported on this model"},
			[2]string{`0.9`, "`temperature` and `top_p` cannot both be specified for this model. Please use only one."},
		), adapted: []string{"no top_p beside a temperature", "no output_config.effort", "thinking by a budget of tokens in place of adaptive thinking"}},
		"sampling": {req: talk(), answer: refusing(
			[2]string{`"temperature"`, "`temperature` may only be set to 1 when thinking is enabled or in adaptive mode. Please consult our documentation"},
		), adapted: []string{"no temperature and top_p where the model thinks"}},
		// Claude 3: none of it.
		"oldest": {req: talk(), answer: refusing(
			[2]string{`"output_config"`, "output_config: Extra inputs are not permitted"},
			[2]string{`"thinking"`, "thinking: Extra inputs are not permitted"},
			[2]string{`"max_tokens":6000`, "max_tokens: 6000 > 4096, which is the maximum allowed number of output tokens for claude-3-haiku-20240307"},
		), adapted: []string{"no output_config.format: schemas go with a forced tool call", "no output_config.effort", "at most 4096 output tokens"}},
		// Another server, with nothing but text.
		"text": {o: anthropic.Options{Provider: "other"}, req: talk(), answer: refusing(
			[2]string{`"output_config"`, "output_config: Extra inputs are not permitted"},
			[2]string{`"tools"`, "tools: Extra inputs are not permitted"},
			[2]string{`"cache_control"`, "system.0.cache_control: Extra inputs are not permitted"},
			[2]string{`"thinking"`, "thinking: Extra inputs are not permitted"},
			[2]string{`"stop_sequences"`, "stop_sequences: Extra inputs are not permitted"},
		), adapted: []string{"no structured output: the schema is in the prompt", "no stop_sequences", "no output_config.effort",
			"thinking by a budget of tokens in place of adaptive thinking", "no thinking", "no cache_control"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.answer)
			c.o.BaseURL, c.o.Key = s.URL, "sk-ant-0123456789abcdef"
			m := newModel(t, &c.o)
			resp, err := m.Generate(t.Context(), c.req)
			if err != nil {
				t.Fatal(err)
			}
			if want := `{"why":"w","score":1,"tags":["A"]}`; resp.Text != want {
				t.Errorf("Text = %s, want %s", resp.Text, want)
			}
			asked := s.all()
			golden(t, name, fmt.Sprintf("attempt %d\n%s", len(asked), asked[len(asked)-1]))
			if d := cmp.Diff(c.adapted, m.Adapted()); d != "" {
				t.Errorf("Adapted:\n%s", d)
			}
			if _, err := m.Generate(t.Context(), c.req); err != nil {
				t.Fatal(err)
			}
			if again := s.all(); len(again) != len(asked)+1 || again[len(asked)] != asked[len(asked)-1] {
				t.Errorf("the second call took %d attempts, or another form", len(again)-len(asked))
			}
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s (-want +got); -update rewrites it:\n%s", file, d)
	}
}
