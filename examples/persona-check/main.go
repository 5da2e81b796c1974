// Command persona-check examines two people against what is expected of them and, as a
// control, against what is expected of the other.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/examples/cast"
	"github.com/tinytroupe-go/tinytroupe/judge"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/mind"
)

func main() {
	name := flag.String("model", "", "a model of OpenAI or of the server at OPENAI_BASE_URL (default: the stand-in, which judges nothing)")
	flag.Parse()
	model, err := connect(*name)
	if err != nil {
		log.Fatal(err)
	}
	if err := check(context.Background(), os.Stdout, model, *name == ""); err != nil {
		log.Fatal(err)
	}
}

// connect returns the model of that name: patient with a busy server, and stopped
// after two hundred calls.
func connect(name string) (llm.Model, error) {
	if name == "" {
		return rehearsal.New(nil), nil
	}
	set, err := config.Load([]string{"config.ini"}, nil)
	if err != nil {
		return nil, err
	}
	m, err := openai.New(name, &openai.Options{BaseURL: set.BaseURL, Key: set.OpenAIKey.Reveal()})
	if err != nil {
		return nil, err
	}
	return llm.Wrap(m, llm.Retry(nil), llm.Limit(llm.NewLimiter(nil)), llm.Spend(llm.NewBudget(&llm.BudgetOptions{Calls: 200}))), nil
}

// expected is what somebody who knows them expects, in their own words: sentences
// copied from a description test whether a model can recite it.
var expected = []struct {
	name string // of cast.Person
	of   []string
}{
	{"lisa", []string{
		"Works with data, and would rather show how sure she is than give a quick number.",
		"Is young, and lives in a big city in Canada.",
		"Is friendly and curious about other people.",
	}},
	{"ray", []string{
		"Drove buses for most of his life, and no longer works.",
		"Stands by his union and by the people he worked with.",
		"Is an older man who has hardly ever moved house.",
	}},
}

// check shows on out how far each of two people is as expected, and as is expected of
// the other. The first must pass, the second must not: an examiner who passes everybody
// has examined nobody.
func check(ctx context.Context, out io.Writer, model llm.Model, standIn bool) error {
	m, err := mind.New(model, nil)
	if err != nil {
		return err
	}
	j, err := judge.New(model, &judge.Options{Rehearsal: standIn})
	if err != nil {
		return err
	}
	passed, judged := 0, 0
	for i, e := range expected {
		persona, err := cast.Person(e.name)
		if err != nil {
			return err
		}
		person, err := tinytroupe.Alone(persona, m, nil)
		if err != nil {
			return err
		}
		for k, as := range expected {
			iv := &judge.Interview{Examiner: model, Judge: j, Expectations: as.of, Rounds: 2}
			v, err := iv.Hold(ctx, person)
			if err != nil {
				return err
			}
			fmt.Fprintf(out, "what is expected of %s, held against %v\n", as.name, v)
			for n, r := range v.Ratings {
				fmt.Fprintf(out, "  %-14s %s\n", result(r), as.of[n])
			}
			if score, _, ok := v.Score(); ok {
				judged++
				if (score >= judge.PassMark) == (i == k) {
					passed++
				}
			}
		}
	}
	if standIn {
		fmt.Fprintln(out, "rehearsal: invented by a stand-in, evidence of nothing; nobody was judged")
		return nil
	}
	fmt.Fprintf(out, "%d of %d interviews ended as they should, %d without a score\n", passed, judged, len(expected)*len(expected)-judged)
	if judged == 0 {
		return errors.New("no interview came to a score")
	}
	return nil
}

// result is a rating: from 0 to 9, or how else it ended.
func result(v *judge.Verdict) string {
	if v.Outcome == judge.Scored {
		return fmt.Sprintf("%.0f of %d", *v.Score, judge.MaxScore)
	}
	return string(v.Outcome)
}
