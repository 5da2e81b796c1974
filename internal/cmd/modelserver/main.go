// Modelserver serves the stand-in model over OpenAI's API on a loopback port, with
// faults on demand, to try programs by hand. On an interrupt it prints what it
// counted.
//
//	go run ./internal/cmd/modelserver -addr 127.0.0.1:9930 -latency 500ms -parallel 8 -fault rate -every 10
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "modelserver:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	var (
		fs       = flag.NewFlagSet("modelserver", flag.ContinueOnError)
		addr     = fs.String("addr", "127.0.0.1:9930", "where to listen")
		latency  = fs.Duration("latency", 0, "before each answer")
		parallel = fs.Int("parallel", 0, "calls at once; more are answered 429")
		fault    = fs.String("fault", "", "what goes wrong: rate, server-error, reset, truncated-body, hang, fenced, length, filter, …")
		param    = fs.String("param", "", "for -fault reject-parameter: its name")
		every    = fs.Int("every", 1, "which calls have the fault: each n-th")
		reject   = fs.String("reject", "", "parameters never accepted, with commas between")
		seed     = fs.Uint64("seed", 0, "of the stand-in model")
	)
	if err := fs.Parse(args); err != nil {
		return err
	}
	o := &llmtest.ServerOptions{
		Model:    rehearsal.New(&rehearsal.Options{Seed: *seed}),
		Models:   []string{"rehearsal"},
		Latency:  *latency,
		Parallel: *parallel,
		Faults:   llmtest.Every(*every, llmtest.Fault{Kind: llmtest.FaultKind(*fault), Param: *param, RetryAfter: time.Second}),
	}
	if *reject != "" {
		o.Reject = strings.Split(*reject, ",")
	}
	h := llmtest.NewHandler(o)
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		return err
	}
	fmt.Printf("http://%s/v1\n", l.Addr())
	srv := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	defer context.AfterFunc(ctx, func() { h.Close(); srv.Close() })()
	err = srv.Serve(l)
	fmt.Printf("%+v\n", h.Stats())
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
