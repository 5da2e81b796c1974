package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/judge"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// marks answers as a server that enforces schemas would.
func marks(_ int, req *llm.Request) (string, error) {
	if req.Schema == nil {
		return "Hello.", nil
	}
	return `{"mark":"qzv-41"}`, nil
}

const secret = "sk-canary-0123456789abcdefghij"

// diagnose runs doctor with --json, and checks that nothing shows the key.
func diagnose(t *testing.T, env map[string]string, args ...string) (d diagnosis, e ended) {
	t.Helper()
	t.Chdir(t.TempDir())
	e = command(t, t.Context(), env, append([]string{"doctor", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(e.stdout), &d); err != nil {
		t.Fatalf("%v\n%s\n%s", err, e.stdout, e.stderr)
	}
	if strings.Contains(e.stdout+e.stderr, secret) {
		t.Errorf("the key is shown\n%s\n%s", e.stdout, e.stderr)
	}
	if d.Works != (e.code == exitDone) {
		t.Errorf("works %v, exit %d", d.Works, e.code)
	}
	return d, e
}

// found returns the findings about something as one text.
func (d *diagnosis) found(check string) string {
	var b strings.Builder
	for _, f := range d.Findings {
		if f.Check == check {
			b.WriteString(f.Status + ": " + f.Text + " " + f.Do + "\n")
		}
	}
	return b.String()
}

func TestDoctor(t *testing.T) {
	openAI := func(o llmtest.ServerOptions) map[string]string {
		s := llmtest.NewServer(t, &o)
		return map[string]string{"OPENAI_BASE_URL": s.URL + "/v1", "OPENAI_API_KEY": secret}
	}
	ollama := func(o llmtest.ServerOptions) map[string]string {
		o.Dialect = llmtest.Ollama()
		return map[string]string{"OLLAMA_HOST": llmtest.NewServer(t, &o).URL}
	}
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	azure := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Azure(), Reply: marks})
	for name, c := range map[string]struct {
		env  map[string]string
		args []string
		code int
		want map[string]string // by check
	}{
		"nothing":          {map[string]string{}, nil, exitDone, map[string]string{"model": "ok: rehearsal (no model is configured)", "keys": "OPENAI_API_KEY"}},
		"an address alone": {map[string]string{"ANTHROPIC_BASE_URL": closed.URL, "GOOGLE_GEMINI_BASE_URL": closed.URL}, nil, exitDone, map[string]string{"model": "ok: rehearsal"}},
		"openai":           {openAI(llmtest.ServerOptions{Reply: marks}), nil, exitDone, map[string]string{"model": "the only model at", "schema": "ok: enforced", "call": "ok: answered", "keys": "set: OPENAI_API_KEY"}},
		"passed over": {openAI(llmtest.ServerOptions{Reply: func(int, *llm.Request) (string, error) { return "Hello.", nil }}), nil, exitDone,
			map[string]string{"schema": "note: taken by the server and not enforced"}},
		"in the prompt": {openAI(llmtest.ServerOptions{Reply: marks, Faults: llmtest.Always(llmtest.Fault{Kind: llmtest.NoSchema})}), nil, exitDone,
			map[string]string{"schema": "note: not enforced", "adapted": "the schema in the prompt"}},
		"all reasoning": {openAI(llmtest.ServerOptions{Reply: marks, Reasoning: 5000}), nil, exitDone, map[string]string{"schema": "note: undecided: the model reasoned for 4000 tokens"}},
		"reasons aloud": {openAI(llmtest.ServerOptions{Reply: func(int, *llm.Request) (string, error) { return "<think>" + strings.Repeat("Hello. ", 5000), nil }}), nil, exitDone,
			map[string]string{"schema": "note: undecided"}},
		"reasons much": {openAI(llmtest.ServerOptions{Reply: marks, Reasoning: 3000}), nil, exitDone, map[string]string{"schema": "ok: enforced"}},
		"endless":      {openAI(llmtest.ServerOptions{Reply: func(int, *llm.Request) (string, error) { return strings.Repeat("Hello. ", 5000), nil }}), nil, exitDone, map[string]string{"schema": "without an end"}},
		"refused key":  {openAI(llmtest.ServerOptions{Faults: llmtest.Always(llmtest.Fault{Kind: llmtest.Auth})}), nil, exitFailed, map[string]string{"call": "not accepted. check the key (OPENAI_API_KEY)"}},
		"out of quota": {openAI(llmtest.ServerOptions{Faults: llmtest.Always(llmtest.Fault{Kind: llmtest.Quota})}), nil, exitFailed, map[string]string{"call": "quota. add credit"}},
		"several":      {openAI(llmtest.ServerOptions{Models: []string{"a", "b"}}), nil, exitUsage, map[string]string{"model": "--model openai/b"}},
		"unlisted":     {openAI(llmtest.ServerOptions{Reply: marks, Models: []string{"qwen3-4b"}}), []string{"--model", "openai/qwen3-4c"}, exitDone, map[string]string{"listed": "Did you mean openai/qwen3-4b?"}},
		"stopped":      {map[string]string{"LLAMACPP_BASE_URL": closed.URL}, []string{"--model", "llamacpp/m"}, exitFailed, map[string]string{"endpoint": "Start llama.cpp, or say where it is: LLAMACPP_BASE_URL"}},
		"no key":       {map[string]string{}, []string{"--model", "groq/m"}, exitUsage, map[string]string{"key": "set GROQ_API_KEY"}},
		"no provider":  {map[string]string{}, []string{"--model", "grok/m"}, exitUsage, map[string]string{"model": "Did you mean groq?"}},
		"ollama":       {ollama(llmtest.ServerOptions{Reply: marks}), nil, exitDone, map[string]string{"schema": "ok: enforced", "context": "8192 tokens (num_ctx)", "price": "ok: free"}},
		"ollama without the model": {ollama(llmtest.ServerOptions{Models: []string{"gemma3"}}), []string{"--model", "ollama/gemma4"}, exitUsage,
			map[string]string{"model": "ollama pull gemma4", "endpoint": "lists 1 model"}},
		"ollama stopped": {map[string]string{"OLLAMA_HOST": closed.URL}, []string{"--model", "ollama/gemma3"}, exitFailed, map[string]string{"endpoint": "ollama serve"}},
		"azure": {map[string]string{"AZURE_OPENAI_ENDPOINT": azure.URL, "AZURE_OPENAI_KEY": secret, "AZURE_OPENAI_DEPLOYMENT": "panel"}, nil, exitUsage,
			map[string]string{"cap": "Name it: --model azure/panel, or set a limit", "model": "azure/panel (AZURE_OPENAI_DEPLOYMENT)", "schema": "ok: enforced", "endpoint": "deployments are not listed", "price": "--max-tokens"}},
		"azure, older address": {map[string]string{"AZURE_OPENAI_ENDPOINT": azure.URL, "AZURE_OPENAI_KEY": secret, "AZURE_API_VERSION": "2024-10-21"}, []string{"--model", "azure/panel"}, exitDone,
			map[string]string{"call": "ok: answered"}},
		"azure without a deployment": {map[string]string{"AZURE_OPENAI_ENDPOINT": azure.URL, "AZURE_OPENAI_KEY": secret}, nil, exitUsage, map[string]string{"model": "--model azure/DEPLOYMENT"}},
	} {
		t.Run(name, func(t *testing.T) {
			d, e := diagnose(t, c.env, c.args...)
			if e.code != c.code {
				t.Errorf("exit %d, want %d", e.code, c.code)
			}
			for check, want := range c.want {
				if got := d.found(check); !strings.Contains(got, want) {
					t.Errorf("%s: %q, want %q", check, got, want)
				}
			}
			if t.Failed() {
				t.Logf("%s", e.stderr)
			}
		})
	}
}

