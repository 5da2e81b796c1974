// Package mind is the mind that a language model makes: it writes what a person
// perceives as a prompt, and reads the reply as a decision.
//
// A prompt stands in order of how long its parts last: rules, acts and persona in
// the system prompt; the episode as messages, append-only, each byte for byte as
// it was first sent; and at the very end what holds for this moment alone. So a
// prompt begins with all that the one before it kept, and providers charge little
// for a prefix that they have seen.
package mind

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/prompts"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// What a zero field of Options stands for.
const (
	defaultActions  = 15
	plainContent    = 2000
	documentContent = 20000
	plainSummary    = 6000
)

// Options are the settings of a Mind. Slices and pointers in it are not changed.
type Options struct {
	// Templates holds templates that replace those built in, by name: rules.tmpl,
	// acts.tmpl, persona.tmpl, consolidate.tmpl. Nil replaces none.
	Templates fs.FS

	// The rules end with a text against harmful content and one against copying
	// protected works, unless these leave them out.
	NoHarmfulText   bool
	NoCopyrightText bool

	MaxTokens   int      // of output; 0 leaves it to the vendor's settings
	Temperature *float64 // nil leaves it to the vendor's settings
	Effort      string   // reasoning effort: low, medium, high; empty leaves it to the vendor's settings
	Draw        int      // of every request: samples that are to be independent have different ones

	// Most acts in a reply (0 means 15), and most characters in the content of one
	// (0 means 2,000, or 20,000 for people with an act whose content has a schema).
	// Lower them for a model with a small context.
	Actions int
	Content int
	// Summary is the most characters of what a person keeps of an episode; each memo
	// beside it has at most a tenth of that. 0 means 6,000.
	Summary int

	// Images returns the bytes of an image by its hash. Nil makes an image in a
	// prompt an error.
	Images func(hash string) (mediaType string, data []byte, err error)

	Purpose string // label of the calls of Decide; empty means act
}

// A Mind decides, consolidates and answers with a language model. It is safe for
// concurrent use, and one Mind serves any number of people.
type Mind struct {
	model     llm.Model
	opts      Options
	templates *prompts.Set
	memory    *llm.Schema // of a consolidation
	answer    *llm.Schema // of a free answer

	mu      sync.Mutex // guards the caches
	actsOf  map[string]*acts
	systems map[systemKey]system
	lives   map[lifeKey]*life
}

var (
	_ tinytroupe.Mind         = (*Mind)(nil)
	_ tinytroupe.Consolidator = (*Mind)(nil)
	_ tinytroupe.Asker        = (*Mind)(nil)
)

// New returns a mind that asks m. It fails only on templates that do not work.
func New(m llm.Model, o *Options) (*Mind, error) {
	mind := &Mind{
		model:  m,
		answer: &llm.Schema{Name: "answer", Body: answerSchema()},
		actsOf: map[string]*acts{}, systems: map[systemKey]system{}, lives: map[lifeKey]*life{},
	}
	if o != nil {
		mind.opts = *o
	}
	if mind.opts.Actions == 0 {
		mind.opts.Actions = defaultActions
	}
	if mind.opts.Summary == 0 {
		mind.opts.Summary = plainSummary
	}
	mind.memory = &llm.Schema{Name: "memory", Body: consolidationSchema(mind.opts.Summary)}
	if mind.opts.Purpose == "" {
		mind.opts.Purpose = "act"
	}
	var err error
	mind.templates, err = loadTemplates(mind.opts.Templates)
	if err != nil {
		return nil, err
	}
	return mind, nil
}

// Hash returns the SHA-256 of the templates in use, hexadecimal.
func (m *Mind) Hash() string { return m.templates.Hash() }

// Decide asks the model for a turn, in one call. Its errors are those of
// [llm.Ask]; a refusal is an [llm.ErrFiltered].
func (m *Mind) Decide(ctx context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	req, a, err := m.request(p, m.opts.Purpose, "It is your turn.", nil)
	if err != nil {
		return nil, err
	}
	req.Schema = a.schema
	r, resp, err := llm.Ask[reply](ctx, m.model, req)
	if err != nil {
		return nil, err
	}
	return &tinytroupe.Decision{Actions: r.Actions, State: r.State, Calls: resp.Calls}, nil
}

// Ask asks the person a question, in one call after the same prefix as a turn. The
// schema of a question must describe an object. A free answer is asked for as
// {"answer":"…"}, since the replies before it, all JSON, would draw some models into
// a JSON of their own; plain words are an answer as well. One that says nothing is an
// [llm.ErrInvalid], a refusal an [llm.ErrFiltered].
func (m *Mind) Ask(ctx context.Context, p *tinytroupe.Perception, q tinytroupe.Question) (*tinytroupe.Answer, error) {
	req, _, err := m.request(p, "ask", "Question: "+q.Text, q.Images)
	if err != nil {
		return nil, err
	}
	if q.Schema != nil {
		req.Schema = &llm.Schema{Name: "answer", Body: q.Schema}
		v, resp, err := llm.Ask[json.RawMessage](ctx, m.model, req)
		if err != nil {
			return nil, err
		}
		return &tinytroupe.Answer{Value: v, Calls: resp.Calls}, nil
	}
	req.Schema = m.answer
	resp, err := m.model.Generate(ctx, req)
	switch {
	case err != nil:
		return nil, err
	case resp == nil:
		return nil, errors.New("the model returned neither an answer nor an error")
	case resp.Finish == llm.FinishLength:
		return nil, llm.ErrTruncated
	case resp.Finish == llm.FinishFilter:
		return nil, llm.ErrFiltered
	}
	a := &tinytroupe.Answer{Text: spoken(resp.Text)}
	if a.Text == "" {
		return nil, &llm.InvalidError{Reason: "the answer is empty", Raw: resp.Text}
	}
	if resp.Call != "" {
		a.Calls = []string{resp.Call}
	}
	return a, nil
}

