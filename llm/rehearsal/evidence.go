package rehearsal

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What is asked about a transcript has values with a quotation beside them; what is
// asked of a person has values with their own words. Both are told by the names of the
// members, in this order.
var (
	foundMembers = []string{"quote", "event", "outcome", "value"}
	foundList    = []string{"items", "outcome", "quote", "event"}
	saidMembers  = []string{"said", "outcome", "value"}
	toldMembers  = []string{"outcome", "value"}
	toldList     = []string{"items", "outcome"}
)

// withEvidence gives the value of an object that carries its evidence.
func (g *generator) withEvidence(s schema, at place) (any, bool) {
	props := ordered(s["properties"])
	var names []string
	for _, m := range props {
		names = append(names, m.key)
	}
	is := func(list []string) bool { return slices.Equal(names, list) }
	part := func(name string) schema {
		for _, m := range props {
			if m.key == name {
				return g.resolve(schemaOf(m.value), at, 0)
			}
		}
		return nil
	}
	switch {
	case is(foundMembers):
		return g.found(part("value"), at, g.words(at)), true
	case is(foundList):
		return g.foundItems(part("items"), at), true
	case is(saidMembers), is(toldMembers):
		return g.told(part("value"), at, is(saidMembers)), true
	case is(toldList):
		o := object{}
		o.set("items", g.value(part("items"), g.below(at, "items")))
		o.set("outcome", "answered")
		return o, true
	case is([]string{"keep"}):
		most, _ := part("keep").num("maxItems")
		all := []any{}
		for i := range int(min(most, mostItems)) {
			all = append(all, i+1)
		}
		return object{{"keep", all}}, true
	case is([]string{"pick"}):
		last, _ := schemaOf(s["properties"]).sub("pick").num("maximum")
		return object{{"pick", int(last)}}, true
	}
	return nil, false
}

func (s schema) sub(key string) schema { return schemaOf(s[key]) }

// withoutNull is a schema that leaves null out.
func withoutNull(s schema) schema {
	out := schema{}
	for k, v := range s {
		out[k] = v
	}
	if ts := s.strs("type"); len(ts) > 0 {
		ts = slices.DeleteFunc(ts, func(t string) bool { return t == "null" })
		if len(ts) == 1 {
			out["type"] = compact(ts[0])
		}
	}
	if enum := s.list("enum"); len(enum) > 0 {
		out["enum"] = compact(slices.DeleteFunc(enum, func(v json.RawMessage) bool { return string(v) == "null" }))
	}
	return out
}

// task is what the prompt says of a value: what is asked, and in which form.
type task struct{ text, form string }

// task finds it by the names on the way to the value.
func (g *generator) task(path string) task {
	names := strings.Split(strings.TrimPrefix(path, "/"), "/")
	all := "\n" + strings.Join(g.b.p.user, "\n")
	if g.b.p.asked {
		all = "\n" + g.b.p.question
	} else if _, after, ok := strings.Cut(all, "\nEND TRANSCRIPT"); ok {
		all = after
	}
	const value = "The value is "
	if _, after, ok := strings.Cut(all, "\n"+names[0]+": "); ok {
		all = after
	}
	if last := names[len(names)-1]; len(names) > 1 {
		head, after, ok := strings.Cut(all, "\n- "+last+": ")
		if !ok {
			return task{text: strings.TrimSpace(all)}
		}
		line, _, _ := strings.Cut(after, "\n")
		text, form, _ := strings.Cut(line, value)
		head, _, _ = strings.Cut(strings.TrimSpace(head), "\n")
		if strings.TrimSpace(text) == last || strings.TrimSpace(text) == "" {
			text = head + " " + last
		}
		return task{strings.TrimSpace(text), form}
	}
	text, form, ok := strings.Cut(all, "\n"+value)
	if !ok {
		text, _, _ = strings.Cut(text, "\nItems, at most")
	}
	form, _, _ = strings.Cut(form, "\n")
	return task{strings.TrimSpace(text), form}
}

