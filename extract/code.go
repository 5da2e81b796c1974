package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// Other is the code of what belongs to no other.
const Other = "other"

const (
	defaultCodes = 8
	batch        = 20 // texts coded in one call
	mostCodeName = 60
	mostCodeText = 200
)

// A Code is one of the things that free texts say.
type Code struct {
	Name string
	Text string // what belongs to it
	// Words are for CodeByWords: whole words or phrases; abandon* stands for all that begins
	// so. Of scripts without blanks between words, any run of characters.
	Words []string
}

// CodeOptions are the settings of a coding.
type CodeOptions struct {
	Codes  []Code  // the codebook; nil makes one from the texts
	Most   int     // most codes of a codebook that is made, Other not counted; 0 means 8
	Multi  bool    // a text has all codes that apply, not the one that fits best
	Double float64 // share of texts, 0 to 1, that is coded a second time, for Agreement
}

// A Coding is what came of coding the answers to a question.
type Coding struct {
	Question  Question // to tally by: one of, or some of, the names of the codes
	Codes     []Code
	Answers   []Answer // one for each of the answers coded, with .code after its name
	Agreement []Agreement
}

// codebookData is what codebook.tmpl may use.
type codebookData struct {
	Objective, Question string
	Most                int
	Codes               []codeLine // those that exist, when more are sought
	Texts               string     // lines, each ended
}

// codeData is what code.tmpl may use.
type codeData struct {
	Objective, Question string
	Multi               bool
	Codes               []codeLine
	Texts               string
}

type codeLine struct {
	Name, Text string
	Number     int
}

// coder codes the texts that answer a question, equal ones once.
type coder struct {
	x     *Extractor
	q     *Question
	o     CodeOptions
	texts []string
	codes []Code
}

// coded is what became of one text.
type coded struct {
	codes   []int // of coder.codes; none is Other
	outcome Outcome
	reason  string
	calls   []string
}

// Code sorts the free texts that answer q into codes with a model. Where no codebook
// is given one is made first; what then belongs to no code is looked at once more,
// for further codes within CodeOptions.Most. Codes are given by number, so that no
// text gets one that does not exist; texts that are equal but for case and spacing get
// the same. Answers without a text keep their outcome.
//
// Errors are as with [Extractor.Extract]; without a codebook there is no coding.
func (x *Extractor) Code(ctx context.Context, q Question, answers []Answer, o *CodeOptions) (*Coding, error) {
	c := &coder{x: x, q: &q}
	if o != nil {
		c.o = *o
	}
	if err := checkCodes(c.o.Codes); err != nil {
		return nil, fmt.Errorf("code %s: %w", q.ID, err)
	}
	if c.o.Most <= 0 {
		c.o.Most = defaultCodes
	}
	c.codes = slices.Clone(c.o.Codes)
	c.texts = textsOf(&q, answers)
	made := c.codes == nil && len(c.texts) > 0
	if made {
		var err error
		if c.codes, err = c.book(ctx, c.texts, c.o.Most); err != nil {
			return nil, fmt.Errorf("code %s: making the codebook: %w", q.ID, err)
		}
	}
	all, err := c.assign(ctx, c.texts, 0)
	if err == nil && made && len(c.codes) < c.o.Most {
		err = c.review(ctx, all)
	}
	coding := c.coding(answers, all)
	if err == nil {
		coding.Agreement, err = c.again(ctx, all)
	}
	if err != nil {
		err = fmt.Errorf("code %s: %w", q.ID, err)
	}
	return coding, err
}

func checkCodes(codes []Code) error {
	seen := map[string]bool{foldText(Other): true}
	for _, c := range codes {
		name := foldText(c.Name)
		if name == "" {
			return errors.New("a code has no name")
		}
		if name == foldText(Other) {
			return fmt.Errorf("there is a code %q already", Other)
		}
		if seen[name] {
			return fmt.Errorf("code %q stands twice", c.Name)
		}
		seen[name] = true
	}
	return nil
}

// textsOf returns the texts that answer q, each once, in the order of the answers.
func textsOf(q *Question, answers []Answer) []string {
	var texts []string
	seen := map[string]bool{}
	for i := range answers {
		a := &answers[i]
		if f := foldText(a.Value.Text); a.Name() == q.ID && a.Outcome == Answered && f != "" && !seen[f] {
			seen[f] = true
			texts = append(texts, a.Value.Text)
		}
	}
	return texts
}

