package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

func (p *program) doctorCommand() *cobra.Command {
	var model string
	var asJSON, judges bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Find out whether a run would work, and what to do if not",
		Long: `Doctor looks at what a run would look at: settings, keys (whether they are there,
never what they are), the model that would be chosen and why, its server, how much
context it has and what it costs. Then it asks the model for a few tokens, and says so
before where that costs money: does it answer, how fast, and does the server hold it to
a JSON schema.

With --judge it also lets the model judge short transcripts whose verdicts are known, and
says how often it is right and how far beyond chance (Cohen's kappa). A study's checks are
worth no more than that.

Exit codes: 0 a run would work, if only as a rehearsal; 1 the model is refused or cannot
be reached; 2 what is configured makes no sense.`,
		Example: `  tinytroupe doctor
  tinytroupe doctor --model ollama/gemma3
  tinytroupe doctor --judge --model openai/gpt-5-mini
  tinytroupe doctor --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.doctor(cmd.Context(), model, judges, asJSON)
		},
	}
	cmd.Flags().StringVar(&model, "model", "", "the model to look at, as `PROVIDER/NAME`")
	cmd.Flags().BoolVar(&judges, "judge", false, "let the model judge transcripts with known verdicts, some 40 calls")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON document on stdout, and all else on stderr")
	return cmd
}

// A finding is one thing that was looked at.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"` // ok, note: a run works all the same, failed
	Text   string `json:"text"`
	Do     string `json:"do,omitempty"`
}

// A diagnosis is all that was found.
type diagnosis struct {
	Works     bool      `json:"works"` // a run would
	Model     string    `json:"model,omitempty"`
	Why       string    `json:"why,omitempty"`
	Rehearsal bool      `json:"rehearsal"`
	Findings  []finding `json:"findings"`
	Judge     *judging  `json:"judge,omitempty"`

	w    io.Writer // for people
	code int       // of exit

	prices tariff
}

func (d *diagnosis) find(status, check, text, do string) {
	d.Findings = append(d.Findings, finding{check, status, text, do})
	lines := strings.Split(strings.TrimSpace(text), "\n")
	fmt.Fprintf(d.w, "%-7s %-11s %s\n", status, check, strings.Join(lines, "\n                    "))
	if do != "" {
		fmt.Fprintf(d.w, "                    do: %s\n", do)
	}
}

func (d *diagnosis) ok(check, format string, args ...any) {
	d.find("ok", check, fmt.Sprintf(format, args...), "")
}

func (d *diagnosis) note(check, do, format string, args ...any) {
	d.find("note", check, fmt.Sprintf(format, args...), do)
}

// fail notes an error that a run would end with. What to do stands in its further
// lines.
func (d *diagnosis) fail(check string, err error) {
	err = atFault(err)
	if e, ok := errors.AsType[*exitError](err); ok {
		d.code = e.code
	}
	text, do, _ := strings.Cut(err.Error(), "\n")
	d.find("failed", check, text, strings.ReplaceAll(do, "\n", " "))
}

func (p *program) doctor(ctx context.Context, model string, judges, asJSON bool) error {
	d := &diagnosis{w: p.stdout, prices: p.prices}
	if asJSON {
		d.w = p.stderr
	}
	p.examine(ctx, d, model, judges)
	d.Works = d.code == exitDone
	switch {
	case !d.Works:
		fmt.Fprintln(d.w, "\nA run would not work.")
	case d.Rehearsal:
		fmt.Fprintf(d.w, "\nA run would be a rehearsal: invented by a stand-in, evidence of nothing.\nFor real: --model %s, or one that tinytroupe models lists.\n", defaultOpenAI)
	default:
		fmt.Fprintf(d.w, "\nA run would work, with %s.\n", d.Model)
	}
	if asJSON {
		if err := encodeJSON(p.stdout, d); err != nil {
			return err
		}
	}
	if !d.Works {
		return &exitError{code: d.code, err: errors.New("a run would not work"), shown: true}
	}
	return nil
}

