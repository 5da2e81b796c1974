package llmtest

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// canary is what must not be seen anywhere, in whatever case.
const canary = "sk-Canary-0123456789ABCDefghij"

// secrets: the key reaches the server, and nothing else, even where the server
// repeats it.
func (k *kit) secrets(t *testing.T) {
	for _, kind := range []FaultKind{None, Echo, Auth, Reset, Truncated} {
		s, m := k.server(t, ServerOptions{
			Faults: Always(Fault{Kind: kind}),
			Reply:  func(int, *llm.Request) (string, error) { return "your key is " + canary, nil },
		})
		resp, err := m.Generate(bounded(t), ask("Hello"))
		if kind == None {
			if !k.o.NoKey && !sent(s.Calls()[0]) {
				t.Error("the key did not reach the server")
			}
		} else if err == nil {
			t.Errorf("%s: no error", kind)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			noCanary(t, string(kind), fmt.Sprintf("%v %+v %#v", e, e, e))
		}
		noCanary(t, string(kind), fmt.Sprintf("%v %+v %#v", m, m, m))
		if resp != nil {
			noCanary(t, string(kind), fmt.Sprintf("%+v", resp))
		}
	}
}

// logged: nor is the key in the log, where a refusal repeats the request.
func (k *kit) logged(t *testing.T) {
	if k.o.Logged == nil || len(k.o.Rejectable) == 0 {
		t.Skip("this vendor has no log, or leaves nothing out")
	}
	var log bytes.Buffer
	s := NewServer(t, &ServerOptions{Dialect: k.o.Dialect, Reply: kitReply,
		Faults: Sequence(Fault{Kind: EchoRefusal, Param: k.o.Rejectable[0]})})
	m := k.o.Logged(t, s.URL, canary, slog.New(slog.NewTextHandler(&log, nil)))
	generate(t, m, full())
	if !strings.Contains(log.String(), "not supported with this model") {
		t.Errorf("the log does not say what was refused: %s", &log)
	}
	noCanary(t, "log", log.String())
}

func sent(c *Call) bool {
	for _, values := range c.HTTP.Header {
		for _, v := range values {
			if strings.Contains(v, canary) {
				return true
			}
		}
	}
	return c.HTTP.URL.Query().Get("key") == canary
}

func noCanary(t *testing.T, where, text string) {
	t.Helper()
	if i := strings.Index(strings.ToLower(text), strings.ToLower(canary[:16])); i >= 0 {
		t.Errorf("%s: the key is shown: …%s", where, text[max(0, i-60):])
	}
}
