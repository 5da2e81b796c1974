// Package wire is what the clients of model servers share: one exchange of JSON over
// HTTP, typed errors, and the hiding of secrets.
package wire

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

const (
	maxBody  = 32 << 20 // bytes of a good answer
	maxError = 64 << 10 // bytes read of an error answer
	keepBody = 4 << 10  // bytes kept of it
)

// Options say how a server is reached. Zero fields have the defaults named.
type Options struct {
	Key       string // sent as a bearer token; empty sends none
	KeyHeader string // gets the bare key instead
	Header    http.Header

	Client  *http.Client                          // default: a pool of the client's own. Redirects are never followed
	Proxy   func(*http.Request) (*url.URL, error) // for that pool; default none
	Connect time.Duration                         // for a new connection in that pool; default 10 s
	Timeout time.Duration                         // for a whole exchange; default 480 s
	// FirstByte is for the beginning of an answer. Default Timeout, since an answer that
	// is not streamed begins when it is complete.
	FirstByte time.Duration
}

// A Client talks to one server. It is safe for concurrent use, and printing it shows
// no key.
type Client struct {
	base    *url.URL
	client  *http.Client
	timeout time.Duration

	firstByte time.Duration // 0: none

	prepare func(http.Header) // adds the key; a function, so that printing a Client prints no key
	mask    func(string) string
	maskOwn func(string) string // for a model's words: masks long keys alone
}

// ParseBase reads the address of a server.
func ParseBase(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("%s: want http(s)://HOST[/PATH]", Redacted(s))
	}
	u.Path, u.RawPath, u.Fragment = strings.TrimRight(u.Path, "/"), "", ""
	return u, nil
}

// Redacted returns an address without its query, user and password.
func Redacted(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(not a URL)"
	}
	u.RawQuery, u.User = "", nil
	return u.String()
}

// New returns a client of the server at base. Nothing is sent.
func New(base *url.URL, o Options) (*Client, error) {
	c := &Client{base: base, timeout: o.Timeout, firstByte: o.FirstByte}
	if c.timeout == 0 {
		c.timeout = 480 * time.Second
	}
	if o.Connect == 0 {
		o.Connect = 10 * time.Second
	}
	key, header := strings.TrimSpace(o.Key), o.Header.Clone()
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return nil, errors.New("the key contains a blank, a line break or a control character")
	}
	c.prepare = func(h http.Header) {
		for k, v := range header {
			h[k] = v
		}
		switch {
		case key == "":
		case o.KeyHeader != "":
			h.Set(o.KeyHeader, key)
		default:
			h.Set("Authorization", "Bearer "+key)
		}
	}
	c.mask, c.maskOwn = maskers(secrets(key, header, base))
	client := http.Client{Transport: o.transport()}
	if o.Client != nil {
		client = *o.Client
	}
	// A redirect would turn the POST into a GET, or carry a key header elsewhere.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.client = &client
	return c, nil
}

