package llm_test

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

func TestKey(t *testing.T) {
	t.Parallel()
	full := func() *llm.Request {
		return &llm.Request{
			System: "sys",
			Messages: []llm.Message{llm.Text(llm.User, "hello"), {Role: llm.Assistant, Parts: []llm.Part{
				{Text: "look"}, {Image: &llm.Image{MediaType: "image/png", Data: []byte("png")}}}}},
			Schema:      &llm.Schema{Name: "s", Body: json.RawMessage(`{"type":"object"}`)},
			Temperature: new(0.5), TopP: new(0.9), MaxTokens: 100, Effort: "low", Stop: []string{"a", "b"}, Draw: 2,
		}
	}
	// Records hold keys: these may not change without a new version field.
	for want, got := range map[string]string{
		"f97ebaf2e18e39f5e5fe4b2691124150": llm.Key("openai/gpt-5-mini", full()),
		"17b0d98e384eeeae574dd80f3106d0fc": llm.Key("m", &llm.Request{}),
	} {
		if got != want {
			t.Errorf("key %s, want %s", got, want)
		}
	}
	base := llm.Key("m", full())
	for name, change := range map[string]func(*llm.Request){
		"label": func(r *llm.Request) { r.Label = llm.Label{World: "w", Step: 1, Person: "p", Purpose: "act"} },
		"cache": func(r *llm.Request) { r.Messages[0].Cache = true },
	} {
		r := full()
		if change(r); llm.Key("m", r) != base {
			t.Errorf("%s changes the key", name)
		}
	}
	seen := map[string]string{base: "nothing", llm.Key("n", full()): "model"}
	for name, change := range map[string]func(*llm.Request){
		"system":      func(r *llm.Request) { r.System = "sys." },
		"border":      func(r *llm.Request) { r.System, r.Messages[0].Parts[0].Text = "sysh", "ello" },
		"text":        func(r *llm.Request) { r.Messages[0].Parts[0].Text = "Hello" },
		"role":        func(r *llm.Request) { r.Messages[0].Role = llm.Assistant },
		"order":       func(r *llm.Request) { m := r.Messages; m[0], m[1] = m[1], m[0] },
		"parts":       func(r *llm.Request) { p := r.Messages[1].Parts; p[0], p[1] = p[1], p[0] },
		"split":       func(r *llm.Request) { r.Messages[0].Parts = []llm.Part{{Text: "he"}, {Text: "llo"}} },
		"image":       func(r *llm.Request) { r.Messages[1].Parts[1].Image.Data = []byte("PNG") },
		"media type":  func(r *llm.Request) { r.Messages[1].Parts[1].Image.MediaType = "image/gif" },
		"schema name": func(r *llm.Request) { r.Schema.Name = "t" },
		"schema":      func(r *llm.Request) { r.Schema.Body = json.RawMessage(`{"type": "object"}`) },
		"no schema":   func(r *llm.Request) { r.Schema = nil },
		"temperature": func(r *llm.Request) { r.Temperature = new(0.6) },
		"unset":       func(r *llm.Request) { r.Temperature = nil },
		"zero":        func(r *llm.Request) { r.Temperature = new(0.0) },
		"top p":       func(r *llm.Request) { r.TopP = new(0.8) },
		"max tokens":  func(r *llm.Request) { r.MaxTokens = 101 },
		"effort":      func(r *llm.Request) { r.Effort = "high" },
		"stop":        func(r *llm.Request) { r.Stop = []string{"ab"} },
		"draw":        func(r *llm.Request) { r.Draw = 3 },
	} {
		r := full()
		change(r)
		k := llm.Key("m", r)
		if other, ok := seen[k]; ok || len(k) != 32 {
			t.Errorf("%s has the key of %s: %s", name, other, k)
		}
		seen[k] = name
	}
}

type server struct {
	fake
	url string
}

func (s server) Identity() string { return s.Name() + " at " + s.url }

func TestCache(t *testing.T) {
	t.Parallel()
	calls := llm.NewMemory()
	m := &script{turns: []any{"one", "two"}}
	cached := llm.Wrap(m, llm.Cache(calls), llm.Meter(calls))
	first, err := cached.Generate(t.Context(), hello("Hi."))
	if err != nil || first.Text != "one" || first.Cached || first.Call != llm.Key("test/script", hello("Hi.")) {
		t.Fatalf("%+v, %v", first, err)
	}
	hit, err := cached.Generate(t.Context(), hello("Hi."))
	if err != nil || hit.Text != "one" || !hit.Cached || hit.Call != first.Call || len(m.asked) != 1 {
		t.Errorf("%+v, %v", hit, err)
	}
	hit.Text = "spoilt"
	if hit, _ := cached.Generate(t.Context(), hello("Hi.")); hit.Text != "one" {
		t.Error("a caller changed the stored reply")
	}
	draw := hello("Hi.")
	draw.Draw = 1
	if other, _ := cached.Generate(t.Context(), draw); other.Text != "two" {
		t.Error("another draw was served the first one's reply")
	}

	// One name, two servers: each has its own replies.
	here := server{fake(func(context.Context, *llm.Request) (*llm.Response, error) { return says("here"), nil }), "http://a"}
	there := server{fake(func(context.Context, *llm.Request) (*llm.Response, error) { return says("there"), nil }), "http://b"}
	for range 2 {
		for _, s := range []server{here, there} {
			resp, err := llm.Wrap(s, llm.Cache(calls), llm.Retry(nil), llm.Meter(calls)).Generate(t.Context(), hello("Where?"))
			want, _ := s.fake(nil, nil)
			if err != nil || resp.Text != want.Text {
				t.Errorf("%s: %+v, %v", s.url, resp, err)
			}
		}
	}
}

