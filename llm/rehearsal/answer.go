package rehearsal

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A reply is what is said, and what goes through the mind before.
type reply struct {
	thought string
	words   string
	subject string // what it is about, for the state of mind
}

// answer answers a text from outside, or a question that belongs to no topic.
// The whole of text counts; the last question or request in it is what is answered.
func (b *brain) answer(text string) reply {
	question := lastQuestion(text)
	if os := findOptions(text); len(os) >= 2 && (choosing.MatchString(text) || question != "") {
		return b.choose(os, text)
	}
	if selfAsk.MatchString(text) {
		return reply{b.think("I will say who I am."), b.introduction(), "who I am"}
	}
	about := b.subject(text, question)
	if m := scaleAsk.FindStringSubmatch(text); m != nil {
		lo, _ := strconv.Atoi(first(m[1], m[3]))
		hi, _ := strconv.Atoi(first(m[2], m[4]))
		if lo < hi && hi-lo <= 1000 {
			n := b.onScale(question+" "+about, float64(lo), float64(hi))
			return reply{
				b.think(fmt.Sprintf("I have to find a number for %s.", about), "I have to put a number to this."),
				join(b.pick("scale", fmt.Sprintf("I would say %v.", n), fmt.Sprintf("%v, I would say.", n), fmt.Sprintf("My answer is %v.", n)), b.because(question, n < float64(lo+hi)/2)),
				about,
			}
		}
	}
	switch {
	case ideaTask.MatchString(text) && (question == "" || ideaTask.MatchString(question)):
		return b.idea(text, about)
	case whyAsk.MatchString(question):
		return b.why(text, question, about)
	case yesNo.MatchString(question):
		return b.yesOrNo(question, about)
	}
	for _, q := range []string{question, text} {
		if t := topicOf(q); t != nil {
			if as := b.answersTo(t, text); len(as) > 0 {
				words := b.pick("answer", as[0])
				if len(as) > 1 {
					words = join(words, b.pick("answer more", also(as[1])))
				}
				return reply{b.think("I am asked about "+t.mine()+".", "This is about "+t.mine()+", and I can answer that."), words, t.about}
			}
		}
		if q == "" || q == text {
			break
		}
	}
	return b.opinion(text, question, about)
}

// mine is the topic as the person's own: what we like becomes what I like.
func (t *topic) mine() string {
	switch {
	case t.id == "trait":
		return "who I am"
	case t.id == "other":
		return "myself"
	case strings.HasPrefix(t.about, "what "):
		return strings.NewReplacer(" we ", " I ", " us", " me").Replace(t.about)
	}
	return "my " + t.about
}

func (b *brain) think(pool ...string) string { return b.pick("think", pool...) }

func (b *brain) choose(os []option, text string) reply {
	ranked := b.rank(os)
	best, worst := os[ranked[0]], os[ranked[len(ranked)-1]]
	c := best.called()
	about := best.title + " " + best.text
	if len(best.label) > 2 {
		about += " " + best.label
	}
	f, word := b.ground(about, false)
	var reason string
	if word != "" && (best.title != "" || best.text != "") {
		reason = b.pick("reason",
			fmt.Sprintf("It speaks of “%s”, and %s", word, lowerFirst(firstSaying(f))),
			fmt.Sprintf("The word “%s” caught my eye, because %s", word, lowerFirst(firstSaying(f))))
	} else {
		reason = b.because(about, false)
	}
	words := join(
		b.pick("choice", fmt.Sprintf("I would pick %s.", c), fmt.Sprintf("I would choose %s.", c), fmt.Sprintf("I would go for %s.", c), fmt.Sprintf("For me it is still %s.", c)),
		reason)
	if len(os) > 2 && b.chance("worst", 0.4) {
		words = join(words, b.pick("worst", fmt.Sprintf("The one that says least to me is %s.", worst.called())))
	}
	return reply{
		b.think(fmt.Sprintf("Of the %s, %s is closest to what I care about.", number(len(os)), c), fmt.Sprintf("I keep coming back to %s.", c)),
		words, first(plainTitle(best), best.label),
	}
}

func plainTitle(o option) string {
	if count(o.title) <= 6 {
		return o.title
	}
	return ""
}

func firstSaying(f fact) string {
	if ss := f.sayings(); len(ss) > 0 {
		return ss[0]
	}
	return ""
}

