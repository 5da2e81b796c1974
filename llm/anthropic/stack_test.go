package anthropic_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/anthropic"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// Through Ask and Retry, a server that fails at every second call loses no answer and
// changes none.
func TestFaultyServerLosesNothing(t *testing.T) {
	kinds := []llmtest.FaultKind{llmtest.Rate, llmtest.ServerError, llmtest.Reset, llmtest.Truncated, llmtest.NotJSON,
		llmtest.Fenced, llmtest.Prose, llmtest.Empty, llmtest.WrongTypes, llmtest.Length}
	s := llmtest.NewServer(t, &llmtest.ServerOptions{
		Dialect: llmtest.Anthropic(),
		Faults: func(n int) llmtest.Fault {
			if n%2 == 0 {
				return llmtest.Fault{}
			}
			return llmtest.Fault{Kind: kinds[n/2%len(kinds)]}
		},
		Reply: func(_ int, req *llm.Request) (string, error) {
			return fmt.Sprintf(`{"said":%q}`, req.Messages[0].Parts[0].Text), nil
		},
		Reject: []string{"temperature"},
	})
	m := llm.Wrap(newModel(t, &anthropic.Options{BaseURL: s.URL}), llm.Retry(&llm.RetryOptions{First: time.Millisecond, Longest: 2 * time.Millisecond}))
	type reply struct {
		Said string `json:"said"`
	}
	for i := range 60 {
		want := fmt.Sprint("question ", i)
		req := &llm.Request{Messages: []llm.Message{llm.Text(llm.User, want)}, Temperature: new(0.5), MaxTokens: 500}
		got, _, err := llm.Ask[reply](t.Context(), m, req)
		if err != nil || got.Said != want {
			t.Errorf("%q: got %q, %v", want, got.Said, err)
		}
	}
	if n := s.Stats().Calls; n < 90 {
		t.Errorf("%d calls: the faults did not happen", n)
	}
}
