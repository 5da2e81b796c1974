package study

import (
	"time"

	"github.com/tinytroupe-go/tinytroupe"
)

// A Study is a study file and all that it names, read and checked.
type Study struct {
	File     string // as it was given to Load
	Title    string
	About    string
	Language string // empty where the file says nothing
	Seed     uint64 // 1 where the file says nothing
	Models   Models
	Budget   Budget
	Vars     map[string]any // texts (string), lists ([]any) and maps (map[string]any)
	People   []Group
	World    World
	Script   []Step

	Set    map[string]string // variables set from outside, as given to Load
	Env    []string          // names of the environment variables that were read
	Inputs []Input           // every file that was read, the study first
	// Warnings are about what was read and not used, one a line.
	Warnings []string
}

// Models are PROVIDER/NAME by purpose; empty where the study does not say.
type Models struct{ Act, Write, Extract, Judge string }

// Budget is the most that a run may cost; 0 is no limit.
type Budget struct {
	USD    float64
	Calls  int
	Tokens int
}

// A Group is a key of people.
type Group struct {
	Name   string
	People []tinytroupe.Persona
}

// Turns says how people take turns within a step.
type Turns string

const (
	InTurn   Turns = "in turn"
	Together Turns = "together"
	Shuffled Turns = "shuffled"
)

// World is where and when a study happens.
type World struct {
	Name       string
	Starts     time.Time     // zero where the study does not say
	Step       time.Duration // 5 minutes where the study does not say
	Turns      Turns
	Acquainted bool
	Idle       tinytroupe.Idle
	Quiet      bool // speech without a target reaches nobody
}

// An Input is a file as it was read. Paths are relative to the folder that holds all
// of them, so that a copy of the inputs in one folder loads as the originals do.
type Input struct {
	Path string // with slashes
	Data []byte
}

// A Step is one verb of a script, with its modifiers.
type Step struct {
	Do   Verb
	To   Who
	Line int    // in the study file
	Hash string // of all that the step means; changes with it
}

// A Verb is what a step does: one of the types below.
type Verb interface{ word() string }

type (
	// Say lets people hear a text from outside.
	Say struct{ Text Text }
	// Show lets people see a description, with an image where there is one.
	Show struct {
		Text  Text
		Image *Image
	}
	// Goal gives people a goal.
	Goal struct{ Text Text }
	// Think puts a thought into people's minds.
	Think struct{ Text Text }
	// Context changes what surrounds people.
	Context struct{ Texts []Text }
	// Move moves people to a place.
	Move struct{ Place Text }
	// Introduce brings people within each other's reach.
	Introduce struct{}
	// Join lets people come in.
	Join struct{}
	// Leave lets people go.
	Leave struct{}
	// Set changes attributes of people, in order.
	Set struct{ Values []Setting }
	// Run lets people act.
	Run struct{ Steps int }
	// Skip lets time pass.
	Skip struct{ For time.Duration }
)

// A Setting is a new value of an attribute: a JSON value at a path.
type Setting struct {
	Path  string
	Value any
}

// An Image is a picture that people are shown.
type Image struct {
	Input     int `json:"-"` // index into Study.Inputs
	MediaType string
	SHA256    string // hexadecimal
}

func (Say) word() string       { return "say" }
func (Show) word() string      { return "show" }
func (Goal) word() string      { return "goal" }
func (Think) word() string     { return "think" }
func (Context) word() string   { return "context" }
func (Move) word() string      { return "move" }
func (Introduce) word() string { return "introduce" }
func (Join) word() string      { return "join" }
func (Leave) word() string     { return "leave" }
func (Set) word() string       { return "set" }
func (Run) word() string       { return "run" }
func (Skip) word() string      { return "skip" }

// Word returns the step's verb as the study spells it.
func (s Step) Word() string { return s.Do.word() }

// everybody returns all people, by group.
func (s *Study) everybody() []tinytroupe.Persona {
	var list []tinytroupe.Persona
	for _, g := range s.People {
		list = append(list, g.People...)
	}
	return list
}

// Later reports the names of those who are not there from the start: whose first
// coming or going in the script is a join.
func (s *Study) Later() []string {
	var list []string
	for _, g := range s.People {
		for _, p := range g.People {
			for _, step := range s.Script {
				_, joins := step.Do.(Join)
				_, leaves := step.Do.(Leave)
				if (joins || leaves) && step.To.Selects(g.Name, p) {
					if joins {
						list = append(list, p.Name())
					}
					break
				}
			}
		}
	}
	return list
}
