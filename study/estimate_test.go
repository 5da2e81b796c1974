package study_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/study"
)

func estimate(t *testing.T, text string, o *study.EstimateOptions) (*study.Estimate, error) {
	t.Helper()
	s, err := study.Load("study.yaml", &study.LoadOptions{FS: fstest.MapFS{"study.yaml": {Data: []byte(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	return s.Estimate(t.Context(), o)
}

const pair = "title: Talk\npeople:\n  ann: {persona: {name: Ann}}\n  bea: {persona: {name: Bea}}\n"

// speaker says so many characters in each turn, and counts what it is sent.
func speaker(chars int, sent *[]*llm.Request) llm.Model {
	var mu sync.Mutex
	return llmtest.Func("test/speaker", func(_ context.Context, n int, req *llm.Request) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		if sent != nil {
			*sent = append(*sent, llmtest.Clone(req))
		}
		words := strings.Repeat(fmt.Sprintf("%06d", n), chars/6)
		return `{"actions":[{"type":"TALK","target":"","content":"` + words + `"}],"state":{"goals":"","attention":"","emotions":""}}`, nil
	})
}

// TestEstimate: calls, rounds and tokens are those of the requests that the model got;
// only what people say makes the range wider.
func TestEstimate(t *testing.T) {
	for _, c := range []struct {
		chars   int
		script  string
		calls   int
		rounds  int
		widest  float64 // input, high to low
		atLeast float64
	}{
		{60, "  - say: " + strings.Repeat("brief ", 4000) + "\n  - run: 3\n", 6, 6, 1.30, 1.25},
		{6000, "  - say: brief\n  - run: 3\n", 6, 6, 1.99, 1.6},
		{60, "  - scene: each\n    rooms: each\n    do:\n      - run: 3\n", 6, 3, 1.35, 1.25},
	} {
		var sent []*llm.Request
		e, err := estimate(t, pair+"script:\n"+c.script, &study.EstimateOptions{Model: speaker(c.chars, &sent)})
		if err != nil {
			t.Fatal(err)
		}
		tokens := 0
		for _, req := range sent {
			tokens += llm.EstimateInput(req)
		}
		low, high := e.Sum("")
		if low.Calls != c.calls || high.Calls != c.calls+1 || low.Rounds != c.rounds || high.Rounds != c.rounds || len(sent) != c.calls {
			t.Errorf("%+v to %+v for %d requests", low, high, len(sent))
		}
		if low.Input > tokens || high.Input < tokens || low.Cacheable >= high.Cacheable || high.Cacheable >= high.Input {
			t.Errorf("%+v to %+v, and it was sent %d tokens", low, high, tokens)
		}
		if wide := float64(high.Input) / float64(low.Input); wide < c.atLeast || wide > c.widest {
			t.Errorf("%d characters a turn: the high figure is %.2f of the low", c.chars, wide)
		}
		l, h := e.Cost("", llm.Price{Input: 1e6, Output: 1e6}, false)
		if int(l) != low.Input+low.Output || int(h) != high.Input+high.Output {
			t.Errorf("$%v to $%v at a dollar a token: %+v, %+v", l, h, low, high)
		}
		l, h = e.Cost("", llm.Price{Input: 1e6, CachedInput: 0.5e6, CacheWrite: 2e6}, true)
		if l != 2*float64(low.Input)-1.5*float64(low.Cacheable) || h != 2*float64(high.Input)-1.5*float64(high.Cacheable) {
			t.Errorf("$%v to $%v where remembering costs: %+v, %+v", l, h, low, high)
		}
	}
}

// TestEstimateUntil: the low figure is of a run that ends after a step, the high of one
// that never ends early; and the steps after it are counted in both.
func TestEstimateUntil(t *testing.T) {
	e, err := estimate(t, pair+"script:\n  - run: {steps: 9, until: {said: '000001'}}\n  - run: 1\n", &study.EstimateOptions{Model: speaker(60, nil)})
	if err != nil {
		t.Fatal(err)
	}
	if !e.Open || len(e.Steps) != 2 || e.Steps[0].Low.Calls != 2 || e.Steps[0].High.Calls != 19 || e.Steps[1].Low.Calls != 2 || e.Steps[1].High.Calls != 3 {
		t.Errorf("%+v", e)
	}
}

// crowd are twenty people, of whom some are in a scene by what they answer.
func crowd(script string) string {
	text := "title: Talk\npeople:\n  mo: {persona: {name: Mo}, staff: true}\n"
	for i := range 20 {
		text += fmt.Sprintf("  p%d: {persona: {age: %d}}\n", i, i)
	}
	return text + "questions:\n  intent: {ask: How likely?, scale: 1..5}\n  mood: {find: How they feel., one of: [good, bad]}\nscript:\n" + script
}

// TestEstimateAnswers: where answers decide who takes part, the low figure is of those who
// must, and the high of all who may, whatever the stand-in answers.
func TestEstimateAnswers(t *testing.T) {
	for _, c := range []struct {
		script    string
		low, high int // calls of people
		answers   bool
	}{
		{"  - ask: intent\n  - scene: deep\n    rooms: each\n    who: {intent: 5}\n    do: [{run: 10}]\n", 20, 220, true},
		{"  - ask: intent\n    to: {age: 0..3}\n  - scene: deep\n    rooms: each\n    who: {intent: 5}\n    do: [{run: 10}]\n", 4, 44, true},
		{"  - ask: intent\n    to: {age: 0..3}\n  - scene: deep\n    rooms: {of: 5}\n    who: {not: {intent: 5}}\n    with: mo\n    do: [{run: 1}]\n", 4 + 16 + 4, 4 + 20 + 4, true},
		{"  - ask: intent\n    to: {age: 0..3}\n  - scene: deep\n    who: {age: 0..3}\n    with: {intent: 5}\n    rooms: each\n    do: [{run: 1}]\n", 4, 4 + 4*4, true},
		{"  - ask: intent\n  - leave: {intent: 1..3}\n  - run: 1\n", 21, 41, true},
		{"  - ask: intent\n  - ask: intent\n    to: {intent: 4..5}\n", 20, 40, true},
		{"  - say: Hello.\n  - run: 1\n  - extract: mood\n  - scene: deep\n    who: {mood: bad}\n    do: [{run: 1}]\n", 21, 41, true},
		{"  - ask: intent\n  - scene: deep\n    who: {intent: 5}\n    rooms: each\n    do: [{run: {steps: 3, until: {said: x, by: {intent: 5}}}}]\n", 20, 80, true},
		{"  - ask: intent\n  - run: 1\n  - check: {said: x, by: {intent: 5}}\n", 41, 41, false},
	} {
		e, err := estimate(t, crowd(c.script), &study.EstimateOptions{Model: rehearsal.New(nil)})
		if err != nil {
			t.Fatalf("%s: %v", c.script, err)
		}
		low, high := e.Sum(study.Acts)
		if most := c.high + (2*c.high+99)/100; low.Calls != c.low || high.Calls != most || e.Answers != c.answers {
			t.Errorf("%s: %d to %d calls, want %d to %d; depends on answers: %t", c.script, low.Calls, high.Calls, c.low, most, e.Answers)
		}
		// The run itself is within.
		s, calls := load(t, crowd(c.script)), 0
		var mu sync.Mutex
		m, err := mind.New(llmtest.Func("test/counted", func(ctx context.Context, _ int, req *llm.Request) (string, error) {
			mu.Lock()
			calls++
			mu.Unlock()
			resp, err := rehearsal.New(nil).Generate(ctx, req)
			if err != nil {
				return "", err
			}
			return resp.Text, nil
		}), nil)
		if err != nil {
			t.Fatal(err)
		}
		o, _ := journals{}.polling(nil, nil)
		o.Mind = func(study.Member) tinytroupe.Mind { return m }
		o.Tolerate = func(error) bool { return true }
		if _, err := s.Run(t.Context(), o); err != nil || calls < low.Calls || calls > high.Calls {
			t.Errorf("%s: %d calls, not %d to %d; %v", c.script, calls, low.Calls, high.Calls, err)
		}
	}
}

// TestEstimateCallsNobody: chatbots are sent nothing, nobody is asked at the terminal,
// and neither is counted.
func TestEstimateCallsNobody(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer s.Close()
	text := pair + "  bot: {http: {url: \"" + s.URL + "\", body: {m: \"${said}\"}, reply: /out}}\n  me: {human: Mo}\n" +
		"script:\n  - say: Hello.\n    to: [ann, bea, bot, me]\n  - run: 2\n"
	e, err := estimate(t, text, &study.EstimateOptions{Model: rehearsal.New(nil)})
	if err != nil {
		t.Fatal(err)
	}
	if low, _ := e.Sum(""); asked > 0 || low.Calls != 4 || low.Rounds != 4 {
		t.Errorf("%d requests, %+v", asked, low)
	}
}

func TestEstimateErrors(t *testing.T) {
	text := pair + "script:\n  - run: 20\n"
	if _, err := estimate(t, text, nil); err == nil {
		t.Error("no model, no error")
	}
	calls := 0
	m := llmtest.Func("test/count", func(context.Context, int, *llm.Request) (string, error) {
		calls++
		return `{"actions":[],"state":{"goals":"","attention":"","emotions":""}}`, nil
	})
	if _, err := estimate(t, text, &study.EstimateOptions{Model: m, Most: 5000}); !errors.Is(err, study.ErrLong) || calls == 0 || calls > 5 {
		t.Errorf("%v after %d calls", err, calls)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s, err := study.Load("study.yaml", &study.LoadOptions{FS: fstest.MapFS{"study.yaml": {Data: []byte(text)}}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Estimate(ctx, &study.EstimateOptions{Model: m}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// What a study costs, before it is run.
func ExampleStudy_Estimate() {
	s, err := study.Load("../examples/simple-chat/study.yaml", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	e, err := s.Estimate(context.Background(), &study.EstimateOptions{Model: rehearsal.New(nil)})
	if err != nil {
		fmt.Println(err)
		return
	}
	low, high := e.Sum("")
	fmt.Printf("%d to %d calls\n", low.Calls, high.Calls)
	from, to := e.Cost("", llm.Price{Input: 0.25, Output: 2}, false) // USD for a million tokens
	fmt.Printf("about a cent: %v\n", from > 0.005 && to < 0.02)
	// Output:
	// 8 to 9 calls
	// about a cent: true
}
