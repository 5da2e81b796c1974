package bot_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/mind/bot"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Example lets somebody talk with a chatbot that repeats what it hears.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Message string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		fmt.Fprintf(w, `{"answer": %q}`, "You said: "+in.Message)
	}))
	defer server.Close()
	b, err := bot.New(&bot.Options{URL: server.URL, Reply: "/answer"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer b.Close()
	w := tinytroupe.NewWorld("Chat", &bot.Mind{Model: b, Room: "1"}, nil)
	p, err := w.Add(tinytroupe.NewPersona("bot"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	acts, err := p.ListenAndAct(context.Background(), "Hello!")
	fmt.Println(acts[0].Content, err)
	// Output: You said: Hello! <nil>
}

func turn(t *testing.T, said string) *llm.Request {
	t.Helper()
	b, err := json.Marshal(bot.Turn{Room: "r", Person: "bot", Step: 1, Said: said, Key: "key"})
	if err != nil {
		t.Fatal(err)
	}
	return &llm.Request{Messages: []llm.Message{llm.Text(llm.User, string(b))}}
}

// TestErrors: whatever a server does, the error names it, says what is wrong, and shows
// no secret.
func TestErrors(t *testing.T) {
	const secret = "hunter2-hunter2"
	for _, c := range []struct {
		name, reply string
		status      int
		body        string
		want        string
		again       bool
	}{
		{"ok", "/a/0/b~1c", 200, `{"a": [{"b/c": "hi"}]}`, "", false},
		{"number", "/n", 200, `{"n": 1.50}`, "", false},
		{"text", "", 200, "just text\n", "", false},
		{"empty", "/a", 200, `{"a": ""}`, "", false},
		{"server", "/a", 500, "oops " + secret, "HTTP 500: temporary failure: oops ***", true},
		{"busy", "/a", 429, "", "HTTP 429: rate limited", true},
		{"denied", "/a", 401, "no Bearer " + secret, "HTTP 401: no ***", false},
		{"moved", "/a", 302, "", "HTTP 302", false},
		{"html", "/a", 200, "<html>", "the reply is not JSON", false},
		{"two", "/a", 200, `{"a":"x"}{}`, "something follows", false},
		{"missing", "/a/b", 200, `{"a":{"c":1}}`, `the reply has nothing at /a/b: "a/b" is missing`, false},
		{"index", "/a/01", 200, `{"a":["x","y"]}`, "is missing", false},
		{"null", "/a", 200, `{"a":null}`, "is no text", false},
		{"object", "/a", 200, `{"a":{}}`, "is no text", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got http.Header
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = r.Header.Clone()
				_, _ = io.Copy(io.Discard, r.Body)
				w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			}))
			defer s.Close()
			b, err := bot.New(&bot.Options{Name: "shop", URL: s.URL + "/chat?token=" + secret, Reply: c.reply, Header: http.Header{"Authorization": {"Bearer " + secret}}})
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			resp, err := b.Generate(t.Context(), turn(t, "Hello"))
			if got.Get("Idempotency-Key") != "key" || got.Get("Authorization") != "Bearer "+secret || got.Get("Content-Type") != "application/json" {
				t.Errorf("%v", got)
			}
			if c.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if want := map[string]string{"ok": `"hi"`, "number": `"1.50"`, "text": `"just text"`, "empty": `""`}[c.name]; resp.Text != want {
					t.Errorf("%s, want %s", resp.Text, want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "http/shop: "+s.URL+"/chat") {
				t.Errorf("%v", err)
			}
			if strings.Contains(fmt.Sprintf("%v %+v %#v", err, err, err), secret) {
				t.Errorf("a secret in %v", err)
			}
			if again := errors.Is(err, llm.ErrTransient) || errors.Is(err, llm.ErrRate); again != c.again {
				t.Errorf("sent again: %t: %v", again, err)
			}
		})
	}
}

