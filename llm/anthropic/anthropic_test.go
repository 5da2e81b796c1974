package anthropic_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/anthropic"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

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
	})
}
