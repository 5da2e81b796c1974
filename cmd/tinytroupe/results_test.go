package main

import (
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// A panelist of the scripted server, who is in a room alone.
type panelist struct {
	name    string
	said    string // aloud
	found   string // what an extractor makes of it: fields of a value's object
	judged  string // what a judge replies
	outcome extract.Outcome
	value   string // in answers.csv, where it is answered
}

// shows is what an extractor replies of one value.
func shows(quote, outcome, value string) string {
	return fmt.Sprintf(`{"quote":%q,"event":0,"outcome":%q,"value":%s}`, quote, outcome, value)
}

func verdictOf(quote, verdict string) string {
	return fmt.Sprintf(`{"reason":"So it is.","quotes":[{"event":0,"quote":%q}],"verdict":%q,"confidence":90}`, quote, verdict)
}

// panel has somebody for each way in which a value may end.
var panel = []panelist{
	{"Ann Archer", "Price first, then taste, then look.", shows("Price first, then taste, then look", "answered", `["price","taste","look"]`), verdictOf("Price first", "holds"), extract.Answered, ""},
	{"Bea Brook", "I would rather not choose.", shows("Taste above all, and price last", "answered", `["taste","look","price"]`), verdictOf("I never said this", "holds"), extract.Invalid, ""},
	{"Cy Cole", "Taste, then price.", shows("Taste, then price", "answered", `["taste","price"]`), verdictOf("Taste", "does not hold"), extract.Invalid, ""},
	{"Dee Dunn", "Look, look and price.", shows("Look, look and price", "answered", `["look","look","price"]`), verdictOf("Look", "not applicable"), extract.Invalid, ""},
	{"Eve Early", "That is none of your business.", shows("none of your business", "refused", `null`), "", extract.Refused, ""},
	{"Flo Fine", "Whatever.", "", "What a question!", extract.Invalid, ""},
	{"Gus Gray", "Nice weather.", shows("", "absent", `null`), verdictOf("Nice weather", "holds"), extract.Absent, ""},
}

const ranking = `title: What matters
people:
%s
world: {rooms: each}
questions:
  best: {find: What matters most., rank: [price, taste, look]}
script:
  - say: Put price, taste and look in an order.
  - run: 1
  - extract: best
  - tally: best
%s`

// ranked writes a study in which people are asked to rank, and what is beyond.
func ranked(t *testing.T, people []panelist, more string) string {
	t.Helper()
	var b strings.Builder
	for i, p := range people {
		fmt.Fprintf(&b, "  p%d: {persona: {name: %q, age: %d, occupation: \"+SUM(A1)\"}}\n", i+1, p.name, 20+10*i)
	}
	return studyFile(t, fmt.Sprintf(ranking, b.String(), more), "[OpenAI]\nMAX_ATTEMPTS=2\nTIMEOUT=5\n")
}

// server lets people say, extractors find and judges judge what the panel has.
func (p panelists) server(t *testing.T) *llmtest.Server {
	t.Helper()
	return llmtest.NewServer(t, &llmtest.ServerOptions{Reply: p.reply})
}

func (p panelists) reply(_ int, req *llm.Request) (string, error) {
	prompt := llmtest.Prompt(req)
	i := slices.IndexFunc(p, func(x panelist) bool { return strings.Contains(prompt, x.name) })
	if i < 0 {
		return "", fmt.Errorf("whose prompt is this?\n%s", prompt)
	}
	x := p[i]
	event := regexp.MustCompile(`"event":(\d+),[^}]*"does":"TALK"`).FindStringSubmatch(prompt)
	reply := ""
	switch {
	case strings.Contains(prompt, "# The claim"):
		if reply = x.judged; reply == "" {
			return "", llm.ErrFiltered
		}
	case event == nil:
		reply = fmt.Sprintf(`{"actions":[{"type":"TALK","target":"","content":%q},{"type":"DONE","target":"","content":""}],"state":{"goals":"g","attention":"a","emotions":"e"}}`, x.said)
	case x.found == "":
		return "I could not say.", nil
	default:
		reply = `{"best":` + x.found + `}`
	}
	if event != nil {
		reply = strings.ReplaceAll(reply, `"event":0`, `"event":`+event[1])
	}
	return reply, nil
}

type panelists []panelist

// table reads a CSV file of a record, by its header.
func table(t *testing.T, file string) []map[string]string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) == 0 {
		t.Fatalf("%s: %d rows, %v", file, len(rows), err)
	}
	var list []map[string]string
	for _, r := range rows[1:] {
		m := map[string]string{}
		for i, k := range rows[0] {
			m[k] = r[i]
		}
		list = append(list, m)
	}
	return list
}

