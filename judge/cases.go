package judge

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"

	"github.com/tinytroupe-go/tinytroupe"
)

//go:embed testdata/examples/*.json
var exampleFiles embed.FS

// A Case is a person with expectations that an interview must find met or not met: the
// right ones, and, as a control, those of somebody quite different.
type Case struct {
	Name         string
	Persona      tinytroupe.Persona
	Expectations []string
	Met          bool // a judge of use scores at least PassMark; else below it
}

// PassMark divides who is as expected from who is not, where nothing else is agreed on.
// TinyTroupe's own tests ask the same of their monk and their banker.
const PassMark = 0.5

// Cases returns the cases that come with the package: a banker and a monk, each against
// the banker's and the monk's expectations.
func Cases() ([]Case, error) {
	type example struct {
		Persona      tinytroupe.Persona `json:"persona"`
		Expectations []string           `json:"expectations"`
	}
	names := []string{"banker", "monk"}
	examples := make([]example, len(names))
	for i, n := range names {
		b, err := exampleFiles.ReadFile(path.Join("testdata/examples", n+".json"))
		if err == nil {
			err = json.Unmarshal(b, &examples[i])
		}
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", n, err)
		}
	}
	var cases []Case
	for i, who := range names {
		for k, as := range names {
			cases = append(cases, Case{fmt.Sprintf("%s as %s", who, as), examples[i].Persona, examples[k].Expectations, i == k})
		}
	}
	return cases, nil
}
