package study

import (
	"context"
	"hash/maphash"
	"strings"
	"sync"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// spot is a step and what a model does in it.
type spot struct {
	verb int
	role Role
}

// tallied is what a rehearsal used.
type tallied struct {
	loads    map[spot]load
	turns    map[int]map[string]int // by step and room: rounds in which people acted
	calls    map[spot]map[string]int
	parallel int
	folds    bool // a memory was summed up
	open     bool // answers decided who took part
	longest  int  // history in a prompt, in tokens

	history, words float64 // tokens of all prompts without what is fixed, and of them those that models wrote
}

// wordy is how much of what is in memories models wrote.
func (t *tallied) wordy() float64 {
	if t.history == 0 {
		return 0
	}
	return t.words / t.history
}

// load returns what was counted, and how many calls must follow one another at most in
// any room: rounds of turns, and questions beyond those that are asked at once.
func (t *tallied) load(at spot) load {
	l := t.loads[at]
	for room, n := range t.calls[at] {
		k := t.turns[at.verb][room]
		if k == 0 {
			k = (n + t.parallel - 1) / t.parallel
		}
		l.rounds = max(l.rounds, k)
	}
	return l
}

// counting counts what is called in a rehearsal.
type counting struct {
	tallied
	people map[string]bool // by name: whose words are in prompts
	played map[string]bool // those of them that models play
	most   int
	known  func(Role, *llm.Request) (*llm.Response, bool, error)
	stop   context.CancelCauseFunc
	seed   maphash.Seed

	mu    sync.Mutex
	under map[string]int // the step under way, by room; "" is of looks
	round map[string][2]int
	seen  map[Role]map[uint64]struct{} // prefixes, in whole blocks
	read  int                          // tokens
}

func newCounting(s *Study, o *EstimateOptions, stop context.CancelCauseFunc) *counting {
	c := &counting{
		tallied: tallied{loads: map[spot]load{}, turns: map[int]map[string]int{}, calls: map[spot]map[string]int{}, parallel: o.Parallel},
		people:  map[string]bool{}, played: map[string]bool{}, most: o.Most, known: o.Known, stop: stop, seed: maphash.MakeSeed(),
		under: map[string]int{}, round: map[string][2]int{}, seen: map[Role]map[uint64]struct{}{},
	}
	if c.parallel <= 0 {
		c.parallel = usualParallel
	}
	for _, g := range s.People {
		for _, p := range g.People {
			c.people[p.Name()], c.played[p.Name()] = true, g.HTTP == nil && !g.Human
		}
	}
	return c
}

func (c *counting) progress(p Progress) {
	if p.Phase == Ended {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	room := ""
	if p.Room.Of > 0 {
		room = p.Room.Name()
	}
	c.under[room] = p.Verb
}

// observe counts rounds in which somebody acts whom a model plays.
func (c *counting) observe(room Room, events []tinytroupe.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := room.Name()
	for i := range events {
		ev := &events[i]
		now := [2]int{ev.Step, ev.Round}
		if ev.Kind != tinytroupe.EventActed || ev.Round == 0 || !c.played[ev.Who] || c.round[name] == now {
			continue
		}
		c.round[name] = now
		verb := max(1, c.under[name])
		if c.turns[verb] == nil {
			c.turns[verb] = map[string]int{}
		}
		c.turns[verb][name]++
	}
}

// counted is a model that is counted.
type counted struct {
	llm.Model
	c    *counting
	role Role
	room string
}

func (m *counted) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	if m.c.known != nil {
		if resp, ok, err := m.c.known(m.role, req); ok || err != nil {
			return resp, err
		}
	}
	if err := m.c.request(m, req); err != nil {
		return nil, err
	}
	resp, err := m.Model.Generate(ctx, req)
	if resp != nil {
		m.c.reply(m, resp)
	}
	return resp, err
}

// at is where a call of a model belongs. People whose memories are summed up between two
// parts are counted with the step before.
func (c *counting) at(m *counted) spot { return spot{max(1, c.under[m.room]), m.role} }

// request counts a request, unless the limit is reached.
func (c *counting) request(m *counted, req *llm.Request) error {
	l := load{calls: 1, written: float64(c.written(m.role, req))}
	all := llm.EstimateInput(req)
	l.fixed = float64(all) - l.written
	blocks, chars := c.prefixes(req)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.read += all; c.most > 0 && c.read > c.most {
		c.stop(ErrLong)
		return ErrLong
	}
	if c.seen[m.role] == nil {
		c.seen[m.role] = map[uint64]struct{}{}
	}
	shared := 0
	for _, b := range blocks {
		if _, ok := c.seen[m.role][b]; ok {
			shared++
		}
		c.seen[m.role][b] = struct{}{}
	}
	l.shared = float64(all) * float64(shared*cacheBlock) / float64(max(chars, 1))
	at := c.at(m)
	sum := c.loads[at]
	sum.add(l)
	c.loads[at] = sum
	if c.calls[at] == nil {
		c.calls[at] = map[string]int{}
	}
	c.calls[at][m.room]++
	if m.role == Acts {
		history := all - llm.EstimateInput(&llm.Request{System: req.System, Schema: req.Schema})
		c.longest, c.history, c.words = max(c.longest, history), c.history+float64(history), c.words+l.written
	}
	c.folds = c.folds || req.Label.Purpose == "consolidate"
	return nil
}

func (c *counting) reply(m *counted, resp *llm.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.at(m)
	sum := c.loads[at]
	sum.output += float64(llm.Tokens(resp.Text))
	c.loads[at] = sum
}

// written returns the tokens of what models wrote in a request: replies, what people
// said, and what is remembered of it. Who extracts or judges reads little else.
func (c *counting) written(role Role, req *llm.Request) int {
	n := 0
	for i := range req.Messages {
		msg := &req.Messages[i]
		for _, p := range msg.Parts {
			switch {
			case role != Acts || msg.Role == llm.Assistant || strings.HasPrefix(p.Text, "Earlier, in short: "):
				n += llm.Tokens(p.Text)
			default:
				for line := range strings.Lines(p.Text) {
					if c.said(line) {
						n += llm.Tokens(line)
					}
				}
			}
		}
	}
	return n
}

// said reports whether a line of a prompt holds what somebody said or remembers; see
// package mind for its form.
func (c *counting) said(line string) bool {
	if strings.HasPrefix(line, "Recalled: ") || strings.HasPrefix(line, "State: ") {
		return true
	}
	_, source, ok := strings.Cut(line, `"source":"`)
	if !ok || !strings.HasPrefix(line, `{"type":`) {
		return false
	}
	name, _, _ := strings.Cut(source, `"`)
	return c.people[name]
}

// prefixes returns a hash of each beginning of a prompt that ends with a whole block,
// and the length of the prompt.
func (c *counting) prefixes(req *llm.Request) (blocks []uint64, chars int) {
	var text []byte
	if req.Schema != nil {
		text = append(append(text, req.Schema.Body...), '\n')
	}
	text = append(text, req.System...)
	for i := range req.Messages {
		text = append(append(append(text, "\n<"...), req.Messages[i].Role...), ">\n"...)
		for _, p := range req.Messages[i].Parts {
			text = append(text, p.Text...)
			if p.Image != nil {
				text = append(text, p.Image.Data...)
			}
		}
	}
	var h maphash.Hash
	h.SetSeed(c.seed)
	chars = len(text)
	for ; len(text) >= cacheBlock; text = text[cacheBlock:] {
		h.Write(text[:cacheBlock])
		blocks = append(blocks, h.Sum64())
	}
	return blocks, chars
}
