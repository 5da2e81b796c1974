package judge_test

import (
	"context"
	"fmt"
	"log"
	"regexp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/judge"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// says is a mind that says one thing.
type says string

func (s says) Decide(context.Context, *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	return &tinytroupe.Decision{Actions: []tinytroupe.Action{{Kind: tinytroupe.Talk, Content: string(s)}}}, nil
}

// A claim is checked of a person. The reply of the model is scripted here; its quote is
// held to what was said.
func ExampleJudge_Check() {
	ctx := context.Background()
	w := tinytroupe.NewWorld("Shop", says("Four hundred euros, and not a cent more."), nil)
	_, err := w.Add(tinytroupe.NewPersona("Rosa"), nil)
	check(err)
	check(w.Broadcast("What may it cost?"))
	check(w.Run(ctx, 1))

	model := llmtest.Scripted(
		`{"reason":"She names a sum.","quotes":[{"event":4,"quote":"four hundred euros"}],"verdict":"holds","confidence":95}`,
		`{"reason":"She would pay more.","quotes":[{"event":4,"quote":"five hundred, perhaps"}],"verdict":"does not hold","confidence":95}`)
	j, err := judge.New(model, nil)
	check(err)
	for range 2 {
		v, err := j.Check(ctx, &judge.Proposition{Claim: "${target} names what it may cost."}, judge.OfPerson(w.View(), "Rosa"))
		check(err)
		fmt.Println(v.Outcome)
		fmt.Println(" ", v.Reason)
		for _, q := range v.Quotes {
			fmt.Printf("  event %d, %s: %q\n", q.Seq, q.Who, q.Text)
		}
	}
	// Output:
	// holds
	//   She names a sum.
	//   event 5, Rosa: "Four hundred euros"
	// invalid
	//   the reply is not valid: the verdict quotes "five hundred, perhaps", which stands in none of the events shown
}

// Some claims need no model.
func ExampleSaid() {
	ctx := context.Background()
	w := tinytroupe.NewWorld("Help desk", says("Your number is undefined, dear customer."), nil)
	_, err := w.Add(tinytroupe.NewPersona("Bot"), nil)
	check(err)
	check(w.Run(ctx, 1))

	clean := judge.Said(regexp.MustCompile("error|undefined|null"), []string{"Bot"}, true)
	v, err := new(judge.Judge).Check(ctx, clean, judge.OfWorld(w.View()))
	check(err)
	fmt.Println(v.Claim)
	fmt.Println(v.Outcome, "-", v.Reason)
	// Output:
	// Bot said nothing that matches /error|undefined|null/.
	// does not hold - Bot said "undefined" in event 4
}

// A condition decided in code leads to an intervention, without a model.
func ExampleMonitor_When() {
	quiet := &judge.Monitor{Proposition: judge.Find("quiet_recently"), People: []string{"Ben"}}
	w := tinytroupe.NewWorld("Meeting", says(""), &tinytroupe.Options{Interventions: []tinytroupe.Intervention{{
		Name: "encourage", When: quiet.When, Once: true,
		Then: func(context.Context, *tinytroupe.View) ([]tinytroupe.Effect, error) {
			return []tinytroupe.Effect{tinytroupe.Tell{To: []string{"Ben"}, Stimulus: tinytroupe.Stimulus{Kind: tinytroupe.Thought, Content: "I should say something."}}}, nil
		},
	}}})
	_, err := w.Add(tinytroupe.NewPersona("Ben"), nil)
	check(err)
	check(w.Run(context.Background(), 4))
	for ev := range w.Events() {
		if ev.Kind == tinytroupe.EventFired {
			fmt.Printf("step %d, %s: %s\n", ev.Step, ev.Fired.Name, ev.Fired.Reason)
		}
	}
	// Output:
	// step 3, encourage: Ben: holds (the last two turns were to wait)
}

// monk answers as a monk would.
type monk struct{}

func (monk) Name() string { return "Anselm" }

func (monk) Ask(context.Context, tinytroupe.Question) (*tinytroupe.Answer, error) {
	return &tinytroupe.Answer{Text: "I mend chairs. I take bread for it, never money."}, nil
}

// A monk is examined by the expectations that somebody has of a banker. Examiner and
// judge are scripted here.
func ExampleInterview() {
	examiner := llmtest.Scripted(`{"questions":["What do you do all day?"],"complete":true}`)
	j, err := judge.New(llmtest.Scripted(
		`{"reason":"He takes no money at all.","quotes":[{"event":2,"quote":"never money"}],"verdict":"1","confidence":90}`), nil)
	check(err)
	iv := &judge.Interview{Examiner: examiner, Judge: j, Expectations: []string{"Cares for money before anything else."}}
	v, err := iv.Hold(context.Background(), monk{})
	check(err)
	fmt.Println(v)
	score, _, ok := v.Score()
	fmt.Println("as expected:", ok && score >= judge.PassMark)
	// Output:
	// Anselm: 0.11 (1 of 1 expectations rated, 1 of 1 questions answered)
	// as expected: false
}

// A judge is tried on the gold set before its verdicts are used. This one, the stand-in,
// is none.
func ExampleAgreement() {
	items, err := judge.Gold()
	check(err)
	j, err := judge.New(rehearsal.New(nil), &judge.Options{Rehearsal: true})
	check(err)
	r, err := judge.Agreement(context.Background(), j, items)
	check(err)
	fmt.Print(r)
	// Output:
	// accuracy: not judged
	// kappa: not defined (on 0 verdicts)
	// base 0 of 39: 39 not judged
	// right verdict      holds   does not hold  not applicable  no verdict
	// holds                  0               0               0          14
	// does not hold          0               0               0          15
	// not applicable         0               0               0          10
}
