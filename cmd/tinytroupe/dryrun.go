package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/study"
)

const (
	// A hosted model takes so long for a call, reasoning aside.
	quickCall, slowCall = 2 * time.Second, 10 * time.Second
	usualAtOnce         = 32 // calls, where nothing is said

	// hintMost is how many tokens the stand-in may read for the hint on a rehearsal's
	// first lines: about a third of a second's work. Time itself would make what is
	// printed depend on how busy the machine is.
	hintMost = 150_000
)

// An offer is an estimate with what it comes to at some models.
type offer struct {
	*study.Estimate
	names   map[study.Role]string
	unknown []string // models of which no price is known
	low     float64  // US dollars, without what a provider's cache saves
	high    float64
	cached  [2]float64 // low and high, if the provider caches all that it can
}

// wide reports whether low and high are far apart.
func (q *offer) wide() bool { return q.Open || q.Answers || q.Folds }

// estimate rehearses the study in memory, or what is left of one that goes on; see
// study.Estimate. most is 0 or the tokens
// that the stand-in may read.
func (s *session) estimate(ctx context.Context, most int) (*study.Estimate, error) {
	st := s.stack
	if st == nil {
		st = &stack{}
		if s.rec != nil {
			st.small = s.rec.Manifest().Small
		}
	}
	o := &study.EstimateOptions{
		Model: rehearsal.New(nil),
		Mind: func(m llm.Model) (tinytroupe.Mind, error) {
			return newMind(&stack{model: m, small: st.small}, s.set, s.study.Seed, s.study.Image)
		},
		Episode: st.episode(s.set), Tokens: s.excerpt(), Parallel: s.f.parallel, Most: most,
	}
	if s.resumed {
		if err := s.rest(o); err != nil {
			return nil, err
		}
	}
	return s.study.Estimate(ctx, o)
}

// priced says what an estimate comes to at models, by role.
func (p *program) priced(e *study.Estimate, names map[string]string) *offer {
	q := &offer{Estimate: e, names: map[study.Role]string{}}
	for _, role := range []study.Role{study.Acts, study.Extracts, study.Judges} {
		if _, high := e.Sum(role); high.Calls == 0 {
			continue
		}
		name := names[string(role)]
		q.names[role] = name
		price, known := p.prices(name)
		if !known {
			if !slices.Contains(q.unknown, name) {
				q.unknown = append(q.unknown, name)
			}
			continue
		}
		low, high := e.Cost(role, price, false)
		q.low, q.high = q.low+low, q.high+high
		low, high = e.Cost(role, price, true)
		q.cached[0], q.cached[1] = q.cached[0]+low, q.cached[1]+high
	}
	return q
}

// hint is what a rehearsal says of the real thing, beside the model's name.
func (s *session) hint(ctx context.Context) string {
	if !s.choice.rehearsal() || s.out.quiet || s.resumed {
		return ""
	}
	e, err := s.estimate(ctx, hintMost)
	if err != nil || len(e.Steps) == 0 {
		return "" // it takes long, or cannot be said
	}
	q := s.p.priced(e, map[string]string{roleAct: defaultOpenAI, roleExtract: defaultOpenAI, roleJudge: defaultOpenAI})
	low, high := e.Sum("")
	calls := count(low.Calls, "call")
	if q.wide() {
		calls = span(low.Calls, high.Calls) + " calls"
	}
	return fmt.Sprintf(", about %s plus reasoning, %s (--dry-run says more)", dollars(q.low, q.high), calls)
}

