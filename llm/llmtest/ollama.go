package llmtest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// Ollama returns the dialect of Ollama's own API without streaming: /api/chat,
// /api/embed, /api/tags, /api/show and /api/version. It treats a prompt that does not fit as
// versions before truncate do: the oldest messages are left out one by one until the
// rest fits, a last one that is still too long is cut, and nothing is said. A call
// holds what the model would have seen.
func Ollama() Dialect { return ollama{} }

// OllamaThinking returns the dialect of Ollama 0.20 with a model that can think. A
// prompt that does not fit is an error where truncate is false. Where the model is told
// not to think, no grammar holds its reply to the format: it is JSON only where the
// prompt asks for it. With efforts it is a model that cannot but think: told not to, it
// says nothing in a format; without, think takes true and false alone.
func OllamaThinking(efforts bool) Dialect { return ollama{thinks: true, efforts: efforts} }

type ollama struct{ thinks, efforts bool }

// ollamaContext is what Ollama takes where a request does not say num_ctx.
const ollamaContext = 2048

type ollamaRequest struct {
	Model    string `json:"model"`
	Stream   *bool  `json:"stream"`
	Messages []struct {
		Role    string   `json:"role"`
		Content string   `json:"content"`
		Images  []string `json:"images"`
	} `json:"messages"`
	Format   json.RawMessage `json:"format"`
	Think    any             `json:"think"`
	Truncate *bool           `json:"truncate"`
	Options  struct {
		NumCtx      int      `json:"num_ctx"`
		NumPredict  int      `json:"num_predict"`
		Temperature *float64 `json:"temperature"`
		TopP        *float64 `json:"top_p"`
		Stop        []string `json:"stop"`
	} `json:"options"`
	Input []string `json:"input"`
}

func (o ollama) Decode(r *http.Request, body []byte) (*Call, error) {
	c := &Call{HTTP: r, Body: body, Params: map[string]bool{}}
	switch r.Method + " " + r.URL.Path {
	case "GET /api/tags":
		c.Kind = List
		return c, nil
	case "GET /api/version":
		c.Kind = Version
		return c, nil
	case "POST /api/show":
		c.Kind = About
	case "POST /api/embed":
		c.Kind = EmbedText
	case "POST /api/chat":
	default:
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, llm.ErrNotFound)
	}
	var q ollamaRequest
	var names map[string]json.RawMessage
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &names); err != nil {
		return nil, err
	}
	for name, v := range names {
		c.Params[name] = string(v) != "false"
	}
	c.Model, c.Texts = q.Model, q.Input
	if c.Kind != Generate {
		return c, nil
	}
	if q.Stream == nil || *q.Stream {
		return nil, fmt.Errorf("a stream, which this server does not have")
	}
	var err error
	if c.Request, err = q.request(); err != nil {
		return nil, err
	}
	if _, effort := q.Think.(string); o.thinks && !o.efforts && effort {
		return nil, fmt.Errorf("think value %q is not supported for this model", q.Think)
	}
	if o.thinks && q.Truncate != nil && !*q.Truncate && ollamaTokens(c.Request) > q.context() {
		return nil, fmt.Errorf("the input length exceeds the context length")
	}
	q.fit(c.Request)
	return c, nil
}

func (q *ollamaRequest) request() (*llm.Request, error) {
	o := &q.Options
	req := &llm.Request{Temperature: o.Temperature, TopP: o.TopP, MaxTokens: max(o.NumPredict, 0), Stop: o.Stop}
	if s, ok := q.Think.(string); ok {
		req.Effort = s
	}
	if len(q.Format) > 0 && q.Format[0] == '{' {
		req.Schema = &llm.Schema{Name: "format", Body: q.Format}
	}
	for i, m := range q.Messages {
		switch m.Role {
		case "system":
			req.System += m.Content
			continue
		case "user", "assistant":
		default:
			return nil, fmt.Errorf("messages[%d]: no role %q", i, m.Role)
		}
		msg := llm.Text(llm.Role(m.Role), m.Content)
		for _, data := range m.Images {
			raw, err := base64.StdEncoding.DecodeString(data)
			if err != nil {
				return nil, fmt.Errorf("messages[%d]: %w", i, err)
			}
			msg.Parts = append(msg.Parts, llm.Part{Image: &llm.Image{MediaType: http.DetectContentType(raw), Data: raw}})
		}
		req.Messages = append(req.Messages, msg)
	}
	if len(req.Messages) == 0 {
		return nil, fmt.Errorf("no messages")
	}
	return req, nil
}

