package study

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
)

// mostSteps is how many steps a script may have, those of loops counted for each item.
const mostSteps = 100_000

func (d *decoder) script(root *node) {
	n := root.get("script")
	switch {
	case n == nil:
		d.bad.add(place{src: d.src}, []string{"Such as script: [{say: Hello!}, {run: 2}]."}, "a study needs a script")
		return
	case n.kind != listNode || len(n.items) == 0:
		d.bad.add(n.at, []string{"Each begins with a dash: - run: 2"}, "expected a list of steps, found %s", n.describe())
		return
	}
	d.edits = sets(n)
	d.names = map[string]place{}
	d.study.Script = d.stepsOf(n)
}

// stepsOf reads steps.
func (d *decoder) stepsOf(n *node) []Step {
	var list []Step
	for _, it := range n.items {
		if s, ok := d.step(it); ok {
			list = append(list, s)
		}
	}
	return list
}

// sets returns the attributes that steps among these, or within them, set.
func sets(n *node) []string {
	var list []string
	for _, it := range n.items {
		if set := it.get("set"); set != nil {
			list = append(list, "") // also where it is no map
			for _, f := range set.fields {
				list = append(list, f.key.text)
			}
		}
		if do := it.get("do"); do != nil {
			list = append(list, sets(do)...)
		}
	}
	return list
}

// edited reports whether the script sets attributes, so that who has which is not known.
func (d *decoder) edited() bool { return len(d.edits) > 0 }

// had reports whether somebody has an attribute, or may: where not all people are known, or
// the script sets it or what it is in.
func (d *decoder) had(name string) bool {
	first, _, _ := strings.Cut(name, ".")
	return d.partial || slices.ContainsFunc(d.edits, func(path string) bool { return path == first || strings.HasPrefix(path, first+".") }) ||
		slices.ContainsFunc(d.study.everybody(), func(p Person) bool { return p.Get(name) != nil })
}

// verbOf finds the one verb of a step.
func (d *decoder) verbOf(n *node) (verb, field, bool) {
	all := make([]word, len(verbs))
	for i, v := range verbs {
		all[i] = v.word
	}
	if n.kind != mapNode || len(n.fields) == 0 {
		d.bad.add(n.at, knownWords("verbs", n.text, all), "expected a step such as run: 2, found %s", n.describe())
		return verb{}, field{}, false
	}
	var found []field
	var v verb
	for _, f := range n.fields {
		if i := slices.IndexFunc(all, func(w word) bool { return w.name == f.key.text }); i >= 0 {
			if len(found) == 0 {
				v = verbs[i]
			}
			found = append(found, f)
		}
	}
	switch {
	case len(found) == 1:
		return v, found[0], true
	case len(found) == 0:
		f := n.fields[0]
		d.bad.add(f.key.at, knownWords("verbs", f.key.text, all), "there is no verb %q", f.key.text)
		return verb{}, field{}, false
	}
	d.bad.add(found[1].key.at, []string{"Each begins with a dash of its own."}, "%s and %s: a step has one verb", found[0].key.text, found[1].key.text)
	return verb{}, field{}, false
}

func (d *decoder) step(n *node) (Step, bool) {
	v, f, ok := d.verbOf(n)
	// Who a step is for is checked even where the step itself cannot be: all mistakes
	// are told at once.
	if to := n.get("to"); to != nil && (!ok || v.later) {
		d.checkNames(d.who(to))
	}
	if !ok {
		return Step{}, false
	}
	before := len(d.bad.list)
	allowed := append([]word{v.word}, v.with...)
	for _, x := range n.fields {
		switch w, ok := find(allowed, x.key.text); {
		case !ok:
			hints := knownWords("with "+v.name, x.key.text, v.with)
			if n.flow && x.value.kind == nullNode {
				hints = append(hints, "Inside {…} a text with a comma needs quotes.")
			}
			d.bad.add(x.key.at, hints, "%s has no modifier %q", v.name, x.key.text)
		case w.name == v.name && v.later:
			d.notYet(x.key, v.word)
		}
	}
	if d.steps++; d.steps == mostSteps {
		d.bad.add(f.key.at, nil, "the script has more than %d steps", mostSteps)
	}
	if v.later || d.steps >= mostSteps {
		return Step{}, false
	}
	s := Step{Line: f.key.at.line}
	var texts []Text
	switch v.name {
	case "scene":
		s.Do = d.sceneOf(n, f.value)
	case "for":
		s.Do = d.loop(n, f.value)
	case "introduce", "join", "leave":
		s.To = d.who(f.value)
		s.Do = map[string]Verb{"introduce": Introduce{}, "join": Join{}, "leave": Leave{}}[v.name]
		if by := s.To.answers(); v.name == "join" && len(by) > 0 {
			d.bad.add(by[0].at, []string{"Who joins is not there from the start, which is settled before anybody answers. Who is in a scene may be settled by answers."}, "people do not join by what they answer")
		}
	case "ask":
		s.To = d.who(n.get("to"))
		ask := d.ask(f.value, n)
		for _, q := range ask.Questions {
			texts = append(texts, q.Text)
		}
		s.Do = ask
		d.askable(s.To, f.value)
		d.asks(ask, s.To)
	case "extract":
		s.Do = d.extract(f.value, n)
	case "code":
		s.Do = d.code(f.value, n)
	case "tally":
		s.Do = d.tally(f.value, n)
	case "check":
		c := d.check(f.value, n)
		s.Do, texts = c, []Text{c.Claim}
	case "export":
		s.Do = d.export(f.value, n)
	default:
		s.To = d.who(n.get("to"))
		s.Do, texts = d.verb(v.name, f.value)
		if set, ok := s.Do.(Set); ok && len(d.bad.list) == before {
			d.settable(set, s.To, f.value)
		}
	}
	d.checkWho(s.To, len(d.bad.list) == before)
	for _, t := range texts {
		d.checkText(t, s.To)
	}
	if len(d.bad.list) > before {
		return Step{}, false
	}
	s.Hash = s.hash()
	d.study.look(s, d.looks)
	if _, scene := s.Do.(Scene); !scene {
		if by := s.lookedBy(d.looks); len(by) > 0 {
			s.Hash = hashOf(s.Hash, by)
		}
	}
	return s, true
}

