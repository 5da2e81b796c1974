package rehearsal

import (
	"regexp"
	"strings"
)

// verbs that may open an item of a persona, in their base form. Their third person,
// gerund and past are derived.
var verbs = set(`accept achieve add admire advise aim analyse analyze appreciate arrive ask attend avoid bake become begin
	believe belong bike book boost borrow bring brush build buy call camp care carry catch change chat check clean climb
	coach collect comment commute compare complain complete compose concentrate connect consider contribute cook create
	cut cycle dance deal decide declare deliver design develop direct discover discuss do donate doubt draw dream drink
	drive earn eat encourage end enjoy establish exercise exhibit expand expect explain explore face fall fear feed feel
	find finish fish fix fly focus follow forget found gain garden gather get give go greet grow guide handle hate have
	help hike hold hope host hum improve inspire install interrupt invest invite jog join judge jump keep knit know launch
	laugh lead learn leave let like listen live look lose love maintain make manage meditate meet mentor miss mix move need
	obtain offer open order organise organize own paint participate pass pay perform phone plan plant play pray practise practice
	prefer prepare present promote protect prove publish pull push put question raise reach read refuse relax remain remember
	remind renovate repair research respect rest retire return review ride run save say see seek seem sell send serve set
	sew share shop show sign sing sit sketch skip sleep smile socialise socialize solve speak spend stand start stay stick stop
	strive struggle study suffer suggest support surf swim take talk teach tell tend test thank think train travel treat
	trust try turn understand use value visit volunteer vote wait wake walk want warn wash watch wear win wish work worry
	write hang check tidy water iron grab catch skim scroll browse stream call text message answer head drop pick bring pack
	lift stretch skate ski sail row box bowl quilt crochet brew roast grill barbecue prioritise prioritize emphasise emphasize
	demonstrate approach communicate collaborate negotiate supervise oversee run operate sell code program debug document
	conduct balance adapt argue challenge defend double-check overthink procrastinate recycle volunteer tinker experiment
	switch pursue master open speak express point stock count pour bring invite walk toss sweep scrub steam snooze shovel regret convert cross plaster knock apologise apologize withdraw type lie matter exist sound sort quote rent mean close hand label owe stock mark chase dread trade deliver host fold wipe feed`)

var irregular = map[string]string{"has": "have", "is": "am", "does": "do", "goes": "go", "was": "was", "can": "can", "cannot": "cannot", "will": "will", "lies": "lie", "dies": "die", "ties": "tie"}

// base returns the base form of a verb in the third person, or false when w is
// none.
func base(w string) (string, bool) {
	w = strings.ToLower(w)
	if b, ok := irregular[w]; ok {
		return b, true
	}
	for _, cut := range []struct{ suffix, with string }{{"ies", "y"}, {"es", ""}, {"s", ""}} {
		if b, ok := strings.CutSuffix(w, cut.suffix); ok && verbs[b+cut.with] {
			return b + cut.with, true
		}
	}
	return "", false
}