func (p *program) examine(ctx context.Context, d *diagnosis, model string, judges bool) {
	d.ok("system", "tinytroupe %s, %s, %s/%s", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	files := configFiles("")
	read := slices.DeleteFunc(slices.Clone(files), func(f string) bool { _, err := os.Stat(f); return err != nil })
	s, err := config.Load(files, &config.Options{Env: p.env})
	switch {
	case err != nil:
		d.fail("config", err)
		return
	case len(read) == 0:
		d.ok("config", "no config.ini in this folder; one beside a study counts too")
	default:
		d.ok("config", "read %s", strings.Join(read, ", "))
	}
	for _, w := range s.Warnings {
		d.note("config", "", "%s", w)
	}
	if err := p.readPrices(files); err != nil {
		d.fail("prices", err)
		return
	}
	d.keys(s, p.env)

	c, err := choose(ctx, model, "", s, p.env)
	if err != nil {
		d.fail("model", err)
		return
	}
	d.Model, d.Why, d.Rehearsal = c.name, c.why, c.rehearsal()
	if c.rehearsal() {
		d.ok("model", "rehearsal (%s)", c.why)
		if judges {
			d.judge(ctx, p, c, nil, s)
		}
		return
	}
	name, id, err := split(c.name)
	if err != nil {
		d.fail("model", err)
		return
	}
	d.ok("model", "%s (%s)", c.name, c.why)
	limits, capped, err := c.limited(d.prices, capsOf(s), "run")
	if err == nil {
		err = priceKnown(d.prices, limits, c.name)
	}
	switch {
	case err != nil:
		d.fail("cap", err)
	case capped != "":
		d.ok("cap", "%s", capped)
	case limits.usd > 0:
		d.ok("cap", "a run is capped at %s (%s)", usd(limits.usd), s.From["BUDGET_USD"])
	}
	q, err := providerOf(name, s, p.env)
	if err == nil {
		err = q.ready()
	}
	if err != nil {
		d.fail("key", err)
		return
	}
	list, ok := d.endpoint(ctx, q, s)
	if !ok {
		return
	}
	st, err := connect(ctx, c.name, s, p.env, slog.New(slog.DiscardHandler))
	if err != nil {
		d.fail("model", err)
		return
	}
	defer st.close()
	d.room(ctx, q, id, list, s, st)
	if d.ask(ctx, c, st, s) {
		d.embeddings(ctx, q, list, s)
		if judges {
			d.judge(ctx, p, c, st, s)
		}
	}
}

// keys says which keys are there.
func (d *diagnosis) keys(s *config.Settings, env func(string) (string, bool)) {
	var set, unset []string
	for _, name := range providerNames() {
		q, err := providerOf(name, s, env)
		switch {
		case name == rehearsalName || err != nil:
		case q.key != "":
			set = append(set, q.keyName)
		case !q.local:
			unset = append(unset, q.keyName)
		}
	}
	text := "none set"
	if set != nil {
		text = "set: " + strings.Join(set, ", ")
	}
	if unset != nil {
		text += "; not set: " + strings.Join(unset, ", ")
	}
	d.ok("keys", "%s", text)
}

// endpoint asks the server for its models.
func (d *diagnosis) endpoint(ctx context.Context, q *provider, s *config.Settings) (list []served, ok bool) {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	list, err := q.detailed(ctx, s)
	took := time.Since(begun).Round(time.Millisecond)
	switch {
	case err == nil && q.name == "azure":
		d.ok("endpoint", "%s answers, in %v; deployments are not listed to who has a key alone", place(q.url), took)
		return nil, true
	case err == nil:
		d.ok("endpoint", "%s answers, in %v, and lists %s", place(q.url), took, count(len(list), "model"))
		return list, true
	case errors.Is(err, llm.ErrNotFound) && q.name != "ollama":
		d.note("endpoint", "", "%s has no list of models: %v", place(q.url), err)
		return nil, true
	}
	d.fail("endpoint", q.advise(err))
	return nil, false
}

// room says whether the server lists the model, how much context it has and what it
// costs.
func (d *diagnosis) room(ctx context.Context, q *provider, id string, list []served, s *config.Settings, st *stack) {
	i := slices.IndexFunc(list, func(m served) bool { return m.id == strings.TrimSuffix(id, ":latest") })
	switch {
	case i >= 0:
		d.ok("listed", "the server lists %s", id)
	case len(list) > 0:
		_, hint, _ := strings.Cut(meant(q.name, id, list), "\n")
		d.note("listed", hint, "the server does not list %s; some answer all the same", id)
	}
	size := 0
	if i >= 0 {
		size = list[i].context
	}
	if m, ok := st.model.(contextual); ok {
		if n, err := m.Context(ctx); err == nil {
			size = n
		}
	}
	switch {
	case size == 0 && q.local:
		d.note("context", "", "the server does not say how much the model has; a prompt that does not fit is an error")
	case size == 0:
		d.ok("context", "not said by the server; a prompt that does not fit is an error")
	case st.small && q.name == "ollama":
		d.note("context", "NUM_CTX in config.ini asks for more, where the model has it and memory allows",
			"%d tokens (num_ctx), so replies are kept short and episodes are folded early", size)
	case st.small:
		d.note("context", "start the server with more", "%d tokens, so replies are kept short and episodes are folded early", size)
	default:
		d.ok("context", "%d tokens", size)
	}
	name := q.name + "/" + id
	if _, ok := d.prices(name); ok {
		d.ok("price", "%s", d.perMillion(name))
		return
	}
	d.note("price", "limit a run by --max-tokens or --max-calls", "not known, so --budget cannot be used")
}

func (d *diagnosis) perMillion(name string) string {
	if c, _ := d.prices(name); c == (llm.Price{}) {
		return "free"
	}
	return listPrice(name, d.prices) + " for a million tokens"
}

// The schema that tells whether a server enforces schemas: no prompt asks for these
// words, so a model writes them only if it must.
const doctorSchema = `{"type":"object","properties":{"mark":{"type":"string","enum":["qzv-41","qzv-87"]}},"required":["mark"],"additionalProperties":false}`

// ask makes a tiny call.
func (d *diagnosis) ask(ctx context.Context, c choice, st *stack, s *config.Settings) bool {
	switch p, known := d.prices(c.name); {
	case !known:
		fmt.Fprintf(d.w, "        now asking %s for a few tokens; their price is not known\n", c.name)
	case p != (llm.Price{}):
		fmt.Fprintf(d.w, "        now asking %s for a few tokens, which costs a fraction of a cent\n", c.name)
	}
	req := &llm.Request{
		Messages:  []llm.Message{llm.Text(llm.User, "Say hello.")},
		Schema:    &llm.Schema{Name: "mark", Body: json.RawMessage(doctorSchema)},
		MaxTokens: 4000, // a model that reasons uses some
		Label:     llm.Label{Purpose: "doctor"},
	}
	ctx, cancel := context.WithTimeout(ctx, max(s.Timeout, 2*time.Minute))
	defer cancel()
	begun := time.Now()
	resp, err := st.model.Generate(ctx, req)
	took := time.Since(begun).Round(10 * time.Millisecond)
	adapted := st.adapted()
	inPrompt := slices.ContainsFunc(adapted, func(a string) bool { return strings.Contains(a, "in the prompt") })
	switch {
	case errors.Is(err, llm.ErrTruncated) && resp != nil && (resp.Text == "" || strings.HasPrefix(strings.TrimSpace(resp.Text), "<think")):
		d.ok("call", "answered in %v", took)
		d.note("schema", "less REASONING_EFFORT in config.ini, where the model takes it", "undecided: the model reasoned for %d tokens, and did not come to its reply", req.MaxTokens)
	case errors.Is(err, llm.ErrTruncated):
		d.ok("call", "answered in %v", took)
		d.note("schema", "use another model or server", "the reply ran to %d tokens without an end: the schema is not enforced", req.MaxTokens)
	case err != nil:
		if do := st.advice(err, ""); do != "" {
			err = fmt.Errorf("%w\n%s", err, do)
		}
		d.fail("call", err)
		return false
	default:
		d.ok("call", "answered in %v, %d tokens read, %d written", took, resp.Usage.Input, resp.Usage.Output)
		var v struct{ Mark string }
		valid := json.Unmarshal([]byte(resp.Text), &v) == nil && (v.Mark == "qzv-41" || v.Mark == "qzv-87")
		switch {
		case inPrompt:
			d.note("schema", "", "not enforced by the server: it stands in the prompt, and replies that do not keep to it are asked for once more")
		case valid:
			d.ok("schema", "enforced by the server")
		default:
			d.note("schema", "", "taken by the server and not enforced: replies that do not keep to it are asked for once more")
		}
	}
	for _, a := range adapted {
		d.note("adapted", "", "the server does not take everything: %s", a)
	}
	return true
}

// embeddings tries an embedding model. Nothing needs one yet, so nothing fails.
func (d *diagnosis) embeddings(ctx context.Context, q *provider, list []served, s *config.Settings) {
	id := s.EmbeddingModel
	if i := slices.IndexFunc(list, func(m served) bool { return m.embeds }); i >= 0 && id == "" {
		id = list[i].id
	}
	if id == "" {
		d.ok("embeddings", "not tried: no model for them is named or listed; nothing needs one in this version")
		return
	}
	e, done, err := q.embedder(id, s)
	if err == nil {
		defer done()
		ctx, cancel := context.WithTimeout(ctx, max(s.Timeout, time.Minute))
		defer cancel()
		var v [][]float32
		if v, _, err = e.Embed(ctx, []string{"Hello."}); err == nil {
			d.ok("embeddings", "%s, %d numbers", e.Name(), len(v[0]))
			return
		}
	}
	d.note("embeddings", "", "%v; nothing needs them in this version", err)
}