// verb reads the value of a verb, and returns the texts in it.
func (d *decoder) verb(name string, n *node) (Verb, []Text) {
	switch name {
	case "run":
		return d.run(n), nil
	case "skip":
		return Skip{d.duration(n)}, nil
	case "set":
		return d.set(n), nil
	case "context":
		items := n.list()
		texts := make([]Text, len(items))
		for i, it := range items {
			texts[i], _ = d.text(it)
		}
		return Context{texts}, texts
	case "show":
		if n.get("image") != nil {
			s := d.image(n)
			return s, []Text{s.Text}
		}
	}
	t, _ := d.text(n)
	texts := []Text{t}
	switch name {
	case "say":
		return Say{t}, texts
	case "show":
		return Show{Text: t}, texts
	case "goal":
		return Goal{t}, texts
	case "think":
		return Think{t}, texts
	}
	return Move{t}, texts
}

// run reads a number of steps, a duration, or {steps, until}.
func (d *decoder) run(n *node) Run {
	if n.kind != mapNode {
		return Run{Steps: d.length(n)}
	}
	var r Run
	d.words(n, "run", []word{{name: "steps"}, {name: "until"}})
	if v := n.get("until"); v != nil {
		r.Until = d.until(v)
	}
	v := n.get("steps")
	if v == nil {
		d.bad.add(n.at, nil, "run needs steps")
		return r
	}
	r.Steps = d.length(v)
	return r
}

// until reads what ends a run.
func (d *decoder) until(n *node) *Until {
	if n.kind != mapNode {
		d.bad.add(n.at, []string{"Such as until: {said: thank you, by: lisa}."}, "expected a map, found %s", n.describe())
		return nil
	}
	d.words(n, "until", untilWords)
	u := &Until{}
	v := n.get("said")
	if v == nil {
		if n.get("claim") == nil {
			d.bad.add(n.at, nil, "until needs said: a regular expression")
		}
		return u
	}
	u.Said, u.By = d.pattern(v), d.by(n)
	u.re, _ = regexp.Compile(u.Said)
	return u
}

// pattern reads a regular expression.
func (d *decoder) pattern(n *node) string {
	before := len(d.bad.list)
	text := d.line(n)
	if _, err := regexp.Compile(text); err != nil && len(d.bad.list) == before {
		problem := err.Error()
		if e, ok := errors.AsType[*syntax.Error](err); ok {
			problem = fmt.Sprintf("%s: %s", e.Code, e.Expr)
		}
		d.bad.add(n.at, []string{"(?i) at its beginning lets letter case count for nothing."}, "this is no regular expression: %s", problem)
	}
	return text
}

// by reads who must say it; nil is anybody.
func (d *decoder) by(n *node) *Who {
	v := n.get("by")
	if v == nil {
		return nil
	}
	before := len(d.bad.list)
	by := d.who(v)
	d.checkWho(by, len(d.bad.list) == before)
	return &by
}

// length reads a number of steps, or a duration.
func (d *decoder) length(n *node) int {
	s := d.scalar(n)
	if isDuration(s) {
		length, step := d.duration(n), d.study.World.Step
		if step <= 0 {
			return 0 // a mistake already
		}
		steps := int((length + step - 1) / step)
		if steps > 1_000_000 {
			d.bad.add(n.at, nil, "%s are %d steps of %s: too many", s, steps, step)
		}
		return steps
	}
	c, ok := parseCount(s)
	if !ok {
		d.bad.add(n.at, []string{"Or a duration, such as 2h."}, "%s, found %s", aCount, n.found(s))
	}
	return c
}

