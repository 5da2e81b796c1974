package rehearsal

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// decisionSchema recognises the schema of a person's acts: an array "actions" of
// objects with type and content. It returns the kinds allowed (nil for any), the
// most acts and the most characters of a content; 0 where unbounded.
func (g *generator) decisionSchema() (kinds []string, most, longest int, ok bool) {
	var actions schema
	for _, m := range ordered(g.resolve(g.root, place{}, 0)["properties"]) {
		if m.key == "actions" {
			actions = g.resolve(schemaOf(m.value), place{}, 0)
		}
	}
	item := g.resolve(schemaOf(actions["items"]), place{}, 0)
	props := map[string]schema{}
	for _, m := range ordered(item["properties"]) {
		props[m.key] = g.resolve(schemaOf(m.value), place{}, 0)
	}
	if props["type"] == nil || props["content"] == nil {
		return nil, 0, 0, false
	}
	for _, raw := range props["type"].list("enum") {
		var k string
		if json.Unmarshal(raw, &k) == nil {
			kinds = append(kinds, k)
		}
	}
	m, _ := actions.num("maxItems")
	l, _ := props["content"].num("maxLength")
	return kinds, int(min(m, 1e6)), int(min(l, 1e9)), true
}

func (g *generator) fixDecision(d decision, most, longest int) {
	if most > 0 && len(d.Actions) > most { // the last acts count: what is said, and DONE
		d.Actions = d.Actions[len(d.Actions)-most:]
	}
	for i := range d.Actions {
		if c := &d.Actions[i].Content; longest > 0 && !strings.HasPrefix(*c, "{") {
			*c = clip(*c, longest)
		}
	}
	g.fixed["/actions"] = d.Actions
	g.fixed["/state/goals"] = d.State.Goals
	g.fixed["/state/attention"] = d.State.Attention
	g.fixed["/state/emotions"] = d.State.Emotions
}

var (
	quoteName  = regexp.MustCompile(`quote|evidence|excerpt|verbatim|citation|passage|extract$`)
	reasonName = regexp.MustCompile(`why|reason|justif|explan|rationale|motiv|because|comment`)
	storyName  = regexp.MustCompile(`summary|narrative|story|consolidat|recap|overview|report|abstract`)
	memoName   = regexp.MustCompile(`/(?:memos?|memories|facts)/`)
	hello      = regexp.MustCompile(`(?i)^(?:hello|hi|hey|good (?:morning|day|evening))\b`)
	whoName    = regexp.MustCompile(`^(?:name|person|who|speaker|author|source|participant|respondent|full_?name)$`)
	summing    = regexp.MustCompile(`(?i)\b(?:summar\w+|consolidat\w+|recap|condense|in short)\b`)
	telling2   = regexp.MustCompile(`(?i)\b(?:story|narrative|tale|plot|chapter)\b`)
	rewriting  = regexp.MustCompile(`(?i)\b(?:rewrite|restyle|rephrase|reword|translate|correct|enrich|expand|edit|improve|style)\b`)
)

// text is a string for a place, by the name of the property and what is in the prompt.
func (g *generator) text(at place) string {
	b := g.b
	if quoteName.MatchString(at.name) {
		if q := g.quote(at); q != "" {
			return q
		}
	}
	if storyName.MatchString(at.name) {
		return b.narrative()
	}
	if memoName.MatchString(at.path) {
		if us := b.transcript(); len(us) > 0 {
			if s := b.reported(us[at.index*7%len(us)]); s != "" {
				return s
			}
		}
	}
	if b.me.text != "" {
		return g.ownText(at)
	}
	if heard := b.heardOf(); len(heard) > 0 {
		if whoName.MatchString(at.name) {
			return first(heard[at.index%len(heard)].who, "somebody")
		}
		if reasonName.MatchString(at.name) {
			if s := reasonIn(heard); s != "" {
				return s
			}
		}
		if q := g.quote(at); q != "" {
			return q
		}
	}
	return b.invent(g, at)
}

