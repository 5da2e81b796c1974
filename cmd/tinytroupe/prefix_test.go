package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// everybody writes a study with n people (the examples', then made ones) who act
// together for a number of steps.
func everybody(t testing.TB, n, steps int) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "people"), os.DirFS("../../examples/people")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "people", "*.agent.json"))
	if err != nil || len(files) != 8 {
		t.Fatal(len(files), err)
	}
	var b strings.Builder
	b.WriteString("title: Crowd\npeople:\n")
	for i := range n {
		if i < len(files) {
			fmt.Fprintf(&b, "  p%d: {file: people/%s}\n", i, filepath.Base(files[i]))
		} else {
			fmt.Fprintf(&b, "  p%d: {persona: {name: Person %d}}\n", i, i)
		}
	}
	fmt.Fprintf(&b, "world: {turns: together}\nscript:\n  - say: What should a town do with its market square?\n  - run: %d\n", steps)
	file := filepath.Join(dir, "study.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// talker answers each call with a decision of about a hundred tokens.
func talker(n int, _ *llm.Request) (string, error) {
	return fmt.Sprintf(`{"actions":[{"type":"THINK","target":"","content":"Thought %d: somebody has to speak about the square, and about why stall %d matters."},`+
		`{"type":"TALK","target":"","content":"Remark %d. I see it much as you do, though %d reasons speak against it; the %d stalls should stay, and the cars should go."},`+
		`{"type":"DONE","target":"","content":""}],"state":{"goals":"to be heard %d times","attention":"the square","emotions":"calm"}}`, n, n*3, n, n*7, n*11, n), nil
}

// TestPrefix: an ordinary turn is one call, and most of what is sent has been sent
// before: at least 75 % of 8 people's tokens over 5 steps, 88 % over 20.
func TestPrefix(t *testing.T) {
	t.Parallel()
	for steps, least := range map[int]float64{5: 0.75, 20: 0.88} {
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: talker})
		e := runStudy(t, everybody(t, 8, steps), s)
		if e.code != exitDone {
			t.Fatalf("exit %d\n%s", e.code, e.stderr)
		}
		st := s.Stats()
		share := float64(st.Eligible) / float64(st.Input)
		t.Logf("%d steps: %d calls, %d input tokens, %.1f %% of them eligible, %.0f not eligible a call", steps, st.Calls, st.Input, 100*share, float64(st.Input-st.Eligible)/float64(st.Calls))
		if st.Calls != 8*steps {
			t.Errorf("%d steps: %d calls, want one a turn", steps, st.Calls)
		}
		if share < least {
			t.Errorf("%d steps: %.1f %% eligible, want %.0f", steps, 100*share, 100*least)
		}
	}
}

// TestTogether: 32 people who act together are 32 calls in flight, where 32 are allowed.
func TestTogether(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: talker, Latency: 3 * time.Second})
	e := runStudy(t, everybody(t, 32, 1), s, "--parallel", "32")
	if e.code != exitDone {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	if got := s.Stats().MaxInFlight; got != 32 {
		t.Errorf("%d in flight, want 32", got)
	}
}
