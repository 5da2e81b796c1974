package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/judge"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/study"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// narrator tells a reader what a run does, while it does it.
type narrator struct {
	w        io.Writer
	quiet    bool
	terminal bool
	width    int // of transcripts; 0 is the usual one
	noColor  bool

	study   *study.Study
	options transcript.Options // of what is shown
	talk    io.Writer
	printer *transcript.Printer
	scene   string             // that is shown, or was
	shown   string             // the room whose talk the printer shows
	held    []tinytroupe.Event // of the verb under way, until its line is printed
	running bool               // the verb under way is run: its events are shown as they come

	many manyRooms
}

func (n *narrator) printf(format string, args ...any) {
	if !n.quiet {
		fmt.Fprintf(n.w, format, args...)
	}
}

// begin says what is about to happen; hint is what a real run would come to.
func (n *narrator) begin(s *session, hint string) {
	if s.study.Title != "" {
		n.printf("%s\n", line(s.study.Title))
	}
	if s.choice.rehearsal() {
		n.printf("model   %s\n        for real: --model %s%s\n", transcript.Notice, defaultOpenAI, hint)
	} else {
		n.printf("model   %s (%s)\n", s.choice.name, s.choice.why)
	}
	for _, w := range s.warn {
		n.printf("note    %s\n", w)
	}
	people := 0
	for _, g := range s.study.People {
		people += len(g.People)
	}
	n.printf("people  %d\n", people)
	n.printf("record  %s\n", s.rec.Dir())
	if m := s.rec.Manifest(); m.Parent != "" {
		n.printf("fork    of %s, after step %d\n", m.Parent, m.ParentStep)
	}
	if s.edited != "" {
		n.printf("edited  %s\n", s.edited)
	}
	if s.before.spent.Calls > 0 || s.cut > 0 {
		n.printf("resumed %s before now; %s cut off, made again where needed\n", count(s.before.spent.Calls, "call"), count(s.cut, "call"))
	}
	if s.shared != nil {
		n.printf("cache   replies are shared with other runs\n")
	}
	form := transcript.Plain
	if n.terminal && !n.noColor {
		form = transcript.Coloured
	}
	w := n.w
	if n.quiet {
		w = io.Discard
	}
	n.study = s.study
	n.options = transcript.Options{Form: form, Width: n.width, World: s.study.World.Name, MaxContent: s.set.MaxContentDisplayLength} // here alone: the record has all of it
	n.talk = w
}

// events shows a commit: at once within a run, else after the line of its verb.
func (n *narrator) events(room study.Room, evs []tinytroupe.Event) {
	if room.Of > 1 {
		n.among(room, evs)
		return
	}
	n.enter(room)
	if n.running {
		n.printer.Events(evs...)
		return
	}
	n.held = append(n.held, evs...)
}

// enter begins to show another room.
func (n *narrator) enter(room study.Room) {
	if n.printer != nil && n.shown == room.Name() {
		return
	}
	n.leave()
	if room.Scene != "" || room.Of > 1 {
		n.printf("%s\n", line(part(room)))
	}
	o := n.options
	o.Steps = stepsIn(n.study, room.Scene)
	n.printer, n.scene, n.shown = transcript.NewPrinter(n.talk, &o), room.Scene, room.Name()
}

// leave ends what is shown of a room.
func (n *narrator) leave() {
	if n.printer == nil {
		return
	}
	n.release()
	_ = n.printer.Close() // that stdout takes nothing is told at the end
	n.printer = nil
	n.others()
}

func (n *narrator) progress(p study.Progress) {
	if p.Room.Of == 0 {
		n.look(p)
		return
	}
	if p.Room.Of > 1 {
		n.several(p)
		return
	}
	n.enter(p.Room)
	head := fmt.Sprintf("[%*d/%d] %-8s", len(fmt.Sprint(p.Of)), p.Verb, p.Of, p.Step.Word())
	run, isRun := p.Step.Do.(study.Run)
	switch p.Phase {
	case study.Skipped:
		n.release()
		n.printf("%s done before%s\n", head, item(p))
		n.many.next = p.Verb + 1
	case study.Began, study.Resumed:
		n.release()
		if !isRun {
			return
		}
		goesOn := ""
		if p.Phase == study.Resumed {
			goesOn = ", goes on"
		}
		n.printf("%s %d%s%s\n", head, run.Steps, goesOn, item(p))
		n.running = true
	case study.Ended:
		n.many.next = p.Verb + 1
		if isRun {
			n.running = false
			return
		}
		n.printf("%s %s%s\n", head, done(p), item(p))
		n.release()
	}
}

