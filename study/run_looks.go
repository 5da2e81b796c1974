package study

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/judge"
)

// looked is what looks found, in the order of the script.
type looked struct {
	answers []given
	forms   []extract.Question // what can be counted: of looks, and of what was asked
	checks  []Checked
	tables  []*extract.Table
	twice   []extract.Agreement
	unmet   []string
}

// Checked is what came of a check.
type Checked struct {
	Name     string
	Of       []extract.Respondent // of whom each verdict is
	Verdicts []*judge.Verdict     // nil: not reached
	Expect   *float64
}

// look carries out the looks of a part. They change no room: what they find depends on
// the journals and on the replies of models alone, so that a run that is gone on with
// looks again, and pays for nothing that it was told before.
func (r *runner) look(ctx context.Context, k int) error {
	if err := r.glance(k); err != nil {
		return err
	}
	for i := range r.parts[k].steps {
		x := &r.parts[k].steps[i]
		if err := context.Cause(ctx); err != nil {
			return fmt.Errorf("%s:%d: %s: interrupted: %w", r.s.File, x.Line, x.Word(), err)
		}
		p := Progress{Verb: r.number[x], Of: r.steps, Step: *x}
		r.report(p, Began)
		text, err := r.lookAt(ctx, x.Do, k)
		if p.Text = text; err != nil {
			return fmt.Errorf("%s:%d: %s: %w", r.s.File, x.Line, x.Word(), err)
		}
		r.report(p, Ended)
		r.res.Done++
	}
	return nil
}

func (r *runner) report(p Progress, phase Phase) {
	r.tell.Lock()
	defer r.tell.Unlock()
	if p.Phase = phase; r.o.Progress != nil {
		r.o.Progress(p)
	}
}

func (r *runner) lookAt(ctx context.Context, do Verb, k int) (string, error) {
	switch do := do.(type) {
	case Extract:
		return r.extract(ctx, do, k)
	case Code:
		return r.code(ctx, do, k)
	case Tally:
		return r.tally(do)
	case Check:
		return r.check(ctx, do)
	}
	return r.export(do.(Export))
}

// seen is a room as it was at some time.
type seen struct {
	id      Room
	view    *tinytroupe.View
	answers []given
}

// glance takes the rooms as they were before a part: a run that is gone on with may
// have come further.
func (r *runner) glance(k int) error {
	r.seen = nil
	for _, rm := range r.rooms {
		last := -1
		for i, u := range rm.units {
			if u.part < k {
				last = i
			}
		}
		if last < 0 {
			continue
		}
		if last >= len(rm.ends) { // it failed before that
			last = len(rm.ends) - 1
		}
		s := &seen{id: rm.id}
		var err error
		until := rm.seq
		if k < len(r.parts) && last >= 0 {
			until = rm.ends[last]
		}
		then := sync.OnceValue(rm.then) // rarely asked for
		if s.view = rm.w.View(); until < rm.seq {
			if s.view, err = rm.at(last); err != nil {
				return err
			}
		}
		for _, a := range rm.answers {
			if a.seq <= until {
				s.answers = append(s.answers, given{a.part, a.seq, r.attributed(a, func(name string, at int) (Person, bool) { return then()(name, at) })})
			}
		}
		r.seen = append(r.seen, s)
	}
	return nil
}

// attributed returns answers with the attributes by which tables are parted now, also
// those that were not when they were given: of the people as they were then.
func (r *runner) attributed(g given, then func(name string, seq int) (Person, bool)) []extract.Answer {
	list := slices.Clone(g.list)
	for i := range list {
		a := &list[i]
		missing := slices.DeleteFunc(slices.Clone(r.s.parted), func(name string) bool { _, ok := a.Attributes[name]; return ok })
		if len(missing) == 0 {
			continue
		}
		p, ok := then(a.Person, g.seq)
		if !ok {
			continue
		}
		a.Attributes = maps.Clone(a.Attributes)
		if a.Attributes == nil {
			a.Attributes = map[string]string{}
		}
		for _, name := range missing {
			if s, ok := spelled(p, name); ok {
				a.Attributes[name] = s
			}
		}
		r.placed(&a.Respondent)
	}
	return list
}

// then returns what tells somebody of the cast as they were at an event.
func (rm *room) then() func(name string, seq int) (Person, bool) {
	people := map[string]Person{}
	for _, p := range rm.cast {
		people[p.Name()] = p
	}
	changes := map[string][]tinytroupe.Event{}
	for ev := range rm.w.Events() {
		if ev.Kind == tinytroupe.EventJoined || ev.Kind == tinytroupe.EventEdited {
			changes[ev.Who] = append(changes[ev.Who], ev)
		}
	}
	return func(name string, seq int) (Person, bool) {
		p, ok := people[name]
		for _, ev := range changes[name] {
			if ev.Seq > seq {
				break
			}
			if ev.Persona != nil {
				p.Persona = *ev.Persona
			} else if now, err := p.Persona.With(ev.Edit.Path, ev.Edit.Value); err == nil { // as the room itself did
				p.Persona = now
			}
		}
		return p, ok
	}
}

