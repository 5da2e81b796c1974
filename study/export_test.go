package study_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestChats: nobody's chat has what was said before they came or after they left.
func TestChats(t *testing.T) {
	s := load(t, `
people:
  ann: {persona: {name: Ann}}
  bo: {persona: {name: Bo}}
  cy: {persona: {name: Cy}}
script:
  - say: One.
  - run: 1
  - join: bo
  - say: Two.
  - run: 1
  - leave: cy
  - say: Three.
  - run: 1
  - export: transcript
    format: chat
`)
	got, err := journals{}.polled(t, s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"room":"all","person":"Ann","messages":[{"role":"user","content":"One."},{"role":"assistant","content":"1 CONVERSATION: One."},{"role":"user","content":"Cy: 1 CONVERSATION: 1 CONVERSATION: One.\nTwo."},{"role":"assistant","content":"2 CONVERSATION: Two."},{"role":"user","content":"Cy: 2 CONVERSATION: 2 CONVERSATION: Two.\nBo: 2 CONVERSATION: 2 CONVERSATION: 2 CO\nThree."},{"role":"assistant","content":"3 CONVERSATION: Three."},{"role":"user","content":"Bo: 3 CONVERSATION: 3 CONVERSATION: Thre"}]}
{"room":"all","person":"Bo","messages":[{"role":"user","content":"Two.\nAnn: 2 CONVERSATION: Two.\nCy: 2 CONVERSATION: 2 CONVERSATION: Two."},{"role":"assistant","content":"2 CONVERSATION: 2 CONVERSATION: 2 CO"},{"role":"user","content":"Three.\nAnn: 3 CONVERSATION: Three."},{"role":"assistant","content":"3 CONVERSATION: 3 CONVERSATION: Thre"}]}
{"room":"all","person":"Cy","messages":[{"role":"user","content":"One.\nAnn: 1 CONVERSATION: One."},{"role":"assistant","content":"1 CONVERSATION: 1 CONVERSATION: One."},{"role":"user","content":"Two.\nAnn: 2 CONVERSATION: Two."},{"role":"assistant","content":"2 CONVERSATION: 2 CONVERSATION: Two."},{"role":"user","content":"Bo: 2 CONVERSATION: 2 CONVERSATION: 2 CO"}]}
`
	if diff := cmp.Diff(want, got["exports/transcript.jsonl"]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestSetInScene: what a scene sets of people holds after it, also of those who have lived
// nothing, and in what is exported then; who has not come is not in that.
func TestSetInScene(t *testing.T) {
	for _, first := range []string{"introduce: everyone", "say: x"} {
		s := load(t, `
people:
  ann: {persona: {name: Ann, mood: calm}}
  bo: {persona: {name: Bo, mood: sad}}
  cy: {persona: {name: Cy, mood: new}}
script:
  - `+first+`
  - {export: people, format: csv, path: before.csv}
  - scene: makeover
    do: [{set: {mood: happy}}]
  - say: "You are ${person.mood}"
  - {export: people, format: csv}
  - {export: people}
  - join: cy
`)
		j := journals{}
		got, err := j.polled(t, s, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		var heard []string
		for _, ev := range j["all"].events {
			if ev.Stimulus != nil && strings.HasPrefix(ev.Stimulus.Content, "You") {
				heard = append(heard, ev.Stimulus.Content)
			}
		}
		if diff := cmp.Diff([]string{"You are happy", "You are happy"}, heard); diff != "" {
			t.Errorf("%s (-want +got):\n%s", first, diff)
		}
		for name, want := range map[string]string{
			"exports/before.csv": "name,group,staff,mood\nAnn,ann,false,calm\nBo,bo,false,sad\n",
			"exports/people.csv": "name,group,staff,mood\nAnn,ann,false,happy\nBo,bo,false,happy\n",
		} {
			if diff := cmp.Diff(want, got[name]); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", first, name, diff)
			}
		}
		if lines := got["exports/people.jsonl"]; strings.Count(lines, `"mood":"happy"`) != 2 || strings.Count(lines, "\n") != 2 {
			t.Error(lines)
		}
	}
}
