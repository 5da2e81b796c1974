package bot_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/mind/bot"
)

// TestSentOnce: one Generate is one request, also where a kept connection breaks: a
// transport that sends it again by itself would send what nobody records.
func TestSentOnce(t *testing.T) {
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) > 1 {
			panic(http.ErrAbortHandler)
		}
		w.Write([]byte("yes"))
	}))
	defer s.Close()
	b, err := bot.New(&bot.Options{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	turn, err := json.Marshal(bot.Turn{Said: "Well?", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	for i, fails := range []bool{false, true} {
		_, err := b.Generate(t.Context(), &llm.Request{Messages: []llm.Message{llm.Text(llm.User, string(turn))}})
		if (err != nil) != fails || n.Load() != int64(i+1) {
			t.Errorf("call %d: %v after %d requests", i+1, err, n.Load())
		}
	}
}
