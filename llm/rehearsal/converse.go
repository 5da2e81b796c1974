package rehearsal

import (
	"fmt"
	"regexp"
	"strings"
)

// A telling is a sentence in which somebody says something of themselves.
type telling struct {
	kind  kind
	what  string // the part that matters, in the speaker's words
	whole string
}

var tellings = []struct {
	kind kind
	re   *regexp.Regexp
}{
	{work, regexp.MustCompile(`^(?:(?:My name is|I am) [^,.]+, and )?I (?:work as|am) (an? [^,.!?]+?)(?: (?:at|for) [^,.!?]+)?[.!]$`)},
	{home, regexp.MustCompile(`^(?:I live in|I am from|My home is in) ([^.!?]+)[.!]$`)},
	{dislike, regexp.MustCompile(`^I (?:do not care for|do not like|don't like|cannot stand|can do without|dislike|hate) ([^.!?]+)[.!]$`)},
	{interest, regexp.MustCompile(`^I am (?:interested in|curious about) ([^.!?]+)[.!]$`)},
	{interest, regexp.MustCompile(`^I find ([^.!?]+) fascinating[.!]$`)},
	{like, regexp.MustCompile(`^I (?:really )?(?:like|love|enjoy|am fond of) ([^.!?]+)[.!]$`)},
	{goal, regexp.MustCompile(`^I (?:want|hope|would like|am hoping) to ([^.!?]+?)(?: one day)?[.!]$`)},
	{goal, regexp.MustCompile(`^I am working towards ([^.!?]+)[.!]$`)},
	{skill, regexp.MustCompile(`^I (?:am good at|know my way around) ([^.!?]+)[.!]$`)},
	{belief, regexp.MustCompile(`^(?:I believe that|To my mind,|In my view,|I believe in|I care about) ([^.!?]+)[.!]$`)},
	{morning, regexp.MustCompile(`^In the morning I ([^.!?]+)[.!]$`)},
	{weekend, regexp.MustCompile(`^At the weekend I ([^.!?]+)[.!]$`)},
	{evening, regexp.MustCompile(`^In the evening I ([^.!?]+)[.!]$`)},
	{workday, regexp.MustCompile(`^On a working day I ([^.!?]+)[.!]$`)},
	{morning, regexp.MustCompile(`^([^.!?]+) (?:is|are) part of my mornings[.!]$`)},
	{evening, regexp.MustCompile(`^([^.!?]+) (?:is|are) part of my evenings[.!]$`)},
	{weekend, regexp.MustCompile(`^([^.!?]+) (?:is|are) part of my weekends[.!]$`)},
	{workday, regexp.MustCompile(`^([^.!?]+) (?:is|are) part of my working day[.!]$`)},
	{other, regexp.MustCompile(`^(?:I|My) ([^.!?]+)[.!]$`)},
}

// tellingsIn finds what a speaker says of themselves, in order.
func tellingsIn(text string) []telling {
	var out []telling
	for _, s := range sentences(text) {
		if strings.Contains(s, " you ") { // about the other, not of oneself
			continue
		}
		for _, t := range tellings {
			if m := t.re.FindStringSubmatch(s); m != nil {
				out = append(out, telling{t.kind, m[1], s})
				break
			}
		}
	}
	return out
}

