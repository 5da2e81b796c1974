package llmtest

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// ServerOptions say how a server answers. Zero fields have the defaults named.
type ServerOptions struct {
	Dialect Dialect // OpenAI()
	// Model answers, or Reply, which gets the number of the call; with neither, every
	// reply is "ok". An error of either is answered as that provider's error.
	Model llm.Model
	Reply func(n int, req *llm.Request) (string, error)

	Parallel  int                    // more calls than this at once are answered 429; 0: no limit
	Latency   time.Duration          // before each answer
	Reasoning int                    // reasoning tokens billed with each reply
	Faults    func(n int) Fault      // by number of call; nil: none
	FaultOf   func(c *Call) Fault    // by call, instead of Faults; called concurrently
	Reject    []string               // parameters, by their names on the wire, that are never accepted
	Models    []string               // served in the list; default test-model
	Context   int                    // tokens of context that each has, where the dialect says it; default 131072
	Embed     func(string) []float32 // Embed
	Keep      bool                   // keep every call for Calls
}

// Stats count what a server was asked. Tokens are estimates, see [Tokens] and
// [Prompt]; calls that were answered with an error have none.
type Stats struct {
	Malformed   int // requests that the provider would not understand, which are not calls
	Calls       int // generations and embeddings, whatever came of them
	Answered    int // those answered with status 200
	Input       int // tokens of prompts
	Eligible    int // of Input, what a prefix cache could have served: see Handler
	Output      int // tokens of replies, reasoning included
	MaxInFlight int // calls under way at once, at most
}

// Handler is a provider as an http.Handler, for tests see [NewServer].
//
// Eligible tokens: a prompt is read in whole blocks of 512 characters (128 tokens);
// a block is eligible when an earlier prompt for the same model began with the same
// text up to the end of that block. Calls under way at once count as earlier in the
// order of their arrival.
type Handler struct {
	o    ServerOptions
	done chan struct{}

	mu       sync.Mutex
	stats    Stats
	inFlight int
	calls    []*Call
	seed     maphash.Seed
	prefixes map[uint64]struct{}
}

// NewHandler returns a handler. Close ends what hangs in it.
func NewHandler(o *ServerOptions) *Handler {
	h := &Handler{done: make(chan struct{}), seed: maphash.MakeSeed(), prefixes: map[uint64]struct{}{}}
	if o != nil {
		h.o = *o
	}
	if h.o.Dialect == nil {
		h.o.Dialect = OpenAI()
	}
	if h.o.Faults == nil {
		h.o.Faults = Always(Fault{})
	}
	if faults := h.o.Faults; h.o.FaultOf == nil {
		h.o.FaultOf = func(c *Call) Fault { return faults(c.N) }
	}
	if h.o.Embed == nil {
		h.o.Embed = Embed
	}
	if h.o.Context == 0 {
		h.o.Context = 131072
	}
	if len(h.o.Models) == 0 {
		h.o.Models = []string{"test-model"}
	}
	return h
}

// A Server is a provider on a loopback port.
type Server struct {
	*Handler
	URL string // such as http://127.0.0.1:40123, without a path
	srv *httptest.Server
}

// NewServer starts a server that stops with the test.
func NewServer(t testing.TB, o *ServerOptions) *Server {
	s := &Server{Handler: NewHandler(o)}
	s.srv = httptest.NewServer(s.Handler)
	s.URL = s.srv.URL
	t.Cleanup(s.Close)
	return s
}

// Close stops the server and waits for its calls to end. It may be called again.
func (s *Server) Close() {
	s.Handler.Close()
	s.srv.CloseClientConnections()
	s.srv.Close()
}

// Close ends the calls that hang or wait. The handler answers none after it.
func (h *Handler) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.done:
	default:
		close(h.done)
	}
}

// Stats returns the counts so far.
func (h *Handler) Stats() Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.stats
}

// Calls returns the calls so far in the order of their arrival, if they are kept.
func (h *Handler) Calls() []*Call {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.calls)
}

