package main

import (
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// TestProvidersPage: docs/providers.md has each provider as the command has it.
func TestProvidersPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	none := func(string) (string, bool) { return "", false }
	s, err := config.Load(nil, &config.Options{Env: none})
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| .*\\| .*\\|.*\\|$").FindAllStringSubmatch(string(page), -1) {
		name := row[1]
		if slices.Contains(rows, name) {
			continue // of a later table
		}
		rows = append(rows, name)
		if name == rehearsalName {
			continue
		}
		p, err := providerOf(name, s, none)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{p.url, p.keyName, p.urlName} {
			if !strings.Contains(row[0], want) {
				t.Errorf("%s: %s is not in %s", name, want, row[0])
			}
		}
		if p.local != strings.Contains(row[0], "| none") {
			t.Errorf("%s: local %v, and the page says %s", name, p.local, row[0])
		}
	}
	if !slices.Equal(rows, providerNames()) {
		t.Errorf("the page has %q, the command %q", rows, providerNames())
	}
}

// TestLeastEffort: who knows no minimal effort is asked for the least that it knows.
func TestLeastEffort(t *testing.T) {
	for _, c := range []struct {
		provider, want string
		wire           llmtest.Dialect
	}{
		{"anthropic", "low", llmtest.Anthropic()}, {"gemini", "minimal", llmtest.Gemini()},
		{"ollama", "", llmtest.Ollama()}, {"openai", "minimal", llmtest.OpenAI()},
	} {
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: c.wire, Keep: true})
		p := &provider{name: c.provider, url: s.URL, key: "k"}
		if c.provider == "gemini" {
			p.url += "/v1beta"
		}
		e, err := p.endpoint(&config.Settings{ReasoningEffort: "minimal"}, slog.New(slog.DiscardHandler), 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(e.close)
		m, err := e.model("test-model")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.Generate(t.Context(), &llm.Request{Messages: []llm.Message{llm.Text(llm.User, "Hi")}}); err != nil {
			t.Fatal(err)
		}
		if got := s.Calls()[0].Request.Effort; got != c.want {
			t.Errorf("%s: asked for effort %q, want %q", c.provider, got, c.want)
		}
	}
}