func TestNoAnswer(t *testing.T) {
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-hang:
		case <-r.Context().Done():
		}
	}))
	defer s.Close()
	defer close(hang)
	b, err := bot.New(&bot.Options{URL: s.URL, Timeout: 30 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Generate(t.Context(), turn(t, "x")); !errors.Is(err, llm.ErrTransient) || !strings.Contains(err.Error(), "no reply within 30ms") {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Generate(ctx, turn(t, "x")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	dead, err := bot.New(&bot.Options{URL: "http://user:pass-word@127.0.0.1:1/x?key=secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer dead.Close()
	_, err = dead.Generate(t.Context(), turn(t, "x"))
	if !errors.Is(err, llm.ErrTransient) || !strings.HasPrefix(err.Error(), "http/bot: http://127.0.0.1:1/x: temporary failure: ") || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "pass-word") {
		t.Error(err)
	}
	for _, o := range []*bot.Options{{URL: "ftp://x"}, {URL: "nowhere"}, {URL: "http://x", Reply: "answer"}, {URL: "http://x", Reply: "/~2"}} {
		if _, err := bot.New(o); err == nil {
			t.Errorf("%+v", o)
		}
	}
}

// TestMind: what was said goes in, whoever spoke is answered, and what is not speech is
// not heard.
func TestMind(t *testing.T) {
	var turns []bot.Turn
	m := &bot.Mind{Room: "r", Seed: 4, Model: model(func(req *llm.Request) (string, error) {
		var x bot.Turn
		if err := json.Unmarshal([]byte(req.Messages[0].Parts[0].Text), &x); err != nil {
			return "", err
		}
		turns = append(turns, x)
		if req.Label != (llm.Label{World: x.Room, Step: x.Step, Person: "bot", Purpose: "act"}) {
			return "", fmt.Errorf("label %+v", req.Label)
		}
		return `"Yes <b>"`, nil
	})}
	say := func(step int, stimuli ...tinytroupe.Stimulus) []tinytroupe.Action {
		t.Helper()
		d, err := m.Decide(t.Context(), &tinytroupe.Perception{Persona: tinytroupe.NewPersona("bot"), Step: step, Stimuli: stimuli,
			Situation: tinytroupe.Situation{Near: []tinytroupe.Acquaintance{{Name: "Ann"}, {Name: "Bo"}}}})
		if err != nil {
			t.Fatal(err)
		}
		return d.Actions
	}
	talk := func(from, text string) tinytroupe.Stimulus {
		return tinytroupe.Stimulus{Kind: tinytroupe.Conversation, Source: from, Content: text}
	}
	for _, c := range []struct {
		stimuli []tinytroupe.Stimulus
		target  string
		said    string
	}{
		{[]tinytroupe.Stimulus{talk("Ann", "a"), {Kind: tinytroupe.Thought, Content: "hidden"}, talk("Ann", "b & c")}, "Ann", "a\nb & c"},
		{[]tinytroupe.Stimulus{talk("Ann", "a"), talk("Bo", "b")}, "Ann, Bo", "a\nb"},
		{[]tinytroupe.Stimulus{talk("", "from outside")}, "everyone", "from outside"},
		{[]tinytroupe.Stimulus{talk("Radio", "hear hear"), talk("Bo", "b")}, "Bo", "hear hear\nb"},
		{[]tinytroupe.Stimulus{talk("Radio", "hear hear")}, "everyone", "hear hear"},
	} {
		acts := say(len(turns)+1, c.stimuli...)
		if len(acts) != 1 || acts[0] != (tinytroupe.Action{Kind: tinytroupe.Talk, Target: c.target, Content: "Yes <b>"}) {
			t.Errorf("%+v", acts)
		}
		if got := turns[len(turns)-1].Said; got != c.said {
			t.Errorf("%q", got)
		}
	}
	if acts := say(9, tinytroupe.Stimulus{Kind: tinytroupe.Goal, Content: "g"}); len(acts) != 0 || len(turns) != 5 {
		t.Errorf("%+v, %d turns", acts, len(turns))
	}
	// The key is of the turn: the same when it is sent again, another for each, be it of
	// the same step.
	turns = nil
	say(1, talk("Ann", "a"))
	say(1, talk("Ann", "a"))
	say(1, talk("Ann", "something else"))
	say(2, talk("Ann", "a"))
	other := *m
	other.Room = "s"
	m = &other
	say(1, talk("Ann", "a"))
	first := turns[0].Key
	if turns[1].Key != first || turns[2].Key == first || turns[3].Key == first || turns[4].Key == first || len(first) != 32 {
		t.Errorf("%+v", turns)
	}
}

type model func(*llm.Request) (string, error)

func (model) Name() string { return "http/bot" }

func (m model) Generate(_ context.Context, req *llm.Request) (*llm.Response, error) {
	s, err := m(req)
	return &llm.Response{Text: s}, err
}

func FuzzReply(f *testing.F) {
	f.Add(`{"a":[1,{"b":"c"}]}`, "/a/1/b")
	f.Add(`[]`, "/-")
	f.Add(`"x"`, "")
	f.Fuzz(func(t *testing.T, reply, pointer string) {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, reply) }))
		defer s.Close()
		b, err := bot.New(&bot.Options{URL: s.URL, Reply: pointer})
		if err != nil {
			return
		}
		defer b.Close()
		resp, err := b.Generate(t.Context(), turn(t, "x"))
		if (resp == nil) == (err == nil) {
			t.Fatal(resp, err)
		}
	})
}
