package openai

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

const (
	maxAdapt   = 12  // attempts of one call to find what an endpoint accepts
	maxSchemas = 256 // schemas remembered
)

// A Model is one model of an endpoint. It is safe for concurrent use.
type Model struct {
	e    *Endpoint
	id   string
	name string

	mu      sync.Mutex
	found   quirks
	schemas map[string]schemaState // by body
}

// schemaState is what is known of one schema.
type schemaState struct {
	strict *strictSchema
	drop   class  // with which strict was made
	format format // at least, whatever the endpoint can do otherwise
}

// New returns a model with an endpoint of its own. Nothing is sent.
func New(model string, o *Options) (*Model, error) {
	e, err := NewEndpoint(o)
	if err != nil {
		return nil, err
	}
	return e.Model(model)
}

// Model returns a model of the endpoint; id is its name there, or Azure's
// deployment. Each value finds out by itself what the model accepts.
func (e *Endpoint) Model(id string) (*Model, error) {
	if id == "" {
		return nil, errors.New("openai: no model named")
	}
	return &Model{e: e, id: id, name: e.o.Provider + "/" + id, schemas: map[string]schemaState{}}, nil
}

// Name returns provider/model.
func (m *Model) Name() string { return m.name }

// Identity implements [llm.Identified]: the name and, where they differ from the
// defaults, the server's address and the options that change answers.
func (m *Model) Identity() string { return m.e.identity(m.name) }

func (e *Endpoint) identity(name string) string {
	return wire.Identity(name, e.o.BaseURL, DefaultURL, struct {
		MaxTokens   int      `json:",omitempty"`
		Temperature *float64 `json:",omitempty"`
		TopP        *float64 `json:",omitempty"`
		Effort      string   `json:",omitempty"`
		Seed        *int64   `json:",omitempty"`
		Dimensions  int      `json:",omitempty"`
	}{e.o.MaxTokens, e.o.Temperature, e.o.TopP, e.o.Effort, e.o.Seed, e.o.Dimensions}, e.extra)
}

// Close closes the endpoint's idle connections. The model may be used again.
func (m *Model) Close() { m.e.Close() }

type chatRequest struct {
	Model               string        `json:"model"`
	Messages            []chatMessage `json:"messages"`
	Format              *chatFormat   `json:"response_format,omitempty"`
	Temperature         *float64      `json:"temperature,omitempty"`
	TopP                *float64      `json:"top_p,omitempty"`
	MaxCompletionTokens int           `json:"max_completion_tokens,omitempty"`
	MaxTokens           int           `json:"max_tokens,omitempty"`
	Effort              string        `json:"reasoning_effort,omitempty"`
	Stop                []string      `json:"stop,omitempty"`
	Seed                *int64        `json:"seed,omitempty"`

	nullable bool // of the schema: see withoutNulls
}

type chatMessage struct {
	Role    string `json:"role"`
	Content any    `json:"content"` // string or []chatPart
}

type chatPart struct {
	Type  string     `json:"type"`
	Text  string     `json:"text,omitempty"`
	Image *chatImage `json:"image_url,omitempty"`
}

type chatImage struct {
	URL string `json:"url"`
}

type chatFormat struct {
	Type       string      `json:"type"`
	JSONSchema *chatSchema `json:"json_schema,omitempty"`
}

type chatSchema struct {
	Name   string          `json:"name"`
	Strict bool            `json:"strict"`
	Schema json.RawMessage `json:"schema"`
}

type chatResponse struct {
	Model   string       `json:"model"`
	Choices []chatChoice `json:"choices"`
	Usage   wireUsage    `json:"usage"`
}

type chatChoice struct {
	Message struct {
		Content json.RawMessage `json:"content"`
		Refusal string          `json:"refusal"`
	} `json:"message"`
	FinishReason string `json:"finish_reason"`
}

