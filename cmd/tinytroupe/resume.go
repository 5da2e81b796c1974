package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/study"
)

func (p *program) resumeCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "resume [DIR]",
		Short: "Go on with a run that was stopped",
		Long: `Resume goes on with the run in a record, the newest in runs where none is named, after
an interrupt, a kill, a crash, a full disk, an empty account or a budget that was
reached. The record carries all that the run needs: the study and its files as they
were, variables, seed, model, settings. No finished call is made again; those that
were cut off are, and their number is printed. Replies that were of no use, and what
failed, are asked for again.

A request to a chatbot that was cut off may have reached it: it is named, and sent
again only if you say so, or with --yes. So is a model that is at another address than
it was.

--dry-run says what the rest would cost, and calls and changes nothing.

To change a study and go on with its record, use run STUDY --dir DIR.`,
		Example: `  tinytroupe resume
  tinytroupe resume runs/2026-03-02-tv-ad-7f3a
  tinytroupe resume --dry-run
  tinytroupe resume --budget 5`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := limits(cmd.Flags().Changed, &f); err != nil {
				return usage(err)
			}
			dir, err := newest(args)
			if err != nil {
				return usage(err)
			}
			f.dir, f.resume = dir, true
			ctx, stop := p.interruptible(cmd.Context())
			defer stop()
			return p.run(ctx, "", &f)
		},
	}
	f.usual(cmd)
	cmd.Flags().BoolVar(&f.dry, "dry-run", false, "say what it would cost, and call nothing")
	return cmd
}

// recorded takes from the record what a run to be resumed was given.
func (s *session) recorded() (file string, err error) {
	if s.rec, err = s.attach(); err != nil {
		return "", missing(err, s.f.dir)
	}
	m := s.rec.Manifest()
	i := slices.IndexFunc(m.Inputs, func(in record.Input) bool { return in.Name == m.Main })
	switch {
	case m.Study == "":
		return "", ofChat(s.f.dir)
	case i < 0:
		return "", fmt.Errorf("%s holds no copy of its study: tinytroupe run %s --dir %s goes on with it", s.f.dir, quote(m.Study), quote(s.f.dir))
	}
	for _, in := range m.Inputs {
		if _, err := s.rec.Input(in.Name); err != nil {
			return "", fmt.Errorf("%w\nThe record has lost what its study read: tinytroupe run %s --dir %s goes on with the files themselves", err, quote(m.Study), quote(s.f.dir))
		}
	}
	if now, err := os.ReadFile(m.Study); err == nil && record.Hash(now) != m.Inputs[i].Hash {
		s.warn = append(s.warn, fmt.Sprintf("%s has changed since, and this goes on as it was: tinytroupe run %s --dir %s takes the change", m.Study, quote(m.Study), quote(s.f.dir)))
	}
	for k, v := range m.Set {
		s.f.set = append(s.f.set, k+"="+v)
	}
	s.f.seed, s.f.seeded = m.Seed, true
	s.f.model = m.Models["act"]
	s.f.allowPartial = s.f.allowPartial || m.Partial
	return s.rec.Path(path.Join("inputs", m.Inputs[i].Path)), nil
}

// ofChat refuses a chat's record, which no study goes on with.
func ofChat(dir string) error {
	return fmt.Errorf("%s is of a chat: tinytroupe chat --dir %s goes on with it", dir, quote(dir))
}

// attach opens the record, to read only where nothing is to be run.
func (s *session) attach() (*record.Record, error) {
	if s.f.dry {
		return record.View(s.f.dir)
	}
	return record.Open(s.f.dir, nil)
}

// existing opens the record to go on with, if there is one.
func (s *session) existing() error {
	if s.rec == nil {
		if _, err := os.Stat(filepath.Join(s.f.dir, "manifest.json")); s.f.dir == "" || err != nil {
			return nil
		}
		var err error
		if s.rec, err = s.attach(); err != nil {
			return err
		}
	}
	s.resumed = true
	old := s.rec.Manifest()
	if old.Study == "" {
		return ofChat(s.f.dir)
	}
	if old.Totals != nil {
		s.seconds = old.Totals.WallSeconds
	}
	if old.Limits != nil {
		s.before.limits = caps{old.Limits.USD, old.Limits.Calls, old.Limits.Tokens}
	}
	return nil
}

