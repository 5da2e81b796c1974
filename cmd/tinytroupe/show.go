package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/internal/nearest"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/study"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

func (p *program) showCommand() *cobra.Command {
	var costs, only, asJSON bool
	var room string
	cmd := &cobra.Command{
		Use:   "show [DIR]",
		Short: "Show what a run left: how it ended, what was said, what it cost",
		Long: `Show reads a record, the newest in runs where none is named, and prints how the run
ended and what was said. A record may be shown while its run goes on.

--costs shows what was paid for instead, by model, purpose, person and step: calls,
retries among them, tokens, how many of those the provider had cached, and money.`,
		Example: `  tinytroupe show
  tinytroupe show --transcript
  tinytroupe show --transcript --room "support/Lisa Carter"
  tinytroupe show runs/2026-03-02-tv-ad-7f3a --costs
  tinytroupe show --json | jq -r .content`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := newest(args)
			if err != nil {
				return usage(err)
			}
			rec, err := view(dir)
			if err != nil {
				return usage(err)
			}
			if costs {
				err = p.showCosts(rec, asJSON)
			} else {
				err = p.show(rec, room, only, asJSON)
			}
			return p.closed(err, rec.Close())
		},
	}
	cmd.Flags().BoolVar(&costs, "costs", false, "show the ledger instead of the transcript")
	cmd.Flags().BoolVar(&only, "transcript", false, "show the transcript alone, that of every room")
	cmd.Flags().StringVar(&room, "room", "", "show the transcript of one `room`, such as all, or interview/Ann")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the transcript as JSON lines, or with --costs the ledger as JSON")
	return cmd
}

// view opens a record, or a packed one, for reading.
func view(dir string) (*record.Record, error) {
	rec, err := record.View(dir)
	return rec, missing(err, dir)
}

// missing says that there is no record, where that is why it was not opened.
func missing(err error, dir string) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, record.ErrNoRecord) {
		return fmt.Errorf("there is no record %s; tinytroupe ls lists those in %s", dir, recordsDir)
	}
	return err
}

// newest returns the record that is named, or else the newest in runs.
func newest(args []string) (string, error) {
	if len(args) == 1 {
		return args[0], nil
	}
	list, err := record.List(recordsDir)
	if err != nil {
		return "", err
	}
	for _, s := range list {
		if s.Err == nil {
			return s.Dir, nil
		}
	}
	return "", fmt.Errorf("no record in %s: run a study first, or name a folder", recordsDir)
}

func (p *program) show(rec *record.Record, room string, only, asJSON bool) error {
	m := rec.Manifest()
	rooms, err := roomsOf(rec)
	if err != nil {
		return err
	}
	all := len(rooms)
	switch {
	case room != "" && !slices.Contains(rooms, room):
		hint := ""
		if near := nearest.Word(room, rooms); near != "" {
			hint = ". Did you mean " + near + "?"
		}
		return usage(fmt.Errorf("%s has no room %q: it has %s%s", rec.Dir(), room, few(rooms), hint))
	case room != "":
		rooms = []string{room}
	case !only && !asJSON && all > 1:
		rooms = rooms[:1]
	}
	if !only && !asJSON {
		p.showHead(rec, &m, rooms)
		if err := p.showResults(rec); err != nil {
			return &exitError{code: exitFailed, err: err}
		}
	}
	o := &transcript.Options{Rehearsal: m.Rehearsal, Width: p.width()}
	switch {
	case asJSON:
		o.Form = transcript.JSONLines
	case p.terminal() && !p.noColor():
		o.Form = transcript.Coloured
	}
	for i, room := range rooms {
		w := p.stdout
		switch {
		case all < 2:
		case asJSON:
			w = &roomLines{w: w, room: room}
		default:
			if i > 0 {
				fmt.Fprintln(w)
			}
			fmt.Fprintf(w, "room    %s\n", line(room))
		}
		var problem error
		if err := transcript.Write(w, good(rec.Events(room), &problem), o); err != nil {
			return err
		}
		if problem != nil {
			return &exitError{code: exitFailed, err: problem}
		}
	}
	if len(rooms) < all && room == "" {
		fmt.Fprintf(p.stdout, "(%d more: tinytroupe show --transcript)\n", all-len(rooms))
	}
	return nil
}

