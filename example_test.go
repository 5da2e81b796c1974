package tinytroupe_test

import (
	"context"
	"log"
	"os"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/examples/cast"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// Two people get to know each other. The stand-in makes it run anywhere; see
// llm/openai for real models.
func Example() {
	m, err := mind.New(rehearsal.New(nil), nil)
	if err != nil {
		log.Fatal(err)
	}
	w := tinytroupe.NewWorld("Chat Room", m, &tinytroupe.Options{
		Start: time.Date(2026, 3, 2, 19, 0, 0, 0, time.UTC),
	})
	for _, name := range []string{"lisa", "oscar"} {
		p, err := cast.Person(name)
		if err != nil {
			log.Fatal(err)
		}
		if _, err := w.Add(p, nil); err != nil {
			log.Fatal(err)
		}
	}
	if err := w.IntroduceAll(); err != nil {
		log.Fatal(err)
	}
	if err := w.Person("Lisa Carter").Listen("Talk to Oscar to get to know him."); err != nil {
		log.Fatal(err)
	}
	if err := w.Run(context.Background(), 1); err != nil {
		log.Fatal(err)
	}
	if err := transcript.Write(os.Stdout, w.Events(), &transcript.Options{Rehearsal: true}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// rehearsal: invented by a stand-in, evidence of nothing
	// · Lisa Carter, Oscar join
	// USER --> Lisa Carter: [CONVERSATION]
	//           > Talk to Oscar to get to know him.
	// ──────── Chat Room step 1 ────────
	// Lisa Carter acts: [THINK]
	//           > I will start with something simple and ask Oscar a question.
	// Lisa Carter acts: [TALK] to Oscar
	//           > Hello Oscar, nice to meet you. I am Lisa, and I work as a data scientist at Microsoft.
	//           > What do you do for a living?
	// Oscar acts: [THINK]
	//           > I do not mind talking about my work.
	// Oscar acts: [TALK] to Lisa Carter
	//           > Hi Lisa. That sounds like work that keeps you busy. I work as an architect at Awesome
	//           > Inc. I design standard elements for apartment buildings.
}