// assign codes texts, in batches that run at once.
func (c *coder) assign(ctx context.Context, texts []string, draw int) ([]coded, error) {
	out := make([]coded, len(texts))
	for i := range out {
		out[i] = coded{outcome: Skipped, reason: "the run stopped before it"}
	}
	if len(texts) == 0 {
		return out, nil
	}
	var ends []int
	n := 0
	for i, t := range texts {
		n += llm.Tokens(t) + 12
		start := 0
		if len(ends) > 0 {
			start = ends[len(ends)-1]
		}
		if i > start && (i-start == batch || n > c.x.opts.Tokens) {
			ends, n = append(ends, i), llm.Tokens(t)+12
		}
	}
	ends = append(ends, len(texts))
	err := drain.Each(ctx, c.x.opts.Parallel, len(ends), func(ctx context.Context, i int) error {
		start := 0
		if i > 0 {
			start = ends[i-1]
		}
		return c.batch(ctx, texts[start:ends[i]], out[start:ends[i]], draw)
	})
	return out, err
}

// batch codes texts in one call. For a second opinion the codes stand in the opposite
// order.
func (c *coder) batch(ctx context.Context, texts []string, out []coded, draw int) error {
	lines := c.lines()
	if draw > 0 {
		slices.Reverse(lines)
		for i := range lines {
			lines[i].Number = i + 1
		}
	}
	text, err := c.x.templates.Text("code.tmpl", codeData{c.x.opts.Objective, c.q.find(), c.o.Multi, lines, textLines(texts)})
	if err != nil {
		return err
	}
	last := strconv.Itoa(len(lines))
	one := `{"type":"integer","minimum":0,"maximum":` + last + `}`
	if c.o.Multi {
		one = `{"type":"array","maxItems":` + last + `,"items":{"type":"integer","minimum":1,"maximum":` + last + `}}`
	}
	var root object
	for i := range texts {
		root.add("a"+strconv.Itoa(i+1), []byte(one))
	}
	s, err := llm.NewSchema("codes", root.bytes())
	if err != nil {
		return err
	}
	raw, resp, err := llm.Ask[map[string]json.RawMessage](ctx, c.x.model, c.x.ask(&llm.Request{
		Messages: []llm.Message{llm.Text(llm.User, text)}, Schema: s, Draw: draw, Label: llm.Label{Purpose: "code"}}))
	var calls []string
	if resp != nil {
		calls = resp.Calls
	}
	if err != nil {
		outcome, reason, err := stops(ctx, err)
		for i := range out {
			out[i] = coded{outcome: outcome, reason: reason, calls: calls}
		}
		return err
	}
	for i := range texts {
		out[i] = c.readCodes(raw["a"+strconv.Itoa(i+1)], draw > 0)
		out[i].calls = calls
	}
	return nil
}

// readCodes reads the codes of one text.
func (c *coder) readCodes(raw json.RawMessage, reversed bool) coded {
	var list []float64
	if !c.o.Multi {
		list = make([]float64, 1)
		if json.Unmarshal(raw, &list[0]) != nil {
			return coded{outcome: Invalid, reason: "the reply has no code for it"}
		}
		if list[0] == 0 {
			list = nil
		}
	} else if json.Unmarshal(raw, &list) != nil {
		return coded{outcome: Invalid, reason: "the reply has no codes for it"}
	}
	r := coded{outcome: Answered}
	for _, x := range list {
		n := int(x) - 1
		if x < 1 || x > float64(len(c.codes)) || x != float64(n+1) {
			return coded{outcome: Invalid, reason: fmt.Sprintf("there is no code %v", x)}
		}
		if reversed {
			n = len(c.codes) - 1 - n
		}
		if !slices.Contains(r.codes, n) {
			r.codes = append(r.codes, n)
		}
	}
	slices.Sort(r.codes)
	return r
}

