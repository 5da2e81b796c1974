// Package ollama speaks Ollama's own API, /api/chat and /api/embed, on net/http alone
// and without streaming. What it does that Ollama's imitation of OpenAI's API cannot:
// it says how much context a call needs, and finds out when a prompt did not fit,
// which older servers cut without a word.
package ollama

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

const (
	// DefaultHost is where Ollama answers.
	DefaultHost = "http://127.0.0.1:11434"
	// DefaultNumCtx is the context that is asked for where nothing else is said.
	// Ollama's own default is 2,048 or 4,096, less than a persona with a history.
	DefaultNumCtx = 8192
)

// Options configure a server and what its models send by default. Zero fields have
// the defaults named.
type Options struct {
	// Host is the server's address in any form that OLLAMA_HOST may have, see
	// [Address]. Default DefaultHost.
	Host string
	// Key is sent as a bearer token, for a server behind a proxy that wants one;
	// empty sends none.
	Key    string      `json:"-"`
	Header http.Header `json:"-"` // sent with every request

	Client  *http.Client                          // default: a pool of the endpoint's own. Redirects are never followed
	Proxy   func(*http.Request) (*url.URL, error) // for the endpoint's own pool; default none
	Connect time.Duration                         // for a new connection in that pool; default 10 s
	Timeout time.Duration                         // for a whole exchange, loading the model included; default 480 s
	// FirstByte is for the beginning of an answer. Default Timeout, since an answer that
	// is not streamed begins when it is complete.
	FirstByte time.Duration
	Log       *slog.Logger // default: nothing is logged

	// NumCtx is the context to ask for, in tokens of prompt and reply. Default: what
	// the model's Modelfile says, else DefaultNumCtx; never more than the model has.
	// Ollama loads a model anew for another NumCtx, so use one for all calls.
	NumCtx int
	// KeepAlive is how long the model stays loaded after a call; negative for ever.
	// Default: the server's setting, usually five minutes.
	KeepAlive time.Duration

	// What a request does not say. Zero leaves it to the model.
	MaxTokens   int      // output tokens, thinking included; what the context leaves where nobody says
	Temperature *float64 // 0 to 2
	TopP        *float64 // 0 to 1
	Effort      string   // low, medium, high: lets a model that can think do so; otherwise, or at minimal, it is told not to
	Seed        *int64   // a request's Draw is added
	// Extra are further options of a generation, such as num_thread or
	// frequency_penalty. They may not repeat one that this package sends.
	Extra map[string]any
}

// String leaves out the key and the headers.
func (o Options) String() string { return "ollama.Options{Host: " + wire.Redacted(o.Host) + "}" }

// GoString leaves out the key and the headers.
func (o Options) GoString() string { return o.String() }

// Address returns the URL of a server as OLLAMA_HOST names it: HOST, HOST:PORT, :PORT
// or a URL. Without a scheme it is http and the port 11434; a URL has its scheme's
// port. An address to listen at on all interfaces, such as 0.0.0.0, becomes the
// loopback one, since nobody can be reached there.
func Address(host string) (string, error) {
	s := strings.Trim(strings.TrimSpace(host), `"'`)
	if s == "" {
		return DefaultHost, nil
	}
	port := map[string]string{"http": "80", "https": "443"}
	if !strings.Contains(s, "://") {
		s, port["http"] = "http://"+s, "11434"
	}
	u, err := url.Parse(s)
	if err != nil || port[u.Scheme] == "" || u.Opaque != "" {
		return "", fmt.Errorf("ollama: %q is no address: want HOST, HOST:PORT or http(s)://HOST[:PORT]", wire.Redacted(host))
	}
	name := u.Hostname()
	if ip := net.ParseIP(name); name == "" || ip != nil && ip.IsUnspecified() {
		name = "127.0.0.1"
		if ip != nil && ip.To4() == nil {
			name = "::1"
		}
	}
	p := u.Port()
	if p == "" {
		p = port[u.Scheme]
	}
	if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
		return "", fmt.Errorf("ollama: %q: %s is no port", wire.Redacted(host), p)
	}
	u.Host = net.JoinHostPort(name, p)
	u.Path = strings.TrimRight(u.Path, "/")
	return u.String(), nil
}

