// Package gemini speaks Google's Gemini API, generateContent and batchEmbedContents,
// on net/http alone and without streaming. Google calls generateContent the older way
// beside its Interactions; models of November 2026 still have both. The package was
// tested against a test server only, built from public documentation and reports.
//
// Models differ in what they accept: older ones know a budget of thinking in place of
// a level, some no schemas, Gemma no system prompt. A [Model] begins with the newest
// form, and where the endpoint answers that it does not take something, leaves it out
// or replaces it, remembers that, says so in the log once, and asks again within the
// same call. See [Model.Adapted]. What it cannot notice: from Gemini 3.6 on, models
// are reported to take a temperature and to pass it over.
package gemini

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

// DefaultURL is where Gemini answers.
const DefaultURL = "https://generativelanguage.googleapis.com/v1beta"

// Options configure an endpoint and what its models send by default. Zero fields
// have the defaults named. Maps are copied.
type Options struct {
	// BaseURL is the address before /models; a query is kept, and an address without
	// a path gets /v1beta. Default DefaultURL.
	BaseURL string
	// Key is sent in the header x-goog-api-key, never in the address; empty sends none.
	Key string `json:"-"`
	// Header is sent with every request.
	Header http.Header `json:"-"`
	// Provider begins the models' names. Default gemini; another name for another
	// server that speaks this API, whose prices are not Google's.
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
	MaxTokens   int      // output tokens, thoughts included
	Temperature *float64 // 0 to 2
	TopP        *float64 // 0 to 1
	Effort      string   // low, medium, high; a model may know more
	Seed        *int64   // a request's Draw is added; the lower 31 bits count
	Dimensions  int      // of embeddings, where the model can choose
	// Extra are further fields of the body of a generation, such as safetySettings.
	// They may not repeat a field that this package sends.
	Extra map[string]any
}

// String leaves out the key and the headers.
func (o Options) String() string { return "gemini.Options{BaseURL: " + wire.Redacted(o.BaseURL) + "}" }

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
var ownFields = []string{"model", "contents", "systemInstruction", "system_instruction", "generationConfig", "generation_config"}

// NewEndpoint returns an endpoint. Nothing is sent.
func NewEndpoint(o *Options) (*Endpoint, error) {
	e := new(Endpoint)
	if o != nil {
		e.o = *o
	}
	e.o.BaseURL = cmp.Or(e.o.BaseURL, DefaultURL)
	e.o.Provider = cmp.Or(e.o.Provider, "gemini")
	e.o.Log = cmp.Or(e.o.Log, slog.New(slog.DiscardHandler))

	u, err := wire.ParseBase(e.o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("gemini: base URL %w, such as %s", err, DefaultURL)
	}
	u.Path = cmp.Or(strings.TrimSuffix(u.Path, "/models"), "/v1beta")
	e.c, err = wire.New(u, wire.Options{Key: e.o.Key, KeyHeader: "X-Goog-Api-Key", Header: e.o.Header,
		Client: e.o.Client, Proxy: e.o.Proxy, Connect: e.o.Connect, FirstByte: e.o.FirstByte, Timeout: e.o.Timeout})
	if err != nil {
		return nil, fmt.Errorf("gemini: %w", err)
	}
	if e.extra, err = wire.Fields(e.o.Extra, ownFields...); err != nil {
		return nil, fmt.Errorf("gemini: %w", err)
	}
	e.o.Key, e.o.Header, e.o.Client, e.o.Extra, e.o.BaseURL = "", nil, nil, nil, wire.Redacted(u.String())
	return e, nil
}

// Close closes the connections that are idle. The endpoint may be used again.
func (e *Endpoint) Close() { e.c.Close() }

// resource is a model's name in the API.
func resource(id string) string {
	if kind, name, ok := strings.Cut(id, "/"); ok {
		return url.PathEscape(kind) + "/" + url.PathEscape(name)
	}
	return "models/" + url.PathEscape(id)
}

// ModelInfo is one entry of an endpoint's list of models.
type ModelInfo struct {
	ID      string
	Context int // tokens of input; 0 where the endpoint does not say
	Output  int // the most tokens of a reply; 0 where the endpoint does not say
	Embeds  bool
}

// Models returns the endpoint's models that generate text or embed it, in the order
// in which it lists them.
func (e *Endpoint) Models(ctx context.Context) ([]ModelInfo, error) {
	var infos []ModelInfo
	query := url.Values{"pageSize": {"1000"}}
	for range 20 { // pages
		var page struct {
			Models []struct {
				Name    string   `json:"name"`
				Context int      `json:"inputTokenLimit"`
				Output  int      `json:"outputTokenLimit"`
				Methods []string `json:"supportedGenerationMethods"`
			} `json:"models"`
			Next string `json:"nextPageToken"`
		}
		if fail := e.exchange(ctx, e.c.With(query), e.o.Provider, http.MethodGet, "models", nil, &page); fail != nil {
			return nil, fail.err
		}
		for _, d := range page.Models {
			embeds := slices.Contains(d.Methods, "embedContent") || slices.Contains(d.Methods, "batchEmbedContents")
			if embeds || slices.Contains(d.Methods, "generateContent") {
				infos = append(infos, ModelInfo{e.c.Own(strings.TrimPrefix(d.Name, "models/")), d.Context, d.Output, embeds})
			}
		}
		if page.Next == "" || page.Next == query.Get("pageToken") {
			break
		}
		query.Set("pageToken", page.Next)
	}
	return infos, nil
}
