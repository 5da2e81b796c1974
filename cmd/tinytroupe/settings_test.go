package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// TestSettings: what config.ini says has the effect that docs/config.md promises.
func TestSettings(t *testing.T) {
	const speech = "There is bread, and there is the other kind of bread."
	var summaries atomic.Int64
	h := llmtest.NewHandler(&llmtest.ServerOptions{Reply: func(n int, req *llm.Request) (string, error) {
		if req.Schema != nil && bytes.Contains(req.Schema.Body, []byte(`"summary"`)) {
			summaries.Add(1)
			return `{"summary":"We spoke of bread.","memos":[]}`, nil
		}
		return `{"actions":[{"type":"TALK","target":"","content":"` + speech + strings.Repeat(fmt.Sprintf(" Loaf %d of %d.", n, n*7), 600) + `"}],"state":{"goals":"g","attention":"a","emotions":"e"}}`, nil
	}})
	defer h.Close()
	var sent atomic.Pointer[map[string]any]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		var m map[string]any
		if json.Unmarshal(body, &m) == nil {
			sent.Store(&m)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		h.ServeHTTP(w, r)
	}))
	defer server.Close()

	run := func(t *testing.T, settings string) (e ended, dir string) {
		t.Helper()
		file := crowd(t)
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), "config.ini"), []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
		dir = filepath.Join(filepath.Dir(file), "record")
		summaries.Store(0)
		return command(t, t.Context(), map[string]string{"OPENAI_BASE_URL": server.URL + "/v1"}, "run", file, "--model", "openai/test-model", "--dir", dir), dir
	}
	has := func(t *testing.T, file string) bool {
		t.Helper()
		_, err := os.Stat(file)
		return err == nil
	}

	t.Run("none", func(t *testing.T) {
		e, dir := run(t, "")
		if e.code != exitDone {
			t.Fatalf("exit %d\n%s", e.code, e.stderr)
		}
		for _, name := range []string{"top_p", "frequency_penalty", "presence_penalty", "reasoning_effort", "temperature"} {
			if v, ok := (*sent.Load())[name]; ok {
				t.Errorf("%s was sent: %v", name, v)
			}
		}
		if strings.Contains(e.stdout, "not shown") || has(t, filepath.Join(dir, "log.txt")) || summaries.Load() == 0 {
			t.Errorf("log %v, %d summaries\n%.2000s", has(t, filepath.Join(dir, "log.txt")), summaries.Load(), e.stdout)
		}
	})
	t.Run("all", func(t *testing.T) {
		e, dir := run(t, `[OpenAI]
TOP_P=0.9
FREQ_PENALTY=0.5
PRESENCE_PENALTY=-0.5
REASONING_EFFORT=low
TEMPERATURE=0.3
MAX_CONTENT_DISPLAY_LENGTH=20
WAITING_TIME=1
[Cognition]
ENABLE_MEMORY_CONSOLIDATION=False
[Logging]
LOGLEVEL_FILE=DEBUG
`)
		if e.code != exitDone {
			t.Fatalf("exit %d\n%s", e.code, e.stderr)
		}
		for name, want := range map[string]any{"top_p": 0.9, "frequency_penalty": 0.5, "presence_penalty": -0.5, "reasoning_effort": "low", "temperature": 0.3} {
			if got := (*sent.Load())[name]; got != want {
				t.Errorf("%s: %v was sent, not %v", name, got, want)
			}
		}
		if strings.Contains(e.stdout, speech) || !strings.Contains(e.stdout, speech[:19]) {
			t.Errorf("not cut to 20 characters:\n%.2000s", e.stdout)
		}
		if !strings.Contains(e.stdout, "WAITING_TIME (no wait before calls") {
			t.Errorf("no word of WAITING_TIME:\n%.2000s", e.stdout)
		}
		text, err := os.ReadFile(filepath.Join(dir, "transcripts", "all.md"))
		if err != nil || !bytes.Contains(text, []byte(speech)) {
			t.Errorf("the record's transcript is cut, or missing: %v", err)
		}
		if !has(t, filepath.Join(dir, "log.txt")) {
			t.Error("no log.txt")
		}
		if n := summaries.Load(); n > 0 {
			t.Errorf("%d summaries", n)
		}
	})
	t.Run("mistake", func(t *testing.T) {
		e, dir := run(t, "[OpenAI]\nMAX_ATTEMPTS=0\n")
		if e.code != exitUsage || !strings.Contains(e.stderr, "config.ini:2: MAX_ATTEMPTS: expected a whole number of at least 1, found \"0\": write 1") || has(t, dir) {
			t.Errorf("exit %d, record %v\n%s", e.code, has(t, dir), e.stderr)
		}
	})
}

