package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// A dialect is how a provider is set up in a test.
type dialect struct {
	provider string
	wire     llmtest.Dialect
	env      func(url string) map[string]string
}

func dialects() []dialect {
	keyed := func(key, address string) func(string) map[string]string {
		return func(url string) map[string]string { return map[string]string{key: secret, address: url} }
	}
	return []dialect{
		{"openai", llmtest.OpenAI(), keyed("OPENAI_API_KEY", "OPENAI_BASE_URL")},
		{"azure", llmtest.Azure(), keyed("AZURE_OPENAI_KEY", "AZURE_OPENAI_ENDPOINT")},
		{"anthropic", llmtest.Anthropic(), keyed("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL")},
		{"gemini", llmtest.Gemini(), keyed("GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL")},
		{"ollama", llmtest.Ollama(), keyed("OLLAMA_API_KEY", "OLLAMA_HOST")},
		{"groq", llmtest.OpenAI(), keyed("GROQ_API_KEY", "GROQ_BASE_URL")},
	}
}

// TestRunOverEachDialect: the simple chat, whole, over each wire format. Every turn is
// present, every call went to the provider named with its key, what the provider
// counts is what the run reports, and the key is nowhere in output and record.
func TestRunOverEachDialect(t *testing.T) {
	t.Parallel()
	for _, d := range dialects() {
		t.Run(d.provider, func(t *testing.T) {
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: d.wire, Reply: talker, Keep: true})
			dir := filepath.Join(t.TempDir(), "record")
			e := command(t, t.Context(), d.env(s.URL), "run", "../../examples/simple-chat/study.yaml", "--dir", dir, "--model", d.provider+"/test-model", "--json")
			if e.code != exitDone {
				t.Fatalf("exit %d\n%s", e.code, e.stderr)
			}
			if n := present(t, dir); n != 2*4 {
				t.Errorf("%d of 8 turns", n)
			}
			var sum summary
			if err := json.Unmarshal([]byte(e.stdout), &sum); err != nil {
				t.Fatal(err)
			}
			st := s.Stats()
			same := sum.Tokens == st.Input+st.Output
			if d.provider == "ollama" { // which does not count the schema: it becomes a grammar
				same = sum.Tokens > st.Output && sum.Tokens < st.Input+st.Output
			}
			if sum.Calls != st.Calls || !same || st.Calls != 8 {
				t.Errorf("the run reports %d calls and %d tokens, the server counted %+v", sum.Calls, sum.Tokens, st)
			}
			for _, c := range s.Calls() {
				if !headed(c, secret) {
					t.Errorf("%s was asked without the key", c.HTTP.URL)
				}
				if strings.Contains(c.HTTP.URL.String(), secret) {
					t.Errorf("the key is in the address")
				}
			}
			if strings.Contains(e.stdout+e.stderr, secret) {
				t.Error("the key was printed")
			}
			err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				data, err := os.ReadFile(path)
				if bytes.Contains(data, []byte(secret)) {
					t.Errorf("the key is in %s", path)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func headed(c *llmtest.Call, key string) bool {
	for values := range maps.Values(c.HTTP.Header) {
		if slices.ContainsFunc(values, func(v string) bool { return strings.HasSuffix(v, key) }) {
			return true
		}
	}
	return false
}

// TestRefusedKeyIsMasked: a server that repeats what it was sent shows no key.
func TestRefusedKeyIsMasked(t *testing.T) {
	for _, d := range dialects() {
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: d.wire, Faults: llmtest.Always(llmtest.Fault{Kind: llmtest.Echo})})
		dir := filepath.Join(t.TempDir(), "record")
		e := command(t, t.Context(), d.env(s.URL), "run", "../../examples/simple-chat/study.yaml", "--dir", dir, "--model", d.provider+"/test-model")
		if e.code != exitFailed || strings.Contains(e.stdout+e.stderr, secret) || !strings.Contains(e.stdout+e.stderr, "***") {
			t.Errorf("%s: exit %d\n%s%s", d.provider, e.code, e.stdout, e.stderr)
		}
	}
}

func TestDoctorAtVendors(t *testing.T) {
	for _, d := range dialects() {
		if d.provider == "azure" {
			continue // in TestDoctor
		}
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: d.wire, Reply: marks, Context: 200_000})
		got, e := diagnose(t, d.env(s.URL), "--model", d.provider+"/test-model")
		for check, want := range map[string]string{"call": "ok: answered", "schema": "ok: enforced", "endpoint": "and lists 1 model", "listed": "ok: "} {
			if !strings.Contains(got.found(check), want) {
				t.Errorf("%s: %s: %q, want %q", d.provider, check, got.found(check), want)
			}
		}
		if e.code != exitDone {
			t.Errorf("%s: exit %d\n%s", d.provider, e.code, e.stderr)
		}
	}
	for model, want := range map[string]string{"anthropic/m": "set ANTHROPIC_API_KEY", "gemini/m": "set GEMINI_API_KEY (GOOGLE_API_KEY is taken too)"} {
		got, e := diagnose(t, map[string]string{}, "--model", model)
		if e.code != exitUsage || !strings.Contains(got.found("key"), want) {
			t.Errorf("%s: exit %d, %q", model, e.code, got.found("key"))
		}
	}
	for provider, env := range map[string]map[string]string{
		"anthropic": {"ANTHROPIC_API_KEY": secret}, "gemini": {"GEMINI_API_KEY": secret},
	} {
		d := dialects()[slices.IndexFunc(dialects(), func(d dialect) bool { return d.provider == provider })]
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: d.wire, Faults: llmtest.Always(llmtest.Fault{Kind: llmtest.Auth})})
		maps.Copy(env, d.env(s.URL))
		got, e := diagnose(t, env, "--model", provider+"/test-model")
		if e.code != exitFailed || !strings.Contains(got.found("call"), "failed") {
			t.Errorf("%s: exit %d, %q", provider, e.code, got.found("call"))
		}
	}
}

