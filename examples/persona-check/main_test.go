package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

// scripted examines, answers as whoever its prompt describes, and rates by the answers.
func scripted(_ context.Context, _ int, req *llm.Request) (string, error) {
	prompt := llmtest.Prompt(req)
	switch {
	case req.Schema != nil && req.Schema.Name == "questions":
		return `{"questions":["What do you work at?"],"complete":true}`, nil
	case strings.Contains(prompt, "# The claim"):
		evidence, claim, _ := strings.Cut(prompt, "# The claim")
		words := map[bool]string{true: "numbers and their spread", false: "the number 22 bus"}[strings.Contains(evidence, "numbers and their spread")]
		score := 1
		for word, of := range map[string]string{"data": "numbers", "Canada": "numbers", "curious": "numbers", "buses": "bus", "union": "bus", "older": "bus"} {
			if strings.Contains(claim, word) && strings.Contains(words, of) {
				score = 9
			}
		}
		return fmt.Sprintf(`{"reason":"By what was answered.","quotes":[{"event":2,"quote":%q}],"verdict":"%d","confidence":90}`, words, score), nil
	case strings.Contains(req.System, "Lisa Carter"):
		return `{"answer":"I look after numbers and their spread."}`, nil
	case strings.Contains(req.System, "Ray Kowalczyk"):
		return `{"answer":"I drove the number 22 bus."}`, nil
	}
	return "", errors.New("whose prompt is this?")
}

func TestCheck(t *testing.T) {
	var out strings.Builder
	if err := check(t.Context(), &out, llmtest.Func("scripted", scripted), false); err != nil {
		t.Fatal(err)
	}
	const want = `what is expected of lisa, held against Lisa Carter: 1.00 (3 of 3 expectations rated, 1 of 1 questions answered)
  9 of 9         Works with data, and would rather show how sure she is than give a quick number.
  9 of 9         Is young, and lives in a big city in Canada.
  9 of 9         Is friendly and curious about other people.
what is expected of ray, held against Lisa Carter: 0.11 (3 of 3 expectations rated, 1 of 1 questions answered)
  1 of 9         Drove buses for most of his life, and no longer works.
  1 of 9         Stands by his union and by the people he worked with.
  1 of 9         Is an older man who has hardly ever moved house.
what is expected of lisa, held against Ray Kowalczyk: 0.11 (3 of 3 expectations rated, 1 of 1 questions answered)
  1 of 9         Works with data, and would rather show how sure she is than give a quick number.
  1 of 9         Is young, and lives in a big city in Canada.
  1 of 9         Is friendly and curious about other people.
what is expected of ray, held against Ray Kowalczyk: 1.00 (3 of 3 expectations rated, 1 of 1 questions answered)
  9 of 9         Drove buses for most of his life, and no longer works.
  9 of 9         Stands by his union and by the people he worked with.
  9 of 9         Is an older man who has hardly ever moved house.
4 of 4 interviews ended as they should, 0 without a score
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestRehearsal: the stand-in is asked as often, and judges nobody.
func TestRehearsal(t *testing.T) {
	var out strings.Builder
	if err := check(t.Context(), &out, rehearsal.New(nil), true); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n  not judged "); n != 12 || !strings.HasSuffix(out.String(), "evidence of nothing; nobody was judged\n") || strings.Contains(out.String(), "of 9 ") {
		t.Errorf("%d of 12 not judged in\n%s", n, out.String())
	}
}

// TestUnjudged: a judge that finds nothing is an error, and no pass.
func TestUnjudged(t *testing.T) {
	m := llmtest.Func("judgeless", func(ctx context.Context, n int, req *llm.Request) (string, error) {
		if strings.Contains(llmtest.Prompt(req), "# The claim") {
			return "", llm.ErrFiltered
		}
		return scripted(ctx, n, req)
	})
	var out strings.Builder
	if err := check(t.Context(), &out, m, false); err == nil || !strings.Contains(out.String(), "0 of 0 interviews ended as they should, 4 without a score") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

func TestConnect(t *testing.T) {
	m, err := connect("")
	if err != nil || !strings.Contains(m.Name(), "rehearsal") {
		t.Errorf("without a name: %v, %v", m, err)
	}
}
