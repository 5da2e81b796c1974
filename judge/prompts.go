package judge

import (
	"embed"
	"io/fs"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/prompts"
)

//go:embed prompts/*.tmpl
var files embed.FS

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

// loadTemplates reads the embedded templates with those of overlay in their place.
func loadTemplates(overlay fs.FS) (*prompts.Set, error) {
	t, err := prompts.Load(files, overlay, templateNames)
	if err != nil {
		return nil, err
	}
	return t, t.Try(
		prompts.Trial{Name: "judge.tmpl", Data: judgeData{true, 1}},
		prompts.Trial{Name: "judge.tmpl", Data: judgeData{false, 1}},
		prompts.Trial{Name: "case.tmpl", Data: caseData{"S", []string{"{}"}, "C", "{}\n", 1, true, "C"}},
		prompts.Trial{Name: "examiner.tmpl", Data: struct{}{}},
		prompts.Trial{Name: "round.tmpl", Data: roundData{[]string{"E"}, "{}", []string{"{}"}, 1, 1, 1}},
	)
}

// text executes a template. Line breaks at its end are dropped.
func (j *Judge) text(name string, data any) (string, error) {
	text, err := j.templates.Text(name, data)
	return strings.TrimRight(text, "\n"), err
}
