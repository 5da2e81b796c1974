package docs_test

import (
	"context"
	"fmt"
	"os"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/examples/cast"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/judge"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

// choosing is a world in which three people picked an advert.
func choosing() *tinytroupe.World {
	w := tinytroupe.NewWorld("Living room", newMind(), &tinytroupe.Options{Rules: tinytroupe.Room{Acquainted: true}})
	for _, name := range []string{"friedrich", "lisa", "oscar"} {
		p, err := cast.Person(name)
		check(err)
		_, err = w.Add(p, nil)
		check(err)
	}
	check(w.Broadcast("Which one do you choose, and why?\n\nA. See every star: made for films at night.\nB. The television for the whole family, repaired for five years."))
	check(w.Run(context.Background(), 1))
	return w
}

func Example_extract() {
	w := choosing()
	type Choice struct {
		Advert string  `json:"advert" find:"which advert the person picked" answer:"one of: A|B"`
		Why    *string `json:"why" find:"the reason given"`
	}
	choices, err := extract.Into[Choice](context.Background(), rehearsal.New(nil), "the choice of a television", extract.EachPerson(w), nil)
	check(err)
	for _, c := range choices {
		if v, ok := c.Value(); ok {
			fmt.Printf("%s: %s (event %d: %q)\n", c.Subject.Person, v.Advert, c.Answers[0].Evidence[0].Event, c.Answers[0].Evidence[0].Quote)
		} else {
			fmt.Printf("%s: %s\n", c.Subject.Person, c.Outcome)
		}
	}
	// Output:
	// Friedrich Wolf: B (event 10: "I would choose B. It speaks of “whole”, and I am interested in energy balances over a building's whole life.")
	// Lisa Carter: B (event 14: "I would go for B. The word “family” caught my eye, because I am interested in cooking from other people's family recipes.")
	// Oscar: A (event 18: "I would choose A, “See every star”.")
}

func Example_reduceRows() {
	w := choosing()
	rows, err := extract.Reduce(w.Events(), w.People(), []string{"author", "content"},
		extract.Rule{Kind: "TALK", Row: func(m *extract.Moment) []any { return []any{m.Person, m.Content} }})
	check(err)
	check(rows.WriteCSV(os.Stdout))
	// Output:
	// author,content
	// Friedrich Wolf,"I would choose B. It speaks of “whole”, and I am interested in energy balances over a building's whole life."
	// Lisa Carter,"I see it like Friedrich. I would go for B. The word “family” caught my eye, because I am interested in cooking from other people's family recipes."
	// Oscar,"I see it another way than Lisa. I would choose A, “See every star”. It speaks of “films”, and I like science fiction films with believable rooms."
}

func Example_normalize() {
	coding, err := extract.CodeByWords(extract.Question{ID: "hobby", Ask: "What do you do on Sundays?"}, []extract.Answer{
		{Question: "hobby", Type: extract.Text, Outcome: extract.Answered, Value: extract.Value{Kind: extract.Text, Text: "I cycle."}, Respondent: extract.Respondent{Person: "Lisa Carter"}},
		{Question: "hobby", Type: extract.Text, Outcome: extract.Answered, Value: extract.Value{Kind: extract.Text, Text: "A long bicycle tour."}, Respondent: extract.Respondent{Person: "Oscar"}},
		{Question: "hobby", Type: extract.Text, Outcome: extract.Absent, Respondent: extract.Respondent{Person: "Ray Kowalczyk"}},
	}, &extract.CodeOptions{Codes: []extract.Code{{Name: "cycling", Words: []string{"cycl*", "bicycle*"}}, {Name: "reading", Words: []string{"read*", "book*"}}}})
	check(err)
	table, err := extract.Tally(coding.Question, coding.Answers, nil)
	check(err)
	check(table.WriteText(os.Stdout, nil))
	// Output:
	// hobby.code, base 2 of 3: 1 absent
	//   cycling ██ 2  100 % (34–100)
	//   reading    0  0 % (0–66)
	//   other      0  0 % (0–66)
}

func Example_validate() {
	persona, err := cast.Person("lisa")
	check(err)
	lisa, err := tinytroupe.Alone(persona, newMind(), nil)
	check(err)

	j, err := judge.New(rehearsal.New(nil), &judge.Options{Rehearsal: true})
	check(err)
	interview := &judge.Interview{
		Examiner: rehearsal.New(nil), Judge: j, Rounds: 1,
		Expectations: []string{"Works with data.", "Is never in a hurry."},
	}
	validation, err := interview.Hold(context.Background(), lisa)
	check(err)
	fmt.Println(validation)
	score, _, ok := validation.Score()
	fmt.Println(score, ok)
	// Output:
	// Lisa Carter: not judged (0 of 2 expectations rated, 3 of 3 questions answered)
	// 0 false
}

func Example_proposition() {
	w := choosing()
	j, err := judge.New(rehearsal.New(nil), &judge.Options{Rehearsal: true})
	check(err)
	for _, p := range []*judge.Proposition{
		judge.Find("persona_adherence"),
		{Name: "picks", Claim: "${target} picks advert ${advert}.", Vars: map[string]string{"advert": "B"}},
		judge.Find("quiet_recently"), // decided in code
	} {
		v, err := j.Check(context.Background(), p, judge.OfPerson(w.View(), "Oscar"))
		check(err)
		fmt.Printf("%s: %s\n", p.Name, v.Outcome)
	}
	// Output:
	// persona_adherence: not judged
	// picks: not judged
	// quiet_recently: does not hold
}

func Example_table() {
	w := choosing()
	question := extract.Question{ID: "price", Ask: "What would you pay for a television?", Type: extract.OneOf, Options: []string{"less than 300", "300 to 800", "more"}}
	result, err := extract.Ask(context.Background(), []extract.Question{question}, extract.Panel(w), nil)
	check(err)
	table, err := extract.Tally(question, result.Answers, &extract.TallyOptions{Rehearsal: true})
	check(err)
	check(table.WriteText(os.Stdout, nil))
	fmt.Println(result.Base())
	// Output:
	// price (rehearsal), base 3 of 3
	//   less than 300 ███ 3  100 % (44–100)
	//   300 to 800        0  0 % (0–56)
	//   more              0  0 % (0–56)
	// 3 answered, 0 absent, 0 refused, 0 invalid, 0 failed
}