// told is what a person answers about one value.
func (g *generator) told(value schema, at place, said bool) any {
	t := g.task(at.path)
	own := place{path: at.path, name: at.name, ask: first(t.text, at.ask), depth: at.depth, index: at.index}
	g.chosen = nil
	var v any
	var enum []json.RawMessage
	if s := value.sub("items"); s != nil {
		enum = s.list("enum")
	}
	if len(enum) > 0 && strings.Contains(t.form, "the best first") {
		os := g.options(enum)
		ranked := []any{}
		for _, i := range g.b.rank(os) {
			ranked = append(ranked, enum[i])
		}
		g.chosen = &os[g.b.rank(os)[0]]
		v = ranked
	} else {
		v = g.value(withoutNull(value), own)
	}
	o := object{}
	if said {
		own.name = "said"
		words := ""
		if c := g.chosen; c != nil {
			words = join(fmt.Sprintf("For me it is %s.", c.called()), g.b.because(c.title+" "+c.text+" "+c.label, false))
		}
		switch v.(type) {
		case int64, float64:
			words = join(fmt.Sprintf("I would say %v.", v), g.b.because(own.ask, g.b.lean(g.topic(own)) < 0))
		}
		o.set("said", clip(first(words, g.ownText(own)), 400))
	}
	o.set("outcome", "answered")
	o.set("value", v)
	return o
}

// line is one event of a transcript as it stands in a prompt.
type line struct {
	Event   int    `json:"event"`
	Who     string `json:"who"`
	Does    string `json:"does"`
	Content string `json:"content"`
	Data    bool   `json:"data"`
}

// A saying is a sentence that somebody said, and where.
type saying struct {
	text   string
	event  int
	spoken bool
}

var askedAbout = regexp.MustCompile(`(?m)^It is (.+?) who is asked about(?:, which is (.+?))?: quote `)

// sayings are the sentences of those whom the prompt asks about: what they said, and
// then what they thought.
func (g *generator) sayings() []saying {
	text := "\n" + strings.Join(g.b.p.user, "\n")
	_, after, _ := strings.Cut(text, "\nBEGIN TRANSCRIPT\n")
	inside, tail, _ := strings.Cut(after, "\nEND TRANSCRIPT")
	var who []string // nobody named: everybody
	if m := askedAbout.FindStringSubmatch(tail); m != nil && m[2] != "" {
		who = strings.Split(m[2], ", ")
	} else if m != nil && m[1] != "everybody there" {
		who = m[1:2]
	}
	var spoken, thought []saying
	for l := range strings.Lines(inside) {
		var e line
		if json.Unmarshal([]byte(l), &e) != nil || e.Does == "" || who != nil && !slices.Contains(who, e.Who) {
			continue
		}
		for _, s := range sentences(e.Content) {
			if s = clip(s, 400); count(s) < 1 {
				continue
			}
			if e.Does == "TALK" {
				spoken = append(spoken, saying{s, e.Event, true})
			} else {
				thought = append(thought, saying{s, e.Event, false})
			}
		}
	}
	return append(spoken, thought...)
}

// words are the sentences to look in for a value, the ones that say most about what is
// asked first.
func (g *generator) words(at place) []saying {
	all := slices.DeleteFunc(g.sayings(), func(s saying) bool { return farewell.MatchString(s.text) || strings.HasSuffix(s.text, "?") })
	t := g.task(at.path)
	keys := stems(t.text)
	reason := reasonName.MatchString(strings.ToLower(at.name + " " + t.text))
	score := func(i int) float64 {
		s := all[i]
		n := float64(overlap(keys, s.text))
		if reason && i > 0 && pickedIn(all[i-1].text) != "" && all[i-1].event == s.event {
			n += 3
		}
		if l := strings.ToLower(s.text); reason && (strings.Contains(l, "because") || strings.HasPrefix(l, "after all")) {
			n += 2
		}
		if s.spoken {
			n += 1.5
		}
		if count(s.text) < 4 {
			n -= 1.5
		}
		return n
	}
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch a, b := score(i), score(j); {
		case a > b:
			return -1
		case a < b:
			return 1
		}
		return 0
	})
	out := make([]saying, len(all))
	for n, i := range order {
		out[n] = all[i]
	}
	return out
}

