package mind

import (
	"slices"

	"github.com/tinytroupe-go/tinytroupe"
)

// mostLives bounds how many written episodes are kept. When more are needed, all are
// written anew.
const mostLives = 1024

type lifeKey struct{ world, person string }

// life is an episode as it was written for one turn, so that the next one writes only
// what came since. It never changes.
type life struct {
	summary     string
	first, last any // what the first and the last event written hold
	events      int
	writer      writer
}

// content identifies what an event holds. Events are never edited and share what they
// hold with their copies, so the same content in the same place is the same event,
// and what came before it in an episode is the same too.
func content(e *tinytroupe.Event) any {
	switch {
	case e.Action != nil:
		return e.Action
	case e.Stimulus != nil:
		return e.Stimulus
	case e.State != nil:
		return e.State
	}
	return nil
}

// resume returns a writer that has written the events of the episode up to from, or
// nil where the life is not the beginning of it.
func (l *life) resume(summary string, episode []tinytroupe.Event) (w *writer, from int) {
	if l == nil || l.events > len(episode) || l.summary != summary || l.first == nil || l.last == nil ||
		content(&episode[0]) != l.first || content(&episode[l.events-1]) != l.last {
		return nil, 0
	}
	c := l.writer.clip()
	return &c, l.events
}

// clip returns a copy that shares the messages written so far. What is written to
// either is not seen by the other.
func (w *writer) clip() writer {
	c := *w
	c.messages = slices.Clip(w.messages)
	c.parts, c.text = slices.Clone(w.parts), slices.Clone(w.text)
	c.lines, c.images = slices.Clone(w.lines), slices.Clone(w.images)
	return c
}