// ownText is a person's answer in one field.
func (g *generator) ownText(at place) string {
	b := g.b
	switch {
	case whoName.MatchString(at.name) && b.me.name != "":
		return b.me.name
	case at.name == "age" && b.me.age != "":
		return b.me.age
	case (at.name == "occupation" || at.name == "job") && b.me.job != "":
		return b.me.job
	case at.name == "residence" && b.me.residence != "":
		return b.me.residence
	case at.name == "bio":
		return b.me.bio()
	}
	topic := g.topic(at)
	if reasonName.MatchString(at.name) {
		about := topic
		against := b.lean(topic) < 0
		if g.chosen != nil {
			about, against = g.chosen.title+" "+g.chosen.text+" "+g.chosen.label, false
		}
		if s := b.because(about, against); s != "" {
			return s
		}
	}
	if s := b.answer(topic).words; s != "" {
		return s
	}
	return b.filler(at.index)
}

// bio introduces somebody in up to four sentences, of what is written about them.
func (p *person) bio() string {
	who := first(p.name, "Somebody")
	if p.age != "" {
		who += " (" + p.age + ")"
	}
	ss := []string{who + " is introduced here"}
	switch {
	case p.job != "" && p.residence != "":
		ss[0] = who + " is " + p.job + " and lives in " + p.residence
	case p.job != "":
		ss[0] = who + " is " + p.job
	case p.residence != "":
		ss[0] = who + " lives in " + p.residence
	}
	for _, about := range []struct {
		label string
		kind  kind
	}{{"Character", trait}, {"Interests", interest}, {"Skills", skill}} {
		if facts := p.of(about.kind); len(facts) > 0 {
			ss = append(ss, about.label+": "+unstopped(facts[0].raw))
		}
	}
	return strings.Join(ss, ". ") + "."
}

// quote is a sentence copied from the transcript in the prompt, or "" without one.
func (g *generator) quote(at place) string {
	var pool []string
	for _, u := range g.b.transcript() {
		for _, s := range sentences(u.text) {
			if count(s) >= 4 && !strings.HasSuffix(s, "?") && !farewell.MatchString(s) {
				pool = append(pool, s)
			}
		}
	}
	if len(pool) == 0 {
		for _, u := range g.b.transcript() {
			pool = append(pool, sentences(u.text)...)
		}
	}
	if len(pool) == 0 {
		return ""
	}
	if g.chosen != nil && g.quotes == 0 {
		for _, s := range pool {
			if pickedIn(s) != "" {
				g.quotes++
				return s
			}
		}
	}
	g.quotes++
	start := hash(g.b.seed, "quote", strings.Join(pool, "\n"))
	return pool[(start+uint64(at.index)+uint64(g.quotes))%uint64(len(pool))]
}

// transcript is what was said as far as the prompt shows it.
func (b *brain) transcript() []utterance {
	if b.me.text == "" {
		return b.heardOf()
	}
	var out []utterance
	for _, t := range b.p.turns {
		for _, s := range t.stimuli {
			if inner := utterances(s.Content); s.Source == "" && len(inner) > 1 {
				out = append(out, inner...)
			} else if s.Type == "CONVERSATION" && s.Source != "" {
				out = append(out, utterance{s.Source, s.Content})
			}
		}
		for _, a := range t.acts {
			if a.Type == "TALK" {
				out = append(out, utterance{b.me.name, a.Content})
			}
		}
	}
	return out
}

// reasonIn finds a reason in what people said: the sentence after a choice, or one
// that gives a reason.
func reasonIn(heard []utterance) string {
	for _, u := range slices.Backward(heard) {
		ss := sentences(u.text)
		for i, s := range ss {
			if pickedIn(s) != "" && i+1 < len(ss) {
				return ss[i+1]
			}
		}
	}
	for _, u := range slices.Backward(heard) {
		for _, s := range sentences(u.text) {
			l := strings.ToLower(s)
			if strings.Contains(l, "because") || strings.HasPrefix(l, "after all") || strings.Contains(l, " since ") {
				return s
			}
		}
	}
	return ""
}

