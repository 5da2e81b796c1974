package study_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// listener is a model that keeps the prompts of turns, by person and in their order,
// and lets everybody wait.
type listener struct {
	mu      sync.Mutex
	prompts map[string][]string
}

func (*listener) Name() string { return "listener" }

func (l *listener) Generate(_ context.Context, req *llm.Request) (*llm.Response, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.prompts[req.Label.Person] = append(l.prompts[req.Label.Person], llmtest.Prompt(req))
	return &llm.Response{Text: `{"actions":[{"type":"DONE","target":"","content":""}],"state":{"goals":"g","attention":"a","emotions":"e"}}`}, nil
}

// savedAnn is an agent file with one mark for each thing that has a meaning.
const savedAnn = `{"type":"TinyPerson","persona":{"name":"Ann"},
"mental_state":{"datetime":"2026-03-02T19:06:00","location":"markPlace","context":["markContext","markMore"],"goals":["markGoals"],"attention":"markAttention",
 "emotions":"markEmotions","accessible_agents":[{"name":"Bo","relation_description":"markRelation"},{"name":"Zoe","relation_description":""}]},
"episodic_memory":{"memory":[
 {"role":"user","type":"stimulus","simulation_timestamp":"2026-03-02T19:00:00","content":{"stimuli":[{"type":"CONVERSATION","content":"markHeard","source":"Bo"}]}},
 {"role":"assistant","type":"action","simulation_timestamp":"2026-03-02T19:01:00","content":{"action":{"type":"TALK","content":"markSaid","target":"Bo"}}}]},
"semantic_memory":{"memories":[{"type":"consolidated","content":"markSummed","simulation_timestamp":"2026-03-02T19:05:00"},"markKnown"]},
"mental_faculties":[{"type":"RecallFaculty"}]}`

var annMarks = []string{"markPlace", "markContext", "markMore", "markGoals", "markAttention", "markEmotions", "markRelation", "markHeard", "markSaid", "markSummed", "markKnown"}

