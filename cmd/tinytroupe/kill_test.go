package main

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

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

// TestKill kills the command at random instants and runs it again, until it has
// been killed as often as -kills says. No call that finished is made again, and
// every run ends with the journals of a run that nobody killed.
func TestKill(t *testing.T) {
	if _, err := exec.LookPath("tinytroupe"); err != nil {
		t.Fatal(err)
	}
	var killed, runs, calls atomic.Int64
	t.Cleanup(func() {
		t.Logf("%d kills in %d runs of %d studies; %d calls", killed.Load(), runs.Load(), len(killStudies), calls.Load())
	})
	left := *kills
	for i, st := range killStudies {
		n := left / (len(killStudies) - i)
		left -= n
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: puppet(), Latency: 3 * time.Millisecond})
			bot := newPuppetBot(t, 3*time.Millisecond, nil)
			file := studyFile(t, st.text, "")
			dir := filepath.Dir(file)
			begun := time.Now()
			want := journals(t, runOnce(t, file, filepath.Join(dir, "whole"), s.URL, bot.URL, 0))
			whole := time.Since(begun)
			r := rand.New(rand.NewPCG(uint64(i), 7))
			for dead, run := 0, 0; dead < n; run++ {
				rec := filepath.Join(dir, fmt.Sprint("killed", run))
				for {
					after := time.Duration(1 + r.Int64N(int64(whole)))
					if dead >= n {
						after = 0
					}
					if runOnce(t, file, rec, s.URL, bot.URL, after) != "" {
						break
					}
					dead++
				}
				if got := journals(t, rec); !slices.Equal(got, want) {
					t.Fatalf("run %d: the journals differ from those of a run that was not killed", run)
				}
				repeats(t, rec)
				runs.Add(1)
				calls.Add(int64(len(entriesOf(t, rec))))
			}
			killed.Add(int64(n))
		})
	}
}

// runOnce runs the study, or goes on with it, and kills the command after a while,
// if that is not 0. It returns the record's folder where the run ended by itself.
func runOnce(t *testing.T, file, dir, url, bot string, kill time.Duration) string {
	t.Helper()
	cmd := exec.Command("tinytroupe", "run", file, "--model", "openai/test-model", "--dir", dir, "--quiet", "--parallel", "4")
	cmd.Env = append(os.Environ(), "OPENAI_BASE_URL="+url, "OPENAI_API_KEY=", "BOT_URL="+bot, "BOT_TOKEN="+canary, "OLLAMA_HOST=127.0.0.1:1")
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
	if err == nil {
		return dir
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); !killed.Load() || !ok || exit.ExitCode() != -1 {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return ""
}

// journals returns the journals of a record, by name.
func journals(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(filepath.Join(dir, "worlds"), func(path string, d os.DirEntry, err error) error {
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
