package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// TestStory18NothingGoesOnAfterTheStop: elsewhere charges went on when a run had been
// stopped. Here a cancelled run lets go of every call at once and begins no other.
func TestStory18NothingGoesOnAfterTheStop(t *testing.T) {
	h := llmtest.NewHandler(&llmtest.ServerOptions{Reply: talker, Latency: time.Minute})
	defer h.Close()
	var open atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		open.Add(1)
		defer open.Add(-1)
		h.ServeHTTP(w, r)
	}))
	defer s.Close()
	file := crowd(t)
	if err := os.Remove(filepath.Join(filepath.Dir(file), "config.ini")); err != nil { // no limits of time but the default
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan ended, 1)
	go func() {
		ended <- command(t, ctx, map[string]string{"OPENAI_BASE_URL": s.URL}, "run", file, "--model", "openai/test-model", "--dir", filepath.Join(filepath.Dir(file), "record"))
	}()
	until(t, "four calls are under way", func() bool { return h.Stats().Calls == 4 })
	begun := time.Now()
	cancel()
	e := <-ended
	took := time.Since(begun)
	if e.code != exitInterrupted || took > 2*time.Second || !strings.Contains(e.stdout+e.stderr, "tinytroupe resume") {
		t.Errorf("exit %d after %v\n%s%s", e.code, took, e.stdout, e.stderr)
	}
	until(t, "the server is rid of them", func() bool { return open.Load() == 0 })
	time.Sleep(300 * time.Millisecond)
	if st := h.Stats(); st.Calls != 4 || st.Answered != 0 {
		t.Errorf("after the stop: %+v", st)
	}
}

func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for range 1000 {
		if holds() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("after 10 s it is not so that %s", what)
}

// TestStory19PaidAndLost: elsewhere a run of $11 ended at a missing folder. Here a
// record that cannot be written ends a run before its first call; and where the disk
// fails at the end, all that was paid for is kept.
func TestStory19PaidAndLost(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: talker})
	file := crowd(t)
	env := map[string]string{"OPENAI_BASE_URL": s.URL}
	e := command(t, t.Context(), env, "run", file, "--model", "openai/test-model", "--dir", filepath.Join(file, "record"))
	if e.code == exitDone || s.Stats().Calls > 0 {
		t.Fatalf("exit %d, %d calls\n%s", e.code, s.Stats().Calls, e.stderr)
	}

	dir := filepath.Join(filepath.Dir(file), "record")
	transcripts := filepath.Join(dir, "transcripts")
	var spoiled atomic.Bool
	bad := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: func(n int, req *llm.Request) (string, error) {
		if n == turns/2 { // a file stands where the folder of transcripts is to be
			err := errors.Join(os.RemoveAll(transcripts), os.WriteFile(transcripts, nil, 0o600))
			spoiled.Store(err == nil)
		}
		return talker(n, req)
	}})
	env["OPENAI_BASE_URL"] = bad.URL
	e = command(t, t.Context(), env, "run", file, "--model", "openai/test-model", "--dir", dir)
	if !spoiled.Load() || e.code != exitFailed || bad.Stats().Calls != turns {
		t.Fatalf("spoiled %v, exit %d, %d calls\n%s%s", spoiled.Load(), e.code, bad.Stats().Calls, e.stdout, e.stderr)
	}
	if err := os.Remove(transcripts); err != nil {
		t.Fatal(err)
	}
	e = command(t, t.Context(), env, "resume", dir)
	if e.code != exitDone || bad.Stats().Calls != turns || present(t, dir) != turns {
		t.Errorf("exit %d, %d calls, %d turns\n%s%s", e.code, bad.Stats().Calls, present(t, dir), e.stdout, e.stderr)
	}
}

