package study

import (
	"maps"
	"slices"

	"github.com/tinytroupe-go/tinytroupe/extract"
)

// parted returns all answers, and checks as answers, with what was answered to other
// questions where a table is parted by that: see counterpart.
func (r *runner) parted(by []extract.Dimension) []extract.Answer {
	list := append(r.all(), r.verdicts()...)
	told := map[string]map[string][]extract.Answer{} // by question and person, the newest last
	for _, d := range by {
		if _, ok := extract.Leaf(r.looked.forms, d.Name); ok {
			told[d.Name] = map[string][]extract.Answer{}
		}
	}
	if len(told) == 0 {
		return list
	}
	for _, a := range append(r.newest(), r.verdicts()...) {
		if m := told[a.Name()]; m != nil && a.Outcome == extract.Answered && a.Item == 0 {
			m[a.Person] = append(m[a.Person], a)
		}
	}
	vars := r.s.loopVars()
	for i := range list {
		a := &list[i]
		attributes := maps.Clone(a.Attributes)
		for q, m := range told {
			b := counterpart(a, m[a.Person], vars)
			if b == nil && a.Person != "" {
				b = counterpart(a, m[""], vars)
			}
			if b == nil {
				continue
			}
			if attributes == nil {
				attributes = map[string]string{}
			}
			attributes[q] = b.Value.String()
		}
		a.Attributes = attributes
	}
	return list
}

// counterpart returns the answer to another question that belongs to a, of those of the
// same person or of no person: given for the same items of loops where both were given in
// one, and, of a room, in that room. Of several it is the newest of those that were given
// where a was, or else the newest of all. Nil is none.
func counterpart(a *extract.Answer, list []extract.Answer, vars []string) *extract.Answer {
	var found *extract.Answer
	near := false
	for i := range list {
		b := &list[i]
		here := a.Scene == b.Scene && a.Room == b.Room
		if b.Person == "" && b.Room != "" && !here {
			continue
		}
		if slices.ContainsFunc(vars, func(name string) bool {
			x, inLoop := a.Attributes[name]
			y, too := b.Attributes[name]
			return inLoop && too && x != y
		}) {
			continue
		}
		if here || !near {
			found, near = b, here
		}
	}
	return found
}

// loopVars returns the variables of the study's loops.
func (s *Study) loopVars() []string {
	var list []string
	var walk func(steps []Step)
	walk = func(steps []Step) {
		for _, x := range steps {
			switch do := x.Do.(type) {
			case Scene:
				walk(do.Do)
			case For:
				list = appendNew(list, do.Var)
				for _, body := range do.Do {
					walk(body)
				}
			}
		}
	}
	walk(s.Script)
	return list
}

// attributesOf are answers as attributes, by their whole names, that select whoever gave
// them; of several to one question the last.
func attributesOf(answers []extract.Answer, name string, into map[string]any) map[string]any {
	for _, a := range answers {
		if a.Person != name || a.Outcome != extract.Answered || a.Item > 0 {
			continue
		}
		if into == nil {
			into = map[string]any{}
		}
		var v any = a.Value.String()
		if a.Value.List != nil {
			list := make([]any, len(a.Value.List))
			for i, s := range a.Value.List {
				list[i] = s
			}
			v = list
		}
		into[a.Name()] = v
	}
	return into
}
