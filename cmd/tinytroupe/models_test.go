package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// TestReplayModels: a run that went on with another model, with other settings or at
// another address is made again from its record: each reply is that of whom it is from.
// Each call is answered otherwise, and calls that were cut off were answered too.
func TestReplayModels(t *testing.T) {
	t.Parallel()
	serve := func() *llmtest.Server { return llmtest.NewServer(t, &llmtest.ServerOptions{Reply: talker}) }
	s := serve()
	file := studyFile(t, killCrowd("together"), "")
	settings := filepath.Join(filepath.Dir(file), "config.ini")
	e := runPuppets(t, file, s.URL, "", "--max-calls", "6") // the second step is cut off after two of four
	if e.code != exitBudget {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	env := map[string]string{"OPENAI_BASE_URL": s.URL}

	if err := os.WriteFile(settings, []byte("[OpenAI]\nTEMPERATURE=0.5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if e := runPuppets(t, file, s.URL, "", "--max-calls", "13", "--yes"); e.code != exitBudget {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	replays(t, e.dir)

	// The server has moved: nothing goes there unasked.
	other := serve()
	there := map[string]string{"OPENAI_BASE_URL": other.URL}
	got := command(t, t.Context(), there, "resume", e.dir, "--max-calls", "19")
	if want := "  openai/test-model was at " + s.URL + ", and is at " + other.URL + "\n"; got.code != exitUsage || !strings.Contains(got.stderr, want) || strings.Count(got.stderr, "model was ") != 1 {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	if n := other.Stats().Calls; n > 0 {
		t.Errorf("%d calls at another address", n)
	}
	if got := command(t, t.Context(), there, "resume", e.dir, "--max-calls", "19", "--yes"); got.code != exitBudget {
		t.Fatalf("exit %d\n%s", got.code, got.stderr)
	}
	replays(t, e.dir)

	// Nor does a fork go there unasked.
	moved := filepath.Join(filepath.Dir(file), "moved")
	got = command(t, t.Context(), env, "fork", e.dir, "--at", "2.3", "--dir", moved, "--max-calls", "100")
	if want := "openai/test-model was at " + other.URL + ", and is at " + s.URL + "\nAdd --yes to go on so; nothing was called or spent\n"; got.code != exitUsage || got.stderr != want {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	if _, err := os.Stat(moved); err == nil {
		t.Error("there is a fork")
	}
	if got := command(t, t.Context(), env, "fork", e.dir, "--at", "2.3", "--dir", moved, "--max-calls", "100", "--yes"); got.code != exitDone {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	replays(t, moved)

	// A fork with another model, within the run, and one of that.
	dir := filepath.Dir(file)
	for i, f := range [][]string{{e.dir, "2.2", "openai/second-model"}, {filepath.Join(dir, "f0"), "2.4", "openai/third-model"}} {
		to := filepath.Join(dir, fmt.Sprint("f", i))
		if got := command(t, t.Context(), env, "fork", f[0], "--at", f[1], "--model", f[2], "--dir", to, "--max-calls", "100"); got.code != exitDone {
			t.Fatalf("exit %d\n%s%s", got.code, got.stdout, got.stderr)
		}
		replays(t, to)
	}
}

// TestReplayMissing: answers that were refused, invalid or did not come, and that a run
// let be, are so again; and a run that stopped while it asked is made again up to there.
func TestReplayMissing(t *testing.T) {
	t.Parallel()
	reply := map[string]string{
		"Ann Archer": `{"best":{"said":"Price.","outcome":"answered","value":["price","taste"]}}`,
		"Bea Brook":  `{"best":{"said":"Price, price.","outcome":"answered","value":["price","price"]}}`,
		"Cy Cole":    "", // refused by a filter
		"Dee Dunn":   "", // the server fails
		"Eve Early":  `{"best":{"said":"Price`,
	}
	s := llmtest.NewServer(t, &llmtest.ServerOptions{
		Reply: func(n int, req *llm.Request) (string, error) {
			if purposeOf(req) == "act" {
				return talker(n, req)
			}
			for name, text := range reply {
				if strings.Contains(req.System, name) {
					return text, nil
				}
			}
			return "", fmt.Errorf("whose prompt is this?")
		},
		FaultOf: func(c *llmtest.Call) llmtest.Fault {
			switch {
			case c.Kind != llmtest.Generate || purposeOf(c.Request) == "act":
			case strings.Contains(c.Request.System, "Cy Cole"):
				return llmtest.Fault{Kind: llmtest.FilterCall}
			case strings.Contains(c.Request.System, "Dee Dunn"):
				return llmtest.Fault{Kind: llmtest.ServerError}
			}
			return llmtest.Fault{}
		},
	})
	people := ""
	for i, name := range []string{"Ann Archer", "Bea Brook", "Cy Cole", "Dee Dunn", "Eve Early"} {
		people += fmt.Sprintf("  p%d: {persona: {name: %s}}\n", i, name)
	}
	text := "title: Ask\npeople:\n" + people + "world: {turns: together}\nquestions:\n  best: {ask: In which order?, rank: [price, taste]}\nscript:\n  - ask: best\n    remember: true\n  - run: 1\n  - ask: best\n  - tally: best\n"
	file := studyFile(t, text, "[OpenAI]\nMAX_ATTEMPTS=2\nTIMEOUT=5\n")
	e := runStudy(t, file, s, "--allow-partial", "--json")
	var sum summary
	if err := json.Unmarshal([]byte(e.stdout), &sum); err != nil || e.code != exitIncomplete {
		t.Fatalf("exit %d, %v\n%s", e.code, err, e.stderr)
	}
	if sum.Answers.Refused != 2 || sum.Answers.Failed != 2 || sum.Answers.Invalid == 0 {
		t.Errorf("%+v", sum.Answers)
	}
	replays(t, e.dir)

	file = studyFile(t, text, "[OpenAI]\nMAX_ATTEMPTS=2\nTIMEOUT=5\n")
	e = runStudy(t, file, s, "--max-calls", "1") // stopped while it asked
	if e.code != exitBudget {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	replays(t, e.dir)
	e = runStudy(t, file, s, "--max-calls", "100") // failed at the first answer that did not come
	if e.code != exitFailed {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	replays(t, e.dir)
}

// TestRestModels: what is left of a run costs what its models have not answered as they
// are now: a judge that is another, or is reached elsewhere, has answered nothing.
func TestRestModels(t *testing.T) {
	t.Parallel()
	people := panelists(panel[:1])
	s, other := people.server(t), people.server(t)
	file := ranked(t, people, "  - check: persona_adherence\n")
	e := runStudy(t, file, s)
	if e.code != exitDone {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	edited := filepath.Join(filepath.Dir(file), "edited.yaml")
	if err := os.WriteFile(edited, append([]byte("model: {judge: openai/another-judge}\n"), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	rest := func(url string, args ...string) dryRun {
		t.Helper()
		e := command(t, t.Context(), map[string]string{"OPENAI_BASE_URL": url, "TINYTROUPE_MODEL": "openai/test-model"}, append(args, "--dry-run", "--json")...)
		var d dryRun
		if err := json.Unmarshal([]byte(e.stdout), &d); err != nil || e.code != exitDone {
			t.Fatalf("exit %d, %v\n%s", e.code, err, e.stderr)
		}
		return d
	}
	if d := rest(s.URL, "resume", e.dir); d.High.Calls != 0 {
		t.Errorf("nothing is left, and yet %+v", d.Steps)
	}
	if d := rest(s.URL, "run", edited, "--dir", e.dir); len(d.Steps) != 1 || d.Steps[0].Model != "openai/another-judge" || d.Low.Calls != 1 {
		t.Errorf("of another judge: %+v", d.Steps)
	}
	if d := rest(other.URL, "resume", e.dir); len(d.Steps) != 2 || d.Low.Calls != 2 {
		t.Errorf("at another address: %+v", d.Steps)
	}
	d := rest(s.URL, "resume", e.dir, "--cache", filepath.Join(t.TempDir(), "calls.db"))
	if text := strings.Join(d.Notes, "\n"); !strings.Contains(text, "replies that runs share are not looked at") {
		t.Errorf("notes: %s", text)
	}
	if n := other.Stats().Calls; n > 0 {
		t.Errorf("%d calls", n)
	}

	// Where nobody says where a model is, it is where it was.
	azure := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Azure(), Reply: people.reply})
	dir := filepath.Join(t.TempDir(), "azure")
	env := map[string]string{"AZURE_OPENAI_ENDPOINT": azure.URL, "AZURE_OPENAI_KEY": canary}
	if e := command(t, t.Context(), env, "run", file, "--model", "azure/panel", "--dir", dir); e.code != exitDone {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	if d := rest(s.URL, "resume", dir); d.High.Calls != 0 {
		t.Errorf("nothing is left, and yet %+v", d.Steps)
	}
}

// TestParted: an identity is cut into where the model is and with what it is asked.
func TestParted(t *testing.T) {
	for identity, want := range map[string][2]string{
		"openai/m":                        {"openai/m", ""},
		"openai/m at http://h/v1":         {"openai/m at http://h/v1", ""},
		`openai/m with {"Temperature":1}`: {"openai/m", `{"Temperature":1}`},
		`openai/m at http://h/v1 and "frequency_penalty":0.5`: {"openai/m at http://h/v1", `"frequency_penalty":0.5`},
		`openai/m with {"Seed":1} and "frequency_penalty":1`:  {"openai/m", `{"Seed":1} and "frequency_penalty":1`},
	} {
		if where, how := parted(identity); [2]string{where, how} != want {
			t.Errorf("%s: %q, %q", identity, where, how)
		}
	}
}
