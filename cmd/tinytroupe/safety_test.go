package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// mirror is a server that answers with all that it was sent, the key among it: as an
// error of every kind, as the words of a model, or as nothing that anybody expects.
func mirror(t testing.TB, status int, wrap string) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dump, _ := httputil.DumpRequest(r, true)
		head, _, _ := bytes.Cut(dump, []byte("\r\n\r\n"))
		text := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r\n", `\n`).Replace(string(head))
		w.Header().Set("X-Request-Id", r.Header.Get("Authorization")+r.Header.Get("Api-Key")+r.Header.Get("X-Api-Key")+r.Header.Get("X-Goog-Api-Key"))
		w.WriteHeader(status)
		io.WriteString(w, strings.ReplaceAll(wrap, "MIRROR", text))
	}))
	t.Cleanup(s.Close)
	return s
}

// keyed is how each provider is told of its key and its server.
var keyed = map[string]func(url string) map[string]string{
	"openai": func(u string) map[string]string {
		return map[string]string{"OPENAI_API_KEY": canary, "OPENAI_BASE_URL": u + "/v1"}
	},
	"azure": func(u string) map[string]string {
		return map[string]string{"AZURE_OPENAI_KEY": canary, "AZURE_OPENAI_ENDPOINT": u}
	},
	"anthropic": func(u string) map[string]string {
		return map[string]string{"ANTHROPIC_API_KEY": canary, "ANTHROPIC_BASE_URL": u}
	},
	"gemini": func(u string) map[string]string {
		return map[string]string{"GEMINI_API_KEY": canary, "GOOGLE_GEMINI_BASE_URL": u}
	},
	"ollama": func(u string) map[string]string {
		return map[string]string{"OLLAMA_API_KEY": canary, "OLLAMA_HOST": u}
	},
	// A key in the address, which some gateways want.
	"openai at an address with a key": func(u string) map[string]string {
		return map[string]string{"OPENAI_API_KEY": "none", "OPENAI_BASE_URL": strings.Replace(u, "://", "://user:"+canary+"@", 1) + "/v1?api_key=" + canary}
	},
}

// TestCanary: a key is in nothing that the command prints or keeps, whichever provider
// it is for, whatever the server does with it and however much is logged.
func TestCanary(t *testing.T) {
	t.Parallel()
	answers := map[string]string{ // the words of a model, in each provider's form
		"openai":    `{"choices":[{"message":{"role":"assistant","content":"MIRROR"},"finish_reason":"stop"}],"model":"MIRROR","data":[{"id":"MIRROR"}]}`,
		"anthropic": `{"content":[{"type":"text","text":"MIRROR"}],"stop_reason":"end_turn","model":"MIRROR","data":[{"id":"MIRROR"}]}`,
		"gemini":    `{"candidates":[{"content":{"parts":[{"text":"MIRROR"}]},"finishReason":"STOP"}],"modelVersion":"MIRROR","models":[{"name":"models/MIRROR"}]}`,
		"ollama":    `{"message":{"role":"assistant","content":"MIRROR"},"done":true,"done_reason":"stop","model":"MIRROR","models":[{"name":"MIRROR","model":"MIRROR"}],"model_info":{"a.context_length":32768}}`,
	}
	const asError = `{"error":{"message":"MIRROR","code":"MIRROR","type":"MIRROR"}}`
	for name, env := range keyed {
		provider, _, _ := strings.Cut(name, " ")
		form := provider
		if form == "azure" {
			form = "openai"
		}
		for what, tt := range map[string]struct {
			status int
			wrap   string
		}{
			"400": {400, asError}, "401": {401, asError}, "404": {404, asError}, "429": {429, asError}, "500": {500, asError},
			"plain 403": {403, "MIRROR"}, "a page": {200, "<html>MIRROR</html>"}, "words": {200, answers[form]}, "nothing": {200, ""},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				file := studyFile(t, threePeople+"script:\n  - say: Hello.\n  - run: 1\n",
					"[OpenAI]\nMAX_ATTEMPTS=1\nTIMEOUT=5\n[Logging]\nLOGLEVEL=DEBUG\nLOGLEVEL_FILE=DEBUG\n")
				dir := filepath.Dir(file)
				vars := env(mirror(t, tt.status, tt.wrap).URL)
				if vars["OLLAMA_HOST"] == "" {
					vars["OLLAMA_HOST"] = "127.0.0.1:1"
				}
				list := [][]string{
					{"run", file, "--model", provider + "/m", "--dir", filepath.Join(dir, "record")},
					{"run", file, "--model", provider + "/m", "--dir", filepath.Join(dir, "partial"), "--allow-partial", "--json"},
					{"models"}, {"show", filepath.Join(dir, "record")}, {"show", filepath.Join(dir, "record"), "--costs"},
				}
				if tt.status == 401 || what == "words" { // neither is waited for and tried again
					list = append(list, []string{"chat", "lisa", "--model", provider + "/m", "--dir", filepath.Join(dir, "chat")},
						[]string{"doctor"}, []string{"run", file, "--dir", filepath.Join(dir, "found")})
				}
				for _, args := range list {
					e := talkAs(t, vars, "Hello there.\n/why\n", args...)
					e.dir = dir
					unsaid(t, e)
					for _, rec := range []string{"record", "partial", "chat", "found"} {
						unsaidInCalls(t, filepath.Join(dir, rec))
					}
				}
			})
		}
	}
}

