package study

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/mind"
)

// A Role is what a model does in a study.
type Role string

const (
	Acts     Role = "act"     // plays people, answers as they would
	Extracts Role = "extract" // finds answers in what was said, and sorts them
	Judges   Role = "judge"
)

// EstimateOptions are what an estimate is made with. Model is needed; the zero value of
// every other field has the stated meaning.
type EstimateOptions struct {
	// Model stands in for every model, chatbot and human. It is called as often as they
	// would be, and should cost nothing: llm/rehearsal is made for it.
	Model llm.Model
	// Mind makes a mind that asks m, as the run will make it of its own model. It is
	// called once for each room. Nil is mind.New, with the study's images.
	Mind func(m llm.Model) (tinytroupe.Mind, error)
	// Episode, Tokens, Parallel and Rooms are as in RunOptions.
	Episode, Tokens, Parallel, Rooms int
	// Open gives what an earlier run left of a room, as RunOptions.Open does; nothing is
	// added to it. Only the rest is counted. Nil is a run from the beginning.
	Open func(room Room) (iter.Seq2[tinytroupe.Event, error], error)
	// Known gives the reply to a request that the earlier run has: it is not counted. Nil
	// knows none.
	Known func(role Role, req *llm.Request) (*llm.Response, bool, error)
	// Most is how many tokens the stand-in may read, so that the estimate takes little;
	// an estimate that takes more is ErrLong. 0 is no limit.
	Most int
}

// ErrLong: the estimate would take longer than it may.
var ErrLong = errors.New("the study takes long to rehearse")

// A Work is what calls use. Cacheable is the part of Input that a provider can have
// seen: prefixes, in blocks of 128 tokens, of earlier prompts for the same role.
type Work struct {
	Calls     int `json:"calls"`
	Input     int `json:"input"`
	Cacheable int `json:"cacheable"`
	Output    int `json:"output"` // without reasoning, which no rehearsal can know
	Rounds    int `json:"rounds"` // of calls that must follow one another
}

// An Estimate is what a run is expected to use.
type Estimate struct {
	Steps []Expected // those that call models, of Study.Steps
	// Open says that a run ends early when something is said: Low counts its first step
	// alone, High all of them.
	Open bool
	// Answers says that who takes part depends on what people answer, or on what is found:
	// Low counts those who do in any case, High all who may.
	Answers bool
	// Folds says that long memories are summed up, at times that replies decide.
	Folds bool
	// Images says that people are shown some, which models count very differently; here
	// each is about a thousand tokens.
	Images bool
}

// Expected is what a step is expected to use of one role.
type Expected struct {
	Verb      int // 1, 2…: of Study.Steps
	Step      Step
	Role      Role
	Low, High Work

	loads []load // of the rehearsals
}

// Cost returns what the step costs at a price per token; see Estimate.Cost.
func (x *Expected) Cost(p llm.Price, cached bool) (low, high float64) {
	return cost(x.loads, p, cached)
}

// Sum returns what a role uses in all steps; all roles where it is empty.
func (e *Estimate) Sum(role Role) (low, high Work) { return between(e.sum(role)) }

// Cost returns what a role costs at a price per token, in US dollars; all roles where it
// is empty. cached says that the provider remembers all that it can. Where it charges for
// remembering, the high figure has it remember all the rest.
func (e *Estimate) Cost(role Role, p llm.Price, cached bool) (low, high float64) {
	return cost(e.sum(role), p, cached)
}

func (e *Estimate) sum(role Role) []load {
	var sums []load
	for _, x := range e.Steps {
		if role != "" && x.Role != role {
			continue
		}
		if sums == nil {
			sums = make([]load, len(x.loads))
		}
		for i := range x.loads {
			sums[i].add(x.loads[i])
		}
	}
	return sums
}

func cost(loads []load, p llm.Price, cached bool) (low, high float64) {
	for i, l := range loads {
		few, many := l.usage(cached)
		if p.CacheWrite > 0 {
			many.CacheWrite = many.Input - many.CachedInput
			if cached {
				few.CacheWrite = few.Input - few.CachedInput
			}
		}
		if c := p.Cost(few); i == 0 || c < low {
			low = c
		}
		high = max(high, p.Cost(many))
	}
	return low, high
}

