package wire_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

func TestWith(t *testing.T) {
	asked := make(chan string, 2)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { asked <- r.URL.RequestURI() }))
	defer s.Close()
	u, err := wire.ParseBase(s.URL + "/v1?k=1&limit=2")
	if err != nil {
		t.Fatal(err)
	}
	c, err := wire.New(u, wire.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, x := range []struct {
		c    *wire.Client
		want string
	}{{c.With(url.Values{"limit": {"9"}, "after": {"a b"}}), "/v1/models?after=a+b&k=1&limit=9"}, {c, "/v1/models?k=1&limit=2"}} {
		if _, err := x.c.Exchange(t.Context(), "p", http.MethodGet, "models", nil); err != nil {
			t.Fatal(err)
		}
		if got := <-asked; got != x.want {
			t.Errorf("asked %s, want %s", got, x.want)
		}
	}
}

func TestFields(t *testing.T) {
	got, err := wire.Fields(map[string]any{"b": []int{1}, "a\"": "x"}, "model")
	if string(got) != `,"a\"":"x","b":[1]` || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	for _, bad := range []map[string]any{{"model": 1}, {"f": func() {}}} {
		if _, err := wire.Fields(bad, "model"); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}
