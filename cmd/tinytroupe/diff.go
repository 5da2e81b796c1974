package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

func (p *program) diffCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "diff [DIR] [DIR]",
		Short: "Show where two runs part",
		Long: `Diff compares two records and shows what differs in how they were run, the first event
in which they part, and the two transcripts from there. With one record it is compared
with the one that it was forked from, with none the newest is.`,
		Example: `  tinytroupe diff
  tinytroupe diff runs/2026-03-02-tv-ad-7f3a runs/2026-03-02-tv-ad-7f3a-fork`,
		Args: cobra.MaximumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 2 {
				return p.diff(args[0], args[1])
			}
			dir, err := newest(args)
			if err != nil {
				return usage(err)
			}
			rec, err := view(dir)
			if err != nil {
				return usage(err)
			}
			parent := rec.Manifest().Parent
			if err := rec.Close(); err != nil {
				return err
			}
			if parent == "" {
				return usage(fmt.Errorf("%s is no fork: name the record to compare it with", dir))
			}
			return p.diff(parent, dir)
		},
	}
	return cmd
}

func (p *program) diff(one, two string) (err error) {
	a, err := view(one)
	if err != nil {
		return usage(err)
	}
	defer func() { err = p.closed(err, a.Close()) }()
	b, err := view(two)
	if err != nil {
		return usage(err)
	}
	defer func() { err = p.closed(err, b.Close()) }()
	d, err := record.Diff(a, b)
	if err != nil {
		return &exitError{code: exitFailed, err: err}
	}
	w := p.stdout
	fmt.Fprintf(w, "a       %s\nb       %s\n", a.Dir(), b.Dir())
	ma, mb := a.Manifest(), b.Manifest()
	for _, l := range madeOtherwise(&ma, &mb) {
		fmt.Fprintf(w, "differ  %s\n", l)
	}
	if d == nil {
		fmt.Fprintln(w, "same    every event of every room")
		return nil
	}
	fmt.Fprintf(w, "part    %s\n", parting(d))
	fmt.Fprintf(w, "        %s\n        a  %s\n        b  %s\n", d.Field, excerpt(d.Was), excerpt(d.Is))
	for _, side := range []struct {
		name string
		rec  *record.Record
	}{{"a", a}, {"b", b}} {
		fmt.Fprintf(w, "\n%s from there\n", side.name)
		if err := p.from(side.rec, d.Room, d.Seq); err != nil {
			return err
		}
	}
	return nil
}

// parting says where two runs part.
func parting(d *record.DivergenceError) string {
	at := line(d.Room)
	if d.Step > 0 {
		at += fmt.Sprintf(", step %d", d.Step)
	}
	if d.Round > 0 {
		at += fmt.Sprintf(", round %d", d.Round)
	}
	if d.Person != "" {
		at += ": " + line(d.Person)
	}
	return at
}

func excerpt(s string) string {
	if s == "" {
		return "(nothing)"
	}
	return line(s)
}

// madeOtherwise says how two runs were made, where that differs.
func madeOtherwise(a, b *record.Manifest) []string {
	var list []string
	add := func(what, x, y string) {
		if x != y {
			list = append(list, fmt.Sprintf("%-8s %s  |  %s", what, excerpt(x), excerpt(y)))
		}
	}
	add("model", a.Models["act"], b.Models["act"])
	add("seed", fmt.Sprint(a.Seed), fmt.Sprint(b.Seed))
	add("prompts", a.Prompts, b.Prompts)
	both := maps.Clone(a.Set)
	if both == nil {
		both = map[string]string{}
	}
	maps.Copy(both, b.Set)
	for _, k := range slices.Sorted(maps.Keys(both)) {
		add("--set "+k, a.Set[k], b.Set[k])
	}
	for _, d := range differing(a.Settings, b.Settings) {
		list = append(list, "setting  "+d)
	}
	hash := func(m *record.Manifest, name string) string {
		for _, in := range m.Inputs {
			if in.Name == name {
				return in.Hash[:min(12, len(in.Hash))] // a manifest can have been changed by hand
			}
		}
		return ""
	}
	var names []string
	for _, in := range append(slices.Clone(a.Inputs), b.Inputs...) {
		if !slices.Contains(names, in.Name) {
			names = append(names, in.Name)
		}
	}
	for _, name := range names {
		add("file "+name, hash(a, name), hash(b, name))
	}
	return list
}

// from prints the transcript of a room from an event on.
func (p *program) from(rec *record.Record, room string, seq int) error {
	rooms, err := rec.Rooms()
	if err != nil {
		return err
	}
	if !slices.Contains(rooms, room) {
		fmt.Fprintln(p.stdout, "(there is no such room)")
		return nil
	}
	o := &transcript.Options{Rehearsal: rec.Manifest().Rehearsal, Width: p.width()}
	if p.terminal() && !p.noColor() {
		o.Form = transcript.Coloured
	}
	gate := &gate{}
	t := transcript.NewPrinter(gate, o)
	for ev, err := range rec.Events(room) {
		if err != nil {
			return &exitError{code: exitFailed, err: err}
		}
		if ev.Seq >= seq && gate.w == nil {
			t.Flush()
			gate.w = p.stdout
		}
		t.Events(ev)
	}
	return t.Close()
}

// gate lets through what is written once it is open.
type gate struct{ w io.Writer }

func (g *gate) Write(b []byte) (int, error) {
	if g.w == nil {
		return len(b), nil
	}
	return g.w.Write(b)
}