func TestModelsOfVendors(t *testing.T) {
	t.Chdir(t.TempDir())
	a := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Anthropic(), Models: []string{"claude-haiku-5-5"}, Context: 200_000})
	g := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Gemini(), Models: []string{"gemini-3.8-flash"}, Context: 1_000_000})
	env := map[string]string{"ANTHROPIC_API_KEY": secret, "ANTHROPIC_BASE_URL": a.URL, "GEMINI_API_KEY": secret, "GOOGLE_GEMINI_BASE_URL": g.URL,
		"OLLAMA_HOST": llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Ollama()}).URL}
	e := command(t, t.Context(), env, "models")
	for _, want := range []string{
		"anthropic/claude-haiku-5-5  200000 tokens  $0.10 in, $0.50 out\n", "gemini/gemini-3.8-flash  1000000 tokens  $1.50 in, $7.50 out\n", "ollama/test-model",
	} {
		if !strings.Contains(e.stdout, want) || e.code != exitDone {
			t.Errorf("exit %d, %q is not in\n%s%s", e.code, want, e.stdout, e.stderr)
		}
	}
	if strings.Contains(e.stdout+e.stderr, secret) {
		t.Error("the key was printed")
	}
}

// TestVendorSettings: what environment and config.ini say of a vendor.
func TestVendorSettings(t *testing.T) {
	ini := filepath.Join(t.TempDir(), "config.ini")
	load := func(settings string, env map[string]string) (*config.Settings, func(string) (string, bool)) {
		t.Helper()
		if err := os.WriteFile(ini, []byte("[OpenAI]\n"+settings), 0o600); err != nil {
			t.Fatal(err)
		}
		get := func(name string) (string, bool) {
			if v, ok := env[name]; ok || name != "OLLAMA_HOST" {
				return v, ok
			}
			return "127.0.0.1:1", true
		}
		s, err := config.Load([]string{ini}, &config.Options{Env: get})
		if err != nil {
			t.Fatal(err)
		}
		return s, get
	}
	for _, c := range []struct {
		provider, settings string
		env                map[string]string
		url, key           string
	}{
		{"anthropic", "", map[string]string{"ANTHROPIC_API_KEY": "a"}, "https://api.anthropic.com", "a"},
		{"anthropic", "", map[string]string{"ANTHROPIC_BASE_URL": "http://a.example"}, "http://a.example", ""},
		{"anthropic", "API_TYPE=anthropic\nBASE_URL=http://ini.example/\n", map[string]string{"ANTHROPIC_BASE_URL": "http://a.example"}, "http://ini.example", ""},
		{"anthropic", "BASE_URL=http://ini.example\n", map[string]string{"ANTHROPIC_API_KEY": "a"}, "https://api.anthropic.com", "a"}, // OpenAI's, by TinyTroupe's rule
		{"anthropic", "API_TYPE=anthropic\n", map[string]string{"OPENAI_BASE_URL": "http://o.example"}, "https://api.anthropic.com", ""},
		{"gemini", "", map[string]string{"GOOGLE_API_KEY": "g"}, "https://generativelanguage.googleapis.com/v1beta", "g"},
		{"gemini", "", map[string]string{"GOOGLE_API_KEY": "g", "GEMINI_API_KEY": "own"}, "https://generativelanguage.googleapis.com/v1beta", "own"},
		{"gemini", "", map[string]string{"GOOGLE_GEMINI_BASE_URL": "http://g.example/proxy/"}, "http://g.example/proxy/v1beta", ""},
		{"gemini", "", map[string]string{"GOOGLE_GEMINI_BASE_URL": "http://g.example/v1"}, "http://g.example/v1", ""},
		{"gemini", "API_TYPE=gemini\nBASE_URL=http://ini.example\n", nil, "http://ini.example/v1beta", ""},
		{"openai", "API_TYPE=gemini\nBASE_URL=http://ini.example\n", map[string]string{"OPENAI_API_KEY": "o"}, "https://api.openai.com/v1", "o"}, // its key stays at home
		{"openai", "API_TYPE=ollama\nBASE_URL=http://ini.example\n", map[string]string{"OPENAI_API_KEY": "o"}, "https://api.openai.com/v1", "o"},
		{"openai", "API_TYPE=ollama\nBASE_URL=http://ini.example\n", map[string]string{"OPENAI_API_KEY": "o", "OPENAI_BASE_URL": "http://o.example"}, "http://o.example", "o"},
		{"ollama", "API_TYPE=ollama\nBASE_URL=http://ini.example/v1\n", nil, "http://ini.example:80", ""},
		{"vllm", "API_TYPE=ollama\nBASE_URL=http://ini.example\n", nil, "http://127.0.0.1:8000/v1", ""},
		{"vllm", "API_TYPE=anthropic\nBASE_URL=http://ini.example\n", nil, "http://127.0.0.1:8000/v1", ""},
	} {
		s, get := load(c.settings, c.env)
		p, err := providerOf(c.provider, s, get)
		if err != nil || p.url != c.url || p.key != c.key {
			t.Errorf("%s with %q and %v: %+v, %v", c.provider, c.settings, c.env, p, err)
		}
	}
	for _, c := range []struct {
		settings string
		env      map[string]string
		want     string
		paid     bool
	}{
		{"", map[string]string{"ANTHROPIC_API_KEY": secret, "GEMINI_API_KEY": secret}, defaultAnthropic, true},
		{"", map[string]string{"GEMINI_API_KEY": secret}, defaultGemini, true},
		{"", map[string]string{"GOOGLE_API_KEY": secret}, rehearsalName, false},
		{"API_TYPE=gemini\n", map[string]string{"GOOGLE_API_KEY": secret, "OPENAI_API_KEY": secret}, defaultGemini, true},
		{"API_TYPE=anthropic\nMODEL=claude-opus-5-5\n", nil, "anthropic/claude-opus-5-5", false},
		{"API_TYPE=gemini\nMODEL=gemini-3.8-flash\n", nil, "gemini/gemini-3.8-flash", false},
		{"MODEL=gemini/gemini-3.8-flash\n", nil, "gemini/gemini-3.8-flash", false},
		{"", map[string]string{"OPENAI_API_KEY": secret, "ANTHROPIC_API_KEY": secret}, defaultOpenAI, true},
	} {
		s, get := load(c.settings, c.env)
		got, err := choose(t.Context(), "", "", s, get)
		if err != nil || got.name != c.want || got.paid(new(program).prices) != c.paid || got.why == "" {
			t.Errorf("%q, %v: %+v, paid %v, %v; want %s", c.settings, slices.Sorted(maps.Keys(c.env)), got, got.paid(new(program).prices), err, c.want)
		}
	}
	s, get := load("API_TYPE=anthropic\n", nil)
	if _, err := choose(t.Context(), "", "", s, get); err == nil || !strings.Contains(err.Error(), "ANTHROPIC_API_KEY") {
		t.Errorf("API_TYPE without a key: %v", err)
	}
}

