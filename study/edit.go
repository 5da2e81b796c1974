package study

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/tinytroupe-go/tinytroupe"
)

// An Edit says what of a run still stands under a study that may have changed since.
type Edit struct {
	// First is the first thing that differs, in the order of the script; nil where all
	// that was done stands.
	First *ChangedError
	// Keep holds, for each room, the Seq of the last event that stands; 0 where none
	// does. A journal cut there can be gone on with.
	Keep map[string]int
}

// foot is a mark in a journal.
type foot struct {
	mark
	before int // Seq of the last event before it
	part   int // that it belongs to; behind the last where the study has no such part
}

// Compare finds what of a run stands, from the events of its rooms: in each what was
// done before its own first difference. A part, scene or steps between scenes, differs
// from its beginning where anything before it does, since people remember that.
func (s *Study) Compare(rooms map[string]iter.Seq2[tinytroupe.Event, error]) (*Edit, error) {
	check := s.checker()
	e := &Edit{}
	var at foot
	feet, total, err := s.trail(rooms)
	if err != nil {
		return nil, err
	}
	for _, room := range slices.Sorted(maps.Keys(feet)) {
		for _, f := range feet[room] {
			changed := check(f.mark)
			if changed == nil {
				continue
			}
			total[room] = f.before
			if e.First == nil || f.part < at.part || f.part == at.part && *f.Verb < *at.Verb {
				e.First, at = changed, f
			}
			break
		}
	}
	e.Keep = total
	return e, nil
}

// Upto returns, for each room, the Seq of the last event of the first verb steps of
// the script; where within is above 0, of the step with that number only its first
// so many steps of simulated time.
func (s *Study) Upto(verb, within int, rooms map[string]iter.Seq2[tinytroupe.Event, error]) (map[string]int, error) {
	steps := s.Steps()
	if verb < 0 || verb > len(steps) {
		return nil, fmt.Errorf("step %d: the script has %d steps", verb, len(steps))
	}
	if within > 0 {
		if _, ok := steps[max(verb, 1)-1].Do.(Run); !ok || verb == 0 {
			return nil, fmt.Errorf("step %d.%d: only run has steps of its own", verb, within)
		}
	}
	// Marks number acts: how many of those are among the first verb steps?
	acts := s.acts()
	n, _ := slices.BinarySearchFunc(acts, verb+1, func(x act, n int) int { return cmp.Compare(x.number, n) })
	part := -1
	if verb = n - 1; verb > 0 {
		part = acts[verb].part
	}
	feet, total, err := s.trail(rooms)
	if err != nil {
		return nil, err
	}
	for room, list := range feet {
		for _, f := range list {
			if f.part > part && (verb > 0 || *f.Verb != 0 || f.part > 0) || *f.Verb > verb {
				total[room] = f.before
				break
			}
		}
	}
	if within == 0 {
		return total, nil
	}
	for room, events := range rooms {
		open, begun, before := false, 0, 0
		for ev, err := range events {
			if err != nil {
				return nil, err
			}
			if m, ok := markOf(ev); ok && m.At != atAnswers {
				open = *m.Verb == verb && m.Word != returning && m.At == "start"
			} else if begins(&ev) && open {
				if begun++; begun > within {
					total[room] = before
					break
				}
			}
			if ev.End {
				before = ev.Seq
			}
		}
	}
	return total, nil
}

// begins reports whether an event opens a step of simulated time.
func begins(ev *tinytroupe.Event) bool {
	return ev.Kind == tinytroupe.EventClock && ev.Clock.World == nil && ev.Clock.Skip == ""
}

// trail returns the marks of each room, and how far its journal goes.
func (s *Study) trail(rooms map[string]iter.Seq2[tinytroupe.Event, error]) (map[string][]foot, map[string]int, error) {
	acts, behind := s.acts(), len(s.parts())
	scenes := map[string]int{}
	for k, p := range s.parts() {
		if p.scene != nil {
			scenes[p.scene.Name] = k
		} else if _, ok := scenes[""]; !ok && !p.look {
			scenes[""] = k
		}
	}
	feet, total := map[string][]foot{}, map[string]int{}
	for room, events := range rooms {
		feet[room] = nil
		scene, end := "", 0
		for ev, err := range events {
			if err != nil {
				return nil, nil, err
			}
			if m, ok := markOf(ev); ok && m.At != atAnswers {
				f := foot{m, end, behind}
				if *m.Verb == 0 && m.At != atCast {
					scene = m.Scene
				} else if m.At != atCast {
					f.Scene = scene
				}
				if k, ok := scenes[m.Scene]; m.At == atCast {
					if ok {
						f.part = k
					}
				} else if k, ok = scenes[scene]; ok && (scene != "" || *m.Verb == 0) {
					f.part = k
				} else if ok && *m.Verb < len(acts) {
					f.part = acts[*m.Verb].part
				}
				feet[room] = append(feet[room], f)
			}
			if ev.End {
				end = ev.Seq
			}
		}
		total[room] = end
	}
	return feet, total, nil
}
