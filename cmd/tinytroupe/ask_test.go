package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/record"
)

// panelStudy is a study of two people in rooms of their own, whom a model is asked for.
func panelStudy(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "study.yaml")
	for name, text := range map[string]string{
		file: `title: Yoghurt
people:
  ann: {persona: {name: Ann Archer, age: 30, beliefs: [marker-ann]}}
  bea: {persona: {name: Bea Brook, age: 50, beliefs: [marker-bea]}}
world: {rooms: each}
script:
  - say: This is the yoghurt of marker-said.
  - run: 1
`,
		filepath.Join(filepath.Dir(file), "config.ini"): "[OpenAI]\nMAX_ATTEMPTS=2\nTIMEOUT=5\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return file
}

// askAt runs the study at a server and asks there, as flags say.
func askAt(t *testing.T, s *llmtest.Server, dir string, args ...string) (ended, asked) {
	t.Helper()
	env := map[string]string{"OPENAI_BASE_URL": s.URL, "OPENAI_API_KEY": "canary-key"}
	e := command(t, t.Context(), env, append([]string{"ask", dir, "--json"}, args...)...)
	var a asked
	if e.code != exitUsage {
		if err := json.Unmarshal([]byte(e.stdout), &a); err != nil {
			t.Fatalf("exit %d: %v\n%s\n%s", e.code, err, e.stdout, e.stderr)
		}
	}
	return e, a
}

// TestAskPrompt: persona, what was lived through, the question and its options are in
// the request, once each person, and nothing of one reaches the other.
func TestAskPrompt(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Keep: true, Reply: func(n int, req *llm.Request) (string, error) {
		if purposeOf(req) == "act" {
			return `{"actions":[{"type":"TALK","target":"","content":"marker-own words"},{"type":"DONE","target":"","content":""}],"state":{"goals":"g","attention":"a","emotions":"e"}}`, nil
		}
		return `{"asked":{"said":"The second.","outcome":"answered","value":"marker-two"}}`, nil
	}})
	e := runStudy(t, panelStudy(t), s)
	if e.code != exitDone {
		t.Fatal(e.stderr)
	}
	before := len(s.Calls())
	_, a := askAt(t, s, e.dir, "marker-question?", "--one-of", "marker-one,marker-two")
	if a.Base != (extract.Base{Asked: 2, Answered: 2}) || a.Answers[0].Value.String() != "marker-two" || a.Rehearsal || a.Calls != 2 {
		t.Errorf("%+v", a)
	}
	calls := s.Calls()[before:]
	if len(calls) != 2 {
		t.Fatalf("%d calls", len(calls))
	}
	of := map[string]int{}
	for _, c := range calls {
		prompt := llmtest.Prompt(c.Request)
		for _, m := range []string{"marker-said", "marker-own words", "marker-question?", "marker-one", "marker-two"} {
			if !strings.Contains(prompt, m) {
				t.Errorf("no %s in\n%s", m, prompt)
			}
		}
		for _, m := range []string{"marker-ann", "marker-bea"} {
			if strings.Contains(prompt, m) {
				of[m]++
			}
		}
	}
	if of["marker-ann"] != 1 || of["marker-bea"] != 1 {
		t.Errorf("descriptions reach %v", of)
	}
}

