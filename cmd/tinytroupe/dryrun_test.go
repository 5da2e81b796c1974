package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

// dry is what run --dry-run --json says of a study. A server that is named is sent
// nothing at all, and nothing is written.
func dry(t *testing.T, file string, args ...string) *dryRun {
	t.Helper()
	var requests atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	defer s.Close()
	env := map[string]string{"OPENAI_BASE_URL": s.URL, "OPENAI_API_KEY": canary, "BOT_URL": s.URL, "BOT_TOKEN": canary, "OLLAMA_HOST": strings.TrimPrefix(s.URL, "http://")}
	before := tree(t, filepath.Dir(file))
	here := tree(t, ".")
	e := command(t, t.Context(), env, append([]string{"run", file, "--model", "openai/test-model", "--dry-run", "--json"}, args...)...)
	if e.code != exitDone {
		t.Fatalf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}
	if n := requests.Load(); n > 0 {
		t.Errorf("%d requests", n)
	}
	if after := tree(t, filepath.Dir(file)); !slices.Equal(before, after) || !slices.Equal(here, tree(t, ".")) {
		t.Errorf("it wrote: %v, before %v", after, before)
	}
	d := new(dryRun)
	if err := json.Unmarshal([]byte(e.stdout), d); err != nil {
		t.Fatal(err)
	}
	return d
}

