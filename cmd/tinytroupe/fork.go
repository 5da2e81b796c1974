package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/study"
)

func (p *program) forkCommand() *cobra.Command {
	var f runFlags
	var at, file string
	cmd := &cobra.Command{
		Use:   "fork [DIR]",
		Short: "Go on from a step of a run in another way",
		Long: `Fork makes a new record that shares the first steps of another, the newest in runs where
none is named, and goes on from there with other variables (--set), an edited study
(--study) or another model. The first record stays as it is. What it paid for is free
in the fork: also later calls whose prompts are still the same. A rehearsal goes on as
one: what the stand-in invented is no beginning for a model.

--at says up to which step of the script the two are one, as the run numbers them:
[2/5] is --at 2. Within a run step, --at 2.3 is after three of its steps of simulated
time. Without --at it is everything before the first step that the change concerns.`,
		Example: `  tinytroupe fork --at 2 --set price=9
  tinytroupe fork runs/2026-03-02-tv-ad-7f3a --study edited.yaml
  tinytroupe fork --at 3.1 --model openai/gpt-5
  tinytroupe diff`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := limits(cmd.Flags().Changed, &f); err != nil {
				return usage(err)
			}
			from, err := newest(args)
			if err != nil {
				return usage(err)
			}
			if err := p.fork(cmd.Context(), from, at, file, &f); err != nil {
				return usage(err)
			}
			ctx, stop := p.interruptible(cmd.Context())
			defer stop()
			return p.run(ctx, "", &f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&at, "at", "", "the last `STEP` of the script that both share, or STEP.N within a run")
	fl.StringVar(&file, "study", "", "go on with another `FILE` than the study of then")
	fl.StringVar(&f.model, "model", "", "the model, as `PROVIDER/NAME` (default: as before)")
	fl.StringVar(&f.dir, "dir", "", "the `folder` of the new record (default: the old one's name with -fork)")
	fl.StringArrayVar(&f.set, "set", nil, "set a variable of the study, as `x=v`; may be repeated")
	f.usual(cmd)
	return cmd
}

// fork makes the record that f then names, to be resumed.
func (p *program) fork(ctx context.Context, from, at, file string, f *runFlags) (err error) {
	if from, err = named(from); err != nil { // the fork names it, wherever it is looked at
		return err
	}
	rec, err := view(from)
	if err != nil {
		return err
	}
	defer func() { err = p.closed(err, rec.Close()) }()
	m := rec.Manifest()
	changes, err := f.variables()
	if err != nil {
		return err
	}
	if m.Set == nil {
		m.Set = map[string]string{}
	}
	maps.Copy(m.Set, changes)
	s, err := p.replayed(rec, &m, file)
	if err != nil {
		return err
	}
	keep, step, err := shared(rec, s, at)
	if err != nil {
		return err
	}
	if err := vacant(f.dir); err != nil {
		return err
	}
	if inside, err := within(f.dir, from); f.dir != "" && (err != nil || inside) {
		return cmp.Or(err, fmt.Errorf("--dir %s is in the record itself: name a place outside", f.dir))
	}
	if f.model != "" && f.model != rehearsalName && m.Rehearsal {
		if err := unmixed(rec, keep, f.model); err != nil {
			return err
		}
	}
	set, err := config.Load(configFiles(m.Study), &config.Options{Env: p.env, Answers: answersOf(&m)})
	if err != nil {
		return err
	}
	if f.model == "" && !f.yes {
		if err := p.moved(&m, set); err != nil {
			return err
		}
	}
	if f.model != "" {
		// A model that cannot be used is told of before there is a record.
		st, err := connect(ctx, f.model, set, p.env, slog.New(slog.DiscardHandler))
		if err != nil {
			return err
		}
		st.close()
	}
	if f.dir == "" {
		f.dir = strings.TrimSuffix(from, ".zip") + "-fork"
	}
	if file != "" {
		m.Study = file
	}
	fork := &record.Manifest{
		Title: s.Title, Slug: record.Slug(s.Title), Study: m.Study, Main: s.Inputs[0].Path, Seed: m.Seed, Set: m.Set,
		Models: m.Models, Used: map[string][]string{}, Settings: m.Settings, Partial: m.Partial, Limits: m.Limits, Rehearsal: m.Rehearsal,
		Parent: rec.Dir(), ParentStep: step,
	}
	for role := range m.Models {
		// What is taken over was said by whoever had the role then.
		fork.Used[role] = m.Identified(role)
	}
	if f.model != "" {
		fork.Models = map[string]string{"act": f.model}
	}
	var inputs []record.NamedData
	for _, in := range s.Inputs {
		inputs = append(inputs, record.NamedData{Name: in.Path, Data: in.Data})
	}
	n, err := rec.Branch(f.dir, keep, inputs, fork, nil)
	if err != nil {
		return err
	}
	f.dir, f.resume, f.set = n.Dir(), true, nil
	return n.Close()
}

// moved refuses to go on with models at another address than they were, or asked in
// another way: a fork that was not told to change them is not to do so unasked.
func (p *program) moved(m *record.Manifest, set *config.Settings) error {
	s := &session{roles: m.Models, identities: map[string]string{}}
	for role, name := range m.Models {
		id, err := identityOf(name, set, p.env)
		if err != nil {
			return err
		}
		s.identities[role] = id
	}
	list := s.reached(m, false)
	if len(list) == 0 {
		return nil
	}
	return fmt.Errorf("%s\nAdd --yes to go on so; nothing was called or spent", strings.Join(list, "\n"))
}

// shared returns how much of each room's journal a fork takes over, and up to which
// step of the script.
func shared(rec *record.Record, s *study.Study, at string) (keep map[string]int, step int, err error) {
	rooms, err := rec.Rooms()
	if err != nil {
		return nil, 0, err
	}
	events := map[string]iter.Seq2[tinytroupe.Event, error]{}
	for _, room := range rooms {
		events[room] = rec.Events(room)
	}
	edit, err := s.Compare(events)
	if err != nil {
		return nil, 0, err
	}
	if at == "" {
		if edit.First == nil {
			return nil, 0, errors.New("nothing that the run did differs: say where to fork, such as --at 2, or what is to be different with --set or --study")
		}
		return edit.Keep, before(s, edit.First), nil
	}
	whole, part, cut := strings.Cut(at, ".")
	step, err = strconv.Atoi(whole)
	within := 0
	if err == nil && cut {
		if within, err = strconv.Atoi(part); within < 1 {
			err = strconv.ErrRange
		}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("--at %s: expected the number of a step, as in [2/5], or of one within a run, as 2.3", at)
	}
	if keep, err = s.Upto(step, within, events); err != nil {
		return nil, 0, fmt.Errorf("--at %s: %w", at, err)
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(keep)), func(room string) bool { return keep[room] > edit.Keep[room] }) {
		return keep, step, nil
	}
	return nil, 0, fmt.Errorf("--at %s: what is different concerns an earlier step: %w\nLeave --at out to fork before it", at, edit.First)
}

