package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/judge"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// The roles of models: who acts, who extracts answers from what was said, who judges.
const (
	roleAct     = "act"
	roleExtract = "extract"
	roleJudge   = "judge"
)

// settleRoles chooses the models that look at what happened, where the study looks. A
// flag stands for all of them, and the stand-in where it acts. It does not look at what
// a model said: what it invents would stand there as findings.
func (s *session) settleRoles() error {
	s.roles = map[string]string{roleAct: s.choice.name}
	was := map[string]string{}
	if s.f.resume {
		was = s.rec.Manifest().Models
	}
	extracts, judges := s.study.Looks()
	for _, role := range []struct {
		name, said string
		needed     bool
	}{{roleExtract, s.study.Models.Extract, extracts}, {roleJudge, s.study.Models.Judge, judges}} {
		switch {
		case !role.needed:
		case s.choice.rehearsal(), s.f.model != "" && !s.f.resume:
			s.roles[role.name] = s.choice.name
		default:
			s.roles[role.name] = cmp.Or(was[role.name], role.said, s.choice.name)
		}
		if s.roles[role.name] == rehearsalName && !s.choice.rehearsal() {
			return fmt.Errorf("%s: model: %s: %s acts, and what a stand-in invents would stand as findings about it\n"+
				"Name a model that is to %s, or leave it out: then it is the one that acts", s.study.File, role.name, s.choice.name, role.name)
		}
	}
	return nil
}

// connectRoles makes the models of the other roles, each name once.
func (s *session) connectRoles(ctx context.Context) error {
	s.stacks = map[string]*stack{s.choice.name: s.stack}
	for _, role := range []string{roleExtract, roleJudge} {
		name := s.roles[role]
		if name == "" || s.stacks[name] != nil {
			continue
		}
		st, err := connect(ctx, name, s.set, s.p.env, newLog(s.p.stderr, s.set, s.log))
		if err != nil {
			return fmt.Errorf("the model that is to %s: %w", role, err)
		}
		s.stacks[name] = st
	}
	return nil
}

// model returns the model of a role; nil where the study needs none.
func (s *session) model(role string) llm.Model {
	if st := s.stacks[s.roles[role]]; st != nil {
		return st.model
	}
	return nil
}

// reached says which models of the same name are not reached or asked as they were, as
// their identities have it. told: what differs in settings has been said.
func (s *session) reached(old *record.Manifest, told bool) []string {
	var list []string
	for _, role := range []string{roleAct, roleExtract, roleJudge} {
		was, is := old.Identities[role], s.identities[role]
		if was == "" || is == "" || was == is || old.Models[role] != s.roles[role] {
			continue
		}
		from, how := parted(was)
		to, now := parted(is)
		text := fmt.Sprintf("%s was asked with %s, and is with %s", s.roles[role], cmp.Or(how, "nothing said"), cmp.Or(now, "nothing said"))
		switch {
		case from != to:
			text = fmt.Sprintf("%s was %s, and is %s", s.roles[role], address(from), address(to))
		case told:
			continue
		}
		if !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	return list
}

// parted returns where an identity says that its model is, and with what it is asked.
func parted(identity string) (where, how string) {
	at := len(identity)
	for _, word := range []string{" with ", " and "} {
		if i := strings.Index(identity, word); i >= 0 {
			at = min(at, i)
		}
	}
	return identity[:at], strings.TrimPrefix(strings.TrimPrefix(identity[at:], " with "), " and ")
}

// address is where an identity says that its model is.
func address(identity string) string {
	if _, at, ok := strings.Cut(identity, " at "); ok {
		return "at " + place(at)
	}
	return "at its provider's own address"
}

// looking adds to the options of a run what its looks need.
func (s *session) looking(o *study.RunOptions) {
	o.Extract, o.Judge = s.model(roleExtract), s.model(roleJudge)
	o.Rehearsal, o.Parallel, o.Results = s.choice.rehearsal(), s.f.parallel, s.rec.WriteFile
	o.Tokens = s.excerpt()
}

// excerpt is how much of a transcript who extracts is shown at once; 0 is the usual
// number of tokens.
func (s *session) excerpt() int {
	if st := s.stacks[s.roles[roleExtract]]; st != nil && st.small {
		return shortExcerpt
	}
	return 0
}

// shortExcerpt is how much of a transcript a model with a short context is shown at
// once, in tokens.
const shortExcerpt = 3000

// found are what looks came to.
type found struct {
	base     extract.Base // of all answers
	invalid  int          // answers and verdicts that are invalid, or failed
	skipped  int          // answers and verdicts that were not come to
	unmet    []string
	unjudged int // expectations that nobody judged
}

func findings(res *study.Result) found {
	var f found
	if res == nil {
		return f
	}
	f.base = extract.Count(res.Answers)
	f.invalid, f.skipped, f.unmet = f.base.Invalid+f.base.Failed, f.base.Skipped, res.Unmet
	for _, c := range res.Checks {
		sum := judge.Summarize(c.Verdicts)
		f.invalid += sum.Invalid + sum.Failed
		f.skipped += sum.Skipped
		if c.Expect == nil {
			continue
		}
		if _, judged := sum.Meets(*c.Expect); !judged {
			f.unjudged++
		}
	}
	return f
}

// look prints what a step that looks at all rooms came to.
func (n *narrator) look(p study.Progress) {
	if p.Phase != study.Ended {
		n.rest()
		n.leave()
		return
	}
	n.many.next = p.Verb + 1
	head := fmt.Sprintf("[%*d/%d] %-8s", len(fmt.Sprint(p.Of)), p.Verb, p.Of, p.Step.Word())
	text := strings.TrimRight(p.Text, "\n")
	first, more, _ := strings.Cut(text, "\n")
	n.printf("%s %s\n", head, first)
	for line := range strings.Lines(more) {
		n.printf("%s\n", strings.TrimRight("  "+strings.TrimSuffix(line, "\n"), " "))
	}
}

// modelsOf are the models of a record, the one that acts first.
func modelsOf(m *record.Manifest) string {
	text := m.Models[roleAct]
	for _, role := range []string{roleExtract, roleJudge} {
		if name := m.Models[role]; name != "" && name != m.Models[roleAct] {
			text += ", " + role + " " + name
		}
	}
	return text
}
