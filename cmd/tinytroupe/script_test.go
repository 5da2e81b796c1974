package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
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
			e.Setenv("AZURE_OPENAI_ENDPOINT", "")
			e.Setenv("OLLAMA_HOST", "127.0.0.1:1")
			// A chatbot to be tested.
			bot := chatbot()
			e.Defer(bot.Close)
			e.Setenv("BOT_URL", bot.URL)
			e.Setenv("BOT_TOKEN", "secret-of-the-bot")
			return os.CopyFS(filepath.Join(e.WorkDir, "examples"), os.DirFS(examples))
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			// wrong is exec of what was asked for wrongly, which is exit 2.
			"wrong": func(ts *testscript.TestScript, _ bool, args []string) {
				err := ts.Exec(args[0], args[1:]...)
				if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.ExitCode() != exitUsage {
					ts.Fatalf("%s: %v, want exit %d", strings.Join(args, " "), err, exitUsage)
				}
			},
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

// chatbot answers what it is told, to whoever has its token. The first time that it
// hears of "trouble" it fails.
func chatbot() *httptest.Server {
	var mu sync.Mutex
	heard := map[string]bool{}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Session, Message string }
		err := json.NewDecoder(r.Body).Decode(&in)
		key := r.Header.Get("Idempotency-Key")
		mu.Lock()
		defer mu.Unlock()
		again := heard[key]
		heard[key] = true
		switch {
		case r.Header.Get("Authorization") != "Bearer secret-of-the-bot":
			http.Error(w, "who are you? "+r.Header.Get("Authorization"), http.StatusUnauthorized)
		case err != nil || key == "":
			http.Error(w, "what?", http.StatusBadRequest)
		case strings.Contains(in.Message, "trouble") && !again:
			http.Error(w, "not now", http.StatusServiceUnavailable)
		default:
			fmt.Fprintf(w, `{"answer": %q}`, "I heard you in "+in.Session+". Goodbye.")
		}
	}))
}