// reconcile settles what of the record stands under the study, model, seed and settings
// of this run, asks where work or money would be lost, and cuts off what does not stand.
func (s *session) reconcile(ctx context.Context) error {
	old := s.rec.Manifest()
	edit, err := s.compared()
	if err != nil {
		return err
	}
	var doubts []string
	anew := false
	doubt := func(again bool, format string, args ...any) {
		doubts = append(doubts, fmt.Sprintf(format, args...))
		anew = anew || again
	}
	begun := slices.ContainsFunc(slices.Collect(maps.Values(edit.Keep)), func(n int) bool { return n > 0 }) || edit.First != nil
	if begun {
		if was := old.Models["act"]; was != s.choice.name {
			doubt(true, "the model was %s, and is %s (%s)", was, s.choice.name, s.choice.why)
		}
		if old.Seed != s.study.Seed {
			doubt(true, "the seed was %d, and is %d", old.Seed, s.study.Seed)
		}
		if edit.First != nil && edit.First.Line == 0 {
			doubt(true, "%v", edit.First)
		}
		if same, err := samePrompts(old.Prompts, s.mind); err != nil {
			return err
		} else if !same {
			doubt(false, "the prompts are not those of %s, which made what is there", old.Product)
		}
		differ := differing(old.Settings, s.set.Answers)
		for _, d := range append(differ, s.reached(&old, len(differ) > 0)...) {
			doubt(false, "%s", d)
		}
	}
	if anew {
		for room := range edit.Keep {
			edit.Keep[room] = 0
		}
	}
	if err := s.interruptedCalls(doubt); err != nil {
		return err
	}
	if err := s.consent(ctx, doubts, anew); err != nil {
		return err
	}
	return s.revise(&old, edit, anew)
}

// differing says which settings are not what they were.
func differing(was, is map[string]string) []string {
	var list []string
	keys := slices.Sorted(maps.Keys(was))
	for _, k := range slices.Sorted(maps.Keys(is)) {
		if _, ok := was[k]; !ok {
			keys = append(keys, k)
		}
	}
	said := func(m map[string]string, k string) string {
		if v, ok := m[k]; ok {
			return v
		}
		return "not said"
	}
	for _, k := range keys {
		if a, b := said(was, k), said(is, k); a != b {
			list = append(list, fmt.Sprintf("%s was %s, and is %s", k, a, b))
		}
	}
	return list
}

// interruptedCalls looks at the calls that were cut off: those of models are made again, those of
// chatbots only if somebody says so.
func (s *session) interruptedCalls(doubt func(anew bool, format string, args ...any)) error {
	open, err := s.calls.CutOff()
	if err != nil {
		return err
	}
	for _, e := range open {
		if !strings.HasPrefix(e.Model, botPrefix) {
			s.cut++
			continue
		}
		doubt(false, "a request to %s was cut off, and may have reached it: step %d, to %s", e.Model, e.Label.Step, line(e.Label.Person))
	}
	return nil
}

// consent asks whether to go on in spite of doubts.
func (s *session) consent(ctx context.Context, doubts []string, anew bool) error {
	if len(doubts) == 0 || s.f.yes {
		return nil
	}
	const most = 10
	text := "the run in " + s.rec.Dir() + " cannot simply go on:\n"
	for i, d := range doubts {
		if i == most {
			text += fmt.Sprintf("  and %d more\n", len(doubts)-most)
			break
		}
		text += "  " + d + "\n"
	}
	what := "Going on keeps what is there, made as it was, and makes the rest as it is now."
	if anew {
		what = "Going on makes it anew: only calls whose prompts stay the same cost nothing."
	}
	if s.p.typed == nil || !s.p.typed() {
		return fmt.Errorf("%s%s Add --yes to go on, or name another --dir; nothing was called or spent", text, what)
	}
	fmt.Fprintf(s.p.stderr, "%s%s\nGo on? [y/N] ", text, what)
	answer := make(chan string, 1)
	go func() { // ends with an answer, the input, or the program
		text, err := bufio.NewReader(s.p.stdin).ReadString('\n')
		if err != nil {
			text = ""
		}
		answer <- strings.ToLower(strings.TrimSpace(text))
	}()
	const asWas = "nothing was called or spent, and the record is as it was"
	select {
	case <-ctx.Done():
		return &exitError{code: exitInterrupted, err: errors.New(asWas)}
	case a := <-answer:
		if a != "y" && a != "yes" {
			return errors.New(asWas)
		}
	}
	return nil
}

// revise cuts off what does not stand, and takes the inputs as they are now.
func (s *session) revise(old *record.Manifest, edit *study.Edit, anew bool) error {
	cut := anew || edit.First != nil
	same := len(old.Inputs) == len(s.study.Inputs)
	var inputs []record.NamedData
	for _, in := range s.study.Inputs {
		inputs = append(inputs, record.NamedData{Name: in.Path, Data: in.Data})
		same = same && slices.ContainsFunc(old.Inputs, func(o record.Input) bool { return o.Name == in.Path && o.Hash == record.Hash(in.Data) })
	}
	if same && !cut {
		return nil
	}
	var stay []string
	if !cut { // what people said after the run still is what they said
		stay = []string{askedFile + ".jsonl", askedFile + ".csv"}
	}
	kept, err := s.rec.Revise(edit.Keep, inputs, stay...)
	switch {
	case err != nil:
		return err
	case anew:
		s.edited = fmt.Sprintf("made anew; %s keeps what was there", s.rec.Path(kept))
	case cut:
		s.edited = fmt.Sprintf("%v; from there it is made anew, and %s keeps what was there", edit.First, s.rec.Path(kept))
	}
	return nil
}
