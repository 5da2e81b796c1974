package main

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// interrupted runs the command, at a terminal where stdin is one, and interrupts it once,
// when told to.
func interrupted(t *testing.T, env map[string]string, stdin io.Reader, errs *waitFor, when <-chan struct{}, args ...string) ended {
	t.Helper()
	if errs.seen == nil {
		errs.seen = make(chan struct{})
	}
	var out bytes.Buffer
	p := &program{
		stdin: stdin, stdout: &out, stderr: errs, terminal: func() bool { return false }, typed: func() bool { return stdin != nil },
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
	var begun, stopping chan struct{}
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: func(n int, req *llm.Request) (string, error) {
		if purposeOf(req) == "act" {
			return talker(n, req)
		}
		if slow.Load() {
			select {
			case begun <- struct{}{}:
			default:
			}
			<-stopping // the interrupt comes meanwhile, and others wait for a place
			// It is told before it is carried out, so that nobody misses it: nothing says when.
			time.Sleep(100 * time.Millisecond)
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
		begun, stopping = make(chan struct{}, 1), make(chan struct{})
		slow.Store(true)
		defer slow.Store(false)
		e := interrupted(t, env, nil, &waitFor{text: "waiting for calls in flight", seen: stopping}, begun, args...)
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

// TestInterruptedQuestion: an interrupt ends the question whether to go on, too: nothing
// is called and the record stays as it was.
func TestInterruptedQuestion(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: talker})
	file := studyFile(t, killCrowd("together"), "")
	if e := runPuppets(t, file, s.URL, "", "--max-calls", "2"); e.code != exitBudget {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	dir := filepath.Join(filepath.Dir(file), "record")
	before, served := fingerprint(t, filepath.Join(dir, "worlds")), s.Stats().Calls
	keys, typing := io.Pipe() // at which nobody types
	defer typing.Close()
	asked := make(chan struct{})
	e := interrupted(t, map[string]string{"OPENAI_BASE_URL": s.URL}, keys, &waitFor{text: "Go on? [y/N] ", seen: asked}, asked, "run", file, "--model", "openai/test-model", "--dir", dir, "--seed", "7", "--max-calls", "50")
	if e.code != exitInterrupted || !strings.HasSuffix(e.stderr, "nothing was called or spent, and the record is as it was\n") {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
	if n := s.Stats().Calls - served; n > 0 || !maps.Equal(before, fingerprint(t, filepath.Join(dir, "worlds"))) {
		t.Errorf("%d calls, or another journal", n)
	}
}

// waitFor keeps what is written, and closes seen once the text has been.
type waitFor struct {
	text string
	seen chan struct{}
	mu   sync.Mutex
	b    bytes.Buffer
	once sync.Once
}

func (w *waitFor) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.b.Write(p)
	if strings.Contains(w.b.String(), w.text) {
		w.once.Do(func() { close(w.seen) })
	}
	return n, err
}

func (w *waitFor) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}