// react says something to what name told, or "" when nothing fits.
func (b *brain) react(name, text string, th thread) string {
	n := b.nickOf(name)
	ts := tellingsIn(text)
	if len(ts) == 0 {
		return b.pick("react", "That is good to know, "+n+".", "I see what you mean, "+n+".", "Thank you for telling me, "+n+".", "I had not looked at it that way.")
	}
	t := ts[len(ts)-1]
	for _, x := range ts { // what touches the person comes first
		if x.kind != other && x.kind != work && shared(b.me.pro, x.what) != "" {
			t = x
			break
		}
	}
	if t.kind == other && th.topic != nil {
		t.kind = th.topic.kinds[0]
		t.what = ""
	}
	you := toYou(t.what)
	short := count(you) > 0 && count(you) <= 9 && !strings.Contains(you, ",")
	if t.kind == like || t.kind == interest || t.kind == skill || t.kind == weekend || t.kind == evening {
		for _, f := range b.me.of(like, interest, weekend, evening) {
			if k := overlap(f.stems, t.what); k > 0 && 2*k >= min(len(f.stems), len(keywords(t.what))) && !b.told(&f) && f.plain() != "" {
				s := lowerFirst(f.plain())
				return b.pick("common", "We have that in common, "+n+": "+s, "Then we have something to share: "+s, "That is close to me too: "+s)
			}
		}
		if w := shared(b.me.contra, t.what); w != "" && short {
			return b.pick("contrary", fmt.Sprintf("I must admit that %s is not for me, %s.", w, n), fmt.Sprintf("We differ there, %s.", n))
		}
	}
	var pool []string
	switch t.kind {
	case work:
		if t.what != "" {
			pool = []string{"I have always wondered what it is like to be " + t.what + "."}
		}
		if notWorking.MatchString(text) {
			return b.pick("react", "Then your days are your own.", "That can be harder than it sounds, "+n+".")
		}
		pool = append(pool, "That sounds like work that keeps you busy.", "I imagine that no two days are the same for you.", "You must have a lot to tell about that, "+n+".")
	case home:
		pool = []string{"It is good to know where somebody comes from."}
		if t.what != "" {
			pool = []string{"I would like to see " + t.what + " one day.", "So " + t.what + " is home for you."}
		}
	case like, interest:
		if short {
			pool = []string{"I can see why you like " + you + ".", "I know too little about " + you + ".", "I would gladly hear more about " + you + "."}
		}
		pool = append(pool, "That is a good thing to care about.", "I can tell that you mean it, "+n+".")
	case dislike:
		if short {
			pool = []string{"I can understand that about " + you + "."}
		}
		pool = append(pool, "Many people would agree with you there, "+n+".", "I will keep that in mind, "+n+".")
	case goal:
		if firstWord(t.what) != "a" && verbs[firstWord(t.what)] && short {
			pool = []string{"I hope that you manage to " + you + "."}
		}
		pool = append(pool, "I wish you luck with that, "+n+".", "That is a plan worth having, "+n+".", "I would not mind having such a plan myself.")
	case skill:
		if short {
			pool = []string{"It must be useful to be good at " + you + "."}
		}
		pool = append(pool, "I might ask you for help one day, "+n+".")
	case belief:
		if b.lean(t.what) >= 0 {
			pool = []string{"I see it as you do, " + n + ".", "I agree with you there, " + n + ".", "You are right about that."}
		} else {
			pool = []string{"I am not sure I would go that far, " + n + ".", "I see that a little differently, " + n + ".", "There I have my doubts."}
		}
	case morning, workday:
		pool = []string{"That sounds like a good habit.", "You seem to have your day in order, " + n + ".", "My days look quite different."}
	case weekend, evening:
		pool = []string{"That sounds like time well spent, " + n + ".", "You make good use of your time.", "I should do that more often myself."}
	case trait:
		pool = []string{"I think I can see that in you, " + n + ".", "It is good when people know themselves."}
	default:
		pool = []string{"I would not have guessed that, " + n + ".", "I am glad you tell me that.", "That says a lot about you, " + n + ".", "Now I know you a little better.", "That is worth knowing."}
	}
	return b.pick("react", pool...)
}

// backTo is how a question is given back.
func (b *brain) backTo(name string) string {
	n := b.nickOf(name)
	return b.pick("back", "And you, "+n+"?", "What about you, "+n+"?", "How about you?", "How is that for you, "+n+"?", "And what would you say, "+n+"?", "Is it the same with you, "+n+"?", "And what about you, "+n+"?", "How is it with you, "+n+"?")
}

// greet opens a conversation.
func (b *brain) greet(name string) string {
	n := b.nickOf(name)
	if b.familiar(name) {
		return b.pick("greet", "Hello "+n+", good to see you again.", "Hi "+n+", it is good to see you.")
	}
	return b.pick("greet", "Hello "+n+", it is good to meet you.", "Hello "+n+", nice to meet you.", "Hi "+n+".")
}

// greeted reports whether the person has said something to somebody, or to all, in the
// visible history.
func (b *brain) greeted(name string) bool {
	for _, t := range b.p.turns {
		for _, a := range t.acts {
			if a.Type == "TALK" && (a.Target == "" || a.Target == name) {
				return true
			}
		}
	}
	return false
}

// ask puts a question on what comes next, or "" when all has been asked.
func (b *brain) ask(name, task string) (string, *topic) {
	if about := aboutIn(task); about != "" {
		if q := b.pick("about", "What do you think about "+about+"?"); q != "" {
			return q, nil
		}
	}
	for range len(topics) {
		t := b.nextTopic(name, task)
		if t == nil {
			return "", nil
		}
		pool := t.ask
		if b.familiar(name) {
			pool = t.familiar
		}
		b.asked[t.id] = true
		if q := b.pick("ask", pool...); q != "" {
			return q, t
		}
	}
	return "", nil
}

