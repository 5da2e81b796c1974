package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
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
	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// recordsDir is where records go that are not told to go elsewhere.
const recordsDir = "runs"

// runFlags are the flags of run.
type runFlags struct {
	model        string
	dir          string
	seed         uint64
	seeded       bool
	set          []string
	parallel     int
	budget       float64
	maxCalls     int
	maxTokens    int
	allowPartial bool
	json         bool
	quiet        bool
}

func (p *program) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run STUDY",
		Short: "Run a study, or go on with one",
		Long: `Run carries out a study and leaves a record of it.

The model is the one that --model names, else the study, else config.ini beside the
study or in the working folder, else the environment; else what is found: a key in
OPENAI_API_KEY or a server at OPENAI_BASE_URL; else the stand-in, which needs
nothing. Which it is, and why, is the first thing printed.

With --dir naming a record that exists, the run in it goes on where it was stopped;
no call that was finished is made again.`,
		Example: `  tinytroupe run examples/simple-chat/study.yaml
  tinytroupe run study.yaml --model openai/gpt-5-mini --budget 2.50
  OPENAI_BASE_URL=http://127.0.0.1:8080/v1 tinytroupe run study.yaml
  tinytroupe run study.yaml --dir runs/2026-03-02-tv-ad-7f3a`,
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
	fl.IntVar(&f.parallel, "parallel", 0, "most calls at once (default: adapts, up to 32)")
	fl.Float64Var(&f.budget, "budget", 0, "most that the run may cost, in `USD`")
	fl.IntVar(&f.maxCalls, "max-calls", 0, "most calls that the run may make")
	fl.IntVar(&f.maxTokens, "max-tokens", 0, "most tokens that the run may use")
	fl.BoolVar(&f.allowPartial, "allow-partial", false, "go on without the turns that fail; exit 3 if any did")
	fl.BoolVar(&f.json, "json", false, "print one JSON document on stdout, and all else on stderr")
	fl.BoolVar(&f.quiet, "quiet", false, "print only how it ended")
	return cmd
}

// limits refuses limits that allow nothing: 0 would read as none.
func limits(given func(flag string) bool, f *runFlags) error {
	for _, l := range []struct {
		flag  string
		value float64
	}{
		{"budget", f.budget}, {"max-calls", float64(f.maxCalls)}, {"max-tokens", float64(f.maxTokens)}, {"parallel", float64(f.parallel)},
	} {
		if given(l.flag) && !(l.value > 0) {
			return fmt.Errorf("--%s %v: expected more than 0; left out, there is no such limit", l.flag, l.value)
		}
	}
	return nil
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
	p      *program
	f      *runFlags
	study  *study.Study
	set    *config.Settings
	choice choice
	caps   caps
	rec    *record.Record
	stack  *stack
	calls  *record.Calls
	log    *logFile
	out    *narrator
	begun  time.Time
	failed int // turns that came to nothing
	warn   []string

	resumed bool
	before  int     // calls of earlier parts of the run
	seconds float64 // that those took
	lost    error   // of keeping failures
}

func (p *program) run(ctx context.Context, file string, f *runFlags) (err error) {
	s := &session{p: p, f: f, begun: time.Now()}
	human := p.stdout
	if f.json {
		human = p.stderr
	}
	s.out = &narrator{w: human, quiet: f.quiet, terminal: p.terminal() && !f.json, width: p.width(), noColor: p.noColor()}
	if err := s.prepare(ctx, file); err != nil {
		if _, ok := errors.AsType[*exitError](err); ok {
			return err
		}
		return usage(err)
	}
	defer func() {
		s.stack.close()
		err = errors.Join(err, s.log.Close(), s.rec.Close())
	}()
	res, runErr := s.play(ctx)
	return s.finish(res, runErr)
}

