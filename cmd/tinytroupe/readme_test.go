package main

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the parts of README.md that programs write")

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

	example, err := os.ReadFile("../../example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	program, _, ok := strings.Cut(string(example), "\t// Output:\n")
	if !ok {
		t.Fatal("the example has no output")
	}
	program = strings.Replace(program, "package tinytroupe_test", "package main", 1)
	program = regexp.MustCompile(`(?s)// Two people.*?func Example\(\)`).ReplaceAllString(program, "func main()")
	text = replace(t, text, "program", "```go\n"+strings.TrimSpace(program)+"\n}\n```\n")

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