// narrative tells in a few sentences what the prompt shows.
func (b *brain) narrative() string {
	var names, said []string
	us := b.transcript()
	if b.me.text == "" {
		us = utterances(strings.Join(b.p.user, "\n"))
	}
	for _, u := range us {
		who := u.who
		if who == b.me.name || strings.EqualFold(who, "user") {
			who = ""
		}
		if who != "" && !slices.Contains(names, who) {
			names = append(names, who)
		}
	}
	last := ""
	step := max(1, (len(us)+4)/5)
	for i := 0; i < len(us); i += step {
		window := slices.Clone(us[i:min(i+step, len(us))])
		slices.SortStableFunc(window, func(x, y utterance) int { // let the others speak too
			return strings.Compare(map[bool]string{true: "b"}[x.who == last], map[bool]string{true: "b"}[y.who == last])
		})
		for _, u := range window {
			if s := b.reported(u); s != "" && !slices.Contains(said, s) {
				said = append(said, s)
				last = u.who
				break
			}
		}
	}
	var opening string
	switch {
	case len(names) == 0 && b.me.name != "":
		opening = "I was by myself."
		if len(us) > 0 {
			opening = "I was asked some questions."
		}
	case len(names) == 0:
		return b.tale()
	case b.me.name != "":
		opening = "I talked with " + listed(names) + "."
	default:
		opening = listed(names) + " talked."
	}
	if b.p.summary != "" {
		opening = join(clip(b.p.summary, 400), opening)
	}
	return join(append([]string{opening}, said...)...)
}

// reported is the sentence of an utterance that tells most, as reported speech.
func (b *brain) reported(u utterance) string {
	best := ""
	for _, s := range sentences(u.text) {
		if !strings.HasSuffix(s, "?") && !farewell.MatchString(s) && !hello.MatchString(s) && len(keywords(s)) > len(keywords(best)) && count(s) <= 40 {
			best = s
		}
	}
	if best == "" {
		return ""
	}
	who := u.who
	if who == b.me.name && who != "" {
		who = "I"
	}
	return fmt.Sprintf("%s said: “%s”", first(who, "Somebody"), strings.NewReplacer("“", "‘", "”", "’").Replace(best))
}

// tale is a short story with the words of the request.
func (b *brain) tale() string {
	q := b.p.question
	about := b.subject(q, "")
	if about == "this" {
		about = "an ordinary day"
	}
	return join(
		"It was a quiet morning, and nobody expected anything.",
		fmt.Sprintf("Then somebody spoke of %s.", about),
		"At first the others only listened.",
		"One of them had doubts, another had a plan, and before noon they had agreed to try.",
		"What came of it is a story for another day.")
}

func listed(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

// freeText answers a request without a schema.
func (b *brain) freeText() string {
	q := b.p.question
	if b.p.asked || b.me.text != "" && !summing.MatchString(q) {
		if q == "" {
			for _, s := range b.p.fresh() {
				q = s.Content
			}
		}
		return first(b.answer(q).words, b.pick("nothing", "I have nothing to add to that."), "I have nothing to add.")
	}
	switch {
	case b.me.text == "" && rewriting.MatchString(q+b.p.system) && longestParagraph(q) != "":
		return longestParagraph(q)
	case summing.MatchString(q) || telling2.MatchString(q) || len(b.transcript()) > 1:
		return b.narrative()
	}
	return first(b.answer(q).words, "There is little to say about this.")
}

func longestParagraph(text string) string {
	best := ""
	ps := strings.Split(text, "\n\n")
	if len(ps) < 2 {
		return ""
	}
	for _, p := range ps {
		if p = strings.TrimSpace(p); len(p) > len(best) {
			best = p
		}
	}
	return best
}
