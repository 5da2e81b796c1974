package extract

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"

	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// Bounds keep small models, which may run on for ever, to a reply that fits.
const (
	mostText  = 1000 // characters in a text
	mostQuote = 400  // characters in a quotation
)

// plainKey is what every provider takes as the name of a member.
var plainKey = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// keys are the members of a reply for questions or fields: their names where providers
// take them, else their numbers, told apart from names that look like one.
func keys(prefix string, qs []Question) []string {
	out := make([]string, len(qs))
	for i := range qs {
		if plainKey.MatchString(qs[i].ID) {
			out[i] = qs[i].ID
		}
	}
	for i := range out {
		if out[i] != "" {
			continue
		}
		k := prefix + strconv.Itoa(i+1)
		for slices.Contains(out, k) {
			k += "_"
		}
		out[i] = k
	}
	return out
}

// object writes a JSON schema of a closed object, in order.
type object struct {
	members  []byte
	required []byte
}

func (o *object) add(key string, schema []byte) {
	if len(o.members) > 0 {
		o.members, o.required = append(o.members, ','), append(o.required, ',')
	}
	k := rawjson.Of(key)
	o.members = append(append(append(o.members, k...), ':'), schema...)
	o.required = append(o.required, k...)
}

func (o *object) bytes() []byte {
	b := append([]byte(`{"type":"object","properties":{`), o.members...)
	b = append(append(b, `},"required":[`...), o.required...)
	return append(b, `],"additionalProperties":false}`...)
}

func textSchema(most int) []byte {
	return append(strconv.AppendInt([]byte(`{"type":"string","maxLength":`), int64(most), 10), '}')
}

// valueSchema is the schema of a value, or null. What it does not say (each option
// once, all of them) is checked in code, value by value, so that one wrong value does
// not cost the others.
func (q *Question) valueSchema() []byte {
	enum := func() []byte { return rawjson.Of(q.Options) }
	list := func() []byte {
		b := strconv.AppendInt([]byte(`{"type":["array","null"],"maxItems":`), int64(len(q.Options)), 10)
		return append(append(append(b, `,"items":{"type":"string","enum":`...), enum()...), "}}"...)
	}
	switch q.kind() {
	case YesNo:
		return []byte(`{"type":["boolean","null"]}`)
	case Scale, Number:
		b := []byte(`{"type":["number","null"]`)
		if q.Type == Scale {
			b = []byte(`{"type":["integer","null"]`)
		}
		if q.Type == Scale || q.Lo != 0 || q.Hi != 0 {
			b = append(append(b, `,"minimum":`...), rawjson.Of(q.Lo)...)
			b = append(append(b, `,"maximum":`...), rawjson.Of(q.Hi)...)
		}
		return append(b, '}')
	case OneOf:
		b := append([]byte(`{"type":["string","null"],"enum":`), enum()...)
		return append(b[:len(b)-1], `,null]}`...)
	case SomeOf, Rank:
		return list()
	}
	return append(strconv.AppendInt([]byte(`{"type":["string","null"],"maxLength":`), mostText, 10), '}')
}

const outcomeSchema = `{"type":"string","enum":["answered","absent","refused"]}`

// foundSchema is what an extractor says of one value. The quotation comes first: a
// value is read off it.
func (q *Question) foundSchema() []byte {
	var o object
	o.add("quote", textSchema(mostQuote))
	o.add("event", []byte(`{"type":"integer","minimum":0}`))
	o.add("outcome", []byte(outcomeSchema))
	o.add("value", q.valueSchema())
	return o.bytes()
}

// saidSchema is what a person says to one question: in their own words, and as a
// value. A free text is both.
func (q *Question) saidSchema() []byte {
	var o object
	if q.kind() != Text {
		o.add("said", textSchema(mostQuote))
	}
	o.add("outcome", []byte(outcomeSchema))
	o.add("value", q.valueSchema())
	return o.bytes()
}

// schema is the schema of a reply to several questions, by an extractor or, asked, by
// a person.
func schema(qs []Question, asked bool) (*llm.Schema, error) {
	name, leaf := "found", (*Question).foundSchema
	if asked {
		name, leaf = "answers", (*Question).saidSchema
	}
	var root object
	for i, k := range keys("q", qs) {
		q := &qs[i]
		if !q.compound() {
			root.add(k, leaf(q))
			continue
		}
		var item object
		for j, k := range keys("f", q.Fields) {
			item.add(k, leaf(&q.Fields[j]))
		}
		if q.Type == Fields {
			root.add(k, item.bytes())
			continue
		}
		var list object
		b := strconv.AppendInt([]byte(`{"type":"array","maxItems":`), int64(q.most()), 10)
		list.add("items", append(append(append(b, `,"items":`...), item.bytes()...), '}'))
		list.add("outcome", []byte(outcomeSchema))
		if !asked {
			list.add("quote", textSchema(mostQuote))
			list.add("event", []byte(`{"type":"integer","minimum":0}`))
		}
		root.add(k, list.bytes())
	}
	return llm.NewSchema(name, root.bytes())
}

func (q *Question) most() int {
	if q.Most > 0 {
		return q.Most
	}
	return mostItems
}

// found is one value as an extractor gives it; said as a person does.
type found struct {
	Quote   string          `json:"quote"`
	Said    string          `json:"said"`
	Event   float64         `json:"event"`
	Outcome Outcome         `json:"outcome"`
	Value   json.RawMessage `json:"value"`
}

type foundList struct {
	Items []map[string]json.RawMessage `json:"items"`
	found
}

func (f *found) event() int {
	if f.Event > 0 && f.Event < 1<<31 {
		return int(f.Event)
	}
	return 0
}
