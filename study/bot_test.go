package study_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// What the chatbot takes from the environment into its headers, its body and its
// address.
const (
	token   = "tok-0123456789"
	inBody  = "//body-0123456789" // which is no address
	inQuery = "query%2F0123456789"
)

// botServer is a chatbot that counts: how often each turn came, and how many came at
// once.
type botServer struct {
	*httptest.Server
	mu     sync.Mutex
	keys   map[string]int
	said   map[string][]string // by session
	now    atomic.Int64
	most   atomic.Int64
	fail   func(key string, times int) int // a status to answer with; 0 is none
	bad    []string
	fields string
}

func newBot(t *testing.T, delay time.Duration) *botServer {
	t.Helper()
	s := &botServer{keys: map[string]int{}, said: map[string][]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := s.now.Add(1)
		defer s.now.Add(-1)
		for m := s.most.Load(); n > m && !s.most.CompareAndSwap(m, n); m = s.most.Load() {
		}
		time.Sleep(delay)
		data, _ := io.ReadAll(r.Body)
		var in struct{ Session, Message, Tone, Secret string }
		key := r.Header.Get("Idempotency-Key")
		s.mu.Lock()
		defer s.mu.Unlock()
		if err := json.Unmarshal(data, &in); err != nil || r.Header.Get("Authorization") != "Bearer "+token || r.URL.RawQuery != "k="+inQuery || key == "" {
			s.bad = append(s.bad, fmt.Sprintf("%s %v", data, r.Header))
		}
		s.keys[key]++
		s.fields = string(data)
		if s.fail != nil {
			if status := s.fail(key, s.keys[key]); status != 0 {
				http.Error(w, "not now, "+token+" "+inBody+" "+inQuery+" "+r.URL.Query().Get("k"), status)
				return
			}
		}
		s.said[in.Session] = append(s.said[in.Session], in.Message)
		fmt.Fprintf(w, `{"out":[{"answer":%q}]}`, fmt.Sprintf("%s to %q, %s %s %s", in.Tone, in.Message, r.Header.Get("Authorization"), inBody, r.URL.RawQuery))
	}))
	t.Cleanup(s.Close)
	return s
}

