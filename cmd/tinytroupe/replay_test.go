package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/record"
)

// replays checks that a record makes its run again, with no server there.
func replays(t *testing.T, dir string) {
	t.Helper()
	if e := command(t, t.Context(), map[string]string{"BOT_URL": "http://127.0.0.1:1", "BOT_TOKEN": "x"}, "replay", dir); e.code != exitDone || !strings.HasPrefix(e.stdout, "the same  ") {
		t.Errorf("replay: exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}
}

// TestReplay makes runs again from their records: of rooms, scenes, networks, summaries
// and chatbots, and of what was said in answer to every fault, tolerated or not.
func TestReplay(t *testing.T) {
	t.Parallel()
	for _, st := range killStudies {
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: puppet()})
			e := runPuppets(t, studyFile(t, st.text, ""), s.URL, newPuppetBot(t, 0, nil).URL)
			if e.code != exitDone {
				t.Fatalf("exit %d\n%s", e.code, e.stderr)
			}
			replays(t, e.dir)
		})
	}
	for _, f := range append(append([]llmtest.Fault(nil), passing...), ending...) {
		t.Run(string(f.Kind), func(t *testing.T) {
			t.Parallel()
			faults := &faulty{}
			faults.set(func(n int) llmtest.Fault {
				if n%3 == 0 || n%4 == 0 {
					return f
				}
				return llmtest.Fault{}
			})
			s := puppetServer(t, "act", faults)
			file := studyFile(t, killStudies[0].text, "[OpenAI]\nMAX_ATTEMPTS=2\nTIMEOUT=5\n")
			e := runPuppets(t, file, s.URL, "", "--allow-partial")
			replays(t, e.dir)
			faults.set(nil)
			e = runPuppets(t, file, s.URL, "", "--allow-partial")
			if e.code != exitDone && e.code != exitIncomplete {
				t.Errorf("exit %d\n%s", e.code, e.stderr)
			}
			replays(t, e.dir)
		})
	}
}

// TestReplayHuman makes a run again in which somebody typed: from the journal.
func TestReplayHuman(t *testing.T) {
	t.Parallel()
	file := studyFile(t, "people: {me: {human: true}, ann: {persona: {name: Ann}}}\nscript: [{say: Hello.}, {run: 2}]\n", "")
	dir := filepath.Join(filepath.Dir(file), "record")
	var out bytes.Buffer
	p := &program{
		stdin: strings.NewReader("Good morning, Ann.\nHow are you?\n"), stdout: &out, stderr: &out, terminal: func() bool { return false },
		typed: func() bool { return true }, env: func(string) (string, bool) { return "", false },
	}
	if code := p.main(t.Context(), []string{"run", file, "--model", "rehearsal", "--dir", dir}); code != exitDone {
		t.Fatalf("exit %d\n%s", code, out.String())
	}
	replays(t, dir)
}

