package docs_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/examples"
	"github.com/tinytroupe-go/tinytroupe/examples/cast"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/price"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/people"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

func Example_listenAndAct() {
	persona, err := cast.Person("lisa")
	check(err)
	lisa, err := tinytroupe.Alone(persona, newMind(), nil)
	check(err)

	acts, err := lisa.ListenAndAct(context.Background(), "What do you do for a living?")
	check(err)
	for _, a := range acts {
		fmt.Println(a.Kind, a.Content)
	}
	// Output:
	// THINK This is about my work, and I can answer that.
	// TALK I work as a data scientist at Microsoft. I spend more of the week cleaning data and explaining charts than training models, and have made peace with that on most days.
	// DONE
}

func Example_define() {
	nurse := tinytroupe.NewPersona("Ann Moreau")
	for _, d := range []struct {
		path  string
		value any
	}{
		{"age", 34},
		{"nationality", "Belgian"},
		{"occupation", map[string]string{"title": "Nurse", "organization": "City Hospital"}},
		{"personality.traits", []string{"Patient with patients", "Short with doctors"}},
		{"preferences.likes", []string{"Night shifts", "Black tea"}},
	} {
		var err error
		nurse, err = nurse.With(d.path, d.value)
		check(err)
	}
	fmt.Println(nurse.Bio())
	fmt.Println(nurse.Get("occupation.title"))
	// Output:
	// Ann Moreau is 34 years old and Belgian. Occupation: Nurse, City Hospital.
	// Nurse
}

func Example_load() {
	loaded, err := people.LoadFS(examples.Files(), "people/oscar.agent.json") // or people.Load("Oscar.agent.json")
	check(err)
	fragments, err := people.LoadFragmentsFS(examples.Files(), "fragments/travel_enthusiast.fragment.json")
	check(err)

	oscar, err := loaded[0].Persona.Merge(fragments[0].Fragment, tinytroupe.Fail)
	check(err)
	fmt.Println(oscar.Name(), "believes", len(loaded[0].Persona.Beliefs()), "things, and as a traveller", len(oscar.Beliefs()))
	// Output:
	// Oscar believes 10 things, and as a traveller 15
}

func Example_world() {
	w := tinytroupe.NewWorld("Chat Room", newMind(), nil)
	for _, name := range []string{"lisa", "oscar"} {
		p, err := cast.Person(name)
		check(err)
		_, err = w.Add(p, nil)
		check(err)
	}
	check(w.IntroduceAll())
	check(w.Person("Lisa Carter").Listen("Talk to Oscar to get to know him."))
	check(w.Run(context.Background(), 2))

	check(transcript.Write(os.Stdout, w.Events(), &transcript.Options{HideThoughts: true}))
	// Output:
	// · Lisa Carter, Oscar join
	// USER --> Lisa Carter: [CONVERSATION]
	//           > Talk to Oscar to get to know him.
	// ──────── Chat Room step 1 ────────
	// Lisa Carter acts: [TALK] to Oscar
	//           > Hello Oscar, nice to meet you. I am Lisa, and I work as a data scientist at Microsoft.
	//           > What do you do for a living?
	// Oscar acts: [TALK] to Lisa Carter
	//           > Hi Lisa. That sounds like work that keeps you busy. I work as an architect at Awesome
	//           > Inc. I design standard elements for apartment buildings.
	// ──────── Chat Room step 2 ────────
	// Lisa Carter acts: [TALK] to Oscar
	//           > I imagine that no two days are the same for you. What are you interested in?
	// Oscar acts: [TALK] to Lisa Carter
	//           > You must have a lot to tell about that, Lisa. I find travelling by night train with a
	//           > folding bicycle fascinating.
}

