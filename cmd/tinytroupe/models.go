package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/internal/nearest"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/record"
)

const (
	rehearsalName = "rehearsal"
	defaultOpenAI = "openai/gpt-5-mini"
	// The small models that are used where nothing but a key is found.
	defaultAnthropic = "anthropic/claude-haiku-5-5"
	defaultGemini    = "gemini/gemini-3.5-flash-lite"
	foundCap         = 1.00 // US dollars for a paid model that was found, not named

	askTime   = 10 * time.Second       // for a list of models
	probeTime = 300 * time.Millisecond // for a server that nobody has spoken of
)

// choice is a model and why it is that one.
type choice struct {
	name  string // provider/name
	why   string // where the name comes from, for the reader
	found bool   // nobody named it
}

func (c choice) rehearsal() bool { return c.name == rehearsalName }

// paid: the model was found and costs money, so that what it may cost is capped.
func (c choice) paid(prices tariff) bool {
	p, known := prices(c.name)
	return c.found && known && p != (llm.Price{})
}

// unpriced: the model was found and costs money, and nobody knows how much.
func (c choice) unpriced(prices tariff) bool {
	_, known := prices(c.name)
	return c.found && !known && strings.HasPrefix(c.name, "azure/")
}

// choose settles which model acts: the flag, the study, config.ini, the
// environment, what is found, and last the stand-in.
func choose(ctx context.Context, flag, study string, s *config.Settings, env func(string) (string, bool)) (choice, error) {
	settings := provided(s)
	if flag == "" && study == "" {
		settings = spelled(ctx, settings, s, env)
	}
	for _, c := range []choice{
		{name: flag, why: "--model"},
		{name: study, why: "the study"},
		{name: settings, why: s.From["MODEL"]},
		{name: s.NamedModel, why: "TINYTROUPE_MODEL"},
	} {
		if c.name != "" {
			return c, nil
		}
	}
	var found []func(context.Context, *config.Settings, func(string) (string, bool)) (choice, error)
	switch s.APIType {
	case "azure":
		found = append(found, findAzure)
	case "ollama":
		found = append(found, findOllama)
	case "anthropic":
		found = append(found, findAnthropic)
	case "gemini":
		found = append(found, findGemini)
	default:
		found = append(found, findServer, findOpenAI, findAzure, findAnthropic, findGemini, findOllama)
	}
	for _, find := range found {
		if c, err := find(ctx, s, env); c.name != "" || err != nil {
			return c, atFault(err)
		}
	}
	return choice{rehearsalName, "no model is configured", false}, nil
}

// provided is the model of config.ini, which names provider and model apart.
func provided(s *config.Settings) string {
	switch {
	case s.Model == "" || s.Model == rehearsalName || strings.HasPrefix(s.Model, "openai/"):
		return s.Model
	case s.APIType != "":
		return s.APIType + "/" + strings.TrimPrefix(s.Model, s.APIType+"/")
	}
	if p, _, ok := strings.Cut(s.Model, "/"); ok && slices.Contains(providerNames(), p) {
		return s.Model
	}
	return "openai/" + s.Model
}

