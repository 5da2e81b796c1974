package rehearsal

import (
	"encoding/json"
	"regexp"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

const whoLine = "# Who you are"

type stimulus struct {
	Type    string `json:"type"`
	Source  string `json:"source"`
	Content string `json:"content"`
	Data    bool   `json:"data"`
}

type act struct {
	Type    string `json:"type"`
	Target  string `json:"target"`
	Content string `json:"content"`
}

type decision struct {
	Actions []act `json:"actions"`
	State   state `json:"state"`
}

type state struct {
	Goals     string `json:"goals"`
	Attention string `json:"attention"`
	Emotions  string `json:"emotions"`
}

// A turn is what was perceived, and what was decided upon it.
type turn struct {
	stimuli []stimulus
	acts    []act
}

type acquaintance struct{ name, relation string }

// A prompt is a request, read.
type prompt struct {
	persona  *person
	system   string
	summary  string // of folded history
	turns    []turn // the last one is to be decided
	near     []acquaintance
	recalled []string
	question string // the text after Question:, or the last user message of a request without stimuli
	asked    bool   // the request ends in a Question: line
	framed   bool   // the last message is in the form that people's turns have
	user     []string
}

// readPrompt never fails: what is not in the expected form is read as plain text.
func readPrompt(req *llm.Request, read func(string) *person) *prompt {
	p := &prompt{system: req.System, persona: &person{}}
	if line, ok := personaLine(req.System); ok {
		p.persona = read(line)
	}
	for i, m := range req.Messages {
		var text strings.Builder
		for _, part := range m.Parts {
			text.WriteString(part.Text)
		}
		if m.Role == llm.Assistant {
			p.readDecision(text.String())
			continue
		}
		p.user = append(p.user, text.String())
		p.readUser(text.String(), i == len(req.Messages)-1)
	}
	return p
}

// personaLine finds the persona: the line after the heading, or else the last line
// of the system prompt that is a JSON object with a name.
func personaLine(system string) (string, bool) {
	if _, rest, ok := strings.Cut("\n"+system, "\n"+whoLine+"\n"); ok {
		line, _, _ := strings.Cut(strings.TrimLeft(rest, "\n"), "\n")
		return line, true
	}
	found, ok := "", false
	for line := range strings.Lines(system) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "{") && strings.Contains(line, `"name"`) && json.Valid([]byte(line)) {
			found, ok = line, true
		}
	}
	return found, ok
}

func (p *prompt) readDecision(text string) {
	var d decision
	if json.Unmarshal([]byte(text), &d) != nil {
		d.Actions = []act{{Type: "TALK", Content: text}}
	}
	if len(p.turns) == 0 {
		p.turns = append(p.turns, turn{})
	}
	t := &p.turns[len(p.turns)-1]
	t.acts = append(t.acts, d.Actions...)
}

func (p *prompt) readUser(text string, last bool) {
	if s, ok := strings.CutPrefix(text, "Earlier, in short: "); ok {
		p.summary = s
		return
	}
	var t turn
	lines := strings.Split(text, "\n")
	i := 0
	if timeLine.MatchString(lines[0]) {
		i = 1
		p.framed = true
	}
	for ; i < len(lines) && lines[i] != ""; i++ {
		if s, ok := readStimulus(lines[i]); ok {
			t.stimuli = append(t.stimuli, s)
		}
	}
	if len(t.stimuli) > 0 || timeLine.MatchString(lines[0]) {
		p.turns = append(p.turns, t)
		if last {
			p.readTail(lines[i:])
		}
		return
	}
	p.turns = append(p.turns, turn{stimuli: []stimulus{{Type: "CONVERSATION", Content: text}}})
	if last {
		p.framed = false
		p.readTail(lines)
		if !p.asked {
			p.question = text
		}
	}
}

var timeLine = regexp.MustCompile(`^\[[^\[\]{}"]{4,60}\]$`)

func readStimulus(line string) (stimulus, bool) {
	var s stimulus
	if !strings.HasPrefix(line, `{"`) || json.Unmarshal([]byte(line), &s) != nil || s.Type == "" {
		return s, false
	}
	return s, true
}

