package study_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// scripts makes scripts by chance, and changes them.
type scripts struct {
	*rand.Rand
	scenes, exports int
}

type block = map[string]any

func (r *scripts) word() string { return []string{"a", "b", "c"}[r.IntN(3)] }

func (r *scripts) leaf() any {
	switch r.IntN(8) {
	case 0, 1, 2:
		return block{"say": r.word()}
	case 3:
		return block{"run": 1}
	case 4:
		return block{"run": block{"steps": 2, "until": block{"said": r.word()}}}
	case 5:
		return block{"set": block{"mood": r.word()}}
	case 6:
		return block{"leave": "bo"}
	}
	return block{"ask": "q"}
}

// steps makes some; in says what they stand in.
func (r *scripts) steps(in string, depth int) []any {
	var list []any
	for range 1 + r.IntN(4) {
		switch k := r.IntN(10); {
		case in == "" && k == 0:
			r.scenes++
			scene := block{"scene": fmt.Sprint("s", r.scenes), "do": r.steps("scene", 1)}
			if r.IntN(2) == 0 {
				scene["rooms"] = "each"
			}
			if r.IntN(3) == 0 {
				scene["fresh"] = true
			}
			list = append(list, scene)
		case in == "" && k <= 2:
			r.exports++
			list = append(list, block{"export": "transcript", "path": fmt.Sprint("x", r.exports)})
		case depth < 2 && k <= 4:
			v := []string{"u", "v"}[depth]
			items := "table"
			if depth > 0 && in == "u" {
				items = []string{"u.words", "[a, b, c]"}[r.IntN(2)]
			}
			do := append(r.steps(v, depth+1), block{"say": r.word()})
			list = append(list, block{"for": v + " in " + items, "order": []string{"written", "rotate", "shuffle"}[r.IntN(3)], "do": do})
		default:
			list = append(list, r.leaf())
		}
	}
	return list
}

// edit changes one thing.
func (r *scripts) edit(list []any, in string) []any {
	list = slices.Clone(list)
	i := r.IntN(len(list))
	m := list[i].(block)
	if do, ok := m["do"]; ok && r.IntN(2) == 0 {
		m = maps.Clone(m)
		if _, ok := m["for"]; ok && r.IntN(4) == 0 {
			m["order"] = []string{"written", "rotate", "shuffle"}[r.IntN(3)]
		} else {
			m["do"] = r.edit(do.([]any), "x")
		}
		list[i] = m
		return list
	}
	switch r.IntN(6) {
	case 0:
		if len(list) > 1 {
			return slices.Delete(list, i, i+1)
		}
	case 1:
		return slices.Insert(list, i, r.steps(in, 1)...)
	case 2:
		k := r.IntN(len(list))
		list[i], list[k] = list[k], list[i]
	case 3:
		list[i] = r.leaf()
	case 4: // a loop of one item, and back
		if _, ok := m["say"]; ok {
			list[i] = block{"for": "z in [" + fmt.Sprint(m["say"]) + "]", "do": []any{block{"say": "${z}"}}}
		}
	case 5: // what follows a scene into it, or its last step out of it
		do, ok := m["do"].([]any)
		switch {
		case !ok || m["scene"] == nil:
		case i+1 < len(list) && list[i+1].(block)["scene"] == nil && list[i+1].(block)["export"] == nil:
			m = maps.Clone(m)
			m["do"] = append(slices.Clone(do), list[i+1])
			list[i] = m
			return slices.Delete(list, i+1, i+2)
		case len(do) > 1:
			m = maps.Clone(m)
			m["do"] = do[:len(do)-1]
			list[i] = m
			return slices.Insert(list, i+1, do[len(do)-1])
		}
	}
	return list
}

// TestEditRandom changes studies by chance, some of them in the midst of a run: what
// Compare keeps can be gone on with, and leads to where a run from nothing does.
func TestEditRandom(t *testing.T) {
	r := &scripts{Rand: rand.New(rand.NewPCG(3, 7))}
	make := func(script []any, rooms string) (*study.Study, string) {
		b, err := json.Marshal(block{
			"people":    block{"ann": block{"persona": block{"name": "Ann", "mood": "calm"}}, "bo": block{"persona": block{"name": "Bo", "mood": "sad"}}},
			"world":     block{"rooms": rooms},
			"vars":      block{"table": []any{block{"words": []string{"a"}}, block{"words": []string{"b", "c"}}, block{"words": []string{"c"}}}},
			"questions": block{"q": block{"ask": "What?"}},
			"script":    script,
		})
		if err != nil {
			t.Fatal(err)
		}
		s, err := loadText(string(b))
		if err != nil {
			return nil, string(b)
		}
		return s, string(b)
	}
	run := func(s *study.Study, j journals) error {
		_, err := s.Run(t.Context(), &study.RunOptions{
			Mind: func(study.Member) tinytroupe.Mind { return voter{value: func(_, _, _ string) any { return "x" }} },
			Open: j.open,
		})
		return err
	}
	kept, until := 0, time.Now().Add(20*time.Second)
	for n := 0; n < 250 && time.Now().Before(until); n++ {
		rooms := []string{"all", "each"}[n%2]
		script := r.steps("", 0)
		was, text := make(script, rooms)
		now, edited := make(r.edit(script, ""), rooms)
		if was == nil || now == nil {
			continue // a script that is no study
		}
		j := journals{}
		if err := run(was, j); err != nil {
			t.Fatal(err)
		}
		if r.IntN(2) == 0 {
			keep, err := was.Upto(r.IntN(len(was.Steps())+1), 0, j.rooms())
			if err != nil {
				t.Fatal(err)
			}
			j.cut(keep)
		}
		e, err := now.Compare(j.rooms())
		if err != nil {
			t.Fatal(err)
		}
		j.cut(e.Keep)
		for _, l := range j {
			kept += len(l.events)
		}
		if err := run(now, j); err != nil {
			t.Fatalf("%v; first: %v\n%s\n%s", err, e.First, text, edited)
		}
		want := journals{}
		if err := run(now, want); err != nil {
			t.Fatal(err)
		}
		if a, b := want.lines(t), j.lines(t); !maps.EqualFunc(a, b, slices.Equal) {
			t.Fatalf("(-from nothing +gone on):\n%s\nfirst: %v\n%s\n%s", cmp.Diff(a, b), e.First, text, edited)
		}
	}
	if kept == 0 {
		t.Error("nothing stood")
	}
}
