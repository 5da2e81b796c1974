package tinytroupe

import (
	"context"
	"encoding/json"
)

// A Mind decides what a person does next. Decide must not keep or change p and
// must be safe for concurrent use. A mind that wraps another implements
// Unwrap() Mind, so that its optional abilities are found.
type Mind interface {
	Decide(ctx context.Context, p *Perception) (*Decision, error)
}

// A Consolidator turns the oldest part of an episode into a summary. The new
// summary replaces p.Summary. Optional for a Mind: without it episodes grow.
type Consolidator interface {
	Consolidate(ctx context.Context, p *Perception, old []Event) (*Consolidation, error)
}

// An Asker answers a question from a perception without anybody changing.
type Asker interface {
	Ask(ctx context.Context, p *Perception, q Question) (*Answer, error)
}

// Perception is all that a mind gets: plain data, with no way back into the world.
// Its slices are shared and read-only.
type Perception struct {
	World     string // name of the world
	Step      int
	Persona   Persona
	Situation Situation
	State     MentalState // as last decided; zero at first
	Summary   string      // of what was folded away; empty at first
	Episode   []Event     // what was perceived and done, in the order of perception
	Stimuli   []Stimulus  // new since the last turn
	Memos     []Memo      // recalled for this turn
	Draft     []Event     // earlier passes of this turn: acts, states and their results
	Reminders []string    // notes from the engine for this pass alone
	Acts      []ActSpec   // every kind that may be used, core kinds first, then faculties' by name
}

// A Decision is what a mind proposes. DONE is added where it is missing; without
// actions it is all there is. No decision (nil) fails the turn.
type Decision struct {
	Actions []Action
	State   *MentalState // nil leaves it as it was
	Calls   []string     // keys of the model calls behind it
}

// A Consolidation is the outcome of consolidating part of an episode.
type Consolidation struct {
	Summary string // replaces the earlier summary
	Memos   []Memo // to be remembered
	Calls   []string
}

// A Question is put to a person outside of the run.
type Question struct {
	Text   string
	Images []Image
	Schema json.RawMessage // JSON schema of the answer; nil asks for free text
}

// An Answer is what a person said to a question.
type Answer struct {
	Text  string          // for a free question
	Value json.RawMessage // for a question with a schema: valid under it
	Calls []string
}

// A Memory is an index of memos. It is fed in journal order, rebuilt on resume,
// and never the only copy. Add never calls a model; Search may, in the caller's
// goroutine. Both are safe for concurrent use.
type Memory interface {
	Add(memos ...Memo)
	Search(ctx context.Context, q Query) ([]Memo, error)
}

// A Query asks a memory for what is relevant.
type Query struct {
	Text string // free text
	Most int    // at most this many memos; 0 means the memory's default
}

// A Faculty adds acts to a person: consulting documents, using a tool. It keeps no
// state of its own outside of notes (see [Note]) and is safe for concurrent use.
//
// Perform of a kind that does not yield runs inside the commit: it calls no model
// and touches nothing outside. A kind that must do either yields; its Perform gets
// the view at the start of the round with the effects of the turn's acts that yielded
// before it. What the other acts of the turn do happens at its commit.
// An error is told to the actor unless the context was cancelled.
type Faculty interface {
	Name() string
	Acts() []ActSpec
	Perform(ctx context.Context, v *View, actor string, a Action) ([]Effect, error)
}

// ActSpec describes one kind of act.
type ActSpec struct {
	Kind    ActionKind      // in upper case; one faculty of a person has it
	Faculty string          // who performs it; empty for the core kinds
	Purpose string          // when and how to use it, for the mind
	Schema  json.RawMessage // JSON schema of the content; nil for plain text
	Yields  bool            // brings something back that the person sees within the turn
}

// A Journal keeps events. Append writes all of them or none, in order; an error
// means that nothing was kept.
type Journal interface {
	Append(events ...Event) error
}