func prompts(t *testing.T, s *study.Study) map[string][]string {
	t.Helper()
	l := &listener{prompts: map[string][]string{}}
	m, err := mind.New(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Run(t.Context(), &study.RunOptions{Mind: func(study.Member) tinytroupe.Mind { return m }}); err != nil {
		t.Fatal(err)
	}
	return l.prompts
}

func marks(text string) []string {
	return slices.DeleteFunc(slices.Clone(annMarks), func(m string) bool { return !strings.Contains(text, m) })
}

// TestSavedReachesTheModel: all that a file says of somebody besides a persona is in
// the prompt of their first turn, and in nobody else's.
func TestSavedReachesTheModel(t *testing.T) {
	for name, script := range map[string]string{
		"outside":   `[{run: 1}]`,
		"in scenes": `[{scene: one, do: [{run: 1}]}]`,
		"later":     `[{run: 1}, {join: ann}, {run: 1}]`,
	} {
		s := load(t, `{people: {ann: {file: ann.json}, bo: {persona: {name: Bo}}}, world: {acquainted: false}, script: `+script+`}`, "ann.json", savedAnn)
		got := prompts(t, s)
		if d := cmp.Diff(annMarks, marks(got["Ann"][0])); d != "" {
			t.Errorf("%s: Ann's first prompt (-want +got):\n%s", name, d)
		}
		if m := marks(strings.Join(got["Bo"], "")); len(m) > 0 {
			t.Errorf("%s: Bo's prompts hold %v", name, m)
		}
		if last := got["Ann"][0]; !strings.Contains(last, "Within reach: Bo.") {
			t.Errorf("%s: Ann does not reach Bo:\n%s", name, last)
		}
		want := []string{
			"ann.json: not used: mental_state.datetime, mental_faculties (RecallFaculty), which the program must give",
			"ann.json: not used: mental_state.accessible_agents: the study has no Zoe",
		}
		if d := cmp.Diff(want, s.Warnings); d != "" {
			t.Errorf("%s: (-want +got):\n%s", name, d)
		}
	}
}

// TestSavedInScenes: memories of the file are there in each scene once, place and
// surroundings where the person comes first; a fresh scene begins as the study did.
func TestSavedInScenes(t *testing.T) {
	s := load(t, `
people: {ann: {file: ann.json}, bo: {persona: {name: Bo}}}
script:
  - scene: one
    do: [{run: 1}]
  - scene: two
    do: [{run: 1}]
  - scene: three
    fresh: true
    do: [{run: 1}]
  - scene: four
    do: [{run: 1}]`, "ann.json", savedAnn)
	got := prompts(t, s)["Ann"]
	memos := []string{"markRelation", "markHeard", "markSaid", "markSummed", "markKnown"}
	for i, want := range [][]string{annMarks, memos, annMarks, memos} {
		if d := cmp.Diff(want, marks(got[i])); d != "" {
			t.Errorf("scene %d (-want +got):\n%s", i+1, d)
		}
		for _, m := range memos {
			if n := strings.Count(got[i], m); n != 1 {
				t.Errorf("scene %d: %s is there %d times", i+1, m, n)
			}
		}
	}
	if !strings.Contains(got[1], "State: ") && !strings.Contains(got[1], `"goals":"g"`) {
		t.Errorf("the state of the first scene is lost:\n%s", got[1])
	}
}

// TestSavedInNetwork: a network alone says who reaches whom.
func TestSavedInNetwork(t *testing.T) {
	s := load(t, `{people: {ann: {file: ann.json}, bo: {persona: {name: Bo}}, cy: {persona: {name: Cy}}}, world: {network: edges.csv}, script: [{run: 1}]}`,
		"ann.json", savedAnn, "edges.csv", "from,to,relation\nAnn,Cy,friend\n")
	if p := prompts(t, s)["Ann"][0]; strings.Contains(p, "Within reach: Bo") || !strings.Contains(p, "Within reach: Cy (friend).") {
		t.Error(p)
	}
	if want := "ann.json: not used: mental_state.accessible_agents: the study's network says who reaches whom"; !slices.Contains(s.Warnings, want) {
		t.Error(s.Warnings)
	}
}

// TestSavedResumed goes on after every commit, and refuses to where the file has
// changed in anything that has a meaning.
func TestSavedResumed(t *testing.T) {
	const text = `{people: {ann: {file: ann.json}, bo: {persona: {name: Bo}}}, world: {acquainted: false}, script: [{run: 1}, {scene: one, do: [{run: 1}]}, {run: 1}, {scene: two, fresh: true, do: [{run: 1}]}]}`
	s := load(t, text, "ann.json", savedAnn)
	whole := &shelf{}
	if _, err := s.Run(t.Context(), whole.options(recaller{})); err != nil {
		t.Fatal(err)
	}
	want := whole.lines(t)
	for _, at := range append(whole.logs["all"].commits(), 0) {
		sh := whole.cut(map[string]int{"all": at})
		if _, err := s.Run(t.Context(), sh.options(recaller{})); err != nil {
			t.Fatalf("from event %d: %v", at, err)
		}
		if d := cmp.Diff(want, sh.lines(t)); d != "" {
			t.Fatalf("from event %d (-want +got):\n%s", at, d)
		}
	}
	for _, mark := range append(annMarks, "Zoe") {
		edited := load(t, text, "ann.json", strings.Replace(savedAnn, mark, mark+" edited", 1))
		_, err := edited.Run(t.Context(), whole.cut(map[string]int{"all": len(whole.logs["all"].events)}).options(recaller{}))
		if _, ok := errors.AsType[*study.ChangedError](err); !ok {
			t.Errorf("%s was edited, and the run went on: %v", mark, err)
		}
	}
}

// TestRecall: what people sum up comes to mind again.
func TestRecall(t *testing.T) {
	s := load(t, `{people: {ann: {persona: {name: Ann}}}, script: [{say: Hello there}, {run: 8}]}`)
	seen := 0
	o := &study.RunOptions{Episode: 300, Mind: func(study.Member) tinytroupe.Mind { return recalling{&seen} }}
	if _, err := s.Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Error("nothing was recalled")
	}
}

type recalling struct{ seen *int }

func (r recalling) Decide(_ context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	*r.seen += len(p.Memos)
	return &tinytroupe.Decision{Actions: []tinytroupe.Action{{Kind: tinytroupe.Think, Content: fmt.Sprint(p.Step, strings.Repeat(" words", p.Step))}}}, nil
}

func (recalling) Consolidate(_ context.Context, p *tinytroupe.Perception, old []tinytroupe.Event) (*tinytroupe.Consolidation, error) {
	b, err := json.Marshal(len(old))
	return &tinytroupe.Consolidation{Summary: "all", Memos: []tinytroupe.Memo{{Content: string(b)}}}, err
}
