package config

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/ini.v1"

	"github.com/tinytroupe-go/tinytroupe/internal/nearest"
)

// A key is one that TinyTroupe's config.ini has. set is nil where it has no effect.
type key struct {
	section, name string
	set           func(s *Settings, value string) error
}

var keys = []key{
	{"OpenAI", "API_TYPE", func(s *Settings, v string) error {
		return oneOf(&s.APIType, strings.ToLower(v), "openai", "azure", "ollama")
	}},
	{"OpenAI", "MODEL", func(s *Settings, v string) error { s.Model = v; return nil }},
	{"OpenAI", "BASE_URL", func(s *Settings, v string) error { s.BaseURL = v; return nil }},
	{"OpenAI", "TIMEOUT", func(s *Settings, v string) error {
		f, err := float(v, 0, 1e6)
		s.Timeout = time.Duration(f * float64(time.Second))
		return err
	}},
	{"OpenAI", "MAX_ATTEMPTS", func(s *Settings, v string) error { return whole(&s.MaxAttempts, v, 1) }},
	{"OpenAI", "MAX_CONCURRENT_MODEL_CALLS", func(s *Settings, v string) error {
		switch strings.ToUpper(v) {
		case "OFF", "DISABLE", "DISABLED":
			s.MaxConcurrent = Unlimited
			return nil
		}
		if err := whole(&s.MaxConcurrent, v, -1e6); err != nil {
			return err
		}
		if s.MaxConcurrent <= 0 {
			s.MaxConcurrent = Unlimited
		}
		return nil
	}},
	{"OpenAI", "TEMPERATURE", func(s *Settings, v string) error {
		f, err := float(v, 0, 2)
		s.Temperature = &f
		return err
	}},
	{"OpenAI", "MAX_COMPLETION_TOKENS", func(s *Settings, v string) error { return whole(&s.MaxCompletionTokens, v, 1) }},
	{"OpenAI", "AZURE_API_VERSION", nil},
	{"OpenAI", "AZURE_EMBEDDING_MODEL_API_VERSION", nil},
	{"OpenAI", "REASONING_MODEL", nil},
	{"OpenAI", "EMBEDDING_MODEL", nil},
	{"OpenAI", "FREQ_PENALTY", nil},
	{"OpenAI", "PRESENCE_PENALTY", nil},
	{"OpenAI", "TOP_P", nil},
	{"OpenAI", "REASONING_EFFORT", nil},
	{"OpenAI", "NUM_CTX", nil},
	{"OpenAI", "WAITING_TIME", nil},
	{"OpenAI", "EXPONENTIAL_BACKOFF_FACTOR", nil},
	{"OpenAI", "CACHE_API_CALLS", nil},
	{"OpenAI", "CACHE_FILE_NAME", nil},
	{"OpenAI", "MAX_CONTENT_DISPLAY_LENGTH", nil},
	{"Simulation", "PARALLEL_AGENT_GENERATION", nil},
	{"Simulation", "PARALLEL_AGENT_ACTIONS", nil},
	{"Simulation", "RAI_HARMFUL_CONTENT_PREVENTION", func(s *Settings, v string) error { return yes(&s.HarmfulContentPrevention, v) }},
	{"Simulation", "RAI_COPYRIGHT_INFRINGEMENT_PREVENTION", func(s *Settings, v string) error { return yes(&s.CopyrightPrevention, v) }},
	{"Cognition", "ENABLE_MEMORY_CONSOLIDATION", nil},
	{"Cognition", "ENABLE_CONTINUOUS_CONTEXTUAL_SEMANTIC_MEMORY_RETRIEVAL", nil},
	{"Cognition", "MIN_EPISODE_LENGTH", nil},
	{"Cognition", "MAX_EPISODE_LENGTH", nil},
	{"Cognition", "EPISODIC_MEMORY_FIXED_PREFIX_LENGTH", nil},
	{"Cognition", "EPISODIC_MEMORY_LOOKBACK_LENGTH", nil},
	{"ActionGenerator", "MAX_ATTEMPTS", nil},
	{"ActionGenerator", "ENABLE_QUALITY_CHECKS", nil},
	{"ActionGenerator", "ENABLE_REGENERATION", nil},
	{"ActionGenerator", "ENABLE_DIRECT_CORRECTION", nil},
	{"ActionGenerator", "ENABLE_QUALITY_CHECK_FOR_PERSONA_ADHERENCE", nil},
	{"ActionGenerator", "ENABLE_QUALITY_CHECK_FOR_SELFCONSISTENCY", nil},
	{"ActionGenerator", "ENABLE_QUALITY_CHECK_FOR_FLUENCY", nil},
	{"ActionGenerator", "ENABLE_QUALITY_CHECK_FOR_SUITABILITY", nil},
	{"ActionGenerator", "ENABLE_QUALITY_CHECK_FOR_SIMILARITY", nil},
	{"ActionGenerator", "CONTINUE_ON_FAILURE", nil},
	{"ActionGenerator", "QUALITY_THRESHOLD", nil},
	{"Logging", "LOGLEVEL", func(s *Settings, v string) error {
		return oneOf(&s.LogLevel, strings.ToUpper(v), "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
	}},
	{"Logging", "LOGLEVEL_CONSOLE", nil},
	{"Logging", "LOGLEVEL_FILE", nil},
	{"Logging", "LOG_INCLUDE_THREAD_ID", nil},
}

// label names a key where its name alone would not: two sections have MAX_ATTEMPTS.
func (k key) label() string {
	if k.section == "ActionGenerator" {
		return k.section + "." + k.name
	}
	return k.name
}

// file reads one file over what is there.
func (s *Settings) file(name string, data []byte) []error {
	f, err := ini.LoadSources(ini.LoadOptions{
		// As Python's configparser reads it.
		IgnoreInlineComment:        true,
		InsensitiveSections:        true,
		InsensitiveKeys:            true,
		AllowPythonMultilineValues: true,
		PreserveSurroundedQuote:    true,
	}, data)
	if err != nil {
		return []error{&Error{File: name, Problem: err.Error()}}
	}
	var errs []error
	var unused []string
	for _, section := range f.Sections() {
		for _, k := range section.Keys() {
			line := lineOf(string(data), section.Name(), k.Name())
			i := slices.IndexFunc(keys, func(x key) bool {
				return strings.EqualFold(x.section, section.Name()) && strings.EqualFold(x.name, k.Name())
			})
			switch {
			case i < 0:
				s.Warnings = append(s.Warnings, unknown(name, line, section.Name(), k.Name()))
			case keys[i].set == nil:
				unused = append(unused, keys[i].label())
			default:
				if err := s.set(keys[i], strings.TrimSpace(k.Value()), fmt.Sprintf("%s:%d", name, line)); err != nil {
					errs = append(errs, &Error{name, line, fmt.Sprintf("%s: %v", keys[i].name, err)})
				}
			}
		}
	}
	if len(unused) > 0 {
		s.Warnings = append(s.Warnings, fmt.Sprintf("%s: not used in this version: %s", name, strings.Join(unused, ", ")))
	}
	return errs
}

// set sets a value. An empty one, or NONE, says nothing, but where it turns something
// off.
func (s *Settings) set(k key, value, from string) error {
	if none := value == "" || strings.EqualFold(value, "none"); none {
		switch {
		case value == "":
			return nil
		case k.name == "MAX_CONCURRENT_MODEL_CALLS":
			s.MaxConcurrent = Unlimited
		case k.name == "LOGLEVEL":
			s.LogLevel = "NONE"
		default:
			return nil
		}
		s.From[k.name] = from
		return nil
	}
	if k.name == "LOGLEVEL" && strings.EqualFold(value, "off") {
		value = "none"
		return s.set(k, value, from)
	}
	if err := k.set(s, value); err != nil {
		return err
	}
	s.From[k.name] = from
	return nil
}

func unknown(file string, line int, section, name string) string {
	var all []string
	for _, k := range keys {
		if !slices.Contains(all, k.name) {
			all = append(all, k.name)
		}
	}
	upper := strings.ToUpper(name)
	w := fmt.Sprintf("%s:%d: unknown key %s", file, line, upper)
	if i := slices.IndexFunc(keys, func(k key) bool { return k.name == upper }); i >= 0 {
		return fmt.Sprintf("%s in [%s]: it belongs in [%s]", w, section, keys[i].section)
	}
	if near := nearest.Word(upper, all); near != "" {
		w += ". Did you mean " + near + "?"
	}
	return w
}

var header = regexp.MustCompile(`^\s*\[([^\]]+)\]`)

// lineOf returns the line on which a key stands last, 0 where it cannot be told.
func lineOf(text, section, name string) int {
	at, in := 0, ini.DefaultSection
	for i, line := range strings.Split(text, "\n") {
		if m := header.FindStringSubmatch(line); m != nil {
			in = m[1]
			continue
		}
		key, _, ok := strings.Cut(strings.Replace(line, ":", "=", 1), "=")
		if ok && strings.EqualFold(in, section) && strings.EqualFold(strings.TrimSpace(key), name) {
			at = i + 1
		}
	}
	return at
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
func whole(to *int, v string, least float64) error {
	f, err := float(v, least, 1e9)
	if err != nil || f != math.Trunc(f) {
		return fmt.Errorf("expected a whole number of at least %v, found %q", least, v)
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

func yes(to *bool, v string) error {
	switch strings.ToLower(v) {
	case "1", "yes", "true", "on":
		*to = true
	case "0", "no", "false", "off":
		*to = false
	default:
		return fmt.Errorf("expected True or False, found %q", v)
	}
	return nil
}
