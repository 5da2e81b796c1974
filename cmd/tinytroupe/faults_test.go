package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// ended is how a run of the command in this process ended.
type ended struct {
	code           int
	stdout, stderr string
	dir            string // of the record
}

// command runs the command in this process with the environment given. An Ollama of
// this machine is not seen.
func command(t *testing.T, ctx context.Context, env map[string]string, args ...string) ended {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{
		stdout: &out, stderr: &errs, terminal: func() bool { return false },
		env: func(name string) (string, bool) {
			v, ok := env[name]
			if !ok && name == "OLLAMA_HOST" {
				return "127.0.0.1:1", true
			}
			return v, ok
		},
	}
	code := p.main(ctx, args)
	return ended{code: code, stdout: out.String(), stderr: errs.String()}
}

// crowd writes a study of four people who act together for three steps, and the
// settings of a quick retry beside it.
func crowd(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "people"), os.DirFS("../../examples/people")); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("study.yaml", `title: Breakfast
people:
  lisa: {file: people/lisa.agent.json}
  oscar: {file: people/oscar.agent.json}
  marcos: {file: people/marcos.agent.json}
  ray: {file: people/ray.agent.json}
world: {turns: together}
script:
  - say: What do you have for breakfast, and why?
  - run: 3
`)
	write("config.ini", "[OpenAI]\nMAX_ATTEMPTS=3\nTIMEOUT=5\n")
	return filepath.Join(dir, "study.yaml")
}

const turns = 4 * 3

func runStudy(t *testing.T, file string, s *llmtest.Server, args ...string) ended {
	t.Helper()
	env := map[string]string{"OPENAI_BASE_URL": s.URL, "OPENAI_API_KEY": "canary-key"}
	dir := filepath.Join(filepath.Dir(file), "record")
	e := command(t, t.Context(), env, append([]string{"run", file, "--model", "openai/test-model", "--dir", dir}, args...)...)
	e.dir = dir
	for _, text := range []string{e.stdout, e.stderr} {
		if strings.Contains(text, "canary-key") {
			t.Errorf("the key was printed:\n%s", text)
		}
	}
	return e
}

// present counts the committed turns of a record.
func present(t *testing.T, dir string) int {
	t.Helper()
	rec, err := record.View(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	n := 0
	for ev, err := range rec.Events(study.Main) {
		if err != nil {
			t.Fatal(err)
		}
		if ev.Kind == tinytroupe.EventActed && ev.Seen > 0 {
			n++
		}
	}
	return n
}

// faults that a run gets over when they are rare.
var passing = []llmtest.Fault{
	{Kind: llmtest.Rate, RetryAfter: 20 * time.Millisecond},
	{Kind: llmtest.Rate},
	{Kind: llmtest.ServerError},
	{Kind: llmtest.Reset},
	{Kind: llmtest.Truncated},
	{Kind: llmtest.NotJSON},
	{Kind: llmtest.Fenced},
	{Kind: llmtest.Prose},
	{Kind: llmtest.WrongTypes},
	{Kind: llmtest.Empty},
	{Kind: llmtest.Length},
}

// faults that end a run whenever they come.
var ending = []llmtest.Fault{
	{Kind: llmtest.NotFound},
	{Kind: llmtest.Auth},
	{Kind: llmtest.Quota},
	{Kind: llmtest.TooLong},
	{Kind: llmtest.Filter},
	{Kind: llmtest.FilterCall},
	{Kind: llmtest.Refusal},
}

func newServer(t *testing.T, faults func(int) llmtest.Fault) *llmtest.Server {
	return llmtest.NewServer(t, &llmtest.ServerOptions{Model: reader{rehearsal.New(nil)}, Faults: faults})
}

// reader is the stand-in, which finds a schema in the prompt as a real model does,
// where an endpoint takes none.
type reader struct{ llm.Model }

func (r reader) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	if last := req.Messages[len(req.Messages)-1]; req.Schema == nil {
		text := last.Parts[len(last.Parts)-1].Text
		const before = "It must be valid under this JSON schema:\n"
		if i := strings.LastIndex(text, before); i >= 0 {
			c := *req
			c.Messages = slices.Clone(req.Messages)
			c.Messages[len(c.Messages)-1] = llm.Text(last.Role, strings.TrimSuffix(text[:i], "\n\nReply with one JSON object and nothing else. "))
			c.Schema = &llm.Schema{Name: "reply", Body: json.RawMessage(text[i+len(before):])}
			req = &c
		}
	}
	return r.Model.Generate(ctx, req)
}

