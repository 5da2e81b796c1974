package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/tinytroupe-go/tinytroupe"
)

func newRecord(t testing.TB, dir string) *Record {
	t.Helper()
	r, err := Create(dir, &Manifest{Title: "TV ad", Started: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}, &Options{Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func TestCreateOpenView(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "runs", "one")
	want := &Manifest{Title: "Which <ad>?", Seed: 1<<63 + 1, Models: map[string]string{"act": "rehearsal"}, Rehearsal: true,
		Parameters: map[string]any{"temperature": 0.5}, Warnings: []string{"cheap"}, Totals: &Totals{USD: 0.25}}
	r, err := Create(dir, want, nil)
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Manifest(); m.Status != Running || m.Started.IsZero() || m.Format != Format {
		t.Errorf("got %+v", m)
	}
	if err := r.Update(func(m *Manifest) { m.Status, m.Ended = Done, m.Started.Add(time.Second) }); err != nil {
		t.Fatal(err)
	}
	v, err := View(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r, err = Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, m := range []Manifest{r.Manifest(), v.Manifest()} {
		if d := cmp.Diff(want, &m, cmpopts.IgnoreFields(Manifest{}, "Format", "Status", "Started", "Ended")); d != "" {
			t.Error(d)
		}
		if m.Status != Done || !m.Ended.Equal(m.Started.Add(time.Second)) {
			t.Errorf("got %+v", m)
		}
	}
	raw, err := r.ReadFile(manifestFile)
	if err != nil || !bytes.Contains(raw, []byte("Which <ad>?")) {
		t.Errorf("%s, %v", raw, err)
	}
	// A record that is only viewed is not written.
	for what, err := range map[string]error{
		"WriteFile": v.WriteFile("a", nil), "AddInput": v.AddInput("a", nil), "PutArtifact": v.PutArtifact(Hash(nil), nil),
		"Update": v.Update(func(*Manifest) {}), "AddFailure": v.AddFailure(Failure{}), "WritePeople": v.WritePeople(nil),
		"Journal": func() error { _, err := v.Journal("x"); return err }(),
	} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := v.Calls(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("calls: %v", err)
	}
	if _, err := Open(filepath.Dir(dir), nil); !errors.Is(err, ErrNoRecord) {
		t.Errorf("got %v", err)
	}
}

func TestCreateNeverOverwrites(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "one")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{dir, dir + "-2", dir + "-3"} {
		if r := newRecord(t, dir); r.Dir() != want {
			t.Errorf("record %d is %s", i, r.Dir())
		}
	}
}

func TestPermissions(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the folder of the user is private there")
	}
	r := newRecord(t, filepath.Join(t.TempDir(), "runs", "one"))
	j, err := r.Journal("living room")
	if err == nil {
		err = j.Append(tinytroupe.Event{Seq: 1, End: true})
	}
	c, e := r.Calls()
	if err = errors.Join(err, e, r.AddInput("../a/b.csv", []byte("x")), r.AddFailure(Failure{Cause: "x"}),
		r.WritePeople([]Participant{{Name: "Lisa", Persona: tinytroupe.NewPersona("Lisa")}}),
		r.PutArtifact(Hash([]byte("x")), []byte("x")), r.WriteFile("results/a/b.csv", nil)); err != nil {
		t.Fatal(err)
	}
	record(t, c, call("a", ask("a")), answer("b"))
	n := 0
	err = filepath.WalkDir(filepath.Dir(r.Dir()), func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", p, info.Mode())
		}
		n++
		return err
	})
	if err != nil || n < 15 {
		t.Errorf("%d files, %v", n, err)
	}
}

