package ollama

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

const maxSchemas = 256 // schemas remembered

// A Model is one model of a server. It is safe for concurrent use.
type Model struct {
	e    *Endpoint
	id   string
	name string

	asking chan struct{} // holds one token: whose turn it is to ask for the context

	mu      sync.Mutex
	numCtx  int  // what calls ask for; 0 until it is known
	blind   bool // the server says what the model can do, and to see is not among it
	thinks  bool // the server says that it can
	refuses bool // the server refuses a prompt that does not fit
	thought thought
	schemas map[string]schemaState // by body
}

// New returns a model with an endpoint of its own. Nothing is sent.
func New(model string, o *Options) (*Model, error) {
	e, err := NewEndpoint(o)
	if err != nil {
		return nil, err
	}
	return e.Model(model)
}

// Model returns a model of the endpoint by its name there, such as gemma3 or
// llama3.2:3b.
func (e *Endpoint) Model(id string) (*Model, error) {
	if id == "" {
		return nil, errors.New("ollama: no model named")
	}
	return &Model{e: e, id: id, name: "ollama/" + id, asking: make(chan struct{}, 1), schemas: map[string]schemaState{}}, nil
}

// Name returns ollama/model.
func (m *Model) Name() string { return m.name }

// Identity implements [llm.Identified]: the name, the server's address where it is
// not the default one, and the options that change answers. NumCtx is among them
// where it was set: a reply is never one that ran into its end, but a model may be
// loaded otherwise for it.
func (m *Model) Identity() string {
	o := &m.e.o
	return wire.Identity(m.name, o.Host, DefaultHost, struct {
		NumCtx      int      `json:",omitempty"`
		MaxTokens   int      `json:",omitempty"`
		Temperature *float64 `json:",omitempty"`
		TopP        *float64 `json:",omitempty"`
		Effort      string   `json:",omitempty"`
		Seed        *int64   `json:",omitempty"`
	}{o.NumCtx, o.MaxTokens, o.Temperature, o.TopP, o.Effort, o.Seed}, m.e.extra)
}

// Close closes the endpoint's idle connections. The model may be used again.
func (m *Model) Close() { m.e.Close() }

// Context returns how many tokens of prompt and reply a call may have. It asks the
// server the first time; ErrNotFound says how to get a missing model.
func (m *Model) Context(ctx context.Context) (int, error) {
	if n := m.known(); n > 0 {
		return n, nil
	}
	select {
	case m.asking <- struct{}{}:
		defer func() { <-m.asking }()
	case <-ctx.Done():
		return 0, fmt.Errorf("%s: %w", m.name, ctx.Err())
	}
	if n := m.known(); n > 0 {
		return n, nil
	}
	info, fail := m.e.show(ctx, m.id)
	switch {
	case fail != nil && (fail.status == 404 || fail.status == 405) && !missing(fail.status, fail.said):
		info = new(ModelInfo) // a proxy that lets only generations through
	case fail != nil:
		return 0, fail.err
	}
	n := m.e.o.NumCtx
	if n == 0 {
		n = info.NumCtx
	}
	if n <= 0 {
		n = DefaultNumCtx
	}
	if info.Context > 0 && n > info.Context {
		if m.e.o.NumCtx > info.Context {
			m.e.o.Log.Warn("the model has less context than was asked for", "model", m.name, "asked", n, "has", info.Context)
		}
		n = info.Context
	}
	refuses := m.e.refuses(ctx)
	if ctx.Err() != nil {
		return 0, fmt.Errorf("%s: %w", m.name, ctx.Err())
	}
	m.mu.Lock()
	m.numCtx, m.refuses = n, refuses
	m.thinks = slices.Contains(info.Capabilities, "thinking")
	m.blind = info.Capabilities != nil && !slices.Contains(info.Capabilities, "vision")
	m.mu.Unlock()
	return n, nil
}

func (m *Model) known() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.numCtx
}

// cannotSee reports whether a request has images that nobody would see.
func (m *Model) cannotSee(req *llm.Request) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.blind && slices.ContainsFunc(req.Messages, func(msg llm.Message) bool {
		return slices.ContainsFunc(msg.Parts, func(p llm.Part) bool { return p.Image != nil })
	})
}

type chatRequest struct {
	Model     string          `json:"model"`
	Messages  []chatMessage   `json:"messages"`
	Stream    bool            `json:"stream"`
	Format    json.RawMessage `json:"format,omitempty"`
	Think     any             `json:"think,omitempty"` // false, true, low, medium or high
	KeepAlive string          `json:"keep_alive,omitempty"`
	// Newer servers answer a prompt that does not fit with an error where this is
	// false, and end a reply at the end of the context; older ones pass it over.
	Truncate bool            `json:"truncate"`
	Shift    bool            `json:"shift"`
	Options  json.RawMessage `json:"options"`
}