// spelled is the name of config.ini's model once the server at BASE_URL was asked: in
// openai/gpt-oss-20b openai is the provider, or begins the model's own name, as it does
// at LM Studio and OpenRouter.
func spelled(ctx context.Context, name string, s *config.Settings, env func(string) (string, bool)) string {
	p, err := providerOf("openai", s, env)
	if err != nil || !p.local || name != s.Model || !strings.HasPrefix(name, "openai/") {
		return name
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	models, _ := p.models(ctx, s) // where there is no list, openai is the provider
	lists := func(id string) bool { return slices.ContainsFunc(models, func(m served) bool { return m.id == id }) }
	if lists(name) && !lists(strings.TrimPrefix(name, "openai/")) {
		return "openai/" + name
	}
	return name
}

// findServer finds the only model of the server at BASE_URL.
func findServer(ctx context.Context, s *config.Settings, env func(string) (string, bool)) (choice, error) {
	p, err := providerOf("openai", s, env)
	if err != nil || !p.local {
		return choice{}, err
	}
	source := s.From["BASE_URL"]
	if source == "environment" {
		source = "OPENAI_BASE_URL"
	}
	where := fmt.Sprintf("%s (%s)", place(p.url), source)
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	models, err := p.models(ctx, s)
	if errors.Is(err, llm.ErrAuth) {
		return choice{}, fmt.Errorf("no model is named, and the server at %s does not say which it has: %w\nIs %s right?", where, err, p.keyName)
	}
	if err != nil {
		return choice{}, fmt.Errorf("no model is named, and the server at %s does not say which it has: %w\nStart the server, or name a model: --model openai/NAME", where, err)
	}
	return only(p, models, "the server at "+where)
}

// speaking are the models of a list that are for more than embeddings.
func speaking(models []served) []served {
	return slices.DeleteFunc(models, func(m served) bool { return m.embeds })
}

// only is the one model of a list that can speak.
func only(p *provider, models []served, where string) (choice, error) {
	speak := speaking(models)
	if len(speak) == 1 {
		return choice{p.name + "/" + speak[0].id, "the only model at " + place(p.url), true}, nil
	}
	if len(speak) == 0 {
		return choice{}, fmt.Errorf("no model is named, and %s lists none that can speak\nName one: --model %s/NAME", where, p.name)
	}
	var names strings.Builder
	for _, m := range speak[:min(len(speak), 20)] {
		fmt.Fprintf(&names, "\n  --model %s/%s", p.name, m.id)
	}
	return choice{}, fmt.Errorf("no model is named, and %s has %d: say which%s", where, len(speak), names.String())
}

func findOpenAI(_ context.Context, s *config.Settings, _ func(string) (string, bool)) (choice, error) {
	if s.OpenAIKey == "" {
		return choice{}, nil
	}
	return choice{defaultOpenAI, "a key was found in OPENAI_API_KEY", true}, nil
}

func findAnthropic(_ context.Context, s *config.Settings, env func(string) (string, bool)) (choice, error) {
	return findKey("anthropic", defaultAnthropic, s, env)
}

func findGemini(_ context.Context, s *config.Settings, env func(string) (string, bool)) (choice, error) {
	return findKey("gemini", defaultGemini, s, env)
}

// findKey finds a provider of which nothing is said but its key. Its address alone may
// be there for another tool, so it says nothing.
func findKey(name, model string, s *config.Settings, env func(string) (string, bool)) (choice, error) {
	p, err := providerOf(name, s, env)
	switch {
	case err != nil || (!p.said || p.key == "") && s.APIType != name:
		return choice{}, err
	case p.ready() != nil && s.APIType != name:
		return choice{}, nil
	case p.ready() != nil:
		return choice{}, fmt.Errorf("config.ini says API_TYPE=%s: %w", name, p.ready())
	case p.key == "":
		return choice{model, "an address was found in " + p.urlName, true}, nil
	}
	return choice{model, "a key was found in " + p.keyName, true}, nil
}

// findAzure finds the deployment that the environment has. What it costs is not known.
func findAzure(_ context.Context, s *config.Settings, env func(string) (string, bool)) (choice, error) {
	p, err := providerOf("azure", s, env)
	if err != nil || p.url == "" || p.key == "" {
		return choice{}, err
	}
	id, _ := env("AZURE_OPENAI_DEPLOYMENT")
	if id == "" {
		return choice{}, errors.New("AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_KEY are set, and no model is named: " +
			"--model azure/DEPLOYMENT, or --model rehearsal")
	}
	return choice{"azure/" + id, "AZURE_OPENAI_DEPLOYMENT", true}, nil
}

// findOllama finds the only model of an Ollama that runs. One that nobody has spoken
// of is asked only for a moment.
func findOllama(ctx context.Context, s *config.Settings, env func(string) (string, bool)) (choice, error) {
	p, err := providerOf("ollama", s, env)
	if err != nil {
		return choice{}, err
	}
	most := probeTime
	if s.APIType == "ollama" {
		most = askTime
	}
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	models, err := p.models(ctx, s)
	models = speaking(models)
	switch {
	case err != nil && s.APIType == "ollama":
		return choice{}, fmt.Errorf("config.ini says API_TYPE=ollama and names no model: %w", err)
	case err != nil || len(models) == 0:
		return choice{}, nil
	}
	return only(p, models, "Ollama at "+place(p.url))
}

// stack is a model ready for use, and what stands around it.
type stack struct {
	model    llm.Model
	endpoint string // which it is, among those of the process
	small    bool   // the model's context is too small for long replies
	// adapted says what the endpoint would not take, and was left out or replaced.
	adapted func() []string
	close   func()
	of      *provider // nil of the stand-in
	log     *slog.Logger
	waits   sync.Once
}

// calls keeps the calls of a run.
type calls interface {
	llm.CallStore
	llm.CallLog
}

// connect makes the model that a name stands for. Nothing is called but what a server
// of one's own says of its models.
func connect(ctx context.Context, name string, s *config.Settings, env func(string) (string, bool), log *slog.Logger) (*stack, error) {
	provider, id, err := split(name)
	if err != nil {
		return nil, usage(err)
	}
	st := &stack{close: func() {}, adapted: func() []string { return nil }, log: log}
	if provider == rehearsalName {
		st.model = rehearsal.New(nil)
		return st, nil
	}
	p, err := providerOf(provider, s, env)
	if err == nil {
		err = p.ready()
	}
	if err != nil {
		return nil, usage(err)
	}
	e, err := p.endpoint(s, log, s.Timeout)
	if err != nil {
		return nil, atFault(err)
	}
	m, err := e.model(id)
	if err != nil {
		e.close()
		return nil, atFault(err)
	}
	st.model, st.close, st.adapted, st.of = m, m.Close, m.Adapted, p
	st.endpoint = p.name + " " + p.url
	if size, ok := m.(contextual); ok {
		err = st.sized(ctx, size, p, id, s)
	} else {
		err = st.listed(ctx, p, id, s)
	}
	if err != nil {
		st.close()
		return nil, atFault(err)
	}
	return st, nil
}

// contextual is a model that knows how much context it gets, as Ollama's do.
type contextual interface {
	Context(ctx context.Context) (int, error)
}

// sized asks the model for its context.
func (st *stack) sized(ctx context.Context, m contextual, p *provider, id string, s *config.Settings) error {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	n, err := m.Context(ctx)
	if errors.Is(err, llm.ErrNotFound) {
		if models, e := p.models(ctx, s); e == nil {
			err = fmt.Errorf("%w%s", err, meant(p.name, id, models))
		}
	}
	st.small = n < shortContext
	return err
}

// listed looks for the model in the list of a server of one's own.
func (st *stack) listed(ctx context.Context, p *provider, id string, s *config.Settings) error {
	if !p.local {
		return nil // a hosted model has context enough, and a wrong name is an error of the first call
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	models, err := p.models(ctx, s)
	switch {
	case errors.Is(err, llm.ErrAuth):
		return fmt.Errorf("%w\nIs %s right?", err, p.keyName)
	case err != nil && p.name != "openai" && errors.Is(err, llm.ErrTransient):
		return fmt.Errorf("%w\nStart %s, or say where it is: %s", err, p.title, p.urlName)
	case err != nil:
		return nil // a server need not have a list
	}
	// A model that is not in the list may be served all the same: llama.cpp answers
	// with the one that it has.
	i := slices.IndexFunc(models, func(m served) bool { return m.id == id })
	if i < 0 && len(models) > 0 {
		st.log.Warn(fmt.Sprintf("%s does not list %s%s", place(p.url), id, meant(p.name, id, models)))
		i = 0
	}
	if i >= 0 {
		st.small = models[i].context > 0 && models[i].context < shortContext
	}
	return nil
}

// meant says which model may have been meant by a name that is not in a list.
func meant(provider, id string, models []served) string {
	names := make([]string, len(models))
	for i, m := range models {
		names[i] = m.id
	}
	if near := nearest.Word(id, names); near != "" {
		return ".\nDid you mean " + provider + "/" + near + "?"
	}
	if len(names) == 0 {
		return ""
	}
	text := ".\nIt has " + strings.Join(names[:min(len(names), 8)], ", ")
	if len(names) > 8 {
		text += fmt.Sprintf(" and %d more", len(names)-8)
	}
	return text
}

// limiters are those of the process: one for each endpoint, whatever is asked there.
type limiters struct {
	mu sync.Mutex
	of map[string]*llm.Limiter // by endpoint
}

// at returns the limiter of an endpoint. Who asks first says how many calls at once.
func (l *limiters) at(endpoint string, parallel int) *llm.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = map[string]*llm.Limiter{}
	}
	if l.of[endpoint] == nil {
		l.of[endpoint] = llm.NewLimiter(&llm.LimiterOptions{Parallel: parallel})
	}
	return l.of[endpoint]
}

