// Package llm says what a language model is to this module, and holds everything
// that is the same for all of them: typed questions ([Ask]), and the wrappers that
// make a model cheap, patient and accountable. Vendors live in the folders below.
//
// The wrappers belong in this order, outermost first:
//
//	m = llm.Wrap(m, llm.Cache(calls), llm.Retry(nil), llm.Limit(limiter), llm.Spend(budget), llm.Meter(calls))
//
// so that a stored reply costs nothing and waits for nothing, each attempt takes its
// turn, is checked against the budget and is recorded, and nothing is set aside for
// attempts that still wait. [WrapEmbedder] does the same for an embedder.
package llm

import (
	"context"
	"encoding/json"
	"sync/atomic"
)

// A Model generates text. Generate must be safe for concurrent use, must not keep
// or change req, and returns a typed error of this package wherever one fits. A
// response that ends at the token limit, in a filter or in a refusal is an error
// (ErrTruncated, ErrFiltered), never a shorter answer; the response may still be
// returned beside the error so that its usage is counted.
type Model interface {
	Name() string // provider/model, such as openai/gpt-5-mini
	Generate(ctx context.Context, req *Request) (*Response, error)
}

// An Identified model says what besides its name decides its answers, such as the
// address of its server or the size of its context. It stands in place of the name
// in the keys of its calls. Optional; a model that wraps another implements
// Unwrap() Model.
type Identified interface{ Identity() string }

// An Embedder turns texts into vectors of one length, in the order of texts. Beside an
// error there may be those of the first texts, and what they used.
type Embedder interface {
	Name() string
	Embed(ctx context.Context, texts []string) ([][]float32, Usage, error)
}

// Middleware wraps a model.
type Middleware func(Model) Model

// Wrap applies middleware; the first is outermost.
func Wrap(m Model, mw ...Middleware) Model {
	for i := len(mw) - 1; i >= 0; i-- {
		m = mw[i](m)
	}
	return m
}

// wrapper is a model with another Generate.
type wrapper struct {
	Model
	generate func(context.Context, *Request) (*Response, error)
}

func (w *wrapper) Generate(ctx context.Context, req *Request) (*Response, error) {
	return w.generate(ctx, req)
}

func (w *wrapper) Unwrap() Model { return w.Model }

// Identity returns what stands for a model in the keys of its calls: its name, or what
// it says as [Identified].
func Identity(m Model) string {
	for inner := m; ; {
		if i, ok := inner.(Identified); ok {
			return i.Identity()
		}
		u, ok := inner.(interface{ Unwrap() Model })
		if !ok {
			return m.Name()
		}
		inner = u.Unwrap()
	}
}

// Role says who speaks a message.
type Role string

const (
	User      Role = "user"
	Assistant Role = "assistant"
)

// A Part is a piece of a message: text, or an image.
type Part struct {
	Text  string `json:"text,omitempty"`
	Image *Image `json:"image,omitempty"`
}

// An Image is sent by value.
type Image struct {
	MediaType string `json:"media_type"` // image/png, image/jpeg, …
	Data      []byte `json:"data"`
}

// A Message is one turn of the conversation shown to the model.
type Message struct {
	Role  Role   `json:"role"`
	Parts []Part `json:"parts"`
	Cache bool   `json:"cache,omitempty"` // a stable prefix ends here; for vendors that want it marked
}

// Text returns a message of plain text.
func Text(role Role, text string) Message {
	return Message{Role: role, Parts: []Part{{Text: text}}}
}

// A Schema asks for JSON. It is compiled at first use, once: share the pointer, and
// do not change what it points to. See [NewSchema] and [SchemaFor].
type Schema struct {
	Name string          `json:"name"` // letters, digits, - and _; for the wire
	Body json.RawMessage `json:"body"` // a JSON schema whose root is an object

	compiled atomic.Pointer[compiled]
	wrapped  bool // the answer is the member "value" of the object
}

// A Request is one question to a model. Everything but Label is part of its key.
type Request struct {
	System      string    `json:"system,omitempty"`
	Messages    []Message `json:"messages"`
	Schema      *Schema   `json:"schema,omitempty"`
	Temperature *float64  `json:"temperature,omitempty"`
	TopP        *float64  `json:"top_p,omitempty"`
	MaxTokens   int       `json:"max_tokens,omitempty"` // of output, reasoning included; 0 leaves it to the vendor's settings
	Effort      string    `json:"effort,omitempty"`     // reasoning effort: low, medium, high
	Stop        []string  `json:"stop,omitempty"`
	Draw        int       `json:"draw,omitempty"` // independent samples of one prompt have different numbers
	Label       Label     `json:"-"`

	key string // set by the cache, on its own copy, so that it is computed once
}

// A Label says on whose behalf a call is made. It is for the ledger only.
type Label struct {
	World   string `json:"world,omitempty"`
	Step    int    `json:"step,omitempty"`
	Person  string `json:"person,omitempty"`
	Purpose string `json:"purpose,omitempty"` // act, consolidate, ask, extract, judge, …
}

// Finish says why a model stopped.
type Finish string

const (
	FinishStop   Finish = "stop"
	FinishLength Finish = "length" // at the token limit
	FinishFilter Finish = "filter" // content filter or refusal
)

// A Response is a model's reply.
type Response struct {
	Text   string          `json:"text"`
	JSON   json.RawMessage `json:"json,omitempty"` // set by Ask and Meter: the value found in Text, valid under the schema
	Finish Finish          `json:"finish"`
	Usage  Usage           `json:"usage"`
	Model  string          `json:"model"` // as the provider names it
	Call   string          `json:"-"`     // key of the call, where a Cache or a Meter gave it one
	Calls  []string        `json:"-"`     // set by Ask: the keys of all calls behind it, in order
	Cached bool            `json:"-"`     // served from a cache: nothing was paid

	judge *Schema // the schema under which JSON was found valid, so that it is judged once
}

// Usage counts tokens. CachedInput, which the provider remembered, and CacheWrite, which
// it was asked to remember, are parts of Input; Reasoning is part of Output.
type Usage struct {
	Input       int `json:"input"`
	CachedInput int `json:"cached_input,omitempty"`
	CacheWrite  int `json:"cache_write,omitempty"` // where that has a price of its own
	Output      int `json:"output"`
	Reasoning   int `json:"reasoning,omitempty"`
}

// Add returns the sum of two usages.
func (u Usage) Add(v Usage) Usage {
	return Usage{u.Input + v.Input, u.CachedInput + v.CachedInput, u.CacheWrite + v.CacheWrite, u.Output + v.Output, u.Reasoning + v.Reasoning}
}
