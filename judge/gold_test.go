package judge

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

func gold(t testing.TB) []Item {
	t.Helper()
	items, err := Gold()
	if err != nil {
		t.Fatal(err)
	}
	return items
}

// knows is a judge that gives the verdict that f names, with a quote that was said.
func knows(items []Item, f func(n int, it *Item) Outcome) llm.Model {
	return llmtest.Func("test/knows", func(_ context.Context, _ int, req *llm.Request) (string, error) {
		text := req.Messages[0].Parts[0].Text
		for i := range items {
			p, s, err := items[i].compile()
			if err != nil {
				return "", err
			}
			e, proposed := s.evidence()
			shown, record := p.Window.view(e, proposed)
			claim, err := p.claim(s)
			if err != nil {
				return "", err
			}
			if !strings.Contains(text, record) || !strings.HasSuffix(text, claim) {
				continue
			}
			quote := ""
			for _, l := range shown.Lines {
				if l.Acted() && (!p.OwnWords || s.World || l.Who == s.Name) {
					quote = l.Content
				}
			}
			return fmt.Sprintf(`{"reason":"r","quotes":[{"event":1,"quote":%s}],"verdict":%q,"confidence":50}`, string(rawjson.Of(quote)), f(i, &items[i])), nil
		}
		return "", fmt.Errorf("no such item:\n%s", text)
	})
}

// TestGold: the set is balanced, over several propositions, and no item is decided by
// anything but the judge.
func TestGold(t *testing.T) {
	items := gold(t)
	verdicts, claims := map[Outcome]int{}, map[string]int{}
	for _, it := range items {
		verdicts[it.Verdict]++
		claims[it.Proposition+it.Claim]++
		if it.Why == "" {
			t.Errorf("%s: no reason is given", it.ID)
		}
	}
	t.Logf("%d items over %d claims: %v", len(items), len(claims), verdicts)
	if len(items) < 24 || len(claims) < 8 || min(verdicts[Holds], verdicts[DoesNotHold], verdicts[NotApplicable])*4 < len(items) {
		t.Errorf("the set is too small or not balanced: %v", verdicts)
	}
	for c, n := range claims {
		if n < 2 {
			t.Errorf("%q is judged once only: every claim needs a contrast", c)
		}
	}

	r, err := Agreement(t.Context(), newJudge(t, knows(items, func(_ int, it *Item) Outcome { return it.Verdict }), nil), items)
	if err != nil {
		t.Fatal(err)
	}
	a, ok := r.Accuracy()
	k, defined := r.Table.Kappa()
	if !ok || a != 1 || !defined || k != 1 || r.Table.N != len(items) {
		t.Errorf("a perfect judge has\n%s", r)
	}
	for i, v := range r.Got {
		if len(v.Draws) != 1 {
			t.Errorf("%s is decided without the judge: %s", items[i].ID, v)
		}
	}

	// A judge that always says the same agrees no further than chance.
	r, err = Agreement(t.Context(), newJudge(t, knows(items, func(int, *Item) Outcome { return Holds }), nil), items)
	if err != nil {
		t.Fatal(err)
	}
	if k, ok := r.Table.Kappa(); !ok || k != 0 || r.Correct != verdicts[Holds] {
		t.Errorf("a judge that always says yes has\n%s", r)
	}
}