// loadBot loads a study of n customers with the chatbot.
func loadBot(t *testing.T, s *botServer, n, parallel int) *study.Study {
	t.Helper()
	fsys := fstest.MapFS{"study.yaml": {Data: fmt.Appendf(nil, `
title: Support
people:
  customers: {file: people, assign: {task: [{id: a}, {id: b}]}}
  bot:
    http:
      url: ${env.BOT_URL}/chat?k=${env.BOT_QUERY}
      headers: {Authorization: "Bearer ${env.BOT_TOKEN}"}
      body: {session: "${room.id}", message: "${said}", tone: "${person.tone}", n: 1.50, deep: [true, null, {secret: "${env.BOT_BODY}"}, [], {}]}
      reply: /out/0/answer
      timeout: 5s
      parallel: %d
    assign: {tone: [kind]}
script:
  - scene: support
    rooms: each
    with: bot
    do:
      - goal: Task ${person.task.id}
      - run: {steps: 6, until: {said: "enough of step 3", by: customers}}
`, parallel)}}
	for i := range n {
		fsys[fmt.Sprintf("people/c%03d.agent.json", i)] = &fstest.MapFile{Data: fmt.Appendf(nil, `{"name":"C%03d"}`, i)}
	}
	st, err := study.Load("study.yaml", &study.LoadOptions{FS: fsys, Env: func(name string) (string, bool) {
		v, ok := map[string]string{"BOT_URL": s.URL, "BOT_TOKEN": token, "BOT_BODY": inBody, "BOT_QUERY": inQuery}[name]
		return v, ok
	}})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// customer is a mind that asks.
type customer struct{}

func (customer) Decide(_ context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	return &tinytroupe.Decision{Actions: []tinytroupe.Action{{Kind: tinytroupe.Talk, Content: fmt.Sprintf("%s has enough of step %d", p.Persona.Name(), p.Step)}}}, nil
}

func stacked(calls *llm.MemoryCalls) func(m llm.Model, parallel int) llm.Model {
	return func(m llm.Model, parallel int) llm.Model {
		return llm.Wrap(m, llm.Cache(calls), llm.Retry(&llm.RetryOptions{First: time.Millisecond}),
			llm.Limit(llm.NewLimiter(&llm.LimiterOptions{Parallel: parallel})), llm.Meter(calls))
	}
}

// TestManyBotRooms: 200 conversations with a chatbot, 20 at once; each call is made
// once, and each conversation is by itself.
func TestManyBotRooms(t *testing.T) {
	server := newBot(t, 5*time.Millisecond)
	s := loadBot(t, server, 200, 20)
	sh := &shelf{}
	o := sh.options(customer{})
	calls := llm.NewMemory()
	o.Around = stacked(calls)
	begun := time.Now()
	res, err := s.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if d := time.Since(begun); d > 30*time.Second {
		t.Errorf("%v", d)
	}
	if len(res.Rooms) != 200 || len(server.keys) != 600 || len(server.bad) > 0 {
		t.Fatalf("%d rooms, %d turns, %q", len(res.Rooms), len(server.keys), server.bad)
	}
	for key, n := range server.keys {
		if n != 1 {
			t.Errorf("turn %s came %d times", key, n)
		}
	}
	if m := server.most.Load(); m > 20 || m < 10 {
		t.Errorf("%d calls at once", m)
	}
	if got := strings.Join(server.said["support/C007"], "|"); got != "C007 has enough of step 1|C007 has enough of step 2|C007 has enough of step 3" {
		t.Errorf("%q", got)
	}
	if got := sh.talk("support/C007", "bot"); len(got) != 3 || got[0] != `kind to "C007 has enough of step 1", Bearer *** *** k=***` {
		t.Errorf("%q", got)
	}
	if want := `"tone":"kind","n":1.50,"deep":[true,null,{"secret":"` + inBody + `"},[],{}]}`; !strings.HasSuffix(server.fields, want) {
		t.Error(server.fields)
	}
	ids := map[string]int{}
	for _, g := range s.People[:1] {
		for _, p := range g.People {
			ids[p.Get("task.id").(string)]++
			if p.Persona.Get("task") != nil {
				t.Error("they are told")
			}
		}
	}
	if ids["a"] != 100 || ids["b"] != 100 {
		t.Error(ids)
	}
	noSecrets(t, sh, calls)
	// Going on from what any rooms kept makes no call again.
	want := sh.lines(t)
	for name, l := range sh.logs {
		at := l.commits()
		sh.logs[name] = &log{events: slices.Clone(l.events[:at[len(at)/2]])}
	}
	o = sh.options(customer{})
	o.Around = stacked(calls)
	if _, err := s.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for name, lines := range sh.lines(t) {
		if !slices.Equal(lines, want[name]) {
			t.Fatalf("%s differs", name)
		}
	}
	for key, n := range server.keys {
		if n != 1 {
			t.Errorf("turn %s came %d times", key, n)
		}
	}
}

func noSecrets(t *testing.T, sh *shelf, calls *llm.MemoryCalls) {
	t.Helper()
	for name, lines := range sh.lines(t) {
		if hasSecret(strings.Join(lines, "")) {
			t.Errorf("a secret in the journal of %s", name)
		}
	}
	b, err := json.Marshal(calls.All())
	if err != nil {
		t.Fatal(err)
	}
	if hasSecret(string(b)) {
		t.Error("a secret in the calls")
	}
}

func hasSecret(s string) bool {
	return strings.Contains(s, token) || strings.Contains(s, inBody) || strings.Contains(s, inQuery) || strings.Contains(s, "query/")
}

// TestBotBody: two bodies that are sent differently are different.
func TestBotBody(t *testing.T) {
	bodies := map[string]bool{}
	for _, value := range []string{"[]", "{}", "null", "'[]'", "[[]]", "[{}]", "0"} {
		s := load(t, `people: {ann: {persona: {age: 3}}, bot: {http: {url: "http://127.0.0.1", body: {m: "${said}", a: `+value+`}}}}`+"\nscript: [{run: 1}]\n")
		b, err := json.Marshal(s.People[1].HTTP.Body)
		if err != nil || bodies[string(b)] {
			t.Errorf("%s: %s, %v", value, b, err)
		}
		bodies[string(b)] = true
	}
}

// TestBotFails: what passes is sent again and counted; what does not ends the run, and
// says where.
func TestBotFails(t *testing.T) {
	server := newBot(t, 0)
	first := map[string]bool{}
	server.fail = func(key string, times int) int {
		if len(first) < 3 && times == 1 {
			first[key] = true
			return []int{500, 429, 503}[len(first)-1]
		}
		return 0
	}
	s := loadBot(t, server, 5, 2)
	calls := llm.NewMemory()
	sh := &shelf{}
	o := sh.options(customer{})
	o.Around = stacked(calls)
	if _, err := s.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	repeated := 0
	for _, n := range server.keys {
		repeated += n - 1
	}
	if repeated != 3 || len(calls.All()) != 15+3 {
		t.Errorf("%d repeated, %d calls", repeated, len(calls.All()))
	}
	noSecrets(t, sh, calls)

	server.fail = func(string, int) int { return http.StatusForbidden }
	sh = &shelf{}
	o = sh.options(customer{})
	_, err := s.Run(t.Context(), o)
	var e *llm.Error
	if !errors.As(err, &e) || e.Status != 403 || hasSecret(err.Error()) {
		t.Fatal(err)
	}
	for _, want := range []string{"study.yaml:20: run: support/C00", ": step 1: bot: http/bot: ${env.BOT_URL}/chat?k=${env.BOT_QUERY} (127.0.0.1:", ": HTTP 403: not now, *** *** *** ***"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
	// With failures tolerated, each room goes on without the bot's turns.
	sh = &shelf{}
	o = sh.options(customer{})
	o.Tolerate = func(error) bool { return true }
	if _, err := s.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		room := fmt.Sprintf("support/C%03d", i)
		if n := len(sh.talk(room, fmt.Sprintf("C%03d", i))); n != 3 {
			t.Errorf("%s: %d turns", room, n)
		}
	}
}

// TestHuman: a study with a human asks at the terminal, or is refused.
func TestHuman(t *testing.T) {
	s := load(t, `
people:
  ann: {persona: {name: Ann}}
  guest: {human: Sam}
script:
  - say: Who are you?
  - run: 2
`)
	sh := &shelf{}
	o := sh.options(customer{})
	_, err := s.Run(t.Context(), o)
	if !errors.Is(err, study.ErrNoTerminal) || !strings.Contains(err.Error(), "people: guest is asked at the terminal") {
		t.Error(err)
	}
	var out strings.Builder
	o.In, o.Out = strings.NewReader("I am Sam.\n\n"), &out
	if _, err := s.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if got := sh.talk("all", "Sam"); !slices.Equal(got, []string{"I am Sam."}) {
		t.Errorf("%q", got)
	}
	if !strings.Contains(out.String(), "USER: Who are you?") || !strings.Contains(out.String(), "Ann: Ann has enough of step 2") {
		t.Error(out.String())
	}
}

// TestNetwork: those are acquainted who are related, and no others.
func TestNetwork(t *testing.T) {
	s := load(t, `
world: {network: edges.csv}
people:
  ann: {persona: {name: Ann Lee}}
  bo: {persona: {name: Bo}}
  cy: {persona: {name: Cy}}
script:
  - run: 1
`, "edges.csv", "from,to,relation\nann, Bo ,\"sister, elder\"\nBo,Cy,\n")
	sh := &shelf{}
	res, err := s.Run(t.Context(), sh.options(customer{}))
	if err != nil {
		t.Fatal(err)
	}
	v := res.Rooms[0].World.View()
	if got := fmt.Sprint(v.Situation("Bo").Near); got != "[{Ann Lee sister, elder} {Cy }]" {
		t.Error(got)
	}
	if v.Reaches("Ann Lee", "Cy") {
		t.Error("Ann reaches Cy")
	}
	for _, ev := range sh.logs["all"].events {
		if ev.Kind == tinytroupe.EventActed && ev.Who == "Ann Lee" && ev.Action.Kind == tinytroupe.Talk && !slices.Equal(ev.To, []string{"Bo"}) {
			t.Errorf("Ann is heard by %v", ev.To)
		}
	}
}

// TestAssign deals three values out among ten: they are attributes in texts and
// selectors, and nobody is told.
func TestAssign(t *testing.T) {
	var files []string
	for i := range 12 {
		files = append(files, fmt.Sprintf("people/p%02d.agent.json", i), fmt.Sprintf(`{"name":"P%02d","age":%d}`, i, 20+i))
	}
	files = append(files, "tasks.csv", "id,goal\n1,Call\n2,Write\n3,Leave\n")
	text := `
seed: %d
vars: {tasks: {rows: tasks.csv}}
people:
  callers: {file: [people/p0*.agent.json, people/p10.agent.json], where: {age: 21..40}, count: 8, assign: {task: tasks, tone: [warm, cold], id: tasks.id}}
script:
  - goal: ${person.task.goal} in a ${person.tone} way
  - say: Only some
    to: {task.id: 2..3, tone: cold}
`
	s := load(t, fmt.Sprintf(text, 1), files...)
	people := s.People[0].People
	count := map[string]int{}
	for _, p := range people {
		count[p.Get("task.goal").(string)]++
		count[p.Get("tone").(string)]++
		count["id"+p.Get("id").(string)]++
		if p.Persona.Get("tone") != nil || p.Name() == "P00" || p.Name() == "P11" {
			t.Errorf("%s: %s", p.Name(), p.Persona.JSON())
		}
	}
	if len(people) != 8 || count["warm"] != 4 || count["cold"] != 4 || count["Call"]+count["Write"]+count["Leave"] != 8 || min(count["Call"], count["Write"], count["Leave"]) != 2 {
		t.Error(len(people), count)
	}
	sh := &shelf{}
	if _, err := s.Run(t.Context(), sh.options(customer{})); err != nil {
		t.Fatal(err)
	}
	goals, told := 0, 0
	for _, ev := range sh.logs["all"].events {
		switch {
		case ev.Stimulus == nil:
		case ev.Stimulus.Kind == tinytroupe.Goal:
			goals++
		default:
			told = len(ev.To)
		}
	}
	want := 0
	for _, p := range people {
		if p.Get("tone") == "cold" && p.Get("task.id") != "1" {
			want++
		}
	}
	if goals != 8 || told != want || want == 0 {
		t.Errorf("%d goals, %d told, want %d", goals, told, want)
	}
	again, other := load(t, fmt.Sprintf(text, 1), files...), load(t, fmt.Sprintf(text, 2), files...)
	deal := func(s *study.Study) (list []string) {
		for _, p := range s.People[0].People {
			list = append(list, fmt.Sprint(p.Name(), p.Assigned))
		}
		return list
	}
	if !slices.Equal(deal(s), deal(again)) || slices.Equal(deal(s), deal(other)) {
		t.Errorf("%v\n%v", deal(s), deal(other))
	}
}
