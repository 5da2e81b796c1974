// Package adapt remembers what an endpoint was found not to accept, so that a vendor
// begins with the newest form of a request and each refusal is met once.
package adapt

import (
	"log/slog"
	"strings"
	"sync"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

const (
	most       = 12  // attempts of one call
	maxSchemas = 256 // schemas remembered
)

// A Set is a set of findings. What each bit means is the vendor's; findings only ever
// become more.
type Set uint32

// Has reports whether all findings of t are in s.
func (s Set) Has(t Set) bool { return s&t == t }

// A Finding is one bit in words.
type Finding struct {
	Bit  Set
	Text string
}

// A Memory holds what is known of one model. It is safe for concurrent use.
type Memory struct {
	name     string
	log      *slog.Logger
	findings []Finding

	mu      sync.Mutex
	all     Set
	schemas map[string]Set // by body
}

// New returns an empty memory of the model called name.
func New(name string, log *slog.Logger, findings []Finding) *Memory {
	return &Memory{name: name, log: log, findings: findings, schemas: map[string]Set{}}
}

// Words says what is known of every call, in the order of the findings.
func (m *Memory) Words() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.words(m.all)
}

func (m *Memory) words(s Set) (out []string) {
	for _, f := range m.findings {
		if s.Has(f.Bit) {
			out = append(out, f.Text)
		}
	}
	return out
}

// A Trial is one call's search for what the endpoint accepts.
type Trial struct {
	m       *Memory
	schema  *llm.Schema
	known   Set
	all     Set // found by this call
	one     Set // found by this call, of its schema alone
	answers []string
}

// Try begins a call with what is known, also of its schema, which may be nil.
func (m *Memory) Try(s *llm.Schema) *Trial {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &Trial{m: m, schema: s, known: m.all}
	if s != nil {
		t.known |= m.schemas[string(s.Body)]
	}
	return t
}

// Set returns what to heed in the next attempt.
func (t *Trial) Set() Set { return t.known | t.all | t.one }

// Add adds what an answer has shown, of this call's schema alone or of every call. It
// reports whether to ask again: not where nothing is new, and not for ever.
func (t *Trial) Add(found Set, once bool, answer string) bool {
	if found&^t.Set() == 0 || len(t.answers) >= most-1 {
		return false
	}
	if once {
		t.one |= found
	} else {
		t.all |= found
	}
	t.answers = append(t.answers, answer)
	return true
}

// Keep remembers what this call has found, because it helped, and logs what is new.
func (t *Trial) Keep() {
	if t.answers == nil {
		return
	}
	m := t.m
	m.mu.Lock()
	defer m.mu.Unlock()
	changes := m.words(t.all &^ m.all)
	m.all |= t.all
	if t.schema != nil && t.one != 0 {
		key := string(t.schema.Body)
		for _, w := range m.words(t.one &^ (m.schemas[key] | m.all)) {
			changes = append(changes, "for one schema: "+w)
		}
		if len(m.schemas) >= maxSchemas {
			clear(m.schemas)
		}
		m.schemas[key] |= t.one
	}
	for _, c := range changes {
		m.log.Warn("adapted to what the endpoint accepts", "model", m.name, "change", c, "answer", strings.Join(t.answers, " | "))
	}
}
