package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/internal/nearest"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/anthropic"
	"github.com/tinytroupe-go/tinytroupe/llm/gemini"
	"github.com/tinytroupe-go/tinytroupe/llm/ollama"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
	"github.com/tinytroupe-go/tinytroupe/llm/price"
)

// A provider is where models of one kind are, as settings and environment have it.
type provider struct {
	name    string // begins the models' names
	title   string
	url     string // "" where it must be said and is not
	key     string
	keyName string // variable of the key
	urlName string // variable of the address
	local   bool   // on one's own machine or network: needs no key, costs nothing
	said    bool   // somebody gave its key or its address
	version string // Azure's
}

// providerNames are the providers in the order in which lists show them.
func providerNames() []string {
	names := []string{"openai", "azure", "anthropic", "gemini", "ollama"}
	for _, p := range openai.Presets() {
		names = append(names, p.Name)
	}
	return append(names, rehearsalName)
}

// providerOf returns a provider with what settings and environment say of it.
func providerOf(name string, s *config.Settings, env func(string) (string, bool)) (*provider, error) {
	get := func(names ...string) string {
		for _, n := range names {
			if v, _ := env(n); v != "" {
				return v
			}
		}
		return ""
	}
	// own is BASE_URL of config.ini where API_TYPE says that it is the provider's.
	own := ""
	if s.APIType == name && s.From["BASE_URL"] != "environment" {
		own = strings.TrimRight(s.BaseURL, "/")
	}
	// other: it is that of a provider with an API of its own.
	other := slices.Contains([]string{"anthropic", "gemini", "ollama"}, s.APIType) && s.From["BASE_URL"] != "environment"
	switch name {
	case "openai":
		p := &provider{name: name, title: "OpenAI", url: openai.DefaultURL, key: s.OpenAIKey.Reveal(),
			keyName: "OPENAI_API_KEY", urlName: "OPENAI_BASE_URL"}
		if !other {
			p.url = cmp.Or(s.BaseURL, p.url)
		} else {
			p.url = cmp.Or(get("OPENAI_BASE_URL"), p.url)
		}
		p.url = strings.TrimRight(p.url, "/")
		p.local = p.url != openai.DefaultURL
		p.said = p.local || p.key != ""
		return p, nil
	case "anthropic":
		p := &provider{name: name, title: "Anthropic", url: strings.TrimRight(cmp.Or(own, get("ANTHROPIC_BASE_URL"), anthropic.DefaultURL), "/"),
			key: get("ANTHROPIC_API_KEY"), keyName: "ANTHROPIC_API_KEY", urlName: "ANTHROPIC_BASE_URL"}
		p.local = p.url != anthropic.DefaultURL
		p.said = p.local || p.key != ""
		return p, nil
	case "gemini":
		p := &provider{name: name, title: "Gemini", url: cmp.Or(versioned(cmp.Or(own, get("GOOGLE_GEMINI_BASE_URL"))), gemini.DefaultURL),
			key: get("GEMINI_API_KEY", "GOOGLE_API_KEY"), keyName: "GEMINI_API_KEY", urlName: "GOOGLE_GEMINI_BASE_URL"}
		p.local = p.url != gemini.DefaultURL
		p.said = p.local || get(p.keyName) != "" // the other key may be for another of Google's services
		if get(p.keyName) == "" && p.key != "" {
			p.keyName = "GOOGLE_API_KEY"
		}
		return p, nil
	case "azure":
		p := &provider{name: name, title: "Azure OpenAI", url: s.AzureEndpoint, key: s.AzureKey.Reveal(),
			keyName: "AZURE_OPENAI_KEY", urlName: "AZURE_OPENAI_ENDPOINT",
			version: cmp.Or(s.AzureAPIVersion, get("AZURE_API_VERSION", "AZURE_OPENAI_API_VERSION"))}
		p.said = p.url != "" || p.key != ""
		return p, nil
	case "ollama":
		p := &provider{name: name, title: "Ollama", url: s.OllamaHost, keyName: "OLLAMA_API_KEY", urlName: "OLLAMA_HOST", local: true}
		if own != "" {
			p.url = strings.TrimSuffix(own, "/v1") // where TinyTroupe has it
		}
		p.said, p.key = p.url != "", get(p.keyName)
		var err error
		p.url, err = ollama.Address(p.url)
		return p, err
	}
	preset, ok := openai.PresetOf(name)
	if !ok {
		return nil, unknownProvider(name)
	}
	p := &provider{name: name, title: preset.Title, key: get(preset.KeyEnv), keyName: preset.KeyEnv, urlName: preset.URLEnv, local: preset.Local}
	p.url = get(preset.URLEnv)
	p.said = p.key != "" || p.url != ""
	if p.url == "" && p.local && !other {
		p.url = s.BaseURL
	}
	p.url = cmp.Or(p.url, preset.BaseURL)
	return p, nil
}

