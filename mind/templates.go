package mind

import (
	"embed"
	"io/fs"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/prompts"
)

//go:embed prompts/*.tmpl
var files embed.FS

// The templates, in the order of the prompt. Each gets the data named beside it.
var templateNames = []string{
	"rules.tmpl",       // rulesData
	"acts.tmpl",        // actsData
	"persona.tmpl",     // no data
	"consolidate.tmpl", // consolidateData
}

// rulesData is what rules.tmpl may use.
type rulesData struct {
	Actions   int  // most acts in a reply
	Harmful   bool // with the text against harmful content
	Copyright bool // with the text against copying protected works
}

// actsData is what acts.tmpl may use.
type actsData struct {
	Acts    []actData
	Content int // most characters in the content of an act
}

type actData struct {
	Kind    string
	Faculty string // empty for the core kinds
	Purpose string // ends like a sentence
	Schema  string // JSON schema of the content; empty for plain text
	Yields  bool
}

// consolidateData is what consolidate.tmpl may use.
type consolidateData struct {
	Summary bool // there is an earlier summary
	Limit   int  // most characters in the new one
	Memos   int  // most memos
}

func newActsData(acts []tinytroupe.ActSpec, content int) actsData {
	d := actsData{Content: content}
	for _, a := range acts {
		d.Acts = append(d.Acts, actData{string(a.Kind), a.Faculty, sentence(a.Purpose), string(a.Schema), a.Yields})
	}
	return d
}

// loadTemplates reads the embedded templates with those of overlay in their place.
func loadTemplates(overlay fs.FS) (*prompts.Set, error) {
	t, err := prompts.Load(files, overlay, templateNames)
	if err != nil {
		return nil, err
	}
	act := actData{Kind: "K", Faculty: "f", Purpose: "P.", Schema: "{}", Yields: true}
	return t, t.Try(
		prompts.Trial{Name: "rules.tmpl", Data: rulesData{1, true, true}},
		prompts.Trial{Name: "acts.tmpl", Data: actsData{[]actData{act}, 1}},
		prompts.Trial{Name: "persona.tmpl", Data: struct{}{}},
		prompts.Trial{Name: "consolidate.tmpl", Data: consolidateData{true, 1, 1}},
	)
}

// text executes a template. Line breaks at its end are dropped.
func (m *Mind) text(name string, data any) (string, error) {
	text, err := m.templates.Text(name, data)
	return strings.TrimRight(text, "\n"), err
}
