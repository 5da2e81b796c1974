package main

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// TestFirstRoomAsItComes: of many rooms, what is said in the first is shown while others
// have not begun to speak, and what stands before it in the script stands before it.
func TestFirstRoomAsItComes(t *testing.T) {
	shown := make(chan struct{})
	goOn := sync.OnceFunc(func() { close(shown) })
	defer goOn()
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: func(n int, req *llm.Request) (string, error) {
		if strings.Contains(llmtest.Prompt(req), "Bo Lind") {
			<-shown
		}
		return talker(n, req)
	}})
	dir := t.TempDir()
	file := filepath.Join(dir, "study.yaml")
	if err := os.WriteFile(file, []byte(`
people: {ann: {persona: {name: Ann Berg}}, bo: {persona: {name: Bo Lind}}}
script:
  - scene: interviews
    rooms: each
    do:
      - say: What do you think?
      - run: 1
      - say: And now?
      - run: 1
`), 0o600); err != nil {
		t.Fatal(err)
	}
	out := newOutput()
	p := &program{stdout: out, stderr: out, terminal: func() bool { return false }, env: func(name string) (string, bool) {
		v, ok := map[string]string{"OPENAI_BASE_URL": s.URL}[name]
		return v, ok
	}}
	ended := make(chan int, 1)
	go func() { ended <- p.main(t.Context(), []string{"run", file, "--dir", filepath.Join(dir, "r")}) }()
	out.wait(t, "Ann Berg acts: [TALK]", 1)
	if strings.Contains(out.String(), "And now?") {
		t.Error("the first room's second question is shown before all were over with the first")
	}
	goOn()
	if code := <-ended; code != exitDone {
		t.Fatalf("exit %d\n%s", code, out.String())
	}
	text := out.String()
	for _, want := range []string{"[1/4] say      2 of 2 heard it\n", "What do you think?", "[2/4] run      1\n", "Ann Berg acts: [TALK]", "[3/4] say      2 of 2 heard it\n", "And now?", "[4/4] run      1\n", "Ann Berg acts: [TALK]", "(1 more: "} {
		_, rest, ok := strings.Cut(text, want)
		if !ok {
			t.Fatalf("no %q where it should be in\n%s", want, out.String())
		}
		text = rest
	}
	if strings.Contains(out.String(), "Bo Lind acts") {
		t.Error("the second room is shown")
	}
}
