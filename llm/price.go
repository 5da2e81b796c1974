package llm

// A Price is in US dollars per million tokens. CachedInput is for input that the
// provider has seen; where it is 0, that costs as much as other input.
type Price struct {
	Input       float64 `json:"input"`
	CachedInput float64 `json:"cached_input,omitempty"`
	Output      float64 `json:"output"`
}

// Cost returns the price of a usage in US dollars.
func (p Price) Cost(u Usage) float64 {
	cached := p.CachedInput
	if cached == 0 {
		cached = p.Input
	}
	fresh := max(0, u.Input-u.CachedInput)
	return (float64(fresh)*p.Input + float64(u.CachedInput)*cached + float64(u.Output)*p.Output) / 1e6
}
