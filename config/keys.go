package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/internal/nearest"
)

// A key is one that TinyTroupe's config.ini has, or one of [Budget].
type key struct {
	section, name string
	set           func(s *Settings, value string) error
	// here says what the value does. Of a key that is replaced it says by what, and
	// the key is named in a warning unless its value asks for just that.
	here     string
	replaced bool
	moot     func(s *Settings) bool // of a replaced key: it changes nothing; nil means never
}

var keys = []key{
	{section: "OpenAI", name: "API_TYPE", here: "the provider of `MODEL`: `openai`, `azure`, `anthropic`, `gemini` or `ollama`",
		set: func(s *Settings, v string) error {
			return oneOf(&s.APIType, strings.ToLower(v), "openai", "azure", "anthropic", "gemini", "ollama")
		}},
	{section: "OpenAI", name: "AZURE_API_VERSION", here: "API version of Azure's older addresses", set: text(func(s *Settings) *string { return &s.AzureAPIVersion })},
	{section: "OpenAI", name: "AZURE_EMBEDDING_MODEL_API_VERSION", here: noEmbedding, replaced: true, set: text(func(s *Settings) *string { return &s.AzureEmbeddingAPIVersion })},
	{section: "OpenAI", name: "BASE_URL", here: "address of a server that speaks OpenAI's API, or that of `API_TYPE`; goes before `OPENAI_BASE_URL`", set: text(func(s *Settings) *string { return &s.BaseURL })},
	{section: "OpenAI", name: "MODEL", here: "the model that acts, where neither `--model` nor the study names one; `openai/NAME` in the spelling that the server at `BASE_URL` lists", set: text(func(s *Settings) *string { return &s.Model })},
	{section: "OpenAI", name: "REASONING_MODEL", here: "a study names who judges: `model: {judge: PROVIDER/NAME}`", replaced: true, set: text(func(s *Settings) *string { return &s.ReasoningModel })},
	{section: "OpenAI", name: "EMBEDDING_MODEL", here: noEmbedding, replaced: true, set: text(func(s *Settings) *string { return &s.EmbeddingModel })},
	{section: "OpenAI", name: "MAX_COMPLETION_TOKENS", here: "most tokens of one reply, reasoning included; under a cap at most a twentieth of that, or 8,192 where that is more",
		set: func(s *Settings, v string) error {
			return whole(&s.MaxCompletionTokens, v, 1, "leave it out for no limit")
		}},
	{section: "OpenAI", name: "TEMPERATURE", here: "0 to 2; left to the model where nothing is said", set: number(func(s *Settings) **float64 { return &s.Temperature }, 0, 2)},
	{section: "OpenAI", name: "FREQ_PENALTY", here: "-2 to 2", set: number(func(s *Settings) **float64 { return &s.FrequencyPenalty }, -2, 2)},
	{section: "OpenAI", name: "PRESENCE_PENALTY", here: "-2 to 2", set: number(func(s *Settings) **float64 { return &s.PresencePenalty }, -2, 2)},
	{section: "OpenAI", name: "TOP_P", here: "0 to 1", set: number(func(s *Settings) **float64 { return &s.TopP }, 0, 1)},
	{section: "OpenAI", name: "REASONING_EFFORT", here: "of every model that reasons: `minimal`, `low`, `medium` or `high`",
		set: func(s *Settings, v string) error {
			return oneOf(&s.ReasoningEffort, strings.ToLower(v), "minimal", "low", "medium", "high")
		}},
	{section: "OpenAI", name: "NUM_CTX", here: "tokens of context that Ollama is asked for", set: count(func(s *Settings) *int { return &s.NumCtx }, 1, "leave it out for the default")},
	{section: "OpenAI", name: "TIMEOUT", here: "seconds that one call may take", set: seconds(func(s *Settings) *time.Duration { return &s.Timeout })},
	{section: "OpenAI", name: "MAX_ATTEMPTS", here: "how often a call that fails for the moment is made, the first time included; at least 1",
		set: count(func(s *Settings) *int { return &s.MaxAttempts }, 1, "write 1 to call once and never again")},
	{section: "OpenAI", name: "WAITING_TIME", here: "no wait before calls: a server that says it is busy is given the time it asks for", replaced: true,
		set:  seconds(func(s *Settings) *time.Duration { return &s.WaitingTime }),
		moot: func(s *Settings) bool { return s.WaitingTime == 0 }},
	{section: "OpenAI", name: "EXPONENTIAL_BACKOFF_FACTOR", here: "waits between attempts double, from half a second to 30 seconds", replaced: true,
		set: func(s *Settings, v string) (err error) {
			s.BackoffFactor, err = float(v, 1, 1e3)
			return err
		},
		moot: func(s *Settings) bool { return s.BackoffFactor == 2 }},
	{section: "OpenAI", name: "MAX_CONCURRENT_MODEL_CALLS", here: "most calls at once, where `--parallel` does not say; `0`, `NONE` and `OFF`: no fixed number, from 8 up to 32 as the server bears it", set: concurrent},
	{section: "OpenAI", name: "CACHE_API_CALLS", here: "runs share their calls in the file `CACHE_FILE_NAME`, as with `--cache`; a record keeps those of its own run in any case",
		set: truth(func(s *Settings) *bool { return &s.CacheAPICalls })},
	{section: "OpenAI", name: "CACHE_FILE_NAME", here: "the file of `CACHE_API_CALLS`; `tinytroupe-calls.db` where nothing is said", set: text(func(s *Settings) *string { return &s.CacheFileName })},
	{section: "OpenAI", name: "MAX_CONTENT_DISPLAY_LENGTH", here: "most characters of one speech shown while a run goes on; the record and the people get all of it",
		set: count(func(s *Settings) *int { return &s.MaxContentDisplayLength }, 1, "leave it out to show all")},

	{section: "Simulation", name: "PARALLEL_AGENT_GENERATION", here: "people are made in parallel; `MAX_CONCURRENT_MODEL_CALLS=1` makes one at a time", replaced: true,
		set:  truth(func(s *Settings) *bool { return &s.ParallelAgentGeneration }),
		moot: func(s *Settings) bool { return s.ParallelAgentGeneration }},
	{section: "Simulation", name: "PARALLEL_AGENT_ACTIONS", here: "a study says whether people act at once: `world: {turns: together}`; else in turn", replaced: true,
		set:  truth(func(s *Settings) *bool { return &s.ParallelAgentActions }),
		moot: func(s *Settings) bool { return !s.ParallelAgentActions }},
	{section: "Simulation", name: "RAI_HARMFUL_CONTENT_PREVENTION", here: "the rules against harmful content in prompts; `True` where nothing is said", set: truth(func(s *Settings) *bool { return &s.HarmfulContentPrevention })},
	{section: "Simulation", name: "RAI_COPYRIGHT_INFRINGEMENT_PREVENTION", here: "the rules against copying protected works in prompts; `True` where nothing is said", set: truth(func(s *Settings) *bool { return &s.CopyrightPrevention })},

	{section: "Cognition", name: "ENABLE_MEMORY_CONSOLIDATION", here: "`False`: long episodes are never summarised", set: truth(func(s *Settings) *bool { return &s.EnableMemoryConsolidation })},
	{section: "Cognition", name: "ENABLE_CONTINUOUS_CONTEXTUAL_SEMANTIC_MEMORY_RETRIEVAL", here: "who has a memory recalls from it once a turn", replaced: true,
		set:  truth(func(s *Settings) *bool { return &s.EnableContinuousRetrieval }),
		moot: func(s *Settings) bool { return s.EnableContinuousRetrieval }},
	{section: "Cognition", name: "MIN_EPISODE_LENGTH", here: episodes, replaced: true, set: count(func(s *Settings) *int { return &s.MinEpisodeLength }, 0, "")},
	{section: "Cognition", name: "MAX_EPISODE_LENGTH", here: episodes, replaced: true, set: count(func(s *Settings) *int { return &s.MaxEpisodeLength }, 0, "")},
	{section: "Cognition", name: "EPISODIC_MEMORY_FIXED_PREFIX_LENGTH", here: nothingOmitted, replaced: true, set: count(func(s *Settings) *int { return &s.FixedPrefixLength }, 0, "")},
	{section: "Cognition", name: "EPISODIC_MEMORY_LOOKBACK_LENGTH", here: nothingOmitted, replaced: true, set: count(func(s *Settings) *int { return &s.LookbackLength }, 0, "")},

	generator("MAX_ATTEMPTS", count(func(s *Settings) *int { return &s.ActionGenerator.MaxAttempts }, 0, "")),
	generator("ENABLE_QUALITY_CHECKS", truth(func(s *Settings) *bool { return &s.ActionGenerator.EnableQualityChecks })),
	generator("ENABLE_REGENERATION", truth(func(s *Settings) *bool { return &s.ActionGenerator.EnableRegeneration })),
	generator("ENABLE_DIRECT_CORRECTION", truth(func(s *Settings) *bool { return &s.ActionGenerator.EnableDirectCorrection })),
	generator("ENABLE_QUALITY_CHECK_FOR_PERSONA_ADHERENCE", truth(func(s *Settings) *bool { return &s.ActionGenerator.CheckPersonaAdherence })),
	generator("ENABLE_QUALITY_CHECK_FOR_SELFCONSISTENCY", truth(func(s *Settings) *bool { return &s.ActionGenerator.CheckSelfConsistency })),
	generator("ENABLE_QUALITY_CHECK_FOR_FLUENCY", truth(func(s *Settings) *bool { return &s.ActionGenerator.CheckFluency })),
	generator("ENABLE_QUALITY_CHECK_FOR_SUITABILITY", truth(func(s *Settings) *bool { return &s.ActionGenerator.CheckSuitability })),
	generator("ENABLE_QUALITY_CHECK_FOR_SIMILARITY", truth(func(s *Settings) *bool { return &s.ActionGenerator.CheckSimilarity })),
	generator("CONTINUE_ON_FAILURE", truth(func(s *Settings) *bool { return &s.ActionGenerator.ContinueOnFailure })),
	generator("QUALITY_THRESHOLD", func(s *Settings, v string) error {
		f, err := float(v, 0, 9)
		s.ActionGenerator.QualityThreshold = int(f)
		return err
	}),

	{section: "Budget", name: "BUDGET_USD", here: "most that a run or a chat may cost, in US dollars, where neither `--budget` nor the study says; not one of TinyTroupe's keys, nor are the next two",
		set: func(s *Settings, v string) (err error) {
			if s.BudgetUSD, err = float(v, 0, 1e6); err == nil && s.BudgetUSD == 0 {
				err = errors.New("expected more than 0; left out, there is no such limit")
			}
			return err
		}},
	{section: "Budget", name: "BUDGET_CALLS", here: "most calls of a run or a chat, where neither `--max-calls` nor the study says",
		set: count(func(s *Settings) *int { return &s.BudgetCalls }, 1, "leave it out for no limit")},
	{section: "Budget", name: "BUDGET_TOKENS", here: "most tokens of a run or a chat, where neither `--max-tokens` nor the study says",
		set: count(func(s *Settings) *int { return &s.BudgetTokens }, 1, "leave it out for no limit")},

	{section: "Logging", name: "LOGLEVEL", here: "level of the two below where they do not say: `DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL`, or `NONE`", set: level(func(s *Settings) *string { return &s.LogLevel })},
	{section: "Logging", name: "LOGLEVEL_CONSOLE", here: "level of the notes on the terminal", set: level(func(s *Settings) *string { return &s.LogLevelConsole })},
	{section: "Logging", name: "LOGLEVEL_FILE", here: "level of `log.txt` in the record, which is written only where this or `LOGLEVEL` is said", set: level(func(s *Settings) *string { return &s.LogLevelFile })},
	{section: "Logging", name: "LOG_INCLUDE_THREAD_ID", here: "there are no thread ids to show", replaced: true,
		set:  truth(func(s *Settings) *bool { return &s.LogIncludeThreadID }),
		moot: func(s *Settings) bool { return !s.LogIncludeThreadID }},
}