// before is how many steps of the script stand before what differs.
func before(s *study.Study, e *study.ChangedError) int {
	switch steps := s.Steps(); {
	case e.Gone:
		return len(steps)
	case e.Verb > 0:
		return e.Verb - 1
	default: // a scene, or all
		return len(slices.DeleteFunc(steps, func(st study.Step) bool { return st.Line >= e.Line }))
	}
}

// unmixed refuses to let a model go on from what a stand-in invented: nothing would tell
// the two apart afterwards.
func unmixed(rec *record.Record, keep map[string]int, model string) error {
	for _, room := range slices.Sorted(maps.Keys(keep)) {
		for ev, err := range first(rec.Events(room), keep[room]) {
			if err != nil {
				return err
			}
			switch answers := ev.Kind == tinytroupe.EventMarked && bytes.Contains(ev.Mark, []byte(`"answers":[`)); {
			case answers, ev.Kind == tinytroupe.EventActed, ev.Kind == tinytroupe.EventState, ev.Kind == tinytroupe.EventFolded:
				return fmt.Errorf("%s is a rehearsal: what a stand-in invented in %s, step %d, would stand there among what %s says\n"+
					"Fork before anybody acted, such as --at 1, or run the study anew with --model %s", rec.Dir(), line(room), ev.Step, model, model)
			}
		}
	}
	return nil
}
