package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite what programs write of README.md and of the examples' pages")

// TestReadme: what the README shows is what the command prints and what compiles.
func TestReadme(t *testing.T) {
	const file = "../../README.md"
	readme, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(readme)
	e := command(t, t.Context(), nil, "run", "../../examples/simple-chat/study.yaml", "--dir", filepath.Join(t.TempDir(), "r"))
	if e.code != exitDone {
		t.Fatal(e.stderr)
	}
	out := regexp.MustCompile(`(?m)(^record  |tinytroupe show ).*$`).ReplaceAllString(e.stdout, "${1}runs/2026-03-02-a-simple-chat-bada")
	out = regexp.MustCompile(`(?m)^done  [0-9.]+ s`).ReplaceAllString(out, "done  0.3 s")
	text = replace(t, text, "transcript", "```\n"+out+"```\n")

	program, err := os.ReadFile("../../examples/simple-chat/main.go")
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok := strings.Cut(string(program), "\npackage main\n")
	if !ok {
		t.Fatal("the program has no package clause")
	}
	text = replace(t, text, "program", "```go\npackage main\n\n"+strings.TrimSpace(body)+"\n```\n")

	for _, want := range []string{"go run ./cmd/tinytroupe run examples/simple-chat/study.yaml\n", "go test ./...\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("the README has no %q", want)
		}
	}
	if text == string(readme) {
		return
	}
	if !*update {
		t.Fatal("the README is not what the programs print: go test ./cmd/tinytroupe -run TestReadme -update")
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// replace puts text between the markers of a part.
func replace(t *testing.T, readme, part, text string) string {
	t.Helper()
	re := regexp.MustCompile(`(?s)(<!-- begin ` + part + `:[^\n]*-->\n).*(<!-- end ` + part + ` -->)`)
	if !re.MatchString(readme) {
		t.Fatalf("the README has no part %s", part)
	}
	return re.ReplaceAllString(readme, "${1}"+strings.ReplaceAll(text, "$", "$$")+"${2}")
}
