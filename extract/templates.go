package extract

import (
	"embed"
	"io/fs"
	"strconv"

	"github.com/tinytroupe-go/tinytroupe/internal/prompts"
)

//go:embed prompts/*.tmpl
var files embed.FS

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
	Fields    []mergeField // of a list all; else the one to choose, if the question has any
	Found     string       // lines, each ended
}

type mergeField struct{ Name, Text string }

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
		for i, k := range keys("f", q.Fields) {
			d.Fields = append(d.Fields, newQuestionData(&q.Fields[i], k, asked))
		}
	}
	return d
}

func newQuestionsData(qs []Question, asked bool) []questionData {
	var out []questionData
	for i, k := range keys("q", qs) {
		out = append(out, newQuestionData(&qs[i], k, asked))
	}
	return out
}

// Hash returns the SHA-256 of the templates in use, hexadecimal; overlay may be nil.
func Hash(overlay fs.FS) (string, error) {
	t, err := loadTemplates(overlay)
	if err != nil {
		return "", err
	}
	return t.Hash(), nil
}

// loadTemplates reads the embedded templates with those of overlay in their place.
func loadTemplates(overlay fs.FS) (*prompts.Set, error) {
	t, err := prompts.Load(files, overlay, templateNames)
	if err != nil {
		return nil, err
	}
	var all []questionData
	for i, k := range []Kind{Text, YesNo, Scale, Number, OneOf, SomeOf, Rank, Fields, ListOf} {
		q := Question{ID: "i", Find: "f", Type: k, Lo: 1, Hi: 2, Labels: []Label{{"1", "t"}}, Fields: []Question{{ID: "f"}}}
		if k == OneOf || k == SomeOf || k == Rank {
			q.Options = []string{"1", "2"}
		}
		all = append(all, newQuestionData(&q, strconv.Itoa(i), false))
	}
	return t, t.Try(
		prompts.Trial{Name: "extract.tmpl", Data: struct{}{}},
		prompts.Trial{Name: "transcript.tmpl", Data: transcriptData{"s", "t\n", 1, 2}},
		prompts.Trial{Name: "questions.tmpl", Data: questionsData{"o", "p", "s", all}},
		prompts.Trial{Name: "questions.tmpl", Data: questionsData{"", "", "s", all}},
		prompts.Trial{Name: "ask.tmpl", Data: askData{true, all}},
		prompts.Trial{Name: "merge.tmpl", Data: mergeData{[]mergeQuestion{{"k", "t", true, []mergeField{{"n", "t"}}, "f\n"}, {"k", "t", false, nil, "f\n"}}}},
		prompts.Trial{Name: "codebook.tmpl", Data: codebookData{"o", "q", 2, []codeLine{{"n", "d", 1}}, "t\n"}},
		prompts.Trial{Name: "code.tmpl", Data: codeData{"o", "q", true, []codeLine{{"n", "d", 1}}, "t\n"}},
	)
}
