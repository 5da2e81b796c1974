package wire

import "github.com/tinytroupe-go/tinytroupe/llm"

// mostTokens is more than one call can use.
const mostTokens = 1_000_000_000

// Counted returns what a server says that a call used, within what a call can use: a
// budget must not grow by it.
func Counted(u llm.Usage) llm.Usage {
	within := func(n, most int) int { return min(max(n, 0), most) }
	u.Input, u.Output = within(u.Input, mostTokens), within(u.Output, mostTokens)
	u.CachedInput, u.Reasoning = within(u.CachedInput, u.Input), within(u.Reasoning, u.Output)
	u.CacheWrite = within(u.CacheWrite, u.Input-u.CachedInput)
	return u
}
