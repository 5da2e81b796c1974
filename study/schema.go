package study

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The words of a study file. Each has its meaning, its JSON schema, and whether it
// is for a later version: such words are known, and refused as not available yet.
type word struct {
	name   string
	doc    string
	schema string
	later  bool
}

// names returns the words themselves.
func names(words []word) []string {
	list := make([]string, len(words))
	for i, w := range words {
		list[i] = w.name
	}
	return list
}

// available returns the words that are not for a later version.
func available(words []word) []string {
	var list []string
	for _, w := range words {
		if !w.later {
			list = append(list, w.name)
		}
	}
	return list
}

func find(words []word, name string) (word, bool) {
	for _, w := range words {
		if w.name == name {
			return w, true
		}
	}
	return word{}, false
}

const (
	refText     = `{"$ref":"#/$defs/text"}`
	refWho      = `{"$ref":"#/$defs/who"}`
	refDuration = `{"$ref":"#/$defs/duration"}`
	refScalar   = `{"$ref":"#/$defs/scalar"}`
	refSteps    = `{"$ref":"#/$defs/steps"}`
	anything    = `true`
	limit       = `{"anyOf":[{"type":"integer","minimum":1},{"type":"string"}]}`
	notYet      = `{"description":"(Not available yet.)"}`
	yesNo       = `{"$ref":"#/$defs/bool"}`
	whole       = `{"anyOf":[{"type":"integer","minimum":0},{"type":"string"}]}`
)

var studyWords = []word{
	{"title", "What the study is called.", refText, false},
	{"about", "What it is for, in a sentence or two.", refText, false},
	{"language", "The language that people speak, where their own files do not say.", refScalar, false},
	{"careful", "How much the people's words are checked before they are said.", anything, true},
	{"seed", "Decides all that is left to chance. 1 where it is left out.", whole, false},
	{"model", "PROVIDER/NAME, or one for each purpose: act, write, extract, judge; those left out are as act. So far only act is called.",
		`{"anyOf":[{"type":"string"},{"type":"object","properties":{"act":{"type":"string"},"write":{"type":"string"},"extract":{"type":"string"},"judge":{"type":"string"}},"additionalProperties":false}]}`, false},
	{"budget", "The most that a run may cost: US dollars, or {usd, calls, tokens}.",
		`{"anyOf":[{"type":"number","exclusiveMinimum":0},{"type":"string"},{"type":"object","properties":{"usd":{"type":["number","string"],"exclusiveMinimum":0},"calls":` + limit + `,"tokens":` + limit + `},"additionalProperties":false}]}`, false},
	{"vars", "Names for texts, lists and tables: ${x}, ${x.y}. A run may set others: --set x=v.", `{"type":"object"}`, false},
	{"people", "Who takes part. Each key names a group.", `{"type":"object","minProperties":1,"additionalProperties":{"$ref":"#/$defs/group"}}`, false},
	{"world", "Where and when it happens.", `{"$ref":"#/$defs/world"}`, false},
	{"questions", "Questions that the script asks, or answers that it looks for.", anything, true},
	{"interventions", "What happens when a condition holds.", anything, true},
	{"script", "What happens, step by step.", refSteps, false},
	{"arms", "Reserved for experiments; to vary a study now, run it with --set.", anything, true},
	{"repeats", "Reserved for experiments; to repeat a study now, run it with another --seed.", anything, true},
}

var groupWords = []word{
	{"file", "A person's file, relative to the study.", refScalar, false},
	{"persona", "A person, written out. Without a name they are called as the group.", `{"type":"object"}`, false},
	{"sample", "A population to draw from.", anything, true},
	{"make", "A sentence that says whom to make up.", anything, true},
	{"lines", "A file with a description a line, each made into a person.", anything, true},
	{"from", "A people.jsonl, or a CSV of respondents.", anything, true},
	{"human", "A person at the terminal.", anything, true},
	{"http", "A chatbot to be tested.", anything, true},
	{"fragments", "A fragment's file, or several, that are added to the person.", `{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]}`, false},
	{"count", "How many. 1 where it is left out.", whole, false},
	{"where", "Which of them.", anything, true},
	{"quota", "How many of which.", anything, true},
	{"documents", "Files that they can consult.", anything, true},
	{"tools", "Tools that they can use.", anything, true},
	{"careful", "How much their words are checked before they are said.", anything, true},
	{"assign", "Attributes dealt out among them.", anything, true},
	{"staff", "Takes part in a conversation, but is asked and counted only where named.", anything, true},
}

