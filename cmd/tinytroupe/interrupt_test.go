package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// interrupted runs the command and interrupts it once, when told to.
func interrupted(t *testing.T, env map[string]string, when <-chan struct{}, args ...string) ended {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{
		stdin: strings.NewReader(""), stdout: &out, stderr: &errs, terminal: func() bool { return false },
		env: func(name string) (string, bool) {
			if v, ok := env[name]; ok {
				return v, true
			}
			return "127.0.0.1:1", name == "OLLAMA_HOST"
		},
		signals: func() (<-chan os.Signal, func()) {
			c, over := make(chan os.Signal, 1), make(chan struct{})
			go func() {
				defer close(c)
				select {
				case <-when:
					c <- os.Interrupt
					<-over
				case <-over:
				}
			}()
			return c, func() { close(over) }
		},
	}
	code := p.main(t.Context(), args)
	return ended{code: code, stdout: out.String(), stderr: errs.String()}
}

// TestInterruptedAnswers: answers that an interrupt left out are not done, whether they
// were asked for after the run or looked for in it: the exit code is 130, the next step is
// named, and what came is kept.
func TestInterruptedAnswers(t *testing.T) {
	t.Parallel()
	var slow atomic.Bool
	var begun chan struct{}
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: func(n int, req *llm.Request) (string, error) {
		if purposeOf(req) == "act" {
			return talker(n, req)
		}
		if slow.Load() {
			select {
			case begun <- struct{}{}:
			default:
			}
			time.Sleep(200 * time.Millisecond) // the interrupt comes meanwhile, and others wait for a place
		}
		if strings.Contains(llmtest.Prompt(req), "What is asked for:") {
			return `{"wants":{"quote":"","event":0,"outcome":"absent","value":null}}`, nil
		}
		return `{"asked":{"outcome":"answered","value":"Well, yes."}}`, nil
	}})
	env := map[string]string{"OPENAI_BASE_URL": s.URL}
	file := panelStudy(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		file: string(text) + "  - extract: wants\nquestions: {wants: {find: What is wanted.}}\n",
		filepath.Join(filepath.Dir(file), "config.ini"): "[OpenAI]\nMAX_ATTEMPTS=2\nTIMEOUT=5\nMAX_CONCURRENT_MODEL_CALLS=1\n",
	} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dir := filepath.Join(filepath.Dir(file), "record")
	stopped := func(args ...string) ended {
		begun = make(chan struct{}, 1)
		slow.Store(true)
		defer slow.Store(false)
		e := interrupted(t, env, begun, args...)
		if e.code != exitInterrupted || !strings.Contains(e.stderr, "\nnext  ") || strings.Contains(e.stdout, "done  ") {
			t.Errorf("%s: exit %d\n%s%s", args[0], e.code, e.stdout, e.stderr)
		}
		return e
	}
	stopped("run", file, "--model", "openai/test-model", "--dir", dir)
	if e := command(t, t.Context(), env, "show", dir); !strings.Contains(e.stdout, "status  interrupted") {
		t.Errorf("%s", e.stdout)
	}
	if e := command(t, t.Context(), env, "resume", dir); e.code != exitDone {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	e := stopped("ask", dir, "Well?", "--json")
	var a asked
	if err := json.Unmarshal([]byte(e.stdout), &a); err != nil || a.Base != (extract.Base{Asked: 2, Answered: 1, Skipped: 1}) || a.Problem == "" {
		t.Errorf("%v %+v", err, a)
	}
	if _, a := askAt(t, s, dir, "Well?"); a.Base.Answered != 2 || a.Calls != 1 {
		t.Errorf("%+v", a)
	}
}