// TestAskEnds: each way in which a question may end is its outcome, its exit code and no
// value; asked again, only what failed is paid for.
func TestAskEnds(t *testing.T) {
	t.Parallel()
	const acts = `{"actions":[{"type":"DONE","target":"","content":""}],"state":{"goals":"g","attention":"a","emotions":"e"}}`
	reply := `{"asked":{"said":"Three.","outcome":"answered","value":3}}`
	for name, c := range map[string]struct {
		reply string
		err   error
		code  int
		base  extract.Base // of Ann and Bea; only Bea's call ends so
	}{
		"answered":     {`{"asked":{"said":"Five.","outcome":"answered","value":5}}`, nil, exitDone, extract.Base{Asked: 2, Answered: 2}},
		"absent":       {`{"asked":{"said":"No idea.","outcome":"absent","value":null}}`, nil, exitDone, extract.Base{Asked: 2, Answered: 1, Absent: 1}},
		"refused":      {`{"asked":{"said":"None of your business.","outcome":"refused","value":null}}`, nil, exitDone, extract.Base{Asked: 2, Answered: 1, Refused: 1}},
		"out of range": {`{"asked":{"said":"Nine!","outcome":"answered","value":9}}`, nil, exitFailed, extract.Base{Asked: 2, Answered: 1, Invalid: 1}},
		"no JSON":      {`What a question.`, nil, exitFailed, extract.Base{Asked: 2, Answered: 1, Invalid: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: func(n int, req *llm.Request) (string, error) {
				switch {
				case purposeOf(req) == "act":
					return acts, nil
				case strings.Contains(req.System, "Bea Brook"):
					return c.reply, c.err
				}
				return reply, nil
			}})
			e := runStudy(t, panelStudy(t), s)
			if e.code != exitDone {
				t.Fatal(e.stderr)
			}
			e2, a := askAt(t, s, e.dir, "How good is it?", "--scale", "1..5")
			if e2.code != c.code || a.Base != c.base {
				t.Fatalf("exit %d, %+v\n%s", e2.code, a.Base, e2.stderr)
			}
			if a.Base.Answered == 1 && a.Answers[1].Value.String() != "" {
				t.Errorf("a value without an answer: %+v", a.Answers[1])
			}
			served := s.Stats().Calls
			_, a = askAt(t, s, e.dir, "How good is it?", "--scale", "1..5")
			if again := s.Stats().Calls - served; (again > 0) != (a.Base.Invalid > 0) {
				t.Errorf("%d calls for the same question", again)
			}
			b, err := os.ReadFile(filepath.Join(e.dir, "results", "asked.csv"))
			if err != nil || strings.Count(string(b), "How good is it?") != 2 {
				t.Errorf("%v\n%s", err, b)
			}
			replays(t, e.dir)
		})
	}
}

// TestAskStopped: an interrupt drains, keeps what came, and the rest is asked later.
func TestAskStopped(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: talkOrAnswer})
	e := runStudy(t, panelStudy(t), s)
	if e.code != exitDone {
		t.Fatal(e.stderr)
	}
	env := map[string]string{"OPENAI_BASE_URL": s.URL}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got := command(t, ctx, env, "ask", e.dir, "Well?"); got.code != exitInterrupted {
		t.Errorf("exit %d\n%s", got.code, got.stdout)
	}
	_, a := askAt(t, s, e.dir, "Well?")
	if a.Base.Answered != 2 {
		t.Errorf("%+v", a)
	}
	// What came stays when the same is asked again and nobody is come to.
	if got := command(t, ctx, env, "ask", e.dir, "Well?"); got.code != exitInterrupted {
		t.Errorf("exit %d\n%s", got.code, got.stdout)
	}
	if b, err := os.ReadFile(filepath.Join(e.dir, "results", "asked.jsonl")); err != nil || strings.Count(string(b), `"outcome":"answered"`) != 2 || strings.Contains(string(b), "skipped") {
		t.Errorf("%v\n%s", err, b)
	}
	// The model that is named is asked; a stand-in is not, of people who were real.
	if got := command(t, t.Context(), env, "ask", e.dir, "Well?", "--model", "rehearsal"); got.code != exitUsage || !strings.Contains(got.stderr, "what a stand-in invents would stand beside its answers") {
		t.Errorf("exit %d\n%s", got.code, got.stderr)
	}
	if _, a := askAt(t, s, e.dir, "Well?", "--model", "openai/another"); a.Model != "openai/another" || a.Calls != 2 {
		t.Errorf("%+v", a)
	}
}

