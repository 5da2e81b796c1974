package ollama

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

// Bounds of one request for embeddings.
const (
	embedTexts = 64
	embedBytes = 200_000
)

// An Embedder is an embedding model of a server. It is safe for concurrent use.
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
		return nil, errors.New("ollama: no embedding model named")
	}
	return &Embedder{e, id, "ollama/" + id}, nil
}

// Name returns ollama/model.
func (m *Embedder) Name() string { return m.name }

// Identity implements [llm.Identified].
func (m *Embedder) Identity() string {
	return wire.Identity(m.name, m.e.o.Host, DefaultHost, struct{}{}, nil)
}

// Close closes the endpoint's idle connections. The embedder may be used again.
func (m *Embedder) Close() { m.e.Close() }

// Embed implements [llm.Embedder]. Many texts are sent in several requests, one after
// the other; beside an error is what came of the requests before it. A text that
// is longer than the model takes is an ErrTooLong, never cut.
func (m *Embedder) Embed(ctx context.Context, texts []string) ([][]float32, llm.Usage, error) {
	return wire.Embed(ctx, m.name, texts, embedTexts, embedBytes, m.embed)
}

func (m *Embedder) embed(ctx context.Context, texts []string) ([][]float32, llm.Usage, error) {
	body, err := wire.Encode(struct {
		Model    string   `json:"model"`
		Input    []string `json:"input"`
		Truncate bool     `json:"truncate"` // otherwise a long text is cut, or ends the server's runner
	}{m.id, texts, false}, nil)
	if err != nil {
		return nil, llm.Usage{}, fmt.Errorf("%s: %w", m.name, err)
	}
	var reply struct {
		Vectors [][]float32 `json:"embeddings"`
		Prompt  int         `json:"prompt_eval_count"`
	}
	if fail := m.e.exchange(ctx, m.name, m.id, http.MethodPost, "api/embed", body, &reply); fail != nil {
		return nil, llm.Usage{}, fail.err
	}
	return reply.Vectors, llm.Usage{Input: reply.Prompt}, nil
}