// roomsOf returns the rooms of a record: those that began first come first.
func roomsOf(rec *record.Record) ([]string, error) {
	rooms, err := rec.Rooms()
	if err != nil {
		return nil, err
	}
	began := make(map[string]time.Time, len(rooms))
	for _, room := range rooms {
		for ev, err := range rec.Events(room) {
			if err == nil {
				began[room] = ev.Time
			}
			break
		}
	}
	slices.SortStableFunc(rooms, func(a, b string) int { return began[a].Compare(began[b]) })
	return rooms, nil
}

func few(names []string) string {
	if len(names) > 10 {
		return strings.Join(names[:10], ", ") + fmt.Sprintf(" and %d more", len(names)-10)
	}
	return strings.Join(names, ", ")
}

// roomLines adds the room to JSON lines.
type roomLines struct {
	w    io.Writer
	room string
	part []byte // of a line
}

func (r *roomLines) Write(b []byte) (int, error) {
	name, err := json.Marshal(r.room)
	if err != nil {
		return 0, err
	}
	r.part = append(r.part, b...)
	for {
		i := bytes.IndexByte(r.part, '\n')
		if i < 0 {
			return len(b), nil
		}
		if l := r.part[:i+1]; l[0] == '{' {
			if _, err := fmt.Fprintf(r.w, `{"room":%s,%s`, name, l[1:]); err != nil {
				return 0, err
			}
		} else if _, err := r.w.Write(l); err != nil {
			return 0, err
		}
		r.part = r.part[i+1:]
	}
}

// good yields the events up to the first error, which it stores.
func good(events iter.Seq2[tinytroupe.Event, error], problem *error) iter.Seq[tinytroupe.Event] {
	return func(yield func(tinytroupe.Event) bool) {
		for ev, err := range events {
			if err != nil {
				*problem = err
				return
			}
			if !yield(ev) {
				return
			}
		}
	}
}

func (p *program) showHead(rec *record.Record, m *record.Manifest, rooms []string) {
	w := p.stdout
	if m.Title != "" {
		fmt.Fprintln(w, line(m.Title))
	}
	status := rec.Status()
	fmt.Fprintf(w, "record  %s\nstatus  %s, %s\n", rec.Dir(), status, ago(time.Since(m.Started)))
	if m.Problem != "" {
		fmt.Fprintf(w, "problem %s\n", line(m.Problem))
	}
	fmt.Fprintf(w, "model   %s\n", modelsOf(m))
	if t := m.Totals; t != nil {
		fmt.Fprintf(w, "people  %d\n", t.People)
		if t.Rooms > 1 {
			fmt.Fprintf(w, "rooms   %d\n", t.Rooms)
		}
		fmt.Fprintf(w, "steps   %d\nused    %s, %d tokens\n", t.Steps, count(t.Calls, "call"), t.Tokens)
	}
	switch status {
	case record.Failed, record.OverBudget, record.Interrupted:
		next := "resume " + quote(rec.Dir())
		if m.Study == "" {
			next = "chat --dir " + quote(rec.Dir())
		}
		fmt.Fprintf(w, "next    tinytroupe %s\n", next)
	case record.Done, record.Incomplete:
		for _, room := range rooms {
			if _, err := rec.ReadFile(transcriptFile(room)); err == nil {
				fmt.Fprintf(w, "files   %s\n", rec.Path(transcriptFile(room)))
			}
		}
	}
	fmt.Fprintln(w)
}

// showResults prints the tables of a record.
func (p *program) showResults(rec *record.Record) error {
	names, err := fs.Glob(rec.FS(), "results/*.json")
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := rec.ReadFile(name)
		if err != nil {
			return err
		}
		var t extract.Table
		if strings.HasSuffix(name, ".codes.json") {
			continue
		}
		if err := json.Unmarshal(data, &t); err != nil {
			return fmt.Errorf("%s: %w", rec.Path(name), err)
		}
		if err := t.WriteText(p.stdout, nil); err != nil {
			return err
		}
	}
	files, err := fs.Glob(rec.FS(), "results/*.csv")
	if err != nil {
		return err
	}
	for i, name := range files {
		files[i] = path.Base(name)
	}
	if len(names)+len(files) > 0 {
		fmt.Fprintf(p.stdout, "results %s in %s\n\n", few(files), rec.Path("results"))
	}
	return nil
}

