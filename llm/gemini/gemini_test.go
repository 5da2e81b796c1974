package gemini_test

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
	"github.com/tinytroupe-go/tinytroupe/llm/gemini"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newModel(t testing.TB, o *gemini.Options) *gemini.Model {
	t.Helper()
	m, err := gemini.New("test-model", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestConformance(t *testing.T) {
	llmtest.TestModel(t, func(t *testing.T, url, key string) llm.Model {
		return newModel(t, &gemini.Options{BaseURL: url, Key: key})
	}, &llmtest.TestOptions{
		Dialect: llmtest.Gemini(),
		Skip:    []llmtest.FaultKind{llmtest.FilterCall}, // answered with status 200
		Rejectable: []string{"temperature", "topP", "stopSequences", "thinkingConfig", "thinkingLevel=low", "responseJsonSchema",
			"responseMimeType"},
		Logged: func(t *testing.T, url, key string, log *slog.Logger) llm.Model {
			return newModel(t, &gemini.Options{BaseURL: url, Key: key, Log: log})
		},
	})
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
		for _, name := range []string{"X-Goog-Api-Key", "Authorization", "Content-Type"} {
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

const okReply = `{"candidates":[{"content":{"role":"model","parts":[{"text":"fine"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2},"modelVersion":"m"}`

func hello() *llm.Request {
	return &llm.Request{System: "Be brief.", Messages: []llm.Message{llm.Text(llm.User, "Hello <&>")}}
}

const schema = `{"type":"object","properties":{"why":{"type":"string","description":"A reason","minLength":1,"maxLength":90},` +
	`"score":{"type":"integer","minimum":1,"maximum":5},"tags":{"type":"array","items":{"$ref":"#/$defs/tag"},"minItems":1,"maxItems":3},` +
	`"kind":{"const":"x"},"note":{"type":["string","null"]}},"required":["tags","why","score"],"additionalProperties":false,"$defs":{"tag":{"enum":["A","B"]}}}`

const schemaReply = `{"why":"w","score":1,"tags":["A"]}`

func talk() *llm.Request {
	return &llm.Request{
		System: "Rules.\n# Who you are\n{\"name\":\"Åsa\"}",
		Messages: []llm.Message{
			llm.Text(llm.User, "one"), llm.Text(llm.Assistant, "two"),
			{Role: llm.User, Parts: []llm.Part{{Text: "three"}, {Image: &llm.Image{MediaType: "image/png", Data: []byte("png")}}, {Text: ""}}},
		},
		Schema:      &llm.Schema{Name: "reply", Body: json.RawMessage(schema)},
		Temperature: new(0.5), TopP: new(0.9), MaxTokens: 6000, Effort: "high", Stop: []string{"END"}, Draw: 2,
	}
}

func failure(code int, status, message string, details ...string) string {
	m, _ := json.Marshal(message)
	return fmt.Sprintf(`{"error":{"code":%d,"message":%s,"status":%q,"details":[%s]}}`, code, m, status, strings.Join(details, ","))
}

// refusing answers as a model of some generation does, in its words.
func refusing(refusals ...[2]string) func(int, string, http.Header) (int, string) {
	return func(_ int, body string, _ http.Header) (int, string) {
		for _, r := range refusals {
			if strings.Contains(body, r[0]) {
				return 400, failure(400, "INVALID_ARGUMENT", r[1])
			}
		}
		return 200, strings.Replace(okReply, "fine", strings.ReplaceAll(schemaReply, `"`, `\"`), 1)
	}
}

const tooManyStates = "The specified schema produces a constraint that has too many states for serving.  Typical causes of this error are schemas " +
	"with lots of text (for example, very long property or enum names), schemas with long array length limits"

func unknownName(name string) string {
	return fmt.Sprintf("Invalid JSON payload received. Unknown name %q at 'generation_config': Cannot find field.", name)
}

// A level of thought that a model does not have is replaced by the nearest that it has,
// before thought is asked for in tokens.
func TestThinkingLevels(t *testing.T) {
	refusal := func(level string) [2]string {
		return [2]string{`"thinkingLevel":"` + level + `"`,
			"Thinking level " + strings.ToUpper(level) + " is not supported for this model. Please retry with other thinking level."}
	}
	none := [2]string{`"thinkingLevel"`, "Thinking level is not supported for this model."}
	for _, c := range []struct {
		effort   string
		refusals [][2]string
		want     string
		adapted  []string
	}{
		{"minimal", [][2]string{refusal("minimal")}, `{"thinkingLevel":"low"}`, []string{"thinkingLevel low in place of minimal"}},
		{"medium", [][2]string{refusal("minimal"), refusal("medium")}, `{"thinkingLevel":"high"}`, []string{"thinkingLevel high in place of medium"}},
		{"low", [][2]string{refusal("low")}, `{"thinkingBudget":1024}`, []string{"thinkingBudget in place of thinkingLevel"}},
		{"minimal", [][2]string{none}, `{"thinkingBudget":512}`, []string{"thinkingBudget in place of thinkingLevel"}},
		{"high", [][2]string{refusal("medium")}, `{"thinkingLevel":"high"}`, nil},
	} {
		s := serve(t, refusing(c.refusals...))
		m := newModel(t, &gemini.Options{BaseURL: s.URL, Effort: c.effort})
		for range 2 {
			if _, err := m.Generate(t.Context(), hello()); err != nil {
				t.Fatal(err)
			}
		}
		compact := strings.NewReplacer(" ", "", "\n", "").Replace(s.last())
		if want := 2 + len(c.adapted); !strings.Contains(compact, `"thinkingConfig":`+c.want) || len(s.all()) != want {
			t.Errorf("%s: after %d calls sent %s", c.effort, len(s.all()), compact)
		}
		if d := cmp.Diff(c.adapted, m.Adapted()); d != "" {
			t.Errorf("%s: Adapted:\n%s", c.effort, d)
		}
	}
}

// A limit of output tokens that the model does not have, such as TinyTroupe's 128000, is
// lowered once to the model's own.
func TestOutputLimit(t *testing.T) {
	s := serve(t, refusing([2]string{`128000`, "Unable to submit request because it has a maxOutputTokens value of 128000 " +
		"but the supported range is from 1 (inclusive) to 65537 (exclusive). Update the value and try again."}))
	m := newModel(t, &gemini.Options{BaseURL: s.URL, MaxTokens: 128000})
	for n := 2; n <= 3; n++ {
		if _, err := m.Generate(t.Context(), hello()); err != nil {
			t.Fatal(err)
		}
		if all := s.all(); len(all) != n || !strings.Contains(s.last(), `"maxOutputTokens":65536`) {
			t.Errorf("after %d calls sent %s", len(all), s.last())
		}
	}
	if d := cmp.Diff([]string{"at most 65536 output tokens"}, m.Adapted()); d != "" {
		t.Errorf("Adapted:\n%s", d)
	}
}

// What goes over the wire in the end to models of several generations.
func TestWire(t *testing.T) {
	for name, c := range map[string]struct {
		o       gemini.Options
		req     *llm.Request
		answer  func(int, string, http.Header) (int, string)
		adapted []string
	}{
		"plain": {req: hello(), answer: refusing()},
		"full": {o: gemini.Options{Seed: new(int64(40)), Extra: map[string]any{"safetySettings": []any{}}}, req: talk(),
			answer: refusing()},
		// Gemini 4 takes no sampling parameters.
		"newest": {req: talk(), answer: refusing(
			[2]string{`"temperature"`, "The temperature parameter is no longer supported by this model."},
			[2]string{`"topP"`, "top_p is not supported for this model."},
		), adapted: []string{"no temperature", "no topP"}},
		// Gemini 2.5: thinking by budget.
		"budget": {req: talk(), answer: refusing(
			[2]string{`"thinkingLevel"`, "Thinking level is not supported for this model."},
		), adapted: []string{"thinkingBudget in place of thinkingLevel"}},
		// A model or server of 2024: schemas as OpenAPI has them, no thought.
		"older": {req: talk(), answer: refusing(
			[2]string{`"responseJsonSchema"`, unknownName("responseJsonSchema")},
			[2]string{`"thinkingConfig"`, unknownName("thinkingConfig")},
		), adapted: []string{"responseSchema in place of responseJsonSchema", "no thinkingConfig"}},
		// Gemma: text alone.
		"gemma": {req: talk(), answer: refusing(
			[2]string{`"systemInstruction"`, "Developer instruction is not enabled for models/gemma-3-27b-it"},
			[2]string{`"responseMimeType"`, "JSON mode is not enabled for models/gemma-3-27b-it"},
			[2]string{`"thinkingConfig"`, "Thinking is not enabled for models/gemma-3-27b-it"},
		), adapted: []string{"no structured output: the schema is in the prompt", "no JSON mode", "no thinkingConfig",
			"no systemInstruction: the system prompt opens the first user message"}},
		// One schema is too much for the server, with its bounds; no other is touched.
		"states": {req: talk(), answer: refusing([2]string{`"maxItems"`, tooManyStates})},
		// Or altogether; or so it is guessed, where nothing is said.
		"toomuch": {req: talk(), answer: refusing([2]string{`JsonSchema"`, tooManyStates}, [2]string{`responseSchema"`, tooManyStates})},
		"opaque":  {req: talk(), answer: refusing([2]string{`JsonSchema"`, "Request contains an invalid argument."})},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, c.answer)
			c.o.BaseURL, c.o.Key = s.URL, "AIza-0123456789abcdef"
			m := newModel(t, &c.o)
			resp, err := m.Generate(t.Context(), c.req)
			if err != nil {
				t.Fatal(err)
			}
			if resp.Text != schemaReply {
				t.Errorf("Text = %s", resp.Text)
			}
			asked := s.all()
			golden(t, name, fmt.Sprintf("attempt %d\n%s", len(asked), asked[len(asked)-1]))
			if d := cmp.Diff(c.adapted, m.Adapted()); d != "" {
				t.Errorf("Adapted:\n%s", d)
			}
			if _, err := m.Generate(t.Context(), c.req); err != nil {
				t.Fatal(err)
			}
			if again := s.all(); len(again) != len(asked)+1 || again[len(again)-1] != asked[len(asked)-1] {
				t.Errorf("the second call took %d attempts, or another form", len(again)-len(asked))
			}
			for _, a := range s.all() {
				if line, _, _ := strings.Cut(a, "\n"); strings.Contains(line, "AIza") || strings.Contains(line, "key=") {
					t.Errorf("the key is in the address: %s", line)
				}
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
