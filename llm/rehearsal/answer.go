package rehearsal

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
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
			n := b.onScale(matter(text, question), float64(lo), float64(hi))
			return reply{
				b.think("I have to put a number to this.", "How much is it, in one number?"),
				join(b.pick("scale", fmt.Sprintf("I would say %v.", n), fmt.Sprintf("I would give it %v.", n), fmt.Sprintf("My answer is %v.", n)), b.because(matter(text, question), n < float64(lo+hi)/2)),
				"the number I give",
			}
		}
	}
	switch {
	case ideaTask.MatchString(text) && (question == "" || ideaTask.MatchString(question)):
		return b.idea(about)
	case whyAsk.MatchString(question):
		return b.why(text, question, about)
	case yesNo.MatchString(question):
		return b.yesOrNo(text, question, about)
	}
	for _, q := range []string{question, text} {
		if t := topicOf(q); q != "" && t != nil && (question == "" || q == question) {
			if as := b.answersTo(t, text); len(as) > 0 {
				words := b.pick("answer", as[0])
				if len(as) > 1 {
					words = join(words, b.pick("answer more", also(as[1])))
				}
				return reply{b.think("I am asked about "+t.mine()+".", "This is about "+t.mine()+", and I can answer that."), words, t.about}
			}
		}
	}
	switch {
	case question == "" && order.MatchString(text):
		return reply{b.think("I will see what I can do."), b.pick("order", "I will do that.", "Very well, I will see to it.", "I will do what I can."), about}
	case question == "" && !asking.MatchString(text):
		return b.statement(text)
	case plainWh.MatchString(question) && !asking.MatchString(question):
		return b.particular(text, question)
	}
	return b.opinion(text, question, about)
}

var (
	asking  = regexp.MustCompile(`(?i)\b(?:what do (?:you|we) (?:think|feel|say|make of)|what does .{1,60} mean|how do you feel|your (?:opinion|view|thoughts|take|impression)|tell (?:me|us)|describe|explain|discuss|share|comment|debate|talk about|argue|think about|say what|let (?:me|us) know)\b`)
	order   = regexp.MustCompile(`(?i)^(?:please |now |then )*(?:write|draft|prepare|send|call|go|wait|read|stop|continue|listen|stay|remember|keep|do|use|be|try|start|open|close|bring|buy|take|make)\b`)
	plainWh = regexp.MustCompile(`(?i)^(?:so,? |and |but |now,? |well,? )?(?:what|which|who|whom|whose|where|when|how)\b`)
)

// statement reacts to news.
func (b *brain) statement(text string) reply {
	lean := b.lean(text)
	r := reply{thought: b.think("I take that in for a moment.", "That is worth knowing.", "I had not heard of that before."), subject: "the news"}
	switch {
	case lean >= 0.2:
		r.words = b.pick("news for", "That sounds good to me.", "I am glad to hear that.", "That is good news, as far as I can tell.")
	case lean < -0.2:
		r.words = b.pick("news against", "That does not sound good to me.", "I am not happy to hear that.", "I would rather it were not so.")
	default:
		r.words = b.pick("news", "I see.", "I did not know that.", "We shall see what comes of it.")
	}
	r.words = join(r.words, b.because(text, lean < 0))
	return r
}