// How a token count follows from a text. Tokens are counted as llm.Tokens has them, four
// characters of English each. Vocabularies differ: of English prose and JSON a token is
// between 3.7 and 4.6 characters. What models write, and what of it stands in later
// prompts, is shorter or longer by a fifth and a quarter; of a hundred calls two are
// repairs. So High is at most 1.99 times Low, as long as the calls are the same.
const (
	lowRate, highRate = 4 / 4.6, 4 / 3.7
	shorter, longer   = 0.8, 1.25
	repairs           = 0.02
	cacheBlock        = 512 // characters: about 128 tokens
	usualParallel     = 16  // see RunOptions
)

// A bound says what an estimate takes of what the run itself decides.
type bound int

const (
	asIs bound = iota // what it decides: no estimate
	atLeast
	atMost
)

// load is what was counted, in tokens.
type load struct {
	calls, rounds                  int
	fixed, written, shared, output float64
}

func (l *load) add(m load) {
	l.calls += m.calls
	l.rounds += m.rounds
	l.fixed += m.fixed
	l.written += m.written
	l.shared += m.shared
	l.output += m.output
}

func (l load) at(rate, words, again float64) Work {
	in := (l.fixed + l.written*words) * rate * again
	cacheable := 0.0
	if all := l.fixed + l.written; all > 0 {
		cacheable = in * l.shared / all
	}
	return Work{
		Calls: int(math.Ceil(float64(l.calls)*again - 1e-9)), Input: int(math.Round(in)),
		Cacheable: int(cacheable), Output: int(math.Round(l.output * words * rate * again)),
		Rounds: l.rounds,
	}
}

// low and high are the least and the most that a rehearsal stands for.
func (l load) low() Work  { return l.at(lowRate, shorter, 1) }
func (l load) high() Work { return l.at(highRate, longer, 1+repairs) }

func (l load) usage(cached bool) (low, high llm.Usage) {
	few, many := l.low(), l.high()
	low, high = llm.Usage{Input: few.Input, Output: few.Output}, llm.Usage{Input: many.Input, Output: many.Output}
	if cached {
		low.CachedInput, high.CachedInput = few.Cacheable, many.Cacheable
	}
	return low, high
}

// between returns the range of rehearsals.
func between(loads []load) (low, high Work) {
	for i, l := range loads {
		few, many := l.low(), l.high()
		if i == 0 {
			low, high = few, many
			continue
		}
		low = Work{min(low.Calls, few.Calls), min(low.Input, few.Input), min(low.Cacheable, few.Cacheable), min(low.Output, few.Output), min(low.Rounds, few.Rounds)}
		high = Work{max(high.Calls, many.Calls), max(high.Input, many.Input), max(high.Cacheable, many.Cacheable), max(high.Output, many.Output), max(high.Rounds, many.Rounds)}
	}
	return low, high
}

// Estimate says what a run will use, from a rehearsal in memory: nothing is called but
// o.Model, and nothing is kept. Chatbots are not asked, nor is anybody at the terminal;
// their own cost is not in it. What it cannot know: reasoning, replies that differ from
// the stand-in's in length by more than a fifth below or a quarter above, failures that
// are tried again.
func (s *Study) Estimate(ctx context.Context, o *EstimateOptions) (*Estimate, error) {
	if o == nil || o.Model == nil {
		return nil, errors.New("study: estimate: no model given")
	}
	e := &Estimate{}
	all, err := s.rehearsals(ctx, o, e)
	if err != nil {
		return nil, err
	}
	steps := s.Steps()
	for i := range steps {
		for _, role := range []Role{Acts, Extracts, Judges} {
			x := Expected{Verb: i + 1, Step: steps[i], Role: role}
			for _, t := range all {
				x.loads = append(x.loads, t.load(spot{i + 1, role}))
			}
			if x.Low, x.High = between(x.loads); x.High.Calls > 0 {
				e.Steps = append(e.Steps, x)
			}
		}
	}
	return e, nil
}

