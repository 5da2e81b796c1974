package rehearsal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// A brain works on one request. It never outlives it.
type brain struct {
	seed  uint64
	p     *prompt
	me    *person
	said  map[string]bool // every sentence of the visible history, by anybody
	names map[string]bool // words of the names of those present
	mine  string          // what the person said, in normal form
	draw  string          // tells independent samples apart

	topics map[string]*topic // of the questions of the history
	asked  map[string]bool   // topics that anybody asked about

	heard    []utterance // see heardOf
	heardAll bool
}

func newBrain(m *Model, req *llm.Request) *brain {
	b := &brain{seed: m.seed, p: readPrompt(req, m.read), said: map[string]bool{}, asked: map[string]bool{}, names: map[string]bool{}, topics: map[string]*topic{}}
	b.me = b.p.persona
	if req.Draw > 0 {
		b.draw = fmt.Sprint(req.Draw)
	}
	for _, w := range words(b.me.name) {
		b.names[w] = true
	}
	for _, a := range b.p.near {
		for _, w := range words(a.name) {
			b.names[w] = true
		}
	}
	b.hear(b.p.summary)
	var mine strings.Builder
	for _, t := range b.p.turns {
		for _, s := range t.stimuli {
			b.hear(s.Content)
			if s.Type == "CONVERSATION" {
				b.noteAsked(s.Content)
			}
		}
		for _, a := range t.acts {
			b.hear(a.Content)
			if a.Type == "TALK" {
				b.noteAsked(a.Content)
			}
			if a.Type == "TALK" || a.Type == "THINK" {
				mine.WriteString(normal(a.Content) + "\n")
			}
		}
	}
	b.mine = mine.String()
	return b
}

func (b *brain) noteAsked(text string) {
	for _, s := range sentences(text) {
		if strings.HasSuffix(s, "?") {
			if t := b.topicOf(s); t != nil {
				b.asked[t.id] = true
			}
		}
	}
}

// topicOf is the function of that name, asked once for each question.
func (b *brain) topicOf(question string) *topic {
	t, ok := b.topics[question]
	if !ok {
		t = topicOf(question)
		b.topics[question] = t
	}
	return t
}

func (b *brain) hear(text string) {
	for _, s := range sentences(text) {
		b.said[b.core(s)] = true
	}
}

// normal is a sentence without what does not make it another one.
func normal(s string) string {
	return strings.Join(slices.DeleteFunc(words(s), func(w string) bool { return w == "also" }), " ")
}

// core is a sentence in normal form without the names of those present: "And you,
// Lisa?" and "And you, Oscar?" are one.
func (b *brain) core(s string) string {
	ws := strings.Fields(normal(s))
	if len(ws) > 2 {
		ws = slices.DeleteFunc(ws, func(w string) bool { return b.names[strings.TrimSuffix(w, "'s")] })
	}
	return strings.Join(ws, " ")
}

// pick returns a sentence of pool that nobody has said, and notes that it is said
// now; "" when all are. Which one follows from key and the length of the history.
func (b *brain) pick(key string, pool ...string) string {
	if len(pool) == 0 {
		return ""
	}
	// Going round in order keeps the same frame from coming back soon.
	start := (hash(b.seed, "pick", key, b.me.name, b.draw)%1000 + uint64(len(b.p.turns))) % uint64(len(pool))
	for i := range pool {
		s := pool[(start+uint64(i))%uint64(len(pool))]
		if s != "" && b.unsaid(s) {
			b.hear(s)
			return s
		}
	}
	return ""
}

func (b *brain) unsaid(text string) bool {
	for _, s := range sentences(text) {
		if b.said[b.core(s)] {
			return false
		}
	}
	return true
}

// chance is a coin that falls on its side with the given probability, the same for
// the same person at the same point of the history.
func (b *brain) chance(key string, probability float64) bool {
	return unit(b.seed, "chance", key, b.me.name, b.draw, fmt.Sprint(len(b.p.turns))) < probability
}

// state of one person's conversation since somebody outside last set a task.
type thread struct {
	task     string // what was asked of them then
	goal     bool   // it is a goal of their own
	talks    int    // what the person said since
	goodbye  bool   // the person said goodbye
	heardBye bool
	guide    []string // questions the person was given to ask
	topic    *topic   // the last one that anybody asked about, before what is new
	open     string   // the person's own last question, where it belongs to no topic
	reached  map[string]bool
	turns    int
}