// particular answers a question for a fact that the persona may not give.
func (b *brain) particular(text, question string) reply {
	l := strings.ToLower(question)
	if strings.Contains(l, "would") && !strings.HasPrefix(l, "how") {
		return b.idea("this")
	}
	r := reply{thought: b.think("I have to think about that.", "That is not a question I hear often.", "How shall I put it?"), subject: "the question I was asked"}
	for _, f := range b.me.facts {
		if overlap(f.stems, question) >= 2 || overlap(f.stems, question) == 1 && len(keywords(question)) <= 2 {
			if ss := f.sayings(); len(ss) > 0 && !b.told(&f) {
				r.words = b.pick("particular", ss...)
				return r
			}
		}
	}
	want := b.lean(matter(text, question))
	switch {
	case strings.Contains(l, "how often"):
		r.words = first(b.pick("often", map[bool]string{true: "Several times a week, I would say.", false: "Not often, I would say."}[want > 0]), "As often as before.")
	case strings.Contains(l, "how much"), strings.Contains(l, "how many"):
		r.words = b.pick("much", map[bool]string{true: "More than you might think.", false: "Not much, I would say."}[want > 0], "It is hard to give a number.")
	case strings.Contains(l, "how long"), strings.HasPrefix(l, "when"):
		r.words = b.pick("long", "It depends on the day.", "Whenever I find the time.", "That is different every time.")
	case strings.HasPrefix(l, "how"):
		for _, f := range b.me.of(trait) {
			if f.said != "" && !b.told(&f) {
				r.words = b.pick("how", "I would go about it as I do most things: "+lowerFirst(f.said), "In my own way: "+lowerFirst(f.said))
				break
			}
		}
		r.words = first(r.words, b.pick("how", "I have my own way of doing that.", "One step after another."))
	default:
		var rather []string
		for _, f := range b.me.of(like, interest) {
			if n := f.thing(); n != "" && !b.told(&f) {
				rather = append(rather, "I would rather talk about "+n+".", "Ask me about "+n+" instead.")
			}
		}
		r.words = join(b.pick("unknown", "I have never given that much thought.", "I could not name just one thing.", "I have no good answer to that."), b.pick("rather", rather...))
	}
	return r
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
			fmt.Sprintf("It speaks of “%s”, and %s", word, lowerFirst(f.plain())),
			fmt.Sprintf("The word “%s” caught my eye, because %s", word, lowerFirst(f.plain())))
	} else {
		reason = b.because(about, false)
	}
	words := join(
		b.pick("choice", fmt.Sprintf("I would pick %s.", c), fmt.Sprintf("I would choose %s.", c), fmt.Sprintf("I would go for %s.", c), fmt.Sprintf("For me it is %s.", c)),
		reason)
	if len(os) > 2 && b.chance("worst", 0.4) {
		words = join(words, b.pick("worst", fmt.Sprintf("The one that says least to me is %s.", worst.called())))
	}
	return reply{
		b.think(fmt.Sprintf("Of the %s, %s is closest to what I care about.", number(len(os)), c), fmt.Sprintf("I keep coming back to %s.", c), fmt.Sprintf("If I had to decide today, it would be %s.", c), "I have compared them, and one stands out.", "It is not a hard choice for me."),
		words, first(plainTitle(best), best.label),
	}
}

