package llm_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/anthropic"
	"github.com/tinytroupe-go/tinytroupe/llm/gemini"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
)

var runs = flag.Int("runs", 2, "runs against each adversarial server")

// adversaries are the kinds of servers: what they speak, and a client with its own
// limits of time.
var adversaries = []struct {
	name   string
	writes bool // it bills what it is asked to remember
	wire   func() llmtest.Dialect
	make   func(url string) (llm.Model, func(), error)
}{
	{"openai", false, llmtest.OpenAI, func(url string) (llm.Model, func(), error) {
		m, err := openai.New("test-model", &openai.Options{BaseURL: url, Timeout: adversaryTimeout})
		return m, m.Close, err
	}},
	{"anthropic", true, llmtest.Anthropic, func(url string) (llm.Model, func(), error) {
		m, err := anthropic.New("test-model", &anthropic.Options{BaseURL: url, Timeout: adversaryTimeout})
		return m, m.Close, err
	}},
	{"gemini", false, llmtest.Gemini, func(url string) (llm.Model, func(), error) {
		m, err := gemini.New("test-model", &gemini.Options{BaseURL: url, Timeout: adversaryTimeout})
		return m, m.Close, err
	}},
}

const adversaryTimeout = 150 * time.Millisecond

// adversaryPrice makes whatever a server calls cached no cheaper, and what it calls
// written a quarter dearer.
var adversaryPrice = llm.Price{Input: 1, CacheWrite: 1.25, Output: 4}

// faulty draws what goes wrong with a call: a third of them.
func faulty(seed uint64) func(n int) llmtest.Fault {
	kinds := []llmtest.FaultKind{llmtest.Rate, llmtest.ServerError, llmtest.Reset, llmtest.Truncated, llmtest.Empty,
		llmtest.WrongTypes, llmtest.Length, llmtest.Fenced, llmtest.NotJSON, llmtest.Hang}
	return func(n int) llmtest.Fault {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		if r.IntN(3) > 0 {
			return llmtest.Fault{}
		}
		return llmtest.Fault{Kind: kinds[r.IntN(len(kinds))]}
	}
}

// TestBudgetAgainstAdversaries: 32 at once, through retries and repairs, ask servers
// that write and reason as much as they may, fail in ten ways, and bill whatever they
// may have made, heard of or not: also of replies that were lost on the way, and of calls
// that were given up. What the server bills never passes the cap.
func TestBudgetAgainstAdversaries(t *testing.T) {
	t.Parallel()
	total, over := 0, 0
	for _, a := range adversaries {
		for seed := range uint64(*runs) {
			for what := range 3 {
				total++
				if !adversary(t, a.wire(), a.writes, a.make, seed, what) {
					over++
					t.Errorf("%s, seed %d, cap %d", a.name, seed, what)
				}
			}
		}
	}
	t.Logf("%d runs, %d overshoots", total, over)
}

func adversary(t *testing.T, wire llmtest.Dialect, writes bool, client func(string) (llm.Model, func(), error), seed uint64, what int) bool {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, uint64(what)))
	faults := faulty(seed)
	reasoning := r.IntN(200)
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: wire, Keep: true, Faults: faults, Reasoning: reasoning,
		Reply: func(_ int, req *llm.Request) (string, error) {
			const empty = `{"text":""}`
			n := 4*max(0, req.MaxTokens-reasoning) - len(empty)
			return fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", max(0, n))), nil
		}})
	defer s.Close()
	vendor, done, err := client(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	o := &llm.BudgetOptions{Price: func(string) (llm.Price, bool) { return adversaryPrice, true }, Output: 400 + r.IntN(400)}
	switch what {
	case 0:
		o.USD = 0.05 + 0.1*r.Float64()
	case 1:
		o.Tokens = 20_000 + r.IntN(60_000)
	case 2:
		o.Calls = 20 + r.IntN(60)
	}
	b := llm.NewBudget(o)
	m := llm.Wrap(vendor, llm.Retry(&llm.RetryOptions{Attempts: 4, First: time.Millisecond, Longest: 5 * time.Millisecond}),
		llm.Limit(llm.NewLimiter(&llm.LimiterOptions{Parallel: 32})), llm.Spend(b), llm.Meter(llm.NewMemory()))
	schema := &llm.Schema{Name: "said", Body: json.RawMessage(`{"type":"object","properties":{"text":{"type":"string"}},"required":["text"],"additionalProperties":false}`)}
	var wg sync.WaitGroup
	for i := range 32 {
		sizes := rand.New(rand.NewPCG(seed, uint64(1000+i)))
		wg.Go(func() {
			for n := range 40 {
				req := hello(fmt.Sprint(i, n) + strings.Repeat(" something", sizes.IntN(300)))
				req.System, req.Schema = strings.Repeat("A rule. ", sizes.IntN(100)), schema
				if sizes.IntN(2) == 0 {
					req.MaxTokens = reasoning + 50 + sizes.IntN(800)
				}
				_, _, err := llm.Ask[json.RawMessage](t.Context(), m, req)
				if errors.Is(err, llm.ErrBudget) {
					return
				}
			}
		})
	}
	wg.Wait()
	s.Close()
	// The bill: what was answered, and all that can have been made of what was not.
	st := s.Stats()
	bill := llm.Usage{Input: st.Input, Output: st.Output}
	for _, c := range s.Calls() {
		if k := faults(c.N).Kind; k == llmtest.Reset || k == llmtest.Hang || k == llmtest.NotJSON {
			n := llmtest.Tokens(llmtest.Prompt(c.Request))
			bill = bill.Add(llm.Usage{Input: n, Output: c.Request.MaxTokens})
		}
	}
	if writes {
		bill.CacheWrite = bill.Input
	}
	spent := b.Spent()
	switch tokens := bill.Input + bill.Output; {
	case o.USD > 0 && adversaryPrice.Cost(bill) > o.USD, o.Tokens > 0 && tokens > o.Tokens, o.Calls > 0 && st.Calls > o.Calls:
		t.Errorf("the bill is %+v, %f USD, %d calls; spent by the budget's account %+v; the caps %f, %d, %d", bill, adversaryPrice.Cost(bill), st.Calls, spent, o.USD, o.Tokens, o.Calls)
		return false
	}
	// And the cap was used, not merely kept: what is left is less than the largest call
	// could need.
	const largest = 6000
	if o.Calls > 0 && spent.Calls != o.Calls || o.Tokens > 0 && spent.Tokens < o.Tokens-largest || o.USD > 0 && spent.USD < o.USD-4*largest/1e6*1.25 {
		t.Errorf("seed %d: only %+v of %f USD, %d tokens, %d calls was spent", seed, spent, o.USD, o.Tokens, o.Calls)
	}
	return true
}