func (n *narrator) release() {
	n.printer.Events(n.held...)
	n.printer.Flush()
	n.held = n.held[:0]
}

// done says what a verb that is not run came to.
func done(p study.Progress) string {
	what := "reached"
	switch do := p.Step.Do.(type) {
	case study.Skip:
		return short(do.For)
	case study.Join:
		return fmt.Sprintf("%d came, %d are there", p.Reached, p.Present)
	case study.Leave:
		return fmt.Sprintf("%d left, %d are there", p.Reached, p.Present)
	case study.Say:
		what = "heard it"
	case study.Show:
		what = "saw it"
	case study.Ask:
		what = "were asked"
	}
	return fmt.Sprintf("%d of %d %s", p.Reached, p.Present, what)
}

// A summary is what --json prints.
type summary struct {
	Study     string `json:"study"`
	Dir       string `json:"dir"`
	Status    string `json:"status"`
	Problem   string `json:"problem,omitempty"`
	Model     string `json:"model"`
	Rehearsal bool   `json:"rehearsal"`
	People    int    `json:"people"`
	Rooms     int    `json:"rooms"`
	Steps     int    `json:"steps"`
	Calls     int    `json:"calls"`  // requests sent, retries included
	Tokens    int    `json:"tokens"` // input and output

	BotCalls    int `json:"bot_calls"`          // requests sent to chatbots, repeated ones included
	BotRepeated int `json:"bot_calls_repeated"` // of them, those sent again

	Cost     *float64 `json:"cost_usd"` // null where a price is not known
	Failed   int      `json:"failed"`   // turns that came to nothing
	Seconds  float64  `json:"seconds"`
	Warnings []string `json:"warnings"`

	Answers extract.Base      `json:"answers"` // what became of all questions, asked and extracted
	Results []*extract.Table  `json:"results"` // of tally
	Checks  map[string]string `json:"checks"`  // what came of each, in a line
	Unmet   []string          `json:"unmet"`   // expectations
}

// results adds what looks found.
func (s *summary) results(res *study.Result, f found) {
	s.Answers, s.Unmet = f.base, f.unmet
	if s.Checks = map[string]string{}; res == nil {
		return
	}
	s.Results = res.Tables
	for _, c := range res.Checks {
		sum := judge.Summarize(c.Verdicts)
		s.Checks[c.Name] = sum.String()
	}
}

func (s *summary) bots(l *record.Ledger) {
	t := tallyOf(l)
	s.BotCalls, s.BotRepeated = t.bots, t.botsAgain
}

func (s *summary) write(w io.Writer) error {
	if s.Warnings == nil {
		s.Warnings = []string{}
	}
	if s.Results == nil {
		s.Results = []*extract.Table{}
	}
	if s.Unmet == nil {
		s.Unmet = []string{}
	}
	return encodeJSON(w, s)
}

func encodeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// end says how a run ended, what it cost and what to do next. It is said even when
// quiet.
func (n *narrator) end(s *session, sum *summary, l *record.Ledger, err error) {
	n.rest()
	n.leave()
	tell := func(format string, args ...any) {
		if _, err := fmt.Fprintf(n.w, format, args...); err != nil {
			fmt.Fprintf(s.p.stderr, format, args...) // where somebody may read it
		}
	}
	calls := count(sum.Calls, "call")
	if s.resumed {
		calls += fmt.Sprintf(" (%d of them now)", sum.Calls-s.before.spent.Calls)
	}
	if sum.BotCalls > 0 {
		calls += fmt.Sprintf(", %s, %d repeated", count(sum.BotCalls, "bot call"), sum.BotRepeated)
	}
	for _, o := range s.odd {
		tell("note    %s\n", o)
	}
	used := fmt.Sprintf("%.1f s, %s, %s, %s", sum.Seconds, calls, cost(sum.Cost), s.choice.name)
	for _, u := range sum.Unmet {
		fmt.Fprintf(s.p.stderr, "not met  %s\n", line(u))
	}
	if s.found.unjudged > 0 && s.choice.rehearsal() {
		tell("note     %s not judged: a stand-in judges nothing\n", count(s.found.unjudged, "expectation"))
	}
	switch {
	case err == nil && s.found.invalid > 0:
		tell("incomplete  %s invalid or failed, and counted nowhere; %s\nnext  %s\n", count(s.found.invalid, "result"), used, s.again())
	case err == nil && sum.Failed > 0:
		tell("incomplete  %s of %s failed; %s\nnext  tinytroupe show %s\n", count(sum.Failed, "turn"), s.study.File, used, quote(sum.Dir))
	case err == nil:
		tell("done  %s\nnext  tinytroupe show %s\n", used, quote(sum.Dir))
	default:
		w := s.p.stderr
		fmt.Fprintf(w, "%s  %s\n", sum.Status, problem(err))
		fmt.Fprintf(w, "so far  %s; all of it is kept in %s\n", used, sum.Dir)
		fmt.Fprintf(w, "next  %s\n", s.next(err))
	}
}

// problem is what went wrong, as people are told.
func problem(err error) string {
	text := err.Error()
	if errors.Is(err, drain.ErrStopped) || errors.Is(err, context.Canceled) {
		text, _, _ = strings.Cut(text, ": interrupted: ") // they know, and the status says so
	}
	return text
}

// again is the command that goes on with the run.
func (s *session) again() string { return "tinytroupe resume " + quote(s.rec.Dir()) }

// limitFlags are the flags that set a limit, by what it is of.
var limitFlags = map[string]string{"usd": "--budget", "calls": "--max-calls", "tokens": "--max-tokens"}

// next is what to do about an error of a run.
func (s *session) next(err error) string {
	var b *llm.BudgetError
	if !errors.As(err, &b) {
		return s.stack.advice(err, s.again())
	}
	more := strconv.FormatFloat(max(2*b.Limit, b.Spent+b.Needed), 'f', -1, 64)
	if b.What == "usd" {
		more = fmt.Sprintf("%.2f", max(0.01, 2*b.Limit, b.Spent+b.Needed))
	}
	return fmt.Sprintf("go on with a higher limit: %s %s %s", s.again(), limitFlags[b.What], more)
}

// short writes a duration without what is zero.
func short(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if t, ok := strings.CutSuffix(s, zero); ok {
			s = t + zero[:1]
		}
	}
	return s
}

func usd(x float64) string {
	if x != 0 && x < 0.01 {
		return fmt.Sprintf("$%.4f", x)
	}
	return fmt.Sprintf("$%.2f", x)
}

func cost(c *float64) string {
	if c == nil {
		return "price unknown"
	}
	return usd(*c)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// quote makes a path safe to paste into a shell.
func quote(path string) string { return quoteFor(runtime.GOOS, path) }

// quoteFor does that for the shells of a system: those of Windows take paths with \ as
// they are, and know no quoting by ' in common.
func quoteFor(system, path string) string {
	plain, windows := "/._-+=:,@%", system == "windows"
	if windows {
		plain = `/._-+=:,@\`
	}
	if path != "" && !strings.ContainsFunc(path, func(r rune) bool {
		return !strings.ContainsRune(plain, r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	}) {
		return path
	}
	if windows {
		return `"` + path + `"` // which no path there holds
	}
	return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
}

// line keeps a text of a study on one line, and harmless to a terminal.
func line(s string) string {
	return strings.Map(func(r rune) rune {
		if drives(r) || r == '\n' || r == '\t' {
			return ' '
		}
		return r
	}, s)
}

func (p *program) noColor() bool {
	v, ok := p.env("NO_COLOR")
	return ok && v != ""
}

func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}
