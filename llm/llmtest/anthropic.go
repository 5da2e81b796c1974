package llmtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// Anthropic returns the dialect of Anthropic's Messages API and its list of models,
// without streaming. As the provider does, it refuses fields that it does not know,
// empty texts, more than four prompt-cache marks, and keywords in the schema of a
// structured output that limit numbers, lengths or counts. What is new of a prompt is
// written to the cache up to the last mark, if that makes 1,024 tokens. The parameters of
// output_config are named output_config.format and output_config.effort.
func Anthropic() Dialect { return anthropic{} }

type anthropic struct{}

type anthropicMark struct {
	Cache *struct {
		Type string `json:"type"`
	} `json:"cache_control"`
}

type anthropicBlock struct {
	anthropicMark
	Type   string `json:"type"`
	Text   string `json:"text"`
	Source *struct {
		Type  string `json:"type"`
		Media string `json:"media_type"`
		Data  []byte `json:"data"`
	} `json:"source"`
}

type anthropicTool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Schema      json.RawMessage `json:"input_schema"`
}

type anthropicRequest struct {
	Model     string           `json:"model"`
	MaxTokens int              `json:"max_tokens"`
	System    []anthropicBlock `json:"system"`
	Messages  []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Tools      []anthropicTool `json:"tools"`
	ToolChoice *struct {
		Type string `json:"type"`
		Name string `json:"name"`
		Once bool   `json:"disable_parallel_tool_use"`
	} `json:"tool_choice"`
	Output *struct {
		Effort string `json:"effort"`
		Format *struct {
			Type   string          `json:"type"`
			Schema json.RawMessage `json:"schema"`
		} `json:"format"`
	} `json:"output_config"`
	Thinking *struct {
		Type   string `json:"type"`
		Budget int    `json:"budget_tokens"`
	} `json:"thinking"`
	Temperature *float64 `json:"temperature"`
	TopP        *float64 `json:"top_p"`
	Stop        []string `json:"stop_sequences"`
}

func (anthropic) Decode(r *http.Request, body []byte) (*Call, error) {
	c := &Call{HTTP: r, Body: body, Params: map[string]bool{}}
	if r.Header.Get("Anthropic-Version") == "" {
		return nil, fmt.Errorf("anthropic-version: header is required")
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/models":
		c.Kind = List
		return c, nil
	case "POST /v1/messages":
	default:
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, llm.ErrNotFound)
	}
	var q anthropicRequest
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&q); err != nil {
		return nil, fmt.Errorf("%w: Extra inputs are not permitted", err)
	}
	var names map[string]json.RawMessage
	if err := json.Unmarshal(body, &names); err != nil {
		return nil, err
	}
	for name := range names {
		c.Params[name] = true
	}
	c.Model = q.Model
	var err error
	c.Request, err = q.request(c.Params)
	return c, err
}

func (q *anthropicRequest) request(params map[string]bool) (*llm.Request, error) {
	if q.MaxTokens <= 0 {
		return nil, fmt.Errorf("max_tokens: Field required")
	}
	if t := q.Thinking; t != nil && t.Type == "enabled" && (t.Budget < 1024 || t.Budget >= q.MaxTokens) {
		return nil, fmt.Errorf("`max_tokens` must be greater than `thinking.budget_tokens`, and that at least 1024")
	}
	req := &llm.Request{Temperature: q.Temperature, TopP: q.TopP, MaxTokens: q.MaxTokens, Stop: q.Stop}
	marks := 0
	for _, b := range q.System {
		if b.Text == "" {
			return nil, fmt.Errorf("system: text content blocks must be non-empty")
		}
		req.System += b.Text
		if b.Cache != nil {
			marks++
			params["system.cache_control"] = true
		}
	}
	for i, m := range q.Messages {
		if m.Role != "user" && m.Role != "assistant" {
			return nil, fmt.Errorf("messages.%d.role: Input should be 'user' or 'assistant'", i)
		}
		msg := llm.Message{Role: llm.Role(m.Role)}
		blocks, err := anthropicBlocks(m.Content)
		if err != nil {
			return nil, fmt.Errorf("messages.%d: %w", i, err)
		}
		for _, b := range blocks {
			switch {
			case b.Type == "text" && strings.TrimSpace(b.Text) != "":
				msg.Parts = append(msg.Parts, llm.Part{Text: b.Text})
			case b.Type == "image" && b.Source != nil && b.Source.Type == "base64":
				msg.Parts = append(msg.Parts, llm.Part{Image: &llm.Image{MediaType: b.Source.Media, Data: b.Source.Data}})
			default:
				return nil, fmt.Errorf("messages.%d: no such content, or an empty text", i)
			}
			if b.Cache != nil {
				marks++
				msg.Cache = true
			}
		}
		req.Messages = append(req.Messages, msg)
	}
	if len(req.Messages) == 0 {
		return nil, fmt.Errorf("messages: at least one message is required")
	}
	if marks > 4 {
		return nil, fmt.Errorf("a maximum of 4 blocks with cache_control may be provided, found %d", marks)
	}
	if o := q.Output; o != nil {
		params["output_config.effort"] = o.Effort != ""
		params["output_config.format"] = o.Format != nil
		req.Effort = o.Effort
		if o.Format != nil {
			if err := anthropicSchema(o.Format.Schema); err != nil {
				return nil, err
			}
			req.Schema = &llm.Schema{Name: "format", Body: o.Format.Schema}
		}
	}
	if t := q.ToolChoice; t != nil {
		i := slices.IndexFunc(q.Tools, func(tool anthropicTool) bool { return tool.Name == t.Name })
		if t.Type != "tool" || i < 0 {
			return nil, fmt.Errorf("tool_choice: no such tool")
		}
		if q.Thinking != nil {
			return nil, fmt.Errorf("thinking may not be enabled when tool_choice forces tool use")
		}
		req.Schema = &llm.Schema{Name: t.Name, Body: q.Tools[i].Schema}
	}
	return req, nil
}

