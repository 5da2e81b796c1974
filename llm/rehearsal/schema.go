package rehearsal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// attempts is how many candidates are tried against a schema. The first reads best;
// later ones take other branches, leave out what is optional and vary lengths.
const attempts = 24

// A schema may ask for endless or enormous values; beyond these bounds a candidate
// is given up, and is then found not to fit.
const (
	mostNodes = 20_000
	mostItems = 2_000
	mostChars = 100_000
)

// structured returns a value for a schema: a decision where the schema is that of a
// person's acts. It is an error when the schema does not resolve, and when no
// candidate satisfies it.
func (b *brain) structured(body json.RawMessage) (json.RawMessage, error) {
	var s jsonschema.Schema
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, err
	}
	resolved, err := s.Resolve(nil)
	if err != nil {
		return nil, err
	}
	root := schemaOf(body)
	g := &generator{b: b, root: root, fixed: map[string]any{}}
	if kinds, most, longest, ok := g.decisionSchema(); ok {
		g.fixDecision(b.decide(kinds), most, longest)
	}
	said, asked := b.said, b.asked
	var last error
	for g.attempt = range attempts {
		if g.attempt == attempts/2 {
			clear(g.fixed) // a decision of an unusual shape
		}
		b.said, b.asked = maps.Clone(said), maps.Clone(asked)
		g.chosen, g.quotes, g.nodes = nil, 0, 0
		v := compact(g.value(root, place{}))
		var plain any
		if err := json.Unmarshal(v, &plain); err != nil {
			return nil, err
		}
		if last = resolved.Validate(plain); last == nil {
			return v, nil
		}
	}
	return nil, fmt.Errorf("%w: %w", errUnsatisfied, last)
}

// schema is one JSON schema by keyword; nil allows anything.
type schema map[string]json.RawMessage

func schemaOf(raw json.RawMessage) schema {
	var s schema
	if json.Unmarshal(raw, &s) != nil {
		return nil
	}
	return s
}

func (s schema) str(key string) string {
	var v string
	json.Unmarshal(s[key], &v) // of another type: as if absent
	return v
}

func (s schema) num(key string) (float64, bool) {
	var v float64
	raw, ok := s[key]
	return v, ok && json.Unmarshal(raw, &v) == nil
}

func (s schema) list(key string) []json.RawMessage {
	var v []json.RawMessage
	json.Unmarshal(s[key], &v)
	return v
}

func (s schema) strs(key string) []string {
	var v []string
	json.Unmarshal(s[key], &v)
	return v
}

type member struct {
	key   string
	value json.RawMessage
}

// ordered reads a JSON object, keeping the order of its keys.
func ordered(raw json.RawMessage) []member {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	var out []member
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return out
		}
		key, _ := k.(string)
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return out
		}
		out = append(out, member{key, v})
	}
	return out
}

// object is a JSON object in order.
type object []struct {
	key   string
	value any
}

func (o *object) set(key string, v any) {
	*o = append(*o, struct {
		key   string
		value any
	}{key, v})
}

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(compact(m.key))
		b.WriteByte(':')
		b.Write(compact(m.value))
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// A place is where in the value a schema stands.
type place struct {
	path  string
	name  string // of the nearest property
	ask   string // what the property asks for, in words
	depth int
	index int // in the nearest array
}

type generator struct {
	b       *brain
	root    schema
	fixed   map[string]any // values decided elsewhere, by path
	attempt int
	chosen  *option // the option last chosen, for the reason that follows
	quotes  int     // how many quotes were used
	nodes   int     // schemas visited in this attempt
}

// roll is a number that depends on the request, the place and the attempt.
func (g *generator) roll(at place, what string) uint64 {
	return hash(g.b.seed, "roll", g.b.me.text, g.topic(at), g.b.draw, at.path, what, strconv.Itoa(g.attempt))
}