// TestResultsOutcomes: what an extractor makes up, gets wrong or cannot read ends as its
// outcome in results/answers.csv, never as data; the exit code and --json say so.
func TestResultsOutcomes(t *testing.T) {
	people := panelists(panel)
	s := people.server(t)
	file := ranked(t, people, `  - check: persona_adherence
    expect: {share: 0.9}
  - check: {said: "(?i)price"}
    name: price
    expect: {share: 0.4}
  - export: checks
    format: junit
  - export: answers
    path: deep/answers.csv
`)
	e := runStudy(t, file, s, "--json")
	if e.code != exitFailed {
		t.Fatalf("exit %d\n%s\n%s", e.code, e.stdout, e.stderr)
	}
	rows := table(t, filepath.Join(e.dir, "results", "answers.csv"))
	for _, p := range people {
		var own []map[string]string
		for _, r := range rows {
			if r["person"] == p.name {
				own = append(own, r)
			}
		}
		if p.outcome == extract.Answered {
			if len(own) != 3 || own[0]["option"] != "price" || own[0]["value"] != "1" || own[2]["option"] != "look" || own[2]["value"] != "3" {
				t.Errorf("%s: %v", p.name, own)
			}
			continue
		}
		if len(own) != 1 || own[0]["outcome"] != string(p.outcome) || own[0]["value"] != "" || own[0]["option"] != "" || p.outcome == extract.Invalid && own[0]["reason"] == "" {
			t.Errorf("%s: %v", p.name, own)
		}
	}
	var sum summary
	if err := json.Unmarshal([]byte(e.stdout), &sum); err != nil {
		t.Fatal(err)
	}
	if want := (extract.Base{Asked: 7, Answered: 1, Absent: 1, Refused: 1, Invalid: 4}); sum.Answers != want {
		t.Errorf("answers %+v, want %+v", sum.Answers, want)
	}
	if len(sum.Results) != 1 || sum.Results[0].Groups[0].Base != sum.Answers {
		t.Errorf("results %+v", sum.Results)
	}
	// Ann and Gus are in character and Cy is not, which is too few of all to say; three say "price".
	if got := sum.Checks["persona_adherence"]; !strings.HasPrefix(got, "base 3 of 7: 2 holds, 1 does not hold") {
		t.Errorf("checks %q", got)
	}
	if len(sum.Unmet) != 1 || !strings.HasPrefix(sum.Unmet[0], "persona_adherence: expected a share of 0.9, and too few were judged") {
		t.Errorf("unmet %q", sum.Unmet)
	}
	same, err := os.ReadFile(filepath.Join(e.dir, "exports", "deep", "answers.csv"))
	whole, err2 := os.ReadFile(filepath.Join(e.dir, "results", "answers.csv"))
	if err != nil || err2 != nil || string(same) != string(whole) {
		t.Errorf("%v, %v: the export is not what is in results", err, err2)
	}
	junit(t, filepath.Join(e.dir, "exports", "checks.xml"), map[string]suite{
		"persona_adherence": {Tests: 7, Failures: 1, Errors: 3, Skipped: 1},
		"price":             {Tests: 7, Failures: 4},
	})
	replays(t, e.dir)

	// The same where it is tolerated: what is invalid stays so.
	if e := runStudy(t, file, s, "--allow-partial", "--quiet"); e.code != exitIncomplete {
		t.Errorf("--allow-partial: exit %d\n%s", e.code, e.stderr)
	}
}

