package price

import "github.com/tinytroupe-go/tinytroupe/llm"

// openai returns OpenAI's price for a model: input, cached input, output. Since GPT-5.6
// what is written to the prompt cache, which happens unasked from 1,024 tokens on, costs
// a quarter more than input.
func openai(name string) (llm.Price, bool) {
	p := func(input, cached, output float64) (llm.Price, bool) {
		return llm.Price{Input: input, CachedInput: cached, Output: output}, true
	}
	writes := func(input, cached, output float64) (llm.Price, bool) {
		return llm.Price{Input: input, CachedInput: cached, CacheWrite: 1.25 * input, Output: output}, true
	}
	switch name {
	case "gpt-6-astra":
		return writes(10, 1, 50)
	case "gpt-6.1-sol":
		return writes(2, 0.10, 10)
	case "gpt-6.1-terra":
		return writes(1, 0.05, 5)
	case "gpt-6-sol":
		return writes(2, 0.20, 10)
	case "gpt-6-luna":
		return writes(0.10, 0.01, 0.50)

	case "gpt-5.6", "gpt-5.6-sol":
		return writes(5, 0.50, 30)
	case "gpt-5.6-terra":
		return writes(2, 0.20, 12)
	case "gpt-5.6-luna":
		return writes(0.20, 0.02, 1.20)
	case "gpt-5.5":
		return p(5, 0.50, 30)
	case "gpt-5.5-pro", "gpt-5.4-pro":
		return p(30, 0, 180)
	case "gpt-5.4":
		return p(2.50, 0.25, 15)
	case "gpt-5.4-mini":
		return p(0.75, 0.075, 4.50)
	case "gpt-5.4-nano":
		return p(0.20, 0.02, 1.25)
	case "gpt-5.3-codex", "gpt-5.3-chat", "gpt-5.2", "gpt-5.2-codex", "gpt-5.2-chat":
		return p(1.75, 0.175, 14)
	case "gpt-5.2-pro":
		return p(21, 0, 168)
	case "gpt-5.1", "gpt-5.1-codex", "gpt-5.1-codex-max", "gpt-5.1-chat", "gpt-5", "gpt-5-codex", "gpt-5-chat":
		return p(1.25, 0.125, 10)
	case "gpt-5.1-codex-mini", "gpt-5-mini":
		return p(0.25, 0.025, 2)
	case "gpt-5-nano":
		return p(0.05, 0.005, 0.40)
	case "gpt-5-pro":
		return p(15, 0, 120)

	case "gpt-4.1":
		return p(2, 0.50, 8)
	case "gpt-4.1-mini":
		return p(0.40, 0.10, 1.60)
	case "gpt-4.1-nano":
		return p(0.10, 0.025, 0.40)
	case "gpt-4o-2024-05-13", "chatgpt-4o":
		return p(5, 0, 15)
	case "gpt-4o":
		return p(2.50, 1.25, 10)
	case "gpt-4o-mini":
		return p(0.15, 0.075, 0.60)
	case "gpt-4-turbo":
		return p(10, 0, 30)
	case "gpt-4":
		return p(30, 0, 60)
	case "gpt-3.5-turbo":
		return p(0.50, 0, 1.50)

	case "o4-mini":
		return p(1.10, 0.275, 4.40)
	case "o3":
		return p(2, 0.50, 8)
	case "o3-pro":
		return p(20, 0, 80)
	case "o3-mini", "o1-mini":
		return p(1.10, 0.55, 4.40)
	case "o1":
		return p(15, 7.50, 60)
	case "o1-pro":
		return p(150, 0, 600)

	case "text-embedding-3-small":
		return p(0.02, 0, 0)
	case "text-embedding-3-large":
		return p(0.13, 0, 0)
	case "text-embedding-ada-002":
		return p(0.10, 0, 0)
	}
	return llm.Price{}, false
}
