package rehearsal

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	answerName = regexp.MustCompile(`^a\d+$`)
	frameWords = set("word words speak speaks caught eye reason simple counts say says said told hold rule choose pick prefer want like would")
	codeLine   = regexp.MustCompile(`(?m)^(\d+)\. ([^:\n]+)`)
)

// answerTexts are the answers that a prompt shows to be sorted into codes, by name.
func (b *brain) answerTexts() (names []string, texts map[string]string) {
	_, after, ok := strings.Cut(strings.Join(b.p.user, "\n"), "\nBEGIN ANSWERS\n")
	inside, _, _ := strings.Cut(after, "END ANSWERS")
	if !ok {
		return nil, nil
	}
	texts = map[string]string{}
	for l := range strings.Lines(inside) {
		var a struct{ Answer, Text string }
		if json.Unmarshal([]byte(l), &a) == nil && a.Answer != "" {
			names, texts[a.Answer] = append(names, a.Answer), a.Text
		}
	}
	return names, texts
}

// coded gives the value of a codebook, or of the codes of answers: codes are words that
// several answers share, and an answer belongs to those whose words stand in it.
func (g *generator) coded(s schema, at place) (any, bool) {
	names, texts := g.b.answerTexts()
	props := ordered(s["properties"])
	if at.depth > 0 || len(names) == 0 || len(props) == 0 {
		return nil, false
	}
	if props[0].key == "codes" && len(props) == 1 {
		list := schemaOf(props[0].value)
		most, _ := list.num("maxItems")
		codes := []any{}
		for _, w := range sharedWords(names, texts) {
			if len(codes) >= int(min(max(most, 1), 100)) {
				break
			}
			codes = append(codes, object{{"name", w}, {"description", "Answers that speak of “" + w + "”."}})
		}
		if len(codes) == 0 {
			codes = append(codes, object{{"name", "anything"}, {"description", "Whatever is said."}})
		}
		return object{{"codes", codes}}, true
	}
	for _, m := range props {
		if !answerName.MatchString(m.key) {
			return nil, false
		}
	}
	head, _, _ := strings.Cut(strings.Join(g.b.p.user, "\n"), "\nBEGIN ANSWERS\n")
	codes := codeLine.FindAllStringSubmatch(head, -1)
	out := object{}
	for _, m := range props {
		best, most := 0, 0
		all := []any{}
		for _, c := range codes {
			n, _ := strconv.Atoi(c[1])
			hits := overlap(stems(c[2]), texts[m.key])
			if hits > 0 {
				all = append(all, n)
			}
			if hits > most {
				best, most = n, hits
			}
		}
		if schemaOf(m.value).str("type") == "array" {
			out.set(m.key, all)
		} else {
			out.set(m.key, best)
		}
	}
	return out, true
}

// sharedWords are the words that most answers have, the commonest first, each of which
// brings answers that those before it do not have.
func sharedWords(names []string, texts map[string]string) []string {
	in := map[string][]string{} // stem to names of answers
	spelt := map[string]string{}
	var all []string
	for _, n := range names {
		for _, k := range keywords(texts[n]) {
			if in[k] == nil {
				all = append(all, k)
				spelt[k] = shared(map[string]bool{k: true}, texts[n])
			}
			in[k] = append(in[k], n)
		}
	}
	slices.SortStableFunc(all, func(a, b string) int { return len(in[b]) - len(in[a]) })
	var out []string
	covered := map[string]bool{}
	for _, k := range all {
		fresh := 0
		for _, n := range in[k] {
			if !covered[n] {
				fresh++
			}
		}
		if fresh < 2 && len(out) > 0 || spelt[k] == "" || frameWords[spelt[k]] {
			continue
		}
		for _, n := range in[k] {
			covered[n] = true
		}
		out = append(out, spelt[k])
	}
	return out
}
