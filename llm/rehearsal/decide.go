package rehearsal

import (
	"regexp"
	"slices"
	"strings"
)

// decide is the person's turn. kinds are the acts that the schema allows; nil allows
// the core ones.
func (b *brain) decide(kinds []string) decision {
	may := func(k string) bool { return kinds == nil || slices.Contains(kinds, k) }
	th := b.readThread()
	fresh := b.p.fresh()
	var acts []act
	var r reply
	target := ""
	if a, thought := b.lookUp(fresh, may); a.Type != "" {
		acts = []act{{Type: "THINK", Content: thought}, a}
		r = reply{subject: "what I am looking for"}
	} else if len(fresh) == 0 {
		r, target = b.idle(th)
	} else {
		r, target = b.perceive(fresh, th)
	}
	if r.thought != "" && may("THINK") {
		acts = append(acts, act{Type: "THINK", Content: r.thought})
	}
	if name := b.wanted(th, fresh); name != "" && may("REACH_OUT") && r.words == "" {
		if r.thought == "" && may("THINK") {
			acts = append(acts, act{Type: "THINK", Content: first(b.think("I will see whether I can reach "+name+"."), "I try once more.")})
		}
		acts = append(acts, act{Type: "REACH_OUT", Target: name})
	}
	if r.words != "" && may("TALK") {
		acts = append(acts, act{Type: "TALK", Target: target, Content: r.words})
	}
	acts = append(acts, act{Type: "DONE"})
	return decision{acts, b.mood(r, target, th, fresh)}
}

// perceive reacts to what is new. What somebody outside asked comes before what the
// others said; of these the last counts.
func (b *brain) perceive(fresh []stimulus, th thread) (reply, string) {
	var outside, heard *stimulus
	byKind := map[string]*stimulus{}
	for i := range fresh {
		s := &fresh[i]
		switch {
		case b.outside(*s):
			if outside == nil || s.Source == "" || outside.Source != "" {
				outside = s
			}
		case s.Type == "CONVERSATION" && s.Source != b.me.name:
			heard = s
		default:
			byKind[s.Type] = s
		}
	}
	if b.p.turns[len(b.p.turns)-1].stimuli != nil && outside == nil && heard == nil && byKind["RESULT"] != nil && len(byKind) == 1 {
		return reply{b.think("That is how it went.", "So much for that.", "I know more now.", "I take it as it is."), "", "what came of it"}, ""
	}
	if outside != nil {
		return b.fromOutside(outside, heard, byKind["RESULT"], th)
	}
	if heard != nil {
		return b.respond(heard.Source, heard.Content, th), heard.Source
	}
	for _, k := range []string{"INTERNAL_GOAL_FORMULATION", "VISUAL", "SOCIAL", "THOUGHT", "LOCATION"} {
		if s := byKind[k]; s != nil {
			return b.notice(s, th)
		}
	}
	return reply{}, ""
}

// fromOutside answers the user, or does what the user asks for.
func (b *brain) fromOutside(s, heard, result *stimulus, th thread) (reply, string) {
	text := s.Content
	if g := b.readGuide(text); g != nil && len(b.p.near) > 0 {
		if heard != nil {
			th.guide = g
			return b.interview(heard.Source, th), heard.Source
		}
		return b.open(g), b.only()
	}
	if chatTask.MatchString(text) && len(b.p.near) > 0 {
		if heard != nil {
			return b.respond(heard.Source, heard.Content, th), heard.Source
		}
		return b.approach(text)
	}
	if m := seek.FindStringSubmatch(text); m != nil && len(b.p.near) == 0 && m[1] != b.me.name && m[1] != b.me.nick {
		return reply{thought: b.think("First I have to find " + m[1] + "."), subject: "finding " + m[1]}, ""
	}
	r := b.answer(text)
	if result != nil && result.Content != "" {
		if ss := sentences(result.Content); len(ss) > 0 && count(ss[0]) <= 40 {
			r.words = join(b.pick("found", "I found this: “"+strings.Trim(ss[0], `"“”`)+"”"), r.words)
		}
	}
	if heard != nil && b.p.isNear(heard.Source) {
		if side := b.echo(heard, s.Content); side != "" {
			r.words = join(side, r.words)
		}
		return r, ""
	}
	if s.Source != "" && b.p.isNear(s.Source) {
		return r, s.Source
	}
	return r, ""
}

