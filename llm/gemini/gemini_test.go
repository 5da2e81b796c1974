package gemini_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/gemini"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

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
		Rejectable: []string{"temperature", "topP", "stopSequences", "thinkingConfig", "responseJsonSchema",
			"responseMimeType"},
	})
}