// What costs money is said before.
func TestDoctorSaysWhatCosts(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: marks})
	_, e := diagnose(t, map[string]string{"OPENAI_BASE_URL": s.URL, "OPENAI_API_KEY": secret}, "--model", defaultOpenAI)
	before, _, ok := strings.Cut(e.stderr, "now asking openai/gpt-5-mini for a few tokens")
	if !ok || strings.Contains(before, "answered in") || !strings.Contains(e.stderr, "answered in") {
		t.Errorf("%s", e.stderr)
	}
}

// TestDoctorJudge: a judge is tried on transcripts with known verdicts, by a share and by
// kappa; what judges badly, or nothing, is told, and is no reason why a run would not work.
func TestDoctorJudge(t *testing.T) {
	items, err := judge.Gold()
	if err != nil {
		t.Fatal(err)
	}
	quoted := regexp.MustCompile(`"event":(\d+),"who":"([^"]+)","does":"(?:TALK|THINK)"[^}]*?"content":"([^"\\]+)`)
	verdict := func(prompt, v string) string {
		m := quoted.FindStringSubmatch(prompt)
		if m == nil {
			return `{"reason":"Nothing is there.","quotes":[],"verdict":"not applicable","confidence":50}`
		}
		return fmt.Sprintf(`{"reason":"So it is.","quotes":[{"event":%s,"quote":%q}],"verdict":%q,"confidence":90}`, m[1], m[3], v)
	}
	for name, c := range map[string]struct {
		reply func(prompt string) (string, error)
		check func(g *judging) bool
		want  string
	}{
		"always the same": {func(p string) (string, error) { return verdict(p, "holds"), nil },
			func(g *judging) bool {
				return g.Accuracy != nil && *g.Accuracy < 0.5 && g.Right > 10 && g.Right < 20 && g.Verdicts > 30 && g.Kappa != nil && *g.Kappa < 0.1
			}, "note: accuracy 0."},
		"no JSON": {func(string) (string, error) { return "It seems fine to me.", nil },
			func(g *judging) bool { return *g.Accuracy == 0 && g.Verdicts == 0 && g.Outcomes["invalid"] > 30 }, "let another model judge"},
		"refuses": {func(string) (string, error) { return "", llm.ErrFiltered },
			func(g *judging) bool { return g.Verdicts == 0 }, "let another model judge"},
	} {
		t.Run(name, func(t *testing.T) {
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: func(n int, req *llm.Request) (string, error) {
				if p := llmtest.Prompt(req); strings.Contains(p, "# The claim") {
					return c.reply(p)
				}
				return marks(n, req)
			}})
			d, e := diagnose(t, map[string]string{"OPENAI_BASE_URL": s.URL, "OPENAI_API_KEY": secret}, "--judge")
			if e.code != exitDone || d.Judge == nil || d.Judge.Items != len(items) {
				t.Fatalf("exit %d, %+v\n%s", e.code, d.Judge, e.stderr)
			}
			sum := 0
			for _, n := range d.Judge.Outcomes {
				sum += n
			}
			if !c.check(d.Judge) || sum != len(items) || !strings.Contains(d.found("judge"), c.want) {
				t.Errorf("%+v\n%s", d.Judge, d.found("judge"))
			}
		})
	}
	t.Run("rehearsal", func(t *testing.T) {
		d, e := diagnose(t, nil, "--judge", "--model", "rehearsal")
		if e.code != exitDone || d.Judge == nil || d.Judge.Accuracy != nil || d.Judge.Kappa != nil || d.Judge.Outcomes["not judged"] != len(items) ||
			!strings.Contains(d.found("judge"), "note: accuracy: not judged") {
			t.Errorf("exit %d, %+v\n%s", e.code, d.Judge, d.found("judge"))
		}
	})
	t.Run("no credit", func(t *testing.T) {
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: marks, Faults: func(n int) llmtest.Fault {
			if n > 3 {
				return llmtest.Fault{Kind: llmtest.Quota}
			}
			return llmtest.Fault{}
		}})
		d, e := diagnose(t, map[string]string{"OPENAI_BASE_URL": s.URL, "OPENAI_API_KEY": secret}, "--judge")
		if e.code == exitUsage || d.Judge == nil || d.Judge.Right > 0 || d.Judge.Outcomes["failed"]+d.Judge.Outcomes["not asked"] == 0 {
			t.Errorf("exit %d, %+v\n%s", e.code, d.Judge, e.stderr)
		}
	})
	t.Run("stopped at its own cap", func(t *testing.T) {
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Reasoning: 150_000, Reply: func(n int, req *llm.Request) (string, error) {
			if p := llmtest.Prompt(req); strings.Contains(p, "# The claim") {
				return verdict(p, "holds"), nil
			}
			return marks(n, req)
		}})
		d, e := diagnose(t, map[string]string{"OPENAI_BASE_URL": s.URL, "OPENAI_API_KEY": secret}, "--judge", "--model", defaultOpenAI)
		if e.code != exitDone || !d.Works || d.Judge == nil || s.Stats().Calls > len(items) || !strings.Contains(d.found("judge"), "note: stopped at its own cap, which is no cap of a run: ") {
			t.Errorf("exit %d after %d calls, %+v\n%s\n%s", e.code, s.Stats().Calls, d.Judge, d.found("judge"), e.stderr)
		}
	})
	t.Run("without it nothing is judged", func(t *testing.T) {
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: marks})
		if d, _ := diagnose(t, map[string]string{"OPENAI_BASE_URL": s.URL, "OPENAI_API_KEY": secret}); d.Judge != nil || s.Stats().Calls > 3 {
			t.Errorf("%d calls, %+v", s.Stats().Calls, d.Judge)
		}
	})
}