// echo takes up what the last speaker said before the person's own answer.
func (b *brain) echo(heard *stimulus, task string) string {
	n := b.nickOf(heard.Source)
	if theirs := pickedIn(heard.Content); theirs != "" {
		os := findOptions(task)
		if len(os) >= 2 && strings.EqualFold(os[b.rank(os)[0]].called(), theirs) {
			return b.pick("echo same", "I am with "+n+" here.", "I see it like "+n+".", "Like "+n+", I have made up my mind.")
		}
		if len(os) >= 2 {
			return b.pick("echo other", "I see it another way than "+n+".", "Unlike "+n+", I have another favourite.", "I understand "+n+", but I differ.")
		}
	}
	if b.chance("echo", 0.6) {
		return b.pick("echo", "Thank you, "+n+".", "I heard what "+n+" said.", n+" has a point.", "That was interesting, "+n+".")
	}
	return ""
}

// only is the one person within reach, or "" for everybody.
func (b *brain) only() string {
	if len(b.p.near) == 1 {
		return b.p.near[0].name
	}
	return ""
}

// open begins an interview.
func (b *brain) open(guide []string) reply {
	hello := "Hello, and welcome."
	if n := b.only(); n != "" {
		hello = b.greet(n)
	}
	q := ""
	for _, g := range guide {
		if q = toAsk(g); !strings.Contains(b.mine, normal(q)) {
			break
		}
	}
	return reply{b.think("I will go through my questions one by one."), join(hello, b.pick("begin", "I would like to ask you a few questions.", "Let us begin."), q), "my list of questions"}
}

// approach begins a conversation as somebody outside wished it.
func (b *brain) approach(task string) (reply, string) {
	name := b.p.near[0].name
	for _, a := range b.p.near {
		if strings.Contains(task, a.name) || strings.Contains(task, nick(a.name)) {
			name = a.name
			break
		}
	}
	n := b.nickOf(name)
	var intro string
	if !b.familiar(name) && !b.greeted(name) {
		w := b.me.of(work)
		if len(w) > 0 && w[0].said != "" && b.unsaid(w[0].said) {
			intro = b.pick("intro", "My name is "+b.me.nick+", and "+lowerFirst(w[0].said), "I am "+b.me.nick+", and "+lowerFirst(w[0].said))
			b.hear(w[0].said)
		} else {
			intro = b.pick("intro", "My name is "+b.me.nick+".", "I am "+b.me.nick+".")
		}
	}
	question, _ := b.ask(name, task)
	return reply{b.think("I would like to get to know "+n+".", "I will start with something simple and ask "+n+" a question."), join(b.greet(name), intro, question), "talking to " + n}, name
}

// notice reacts to what was seen, thought, adopted or felt.
func (b *brain) notice(s *stimulus, th thread) (reply, string) {
	content := unstopped(oneLine(s.Content))
	if content == "" {
		return reply{}, ""
	}
	about := b.subject(s.Content, "")
	alone := len(b.p.near) == 0
	switch s.Type {
	case "INTERNAL_GOAL_FORMULATION":
		r := reply{thought: b.think("I have made up my mind about what I want.", "Now I know what I am after."), subject: "my goal"}
		switch {
		case alone:
			return r, ""
		case chatTask.MatchString(s.Content):
			opened, to := b.approach(s.Content)
			opened.thought = r.thought
			return opened, to
		}
		name := b.p.near[0].name
		r.words = join(b.hello(name), b.pick("goal", "There is something I want: "+stopped(wish(content)), "This is what I am here for: "+stopped(wish(content))), b.pick("help", "Can you help me with that?", "What do you say to that, "+b.nickOf(name)+"?"))
		return r, name
	case "VISUAL":
		if os := findOptions(s.Content); len(os) >= 2 && choosing.MatchString(s.Content) {
			return b.choose(os, s.Content), ""
		}
		if about == "this" || count(about) > 7 {
			about = "what is in front of me"
		}
		lean := b.lean(s.Content)
		r := reply{thought: b.think("I take a closer look.", "What do I see there?"), subject: about}
		if lean >= 0 {
			r.words = b.pick("see", "I like what I see: "+about+".", "I could look at "+about+" for a while.")
		} else {
			r.words = b.pick("see", upperFirst(about)+": that does not say much to me.", "I see "+about+", and it leaves me cold.")
		}
		r.words = join(r.words, b.because(s.Content, lean < 0))
		return r, ""
	case "SOCIAL":
		if s.Source != "" && b.p.isNear(s.Source) || len(b.p.near) == 1 {
			name := first(s.Source, b.p.near[0].name)
			if !b.p.isNear(name) {
				name = b.p.near[0].name
			}
			if th.goodbye {
				return reply{}, ""
			}
			question, _ := b.ask(name, th.task)
			return reply{b.think("I should greet " + b.nickOf(name) + "."), join(b.hello(name), question), "meeting " + b.nickOf(name)}, name
		}
		return reply{thought: b.think("I notice who is around.", "I wonder who I will talk to."), subject: "the people around me"}, ""
	case "THOUGHT":
		r := reply{thought: b.think("That has been on my mind: “"+content+"”", "“"+content+"” is worth a second thought."), subject: about}
		if !alone && !th.goodbye && th.talks < b.limit() && b.chance("raise", 0.6) {
			name := b.p.near[0].name
			r.words = join(b.pick("raise", "Something is on my mind, "+b.nickOf(name)+": "+stopped(lowerFirst(content)), "I have been thinking, "+b.nickOf(name)+": "+stopped(lowerFirst(content))), b.because(s.Content, b.lean(s.Content) < 0))
			return r, name
		}
		return r, ""
	}
	return reply{thought: b.think("So this is where I am now.", "I take a look around."), subject: "where I am"}, ""
}

