package tinytroupe

// An Effect is a change that rules, faculties and interventions ask for. The set
// is closed; each becomes one or more events. An empty Who means the actor.
type Effect interface{ effect() }

type (
	// Tell lets people perceive something. To holds names, or Everyone.
	Tell struct {
		To       []string
		Stimulus Stimulus
	}
	// Introduce puts Who and each of To within each other's reach.
	Introduce struct {
		Who      string
		To       []string
		Relation string
	}
	// Part undoes Introduce.
	Part struct {
		Who string
		To  []string
	}
	// Join brings a person in, who acts from the next step on. Options.Person
	// gives the mind and what else belongs to it.
	Join struct{ Persona Persona }
	// Leave takes a person out.
	Leave struct{ Who string }
	// Move changes a person's place, and the context with it.
	Move struct {
		Who     string
		Place   string
		Context []string
	}
	// SetContext changes what surrounds a person.
	SetContext struct {
		Who     string
		Context []string
	}
	// Edit sets a value of a person's persona. Value is anything that encodes to JSON.
	Edit struct {
		Who   string
		Path  string
		Value any
	}
	// Remember adds to a person's memory.
	Remember struct {
		Who  string
		Memo Memo
	}
	// Carry gives a person a past in other worlds, in place of what they remember
	// and have not seen yet.
	Carry struct {
		Who  string
		Past Past
	}
	// Produce stores something made. Options.Store keeps the bytes.
	Produce struct {
		Who       string
		Name      string
		MediaType string
		Data      []byte
	}
	// Note records a change of a faculty's own state. From an act that yields, the
	// value must be a delta. Value is anything that encodes to JSON.
	Note struct {
		Who     string
		Faculty string
		Value   any
	}
)

func (Tell) effect()       {}
func (Introduce) effect()  {}
func (Part) effect()       {}
func (Join) effect()       {}
func (Leave) effect()      {}
func (Move) effect()       {}
func (SetContext) effect() {}
func (Edit) effect()       {}
func (Remember) effect()   {}
func (Carry) effect()      {}
func (Produce) effect()    {}
func (Note) effect()       {}
