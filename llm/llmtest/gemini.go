package llmtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// Gemini returns the dialect of Google's Gemini API: generateContent,
// batchEmbedContents and the list of models, without streaming, below /v1beta. As the
// provider does, it refuses fields that it does not know and more than 100 texts to
// embed, and keywords that its schemas do not have. It also refuses a key in the
// address. The parameters of generationConfig have their own names; a level of thought
// is also one, such as thinkingLevel=minimal.
func Gemini() Dialect { return gemini{} }

type gemini struct{}

type geminiContent struct {
	Role  string `json:"role"`
	Parts []struct {
		Text  string `json:"text"`
		Image *struct {
			MIME string `json:"mimeType"`
			Data []byte `json:"data"`
		} `json:"inlineData"`
	} `json:"parts"`
}

type geminiRequest struct {
	System   *geminiContent  `json:"systemInstruction"`
	Contents []geminiContent `json:"contents"`
	Config   json.RawMessage `json:"generationConfig"`
}

type geminiConfig struct {
	Temperature *float64        `json:"temperature"`
	TopP        *float64        `json:"topP"`
	MaxTokens   int             `json:"maxOutputTokens"`
	Stop        []string        `json:"stopSequences"`
	Seed        *int32          `json:"seed"`
	MIME        string          `json:"responseMimeType"`
	JSONSchema  json.RawMessage `json:"responseJsonSchema"`
	Schema      json.RawMessage `json:"responseSchema"`
	Thinking    *struct {
		Level  string `json:"thinkingLevel"`
		Budget *int   `json:"thinkingBudget"`
	} `json:"thinkingConfig"`
}

func (gemini) Decode(r *http.Request, body []byte) (*Call, error) {
	c := &Call{HTTP: r, Body: body, Params: map[string]bool{}}
	if r.URL.Query().Has("key") {
		return nil, fmt.Errorf("a key in the address, which proxies log")
	}
	path := r.URL.Path
	if r.Method == http.MethodGet && path == "/v1beta/models" {
		c.Kind = List
		return c, nil
	}
	model, verb, ok := strings.Cut(strings.TrimPrefix(path, "/v1beta/models/"), ":")
	if r.Method != http.MethodPost || !ok || !strings.HasPrefix(path, "/v1beta/models/") {
		return nil, fmt.Errorf("%s %s: %w", r.Method, path, llm.ErrNotFound)
	}
	c.Model = model
	switch verb {
	case "batchEmbedContents":
		c.Kind = EmbedText
		return c, geminiTexts(c, body)
	case "generateContent":
	default:
		return nil, fmt.Errorf("%s: %w", verb, llm.ErrNotFound)
	}
	var q geminiRequest
	if err := geminiStrict(body, &q); err != nil {
		return nil, err
	}
	var g geminiConfig
	if len(q.Config) > 0 {
		if err := geminiStrict(q.Config, &g); err != nil {
			return nil, err
		}
	}
	for _, raw := range []json.RawMessage{body, q.Config} {
		var names map[string]json.RawMessage
		if len(raw) > 0 && json.Unmarshal(raw, &names) == nil {
			for name := range names {
				c.Params[name] = true
			}
		}
	}
	var err error
	if c.Request, err = q.request(&g); err == nil && c.Request.Effort != "" {
		c.Params["thinkingLevel="+c.Request.Effort] = true
	}
	return c, err
}

