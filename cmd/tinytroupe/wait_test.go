package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

// TestLongWait: that a server asks to be left alone for seconds is said, and said once.
func TestLongWait(t *testing.T) {
	t.Parallel()
	for after, want := range map[time.Duration]int{2 * time.Second: 1, time.Second: 0} {
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: reader{rehearsal.New(nil)}, Faults: func(n int) llmtest.Fault {
			if n == 1 || n == 3 {
				return llmtest.Fault{Kind: llmtest.Rate, RetryAfter: after}
			}
			return llmtest.Fault{}
		}})
		env := map[string]string{"OPENAI_BASE_URL": s.URL}
		e := command(t, t.Context(), env, "run", "../../examples/simple-chat/study.yaml", "--model", "openai/test-model", "--parallel", "1",
			"--dir", filepath.Join(t.TempDir(), "r"))
		if n := strings.Count(e.stderr, "before a call is tried again (said once): openai/test-model: "); e.code != exitDone || n != want {
			t.Errorf("Retry-After %v: exit %d, said %d times\n%s", after, e.code, n, e.stderr)
		}
	}
}
