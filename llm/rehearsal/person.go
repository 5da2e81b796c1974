package rehearsal

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// kind says which part of a persona a fact comes from.
type kind string

const (
	work     kind = "work"
	workday  kind = "workday"
	morning  kind = "morning"
	evening  kind = "evening"
	weekend  kind = "weekend"
	habit    kind = "habit"
	interest kind = "interest"
	like     kind = "like"
	dislike  kind = "dislike"
	belief   kind = "belief"
	skill    kind = "skill"
	goal     kind = "goal"
	trait    kind = "trait"
	home     kind = "home"
	other    kind = "other"
)

// A fact is one item of a persona in the forms it can take. A form it cannot take
// with good grammar is empty.
type fact struct {
	kind  kind
	raw   string
	noun  string // noun phrase or gerund, for the middle of a sentence
	verb  string // verb phrase in its base form: learn Japanese
	said  string // a sentence in the first person, with its stop
	says  []string
	stems map[string]bool
}

// A person is a persona, read for speaking.
type person struct {
	name, nick  string
	age         string
	job         string // with article: a data scientist
	org         string
	residence   string
	nationality string
	facts       []fact
	relations   map[string]string
	related     []string // their names, as they are written
	voice       voice
	text        string          // all of it, for hashing
	pro, contra map[string]bool // stems of what is wanted and of what is not
}

// readPerson reads a persona's JSON; what has an unexpected shape is left out.
func readPerson(line string) *person {
	p := &person{text: line, pro: map[string]bool{}, contra: map[string]bool{}, relations: map[string]string{}}
	var m map[string]any
	if json.Unmarshal([]byte(line), &m) != nil || m == nil {
		return p
	}
	if inner, ok := m["persona"].(map[string]any); ok && m["name"] == nil {
		m = inner
	}
	gender := strings.ToLower(str(m["gender"]))
	p.voice = voice{names: namesIn(line), he: !strings.HasPrefix(gender, "f"), she: !strings.HasPrefix(gender, "m")}
	p.name = oneLine(str(m["name"]))
	p.nick = nick(p.name)
	p.age = oneLine(str(m["age"]))
	p.residence, _, _ = strings.Cut(unstopped(oneLine(first(str(m["residence"]), str(m["country_of_residence"]), str(m["city"])))), ",")
	p.nationality = unstopped(oneLine(str(m["nationality"])))
	p.readWork(m["occupation"])
	prefs, _ := m["preferences"].(map[string]any)
	p.add(interest, prefs["interests"], m["interests"], m["hobbies"])
	p.add(like, prefs["likes"], m["likes"])
	p.add(goal, m["long_term_goals"], m["goals"], m["aims"])
	p.add(belief, m["beliefs"], m["values"])
	p.add(skill, m["skills"])
	p.add(dislike, prefs["dislikes"], m["dislikes"])
	if b, ok := m["behaviors"].(map[string]any); ok {
		p.readRoutines(b["routines"])
		keys := make([]string, 0, len(b))
		for k := range b {
			if k != "routines" {
				keys = append(keys, k)
			}
		}
		slices.Sort(keys)
		for _, k := range keys {
			p.add(habit, b[k])
		}
	} else {
		p.add(habit, m["behaviors"], m["behaviours"])
	}
	p.readRoutines(m["routines"])
	if t, ok := m["personality"].(map[string]any); ok {
		p.add(trait, t["traits"])
	} else {
		p.add(trait, m["personality"], m["traits"])
	}
	p.add(other, m["other_facts"], m["other"], m["background"])
	if rels, ok := m["relationships"].([]any); ok {
		for _, r := range rels {
			if o, ok := r.(map[string]any); ok {
				if n := first(str(o["name"]), str(o["Name"])); n != "" {
					p.related = append(p.related, n)
					p.relations[n] = first(str(o["description"]), str(o["Description"]))
				}
			}
		}
	}
	p.weigh()
	return p
}

var capital = regexp.MustCompile(`(?:^|[\s"])\p{Ll}[\p{L}’'-]*,? (\p{Lu}[\p{L}’'-]+)`)

var degrees = set("science arts technical university college school engineering business bachelor master")

// namesIn finds words that stand with a capital after a word without one.
func namesIn(text string) map[string]bool {
	names := map[string]bool{}
	for _, m := range capital.FindAllStringSubmatch(text, -1) {
		names[strings.ToLower(strings.TrimSuffix(m[1], "'s"))] = true
	}
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '-' && r != '’' }) {
		if w == strings.ToLower(w) {
			delete(names, w)
		}
	}
	for w := range degrees {
		delete(names, w)
	}
	return names
}

