package tinytroupe

import (
	"context"
	"errors"
)

// A job is a consolidation under way, or its held result. The result is
// committed with the person's next turn, so that it does not matter when the
// consolidation was made, nor how a run is cut into calls.
type job struct {
	due      *due
	done     chan struct{} // closed when out or err is set
	count    int           // events of the episode that out replaces
	out      *Consolidation
	err      error
	reported bool // the failure has been told
}

// consolidate begins what is due for any of the people and not under way.
func (w *World) consolidate(ctx context.Context, people []*body) {
	for _, b := range people {
		if j := w.jobs[b.name]; j != nil && (j.reported || j.due != b.due) {
			<-j.done
			delete(w.jobs, b.name)
		}
		st := w.seats[b.name]
		c := st.consolidator
		if b.due == nil || w.jobs[b.name] != nil || c == nil || context.Cause(ctx) != nil {
			continue
		}
		per := *b.due.perception
		old := oldest(per.Episode, b.name, b.due.over)
		if len(old) == 0 {
			continue
		}
		per.Acts = st.acts
		j := &job{due: b.due, done: make(chan struct{}), count: len(old)}
		w.jobs[b.name] = j
		go func() {
			defer close(j.done)
			j.out, j.err = guard("mind", func() (*Consolidation, error) { return c.Consolidate(ctx, &per, old) })
			if j.err == nil && (j.out == nil || j.out.Summary == "") {
				j.err = errors.New("no summary came back")
			}
		}()
	}
}

// settle begins the consolidations that a committed round made due, and lets go
// of those that it committed.
func (w *World) settle(ctx context.Context, proposals []*proposal) {
	people := make([]*body, 0, len(proposals))
	for _, p := range proposals {
		if p.err == nil {
			delete(w.jobs, p.name)
		}
		people = append(people, w.st.body(p.name))
	}
	w.consolidate(ctx, people)
}

// join waits for every consolidation. Those that the end of the context cut
// short are forgotten, and made when the world runs again.
func (w *World) join(ctx context.Context) {
	for name, j := range w.jobs {
		<-j.done
		if j.err != nil && context.Cause(ctx) != nil {
			delete(w.jobs, name)
		}
	}
}

// size is what an event adds to a prompt, in bytes, roughly: its words and the JSON
// around them. An image is about a thousand tokens.
func size(ev *Event) int {
	n := 60
	if ev.Action != nil {
		n += len(ev.Action.Content) + len(ev.Action.Target)
	}
	if ev.Stimulus != nil {
		n += len(ev.Stimulus.Content) + len(ev.Stimulus.Source) + 4000*len(ev.Stimulus.Images)
	}
	if ev.State != nil {
		n += len(ev.State.Goals) + len(ev.State.Attention) + len(ev.State.Emotions)
	}
	return n
}

// oldest returns the shortest run of whole turns at the head of an episode that
// holds at least want bytes, leaving the newest turn alone. It may be empty.
func oldest(episode []Event, name string, want int) []Event {
	have, cut := 0, 0
	for i := range episode {
		// A turn begins at its first stimulus: after something of one's own.
		own := func(e *Event) bool { return e.Who == name && e.Kind != EventPerceived || e.During }
		begins := i > 0 && own(&episode[i-1]) && (!own(&episode[i]) || episode[i].Seen > 0)
		if begins {
			cut = i
			if have >= want {
				break
			}
		}
		have += size(&episode[i])
	}
	return episode[:cut]
}
