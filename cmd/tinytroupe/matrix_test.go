package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/record"
)

var wholeMatrix = flag.Bool("matrix", false, "TestFaultMatrix tries every cell, not one schedule for each fault and purpose")

// what becomes of a fault.
type fate string

const (
	passes   fate = "passes"   // sent again, and over unless it comes every time
	repaired fate = "repaired" // asked again in other words, and over unless it comes every time
	harmless fate = "harmless" // answered all the same
	adapted  fate = "adapted"  // the endpoint does without
	ends     fate = "ends"     // a typed failure whenever it comes
	silent   fate = "silent"   // an answer without words, which is one
)

var matrixFaults = []struct {
	fault llmtest.Fault
	fate  fate
}{
	{llmtest.Fault{Kind: llmtest.Rate, RetryAfter: 20 * time.Millisecond}, passes},
	{llmtest.Fault{Kind: llmtest.ServerError}, passes},
	{llmtest.Fault{Kind: llmtest.Reset}, passes},
	{llmtest.Fault{Kind: llmtest.Truncated}, passes},
	{llmtest.Fault{Kind: llmtest.NotJSON}, passes},
	{llmtest.Fault{Kind: llmtest.Empty}, passes},
	{llmtest.Fault{Kind: llmtest.Hang}, passes},
	{llmtest.Fault{Kind: llmtest.WrongTypes}, repaired},
	{llmtest.Fault{Kind: llmtest.Length}, repaired},
	{llmtest.Fault{Kind: llmtest.Fenced}, harmless},
	{llmtest.Fault{Kind: llmtest.Prose}, harmless},
	{llmtest.Fault{Kind: llmtest.RejectParam, Param: "response_format"}, adapted},
	{llmtest.Fault{Kind: llmtest.NoSchema}, adapted},
	{llmtest.Fault{Kind: llmtest.NotFound}, ends},
	{llmtest.Fault{Kind: llmtest.Auth}, ends},
	{llmtest.Fault{Kind: llmtest.Quota}, ends},
	{llmtest.Fault{Kind: llmtest.TooLong}, ends},
	{llmtest.Fault{Kind: llmtest.Filter}, ends},
	{llmtest.Fault{Kind: llmtest.FilterCall}, ends},
	{llmtest.Fault{Kind: llmtest.Refusal}, ends},
	{llmtest.Fault{Kind: llmtest.Echo}, ends},
}

// otherwise is what becomes of a fault for one purpose, where that differs; the empty
// fate: there is no such fault.
var otherwise = map[string]map[llmtest.FaultKind]fate{
	// Vectors are no text.
	"embed": {
		llmtest.Empty: "", llmtest.WrongTypes: "", llmtest.Length: "", llmtest.Fenced: "", llmtest.Prose: "", llmtest.RejectParam: "",
		llmtest.NoSchema: "", llmtest.Filter: "", llmtest.Refusal: "",
	},
	// A free answer may be plain words, so that nothing is wrong with its form: a wrong
	// type or a cut is the failure of that answer.
	"free": {llmtest.WrongTypes: ends, llmtest.Length: ends},
	// A chatbot has no schema, and what is no answer of its own kind is not asked again.
	"bot": {
		llmtest.NotJSON: ends, llmtest.WrongTypes: ends, llmtest.Empty: silent, llmtest.Length: "", llmtest.Fenced: "", llmtest.Prose: "",
		llmtest.RejectParam: "", llmtest.NoSchema: "", llmtest.Filter: "", llmtest.Refusal: "",
	},
}

// withoutKeys leaves out of journals the keys of calls, in which the address of the
// server stands.
func withoutKeys(s string) string { return callKeys.ReplaceAllString(s, "") }

var callKeys = regexp.MustCompile(`,"calls":\[[^]]*\]`)

// A trial is something with calls for one purpose, in a folder of its own.
type trial struct {
	run  func(t *testing.T) outcome // begins it or goes on with it
	want int                        // things that are there when it is whole
	*faulty
}

// An outcome is how one run of a trial ended.
type outcome struct {
	code    int
	text    string        // what was said of it, empty where nobody says anything
	have    int           // of trial.want
	product string        // what it made: the journals, the answers
	dir     string        // of the record; "" where it keeps none of its own
	served  llmtest.Stats // in all
}

