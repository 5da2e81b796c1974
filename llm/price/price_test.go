package price_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/price"
)

func TestPrice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		model string
		input float64
		known bool
	}{
		{"openai/gpt-5-mini", 0.25, true},
		{"openai/gpt-5-mini-2025-08-07", 0.25, true},
		{"openai/gpt-5-chat-latest", 1.25, true},
		{"openai/gpt-4o", 2.50, true},
		{"openai/gpt-4o-2024-08-06", 2.50, true},
		{"openai/gpt-4o-2024-05-13", 5, true}, // listed itself
		{"openai/gpt-4-0613", 30, true},
		{"openai/gpt-6-luna", 0.10, true},
		{"openai/gpt-6.1-terra", 1, true},
		{"openai/text-embedding-3-small", 0.02, true},
		{"openai/text-embedding-ada-002", 0.10, true},
		{"anthropic/claude-haiku-5-5", 0.10, true},
		{"anthropic/claude-haiku-4-5-20251001", 1, true},
		{"anthropic/claude-opus-4-5-20251101", 5, true},
		{"anthropic/claude-sonnet-6", 0, false},
		{"anthropic/claude-mythos-preview", 0, false},
		{"anthropic/claude-haiku-5-5-fast", 0, false},
		{"gemini/gemini-3.8-flash", 1.50, true},
		{"gemini/gemini-embedding-001", 0.15, true}, // 001 is no date
		{"gemini/gemini-4-neon", 3, true},
		{"gemini/gemini-3.8-flash-live", 0, false},
		{"gemini/gemini-flash-latest", 0, false}, // whichever that is
		{"gemini/gemma-3-27b-it", 0, false},
		{"rehearsal", 0, true},
		{"ollama/gemma3:4b", 0, true},
		{"openai/gpt-5.9", 0, false},               // begins as a known one does
		{"openai/gpt-4o-audio-preview", 0, false},  // another tariff
		{"openai/gpt-5-mini-2025-08-0x", 0, false}, // no date
		{"azure/gpt-4o", 0, false},                 // a deployment's name says nothing
		{"gpt-5-mini", 0, false},
		{"openai/", 0, false},
		{"", 0, false},
	} {
		var none *price.Table
		p, ok := none.Price(c.model)
		if ok != c.known || p.Input != c.input {
			t.Errorf("%s: %v, %v; want input %v, %v", c.model, p, ok, c.input, c.known)
		}
	}
}

// What is written to a cache has its price where the provider has one, and a budget
// counts with it.
func TestCacheWrites(t *testing.T) {
	t.Parallel()
	for model, want := range map[string]float64{
		"openai/gpt-5.6": 6.25, "openai/gpt-5.6-terra": 2.5, "openai/gpt-5.6-luna-2026-07-01": 0.25, "openai/gpt-6-astra": 12.5,
		"openai/gpt-6.1-sol": 2.5, "openai/gpt-6.1-terra": 1.25, "openai/gpt-5.5": 5, "openai/gpt-5-mini": 0.25, "anthropic/claude-opus-5": 6.25,
	} {
		var none *price.Table
		p, _ := none.Price(model)
		u := llm.Usage{Input: 1e6, CacheWrite: 1e6}
		if got := p.Cost(u); got != want {
			t.Errorf("%s: a million tokens written cost %v, want %v", model, got, want)
		}
		b := llm.NewBudget(&llm.BudgetOptions{USD: 1e-9, Price: none.Price})
		m := llm.Wrap(llmtest.Func(model, func(context.Context, int, *llm.Request) (string, error) { return "x", nil }), llm.Spend(b))
		_, err := m.Generate(t.Context(), &llm.Request{MaxTokens: 1, System: strings.Repeat("x", 1e6)})
		e, ok := errors.AsType[*llm.BudgetError](err)
		if !ok || e.Needed < want {
			t.Errorf("%s: %v; want at least %v set aside", model, err, want)
		}
	}
}

func document(text string) price.Document { return price.Document{Name: "a file", Data: []byte(text)} }

