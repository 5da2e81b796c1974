package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRealModel runs the simple chat against a real server: every turn is present.
// What a small model says is not judged.
func TestRealModel(t *testing.T) {
	url := os.Getenv("TINYTROUPE_TEST_OPENAI_URL")
	if url == "" {
		t.Skip("SKIPPED: no real model. Start one, such as llama-server with 8,192 tokens of context, and set TINYTROUPE_TEST_OPENAI_URL=http://127.0.0.1:PORT/v1 (and TINYTROUPE_TEST_OPENAI_MODEL where it serves several); takes minutes on a small machine, so add -timeout 20m")
	}
	args := []string{"run", "../../examples/simple-chat/study.yaml", "--dir", filepath.Join(t.TempDir(), "record"), "--parallel", "2"}
	if m := os.Getenv("TINYTROUPE_TEST_OPENAI_MODEL"); m != "" {
		args = append(args, "--model", "openai/"+m)
	}
	e := command(t, t.Context(), map[string]string{"OPENAI_BASE_URL": url}, args...)
	t.Logf("%s%s", e.stdout, e.stderr)
	if e.code != exitDone {
		t.Fatalf("exit %d", e.code)
	}
	if n := present(t, args[3]); n != 2*4 {
		t.Errorf("%d of 8 turns", n)
	}
}
