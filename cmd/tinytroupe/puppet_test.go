package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/record"
)

// canary is a key that must turn up nowhere.
const canary = "sk-canary-5ad0a7b1f0c94e"

// puppet is a model whose replies depend on what is said in the prompt and on nothing
// else, so that two runs of the same calls are the same.
func puppet() llm.Model {
	looker := rehearsal.New(nil) // for what is asked by a schema of its own
	return reader{llmtest.Func("puppet", func(ctx context.Context, _ int, req *llm.Request) (string, error) {
		if req.Schema != nil && purposeOf(req) == "ask" && !strings.Contains(string(req.Schema.Body), `"answer"`) {
			resp, err := looker.Generate(ctx, req)
			if err != nil {
				return "", err
			}
			return resp.Text, nil
		}
		bare := *req
		bare.Schema = nil
		h := fnv.New64a()
		h.Write([]byte(llmtest.Prompt(&bare)))
		r := rand.New(rand.NewPCG(h.Sum64(), 1))
		words := func(n int) string {
			list := make([]string, n)
			for i := range list {
				list[i] = string(rune('a'+r.IntN(26))) + []string{"mber", "ridge", "lume", "orth", "ake", "ilver", "ound", "eld"}[r.IntN(8)]
			}
			return strings.Join(list, " ")
		}
		var v any
		switch purposeOf(req) {
		case "act":
			v = map[string]any{
				"actions": []tinytroupe.Action{{Kind: tinytroupe.Talk, Content: words(14)}, {Kind: tinytroupe.Done}},
				"state":   tinytroupe.MentalState{Goals: words(2), Attention: words(2), Emotions: words(1)},
			}
		case "consolidate":
			v = map[string]any{"summary": words(20), "memos": []string{words(5)}}
		default:
			v = map[string]any{"answer": words(6)}
		}
		b, err := json.Marshal(v)
		return string(b), err
	})}
}

// purposeOf says what a request is for, by what its schema asks for. Further purposes
// are further cases here, and rows in TestFaultMatrix.
func purposeOf(req *llm.Request) string {
	schema := ""
	if req.Schema != nil {
		schema = string(req.Schema.Body)
	} else if n := len(req.Messages); n > 0 {
		last := req.Messages[n-1]
		schema = last.Parts[len(last.Parts)-1].Text
	}
	switch {
	case strings.Contains(schema, `"actions"`) && strings.Contains(schema, `"emotions"`):
		return "act"
	case strings.Contains(schema, `"summary"`):
		return "consolidate"
	}
	return "ask"
}

// faulty is faults that can be changed while a server runs, for it is part of a call's
// key where it was sent. It counts what it is asked, and those that had an effect.
type faulty struct {
	mu     sync.Mutex
	faults func(int) llmtest.Fault // nil: none
	n, hit int
	spare  bool // a reply that was asked for again has no fault
}

func (f *faulty) set(faults func(int) llmtest.Fault) { f.setSparing(faults, false) }

func (f *faulty) setSparing(faults func(int) llmtest.Fault, spare bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults, f.n, f.hit, f.spare = faults, 0, 0, spare
}

// hits is how many faults had an effect. A server may still be busy with a call that
// nobody waits for any more.
func (f *faulty) hits() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.hit
}

func (f *faulty) next(c *llmtest.Call) llmtest.Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults == nil {
		return llmtest.Fault{}
	}
	f.n++
	fault := f.faults(f.n)
	if f.spare && askedAgain(c) {
		return llmtest.Fault{}
	}
	switch {
	case fault.Kind == llmtest.None,
		fault.Kind == llmtest.NoSchema && c.Request.Schema == nil,
		fault.Kind == llmtest.RejectParam && !c.Params[fault.Param]:
	default:
		f.hit++
	}
	return fault
}

// askedAgain reports whether a request asks again for a reply that was of no use.
func askedAgain(c *llmtest.Call) bool {
	if c == nil || c.Request == nil {
		return false
	}
	last := c.Request.Messages[len(c.Request.Messages)-1]
	text := last.Parts[len(last.Parts)-1].Text
	return strings.Contains(text, "That is not a valid reply") || strings.Contains(text, "was cut off at the token limit")
}

// puppetServer serves the puppet, with faults in the calls for one purpose.
func puppetServer(t testing.TB, purpose string, f *faulty) *llmtest.Server {
	return llmtest.NewServer(t, &llmtest.ServerOptions{Model: puppet(), FaultOf: func(c *llmtest.Call) llmtest.Fault {
		if f == nil || c.Kind == llmtest.Generate && purposeOf(c.Request) != purpose {
			return llmtest.Fault{}
		}
		return f.next(c)
	}})
}

// puppetBot is a chatbot that answers each turn in one way, whenever it is asked. It
// counts requests, and by key how often a turn was answered.
type puppetBot struct {
	*httptest.Server
	mu       sync.Mutex
	requests int
	answered map[string]int
}