func TestNothingLeavesTheFolder(t *testing.T) {
	base := t.TempDir()
	r := newRecord(t, filepath.Join(base, "one"))
	for _, name := range []string{"../x", "/x", "a/../../x", ".", "", "a//b", "a/./b"} {
		if err := r.WriteFile(name, []byte("x")); err == nil {
			t.Errorf("wrote %q", name)
		}
	}
	if runtime.GOOS != "windows" {
		if err := os.Symlink(base, filepath.Join(r.Dir(), "out")); err != nil {
			t.Fatal(err)
		}
		if err := r.WriteFile("out/x", []byte("x")); err == nil {
			t.Error("wrote through a link")
		}
		if err := os.Symlink(filepath.Join(base, "victim.db"), filepath.Join(r.Dir(), callsFile)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Calls(); err == nil {
			t.Error("opened a database through a link")
		}
	}
	for _, name := range []string{"../../etc/passwd", "/etc/passwd", `C:\Users\x.csv`, `..\..\x`, "..", "", "a/../../../b", "con", "a:b", "\x00", strings.Repeat("é", 300)} {
		if err := r.AddInput(name, []byte("data of "+name)); err != nil {
			t.Errorf("%q: %v", name, err)
		} else if data, err := r.Input(name); err != nil || string(data) != "data of "+name {
			t.Errorf("%q: %q, %v", name, data, err)
		}
	}
	for _, room := range []string{"..", "../../x", "/", "a/../b", "NUL", "x\x00y", "日本 語", ".hidden", "a.", "", "%41"} {
		j, err := r.Journal(room)
		if err == nil {
			err = j.Append(tinytroupe.Event{Seq: 1, Who: room, End: true})
		}
		if err != nil {
			t.Errorf("%q: %v", room, err)
		}
	}
	rooms, err := r.Rooms()
	if err != nil || len(rooms) != 11 {
		t.Errorf("%q, %v", rooms, err)
	}
	for _, room := range rooms {
		for ev, err := range r.Events(room) {
			if err != nil || strings.ToValidUTF8(ev.Who, "\ufffd") != room {
				t.Errorf("%q has the journal of %q, %v", room, ev.Who, err)
			}
		}
	}
	left, err := os.ReadDir(base)
	if err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestFileNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z.% /]{0,5}`), rapid.SampledFrom([]string{"con", "COM1.txt", "lpt9"})).Draw(t, "s")
		name := fileName(s)
		if back, ok := roomName(name); !ok || back != s {
			t.Fatalf("%q becomes %q, %v", name, back, ok)
		}
		if !fs.ValidPath(name) || strings.ContainsAny(name, `/\:<>"|?*`) || strings.HasPrefix(name, ".") || strings.TrimRight(name, ". ") != name {
			t.Fatalf("%q is no portable name", name)
		}
		if p := inputPath(s); !fs.ValidPath(p) || strings.HasPrefix(p, "..") {
			t.Fatalf("%q is no path", p)
		}
	})
}

func TestInputs(t *testing.T) {
	r := newRecord(t, filepath.Join(t.TempDir(), "one"))
	for _, in := range [][2]string{{"study.yaml", "a"}, {"../x.csv", "b"}, {"_/x.csv", "c"}, {"study.yaml", "a"}, {"Study.yaml", "d"}} {
		if err := r.AddInput(in[0], []byte(in[1])); err != nil {
			t.Error(err)
		}
	}
	if err := r.AddInput("study.yaml", []byte("other")); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v", err)
	}
	var got []string
	for _, in := range r.Manifest().Inputs {
		data, err := r.Input(in.Name)
		if err != nil {
			t.Error(err)
		}
		got = append(got, in.Name+" "+in.Path+" "+string(data))
	}
	if d := cmp.Diff([]string{"../x.csv _/x.csv b", "Study.yaml _Study.yaml d", "_/x.csv __/x.csv c", "study.yaml study.yaml a"}, got); d != "" {
		t.Error(d)
	}
	write(t, r.Path("inputs/study.yaml"), []byte("edited"))
	if _, err := r.Input("study.yaml"); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v", err)
	}
	if _, err := r.Input("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestArtifacts(t *testing.T) {
	r := newRecord(t, filepath.Join(t.TempDir(), "one"))
	data := []byte("a picture")
	h := Hash(data)
	if err := errors.Join(r.PutArtifact(h, data), r.PutArtifact(h, data)); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Artifact(h); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%q, %v", got, err)
	}
	if err := r.PutArtifact(h, []byte("another")); err == nil {
		t.Error("stored under another's hash")
	}
	for _, bad := range []string{"../manifest.json", "", strings.Repeat("0", 63), strings.Repeat("0", 64)} {
		if _, err := r.Artifact(bad); err == nil {
			t.Errorf("opened %q", bad)
		}
	}
	write(t, r.Path("artifacts/"+h), []byte("a Picture"))
	if _, err := r.Artifact(h); err == nil {
		t.Error("a damaged artifact is returned")
	}
}

