package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/internal/nearest"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/ollama"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
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
	names := []string{"openai", "azure", "ollama"}
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
	switch name {
	case "openai":
		p := &provider{name: name, title: "OpenAI", url: cmp.Or(s.BaseURL, openai.DefaultURL), key: s.OpenAIKey.Reveal(),
			keyName: "OPENAI_API_KEY", urlName: "OPENAI_BASE_URL"}
		p.local = p.url != openai.DefaultURL
		p.said = p.local || p.key != ""
		return p, nil
	case "azure":
		p := &provider{name: name, title: "Azure OpenAI", url: s.AzureEndpoint, key: s.AzureKey.Reveal(),
			keyName: "AZURE_OPENAI_KEY", urlName: "AZURE_OPENAI_ENDPOINT",
			version: cmp.Or(s.AzureAPIVersion, get("AZURE_API_VERSION", "AZURE_OPENAI_API_VERSION"))}
		p.said = p.url != "" || p.key != ""
		return p, nil
	case "ollama":
		p := &provider{name: name, title: "Ollama", url: s.OllamaHost, keyName: "OLLAMA_API_KEY", urlName: "OLLAMA_HOST", local: true}
		if s.APIType == "ollama" && s.BaseURL != "" && s.From["BASE_URL"] != "environment" {
			p.url = strings.TrimSuffix(strings.TrimRight(s.BaseURL, "/"), "/v1") // where TinyTroupe has it
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
	if p.url == "" && p.local {
		p.url = s.BaseURL
	}
	p.url = cmp.Or(p.url, preset.BaseURL)
	return p, nil
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
		if near := nearest.Word(name, providerNames()); near != "" {
			text += ".\nDid you mean " + near + "?"
		} else if _, known := prices("openai/" + name); known {
			text += ".\nDid you mean openai/" + name + "?"
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
	case p.key == "" && !p.local:
		return fmt.Errorf("%s needs a key: set %s", p.title, p.keyName)
	}
	return nil
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
	o := &ollama.Options{
		Host: p.url, Key: p.key, Timeout: timeout, Log: log, Proxy: http.ProxyFromEnvironment, NumCtx: s.NumCtx,
		MaxTokens: s.MaxCompletionTokens, Temperature: s.Temperature, TopP: s.TopP, Effort: s.ReasoningEffort, Extra: penalties(s),
	}
	if o.Effort == "minimal" {
		o.Effort = "" // which for Ollama is not to think
	}
	return ollama.NewEndpoint(o)
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

// A served model is one that a provider has.
type served struct {
	id      string
	context int  // tokens; 0 where it is not known
	embeds  bool // for embeddings alone, as far as that is known
}

// models asks the provider for its models. Azure lists what a resource could deploy,
// not what it has deployed.
func (p *provider) models(ctx context.Context, s *config.Settings) ([]served, error) {
	quiet := slog.New(slog.DiscardHandler)
	if p.name == "ollama" {
		e, err := p.ollama(s, quiet, 0)
		if err != nil {
			return nil, err
		}
		defer e.Close()
		infos, err := e.Models(ctx)
		list := make([]served, 0, len(infos))
		for _, m := range infos {
			list = append(list, served{id: m.Name, embeds: m.Embeds() || strings.Contains(m.Name, "embed")})
		}
		return list, err
	}
	e, err := p.compatible(s, quiet, 0)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	infos, err := e.Models(ctx)
	list := make([]served, 0, len(infos))
	for _, m := range infos {
		list = append(list, served{id: m.ID, context: m.Context, embeds: strings.Contains(m.ID, "embed")})
	}
	return list, err
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
	u.RawQuery = ""
	return u.Redacted()
}
