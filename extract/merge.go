package extract

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// merge makes one answer of those that the parts of a transcript gave. Where they say
// the same, or only one says something, that is it; among several values the model
// chooses by number, so that it cannot add one.
func (r *reading) merge(ctx context.Context, parts [][]Answer) ([]Answer, error) {
	groups := make([][][]Answer, len(r.qs)) // by question: the candidates, each an answer or an item
	var out []Answer
	var open []int
	merged := make([][]Answer, len(r.qs))
	for i := range r.qs {
		var mine []Answer
		for _, p := range parts {
			for _, a := range p {
				if a.Question == r.qs[i].ID {
					mine = append(mine, a)
				}
			}
		}
		merged[i], groups[i] = r.combine(&r.qs[i], mine)
		if len(groups[i]) > 1 {
			open = append(open, i)
		}
	}
	if len(open) > 0 {
		if err := r.choose(ctx, open, groups, merged); err != nil {
			return nil, err
		}
	}
	for i := range merged {
		out = append(out, merged[i]...)
	}
	return out, nil
}

// combine returns the answers that need no choice, or else the candidates.
func (r *reading) combine(q *Question, all []Answer) ([]Answer, [][]Answer) {
	for _, a := range all {
		if a.Outcome == Failed { // what it would have said might have changed everything
			return withCalls(blank(q, &r.s.Respondent, Failed, "a part of the transcript: "+a.Reason), all), nil
		}
	}
	if q.Type == ListOf {
		items := itemsOf(all)
		switch len(items) {
		case 0:
			return r.none(q, all), nil
		case 1:
			return numbered(items), nil
		}
		return numbered(items), items
	}
	// The fields of one question are chosen together only where it has one; else each by itself.
	var out []Answer
	var several [][]Answer
	for _, p := range q.parts() {
		var mine, answered []Answer
		for _, a := range all {
			if a.Field != p.ID {
				continue
			}
			mine = append(mine, a)
			if a.Outcome == Answered {
				answered = append(answered, a)
			}
		}
		answered = lastWords(answered)
		switch len(answered) {
		case 0:
			out = append(out, best(mine))
		case 1:
			out = append(out, answered[0])
		default:
			out = append(out, answered[len(answered)-1])
			for _, a := range answered {
				several = append(several, []Answer{a})
			}
		}
	}
	return out, several
}

// lastWords puts answers in the order in which their words were said, and keeps of those
// with equal values the last: who goes back to what they said first has said it last.
func lastWords(answers []Answer) []Answer {
	slices.SortStableFunc(answers, func(a, b Answer) int { return a.Evidence[0].Event - b.Evidence[0].Event })
	var out []Answer
	for i, a := range answers {
		if !slices.ContainsFunc(answers[i+1:], func(b Answer) bool { return b.Value.String() == a.Value.String() }) {
			out = append(out, a)
		}
	}
	return out
}

// best is the answer to report where none of several has a value: an invalid one may
// have hidden one, a refusal is more than silence.
func best(answers []Answer) Answer {
	for _, o := range []Outcome{Invalid, Refused} {
		for _, a := range answers {
			if a.Outcome == o {
				return a
			}
		}
	}
	return answers[0]
}

func (r *reading) none(q *Question, all []Answer) []Answer {
	var out []Answer
	for _, p := range q.Fields {
		var mine []Answer
		for _, a := range all {
			if a.Field == p.ID {
				mine = append(mine, a)
			}
		}
		out = append(out, best(mine))
	}
	return out
}

// itemsOf groups the answers of lists by item, without those that say the same as an
// earlier one.
func itemsOf(all []Answer) [][]Answer {
	var items [][]Answer
	seen := map[string]bool{}
	for i := 0; i < len(all); {
		if all[i].Item == 0 {
			i++
			continue
		}
		j := i + 1
		for j < len(all) && all[j].Item == all[i].Item && all[j].Field != all[i].Field {
			j++
		}
		same := ""
		for _, a := range all[i:j] {
			same += string(a.Outcome) + "\x00" + foldText(a.Value.String()) + "\x00"
		}
		if !seen[same] {
			items = append(items, slices.Clone(all[i:j]))
		}
		seen[same] = true
		i = j
	}
	return items
}

// numbered flattens items and numbers them anew.
func numbered(items [][]Answer) []Answer {
	var out []Answer
	for n, item := range items {
		for _, a := range item {
			a.Item = n + 1
			out = append(out, a)
		}
	}
	return out
}

func withCalls(answers, from []Answer) []Answer {
	var calls []string
	for _, a := range from {
		for _, c := range a.Calls {
			if !slices.Contains(calls, c) {
				calls = append(calls, c)
			}
		}
	}
	for i := range answers {
		answers[i].Calls = calls
	}
	return answers
}

// also adds calls to those behind answers.
func also(answers []Answer, calls []string) []Answer {
	for i := range answers {
		answers[i].Calls = slices.Concat(answers[i].Calls, calls)
	}
	return answers
}

