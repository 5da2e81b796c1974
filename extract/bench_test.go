package extract

import (
	"context"
	"fmt"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// BenchmarkExtract is what it costs to extract nine questions from a talk of 60 lines
// beside the model's time: prompt, schema, reading, quotations.
func BenchmarkExtract(b *testing.B) {
	reply := `{"choice":{"advert":` + one("I pick A", 11, "answered", `"A"`) + `,"why":` + one("it", 1, "answered", `"x"`) + `},"pains":{"items":[],"outcome":"absent","quote":"","event":0}`
	for _, q := range everyType[2:] {
		reply += `,"` + q.ID + `":` + one("nobody said this", 1, "absent", "null")
	}
	m := llmtest.Func("test/instant", func(context.Context, int, *llm.Request) (string, error) { return reply + "}", nil })
	x := newExtractor(b, m, nil)
	s := []Subject{long("I pick A.", "x").about("Lisa Carter")}
	b.ReportAllocs()
	for b.Loop() {
		r, err := x.Extract(b.Context(), everyType, s)
		if err != nil || r.Answers[0].Outcome != Answered {
			b.Fatal(err, r)
		}
	}
}

func BenchmarkTally(b *testing.B) {
	var answers []Answer
	for i := range 10_000 {
		answers = append(answers, answer(intent, fmt.Sprint("p", i), Value{Number: float64(1 + i%5)}, map[string]string{"age": fmt.Sprint(18 + i%60)}))
	}
	o := &TallyOptions{By: []Dimension{{Name: "age", Bands: []Band{{18, 34}, {35, 54}, {55, 99}}}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Tally(intent, answers, o); err != nil {
			b.Fatal(err)
		}
	}
}
