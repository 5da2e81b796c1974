package llm_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

var testPrice = llm.Price{Input: 1, CachedInput: 0.1, Output: 4}

func priced(string) (llm.Price, bool) { return testPrice, true }

// Whatever a model does that keeps to its output limit and has at most one token for
// each byte, the cap holds at every instant; and nobody is refused whose call would
// have fitted beside what was really spent in the end.
func TestBudgetHolds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		limits := llm.BudgetOptions{Price: priced, Output: rapid.IntRange(1, 3000).Draw(rt, "output")}
		switch rapid.IntRange(0, 2).Draw(rt, "what") {
		case 0:
			limits.USD = rapid.Float64Range(0.001, 0.2).Draw(rt, "usd")
		case 1:
			limits.Tokens = rapid.IntRange(1, 50_000).Draw(rt, "tokens")
		case 2:
			limits.Calls = rapid.IntRange(1, 40).Draw(rt, "calls")
		}
		type plan struct {
			size, max, how int
			share          float64
			start, long    time.Duration
		}
		plans := make([]plan, 32)
		for i := range plans {
			plans[i] = plan{
				size: rapid.IntRange(0, 4000).Draw(rt, "size"), max: rapid.IntRange(0, 2000).Draw(rt, "max"),
				how: rapid.IntRange(0, 5).Draw(rt, "how"), share: rapid.Float64Range(0, 1).Draw(rt, "share"),
				start: time.Duration(rapid.IntRange(0, 50).Draw(rt, "start")), long: time.Duration(rapid.IntRange(0, 100).Draw(rt, "long")),
			}
		}
		synctest.Test(t, func(*testing.T) {
			b := llm.NewBudget(&limits)
			var mu sync.Mutex
			var real llm.Spent
			within := func() {
				if s := real; limits.USD > 0 && s.USD > limits.USD+1e-9 || limits.Tokens > 0 && s.Tokens > limits.Tokens || limits.Calls > 0 && s.Calls > limits.Calls {
					rt.Errorf("%+v was used under %+v", s, limits)
				}
			}
			type key struct{}
			m := llm.Wrap(fake(func(ctx context.Context, req *llm.Request) (*llm.Response, error) {
				p := ctx.Value(key{}).(plan)
				if req.MaxTokens == 0 && limits.Calls == 0 {
					rt.Errorf("a call without an output limit under %+v", limits)
				}
				use := llm.Usage{Input: int(p.share * float64(p.size)), Output: int(p.share * float64(req.MaxTokens))}
				if limits.Calls > 0 {
					use.Output = 1
				}
				// The provider counts from the start, reported or not.
				mu.Lock()
				real.Calls++
				if p.how != 1 {
					real.Tokens += use.Input + use.Output
					real.USD += testPrice.Cost(use)
				}
				within()
				mu.Unlock()
				select {
				case <-time.After(p.long):
				case <-ctx.Done():
					return nil, context.Cause(ctx)
				}
				switch p.how {
				case 0:
					return &llm.Response{Finish: llm.FinishLength, Usage: use}, llm.ErrTruncated
				case 1:
					return nil, &llm.Error{Status: 500, Err: llm.ErrTransient}
				case 2:
					return &llm.Response{Text: "hi", Finish: llm.FinishStop}, nil // without usage
				case 3:
					return nil, context.DeadlineExceeded
				}
				r := says("hi")
				if r.Usage = use; use == (llm.Usage{}) {
					r.Usage = llm.Usage{Input: 1}
				}
				return r, nil
			}), llm.Spend(b))
			var wg sync.WaitGroup
			needed := map[string]float64{}
			for _, p := range plans {
				wg.Go(func() {
					time.Sleep(p.start)
					ctx := context.WithValue(context.Background(), key{}, p)
					if p.how == 5 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, p.long/2)
						defer cancel()
					}
					req := &llm.Request{Messages: []llm.Message{llm.Text(llm.User, strings.Repeat("x", p.size))}, MaxTokens: p.max}
					_, err := m.Generate(ctx, req)
					var over *llm.BudgetError
					if errors.As(err, &over) {
						mu.Lock()
						needed[over.What] = over.Needed
						if over.Spent+over.Needed <= over.Limit {
							rt.Errorf("refused, though it fits: %+v", over)
						}
						mu.Unlock()
					}
				})
			}
			wg.Wait()
			s := b.Spent()
			if s.Calls < real.Calls || s.Tokens < real.Tokens || s.USD < real.USD-1e-9 {
				rt.Errorf("counted %+v of %+v", s, real)
			}
		})
	})
}

