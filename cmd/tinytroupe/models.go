package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

const (
	rehearsalName = "rehearsal"
	defaultOpenAI = "openai/gpt-5-mini"
	foundCap      = 1.00 // US dollars for a paid model that was found, not named
)

// choice is a model and why it is that one.
type choice struct {
	name  string // provider/name
	why   string // where the name comes from, for the reader
	found bool   // nobody named it
}

func (c choice) rehearsal() bool { return c.name == rehearsalName }

// choose settles which model acts: the flag, the study, config.ini, the
// environment, what is found, and last the stand-in.
func choose(ctx context.Context, flag, study string, s *config.Settings, env func(string) (string, bool)) (choice, error) {
	named, _ := env("TINYTROUPE_MODEL")
	for _, c := range []choice{
		{name: flag, why: "--model"},
		{name: study, why: "the study"},
		{name: provided(s), why: s.From["MODEL"]},
		{name: named, why: "TINYTROUPE_MODEL"},
	} {
		if c.name != "" {
			return c, nil
		}
	}
	switch {
	case s.BaseURL != "" && s.BaseURL != openai.DefaultURL:
		source := s.From["BASE_URL"]
		if source == "environment" {
			source = "OPENAI_BASE_URL"
		}
		where := fmt.Sprintf("%s (%s)", s.BaseURL, source)
		models, err := served(ctx, s)
		switch {
		case err != nil:
			return choice{}, fmt.Errorf("no model is named, and the server at %s does not say which it has: %w\nStart the server, or name a model: --model openai/NAME", where, err)
		case len(models) != 1:
			var names strings.Builder
			for _, m := range models[:min(len(models), 20)] {
				fmt.Fprintf(&names, "\n  --model openai/%s", m.ID)
			}
			return choice{}, fmt.Errorf("no model is named, and the server at %s has %d: say which%s", where, len(models), names.String())
		}
		return choice{"openai/" + models[0].ID, "the only model at " + s.BaseURL, true}, nil
	case s.OpenAIKey != "":
		return choice{defaultOpenAI, "a key was found in OPENAI_API_KEY", true}, nil
	}
	return choice{rehearsalName, "no model is configured", false}, nil
}

// provided is the model of config.ini, which names provider and model apart.
func provided(s *config.Settings) string {
	switch {
	case s.Model == "" || s.Model == rehearsalName || strings.HasPrefix(s.Model, "openai/"):
		return s.Model
	case s.APIType == "":
		return "openai/" + s.Model
	}
	return s.APIType + "/" + s.Model
}

// served asks an endpoint for its models.
func served(ctx context.Context, s *config.Settings) ([]openai.ModelInfo, error) {
	e, err := openai.NewEndpoint(&openai.Options{BaseURL: s.BaseURL, Key: s.OpenAIKey.Reveal(), Proxy: http.ProxyFromEnvironment})
	if err != nil {
		return nil, err
	}
	defer e.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return e.Models(ctx)
}

// caps are what a run may use; 0 is no limit.
type caps struct {
	usd           float64
	calls, tokens int
}

// stack is a model ready for use, and what stands around it.
type stack struct {
	model llm.Model
	small bool // the model's context is too small for long replies
	// adapted says what the endpoint would not take, and was left out or replaced.
	adapted func() []string
	close   func()
}

// calls keeps the calls of a run.
type calls interface {
	llm.CallStore
	llm.CallLog
}

// connect makes the model that a name stands for. Nothing is called but a server's
// list of models.
func connect(ctx context.Context, name string, s *config.Settings, log *slog.Logger) (*stack, error) {
	st := &stack{close: func() {}, adapted: func() []string { return nil }}
	provider, id, _ := strings.Cut(name, "/")
	switch {
	case name == rehearsalName:
		st.model = rehearsal.New(nil)
	case provider == "openai" && id != "":
		if s.OpenAIKey == "" && cmp.Or(s.BaseURL, openai.DefaultURL) == openai.DefaultURL {
			return nil, fmt.Errorf("%s needs a key: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own", name)
		}
		m, err := openai.New(id, &openai.Options{
			BaseURL: s.BaseURL, Key: s.OpenAIKey.Reveal(), Timeout: s.Timeout, Log: log, Proxy: http.ProxyFromEnvironment,
			MaxTokens: s.MaxCompletionTokens, Temperature: s.Temperature, TopP: s.TopP, Effort: s.ReasoningEffort, Extra: penalties(s),
		})
		if err != nil {
			return nil, err
		}
		st.model, st.close, st.adapted = m, m.Close, m.Adapted
		st.small = smallContext(ctx, id, s)
	case provider == "openai" || name == "":
		return nil, errors.New("a model is named PROVIDER/NAME, such as openai/gpt-5-mini")
	default:
		return nil, fmt.Errorf("unknown model %q: this version knows openai/NAME (OpenAI and every compatible server, see OPENAI_BASE_URL) and rehearsal", name)
	}
	return st, nil
}

// penalties are parameters that only config.ini sets.
func penalties(s *config.Settings) map[string]any {
	extra := map[string]any{}
	if s.FrequencyPenalty != nil {
		extra["frequency_penalty"] = *s.FrequencyPenalty
	}
	if s.PresencePenalty != nil {
		extra["presence_penalty"] = *s.PresencePenalty
	}
	return extra
}

// wrap puts cache, retries, limit, budget and meter around the model.
func (st *stack) wrap(s *config.Settings, c caps, parallel int, spent llm.Spent, rec calls) {
	if parallel == 0 {
		parallel = max(s.MaxConcurrent, 0)
	}
	st.model = llm.Wrap(st.model,
		llm.Cache(rec),
		llm.Retry(&llm.RetryOptions{Attempts: s.MaxAttempts}),
		llm.Limit(llm.NewLimiter(&llm.LimiterOptions{Parallel: parallel})),
		llm.Spend(llm.NewBudget(&llm.BudgetOptions{
			USD: c.usd, Calls: c.calls, Tokens: c.tokens, Price: prices, Spent: spent, Output: s.MaxCompletionTokens,
		})),
		llm.Meter(rec))
}

// A model with less context than this gets tighter bounds on its replies.
const shortContext = 16384

// smallContext asks a server of one's own how much context a model has. Those that
// do not say are taken to have enough: a prompt that does not fit is an error.
func smallContext(ctx context.Context, id string, s *config.Settings) bool {
	if s.BaseURL == "" || s.BaseURL == openai.DefaultURL {
		return false
	}
	models, err := served(ctx, s)
	if err != nil {
		return false
	}
	for _, m := range models {
		if m.ID == id {
			return m.Context > 0 && m.Context < shortContext
		}
	}
	return false
}

// tolerable are the failures that end one turn, and not everybody's.
func tolerable(err error) bool {
	for _, fatal := range []error{llm.ErrBudget, llm.ErrQuota, llm.ErrAuth, llm.ErrNotFound} {
		if errors.Is(err, fatal) {
			return false
		}
	}
	return true
}