// fit leaves out what does not fit.
func (q *ollamaRequest) fit(req *llm.Request) {
	most := q.context()
	for len(req.Messages) > 1 && ollamaTokens(req) > most {
		req.Messages = slices.Delete(req.Messages, 0, 1)
	}
	if over := ollamaTokens(req) - most; over > 0 {
		p := &req.Messages[0].Parts[0]
		r := []rune(p.Text)
		p.Text = string(r[min(len(r), 4*over):])
	}
}

func (q *ollamaRequest) context() int {
	if q.Options.NumCtx > 0 {
		return q.Options.NumCtx
	}
	return ollamaContext
}

// ollamaTokens counts a prompt without its schema, which becomes a grammar.
func ollamaTokens(req *llm.Request) int {
	r := *req
	r.Schema = nil
	return Tokens(Prompt(&r))
}

func (o ollama) Encode(c *Call, a *Answer) []byte {
	capabilities, version := []string{"completion", "vision"}, "0.6.5"
	if o.thinks {
		capabilities, version = append(capabilities, "thinking"), "0.20.0"
	}
	switch c.Kind {
	case Version:
		return encode(object{"version": version})
	case List:
		list := []object{}
		for i, m := range a.Models {
			if !strings.Contains(m, ":") {
				m += ":latest"
			}
			list = append(list, object{"name": m, "model": m, "size": 100_000_000 * (i + 1)})
		}
		return encode(object{"models": list})
	case About:
		return encode(object{
			"capabilities": capabilities,
			"parameters":   "stop                           \"<|im_end|>\"",
			"model_info":   object{"general.architecture": "test", "test.context_length": a.Context},
		})
	case EmbedText:
		return encode(object{"model": a.Model, "embeddings": a.Vectors, "prompt_eval_count": a.Usage.Input})
	}
	reason := "stop"
	if a.Finish == llm.FinishLength {
		reason = "length"
	}
	think, said := c.Params["think"]
	if o.thinks && said && !think && c.Request.Schema != nil {
		switch last := c.Request.Messages[len(c.Request.Messages)-1]; {
		case o.efforts:
			a.Text = ""
		case len(last.Parts) == 0 || !strings.Contains(last.Parts[0].Text, "JSON"):
			a.Text = "Well, I would say so."
		}
	}
	return encode(object{
		"model": a.Model, "done": true, "done_reason": reason, "message": object{"role": "assistant", "content": a.Text},
		"prompt_eval_count": ollamaTokens(c.Request), "eval_count": a.Usage.Output,
	})
}

func (ollama) Fail(c *Call, f *Failure) (int, []byte) {
	status, message := 400, f.Message
	switch f.Kind {
	case Rate:
		status, message = 503, "server busy, please try again.  maximum pending requests exceeded"
	case ServerError:
		status = 500
	case NotFound:
		status, message = 404, fmt.Sprintf("model %q not found, try pulling it first", c.Model)
	case Auth:
		status, message = 401, "unauthorized"
	case TooLong:
		message = "the input length exceeds the context length"
	case RejectParam:
		message = fmt.Sprintf("%q does not support %s", c.Model, map[string]string{"think": "thinking"}[f.Param])
	case NoSchema:
		status, message = 500, "invalid JSON schema in format"
	}
	return status, encode(object{"error": message})
}
