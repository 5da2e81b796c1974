package llm_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/ollama"
)

// lengths embeds a text as its length, and keeps the batches.
type lengths struct {
	mu      sync.Mutex
	fail    []error
	batches [][]string
}

func (*lengths) Name() string { return "test/lengths" }

func (e *lengths) Embed(_ context.Context, texts []string) ([][]float32, llm.Usage, error) {
	e.mu.Lock()
	e.batches = append(e.batches, slices.Clone(texts))
	var err error
	if len(e.fail) > 0 {
		err, e.fail = e.fail[0], e.fail[1:]
	}
	e.mu.Unlock()
	time.Sleep(time.Millisecond)
	if err != nil {
		return nil, llm.Usage{}, err
	}
	var out [][]float32
	n := 0
	for _, t := range texts {
		out = append(out, []float32{float32(len(t)), -0.5})
		n += len(t)
	}
	return out, llm.Usage{Input: n}, nil
}

func TestWrapEmbedder(t *testing.T) {
	t.Parallel()
	calls := llm.NewMemory()
	inner := &lengths{fail: []error{llm.ErrRate}}
	budget := llm.NewBudget(&llm.BudgetOptions{Tokens: 1000})
	e := llm.WrapEmbedder(inner, &llm.EmbedderOptions{
		Store: calls, Log: calls, Retry: &llm.RetryOptions{First: time.Microsecond},
		Limiter: llm.NewLimiter(nil), Budget: budget,
	})
	got, used, err := e.Embed(t.Context(), []string{"a", "bbb", "a"})
	if err != nil || used.Input != 4 || fmt.Sprint(got) != "[[1 -0.5] [3 -0.5] [1 -0.5]]" {
		t.Fatal(got, used, err)
	}
	got[0][0] = 99
	// A text is found again in other company; only what is new is sent.
	got, used, err = e.Embed(t.Context(), []string{"cc", "a"})
	if err != nil || used.Input != 2 || fmt.Sprint(got) != "[[2 -0.5] [1 -0.5]]" {
		t.Error(got, used, err)
	}
	if got, used, err = e.Embed(t.Context(), []string{"a", "cc", "bbb"}); err != nil || used.Input != 0 || len(got) != 3 {
		t.Error(got, used, err)
	}
	if want := "[[a bbb] [a bbb] [cc]]"; fmt.Sprint(inner.batches) != want {
		t.Errorf("sent %v, want %v", inner.batches, want)
	}
	if s := budget.Spent(); s != (llm.Spent{Calls: 3, Tokens: 6}) {
		t.Errorf("spent %+v", s)
	}
	var outcomes []string
	sum := 0
	for _, c := range calls.All() {
		outcomes = append(outcomes, string(c.Result.Outcome))
		if c.Result.Response != nil {
			sum += c.Result.Response.Usage.Input
		}
	}
	if want := "[failed failed answered answered answered]"; fmt.Sprint(outcomes) != want || sum != 6 {
		t.Errorf("recorded %v with %d tokens", outcomes, sum)
	}
	if out, _, err := e.Embed(t.Context(), nil); err != nil || len(out) != 0 {
		t.Error(out, err)
	}
}