// again codes a share of the texts a second time.
func (c *coder) again(ctx context.Context, all []coded) ([]Agreement, error) {
	n := share(c.o.Double, len(c.texts))
	if n == 0 || len(c.codes) == 0 {
		return nil, nil
	}
	at := random(c.x.opts.Seed, "double", c.q.ID).Perm(len(c.texts))[:n]
	slices.Sort(at)
	var texts []string
	for _, i := range at {
		texts = append(texts, c.texts[i])
	}
	second, err := c.assign(ctx, texts, 1)
	if err != nil {
		return nil, err
	}
	name := c.q.ID + ".code"
	compare := func(name string, f func(coded) string) Agreement {
		var a, b []string
		for k, i := range at {
			if all[i].outcome == Answered && second[k].outcome == Answered {
				a, b = append(a, f(all[i])), append(b, f(second[k]))
			}
		}
		g := CohenKappa(a, b)
		g.Name, g.Of = name, len(at)
		return g
	}
	if !c.o.Multi {
		return []Agreement{compare(name, func(r coded) string { return strings.Join(c.names(r), "") })}, nil
	}
	var out []Agreement
	for i, code := range c.codes {
		out = append(out, compare(name+" "+code.Name, func(r coded) string { return strconv.FormatBool(slices.Contains(r.codes, i)) }))
	}
	return out, nil
}

func (c *coder) names(r coded) []string {
	if len(r.codes) == 0 {
		return []string{Other}
	}
	var out []string
	for _, i := range r.codes {
		out = append(out, c.codes[i].Name)
	}
	return out
}

// coding puts the codes of the texts to the answers.
func (c *coder) coding(answers []Answer, all []coded) *Coding {
	out := &Coding{Codes: c.codes, Question: Question{ID: c.q.ID + ".code", Find: c.q.find(), Type: OneOf}}
	if c.o.Multi {
		out.Question.Type = SomeOf
	}
	for _, code := range c.codes {
		out.Question.Options = append(out.Question.Options, code.Name)
	}
	out.Question.Options = append(out.Question.Options, Other)
	byText := map[string]coded{}
	for i, t := range c.texts {
		byText[foldText(t)] = all[i]
	}
	for i := range answers {
		a := answers[i]
		if a.Name() != c.q.ID {
			continue
		}
		a.Field = strings.TrimPrefix(a.Field+".code", ".")
		a.Type, a.Shown, a.Position = out.Question.Type, nil, 0
		if c.o.Multi {
			a.Shown = out.Question.Options
		}
		if a.Outcome == Answered {
			r, ok := byText[foldText(a.Value.Text)]
			if !ok { // it was answered, but not with a text
				r = coded{outcome: Invalid, reason: "it is no text"}
			}
			a.Outcome, a.Reason, a.Value, a.Calls = r.outcome, r.reason, Value{}, r.calls
			if r.outcome == Answered {
				a.Value = Value{Kind: a.Type, List: c.names(r)}
				if a.Type == OneOf {
					a.Value = Value{Kind: OneOf, Text: c.names(r)[0]}
				}
			}
		}
		out.Answers = append(out.Answers, a)
	}
	return out
}

// CodeByWords sorts the free texts that answer q into codes without a model: a text
// belongs to a code for each of its words that stands in it. Without Multi it gets the
// code with most; of equals, the one that comes first. CodeOptions.Codes is needed.
func CodeByWords(q Question, answers []Answer, o *CodeOptions) (*Coding, error) {
	if o == nil || len(o.Codes) == 0 {
		return nil, fmt.Errorf("code %s: there are no codes", q.ID)
	}
	if err := checkCodes(o.Codes); err != nil {
		return nil, fmt.Errorf("code %s: %w", q.ID, err)
	}
	for _, code := range o.Codes {
		if !slices.ContainsFunc(code.Words, func(w string) bool { return strings.Trim(w, "* ") != "" }) {
			return nil, fmt.Errorf("code %s: code %q has no words", q.ID, code.Name)
		}
	}
	c := &coder{q: &q, o: *o, texts: textsOf(&q, answers), codes: o.Codes}
	all := make([]coded, len(c.texts))
	for i, t := range c.texts {
		all[i].outcome = Answered
		best := 0
		for n, code := range c.codes {
			hits := hits(t, code.Words)
			switch {
			case hits == 0:
			case o.Multi:
				all[i].codes = append(all[i].codes, n)
			case hits > best:
				best, all[i].codes = hits, []int{n}
			}
		}
	}
	return c.coding(answers, all), nil
}
