package judge

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
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
		t.Errorf("%s (-want +got):\n%s", name, d)
	}
}

func newJudge(t testing.TB, m llm.Model, o *Options) *Judge {
	t.Helper()
	j, err := New(m, o)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// dump writes a request as golden files hold it.
func dump(req *llm.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "-- label --\n%+v\n-- system --\n%s\n", req.Label, req.System)
	for _, m := range req.Messages {
		fmt.Fprintf(&b, "-- %s --\n", m.Role)
		for _, p := range m.Parts {
			b.WriteString(p.Text + "\n")
		}
	}
	if req.Schema != nil {
		fmt.Fprintf(&b, "-- schema %s --\n%s\n", req.Schema.Name, req.Schema.Body)
	}
	return b.String()
}

func says(who, words string, to ...string) tinytroupe.Event {
	return tinytroupe.Event{Kind: tinytroupe.EventActed, Who: who, To: to, Action: &tinytroupe.Action{Kind: tinytroupe.Talk, Content: words}}
}

func thinks(who, words string) tinytroupe.Event {
	return tinytroupe.Event{Kind: tinytroupe.EventActed, Who: who, Action: &tinytroupe.Action{Kind: tinytroupe.Think, Content: words}}
}

func waits(who string) tinytroupe.Event {
	return tinytroupe.Event{Kind: tinytroupe.EventActed, Who: who, Action: &tinytroupe.Action{Kind: tinytroupe.Done}}
}

func hears(words string, to ...string) tinytroupe.Event {
	return tinytroupe.Event{Kind: tinytroupe.EventPerceived, To: to, Stimulus: &tinytroupe.Stimulus{Kind: tinytroupe.Conversation, Content: words}}
}

func room(name string, events ...tinytroupe.Event) Room {
	for i := range events {
		events[i].Seq = i + 1
	}
	return Room{Name: name, Events: slices.Values(events)}
}