// topic is the question that a place answers.
func (g *generator) topic(at place) string {
	q := g.b.p.question
	if q == "" && len(g.b.p.user) > 0 {
		q = g.b.p.user[len(g.b.p.user)-1]
	}
	if at.ask != "" && count(at.ask) > 2 {
		return at.ask
	}
	switch at.ask {
	case "answer", "value", "text", "reply", "response", "result", "content":
		return q
	}
	return strings.TrimSpace(q + " " + at.ask)
}

// value generates a value for a schema.
func (g *generator) value(s schema, at place) any {
	if v, ok := g.fixed[at.path]; ok {
		return v
	}
	if at.depth > 60 || g.nodes > mostNodes {
		return nil
	}
	s = g.resolve(s, at, 0)
	if d := first(s.str("description"), s.str("title")); d != "" {
		at.ask = d
	}
	if c, ok := s["const"]; ok {
		return c
	}
	if enum := s.list("enum"); len(enum) > 0 {
		return g.enum(enum, at)
	}
	switch g.typeOf(s, at) {
	case "null":
		return nil
	case "boolean":
		return g.boolean(at)
	case "integer":
		return g.number(s, at, true)
	case "number":
		return g.number(s, at, false)
	case "array":
		return g.array(s, at)
	case "object":
		return g.object(s, at)
	}
	return g.str(s, at)
}

func (g *generator) typeOf(s schema, at place) string {
	if t := s.str("type"); t != "" {
		return t
	}
	if ts := s.strs("type"); len(ts) > 0 {
		if at.depth > 6 && slices.Contains(ts, "null") {
			return "null"
		}
		usable := slices.DeleteFunc(slices.Clone(ts), func(t string) bool { return t == "null" })
		if len(usable) == 0 || g.attempt > attempts/2 {
			usable = ts
		}
		return usable[g.attempt%len(usable)]
	}
	for _, k := range [][2]string{{"properties", "object"}, {"required", "object"}, {"minProperties", "object"}, {"additionalProperties", "object"},
		{"items", "array"}, {"prefixItems", "array"}, {"minItems", "array"}, {"contains", "array"},
		{"minimum", "number"}, {"maximum", "number"}, {"multipleOf", "number"}, {"exclusiveMinimum", "number"}} {
		if _, ok := s[k[0]]; ok {
			return k[1]
		}
	}
	return "string"
}

func (g *generator) object(s schema, at place) any {
	if g.attempt < attempts/2 {
		if v, ok := g.withEvidence(s, at); ok {
			return v
		}
		if v, ok := g.coded(s, at); ok {
			return v
		}
	}
	o := object{}
	required := s.strs("required")
	for _, m := range ordered(s["properties"]) {
		need := slices.Contains(required, m.key)
		skip := at.depth > 6 || g.attempt%4 == 1 || g.attempt%4 == 3 && g.roll(at, m.key)%2 == 0
		if string(m.value) == "false" || !need && skip {
			continue
		}
		o.set(m.key, g.value(schemaOf(m.value), g.below(at, m.key)))
	}
	least, _ := s.num("minProperties")
	for _, k := range required {
		if !slices.ContainsFunc(o, func(m struct {
			key   string
			value any
		}) bool {
			return m.key == k
		}) {
			o.set(k, g.value(schemaOf(s["additionalProperties"]), g.below(at, k)))
		}
	}
	for i := 1; len(o) < int(min(least, mostItems)); i++ {
		k := "item" + strconv.Itoa(i)
		for _, m := range ordered(s["patternProperties"]) {
			k = fromPattern(m.key, i)
		}
		o.set(k, g.value(schemaOf(s["additionalProperties"]), g.below(at, k)))
	}
	return o
}

func (g *generator) below(at place, key string) place {
	ask := strings.NewReplacer("_", " ", "-", " ").Replace(key)
	return place{path: at.path + "/" + key, name: strings.ToLower(key), ask: ask, depth: at.depth + 1, index: at.index}
}

