package ollama

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/subset"
)

// How structured output is asked for.
type level uint8

const (
	levelFull   level = iota // the schema, with its bounds
	levelShape               // the schema without bounds, patterns and formats
	levelObject              // any JSON, and the schema at the end of the prompt
	levelPrompt              // the schema at the end of the prompt alone
)

var levelWords = map[level]string{
	levelShape:  "a schema without bounds, patterns and formats",
	levelObject: "any JSON, with the schema in the prompt",
	levelPrompt: "no structured output: the schema is in the prompt",
}

// schemaState is what is known of one schema.
type schemaState struct {
	level       level
	full, shape json.RawMessage
}

// format is the field of that name.
func (s schemaState) format() json.RawMessage {
	switch s.level {
	case levelFull:
		return s.full
	case levelShape:
		return s.shape
	case levelObject:
		return json.RawMessage(`"json"`)
	}
	return nil
}

// A trial is what one call leaves out, beyond what the model knows, to see whether
// that helps.
type trial struct {
	level   level
	thought thought
	answers []string
}

// plan returns how to ask.
func (m *Model) plan(req *llm.Request, try *trial) (st schemaState, th thought, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	th = m.thought.or(try.thought)
	if req.Schema == nil {
		return st, th, nil
	}
	st, ok := m.schemas[string(req.Schema.Body)]
	if !ok {
		if st.full, st.shape, err = normalise(req.Schema.Body); err != nil {
			return st, th, fmt.Errorf("%s: %w", m.name, err)
		}
		m.remember(req.Schema, st)
	}
	st.level = max(st.level, try.level)
	return st, th, nil
}

// remember keeps what is known of a schema. m.mu is held.
func (m *Model) remember(s *llm.Schema, st schemaState) {
	if len(m.schemas) >= maxSchemas {
		clear(m.schemas)
	}
	m.schemas[string(s.Body)] = st
}

var (
	aboutSchema = regexp.MustCompile(`\bschema\b|grammar|\bformat\b`)
	aboutThink  = regexp.MustCompile(`\bthink`)
)

// react reads a refusal, and reports whether to ask again.
func (t *trial) react(f *failed, req *llm.Request, st schemaState, think any) bool {
	if f.status != 400 && f.status != 500 && f.status != 422 {
		return false
	}
	_, effort := think.(string)
	switch {
	case effort && strings.Contains(f.said, "think value"):
		t.thought.plain = true
	case aboutThink.MatchString(f.said) && think != nil:
		t.thought.none = true
	case req.Schema != nil && aboutSchema.MatchString(f.said) && st.level < levelPrompt:
		t.level = st.level + 1
	default:
		return false
	}
	t.answers = append(t.answers, f.err.Error())
	return true
}

// learn keeps a trial that helped, and logs it.
func (m *Model) learn(req *llm.Request, t *trial) {
	if t.answers == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var changes []string
	old := m.thought.words()
	m.thought = m.thought.or(t.thought)
	for _, w := range m.thought.words() {
		if !slices.Contains(old, w) {
			changes = append(changes, w)
		}
	}
	if req.Schema != nil {
		if st := m.schemas[string(req.Schema.Body)]; t.level > st.level {
			st.level = t.level
			m.remember(req.Schema, st)
			changes = append(changes, levelWords[t.level])
		}
	}
	for _, c := range changes {
		m.e.o.Log.Warn("adapted to what the server accepts", "model", m.name, "change", c, "answer", strings.Join(t.answers, " | "))
	}
}

// Adapted says in words what the model leaves out or replaces for good because the
// server refused it, in a fixed order; nil for nothing. It belongs beside the results.
func (m *Model) Adapted() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := m.thought.words()
	for l := levelShape; l <= levelPrompt; l++ {
		for _, st := range m.schemas {
			if st.level == l {
				out = append(out, levelWords[l])
				break
			}
		}
	}
	return out
}

var (
	// bounds are the keywords that a schema can do without: replies are checked
	// against the schema as it was.
	bounds = []string{"minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum",
		"exclusiveMinimum", "exclusiveMaximum", "multipleOf", "pattern", "format"}
	known    = []string{"date", "time", "date-time", "uuid"}
	unlikely = regexp.MustCompile(`\(\?|\\[a-zA-Z]|[^\\]\$.|[^\[\\]\^`)
)

// normalise returns a schema in the form that the server's grammars take, with and
// without bounds. Key order is kept: it is the order of writing.
func normalise(body json.RawMessage) (full, shape json.RawMessage, err error) {
	root, err := ordered.Parse(body)
	if err != nil {
		return nil, nil, fmt.Errorf("schema: %w", err)
	}
	if root.Kind != ordered.Object {
		return nil, nil, fmt.Errorf("schema: not an object: %.40s", body)
	}
	bound := func(f ordered.Field) bool { return slices.Contains(bounds, f.Name) }
	unsaid := func(f ordered.Field) bool { return bound(f) && !sayable(f) }
	return subset.Without(root, unsaid).Append(nil), subset.Without(root, bound).Append(nil), nil
}

// sayable reports whether a grammar can say a bound. A pattern that is not anchored
// is an error there, and one that looks ahead ends old servers.
func sayable(f ordered.Field) bool {
	switch f.Name {
	case "pattern":
		return strings.HasPrefix(f.Value.Text, "^") && strings.HasSuffix(f.Value.Text, "$") && !unlikely.MatchString(f.Value.Text)
	case "format":
		return slices.Contains(known, f.Value.Text)
	case "multipleOf":
		return false
	}
	return true
}