func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<20))
	if err != nil {
		return // the client went away
	}
	c, err := h.o.Dialect.Decode(r, body)
	if err != nil {
		f := Fault{Kind: BadRequest}
		h.mu.Lock()
		h.stats.Malformed++
		h.mu.Unlock()
		if errors.Is(err, llm.ErrNotFound) {
			f.Kind = NotFound
		}
		h.fail(w, &Call{HTTP: r, Body: body}, f, err.Error())
		return
	}
	if c.Kind == List || c.Kind == About || c.Kind == Version {
		if c.Kind == About && !slices.Contains(h.o.Models, c.Model) {
			h.fail(w, c, Fault{Kind: NotFound}, "")
			return
		}
		h.write(w, http.StatusOK, h.o.Dialect.Encode(c, &Answer{Models: h.o.Models, Context: h.o.Context}))
		return
	}
	over := h.begin(c)
	defer h.end()
	if !h.wait(r.Context()) {
		return
	}
	if over {
		h.fail(w, c, Fault{Kind: Rate}, "too many calls at once")
		return
	}
	for _, name := range h.o.Reject {
		if c.Params[name] {
			h.fail(w, c, Fault{Kind: RejectParam, Param: name}, "")
			return
		}
	}
	h.answer(w, c, h.o.FaultOf(c))
}

// begin counts a call in, and reports whether it is one too many.
func (h *Handler) begin(c *Call) (over bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stats.Calls++
	c.N = h.stats.Calls
	h.inFlight++
	h.stats.MaxInFlight = max(h.stats.MaxInFlight, h.inFlight)
	if h.o.Keep {
		h.calls = append(h.calls, c)
	}
	return h.o.Parallel > 0 && h.inFlight > h.o.Parallel
}

func (h *Handler) end() {
	h.mu.Lock()
	h.inFlight--
	h.mu.Unlock()
}

// wait lets the latency pass. False: the client or the server is gone.
func (h *Handler) wait(ctx context.Context) bool {
	if h.o.Latency <= 0 {
		return true
	}
	t := time.NewTimer(h.o.Latency)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-h.done:
	}
	return false
}

func (h *Handler) answer(w http.ResponseWriter, c *Call, f Fault) {
	switch f.Kind {
	case Hang:
		select {
		case <-c.HTTP.Context().Done():
		case <-h.done:
		}
		return
	case Reset:
		reset(w)
		return
	case NotJSON:
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<html><body>Please sign in to continue.</body></html>")
		return
	case RejectParam, EchoRefusal:
		if c.Params[f.Param] {
			h.fail(w, c, f, "")
			return
		}
	case NoSchema:
		if c.Request != nil && c.Request.Schema != nil {
			h.fail(w, c, f, "")
			return
		}
	case Rate, ServerError, NotFound, Auth, Quota, TooLong, FilterCall, Echo:
		h.fail(w, c, f, "")
		return
	}
	a, err := h.reply(c, f)
	if err != nil {
		h.fail(w, c, failureOf(err), err.Error())
		return
	}
	body := h.o.Dialect.Encode(c, a)
	if f.Kind == Truncated {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write(body[:len(body)/2])
		http.NewResponseController(w).Flush() // so that status and half of the body do arrive
		panic(http.ErrAbortHandler)
	}
	h.mu.Lock()
	h.stats.Answered++
	h.mu.Unlock()
	h.write(w, http.StatusOK, body)
}

// reply makes the answer and counts its tokens.
func (h *Handler) reply(c *Call, f Fault) (*Answer, error) {
	a := &Answer{Model: c.Model, Finish: llm.FinishStop}
	if c.Kind == EmbedText {
		for _, t := range c.Texts {
			a.Vectors = append(a.Vectors, h.o.Embed(t))
			a.Usage.Input += Tokens(t)
		}
		h.mu.Lock()
		h.stats.Input += a.Usage.Input
		h.mu.Unlock()
		return a, nil
	}
	text, err := "ok", error(nil)
	switch {
	case h.o.Reply != nil:
		text, err = h.o.Reply(c.N, c.Request)
	case h.o.Model != nil:
		var resp *llm.Response
		if resp, err = h.o.Model.Generate(c.HTTP.Context(), c.Request); resp != nil {
			text = resp.Text
		}
	}
	switch {
	case errors.Is(err, llm.ErrTruncated):
		f.Kind = cutShort
	case err != nil:
		return nil, err
	}
	a.Text, a.Finish = f.distort(text)
	if f.Kind == Refusal {
		a.Text, a.Refusal = "I cannot help with that.", true
	}
	if most := c.Request.MaxTokens; most > 0 && a.Finish != llm.FinishFilter && Tokens(a.Text)+h.o.Reasoning > most {
		r := []rune(a.Text)
		a.Text, a.Finish = string(r[:min(len(r), 4*max(0, most-h.o.Reasoning))]), llm.FinishLength
	}
	a.Usage = llm.Usage{Output: Tokens(a.Text) + h.o.Reasoning, Reasoning: h.o.Reasoning}
	h.count(c, &a.Usage)
	return a, nil
}