// choose asks the model which of the candidates hold. A field is chosen by itself, a
// list item by item. A choice that cannot be read leaves the question invalid.
func (r *reading) choose(ctx context.Context, open []int, groups [][][]Answer, merged [][]Answer) error {
	type choice struct {
		q     int // of r.qs
		field string
		among [][]Answer
	}
	var choices []choice
	for _, i := range open {
		if r.qs[i].Type == ListOf {
			choices = append(choices, choice{i, "", groups[i]})
			continue
		}
		for _, p := range r.qs[i].parts() {
			var among [][]Answer
			for _, c := range groups[i] {
				if c[0].Field == p.ID {
					among = append(among, c)
				}
			}
			if len(among) > 1 {
				choices = append(choices, choice{i, p.ID, among})
			}
		}
	}
	var root object
	var data mergeData
	for n, c := range choices {
		q := &r.qs[c.q]
		k, size := "c"+strconv.Itoa(n+1), strconv.Itoa(len(c.among))
		number := `{"type":"integer","minimum":1,"maximum":` + size + `}`
		var o object
		if q.Type == ListOf {
			o.add("keep", []byte(`{"type":"array","maxItems":`+size+`,"items":`+number+`}`))
		} else {
			o.add("pick", []byte(number))
		}
		root.add(k, o.bytes())
		d := mergeQuestion{Key: k, Text: q.find(), List: q.Type == ListOf, Found: candidates(c.among, r.s.Person == "")}
		for _, f := range q.Fields {
			if d.List || f.ID == c.field {
				d.Fields = append(d.Fields, mergeField{f.ID, f.find()})
			}
		}
		data.Questions = append(data.Questions, d)
	}
	s, err := llm.NewSchema("choice", root.bytes())
	if err != nil {
		return err
	}
	text, err := r.x.templates.Text("merge.tmpl", data)
	if err != nil {
		return err
	}
	raw, resp, err := llm.Ask[map[string]struct {
		Pick float64
		Keep []float64
	}](ctx, r.x.model, r.x.ask(&llm.Request{
		Messages: []llm.Message{llm.Text(llm.User, text)}, Schema: s, Draw: r.draw,
		Label: llm.Label{World: r.s.Room, Person: r.s.Person, Purpose: "extract"},
	}))
	if drain.Ended(ctx, err) || llm.Hopeless(err) {
		return err
	}
	var calls []string
	if resp != nil {
		calls = resp.Calls
	}
	for n, c := range choices {
		q := &r.qs[c.q]
		if err != nil {
			outcome, reason := ended(err)
			all := blank(q, &r.s.Respondent, outcome, "choosing among the parts: "+reason)
			for _, a := range all {
				if q.Type == ListOf {
					merged[c.q] = also(withCalls(all, slices.Concat(c.among...)), calls)
					break
				}
				if a.Field == c.field {
					r.put(merged[c.q], a, c.among, calls)
				}
			}
			continue
		}
		got := raw["c"+strconv.Itoa(n+1)]
		if q.Type == ListOf {
			var kept [][]Answer
			for i := range c.among {
				if slices.Contains(got.Keep, float64(i+1)) {
					kept = append(kept, c.among[i])
				}
			}
			if len(kept) == 0 { // findings are not undone by leaving out all of them
				kept = c.among
			}
			merged[c.q] = also(numbered(kept), calls)
			continue
		}
		if i := int(got.Pick) - 1; i >= 0 && i < len(c.among) {
			r.put(merged[c.q], c.among[i][0], c.among, calls)
		}
	}
	return nil
}

// put puts an answer in the place of its field, with the calls of all candidates.
func (r *reading) put(answers []Answer, a Answer, among [][]Answer, calls []string) {
	for i := range answers {
		if answers[i].Field == a.Field {
			answers[i] = also(withCalls([]Answer{a}, slices.Concat(among...)), calls)[0]
		}
	}
}

// candidates writes findings for the model, one a line, with the room where rooms have
// names, and with who said it where that is not always the same.
func candidates(among [][]Answer, who bool) string {
	var b []byte
	for n, c := range among {
		b = strconv.AppendInt(append(b, `{"number":`...), int64(n+1), 10)
		for _, a := range c {
			name := a.Field
			if name == "" {
				name = "value"
			}
			var v json.RawMessage = rawjson.Of(string(a.Outcome))
			if a.Outcome == Answered {
				v = rawjson.Of(a.Value)
			}
			b = append(append(append(append(b, ','), rawjson.Of(name)...), ':'), v...)
			for _, e := range a.Evidence {
				b = append(append(b, `,"quote":`...), rawjson.Of(e.Quote)...)
				b = strconv.AppendInt(append(b, `,"event":`...), int64(e.Event), 10)
				if e.Room != "" {
					b = append(append(b, `,"room":`...), rawjson.Of(e.Room)...)
				}
				if who {
					b = append(append(b, `,"who":`...), rawjson.Of(e.Who)...)
				}
			}
		}
		b = append(b, "}\n"...)
	}
	return string(b)
}
