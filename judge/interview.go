package judge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// What a zero field of Interview stands for.
const (
	defaultRounds    = 3
	defaultQuestions = 4
)

// An Interview examines whether somebody is the person that is expected. An examiner
// asks in rounds; the answers come from a snapshot of the person, so that the interview
// changes nobody. Then a judge, who sees questions, answers and expectations but never
// how the person is described, scores each expectation by itself.
//
// An examiner who may read the description tests in part whether a model can recite its
// prompt. So does an expectation copied from it.
type Interview struct {
	Examiner     llm.Model
	Judge        *Judge   // its settings, but for draws, are the examiner's as well
	Expectations []string // one thing each, in the words of whoever expects it

	Rounds    int // most rounds; 0 means 3
	Questions int // most questions in a round; 0 means 4

	// Persona lets the examiner, not the judge, read how the person is described. Nil
	// keeps it from both.
	Persona *tinytroupe.Persona
}

// A Respondent is who is interviewed, such as a [tinytroupe.Person].
type Respondent interface {
	Name() string
	Ask(ctx context.Context, q tinytroupe.Question) (*tinytroupe.Answer, error)
}

// An Exchange is a question and what came of it.
type Exchange struct {
	Round    int      `json:"round"`
	Question string   `json:"question"`
	Answer   string   `json:"answer,omitempty"`
	Reason   string   `json:"reason,omitempty"` // why there is no answer: Err in words
	Calls    []string `json:"calls,omitempty"`
	Err      error    `json:"-"` // there is no answer: llm.ErrFiltered where it was refused
}

// A Validation is what an interview came to.
type Validation struct {
	Person    string     `json:"person"`
	Exchanges []Exchange `json:"exchanges"`
	Ratings   []*Verdict `json:"ratings"`         // one for each expectation, in order; Score is 0 to 9
	Calls     []string   `json:"calls,omitempty"` // of the examiner
}

// Score is the mean over the expectations that were rated, from 0 to 1, and how many
// those are. It is false unless they are more than half of all: a person of whom little
// is known is not validated by the rest.
func (v *Validation) Score() (score float64, rated int, ok bool) {
	for _, r := range v.Ratings {
		if r.Outcome == Scored {
			score += *r.Score / MaxScore
			rated++
		}
	}
	if 2*rated <= len(v.Ratings) {
		return 0, rated, false
	}
	return score / float64(rated), rated, true
}

// Outcome is Scored where there is a score; else how most expectations ended, or, of
// equally many, the one that comes first in the list of outcomes.
func (v *Validation) Outcome() Outcome {
	if _, _, ok := v.Score(); ok {
		return Scored
	}
	s := Summarize(v.Ratings)
	best, most := Failed, 0
	for _, o := range []Outcome{NotApplicable, Undecided, NotJudged, Refused, Invalid, Failed} {
		if n := *s.of(o); n > most {
			best, most = o, n
		}
	}
	return best
}

// String tells the result and how much it rests on, in one line.
func (v *Validation) String() string {
	answered := 0
	for _, e := range v.Exchanges {
		if e.Err == nil {
			answered++
		}
	}
	score, rated, ok := v.Score()
	result := string(v.Outcome())
	if ok {
		result = fmt.Sprintf("%.2f", score)
	}
	return fmt.Sprintf("%s: %s (%d of %d expectations rated, %d of %d questions answered)", v.Person, result, rated, len(v.Ratings), answered, len(v.Exchanges))
}

// expectation is what is judged of an interview.
func expectation() *Proposition {
	return &Proposition{
		Name: "expectation", OwnWords: true,
		Claim: "In this interview, ${target} is as expected: ${expectation}\n" +
			"Judge by what ${target} answers, whatever the questions suggest. " +
			"A slight deviation takes a tenth of the whole scale away, or more; a wrong fact two or three tenths; an answer that contradicts what is expected four or five. " +
			"Somebody quite different from what is expected gets less than three tenths of it. " +
			"Not applicable if no answer touches on it.",
	}
}

