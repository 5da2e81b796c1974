package judge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/internal/prompts"
	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// Options are the settings of a Judge.
type Options struct {
	// Templates holds templates that replace those built in, by name: judge.tmpl,
	// case.tmpl, examiner.tmpl, round.tmpl. Nil replaces none.
	Templates fs.FS

	// Rehearsal says that the model is a stand-in. It is asked all the same, so that a
	// rehearsal costs the calls that the run will cost; whatever it says, the outcome
	// is NotJudged.
	Rehearsal bool

	Draws     int // how often a claim is judged that does not say so itself; 0 means once
	FirstDraw int // number of the first draw: another one asks afresh for what a cache holds

	MaxTokens   int      // of output; 0 leaves it to the vendor's settings
	Temperature *float64 // nil leaves it to the vendor's settings
	Effort      string   // reasoning effort: low, medium, high; empty leaves it to the vendor's settings
}

// A Judge judges propositions with a language model. It is safe for concurrent use.
type Judge struct {
	model     llm.Model
	opts      Options
	templates *prompts.Set
	check     *llm.Schema
	score     *llm.Schema
}

// New returns a judge that asks m. It fails only on templates that do not work.
func New(m llm.Model, o *Options) (*Judge, error) {
	j := &Judge{
		model: m,
		check: &llm.Schema{Name: "verdict", Body: verdictSchema(false)},
		score: &llm.Schema{Name: "score", Body: verdictSchema(true)},
	}
	if o != nil {
		j.opts = *o
	}
	j.opts.Draws = max(j.opts.Draws, 1)
	var err error
	j.templates, err = loadTemplates(j.opts.Templates)
	if err != nil {
		return nil, err
	}
	return j, nil
}

// Hash returns the SHA-256 of the templates in use, hexadecimal.
func (j *Judge) Hash() string { return j.templates.Hash() }

// Bounds keep small models, which may run on for ever, to a reply that fits.
const (
	mostReason = 1200 // characters
	mostQuotes = 4
	mostQuote  = 400 // characters
)

// verdictSchema is the schema of a reply. The reason comes first, so that a model has
// thought before it decides.
func verdictSchema(score bool) json.RawMessage {
	verdicts := []string{string(Holds), string(DoesNotHold)}
	if score {
		verdicts = nil
		for n := range MaxScore + 1 {
			verdicts = append(verdicts, strconv.Itoa(n))
		}
	}
	enum := `"` + strings.Join(append(verdicts, string(NotApplicable)), `","`) + `"`
	return fmt.Appendf(nil, `{"type":"object","properties":{"reason":{"type":"string","maxLength":%d},`+
		`"quotes":{"type":"array","maxItems":%d,"items":{"type":"object","properties":{"event":{"type":"integer"},"quote":{"type":"string","maxLength":%d}},`+
		`"required":["event","quote"],"additionalProperties":false}},"verdict":{"type":"string","enum":[%s]},`+
		`"confidence":{"type":"integer","minimum":0,"maximum":100}},"required":["reason","quotes","verdict","confidence"],"additionalProperties":false}`,
		mostReason, mostQuotes, mostQuote, enum)
}

// reply is what a model says.
type reply struct {
	Reason string `json:"reason"`
	Quotes []struct {
		Event int    `json:"event"`
		Quote string `json:"quote"`
	} `json:"quotes"`
	Verdict    string `json:"verdict"`
	Confidence int    `json:"confidence"`
}

// Check judges whether the proposition holds of the subject. Whatever a model does
// ends as an outcome of the verdict. The error is for a proposition that cannot be
// judged (there is no verdict then), and for what is not about this claim: a context that
// has ended, and what comes again with every call, such as no budget, no credit, no access
// or no such model (the verdict is Failed).
func (j *Judge) Check(ctx context.Context, p *Proposition, s *Subject) (*Verdict, error) {
	return j.judge(ctx, p, s, false)
}