func TestPeopleAndFailures(t *testing.T) {
	r := newRecord(t, filepath.Join(t.TempDir(), "one"))
	if p, err := r.People(); p != nil || err != nil {
		t.Error(p, err)
	}
	persona, err := tinytroupe.NewPersona("Lisa <L>").With("age", 28)
	if err != nil {
		t.Fatal(err)
	}
	people := []Participant{{Name: "Lisa <L>", Group: "usa", Weight: 1.5, Assigned: map[string]any{"tone": "warm"}, Persona: persona}, {Name: "Oscar", Staff: true, Persona: tinytroupe.NewPersona("Oscar")}}
	if err := r.WritePeople(people); err != nil {
		t.Fatal(err)
	}
	got, err := r.People()
	if err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(people)
	b, _ := json.Marshal(got)
	if d := cmp.Diff(string(a), string(b)); d != "" {
		t.Error(d)
	}
	one, two := Failure{Person: "Lisa", What: "ask", Outcome: "invalid", Cause: "no JSON", Raw: "[{[}]"}, Failure{What: "turn", Cause: "x"}
	if err := r.AddFailure(one); err != nil {
		t.Fatal(err)
	}
	// A kill in the middle of a line loses that line alone.
	f, err := os.OpenFile(r.Path(failuresFile), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, `{"what":"tu`)
	f.Close()
	if err := r.AddFailure(two); err != nil {
		t.Fatal(err)
	}
	if got, err := r.Failures(); err != nil || !cmp.Equal(got, []Failure{one, two}) {
		t.Errorf("%+v, %v", got, err)
	}
	write(t, r.Path(peopleFile), []byte("{\n"))
	if _, err := r.People(); err == nil || !strings.Contains(err.Error(), "people.jsonl:1: ") {
		t.Errorf("got %v", err)
	}
}

func TestManifestFormat(t *testing.T) {
	for in, want := range map[string]string{
		`{"format":2,"title":7}`:                  "the record has format 2 and this version reads format 1: use a newer version",
		`{"title":"x"}`:                           "the manifest names no format: not a record of this program",
		`{"format":1,"title":7}`:                  "json: cannot unmarshal",
		`{"format":1,"inputs":[{"path":"../x"}]}`: `input path "../x" leads outside`,
		``: "unexpected end of JSON input",
	} {
		dir := t.TempDir()
		write(t, filepath.Join(dir, manifestFile), []byte(in))
		for what, open := range map[string]func() (*Record, error){"View": func() (*Record, error) { return View(dir) }, "Open": func() (*Record, error) { return Open(dir, nil) }} {
			_, err := open()
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("%s of %s: %v", what, in, err)
			}
		}
	}
}

