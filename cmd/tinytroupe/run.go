package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// recordsDir is where records go that are not told to go elsewhere.
const recordsDir = "runs"

func (p *program) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run STUDY",
		Short: "Run a study, or go on with one",
		Long: `Run carries out a study and leaves a record of it.

The model is the one that --model names, else the study, else config.ini beside the
study or in the working folder, else the environment; else what is found: a server at
OPENAI_BASE_URL, a key of OpenAI, Anthropic or Gemini, an Ollama that runs; else the
stand-in, which needs nothing. Which it is, and why, is the first thing printed.

With --dir naming a record that exists, the run in it goes on where it was stopped;
no call that was finished is made again. The study may have changed: what stands
before the first step that differs is kept, and the rest made anew. Where people,
world, model, seed, prompts or settings differ, or a model is at another address, it
asks first; --yes answers.

With --dry-run nothing is called, and no record is made: the study is rehearsed in
memory, and the calls, tokens, price and time of a real run are printed, low and high.

With --cache, replies are shared with other runs: a call that any of them made, with
the same model, prompt and seed, costs nothing.`,
		Example: `  tinytroupe run examples/simple-chat/study.yaml
  tinytroupe run study.yaml --model openai/gpt-5-mini --dry-run
  tinytroupe run study.yaml --model openai/gpt-5-mini --budget 2.50
  OPENAI_BASE_URL=http://127.0.0.1:8080/v1 tinytroupe run study.yaml
  tinytroupe run study.yaml --dir runs/2026-03-02-tv-ad-7f3a
  tinytroupe run study.yaml --cache calls.db`,
		Args: one("a study", "tinytroupe run STUDY"),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.seeded = cmd.Flags().Changed("seed")
			if err := limits(cmd.Flags().Changed, &f); err != nil {
				return usage(err)
			}
			ctx, stop := p.interruptible(cmd.Context())
			defer stop()
			return p.run(ctx, args[0], &f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.model, "model", "", "the model, as `PROVIDER/NAME`")
	fl.StringVar(&f.dir, "dir", "", "the `folder` of the record (default: a new one in runs)")
	fl.Uint64Var(&f.seed, "seed", 0, "the seed of all that is left to chance (default: the study's)")
	fl.StringArrayVar(&f.set, "set", nil, "set a variable of the study, as `x=v`; may be repeated")
	f.usual(cmd)
	cmd.Flags().BoolVar(&f.dry, "dry-run", false, "say what it would cost, and call nothing")
	return cmd
}

// configFiles are where settings are read: the working folder, and before it beside
// the study.
func configFiles(study string) []string {
	files := []string{"config.ini"}
	if beside := filepath.Join(filepath.Dir(study), "config.ini"); filepath.Clean(beside) != "config.ini" {
		files = append(files, beside)
	}
	return files
}

// session is a run under way.
type session struct {
	p          *program
	f          *runFlags
	study      *study.Study
	set        *config.Settings
	choice     choice
	caps       caps
	rec        *record.Record
	mind       *mind.Mind
	stack      *stack
	roles      map[string]string // names of models, by role
	identities map[string]string // of them
	stacks     map[string]*stack // of all models, by name
	shared     *record.Calls     // replies that several runs share; nil where none are
	calls      *record.Calls
	log        *logFile
	out        *narrator
	budget     *llm.Budget
	shown      *progress // nil where it is not
	begun      time.Time
	failed     int // turns that came to nothing
	found      found
	warn       []string
	odd        []string // of warn, what came of the run: see notice

	resumed bool
	before  struct { // of earlier parts of the run
		spent  llm.Spent
		limits caps
	}
	seconds float64 // that those took
	cut     int     // calls that were cut off, and are made again
	edited  string  // what came of a change of the study
	lost    error   // of keeping failures
}

func (p *program) run(ctx context.Context, file string, f *runFlags) (err error) {
	s := &session{p: p, f: f, begun: time.Now()}
	human := p.stdout
	if f.json {
		human = p.stderr
	}
	s.out = &narrator{w: human, quiet: f.quiet, terminal: p.terminal() && !f.json, width: p.width(), noColor: p.noColor()}
	if f.dry {
		return s.dry(ctx, file)
	}
	if err := s.prepare(ctx, file); err != nil {
		if _, ok := errors.AsType[*exitError](err); !ok {
			err = usage(err)
		}
		return p.closed(err, s.close())
	}
	defer func() {
		err = p.closed(err, s.log.Close(), s.close())
	}()
	res, runErr := s.play(ctx)
	p.line.end()
	return s.finish(ctx, res, runErr)
}

