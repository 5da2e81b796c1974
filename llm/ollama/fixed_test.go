package ollama

import (
	"bytes"
	"io"
	"net/http"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// fixed answers everything alike, without a network.
type fixed struct {
	status int
	body   []byte
}

func (f fixed) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: f.status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(f.body)), Request: r}, nil
}

func fuzzRequest() *llm.Request {
	return &llm.Request{
		Messages: []llm.Message{llm.Text(llm.User, "Hello")},
		Schema:   &llm.Schema{Name: "a", Body: []byte(`{"type":"object","properties":{"a":{"type":"string"}}}`)},
	}
}
