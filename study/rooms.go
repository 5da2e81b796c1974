package study

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Room is where people hear one another, and nobody else does.
type Room struct {
	Scene string // empty outside of scenes
	ID    string // unlike that of every other room of its scene
	Index int    // among the rooms of its scene, from 0
	Of    int    // rooms of the scene
}

// Main is the name of the one room of a study without scenes or other rooms.
const Main = "all"

// Name returns SCENE/ID, or ID outside of scenes: what ${room.id} stands for.
func (r Room) Name() string {
	if r.Scene == "" {
		return r.ID
	}
	return folder(r.Scene) + "/" + r.ID
}

// A Member is somebody in a room. Staff may be in several at once.
type Member struct {
	Person
	Room Room
}

// A Loop is where a step stands in a loop, in one room.
type Loop struct {
	Var      string `json:"var"`
	Item     int    `json:"item"`     // 1, 2… as written
	Position int    `json:"position"` // 1, 2… in this room
	Of       int    `json:"-"`
	Name     string `json:"-"` // what the item is called
}

// A stage is what happens between two moments at which all rooms wait for one another:
// a scene, steps between scenes, or a look at what happened so far.
type stage struct {
	scene *Scene // nil: outside
	look  bool   // steps that look at all rooms, and change none
	goes  bool   // outside, and nothing but looks since the last steps there
	line  int    // of the first step, or of the scene
	steps []Step // slices of the script: their addresses count
}

func (s *Study) parts() []stage {
	var list []stage
	outside := false // the last steps that changed something were outside of scenes
	for i := range s.Script {
		x := &s.Script[i]
		if scene, ok := x.Do.(Scene); ok {
			list = append(list, stage{scene: &scene, line: x.Line, steps: scene.Do})
			outside = false
			continue
		}
		look := looks(x.Do)
		if n := len(list); n > 0 && list[n-1].scene == nil && list[n-1].look == look {
			list[n-1].steps = s.Script[i-len(list[n-1].steps) : i+1]
			continue
		}
		list = append(list, stage{look: look, goes: !look && outside, line: x.Line, steps: s.Script[i : i+1]})
		outside = outside || !look
	}
	return list
}

// A unit is what a room does between two marks.
type unit struct {
	part  int
	verb  int    // its number in acts, from 1; 0 for the set-up
	word  string // of the mark; empty for the set-up
	hash  string
	step  *Step // nil for the set-up and the return
	loops []Loop
}

// returning is the word of the mark of those who come back from a scene.
const returning = "return"

// program returns what a room does: everything outside of scenes, or a scene.
func (r *runner) program(id Room, scene *Scene) []unit {
	var list []unit
	for k, p := range r.parts {
		if p.scene != scene || p.look {
			continue
		}
		if !p.goes {
			first := unit{part: k, hash: r.setups[k]}
			if len(list) > 0 {
				first.verb, first.word = r.act[leaves(p.steps)[0]], returning
			}
			list = append(list, first)
		}
		list = append(list, r.flat(k, id, p.steps, nil)...)
	}
	return list
}

// flat returns the units of steps, loops unrolled in the room's order.
func (r *runner) flat(k int, id Room, steps []Step, loops []Loop) []unit {
	var list []unit
	for i := range steps {
		f, ok := steps[i].Do.(For)
		if !ok {
			list = append(list, unit{k, r.act[&steps[i]], steps[i].Word(), steps[i].Hash, &steps[i], loops})
			continue
		}
		for pos, item := range r.order(f, id) {
			in := append(slices.Clip(loops), Loop{f.Var, item + 1, pos + 1, len(f.Do), f.Items[item]})
			list = append(list, r.flat(k, id, f.Do[item], in)...)
		}
	}
	return list
}

// order returns the order in which a room takes the items of a loop. All that it depends
// on, seed and room aside, is in the hashes of the loop's steps.
func (r *runner) order(f For, id Room) []int {
	n := len(f.Do)
	if f.Order == Shuffle {
		return chance(r.s.Seed, "for", id.Name(), f.place, f.Var).Perm(n)
	}
	list := make([]int, n)
	for i := range list {
		list[i] = i
		if f.Order == Rotate {
			list[i] = (i + id.Index) % n
		}
	}
	return list
}

// spread spreads people over rooms, each with a copy of those in with. People stand
// in a room in the order of the study.
func (s *Study) spread(scene string, rooms Rooms, who, with []Person) ([]Room, [][]Person, error) {
	var ids []string
	var groups [][]Person
	switch rooms.Spread {
	case Each:
		for _, p := range who {
			ids, groups = append(ids, p.Name()), append(groups, []Person{p})
		}
	case Of:
		n := (len(who) + rooms.Of - 1) / rooms.Of
		drawn := chance(s.Seed, "rooms", scene).Perm(len(who))
		for i := range n {
			list := slices.Sorted(slices.Values(drawn[i*len(who)/n : (i+1)*len(who)/n]))
			group := make([]Person, len(list))
			for k, j := range list {
				group[k] = who[j]
			}
			ids, groups = append(ids, fmt.Sprintf("%0*d", len(fmt.Sprint(n)), i+1)), append(groups, group)
		}
	case By:
		for _, p := range who {
			value, ok := attribute(p, rooms.By)
			if !ok {
				return nil, nil, fmt.Errorf("%s has no %s that tells a room", p.Name(), rooms.By)
			}
			i := slices.IndexFunc(ids, func(id string) bool { return strings.EqualFold(id, value) })
			if i < 0 {
				i, ids, groups = len(ids), append(ids, value), append(groups, nil)
			}
			groups[i] = append(groups[i], p)
		}
	default:
		if len(who)+len(with) > 0 {
			ids, groups = []string{Main}, [][]Person{who}
		}
	}
	list := make([]Room, len(ids))
	taken := map[string]bool{}
	at := map[string]int{}
	for i, p := range s.everybody() {
		at[p.Name()] = i
	}
	for i, id := range ids {
		id = cmp.Or(folder(id), "room")
		name := id
		for k := 2; taken[strings.ToLower(name)]; k++ {
			name = fmt.Sprintf("%s-%d", id, k)
		}
		taken[strings.ToLower(name)] = true
		list[i] = Room{scene, name, i, len(ids)}
		groups[i] = slices.Concat(groups[i], with)
		slices.SortFunc(groups[i], func(a, b Person) int { return cmp.Compare(at[a.Name()], at[b.Name()]) })
		groups[i] = slices.CompactFunc(groups[i], func(a, b Person) bool { return a.Name() == b.Name() })
	}
	return list, groups, nil
}