var aboutTask = regexp.MustCompile(`(?i)\b(?:talk|chat|speak|converse|conversation|discuss\w*|debate)\b.{0,40}?\babout (.+)`)

// aboutIn is what a task wants people to talk about, where none of the usual topics
// is meant.
func aboutIn(task string) string {
	m := aboutTask.FindStringSubmatch(task)
	if m == nil || topicOf(m[1]) != nil || strings.HasPrefix(m[1], "your") {
		return ""
	}
	return phraseAt(strings.Fields(m[1]))
}

// goodbye ends a conversation.
func (b *brain) goodbye(name string, second bool) string {
	n := b.nickOf(name)
	if second {
		return b.pick("bye", "Goodbye, "+n+", it was good to talk to you.", "Goodbye, "+n+", and thank you for the talk.", "See you, "+n+". I enjoyed our talk.")
	}
	return b.pick("bye", "I have to go now, "+n+". I enjoyed our talk. Goodbye!", "It is time for me to go, "+n+". It was a pleasure to talk to you. Goodbye!", "I must be on my way, "+n+". Thank you for the conversation. Goodbye!")
}

// limit is how often a person speaks upon one task before they have said enough.
func (b *brain) limit() int {
	if len(b.p.near) > 1 {
		return 2 + int(hash(b.seed, "limit", b.me.name)%2)
	}
	return 7 + int(hash(b.seed, "limit", b.me.name)%3)
}

// respond answers a person within reach. No words means that nothing need be said.
func (b *brain) respond(from, text string, th thread) reply {
	n := b.nickOf(from)
	group := len(b.p.near) > 1
	question := lastQuestion(text)
	switch {
	case th.goodbye:
		return reply{}
	case farewell.MatchString(text) && question == "":
		return reply{b.think(n+" is leaving, so I say goodbye.", "That was the end of our talk, it seems."), b.goodbye(from, true), "saying goodbye"}
	case len(th.guide) > 0:
		return b.interview(from, th)
	case group && !b.myTurn(from, text, question, th):
		return reply{}
	}
	if os := findOptions(text); len(os) >= 2 && question != "" {
		return b.choose(os, text)
	}
	if group && question == "" {
		if r := b.side(from, text, th); r.words != "" || !chatTask.MatchString(th.task) {
			return r
		}
	}
	return b.exchange(from, text, question, th)
}

// exchange is the ordinary turn of a conversation: react, answer, ask.
func (b *brain) exchange(from, text, question string, th thread) reply {
	n := b.nickOf(from)
	group := len(b.p.near) > 1
	var r reply
	var answer string
	var t *topic
	if question != "" {
		if t = topicOf(question); backAsk.MatchString(question) {
			t = b.back(text, th)
		}
		switch {
		case backAsk.MatchString(question) && th.open != "":
			t = nil
			a := b.answer(th.open)
			answer, r.thought, r.subject = a.words, a.thought, a.subject
		case whyAsk.MatchString(question):
			w := b.why(text, question, "this")
			answer, r.thought = w.words, w.thought
		case t != nil:
			answer = b.tell(t, text+" "+th.task)
		default:
			a := b.answer(question)
			answer, r.thought = a.words, a.thought
			r.subject = a.subject
		}
		if answer == "" {
			answer = b.pick("nothing to tell", "There is not much to tell on my side, "+n+".", "I would rather listen to you on that.", "I have told you most of what there is, "+n+".")
		}
	}
	opening := ""
	if !b.greeted(from) {
		opening = b.greet(from)
	}
	var reaction string
	chatty := chatTask.MatchString(th.task)
	switch {
	case !group && th.goal && !chatty:
		reaction = b.pick("noted", "I see.", "I understand.", "All right.")
	case question == "", len(tellingsIn(text)) > 0 && t != nil:
		reaction = b.react(from, text, th)
	}
	if t != nil {
		r.subject = t.about
	}
	next := ""
	last := th.talks+1 >= b.limit()
	switch {
	case !group && th.goal && !chatty:
		next = b.pursue(n, text, th)
	case last && !group:
		next = b.goodbye(from, false)
	case group && question != "", !chatty && question != "" && t == nil:
	case chatty && question != "" && !backAsk.MatchString(question) && t != nil && answer != "" && b.chance("give back", 0.55):
		next = b.backTo(from)
	case chatty && asking.MatchString(question) && t == nil && b.chance("give back", 0.8):
		next = b.backTo(from)
	case !chatty:
	default:
		var topic *topic
		if next, topic = b.ask(from, th.task); next == "" && !group {
			next = b.goodbye(from, false)
		} else if topic != nil && question == "" && b.chance("share", 0.5) {
			answer = b.tell(topic, text+" "+th.task)
		}
	}
	if r.thought == "" && !group && th.goal && !chatty {
		r.thought = b.think("I have to get this settled.", "That is not the whole answer yet.", "So far, so good.", "I had hoped for a plainer answer.")
	}
	if r.thought == "" {
		r.thought = b.taken(n, text)
	}
	if r.thought == "" {
		if t != nil && question != "" {
			r.thought = b.think(n+" asks about "+t.mine()+".", n+" would like to hear about "+t.mine()+".", "What shall I tell "+n+" about "+t.mine()+"?", "I do not mind talking about "+t.mine()+".", upperFirst(t.mine())+": that is easy to answer.",
				"Why not talk about "+t.mine()+"?", "I will tell "+n+" about "+t.mine()+" in a few words.", n+" is curious about "+t.mine()+".",
				"I had not expected "+n+" to ask about "+t.mine()+".", "There is something I can say about "+t.mine()+".")
		} else {
			r.thought = b.think("I want to know more about "+n+".", n+" is easy to talk to.", "There is more to "+n+" than I thought.", "I like how openly "+n+" speaks.", "It is my turn to say something to "+n+".", "I am getting to know "+n+".", "What else could I ask "+n+"?")
		}
	}
	r.words = once(join(opening, reaction, answer, next), n)
	r.subject = first(r.subject, "what "+n+" said")
	return r
}

