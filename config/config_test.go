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
CACHE_API_CALLS=True
WAITING_TIME=1

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
		FS: files, Env: environment("OPENAI_API_KEY", "sk-1", "OPENAI_BASE_URL", "https://x/v1",
			"AZURE_OPENAI_KEY", "sk-2", "AZURE_OPENAI_ENDPOINT", "https://a.example", "OLLAMA_HOST", "h:1", "TINYTROUPE_MODEL", "ollama/x"),
	})
	if err != nil {
		t.Fatal(err)
	}
	warm := 0.7
	want := &config.Settings{
		APIType: "openai", Model: "other:tag", BaseURL: "http://localhost:8080/v1", Timeout: 1500 * time.Millisecond,
		MaxAttempts: 5, MaxConcurrent: config.Unlimited, Temperature: &warm, MaxCompletionTokens: 128000,
		ReasoningEffort: "high", CacheFileName: "a;b.pickle", CacheAPICalls: true, WaitingTime: time.Second, ParallelAgentGeneration: true,
		EnableMemoryConsolidation: true, EnableContinuousRetrieval: true, ActionGenerator: config.ActionGenerator{MaxAttempts: 2},
		HarmfulContentPrevention: true, LogLevel: "NONE", OpenAIKey: "sk-1",
		AzureKey: "sk-2", AzureEndpoint: "https://a.example", OllamaHost: "h:1", NamedModel: "ollama/x",
		Answers: map[string]string{
			"TEMPERATURE": "0.7", "MAX_COMPLETION_TOKENS": "128000", "REASONING_EFFORT": "high",
			"RAI_HARMFUL_CONTENT_PREVENTION": "True", "RAI_COPYRIGHT_INFRINGEMENT_PREVENTION": "no",
		},
		From: map[string]string{
			"API_TYPE": "config.ini:5", "MODEL": "study/config.ini:2", "BASE_URL": "config.ini:7", "TIMEOUT": "config.ini:8",
			"MAX_ATTEMPTS": "config.ini:9", "MAX_CONCURRENT_MODEL_CALLS": "study/config.ini:4", "TEMPERATURE": "study/config.ini:3",
			"MAX_COMPLETION_TOKENS": "config.ini:12", "RAI_HARMFUL_CONTENT_PREVENTION": "config.ini:19",
			"RAI_COPYRIGHT_INFRINGEMENT_PREVENTION": "config.ini:20", "LOGLEVEL": "study/config.ini:6",
			"REASONING_EFFORT": "config.ini:13", "CACHE_FILE_NAME": "config.ini:14", "CACHE_API_CALLS": "config.ini:15", "WAITING_TIME": "config.ini:16",
			"ActionGenerator.MAX_ATTEMPTS": "config.ini:23", "AZURE_OPENAI_KEY": "environment", "AZURE_OPENAI_ENDPOINT": "environment",
			"OLLAMA_HOST": "environment", "TINYTROUPE_MODEL": "environment",
			"OPENAI_API_KEY": "environment", "OPENAI_BASE_URL": "environment",
		},
		Warnings: []string{
			"study/config.ini:7: unknown key BASE_URL in [logging]: it belongs in [OpenAI]",
			"study/config.ini:9: unknown key TEMPRATURE. Did you mean TEMPERATURE?",
			"study/config.ini:10: unknown key BANANA",
			"config.ini: without effect: WAITING_TIME (no wait before calls: a server that says it is busy is given the time it asks for)",
		},
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
}

