package study

import (
	"regexp"
	"slices"
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
	Inputs []Input           // every file that was read, the study first
	// Warnings are about what was read and not used, one a line.
	Warnings []string

	parted []string // attributes and the like that tables are parted by
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
	People []Person
	Staff  bool  // selected only where named
	Human  bool  // asked at the terminal
	HTTP   *HTTP // a chatbot; nil for people
}

// A Person is somebody who takes part, as the study knows them.
type Person struct {
	Group    string
	Staff    bool
	Persona  tinytroupe.Persona
	Assigned map[string]any // attributes dealt out, which the person is not told; nil without any
	Begins   *Beginning     // what was saved beside the persona; nil without anything
}

// Name returns the person's name.
func (p Person) Name() string { return p.Persona.Name() }

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
	Rooms      Rooms
	Network    []tinytroupe.Relation // who is related; nil where there is no network
}

// A Spread says how people are spread over rooms.
type Spread string

const (
	All  Spread = "all"  // in one room
	Each Spread = "each" // in a room of their own
	Of   Spread = "of"   // by chance, in rooms of so many
	By   Spread = "by"   // with those who share an attribute
)

// Rooms are the rooms of a scene, or of what happens outside of scenes.
type Rooms struct {
	Spread Spread
	Of     int    // people in a room, at most; the rooms differ by one at most
	By     string // an attribute
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
	// Run lets people act: for so many steps, or until a step that ends with what
	// Until says.
	Run struct {
		Steps int
		Until *Until `json:",omitempty"`
	}
	// Skip lets time pass.
	Skip struct{ For time.Duration }
	// Scene is a part with rooms of its own.
	Scene struct {
		Name  string
		Rooms Rooms
		Who   Who
		Named bool   // Who was given: also those who have left
		With  *Who   // a copy of each is in every room; nil means nobody
		Fresh bool   // without memories of earlier scenes
		Do    []Step `json:"-"`
	}
	// For does its steps once for each item of a list: Do[i] is what the i-th item
	// makes of them.
	For struct {
		Var   string
		Order Order
		Items []string // what the items are called
		Do    [][]Step

		place string // among the loops of the scene, or of what is outside: by chance depends on it
	}
)

// Order says in which order a For takes its items.
type Order string

const (
	Written Order = "written"
	Rotate  Order = "rotate"  // from another item in each room, so that each comes first equally often
	Shuffle Order = "shuffle" // by chance, in another order in each room
)

// Until ends a run early, at the end of a step in which it came true.
type Until struct {
	Said string // a regular expression that something said must match
	By   *Who   `json:",omitempty"` // who must say it; nil means anybody
	re   *regexp.Regexp
}

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
func (Scene) word() string     { return "scene" }
func (For) word() string       { return "for" }

// Word returns the step's verb as the study spells it.
func (s Step) Word() string { return s.Do.word() }

// everybody returns all people, by group.
func (s *Study) everybody() []Person {
	var list []Person
	for _, g := range s.People {
		list = append(list, g.People...)
	}
	return list
}

// Steps returns every step that does something, those of scenes and loops included,
// in the order in which they are written; of a loop, for one item after the other.
// Their numbers in Progress count from 1 in this order.
func (s *Study) Steps() []Step {
	var list []Step
	for _, x := range leaves(s.Script) {
		list = append(list, *x)
	}
	return list
}

// An act is a step that does something to a room: no look. Marks number them.
type act struct {
	*Step
	number int // in Steps, from 1
	part   int // that it belongs to
}

// acts returns all of them from 1; the first stands for the set-up.
func (s *Study) acts() []act {
	list := []act{{}}
	n := 0
	for k, p := range s.parts() {
		for _, x := range leaves(p.steps) {
			if n++; !p.look {
				list = append(list, act{x, n, k})
			}
		}
	}
	return list
}

// StepsOf returns the steps of a scene as Steps does, those outside of scenes where
// scene is empty.
func (s *Study) StepsOf(scene string) []Step {
	var list []Step
	for _, p := range s.parts() {
		if p.scene == nil && scene == "" || p.scene != nil && p.scene.Name == scene {
			for _, x := range leaves(p.steps) {
				list = append(list, *x)
			}
		}
	}
	return list
}

// leaves returns the steps that are neither scene nor loop.
func leaves(steps []Step) []*Step {
	var list []*Step
	for i := range steps {
		switch do := steps[i].Do.(type) {
		case Scene:
			list = append(list, leaves(do.Do)...)
		case For:
			for _, body := range do.Do {
				list = append(list, leaves(body)...)
			}
		default:
			list = append(list, &steps[i])
		}
	}
	return list
}

// outside returns the steps that are in no scene.
func (s *Study) outside() []Step {
	return slices.DeleteFunc(slices.Clone(s.Script), func(x Step) bool {
		_, ok := x.Do.(Scene)
		return ok
	})
}

// later reports the names of those who are not there from the start, in a scene or outside
// with these steps: whose first coming or going there is a join. Who may leave by what they
// will have answered is there.
func (s *Study) later(steps []Step) []string {
	var list []string
	all := leaves(steps)
	for _, p := range s.everybody() {
		for _, step := range all {
			_, joins := step.Do.(Join)
			_, leaves := step.Do.(Leave)
			if may, _ := step.To.may(p); (joins || leaves) && may {
				if joins {
					list = append(list, p.Name())
				}
				break
			}
		}
	}
	return list
}
