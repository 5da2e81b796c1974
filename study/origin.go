package study

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/extract"
)

// How answers come to be, as a mistake says it.
const (
	asked     = "asked"
	extracted = "extracted"
	coded     = "coded"
	checked   = "checked"

	ofCheck = "it is a check" // why nobody can be selected by its verdicts
)

// origin is where the answers of a name come from.
type origin struct {
	how  string
	at   place
	none string // why nobody can be selected by them; empty where people can
	of   reach  // who may have given them
}

// reach is who may have answered, by name; nil is anybody.
type reach map[string]bool

// asks notes whom a step may ask.
func (d *decoder) asks(a Ask, to Who) {
	for _, q := range a.Questions {
		o := d.origins[q.Form.ID]
		if o.of == nil {
			continue // the name has answers of another kind, a mistake already
		}
		for _, p := range d.present() {
			if may, _ := to.may(p); may {
				o.of[p.Name()] = true
			}
		}
	}
}

// found notes what later steps can count, or reports that its name has answers of another
// kind already: a table of both would count some as what they are not.
func (d *decoder) found(n *node, q extract.Question, how, none string) {
	i := slices.IndexFunc(d.forms, func(x extract.Question) bool { return x.ID == q.ID })
	if i < 0 {
		o := origin{how: how, at: n.at, none: none}
		switch {
		case how == asked:
			o.of = reach{}
		case how == coded:
			o.of = d.origin(strings.TrimSuffix(q.ID, ".code")).of
		}
		d.note(q, o)
		return
	}
	was := d.origins[q.ID]
	hint := map[string]string{
		asked: "Give the question another name.", extracted: "Give these answers another name: as: …",
		coded: "Code once, after all of its answers are there.", checked: "Give it another name: name: …",
	}[how]
	switch {
	case how == checked:
		d.bad.add(n.at, []string{hint}, "there is something called %s already", q.ID)
	case how != asked || was.how != asked:
		d.bad.add(n.at, []string{hint}, "%s is %s already, on line %d", q.ID, was.how, was.at.line)
	case countsAs(d.forms[i], q):
	case was.at == n.at:
		d.bad.add(n.at, []string{"They could not be counted together: ask a question for each item, without the loop."}, "%s has other possible answers for each item", q.ID)
	default:
		d.bad.add(n.at, []string{hint}, "%s has other possible answers here than on line %d", q.ID, was.at.line)
	}
}

// note takes a question among those whose answers there are.
func (d *decoder) note(q extract.Question, o origin) {
	if q.Type == extract.ListOf && o.none == "" {
		o.none = "each person may have several"
	}
	d.forms = append(d.forms, q)
	d.origins[q.ID] = o
}

// again notes the answers of a step that was read before.
func (d *decoder) again(x *Step) {
	switch do := x.Do.(type) {
	case Ask:
		for _, q := range do.Questions {
			if _, again := d.origins[q.Form.ID]; !again {
				d.note(q.Form, origin{how: asked, of: reach{}})
			}
		}
		d.asks(do, x.To)
	case Extract:
		d.note(do.Question.Form, origin{how: extracted, none: do.Per.none()})
	case Code:
		from := d.origin(do.Name)
		d.note(do.form(), origin{how: coded, none: from.none, of: from.of})
	case Check:
		d.note(do.form(), origin{how: checked, none: ofCheck})
	case Set:
		for _, v := range do.Values {
			d.edits = appendNew(d.edits, v.Path)
		}
	}
}

// none says why nobody can be selected by answers that are looked for so; empty where
// people can.
func (p Per) none() string {
	if p == PerPerson {
		return ""
	}
	return "it is of each " + string(p)
}

// none says it of the answers of a name.
func (d *decoder) none(name string) string { return d.origin(name).none }

// origin says where the answers of a name come from, if there are any.
func (d *decoder) origin(name string) origin {
	for i := range d.forms {
		for _, q := range d.forms[i].Leaves() {
			if q.ID == name {
				return d.origins[d.forms[i].ID]
			}
		}
	}
	return origin{}
}

// countsAs reports whether answers to both questions can stand in one table: they may
// differ in their words.
func countsAs(a, b extract.Question) bool {
	plain := func(q extract.Question) extract.Question {
		q.Ask, q.Find, q.Labels = "", "", nil
		q.Fields = slices.Clone(q.Fields)
		for i := range q.Fields {
			q.Fields[i].Find, q.Fields[i].Labels = "", nil
		}
		return q
	}
	return reflect.DeepEqual(plain(a), plain(b))
}

// answer returns what somebody will have answered under a name, if people can be selected
// by it.
func (d *decoder) answer(name string) (extract.Question, bool) {
	q, ok := extract.Leaf(d.forms, name)
	return q, ok && d.none(name) == ""
}

// likeRange is what may have been meant for a range.
var likeRange = regexp.MustCompile(`^[\d.\s-]*\.\.[\d.\s-]*\d[\d.\s-]*$|^[\d.\s-]*\d[\d.\s-]*\.\.[\d.\s-]*$`)

// answerable reports whether an answer to q can be selected by a value.
func answerable(q extract.Question, want string) bool {
	switch q.Type {
	case extract.YesNo:
		return fits(want, "yes") || fits(want, "no")
	case extract.OneOf, extract.SomeOf, extract.Rank:
		return len(q.Options) == 0 || slices.ContainsFunc(q.Options, func(o string) bool { return fits(want, o) })
	case extract.Scale, extract.Number:
		lo, hi, ok := parseRange(want)
		if !ok {
			n, err := strconv.ParseFloat(want, 64)
			if err != nil || !number.MatchString(want) {
				return false
			}
			lo, hi = n, n
		}
		if q.Type == extract.Scale {
			lo, hi = math.Ceil(lo), math.Floor(hi)
		} else if q.Lo == 0 && q.Hi == 0 { // without bounds
			return true
		}
		return lo <= hi && hi >= q.Lo && lo <= q.Hi
	}
	return true
}

// answerHints says which answers there are to q.
func answerHints(q extract.Question, want string) []string {
	switch q.Type {
	case extract.YesNo:
		return known("answers", want, []string{"yes", "no"})
	case extract.Scale, extract.Number:
		if q.Lo == 0 && q.Hi == 0 {
			return []string{"It is answered by a number."}
		}
		return []string{fmt.Sprintf("It is answered by a number, %s.", extract.Band{Lo: q.Lo, Hi: q.Hi})}
	}
	return known("answers", want, q.Options)
}