// Score judges how far the proposition is true of the subject, from 0 to 9 as
// [MaxScore] tells. Claims decided in code score 9 or 0. Errors are those of Check.
func (j *Judge) Score(ctx context.Context, p *Proposition, s *Subject) (*Verdict, error) {
	return j.judge(ctx, p, s, true)
}

func (j *Judge) judge(ctx context.Context, p *Proposition, s *Subject, score bool) (*Verdict, error) {
	v := &Verdict{Proposition: p.Name, Subject: s.Name}
	var err error
	if v.Claim, err = p.claim(s); err == nil && p.World && !s.World {
		err = errors.New("it is about a world, not about one person")
	}
	if err != nil {
		return nil, fmt.Errorf("judging %s of %s: %w", p.title(), s.Name, err)
	}
	all, proposed := s.evidence()
	shown, text := p.Window.view(all, proposed)
	v.Shown, v.Events = len(shown.Lines), len(all.Lines)
	if p.Precondition != nil {
		if why := p.Precondition(s); why != "" {
			v.Outcome, v.Reason, v.Confidence = NotApplicable, why, new(1.0)
			return v, nil
		}
	}
	if p.Code != nil {
		v.Confidence = new(1.0)
		v.Outcome, v.Reason, v.Quotes = p.Code(s)
		if score && v.Outcome == Holds {
			v.Outcome, v.Score = Scored, new(float64(MaxScore))
		} else if score && v.Outcome == DoesNotHold {
			v.Outcome, v.Score = Scored, new(0.0)
		}
		return v, nil
	}
	if !slices.ContainsFunc(all.Lines, hasWords) {
		v.Outcome, v.Reason, v.Confidence = NotApplicable, "nothing was said, done or perceived", new(1.0)
		return v, nil
	}
	req, err := j.request(p, s, v.Claim, text, proposed, score)
	if err != nil {
		return nil, fmt.Errorf("judging %s of %s: %w", p.title(), s.Name, err)
	}
	by := p.quotable(s)
	n := p.Draws
	if n <= 0 {
		n = j.opts.Draws
	}
	v.Draws = make([]Draw, n)
	var wg sync.WaitGroup
	for i := range v.Draws {
		r := *req
		r.Draw = j.opts.FirstDraw + i
		wg.Go(func() { v.Draws[i] = j.draw(ctx, &r, shown, by) })
	}
	wg.Wait()
	v.settle()
	for _, d := range v.Draws {
		if stops(ctx, d.Err) {
			v.Outcome, v.Reason = Failed, d.Reason
			v.Score, v.Confidence, v.Quotes = nil, nil, nil // of the draws that came
			return v, fmt.Errorf("judging %s of %s: %w", p.title(), s.Name, d.Err)
		}
	}
	return v, nil
}

// quotable returns whose acts alone may be quoted; empty lets anything be.
func (p *Proposition) quotable(s *Subject) string {
	if p.OwnWords && !s.World {
		return s.Name
	}
	return ""
}

// title names the proposition in an error.
func (p *Proposition) title() string {
	if p.Name != "" {
		return p.Name
	}
	return strconv.Quote(p.Claim)
}

// stops reports whether an error is about the run and not about one call: the context has
// ended, or the error will come again with every further call.
func stops(ctx context.Context, err error) bool {
	return llm.Hopeless(err) || drain.Ended(ctx, err)
}

// request asks for one verdict. What is the same for several claims about a subject
// stands first.
func (j *Judge) request(p *Proposition, s *Subject, claim, evidence string, proposed int, score bool) (*llm.Request, error) {
	system, err := j.text("judge.tmpl", judgeData{score, MaxScore})
	if err != nil {
		return nil, err
	}
	d := caseData{Subject: s.Name, Evidence: evidence, Proposed: proposed, OwnWords: p.quotable(s) != "", Claim: claim}
	if s.Context != "" {
		d.Context = string(rawjson.Of(s.Context))
	}
	if p.Personas {
		for _, per := range s.Personas {
			d.Personas = append(d.Personas, string(per.JSON()))
		}
	}
	text, err := j.text("case.tmpl", d)
	if err != nil {
		return nil, err
	}
	req := j.settings(system, text, s.Name)
	if len(s.Rooms) == 1 {
		req.Label.World = s.Rooms[0].Name
	}
	if s.World {
		req.Label.Person = ""
	}
	req.Schema = j.check
	if score {
		req.Schema = j.score
	}
	return req, nil
}