// TestAgreementFails: what came to no verdict counts against the judge.
func TestAgreementFails(t *testing.T) {
	items := gold(t)[:6] // holds, does not hold, not applicable, twice
	right := knows(items, func(_ int, it *Item) Outcome { return it.Verdict })
	m := llmtest.Func("test/half", func(ctx context.Context, n int, req *llm.Request) (string, error) {
		text := req.Messages[0].Parts[0].Text
		if strings.Contains(text, "Four hundred") { // the first item
			return "", llm.ErrFiltered
		}
		if strings.Contains(text, "a good thing") || strings.Contains(text, "A good thing") { // the second
			return strings.Replace(yes, "I'd take the second", "made up", 1), nil
		}
		resp, err := right.Generate(ctx, req)
		if err != nil {
			return "", err
		}
		return resp.Text, nil
	})
	r, err := Agreement(t.Context(), newJudge(t, m, nil), items)
	if err != nil {
		t.Fatal(err)
	}
	want := `accuracy 0.67 (4 of 6 right)
kappa 1.00, standard error 0.00 (on 4 verdicts)
base 2 of 6: 1 holds, 1 does not hold, 2 not applicable, 1 refused, 1 invalid
right verdict      holds   does not hold  not applicable  no verdict
holds                  1               0               0           1
does not hold          0               1               0           1
not applicable         0               0               2           0
`
	if r.String() != want {
		t.Errorf("got\n%s\nwant\n%s", r, want)
	}

	r, err = Agreement(t.Context(), newJudge(t, llmtest.Scripted(empty, empty, empty, empty, empty, empty), &Options{Rehearsal: true}), items)
	if _, ok := r.Accuracy(); err != nil || ok || r.Correct != 0 || !strings.HasPrefix(r.String(), "accuracy: not judged\nkappa: not defined (on 0 verdicts)\n") {
		t.Errorf("%s%v", r, err)
	}
	broke := llmtest.Func("test/broke", func(context.Context, int, *llm.Request) (string, error) { return "", llm.ErrBudget })
	if r, err = Agreement(t.Context(), newJudge(t, broke, nil), items); err == nil || !strings.HasPrefix(err.Error(), "item ") || r.Summary.Skipped != 6 {
		t.Errorf("%v\n%s", err, r)
	}
}

func TestReadItems(t *testing.T) {
	for line, want := range map[string]string{
		`{"id":"a"`:             "line 1: unexpected EOF",
		`{"id":"a","clam":"x"}`: `line 1: json: unknown field "clam"`,
		`{"id":"a"}`:            "an item has either a proposition or a claim",
		`{"id":"a","claim":"x","proposition":"fluency"}`:                                                              "an item has either a proposition or a claim",
		`{"id":"a","proposition":"fluence"}`:                                                                          `the library has no proposition "fluence"`,
		`{"id":"a","claim":"x","verdict":"true"}`:                                                                     `the verdict is "true"; it is "holds", "does not hold" or "not applicable"`,
		`{"id":"a","claim":"x","verdict":"holds"}`:                                                                    "the transcript is empty",
		`{"id":"a","claim":"x","verdict":"holds","transcript":["hello"]}`:                                             `"hello" is not like`,
		`{"claim":"x","verdict":"holds","transcript":["Ann: hello"]}`:                                                 `its id "" is empty or taken`,
		`{"id":"a","claim":"${x}","verdict":"holds","transcript":["Ann: hello"]}`:                                     "no value is given for ${x}",
		`{"id":"a","claim":"x","verdict":"holds","subject":"Ann","transcript":["Ann: hi"],"proposed":["Ben: hello"]}`: `"Ben: hello" is no act that Ann may do`,
	} {
		if _, err := ReadItems(strings.NewReader(line)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot  %v\nwant %s", line, err, want)
		}
	}
	good := `{"id":"a","claim":"x","verdict":"holds","transcript":["Ann: hello"]}`
	if _, err := ReadItems(strings.NewReader(good + "\n\n" + good)); err == nil || !strings.Contains(err.Error(), `line 3: its id "a"`) {
		t.Error(err)
	}
}

func FuzzReadItems(f *testing.F) {
	f.Add(`{"id":"a","claim":"${target} x","subject":"Ann","persona":{"name":"Ann"},"verdict":"holds","transcript":["Ann: hello","Ann thinks: hm","USER: go"],"proposed":["Ann: bye"]}`)
	f.Add(`{"id":"b","proposition":"task_completion","vars":{"task_description":"x"},"verdict":"not applicable","transcript":["Ann: hello"]}`)
	f.Fuzz(func(t *testing.T, text string) {
		items, err := ReadItems(strings.NewReader(text))
		if err != nil {
			return
		}
		for i := range items {
			p, s, err := items[i].compile()
			if err != nil {
				t.Fatal(err)
			}
			e, _ := s.evidence()
			if len(e.Lines) == 0 && items[i].Subject == "" {
				t.Fatalf("an item without anything to judge was read: %+v, %+v", items[i], p)
			}
		}
	})
}
