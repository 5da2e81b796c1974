package llm

// A Price is in US dollars per million tokens. CachedInput is for input that the
// provider has seen, CacheWrite for input that it was asked to remember; where one is
// 0, that costs as much as other input.
type Price struct {
	Input       float64 `json:"input"`
	CachedInput float64 `json:"cached_input,omitempty"`
	CacheWrite  float64 `json:"cache_write,omitempty"`
	Output      float64 `json:"output"`
}

// Cost returns the price of a usage in US dollars.
func (p Price) Cost(u Usage) float64 {
	cached, written := p.CachedInput, p.CacheWrite
	if cached == 0 {
		cached = p.Input
	}
	if written == 0 {
		written = p.Input
	}
	fresh := max(0, u.Input-u.CachedInput-u.CacheWrite)
	return (float64(fresh)*p.Input + float64(u.CachedInput)*cached + float64(u.CacheWrite)*written + float64(u.Output)*p.Output) / 1e6
}

// most returns the price of a bound: all of its input at the dearest rate.
func (p Price) most(u Usage) float64 {
	return (float64(u.Input)*max(p.Input, p.CachedInput, p.CacheWrite) + float64(u.Output)*p.Output) / 1e6
}
