package rehearsal

import "strings"

// myOwn puts what a persona says of its subject into the first person: her mother
// becomes my mother, a phone she meant to sell a phone I meant to sell.
func (v voice) myOwn(s string) string {
	fields := strings.Fields(s)
	for i, field := range fields {
		core := strings.Trim(field, ".,;:!?\"“”()")
		next := ""
		if i+1 < len(fields) && core+"" != "" && strings.HasSuffix(field, core) {
			next = strings.ToLower(strings.Trim(fields[i+1], ".,;:!?"))
		}
		with := ""
		w := strings.ToLower(core)
		if !v.he && (w == "he" || w == "his" || w == "him") || !v.she && (w == "she" || w == "her") {
			continue // somebody else
		}
		switch w {
		case "your", "his":
			with = "my"
			if i > 0 && fields[i-1] == "of" && w == "his" && (next == "" || pastVerbs[next]) {
				with = "mine"
			}
		case "her":
			with = "my"
			if next == "" || heads[next] || stop[next] && next != "own" {
				with = "me"
			}
		case "him":
			with = "me"
		case "yourself", "himself", "herself", "oneself":
			with = "myself"
		case "he", "she":
			with = "I"
			if v := unthird(next); v != next {
				fields[i+1] = strings.Replace(fields[i+1], next, v, 1)
			}
		}
		if with != "" {
			fields[i] = strings.Replace(field, core, with, 1)
		}
	}
	return strings.Join(fields, " ")
}

// unthird takes the ending of the third person off a word that must be a verb.
func unthird(w string) string {
	if b, ok := base(w); ok {
		return b
	}
	switch {
	case !strings.HasSuffix(w, "s"), strings.HasSuffix(w, "ss"), w == "always", w == "perhaps":
		return w
	case strings.HasSuffix(w, "ies"):
		return w[:len(w)-3] + "y"
	}
	for _, end := range []string{"sses", "shes", "ches", "xes", "zzes", "oes"} {
		if strings.HasSuffix(w, end) {
			return w[:len(w)-2]
		}
	}
	return w[:len(w)-1]
}

func thirdPerson(w string) bool {
	_, ok := base(w)
	return ok
}

// A voice says which words of a persona's text stand for the person.
type voice struct {
	names   map[string]bool // words that keep their capital
	he, she bool            // pronouns that mean the person
}

// headOf is the first part of an item that says several things.
func headOf(s string) string {
	for _, sep := range []string{"; ", ": ", " – ", " — ", " ("} {
		h, rest, ok := strings.Cut(s, sep)
		switch {
		case ok && sep == ": " && onlyTime(h):
			s = rest
		case ok && (count(h) > 1 || sep == ": " || sep == "; "):
			s = h
		}
	}
	return s
}

func onlyTime(s string) bool {
	return strings.TrimSpace(timeOfDay.ReplaceAllString(s, "")) == ""
}

// nounHead is the first of the things that a noun phrase lists, or a short list of
// them: Python, SQL and Spark.
func nounHead(s string) string {
	h, rest, ok := strings.Cut(s, ", ")
	if !ok {
		return s
	}
	second, _, _ := strings.Cut(rest, ", ")
	if x, y, ok := strings.Cut(second, " and "); ok && count(h) <= 3 && count(x) <= 3 && x != "" && count(y) <= 3 && !stop[strings.ToLower(firstWord(second))] && firstWord(second) != "mostly" {
		return h + ", " + second
	}
	return strings.TrimSuffix(strings.TrimSuffix(h, " and"), " or")
}
