// Command tinytroupe runs studies with simulated people. See tinytroupe --help.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe/llm/price"
	"golang.org/x/term"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// Exit codes, as DESIGN and the README list them.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitIncomplete  = 3
	exitBudget      = 4
	exitUnmet       = 5
	exitInterrupted = 130
)

func main() {
	p := &program{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv,
		terminal: func() bool { return term.IsTerminal(int(os.Stdout.Fd())) },
		columns:  func() int { columns, _, _ := term.GetSize(int(os.Stdout.Fd())); return columns },
		typed:    func() bool { return term.IsTerminal(int(os.Stdin.Fd())) },
		signals:  signals,
	}
	os.Exit(p.main(context.Background(), os.Args[1:]))
}

// signals returns the interrupts from now on, and what ends them.
func signals() (<-chan os.Signal, func()) {
	c := make(chan os.Signal, 2)
	signal.Notify(c, os.Interrupt, syscall.SIGTERM)
	return c, func() {
		signal.Stop(c)
		close(c)
	}
}

// interruptible returns a context that the first interrupt stops softly, so that
// calls in flight finish, and the second cancels.
func (p *program) interruptible(ctx context.Context) (context.Context, func()) {
	if p.signals == nil {
		return ctx, func() {}
	}
	hard, cancel := context.WithCancel(ctx)
	soft, stop := drain.With(hard)
	signals, end := p.signals()
	go func() {
		if _, ok := <-signals; !ok {
			return
		}
		fmt.Fprintln(p.stderr, "\ninterrupted: waiting for calls in flight; again to abort them")
		stop()
		if _, ok := <-signals; ok {
			cancel()
		}
	}()
	return soft, func() {
		end()
		stop()
		cancel()
	}
}

// program is the command with all that it touches, so that tests can run it.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) (string, bool)
	terminal       func() bool                       // stdout is one
	typed          func() bool                       // stdin is a terminal; nil means no
	signals        func() (<-chan os.Signal, func()) // interrupts, and what ends them; nil means none
	columns        func() int                        // that stdout has, 0 where unknown; nil means unknown

	line   *statusLine // of the terminal that stdout is; nil where it is none
	limits limiters
	table  *price.Table // nil is the built-in one
}

// An exitError ends the program with a code. Its text has been printed if shown.
type exitError struct {
	code  int
	err   error
	shown bool
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error { return &exitError{code: exitUsage, err: err} }

func (p *program) main(ctx context.Context, args []string) int {
	if p.terminal() {
		p.line = &statusLine{w: p.stdout, columns: p.columns, now: time.Now}
	}
	stdout := &screen{w: p.stdout, colours: p.terminal() && !p.noColor(), line: p.line}
	p.stdout = stdout
	p.stderr = &screen{w: p.stderr, line: p.line}
	root := p.command()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if lost := stdout.lost(); err == nil && lost != nil {
		err = &exitError{code: exitFailed, err: fmt.Errorf("not all could be printed: %w", lost)}
	}
	if err == nil {
		return exitDone
	}
	e, ok := errors.AsType[*exitError](err)
	if !ok {
		// What cobra finds wrong is about the words of the call.
		text, _, cut := strings.Cut(err.Error(), ": strconv.")
		if cut {
			text += ": expected a number"
		}
		e = &exitError{code: exitUsage, err: fmt.Errorf("%s\nSee %s --help", strings.TrimSpace(text), cmd.CommandPath())}
	}
	if !e.shown {
		fmt.Fprintln(p.stderr, e.err)
	}
	return e.code
}

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "tinytroupe",
		Short: "Simulate people with language models: panels, focus groups, interviews",
		Long: `tinytroupe runs studies with simulated people.

A study is a file that says who takes part, in what world, and what happens. Without
a model it is rehearsed by a built-in stand-in: free, offline, evidence of nothing.

Exit codes: 0 done; 1 failed, or finished with results that are invalid or failed, can
be continued; 2 wrong usage or input; 3 finished but incomplete; 4 stopped by a budget,
can be continued; 5 an expectation of the study is not met; 130 interrupted, can be
continued.

Settings are flags, else what the study says, else config.ini beside the study or in
the working folder, else the environment: OPENAI_API_KEY, ANTHROPIC_API_KEY and
GEMINI_API_KEY are keys, OPENAI_BASE_URL a server of your own, TINYTROUPE_MODEL a
model, and NO_COLOR turns colours off.`,
		Example: `  tinytroupe init my-study
  tinytroupe run my-study/study.yaml
  tinytroupe chat lisa oscar
  tinytroupe help run`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.AddCommand(p.runCommand(), p.resumeCommand(), p.replayCommand(), p.forkCommand(), p.diffCommand(), p.packCommand(), p.askCommand(), p.chatCommand(), p.initCommand(), p.showCommand(), p.lsCommand(), p.modelsCommand(), p.doctorCommand(), p.schemaCommand(), p.versionCommand())
	helpful(root)
	failing(root)
	return root
}

// failing gives whatever commands return a code; see failure.
func failing(c *cobra.Command) {
	if do := c.RunE; do != nil {
		c.RunE = func(cmd *cobra.Command, args []string) error { return failure(do(cmd, args)) }
	}
	for _, sub := range c.Commands() {
		failing(sub)
	}
}

// failure gives an error that names no code that of a failure: what is wrong with the
// words of a call is told apart where it is found.
func failure(err error) error {
	if _, ok := errors.AsType[*exitError](err); ok || err == nil {
		return err
	}
	return &exitError{code: exitFailed, err: err}
}

// closed adds what went wrong in closing to how a command ended, and loses neither.
func (p *program) closed(err error, closing ...error) error {
	c := errors.Join(closing...)
	e, ok := errors.AsType[*exitError](err)
	switch {
	case c == nil:
		return err
	case ok && e.shown:
		fmt.Fprintln(p.stderr, c)
		return err
	case ok:
		return &exitError{code: e.code, err: errors.Join(e.err, c)}
	}
	return failure(errors.Join(err, c))
}

// one wants exactly one argument.
func one(what, how string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 1 {
			return nil
		}
		return fmt.Errorf("%s takes %s, not %d: %s", cmd.Name(), what, len(args), how)
	}
}

// width is that of a transcript: of the terminal, as far as lines of it read well.
func (p *program) width() int {
	if !p.terminal() || p.columns == nil {
		return 0
	}
	return min(max(p.columns(), 0), transcript.DefaultWidth)
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
