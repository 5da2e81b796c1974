package main

import (
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
)

// TestMain lets scripts run the command as a program of its own.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tinytroupe": main, "instant-server": instantServer})
}

func TestScripts(t *testing.T) {
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			// No key, no server, no settings of whoever runs the test.
			e.Setenv("OPENAI_API_KEY", "")
			e.Setenv("OPENAI_BASE_URL", "")
			e.Setenv("TINYTROUPE_MODEL", "")
			return os.CopyFS(filepath.Join(e.WorkDir, "examples"), os.DirFS(examples))
		},
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		RequireExplicitExec: true,
	})
}

// instantServer answers OpenAI's API at once, in a process of its own, so that its
// time is not in the figures. It prints its address and ends with its input.
func instantServer() {
	h := llmtest.NewHandler(&llmtest.ServerOptions{Reply: talker})
	server := httptest.NewServer(h)
	fmt.Println(server.URL)
	_, err := io.Copy(io.Discard, os.Stdin)
	server.Close()
	h.Close()
	if err != nil {
		os.Exit(1)
	}
}
