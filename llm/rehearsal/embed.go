package rehearsal

import (
	"context"
	"math"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

const dimensions = 256

// An Embedder turns texts into hashed bags of words: 256 numbers of unit length,
// closer the more words, and pieces of words, two texts share. It is a
// deterministic [llm.Embedder], safe for concurrent use.
type Embedder struct{}

// NewEmbedder returns the stand-in for an embedding model.
func NewEmbedder() *Embedder { return &Embedder{} }

// Name returns "rehearsal".
func (*Embedder) Name() string { return name }

// Embed returns one vector a text, in the order of texts. Its only error is the
// context's.
func (*Embedder) Embed(ctx context.Context, texts []string) ([][]float32, llm.Usage, error) {
	var u llm.Usage
	out := make([][]float32, 0, len(texts))
	for _, t := range texts {
		if err := ctx.Err(); err != nil {
			return nil, llm.Usage{}, err
		}
		out = append(out, vector(t))
		u.Input += llm.Tokens(t)
	}
	return out, u, nil
}

func vector(text string) []float32 {
	var sum [dimensions]float64
	add := func(feature string, weight float64) {
		h := hash(0, feature)
		if h&dimensions != 0 { // a sign makes collisions cancel instead of add up
			weight = -weight
		}
		sum[h%dimensions] += weight
	}
	for _, w := range words(text) {
		if stop[w] {
			add(w, 0.1)
			continue
		}
		s := stem(w)
		add(s, 1)
		r := []rune("^" + s + "$")
		for i := 0; i+3 <= len(r); i++ {
			add(string(r[i:i+3]), 0.2)
		}
	}
	var norm float64
	for _, x := range sum {
		norm += x * x
	}
	v := make([]float32, dimensions)
	if norm == 0 { // no words: still a unit vector, so that cosines are defined
		v[0] = 1
		return v
	}
	norm = math.Sqrt(norm)
	for i, x := range sum {
		v[i] = float32(x / norm)
	}
	return v
}
