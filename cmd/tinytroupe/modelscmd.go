package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

func (p *program) modelsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "models [PROVIDER]",
		Short: "List the models that can be used",
		Long: `Models asks each provider that is configured, and the servers that run on this
machine, for their models, and shows how much context each has and what it costs, in
US dollars for a million tokens, as far as that is known. Nothing is generated.

Providers are openai, azure, anthropic, gemini, ollama, llamacpp, vllm, lmstudio,
openrouter, groq, together, mistral and deepseek. Azure does not list deployments to
who has a key alone.`,
		Example: `  tinytroupe models
  tinytroupe models ollama
  tinytroupe models --json
  OPENAI_BASE_URL=http://127.0.0.1:8080/v1 tinytroupe models openai`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.FixedCompletions(providerNames(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.models(cmd.Context(), args, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document on stdout, and all else on stderr")
	return cmd
}

// A catalogue is what models prints with --json.
type catalogue struct {
	Providers []catalogued `json:"providers"`
}

type catalogued struct {
	Provider string            `json:"provider"`
	URL      string            `json:"url"`
	Problem  string            `json:"problem,omitempty"` // why there is no list
	Models   []cataloguedModel `json:"models"`
}

type cataloguedModel struct {
	Name       string     `json:"name"`            // as --model takes it
	Context    *int       `json:"context"`         // tokens; null where that is not known
	Embeddings bool       `json:"embeddings"`      // it makes nothing else
	Price      *llm.Price `json:"usd_per_million"` // null where it is not known
}

// An answer is what a provider says of its models.
type answer struct {
	p    *provider
	list []served
	err  error
}

func (a *answer) catalogued(prices tariff) catalogued {
	c := catalogued{Provider: a.p.name, URL: place(a.p.url), Models: []cataloguedModel{}}
	if a.err != nil {
		c.Problem = a.p.advise(a.err).Error()
	}
	for _, m := range a.list {
		v := cataloguedModel{Name: a.p.name, Embeddings: m.embeds}
		if m.id != "" {
			v.Name += "/" + m.id
		}
		if m.context > 0 {
			v.Context = &m.context
		}
		if price, ok := prices(v.Name); ok {
			v.Price = &price
		}
		c.Models = append(c.Models, v)
	}
	return c
}

// listing prints what providers answered, and returns what went wrong with any.
func (p *program) listing(answers []*answer, asJSON bool) error {
	var errs []error
	all := catalogue{Providers: []catalogued{}}
	for _, a := range answers {
		slices.SortFunc(a.list, func(a, b served) int { return strings.Compare(a.id, b.id) })
		all.Providers = append(all.Providers, a.catalogued(p.prices))
		switch {
		case a.err != nil:
			errs = append(errs, atFault(a.p.advise(a.err)))
		case !asJSON:
			errs = append(errs, a.p.write(p.stdout, a.list, p.prices))
		}
	}
	if asJSON {
		errs = append(errs, encodeJSON(p.stdout, all))
	}
	return worst(errs)
}

func (p *program) models(ctx context.Context, args []string, asJSON bool) error {
	s, err := config.Load(configFiles(""), &config.Options{Env: p.env})
	if err != nil {
		return usage(err)
	}
	if err := p.readPrices(configFiles("")); err != nil {
		return usage(err)
	}
	if len(args) == 1 {
		return p.modelsOf(ctx, args[0], s, asJSON)
	}
	if answers := everyModel(ctx, s, p.env); asJSON || len(answers) > 0 {
		return p.listing(answers, asJSON)
	}
	_, err = fmt.Fprintf(p.stdout, "no provider is configured, and no server answers on this machine\n"+
		"rehearsal needs none; for others set %s\n", strings.Join(variables(s, p.env), ", "))
	return err
}

// variables are those that configure hosted providers.
func variables(s *config.Settings, env func(string) (string, bool)) []string {
	var names []string
	for _, name := range providerNames() {
		if q, err := providerOf(name, s, env); err == nil && (!q.local || name == "openai") {
			names = append(names, q.keyName)
		}
	}
	return names
}

func (p *program) modelsOf(ctx context.Context, name string, s *config.Settings, asJSON bool) error {
	if name == rehearsalName && asJSON {
		return p.listing([]*answer{{p: &provider{name: name}, list: []served{{}}}}, true)
	}
	if name == rehearsalName {
		_, err := fmt.Fprintln(p.stdout, "rehearsal is itself the model: free, offline, evidence of nothing")
		return err
	}
	q, err := providerOf(name, s, p.env)
	if err == nil {
		err = q.ready()
	}
	if err != nil {
		return usage(err)
	}
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	list, err := q.detailed(ctx, s)
	return p.listing([]*answer{{q, list, err}}, asJSON)
}

// everyModel asks all providers that are configured for their models; of those that
// are not, it keeps the ones that answer.
func everyModel(ctx context.Context, s *config.Settings, env func(string) (string, bool)) []*answer {
	var answers []*answer
	var wg sync.WaitGroup
	for _, name := range providerNames() {
		q, err := providerOf(name, s, env)
		if name == rehearsalName || err == nil && !q.said && (!q.local || name != "ollama" && s.BaseURL != "") {
			continue // nobody spoke of it, or it would be openai's server again
		}
		a := &answer{p: q, err: err}
		answers = append(answers, a)
		if err != nil {
			a.p = &provider{name: name, title: name, said: true}
			continue
		}
		wg.Go(func() {
			most := askTime
			if !q.said {
				most = probeTime
			}
			ctx, cancel := context.WithTimeout(ctx, most)
			defer cancel()
			if a.err = q.ready(); a.err == nil {
				a.list, a.err = q.detailed(ctx, s)
			}
		})
	}
	wg.Wait()
	return slices.DeleteFunc(answers, func(a *answer) bool { return a.err != nil && !a.p.said })
}

// worst joins errors under the exit code of failures, if there are any.
func worst(errs []error) error {
	err := errors.Join(errs...)
	if err == nil {
		return nil
	}
	code := exitUsage
	for _, e := range errs {
		if x, ok := errors.AsType[*exitError](e); ok && x.code == exitFailed {
			code = exitFailed
		}
	}
	return &exitError{code: code, err: err}
}

// advise adds to an error of the provider what to do about it.
func (p *provider) advise(err error) error {
	switch {
	case errors.Is(err, llm.ErrAuth):
		return fmt.Errorf("%w\nIs %s right?", err, p.keyName)
	case errors.Is(err, llm.ErrTransient) && p.local && p.name == "openai":
		return fmt.Errorf("%w\nStart the server at %s, or say where it is: %s", err, place(p.url), p.urlName)
	case errors.Is(err, llm.ErrTransient) && p.local && p.name != "ollama":
		return fmt.Errorf("%w\nStart %s, or say where it is: %s", err, p.title, p.urlName)
	case errors.Is(err, llm.ErrTransient) && !p.local:
		return fmt.Errorf("%w\nSee whether this machine reaches %s; a proxy is taken from HTTPS_PROXY", err, place(p.url))
	case errors.Is(err, llm.ErrNotFound) && p.urlName != "":
		return fmt.Errorf("%w\nIs %s right?", err, p.urlName)
	}
	return err
}

// detailed is the list of models with what each of them says itself.
func (p *provider) detailed(ctx context.Context, s *config.Settings) ([]served, error) {
	list, err := p.models(ctx, s)
	if err != nil || p.name != "ollama" {
		return list, err
	}
	e, err := p.ollama(s, slog.New(slog.DiscardHandler), 0)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	for i := range list {
		info, err := e.Show(ctx, list[i].id)
		if err != nil {
			break // what is not known is not shown
		}
		list[i].context, list[i].embeds = info.Context, list[i].embeds || info.Embeds()
	}
	return list, nil
}

// write shows a list of the provider's models.
func (p *provider) write(w io.Writer, list []served, prices tariff) error {
	fmt.Fprintf(w, "%s at %s, %s\n", p.title, place(p.url), count(len(list), "model"))
	if p.name == "azure" {
		fmt.Fprintln(w, "  what the resource could deploy; a model is named by its deployment, azure/DEPLOYMENT")
	}
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range list {
		context := "context unknown"
		if m.context > 0 {
			context = fmt.Sprintf("%d tokens", m.context)
		}
		kind := ""
		if m.embeds {
			kind = "\tembeddings"
		}
		fmt.Fprintf(tw, "  %s/%s\t%s\t%s%s\n", p.name, line(m.id), context, listPrice(p.name+"/"+m.id, prices), kind)
	}
	return tw.Flush()
}

// listPrice is what a million tokens of a model cost.
func listPrice(model string, prices tariff) string {
	switch c, ok := prices(model); {
	case !ok:
		return "price unknown"
	case c == llm.Price{}:
		return "free"
	default:
		return fmt.Sprintf("%s in, %s out", usd(c.Input), usd(c.Output))
	}
}