// transport returns a pool that keeps as many idle connections as calls run at
// once, so that none is opened twice, and that notices dead ones.
func (o *Options) transport() *http.Transport {
	return &http.Transport{
		Proxy:               o.Proxy,
		DialContext:         (&net.Dialer{Timeout: o.Connect, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: o.Connect,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 512,
		IdleConnTimeout:     90 * time.Second,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
}

// Close closes the connections that are idle. The client may be used again.
func (c *Client) Close() { c.client.CloseIdleConnections() }

// Address is the server's address, without query, user and password.
func (c *Client) Address() string { return Redacted(c.base.String()) }

// An Answer is what a server sent, whatever its status.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte // of an error answer, what arrived of its first 64 kB
	Asked  string // the address
}

// Exchange sends body (nil for none) to a path below the base. name is for errors,
// which are typed. A context that ends gives its own error, not one that is retried.
func (c *Client) Exchange(ctx context.Context, name, method, path string, body []byte) (*Answer, error) {
	inner, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	defer time.AfterFunc(c.timeout, func() { stop(&slow{"no whole answer within " + c.timeout.String()}) }).Stop()
	begun := func() bool { return true }
	if c.firstByte > 0 {
		begun = time.AfterFunc(c.firstByte, func() { stop(&slow{"no answer began within " + c.firstByte.String()}) }).Stop
		defer begun()
	}
	var sent atomic.Bool
	inner = httptrace.WithClientTrace(inner, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	asked := c.base.JoinPath(path).String()
	req, err := http.NewRequestWithContext(inner, method, asked, bytes.NewReader(body))
	if err != nil {
		return nil, &llm.Error{Provider: name, Err: errors.New(c.mask(err.Error()))}
	}
	c.prepare(req.Header)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, c.network(ctx, inner, name, err, sent.Load())
	}
	defer resp.Body.Close()
	begun()
	llm.HoldOff(ctx, Hold(resp.Header, time.Now()))
	limit := int64(maxBody)
	if resp.StatusCode != http.StatusOK {
		limit = maxError
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	switch {
	case resp.StatusCode != http.StatusOK:
		if err != nil && ctx.Err() != nil {
			return nil, c.network(ctx, inner, name, err, true)
		}
	case err != nil:
		return nil, c.network(ctx, inner, name, fmt.Errorf("reading the answer: %w", err), true)
	case len(data) > maxBody:
		return nil, &llm.Error{Provider: name, Status: 200, Err: Condition(llm.ErrTransient, "the answer is longer than 32 MB")}
	}
	return &Answer{resp.StatusCode, resp.Header, data, asked}, nil
}

// Decode reads a good answer into out.
func (c *Client) Decode(name string, a *Answer, out any) error {
	if err := json.Unmarshal(a.Body, out); err != nil {
		return &llm.Error{Provider: name, Status: a.Status, Body: c.Cut(string(a.Body)),
			Err: Condition(llm.ErrTransient, "the answer is not the expected JSON")}
	}
	return nil
}

// A worded is a condition with words of its own.
type worded struct {
	text string
	is   error
}

func (s *worded) Error() string { return s.text }
func (s *worded) Unwrap() error { return s.is }

// Condition returns an error that is err, and says more. It must not be given a
// foreign error, whose text might hold a key.
func Condition(err error, text string) error { return &worded{err.Error() + ": " + text, err} }

// Worded returns an error that is err in other words.
func Worded(err error, text string) error { return &worded{text, err} }

// NotListening reports whether an error of Exchange means that nothing listens at the
// address.
func NotListening(err error) bool {
	var e *llm.Error
	return errors.As(err, &e) && e.Status == 0 && errors.Is(err, llm.ErrTransient) && strings.Contains(e.Err.Error(), "refused")
}

// slow is an ErrTransient and, as net.Error has it, a timeout; it is not a deadline of
// the caller's context.
type slow struct{ text string }

func (s *slow) Error() string   { return llm.ErrTransient.Error() + ": " + s.text }
func (s *slow) Unwrap() error   { return llm.ErrTransient }
func (s *slow) Timeout() bool   { return true }
func (s *slow) Temporary() bool { return true }

// network types an error that came without an answer. inner is ctx with the client's
// own limits; sent says that the request went out.
func (c *Client) network(ctx, inner context.Context, name string, err error, sent bool) error {
	if ctx.Err() != nil {
		return fmt.Errorf("%s: %w", name, ctx.Err())
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = &url.Error{Op: u.Op, URL: Redacted(u.URL), Err: u.Err}
	}
	text := c.Cut(err.Error())
	var cert *tls.CertificateVerificationError
	var dns *net.DNSError
	var record tls.RecordHeaderError
	e := &llm.Error{Provider: name, Sent: sent}
	late, isLate := errors.AsType[*slow](context.Cause(inner))
	switch {
	case isLate:
		e.Err = late
	case errors.As(err, &cert), errors.As(err, &record):
		e.Err = errors.New(text)
	case errors.As(err, &dns) && dns.IsNotFound && !dns.IsTemporary:
		e.Err = Condition(llm.ErrNotFound, text)
	default:
		e.Err = Condition(llm.ErrTransient, text)
	}
	return e
}

// RetryAfter reads how long to wait: in milliseconds, in seconds, as a date, or, where
// there is none of these, from the limit that is used up. At most a day.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if ms, err := strconv.ParseFloat(h.Get(name), 64); err == nil && ms > 0 {
			return seconds(ms / 1000)
		}
	}
	if v := h.Get("Retry-After"); v != "" {
		if s, err := strconv.ParseFloat(v, 64); err == nil && s > 0 {
			return seconds(s)
		} else if t, err := http.ParseTime(v); err == nil {
			if d := until(h, now, t); d > 0 {
				return d
			}
		}
	}
	return Hold(h, now)
}

// Hold reads from the rate headers of an answer how long nothing more is taken: the
// longest time until a limit of which nothing is left is reset, in the forms of OpenAI
// (a duration, or seconds) and of Anthropic (a time). 0 where there is something left.
// At most a day.
func Hold(h http.Header, now time.Time) (d time.Duration) {
	for _, what := range []string{"Requests", "Tokens"} {
		if h.Get("X-Ratelimit-Remaining-"+what) != "0" {
			continue
		}
		reset := h.Get("X-Ratelimit-Reset-" + what)
		if s, err := strconv.ParseFloat(reset, 64); err == nil {
			d = max(d, seconds(s))
		} else if t, err := time.ParseDuration(reset); err == nil {
			d = max(d, min(t, 24*time.Hour))
		}
	}
	for _, what := range []string{"Requests", "Input-Tokens", "Output-Tokens", "Tokens"} {
		if h.Get("Anthropic-Ratelimit-"+what+"-Remaining") != "0" {
			continue
		}
		if t, err := time.Parse(time.RFC3339, h.Get("Anthropic-Ratelimit-"+what+"-Reset")); err == nil {
			d = max(d, until(h, now, t))
		}
	}
	return d
}

// until is the time from an answer to t: by this machine's clock or by the server's,
// whichever says less, since one of them may be wrong. At most a day.
func until(h http.Header, now, t time.Time) time.Duration {
	d := t.Sub(now)
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		d = min(d, t.Sub(date))
	}
	return min(max(d, 0), 24*time.Hour)
}

func seconds(s float64) time.Duration {
	if !(s > 0) { // NaN too
		return 0
	}
	return time.Duration(math.Min(s, 86400) * float64(time.Second))
}

// Encode writes a body without HTML escaping, with extra fields (`,"name":value…`)
// at its end.
func Encode(v any, extra []byte) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	out := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	if len(extra) > 0 {
		out = append(append(out[:len(out)-1], extra...), '}')
	}
	return out, nil
}

// Fields writes fields that a caller adds to a body, in the form that [Encode] takes,
// sorted by name. own are those that may not be among them.
func Fields(extra map[string]any, own ...string) ([]byte, error) {
	var out []byte
	for _, name := range slices.Sorted(maps.Keys(extra)) {
		if slices.Contains(own, name) {
			return nil, fmt.Errorf("extra field %s: set it by its own option", name)
		}
		k, _ := json.Marshal(name) // a string always has a form
		v, err := json.Marshal(extra[name])
		if err != nil {
			return nil, fmt.Errorf("extra field %s: %w", name, err)
		}
		out = append(append(append(append(out, ','), k...), ':'), v...)
	}
	return out, nil
}
