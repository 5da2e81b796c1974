package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
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
			rec := filepath.Join(t.TempDir(), "r")
			args := append([]string{"run", filepath.Join(dir, "study.yaml"), "--dir", rec}, exampleArgs(t, name, dir)...)
			begun := time.Now()
			e := command(t, t.Context(), nil, args...)
			if e.code != exitDone {
				t.Fatalf("exit %d\n%s%s", e.code, e.stdout, e.stderr)
			}
			if d := time.Since(begun); d > slowdown*2*time.Second {
				t.Errorf("it took %v", d)
			}
			updatePage(t, "../../examples/"+name+"/README.md", steady(e.stdout, rec))
		})
	}
}

// exampleArgs starts what an example needs, and returns what its run is told of it.
func exampleArgs(t *testing.T, name, dir string) []string {
	t.Helper()
	if name != "testing-a-chatbot" {
		return nil
	}
	// As its page says: with the server that init wrote.
	server := filepath.Join(t.TempDir(), "server")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", server, filepath.Join("server", "main.go"))
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), server, "-addr", "127.0.0.1:0")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // it was killed
	})
	return []string{"--set", "bot=" + strings.TrimSpace(url)}
}

// steady replaces what differs from run to run.
func steady(out, record string) string {
	out = strings.ReplaceAll(out, record, "runs/…")
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
