package people

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
)

// Kinds of the memos that Parse makes. Those of what a person knew have the kind that
// the file gives them, such as consolidated.
const (
	Experience   = "experience"   // perceived or done, in the first person
	Fact         = "fact"         // known, where the file gives no kind
	Acquaintance = "acquaintance" // what somebody within reach is to the person
)

// Parse reads one agent file: TinyTroupe's, or the persona alone. Of the state that
// TinyTroupe may have saved beside the persona it takes
//
//   - from mental_state: location, context, goals, attention and emotions, and whom the
//     person could reach, with an Acquaintance for each whose relation is described;
//   - from episodic_memory: an Experience for each thing perceived or done, those of
//     the unfinished episode last; where there is no mental_state, its last
//     cognitive_state too;
//   - from semantic_memory: each of its memories, without the heading that TinyTroupe
//     puts over them;
//   - from mental_faculties: their names.
//
// What else the file holds is named in one warning, unless it is empty. An error is a
// *tinytroupe.PersonaError; file is for it and the warning alone.
func Parse(file string, data []byte) (Saved, error) {
	p, beside, err := tinytroupe.ParsePersona(file, data)
	if err != nil {
		return Saved{}, err
	}
	s := Saved{File: file, Persona: p}
	if len(beside) == 0 {
		return s, nil // the persona alone
	}
	root, err := ordered.Parse(data)
	if err != nil {
		return Saved{}, err // it was read before
	}
	r := &reader{file: file, data: data}
	for _, f := range root.Fields {
		switch f.Name {
		case "type", "persona":
		case "mental_state":
			r.mentalState(f.Value, &s)
		case "episodic_memory":
			r.episodes(f.Value, p.Name())
		case "semantic_memory":
			r.knowledge(f.Value)
		case "mental_faculties":
			r.faculties(f.Value, &s)
		default:
			r.unread(f.Name, f.Value)
		}
	}
	if r.err != nil {
		return Saved{}, r.err
	}
	if v, _ := root.Field("mental_state"); v.Kind == ordered.Null && r.last.Kind == ordered.Object {
		s.State = state(r.last)
	} else if v.Kind != ordered.Null {
		r.unread("episodic_memory (cognitive_state of acts)", r.last) // the state of now says more
	}
	// Experiences come first, whatever the order of the file.
	s.Memos = slices.Concat(r.lived, r.known, r.related)
	s.Warnings = warning(file, r.ignored)
	return s, nil
}

// warning names what was not read.
func warning(file string, ignored []string) []string {
	if len(ignored) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("%s: not used: %s", file, strings.Join(ignored, ", "))}
}

// reader reads the state in a file. The first thing that has not the shape it must
// have is its error.
type reader struct {
	file string
	data []byte

	lived, known, related []tinytroupe.Memo

	last    ordered.Value // cognitive_state of the last act that has one
	ignored []string      // paths
	err     error
}

// is reports whether v, at path, is of the kind; what is null is not, without an error.
func (r *reader) is(kind ordered.Kind, v ordered.Value, path string) bool {
	if v.Kind != kind && v.Kind != ordered.Null && r.err == nil {
		line, column := ordered.Position(string(r.data), v.Pos)
		r.err = &tinytroupe.PersonaError{File: r.file, Line: line, Column: column, Path: path, Problem: fmt.Sprintf("expected %s, found %s", kind, v.Kind)}
	}
	return v.Kind == kind
}

// unread notes that what is at path is lost, unless it is nothing.
func (r *reader) unread(path string, v ordered.Value) {
	if !empty(v) && !slices.Contains(r.ignored, path) {
		r.ignored = append(r.ignored, path)
	}
}

func empty(v ordered.Value) bool {
	return v.Text == "" && len(v.Items) == 0 && len(v.Fields) == 0 || v.Text == "0" || v.Text == "false"
}