// Hold holds the interview and has it judged. A question without an answer and a rating
// that comes to nothing stand as that in the result. The error is for an interview that
// cannot be held: without an examiner, a judge or expectations, of somebody who cannot
// be asked, with an examiner who asks nothing; and as for Judge.Check. The validation is
// returned beside it as far as it got.
func (iv *Interview) Hold(ctx context.Context, r Respondent) (*Validation, error) {
	v := &Validation{Person: r.Name()}
	fail := func(err error) (*Validation, error) { return v, fmt.Errorf("interview of %s: %w", v.Person, err) }
	if iv.Examiner == nil || iv.Judge == nil || len(iv.Expectations) == 0 {
		return fail(errors.New("it needs an examiner, a judge and at least one expectation"))
	}
	rounds, most := iv.Rounds, iv.Questions
	if rounds <= 0 {
		rounds = defaultRounds
	}
	if most <= 0 {
		most = defaultQuestions
	}
	for round := 1; round <= rounds; round++ {
		questions, complete, err := iv.examine(ctx, v, round, rounds, most)
		if err != nil {
			return fail(fmt.Errorf("round %d: the examiner: %w", round, err))
		}
		asked, err := put(ctx, r, v.Exchanges, round, questions)
		v.Exchanges = append(v.Exchanges, asked...)
		if err != nil {
			return fail(fmt.Errorf("round %d: %w", round, err))
		}
		if complete || len(questions) == 0 {
			break
		}
	}
	if len(v.Exchanges) == 0 {
		return fail(errors.New("the examiner asked nothing"))
	}
	return v, iv.rate(ctx, v)
}

// examine lets the examiner ask: what was asked before, and empty questions, do not
// count.
func (iv *Interview) examine(ctx context.Context, v *Validation, round, rounds, most int) ([]string, bool, error) {
	j := iv.Judge
	system, err := j.text("examiner.tmpl", struct{}{})
	if err != nil {
		return nil, false, err
	}
	d := roundData{Round: round, Rounds: rounds, Questions: most}
	for _, e := range iv.Expectations {
		d.Expectations = append(d.Expectations, strings.Join(strings.Fields(e), " "))
	}
	if iv.Persona != nil {
		d.Persona = string(iv.Persona.JSON())
	}
	for _, e := range v.Exchanges {
		d.Exchanges = append(d.Exchanges, e.line())
	}
	text, err := j.text("round.tmpl", d)
	if err != nil {
		return nil, false, err
	}
	req := j.settings(system, text, v.Person)
	req.Schema = &llm.Schema{Name: "questions", Body: questionsSchema(most)}
	req.Label.Purpose = "examine"
	reply, resp, err := llm.Ask[struct {
		Questions []string `json:"questions"`
		Complete  bool     `json:"complete"`
	}](ctx, iv.Examiner, req)
	if resp != nil {
		v.Calls = append(v.Calls, resp.Calls...)
	}
	var questions []string
	for _, q := range reply.Questions {
		q = strings.Join(strings.Fields(q), " ")
		before := slices.ContainsFunc(v.Exchanges, func(e Exchange) bool { return strings.EqualFold(e.Question, q) }) ||
			slices.ContainsFunc(questions, func(s string) bool { return strings.EqualFold(s, q) })
		if q != "" && !before {
			questions = append(questions, q)
		}
	}
	return questions, reply.Complete, err
}

func questionsSchema(most int) json.RawMessage {
	return fmt.Appendf(nil, `{"type":"object","properties":{"questions":{"type":"array","maxItems":%d,"items":{"type":"string","maxLength":%d}},`+
		`"complete":{"type":"boolean"}},"required":["questions","complete"],"additionalProperties":false}`, most, mostQuote)
}