func TestBudgetWaitsForWhatIsOutstanding(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// Each call may use 1,000 and uses 100: all ten fit, though not at once.
		b := llm.NewBudget(&llm.BudgetOptions{Tokens: 2900, Output: 1000})
		m := llm.Wrap(fake(func(context.Context, *llm.Request) (*llm.Response, error) {
			time.Sleep(time.Second)
			r := says("hi")
			r.Usage = llm.Usage{Input: 50, Output: 50}
			return r, nil
		}), llm.Spend(b))
		load(t.Context(), m, 10)
		if s := b.Spent(); s != (llm.Spent{Calls: 10, Tokens: 1000}) {
			t.Errorf("spent %+v", s)
		}
		ctx, stop := drain.With(t.Context())
		var wg sync.WaitGroup
		var err error
		wg.Go(func() { m.Generate(ctx, hello("in flight")) })
		synctest.Wait()
		wg.Go(func() { _, err = m.Generate(ctx, hello("waits")) })
		synctest.Wait()
		stop()
		wg.Wait()
		if !errors.Is(err, drain.ErrStopped) {
			t.Errorf("waiting after the stop ended with %v", err)
		}
	})
}

func TestBudgetErrors(t *testing.T) {
	t.Parallel()
	m := &script{turns: []any{"hi"}}
	ask := func(o *llm.BudgetOptions) error {
		_, err := llm.Wrap(m, llm.Spend(llm.NewBudget(o))).Generate(t.Context(), hello("Hi."))
		return err
	}
	var over *llm.BudgetError
	err := ask(&llm.BudgetOptions{USD: 0.001, Price: priced})
	if !errors.Is(err, llm.ErrBudget) || !errors.As(err, &over) || over.What != "usd" || over.Limit != 0.001 || over.Needed < 0.03 {
		t.Error(err)
	}
	if err := ask(&llm.BudgetOptions{Calls: 3, Spent: llm.Spent{Calls: 3}}); !errors.Is(err, llm.ErrBudget) {
		t.Error("what was spent before does not count:", err)
	}
	unknown := func(string) (llm.Price, bool) { return llm.Price{}, false }
	for _, o := range []*llm.BudgetOptions{{USD: 1}, {USD: 1, Price: unknown}} {
		if err := ask(o); !errors.Is(err, llm.ErrNoPrice) || !strings.Contains(err.Error(), "test/script") {
			t.Error(err)
		}
	}
	if len(m.asked) != 0 {
		t.Error("a refused call was sent")
	}
	for _, o := range []*llm.BudgetOptions{nil, {Price: unknown, Calls: 1}, {Tokens: 10_000}, {USD: 1, Price: priced}} {
		if err := ask(o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if last := m.asked[3]; last.MaxTokens != 8192 {
		t.Errorf("under a cap in USD the output limit was %d", last.MaxTokens)
	}
	if first := m.asked[0]; first.MaxTokens != 0 {
		t.Error("without a cap the request changed")
	}
}

func TestCostAndTokens(t *testing.T) {
	t.Parallel()
	if c := testPrice.Cost(llm.Usage{Input: 1e6, CachedInput: 5e5, Output: 1e6, Reasoning: 5e5}); c != 0.5+0.05+4 {
		t.Errorf("cost %v", c)
	}
	if c := (llm.Price{Input: 2}).Cost(llm.Usage{Input: 1e6, CachedInput: 1e6}); c != 2 {
		t.Errorf("cached input without a price of its own: %v", c)
	}
	// Counts by the vocabulary o200k_base.
	for text, real := range map[string]int{
		"The quick brown fox jumps over the lazy dog.":                                    10,
		"You are looking for a new TV. You may say why you prefer one advert to another.": 19,
		`{"type":"CONVERSATION","source":"Oscar","content":"Größere Flächen für Räume"}`:  22,
	} {
		if n := llm.Tokens(text); n < real*8/10 || n > real*13/10 {
			t.Errorf("%q: %d tokens, really %d", text, n, real)
		}
	}
	if n := llm.Tokens("你好，世界"); n != 5 {
		t.Errorf("Chinese: %d", n)
	}
	plain := llm.EstimateInput(hello("Hi."))
	pic := hello("Hi.")
	pic.Messages[0].Parts = append(pic.Messages[0].Parts, llm.Part{Image: &llm.Image{MediaType: "image/png", Data: make([]byte, 1<<20)}})
	if n := llm.EstimateInput(pic) - plain; n != 1000 {
		t.Errorf("an image is estimated at %d", n)
	}
}
