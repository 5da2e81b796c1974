package rehearsal

import (
	"encoding/json"
	"math"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// heardOf is what a request without a persona is about: the words of the person whom the
// text around the transcript names, else of everybody.
func (b *brain) heardOf() []utterance {
	if b.heardAll {
		return b.heard
	}
	b.heardAll = true
	text := strings.Join(b.p.user, "\n")
	all := utterances(text)
	names := map[string]int{}
	for _, u := range all {
		names[u.who]++
	}
	who := ""
	for _, line := range strings.Split(b.p.system+"\n"+text, "\n") {
		if strings.HasPrefix(strings.TrimSpace(line), "{") || spoken.MatchString(line) && names[spoken.FindStringSubmatch(line)[1]] > 0 ||
			heading.MatchString(line) || quoted.MatchString(line) {
			continue
		}
		for _, u := range all {
			if u.who != "" && u.who != "USER" && strings.Contains(line, u.who) {
				who = u.who
			}
		}
	}
	for _, u := range all {
		if u.text != "" && (who == "" && u.who != "" && u.who != "USER" || u.who == who && who != "") {
			b.heard = append(b.heard, u)
		}
	}
	if len(b.heard) == 0 {
		b.heard = all
	}
	return b.heard
}

// options are the things that the values of an enum stand for in the prompt.
func (g *generator) options(enum []json.RawMessage) []option {
	var found []option
	for _, text := range append(slices.Clone(g.b.p.user), g.b.taskTexts()...) {
		found = append(found, findOptions(text)...)
	}
	out := make([]option, len(enum))
	for i, raw := range enum {
		label := strings.Trim(string(raw), `"`)
		var s string
		if json.Unmarshal(raw, &s) == nil {
			label = s
		}
		out[i] = option{label: label}
		for _, o := range found {
			if strings.EqualFold(o.label, label) || strings.EqualFold(o.title, label) {
				out[i].title, out[i].text, out[i].kind = o.title, o.text, o.kind
				break
			}
		}
		if out[i].title == label {
			out[i].title = ""
		}
	}
	return out
}

func (b *brain) taskTexts() []string {
	var out []string
	for _, t := range b.p.turns {
		for _, s := range t.stimuli {
			out = append(out, s.Content)
		}
	}
	return out
}

func (g *generator) enum(enum []json.RawMessage, at place) any {
	if len(enum) == 1 {
		return enum[0]
	}
	os := g.options(enum)
	i := g.best(os, at)
	if g.attempt > 2 {
		i = (i + g.attempt - 2) % len(enum)
	}
	g.chosen = &os[i]
	return enum[i]
}

// best is the option that a person prefers, or that a transcript shows was taken.
func (g *generator) best(os []option, at place) int {
	if g.b.me.text == "" {
		heard := g.b.heardOf()
		for _, u := range slices.Backward(heard) {
			if p := strings.ToLower(pickedIn(u.text)); p != "" {
				for i, o := range os {
					l := strings.ToLower(o.label)
					if p == l || strings.HasSuffix(p, " "+l) || strings.Contains(p, " "+l+",") || strings.HasPrefix(p, l+",") ||
						len(l) > 2 && strings.Contains(p, l) || o.title != "" && strings.Contains(p, strings.ToLower(o.title)) {
						return i
					}
				}
			}
		}
		most, at := 0, -1
		for i, o := range os {
			n := 0
			for _, u := range heard {
				if len(o.label) > 2 {
					n += strings.Count(strings.ToLower(u.text), strings.ToLower(o.label))
				}
			}
			if n > most {
				most, at = n, i
			}
		}
		if at >= 0 {
			return at
		}
		return int(hash(g.b.seed, "enum", strings.Join(g.b.p.user, "\n"), os[0].label) % uint64(len(os)))
	}
	scaled := make([]option, len(os))
	copy(scaled, os)
	if yes := slices.IndexFunc(os, func(o option) bool { return strings.EqualFold(o.label, "yes") || strings.EqualFold(o.label, "true") }); yes >= 0 {
		return g.byLean(os, at, yes)
	}
	for i := range scaled { // the same word may answer several questions
		if scaled[i].text == "" && scaled[i].title == "" {
			scaled[i].text = g.topic(at)
			scaled[i].text = scaled[i].label + " " + strings.Join(keywords(scaled[i].text), " ")
		}
	}
	return g.b.rank(scaled)[0]
}

// byLean answers yes, no or what is between them.
func (g *generator) byLean(os []option, at place, yes int) int {
	lean := g.b.lean(g.topic(at))
	no := slices.IndexFunc(os, func(o option) bool { return strings.EqualFold(o.label, "no") || strings.EqualFold(o.label, "false") })
	if len(os) > 2 && math.Abs(lean) < 0.2 {
		for i := range os {
			if i != yes && i != no {
				return i
			}
		}
	}
	if lean < 0 && no >= 0 {
		return no
	}
	return yes
}

// several are options ranked by preference: all of them where the schema asks for
// as many, else the ones most liked.
func (g *generator) several(enum []json.RawMessage, least int, most float64, bounded bool, n int, at place) any {
	os := g.options(enum)
	for i := range os {
		if os[i].text == "" && os[i].title == "" && len(os[i].label) <= 2 {
			os[i].text = os[i].label + " " + g.topic(at)
		}
	}
	ranked := g.b.rank(os)
	n = max(min(n, len(ranked)), min(least, len(ranked)))
	if least <= 1 && (!bounded || int(most) >= len(ranked)) {
		n = max(least, 1+int(g.roll(at, "several")%uint64(max(1, (len(ranked)+1)/2))))
	}
	if bounded {
		n = min(n, int(most))
	}
	out := []any{}
	for _, i := range ranked[:min(n, len(ranked))] {
		out = append(out, enum[i])
	}
	if len(ranked) > 0 {
		g.chosen = &os[ranked[0]]
	}
	for i := 0; len(out) < min(least, mostItems) && len(ranked) > 0; i++ { // repeats, where that is allowed
		out = append(out, enum[ranked[i%len(ranked)]])
	}
	return out
}

func (g *generator) boolean(at place) bool {
	if g.b.me.text == "" {
		return g.roll(at, "bool")%3 != 0
	}
	if g.attempt > 2 {
		return g.roll(at, "bool")%2 == 0
	}
	return g.b.lean(g.topic(at)) >= 0
}

// judgeNumber is a step between 0 and steps, by how much the person is for it.
func (b *brain) judgeNumber(g *generator, at place, steps float64) float64 {
	if b.me.text == "" || g.attempt > 2 {
		return math.Floor(unit(b.seed, "number", strings.Join(b.p.user, "\n"), b.me.text, b.draw, at.path, strconv.Itoa(g.attempt)) * (steps + 1))
	}
	return math.Floor((b.lean(g.topic(at))+1)/2*steps + 0.5)
}

func (g *generator) str(s schema, at place) any {
	least, _ := s.num("minLength")
	most, bounded := s.num("maxLength")
	var v string
	switch {
	case s.str("pattern") != "":
		v = fromPattern(s.str("pattern"), g.attempt+at.index)
	case s.str("format") != "":
		v = g.format(s.str("format"), at)
	}
	if v == "" {
		v = g.text(at)
	}
	if short := int(min(least, mostChars)) - utf8.RuneCountInString(v); short > 0 && s.str("pattern") == "" {
		var b strings.Builder
		b.WriteString(v)
		for i := 0; b.Len() < len(v)+4*short && i < short; i++ {
			b.WriteString(" " + g.b.filler(i))
		}
		v = strings.TrimLeft(b.String(), " ")
		if !bounded && utf8.RuneCountInString(v) > int(least)+200 {
			v = clip(v, int(least)+200)
		}
	}
	if bounded {
		v = clip(v, int(most))
	}
	if short := int(min(least, mostChars)) - utf8.RuneCountInString(v); short > 0 { // clipped below the least length
		v += strings.Repeat(".", short)
	}
	return v
}

// clip cuts s to at most n characters: after a sentence where one fits, else after
// a word.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	head := string(r[:max(n, 0)])
	if i := strings.LastIndexAny(head, ".!?"); i > len(head)/3 {
		return head[:i+1]
	}
	if i := strings.LastIndex(head, " "); i > len(head)/2 {
		return strings.TrimRight(head[:i], " ,;:")
	}
	return head
}