type chatMessage struct {
	Role    string   `json:"role"`
	Content string   `json:"content"`
	Images  []string `json:"images,omitempty"`
}

type chatOptions struct {
	NumCtx      int      `json:"num_ctx"`
	NumPredict  int      `json:"num_predict"`
	Temperature *float64 `json:"temperature,omitempty"`
	TopP        *float64 `json:"top_p,omitempty"`
	Stop        []string `json:"stop,omitempty"`
	Seed        *int64   `json:"seed,omitempty"`
}

type chatResponse struct {
	Model   string `json:"model"`
	Message *struct {
		Content string `json:"content"`
	} `json:"message"`
	Done   bool   `json:"done"`
	Reason string `json:"done_reason"`
	Prompt int    `json:"prompt_eval_count"`
	Output int    `json:"eval_count"`
}

// Generate implements [llm.Model]. The first call asks the server how much context
// the model has. Where the server cannot make a grammar of a schema, or does not let
// the model think, it is asked again without, within the call; refusals cost
// nothing. A model that says nothing unless it thinks is asked again to think, once,
// with what is left of the limit; the usage is that of both. A prompt that does not
// fit, or that the server may have cut, is an ErrTooLong; a reply that ran into the end
// of the context is an ErrTruncated; images for a model that cannot see, as far as the
// server says, are an error.
func (m *Model) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	numCtx, err := m.Context(ctx)
	if err != nil {
		return nil, err
	}
	if m.cannotSee(req) {
		return nil, &llm.Error{Provider: m.name, Err: wire.Worded(llm.ErrNotFound,
			"the model does not see images, and Ollama would leave them out without a word; nothing was sent")}
	}
	// A guess, and half of it at that: only what cannot fit is not sent.
	if n := estimate(req); n/2 > numCtx {
		return nil, &llm.Error{Provider: m.name, Err: wire.Condition(llm.ErrTooLong,
			fmt.Sprintf("about %d tokens, and num_ctx is %d; nothing was sent", n, numCtx))}
	}
	var try trial
	var mute *llm.Response // the reply before, and why it is none
	var muteErr error
	limit := cmp.Or(req.MaxTokens, m.e.o.MaxTokens)
	for {
		st, th, err := m.plan(req, &try)
		if err != nil {
			return nil, err
		}
		think := th.value(cmp.Or(req.Effort, m.e.o.Effort))
		body, err := m.body(req, numCtx, limit, st, think)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		var reply chatResponse
		fail := m.e.exchange(ctx, m.name, m.id, http.MethodPost, "api/chat", body, &reply)
		switch {
		case fail == nil && mute != nil:
			try.thought.must = !reply.mute() // what did not help is not remembered
			m.learn(req, &try)
			resp, err := m.response(req, &reply, numCtx)
			resp.Usage = resp.Usage.Add(mute.Usage)
			return resp, err
		case fail == nil:
			m.learn(req, &try)
			resp, err := m.response(req, &reply, numCtx)
			left, more := room(limit, reply.Output)
			if think != false || !reply.mute() || !m.canThink() || !more {
				return resp, err
			}
			try.thought.must, mute, muteErr, limit = true, resp, err, left
			try.answers = append(try.answers, "empty reply")
		case try.react(fail, req, st, think):
		case mute != nil && fail.status != 0 && ctx.Err() == nil: // a refusal, which cost nothing
			return mute, muteErr
		default:
			return nil, fail.err
		}
	}
}

func (m *Model) canThink() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.thinks
}

func (m *Model) body(req *llm.Request, numCtx, limit int, st schemaState, think any) ([]byte, error) {
	o := &m.e.o
	c := &chatRequest{Model: m.id, Messages: make([]chatMessage, 0, len(req.Messages)+1)}
	if req.System != "" {
		c.Messages = append(c.Messages, chatMessage{Role: "system", Content: req.System})
	}
	for _, msg := range req.Messages {
		c.Messages = append(c.Messages, messageOf(msg))
	}
	if req.Schema != nil {
		c.Format = st.format()
		// Servers of 0.17 to 0.21 hold the grammar back until a model has thought, and
		// some models do not where they are told not to.
		if st.level >= levelObject || m.canThink() {
			c.addText(wire.InPrompt(req.Schema.Body))
		}
	}
	c.Think = think
	switch {
	case o.KeepAlive < 0:
		c.KeepAlive = "-1s"
	case o.KeepAlive > 0:
		c.KeepAlive = o.KeepAlive.Round(time.Second).String()
	}
	opts := chatOptions{
		NumCtx: numCtx, NumPredict: limit,
		Temperature: cmp.Or(req.Temperature, o.Temperature), TopP: cmp.Or(req.TopP, o.TopP), Stop: req.Stop,
	}
	if opts.NumPredict == 0 {
		// Otherwise old servers let a model go on for ten contexts.
		opts.NumPredict = max(numCtx-estimate(req)/2, 1)
	}
	if o.Seed != nil {
		opts.Seed = new(*o.Seed + int64(req.Draw))
	}
	var err error
	if c.Options, err = wire.Encode(opts, m.e.extra); err != nil {
		return nil, err
	}
	return wire.Encode(c, nil)
}

