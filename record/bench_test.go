package record

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/cputime"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// words is text that compresses about as speech does.
func words(r *rand.Rand, n int) string {
	const letters = "etaoinshrdlucmfwypvbgkjqxz"
	var b strings.Builder
	for b.Len() < n {
		w := rand.New(rand.NewPCG(7, uint64(r.ExpFloat64()*300))) // common words are common
		for range 2 + w.IntN(8) {
			b.WriteByte(letters[min(w.IntN(26), w.IntN(26))])
		}
		b.WriteByte(' ')
	}
	return b.String()[:n]
}

// room plays the prompts of people who all hear one another: a fixed prompt of 12 KB,
// a history that only grows, folded at 48,000 characters, and a tail that is not kept.
type room struct {
	r       *rand.Rand
	systems []string
	history [][]llm.Message
	heard   []string
	schema  *llm.Schema
}

func newRoom(people int) *room {
	r := rand.New(rand.NewPCG(1, 2))
	m := &room{r: r, schema: &llm.Schema{Name: "decision", Body: json.RawMessage(`{"type":"object","description":"` + words(r, 1500) + `"}`)}}
	rules := words(r, 5000)
	for range people {
		m.systems = append(m.systems, rules+words(r, 7000))
	}
	m.history = make([][]llm.Message, people)
	return m
}

// turn returns one call of person i and its reply, and lets the others hear it.
func (m *room) turn(i, step int) (*llm.Request, string) {
	kept := fmt.Sprintf("[Monday 2026-03-02 %02d:%02d]\n", 9+step/12, step*5%60) + strings.Join(m.heard[max(0, len(m.heard)-len(m.systems)+1):], "\n")
	state, _ := json.Marshal(map[string]string{"goals": words(m.r, 60), "attention": words(m.r, 40), "emotions": words(m.r, 40)})
	tail := "\n\nPlace: Living room.\nContext: evening; rain.\nWithin reach: Oscar (friend); Lila; Marcos; Sophie.\nState: " + string(state) + "\nIt is your turn."
	req := &llm.Request{System: m.systems[i], Schema: m.schema, Label: llm.Label{World: "room", Step: step, Person: fmt.Sprint("Person ", i), Purpose: "act"}}
	req.Messages = append(append([]llm.Message{}, m.history[i]...), llm.Text(llm.User, kept+tail))
	said := words(m.r, 400)
	reply := `{"actions":[{"type":"TALK","target":"","content":"` + said + `"},{"type":"DONE","target":"","content":""}],"state":` + string(state) + `}`
	m.history[i] = append(m.history[i], llm.Text(llm.User, kept), llm.Text(llm.Assistant, reply))
	size := 0
	for _, x := range m.history[i] {
		size += len(x.Parts[0].Text)
	}
	if size > 48000 {
		h := m.history[i]
		m.history[i] = append([]llm.Message{llm.Text(llm.User, "Earlier, in short: "+words(m.r, 2000))}, h[len(h)/2&^1:]...)
	}
	m.heard = append(m.heard, fmt.Sprintf(`{"type":"CONVERSATION","source":"Person %d","content":"%s"}`, i, said))
	return req, reply
}

// BenchmarkCallsSize records 8 people × 100 steps, on disk and in one caller.
func BenchmarkCallsSize(b *testing.B) {
	const people, steps = 8, 100
	for b.Loop() {
		dir := b.TempDir()
		c, err := openCalls(filepath.Join(dir, callsFile), &callsOptions{})
		if err != nil {
			b.Fatal(err)
		}
		m := newRoom(people)
		var prompts int
		var spent, cpu time.Duration
		for step := range steps {
			for i := range people {
				req, reply := m.turn(i, step+1)
				key := llm.Key("test/one", req)
				for _, x := range req.Messages {
					prompts += len(x.Parts[0].Text)
				}
				start, used := time.Now(), cputime.Used()
				record(b, c, &llm.Call{Key: key, Model: "test/one", Request: req, Label: req.Label, Start: start}, answer(reply))
				cpu += cputime.Used() - used
				spent += time.Since(start)
			}
		}
		if err := c.Close(); err != nil {
			b.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, callsFile))
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/1e6, "MB")
		b.ReportMetric(float64(prompts+people*steps*12000)/1e6, "MB-sent")
		b.ReportMetric(float64(spent.Microseconds())/(people*steps), "µs/call")
		b.ReportMetric(float64(cpu.Microseconds())/(people*steps), "cpu-µs/call")
	}
}

