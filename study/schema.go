package study

import (
	"encoding/json"
	"fmt"
	"regexp"
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
	refNames    = `{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"},"minItems":1}]}`
	refWhere    = `{"anyOf":[{"$ref":"#/$defs/scalar"},{"type":"array","items":{"$ref":"#/$defs/scalar"},"minItems":1}]}`
	anything    = `true`
	limit       = `{"anyOf":[{"type":"integer","minimum":1},{"type":"string"}]}`
	notYet      = `{"description":"(Not available yet.)"}`
	yesNo       = `{"$ref":"#/$defs/bool"}`
	fraction    = `{"type":["number","string"],"minimum":0,"maximum":1}`
	whole       = `{"anyOf":[{"type":"integer","minimum":0},{"type":"string"}]}`
)

var studyWords = []word{
	{"title", "What the study is called, and its record. The name of the file, or of its folder, where it is left out.", refText, false},
	{"about", "What it is for, in a sentence or two. Nobody in it is told.", refText, false},
	{"language", "The language that people speak, where their own description names none. They follow the conversation where it is left out.", refScalar, false},
	{"careful", "How much the people's words are checked before they are said.", anything, true},
	{"seed", "A whole number that decides all that is left to chance; --seed sets another. 1 where it is left out.", whole, false},
	{"model", "PROVIDER/NAME, such as openai/gpt-5-mini, or rehearsal; or one for each purpose: act, write, extract, judge; those left out are as act. write is not called yet. --model sets another. config.ini, the environment, then what is found, where it is left out.",
		`{"anyOf":[{"type":"string"},{"type":"object","properties":{"act":{"type":"string"},"write":{"type":"string"},"extract":{"type":"string"},"judge":{"type":"string"}},"additionalProperties":false}]}`, false},
	{"budget", "The most that a run may cost: US dollars, or {usd, calls, tokens}. No limit where it is left out, or 1 USD for a paid model that was found, not named.",
		`{"anyOf":[{"type":"number","exclusiveMinimum":0},{"type":"string"},{"type":"object","properties":{"usd":{"type":["number","string"],"exclusiveMinimum":0},"calls":` + limit + `,"tokens":` + limit + `},"additionalProperties":false}]}`, false},
	{"vars", "Names for texts, lists and tables: ${x}, ${x.y}. A run may set others: --set x=v.", `{"type":"object"}`, false},
	{"people", "Who takes part. Each key names a group.", `{"type":"object","minProperties":1,"additionalProperties":{"$ref":"#/$defs/group"}}`, false},
	{"world", "Where and when it happens.", `{"$ref":"#/$defs/world"}`, false},
	{"questions", "[Questions](#questions) that the script asks, or answers that it looks for. Each key names one.", `{"type":"object","minProperties":1,"additionalProperties":{"$ref":"#/$defs/question"}}`, false},
	{"interventions", "What happens when a condition holds.", anything, true},
	{"script", "What happens, step by step.", refSteps, false},
	{"arms", "Reserved for experiments; to vary a study now, run it with --set.", anything, true},
	{"repeats", "Reserved for experiments; to repeat a study now, run it with another --seed.", anything, true},
}

