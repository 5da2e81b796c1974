package llmtest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// OpenAI returns the dialect of OpenAI's Chat Completions, embeddings and models,
// without streaming. Any prefix before /chat/completions is accepted. Prompts of 1,024
// tokens or more are written to the cache, as far as they were not read from it, in
// whole blocks. As the provider does, it refuses strict schemas that its strict mode
// cannot say, and json_object where no message speaks of JSON. A strict schema with
// bounds on the length of strings has the parameter minLength or maxLength.
func OpenAI() Dialect { return openAI{} }

type openAI struct{}

type openAIRequest struct {
	Model    string `json:"model"`
	Messages []struct {
		Role    string          `json:"role"`
		Content json.RawMessage `json:"content"`
	} `json:"messages"`
	Format *struct {
		Type       string `json:"type"`
		JSONSchema struct {
			Name   string          `json:"name"`
			Strict bool            `json:"strict"`
			Schema json.RawMessage `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
	Temperature *float64        `json:"temperature"`
	TopP        *float64        `json:"top_p"`
	MaxTokens   int             `json:"max_tokens"`
	MaxOutput   int             `json:"max_completion_tokens"`
	Effort      string          `json:"reasoning_effort"`
	Stop        []string        `json:"stop"`
	Input       json.RawMessage `json:"input"`
}

func (openAI) Decode(r *http.Request, body []byte) (*Call, error) {
	c := &Call{HTTP: r, Body: body, Params: map[string]bool{}}
	switch path := r.URL.Path; {
	case r.Method == http.MethodGet && strings.HasSuffix(path, "/models"):
		c.Kind = List
		return c, nil
	case r.Method == http.MethodPost && strings.HasSuffix(path, "/embeddings"):
		c.Kind = EmbedText
	case r.Method != http.MethodPost || !strings.HasSuffix(path, "/chat/completions"):
		return nil, fmt.Errorf("%s %s: %w", r.Method, path, llm.ErrNotFound)
	}
	var q openAIRequest
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	var names map[string]json.RawMessage
	if err := json.Unmarshal(body, &names); err != nil {
		return nil, err
	}
	for name := range names {
		c.Params[name] = true
	}
	c.Model = q.Model
	if c.Kind == EmbedText {
		var one string
		if json.Unmarshal(q.Input, &one) == nil {
			c.Texts = []string{one}
			return c, nil
		}
		return c, json.Unmarshal(q.Input, &c.Texts)
	}
	if q.MaxTokens > 0 && q.MaxOutput > 0 {
		return nil, fmt.Errorf("max_tokens and max_completion_tokens cannot be set together")
	}
	req := &llm.Request{Temperature: q.Temperature, TopP: q.TopP, Effort: q.Effort, Stop: q.Stop, MaxTokens: q.MaxTokens + q.MaxOutput}
	if f := q.Format; f != nil && f.Type == "json_schema" {
		req.Schema = &llm.Schema{Name: f.JSONSchema.Name, Body: f.JSONSchema.Schema}
		if f.JSONSchema.Strict {
			if err := openAIStrict(req.Schema.Name, req.Schema.Body); err != nil {
				return nil, err
			}
			for _, word := range []string{"minLength", "maxLength"} {
				c.Params[word] = bytes.Contains(req.Schema.Body, []byte(`"`+word+`":`))
			}
		}
	}
	for i, m := range q.Messages {
		parts, err := openAIParts(m.Content)
		if err != nil {
			return nil, fmt.Errorf("messages[%d]: %w", i, err)
		}
		switch m.Role {
		case "system", "developer":
			for _, p := range parts {
				req.System += p.Text
			}
		case "user", "assistant":
			req.Messages = append(req.Messages, llm.Message{Role: llm.Role(m.Role), Parts: parts})
		default:
			return nil, fmt.Errorf("messages[%d]: no role %q", i, m.Role)
		}
	}
	if len(req.Messages) == 0 {
		return nil, fmt.Errorf("no messages")
	}
	if f := q.Format; f != nil && f.Type == "json_object" && !strings.Contains(strings.ToLower(Prompt(req)), "json") {
		return nil, wording("'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.")
	}
	c.Request = req
	return c, nil
}

func openAIParts(content json.RawMessage) ([]llm.Part, error) {
	var text string
	if json.Unmarshal(content, &text) == nil {
		return []llm.Part{{Text: text}}, nil
	}
	var wire []struct {
		Type  string `json:"type"`
		Text  string `json:"text"`
		Image struct {
			URL string `json:"url"`
		} `json:"image_url"`
	}
	if err := json.Unmarshal(content, &wire); err != nil {
		return nil, err
	}
	var parts []llm.Part
	for _, w := range wire {
		switch w.Type {
		case "text":
			parts = append(parts, llm.Part{Text: w.Text})
		case "image_url":
			head, data, ok := strings.Cut(w.Image.URL, ";base64,")
			if !ok || !strings.HasPrefix(head, "data:") {
				return nil, fmt.Errorf("image_url is not a data: URL")
			}
			raw, err := base64.StdEncoding.DecodeString(data)
			if err != nil {
				return nil, err
			}
			parts = append(parts, llm.Part{Image: &llm.Image{MediaType: strings.TrimPrefix(head, "data:"), Data: raw}})
		default:
			return nil, fmt.Errorf("no content type %q", w.Type)
		}
	}
	return parts, nil
}

type object = map[string]any

func (openAI) Encode(c *Call, a *Answer) []byte {
	written := 0
	if c.Kind == Generate && a.Usage.Input >= 1024 {
		written = (a.Usage.Input - a.Usage.CachedInput) / 128 * 128
	}
	usage := object{"prompt_tokens": a.Usage.Input, "completion_tokens": a.Usage.Output, "total_tokens": a.Usage.Input + a.Usage.Output,
		"prompt_tokens_details":     object{"cached_tokens": a.Usage.CachedInput, "cache_write_tokens": written},
		"completion_tokens_details": object{"reasoning_tokens": a.Usage.Reasoning},
	}
	switch c.Kind {
	case List:
		list := []object{}
		for _, m := range a.Models {
			list = append(list, object{"id": m, "object": "model"})
		}
		return encode(object{"object": "list", "data": list})
	case EmbedText:
		list := []object{}
		for i, v := range a.Vectors {
			list = append(list, object{"object": "embedding", "index": i, "embedding": v})
		}
		return encode(object{"object": "list", "model": a.Model, "data": list, "usage": usage})
	}
	message := object{"role": "assistant", "content": a.Text}
	finish := "stop"
	switch {
	case a.Finish == llm.FinishLength:
		finish = "length"
	case a.Finish == llm.FinishFilter && a.Refusal:
		message["content"], message["refusal"] = nil, a.Text
	case a.Finish == llm.FinishFilter:
		finish = "content_filter"
	}
	return encode(object{
		"id": fmt.Sprintf("chatcmpl-%d", c.N), "object": "chat.completion", "model": a.Model, "usage": usage,
		"choices": []object{{"index": 0, "message": message, "finish_reason": finish}},
	})
}

func (openAI) Fail(c *Call, f *Failure) (int, []byte) {
	status, typ, code := 400, "invalid_request_error", any(nil)
	var param any
	switch f.Kind {
	case Rate:
		status, typ, code = 429, "requests", "rate_limit_exceeded"
	case Quota:
		status, typ, code = 429, "insufficient_quota", "insufficient_quota"
	case ServerError:
		status, typ = 500, "server_error"
	case NotFound:
		status, code = 404, "model_not_found"
	case Auth:
		status, code = 401, "invalid_api_key"
	case TooLong:
		code, param = "context_length_exceeded", "messages"
	case FilterCall:
		code, param = "content_filter", "prompt"
	case RejectParam:
		code, param = "unsupported_parameter", f.Param
		if text := openAIValue(c, f.Param); text != "" {
			code, f.Message = "unsupported_value", text
		}
		if f.Param == "minLength" || f.Param == "maxLength" {
			code, param = nil, "response_format"
			f.Message = fmt.Sprintf("Invalid schema for response_format '%s': In context=('properties', 'zeta'), '%s' is not permitted.", c.Request.Schema.Name, f.Param)
		}
	case NoSchema:
		param = "response_format"
	}
	return status, encode(object{"error": object{"message": f.Message, "type": typ, "code": code, "param": param}})
}

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte(`{}`) // not reached: the values are strings, numbers and lists of them
	}
	return b.Bytes()
}
