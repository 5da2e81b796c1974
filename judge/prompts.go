package judge

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
)

//go:embed prompts/*.tmpl
var prompts embed.FS

// The templates. Each gets the data named beside it.
var templateNames = []string{
	"judge.tmpl",    // judgeData: what judging is, the same for all claims
	"case.tmpl",     // caseData: what is to be judged
	"examiner.tmpl", // no data: what examining is
	"round.tmpl",    // roundData: the interview so far, and what comes next
}

// judgeData is what judge.tmpl may use.
type judgeData struct {
	Score bool // a score is asked for, not whether the claim holds
	Max   int  // the highest score
}

// caseData is what case.tmpl may use. Personas, Context and Evidence are JSON.
type caseData struct {
	Subject  string
	Personas []string
	Context  string // empty where there is none
	Evidence string // a line for each event, ended by a line break
	Proposed int    // number of the first act that is merely proposed; 0 where there is none
	OwnWords bool   // only the subject's own acts may be quoted
	Claim    string
}

// roundData is what round.tmpl may use. Persona and Exchanges are JSON.
type roundData struct {
	Expectations []string // each on one line
	Persona      string   // empty where the examiner may not see it
	Exchanges    []string
	Round        int
	Rounds       int
	Questions    int // at most this many now
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
			return nil, fmt.Errorf("judge's templates: %w", err)
		}
		for _, e := range entries {
			if n := e.Name(); path.Ext(n) == ".tmpl" && !slices.Contains(templateNames, n) {
				return nil, fmt.Errorf("judge's templates: there is no %s to replace; there are %s", n, strings.Join(templateNames, ", "))
			}
		}
	}
	sum := sha256.New()
	t := &templates{set: template.New("").Option("missingkey=error")}
	for _, name := range templateNames {
		text, err := readTemplate(overlay, name)
		if err != nil {
			return nil, fmt.Errorf("judge's template %s: %w", name, err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
		if _, err := t.set.New(name).Parse(text); err != nil {
			return nil, fmt.Errorf("judge's template: %w", err)
		}
	}
	t.hash = hex.EncodeToString(sum.Sum(nil))

	for _, try := range []struct {
		name string
		data any
	}{
		{"judge.tmpl", judgeData{true, 1}},
		{"judge.tmpl", judgeData{false, 1}},
		{"case.tmpl", caseData{"S", []string{"{}"}, "C", "{}\n", 1, true, "C"}},
		{"examiner.tmpl", struct{}{}},
		{"round.tmpl", roundData{[]string{"E"}, "{}", []string{"{}"}, 1, 1, 1}},
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
		return "", fmt.Errorf("judge's template: %w", err)
	}
	return strings.TrimRight(b.String(), "\n"), nil
}
