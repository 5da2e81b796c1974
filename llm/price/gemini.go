package price

import "github.com/tinytroupe-go/tinytroupe/llm"

// gemini returns Google's price for a model: input of text and images, cached input,
// output. Pro models are dearer for prompts above 200,000 tokens.
func gemini(name string) (llm.Price, bool) {
	p := func(input, cached, output float64) (llm.Price, bool) {
		return llm.Price{Input: input, CachedInput: cached, Output: output}, true
	}
	switch name {
	case "gemini-4-carbon", "gemini-4-argon":
		return p(4, 0, 20) // from December 2026; half of that before. Of cached input no price is known
	case "gemini-4-neon":
		return p(3, 0.15, 15)
	case "gemini-4-hydrogen":
		return p(1.50, 0.075, 7.50)
	case "gemini-3.8-flash", "gemini-3.7-flash", "gemini-3.6-flash":
		return p(1.50, 0.15, 7.50) // half of that until the end of 2026
	case "gemini-3.5-flash":
		return p(1.50, 0.15, 9)
	case "gemini-3.5-flash-lite":
		return p(0.30, 0.03, 2.50)
	case "gemini-3.1-flash-lite":
		return p(0.25, 0.025, 1.50)
	case "gemini-3.1-pro-preview":
		return p(2, 0.20, 12)
	case "gemini-3-flash-preview":
		return p(0.50, 0.05, 3)
	case "gemini-2.5-pro":
		return p(1.25, 0, 10)
	case "gemini-2.5-flash":
		return p(0.30, 0, 2.50)
	case "gemini-2.5-flash-lite":
		return p(0.10, 0, 0.40)

	case "gemini-embedding-001":
		return p(0.15, 0, 0)
	case "gemini-embedding-2", "gemini-embedding-2-preview":
		return p(0.20, 0, 0)
	}
	return llm.Price{}, false
}
