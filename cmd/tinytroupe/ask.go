package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/study"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// askedFile holds, with .jsonl and .csv after it, what was asked after a run.
const askedFile = "results/asked"

// askFlags are the flags of ask.
type askFlags struct {
	model               string
	to                  []string
	scale, number       string
	oneOf, someOf, rank []string
	yesNo, shuffle      bool
	parallel            int
	budget              float64
	maxCalls, maxTokens int
	json                bool
}

func (p *program) askCommand() *cobra.Command {
	var f askFlags
	cmd := &cobra.Command{
		Use:   "ask [DIR] QUESTION",
		Short: "Put a question to the people of a run that is over",
		Long: `Ask puts a question to the people of a record, the newest in runs where none is named, as
they are at the end of the run. Each is asked alone, in one call. Nobody hears of it and
nobody remembers it: the run stays what it is, and can be replayed.

An answer is text, unless a flag says otherwise. Somebody may not know (absent) or not
want to say (refused). What cannot be read after one repair is invalid. Answers are added
to results/asked.jsonl and results/asked.csv of the record; whoever is asked the same
again answers anew only where no answer came.

--to selects people as to: does in a study: a person, a group, or by what they are or
answered, as in '{age: 18..34}' or '{buy: yes}'. It may be repeated. Without it everybody
is asked but staff. The model is the one that the people had in the run.

A limit (--budget, --max-calls, --max-tokens) is of this asking alone; of each that is not
named, what the run's own leaves holds. Exit codes are those of run.`,
		Example: `  tinytroupe ask "What did you make of the others?"
  tinytroupe ask runs/2026-03-02-tv-ad-7f3a "How likely are you to buy it?" --scale 1..5
  tinytroupe ask "Which of them would you buy?" --one-of "the first,the second,none" --to Oscar
  tinytroupe ask "What would change your mind?" --to '{buy: no}'
  tinytroupe ask "Would you come back?" --yes-no --json | jq .base`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 {
				return fmt.Errorf("ask takes a question, and a record before it, not %d words: quote the question, as in tinytroupe ask \"What would you pay?\"", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			changed := cmd.Flags().Changed
			if err := limits(changed, &runFlags{budget: f.budget, maxCalls: f.maxCalls, maxTokens: f.maxTokens, parallel: f.parallel}); err != nil {
				return usage(err)
			}
			text := args[len(args)-1]
			if info, err := os.Stat(text); len(args) == 1 && err == nil && info.IsDir() {
				return usage(fmt.Errorf("%s is a folder: what is the question? tinytroupe ask %s \"What would you pay?\"", text, quote(text)))
			}
			q, err := f.question(text, changed)
			if err != nil {
				return usage(err)
			}
			dir, err := newest(args[:len(args)-1])
			if err != nil {
				return usage(err)
			}
			ctx, stop := p.interruptible(cmd.Context())
			defer stop()
			return p.ask(ctx, dir, q, &f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.model, "model", "", "the model, as `PROVIDER/NAME` (default: the run's)")
	fl.StringArrayVar(&f.to, "to", nil, "`WHO` is asked: a person, a group, or '{attribute: value}'; may be repeated")
	fl.StringVar(&f.scale, "scale", "", "answered by a whole number, such as `1..5`")
	fl.StringVar(&f.number, "number", "", "answered by any number, such as `0..100`")
	fl.BoolVar(&f.yesNo, "yes-no", false, "answered by yes or no")
	fl.StringSliceVar(&f.oneOf, "one-of", nil, "answered by one of `A,B`")
	fl.StringSliceVar(&f.someOf, "some-of", nil, "answered by any of `A,B`")
	fl.StringSliceVar(&f.rank, "rank", nil, "answered by all of `A,B` in order, best first")
	fl.BoolVar(&f.shuffle, "shuffle", false, "show each the options in an order of their own")
	fl.IntVar(&f.parallel, "parallel", 0, "most calls at once (default: adapts, up to 32)")
	fl.Float64Var(&f.budget, "budget", 0, "most that the asking may cost, in `USD`")
	fl.IntVar(&f.maxCalls, "max-calls", 0, "most calls that the asking may make")
	fl.IntVar(&f.maxTokens, "max-tokens", 0, "most tokens that the asking may use")
	fl.BoolVar(&f.json, "json", false, "print one JSON document on stdout, and all else on stderr")
	return cmd
}

// question is what is asked, in the form that the flags say.
func (f *askFlags) question(text string, changed func(flag string) bool) (extract.Question, error) {
	q := extract.Question{ID: "asked", Ask: strings.TrimSpace(text), Type: extract.Text}
	if q.Ask == "" {
		return q, errors.New("the question is empty")
	}
	said := ""
	for _, t := range []struct {
		flag    string
		kind    extract.Kind
		span    string
		options []string
	}{
		{"scale", extract.Scale, f.scale, nil}, {"number", extract.Number, f.number, nil}, {"yes-no", extract.YesNo, "", nil},
		{"one-of", extract.OneOf, "", f.oneOf}, {"some-of", extract.SomeOf, "", f.someOf}, {"rank", extract.Rank, "", f.rank},
	} {
		if !changed(t.flag) || t.flag == "yes-no" && !f.yesNo {
			continue
		}
		if said != "" {
			return q, fmt.Errorf("--%s and --%s: a question is answered in one way", said, t.flag)
		}
		said, q.Type = t.flag, t.kind
		for _, o := range t.options {
			q.Options = append(q.Options, strings.TrimSpace(o))
		}
		if t.span == "" && t.kind != extract.Scale && t.kind != extract.Number {
			continue
		}
		var err error
		if q.Lo, q.Hi, err = extract.ParseRange(t.span); err != nil {
			return q, fmt.Errorf("--%s: %w", t.flag, err)
		}
	}
	switch {
	case f.shuffle && q.Options == nil:
		return q, errors.New("--shuffle is for options: --one-of, --some-of or --rank")
	case f.shuffle:
		q.Order = extract.Shuffle
	}
	if err := q.Check(); err != nil {
		return q, fmt.Errorf("--%s: %s", said, strings.ReplaceAll(err.Error(), `question "asked": `, ""))
	}
	return q, nil
}

// asked is what came of asking, as --json prints it.
type asked struct {
	Dir       string           `json:"dir"`
	Question  string           `json:"question"`
	Model     string           `json:"model"`
	Rehearsal bool             `json:"rehearsal"`
	Problem   string           `json:"problem,omitempty"`
	Base      extract.Base     `json:"base"`
	Answers   []extract.Answer `json:"answers"`
	Table     *extract.Table   `json:"table,omitempty"` // where answers can be counted
	Calls     int              `json:"calls"`           // of this asking, retries included
	Tokens    int              `json:"tokens"`
	Cost      *float64         `json:"cost_usd"` // null where a price is not known
	Seconds   float64          `json:"seconds"`
}

// interview is the asking under way.
type interview struct {
	p     *program
	f     *askFlags
	rec   *record.Record
	was   record.Manifest
	study *study.Study
	set   *config.Settings
	model choice
	stack *stack
	calls *record.Calls
	log   logFile
	spent llm.Spent // before
	begun time.Time
}

func (p *program) ask(ctx context.Context, dir string, q extract.Question, f *askFlags) (err error) {
	iv := &interview{p: p, f: f, begun: time.Now()}
	defer func() {
		if iv.stack != nil {
			iv.stack.close()
		}
		if iv.rec != nil {
			err = p.closed(err, iv.log.Close(), iv.rec.Close())
		}
	}()
	panel, err := iv.prepare(ctx, dir)
	if err != nil {
		if _, ok := errors.AsType[*exitError](err); ok {
			return err
		}
		return usage(err)
	}
	res, err := extract.Ask(ctx, []extract.Question{q}, panel, &extract.AskOptions{Seed: iv.study.Seed, Parallel: f.parallel})
	if res == nil {
		return usage(err)
	}
	if n := extract.Count(res.Answers).Skipped; err == nil && n > 0 {
		err = notReached(ctx, n, "answer")
	}
	return iv.finish(q, res.Answers, err)
}

// prepare opens the record and finds who is to be asked. Nothing has been called or
// spent when it fails.
func (iv *interview) prepare(ctx context.Context, dir string) ([]extract.Panelist, error) {
	var err error
	if iv.rec, err = record.Open(dir, nil); err != nil {
		return nil, missing(err, dir)
	}
	m := iv.rec.Manifest()
	iv.was = m
	if m.Study == "" {
		return nil, ofChat(dir)
	}
	unfinished := fmt.Errorf("the run in %s is not over: tinytroupe resume %s goes on with it", dir, quote(dir))
	if m.Status != record.Done && m.Status != record.Incomplete {
		return nil, unfinished
	}
	if iv.study, err = iv.p.replayed(iv.rec, &m, ""); err != nil {
		return nil, err
	}
	settings := configFiles(m.Study)
	if iv.set, err = config.Load(settings, &config.Options{Env: iv.p.env, Answers: answersOf(&m)}); err != nil {
		return nil, err
	}
	if err := iv.p.readPrices(settings); err != nil {
		return nil, err
	}
	iv.model = choice{name: m.Models[roleAct], why: "as before"}
	if iv.f.model != "" {
		iv.model = choice{name: iv.f.model, why: "--model"}
	}
	if iv.model.rehearsal() && !m.Rehearsal {
		return nil, fmt.Errorf("the run in %s is of %s: what a stand-in invents would stand beside its answers", dir, m.Models[roleAct])
	}
	who, err := iv.who()
	if err != nil {
		return nil, err
	}
	if iv.calls, err = iv.rec.Calls(); err != nil {
		return nil, err
	}
	if iv.stack, err = connect(ctx, iv.model.name, iv.set, iv.p.env, newLog(iv.p.stderr, iv.set, &iv.log)); err != nil {
		return nil, err
	}
	if err := iv.log.open(iv.rec.Path("log.txt")); err != nil {
		return nil, err
	}
	if iv.spent, err = spentOf(iv.calls, iv.p.prices); err != nil {
		return nil, err
	}
	_, priced := iv.p.prices(iv.model.name)
	limits, spent := iv.caps(priced)
	if err := priceKnown(iv.p.prices, limits, iv.model.name); err != nil {
		return nil, err
	}
	iv.stack.wrap(iv.p, iv.set, iv.p.budget(iv.set, limits, spent, iv.model.name), iv.f.parallel, iv.calls, nil)
	mnd, err := newMind(iv.stack, iv.set, m.Seed, iv.study.Image)
	if err != nil {
		return nil, err
	}
	var given []extract.Answer
	const file = "results/answers.jsonl"
	b, err := iv.rec.ReadFile(file)
	if err == nil {
		given, _, err = extract.ReadJSONL(file, bytes.NewReader(b))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	panel, err := iv.study.Panel(who, given, &study.RunOptions{
		Mind:  func(study.Member) tinytroupe.Mind { return mnd },
		Human: func(study.Member) tinytroupe.Mind { return mnd }, // who is there, and never asked
		Open: func(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
			return nil, iv.rec.Events(room.Name()), nil
		},
		Episode: iv.stack.episode(iv.set),
	})
	if errors.Is(err, study.ErrUnfinished) {
		return nil, unfinished
	}
	if err != nil {
		return nil, err
	}
	switch {
	case len(panel) == 0 && len(iv.f.to) == 0:
		return nil, errors.New("there is nobody to ask but staff: name who, with --to")
	case len(panel) == 0:
		return nil, fmt.Errorf("--to: nobody who was there in the run is %s", strings.Join(iv.f.to, ", or "))
	}
	return panel, nil
}

// caps returns what the asking may use, and what counts towards it: a limit that a flag
// names is of this asking alone, each other one is that of the run, of which the run has
// used some. Of a model without a price only what can be counted is capped, where it is.
func (iv *interview) caps(priced bool) (caps, llm.Spent) {
	l, spent := caps{iv.f.budget, iv.f.maxCalls, iv.f.maxTokens}, llm.Spent{}
	was := iv.was.Limits
	if was == nil {
		return l, spent
	}
	if l.usd == 0 && (priced || l == (caps{})) {
		l.usd, spent.USD = was.USD, iv.spent.USD
	}
	if l.calls == 0 {
		l.calls, spent.Calls = was.Calls, iv.spent.Calls
	}
	if l.tokens == 0 {
		l.tokens, spent.Tokens = was.Tokens, iv.spent.Tokens
	}
	return l, spent
}

// who returns whom the flags select: everybody but staff where they name nobody.
func (iv *interview) who() (study.Who, error) {
	var who study.Who
	for _, to := range iv.f.to {
		w, err := iv.study.ParseWho("--to", to)
		if err != nil {
			return who, err
		}
		who.Any = append(who.Any, w)
	}
	for _, g := range iv.study.People {
		for _, p := range g.People {
			if (g.Human || g.HTTP != nil) && byName(who, p) {
				return who, fmt.Errorf("--to: %s is at a terminal, or a chatbot, and has no mind to be asked", line(p.Name()))
			}
		}
	}
	return who, nil
}

// byName reports whether somebody is selected by their name, or by that of their group.
func byName(w study.Who, p study.Person) bool {
	return w.Name != "" && (w.Name == p.Group || w.Name == p.Name()) ||
		slices.ContainsFunc(w.Any, func(x study.Who) bool { return byName(x, p) })
}

// finish keeps the answers and prints them.
func (iv *interview) finish(q extract.Question, answers []extract.Answer, runErr error) error {
	a := &asked{
		Dir: iv.rec.Dir(), Question: q.Ask, Model: iv.model.name, Rehearsal: iv.was.Rehearsal,
		Base: extract.Count(answers), Answers: answers,
	}
	if q.Type != extract.Text && a.Base.Answered > 0 {
		t, err := extract.Tally(q, answers, &extract.TallyOptions{Rehearsal: a.Rehearsal})
		if err != nil {
			return err
		}
		t.Name = q.Ask
		a.Table = t
	}
	for i := range answers {
		iv.mark(q, &answers[i])
	}
	l, err := iv.calls.Ledger(iv.p.prices)
	if err == nil {
		err = errors.Join(iv.keep(answers, a.Rehearsal), iv.count(l, a))
	}
	if err != nil {
		return &exitError{code: exitFailed, err: fmt.Errorf("record %s: %w", iv.rec.Dir(), err)}
	}
	code := exitDone
	switch {
	case errors.Is(runErr, llm.ErrBudget):
		code = exitBudget
	case errors.Is(runErr, drain.ErrStopped) || errors.Is(runErr, context.Canceled):
		code = exitInterrupted
	case runErr != nil || a.Base.Invalid+a.Base.Failed > 0:
		code = exitFailed
	}
	if runErr != nil {
		a.Problem = problem(runErr)
	}
	w := iv.p.stdout
	if iv.f.json {
		w = iv.p.stderr
	}
	a.Seconds = time.Since(iv.begun).Seconds()
	iv.print(w, a, runErr)
	if iv.f.json {
		if err := encodeJSON(iv.p.stdout, a); err != nil {
			return err
		}
	}
	if code == exitDone {
		return nil
	}
	if runErr == nil {
		runErr = fmt.Errorf("%s invalid or failed", count(a.Base.Invalid+a.Base.Failed, "answer"))
	}
	return &exitError{code: code, err: runErr, shown: true}
}

// count tells what the asking took, and adds it to what the record says of its run.
func (iv *interview) count(l *record.Ledger, a *asked) error {
	t := tallyOf(l)
	a.Calls, a.Tokens = t.calls-iv.spent.Calls, t.tokens-iv.spent.Tokens
	if _, known := iv.p.prices(iv.model.name); known || iv.model.rehearsal() {
		usd := l.Total.USD - iv.spent.USD
		a.Cost = &usd
	}
	return iv.rec.Update(func(m *record.Manifest) {
		if m.Totals != nil {
			m.Totals.Calls, m.Totals.Tokens, m.Totals.USD = t.calls, t.tokens, l.Total.USD
		}
	})
}

// print tells people what came of it.
func (iv *interview) print(w io.Writer, a *asked, err error) {
	model := a.Model + " (" + iv.model.why + ")"
	if a.Rehearsal {
		model = a.Model + ", of a rehearsal: " + strings.TrimPrefix(transcript.Notice, "rehearsal: ")
	}
	fmt.Fprintf(w, "%s\nmodel   %s\nrecord  %s\n", transcript.OneLine(a.Question), model, a.Dir)
	for i := range a.Answers {
		x := &a.Answers[i]
		text := string(x.Outcome)
		if x.Outcome == extract.Answered {
			text = x.Value.String()
		} else if x.Outcome != extract.Absent && x.Outcome != extract.Refused && x.Reason != "" {
			text += ": " + x.Reason
		}
		fmt.Fprintf(w, "%s: %s\n", transcript.OneLine(x.Person), transcript.OneLine(text))
		if len(x.Evidence) > 0 && x.Evidence[0].Quote != "" && x.Evidence[0].Quote != text {
			fmt.Fprintf(w, "          > %s\n", transcript.OneLine(x.Evidence[0].Quote))
		}
	}
	if a.Table != nil {
		_ = a.Table.WriteText(w, nil) // where it fails, the next line does too
	} else {
		fmt.Fprintf(w, "%v\n", a.Base)
	}
	used := fmt.Sprintf("%.1f s, %s, %s", a.Seconds, count(a.Calls, "call"), cost(a.Cost))
	if bad := a.Base.Invalid + a.Base.Failed; err == nil && bad > 0 {
		fmt.Fprintf(w, "incomplete  %s invalid or failed; %s\nnext  ask the same again: who answered is not asked twice\n", count(bad, "answer"), used)
		return
	} else if err == nil {
		fmt.Fprintf(w, "done  %s; %s.csv has all that was asked\n", used, askedFile)
		return
	}
	fmt.Fprintf(iv.p.stderr, "%s\nso far  %s; answers that came are kept in %s of the record\nnext  ask the same again: who answered is not asked twice", problem(err), used, askedFile+".csv")
	if b, ok := errors.AsType[*llm.BudgetError](err); ok {
		fmt.Fprintf(iv.p.stderr, "; a higher limit is %s", limitFlags[b.What])
	}
	fmt.Fprintln(iv.p.stderr)
}
