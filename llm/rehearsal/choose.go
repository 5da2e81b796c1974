package rehearsal

import (
	"regexp"
	"slices"
	"strings"
)

// An option is one of several things to choose from.
type option struct {
	label string // A, 2, or the title where there is no label
	title string
	text  string
	kind  string // ad, concept, …; how the text calls it
}

// called is how a person speaks of the option.
func (o option) called() string {
	s := o.label
	if o.kind != "" {
		s = strings.ToLower(o.kind) + " " + s
	} else if len(o.label) <= 2 && o.label >= "0" && o.label <= "99" {
		s = "number " + s
	}
	if t := first(o.title, o.text); t != "" && t != o.label && count(t) <= 8 {
		s += ", “" + unstopped(strings.Trim(t, `"“”`)) + "”"
	}
	return s
}

const optionNouns = `option|ad|advert|advertisement|concept|choice|product|version|idea|plan|proposal|variant|design|package|candidate|message|slogan`

var (
	labelled = regexp.MustCompile(`(?i)^[\s#*>(-]*(?:(` + optionNouns + `)\s+)?([A-Ha-h]|[1-9][0-9]?)\s*\**(?:\s*[).:\]]\**\s*|\s+[–—-]\s+|\s*$)(.*)$`)
	titled   = regexp.MustCompile(`^\s*[-*•]?\s*\**([\p{Lu}\d"“][^:?!.]{1,50}?)\**:\**\s+(\S.*)$`)
	bulleted = regexp.MustCompile(`^\s*[-*•]\s+(\S.*)$`)
	inline   = regexp.MustCompile(`(?:^|[\s,;:])\(?([A-H])\)\s+`)
	either   = regexp.MustCompile(`(?i)(?:prefer|rather have|rather|between|choose|pick|better|is it|buy|take|favou?r|want)[,:]?\s+([^?.!]+?)\?`)
	choosing = regexp.MustCompile(`(?i)\b(?:which|choose|pick|prefer|favou?rite|vote|select|convinces?|appeals?|rank|decide between|rather|option|most likely to)\b`)
)

// findOptions returns the two or more things that text puts up for a choice.
func findOptions(text string) []option {
	lines := strings.Split(text, "\n")
	if out := labelledOptions(lines); len(out) >= 2 {
		return out
	}
	if at := inline.FindAllStringSubmatchIndex(text, -1); len(at) >= 2 && text[at[0][2]:at[0][3]] == "A" {
		var out []option
		for i, m := range at {
			end := len(text)
			if i+1 < len(at) {
				end = at[i+1][0]
			}
			t, _, _ := strings.Cut(text[m[1]:end], "?")
			t = strings.TrimSuffix(strings.TrimSuffix(strings.Trim(t, " ,;.\n"), " or"), " and")
			out = append(out, option{label: text[m[2]:m[3]], text: strings.Trim(t, " ,;.\n")})
		}
		return out
	}
	var out []option
	for _, re := range []*regexp.Regexp{titled, bulleted} {
		out = nil
		for _, l := range lines {
			m := re.FindStringSubmatch(l)
			switch {
			case m == nil:
			case len(m) == 3:
				out = append(out, option{label: strings.Trim(m[1], ` "“”*`), text: m[2]})
			case count(m[1]) <= 6:
				out = append(out, option{label: unstopped(m[1])})
			default:
				out = append(out, option{label: strings.Join(strings.Fields(m[1])[:4], " ") + " …", text: m[1]})
			}
		}
		if len(out) >= 2 {
			return out
		}
	}
	if m := either.FindStringSubmatch(text); m != nil && strings.Contains(m[1], " or ") || m != nil && strings.Contains(m[0], "between") {
		parts := regexp.MustCompile(`\s*,\s*(?:or |and )?|\s+or\s+|\s+and\s+`).Split(m[1], -1)
		out = nil
		for _, x := range parts {
			if x = strings.TrimSpace(x); x != "" && count(x) <= 7 {
				out = append(out, option{label: x})
			}
		}
		if len(out) >= 2 && len(out) == len(parts) {
			return out
		}
	}
	return nil
}

func labelledOptions(lines []string) []option {
	var out []option
	for _, l := range lines {
		m := labelled.FindStringSubmatch(l)
		if m != nil && m[1] == "" && strings.TrimSpace(m[3]) == "" && !strings.HasPrefix(strings.TrimSpace(l), "#") {
			m = nil
		}
		want := "A"
		if n := len(out); n > 0 {
			want = next(out[n-1].label)
		}
		if m != nil && (strings.ToUpper(m[2]) == want || len(out) == 0 && m[2] == "1") {
			o := option{label: strings.ToUpper(m[2]), kind: m[1]}
			o.title, o.text = splitTitle(m[3])
			out = append(out, o)
		} else if n := len(out); n > 0 {
			o := &out[n-1]
			t := strings.TrimSpace(l)
			if o.title == "" && o.text == "" && t != "" && count(t) <= 8 {
				o.title = unstopped(strings.Trim(t, "#*_ "))
			} else if t != "" {
				o.text = strings.TrimSpace(o.text + " " + t)
			}
		}
	}
	return out
}

func next(label string) string {
	if len(label) == 1 && label[0] >= 'A' && label[0] < 'Z' || len(label) == 1 && label[0] >= '1' && label[0] < '9' {
		return string(rune(label[0] + 1))
	}
	return map[string]string{"9": "10", "10": "11", "11": "12"}[label]
}