// The order of finding a model: what is named goes before what is found, and what is
// found has an order of its own.
func TestChoose(t *testing.T) {
	server := llmtest.NewServer(t, &llmtest.ServerOptions{Models: []string{"served"}})
	local := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Ollama(), Models: []string{"gemma3", "nomic-embed-text"}})
	one := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Ollama(), Models: []string{"gemma3"}})
	env := map[string]string{
		"TINYTROUPE_MODEL": "groq/named", "OPENAI_BASE_URL": server.URL, "OPENAI_API_KEY": secret,
		"AZURE_OPENAI_ENDPOINT": "https://a.example", "AZURE_OPENAI_KEY": secret, "AZURE_OPENAI_DEPLOYMENT": "panel",
		"OLLAMA_HOST": one.URL,
	}
	ini := filepath.Join(t.TempDir(), "config.ini")
	pick := func(flag, study, settings string) (choice, error) {
		t.Helper()
		if err := os.WriteFile(ini, []byte("[OpenAI]\n"+settings), 0o600); err != nil {
			t.Fatal(err)
		}
		get := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
		s, err := config.Load([]string{ini}, &config.Options{Env: get})
		if err != nil {
			t.Fatal(err)
		}
		return choose(t.Context(), flag, study, s, get)
	}
	check := func(flag, study, settings, want string, paid bool) {
		t.Helper()
		c, err := pick(flag, study, settings)
		if err != nil || c.name != want || c.why == "" || c.paid(new(program).prices) != paid {
			t.Errorf("%+v, paid %v, %v; want %s, %v", c, c.paid(new(program).prices), err, want, paid)
		}
	}
	check("vllm/flag", "azure/study", "MODEL=ini", "vllm/flag", false)
	check("", "azure/study", "MODEL=ini", "azure/study", false)
	check("", "", "MODEL=ini", "openai/ini", false)
	check("", "", "MODEL=dep\nAPI_TYPE=azure", "azure/dep", false)
	check("", "", "MODEL=gemma3:4b\nAPI_TYPE=ollama", "ollama/gemma3:4b", false)
	check("", "", "MODEL=groq/llama-3.3-70b", "groq/llama-3.3-70b", false)
	check("", "", "MODEL=meta-llama/llama-3", "openai/meta-llama/llama-3", false)
	check("", "", "", "groq/named", false)
	delete(env, "TINYTROUPE_MODEL")
	check("", "", "", "openai/served", false)
	check("", "", "API_TYPE=ollama", "ollama/gemma3", false)
	check("", "", "API_TYPE=azure", "azure/panel", false)
	delete(env, "OPENAI_BASE_URL")
	check("", "", "", "openai/gpt-5-mini", true)
	delete(env, "OPENAI_API_KEY")
	check("", "", "", "azure/panel", false)
	delete(env, "AZURE_OPENAI_KEY")
	check("", "", "", "ollama/gemma3", false)
	env["OLLAMA_HOST"] = local.URL
	check("", "", "", "ollama/gemma3", false) // the other embeds

	// An address that is there and does not answer holds a run up for a moment only.
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	env["OLLAMA_HOST"] = l.Addr().String()
	begun := time.Now()
	check("", "", "", rehearsalName, false)
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
	env["OLLAMA_HOST"] = "127.0.0.1:1"
	check("", "", "", rehearsalName, false)
	if _, err := pick("", "", "API_TYPE=ollama"); err == nil || !strings.Contains(err.Error(), "ollama serve") {
		t.Errorf("%v", err)
	}
}

