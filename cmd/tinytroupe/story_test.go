package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/record"
)

// The stories are failures that users of simulation libraries told of, each tried on
// the command from beginning to end. docs/reliability.md lists them.

// storyRun runs the command on a server; rec is the record.
func storyRun(t testing.TB, url string, args ...string) ended {
	t.Helper()
	e := commandAs(t, map[string]string{"OPENAI_BASE_URL": url, "OPENAI_API_KEY": canary, "OLLAMA_HOST": "127.0.0.1:1"}, args...)
	for i, a := range args {
		if a == "--dir" {
			e.dir = args[i+1]
		}
	}
	if e.dir != "" {
		unsaid(t, e)
	}
	return e
}

func commandAs(t testing.TB, env map[string]string, args ...string) ended {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{
		stdout: &out, stderr: &errs, terminal: func() bool { return false },
		env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}
	code := p.main(context.Background(), args)
	return ended{code: code, stdout: out.String(), stderr: errs.String()}
}

// acts are the acts in a record that hold words.
func acts(t testing.TB, dir string) (list []tinytroupe.Event) {
	t.Helper()
	for _, evs := range wholeCommits(t, dir) {
		for _, ev := range evs {
			if ev.Kind == tinytroupe.EventActed && ev.Action.Content != "" {
				list = append(list, ev)
			}
		}
	}
	return list
}

// crowdOf is a study of n people, each in a room of their own, who are asked something.
func crowdOf(n int, rooms string) string {
	var b strings.Builder
	b.WriteString("title: Interviews\npeople:\n")
	for i := range n {
		fmt.Fprintf(&b, "  p%02d: {persona: {name: Person %02d}}\n", i, i)
	}
	fmt.Fprintf(&b, "script:\n  - scene: interviews\n    rooms: %s\n    do:\n      - say: What do you think of our product?\n      - run: 1\n", rooms)
	return b.String()
}

// fingerprint is every file of a folder, byte for byte.
func fingerprint(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = record.Hash(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func sameFiles(t testing.TB, what string, before, after map[string]string, but ...string) {
	t.Helper()
	for path, hash := range before {
		if after[path] != hash && !slices.Contains(but, filepath.Base(path)) {
			t.Errorf("%s changed %s", what, path)
		}
	}
}

// 60 interviews, 60 errors, none complete: exit 0 and 60 placeholder rows saved.
func TestStory01HollowSuccess(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]llmtest.FaultKind{"errors": llmtest.TooLong, "empty answers": llmtest.Empty} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: puppet(), Faults: llmtest.Always(llmtest.Fault{Kind: fault})})
			file := studyFile(t, crowdOf(60, "each"), "[OpenAI]\nMAX_ATTEMPTS=1\n")
			dir := filepath.Join(filepath.Dir(file), "record")
			e := storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", dir)
			if e.code != exitFailed || !strings.HasPrefix(e.stderr, "failed ") {
				t.Errorf("exit %d\n%s", e.code, e.stderr)
			}
			if list := acts(t, dir); len(list) != 0 {
				t.Errorf("%d acts of people who never answered: %+v", len(list), list[0])
			}
			partial := filepath.Join(filepath.Dir(file), "partial")
			e = storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", partial, "--allow-partial", "--json")
			var sum summary
			if err := json.Unmarshal([]byte(e.stdout), &sum); err != nil {
				t.Fatal(err)
			}
			if e.code != exitIncomplete || sum.Failed != 60 || sum.Status != "incomplete" {
				t.Errorf("exit %d, %d failed, %s", e.code, sum.Failed, sum.Status)
			}
			if list := acts(t, partial); len(list) != 0 {
				t.Errorf("%d acts of people who never answered: %+v", len(list), list[0])
			}
		})
	}
}