// rehearsals rehearses the study as long as it can be, with all who may take part; where
// answers decide who does, also with those who must; where runs end early, also as short;
// and where memories are summed up or nearly are, also as if people said more and
// less, so that it happens sooner and later.
func (s *Study) rehearsals(ctx context.Context, o *EstimateOptions, e *Estimate) ([]*tallied, error) {
	episode := o.Episode
	if episode == 0 {
		episode = tinytroupe.DefaultEpisode
	}
	first, err := s.rehearse(ctx, o, atMost, atMost, episode)
	if err != nil {
		return nil, err
	}
	all := []*tallied{first}
	for i, x := range s.Steps() {
		switch do := x.Do.(type) {
		case Run:
			e.Open = e.Open || do.Until != nil && first.load(spot{i + 1, Acts}).calls > 0
		case Show:
			e.Images = e.Images || do.Image != nil
		}
	}
	try := func(ends, answers bound, episode int) {
		if err == nil {
			var t *tallied
			t, err = s.rehearse(ctx, o, ends, answers, episode)
			all = append(all, t)
		}
	}
	if e.Answers = first.open; e.Answers {
		try(atMost, atLeast, episode)
	}
	if e.Open {
		try(atLeast, atLeast, episode)
	}
	if episode > 0 && (first.folds || float64(first.longest)*4*longer > float64(episode)) {
		more := 1 + (longer-1)*first.wordy()
		try(atMost, atMost, int(float64(episode)/more))
		try(atMost, atMost, int(float64(episode)*more))
	}
	if err != nil {
		return nil, err
	}
	for _, t := range all {
		e.Folds = e.Folds || t.folds
	}
	return all, nil
}

// rehearse counts what a run uses whose ends, people and memories are as given.
func (s *Study) rehearse(ctx context.Context, o *EstimateOptions, ends, answers bound, episode int) (*tallied, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := newCounting(s, o, cancel)
	newMind := o.Mind
	if newMind == nil {
		newMind = func(m llm.Model) (tinytroupe.Mind, error) { return mind.New(m, &mind.Options{Images: s.Image}) }
	}
	human, err := newMind(o.Model) // not counted
	if err != nil {
		return nil, err
	}
	var failed error
	minds := map[string]tinytroupe.Mind{}
	opts := &RunOptions{
		Mind: func(m Member) tinytroupe.Mind {
			room := m.Room.Name()
			if minds[room] == nil {
				made, err := newMind(&counted{o.Model, c, Acts, room})
				if err != nil {
					failed = err
					return human
				}
				minds[room] = made
			}
			return minds[room]
		},
		Human:   func(Member) tinytroupe.Mind { return human },
		Around:  func(llm.Model, int) llm.Model { return o.Model },
		Proxy:   func(*http.Request) (*url.URL, error) { return nil, nil },
		Store:   func(string, []byte) error { return nil },
		Extract: &counted{o.Model, c, Extracts, ""}, Judge: &counted{o.Model, c, Judges, ""},
		Tokens: o.Tokens, Parallel: o.Parallel, Rooms: o.Rooms, Rehearsal: true,
		Tolerate: func(err error) bool { return !errors.Is(err, ErrLong) },
		Observe:  c.observe, Progress: c.progress,
		Episode: episode, ends: ends, answers: answers,
	}
	if o.Open != nil {
		opts.Open = func(room Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
			events, err := o.Open(room)
			return nil, events, err
		}
	}
	var open atomic.Bool
	opts.open = &open
	_, err = s.Run(ctx, opts)
	c.open = open.Load()
	switch {
	case failed != nil:
		return nil, failed
	case errors.Is(context.Cause(ctx), ErrLong):
		return nil, ErrLong
	case err != nil:
		return nil, fmt.Errorf("estimate: %w", err)
	}
	return &c.tallied, nil
}

// Image returns a picture that the study shows, by its hash.
func (s *Study) Image(hash string) (mediaType string, data []byte, err error) {
	for _, st := range s.Steps() {
		if show, ok := st.Do.(Show); ok && show.Image != nil && show.Image.SHA256 == hash {
			return show.Image.MediaType, slices.Clone(s.Inputs[show.Image.Input].Data), nil
		}
	}
	return "", nil, fmt.Errorf("no image has the hash %s", hash)
}