func (p *prompt) readTail(lines []string) {
	for i, line := range lines {
		if q, ok := strings.CutPrefix(line, "Question: "); ok {
			p.question = strings.TrimSpace(strings.Join(append([]string{q}, lines[i+1:]...), "\n"))
			p.asked = true
			return
		}
		if s, ok := strings.CutPrefix(line, "Within reach: "); ok {
			p.readNear(strings.TrimSuffix(s, "."))
		} else if s, ok := strings.CutPrefix(line, "Recalled: "); ok {
			p.recalled = append(p.recalled, s)
		} else if strings.HasPrefix(line, "{") {
			p.recalled = append(p.recalled, line)
		}
	}
}

func (p *prompt) readNear(s string) {
	for one := range strings.SplitSeq(s, "; ") {
		a := acquaintance{name: strings.TrimSpace(one)}
		if n, rel, ok := strings.Cut(one, " ("); ok {
			a.name, a.relation = strings.TrimSpace(n), strings.TrimSuffix(strings.TrimSpace(rel), ")")
		}
		if a.name != "" {
			p.near = append(p.near, a)
		}
	}
}

func (p *prompt) isNear(name string) bool {
	for _, a := range p.near {
		if a.name == name {
			return true
		}
	}
	return false
}

// fresh returns what is to be reacted to. What a yielding act brought back stands
// together with what it was looked up for.
func (p *prompt) fresh() []stimulus {
	if len(p.turns) == 0 {
		return nil
	}
	n := len(p.turns) - 1
	now := p.turns[n].stimuli
	onlyResults := len(now) > 0
	for _, s := range now {
		if s.Type != "RESULT" {
			onlyResults = false
		}
	}
	if onlyResults && n > 0 && lookedUp(p.turns[n-1].acts) {
		return append(append([]stimulus{}, p.turns[n-1].stimuli...), now...)
	}
	return now
}

func lookedUp(acts []act) bool {
	looked := false
	for _, a := range acts {
		switch a.Type {
		case "TALK":
			return false
		case "THINK", "DONE", "REACH_OUT":
		default:
			looked = true
		}
	}
	return looked
}

// An utterance is something said, by whom and in which words.
type utterance struct{ who, text string }

var (
	spoken   = regexp.MustCompile(`^\s*[-*]?\s*\*{0,2}(\p{Lu}[\p{L}.’'-]*(?: \p{Lu}[\p{L}.’'-]*){0,3})\*{0,2}(?: (?:says|said|to [^:]{1,40}))?\*{0,2}: (.+)$`)
	heading  = regexp.MustCompile(`^(.{1,60}?) (?:acts: \[(\w+)\]|--> .{1,60}?: \[(\w+)\])\s*$`)
	quoted   = regexp.MustCompile(`^\s+> ?(.*)$`)
	notNames = set(`make write find tell give ask answer the this that these those in on at for with is are do return reply place context question note state within recalled claim criteria criterion transcript persona person name schema
		example format task instructions instruction objective title description result results answer option time date earlier`)
)

// utterances finds what people said in a transcript of any usual form: JSON lines,
// "Name: words" or TinyTroupe's "Name acts: [TALK]" with "> words" below.
func utterances(text string) []utterance {
	var out []utterance
	who, kind := "", ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		var any struct {
			stimulus
			Who    string `json:"who"`
			Target string `json:"target"`
			Text   string `json:"text"`
			Action *act   `json:"action"`
		}
		if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "{") && json.Unmarshal([]byte(trimmed), &any) == nil {
			switch {
			case any.Action != nil && any.Action.Type == "TALK":
				out = append(out, utterance{any.Who, any.Action.Content})
			case any.Content != "" && (any.Type == "CONVERSATION" || any.Type == "TALK" || any.Type == ""):
				out = append(out, utterance{first(any.Source, any.Who), any.Content})
			case any.Text != "":
				out = append(out, utterance{first(any.Who, any.Source), any.Text})
			}
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			who, kind = m[1], first(m[2], m[3])
			continue
		}
		if m := quoted.FindStringSubmatch(line); m != nil && who != "" {
			if kind == "TALK" || kind == "CONVERSATION" {
				out = append(out, utterance{who, m[1]})
			}
			continue
		}
		if m := spoken.FindStringSubmatch(line); m != nil && !notNames[strings.ToLower(firstWord(m[1]))] {
			out = append(out, utterance{m[1], m[2]})
		}
	}
	return out
}

func first(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}