// TestResultsFaults: under every fault of a server, in each call that extracts or judges,
// nothing is data but what was found without it, and the exit code is 0 only where all was
// found.
func TestResultsFaults(t *testing.T) {
	t.Parallel()
	people := panelists(panel[:1])
	people = append(people, panelist{"Oz Orr", "Look, then taste, then price.", shows("Look, then taste, then price", "answered", `["look","taste","price"]`), verdictOf("Look", "holds"), extract.Answered, ""})
	truth := map[string]string{"Ann Archer": "price1 taste2 look3 ", "Oz Orr": "look1 taste2 price3 "}
	for look, mark := range map[string]string{"extract": "What is asked for:", "judge": "# The claim"} {
		for _, f := range matrixFaults {
			if f.fault.Kind == llmtest.Hang {
				continue // it takes the whole timeout each time: TestHang
			}
			t.Run(string(f.fault.Kind)+" "+look, func(t *testing.T) {
				t.Parallel()
				s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: people.reply, FaultOf: func(c *llmtest.Call) llmtest.Fault {
					if c.Kind == llmtest.Generate && strings.Contains(llmtest.Prompt(c.Request), mark) {
						return f.fault
					}
					return llmtest.Fault{}
				}})
				e := runStudy(t, ranked(t, people, "  - check: persona_adherence\n    expect: {share: 1}\n"), s, "--json")
				var sum summary
				if err := json.Unmarshal([]byte(e.stdout), &sum); err != nil {
					t.Fatalf("exit %d: %v\n%s", e.code, err, e.stderr)
				}
				got := map[string]string{}
				for _, r := range table(t, filepath.Join(e.dir, "results", "answers.csv")) {
					if r["outcome"] == string(extract.Answered) {
						got[r["person"]] += r["option"] + r["value"] + " "
					} else if r["value"] != "" || r["option"] != "" {
						t.Errorf("a value that is no answer: %v", r)
					}
				}
				for name, v := range got {
					if truth[name] != v {
						t.Errorf("%s answered %q", name, v)
					}
				}
				whole := len(got) == 2 && strings.HasPrefix(sum.Checks["persona_adherence"], "base 2 of 2: 2 holds")
				if whole != (e.code == exitDone) {
					// That all was refused is a finding. What expects otherwise is not judged, which is said.
					refused := sum.Answers.Refused == 2 || strings.Contains(sum.Checks["persona_adherence"], "2 refused") && strings.Contains(e.stderr, "1 expectation not judged")
					if !refused || e.code != exitDone {
						t.Errorf("exit %d\nanswers %+v, checks %v\n%s", e.code, sum.Answers, sum.Checks, e.stderr)
					}
				}
				if harmless := f.fate == harmless || f.fate == adapted; harmless != whole {
					t.Errorf("%s: whole %v, answers %+v, checks %v", f.fate, whole, sum.Answers, sum.Checks)
				}
			})
		}
	}
}

type suite struct {
	Name     string `xml:"name,attr"`
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Errors   int    `xml:"errors,attr"`
	Skipped  int    `xml:"skipped,attr"`
	Cases    []struct {
		Name    string `xml:"name,attr"`
		Failure *struct {
			Message string `xml:"message,attr"`
		} `xml:"failure"`
		Error   *struct{} `xml:"error"`
		Skipped *struct{} `xml:"skipped"`
	} `xml:"testcase"`
}

// junit reads a JUnit file and compares what it counts, and what its cases are, with
// what is wanted.
func junit(t *testing.T, file string, want map[string]suite) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var all struct {
		XMLName xml.Name `xml:"testsuites"`
		Suites  []suite  `xml:"testsuite"`
	}
	if err := xml.Unmarshal(b, &all); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	if len(all.Suites) != len(want) {
		t.Errorf("%d suites, not %d", len(all.Suites), len(want))
	}
	for _, s := range all.Suites {
		w := want[s.Name]
		n := suite{Tests: len(s.Cases)}
		for _, c := range s.Cases {
			if c.Failure != nil {
				n.Failures++
			}
			if c.Error != nil {
				n.Errors++
			}
			if c.Skipped != nil {
				n.Skipped++
			}
			if c.Name == "" || c.Failure != nil && c.Failure.Message == "" {
				t.Errorf("%s: %+v", s.Name, c)
			}
		}
		for _, got := range []suite{s, n} {
			if got.Tests != w.Tests || got.Failures != w.Failures || got.Errors != w.Errors || got.Skipped != w.Skipped {
				t.Errorf("%s: %+v, want %+v", s.Name, got, w)
			}
		}
	}
}