var groupWords = []word{
	{"file", "A person's file: TinyTroupe's `*.agent.json`, or a JSON object with a name; or a folder of `*.agent.json`, a pattern such as `people/*.agent.json`, or a list of these.", `{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"},"minItems":1}]}`, false},
	{"persona", "A person, written out: any keys and values. Without a name they are called as the group.", `{"type":"object"}`, false},
	{"sample", "A population to draw from.", anything, true},
	{"make", "A sentence that says whom to make up.", anything, true},
	{"lines", "A file with a description a line, each made into a person.", anything, true},
	{"from", "A people.jsonl, or a CSV of respondents.", anything, true},
	{"human", "Somebody who is asked at the terminal: true, how they are called, or what they are like.", `{"anyOf":[{"type":["string","boolean"]},{"type":"object"}]}`, false},
	{"http", "A chatbot: its address, or [how it is called](#chatbots).", `{"anyOf":[{"type":"string"},{"$ref":"#/$defs/http"}]}`, false},
	{"fragments", "A fragment's file, or several, added to each person. Lists are joined; two different values for one key are a mistake.", `{"anyOf":[{"type":"string"},{"type":"array","items":{"type":"string"}}]}`, false},
	{"count", "How many, drawn by chance from those there are. All where it is left out.", limit, false},
	{"where", "Which of them: `{attribute: value, list or lo..hi, not: who}`.", `{"type":"object","minProperties":1,"properties":{"not":` + refWho + `},"additionalProperties":` + refWhere + `}`, false},
	{"quota", "How many of which.", anything, true},
	{"documents", "Files that they can consult.", anything, true},
	{"tools", "Tools that they can use.", anything, true},
	{"careful", "How much their words are checked before they are said.", anything, true},
	{"assign", "Attributes dealt out among them, `{tone: [warm, cold]}`: each value equally often, in an order by chance. A list, `{rows: a.csv}`, or the name of a variable that is one. They are attributes as others are, in texts and in selectors, but nobody is told theirs.", `{"type":"object","minProperties":1,"additionalProperties":` + refList + `}`, false},
	{"staff", "`true`: takes part, but is selected only where named, by name or by group. Chatbots are staff.", yesNo, false},
}

var httpWords = []word{
	{"url", "Where each turn is posted, as JSON. `http: URL` alone is this.", refText, false},
	{"headers", "Of every request.", `{"type":"object","additionalProperties":` + refText + `}`, false},
	{"body", "Any YAML, sent as JSON. In its texts `${said}` is what was said to the chatbot since its last turn, a line each; `${room.id}` tells conversations apart; `${person.name}`, and what is assigned, are the chatbot's own. `{session: \"${room.id}\", message: \"${said}\"}` where it is left out.", anything, false},
	{"reply", "A JSON pointer to the answer, such as `/choices/0/text`. The whole reply, as text, where it is left out.", refScalar, false},
	{"timeout", "How long an answer may take. 30s where it is left out.", refDuration, false},
	{"parallel", "How many are called at once. 8 where it is left out.", limit, false},
}

var roomWords = []word{
	{"of", "Rooms of so many people, by chance; they differ by one at most.", limit, false},
	{"by", "A room for each value of an attribute.", refScalar, false},
}

var fieldWords = []word{
	{"find", "What to look for. Its name where it is left out.", refText, false},
	{"labels", "What points of a scale, or options, stand for: {1: not at all, 5: very much}.", `{"type":"object"}`, false},
	{"order", "Of options shown to people: written or shuffle. Written where it is left out.", oneOf("written", "shuffle"), false},
	{"text", "Any text: so it is where no type is given.", yesNo, false},
	{"yes/no", "Yes or no.", yesNo, false},
	{"scale", "A whole number: 1..5.", refScalar, false},
	{"number", "Any number: 0..100.", refScalar, false},
	{"one of", "One of these.", refList, false},
	{"some of", "Any of these.", refList, false},
	{"rank", "All of these, best first.", refList, false},
}

var questionWords = append([]word{
	{"ask", "What people are asked.", refText, false},
	{"fields", "Several values: {NAME: text, yes/no, LO..HI, or a map with a type}.", `{"type":"object","minProperties":1}`, false},
	{"list of", "Any number of items, each with such fields.", `{"type":"object","minProperties":1}`, false},
}, fieldWords...)

var saidWords = []word{
	{"said", "A regular expression that something said matches.", refScalar, false},
	{"by", "Who must say it. Anybody where it is left out.", refWho, false},
	{"not", "Nobody may. False where it is left out.", yesNo, false},
}

