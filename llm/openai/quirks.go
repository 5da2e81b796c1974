package openai

import (
	"bytes"
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/wire"
)

// How structured output is asked for.
type format uint8

const (
	formatStrict format = iota // json_schema, strict
	formatSchema               // json_schema, not strict
	formatObject               // json_object, and the schema at the end of the prompt
	formatPrompt               // the schema at the end of the prompt
)

// How the limit of output tokens is called, in the order in which it is found.
type limit uint8

const (
	limitNew   limit = iota // max_completion_tokens
	limitTried              // max_tokens, since a reply passed over max_completion_tokens
	limitBack               // max_completion_tokens all the same, since max_tokens was then refused
	limitOld                // max_tokens, since max_completion_tokens was refused
	limitNone               // not sent
)

// quirks are what an endpoint was found not to accept. They only ever grow.
type quirks struct {
	format     format
	limit      limit
	drop       class // keywords of schemas
	noTemp     bool
	noTopP     bool
	noStop     bool
	noEffort   bool
	noSeed     bool
	noPenalty  bool // neither frequency_penalty nor presence_penalty, of Options.Extra
	noSystem   bool // the system prompt opens the first user message
	mustSwitch bool // messages of one role in a row are joined
	most       int  // output tokens that the model has; 0 while unknown
	context    int  // tokens for prompt and reply together; 0 while unknown
	efforts    effortSet
}

// efforts are the values of reasoning_effort, from little to much.
var efforts = [...]string{"none", "minimal", "low", "medium", "high", "xhigh"}

// An effortSet is those of efforts that an endpoint says it takes, a bit each; 0 while
// nothing is known.
type effortSet uint8

func (s effortSet) has(i int) bool { return s&(1<<i) != 0 }

// nearest returns the effort that is nearest to what is asked for, the lesser of two.
func (s effortSet) nearest(effort string) string {
	asked := slices.Index(efforts[:], effort)
	if asked < 0 || s == 0 {
		return effort
	}
	for away := range len(efforts) {
		if i := asked - away; i >= 0 && s.has(i) {
			return efforts[i]
		}
		if i := asked + away; i < len(efforts) && s.has(i) {
			return efforts[i]
		}
	}
	return effort // not reached: s has one
}

// words names the efforts of a set.
func (s effortSet) words() (out []string) {
	for i, e := range efforts {
		if s.has(i) {
			out = append(out, e)
		}
	}
	return out
}

var supported = regexp.MustCompile(`(?:supported values are|must be one of|input should be)[: ]+(.*)`)

// effortsIn returns the efforts that an answer names as supported.
func effortsIn(said string) (s effortSet) {
	if m := supported.FindStringSubmatch(said); m != nil {
		for i, e := range efforts {
			if regexp.MustCompile("[\"'`]" + e + "[\"'`]").MatchString(m[1]) {
				s |= 1 << i
			}
		}
	}
	return s
}

// or returns what either of two has found.
func (q quirks) or(r quirks) quirks {
	return quirks{
		max(q.format, r.format), max(q.limit, r.limit), q.drop | r.drop, q.noTemp || r.noTemp, q.noTopP || r.noTopP,
		q.noStop || r.noStop, q.noEffort || r.noEffort, q.noSeed || r.noSeed, q.noPenalty || r.noPenalty, q.noSystem || r.noSystem, q.mustSwitch || r.mustSwitch,
		lower(q.most, r.most), lower(q.context, r.context), cmp.Or(r.efforts, q.efforts),
	}
}

const penalties = "(?:frequency|presence)_penalty"

var penalty = regexp.MustCompile(`,"` + penalties + `":[-+.0-9eE]+`)

// fields are the further fields of a generation that the endpoint takes.
func (q quirks) fields(extra []byte) []byte {
	if q.noPenalty {
		return penalty.ReplaceAll(extra, nil)
	}
	return extra
}

