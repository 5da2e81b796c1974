package llmtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// TestEmbedder puts a vendor's embedder through what this module relies on, as
// [TestModel] does a model. newEmbedder returns an embedder named test-model. Of the
// options Dialect, Skip, NoKey and NoCounts are read.
func TestEmbedder(t *testing.T, newEmbedder func(t *testing.T, url, key string) llm.Embedder, o *TestOptions) {
	k := kit{}
	if o != nil {
		k.o = *o
	}
	if k.o.Dialect == nil {
		k.o.Dialect = OpenAI()
	}
	serve := func(t *testing.T, o ServerOptions) (*Server, llm.Embedder) {
		o.Dialect, o.Keep = k.o.Dialect, true
		s := NewServer(t, &o)
		return s, newEmbedder(t, s.URL, canary)
	}
	t.Run("vectors", func(t *testing.T) {
		s, m := serve(t, ServerOptions{})
		if !strings.HasSuffix(m.Name(), "/test-model") {
			t.Errorf("Name() = %q, want PROVIDER/test-model", m.Name())
		}
		texts := make([]string, 700) // more than one request takes
		for i := range texts {
			texts[i] = fmt.Sprintf("text %d about %s <&> \"q\"", i, []string{"bread", "rain", "Åsa"}[i%3])
		}
		v, usage, err := m.Embed(bounded(t), texts)
		if err != nil || len(v) != len(texts) {
			t.Fatalf("%d vectors, %v", len(v), err)
		}
		for i, text := range texts {
			if !slices.Equal(v[i], Embed(text)) {
				t.Fatalf("vector %d is not that of its text", i)
			}
		}
		if usage.Input != s.Stats().Input || usage.Output != 0 {
			t.Errorf("usage %+v, and the server counted %d", usage, s.Stats().Input)
		}
		if !k.o.NoKey && !sent(s.Calls()[0]) {
			t.Error("the key did not reach the server")
		}
		if v, _, err := m.Embed(bounded(t), nil); len(v) != 0 || err != nil {
			t.Errorf("no texts: %v, %v", v, err)
		}
	})
	t.Run("errors", func(t *testing.T) {
		for kind, want := range map[FaultKind]error{Rate: llm.ErrRate, ServerError: llm.ErrTransient, NotFound: llm.ErrNotFound, Auth: llm.ErrAuth,
			TooLong: llm.ErrTooLong, Reset: llm.ErrTransient, Truncated: llm.ErrTransient, NotJSON: llm.ErrTransient} {
			if slices.Contains(k.o.Skip, kind) {
				continue
			}
			_, m := serve(t, ServerOptions{Faults: Always(Fault{Kind: kind})})
			v, _, err := m.Embed(bounded(t), []string{"a", "b"})
			var e *llm.Error
			if !errors.Is(err, want) || !errors.As(err, &e) || e.Provider != m.Name() || v != nil {
				t.Errorf("%s: %v, %v (%T), want %v", kind, v, err, err, want)
			}
			noCanary(t, string(kind), fmt.Sprintf("%v %+v %#v %+v", err, err, err, m))
		}
	})
	t.Run("wrong answers", func(t *testing.T) {
		for name, embed := range map[string]func(string) []float32{
			"no numbers":   func(string) []float32 { return []float32{} },
			"other length": func(text string) []float32 { return make([]float32, 1+len(text)) },
		} {
			_, m := serve(t, ServerOptions{Embed: embed})
			if v, _, err := m.Embed(bounded(t), []string{"a", "bcd"}); err == nil {
				t.Errorf("%s: %v, and no error", name, v)
			}
		}
	})
	t.Run("cancel", func(t *testing.T) {
		_, m := serve(t, ServerOptions{Faults: Always(Fault{Kind: Hang})})
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, _, err := m.Embed(ctx, []string{"a"}); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, llm.ErrTransient) {
			t.Errorf("%v, want context.DeadlineExceeded and nothing that is retried", err)
		}
	})
}
