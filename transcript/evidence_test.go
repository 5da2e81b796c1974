package transcript

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	tt "github.com/tinytroupe-go/tinytroupe"
)

func evidenceGolden(t *testing.T, name, got string) {
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
		t.Error(d)
	}
}

func TestEvidence(t *testing.T) {
	all := NewEvidence(slices.Values(sample()), nil)
	evidenceGolden(t, "evidence.txt", all.Text())
	evidenceGolden(t, "evidence-lila.txt", NewEvidence(slices.Values(sample()), &EvidenceOptions{For: "Lila", HideThoughts: true}).Text())
	for _, line := range strings.Split(strings.TrimSuffix(all.Text(), "\n"), "\n") {
		if !json.Valid([]byte(line)) {
			t.Errorf("not a line of JSON: %s", line)
		}
	}
	for i := range all.Lines {
		l := &all.Lines[i]
		if l.Number != l.Seq {
			t.Errorf("event %d has number %d, though there is one journal", l.Seq, l.Number)
		}
		if all.Line(l.Number) != l {
			t.Errorf("line %d is not found", l.Number)
		}
	}
	if all.Line(0) != nil || all.Line(9999) != nil {
		t.Error("a line is found that is not there")
	}
}

// Two journals and a draft share no number.
func TestEvidenceNumbers(t *testing.T) {
	said := func(seq int, who, words string) tt.Event {
		return tt.Event{Seq: seq, Kind: tt.EventActed, Who: who, Action: &tt.Action{Kind: tt.Talk, Content: words}}
	}
	e := NewEvidence(slices.Values([]tt.Event{said(4, "A", "one"), said(9, "A", "two"), said(0, "A", "draft")}), &EvidenceOptions{Room: "r1"})
	e.Add(slices.Values([]tt.Event{said(4, "A", "three"), said(5, "B", "two")}), &EvidenceOptions{Room: "r2"})
	var got []int
	for i := range e.Lines {
		got = append(got, e.Lines[i].Number)
	}
	if want := []int{4, 9, 10, 14, 15}; !slices.Equal(got, want) {
		t.Errorf("numbers %v, want %v", got, want)
	}
	for _, c := range []struct {
		by     string
		number int
		room   string
	}{{"", 0, "r1"}, {"", 15, "r2"}, {"B", 0, "r2"}, {"B", 9, "r2"}, {"A", 15, "r1"}} {
		if q, ok := e.Quote("two", c.by, c.number); !ok || q.Line.Room != c.room {
			t.Errorf("by %q, number %d: %+v %v, want room %s", c.by, c.number, q, ok, c.room)
		}
	}
	if !strings.Contains(e.Text(), `{"event":14,"room":"r2","who":"A","does":"TALK","content":"three"}`) {
		t.Error(e.Text())
	}
}

// Who came later, or has left, did not perceive what everyone there did; what was said
// to them by name awaits them.
func TestEvidencePresence(t *testing.T) {
	say := func(words string, to ...string) tt.Event {
		if to == nil {
			to = []string{tt.Everyone}
		}
		return tt.Event{Kind: tt.EventPerceived, To: to, Stimulus: &tt.Stimulus{Kind: tt.Conversation, Content: words}}
	}
	events := []tt.Event{{Kind: tt.EventJoined, Who: "A"}, say("one"), {Kind: tt.EventJoined, Who: "B"}, say("two"), {Kind: tt.EventLeft, Who: "B"}, say("three")}
	events = append(append([]tt.Event{say("zero")}, events...), tt.Event{Kind: tt.EventLeft, Who: "A"}, say("four"), say("five", "B"))
	for name, want := range map[string]string{"A": "joined one two three left", "B": "joined two left five"} {
		var got []string
		for _, l := range NewEvidence(slices.Values(events), &EvidenceOptions{For: name}).Lines {
			if l.Content == "" {
				l.Content = l.Kind
			}
			got = append(got, l.Content)
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%s: %s, want %s", name, s, want)
		}
	}
}

func findQuote(text, quote string) (string, bool) {
	q, ok := (&Evidence{Lines: []EvidenceLine{{Number: 1, Content: text}}}).Quote(quote, "", 0)
	return q.Text, ok
}

