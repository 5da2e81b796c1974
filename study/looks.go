package study

import (
	"github.com/tinytroupe-go/tinytroupe/extract"
)

// A Question is what the study asks of people, or looks for.
type Question struct {
	Text Text             // what people are asked
	Form extract.Question // all else; Ask is filled in for each person
	Line int              `json:"-"`
}

// Per says whom a look is about.
type Per string

const (
	PerPerson Per = "person"
	PerRoom   Per = "room"
	PerStudy  Per = "study"
)

type (
	// Ask puts questions to people. Nobody hears of it, and nobody changes unless it is
	// to be remembered.
	Ask struct {
		Questions []Question
		Remember  bool
	}
	// Extract looks for answers in what happened.
	Extract struct {
		Question Question
		From     string // a scene; empty for everything
		Per      Per
		Double   float64 `json:"-"` // share that is done a second time
	}
	// Code sorts free answers into themes.
	Code struct {
		Name  string         // of a question, or of a field: pains.pain
		Codes []extract.Code // nil: they are made
		Most  int            // of those that are made; 0 means the usual number
		Multi bool

		Double float64 `json:"-"` // share of the texts that is sorted a second time
	}
	// Tally counts answers.
	Tally struct {
		Names []string
		By    []extract.Dimension

		files []string // of the tables, in results/, without what says their form
	}
	// Check judges whether a claim holds.
	Check struct {
		Name    string
		Claim   Text   // empty where Library or Said is set
		Library string // the name of a proposition that comes with the program
		Said    string // a regular expression: decided without a judge
		By      *Who   // who must have said it
		Not     bool   // nobody may have
		Per     Per
		Score   bool
		Draws   int
		Expect  *float64 // the share that must hold, at least
	}
	// Export writes results to a file.
	Export struct {
		What   string // transcript, people, answers, checks, or a question
		Format string
		Path   string
	}
)

func (Ask) word() string     { return "ask" }
func (Extract) word() string { return "extract" }
func (Code) word() string    { return "code" }
func (Tally) word() string   { return "tally" }
func (Check) word() string   { return "check" }
func (Export) word() string  { return "export" }

// looks reports whether a verb looks at what happened, in all rooms, and changes
// nothing there.
func looks(v Verb) bool {
	switch v.(type) {
	case Extract, Code, Tally, Check, Export:
		return true
	}
	return false
}

// Looks reports which models, beside the one that acts, the study calls.
func (s *Study) Looks() (extracts, judges bool) {
	for _, x := range leaves(s.Script) {
		switch do := x.Do.(type) {
		case Extract:
			extracts = true
		case Code:
			extracts = extracts || len(do.Codes) == 0 || !worded(do.Codes)
		case Check:
			judges = judges || do.Said == ""
		}
	}
	return extracts, judges
}

// worded reports whether a codebook codes by words alone.
func worded(codes []extract.Code) bool {
	for _, c := range codes {
		if len(c.Words) > 0 {
			return true
		}
	}
	return false
}
