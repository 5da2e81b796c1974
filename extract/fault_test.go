package extract

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
)

// faults are all that a provider does, and what becomes of an answer if it does so
// every time: answered only where the reply can still be read.
var faults = []struct {
	fault   llmtest.Fault
	always  Outcome
	stops   bool    // nothing further is asked
	inModel Outcome // in the process, where it differs: there is nobody to adapt
}{
	{llmtest.Fault{Kind: llmtest.Rate, RetryAfter: time.Millisecond}, Failed, false, ""},
	{llmtest.Fault{Kind: llmtest.ServerError}, Failed, false, ""},
	{llmtest.Fault{Kind: llmtest.Reset}, Failed, false, ""},
	{llmtest.Fault{Kind: llmtest.Truncated}, Failed, false, ""},
	{llmtest.Fault{Kind: llmtest.NotJSON}, Failed, false, ""},
	{llmtest.Fault{Kind: llmtest.Empty}, Failed, false, ""},
	{llmtest.Fault{Kind: llmtest.NotFound}, Failed, true, ""},
	{llmtest.Fault{Kind: llmtest.Auth}, Failed, true, ""},
	{llmtest.Fault{Kind: llmtest.Quota}, Failed, true, ""},
	{llmtest.Fault{Kind: llmtest.TooLong}, Failed, false, ""},
	{llmtest.Fault{Kind: llmtest.Echo}, Failed, false, ""},
	{llmtest.Fault{Kind: llmtest.RejectParam, Param: "response_format"}, Answered, false, Failed},
	{llmtest.Fault{Kind: llmtest.NoSchema}, Answered, false, Failed},
	{llmtest.Fault{Kind: llmtest.Fenced}, Answered, false, ""},
	{llmtest.Fault{Kind: llmtest.Prose}, Answered, false, ""},
	{llmtest.Fault{Kind: llmtest.WrongTypes}, Invalid, false, ""},
	{llmtest.Fault{Kind: llmtest.Filter}, Refused, false, ""},
	{llmtest.Fault{Kind: llmtest.FilterCall}, Refused, false, ""},
	{llmtest.Fault{Kind: llmtest.Refusal}, Refused, false, ""},
	{llmtest.Fault{Kind: llmtest.Length}, Invalid, false, ""},
}

const goodRanking = `["B","C","A"]`

// goodAnswer is what a good model says of a ranking, or is asked of a person, or codes.
func goodAnswer(req *llm.Request) string {
	switch {
	case strings.Contains(string(req.Schema.Body), `"said"`):
		return `{"q":{"said":"B first.","outcome":"answered","value":` + goodRanking + `}}`
	case strings.Contains(string(req.Schema.Body), `"a1"`):
		return `{"a1":1}`
	}
	return `{"q":` + one("B.", 0, "answered", goodRanking) + `}`
}

// Whatever a provider does, in the process or behind HTTP, every time or once, there is
// no value but what the person said; and every answer has its outcome.
func TestFaults(t *testing.T) {
	q := Question{ID: "q", Ask: "Best first?", Type: Rank, Options: []string{"A", "B", "C"}}
	good := func(_ context.Context, _ int, req *llm.Request) (string, error) { return goodAnswer(req), nil }
	text := []Answer{{Question: "why", Type: Text, Outcome: Answered, Value: Value{Kind: Text, Text: "Films."}, Respondent: Respondent{Person: "Lisa Carter"}}}
	purposes := map[string]func(t *testing.T, m llm.Model) (*Result, error){
		"extract": func(t *testing.T, m llm.Model) (*Result, error) {
			return newExtractor(t, m, &Options{Parallel: 1}).Extract(t.Context(), []Question{q}, []Subject{room().about("Lisa Carter")})
		},
		"ask": func(t *testing.T, m llm.Model) (*Result, error) {
			return Ask(t.Context(), []Question{q}, Panel(company(t, m, "Lisa Carter")), nil)
		},
		"code": func(t *testing.T, m llm.Model) (*Result, error) {
			c, err := newExtractor(t, m, nil).Code(t.Context(), Question{ID: "why", Ask: "Why?"}, text, &CodeOptions{Codes: []Code{{Name: "films"}, {Name: "price"}}})
			return &Result{Answers: c.Answers}, err
		},
	}
	check := func(t *testing.T, r *Result, err error, want Outcome, stops bool) {
		t.Helper()
		if (err != nil) != stops {
			t.Errorf("returned %v", err)
		}
		if len(r.Answers) != 1 {
			t.Fatalf("%d answers", len(r.Answers))
		}
		a := r.Answers[0]
		if a.Outcome != want || (a.Outcome == Answered) != !a.Value.IsZero() || (a.Outcome == Answered) != (a.Reason == "") {
			t.Errorf("%+v, want %s", a, want)
		}
		if a.Outcome == Answered && a.Value.String() != goodRanking && a.Value.String() != "films" {
			t.Errorf("%+v", a)
		}
	}
	retry := llm.Retry(&llm.RetryOptions{Attempts: 3, First: time.Millisecond, Longest: 2 * time.Millisecond, Total: 50 * time.Millisecond})
	for name, run := range purposes {
		for _, f := range faults {
			t.Run(fmt.Sprint(name, " ", f.fault.Kind), func(t *testing.T) {
				always := f.always
				if f.inModel != "" {
					always = f.inModel
				}
				r, err := run(t, llmtest.Faulty(llmtest.Func("test/good", good), llmtest.Always(f.fault)))
				check(t, r, err, always, f.stops)

				serve := func(faults func(int) llmtest.Fault) llm.Model {
					s := llmtest.NewServer(t, &llmtest.ServerOptions{Faults: faults, Reply: func(_ int, req *llm.Request) (string, error) {
						if req.Schema == nil { // the endpoint knows no schemas: the prompt holds it
							req.Schema = &llm.Schema{Body: []byte(llmtest.Prompt(req))}
						}
						return goodAnswer(req), nil
					}})
					m, err := openai.New("test-model", &openai.Options{BaseURL: s.URL + "/v1", Key: "sk-test"})
					if err != nil {
						t.Fatal(err)
					}
					t.Cleanup(m.Close)
					return llm.Wrap(m, retry)
				}
				r, err = run(t, serve(llmtest.Always(f.fault)))
				check(t, r, err, f.always, f.stops)

				// Once, what a further call can mend is mended.
				once := f.always
				if once == Failed && !f.stops && f.fault.Kind != llmtest.Echo && f.fault.Kind != llmtest.TooLong || once == Invalid {
					once = Answered
				}
				if f.fault.Kind == llmtest.TooLong && name == "extract" { // read again in parts
					once = Answered
				}
				r, err = run(t, serve(llmtest.Sequence(f.fault)))
				check(t, r, err, once, f.stops)
			})
		}
	}
}

// Without an answer the deadline ends it, and nothing is made of it.
func TestHang(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	m := llmtest.Faulty(llmtest.Scripted(), llmtest.Always(llmtest.Fault{Kind: llmtest.Hang}))
	r, err := newExtractor(t, m, nil).Extract(ctx, []Question{{ID: "q", Ask: "?"}}, []Subject{room().about("Oscar"), room().about("Lisa Carter")})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("returned %v", err)
	}
	if b := r.Base(); b != (Base{Asked: 2, Skipped: 2}) {
		t.Errorf("%+v", b)
	}
}
