package study

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const docFile = "../docs/study.md"

var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

// docFiles are the files that the examples of the page name.
func docFiles(t *testing.T) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{
		"adverts.md":    {Data: []byte("A: bright. B: loud. C: cheap.\n")},
		"concepts.csv":  {Data: []byte("name,text\nA,Creamy\n")},
		"tasks.csv":     {Data: []byte("id,goal\n1,Find the opening hours\n2,Get a refund\n")},
		"relations.csv": {Data: []byte("from,to,relation\nlisa,oscar,old friends\n")},
		"house.png":     {Data: []byte("\x89PNG\r\n\x1a\n")},
	}
	for _, name := range []string{"people/lisa.agent.json", "people/oscar.agent.json", "fragments/picky_customer.fragment.json"} {
		data, err := os.ReadFile("../examples/" + name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	return files
}

// completed makes a study of an example that is part of one.
func completed(example string) string {
	has := func(key string) bool {
		return strings.HasPrefix(example, key+":") || strings.Contains(example, "\n"+key+":")
	}
	if strings.HasPrefix(example, "- ") {
		example = "script:\n" + example
	}
	if !has("people") {
		example += "people: {lisa: {file: people/lisa.agent.json}, oscar: {file: people/oscar.agent.json}}\n"
	}
	if !has("script") {
		example += "script: [{run: 1}]\n"
	}
	return example
}

// section returns what stands between two markers of the page.
func section(t *testing.T, page, name string) (begin, end int) {
	t.Helper()
	re := regexp.MustCompile(`(?s)<!-- begin ` + name + `[^\n]*-->\n(.*?)<!-- end ` + name + ` -->`)
	m := re.FindStringSubmatchIndex(page)
	if m == nil {
		t.Fatalf("%s has no part %s", docFile, name)
	}
	return m[2], m[3]
}

// TestDoc: the page has every word, its examples load, and what it shows is what
// the package says.
func TestDoc(t *testing.T) {
	data, err := os.ReadFile(docFile)
	if err != nil {
		t.Fatal(err)
	}
	page := string(data)
	files := docFiles(t)
	load := func(text string) (*Study, error) {
		files["study.yaml"] = &fstest.MapFile{Data: []byte(text)}
		return Load("study.yaml", &LoadOptions{FS: files})
	}

	examples := 0
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		if m[1] != "yaml" {
			continue
		}
		examples++
		if _, err := load(completed(m[2])); err != nil {
			t.Errorf("%v\n%s", err, m[2])
		}
	}
	if examples < 8 {
		t.Errorf("only %d examples", examples)
	}

	for _, v := range verbs {
		if v.later {
			continue
		}
		concepts, before := "vars: {concepts: {rows: concepts.csv}}\n", ""
		if looks(map[string]Verb{"extract": Extract{}, "code": Code{}, "tally": Tally{}, "check": Check{}, "export": Export{}}[v.name]) || v.name == "ask" {
			concepts += "questions: {intent: {ask: How likely?, scale: 1..5}, why: {ask: Why?}, pains: {find: Each., list of: {pain: text}}}\n"
			before = "- {scene: interview, do: [{run: 1}]}\n  - {for: concept in concepts, do: [{ask: [intent, why]}]}\n  "
		}
		if _, err := load(completed(concepts + "script:\n  " + before + "- " + v.example + "\n  - run: 1\n")); err != nil || !strings.Contains(v.example, v.name+":") {
			t.Errorf("the example of %s: %v\n%s", v.name, err, v.example)
		}
	}

	want := page
	for name, table := range tables() {
		want = replaced(t, want, name, table)
	}
	available, later := schemaWords(t)
	from, to := section(t, want, "later")
	spans := map[string]bool{}
	for _, text := range code(want[:from] + want[to:]) {
		for _, w := range regexp.MustCompile(`[\w/-]+( turn| of)?`).FindAllString(text, -1) {
			spans[w] = true
		}
	}
	for _, w := range available {
		if !spans[w] {
			t.Errorf("%s does not have the word %s", docFile, w)
		}
	}

	b, e := section(t, page, "wrong")
	_, err = load(strings.Trim(page[b:e], "`\n") + "\n")
	if err == nil {
		t.Fatal("the study with mistakes has none")
	}
	want = replaced(t, want, "mistakes", "```\n"+err.Error()+"\n```\n")
	list := laterList()
	for _, w := range later {
		if !strings.Contains(list, "`"+w+"`") {
			t.Errorf("the tables do not have the later word %s of the schema", w)
		}
	}
	for _, text := range code(list) {
		if !slices.Contains(later, text) {
			t.Errorf("the schema does not have the later word %s of the tables", text)
		}
	}
	want = replaced(t, want, "later", list)
	if want == page {
		return
	}
	if f := flag.Lookup("update"); f == nil || f.Value.String() != "true" {
		t.Fatalf("%s is not what the package says: go test ./study -run TestDoc -update", docFile)
	}
	if err := os.WriteFile(docFile, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func replaced(t *testing.T, page, name, text string) string {
	t.Helper()
	b, e := section(t, page, name)
	return page[:b] + text + page[e:]
}

// code returns the code of a page: of its fences without the fences themselves, and
// between single quotes.
func code(page string) []string {
	var list []string
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		if m[1] == "yaml" {
			list = append(list, m[2])
		}
	}
	for _, m := range regexp.MustCompile("`([^`\n]+)`").FindAllStringSubmatch(fence.ReplaceAllString(page, ""), -1) {
		list = append(list, m[1])
	}
	return list
}

// schemaWords returns the keys and the words that stand for themselves in the
// schema, those that are for a later version apart. A word that is both, such as
// rooms, is in both.
func schemaWords(t *testing.T) (available, later []string) {
	t.Helper()
	var root any
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	add := func(word string, isLater bool) {
		if isLater {
			later = appendNew(later, word)
		} else {
			available = appendNew(available, word)
		}
	}
	var walk func(v any, isLater bool)
	walk = func(v any, isLater bool) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x, isLater)
			}
		case map[string]any:
			if note(v) {
				isLater = true
			}
			for key, x := range v {
				switch key {
				case "properties":
					for name, schema := range x.(map[string]any) {
						add(name, isLater || note(schema))
						walk(schema, isLater)
					}
				case "enum":
					for _, w := range x.([]any) {
						add(fmt.Sprint(w), isLater)
					}
				case "const":
					add(fmt.Sprint(x), isLater)
				default:
					walk(x, isLater)
				}
			}
		}
	}
	walk(root, false)
	if len(available) < 40 || len(later) < 15 {
		t.Fatalf("%d words available, %d not", len(available), len(later))
	}
	return available, later
}