// TestPenaltiesAreNotSent: a parameter that a vendor does not know is left out, and
// that is said.
func TestPenaltiesAreNotSent(t *testing.T) {
	for _, d := range dialects()[2:4] {
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: d.wire, Reply: talker, Keep: true})
		file := crowd(t)
		if err := os.WriteFile(filepath.Join(filepath.Dir(file), "config.ini"), []byte("[OpenAI]\nFREQ_PENALTY=0.5\nTOP_P=0.9\nMAX_COMPLETION_TOKENS=900\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		e := command(t, t.Context(), d.env(s.URL), "run", file, "--model", d.provider+"/test-model", "--dir", filepath.Join(filepath.Dir(file), "record"))
		if e.code != exitDone || !strings.Contains(e.stderr, "FREQ_PENALTY") {
			t.Errorf("%s: exit %d\n%s", d.provider, e.code, e.stderr)
		}
		for _, c := range s.Calls() {
			if bytes.Contains(c.Body, []byte("enalty")) || c.Request.TopP == nil || *c.Request.TopP != 0.9 || c.Request.MaxTokens != 900 {
				t.Errorf("%s: sent %.300s", d.provider, c.Body)
				break
			}
		}
	}
}

// TestOneLimiterAnEndpoint: two models of one server have one limiter, another server
// has its own.
func TestOneLimiterAnEndpoint(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Models: []string{"a", "b"}})
	env := func(name string) (string, bool) { return s.URL, name == "OPENAI_BASE_URL" }
	set, err := config.Load(nil, &config.Options{Env: env})
	if err != nil {
		t.Fatal(err)
	}
	var l limiters
	at := func(name string) *llm.Limiter {
		t.Helper()
		st, err := connect(t.Context(), name, set, env, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer st.close()
		return l.at(st.endpoint, 3)
	}
	if a, b, r := at("openai/a"), at("openai/b"), at(rehearsalName); a != b || a == r || a.Parallel() != 3 {
		t.Errorf("%p %p %p", a, b, r)
	}
}

