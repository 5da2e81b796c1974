package gemini

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

// Bounds of one embeddings request. Gemini takes 100 texts.
const (
	embedTexts = 100
	embedBytes = 200_000
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

// Embedder returns an embedding model of the endpoint, such as gemini-embedding-001.
func (e *Endpoint) Embedder(id string) (*Embedder, error) {
	if id = strings.TrimPrefix(id, "models/"); id == "" {
		return nil, errors.New("gemini: no embedding model named")
	}
	return &Embedder{e, id, e.o.Provider + "/" + id}, nil
}

// Name returns provider/model.
func (m *Embedder) Name() string { return m.name }

// Identity implements [llm.Identified].
func (m *Embedder) Identity() string { return m.e.identity(m.name) }

// Close closes the endpoint's idle connections. The embedder may be used again.
func (m *Embedder) Close() { m.e.Close() }

// Embed implements [llm.Embedder]. Many texts are sent in several requests, one after
// the other; beside an error is what came of the requests before it. Where the
// endpoint does not say what was used, that is estimated. A text of more than about
// 2,000 tokens is cut by some models without a word.
func (m *Embedder) Embed(ctx context.Context, texts []string) ([][]float32, llm.Usage, error) {
	return wire.Embed(ctx, m.name, texts, embedTexts, embedBytes, m.embed)
}

func (m *Embedder) embed(ctx context.Context, texts []string) ([][]float32, llm.Usage, error) {
	type one struct {
		Model      string  `json:"model"`
		Content    content `json:"content"`
		Dimensions int     `json:"outputDimensionality,omitempty"`
	}
	var q struct {
		Requests []one `json:"requests"`
	}
	usage := llm.Usage{}
	for _, t := range texts {
		q.Requests = append(q.Requests, one{resource(m.id), content{Parts: []part{{Text: t}}}, m.e.o.Dimensions})
		usage.Input += llm.Tokens(t)
	}
	body, err := wire.Encode(q, nil)
	if err != nil {
		return nil, llm.Usage{}, fmt.Errorf("%s: %w", m.name, err)
	}
	var r struct {
		Embeddings []struct {
			Values []float32 `json:"values"`
		} `json:"embeddings"`
		Usage struct {
			Prompt int `json:"promptTokenCount"`
		} `json:"usageMetadata"`
	}
	if fail := m.e.exchange(ctx, m.e.c, m.name, http.MethodPost, resource(m.id)+":batchEmbedContents", body, &r); fail != nil {
		return nil, llm.Usage{}, fail.err
	}
	if r.Usage.Prompt > 0 {
		usage.Input = r.Usage.Prompt
	}
	out := make([][]float32, len(r.Embeddings))
	for i, e := range r.Embeddings {
		out[i] = e.Values
	}
	return out, usage, nil
}