// addText adds text at the end of the prompt, where it leaves the prefix alone.
func (c *chatRequest) addText(text string) {
	if n := len(c.Messages); n > 0 && c.Messages[n-1].Role == string(llm.User) {
		c.Messages[n-1].Content += text
		return
	}
	c.Messages = append(c.Messages, chatMessage{Role: string(llm.User), Content: strings.TrimSpace(text)})
}

func messageOf(m llm.Message) chatMessage {
	out := chatMessage{Role: string(m.Role)}
	for _, p := range m.Parts {
		out.Content += p.Text
		if p.Image != nil {
			out.Images = append(out.Images, base64.StdEncoding.EncodeToString(p.Image.Data))
		}
	}
	return out
}

// response types a good answer: only a finished text that is not empty, to a prompt
// that was read whole, is one.
func (m *Model) response(req *llm.Request, reply *chatResponse, numCtx int) (*llm.Response, error) {
	used := wire.Counted(llm.Usage{Input: reply.Prompt, Output: reply.Output})
	reply.Prompt, reply.Output = used.Input, used.Output
	resp := &llm.Response{
		Model: m.e.c.Own(cmp.Or(reply.Model, m.id)), Finish: llm.FinishStop,
		Usage: used,
	}
	fail := func(err error) (*llm.Response, error) {
		return resp, &llm.Error{Provider: m.name, Status: 200, Code: m.e.c.Cut(reply.Reason), Err: err}
	}
	if reply.Message == nil || !reply.Done {
		return fail(wire.Condition(llm.ErrTransient, "the answer holds no finished message"))
	}
	resp.Text = m.e.c.Own(reply.Message.Content)
	if reply.Prompt >= numCtx || !m.refusing() && mayBeCut(req, reply.Prompt, numCtx) {
		return fail(wire.Condition(llm.ErrTooLong, fmt.Sprintf("the server read %d tokens and num_ctx is %d; "+
			"so near to it, Ollama may have left out the oldest messages without saying so", reply.Prompt, numCtx)))
	}
	if reply.Reason == "length" {
		resp.Finish = llm.FinishLength
		return fail(llm.ErrTruncated)
	}
	if reply.Prompt+reply.Output >= numCtx {
		resp.Finish = llm.FinishLength
		return fail(wire.Condition(llm.ErrTruncated, fmt.Sprintf("%d tokens of prompt and %d of reply reach num_ctx, %d", reply.Prompt, reply.Output, numCtx)))
	}
	if strings.TrimSpace(resp.Text) == "" {
		return fail(wire.Condition(llm.ErrTransient, "empty reply"))
	}
	return resp, nil
}

func (m *Model) refusing() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refuses
}

// estimate guesses the tokens of a prompt. The schema is not among them: it becomes a
// grammar.
func estimate(req *llm.Request) int {
	r := *req
	r.Schema = nil
	return llm.EstimateInput(&r)
}

// mayBeCut reports whether older messages may have been left out of a prompt of which
// the server read so many tokens. Servers without truncate leave out the oldest, one
// by one, until the rest fits; so what they read and the largest older message
// together exceed the context, if anything is missing. A single message that is too
// long is cut to the context's length. How many tokens a message has is a guess, made
// a quarter larger than it is.
func mayBeCut(req *llm.Request, read, numCtx int) bool {
	if read == 0 {
		return false // the server does not say
	}
	all, largest := len(req.System), 0
	guess := 0
	for i, m := range req.Messages {
		size, tokens := 0, 0
		for _, p := range m.Parts {
			size += len(p.Text)
			tokens += llm.Tokens(p.Text)
			if p.Image != nil {
				tokens += 1000
			}
		}
		all += size
		if i < len(req.Messages)-1 {
			largest, guess = max(largest, size), max(guess, tokens)
		}
	}
	if guess == 0 {
		return false // nothing that could be left out
	}
	if all > 0 {
		guess = max(guess, largest*read/all)
	}
	return read+guess+guess/4+16 > numCtx
}