// An Endpoint is one server with one pool of connections, which all of its models
// share. It is safe for concurrent use.
type Endpoint struct {
	o     Options // without key, header, client and extra
	c     *wire.Client
	extra []byte // `,"name":value…`
}

// NewEndpoint returns an endpoint. Nothing is sent.
func NewEndpoint(o *Options) (*Endpoint, error) {
	e := new(Endpoint)
	if o != nil {
		e.o = *o
	}
	if e.o.Log == nil {
		e.o.Log = slog.New(slog.DiscardHandler)
	}
	if e.o.NumCtx < 0 {
		return nil, fmt.Errorf("ollama: a context of %d tokens", e.o.NumCtx)
	}
	host, err := Address(e.o.Host)
	if err != nil {
		return nil, err
	}
	base, err := wire.ParseBase(host)
	if err != nil {
		return nil, fmt.Errorf("ollama: %w", err)
	}
	e.c, err = wire.New(base, wire.Options{Key: e.o.Key, Header: e.o.Header,
		Client: e.o.Client, Proxy: e.o.Proxy, Connect: e.o.Connect, FirstByte: e.o.FirstByte, Timeout: e.o.Timeout})
	if err != nil {
		return nil, fmt.Errorf("ollama: %w", err)
	}
	if e.extra, err = wire.Fields(e.o.Extra, "num_ctx", "num_predict", "temperature", "top_p", "stop", "seed"); err != nil {
		return nil, fmt.Errorf("ollama: %w", err)
	}
	e.o.Key, e.o.Header, e.o.Client, e.o.Extra, e.o.Host = "", nil, nil, nil, e.c.Address()
	return e, nil
}

// Close closes the connections that are idle. The endpoint may be used again.
func (e *Endpoint) Close() { e.c.Close() }

// ModelInfo is what a server says of a model.
type ModelInfo struct {
	Name         string // as to be asked for: without :latest
	Size         int64  // bytes on disk; 0 from Show
	Family       string // of architectures, such as llama, gemma3 or bert; "" where the server does not say
	Context      int    // tokens that the model can have; 0 where the server does not say
	NumCtx       int    // tokens that its Modelfile asks for; 0 where it does not
	Capabilities []string
}

// Models returns the server's models in the order in which it lists them, newest
// first. Only [Endpoint.Show] knows their contexts.
func (e *Endpoint) Models(ctx context.Context) ([]ModelInfo, error) {
	var list struct {
		Models []struct {
			Name    string `json:"name"`
			Size    int64  `json:"size"`
			Details struct {
				Family string `json:"family"`
			} `json:"details"`
		} `json:"models"`
	}
	if fail := e.exchange(ctx, "ollama", "", http.MethodGet, "api/tags", nil, &list); fail != nil {
		return nil, fail.err
	}
	infos := make([]ModelInfo, 0, len(list.Models))
	for _, m := range list.Models {
		infos = append(infos, ModelInfo{Name: e.c.Own(strings.TrimSuffix(m.Name, ":latest")), Size: m.Size, Family: e.c.Own(m.Details.Family)})
	}
	return infos, nil
}

// Show asks for a model's properties. ErrNotFound says how to get a missing model.
func (e *Endpoint) Show(ctx context.Context, id string) (*ModelInfo, error) {
	info, fail := e.show(ctx, id)
	if fail != nil {
		return nil, fail.err
	}
	return info, nil
}

func (e *Endpoint) show(ctx context.Context, id string) (*ModelInfo, *failed) {
	body, err := wire.Encode(map[string]string{"model": id}, nil)
	if err != nil {
		return nil, &failed{err: fmt.Errorf("ollama/%s: %w", id, err)}
	}
	var about struct {
		Parameters   string                     `json:"parameters"`
		Info         map[string]json.RawMessage `json:"model_info"`
		Capabilities []string                   `json:"capabilities"`
	}
	if fail := e.exchange(ctx, "ollama/"+id, id, http.MethodPost, "api/show", body, &about); fail != nil {
		return nil, fail
	}
	info := &ModelInfo{Name: id, Capabilities: about.Capabilities}
	var family string
	json.Unmarshal(about.Info["general.architecture"], &family)         // "" where it does not say
	json.Unmarshal(about.Info[family+".context_length"], &info.Context) // 0 where it does not say
	for line := range strings.Lines(about.Parameters) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "num_ctx" {
			info.NumCtx, _ = strconv.Atoi(f[1])
		}
	}
	return info, nil
}