var (
	adverbs = set(`always often usually never rarely sometimes still also regularly frequently occasionally mostly typically
		generally really actively currently constantly genuinely deeply quickly easily carefully secretly enthusiastically only`)
	adjectives = set(`proficient fluent good great excellent skilled skilful experienced familiar allergic afraid passionate interested
		curious married divorced engaged single widowed retired born vegetarian vegan bilingual left-handed proud fond keen
		comfortable competent capable able knowledgeable certified trained weak adept strong well-versed terrible bad loyal close
		known obsessed fascinated open-minded detail-oriented analytical creative patient impatient shy friendly stubborn
		practical optimistic pessimistic introverted extroverted ambitious empathetic generous organised organized honest
		reserved outgoing cautious sceptical skeptical witty meticulous adventurous independent competitive sensitive calm
		warm talkative quiet persistent perfectionist hard-working hardworking thoughtful kind helpful reliable tidy messy
		nervous anxious cheerful sociable pragmatic resourceful disciplined punctual frugal polite direct blunt gentle
		easy-going easygoing careful inquisitive imaginative self-confident confident collaborative innovative tired worried
		raised based active involved aware wary mindful supportive assertive energetic methodical structured decisive`)
	pastVerbs = set(`grew studied moved worked lived won met started began learned learnt spent wrote founded played served ran
		taught lost travelled traveled graduated earned built survived raised bought had was spoke dreamt inherited trained laid came ate gave kept took saw made found told slept fell broke drove rode sold paid quit left threw gave stood sat sang`)
	finite  = regexp.MustCompile(`(?i)\b(?:is|are|was|were|should|must|can|cannot|can't|will|won't|would|has|have|does|do|doesn't|don't|isn't|aren't|matters?|makes?|needs?|deserves?|leads?|brings?|starts?|begins?|comes?|helps?|beats?|counts?|wins?|takes?|gives?|keeps?|creates?|requires?|belongs?|depends?|works?|improves?|pays?|connects?|teaches?)\b`)
	liking  = regexp.MustCompile(`(?i)^(?:I|you) (?:really |truly |deeply |absolutely )?(?:like|love|enjoy|adore|am interested in|am passionate about|am fond of|prefer) (.+)$`)
	hating  = regexp.MustCompile(`(?i)^(?:I|you) (?:really )?(?:dislike|hate|do not like|don't like|cannot stand|can't stand) (.+)$`)
	someone = regexp.MustCompile(`(?i)(?:er|or|ist|vert|person|soul|type|nerd|buff|fan|parent|mother|father)$`)
	third   = regexp.MustCompile(`^(?:He|She|They) `)
)

// readFact brings one item of a persona into the forms that sentences need.
func readFact(k kind, item string, v voice) fact {
	f := formsOf(k, item, v)
	if v.names[firstWord(f.noun)] {
		f.noun = upperFirst(f.noun)
	}
	if f.raw != "" {
		f.says = f.allSayings(v)
	}
	return f
}

func formsOf(k kind, item string, v voice) fact {
	raw := unstopped(strings.TrimLeft(oneLine(item), "-*• "))
	f := fact{kind: k, raw: raw, stems: stems(raw)}
	if raw == "" {
		return f
	}
	if k != other && k != work { // one sentence is enough to speak from
		if ss := sentences(raw); len(ss) > 1 {
			raw = unstopped(ss[0])
		}
	}
	s := raw
	w := strings.ToLower(firstWord(s))
	if w == "you" || w == "your" || w == "you're" || w == "you’re" {
		s = upperFirst(toMe(s))
		w = strings.ToLower(firstWord(s))
	}
	if w == "i" || strings.HasPrefix(w, "i'") || strings.HasPrefix(w, "i’") || w == "my" {
		f.said = stopped(upperFirst(s))
		if m := liking.FindStringSubmatch(s); m != nil {
			f.noun = m[1]
		} else if m := hating.FindStringSubmatch(s); m != nil {
			f.noun = m[1]
		} else if v, ok := strings.CutPrefix(s, "I want to "); ok {
			f.verb = v
		} else if v, ok := strings.CutPrefix(s, "I "); ok && verbs[firstWord(v)] {
			f.verb = v
		}
		return f
	}
	if third.MatchString(s) {
		_, s, _ = strings.Cut(s, " ")
	}
	if k != belief {
		s = headOf(s)
	}
	f.readPhrase(s, v)
	return f
}

var before = set("and or but then I")

var nounLike = set("books walks hikes runs plans drinks works dances designs travels meets talks texts calls shows plays visits notes messages looks rides rests views starts ends offers sketches paints stops reads")

// asMine puts the verb phrase of somebody else into the first person: drinks coffee
// and reads becomes drink coffee and read.
func (v voice) asMine(s string) string {
	fields := strings.Fields(v.myOwn(s))
	for i := 1; i < len(fields); i++ {
		switch prev := strings.Trim(fields[i-1], ","); prev {
		case "and", "or", "but", "then":
		case "also", "often", "usually", "really", "still", "never", "always", "sometimes", "rarely":
			if i < 2 || !before[fields[i-2]] {
				continue
			}
		default:
			if prev == fields[i-1] {
				continue
			}
		}
		w := strings.Trim(fields[i], ",;")
		b, ok := base(w)
		if !ok {
			continue
		}
		last := i+1 >= len(fields) || w != fields[i]
		if nounLike[w] && w != "reads" && (last || heads[fields[i+1]] || fields[i+1] == "and" || fields[i+1] == "or") {
			continue
		}
		fields[i] = strings.Replace(fields[i], w, b, 1)
	}
	return strings.Join(fields, " ")
}

