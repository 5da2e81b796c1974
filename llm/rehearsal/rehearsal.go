// Package rehearsal is the stand-in for a language model: deterministic, offline,
// free. It reads persona and question out of the prompt as a real model would,
// decides what the person does, answers any JSON schema with a valid value, and
// speaks short plain sentences in words of that persona and that question. What it
// says is invented and is evidence of nothing; it exists to try a study, to test
// code and to price the real run.
//
// The same request gets the same reply, to the byte. Who chooses what follows from
// the persona's own text, so that the same person chooses the same and different
// people differ. It always speaks English, also for a persona that does not.
package rehearsal

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"strings"
	"sync"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

const name = "rehearsal"

// Options configure a Model. The zero value is usable.
type Options struct {
	Seed uint64 // another seed gives other choices and other words; default 0
}

// A Model is a deterministic [llm.Model], safe for concurrent use. What it remembers
// of earlier requests is how their personas read, never what was said.
type Model struct {
	seed uint64

	mu     sync.Mutex
	people map[string]*person // personas read so far, by their text; read-only values
}

// New returns a stand-in model. o may be nil.
func New(o *Options) *Model {
	if o == nil {
		o = &Options{}
	}
	return &Model{seed: o.Seed, people: map[string]*person{}}
}

// read reads a persona, or returns it as it was read before.
func (m *Model) read(line string) *person {
	m.mu.Lock()
	p := m.people[line]
	m.mu.Unlock()
	if p != nil {
		return p
	}
	p = readPerson(line)
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.people) >= 1000 { // a crowd that comes once must not stay for good
		clear(m.people)
	}
	m.people[line] = p
	return p
}

// Name returns "rehearsal".
func (m *Model) Name() string { return name }

// Generate answers req. With a schema the reply is JSON: a decision where the schema
// is that of a person's acts, otherwise a value that is valid under it. Without a
// schema it is plain text. Errors: the context's; an [llm.Error] with status 400 for
// a schema that does not resolve or that nothing satisfies; [llm.ErrTruncated] when
// req.MaxTokens is too small.
func (m *Model) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b := newBrain(m, req)
	var text string
	if req.Schema == nil {
		text = b.freeText()
	} else {
		v, err := b.structured(req.Schema.Body)
		if err != nil {
			return nil, &llm.Error{Provider: name, Status: 400, Code: "invalid_schema", Err: err}
		}
		text = string(v)
	}
	resp := &llm.Response{
		Text:   text,
		Finish: llm.FinishStop,
		Model:  name,
		Usage:  llm.Usage{Input: llm.EstimateInput(req), Output: llm.Tokens(text)},
	}
	if req.MaxTokens > 0 && resp.Usage.Output > req.MaxTokens {
		resp.Finish = llm.FinishLength
		resp.Usage.Output = req.MaxTokens
		return resp, fmt.Errorf("%s: %w", name, llm.ErrTruncated)
	}
	return resp, nil
}

// errUnsatisfied is the reason given when no candidate fits the schema.
var errUnsatisfied = errors.New("found no value that fits the schema")

// hash mixes a seed with texts. The separators keep ("ab", "c") from ("a", "bc").
func hash(seed uint64, parts ...string) uint64 {
	h := fnv.New64a()
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], seed)
	h.Write(b[:])
	for _, p := range parts {
		io.WriteString(h, p)
		h.Write([]byte{0})
	}
	x := h.Sum64() // FNV's low bits are weak: finish as splitmix64 does
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// unit is a number in [0, 1) that depends on parts alone.
func unit(seed uint64, parts ...string) float64 {
	return float64(hash(seed, parts...)>>11) / (1 << 53)
}

// compact encodes v as JSON without HTML escaping, as the prompt has it.
func compact(v any) []byte {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // only for values no caller makes, such as NaN
		return []byte("null")
	}
	return []byte(strings.TrimSuffix(b.String(), "\n"))
}