// lower returns the smaller of two limits, of which 0 is none.
func lower(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// words names the quirks.
func (q quirks) words() []string {
	var out []string
	add := func(on bool, text string) {
		if on {
			out = append(out, text)
		}
	}
	add(q.format == formatSchema, "schemas are not strict")
	add(q.format == formatObject, "json_object, with the schema in the prompt")
	add(q.format == formatPrompt, "no structured output: the schema is in the prompt")
	add(q.limit == limitOld || q.limit == limitTried, "max_tokens in place of max_completion_tokens")
	add(q.limit == limitNone, "no limit of output tokens")
	for _, c := range classes {
		add(q.drop&c.class != 0, "schemas without "+strings.Join(c.words, ", "))
	}
	add(q.noTemp, "no temperature")
	add(q.noTopP, "no top_p")
	add(q.noStop, "no stop")
	add(q.noEffort, "no reasoning_effort")
	add(q.efforts != 0 && !q.noEffort, "reasoning_effort: the nearest of "+strings.Join(q.efforts.words(), ", "))
	add(q.noSeed, "no seed")
	add(q.noPenalty, "no frequency_penalty and presence_penalty")
	add(q.noSystem, "no system role: the system prompt opens the first user message")
	add(q.mustSwitch, "messages of one role in a row are joined")
	add(q.most > 0, fmt.Sprintf("at most %d output tokens", q.most))
	add(q.context > 0, fmt.Sprintf("no more output tokens than %d leave beside the prompt", q.context))
	return out
}

var (
	// refuses is how endpoints say that they do not take a thing at all. A bad value of
	// a thing that they do take must not match: that is the caller's mistake.
	refuses = regexp.MustCompile(`unsupported|not supported|does not support|doesn't support|unrecogni[sz]ed|unknown|` +
		`not permitted|not allowed|unexpected|extra_forbidden|extra inputs|extra fields|not available|not implemented|` +
		`deprecated|incompatible|cannot be used|is unavailable|must alternate`)
	aboutSchema = regexp.MustCompile(`response_format|json_schema|json schema|json_object|json mode|invalid schema|structured output|guided|grammar|\bschema\b`)
	thisSchema  = regexp.MustCompile(`invalid schema|invalid json schema|schema error|schema is (invalid|too)|in context=`)
	grammar     = regexp.MustCompile(`grammar|repetition`)
)

// Answers to a limit of output tokens that is more than there are: in all, or beside
// this prompt.
var (
	outputLimit = regexp.MustCompile("max_(?:completion_|output_)?tokens[^a-z_].*(?:supports at most|less than or equal to|valid range of max_tokens is \\[\\d+,) *`?(\\d+)")
	outputRoom  = []*regexp.Regexp{
		regexp.MustCompile(`max_(?:completion_)?tokens' is too large.* context length is (?P<context>\d+) tokens and your request has (?P<input>\d+) input`),
		regexp.MustCompile(`context length is (?P<context>\d+) tokens.* requested (?:about )?(?P<all>\d+) tokens.*[^\d](?P<output>\d+) (?:in|for) the (?:completion|output)`),
	}
)

// leastRoom is a reply that it is worth while to ask for: with less room the prompt is
// too long.
const leastRoom = 64

// reactLimit reads an answer that refused c because it asked for too many output
// tokens, and returns what there are, for all calls or beside this prompt alone, in a
// context of so many; zeros where the answer says something else.
func reactLimit(f *failed, c *chatRequest) (most, room, context int) {
	sent := c.MaxCompletionTokens + c.MaxTokens // one of the two
	if sent == 0 || f.status != 400 && f.status != 422 {
		return 0, 0, 0
	}
	if m := outputLimit.FindStringSubmatch(f.said); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && 0 < n && n < sent {
			return n, 0, 0
		}
	}
	for _, re := range outputRoom {
		m := re.FindStringSubmatch(f.said)
		if m == nil {
			continue
		}
		number := func(name string) int {
			if i := re.SubexpIndex(name); i > 0 {
				n, _ := strconv.Atoi(m[i]) // 0 for what is too large to be true
				return n
			}
			return 0
		}
		context = number("context")
		room = context - number("input") - number("all") + number("output")
		if leastRoom <= room && room < sent {
			return 0, room, context
		}
	}
	return 0, 0, 0
}