// pursue goes on with what the person wants from somebody, and ends when enough was
// said about it.
func (b *brain) pursue(n, text string, th thread) string {
	if th.talks < 3 {
		if q := b.pick("pursue", "What do I have to do for that?", "How long will that take?", "Is there another way?", "What would you do in my place?", "Whom can I turn to if that does not work?"); q != "" {
			return q
		}
	}
	if b.lean(text) >= -0.4 {
		return b.pick("solved", "Thank you, "+n+", that is solved for me now. Goodbye!", "That is all I wanted, "+n+". Thank you and goodbye!")
	}
	return b.pick("given up", "That does not help me, "+n+", so I give up. Goodbye!", "We are not getting anywhere, "+n+". I give up for today. Goodbye!")
}

// taken is what stays in the mind of what somebody told, now and then.
func (b *brain) taken(n, text string) string {
	for _, t := range tellingsIn(text) {
		if t.what == "" || count(t.what) > 8 || strings.Contains(" "+t.what+" ", " my ") || !b.chance("taken", 0.5) {
			continue
		}
		switch t.kind {
		case like, interest:
			return b.think("So "+n+" likes "+t.what+".", upperFirst(t.what)+": I did not expect that of "+n+".", n+" and "+t.what+", I will remember that.")
		case work:
			return b.think("So "+n+" is "+t.what+".", n+" is "+t.what+"; that explains a few things.")
		case goal:
			if verbs[firstWord(t.what)] {
				return b.think("So "+n+" wants to "+t.what+".", n+" has plans: to "+t.what+".")
			}
		case dislike:
			return b.think("I had better not speak of " + t.what + " to " + n + ".")
		}
	}
	return ""
}

// tell states one or two facts on a topic.
func (b *brain) tell(t *topic, text string) string {
	as := b.answersTo(t, text)
	if len(as) == 0 {
		return ""
	}
	first := b.pick("tell", as[0])
	if len(as) > 1 && count(first) < 14 && b.chance("tell more", 0.4) {
		return join(first, b.pick("tell too", also(as[1])))
	}
	return first
}

// also marks a second thing of the same sort as such.
func also(s string) string {
	for _, verb := range []string{"I am ", "I like ", "I enjoy ", "I want ", "I would ", "I hope ", "I do "} {
		if rest, ok := strings.CutPrefix(s, verb); ok {
			if verb == "I am " || verb == "I would " {
				return verb + "also " + rest
			}
			return "I also " + strings.TrimPrefix(verb, "I ") + rest
		}
	}
	return s
}

