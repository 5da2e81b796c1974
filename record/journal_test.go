package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
)

var _ tinytroupe.Journal = (*Journal)(nil)

func read(t testing.TB, r *Record, room string) (string, error) {
	t.Helper()
	var b bytes.Buffer
	for ev, err := range r.Events(room) {
		if err != nil {
			return b.String(), err
		}
		line, err := marshal(&ev, "")
		if err != nil {
			t.Fatal(err)
		}
		b.Write(line)
	}
	return b.String(), nil
}

func TestJournalLines(t *testing.T) {
	r := newRecord(t, filepath.Join(t.TempDir(), "one"))
	j, err := r.Journal("tv/living room")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.Journal("tv/living room"); err != nil || again != j {
		t.Errorf("another journal of the same room, %v", err)
	}
	if _, err := r.Journal("tv/Living Room"); err == nil {
		t.Error("two rooms whose names differ in case")
	}
	at := time.Date(2026, 3, 2, 19, 5, 0, 0, time.UTC)
	err = j.Append(
		tinytroupe.Event{Seq: 7, Step: 1, Round: 1, Time: at, Kind: tinytroupe.EventActed, Who: "Lisa Carter",
			Action: &tinytroupe.Action{Kind: tinytroupe.Talk, Target: "Oscar", Content: "<b> & \u2028"}, To: []string{"Oscar"}, Seen: 5, Calls: []string{"3f9c"}},
		tinytroupe.Event{Seq: 8, Step: 1, Round: 1, Time: at, Kind: tinytroupe.EventMarked, Mark: json.RawMessage(`{"a":"<"}`), End: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(r.Dir(), "worlds", "tv", "living room.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"seq":7,"step":1,"round":1,"time":"2026-03-02T19:05:00Z","kind":"acted","who":"Lisa Carter","action":{"type":"TALK","target":"Oscar","content":"<b> & \u2028"},"to":["Oscar"],"seen":5,"calls":["3f9c"]}
{"seq":8,"step":1,"round":1,"time":"2026-03-02T19:05:00Z","kind":"marked","mark":{"a":"<"},"end":true}
`
	if d := cmp.Diff(want, string(got)); d != "" {
		t.Error(d)
	}
	back, err := read(t, r, "tv/living room")
	if err != nil {
		t.Error(err)
	}
	if d := cmp.Diff(want, back); d != "" {
		t.Error(d)
	}
	if _, err := read(t, r, "elsewhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// An event that cannot be written leaves nothing of its batch.
func TestJournalAllOrNothing(t *testing.T) {
	r := newRecord(t, filepath.Join(t.TempDir(), "one"))
	j, err := r.Journal("room")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(tinytroupe.Event{Seq: 1, End: true}); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(tinytroupe.Event{Seq: 2}, tinytroupe.Event{Seq: 3, Mark: json.RawMessage(`{`), End: true}); err == nil {
		t.Error("no error")
	}
	if err := j.Append(tinytroupe.Event{Seq: 2, End: true}); err != nil {
		t.Fatal(err)
	}
	got, err := read(t, r, "room")
	if err != nil || strings.Count(got, "\n") != 2 {
		t.Errorf("%s, %v", got, err)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(tinytroupe.Event{Seq: 3, End: true}); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// A journal cut at any byte reads as, and goes on from, its last whole commit.
func TestJournalCutAnywhere(t *testing.T) {
	r := newRecord(t, filepath.Join(t.TempDir(), "one"))
	j, err := r.Journal("room")
	if err != nil {
		t.Fatal(err)
	}
	ends := []int64{0}
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 3 {
		if err := j.Append(commit(rnd, 2*i+1, 1)...); err != nil {
			t.Fatal(err)
		}
		ends = append(ends, j.size)
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	file := r.Path(roomPath("room"))
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) + 1 {
		write(t, file, whole[:cut])
		last := int64(0)
		for _, e := range ends {
			if e <= int64(cut) {
				last = e
			}
		}
		got, err := read(t, r, "room")
		if err != nil || got != string(whole[:last]) {
			t.Fatalf("cut at %d: read %d bytes of %d, %v", cut, len(got), last, err)
		}
		j, err := r.openJournal(roomPath("room"))
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if err := errors.Join(j.Append(tinytroupe.Event{Seq: 99, End: true}), j.Close()); err != nil {
			t.Fatal(err)
		}
		got, err = read(t, r, "room")
		if err != nil || !strings.HasPrefix(got, string(whole[:last])) || strings.Count(got[last:], "\n") != 1 {
			t.Fatalf("cut at %d: then %q, %v", cut, got, err)
		}
	}
}

// Damage in the middle is not a torn end: it is reported with its place, and nothing
// is cut off.
func TestJournalDamage(t *testing.T) {
	r := newRecord(t, filepath.Join(t.TempDir(), "one"))
	file := r.Path(roomPath("room"))
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	good := `{"seq":1,"time":"0001-01-01T00:00:00Z","kind":"x","end":true}` + "\n"
	for _, c := range []struct {
		data, err string
		events    int
	}{
		{good + "{\"seq\":2\x00\x00}\n" + good, "room.jsonl:2: damaged: ", 1},
		{good + good + `{"seq":"two"}` + "\n", "room.jsonl:3: json: cannot unmarshal", 2},
		{good + "\x00\x00\x00", "", 1},
		{good + "\x00\x00\n{\"seq\":3}\n", "", 1},
		{"", "", 0},
	} {
		write(t, file, []byte(c.data))
		n := 0
		var err error
		for _, e := range r.Events("room") {
			if err = e; err == nil {
				n++
			}
		}
		if n != c.events || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %d events, %v", c.data, n, err)
		}
		j, err := r.openJournal(roomPath("room"))
		if err == nil {
			err = j.Close()
		}
		if strings.Contains(c.err, "damaged") {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: opened: %v", c.data, err)
			}
			if data, _ := os.ReadFile(file); string(data) != c.data {
				t.Errorf("%q was changed", c.data)
			}
		} else if err != nil {
			t.Errorf("%q: %v", c.data, err)
		}
	}
}

func TestOpensStep(t *testing.T) {
	for want, clocks := range map[bool][]*tinytroupe.Clock{
		true:  {{}, {Rounds: [][]string{{"a"}}}},
		false: {nil, {World: &tinytroupe.WorldClock{}}, {Skip: "1h"}},
	} {
		for _, c := range clocks {
			if got := opensStep(&tinytroupe.Event{Clock: c}); got != want {
				t.Errorf("%+v: %v", c, got)
			}
		}
	}
}

// Whatever a journal holds, reading it and opening it agree on what is whole, and what
// is read comes out as it would be written.
func FuzzJournal(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	for _, ev := range append(commit(rnd, 1, 1), commit(rnd, 3, 1)...) {
		line, _ := marshal(&ev, "")
		b.Write(line)
	}
	f.Add(b.Bytes())
	f.Add(b.Bytes()[:b.Len()-5])
	f.Add([]byte("{\"seq\":1}\n{\"end\":true}\nx\n"))
	f.Add([]byte("\n\n{\"End\":true}\n"))
	f.Add([]byte(`{"persona":{"name":"A","x":[1,{}]},"mark":"m","clock":{"rounds":[]},"end":true}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) { readAlike(t, data) })
}

// readAlike fails the test where reading a journal and opening it do not agree.
func readAlike(t *testing.T, data []byte) {
	t.Helper()
	size, werr := whole(bytes.NewReader(data), "x")
	n := 0
	var rerr error
	for ev, err := range ReadEvents(bytes.NewReader(data), "x") {
		if rerr = err; err != nil {
			break
		}
		if _, err := marshal(&ev, ""); err != nil {
			// A time out of range, for one, can be read and not written.
			return
		}
		n++
	}
	if rerr != nil {
		if !strings.HasPrefix(rerr.Error(), "x:") {
			t.Errorf("no place in %v", rerr)
		}
		return
	}
	if werr != nil {
		t.Fatalf("read without an error, opened with %v", werr)
	}
	if lines := bytes.Count(data[:size], []byte("\n")); lines != n {
		t.Errorf("%d lines are whole, %d events are read", lines, n)
	}
}

func ExampleRecord() {
	dir, err := os.MkdirTemp("", "record")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	r, err := Create(filepath.Join(dir, "tv-ad"), &Manifest{Title: "TV ad", Rehearsal: true}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	journal, err := r.Journal("living room")
	if err != nil {
		fmt.Println(err)
		return
	}
	w := tinytroupe.NewWorld("living room", nil, &tinytroupe.Options{Journal: journal, Store: r.PutArtifact})
	if err := w.Broadcast("Hello!"); err != nil {
		fmt.Println(err)
		return
	}
	if err := r.Update(func(m *Manifest) { m.Status = Done }); err != nil {
		fmt.Println(err)
	}
	if err := r.Close(); err != nil {
		fmt.Println(err)
	}

	list, err := List(dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(list[0].Manifest.Title, list[0].Status)
	v, err := View(list[0].Dir)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer v.Close()
	for ev, err := range v.Events("living room") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(ev.Seq, ev.Kind, ev.End)
	}
	// Output:
	// TV ad done
	// 1 clock false
	// 2 perceived true
}
