package record

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// marks are commits of one event each.
func commitMarks(from, to int) []tinytroupe.Event {
	var list []tinytroupe.Event
	for seq := from; seq <= to; seq++ {
		list = append(list, tinytroupe.Event{Seq: seq, Kind: tinytroupe.EventMarked, Time: time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC), Mark: json.RawMessage(`"m"`), End: true})
	}
	return list
}

func journalOf(t *testing.T, r *Record, room string, events ...tinytroupe.Event) {
	t.Helper()
	j, err := r.Journal(room)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(events...); err != nil {
		t.Fatal(err)
	}
}

func lastOf(t *testing.T, r *Record, room string) int {
	t.Helper()
	last := 0
	for ev, err := range r.Events(room) {
		if errors.Is(err, fs.ErrNotExist) {
			return -1
		}
		if err != nil {
			t.Fatal(err)
		}
		last = ev.Seq
	}
	return last
}

// answered records a call that ended well.
func answered(t *testing.T, c *Calls, person, text string) {
	t.Helper()
	m := llm.Wrap(llmtest.Func("m", func(context.Context, int, *llm.Request) (string, error) { return text, nil }), llm.Meter(c))
	if _, err := m.Generate(t.Context(), &llm.Request{Messages: []llm.Message{llm.Text(llm.User, "Hello "+person)}, Label: llm.Label{Person: person, Step: 1, Purpose: "act"}}); err != nil {
		t.Fatal(err)
	}
}

