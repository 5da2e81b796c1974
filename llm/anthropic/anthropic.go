// Package anthropic speaks Anthropic's Messages API on net/http alone and without
// streaming. It was tested against a test server only, built from public
// documentation and reports.
//
// Models differ in what they accept: newer ones refuse a temperature, older ones
// structured output or adaptive thinking. A [Model] begins with the newest form, and
// where the endpoint answers that it does not take something, leaves it out or
// replaces it, remembers that, says so in the log once, and asks again within the
// same call. See [Model.Adapted].
package anthropic

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

const (
	// DefaultURL is where Anthropic answers.
	DefaultURL = "https://api.anthropic.com"
	// DefaultMaxTokens is the limit of a reply where nothing else is said: the API
	// wants one. It includes thinking, and is near to the most that can be waited for
	// without streaming.
	DefaultMaxTokens = 16384

	version = "2023-06-01" // of the API
)

// Options configure an endpoint and what its models send by default. Zero fields
// have the defaults named. Maps are copied.
type Options struct {
	// BaseURL is the address before /v1/messages; a query is kept. Default DefaultURL.
	BaseURL string
	// Key is sent in the header x-api-key; empty sends none.
	Key string `json:"-"`
	// Header is sent with every request. An anthropic-version in it replaces this
	// package's own.
	Header http.Header `json:"-"`
	// Provider begins the models' names. Default anthropic; another name for another
	// server that speaks Messages, whose prices are not Anthropic's.
	Provider string

	Client  *http.Client                          // default: a pool of the endpoint's own. Redirects are never followed
	Proxy   func(*http.Request) (*url.URL, error) // for the endpoint's own pool; default none
	Connect time.Duration                         // for a new connection in that pool; default 10 s
	Timeout time.Duration                         // for a whole HTTP exchange; default 480 s
	// FirstByte is for the beginning of an answer. Default Timeout, since an answer that
	// is not streamed begins when it is complete.
	FirstByte time.Duration
	Log       *slog.Logger // default: nothing is logged

	// What a request does not say. Zero leaves it to the endpoint, but for MaxTokens.
	MaxTokens   int      // output tokens, thinking included; default DefaultMaxTokens, or less where a model has less
	Temperature *float64 // 0 to 1
	TopP        *float64 // 0 to 1
	Effort      string   // low, medium, high; a model may know more; minimal is low
	// NoCache sends no prompt-cache marks. A mark makes the prompt up to it a quarter
	// dearer the first time and up to twenty times cheaper within the next five
	// minutes; prompts below about 1,000 to 4,000 tokens are not cached at all.
	NoCache bool
	// Extra are further fields of the body of a generation, such as service_tier. They
	// may not repeat a field that this package sends.
	Extra map[string]any
}

// String leaves out the key and the headers.
func (o Options) String() string {
	return "anthropic.Options{BaseURL: " + wire.Redacted(o.BaseURL) + "}"
}

// GoString leaves out the key and the headers.
func (o Options) GoString() string { return o.String() }

// An Endpoint is one server with one pool of connections, which all of its models
// share. It is safe for concurrent use.
type Endpoint struct {
	o     Options // without key, header and client
	c     *wire.Client
	extra []byte // `,"name":value…`
}

// ownFields are the fields of a generation that Extra may not name.
var ownFields = []string{"model", "messages", "system", "max_tokens", "temperature", "top_p", "stop_sequences", "stream",
	"thinking", "output_config", "tools", "tool_choice"}

// NewEndpoint returns an endpoint. Nothing is sent.
func NewEndpoint(o *Options) (*Endpoint, error) {
	e := new(Endpoint)
	if o != nil {
		e.o = *o
	}
	e.o.BaseURL = cmp.Or(e.o.BaseURL, DefaultURL)
	e.o.Provider = cmp.Or(e.o.Provider, "anthropic")
	e.o.Log = cmp.Or(e.o.Log, slog.New(slog.DiscardHandler))

	u, err := wire.ParseBase(e.o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("anthropic: base URL %w, such as %s", err, DefaultURL)
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/messages"), "/v1")
	header := e.o.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Anthropic-Version") == "" {
		header.Set("Anthropic-Version", version)
	}
	e.c, err = wire.New(u, wire.Options{Key: e.o.Key, KeyHeader: "X-Api-Key", Header: header,
		Client: e.o.Client, Proxy: e.o.Proxy, Connect: e.o.Connect, FirstByte: e.o.FirstByte, Timeout: e.o.Timeout})
	if err != nil {
		return nil, fmt.Errorf("anthropic: %w", err)
	}
	if e.extra, err = wire.Fields(e.o.Extra, ownFields...); err != nil {
		return nil, fmt.Errorf("anthropic: %w", err)
	}
	e.o.Key, e.o.Header, e.o.Client, e.o.Extra, e.o.BaseURL = "", nil, nil, nil, wire.Redacted(u.String())
	return e, nil
}

// Close closes the connections that are idle. The endpoint may be used again.
func (e *Endpoint) Close() { e.c.Close() }

// ModelInfo is one entry of an endpoint's list of models.
type ModelInfo struct {
	ID      string
	Context int // tokens of context; 0 where the endpoint does not say
	Output  int // the most tokens of a reply; 0 where the endpoint does not say
}

// Models returns the endpoint's models in the order in which it lists them, the
// newest first.
func (e *Endpoint) Models(ctx context.Context) ([]ModelInfo, error) {
	var infos []ModelInfo
	query := url.Values{"limit": {"1000"}}
	for range 20 { // pages
		var page struct {
			Data []struct {
				ID      string `json:"id"`
				Context int    `json:"max_input_tokens"`
				Output  int    `json:"max_tokens"`
			} `json:"data"`
			More bool   `json:"has_more"`
			Last string `json:"last_id"`
		}
		if fail := e.exchange(ctx, e.c.With(query), e.o.Provider, http.MethodGet, "v1/models", nil, &page); fail != nil {
			return nil, fail.err
		}
		for _, d := range page.Data {
			infos = append(infos, ModelInfo{e.c.Own(d.ID), d.Context, d.Output})
		}
		if !page.More || page.Last == "" || page.Last == query.Get("after_id") {
			break
		}
		query.Set("after_id", page.Last)
	}
	return infos, nil
}