// versioned adds the API's version to an address without one, as Google's own clients
// do.
func versioned(address string) string {
	address = strings.TrimRight(address, "/")
	if address == "" || strings.Contains(path.Base(address), "v1") {
		return address
	}
	return address + "/v1beta"
}

func unknownProvider(name string) error {
	text := fmt.Sprintf("unknown provider %q: this version knows %s", name, strings.Join(providerNames(), ", "))
	if near := nearest.Word(name, providerNames()); near != "" {
		text += ".\nDid you mean " + near + "?"
	}
	return errors.New(text)
}

// split takes the name of a model apart.
func split(name string) (provider, id string, err error) {
	provider, id, ok := strings.Cut(name, "/")
	switch {
	case name == rehearsalName:
		return name, "", nil
	case !ok && slices.Contains(providerNames(), name):
		return "", "", fmt.Errorf("%s is a provider: a model is named PROVIDER/NAME, and tinytroupe models %s lists its models", name, name)
	case !ok:
		text := fmt.Sprintf("unknown model %q: a model is named PROVIDER/NAME, such as %s", name, defaultOpenAI)
		if _, known := new(price.Table).Price("openai/" + name); known {
			text += ".\nDid you mean openai/" + name + "?"
		} else if near := nearest.Word(name, providerNames()); near != "" {
			text += ".\nDid you mean " + near + "?"
		}
		return "", "", errors.New(text)
	case !slices.Contains(providerNames(), provider) || provider == rehearsalName:
		return "", "", unknownProvider(provider)
	case id == "":
		return "", "", fmt.Errorf("%s names no model: write %s/NAME", name, provider)
	}
	return provider, id, nil
}

// ready says what is missing before a model of the provider can be asked.
func (p *provider) ready() error {
	switch {
	case p.url == "":
		return fmt.Errorf("%s needs an address: set %s to your resource's, such as https://NAME.openai.azure.com", p.title, p.urlName)
	case p.key == "" && !p.local && p.name == "openai":
		return fmt.Errorf("%s needs a key: set %s, or %s for a server of your own", p.title, p.keyName, p.urlName)
	case p.key == "" && !p.local && p.name == "gemini":
		return fmt.Errorf("%s needs a key: set %s (GOOGLE_API_KEY is taken too)", p.title, p.keyName)
	case p.key == "" && !p.local:
		return fmt.Errorf("%s needs a key: set %s", p.title, p.keyName)
	}
	return nil
}

// An endpoint is a provider's server, whatever API it speaks.
type endpoint struct {
	model func(id string) (vendorModel, error)
	// embedder is nil where the API has no embeddings.
	embedder func(id string) (llm.Embedder, error)
	list     func(ctx context.Context) ([]served, error)
	close    func()
}

// A vendorModel is what every client of this module makes.
type vendorModel interface {
	llm.Model
	Adapted() []string
	Close()
}

// A served model is one that a provider has.
type served struct {
	id      string
	context int  // tokens; 0 where it is not known
	embeds  bool // for embeddings alone, as far as that is known
}

// endpoint returns the provider's server. Nothing is sent.
func (p *provider) endpoint(s *config.Settings, log *slog.Logger, timeout time.Duration) (*endpoint, error) {
	switch p.name {
	case "ollama":
		e, err := p.ollama(s, log, timeout)
		if err != nil {
			return nil, err
		}
		return endpointOf(e, embedders(e.Embedder), func(m ollama.ModelInfo) served {
			return served{id: m.Name, embeds: m.Embeds() || strings.Contains(m.Name, "embed")}
		}), nil
	case "anthropic":
		p.withoutPenalties(s, log)
		e, err := anthropic.NewEndpoint(&anthropic.Options{
			BaseURL: p.url, Key: p.key, Timeout: timeout, Log: log, Proxy: http.ProxyFromEnvironment,
			MaxTokens: s.MaxCompletionTokens, Temperature: s.Temperature, TopP: s.TopP, Effort: s.ReasoningEffort,
		})
		if err != nil {
			return nil, err
		}
		return endpointOf(e, nil, func(m anthropic.ModelInfo) served { return served{id: m.ID, context: m.Context} }), nil
	case "gemini":
		p.withoutPenalties(s, log)
		e, err := gemini.NewEndpoint(&gemini.Options{
			BaseURL: p.url, Key: p.key, Timeout: timeout, Log: log, Proxy: http.ProxyFromEnvironment,
			MaxTokens: s.MaxCompletionTokens, Temperature: s.Temperature, TopP: s.TopP, Effort: s.ReasoningEffort,
		})
		if err != nil {
			return nil, err
		}
		return endpointOf(e, embedders(e.Embedder), func(m gemini.ModelInfo) served { return served{m.ID, m.Context, m.Embeds} }), nil
	}
	e, err := p.compatible(s, log, timeout)
	if err != nil {
		return nil, err
	}
	return endpointOf(e, embedders(e.Embedder), func(m openai.ModelInfo) served {
		return served{id: m.ID, context: m.Context, embeds: strings.Contains(m.ID, "embed")}
	}), nil
}

