package openai_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
)

func azure(t *testing.T, resource, version, key string) *openai.Endpoint {
	t.Helper()
	e, err := openai.NewAzure(resource, version, &openai.Options{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e
}

// Azure's newer and older addresses.
func TestConformanceAzure(t *testing.T) {
	for _, version := range []string{"", "2024-10-21"} {
		t.Run("version "+version, func(t *testing.T) {
			o := &llmtest.TestOptions{
				Dialect:    llmtest.Azure(),
				Rejectable: []string{"temperature", "top_p", "max_completion_tokens", "reasoning_effort", "stop", "response_format", "maxLength"},
			}
			llmtest.TestModel(t, func(t *testing.T, url, key string) llm.Model {
				m, err := azure(t, url, version, key).Model("test-model")
				if err != nil {
					t.Fatal(err)
				}
				return m
			}, o)
			llmtest.TestEmbedder(t, func(t *testing.T, url, key string) llm.Embedder {
				m, err := azure(t, url, version, key).Embedder("test-model")
				if err != nil {
					t.Fatal(err)
				}
				return m
			}, o)
		})
	}
}

func TestEmbedderConformance(t *testing.T) {
	llmtest.TestEmbedder(t, func(t *testing.T, url, key string) llm.Embedder {
		m, err := openai.NewEmbedder("test-model", &openai.Options{BaseURL: url + "/v1", Key: key})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Close)
		return m
	}, nil)
}

// Whatever form of its address somebody copies, the same place is asked.
func TestAzureAddress(t *testing.T) {
	a := serve(t, always(200, nil, okReply))
	for _, c := range []struct{ resource, version, want string }{
		{"", "", "/openai/v1/chat/completions"},
		{"/", "", "/openai/v1/chat/completions"},
		{"/openai", "", "/openai/v1/chat/completions"},
		{"/openai/v1/", "", "/openai/v1/chat/completions"},
		{"", "2024-10-21", "/openai/deployments/panel%201/chat/completions?api-version=2024-10-21"},
		{"/openai/deployments/x/chat/completions?api-version=2024-06-01", "", "/openai/deployments/panel%201/chat/completions?api-version=2024-06-01"},
		{"/gate/way", "2024-10-21", "/gate/way/openai/deployments/panel%201/chat/completions?api-version=2024-10-21"},
	} {
		m, err := azure(t, a.URL+c.resource, c.version, "k").Model("panel 1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Generate(t.Context(), hello()); err != nil {
			t.Errorf("%q: %v", c.resource, err)
		}
		if _, uri := a.last(); uri != c.want {
			t.Errorf("%q %q: asked %s, want %s", c.resource, c.version, uri, c.want)
		}
	}
	for _, bad := range []string{"", "name.openai.azure.com", "ftp://x"} {
		if _, err := openai.NewAzure(bad, "", nil); err == nil || !strings.Contains(err.Error(), "openai.azure.com") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// Azure's filter says what it found, and so does the error.
func TestAzureFilter(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Azure(), Faults: llmtest.Always(llmtest.Fault{Kind: llmtest.FilterCall})})
	m, err := azure(t, s.URL, "", "k").Model("panel")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Generate(t.Context(), hello()); !errors.Is(err, llm.ErrFiltered) || !strings.Contains(err.Error(), "(filtered for hate: high, jailbreak)") {
		t.Errorf("%v", err)
	}
}

// What compatible servers report as cached is read in their forms.
func TestUsageForms(t *testing.T) {
	for usage, want := range map[string]llm.Usage{
		`{"prompt_tokens":100,"completion_tokens":7,"prompt_cache_hit_tokens":64,"prompt_cache_miss_tokens":36}`:                                      {Input: 100, CachedInput: 64, Output: 7}, // DeepSeek
		`{"prompt_tokens":100,"completion_tokens":7,"prompt_tokens_details":{"cached_tokens":64},"completion_tokens_details":{"reasoning_tokens":3}}`: {Input: 100, CachedInput: 64, Output: 7, Reasoning: 3},
		`{"prompt_tokens":100,"completion_tokens":7,"prompt_tokens_details":null}`:                                                                    {Input: 100, Output: 7}, // vLLM
		`null`: {},
	} {
		a := serve(t, always(200, nil, `{"choices":[{"message":{"content":"fine"},"finish_reason":"stop"}],"usage":`+usage+`}`))
		resp, err := newModel(t, &openai.Options{BaseURL: a.URL}).Generate(t.Context(), hello())
		if err != nil || resp.Usage != want {
			t.Errorf("%s: %+v, %v", usage, resp, err)
		}
	}
}

func TestPresets(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range openai.Presets() {
		u, err := url.Parse(p.BaseURL)
		if err != nil || strings.HasSuffix(p.BaseURL, "/") || p.Local != (u.Hostname() == "127.0.0.1") || !p.Local && u.Scheme != "https" {
			t.Errorf("%s: %s, local %v, %v", p.Name, p.BaseURL, p.Local, err)
		}
		up := strings.ToUpper(p.Name)
		if p.KeyEnv != up+"_API_KEY" || p.URLEnv != up+"_BASE_URL" || p.Title == "" || seen[p.BaseURL] {
			t.Errorf("%+v", p)
		}
		seen[p.BaseURL] = true
		if q, ok := openai.PresetOf(p.Name); q != p || !ok {
			t.Errorf("%s is not found", p.Name)
		}
		if _, err := openai.NewEndpoint(&openai.Options{BaseURL: p.BaseURL, Provider: p.Name}); err != nil {
			t.Error(err)
		}
	}
	if _, ok := openai.PresetOf("openai"); ok {
		t.Error("openai is no preset")
	}
}

func ExamplePresetOf() {
	p, ok := openai.PresetOf("groq")
	fmt.Println(ok, p.BaseURL, p.KeyEnv)
	m, err := openai.New("llama-3.3-70b-versatile", &openai.Options{BaseURL: p.BaseURL, Provider: p.Name, Key: "…"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Name())
	// Output:
	// true https://api.groq.com/openai/v1 GROQ_API_KEY
	// groq/llama-3.3-70b-versatile
}
