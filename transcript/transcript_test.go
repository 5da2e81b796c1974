package transcript

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	tt "github.com/tinytroupe-go/tinytroupe"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const evil = "Fine.\r\n\x1b[2J\x1b]0;owned\x07\u009b31m \u202etxt.exe\u202c\r# no heading\n```\nfence\n```\n<script>alert(1)</script>\n> quote\n1. one\n[a]: http://x\n---\n    code\n\n\ttab &amp; *bold* $x$ \xff"

// sample is a world in which everything that a transcript knows happens once.
func sample() []tt.Event {
	at := time.Date(2026, 3, 2, 19, 0, 0, 0, time.UTC)
	names := []string{"Lisa Carter", "Oscar", "Lila", "Marcos", "Sophie"}
	long := strings.Repeat("You are looking for a new TV, and you may spend what you like. ", 4) + "\n\nWhich advert?\n  A. Bright\n  B. Deep"
	var evs []tt.Event
	add := func(ev tt.Event) {
		ev.Seq, ev.Time = len(evs)+1, at
		evs = append(evs, ev)
	}
	end := func() { evs[len(evs)-1].End = true }
	add(tt.Event{Kind: tt.EventClock, Clock: &tt.Clock{World: &tt.WorldClock{Name: "Living room", Start: at, Step: "5m0s"}}})
	for _, n := range names {
		p := tt.NewPersona(n)
		add(tt.Event{Kind: tt.EventJoined, Who: n, Persona: &p})
		end()
	}
	add(tt.Event{Kind: tt.EventLinked, To: []string{tt.Everyone}})
	end()
	add(tt.Event{Kind: tt.EventPerceived, To: []string{tt.Everyone}, Stimulus: &tt.Stimulus{Kind: tt.Conversation, Content: long}})
	end()
	for _, n := range names[:3] {
		add(tt.Event{Kind: tt.EventPerceived, To: []string{n}, Stimulus: &tt.Stimulus{Kind: tt.Goal, Content: "Choose one."}})
	}
	end()
	add(tt.Event{Kind: tt.EventPerceived, To: []string{"Oscar"}, Stimulus: &tt.Stimulus{Kind: tt.Visual, Content: "An advert", Images: []tt.Image{{Name: "a.png", MediaType: "image/png", Hash: "00"}}}})
	end()
	add(tt.Event{Kind: tt.EventClock, Step: 1, Clock: &tt.Clock{Rounds: [][]string{names}}})
	add(tt.Event{Kind: tt.EventFired, Step: 1, Fired: &tt.Fired{Name: "nudge", Reason: "nobody spoke"}})
	add(tt.Event{Kind: tt.EventPerceived, Step: 1, To: []string{"Lila"}, Stimulus: &tt.Stimulus{Kind: tt.Thought, Content: "Somebody should begin."}})
	end()
	act := func(who string, k tt.ActionKind, target, content string, to ...string) {
		add(tt.Event{Kind: tt.EventActed, Step: 1, Round: 1, Who: who, Action: &tt.Action{Kind: k, Target: target, Content: content}, To: to})
	}
	act("Lisa Carter", tt.Think, "", "Films at night: contrast matters more than brightness.")
	act("Lisa Carter", tt.Talk, "", "B. I watch films at night, and 黒の深さが大切です。", tt.Everyone)
	act("Lisa Carter", tt.Talk, "Oscar", "And you?", "Oscar")
	act("Lisa Carter", tt.ReachOut, "Marcos", "")
	add(tt.Event{Kind: tt.EventPerceived, Step: 1, To: []string{"Lisa Carter"}, Stimulus: &tt.Stimulus{Kind: tt.Result, Content: "Marcos is out of reach."}})
	act("Lisa Carter", tt.Done, "", "")
	add(tt.Event{Kind: tt.EventState, Step: 1, Who: "Lisa Carter", State: &tt.MentalState{Goals: "a TV", Attention: "Oscar", Emotions: "calm"}})
	end()
	act("Oscar", tt.Talk, "Lisa Carter, Lila", evil, "Lisa Carter", "Lila", "Marcos", "Sophie")
	act("Oscar", "CONSULT", "", "tv guide")
	add(tt.Event{Kind: tt.EventPerceived, Step: 1, To: []string{"Oscar"}, During: true, Stimulus: &tt.Stimulus{Kind: tt.Result, Source: "tv guide", Content: "OLED: deep blacks.", Data: true}})
	act("Oscar", tt.Talk, "", "Nobody hears this.")
	add(tt.Event{Kind: tt.EventProduced, Step: 1, Who: "Oscar", Artifact: &tt.Artifact{Name: "notes.md", MediaType: "text/markdown", Hash: "00", Size: 3}})
	add(tt.Event{Kind: tt.EventMemo, Step: 1, Who: "Oscar", Memo: &tt.Memo{Kind: "fact", Content: "Lisa likes B."}})
	end()
	add(tt.Event{Kind: tt.EventFailed, Step: 1, Who: "Sophie", Failure: &tt.Failure{What: "turn", Cause: "out of quota"}})
	add(tt.Event{Kind: tt.EventMoved, Step: 1, Who: "Lila", Place: "Kitchen", Context: []string{"smell of coffee"}})
	add(tt.Event{Kind: tt.EventLeft, Step: 1, Who: "Marcos"})
	add(tt.Event{Kind: tt.EventContext, Step: 1, Who: "Oscar", Context: []string{"dark", "quiet"}})
	add(tt.Event{Kind: tt.EventEdited, Step: 1, Who: "Oscar", Edit: &tt.PersonaEdit{Path: "age", Value: json.RawMessage("42")}})
	end()
	add(tt.Event{Kind: tt.EventClock, Step: 1, Clock: &tt.Clock{Skip: "2h0m0s"}})
	end()
	add(tt.Event{Kind: tt.EventMarked, Step: 1, Mark: json.RawMessage(`"end"`)})
	end()
	return evs
}