func FuzzManifest(f *testing.F) {
	f.Add([]byte(`{"format":1,"title":"x","started":"2026-03-02T09:00:00Z","parameters":{"a":[1]},"inputs":[{"name":"a","path":"a"}]}`))
	f.Add([]byte(`{"format":3}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parseManifest(data)
		if err != nil {
			return
		}
		out, err := marshal(&m, "  ")
		if err != nil {
			t.Fatal(err)
		}
		again, err := parseManifest(out)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(m, again, cmpopts.EquateEmpty()); d != "" {
			t.Error(d)
		}
	})
}

func TestNames(t *testing.T) {
	at := time.Date(2026, 3, 2, 23, 0, 0, 0, time.UTC)
	a, b := Name("TV ad!", 1, at, "x"), Name("TV ad!", 2, at, "x")
	if !strings.HasPrefix(a, "2026-03-02-tv-ad-") || len(a) != len("2026-03-02-tv-ad-7f3a") || a == b || a != Name("TV ad!", 1, at, "x") {
		t.Error(a, b)
	}
	for in, want := range map[string]string{
		"Which advert sells the TV?": "which-advert-sells-the-tv", "  --  ": "", "Ünïcode 東京": "ünïcode-東京", "../../x": "x",
		"one two three four five six seven eight nine ten": "one-two-three-four-five-six-seven-eight", strings.Repeat("a", 60): strings.Repeat("a", 40),
	} {
		if got := Slug(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestList(t *testing.T) {
	base := t.TempDir()
	if list, err := List(filepath.Join(base, "none")); list != nil || err != nil {
		t.Error(list, err)
	}
	for i, name := range []string{"b", "a", "c"} {
		r := newRecord(t, filepath.Join(base, name))
		if err := r.Update(func(m *Manifest) { m.Started = m.Started.Add(time.Duration(i) * time.Hour); m.Status = Done }); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"empty", "newer"} {
		if err := os.Mkdir(filepath.Join(base, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(base, "newer", manifestFile), []byte(`{"format":9}`))
	write(t, filepath.Join(base, "file"), nil)
	list, err := List(base)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range list {
		got = append(got, fmt.Sprint(filepath.Base(s.Dir), " ", s.Status, " ", s.Err != nil))
	}
	if d := cmp.Diff([]string{"c done false", "a done false", "b done false", "newer  true"}, got); d != "" {
		t.Error(d)
	}
}

// The calls of a record are read while it runs, and when it is done.
func TestCallsView(t *testing.T) {
	r := newRecord(t, filepath.Join(t.TempDir(), "one"))
	c, err := r.Calls()
	if err != nil {
		t.Fatal(err)
	}
	record(t, c, call("a", ask("a")), answer("A"))
	see := func(key, want string) {
		t.Helper()
		v, err := View(r.Dir())
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		c, err := v.Calls()
		if err != nil {
			t.Fatal(err)
		}
		if got, ok, err := c.Get(key); !ok || err != nil || got.Text != want {
			t.Errorf("got %v, %v, %v", got, ok, err)
		}
		if _, err := c.Begin(call("x", ask("x"))); !errors.Is(err, ErrReadOnly) {
			t.Errorf("got %v", err)
		}
		if err := c.End(1, answer("x")); !errors.Is(err, ErrReadOnly) {
			t.Errorf("got %v", err)
		}
	}
	see("a", "A")
	record(t, c, call("b", ask("b")), answer("B"))
	see("b", "B")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(r.Dir(), "calls.db-*")); len(left) > 0 {
		t.Errorf("left %v", left)
	}
	see("b", "B")
}

// TestCreateAfterDeath: what a process left that died before the manifest was there
// is no record, and its folder is used.
func TestCreateAfterDeath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{lockFile, tempPrefix + "12-0"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("1"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Create(dir, &Manifest{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if r.Dir() != dir {
		t.Errorf("got %s", r.Dir())
	}
}

// TestSweep: what a killed process had begun to write is removed, and nothing else.
func TestSweep(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "r")
	r, err := Create(dir, &Manifest{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.WriteFile("results/a.csv", []byte("a")), r.Close()); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(dir, "results", tempPrefix+"1-0")
	if err := os.WriteFile(half, []byte("hal"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err = Open(dir, nil); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := os.Stat(half); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if data, err := r.ReadFile("results/a.csv"); err != nil || string(data) != "a" {
		t.Error(err)
	}
}

// TestIdentified: a manifest knows every identity that the model of a role has had, and
// those of earlier versions, which name one, and of roles that have no model of their own.
func TestIdentified(t *testing.T) {
	old := Manifest{Models: map[string]string{"act": "a/m"}, Identities: map[string]string{"act": "a/m at x"}}
	m := old.clone()
	m.Use("act", "a/m at y")
	m.Use("judge", "a/j")
	m.Use("act", "a/m at x")
	for i, c := range []struct {
		m    *Manifest
		role string
		want []string
	}{
		{&old, "act", []string{"a/m at x"}},
		{&old, "judge", []string{"a/m at x"}},
		{&Manifest{Models: map[string]string{"act": "a/m"}}, "act", []string{"a/m"}},
		{&Manifest{}, "act", nil},
		{&m, "act", []string{"a/m at y", "a/m at x"}},
		{&m, "judge", []string{"a/j"}},
		{&m, "extract", []string{"a/m at y", "a/m at x"}},
	} {
		if got := c.m.Identified(c.role); !slices.Equal(got, c.want) {
			t.Errorf("%d: %s: %q, want %q", i, c.role, got, c.want)
		}
	}
	if m.Identities["act"] != "a/m at x" || m.Identities["judge"] != "a/j" || len(old.Used) != 0 || old.Identities["judge"] != "" {
		t.Errorf("%+v, %+v", m, old)
	}
}