// Keys go to their own server and to no other.
func TestKeysStayAtHome(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Keep: true, Reply: marks})
	env := map[string]string{"OPENAI_API_KEY": secret, "OPENAI_BASE_URL": s.URL, "GROQ_API_KEY": "gsk-0123456789abcdef", "GROQ_BASE_URL": s.URL}
	for model, want := range map[string]string{"groq/m": "Bearer gsk-0123456789abcdef", "openai/m": "Bearer " + secret, "vllm/m": ""} {
		before := len(s.Calls())
		diagnose(t, env, "--model", model)
		calls := s.Calls()[before:]
		if len(calls) == 0 {
			t.Errorf("%s: nothing was asked", model)
			continue
		}
		if got := calls[0].HTTP.Header.Get("Authorization"); got != want {
			t.Errorf("%s sent %q, want %q", model, got, want)
		}
	}
	for _, name := range []string{"openrouter", "groq", "together", "mistral", "deepseek"} {
		get := func(n string) (string, bool) { v, ok := map[string]string{"OPENAI_BASE_URL": s.URL}[n]; return v, ok }
		set, err := config.Load(nil, &config.Options{Env: get})
		if err != nil {
			t.Fatal(err)
		}
		if p, err := providerOf(name, set, get); err != nil || !strings.HasPrefix(p.url, "https://") {
			t.Errorf("%s is at %v, %v: OPENAI_BASE_URL must not lead its key elsewhere", name, p, err)
		}
	}
}

