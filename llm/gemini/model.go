package gemini

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

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

// Model returns a model of the endpoint, such as gemini-3.8-flash. Each value finds
// out by itself what the model accepts.
func (e *Endpoint) Model(id string) (*Model, error) {
	if id = strings.TrimPrefix(id, "models/"); id == "" {
		return nil, errors.New("gemini: no model named")
	}
	name := e.o.Provider + "/" + id
	return &Model{e: e, id: id, name: name, memory: adapt.New(name, e.o.Log, findings)}, nil
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

// Adapted says in words what the model leaves out or replaces for good because the
// endpoint refused it, in a fixed order; nil for nothing. It belongs beside the results.
func (m *Model) Adapted() []string { return m.memory.Words() }

type request struct {
	System   *content  `json:"systemInstruction,omitempty"`
	Contents []content `json:"contents"`
	Config   config    `json:"generationConfig"`
}

type content struct {
	Role  string `json:"role,omitempty"`
	Parts []part `json:"parts"`
}

type part struct {
	Text  string `json:"text,omitempty"`
	Image *blob  `json:"inlineData,omitempty"`
}

type blob struct {
	MIME string `json:"mimeType"`
	Data []byte `json:"data"` // base64 on the wire
}

type config struct {
	Temperature *float64        `json:"temperature,omitempty"`
	TopP        *float64        `json:"topP,omitempty"`
	MaxTokens   int             `json:"maxOutputTokens,omitempty"`
	Stop        []string        `json:"stopSequences,omitempty"`
	Seed        *int64          `json:"seed,omitempty"`
	MIME        string          `json:"responseMimeType,omitempty"`
	JSONSchema  json.RawMessage `json:"responseJsonSchema,omitempty"`
	Schema      json.RawMessage `json:"responseSchema,omitempty"`
	Thinking    *thinking       `json:"thinkingConfig,omitempty"`

	bounded bool // the schema limits numbers or counts
}

type thinking struct {
	Level  string `json:"thinkingLevel,omitempty"`
	Budget int    `json:"thinkingBudget,omitempty"`
}

// Generate implements [llm.Model]. Where the endpoint refuses a parameter, it asks
// again without it, or with fewer output tokens where the model has not so many, at most
// a dozen times; refusals cost nothing. It remembers what
// helped, never what did not. It never waits and repeats nothing else. Texts that are
// empty are not sent.
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
		fail := m.e.exchange(ctx, m.e.c, m.name, http.MethodPost, resource(m.id)+":generateContent", body, &r)
		if fail == nil {
			try.Keep()
			return m.response(&r)
		}
		if try.Lower(c.Config.MaxTokens, ceiling(fail), 0, fail.err.Error()) {
			continue
		}
		if found, once := react(fail, c); !try.Add(found, once, fail.err.Error()) {
			return nil, fail.err
		}
	}
}

func (m *Model) request(req *llm.Request, try *adapt.Trial) (*request, error) {
	o, q := &m.e.o, try.Set()
	c := &request{Contents: []content{}}
	for _, msg := range req.Messages {
		role := "user"
		if msg.Role == llm.Assistant {
			role = "model"
		}
		if parts := partsOf(msg.Parts); len(parts) > 0 {
			c.Contents = append(c.Contents, content{role, parts})
		}
	}
	if req.System != "" {
		if !q.Has(noSystem) {
			c.System = &content{Parts: []part{{Text: req.System}}}
		} else if len(c.Contents) > 0 && c.Contents[0].Role == "user" {
			c.Contents[0].Parts = append([]part{{Text: req.System + "\n\n"}}, c.Contents[0].Parts...)
		} else {
			c.Contents = append([]content{{"user", []part{{Text: req.System}}}}, c.Contents...)
		}
	}
	g := &c.Config
	g.MaxTokens = try.Output(cmp.Or(req.MaxTokens, o.MaxTokens))
	if req.Schema != nil {
		if err := c.ask(req.Schema, q); err != nil {
			return nil, err
		}
	}
	if t := cmp.Or(req.Temperature, o.Temperature); !q.Has(noTemp) {
		g.Temperature = t
	}
	if p := cmp.Or(req.TopP, o.TopP); !q.Has(noTopP) {
		g.TopP = p
	}
	if !q.Has(noStop) {
		g.Stop = req.Stop
	}
	if o.Seed != nil && !q.Has(noSeed) {
		g.Seed = new((*o.Seed + int64(req.Draw)) & (1<<31 - 1))
	}
	if effort := cmp.Or(req.Effort, o.Effort); effort != "" {
		g.Thinking = think(effort, g.MaxTokens, q)
	}
	return c, nil
}

func partsOf(in []llm.Part) (out []part) {
	for _, p := range in {
		if p.Text != "" {
			out = append(out, part{Text: p.Text})
		}
		if p.Image != nil {
			out = append(out, part{Image: &blob{p.Image.MediaType, p.Image.Data}})
		}
	}
	return out
}

