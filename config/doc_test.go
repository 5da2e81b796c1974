package config

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the table of docs/config.md")

// TestDoc holds the table of docs/config.md to the keys.
func TestDoc(t *testing.T) {
	const file = "../docs/config.md"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	re := regexp.MustCompile(`(?s)<!-- begin keys[^\n]*-->\n(.*?)<!-- end keys -->`)
	m := re.FindStringSubmatchIndex(page)
	if m == nil {
		t.Fatal("the page has no table")
	}
	var b strings.Builder
	b.WriteString("| section | key | here |\n|---|---|---|\n")
	for i := range keys {
		k := &keys[i]
		how := ""
		if k.replaced {
			how = "*instead:* "
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s%s |\n", k.section, k.name, how, k.here)
	}
	if *update {
		if err := os.WriteFile(file, []byte(page[:m[2]]+b.String()+page[m[3]:]), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(b.String(), page[m[2]:m[3]]); d != "" {
		t.Errorf("the table is not what the keys say (-want +got):\n%s", d)
	}
}

// TestTemplate: the template has every key of TinyTroupe's once, in its section, and
// reading it leaves nothing to say.
func TestTemplate(t *testing.T) {
	const file = "../examples/config.ini"
	s, err := Load([]string{file}, &Options{Env: func(string) (string, bool) { return "", false }})
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Warnings) > 0 {
		t.Errorf("the template has warnings: %s", s.Warnings)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	times := map[string]int{}
	section := ""
	for line := range strings.Lines(string(data)) {
		if m := header.FindStringSubmatch(line); m != nil {
			section = m[1]
		} else if name, _, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, ";") {
			times[section+" "+name]++
		}
	}
	for _, k := range keys {
		if times[k.section+" "+k.name] != 1 {
			t.Errorf("%s of [%s] is there %d times", k.name, k.section, times[k.section+" "+k.name])
		}
	}
	if len(times) != len(keys) {
		t.Errorf("%d keys in the template, %d known", len(times), len(keys))
	}
}

// TestEveryKey: each key is obeyed, which shows in a setting, or named in the warning;
// a value out of its range is an error.
func TestEveryKey(t *testing.T) {
	values := map[string][2]string{ // one that can be read, one that cannot
		"API_TYPE": {"azure", "azur"}, "TEMPERATURE": {"0.5", "3"}, "FREQ_PENALTY": {"-1", "-3"}, "PRESENCE_PENALTY": {"1", "x"}, "TOP_P": {"0.9", "1.1"},
		"BUDGET_USD": {"2.5", "0"}, "BUDGET_CALLS": {"100", "0"}, "BUDGET_TOKENS": {"1000", "many"},
		"REASONING_EFFORT": {"LOW", "5"}, "QUALITY_THRESHOLD": {"7", "10"}, "EXPONENTIAL_BACKOFF_FACTOR": {"5", "0"}, "WAITING_TIME": {"1", "-1"}, "TIMEOUT": {"1.5", "soon"},
		"LOGLEVEL": {"debug", "loud"}, "LOGLEVEL_CONSOLE": {"OFF", "loud"}, "LOGLEVEL_FILE": {"DEBUG", "loud"},
		"RAI_HARMFUL_CONTENT_PREVENTION": {"False", "maybe"}, "RAI_COPYRIGHT_INFRINGEMENT_PREVENTION": {"off", "maybe"}, "PARALLEL_AGENT_GENERATION": {"no", "maybe"},
		"ENABLE_MEMORY_CONSOLIDATION": {"0", "maybe"}, "ENABLE_CONTINUOUS_CONTEXTUAL_SEMANTIC_MEMORY_RETRIEVAL": {"False", "maybe"},
	}
	none := func(string) (string, bool) { return "", false }
	for _, k := range keys {
		v, ok := values[k.name]
		switch {
		case ok:
		case k.name == "MODEL" || strings.HasSuffix(k.name, "_MODEL") || strings.HasSuffix(k.name, "VERSION") || strings.HasSuffix(k.name, "_NAME") || k.name == "BASE_URL":
			v = [2]string{"some text", ""}
		case strings.Contains(k.name, "LENGTH") || strings.HasPrefix(k.name, "MAX_") || k.name == "NUM_CTX":
			v = [2]string{"12.0", "1.5"}
		default:
			v = [2]string{"True", "perhaps"}
		}
		dir := t.TempDir()
		load := func(value string) (*Settings, error) {
			text := "[" + k.section + "]\n" + strings.ToLower(k.name) + " = " + value + "\n"
			// So that what is moot alone is not.
			if k.section == "ActionGenerator" && k.name != "ENABLE_QUALITY_CHECKS" {
				text += "ENABLE_QUALITY_CHECKS=True\n"
			} else if k.name == "CACHE_FILE_NAME" {
				text += "CACHE_API_CALLS=True\n"
			}
			if err := os.WriteFile(dir+"/c.ini", []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			return Load([]string{dir + "/c.ini"}, &Options{Env: none})
		}
		said, err := load(v[0])
		if err != nil {
			t.Errorf("%s=%s: %v", k.name, v[0], err)
			continue
		}
		empty, err := load("")
		if err != nil {
			t.Fatal(err)
		}
		named := len(said.Warnings) == 1 && strings.Contains(said.Warnings[0], k.label()+" (") || len(said.Warnings) == 1 && strings.Contains(said.Warnings[0], k.label()+", ")
		if named != k.replaced {
			t.Errorf("%s: warnings %q", k.name, said.Warnings)
		}
		if said.From[k.label()] == "" || empty.From[k.label()] != "" {
			t.Errorf("%s: said in %q, empty in %q", k.name, said.From[k.label()], empty.From[k.label()])
		}
		said.From, empty.From, said.Warnings, empty.Warnings = nil, nil, nil, nil
		if cmp.Equal(said, empty) {
			t.Errorf("%s=%s changes no setting", k.name, v[0])
		}
		if v[1] != "" {
			if _, err := load(v[1]); err == nil || !strings.Contains(err.Error(), "c.ini:2: "+k.name+": expected ") {
				t.Errorf("%s=%s: %v", k.name, v[1], err)
			}
		}
	}
}
