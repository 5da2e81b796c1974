// Package bot lets a chatbot behind HTTP take part in a world: it hears what is said
// to it and answers.
//
// A [Bot] is an llm.Model, so that what stands around a model can stand around it: a
// call that was answered is never made again, and every attempt is recorded. A [Mind]
// makes a person of it.
package bot

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

const (
	// DefaultTimeout is how long one attempt may take.
	DefaultTimeout = 30 * time.Second
	// mostReply is the size, in bytes, that a reply may have.
	mostReply = 8 << 20
	// A word of a header at least this long is taken for a secret.
	shortestSecret = 6
)

// Options say how a chatbot is called. URL is needed; the zero value of every other
// field has the stated meaning.
type Options struct {
	Name string // in the model's name, http/NAME; empty means bot
	URL  string // where turns are posted
	// Shown is what errors call the URL; empty means the URL without user and query.
	Shown  string
	Header http.Header // of every request; nothing of it is recorded or shown
	// Body makes the body of a request; nil means {"session": room, "message": said}.
	Body func(t *Turn) ([]byte, error)
	// Reply is a JSON pointer (RFC 6901) to the answer in what comes back. Empty takes
	// all of it as the answer, as text.
	Reply    string
	Timeout  time.Duration // of one attempt; 0 means DefaultTimeout
	Parallel int           // connections kept open; 0 means 2
	// Secrets are texts that are masked wherever the bot says them.
	Secrets []string
	// Proxy is as in http.Transport; nil uses none.
	Proxy func(*http.Request) (*url.URL, error)
}

// A Turn is what a chatbot is asked for: an answer to what it heard. It is all that
// is recorded of a request.
type Turn struct {
	Room   string            `json:"room"`
	Person string            `json:"person"` // who the bot is there
	Step   int               `json:"step"`
	Said   string            `json:"said"` // to it since its last turn, a line each
	Vars   map[string]string `json:"vars,omitempty"`
	Key    string            `json:"key"` // sent as Idempotency-Key: the same whenever this turn is sent
}

// A Bot is a chatbot behind HTTP. It is safe for concurrent use.
type Bot struct {
	o      Options
	client http.Client
	masks  []string // what errors must not show
}

