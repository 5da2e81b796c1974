package extract_test

import (
	"context"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
)

// TestReal lets a real model extract, and asks people whose mind it is. How good it is
// does not matter here: only that its server takes the schemas, and that what it makes
// up ends as invalid.
func TestReal(t *testing.T) {
	base := os.Getenv("TINYTROUPE_TEST_OPENAI_URL")
	if base == "" {
		t.Skip("NOT RUN against a real model. To run: start a server that speaks OpenAI's API on loopback and set TINYTROUPE_TEST_OPENAI_URL=http://127.0.0.1:PORT/v1")
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !a.IsLoopback()) {
		t.Fatalf("%s is not on loopback: tests cost nothing and send nothing elsewhere", base)
	}
	e, err := openai.NewEndpoint(&openai.Options{BaseURL: base, Provider: "local", MaxTokens: 400})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	models, err := e.Models(ctx)
	if err != nil || len(models) == 0 {
		t.Fatalf("models: %v, %v", models, err)
	}
	m, err := e.Model(models[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	model := llm.Wrap(m, llm.Retry(nil))
	qs := []extract.Question{
		{ID: "choice", Find: "Which advert the person picked, and why.", Type: extract.Fields, Fields: []extract.Question{
			{ID: "advert", Type: extract.OneOf, Options: []string{"A", "B", "C", "D"}}, {ID: "why", Find: "The reason given."}}},
	}
	w := rehearsed(t)
	x, err := extract.New(model, &extract.Options{Parallel: 2, Temperature: new(0.0)})
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	r, err := x.Extract(ctx, qs, extract.EachPerson(w)[:4])
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %v in %v", m.Name(), r.Base(), time.Since(begun).Round(time.Second))
	for _, a := range r.Answers {
		t.Logf("%s %s %s %q %s %+v", a.Person, a.Name(), a.Outcome, a.Value.String(), a.Reason, a.Evidence)
		if a.Outcome == extract.Answered && !saidBy(w, a.Person, a.Evidence[0].Quote) {
			t.Errorf("%s never said %q", a.Person, a.Evidence[0].Quote)
		}
		if a.Outcome == extract.Failed {
			t.Errorf("%+v", a)
		}
	}
}

func saidBy(w *tinytroupe.World, name, quote string) bool {
	for ev := range w.Events() {
		if ev.Kind == tinytroupe.EventActed && ev.Who == name && strings.Contains(ev.Action.Content, quote) {
			return true
		}
	}
	return false
}
