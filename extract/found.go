package extract

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// reply reads what a model replied, value by value.
type reply struct {
	r *Respondent
	// words takes the words behind a value, or a refusal, into the answer. Where they do
	// not hold it makes the answer invalid and returns false.
	words func(a *Answer, f *found) bool
}

// question reads what the reply says about q, whose options stand as they were shown.
func (p reply) question(q, written *Question, raw json.RawMessage) []Answer {
	switch q.Type {
	case Fields:
		var item map[string]json.RawMessage
		if err := json.Unmarshal(raw, &item); err != nil {
			return blank(q, p.r, Invalid, "the reply has no fields")
		}
		return p.item(q, written, 0, item)
	case ListOf:
		var list foundList
		if err := json.Unmarshal(raw, &list); err != nil {
			return blank(q, p.r, Invalid, "the reply has no list")
		}
		var out []Answer
		seen := map[string]bool{}
		for _, raw := range list.Items {
			item := p.item(q, written, len(seen)+1, raw)
			if k := sameItem(item); !seen[k] {
				seen[k] = true
				out = append(out, item...)
			}
		}
		if len(out) > 0 {
			return out
		}
		out = blank(q, p.r, Absent, "there is none")
		for n := range out {
			if list.Outcome == Refused && p.words(&out[n], &list.found) {
				out[n].Outcome, out[n].Reason = Refused, ""
			}
		}
		return out
	}
	a := blank(q, p.r, Invalid, "")[0]
	p.value(&a, q, written, raw)
	return []Answer{a}
}

// sameItem is equal for items of one reply that say the same in the same words: a model
// that repeats itself has found nothing more.
func sameItem(item []Answer) string {
	var b strings.Builder
	for _, a := range item {
		fmt.Fprintf(&b, "%q %q %q", a.Outcome, foldText(a.Value.String()), a.Reason)
		for _, e := range a.Evidence {
			fmt.Fprintf(&b, " %q %d", e.Quote, e.Event)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (p reply) item(q, written *Question, n int, item map[string]json.RawMessage) []Answer {
	out := blank(q, p.r, Invalid, "")
	for i, k := range keys("f", q.Fields) {
		out[i].Item = n
		p.value(&out[i], &q.Fields[i], &written.Fields[i], item[k])
	}
	return out
}

// value reads one value into a, which is invalid unless everything about it holds.
func (p reply) value(a *Answer, q, written *Question, raw json.RawMessage) {
	var f found
	if err := json.Unmarshal(raw, &f); err != nil || f.Outcome == "" {
		a.Reason = "the reply has no such value"
		return
	}
	switch f.Outcome {
	case Absent:
		a.Outcome = Absent
	case Refused:
		if p.words(a, &f) {
			a.Outcome = Refused
		}
	case Answered:
		v, err := q.read(f.Value)
		if err != nil {
			a.Reason = err.Error()
		} else if p.words(a, &f) {
			a.settle(q, written, v)
		}
	default:
		a.Reason = fmt.Sprintf("outcome %q is not known", clip(string(f.Outcome), 100))
	}
}

// quote looks the quotation up in what the model was shown, or makes the answer invalid.
// Evidence has the number of its line, unique in all that is read: see [reading.located].
func (r *reading) quote(shown *transcript.Evidence, a *Answer, f *found) bool {
	if f.Quote == "" {
		a.Outcome, a.Reason = Invalid, "there is no quotation"
		return false
	}
	names := []string{r.s.Person}
	if r.s.Person == "" {
		names = r.speakers(shown)
		// Where the numbered event is somebody's who counts, theirs is tried first.
		if l := shown.Line(f.event()); l != nil && r.own(l) {
			names = append([]string{l.Who}, names...)
		}
	}
	for _, name := range names {
		if q, ok := shown.Quote(f.Quote, name, f.event()); ok {
			a.Evidence = []Evidence{{Quote: q.Text, Who: q.Line.Who, Room: q.Line.Room, Event: q.Line.Number}}
			return true
		}
	}
	a.Outcome, a.Reason = Invalid, fmt.Sprintf("nobody asked about said %q", clip(f.Quote, 100))
	if r.s.Person != "" {
		a.Reason = fmt.Sprintf("%s did not say %q", r.s.Person, clip(f.Quote, 100))
	}
	return false
}

// speakers are whose words count, in the order in which they first act.
func (r *reading) speakers(shown *transcript.Evidence) []string {
	var names []string
	for i := range shown.Lines {
		if l := &shown.Lines[i]; r.own(l) && !slices.Contains(names, l.Who) {
			names = append(names, l.Who)
		}
	}
	return names
}
