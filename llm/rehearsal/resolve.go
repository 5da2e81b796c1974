package rehearsal

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// resolve follows references and merges combined schemas into one.
func (g *generator) resolve(s schema, at place, hops int) schema {
	if g.nodes++; s == nil || hops > 20 || g.nodes > mostNodes {
		return s
	}
	out := maps.Clone(s)
	if ref := s.str("$ref"); ref != "" {
		delete(out, "$ref")
		out = merge(g.resolve(g.pointer(ref), at, hops+1), out)
	}
	for _, raw := range s.list("allOf") {
		out = merge(out, g.resolve(schemaOf(raw), at, hops+1))
	}
	delete(out, "allOf")
	for _, key := range []string{"anyOf", "oneOf"} {
		if branches := s.list(key); len(branches) > 0 {
			delete(out, key)
			out = merge(out, g.resolve(g.branch(branches, at), at, hops+1))
		}
	}
	return out
}

func (g *generator) branch(branches []json.RawMessage, at place) schema {
	usable := branches[:0:0]
	for _, raw := range branches {
		s := schemaOf(raw)
		if s.str("type") != "null" && (at.depth < 5 || s.str("$ref") == "") {
			usable = append(usable, raw)
		}
	}
	if len(usable) == 0 || g.attempt > attempts/2 || at.depth > 6 && len(usable) < len(branches) {
		usable = branches
		if at.depth > 6 {
			for _, raw := range branches {
				if schemaOf(raw).str("type") == "null" {
					return schemaOf(raw)
				}
			}
		}
	}
	return schemaOf(usable[(g.roll(at, "branch")+uint64(g.attempt))%uint64(len(usable))])
}

func (g *generator) pointer(ref string) schema {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return nil
	}
	cur := g.root
	if path == "" {
		return cur
	}
	raw := json.RawMessage(compact(g.root))
	for part := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~", "%25", "%").Replace(part)
		var m map[string]json.RawMessage
		var l []json.RawMessage
		if json.Unmarshal(raw, &m) == nil {
			raw = m[part]
		} else if i, err := strconv.Atoi(part); err == nil && json.Unmarshal(raw, &l) == nil && i >= 0 && i < len(l) {
			raw = l[i]
		} else {
			return nil
		}
	}
	return schemaOf(raw)
}

// merge is a schema that asks for both, as far as keywords can be joined.
func merge(a, b schema) schema {
	if a == nil {
		return b
	}
	out := maps.Clone(a)
	for k, v := range b {
		old, ok := out[k]
		if !ok {
			out[k] = v
			continue
		}
		switch k {
		case "properties":
			var o object
			for _, m := range ordered(old) {
				o.set(m.key, m.value)
			}
			for _, m := range ordered(v) {
				i := slices.IndexFunc(o, func(x struct {
					key   string
					value any
				}) bool {
					return x.key == m.key
				})
				if i < 0 {
					o.set(m.key, m.value)
				} else if prev, _ := o[i].value.(json.RawMessage); prev != nil {
					o[i].value = json.RawMessage(compact(merge(schemaOf(prev), schemaOf(m.value))))
				}
			}
			out[k] = compact(o)
		case "required":
			out[k] = compact(append(a.strs(k), b.strs(k)...))
		case "minimum", "minLength", "minItems", "exclusiveMinimum", "minProperties":
			x, _ := a.num(k)
			y, _ := b.num(k)
			out[k] = compact(max(x, y))
		case "maximum", "maxLength", "maxItems", "exclusiveMaximum", "maxProperties":
			x, _ := a.num(k)
			y, _ := b.num(k)
			out[k] = compact(min(x, y))
		case "enum":
			var both []json.RawMessage
			for _, x := range a.list(k) {
				if slices.ContainsFunc(b.list(k), func(y json.RawMessage) bool { return bytes.Equal(x, y) }) {
					both = append(both, x)
				}
			}
			if len(both) > 0 {
				out[k] = compact(both)
			}
		default:
			out[k] = v
		}
	}
	return out
}
