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
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/record"
)

var kills = flag.Int("kills", 15, "how often TestKill kills the command")

// TestKill kills the command at random instants and runs it again, until it has
// been killed as often as -kills says. No call that finished is made again, and
// every run ends with the journals of a run that nobody killed.
func TestKill(t *testing.T) {
	if _, err := exec.LookPath("tinytroupe"); err != nil {
		t.Fatal(err)
	}
	left := *kills
	for i, turns := range []string{"together", "in turn", "shuffled"} {
		n := left / (3 - i)
		left -= n
		t.Run(turns, func(t *testing.T) {
			t.Parallel()
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: reader{rehearsal.New(nil)}, Latency: 3 * time.Millisecond})
			file := everybody(t, 4, 6)
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(strings.Replace(string(text), "turns: together", "turns: "+turns, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			dir := filepath.Dir(file)
			begun := time.Now()
			want := journals(t, runOnce(t, file, filepath.Join(dir, "whole"), s.URL, 0))
			whole := time.Since(begun)
			r := rand.New(rand.NewPCG(uint64(i), 7))
			for killed, run := 0, 0; killed < n; run++ {
				rec := filepath.Join(dir, fmt.Sprint("killed", run))
				for {
					after := time.Duration(1 + r.Int64N(int64(whole)))
					if killed >= n {
						after = 0
					}
					if runOnce(t, file, rec, s.URL, after) != "" {
						break
					}
					killed++
				}
				if got := journals(t, rec); !slices.Equal(got, want) {
					t.Fatalf("run %d: the journals differ from those of a run that was not killed", run)
				}
				repeats(t, rec)
			}
		})
	}
}

// runOnce runs the study, or goes on with it, and kills the command after a while,
// if that is not 0. It returns the record's folder where the run ended by itself.
func runOnce(t *testing.T, file, dir, url string, kill time.Duration) string {
	t.Helper()
	cmd := exec.Command("tinytroupe", "run", file, "--model", "openai/test-model", "--dir", dir, "--quiet", "--parallel", "4")
	cmd.Env = append(os.Environ(), "OPENAI_BASE_URL="+url, "OPENAI_API_KEY=")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killed := false
	if kill > 0 {
		timer := time.AfterFunc(kill, func() {
			killed = true
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
	if exit, ok := errors.AsType[*exec.ExitError](err); !killed || !ok || exit.ExitCode() != -1 {
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