// TestStory20NoOtherPayer: elsewhere a failed job was run again at somebody else's cost,
// and an empty balance did not stop one. Here an account without credit ends the run
// at once, nobody else is asked, and it goes on from there when there is credit again.
func TestStory20NoOtherPayer(t *testing.T) {
	for _, d := range dialects() {
		if d.provider == "ollama" {
			continue // it has no accounts
		}
		t.Run(d.provider, func(t *testing.T) {
			var empty atomic.Bool
			empty.Store(true)
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: d.wire, Reply: talker, Faults: func(n int) llmtest.Fault {
				if n > 3 && empty.Load() {
					return llmtest.Fault{Kind: llmtest.Quota}
				}
				return llmtest.Fault{}
			}})
			other := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: talker, Keep: true})
			env := map[string]string{"OPENAI_API_KEY": "sk-of-somebody-else", "OPENAI_BASE_URL": other.URL, "TINYTROUPE_MODEL": "openai/test-model"}
			for k, v := range d.env(s.URL) {
				env[k] = v
			}
			dir := filepath.Join(t.TempDir(), "record")
			e := command(t, t.Context(), env, "run", "../../examples/simple-chat/study.yaml", "--dir", dir, "--model", d.provider+"/test-model")
			said := e.stdout + e.stderr
			if e.code != exitFailed || !strings.Contains(said, "out of quota") || !strings.Contains(said, "add credit") || !strings.Contains(said, "tinytroupe resume "+dir) {
				t.Errorf("exit %d\n%s", e.code, said)
			}
			if st := s.Stats(); st.Calls != 4 || st.Answered != 3 {
				t.Errorf("an empty account was asked again: %+v", st)
			}
			empty.Store(false)
			if e := command(t, t.Context(), env, "resume", dir); e.code != exitDone {
				t.Fatalf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
			}
			if st := s.Stats(); st.Calls != 9 || st.Answered != 8 || present(t, dir) != 8 {
				t.Errorf("after the credit came: %+v, %d turns", st, present(t, dir))
			}
			if n := other.Stats().Calls; n > 0 {
				t.Errorf("%d calls went to somebody else", n)
			}
		})
	}
}

// TestRateLimitedRun: a run of 24 at once gets through at servers that take three at a
// time, and at one that takes nothing for a second and says so, with no call lost and
// no setting touched.
func TestRateLimitedRun(t *testing.T) {
	t.Parallel()
	const people, steps = 24, 2
	var closed atomic.Int64 // until when, in nanoseconds
	for name, o := range map[string]llmtest.ServerOptions{
		"three at a time": {Reply: talker, Parallel: 3, Latency: 20 * time.Millisecond},
		"closed for a second": {Reply: talker, Faults: func(n int) llmtest.Fault {
			if n == people/2 {
				closed.Store(time.Now().Add(time.Second).UnixNano())
			}
			if left := time.Until(time.Unix(0, closed.Load())); left > 0 {
				return llmtest.Fault{Kind: llmtest.Rate, RetryAfter: left}
			}
			return llmtest.Fault{}
		}},
	} {
		s := llmtest.NewServer(t, &o)
		e := runStudy(t, everybody(t, people, steps), s, "--parallel", "24")
		st := s.Stats()
		t.Logf("%s: %d calls, %d of them rejected", name, st.Calls, st.Calls-st.Answered)
		if e.code != exitDone || st.Answered != people*steps || present(t, e.dir) != people*steps {
			t.Errorf("%s: exit %d, %+v, %d turns\n%s", name, e.code, st, present(t, e.dir), e.stderr)
		}
		if rejected := st.Calls - st.Answered; rejected == 0 || rejected > 150 {
			t.Errorf("%s: %d rejections", name, rejected)
		}
	}
}

// TestLongRepliesUnderACap: TinyTroupe's own settings allow replies of 128,000 tokens,
// each more than a usual cap: under one they are shorter, and the run comes to its calls.
func TestLongRepliesUnderACap(t *testing.T) {
	for _, c := range []struct {
		name, limit, value string
		usd                float64 // for a million tokens
		most               int
	}{
		{"tokens", "--max-tokens", "100000", 0, longReply},
		{"money", "--budget", "0.25", 2, longReply},
		{"money enough", "--budget", "5", 2, 125_000},
		{"no cap", "--max-calls", "100", 2, 128_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: talker, Keep: true})
			file := studyFile(t, killCrowd("together"), "[OpenAI]\nMAX_COMPLETION_TOKENS=128000\n")
			prices := fmt.Sprintf(`{"openai/test-model": {"input": 0, "output": %v}}`, c.usd)
			if err := os.WriteFile(filepath.Join(filepath.Dir(file), pricesFile), []byte(prices), 0o600); err != nil {
				t.Fatal(err)
			}
			e := runStudy(t, file, s, c.limit, c.value)
			if e.code != exitDone || len(s.Calls()) == 0 {
				t.Fatalf("exit %d, %d calls\n%s", e.code, len(s.Calls()), e.stderr)
			}
			for _, call := range s.Calls() {
				if got := call.Request.MaxTokens; got != c.most {
					t.Fatalf("a reply may have %d tokens, want %d", got, c.most)
				}
			}
		})
	}
}
