package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
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
func choose(ctx context.Context, flag, study string, s *config.Settings) (choice, error) {
	for _, c := range []choice{
		{name: flag, why: "--model"},
		{name: study, why: "the study"},
		{name: s.Model.Value, why: s.Model.From},
	} {
		if c.name != "" {
			return c, nil
		}
	}
	key, url := s.OpenAIKey.Value, s.BaseURL.Value
	switch {
	case url != "" && url != openai.DefaultURL:
		e, err := openai.NewEndpoint(&openai.Options{BaseURL: url, Key: key})
		if err != nil {
			return choice{}, fmt.Errorf("%s: %w", s.BaseURL.From, err)
		}
		defer e.Close()
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		models, err := e.Models(ctx)
		if err != nil {
			return choice{}, fmt.Errorf("%s names an endpoint, but no model is named and asking for its models failed: %w\nName one: --model openai/NAME", s.BaseURL.From, err)
		}
		if len(models) != 1 {
			names := make([]string, 0, len(models))
			for _, m := range models {
				names = append(names, "openai/"+m.ID)
			}
			return choice{}, fmt.Errorf("%s names an endpoint with %d models: say which with --model\n  %s", s.BaseURL.From, len(models), strings.Join(names[:min(len(names), 20)], "\n  "))
		}
		return choice{"openai/" + models[0].ID, "the only model at " + s.BaseURL.From, true}, nil
	case key != "":
		return choice{defaultOpenAI, "found " + s.OpenAIKey.From, true}, nil
	}
	return choice{rehearsalName, "no model is configured", false}, nil
}

// caps are what a run may use; 0 is no limit.
type caps struct {
	usd           float64
	calls, tokens int
}

// stack is a model ready for use, and what stands around it.
type stack struct {
	model llm.Model
	close func()
}

// calls keeps the calls of a run.
type calls interface {
	llm.CallStore
	llm.CallLog
}

// build makes the model that a name stands for, with cache, retries, limit, budget
// and meter around it.
func build(name string, s *config.Settings, c caps, parallel int, spent llm.Spent, rec calls, log *slog.Logger) (*stack, error) {
	st := &stack{close: func() {}}
	provider, id, _ := strings.Cut(name, "/")
	var vendor llm.Model
	switch {
	case name == rehearsalName:
		vendor = rehearsal.New(nil)
	case provider == "openai" && id != "":
		o := &openai.Options{
			BaseURL: s.BaseURL.Value, Key: s.OpenAIKey.Value, Timeout: s.Timeout, Log: log,
			MaxTokens: s.MaxTokens, Temperature: s.Temperature, TopP: s.TopP, Effort: s.Effort,
		}
		if o.Key == "" && cmp.Or(o.BaseURL, openai.DefaultURL) == openai.DefaultURL {
			return nil, fmt.Errorf("%s needs a key: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own", name)
		}
		m, err := openai.New(id, o)
		if err != nil {
			return nil, err
		}
		vendor, st.close = m, m.Close
	case provider == "openai" || name == "":
		return nil, errors.New("a model is named PROVIDER/NAME, such as openai/gpt-5-mini")
	default:
		return nil, fmt.Errorf("unknown model %q: this version knows openai/NAME (OpenAI and every compatible server, see OPENAI_BASE_URL) and rehearsal", name)
	}
	budget := llm.NewBudget(&llm.BudgetOptions{USD: c.usd, Calls: c.calls, Tokens: c.tokens, Price: prices, Spent: spent})
	limiter := llm.NewLimiter(&llm.LimiterOptions{Parallel: parallel})
	st.model = llm.Wrap(vendor,
		llm.Cache(rec),
		llm.Retry(&llm.RetryOptions{Attempts: s.MaxAttempts}),
		llm.Limit(limiter),
		llm.Spend(budget),
		llm.Meter(rec))
	return st, nil
}