func persona(t testing.TB, text string) tinytroupe.Persona {
	t.Helper()
	var p tinytroupe.Persona
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// shop is what Lisa and Oscar said about a TV.
func shop(t testing.TB) *Subject {
	return &Subject{
		Name:     "Lisa",
		Personas: []tinytroupe.Persona{persona(t, `{"name":"Lisa","age":28,"style":"Curious & direct"}`)},
		Rooms: []Room{room("Shop",
			hears("Which of these <two> do you like?", "Lisa", "Oscar"),
			thinks("Lisa", "Bigger is not better."),
			says("Lisa", "I'd take the second: it is \"quiet\".", "Oscar"),
			waits("Lisa"),
			thinks("Oscar", "She never asks for the price."),
			says("Oscar", "And what does it cost?", "Lisa"),
		)},
	}
}

const (
	yes   = `{"reason":"She says so.","quotes":[{"event":3,"quote":"I'd take the second"}],"verdict":"holds","confidence":80}`
	no    = `{"reason":"She does not.","quotes":[{"event":2,"quote":"Bigger is not better"}],"verdict":"does not hold","confidence":60}`
	empty = `{"reason":"It never came up.","quotes":[],"verdict":"not applicable","confidence":90}`
)

func scored(n int) string {
	return fmt.Sprintf(`{"reason":"As far as %d.","quotes":[{"event":3,"quote":"the second"}],"verdict":"%d","confidence":50}`, n, n)
}

// scores reports whether a verdict has that score, or none where it is not scored.
func scores(v *Verdict, want float64) bool {
	if v.Outcome != Scored {
		return v.Score == nil
	}
	return v.Score != nil && abs(*v.Score-want) < 1e-9
}

var chooses = &Proposition{Name: "chooses", Claim: "${target} chooses a TV."}

func TestPrompts(t *testing.T) {
	world := shop(t)
	world.Name, world.World, world.Context = "Shop", true, "The shop closes\nin ten minutes."
	world.Personas = append(world.Personas, persona(t, `{"name":"Oscar"}`))
	proposed := shop(t)
	proposed.Proposed = []tinytroupe.Action{{Kind: tinytroupe.Think, Content: "How much?"}, {Kind: tinytroupe.Talk, Target: "Oscar", Content: "Too much."}, {Kind: tinytroupe.Done}}
	two := shop(t)
	two.Rooms = append(two.Rooms, room("Home", says("Lisa", "It hums.", tinytroupe.Everyone)))

	for _, c := range []struct {
		file  string
		p     *Proposition
		s     *Subject
		score bool
	}{
		{"check.txt", Find("self_consistency"), shop(t), false},
		{"score-world.txt", &Proposition{Name: "polite", Claim: "In ${target}, people are polite to ${who}; $${this} stays.", Vars: map[string]string{"who": "${nobody} & <all>"}, Personas: true}, world, true},
		{"action.txt", Find("hard_action_persona_adherence"), proposed, true},
		{"window.txt", &Proposition{Claim: "${target} speaks.", Window: Window{First: 1, Last: 2}}, two, false},
	} {
		script := llmtest.Scripted(empty)
		j := newJudge(t, script, nil)
		f := j.Check
		if c.score {
			f = j.Score
		}
		if v, err := f(t.Context(), c.p, c.s); err != nil || v.Outcome != NotApplicable {
			t.Fatalf("%s: %+v, %v", c.file, v, err)
		}
		golden(t, c.file, dump(script.Requests()[0]))
	}
}

// TestMarks proves that nothing a judge should know gets lost on the way.
func TestMarks(t *testing.T) {
	n := 0
	var marks []string
	mark := func() string {
		n++
		m := fmt.Sprintf("mark%d <&> «%d»", n, n)
		marks = append(marks, m)
		return m
	}
	per, err := persona(t, `{"name":"Lisa"}`).With("deep.down", []any{mark(), map[string]any{"x": mark()}})
	if err != nil {
		t.Fatal(err)
	}
	var events []tinytroupe.Event
	for _, k := range []tinytroupe.StimulusKind{tinytroupe.Conversation, tinytroupe.Visual, tinytroupe.Social, tinytroupe.Thought, tinytroupe.Goal, tinytroupe.Location, tinytroupe.Result} {
		ev := hears(mark(), "Lisa")
		ev.Stimulus.Kind, ev.Stimulus.Source = k, mark()
		events = append(events, ev)
	}
	events = append(events, says("Lisa", mark(), mark()), thinks("Lisa", mark()), says(mark(), mark(), "Lisa"))
	long := strings.Repeat("0123456789", 1000)
	s := &Subject{
		Name: "Lisa", Personas: []tinytroupe.Persona{per}, Context: mark(),
		Rooms:    []Room{room(mark(), events...), room(mark(), says("Lisa", mark()+long+mark()))},
		Proposed: []tinytroupe.Action{{Kind: tinytroupe.Talk, Content: mark()}},
	}
	p := &Proposition{Claim: mark() + " ${v}", Vars: map[string]string{"v": mark()}, Personas: true}
	script := llmtest.Scripted(empty)
	if _, err := newJudge(t, script, nil).Check(t.Context(), p, s); err != nil {
		t.Fatal(err)
	}
	got := dump(script.Requests()[0])
	for _, m := range marks {
		if !strings.Contains(got, m) {
			t.Errorf("%q is lost in\n%s", m, got)
		}
	}
	if len(marks) < 25 || !strings.Contains(got, long) {
		t.Errorf("%d marks were placed, or 10,000 characters were cut", len(marks))
	}
}

// TestVerdictJSON: a score and a confidence of 0 are written, and where there is none
// nothing is that could be taken for one.
func TestVerdictJSON(t *testing.T) {
	sure := strings.Replace(scored(0), `"confidence":50`, `"confidence":0`, 1)
	for _, c := range []struct {
		reply, want string
		f           bool
	}{
		{sure, `"outcome":"scored","score":0,"confidence":0,`, true},
		{yes, `"outcome":"holds","confidence":0.8,`, false},
		{"oops", `"outcome":"invalid","reason":`, true},
	} {
		f := newJudge(t, llmtest.Scripted(c.reply, c.reply), nil)
		ask := f.Check
		if c.f {
			ask = f.Score
		}
		v, err := ask(t.Context(), chooses, shop(t))
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(v)
		if n := strings.Count(string(b), c.want); err != nil || n != 2 { // of the verdict and of its draw
			t.Errorf("%s, %v; want %s", b, err, c.want)
		}
		var again Verdict
		if err := json.Unmarshal(b, &again); err != nil || !cmp.Equal(v.Score, again.Score) || !cmp.Equal(v.Confidence, again.Confidence) {
			t.Errorf("%+v %v", again, err)
		}
	}
}

// TestWindow: what is shown is the same whatever is asked, in order and counted; what is
// left out is said to be.
func TestWindow(t *testing.T) {
	var events []tinytroupe.Event
	for i := range 12 {
		events = append(events, says("Lisa", fmt.Sprintf("line %d", i+1)))
	}
	s := &Subject{Name: "Lisa", Rooms: []Room{room("", events...)}, Proposed: []tinytroupe.Action{{Kind: tinytroupe.Talk, Content: "proposed"}}}
	line := llm.Tokens(`{"event":12,"who":"Lisa","does":"TALK","content":"line 12"}`)
	for _, c := range []struct {
		w    Window
		want string // numbers shown, and in brackets how many are left out
	}{
		{Window{}, "1 2 3 4 5 6 7 8 9 10 11 12 13"},
		{Window{First: 2}, "1 2 (10) 13"},
		{Window{Last: 2}, "(10) 11 12 13"},
		{Window{First: 1, Last: 2}, "1 (9) 11 12 13"},
		{Window{First: 5, Last: 10}, "1 2 3 4 5 6 7 8 9 10 11 12 13"},
		{Window{First: 20, Last: 20}, "1 2 3 4 5 6 7 8 9 10 11 12 13"},
		{Window{Tokens: 1}, "(12) 13"},
		{Window{Tokens: 3 * line}, "(10) 11 12 13"},
		{Window{Tokens: 100 * line}, "1 2 3 4 5 6 7 8 9 10 11 12 13"},
		{Window{First: 1, Last: 1, Tokens: 3 * line}, "1 (10) 12 13"},
	} {
		e, proposed := s.evidence()
		if proposed != 13 {
			t.Fatalf("the first proposed act is %d", proposed)
		}
		shown, text := c.w.view(e, proposed)
		var got []string
		n := 0
		for l := range strings.Lines(text) {
			var ev struct{ Event int }
			if json.Unmarshal([]byte(l), &ev) == nil {
				got = append(got, fmt.Sprint(ev.Event))
				if shown.Lines[n].Number != ev.Event {
					t.Errorf("%+v: line %d is not what can be quoted", c.w, n)
				}
				n++
				continue
			}
			got = append(got, "("+strings.TrimPrefix(strings.Fields(l)[0], "(")+")")
		}
		if s := strings.Join(got, " "); s != c.want || n != len(shown.Lines) {
			t.Errorf("%+v shows %s, want %s", c.w, s, c.want)
		}
	}
}

// TestWindowWords: whatever a window leaves out, somebody who spoke is judged by words of
// theirs.
func TestWindowWords(t *testing.T) {
	long := says("Lisa", "I'd take the second. "+strings.Repeat("Really. ", 400))
	moves := tinytroupe.Event{Kind: tinytroupe.EventActed, Who: "Lisa", Action: &tinytroupe.Action{Kind: "REACH_OUT", Target: "Oscar"}}
	for name, c := range map[string]struct {
		w      Window
		events []tinytroupe.Event
		shown  int
	}{
		"a long last word":        {Window{Tokens: 100}, []tinytroupe.Event{says("Lisa", "Hm."), long}, 1},
		"an act after it":         {Window{Tokens: 100}, []tinytroupe.Event{says("Lisa", "Hm."), long, moves}, 2},
		"what is left out anyway": {Window{First: 1, Last: 1, Tokens: 100}, []tinytroupe.Event{says("Lisa", "Hm."), moves, long, says("Lisa", "I'd take the second.")}, 2},
		"the last has no words":   {Window{Last: 1}, []tinytroupe.Event{says("Lisa", "I'd take the second."), moves}, 2},
		"the first has no words":  {Window{First: 1}, []tinytroupe.Event{moves, says("Lisa", "I'd take the second.")}, 2},
	} {
		s := &Subject{Name: "Lisa", Rooms: []Room{room("", c.events...)}}
		p := *chooses
		p.Window = c.w
		v, err := newJudge(t, llmtest.Scripted(yes), nil).Check(t.Context(), &p, s)
		if err != nil || v.Outcome != Holds || v.Shown != c.shown {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

// TestPresence: nobody is judged by what was said while they were not there.
func TestPresence(t *testing.T) {
	w := talk(t, nil)
	steps := func(words string) {
		t.Helper()
		if err := w.Broadcast(words); err != nil {
			t.Fatal(err)
		}
	}
	steps("before Cleo comes")
	if _, err := w.Add(tinytroupe.NewPersona("Cleo"), nil); err != nil {
		t.Fatal(err)
	}
	steps("while Cleo is there")
	if err := w.Remove("Cleo"); err != nil {
		t.Fatal(err)
	}
	steps("while Cleo is away")
	if err := w.Return("Cleo"); err != nil {
		t.Fatal(err)
	}
	steps("when Cleo is back")
	for name, want := range map[string]string{
		"Cleo": "while Cleo is there|when Cleo is back",
		"Ann":  "before Cleo comes|while Cleo is there|while Cleo is away|when Cleo is back",
	} {
		s := OfPerson(w.View(), name)
		e, _ := s.evidence()
		var heard []string
		for _, l := range e.Lines {
			if l.Content != "" {
				heard = append(heard, l.Content)
			}
		}
		if got := strings.Join(heard, "|"); got != want {
			t.Errorf("%s hears %q, want %q", name, got, want)
		}
	}
	// Whoever was there before the first event, and is not said to come, hears all.
	later := &Subject{Name: "Dan", Rooms: []Room{{People: []string{"Dan"}, Events: slices.Values([]tinytroupe.Event{hears("one", tinytroupe.Everyone), {Kind: tinytroupe.EventLeft, Who: "Dan"}, hears("two", tinytroupe.Everyone)})}}}
	if e, _ := later.evidence(); len(e.Lines) != 2 || e.Lines[0].Content != "one" || e.Lines[1].Kind != "left" {
		t.Errorf("%+v", e.Lines)
	}
}

func TestReplies(t *testing.T) {
	own := &Proposition{Claim: "${target} asks.", OwnWords: true}
	for _, c := range []struct {
		name    string
		p       *Proposition
		score   bool
		replies []string
		want    Outcome
		value   float64
		reason  string // part of it
		quotes  []Quote
	}{
		{"holds", chooses, false, []string{yes}, Holds, 0, "She says so.", []Quote{{Seq: 3, Who: "Lisa", Text: "I'd take the second"}}},
		{"does not", chooses, false, []string{no}, DoesNotHold, 0, "She does not.", []Quote{{Seq: 2, Who: "Lisa", Text: "Bigger is not better"}}},
		{"not applicable", chooses, false, []string{empty}, NotApplicable, 0, "It never came up.", nil},
		{"score", chooses, true, []string{scored(7)}, Scored, 7, "As far as 7.", []Quote{{Seq: 3, Who: "Lisa", Text: "the second"}}},
		{"score 0", chooses, true, []string{scored(0)}, Scored, 0, "As far as 0.", []Quote{{Seq: 3, Who: "Lisa", Text: "the second"}}},
		{"no score for lack of evidence", chooses, true, []string{empty}, NotApplicable, 0, "It never", nil},
		{"other marks, another event", chooses, false, []string{strings.Replace(yes, `"event":3,"quote":"I'd take the second"`, `"event":1,"quote":"it is “Quiet”."`, 1)}, Holds, 0, "She", []Quote{{Seq: 3, Who: "Lisa", Text: `it is "quiet".`}}},
		{"fabricated", chooses, false, []string{strings.Replace(yes, "I'd take the second", "I'd take the first", 1)}, Invalid, 0, `quotes "I'd take the first", which stands in none`, nil},
		{"one of two fabricated", chooses, false, []string{strings.Replace(yes, `}],`, `},{"event":6,"quote":"It is cheap."}],`, 1)}, Invalid, 0, `"It is cheap."`, nil},
		{"from the persona", &Proposition{Claim: "x", Personas: true}, false, []string{strings.Replace(yes, "I'd take the second", "Curious & direct", 1)}, Invalid, 0, "stands in none", nil},
		{"another's thought", chooses, false, []string{strings.Replace(yes, "I'd take the second", "She never asks for the price.", 1)}, Invalid, 0, "stands in none", nil},
		{"another's words", chooses, false, []string{strings.Replace(yes, "I'd take the second", "And what does it cost?", 1)}, Holds, 0, "She", []Quote{{Seq: 6, Who: "Oscar", Text: "And what does it cost?"}}},
		{"another's words where only own count", own, false, []string{strings.Replace(yes, "I'd take the second", "And what does it cost?", 1)}, Invalid, 0, "which Lisa did not say or do", nil},
		{"beyond the window", &Proposition{Claim: "x", Window: Window{Last: 1}}, false, []string{yes}, Invalid, 0, "stands in none", nil},
		{"no quote", chooses, false, []string{strings.Replace(yes, `{"event":3,"quote":"I'd take the second"}`, "", 1)}, Invalid, 0, "quotes nothing", nil},
		{"empty quote", chooses, false, []string{strings.Replace(yes, "I'd take the second", " … ", 1)}, Invalid, 0, "quotes", nil},
		{"no reason", chooses, false, []string{strings.Replace(yes, "She says so.", "  ", 1)}, Invalid, 0, "no reason", nil},
		{"a score for a check", chooses, false, []string{scored(9), scored(9)}, Invalid, 0, "not valid", nil},
		{"10", chooses, true, []string{scored(10), scored(10)}, Invalid, 0, "not valid", nil},
		{"words", chooses, false, []string{"It holds, surely.", "It does hold."}, Invalid, 0, "not valid", nil},
		{"empty object", chooses, false, []string{"{}", "{}"}, Invalid, 0, "not valid", nil},
		{"mended", chooses, false, []string{"It holds.", yes}, Holds, 0, "She says so.", []Quote{{Seq: 3, Who: "Lisa", Text: "I'd take the second"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			script := llmtest.Scripted(c.replies...)
			j := newJudge(t, script, nil)
			f := j.Check
			if c.score {
				f = j.Score
			}
			v, err := f(t.Context(), c.p, shop(t))
			if err != nil {
				t.Fatal(err)
			}
			if v.Outcome != c.want || !scores(v, c.value) || !strings.Contains(v.Reason, c.reason) || !slices.Equal(v.Quotes, c.quotes) {
				t.Errorf("got %+v", v)
			}
			if !v.Outcome.Judged() && (v.Score != nil || v.Confidence != nil || len(v.Quotes) != 0) {
				t.Errorf("what is no verdict looks like one: %+v", v)
			}
			if n := len(script.Requests()); n != len(c.replies) {
				t.Errorf("%d calls, want %d", n, len(c.replies))
			}
		})
	}
}

// TestWorld: of a world, everybody's words count, also where only own ones do.
func TestWorld(t *testing.T) {
	s := shop(t)
	s.Name, s.World = "Shop", true
	for _, p := range []*Proposition{Find("fluency"), Find("convergence"), {Claim: "x", OwnWords: true}} {
		reply := strings.Replace(yes, "I'd take the second", "She never asks for the price.", 1)
		v, err := newJudge(t, llmtest.Scripted(reply), nil).Check(t.Context(), p, s)
		if err != nil || v.Outcome != Holds || v.Quotes[0].Who != "Oscar" {
			t.Errorf("%s: %+v, %v", p.Name, v, err)
		}
	}
}

// TestNoCall: what needs no model gets none.
func TestNoCall(t *testing.T) {
	j := newJudge(t, llmtest.Scripted(), nil)
	for _, c := range []struct {
		name   string
		p      *Proposition
		s      *Subject
		reason string
	}{
		{"precondition", &Proposition{Claim: "x", Precondition: func(*Subject) string { return "not today" }}, shop(t), "not today"},
		{"no events", chooses, &Subject{Name: "Lisa"}, "nothing was said"},
		{"nothing of hers", chooses, &Subject{Name: "Mia", Rooms: shop(t).Rooms}, "nothing was said"},
		{"did nothing", Find("fluency"), &Subject{Name: "Lisa", Rooms: []Room{room("", hears("Hello", "Lisa"), waits("Lisa"))}}, "Lisa did nothing but wait"},
		{"nothing proposed", Find("action_fluency"), shop(t), "no TALK or THINK of Lisa is proposed"},
		{"one speaker", Find("divergence"), &Subject{Name: "Shop", World: true, Rooms: []Room{room("", says("Lisa", "Hello?"), waits("Oscar"), says("Lisa", "Nobody here?"))}}, "fewer than two people"},
	} {
		for _, f := range []func(context.Context, *Proposition, *Subject) (*Verdict, error){j.Check, j.Score} {
			v, err := f(t.Context(), c.p, c.s)
			if err != nil || v.Outcome != NotApplicable || !strings.Contains(v.Reason, c.reason) || v.Score != nil || *v.Confidence != 1 || len(v.Draws) != 0 {
				t.Errorf("%s: %+v, %v", c.name, v, err)
			}
		}
	}
	for _, c := range []struct {
		p    *Proposition
		s    *Subject
		want string
	}{
		{Find("task_completion"), shop(t), "judging task_completion of Lisa: no value is given for ${task_description}"},
		{Find("divergence"), shop(t), "judging divergence of Lisa: it is about a world, not about one person"},
		{&Proposition{Claim: " "}, shop(t), `judging " " of Lisa: the claim is empty`},
	} {
		if v, err := j.Check(t.Context(), c.p, c.s); v != nil || err == nil || err.Error() != c.want {
			t.Errorf("%+v, %v; want the error %q", v, err, c.want)
		}
	}
}

func TestRehearsal(t *testing.T) {
	var calls atomic.Int64
	stand := rehearsal.New(nil)
	m := llm.Wrap(stand, func(m llm.Model) llm.Model {
		return llmtest.Func(m.Name(), func(ctx context.Context, _ int, req *llm.Request) (string, error) {
			calls.Add(1)
			resp, err := m.Generate(ctx, req)
			if err != nil {
				return "", err
			}
			return resp.Text, nil
		})
	})
	j := newJudge(t, m, &Options{Rehearsal: true, Draws: 2})
	for _, f := range []func(context.Context, *Proposition, *Subject) (*Verdict, error){j.Check, j.Score} {
		v, err := f(t.Context(), chooses, shop(t))
		if err != nil || v.Outcome != NotJudged || v.Score != nil || v.Confidence != nil || len(v.Quotes) != 0 || !strings.Contains(v.Reason, "stand-in") {
			t.Errorf("%+v, %v", v, err)
		}
	}
	if calls.Load() != 4 {
		t.Errorf("%d calls: a rehearsal makes those that the run makes, 4", calls.Load())
	}
	// Also of a model that replies as a real one would.
	j = newJudge(t, llmtest.Scripted(scored(9)), &Options{Rehearsal: true})
	if v, err := j.Score(t.Context(), chooses, shop(t)); err != nil || v.Outcome != NotJudged || v.Score != nil {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestDraws(t *testing.T) {
	broken := "no verdict"
	for _, c := range []struct {
		name      string
		replies   []string // a reply that is broken comes twice
		score     bool
		want      Outcome
		value     float64
		reason    string
		agreement float64 // -1: not defined
	}{
		{"one", []string{yes}, false, Holds, 0, "She says so.", -1},
		{"all", []string{no, no, no}, false, DoesNotHold, 0, "She does not.", 1},
		{"two of three", []string{yes, no, yes}, false, Holds, 0, "She says so.", 1. / 3},
		{"a tie", []string{yes, no}, false, Undecided, 0, "the draws disagree: ", 0},
		{"three ways", []string{yes, no, empty}, false, Undecided, 0, "the draws disagree: ", 0},
		{"two and a broken one", []string{yes, broken, yes}, false, Holds, 0, "She says so.", 1},
		{"one and a broken one", []string{yes, broken}, false, Invalid, 0, "not valid", -1},
		{"split, and a broken one", []string{yes, no, broken}, false, Invalid, 0, "not valid", 0},
		{"scores", []string{scored(4), scored(9), scored(5)}, true, Scored, 6, "As far as 5.", 1 - (5.+4+1)/3/9},
		{"scores and nothing to score", []string{scored(2), scored(4), empty}, true, Scored, 3, "As far as 2.", (1 - 2./9) / 3},
		{"nothing to score and a score", []string{empty, scored(9), empty}, true, NotApplicable, 0, "It never", 1. / 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := llmtest.Func("test/draws", func(_ context.Context, _ int, req *llm.Request) (string, error) {
				return c.replies[req.Draw-10], nil
			})
			j := newJudge(t, m, &Options{Draws: 7, FirstDraw: 10})
			p := *chooses
			p.Draws = len(c.replies)
			f := j.Check
			if c.score {
				f = j.Score
			}
			v, err := f(t.Context(), &p, shop(t))
			if err != nil || v.Outcome != c.want || !scores(v, c.value) || !strings.Contains(v.Reason, c.reason) || len(v.Draws) != len(c.replies) {
				t.Fatalf("%+v, %v", v, err)
			}
			got, ok := v.Agreement()
			if ok != (c.agreement >= 0) || ok && abs(got-c.agreement) > 1e-9 {
				t.Errorf("agreement %v, %v; want %v", got, ok, c.agreement)
			}
		})
	}
}

func abs(x float64) float64 { return max(x, -x) }

// TestFaults: whatever a provider does ends as an outcome, and only a whole reply with
// its evidence as a verdict; in the process, and over HTTP through a vendor's client.
func TestFaults(t *testing.T) {
	want := map[llmtest.FaultKind]Outcome{
		llmtest.None: Scored, llmtest.Fenced: Scored, llmtest.Prose: Scored, // the reply is whole
		llmtest.Rate: Failed, llmtest.ServerError: Failed, llmtest.Reset: Failed, llmtest.Truncated: Failed, llmtest.NotJSON: Failed,
		llmtest.NotFound: Failed, llmtest.Auth: Failed, llmtest.Quota: Failed, llmtest.TooLong: Failed, llmtest.Echo: Failed,
		llmtest.RejectParam: Failed, llmtest.NoSchema: Failed, llmtest.Empty: Failed, llmtest.Length: Failed,
		llmtest.WrongTypes: Invalid,
		llmtest.Filter:     Refused, llmtest.FilterCall: Refused, llmtest.Refusal: Refused,
	}
	whole := llmtest.Func("test/whole", func(context.Context, int, *llm.Request) (string, error) { return scored(9), nil })
	judges := func(where string, kind llmtest.FaultKind, m llm.Model, outcome Outcome) {
		v, err := newJudge(t, m, nil).Score(t.Context(), chooses, shop(t))
		again := kind == llmtest.NotFound || kind == llmtest.Auth || kind == llmtest.Quota // with every call: an error besides
		if (err != nil) != again || v.Outcome != outcome {
			t.Errorf("%s: %s: %+v, %v; want %s", where, kind, v, err, outcome)
			return
		}
		if outcome != Scored && (v.Score != nil || v.Reason == "" || v.Draws[0].Err == nil || v.Draws[0].Score != nil) {
			t.Errorf("%s: %s: looks like a score or says nothing: %+v", where, kind, v)
		}
	}
	for kind, outcome := range want {
		fault := llmtest.Fault{Kind: kind, Param: "temperature"}
		judges("in the process", kind, llmtest.Faulty(whole, llmtest.Always(fault)), outcome)

		if kind == llmtest.NoSchema || kind == llmtest.RejectParam {
			outcome = Scored // the client goes on without what the endpoint lacks
		}
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: whole, Faults: llmtest.Always(fault)})
		e, err := openai.NewEndpoint(&openai.Options{BaseURL: s.URL, Provider: "test", Key: "k"})
		if err != nil {
			t.Fatal(err)
		}
		m, err := e.Model("test-model")
		if err != nil {
			t.Fatal(err)
		}
		judges("over HTTP", kind, m, outcome)
		if s.Stats().Calls == 0 {
			t.Errorf("%s: the server was not asked", kind)
		}
		e.Close()
	}
	// What never comes ends with the context; that is an error besides.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	v, err := newJudge(t, llmtest.Faulty(whole, llmtest.Always(llmtest.Fault{Kind: llmtest.Hang})), nil).Score(ctx, chooses, shop(t))
	if !errors.Is(err, context.DeadlineExceeded) || v.Outcome != Failed || v.Score != nil {
		t.Errorf("hang: %+v, %v", v, err)
	}
}

func TestEach(t *testing.T) {
	var subjects []*Subject
	for i := range 20 {
		name := fmt.Sprintf("P%d", i)
		subjects = append(subjects, &Subject{Name: name, Rooms: []Room{room("", says(name, "I am "+name))}})
	}
	m := llmtest.Func("test/each", func(_ context.Context, _ int, req *llm.Request) (string, error) {
		who := req.Label.Person
		verdict := "holds"
		if strings.HasSuffix(who, "3") {
			verdict = "does not hold"
		}
		time.Sleep(time.Duration(len(who)) * time.Millisecond)
		return fmt.Sprintf(`{"reason":"r","quotes":[{"event":1,"quote":"I am %s"}],"verdict":%q,"confidence":100}`, who, verdict), nil
	})
	j := newJudge(t, m, nil)
	verdicts, err := Each(t.Context(), j.Check, chooses, subjects)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range verdicts {
		if v.Subject != subjects[i].Name || (v.Outcome == Holds) != (i%10 != 3) {
			t.Errorf("%d: %s", i, v)
		}
	}
	if s := fmt.Sprint(Summarize(verdicts)); s != "base 20 of 20: 18 holds, 2 does not hold" {
		t.Error(s)
	}
	sum := Summarize(verdicts)
	if share, ok := sum.Share(); !ok || share != 0.9 || sum.Base() != 20 || sum.String() != "base 20 of 20: 18 holds, 2 does not hold" {
		t.Errorf("%v, %v, %s", share, ok, sum.String())
	}
	if met, judged := sum.Meets(0.9); !met || !judged {
		t.Error("0.9 is not met by 0.9")
	}
	if met, judged := sum.Meets(0.91); met || !judged {
		t.Error("0.91 is met by 0.9")
	}

	// What comes with every call stops what has not begun and is the error.
	for _, cause := range []error{llm.ErrBudget, llm.ErrQuota, llm.ErrAuth, llm.ErrNotFound, llm.ErrNoPrice} {
		broke := llmtest.Func("test/broke", func(_ context.Context, n int, _ *llm.Request) (string, error) {
			return "", fmt.Errorf("%w: 1 USD", cause)
		})
		verdicts, err = Each(t.Context(), newJudge(t, broke, nil).Check, chooses, subjects)
		sum = Summarize(verdicts)
		if !errors.Is(err, cause) || sum.Skipped != 20 {
			t.Errorf("%v, %s", err, sum.String())
		}
	}
}

// TestStoppedDraw: where a draw stops the run, the verdict is a failure alone, whatever the
// others said.
func TestStoppedDraw(t *testing.T) {
	m := llmtest.Func("test/stops", func(_ context.Context, _ int, req *llm.Request) (string, error) {
		if req.Draw == 2 {
			return "", llm.ErrQuota
		}
		return `{"reason":"r","quotes":[{"event":1,"quote":"I am Ann"}],"verdict":"7","confidence":90}`, nil
	})
	s := &Subject{Name: "Ann", Rooms: []Room{room("", says("Ann", "I am Ann"))}}
	v, err := newJudge(t, m, &Options{Draws: 3}).Score(t.Context(), chooses, s)
	if !errors.Is(err, llm.ErrQuota) || v.Outcome != Failed || v.Score != nil || v.Confidence != nil || v.Quotes != nil || len(v.Draws) != 3 || v.Draws[0].Score == nil {
		t.Errorf("%+v, %v", v, err)
	}
}

func TestSummary(t *testing.T) {
	all := []*Verdict{{Outcome: Holds}, {Outcome: DoesNotHold}, {Outcome: Holds}, {Outcome: Scored, Score: new(9.0)}, {Outcome: Scored, Score: new(0.0)}, {Outcome: NotApplicable},
		{Outcome: Undecided}, {Outcome: NotJudged}, {Outcome: Refused}, {Outcome: Invalid}, {Outcome: Failed}, {Outcome: "?"}, nil}
	s := Summarize(all)
	want := "base 5 of 13: 2 holds, 1 does not hold, 2 scored, 1 not applicable, 1 undecided, 1 not judged, 1 refused, 1 invalid, 2 failed, 1 skipped"
	if s.String() != want {
		t.Errorf("got  %s\nwant %s", s.String(), want)
	}
	if m, ok := s.Mean(); !ok || m != 4.5 {
		t.Errorf("mean %v", m)
	}
	if _, judged := s.Meets(0.1); judged {
		t.Error("an expectation is judged in a rehearsal")
	}
	s = Summarize(all[5:])
	_, share := s.Share()
	_, mean := s.Mean()
	if met, judged := s.Meets(0); share || mean || met || judged {
		t.Error("nothing was found, yet there is a share, a mean or a result")
	}
	// A few verdicts do not stand for all; what does not apply is not missing.
	for _, c := range []struct {
		s           Summary
		met, judged bool
	}{
		{Summary{Asked: 10, Holds: 1, Undecided: 9}, false, false},
		{Summary{Asked: 10, Holds: 5, Failed: 2, Skipped: 3}, false, false},
		{Summary{Asked: 10, Holds: 6, Invalid: 4}, true, true},
		{Summary{Asked: 10, Holds: 1, NotApplicable: 9}, true, true},
		{Summary{Asked: 10, DoesNotHold: 6, Refused: 4}, false, true},
	} {
		if met, judged := c.s.Meets(0.9); met != c.met || judged != c.judged {
			t.Errorf("%s: met %v, judged %v", c.s.String(), met, judged)
		}
	}
}

func TestTemplates(t *testing.T) {
	j := newJudge(t, llmtest.Scripted(empty), &Options{Templates: fstest.MapFS{"judge.tmpl": {Data: []byte("Judge up to {{.Max}}.")}}})
	if plain := newJudge(t, llmtest.Scripted(), nil); plain.Hash() == j.Hash() {
		t.Error("other templates have the same hash")
	}
	for name, fs := range map[string]fstest.MapFS{
		"there is no judg.tmpl":           {"judg.tmpl": {Data: []byte("x")}},
		"can't evaluate field Scor":       {"judge.tmpl": {Data: []byte("{{.Scor}}")}},
		"case.tmpl:1":                     {"case.tmpl": {Data: []byte("{{.}")}},
		"can't evaluate field Expecttion": {"round.tmpl": {Data: []byte("{{.Expecttion}}")}},
	} {
		if _, err := New(llmtest.Scripted(), &Options{Templates: fs}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
}

// FuzzReply: no reply panics, and every verdict that is made rests on what was said.
func FuzzReply(f *testing.F) {
	for _, s := range []string{yes, no, empty, scored(3), "{}", `{"reason":"r","quotes":[{"event":-1,"quote":"\u0000“QUIET”."}],"verdict":"holds"}`} {
		f.Add(s, "Lisa")
		f.Add(s, "")
	}
	s := shop(f)
	shown, _ := s.evidence()
	f.Fuzz(func(t *testing.T, text, by string) {
		var r reply
		if json.Unmarshal([]byte(text), &r) != nil {
			return
		}
		var d Draw
		if d.read(&r, shown, by) != nil {
			return
		}
		if d.Reason == "" || len(d.Quotes) == 0 && d.Outcome != NotApplicable {
			t.Fatalf("%+v", d)
		}
		for _, q := range d.Quotes {
			found := false
			for ev := range s.Rooms[0].Events {
				found = found || ev.Seq == q.Seq && (ev.Action != nil && strings.Contains(ev.Action.Content, q.Text) || ev.Stimulus != nil && strings.Contains(ev.Stimulus.Content, q.Text))
			}
			if !found || by != "" && q.Who != by {
				t.Fatalf("%+v quotes what %s did not say", d, by)
			}
		}
	})
}