// TestAnswers goes on with what a run began with, whatever the files say now.
func TestAnswers(t *testing.T) {
	files := fstest.MapFS{"config.ini": {Data: []byte("[OpenAI]\nMODEL=m\nTEMPERATURE=0.1\nTOP_P=0.5\n")}}
	s, err := config.Load([]string{"config.ini"}, &config.Options{FS: files, Env: environment(), Answers: map[string]string{"TEMPERATURE": "1.5"}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Model != "m" || *s.Temperature != 1.5 || s.TopP != nil || s.From["TEMPERATURE"] != "the record" {
		t.Errorf("%+v", s)
	}
	if diff := cmp.Diff(map[string]string{"TEMPERATURE": "1.5"}, s.Answers); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []map[string]string{{"MODEL": "x"}, {"TEMPERATURE": "hot"}} {
		if _, err := config.Load(nil, &config.Options{Env: environment(), Answers: bad}); err == nil {
			t.Errorf("%v: no error", bad)
		}
	}
}

func TestNothing(t *testing.T) {
	s, err := config.Load(nil, &config.Options{Env: environment("NO_COLOR", "", "OPENAI_BASE_URL", "https://x/v1")})
	if err != nil {
		t.Fatal(err)
	}
	want := &config.Settings{
		BaseURL: "https://x/v1", HarmfulContentPrevention: true, CopyrightPrevention: true,
		ParallelAgentGeneration: true, EnableMemoryConsolidation: true, EnableContinuousRetrieval: true,
		Answers: map[string]string{},
		From:    map[string]string{"BASE_URL": "environment", "OPENAI_BASE_URL": "environment"},
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
		`config.ini:2: API_TYPE: expected one of openai, azure, anthropic, gemini, ollama, found "opnai". Did you mean openai?`,
		`config.ini:3: TIMEOUT: expected a number from 0 to 1e+06, found "long"`,
		`config.ini:4: MAX_ATTEMPTS: expected a whole number of at least 1, found "0": write 1 to call once and never again`,
		`config.ini:5: TEMPERATURE: expected a number from 0 to 2, found "3"`,
		`config.ini:6: MAX_COMPLETION_TOKENS: expected a whole number of at least 1, found "1.5": leave it out for no limit`,
		`config.ini:8: RAI_HARMFUL_CONTENT_PREVENTION: expected True or False, found "perhaps"`,
		`config.ini:10: LOGLEVEL: expected one of DEBUG, INFO, WARNING, ERROR, CRITICAL, NONE, found "LOUD"`,
	}, "\n")
	if err == nil || err.Error() != want {
		t.Error(cmp.Diff(want, fmt.Sprint(err)))
	}
	var e *config.Error
	if !errors.As(err, &e) || e.Line != 2 {
		t.Error(e)
	}
}

// TestShipped reads the values that TinyTroupe ships: what differs here is said in one
// warning, and what does not is not.
func TestShipped(t *testing.T) {
	shipped := `[OpenAI]
API_TYPE=openai
AZURE_API_VERSION=2024-12-01-preview
MODEL=gpt-5-mini
REASONING_MODEL=o3-mini
EMBEDDING_MODEL=text-embedding-3-small 
MAX_COMPLETION_TOKENS=128000
TIMEOUT=480
MAX_ATTEMPTS=5
WAITING_TIME=1
EXPONENTIAL_BACKOFF_FACTOR=5
MAX_CONCURRENT_MODEL_CALLS=4
REASONING_EFFORT=high
CACHE_API_CALLS=False
CACHE_FILE_NAME=openai_api_cache.pickle
MAX_CONTENT_DISPLAY_LENGTH=4000
[Simulation]
PARALLEL_AGENT_GENERATION=True
PARALLEL_AGENT_ACTIONS=True
RAI_HARMFUL_CONTENT_PREVENTION=True
RAI_COPYRIGHT_INFRINGEMENT_PREVENTION=True
[Cognition]
ENABLE_MEMORY_CONSOLIDATION=True
ENABLE_CONTINUOUS_CONTEXTUAL_SEMANTIC_MEMORY_RETRIEVAL=True
MIN_EPISODE_LENGTH=10
MAX_EPISODE_LENGTH=15
EPISODIC_MEMORY_FIXED_PREFIX_LENGTH=10
EPISODIC_MEMORY_LOOKBACK_LENGTH=20
[ActionGenerator]
MAX_ATTEMPTS=2
ENABLE_QUALITY_CHECKS=False
ENABLE_REGENERATION=True
ENABLE_QUALITY_CHECK_FOR_PERSONA_ADHERENCE=True
CONTINUE_ON_FAILURE=True
QUALITY_THRESHOLD = 5
[Logging]
LOGLEVEL=ERROR
LOGLEVEL_CONSOLE=INFO
LOGLEVEL_FILE=DEBUG
LOG_INCLUDE_THREAD_ID=True
`
	files := fstest.MapFS{
		"config.ini":   {Data: []byte(shipped)},
		"s/config.ini": {Data: []byte("[OpenAI]\nWAITING_TIME=0\n[ActionGenerator]\nQUALITY_THRESHOLD=9\nENABLE_QUALITY_CHECKS=True\n")},
	}
	s, err := config.Load([]string{"config.ini"}, &config.Options{FS: files, Env: environment()})
	if err != nil {
		t.Fatal(err)
	}
	const rest = "PARALLEL_AGENT_ACTIONS (a study says whether people act at once: world: {turns: together}; else in turn); " +
		"MIN_EPISODE_LENGTH, MAX_EPISODE_LENGTH (an episode is summarised once it has about 48,000 bytes of text); " +
		"EPISODIC_MEMORY_FIXED_PREFIX_LENGTH, EPISODIC_MEMORY_LOOKBACK_LENGTH (an episode is shown whole; what was summarised stands as its summary); "
	const models = "REASONING_MODEL (a study names who judges: model: {judge: PROVIDER/NAME}); EMBEDDING_MODEL (nobody's memory embeds in this version); "
	const backoff = "EXPONENTIAL_BACKOFF_FACTOR (waits between attempts double, from half a second to 30 seconds); "
	want := []string{"config.ini: without effect: " + models +
		"WAITING_TIME (no wait before calls: a server that says it is busy is given the time it asks for); " + backoff + rest +
		"LOG_INCLUDE_THREAD_ID (there are no thread ids to show)"}
	if d := cmp.Diff(want, s.Warnings); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if s.EmbeddingModel != "text-embedding-3-small" || s.LogLevelFile != "DEBUG" || s.ActionGenerator.QualityThreshold != 5 {
		t.Errorf("%+v", s)
	}

	// A file over it takes back one, and turns on the checks.
	if s, err = config.Load([]string{"config.ini", "s/config.ini"}, &config.Options{FS: files, Env: environment()}); err != nil {
		t.Fatal(err)
	}
	const judged = " (acts are not judged in this version; repeats are always left out)"
	want = []string{
		"config.ini: without effect: " + models + backoff + rest +
			"ActionGenerator.MAX_ATTEMPTS, ActionGenerator.ENABLE_REGENERATION, ActionGenerator.ENABLE_QUALITY_CHECK_FOR_PERSONA_ADHERENCE, ActionGenerator.CONTINUE_ON_FAILURE" + judged +
			"; LOG_INCLUDE_THREAD_ID (there are no thread ids to show)",
		"s/config.ini: without effect: ActionGenerator.ENABLE_QUALITY_CHECKS, ActionGenerator.QUALITY_THRESHOLD" + judged,
	}
	if d := cmp.Diff(want, s.Warnings); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestIndented: a line is what it says, however far it is indented, and whatever ends the
// line before.
func TestIndented(t *testing.T) {
	const text = "\ufeff[OpenAI]\r\n  MODEL=gpt-5-mini\r\n    ; a comment\r\n  TIMEOUT=60\r\n\tCACHE_FILE_NAME=C:\\runs\\\r\n    MAX_ATTEMPTS=3\r\nMAX_TOKENS=4000\r\n  [Logging]\r\n  LOGLEVEL=error\r\n"
	s, err := config.Load([]string{"config.ini"}, &config.Options{FS: fstest.MapFS{"config.ini": {Data: []byte(text)}}, Env: environment()})
	if err != nil {
		t.Fatal(err)
	}
	if s.Model != "gpt-5-mini" || s.Timeout != time.Minute || s.CacheFileName != `C:\runs\` || s.MaxAttempts != 3 || s.LogLevel != "ERROR" || s.From["MAX_ATTEMPTS"] != "config.ini:6" {
		t.Errorf("%+v", s)
	}
	if d := cmp.Diff([]string{"config.ini:7: unknown key MAX_TOKENS. It is called MAX_COMPLETION_TOKENS"}, s.Warnings); d != "" {
		t.Error(d)
	}
}

// TestNoSecretInErrors: a line that is no setting may be a key that was pasted.
func TestNoSecretInErrors(t *testing.T) {
	for _, line := range []string{"sk-secretkey123456", "[sk-secretkey123456", "=sk-secretkey123456", "[sk-secretkey=123456", "  sk-secretkey123456"} {
		_, err := config.Load([]string{"config.ini"}, &config.Options{FS: fstest.MapFS{"config.ini": {Data: []byte("[OpenAI]\n\n" + line + "\nMODEL=x\n")}}, Env: environment()})
		if err == nil || err.Error() != "config.ini:3: expected [SECTION], KEY=VALUE or a comment" {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestSecret(t *testing.T) {
	s := config.Settings{OpenAIKey: "sk-hidden", AzureKey: "sk-hidden"}
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