// TestResultsUnmet: where all was answered and an expectation does not hold, that is the
// exit code.
func TestResultsUnmet(t *testing.T) {
	people := panelists(panel[:1])
	s := people.server(t)
	e := runStudy(t, ranked(t, people, "  - check: {said: price, not: true}\n    expect: {share: 1}\n  - check: {said: Price}\n    expect: {share: 1}\n"), s)
	if e.code != exitDone { // "price" is not said, "Price" is
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
	e = runStudy(t, ranked(t, people, "  - check: {said: Price, not: true}\n    expect: {share: 1}\n"), s)
	if e.code != exitUnmet || !strings.Contains(e.stderr, "not met  check 1: expected a share of 1, found 0.00") {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
}

// TestResultsAsk: a person who breaks a ranking while asked is invalid with
// --allow-partial, and ends the run without.
func TestResultsAsk(t *testing.T) {
	reply := map[string]string{
		"Ann Archer": `{"best":{"said":"Price.","outcome":"answered","value":["price","taste"]}}`,
		"Bea Brook":  `{"best":{"said":"Price, price.","outcome":"answered","value":["price","price"]}}`,
		"Cy Cole":    `{"best":{"said":"No.","outcome":"refused","value":null}}`,
		"Dee Dunn":   `{"best":{"said":"Price.","outcome":"answered","value":["price"]}}`,
		"Eve Early":  `{"best":{"said":"Price`,
	}
	var people strings.Builder
	for i, name := range slices.Sorted(maps.Keys(reply)) {
		fmt.Fprintf(&people, "  p%d: {persona: {name: %s}}\n", i, name)
	}
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: func(_ int, req *llm.Request) (string, error) {
		for name, text := range reply {
			if strings.Contains(req.System, name) {
				return text, nil
			}
		}
		return "", fmt.Errorf("whose prompt is this?")
	}})
	file := studyFile(t, "title: Ask\npeople:\n"+people.String()+"questions:\n  best: {ask: In which order?, rank: [price, taste]}\nscript:\n  - ask: best\n  - tally: best\n", "[OpenAI]\nMAX_ATTEMPTS=2\n")
	e := runStudy(t, file, s)
	if e.code != exitFailed || !strings.Contains(e.stderr, "ask: Bea Brook: best: invalid: ") {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
	e = runStudy(t, file, s, "--allow-partial")
	if e.code != exitIncomplete {
		t.Fatalf("exit %d\n%s\n%s", e.code, e.stdout, e.stderr)
	}
	got := map[string]string{}
	for _, r := range table(t, filepath.Join(e.dir, "results", "answers.csv")) {
		got[r["person"]] += r["outcome"] + " " + r["option"] + r["value"] + ";"
	}
	want := map[string]string{"Ann Archer": "answered price1;answered taste2;", "Bea Brook": "invalid ;", "Cy Cole": "refused ;", "Dee Dunn": "invalid ;", "Eve Early": "invalid ;"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// TestResultsFormulas: no cell of a table that a run leaves is a formula.
func TestResultsFormulas(t *testing.T) {
	people := panelists{{name: "=cmd|' /C calc'!A0", said: "@SUM(1+1) price", found: shows("@SUM(1+1) price", "answered", `["look","taste","price"]`), judged: verdictOf("@SUM(1+1)", "holds")}}
	s := people.server(t)
	e := runStudy(t, ranked(t, people, `  - tally: best
    by: occupation
  - check: {said: SUM}
    name: -formula
  - check: persona_adherence
  - export: people
    format: csv
  - export: checks
    format: csv
  - export: best
    format: csv
`), s)
	if e.code != exitDone {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	number := regexp.MustCompile(`^-?\d+(\.\d+)?$`)
	files, cells, safe := 0, 0, 0
	for _, dir := range []string{"results", "exports"} {
		list, err := filepath.Glob(filepath.Join(e.dir, dir, "*.csv"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range list {
			files++
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			rows, err := csv.NewReader(strings.NewReader(string(b))).ReadAll()
			if err != nil {
				t.Errorf("%s: %v", file, err)
			}
			for _, r := range rows {
				for _, c := range r {
					cells++
					if c != "" && strings.ContainsRune("=+-@\t\r", rune(c[0])) && !number.MatchString(c) {
						t.Errorf("%s: %q", file, c)
					}
					if strings.HasPrefix(c, "'") {
						safe++
					}
				}
			}
		}
	}
	if files < 6 || safe < 8 {
		t.Errorf("%d files, %d cells, %d of them made safe", files, cells, safe)
	}
}

// TestExportsConfined: a path out of exports/ is a mistake before anything is called.
func TestExportsConfined(t *testing.T) {
	people := panelists(panel[:1])
	s := people.server(t)
	for _, path := range []string{"../x", "/tmp/x", "a/../../x", `..\x`, ".", "a//b", "a/"} {
		file := ranked(t, people, "  - export: best\n    path: '"+path+"'\n")
		e := runStudy(t, file, s)
		if e.code != exitUsage || !strings.Contains(e.stderr, "nothing called or spent") {
			t.Errorf("%s: exit %d\n%s", path, e.code, e.stderr)
		}
	}
	if n := s.Stats().Calls; n > 0 {
		t.Errorf("%d calls", n)
	}
}

// TestResultsCut: a run that is stopped by a limit after any number of calls and gone on
// with leaves the files of results and exports of one that was not, to the byte, and both
// are made again from their records.
func TestResultsCut(t *testing.T) {
	t.Parallel()
	file := studyFile(t, `title: Yoghurt
people:
  ann: {persona: {name: Ann Archer, age: 30, beliefs: [creamy food is a comfort]}}
  bea: {persona: {name: Bea Brook, age: 40, beliefs: [thin and sour things keep you awake]}}
  cy: {persona: {name: Cy Cole, age: 50}}
world: {rooms: each}
vars: {concepts: [Creamy, Thin]}
questions:
  intent: {ask: "How likely are you to buy ${concept}?", scale: 1..5}
  best: {ask: Put them in order., rank: concepts, order: shuffle}
  wants: {find: What the person asked for., list of: {want: text, urgent: yes/no}}
script:
  - say: We sell yoghurt. What do you want of it?
  - run: 1
  - extract: wants
  - for: concept in concepts
    order: rotate
    do:
      - ask: intent
        remember: true
  - ask: best
  - tally: intent
    by: concept
  - say: Thank you.
    to: {best: Creamy}
  - run: 1
  - code: wants.want
    codes: 2
  - tally: [best, wants.want.code]
  - check: persona_adherence
    score: true
  - check: {said: yoghurt}
  - export: answers
  - export: transcript
    format: chat
  - export: checks
    format: junit
`, "")
	root := t.TempDir()
	left := func(dir string) map[string]string {
		files := map[string]string{}
		for _, part := range []string{"results", "exports"} {
			for path, hash := range fingerprint(t, filepath.Join(dir, part)) {
				files[strings.TrimPrefix(path, dir)] = hash
			}
		}
		return files
	}
	whole := filepath.Join(root, "whole")
	var sum summary
	e := command(t, t.Context(), nil, "run", file, "--dir", whole, "--model", "rehearsal", "--json")
	if err := json.Unmarshal([]byte(e.stdout), &sum); err != nil || e.code != exitDone {
		t.Fatalf("exit %d, %v\n%s", e.code, err, e.stderr)
	}
	want := left(whole)
	if len(want) < 10 || sum.Calls < 15 {
		t.Fatalf("%d files, %d calls", len(want), sum.Calls)
	}
	replays(t, whole)
	step := 1
	if testing.Short() {
		step = 5
	}
	for n := 1; n < sum.Calls; n += step {
		dir := filepath.Join(root, fmt.Sprint(n))
		if e := command(t, t.Context(), nil, "run", file, "--dir", dir, "--model", "rehearsal", "--max-calls", fmt.Sprint(n), "--quiet"); e.code != exitBudget {
			t.Fatalf("after %d calls: exit %d\n%s", n, e.code, e.stderr)
		}
		if e := command(t, t.Context(), nil, "resume", dir, "--max-calls", "1000", "--quiet"); e.code != exitDone {
			t.Fatalf("after %d calls: resumed: exit %d\n%s", n, e.code, e.stderr)
		}
		if got := left(dir); !maps.Equal(got, want) {
			for f := range want {
				if got[f] != want[f] {
					t.Errorf("after %d calls: %s differs", n, f)
				}
			}
			for f := range got {
				if _, ok := want[f]; !ok {
					t.Errorf("after %d calls: %s is there", n, f)
				}
			}
		}
		replays(t, dir)
	}
}
