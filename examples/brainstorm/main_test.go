package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

func TestBrainstorm(t *testing.T) {
	var out strings.Builder
	if err := brainstorm(t.Context(), &out, rehearsal.New(nil)); err != nil {
		t.Fatal(err)
	}
	for what, n := range map[string]int{" acts: [TALK]\n": 9, "USER --> Lisa Carter, Oscar, Marcos Almeida: [CONVERSATION]\n": 3, ", asked alone: ": 3, "ideas of ": 3, "\"price\": ": 9} {
		if got := strings.Count(out.String(), what); got != n {
			t.Errorf("%q is there %d times, not %d, in\n%s", what, got, n, out.String())
		}
	}
}

// TestIdeas: what was found is JSON, and what was made up is none of it.
func TestIdeas(t *testing.T) {
	m := llmtest.Func("finds", func(ctx context.Context, n int, req *llm.Request) (string, error) {
		prompt := llmtest.Prompt(req)
		if !strings.Contains(prompt, "BEGIN TRANSCRIPT") {
			r, err := rehearsal.New(nil).Generate(ctx, req)
			if err != nil {
				return "", err
			}
			return r.Text, nil
		}
		said := regexp.MustCompile(`"event":(\d+),"who":"Oscar","does":"TALK","to":"everyone","content":"([^".]+)`).FindStringSubmatch(prompt)
		value := func(quote, value string) string {
			return fmt.Sprintf(`{"quote":%q,"event":%s,"outcome":"answered","value":%s}`, quote, said[1], value)
		}
		none := `{"quote":"","event":0,"outcome":"absent","value":null}`
		item := fmt.Sprintf(`{"idea":%s,"helps":%s,"price":%s}`, value(said[2], `"a drawing hand"`), value("nobody said this", `"everybody"`), none)
		return fmt.Sprintf(`{"value":{"items":[%s],"outcome":"answered","quote":"","event":0}}`, item), nil
	})
	var out strings.Builder
	if err := brainstorm(t.Context(), &out, m); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"ideas of Oscar: [\n  {\n    \"idea\": \"a drawing hand\",\n    \"helps\": null,\n    \"price\": null\n  }\n]\n",
		"ideas of Lisa Carter: invalid\n", // Oscar's words are not hers
		"ideas of Marcos Almeida: invalid\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestConnect(t *testing.T) {
	m, err := connect("")
	if err != nil || !strings.Contains(m.Name(), "rehearsal") {
		t.Errorf("without a name: %v, %v", m, err)
	}
}
