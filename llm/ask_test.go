package llm_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

type choice struct {
	Advert string   `json:"advert" jsonschema:"which one"`
	Why    []string `json:"why"`
	Sure   int      `json:"sure,omitempty"`
}

func TestAskDerivesTheSchema(t *testing.T) {
	t.Parallel()
	m := &script{turns: []any{`{"advert":"B","why":["films"]}`}}
	got, resp, err := llm.Ask[choice](t.Context(), m, hello("Which?"))
	if err != nil {
		t.Fatal(err)
	}
	if want := (choice{"B", []string{"films"}, 0}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if string(resp.JSON) != `{"advert":"B","why":["films"]}` || resp.Usage.Input != 10 {
		t.Errorf("response %+v", resp)
	}
	const schema = `{"type":"object","properties":{"advert":{"type":"string","description":"which one"},` +
		`"why":{"type":"array","items":{"type":"string"}},"sure":{"type":"integer"}},` +
		`"required":["advert","why"],"additionalProperties":false}`
	var want, have any
	if err := errors.Join(json.Unmarshal([]byte(schema), &want), json.Unmarshal(m.asked[0].Schema.Body, &have)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, have); d != "" {
		t.Error(d)
	}
	if m.asked[0].Schema.Name != "choice" {
		t.Errorf("name %q", m.asked[0].Schema.Name)
	}
}

func TestAskWrapsWhatIsNoObject(t *testing.T) {
	t.Parallel()
	m := &script{turns: []any{`{"value":["a","b"]}`}}
	list, resp, err := llm.Ask[[]string](t.Context(), m, hello("Name two."))
	if err != nil || !reflect.DeepEqual(list, []string{"a", "b"}) {
		t.Fatal(list, err)
	}
	if string(resp.JSON) != `{"value":["a","b"]}` {
		t.Errorf("JSON %s is not what is valid under the schema", resp.JSON)
	}
	m = &script{turns: []any{`{"value":"yes"}`, `{"value":null}`, `{}`}}
	if _, _, err := llm.Ask[*bool](t.Context(), m, hello("Yes?")); !errors.Is(err, llm.ErrInvalid) {
		t.Errorf("error %v", err)
	}
	m = &script{turns: []any{`{"a":1,"b":2}`}}
	if got, _, err := llm.Ask[map[string]int](t.Context(), m, hello("Count.")); err != nil || got["b"] != 2 {
		t.Error(got, err)
	}
	type tree struct{ Kids []*tree }
	if _, _, err := llm.Ask[tree](t.Context(), m, hello("Family?")); err == nil {
		t.Error("a recursive type has no schema")
	}
	if _, _, err := llm.Ask[json.RawMessage](t.Context(), m, hello("Anything?")); err == nil {
		t.Error("raw JSON has no schema of its own")
	}
}

func TestAskWithASchema(t *testing.T) {
	t.Parallel()
	s, err := llm.NewSchema("score", json.RawMessage(`{"type":"object","properties":{"score":{"type":"integer","minimum":1,"maximum":5}},"required":["score"],"additionalProperties":false}`))
	if err != nil {
		t.Fatal(err)
	}
	req := hello("Rate it.")
	req.Schema = s
	m := &script{turns: []any{"Sure!\n```json\n{\"score\": 4,}\n```"}}
	raw, _, err := llm.Ask[json.RawMessage](t.Context(), m, req)
	if err != nil || string(raw) != `{"score": 4}` {
		t.Errorf("%s, %v", raw, err)
	}
	for _, bad := range []string{`{`, `{"type":"array"}`, `{"type":"object","properties":{"a":{"pattern":"("}}}`, `{"$ref":"https://example.com/x"}`, `[]`,
		`{"type":"object","$ref":"#"}`, `{"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}},"properties":{"x":{"$ref":"#/$defs/a"}}}`,
		`{"properties":{"x":{"$ref":"#/properties/x"}}}`, `{"properties":{"x":{"$dynamicRef":"#x"}}}`} {
		if _, err := llm.NewSchema("bad", json.RawMessage(bad)); err == nil {
			t.Errorf("schema %s compiles", bad)
		}
		req := hello("?")
		req.Schema = &llm.Schema{Name: "bad", Body: json.RawMessage(bad)}
		if _, _, err := llm.Ask[json.RawMessage](t.Context(), m, req); err == nil || errors.Is(err, llm.ErrInvalid) {
			t.Errorf("schema %s: error %v", bad, err)
		}
	}
	tree := &llm.Schema{Name: "tree", Body: json.RawMessage(`{"type":"object","properties":{"kids":{"type":"array","items":{"$ref":"#"}}},"additionalProperties":false}`)}
	req.Schema = tree
	for text, ok := range map[string]bool{`{"kids":[{},{"kids":[{}]}]}`: true, `{"kids":[{"kids":[{"name":"x"}]}]}`: false} {
		if _, _, err := llm.Ask[json.RawMessage](t.Context(), &script{turns: []any{text}}, req); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	if len(m.asked) != 1 {
		t.Errorf("%d calls were made with schemas that do not compile", len(m.asked)-1)
	}
}

func TestMaxLengthIsForTheEndpoint(t *testing.T) {
	t.Parallel()
	req := hello("How do you feel?")
	req.Schema = &llm.Schema{Name: "s", Body: json.RawMessage(`{"type":"object","properties":{"a":{"type":"string","minLength":2,"maxLength":3}},"required":["a"]}`)}
	m := &script{turns: []any{`{"a":"rather well"}`, `{"a":"x"}`}}
	if _, _, err := llm.Ask[json.RawMessage](t.Context(), m, req); err != nil {
		t.Error(err)
	}
	if _, _, err := llm.Ask[json.RawMessage](t.Context(), m, req); !errors.Is(err, llm.ErrInvalid) {
		t.Error(err)
	}
	if !strings.Contains(string(m.asked[0].Schema.Body), `"maxLength":3`) {
		t.Error("the bound did not reach the endpoint")
	}
}

func TestAskRepairsOnce(t *testing.T) {
	t.Parallel()
	m := &script{turns: []any{`{"advert":"B"}`, `{"advert":"B","why":[]}`}}
	wrapped := llm.Wrap(m, llm.Meter(llm.NewMemory()))
	req := hello("Which?")
	got, resp, err := llm.Ask[choice](t.Context(), wrapped, req)
	if err != nil || got.Advert != "B" {
		t.Fatal(got, err)
	}
	if len(req.Messages) != 1 || req.Schema != nil {
		t.Error("the caller's request changed")
	}
	if resp.Usage != (llm.Usage{Input: 20, Output: 10}) {
		t.Errorf("usage %v does not cover both calls", resp.Usage)
	}
	if len(resp.Calls) != 2 || resp.Calls[0] == resp.Calls[1] || resp.Call != resp.Calls[1] {
		t.Errorf("calls %v, call %s", resp.Calls, resp.Call)
	}
	again := m.asked[1].Messages
	if len(again) != 3 || again[1].Role != llm.Assistant || again[1].Parts[0].Text != `{"advert":"B"}` ||
		again[2].Role != llm.User || !strings.Contains(again[2].Parts[0].Text, "why") {
		t.Errorf("the repair was %+v", again)
	}

	m = &script{turns: []any{"Well, B I think.", "Definitely B."}}
	_, resp, err = llm.Ask[choice](t.Context(), m, req)
	var invalid *llm.InvalidError
	if !errors.As(err, &invalid) || !errors.Is(err, llm.ErrInvalid) || invalid.Raw != "Definitely B." {
		t.Errorf("error %v", err)
	}
	if len(m.asked) != 2 || resp == nil || resp.JSON != nil {
		t.Errorf("%d calls, response %+v", len(m.asked), resp)
	}

	// An empty reply cannot be quoted: servers refuse empty messages.
	m = &script{turns: []any{"", `{"advert":"B","why":[]}`}}
	if _, _, err := llm.Ask[choice](t.Context(), m, req); err != nil || len(m.asked[1].Messages) != 2 {
		t.Errorf("%v, %+v", err, m.asked[1].Messages)
	}
}

func TestAskAfterATruncatedReply(t *testing.T) {
	t.Parallel()
	cut := &llm.Response{Text: `{"advert":"B","why":["I`, Finish: llm.FinishLength, Usage: llm.Usage{Input: 10, Output: 99}}
	whole := `{"advert":"B","why":[]}`
	for _, first := range []any{cut, error(&llm.Error{Provider: "test", Err: llm.ErrTruncated})} {
		m := &script{turns: []any{first, whole}}
		got, _, err := llm.Ask[choice](t.Context(), m, hello("Which?"))
		if err != nil || got.Advert != "B" {
			t.Errorf("%v, %v", got, err)
		}
		if again := m.asked[1].Messages; len(again) != 2 || !strings.Contains(again[1].Parts[0].Text, "less") {
			t.Errorf("the second request was %+v", again)
		}
	}
	m := &script{turns: []any{cut}}
	_, resp, err := llm.Ask[choice](t.Context(), m, hello("Which?"))
	if !errors.Is(err, llm.ErrTruncated) || len(m.asked) != 2 || resp.Usage.Output != 198 {
		t.Errorf("%d calls, %+v, %v", len(m.asked), resp, err)
	}
	// A reply that is whole as JSON but was cut off is still not an answer.
	m = &script{turns: []any{&llm.Response{Text: whole, Finish: llm.FinishLength}}}
	if _, _, err := llm.Ask[choice](t.Context(), m, hello("Which?")); !errors.Is(err, llm.ErrTruncated) {
		t.Error(err)
	}
}

func TestAskPassesOtherErrorsOn(t *testing.T) {
	t.Parallel()
	for _, want := range []error{llm.ErrFiltered, llm.ErrRate, llm.ErrQuota, llm.ErrBudget, context.Canceled} {
		m := &script{turns: []any{want}}
		if _, _, err := llm.Ask[choice](t.Context(), m, hello("Which?")); !errors.Is(err, want) || len(m.asked) != 1 {
			t.Errorf("%v became %v after %d calls", want, err, len(m.asked))
		}
	}
	m := &script{turns: []any{&llm.Response{Text: "I can't.", Finish: llm.FinishFilter}}}
	if _, _, err := llm.Ask[choice](t.Context(), m, hello("Which?")); !errors.Is(err, llm.ErrFiltered) {
		t.Error(err)
	}
	nothing := fake(func(context.Context, *llm.Request) (*llm.Response, error) { return nil, nil })
	if _, _, err := llm.Ask[choice](t.Context(), nothing, hello("Which?")); err == nil {
		t.Error("a model that returns nothing is an answer")
	}
}