// found is what a transcript shows of one value. Options are taken only where a
// sentence names them.
func (g *generator) found(value schema, at place, in []saying) any {
	none := object{{"quote", ""}, {"event", 0}, {"outcome", "absent"}, {"value", nil}}
	if len(in) == 0 {
		return none
	}
	value = withoutNull(value)
	shows := in[0]
	var v any
	if enum := value.list("enum"); len(enum) > 0 {
		i, s, ok := g.named(enum, in)
		if !ok {
			return none
		}
		v, shows = enum[i], s
	} else if enum := value.sub("items").list("enum"); len(enum) > 0 {
		var all []any
		for i := range enum {
			if _, s, ok := g.named(enum[i:i+1], in); ok {
				if all == nil {
					shows = s
				}
				all = append(all, enum[i])
			}
		}
		if all == nil || strings.Contains(g.task(at.path).form, "the best first") && len(all) < len(enum) {
			return none
		}
		v = all
	} else {
		switch g.typeOf(value, at) {
		case "boolean":
			v = !no.MatchString(shows.text)
		case "integer", "number":
			lo, hasLo := value.num("minimum")
			hi, hasHi := value.num("maximum")
			for _, s := range in {
				m := anyNumber.FindString(s.text)
				x, err := strconv.ParseFloat(m, 64)
				if err == nil && (!hasLo || x >= lo) && (!hasHi || x <= hi) && (g.typeOf(value, at) == "number" || x == float64(int(x))) {
					v, shows = x, s
					break
				}
			}
			if v == nil && !(hasLo && hasHi) {
				return none
			}
			if v == nil {
				v = lo + float64(hash(g.b.seed, "found", at.name, shows.text)%uint64(min(hi-lo, 1e6)+1))
			}
		default:
			v = clip(shows.text, 200)
		}
	}
	return object{{"quote", shows.text}, {"event", shows.event}, {"outcome", "answered"}, {"value", v}}
}

var (
	no        = regexp.MustCompile(`(?i)\b(?:no|not|never|nothing|none|hardly|doubts?|cannot)\b|n['’]t\b`)
	anyNumber = regexp.MustCompile(`\b\d+(?:\.\d+)?\b`)
)

// named finds the option that a sentence takes, or else names.
func (g *generator) named(enum []json.RawMessage, in []saying) (int, saying, bool) {
	os := g.options(enum)
	for _, takes := range []bool{true, false} {
		for _, s := range in {
			text := s.text
			if takes {
				if text = pickedIn(s.text); text == "" {
					continue
				}
			}
			for i, o := range os {
				if names(text, o.label, takes) || o.title != "" && names(text, o.title, takes) {
					return i, s, true
				}
			}
		}
	}
	return 0, saying{}, false
}

// names reports whether a text names an option. A label of one letter or digit counts
// only where something is taken, so that "A" is no article.
func names(text, label string, taken bool) bool {
	if len(label) < 2 && !taken {
		return false
	}
	pattern := `\b` + regexp.QuoteMeta(label) + `\b`
	if len(label) > 1 {
		pattern = `(?i)` + pattern
	}
	re, err := regexp.Compile(pattern)
	return err == nil && re.MatchString(text)
}

// foundItems is what a transcript shows of a list: an item for each of up to three
// sentences.
func (g *generator) foundItems(items schema, at place) any {
	most, bounded := items.num("maxItems")
	in := g.words(at)
	n := min(3, len(in))
	if bounded {
		n = min(n, int(most))
	}
	list := []any{}
	for i := range n {
		item := object{}
		below := g.below(at, "items")
		for _, m := range ordered(schemaOf(items["items"])["properties"]) {
			p := g.below(below, m.key)
			p.index = i
			leaf := schemaOf(m.value)
			value := schemaOf(schemaOf(leaf["properties"])["value"])
			f := g.found(value, p, in[i:i+1])
			if enum := withoutNull(value).list("enum"); len(enum) > 0 && isAbsent(f) { // a stand-in sorts everything somewhere
				v := enum[hash(g.b.seed, "item", p.name, in[i].text)%uint64(len(enum))]
				f = object{{"quote", in[i].text}, {"event", in[i].event}, {"outcome", "answered"}, {"value", v}}
			}
			item.set(m.key, f)
		}
		list = append(list, item)
	}
	outcome := "answered"
	if len(list) == 0 {
		outcome = "absent"
	}
	return object{{"items", list}, {"outcome", outcome}, {"quote", ""}, {"event", 0}}
}

func isAbsent(v any) bool {
	o, ok := v.(object)
	return ok && len(o) > 2 && o[2].value == "absent"
}