// TestPricesFile: prices.json is found where config.ini is, beside the study before the
// working folder, and holds for caps, bills, lists and doctor.
func TestPricesFile(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: talker})
	file := crowd(t)
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const in, out = 2.0, 8.0
	write("prices.json", `{"openai/test-model": {"input": 100, "output": 400}, "azure/panel": {"input": 1, "output": 4}}`)
	write(filepath.Join(filepath.Dir(file), "prices.json"), `{"openai/test-model": {"input": 2, "output": 8}}`)

	e := runStudy(t, file, s, "--json", "--budget", "5")
	var sum summary
	if err := json.Unmarshal([]byte(e.stdout), &sum); err != nil || e.code != exitDone {
		t.Fatalf("exit %d, %v\n%s", e.code, err, e.stderr)
	}
	st := s.Stats()
	want := (float64(st.Input)*in + float64(st.Output)*out) / 1e6
	if sum.Cost == nil || math.Abs(*sum.Cost-want) > 1e-9 {
		t.Errorf("the run cost %v, want %v", sum.Cost, want)
	}
	if e := command(t, t.Context(), nil, "show", "--costs", "--json", e.dir); !strings.Contains(e.stdout, "openai/test-model") || e.code != exitDone {
		t.Errorf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
	}
	env := map[string]string{"OPENAI_BASE_URL": s.URL, "OLLAMA_HOST": llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: llmtest.Ollama()}).URL}
	if e := command(t, t.Context(), env, "models", "openai"); !strings.Contains(e.stdout, "$100.00 in, $400.00 out") {
		t.Errorf("%s%s", e.stdout, e.stderr)
	}
	if e := command(t, t.Context(), env, "doctor", "--model", "openai/test-model"); !strings.Contains(e.stdout, "$100.00 in, $400.00 out for a million tokens") {
		t.Errorf("%s%s", e.stdout, e.stderr)
	}
	// A found deployment of Azure whose price is known is capped like any other.
	p := new(program)
	if err := p.readPrices([]string{"config.ini"}); err != nil {
		t.Fatal(err)
	}
	if c := (choice{name: "azure/panel", found: true}); !c.paid(p.prices) || c.unpriced(p.prices) {
		t.Errorf("%+v: paid %v, unpriced %v", c, c.paid(p.prices), c.unpriced(p.prices))
	}
	// A mistake in it is one of the user's, told before anything is asked.
	write("prices.json", `{"openai/test-model": {"inptu": 1}}`)
	before := s.Stats().Calls
	for _, args := range [][]string{{"run", file, "--model", "openai/test-model"}, {"models"}, {"show", "--costs", e.dir}} {
		if e := command(t, t.Context(), env, args...); e.code != exitUsage || !strings.Contains(e.stderr, "prices.json") || !strings.Contains(e.stderr, "inptu") {
			t.Errorf("%s: exit %d\n%s", args, e.code, e.stderr)
		}
	}
	if d := command(t, t.Context(), env, "doctor"); d.code == exitDone || !strings.Contains(d.stdout, "inptu") {
		t.Errorf("exit %d\n%s", d.code, d.stdout)
	}
	if n := s.Stats().Calls; n != before {
		t.Errorf("%d calls were made", n-before)
	}
}

