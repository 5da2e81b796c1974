package anthropic

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/adapt"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

// A Model is one model of an endpoint. It is safe for concurrent use.
type Model struct {
	e      *Endpoint
	id     string
	name   string
	memory *adapt.Memory
}

// New returns a model with an endpoint of its own. Nothing is sent.
func New(model string, o *Options) (*Model, error) {
	e, err := NewEndpoint(o)
	if err != nil {
		return nil, err
	}
	return e.Model(model)
}

// Model returns a model of the endpoint, such as claude-haiku-5-5. Each value finds
// out by itself what the model accepts.
func (e *Endpoint) Model(id string) (*Model, error) {
	if id == "" {
		return nil, errors.New("anthropic: no model named")
	}
	name := e.o.Provider + "/" + id
	return &Model{e: e, id: id, name: name, memory: adapt.New(name, e.o.Log, findings)}, nil
}

// Name returns provider/model.
func (m *Model) Name() string { return m.name }

// Identity implements [llm.Identified]: the name and, where they differ from the
// defaults, the server's address and the options that change answers.
func (m *Model) Identity() string {
	o := &m.e.o
	return wire.Identity(m.name, o.BaseURL, DefaultURL, struct {
		MaxTokens   int      `json:",omitempty"`
		Temperature *float64 `json:",omitempty"`
		TopP        *float64 `json:",omitempty"`
		Effort      string   `json:",omitempty"`
	}{o.MaxTokens, o.Temperature, o.TopP, o.Effort}, m.e.extra)
}

// Close closes the endpoint's idle connections. The model may be used again.
func (m *Model) Close() { m.e.Close() }

// Adapted says in words what the model leaves out or replaces for good because the
// endpoint refused it, in a fixed order; nil for nothing. It belongs beside the results.
func (m *Model) Adapted() []string { return m.memory.Words() }

type request struct {
	Model       string      `json:"model"`
	MaxTokens   int         `json:"max_tokens"`
	System      []block     `json:"system,omitempty"`
	Messages    []message   `json:"messages"`
	Tools       []tool      `json:"tools,omitempty"`
	ToolChoice  *toolChoice `json:"tool_choice,omitempty"`
	Output      *output     `json:"output_config,omitempty"`
	Thinking    *thinking   `json:"thinking,omitempty"`
	Temperature *float64    `json:"temperature,omitempty"`
	TopP        *float64    `json:"top_p,omitempty"`
	Stop        []string    `json:"stop_sequences,omitempty"`

	marked bool // for the prompt cache
}

type message struct {
	Role    string  `json:"role"`
	Content content `json:"content"`
}

// content is written as a string where it is a text without marks.
type content []block

func (c content) MarshalJSON() ([]byte, error) {
	if len(c) == 1 && c[0].Type == "text" && c[0].Cache == nil {
		return wire.Encode(c[0].Text, nil)
	}
	return wire.Encode([]block(c), nil)
}

type block struct {
	Type   string  `json:"type"`
	Text   string  `json:"text,omitempty"`
	Source *source `json:"source,omitempty"`
	Cache  *mark   `json:"cache_control,omitempty"`
}

type source struct {
	Type      string `json:"type"`
	MediaType string `json:"media_type"`
	Data      []byte `json:"data"` // base64 on the wire
}

type mark struct {
	Type string `json:"type"`
}

type tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"input_schema"`
}

type toolChoice struct {
	Type string `json:"type"`
	Name string `json:"name"`
	Once bool   `json:"disable_parallel_tool_use"`
}

type output struct {
	Effort string  `json:"effort,omitempty"`
	Format *format `json:"format,omitempty"`
}

type format struct {
	Type   string          `json:"type"`
	Schema json.RawMessage `json:"schema"`
}

type thinking struct {
	Type   string `json:"type"`
	Budget int    `json:"budget_tokens,omitempty"`
}

// Generate implements [llm.Model]. Where the endpoint refuses a parameter, it asks
// again without it, or with fewer output tokens where there are not so many, at most a
// dozen times; refusals cost nothing. It remembers what
// helped, never what did not. It never waits and repeats nothing else. Texts that are
// empty are not sent, since the API refuses them. The prompt is marked for the cache
// after the system prompt and after the messages with Cache set, at most four times;
// where none has, after the one before the last, if the conversation has got so far.
func (m *Model) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	try := m.memory.Try(req.Schema)
	for {
		c, err := m.request(req, try)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		body, err := wire.Encode(c, m.e.extra)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		var r reply
		fail := m.e.exchange(ctx, m.e.c, m.name, http.MethodPost, "v1/messages", body, &r)
		if fail == nil {
			try.Keep()
			return m.response(c, &r)
		}
		if most, room := fitting(fail); try.Lower(c.MaxTokens, most, room, fail.err.Error()) {
			continue
		}
		if found, once := react(fail, c); !try.Add(found, once, fail.err.Error()) {
			return nil, fail.err
		}
	}
}

func (m *Model) request(req *llm.Request, try *adapt.Trial) (*request, error) {
	o, q := &m.e.o, try.Set()
	c := &request{Model: m.id, MaxTokens: try.Output(cmp.Or(req.MaxTokens, o.MaxTokens, DefaultMaxTokens)), Messages: []message{}}
	if req.System != "" {
		c.System = []block{{Type: "text", Text: req.System}}
	}
	var stable []*block // where a stable prefix ends
	for _, msg := range req.Messages {
		blocks := blocksOf(msg.Parts)
		if len(blocks) == 0 {
			continue
		}
		c.Messages = append(c.Messages, message{string(msg.Role), blocks})
		if msg.Cache {
			stable = append(stable, &blocks[len(blocks)-1])
		}
	}
	if n := len(c.Messages); len(stable) == 0 && n >= 3 {
		blocks := c.Messages[n-2].Content // where the next turn of a conversation begins alike
		stable = []*block{&blocks[len(blocks)-1]}
	}
	if !o.NoCache && !q.Has(noCache) {
		c.mark(stable)
	}
	effort := cmp.Or(req.Effort, o.Effort)
	if effort == "minimal" { // the least that there is
		effort = "low"
	}
	if effort != "" && !q.Has(noEffort) {
		c.Output = &output{Effort: effort}
	}
	if req.Schema != nil {
		if err := c.ask(req.Schema, q); err != nil {
			return nil, err
		}
	}
	if effort != "" && c.ToolChoice == nil { // a forced call leaves no room for thought
		c.Thinking = think(effort, c.MaxTokens, q)
	}
	temperature, topP := cmp.Or(req.Temperature, o.Temperature), cmp.Or(req.TopP, o.TopP)
	if temperature != nil && q.Has(lukewarm) {
		temperature = new(min(*temperature, 1))
	}
	if quiet := c.Thinking != nil && q.Has(plainThinks); !quiet {
		if !q.Has(noTemp) {
			c.Temperature = temperature
		}
		if !q.Has(noTopP) && !(q.Has(oneSampler) && c.Temperature != nil) {
			c.TopP = topP
		}
	}
	if !q.Has(noStop) {
		c.Stop = req.Stop
	}
	return c, nil
}

func blocksOf(parts []llm.Part) content {
	var out content
	for _, p := range parts {
		if p.Text != "" {
			out = append(out, block{Type: "text", Text: p.Text})
		}
		if p.Image != nil {
			out = append(out, block{Type: "image", Source: &source{"base64", p.Image.MediaType, p.Image.Data}})
		}
	}
	return out
}

// mark sets prompt-cache marks: after the system prompt, and where a stable prefix
// ends, the last ones where that makes more than the four that the API takes.
func (c *request) mark(stable []*block) {
	if len(c.System) > 0 {
		stable = append([]*block{&c.System[0]}, stable[max(0, len(stable)-3):]...)
	}
	for _, b := range stable[max(0, len(stable)-4):] {
		b.Cache = &mark{"ephemeral"}
		c.marked = true
	}
}

// ask adds the schema to a request in the form that the model takes.
func (c *request) ask(s *llm.Schema, q adapt.Set) error {
	body, ok, err := dialect().Rewrite(s.Body)
	switch {
	case err != nil:
		return err
	case ok && !q.Has(noFormat):
		if c.Output == nil {
			c.Output = new(output)
		}
		c.Output.Format = &format{"json_schema", body}
	case !q.Has(noTool):
		name := cmp.Or(s.Name, "reply")
		c.Tools = []tool{{name, "Gives the reply.", typed(s.Body)}}
		c.ToolChoice = &toolChoice{"tool", name, true}
	default:
		text := wire.InPrompt(s.Body)
		c.Messages = withText(c.Messages, text)
	}
	return nil
}

// withText puts a text at the end of the prompt, where it leaves the prefix alone.
func withText(messages []message, text string) []message {
	if n := len(messages); n > 0 && messages[n-1].Role == string(llm.User) {
		last := messages[n-1].Content
		if b := &last[len(last)-1]; b.Type == "text" && b.Cache == nil {
			b.Text += text
		} else {
			messages[n-1].Content = append(last, block{Type: "text", Text: text})
		}
		return messages
	}
	return append(messages, message{string(llm.User), content{{Type: "text", Text: strings.TrimSpace(text)}}})
}

// typed returns a schema whose root says that it is an object, as a tool's must.
func typed(body json.RawMessage) json.RawMessage {
	v, err := ordered.Parse(body)
	if err != nil || v.Kind != ordered.Object {
		return body
	}
	if _, ok := v.Field("type"); ok {
		return body
	}
	v.Fields = append([]ordered.Field{{Name: "type", Value: ordered.Value{Kind: ordered.String, Text: "object"}}}, v.Fields...)
	return v.Append(nil)
}

// think says how much to think. A budget must be at least 1,024 tokens and leave some
// for the reply; where a call has no room for that, it goes without.
func think(effort string, maxTokens int, q adapt.Set) *thinking {
	switch {
	case q.Has(noThinking):
		return nil
	case !q.Has(budgeted):
		return &thinking{Type: "adaptive"}
	}
	budget := 8192
	switch effort {
	case "low":
		budget = 2048
	case "high":
		budget = 16384
	}
	if budget = min(budget, maxTokens/2); budget < 1024 {
		return nil
	}
	return &thinking{"enabled", budget}
}

type reply struct {
	Model   string `json:"model"`
	Content []struct {
		Type  string          `json:"type"`
		Text  string          `json:"text"`
		Input json.RawMessage `json:"input"`
	} `json:"content"`
	Stop    string `json:"stop_reason"`
	Details *struct {
		Category string `json:"category"`
		Why      string `json:"explanation"`
	} `json:"stop_details"`
	Usage struct {
		Fresh   int `json:"input_tokens"`
		Written int `json:"cache_creation_input_tokens"`
		Cached  int `json:"cache_read_input_tokens"`
		Output  int `json:"output_tokens"`
		Details struct {
			Thinking int `json:"thinking_tokens"`
		} `json:"output_tokens_details"`
	} `json:"usage"`
}

// response types a good answer: only a finished text that is not empty is one.
func (m *Model) response(c *request, r *reply) (*llm.Response, error) {
	u := &r.Usage
	resp := &llm.Response{Model: m.e.c.Own(cmp.Or(r.Model, m.id)), Finish: llm.FinishStop, Usage: wire.Counted(llm.Usage{
		Input: u.Fresh + u.Written + u.Cached, CachedInput: u.Cached, CacheWrite: u.Written, Output: u.Output, Reasoning: u.Details.Thinking})}
	fail := func(err error, body string) (*llm.Response, error) {
		return resp, &llm.Error{Provider: m.name, Status: 200, Code: m.e.c.Cut(r.Stop), Body: m.e.c.Cut(body), Err: err}
	}
	var text strings.Builder
	var call json.RawMessage
	for _, b := range r.Content {
		switch {
		case b.Type == "text":
			text.WriteString(b.Text)
		case b.Type == "tool_use" && c.ToolChoice != nil && call == nil:
			call = b.Input
		}
	}
	resp.Text = m.e.c.Own(text.String())
	if call != nil {
		resp.Text = m.e.c.Own(string(bytes.TrimSpace(call)))
	}
	switch r.Stop {
	case "max_tokens":
		resp.Finish = llm.FinishLength
		return fail(llm.ErrTruncated, "")
	case "model_context_window_exceeded":
		resp.Finish = llm.FinishLength
		return fail(wire.Condition(llm.ErrTruncated, "prompt and reply fill the model's context"), "")
	case "refusal":
		resp.Finish = llm.FinishFilter
		why := ""
		if r.Details != nil {
			why = strings.TrimPrefix(r.Details.Category+": "+r.Details.Why, ": ")
		}
		return fail(llm.ErrFiltered, cmp.Or(strings.TrimSuffix(why, ": "), resp.Text))
	case "pause_turn", "":
		return fail(wire.Condition(llm.ErrTransient, "the reply is not finished"), "")
	}
	if strings.TrimSpace(resp.Text) == "" {
		return fail(wire.Condition(llm.ErrTransient, "empty reply"), "")
	}
	return resp, nil
}
