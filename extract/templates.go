package extract

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed prompts/*.tmpl
var prompts embed.FS

// The templates. Each gets the data named beside it.
var templateNames = []string{
	"extract.tmpl",    // no data
	"transcript.tmpl", // transcriptData
	"questions.tmpl",  // questionsData
	"ask.tmpl",        // askData
	"form.tmpl",       // questionData; used by others
	"options.tmpl",    // questionData; used by others
	"merge.tmpl",      // mergeData
	"codebook.tmpl",   // codebookData
	"code.tmpl",       // codeData
}

// transcriptData is what transcript.tmpl may use.
type transcriptData struct {
	Situation   string
	Transcript  string // lines, each ended
	Part, Parts int
}

// questionsData is what questions.tmpl may use.
type questionsData struct {
	Objective string
	Person    string // empty where it is about everybody
	Speakers  string // names, joined
	Questions []questionData
}

// askData is what ask.tmpl may use.
type askData struct {
	Several   bool
	Questions []questionData
}

type questionData struct {
	Key     string // its member in the reply
	Text    string // what is asked, or what is looked for
	Type    string
	Lo, Hi  string
	Bounded bool
	Options []optionData
	Labels  []Label
	List    bool
	Most    int
	Fields  []questionData
}

type optionData struct{ Name, Text string }

// mergeData is what merge.tmpl may use.
type mergeData struct{ Questions []mergeQuestion }

type mergeQuestion struct {
	Key, Text string
	List      bool
	Found     string // lines, each ended
}

func newQuestionData(q *Question, k string, asked bool) questionData {
	d := questionData{Key: k, Text: q.find(), Type: string(q.kind()), Lo: Value{Kind: Number, Number: q.Lo}.String(),
		Hi: Value{Kind: Number, Number: q.Hi}.String(), Bounded: q.Lo != 0 || q.Hi != 0, List: q.Type == ListOf, Most: q.most()}
	if asked && q.Ask != "" {
		d.Text = q.Ask
	}
	if d.Text == "" && k != q.ID { // else the key says it
		d.Text = q.ID + "."
	}
	for _, o := range q.Options {
		d.Options = append(d.Options, optionData{strconv.Quote(o), q.label(o)})
	}
	if len(q.Options) == 0 {
		d.Labels = q.Labels
	}
	if q.compound() {
		for i := range q.Fields {
			d.Fields = append(d.Fields, newQuestionData(&q.Fields[i], key("f", q.Fields[i].ID, i), asked))
		}
	}
	return d
}

func newQuestionsData(qs []Question, asked bool) []questionData {
	var out []questionData
	for i := range qs {
		out = append(out, newQuestionData(&qs[i], key("q", qs[i].ID, i), asked))
	}
	return out
}

// templates are the effective templates and the hash of their texts.
type templates struct {
	set  *template.Template
	hash string
}

// Hash returns the SHA-256 of the templates in use, hexadecimal; overlay may be nil.
func Hash(overlay fs.FS) (string, error) {
	t, err := loadTemplates(overlay)
	if err != nil {
		return "", err
	}
	return t.hash, nil
}

// loadTemplates reads the embedded templates with those of overlay in their place.
// Each is executed once, so that a wrong field is an error here and not in a run.
func loadTemplates(overlay fs.FS) (*templates, error) {
	if overlay != nil {
		entries, err := fs.ReadDir(overlay, ".")
		if err != nil {
			return nil, fmt.Errorf("prompt templates: %w", err)
		}
		for _, e := range entries {
			if n := e.Name(); path.Ext(n) == ".tmpl" && !slices.Contains(templateNames, n) {
				return nil, fmt.Errorf("prompt templates: there is no %s to replace; there are %s", n, strings.Join(templateNames, ", "))
			}
		}
	}
	sum := sha256.New()
	t := &templates{set: template.New("").Option("missingkey=error")}
	for _, name := range templateNames {
		text, err := readTemplate(overlay, name)
		if err != nil {
			return nil, fmt.Errorf("prompt template %s: %w", name, err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
		if _, err := t.set.New(name).Parse(strings.TrimRight(text, "\n")); err != nil {
			return nil, fmt.Errorf("prompt template: %w", err)
		}
	}
	t.hash = hex.EncodeToString(sum.Sum(nil))

	var all []questionData
	for i, k := range []Kind{Text, YesNo, Scale, Number, OneOf, SomeOf, Rank, Fields, ListOf} {
		q := Question{ID: "i", Find: "f", Type: k, Lo: 1, Hi: 2, Labels: []Label{{"1", "t"}}, Fields: []Question{{ID: "f"}}}
		if k == OneOf || k == SomeOf || k == Rank {
			q.Options = []string{"1", "2"}
		}
		all = append(all, newQuestionData(&q, strconv.Itoa(i), false))
	}
	for _, try := range []struct {
		name string
		data any
	}{
		{"extract.tmpl", struct{}{}},
		{"transcript.tmpl", transcriptData{"s", "t\n", 1, 2}},
		{"questions.tmpl", questionsData{"o", "p", "s", all}},
		{"questions.tmpl", questionsData{"", "", "s", all}},
		{"ask.tmpl", askData{true, all}},
		{"merge.tmpl", mergeData{[]mergeQuestion{{"k", "t", true, "f\n"}, {"k", "t", false, "f\n"}}}},
		{"codebook.tmpl", codebookData{"o", "q", 2, []codeLine{{"n", "d", 1}}, "t\n"}},
		{"code.tmpl", codeData{"o", "q", true, []codeLine{{"n", "d", 1}}, "t\n"}},
	} {
		if _, err := t.text(try.name, try.data); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func readTemplate(overlay fs.FS, name string) (string, error) {
	if overlay != nil {
		b, err := fs.ReadFile(overlay, name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return string(b), err
		}
	}
	b, err := prompts.ReadFile("prompts/" + name)
	return string(b), err
}

// text executes a template.
func (t *templates) text(name string, data any) (string, error) {
	var b strings.Builder
	if err := t.set.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("prompt template: %w", err)
	}
	return b.String(), nil
}