// sources are the group words of which a group has exactly one.
var sources = []string{"file", "persona", "sample", "make", "lines", "from", "human", "http"}

func availableSources() []string {
	return slices.DeleteFunc(available(groupWords), func(w string) bool { return !slices.Contains(sources, w) })
}

var worldWords = []word{
	{"name", "What the place is called. The study's title where it is left out.", refScalar, false},
	{"starts", `When it begins: "2026-03-02 19:00", or a date alone.`, `{"type":"string"}`, false},
	{"step", "Simulated time that a step takes. 5m where it is left out.", refDuration, false},
	{"turns", "Within a step: in turn (each hears those before), together, or shuffled. In turn where it is left out.", oneOf("in turn", "together", "shuffled"), false},
	{"acquainted", "Everybody is within everybody's reach from the start. True where it is left out.", yesNo, false},
	{"idle", "People with nothing new to react to act all the same, or pass: act where it is left out.", oneOf("act", "pass"), false},
	{"untargeted", "Who hears speech without a target: everyone or nobody. Everyone where it is left out.", oneOf("everyone", "nobody"), false},
	{"rooms", "How people are spread over rooms. All are in one; each, {of: 8} and {by: attribute} are not available yet.",
		`{"anyOf":[{"const":"all"},{"description":"(Not available yet.)","const":"each"},{"type":"object","properties":{"of":` + notYet + `,"by":` + notYet + `},"minProperties":1,"additionalProperties":false}]}`, false},
	{"network", "A file of relations.", anything, true},
}

var to = word{"to", "Who: everyone where it is left out, a person, a group, a list of them, or {attribute: value, list or lo..hi, not: who}.", refWho, false}

// A verb is a word that a step has exactly one of, with its modifiers.
type verb struct {
	word
	with []word
}

var verbs = []verb{
	{word{"say", "Let people hear this. Said to everyone it is a broadcast.", refText, false}, []word{to}},
	{word{"show", "Let people see this: a description, or {image, text}.",
		`{"anyOf":[` + refText + `,{"type":"object","properties":{"image":{"type":"string"},"text":` + refText + `},"required":["image"],"additionalProperties":false}]}`, false}, []word{to}},
	{word{"goal", "Give people a goal.", refText, false}, []word{to}},
	{word{"think", "Put a thought into people's minds.", refText, false}, []word{to}},
	{word{"context", "Change what surrounds people: a text or a list of them.", `{"anyOf":[` + refText + `,{"type":"array","items":` + refText + `}]}`, false}, []word{to}},
	{word{"move", "Move people to a place.", refText, false}, []word{to}},
	{word{"introduce", "Bring people within each other's reach.", refWho, false}, nil},
	{word{"join", "Let people come in. Who joins before ever leaving is not there from the start.", refWho, false}, nil},
	{word{"leave", "Let people go.", refWho, false}, nil},
	{word{"set", "Change attributes of people.", `{"type":"object","minProperties":1}`, false}, []word{to}},
	{word{"run", "Let people act: a number of steps, a duration, or {steps}.",
		`{"anyOf":[{"type":"integer","minimum":1},{"type":"string"},{"type":"object","properties":{"steps":{"type":["integer","string"]},"until":` + notYet + `},"required":["steps"],"additionalProperties":false}]}`, false}, nil},
	{word{"skip", "Let time pass. Nobody acts.", refDuration, false}, nil},
	{word{"scene", "A part with rooms of its own.", anything, true}, laters("rooms", "who", "with", "fresh", "do")},
	{word{"for", "Once for each item of a list.", anything, true}, laters("order", "do")},
	{word{"ask", "Ask people questions.", anything, true}, laters("to", "remember")},
	{word{"extract", "Look for answers in what happened.", anything, true}, laters("from", "per", "as")},
	{word{"code", "Sort free answers into themes.", anything, true}, laters("codes", "multi")},
	{word{"tally", "Count answers.", anything, true}, laters("by")},
	{word{"check", "Judge whether a claim holds.", anything, true}, laters("name", "per", "score", "draws", "expect")},
	{word{"export", "Write results to a file.", anything, true}, laters("format", "path")},
	{word{"story", "Tell what happened, or go on telling.", anything, true}, laters("requirements", "words", "twist", "broadcast")},
	{word{"report", "Write a report.", anything, true}, nil},
}