func (j *Judge) settings(system, text, who string) *llm.Request {
	return &llm.Request{
		System: system, Messages: []llm.Message{llm.Text(llm.User, text)},
		Temperature: j.opts.Temperature, MaxTokens: j.opts.MaxTokens, Effort: j.opts.Effort,
		Label: llm.Label{Person: who, Purpose: "judge"},
	}
}

// draw asks once, and holds the reply to the events that were shown.
func (j *Judge) draw(ctx context.Context, req *llm.Request, shown *transcript.Evidence, by string) Draw {
	r, resp, err := llm.Ask[reply](ctx, j.model, req)
	var d Draw
	if resp != nil {
		d.Calls = resp.Calls
	}
	if err == nil && j.opts.Rehearsal {
		d.Outcome, d.Reason = NotJudged, "the judge is a stand-in: what it says is evidence of nothing"
		return d
	}
	if err == nil {
		err = d.read(&r, shown, by)
	}
	if err != nil {
		outcome := Failed
		switch {
		case errors.Is(err, llm.ErrFiltered):
			outcome = Refused
		case errors.Is(err, llm.ErrInvalid):
			outcome = Invalid
		}
		return Draw{Outcome: outcome, Reason: err.Error(), Calls: d.Calls, Err: err}
	}
	return d
}

// read takes over a reply, or says why it is no verdict.
func (d *Draw) read(r *reply, shown *transcript.Evidence, by string) error {
	void := func(format string, args ...any) error {
		return fmt.Errorf("%w: %s", llm.ErrInvalid, fmt.Sprintf(format, args...))
	}
	d.Reason, d.Confidence = strings.TrimSpace(r.Reason), new(float64(r.Confidence)/100)
	if d.Reason == "" {
		return void("the verdict has no reason")
	}
	for _, q := range r.Quotes {
		found, ok := shown.Quote(q.Quote, by, q.Event)
		if !ok && by != "" {
			return void("the verdict quotes %q, which %s did not say or do in the events shown", q.Quote, by)
		}
		if !ok {
			return void("the verdict quotes %q, which stands in none of the events shown", q.Quote)
		}
		d.Quotes = append(d.Quotes, Quote{Room: found.Line.Room, Seq: found.Line.Seq, Who: found.Line.Who, Text: found.Text})
	}
	if d.Outcome = Outcome(r.Verdict); d.Outcome == NotApplicable {
		return nil
	}
	if len(d.Quotes) == 0 {
		return void("the verdict quotes nothing")
	}
	if n, err := strconv.Atoi(r.Verdict); err == nil {
		d.Outcome, d.Score = Scored, &n
	}
	return nil
}

// Each judges a proposition of each subject, concurrently; f is a judge's Check or
// Score. The verdicts are in the order of the subjects. When one ends with an error, no
// new call starts; those in flight are waited for. A subject without a verdict is nil,
// and the error is the first in the order of subjects.
func Each(ctx context.Context, f func(context.Context, *Proposition, *Subject) (*Verdict, error), p *Proposition, subjects []*Subject) ([]*Verdict, error) {
	verdicts := make([]*Verdict, len(subjects))
	err := drain.Each(ctx, 0, len(subjects), func(ctx context.Context, i int) error {
		v, err := f(ctx, p, subjects[i])
		if err == nil {
			verdicts[i] = v
		}
		return err
	})
	return verdicts, err
}
