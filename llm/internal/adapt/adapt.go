// Package adapt remembers what an endpoint was found not to accept, so that a vendor
// begins with the newest form of a request and each refusal is met once.
package adapt

import (
	"fmt"
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

// A Finding is what a bit means, in words. It is not said where all of Unless, if that
// is anything, was found too, since that says it.
type Finding struct {
	Bit, Unless Set
	Text        string
}

// A Memory holds what is known of one model. It is safe for concurrent use.
type Memory struct {
	name     string
	log      *slog.Logger
	findings []Finding

	mu      sync.Mutex
	all     Set
	output  int            // tokens of a reply that the model has; 0 while unknown
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
	out := m.words(m.all)
	if m.output > 0 {
		out = append(out, outputWords(m.output))
	}
	return out
}

func outputWords(n int) string { return fmt.Sprintf("at most %d output tokens", n) }

func (m *Memory) words(s Set) (out []string) {
	for _, f := range m.findings {
		if s.Has(f.Bit) && (f.Unless == 0 || !s.Has(f.Unless)) {
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
	output  int // tokens of a reply that the model has; 0 while unknown
	room    int // tokens of a reply beside this call's prompt; 0 while unknown
	answers []string
}

// Try begins a call with what is known, also of its schema, which may be nil.
func (m *Memory) Try(s *llm.Schema) *Trial {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &Trial{m: m, schema: s, known: m.all, output: m.output}
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

// Output returns how many output tokens to ask for where n are wanted, 0 for no limit.
func (t *Trial) Output(n int) int {
	for _, most := range []int{t.output, t.room} {
		if n > 0 && most > 0 {
			n = min(n, most)
		}
	}
	return n
}

// Lower takes from an answer to a call that asked for so many output tokens how many the
// model has, and how many there are beside this call's prompt; 0 for what it does not
// say. It reports whether to ask again.
func (t *Trial) Lower(asked, output, room int, answer string) bool {
	if n := output + room; n <= 0 || n >= asked || len(t.answers) >= most-1 {
		return false
	}
	if output > 0 {
		t.output = output
	} else {
		t.room = room
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
	if t.output > 0 && (m.output == 0 || t.output < m.output) {
		m.output = t.output
		changes = append(changes, outputWords(m.output))
	}
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
