package main

import (
	"bytes"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/record"
)

// output is a writer that a test waits on.
type output struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	more chan struct{}
}

func newOutput() *output { return &output{more: make(chan struct{}, 1)} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// wait returns once what was written holds text n times.
func (o *output) wait(t *testing.T, text string, n int) {
	t.Helper()
	late := time.After(10 * time.Second)
	for strings.Count(o.String(), text) < n {
		select {
		case <-o.more:
		case <-late:
			t.Fatalf("%q was not shown %d times:\n%s", text, n, o.String())
		}
	}
}

// terminal is a chat at a terminal that the test types at.
type terminal struct {
	out, errs *output
	keys      *io.PipeWriter
	signals   chan os.Signal
	ended     chan int
	dir       string
}

func chatting(t *testing.T, url string, typed bool, args ...string) *terminal {
	t.Helper()
	keys, w := io.Pipe()
	c := &terminal{newOutput(), newOutput(), w, make(chan os.Signal), make(chan int, 1), filepath.Join(t.TempDir(), "r")}
	p := &program{
		stdin: keys, stdout: c.out, stderr: c.errs,
		env: func(name string) (string, bool) {
			v, ok := map[string]string{"OPENAI_BASE_URL": url}[name]
			return v, ok
		},
		terminal: func() bool { return false },
		typed:    func() bool { return typed },
		signals:  func() (<-chan os.Signal, func()) { return c.signals, func() {} },
	}
	go func() {
		c.ended <- p.main(t.Context(), append([]string{"chat", "--model", "openai/test-model", "--dir", c.dir}, args...))
	}()
	t.Cleanup(func() { w.Close() })
	return c
}

func (c *terminal) enter(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(c.keys, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// end checks how the chat ended, and its record.
func (c *terminal) end(t *testing.T, code int, status record.Status) {
	t.Helper()
	select {
	case got := <-c.ended:
		if got != code {
			t.Errorf("exit %d, not %d\n%s%s", got, code, c.out, c.errs)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("the chat does not end:\n%s%s", c.out, c.errs)
	}
	rec, err := record.View(c.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	if got := rec.Status(); got != status {
		t.Errorf("the record says %q, not %q", got, status)
	}
}

// TestChatInterrupt: an interrupt while somebody answers waits for the answer and
// comes back to the prompt; at the prompt it ends the chat.
func TestChatInterrupt(t *testing.T) {
	begun := make(chan struct{}, 9)
	s := llmtest.NewServer(t, &llmtest.ServerOptions{
		Model: reader{rehearsal.New(nil)}, Latency: 300 * time.Millisecond,
		Faults: func(int) llmtest.Fault { begun <- struct{}{}; return llmtest.Fault{} },
	})
	c := chatting(t, s.URL, true, "lisa", "oscar")
	c.enter(t, "What do you do for a living?")
	<-begun
	c.signals <- os.Interrupt
	c.errs.wait(t, "waiting for the answer under way", 1)
	c.out.wait(t, "Lisa Carter acts: [TALK]", 1)
	c.out.wait(t, "> ", 2)
	if strings.Contains(c.out.String(), "Oscar acts") {
		t.Errorf("Oscar answered after the interrupt:\n%s", c.out)
	}
	// What was left open goes on with the next line, and nobody hears a thing twice.
	c.enter(t, "And what do you enjoy most?")
	c.out.wait(t, "Oscar acts: [TALK]", 1)
	c.out.wait(t, "Lisa Carter acts: [TALK]", 2)
	c.enter(t, "/who")
	c.out.wait(t, "Occupation: Architect", 1)
	c.signals <- os.Interrupt
	c.end(t, exitDone, record.Done)
	// Oscar, Lisa, and Oscar again, who has heard Lisa.
	if n := len(begun); n != 3 {
		t.Errorf("%d calls after the first, want 3", n)
	}
	if strings.Contains(c.out.String(), "USER -->") {
		t.Errorf("what was typed is shown again:\n%s", c.out)
	}
}

// TestChatInterruptedScript: a signal ends a chat that nobody types, after the answer
// under way, and so does one to end a chat at a terminal. Neither is done.
func TestChatInterruptedScript(t *testing.T) {
	for _, test := range []struct {
		typed bool
		sig   os.Signal
	}{{false, os.Interrupt}, {false, syscall.SIGTERM}, {true, syscall.SIGTERM}} {
		begun := make(chan struct{}, 99)
		s := llmtest.NewServer(t, &llmtest.ServerOptions{
			Model: reader{rehearsal.New(nil)}, Latency: 100 * time.Millisecond,
			Faults: func(int) llmtest.Fault { begun <- struct{}{}; return llmtest.Fault{} },
		})
		c := chatting(t, s.URL, test.typed, "lisa")
		go func() {
			// A chat that has ended reads no more.
			_, _ = io.WriteString(c.keys, "What do you do for a living?\nWhat do you enjoy most?\nAnd what else?\n")
		}()
		<-begun
		c.signals <- test.sig
		c.end(t, exitInterrupted, record.Interrupted)
		if len(begun) > 0 || !strings.Contains(c.out.String(), "\ninterrupted  1 call") {
			t.Errorf("typed %v, %v: %d further calls\n%s%s", test.typed, test.sig, len(begun), c.out, c.errs)
		}
	}
	// At the prompt, or while a script waits for its next line.
	c := chatting(t, newServer(t, nil).URL, false, "lisa")
	c.out.wait(t, "record  ", 1)
	c.signals <- os.Interrupt
	c.end(t, exitInterrupted, record.Interrupted)
}

// TestChatLostLine: what nobody in a script heard does not pass for an answer; who
// types has seen it.
func TestChatLostLine(t *testing.T) {
	for typed, want := range map[bool]struct {
		code   int
		status record.Status
		said   string
	}{
		false: {exitIncomplete, record.Incomplete, "\nline 3: Write @NAME"},
		true:  {exitDone, record.Done, "> Write @NAME"},
	} {
		c := chatting(t, newServer(t, nil).URL, typed, "lisa")
		c.enter(t, "\n@lisa Hello.")
		c.enter(t, "@Liza How are you?")
		c.enter(t, "/quit")
		c.end(t, want.code, want.status)
		if !strings.Contains(c.out.String(), want.said) {
			t.Errorf("typed %v: not %q\n%s", typed, want.said, c.out)
		}
	}
}

// TestChatRefused: a chat that cannot go on as it is asked to leaves the record as it was.
func TestChatRefused(t *testing.T) {
	s := newServer(t, nil)
	c := chatting(t, s.URL, false, "lisa")
	c.enter(t, "Hello.")
	c.keys.Close()
	c.end(t, exitDone, record.Done)
	before := treeOf(t, c.dir)
	for want, args := range map[string][]string{
		"Lisa Carter is in this chat already, and has another description":                  {"oscar", "lisa", "--fragment", "picky_customer"},
		"--fragment picky_customer: it is added to people who come in, and nobody is named": {"--fragment", "picky_customer"},
	} {
		e := command(t, t.Context(), map[string]string{"OPENAI_BASE_URL": s.URL}, append([]string{"chat", "--dir", c.dir}, args...)...)
		if e.code != exitUsage || !strings.Contains(e.stderr, want) {
			t.Errorf("%q: exit %d\n%s", args, e.code, e.stderr)
		}
		if diff := cmp.Diff(before, treeOf(t, c.dir)); diff != "" {
			t.Errorf("%q changed the record:\n%s", args, diff)
		}
	}
}

// treeOf reads the files of a folder but the store of calls, whose bytes say nothing.
func treeOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(d.Name(), "calls.db") {
			return err
		}
		data, err := os.ReadFile(path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestChatTotals: what a record says that a chat took is of all its parts.
func TestChatTotals(t *testing.T) {
	failed := false
	s := newServer(t, func(int) llmtest.Fault {
		if !failed {
			failed = true
			return llmtest.Fault{Kind: llmtest.FilterCall}
		}
		return llmtest.Fault{}
	})
	c := chatting(t, s.URL, false, "lisa")
	c.enter(t, "Hello.")
	c.keys.Close()
	c.end(t, exitIncomplete, record.Incomplete)
	totals := func() record.Totals {
		rec, err := record.View(c.dir)
		if err != nil {
			t.Fatal(err)
		}
		defer rec.Close()
		return *rec.Manifest().Totals
	}
	first := totals()
	if e := command(t, t.Context(), map[string]string{"OPENAI_BASE_URL": s.URL}, "chat", "--dir", c.dir); e.code != exitDone {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	if all := totals(); first.Failed != 1 || all.Failed != 1 || all.WallSeconds <= first.WallSeconds {
		t.Errorf("%+v, then %+v", first, all)
	}
}

// TestChatCaps: the caps of config.ini are those of a chat too, and what is said of them
// can be done.
func TestChatCaps(t *testing.T) {
	t.Chdir(t.TempDir())
	s := newServer(t, nil)
	for key, value := range map[string]string{"BUDGET_CALLS": "1", "BUDGET_TOKENS": "12000"} {
		if err := os.WriteFile("config.ini", []byte("[Budget]\n"+key+"="+value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		c := chatting(t, s.URL, false, "lisa")
		go func() { _, _ = io.WriteString(c.keys, "Hello.\nHow are you?\nAnd now?\nAnd now?\n") }() // it may end before
		c.end(t, exitBudget, record.OverBudget)
		flag := map[string]string{"BUDGET_CALLS": "--max-calls", "BUDGET_TOKENS": "--max-tokens"}[key]
		if !strings.Contains(c.errs.String(), "next  a higher "+flag+"\n") {
			t.Errorf("%s\n%s", c.out, c.errs)
		}
		if err := os.Remove("config.ini"); err != nil {
			t.Fatal(err)
		}
		for _, more := range []struct {
			args []string
			code int
		}{{nil, exitBudget}, {[]string{flag, "100000"}, exitDone}, {nil, exitDone}} {
			var out bytes.Buffer
			p := &program{stdin: strings.NewReader("Hello again.\n"), stdout: &out, stderr: &out, terminal: func() bool { return false },
				env: func(name string) (string, bool) { return s.URL, name == "OPENAI_BASE_URL" }}
			if code := p.main(t.Context(), append([]string{"chat", "--dir", c.dir}, more.args...)); code != more.code {
				t.Errorf("%s, going on with %q: exit %d, want %d\n%s", key, more.args, code, more.code, out.String())
			}
		}
	}
}

// TestChatDropped: a second interrupt drops the answer under way; the line is heard
// all the same.
func TestChatDropped(t *testing.T) {
	begun := make(chan struct{}, 9)
	calls := 0
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: reader{rehearsal.New(nil)}, Faults: func(int) llmtest.Fault {
		calls++
		begun <- struct{}{}
		if calls == 1 {
			return llmtest.Fault{Kind: llmtest.Hang}
		}
		return llmtest.Fault{}
	}})
	c := chatting(t, s.URL, true, "lisa")
	c.enter(t, "What do you do for a living?")
	<-begun
	c.signals <- os.Interrupt
	c.signals <- os.Interrupt
	c.out.wait(t, "> ", 2)
	if got := c.errs.String(); strings.Count(got, "again to drop it") != 1 || !strings.Contains(got, "\ndropped\n") {
		t.Errorf("told %q", got)
	}
	c.enter(t, "/step")
	c.out.wait(t, "Lisa Carter acts: [TALK]", 1)
	c.keys.Close()
	c.end(t, exitDone, record.Done)
}

// TestChatFailures: a turn that fails is shown and the chat goes on; what would fail
// for every line ends a script, and of somebody who types a refused key alone.
func TestChatFailures(t *testing.T) {
	for _, test := range []struct {
		name   string
		kind   llmtest.FaultKind
		typed  bool
		code   int
		status record.Status
		said   int
		shown  string
	}{
		{"filter in a script", llmtest.Filter, false, exitIncomplete, record.Incomplete, 1, "turn failed"},
		{"filter at a terminal", llmtest.Filter, true, exitDone, record.Incomplete, 1, "turn failed"},
		{"no key in a script", llmtest.Auth, false, exitFailed, record.Failed, 0, "check the key"},
		{"no key at a terminal", llmtest.Auth, true, exitFailed, record.Failed, 0, "check the key"},
		{"no credit at a terminal", llmtest.Quota, true, exitDone, record.Incomplete, 1, "add credit"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, func(n int) llmtest.Fault {
				if n == 1 {
					return llmtest.Fault{Kind: test.kind}
				}
				return llmtest.Fault{}
			})
			c := chatting(t, s.URL, test.typed, "lisa")
			go func() {
				// A chat that has ended reads no more.
				_, _ = io.WriteString(c.keys, "What do you do for a living?\nWhat do you enjoy most?\n/quit\n")
			}()
			c.end(t, test.code, test.status)
			all := c.out.String() + c.errs.String()
			if !strings.Contains(all, test.shown) {
				t.Errorf("%q is not shown:\n%s", test.shown, all)
			}
			if got := strings.Count(all, "acts: [TALK]"); got != test.said {
				t.Errorf("%d answers, want %d:\n%s", got, test.said, all)
			}
		})
	}
}

// TestChatRecalls: what a file says that somebody remembers is in the prompt, also when
// the chat goes on.
func TestChatRecalls(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ann.agent.json")
	if err := os.WriteFile(file, []byte(`{"type":"TinyPerson","persona":{"name":"Ann"},"semantic_memory":{"memories":["The flat has two rooms."]},
		"mental_state":{"location":"Lyon","attention":"the rain"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var prompts []string
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: func(_ int, req *llm.Request) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		prompts = append(prompts, llmtest.Prompt(req))
		return `{"actions":[{"type":"TALK","target":"","content":"Well."}],"state":{"goals":"","attention":"","emotions":""}}`, nil
	}})
	c := chatting(t, s.URL, false, file)
	c.enter(t, "What flat is it?")
	c.keys.Close()
	c.end(t, exitDone, record.Done)
	var out bytes.Buffer
	p := &program{stdin: strings.NewReader("And how large?\n"), stdout: &out, stderr: &out, terminal: func() bool { return false },
		env: func(name string) (string, bool) { return s.URL, name == "OPENAI_BASE_URL" }}
	if code := p.main(t.Context(), []string{"chat", "--dir", c.dir}); code != exitDone {
		t.Fatalf("exit %d\n%s", code, out.String())
	}
	if len(prompts) != 2 {
		t.Fatalf("%d calls", len(prompts))
	}
	for i, prompt := range prompts {
		for _, want := range []string{`Recalled: {"kind":"fact"`, "The flat has two rooms.", "Place: Lyon."} {
			if strings.Count(prompt, want) != 1 {
				t.Errorf("call %d: %q is there %d times in\n%s", i+1, want, strings.Count(prompt, want), prompt)
			}
		}
	}
	if !strings.Contains(prompts[0], "the rain") {
		t.Error("the state is not in the first prompt")
	}
}
