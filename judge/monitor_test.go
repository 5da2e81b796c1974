package judge

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

type mindFunc func(p *tinytroupe.Perception) string

func (f mindFunc) Decide(_ context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	words := f(p)
	if words == "" {
		return &tinytroupe.Decision{}, nil
	}
	return &tinytroupe.Decision{Actions: []tinytroupe.Action{{Kind: tinytroupe.Talk, Content: words}}}, nil
}

// talk returns a world in which Ann says "step N" in each step and Ben is silent.
func talk(t *testing.T, o *tinytroupe.Options) *tinytroupe.World {
	t.Helper()
	w := tinytroupe.NewWorld("Room", mindFunc(func(p *tinytroupe.Perception) string {
		if p.Persona.Name() == "Ann" {
			return fmt.Sprintf("This is step %d, and I %s.", p.Step, []string{"sing", "dance", "sleep", "wonder", "wait for rain"}[p.Step%5])
		}
		return ""
	}), o)
	for _, n := range []string{"Ann", "Ben"} {
		if _, err := w.Add(tinytroupe.NewPersona(n), nil); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func fired(w *tinytroupe.World) (list []string) {
	for ev := range w.Events() {
		if ev.Kind == tinytroupe.EventFired {
			list = append(list, fmt.Sprintf("%d %s: %s", ev.Step, ev.Fired.Name, ev.Fired.Reason))
		}
	}
	return list
}

// TestMonitor: a condition in code and one by a model lead to an intervention, and the
// course of the verdicts is in the journal.
func TestMonitor(t *testing.T) {
	// The model finds that the claim holds once somebody has said "step 2".
	m := llmtest.Func("test/monitor", func(_ context.Context, _ int, req *llm.Request) (string, error) {
		if strings.Contains(req.Messages[0].Parts[0].Text, "step 2") {
			return `{"reason":"She got\nthere.","quotes":[{"event":1,"quote":"step 2"}],"verdict":"holds","confidence":90}`, nil
		}
		return `{"reason":"Not yet.","quotes":[{"event":1,"quote":"step 1"}],"verdict":"does not hold","confidence":90}`, nil
	})
	j := newJudge(t, m, nil)
	var mu sync.Mutex
	seen := map[int][]string{}
	reached := &Monitor{Judge: j, Proposition: &Proposition{Name: "reached", Claim: "Step 2 was reached."}, Seen: func(step int, v *Verdict) {
		mu.Lock()
		seen[step] = append(seen[step], string(v.Outcome))
		mu.Unlock()
	}}
	course := &Monitor{Judge: j, Proposition: &Proposition{Name: "gets on", Claim: "${target} gets on."}, People: []string{"Ann", "Cleo"}, Every: 2}
	quietly := &Monitor{Proposition: Find("quiet_recently"), People: []string{"Ann", "Ben"}}
	sang := &Monitor{Proposition: Said(regexp.MustCompile("dance"), []string{"Ann"}, true), Not: true}
	tell := func(words string) func(context.Context, *tinytroupe.View) ([]tinytroupe.Effect, error) {
		return func(context.Context, *tinytroupe.View) ([]tinytroupe.Effect, error) {
			return []tinytroupe.Effect{tinytroupe.Tell{To: []string{"Ben"}, Stimulus: tinytroupe.Stimulus{Kind: tinytroupe.Thought, Content: words}}}, nil
		}
	}
	w := talk(t, &tinytroupe.Options{Interventions: []tinytroupe.Intervention{
		{Name: "reached", When: reached.When, Then: tell("reached"), Once: true},
		{Name: "quiet", When: quietly.When, Then: tell("quiet"), Once: true},
		{Name: "sang", When: sang.When, Once: true},
		course.Intervention("course"),
	}})
	if err := w.Run(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	want := `2 sang: Room: does not hold (Ann said "dance" in event 7)
3 reached: Room: holds (She got there.)
3 quiet: Ben: holds (the last two turns were to wait)
3 course: Ann: holds (She got there.)`
	// In step 1 nothing has happened to Ann that could be judged but that she came.
	got := strings.Join(fired(w), "\n")
	if i := strings.Index(got, "2 sang"); i < 0 || regexp.MustCompile(`event \d+`).ReplaceAllString(got[i:], "event 7") != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if fmt.Sprint(seen[2], seen[3], seen[4]) != "[does not hold] [holds] []" {
		t.Errorf("seen: %v", seen)
	}
}

func TestMonitorLimits(t *testing.T) {
	three, six := 3.0, 6.0
	for _, c := range []struct {
		name  string
		m     Monitor
		reply string
		fires bool
	}{
		{"at least, below", Monitor{AtLeast: &six}, scoredOf(5), false},
		{"at least, on it", Monitor{AtLeast: &six}, scoredOf(6), true},
		{"at most, on it", Monitor{AtMost: &three}, scoredOf(3), true},
		{"at most, 0", Monitor{AtMost: &three}, scoredOf(0), true},
		{"at most, above", Monitor{AtMost: &three}, scoredOf(4), false},
		{"between", Monitor{AtLeast: &three, AtMost: &six}, scoredOf(5), true},
		{"not between", Monitor{AtLeast: &three, AtMost: &six, Not: true}, scoredOf(5), false},
		{"not within", Monitor{AtLeast: &three, AtMost: &six, Not: true}, scoredOf(9), true},
		{"a low score is not for want of evidence", Monitor{AtMost: &three}, empty, false},
		{"not, for want of evidence", Monitor{AtMost: &three, Not: true}, empty, false},
	} {
		m := c.m
		m.Judge, m.Proposition = newJudge(t, llmtest.Scripted(c.reply), nil), &Proposition{Claim: "x"}
		w := talk(t, nil)
		if err := w.Run(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		r, err := m.When(t.Context(), w.View())
		if err != nil || (r != nil) != c.fires {
			t.Errorf("%s: %v, %v", c.name, r, err)
		}
	}
}

func scoredOf(n int) string {
	return strings.Replace(scored(n), "the second", "This is step 1", 1)
}

// TestMonitorFails: a verdict that came to nothing is not a condition that is false.
func TestMonitorFails(t *testing.T) {
	down := llmtest.Faulty(llmtest.Scripted(), llmtest.Always(llmtest.Fault{Kind: llmtest.ServerError}))
	lies := llmtest.Func("test/lies", func(context.Context, int, *llm.Request) (string, error) {
		return strings.Replace(yes, "I'd take the second", "never said", 1), nil
	})
	tolerated := 0
	for _, c := range []struct {
		name string
		m    *Monitor
		want string
		is   error
	}{
		{"down", &Monitor{Judge: newJudge(t, down, nil)}, `step 2: intervention "watch": judging "x" of Room: failed: `, llm.ErrTransient},
		{"lies", &Monitor{Judge: newJudge(t, lies, nil)}, `step 2: intervention "watch": judging "x" of Room: invalid: `, llm.ErrInvalid},
		{"no judge", &Monitor{}, `the monitor has no judge`, nil},
		{"tolerated", &Monitor{Judge: newJudge(t, lies, nil), Tolerant: true, Not: true, Seen: func(int, *Verdict) { tolerated++ }}, "", nil},
		{"rehearsal", &Monitor{Judge: newJudge(t, rehearsal.New(nil), &Options{Rehearsal: true}), Not: true}, "", nil},
	} {
		c.m.Proposition = &Proposition{Claim: "x"}
		w := talk(t, &tinytroupe.Options{Interventions: []tinytroupe.Intervention{{Name: "watch", When: c.m.When}}})
		err := w.Run(t.Context(), 2)
		switch {
		case c.want == "" && (err != nil || len(fired(w)) > 0):
			t.Errorf("%s: %v, %v", c.name, err, fired(w))
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if tolerated != 2 {
		t.Errorf("%d verdicts were seen, want 2", tolerated)
	}
}