func (b *brain) filler(i int) string {
	var ss []string
	for _, f := range b.me.facts {
		if s := f.sayings(); len(s) > 0 {
			ss = append(ss, s[0])
		}
	}
	if len(ss) == 0 {
		ss = []string{"There is more to say about this.", "One thing leads to another.", "It depends on the day."}
	}
	return ss[i%len(ss)]
}

func (g *generator) format(f string, at place) string {
	n := g.roll(at, "format")
	two := func(v uint64) string { return string([]byte{byte('0' + v/10), byte('0' + v%10)}) }
	day := "20" + two(20+n%10) + "-" + two(1+n/10%12) + "-" + two(1+n/120%28)
	clock := two(n/3360%24) + ":" + two(n/80640%60) + ":00"
	switch f {
	case "date":
		return day
	case "date-time":
		return day + "T" + clock + "Z"
	case "time":
		return clock + "Z"
	case "duration":
		return "PT" + strconv.Itoa(1+int(n%59)) + "M"
	case "email", "idn-email":
		return "someone" + strconv.Itoa(int(n%1000)) + "@example.com"
	case "uri", "url", "iri", "uri-reference":
		return "https://example.com/" + strconv.Itoa(int(n%1000))
	case "hostname":
		return "example.com"
	case "ipv4":
		return "192.0.2." + strconv.Itoa(int(n%254)+1)
	case "ipv6":
		return "2001:db8::1"
	case "uuid":
		h := strconv.FormatUint(n|1<<63, 16)
		return h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-8" + h[:3] + "-" + h[4:16]
	}
	return ""
}