func render(t testing.TB, evs []tt.Event, o *Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, slices.Values(evs), o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	for _, c := range []struct {
		file string
		o    *Options
	}{
		{"plain.txt", nil},
		{"narrow.txt", &Options{Width: 40, MaxContent: 60, HideThoughts: true, Steps: 4, Title: "Which advert sells the TV?"}},
		{"details.txt", &Options{Done: true, State: true, Details: true, Rehearsal: true}},
		{"coloured.txt", &Options{Form: Coloured, Rehearsal: true, Done: true}},
		{"markdown.md", &Options{Form: Markdown, Rehearsal: true, Title: "Which *advert*?", Steps: 1, State: true}},
		{"lines.jsonl", &Options{Form: JSONLines, Rehearsal: true, Details: true, MaxContent: 200}},
	} {
		t.Run(c.file, func(t *testing.T) {
			got := render(t, sample(), c.o)
			file := filepath.Join("testdata", c.file)
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
		})
	}
}

// A transcript is the same whether events come one by one, by commit or all at once.
func TestStreaming(t *testing.T) {
	evs := sample()
	for _, form := range []Form{Plain, Coloured, Markdown, JSONLines} {
		o := &Options{Form: form, Rehearsal: true, Details: true}
		want := render(t, evs, o)
		var b bytes.Buffer
		p := NewPrinter(&b, o)
		var commit []tt.Event
		for _, ev := range evs {
			if commit = append(commit, ev); ev.End {
				p.Events(commit...)
				commit = nil
			}
		}
		p.Events(commit...)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, b.String()); d != "" {
			t.Errorf("%s: %s", form, d)
		}
	}
}

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// Colours are all that the coloured form adds.
func sameButColours(t *testing.T, evs []tt.Event, o Options) {
	t.Helper()
	o.Form = Plain
	want := render(t, evs, &o)
	o.Form = Coloured
	if d := cmp.Diff(want, sgr.ReplaceAllString(render(t, evs, &o), "")); d != "" {
		t.Error(d)
	}
}

func TestColours(t *testing.T) {
	sameButColours(t, sample(), Options{Rehearsal: true, Details: true, Done: true, Title: "x"})
}

// Whatever is said by a commit is shown at once: only arrivals may wait.
func TestNothingWaits(t *testing.T) {
	var b bytes.Buffer
	p := NewPrinter(&b, nil)
	for _, ev := range sample() {
		p.Events(ev)
		if a := ev.Action; a != nil && ev.End && a.Content != "" && !strings.Contains(b.String(), a.Content[:5]) {
			t.Errorf("event %d is not shown", ev.Seq)
		}
	}
	// The commit's last event may be one that is not shown.
	b.Reset()
	said := tt.Event{Seq: 90, Kind: tt.EventActed, Who: "Lila", Action: &tt.Action{Kind: tt.Talk, Content: "Last words"}, To: []string{"Oscar"}}
	done := tt.Event{Seq: 91, Kind: tt.EventActed, Who: "Lila", Action: &tt.Action{Kind: tt.Done}, End: true}
	p.Events(said, done)
	if !strings.Contains(b.String(), "Last words") {
		t.Errorf("what was said before DONE is not shown: %q", b.String())
	}
	b.Reset()
	ann := tt.NewPersona("Ann")
	p.Events(tt.Event{Seq: 92, Kind: tt.EventJoined, Who: "Ann", Persona: &ann, End: true})
	if b.Len() > 0 {
		t.Errorf("an arrival does not wait for others: %q", b.String())
	}
	if p.Flush(); b.String() != "· Ann joins\n" {
		t.Errorf("flushed %q", b.String())
	}
}

