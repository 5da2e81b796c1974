package rehearsal_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// decisionSchema is the reply schema of a person's turn, with an act of a faculty.
const decisionSchema = `{"type":"object","properties":{"actions":{"type":"array","minItems":1,"maxItems":15,"items":{"type":"object",
"properties":{"type":{"type":"string","enum":["TALK","THINK","REACH_OUT","DONE","RECALL","CONSULT"]},"target":{"type":"string","maxLength":100},"content":{"type":"string","maxLength":4000}},
"required":["type","target","content"],"additionalProperties":false}},
"state":{"type":"object","properties":{"goals":{"type":"string"},"attention":{"type":"string"},"emotions":{"type":"string"}},
"required":["goals","attention","emotions"],"additionalProperties":false}},"required":["actions","state"],"additionalProperties":false}`

type stimulus struct {
	Type    string `json:"type"`
	Source  string `json:"source,omitempty"`
	Content string `json:"content"`
}

type act struct {
	Type    string `json:"type"`
	Target  string `json:"target"`
	Content string `json:"content"`
}

type decision struct {
	Actions []act `json:"actions"`
	State   struct {
		Goals     string `json:"goals"`
		Attention string `json:"attention"`
		Emotions  string `json:"emotions"`
	} `json:"state"`
}

func compact(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return strings.TrimSpace(b.String())
}

// A player is one person of a stage: prompt so far and what is new.
type player struct {
	name, persona string
	near          []string
	messages      []llm.Message
	inbox         []stimulus
	decisions     []decision
}

// A stage plays people in turn with a model, rendering their prompts in the fixed
// format.
type stage struct {
	t       testing.TB
	model   llm.Model
	players []*player
	now     time.Time
	script  strings.Builder
}

func newStage(t testing.TB, m llm.Model, personas ...string) *stage {
	s := &stage{t: t, model: m, now: time.Date(2026, 3, 2, 19, 0, 0, 0, time.UTC)}
	for _, p := range personas {
		var named struct{ Name string }
		if err := json.Unmarshal([]byte(p), &named); err != nil {
			t.Fatal(err)
		}
		s.players = append(s.players, &player{name: named.Name, persona: p})
	}
	for _, p := range s.players {
		for _, q := range s.players {
			if p != q {
				p.near = append(p.near, q.name)
			}
		}
	}
	return s
}

func (s *stage) tell(st stimulus) {
	for _, p := range s.players {
		p.inbox = append(p.inbox, st)
	}
	fmt.Fprintf(&s.script, "%s --> everyone: %s\n", st.Type, st.Content)
}

func system(persona string) string {
	return "You are a person, not an assistant.\n\n# Acts\n- TALK …\n\n# Who you are\n" + persona
}

func (p *player) request(now time.Time, tail string) *llm.Request {
	kept := "[" + now.Format("Monday 2006-01-02 15:04") + "]\n"
	for _, st := range p.inbox {
		kept += compact(st) + "\n"
	}
	if len(p.inbox) == 0 {
		kept += "(nothing new)\n"
	}
	p.inbox = nil
	p.messages = append(p.messages, llm.Text(llm.User, kept))
	if tail == "" {
		tail = "It is your turn."
	}
	reach := "Nobody is within reach."
	if len(p.near) > 0 {
		reach = "Within reach: " + strings.Join(p.near, "; ") + "."
	}
	ms := append([]llm.Message{}, p.messages...)
	ms[len(ms)-1] = llm.Text(llm.User, kept+"\nPlace: Living room.\n"+reach+"\n"+tail)
	return &llm.Request{System: system(p.persona), Messages: ms, Schema: &llm.Schema{Name: "decision", Body: json.RawMessage(decisionSchema)}}
}

// turn lets one person act and gives what is said to those who hear it.
func (s *stage) turn(p *player) decision {
	resp, err := s.model.Generate(s.t.Context(), p.request(s.now, ""))
	if err != nil {
		s.t.Fatal(err)
	}
	var d decision
	if err := json.Unmarshal([]byte(resp.Text), &d); err != nil {
		s.t.Fatal(err)
	}
	p.messages = append(p.messages, llm.Text(llm.Assistant, resp.Text))
	p.decisions = append(p.decisions, d)
	for _, a := range d.Actions {
		line := fmt.Sprintf("%s [%s] %s", p.name, a.Type, a.Content)
		if a.Target != "" {
			line = fmt.Sprintf("%s [%s to %s] %s", p.name, a.Type, a.Target, a.Content)
		}
		fmt.Fprintln(&s.script, strings.TrimSpace(line))
		if a.Type != "TALK" {
			continue
		}
		for _, q := range s.players {
			if q != p && slices.Contains(p.near, q.name) && (a.Target == "" || a.Target == q.name) {
				q.inbox = append(q.inbox, stimulus{"CONVERSATION", p.name, a.Content})
			}
		}
	}
	return d
}

func (s *stage) run(steps int) {
	for range steps {
		for _, p := range s.players {
			s.turn(p)
		}
		s.now = s.now.Add(5 * time.Minute)
	}
}

func extra(name, job, like, goal, trait string) string {
	return compact(map[string]any{"name": name, "occupation": job, "preferences": map[string]any{"likes": []string{like}},
		"long_term_goals": []string{goal}, "personality": map[string]any{"traits": []string{trait}}})
}

// answer asks one person a question with a schema, or without one.
func answer(t testing.TB, m llm.Model, persona, question, schema string) string {
	t.Helper()
	s := newStage(t, m, persona)
	r := s.players[0].request(s.now, "Question: "+question)
	r.Schema = nil
	if schema != "" {
		r.Schema = &llm.Schema{Name: "answer", Body: json.RawMessage(schema)}
	}
	resp, err := m.Generate(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Text
}
