// Package config reads settings from config.ini, as TinyTroupe has it, and from the
// environment, into plain values. It decides nothing: what goes before what else is
// for the caller, who is told where each value came from.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Settings are what files and environment say. The zero value of each field says that
// they say nothing, where no other default is stated. Beside each field stands its key;
// docs/config.md says what comes of it.
type Settings struct {
	APIType    string // API_TYPE: openai, azure, anthropic, gemini, ollama
	Model      string // MODEL, without a provider
	BaseURL    string // BASE_URL, else OPENAI_BASE_URL
	NamedModel string // TINYTROUPE_MODEL, as PROVIDER/NAME

	ReasoningModel           string // REASONING_MODEL
	EmbeddingModel           string // EMBEDDING_MODEL
	AzureAPIVersion          string // AZURE_API_VERSION
	AzureEmbeddingAPIVersion string // AZURE_EMBEDDING_MODEL_API_VERSION
	AzureEndpoint            string // AZURE_OPENAI_ENDPOINT
	OllamaHost               string // OLLAMA_HOST

	MaxCompletionTokens int      // MAX_COMPLETION_TOKENS
	Temperature         *float64 // TEMPERATURE, 0 to 2
	FrequencyPenalty    *float64 // FREQ_PENALTY, -2 to 2
	PresencePenalty     *float64 // PRESENCE_PENALTY, -2 to 2
	TopP                *float64 // TOP_P, 0 to 1
	ReasoningEffort     string   // REASONING_EFFORT: minimal, low, medium, high
	NumCtx              int      // NUM_CTX, tokens

	Timeout       time.Duration // TIMEOUT, seconds in the file
	MaxAttempts   int           // MAX_ATTEMPTS for a model call, the first included
	MaxConcurrent int           // MAX_CONCURRENT_MODEL_CALLS; Unlimited for NONE, OFF, 0 and below, which fix no number
	WaitingTime   time.Duration // WAITING_TIME, seconds in the file
	BackoffFactor float64       // EXPONENTIAL_BACKOFF_FACTOR
	CacheAPICalls bool          // CACHE_API_CALLS
	CacheFileName string        // CACHE_FILE_NAME

	BudgetUSD    float64 // BUDGET_USD
	BudgetCalls  int     // BUDGET_CALLS
	BudgetTokens int     // BUDGET_TOKENS

	MaxContentDisplayLength int // MAX_CONTENT_DISPLAY_LENGTH, characters

	ParallelAgentGeneration  bool // PARALLEL_AGENT_GENERATION; true where nothing is said
	ParallelAgentActions     bool // PARALLEL_AGENT_ACTIONS
	HarmfulContentPrevention bool // RAI_HARMFUL_CONTENT_PREVENTION; true where nothing is said
	CopyrightPrevention      bool // RAI_COPYRIGHT_INFRINGEMENT_PREVENTION; true where nothing is said

	EnableMemoryConsolidation bool // ENABLE_MEMORY_CONSOLIDATION; true where nothing is said
	EnableContinuousRetrieval bool // ENABLE_CONTINUOUS_CONTEXTUAL_SEMANTIC_MEMORY_RETRIEVAL; true where nothing is said
	MinEpisodeLength          int  // MIN_EPISODE_LENGTH, events
	MaxEpisodeLength          int  // MAX_EPISODE_LENGTH, events
	FixedPrefixLength         int  // EPISODIC_MEMORY_FIXED_PREFIX_LENGTH, events
	LookbackLength            int  // EPISODIC_MEMORY_LOOKBACK_LENGTH, events

	ActionGenerator ActionGenerator

	// Of these: DEBUG, INFO, WARNING, ERROR, CRITICAL or NONE.
	LogLevel           string // LOGLEVEL
	LogLevelConsole    string // LOGLEVEL_CONSOLE
	LogLevelFile       string // LOGLEVEL_FILE
	LogIncludeThreadID bool   // LOG_INCLUDE_THREAD_ID

	OpenAIKey Secret // OPENAI_API_KEY, from the environment alone
	AzureKey  Secret // AZURE_OPENAI_KEY, from the environment alone

	// Answers holds, by key and as they were said, the settings that decide what models
	// and people answer; see [Options.Answers].
	Answers map[string]string
	// From says where a value came from, by the name of its key, or of its variable; of
	// [ActionGenerator], as ActionGenerator.MAX_ATTEMPTS. It is a file and a line
	// (config.ini:7), or environment. What has no entry was not said.
	From map[string]string
	// Warnings are, one a line, about keys that nothing knows, and about those that
	// have no effect here: one for each file, which says what stands for them.
	Warnings []string
}