const (
	noEmbedding    = "nobody's memory embeds in this version"
	episodes       = "an episode is summarised once it has about 48,000 bytes of text"
	nothingOmitted = "an episode is shown whole; what was summarised stands as its summary"
	notJudged      = "acts are not judged in this version; repeats are always left out"
)

// generator is a key of [ActionGenerator]: moot unless the checks are on.
func generator(name string, set func(*Settings, string) error) key {
	return key{section: "ActionGenerator", name: name, set: set, here: notJudged, replaced: true,
		moot: func(s *Settings) bool { return !s.ActionGenerator.EnableQualityChecks }}
}

// label names a key where its name alone would not: two sections have MAX_ATTEMPTS.
func (k *key) label() string {
	if k.section == "ActionGenerator" {
		return k.section + "." + k.name
	}
	return k.name
}

func text(of func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, v string) error { *of(s) = v; return nil }
}

func count(of func(*Settings) *int, least int, hint string) func(*Settings, string) error {
	return func(s *Settings, v string) error { return whole(of(s), v, least, hint) }
}

func number(of func(*Settings) **float64, lo, hi float64) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		f, err := float(v, lo, hi)
		*of(s) = &f
		return err
	}
}

func seconds(of func(*Settings) *time.Duration) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		f, err := float(v, 0, 1e6)
		*of(s) = time.Duration(f * float64(time.Second))
		return err
	}
}

