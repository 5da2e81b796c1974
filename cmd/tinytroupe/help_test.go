package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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

// shellWords are the words of a command, of which some stand in double quotes.
func shellWords(s string) []string {
	var words []string
	for _, m := range regexp.MustCompile(`(?:[^\s"]|"[^"]*")+`).FindAllString(s, -1) {
		words = append(words, strings.ReplaceAll(m, `"`, ""))
	}
	return words
}

// exampleCalls returns the calls of tinytroupe in an example, as words.
func exampleCalls(example string) [][]string {
	var calls [][]string
	for l := range strings.Lines(example) {
		l = strings.NewReplacer("<(", " ", ")", " ").Replace(l)
		for part := range strings.SplitSeq(l, "|") {
			part, _, _ = strings.Cut(part, " > ")
			words := shellWords(part)
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

// TestPagesCalls: every call of the command in the pages is one that it takes.
func TestPagesCalls(t *testing.T) {
	pages, err := filepath.Glob("../../examples/*/README.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, page := range append(pages, "../../README.md", "../../docs/tour.md", "../../docs/from-tinytroupe.md", "../../docs/study.md", "../../docs/providers.md", "../../docs/judges.md", "../../docs/real-run.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text = regexp.MustCompile(`(?s)<!-- begin.*?<!-- end[^>]*-->`).ReplaceAll(text, nil) // what programs print
		var lines []string
		language, fenced := "", false
		for l := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(l, "```"); ok {
				language, fenced = strings.TrimSpace(rest), !fenced
			} else if fenced && language == "" {
				lines = append(lines, l)
			} else if !fenced {
				for _, m := range regexp.MustCompile("`(tinytroupe [^`]*)`").FindAllStringSubmatch(l, -1) {
					lines = append(lines, m[1])
				}
			}
		}
		for _, l := range lines {
			l, _, _ = strings.Cut(l, " #")
			if !regexp.MustCompile(`^([A-Z_]+=\S+ )*tinytroupe `).MatchString(l) {
				continue
			}
			for _, words := range exampleCalls(l) {
				n++
				root := (&program{}).command()
				found, args, err := root.Find(words)
				if err == nil {
					err = found.ParseFlags(args)
				}
				if err != nil {
					t.Errorf("%s: %s: %v", page, strings.TrimSpace(l), err)
				}
			}
		}
	}
	if n < 25 {
		t.Errorf("only %d calls found", n)
	}
}

// TestTour runs the commands of the tour that are marked so, one after the other in
// one folder.
func TestTour(t *testing.T) {
	tour, err := os.ReadFile("../../docs/tour.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	n := 0
	for _, block := range regexp.MustCompile("(?s)<!-- run -->\n```\n(.*?)```").FindAllSubmatch(tour, -1) {
		for l := range strings.Lines(string(block[1])) {
			l, _, _ = strings.Cut(l, " #")
			words := shellWords(l)
			cmd := exec.CommandContext(t.Context(), words[0], words[1:]...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "OPENAI_API_KEY=", "OPENAI_BASE_URL=", "TINYTROUPE_MODEL=")
			out, err := cmd.CombinedOutput()
			if err != nil || len(out) == 0 {
				t.Errorf("%s: %v\n%s", l, err, out)
			}
			n++
		}
	}
	if n < 7 {
		t.Errorf("only %d commands were run", n)
	}
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