// dry says what a run, or the rest of one, would cost. Nothing is called or written.
func (s *session) dry(ctx context.Context, file string) (err error) {
	defer func() { err = s.p.closed(err, s.close()) }()
	err = s.read(ctx, file)
	if err == nil {
		err = s.existing()
	}
	var spent llm.Spent
	if err == nil && s.rec != nil {
		spent, err = s.spentBefore()
	}
	if err != nil {
		if _, ok := errors.AsType[*exitError](err); ok {
			return err
		}
		return usage(err)
	}
	if s.choice.rehearsal() && s.rec == nil {
		s.choice = choice{name: defaultOpenAI, why: "as a real run could take it; --model names another"}
		s.f.model = s.choice.name // which stands for all roles, as it would then
	}
	if err := s.settleCaps(); err != nil {
		return usage(err)
	}
	if err := s.settleRoles(); err != nil {
		return usage(err)
	}
	for _, name := range s.roles {
		if name == rehearsalName {
			continue
		}
		provider, _, err := split(name)
		if err == nil {
			_, err = providerOf(provider, s.set, s.p.env)
		}
		if err != nil {
			return usage(err)
		}
	}
	e, err := s.estimate(ctx, 0)
	if err != nil {
		return &exitError{code: exitFailed, err: err}
	}
	d := s.dryRun(s.p.priced(e, s.roles), spent)
	if !s.f.quiet {
		s.show(d)
	} else {
		fmt.Fprintf(s.out.w, "%s\n", d.total())
	}
	if s.f.json {
		return encodeJSON(s.p.stdout, d)
	}
	return nil
}

// A dryRun is what --dry-run prints, as a document with --json.
type dryRun struct {
	Study   string            `json:"study"`
	Models  map[string]string `json:"models"` // by role
	Steps   []dryStep         `json:"steps"`
	Low     study.Work        `json:"low"`
	High    study.Work        `json:"high"`
	Cost    *[2]float64       `json:"cost_usd"`        // low and high; null where a price is not known
	Cached  *[2]float64       `json:"cost_usd_cached"` // if the provider caches all that it can
	Seconds *[2]float64       `json:"seconds"`         // null where the model is on one's own machine
	Limits  dryLimits         `json:"limits"`
	Notes   []string          `json:"notes"`

	q *offer
}

// dryStep is a step, or one and the same in all items of a loop.
type dryStep struct {
	Verb  int         `json:"verb"`
	Line  int         `json:"line"`
	Times int         `json:"times"`
	Step  string      `json:"step"`
	Role  study.Role  `json:"role"`
	Model string      `json:"model"`
	Low   study.Work  `json:"low"`
	High  study.Work  `json:"high"`
	Cost  *[2]float64 `json:"cost_usd"`
}

type dryLimits struct {
	USD    float64 `json:"usd,omitempty"`
	Calls  int     `json:"calls,omitempty"`
	Tokens int     `json:"tokens,omitempty"`
}

func (s *session) dryRun(q *offer, spent llm.Spent) *dryRun {
	d := &dryRun{Study: s.study.Title, Models: map[string]string{}, Steps: []dryStep{}, Notes: slices.Clone(s.warn), q: q,
		Limits: dryLimits{s.caps.usd, s.caps.calls, s.caps.tokens}}
	d.Low, d.High = q.Sum("")
	for role, name := range q.names {
		d.Models[string(role)] = name
	}
	for _, same := range q.lines() {
		x, sum := same[0], &study.Estimate{Steps: same}
		st := dryStep{Verb: x.Verb, Line: x.Step.Line, Times: len(same), Step: x.Step.Word(), Role: x.Role, Model: q.names[x.Role]}
		if run, ok := x.Step.Do.(study.Run); ok {
			st.Step = fmt.Sprintf("run %d", run.Steps)
		}
		st.Low, st.High = sum.Sum("")
		st.Cost = s.cost(sum, st.Model)
		d.Steps = append(d.Steps, st)
	}
	if len(q.unknown) == 0 {
		d.Cost, d.Cached = &[2]float64{q.low, q.high}, &q.cached
	}
	atOnce := s.f.parallel
	if atOnce == 0 {
		atOnce = s.set.MaxConcurrent
	}
	if atOnce <= 0 {
		atOnce = usualAtOnce
	}
	if !s.local(q) {
		d.Seconds = &[2]float64{float64(q.waves(false, atOnce)) * quickCall.Seconds(), float64(q.waves(true, atOnce)) * slowCall.Seconds()}
	}
	d.notes(s, spent)
	return d
}

