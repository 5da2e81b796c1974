package study

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
)

// An AskError says why somebody did not answer, or why it was not found what a later step
// selects them by.
type AskError struct {
	Person, Question string
	Outcome          extract.Outcome // invalid or failed
	Reason           string
	Look             bool // it was looked for, not asked
}

func (e *AskError) Error() string {
	text := fmt.Sprintf("%s: %s: %s: %s", e.Person, e.Question, e.Outcome, e.Reason)
	if e.Look {
		text += "; a later step selects by it"
	}
	return text
}

// ask puts questions to people, and journals their answers: as a mark, which nobody
// perceives. An answer that is invalid, or did not come, ends the run like a turn that
// fails, unless that is tolerated: then the answer stays what it is.
func (rm *room) ask(ctx context.Context, u unit, do Ask) (reached int, err error) {
	var people []Person
	if rm.past.commits > 0 {
		people = rm.answering(rm.answers[len(rm.answers)-1].list)
	} else {
		people = rm.selected(u)
		answers, err := rm.answersOf(ctx, u, do, people)
		if err != nil {
			return 0, err
		}
		b, err := json.Marshal(mark{Verb: &u.verb, Word: u.word, Hash: u.hash, For: u.loops, At: atAnswers, Answers: answers})
		if err != nil {
			return 0, err
		}
		if err := rm.w.MarkJSON(b); err != nil {
			return 0, err
		}
		for _, q := range do.Questions {
			rm.r.asked.Store(q.Form.ID, true)
		}
		rm.past.commits = 1
		rm.answers = append(rm.answers, given{u.part, rm.seq, answers})
	}
	if !do.Remember || rm.past.commits > 1 {
		return len(people), nil
	}
	var effects []tinytroupe.Effect
	for _, p := range people {
		qs, err := rm.questions(do, p)
		if err != nil {
			return 0, err
		}
		own := slices.DeleteFunc(slices.Clone(rm.answers[len(rm.answers)-1].list), func(a extract.Answer) bool { return a.Person != p.Name() })
		if thought := extract.Remembered(qs, own); thought != "" {
			effects = append(effects, tinytroupe.Tell{To: []string{p.Name()}, Stimulus: tinytroupe.Stimulus{Kind: tinytroupe.Thought, Source: p.Name(), Content: thought}})
		}
	}
	if len(effects) > 0 {
		err = rm.w.Apply(effects...)
	}
	return len(people), err
}

// answering returns those whose answers they are, in the order of the study: whom an
// earlier run asked. They may be others than who is selected once they have answered.
func (rm *room) answering(answers []extract.Answer) []Person {
	asked := map[string]bool{}
	for _, a := range answers {
		asked[a.Person] = true
	}
	var list []Person
	v := rm.w.View()
	for _, p := range rm.cast {
		if asked[p.Name()] {
			list = append(list, p.in(v))
		}
	}
	return list
}

// answersOf asks people, all of them at once, or as many as may be.
func (rm *room) answersOf(ctx context.Context, u unit, do Ask, people []Person) ([]extract.Answer, error) {
	r := rm.r
	answers := make([][]extract.Answer, len(people))
	err := r.atOnce(ctx, len(people), func(ctx context.Context, i int) error {
		p := people[i]
		qs, err := rm.questions(do, p)
		if err != nil {
			return err
		}
		who := r.respondent(p, rm.id)
		for _, l := range u.loops {
			who.Attributes[l.Var], who.Attributes[l.Var+" position"] = l.Name, fmt.Sprint(l.Position)
		}
		panel := []extract.Panelist{{Respondent: who, Who: rm.w.Person(p.Name())}}
		res, err := extract.Ask(ctx, qs, panel, &extract.AskOptions{Seed: r.s.Seed})
		if err == nil {
			answers[i] = res.Answers
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	all := slices.Concat(answers...)
	return all, r.missed(ctx, all, false)
}

// questions are what somebody is asked, in their words.
func (rm *room) questions(do Ask, p Person) ([]extract.Question, error) {
	list := make([]extract.Question, len(do.Questions))
	for i, q := range do.Questions {
		list[i] = q.Form
		var err error
		if list[i].Ask, err = q.Text.For(p, rm.id.Name()); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// given are answers of a part: in a room, as of an event, or found by a look, as of none.
type given struct {
	part, seq int
	list      []extract.Answer
}

// known returns somebody of a room with what they answered so far, for who is selected by
// that: anywhere in parts that are over, and then in this room.
func (rm *room) known(p Person, part int) Person {
	told := attributesOf(rm.r.told[p.Name()], p.Name(), nil)
	for _, g := range rm.answers {
		if g.part == part {
			told = attributesOf(g.list, p.Name(), told)
		}
	}
	return p.answered(told)
}

// known returns somebody with what they answered in parts that are over.
func (r *runner) known(p Person) Person {
	return p.answered(attributesOf(r.told[p.Name()], p.Name(), nil))
}

// answered returns p with answers beside what was assigned, which goes before.
func (p Person) answered(told map[string]any) Person {
	if told != nil {
		maps.Copy(told, p.Assigned)
		p.Assigned = told
	}
	return p
}
