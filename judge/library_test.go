package judge

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe"
)

// TestLibrary: every name that TinyTroupe's users know is there, and says what it needs.
func TestLibrary(t *testing.T) {
	want := []string{
		"persona_adherence", "hard_persona_adherence", "action_persona_adherence", "hard_action_persona_adherence",
		"self_consistency", "action_self_consistency", "fluency", "action_fluency", "action_suitability",
		"task_completion", "quiet_recently", "divergence", "convergence",
	}
	var names []string
	for _, p := range Library() {
		names = append(names, p.Name)
		if p.Claim == "" || !strings.Contains(p.Claim, "${target}") {
			t.Errorf("%s: the claim %q names nobody", p.Name, p.Claim)
		}
		if got := Find(p.Name); got == nil || got.Claim != p.Claim {
			t.Errorf("%s is not found", p.Name)
		}
		if personas := strings.Contains(p.Name, "persona") || p.Name == "action_suitability"; personas != p.Personas {
			t.Errorf("%s: personas are shown: %v", p.Name, p.Personas)
		}
		if windowed := strings.Contains(p.Name, "action_"); windowed != (p.Window == Window{First: 5, Last: 10}) {
			t.Errorf("%s: window %+v", p.Name, p.Window)
		}
		if world := strings.HasSuffix(p.Name, "vergence"); world != p.World {
			t.Errorf("%s: of worlds only: %v", p.Name, p.World)
		}
		vars := p.Variables()
		if p.Name == "task_completion" && !slices.Equal(vars, []string{"task_description"}) || p.Name != "task_completion" && len(vars) > 0 {
			t.Errorf("%s needs %v", p.Name, vars)
		}
	}
	if !slices.Equal(names, want) {
		t.Errorf("got  %v\nwant %v", names, want)
	}
	if Find("persona adherence") != nil {
		t.Error("a proposition is found by another name")
	}
	// With does not change what it is called on.
	p := Find("task_completion")
	q := p.With(map[string]string{"task_description": "a"})
	r := q.With(map[string]string{"task_description": "b"})
	if len(p.Vars) != 0 || q.Vars["task_description"] != "a" || r.Vars["task_description"] != "b" {
		t.Errorf("%v, %v, %v", p.Vars, q.Vars, r.Vars)
	}
}

func in(round int, ev tinytroupe.Event) tinytroupe.Event {
	ev.Round = round
	return ev
}

func TestQuiet(t *testing.T) {
	j := &Judge{} // no model is asked
	for _, c := range []struct {
		name    string
		world   bool
		events  []tinytroupe.Event
		outcome Outcome
	}{
		{"no turn", false, []tinytroupe.Event{hears("Hello", "Lisa")}, NotApplicable},
		{"one turn", false, []tinytroupe.Event{says("Lisa", "Hello"), waits("Lisa")}, DoesNotHold},
		{"one that waits", false, []tinytroupe.Event{waits("Lisa")}, DoesNotHold},
		{"a turn that waits", false, []tinytroupe.Event{says("Lisa", "Hello"), waits("Lisa"), waits("Lisa")}, DoesNotHold},
		{"two turns that wait", false, []tinytroupe.Event{says("Lisa", "Hello"), waits("Lisa"), waits("Lisa"), waits("Lisa")}, Holds},
		{"a turn in two passes", false, []tinytroupe.Event{in(1, waits("Lisa")), in(2, thinks("Lisa", "Hm.")), in(2, waits("Lisa")), in(2, waits("Lisa"))}, DoesNotHold},
		{"two rounds", false, []tinytroupe.Event{in(1, says("Lisa", "Hm.")), in(1, waits("Lisa")), in(2, waits("Lisa")), in(3, waits("Lisa"))}, Holds},
		{"others do not count", false, []tinytroupe.Event{waits("Lisa"), says("Oscar", "Lisa?", "Lisa"), waits("Oscar"), waits("Lisa")}, Holds},
		{"waited before", false, []tinytroupe.Event{waits("Lisa"), waits("Lisa"), says("Lisa", "Oh"), waits("Lisa")}, DoesNotHold},
		{"everybody", true, []tinytroupe.Event{waits("Lisa"), waits("Oscar"), waits("Lisa"), waits("Oscar")}, Holds},
		{"all but one", true, []tinytroupe.Event{waits("Lisa"), says("Oscar", "Hm."), waits("Lisa"), waits("Oscar")}, DoesNotHold},
	} {
		s := &Subject{Name: "Lisa", World: c.world, Rooms: []Room{room("", c.events...)}}
		v, err := j.Check(t.Context(), Find("quiet_recently"), s)
		if err != nil || v.Outcome != c.outcome || v.Reason == "" || (c.outcome == NotApplicable) != (len(v.Quotes) == 0) {
			t.Errorf("%s: %+v, %v", c.name, v, err)
		}
		if c.name == "one that waits" && v.Reason != "Lisa has had only one turn" {
			t.Errorf("%s: %s", c.name, v.Reason)
		}
		for _, q := range v.Quotes {
			if q.Seq > len(c.events) || c.outcome == Holds && (q.Text != "DONE" || c.events[q.Seq-1].Action.Kind != tinytroupe.Done) {
				t.Errorf("%s: quotes %+v", c.name, v.Quotes)
			}
		}
		// A score of what is decided in code is one of the two ends.
		v, err = j.Score(t.Context(), Find("quiet_recently"), s)
		if want := map[Outcome]float64{Holds: 9, DoesNotHold: 0, NotApplicable: 0}[c.outcome]; err != nil || !scores(v, want) || (v.Outcome == Scored) != (c.outcome != NotApplicable) {
			t.Errorf("%s: %+v, %v", c.name, v, err)
		}
	}
}

