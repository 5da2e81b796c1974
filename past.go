package tinytroupe

import (
	"slices"
	"strings"
)

// A Past is what somebody remembers of other worlds, and takes along to this one.
type Past struct {
	Summary string      `json:"summary,omitempty"` // of what was folded away
	State   MentalState `json:"state"`
	// Episode is what was perceived and done since, oldest first. Its events have
	// been committed elsewhere: here they have no Seq.
	Episode []Event `json:"episode,omitempty"`
}

// Past returns what a person would take along: the summary, the state and the
// episode, at its end what is still to be seen. Events without a Seq came with an
// earlier Past. Nobody of that name has the zero Past.
func (v *View) Past(name string) Past {
	b := v.s.body(name)
	if b == nil {
		return Past{}
	}
	return Past{b.summary, b.mental, slices.Concat(b.episode, b.inbox)}
}

// Oldest returns how many events at the head of the episode of the person called
// name are whole turns that hold at least want bytes (see [Past.Size]), or as many as there are
// but for the newest turn.
func (p *Past) Oldest(name string, want int) int { return len(oldest(p.Episode, name, want)) }

// Size returns the length of the episode, in bytes, as Options.Episode counts it.
func (p *Past) Size() int {
	n := 0
	for i := range p.Episode {
		n += size(&p.Episode[i])
	}
	return n
}

// carried returns a copy without what belongs to another journal.
func (p Past) carried() *Past {
	p.Summary = strings.ToValidUTF8(p.Summary, "\ufffd")
	p.Episode = slices.Clone(p.Episode)
	for i := range p.Episode {
		p.Episode[i].Seq, p.Episode[i].End = 0, false
	}
	return &p
}

// carry puts a past in place of what the person remembers.
func (b *body) carry(p *Past) {
	b.summary, b.mental, b.episode, b.size, b.inbox, b.due = p.Summary, p.State, nil, 0, nil, nil
	b.recent = nil // what was said before is said of another past
	for _, ev := range p.Episode {
		b.enter(ev)
	}
}
