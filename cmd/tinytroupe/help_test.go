package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// everyCommand calls f with each command that help shows.
func everyCommand(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, sub := range c.Commands() {
		if !sub.Hidden {
			everyCommand(sub, f)
		}
	}
}

// calls returns the calls of tinytroupe in an example, as words.
func exampleCalls(example string) [][]string {
	var calls [][]string
	for l := range strings.Lines(example) {
		l = strings.NewReplacer("<(", " ", ")", " ").Replace(l)
		for part := range strings.SplitSeq(l, "|") {
			part, _, _ = strings.Cut(part, " > ")
			words := strings.Fields(part)
			if i := slices.Index(words, "tinytroupe"); i >= 0 {
				calls = append(calls, words[i+1:])
			}
		}
	}
	return calls
}

// TestHelp: each command explains itself with examples, and each example is a call of
// that command, with flags and arguments that it takes.
func TestHelp(t *testing.T) {
	fresh := func() *cobra.Command { return (&program{stdout: &bytes.Buffer{}, stderr: &bytes.Buffer{}}).command() }
	everyCommand(fresh(), func(c *cobra.Command) {
		path := c.CommandPath()
		if c.Short == "" || len(c.Long) < len(c.Short) && c.Name() != "version" {
			t.Errorf("%s has no description", path)
		}
		if len(exampleCalls(c.Example)) == 0 {
			t.Errorf("%s has no example", path)
		}
		for l := range strings.Lines(c.Long) {
			if len([]rune(l)) > 98 {
				t.Errorf("%s: a line of %d characters: %s", path, len([]rune(l)), l)
			}
		}
		own := false
		for _, words := range exampleCalls(c.Example) {
			root := fresh()
			found, args, err := root.Find(words)
			if err != nil {
				t.Errorf("%s: tinytroupe %s: %v", path, strings.Join(words, " "), err)
				continue
			}
			own = own || strings.HasPrefix(found.CommandPath(), path)
			if err := found.ParseFlags(args); err != nil {
				t.Errorf("%s: tinytroupe %s: %v", path, strings.Join(words, " "), err)
			} else if err := found.ValidateArgs(found.Flags().Args()); err != nil {
				t.Errorf("%s: tinytroupe %s: %v", path, strings.Join(words, " "), err)
			}
		}
		if !own {
			t.Errorf("%s: no example is of this command", path)
		}
	})
}

// TestManual: help shows all there is.
func TestManual(t *testing.T) {
	everyCommand((&program{}).command(), func(c *cobra.Command) {
		args := strings.Fields(c.CommandPath())[1:]
		e := command(t, t.Context(), nil, append(args, "--help")...)
		if e.code != exitDone || e.stderr != "" {
			t.Errorf("%v --help: exit %d, %s", args, e.code, e.stderr)
		}
		want := []string{"NAME\n  " + c.CommandPath() + " - ", "\nSYNOPSIS\n  tinytroupe", "\nDESCRIPTION\n", "\nEXAMPLES\n  "}
		for _, sub := range c.Commands() {
			want = append(want, "\n  "+sub.Name()+" ")
		}
		for _, w := range want {
			if !strings.Contains(e.stdout, w) {
				t.Errorf("%v --help does not show %q:\n%s", args, w, e.stdout)
			}
		}
	})
}