// others notes the fields of v that are none of the names. A class tag is no loss.
func (r *reader) others(path string, v ordered.Value, names ...string) {
	for _, f := range v.Fields {
		if f.Name != "type" && !slices.Contains(names, f.Name) {
			r.unread(path+"."+f.Name, f.Value)
		}
	}
}

func (r *reader) mentalState(v ordered.Value, s *Saved) {
	if !r.is(ordered.Object, v, "mental_state") {
		return
	}
	s.State = state(v)
	s.Place = words(field(v, "location"))
	s.Context = list(field(v, "context"))
	r.reach(field(v, "accessible_agents"), s)
	r.others("mental_state", v, "location", "context", "goals", "attention", "emotions", "accessible_agents")
}

// reach reads whom the person could reach.
func (r *reader) reach(v ordered.Value, s *Saved) {
	const at = "mental_state.accessible_agents"
	if !r.is(ordered.Array, v, at) {
		return
	}
	for _, it := range v.Items {
		name, relation := words(it), ""
		if it.Kind == ordered.Object {
			name, relation = words(field(it, "name")), words(field(it, "relation_description"))
		}
		switch {
		case name == "":
			r.unread(at, it)
			continue
		case !slices.Contains(s.Near, name):
			s.Near = append(s.Near, name)
		}
		if relation != "" {
			r.related = append(r.related, tinytroupe.Memo{Kind: Acquaintance, Content: name + ": " + relation})
		}
	}
}

func state(v ordered.Value) tinytroupe.MentalState {
	return tinytroupe.MentalState{
		Goals: words(field(v, "goals")), Attention: words(field(v, "attention")), Emotions: words(field(v, "emotions")),
	}
}

func (r *reader) episodes(v ordered.Value, name string) {
	const at = "episodic_memory"
	if !r.is(ordered.Object, v, at) {
		return
	}
	for _, part := range []string{"memory", "episodic_buffer"} {
		items, path := field(v, part), at+"."+part
		if !r.is(ordered.Array, items, path) {
			continue
		}
		for _, ev := range items.Items {
			r.event(path, ev, name)
		}
	}
	r.others(at, v, "memory", "episodic_buffer")
}

// event reads one event of an episode. Its "type" is that of the event, and no class
// tag.
func (r *reader) event(path string, ev ordered.Value, name string) {
	content, when := field(ev, "content"), r.time(path, ev)
	add := func(source, text string) {
		if text != "" {
			r.lived = append(r.lived, tinytroupe.Memo{Kind: Experience, Time: when, Source: source, Content: text})
		}
	}
	switch field(ev, "type").Text {
	case "stimulus":
		if st := field(content, "stimuli"); len(st.Items) > 0 {
			for _, it := range st.Items {
				source := words(field(it, "source"))
				add(source, perceived(name, field(it, "type").Text, source, words(field(it, "content"))))
			}
			return
		}
	case "action":
		acts := field(content, "actions").Items
		if a := field(content, "action"); a.Kind == ordered.Object {
			acts = []ordered.Value{a}
		}
		if st := field(content, "cognitive_state"); st.Kind == ordered.Object && !empty(st) {
			r.last = st
		}
		if len(acts) > 0 {
			for _, a := range acts {
				add(name, done(field(a, "type").Text, words(field(a, "target")), words(field(a, "content"))))
			}
			return
		}
	case "feedback": // notes of the engine about form
		r.unread(path+" (feedback)", content)
		return
	}
	if text := words(content); text != "" {
		add("", text)
	} else {
		r.unread(path, ev)
	}
}

// perceived tells what was perceived as the person called name would.
func perceived(name, kind, source, content string) string {
	if source == name {
		source = ""
	}
	switch {
	case content == "":
		return ""
	case kind == string(tinytroupe.Conversation) && source != "":
		return source + " said: " + content
	case kind == string(tinytroupe.Conversation):
		return "I heard: " + content
	case kind == string(tinytroupe.Visual):
		return "I saw: " + content
	case kind == string(tinytroupe.Thought):
		return "I thought: " + content
	case kind == string(tinytroupe.Goal):
		return "I set myself a goal: " + content
	}
	return "I noticed: " + content
}