// TestLog: the log of a run keeps what was said before its folder was there.
func TestLog(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: talker, Reject: []string{"top_p"}})
	file := crowd(t)
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "config.ini"), []byte("[OpenAI]\nTOP_P=0.5\n[Logging]\nLOGLEVEL_CONSOLE=NONE\nLOGLEVEL_FILE=INFO\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	e := runStudy(t, file, s)
	if e.code != exitDone || strings.Contains(e.stderr, "top_p") {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	text, err := os.ReadFile(filepath.Join(e.dir, "log.txt"))
	if err != nil || !bytes.Contains(text, []byte("top_p")) || !bytes.Contains(text, []byte("level=")) {
		t.Errorf("%v\n%s", err, text)
	}
	l := &logFile{wanted: true}
	for i, name := range []string{"one\n", "two\n"} {
		if _, err := io.WriteString(l, name); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := l.open(filepath.Join(e.dir, "more.txt")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(e.dir, "more.txt")); err != nil || string(text) != "one\ntwo\n" {
		t.Errorf("%v %q", err, text)
	}
}

// TestEpisode: a small context consolidates earlier, unless config.ini says never.
func TestEpisode(t *testing.T) {
	on, off := &config.Settings{EnableMemoryConsolidation: true}, &config.Settings{}
	small, large := &stack{small: true}, &stack{}
	for _, tt := range []struct {
		st   *stack
		set  *config.Settings
		want int
	}{{large, on, 0}, {small, on, shortEpisode}, {large, off, -1}, {small, off, -1}} {
		if got := tt.st.episode(tt.set); got != tt.want {
			t.Errorf("small %v, consolidation %v: %d, want %d", tt.st.small, tt.set.EnableMemoryConsolidation, got, tt.want)
		}
	}
}

// TestFoundCap: a paid model that was found, not named, is capped at 1 USD, which is
// said; a named one, a free one and a run with a cap of its own are left alone.
func TestFoundCap(t *testing.T) {
	none := func(string) (string, bool) { return "", false }
	found, err := choose(t.Context(), "", "", &config.Settings{OpenAIKey: "k", From: map[string]string{}}, none)
	if err != nil || found.name != defaultOpenAI || !found.found {
		t.Fatalf("a key alone means %+v, %v", found, err)
	}
	for _, tt := range []struct {
		choice choice
		budget float64
		tokens int
		want   float64
		fails  bool
	}{
		{found, 0, 0, foundCap, false},
		{found, 5, 0, 5, false},
		{found, 0, 1000, foundCap, false},
		{choice{name: defaultOpenAI}, 0, 0, 0, false},
		{choice{name: "openai/unpriced", found: true}, 0, 0, 0, false}, // on a server of one's own
		{choice{name: "azure/panel", found: true}, 0, 0, 0, true},
		{choice{name: "azure/panel", found: true}, 0, 1000, 0, false},
		{choice{name: "azure/panel"}, 0, 0, 0, false},
		{choice{name: rehearsalName}, 0, 0, 0, false},
	} {
		s := &session{p: new(program), f: &runFlags{budget: tt.budget, maxTokens: tt.tokens}, study: &study.Study{}, set: &config.Settings{}, choice: tt.choice}
		if err := s.settleCaps(); (err != nil) != tt.fails || err != nil && !strings.Contains(err.Error(), "Name it: --model azure/panel, or set a limit that can be kept: --max-tokens N") {
			t.Errorf("%+v: %v", tt.choice, err)
		}
		if said := strings.Contains(strings.Join(s.warn, "\n"), "capped at $1.00"); s.caps.usd != tt.want || said != (tt.want == foundCap) {
			t.Errorf("%+v, --budget %v: capped at %v, said %v", tt.choice, tt.budget, s.caps.usd, said)
		}
	}
}