// wrap puts cache, retries, limit, budget and meter around the model. shared, which may
// be nil, holds replies of other runs too.
func (st *stack) wrap(p *program, s *config.Settings, budget *llm.Budget, parallel int, rec calls, shared *record.Calls) {
	if parallel == 0 {
		parallel = max(s.MaxConcurrent, 0)
	}
	cache := llm.Cache(rec)
	if shared != nil {
		cache = func(m llm.Model) llm.Model { return llm.Wrap(m, llm.Cache(rec), llm.Share(shared, rec)) }
	}
	st.model = llm.Wrap(st.model,
		cache,
		llm.Retry(&llm.RetryOptions{Attempts: s.MaxAttempts, Waiting: st.waiting}),
		llm.Limit(p.limits.at(st.endpoint, parallel)),
		llm.Spend(budget),
		llm.Meter(rec))
}

// budget is one for all models of a run.
func (p *program) budget(s *config.Settings, c caps, spent llm.Spent, models ...string) *llm.Budget {
	return llm.NewBudget(&llm.BudgetOptions{
		USD: c.usd, Calls: c.calls, Tokens: c.tokens, Price: p.prices, Spent: spent, Output: p.output(s.MaxCompletionTokens, c, models...),
	})
}

// longReply is a reply, in tokens, that a cap has room for even where it is small.
const longReply = 8192