func TestModels(t *testing.T) {
	t.Chdir(t.TempDir())
	a := llmtest.NewServer(t, &llmtest.ServerOptions{Models: []string{"gpt-5-mini", "another"}})
	b := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Ollama(), Models: []string{"gemma3"}, Context: 32768})
	env := map[string]string{"OPENAI_BASE_URL": a.URL, "OLLAMA_HOST": b.URL}
	e := command(t, t.Context(), env, "models")
	for _, want := range []string{"openai/another     context unknown  price unknown\n", "openai/gpt-5-mini  context unknown  $0.25 in, $2.00 out\n", "ollama/gemma3  32768 tokens  free\n"} {
		if !strings.Contains(e.stdout, want) || e.code != exitDone {
			t.Errorf("exit %d, %q is not in\n%s%s", e.code, want, e.stdout, e.stderr)
		}
	}
	if e := command(t, t.Context(), env, "models", "ollama"); e.code != exitDone || strings.Contains(e.stdout, "openai") || !strings.Contains(e.stdout, "gemma3") {
		t.Errorf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}

	e = command(t, t.Context(), env, "models", "--json")
	var got, want any
	if err := json.Unmarshal([]byte(e.stdout), &got); err != nil || e.code != exitDone {
		t.Fatalf("exit %d, %v\n%s%s", e.code, err, e.stdout, e.stderr)
	}
	if err := json.Unmarshal([]byte(`{"providers":[{"provider":"openai","url":"`+a.URL+`","models":[
		{"name":"openai/another","context":null,"embeddings":false,"usd_per_million":null},
		{"name":"openai/gpt-5-mini","context":null,"embeddings":false,"usd_per_million":{"input":0.25,"cached_input":0.025,"output":2}}]},
		{"provider":"ollama","url":"`+b.URL+`","models":[{"name":"ollama/gemma3","context":32768,"embeddings":false,"usd_per_million":{"input":0,"output":0}}]}]}`), &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if e := command(t, t.Context(), env, "models", "rehearsal", "--json"); e.code != exitDone || !strings.Contains(e.stdout, `"name": "rehearsal"`) {
		t.Errorf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}
	b.Close()
	if e := command(t, t.Context(), env, "models", "--json"); e.code != exitFailed || !json.Valid([]byte(e.stdout)) || !strings.Contains(e.stdout, `"problem": "ollama`) || !strings.Contains(e.stderr, "ollama serve") {
		t.Errorf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"models", "olama"}, exitUsage, "Did you mean ollama?"},
		{[]string{"models", "mistral"}, exitUsage, "set MISTRAL_API_KEY"},
		{[]string{"models", "ollama"}, exitFailed, "ollama serve"},
		{[]string{"models"}, exitFailed, "ollama serve"},
		{[]string{"models", "a", "b"}, exitUsage, "See tinytroupe models --help"},
	} {
		e := command(t, t.Context(), env, c.args...)
		if e.code != c.code || !strings.Contains(e.stderr, c.want) {
			t.Errorf("%s: exit %d, %s", slices.Clip(c.args), e.code, e.stderr)
		}
	}
}