func newPuppetBot(t testing.TB, delay time.Duration, faults *faulty) *puppetBot {
	b := &puppetBot{answered: map[string]int{}}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Session, Message string }
		err := json.NewDecoder(r.Body).Decode(&in)
		b.mu.Lock()
		b.requests++
		b.mu.Unlock()
		time.Sleep(delay)
		var f llmtest.Fault
		if faults != nil {
			f = faults.next(nil)
		}
		h := fnv.New32a()
		h.Write([]byte(in.Message))
		body := fmt.Sprintf(`{"answer":"I heard %x in %s."}`, h.Sum32(), in.Session)
		status := map[llmtest.FaultKind]int{
			llmtest.Rate: 429, llmtest.ServerError: 500, llmtest.NotFound: 404, llmtest.Auth: 401, llmtest.Quota: 402,
			llmtest.TooLong: 413, llmtest.FilterCall: 422,
		}[f.Kind]
		if err != nil {
			status = 400
		}
		switch f.Kind {
		case llmtest.Reset:
			panic(http.ErrAbortHandler)
		case llmtest.Hang:
			<-r.Context().Done()
			return
		case llmtest.Truncated:
			w.Header().Set("Content-Length", fmt.Sprint(len(body)))
			fmt.Fprint(w, body[:len(body)/2])
			panic(http.ErrAbortHandler)
		case llmtest.NotJSON:
			body = "<html>Please sign in.</html>"
		case llmtest.WrongTypes:
			body = `{"answer":{"text":[]}}`
		case llmtest.Empty:
			body = `{"answer":""}`
		case llmtest.Echo:
			var all strings.Builder
			r.Header.Write(&all)
			http.Error(w, all.String(), 400)
			return
		}
		if status != 0 {
			http.Error(w, string(f.Kind), status)
			return
		}
		b.mu.Lock()
		b.answered[r.Header.Get("Idempotency-Key")]++
		b.mu.Unlock()
		fmt.Fprint(w, body)
	}))
	t.Cleanup(func() { b.CloseClientConnections(); b.Close() })
	return b
}

func (b *puppetBot) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests
}

func (b *puppetBot) url() string {
	if b == nil {
		return ""
	}
	return b.URL
}

// studyFile writes a study, and settings beside it, into a folder of its own.
func studyFile(t testing.TB, text, settings string) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range map[string]string{"study.yaml": text, "config.ini": settings} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "study.yaml")
}

// runPuppets runs a study, or goes on with it, on a server, and checks that no key was
// printed or kept.
func runPuppets(t testing.TB, file, url, bot string, args ...string) ended {
	t.Helper()
	env := map[string]string{"OPENAI_BASE_URL": url, "OPENAI_API_KEY": canary, "BOT_URL": bot, "BOT_TOKEN": canary, "OLLAMA_HOST": "127.0.0.1:1"}
	dir := filepath.Join(filepath.Dir(file), "record")
	var out, errs bytes.Buffer
	p := &program{
		stdout: &out, stderr: &errs, terminal: func() bool { return false },
		env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}
	code := p.main(context.Background(), append([]string{"run", file, "--model", "openai/test-model", "--dir", dir}, args...))
	e := ended{code: code, stdout: out.String(), stderr: errs.String(), dir: dir}
	unsaid(t, e)
	return e
}

// unsaid fails the test where the canary was printed, or is anywhere in the record.
func unsaid(t testing.TB, e ended) {
	t.Helper()
	for _, text := range []string{e.stdout, e.stderr} {
		if strings.Contains(text, canary) {
			t.Errorf("the key was printed:\n%s", text)
		}
	}
	err := filepath.WalkDir(e.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(canary)) {
			t.Errorf("the key is in %s", path)
		}
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Error(err)
	}
	unsaidInCalls(t, e.dir)
}

// unsaidInCalls fails the test where the canary is in a call: in their file texts are
// compressed.
func unsaidInCalls(t testing.TB, dir string) {
	t.Helper()
	rec, err := record.View(dir)
	if err != nil {
		return // there is no record, or a test has damaged it
	}
	defer rec.Close()
	calls, err := rec.Calls()
	if err != nil {
		return
	}
	for e, err := range calls.Entries() {
		if err != nil {
			return
		}
		text := fmt.Sprintf("%+v", e)
		if req, err := calls.Request(e.ID); err == nil {
			b, _ := json.Marshal(req)
			text += string(b)
		}
		reply, _ := calls.Reply(e.ID)
		if strings.Contains(text+reply, canary) {
			t.Errorf("the key is in call %d: %+v\n%s", e.ID, e, reply)
		}
	}
}

// wholeCommits fails the test where a journal ends within a commit or holds what is no
// event. It returns the events by room.
func wholeCommits(t testing.TB, dir string) map[string][]tinytroupe.Event {
	t.Helper()
	rec, err := record.View(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	rooms, err := rec.Rooms()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]tinytroupe.Event{}
	for _, room := range rooms {
		data, err := rec.ReadFile("worlds/" + record.RoomFile(room) + ".jsonl")
		if err != nil {
			t.Fatal(err)
		}
		seq := 0
		for ev, err := range rec.Events(room) {
			if err != nil {
				t.Fatal(err)
			}
			if seq++; ev.Seq != seq {
				t.Errorf("%s: event %d stands in place %d", room, ev.Seq, seq)
			}
			all[room] = append(all[room], ev)
		}
		if n := bytes.Count(data, []byte("\n")); n != len(all[room]) {
			t.Errorf("%s: %d lines, %d events in whole commits", room, n, len(all[room]))
		}
	}
	return all
}

// entriesOf returns the calls of a record.
func entriesOf(t testing.TB, dir string) []record.Entry {
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
	var list []record.Entry
	for e, err := range calls.Entries() {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, e)
	}
	return list
}
