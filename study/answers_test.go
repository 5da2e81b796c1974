package study_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// voter is a mind that answers as it is told to: each its own way.
type voter struct {
	echo
	value func(who, question, text string) any // nil refuses
}

func (v voter) Ask(_ context.Context, p *tinytroupe.Perception, q tinytroupe.Question) (*tinytroupe.Answer, error) {
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(q.Schema, &schema); err != nil {
		return nil, err
	}
	reply := map[string]any{}
	for key := range schema.Properties {
		value := v.value(p.Persona.Name(), key, q.Text)
		reply[key] = map[string]any{"said": "as I say", "outcome": map[bool]string{true: "refused", false: "answered"}[value == nil], "value": value}
	}
	b, err := json.Marshal(reply)
	return &tinytroupe.Answer{Value: b, Calls: []string{"call"}}, err
}

// reader is a model that finds what it is told to, with something that was said as its
// quotation; all else the stand-in does. It keeps what it was shown.
type reader struct {
	llm.Model
	value func(question, prompt string) any

	mu      sync.Mutex
	prompts []string
}

var talk = regexp.MustCompile(`"does":"TALK"[^\n]*"content":"([^"]*)"`)

func (r *reader) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	prompt := req.System
	for _, m := range req.Messages {
		for _, p := range m.Parts {
			prompt += "\n" + p.Text
		}
	}
	r.mu.Lock()
	r.prompts = append(r.prompts, prompt)
	r.mu.Unlock()
	if r.value == nil || req.Schema == nil || req.Schema.Name != "found" {
		return r.Model.Generate(ctx, req)
	}
	var schema struct {
		Properties map[string]json.RawMessage `json:"properties"`
	}
	if err := json.Unmarshal(req.Schema.Body, &schema); err != nil {
		return nil, err
	}
	said := talk.FindStringSubmatch(prompt)
	if said == nil {
		return nil, errors.New("nobody spoke")
	}
	reply := map[string]any{}
	for key := range schema.Properties {
		reply[key] = map[string]any{"quote": said[1], "event": 0, "outcome": "answered", "value": r.value(key, prompt)}
	}
	b, err := json.Marshal(reply)
	return &llm.Response{Text: string(b), Finish: llm.FinishStop, Model: "reader"}, err
}

// polled runs a study over journals, and returns the files that it leaves.
func (j journals) polled(t *testing.T, s *study.Study, value func(who, question, text string) any, r *reader) (map[string]string, error) {
	t.Helper()
	files := map[string]string{}
	if r == nil {
		r = &reader{}
	}
	r.Model = rehearsal.New(nil)
	_, err := s.Run(t.Context(), &study.RunOptions{
		Mind: func(study.Member) tinytroupe.Mind { return voter{value: value} },
		Open: func(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
			l := j[room.Name()]
			if l == nil {
				l = &log{}
				j[room.Name()] = l
			}
			return l, seq(slices.Clone(l.events)), nil
		},
		Extract: r, Judge: r,
		Results: func(name string, data []byte) error {
			files[name] = string(data)
			return nil
		},
	})
	return files, err
}

// counts reads what a table counts: by group, how often each value.
func counts(t *testing.T, table string) map[string]string {
	t.Helper()
	var x struct {
		Groups []struct {
			Values []string
			Rows   []struct {
				Value string
				Count int
			}
		}
	}
	if err := json.Unmarshal([]byte(table), &x); err != nil {
		t.Fatalf("%v in %q", err, table)
	}
	m := map[string]string{}
	for _, g := range x.Groups[1:] {
		var list []string
		for _, r := range g.Rows {
			if r.Count > 0 {
				list = append(list, fmt.Sprintf("%s:%d", r.Value, r.Count))
			}
		}
		m[strings.Join(g.Values, ", ")] = strings.Join(list, " ")
	}
	return m
}

// heard returns who perceived a text, in any room.
func (j journals) heard(text string) []string {
	names := map[string]bool{}
	for _, l := range j {
		for _, ev := range l.events {
			if ev.Kind == tinytroupe.EventPerceived && ev.Stimulus.Content == text {
				for _, name := range ev.To {
					names[name] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// resumed cuts a run after each commit of each room, goes on, and expects the same
// journals and files.
func (j journals) resumed(t *testing.T, s *study.Study, want map[string]string, value func(who, question, text string) any, r *reader) {
	t.Helper()
	for verb := range len(s.Steps()) + 1 {
		c := j.clone()
		keep, err := s.Upto(verb, 0, c.rooms())
		if err != nil {
			t.Fatal(err)
		}
		c.cut(keep)
		got, err := c.polled(t, s, value, r)
		if err != nil {
			t.Fatalf("up to step %d: %v", verb, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("up to step %d: files (-want +got):\n%s", verb, diff)
		}
		if diff := cmp.Diff(j.lines(t), c.lines(t)); diff != "" {
			t.Errorf("up to step %d: journals (-want +got):\n%s", verb, diff)
		}
	}
}

func table(t *testing.T, text string) (head []string, rows [][]string) {
	t.Helper()
	all, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil || len(all) == 0 {
		t.Fatalf("%v in %q", err, text)
	}
	return all[0], all[1:]
}

// TestQuestionsWords: whoever sorts answers is told what was asked, and so is the reader
// of a table; of a question in a loop, what its items share.
func TestQuestionsWords(t *testing.T) {
	r := &reader{}
	files, err := journals{}.polled(t, load(t, `
vars: {concepts: [Creamy, Thin]}
people: {ann: {persona: {name: Ann}}, bea: {persona: {name: Bea}}}
questions:
  why: {ask: "Marmalade, ${person.name}: what for?"}
  intent: {ask: "Will you really buy ${concept} tomorrow?", yes/no: true}
script:
  - ask: why
  - for: concept in concepts
    do: [{ask: intent}]
  - code: why
    codes: 2
  - tally: intent
`), func(who, question, text string) any {
		if question == "why" {
			return who + " likes it"
		}
		return true
	}, r)
	if err != nil {
		t.Fatal(err)
	}
	sorted := 0
	for _, p := range r.prompts {
		if strings.Contains(p, "BEGIN ANSWERS") {
			sorted++
			if !strings.Contains(p, "Marmalade, …: what for?") {
				t.Errorf("the question is not in the prompt: %s", p)
			}
		}
	}
	if sorted < 2 {
		t.Errorf("%d prompts about answers", sorted)
	}
	if !strings.Contains(files["results/intent.json"], `"text": "Will you really buy … tomorrow?"`) {
		t.Error(files["results/intent.json"])
	}
}
