package wire_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

func TestRateHeaders(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return now.Add(d).Format(http.TimeFormat) }
	iso := func(d time.Duration) string { return now.Add(d).Format(time.RFC3339) }
	for _, c := range []struct {
		headers     []string
		retry, hold time.Duration
	}{
		{nil, 0, 0},
		{[]string{"Retry-After", "20"}, 20 * time.Second, 0},
		{[]string{"Retry-After", "1.5"}, 1500 * time.Millisecond, 0},
		{[]string{"Retry-After", at(30 * time.Second)}, 30 * time.Second, 0},
		{[]string{"Retry-After", at(-30 * time.Second)}, 0, 0},
		{[]string{"Retry-After", "soon"}, 0, 0},
		{[]string{"Retry-After", "-5"}, 0, 0},
		{[]string{"Retry-After", "NaN"}, 0, 0},
		{[]string{"Retry-After", "1e300"}, 24 * time.Hour, 0},
		{[]string{"Retry-After-Ms", "250", "Retry-After", "1"}, 250 * time.Millisecond, 0},
		{[]string{"X-Ms-Retry-After-Ms", "250"}, 250 * time.Millisecond, 0},
		// The server's clock is an hour ahead, or behind: the date is read by its own.
		{[]string{"Retry-After", at(time.Hour + 30*time.Second), "Date", at(time.Hour)}, 30 * time.Second, 0},
		{[]string{"Retry-After", at(-time.Hour + 30*time.Second), "Date", at(-time.Hour)}, 0, 0},

		{[]string{"X-Ratelimit-Remaining-Requests", "0", "X-Ratelimit-Reset-Requests", "1m30s"}, 90 * time.Second, 90 * time.Second},
		{[]string{"X-Ratelimit-Remaining-Requests", "0", "X-Ratelimit-Reset-Requests", "12ms"}, 12 * time.Millisecond, 12 * time.Millisecond},
		{[]string{"X-Ratelimit-Remaining-Tokens", "0", "X-Ratelimit-Reset-Tokens", "7"}, 7 * time.Second, 7 * time.Second},
		{[]string{"X-Ratelimit-Remaining-Requests", "0", "X-Ratelimit-Reset-Requests", "1s", "X-Ratelimit-Remaining-Tokens", "0", "X-Ratelimit-Reset-Tokens", "2s"}, 2 * time.Second, 2 * time.Second},
		{[]string{"X-Ratelimit-Remaining-Requests", "1", "X-Ratelimit-Reset-Requests", "1m"}, 0, 0},
		{[]string{"X-Ratelimit-Remaining-Requests", "0"}, 0, 0},
		{[]string{"X-Ratelimit-Reset-Requests", "1m"}, 0, 0},
		{[]string{"X-Ratelimit-Remaining-Requests", "0", "X-Ratelimit-Reset-Requests", "-1m"}, 0, 0},
		{[]string{"X-Ratelimit-Remaining-Requests", "0", "X-Ratelimit-Reset-Requests", "1m", "Retry-After", "3"}, 3 * time.Second, time.Minute},
		{[]string{"Anthropic-Ratelimit-Requests-Remaining", "0", "Anthropic-Ratelimit-Requests-Reset", iso(15 * time.Second)}, 15 * time.Second, 15 * time.Second},
		{[]string{"Anthropic-Ratelimit-Output-Tokens-Remaining", "0", "Anthropic-Ratelimit-Output-Tokens-Reset", iso(-time.Second)}, 0, 0},
		{[]string{"Anthropic-Ratelimit-Input-Tokens-Remaining", "500", "Anthropic-Ratelimit-Input-Tokens-Reset", iso(time.Minute)}, 0, 0},
		{[]string{"Anthropic-Ratelimit-Tokens-Remaining", "0", "Anthropic-Ratelimit-Tokens-Reset", iso(time.Hour + 5*time.Second), "Date", at(time.Hour)}, 5 * time.Second, 5 * time.Second},
	} {
		h := http.Header{}
		for i := 0; i < len(c.headers); i += 2 {
			h.Set(c.headers[i], c.headers[i+1])
		}
		if got := wire.RetryAfter(h, now); got != max(c.retry, 0) {
			t.Errorf("%q: retry after %v, want %v", c.headers, got, c.retry)
		}
		if got := wire.Hold(h, now); got != c.hold {
			t.Errorf("%q: hold %v, want %v", c.headers, got, c.hold)
		}
	}
}

// TestHeadersReachTheLimiter: an answer that says that nothing is left holds the next
// call until then.
func TestHeadersReachTheLimiter(t *testing.T) {
	const reset = 300 * time.Millisecond
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Ratelimit-Remaining-Requests", "0")
		w.Header().Set("X-Ratelimit-Reset-Requests", reset.String())
	}))
	defer s.Close()
	u, err := wire.ParseBase(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := wire.New(u, wire.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	m := llm.Wrap(model(func(ctx context.Context) error {
		_, err := c.Exchange(ctx, "p", http.MethodPost, "x", nil)
		return err
	}), llm.Limit(llm.NewLimiter(nil)))
	begun := time.Now()
	for range 3 {
		if _, err := m.Generate(t.Context(), &llm.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begun); took < 2*reset || took > 20*reset {
		t.Errorf("three calls took %v, with two waits of %v", took, reset)
	}
}

type model func(context.Context) error

func (model) Name() string { return "p/m" }
func (m model) Generate(ctx context.Context, _ *llm.Request) (*llm.Response, error) {
	return &llm.Response{}, m(ctx)
}
