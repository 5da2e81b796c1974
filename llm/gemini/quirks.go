package gemini

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
	noBounds     adapt.Set = 1 << iota // limits of numbers and counts in schemas
	noJSONSchema                       // responseJsonSchema
	noOpenAPI                          // responseSchema
	noMIME                             // responseMimeType application/json
	noTemp
	noTopP
	noStop
	noSeed
	budgeted // thinkingBudget in place of thinkingLevel
	noThinking
	noSystem
	noMinimal // thinkingLevel minimal
	noMedium  // thinkingLevel medium
)

var findings = []adapt.Finding{
	{Bit: noBounds, Text: "schemas without limits of numbers and counts"},
	{Bit: noJSONSchema | noOpenAPI, Text: "no structured output: the schema is in the prompt"},
	{Bit: noJSONSchema, Unless: noOpenAPI, Text: "responseSchema in place of responseJsonSchema"},
	{Bit: noMIME, Text: "no JSON mode"},
	{Bit: noTemp, Text: "no temperature"},
	{Bit: noTopP, Text: "no topP"},
	{Bit: noStop, Text: "no stopSequences"},
	{Bit: noSeed, Text: "no seed"},
	{Bit: noThinking, Text: "no thinkingConfig"},
	{Bit: budgeted, Unless: noThinking, Text: "thinkingBudget in place of thinkingLevel"},
	{Bit: noSystem, Text: "no systemInstruction: the system prompt opens the first user message"},
	{Bit: noMinimal, Text: "thinkingLevel low in place of minimal"},
	{Bit: noMedium, Text: "thinkingLevel high in place of medium"},
}

var (
	// refuses is how a thing is refused altogether. A bad value of a thing that is taken
	// must not match: that is the caller's mistake.
	refuses = regexp.MustCompile(`unsupported|not supported|does not support|doesn't support|not enabled|not allowed|not available|` +
		`unknown name|cannot find field|unexpected|deprecated|no longer`)
	aboutSchema = regexp.MustCompile(`response_?(json_?)?schema|\bschema\b|too many states|constraint`)
	unknownJSON = regexp.MustCompile(`unknown name "?response_?json_?schema`)
	outputLimit = regexp.MustCompile(`max_?output_?tokens value of \d+ but the supported range is from 1 \(inclusive\) to (\d+) \(exclusive\)`)
	jsonMode    = regexp.MustCompile(`json mode is not|response_?mime_?type`)
)

// react reads an answer that refused c. once says that the cause is this schema, not
// the model. Nothing found means that there is nothing to change.
func react(f *failed, c *request) (found adapt.Set, once bool) {
	if f.status != 400 {
		return 0, false
	}
	g, refused := &c.Config, refuses.MatchString(f.said)
	schema := g.JSONSchema != nil || g.Schema != nil
	named := func(field string) bool {
		return regexp.MustCompile(`(^|[^a-z_])` + field + `($|[^a-z_])`).MatchString(f.said)
	}
	switch {
	case c.System != nil && refused && (strings.Contains(f.said, "developer instruction") || named("system_?instruction")):
		return noSystem, false
	case g.MIME != "" && refused && jsonMode.MatchString(f.said):
		return noMIME | noJSONSchema | noOpenAPI, false
	case schema && aboutSchema.MatchString(f.said):
		if strings.Contains(f.said, "too many states") {
			if g.bounded {
				return noBounds, true
			}
			return noJSONSchema | noOpenAPI, true
		}
		if g.JSONSchema != nil {
			return noJSONSchema, !unknownJSON.MatchString(f.said)
		}
		return noOpenAPI, true
	case g.Thinking != nil && strings.Contains(f.said, "thinking"):
		switch level := g.Thinking.Level; {
		case level == "minimal" && named("thinking level minimal"):
			return noMinimal, false
		case level == "medium" && named("thinking level medium"):
			return noMedium, false
		case level != "":
			return budgeted, false
		}
		return noThinking, false
	}
	if refused {
		for _, p := range []struct {
			sent bool
			name string
			bit  adapt.Set
		}{
			{g.Temperature != nil, "temperature", noTemp}, {g.TopP != nil, "top_?p", noTopP},
			{g.Stop != nil, "stop_?sequences", noStop}, {g.Seed != nil, "seed", noSeed},
		} {
			if p.sent && named(p.name) {
				found |= p.bit
			}
		}
		return found, false
	}
	// Some models say no more than this of a schema that is too much for them.
	if schema && strings.HasSuffix(f.said, "\nrequest contains an invalid argument.") {
		return noJSONSchema | noOpenAPI, true
	}
	return 0, false
}

// ceiling returns the most output tokens that a model has, if that is what an answer
// says.
func ceiling(f *failed) int {
	if m := outputLimit.FindStringSubmatch(f.said); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			return n - 1
		}
	}
	return 0
}

// limits are the keywords that let a schema's grammar grow.
var limits = []string{"minItems", "maxItems", "minimum", "maximum", "minLength", "maxLength", "pattern"}

// jsonDialect returns the schemas of responseJsonSchema. What it does not know, such
// as the length of a string, is told in descriptions.
func jsonDialect(bounds bool) *subset.Dialect {
	return &subset.Dialect{Ordered: true, Keep: func(word string, v ordered.Value) bool {
		switch word {
		case "title", "prefixItems":
			return true
		case "format":
			return bounds
		case "minItems", "maxItems", "minimum", "maximum":
			return bounds
		case "enum":
			return !slices.ContainsFunc(v.Items, func(x ordered.Value) bool {
				return x.Kind != ordered.String && x.Kind != ordered.Number
			})
		}
		return false
	}}
}

// openDialect returns the schemas of responseSchema.
func openDialect(bounds bool) *subset.Dialect {
	return &subset.Dialect{Ordered: true, OpenAPI: true, Keep: func(word string, v ordered.Value) bool {
		switch word {
		case "enum":
			return len(v.Items) > 0 && !slices.ContainsFunc(v.Items, func(x ordered.Value) bool { return x.Kind != ordered.String })
		case "format":
			return bounds && slices.Contains([]string{"date-time", "enum", "float", "double", "int32", "int64"}, v.Text)
		}
		return bounds && slices.Contains(limits, word) && word != "pattern"
	}}
}