func plainTitle(o option) string {
	if count(o.title) <= 6 {
		return o.title
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

var (
	prepositions = set("about on of regarding concerning called named with for")
	inside       = set("of from at in for with to on the a an my your our new and")
	breaks       = set("is are was were be been being am do does did have has had can could will would should must may might when where while because if but or so than then as there here not please also too more most all any some up out off into over after before between during through i'm it's that's there's don't isn't")
	determiners  = set("a an the my your our this these those his her their its another new")
	notNouns     = set("you me yourself yourselves it them us each one what how which who why whether that i he she they myself scale everyone")
)

// subject is what a text is about as a noun phrase for the middle of a sentence, or
// "this" where none can be taken from it.
func (b *brain) subject(text, question string) string {
	for _, where := range []string{question, text} {
		if q := quotedIn(where); q != "" {
			return "“" + q + "”"
		}
		if np := nounPhrase(where); np != "" {
			return toMe(np)
		}
	}
	return "this"
}

var inQuotes = regexp.MustCompile(`"([^"\n]{2,60})"|“([^”\n]{2,60})”`)

func quotedIn(s string) string {
	if m := inQuotes.FindStringSubmatch(s); m != nil {
		if q := unstopped(first(m[1], m[2])); count(q) <= 6 {
			return q
		}
	}
	return ""
}

// nounPhrase finds a noun phrase by what stands before it: a preposition such as
// about, a determiner, or a verb.
func nounPhrase(s string) string {
	fields := strings.Fields(s)
	for pass := range 3 {
		for i, field := range fields {
			w := strings.ToLower(strings.Trim(field, ",;:.!?()"))
			_, isVerb := base(w)
			isVerb = isVerb || verbs[w]
			start := i + 1
			switch {
			case pass == 0 && prepositions[w]:
			case pass == 1 && determiners[w]:
				start = i
			case pass == 2 && isVerb:
			default:
				continue
			}
			if start > i && strings.Trim(field, ",;:.!?()") != field {
				continue
			}
			np := phraseAt(fields[start:])
			if np != "" && (pass < 2 && determiners[strings.ToLower(firstWord(np))] || plural(np) || count(np) >= 2 || strings.HasSuffix(firstWord(np), "ing") || pass == 0 && unicode.IsUpper(firstRune(fields[start]))) {
				return np
			}
		}
	}
	return ""
}

// phraseAt reads a noun phrase from the start of words, at most seven long.
func phraseAt(fields []string) string {
	var out []string
	for i, field := range fields {
		core := strings.Trim(field, ",;:.!?()")
		l := strings.ToLower(core)
		if i == 0 && (notNouns[l] || breaks[l] || inside[l] && !determiners[l]) || i >= 7 || core == "" || strings.HasPrefix(field, "(") {
			break
		}
		if i > 0 && (breaks[l] || notNouns[l]) || i > 2 && strings.HasSuffix(l, "ing") {
			break
		}
		out = append(out, core)
		if core != field {
			break
		}
	}
	for len(out) > 0 && (inside[strings.ToLower(out[len(out)-1])] || determiners[strings.ToLower(out[len(out)-1])]) {
		out = out[:len(out)-1]
	}
	if len(out) == 0 {
		return ""
	}
	return lowerFirst(strings.Join(out, " "))
}

// matter is the part of a text that a stance is taken on: the question, or all of it
// where the question says too little.
func matter(text, question string) string {
	if len(keywords(question)) >= 2 {
		return question
	}
	return text
}

func (b *brain) yesOrNo(text, question, about string) reply {
	m := yesNo.FindStringSubmatch(question)
	aux, who := strings.ToLower(m[1]), strings.ToLower(m[2])
	if t := topicOf(question); t != nil && who == "you" {
		if as := b.answersTo(t, question); len(as) > 0 {
			return reply{b.think("I am asked about " + t.mine() + "."), join(b.pick("yes there", "Yes, there is something to tell.", "There is, yes."), b.pick("answer", as[0])), t.about}
		}
	}
	on := matter(text, question)
	lean := b.lean(on)
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
	firm := aux == "would" || aux == "should" || aux == "will" // a stance, not a fact
	if !firm {
		about = "the question I was asked"
	}
	if lean >= 0 {
		words := join(b.pick("yes", yes, "Yes.", "Yes, certainly.", "I would say yes.", "Yes, on the whole."), b.because(on, false))
		pool := []string{"The answer is yes, as far as I am concerned.", "I can say yes without lying."}
		if firm {
			pool = append(pool, "I am for "+about+", on the whole.", "I can say yes to "+about+".")
		}
		return reply{b.think(pool...), words, about}
	}
	words := join(b.pick("no", no, "Not really, no.", "No, not for me.", "I would rather say no.", "Hardly."), b.because(on, true))
	pool := []string{"I would be pretending if I said yes.", "No, if I am honest."}
	if firm {
		pool = append(pool, "I have my doubts about "+about+".", "I cannot say yes to "+about+".")
	}
	return reply{b.think(pool...), words, about}
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
		s := f.plain()
		if b.told(&f) || s == "" {
			continue
		}
		if f.kind != trait && overlap(f.stems, text) == 0 {
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

// idea answers a call for ideas with what the person would have use for.
func (b *brain) idea(about string) reply {
	it := upperFirst(about)
	if about == "this" || count(about) > 7 || strings.Contains(about, "idea") {
		it = "It"
	}
	var pool []string
	for _, f := range rotate(b.me.of(dislike, interest, like, weekend, evening), int(hash(b.seed, "idea", b.me.name)%97)) {
		switch n := f.thing(); {
		case n == "" || count(n) > 8:
		case f.kind == dislike:
			pool = append(pool, it+" should spare me "+n+".", "I would like something that keeps me away from "+n+".")
		default:
			pool = append(pool, it+" should leave me more time for "+n+".", "I would like something that goes well with "+n+".")
		}
	}
	r := reply{b.think("I ask myself what would help me.", "I think of my own days and what is missing in them.", "Something small would help me most.", "There must be a better way."), b.pick("idea", pool...), about}
	if r.words == "" {
		r.words = b.pick("no idea", "I have no further idea.", "That is all that comes to my mind.", "Let me hear what the others think.")
		return r
	}
	for i, f := range b.me.of(work, workday, trait) {
		if i == 0 && f.kind == work && b.me.job != "" {
			if !working(b.me.job) {
				continue
			}
			if !b.chance("as", 0.5) {
				continue
			}
			if s := b.pick("use", "As "+b.me.job+" I would use that every day.", "As "+b.me.job+" I know what is missing."); s != "" {
				r.words = join(r.words, s)
				break
			}
			continue
		}
		if f.said != "" && !b.told(&f) && count(f.said) <= 25 {
			reason := map[kind]string{work: "I would use it in my work: ", workday: "My days are full: ", trait: "I know what I need: "}[f.kind]
			r.words = join(r.words, b.pick("use", reason+lowerFirst(f.said)))
			break
		}
	}
	return r
}

// opinion says where the person stands on what a text is about.
func (b *brain) opinion(text, question, about string) reply {
	q := matter(text, question)
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