// line is an exchange as the examiner sees it.
func (e *Exchange) line() string {
	answer := `"answer":` + string(rawjson.Of(e.Answer))
	if e.Err != nil {
		answer = `"no answer":true`
		if errors.Is(e.Err, llm.ErrFiltered) {
			answer = `"declined":true`
		}
	}
	return `{"question":` + string(rawjson.Of(e.Question)) + `,` + answer + `}`
}

// put puts the questions of a round, concurrently. Since a snapshot remembers no
// interview, each comes with what was asked and answered in earlier rounds.
func put(ctx context.Context, r Respondent, before []Exchange, round int, questions []string) ([]Exchange, error) {
	var b strings.Builder
	for _, e := range before {
		if e.Err == nil {
			fmt.Fprintf(&b, "You were asked: %s\nYou answered: %s\n", e.Question, e.Answer)
		}
	}
	if b.Len() > 0 {
		b.WriteString("Now you are asked: ")
	}
	list := make([]Exchange, len(questions))
	err := drain.Each(ctx, 0, len(questions), func(ctx context.Context, i int) error {
		e := &list[i]
		e.Round, e.Question = round, questions[i]
		a, err := r.Ask(ctx, tinytroupe.Question{Text: b.String() + questions[i]})
		if err == nil && strings.TrimSpace(a.Text) == "" {
			err = fmt.Errorf("%w: the answer is empty", llm.ErrInvalid)
		}
		if err == nil {
			e.Answer, e.Calls = a.Text, a.Calls
			return nil
		}
		e.Err, e.Reason = err, err.Error()
		if stops(ctx, err) || errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		return nil
	})
	return list, err
}

// Subject returns the interview as something to judge: the questions as heard, the
// answers as said, and that an answer was declined. What failed is left out.
func (v *Validation) Subject() *Subject {
	const interviewer = "Interviewer"
	var events []tinytroupe.Event
	add := func(ev tinytroupe.Event) {
		ev.Seq = len(events) + 1
		events = append(events, ev)
	}
	for _, e := range v.Exchanges {
		declined := errors.Is(e.Err, llm.ErrFiltered)
		if e.Err != nil && !declined {
			continue
		}
		add(tinytroupe.Event{
			Kind: tinytroupe.EventPerceived, To: []string{v.Person},
			Stimulus: &tinytroupe.Stimulus{Kind: tinytroupe.Conversation, Source: interviewer, Content: e.Question},
		})
		if declined {
			add(tinytroupe.Event{Kind: tinytroupe.EventFailed, Who: v.Person, Failure: &tinytroupe.Failure{What: "answer", Cause: "declined"}})
			continue
		}
		add(tinytroupe.Event{
			Kind: tinytroupe.EventActed, Who: v.Person, To: []string{interviewer},
			Action: &tinytroupe.Action{Kind: tinytroupe.Talk, Target: interviewer, Content: e.Answer},
		})
	}
	return &Subject{Name: v.Person, Rooms: []Room{{Name: "Interview", Events: slices.Values(events)}}}
}

// rate has each expectation scored.
func (iv *Interview) rate(ctx context.Context, v *Validation) error {
	s := v.Subject()
	v.Ratings = make([]*Verdict, len(iv.Expectations))
	if !slices.ContainsFunc(v.Exchanges, func(e Exchange) bool { return e.Err == nil || errors.Is(e.Err, llm.ErrFiltered) }) {
		// That nothing came back says nothing of the person.
		for i, e := range iv.Expectations {
			v.Ratings[i] = &Verdict{Proposition: "expectation", Claim: e, Subject: s.Name, Outcome: Failed, Reason: "no question was answered: " + v.Exchanges[0].Err.Error()}
		}
		return nil
	}
	return drain.Each(ctx, 0, len(iv.Expectations), func(ctx context.Context, i int) (err error) {
		v.Ratings[i], err = iv.Judge.Score(ctx, expectation().With(map[string]string{"expectation": iv.Expectations[i]}), s)
		return err
	})
}