// Broken JSON is read as an empty object, and what was asked for is missing.
func TestStory02BrokenJSON(t *testing.T) {
	t.Parallel()
	const good = `{"actions":[{"type":"TALK","target":"","content":"I like tea."}],"state":{"goals":"g","attention":"a","emotions":"e"}}`
	for name, tt := range map[string]struct {
		reply string
		is    bool // an answer
	}{
		"brackets":        {"[{[}]", false},
		"cut":             {good[:len(good)-20], false},
		"cut in a string": {good[:50], false},
		"doubled":         {good + "\n" + good, false},
		"empty object":    {"{}", false},
		"no acts":         {`{"actions":null,"state":null}`, false},
		"another object":  {`{"reply":"I like tea."}`, false},
		"a key twice":     {strings.Replace(good, `"target":""`, `"target":"","content":"I hate tea."`, 1), false},
		"words":           {"I like tea.", false},
		"only reasoning":  {"<think>" + good, false},
		"fenced":          {"```json\n" + good + "\n```", true},
		"reasoning":       {"<think>I could say [{[}] or {}.</think>\n" + good, true},
		"sentences":       {"Certainly! Here it is:\n\n" + good + "\n\nIs there anything else?", true},
		"a comma":         {strings.Replace(good, "}]", "},]", 1), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: func(int, *llm.Request) (string, error) { return tt.reply, nil }})
			file := studyFile(t, crowdOf(1, "all"), "[OpenAI]\nMAX_ATTEMPTS=1\n")
			dir := filepath.Join(filepath.Dir(file), "record")
			e := storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", dir)
			list := acts(t, dir)
			switch {
			case tt.is && (e.code != exitDone || len(list) != 1 || list[0].Action.Content != "I like tea."):
				t.Errorf("exit %d, %+v\n%s", e.code, list, e.stderr)
			case !tt.is && (e.code != exitFailed || len(list) != 0 || !strings.Contains(e.stderr, "not valid")):
				t.Errorf("exit %d, %+v\n%s", e.code, list, e.stderr)
			}
		})
	}
}

