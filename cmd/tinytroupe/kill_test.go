package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tinytroupe-go/tinytroupe/llm"

	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/record"
)

var kills = flag.Int("kills", 14, "how often TestKill kills the command")

// killStudies are what TestKill kills: every order of turns, rooms and scenes with
// loops, episodes that are summed up meanwhile, a network, and a chatbot.
var killStudies = []struct {
	name, text string
	bot        bool
}{
	{"together", killCrowd("together"), false},
	{"in turn", killCrowd("in turn"), false},
	{"shuffled", killCrowd("shuffled"), false},
	{"rooms", `title: Rooms
seed: 3
vars: {topics: [tea, rain, trains]}
people:
  ann: {persona: {name: Ann Archer, town: Rio}}
  bea: {persona: {name: Bea Brook, town: Ulm}}
  cy: {persona: {name: Cy Cole, town: Rio}}
  mo: {persona: {name: Mo Moss}, staff: true}
world: {turns: together}
script:
  - say: Welcome
  - run: 1
  - scene: talks
    rooms: each
    with: mo
    do:
      - for: topic in topics
        order: rotate
        do:
          - say: About ${topic}
          - run: 1
  - scene: towns
    rooms: {by: town}
    do: [{say: What is it like here?}, {run: 2}]
  - say: Back
  - leave: cy
  - run: 2
`, false},
	{"summed up", threePeople + longScript(4) + "  - run: 2\n", false},
	{"a network", `title: Network
people:
  ann: {persona: {name: Ann Archer}}
  bea: {persona: {name: Bea Brook}}
  cy: {persona: {name: Cy Cole}}
world: {turns: shuffled, acquainted: false, idle: pass}
script:
  - introduce: [ann, bea]
  - say: Go on.
  - run: 4
  - introduce: [bea, cy]
  - say: Go on, all of you.
  - run: 4
`, false},
	{"findings", `title: Findings
vars: {topics: [tea, rain]}
people:
  ann: {persona: {name: Ann Archer, age: 30, beliefs: [tea is a comfort]}}
  bea: {persona: {name: Bea Brook, age: 50, beliefs: [rain is good for the garden]}}
  cy: {persona: {name: Cy Cole, age: 40}}
world: {rooms: each}
questions:
  like: {ask: "How do you like ${topic}?", scale: 1..5}
  best: {ask: Which is best?, one of: topics, order: shuffle}
  wants: {find: What the person wants., list of: {want: text}}
script:
  - say: What do you want?
  - run: 1
  - for: topic in topics
    order: rotate
    do:
      - ask: like
        remember: true
  - extract: wants
  - run: 1
  - ask: best
  - tally: [like, best]
    by: {age: [18..39, 40..99]}
  - code: wants.want
    codes: 2
  - tally: wants.want.code
  - check: {said: tea}
    name: tea
  - export: answers
  - export: checks
    format: junit
`, false},
	{"a chatbot", `title: Support
people:
  ann: {persona: {name: Ann Archer}}
  bea: {persona: {name: Bea Brook}}
  bot: {http: {url: "${env.BOT_URL}/chat", headers: {Authorization: "Bearer ${env.BOT_TOKEN}"}, reply: /answer, timeout: 5s, parallel: 4}}
script:
  - scene: support
    rooms: each
    with: bot
    do:
      - say: Ask the bot.
        to: {not: bot}
      - run: 5
`, true},
}

func killCrowd(turns string) string {
	return threePeople[:strings.Index(threePeople, "world:")] + "  dot: {persona: {name: Dot Day}}\nworld: {turns: " + turns + "}\n" +
		"script:\n  - say: What should a town do with its market square?\n  - run: 6\n"
}

// longScript is a script in which so much is said that episodes are summed up.
func longScript(parts int) string {
	var b strings.Builder
	b.WriteString("script:\n")
	for i := range parts {
		fmt.Fprintf(&b, "  - say: \"%s\"\n  - run: 1\n", strings.Repeat(fmt.Sprintf("Part %d of a long report. ", i), 1200))
	}
	return b.String()
}