// count adds the prompt of c, and what of it earlier prompts shared, to the counts.
func (h *Handler) count(c *Call, u *llm.Usage) {
	prompt := Prompt(c.Request)
	u.Input = Tokens(prompt)
	var hash maphash.Hash
	hash.SetSeed(h.seed)
	hash.WriteString(c.Model + "\n")
	h.mu.Lock()
	defer h.mu.Unlock()
	const block = 4 * 128
	shared, begin, chars := true, 0, 0
	for i := range prompt {
		if chars == block {
			hash.WriteString(prompt[begin:i])
			begin, chars = i, 0
			shared = h.shared(hash.Sum64(), shared, u)
		}
		chars++
	}
	if chars == block {
		hash.WriteString(prompt[begin:])
		h.shared(hash.Sum64(), shared, u)
	}
	h.stats.Input += u.Input
	h.stats.Eligible += u.CachedInput
	h.stats.Output += u.Output
}

func (h *Handler) shared(sum uint64, before bool, u *llm.Usage) bool {
	_, seen := h.prefixes[sum]
	h.prefixes[sum] = struct{}{}
	if before && seen {
		u.CachedInput += 128
	}
	return before && seen
}

func (h *Handler) fail(w http.ResponseWriter, c *Call, f Fault, message string) {
	if message == "" {
		message = messageOf(c, f)
	}
	if f.RetryAfter > 0 {
		name, value := retryAfter(f.RetryAfter)
		w.Header().Set(name, value)
	}
	status, body := h.o.Dialect.Fail(c, &Failure{Kind: f.Kind, Param: f.Param, Message: message})
	h.write(w, status, body)
}

func (h *Handler) write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

func messageOf(c *Call, f Fault) string {
	switch f.Kind {
	case Rate:
		return "Rate limit reached."
	case Quota:
		return "You exceeded your current quota."
	case NotFound:
		return fmt.Sprintf("The model %q does not exist.", c.Model)
	case Auth:
		return "The key was not accepted."
	case TooLong:
		return "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
	case FilterCall:
		return "The prompt was filtered by the content management policy."
	case RejectParam:
		return fmt.Sprintf("Unsupported parameter: '%s' is not supported with this model.", f.Param)
	case NoSchema:
		return "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."
	case Echo, EchoRefusal:
		var b strings.Builder
		if f.Kind == EchoRefusal {
			fmt.Fprintf(&b, "Unsupported parameter: '%s' is not supported with this model. ", f.Param)
		}
		fmt.Fprintf(&b, "Bad request to %s:", c.HTTP.URL)
		for _, name := range slices.Sorted(maps.Keys(c.HTTP.Header)) {
			fmt.Fprintf(&b, " %s: %s;", name, strings.Join(c.HTTP.Header[name], ", "))
		}
		return b.String()
	}
	return "The server had an error."
}

// failureOf turns an error of this module back into the fault that makes it.
func failureOf(err error) Fault {
	f := Fault{Kind: ServerError}
	var e *llm.Error
	if errors.As(err, &e) {
		f.RetryAfter = e.RetryAfter
	}
	for _, k := range []struct {
		err  error
		kind FaultKind
	}{
		{llm.ErrRate, Rate}, {llm.ErrQuota, Quota}, {llm.ErrAuth, Auth}, {llm.ErrNotFound, NotFound},
		{llm.ErrTooLong, TooLong}, {llm.ErrFiltered, FilterCall},
	} {
		if errors.Is(err, k.err) {
			f.Kind = k.kind
		}
	}
	return f
}

// reset ends the connection so that the client sees a reset, not an end.
func reset(w http.ResponseWriter) {
	hj, ok := w.(http.Hijacker)
	if !ok {
		panic(http.ErrAbortHandler)
	}
	conn, _, err := hj.Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		tcp.SetLinger(0)
	}
	conn.Close()
}
