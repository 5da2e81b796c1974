package study_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/tinytroupe-go/tinytroupe/study"
)

var update = flag.Bool("update", false, "rewrite golden files")

func fsOf(files []txtar.File) fstest.MapFS {
	m := fstest.MapFS{}
	for _, f := range files {
		m[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	return m
}

func env(name string) (string, bool) {
	if name == "CITY" {
		return "Porto", true
	}
	return "", false
}

// TestMistakes loads every study of each archive and compares what is said of it
// with the file NAME.want beside it.
func TestMistakes(t *testing.T) {
	archives, err := filepath.Glob("testdata/mistakes/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatal("no archives", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			fsys := fsOf(ar.Files)
			var out []txtar.File
			for _, f := range ar.Files {
				if strings.HasSuffix(f.Name, ".want") {
					continue
				}
				out = append(out, f)
				base, ok := strings.CutSuffix(f.Name, ".yaml")
				if !ok {
					continue
				}
				got := "no mistakes\n"
				s, err := study.Load(f.Name, &study.LoadOptions{FS: fsys, Env: env})
				if err != nil {
					got = err.Error() + "\n"
					if s != nil {
						t.Errorf("%s: a study beside an error", f.Name)
					}
				}
				out = append(out, txtar.File{Name: base + ".want", Data: []byte(got)})
				want, err := fs.ReadFile(fsys, base+".want")
				if err != nil && !*update {
					t.Error(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" && !*update {
					t.Errorf("%s (-want +got):\n%s", f.Name, diff)
				}
			}
			if *update {
				if err := os.WriteFile(name, txtar.Format(&txtar.Archive{Comment: ar.Comment, Files: out}), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// TestLaterStudies reads studies that use all of the format: nothing in them is
// wrong but that some words are for later versions, and files that are not here.
func TestLaterStudies(t *testing.T) {
	names, _ := filepath.Glob("testdata/studies/*.yaml")
	if len(names) != 5 {
		t.Fatalf("%d studies", len(names))
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		person := &fstest.MapFile{Data: []byte(`{"type":"TinyPerson","persona":{"name":"Lisa Carter","age":28}}`)}
		moderator := &fstest.MapFile{Data: []byte(`{"name":"Mo"}`)}
		_, err = study.Load("study.yaml", &study.LoadOptions{FS: fstest.MapFS{
			"study.yaml":                             {Data: data},
			"people/lisa.agent.json":                 person,
			"moderator.agent.json":                   moderator,
			"concepts.csv":                           {Data: []byte("name,text\nA,Creamy\nB,Thin\n")},
			"tasks.csv":                              {Data: []byte("id,goal,answer\n1,roam,yes\n")},
			"guide.md":                               {Data: []byte("Ask and listen")},
			"adverts.md":                             {Data: []byte("Four adverts")},
			"fragments/picky_customer.fragment.json": {Data: []byte(`{"beliefs":["price matters"]}`)},
		}, Env: func(name string) (string, bool) {
			v, ok := map[string]string{"BOT_URL": "http://127.0.0.1:8080", "BOT_TOKEN": "secret"}[name]
			return v, ok
		}})
		var all *study.Mistakes
		if !errors.As(err, &all) {
			t.Fatalf("%s: %v", name, err)
		}
		for _, m := range all.List {
			if !m.NotYet {
				t.Errorf("%s: %v", name, m)
			}
		}
	}
}

func TestNoStudy(t *testing.T) {
	_, err := study.Load("a/chat.yml", &study.LoadOptions{FS: fstest.MapFS{"a/chat.yaml": {Data: []byte("x")}}})
	if !errors.Is(err, fs.ErrNotExist) || err.Error() != "there is no study a/chat.yml. Did you mean a/chat.yaml?" {
		t.Error(err)
	}
}

// A limit of nothing would read as none.
func TestNoBudget(t *testing.T) {
	for _, budget := range []string{"0", "{usd: 0}", "{calls: 0}", "{tokens: 0}"} {
		text := "people: {ann: {persona: {age: 1}}}\nscript: [{run: 1}]\nbudget: " + budget + "\n"
		_, err := study.Load("s.yaml", &study.LoadOptions{FS: fstest.MapFS{"s.yaml": {Data: []byte(text)}}})
		if err == nil || !strings.Contains(err.Error(), "Left out, there is no limit.") {
			t.Errorf("%s: %v", budget, err)
		}
	}
}

// TestLoadAbove: a pattern or a folder may lie beside the study's folder, also in an
// fs.FS.
func TestLoadAbove(t *testing.T) {
	for _, file := range []string{"../people", "../people/*.agent.json"} {
		s, err := study.Load("chat/study.yaml", &study.LoadOptions{FS: fstest.MapFS{
			"people/ann.agent.json": {Data: []byte(`{"name":"Ann"}`)},
			"people/bob.agent.json": {Data: []byte(`{"name":"Bob"}`)},
			"chat/study.yaml":       {Data: []byte("people: {all: {file: \"" + file + "\"}}\nscript: [{run: 1}]\n")},
		}})
		if err != nil {
			t.Error(err)
		} else if n := len(s.People[0].People); n != 2 {
			t.Errorf("%s: %d people, want 2", file, n)
		}
	}
}

// TestEveryMistake: a verb that nobody knows, or that is for later, hides no mistake
// in who its step is for.
func TestEveryMistake(t *testing.T) {
	const text = "people:\n  ann: {persona: {name: Ann}}\nscript:\n  - sya: Hello\n    to: anne\n  - ask: mood\n    to: anna\n"
	_, err := study.Load("s.yaml", &study.LoadOptions{FS: fstest.MapFS{"s.yaml": {Data: []byte(text)}}})
	m, ok := errors.AsType[*study.Mistakes](err)
	if !ok {
		t.Fatal(err)
	}
	var lines []int
	for _, x := range m.List {
		lines = append(lines, x.Line)
	}
	if want := []int{4, 5, 6, 7}; !slices.Equal(lines, want) {
		t.Errorf("mistakes in lines %v, want %v\n%v", lines, want, err)
	}
}

// TestFolder: who names a study's folder is told of the file in it.
func TestFolder(t *testing.T) {
	fsys := fstest.MapFS{"a/study.yaml": {Data: []byte("people: {}")}, "b/other.yaml": {Data: []byte("")}}
	for file, want := range map[string]string{
		"a": "study: a is not a file. Did you mean a/study.yaml?",
		"b": "study: b is not a file, and holds no study.yaml",
	} {
		if _, err := study.Load(file, &study.LoadOptions{FS: fsys}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", file, err, want)
		}
	}
}

// TestLoadMany: what each of many steps costs grows with the people, not with their square.
func TestLoadMany(t *testing.T) {
	var b strings.Builder
	b.WriteString("people:\n")
	for i := range 2000 {
		fmt.Fprintf(&b, "  p%d: {persona: {name: P%d}}\n", i, i)
	}
	b.WriteString("script:\n")
	for i := range 300 {
		fmt.Fprintf(&b, "  - {say: hi, to: p%d}\n", i)
	}
	begun := time.Now()
	load(t, b.String())
	if d := time.Since(begun); d > 5*time.Second {
		t.Error(d)
	}
}