// New returns a bot. Nothing is called.
func New(o *Options) (*Bot, error) {
	b := &Bot{o: *o}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("bot %s: %s is no http or https address", o.Name, cmp.Or(o.Shown, "the URL"))
	}
	if _, err := pointer(o.Reply); err != nil {
		return nil, fmt.Errorf("bot %s: reply: %w", o.Name, err)
	}
	b.o.Name = cmp.Or(o.Name, "bot")
	b.o.Header = o.Header.Clone()
	b.o.Timeout = cmp.Or(o.Timeout, DefaultTimeout)
	b.o.Shown = cmp.Or(o.Shown, (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
	b.o.Secrets = slices.Clone(o.Secrets)
	b.masks = slices.Clone(o.Secrets)
	password, _ := u.User.Password()
	b.masks = append(b.masks, password)
	for _, values := range u.Query() {
		b.masks = append(b.masks, values...)
	}
	for name, values := range o.Header {
		if name = http.CanonicalHeaderKey(name); name == "Content-Type" || name == "Accept" || name == "User-Agent" {
			continue
		}
		for _, v := range values {
			b.masks = append(append(b.masks, v), strings.Fields(v)...)
		}
	}
	b.masks = slices.DeleteFunc(b.masks, func(s string) bool { return len(s) < shortestSecret })
	for _, list := range [][]string{b.o.Secrets, b.masks} { // a longer one may hold a shorter
		slices.SortFunc(list, func(x, y string) int { return cmp.Compare(len(y), len(x)) })
	}
	b.client.Transport = &http.Transport{
		Proxy:               o.Proxy,
		DialContext:         (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		MaxIdleConnsPerHost: max(2, o.Parallel), IdleConnTimeout: time.Minute,
		TLSHandshakeTimeout: 15 * time.Second, ForceAttemptHTTP2: true,
	}
	// A redirect would take the headers elsewhere.
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b, nil
}

// Close gives up idle connections.
func (b *Bot) Close() { b.client.CloseIdleConnections() }

// Name returns http/NAME.
func (b *Bot) Name() string { return "http/" + b.o.Name }

// Generate posts the one message of a request, which is a Turn as JSON. A status
// other than 2xx, a reply that is not what was expected and a failure of the network
// are *llm.Error; those that may pass are temporary.
func (b *Bot) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	var t Turn
	if len(req.Messages) != 1 || len(req.Messages[0].Parts) != 1 {
		return nil, fmt.Errorf("%s: a bot is asked with one message", b.Name())
	}
	if err := json.Unmarshal([]byte(req.Messages[0].Parts[0].Text), &t); err != nil {
		return nil, fmt.Errorf("%s: the turn: %w", b.Name(), err)
	}
	text, err := b.post(ctx, &t)
	if err != nil {
		return nil, err
	}
	text = mask(text, b.o.Secrets)
	// The reply is kept as JSON, so that an answer without words is one too.
	quoted, err := json.Marshal(text)
	if err != nil {
		return nil, err
	}
	return &llm.Response{Text: string(quoted), Finish: llm.FinishStop, Model: b.Name()}, nil
}

func (b *Bot) post(ctx context.Context, t *Turn) (string, error) {
	body, err := b.body(t)
	if err != nil {
		return "", b.problem(0, fmt.Errorf("body: %w", err), "")
	}
	limited, cancel := context.WithTimeout(ctx, b.o.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(limited, http.MethodPost, b.o.URL, bytes.NewReader(body))
	if err != nil {
		return "", b.problem(0, errors.New("the request cannot be made"), "")
	}
	req.Header = b.o.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "Accept": "application/json"} {
		if req.Header.Get(name) == "" {
			req.Header.Set(name, value)
		}
	}
	req.Header.Set("Idempotency-Key", t.Key)
	// Because of that key the transport would send the request again by itself where a
	// connection breaks, and nothing would record it.
	req.GetBody = nil
	resp, err := b.client.Do(req)
	if err != nil {
		return "", b.lost(ctx, limited, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, mostReply+1))
	if err != nil {
		return "", b.lost(ctx, limited, err)
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		var cause error
		switch code := resp.StatusCode; {
		case code == http.StatusTooManyRequests:
			cause = llm.ErrRate
		case code >= 500 || code == http.StatusRequestTimeout:
			cause = llm.ErrTransient
		}
		e := b.problem(resp.StatusCode, cause, string(data))
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 && s < 3600 {
			e.RetryAfter = time.Duration(s) * time.Second
		}
		return "", e
	}
	if len(data) > mostReply {
		return "", b.problem(resp.StatusCode, fmt.Errorf("the reply is longer than %d MiB", mostReply>>20), "")
	}
	text, err := answer(data, b.o.Reply)
	if err != nil {
		return "", b.problem(resp.StatusCode, err, string(data))
	}
	return text, nil
}

func (b *Bot) body(t *Turn) ([]byte, error) {
	if b.o.Body != nil {
		return b.o.Body(t)
	}
	return json.Marshal(map[string]string{"session": t.Room, "message": t.Said})
}

// lost is the error of a request that got no whole reply.
func (b *Bot) lost(ctx, limited context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if limited.Err() != nil {
		return b.problem(0, fmt.Errorf("%w: no reply within %v", llm.ErrTransient, b.o.Timeout), "")
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // without the address, which may hold a secret
	}
	return b.problem(0, fmt.Errorf("%w: %s", llm.ErrTransient, mask(err.Error(), b.masks)), "")
}

// problem is an error that says where, without secrets. What the server said is cut
// to what a reader can take in.
func (b *Bot) problem(status int, err error, said string) *llm.Error {
	said = mask(strings.Join(strings.Fields(strings.ToValidUTF8(said, "\ufffd")), " "), b.masks)
	if r := []rune(said); len(r) > 200 {
		said = string(r[:200]) + "…"
	}
	return &llm.Error{Provider: b.Name() + ": " + b.o.Shown, Status: status, Err: err, Body: said}
}

func mask(s string, secrets []string) string {
	for _, x := range secrets {
		if x != "" {
			s = strings.ReplaceAll(s, x, "***")
		}
	}
	return s
}

// answer returns what the pointer p points to in a reply.
func answer(data []byte, p string) (string, error) {
	if p == "" {
		if !utf8.Valid(data) {
			return "", errors.New("the reply is not UTF-8 text")
		}
		return strings.TrimRight(string(data), "\r\n"), nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return "", fmt.Errorf("the reply is not JSON: %w", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return "", errors.New("the reply is not JSON: something follows the value")
	}
	path, err := pointer(p)
	if err != nil {
		return "", err
	}
	for i, key := range path {
		ok := false
		switch x := v.(type) {
		case map[string]any:
			v, ok = x[key]
		case []any:
			var n int
			if n, err = strconv.Atoi(key); err == nil && n >= 0 && n < len(x) && strconv.Itoa(n) == key {
				v, ok = x[n], true
			}
		}
		if !ok {
			return "", fmt.Errorf("the reply has nothing at %s: %q is missing", p, strings.Join(path[:i+1], "/"))
		}
	}
	switch x := v.(type) {
	case string:
		return x, nil
	case json.Number:
		return x.String(), nil
	case bool:
		return strconv.FormatBool(x), nil
	}
	return "", fmt.Errorf("what the reply has at %s is no text", p)
}

// CheckPointer reports whether p is a JSON pointer.
func CheckPointer(p string) error {
	_, err := pointer(p)
	return err
}

// pointer reads a JSON pointer.
func pointer(p string) ([]string, error) {
	if p == "" {
		return nil, nil
	}
	if p[0] != '/' {
		return nil, fmt.Errorf("a JSON pointer begins with /, such as /answer; found %q", p)
	}
	keys := strings.Split(p[1:], "/")
	for i, k := range keys {
		if strings.Contains(strings.NewReplacer("~0", "", "~1", "").Replace(k), "~") {
			return nil, fmt.Errorf("in a JSON pointer ~ is written ~0 and / is written ~1; found %q", p)
		}
		keys[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(k)
	}
	return keys, nil
}