// output is how long a reply under a cap may be, where the settings say most: as much is
// set aside for each call. TinyTroupe's own settings say 128,000, which alone may be more
// than the cap, so that beyond longReply no reply may take a twentieth of it.
func (p *program) output(most int, c caps, models ...string) int {
	const calls = 20
	room := most
	if c.tokens > 0 {
		room = min(room, c.tokens/calls)
	}
	for _, name := range models {
		if price, _ := p.prices(name); c.usd > 0 && price.Output > 0 {
			room = min(room, int(c.usd/calls/price.Output*1e6))
		}
	}
	return min(most, max(room, longReply))
}

// A model with less context than shortContext gets tighter bounds on its replies,
// and episodes that are consolidated earlier, so that persona, rules, episode and
// reply fit 8,192 tokens.
const (
	shortContext = 16384
	shortEpisode = 8000 // characters, about 2,000 tokens
)

// bound fits a mind to the model.
func (st *stack) bound(o *mind.Options) {
	if st.small {
		o.Actions, o.Content, o.Summary = 5, 400, 1200
	}
}

// episode is the length beyond which an episode is consolidated, as
// tinytroupe.Options has it.
func (st *stack) episode(s *config.Settings) int {
	switch {
	case !s.EnableMemoryConsolidation:
		return -1
	case st.small:
		return shortEpisode
	}
	return 0
}

// tolerable are the failures that end one turn, and not everybody's.
func tolerable(err error) bool { return !llm.Hopeless(err) }