func TestWriteError(t *testing.T) {
	broken := errors.New("broken pipe")
	if err := Write(failing{broken}, slices.Values(sample()), nil); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestEmptyRehearsal(t *testing.T) {
	if got := render(t, nil, &Options{Rehearsal: true}); got != Notice+"\n" {
		t.Errorf("got %q", got)
	}
}

func TestWrap(t *testing.T) {
	for _, c := range []struct {
		in   string
		most int
		want []string
	}{
		{"", 5, []string{""}},
		{"a b c d", 3, []string{"a b", "c d"}},
		{"abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"  ab cdef", 6, []string{"  ab", "cdef"}},
		{"ab   ", 3, []string{"ab "}},
		{"日本語日本", 4, []string{"日本", "語日", "本"}},
		{"日", 1, []string{"日"}},
	} {
		if d := cmp.Diff(c.want, wrap(c.in, c.most)); d != "" {
			t.Errorf("wrap(%q, %d): %s", c.in, c.most, d)
		}
	}
}

func TestMore(t *testing.T) {
	for n, want := range map[int]string{1: " (… 1 more character)", 999: " (… 999 more characters)", 1234567: " (… 1,234,567 more characters)"} {
		if got := more(n); got != want {
			t.Errorf("%d: %q", n, got)
		}
	}
}

// spoken is a small world in which who says what.
func spoken(who, what string) []tt.Event {
	at := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	return []tt.Event{
		{Seq: 1, Time: at, Kind: tt.EventClock, Step: 1, Clock: &tt.Clock{Rounds: [][]string{{who}}}},
		{Seq: 2, Time: at, Kind: tt.EventActed, Step: 1, Who: who, Action: &tt.Action{Kind: tt.Talk, Target: who, Content: what}, To: []string{who}},
		{Seq: 3, Time: at, Kind: tt.EventPerceived, Step: 1, To: []string{"B"}, Stimulus: &tt.Stimulus{Kind: tt.StimulusKind(who), Source: who, Content: what}},
		{Seq: 4, Time: at, Kind: tt.EventFailed, Step: 1, Who: who, Failure: &tt.Failure{What: "turn", Cause: what}, End: true},
	}
}

func FuzzForms(f *testing.F) {
	f.Add("Lisa", "Hello.\nSecond line.", 0)
	f.Add("L\x1b[0m\n# x", evil, 3)
	f.Add("*", "1) a\n+ b\n= \n::: x\n| a | b |\n|---|---|", 100)
	f.Add("`", "`` ` ``\n~~~\nx", 0)
	f.Add("a", "\n\n    code\n\u2028x\u00ad", 0)
	f.Fuzz(func(t *testing.T, who, what string, most int) {
		if most < 0 {
			most = 0
		}
		evs := spoken(who, what)
		sameButColours(t, evs, Options{MaxContent: most})
		for _, form := range []Form{Plain, Markdown, JSONLines} {
			out := render(t, evs, &Options{Form: form, MaxContent: most})
			if !utf8.ValidString(out) {
				t.Errorf("%s: not UTF-8: %q", form, out)
			}
			for _, c := range out {
				if c != '\n' && (unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == 0x2028) {
					t.Fatalf("%s: %U in %q", form, c, out)
				}
			}
			switch form {
			case Markdown:
				checkMarkdown(t, out, what)
			case JSONLines:
				if n := strings.Count(out, "\n"); n != 4 {
					t.Errorf("%d lines", n)
				}
				for l := range strings.Lines(out) {
					var e Entry
					if err := json.Unmarshal([]byte(l), &e); err != nil {
						t.Error(err)
					}
				}
			case Plain:
				for l := range strings.Lines(out) {
					if w := width(strings.TrimSuffix(l, "\n")); strings.HasPrefix(l, margin) && w > DefaultWidth {
						t.Errorf("%d columns: %q", w, l)
					}
				}
			}
		}
	})
}

// checkMarkdown sees that every line of a transcript of spoken is one of ours or a
// quotation, and that nothing in it which Markdown would read stands unescaped.
func checkMarkdown(t *testing.T, out, what string) {
	heads := 0
	for l := range strings.Lines(out) {
		l = strings.TrimSuffix(l, "\n")
		body, quoted := strings.CutPrefix(l, ">")
		marks := "`*_{}[]<>#|~$&"
		switch {
		case l == "":
			continue
		case !quoted:
			heads++
			body = strings.TrimPrefix(strings.TrimPrefix(l, "## "), "· ")
			body = strings.ReplaceAll(body, "**", "")
			marks = "`*_{}<#|~$&" // our own --> and [TYPE] stand there too
			body = strings.Replace(body, " --> ", "", 1)
		case body == "" || body == `\`:
			continue
		default:
			body = strings.TrimSuffix(strings.TrimPrefix(body, " "), `\`)
			if strings.HasPrefix(body, " ") || strings.ContainsRune("+-=:", []rune(body + " ")[0]) {
				t.Errorf("a block may begin in %q", l)
			}
		}
		for i := 0; i < len(body); i++ {
			if body[i] == '\\' {
				i++
			} else if strings.IndexByte(marks, body[i]) >= 0 {
				t.Errorf("%q in %q", body[i], l)
			}
		}
	}
	if heads != 4 {
		t.Errorf("%d lines outside of quotations of %q:\n%s", heads, what, out)
	}
}