func geminiStrict(body []byte, into any) error {
	dec := json.NewDecoder(strings.NewReader(string(body)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("invalid JSON payload received: %w: cannot find field", err)
	}
	return nil
}

func geminiTexts(c *Call, body []byte) error {
	var q struct {
		Requests []struct {
			Model      string        `json:"model"`
			Content    geminiContent `json:"content"`
			Dimensions int           `json:"outputDimensionality"`
		} `json:"requests"`
	}
	if err := geminiStrict(body, &q); err != nil {
		return err
	}
	if len(q.Requests) > 100 {
		return fmt.Errorf("at most 100 requests can be in one batch")
	}
	for _, one := range q.Requests {
		if one.Model != "models/"+c.Model || len(one.Content.Parts) != 1 {
			return fmt.Errorf("model %q, and %d parts", one.Model, len(one.Content.Parts))
		}
		c.Texts = append(c.Texts, one.Content.Parts[0].Text)
	}
	return nil
}

func (q *geminiRequest) request(g *geminiConfig) (*llm.Request, error) {
	req := &llm.Request{Temperature: g.Temperature, TopP: g.TopP, MaxTokens: g.MaxTokens, Stop: g.Stop}
	if q.System != nil {
		for _, p := range q.System.Parts {
			req.System += p.Text
		}
	}
	for i, c := range q.Contents {
		msg := llm.Message{Role: llm.User}
		switch c.Role {
		case "user":
		case "model":
			msg.Role = llm.Assistant
		default:
			return nil, fmt.Errorf("contents[%d]: please use a valid role: user, model", i)
		}
		for _, p := range c.Parts {
			switch {
			case p.Image != nil:
				msg.Parts = append(msg.Parts, llm.Part{Image: &llm.Image{MediaType: p.Image.MIME, Data: p.Image.Data}})
			case p.Text != "":
				msg.Parts = append(msg.Parts, llm.Part{Text: p.Text})
			default:
				return nil, fmt.Errorf("contents[%d].parts: an empty part", i)
			}
		}
		req.Messages = append(req.Messages, msg)
	}
	if len(req.Messages) == 0 {
		return nil, fmt.Errorf("contents is not specified")
	}
	if t := g.Thinking; t != nil {
		if t.Level != "" && t.Budget != nil {
			return nil, fmt.Errorf("you can only set only one of thinking budget and thinking level")
		}
		if req.Effort = strings.ToLower(t.Level); !slices.Contains([]string{"", "minimal", "low", "medium", "high"}, req.Effort) {
			return nil, fmt.Errorf("invalid value at 'generation_config.thinking_config.thinking_level': %q", t.Level)
		}
	}
	body := g.JSONSchema
	if len(body) > 0 {
		if err := geminiJSONSchema(body, ""); err != nil {
			return nil, err
		}
	}
	if len(g.Schema) > 0 {
		if len(body) > 0 {
			return nil, fmt.Errorf("only one of response_schema and response_json_schema can be set")
		}
		body = g.Schema
		if err := geminiSchema(body, ""); err != nil {
			return nil, err
		}
	}
	if len(body) > 0 {
		if g.MIME != "application/json" {
			return nil, fmt.Errorf("response_schema: only with response_mime_type application/json")
		}
		req.Schema = &llm.Schema{Name: "response", Body: body}
	}
	return req, nil
}

// geminiJSONSchema refuses what responseJsonSchema, a part of JSON schema, does not have.
func geminiJSONSchema(body json.RawMessage, at string) error {
	var s map[string]json.RawMessage
	if err := json.Unmarshal(body, &s); err != nil {
		if string(body) == "true" || string(body) == "false" {
			return nil
		}
		return fmt.Errorf("response_json_schema%s: not an object", at)
	}
	known := []string{"$id", "$defs", "$ref", "$anchor", "type", "format", "title", "description", "enum", "items", "prefixItems", "minItems",
		"maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties", "additionalProperties", "required", "propertyOrdering"}
	_, ref := s["$ref"]
	for name := range s {
		if !slices.Contains(known, name) || ref && !strings.HasPrefix(name, "$") {
			return fmt.Errorf("response_json_schema%s: %q is not supported here", at, name)
		}
	}
	for _, word := range []string{"properties", "$defs"} {
		var below map[string]json.RawMessage
		json.Unmarshal(s[word], &below) // nothing where it is not there
		for name, b := range below {
			if err := geminiJSONSchema(b, at+"."+word+"["+name+"]"); err != nil {
				return err
			}
		}
	}
	var parts []json.RawMessage
	for _, word := range []string{"anyOf", "oneOf", "prefixItems"} {
		var list []json.RawMessage
		json.Unmarshal(s[word], &list)
		parts = append(parts, list...)
	}
	for _, word := range []string{"items", "additionalProperties"} {
		if len(s[word]) > 0 {
			parts = append(parts, s[word])
		}
	}
	for _, b := range parts {
		if err := geminiJSONSchema(b, at+"[]"); err != nil {
			return err
		}
	}
	return nil
}

// geminiSchema refuses what responseSchema, a message of fixed fields, does not have.
func geminiSchema(body json.RawMessage, at string) error {
	var s map[string]json.RawMessage
	if err := json.Unmarshal(body, &s); err != nil {
		return fmt.Errorf("response_schema%s: not an object", at)
	}
	known := []string{"type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required",
		"minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering", "default",
		"items", "minimum", "maximum"}
	for name := range s {
		if !slices.Contains(known, name) {
			return fmt.Errorf("unknown name %q at 'generation_config.response_schema%s': Cannot find field", name, at)
		}
	}
	if len(s["enum"]) > 0 && string(s["type"]) != `"STRING"` {
		return fmt.Errorf("generation_config.response_schema%s.enum: only allowed for STRING type", at)
	}
	var below map[string]json.RawMessage
	json.Unmarshal(s["properties"], &below) // nothing where it is not there
	for name, b := range below {
		if err := geminiSchema(b, at+".properties["+name+"]"); err != nil {
			return err
		}
	}
	var branches []json.RawMessage
	json.Unmarshal(s["anyOf"], &branches)
	if len(s["items"]) > 0 {
		branches = append(branches, s["items"])
	}
	for _, b := range branches {
		if err := geminiSchema(b, at+".items"); err != nil {
			return err
		}
	}
	return nil
}

func (gemini) Encode(c *Call, a *Answer) []byte {
	switch c.Kind {
	case List:
		list := []object{}
		for _, m := range a.Models {
			list = append(list, object{"name": "models/" + m, "inputTokenLimit": a.Context, "outputTokenLimit": 65536,
				"supportedGenerationMethods": []string{"generateContent", "countTokens"}})
		}
		return encode(object{"models": list})
	case EmbedText:
		list := []object{}
		for _, v := range a.Vectors {
			list = append(list, object{"values": v})
		}
		return encode(object{"embeddings": list, "usageMetadata": object{"promptTokenCount": a.Usage.Input}})
	}
	parts, finish := []object{}, "STOP"
	if a.Usage.Reasoning > 0 {
		parts = append(parts, object{"text": "Let me think.", "thought": true})
	}
	switch {
	case a.Finish == llm.FinishLength:
		finish = "MAX_TOKENS"
	case a.Finish == llm.FinishFilter && a.Refusal:
		finish = "PROHIBITED_CONTENT"
	case a.Finish == llm.FinishFilter:
		finish = "SAFETY"
	}
	if a.Text != "" && a.Finish != llm.FinishFilter {
		parts = append(parts, object{"text": a.Text})
	}
	return encode(object{
		"candidates":   []object{{"content": object{"role": "model", "parts": parts}, "finishReason": finish, "index": 0}},
		"modelVersion": a.Model, "responseId": fmt.Sprint(c.N),
		"usageMetadata": object{
			"promptTokenCount": a.Usage.Input, "cachedContentTokenCount": a.Usage.CachedInput,
			"candidatesTokenCount": a.Usage.Output - a.Usage.Reasoning, "thoughtsTokenCount": a.Usage.Reasoning,
			"totalTokenCount": a.Usage.Input + a.Usage.Output,
		},
	})
}

// Fail has no form of its own for FilterCall: a prompt that is blocked is answered
// with status 200.
func (gemini) Fail(c *Call, f *Failure) (int, []byte) {
	status, name, message := 400, "INVALID_ARGUMENT", f.Message
	details := []object{}
	quota := func(id string) {
		details = append(details, object{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []object{{
			"quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests", "quotaId": id, "quotaValue": "10"}}})
		message = "You exceeded your current quota, please check your plan and billing details."
	}
	switch f.Kind {
	case Rate:
		status, name = 429, "RESOURCE_EXHAUSTED"
		quota("GenerateRequestsPerMinutePerProjectPerModel")
	case Quota:
		status, name = 429, "RESOURCE_EXHAUSTED"
		quota("GenerateRequestsPerDayPerProjectPerModel-FreeTier")
	case ServerError:
		status, name = 500, "INTERNAL"
	case NotFound:
		status, name = 404, "NOT_FOUND"
		message = "models/" + c.Model + " is not found for API version v1beta, or is not supported for generateContent."
	case Auth:
		message = "API key not valid. Please pass a valid API key."
		details = append(details, object{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
			"domain": "googleapis.com"})
	case TooLong:
		message = "The input token count (9000) exceeds the maximum number of tokens allowed (8192)."
	case FilterCall:
		return 200, encode(object{"promptFeedback": object{"blockReason": "PROHIBITED_CONTENT"},
			"usageMetadata": object{"promptTokenCount": 1, "totalTokenCount": 1}})
	case RejectParam:
		message = fmt.Sprintf("Invalid JSON payload received. Unknown name %q at 'generation_config': Cannot find field.", f.Param)
		if f.Param == "thinkingConfig" {
			message = "Thinking level is not supported for this model."
			if !strings.Contains(string(c.Body), "thinkingLevel") {
				message = "Unable to submit request because thinking is not supported by this model."
			}
		}
		if level, ok := strings.CutPrefix(f.Param, "thinkingLevel="); ok {
			message = "Thinking level " + strings.ToUpper(level) + " is not supported for this model. Please retry with other thinking level."
		}
		if f.Param == "systemInstruction" {
			message = "Developer instruction is not enabled for models/" + c.Model
		}
		if f.Param == "responseMimeType" {
			message = "JSON mode is not enabled for models/" + c.Model
		}
	case NoSchema:
		message = `Invalid JSON payload received. Unknown name "responseJsonSchema" at 'generation_config': Cannot find field.`
		if !c.Params["responseJsonSchema"] {
			message = "Controlled generation with response_schema is not supported for this model."
		}
	}
	return status, encode(object{"error": object{"code": status, "message": message, "status": name, "details": details}})
}
