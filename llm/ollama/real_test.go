package ollama_test

import (
	"encoding/json"
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
	"github.com/tinytroupe-go/tinytroupe/llm/ollama"
)

var realHost = flag.String("ollama-host", os.Getenv("TINYTROUPE_TEST_OLLAMA_HOST"), "a real Ollama on loopback, such as 127.0.0.1:11434")

// realModel skips where no real server is named. The smallest model that speaks, or
// embeds, is used.
func realModel(t *testing.T, embeds bool) (*ollama.Endpoint, string) {
	t.Helper()
	if *realHost == "" {
		t.Skip("NOT RUN against a real Ollama. To run: start one on loopback that has a small model " +
			"and set TINYTROUPE_TEST_OLLAMA_HOST=127.0.0.1:11434")
	}
	address, err := ollama.Address(*realHost)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !a.IsLoopback()) {
		t.Fatalf("%s is not on loopback: tests cost nothing and send nothing elsewhere", address)
	}
	e, err := ollama.NewEndpoint(&ollama.Options{Host: *realHost, MaxTokens: 200})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	models, err := e.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	best := ollama.ModelInfo{}
	for _, m := range models {
		if m.Embeds() == embeds && (best.Name == "" || m.Size < best.Size) {
			best = m
		}
	}
	if best.Name == "" {
		t.Skipf("NOT RUN: %s has no such model (embeds: %v) among %v", address, embeds, models)
	}
	return e, best.Name
}

func TestReal(t *testing.T) {
	e, id := realModel(t, false)
	m, err := e.Model(id)
	if err != nil {
		t.Fatal(err)
	}
	has, err := m.Context(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s, %d tokens", m.Name(), has)

	t.Run("answer", func(t *testing.T) {
		req := hello()
		req.Temperature, req.TopP, req.Stop = new(0.0), new(0.9), []string{"\n\n\n"}
		resp, err := m.Generate(t.Context(), req)
		if err != nil || resp.Usage.Input < 5 || resp.Usage.Output < 1 || resp.Model == "" {
			t.Fatalf("%+v, %v", resp, err)
		}
		t.Logf("%q, %+v", resp.Text, resp.Usage)
	})
	t.Run("effort", func(t *testing.T) {
		req := hello()
		req.Effort, req.MaxTokens = "low", 50
		if _, err := m.Generate(t.Context(), req); err != nil && !errors.Is(err, llm.ErrTruncated) {
			t.Error(err)
		}
	})
	// Bounds, and what grammars cannot say: an unanchored pattern, one that looks
	// ahead, a format that is not known, a bound of many characters.
	t.Run("schema", func(t *testing.T) {
		type answer struct {
			Mood  string   `json:"mood"`
			Words []string `json:"words"`
			Age   int      `json:"age"`
		}
		schema := `{"type":"object","properties":{"mood":{"type":"string","enum":["good","bad"]},` +
			`"words":{"type":"array","items":{"type":"string","maxLength":12,"pattern":"^[a-z]+$"},"minItems":1,"maxItems":2},"age":{"type":"integer","minimum":18,"maximum":99},` +
			`"site":{"type":"string","format":"uri","maxLength":20},"a":{"type":"string","pattern":"(?=x)","maxLength":20},"b":{"type":"string","pattern":"[0-9]","maxLength":2000},` +
			`"c":{"type":"string","pattern":"^\\d+$","maxLength":5}},"required":["mood","words","age"],"additionalProperties":false}`
		req := &llm.Request{System: "You are Lisa, a baker.", Messages: []llm.Message{llm.Text(llm.User, "How are you today?")}, Temperature: new(0.0)}
		req.Schema, req.MaxTokens = &llm.Schema{Name: "answer", Body: []byte(schema)}, 2000
		resp, err := m.Generate(t.Context(), req)
		if err != nil && !errors.Is(err, llm.ErrTruncated) {
			t.Fatal(err)
		}
		t.Logf("%.300s, %+v", resp.Text, resp.Usage)
		var got answer
		if err == nil && (json.Unmarshal([]byte(resp.Text), &got) != nil || got.Mood != "good" && got.Mood != "bad" || len(got.Words) < 1 || len(got.Words) > 2 || got.Age < 18 || got.Age > 99) {
			t.Errorf("%s", resp.Text)
		}
		if a := m.Adapted(); a != nil {
			t.Errorf("adapted: %q", a)
		}
	})
	t.Run("token limit", func(t *testing.T) {
		req := &llm.Request{Messages: []llm.Message{llm.Text(llm.User, "Tell a long story about a dragon.")}, MaxTokens: 5, Temperature: new(0.0)}
		if resp, err := m.Generate(t.Context(), req); !errors.Is(err, llm.ErrTruncated) || resp == nil || resp.Usage.Output != 5 {
			t.Errorf("%+v, %v", resp, err)
		}
	})
	t.Run("too long", func(t *testing.T) {
		const size = 1024 // reading all that the model can have takes minutes
		small, err := ollama.New(id, &ollama.Options{Host: *realHost, NumCtx: size})
		if err != nil {
			t.Fatal(err)
		}
		defer small.Close()
		parts := func(n int) []llm.Message {
			var list []llm.Message
			for range n {
				list = append(list, llm.Text(llm.User, strings.Repeat("word ", size*13/10/n)))
			}
			return list
		}
		for _, n := range []int{1, 40} {
			_, err := small.Generate(t.Context(), &llm.Request{System: "Be brief.", Messages: parts(n), MaxTokens: 1})
			if !errors.Is(err, llm.ErrTooLong) {
				t.Errorf("in %d messages: %v", n, err)
			}
			t.Log(err)
		}
	})
	t.Run("image to a model without eyes", func(t *testing.T) {
		info, err := e.Show(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := m.Generate(t.Context(), &llm.Request{Messages: []llm.Message{{Role: llm.User, Parts: []llm.Part{{Text: "Look"}, {Image: &llm.Image{MediaType: "image/png", Data: []byte("\x89PNG")}}}}}})
		t.Logf("%v: %v, %v", info.Capabilities, resp, err)
		if err == nil || errors.Is(err, llm.ErrTransient) {
			t.Error("an image that nobody sees must be an error, and not one that is tried again")
		}
	})
	t.Run("together", func(t *testing.T) {
		var wg sync.WaitGroup
		for range 3 {
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
	t.Run("missing", func(t *testing.T) {
		missing, err := e.Model("no-such-model")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := missing.Generate(t.Context(), hello()); !errors.Is(err, llm.ErrNotFound) || !strings.Contains(err.Error(), "ollama pull no-such-model") {
			t.Error(err)
		}
	})
}

func TestRealEmbeddings(t *testing.T) {
	e, id := realModel(t, true)
	m, err := e.Embedder(id)
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
	if _, _, err := m.Embed(t.Context(), []string{strings.Repeat("word ", 9000)}); !errors.Is(err, llm.ErrTooLong) {
		t.Errorf("too long: %v", err)
	}
}
