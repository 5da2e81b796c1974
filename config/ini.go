package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/ini.v1"

	"github.com/tinytroupe-go/tinytroupe/internal/nearest"
)

// reader reads files over one another.
type reader struct {
	s  *Settings
	in map[string]string // the file whose value is in force, by label

	fixed bool // the keys that decide answers are not read
}

// file reads one file over what is there.
func (r *reader) file(name string, data []byte) []error {
	text, err := flush(name, string(data))
	if err != nil {
		return []error{err}
	}
	f, err := ini.LoadSources(ini.LoadOptions{
		// As Python's configparser reads it, but for values of several lines, which no
		// key has.
		IgnoreContinuation:      true,
		IgnoreInlineComment:     true,
		InsensitiveSections:     true,
		InsensitiveKeys:         true,
		PreserveSurroundedQuote: true,
	}, []byte(text))
	if err != nil {
		return []error{&Error{File: name, Problem: "expected lines such as KEY=VALUE"}}
	}
	var errs []error
	for _, section := range f.Sections() {
		for _, k := range section.Keys() {
			line := lineOf(text, section.Name(), k.Name())
			i := slices.IndexFunc(keys, func(x key) bool {
				return strings.EqualFold(x.section, section.Name()) && strings.EqualFold(x.name, k.Name())
			})
			if i < 0 {
				r.s.Warnings = append(r.s.Warnings, unknown(name, line, section.Name(), k.Name()))
				continue
			}
			value := strings.TrimSpace(k.Value())
			decides := slices.Contains(deciding, keys[i].name) && keys[i].section != "ActionGenerator"
			if says(&keys[i], value) && !(decides && r.fixed) {
				if decides {
					r.s.Answers[keys[i].name] = value
				}
				if err := keys[i].set(r.s, value); err != nil {
					errs = append(errs, &Error{name, line, fmt.Sprintf("%s: %v", keys[i].name, err)})
				}
				r.s.From[keys[i].label()], r.in[keys[i].label()] = fmt.Sprintf("%s:%d", name, line), name
			}
		}
	}
	return errs
}

// flush takes away what lines are indented by, which means nothing, and refuses a line
// that says nothing. Its text is not told: it may be a key in the wrong place.
func flush(name, text string) (string, error) {
	lines := strings.Split(strings.TrimPrefix(text, "\ufeff"), "\n")
	for i, line := range lines {
		line = strings.TrimSpace(line)
		lines[i] = line
		comment := line == "" || line[0] == '#' || line[0] == ';'
		if !comment && !header.MatchString(line) && (line[0] == '[' || strings.IndexAny(line, "=:") < 1) {
			return "", &Error{name, i + 1, "expected [SECTION], KEY=VALUE or a comment"}
		}
	}
	return strings.Join(lines, "\n"), nil
}

// deciding are the keys that decide what is answered.
var deciding = []string{
	"MAX_COMPLETION_TOKENS", "TEMPERATURE", "FREQ_PENALTY", "PRESENCE_PENALTY", "TOP_P", "REASONING_EFFORT", "NUM_CTX",
	"RAI_HARMFUL_CONTENT_PREVENTION", "RAI_COPYRIGHT_INFRINGEMENT_PREVENTION", "ENABLE_MEMORY_CONSOLIDATION",
}

// answers sets what a run began with.
func (r *reader) answers(values map[string]string) error {
	for name, value := range values {
		i := slices.IndexFunc(keys, func(k key) bool { return k.name == name })
		if i < 0 || !slices.Contains(deciding, name) {
			return fmt.Errorf("config: %s is no key that decides answers", name)
		}
		if err := keys[i].set(r.s, value); err != nil {
			return fmt.Errorf("config: %s: %w", name, err)
		}
		r.s.From[name], r.s.Answers[name] = "the record", value
	}
	return nil
}

// says reports whether a value says anything. An empty one does not, nor does NONE but
// where it turns something off.
func says(k *key, value string) bool {
	off := k.section == "Logging" || k.name == "MAX_CONCURRENT_MODEL_CALLS"
	return value != "" && (off || !strings.EqualFold(value, "none"))
}

// replaced returns the warning that a file deserves: which of its keys something else
// stands for here, and what. It is empty where there are none.
func (r *reader) replaced(file string) string {
	var order []string
	names := map[string][]string{} // by what stands for them
	for i := range keys {
		k := &keys[i]
		if !k.replaced || r.in[k.label()] != file || k.moot != nil && k.moot(r.s) {
			continue
		}
		if names[k.here] == nil {
			order = append(order, k.here)
		}
		names[k.here] = append(names[k.here], k.label())
	}
	if len(order) == 0 {
		return ""
	}
	for i, here := range order {
		order[i] = strings.Join(names[here], ", ") + " (" + strings.ReplaceAll(here, "`", "") + ")"
	}
	return file + ": without effect: " + strings.Join(order, "; ")
}

func unknown(file string, line int, section, name string) string {
	var all []string
	for _, k := range keys {
		if !slices.Contains(all, k.name) {
			all = append(all, k.name)
		}
	}
	upper := strings.ToUpper(name)
	w := fmt.Sprintf("%s:%d: unknown key %s", file, line, upper)
	if i := slices.IndexFunc(keys, func(k key) bool { return k.name == upper }); i >= 0 {
		return fmt.Sprintf("%s in [%s]: it belongs in [%s]", w, section, keys[i].section)
	}
	if upper == "MAX_TOKENS" { // as older files of TinyTroupe have it
		return w + ". It is called MAX_COMPLETION_TOKENS"
	}
	if near := nearest.Word(upper, all); near != "" {
		w += ". Did you mean " + near + "?"
	}
	return w
}

var header = regexp.MustCompile(`^\[([^\]]+)\]`)

// lineOf returns the line on which a key stands last, 0 where it cannot be told.
func lineOf(text, section, name string) int {
	at, in := 0, ini.DefaultSection
	for i, line := range strings.Split(text, "\n") {
		if m := header.FindStringSubmatch(line); m != nil {
			in = m[1]
			continue
		}
		key, _, ok := strings.Cut(strings.Replace(line, ":", "=", 1), "=")
		if ok && strings.EqualFold(in, section) && strings.EqualFold(strings.TrimSpace(key), name) {
			at = i + 1
		}
	}
	return at
}
