package tinytroupe

import (
	"encoding/json"
	"slices"
	"time"
)

// EventKind says what an event records. Each kind has its own payload fields,
// named beside it.
type EventKind string

const (
	EventClock     EventKind = "clock"     // Clock: the world opens, a step opens, or time is skipped
	EventJoined    EventKind = "joined"    // Who, Persona
	EventLeft      EventKind = "left"      // Who
	EventLinked    EventKind = "linked"    // Who, To, Relation: within each other's reach from now on
	EventParted    EventKind = "parted"    // Who, To: no longer within reach
	EventMoved     EventKind = "moved"     // Who, Place, Context
	EventContext   EventKind = "context"   // Who, Context
	EventEdited    EventKind = "edited"    // Who, Edit
	EventPerceived EventKind = "perceived" // To, Stimulus
	EventActed     EventKind = "acted"     // Who, Action, To (who hears it), Seen
	EventState     EventKind = "state"     // Who, State
	EventMemo      EventKind = "memo"      // Who, Memo
	EventFolded    EventKind = "folded"    // Who, Folded
	EventCarried   EventKind = "carried"   // Who, Past: in place of what was remembered
	EventFired     EventKind = "fired"     // Fired
	EventNoted     EventKind = "noted"     // Who, Note
	EventProduced  EventKind = "produced"  // Who, Artifact
	EventMarked    EventKind = "marked"    // Mark
	EventFailed    EventKind = "failed"    // Who, Failure
)

// Everyone stands in [Event.To] for all people present except Who.
const Everyone = "*"

// An Event is one change to a world. Events are never edited: treat the slices
// and pointers in one as read-only. Fields that a kind does not use are zero.
type Event struct {
	Seq   int       `json:"seq"`             // 1, 2, 3… within one journal; 0 in drafts
	Step  int       `json:"step,omitempty"`  // 0 before the first step
	Round int       `json:"round,omitempty"` // 1, 2…; 0 for what came from outside a round
	Time  time.Time `json:"time"`            // simulated
	Kind  EventKind `json:"kind"`
	Who   string    `json:"who,omitempty"`

	Action   *Action         `json:"action,omitempty"`
	Stimulus *Stimulus       `json:"stimulus,omitempty"`
	State    *MentalState    `json:"state,omitempty"`
	Memo     *Memo           `json:"memo,omitempty"`
	Persona  *Persona        `json:"persona,omitempty"`
	Place    string          `json:"place,omitempty"`
	Context  []string        `json:"context,omitempty"`
	Relation string          `json:"relation,omitempty"`
	Edit     *PersonaEdit    `json:"edit,omitempty"`
	Folded   *Folded         `json:"folded,omitempty"`
	Past     *Past           `json:"past,omitempty"`
	Fired    *Fired          `json:"fired,omitempty"`
	Note     *FacultyNote    `json:"note,omitempty"`
	Artifact *Artifact       `json:"artifact,omitempty"`
	Clock    *Clock          `json:"clock,omitempty"`
	Mark     json.RawMessage `json:"mark,omitempty"` // a JSON string for World.Mark; any JSON for World.MarkJSON
	Failure  *Failure        `json:"failure,omitempty"`

	To     []string `json:"to,omitempty"`     // names, or Everyone
	Seen   int      `json:"seen,omitempty"`   // on a turn's first act: everything up to this Seq was shown
	During bool     `json:"during,omitempty"` // used within the turn that caused it: enters the episode, not the inbox
	Calls  []string `json:"calls,omitempty"`  // keys of the model calls behind the event
	End    bool     `json:"end,omitempty"`    // last of its commit
}

// Perceived returns what the event is to the person called name: the stimulus it
// brings, or false when it brings none. Speech is a CONVERSATION from its speaker.
func (e *Event) Perceived(name string) (Stimulus, bool) {
	if !e.reaches(name) {
		return Stimulus{}, false
	}
	switch {
	case e.Kind == EventPerceived && e.Stimulus != nil:
		return *e.Stimulus, true
	case e.Kind == EventActed && e.Action != nil:
		return Stimulus{Kind: Conversation, Source: e.Who, Content: e.Action.Content}, true
	}
	return Stimulus{}, false
}

func (e *Event) reaches(name string) bool {
	if e.Kind != EventPerceived && e.Who == name {
		return false
	}
	return slices.Contains(e.To, name) || slices.Contains(e.To, Everyone) && e.Who != name
}