// TestFaults: whatever a provider does, a run ends with every turn present and exit
// 0, or with another code and a message that names step, person and cause. What
// was begun can be gone on with.
func TestFaults(t *testing.T) {
	type test struct {
		fault  llmtest.Fault
		when   string
		faults func(int) llmtest.Fault
		code   int
	}
	var tests []test
	for _, f := range passing {
		always := exitFailed
		if f.Kind == llmtest.Fenced || f.Kind == llmtest.Prose {
			always = exitDone // what is in the fence, or in the prose, is an answer
		}
		tests = append(tests,
			test{f, "every fifth", llmtest.Every(5, f), exitDone},
			test{f, "every", llmtest.Always(f), always})
	}
	for _, f := range ending {
		tests = append(tests,
			test{f, "every fifth", llmtest.Every(5, f), exitFailed},
			test{f, "every", llmtest.Always(f), exitFailed})
	}
	for _, p := range []string{"temperature", "max_completion_tokens", "response_format"} {
		f := llmtest.Fault{Kind: llmtest.RejectParam, Param: p}
		tests = append(tests, test{f, "every", llmtest.Always(f), exitDone})
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.fault.Kind, tt.fault.Param, "/", tt.when), func(t *testing.T) {
			t.Parallel()
			file := crowd(t)
			e := runStudy(t, file, newServer(t, tt.faults))
			if e.code != tt.code {
				t.Fatalf("exit %d, want %d\n%s%s", e.code, tt.code, e.stdout, e.stderr)
			}
			if e.code == exitDone {
				if n := present(t, e.dir); n != turns {
					t.Errorf("exit 0 with %d of %d turns", n, turns)
				}
				return
			}
			for _, want := range []string{"study.yaml:10: run: step ", "openai/test-model", "so far", "next"} {
				if !strings.Contains(e.stderr, want) {
					t.Errorf("the message does not say %q:\n%s", want, e.stderr)
				}
			}
			if !strings.Contains(e.stderr, "Lisa Carter") && !strings.Contains(e.stderr, "Oscar") && !strings.Contains(e.stderr, "Marcos") && !strings.Contains(e.stderr, "Ray") {
				t.Errorf("the message names nobody:\n%s", e.stderr)
			}
			// The fault gone, the same run goes on, at another server, and is whole.
			if e := runStudy(t, file, newServer(t, nil), "--yes"); e.code != exitDone || present(t, e.dir) != turns {
				t.Errorf("going on: exit %d, %d of %d turns\n%s%s", e.code, present(t, e.dir), turns, e.stdout, e.stderr)
			}
		})
	}
}