// Embeds reports whether a model is one for embeddings alone, as far as the server
// says.
func (m *ModelInfo) Embeds() bool {
	return strings.Contains(m.Family, "bert") || slices.Contains(m.Capabilities, "embedding") && !slices.Contains(m.Capabilities, "completion")
}

// A failed is an exchange that came to nothing.
type failed struct {
	err    error
	status int
	said   string // the server's words, in lower case
}

// exchange sends body (nil for none) and decodes a good answer into out.
func (e *Endpoint) exchange(ctx context.Context, name, id, method, path string, body []byte, out any) *failed {
	a, err := e.c.Exchange(ctx, name, method, path, body)
	switch {
	case wire.NotListening(err):
		return &failed{err: &llm.Error{Provider: name, Err: wire.Condition(llm.ErrTransient,
			"Ollama does not answer at "+e.c.Address()+": start it (ollama serve), or say where it is (OLLAMA_HOST)")}}
	case err != nil:
		return &failed{err: err}
	}
	text := message(a.Body)
	if a.Status == http.StatusOK && text == "" {
		if err := e.c.Decode(name, a, out); err != nil {
			return &failed{err: err}
		}
		return nil
	}
	if text == "" {
		text = strings.TrimSpace(string(a.Body))
	}
	if loc := a.Header.Get("Location"); a.Status >= 300 && a.Status < 400 {
		text = "redirected to " + loc + "; redirects are not followed"
	}
	said := strings.ToLower(text[:min(len(text), 1000)])
	switch {
	case missing(a.Status, said) && id != "":
		text += "; get it with: ollama pull " + id
	case a.Status == 404 || a.Status == 405:
		text += " (asked " + wire.Redacted(a.Asked) + ", is that Ollama?)"
	}
	return &failed{status: a.Status, said: said, err: &llm.Error{
		Provider: name, Status: a.Status, Body: e.c.Cut(text),
		RetryAfter: wire.RetryAfter(a.Header, time.Now()), Err: conditionOf(a.Status, said),
	}}
}

// message returns what an error answer says, "" where a body is none. Newer servers
// pass on an error of the engine below them: an object, or its JSON as text.
func message(body []byte) string {
	var w struct {
		Error json.RawMessage `json:"error"`
	}
	var text string
	var inner struct {
		Message string `json:"message"`
	}
	switch {
	case json.Unmarshal(body, &w) != nil:
	case json.Unmarshal(w.Error, &inner) == nil && inner.Message != "":
		return inner.Message
	case json.Unmarshal(w.Error, &text) != nil:
	case strings.HasPrefix(text, "{"):
		if deeper := message([]byte(text)); deeper != "" {
			return deeper
		}
	}
	return text
}

// missing: the server has no such model.
func missing(status int, said string) bool {
	return status == 404 && strings.Contains(said, "model") && strings.Contains(said, "not found")
}

// conditionOf maps an error answer, in lower case, to one of llm's conditions, or to
// nil where none fits.
func conditionOf(status int, said string) error {
	switch {
	case wire.Says(said, "exceeds the context", "exceeds maximum context", "exceed the context", "exceeds the available context",
		"exceed context", "maximum context length", "input length exceeds", "input is too large"), status == 413:
		return llm.ErrTooLong
	case status == 401, status == 403:
		return llm.ErrAuth
	case status == 402, wire.Says(said, "usage limit"): // of the hosted service
		return llm.ErrQuota
	case status == 404, status == 405, status >= 300 && status < 400:
		return llm.ErrNotFound
	case status == 429, status == 503 && wire.Says(said, "busy", "pending requests"):
		return llm.ErrRate
	case wire.Says(said, "does not support", "missing data required for image", "invalid json schema", "invalid file magic"):
		return wire.Worded(errors.ErrUnsupported, "the server cannot") // nor the next time
	case status >= 500, status == 408, status == http.StatusOK:
		return llm.ErrTransient
	}
	return nil
}
