package people

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

//go:embed prompts/bio.tmpl
var bioText string

var bioTemplate = template.Must(template.New("bio.tmpl").Option("missingkey=error").Parse(bioText))

// bioData is what bio.tmpl may use.
type bioData struct {
	Name         string
	Persona      string // compact JSON, on one line
	Requirements string // empty where there are none
}

// Bio has a model say who somebody is, in three or four sentences grounded in the
// persona, and as the requirements ask; they may be empty. The request holds the
// whole persona and the requirements, and nothing else that varies: so under an
// [llm.Cache] a bio is made once, and anew when either changes. For a bio without a
// model see [tinytroupe.Persona.Bio].
func Bio(ctx context.Context, m llm.Model, p tinytroupe.Persona, requirements string) (string, error) {
	req, err := bioRequest(p, requirements)
	if err != nil {
		return "", err
	}
	reply, _, err := llm.Ask[struct {
		Bio string `json:"bio"`
	}](ctx, m, req)
	bio := strings.TrimSpace(reply.Bio)
	if err == nil && bio == "" {
		err = fmt.Errorf("%w: an empty bio", llm.ErrInvalid)
	}
	if err != nil {
		return "", fmt.Errorf("bio of %s: %w", p.Name(), err)
	}
	return bio, nil
}

func bioRequest(p tinytroupe.Persona, requirements string) (*llm.Request, error) {
	data := bioData{p.Name(), string(p.JSON()), strings.TrimSpace(requirements)}
	var texts [2]strings.Builder
	for i, name := range []string{"system", "user"} {
		if err := bioTemplate.ExecuteTemplate(&texts[i], name, data); err != nil {
			return nil, fmt.Errorf("bio: %w", err)
		}
	}
	return &llm.Request{
		System: texts[0].String(), Messages: []llm.Message{llm.Text(llm.User, texts[1].String())},
		Label: llm.Label{Person: p.Name(), Purpose: "bio"},
	}, nil
}