// ask adds the schema to a request in the form that the model takes.
func (c *request) ask(s *llm.Schema, q adapt.Set) error {
	g := &c.Config
	if !q.Has(noMIME) {
		g.MIME = "application/json"
	}
	g.bounded = !q.Has(noBounds) && slices.ContainsFunc(limits, func(w string) bool {
		return bytes.Contains(s.Body, []byte(`"`+w+`"`))
	})
	body, ok, err := jsonDialect(!q.Has(noBounds)).Rewrite(s.Body)
	if err != nil {
		return err
	}
	if ok && !q.Has(noJSONSchema) {
		g.JSONSchema = body
		return nil
	}
	body, ok, err = openDialect(!q.Has(noBounds)).Rewrite(s.Body)
	if err != nil {
		return err
	}
	if ok && !q.Has(noOpenAPI) {
		g.Schema = body
		return nil
	}
	text := wire.InPrompt(s.Body)
	if n := len(c.Contents); n > 0 && c.Contents[n-1].Role == "user" { // at the end, where it leaves the prefix alone
		last := &c.Contents[n-1]
		last.Parts = append(last.Parts, part{Text: text})
	} else {
		c.Contents = append(c.Contents, content{"user", []part{{Text: strings.TrimSpace(text)}}})
	}
	return nil
}

// think says how much to think. A budget leaves half of the reply's limit to the
// reply.
func think(effort string, maxTokens int, q adapt.Set) *thinking {
	switch {
	case q.Has(noThinking):
		return nil
	case !q.Has(budgeted):
		switch {
		case effort == "minimal" && q.Has(noMinimal):
			effort = "low"
		case effort == "medium" && q.Has(noMedium):
			effort = "high"
		}
		return &thinking{Level: effort}
	}
	budget := 8192
	switch effort {
	case "minimal":
		budget = 512
	case "low":
		budget = 1024
	case "high":
		budget = 24576
	}
	if maxTokens > 0 {
		budget = min(budget, maxTokens/2)
	}
	if budget < 512 { // less is refused by some models
		return nil
	}
	return &thinking{Budget: budget}
}

type reply struct {
	Model      string `json:"modelVersion"`
	Candidates []struct {
		Content struct {
			Parts []struct {
				Text    string `json:"text"`
				Thought bool   `json:"thought"`
			} `json:"parts"`
		} `json:"content"`
		Finish  string `json:"finishReason"`
		Message string `json:"finishMessage"`
	} `json:"candidates"`
	Feedback struct {
		Block   string `json:"blockReason"`
		Message string `json:"blockReasonMessage"`
	} `json:"promptFeedback"`
	Usage struct {
		Prompt   int `json:"promptTokenCount"`
		Tool     int `json:"toolUsePromptTokenCount"`
		Cached   int `json:"cachedContentTokenCount"`
		Output   int `json:"candidatesTokenCount"`
		Thoughts int `json:"thoughtsTokenCount"`
	} `json:"usageMetadata"`
}

// filters are the finish reasons of a reply that was held back.
var filters = []string{"SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR",
	"IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"}

// response types a good answer: only a finished text that is not empty is one.
func (m *Model) response(r *reply) (*llm.Response, error) {
	u := &r.Usage
	resp := &llm.Response{Model: m.e.c.Own(cmp.Or(r.Model, m.id)), Finish: llm.FinishStop, Usage: wire.Counted(llm.Usage{
		Input: u.Prompt + u.Tool, CachedInput: u.Cached, Output: u.Output + u.Thoughts, Reasoning: u.Thoughts})}
	fail := func(code string, err error, body string) (*llm.Response, error) {
		return resp, &llm.Error{Provider: m.name, Status: 200, Code: m.e.c.Cut(code), Body: m.e.c.Cut(body), Err: err}
	}
	if b := r.Feedback.Block; b != "" {
		resp.Finish = llm.FinishFilter
		return fail(b, wire.Condition(llm.ErrFiltered, "the prompt was blocked"), r.Feedback.Message)
	}
	if len(r.Candidates) == 0 {
		return fail("", wire.Condition(llm.ErrTransient, "the answer holds no candidate"), "")
	}
	c := &r.Candidates[0]
	var text strings.Builder
	for _, p := range c.Content.Parts {
		if !p.Thought {
			text.WriteString(p.Text)
		}
	}
	resp.Text = m.e.c.Own(text.String())
	switch {
	case c.Finish == "MAX_TOKENS":
		resp.Finish = llm.FinishLength
		return fail(c.Finish, llm.ErrTruncated, c.Message)
	case c.Finish == "CONTINUATION":
		resp.Finish = llm.FinishLength
		return fail(c.Finish, wire.Condition(llm.ErrTruncated, "there is more than one call can give"), c.Message)
	case slices.Contains(filters, c.Finish):
		resp.Finish = llm.FinishFilter
		return fail(c.Finish, llm.ErrFiltered, c.Message)
	case c.Finish != "STOP":
		return fail(c.Finish, wire.Condition(llm.ErrTransient, "the reply is not finished"), c.Message)
	case strings.TrimSpace(resp.Text) == "":
		return fail("", wire.Condition(llm.ErrTransient, "empty reply"), c.Message)
	}
	return resp, nil
}
