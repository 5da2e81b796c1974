// Command server is a chatbot to be tested: the help desk of a town library. It answers
// by keywords, knows each conversation by its session, and has the weaknesses that such
// bots have. It uses the standard library alone:
//
//	go run server/main.go
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8700", "the address to listen on")
	flag.Parse()
	l, err := net.Listen("tcp", *addr)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("http://%s\n", l.Addr())
	s := &http.Server{Handler: newDesk(), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(s.Serve(l))
}

// A desk answers POST /chat: {"session","message"} becomes {"answer"}. GET /calls tells
// how many messages it was sent, and how many of them more than once.
type desk struct {
	mu       sync.Mutex
	sessions map[string]int    // messages by conversation
	answers  map[string]string // by idempotency key
	calls    int
	repeated int
}

func newDesk() *desk { return &desk{sessions: map[string]int{}, answers: map[string]string{}} }

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.Method + " " + r.URL.Path {
	case "POST /chat":
		var in struct{ Session, Message string }
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		write(w, map[string]any{"answer": d.answer(in.Session, in.Message, r.Header.Get("Idempotency-Key"))})
	case "GET /calls":
		d.mu.Lock()
		defer d.mu.Unlock()
		write(w, map[string]any{"calls": d.calls, "repeated": d.repeated})
	default:
		http.NotFound(w, r)
	}
}

func write(w http.ResponseWriter, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		log.Print(err)
	}
}

// answer gives the same answer to a message that is sent again.
func (d *desk) answer(session, message, key string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	if a, ok := d.answers[key]; ok && key != "" {
		d.repeated++
		return a
	}
	d.sessions[session]++
	a := reply(message, d.sessions[session])
	if key != "" {
		d.answers[key] = a
	}
	return a
}

// reply is all that the bot knows. n is the number of the message in its conversation.
func reply(message string, n int) string {
	words := strings.ToLower(message)
	for _, known := range []struct{ words, answer string }{
		{"renew", "You can renew a loan twice, in the app or here. I need the number on your card."},
		{"fine", "A late book costs 20 cents a day, and never more than 10 euros."},
		{"open", "We are open from 10 to 19, on Saturdays to 16, and closed on Sundays and Mondays."},
		{"room", "The quiet room has twelve seats. You can book one for two hours."},
		{"bye", "Goodbye, and enjoy your book!"},
		{"thank", "You are welcome. Goodbye!"},
	} {
		if strings.Contains(words, known.words) {
			return known.answer
		}
	}
	if n > 1 {
		return "I am sorry, I still did not understand that. Please call the desk: 555 0142. Goodbye."
	}
	return "I am sorry, I did not understand that. I know about loans, fines, opening hours and rooms."
}
