//go:build unix

package openai_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/openai"
)

// BenchmarkGenerate is one whole call over HTTP with a prompt of about 2,000 tokens
// and a schema, to a server that answers at once. cpu-µs/op counts both sides.
func BenchmarkGenerate(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, jsonReply)
	}))
	defer srv.Close()
	req := withSchema(boundedSchema)
	req.System = strings.Repeat("The rules of the game, and a persona. ", 100)
	for i := range 20 {
		role := llm.User
		if i%2 == 1 {
			role = llm.Assistant
		}
		req.Messages = append(req.Messages, llm.Text(role, fmt.Sprintf("[Monday] %d ", i)+strings.Repeat("words said and heard ", 10)))
	}
	m := newModel(b, &openai.Options{BaseURL: srv.URL, Key: "sk-0123456789abcdef"})
	b.ReportAllocs()
	begin := cpu(b)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := m.Generate(b.Context(), req); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64((cpu(b)-begin).Microseconds())/float64(b.N), "cpu-µs/op")
}

// cpu returns the CPU time of the process so far.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
