package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/internal/prompts"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// What a zero field of Options stands for.
const (
	defaultTokens   = 12_000
	defaultParallel = 16
)

// Options are the settings of an Extractor.
type Options struct {
	// Templates holds templates that replace those built in, by name. Nil replaces none.
	Templates fs.FS

	Objective string // what the extraction is for; told to the model
	Situation string // what the transcript is of; told to the model

	Seed     uint64 // of the order of options, and of who is extracted twice
	Tokens   int    // of transcript in one call, estimated; 0 means 12,000. A longer one is read in parts
	Parallel int    // most calls at once; 0 means 16

	// Double is the share of subjects, 0 to 1, that is extracted a second time, for
	// Result.Agreement: at least one, where it is above 0.
	Double float64

	MaxTokens   int      // of output; 0 leaves it to the vendor's settings
	Temperature *float64 // nil leaves it to the vendor's settings
	Effort      string   // reasoning effort; empty leaves it to the vendor's settings
}

// An Extractor reads transcripts with a language model. It is safe for concurrent use.
type Extractor struct {
	model     llm.Model
	opts      Options
	templates *prompts.Set
}

// New returns an extractor that asks m. It fails only on templates that do not work.
func New(m llm.Model, o *Options) (*Extractor, error) {
	x := &Extractor{model: m}
	if o != nil {
		x.opts = *o
	}
	if x.opts.Tokens <= 0 {
		x.opts.Tokens = defaultTokens
	}
	if x.opts.Parallel <= 0 {
		x.opts.Parallel = defaultParallel
	}
	var err error
	x.templates, err = loadTemplates(x.opts.Templates)
	return x, err
}

// A Subject is whom, or what, answers are extracted about, and where from.
type Subject struct {
	Respondent // with a Person, only that person's own words are evidence

	// Speakers are whose words are evidence where there is no Person; nil takes everybody's.
	Speakers []string

	// Journals are all that is read. What somebody carried into a room stands in the
	// journal in which it was lived, and counts only if that is given too.
	Journals []Journal
}

// A Journal is what happened in a room.
type Journal struct {
	Room   string
	Events iter.Seq[tinytroupe.Event] // may be read any number of times
	People []string                   // who is there before the first event
}

// World is all of a world as a subject.
func World(w *tinytroupe.World) Subject {
	return Subject{Journals: []Journal{{Events: w.Events()}}}
}

// Person is somebody in a world as a subject.
func Person(p *tinytroupe.Person) Subject {
	return Subject{Respondent: Respondent{Person: p.Name()}, Journals: []Journal{{Events: p.World().Events()}}}
}

// EachPerson makes a subject of everyone in a world.
func EachPerson(w *tinytroupe.World) []Subject {
	var out []Subject
	for _, name := range w.View().People() {
		out = append(out, Subject{Respondent: Respondent{Person: name}, Journals: []Journal{{Events: w.Events()}}})
	}
	return out
}

// A Result is what came of extracting, asking or coding.
type Result struct {
	Answers   []Answer    // in the order of subjects and questions, whatever the timing
	Agreement []Agreement // of what was done twice
}

// Base counts the outcomes of all answers.
func (r *Result) Base() Base { return Count(r.Answers) }

