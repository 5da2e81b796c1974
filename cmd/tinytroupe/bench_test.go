package main

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/internal/cputime"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/record"
)

func startServer(b *testing.B) (url string) {
	b.Helper()
	cmd := exec.Command("instant-server")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(in.Close(), cmd.Wait()); err != nil {
			b.Error(err)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return strings.TrimSpace(line)
}

// BenchmarkStack is the CPU time of a call through everything that the command puts
// around a model, calls.db included, over HTTP to an instant server on this machine,
// with a prompt of 12 KB; and of a call that the record has already.
func BenchmarkStack(b *testing.B) {
	rec, err := record.Create(filepath.Join(b.TempDir(), "r"), &record.Manifest{}, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer rec.Close()
	calls, err := rec.Calls()
	if err != nil {
		b.Fatal(err)
	}
	set := &config.Settings{BaseURL: startServer(b), From: map[string]string{}}
	st, err := connect(b.Context(), "openai/test-model", set, func(string) (string, bool) { return "", false }, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer st.close()
	st.wrap(new(program), set, new(program).budget(set, caps{calls: 1 << 40}, llm.Spent{}), 32, calls, nil)
	schema, err := llm.NewSchema("decision", []byte(`{"type":"object","properties":{"actions":{"type":"array","items":{"type":"object","properties":{"type":{"type":"string"},"target":{"type":"string"},"content":{"type":"string"}},"required":["type","target","content"]}},"state":{"type":"object"}},"required":["actions","state"]}`))
	if err != nil {
		b.Fatal(err)
	}
	system := strings.Repeat("What a person is like, in some detail. ", 300)
	var n atomic.Int64
	ask := func(i int64) {
		_, _, err := llm.Ask[struct{ Actions []any }](b.Context(), st.model, &llm.Request{
			System: system, Schema: schema, Messages: []llm.Message{llm.Text(llm.User, fmt.Sprint("Message ", i, strings.Repeat(" and so on", 50)))},
		})
		if err != nil {
			b.Error(err)
		}
	}
	b.Run("call", func(b *testing.B) {
		b.SetParallelism(4)
		before := cputime.Used()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				ask(n.Add(1))
			}
		})
		b.ReportMetric(float64((cputime.Used()-before).Microseconds())/float64(b.N), "µs-cpu/call")
	})
	b.Run("hit", func(b *testing.B) {
		for b.Loop() {
			ask(1)
		}
	})
}

// BenchmarkStart is the time of the command as a process: version, and the simple
// chat rehearsed.
func BenchmarkStart(b *testing.B) {
	bin := filepath.Join(b.TempDir(), "tinytroupe")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	study, err := filepath.Abs("../../examples/simple-chat/study.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for name, args := range map[string][]string{"version": {"version"}, "chat": {"run", study, "--quiet"}} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				cmd := exec.Command(bin, args...)
				cmd.Dir = b.TempDir()
				cmd.Env = []string{"HOME=" + os.Getenv("HOME")}
				if out, err := cmd.CombinedOutput(); err != nil {
					b.Fatalf("%v\n%s", err, out)
				}
			}
		})
	}
}
