package main

import (
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/judge"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/record"
)

// promptsOf is the hash of all templates that a study's prompts may be made of: of turns,
// of questions and extractions, and of verdicts.
func promptsOf(m *mind.Mind) (string, error) {
	x, err := extract.Hash(nil)
	if err != nil {
		return "", err
	}
	j, err := judge.New(nil, nil)
	if err != nil {
		return "", err
	}
	return record.Hash([]byte(m.Hash() + x + j.Hash())), nil
}

// samePrompts reports whether a record was made with these templates, as far as it tells:
// some hold no hash, older ones that of the turns' alone.
func samePrompts(was string, m *mind.Mind) (bool, error) {
	now, err := promptsOf(m)
	return was == "" || was == now || was == m.Hash(), err
}