// TestHang: a server that never answers ends in a typed error within the time limit.
func TestHang(t *testing.T) {
	t.Parallel()
	file := crowd(t)
	if err := os.WriteFile(filepath.Join(filepath.Dir(file), "config.ini"), []byte("[OpenAI]\nMAX_ATTEMPTS=2\nTIMEOUT=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	e := runStudy(t, file, newServer(t, llmtest.Always(llmtest.Fault{Kind: llmtest.Hang})))
	if e.code != exitFailed || !strings.Contains(e.stderr, "answer within") && !strings.Contains(e.stderr, "deadline") && !strings.Contains(e.stderr, "time") {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
	if d := time.Since(begun); d > 20*time.Second {
		t.Errorf("it took %v", d)
	}
}

// TestPartial: where partial results are allowed, failed turns are failed events,
// the rest is there, and the exit code says so.
func TestPartial(t *testing.T) {
	t.Parallel()
	file := crowd(t)
	e := runStudy(t, file, newServer(t, llmtest.Every(5, llmtest.Fault{Kind: llmtest.Filter})), "--allow-partial", "--json")
	if e.code != exitIncomplete {
		t.Fatalf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}
	var sum summary
	if err := json.Unmarshal([]byte(e.stdout), &sum); err != nil {
		t.Fatalf("%v\n%s", err, e.stdout)
	}
	if sum.Failed == 0 || sum.Failed+present(t, e.dir) != turns || sum.Status != "incomplete" {
		t.Errorf("%d failed, %d present: %+v", sum.Failed, present(t, e.dir), sum)
	}
	list, err := os.ReadFile(filepath.Join(e.dir, "failures.jsonl"))
	if n := strings.Count(string(list), `"what":"turn"`); err != nil || n != sum.Failed {
		t.Errorf("%d failures listed of %d, %v", n, sum.Failed, err)
	}
	// Nothing is left to do, and it is as incomplete as before.
	again := runStudy(t, file, newServer(t, nil), "--yes")
	if again.code != exitIncomplete || !strings.Contains(again.stdout, fmt.Sprintf("incomplete  %d turns", sum.Failed)) {
		t.Errorf("exit %d\n%s%s", again.code, again.stdout, again.stderr)
	}
}

// TestBudget: a cap is never passed, stops with its own code, and a higher one goes on.
func TestBudget(t *testing.T) {
	t.Parallel()
	file := crowd(t)
	s := newServer(t, nil)
	e := runStudy(t, file, s, "--max-calls", "6")
	if e.code != exitBudget || s.Stats().Calls > 6 {
		t.Fatalf("exit %d after %d calls\n%s", e.code, s.Stats().Calls, e.stderr)
	}
	if !strings.Contains(e.stderr, "go on with a higher limit: tinytroupe resume ") || !strings.HasSuffix(e.stderr, " --max-calls 12\n") {
		t.Errorf("no advice:\n%s", e.stderr)
	}
	e = runStudy(t, file, s, "--max-calls", "12")
	if e.code != exitDone || present(t, e.dir) != turns || s.Stats().Calls != turns {
		t.Errorf("exit %d, %d turns, %d calls in all: a finished call was made again\n%s", e.code, present(t, e.dir), s.Stats().Calls, e.stderr)
	}
	// config.ini may hold a limit; a flag goes before it.
	file = crowd(t)
	settings := filepath.Join(filepath.Dir(file), "config.ini")
	if err := os.WriteFile(settings, []byte("[Budget]\nBUDGET_CALLS=5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = newServer(t, nil)
	if e = runStudy(t, file, s); e.code != exitBudget || s.Stats().Calls > 5 {
		t.Errorf("exit %d after %d calls\n%s", e.code, s.Stats().Calls, e.stderr)
	}
	if e = runStudy(t, file, s, "--max-calls", "12"); e.code != exitDone || present(t, e.dir) != turns {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
	// A price that is not known cannot be held under a cap in money.
	// Nothing is called, and nobody's turns are left out for it.
	s = newServer(t, nil)
	for _, args := range [][]string{{"--budget", "1"}, {"--budget", "1", "--allow-partial"}} {
		e = runStudy(t, crowd(t), s, args...)
		if e.code != exitUsage || !strings.Contains(e.stderr, "no price is known of openai/test-model, so the cap of $1.00 cannot be kept\n") || s.Stats().Calls > 0 {
			t.Errorf("exit %d, %d calls\n%s", e.code, s.Stats().Calls, e.stderr)
		}
	}
	if tolerable(fmt.Errorf("a turn: %w", llm.ErrNoPrice)) {
		t.Error("a price that is not known would end each turn alone")
	}
}

// TestInterrupt: an interrupt drains and is resumable; nothing finished is repeated.
func TestInterrupt(t *testing.T) {
	t.Parallel()
	file := crowd(t)
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: rehearsal.New(nil), Latency: 50 * time.Millisecond})
	dir := filepath.Join(filepath.Dir(file), "record")
	env := map[string]string{"OPENAI_BASE_URL": s.URL}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(120*time.Millisecond, cancel)
	args := []string{"run", file, "--model", "openai/test-model", "--dir", dir, "--parallel", "2"}
	if e := command(t, ctx, env, args...); e.code != exitInterrupted || !strings.Contains(e.stderr, "next  tinytroupe resume ") {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	cancel()
	if e := command(t, t.Context(), env, args...); e.code != exitDone || present(t, dir) != turns {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
}

// TestFound: a model that is found is said aloud; a paid one that nobody named is
// capped.
func TestFound(t *testing.T) {
	t.Parallel()
	file := crowd(t)
	s := newServer(t, nil)
	e := command(t, t.Context(), map[string]string{"OPENAI_BASE_URL": s.URL}, "run", file, "--dir", filepath.Join(t.TempDir(), "r"))
	if e.code != exitDone || !strings.Contains(e.stdout, "model   openai/test-model (the only model at "+s.URL) {
		t.Errorf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}
	many := llmtest.NewServer(t, &llmtest.ServerOptions{Models: []string{"one", "two"}})
	e = command(t, t.Context(), map[string]string{"OPENAI_BASE_URL": many.URL}, "run", file, "--dir", filepath.Join(t.TempDir(), "r"))
	if e.code != exitUsage || !strings.Contains(e.stderr, "--model openai/two") {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
}