func truth(of func(*Settings) *bool) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		switch strings.ToLower(v) {
		case "1", "yes", "true", "on":
			*of(s) = true
		case "0", "no", "false", "off":
			*of(s) = false
		default:
			return fmt.Errorf("expected True or False, found %q", v)
		}
		return nil
	}
}

func level(of func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, v string) error {
		v = strings.ToUpper(v)
		if v == "OFF" {
			v = "NONE"
		}
		return oneOf(of(s), v, "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL", "NONE")
	}
}

func concurrent(s *Settings, v string) error {
	switch strings.ToUpper(v) {
	case "NONE", "OFF", "DISABLE", "DISABLED":
		s.MaxConcurrent = Unlimited
		return nil
	}
	if err := whole(&s.MaxConcurrent, v, -1e6, ""); err != nil {
		return errors.New("expected a whole number, or NONE for no fixed number, found " + strconv.Quote(v))
	}
	if s.MaxConcurrent <= 0 {
		s.MaxConcurrent = Unlimited
	}
	return nil
}

func oneOf(to *string, v string, words ...string) error {
	if !slices.Contains(words, v) {
		hint := ""
		if near := nearest.Word(v, words); near != "" {
			hint = ". Did you mean " + near + "?"
		}
		return fmt.Errorf("expected one of %s, found %q%s", strings.Join(words, ", "), v, hint)
	}
	*to = v
	return nil
}

// whole reads a whole number, which may be spelled as 5.0.
func whole(to *int, v string, least int, hint string) error {
	f, err := float(v, float64(least), 1e9)
	if err != nil || f != math.Trunc(f) {
		if hint != "" {
			hint = ": " + hint
		}
		return fmt.Errorf("expected a whole number of at least %d, found %q%s", least, v, hint)
	}
	*to = int(f)
	return nil
}

func float(v string, lo, hi float64) (float64, error) {
	f, err := strconv.ParseFloat(v, 64)
	if err != nil || !(lo <= f && f <= hi) {
		return 0, fmt.Errorf("expected a number from %v to %v, found %q", lo, hi, v)
	}
	return f, nil
}
