package rehearsal

import (
	"regexp"
	"slices"
	"strings"
)

// A topic is something two people can talk about: how it is asked, how a question
// about it is recognised, and which facts answer it.
type topic struct {
	id       string
	about    string // "my work", for what goes through the mind
	kinds    []kind
	match    *regexp.Regexp
	ask      []string // to somebody met for the first time
	familiar []string // to a friend; nil where a friend would know
}

var topics = []topic{
	{"work", "work", []kind{work},
		regexp.MustCompile(`(?i)\b(?:for a living|your (?:work|job|profession|occupation|career|role)\b|what do you do(?: for work)?\?|work (?:on|as)\b|work these days|work like|kind of work)`),
		[]string{"What do you do for a living?", "What is your work like?"},
		[]string{"How is your work these days?"}},
	{"interest", "interests", []kind{interest, like},
		regexp.MustCompile(`(?i)(?:interest(?:s|ed)? (?:you|in)|your (?:interests|hobbies|free time)|not working|for fun|outside (?:of )?work|free time|spare time)`),
		[]string{"What do you do when you are not working?", "What are you interested in?"},
		[]string{"What have you been up to outside of work?"}},
	{"day", "working days", []kind{workday, habit},
		regexp.MustCompile(`(?i)(?:working days?|day at work|typical day|day look like)`),
		[]string{"What does a working day look like for you?"},
		[]string{"What fills your working days at the moment?"}},
	{"like", "what we like", []kind{like, interest},
		regexp.MustCompile(`(?i)(?:enjoy|do you like most|you like best|makes you happy|give you joy)`),
		[]string{"What do you enjoy most?", "What makes you happy?"},
		[]string{"What do you enjoy most at the moment?"}},
	{"weekend", "weekends", []kind{weekend},
		regexp.MustCompile(`(?i)\bweekends?\b`),
		[]string{"How do you spend your weekends?"},
		[]string{"What are your weekends like these days?"}},
	{"goal", "plans", []kind{goal},
		regexp.MustCompile(`(?i)(?:achieve|your (?:plans|goals|dreams|aims)|hop(?:e|ing) for|dream of|next (?:few )?years|where do you see)`),
		[]string{"What would you like to achieve one day?", "What are you hoping for in the next years?"},
		[]string{"What are your plans for the next years?"}},
	{"belief", "what matters to us", []kind{belief},
		regexp.MustCompile(`(?i)(?:matters? (?:most )?to you|believe in|your (?:values|beliefs|principles)|important to you)`),
		[]string{"What matters most to you?", "What do you believe in?"},
		[]string{"What matters most to you just now?"}},
	{"evening", "evenings", []kind{evening},
		regexp.MustCompile(`(?i)\bevenings?\b|after work`),
		[]string{"What do your evenings look like?"},
		[]string{"How do you spend your evenings now?"}},
	{"skill", "skills", []kind{skill},
		regexp.MustCompile(`(?i)(?:good at|ask you for help|your (?:skills|strengths|talents)|do well)`),
		[]string{"What are you good at?", "What would people ask you for help with?"},
		nil},
	{"home", "home", []kind{home},
		regexp.MustCompile(`(?i)(?:where (?:do you (?:live|come from)|are you from|are you based)|you come from|grow up|your home)`),
		[]string{"Where do you live?", "Where are you from?"},
		nil},
	{"dislike", "what we do not like", []kind{dislike},
		regexp.MustCompile(`(?i)(?:cannot stand|can't stand|do you (?:dislike|hate)|not like\b|bother(?:s|ing)?|annoy|frustrat|difficult|your (?:problems?|pain points?|worries)|biggest (?:problem|challenge)|challenges?)`),
		[]string{"Is there anything you cannot stand?"},
		[]string{"Is anything bothering you at the moment?"}},
	{"morning", "mornings", []kind{morning},
		regexp.MustCompile(`(?i)\bmornings?\b|day begin|start (?:of )?your day`),
		[]string{"How does your day begin?"},
		[]string{"What are your mornings like these days?"}},
	{"trait", "who we are", []kind{trait},
		regexp.MustCompile(`(?i)(?:describe yourself|describe you\b|kind of person|your (?:personality|character)|what are you like)`),
		[]string{"How would your friends describe you?"},
		nil},
	{"other", "ourselves", []kind{other, trait},
		regexp.MustCompile(`(?i)(?:not guess|about yourself|more about you|else about you|about you\b|never guess)`),
		[]string{"Is there something about you that people would not guess?"},
		nil},
}