// Extract looks for answers. Each subject has at least one answer to each question, or
// to each of its fields; a list that is empty has one for each field, without an item.
// Who neither said nor did anything is absent without a call.
//
// An error of one subject's calls is the outcome of its answers: refused, invalid or
// failed. One that would come again with every call (no budget, no price, no credit, no
// access, no such model) and the end of ctx begin no new call and are returned beside what
// there is; what was not begun is skipped, and so, with its calls, is what was cut off.
func (x *Extractor) Extract(ctx context.Context, qs []Question, subjects []Subject) (*Result, error) {
	if err := checkAll(qs); err != nil {
		return nil, err
	}
	var twice []int
	if n := share(x.opts.Double, len(subjects)); n > 0 {
		twice = random(x.opts.Seed, "double").Perm(len(subjects))[:n]
		slices.Sort(twice)
	}
	answers := make([][]Answer, len(subjects)+len(twice))
	err := drain.Each(ctx, x.opts.Parallel, len(answers), func(ctx context.Context, i int) (err error) {
		if i < len(subjects) {
			answers[i], err = x.subject(ctx, qs, &subjects[i], 0)
		} else {
			answers[i], err = x.subject(ctx, qs, &subjects[twice[i-len(subjects)]], 1)
		}
		return err
	})
	r := new(Result)
	for i := range subjects {
		if answers[i] == nil {
			for j := range qs {
				answers[i] = append(answers[i], blank(&qs[j], &subjects[i].Respondent, Skipped, "the run stopped before it")...)
			}
		}
		r.Answers = append(r.Answers, answers[i]...)
	}
	if len(twice) > 0 {
		var first, second [][]Answer
		for k, i := range twice {
			if again := answers[len(subjects)+k]; again != nil {
				first, second = append(first, answers[i]), append(second, again)
			}
		}
		for i := range qs {
			r.Agreement = append(r.Agreement, compared(&qs[i], first, second)...)
		}
	}
	return r, err
}

// subject extracts from one subject. An error means that it came to nothing and that
// no more calls should be made.
func (x *Extractor) subject(ctx context.Context, written []Question, s *Subject, draw int) ([]Answer, error) {
	keys := []string{"extract", s.Person, s.Scene, s.Room}
	if draw > 0 {
		keys = append(keys, "again")
	}
	r := &reading{x: x, s: s, draw: draw, written: written, qs: reordered(written, true, x.opts.Seed, keys...)}
	for _, j := range s.Journals {
		if j.Events == nil {
			continue
		}
		r.evidence.Add(j.Events, &transcript.EvidenceOptions{Room: j.Room, For: s.Person, People: j.People})
	}
	speaks := slices.ContainsFunc(r.evidence.Lines, func(l transcript.EvidenceLine) bool { return l.Content != "" && r.own(&l) })
	if !speaks {
		return r.all(Absent, "nothing was said or done"), nil
	}
	answers, err := r.read(ctx)
	if err != nil {
		outcome, reason, err := stops(ctx, err)
		if err != nil && outcome != Skipped {
			err = fmt.Errorf("extract %s: %w", r.who(), err)
		}
		return withCalls(r.all(outcome, reason), answers), err
	}
	return r.located(answers), nil
}

// located puts the number that an event has in its room's journal in place of that of
// its line. Until then lines are told apart by the latter: two rooms number their events
// alike, and only it rises with time.
func (r *reading) located(answers []Answer) []Answer {
	for i := range answers {
		answers[i].Evidence = slices.Clone(answers[i].Evidence)
		for j := range answers[i].Evidence {
			e := &answers[i].Evidence[j]
			e.Event = r.evidence.Line(e.Event).Seq
		}
	}
	return answers
}

// reading is one extraction from one subject.
type reading struct {
	x        *Extractor
	s        *Subject
	draw     int
	written  []Question // as they were given
	qs       []Question // with options as they are shown
	evidence transcript.Evidence
}

func (r *reading) who() string {
	for _, n := range []string{r.s.Person, r.s.Room, r.s.Scene} {
		if n != "" {
			return n
		}
	}
	return "everybody"
}

// own reports whether a line holds words that are evidence.
func (r *reading) own(l *transcript.EvidenceLine) bool {
	if !l.Acted() {
		return false
	}
	if r.s.Person != "" {
		return l.Who == r.s.Person
	}
	return len(r.s.Speakers) == 0 || slices.Contains(r.s.Speakers, l.Who)
}

func (r *reading) all(o Outcome, reason string) []Answer {
	var out []Answer
	for i := range r.qs {
		out = append(out, blank(&r.qs[i], &r.s.Respondent, o, reason)...)
	}
	return out
}

// read reads the transcript, in parts where it is long, or where the model says so. Beside
// an error stand the answers of the parts that came, which were paid for.
func (r *reading) read(ctx context.Context) ([]Answer, error) {
	for most := r.x.opts.Tokens; ; {
		parts, longest := split(r.evidence.Lines, most)
		found := make([][]Answer, len(parts))
		var err error
		for i, p := range parts {
			if found[i], err = r.part(ctx, p, i+1, len(parts)); err != nil {
				break
			}
		}
		switch {
		case errors.Is(err, llm.ErrTooLong) && len(r.evidence.Lines) > len(parts):
			most = min(most, longest) / 2
			continue
		case err != nil:
			return slices.Concat(found...), err
		case len(parts) == 1:
			return found[0], nil
		}
		answers, err := r.merge(ctx, found)
		if err != nil {
			return slices.Concat(found...), err
		}
		return answers, nil
	}
}

