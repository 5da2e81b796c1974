package main

import (
	"fmt"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/soup"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// notice says what is odd about a run that ended, failure or not: steps that reached
// nobody, and words that read like those of a model that has lost its way. Both are in
// the journals, look like any other result, and may not be one.
func (s *session) notice(res *study.Result) {
	if res == nil {
		return
	}
	steps := s.study.Steps()
	for _, n := range res.Idle {
		s.odd = append(s.odd, fmt.Sprintf("%s:%d: %s reached nobody in any room: nobody of those it is for was there", s.study.File, steps[n-1].Line, steps[n-1].Word()))
	}
	said, lost, first := 0, 0, ""
	for _, o := range res.Rooms {
		for ev := range o.World.Events() {
			if ev.Kind != tinytroupe.EventActed || ev.Action.Kind == tinytroupe.Done || ev.Action.Content == "" {
				continue
			}
			said++
			why := soup.Why(ev.Action.Content)
			if why == "" {
				continue
			}
			if lost++; first == "" {
				first = fmt.Sprintf("%s, step %d, %s: %s", line(ev.Who), ev.Step, line(string(ev.Action.Kind)), why)
				if o.Room.Of > 1 {
					first = line(o.Room.Name()) + ": " + first
				}
			}
		}
	}
	if lost > 0 {
		s.odd = append(s.odd, fmt.Sprintf("%d of %d acts read as if the model had lost its way; the first is %s", lost, said, first))
	}
	s.warn = append(s.warn, s.odd...)
}
