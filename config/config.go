// Package config reads settings from config.ini, as TinyTroupe has it, and from the
// environment, into plain values. It decides nothing: what goes before what else is
// for the caller, who is told where each value came from.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// Settings are what files and environment say. The zero value of each field says that
// they say nothing, where no other default is stated.
type Settings struct {
	APIType             string        // API_TYPE: openai, azure, ollama
	Model               string        // MODEL, without a provider
	BaseURL             string        // BASE_URL, else OPENAI_BASE_URL
	Timeout             time.Duration // TIMEOUT, seconds in the file
	MaxAttempts         int           // MAX_ATTEMPTS for a model call, the first included
	MaxConcurrent       int           // MAX_CONCURRENT_MODEL_CALLS; Unlimited for NONE, OFF, 0 and below
	Temperature         *float64      // TEMPERATURE
	MaxCompletionTokens int           // MAX_COMPLETION_TOKENS

	HarmfulContentPrevention bool // RAI_HARMFUL_CONTENT_PREVENTION; true where nothing is said
	CopyrightPrevention      bool // RAI_COPYRIGHT_INFRINGEMENT_PREVENTION; true where nothing is said

	LogLevel string // LOGLEVEL: DEBUG, INFO, WARNING, ERROR, CRITICAL or NONE

	OpenAIKey Secret // OPENAI_API_KEY, from the environment alone
	NoColor   bool   // NO_COLOR is set, from the environment alone

	// From says where a value came from, by the name of its key: a file and a line
	// (config.ini:7), or environment. What has no entry was not said.
	From map[string]string
	// Warnings are about keys that were read and have no effect, one a line.
	Warnings []string
}

// Unlimited is the value of a limit that has been turned off.
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
	s := &Settings{HarmfulContentPrevention: true, CopyrightPrevention: true, From: map[string]string{}}
	s.environment(env)
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
			errs = append(errs, s.file(name, data)...)
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
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
	s.NoColor = get("NO_COLOR") != ""
	if s.BaseURL = get("OPENAI_BASE_URL"); s.BaseURL != "" {
		s.From["BASE_URL"] = "environment"
	}
}