// tree is what a folder holds.
func tree(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		list = append(list, path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// priceList are prices of test models, beside a study.
const priceList = `{"openai/test-model": {"input": 1, "cached_input": 0.1, "output": 10}}`

// estimated are studies that use what the examples do not.
func estimated(t *testing.T) map[string]string {
	t.Helper()
	people := "people:\n"
	for i, name := range []string{"Ann", "Bea", "Cem", "Dora", "Emil", "Finn"} {
		people += fmt.Sprintf("  %s: {persona: {name: %s, age: %d, occupation: {title: baker}, nationality: Swiss}}\n", strings.ToLower(name), name, 20+7*i)
	}
	head := "title: Bread\n" + people
	return map[string]string{
		"rooms":    head + "script:\n  - scene: talks\n    rooms: {of: 2}\n    do:\n      - say: What do you think of bread at nine francs?\n      - run: 3\n  - scene: alone\n    rooms: each\n    do:\n      - think: I should say what I think of it.\n      - run: 1\n",
		"together": head + "world: {turns: together}\nscript:\n  - say: What do you think of bread at nine francs?\n  - run: 5\n",
		"loops":    head + "vars: {breads: [rye, spelt, white]}\nscript:\n  - scene: tasting\n    rooms: each\n    do:\n      - for: b in breads\n        order: rotate\n        do:\n          - say: \"Please taste the ${b} bread.\"\n          - run: 1\n",
		"ask": head + `questions:
  buy: {ask: Would you buy it?, yes/no: }
  why: {ask: Why or why not?}
  rate: {ask: How good is it?, scale: 1..5}
script:
  - say: A new bread costs nine francs a kilo.
  - run: 1
  - ask: [buy, why]
  - ask: rate
  - code: why
    codes: 3
  - tally: buy
`,
		"looks": head + `questions:
  price: {ask: What should a kilo cost?, number: 0..20}
script:
  - scene: groups
    rooms: {of: 3}
    do:
      - say: A new bread costs nine francs a kilo. What would you pay?
      - run: 2
  - extract: price
  - check: The person says what bread should cost.
    name: price talk
  - check: persona_adherence
  - tally: price
`,
		"long":    head + "script:\n  - say: \"" + strings.Repeat("Bread is flour, water, salt and patience. ", 100) + "\"\n  - run: 3\n  - say: Once more, please.\n  - run: 30\n",
		"folds":   "title: Bread\npeople:\n  ann: {persona: {name: Ann}}\n  bea: {persona: {name: Bea}}\nscript:\n  - say: \"" + strings.Repeat("Bread is flour, water, salt and patience. ", 1100) + "\"\n  - run: 2\n  - say: \"" + strings.Repeat("Butter is cream and a strong arm. ", 500) + "\"\n  - run: 2\n",
		"umlauts": head + "script:\n  - say: \"" + strings.Repeat("Möchten Sie größere Brötchen für zwölf Fränkli? ", 100) + "\"\n  - run: 1\n",
		"answers": head + "questions: {rate: {ask: How good is bread at nine francs?, scale: 1..5}}\nscript:\n  - ask: rate\n  - say: What would you change?\n    to: {rate: 1..2}\n  - scene: keen\n    rooms: each\n    who: {rate: 3..5}\n    do: [{say: What do you like?}, {run: 2}]\n",
		"until":   head + "script:\n  - say: What do you think of bread at nine francs?\n  - run: {steps: 6, until: {said: (?i)bread}}\n  - say: And now?\n  - run: 1\n",
	}
}

// inRange checks that what a server counted lies within an estimate, and that the
// estimate is narrow.
func inRange(t *testing.T, d *dryRun, st llmtest.Stats) {
	t.Helper()
	for _, x := range []struct {
		what            string
		low, true, high int
	}{{"calls", d.Low.Calls, st.Calls, d.High.Calls}, {"input", d.Low.Input, st.Input, d.High.Input}, {"output", d.Low.Output, st.Output, d.High.Output}, {"cacheable", 0, st.Eligible, d.High.Cacheable}} {
		t.Logf("%s: %d ≤ %d ≤ %d", x.what, x.low, x.true, x.high)
		if x.true < x.low || x.true > x.high {
			t.Errorf("%s: %d, estimated %d to %d", x.what, x.true, x.low, x.high)
		}
		varies := slices.ContainsFunc(d.Notes, func(n string) bool {
			return strings.HasPrefix(n, "runs that end") || strings.HasPrefix(n, "long memories") || strings.HasPrefix(n, "who takes part")
		})
		if !varies && x.low > 0 && x.high > 2*x.low {
			t.Errorf("%s: %d to %d: the high figure is more than twice the low", x.what, x.low, x.high)
		}
	}
}

// TestEstimateAnswers: that answers decide who takes part is said, and a rehearsal's hint is
// a range.
func TestEstimateAnswers(t *testing.T) {
	t.Parallel()
	file := studyFile(t, estimated(t)["answers"], "")
	if d := dry(t, file); !slices.Contains(d.Notes, "who takes part depends on answers: low counts who must, high who may") || d.Low.Calls != 6 || d.High.Calls != 19 {
		t.Errorf("%d to %d calls, %q", d.Low.Calls, d.High.Calls, d.Notes)
	}
	e := command(t, t.Context(), nil, "run", file, "--model", "rehearsal", "--dir", filepath.Join(filepath.Dir(file), "record"))
	if e.code != exitDone || !strings.Contains(e.stdout, " plus reasoning, 6–19 calls (--dry-run says more)") {
		t.Errorf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}
}

// TestEstimates: what a server counts lies within what --dry-run said, for each example
// and for studies with rooms, loops, questions and looks.
func TestEstimates(t *testing.T) {
	t.Parallel()
	check := func(t *testing.T, file string, args ...string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), "prices.json"), []byte(priceList), 0o600); err != nil {
			t.Fatal(err)
		}
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: rehearsal.New(nil)})
		d := dry(t, file, args...)
		e := runStudy(t, file, s, args...)
		if e.code != exitDone && e.code != exitUnmet {
			t.Fatalf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
		}
		st := s.Stats()
		inRange(t, d, st)
		p := llm.Price{Input: 1, CachedInput: 0.1, Output: 10}
		if cost := p.Cost(llm.Usage{Input: st.Input, Output: st.Output}); d.Cost == nil || cost < d.Cost[0] || cost > d.Cost[1] {
			t.Errorf("it cost %v, estimated %v", cost, d.Cost)
		}
		if cost := p.Cost(llm.Usage{Input: st.Input, CachedInput: st.Eligible, Output: st.Output}); d.Cached == nil || cost > d.Cached[1] {
			t.Errorf("from a cache it cost %v, estimated %v", cost, d.Cached)
		}
	}
	for _, name := range exampleNames() {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "study")
			if e := command(t, t.Context(), nil, "init", dir, "--example", name); e.code != exitDone {
				t.Fatal(e.stderr)
			}
			check(t, filepath.Join(dir, "study.yaml"), exampleArgs(t, name, dir)...)
		})
	}
	for name, text := range estimated(t) {
		t.Run(name, func(t *testing.T) { check(t, studyFile(t, text, "")) })
	}
}