// ActionGenerator is the section of that name. Its keys are those of the fields, in
// capitals and with underscores; the checks' begin with ENABLE_QUALITY_CHECK_FOR.
type ActionGenerator struct {
	MaxAttempts            int
	EnableQualityChecks    bool
	EnableRegeneration     bool
	EnableDirectCorrection bool
	CheckPersonaAdherence  bool
	CheckSelfConsistency   bool
	CheckFluency           bool
	CheckSuitability       bool
	CheckSimilarity        bool
	ContinueOnFailure      bool
	QualityThreshold       int // 0 to 9
}

// Unlimited is the value of a limit that has been turned off: how many calls at once is
// then for what is called to show.
const Unlimited = -1

// A Secret is a text that is not shown: printing and encoding it hide it.
type Secret string

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

func (s Secret) String() string {
	if s == "" {
		return "(not set)"
	}
	return "(set, not shown)"
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Options tune Load. The zero value of each field has the stated meaning.
type Options struct {
	FS  fs.FS                            // where the files are; nil means the file system
	Env func(name string) (string, bool) // nil means the environment
	// Answers stand for what the files say of the keys of Settings.Answers, so that a
	// run goes on as it began. Nil leaves them to the files.
	Answers map[string]string
}

// An Error is a value that cannot be read.
type Error struct {
	File    string
	Line    int // 0 where it is not known
	Problem string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Problem
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Problem)
}

// Load reads the environment and the files, of which those that do not exist are
// passed over. What a later file says replaces what an earlier one says, key by key;
// what files say replaces what the environment says. The error joins an *Error for
// every value that cannot be read.
func Load(files []string, o *Options) (*Settings, error) {
	if o == nil {
		o = &Options{}
	}
	env := o.Env
	if env == nil {
		env = os.LookupEnv
	}
	s := &Settings{
		ParallelAgentGeneration: true, HarmfulContentPrevention: true, CopyrightPrevention: true,
		EnableMemoryConsolidation: true, EnableContinuousRetrieval: true, From: map[string]string{}, Answers: map[string]string{},
	}
	s.environment(env)
	r := &reader{s: s, in: map[string]string{}, fixed: o.Answers != nil}
	var errs []error
	for _, name := range files {
		read := os.ReadFile
		if o.FS != nil {
			read = func(name string) ([]byte, error) { return fs.ReadFile(o.FS, name) }
		}
		data, err := read(name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			errs = append(errs, fmt.Errorf("config: %w", err))
		default:
			errs = append(errs, r.file(name, data)...)
		}
	}
	errs = append(errs, r.answers(o.Answers))
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	for _, name := range files {
		if w := r.replaced(name); w != "" && !slices.Contains(s.Warnings, w) {
			s.Warnings = append(s.Warnings, w)
		}
	}
	return s, nil
}

// environment reads what the environment says. An empty variable says nothing.
func (s *Settings) environment(env func(string) (string, bool)) {
	get := func(name string) string {
		v, _ := env(name)
		if v != "" {
			s.From[name] = "environment"
		}
		return v
	}
	s.OpenAIKey = Secret(get("OPENAI_API_KEY"))
	s.AzureKey = Secret(get("AZURE_OPENAI_KEY"))
	s.AzureEndpoint = get("AZURE_OPENAI_ENDPOINT")
	s.OllamaHost = get("OLLAMA_HOST")
	s.NamedModel = get("TINYTROUPE_MODEL")
	if s.BaseURL = get("OPENAI_BASE_URL"); s.BaseURL != "" {
		s.From["BASE_URL"] = "environment"
	}
}