type wireUsage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	CacheHit   int `json:"prompt_cache_hit_tokens"` // DeepSeek
	Input      struct {
		Cached  int `json:"cached_tokens"`
		Written int `json:"cache_write_tokens"` // part of prompt_tokens, as the others
	} `json:"prompt_tokens_details"`
	Output struct {
		Reasoning int `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func (u wireUsage) usage() llm.Usage {
	return wire.Counted(llm.Usage{Input: u.Prompt, CachedInput: max(u.Input.Cached, u.CacheHit), CacheWrite: u.Input.Written, Output: u.Completion, Reasoning: u.Output.Reasoning})
}

// Generate implements [llm.Model]. Where the endpoint refuses a parameter, it asks
// again without it, or with fewer output tokens where it has not so many, at most a
// dozen times; refusals cost no tokens. It remembers what
// helped, never what did not. It never waits and repeats nothing else. A schema's
// optional members that come back as null, because strict mode has no other way to
// leave them out, are left out of Text.
func (m *Model) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	var try trial
	for n := 1; ; n++ {
		q, strict, err := m.plan(req, &try)
		if err != nil {
			return nil, err
		}
		if try.room > 0 { // known, where context allows a guess
			q.most, q.context = lower(q.most, try.room), 0
		}
		chat := m.request(req, q, strict)
		body, err := wire.Encode(chat, q.fields(m.e.extra))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		var reply chatResponse
		fail := m.e.exchange(ctx, m.name, http.MethodPost, m.e.path(m.id, "chat/completions"), body, &reply)
		if fail == nil {
			if most := chat.MaxCompletionTokens; q.limit == limitNew && most > 0 && reply.Usage.Completion > most {
				try.add(quirks{limit: limitTried}, "max_completion_tokens was passed over")
			}
			m.learn(req.Schema, &try)
			return m.response(req, chat, &reply)
		}
		if fail.draft != nil { // how much it used is not told
			m.learn(req.Schema, &try)
			return m.response(req, chat, drafted(*fail.draft))
		}
		if most, room, context := reactLimit(fail, chat); most+room > 0 && n < maxAdapt {
			try.room = lower(try.room, room)
			try.add(quirks{most: most, context: context}, fail.err.Error())
			continue
		}
		next, once := q.react(fail, chat)
		if next == q || n == maxAdapt {
			return nil, fail.err
		}
		if once {
			try.schema = next.format
		}
		if once || next.format == q.format {
			next.format = 0 // what one schema needs says nothing of others
		}
		try.add(next, fail.err.Error())
	}
}

// plan returns the quirks for a request, and its schema in the strict dialect.
func (m *Model) plan(req *llm.Request, try *trial) (quirks, *strictSchema, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	q := m.found.or(try.quirks)
	if req.Schema == nil {
		return q, nil, nil
	}
	s := m.schemas[string(req.Schema.Body)]
	if s.strict == nil || s.drop != q.drop {
		strict, err := strictly(req.Schema.Body, q.drop)
		if err != nil {
			return q, nil, fmt.Errorf("%s: %w", m.name, err)
		}
		s.strict, s.drop = strict, q.drop
		m.remember(req.Schema, s)
	}
	q.format = max(q.format, s.format, try.schema)
	if !s.strict.strict {
		q.format = max(q.format, formatSchema)
	}
	return q, s.strict, nil
}

// remember keeps what is known of a schema. m.mu is held.
func (m *Model) remember(s *llm.Schema, state schemaState) {
	if len(m.schemas) >= maxSchemas {
		clear(m.schemas)
	}
	m.schemas[string(s.Body)] = state
}

func (m *Model) request(req *llm.Request, q quirks, strict *strictSchema) *chatRequest {
	o := &m.e.o
	c := &chatRequest{Model: m.id, Messages: make([]chatMessage, 0, len(req.Messages)+1)}
	if req.System != "" {
		c.Messages = append(c.Messages, chatMessage{"system", req.System})
	}
	for _, msg := range req.Messages {
		c.Messages = append(c.Messages, chatMessage{string(msg.Role), content(msg.Parts)})
	}
	if req.Schema != nil {
		c.ask(req.Schema, q.format, strict)
	}
	if q.noSystem && req.System != "" {
		c.Messages[0].Role = string(llm.User)
	}
	if q.mustSwitch || q.noSystem {
		c.Messages = joined(c.Messages)
	}
	if t := cmp.Or(req.Temperature, o.Temperature); !q.noTemp {
		c.Temperature = t
	}
	if p := cmp.Or(req.TopP, o.TopP); !q.noTopP {
		c.TopP = p
	}
	n := cmp.Or(req.MaxTokens, o.MaxTokens)
	if n > 0 {
		n = lower(n, q.most)
		// A guess, so that most calls need not be refused first.
		if room := q.context - llm.EstimateInput(req); q.context > 0 && room >= leastRoom {
			n = min(n, room)
		}
	}
	switch q.limit {
	case limitNew, limitBack:
		c.MaxCompletionTokens = n
	case limitTried, limitOld:
		c.MaxTokens = n
	}
	if !q.noEffort {
		c.Effort = q.efforts.nearest(cmp.Or(req.Effort, o.Effort))
	}
	if !q.noStop {
		c.Stop = req.Stop
	}
	if o.Seed != nil && !q.noSeed {
		c.Seed = new(*o.Seed + int64(req.Draw))
	}
	return c
}

// ask adds the schema to a request in the form that the endpoint takes.
func (c *chatRequest) ask(s *llm.Schema, f format, strict *strictSchema) {
	switch f {
	case formatStrict, formatSchema:
		c.nullable = strict.nullable
		c.Format = &chatFormat{Type: "json_schema", JSONSchema: &chatSchema{
			Name: cmp.Or(s.Name, "reply"), Strict: f == formatStrict, Schema: strict.body}}
		return
	case formatObject:
		c.Format = &chatFormat{Type: "json_object"}
	}
	text := wire.InPrompt(s.Body)
	if n := len(c.Messages); n > 0 && c.Messages[n-1].Role == string(llm.User) {
		c.Messages[n-1].Content = join(c.Messages[n-1].Content, text)
		return
	}
	c.Messages = append(c.Messages, chatMessage{string(llm.User), strings.TrimSpace(text)})
}

// content writes text alone as a string, which every server takes.
func content(parts []llm.Part) any {
	if len(parts) == 1 && parts[0].Image == nil {
		return parts[0].Text
	}
	out := make([]chatPart, 0, len(parts))
	images := false
	for _, p := range parts {
		if p.Text != "" || p.Image == nil {
			out = append(out, chatPart{Type: "text", Text: p.Text})
		}
		if p.Image != nil {
			images = true
			out = append(out, chatPart{Type: "image_url", Image: &chatImage{
				"data:" + p.Image.MediaType + ";base64," + base64.StdEncoding.EncodeToString(p.Image.Data)}})
		}
	}
	if images {
		return out
	}
	var b strings.Builder
	for _, p := range out {
		b.WriteString(p.Text)
	}
	return b.String()
}

// join appends content to content.
func join(a, b any) any {
	if s, ok := a.(string); ok {
		if t, ok := b.(string); ok {
			return s + t
		}
	}
	parts := func(v any) []chatPart {
		if s, ok := v.(string); ok {
			return []chatPart{{Type: "text", Text: s}}
		}
		p, _ := v.([]chatPart) // the only other form
		return p
	}
	return append(append([]chatPart{}, parts(a)...), parts(b)...)
}

// joined makes one message of messages of one role in a row.
func joined(in []chatMessage) []chatMessage {
	var out []chatMessage
	for _, m := range in {
		if n := len(out); n > 0 && out[n-1].Role == m.Role {
			out[n-1].Content = join(join(out[n-1].Content, "\n\n"), m.Content)
			continue
		}
		out = append(out, m)
	}
	return out
}

// response types a good answer: only a finished text that is not empty is one.
func (m *Model) response(req *llm.Request, chat *chatRequest, reply *chatResponse) (*llm.Response, error) {
	resp := &llm.Response{Model: m.e.c.Own(cmp.Or(reply.Model, m.id)), Usage: reply.Usage.usage(), Finish: llm.FinishStop}
	fail := func(code string, err error, body string) (*llm.Response, error) {
		return resp, &llm.Error{Provider: m.name, Status: 200, Code: m.e.c.Cut(code), Body: m.e.c.Cut(body), Err: err}
	}
	if len(reply.Choices) == 0 {
		return fail("", wire.Condition(llm.ErrTransient, "the answer holds no choice"), "")
	}
	c := reply.Choices[0]
	text, err := textOf(c.Message.Content)
	if err != nil {
		return fail("", wire.Condition(llm.ErrTransient, "the answer's content is neither text nor parts"), "")
	}
	resp.Text = m.e.c.Own(text)
	switch c.FinishReason {
	case "", "stop", "eos", "eos_token", "stop_sequence", "tool_calls", "function_call":
	case "length", "max_tokens", "model_length":
		resp.Finish = llm.FinishLength
		return fail(c.FinishReason, llm.ErrTruncated, "")
	case "repetition":
		resp.Finish = llm.FinishLength
		return fail(c.FinishReason, wire.Condition(llm.ErrTruncated, "the reply repeats itself, and was cut"), "")
	case "content_filter":
		resp.Finish = llm.FinishFilter
		return fail(c.FinishReason, llm.ErrFiltered, "")
	default: // error, abort, insufficient_system_resource
		return fail(c.FinishReason, wire.Condition(llm.ErrTransient, "the provider gave up in the middle of the reply"), "")
	}
	if c.Message.Refusal != "" {
		resp.Finish = llm.FinishFilter
		return fail("refusal", llm.ErrFiltered, c.Message.Refusal)
	}
	if strings.TrimSpace(resp.Text) == "" {
		return fail(c.FinishReason, wire.Condition(llm.ErrTransient, "empty reply"), "")
	}
	if chat.nullable {
		resp.Text = withoutNulls(req.Schema.Body, resp.Text)
	}
	return resp, nil
}

// drafted returns a reply that was held back as the one that it would have been, so
// that whoever asked can have it repaired.
func drafted(text string) *chatResponse {
	r := &chatResponse{Choices: make([]chatChoice, 1)}
	c := &r.Choices[0]
	if c.FinishReason = "stop"; strings.HasPrefix(text, "max completion tokens reached") {
		c.FinishReason, text = "length", ""
	}
	c.Message.Content, _ = json.Marshal(text) // a string always has a form
	return r
}

// textOf reads the content of a reply: a string, null, or parts, of which those that
// are text count and those that are thoughts do not.
func textOf(raw json.RawMessage) (string, error) {
	var s string
	if len(raw) == 0 || string(raw) == "null" {
		return "", nil
	}
	if json.Unmarshal(raw, &s) == nil {
		return s, nil
	}
	var parts []struct {
		Type string          `json:"type"`
		Text json.RawMessage `json:"text"`
	}
	if err := json.Unmarshal(raw, &parts); err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range parts {
		if p.Type == "text" {
			b.WriteString(scalar(p.Text))
		}
	}
	return b.String(), nil
}
