// Package llmtest tests what uses language models, and what provides them.
//
// [Scripted], [Func] and [Faulty] are models in the process. [NewServer] is a
// provider on a loopback port that counts what it is asked and misbehaves on
// demand. [TestModel] puts an implementation of [llm.Model] through what this
// module relies on; a new vendor needs a [Dialect], its wire format seen from the
// server's side, and one call of TestModel.
package llmtest

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode/utf8"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// Tokens estimates the tokens of a text: one for every four characters, rounded up.
func Tokens(text string) int { return (utf8.RuneCountInString(text) + 3) / 4 }

// Func returns a model that answers with f, which gets the number of the call (1,
// 2, 3…) and may be called concurrently. An error of f is returned as it is.
func Func(name string, f func(ctx context.Context, n int, req *llm.Request) (string, error)) llm.Model {
	return &funcModel{name: name, f: f}
}

type funcModel struct {
	name string
	n    atomic.Int64
	f    func(context.Context, int, *llm.Request) (string, error)
}

func (m *funcModel) Name() string { return m.name }

func (m *funcModel) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	text, err := m.f(ctx, int(m.n.Add(1)), req)
	if err != nil {
		return nil, err
	}
	return &llm.Response{
		Text:   text,
		Finish: llm.FinishStop,
		Model:  m.name,
		Usage:  llm.Usage{Input: Tokens(Prompt(req)), Output: Tokens(text)},
	}, nil
}

// A Script is a model that gives prepared replies in order, whatever it is asked,
// and keeps the requests. It is safe for concurrent use.
type Script struct {
	llm.Model
	mu       sync.Mutex
	requests []*llm.Request
}

// Scripted returns a model named test/script that gives these replies, one a call.
// A call beyond the last is an error, not a repetition.
func Scripted(replies ...string) *Script {
	s := new(Script)
	replies = slices.Clone(replies)
	s.Model = Func("test/script", func(_ context.Context, n int, req *llm.Request) (string, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.requests = append(s.requests, Clone(req))
		if n > len(replies) {
			return "", fmt.Errorf("test/script: call %d, but the script has %d replies", n, len(replies))
		}
		return replies[n-1], nil
	})
	return s
}

// Requests returns copies of the requests so far, in the order of the calls.
func (s *Script) Requests() []*llm.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Clone returns a deep copy of a request.
func Clone(req *llm.Request) *llm.Request {
	c := &llm.Request{
		System:    req.System,
		Messages:  slices.Clone(req.Messages),
		MaxTokens: req.MaxTokens,
		Effort:    req.Effort,
		Stop:      slices.Clone(req.Stop),
		Draw:      req.Draw,
		Label:     req.Label,
	}
	for i := range c.Messages {
		parts := slices.Clone(c.Messages[i].Parts)
		for j, p := range parts {
			if p.Image != nil {
				parts[j].Image = &llm.Image{MediaType: p.Image.MediaType, Data: slices.Clone(p.Image.Data)}
			}
		}
		c.Messages[i].Parts = parts
	}
	if req.Schema != nil {
		c.Schema = &llm.Schema{Name: req.Schema.Name, Body: slices.Clone(req.Schema.Body)}
	}
	if req.Temperature != nil {
		c.Temperature = new(*req.Temperature)
	}
	if req.TopP != nil {
		c.TopP = new(*req.TopP)
	}
	return c
}

// Faulty returns m with faults: fault is asked with the number of the call (1, 2,
// 3…). A fault that comes before an answer does not reach m. Hang lasts until the
// context ends. RejectParam, whose parameters have no wire here, always fails.
func Faulty(m llm.Model, fault func(n int) Fault) llm.Model { return &faulty{m: m, fault: fault} }

type faulty struct {
	m     llm.Model
	fault func(int) Fault
	n     atomic.Int64
}

func (f *faulty) Name() string { return f.m.Name() }

// Unwrap returns the model without faults.
func (f *faulty) Unwrap() llm.Model { return f.m }

func (f *faulty) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	fault := f.fault(int(f.n.Add(1)))
	err := fault.err(f.m.Name(), req)
	switch fault.Kind {
	case Hang:
		<-ctx.Done()
		return nil, ctx.Err()
	case Empty, Length, Filter, Refusal: // the model was paid: the reply comes beside the error
	default:
		if err != nil {
			return nil, err
		}
	}
	resp, merr := f.m.Generate(ctx, req)
	if merr != nil || fault.Kind == None {
		return resp, merr
	}
	out := *resp
	out.Text, out.Finish = fault.distort(resp.Text)
	return &out, err
}

// Embed returns a vector of 64 numbers and length 1 that depends on the words of a
// text alone: texts that share words are near one another. A text without words
// gets a fixed vector.
func Embed(text string) []float32 {
	v := make([]float32, 64)
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return r < 128 && !('a' <= r && r <= 'z') && !('0' <= r && r <= '9')
	})
	for _, w := range words {
		h := fnv.New32a()
		h.Write([]byte(w))
		v[h.Sum32()%64]++
	}
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		v[0], sum = 1, 1
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}