func splitTitle(s string) (title, text string) {
	s = strings.Trim(s, "* ")
	if t, rest, ok := strings.Cut(s, ": "); ok && count(t) <= 8 {
		return strings.Trim(t, `"“”*`), rest
	}
	if count(s) <= 6 && !strings.HasSuffix(s, ".") {
		return strings.Trim(s, `"“”*`), ""
	}
	return "", s
}

// lean is how much a person is for a text, from -1 to 1: what it shares with their
// likes and dislikes, and for the rest a bias of their own on that topic. A topic is
// the set of its keywords, whatever their order.
func (b *brain) lean(text string) float64 {
	keys := keywords(text)
	slices.Sort(keys)
	keys = slices.Compact(keys)
	bias := 2*unit(b.seed, "lean", b.me.text, strings.Join(keys, " ")) - 1
	var pro, contra float64
	for _, k := range keys {
		if b.me.pro[k] {
			pro++
		}
		if b.me.contra[k] {
			contra++
		}
	}
	v := bias + 0.5*min(pro, 3) - 0.9*min(contra, 2)
	return max(-1, min(1, v))
}

// score ranks options for a person. It does not depend on their order.
func (b *brain) score(o option) float64 {
	text := o.title + " " + o.text
	if len(o.label) > 2 {
		text += " " + o.label
	}
	keys := keywords(text)
	if len(keys) == 0 {
		keys = []string{strings.ToLower(o.label)}
	}
	var pro, contra float64
	for _, k := range keys {
		if b.me.pro[k] {
			pro++
		}
		if b.me.contra[k] {
			contra++
		}
	}
	slices.Sort(keys)
	n := float64(len(keys))
	return (pro*1.6-contra*2)/(3+n/4) + unit(b.seed, "option", b.me.text, strings.Join(keys, " "))
}

// rank returns the indexes of options, the best first.
func (b *brain) rank(os []option) []int {
	idx := make([]int, len(os))
	for i := range idx {
		idx[i] = i
	}
	scores := make([]float64, len(os))
	for i, o := range os {
		scores[i] = b.score(o)
	}
	slices.SortStableFunc(idx, func(i, j int) int {
		switch {
		case scores[i] > scores[j]:
			return -1
		case scores[i] < scores[j]:
			return 1
		}
		return 0
	})
	return idx
}

// ground returns the fact of the person that bears most on text and the word they
// share, which is "" where none does.
func (b *brain) ground(text string, against bool) (fact, string) {
	kinds := []kind{like, interest, goal, belief, work, habit, skill, weekend, evening, other}
	if against {
		kinds = []kind{dislike, belief, habit, goal, interest}
	}
	var best fact
	most, word := 0, ""
	facts := b.me.of(kinds...)
	for _, f := range facts {
		if b.told(&f) {
			continue
		}
		if overlap(f.stems, text) <= most {
			continue
		}
		own := stems(f.plain()) // what was left out of it is no reason
		if n := overlap(own, text); n > most {
			most, best, word = n, f, shared(own, text)
		}
	}
	if most > 0 {
		return best, word
	}
	var usable []fact
	general := []kind{like, interest, goal, belief}
	if !against { // a virtue is no reason against anything
		general = append(general, trait)
	}
	for _, f := range b.me.of(general...) {
		if b.told(&f) {
			continue
		}
		switch f.kind {
		case trait:
			if f.said == "" {
				continue
			}
		case like, interest:
			if f.thing() == "" {
				continue
			}
		}
		if f.plain() != "" && (f.kind != belief || f.said != "" || f.noun != "") {
			usable = append(usable, f)
		}
	}
	if len(usable) == 0 {
		return fact{}, ""
	}
	keys := keywords(text)
	slices.Sort(keys)
	return usable[hash(b.seed, "ground", b.me.text, strings.Join(keys, " "))%uint64(len(usable))], ""
}

// because is one sentence that gives a reason from the person's own text, or "".
// Where nothing in that text bears on the matter it is a reason that anybody could
// have for anything: a rule they live by, other plans, what they are like.
func (b *brain) because(text string, against bool) string {
	f, word := b.ground(text, against)
	if f.raw == "" {
		if b.me.job != "" && len(b.me.facts) < 3 {
			return b.pick("because", "I look at it as "+b.me.job+".")
		}
		return ""
	}
	var pool []string
	if word != "" {
		if s := lowerFirst(f.plain()); s != "" {
			pool = append(pool, "After all, "+s, "I say that because "+s, "The reason is simple: "+s, "That counts for me, because "+s)
		}
		return b.pick("because", pool...)
	}
	said := lowerFirst(f.plain())
	switch {
	case f.kind == trait:
		pool = []string{upperFirst(unstopped(f.said)) + ", so why not?", "It suits me: " + said}
	case f.kind == belief && f.said != "":
		said = lowerFirst(f.said)
		pool = []string{"My rule is simple: " + said, "I go by one thing: " + said, "What I hold to is this: " + said}
	case f.kind == belief:
		pool = []string{"What counts for me is " + f.noun + ".", "I go by " + f.noun + "."}
	case f.kind == goal && against:
		pool = []string{"I have other plans: " + said, "My mind is on something else: " + said}
	case f.kind == goal:
		pool = []string{"It does not stand in the way of my plans: " + said, "It leaves room for my plans: " + said}
	case against:
		pool = []string{"I would rather spend my time on " + f.thing() + ".", "I care more about " + f.noun + "."}
	default:
		pool = []string{"It would leave me time for " + f.noun + ".", "It can go well with " + f.noun + ", I think."}
	}
	return b.pick("because", pool...)
}