func laters(names ...string) []word {
	list := make([]word, len(names))
	for i, n := range names {
		list[i] = word{name: n, schema: anything, later: true}
	}
	return list
}

func oneOf(words ...string) string {
	b, _ := json.Marshal(words)
	return `{"enum":` + string(b) + `}`
}

// Schema returns the JSON Schema (2020-12) of a study file, for editors. What it
// cannot say, such as whether a file exists, Load checks.
func Schema() []byte {
	var steps []string
	for _, v := range verbs {
		steps = append(steps, object(v.doc, append([]word{v.word}, v.with...), []string{v.name}, ""))
	}
	var one []string
	for _, s := range sources {
		one = append(one, `{"required":["`+s+`"]}`)
	}
	root := object("A study: people, a world, and what happens.", studyWords, []string{"people", "script"}, `"$schema":"https://json-schema.org/draft/2020-12/schema","title":"tinytroupe study","$defs":{`+strings.Join([]string{
		`"scalar":{"type":["string","number","boolean"]}`,
		`"bool":{"anyOf":[{"type":"boolean"},{"enum":["yes","no","true","false"]}]}`,
		`"text":{"description":"A text. ${x} stands for a variable, $${ for ${ itself.","anyOf":[{"$ref":"#/$defs/scalar"},{"type":"object","properties":{"file":{"type":"string","description":"A file with the text, relative to the study."}},"required":["file"],"additionalProperties":false}]}`,
		`"duration":{"description":"Such as 30s, 5m, 2h, 2d, 1w, 1h30m.","type":"string"}`,
		`"who":{"anyOf":[{"$ref":"#/$defs/scalar"},{"type":"array","items":{"$ref":"#/$defs/who"}},{"type":"object","properties":{"not":{"$ref":"#/$defs/who"}},"additionalProperties":{"anyOf":[{"$ref":"#/$defs/scalar"},{"type":"array","items":{"$ref":"#/$defs/scalar"}}]}}]}`,
		`"group":` + object("One or more people.", groupWords, nil, `"oneOf":[`+strings.Join(one, ",")+`]`),
		`"world":` + object("Where and when it happens.", worldWords, nil, ""),
		`"steps":{"type":"array","items":{"oneOf":[` + strings.Join(steps, ",") + `]}}`,
	}, ",")+`}`)
	var out strings.Builder
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(json.RawMessage(root)); err != nil {
		panic(fmt.Sprintf("study: schema: %v", err)) // the tables above are constant; a test encodes them
	}
	return []byte(out.String())
}

// object returns the schema of a map with the given words. more is further members.
func object(doc string, words []word, required []string, more string) string {
	var props []string
	for _, w := range words {
		note := w.doc
		if w.later {
			note = strings.TrimSpace(note + " (Not available yet.)")
		}
		props = append(props, fmt.Sprintf("%s:%s", quoteJSON(w.name), described(note, w.schema)))
	}
	s := `{"type":"object","description":` + quoteJSON(doc) + `,"properties":{` + strings.Join(props, ",") + `},"additionalProperties":false`
	if len(required) > 0 {
		b, _ := json.Marshal(required)
		s += `,"required":` + string(b)
	}
	if more != "" {
		s += "," + more
	}
	return s + "}"
}

func described(doc, schema string) string {
	switch {
	case doc == "":
		return schema
	case schema == anything:
		return `{"description":` + quoteJSON(doc) + `}`
	}
	return `{"description":` + quoteJSON(doc) + "," + strings.TrimPrefix(schema, "{")
}

func quoteJSON(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