func TestSaid(t *testing.T) {
	j := &Judge{} // no model is asked
	s := shop(t)
	world := shop(t)
	world.Name, world.World = "Shop", true
	for _, c := range []struct {
		name    string
		s       *Subject
		re      string
		by      []string
		not     bool
		outcome Outcome
		claim   string
		quotes  []Quote
	}{
		{"said", s, `(?i)\bSECOND\b`, nil, false, Holds, `Lisa said something that matches /(?i)\bSECOND\b/.`, []Quote{{Seq: 3, Who: "Lisa", Text: "second"}}},
		{"only thought", s, "Bigger", nil, false, DoesNotHold, "Lisa said something that matches /Bigger/.", nil},
		{"said by another", s, "cost", nil, false, DoesNotHold, "Lisa said something that matches /cost/.", nil},
		{"by anybody", world, "cost", nil, false, Holds, "Shop said something that matches /cost/.", []Quote{{Seq: 6, Who: "Oscar", Text: "cost"}}},
		{"by", world, "cost", []string{"Lisa"}, false, DoesNotHold, "Lisa said something that matches /cost/.", nil},
		{"by one of two", world, "cost", []string{"Lisa", "Oscar"}, false, Holds, "Lisa or Oscar said something that matches /cost/.", []Quote{{Seq: 6, Who: "Oscar", Text: "cost"}}},
		{"not said", world, "error|undefined|null", []string{"Oscar"}, true, Holds, "Oscar said nothing that matches /error|undefined|null/.", nil},
		{"not said, but it was", world, "cost", []string{"Oscar"}, true, DoesNotHold, "Oscar said nothing that matches /cost/.", []Quote{{Seq: 6, Who: "Oscar", Text: "cost"}}},
		{"not said by who is silent", world, "error", []string{"bot"}, true, NotApplicable, "bot said nothing that matches /error/.", nil},
		{"said by who is silent", world, "error", []string{"bot"}, false, DoesNotHold, "bot said something that matches /error/.", nil},
		{"an expression like a variable", s, `\${target}`, nil, false, DoesNotHold, `Lisa said something that matches /\${target}/.`, nil},
	} {
		v, err := j.Check(t.Context(), Said(regexp.MustCompile(c.re), c.by, c.not), c.s)
		if err != nil || v.Outcome != c.outcome || v.Claim != c.claim || !slices.Equal(v.Quotes, c.quotes) || v.Reason == "" || *v.Confidence != 1 {
			t.Errorf("%s: %+v, %v", c.name, v, err)
		}
	}
	// It is a fact under rehearsal too.
	j = newJudge(t, nil, &Options{Rehearsal: true})
	if v, err := j.Check(t.Context(), Said(regexp.MustCompile("second"), nil, false), s); err != nil || v.Outcome != Holds {
		t.Errorf("%+v, %v", v, err)
	}
}