func Example_network() {
	net, err := tinytroupe.NewNetwork(tinytroupe.Relation{A: "Lisa Carter", B: "Oscar", Name: "neighbours"})
	check(err)
	w := tinytroupe.NewWorld("Street", newMind(), &tinytroupe.Options{Rules: net})
	for _, name := range []string{"lisa", "oscar", "marcos"} {
		p, err := cast.Person(name)
		check(err)
		_, err = w.Add(p, nil)
		check(err)
	}
	v := w.View()
	fmt.Println(v.Situation("Lisa Carter").Near, v.Reaches("Lisa Carter", "Marcos Almeida"))
	// Output:
	// [{Oscar neighbours}] false
}

func Example_checkpoint() {
	dir := filepath.Join(os.TempDir(), fmt.Sprint("tinytroupe-docs-", os.Getpid()))
	defer os.RemoveAll(dir)
	ctx := context.Background()

	// The first run ends after two steps.
	rec, err := record.Create(dir, &record.Manifest{Title: "Chat"}, nil)
	check(err)
	journal, err := rec.Journal("all")
	check(err)
	calls, err := rec.Calls()
	check(err)
	m, err := mind.New(llm.Wrap(rehearsal.New(nil), llm.Cache(calls), llm.Meter(calls)), nil)
	check(err)
	w := tinytroupe.NewWorld("Chat Room", m, &tinytroupe.Options{Journal: journal})
	for _, name := range []string{"lisa", "oscar"} {
		p, err := cast.Person(name)
		check(err)
		_, err = w.Add(p, nil)
		check(err)
	}
	check(w.IntroduceAll())
	check(w.Broadcast("Talk to each other."))
	check(w.Run(ctx, 2))
	check(rec.Close())

	// Another, perhaps days later and after a crash, goes on.
	rec, err = record.Open(dir, nil)
	check(err)
	defer rec.Close()
	journal, err = rec.Journal("all")
	check(err)
	calls, err = rec.Calls()
	check(err)
	m, err = mind.New(llm.Wrap(rehearsal.New(nil), llm.Cache(calls), llm.Meter(calls)), nil)
	check(err)
	w, err = tinytroupe.Resume(m, rec.Events("all"), &tinytroupe.Options{Journal: journal})
	check(err)
	check(w.Run(ctx, 1))

	var prices price.Table
	ledger, err := calls.Ledger(prices.Price)
	check(err)
	fmt.Println("step", w.View().Step(), "after", ledger.Total.Attempts, "calls in all")
	for _, p := range ledger.ByPerson {
		fmt.Println(p.Name, p.Attempts)
	}
	// Output:
	// step 3 after 6 calls in all
	// Lisa Carter 3
	// Oscar 3
}

func Example_reduce() {
	w := tinytroupe.NewWorld("Chat Room", newMind(), &tinytroupe.Options{Rules: tinytroupe.Room{Acquainted: true}})
	for _, name := range []string{"lisa", "oscar"} {
		p, err := cast.Person(name)
		check(err)
		_, err = w.Add(p, nil)
		check(err)
	}
	check(w.Broadcast("What do you do for a living?"))
	check(w.Run(context.Background(), 1))

	for ev := range w.Events() {
		if ev.Kind == tinytroupe.EventActed && ev.Action.Kind == tinytroupe.Talk {
			fmt.Printf("%s,%s,%q\n", ev.Time.Format("15:04"), ev.Who, ev.Action.Content)
		}
	}
	// Output:
	// 09:05,Lisa Carter,"I work as a data scientist at Microsoft. I spend more of the week cleaning data and explaining charts than training models, and have made peace with that on most days."
	// 09:05,Oscar,"That was interesting, Lisa. I work as an architect at Awesome Inc. I design standard elements for apartment buildings."
}

func Example_save() {
	lisa, err := cast.Person("lisa")
	check(err)
	file := people.Format(lisa) // what save_specification writes, of the persona

	again, err := people.Parse("lisa.agent.json", file)
	check(err)
	fmt.Println(again.Persona.Equal(lisa))
	// Output:
	// true
}