// TestStory17ABillBeyondTheEstimate: agents who never converge burn two or three times
// what was thought. The cap holds, and what is over says so before anything is sent.
func TestStory17ABillBeyondTheEstimate(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reasoning: 500, Reply: func(int, *llm.Request) (string, error) {
		return strings.Repeat("once more ", 100), nil
	}})
	vendor, err := openai.New("test-model", &openai.Options{BaseURL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer vendor.Close()
	const limit = 20_000
	m := llm.Wrap(vendor, llm.Spend(llm.NewBudget(&llm.BudgetOptions{Tokens: limit, Output: 1000})))
	req := hello("What do you think?")
	for n := 0; ; n++ {
		resp, err := m.Generate(t.Context(), req)
		if errors.Is(err, llm.ErrBudget) {
			var over *llm.BudgetError
			if st := s.Stats(); !errors.As(err, &over) || st.Calls != n || st.Input+st.Output > limit || n < 5 {
				t.Errorf("%v after %d calls; the server counted %+v", err, n, st)
			}
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		req.Messages = append(req.Messages, llm.Text(llm.Assistant, resp.Text), llm.Text(llm.User, "And now?"))
	}
}

// TestBudgetLearnsOfModelsThatPassTheirLimit: a server that bills more than it was
// allowed can pass a cap once, not again and again.
func TestBudgetLearnsOfModelsThatPassTheirLimit(t *testing.T) {
	t.Parallel()
	b := llm.NewBudget(&llm.BudgetOptions{Tokens: 50_000, Output: 1000})
	calls := 0
	m := llm.Wrap(fake(func(_ context.Context, req *llm.Request) (*llm.Response, error) {
		calls++
		r := says("hi")
		r.Usage = llm.Usage{Input: 10, Output: 5 * req.MaxTokens, Reasoning: 4 * req.MaxTokens}
		return r, nil
	}), llm.Spend(b))
	var err error
	for err == nil {
		_, err = m.Generate(t.Context(), hello("Hi."))
	}
	if s := b.Spent(); s.Tokens > 50_000 || calls < 5 || !errors.Is(err, llm.ErrBudget) {
		t.Errorf("%+v after %d calls: %v", s, calls, err)
	}
}

// crowd asks for n people under a cap that is as many times their true cost, and
// returns how many were answered.
func crowd(tb testing.TB, n, parallel int, times float64) (answered int) {
	// Each may use 300+ bytes of input and 8,192 tokens, and uses 120 and 200.
	use := llm.Usage{Input: 120, Output: 200}
	limit := times * float64(n) * testPrice.Cost(use)
	b := llm.NewBudget(&llm.BudgetOptions{USD: limit, Price: priced})
	m := llm.Wrap(fake(func(ctx context.Context, _ *llm.Request) (*llm.Response, error) {
		time.Sleep(500 * time.Millisecond)
		r := says("hi")
		r.Usage = use
		return r, nil
	}), llm.Cache(llm.NewMemory()), llm.Retry(nil), llm.Limit(llm.NewLimiter(&llm.LimiterOptions{Parallel: parallel})), llm.Spend(b))
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			_, err := m.Generate(tb.Context(), hello(fmt.Sprintf("I am person %d. %s", i, strings.Repeat("x", i%400))))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				answered++
			} else {
				tb.Log(err)
			}
		})
	}
	wg.Wait()
	if s := b.Spent(); s.USD > limit || s.Calls != answered {
		tb.Errorf("spent %+v under %v", s, limit)
	}
	return answered
}

// TestThousandPeopleUnderACap: under a cap of twice their true cost a thousand people
// are all answered, at 32 at once, and lose no time to reservations but in the end.
func TestThousandPeopleUnderACap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		if n := crowd(t, 1000, 32, 2); n != 1000 {
			t.Errorf("%d of 1000 were answered", n)
		}
		ideal := 1000.0 / 32 * 0.5
		share := ideal / time.Since(begun).Seconds()
		t.Logf("%v, %.3f of the time without a cap", time.Since(begun), share)
		if share < 0.9 {
			t.Errorf("%.3f of the ideal", share)
		}
	})
}

// BenchmarkBudget is a call through a budget that 32 others use.
func BenchmarkBudget(b *testing.B) {
	budget := llm.NewBudget(&llm.BudgetOptions{USD: 1e9, Price: priced})
	m := llm.Wrap(answer("hi"), llm.Spend(budget))
	b.SetParallelism(16)
	b.RunParallel(func(p *testing.PB) {
		req := hello("Hi.")
		for p.Next() {
			if _, err := m.Generate(b.Context(), req); err != nil {
				b.Fatal(err)
			}
		}
	})
}
