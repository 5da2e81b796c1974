// Package openai speaks Chat Completions and embeddings as OpenAI, Azure OpenAI,
// llama.cpp, vLLM, LM Studio, OpenRouter and many others serve them, on net/http
// alone and without streaming.
//
// Endpoints differ in what they accept. A [Model] begins with the newest form, and
// where an endpoint answers that it does not know a parameter, a kind of structured
// output or a keyword of a schema, the model leaves it out or replaces it, remembers
// that, says so in the log once, and asks again within the same call. See
// [Model.Adapted].
package openai

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

// DefaultURL is where OpenAI answers.
const DefaultURL = "https://api.openai.com/v1"

// Options configure an endpoint and what its models send by default. Zero fields
// have the defaults named. Maps are copied.
type Options struct {
	// BaseURL is the address before /chat/completions, with or without a slash at
	// the end; a query is kept. Default DefaultURL. For Azure see [NewAzure].
	BaseURL string
	// Key is sent as a bearer token; empty sends none.
	Key string `json:"-"`
	// KeyHeader names a header that gets the bare key instead, such as api-key.
	KeyHeader string
	// Header is sent with every request.
	Header http.Header `json:"-"`
	// Provider begins the models' names. Default openai.
	Provider string

	Client  *http.Client                          // default: a pool of the endpoint's own. Redirects are never followed
	Proxy   func(*http.Request) (*url.URL, error) // for the endpoint's own pool; default none
	Connect time.Duration                         // for a new connection in that pool; default 10 s
	Timeout time.Duration                         // for a whole HTTP exchange; default 480 s
	// FirstByte is for the beginning of an answer. Default Timeout, since an answer that
	// is not streamed begins when it is complete.
	FirstByte time.Duration
	Log       *slog.Logger // default: nothing is logged

	// What a request does not say. Zero leaves it to the endpoint.
	MaxTokens   int      // output tokens, reasoning included
	Temperature *float64 // 0 to 2
	TopP        *float64 // 0 to 1
	Effort      string   // low, medium, high
	Seed        *int64   // a request's Draw is added
	Dimensions  int      // of embeddings, where the model can choose
	// Extra are further fields of the body of a generation, such as
	// chat_template_kwargs. They may not repeat a field that this package sends.
	Extra map[string]any
}

// String leaves out the key and the headers.
func (o Options) String() string { return "openai.Options{BaseURL: " + wire.Redacted(o.BaseURL) + "}" }

// GoString leaves out the key and the headers.
func (o Options) GoString() string { return o.String() }

// An Endpoint is one server with one pool of connections, which all of its models
// share. It is safe for concurrent use.
type Endpoint struct {
	o     Options // without key, header and client
	c     *wire.Client
	extra []byte // `,"name":value…`
	// deployments: a model is part of the address, as in Azure's older form.
	deployments bool
}

// NewEndpoint returns an endpoint. Nothing is sent.
func NewEndpoint(o *Options) (*Endpoint, error) {
	e := new(Endpoint)
	if o != nil {
		e.o = *o
	}
	e.o.BaseURL = cmp.Or(e.o.BaseURL, DefaultURL)
	e.o.Provider = cmp.Or(e.o.Provider, "openai")
	e.o.Log = cmp.Or(e.o.Log, slog.New(slog.DiscardHandler))

	u, err := wire.ParseBase(e.o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("openai: base URL %w, such as %s", err, DefaultURL)
	}
	u.Path = strings.TrimSuffix(u.Path, "/chat/completions")
	e.c, err = wire.New(u, wire.Options{Key: e.o.Key, KeyHeader: e.o.KeyHeader, Header: e.o.Header,
		Client: e.o.Client, Proxy: e.o.Proxy, Connect: e.o.Connect, FirstByte: e.o.FirstByte, Timeout: e.o.Timeout})
	if err != nil {
		return nil, fmt.Errorf("openai: %w", err)
	}
	if e.extra, err = wire.Fields(e.o.Extra, ownFields...); err != nil {
		return nil, fmt.Errorf("openai: %w", err)
	}

	e.o.Key, e.o.Header, e.o.Client, e.o.Extra, e.o.BaseURL = "", nil, nil, nil, wire.Redacted(u.String())
	return e, nil
}

// path is where a model is asked, below the base.
func (e *Endpoint) path(model, what string) string {
	if e.deployments {
		return "deployments/" + url.PathEscape(model) + "/" + what
	}
	return what
}

// Close closes the connections that are idle. The endpoint may be used again.
func (e *Endpoint) Close() { e.c.Close() }

// ownFields are the fields of a generation that Extra may not name.
var ownFields = []string{"model", "messages", "response_format", "temperature", "top_p", "max_tokens",
	"max_completion_tokens", "reasoning_effort", "stop", "seed", "stream", "n"}

// ModelInfo is one entry of an endpoint's list of models.
type ModelInfo struct {
	ID      string
	Context int // tokens of context; 0 where the endpoint does not say
}

// Models returns the endpoint's models in the order in which it lists them.
func (e *Endpoint) Models(ctx context.Context) ([]ModelInfo, error) {
	var list struct {
		Data []struct {
			ID            string `json:"id"`
			MaxModelLen   int    `json:"max_model_len"`  // vLLM
			ContextLength int    `json:"context_length"` // OpenRouter
			Meta          struct {
				Ctx int `json:"n_ctx"` // llama.cpp
			} `json:"meta"`
		} `json:"data"`
	}
	if fail := e.exchange(ctx, e.o.Provider, http.MethodGet, "models", nil, &list); fail != nil {
		return nil, fail.err
	}
	infos := make([]ModelInfo, 0, len(list.Data))
	for _, d := range list.Data {
		infos = append(infos, ModelInfo{ID: e.c.Own(d.ID), Context: max(d.MaxModelLen, d.ContextLength, d.Meta.Ctx)})
	}
	return infos, nil
}
