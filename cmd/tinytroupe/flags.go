package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// runFlags are the flags of run.
type runFlags struct {
	model        string
	dir          string
	seed         uint64
	seeded       bool
	set          []string
	parallel     int
	budget       float64
	maxCalls     int
	maxTokens    int
	cache        string
	allowPartial bool
	yes          bool
	json         bool
	quiet        bool
	dry          bool // price the run, and call nothing

	resume bool // all else comes from the record in dir
}

// usual adds the flags that every command has which runs a study.
func (f *runFlags) usual(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.IntVar(&f.parallel, "parallel", 0, "most calls at once (default: adapts, up to 32)")
	fl.Float64Var(&f.budget, "budget", 0, "most that the run may cost, in `USD`")
	fl.IntVar(&f.maxCalls, "max-calls", 0, "most calls that the run may make")
	fl.IntVar(&f.maxTokens, "max-tokens", 0, "most tokens that the run may use")
	fl.StringVar(&f.cache, "cache", "", "share replies with other runs in a `FILE` of calls")
	fl.BoolVar(&f.allowPartial, "allow-partial", false, "go on without the turns that fail; exit 3 if any did")
	fl.BoolVar(&f.yes, "yes", false, "do what would be asked about: make work anew, send again to a chatbot")
	fl.BoolVar(&f.json, "json", false, "print one JSON document on stdout, and all else on stderr")
	fl.BoolVar(&f.quiet, "quiet", false, "print only how it ended")
}

// limits refuses limits that allow nothing: 0 would read as none.
func limits(given func(flag string) bool, f *runFlags) error {
	for _, l := range []struct {
		flag  string
		value float64
	}{
		{"budget", f.budget}, {"max-calls", float64(f.maxCalls)}, {"max-tokens", float64(f.maxTokens)}, {"parallel", float64(f.parallel)},
	} {
		if given(l.flag) && !(l.value > 0) {
			return fmt.Errorf("--%s %v: expected more than 0; left out, there is no such limit", l.flag, l.value)
		}
	}
	return nil
}

// variables are those of --set.
func (f *runFlags) variables() (map[string]string, error) {
	vars := map[string]string{}
	for _, kv := range f.set {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return nil, fmt.Errorf("--set %s: write it as name=value", kv)
		}
		vars[k] = v
	}
	return vars, nil
}
