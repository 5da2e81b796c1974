package main

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/judge"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/record"
)

// TestPromptsChanged: a run whose extractions or verdicts were asked for in other words
// does not go on unasked; one of a version that told of the turns' templates alone does.
func TestPromptsChanged(t *testing.T) {
	t.Parallel()
	s := llmtest.NewServer(t, &llmtest.ServerOptions{Reply: talker})
	e := runPuppets(t, studyFile(t, killCrowd("together"), ""), s.URL, "", "--max-calls", "6")
	if e.code != exitBudget {
		t.Fatalf("exit %d\n%s", e.code, e.stderr)
	}
	m, err := mind.New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	x, err := extract.Hash(nil)
	if err != nil {
		t.Fatal(err)
	}
	j, err := judge.New(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	made := record.Hash([]byte(m.Hash() + x + j.Hash()))
	if b, err := os.ReadFile(filepath.Join(e.dir, "manifest.json")); err != nil || !strings.Contains(string(b), made) {
		t.Errorf("the manifest does not hold %s: %v\n%s", made, err, b)
	}
	for was, asked := range map[string]bool{
		made:     false,
		m.Hash(): false,
		record.Hash([]byte(m.Hash() + "other" + j.Hash())): true,
		record.Hash([]byte(m.Hash() + x + "other")):        true,
	} {
		rec, err := record.Open(e.dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := cmp.Or(rec.Update(func(m *record.Manifest) { m.Prompts = was }), rec.Close()); err != nil {
			t.Fatal(err)
		}
		got := command(t, t.Context(), map[string]string{"OPENAI_BASE_URL": s.URL}, "resume", e.dir, "--max-calls", "6")
		if doubted := strings.Contains(got.stderr, "the prompts are not those of"); doubted != asked || asked != (got.code == exitUsage) {
			t.Errorf("%s: exit %d\n%s", was, got.code, got.stderr)
		}
	}
}
