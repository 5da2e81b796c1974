package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe/config"
)

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func Example() {
	files := fstest.MapFS{"config.ini": {Data: []byte("[OpenAI]\nMODEL=gpt-5-mini\nTIMEOUT=480\nMODLE=x\n")}}
	s, err := config.Load([]string{"config.ini"}, &config.Options{FS: files, Env: environment("OPENAI_API_KEY", "sk-1")})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(s.Model, s.From["MODEL"], s.Timeout, s.OpenAIKey)
	fmt.Println(s.Warnings[0])
	// Output:
	// gpt-5-mini config.ini:2 8m0s (set, not shown)
	// config.ini:4: unknown key MODLE. Did you mean MODEL?
}

func TestLoad(t *testing.T) {
	files := fstest.MapFS{
		"config.ini": {Data: []byte(`
; the shipped file has comments like this
[OpenAI]
# and like this
API_TYPE=OpenAI
model = gpt-5-mini
BASE_URL=http://localhost:8080/v1
TIMEOUT=1.5
MAX_ATTEMPTS=5.0
MAX_CONCURRENT_MODEL_CALLS=16
TEMPERATURE=
MAX_COMPLETION_TOKENS=128000
REASONING_EFFORT=high
CACHE_FILE_NAME=a;b.pickle

[Simulation]
RAI_HARMFUL_CONTENT_PREVENTION=True
RAI_COPYRIGHT_INFRINGEMENT_PREVENTION=no

[ActionGenerator]
MAX_ATTEMPTS=2

[Logging]
LOGLEVEL=error
`)},
		"study/config.ini": {Data: []byte("[openai]\nMODEL: other:tag\nTEMPERATURE=0.7\nMAX_CONCURRENT_MODEL_CALLS=None\n[Logging]\nLOGLEVEL=OFF\nBASE_URL=x\n[Nowhere]\nTEMPRATURE=1\nbanana=2\n")},
	}
	s, err := config.Load([]string{"config.ini", "study/config.ini", "none.ini"}, &config.Options{
		FS: files, Env: environment("OPENAI_API_KEY", "sk-1", "OPENAI_BASE_URL", "https://x/v1", "NO_COLOR", "1"),
	})
	if err != nil {
		t.Fatal(err)
	}
	warm := 0.7
	want := &config.Settings{
		APIType: "openai", Model: "other:tag", BaseURL: "http://localhost:8080/v1", Timeout: 1500 * time.Millisecond,
		MaxAttempts: 5, MaxConcurrent: config.Unlimited, Temperature: &warm, MaxCompletionTokens: 128000,
		HarmfulContentPrevention: true, LogLevel: "NONE", OpenAIKey: "sk-1", NoColor: true,
		From: map[string]string{
			"API_TYPE": "config.ini:5", "MODEL": "study/config.ini:2", "BASE_URL": "config.ini:7", "TIMEOUT": "config.ini:8",
			"MAX_ATTEMPTS": "config.ini:9", "MAX_CONCURRENT_MODEL_CALLS": "study/config.ini:4", "TEMPERATURE": "study/config.ini:3",
			"MAX_COMPLETION_TOKENS": "config.ini:12", "RAI_HARMFUL_CONTENT_PREVENTION": "config.ini:17",
			"RAI_COPYRIGHT_INFRINGEMENT_PREVENTION": "config.ini:18", "LOGLEVEL": "study/config.ini:6",
			"OPENAI_API_KEY": "environment", "OPENAI_BASE_URL": "environment", "NO_COLOR": "environment",
		},
		Warnings: []string{
			"config.ini: not used in this version: REASONING_EFFORT, CACHE_FILE_NAME, ActionGenerator.MAX_ATTEMPTS",
			"study/config.ini:7: unknown key BASE_URL in [logging]: it belongs in [OpenAI]",
			"study/config.ini:9: unknown key TEMPRATURE. Did you mean TEMPERATURE?",
			"study/config.ini:10: unknown key BANANA",
		},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
}

func TestNothing(t *testing.T) {
	s, err := config.Load(nil, &config.Options{Env: environment("NO_COLOR", "", "OPENAI_BASE_URL", "https://x/v1")})
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Settings{
		BaseURL: "https://x/v1", HarmfulContentPrevention: true, CopyrightPrevention: true,
		From: map[string]string{"BASE_URL": "environment", "OPENAI_BASE_URL": "environment"},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	t.Setenv("OPENAI_API_KEY", "sk-env")
	if s, err = config.Load(nil, nil); err != nil || s.OpenAIKey.Reveal() != "sk-env" {
		t.Error(s, err)
	}
}

func TestErrors(t *testing.T) {
	files := fstest.MapFS{"config.ini": {Data: []byte("[OpenAI]\nAPI_TYPE=opnai\nTIMEOUT=long\nMAX_ATTEMPTS=0\nTEMPERATURE=3\nMAX_COMPLETION_TOKENS=1.5\n[Simulation]\nRAI_HARMFUL_CONTENT_PREVENTION=perhaps\n[Logging]\nLOGLEVEL=loud\n")}}
	_, err := config.Load([]string{"config.ini"}, &config.Options{FS: files, Env: environment()})
	want := strings.Join([]string{
		`config.ini:2: API_TYPE: expected one of openai, azure, ollama, found "opnai". Did you mean openai?`,
		`config.ini:3: TIMEOUT: expected a number from 0 to 1e+06, found "long"`,
		`config.ini:4: MAX_ATTEMPTS: expected a whole number of at least 1, found "0"`,
		`config.ini:5: TEMPERATURE: expected a number from 0 to 2, found "3"`,
		`config.ini:6: MAX_COMPLETION_TOKENS: expected a whole number of at least 1, found "1.5"`,
		`config.ini:8: RAI_HARMFUL_CONTENT_PREVENTION: expected True or False, found "perhaps"`,
		`config.ini:10: LOGLEVEL: expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL, found "LOUD"`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Error(cmp.Diff(want, fmt.Sprint(err)))
	}
	var e *config.Error
	if !errors.As(err, &e) || e.Line != 2 {
		t.Error(e)
	}
}

func TestSecret(t *testing.T) {
	s := config.Settings{OpenAIKey: "sk-hidden"}
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range []string{string(b), fmt.Sprint(s), fmt.Sprintf("%v %+v %#v %q", s, s, s, s.OpenAIKey), fmt.Sprintf("%#v", &s)} {
		if strings.Contains(out, "sk-hidden") {
			t.Error(out)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add("[OpenAI]\nMODEL=x\nTIMEOUT=1e300\n")
	f.Add("[a\nb=c\n  d\n\"\"\"")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := config.Load([]string{"c"}, &config.Options{FS: fstest.MapFS{"c": {Data: []byte(text)}}, Env: environment()})
		if (s == nil) == (err == nil) {
			t.Fatal(s, err)
		}
	})
}
