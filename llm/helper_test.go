package llm_test

import (
	"context"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a model that is a function.
type fake func(context.Context, *llm.Request) (*llm.Response, error)

func (fake) Name() string { return "test/fake" }

func (f fake) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	return f(ctx, req)
}

// says is a complete reply.
func says(text string) *llm.Response {
	return &llm.Response{Text: text, Finish: llm.FinishStop, Usage: llm.Usage{Input: 10, Output: 5}, Model: "fake-1"}
}

// script is a model that says one thing after another, and keeps the requests.
type script struct {
	mu    sync.Mutex
	turns []any // string, error or *llm.Response
	asked []*llm.Request
}

func (s *script) Name() string { return "test/script" }

func (s *script) Generate(_ context.Context, req *llm.Request) (*llm.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, req)
	turn := s.turns[0]
	if len(s.turns) > 1 {
		s.turns = s.turns[1:]
	}
	switch t := turn.(type) {
	case error:
		return nil, t
	case *llm.Response:
		return t, nil
	default:
		return says(t.(string)), nil
	}
}

func hello(text string) *llm.Request {
	return &llm.Request{System: "You are Lisa.", Messages: []llm.Message{llm.Text(llm.User, text)}}
}