// The treatment never reached anybody, the people talked of something else, and the
// run looked like any other. Delivery is counted, a step that reaches nobody is said
// to, and the record proves of each reply that its prompt held what was said before.
func TestStory03NotDelivered(t *testing.T) {
	t.Parallel()
	const treatment = "From tomorrow a kilo of apples costs nine francs."
	s := puppetServer(t, "", nil)
	file := studyFile(t, threePeople+"script:\n  - say: \""+treatment+"\"\n    to: [ann, bea]\n  - run: 2\n", "")
	dir := filepath.Join(filepath.Dir(file), "record")
	e := storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", dir)
	if e.code != exitDone || !strings.Contains(e.stdout, "2 of 3 heard it") || strings.Contains(e.stdout, "reached nobody") {
		t.Fatalf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}
	rec, err := record.View(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	calls, err := rec.Calls()
	if err != nil {
		t.Fatal(err)
	}
	treated := 0
	for _, ev := range acts(t, dir) {
		if len(ev.Calls) != 1 {
			t.Fatalf("an act with the calls %v", ev.Calls)
		}
		list, err := calls.ByKey(ev.Calls[0])
		if err != nil || len(list) == 0 {
			t.Fatal(list, err)
		}
		req, err := calls.Request(list[0].ID)
		if err != nil {
			t.Fatal(err)
		}
		told := strings.Contains(llmtest.Prompt(req), treatment)
		if told != (ev.Who != "Cy Cole") {
			t.Errorf("step %d: %s was told: %v", ev.Step, ev.Who, told)
		}
		if told {
			treated++
		}
	}
	if treated != 4 {
		t.Errorf("%d replies to the treatment", treated)
	}

	// Whoever it is for has left: no error, and no silence either.
	for _, quiet := range [][]string{nil, {"--quiet"}, {"--json"}} {
		file := studyFile(t, threePeople+"script:\n  - leave: cy\n  - say: \""+treatment+"\"\n    to: cy\n  - run: 1\n", "")
		dir := filepath.Join(filepath.Dir(file), "record")
		e := storyRun(t, s.URL, append([]string{"run", file, "--model", "openai/test-model", "--dir", dir}, quiet...)...)
		if want := "study.yaml:9: say reached nobody"; e.code != exitDone || !strings.Contains(e.stdout, want) {
			t.Errorf("%v: %q is not said: exit %d\n%s%s", quiet, want, e.code, e.stdout, e.stderr)
		}
		rec, err := record.View(dir)
		if err != nil {
			t.Fatal(err)
		}
		if w := rec.Manifest().Warnings; !slices.ContainsFunc(w, func(s string) bool { return strings.Contains(s, "reached nobody") }) {
			t.Errorf("the manifest warns of %q", w)
		}
		rec.Close()
	}
}

// Past the window of messages the persona was lost, and a context over the limit was
// sent all the same.
func TestStory05PersonaLost(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: puppet(), Keep: true})
	people := "title: Long\npeople:\n  ann: {persona: {name: Ann Archer, secret: ZX-ANN-81}}\n  bea: {persona: {name: Bea Brook, secret: ZX-BEA-82}}\nworld: {turns: together}\n"
	file := studyFile(t, people+longScript(5)+"  - run: 2\n", "")
	dir := filepath.Join(filepath.Dir(file), "record")
	if e := storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", dir); e.code != exitDone {
		t.Fatal(e.stderr)
	}
	folded := 0
	for _, c := range s.Calls() {
		if c.Kind != llmtest.Generate {
			continue
		}
		ann, bea := strings.Contains(c.Request.System, "ZX-ANN-81"), strings.Contains(c.Request.System, "ZX-BEA-82")
		if ann == bea {
			t.Errorf("call %d (%s) is on behalf of Ann: %v, of Bea: %v", c.N, purposeOf(c.Request), ann, bea)
		}
		if purposeOf(c.Request) == "consolidate" {
			folded++
		}
	}
	if folded == 0 {
		t.Error("no episode was summed up")
	}
	// What does not fit is an error that says so, and nothing is left out to make it fit.
	s = llmtest.NewServer(t, &llmtest.ServerOptions{Model: puppet(), Faults: llmtest.Sequence(llmtest.Fault{}, llmtest.Fault{}, llmtest.Fault{Kind: llmtest.TooLong})})
	file = studyFile(t, people+longScript(2), "")
	dir = filepath.Join(filepath.Dir(file), "record")
	e := storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", dir)
	if e.code != exitFailed || !strings.Contains(e.stderr, "too long") || s.Stats().Calls > 4 {
		t.Errorf("exit %d after %d calls\n%s", e.code, s.Stats().Calls, e.stderr)
	}
}

// The cache was written and never read.
func TestStory07CacheNeverRead(t *testing.T) {
	t.Parallel()
	s := puppetServer(t, "", nil)
	file := studyFile(t, killCrowd("together"), "")
	dir := filepath.Dir(file)
	run := func(name string, more ...string) (ended, int) {
		before := s.Stats().Calls
		e := storyRun(t, s.URL, append([]string{"run", file, "--model", "openai/test-model", "--dir", filepath.Join(dir, name)}, more...)...)
		if e.code != exitDone {
			t.Fatalf("exit %d\n%s", e.code, e.stderr)
		}
		return e, s.Stats().Calls - before
	}
	cache := filepath.Join(dir, "shared.db")
	first, n := run("first", "--cache", cache)
	if n != 4*6 {
		t.Errorf("%d calls", n)
	}
	second, n := run("second", "--cache", cache)
	if n != 0 {
		t.Errorf("%d calls were made again in spite of the cache", n)
	}
	if !slices.Equal(journals(t, first.dir), journals(t, second.dir)) {
		t.Error("a hit changed the result")
	}
	if _, n := run("second", "--cache", cache); n != 0 {
		t.Errorf("going on with a run that is done made %d calls", n)
	}
	third, n := run("third")
	if n != 4*6 || !slices.Equal(journals(t, first.dir), journals(t, third.dir)) {
		t.Errorf("without the cache: %d calls", n)
	}
}

