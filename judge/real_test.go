package judge

import (
	"context"
	"net/netip"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
)

// realModel returns a model behind a server on loopback, with the time it may take; it
// skips where none is named.
func realModel(t *testing.T, most time.Duration) (context.Context, llm.Model) {
	t.Helper()
	base := os.Getenv("TINYTROUPE_TEST_OPENAI_URL")
	if base == "" {
		t.Skip("SKIPPED: NOT RUN on a real model. Start one, such as llama-server with 8,192 tokens of context, and set " +
			"TINYTROUPE_TEST_OPENAI_URL=http://127.0.0.1:PORT/v1 (and TINYTROUPE_TEST_OPENAI_MODEL where it serves several); " +
			"takes up to an hour on a small machine, so add -timeout 90m")
	}
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := netip.ParseAddr(u.Hostname()); u.Hostname() != "localhost" && (err != nil || !a.IsLoopback()) {
		t.Fatalf("%s is not on loopback: tests cost nothing and send nothing elsewhere", base)
	}
	e, err := openai.NewEndpoint(&openai.Options{BaseURL: base, Provider: "local", MaxTokens: 250})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	end := time.Now().Add(most)
	if d, ok := t.Deadline(); ok && d.Before(end) {
		end = d.Add(-20 * time.Second) // to report what is there by then
	}
	ctx, cancel := context.WithDeadline(t.Context(), end)
	t.Cleanup(cancel)
	name := os.Getenv("TINYTROUPE_TEST_OPENAI_MODEL")
	if name == "" {
		models, err := e.Models(ctx)
		if err != nil || len(models) == 0 {
			t.Fatalf("models: %v, %v", models, err)
		}
		name = models[0].ID
	}
	m, err := e.Model(name)
	if err != nil {
		t.Fatal(err)
	}
	limiter := llm.NewLimiter(&llm.LimiterOptions{Parallel: 2, Most: 2})
	return ctx, llm.Wrap(m, llm.Retry(nil), llm.Limit(limiter))
}

// TestRealGold reports how far a real model agrees with the gold set. It fails only
// where the report does not hold together: how good a model is, is not this test's.
func TestRealGold(t *testing.T) {
	ctx, m := realModel(t, 80*time.Minute)
	begun := time.Now()
	items := gold(t)
	r, err := Agreement(ctx, newJudge(t, m, &Options{Temperature: new(0.0)}), items)
	if err != nil {
		t.Logf("NOT FINISHED: %v", err)
	}
	if r.Summary.Skipped == len(items) {
		t.Error("not a single item was judged")
	}
	t.Logf("%s, %s\n%s", m.Name(), time.Since(begun).Round(time.Second), r)
	for i, v := range r.Got {
		if v == nil {
			continue
		}
		t.Logf("%-20s %-14s %s", items[i].ID, items[i].Verdict, v)
		found(t, v, func() *Subject { _, s, _ := items[i].compile(); return s }())
	}
	if s := r.Summary; r.Table.N+s.Undecided+s.Refused+s.Invalid+s.Failed+s.Skipped != len(items) || s.NotJudged > 0 || r.Correct > r.Table.N {
		t.Errorf("the counts do not add up: %+v, %+v", s, r.Table)
	}
}

// found fails where a verdict quotes what was not said.
func found(t *testing.T, v *Verdict, s *Subject) {
	t.Helper()
	e, _ := s.evidence()
	if v.Outcome == Holds || v.Outcome == DoesNotHold || v.Outcome == Scored {
		if len(v.Quotes) == 0 {
			t.Errorf("%s without a quote", v)
		}
	}
	for _, q := range v.Quotes {
		if f, ok := e.Quote(q.Text, q.Who, 0); !ok || f.Text != q.Text {
			t.Errorf("%s quotes %q, which was not said", v, q.Text)
		}
	}
}

// TestRealInterview interviews the banker and the monk by a real model, on expectations
// that tell them apart. That the monk fails them is asked of a model that judges the
// first items of the gold set rightly; one that cannot do even that is no judge, and
// the test says so aloud.
func TestRealInterview(t *testing.T) {
	ctx, m := realModel(t, 30*time.Minute)
	j := newJudge(t, m, &Options{Temperature: new(0.0)})
	got := map[string]float64{}
	rated := 0
	for _, name := range []string{"banker as banker", "monk as banker"} {
		c := caseOf(t, name)
		iv := &Interview{Examiner: m, Judge: j, Expectations: c.Expectations[:2], Rounds: 1, Questions: 2}
		v, err := iv.Hold(ctx, person(t, c.Persona, m))
		if err != nil {
			t.Logf("%s: %v", name, err) // a small model may ask nothing, or nothing that can be read
		}
		t.Log(v)
		for _, e := range v.Exchanges {
			t.Logf("  %q → %q %v", e.Question, e.Answer, e.Err)
			if (e.Answer == "") == (e.Err == nil) {
				t.Errorf("neither answered nor failed: %+v", e)
			}
		}
		for _, r := range v.Ratings {
			t.Logf("  %s", r)
			found(t, r, v.Subject())
		}
		if score, _, ok := v.Score(); ok {
			got[name] = score
			rated++
		}
	}
	control, err := Agreement(ctx, j, gold(t)[:6])
	if err != nil {
		t.Logf("the control: %v", err)
	}
	if control.Correct < len(control.Items) {
		t.Skipf("THE CONTRAST IS NOT ASSERTED: %s judges %d of 6 plain items rightly, and is no judge. Scores: %v", m.Name(), control.Correct, got)
	}
	if rated != 2 || got["banker as banker"] < PassMark || got["monk as banker"] >= PassMark {
		t.Errorf("the banker's expectations: %v; want the banker at %v or above, and the monk below", got, PassMark)
	}
}
