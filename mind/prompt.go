package mind

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// mostCached bounds what is kept of rendered system prompts, and of acts. When
// more are needed, all are made anew.
const mostCached = 4096

// acts is what depends on the acts a person can do: the first part of the system
// prompt, and the schema of the reply.
type acts struct {
	head   string
	schema *llm.Schema
}

// system is a rendered system prompt and the persona in it.
type system struct {
	persona tinytroupe.Persona
	text    string
}

type systemKey struct {
	name string
	acts *acts
}

// acts returns what belongs to specs, made once.
func (m *Mind) acts(specs []tinytroupe.ActSpec) (*acts, error) {
	var k []byte
	for i := range specs {
		s := &specs[i]
		for _, f := range [...]string{string(s.Kind), s.Faculty, s.Purpose, string(s.Schema)} {
			k = append(strconv.AppendInt(k, int64(len(f)), 10), ' ')
			k = append(k, f...)
		}
		k = strconv.AppendBool(k, s.Yields)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if a := m.actsOf[string(k)]; a != nil {
		return a, nil
	}
	content := m.opts.Content
	if content == 0 {
		content = plainContent
		if slices.ContainsFunc(specs, func(s tinytroupe.ActSpec) bool { return len(s.Schema) > 0 }) {
			content = documentContent
		}
	}
	var head []string
	for _, t := range []struct {
		name string
		data any
	}{
		{"rules.tmpl", rulesData{m.opts.Actions, !m.opts.NoHarmfulText, !m.opts.NoCopyrightText}},
		{"acts.tmpl", newActsData(specs, content)},
		{"persona.tmpl", struct{}{}},
	} {
		text, err := m.text(t.name, t.data)
		if err != nil {
			return nil, err
		}
		head = append(head, text)
	}
	a := &acts{
		head:   strings.Join(head, "\n\n") + "\n\n# Who you are\n",
		schema: &llm.Schema{Name: "turn", Body: replySchema(specs, m.opts.Actions, content)},
	}
	if len(m.actsOf) >= mostCached {
		clear(m.actsOf)
	}
	m.actsOf[string(k)] = a
	return a, nil
}

// system returns the system prompt of a person.
func (m *Mind) system(p *tinytroupe.Persona, a *acts) string {
	key := systemKey{p.Name(), a}
	m.mu.Lock()
	defer m.mu.Unlock()
	// People who share a name take turns in the cache; the persona tells them apart.
	if s, ok := m.systems[key]; ok && s.persona.Equal(*p) {
		return s.text
	}
	if len(m.systems) >= mostCached {
		clear(m.systems)
	}
	s := system{*p, a.head + string(p.JSON())}
	m.systems[key] = s
	return s.text
}

// request returns the request whose last message ends in closing, and then images;
// and what belongs to the acts of the person.
func (m *Mind) request(p *tinytroupe.Perception, purpose, closing string, images []tinytroupe.Image) (*llm.Request, *acts, error) {
	a, err := m.acts(p.Acts)
	if err != nil {
		return nil, nil, err
	}
	w := m.history(p, p.Episode)
	for i := range p.Stimuli {
		w.perceive(&p.Stimuli[i])
	}
	state := &p.State
	for i := range p.Draft {
		e := &p.Draft[i]
		if w.event(e, p.Situation.Now); e.Kind == tinytroupe.EventState {
			state = nil // the draft has a newer one
		}
	}
	w.endReply(nil)
	w.kept(p.Situation.Now)
	w.text = appendTail(w.text, p, state, w.state, closing)
	if len(images) > 0 {
		var parts []llm.Part
		for _, img := range images {
			parts = append(parts, w.image(img))
		}
		w.add(parts)
	}
	w.end(llm.User)
	if w.err != nil {
		return nil, nil, w.err
	}
	return m.settings(p, purpose, a, w.finish()), a, nil
}

// history returns a writer that has written what is over. What was written for the
// same person before is kept, so that a turn costs what is new in it.
func (m *Mind) history(p *tinytroupe.Perception, episode []tinytroupe.Event) *writer {
	key := lifeKey{p.World, p.Persona.Name()}
	m.mu.Lock()
	old := m.lives[key]
	m.mu.Unlock()
	w, from := old.resume(p.Summary, episode)
	if w == nil {
		w, from = m.begin(p, episode), 0
	}
	if from == len(episode) {
		w.endReply(nil)
		return w
	}
	for i := from; i < len(episode); i++ {
		w.event(&episode[i], episode[i].Time)
	}
	if w.err != nil { // which may pass: an image that could not be read now
		return w
	}
	kept := &life{summary: p.Summary, first: content(&episode[0]), last: content(&episode[len(episode)-1]), events: len(episode), writer: w.clip()}
	m.mu.Lock()
	if len(m.lives) >= mostLives {
		clear(m.lives)
	}
	m.lives[key] = kept
	m.mu.Unlock()
	w.endReply(nil)
	return w
}

// begin returns a writer with room for an episode.
func (m *Mind) begin(p *tinytroupe.Perception, episode []tinytroupe.Event) *writer {
	w := &writer{name: p.Persona.Name(), show: m.image, messages: make([]llm.Message, 0, len(episode)+2)}
	if p.Summary != "" {
		w.text = append(append(w.text, "Earlier, in short: "...), p.Summary...)
		w.end(llm.User)
	}
	return w
}

// settings returns a request with the settings of the mind.
func (m *Mind) settings(p *tinytroupe.Perception, purpose string, a *acts, msgs []llm.Message) *llm.Request {
	return &llm.Request{
		System: m.system(&p.Persona, a), Messages: msgs,
		Temperature: m.opts.Temperature, MaxTokens: m.opts.MaxTokens, Effort: m.opts.Effort, Draw: m.opts.Draw,
		Label: llm.Label{World: p.World, Step: p.Step, Person: p.Persona.Name(), Purpose: purpose},
	}
}