func TestCacheNeverServesWhatIsNoAnswer(t *testing.T) {
	t.Parallel()
	cut := &llm.Response{Text: "I thi", Finish: llm.FinishLength}
	for name, first := range map[string]any{
		"invalid": `{"advert":"B"}`, "truncated": cut, "refused": llm.ErrFiltered, "failed": llm.ErrAuth,
	} {
		calls := llm.NewMemory()
		m := &script{turns: []any{first, `{"advert":"A","why":[]}`}}
		cached := llm.Wrap(m, llm.Cache(calls), llm.Meter(calls))
		req := hello("Which?")
		var err error
		if req.Schema, err = llm.SchemaFor[choice](); err != nil {
			t.Fatal(err)
		}
		cached.Generate(t.Context(), req)
		if got := calls.All()[0].Result.Outcome; string(got) != name {
			t.Errorf("%s was recorded as %s", name, got)
		}
		resp, err := cached.Generate(t.Context(), req)
		if err != nil || resp.Cached || len(m.asked) != 2 {
			t.Errorf("%s: %+v, %v after %d calls", name, resp, err, len(m.asked))
		}
		if resp, _ := cached.Generate(t.Context(), req); !resp.Cached {
			t.Errorf("%s: the good reply was not kept", name)
		}
	}
}

func TestCacheSendsIdenticalMissesOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := llm.NewMemory()
		var mu sync.Mutex
		sent := 0
		m := fake(func(context.Context, *llm.Request) (*llm.Response, error) {
			mu.Lock()
			sent++
			n := sent
			mu.Unlock()
			time.Sleep(time.Second)
			if n == 1 {
				return nil, llm.ErrAuth // the leader fails alone
			}
			return says("hi"), nil
		})
		cached := llm.Wrap(m, llm.Cache(calls), llm.Meter(calls))
		var failed, hits int
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				resp, err := cached.Generate(t.Context(), hello("Hi."))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
					failed++
				case resp.Cached:
					hits++
				}
			})
		}
		wg.Wait()
		if sent != 2 || failed != 1 || hits != 6 {
			t.Errorf("%d sent, %d failed, %d hits; want 2, 1, 6", sent, failed, hits)
		}
		// Others are not held up by a key in use, and waiting ends with a stop.
		ctx, stop := drain.With(t.Context())
		slow := llm.Wrap(fake(func(context.Context, *llm.Request) (*llm.Response, error) {
			time.Sleep(time.Hour)
			return says("late"), nil
		}), llm.Cache(calls), llm.Meter(calls))
		var leader, follower error
		wg.Go(func() { _, leader = slow.Generate(ctx, hello("Slow.")) })
		synctest.Wait()
		wg.Go(func() { _, follower = slow.Generate(ctx, hello("Slow.")) })
		synctest.Wait()
		stop()
		wg.Wait()
		if leader != nil || !errors.Is(follower, drain.ErrStopped) {
			t.Errorf("leader %v, follower %v", leader, follower)
		}
	})
}

type brokenLog struct {
	llm.MemoryCalls
	begin, end error
}

func (l *brokenLog) Begin(c *llm.Call) (int64, error)  { return 1, l.begin }
func (l *brokenLog) End(id int64, r *llm.Result) error { return l.end }

func TestMeter(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	m := &script{turns: []any{"hi"}}
	if resp, err := llm.Wrap(m, llm.Meter(&brokenLog{begin: full})).Generate(t.Context(), hello("Hi.")); resp != nil || !errors.Is(err, full) || len(m.asked) != 0 {
		t.Errorf("%+v, %v: a call that could not be recorded was sent", resp, err)
	}
	if resp, err := llm.Wrap(m, llm.Meter(&brokenLog{end: full})).Generate(t.Context(), hello("Hi.")); resp != nil || !errors.Is(err, full) {
		t.Errorf("%+v, %v: a reply that could not be recorded was used", resp, err)
	}

	calls := llm.NewMemory()
	rate := &llm.Error{Provider: "test", Status: 429, Err: llm.ErrRate}
	m = &script{turns: []any{rate, rate, "", "hi"}}
	stack := llm.Wrap(m, llm.Cache(calls), llm.Retry(&llm.RetryOptions{First: time.Microsecond}), llm.Meter(calls))
	req := hello("Hi.")
	req.Label = llm.Label{Person: "Lisa", Purpose: "act"}
	if _, err := stack.Generate(t.Context(), req); !errors.Is(err, llm.ErrInvalid) {
		t.Errorf("an empty reply: %v", err)
	}
	if _, err := stack.Generate(t.Context(), req); err != nil {
		t.Error(err)
	}
	want := []llm.Outcome{llm.Failed, llm.Failed, llm.Invalid, llm.Answered}
	all := calls.All()
	if len(all) != len(want) {
		t.Fatalf("%d calls recorded, want each of %d attempts", len(all), len(want))
	}
	for i, e := range all {
		if e.Result.Outcome != want[i] || (e.Result.Err == nil) != (want[i] == llm.Answered) || e.Call.Label != req.Label ||
			e.Call.Key != llm.Key("test/script", req) || e.Call.Bound.Input < len("You are Lisa.Hi.") || e.Call.Bound.Output == 0 {
			t.Errorf("attempt %d: %+v %+v", i, e.Call, e.Result)
		}
	}
	if err := calls.End(1, &llm.Result{}); err == nil {
		t.Error("a call ended twice")
	}
}
