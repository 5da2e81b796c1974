package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// TestExamples: each example, as init writes it, runs on the stand-in in no time, and
// its page shows what it prints.
func TestExamples(t *testing.T) {
	for _, name := range exampleNames() {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "study")
			if e := command(t, t.Context(), nil, "init", dir, "--example", name); e.code != exitDone {
				t.Fatal(e.stderr)
			}
			begun := time.Now()
			e := command(t, t.Context(), exampleEnv(t, name), "run", filepath.Join(dir, "study.yaml"), "--dir", filepath.Join(t.TempDir(), "r"))
			if e.code != exitDone {
				t.Fatalf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
			}
			if d := time.Since(begun); d > 2*time.Second {
				t.Errorf("it took %v", d)
			}
			updatePage(t, "../../examples/"+name+"/README.md", steady(e.stdout))
		})
	}
}

// exampleEnv is the environment that an example needs.
func exampleEnv(*testing.T, string) map[string]string { return nil }

// steady replaces what differs from run to run.
func steady(out string) string {
	out = regexp.MustCompile(`(?m)^record  .*$`).ReplaceAllString(out, "record  runs/…")
	out = regexp.MustCompile(`tinytroupe show .*`).ReplaceAllString(out, "tinytroupe show runs/…")
	return regexp.MustCompile(`(?m)^done  [0-9.]+ s`).ReplaceAllString(out, "done  0.3 s")
}

// updatePage puts a transcript into a page, or with -update rewrites the page.
func updatePage(t *testing.T, file, transcript string) {
	t.Helper()
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := replace(t, string(page), "transcript", "```\n"+transcript+"```\n")
	if text == string(page) {
		return
	}
	if !*update {
		t.Fatalf("%s does not show what the example prints: go test ./cmd/tinytroupe -run TestExamples -update", file)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
