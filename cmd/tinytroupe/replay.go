package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"path"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/study"
)

func (p *program) replayCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "replay [DIR]",
		Short: "Make a run again from its record, without a model, and compare",
		Long: `Replay makes the run in a record again, the newest in runs where none is named: from its
own study, with the replies that it keeps, calling nothing. Every event must be the
one that was recorded. The first that is not, or the first prompt, is shown with its
place: room, step, round, person and field. So it tells whether this version of the
program, or a study that was edited (--study), would have led to the same run.

DIR may be a file that pack made. Exit 1 where anything differs.`,
		Example: `  tinytroupe replay
  tinytroupe replay runs/2026-03-02-tv-ad-7f3a
  tinytroupe replay --study study.yaml`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := newest(args)
			if err != nil {
				return usage(err)
			}
			return p.replay(cmd.Context(), dir, file)
		},
	}
	cmd.Flags().StringVar(&file, "study", "", "replay another `FILE` than the study of then")
	return cmd
}

func (p *program) replay(ctx context.Context, dir, file string) (err error) {
	begun := time.Now()
	rec, err := view(dir)
	if err != nil {
		return usage(err)
	}
	defer func() { err = p.closed(err, rec.Close()) }()
	m := rec.Manifest()
	s, err := p.replayed(rec, &m, file)
	if err != nil {
		return usage(err)
	}
	again, err := rec.Replay()
	if err != nil {
		return usage(err)
	}
	set, err := config.Load(nil, &config.Options{Env: p.env, Answers: m.Settings})
	if err != nil {
		return usage(err)
	}
	st := &stack{model: again.Model(m.Models[roleAct], m.Identified(roleAct)...), small: m.Small}
	mnd, err := newMind(st, set, m.Seed, s.Image)
	if err != nil {
		return err
	}
	events := 0
	opts := &study.RunOptions{
		Mind:  func(of study.Member) tinytroupe.Mind { return again.Mind(of.Room.Name(), mnd) },
		Human: func(of study.Member) tinytroupe.Mind { return again.Mind(of.Room.Name(), nil) },
		Open: func(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
			return again.Journal(room.Name()), nil, nil
		},
		Store:   func(string, []byte) error { return nil },
		Around:  func(m llm.Model, _ int) llm.Model { return again.Model(m.Name(), llm.Identity(m)) },
		Observe: func(_ study.Room, evs []tinytroupe.Event) { events += len(evs) },
		Tolerate: func(err error) bool {
			if e, ok := errors.AsType[*study.AskError](err); ok {
				if e.Look { // no journal has it: the record goes on where it was let be, or ends
					return true
				}
				return again.Missed(e.Person, e.Question, string(e.Outcome), e.Reason)
			}
			return again.Tolerate(err)
		},
		Rooms:     1, // so that of several differences the same is always the first
		Extract:   again.Model(cmp.Or(m.Models[roleExtract], m.Models[roleAct]), m.Identified(roleExtract)...),
		Judge:     again.Model(cmp.Or(m.Models[roleJudge], m.Models[roleAct]), m.Identified(roleJudge)...),
		Rehearsal: m.Rehearsal, Tokens: m.Excerpt,
		Enough:  func(err error) bool { return errors.Is(err, record.ErrEnd) },
		Episode: st.episode(set),
	}
	if _, err = s.Run(ctx, opts); opts.Enough(err) {
		err = nil
	}
	d, differs := errors.AsType[*record.DivergenceError](err)
	switch {
	case differs:
		err = d
	case err == nil:
		err = again.Finish()
	}
	if err != nil {
		return &exitError{code: exitFailed, err: fmt.Errorf("replay of %s, after %s: %w", dir, count(events, "event"), err)}
	}
	rooms, err := rec.Rooms()
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "the same  %s in %s, no call made, %.1f s\n", count(events, "event"), count(len(rooms), "room"), time.Since(begun).Seconds())
	if same, err := samePrompts(m.Prompts, mnd); err == nil && !same {
		fmt.Fprintf(p.stdout, "note    the templates of prompts have changed since, and none that the run used\n")
	}
	return nil
}

// replayed loads the study of a record, or another in its place.
func (p *program) replayed(rec *record.Record, m *record.Manifest, file string) (*study.Study, error) {
	o := &study.LoadOptions{Vars: m.Set, Env: p.env, Seed: &m.Seed, Name: m.Title}
	if file != "" {
		return study.Load(file, o)
	}
	if m.Study == "" {
		return nil, fmt.Errorf("%s is of a chat, which has no study to be made again", rec.Dir())
	}
	i := slices.IndexFunc(m.Inputs, func(in record.Input) bool { return in.Name == m.Main })
	if i < 0 {
		return nil, fmt.Errorf("%s holds no copy of its study", rec.Dir())
	}
	return study.Load(rec.Path(path.Join("inputs", m.Inputs[i].Path)), o)
}