// Old episodes under the same id silently stopped new ones.
func TestStory08StaleData(t *testing.T) {
	s := puppetServer(t, "", nil)
	file := studyFile(t, killCrowd("together"), "")
	t.Chdir(filepath.Dir(file))
	for i := range 3 {
		before := s.Stats().Calls
		if e := storyRun(t, s.URL, "run", "study.yaml", "--model", "openai/test-model"); e.code != exitDone {
			t.Fatalf("exit %d\n%s", e.code, e.stderr)
		}
		list, err := record.List(recordsDir)
		if err != nil || len(list) != i+1 {
			t.Fatalf("run %d: %d records, %v", i+1, len(list), err)
		}
		if n := s.Stats().Calls - before; n != 4*6 {
			t.Errorf("run %d made %d calls", i+1, n)
		}
	}
	// A study that was changed is not taken for the one in the record: what differs is
	// made anew, and what was there is kept.
	text := strings.Replace(killCrowd("together"), "market square", "old harbour", 1)
	if err := os.WriteFile("study.yaml", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := record.List(recordsDir)
	if err != nil {
		t.Fatal(err)
	}
	old, before := journals(t, list[0].Dir), s.Stats().Calls
	e := storyRun(t, s.URL, "run", "study.yaml", "--model", "openai/test-model", "--dir", list[0].Dir)
	if n := s.Stats().Calls - before; e.code != exitDone || n != 4*6 || !strings.Contains(e.stdout, "edited ") || !strings.Contains(e.stdout, "this step is not the one that was run") {
		t.Errorf("exit %d, %d calls\n%s%s", e.code, n, e.stdout, e.stderr)
	}
	if got := strings.Join(journals(t, list[0].Dir), "\n"); !strings.Contains(got, "old harbour") || strings.Contains(got, "market square") {
		t.Error("the new study's journal is not there")
	}
	if kept := journals(t, filepath.Join(list[0].Dir, "earlier", "1")); !slices.Equal(kept, old) {
		t.Error("what was there is not kept")
	}
}

// After four or five rounds the model emitted token soup, and it was taken for talk.
func TestStory09TokenSoup(t *testing.T) {
	t.Parallel()
	const soup = "the прав ده הלו देव 的 of Ωμέγα и ко का کہ שלום and the 東京 एक دو and ко और so και on }}{{ "
	run := func(from int) ended {
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: llmtest.Func("tired", func(ctx context.Context, n int, req *llm.Request) (string, error) {
			text := fmt.Sprintf("In my view number %d is right, and the cars should go.", n*n)
			if n >= from {
				text = fmt.Sprint(n, soup, n*n)
			}
			b, err := json.Marshal(map[string]any{"actions": []any{map[string]string{"type": "TALK", "target": "", "content": text}},
				"state": map[string]string{"goals": "g", "attention": "a", "emotions": "e"}})
			return string(b), err
		})})
		file := studyFile(t, threePeople+"script:\n  - say: What should a town do?\n  - run: 6\n", "")
		return storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", filepath.Join(filepath.Dir(file), "record"), "--quiet")
	}
	e := run(13)
	if want := "6 of 18 acts read as if the model had lost its way; the first is "; e.code != exitDone || !strings.Contains(e.stdout, want) ||
		!strings.Contains(e.stdout, ", step 5, TALK: letters of many scripts mixed") {
		t.Errorf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}
	rec, err := record.View(e.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	if w := rec.Manifest().Warnings; len(w) != 1 || !strings.Contains(w[0], "lost its way") {
		t.Errorf("the manifest warns of %q", w)
	}
	if e := run(1000); e.code != exitDone || strings.Contains(e.stdout, "lost its way") {
		t.Errorf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}
}