// BenchmarkCallsParallel is what a call costs where 32 are under way.
func BenchmarkCallsParallel(b *testing.B) {
	c := newCalls(b, false)
	m := newRoom(8)
	var reqs []*llm.Request
	for step := range 8 {
		for i := range 8 {
			req, _ := m.turn(i, step+1)
			reqs = append(reqs, req)
		}
	}
	var n atomic.Int64
	b.SetParallelism(16)
	used := cputime.Used()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := n.Add(1)
			req := *reqs[int(i)%len(reqs)]
			msgs := append([]llm.Message{}, req.Messages...)
			msgs[len(msgs)-1] = llm.Text(llm.User, fmt.Sprint(i)+msgs[len(msgs)-1].Parts[0].Text)
			req.Messages = msgs
			record(b, c, call(fmt.Sprintf("%032x", i), &req), answer(fmt.Sprint("reply ", i)))
		}
	})
	b.ReportMetric(float64((cputime.Used()-used).Microseconds())/float64(b.N), "cpu-µs/op")
}

func BenchmarkCallsGet(b *testing.B) {
	c := newCalls(b, true)
	m := newRoom(8)
	var keys []string
	for step := range 10 {
		for i := range 8 {
			req, reply := m.turn(i, step+1)
			keys = append(keys, llm.Key("test/one", req))
			record(b, c, call(keys[len(keys)-1], req), answer(reply))
		}
	}
	n := 0
	for b.Loop() {
		n++
		if _, ok, err := c.Get(keys[n%len(keys)]); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// commit is what one turn journals.
func commit(r *rand.Rand, seq, step int) []tinytroupe.Event {
	at := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC).Add(time.Duration(step) * 5 * time.Minute)
	who := fmt.Sprint("Person ", seq%8)
	return []tinytroupe.Event{
		{Seq: seq, Step: step, Round: 1, Time: at, Kind: tinytroupe.EventActed, Who: who, To: []string{tinytroupe.Everyone}, Seen: seq - 8, Calls: []string{fmt.Sprintf("%032x", seq)},
			Action: &tinytroupe.Action{Kind: tinytroupe.Talk, Content: words(r, 100)}},
		{Seq: seq + 1, Step: step, Round: 1, Time: at, Kind: tinytroupe.EventState, Who: who, State: &tinytroupe.MentalState{Goals: "to choose a TV", Attention: "the adverts", Emotions: "calm"}, End: true},
	}
}

func BenchmarkJournalAppend(b *testing.B) {
	r, err := Create(filepath.Join(b.TempDir(), "r"), nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	j, err := r.Journal("room")
	if err != nil {
		b.Fatal(err)
	}
	evs := commit(rand.New(rand.NewPCG(1, 2)), 10, 1)
	for b.Loop() {
		if err := j.Append(evs...); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(j.size / int64(b.N))
	b.ReportMetric(float64(j.size)/float64(b.N)/2, "bytes/event")
}

// BenchmarkJournalRead reads 10,000 events, opened for writing first, as resume does.
func BenchmarkJournalRead(b *testing.B) {
	r, err := Create(filepath.Join(b.TempDir(), "r"), nil, &Options{Fast: true})
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	j, err := r.Journal("room")
	if err != nil {
		b.Fatal(err)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := 0; i < 10000; i += 2 {
		if err := j.Append(commit(rnd, i+1, i/16+1)...); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(j.size)
	for b.Loop() {
		f, err := r.root.Open(roomPath("room"))
		if err != nil {
			b.Fatal(err)
		}
		if n, err := whole(f, "room"); err != nil || n != j.size {
			b.Fatal(n, err)
		}
		f.Close()
		n := 0
		for _, err := range r.Events("room") {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 10000 {
			b.Fatal(n)
		}
	}
}
