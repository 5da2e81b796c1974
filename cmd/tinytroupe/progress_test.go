package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// A fakeTerminal shows what is written to it, as a terminal does: a carriage return goes
// to the beginning of the line, and what follows writes over it. Colours take no room.
type fakeTerminal struct {
	mu    sync.Mutex
	lines [][]rune
	at    int
	wide  int      // the longest line ever
	seen  []string // last lines that were shown, as they changed
}

var colourCodes = regexp.MustCompile("\x1b\\[[0-9;]*m")

func (f *fakeTerminal) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.lines == nil {
		f.lines = [][]rune{nil}
	}
	for _, r := range colourCodes.ReplaceAllString(string(p), "") {
		last := len(f.lines) - 1
		switch {
		case r == '\n':
			f.lines, f.at = append(f.lines, nil), 0
			continue
		case r == '\r':
			f.at = 0
			continue
		case r < ' ' && r != '\t':
			panic(fmt.Sprintf("control character %q", r))
		case f.at < len(f.lines[last]):
			f.lines[last][f.at] = r
		default:
			f.lines[last] = append(f.lines[last], r)
		}
		f.at++
		f.wide = max(f.wide, len(f.lines[last]))
	}
	if now := strings.TrimRight(string(f.lines[len(f.lines)-1]), " "); now != "" && (len(f.seen) == 0 || f.seen[len(f.seen)-1] != now) {
		f.seen = append(f.seen, now)
	}
	return len(p), nil
}

// text is what the terminal shows in the end.
func (f *fakeTerminal) text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var b strings.Builder
	for i, l := range f.lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(strings.TrimRight(string(l), " "))
	}
	return b.String()
}

// onTerminal runs the command at a terminal that has so many columns.
func onTerminal(t *testing.T, url string, columns int, env map[string]string, args ...string) (*fakeTerminal, int) {
	t.Helper()
	f := new(fakeTerminal)
	p := &program{
		stdout: f, stderr: f, terminal: func() bool { return true }, columns: func() int { return columns },
		env: func(name string) (string, bool) {
			v, ok := map[string]string{"OPENAI_BASE_URL": url, "OPENAI_API_KEY": canary, "OLLAMA_HOST": "127.0.0.1:1"}[name]
			if e, said := env[name]; said {
				v, ok = e, true
			}
			return v, ok
		},
	}
	return f, p.main(t.Context(), args)
}

var progressLine = regexp.MustCompile(`^\d of 2 steps(, \d+ of about 8 calls(, \$[0-9.]+ of about \$[0-9.]+–[0-9.]+(, about \d+ s left)?)?)?$`)

// TestProgress: on a terminal the last line tells of steps, calls, money and time, and
// when all is over nothing of it is left: what stands there is what a file would hold.
func TestProgress(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: rehearsal.New(nil), Latency: 120 * time.Millisecond})
	dir := t.TempDir()
	if e := command(t, t.Context(), nil, "init", filepath.Join(dir, "study")); e.code != exitDone {
		t.Fatal(e.stderr)
	}
	file := filepath.Join(dir, "study", "study.yaml")
	if err := os.WriteFile(filepath.Join(dir, "study", "prices.json"), []byte(priceList), 0o600); err != nil {
		t.Fatal(err)
	}
	same := func(out, record string) string {
		out = regexp.MustCompile(`(?m)^done  [0-9.]+ s, 8 calls, \$[0-9.]+`).ReplaceAllString(strings.ReplaceAll(out, record, "DIR"), "done")
		return regexp.MustCompile(`(?m) +$`).ReplaceAllString(out, "") // a terminal does not tell
	}
	plain := filepath.Join(dir, "plain")
	e := command(t, t.Context(), map[string]string{"OPENAI_BASE_URL": s.URL, "OPENAI_API_KEY": canary}, "run", file, "--model", "openai/test-model", "--dir", plain)
	if e.code != exitDone || strings.Contains(e.stdout, " left") || strings.Contains(e.stdout, "\r") {
		t.Fatalf("exit %d\n%s", e.code, e.stdout)
	}
	for name, c := range map[string]struct {
		columns int
		env     map[string]string
		parts   []string // that are shown
		not     string
	}{
		"wide":      {120, nil, []string{"of 2 steps", "of about 8 calls", "of about $0.03", " left"}, "\n"},
		"no colour": {120, map[string]string{"NO_COLOR": "1"}, []string{"of 2 steps", "of about 8 calls", "of about $0.03", " left"}, "\n"},
		"narrow":    {40, nil, []string{"of 2 steps", "of about 8 calls"}, " left"},
		"tiny":      {15, nil, nil, "of 2 steps"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := filepath.Join(t.TempDir(), "r")
			f, code := onTerminal(t, s.URL, c.columns, c.env, "run", file, "--model", "openai/test-model", "--dir", rec)
			if code != exitDone {
				t.Fatalf("exit %d\n%s", code, f.text())
			}
			var shown []string
			for _, l := range f.seen {
				if strings.Contains(l, "of 2 steps") {
					shown = append(shown, l)
					if !progressLine.MatchString(l) || utf8.RuneCountInString(l) >= c.columns {
						t.Errorf("odd: %q", l)
					}
				}
			}
			all := strings.Join(shown, "|")
			for _, p := range c.parts {
				if !strings.Contains(all, p) {
					t.Errorf("nothing tells %q: %q", p, shown)
				}
			}
			if strings.Contains(all, c.not) {
				t.Errorf("%q in %q", c.not, shown)
			}
			if c.columns > 100 {
				if d := cmp.Diff(same(e.stdout, plain), same(f.text(), rec)); d != "" {
					t.Errorf("the terminal does not show what a file would hold:\n%s", d)
				}
			}
			if strings.Contains(f.text(), "of 2 steps") {
				t.Errorf("something is left:\n%s", f.text())
			}
		})
	}
	for _, flag := range []string{"--json", "--quiet"} {
		f, code := onTerminal(t, s.URL, 120, nil, "run", file, "--model", "openai/test-model", "--dir", filepath.Join(t.TempDir(), "r"), flag)
		if code != exitDone || strings.Contains(strings.Join(f.seen, "|"), "of 2 steps") {
			t.Errorf("%s: exit %d, %q", flag, code, f.seen)
		}
	}
}