// prepare reads everything there is to read and makes or opens the record. Nothing
// has been called or spent when it fails.
func (s *session) prepare(ctx context.Context, file string) error {
	vars := map[string]string{}
	for _, kv := range s.f.set {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return fmt.Errorf("--set %s: write it as name=value", kv)
		}
		vars[k] = v
	}
	var err error
	o := &study.LoadOptions{Vars: vars, Env: s.p.env}
	if s.f.seeded {
		o.Seed = &s.f.seed
	}
	if s.study, err = study.Load(file, o); err != nil {
		return err
	}
	if err := s.terminal(); err != nil {
		return err
	}
	if s.set, err = config.Load(configFiles(file), &config.Options{Env: s.p.env}); err != nil {
		return err
	}
	s.warn = append(append([]string(nil), s.study.Warnings...), s.set.Warnings...)
	if s.choice, err = choose(ctx, s.f.model, s.study.Models.Act, s.set, s.p.env); err != nil {
		return err
	}
	s.settleCaps()
	s.log = &logFile{}
	if s.stack, err = connect(ctx, s.choice.name, s.set, s.p.env, newLog(s.p.stderr, s.set, s.log)); err != nil {
		return err
	}
	if err := s.open(); err != nil {
		s.stack.close()
		return err
	}
	if err := s.log.open(s.rec.Path("log.txt")); err != nil {
		s.stack.close()
		return s.refuse("%w", err)
	}
	return nil
}

func (s *session) settleCaps() {
	b := s.study.Budget
	s.caps = caps{b.USD, b.Calls, b.Tokens}
	if s.f.budget > 0 {
		s.caps.usd = s.f.budget
	}
	if s.f.maxCalls > 0 {
		s.caps.calls = s.f.maxCalls
	}
	if s.f.maxTokens > 0 {
		s.caps.tokens = s.f.maxTokens
	}
	if s.caps.usd == 0 && s.choice.paid() {
		s.caps.usd = foundCap
		s.warn = append(s.warn, fmt.Sprintf("%s was found, not named: the run is capped at %s (--budget sets another cap)", s.choice.name, usd(foundCap)))
	}
}

// open makes the record, or opens the one to go on with.
func (s *session) open() error {
	m := &record.Manifest{
		Title: s.study.Title, Slug: record.Slug(s.study.Title), Study: s.study.File, Seed: s.study.Seed,
		Product: version(), Go: runtime.Version(), Rehearsal: s.choice.rehearsal(),
		Models: map[string]string{"act": s.choice.name}, Warnings: s.warn,
	}
	var err error
	if _, e := os.Stat(filepath.Join(s.f.dir, "manifest.json")); s.f.dir != "" && e == nil {
		if s.rec, err = record.Open(s.f.dir, nil); err != nil {
			return err
		}
		if err := s.resume(); err != nil {
			return s.refuse("%w", err)
		}
	} else {
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
		if s.rec, err = record.Create(dir, m, nil); err != nil {
			if errors.Is(err, fs.ErrPermission) {
				err = fmt.Errorf("%w\nName a folder that can be written: --dir DIR", err)
			}
			return err
		}
	}
	if s.calls, err = s.rec.Calls(); err != nil {
		return errors.Join(err, s.rec.Close())
	}
	var spent llm.Spent
	if s.resumed {
		if spent, err = s.spent(); err != nil {
			return errors.Join(err, s.rec.Close())
		}
		s.before = spent.Calls
	}
	s.stack.wrap(s.set, s.caps, s.f.parallel, spent, s.calls)
	for _, in := range s.study.Inputs {
		if err := s.rec.AddInput(in.Path, in.Data); err != nil {
			if errors.Is(err, record.ErrChanged) {
				err = s.changed(fmt.Errorf("%s is not what it was", in.Path))
			}
			return s.refuse("%w", err)
		}
	}
	return s.rec.Update(func(m *record.Manifest) { m.Status, m.Problem = record.Running, "" })
}

func (s *session) refuse(format string, args ...any) error {
	return errors.Join(fmt.Errorf(format, args...), s.rec.Close())
}

// resume checks that the record is of this study, model and seed. It changes nothing.
func (s *session) resume() error {
	s.resumed = true
	old := s.rec.Manifest()
	if old.Totals != nil {
		s.seconds = old.Totals.WallSeconds
	}
	edit, err := s.compared()
	switch {
	case err != nil:
		return err
	case edit.First != nil:
		return s.changed(edit.First)
	case old.Models["act"] != s.choice.name:
		return fmt.Errorf("the record %s was made with %s, and this run would go on with %s (%s): add --model %s, or name another --dir", s.f.dir, old.Models["act"], s.choice.name, s.choice.why, old.Models["act"])
	case old.Seed != s.study.Seed:
		return fmt.Errorf("the record %s was made with seed %d, and this run has seed %d: add --seed %d, or name another --dir", s.f.dir, old.Seed, s.study.Seed, old.Seed)
	}
	return nil
}