// Consolidate asks the model for a memory of old and of the earlier summary, in
// one call after the same prefix as a turn. Its memos are of the kind
// consolidated, as of the last event in old.
func (m *Mind) Consolidate(ctx context.Context, p *tinytroupe.Perception, old []tinytroupe.Event) (*tinytroupe.Consolidation, error) {
	if len(old) == 0 {
		return nil, errors.New("there is nothing to consolidate")
	}
	a, err := m.acts(p.Acts)
	if err != nil {
		return nil, err
	}
	text, err := m.text("consolidate.tmpl", consolidateData{p.Summary != "", m.opts.Summary, mostMemos})
	if err != nil {
		return nil, err
	}
	now := old[len(old)-1].Time
	w := m.history(p, old)
	if len(w.lines) > 0 {
		w.kept(now)
		w.end(llm.User)
	}
	w.text = append(w.text, text...)
	w.end(llm.User)
	if w.err != nil {
		return nil, w.err
	}
	req := m.settings(p, "consolidate", a, w.finish())
	req.Schema = m.memory
	r, resp, err := llm.Ask[consolidation](ctx, m.model, req)
	if err != nil {
		return nil, err
	}
	c := &tinytroupe.Consolidation{Summary: strings.TrimSpace(r.Summary), Calls: resp.Calls}
	if c.Summary == "" {
		return nil, &llm.InvalidError{Reason: "the summary is empty", Raw: resp.Text}
	}
	for _, memo := range r.Memos {
		if memo = strings.TrimSpace(memo); memo != "" {
			c.Memos = append(c.Memos, tinytroupe.Memo{Kind: "consolidated", Time: now, Content: memo})
		}
	}
	return c, nil
}

// image returns an image as a part of a message.
func (m *Mind) image(img tinytroupe.Image) (llm.Part, error) {
	if m.opts.Images == nil {
		return llm.Part{}, fmt.Errorf("image %s: this mind was given no way to see images", img.Hash)
	}
	mediaType, data, err := m.opts.Images(img.Hash)
	if err != nil {
		return llm.Part{}, fmt.Errorf("image %s: %w", img.Hash, err)
	}
	if mediaType == "" {
		mediaType = img.MediaType
	}
	return llm.Part{Image: &llm.Image{MediaType: mediaType, Data: data}}, nil
}

// spoken returns a free answer: the member answer of an object, or the one text that it
// is; what a reply in the form of a turn says aloud; or all of the text, where that is no
// object; without reasoning before it. It is empty where nothing is said.
func spoken(text string) string {
	for _, end := range []string{"</think>", "</thinking>", "</reasoning>"} {
		if i := strings.LastIndex(text, end); i >= 0 {
			text = text[i+len(end):]
		}
	}
	text = strings.TrimSpace(text)
	var r struct {
		Answer json.RawMessage
		reply
	}
	// The object may stand in a fence, or between sentences.
	object, err := llm.Object(text)
	if err == nil {
		err = json.Unmarshal(object, &r)
	}
	bare := bare(text)
	switch {
	case err != nil && (object != nil && bare || strings.HasPrefix(text, `{"`)):
		return "" // what should be words is something else
	case err != nil, r.Answer == nil && !bare:
		return text
	case r.Answer != nil:
		var answer string
		_ = json.Unmarshal(r.Answer, &answer) // what is no text says nothing
		return strings.TrimSpace(answer)
	}
	var said []string
	for _, a := range r.Actions {
		kind := strings.ToUpper(strings.TrimSpace(string(a.Kind)))
		if kind == string(tinytroupe.Talk) && strings.TrimSpace(a.Content) != "" {
			said = append(said, a.Content)
		}
	}
	var members map[string]string
	if json.Unmarshal(object, &members) == nil && len(members) == 1 {
		said = slices.Collect(maps.Values(members))
	}
	return strings.TrimSpace(strings.Join(said, "\n"))
}

// bare reports whether a text is an object and nothing else, in a fence or without.
func bare(text string) bool {
	if fenced, ok := strings.CutPrefix(text, "```"); ok {
		_, fenced, _ = strings.Cut(fenced, "\n") // the language
		text, ok = strings.CutSuffix(fenced, "```")
		if text = strings.TrimSpace(text); !ok || strings.Contains(text, "```") {
			return false
		}
	}
	return strings.HasPrefix(text, "{") && strings.HasSuffix(text, "}")
}
