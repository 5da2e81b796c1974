package openai_test

import (
	"errors"
	"flag"
	"math"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
)

var (
	realURL  = flag.String("openai-url", os.Getenv("TINYTROUPE_TEST_OPENAI_URL"), "base URL of a real chat model on loopback, such as http://127.0.0.1:9922/v1")
	embedURL = flag.String("openai-embed-url", os.Getenv("TINYTROUPE_TEST_OPENAI_EMBED_URL"), "the same of an embedding model")
)

// realEndpoint skips where no real server is named. Its first model is used.
func realEndpoint(t *testing.T, name, base string) (*openai.Endpoint, openai.ModelInfo) {
	if base == "" {
		t.Skipf("NOT RUN against a real model. To run: start a server that speaks OpenAI's API on loopback (llama-server, Ollama…) "+
			"and set %s=http://127.0.0.1:PORT/v1", name)
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !a.IsLoopback()) {
		t.Fatalf("%s=%s is not on loopback: tests cost nothing and send nothing elsewhere", name, base)
	}
	e, err := openai.NewEndpoint(&openai.Options{BaseURL: base, Provider: "local", MaxTokens: 200})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	models, err := e.Models(t.Context())
	if err != nil || len(models) == 0 {
		t.Fatalf("models: %v, %v", models, err)
	}
	return e, models[0]
}

func TestReal(t *testing.T) {
	e, info := realEndpoint(t, "TINYTROUPE_TEST_OPENAI_URL", *realURL)
	m, err := e.Model(info.ID)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s, %d tokens of context", m.Name(), info.Context)

	t.Run("answer", func(t *testing.T) {
		req := hello()
		req.Temperature, req.TopP, req.Stop, req.Effort = new(0.0), new(0.9), []string{"\n\n\n"}, "low"
		resp, err := m.Generate(t.Context(), req)
		if err != nil || resp.Text == "" || resp.Usage.Input < 5 || resp.Usage.Output < 1 || resp.Model == "" {
			t.Fatalf("%+v, %v", resp, err)
		}
		t.Logf("%q, %+v", resp.Text, resp.Usage)
	})
	t.Run("schema", func(t *testing.T) {
		type answer struct {
			Mood   string   `json:"mood"`
			Words  []string `json:"words"`
			Age    int      `json:"age"`
			Reason string   `json:"reason,omitempty"`
		}
		req := &llm.Request{System: "You are Lisa, a baker.", Messages: []llm.Message{llm.Text(llm.User, "How are you today?")}, Temperature: new(0.0)}
		req.Schema = &llm.Schema{Name: "answer", Body: []byte(`{"type":"object","properties":{"mood":{"type":"string","enum":["good","bad"]},` +
			`"words":{"type":"array","items":{"type":"string","maxLength":12},"minItems":1,"maxItems":2},"age":{"type":"integer","minimum":18,"maximum":99},` +
			`"reason":{"type":"string","maxLength":60}},"required":["mood","words","age"],"additionalProperties":false}`)}
		got, resp, err := llm.Ask[answer](t.Context(), m, req)
		if err != nil || got.Mood != "good" && got.Mood != "bad" || len(got.Words) < 1 || len(got.Words) > 2 || got.Age < 18 || got.Age > 99 {
			t.Fatalf("%+v, %+v, %v", got, resp, err)
		}
		for _, w := range append(got.Words, strings.Repeat("x", max(0, len([]rune(got.Reason))-48))) {
			if len([]rune(w)) > 12 {
				t.Errorf("%q is longer than its bound, which the server should enforce", w)
			}
		}
		t.Logf("%s, %+v", resp.JSON, resp.Usage)
	})
	t.Run("prefix cache", func(t *testing.T) {
		req := hello()
		req.System = strings.Repeat("A long beginning that stays. ", 40)
		var last *llm.Response
		for range 2 {
			if last, err = m.Generate(t.Context(), req); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("%+v", last.Usage)
		if last.Usage.CachedInput < 100 {
			t.Error("the second call found nothing in the server's cache")
		}
	})
	t.Run("token limit", func(t *testing.T) {
		req := &llm.Request{Messages: []llm.Message{llm.Text(llm.User, "Tell a long story about a dragon.")}, MaxTokens: 5, Temperature: new(0.0)}
		resp, err := m.Generate(t.Context(), req)
		if !errors.Is(err, llm.ErrTruncated) || resp == nil || resp.Usage.Output != 5 {
			t.Errorf("%+v, %v", resp, err)
		}
	})
	t.Run("too long", func(t *testing.T) {
		if info.Context == 0 {
			t.Skip("the server does not say how much fits")
		}
		_, err := m.Generate(t.Context(), &llm.Request{Messages: []llm.Message{llm.Text(llm.User, strings.Repeat("word ", info.Context+500))}})
		if !errors.Is(err, llm.ErrTooLong) {
			t.Errorf("%v", err)
		}
		t.Log(err)
	})
	t.Run("image to a model without eyes", func(t *testing.T) {
		_, err := m.Generate(t.Context(), &llm.Request{Messages: []llm.Message{{Role: llm.User, Parts: []llm.Part{{Text: "Look"}, {Image: &llm.Image{MediaType: "image/png", Data: []byte("\x89PNG")}}}}}})
		if err == nil || errors.Is(err, llm.ErrTransient) {
			t.Errorf("%v", err)
		}
		t.Log(err)
	})
	t.Run("together", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				req := hello()
				req.MaxTokens = 40
				if _, err := m.Generate(t.Context(), req); err != nil && !errors.Is(err, llm.ErrTruncated) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	})
	if a := m.Adapted(); a != nil {
		t.Logf("adapted: %q", a)
	}
}

func TestRealEmbeddings(t *testing.T) {
	e, info := realEndpoint(t, "TINYTROUPE_TEST_OPENAI_EMBED_URL", *embedURL)
	m, err := e.Embedder(info.ID)
	if err != nil {
		t.Fatal(err)
	}
	v, usage, err := m.Embed(t.Context(), []string{"A cat sleeps on the sofa.", "A kitten naps on the couch.", "The central bank raised interest rates."})
	if err != nil {
		t.Fatal(err)
	}
	dot := func(a, b []float32) float64 {
		var ab, aa, bb float64
		for i := range a {
			ab, aa, bb = ab+float64(a[i])*float64(b[i]), aa+float64(a[i])*float64(a[i]), bb+float64(b[i])*float64(b[i])
		}
		return ab / math.Sqrt(aa*bb)
	}
	if near, far := dot(v[0], v[1]), dot(v[0], v[2]); near < far+0.2 {
		t.Errorf("near %.2f, far %.2f", near, far)
	}
	t.Logf("%s: %d numbers, %+v", m.Name(), len(v[0]), usage)
}