// matrixPurposes are what models are called for. A purpose that comes to be is a row.
var matrixPurposes = []struct {
	name string
	new  func(t *testing.T) trial
}{
	{"act", func(t *testing.T) trial {
		return studyTrial(t, "act", 12, "script:\n  - say: What do you have for breakfast?\n  - run: 4\n", turnsIn)
	}},
	{"consolidate", func(t *testing.T) trial {
		return studyTrial(t, "consolidate", 9, longScript(4)+"  - run: 1\n", func(evs []tinytroupe.Event) (n int) {
			for _, ev := range evs {
				if ev.Kind == tinytroupe.EventFolded {
					n++
				}
			}
			return n
		})
	}},
	{"bot", botTrial},
	{"ask", func(t *testing.T) trial {
		return askTrial(t, json.RawMessage(`{"type":"object","properties":{"answer":{"type":"string"}},"required":["answer"],"additionalProperties":false}`))
	}},
	{"free", func(t *testing.T) trial { return askTrial(t, nil) }},
	{"embed", embedTrial},
}

const matrixSettings = "[OpenAI]\nMAX_ATTEMPTS=3\nTIMEOUT=2\n"

func turnsIn(evs []tinytroupe.Event) (n int) {
	for _, ev := range evs {
		if ev.Kind == tinytroupe.EventActed && ev.Seen > 0 {
			n++
		}
	}
	return n
}

const threePeople = "title: Matrix\npeople:\n  ann: {persona: {name: Ann Archer}}\n  bea: {persona: {name: Bea Brook}}\n  cy: {persona: {name: Cy Cole}}\nworld: {turns: together}\n"

func studyTrial(t *testing.T, purpose string, want int, script string, count func([]tinytroupe.Event) int) trial {
	file := studyFile(t, threePeople+script, matrixSettings)
	f := &faulty{}
	s := puppetServer(t, purpose, f)
	return trial{faulty: f, want: want, run: func(t *testing.T) outcome {
		return outcomeOf(t, runPuppets(t, file, s.URL, ""), s.Stats(), count)
	}}
}

func outcomeOf(t *testing.T, e ended, served llmtest.Stats, count func([]tinytroupe.Event) int) outcome {
	o := outcome{code: e.code, text: e.stderr, dir: e.dir, served: served, product: withoutKeys(strings.Join(journals(t, e.dir), "\n"))}
	for _, evs := range wholeCommits(t, e.dir) {
		o.have += count(evs)
	}
	return o
}

func botTrial(t *testing.T) trial {
	file := studyFile(t, `title: Matrix
people:
  ann: {persona: {name: Ann Archer}}
  bea: {persona: {name: Bea Brook}}
  bot: {http: {url: "${env.BOT_URL}/chat", headers: {Authorization: "Bearer ${env.BOT_TOKEN}"}, reply: /answer, timeout: 2s}}
script:
  - scene: support
    rooms: each
    with: bot
    do:
      - say: Ask the bot.
        to: {not: bot}
      - run: 3
`, matrixSettings)
	f := &faulty{}
	s, b := puppetServer(t, "", nil), newPuppetBot(t, 0, f)
	return trial{faulty: f, want: 2 * 2 * 3, run: func(t *testing.T) outcome {
		o := outcomeOf(t, runPuppets(t, file, s.URL, b.URL), s.Stats(), turnsIn)
		b.mu.Lock()
		defer b.mu.Unlock()
		o.served.Calls += b.requests
		return o
	}}
}

