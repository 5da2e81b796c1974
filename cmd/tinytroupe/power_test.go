package main

import (
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

var cuts = flag.Int("cuts", 6, "how many cuts of the files TestPowerLoss tries in each run; 0: every byte of the journals, every frame of the log of calls")

// A frame of SQLite's write-ahead log, by its format: what is cut within one is as if
// the whole frame were missing.
const (
	walHeader = 32
	walFrame  = 24 + 4096
)

// TestPowerLoss: a machine that loses power may lose what was written last, of the
// journals and of the log of calls, each at any byte. Whatever is missing, the run goes
// on to the same journals; no call that is still on disk as finished is made again.
func TestPowerLoss(t *testing.T) {
	if _, err := exec.LookPath("tinytroupe"); err != nil {
		t.Fatal(err)
	}
	var tried, lost atomic.Int64
	t.Cleanup(func() { t.Logf("%d cuts, by which %d finished calls were lost", tried.Load(), lost.Load()) })
	for i, st := range killStudies {
		if st.bot || st.name == "shuffled" || st.name == "in turn" {
			continue
		}
		t.Run(st.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			var dying atomic.Pointer[os.Process]
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: puppet(), Latency: time.Millisecond, FaultOf: func(*llmtest.Call) llmtest.Fault {
				if p := dying.Load(); calls.Add(1) == 9 && p != nil {
					_ = p.Kill()
				}
				return llmtest.Fault{}
			}})
			file := studyFile(t, st.text, "")
			dir := filepath.Dir(file)
			v := &victim{file: file, url: s.URL, dir: filepath.Join(dir, "whole")}
			if !v.run(t, 0) {
				t.Fatal("a run that nobody killed did not end")
			}
			want := journals(t, v.dir)

			// A run that is killed at its ninth call leaves a log of calls behind.
			dead := filepath.Join(dir, "dead")
			calls.Store(-1000)
			cmd := exec.Command("tinytroupe", "run", file, "--model", "openai/test-model", "--dir", dead, "--quiet", "--parallel", "4")
			cmd.Env = append(os.Environ(), "OPENAI_BASE_URL="+s.URL, "OPENAI_API_KEY=", "OLLAMA_HOST=127.0.0.1:1")
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			dying.Store(cmd.Process)
			calls.Store(0)
			_ = cmd.Wait()
			dying.Store(nil)
			log := size(t, filepath.Join(dead, "calls.db-wal"))
			if log < walHeader+walFrame {
				t.Fatalf("the log of calls has %d bytes", log)
			}

			r := rand.New(rand.NewPCG(uint64(i), 11))
			for n, cut := range cutsOf(t, dead, log, r) {
				rec := filepath.Join(dir, fmt.Sprint("cut", n))
				if err := os.CopyFS(rec, os.DirFS(dead)); err != nil {
					t.Fatal(err)
				}
				before := answeredIn(t, rec)
				if err := os.RemoveAll(rec); err != nil {
					t.Fatal(err)
				}
				if err := os.CopyFS(rec, os.DirFS(dead)); err != nil {
					t.Fatal(err)
				}
				for name, at := range cut {
					if err := os.Truncate(filepath.Join(rec, filepath.FromSlash(name)), at); err != nil {
						t.Fatal(err)
					}
				}
				if err := os.Remove(filepath.Join(rec, "calls.db-shm")); err != nil && !os.IsNotExist(err) {
					t.Fatal(err)
				}
				kept := answeredIn(t, rec)
				for key := range kept {
					if !before[key] {
						t.Fatalf("%v: a call is finished that was not", cut)
					}
				}
				e := command(t, t.Context(), map[string]string{"OPENAI_BASE_URL": s.URL}, "resume", rec, "--quiet")
				if e.code != exitDone {
					t.Fatalf("%v: exit %d\n%s", cut, e.code, e.stderr)
				}
				if got := journals(t, rec); !slices.Equal(got, want) {
					t.Fatalf("%v: the journals differ from those of a run that lost nothing", cut)
				}
				repeats(t, rec)
				tried.Add(1)
				lost.Add(int64(len(before) - len(kept)))
				if err := os.RemoveAll(rec); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// cutsOf says where files are cut: each alone, and now and then both.
func cutsOf(t *testing.T, dir string, log int64, r *rand.Rand) []map[string]int64 {
	t.Helper()
	var list []map[string]int64
	var names []string
	err := filepath.WalkDir(filepath.Join(dir, "worlds"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			names = append(names, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	length := func(name string) int64 { return size(t, filepath.Join(dir, filepath.FromSlash(name))) }
	if *cuts == 0 {
		for _, name := range names {
			for at := range length(name) {
				list = append(list, map[string]int64{name: at})
			}
		}
		for at := int64(0); at < log; at += walFrame {
			list = append(list, map[string]int64{"calls.db-wal": at}, map[string]int64{"calls.db-wal": at + 1 + r.Int64N(walFrame-1)})
		}
		return slices.DeleteFunc(list, func(c map[string]int64) bool { return c["calls.db-wal"] > log })
	}
	for n := range *cuts {
		cut := map[string]int64{}
		if n%3 != 0 {
			cut["calls.db-wal"] = r.Int64N(log)
		}
		if n%3 != 1 {
			name := names[r.IntN(len(names))]
			cut[name] = r.Int64N(length(name) + 1)
		}
		list = append(list, cut)
	}
	return list
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// answeredIn returns the keys of the calls that are on disk as answered.
func answeredIn(t *testing.T, dir string) map[string]bool {
	t.Helper()
	rec, err := record.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := rec.Calls()
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for e, err := range calls.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		if e.Outcome == llm.Answered {
			keys[e.Key] = true
		}
	}
	if err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	return keys
}

// TestDamage: what cannot come of a kill or of lost power is said to be damage, with
// the file, and is not gone on with.
func TestDamage(t *testing.T) {
	t.Parallel()
	s := puppetServer(t, "", nil)
	file := studyFile(t, killCrowd("together"), "")
	if e := runPuppets(t, file, s.URL, ""); e.code != exitDone {
		t.Fatal(e.stderr)
	}
	dir := filepath.Join(filepath.Dir(file), "record")
	rooms, err := filepath.Glob(filepath.Join(dir, "worlds", "*.jsonl"))
	if err != nil || len(rooms) != 1 {
		t.Fatal(rooms, err)
	}
	journal := "worlds/" + filepath.Base(rooms[0])
	for name, damage := range map[string]func([]byte) []byte{
		journal:         func(b []byte) []byte { b[len(b)/2] ^= 0x80; return b },
		"manifest.json": func(b []byte) []byte { return b[:len(b)/2] },
		"calls.db":      func(b []byte) []byte { clear(b[:64]); return b },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, filepath.FromSlash(name))
			good, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, damage(slices.Clone(good)), 0o600); err != nil {
				t.Fatal(err)
			}
			before := s.Stats().Calls
			e := runPuppets(t, file, s.URL, "")
			if e.code == exitDone || !strings.Contains(e.stderr, filepath.Base(name)) {
				t.Errorf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
			}
			if n := s.Stats().Calls; n != before {
				t.Errorf("%d calls were made", n-before)
			}
			if err := os.WriteFile(path, good, 0o600); err != nil {
				t.Fatal(err)
			}
		})
	}
}
