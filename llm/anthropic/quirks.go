package anthropic

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/adapt"
	"github.com/tinytroupe-go/tinytroupe/llm/internal/subset"
)

// What a model may be found not to accept.
const (
	noFormat adapt.Set = 1 << iota
	noTool
	noTemp
	noTopP
	oneSampler  // top_p only without a temperature
	plainThinks // no sampling parameters beside thinking
	noStop
	noEffort
	budgeted // thinking by a budget of tokens, not adaptive
	noThinking
	noCache
	lukewarm // temperatures end at 1
)

var findings = []adapt.Finding{
	{Bit: noFormat | noTool, Text: "no structured output: the schema is in the prompt"},
	{Bit: noFormat, Unless: noTool, Text: "no output_config.format: schemas go with a forced tool call"},
	{Bit: noTool, Unless: noFormat, Text: "no forced tool call"},
	{Bit: noTemp, Text: "no temperature"},
	{Bit: lukewarm, Unless: noTemp, Text: "no temperature above 1"},
	{Bit: noTopP, Text: "no top_p"},
	{Bit: oneSampler, Text: "no top_p beside a temperature"},
	{Bit: plainThinks, Text: "no temperature and top_p where the model thinks"},
	{Bit: noStop, Text: "no stop_sequences"},
	{Bit: noEffort, Text: "no output_config.effort"},
	{Bit: budgeted, Text: "thinking by a budget of tokens in place of adaptive thinking"},
	{Bit: noThinking, Text: "no thinking"},
	{Bit: noCache, Text: "no cache_control"},
}

var (
	// refuses is how a thing is refused altogether. A bad value of a thing that is taken
	// must not match: that is the caller's mistake.
	refuses = regexp.MustCompile(`unsupported|not supported|does not support|doesn't support|not permitted|not allowed|not available|` +
		`extra inputs|unexpected|unrecogni[sz]ed|unknown|deprecated|incompatible|cannot both|may only be|may not be|or unset|` +
		`does not match any of the expected tags|too (many|complex|large)|invalid schema|is missing|compil|recurs`)
	aboutFormat = regexp.MustCompile(`output_config(\.format)?($|[^.a-z_])|output_config\.format\.|output_format|output format|structured output|json_schema|\bgrammar\b|\bschema\b`)
	thisSchema  = regexp.MustCompile(`format\.schema|output_format\.schema|input_schema|\bgrammar\b|(in|the|your) schema|schema (is|with)|invalid schema|optional param|union`)
	hottest     = regexp.MustCompile(`temperature: (input should be less than or equal to 1|range: (-1 or )?0\.\.1)($|[^.0-9])`)
	aboutEffort = regexp.MustCompile(`effort parameter|output_config\.effort|(^|[^a-z_.])output_config($|[^a-z_.])`)
	outputLimit = regexp.MustCompile(`max_tokens: \d+ > (\d+), which is the maximum`)
	outputRoom  = regexp.MustCompile("input length and `?max_tokens`? exceed context limit: (\\d+) \\+ \\d+ > (\\d+)")
)

// react reads an answer that refused c. once says that the cause is this schema, not
// the model. Nothing found means that there is nothing to change.
func react(f *failed, c *request) (found adapt.Set, once bool) {
	if f.status == 400 && c.Temperature != nil && *c.Temperature > 1 && hottest.MatchString(f.said) {
		return lukewarm, false
	}
	if f.status != 400 && f.status != 422 || !refuses.MatchString(f.said) {
		return 0, false
	}
	named := func(field string) bool {
		return regexp.MustCompile(`(^|[^a-z_.])` + field + `($|[^a-z_])`).MatchString(f.said)
	}
	sampler := c.Temperature != nil && named("temperature") || c.TopP != nil && named("top_p")
	switch {
	case sampler && c.Temperature != nil && c.TopP != nil && strings.Contains(f.said, "both"):
		return oneSampler, false
	case sampler && c.Thinking != nil && strings.Contains(f.said, "thinking"):
		return plainThinks, false
	case sampler:
		if c.Temperature != nil && named("temperature") {
			found |= noTemp
		}
		if c.TopP != nil && named("top_p") {
			found |= noTopP
		}
	case c.ToolChoice != nil && (named("tool_choice") || named("tools") || strings.Contains(f.said, "input_schema")):
		return noTool, thisSchema.MatchString(f.said)
	case c.Thinking != nil && (strings.Contains(f.said, "thinking")):
		if c.Thinking.Type == "adaptive" {
			return budgeted, false
		}
		return noThinking, false
	case c.Stop != nil && named("stop_sequences"):
		return noStop, false
	case c.marked && strings.Contains(f.said, "cache_control"):
		return noCache, false
	}
	if c.Output != nil {
		if c.Output.Effort != "" && aboutEffort.MatchString(f.said) {
			found |= noEffort
		}
		if c.Output.Format != nil && aboutFormat.MatchString(f.said) {
			return found | noFormat, found == 0 && thisSchema.MatchString(f.said)
		}
	}
	return found, false
}

// leastRoom is a reply that it is worth while to ask for: with less room the prompt is
// too long.
const leastRoom = 64

// fitting returns what an answer says of the output tokens that there are: in all, or
// beside this prompt; 0 for what it does not say.
func fitting(f *failed) (most, room int) {
	if m := outputLimit.FindStringSubmatch(f.said); m != nil {
		most, _ = strconv.Atoi(m[1]) // the greatest there is, which lowers nothing, for what is too large
	} else if m := outputRoom.FindStringSubmatch(f.said); m != nil {
		input, err := strconv.Atoi(m[1])
		context, err2 := strconv.Atoi(m[2])
		if room = context - input; err != nil || err2 != nil || room < leastRoom {
			room = 0
		}
	}
	return most, room
}

// formats are the formats of strings that structured output knows.
var formats = []string{"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}

// dialect returns the schemas of structured output: no bounds on numbers, on the
// length of strings or of arrays, which are told in descriptions instead.
func dialect() *subset.Dialect {
	return &subset.Dialect{Closed: true, Keep: func(word string, v ordered.Value) bool {
		switch word {
		case "title", "enum", "const":
			return true
		case "format":
			return slices.Contains(formats, v.Text)
		case "minItems":
			return v.Text == "0" || v.Text == "1"
		}
		return false
	}}
}
