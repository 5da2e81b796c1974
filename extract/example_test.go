package extract_test

import (
	"context"
	"fmt"
	"os"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/mind"
)

// talked is a world in which three people were asked which advert they would follow.
func talked(model llm.Model) *tinytroupe.World {
	m, err := mind.New(model, nil)
	if err != nil {
		panic(err)
	}
	w := tinytroupe.NewWorld("Living room", m, &tinytroupe.Options{Scheduler: tinytroupe.InTurn{}})
	for _, name := range []string{"Lisa Carter", "Oscar", "Sophie Lefevre"} {
		if _, err := w.Add(tinytroupe.NewPersona(name), nil); err != nil {
			panic(err)
		}
	}
	if err := w.Broadcast("TV A is bright, TV B is dark. Which one?"); err != nil {
		panic(err)
	}
	if err := w.Run(context.Background(), 1); err != nil {
		panic(err)
	}
	return w
}

func says(words string) string {
	return `{"actions":[{"type":"TALK","target":"","content":"` + words + `"},{"type":"DONE","target":"","content":""}],"state":{"goals":"","attention":"","emotions":""}}`
}

// A study's question, looked for in what each person said. One quotation is made up.
func Example() {
	world := talked(llmtest.Scripted(says("B, for the dark scenes."), says("I would rather not say."), says("Either is fine.")))

	advert := extract.Question{ID: "advert", Find: "Which advert the person picked.", Type: extract.OneOf, Options: []string{"A", "B"}}
	model := llmtest.Scripted(
		`{"advert":{"quote":"b, for the dark scenes","event":0,"outcome":"answered","value":"B"}}`,
		`{"advert":{"quote":"I would rather not say.","event":0,"outcome":"refused","value":null}}`,
		`{"advert":{"quote":"I'll take A.","event":0,"outcome":"answered","value":"A"}}`,
	)
	x, err := extract.New(model, &extract.Options{Parallel: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	result, err := x.Extract(context.Background(), []extract.Question{advert}, extract.EachPerson(world))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range result.Answers {
		switch a.Outcome {
		case extract.Answered:
			fmt.Println(a.Person, "answered", a.Value)
		case extract.Refused:
			fmt.Println(a.Person, "refused")
		default:
			fmt.Println(a.Person, a.Outcome, a.Reason)
		}
		for _, e := range a.Evidence {
			fmt.Printf("  event %d: %s\n", e.Event, e.Quote)
		}
	}
	table, err := extract.Tally(advert, result.Answers, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := table.WriteText(os.Stdout, nil); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Lisa Carter answered B
	//   event 7: B, for the dark scenes
	// Oscar refused
	//   event 11: I would rather not say.
	// Sophie Lefevre invalid Sophie Lefevre did not say "I'll take A."
	// advert, base 1 of 3: 1 refused, 1 invalid
	//   A   0  0 % (0–79)
	//   B █ 1  100 % (21–100)
}

// A struct says what is looked for. A pointer may stay empty.
func ExampleInto() {
	world := talked(llmtest.Scripted(says("B, for the dark scenes."), says("Hm."), says("Hm.")))
	type Choice struct {
		Advert string  `json:"advert" find:"which advert the person picked" answer:"one of: A | B"`
		Why    *string `json:"why" find:"the reason given"`
		Price  *int    `json:"price" find:"what they would pay" answer:"number: 0..5000"`
	}
	model := llmtest.Scripted(`{"value":{` +
		`"advert":{"quote":"B, for","event":7,"outcome":"answered","value":"B"},` +
		`"why":{"quote":"for the dark scenes","event":7,"outcome":"answered","value":"dark scenes"},` +
		`"price":{"quote":"","event":0,"outcome":"absent","value":null}}}`)
	lisa := extract.Person(world.Person("Lisa Carter"))
	choices, err := extract.Into[Choice](context.Background(), model, "The choice of a TV.", []extract.Subject{lisa}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	c, ok := choices[0].Value()
	fmt.Println(ok, c.Advert, *c.Why, c.Price == nil)
	// Output:
	// true B dark scenes true
}

// Questions to a person change nobody, unless they are to be remembered.
func ExampleAsk() {
	world := talked(llmtest.Scripted(says("B."), says("A."), says("B."),
		`{"intent":{"said":"Quite likely, if it is on sale.","outcome":"answered","value":4},"why":{"outcome":"answered","value":"The dark scenes."}}`))
	questions := []extract.Question{
		{ID: "intent", Ask: "How likely are you to buy it?", Type: extract.Scale, Lo: 1, Hi: 5},
		{ID: "why", Ask: "Why?"},
	}
	result, err := extract.Ask(context.Background(), questions, []extract.Panelist{{Who: world.Person("Lisa Carter")}}, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := extract.WriteCSV(os.Stdout, result.Answers, nil); err != nil {
		fmt.Println(err)
	}
	// Output:
	// person,question,field,item,option,value,outcome,reason,quote,event,record,position,weight,scene,room
	// Lisa Carter,intent,,,,4,answered,,"Quite likely, if it is on sale.",,,,1,,
	// Lisa Carter,why,,,,The dark scenes.,answered,,The dark scenes.,,,,1,,
}

// Free texts are sorted into codes by a model, or, as here, by words.
func ExampleCodeByWords() {
	var answers []extract.Answer
	for _, text := range []string{"It was slow.", "Too slow, and my bank was missing.", "I forgot about it."} {
		answers = append(answers, extract.Answer{Question: "why", Type: extract.Text, Outcome: extract.Answered, Value: extract.Value{Kind: extract.Text, Text: text}})
	}
	answers = append(answers, extract.Answer{Question: "why", Type: extract.Text, Outcome: extract.Refused})
	coding, err := extract.CodeByWords(extract.Question{ID: "why", Ask: "Why did you leave?"}, answers, &extract.CodeOptions{
		Multi: true,
		Codes: []extract.Code{{Name: "speed", Words: []string{"slow*"}}, {Name: "bank", Words: []string{"bank", "account"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	table, err := extract.Tally(coding.Question, coding.Answers, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := table.WriteText(os.Stdout, nil); err != nil {
		fmt.Println(err)
	}
	// Output:
	// why.code, base 3 of 4: 1 refused; from 1 respondent
	//   speed ██ 2  67 % (21–94)
	//   bank  █  1  33 % (6–79)
	//   other █  1  33 % (6–79)
}

// Rules make rows of what happened, without a model.
func ExampleReduce() {
	world := talked(llmtest.Scripted(says("B."), says("A."), says("B, too.")))
	rows, err := extract.Reduce(world.Events(), []string{"Oscar"}, []string{"who", "said", "event"},
		extract.Rule{Kind: "TALK", Row: func(m *extract.Moment) []any { return []any{m.Person, m.Content, m.Event.Seq} }})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := rows.WriteJSONL(os.Stdout); err != nil {
		fmt.Println(err)
	}
	// Output:
	// {"who":"Oscar","said":"A.","event":11}
}

func ExampleWilson() {
	i := extract.Wilson(11.0/21, 21, 0.95)
	fmt.Printf("%.0f to %.0f %%\n", 100*i.Lo, 100*i.Hi)
	// Output:
	// 32 to 72 %
}

func ExampleCohenKappa() {
	g := extract.CohenKappa([]string{"yes", "yes", "no", "no"}, []string{"yes", "yes", "no", "yes"})
	fmt.Printf("%d coded twice, %.2f alike, kappa %.2f\n", g.N, g.Observed, g.Kappa.Value)
	// Output:
	// 4 coded twice, 0.75 alike, kappa 0.50
}
