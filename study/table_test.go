package study_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/study"
)

// TestMissingTable: a table that is not there is one mistake, however often it is used.
func TestMissingTable(t *testing.T) {
	for _, use := range []string{"tasks", "tasks.goal"} {
		_, err := loadText(`
vars: {tasks: {rows: tasks.csv}}
people:
  ann: {persona: {name: Ann}, assign: {task: ` + use + `}}
script:
  - for: x in ` + use + `
    do: [{run: 1}]
`)
		m, ok := errors.AsType[*study.Mistakes](err)
		if !ok || len(m.List) != 1 || !strings.Contains(err.Error(), "there is no file tasks.csv") {
			t.Errorf("%s: %v", use, err)
		}
	}
}