func (s *session) close() error {
	var errs []error
	for _, st := range s.stacks {
		st.close()
	}
	if s.shared != nil {
		errs = append(errs, s.shared.Close())
	}
	if s.rec != nil {
		errs = append(errs, s.rec.Close())
	}
	return errors.Join(errs...)
}

// prepare reads everything there is to read and makes or opens the record. Nothing
// has been called or spent when it fails.
func (s *session) prepare(ctx context.Context, file string) error {
	if err := s.read(ctx, file); err != nil {
		return err
	}
	if err := s.terminal(); err != nil {
		return err
	}
	if err := s.existing(); err != nil {
		return err
	}
	if err := s.settleCaps(); err != nil {
		return err
	}
	if err := s.settleRoles(); err != nil {
		return err
	}
	for _, role := range slices.Sorted(maps.Keys(s.roles)) {
		if err := priceKnown(s.p.prices, s.caps, s.roles[role]); err != nil {
			return err
		}
	}
	s.log = &logFile{}
	var err error
	if s.stack, err = connect(ctx, s.choice.name, s.set, s.p.env, newLog(s.p.stderr, s.set, s.log)); err != nil {
		return err
	}
	if err := s.connectRoles(ctx); err != nil {
		return err
	}
	if err := s.share(); err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	return s.log.open(s.rec.Path("log.txt"))
}

// read reads the study, the settings and the prices, and chooses the model.
func (s *session) read(ctx context.Context, file string) error {
	settings := configFiles(file)
	var answers map[string]string
	if s.f.resume {
		var err error
		if file, err = s.recorded(); err != nil {
			return err
		}
		m := s.rec.Manifest()
		settings, answers = configFiles(m.Study), answersOf(&m)
	}
	vars, err := s.f.variables()
	if err != nil {
		return err
	}
	o := &study.LoadOptions{Vars: vars, Env: s.p.env}
	if s.f.resume {
		o.Name = s.rec.Manifest().Title // its folder is another
	}
	if s.f.seeded {
		o.Seed = &s.f.seed
	}
	if s.study, err = study.Load(file, o); err != nil {
		return err
	}
	if s.set, err = config.Load(settings, &config.Options{Env: s.p.env, Answers: answers}); err != nil {
		return err
	}
	if err := s.p.readPrices(settings); err != nil {
		return err
	}
	s.warn = append(append(s.warn, s.study.Warnings...), s.set.Warnings...)
	if s.choice, err = choose(ctx, s.f.model, s.study.Models.Act, s.set, s.p.env); err != nil {
		return err
	}
	if s.f.resume {
		s.choice.why = "as before"
	}
	return nil
}

// answersOf are the settings that decided the answers of a run, with which it goes on
// whatever config.ini says now; not nil.
func answersOf(m *record.Manifest) map[string]string {
	if m.Settings == nil {
		return map[string]string{}
	}
	return m.Settings
}

// share opens the file of calls that runs share, if there is to be one.
func (s *session) share() error {
	file := s.f.cache
	if file == "" && s.set.CacheAPICalls {
		file = cmp.Or(s.set.CacheFileName, "tinytroupe-calls.db")
	}
	if file == "" {
		return nil
	}
	var err error
	if s.shared, err = record.OpenCalls(file); err != nil {
		return fmt.Errorf("shared calls: %w\nIs it a file that --cache made? Name another, which will be made", err)
	}
	return nil
}

