package mind

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"pgregory.net/rapid"
)

// keyed gives every response a key, as a cache does.
type keyed struct {
	llm.Model
	err error
}

func (k keyed) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	if k.err != nil {
		return nil, k.err
	}
	resp, err := k.Model.Generate(ctx, req)
	if resp != nil {
		resp.Call = "key of " + req.Label.Purpose
	}
	return resp, err
}

func newMind(t testing.TB, m llm.Model, o *Options) *Mind {
	t.Helper()
	mind, err := New(m, o)
	if err != nil {
		t.Fatal(err)
	}
	return mind
}

func TestReplies(t *testing.T) {
	temperature := 0.7
	script := llmtest.Scripted(
		`{"actions":[{"type":"TALK","target":"Oscar","content":"Hi.\n"},{"type":"DONE","target":"","content":"bye"}],"state":{"goals":"g","attention":"a","emotions":"e"}}`,
		" I'd say B.\n",
		`{"answer":"B! "}`,
		`<think>{"answer":"A"}</think>{"answer":"B?"}`,
		`<reasoning>{"answer":"A"}</reasoning>{"answer":"B?",}`,
		"```json\n{\"answer\":\"B.\"}\n```",
		"Certainly! {\"answer\": \"B;\"} Is there more?",
		`{"actions":[{"type":"THINK","target":"","content":"B?"},{"type":"TALK","target":"","content":"B."}],"state":{}}`,
		`{"choice":"B"}`,
		`{"summary":" I chose B. ","memos":["Oscar owes me 12 dollars."," "]}`,
	)
	m := newMind(t, keyed{Model: script}, &Options{Temperature: &temperature, MaxTokens: 900, Effort: "low"})
	p := later(t)

	d, err := m.Decide(t.Context(), p)
	want := &tinytroupe.Decision{
		Actions: []tinytroupe.Action{{Kind: tinytroupe.Talk, Target: "Oscar", Content: "Hi.\n"}, {Kind: tinytroupe.Done, Content: "bye"}},
		State:   &tinytroupe.MentalState{Goals: "g", Attention: "a", Emotions: "e"},
		Calls:   []string{"key of act"},
	}
	if err != nil || !cmp.Equal(d, want) {
		t.Errorf("Decide: %v, %s", err, cmp.Diff(want, d))
	}

	for _, want := range []string{"I'd say B.", "B!", "B?", "B?", "B.", "B;", "B."} {
		a, err := m.Ask(t.Context(), p, tinytroupe.Question{Text: "A or B?"})
		if w := (&tinytroupe.Answer{Text: want, Calls: []string{"key of ask"}}); err != nil || !cmp.Equal(a, w) {
			t.Errorf("Ask: %v, %s", err, cmp.Diff(w, a))
		}
	}
	a, err := m.Ask(t.Context(), p, tinytroupe.Question{Text: "A or B?", Schema: json.RawMessage(`{"type":"object","properties":{"choice":{"type":"string"}},"required":["choice"]}`)})
	if w := (&tinytroupe.Answer{Value: json.RawMessage(`{"choice":"B"}`), Calls: []string{"key of ask"}}); err != nil || !cmp.Equal(a, w) {
		t.Errorf("Ask: %v, %s", err, cmp.Diff(w, a))
	}

	c, err := m.Consolidate(t.Context(), p, p.Episode)
	if w := (&tinytroupe.Consolidation{
		Summary: "I chose B.", Calls: []string{"key of consolidate"},
		Memos: []tinytroupe.Memo{{Kind: "consolidated", Time: at(1), Content: "Oscar owes me 12 dollars."}},
	}); err != nil || !cmp.Equal(c, w) {
		t.Errorf("Consolidate: %v, %s", err, cmp.Diff(w, c))
	}

	for _, req := range script.Requests() {
		if req.Temperature == nil || *req.Temperature != 0.7 || req.MaxTokens != 900 || req.Effort != "low" {
			t.Errorf("settings are lost: %+v", req)
		}
		l := req.Label
		l.Purpose = ""
		if l != (llm.Label{World: "Room", Step: 3, Person: "Lisa Carter"}) {
			t.Errorf("label %+v", req.Label)
		}
	}
}