// readPhrase reads an item without a subject, or with one of its own.
func (f *fact) readPhrase(s string, v voice) {
	w := strings.ToLower(firstWord(s))
	_, rest, _ := strings.Cut(s, " ")
	second := strings.ToLower(firstWord(rest))
	listed := f.kind == interest || f.kind == like || f.kind == dislike
	b, isThird := base(w)
	if !isThird && f.acts() && len(w) > 3 && firstWord(s) == strings.Fields(s)[0] && !timeOfDay.MatchString(w) && unthird(w) != w &&
		!strings.HasSuffix(w, "ics") && !strings.HasSuffix(w, "us") && (!heads[second] || f.kind == trait) && second != "and" && second != "or" &&
		!strings.HasSuffix(second, "ed") && !strings.HasSuffix(unthird(w), "ing") {
		b, isThird = unthird(w), true // in a list of what somebody does
	}
	switch {
	case w == "to" && verbs[second]:
		f.verb = v.myOwn(lowerFirst(rest))
	case adverbs[w]:
		if third, ok := base(second); ok {
			_, tail, _ := strings.Cut(rest, " ")
			f.verb = w + " " + third + strings.TrimSuffix(" "+v.asMine(tail), " ")
			if third == "am" {
				f.verb = "am " + w + strings.TrimSuffix(" "+v.myOwn(tail), " ")
			}
			f.said = stopped("I " + f.verb)
		} else if verbs[second] {
			f.verb = w + " " + v.myOwn(rest)
			f.said = stopped("I " + f.verb)
		} else if adjectives[second] {
			f.said = stopped("I am " + v.myOwn(lowerFirst(s)))
		}
	case f.kind == belief && verbs[w] && !thirdPerson(second): // an order, not a sentence to build on
	case f.kind == belief && (finite.MatchString(s) || predicate(s)):
		if !strings.Contains(s, "man ") { // her own may be hers
			s = v.myOwn(s)
		}
		f.said = stopped(upperFirst(s))
	case (w == "once" || w == "never") && (pastVerbs[second] || strings.HasSuffix(second, "ed")) && f.kind == other:
		f.said = stopped("I " + v.asMine(w+" "+rest))
	case w == "born" || w == "raised" || w == "brought":
		f.said = stopped("I was " + v.myOwn(lowerFirst(s)))
	case isThird && rest != "" && (!listed || count(s) > 2) && (!nounAfter[second] || f.acts() && count(rest) > 2 && thirdPerson(strings.Fields(rest)[1])):
		f.verb = b + " " + v.asMine(rest)
		f.said = stopped("I " + f.verb)
	case f.kind == trait || adjectives[w] && !listed:
		if h, rest, ok := strings.Cut(s, ", "); ok { // warm with newcomers, remembers names
			if _, isVerb := base(firstWord(rest)); isVerb || firstWord(rest) == "then" {
				s = h
			}
		}
		head, _, _ := strings.Cut(s, " and ")
		switch mine := v.asMine(lowerFirst(s)); {
		case adjectives[w] && someone.MatchString(beforeHead(head)) && count(beforeHead(head)) > 1:
			f.said = stopped("I am " + article(mine))
		case w == "a" || w == "an" || adjectives[w], about[second] && !strings.HasSuffix(w, "s"):
			f.said = stopped("I am " + mine)
		case finite.MatchString(head) || count(head) > 3 || verbs[w]:
		case someone.MatchString(head):
			f.said = stopped("I am " + article(mine))
		default:
			f.said = stopped("I am " + mine)
		}
	case (pastVerbs[w] || f.kind == other && strings.HasSuffix(w, "ed") && !adjectives[w]) && !listed && rest != "":
		f.said = stopped("I " + v.asMine(w+" "+rest))
	case f.kind == belief && count(s) > 6:
	case verbs[w] && !listed && (f.kind != other || count(s) > 1) && f.kind != belief && (f.kind != skill || rest != "" && !nounAfter[second]):
		f.verb = v.myOwn(lowerFirst(s))
	case count(s) > 5 && finite.MatchString(strings.Join(strings.Fields(s)[:4], " ")) && !listed && f.kind != skill:
		f.said = stopped(upperFirst(v.asMine(s)))
	case strings.Contains(s, ":"):
	case count(nounHead(s)) <= 12:
		if n := nounHead(s); !onlyTime(n) && !noNoun[w] && !(f.kind == skill && level.MatchString(n)) {
			f.noun = v.myOwn(lowerFirst(n))
		}
	}
}