// lines returns the steps that use models, those together that stand in one line: a
// loop makes one of it for each of its items.
func (q *offer) lines() [][]study.Expected {
	var lines [][]study.Expected
	for _, x := range q.Steps {
		i := slices.IndexFunc(lines, func(l []study.Expected) bool { return l[0].Step.Line == x.Step.Line && l[0].Role == x.Role })
		if i < 0 {
			i, lines = len(lines), append(lines, nil)
		}
		lines[i] = append(lines[i], x)
	}
	return lines
}

// cost is the price of an estimate at one model; nil where that is not known.
func (s *session) cost(e *study.Estimate, model string) *[2]float64 {
	price, known := s.p.prices(model)
	if !known {
		return nil
	}
	low, high := e.Cost("", price, false)
	return &[2]float64{low, high}
}

// waves is how many calls follow one another, where so many are under way at once.
func (q *offer) waves(high bool, atOnce int) int {
	n := 0
	for _, x := range q.Steps {
		w := x.Low
		if high {
			w = x.High
		}
		n += max(w.Rounds, (w.Calls+atOnce-1)/atOnce)
	}
	return n
}

// local reports whether a model of the offer is on a machine of one's own.
func (s *session) local(q *offer) bool {
	for _, name := range q.names {
		if name == rehearsalName {
			return true
		}
		if provider, _, err := split(name); err == nil {
			if p, err := providerOf(provider, s.set, s.p.env); err == nil && p.local {
				return true
			}
		}
	}
	return false
}

// notes says what the figures do not hold.
func (d *dryRun) notes(s *session, spent llm.Spent) {
	note := func(format string, args ...any) { d.Notes = append(d.Notes, fmt.Sprintf(format, args...)) }
	for _, l := range []struct {
		cap, low float64
		text     string
	}{
		{s.caps.usd, spent.USD + d.q.low, usd(s.caps.usd)}, {float64(s.caps.calls), float64(spent.Calls + d.Low.Calls), count(s.caps.calls, "call")},
		{float64(s.caps.tokens), float64(spent.Tokens + d.Low.Input + d.Low.Output), count(s.caps.tokens, "token")},
	} {
		if l.cap > 0 && l.cap < l.low {
			note("the cap of %s is below the low figure: the run would stop there, and could be resumed with a higher one", l.text)
		}
	}
	if d.Low.Calls > 0 {
		note("replies are taken to be about as long as the stand-in's, %s tokens each; a model that writes more costs more",
			rough(d.Low.Output/d.Low.Calls, d.High.Output/d.Low.Calls))
	}
	if !s.local(d.q) && len(d.Steps) > 0 {
		note("reasoning is not in these figures: what a model thinks unseen is paid as output, and no rehearsal knows how much; --budget caps it too")
	}
	if d.q.Open {
		note("runs that end when something is said: low counts one step of them, high all")
	}
	if d.q.Answers {
		note("who takes part depends on answers: low counts who must, high who may")
	}
	if d.q.Folds {
		note("long memories are summed up: when, depends on how much is said")
	}
	if d.q.Images {
		note("images are counted at about 1,000 tokens each; models differ, from under 100 to about 3,000")
	}
	if slices.ContainsFunc(s.study.People, func(g study.Group) bool { return g.HTTP != nil }) {
		note("chatbots are not called; what they cost is not known")
	}
	if s.f.cache != "" || s.set.CacheAPICalls {
		note("the replies that runs share are not looked at: what they would save is not in these figures")
	}
	if s.rec != nil {
		var money *float64
		if _, known := s.p.prices(s.choice.name); known {
			money = &spent.USD
		}
		note("these are figures of what is left to do; %s has used %s, %s and %s, which count towards a cap",
			s.rec.Dir(), cost(money), count(spent.Calls, "call"), count(spent.Tokens, "token"))
	}
}

// total is the estimate in a line.
func (d *dryRun) total() string {
	return fmt.Sprintf("%s, %s calls, %s input and %s output tokens", d.money(), span(d.Low.Calls, d.High.Calls), rough(d.Low.Input, d.High.Input), rough(d.Low.Output, d.High.Output))
}