// talkAs is commandAs with something to read.
func talkAs(t testing.TB, env map[string]string, in string, args ...string) ended {
	t.Helper()
	var out, errs bytes.Buffer
	p := &program{
		stdin: strings.NewReader(in), stdout: &out, stderr: &errs, terminal: func() bool { return false },
		env: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}
	code := p.main(context.Background(), args)
	return ended{code: code, stdout: out.String(), stderr: errs.String()}
}

// TestCanaryElsewhere: keys that stand in config.ini, in a chatbot's headers, address
// and body, or in an address that is wrong.
func TestCanaryElsewhere(t *testing.T) {
	t.Parallel()
	bad := mirror(t, 401, "who are you? MIRROR")
	said := mirror(t, 200, `{"answer":"You sent MIRROR"}`)
	model := puppetServer(t, "", nil)
	for name, url := range map[string]string{"refused": bad.URL, "said": said.URL, "nobody there": "http://127.0.0.1:1", "no address": "://" + canary} {
		t.Run("a chatbot, "+name, func(t *testing.T) {
			t.Parallel()
			file := studyFile(t, `title: Bot
people:
  ann: {persona: {name: Ann Archer}}
  bot: {http: {url: "${env.BOT_URL}/chat?key=${env.BOT_TOKEN}", headers: {Authorization: "Bearer ${env.BOT_TOKEN}", X-Extra: "${env.BOT_TOKEN}"}, body: {message: "${said}", token: "${env.BOT_TOKEN}"}, timeout: 2s}}
script:
  - say: Hello.
  - run: 2
`, "[OpenAI]\nMAX_ATTEMPTS=1\n[Logging]\nLOGLEVEL=DEBUG\nLOGLEVEL_FILE=DEBUG\n")
			dir := filepath.Join(filepath.Dir(file), "record")
			e := talkAs(t, map[string]string{"OPENAI_BASE_URL": model.URL, "BOT_URL": url, "BOT_TOKEN": canary, "OLLAMA_HOST": "127.0.0.1:1"}, "",
				"run", file, "--model", "openai/test-model", "--dir", dir)
			if (e.code == exitDone) != (name == "said") {
				t.Errorf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
			}
			e.dir = dir
			unsaid(t, e)
		})
	}
	t.Run("config.ini", func(t *testing.T) {
		t.Parallel()
		file := studyFile(t, threePeople+"script:\n  - say: Hello.\n  - run: 1\n", "[OpenAI]\nOPENAI_API_KEY="+canary+"\nAPI_KEY="+canary+"\nAZURE_OPENAI_KEY="+canary+"\nBASE_URL=http://u:"+canary+"@127.0.0.1:1/v1?key="+canary+"\nMAX_ATTEMPTS=1\n[Logging]\nLOGLEVEL=DEBUG\nLOGLEVEL_FILE=DEBUG\n")
		for _, args := range [][]string{{"--model", "openai/m"}, nil} {
			e := talkAs(t, map[string]string{"OLLAMA_HOST": "127.0.0.1:1"}, "", append([]string{"run", file, "--dir", filepath.Join(filepath.Dir(file), "record")}, args...)...)
			e.dir = filepath.Join(filepath.Dir(file), "record")
			unsaid(t, e)
		}
	})
}

// driving is text that drives a terminal: colours, titles, clipboard, links, going back
// over what was printed, turning its order round.
const driving = "A\x1b[2J\x1b[31mred\x1b]0;title\x07\x1b]52;c;c2VjcmV0\x07\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\\rover\x08\x08\u009b31m\u202eesrever\u2066\u2069\u200f\x00\x7f\u2028B"