func TestFailures(t *testing.T) {
	p := later(t)
	abilities := map[string]func(*Mind) error{
		"Decide": func(m *Mind) error { _, err := m.Decide(context.Background(), p); return err },
		"Ask": func(m *Mind) error {
			_, err := m.Ask(context.Background(), p, tinytroupe.Question{Text: "?"})
			return err
		},
		"Ask, schema": func(m *Mind) error {
			_, err := m.Ask(context.Background(), p, tinytroupe.Question{Text: "?", Schema: json.RawMessage(`{"type":"object"}`)})
			return err
		},
		"Consolidate": func(m *Mind) error { _, err := m.Consolidate(context.Background(), p, p.Episode); return err },
	}
	for name, f := range abilities {
		refused := &llm.Error{Provider: "test/x", Err: llm.ErrFiltered}
		if err := f(newMind(t, keyed{err: refused}, nil)); !errors.Is(err, llm.ErrFiltered) {
			t.Errorf("%s: a refusal became %v", name, err)
		}
		blank := llmtest.Func("test/blank", func(context.Context, int, *llm.Request) (string, error) { return " \n", nil })
		if err := f(newMind(t, blank, nil)); !errors.Is(err, llm.ErrInvalid) {
			t.Errorf("%s: an empty reply became %v", name, err)
		}
	}
	if _, err := newMind(t, llmtest.Scripted(), nil).Consolidate(t.Context(), p, nil); err == nil {
		t.Error("nothing was consolidated")
	}
	empty := llmtest.Scripted(`{"summary":" ","memos":[]}`)
	if _, err := newMind(t, empty, nil).Consolidate(t.Context(), p, p.Episode); !errors.Is(err, llm.ErrInvalid) {
		t.Errorf("an empty summary became %v", err)
	}

	// An image that cannot be shown is never left out.
	p.Stimuli[0].Images = []tinytroupe.Image{{MediaType: "image/png"}}
	for _, o := range []*Options{nil, {Images: images}} {
		if _, err := newMind(t, llmtest.Scripted(done), o).Decide(t.Context(), p); err == nil || !strings.Contains(err.Error(), "image") {
			t.Errorf("an image that is missing became %v", err)
		}
	}
}

func TestTemplates(t *testing.T) {
	built := newMind(t, nil, nil)
	p := first(t)
	o := &Options{Templates: fstest.MapFS{"rules.tmpl": {Data: []byte("Be {{if .Harmful}}good{{end}}, do {{.Actions}} things.\n\n")}}}
	req := decides(t, o, p)
	if !strings.HasPrefix(req.System, "Be good, do 15 things.\n\n# Acts\n") {
		t.Errorf("the template is not replaced: %.80q", req.System)
	}
	if own := newMind(t, nil, o); own.Hash() == built.Hash() || len(own.Hash()) != 64 {
		t.Errorf("hash %s, without templates of one's own %s", own.Hash(), built.Hash())
	}
	if again := newMind(t, nil, nil); again.Hash() != built.Hash() {
		t.Error("the hash changes by itself")
	}
	for _, name := range templateNames {
		for _, text := range []string{"{{.Missing}}", "{{if}}", "{{range .Acts}}{{.Missing}}{{end}}"} {
			if name != "acts.tmpl" && strings.Contains(text, ".Acts") {
				continue
			}
			if _, err := New(nil, &Options{Templates: fstest.MapFS{name: {Data: []byte(text)}}}); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s with %s: %v", name, text, err)
			}
		}
	}
	if _, err := New(nil, &Options{Templates: fstest.MapFS{"rule.tmpl": {}}}); err == nil || !strings.Contains(err.Error(), "rules.tmpl") {
		t.Errorf("a misspelt name: %v", err)
	}
}

// A schema is the same for everybody who can do the same, and the prompts of
// people who share a name are not confused.
func TestCaches(t *testing.T) {
	script := llmtest.Scripted(slices.Repeat([]string{done}, 6)...)
	m := newMind(t, script, nil)
	p := first(t)
	other := first(t)
	other.Persona, _ = other.Persona.With("age", 82)
	more := first(t)
	more.Acts = append(slices.Clip(more.Acts), facultyActs...)
	for _, p := range []*tinytroupe.Perception{p, other, p, more, p, other} {
		if _, err := m.Decide(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	for i, req := range script.Requests() {
		if age := fmt.Sprintf(`"age":%d`, []int{28, 82}[[]int{0, 1, 0, 0, 0, 1}[i]]); !strings.Contains(req.System, age) {
			t.Errorf("prompt %d is somebody else's", i+1)
		}
		if recall := strings.Contains(string(req.Schema.Body), "RECALL") && strings.Contains(req.System, "- RECALL"); recall != (i == 3) {
			t.Errorf("prompt %d has somebody else's acts", i+1)
		}
	}
	if len(m.actsOf) != 2 || len(m.systems) != 2 {
		t.Errorf("%d acts and %d system prompts are kept, want 2 and 2", len(m.actsOf), len(m.systems))
	}
	for i := range mostCached + 10 {
		more.Persona = tinytroupe.NewPersona(fmt.Sprint(i))
		more.Acts = coreActs[:1]
		a, err := m.acts(more.Acts)
		if err != nil {
			t.Fatal(err)
		}
		m.system(&more.Persona, a)
	}
	if len(m.systems) > mostCached {
		t.Errorf("%d system prompts are kept", len(m.systems))
	}
}

func TestConcurrent(t *testing.T) {
	model := llmtest.Func("test/done", func(_ context.Context, _ int, req *llm.Request) (string, error) {
		if !strings.Contains(req.System, `{"name":"`+req.Label.Person+`"}`) {
			return "", errors.New("not this person's prompt")
		}
		return done, nil
	})
	m := newMind(t, model, nil)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			p := first(t)
			p.Persona = tinytroupe.NewPersona(fmt.Sprint("P", i%5))
			for range 10 {
				if _, err := m.Decide(context.Background(), p); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func TestAppendString(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }), rapid.SampledFrom([]string{"\u2028\u2029", "<&>", "\x7f", "\xff"})).Draw(t, "s")
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(s); err != nil {
			t.Fatal(err)
		}
		if want, got := strings.TrimSuffix(b.String(), "\n"), string(appendString(nil, s)); got != want {
			t.Fatalf("%q became %s, want %s", s, got, want)
		}
	})
}