// done tells what was done. Waiting is nothing to remember.
func done(kind, target, content string) string {
	switch tinytroupe.ActionKind(kind) {
	case tinytroupe.Done:
		return ""
	case tinytroupe.Talk:
		return join("I said", " to ", target) + ": " + content
	case tinytroupe.Think:
		return "I thought: " + content
	case tinytroupe.ReachOut:
		return join(join("I reached out", " to ", target), ": ", content)
	}
	return join(join("I did "+kind, " to ", target), ": ", content)
}

func join(a, sep, b string) string {
	if b == "" {
		return a
	}
	return a + sep + b
}

// heading is what TinyTroupe puts over a memory: what kind it is, and when it was.
var heading = regexp.MustCompile(`\A# [A-Z][A-Za-z ]*\nI have [a-z ]+ at date and time [^\n]*:\n\n ?`)

func (r *reader) knowledge(v ordered.Value) {
	const at = "semantic_memory"
	if !r.is(ordered.Object, v, at) {
		return
	}
	if items := field(v, "memories"); r.is(ordered.Array, items, at+".memories") {
		for _, it := range items.Items {
			m := tinytroupe.Memo{Kind: Fact, Content: words(it)}
			if it.Kind == ordered.Object {
				if kind := words(field(it, "type")); kind != "" {
					m.Kind = kind
				}
				m.Time = r.time(at+".memories", it)
				m.Content = words(field(it, "content"))
			}
			m.Content = heading.ReplaceAllString(m.Content, "")
			if m.Content == "" {
				r.unread(at+".memories", it)
				continue
			}
			r.known = append(r.known, m)
		}
	}
	r.others(at, v, "memories")
}

func (r *reader) faculties(v ordered.Value, s *Saved) {
	if !r.is(ordered.Array, v, "mental_faculties") {
		return
	}
	for _, it := range v.Items {
		name := words(it)
		if it.Kind == ordered.Object {
			if name = words(field(it, "name")); name == "" {
				name = words(field(it, "type"))
			}
		}
		if name == "" {
			r.unread("mental_faculties", it)
			continue
		}
		s.Faculties = append(s.Faculties, name)
	}
	if len(s.Faculties) > 0 {
		r.ignored = append(r.ignored, "mental_faculties ("+strings.Join(s.Faculties, ", ")+"), which the program must give")
	}
}

// time reads when something was; simulated times have no zone, and are taken for UTC.
func (r *reader) time(path string, v ordered.Value) time.Time {
	text := field(v, "simulation_timestamp")
	if text.Kind == ordered.Null {
		return time.Time{}
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", time.RFC3339, "2006-01-02 15:04:05", "2006-01-02 15:04"} {
		if t, err := time.Parse(layout, text.Text); err == nil {
			return t.UTC()
		}
	}
	r.unread(path+" (simulation_timestamp)", text)
	return time.Time{}
}

// field returns the member called name, null where there is none.
func field(v ordered.Value, name string) ordered.Value {
	m, _ := v.Field(name)
	return m
}

// words reads a text. Lists are joined; an object that holds nothing but a
// description is that, any other is its JSON.
func words(v ordered.Value) string {
	switch v.Kind {
	case ordered.Array:
		return strings.Join(list(v), "; ")
	case ordered.Object:
		if len(v.Fields) == 1 && v.Fields[0].Name == "description" {
			return words(v.Fields[0].Value)
		}
		if len(v.Fields) == 0 {
			return ""
		}
		return string(v.Append(nil))
	}
	return strings.TrimSpace(v.Text)
}

// list reads texts, of which there may be one alone. Empty ones are left out.
func list(v ordered.Value) []string {
	items := v.Items
	if v.Kind != ordered.Array {
		items = []ordered.Value{v}
	}
	var texts []string
	for _, it := range items {
		if text := words(it); text != "" {
			texts = append(texts, text)
		}
	}
	return texts
}