// open makes the record, or settles how the one that is open goes on.
func (s *session) open(ctx context.Context) (err error) {
	if !s.resumed {
		if err := s.create(); err != nil {
			return err
		}
	}
	if s.calls, err = s.rec.Calls(); err != nil {
		return err
	}
	if s.resumed {
		if s.before.spent, err = spentOf(s.calls, s.p.prices); err != nil {
			return err
		}
	}
	s.identities = map[string]string{}
	for role := range s.roles {
		s.identities[role] = llm.Identity(s.model(role))
	}
	s.budget = s.p.budget(s.set, s.caps, s.before.spent, slices.Collect(maps.Values(s.roles))...)
	for _, st := range s.stacks {
		st.wrap(s.p, s.set, s.budget, s.f.parallel, s.calls, s.shared)
		st.model = &watched{st.model, s.called}
	}
	if s.mind, err = newMind(s.stack, s.set, s.study.Seed, s.study.Image); err != nil {
		return err
	}
	if s.resumed {
		if err := s.reconcile(ctx); err != nil {
			return err
		}
	}
	for _, in := range s.study.Inputs {
		if err := s.rec.AddInput(in.Path, in.Data); err != nil {
			return err
		}
	}
	prompts, err := promptsOf(s.mind)
	if err != nil {
		return err
	}
	return s.rec.Update(func(m *record.Manifest) {
		m.Status, m.Problem = record.Running, ""
		m.Title, m.Seed, m.Set, m.Rehearsal = s.study.Title, s.study.Seed, s.study.Set, s.choice.rehearsal()
		m.Models = s.roles
		for role, id := range s.identities {
			m.Use(role, id)
		}
		m.Settings, m.Prompts, m.Product, m.Go = s.set.Answers, prompts, version(), runtime.Version()
		m.Small, m.Excerpt, m.Partial = s.stack.small, s.excerpt(), s.f.allowPartial
		m.Limits = &record.Limits{USD: s.caps.usd, Calls: s.caps.calls, Tokens: s.caps.tokens}
		m.Main = s.study.Inputs[0].Path
		if !s.f.resume {
			m.Study = s.study.File
		}
		for _, w := range append(slices.Clone(s.warn), s.edited) {
			if w != "" && !slices.Contains(m.Warnings, w) {
				m.Warnings = append(m.Warnings, w)
			}
		}
	})
}

// create makes the record of a new run.
func (s *session) create() (err error) {
	if err := vacant(s.f.dir); err != nil {
		return err
	}
	dir := s.f.dir
	if dir == "" {
		hashes := make([]string, len(s.study.Inputs))
		for i, in := range s.study.Inputs {
			hashes[i] = record.Hash(in.Data)
		}
		dir = filepath.Join(recordsDir, record.Name(s.study.Title, s.study.Seed, s.begun, strings.Join(hashes, "")))
	}
	m := &record.Manifest{Title: s.study.Title, Slug: record.Slug(s.study.Title), Study: s.study.File, Seed: s.study.Seed}
	s.rec, err = record.Create(dir, m, nil)
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w\nName a folder that can be written: --dir DIR", err)
	}
	return err
}

// vacant refuses a place for a record that holds something else.
func vacant(dir string) error {
	if dir == "" {
		return nil
	}
	list, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("--dir: %w", err)
	case !record.Blank(list):
		return fmt.Errorf("--dir %s: the folder holds something that is not a record: name another, which will be made", dir)
	}
	return nil
}

// spentOf is what models were used for so far; calls cut off by a kill count at their
// bound.
func spentOf(calls *record.Calls, prices tariff) (llm.Spent, error) {
	l, err := calls.Ledger(prices)
	if err != nil {
		return llm.Spent{}, err
	}
	t := tallyOf(l)
	return llm.Spent{Calls: t.calls, Tokens: t.tokens, USD: l.Total.USD}, nil
}

// newMind makes the mind of everybody.
func newMind(st *stack, set *config.Settings, seed uint64, images func(string) (string, []byte, error)) (*mind.Mind, error) {
	o := &mind.Options{
		NoHarmfulText: !set.HarmfulContentPrevention, NoCopyrightText: !set.CopyrightPrevention,
		Images: images, Draw: draw(seed),
	}
	st.bound(o)
	return mind.New(st.model, o)
}

// draw keeps the samples of runs with different seeds apart, whose prompts may be the
// same: a shared store of replies does not make one of them. The usual seed is 1.
func draw(seed uint64) int { return int((seed - 1) & math.MaxInt) }

// play runs the study.
func (s *session) play(ctx context.Context) (*study.Result, error) {
	if err := s.writePeople(); err != nil {
		return nil, err
	}
	s.out.begin(s, s.hint(ctx))
	s.watch(ctx)
	opts := &study.RunOptions{
		Mind: func(study.Member) tinytroupe.Mind { return s.mind },
		Open: func(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
			j, err := s.rec.Journal(room.Name())
			return j, s.rec.Events(room.Name()), err
		},
		Store: s.rec.PutArtifact, Around: s.around, Proxy: http.ProxyFromEnvironment,
		Rooms: max(study.DefaultRooms, 2*s.f.parallel), Progress: s.progress, Observe: s.observe,
	}
	if hasHumans(s.study) {
		in, done := s.p.asking()
		defer done()
		opts.In, opts.Out = in, s.out.w
	}
	if s.f.allowPartial {
		opts.Tolerate = tolerable
	}
	opts.Episode = s.stack.episode(s.set)
	s.looking(opts)
	return s.study.Run(ctx, opts)
}