// Opening a run again forced it to restart, and deleted its logs and databases.
func TestStory11RefreshDestroys(t *testing.T) {
	t.Parallel()
	s := puppetServer(t, "", nil)
	file := studyFile(t, killCrowd("together"), "")
	dir := filepath.Join(filepath.Dir(file), "record")
	if e := storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", dir); e.code != exitDone {
		t.Fatal(e.stderr)
	}
	before, calls := fingerprint(t, dir), s.Stats().Calls
	for _, args := range [][]string{
		{"show", dir}, {"show", dir, "--transcript"}, {"show", dir, "--costs"}, {"show", dir, "--json"}, {"ls"},
		{"resume", dir}, {"run", file, "--model", "openai/test-model", "--dir", dir},
		{"run", file, "--model", "openai/test-model", "--dir", filepath.Dir(dir)},   // holds something else
		{"run", file, "--model", "openai/test-model", "--dir", dir, "--seed", "99"}, // is of another seed
		{"chat", "lisa", "--model", "openai/test-model", "--dir", filepath.Dir(dir)},
	} {
		storyRun(t, s.URL, args...)
		// When a run is gone on with, the manifest holds its times and the lock who held it.
		sameFiles(t, strings.Join(args, " "), before, fingerprint(t, dir), "manifest.json", "lock", "calls.db")
	}
	if n := s.Stats().Calls - calls; n != 0 {
		t.Errorf("%d calls were made", n)
	}
	if n := len(entriesOf(t, dir)); n != calls {
		t.Errorf("%d calls are in the record of %d", n, calls)
	}
	// Somebody else has it open: refused, and untouched.
	rec, err := record.Open(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	before = fingerprint(t, dir)
	if e := storyRun(t, s.URL, "resume", dir); e.code != exitUsage || !strings.Contains(e.stderr, "in use by") {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
	sameFiles(t, "a second process", before, fingerprint(t, dir))
}

// Agent 400 of 513 fails, or the quota ends, and all that was paid for is gone.
func TestStory12CrashLate(t *testing.T) {
	t.Parallel()
	for _, kind := range []llmtest.FaultKind{llmtest.Quota, llmtest.Auth, llmtest.ServerError} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			const people, late = 60, 50
			f := &faulty{}
			f.set(func(n int) llmtest.Fault {
				if n >= late {
					return llmtest.Fault{Kind: kind}
				}
				return llmtest.Fault{}
			})
			s := puppetServer(t, "act", f)
			file := studyFile(t, crowdOf(people, "each"), "[OpenAI]\nMAX_ATTEMPTS=1\n")
			dir := filepath.Join(filepath.Dir(file), "record")
			e := storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", dir, "--parallel", "4")
			if e.code != exitFailed || !strings.Contains(e.stderr, "tinytroupe resume ") {
				t.Fatalf("exit %d\n%s", e.code, e.stderr)
			}
			answered := 0
			for _, c := range entriesOf(t, dir) {
				if c.Outcome == llm.Answered {
					answered++
				}
			}
			if answered < late-1 {
				t.Errorf("%d of %d answers are kept", answered, late-1)
			}
			f.set(nil)
			before := s.Stats().Calls
			if e = storyRun(t, s.URL, "resume", dir); e.code != exitDone || len(acts(t, dir)) != people {
				t.Fatalf("exit %d, %d acts\n%s", e.code, len(acts(t, dir)), e.stderr)
			}
			if n := s.Stats().Calls - before; n != people-answered {
				t.Errorf("going on made %d calls, %d were left", n, people-answered)
			}
			repeats(t, dir)
		})
	}
}