// endpointOf makes an endpoint of a vendor's. embedder is nil where it has none.
func endpointOf[M vendorModel, I any](e interface {
	Model(id string) (M, error)
	Models(ctx context.Context) ([]I, error)
	Close()
}, embedder func(id string) (llm.Embedder, error), info func(I) served) *endpoint {
	return &endpoint{
		model:    func(id string) (vendorModel, error) { return e.Model(id) },
		embedder: embedder,
		close:    e.Close,
		list: func(ctx context.Context) ([]served, error) {
			infos, err := e.Models(ctx)
			return each(infos, info), err
		},
	}
}

func embedders[E llm.Embedder](f func(id string) (E, error)) func(id string) (llm.Embedder, error) {
	return func(id string) (llm.Embedder, error) { return f(id) }
}

func each[T, U any](list []T, f func(T) U) []U {
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = f(v)
	}
	return out
}

// compatible returns the endpoint of a provider that speaks Chat Completions.
func (p *provider) compatible(s *config.Settings, log *slog.Logger, timeout time.Duration) (*openai.Endpoint, error) {
	o := &openai.Options{
		BaseURL: p.url, Key: p.key, Provider: p.name, Timeout: timeout, Log: log, Proxy: http.ProxyFromEnvironment,
		MaxTokens: s.MaxCompletionTokens, Temperature: s.Temperature, TopP: s.TopP, Effort: s.ReasoningEffort, Extra: penalties(s),
	}
	if p.name == "azure" {
		return openai.NewAzure(p.url, p.version, o)
	}
	return openai.NewEndpoint(o)
}

func (p *provider) ollama(s *config.Settings, log *slog.Logger, timeout time.Duration) (*ollama.Endpoint, error) {
	return ollama.NewEndpoint(&ollama.Options{
		Host: p.url, Key: p.key, Timeout: timeout, Log: log, Proxy: http.ProxyFromEnvironment, NumCtx: s.NumCtx,
		MaxTokens: s.MaxCompletionTokens, Temperature: s.Temperature, TopP: s.TopP, Effort: s.ReasoningEffort, Extra: penalties(s),
	})
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

// withoutPenalties says that they are not sent.
func (p *provider) withoutPenalties(s *config.Settings, log *slog.Logger) {
	if len(penalties(s)) > 0 {
		log.Warn("FREQ_PENALTY and PRESENCE_PENALTY have no effect: " + p.title + "'s models take none")
	}
}

// models asks the provider for its models. Azure lists what a resource could deploy,
// not what it has deployed.
func (p *provider) models(ctx context.Context, s *config.Settings) ([]served, error) {
	e, err := p.endpoint(s, slog.New(slog.DiscardHandler), 0)
	if err != nil {
		return nil, err
	}
	defer e.close()
	return e.list(ctx)
}

// embedder returns an embedding model of the provider, and what closes it.
func (p *provider) embedder(id string, s *config.Settings) (llm.Embedder, func(), error) {
	e, err := p.endpoint(s, slog.New(slog.DiscardHandler), s.Timeout)
	if err != nil {
		return nil, nil, err
	}
	if e.embedder == nil {
		e.close()
		return nil, nil, fmt.Errorf("%s has no embeddings", p.title)
	}
	m, err := e.embedder(id)
	return m, e.close, err
}

// atFault returns the exit code for an error before a run: a refused key and a server
// that does not answer are failures, all else is a matter of words.
func atFault(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*exitError](err); ok {
		return err
	}
	if errors.Is(err, llm.ErrAuth) || errors.Is(err, llm.ErrTransient) || errors.Is(err, llm.ErrQuota) {
		return &exitError{code: exitFailed, err: err}
	}
	return usage(err)
}

// place is an address without what may be secret in it.
func place(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "(not a URL)"
	}
	u.User, u.RawQuery = nil, ""
	return u.String()
}