// libraryStack is a record, and what the command puts around a model.
func libraryRecord(t *testing.T, dir string) (*record.Record, *record.Calls) {
	t.Helper()
	rec, err := record.Open(dir, nil)
	if err != nil {
		rec, err = record.Create(dir, &record.Manifest{Title: "Matrix"}, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	calls, err := rec.Calls()
	if err != nil {
		t.Fatal(err)
	}
	return rec, calls
}

var quick = &llm.RetryOptions{Attempts: 3, First: 20 * time.Millisecond}

// askTrial puts twelve questions to people, whom they change in nothing.
func askTrial(t *testing.T, schema json.RawMessage) trial {
	dir := filepath.Join(t.TempDir(), "record")
	f := &faulty{}
	s := puppetServer(t, "ask", f)
	return trial{faulty: f, want: 12, run: func(t *testing.T) (o outcome) {
		rec, calls := libraryRecord(t, dir)
		defer func() {
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		}()
		vendor, err := openai.New("test-model", &openai.Options{BaseURL: s.URL, Key: canary, Timeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer vendor.Close()
		m, err := mind.New(llm.Wrap(vendor, llm.Cache(calls), llm.Retry(quick), llm.Limit(llm.NewLimiter(nil)), llm.Meter(calls)), nil)
		if err != nil {
			t.Fatal(err)
		}
		w := tinytroupe.NewWorld("W", m, nil)
		answers, problems := make([]string, 12), make([]string, 12)
		var wg sync.WaitGroup
		for i, name := range []string{"Ann Archer", "Bea Brook"} {
			p, err := w.Add(tinytroupe.NewPersona(name), nil)
			if err != nil {
				t.Fatal(err)
			}
			for q := range 6 {
				wg.Go(func() {
					a, err := p.Ask(context.Background(), tinytroupe.Question{Text: fmt.Sprintf("Question %d?", q), Schema: schema})
					switch n := 6*i + q; {
					case err != nil:
						problems[n] = err.Error()
						if !strings.HasPrefix(problems[n], name+": ask: ") {
							t.Errorf("nobody is named: %v", err)
						}
					case a.Text == "" && a.Value == nil:
						t.Errorf("%s: an answer without anything in it", name)
					case a.Text != "":
						answers[n] = a.Text
					default:
						var v struct{ Answer string }
						if err := json.Unmarshal(a.Value, &v); err != nil {
							t.Error(err)
						}
						answers[n] = v.Answer
					}
				})
			}
		}
		wg.Wait()
		o = outcome{dir: dir, product: strings.Join(answers, "\n"), served: s.Stats(), text: strings.Join(problems, "\n")}
		for _, a := range answers {
			if a != "" {
				o.have++
			}
		}
		o.code = map[bool]int{true: exitDone, false: exitFailed}[o.have == 12]
		return o
	}}
}

// embedTrial asks for the vectors of twelve texts.
func embedTrial(t *testing.T) trial {
	dir := filepath.Join(t.TempDir(), "record")
	f := &faulty{}
	s := puppetServer(t, "embed", f)
	return trial{faulty: f, want: 12, run: func(t *testing.T) (o outcome) {
		rec, calls := libraryRecord(t, dir)
		defer func() {
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		}()
		vendor, err := openai.NewEmbedder("test-model", &openai.Options{BaseURL: s.URL, Key: canary, Timeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer vendor.Close()
		e := llm.WrapEmbedder(vendor, &llm.EmbedderOptions{Store: calls, Log: calls, Retry: quick, Limiter: llm.NewLimiter(nil)})
		o.dir = dir
		products, problems := make([]string, 12), make([]string, 12)
		var wg sync.WaitGroup
		for i := range products {
			wg.Go(func() {
				v, _, err := e.Embed(context.Background(), []string{fmt.Sprintf("text number %d", i)})
				switch {
				case err != nil:
					problems[i] = err.Error() + "\n"
				case len(v) != 1 || len(v[0]) == 0:
					t.Errorf("text %d: a vector without numbers", i)
				default:
					products[i] = fmt.Sprintln(v)
				}
			})
		}
		wg.Wait()
		for i, p := range products {
			if p != "" {
				o.have++
			}
			o.product += p
			o.text += problems[i]
		}
		o.served = s.Stats()
		o.code = map[bool]int{true: exitDone, false: exitFailed}[o.have == 12]
		return o
	}}
}

var matrixSchedules = []struct {
	name  string
	often func(llmtest.Fault) func(int) llmtest.Fault
}{
	{"every call", llmtest.Always},
	{"every fifth", func(f llmtest.Fault) func(int) llmtest.Fault { return llmtest.Every(5, f) }},
	{"once", func(f llmtest.Fault) func(int) llmtest.Fault { return llmtest.Sequence(llmtest.Fault{}, f) }},
}

// TestFaultMatrix: whatever a provider does, whatever it is called for and however
// often it does it, a run is whole or says that it is not; the journals hold whole
// commits; what was sent is in the ledger, once; and once the fault is gone the run
// comes to what it would have come to without it.
func TestFaultMatrix(t *testing.T) {
	var cells, hollow atomic.Int64
	t.Cleanup(func() { t.Logf("%d cells, hollow successes: %d", cells.Load(), hollow.Load()) })
	for i, p := range matrixPurposes {
		clean := sync.OnceValue(func() outcome {
			tr := p.new(t)
			o := tr.run(t)
			if o.code != exitDone || o.have != tr.want {
				t.Errorf("%s without faults: exit %d, %d of %d\n%s", p.name, o.code, o.have, tr.want, o.text)
			}
			return o
		})
		for j, f := range matrixFaults {
			fate := f.fate
			if other, ok := otherwise[p.name][f.fault.Kind]; ok {
				fate = other
			}
			if fate == "" {
				continue
			}
			for k, when := range matrixSchedules {
				if !*wholeMatrix && k != (i+j)%len(matrixSchedules) {
					continue
				}
				t.Run(fmt.Sprint(p.name, "/", f.fault.Kind, "/", when.name), func(t *testing.T) {
					t.Parallel()
					cells.Add(1)
					if !cell(t, p.name, p.new(t), f.fault, fate, when.name == "every call", when.often(f.fault), clean()) {
						hollow.Add(1)
					}
				})
			}
		}
	}
}

// cell tries one fault, and reports whether the run was honest about it.
func cell(t *testing.T, purpose string, tr trial, f llmtest.Fault, what fate, always bool, faults func(int) llmtest.Fault, clean outcome) (honest bool) {
	begun := time.Now()
	tr.setSparing(faults, what == repaired && !always) // else the luck of the order would decide
	o := tr.run(t)
	hit := tr.hits()
	if hit == 0 {
		t.Fatal("the fault did not happen")
	}
	if d := time.Since(begun); d > time.Minute {
		t.Errorf("it took %v", d)
	}
	code := exitDone
	if what == ends || always && (what == passes || what == repaired) {
		code = exitFailed
	}
	if o.code != code {
		t.Errorf("exit %d, want %d\n%s", o.code, code, o.text)
	}
	honest = o.code != exitDone || o.have == tr.want
	if !honest {
		t.Errorf("hollow: exit 0 with %d of %d", o.have, tr.want)
	}
	if o.code != exitDone && o.text == "" {
		t.Error("nothing says why")
	}
	if o.code == exitFailed && (purpose == "act" || purpose == "consolidate" || purpose == "bot") {
		for _, want := range []string{"run: ", "step ", "so far", "next"} {
			if !strings.Contains(o.text, want) {
				t.Errorf("the message does not say %q:\n%s", want, o.text)
			}
		}
	}

	// The ledger: what was sent is there, and what was served is counted.
	entries := entriesOf(t, o.dir)
	sent := o.served.Calls
	if what == adapted {
		sent -= hit // the endpoint was asked again within the call, without what it lacks
	}
	if len(entries) != sent {
		t.Errorf("%d attempts in the ledger, the server saw %d", len(entries), sent)
	}
	var used llm.Usage
	for _, e := range entries {
		if e.Outcome == "" {
			t.Errorf("call %d is left open", e.ID)
		}
		used = used.Add(e.Usage)
	}
	if f.Kind != llmtest.Truncated && (used.Input != o.served.Input || used.Output != o.served.Output) {
		t.Errorf("the ledger has %d and %d tokens, served were %d and %d", used.Input, used.Output, o.served.Input, o.served.Output)
	}
	if purpose != "embed" && !always && what == passes {
		if again := attempts(entries); again != hit {
			t.Errorf("%d calls were sent again, and %d failed for the moment", again, hit)
		}
	}

	// The fault gone, it goes on to the same end, and repeats nothing.
	tr.set(nil)
	rest := tr.run(t)
	if rest.code != exitDone || rest.have != tr.want {
		t.Errorf("going on: exit %d, %d of %d\n%s", rest.code, rest.have, tr.want, rest.text)
	}
	repeats(t, o.dir)
	if what != repaired && what != silent && rest.product != clean.product {
		t.Error("it came to something else than without the fault")
	}
	unsaid(t, ended{stderr: o.text, dir: o.dir})
	return honest
}

// attempts counts those beyond the first of each call.
func attempts(entries []record.Entry) (n int) {
	var keys []string
	for _, e := range entries {
		if slices.Contains(keys, e.Key) {
			n++
		}
		keys = append(keys, e.Key)
	}
	return n
}