func number(n int) string {
	if n >= 2 && n <= 10 {
		return []string{"two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}[n-2]
	}
	return fmt.Sprint(n)
}

// onScale puts a text on a scale by how much the person is for it. The ends of the
// result are lo and hi; the value is whole.
func (b *brain) onScale(text string, lo, hi float64) float64 {
	v := lo + (b.lean(text)+1)/2*(hi-lo)
	return float64(int(v + 0.5))
}

var article3 = regexp.MustCompile(`(?i)\b(?:about|on|of|regarding|concerning|called|named|with|for)\s+((?:(?:the|a|an|your|our|this|these|my|such|new|more|[\p{L}\d'’-]+)\s+){0,5}[\p{L}\d'’-]+)`)

// subject is what a text is about as a noun phrase for the middle of a sentence, or
// "this" where none can be taken from it.
func (b *brain) subject(text, question string) string {
	where := first(question, text)
	if i := strings.IndexAny(where, `"“`); i >= 0 {
		if rest := where[i:]; strings.ContainsAny(rest[1:], `"”`) {
			q, _, _ := strings.Cut(strings.TrimLeft(rest, `"“`), firstQuote(rest))
			if n := count(q); n > 0 && n <= 6 {
				return "“" + strings.TrimSpace(q) + "”"
			}
		}
	}
	for _, m := range article3.FindAllStringSubmatch(where, -1) {
		if np := trimPhrase(m[1]); np != "" {
			return toMe(np)
		}
	}
	run, best := []string{}, []string{}
	for _, w := range strings.Fields(where) {
		core := strings.Trim(w, ".,;:!?\"“”()")
		if !stop[strings.ToLower(core)] && len(core) > 2 && !verbs[strings.ToLower(core)] {
			run = append(run, core)
		} else {
			run = nil
		}
		if len(run) > len(best) && len(run) <= 4 {
			best = append([]string{}, run...)
		}
		if core != w {
			run = nil
		}
	}
	if len(best) > 0 {
		return lowerFirst(strings.Join(best, " "))
	}
	return "this"
}

func firstQuote(s string) string {
	if strings.HasPrefix(s, "“") {
		return "”"
	}
	return `"`
}

// trimPhrase cuts a noun phrase where the sentence goes on.
func trimPhrase(s string) string {
	var out []string
	for i, w := range strings.Fields(s) {
		l := strings.ToLower(w)
		if i > 0 && (stop[l] && l != "the" && l != "of" && l != "new" && l != "your" && l != "a" && l != "my" || strings.HasSuffix(l, "ing") && i > 2) {
			break
		}
		if i == 0 && (l == "you" || l == "me" || l == "yourself" || l == "it" || l == "them" || l == "us" || l == "each" || l == "one" ||
			l == "what" || l == "how" || l == "which" || l == "who" || l == "why" || l == "whether" || l == "that" || l == "this" && count(s) == 1 || l == "yourselves") {
			return ""
		}
		out = append(out, w)
	}
	for len(out) > 0 && (stop[strings.ToLower(out[len(out)-1])]) {
		out = out[:len(out)-1]
	}
	if len(out) == 0 {
		return ""
	}
	return lowerFirst(strings.Join(out, " "))
}

func (b *brain) yesOrNo(question, about string) reply {
	m := yesNo.FindStringSubmatch(question)
	aux, who := strings.ToLower(m[1]), strings.ToLower(m[2])
	if t := topicOf(question); t != nil && who == "you" {
		if as := b.answersTo(t, question); len(as) > 0 {
			return reply{b.think("I am asked about " + t.mine() + "."), join(b.pick("yes there", "Yes, there is something to tell.", "There is, yes."), b.pick("answer", as[0])), t.about}
		}
	}
	lean := b.lean(question)
	var yes, no string
	switch {
	case who == "you":
		switch aux {
		case "are", "were":
			aux = map[string]string{"are": "am", "were": "was"}[aux]
		case "shall", "must", "may", "might", "am", "is", "was", "has", "does":
			aux = "do"
		}
		yes, no = "Yes, I "+aux+".", "No, I "+negated(aux)+"."
		if tail := strings.TrimRight(m[3], "? "); aux == "would" && count(tail) >= 2 && count(tail) <= 9 && !strings.Contains(tail, " or ") && !strings.ContainsAny(tail, ",;:") {
			yes, no = "Yes, I would"+toMe(tail)+".", "No, I would not"+toMe(tail)+"."
		}
	case aux == "should" || aux == "shall":
		yes, no = "Yes, I think so.", "No, I do not think so."
	default:
		yes, no = "I think so, yes.", "I do not think so."
	}
	if about == "this" || count(about) > 6 {
		about = "that"
	}
	if lean >= 0 {
		words := join(b.pick("yes", yes, "Yes.", "Yes, certainly.", "I would say yes.", "Yes, on the whole."), b.because(question, false))
		return reply{b.think("The answer is yes, as far as I am concerned.", "I am for "+about+", on the whole.", "I can say yes to "+about+"."), words, about}
	}
	words := join(b.pick("no", no, "Not really, no.", "No, not for me.", "I would rather say no.", "Hardly."), b.because(question, true))
	return reply{b.think("I would be pretending if I said yes.", "I have my doubts about "+about+".", "I cannot say yes to "+about+"."), words, about}
}

func negated(aux string) string {
	if aux == "can" {
		return "cannot"
	}
	return aux + " not"
}

func (b *brain) why(text, question, about string) reply {
	var pool []string
	for _, f := range b.me.of(trait, belief, goal, habit) {
		if b.told(&f) || len(f.sayings()) == 0 {
			continue
		}
		s := f.sayings()[0]
		if count(s) > 26 || f.kind != trait && overlap(f.stems, text) == 0 {
			continue
		}
		pool = append(pool, "I think it suits me, because "+lowerFirst(s), "It has to do with who I am: "+lowerFirst(s))
	}
	words := b.pick("why", pool...)
	if words == "" {
		words = first(b.because(question, false), b.pick("why", "I could not say exactly why.", "It is more a feeling than a reason."))
	}
	return reply{b.think("Why? I have to think about myself for a moment.", "I am asked for my reasons."), words, about}
}

// idea answers a call for ideas with something that the person would use.
func (b *brain) idea(text, about string) reply {
	var pool []string
	for _, f := range b.me.of(dislike) {
		if n := f.noun; n != "" && count(n) <= 7 {
			pool = append(pool, fmt.Sprintf("My idea is something that spares me %s.", n), fmt.Sprintf("I would like to see something that does away with %s.", n))
		}
	}
	for _, f := range b.me.of(interest, like, workday, habit, weekend) {
		if n := f.noun; n != "" && count(n) <= 7 {
			pool = append(pool, fmt.Sprintf("I would like to have something that makes more room for %s.", n), fmt.Sprintf("What about something that goes well with %s?", n))
		}
	}
	if b.me.job != "" {
		pool = append(pool, fmt.Sprintf("I would ask for something that saves %s an hour a day.", strings.TrimSuffix(b.me.job, ".")))
	}
	idea := b.pick("idea", pool...)
	if idea == "" {
		idea = b.pick("no idea", "I have no further idea.", "That is all that comes to my mind.", "Let me hear what the others think.")
		return reply{b.think("I have said what I had to say on this."), idea, about}
	}
	return reply{
		b.think("I ask myself what would help me.", "I think of my own days and what is missing in them.", "Something small would help me most."),
		join(idea, b.because(idea, strings.Contains(idea, "spares") || strings.Contains(idea, "does away"))),
		about,
	}
}

// opinion says where the person stands on what a text is about.
func (b *brain) opinion(text, question, about string) reply {
	q := first(question, text)
	lean := b.lean(q)
	if about == "this" {
		about = "that"
	}
	var stance string
	if about == "that" || count(about) > 7 {
		about = "that"
		if lean >= 0 {
			stance = b.pick("for", "That sounds right to me.", "I see that in a good light.", "I have no objection to that.")
		} else {
			stance = b.pick("against", "I have my doubts about that.", "I am not convinced of that.", "That is not for me.")
		}
	} else if lean >= 0.3 {
		stance = b.pick("for", fmt.Sprintf("I am all for %s.", about), fmt.Sprintf("I think well of %s.", about), fmt.Sprintf("I see %s in a good light.", about))
	} else if lean >= -0.3 {
		stance = b.pick("middle", fmt.Sprintf("I can see two sides when it comes to %s.", about), fmt.Sprintf("I am in two minds about %s.", about))
	} else {
		stance = b.pick("against", fmt.Sprintf("I have my doubts about %s.", about), fmt.Sprintf("I am not much taken with %s.", about), fmt.Sprintf("I do not expect much of %s.", about))
	}
	thought := b.think(fmt.Sprintf("What do I think about %s?", about), "I should say plainly where I stand.", "I have a feeling about this, and I can say why.")
	if about == "that" {
		thought = b.think("I should say plainly where I stand.", "I have a feeling about this, and I can say why.", "Let me be honest about this.")
	}
	return reply{thought, join(stance, b.because(q, lean < 0)), about}
}