var untilWords = []word{
	{"said", "A regular expression that something said in the step matches. `(?i)` lets letter case count for nothing.", refScalar, false},
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
	{"starts", "When it begins: `\"2026-03-02 19:00\"`, or a date alone; UTC. 2026-01-01 09:00 where it is left out.", `{"type":"string"}`, false},
	{"step", "Simulated time that a step takes. 5m where it is left out.", refDuration, false},
	{"turns", "How people take turns within a step: `in turn`, each hearing those before, in the order of the study; `together`, nobody hearing the others until the next step; `shuffled`, in turn, in another order each step. In turn where it is left out.", oneOf("in turn", "together", "shuffled"), false},
	{"acquainted", "Everybody is within everybody's reach from the start. True where it is left out.", yesNo, false},
	{"idle", "People who have nothing new to react to `act` all the same, or `pass`, which saves the call. Act where it is left out.", oneOf("act", "pass"), false},
	{"untargeted", "Who hears speech that is to nobody in particular: `everyone` within reach, or `nobody`. Everyone where it is left out.", oneOf("everyone", "nobody"), false},
	{"rooms", "How people are spread over [rooms](#scenes-and-rooms), outside of scenes, as `rooms` of a scene says. All in one where it is left out.", refRooms, false},
	{"network", "A CSV file of relations, with a header: two names, and perhaps what they are to each other. Those are acquainted who are related; REACH_OUT works along relations alone.", `{"type":"string"}`, false},
}

var to = word{"to", "[Who](#who): everyone where it is left out, a person, a group, a list of them, or `{attribute: value, list or lo..hi, not: who}`.", refWho, false}

// A verb is a word that a step has exactly one of, with its modifiers.
type verb struct {
	word
	with    []word
	example string // a step, on a line
}