// TestProgressParts: what is not known is not told.
func TestProgressParts(t *testing.T) {
	w := &progress{of: 5, priced: true}
	if got := fmt.Sprint(w.parts(2, llm.Spent{Calls: 7, USD: 0.25}, time.Minute)); got != "[2 of 5 steps 7 calls $0.25]" {
		t.Error(got)
	}
	w.priced = false
	if got := fmt.Sprint(w.parts(2, llm.Spent{Calls: 7}, time.Minute)); got != "[2 of 5 steps 7 calls]" {
		t.Error(got)
	}
	s, err := study.Load("../../examples/simple-chat/study.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := s.Estimate(t.Context(), &study.EstimateOptions{Model: rehearsal.New(nil)})
	if err != nil {
		t.Fatal(err)
	}
	w.offer, w.before = &offer{Estimate: e}, llm.Spent{Calls: 2}
	// 6 calls in 60 s, 2 left.
	if got := fmt.Sprint(w.parts(1, llm.Spent{Calls: 8}, time.Minute)); got != "[1 of 5 steps 8 of about 10 calls about 20 s left]" {
		t.Error(got)
	}
	if got := fmt.Sprint(w.parts(1, llm.Spent{Calls: 11}, time.Minute)); got != "[1 of 5 steps 11 of about 10 calls]" {
		t.Error(got)
	}
}

// TestStatusLine: it is drawn at most ten times a second, and waits for a line that is
// not whole.
func TestStatusLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := new(fakeTerminal)
		l := &statusLine{w: f, now: time.Now}
		out := &screen{w: f, line: l}
		l.set("one")
		l.set("two")
		if f.text() != "one" {
			t.Errorf("%q", f.text())
		}
		time.Sleep(drawEvery)
		l.set("two")
		fmt.Fprint(out, "half ")
		if f.text() != "half" {
			t.Errorf("%q", f.text())
		}
		fmt.Fprint(out, "a line\n")
		if f.text() != "half a line\ntwo" {
			t.Errorf("%q", f.text())
		}
		l.end()
		if f.text() != "half a line\n" {
			t.Errorf("%q", f.text())
		}
	})
}

// TestProgressOfTheRest: who may come counts as what may come, and what a fork has from
// another run, or a run from before, is not expected once more.
func TestProgressOfTheRest(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: rehearsal.New(nil), Latency: 30 * time.Millisecond})
	file := studyFile(t, killCrowd("together"), "")
	dir := filepath.Dir(file)
	shown := func(want string, args ...string) {
		t.Helper()
		f, code := onTerminal(t, s.URL, 120, nil, args...)
		if all := strings.Join(f.seen, "|"); code != exitDone || !strings.Contains(all, want) {
			t.Errorf("exit %d, %q is not shown: %q", code, want, all)
		}
	}
	one := filepath.Join(dir, "one")
	shown(" of about 24 calls", "run", file, "--model", "openai/test-model", "--dir", one)
	shown(" of about 12 calls", "fork", one, "--at", "2.3", "--model", "openai/second-model", "--dir", filepath.Join(dir, "two"))
	three := filepath.Join(dir, "three")
	if e := command(t, t.Context(), map[string]string{"OPENAI_BASE_URL": s.URL}, "run", file, "--model", "openai/test-model", "--dir", three, "--max-calls", "5"); e.code != exitBudget {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	shown(" of about 24 calls", "resume", three, "--max-calls", "1000")
	who := studyFile(t, "title: Who\npeople: {a: {persona: {name: Ann}}, b: {persona: {name: Bea}}}\nquestions: {buy: {ask: \"Would you?\", yes/no: true}}\n"+
		"script:\n  - ask: buy\n  - scene: shop\n    who: {buy: yes}\n    do:\n      - say: Well?\n      - run: 2\n", "")
	shown(" of 2–7 calls", "run", who, "--model", "openai/test-model", "--dir", filepath.Join(dir, "four"))
}
