package study

import (
	"errors"
	"fmt"
	"slices"

	"github.com/tinytroupe-go/tinytroupe/extract"
)

// ErrUnfinished: what is asked for needs a run that is over.
var ErrUnfinished = errors.New("the run is not over")

// Panel returns those who can be asked after a run, in the order of the study, each as
// they are in the room where they were last. to selects them, with their attributes at
// the end and the newest of what they answered in the run. RunOptions.Open gives the
// journals of the run, in which the answers are that people were asked for; answers holds
// those that its looks found, beside any others, such as results/answers.jsonl does.
// Nothing is added to either. Who is asked at the terminal, or is a chatbot, is left out.
// A run that is not over in every room is ErrUnfinished.
func (s *Study) Panel(to Who, answers []extract.Answer, o *RunOptions) ([]extract.Panelist, error) {
	r, err := newRunner(s, o)
	if err != nil {
		return nil, err
	}
	defer r.close()
	last := map[string]*room{}
	var outside []*room
	for k, p := range r.parts {
		if p.look {
			r.looked.answers = append(r.looked.answers, given{part: k, list: p.found(answers)})
			continue
		}
		if err := r.remind(k); err != nil {
			return nil, err
		}
		rooms := outside
		if p.scene != nil || rooms == nil {
			if rooms, err = r.open(k); err != nil {
				return nil, err
			}
		}
		if p.scene == nil {
			outside = rooms
		}
		for _, rm := range rooms {
			if _, end := rm.span(k); rm.done <= end {
				return nil, fmt.Errorf("%s: %s: %w", s.File, rm.id.Name(), ErrUnfinished)
			}
			v := rm.w.View()
			for _, p := range rm.cast {
				if name := p.Name(); v.Present(name) || last[name] == nil && !v.Persona(name).IsZero() {
					last[name] = rm
				}
			}
		}
		if err := r.gather(k, rooms); err != nil {
			return nil, err
		}
	}
	r.selects = true
	if err := r.remind(len(r.parts)); err != nil {
		return nil, err
	}
	var list []extract.Panelist
	for _, g := range s.People {
		if g.Human || g.HTTP != nil {
			continue
		}
		for _, p := range g.People {
			rm := last[p.Name()]
			if rm == nil { // they never came
				continue
			}
			p.Persona = rm.w.View().Persona(p.Name())
			if !to.Selects(r.known(p)) {
				continue
			}
			list = append(list, extract.Panelist{Respondent: r.respondent(p, rm.id), Who: rm.w.Person(p.Name())})
		}
	}
	return list, nil
}

// found returns the answers that the looks of a part found.
func (p stage) found(answers []extract.Answer) []extract.Answer {
	names := map[string]bool{}
	for i := range p.steps {
		form, ok := looksFor(p.steps[i].Do)
		if !ok {
			continue
		}
		for _, q := range form.Leaves() {
			names[q.ID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(answers), func(a extract.Answer) bool { return !names[a.Name()] })
}

// looksFor returns what a look finds, if it finds answers.
func looksFor(do Verb) (extract.Question, bool) {
	switch do := do.(type) {
	case Extract:
		return do.Question.Form, true
	case Code:
		return do.form(), true
	}
	return extract.Question{}, false
}