var (
	backAsk  = regexp.MustCompile(`(?i)^(?:and (?:you|yours?|what about you)\b|(?:what|how) about you\b|is it the same|how is (?:that|it) (?:for|with) you|and (?:how|what) is it (?:for|with) you|and what would you say)`)
	whyAsk   = regexp.MustCompile(`(?i)^(?:but |and )?(?:why|how come|what makes you (?:say|think|so)|what do you like about|what is it about|for what reason|what (?:is|was) (?:the|your) (?:main )?reason)\b`)
	selfAsk  = regexp.MustCompile(`(?i)(?:introduce yourse|tell (?:me|us) (?:something |a (?:bit|little) )?about yoursel|who are you\b|present yoursel|describe yoursel)`)
	chatTask = regexp.MustCompile(`(?i)(?:talk (?:to|with) (?:each other|one another|him|her|them)|get to know|have a (?:chat|conversation|talk)|chat\b|converse|talk to [A-Z]|know (?:him|her|them|each other|one another) better|make conversation|small talk)`)
	ideaTask = regexp.MustCompile(`(?i)\b(?:ideas?|brainstorm\w*|suggest\w*|propos\w+|come up with|features?|improve(?:ments?)?|invent)\b`)
	yesNo    = regexp.MustCompile(`(?i)^(?:so,? |and |but |now,? |then,? |in that case,? )?(do|does|did|would|will|are|is|was|were|have|has|had|can|could|should|shall|must|may|might|am)(?:n't|n’t)? (you|your|we|i|it|this|that|there|he|she|they|the|a|an|people|everyone|anyone|[\p{L}-]+)\b(.*)\?$`)
	scaleAsk = regexp.MustCompile(`(?i)\b(?:scale (?:of|from)|from|between) (\d+) (?:to|and|-) (\d+)\b|(\d+)\s*(?:-|–|to)\s*(\d+) scale`)
)

// topicOf says which topic a question is about.
func topicOf(question string) *topic {
	for i := range topics {
		if topics[i].match.MatchString(question) {
			return &topics[i]
		}
	}
	return nil
}

// answersTo returns the facts that answer a topic and can still be told, those that
// bear on text first.
func (b *brain) answersTo(t *topic, text string) []string {
	if t.id == "home" {
		return b.home()
	}
	var facts []fact
	for _, k := range t.kinds {
		of := b.me.of(k)
		if k == interest || k == like || k == belief || k == goal || k == habit {
			of = rotate(of, int(hash(b.seed, "order", b.me.name, string(k))%97))
		}
		facts = append(facts, of...)
	}
	if t.id != "work" { // where the title comes first
		slices.SortStableFunc(facts, func(x, y fact) int { return overlap(y.stems, text) - overlap(x.stems, text) })
	}
	var out []string
	for _, f := range facts {
		if b.told(&f) {
			continue
		}
		ss := f.sayings()
		if len(ss) == 0 || count(ss[0]) > 30 {
			continue
		}
		out = append(out, ss[int(hash(b.seed, "saying", f.raw)%uint64(len(ss)))])
	}
	return out
}

// told reports whether the person has used a fact in any of its forms.
func (b *brain) told(f *fact) bool {
	for _, s := range f.sayings() {
		if !b.unsaid(s) {
			return true
		}
		if strings.Contains(b.mine, normal(s)) { // as part of a longer sentence
			return true
		}
	}
	return false
}

func rotate[T any](s []T, n int) []T {
	if len(s) < 2 {
		return s
	}
	n %= len(s)
	return append(append([]T{}, s[n:]...), s[:n]...)
}

func (b *brain) home() []string {
	var out []string
	if b.me.residence != "" && count(b.me.residence) <= 6 {
		out = append(out, "I live in "+b.me.residence+".", "My home is in "+b.me.residence+".")
	}
	if n := b.me.nationality; n != "" && count(n) <= 2 {
		out = append(out, "I am "+upperFirst(n)+".")
	}
	for _, s := range out {
		if !b.unsaid(s) {
			return nil
		}
	}
	return out[:min(len(out), 1)]
}

// introduction is who the person is in one or two sentences.
func (b *brain) introduction() string {
	s := "I am " + b.me.name
	if b.me.name == "" {
		s = "I am somebody of few words"
	}
	if b.me.age != "" && len(b.me.age) <= 3 {
		s += ", " + b.me.age + " years old"
	}
	out := []string{s + "."}
	if w := b.me.of(work); len(w) > 0 && w[0].said != "" {
		out = append(out, w[0].said)
	}
	if h := b.home(); len(h) > 0 {
		out = append(out, h[0])
	}
	out = slices.DeleteFunc(out, func(s string) bool { return !b.unsaid(s) })
	for _, s := range out {
		b.hear(s)
	}
	for _, id := range []string{"interest", "like", "goal"} {
		if more := b.answersTo(byID(id), ""); len(more) > 0 {
			out = append(out, b.pick("intro", more[0]))
			break
		}
	}
	return join(out...)
}

func byID(id string) *topic {
	for i := range topics {
		if topics[i].id == id {
			return &topics[i]
		}
	}
	return &topics[0]
}

// nextTopic is what to ask name about next: what bears on the task, then what comes
// first in an order that is the same for both. It is nil when all has been asked.
func (b *brain) nextTopic(name, task string) *topic {
	var open []*topic
	for i := range topics {
		t := &topics[i]
		if b.familiar(name) && t.familiar == nil || b.asked[t.id] {
			continue
		}
		open = append(open, t)
	}
	if len(open) == 0 {
		return nil
	}
	for _, t := range open {
		if t.match.MatchString(task) {
			return t
		}
	}
	n := min(len(open), 2)
	return open[hash(b.seed, "topic", b.me.name, open[0].id)%uint64(n)]
}
