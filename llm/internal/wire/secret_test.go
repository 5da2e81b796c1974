package wire_test

import (
	"net/url"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

// What a model says keeps the words of an address, which errors do not show; keys are
// masked in both.
func TestWordsOfAnAddress(t *testing.T) {
	u, err := url.Parse("https://someone-long-called@h.example/v1?region=north-rhine-westphalia&api_key=0123456789abcdef-key")
	if err != nil {
		t.Fatal(err)
	}
	c, err := wire.New(u, wire.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const said = "north-rhine-westphalia someone-long-called 0123456789abcdef-key"
	if got, want := c.Own(said), "north-rhine-westphalia someone-long-called ***"; got != want {
		t.Errorf("a model said %q, want %q", got, want)
	}
	if got, want := c.Cut(said), "*** *** ***"; got != want {
		t.Errorf("an error says %q, want %q", got, want)
	}
}