// react reads an answer that refused a call made with q, and returns the quirks with
// which to try again. once says that the cause is this schema, not the endpoint.
// The same quirks mean that there is nothing to change.
func (q quirks) react(f *failed, c *chatRequest) (next quirks, once bool) {
	next = q
	switch f.status {
	case 400, 415, 422, 500, 501:
	default:
		return q, false
	}
	broken := f.status >= 500 && f.status != 501 // by itself no reason to ask for less
	if c.Format != nil && aboutSchema.MatchString(f.said) &&
		!(broken && !refuses.MatchString(f.said) && !thisSchema.MatchString(f.said) && !grammar.MatchString(f.said)) {
		return q.reactSchema(f, c)
	}
	named := func(field string) bool {
		return regexp.MustCompile(`(^|[^a-z_])` + field + `($|[^a-z_])`).MatchString(f.said)
	}
	effort := c.Effort != "" && (named("reasoning_effort") || named("reasoning.effort"))
	if effort && !broken {
		if s := effortsIn(f.said); s.nearest(c.Effort) != c.Effort {
			next.efforts = s
			return next, false
		}
	}
	if broken || !refuses.MatchString(f.said) {
		return q, false
	}
	next.noTemp = q.noTemp || c.Temperature != nil && named("temperature")
	next.noTopP = q.noTopP || c.TopP != nil && named("top_p")
	next.noStop = q.noStop || c.Stop != nil && named("stop")
	next.noEffort = q.noEffort || effort
	next.noSeed = q.noSeed || c.Seed != nil && named("seed")
	next.noPenalty = q.noPenalty || named(penalties) // nothing else is called so
	switch {
	case q.limit == limitNew && c.MaxCompletionTokens > 0 && named("max_completion_tokens"):
		next.limit = limitOld
	case q.limit == limitTried && c.MaxTokens > 0 && named("max_tokens"):
		next.limit = limitBack
	case c.MaxCompletionTokens > 0 && named("max_completion_tokens"), c.MaxTokens > 0 && named("max_tokens"):
		next.limit = limitNone
	}
	if next == q && named("system") && wire.Says(f.said, "role", "message", "prompt") {
		next.noSystem = true
	}
	if next == q && strings.Contains(f.said, "alternat") {
		next.mustSwitch = true
	}
	return next, false
}

// reactSchema drops the keywords that the answer names, else asks for less.
func (q quirks) reactSchema(f *failed, c *chatRequest) (next quirks, once bool) {
	next = q
	if s := c.Format.JSONSchema; s != nil {
		has := func(word string) bool { return bytes.Contains(s.Schema, []byte(`"`+word+`"`)) }
		for _, k := range classes {
			for _, w := range k.words {
				if has(w) && regexp.MustCompile(`(^|[^a-z_])`+strings.ToLower(w)+`($|[^a-z_])`).MatchString(f.said) {
					next.drop |= k.class
				}
			}
			// Large bounds overflow a grammar, which names no keyword.
			if k.class&(lengths|counts) != 0 && grammar.MatchString(f.said) && slices.ContainsFunc(k.words, has) {
				next.drop |= k.class
			}
		}
		if next != q {
			return next, false
		}
	}
	once = thisSchema.MatchString(f.said)
	switch {
	case q.format == formatStrict && (once || strings.Contains(f.said, "strict")):
		next.format = formatSchema
	case q.format <= formatSchema:
		next.format = formatObject
	default:
		next.format, once = formatPrompt, false
	}
	return next, once
}

// A trial is what one call leaves out or replaces, beyond what the model knows, to
// see whether that helps.
type trial struct {
	quirks
	schema  format   // at least, for the call's own schema
	room    int      // for output tokens, beside the call's own prompt; 0 while unknown
	answers []string // that led to it
}

func (t *trial) add(q quirks, answer string) {
	t.quirks = t.quirks.or(q)
	t.answers = append(t.answers, answer)
}

// learn keeps a trial that helped, and logs what is new.
func (m *Model) learn(s *llm.Schema, t *trial) {
	if t.answers == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.found
	m.found = old.or(t.quirks)
	var changes []string
	for _, w := range m.found.words() {
		if !slices.Contains(old.words(), w) {
			changes = append(changes, w)
		}
	}
	if s != nil {
		if k := m.schemas[string(s.Body)]; t.schema > k.format {
			changes = append(changes, "for one schema: "+quirks{format: t.schema}.words()[0])
			k.format = t.schema
			m.remember(s, k)
		}
	}
	for _, c := range changes {
		m.e.o.Log.Warn("adapted to what the endpoint accepts", "model", m.name, "change", c, "answer", strings.Join(t.answers, " | "))
	}
}

// Adapted says in words what the model leaves out or replaces for good because the
// endpoint refused it, in a fixed order; nil for nothing. It belongs beside the results.
func (m *Model) Adapted() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.found.words()
}