var about = set("about of with at in to as when by")

// beforeHead is a phrase up to its first preposition: careful driver.
func beforeHead(s string) string {
	var out []string
	for _, w := range strings.Fields(s) {
		if heads[w] {
			break
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

// acts reports whether an item of this kind says what somebody does.
func (f *fact) acts() bool {
	switch f.kind {
	case morning, workday, evening, weekend, habit, trait, other, work:
		return true
	}
	return false
}

var (
	noNoun = set("up once twice out off often sometimes mostly never no not always usually early late every more less still awake")
	level  = regexp.MustCompile(`(?i)\b(?:native|fluent|basic|beginner|advanced|intermediate|conversational|good)\b`)
)

// predicate reports whether a verb stands where a short sentence has one.
func predicate(s string) bool {
	for i, w := range strings.Fields(s) {
		if i >= 1 && i <= 4 && verbs[w] {
			return true
		}
	}
	return false
}

// nounAfter: words that make a noun of the word before them, as in "works of art".
var nounAfter = set("of and or & management design development skills research analysis planning programming")

var timeOfDay = regexp.MustCompile(`(?i)\b(?:mornings?|breakfast|evenings?|nights?|weekends?|saturdays?|sundays?|mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|lunch|midday|dinner|day|noon|week|a\.?m\.?|p\.?m\.?|[0-9]+:[0-9]+|o'clock)\b`)

// frames for each kind, by the form of a fact that they take. N is the noun form,
// V the verb form.
var frames = map[kind][]string{
	interest: {"I am interested in N.", "I am curious about N.", "I find N fascinating."},
	like:     {"I like N.", "I enjoy N.", "I am fond of N."},
	dislike:  {"I do not care for N.", "I do not like N.", "I can do without N."},
	skill:    {"I am good at N.", "I know my way around N.", "I can V."},
	goal:     {"I want to V.", "I would like to V one day.", "I hope to V.", "I am working towards N."},
	belief:   {"I believe in N.", "N matters to me.", "I care about N."},
	morning:  {"In the morning I V.", "N is part of my mornings."},
	workday:  {"On a working day I V.", "N is part of my working day."},
	evening:  {"In the evening I V.", "N is part of my evenings."},
	weekend:  {"At the weekend I V.", "N is part of my weekends."},
	habit:    {"I V.", "N is a habit of mine."},
	trait:    {"I am known for N."},
	other:    {"I V."},
	work:     {"My work is about N.", "At work I V."},
}

// sayings are the sentences in which a person can state a fact, best first.
func (f *fact) sayings() []string { return f.says }

func (f *fact) allSayings(v voice) []string {
	var out []string
	if f.said != "" {
		s := f.said
		if intro := map[kind]string{morning: "In the morning ", workday: "On a working day ", evening: "In the evening ", weekend: "At the weekend "}[f.kind]; intro != "" &&
			strings.HasPrefix(s, "I ") && !timeOfDay.MatchString(s) {
			s = intro + s
		}
		if f.kind == belief && !strings.HasPrefix(s, "I ") {
			l := lowerFirst(s)
			out = append(out, "I believe that "+l, "To my mind, "+l)
		} else {
			out = append(out, s)
		}
	}
	for _, frame := range frames[f.kind] {
		hasN, hasV := strings.Contains(frame, "N "), strings.Contains(frame, " V")
		hasN = hasN || strings.Contains(frame, " N.")
		if hasV && f.verb == "" || hasN && (f.noun == "" || count(f.noun) > 12) || hasV && f.said != "" && f.kind != goal {
			continue
		}
		if f.kind == goal && (strings.HasPrefix(f.verb, "am ") || adverbs[firstWord(f.verb)]) {
			continue
		}
		if hasV && timeOfDay.MatchString(f.verb) && strings.Contains(frame, " I V") {
			frame = "I V."
		}
		if strings.HasPrefix(frame, "N is ") && (count(f.noun) < 2 && !plural(f.noun) || heads[firstWord(f.noun)] || firstWord(f.noun) == "up") {
			continue
		}
		s := fill(frame, f)
		if f.kind == trait && f.said != "" {
			break
		}
		if strings.HasSuffix(frame, " one day.") && (count(f.verb) > 7 || strings.Contains(f.verb, "day") || strings.Contains(f.verb, "year")) {
			continue
		}
		out = append(out, s)
	}
	if len(out) == 0 && count(f.raw) <= 25 { // quoted rather than bent
		intro := map[kind]string{goal: "One of my aims is this: ", belief: "This is what I believe: ", dislike: "What I do not like is this: ", skill: "One of my skills is this: ",
			morning: "This is how my day begins: ", workday: "A working day of mine is like this: ", evening: "My evenings are like this: ", weekend: "My weekends are like this: "}[f.kind]
		out = append(out, first(intro, "One thing about me is this: ")+stopped(v.myOwn(lowerFirst(f.raw))))
	}
	return out
}

// thing is the noun form where it names a thing, not a question: jazz, but not how
// people talk.
func (f *fact) thing() string {
	switch firstWord(f.noun) {
	case "how", "what", "why", "who", "when", "where", "whether", "that":
		return ""
	}
	if count(f.noun) > 9 {
		return ""
	}
	return f.noun
}

// plain is the fact as a sentence that others can be built around, or "".
func (f *fact) plain() string {
	s := ""
	switch {
	case f.said != "" && (f.kind == belief || f.kind == trait):
		s = f.said
	case f.said != "" || f.noun != "" || f.verb != "":
		s = f.sayings()[0]
	}
	if strings.Contains(s, " is this: ") || count(s) > 28 {
		return ""
	}
	return s
}

func fill(frame string, f *fact) string {
	var b strings.Builder
	for i, w := range strings.SplitAfter(frame, " ") {
		core := strings.TrimRight(w, " .,?")
		tail := w[len(core):]
		switch core {
		case "N":
			n := f.noun
			if i == 0 {
				n = upperFirst(n)
			}
			b.WriteString(n + tail)
		case "V":
			b.WriteString(f.verb + tail)
		default:
			b.WriteString(w)
		}
	}
	s := b.String()
	if strings.HasPrefix(frame, "N ") && plural(f.noun) {
		s = strings.Replace(s, " is part of ", " are part of ", 1)
		s = strings.Replace(s, " is a habit ", " are a habit ", 1)
		s = strings.Replace(s, " matters to me", " matter to me", 1)
	}
	return s
}

var heads = set("of in with for on at that who which about from to without before after by near under over until when than as where because while")

// plural guesses whether a noun phrase takes are.
func plural(np string) bool {
	var head string
	for i, w := range strings.Fields(np) {
		if i == 0 && strings.HasSuffix(w, "ing") {
			return false
		}
		if heads[w] {
			break
		}
		if w == "and" {
			return true
		}
		head = strings.Trim(w, ",;")
	}
	return strings.HasSuffix(head, "s") && !strings.HasSuffix(head, "ss") && !strings.HasSuffix(head, "ics") &&
		!strings.HasSuffix(head, "us") && head != "news" && head != "tennis" || head == "people" || head == "children"
}