var verbs = []verb{
	{word{"say", "Lets people hear a text, from outside. Without `to` it is a broadcast.", refText, false}, []word{to}, "{say: Plan a weekend together., to: lisa}"},
	{word{"show", "Lets people see a description, or `{image, text}`: a picture and what it shows.",
		`{"anyOf":[` + refText + `,{"type":"object","properties":{"image":{"type":"string"},"text":` + refText + `},"required":["image"],"additionalProperties":false}]}`, false}, []word{to}, "{show: {image: house.png, text: A house by a lake}, to: [lisa, oscar]}"},
	{word{"goal", "Gives people a goal.", refText, false}, []word{to}, "{goal: Keep it under 200 euros., to: {occupation.title: Architect}}"},
	{word{"think", "Puts a thought into people's minds.", refText, false}, []word{to}, "{think: I would rather stay at home., to: lisa}"},
	{word{"context", "Changes what surrounds people: a text or a list of texts, in place of what was there.", `{"anyOf":[` + refText + `,{"type":"array","items":` + refText + `}]}`, false}, []word{to}, "context: [It is raining outside, The heating is broken]"},
	{word{"move", "Moves people to a place.", refText, false}, []word{to}, "{move: The kitchen, to: lisa}"},
	{word{"introduce", "Brings people within each other's reach; its value is who.", refWho, false}, nil, "introduce: [lisa, oscar]"},
	{word{"join", "Lets people come in; its value is who. Who joins before ever leaving is not there from the start.", refWho, false}, nil, "join: oscar"},
	{word{"leave", "Lets people go; its value is who.", refWho, false}, nil, "leave: oscar"},
	{word{"set", "Changes attributes of people, also deep in them: `personality.traits`. Names do not change.", `{"type":"object","minProperties":1}`, false}, []word{to}, "{set: {mood: cheerful, preferences.likes: [lakes]}, to: lisa}"},
	{word{"run", "Lets people act: a number of steps, or a duration, rounded up to whole steps, or `{steps, until}`.",
		`{"anyOf":[{"type":"integer","minimum":1},{"type":"string"},{"type":"object","properties":{"steps":{"type":["integer","string"]},"until":{"$ref":"#/$defs/until"}},"required":["steps"],"additionalProperties":false}]}`, false}, nil, `run: {steps: 12, until: {said: "(?i)thank you", by: lisa}}`},
	{word{"skip", "Lets time pass, as a duration. Nobody acts.", refDuration, false}, nil, "skip: 2d"},
	{word{"scene", "A part with [rooms of its own](#scenes-and-rooms), that people come to with what they remember.", refScalar, false}, []word{
		{"rooms", "`all` in one; `each` in one of their own; `{of: 8}`: so many in each, by chance, the rooms differing by one at most; `{by: attribute}`: a room for each value. All where it is left out.", refRooms, false},
		{"who", "Who takes part. Everyone who has not left where it is left out.", refWho, false},
		{"with", "Who else is in every room: a copy in each.", refWho, false},
		{"fresh", "People come without memories of earlier scenes, as when the study began. False where it is left out.", yesNo, false},
		{"do", "The steps.", refSteps, false},
	}, "{scene: interview, rooms: each, do: [{say: How do you shop?}, {run: 2}]}"},
	{word{"for", "Its steps once for each item of [a list](#loops).", `{"type":"string"}`, false}, []word{
		{"order", "`written`; `rotate`: another item comes first in each room, so that each comes first equally often; `shuffle`: by chance, another order in each room. Written where it is left out.", oneOf("written", "rotate", "shuffle"), false},
		{"do", "The steps. `${concept.x}` stands for a part of the item.", refSteps, false},
	}, `{for: concept in concepts, order: rotate, do: [{show: "${concept.text}"}, {run: 1}]}`},
	{word{"ask", "Puts [questions](#questions) to people, a name or a list of names, all of a list in one call. Nobody hears of it, and nobody changes by it.", refNames, false}, []word{to,
		{"remember", "Whoever is asked remembers it, and what they answered, as a thought. False where it is left out.", yesNo, false},
	}, "{ask: [intent, why], to: lisa}"},
	{word{"extract", "Looks for answers to a [question](#questions) in what happened. Each value has a quotation: one that nobody said makes it invalid.", refScalar, false}, []word{
		{"from", "The scene that is looked at. Everything where it is left out.", refScalar, false},
		{"per", "Whose answers: one of each `person`, of each `room`, or of the whole `study`. Person where it is left out.", oneOf("person", "room", "study"), false},
		{"as", "Another name for the answers.", refScalar, false},
		{"double", "The share of them, such as `0.2`, that is done a second time, independently: how far both agree stands in results/agreement.csv. None where it is left out.", fraction, false},
	}, "{extract: pains, from: interview}"},
	{word{"code", "Sorts free answers into codes: a question, or a field as `pains.pain`. What comes of it is called `pains.pain.code`.", refScalar, false}, []word{
		{"codes", "How many codes are made from the answers at most, or `{file: codes.csv}` with the columns code, description and words: words sort without a model. 8 where it is left out.", `{"anyOf":[{"type":"integer","minimum":1},{"type":"string"},{"type":"object","properties":{"file":{"type":"string"}},"required":["file"],"additionalProperties":false}]}`, false},
		{"multi", "An answer has all codes that apply, not the one that fits best. False where it is left out.", yesNo, false},
		{"double", "The share of the answers, such as `0.2`, that is done a second time, independently: how far both agree stands in results/agreement.csv. None where it is left out.", fraction, false},
	}, "{code: why, codes: 10}"},
	{word{"tally", "Counts answers to questions, fields, codes or named checks, with their bases.", refNames, false}, []word{
		{"by", "What the table is parted by: an attribute, the variable of a loop, another question, a field of the same item, group, room, scene, or `{age: [18..34, 35..54]}`; or a list of these.", `{"anyOf":[{"$ref":"#/$defs/scalar"},{"type":"object"},{"type":"array","items":{"anyOf":[{"$ref":"#/$defs/scalar"},{"type":"object"}]}}]}`, false},
	}, "{tally: intent, by: [concept, {age: [18..34, 35..54]}]}"},
	{word{"check", "Judges whether a claim holds: a sentence, the name of a proposition that comes with the program, or `{said, by, not}`, which needs no judge.",
		`{"anyOf":[` + refText + `,{"type":"object","properties":{"said":{"type":"string"},"by":{"$ref":"#/$defs/who"},"not":` + yesNo + `},"required":["said"],"additionalProperties":false}]}`, false}, []word{
		{"name", "What the check is called in tables.", refScalar, false},
		{"per", "Of whom it is judged: of each `person`, of each `room`, or of the `study`. Person where it is left out.", oneOf("person", "room", "study"), false},
		{"score", "How far it holds, 0 to 9, in place of whether. False where it is left out.", yesNo, false},
		{"draws", "How often each is judged. Once where it is left out.", limit, false},
		{"expect", "`{share: 0.9}`: at least so many of those found either way must hold, and more than half of those whom the claim applies to must be found either way, or the run ends with exit code 5.", `{"type":"object","properties":{"share":{"type":["number","string"]}},"required":["share"],"additionalProperties":false}`, false},
	}, "{check: The person was polite., name: polite, expect: {share: 0.9}}"},
	{word{"export", "Writes a file into exports/ of the record: `transcript`, `people`, `answers`, `checks`, or what a question came to.", refScalar, false}, []word{
		{"format", "`jsonl` or `chat` (messages as models are trained on) of a transcript; `jsonl` or `csv` of people and answers; these or `junit` of checks.", oneOf("jsonl", "csv", "chat", "junit"), false},
		{"path", "The file's name.", refScalar, false},
	}, "{export: transcript, format: chat, path: conversations.jsonl}"},
	{word{"story", "Tell what happened, or go on telling.", anything, true}, laters("requirements", "words", "twist", "broadcast"), ""},
	{word{"report", "Write a report.", anything, true}, nil, ""},
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
		`"bool":{"anyOf":[{"type":"boolean"},{"type":"string","pattern":"^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee]|[Yy][Ee][Ss]|[Nn][Oo]|[Oo][Nn]|[Oo][Ff][Ff])$"}]}`,
		`"text":{"description":"A text. ${x} stands for a variable, $${ for ${ itself.","anyOf":[{"$ref":"#/$defs/scalar"},{"type":"object","properties":{"file":{"type":"string","description":"A file with the text, relative to the study."}},"required":["file"],"additionalProperties":false}]}`,
		`"duration":{"description":"Such as 30s, 5m, 2h, 2d, 1w, 1h30m.","type":"string"}`,
		`"who":{"anyOf":[{"$ref":"#/$defs/scalar"},{"type":"array","minItems":1,"items":{"$ref":"#/$defs/who"}},{"type":"object","minProperties":1,"properties":{"not":{"$ref":"#/$defs/who"}},"additionalProperties":` + refWhere + `}]}`,
		`"rooms":{"anyOf":[{"enum":["all","each"]},` + object("Rooms of so many, or of those who share an attribute.", roomWords, nil, `"minProperties":1,"maxProperties":1`) + `]}`,
		`"question":` + object("What is asked or looked for, and how it is answered.", questionWords, nil, ""),
		`"until":` + object("What ends a run early.", untilWords, nil, `"minProperties":1`),
		`"http":` + object("How a chatbot is called.", httpWords, []string{"url"}, ""),
		`"group":` + object("One or more people.", groupWords, nil, `"oneOf":[`+strings.Join(one, ",")+`]`),
		`"world":` + object("Where and when it happens.", worldWords, nil, ""),
		`"steps":{"type":"array","minItems":1,"items":{"oneOf":[` + strings.Join(steps, ",") + `]}}`,
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
	s := `{"type":"object","description":` + quoteJSON(markup.ReplaceAllString(doc, "$1")) + `,"properties":{` + strings.Join(props, ",") + `},"additionalProperties":false`
	if len(required) > 0 {
		b, _ := json.Marshal(required)
		s += `,"required":` + string(b)
	}
	if more != "" {
		s += "," + more
	}
	return s + "}"
}

// Links and code of the page are plain words in the schema.
var markup = regexp.MustCompile("`|\\[([^\\]]+)\\]\\(#[a-z-]+\\)")

func described(doc, schema string) string {
	doc = markup.ReplaceAllString(doc, "$1")
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