func (p *program) showCosts(rec *record.Record, asJSON bool) error {
	calls, err := rec.Calls()
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return usage(fmt.Errorf("%s keeps no calls", rec.Dir()))
		}
		return err
	}
	if err := p.readPrices(configFiles(rec.Manifest().Study)); err != nil {
		return usage(err)
	}
	l, err := calls.Ledger(p.prices)
	if err != nil {
		return err
	}
	if asJSON {
		return encodeJSON(p.stdout, l)
	}
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(name string, s record.Sum) {
		money := usd(s.USD)
		if s.Unpriced > 0 {
			money = "unknown"
		}
		fmt.Fprintf(tw, "%d\t%d\t%d\t%d\t%d\t%d\t%s\t  %s\n", s.Attempts, s.Retries(), s.Usage.Input, s.Usage.CachedInput, s.Usage.Output, s.Usage.Reasoning, money, line(name))
	}
	section := func(title string, lines []record.Line) {
		if len(lines) == 0 {
			return
		}
		fmt.Fprintf(tw, "calls\tretries\tinput\tof it cached\toutput\tof it reasoning\tcost\t  by %s\n", title)
		for _, x := range lines {
			name := x.Name
			if name == "" {
				name = "(nobody)"
			}
			row(name, x.Sum)
		}
		fmt.Fprintln(tw, strings.Repeat("\t", 7))
	}
	section("model", l.ByModel)
	section("purpose", l.ByPurpose)
	section("person", l.ByPerson)
	section("step", l.ByStep)
	fmt.Fprintln(tw, "calls\tretries\tinput\tof it cached\toutput\tof it reasoning\tcost\t")
	row("total", l.Total)
	if err := tw.Flush(); err != nil {
		return err
	}
	for l := range strings.Lines(b.String()) {
		if _, err := fmt.Fprintln(p.stdout, strings.TrimRight(l, " \n")); err != nil {
			return err
		}
	}
	if n := l.Total.Usage.CacheWrite; n > 0 {
		fmt.Fprintf(p.stdout, "\n%d tokens of the input were written to the provider's cache, which has a price of its own.\n", n)
	}
	if n := l.Total.Borrowed; n > 0 {
		fmt.Fprintf(p.stdout, "\n%s of other runs, or of the record that this one was forked from, cost nothing here.\n", count(n, "call"))
	}
	if n := l.Total.Open + l.Total.Unreported; n > 0 {
		_, err = fmt.Fprintf(p.stdout, "\n%d of the calls counted at the most they could have used: they were cut off, or the server did not say.\n", n)
	}
	return err
}

func (p *program) lsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "ls [DIR]",
		Short: "List records, newest first",
		Long: `Ls lists the records in a folder, runs where none is named: how each ended, when it
began, its model, calls, cost and title.`,
		Example: `  tinytroupe ls
  tinytroupe ls archive/runs`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := recordsDir
			if len(args) == 1 {
				dir = args[0]
			}
			if _, err := os.Stat(dir); len(args) == 1 && err != nil {
				return usage(fmt.Errorf("there is no folder %s", dir))
			}
			list, err := record.List(dir)
			if err != nil {
				return usage(err)
			}
			if len(list) == 0 {
				fmt.Fprintf(p.stdout, "no records in %s\n", dir)
				return nil
			}
			if err := p.readPrices(configFiles("")); err != nil {
				return usage(err)
			}
			tw := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "RECORD\tSTATUS\tSTARTED\tMODEL\tCALLS\tCOST\tTITLE")
			for _, s := range list {
				if s.Err != nil {
					fmt.Fprintf(tw, "%s\tunreadable\t\t\t\t\t%s\n", s.Dir, line(s.Err.Error()))
					continue
				}
				m := s.Manifest
				calls, money := "", ""
				if m.Totals != nil {
					calls, money = fmt.Sprint(m.Totals.Calls), usd(m.Totals.USD)
					if _, ok := p.prices(m.Models["act"]); !ok {
						money = "unknown"
					}
				}
				fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Dir, s.Status, m.Started.Format("2006-01-02 15:04"), m.Models["act"], calls, money, line(m.Title))
			}
			return tw.Flush()
		},
	}
}

func (p *program) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of study files, for editors",
		Long: `Schema prints the JSON Schema (2020-12) of study files. An editor that knows it completes
keys and underlines mistakes. In Visual Studio Code with the YAML extension, a first
line in the study does: # yaml-language-server: $schema=study.schema.json`,
		Example: `  tinytroupe schema
  tinytroupe schema > study.schema.json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := p.stdout.Write(append(study.Schema(), '\n'))
			return err
		},
	}
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    `Version prints the name of the command and its version, (devel) where it was built from sources.`,
		Example: `  tinytroupe version`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.stdout, "tinytroupe", version())
			return err
		},
	}
}
