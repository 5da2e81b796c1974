package extract

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/internal/prompts"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// AskOptions are the settings of Ask.
type AskOptions struct {
	// Templates holds templates that replace those built in, by name. Nil replaces none.
	Templates fs.FS

	Seed     uint64 // of the order of options that are shuffled
	Parallel int    // most people asked at once; 0 means 16

	// Remember lets each person remember being asked, and what they answered, as a
	// thought. Without it nobody changes.
	Remember bool

	Images []tinytroupe.Image // shown with the questions
}

// A Panelist is somebody to be asked. An empty name in Respondent is the person's.
type Panelist struct {
	Respondent
	Who *tinytroupe.Person
}

// Panel is everyone in a world.
func Panel(w *tinytroupe.World) []Panelist {
	var out []Panelist
	for _, name := range w.View().People() {
		out = append(out, Panelist{Respondent{Person: name}, w.Person(name)})
	}
	return out
}

// Ask puts the questions to each person, all of them in one call, as they are now: see
// [tinytroupe.Person.Snapshot]. Nobody hears of it and, unless it is to be remembered,
// nobody changes by it. A person may say that they do not know (absent) or would not
// tell (refused). The quotation behind an answer is what the person said to the
// question, empty where it was the value alone; its record is the call.
//
// Errors are as with [Extractor.Extract]. Somebody whose mind cannot be asked has
// failed to answer.
func Ask(ctx context.Context, qs []Question, people []Panelist, o *AskOptions) (*Result, error) {
	if o == nil {
		o = &AskOptions{}
	}
	if err := checkAll(qs); err != nil {
		return nil, err
	}
	for i := range qs {
		if qs[i].Ask == "" {
			return nil, fmt.Errorf("question %q has no text to ask", qs[i].ID)
		}
	}
	t, err := loadTemplates(o.Templates)
	if err != nil {
		return nil, err
	}
	parallel := o.Parallel
	if parallel <= 0 {
		parallel = defaultParallel
	}
	people = slices.Clone(people)
	for i := range people {
		if people[i].Who == nil {
			return nil, fmt.Errorf("ask: number %d of the people is nobody", i+1)
		}
		if people[i].Person == "" {
			people[i].Person = people[i].Who.Name()
		}
	}
	answers := make([][]Answer, len(people))
	err = drain.Each(ctx, parallel, len(people), func(ctx context.Context, i int) error {
		a := asking{o: o, templates: t, p: &people[i], written: qs}
		a.qs = reordered(qs, false, o.Seed, "ask", people[i].Person, people[i].Scene, people[i].Room)
		var err error
		answers[i], err = a.ask(ctx)
		return err
	})
	r := new(Result)
	for i := range people {
		if answers[i] == nil {
			for j := range qs {
				answers[i] = append(answers[i], blank(&qs[j], &people[i].Respondent, Skipped, "the run stopped before it")...)
			}
		}
		r.Answers = append(r.Answers, answers[i]...)
	}
	if o.Remember && err == nil {
		for i := range people {
			if thought := Remembered(qs, answers[i]); thought != "" {
				if err := people[i].Who.Think(thought); err != nil {
					return r, err
				}
			}
		}
	}
	return r, err
}

// asking is one call to one person.
type asking struct {
	o         *AskOptions
	templates *prompts.Set
	p         *Panelist
	written   []Question
	qs        []Question
}

func (a *asking) ask(ctx context.Context) ([]Answer, error) {
	all := func(o Outcome, reason string, calls []string) []Answer {
		var out []Answer
		for i := range a.qs {
			out = append(out, blank(&a.qs[i], &a.p.Respondent, o, reason)...)
		}
		for i := range out {
			out[i].Calls = calls
		}
		return out
	}
	s, err := schema(a.qs, true)
	if err != nil {
		return nil, err
	}
	text, err := a.templates.Text("ask.tmpl", askData{len(a.qs) > 1, newQuestionsData(a.qs, true)})
	if err != nil {
		return nil, err
	}
	answer, err := a.p.Who.Ask(ctx, tinytroupe.Question{Text: text, Images: a.o.Images, Schema: s.Body})
	if err != nil {
		outcome, reason, err := stops(ctx, err)
		if err != nil && outcome != Skipped {
			err = fmt.Errorf("ask: %w", err)
		}
		return all(outcome, reason, nil), err
	}
	var raw map[string]json.RawMessage
	if err := readAnswer(s, answer, &raw); err != nil {
		return all(Invalid, err.Error(), answer.Calls), nil
	}
	var out []Answer
	reply := reply{r: &a.p.Respondent, words: a.said}
	for i, k := range keys("q", a.qs) {
		for _, one := range reply.question(&a.qs[i], &a.written[i], raw[k]) {
			one.Calls = answer.Calls
			if n := len(answer.Calls); n > 0 && len(one.Evidence) > 0 {
				one.Evidence[0].Record = answer.Calls[n-1]
			}
			out = append(out, one)
		}
	}
	return out, nil
}

// readAnswer reads the value of an answer. Minds that know no schemas answer in text.
func readAnswer(s *llm.Schema, answer *tinytroupe.Answer, into *map[string]json.RawMessage) error {
	raw := answer.Value
	if raw == nil {
		raw = json.RawMessage(answer.Text)
	}
	if err := json.Unmarshal(raw, into); err != nil || *into == nil {
		return fmt.Errorf("the answer is not in the form of schema %s", s.Name)
	}
	return nil
}

// said takes what a person said to a question along with its outcome.
func (a *asking) said(one *Answer, f *found) bool {
	said := strings.TrimSpace(f.Said)
	if said == "" && one.Type == Text && f.Outcome == Answered {
		json.Unmarshal(f.Value, &said) // of another type: then it is invalid anyway
	}
	one.Evidence = []Evidence{{Quote: said, Who: a.p.Person, Room: a.p.Room}}
	return true
}

// Remembered is what somebody remembers of having been asked, in their words; nothing
// where nothing was answered.
func Remembered(qs []Question, answers []Answer) string {
	var b strings.Builder
	for i := range qs {
		var said []string
		for j := range answers {
			a := &answers[j]
			switch {
			case a.Question != qs[i].ID:
			case a.Outcome == Refused:
				said = append(said, "that I would not say")
			case a.Outcome == Answered:
				s := a.Value.String()
				if len(a.Evidence) > 0 && a.Evidence[0].Quote != "" && a.Value.Kind != Text {
					s += " (" + a.Evidence[0].Quote + ")"
				}
				if a.Field != "" {
					s = a.Field + ": " + s
				}
				said = append(said, s)
			}
		}
		if len(said) > 0 {
			if b.Len() > 0 {
				b.WriteString("\n")
			}
			fmt.Fprintf(&b, "I was asked: %s I answered: %s", qs[i].Ask, strings.Join(said, "; "))
		}
	}
	return b.String()
}
