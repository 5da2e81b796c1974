// Package price knows what models cost.
//
// The table is a snapshot, dated [Date]. It holds standard list prices in US dollars
// per million tokens. Surcharges are not in it: for long prompts (above 272,000 tokens
// at OpenAI, above 200,000 for Gemini's Pro models, above 100,000 for Claude Haiku 5.5),
// for fast or regional processing; nor are discounts for batches.
// What is not in it is unknown, which under a budget in money is an error: give
// prices of your own with [Parse].
package price

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// Date is that of the newest dated source of the table: for OpenAI's models it is
// 2026-10-26, for Anthropic's 2026-10-24, for Google's 2026-11-22. The sources are
// public notes on the vendors' price pages, of 2025 to then, and copies of some of the
// pages, not the pages themselves. Where a temporary discount was known, the table has
// the price without it.
const Date = "2026-11-22"

// A Table finds prices by model name. The zero value knows what is in this package.
type Table struct {
	own      map[string]llm.Price
	patterns map[string]llm.Price // by prefix, without the star
}

// A Document is prices of one's own, and where they come from.
type Document struct {
	Name string // for errors
	Data []byte
}

// Parse returns a table in which the prices of JSON documents come first, those of a
// later one before those of an earlier:
//
//	{"azure/panel": {"input": 0.25, "cached_input": 0.025, "output": 2}, "gemini/*": …}
//
// Keys are model names, provider/name; one that ends in * holds for all that begin
// so, the longest first. cached_input, for input that the provider has seen, and
// cache_write, for input that it was asked to remember, may be left out: then it costs
// as much as other input.
func Parse(docs ...Document) (*Table, error) {
	t := &Table{own: map[string]llm.Price{}, patterns: map[string]llm.Price{}}
	for _, d := range docs {
		if err := t.add(d.Data); err != nil {
			return nil, fmt.Errorf("%s: %w", d.Name, err)
		}
	}
	return t, nil
}

func (t *Table) add(data []byte) error {
	var doc map[string]*struct {
		Input       *float64 `json:"input"`
		CachedInput float64  `json:"cached_input"`
		CacheWrite  float64  `json:"cache_write"`
		Output      float64  `json:"output"`
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&doc); err != nil {
		return fmt.Errorf("prices: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("prices: something follows the JSON object")
	}
	for name, p := range doc {
		if p == nil || p.Input == nil {
			return fmt.Errorf("prices: %s: no input price", name)
		}
		for _, v := range []float64{*p.Input, p.CachedInput, p.CacheWrite, p.Output} {
			if v < 0 || math.IsInf(v, 0) {
				return fmt.Errorf("prices: %s: %v is not a price", name, v)
			}
		}
		price := llm.Price{Input: *p.Input, CachedInput: p.CachedInput, CacheWrite: p.CacheWrite, Output: p.Output}
		if prefix, ok := strings.CutSuffix(name, "*"); ok {
			t.patterns[prefix] = price
		} else {
			t.own[name] = price
		}
	}
	return nil
}

// Price returns what the model called provider/name costs, or false. A dated
// snapshot costs what its model costs unless it is listed itself. The built-in
// stand-in and models on one's own machine are known to be free.
func (t *Table) Price(model string) (llm.Price, bool) {
	if t != nil {
		if p, ok := t.own[model]; ok {
			return p, true
		}
		best := -1
		var price llm.Price
		for prefix, p := range t.patterns {
			if strings.HasPrefix(model, prefix) && len(prefix) > best {
				best, price = len(prefix), p
			}
		}
		if best >= 0 {
			return price, true
		}
		if p, ok := t.own[undated(model)]; ok {
			return p, true
		}
	}
	provider, name, _ := strings.Cut(model, "/")
	switch provider {
	case "rehearsal", "ollama", "llamacpp", "vllm", "lmstudio":
		return llm.Price{}, true
	case "openai":
		return find(openai, name)
	case "anthropic":
		return find(anthropic, name)
	case "gemini":
		return find(gemini, name)
	}
	return llm.Price{}, false
}

func find(table func(string) (llm.Price, bool), name string) (llm.Price, bool) {
	if p, ok := table(name); ok {
		return p, true
	}
	return table(undated(name))
}

// undated cuts what names a snapshot: -2025-08-07, -20251001, -0613 or -latest.
func undated(name string) string {
	for _, form := range []string{"-0000-00-00", "-00000000", "-0000", "-latest"} {
		if len(name) > len(form) {
			cut := len(name) - len(form)
			if strings.Map(zero, name[cut:]) == form {
				return name[:cut]
			}
		}
	}
	return name
}

func zero(r rune) rune {
	if r >= '0' && r <= '9' {
		return '0'
	}
	return r
}