func (d *dryRun) money() string {
	if d.Cost == nil {
		return "price unknown of " + strings.Join(d.q.unknown, ", ")
	}
	return dollars(d.Cost[0], d.Cost[1])
}

// show prints the estimate as a table, by step and by model.
func (s *session) show(d *dryRun) {
	w := s.out.w
	if d.Study != "" {
		fmt.Fprintln(w, line(d.Study))
	}
	fmt.Fprintf(w, "model   %s (%s)\n", s.choice.name, s.choice.why)
	fmt.Fprintf(w, "dry run: nothing is called; a stand-in plays everybody\n\n")
	switch {
	case len(d.Steps) > 0:
		s.table(d)
	case s.rec != nil:
		fmt.Fprintln(w, "nothing is left that calls a model")
	default:
		fmt.Fprintln(w, "nothing in it calls a model")
	}
	fmt.Fprintf(w, "cap     %s\n", s.capped())
	for _, n := range d.Notes {
		fmt.Fprintf(w, "note    %s\n", line(n))
	}
}

// table prints the steps that call models, and the time that they take.
func (s *session) table(d *dryRun) {
	w := s.out.w
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "calls\tinput\toutput\tprice\t  step")
	row := func(low, high study.Work, cost *[2]float64, what string) {
		money := "unknown"
		if cost != nil {
			money = dollars(cost[0], cost[1])
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t  %s\n", span(low.Calls, high.Calls), rough(low.Input, high.Input), rough(low.Output, high.Output), money, what)
	}
	of := len(s.study.Steps())
	for _, st := range d.Steps {
		what := fmt.Sprintf("[%d/%d] %s", st.Verb, of, st.Step)
		if st.Times > 1 {
			what += fmt.Sprintf(", %d times", st.Times)
		}
		row(st.Low, st.High, st.Cost, what)
	}
	var names []string
	for _, x := range d.q.Steps {
		if name := d.q.names[x.Role]; !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, name := range names {
		if len(names) == 1 {
			break // it is the total
		}
		e := &study.Estimate{Steps: slices.DeleteFunc(slices.Clone(d.q.Steps), func(x study.Expected) bool { return d.q.names[x.Role] != name })}
		low, high := e.Sum("")
		row(low, high, s.cost(e, name), name)
	}
	row(d.Low, d.High, d.Cost, "total")
	_ = tw.Flush() // into memory
	for text := range strings.Lines(b.String()) {
		fmt.Fprint(w, strings.TrimRight(text, " \n")+"\n")
	}
	fmt.Fprintln(w)
	if d.Cost == nil {
		fmt.Fprintf(w, "price   %s: prices.json can say it\n", d.money())
	} else if d.Cached != nil && d.Cached[0] < d.Cost[0] {
		fmt.Fprintf(w, "cached  up to %s of the input has been sent before: %s if the provider remembers all of it\n", digits(d.High.Cacheable, math.Ceil), dollars(d.Cached[0], d.Cached[1]))
	}
	rounds := count(d.High.Rounds, "call") + " one after another"
	if d.Seconds == nil {
		fmt.Fprintf(w, "time    not known of a model on your own machine: %s\n", rounds)
	} else {
		fmt.Fprintf(w, "time    %s to %s: %s at most, at %.0f to %.0f s a call\n", about(d.Seconds[0]), about(d.Seconds[1]), rounds, quickCall.Seconds(), slowCall.Seconds())
	}
}

// capped says what the run may use.
func (s *session) capped() string {
	var list []string
	if s.caps.usd > 0 {
		list = append(list, usd(s.caps.usd))
	}
	if s.caps.calls > 0 {
		list = append(list, count(s.caps.calls, "call"))
	}
	if s.caps.tokens > 0 {
		list = append(list, count(s.caps.tokens, "token"))
	}
	if list == nil {
		return "none (--budget sets one)"
	}
	return strings.Join(list, ", ")
}