// remind sets what is known of people's answers before a part, the newest last.
func (r *runner) remind(k int) error {
	if !r.selects {
		return nil
	}
	if err := r.glance(k); err != nil {
		return err
	}
	r.told = map[string][]extract.Answer{}
	for _, a := range r.newest() {
		r.told[a.Person] = append(r.told[a.Person], a)
	}
	return nil
}

// given returns all that was answered so far, in the order of rooms, and then of looks.
func (r *runner) given() []given {
	var list []given
	for _, s := range r.seen {
		list = append(list, s.answers...)
	}
	return append(list, r.looked.answers...)
}

// all returns every answer so far, in that order.
func (r *runner) all() []extract.Answer { return flat(r.given()) }

// newest returns every answer so far in the order in which they were given, the newest
// last: by part, and within one by room.
func (r *runner) newest() []extract.Answer {
	list := r.given()
	slices.SortStableFunc(list, func(a, b given) int { return cmp.Compare(a.part, b.part) })
	return flat(list)
}

func flat(list []given) []extract.Answer {
	var all []extract.Answer
	for _, g := range list {
		all = append(all, g.list...)
	}
	return all
}

// respondent says who somebody is, in tables.
func (r *runner) respondent(p Person, rooms ...Room) extract.Respondent {
	x := extract.Respondent{Person: p.Name(), Weight: 1, Attributes: map[string]string{"group": p.Group}}
	for _, name := range append([]string{"age", "gender", "nationality", "residence", "occupation"}, append(sortedKeys(p.Assigned), r.s.parted...)...) {
		if s, ok := spelled(p, name); ok {
			x.Attributes[name] = s
		}
	}
	if len(rooms) == 1 {
		x.Scene, x.Room = rooms[0].Scene, rooms[0].Name()
	}
	r.placed(&x)
	return x
}

// spelled returns an attribute as tables are parted by it: a text, or what a map is called.
func spelled(p Person, name string) (string, bool) {
	for _, path := range []string{name, name + ".title", name + ".name", name + ".id"} {
		if s, ok := attribute(p, path); ok {
			return s, true
		}
	}
	return "", false
}

// placed adds where somebody was, where tables are parted by it.
func (r *runner) placed(x *extract.Respondent) {
	for name, value := range map[string]string{"room": x.Room, "scene": x.Scene} {
		if slices.Contains(r.s.parted, name) {
			if x.Attributes == nil {
				x.Attributes = map[string]string{}
			}
			x.Attributes[name] = value
		}
	}
}

// within returns the rooms of a scene, or all.
func (r *runner) within(scene string) []*seen {
	return slices.DeleteFunc(slices.Clone(r.seen), func(s *seen) bool { return scene != "" && s.id.Scene != scene })
}

// lived is somebody and the rooms where they were.
type lived struct {
	Person
	rooms []*seen
}

func (l *lived) ids() []Room {
	var list []Room
	for _, s := range l.rooms {
		list = append(list, s.id)
	}
	return list
}

// who returns the people who were in rooms, without staff, as they were then.
func (r *runner) who(rooms []*seen) []lived {
	var list []lived
	for _, p := range r.s.everybody() {
		if p.Staff {
			continue
		}
		l := lived{Person: p}
		for _, s := range rooms {
			if now := s.view.Persona(p.Name()); !now.IsZero() {
				l.Persona, l.rooms = now, append(l.rooms, s)
			}
		}
		if len(l.rooms) > 0 {
			list = append(list, l)
		}
	}
	return list
}

func (r *runner) extract(ctx context.Context, do Extract, k int) (string, error) {
	if r.o.Extract == nil {
		return "", errors.New("there is no model that extracts")
	}
	x, err := extract.New(r.o.Extract, &extract.Options{
		Objective: r.s.About, Situation: r.s.Title, Seed: r.s.Seed, Tokens: r.o.Tokens, Parallel: r.o.Parallel,
		MaxTokens: r.o.Tokens, // who writes more than there was to read has lost their way
		Double:    do.Double,
	})
	if err != nil {
		return "", err
	}
	rooms := r.within(do.From)
	var subjects []extract.Subject
	switch do.Per {
	case PerPerson:
		for _, p := range r.who(rooms) {
			subjects = append(subjects, extract.Subject{Respondent: r.respondent(p.Person, p.ids()...), Journals: journals(p.rooms)})
		}
	case PerRoom:
		for _, rm := range rooms {
			s := extract.Subject{Respondent: extract.Respondent{Scene: rm.id.Scene, Room: rm.id.Name()}, Speakers: r.speakers(rm), Journals: journals([]*seen{rm})}
			r.placed(&s.Respondent)
			subjects = append(subjects, s)
		}
	default:
		subjects = append(subjects, extract.Subject{Speakers: r.speakers(rooms...), Journals: journals(rooms)})
	}
	res, err := x.Extract(ctx, []extract.Question{do.Question.Form}, subjects)
	if res == nil {
		return "", err
	}
	r.form(do.Question.Form)
	return res.Base().String() + "\n" + r.agree(res.Agreement), r.find(ctx, k, res.Answers, err)
}