// An unreadable cache was replaced by an empty one, and the next save made it so.
func TestStory13PaidCacheWiped(t *testing.T) {
	t.Parallel()
	s := puppetServer(t, "", nil)
	file := studyFile(t, killCrowd("together"), "")
	dir, cache := filepath.Join(filepath.Dir(file), "record"), filepath.Join(filepath.Dir(file), "cache.db")
	run := []string{"run", file, "--model", "openai/test-model", "--dir", dir, "--cache", cache}
	if e := storyRun(t, s.URL, run...); e.code != exitDone {
		t.Fatal(e.stderr)
	}
	paid := s.Stats().Calls
	for _, path := range []string{filepath.Join(dir, "calls.db"), cache} {
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for what, bad := range map[string][]byte{
			"noise": bytes.Repeat([]byte("noise"), len(good)/5), "the first half": good[:len(good)/2], "a text": []byte("{}\n"),
		} {
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			e := storyRun(t, s.URL, append(run, "--yes")...)
			now, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if e.code == exitDone || !strings.Contains(e.stderr, filepath.Base(path)) || !bytes.Equal(now, bad) {
				t.Errorf("%s in %s: exit %d, unchanged: %v\n%s%s", what, filepath.Base(path), e.code, bytes.Equal(now, bad), e.stdout, e.stderr)
			}
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if e := storyRun(t, s.URL, run...); e.code != exitDone || s.Stats().Calls != paid {
		t.Errorf("exit %d, %d calls were paid again\n%s", e.code, s.Stats().Calls-paid, e.stderr)
	}
}

// One agent took down all who acted at the same time.
func TestStory14OneTakesDownAll(t *testing.T) {
	t.Parallel()
	begin := func(partial bool) (e ended, s *llmtest.Server, f *faulty) {
		f = &faulty{faults: llmtest.Always(llmtest.Fault{Kind: llmtest.FilterCall})}
		s = llmtest.NewServer(t, &llmtest.ServerOptions{Model: puppet(), Latency: 20 * time.Millisecond, FaultOf: func(c *llmtest.Call) llmtest.Fault {
			if strings.Contains(c.Request.System, "Bea Brook") {
				return f.next(c)
			}
			return llmtest.Fault{}
		}})
		file := studyFile(t, threePeople+"script:\n  - say: What do you eat?\n  - run: 3\n", "")
		args := []string{"run", file, "--model", "openai/test-model", "--dir", filepath.Join(filepath.Dir(file), "record")}
		if partial {
			args = append(args, "--allow-partial")
		}
		return storyRun(t, s.URL, args...), s, f
	}
	e, s, f := begin(false)
	if e.code != exitFailed || !strings.Contains(e.stderr, "Bea Brook") || strings.Contains(e.stderr, "Ann Archer") {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
	kept := 0
	for _, c := range entriesOf(t, e.dir) {
		if c.Outcome == llm.Answered {
			kept++
		}
	}
	f.set(nil)
	before := s.Stats().Calls
	if r := storyRun(t, s.URL, "resume", e.dir); r.code != exitDone || s.Stats().Calls-before != 9-kept {
		t.Errorf("exit %d, %d calls, with %d answers kept\n%s", r.code, s.Stats().Calls-before, kept, r.stderr)
	}
	e, _, _ = begin(true)
	who := map[string]int{}
	for _, ev := range acts(t, e.dir) {
		who[ev.Who]++
	}
	if e.code != exitIncomplete || who["Ann Archer"] != 3 || who["Cy Cole"] != 3 || who["Bea Brook"] != 0 {
		t.Errorf("exit %d, %v\n%s", e.code, who, e.stderr)
	}
}

// All was done and the status stayed at "running", so that the report was locked.
func TestStory15FinishedButRunning(t *testing.T) {
	f := &faulty{}
	s := puppetServer(t, "act", f)
	file := studyFile(t, threePeople+"script:\n  - say: What do you eat?\n  - run: 3\n", "[OpenAI]\nMAX_ATTEMPTS=1\n")
	t.Chdir(filepath.Dir(file))
	for want, faults := range map[string]func(int) llmtest.Fault{
		"done":   nil,
		"failed": llmtest.Sequence(llmtest.Fault{}, llmtest.Fault{Kind: llmtest.Quota}),
	} {
		f.set(faults)
		dir := filepath.Join(recordsDir, want)
		storyRun(t, s.URL, "run", "study.yaml", "--model", "openai/test-model", "--dir", dir)
		rec, err := record.View(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := rec.Status(); string(got) != want {
			t.Errorf("%s: the status is %s", want, got)
		}
		rec.Close()
		if e := storyRun(t, s.URL, "show", dir); e.code != exitDone || !strings.Contains(e.stdout, want) {
			t.Errorf("show %s: exit %d\n%s%s", want, e.code, e.stdout, e.stderr)
		}
	}
	// A process that died left "running" in the manifest: it is not believed.
	rec, err := record.Open(filepath.Join(recordsDir, "failed"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Update(func(m *record.Manifest) { m.Status = record.Running }); err != nil {
		t.Fatal(err)
	}
	if e := storyRun(t, s.URL, "ls"); !strings.Contains(e.stdout, "running") {
		t.Errorf("while it runs:\n%s", e.stdout)
	}
	rec.Close()
	if e := storyRun(t, s.URL, "ls"); strings.Contains(e.stdout, "running") || !strings.Contains(e.stdout, "interrupted") {
		t.Errorf("after it died:\n%s", e.stdout)
	}
	f.set(nil)
	if e := storyRun(t, s.URL, "resume", filepath.Join(recordsDir, "failed")); e.code != exitDone {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
}

// Raising the log level crashed the program.
func TestStory22DebuggingBreaks(t *testing.T) {
	t.Parallel()
	var want []string
	for _, settings := range []string{
		"", "[Logging]\nLOGLEVEL=DEBUG\n", "[Logging]\nLOGLEVEL_CONSOLE=DEBUG\nLOGLEVEL_FILE=DEBUG\n", "[Logging]\nLOGLEVEL=NONE\nLOGLEVEL_FILE=INFO\n",
		"[Logging]\nLOGLEVEL_FILE=CRITICAL\n",
	} {
		for _, kind := range []llmtest.FaultKind{llmtest.None, llmtest.ServerError, llmtest.Echo} {
			s := puppetServer(t, "act", &faulty{faults: llmtest.Sequence(llmtest.Fault{Kind: kind})})
			file := studyFile(t, threePeople+"script:\n  - say: What do you eat?\n  - run: 2\n", settings)
			dir := filepath.Join(filepath.Dir(file), "record")
			e := storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", dir)
			if code := map[bool]int{true: exitFailed, false: exitDone}[kind == llmtest.Echo]; e.code != code {
				t.Errorf("%q, %s: exit %d\n%s", settings, kind, e.code, e.stderr)
				continue
			}
			if e.code == exitFailed {
				e = storyRun(t, s.URL, "resume", dir)
			}
			got := journals(t, dir)
			for i := range got {
				got[i] = withoutKeys(got[i])
			}
			if want == nil {
				want = got
			}
			if !slices.Equal(got, want) {
				t.Errorf("%q, %s: the log changed the run", settings, kind)
			}
		}
	}
}

// One message stood for every error.
func TestStory23LyingMessage(t *testing.T) {
	t.Parallel()
	says := map[llmtest.FaultKind]string{
		llmtest.Rate: "rate limited", llmtest.ServerError: "HTTP 500", llmtest.Reset: "temporary failure", llmtest.Truncated: "temporary failure",
		llmtest.NotJSON: "not the expected JSON", llmtest.Hang: "answer within", llmtest.NotFound: "not found", llmtest.Auth: "not authorised",
		llmtest.Quota: "out of quota", llmtest.TooLong: "too long for the model's context", llmtest.Filter: "content filter",
		llmtest.FilterCall: "content filter", llmtest.Refusal: "refused", llmtest.WrongTypes: "not valid", llmtest.Length: "ended at the token limit",
		llmtest.Echo: "HTTP 400",
	}
	for kind, want := range says {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Model: puppet(), Faults: llmtest.Always(llmtest.Fault{Kind: kind})})
			file := studyFile(t, threePeople+"script:\n  - say: What do you eat?\n  - run: 2\n", "[OpenAI]\nMAX_ATTEMPTS=1\nTIMEOUT=1\n")
			e := storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", filepath.Join(filepath.Dir(file), "record"))
			if e.code != exitFailed || !strings.Contains(e.stderr, want) {
				t.Errorf("exit %d, not %q\n%s", e.code, want, e.stderr)
			}
			for other, text := range says {
				same := text == want || strings.Contains(want, text) || text == "refused" || text == "HTTP 400" || text == "content filter" || text == "temporary failure"
				if !same && strings.Contains(e.stderr, text) {
					t.Errorf("it is said to be %s:\n%s", other, e.stderr)
				}
			}
			for _, part := range []string{"study.yaml:9: run: step 1: ", "openai/test-model", "so far", "next"} {
				if !strings.Contains(e.stderr, part) {
					t.Errorf("%q is not said:\n%s", part, e.stderr)
				}
			}
		})
	}
}
