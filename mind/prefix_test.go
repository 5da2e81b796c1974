package mind

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"pgregory.net/rapid"
)

// library is a faculty with an act that yields and one that does not.
type library struct{ wide bool }

func (library) Name() string { return "library" }

func (library) Acts() []tinytroupe.ActSpec {
	return []tinytroupe.ActSpec{
		{Kind: "CONSULT", Purpose: "read a document", Yields: true},
		{Kind: "WRITE", Purpose: "write a document", Schema: json.RawMessage(`{"type":"object"}`)},
	}
}

func (l library) Perform(_ context.Context, _ *tinytroupe.View, actor string, a tinytroupe.Action) ([]tinytroupe.Effect, error) {
	switch {
	case strings.HasPrefix(a.Content, "e"):
		return nil, fmt.Errorf("no document %q", a.Content)
	case strings.HasPrefix(a.Content, "o"):
		return nil, nil
	}
	to := []string{actor}
	if l.wide && strings.HasPrefix(a.Content, "u") {
		to = people // which is no result for the actor alone, and waits for the next turn
	}
	return []tinytroupe.Effect{
		tinytroupe.Remember{Memo: tinytroupe.Memo{Content: a.Content}},
		tinytroupe.Tell{To: to, Stimulus: tinytroupe.Stimulus{Kind: tinytroupe.Result, Content: "of " + a.Content, Data: true}},
	}, nil
}

// unfeeling drops the state from decisions.
type unfeeling struct{ *Mind }

func (u unfeeling) Decide(ctx context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	d, err := u.Mind.Decide(ctx, p)
	if d != nil {
		d.State = nil
	}
	return d, err
}

var people = []string{"Lisa Carter", "Oscar", "Lila"}

// TestPrefix lives random lives in a real world, and checks that each prompt of a
// person begins with all that the one before it kept.
func TestPrefix(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.StringOfN(rapid.SampledFrom([]rune("aeiou xyz\n\"\\<é\u2028")), 0, 30, -1)
		kind := rapid.SampledFrom([]string{"TALK", "THINK", "REACH_OUT", "DONE", "CONSULT", "WRITE"})
		target := rapid.SampledFrom(append([]string{"", "Nobody"}, people...))
		turn := rapid.Custom(func(t *rapid.T) string {
			r := reply{State: &tinytroupe.MentalState{Goals: words.Draw(t, "goals")}}
			for range rapid.IntRange(0, 4).Draw(t, "acts") {
				r.Actions = append(r.Actions, tinytroupe.Action{Kind: tinytroupe.ActionKind(kind.Draw(t, "kind")), Target: target.Draw(t, "target"), Content: words.Draw(t, "content")})
			}
			b, err := json.Marshal(r)
			if err != nil {
				t.Fatal(err)
			}
			return strings.ReplaceAll(string(b), `"actions":null`, `"actions":[]`)
		})
		var mu sync.Mutex
		prompts := map[string][]*llm.Request{}
		// The turns of a round come in any order, so replies are drawn by person.
		replies := map[string][]string{}
		for _, name := range people {
			replies[name] = rapid.SliceOfN(turn, 8, 8).Draw(t, name)
		}
		model := llmtest.Func("test/lives", func(_ context.Context, _ int, req *llm.Request) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			name := req.Label.Person
			if req.Label.Purpose == "consolidate" {
				return fmt.Sprintf(`{"summary":"much happened before prompt %d","memos":["it did"]}`, len(prompts[name])), nil
			}
			prompts[name] = append(prompts[name], llmtest.Clone(req))
			return replies[name][len(prompts[name])%8], nil
		})
		// Without keys and states, a result is all that tells one pass from the next.
		withKeys := rapid.Bool().Draw(t, "keys")
		if withKeys {
			model = keyed{Model: model}
		}
		m, err := New(model, nil)
		if err != nil {
			t.Fatal(err)
		}
		w := tinytroupe.NewWorld("Room", m, &tinytroupe.Options{
			Start: start, Episode: rapid.SampledFrom([]int{0, 3000}).Draw(t, "episode"),
			Scheduler: rapid.SampledFrom([]tinytroupe.Scheduler{tinytroupe.InTurn{}, tinytroupe.Together{}, tinytroupe.Shuffled{}}).Draw(t, "scheduler"),
			Idle:      rapid.SampledFrom([]tinytroupe.Idle{tinytroupe.Act, tinytroupe.Pass}).Draw(t, "idle"),
		})
		for _, name := range people {
			o := &tinytroupe.PersonOptions{Faculties: []tinytroupe.Faculty{library{wide: withKeys}}}
			if rapid.Bool().Draw(t, "unfeeling") {
				o.Mind = unfeeling{m}
			}
			if _, err := w.Add(tinytroupe.NewPersona(name), o); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.IntroduceAll(); err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			for range rapid.IntRange(0, 2).Draw(t, "news") {
				if err := w.Broadcast(words.Draw(t, "news")); err != nil {
					t.Fatal(err)
				}
			}
			if rapid.Bool().Draw(t, "skip") {
				if err := w.Skip(26 * time.Hour); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Run(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range people {
			ps := prompts[name]
			for i := 1; i < len(ps); i++ {
				if err := extends(ps[i-1], ps[i]); err != nil {
					t.Fatalf("%s, prompt %d: %v\n%v\n%v", name, i+1, err, ps[i-1].Messages, ps[i].Messages)
				}
			}
		}
	})
}

// extends checks that b begins with all that a keeps; or, if history was folded in
// between, that what b has left of it stands in a too.
func extends(a, b *llm.Request) error {
	if a.System != b.System || string(a.Schema.Body) != string(b.Schema.Body) {
		return fmt.Errorf("the system prompt or the schema changed")
	}
	old := slices.Clone(a.Messages)
	old[len(old)-1] = kept(old[len(old)-1])
	now := b.Messages
	if folded(now[0]) && !cmp.Equal(texts(old[:1]), texts(now[:1])) {
		now = now[1:]
		i := slices.IndexFunc(old, func(m llm.Message) bool { return cmp.Equal(texts([]llm.Message{m}), texts(now[:1])) })
		if i < 0 {
			return fmt.Errorf("after folding it begins with something new")
		}
		old = old[i:]
	}
	if len(now) <= len(old) {
		return fmt.Errorf("%d messages after %d", len(now), len(old))
	}
	for i := range old {
		if d := cmp.Diff(texts(old[i:i+1]), texts(now[i:i+1])); d != "" {
			return fmt.Errorf("message %d changed: %s", i+1, d)
		}
	}
	for i, m := range now {
		if want := llm.User; (i%2 == 1) == (m.Role == want) && !folded(now[0]) {
			return fmt.Errorf("message %d is by the %s", i+1, m.Role)
		}
	}
	return nil
}

func folded(m llm.Message) bool { return strings.HasPrefix(m.Parts[0].Text, "Earlier, in short: ") }

// texts are messages without their marks.
func texts(msgs []llm.Message) []llm.Message {
	msgs = slices.Clone(msgs)
	for i := range msgs {
		msgs[i].Cache = false
	}
	return msgs
}