// changed says what to do about a record of something else.
func (s *session) changed(err error) error {
	return fmt.Errorf("%w\nThe run in %s was of %s (%s) as it was then, with the --set of then: name another --dir to run this one anew", err, s.f.dir, s.rec.Manifest().Study, line(s.rec.Manifest().Title))
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

// spent is what earlier parts of the run used; calls cut off by a kill count at
// their bound.
func (s *session) spent() (llm.Spent, error) {
	l, err := s.calls.Ledger(prices)
	if err != nil {
		return llm.Spent{}, err
	}
	t := tallyOf(l)
	return llm.Spent{Calls: t.calls, Tokens: t.tokens, USD: l.Total.USD}, nil
}

// play runs the study.
func (s *session) play(ctx context.Context) (*study.Result, error) {
	o := &mind.Options{
		NoHarmfulText: !s.set.HarmfulContentPrevention, NoCopyrightText: !s.set.CopyrightPrevention,
		Images: s.image,
	}
	s.stack.bound(o)
	m, err := mind.New(s.stack.model, o)
	if err != nil {
		return nil, err
	}
	if err := s.rec.Update(func(man *record.Manifest) { man.Prompts = m.Hash() }); err != nil {
		return nil, err
	}
	if err := s.writePeople(); err != nil {
		return nil, err
	}
	s.out.begin(s)
	opts := &study.RunOptions{
		Mind: func(study.Member) tinytroupe.Mind { return m },
		Open: func(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
			j, err := s.rec.Journal(room.Name())
			return j, s.rec.Events(room.Name()), err
		},
		Store: s.rec.PutArtifact, Around: s.around, Proxy: http.ProxyFromEnvironment,
		Rooms: max(study.DefaultRooms, 2*s.f.parallel), Progress: s.out.progress, Observe: s.observe,
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
	return s.study.Run(ctx, opts)
}

// finish writes what a run leaves and says how it ended.
func (s *session) finish(res *study.Result, runErr error) error {
	status, code := record.Done, exitDone
	s.failed = failures(res)
	switch {
	case runErr == nil && s.failed > 0:
		status, code = record.Incomplete, exitIncomplete
	case runErr == nil:
	case errors.Is(runErr, llm.ErrBudget):
		status, code = record.OverBudget, exitBudget
	case errors.Is(runErr, drain.ErrStopped) || errors.Is(runErr, context.Canceled):
		status, code = record.Interrupted, exitInterrupted
	default:
		status, code = record.Failed, exitFailed
	}
	l, err := s.calls.Ledger(prices)
	if err != nil {
		return err
	}
	total := s.totals(l, res)
	err = errors.Join(s.writeTranscripts(res), s.lost)
	if runErr != nil {
		err = errors.Join(err, s.addFailure(runErr))
	}
	err = errors.Join(err, s.rec.Update(func(m *record.Manifest) {
		m.Status, m.Ended, m.Totals = status, time.Now().Round(0), total
		for _, a := range s.stack.adapted() {
			if !slices.Contains(m.Warnings, a) {
				m.Warnings = append(m.Warnings, a)
			}
		}
		if m.Problem = ""; runErr != nil {
			m.Problem = problem(runErr)
		}
	}))
	if err != nil {
		return &exitError{code: exitFailed, err: fmt.Errorf("record %s: %w", s.rec.Dir(), err)}
	}
	sum := &summary{
		Study: s.study.Title, Dir: s.rec.Dir(), Status: string(status), Model: s.choice.name, Rehearsal: s.choice.rehearsal(),
		People: total.People, Rooms: total.Rooms, Steps: total.Steps, Calls: total.Calls, Tokens: total.Tokens,
		Failed: s.failed, Warnings: s.warn, Seconds: time.Since(s.begun).Seconds(),
	}
	sum.bots(l)
	if l.Total.Unpriced == 0 {
		sum.Cost = &l.Total.USD
	}
	if runErr != nil {
		sum.Problem = problem(runErr)
	}
	s.out.end(s, sum, l, runErr)
	if s.f.json {
		if err := sum.write(s.p.stdout); err != nil {
			return err
		}
	}
	if code != exitDone {
		if runErr == nil {
			runErr = fmt.Errorf("%s failed", count(s.failed, "turn"))
		}
		return &exitError{code: code, err: runErr, shown: true}
	}
	return nil
}