// agree keeps how far two codings agree, and says it in lines.
func (r *runner) agree(list []extract.Agreement) string {
	r.looked.twice = append(r.looked.twice, list...)
	var b strings.Builder
	for _, a := range list {
		fmt.Fprintf(&b, "twice %v\n", a)
	}
	return b.String()
}

func journals(rooms []*seen) []extract.Journal {
	var list []extract.Journal
	for _, s := range rooms {
		list = append(list, extract.Journal{Room: s.id.Name(), Events: s.view.Events()})
	}
	return list
}

// speakers are the people in rooms without staff; nil, which stands for everybody,
// where there is nobody else.
func (r *runner) speakers(rooms ...*seen) []string {
	var names []string
	for _, p := range r.who(rooms) {
		names = append(names, p.Name())
	}
	return names
}

// form notes what can be counted; a name that comes again stands for the newest.
func (r *runner) form(q extract.Question) {
	if i := slices.IndexFunc(r.looked.forms, func(x extract.Question) bool { return x.ID == q.ID }); i >= 0 {
		r.looked.forms[i] = q
		return
	}
	r.looked.forms = append(r.looked.forms, q)
}

// asks notes a question that is asked, in the words in which it is: those of a loop, with
// … for where the items differ.
func (r *runner) asks(q Question) {
	form := q.Form
	form.Ask = q.Text.general()
	if i := slices.IndexFunc(r.looked.forms, func(x extract.Question) bool { return x.ID == form.ID }); i >= 0 {
		old := &r.looked.forms[i]
		form.Ask = blended(old.Ask, form.Ask)
		if !slices.Equal(old.Labels, form.Labels) {
			form.Labels = nil // labels of several items are labels of none
		}
	}
	r.form(form)
}

// leaf returns what a name stands for.
func (r *runner) leaf(name string) (extract.Question, error) {
	q, ok := extract.Leaf(r.looked.forms, name)
	if !ok {
		return q, fmt.Errorf("nobody was asked %s", name)
	}
	return q, nil
}

func (r *runner) code(ctx context.Context, do Code, k int) (string, error) {
	q, err := r.leaf(do.Name)
	if err != nil {
		return "", err
	}
	o := extract.CodeOptions{Codes: do.Codes, Most: do.Most, Multi: do.Multi, Double: do.Double}
	var c *extract.Coding
	if worded(do.Codes) {
		c, err = extract.CodeByWords(q, r.newest(), &o)
	} else if r.o.Extract == nil {
		return "", errors.New("there is no model that sorts")
	} else {
		x, e := extract.New(r.o.Extract, &extract.Options{Objective: r.s.About, Situation: r.s.Title, Seed: r.s.Seed, Parallel: r.o.Parallel})
		if e != nil {
			return "", e
		}
		c, err = x.Code(ctx, q, r.newest(), &o)
	}
	if c == nil {
		return "", err
	}
	r.form(c.Question)
	err = r.find(ctx, k, c.Answers, err)
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d codes\n", extract.Count(c.Answers), len(c.Codes))
	for _, x := range c.Codes {
		fmt.Fprintf(&b, "%s: %s\n", x.Name, x.Text)
	}
	b.WriteString(r.agree(c.Agreement))
	if err := r.keep("results/"+file(do.Name)+".codes.json", c.Codes); err != nil {
		return "", err
	}
	return b.String(), err
}

// file makes a file name of the name of what was asked.
func file(name string) string { return strings.ReplaceAll(folder(name), " ", "-") }

// keep writes a result as JSON.
func (r *runner) keep(name string, v any) error {
	if r.o.Results == nil {
		return nil
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	return r.o.Results(name, b.Bytes())
}

func (r *runner) tally(do Tally) (string, error) {
	var b strings.Builder
	answers := r.parted(do.By)
	for i, name := range do.Names {
		q, err := r.leaf(name)
		if err != nil {
			return "", err
		}
		t, err := extract.Tally(q, answers, &extract.TallyOptions{By: do.By, Rehearsal: r.o.Rehearsal, Also: answers})
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		r.looked.tables = append(r.looked.tables, t)
		if err := t.WriteText(&b, nil); err != nil {
			return "", err
		}
		if r.o.Results == nil {
			continue
		}
		as := "results/" + do.files[i]
		var csv bytes.Buffer
		if err := t.WriteCSV(&csv); err != nil {
			return "", err
		}
		if err := errors.Join(r.o.Results(as+".csv", csv.Bytes()), r.keep(as+".json", t)); err != nil {
			return "", err
		}
	}
	return b.String(), nil
}
