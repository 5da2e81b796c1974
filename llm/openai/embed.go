package openai

import (
	"context"
	"fmt"
	"net/http"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

// Bounds of one embeddings request. OpenAI takes 2,048 texts and 300,000 tokens.
const (
	embedTexts = 256
	embedBytes = 400_000
)

// An Embedder is an embedding model of an endpoint. It is safe for concurrent use.
type Embedder struct {
	e    *Endpoint
	id   string
	name string
}

// NewEmbedder returns an embedder with an endpoint of its own. Nothing is sent.
func NewEmbedder(model string, o *Options) (*Embedder, error) {
	e, err := NewEndpoint(o)
	if err != nil {
		return nil, err
	}
	return e.Embedder(model)
}

// Embedder returns an embedding model of the endpoint.
func (e *Endpoint) Embedder(id string) (*Embedder, error) {
	if id == "" {
		return nil, fmt.Errorf("openai: no embedding model named")
	}
	return &Embedder{e, id, e.o.Provider + "/" + id}, nil
}

// Name returns provider/model.
func (m *Embedder) Name() string { return m.name }

// Identity implements [llm.Identified].
func (m *Embedder) Identity() string { return m.e.identity(m.name) }

// Close closes the endpoint's idle connections. The embedder may be used again.
func (m *Embedder) Close() { m.e.Close() }

// Embed implements [llm.Embedder]. Many texts are sent in several requests, one
// after the other; beside an error is what came of the requests before it.
func (m *Embedder) Embed(ctx context.Context, texts []string) ([][]float32, llm.Usage, error) {
	return wire.Embed(ctx, m.name, texts, embedTexts, embedBytes, m.embed)
}

func (m *Embedder) embed(ctx context.Context, texts []string) ([][]float32, llm.Usage, error) {
	body, err := wire.Encode(struct {
		Model      string   `json:"model"`
		Input      []string `json:"input"`
		Format     string   `json:"encoding_format"`
		Dimensions int      `json:"dimensions,omitempty"`
	}{m.id, texts, "float", m.e.o.Dimensions}, nil)
	if err != nil {
		return nil, llm.Usage{}, fmt.Errorf("%s: %w", m.name, err)
	}
	var reply struct {
		Data []struct {
			Index  int       `json:"index"`
			Vector []float32 `json:"embedding"`
		} `json:"data"`
		Usage wireUsage `json:"usage"`
	}
	if fail := m.e.exchange(ctx, m.name, http.MethodPost, m.e.path(m.id, "embeddings"), body, &reply); fail != nil {
		return nil, llm.Usage{}, fail.err
	}
	out := make([][]float32, len(texts))
	for _, d := range reply.Data {
		if d.Index >= 0 && d.Index < len(out) {
			out[d.Index] = d.Vector
		}
	}
	return out, reply.Usage.usage(), nil
}