func TestDocument(t *testing.T) {
	t.Parallel()
	table, err := price.Parse(document(`{
		"azure/panel": {"input": 1, "cached_input": 0.5, "cache_write": 1.5, "output": 2},
		"azure/*": {"input": 3, "output": 4},
		"azure/big-*": {"input": 5, "output": 6},
		"openai/gpt-5-mini": {"input": 7, "output": 8},
		"local/free": {"input": 0}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	for model, want := range map[string]llm.Price{
		"azure/panel":                  {Input: 1, CachedInput: 0.5, CacheWrite: 1.5, Output: 2},
		"azure/other":                  {Input: 3, Output: 4},
		"azure/big-one":                {Input: 5, Output: 6},
		"openai/gpt-5-mini":            {Input: 7, Output: 8},
		"openai/gpt-5-mini-2025-08-07": {Input: 7, Output: 8},
		"openai/gpt-5-nano":            {Input: 0.05, CachedInput: 0.005, Output: 0.40},
		"local/free":                   {},
	} {
		if p, ok := table.Price(model); !ok || p != want {
			t.Errorf("%s: %v, %v; want %v", model, p, ok, want)
		}
	}
	for _, bad := range []string{
		``, `[]`, `{"a/b": {}}`, `{"a/b": null}`, `{"a/b": {"input": -1}}`, `{"a/b": {"output": 1}}`,
		`{"a/b": {"input": 1, "outputs": 2}}`, `{"a/b": {"input": "1"}}`, `{"a/b": {"input": 1}} {}`,
	} {
		if _, err := price.Parse(document(bad)); err == nil || !strings.HasPrefix(err.Error(), "a file: prices:") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}

func TestDocuments(t *testing.T) {
	t.Parallel()
	table, err := price.Parse(
		price.Document{Name: "far", Data: []byte(`{"a/b": {"input": 1}, "a/*": {"input": 2}, "c/d": {"input": 3}}`)},
		price.Document{Name: "near", Data: []byte(`{"a/b": {"input": 4}, "a/*": {"input": 5}}`)})
	if err != nil {
		t.Fatal(err)
	}
	for model, want := range map[string]float64{"a/b": 4, "a/x": 5, "c/d": 3} {
		if p, ok := table.Price(model); !ok || p.Input != want {
			t.Errorf("%s: %v, want %v", model, p, want)
		}
	}
	if _, err := price.Parse(price.Document{Name: "good", Data: []byte(`{}`)}, price.Document{Name: "bad", Data: []byte(`{`)}); err == nil || !strings.HasPrefix(err.Error(), "bad: prices:") {
		t.Errorf("error %v", err)
	}
	if none, err := price.Parse(); err != nil {
		t.Error(err)
	} else if _, ok := none.Price("openai/gpt-5-mini"); !ok {
		t.Error("no document hides the table")
	}
	// What is written to Anthropic's cache costs a quarter more than input.
	p, _ := table.Price("anthropic/claude-haiku-4-5")
	if c := p.Cost(llm.Usage{Input: 3e6, CachedInput: 1e6, CacheWrite: 1e6, Output: 1e6}); c != 1+0.1+1.25+5 {
		t.Errorf("cost %v", c)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"a/*": {"input": 1, "cached_input": 0.5, "output": 2}}`)
	f.Fuzz(func(t *testing.T, doc string) {
		table, err := price.Parse(document(doc))
		if err != nil {
			return
		}
		if p, ok := table.Price("a/b"); ok && p.Cost(llm.Usage{Input: 10, CachedInput: 5, Output: 10}) < 0 {
			t.Errorf("%s: negative cost", doc)
		}
	})
}

func ExampleTable_Price() {
	var table price.Table
	p, ok := table.Price("openai/gpt-5-mini-2025-08-07")
	fmt.Println(ok)
	fmt.Printf("%.6f USD\n", p.Cost(llm.Usage{Input: 2000, CachedInput: 1800, Output: 100}))
	_, ok = table.Price("openai/some-model-of-next-year")
	fmt.Println(ok)
	// Output:
	// true
	// 0.000295 USD
	// false
}