// TestAskMerged: an answer gives way only to what came of the same person, question, form
// and model; one that did not come, to any of these.
func TestAskMerged(t *testing.T) {
	row := func(outcome extract.Outcome, model, span string, shown ...string) extract.Answer {
		a := extract.Answer{Question: "Well?", Type: extract.OneOf, Outcome: outcome, Shown: shown, Respondent: extract.Respondent{Person: "Ann"}}
		if model != "" {
			a.Attributes = map[string]string{askedModel: model, askedRange: span}
		}
		return a
	}
	old := row(extract.Answered, "m", "1..5", "a", "b")
	for name, c := range map[string]struct {
		old, new extract.Answer
		want     []extract.Outcome
	}{
		"answered again":        {old, row(extract.Answered, "m", "1..5", "b", "a"), []extract.Outcome{extract.Answered}},
		"absent now":            {old, row(extract.Absent, "m", "1..5", "a", "b"), []extract.Outcome{extract.Absent}},
		"refused now":           {old, row(extract.Refused, "m", "1..5", "a", "b"), []extract.Outcome{extract.Refused}},
		"skipped now":           {old, row(extract.Skipped, "m", "1..5", "a", "b"), []extract.Outcome{extract.Answered}},
		"failed now":            {old, row(extract.Failed, "m", "1..5", "a", "b"), []extract.Outcome{extract.Answered}},
		"invalid now":           {old, row(extract.Invalid, "m", "1..5", "a", "b"), []extract.Outcome{extract.Answered}},
		"failed, then invalid":  {row(extract.Failed, "m", "1..5", "a", "b"), row(extract.Invalid, "m", "1..5", "a", "b"), []extract.Outcome{extract.Invalid}},
		"failed, then answered": {row(extract.Failed, "m", "1..5", "a", "b"), old, []extract.Outcome{extract.Answered}},
		"another model":         {old, row(extract.Answered, "n", "1..5", "a", "b"), []extract.Outcome{extract.Answered, extract.Answered}},
		"another model failed":  {old, row(extract.Failed, "n", "1..5", "a", "b"), []extract.Outcome{extract.Answered, extract.Failed}},
		"another range":         {old, row(extract.Answered, "m", "1..7", "a", "b"), []extract.Outcome{extract.Answered, extract.Answered}},
		"other options":         {old, row(extract.Answered, "m", "1..5", "a", "c"), []extract.Outcome{extract.Answered, extract.Answered}},
		"of an earlier version": {row(extract.Answered, "", "", "a", "b"), old, []extract.Outcome{extract.Answered}},
	} {
		var got []extract.Outcome
		for _, a := range merged([]extract.Answer{c.old}, []extract.Answer{c.new}) {
			got = append(got, a.Outcome)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// TestAskCaps: each limit that is not named is the run's, of which the run has used some.
func TestAskCaps(t *testing.T) {
	run := &record.Limits{USD: 2, Calls: 50, Tokens: 9000}
	spent := llm.Spent{USD: 1.5, Calls: 40, Tokens: 8000}
	for name, c := range map[string]struct {
		flags askFlags
		run   *record.Limits
		caps  caps
		spent llm.Spent
	}{
		"none named":  {askFlags{}, run, caps{2, 50, 9000}, spent},
		"calls named": {askFlags{maxCalls: 5}, run, caps{2, 5, 9000}, llm.Spent{USD: 1.5, Tokens: 8000}},
		"money named": {askFlags{budget: 3}, run, caps{3, 50, 9000}, llm.Spent{Calls: 40, Tokens: 8000}},
		"all named":   {askFlags{budget: 3, maxCalls: 5, maxTokens: 7}, run, caps{3, 5, 7}, llm.Spent{}},
		"no price":    {askFlags{maxCalls: 5}, run, caps{0, 5, 9000}, llm.Spent{Tokens: 8000}},
		"no limits":   {askFlags{maxTokens: 7}, nil, caps{0, 0, 7}, llm.Spent{}},
	} {
		iv := &interview{f: &c.flags, was: record.Manifest{Limits: c.run}, spent: spent}
		if l, s := iv.caps(name != "no price"); l != c.caps || s != c.spent {
			t.Errorf("%s: %+v, %+v", name, l, s)
		}
	}
}

func talkOrAnswer(n int, req *llm.Request) (string, error) {
	if purposeOf(req) == "act" {
		return talker(n, req)
	}
	return `{"asked":{"outcome":"answered","value":"Well, yes."}}`, nil
}

// TestAskRunning: a run that is under way is left alone.
func TestAskRunning(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: talkOrAnswer, Latency: 2 * time.Second})
	file := panelStudy(t)
	done := make(chan ended, 1)
	dir := filepath.Join(filepath.Dir(file), "record")
	env := map[string]string{"OPENAI_BASE_URL": s.URL}
	go func() {
		done <- command(t, t.Context(), env, "run", file, "--model", "openai/test-model", "--dir", dir)
	}()
	until(t, "the run is under way", func() bool { return s.Stats().Calls > 0 })
	if e := command(t, t.Context(), env, "ask", dir, "Well?"); e.code != exitUsage || !strings.Contains(e.stderr, "is in use by") {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
	if e := <-done; e.code != exitDone {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
}