// TestDoctorBudget: the caps of config.ini are those of a run.
func TestDoctorBudget(t *testing.T) {
	azure := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Azure(), Reply: marks})
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Anthropic(), Reply: marks})
	deployed := map[string]string{"AZURE_OPENAI_ENDPOINT": azure.URL, "AZURE_OPENAI_KEY": secret, "AZURE_OPENAI_DEPLOYMENT": "panel"}
	for name, c := range map[string]struct {
		settings string
		env      map[string]string
		code     int
		want     string
	}{
		"calls alone":    {"[Budget]\nBUDGET_CALLS=100\n", deployed, exitDone, ""},
		"no price":       {"[OpenAI]\nAPI_TYPE=azure\nMODEL=panel\n[Budget]\nBUDGET_USD=5\n", deployed, exitUsage, "failed: no price is known of azure/panel, so the cap of $5.00 cannot be kept"},
		"a cap of money": {"[Budget]\nBUDGET_USD=0.5\n", map[string]string{"ANTHROPIC_BASE_URL": s.URL, "ANTHROPIC_API_KEY": secret}, exitDone, "ok: a run is capped at $0.50 (config.ini:2)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("config.ini", []byte(c.settings), 0o600); err != nil {
				t.Fatal(err)
			}
			e := command(t, t.Context(), c.env, "doctor", "--json")
			var d diagnosis
			if err := json.Unmarshal([]byte(e.stdout), &d); err != nil {
				t.Fatal(err)
			}
			if got := d.found("cap"); e.code != c.code || !strings.Contains(got, c.want) || c.want == "" && got != "" {
				t.Errorf("exit %d, want %d: %q, want %q\n%s", e.code, c.code, got, c.want, e.stderr)
			}
		})
	}
}
