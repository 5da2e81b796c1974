package judge_test

import (
	"context"
	"fmt"
	"log"
	"regexp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/judge"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
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