// FuzzReply: whatever a model says, a mind returns what is valid or an error.
func FuzzReply(f *testing.F) {
	for _, s := range []string{
		done, "", "{}", "[]", "null", "[{[}]", "```json\n" + done + "\n```", "<think>{</think>" + done,
		`{"actions":null,"state":null}`, `{"actions":[null],"state":{"goals":"","attention":"","emotions":""}}`,
		`{"actions":[{"type":"FLY","target":"","content":""}],"state":{"goals":"g","attention":"a","emotions":"e"}}`,
		`{"actions":[{"type":"TALK","target":1,"content":[]}],"state":"x"}`, `{"summary":"s","memos":["m"]}`, `{"summary":"s"}`,
	} {
		f.Add(s)
	}
	p := later(f)
	f.Fuzz(func(t *testing.T, text string) {
		m := newMind(t, llmtest.Func("test/fuzz", func(context.Context, int, *llm.Request) (string, error) { return text, nil }), nil)
		if d, err := m.Decide(context.Background(), p); err == nil {
			if d.State == nil || len(d.Actions) > defaultActions {
				t.Errorf("accepted %q as %+v", text, d)
			}
			for _, a := range d.Actions {
				if !slices.ContainsFunc(p.Acts, func(s tinytroupe.ActSpec) bool { return s.Kind == a.Kind }) {
					t.Errorf("accepted the act %+v", a)
				}
			}
		}
		if a, err := m.Ask(context.Background(), p, tinytroupe.Question{Text: "?"}); err == nil && a.Text == "" {
			t.Errorf("accepted %q as an answer", text)
		}
		if c, err := m.Consolidate(context.Background(), p, p.Episode); err == nil && (c.Summary == "" || len(c.Memos) > mostMemos) {
			t.Errorf("accepted %q as %+v", text, c)
		}
	})
}

// TestAnswerOfAnotherType: an answer that is no text is no answer.
func TestAnswerOfAnotherType(t *testing.T) {
	for _, said := range []string{`{"answer":7}`, `{"answer":"B`, `{"answer":"B","answer":"C"}`, `{"answer":{"text":"B"}}`, `{"answer":[]}`, `{"answer":""}`,
		`{"answer":null}`, "```json\n{\"answer\":null}\n```", `{"state":{"goals":"B"}}`, `{}`, `{"a":"B","b":"C"}`, `{"a":7}`,
		`{"actions":[{"type":"THINK","target":"","content":"B"},{"type":"DONE"}],"state":{"goals":"g"}}`,
		"```json\n{\"actions\":[{\"type\":\"DONE\"}]}\n```",
		`{"actions":[{"type":"TALK","target":"","content":" "}]}`,
	} {
		a, err := newMind(t, llmtest.Scripted(said), nil).Ask(t.Context(), later(t), tinytroupe.Question{Text: "A or B?"})
		if !errors.Is(err, llm.ErrInvalid) {
			t.Errorf("%s: %+v, %v", said, a, err)
		}
	}
}

// TestAnswerInAnotherForm: what is said is the answer, in whatever object it stands.
func TestAnswerInAnotherForm(t *testing.T) {
	for said, want := range map[string]string{
		`{"response":" B. "}`: "B.",
		`{"actions":[{"type":"Think","content":"A?"},{"type":"Talk","content":"B."},{"type":" talk","content":"Yes."}]}`: "B.\nYes.",
		"```\n{\"actions\":[{\"type\":\"TALK\",\"target\":\"\",\"content\":\"B.\"}],\"state\":{\"goals\":\"g\"}}\n```":   "B.",
		`B, as in {"a":1}.`: `B, as in {"a":1}.`,
		"```\nB\n```":       "```\nB\n```",
		"```json\n{\"a\":\"b\"}\n```\nThat is it.\n```\nB\n```": "```json\n{\"a\":\"b\"}\n```\nThat is it.\n```\nB\n```",
		"```python\nd = {\"a\": 1, \"b\": 2}\n```":              "```python\nd = {\"a\": 1, \"b\": 2}\n```",
	} {
		a, err := newMind(t, llmtest.Scripted(said), nil).Ask(t.Context(), later(t), tinytroupe.Question{Text: "A or B?"})
		if err != nil || a.Text != want {
			t.Errorf("%s: %+v, %v", said, a, err)
		}
	}
}