// split cuts lines into parts of at most so many tokens, if a line is not longer by
// itself: lines stay whole. A part begins with the last lines of the one before it, up
// to an eighth, so that an answer stands with its question. It returns the tokens of
// the longest part too.
func split(lines []transcript.EvidenceLine, most int) (parts [][]transcript.EvidenceLine, longest int) {
	var buf []byte
	tokens := make([]int, len(lines))
	for i := range lines {
		buf = lines[i].Append(buf[:0])
		tokens[i] = llm.Tokens(string(buf)) + 1
	}
	for start, fresh := 0, 0; fresh < len(lines); {
		n, end := 0, start
		for end < len(lines) && (end <= fresh || n+tokens[end] <= most) {
			n += tokens[end]
			end++
		}
		parts, longest = append(parts, lines[start:end]), max(longest, n)
		start, fresh = end, end
		for again := 0; start > 0 && again+tokens[start-1] <= most/8; start-- {
			again += tokens[start-1]
		}
	}
	return parts, longest
}

// part makes one call, about some of the lines. Errors other than the end of
// everything are the outcome of its answers.
func (r *reading) part(ctx context.Context, lines []transcript.EvidenceLine, n, of int) ([]Answer, error) {
	shown := &transcript.Evidence{Lines: lines}
	req, err := r.request(shown, n, of)
	if err != nil {
		return nil, err
	}
	raw, resp, err := llm.Ask[map[string]json.RawMessage](ctx, r.x.model, req)
	var calls []string
	if resp != nil {
		calls = resp.Calls
	}
	if err != nil {
		outcome, reason := ended(err)
		if of > 1 { // what the part holds is not known, whatever the other parts say
			outcome = Failed
		}
		out := r.all(outcome, reason)
		for i := range out {
			out[i].Calls = calls
		}
		if drain.Ended(ctx, err) || llm.Hopeless(err) || errors.Is(err, llm.ErrTooLong) {
			return out, err
		}
		return out, nil
	}
	var out []Answer
	reply := reply{r: &r.s.Respondent, words: func(a *Answer, f *found) bool { return r.quote(shown, a, f) }}
	for i, k := range keys("q", r.qs) {
		for _, a := range reply.question(&r.qs[i], &r.written[i], raw[k]) {
			a.Calls = calls
			out = append(out, a)
		}
	}
	return out, nil
}

func (r *reading) request(shown *transcript.Evidence, n, of int) (*llm.Request, error) {
	x := r.x
	s, err := schema(r.qs, false)
	if err != nil {
		return nil, err
	}
	system, err := x.templates.Text("extract.tmpl", struct{}{})
	if err != nil {
		return nil, err
	}
	first, err := x.templates.Text("transcript.tmpl", transcriptData{x.opts.Situation, shown.Text(), n, of})
	if err != nil {
		return nil, err
	}
	second, err := x.templates.Text("questions.tmpl", questionsData{x.opts.Objective, oneLine(r.s.Person), oneLine(strings.Join(r.s.Speakers, ", ")), newQuestionsData(r.qs, false)})
	if err != nil {
		return nil, err
	}
	return x.ask(&llm.Request{
		System:   system,
		Messages: []llm.Message{{Role: llm.User, Parts: []llm.Part{{Text: first + "\n\n"}, {Text: second}}}},
		Schema:   s, Draw: r.draw, Label: llm.Label{World: r.s.Room, Person: r.s.Person, Purpose: "extract"},
	}), nil
}

// ask fills in the settings of a request.
func (x *Extractor) ask(req *llm.Request) *llm.Request {
	req.MaxTokens, req.Temperature, req.Effort = x.opts.MaxTokens, x.opts.Temperature, x.opts.Effort
	return req
}