func (b *brain) outside(s stimulus) bool {
	return s.Type == "CONVERSATION" && (s.Source == "" || s.Source != b.me.name && !b.p.isNear(s.Source))
}

var farewell = regexp.MustCompile(`(?i)\b(?:good-?bye|bye|see you|farewell|take care)\b`)

func (b *brain) readThread() thread {
	th := thread{reached: map[string]bool{}}
	for i, t := range b.p.turns {
		now := i == len(b.p.turns)-1
		for _, s := range t.stimuli {
			task := b.outside(s) || s.Type == "INTERNAL_GOAL_FORMULATION"
			if task {
				if g := b.readGuide(s.Content); g != nil {
					th.guide = g
				}
				th.task, th.talks, th.goodbye, th.heardBye, th.turns = s.Content, 0, false, false, 0
				th.goal = !b.outside(s)
			}
			if s.Type == "CONVERSATION" && !task && !now && farewell.MatchString(s.Content) {
				th.heardBye = true
			}
			if s.Type == "CONVERSATION" && !now {
				th.ask(b, s.Content)
			}
		}
		for _, a := range t.acts {
			switch a.Type {
			case "TALK":
				th.talks++
				th.goodbye = th.goodbye || farewell.MatchString(a.Content)
				th.ask(b, a.Content)
				if q := lastQuestion(a.Content); q != "" && !backAsk.MatchString(q) {
					th.open = ""
					if b.topicOf(q) == nil {
						th.open = q
					}
				}
			case "REACH_OUT":
				th.reached[a.Target] = true
			}
		}
		th.turns++
	}
	return th
}

func (th *thread) ask(b *brain, text string) {
	if t := b.topicOf(lastQuestion(text)); t != nil {
		th.topic = t
	}
}

var asker = regexp.MustCompile(`(?i)\b(?:ask|interview|moderat\w+|guide|facilitat\w+|find out|lead the (?:talk|discussion|conversation))\b`)

// readGuide returns the questions that a text gives a person to ask others.
func (b *brain) readGuide(text string) []string {
	job := strings.ToLower(b.me.job)
	if !asker.MatchString(text) && !strings.Contains(job, "moderator") && !strings.Contains(job, "interviewer") {
		return nil
	}
	var qs []string
	for _, s := range sentences(text) {
		s = strings.TrimLeft(s, "-*•0123456789.) \t")
		if strings.HasSuffix(s, "?") && count(s) >= 3 {
			qs = append(qs, upperFirst(oneLine(s)))
		}
	}
	if len(qs) < 2 && !strings.Contains(job, "moderator") && !strings.Contains(job, "interviewer") {
		return nil
	}
	return qs
}

func lastQuestion(text string) string {
	q := ""
	for _, s := range sentences(text) {
		if strings.HasSuffix(strings.TrimRight(s, `"”’') `), "?") {
			q = s
		}
	}
	return q
}

// nickOf is what the person calls somebody: the first name, or the whole name where
// two within reach share it.
func (b *brain) nickOf(name string) string {
	n := nick(name)
	same := 0
	for _, a := range b.p.near {
		if nick(a.name) == n {
			same++
		}
	}
	if same > 1 || n == "" || n == b.me.nick {
		return name
	}
	return n
}

// familiar reports whether the person has met somebody before.
func (b *brain) familiar(name string) bool {
	if _, ok := b.me.relations[name]; ok {
		return true
	}
	for _, a := range b.p.near {
		if a.name == name {
			r := strings.ToLower(a.relation)
			for _, w := range []string{"friend", "colleague", "wife", "husband", "partner", "brother", "sister", "mother", "father", "neighbour", "neighbor", "boss", "cousin", "flatmate", "roommate", "mate"} {
				if strings.Contains(r, w) {
					return true
				}
			}
		}
	}
	return false
}

// once keeps the first time somebody is called by name in what is said to them.
func once(words, n string) string {
	first, rest, ok := strings.Cut(words, n)
	if !ok || n == "" {
		return words
	}
	for _, end := range []string{".", "?", "!", ":", ";"} {
		rest = strings.ReplaceAll(rest, ", "+n+end, end)
	}
	return first + n + rest
}

// join makes one line of speech out of sentences, leaving out empty ones.
func join(parts ...string) string {
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return strings.Join(out, " ")
}