// TestKill kills the command at random instants and resumes the run, until it has
// been killed as often as -kills says. No call that finished is made again, a request
// to a chatbot that was cut off is named before it is sent again, and every run ends
// with the journals of a run that nobody killed.
func TestKill(t *testing.T) {
	if _, err := exec.LookPath("tinytroupe"); err != nil {
		t.Fatal(err)
	}
	var killed, runs, calls, named atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d kills in %d runs of %d studies; %d calls; %d times a request to the chatbot was cut off and named",
			killed.Load(), runs.Load(), len(killStudies), calls.Load(), named.Load())
	})
	left := *kills
	for i, st := range killStudies {
		n := left / (len(killStudies) - i)
		left -= n
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: puppet(), Latency: 3 * time.Millisecond})
			v := &victim{file: studyFile(t, st.text, ""), url: s.URL, bot: newPuppetBot(t, 3*time.Millisecond, nil)}
			dir := filepath.Dir(v.file)
			begun := time.Now()
			v.dir = filepath.Join(dir, "whole")
			if !v.run(t, 0) {
				t.Fatal("a run that nobody killed did not end")
			}
			want := journals(t, v.dir)
			whole := time.Since(begun)
			r := rand.New(rand.NewPCG(uint64(i), 7))
			for dead, run := 0, 0; dead < n; run++ {
				v.dir = filepath.Join(dir, fmt.Sprint("killed", run))
				for {
					after := time.Duration(1 + r.Int64N(int64(whole)))
					if dead >= n {
						after = 0
					}
					if v.run(t, after) {
						break
					}
					dead++
				}
				if got := journals(t, v.dir); !slices.Equal(got, want) {
					t.Fatalf("run %d: the journals differ from those of a run that was not killed (-want +got):\n%s", run, cmp.Diff(want, got))
				}
				repeats(t, v.dir)
				runs.Add(1)
				calls.Add(int64(len(entriesOf(t, v.dir))))
			}
			killed.Add(int64(n))
			named.Add(int64(v.named))
		})
	}
}

// A victim is a run of the command that is killed.
type victim struct {
	file, dir, url string
	bot            *puppetBot
	named          int // how often a request to the chatbot was named
}

// run begins the run, or resumes it, and kills the command after a while, if that is
// not 0. It reports whether the run ended by itself.
func (v *victim) run(t *testing.T, kill time.Duration) bool {
	t.Helper()
	args := []string{"resume", v.dir, "--quiet", "--parallel", "4"}
	anew := []string{"run", v.file, "--model", "openai/test-model", "--dir", v.dir, "--quiet", "--parallel", "4"}
	open := false
	if _, err := os.Stat(filepath.Join(v.dir, "manifest.json")); err != nil {
		args = anew
	} else if _, err := os.Stat(filepath.Join(v.dir, "calls.db")); err == nil {
		open = cutOff(t, v.dir)
	}
	out, code := v.command(t, kill, args)
	if code == exitUsage && strings.Contains(out, "holds no copy of its study: tinytroupe run ") {
		out, code = v.command(t, kill, anew) // it was killed before there was one
	}
	if asks := code == exitUsage && strings.Contains(out, "was cut off, and may have reached it"); asks || open && code != -1 {
		before := v.bot.count()
		if !asks || !open {
			t.Fatalf("a request to the chatbot is open: %v; exit %d\n%s", open, code, out)
		}
		if n := v.bot.count(); n != before {
			t.Fatalf("%d requests were sent unasked", n-before)
		}
		v.named++
		out, code = v.command(t, kill, append(args, "--yes"))
	}
	switch code {
	case exitDone:
		return true
	case -1: // killed
		return false
	}
	t.Fatalf("exit %d\n%s", code, out)
	return false
}

// cutOff reports whether a request to a chatbot is open in a record that nobody holds.
func cutOff(t *testing.T, dir string) bool {
	rec, err := record.View(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	calls, err := rec.Calls()
	if errors.Is(err, fs.ErrNotExist) {
		return false // it was killed before there were any
	} else if err != nil {
		t.Fatal(err)
	}
	list, err := calls.CutOff()
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(list, func(e record.Entry) bool { return strings.HasPrefix(e.Model, botPrefix) })
}

// command runs the command and returns what it said and its exit code, -1 where it was
// killed.
func (v *victim) command(t *testing.T, kill time.Duration, args []string) (string, int) {
	t.Helper()
	cmd := exec.Command("tinytroupe", args...)
	cmd.Env = append(os.Environ(), "OPENAI_BASE_URL="+v.url, "OPENAI_API_KEY=", "BOT_URL="+v.bot.url(), "BOT_TOKEN="+canary, "OLLAMA_HOST=127.0.0.1:1")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var killed atomic.Bool
	if kill > 0 {
		timer := time.AfterFunc(kill, func() {
			killed.Store(true)
			if err := cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
				t.Error(err)
			}
		})
		defer timer.Stop()
	}
	err := cmd.Wait()
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return out.String(), exitDone
	case !ok || exit.ExitCode() == -1 && !killed.Load():
		t.Fatalf("%v\n%s", err, out.String())
	}
	return out.String(), exit.ExitCode()
}

// journals returns the journals of a record, by name, and the files of its results.
func journals(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	for _, part := range []string{"worlds", "results", "exports"} {
		err := filepath.WalkDir(filepath.Join(dir, part), func(path string, d os.DirEntry, err error) error {
			if part != "worlds" && errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			list = append(list, d.Name()+"\n"+string(b))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// repeats fails the test for each call that was made again though it had finished.
func repeats(t *testing.T, dir string) {
	t.Helper()
	rec, err := record.View(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	calls, err := rec.Calls()
	if err != nil {
		t.Fatal(err)
	}
	answered := map[string]int64{}
	for e, err := range calls.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		if id, ok := answered[e.Key]; ok {
			t.Errorf("call %d repeats call %d, which had been answered", e.ID, id)
		}
		if e.Outcome == llm.Answered {
			answered[e.Key] = e.ID
		}
	}
}