// TestReplayPrompt: a prompt that has changed is shown with its place.
func TestReplayPrompt(t *testing.T) {
	t.Parallel()
	file := studyFile(t, "people: {ann: {persona: {name: Ann}}}\nscript: [{say: Hello.}, {run: 2}]\n", "")
	dir := filepath.Join(filepath.Dir(file), "record")
	if e := command(t, t.Context(), nil, "run", file, "--model", "rehearsal", "--dir", dir); e.code != exitDone {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	rec, err := record.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Update(func(m *record.Manifest) {
		m.Settings = map[string]string{"RAI_HARMFUL_CONTENT_PREVENTION": "False"}
	}); err != nil {
		t.Fatal(err)
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	e := command(t, t.Context(), nil, "replay", dir)
	for _, want := range []string{"all: step 1: Ann: prompt: system differs from the record\n  was  ", "\n  is   "} {
		if e.code != exitFailed || !strings.Contains(e.stderr, want) {
			t.Errorf("exit %d, no %q in\n%s", e.code, want, e.stderr)
		}
	}
}

// TestCutOff: a request to a chatbot that was cut off is sent again only if somebody
// says so; a call of a model is made again and counted.
func TestCutOff(t *testing.T) {
	t.Parallel()
	bot := newPuppetBot(t, 0, nil)
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: puppet()})
	file := studyFile(t, "people:\n  ann: {persona: {name: Ann}}\n  bot: {http: {url: \"${env.BOT_URL}\", reply: /answer}}\nscript: [{run: 1, }, {run: 1}]\n", "")
	e := runPuppets(t, file, s.URL, bot.URL, "--max-calls", "1")
	if e.code != exitBudget {
		t.Fatalf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}
	rec, err := record.Open(e.dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := rec.Calls()
	if err != nil {
		t.Fatal(err)
	}
	for i, model := range []string{botPrefix + "bot", "openai/test-model"} {
		c := &llm.Call{Key: fmt.Sprintf("%032x", i), Model: model, Request: &llm.Request{Messages: []llm.Message{llm.Text(llm.User, "x")}}, Label: llm.Label{Person: "bot", Step: 2}, Start: time.Now()}
		if _, err := calls.Begin(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	before := bot.count()
	resume := func(answer string, typed bool, args ...string) ended {
		var out, errs bytes.Buffer
		env := map[string]string{"OPENAI_BASE_URL": s.URL, "BOT_URL": bot.URL, "OLLAMA_HOST": "127.0.0.1:1"}
		p := &program{
			stdin: strings.NewReader(answer), stdout: &out, stderr: &errs, terminal: func() bool { return false },
			typed: func() bool { return typed }, env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		}
		code := p.main(context.Background(), append([]string{"resume", e.dir, "--max-calls", "9"}, args...))
		return ended{code: code, stdout: out.String(), stderr: errs.String()}
	}
	const said = "a request to http/bot was cut off, and may have reached it: step 2, to bot\n"
	if r := resume("", false); r.code != exitUsage || !strings.Contains(r.stderr, said) || !strings.Contains(r.stderr, "Add --yes to go on") {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
	if r := resume("no\n", true); r.code != exitUsage || !strings.Contains(r.stderr, "Go on? [y/N] ") || !strings.Contains(r.stderr, "the record is as it was") {
		t.Errorf("exit %d\n%s", r.code, r.stderr)
	}
	if bot.count() != before {
		t.Error("the chatbot was called")
	}
	r := resume("y\n", true)
	if r.code != exitDone || !strings.Contains(r.stdout, "1 call cut off, made again where needed\n") {
		t.Errorf("exit %d\n%s%s", r.code, r.stdout, r.stderr)
	}
	replays(t, e.dir)
}

// TestSharedCalls: runs share replies, samples of different seeds stay apart, and each
// record is whole without the others.
func TestSharedCalls(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: puppet()})
	file := studyFile(t, killStudies[0].text, "")
	dir := filepath.Dir(file)
	cache := filepath.Join(dir, "shared.db")
	env := map[string]string{"OPENAI_BASE_URL": s.URL}
	run := func(name string, args ...string) int {
		t.Helper()
		before := s.Stats().Calls
		e := command(t, t.Context(), env, append([]string{"run", file, "--model", "openai/test-model", "--dir", filepath.Join(dir, name)}, args...)...)
		if e.code != exitDone {
			t.Fatalf("exit %d\n%s", e.code, e.stderr)
		}
		return s.Stats().Calls - before
	}
	all := run("first", "--cache", cache)
	if all == 0 {
		t.Fatal("no calls")
	}
	if n := run("second", "--cache", cache); n != 0 {
		t.Errorf("%d calls with a full store", n)
	}
	for seed := 2; seed < 5; seed++ {
		if n := run(fmt.Sprint("seed", seed), "--cache", cache, "--seed", fmt.Sprint(seed)); n != all {
			t.Errorf("seed %d: %d calls of %d", seed, n, all)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "config.ini"), []byte("[OpenAI]\nCACHE_API_CALLS=True\nCACHE_FILE_NAME="+cache+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if n := run("third"); n != 0 {
		t.Errorf("%d calls with CACHE_API_CALLS", n)
	}
	if err := os.Remove(cache); err != nil {
		t.Fatal(err)
	}
	replays(t, filepath.Join(dir, "second"))
	e := command(t, t.Context(), env, "show", filepath.Join(dir, "second"), "--costs", "--json")
	if !strings.Contains(e.stdout, `"Attempts": 0`) || !strings.Contains(e.stdout, fmt.Sprintf(`"Borrowed": %d`, all)) {
		t.Errorf("the ledger:\n%s", e.stdout)
	}
	if err := os.WriteFile(cache, []byte("\x80\x04\x95pickled"), 0o600); err != nil {
		t.Fatal(err)
	}
	e = command(t, t.Context(), env, "run", file, "--model", "openai/test-model", "--dir", filepath.Join(dir, "bad"))
	if e.code != exitUsage || !strings.Contains(e.stderr, "Is it a file that --cache made?") {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
}

// TestReplayFinding makes runs again in which people are selected by findings of which some
// did not come: one that ended there, and one that went on without them.
func TestReplayFinding(t *testing.T) {
	t.Parallel()
	people := panelists(panel)
	s := people.server(t)
	file := ranked(t, people, "  - scene: price\n    who: {best: price}\n    do: [{say: Why?}, {run: 1}]\n")
	e := runStudy(t, file, s)
	if e.code != exitFailed || !strings.Contains(e.stderr, "a later step selects by it") {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
	replays(t, e.dir)
	if e = runStudy(t, file, s, "--allow-partial"); e.code != exitIncomplete {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
	replays(t, e.dir)
	if again := command(t, t.Context(), map[string]string{"OPENAI_BASE_URL": s.URL}, "resume", e.dir); again.code != exitIncomplete {
		t.Errorf("resumed: exit %d\n%s", again.code, again.stderr)
	}
	replays(t, e.dir)
}

// TestForkBefore: a fork says after which step it goes on, also where a scene differs, or
// steps are gone.
func TestForkBefore(t *testing.T) {
	t.Parallel()
	const text = "title: Where\npeople: {a: {persona: {name: Ann}}, b: {persona: {name: Bea}}}\nscript:\n" +
		"  - say: One.\n  - run: 1\n  - scene: shop\n    who: a\n    do:\n      - say: Two.\n      - run: 1\n  - say: Three.\n"
	for name, c := range map[string]struct{ was, is, want string }{
		"a scene":    {"who: a\n", "who: b\n", "after step 2\n"},
		"a step":     {"Two.", "2.", "after step 2\n"},
		"the people": {"name: Bea", "name: Cy", "after step 0\n"},
		"gone":       {"  - say: Three.\n", "", "after step 4\n"},
	} {
		t.Run(name, func(t *testing.T) {
			file := studyFile(t, text, "")
			dir := filepath.Join(filepath.Dir(file), "record")
			edited := filepath.Join(filepath.Dir(file), "edited.yaml")
			if err := os.WriteFile(edited, []byte(strings.Replace(text, c.was, c.is, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			if e := command(t, t.Context(), nil, "run", file, "--model", "rehearsal", "--dir", dir); e.code != exitDone {
				t.Fatalf("exit %d\n%s", e.code, e.stderr)
			}
			e := command(t, t.Context(), nil, "fork", dir, "--study", edited)
			if e.code != exitDone || !strings.Contains(e.stdout, c.want) {
				t.Errorf("exit %d, not %q\n%s%s", e.code, c.want, e.stdout, e.stderr)
			}
		})
	}
}
