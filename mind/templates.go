package mind

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"

	"github.com/tinytroupe-go/tinytroupe"
)

//go:embed prompts/*.tmpl
var prompts embed.FS

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

// templates are the effective templates and the hash of their texts.
type templates struct {
	set  *template.Template
	hash string
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
		if _, err := t.set.New(name).Parse(text); err != nil {
			return nil, fmt.Errorf("prompt template: %w", err)
		}
	}
	t.hash = hex.EncodeToString(sum.Sum(nil))

	act := actData{Kind: "K", Faculty: "f", Purpose: "P.", Schema: "{}", Yields: true}
	for _, try := range []struct {
		name string
		data any
	}{
		{"rules.tmpl", rulesData{1, true, true}},
		{"acts.tmpl", actsData{[]actData{act}, 1}},
		{"persona.tmpl", struct{}{}},
		{"consolidate.tmpl", consolidateData{true, 1, 1}},
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

// text executes a template. Line breaks at its end are dropped.
func (t *templates) text(name string, data any) (string, error) {
	var b strings.Builder
	if err := t.set.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("prompt template: %w", err)
	}
	return strings.TrimRight(b.String(), "\n"), nil
}