func anthropicBlocks(content json.RawMessage) ([]anthropicBlock, error) {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return []anthropicBlock{{Type: "text", Text: text}}, nil
	}
	var blocks []anthropicBlock
	err := json.Unmarshal(content, &blocks)
	return blocks, err
}

// anthropicSchema refuses what structured outputs do not take.
func anthropicSchema(body json.RawMessage) error {
	var s map[string]json.RawMessage
	if json.Unmarshal(body, &s) != nil {
		return nil // true, false
	}
	for _, word := range []string{"minLength", "maxLength", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
		"multipleOf", "maxItems", "uniqueItems", "oneOf", "prefixItems"} {
		if _, ok := s[word]; ok {
			return fmt.Errorf("output_config.format.schema: For '%s' type, property '%s' is not supported", s["type"], word)
		}
	}
	if string(s["type"]) == `"object"` && string(s["additionalProperties"]) != "false" {
		return fmt.Errorf("output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false")
	}
	for _, word := range []string{"properties", "$defs"} {
		var below map[string]json.RawMessage
		json.Unmarshal(s[word], &below) // nothing where it is not there
		for _, b := range below {
			if err := anthropicSchema(b); err != nil {
				return err
			}
		}
	}
	var branches []json.RawMessage
	json.Unmarshal(s["anyOf"], &branches)
	for _, b := range append(branches, s["items"]) {
		if err := anthropicSchema(b); len(b) > 0 && err != nil {
			return err
		}
	}
	return nil
}

func (anthropic) Encode(c *Call, a *Answer) []byte {
	if c.Kind == List {
		list := []object{}
		for _, m := range a.Models {
			list = append(list, object{"type": "model", "id": m, "display_name": m, "max_input_tokens": a.Context, "max_tokens": 64000})
		}
		return encode(object{"data": list, "has_more": false})
	}
	content := []object{{"type": "text", "text": a.Text}}
	stop, details := "end_turn", any(nil)
	switch {
	case a.Finish == llm.FinishLength:
		stop = "max_tokens"
	case a.Finish == llm.FinishFilter:
		stop, content = "refusal", []object{}
		details = object{"type": "refusal", "category": "general_harms", "explanation": a.Text}
	case a.Text == "":
		content = []object{}
	case c.Params["tool_choice"]:
		stop = "tool_use"
		content = []object{{"type": "tool_use", "id": "toolu_1", "name": c.Request.Schema.Name, "input": json.RawMessage(a.Text)}}
		if !json.Valid([]byte(a.Text)) {
			content[0]["input"] = object{"text": a.Text}
		}
	}
	if a.Usage.Reasoning > 0 {
		content = append([]object{{"type": "thinking", "thinking": "", "signature": "c2ln"}}, content...)
	}
	written := max(0, anthropicMarked(c)-a.Usage.CachedInput)
	fresh := a.Usage.Input - a.Usage.CachedInput - written
	return encode(object{
		"id": fmt.Sprintf("msg_%d", c.N), "type": "message", "role": "assistant", "model": a.Model,
		"content": content, "stop_reason": stop, "stop_sequence": nil, "stop_details": details,
		"usage": object{
			"input_tokens": fresh, "cache_read_input_tokens": a.Usage.CachedInput,
			"cache_creation_input_tokens": written, "output_tokens": a.Usage.Output,
			"output_tokens_details": object{"thinking_tokens": a.Usage.Reasoning},
		},
	})
}

// anthropicMarked counts the tokens of a prompt up to its last mark, 0 where they are
// too few to be remembered.
func anthropicMarked(c *Call) int {
	const least = 1024
	prefix := *c.Request
	for n := len(prefix.Messages); n > 0 && !prefix.Messages[n-1].Cache; n-- {
		prefix.Messages = prefix.Messages[:n-1]
	}
	if len(prefix.Messages) == 0 && !c.Params["system.cache_control"] {
		return 0
	}
	if n := Tokens(Prompt(&prefix)); n >= least {
		return n
	}
	return 0
}

func (anthropic) Fail(c *Call, f *Failure) (int, []byte) {
	status, kind, message := 400, "invalid_request_error", f.Message
	switch f.Kind {
	case Rate:
		status, kind = 429, "rate_limit_error"
	case Quota:
		message = "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."
	case ServerError:
		status, kind = 500, "api_error"
	case NotFound:
		status, kind, message = 404, "not_found_error", "model: "+c.Model
	case Auth:
		status, kind, message = 401, "authentication_error", "invalid x-api-key"
	case TooLong:
		message = "prompt is too long: 9000 tokens > 8192 maximum"
	case FilterCall:
		message = "Output blocked by content filtering policy"
	case RejectParam:
		message = map[string]string{
			"temperature": "`temperature` is deprecated for this model.", "top_p": "`top_p` is deprecated for this model.",
			"thinking":             "adaptive thinking is not supported on this model",
			"output_config.effort": "This model does not support the effort parameter.",
		}[f.Param]
		if message == "" {
			message = f.Param + ": Extra inputs are not permitted"
		}
	case NoSchema:
		message = "output_config.format: structured outputs are not supported for this model."
		if c.Params["tool_choice"] {
			message = `tool_choice: type "tool" and "any" are not supported for this model.`
		}
	}
	return status, encode(object{"type": "error", "error": object{"type": kind, "message": message}, "request_id": fmt.Sprintf("req_%d", c.N)})
}
