package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe/examples/cast"
	"github.com/tinytroupe-go/tinytroupe/record"
)

// helpful gives the command its help, in the form of a manual page, and tells shells
// what may stand where.
func helpful(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	root.SetHelpFunc(func(c *cobra.Command, _ []string) { manual(c.OutOrStdout(), c) })
	for _, c := range root.Commands() {
		switch c.Name() {
		case "run":
			c.ValidArgsFunction = argument(func() ([]string, cobra.ShellCompDirective) {
				return []string{"yaml", "yml"}, cobra.ShellCompDirectiveFilterFileExt
			})
		case "show", "ask":
			c.ValidArgsFunction = argument(records)
		case "ls":
			c.ValidArgsFunction = argument(folders)
		case "init":
			c.ValidArgsFunction = argument(folders)
			complete(c, "example", exampleNames)
		case "chat":
			c.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
				return cast.Names(), cobra.ShellCompDirectiveDefault
			}
			complete(c, "fragment", cast.Fragments)
		case "completion":
			c.Short = "Print a script that completes commands in your shell"
			c.Long = `Completion prints a script that lets your shell complete commands, flags, study files,
records, people and examples. Load it once to try it, or in the file that your shell
reads when it starts.`
			c.Example = `  source <(tinytroupe completion bash)
  tinytroupe completion zsh > "${fpath[1]}/_tinytroupe"
  tinytroupe completion fish > ~/.config/fish/completions/tinytroupe.fish
  tinytroupe completion powershell | Out-String | Invoke-Expression`
			for _, shell := range c.Commands() {
				shell.Example = "  tinytroupe completion " + shell.Name()
			}
		case "help":
			c.Short = "Explain a command"
			c.Long = "Help prints the manual page of a command."
			c.Example = "  tinytroupe help run"
		}
		if c.Flags().Lookup("dir") != nil {
			if err := c.RegisterFlagCompletionFunc("dir", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) { return records() }); err != nil {
				panic(err) // the flag is there
			}
		}
		if c.Flags().Lookup("model") != nil {
			complete(c, "model", func() []string { return []string{rehearsalName, defaultOpenAI} })
		}
	}
}

// complete offers what list returns for a flag that exists, files beside it where the
// flag takes them.
func complete(c *cobra.Command, flag string, list func() []string) {
	err := c.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		if flag == "fragment" {
			return list(), cobra.ShellCompDirectiveDefault
		}
		return list(), cobra.ShellCompDirectiveNoFileComp
	})
	if err != nil {
		panic(err) // the flag is there
	}
}

// argument offers something for the first argument alone.
func argument(offer func() ([]string, cobra.ShellCompDirective)) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return offer()
	}
}

// records offers the records in runs, with their titles, or folders elsewhere.
func records() ([]string, cobra.ShellCompDirective) {
	list, err := record.List(recordsDir)
	if err != nil || len(list) == 0 {
		return folders()
	}
	names := make([]string, len(list))
	for i, s := range list {
		names[i] = cobra.CompletionWithDesc(s.Dir, line(s.Manifest.Title))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func folders() ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// manual writes the manual page of a command.
func manual(w io.Writer, c *cobra.Command) {
	section := func(title, text string) {
		text = strings.TrimRight(text, " \n")
		if text == "" {
			return
		}
		fmt.Fprintf(w, "%s\n", title)
		for l := range strings.Lines(text) {
			if strings.TrimSpace(l) == "" {
				fmt.Fprintln(w)
				continue
			}
			fmt.Fprintf(w, "  %s\n", strings.TrimRight(l, " \n"))
		}
		fmt.Fprintln(w)
	}
	var commands strings.Builder
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() || sub.Name() == "help" {
			fmt.Fprintf(&commands, "%-*s %s\n", sub.NamePadding(), sub.Name(), sub.Short)
		}
	}
	synopsis := c.UseLine()
	if commands.Len() > 0 && !c.Runnable() {
		synopsis = c.CommandPath() + " COMMAND"
	}
	section("NAME", c.CommandPath()+" - "+c.Short)
	section("SYNOPSIS", synopsis)
	section("DESCRIPTION", c.Long)
	section("COMMANDS", commands.String())
	section("OPTIONS", dedent(c.LocalFlags().FlagUsagesWrapped(96)))
	section("EXAMPLES", dedent(c.Example))
	if c.HasParent() {
		section("SEE ALSO", "tinytroupe help, and docs/tour.md and docs/study.md of the project")
	}
}

// dedent takes two blanks from the beginning of each line.
func dedent(s string) string {
	return strings.TrimPrefix(strings.ReplaceAll("\n"+s, "\n  ", "\n"), "\n")
}