func (b *brain) hello(name string) string {
	if b.greeted(name) {
		return ""
	}
	return b.greet(name)
}

// wish turns "Find a cheaper tariff" into "I want to find a cheaper tariff".
func wish(goal string) string {
	w := strings.ToLower(firstWord(goal))
	_, rest, _ := strings.Cut(goal, " ")
	switch {
	case w == "you" || w == "your":
		return toMe(lowerFirst(goal))
	case w == "to" && rest != "":
		return "I want to " + lowerFirst(rest)
	case verbs[w]:
		return "I want to " + voice{he: true, she: true}.myOwn(lowerFirst(goal))
	}
	return lowerFirst(goal)
}

// idle is a turn with nothing new: mostly nothing, now and then a new thought.
func (b *brain) idle(th thread) (reply, string) {
	if th.goodbye || len(b.p.turns) < 2 {
		return reply{}, ""
	}
	if th.task != "" && chatTask.MatchString(th.task) && th.talks == 0 && len(b.p.near) > 0 {
		return b.approach(th.task)
	}
	if b.chance("idle", 0.2) {
		for _, f := range b.me.of(goal) {
			for _, s := range f.sayings() {
				if !b.told(&f) {
					return reply{b.think(s), "", "my own plans"}, ""
				}
			}
		}
	}
	return reply{}, ""
}

var seek = regexp.MustCompile(`(?:[Tt]alk|[Ss]peak|[Cc]hat|[Mm]eet|[Cc]ontact|[Rr]each out|[Ww]rite|[Ff]ind|[Cc]all)(?: (?:to|with|out to|up))* (\p{Lu}[\p{L}’'-]+(?: \p{Lu}[\p{L}’'-]+)*)`)

// wanted is whom the task names and who is not within reach, once.
func (b *brain) wanted(th thread, fresh []stimulus) string {
	task := th.task
	for _, s := range fresh {
		if s.Type == "THOUGHT" {
			task = s.Content
		}
	}
	m := seek.FindStringSubmatch(task)
	if m == nil {
		return ""
	}
	name := m[1]
	// A first name that two relations share stays as it is: the world asks back.
	var meant []string
	for _, r := range b.me.related {
		if strings.HasPrefix(r, name+" ") && !slices.Contains(meant, r) {
			meant = append(meant, r)
		}
	}
	if len(meant) == 1 {
		name = meant[0]
	}
	for _, a := range b.p.near {
		if a.name == name || nick(a.name) == name {
			return ""
		}
	}
	if th.reached[name] || name == b.me.name || name == b.me.nick || properNames[strings.ToLower(name)] || th.goodbye {
		return ""
	}
	return name
}

var (
	documents = regexp.MustCompile(`(?i)\b(?:consult|read|look (?:at|up|into|through)|according to|open|check|use|summari[sz]e|what do)\b.{0,60}\b(?:documents?|files?|reports?|papers?|notes|folder|web ?sites?|pages?)\b`)
	memories  = regexp.MustCompile(`(?i)\b(?:(?:do|can|did) you (?:still )?(?:remember|recall)|try to remember|think back|last time)\b`)
	writing   = regexp.MustCompile(`(?i)\b(?:write|draft|prepare)\b.{0,40}\b(?:document|report|cv|résumé|resume|letter|memo|article|proposal|summary|note)\b`)
)