func (d *decoder) set(n *node) Set {
	if n.kind != mapNode || len(n.fields) == 0 {
		d.bad.add(n.at, []string{"Such as set: {mood: cheerful}."}, "expected a map of attributes, found %s", n.describe())
		return Set{}
	}
	var s Set
	for _, f := range n.fields {
		if f.key.text == "name" {
			d.bad.add(f.key.at, nil, "names do not change")
			continue
		}
		s.Values = append(s.Values, Setting{f.key.text, json.RawMessage(d.json(f.value))})
	}
	return s
}

// settable reports what cannot be set of somebody as the steps so far leave them.
func (d *decoder) settable(set Set, to Who, n *node) {
	for i, f := range n.fields {
		v := set.Values[i]
		if _, err := tinytroupe.NewPersona("x").With(v.Path, v.Value); err != nil {
			d.bad.add(f.key.at, nil, "%v", err)
			return
		}
		for _, p := range d.present() {
			name := p.Name()
			if was, changed := d.now[name]; changed && was.IsZero() {
				continue
			} else if changed {
				p.Persona = was
			}
			may, must := to.may(p)
			if !may {
				continue
			}
			now, err := p.Persona.With(v.Path, v.Value)
			if err != nil {
				d.bad.add(f.key.at, nil, "%s: %v", name, err)
				return
			}
			if !must || !d.sure(p) {
				now = tinytroupe.Persona{}
			}
			d.now[name] = now
		}
	}
}

func (d *decoder) image(n *node) Show {
	var s Show
	for _, f := range n.fields {
		switch f.key.text {
		case "text":
			s.Text, _ = d.text(f.value)
		case "image":
			data, src, ok := d.file(f.value)
			if !ok {
				continue
			}
			kind := http.DetectContentType(data)
			if !strings.HasPrefix(kind, "image/") {
				d.bad.add(f.value.at, nil, "%s is not an image: it looks like %s", src.name, kind)
			}
			sum := sha256.Sum256(data)
			s.Image = &Image{d.files.index(d.scalar(f.value)), kind, hex.EncodeToString(sum[:])}
		default:
			d.bad.add(f.key.at, known("keys", f.key.text, []string{"image", "text"}), "what is shown has no key %q", f.key.text)
		}
	}
	return s
}

// checkText reports attributes that a text needs and somebody it is for lacks.
func (d *decoder) checkText(t Text, to Who) {
	if d.partial || d.edited() {
		return
	}
	for _, x := range t.parts {
		if x.ref != nil && x.ref[0] == "person" {
			d.checkRef(x, to)
		}
	}
}

func (d *decoder) checkRef(x part, to Who) {
	name := strings.Join(x.ref[1:], ".")
	for _, p := range d.present() {
		if _, ok := attribute(p, name); ok {
			continue
		}
		if may, _ := to.may(p); !may {
			continue
		}
		if p.Get(name) != nil {
			d.bad.add(x.at(), nil, "%s of %s is more than a text", name, p.Name())
		} else {
			d.bad.add(x.at(), known("attributes", name, p.attributes()), "%s has no %q", p.Name(), name)
		}
		return
	}
}

// look notes what identifies a step that looks for answers, by what these are called: also
// what else of the study its model is told, and which model that is; and of codes what was
// coded.
func (s *Study) look(x Step, looks map[string]string) {
	form, ok := looksFor(x.Do)
	if !ok {
		return
	}
	hash := x.Hash
	switch code, ok := x.Do.(Code); {
	case !ok:
		hash = hashOf(hash, s.About, s.Title, s.Models.Extract)
	case worded(code.Codes): // without a model
		hash = hashOf(hash, looks[code.Name])
	default:
		hash = hashOf(hash, looks[code.Name], s.About, s.Models.Extract)
	}
	for _, q := range form.Leaves() {
		looks[q.ID] = hash
	}
}

// lookedBy identifies the looks by whose findings a step selects: it does something else
// where they look for something else.
func (s Step) lookedBy(looks map[string]string) []string {
	var list []string
	for _, who := range s.whos() {
		for _, c := range who.answers() {
			if hash := looks[c.Attribute]; hash != "" {
				list = appendNew(list, hash)
			}
		}
	}
	return list
}

// hash identifies what a step means, all texts filled in.
func (s Step) hash() string { return hashOf(s.Word(), s.Do, s.To) }

// hashOf identifies values that encode as JSON, as all that a step holds do.
func hashOf(values ...any) string {
	b, err := json.Marshal(values)
	if err != nil {
		panic(fmt.Sprintf("study: hash: %v", err))
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}
