package bot

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// A Mind is a chatbot as somebody in one room. It hears what is said, nothing else:
// the words since its last turn, one a line. It answers whoever spoke. Where nothing
// was said, it is not called.
type Mind struct {
	Model llm.Model // a [Bot], with what stands around it
	Room  string    // tells conversations apart
	Seed  uint64
	// Vars are further values for the body, by name; nil means none.
	Vars func(p tinytroupe.Persona) (map[string]string, error)
}

// Decide implements tinytroupe.Mind. One turn is one call; see [Turn.Key].
func (m *Mind) Decide(ctx context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	var said, from []string
	for _, s := range p.Stimuli {
		if s.Kind != tinytroupe.Conversation {
			continue
		}
		said = append(said, s.Content)
		if s.Source != "" && !slices.Contains(from, s.Source) {
			from = append(from, s.Source)
		}
	}
	if len(said) == 0 {
		return &tinytroupe.Decision{}, nil
	}
	name := p.Persona.Name()
	t := &Turn{Room: m.Room, Person: name, Step: p.Step, Said: strings.Join(said, "\n"), Key: key(m.Seed, m.Room, name, p.Step, len(p.Draft), len(p.Episode), said)}
	if m.Vars != nil {
		var err error
		if t.Vars, err = m.Vars(p.Persona); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(t); err != nil {
		return nil, err
	}
	resp, err := m.Model.Generate(ctx, &llm.Request{
		Messages: []llm.Message{llm.Text(llm.User, strings.TrimSuffix(b.String(), "\n"))},
		Label:    llm.Label{World: m.Room, Step: p.Step, Person: name, Purpose: "act"},
	})
	if err != nil {
		return nil, err
	}
	var text string
	if err := json.Unmarshal([]byte(resp.Text), &text); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Model.Name(), err)
	}
	d := &tinytroupe.Decision{Actions: []tinytroupe.Action{{Kind: tinytroupe.Talk, Target: target(from, p.Situation.Near), Content: text}}}
	if resp.Call != "" {
		d.Calls = []string{resp.Call}
	}
	return d, nil
}

// target addresses those who spoke and are within reach, or everyone where none of them
// is: somebody from outside, or who has left.
func target(from []string, near []tinytroupe.Acquaintance) string {
	from = slices.DeleteFunc(from, func(name string) bool {
		return !slices.ContainsFunc(near, func(a tinytroupe.Acquaintance) bool { return a.Name == name })
	})
	if len(from) == 0 {
		return "everyone"
	}
	return strings.Join(from, ", ")
}

// key identifies a turn to the bot, whenever and however often it is sent: two turns of a
// step, or outside of any, differ by what was lived through and said before.
func key(seed uint64, room, person string, step, pass, lived int, said []string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%s\x00%d\x00%d\x00%d\x00%q", seed, room, person, step, pass, lived, said))
	return hex.EncodeToString(sum[:16])
}