// lookUp is a faculty's act where what is new calls for one and none was used for it.
func (b *brain) lookUp(fresh []stimulus, may func(string) bool) (act, string) {
	n := len(b.p.turns)
	if n == 0 || n > 1 && lookedUp(b.p.turns[n-2].acts) {
		return act{}, ""
	}
	for _, s := range fresh {
		if s.Type != "CONVERSATION" && s.Type != "INTERNAL_GOAL_FORMULATION" && s.Type != "THOUGHT" || s.Data {
			continue
		}
		switch {
		case writing.MatchString(s.Content) && may("WRITE_DOCUMENT"):
			return b.write(s.Content), b.think("I will write that down.", "I will put it in writing.")
		case documents.MatchString(s.Content) && may("CONSULT") && nameIn(s.Content) != "":
			return act{Type: "CONSULT", Content: nameIn(s.Content)}, b.think("I will look it up.", "Let me see what it says.")
		case documents.MatchString(s.Content) && may("LIST_DOCUMENTS"):
			return act{Type: "LIST_DOCUMENTS"}, b.think("I will see which documents there are.", "Which documents do I have on this?")
		case memories.MatchString(s.Content) && may("RECALL"):
			keys := strings.Join(contentWords(s.Content, 6), " ")
			return act{Type: "RECALL", Content: first(keys, "what happened before")}, b.think("I try to remember.", "Let me think back.")
		}
	}
	return act{}, ""
}

var fileName = regexp.MustCompile(`[“"]([^”"]{3,80})[”"]|\b([\w-]+\.(?:pdf|md|txt|docx|csv|html))\b|(https?://[^\s"”)]+)`)

func nameIn(text string) string {
	if m := fileName.FindStringSubmatch(text); m != nil {
		return first(m[1], m[2], m[3])
	}
	return ""
}

func contentWords(text string, most int) []string {
	var out []string
	for _, w := range words(text) {
		if !stop[w] && len(w) > 2 && !slices.Contains(out, w) && len(out) < most {
			out = append(out, w)
		}
	}
	return out
}

// write makes a document of what the person has to say on a request.
func (b *brain) write(request string) act {
	about := b.subject(request, "")
	var body []string
	for _, id := range []string{"work", "skill", "interest", "belief", "goal"} {
		if as := b.answersTo(byID(id), request); len(as) > 0 {
			body = append(body, as[0])
		}
	}
	title := upperFirst(strings.Trim(about, "“”"))
	doc := struct {
		Title   string `json:"title"`
		Content string `json:"content"`
		Author  string `json:"author,omitempty"`
	}{title, "# " + title + "\n\n" + first(strings.Join(body, " "), "There is little to say about this yet."), b.me.name}
	// The act's schema stands in the prompt; only some have an author.
	if _, line, ok := strings.Cut(b.p.system, "- WRITE_DOCUMENT:"); ok {
		if line, _, _ = strings.Cut(line, "\n"); !strings.Contains(line, `"author"`) {
			doc.Author = ""
		}
	}
	return act{Type: "WRITE_DOCUMENT", Content: string(compact(doc))}
}

// mood is the state of mind after a turn.
func (b *brain) mood(r reply, target string, th thread, fresh []stimulus) state {
	s := state{
		Goals:     "To see what comes next.",
		Attention: "Nothing in particular.",
		Emotions:  "Calm.",
	}
	for _, f := range fresh {
		if f.Type == "INTERNAL_GOAL_FORMULATION" {
			th.task = f.Content
			s.Goals = "My goal: " + stopped(unstopped(oneLine(f.Content)))
		}
	}
	if s.Goals == "To see what comes next." {
		switch {
		case th.goodbye:
			s.Goals = "To get on with my day."
		case target != "":
			s.Goals = "To have a good talk with " + b.nickOf(target) + "."
		case th.task != "" && r.words != "":
			s.Goals = "To answer what I am asked, as I see it."
		case len(b.me.of(goal)) > 0:
			if ss := b.me.of(goal)[0].sayings(); len(ss) > 0 {
				s.Goals = ss[0]
			}
		}
	}
	if r.subject != "" {
		s.Attention = upperFirst(stopped(r.subject))
	} else if len(fresh) > 0 {
		s.Attention = "What was just said."
	}
	switch {
	case farewell.MatchString(r.words) || th.goodbye:
		s.Emotions = "Content and at ease."
	case r.words != "":
		moods := []string{"Curious and at ease.", "Interested.", "Attentive, in a good mood.", "A little excited."}
		if b.lean(r.subject) < -0.3 {
			moods = []string{"A little sceptical.", "Calm, with some doubts.", "Cautious."}
		}
		s.Emotions = moods[hash(b.seed, "mood", b.me.name, r.subject)%uint64(len(moods))]
	}
	return s
}