func TestRevise(t *testing.T) {
	r := newRecord(t, filepath.Join(t.TempDir(), "r"))
	for name, data := range map[string]string{"study.yaml": "old", "gone.txt": "gone"} {
		if err := r.AddInput(name, []byte(data)); err != nil {
			t.Fatal(err)
		}
	}
	made := []string{"results/answers.csv", "results/best.json", "transcripts/c/d.md", "exports/deep/x.csv"}
	for _, name := range made {
		if err := r.WriteFile(name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	journalOf(t, r, "a", commitMarks(1, 9)...)
	journalOf(t, r, "b", commitMarks(1, 5)...)
	journalOf(t, r, "c/d", commitMarks(1, 3)...)
	keep := map[string]int{"a": 4, "b": 5, "c/d": 0, "never": 3}
	if _, err := r.Revise(keep, nil); err == nil {
		t.Error("journals in use were cut")
	}
	dir := r.Dir()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	earlier, err := r.Revise(keep, []NamedData{{"study.yaml", []byte("new")}, {"new.txt", []byte("x")}})
	if err != nil || earlier != "earlier/1" {
		t.Fatalf("%s, %v", earlier, err)
	}
	for room, want := range map[string]int{"a": 4, "b": 5, "c/d": -1, "never": -1} {
		if got := lastOf(t, r, room); got != want {
			t.Errorf("%s ends at %d, want %d", room, got, want)
		}
	}
	for name, want := range map[string]string{
		"inputs/study.yaml": "new", "inputs/new.txt": "x", "earlier/1/inputs/study.yaml": "old", "earlier/1/inputs/gone.txt": "gone",
	} {
		if data, err := r.ReadFile(name); err != nil || string(data) != want {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	for _, name := range []string{"inputs/gone.txt", "earlier/1/worlds/b.jsonl", "earlier/1/worlds/never.jsonl"} {
		if _, err := r.ReadFile(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, lines := range map[string]int{"earlier/1/worlds/a.jsonl": 9, "earlier/1/worlds/c/d.jsonl": 3} {
		if data, err := r.ReadFile(name); err != nil || bytes.Count(data, []byte("\n")) != lines {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range made {
		if _, err := r.ReadFile(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s tells of what was cut off: %v", name, err)
		}
		if data, err := r.ReadFile("earlier/1/" + name); err != nil || string(data) != name {
			t.Errorf("%s: %q, %v", name, data, err)
		}
	}
	journalOf(t, r, "a", commitMarks(5, 6)...)
	if got := lastOf(t, r, "a"); got != 6 {
		t.Errorf("it goes on to %d", got)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	// What is to stay does, wherever the revision is cut off.
	if r, err = Open(dir, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"results/asked.csv", "results/best.json"} {
		if err := r.WriteFile(name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	if earlier, err = r.Revise(nil, nil, "results/asked.csv"); err != nil || earlier != "earlier/2" {
		t.Fatal(earlier, err)
	}
	for _, name := range []string{"results/asked.csv", "earlier/2/results/best.json"} {
		if _, err := r.ReadFile(name); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"results/best.json", "earlier/2/results/asked.csv"} {
		if _, err := r.ReadFile(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestRerun runs a program of marks again: the same, shorter, longer, and changed.
func TestRerun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r")
	r := newRecord(t, dir)
	run := func(events []tinytroupe.Event, want, repeated int) {
		t.Helper()
		x, err := r.Rerun("a")
		if err != nil {
			t.Fatal(err)
		}
		for _, ev := range events {
			if err := x.Append(ev); err != nil {
				t.Fatal(err)
			}
		}
		if got := lastOf(t, r, "a"); got != want || x.Repeated() != repeated {
			t.Errorf("it ends at %d, want %d; %d repeated, want %d", got, want, x.Repeated(), repeated)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		if r, err = Open(dir, nil); err != nil {
			t.Fatal(err)
		}
	}
	run(commitMarks(1, 4), 4, 0)
	run(commitMarks(1, 4), 4, 4)
	run(commitMarks(1, 2), 4, 2) // what it no longer does stays
	run(commitMarks(1, 6), 6, 4)
	changed := commitMarks(1, 5)
	changed[2].Mark = json.RawMessage(`"other"`)
	run(changed, 5, 2)
	if data, err := r.ReadFile("earlier/1/worlds/a.jsonl"); err != nil || bytes.Count(data, []byte("\n")) != 6 {
		t.Errorf("what was there: %v", err)
	}
	// One commit of then may not be taken for a part of a longer one.
	longer := commitMarks(1, 3)
	longer[2].Mark, longer[1].End = changed[2].Mark, false
	x, err := r.Rerun("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(x.Append(longer[0]), x.Append(longer[1:]...)); err != nil {
		t.Fatal(err)
	}
	if got := lastOf(t, r, "a"); got != 3 || x.Repeated() != 1 {
		t.Errorf("it ends at %d, %d repeated", got, x.Repeated())
	}
	v, err := View(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if _, err := v.Rerun("a"); !errors.Is(err, ErrReadOnly) {
		t.Error(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = newRecord(t, filepath.Join(t.TempDir(), "other")) // for the clean-up
}

func TestBranch(t *testing.T) {
	r := newRecord(t, filepath.Join(t.TempDir(), "r"))
	journalOf(t, r, "a", commitMarks(1, 9)...)
	journalOf(t, r, "b", commitMarks(1, 9)...)
	art := []byte("picture")
	if err := r.PutArtifact(Hash(art), art); err != nil {
		t.Fatal(err)
	}
	calls, err := r.Calls()
	if err != nil {
		t.Fatal(err)
	}
	answered(t, calls, "Ann", "yes")
	if _, err := calls.Begin(&llm.Call{Key: "open", Model: "m", Request: &llm.Request{}}); err != nil {
		t.Fatal(err)
	}
	n, err := r.Branch(filepath.Join(t.TempDir(), "n"), map[string]int{"a": 3, "b": 0}, []NamedData{{"study.yaml", []byte("new")}}, &Manifest{Title: "T"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	if m := n.Manifest(); m.Parent != r.Dir() || len(m.Inputs) != 1 {
		t.Errorf("%+v", m)
	}
	if a, b := lastOf(t, n, "a"), lastOf(t, n, "b"); a != 3 || b != -1 {
		t.Errorf("a ends at %d, b at %d", a, b)
	}
	if data, err := n.Artifact(Hash(art)); err != nil || !bytes.Equal(data, art) {
		t.Error(err)
	}
	copied, err := n.Calls()
	if err != nil {
		t.Fatal(err)
	}
	l, err := copied.Ledger(nil)
	if err != nil || l.Total.Attempts != 0 || l.Total.Borrowed != 1 || l.Total.Usage != (llm.Usage{}) || l.Total.Open != 0 {
		t.Errorf("%+v, %v", l.Total, err)
	}
	if mode := fileMode(t, n.Path("calls.db")); mode != 0o600 {
		t.Errorf("calls.db has the mode %o", mode)
	}
	before, err := calls.Ledger(nil)
	if err != nil || before.Total.Attempts != 2 || before.Total.Open != 1 {
		t.Errorf("%+v, %v", before.Total, err)
	}
}

func fileMode(t *testing.T, name string) fs.FileMode {
	info, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	return info.Mode().Perm()
}

func TestPack(t *testing.T) {
	r := newRecord(t, filepath.Join(t.TempDir(), "r"))
	journalOf(t, r, "room/a", commitMarks(1, 3)...)
	calls, err := r.Calls()
	if err != nil {
		t.Fatal(err)
	}
	answered(t, calls, "Ann", "My password is hunter2hunter2.")
	file := filepath.Join(t.TempDir(), "r.zip")
	pack := func(o *PackOptions) error {
		f, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		return errors.Join(r.Pack(f, o), f.Close())
	}
	err = pack(&PackOptions{Secrets: []string{"hunter2hunter2", "My", ""}})
	if e, ok := errors.AsType[*SecretError](err); !ok || e.File != "calls.db" {
		t.Errorf("a secret in the calls: %v", err)
	}
	if err := pack(&PackOptions{Secrets: []string{"hunter2hunter2"}, NoCalls: true}); err != nil {
		t.Error(err)
	}
	if err := r.WriteFile("results/x.csv", []byte("a\nb,-----BEGIN PRIVATE KEY-----\n")); err != nil {
		t.Fatal(err)
	}
	err = pack(nil)
	if e, ok := errors.AsType[*SecretError](err); !ok || e.Error() != "results/x.csv:2 holds a private key" {
		t.Error(err)
	}
	inner := newRecord(t, filepath.Join(r.dir, "r-fork"))
	if c, err := inner.Calls(); err != nil {
		t.Fatal(err)
	} else {
		answered(t, c, "Ann", "The password of another record.")
	}
	if err := pack(&PackOptions{Anyway: true}); err != nil {
		t.Fatal(err)
	}
	v, err := View(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.root.Lstat("r-fork"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a record within the record is packed: %v", err)
	}
	if v.Dir() != file || lastOf(t, v, "room/a") != 3 {
		t.Errorf("%s", v.Dir())
	}
	c, err := v.Calls()
	if err != nil {
		t.Fatal(err)
	}
	if list, err := collect(c.Entries()); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	dir := v.dir
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what was unpacked stays: %v", err)
	}
}

// TestUnpackHostile: a file from elsewhere writes nowhere but where it is unpacked.
func TestUnpackHostile(t *testing.T) {
	for _, name := range []string{"../out", "/abs", "a/../../out", `..\out`, "manifest.json/x"} {
		file := filepath.Join(t.TempDir(), "h.zip")
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, n := range []string{"manifest.json", name} {
			w, err := z.Create(n)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(`{"format":1}`)); err != nil {
				t.Fatal(err)
			}
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		v, err := View(file)
		if err == nil && name != `..\out` {
			t.Errorf("%s was unpacked", name)
		}
		if v != nil {
			v.Close()
		}
	}
	for _, text := range []string{"", "PK\x03\x04 and no more", "no zip"} {
		file := filepath.Join(t.TempDir(), "h.zip")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := View(file); err == nil {
			t.Errorf("%q was unpacked", text)
		}
	}
}

func TestDifference(t *testing.T) {
	for _, c := range []struct{ a, b, field, was, is string }{
		{`{"a":1}`, `{"a":2}`, "a", "1", "2"},
		{`{"a":{"b":["x","y"]}}`, `{"a":{"b":["x","z"]}}`, "a.b.1", "y", "z"},
		{`{"a":1,"b":2}`, `{"a":1}`, "b", "2", ""},
		{`{"a":1}`, `{"a":1,"b":"two"}`, "b", "", "two"},
		{`{"a":[1]}`, `{"a":[1,2]}`, "a.1", "", "2"},
		{`{"a":[1,2]}`, `{"a":[1]}`, "a.1", "2", ""},
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, "a", "another order of members", ""},
		{`{"a":"` + strings.Repeat("é", 60) + `x"}`, `{"a":"` + strings.Repeat("é", 60) + `y"}`, "a", "…" + strings.Repeat("é", 15) + "x", "…" + strings.Repeat("é", 15) + "y"},
	} {
		field, was, is := difference([]byte(c.a), []byte(c.b))
		if got := []string{field, was, is}; !slices.Equal(got, []string{c.field, c.was, c.is}) {
			t.Errorf("%s against %s: %q", c.a, c.b, got)
		}
	}
}

func TestDiffRecords(t *testing.T) {
	a := newRecord(t, filepath.Join(t.TempDir(), "a"))
	b := newRecord(t, filepath.Join(t.TempDir(), "b"))
	for _, r := range []*Record{a, b} {
		journalOf(t, r, "x", commitMarks(1, 3)...)
	}
	if d, err := Diff(a, b); d != nil || err != nil {
		t.Errorf("%v, %v", d, err)
	}
	talk := func(words string) tinytroupe.Event {
		return tinytroupe.Event{Seq: 4, Step: 2, Round: 1, Kind: tinytroupe.EventActed, Who: "Ann", Calls: []string{words}, Action: &tinytroupe.Action{Kind: tinytroupe.Talk, Content: words}, End: true}
	}
	journalOf(t, a, "x", talk("Yes"))
	journalOf(t, b, "x", talk("No"))
	d, err := Diff(a, b)
	want := &DivergenceError{Room: "x", Seq: 4, Step: 2, Round: 1, Person: "Ann", Field: "action.content", Was: "Yes", Is: "No"}
	if diff := cmp.Diff(want, d); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	journalOf(t, b, "y", commitMarks(1, 1)...)
	if d, err := Diff(b, a); err != nil || d == nil || d.Room == "" {
		t.Errorf("%v, %v", d, err)
	}
}

// TestShare: a reply that another run paid for is written down as borrowed, and what is
// new is there for the next.
func TestShare(t *testing.T) {
	dir := t.TempDir()
	shared, err := OpenCalls(filepath.Join(dir, "shared.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer shared.Close()
	if mode := fileMode(t, filepath.Join(dir, "shared.db")); mode != 0o600 {
		t.Errorf("mode %o", mode)
	}
	sent := 0
	model := llmtest.Func("m", func(context.Context, int, *llm.Request) (string, error) {
		sent++
		return "yes", nil
	})
	for i, want := range []int{1, 1, 2} {
		r := newRecord(t, filepath.Join(dir, string(rune('a'+i))))
		calls, err := r.Calls()
		if err != nil {
			t.Fatal(err)
		}
		m := llm.Wrap(model, llm.Cache(calls), llm.Share(shared, calls), llm.Meter(calls))
		req := &llm.Request{Messages: []llm.Message{llm.Text(llm.User, "Hello")}, Draw: i / 2}
		for range 2 {
			if resp, err := m.Generate(t.Context(), req); err != nil || resp.Text != "yes" || resp.Call == "" {
				t.Fatalf("%+v, %v", resp, err)
			}
		}
		if sent != want {
			t.Errorf("run %d: %d calls sent, want %d", i, sent, want)
		}
		l, err := calls.Ledger(nil)
		if err != nil || l.Total.Borrowed != i%2 || l.Total.Attempts != 1-i%2 {
			t.Errorf("run %d: %+v, %v", i, l.Total, err)
		}
	}
}

// TestOlderCalls: a file of the version before this one is read as it is, and gets what
// is new when it is written to.
func TestOlderCalls(t *testing.T) {
	file := filepath.Join(t.TempDir(), "calls.db")
	c, err := OpenCalls(file)
	if err != nil {
		t.Fatal(err)
	}
	answered(t, c, "Ann", "yes")
	if err := errors.Join(c.exec("ALTER TABLE calls DROP COLUMN written"), c.exec("PRAGMA user_version = 1"), c.Close()); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{true, false, true} {
		c, err := openCalls(file, &callsOptions{readOnly: readOnly})
		if err != nil {
			t.Fatal(err)
		}
		if !readOnly {
			answered(t, c, "Bea", "no")
		}
		list, err := collect(c.Entries())
		if err != nil || len(list) == 0 {
			t.Errorf("%v, %v", list, err)
		}
		if resp, ok, err := c.Get(list[0].Key); !ok || err != nil || resp.Text != "yes" {
			t.Errorf("%v, %v", resp, err)
		}
		if l, err := c.Ledger(nil); err != nil || l.Total.Calls != len(list) {
			t.Errorf("%+v, %v", l, err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCacheWrite: what a provider kept of the input is in the ledger, and has its price.
func TestCacheWrite(t *testing.T) {
	c, err := OpenCalls(filepath.Join(t.TempDir(), "calls.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	id, err := c.Begin(&llm.Call{Key: "k", Model: "m", Request: &llm.Request{}})
	if err != nil {
		t.Fatal(err)
	}
	u := llm.Usage{Input: 1000, CachedInput: 200, CacheWrite: 300, Output: 10}
	if err := c.End(id, &llm.Result{Outcome: llm.Answered, Response: &llm.Response{Text: "x", Usage: u}}); err != nil {
		t.Fatal(err)
	}
	price := llm.Price{Input: 10, CachedInput: 1, CacheWrite: 12.5, Output: 50}
	l, err := c.Ledger(func(string) (llm.Price, bool) { return price, true })
	if err != nil || l.Total.Usage != u || l.Total.USD != price.Cost(u) {
		t.Errorf("%+v, %v", l.Total, err)
	}
	if resp, _, err := c.Get("k"); err != nil || resp.Usage != u {
		t.Errorf("%+v, %v", resp, err)
	}
}
