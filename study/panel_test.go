package study_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// panel returns who can be asked after a run over journals.
func (j journals) panel(ctx context.Context, s *study.Study) ([]string, error) {
	before := map[string]int{}
	for room, l := range j {
		before[room] = len(l.events)
	}
	list, err := s.Panel(study.Who{Any: []study.Who{{}, {Name: "mo"}}}, nil, &study.RunOptions{
		Mind: func(study.Member) tinytroupe.Mind { return echo{} },
		Open: j.read,
	})
	var names []string
	for _, p := range list {
		per, err := p.Who.Snapshot(ctx)
		if err != nil {
			return nil, err
		}
		heard := ""
		for _, ev := range append(per.Episode, tinytroupe.Event{}) {
			if ev.Stimulus != nil {
				heard = ev.Stimulus.Content
			}
		}
		for _, st := range per.Stimuli {
			heard = st.Content
		}
		names = append(names, fmt.Sprintf("%s in %s, age %s: %s", p.Person, p.Room, p.Attributes["age"], heard))
	}
	for room, l := range j {
		if len(l.events) != before[room] {
			return nil, fmt.Errorf("%s: events were added", room)
		}
	}
	return names, err
}

// TestPanel: people are asked where they were last, as they were there.
func TestPanel(t *testing.T) {
	const people = `
title: Panel
people:
  ann: {persona: {name: Ann, age: 30}}
  bea: {persona: {name: Bea, age: 40}}
  cy: {persona: {name: Cy, age: 50}}
  mo: {persona: {name: Mo, age: 60}, staff: true}
script:
`
	for name, c := range map[string]struct {
		script string
		want   []string
	}{
		"outside": {`
  - say: One.
  - set: {age: 31}
    to: ann
  - leave: bea
  - say: Two.
`, []string{"Ann in all, age 31: Two.", "Bea in all, age 40: One.", "Cy in all, age 50: Two.", "Mo in all, age 60: "}},
		"scene": {`
  - say: One.
  - scene: talk
    who: [ann, bea]
    rooms: each
    with: mo
    do:
      - say: "Two, ${room.id}."
  - extract: q
`, []string{"Ann in talk/Ann, age 30: Two, talk/Ann.", "Bea in talk/Bea, age 40: Two, talk/Bea.", "Cy in all, age 50: One.", "Mo in talk/Bea, age 60: "}},
		"back": {`
  - say: One.
  - scene: talk
    who: [ann, bea]
    do:
      - say: Two.
  - say: Three.
`, []string{"Ann in all, age 30: Three.", "Bea in all, age 40: Three.", "Cy in all, age 50: Three.", "Mo in all, age 60: "}},
		"two scenes": {`
  - scene: first
    do:
      - say: One.
  - scene: second
    who: bea
    do:
      - say: Two.
`, []string{"Ann in first/all, age 30: One.", "Bea in second/all, age 40: Two.", "Cy in first/all, age 50: One."}},
	} {
		t.Run(name, func(t *testing.T) {
			text := people + c.script
			if strings.Contains(text, "extract: q") {
				text = strings.Replace(text, "script:", "questions: {q: {find: anything}}\nscript:", 1)
			}
			s := load(t, text)
			whole := journals{}
			if strings.Contains(text, "extract: q") {
				// The look needs a model, and whoever is asked afterwards does not need the look.
				whole.run(t, load(t, strings.Replace(text, "  - extract: q\n", "", 1)))
			} else {
				whole.run(t, s)
			}
			got, err := whole.panel(t.Context(), s)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%v\ngot  %q\nwant %q", err, got, c.want)
			}
			for room, l := range whole {
				cut := journals{}
				for r, other := range whole {
					cut[r] = &log{events: slices.Clone(other.events)}
				}
				ends := 0
				for i := len(l.events) - 1; i >= 0; i-- {
					if l.events[i].End {
						if ends++; ends == 2 {
							cut[room].events = l.events[:i+1]
							break
						}
					}
				}
				if _, err := cut.panel(t.Context(), s); !errors.Is(err, study.ErrUnfinished) {
					t.Errorf("without the end of %s: %v", room, err)
				}
			}
		})
	}
}

// TestPanelMute: who is at the terminal, or is a chatbot, is not asked.
func TestPanelMute(t *testing.T) {
	s := load(t, `
title: Mute
people:
  ann: {persona: {name: Ann}}
  sam: {human: Sam}
  bot: {http: "http://127.0.0.1:1/"}
script:
  - say: One.
`)
	j := journals{}
	_, err := s.Run(t.Context(), &study.RunOptions{
		Mind: func(study.Member) tinytroupe.Mind { return echo{} }, Human: func(study.Member) tinytroupe.Mind { return echo{} },
		Open: func(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
			j[room.Name()] = &log{}
			return j[room.Name()], nil, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.Panel(study.Who{}, nil, &study.RunOptions{
		Mind: func(study.Member) tinytroupe.Mind { return echo{} }, Human: func(study.Member) tinytroupe.Mind { return echo{} },
		Open: func(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
			return nil, seq(j[room.Name()].events), nil
		},
	})
	if err != nil || len(list) != 1 || list[0].Person != "Ann" {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestPanelTo: who is asked after a run is selected by what they are, and by what they
// answered and how that was coded.
func TestPanelTo(t *testing.T) {
	s := load(t, looking)
	j := journals{}
	answers, _, err := extract.ReadJSONL("answers.jsonl", strings.NewReader(j.results(t, s)["results/answers.jsonl"]))
	if err != nil {
		t.Fatal(err)
	}
	code := map[string]string{} // the last of each person
	for _, a := range answers {
		if a.Name() == "why.code" && a.Outcome == extract.Answered {
			code[a.Person] = a.Value.String()
		}
	}
	if len(code) == 0 {
		t.Fatal("nothing was coded")
	}
	var coded []string
	for _, name := range []string{"Ann Archer", "Bea Brook", "Cy Cole"} {
		if code[name] == code["Ann Archer"] {
			coded = append(coded, name)
		}
	}
	for to, want := range map[string][]string{
		"everyone":                {"Ann Archer", "Bea Brook", "Cy Cole"},
		"{age: 40..60}":           {"Bea Brook", "Cy Cole"},
		"[mo, ann]":               {"Ann Archer", "Mo Moss"},
		"{age: 40..60, not: bea}": {"Cy Cole"},
		fmt.Sprintf("{why.code: %q}", code["Ann Archer"]): coded,
	} {
		who, err := s.ParseWho("--to", to)
		if err != nil {
			t.Errorf("%s: %v", to, err)
			continue
		}
		list, err := s.Panel(who, answers, &study.RunOptions{
			Mind: func(study.Member) tinytroupe.Mind { return echo{} },
			Open: func(room study.Room) (tinytroupe.Journal, iter.Seq2[tinytroupe.Event, error], error) {
				return nil, seq(slices.Clone(j[room.Name()].events)), nil
			},
		})
		var got []string
		for _, p := range list {
			got = append(got, p.Person)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", to, got, err, want)
		}
	}
	for to, want := range map[string]string{
		"{best: nothing of these}": "answers: Creamy, Thin, Sour", "{intent: 4..}": "is no range", "{wants.want: tea}": "each person may have several",
		"Ann Acher": "Did you mean Ann Archer?", "{agge: 3}": "attributes: ", "{age: 1..2}": "this selects nobody", "": "expected who", "[": "--to:1", "{age: 30}}": "--to:1",
	} {
		_, err := s.ParseWho("--to", to)
		var m *study.Mistakes
		if !errors.As(err, &m) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", to, err)
		}
	}
}
