package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

func TestAdvice(t *testing.T) {
	azure := &stack{of: &provider{name: "azure", title: "Azure OpenAI", keyName: "AZURE_OPENAI_KEY", urlName: "AZURE_OPENAI_ENDPOINT"}}
	for _, c := range []struct {
		st        *stack
		err       error
		run, chat string // where there is a command that goes on, and where there is none
	}{
		{azure, llm.ErrAuth, "check the key (AZURE_OPENAI_KEY), then AGAIN", "check the key (AZURE_OPENAI_KEY)"},
		{azure, llm.ErrNotFound, "check the model's name and the server's address (AZURE_OPENAI_ENDPOINT), then AGAIN", "check the model's name and the server's address (AZURE_OPENAI_ENDPOINT)"},
		{&stack{}, llm.ErrQuota, "add credit, then AGAIN", "add credit"},
		{azure, llm.ErrTransient, "AGAIN", ""},
		{azure, llm.ErrTooLong, "use a model with a larger context, or shorter texts, and run it anew", "use a model with a larger context, or shorter texts, and run it anew"},
	} {
		err := fmt.Errorf("turn: %w", c.err)
		if got := c.st.advice(err, "AGAIN"); got != c.run {
			t.Errorf("%v: %q, want %q", err, got, c.run)
		}
		if got := c.st.advice(err, ""); got != c.chat {
			t.Errorf("%v, in a chat: %q, want %q", err, got, c.chat)
		}
	}
}

// TestNobodyAnswers: where no server takes connections, the advice names the address
// and what to start, in a run and in a chat.
func TestNobodyAnswers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	study, err := filepath.Abs("study.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := "people: {ann: {persona: {name: Ann}}, desk: {http: {url: 'http://" + at + "/chat', reply: /answer}}}\nscript: [{say: Ask desk for the opening hours., to: ann}, {run: 2}]\n"
	for name, data := range map[string]string{"config.ini": "[OpenAI]\nMAX_ATTEMPTS=1\n", "study.yaml": text} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for want, c := range map[string][]string{
		"next  start the server at http://" + at + "/v1, or say where it is (OPENAI_BASE_URL), then tinytroupe resume ": {"run", study, "--model", "openai/x"},
		"next  start the server at http://" + at + "/v1, or say where it is (OPENAI_BASE_URL)\n":                        {"chat", "lisa", "--model", "openai/x"},
		"Start the server at http://" + at + "/v1, or say where it is: OPENAI_BASE_URL":                                 {"models", "openai"},
		"next  start what should answer at " + at + ", then tinytroupe resume ":                                         {"run", study, "--model", "rehearsal"},
	} {
		var out, errs bytes.Buffer
		p := &program{
			stdin: strings.NewReader("Hello\n"), stdout: &out, stderr: &errs, terminal: func() bool { return false },
			env: func(name string) (string, bool) { return "http://" + at + "/v1", name == "OPENAI_BASE_URL" },
		}
		if code := p.main(t.Context(), c); code != exitFailed || !strings.Contains(errs.String(), want) {
			t.Errorf("%v: exit %d, %q is not in\n%s", c, code, want, errs.String())
		}
	}
}

// TestRefusedKey: a key that a server of one's own refuses is an error before any call,
// which names the variable, whether or not a model is named.
func TestRefusedKey(t *testing.T) {
	t.Chdir(t.TempDir())
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			calls.Add(1)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}`)
	}))
	defer s.Close()
	env := map[string]string{"OPENAI_BASE_URL": s.URL, "OPENAI_API_KEY": secret}
	for _, args := range [][]string{{"chat", "lisa"}, {"chat", "lisa", "--model", "openai/x"}, {"models", "openai"}} {
		e := command(t, t.Context(), env, args...)
		if e.code != exitFailed || !strings.Contains(e.stderr, "\nIs OPENAI_API_KEY right?") || strings.Contains(e.stderr, secret) {
			t.Errorf("%v: exit %d\n%s", args, e.code, e.stderr)
		}
	}
	if n := calls.Load(); n > 0 {
		t.Errorf("%d calls", n)
	}
}
