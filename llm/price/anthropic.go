package price

import "github.com/tinytroupe-go/tinytroupe/llm"

// anthropic returns Anthropic's price for a model: input, cached input (a cache read),
// output; a cache write that is kept for five minutes costs a quarter more than input. claude-haiku-5-5 is five times as dear for prompts above 100,000 tokens.
func anthropic(name string) (llm.Price, bool) {
	p := func(input, cached, output float64) (llm.Price, bool) {
		return llm.Price{Input: input, CachedInput: cached, CacheWrite: 1.25 * input, Output: output}, true
	}
	switch name {
	case "claude-fable-5-1", "claude-mythos-5-1":
		return p(10, 0.25, 50)
	case "claude-fable-5", "claude-mythos-5":
		return p(10, 1, 50)
	case "claude-opus-5-5":
		return p(4, 0.20, 20)
	case "claude-opus-5", "claude-opus-4-8", "claude-opus-4-7", "claude-opus-4-6", "claude-opus-4-5":
		return p(5, 0.50, 25)
	case "claude-sonnet-5-5":
		return p(2, 0.10, 10)
	case "claude-sonnet-5":
		return p(2, 0.20, 10)
	case "claude-sonnet-4-6", "claude-sonnet-4-5":
		return p(3, 0.30, 15)
	case "claude-haiku-5-5":
		return p(0.10, 0.01, 0.50)
	case "claude-haiku-4-5":
		return p(1, 0.10, 5)
	}
	return llm.Price{}, false
}