func TestQuote(t *testing.T) {
	const said = "B.  I watch “films”\nat night, don’t I? ＫＩＮＯ 黒の深さが大切です. Straße; ΣΊΣΥΦΟΣ"
	for _, c := range []struct{ quote, found string }{
		{"I watch films at night", ""}, // marks within the words count
		{`i WATCH "Films" at night`, "I watch “films”\nat night"},
		{`"'B. I watch ‘films’'"`, "B.  I watch “films"}, // marks around the whole do not
		{"don't I?", "don’t I?"},
		{"dont I?", ""},
		{"at night, don", ""}, // of don’t
		{"t I", ""},
		{"  at\tnight ", "at night"},
		{"深さ", "深さ"},
		{"ight", ""},
		{"nigh", ""},
		{"films … night", ""},
		{"films... night", ""},
		{"σίσυφος", "ΣΊΣΥΦΟΣ"},
		{"strasse", ""},
		{"ｋｉｎｏ", "ＫＩＮＯ"},
		{"", ""}, {`""`, ""}, {" . ", ""}, {"?", ""},
		{said, said},
		{said + "x", ""},
	} {
		if got, ok := findQuote(said, c.quote); got != c.found || ok != (c.found != "") {
			t.Errorf("%q: found %q %v, want %q", c.quote, got, ok, c.found)
		}
	}
	// A word or a number is whole: half of it may say the opposite.
	for _, c := range []struct {
		text, quote string
		ok          bool
	}{
		{"I can't afford it", "I can", false}, {"I can’t afford it", "I can", false}, {"I can't afford it", "I can't", true}, {"I can't afford it", "t afford it", false},
		{"I'd pay 1,500", "I'd pay 1", false}, {"I'd pay 1.500,50", "I'd pay 1.500", false}, {"I'd pay 1'500", "I'd pay 1", false}, {"I'd pay 1,500", "500", false}, {"0.5 at most", "5 at most", false},
		{"I'd pay 1, 500 is too much", "I'd pay 1", true}, {"I'd pay 1.", "I'd pay 1", true}, {"1, 2,3", "1", true}, {"COVID-19", "19", false},
		{"I am a non-smoker", "smoker", false}, {"I am a non‑smoker", "I am a non", false}, {"I am a non-smoker", "non-smoker", true},
		{"films--but also news", "films", true}, {"films - but", "films", true}, {"pre- and post-war", "pre", true},
		{"'yes' and 'no'", "yes", true}, {`"yes"and`, "yes", true}, {"the dogs' bowl", "the dogs", true}, {"rock'n'roll", "roll", false},
		{"저는 'B'가 좋아요", "B", true}, {"我觉得’很好’所以", "很好", true},
	} {
		if _, ok := findQuote(c.text, c.quote); ok != c.ok {
			t.Errorf("%q in %q: found %v", c.quote, c.text, ok)
		}
	}
	e := NewEvidence(slices.Values(sample()), nil)
	for _, c := range []struct {
		quote, by string
		ok        bool
	}{
		{"deep blacks", "", true},
		{"deep blacks", "Oscar", false}, // read, not said
		{"You are looking for a new TV", "Lisa Carter", false},
		{"I watch films at night", "Lisa Carter", true},
		{"I watch films at night", "Oscar", false},
		{"out of quota", "Sophie", false}, // happened to her
		{"Films at night: contrast", "Lisa Carter", true},
	} {
		if q, ok := e.Quote(c.quote, c.by, 0); ok != c.ok {
			t.Errorf("%q by %q: %+v %v", c.quote, c.by, q, ok)
		}
	}
}

// What is found stands in the text, and is found again.
func FuzzQuote(f *testing.F) {
	f.Add("I said “no”.", `"no"`)
	f.Add("a\xffb c", "c")
	f.Add("İ ſ K", "k")
	f.Fuzz(func(t *testing.T, text, quote string) {
		got, ok := findQuote(text, quote)
		if !ok {
			return
		}
		if !strings.Contains(text, got) {
			t.Errorf("%q is not in %q", got, text)
		}
		if again, ok := findQuote(text, got); !ok || strings.TrimSpace(again) == "" {
			t.Errorf("%q is not found again in %q", got, text)
		}
	})
}
