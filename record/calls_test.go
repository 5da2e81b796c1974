package record

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("RECORD_TEST_HOLD"); dir != "" {
		hold(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

var (
	_ llm.CallStore = (*Calls)(nil)
	_ llm.CallLog   = (*Calls)(nil)
)

func newCalls(t testing.TB, fast bool) *Calls {
	t.Helper()
	c, err := openCalls(filepath.Join(t.TempDir(), callsFile), &callsOptions{fast: fast})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func call(key string, req *llm.Request) *llm.Call {
	return &llm.Call{Key: key, Model: "test/one", Request: req, Bound: llm.Usage{Input: 100, Output: 50},
		Label: llm.Label{World: "room", Step: 1, Person: "Lisa", Purpose: "act"}, Start: time.UnixMicro(1767258000000000).UTC()}
}

func ask(text string) *llm.Request {
	return &llm.Request{System: "You are Lisa.", Messages: []llm.Message{llm.Text(llm.User, text)}}
}

func answer(text string) *llm.Result {
	return &llm.Result{Outcome: llm.Answered, Elapsed: 2 * time.Second, Response: &llm.Response{Text: text, Finish: llm.FinishStop,
		Usage: llm.Usage{Input: 80, CachedInput: 64, Output: 20, Reasoning: 5}, Model: "one-2026"}}
}

func record(t testing.TB, c *Calls, call *llm.Call, r *llm.Result) int64 {
	t.Helper()
	id, err := c.Begin(call)
	if err != nil {
		t.Fatal(err)
	}
	if r != nil {
		if err := c.End(id, r); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

func TestCallsGet(t *testing.T) {
	c := newCalls(t, false)
	key := llm.Key("test/one", ask("Hello"))
	if _, ok, err := c.Get(key); ok || err != nil {
		t.Fatalf("an empty store has it: %v", err)
	}
	// Bad ends are kept, and never served.
	for _, how := range []llm.Outcome{llm.Invalid, llm.Refused, llm.Truncated, llm.Failed} {
		r := answer("bad")
		r.Outcome, r.Err = how, errors.New("no good")
		record(t, c, call(key, ask("Hello")), r)
		if _, ok, err := c.Get(key); ok || err != nil {
			t.Fatalf("a call that ended %s is served (%v)", how, err)
		}
	}
	record(t, c, call(key, ask("Hello")), &llm.Result{Outcome: llm.Failed, Err: errors.New("no reply")})
	record(t, c, call(key, ask("Hello")), nil)
	record(t, c, call(key, ask("Hello")), answer("first"))
	record(t, c, call(key, ask("Hello")), answer("second"))
	got, ok, err := c.Get(key)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	want := *answer("first").Response
	want.Call = key
	if d := cmp.Diff(&want, got, cmpopts.IgnoreUnexported(llm.Response{})); d != "" {
		t.Error(d)
	}
	entries, err := c.ByKey(key)
	if err != nil || len(entries) != 8 || entries[7].Attempt != 8 {
		t.Errorf("%d entries, %v", len(entries), err)
	}
	if text, err := c.Reply(entries[0].ID); err != nil || text != "bad" {
		t.Errorf("the bad reply is %q, %v", text, err)
	}
	if entries[4].Err != "no reply" || entries[4].Outcome != llm.Failed {
		t.Errorf("got %+v", entries[4])
	}
}

func TestCallsEnd(t *testing.T) {
	c := newCalls(t, true)
	id := record(t, c, call("k", ask("a")), answer("b"))
	if err := c.End(id, answer("c")); err == nil {
		t.Error("a call ends twice")
	}
	if err := c.End(id+1, answer("c")); err == nil {
		t.Error("a call ends that never began")
	}
	if got, ok, err := c.Get("k"); !ok || err != nil || got.Text != "b" {
		t.Errorf("got %v, %v, %v", got, ok, err)
	}
}

// Requests come back as they were sent, whatever they share.
func TestCallsRequest(t *testing.T) {
	c := newCalls(t, true)
	temp, long := 0.7, strings.Repeat("All that was said so far. ", 40)
	reqs := []*llm.Request{
		{},
		ask(""),
		ask("Hello <&> \x00 \xff"),
		{System: "Rules.", Messages: []llm.Message{llm.Text(llm.User, long+"\n\nIt is your turn.")}},
		{System: "Rules.", Messages: []llm.Message{llm.Text(llm.User, long), llm.Text(llm.Assistant, "{}"), llm.Text(llm.User, "more")}},
		{System: "Rules.", Messages: []llm.Message{llm.Text(llm.User, long+"\n\nQuestion: why?")}},
		{System: "s", Schema: &llm.Schema{Name: "x", Body: []byte(`{"type":"object"}`)}, Temperature: &temp, MaxTokens: 9, Effort: "low", Stop: []string{"."}, Draw: 3,
			Messages: []llm.Message{
				{Role: llm.User, Parts: []llm.Part{{Text: "look"}, {Image: &llm.Image{MediaType: "image/png", Data: []byte("\x89PNG\x00\xff")}}}},
				{Role: llm.User, Parts: []llm.Part{{Image: &llm.Image{MediaType: "image/png", Data: []byte("\x89PNG\x00\xff")}}}},
			}},
	}
	// Twice, so that what is known is met again, the second time after forgetting.
	for range 2 {
		for i, req := range reqs {
			id := record(t, c, call(fmt.Sprint(i), req), nil)
			got, err := c.Request(id)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(req, got, cmpopts.IgnoreUnexported(llm.Request{}, llm.Schema{}), cmpopts.EquateEmpty()); d != "" {
				t.Errorf("request %d: %s", i, d)
			}
		}
		c.texts.reset()
	}
	var n, shared int
	if err := c.read.QueryRow(`SELECT count(*), count(base) FROM texts`).Scan(&n, &shared); err != nil || n != 15 || shared != 2 {
		t.Errorf("%d texts, %d of them shared, %v", n, shared, err)
	}
}

func TestCallsParallel(t *testing.T) {
	c := newCalls(t, false)
	const callers, each = 32, 10
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			for j := range each {
				key := fmt.Sprintf("%d-%d", i, j)
				id, err := c.Begin(call(key, ask(key)))
				if err == nil {
					err = c.End(id, answer("reply to "+key))
				}
				if err != nil {
					t.Error(err)
					return
				}
				if got, ok, err := c.Get(key); err != nil || !ok || got.Text != "reply to "+key {
					t.Errorf("%s: %v, %v, %v", key, got, ok, err)
				}
			}
		})
	}
	// One that fails among them fails alone.
	wg.Go(func() {
		for range each {
			if err := c.End(1<<40, answer("")); err == nil {
				t.Error("no error")
			}
		}
	})
	wg.Wait()
	l, err := c.Ledger(nil)
	if err != nil || l.Total.Attempts != callers*each || l.Total.Outcomes[llm.Answered] != callers*each {
		t.Errorf("%+v, %v", l, err)
	}
}

func TestCallsClosed(t *testing.T) {
	c := newCalls(t, true)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Begin(call("a", ask("a"))); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func unfinished(c *Calls) ([]Entry, error) {
	list, err := collect(c.Entries())
	return slices.DeleteFunc(list, func(e Entry) bool { return e.Outcome != "" }), err
}

func TestLedger(t *testing.T) {
	c := newCalls(t, true)
	a := call("a", ask("a"))
	bad := answer("x")
	bad.Outcome, bad.Err = llm.Invalid, llm.ErrInvalid
	record(t, c, a, bad)
	record(t, c, a, answer("y"))
	b := call("b", ask("b"))
	b.Model, b.Label = "test/free", llm.Label{World: "room", Step: 10, Person: "Oscar", Purpose: "ask"}
	record(t, c, b, answer("z"))
	b.Key = "c"
	record(t, c, b, nil)
	e := call("e", ask("e"))
	e.Label = llm.Label{Purpose: "extract"}
	record(t, c, e, &llm.Result{Outcome: llm.Failed, Err: llm.ErrQuota})

	// Whoever gave up waiting, or got no count, may have to pay.
	g := call("g", ask("g"))
	g.Label = llm.Label{Purpose: "judge"}
	record(t, c, g, &llm.Result{Outcome: llm.Failed, Err: fmt.Errorf("post: %w", context.DeadlineExceeded)})
	record(t, c, g, &llm.Result{Outcome: llm.Answered, Response: &llm.Response{Text: "?"}})
	if got, ok, err := c.Get("g"); err != nil || !ok || got.Usage != (llm.Usage{}) {
		t.Errorf("%v, %v, %v", got, ok, err)
	}

	l, err := c.Ledger(func(model string) (llm.Price, bool) {
		return llm.Price{Input: 1e6, CachedInput: 5e5, Output: 2e6}, model == "test/one"
	})
	if err != nil {
		t.Fatal(err)
	}
	u := llm.Usage{Input: 80, CachedInput: 64, Output: 20, Reasoning: 5}
	usd := 16. + 32 + 40
	want := &Ledger{
		Total: Sum{Calls: 5, Attempts: 7, Open: 1, Unreported: 2, Outcomes: map[llm.Outcome]int{llm.Answered: 3, llm.Invalid: 1, llm.Failed: 2},
			Usage: llm.Usage{Input: 540, CachedInput: 192, Output: 210, Reasoning: 15}, USD: 2*usd + 400, Unpriced: 2},
		ByPerson: []Line{
			{"", Sum{Calls: 2, Attempts: 3, Unreported: 2, Outcomes: map[llm.Outcome]int{llm.Failed: 2, llm.Answered: 1}, Usage: llm.Usage{Input: 200, Output: 100}, USD: 400}},
			{"Lisa", Sum{Calls: 1, Attempts: 2, Outcomes: map[llm.Outcome]int{llm.Answered: 1, llm.Invalid: 1}, Usage: u.Add(u), USD: 2 * usd}},
			{"Oscar", Sum{Calls: 2, Attempts: 2, Open: 1, Outcomes: map[llm.Outcome]int{llm.Answered: 1}, Usage: u.Add(llm.Usage{Input: 100, Output: 50}), Unpriced: 2}},
		},
	}
	if d := cmp.Diff(want, l, cmpopts.IgnoreFields(Ledger{}, "ByModel", "ByPurpose", "ByWorld", "ByStep")); d != "" {
		t.Error(d)
	}
	var names []string
	for _, lines := range [][]Line{l.ByModel, l.ByPurpose, l.ByWorld, l.ByStep} {
		for _, x := range lines {
			names = append(names, x.Name)
		}
	}
	if d := cmp.Diff([]string{"test/free", "test/one", "act", "ask", "extract", "judge", "", "room", "0", "1", "10"}, names); d != "" {
		t.Error(d)
	}
	if got := l.Total.Retries(); got != 2 {
		t.Errorf("%d retries", got)
	}
	open, err := unfinished(c)
	if err != nil || len(open) != 1 || open[0].Key != "0c" && open[0].Key != "c" || open[0].Bound.Output != 50 {
		t.Errorf("%+v, %v", open, err)
	}
}

// A killed process leaves a database and a -wal of any length. Whatever the length,
// the calls that it holds are whole.
func TestCallsTornWAL(t *testing.T) {
	c := newCalls(t, false)
	dir := filepath.Dir(dbFile(t, c))
	const n = 12
	for i := range n {
		record(t, c, call(fmt.Sprintf("%02x", i), ask(strings.Repeat(fmt.Sprint(i), 500))), answer(strings.Repeat(fmt.Sprint("r", i), 500)))
	}
	db, err := os.ReadFile(filepath.Join(dir, callsFile))
	if err != nil {
		t.Fatal(err)
	}
	wal, err := os.ReadFile(filepath.Join(dir, callsFile+"-wal"))
	if err != nil {
		t.Fatal(err)
	}
	most := 0
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 25 {
		cut := r.IntN(len(wal) + 1)
		if i == 0 {
			cut = len(wal)
		}
		dir := t.TempDir()
		write(t, filepath.Join(dir, callsFile), db)
		write(t, filepath.Join(dir, callsFile+"-wal"), wal[:cut])
		c, err := openCalls(filepath.Join(dir, callsFile), &callsOptions{fast: true})
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		have := 0
		for e, err := range c.Entries() {
			if err != nil {
				t.Fatal(err)
			}
			have++
			if _, err := c.Request(e.ID); err != nil {
				t.Errorf("cut at %d: %v", cut, err)
			}
			if _, ok, err := c.Get(e.Key); err != nil || ok != (e.Outcome == llm.Answered) {
				t.Errorf("cut at %d: %v", cut, err)
			}
		}
		most = max(most, have)
		record(t, c, call("new", ask("new")), answer("new"))
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "*-wal")); len(left) > 0 {
			t.Errorf("closed, but for %v", left)
		}
	}
	if most != n {
		t.Errorf("the whole file has %d calls of %d", most, n)
	}
}

func dbFile(t *testing.T, c *Calls) string {
	var seq int
	var name, file string
	if err := c.read.QueryRow("PRAGMA database_list").Scan(&seq, &name, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func write(t *testing.T, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCallsFormat(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "odd #1?.db")
	c, err := OpenCalls(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.exec("PRAGMA user_version = 7"); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	var f *FormatError
	if _, err := OpenCalls(path); !errors.As(err, &f) || f.Have != 7 {
		t.Errorf("got %v", err)
	}
	write(t, path, []byte(strings.Repeat("no database ", 100)))
	if _, err := OpenCalls(path); err == nil || !strings.Contains(err.Error(), "odd #1?.db") {
		t.Errorf("got %v", err)
	}
	write(t, path, nil)
	if _, err := openCalls(path, &callsOptions{readOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
