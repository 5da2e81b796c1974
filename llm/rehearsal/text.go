package rehearsal

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

func set(s string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(s) {
		m[w] = true
	}
	return m
}

var stop = set(`a an the and or but if then so as at by for from in into of off on onto out over to up with
	about after again all also am any are aren't be because been before being below between both can can't cannot could
	did didn't do does doesn't doing don't down during each else even ever every few get gets got had has have having he
	her here hers herself him himself his how however i i'd i'll i'm i've is isn't it it's its itself just let let's like
	made make makes many may maybe me might mine more most much must my myself no nor not now only other others our ours
	out own please quite rather really same shall she should since some such than that that's the their theirs them
	themselves there these they this those though through too under until upon us very was wasn't we were what what's when
	where whether which while who whom whose why will without won't would yes yet you you'd you'll you're you've your
	yours yourself yourselves thing things something anything everything someone anyone everyone lot lots way one ones
	think thinks want wants need say says said tell know look looking see give given go going come take new good well
	question answer following above below option options choose pick prefer best first person people reason main likely
	day days time times always often usually sometimes never most made using use used able love enjoy
	enjoys loves likes dislike dislikes believe believes interested someone's around within still back next last long
	know knows knew keep keeps work works working low high full meant mind explain describe share discuss suggest suggests introduce means mean feel find help bit sure kind sort part living going`)

// words splits text into lower-case words; apostrophes and hyphens stay inside.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(strings.ReplaceAll(text, "’", "'")), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' && r != '-'
	})
}

// stem takes the usual English endings off, so that films meets film.
func stem(w string) string {
	w = strings.Trim(w, "'-")
	w = strings.TrimSuffix(w, "'s")
	cut := func(suffix, with string, least int) bool {
		if len(w) >= least+len(suffix) && strings.HasSuffix(w, suffix) {
			w = w[:len(w)-len(suffix)] + with
			return true
		}
		return false
	}
	switch {
	case cut("ies", "y", 3), cut("sses", "ss", 2):
	case strings.HasSuffix(w, "ss"), strings.HasSuffix(w, "us"):
	default:
		cut("s", "", 3)
	}
	if cut("ing", "", 4) || cut("ed", "", 4) || cut("er", "", 4) {
		if n := len(w); n > 3 && w[n-1] == w[n-2] && w[n-1] != 'l' && w[n-1] != 's' {
			w = w[:n-1]
		}
	}
	if len(w) > 4 {
		w = strings.TrimSuffix(w, "e")
	}
	return w
}

// keywords returns the stems of the words that mean something, each once, in order.
func keywords(text string) []string {
	var out []string
	seen := map[string]bool{}
	for _, w := range words(text) {
		w = strings.TrimSuffix(strings.Trim(w, "'-"), "'s")
		if utf8.RuneCountInString(w) < 3 || stop[w] {
			continue
		}
		if s := stem(w); !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	return out
}

func stems(text string) map[string]bool {
	m := map[string]bool{}
	for _, k := range keywords(text) {
		m[k] = true
	}
	return m
}

// shared returns a word of text whose stem is in m, as it is spelt there, or "".
func shared(m map[string]bool, text string) string {
	for _, w := range words(text) {
		w = strings.TrimSuffix(strings.Trim(w, "'-"), "'s")
		if utf8.RuneCountInString(w) >= 3 && !stop[w] && m[stem(w)] {
			return w
		}
	}
	return ""
}

func overlap(m map[string]bool, text string) int {
	n := 0
	for _, k := range keywords(text) {
		if m[k] {
			n++
		}
	}
	return n
}

var abbreviation = regexp.MustCompile(`(?:^|[\s(])(?:[A-Z]|Dr|Mr|Mrs|Ms|Prof|St|vs|etc|e\.g|i\.e|No|approx)\.$`)

// sentences splits text at line ends and after . ! ? … where a new sentence begins.
func sentences(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		start := 0
		flush := func(end int) {
			if s := strings.TrimSpace(line[start:end]); s != "" {
				out = append(out, s)
			}
			start = end
		}
		for i, r := range line {
			if !strings.ContainsRune(".!?…", r) {
				continue
			}
			end := i + utf8.RuneLen(r)
			for end < len(line) && strings.ContainsRune(".!?…\"”')’", firstRune(line[end:])) {
				end += utf8.RuneLen(firstRune(line[end:]))
			}
			if end < len(line) && !unicode.IsSpace(firstRune(line[end:])) || end <= start {
				continue
			}
			next := firstRune(strings.TrimSpace(line[end:]))
			if unicode.IsLower(next) || r == '.' && abbreviation.MatchString(line[max(start, i-8):i+1]) {
				continue
			}
			flush(end)
		}
		flush(len(line))
	}
	return out
}

func firstRune(s string) rune {
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n <= 1 {
		return ' '
	}
	return r
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, " ")
	return strings.Trim(w, ",;:.!?")
}

func count(s string) int { return len(strings.Fields(s)) }

// oneLine collapses white space and takes control characters out.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	return strings.Join(strings.Fields(s), " ")
}

