package wire_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

// hung serves what never comes to an end: every way in which a server can hang.
func hung(t *testing.T) map[string]string {
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, as the system does, and never reads
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	end := make(chan struct{})
	serve := func(h http.HandlerFunc) string {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		return s.URL
	}
	urls := map[string]string{
		"accepts and says nothing": "http://" + silent.Addr().String(),
		"reads and says nothing": serve(func(_ http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			wait(r, end)
		}),
		"sends headers and stalls": serve(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusOK)
			http.NewResponseController(w).Flush()
			wait(r, end)
		}),
		"drips": serve(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			for {
				if _, err := io.WriteString(w, " "); err != nil {
					return
				}
				http.NewResponseController(w).Flush()
				select {
				case <-time.After(10 * time.Millisecond):
				case <-r.Context().Done():
					return
				case <-end:
					return
				}
			}
		}),
		"drips an error": serve(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			w.WriteHeader(http.StatusServiceUnavailable)
			http.NewResponseController(w).Flush()
			wait(r, end)
		}),
	}
	t.Cleanup(func() { close(end) })
	return urls
}

func wait(r *http.Request, end chan struct{}) {
	select {
	case <-r.Context().Done():
	case <-end:
	}
}

func client(t *testing.T, url string, o wire.Options) *wire.Client {
	t.Helper()
	u, err := wire.ParseBase(url)
	if err != nil {
		t.Fatal(err)
	}
	c, err := wire.New(u, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// TestHungServers: each ends in a typed error that says what was waited for, as soon as
// the time for it is over, and may have been billed.
func TestHungServers(t *testing.T) {
	const limit, soon = 100 * time.Millisecond, 1500 * time.Millisecond
	for how, url := range hung(t) {
		for name, o := range map[string]wire.Options{
			"no whole answer within 100ms": {Timeout: limit},
			"no answer began within 100ms": {Timeout: 10 * time.Second, FirstByte: limit},
		} {
			begins := how != "accepts and says nothing" && how != "reads and says nothing"
			if o.FirstByte > 0 && begins {
				continue
			}
			begun := time.Now()
			a, err := client(t, url, o).Exchange(t.Context(), "p/m", http.MethodPost, "x", []byte("{}"))
			took := time.Since(begun)
			if took < limit || took > soon {
				t.Errorf("a server that %s: ended after %v", how, took)
			}
			if how == "drips an error" { // what came of it is enough
				if err != nil || a.Status != http.StatusServiceUnavailable {
					t.Errorf("a server that %s: %+v, %v", how, a, err)
				}
				continue
			}
			var e *llm.Error
			if !errors.As(err, &e) || !errors.Is(err, llm.ErrTransient) || !strings.Contains(err.Error(), name) || !e.Sent || !llm.Unreported(nil, err) {
				t.Errorf("a server that %s: %v", how, err)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a server that %s: %v looks like the caller's own deadline", how, err)
			}
		}
	}
}

// TestNobodyAtHome: what never went out was not billed.
func TestNobodyAtHome(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	l.Close()
	_, err = client(t, url, wire.Options{}).Exchange(t.Context(), "p/m", http.MethodPost, "x", []byte("{}"))
	var e *llm.Error
	if !errors.As(err, &e) || e.Sent || llm.Unreported(nil, err) || !errors.Is(err, llm.ErrTransient) || !wire.NotListening(err) {
		t.Errorf("%v", err)
	}
}

// TestCancelIsAtOnce: a call ends within 100 ms of its context, however its server
// hangs, through the whole stack. A busy machine may need a second or third try.
func TestCancelIsAtOnce(t *testing.T) {
	const within = 100 * time.Millisecond
	worst := time.Duration(0)
	for how, url := range hung(t) {
		took := cancelled(t, how, url)
		for n := 1; n < 3 && took > within; n++ {
			took = cancelled(t, how, url)
		}
		worst = max(worst, took)
		if took > within {
			t.Errorf("a server that %s: ended %v after the cancel", how, took)
		}
	}
	t.Logf("at most %v", worst)
}

// cancelled returns how long eight calls outlive their context.
func cancelled(t *testing.T, how, url string) time.Duration {
	c := client(t, url, wire.Options{})
	m := llm.Wrap(model(func(ctx context.Context) error {
		_, err := c.Exchange(ctx, "p/m", http.MethodPost, "x", []byte("{}"))
		return err
	}), llm.Retry(nil), llm.Limit(llm.NewLimiter(nil)), llm.Spend(llm.NewBudget(&llm.BudgetOptions{Tokens: 1e6})))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 8)
	for range cap(ended) {
		go func() { _, err := m.Generate(ctx, &llm.Request{}); ended <- err }()
	}
	time.Sleep(50 * time.Millisecond)
	begun := time.Now()
	cancel()
	for range cap(ended) {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("a server that %s: %v", how, err)
		}
	}
	return time.Since(begun)
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
