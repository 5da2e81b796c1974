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
	refRooms    = `{"$ref":"#/$defs/rooms"}`
	refList     = `{"description":"A list, {rows: a.csv}, or the name of a variable that is a list, or of a column of one.","anyOf":[{"type":"array","minItems":1},{"type":"string"},{"type":"object","properties":{"rows":{"type":"string"}},"required":["rows"],"additionalProperties":false}]}`
	refSteps    = `{"$ref":"#/$defs/steps"}`
	refWhere    = `{"anyOf":[{"$ref":"#/$defs/scalar"},{"type":"array","items":{"$ref":"#/$defs/scalar"}}]}`
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
	{"file", "A person's file, relative to the study; a folder of *.agent.json, a pattern such as people/*.agent.json, or a list of these.", `{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"},"minItems":1}]}`, false},
	{"persona", "A person, written out. Without a name they are called as the group.", `{"type":"object"}`, false},
	{"sample", "A population to draw from.", anything, true},
	{"make", "A sentence that says whom to make up.", anything, true},
	{"lines", "A file with a description a line, each made into a person.", anything, true},
	{"from", "A people.jsonl, or a CSV of respondents.", anything, true},
	{"human", "Somebody who is asked at the terminal: true, how they are called, or what they are like.", `{"anyOf":[{"type":["string","boolean"]},{"type":"object"}]}`, false},
	{"http", "A chatbot: its address, or how it is called.", `{"anyOf":[{"type":"string"},{"$ref":"#/$defs/http"}]}`, false},
	{"fragments", "A fragment's file, or several, that are added to each person.", `{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]}`, false},
	{"count", "How many, drawn by chance from those there are. All where it is left out.", whole, false},
	{"where", "Which of them: {attribute: value, list or lo..hi, not: who}.", `{"type":"object","minProperties":1,"properties":{"not":` + refWho + `},"additionalProperties":` + refWhere + `}`, false},
	{"quota", "How many of which.", anything, true},
	{"documents", "Files that they can consult.", anything, true},
	{"tools", "Tools that they can use.", anything, true},
	{"careful", "How much their words are checked before they are said.", anything, true},
	{"assign", "Attributes dealt out among them, each value equally often, which they are not told: {tone: [warm, cold]}.", `{"type":"object","minProperties":1,"additionalProperties":` + refList + `}`, false},
	{"staff", "Takes part, but is selected only where named. False where it is left out, true for http.", yesNo, false},
}

var httpWords = []word{
	{"url", "Where each turn is posted. ${env.X} is filled in there, and kept nowhere.", refText, false},
	{"headers", "Of every request. What they take from the environment is kept nowhere.", `{"type":"object","additionalProperties":` + refText + `}`, false},
	{"body", `JSON that holds ${said}, and may hold ${room.id}, ${person.x} and ${env.X}. {session: "${room.id}", message: "${said}"} where it is left out.`, anything, false},
	{"reply", "Where in the reply the answer is, as a JSON pointer. The whole reply where it is left out.", refScalar, false},
	{"timeout", "How long an answer may take. 30s where it is left out.", refDuration, false},
	{"parallel", "How many are called at once. 8 where it is left out.", whole, false},
}

var roomWords = []word{
	{"of", "Rooms of so many people, by chance; they differ by one at most.", whole, false},
	{"by", "A room for each value of an attribute.", refScalar, false},
}

var untilWords = []word{
	{"said", "A regular expression that something said in the step matches.", refScalar, false},
	{"by", "Who must say it. Anybody where it is left out.", refWho, false},
	{"claim", "A claim that holds.", anything, true},
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
	{"rooms", "How people are spread over rooms, outside of scenes: all in one, each, {of: 8} or {by: attribute}. All where it is left out.", refRooms, false},
	{"network", "A CSV file of relations, with a header: two names, and perhaps what they are to each other. Those are acquainted who are related.", `{"type":"string"}`, false},
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
	{word{"run", "Let people act: a number of steps, a duration, or {steps, until}.",
		`{"anyOf":[{"type":"integer","minimum":1},{"type":"string"},{"type":"object","properties":{"steps":{"type":["integer","string"]},"until":{"$ref":"#/$defs/until"}},"required":["steps"],"additionalProperties":false}]}`, false}, nil},
	{word{"skip", "Let time pass. Nobody acts.", refDuration, false}, nil},
	{word{"scene", "A part with rooms of its own, that people come to with what they remember.", refScalar, false}, []word{
		{"rooms", "All in one, each, {of: 8} or {by: attribute}. All where it is left out.", refRooms, false},
		{"who", "Who takes part. Everyone where it is left out.", refWho, false},
		{"with", "Who else is in every room: one copy in each.", refWho, false},
		{"fresh", "People come without memories of earlier scenes. False where it is left out.", yesNo, false},
		{"do", "The steps.", refSteps, false},
	}},
	{word{"for", "Once for each item of a list: concept in concepts.", `{"type":"string"}`, false}, []word{
		{"order", "As written, rotate (another item comes first in each room), or shuffle. Written where it is left out.", oneOf("written", "rotate", "shuffle"), false},
		{"do", "The steps. ${concept.x} stands for a part of the item.", refSteps, false},
	}},
	{word{"ask", "Ask people questions.", anything, true}, laters("to", "remember")},
	{word{"extract", "Look for answers in what happened.", anything, true}, laters("from", "per", "as")},
	{word{"code", "Sort free answers into themes.", anything, true}, laters("codes", "multi")},
	{word{"tally", "Count answers.", anything, true}, laters("by")},
	{word{"check", "Judge whether a claim holds.", anything, true}, laters("name", "per", "score", "draws", "expect")},
	{word{"export", "Write results to a file.", anything, true}, laters("format", "path")},
	{word{"story", "Tell what happened, or go on telling.", anything, true}, laters("requirements", "words", "twist", "broadcast")},
	{word{"report", "Write a report.", anything, true}, nil},
}

// laters returns modifiers of a verb that is for a later version.
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
		required := []string{v.name}
		if slices.ContainsFunc(v.with, func(w word) bool { return w.name == "do" }) {
			required = append(required, "do")
		}
		steps = append(steps, object(v.doc, append([]word{v.word}, v.with...), required, ""))
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
		`"who":{"anyOf":[{"$ref":"#/$defs/scalar"},{"type":"array","items":{"$ref":"#/$defs/who"}},{"type":"object","properties":{"not":{"$ref":"#/$defs/who"}},"additionalProperties":` + refWhere + `}]}`,
		`"rooms":{"anyOf":[{"enum":["all","each"]},` + object("Rooms of so many, or of those who share an attribute.", roomWords, nil, `"minProperties":1,"maxProperties":1`) + `]}`,
		`"until":` + object("What ends a run early.", untilWords, nil, `"minProperties":1`),
		`"http":` + object("How a chatbot is called.", httpWords, []string{"url"}, ""),
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