func (g *generator) number(s schema, at place, whole bool) any {
	if g.attempt == 0 && g.b.me.text == "" {
		if v, err := strconv.ParseFloat(givenIn(strings.Join(g.b.p.user, "\n"), at.name), 64); err == nil && (!whole || v == math.Trunc(v)) && math.Abs(v) < 1e15 {
			return v
		}
	}
	lo, hasLo := s.num("minimum")
	hi, hasHi := s.num("maximum")
	step, hasStep := s.num("multipleOf")
	if !hasStep || step <= 0 {
		step = 1
		if !whole && !(hasLo && hasHi && hi-lo >= 3) {
			step = 0.01
		}
	} else if whole && step != math.Trunc(step) {
		step = math.Max(1, math.Ceil(step))
	}
	if x, ok := s.num("exclusiveMinimum"); ok && (!hasLo || x >= lo) {
		lo, hasLo = (math.Floor(x/step)+1)*step, true
	}
	if x, ok := s.num("exclusiveMaximum"); ok && (!hasHi || x <= hi) {
		hi, hasHi = (math.Ceil(x/step)-1)*step, true
	}
	usualLo, usualHi := usualRange(at.name)
	switch {
	case !hasLo && !hasHi:
		lo, hi = usualLo, usualHi
	case !hasLo:
		lo = math.Min(usualLo, hi-10*step)
	case !hasHi:
		hi = math.Max(usualHi, lo+10*step)
	}
	first, last := math.Ceil(lo/step-1e-9), math.Floor(hi/step+1e-9)
	if last < first {
		return lo
	}
	n := g.b.judgeNumber(g, at, last-first)
	v := (first + math.Min(n, last-first)) * step
	if whole || v == math.Trunc(v) {
		if math.Abs(v) < 1e15 {
			return int64(v)
		}
		return v
	}
	if r := math.Round(v*1e6) / 1e6; r >= lo && r <= hi {
		return r
	}
	return v
}

func usualRange(name string) (float64, float64) {
	switch {
	case strings.Contains(name, "age"):
		return 19, 78
	case strings.Contains(name, "year"):
		return 1990, 2030
	case strings.Contains(name, "percent"), strings.Contains(name, "share"):
		return 0, 100
	case strings.Contains(name, "confidence"), strings.Contains(name, "probability"):
		return 0, 1
	}
	return 0, 10
}

func (g *generator) array(s schema, at place) any {
	least, _ := s.num("minItems")
	most, bounded := s.num("maxItems")
	prefix := s.list("prefixItems")
	items := s["items"]
	n := int(math.Max(least, 2+float64(g.roll(at, "size")%2)))
	if at.depth > 5 {
		n = int(least)
	}
	if g.attempt%3 == 2 {
		n = int(least) + g.attempt/3
	}
	if bounded {
		n = min(n, int(most))
	}
	n = min(n, mostItems)
	item := g.resolve(schemaOf(items), at, 0)
	if enum := item.list("enum"); len(enum) > 0 && len(prefix) == 0 && g.attempt < attempts/2 {
		return g.several(enum, int(least), most, bounded, n, at)
	}
	if c, ok := s["contains"]; ok {
		k := 1.0
		if x, ok := s.num("minContains"); ok {
			k = x
		}
		for range int(min(k, 50)) {
			prefix = append(prefix, c)
		}
		n = max(n, len(prefix))
	}
	if string(items) == "false" {
		n = min(n, len(prefix))
	}
	out := []any{}
	seen := map[string]bool{}
	unique := string(s["uniqueItems"]) == "true"
	for i := 0; len(out) < n && i < 4*n+8; i++ {
		is := schemaOf(items)
		if i < len(prefix) {
			is = schemaOf(prefix[i])
		}
		p := at
		p.path += "/" + strconv.Itoa(i)
		p.depth++
		p.index = i
		v := g.value(is, p)
		key := string(compact(v))
		if unique && seen[key] {
			continue
		}
		seen[key] = true
		out = append(out, v)
	}
	return out
}