func note(schema any) bool {
	m, _ := schema.(map[string]any)
	text, _ := m["description"].(string)
	return strings.Contains(text, "(Not available yet.)")
}

// tables are the page's tables of words, by the name of their part.
func tables() map[string]string {
	keys := func(words []word) string {
		var b strings.Builder
		b.WriteString("| key | is |\n|---|---|\n")
		for _, w := range words {
			if !w.later {
				fmt.Fprintf(&b, "| `%s` | %s |\n", w.name, cell(w.doc))
			}
		}
		return b.String()
	}
	isSource := func(w word) bool { return slices.Contains(sources, w.name) }
	var does strings.Builder
	does.WriteString("| verb | does | beside it | example |\n|---|---|---|---|\n")
	list := map[string]string{
		"study-words":    keys(studyWords),
		"source-words":   keys(slices.DeleteFunc(slices.Clone(groupWords), func(w word) bool { return !isSource(w) })),
		"group-words":    keys(slices.DeleteFunc(slices.Clone(groupWords), isSource)),
		"http-words":     keys(httpWords),
		"world-words":    keys(worldWords),
		"until-words":    keys(untilWords),
		"question-words": keys(questionWords),
		"said-words":     keys(saidWords),
	}
	for _, v := range verbs {
		if v.later {
			continue
		}
		var with []string
		for _, w := range v.with {
			with = append(with, "`"+w.name+"`")
		}
		fmt.Fprintf(&does, "| `%s` | %s | %s | `%s` |\n", v.name, cell(v.doc), strings.Join(with, ", "), v.example)
		if len(v.with) > 1 || v.name == "tally" {
			list[v.name+"-words"] = keys(v.with)
		}
	}
	list["verbs"] = does.String()
	return list
}

// cell writes a text into a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// laterList is the page's list of the words that are not available yet.
func laterList() string {
	var b strings.Builder
	row := func(what string, words []word) {
		var list []string
		for _, w := range words {
			if w.later {
				list = append(list, "`"+w.name+"`")
			}
		}
		if len(list) > 0 {
			fmt.Fprintf(&b, "- %s: %s\n", what, strings.Join(list, ", "))
		}
	}
	row("in a study", studyWords)
	row("in a group of people", groupWords)
	row("in a world", worldWords)
	row("for the end of a run", untilWords)
	for _, v := range verbs {
		switch {
		case !v.later:
			row("with `"+v.name+"`", v.with)
		case len(v.with) == 0:
			fmt.Fprintf(&b, "- the verb `%s`\n", v.name)
		default:
			row("the verb `"+v.name+"`, and with it", v.with)
		}
	}
	return b.String()
}
