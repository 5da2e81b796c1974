package llm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/anthropic"
	"github.com/tinytroupe-go/tinytroupe/llm/gemini"
	"github.com/tinytroupe-go/tinytroupe/llm/ollama"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
)

// saying answers every request with one status, header and body.
type saying struct {
	status int
	header http.Header
	body   []byte
}

func (s saying) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		r.Body.Close()
	}
	return &http.Response{
		StatusCode: s.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: s.header.Clone(),
		Body: io.NopCloser(bytes.NewReader(s.body)), ContentLength: -1, Request: r,
	}, nil
}

const vendorKey = "sk-canary-5ad0a7b1f0c94e"

// vendors are every client of a provider, on a transport.
func vendors(t testing.TB, tr http.RoundTripper) (models []llm.Model, embedders []llm.Embedder) {
	t.Helper()
	c := &http.Client{Transport: tr}
	om, err1 := openai.New("m", &openai.Options{BaseURL: "http://h/v1", Key: vendorKey, Client: c})
	oe, err2 := openai.NewEmbedder("m", &openai.Options{BaseURL: "http://h/v1", Key: vendorKey, Client: c})
	am, err3 := anthropic.New("m", &anthropic.Options{BaseURL: "http://h", Key: vendorKey, Client: c})
	gm, err4 := gemini.New("m", &gemini.Options{BaseURL: "http://h", Key: vendorKey, Client: c})
	lm, err5 := ollama.New("m", &ollama.Options{Host: "http://h", Key: vendorKey, Client: c})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		t.Fatal(err)
	}
	return []llm.Model{om, am, gm, lm}, []llm.Embedder{oe}
}

// FuzzVendorReply: whatever a server answers, every client makes a whole reply or an
// error of it; never a panic, an empty answer, a vector with something missing, or an
// error with the key in it.
func FuzzVendorReply(f *testing.F) {
	for _, s := range []string{
		`{"choices":[{"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`,
		`{"choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}]}`,
		`{"choices":[]}`, `{"choices":[{"message":{"content":[{"type":"text","text":"x"}]}}]}`, `null`, `[]`, `""`, `{`, ``,
		`{"content":[{"type":"text","text":"x"}],"stop_reason":"end_turn","usage":{"input_tokens":-1}}`,
		`{"candidates":[{"content":{"parts":[{"text":"x"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1e9}}`,
		`{"promptFeedback":{"blockReason":"SAFETY"}}`,
		`{"message":{"role":"assistant","content":"x"},"done":true,"done_reason":"stop","prompt_eval_count":1,"eval_count":1}`,
		`{"data":[{"index":0,"embedding":[1,2]},{"index":0,"embedding":[]}],"usage":{}}`,
		`{"data":[{"index":5,"embedding":[1]}]}`,
		`{"error":{"message":"` + vendorKey + `","code":"context_length_exceeded"}}`, `{"error":"` + vendorKey + `"}`,
	} {
		for _, status := range []int{200, 400, 429, 500} {
			f.Add(status, s, "1")
		}
	}
	f.Add(429, `{"error":{}}`, "Fri, 31 Dec 9999 23:59:59 GMT")
	f.Add(429, `{"error":{}}`, "-1e308")
	f.Fuzz(func(t *testing.T, status int, body, header string) {
		if status < 200 || status > 599 {
			return
		}
		h := http.Header{"Retry-After": {header}, "X-Ratelimit-Remaining-Requests": {"0"}, "X-Ratelimit-Reset-Requests": {header}, "Content-Type": {"application/json"}}
		models, embedders := vendors(t, saying{status, h, []byte(body)})
		bad := func(name string, err error) {
			if err == nil {
				return
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, errors.Unwrap(err)), vendorKey) {
				t.Errorf("%s: the key is in the error: %v", name, err)
			}
			var e *llm.Error
			if errors.As(err, &e) && e.RetryAfter < 0 {
				t.Errorf("%s: wait %v", name, e.RetryAfter)
			}
		}
		for _, m := range models {
			resp, err := m.Generate(context.Background(), &llm.Request{Messages: []llm.Message{llm.Text(llm.User, "Hi")}})
			bad(m.Name(), err)
			if err == nil && (resp == nil || strings.TrimSpace(resp.Text) == "" || resp.Finish != llm.FinishStop) {
				t.Errorf("%s: %d %q taken for an answer: %+v", m.Name(), status, body, resp)
			}
			if resp != nil && (resp.Usage.Input < 0 || resp.Usage.Output < 0 || resp.Usage.CachedInput < 0 || resp.Usage.Reasoning < 0) {
				t.Errorf("%s: %q has usage %+v", m.Name(), body, resp.Usage)
			}
		}
		for _, e := range embedders {
			v, _, err := e.Embed(context.Background(), []string{"a", "b"})
			bad(e.Name(), err)
			if err == nil && (len(v) != 2 || len(v[0]) == 0 || len(v[0]) != len(v[1])) {
				t.Errorf("%s: %q taken for vectors: %v", e.Name(), body, v)
			}
		}
	})
}