// TestSpelledAsListed: whether openai/ in MODEL is the provider or begins the model's own
// name is for the server at BASE_URL to say, where it says so.
func TestSpelledAsListed(t *testing.T) {
	for _, c := range []struct {
		lists []string
		want  string
	}{
		{[]string{"openai/gpt-oss-20b", "other"}, "openai/openai/gpt-oss-20b"},
		{[]string{"gpt-oss-20b"}, "openai/gpt-oss-20b"},
		{[]string{"gpt-oss-20b", "openai/gpt-oss-20b"}, "openai/gpt-oss-20b"},
		{[]string{"other"}, "openai/gpt-oss-20b"},
	} {
		s := llmtest.NewServer(t, &llmtest.ServerOptions{Models: c.lists, Reply: talker, Keep: true})
		file := studyFile(t, killCrowd("together"), "[OpenAI]\nMODEL=openai/gpt-oss-20b\nBASE_URL="+s.URL+"/v1\n")
		dir := filepath.Join(filepath.Dir(file), "record")
		if e := command(t, t.Context(), nil, "run", file, "--dir", dir); e.code != exitDone || !strings.Contains(e.stdout, "model   "+c.want+" (") {
			t.Errorf("%q: exit %d\n%s%s", c.lists, e.code, e.stdout, e.stderr)
		}
		for _, call := range s.Calls() {
			if got := call.Model; call.Kind == llmtest.Generate && "openai/"+got != c.want {
				t.Fatalf("%q: asked for %s", c.lists, got)
			}
		}
	}
}

// TestOnlyEmbeddings: models for embeddings do not count among those that could act.
func TestOnlyEmbeddings(t *testing.T) {
	for _, models := range [][]string{{"nomic-embed-text"}, {"nomic-embed-text", "mxbai-embed-large"}} {
		for _, d := range dialects() {
			if d.provider != "openai" && d.provider != "ollama" {
				continue
			}
			s := llmtest.NewServer(t, &llmtest.ServerOptions{Dialect: d.wire, Models: models})
			env := func(name string) (string, bool) {
				v, ok := d.env(s.URL)[name]
				if name == "OLLAMA_HOST" && !ok {
					return "127.0.0.1:1", true
				}
				return v, ok
			}
			set, err := config.Load(nil, &config.Options{Env: env})
			if err != nil {
				t.Fatal(err)
			}
			c, err := choose(t.Context(), "", "", set, env)
			if d.provider == "ollama" && (err != nil || c.name != rehearsalName) {
				t.Errorf("%q: %+v, %v", models, c, err)
			}
			// A server that somebody named is meant to act.
			if d.provider == "openai" && (err == nil || !strings.Contains(err.Error(), "lists none that can speak\nName one: --model openai/NAME")) {
				t.Errorf("%q: %+v, %v", models, c, err)
			}
		}
	}
}

// TestAddressOfTheProvider: a slash at its end makes an address no other one.
func TestAddressOfTheProvider(t *testing.T) {
	env := map[string]string{
		"OPENAI_BASE_URL": "https://api.openai.com/v1/", "ANTHROPIC_BASE_URL": "https://api.anthropic.com/",
		"GOOGLE_GEMINI_BASE_URL": "https://generativelanguage.googleapis.com/v1beta/", "GOOGLE_API_KEY": secret,
	}
	get := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	s, err := config.Load(nil, &config.Options{Env: get})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"openai", "anthropic", "gemini"} {
		p, err := providerOf(name, s, get)
		if err != nil || p.local {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
		if name == "gemini" && p.keyName != "GOOGLE_API_KEY" {
			t.Errorf("the key of %s is said to be in %s", name, p.keyName)
		}
	}
}
