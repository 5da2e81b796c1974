package mind

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// block is how many characters of a prefix a provider's cache takes at once: about
// 128 tokens.
const block = 512

// TestEligible counts how much of the input of a talk of eight a provider can have
// seen: the longest common prefix with an earlier prompt, in whole blocks.
func TestEligible(t *testing.T) {
	for _, c := range []struct {
		steps int
		share float64
	}{{5, 0.75}, {20, 0.88}} {
		var mu sync.Mutex
		var prompts []string
		model := llmtest.Func("test/talk", func(_ context.Context, n int, req *llm.Request) (string, error) {
			mu.Lock()
			defer mu.Unlock()
			prompts = append(prompts, flat(req))
			// About 100 tokens a turn.
			return fmt.Sprintf(`{"actions":[{"type":"THINK","target":"","content":"Thought %[1]d: %[2]s"},{"type":"TALK","target":"","content":"Word %[1]d, as person %[3]s says it: it costs too much for what it does."},{"type":"DONE","target":"","content":""}],"state":{"goals":"Goal %[1]d.","attention":"Point %[1]d.","emotions":"Calm."}}`,
				n, "nobody will pay for that, and I least of all.", req.Label.Person), nil
		})
		m := newMind(t, model, nil)
		w := tinytroupe.NewWorld("Room", m, nil)
		for i := range 8 {
			p, err := lisa(t).With("name", fmt.Sprint("Person ", i))
			if err != nil {
				t.Fatal(err)
			}
			for j := range 30 { // about 1,000 tokens, each person's own
				if p, err = p.With(fmt.Sprintf("facts.%d", j), fmt.Sprintf("Fact %d that is true of person %d alone, and of nobody else in the whole world.", j, i)); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := w.Add(p, &tinytroupe.PersonOptions{Place: "Meeting room"}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.IntroduceAll(); err != nil {
			t.Fatal(err)
		}
		if err := w.Broadcast("What would make you buy a ticket for a year?"); err != nil {
			t.Fatal(err)
		}
		if err := w.Run(t.Context(), c.steps); err != nil {
			t.Fatal(err)
		}
		all, seen := 0, 0
		for i, p := range prompts {
			best := 0
			for _, q := range prompts[:i] {
				best = max(best, common(p, q))
			}
			all += len(p)
			seen += best / block * block
		}
		share := float64(seen) / float64(all)
		t.Logf("%d steps: %.1f %% of %d tokens", c.steps, 100*share, all/4)
		if share < c.share {
			t.Errorf("%d steps: %.1f %% of the input can come from a prefix cache, want %.0f %%", c.steps, 100*share, 100*c.share)
		}
	}
}

// flat is a request in the order in which a model reads it.
func flat(req *llm.Request) string {
	var b strings.Builder
	b.WriteString(req.System)
	for _, m := range req.Messages {
		b.WriteString("\x00" + string(m.Role) + "\x00")
		for _, p := range m.Parts {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

func common(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