func upperFirst(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

// properNames begin with a capital wherever they stand.
var properNames = set(`i american british english french german spanish italian portuguese brazilian mexican chinese
	japanese korean indian russian dutch swedish norwegian danish finnish polish greek turkish arabic hebrew irish
	scottish welsh canadian australian african asian european latin cuban thai vietnamese argentine argentinian peruvian
	swiss austrian belgian hungarian czech romanian ukrainian nigerian kenyan egyptian moroccan persian iranian israeli
	america britain england france germany spain italy portugal brazil mexico china japan korea india russia canada
	australia africa asia europe london paris berlin munich lisbon madrid rome tokyo boston chicago toronto montreal
	christmas easter monday tuesday wednesday thursday friday saturday sunday january february march april june july
	august september october november december python java javascript excel linux windows android google microsoft apple
	amazon netflix spotify youtube instagram facebook twitter whatsapp linkedin wikipedia lego bach mozart beethoven
	shakespeare catholic protestant christian muslim jewish buddhist hindu islam christianity buddhism god formula
	renaissance gothic baroque bauhaus internet olympic victorian mediterranean scandinavian nordic`)

// lowerFirst makes s fit for the middle of a sentence: its first letter is lowered
// unless the first word is a name, an acronym or part of a title.
func lowerFirst(s string) string {
	w := firstWord(s)
	base := strings.ToLower(strings.TrimSuffix(strings.Split(w, "-")[0], "'s"))
	if w == "" || properNames[base] || strings.HasPrefix(w, "I'") || strings.HasPrefix(w, "I’") {
		return s
	}
	for _, r := range w[utf8.RuneLen(firstRune(w)):] {
		if unicode.IsUpper(r) || unicode.IsDigit(r) {
			return s
		}
	}
	if rest := strings.Fields(s); len(rest) > 1 && unicode.IsUpper(firstRune(rest[1])) &&
		!stop[strings.ToLower(w)] && !properNames[strings.ToLower(strings.Trim(rest[1], ",.;:'s"))] && strings.ToUpper(rest[1]) != rest[1] {
		return s
	}
	r, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToLower(r)) + s[n:]
}

// article puts a or an before a noun phrase that has none.
func article(np string) string {
	w := strings.ToLower(firstWord(np))
	switch w {
	case "a", "an", "the", "my", "our", "one", "":
		return np
	}
	vowel := strings.ContainsRune("aeiou", firstRune(w))
	for _, p := range []string{"uni", "use", "usu", "eu", "one", "ubi"} {
		if strings.HasPrefix(w, p) && !strings.HasPrefix(w, "unin") && !strings.HasPrefix(w, "unim") {
			vowel = false
		}
	}
	if strings.HasPrefix(w, "hour") || strings.HasPrefix(w, "honest") || strings.HasPrefix(w, "heir") {
		vowel = true
	}
	if first := firstWord(np); len(first) > 1 && strings.ToUpper(first) == first {
		vowel = strings.ContainsRune("AEFHILMNORSX", firstRune(first))
	}
	if vowel {
		return "an " + np
	}
	return "a " + np
}

// stopped ends s with a full stop unless it ends like a sentence already.
func stopped(s string) string {
	s = strings.TrimRight(s, " ,;:")
	if s == "" || strings.ContainsRune(".!?…", lastRune(strings.TrimRight(s, "\"”’)"))) {
		return s
	}
	return s + "."
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}

func unstopped(s string) string { return strings.TrimRight(strings.TrimSpace(s), ".!…;, ") }

var swaps = map[string]string{"i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "am": "are",
	"i'm": "you are", "i've": "you have", "i'd": "you would", "i'll": "you will", "was": "were",
	"our": "your", "we": "you", "us": "you", "ours": "yours"}

// toYou turns what I say of myself into what is said to me.
func toYou(s string) string {
	return mapWords(s, func(_, w string, _ bool) string {
		if w == "was" {
			return ""
		}
		return swaps[w]
	})
}

var beforeMe = set(`to for with of help helps let lets give gives make makes makes around about from by than like at on in
	allow allows keep keeps bother bothers ask asks tell tells teach taught inspire inspires near behind against`)

// toMe turns what is said to me into what I say of myself.
func toMe(s string) string {
	return mapWords(s, func(prev, w string, last bool) string {
		switch w {
		case "you":
			if beforeMe[prev] || last {
				return "me"
			}
			return "I"
		case "your":
			return "my"
		case "yours":
			return "mine"
		case "yourself":
			return "myself"
		case "you're":
			return "I am"
		case "you've":
			return "I have"
		case "you'd":
			return "I would"
		case "you'll":
			return "I will"
		case "are":
			if prev == "you" {
				return "am"
			}
		case "were":
			if prev == "you" {
				return "was"
			}
		}
		return ""
	})
}

// mapWords replaces the words for which f returns one, keeping punctuation.
func mapWords(s string, f func(prev, w string, last bool) string) string {
	fields := strings.Fields(s)
	prev := ""
	for i, field := range fields {
		core := strings.Trim(field, ".,;:!?\"“”()")
		w := strings.ToLower(strings.ReplaceAll(core, "’", "'"))
		if r := f(prev, w, i == len(fields)-1); r != "" && core != "" {
			fields[i] = strings.Replace(field, core, r, 1)
		}
		prev = w
	}
	return strings.Join(fields, " ")
}