// back finds the topic of a question that is given back: the one of the person's
// own last question, or of what the other just told.
func (b *brain) back(text string, th thread) *topic {
	if th.topic != nil {
		return th.topic
	}
	for _, x := range tellingsIn(text) {
		for i := range topics {
			if topics[i].kinds[0] == x.kind {
				return &topics[i]
			}
		}
	}
	return nil
}

// myTurn decides in a group whether to say something to what one of them said. All
// of them come to the same view of who answers an open question.
func (b *brain) myTurn(from, text, question string, th thread) bool {
	if b.me.nick != "" && (strings.Contains(text, b.me.name) || regexp.MustCompile(`\b`+regexp.QuoteMeta(b.me.nick)+`\b`).MatchString(text)) {
		return th.talks < b.limit()+2
	}
	if th.talks >= b.limit() {
		return false
	}
	for _, a := range b.p.near {
		if a.name != from && strings.Contains(lastQuestion(text), nick(a.name)) {
			return false // somebody else was asked
		}
	}
	if question != "" {
		mine := hash(b.seed, "who", text, b.me.name)
		for _, a := range b.p.near {
			if a.name != from && hash(b.seed, "who", text, a.name) < mine {
				return false
			}
		}
		return true
	}
	return b.chance("comment", 0.5)
}

var notWorking = regexp.MustCompile(`(?i)\b(?:unemployed|retired|between jobs|student|out of work)\b`)

var proposal = regexp.MustCompile(`(?i)\b(?:should|something that|suggest|propose)\b`)

var chosen = regexp.MustCompile(`(?i)\bI(?:'d| would) (?:pick|choose|go for|take|prefer|buy) ([^.:;]+?)[.:;]|\bFor me it is (?:still )?([^.:;]+?)[.:;]`)

func pickedIn(text string) string {
	all := chosen.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		return ""
	}
	m := all[len(all)-1]
	return strings.TrimSpace(first(m[1], m[2]))
}

// side agrees or disagrees with a choice or an idea that somebody brought up.
func (b *brain) side(from, text string, th thread) reply {
	n := b.nickOf(from)
	theirs := pickedIn(text)
	if theirs == "" {
		if !proposal.MatchString(text) {
			return reply{}
		}
		if b.lean(text) >= 0 {
			return reply{b.think("That would be useful for me as well."), join(b.pick("idea for", "I like that idea, "+n+".", n+"'s idea would help me too.", "There is something in that, "+n+"."), b.because(text, false)), n + "'s idea"}
		}
		return reply{b.think("That would not change much for me."), join(b.pick("idea against", "That would not help me much, "+n+".", "I am not sure about "+n+"'s idea.", "I see it another way, "+n+"."), b.because(text, true)), n + "'s idea"}
	}
	os := findOptions(th.task)
	if len(os) < 2 {
		return reply{}
	}
	mine := os[b.rank(os)[0]].called()
	if strings.EqualFold(theirs, mine) {
		return reply{b.think(n + " and I agree on " + mine + "."), b.pick("agree", "I agree with "+n+" about "+mine+".", n+" is right about "+mine+".", n+" and I want the same, it seems."), mine}
	}
	return reply{b.think(n + " sees it in another way than I do."), b.pick("differ", "I see why you say "+theirs+", "+n+", but I stay with "+mine+".", n+", for me "+mine+" is still the better one."), mine}
}

// interview asks the next question of a guide.
func (b *brain) interview(from string, th thread) reply {
	n := b.nickOf(from)
	thanks := b.pick("thanks", "Thank you, "+n+".", "I understand, "+n+".", "That is helpful, "+n+".", "Thank you for being so open.", "That is clear.", "I have noted that.", "Very well.", "Good to hear it in your words.", "I see.")
	for _, q := range th.guide {
		if q = toAsk(q); !strings.Contains(b.mine, normal(q)) {
			return reply{b.think("I will ask my next question.", "On to the next question on my list.", n+" answered; I go on.", "That is noted, and there is more to ask."), join(thanks, q), "my list of questions"}
		}
	}
	return reply{b.think("That was the last of my questions."), join(thanks, b.pick("close", "Those were my questions.", "That is all I wanted to ask."), b.pick("time", "Thank you for your time, "+n+". Goodbye!", "Thank you for your time. Goodbye, "+n+"!")), "the end of the interview"}
}

// toAsk leaves a question as it is written but for an instruction before it.
func toAsk(q string) string {
	if i := strings.LastIndex(q, ": "); i >= 0 && count(q[i:]) >= 3 {
		return upperFirst(strings.TrimSpace(q[i+2:]))
	}
	return q
}