// Of many texts, which go out in several requests, those that came are neither sent
// again nor forgotten when a request fails: what the server counted is what is counted.
func TestWrapEmbedderKeepsWhatCame(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Ollama(), Faults: func(n int) llmtest.Fault {
		if n%3 == 2 {
			return llmtest.Fault{Kind: llmtest.Rate}
		}
		return llmtest.Fault{}
	}})
	inner, err := ollama.NewEmbedder("test-model", &ollama.Options{Host: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer inner.Close()
	texts := make([]string, 700)
	for i := range texts {
		texts[i] = fmt.Sprint("text ", i)
	}
	for _, attempts := range []int{0, 1} { // as many as it takes; one, then what is missing
		calls, budget := llm.NewMemory(), llm.NewBudget(&llm.BudgetOptions{Tokens: 1e6})
		e := llm.WrapEmbedder(inner, &llm.EmbedderOptions{Store: calls, Log: calls, Budget: budget,
			Retry: &llm.RetryOptions{First: time.Microsecond, Attempts: attempts, Total: time.Second}})
		before, sum := s.Stats(), 0
		var got [][]float32
		for n := 0; got == nil && n < 20; n++ {
			v, used, err := e.Embed(t.Context(), texts)
			if attempts == 0 && err != nil {
				t.Fatal(err)
			}
			got, sum = v, sum+used.Input
		}
		after := s.Stats()
		if answered := after.Answered - before.Answered; answered != 11 || len(got) != len(texts) {
			t.Errorf("%d vectors after %d answers", len(got), answered)
		}
		for i := range got {
			if !slices.Equal(got[i], llmtest.Embed(texts[i])) {
				t.Fatalf("vector %d is not that of its text", i)
			}
		}
		recorded := 0
		for _, c := range calls.All() {
			if c.Result.Response != nil {
				recorded += c.Result.Response.Usage.Input
			}
		}
		if want := after.Input - before.Input; sum != want || recorded != want || budget.Spent().Tokens != want {
			t.Errorf("the server counted %d tokens; reported %d, recorded %d, spent %d", want, sum, recorded, budget.Spent().Tokens)
		}
	}
}

func TestWrapEmbedderErrors(t *testing.T) {
	t.Parallel()
	over := llm.WrapEmbedder(&lengths{}, &llm.EmbedderOptions{Budget: llm.NewBudget(&llm.BudgetOptions{Tokens: 5})})
	if _, _, err := over.Embed(t.Context(), []string{"much too long for that"}); !errors.Is(err, llm.ErrBudget) {
		t.Error(err)
	}
	full := errors.New("disk full")
	for _, log := range []*brokenLog{{begin: full}, {end: full}} {
		e := llm.WrapEmbedder(&lengths{}, &llm.EmbedderOptions{Log: log})
		if v, _, err := e.Embed(t.Context(), []string{"a"}); v != nil || !errors.Is(err, full) {
			t.Error(v, err)
		}
	}
	for name, bad := range map[string]badEmbedder{"too few": {{1}}, "uneven": {{1}, {1, 2}}, "empty": {{}, {}}} {
		e := llm.WrapEmbedder(bad, nil)
		if v, _, err := e.Embed(t.Context(), []string{"a", "b"}); v != nil || !errors.Is(err, llm.ErrInvalid) {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
}

type badEmbedder [][]float32

func (badEmbedder) Name() string { return "test/bad" }

func (b badEmbedder) Embed(context.Context, []string) ([][]float32, llm.Usage, error) {
	return b, llm.Usage{}, nil
}

// big is lengths with settings of its own.
type big struct{ lengths }

func (*big) Identity() string { return "test/lengths big" }

func TestEmbedderIdentity(t *testing.T) {
	t.Parallel()
	calls := llm.NewMemory()
	o := &llm.EmbedderOptions{Store: calls, Log: calls}
	for _, e := range []llm.Embedder{&lengths{}, &big{}} {
		if _, used, err := llm.WrapEmbedder(e, o).Embed(t.Context(), []string{"abc"}); err != nil || used.Input != 3 {
			t.Errorf("%T was served another's vectors: %v, %v", e, used, err)
		}
	}
	if _, ok, _ := calls.Get(llm.EmbedKey("test/lengths big", "abc")); !ok {
		t.Error("not found by its key")
	}
}

func TestEmbedderSendsEachTextOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := llm.NewMemory()
		inner := &lengths{}
		e := llm.WrapEmbedder(inner, &llm.EmbedderOptions{Store: calls, Log: calls})
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				texts := []string{"a", "b", "c", "d"}
				if i%2 == 0 {
					slices.Reverse(texts)
				}
				if _, _, err := e.Embed(t.Context(), texts[i%3:]); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		sent := 0
		for _, b := range inner.batches {
			sent += len(b)
		}
		if sent != 4 {
			t.Errorf("sent %v", inner.batches)
		}
	})
}