// undriven fails the test where what was printed could drive a terminal. Colours of
// our own are allowed where there is one.
func undriven(t testing.TB, what, text string, colours bool) {
	t.Helper()
	if colours {
		text = ownColours.ReplaceAllString(text, "")
		text = ownErasing.ReplaceAllString(text, "")
	}
	for i, c := range text {
		if c != '\n' && c != '\t' && (unicode.IsControl(c) || unicode.Is(unicode.Bidi_Control, c) || c == 0x2028) {
			t.Errorf("%s: %U in %q", what, c, text[max(0, i-40):min(len(text), i+20)])
			return
		}
	}
}

var (
	ownColours = regexp.MustCompile("\x1b\\[[0-9;]*m")
	ownErasing = regexp.MustCompile(`\d+ of \d+ steps, [^\r\n]*\r +\r`) // of the line that tells of progress
)

// TestTerminal: nothing that a model, a server, a study or a persona says can drive
// the terminal that it is shown on.
func TestTerminal(t *testing.T) {
	s := llmtest.NewServer(t, &llmtest.ServerOptions{
		Models: []string{"m", driving},
		Reply: func(n int, _ *llm.Request) (string, error) {
			quoted := strings.NewReplacer("\x00", `\u0000`).Replace(fmt.Sprintf("%q", fmt.Sprint(n, driving)))
			quoted = regexp.MustCompile(`\\x([0-9a-f]{2})`).ReplaceAllString(quoted, `\u00$1`)
			quoted = strings.NewReplacer(`\a`, `\u0007`).Replace(quoted)
			return `{"actions":[{"type":"TALK","target":` + quoted + `,"content":` + quoted + `},{"type":"THINK","target":"","content":` + quoted + `}],"state":{"goals":` + quoted + `,"attention":` + quoted + `,"emotions":` + quoted + `}}`, nil
		}})
	angry := mirror(t, 400, driving)
	yaml := strings.NewReplacer("\x1b", `\e`, "\x07", `\a`, "\r", `\r`, "\x08", `\b`, "\u009b", `\x9b`, "\u202e", `\u202e`, "\u2066", `\u2066`, "\u2069", `\u2069`, "\u200f", `\u200f`, "\x00", "", "\x7f", `\x7f`, "\u2028", `\u2028`).
		Replace(strings.ReplaceAll(driving, `\`, `\\`))
	text := `title: "T ` + yaml + `"
people:
  ann: {persona: {name: "Ann ` + yaml + `"}}
  bea: {persona: {name: Bea}}
script:
  - say: "Well ` + yaml + `"
  - scene: "S ` + yaml + `"
    rooms: each
    do:
      - run: 1
`
	for _, colours := range []bool{false, true} {
		file := studyFile(t, text, "[OpenAI]\nMAX_ATTEMPTS=1\n[Logging]\nLOGLEVEL=DEBUG\n")
		t.Chdir(filepath.Dir(file))
		for _, args := range [][]string{
			{"run", file, "--model", "openai/m", "--dir", "runs/a"},
			{"run", file, "--model", "openai/" + driving, "--dir", "runs/b"},
			{"run", file, "--dir", "runs/c"},
			{"run", "nothing" + driving, "--dir", "runs/d"},
			{"run", file, "--model", "openai/m", "--dir", "runs/e", "--set", driving + "=x"},
			{"show", "runs/a"}, {"show", "runs/a", "--transcript"}, {"show", "runs/a", "--costs"}, {"show", "runs/" + driving},
			{"ls"}, {"models"}, {"doctor"}, {"chat", "lisa", "--model", "openai/m", "--dir", "runs/f"}, {"chat", driving},
			{driving}, {"run", "--" + driving}, {"resume", "runs/a"}, {"replay", "runs/a"}, {"diff", "runs/a", "runs/f"},
		} {
			for _, url := range []string{s.URL, angry.URL} {
				var out, errs bytes.Buffer
				env := map[string]string{"OPENAI_BASE_URL": url, "OLLAMA_HOST": "127.0.0.1:1"}
				p := &program{
					stdin: strings.NewReader("Hello.\n/who\n/why\n@lisa x\n/" + driving + "\n"), stdout: &out, stderr: &errs,
					terminal: func() bool { return colours },
					env:      func(name string) (string, bool) { v, ok := env[name]; return v, ok },
				}
				p.main(t.Context(), args)
				undriven(t, strings.Join(args[:1], " ")+" stdout", out.String(), colours)
				undriven(t, strings.Join(args[:1], " ")+" stderr", errs.String(), colours)
			}
		}
		if acts(t, "runs/a") == nil {
			t.Error("nobody said anything")
		}
	}
}

// TestConfined: no name in a study, of people, rooms or scenes, leads out of the record,
// and a link that somebody put into a record is not followed.
func TestConfined(t *testing.T) {
	t.Parallel()
	s := puppetServer(t, "", nil)
	for _, evil := range []string{"../../../escaped", "/tmp/escaped-by-tinytroupe", `..\..\escaped`, "a/../../../../escaped", "~/escaped", "..", ".", "con", "x\x00y"} {
		t.Run(fmt.Sprintf("%q", evil), func(t *testing.T) {
			t.Parallel()
			quoted := "'" + strings.ReplaceAll(evil, "\x00", "") + "'"
			file := studyFile(t, "title: "+quoted+"\npeople:\n  ann: {persona: {name: "+quoted+", team: "+quoted+"}}\n  bea: {persona: {name: Bea, team: x}}\nscript:\n  - say: Hi\n  - run: 1\n  - scene: "+quoted+
				"\n    rooms: each\n    do: [{run: 1}]\n  - scene: teams\n    rooms: {by: team}\n    do: [{run: 1}]\n", "")
			base := filepath.Dir(file)
			dir := filepath.Join(base, "deep", "er", "record")
			e := storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", dir)
			if e.code != exitDone && e.code != exitUsage {
				t.Errorf("exit %d\n%s", e.code, e.stderr)
			}
			for path := range fingerprint(t, base) {
				if !strings.HasPrefix(path, dir+string(filepath.Separator)) && path != file && filepath.Base(path) != "config.ini" {
					t.Errorf("%s was written", path)
				}
			}
			if _, err := os.Lstat("/tmp/escaped-by-tinytroupe"); err == nil {
				t.Error("/tmp/escaped-by-tinytroupe was written")
			}
		})
	}
	t.Run("links", func(t *testing.T) {
		t.Parallel()
		file := studyFile(t, killCrowd("together"), "[Logging]\nLOGLEVEL_FILE=DEBUG\n")
		base := filepath.Dir(file)
		for name, target := range map[string]string{
			"transcripts": "outside", "worlds": "outside", "inputs": "outside", "log.txt": "outside/precious", "calls.db": "outside/precious", "people.jsonl": "outside/precious",
		} {
			dir := filepath.Join(base, "of "+name)
			if e := storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", dir); e.code != exitDone {
				t.Fatal(e.stderr)
			}
			outside := filepath.Join(base, "outside "+name)
			if err := os.Mkdir(outside, 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(outside, "precious"), []byte("as it was"), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(filepath.Join(base, strings.Replace(target, "outside", "outside "+name, 1)), filepath.Join(dir, name)); err != nil {
				t.Skip(err)
			}
			e := storyRun(t, s.URL, "run", file, "--model", "openai/test-model", "--dir", dir, "--yes")
			list, err := os.ReadDir(outside)
			data, err2 := os.ReadFile(filepath.Join(outside, "precious"))
			if err != nil || err2 != nil || len(list) != 1 || string(data) != "as it was" {
				t.Errorf("%s: what the link leads to was written: %v %q, exit %d", name, list, data, e.code)
			}
		}
	})
}

// TestOwnerOnly: all that the command keeps is for its owner alone, whatever the umask.
func TestOwnerOnly(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("files have no such bits there")
	}
	path, err := exec.LookPath("tinytroupe")
	if err != nil {
		t.Fatal(err)
	}
	s := puppetServer(t, "", nil)
	file := studyFile(t, threePeople+"script:\n  - say: Hi\n  - run: 2\n  - scene: alone\n    rooms: each\n    do: [{run: 1}]\n", "[Logging]\nLOGLEVEL_FILE=DEBUG\n")
	base := t.TempDir()
	if err := os.Chmod(base, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, args := range []string{
		"run '" + file + "' --model openai/test-model --cache shared.db", "run '" + file + "' --model openai/none --dir failed", "chat lisa --model openai/test-model --dir talk",
		"pack --out packed.zip runs/*",
	} {
		cmd := exec.Command("sh", "-c", "umask 0 && '"+path+"' "+args)
		cmd.Dir = base
		cmd.Stdin = strings.NewReader("Hello.\n")
		cmd.Env = append(os.Environ(), "OPENAI_BASE_URL="+s.URL, "OPENAI_API_KEY=", "OLLAMA_HOST=127.0.0.1:1")
		if out, err := cmd.CombinedOutput(); err != nil && !strings.Contains(args, "none") {
			t.Fatalf("%s: %v\n%s", args, err, out)
		}
	}
	var kinds []string
	err = filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has %v", path, info.Mode())
		}
		kinds = append(kinds, filepath.Base(path))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"calls.db", "manifest.json", "log.txt", "people.jsonl", "study.yaml", "all.jsonl", "shared.db", "packed.zip"} {
		if !slices.Contains(kinds, want) {
			t.Errorf("no %s was made", want)
		}
	}
}
