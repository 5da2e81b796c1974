package extract

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	tt "github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s differs (-update rewrites it), -want +got:\n%s", file, d)
	}
}

// talk is a journal in which people say things one after the other.
type talk []tt.Event

func (j *talk) add(ev tt.Event) *talk {
	ev.Seq, ev.Time = len(*j)+1, time.Date(2026, 3, 2, 19, 0, 0, 0, time.UTC)
	*j = append(*j, ev)
	return j
}

func (j *talk) says(who, words string) *talk {
	return j.add(tt.Event{Kind: tt.EventActed, Who: who, To: []string{tt.Everyone}, Action: &tt.Action{Kind: tt.Talk, Content: words}})
}

func (j *talk) thinks(who, words string) *talk {
	return j.add(tt.Event{Kind: tt.EventActed, Who: who, Action: &tt.Action{Kind: tt.Think, Content: words}})
}

func (j *talk) hear(words string, to ...string) *talk {
	return j.add(tt.Event{Kind: tt.EventPerceived, To: to, Stimulus: &tt.Stimulus{Kind: tt.Conversation, Content: words}})
}

func (j *talk) journal(room string) Journal {
	return Journal{Room: room, Events: slices.Values(*j), People: []string{"Lisa Carter", "Oscar"}}
}

func (j *talk) about(person string) Subject {
	return Subject{Respondent: Respondent{Person: person}, Journals: []Journal{j.journal("")}}
}

func newExtractor(t testing.TB, m llm.Model, o *Options) *Extractor {
	t.Helper()
	x, err := New(m, o)
	if err != nil {
		t.Fatal(err)
	}
	return x
}