// fromPattern is a text that matches a regular expression, or "" where none is found
// easily. variant gives other texts for the same expression.
func fromPattern(pattern string, variant int) string {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return ""
	}
	var b strings.Builder
	writePattern(&b, re.Simplify(), uint64(max(variant, 0)))
	return b.String()
}

func writePattern(b *strings.Builder, re *syntax.Regexp, variant uint64) {
	if b.Len() > 10000 {
		return
	}
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		if len(re.Rune) >= 2 {
			i := 0
			for i+2 < len(re.Rune) && re.Rune[i] < ' ' { // printable where there is a choice
				i += 2
			}
			lo, hi := max(re.Rune[i], min(' '+1, re.Rune[i+1])), re.Rune[i+1]
			span := min(uint64(hi-lo)+1, 60)
			b.WriteRune(lo + rune((variant+uint64(b.Len()))%span))
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte("abcdefgh"[(variant+uint64(b.Len()))%8])
	case syntax.OpCapture, syntax.OpConcat:
		for _, sub := range re.Sub {
			writePattern(b, sub, variant)
		}
	case syntax.OpPlus:
		for range 1 + variant%5 {
			writePattern(b, re.Sub[0], variant)
		}
	case syntax.OpStar:
		for range variant % 5 {
			writePattern(b, re.Sub[0], variant)
		}
	case syntax.OpQuest:
		if variant%2 == 1 {
			writePattern(b, re.Sub[0], variant)
		}
	case syntax.OpAlternate:
		writePattern(b, re.Sub[variant%uint64(len(re.Sub))], variant)
	case syntax.OpRepeat:
		for range re.Min {
			writePattern(b, re.Sub[0], variant)
		}
	}
}