func (p *person) weigh() {
	for _, f := range p.facts {
		m := p.pro
		if f.kind == dislike {
			m = p.contra
		}
		for k := range f.stems {
			m[k] = true
		}
	}
	for k := range p.contra {
		if !p.likesStem(k) {
			delete(p.pro, k)
		}
	}
}

func (p *person) likesStem(k string) bool {
	for _, f := range p.facts {
		if (f.kind == like || f.kind == interest || f.kind == goal) && f.stems[k] {
			return true
		}
	}
	return false
}

func (p *person) readWork(v any) {
	title, description := str(v), ""
	if o, ok := v.(map[string]any); ok {
		title, description = str(o["title"]), str(o["description"])
		p.org, _, _ = strings.Cut(unstopped(oneLine(str(o["organization"]))), ",")
	}
	title, _, _ = strings.Cut(unstopped(oneLine(title)), ",")
	if title != "" && count(title) <= 8 {
		p.job = jobTitle(title)
		s := "I am " + p.job
		if working(p.job) {
			s = "I work as " + p.job
		}
		if plainName(p.org) && working(p.job) && !strings.Contains(strings.ToLower(title), strings.ToLower(p.org)) {
			s += " at " + p.org
		}
		p.facts = append(p.facts, fact{kind: work, raw: title, said: s + ".", says: []string{s + "."}, stems: stems(title + " " + p.org)})
	}
	for _, s := range sentences(description) {
		if f := readFact(work, s, p.voice); f.said != "" && count(f.said) <= 26 && !restates(f.said, p.job) {
			p.facts = append(p.facts, f)
		}
	}
}

// restates reports whether a sentence of a job's description gives the title alone.
func restates(said, job string) bool {
	return job != "" && len(keywords(said)) <= len(keywords(job))+2 && strings.Contains(strings.ToLower(said), firstWord(strings.ToLower(job)))
}

func plainName(org string) bool {
	return org != "" && count(org) <= 5 && !strings.ContainsAny(org, ",;:(") && !strings.EqualFold(org, "none") &&
		!strings.Contains(strings.ToLower(org), "self") && !strings.Contains(strings.ToLower(org), "n/a")
}

func working(job string) bool {
	return strings.HasPrefix(job, "a ") || strings.HasPrefix(job, "an ") && !strings.Contains(job, "student")
}

// jobTitle writes a title as it stands in a sentence: a data scientist.
func jobTitle(title string) string {
	fields := strings.Fields(title)
	for i, w := range fields {
		if strings.ToUpper(w) != w && (i == 0 || !slices.Contains([]string{"at", "of", "for"}, strings.ToLower(fields[i-1]))) {
			fields[i] = lowerFirst(w)
		}
	}
	t := strings.Join(fields, " ")
	switch strings.ToLower(firstWord(t)) {
	case "retired", "unemployed", "self-employed", "freelance", "between":
		if len(fields) <= 1 || strings.ToLower(fields[0]) == "between" {
			return t
		}
	}
	return article(t)
}

func (p *person) readRoutines(v any) {
	switch r := v.(type) {
	case map[string]any:
		for _, k := range []kind{morning, workday, evening, weekend} {
			p.add(k, r[string(k)])
		}
	default:
		p.add(habit, v)
	}
}

func (p *person) add(k kind, values ...any) {
	for _, v := range values {
		for _, s := range texts(v) {
			if f := readFact(k, s, p.voice); f.raw != "" && !p.has(f.raw) {
				p.facts = append(p.facts, f)
			}
		}
	}
}

func (p *person) has(raw string) bool {
	return slices.ContainsFunc(p.facts, func(f fact) bool { return f.raw == raw })
}

func (p *person) of(kinds ...kind) []fact {
	var out []fact
	for _, k := range kinds {
		for _, f := range p.facts {
			if f.kind == k {
				out = append(out, f)
			}
		}
	}
	return out
}

// texts flattens a value of a persona to its items.
func texts(v any) []string {
	switch t := v.(type) {
	case string:
		if s := oneLine(t); s != "" {
			return []string{s}
		}
	case []any:
		var out []string
		for _, x := range t {
			out = append(out, texts(x)...)
		}
		return out
	}
	return nil
}

func str(v any) string {
	switch t := v.(type) {
	case string:
		return t
	case float64:
		return fmt.Sprint(t)
	}
	return ""
}

// nick is what a friend says: the first word of a name, or all of it after a title.
func nick(name string) string {
	w := firstWord(name)
	switch strings.TrimSuffix(strings.ToLower(w), ".") {
	case "dr", "mr", "mrs", "ms", "prof", "sir", "the", "user", "customer", "person", "agent", "participant":
		return name
	}
	return w
}