// StimulusKind says how something is perceived. The names are TinyTroupe's.
type StimulusKind string

const (
	Conversation StimulusKind = "CONVERSATION"
	Visual       StimulusKind = "VISUAL"
	Social       StimulusKind = "SOCIAL"
	Thought      StimulusKind = "THOUGHT"
	Goal         StimulusKind = "INTERNAL_GOAL_FORMULATION"
	Location     StimulusKind = "LOCATION"
	Result       StimulusKind = "RESULT" // what an act brought back, or why it did not happen
)

// A Stimulus is something a person perceives. Content is raw text, never cut.
type Stimulus struct {
	Kind    StimulusKind `json:"type"`
	Source  string       `json:"source,omitempty"` // who or what it comes from; empty for the user outside
	Content string       `json:"content"`
	Data    bool         `json:"data,omitempty"` // Content is a document's or a tool's text: data, not the person's own thought
	Images  []Image      `json:"images,omitempty"`
}

// An Image is named by the hash of its bytes, which are kept beside the journal.
type Image struct {
	Name      string `json:"name,omitempty"`
	MediaType string `json:"media_type"` // image/png, image/jpeg, …
	Hash      string `json:"hash"`       // SHA-256, hexadecimal
}

// ActionKind names an act. The four below are every person's; faculties add more.
type ActionKind string

const (
	Talk     ActionKind = "TALK"
	Think    ActionKind = "THINK"
	ReachOut ActionKind = "REACH_OUT"
	Done     ActionKind = "DONE"
)

// An Action is what a person does.
type Action struct {
	Kind    ActionKind `json:"type"`
	Target  string     `json:"target"` // a person's name where the kind has a target
	Content string     `json:"content"`
}

// Situation is the world's side of a moment.
type Situation struct {
	Now     time.Time      `json:"now"`
	Place   string         `json:"place,omitempty"`
	Context []string       `json:"context,omitempty"`
	Near    []Acquaintance `json:"near,omitempty"` // who can be talked to
}

// An Acquaintance is somebody within reach.
type Acquaintance struct {
	Name     string `json:"name"`
	Relation string `json:"relation,omitempty"`
}

// MentalState is the mind's side of a moment, in the person's own words.
type MentalState struct {
	Goals     string `json:"goals"`
	Attention string `json:"attention"`
	Emotions  string `json:"emotions"`
}

// A Memo is something a person may recall later.
type Memo struct {
	Kind    string    `json:"kind,omitempty"` // consolidated, fact, document, …
	Time    time.Time `json:"time,omitzero"`
	Source  string    `json:"source,omitempty"`
	Content string    `json:"content"`
}

// PersonaEdit sets one value of a persona, by path.
type PersonaEdit struct {
	Path  string          `json:"path"`
	Value json.RawMessage `json:"value"`
}

// Folded says that the oldest Count events of the episode gave way to Summary.
type Folded struct {
	Count   int    `json:"count"`
	Summary string `json:"summary"` // replaces the earlier summary
}

// Fired says which intervention fired, and why.
type Fired struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// FacultyNote is a change to a faculty's own state: a delta, never a total.
type FacultyNote struct {
	Faculty string          `json:"faculty"`
	Value   json.RawMessage `json:"value"`
}

// An Artifact is something a person made. Its bytes are stored under Hash before
// the event that mentions it is journalled.
type Artifact struct {
	Name      string `json:"name"`
	MediaType string `json:"media_type,omitempty"`
	Hash      string `json:"hash"` // SHA-256, hexadecimal
	Size      int    `json:"size"` // bytes
}

// Clock is the payload of a clock event. The first event of a journal sets World;
// an event that opens a step sets Rounds (perhaps empty); World.Skip sets Skip.
type Clock struct {
	World  *WorldClock `json:"world,omitempty"`
	Rounds [][]string  `json:"rounds,omitempty"`
	Skip   string      `json:"skip,omitempty"` // a Go duration
}

// WorldClock is what a resumed world must know and cannot be told anew.
type WorldClock struct {
	Name  string    `json:"name"`
	Seed  uint64    `json:"seed"`
	Start time.Time `json:"start"`
	Step  string    `json:"step"` // a Go duration
	Idle  string    `json:"idle"` // act or pass
}

// Failure is a turn, or a consolidation, that came to nothing.
type Failure struct {
	What  string `json:"what"`  // turn or consolidation
	Cause string `json:"cause"` // the error's text
}
