package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/record"
)

// full is a stdout that takes some bytes and no more.
type full struct{ left int }

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errors.New("no space left on device")
	}
	return len(p), nil
}

// TestStdoutLost: where stdout cannot be written, that is a failure, told on stderr with
// what would have been there, and not one of usage.
func TestStdoutLost(t *testing.T) {
	file := studyFile(t, "people: {ann: {persona: {name: Ann}}}\nscript: [{say: Hello.}, {run: 2}]\n", "")
	dir := filepath.Join(filepath.Dir(file), "record")
	for _, c := range []struct {
		takes int
		args  []string
		want  string // on stderr
	}{
		{0, []string{"run", file, "--model", "rehearsal", "--dir", dir}, "done  "},
		{300, []string{"run", file, "--model", "rehearsal", "--dir", dir}, "done  "},
		{0, []string{"run", file, "--model", "rehearsal", "--dir", dir, "--json"}, ""},
		{0, []string{"show", dir}, ""},
		{0, []string{"show", dir, "--costs"}, ""},
		{0, []string{"ask", dir, "Well?"}, ""},
		{0, []string{"replay", dir}, ""},
		{0, []string{"ls", filepath.Dir(file)}, ""},
		{0, []string{"schema"}, ""},
	} {
		var errs bytes.Buffer
		p := &program{stdout: &full{c.takes}, stderr: &errs, terminal: func() bool { return false }, env: func(string) (string, bool) { return "", false }}
		code := p.main(t.Context(), c.args)
		if code != exitFailed || !strings.Contains(errs.String(), "no space left on device\n") || !strings.Contains(errs.String(), c.want) || strings.Contains(errs.String(), "--help") {
			t.Errorf("%s: exit %d\n%s", c.args[0], code, errs.String())
		}
	}
}

// TestFailuresAreNoUsage: what goes wrong after the words of a call were understood ends
// with the code of a failure, and does not send anybody to the help.
func TestFailuresAreNoUsage(t *testing.T) {
	file := studyFile(t, "people: {ann: {persona: {name: Ann}}}\nscript: [{say: Hello.}, {run: 1}]\n", "")
	dir := filepath.Join(filepath.Dir(file), "record")
	if e := command(t, t.Context(), nil, "run", file, "--model", "rehearsal", "--dir", dir); e.code != exitDone {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	if err := os.WriteFile(filepath.Join(dir, "calls.db"), []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if e := command(t, t.Context(), nil, "show", dir, "--costs"); e.code != exitFailed || !strings.Contains(e.stderr, "calls.db") || strings.Contains(e.stderr, "--help") {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
}

// TestClosed: what goes wrong in closing is told whatever else went wrong, and is a
// failure where nothing else did.
func TestClosed(t *testing.T) {
	closing := errors.New("the disk is full")
	for name, c := range map[string]struct {
		err  error
		code int
		text string // of the error
		said string // on stderr
	}{
		"done":        {nil, exitFailed, "the disk is full", ""},
		"failed":      {errors.New("no"), exitFailed, "no\nthe disk is full", ""},
		"usage":       {usage(errors.New("no")), exitUsage, "no\nthe disk is full", ""},
		"over budget": {&exitError{code: exitBudget, err: errors.New("no"), shown: true}, exitBudget, "no", "the disk is full\n"},
	} {
		var errs bytes.Buffer
		p := &program{stderr: &errs}
		err := p.closed(c.err, nil, closing)
		e, ok := errors.AsType[*exitError](err)
		if !ok || e.code != c.code || e.Error() != c.text || errs.String() != c.said {
			t.Errorf("%s: %v, said %q", name, err, errs.String())
		}
		if got := p.closed(c.err, nil, nil); got != c.err {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestQuote: a path that is printed can be pasted into a shell of the system.
func TestQuote(t *testing.T) {
	for _, c := range []struct{ system, path, want string }{
		{"linux", "runs/a-b_1.zip", "runs/a-b_1.zip"},
		{"linux", "my runs/it's", `'my runs/it'\''s'`},
		{"linux", `a\b`, `'a\b'`},
		{"linux", "", "''"},
		{"windows", `C:\runs\a-b`, `C:\runs\a-b`},
		{"windows", `C:\my runs\a&b`, `"C:\my runs\a&b"`},
		{"windows", "", `""`},
	} {
		if got := quoteFor(c.system, c.path); got != c.want {
			t.Errorf("%s: %s is quoted as %s, want %s", c.system, c.path, got, c.want)
		}
	}
}

// TestDiffShortHash: a hash that somebody has shortened is shown as it is.
func TestDiffShortHash(t *testing.T) {
	a := &record.Manifest{Inputs: []record.Input{{Name: "x", Hash: "abc"}}}
	b := &record.Manifest{Inputs: []record.Input{{Name: "x", Hash: strings.Repeat("d", 64)}}}
	if got := madeOtherwise(a, b); len(got) != 1 || got[0] != "file x   abc  |  dddddddddddd" {
		t.Errorf("%q", got)
	}
}

// TestAskLogs: LOGLEVEL_FILE is heeded by ask too.
func TestAskLogs(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: talkOrAnswer})
	e := runStudy(t, panelStudy(t), s)
	log := filepath.Join(e.dir, "log.txt")
	if _, err := os.Stat(log); e.code != exitDone || err == nil {
		t.Fatalf("exit %d, %v\n%s", e.code, err, e.stderr)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(e.dir), "config.ini"), []byte("[Logging]\nLOGLEVEL_FILE=DEBUG\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, a := askAt(t, s, e.dir, "Well?"); a.Base.Answered != 2 {
		t.Errorf("%+v", a)
	}
	if _, err := os.Stat(log); err != nil {
		t.Error(err)
	}
}
