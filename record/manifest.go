package record

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Format is the version of the layout that this package writes, and the only one
// that it reads.
const Format = 1

// Status says how a run stands.
type Status string

const (
	Running     Status = "running"
	Done        Status = "done"
	Failed      Status = "failed"
	Incomplete  Status = "incomplete"  // finished, with some answers missing
	OverBudget  Status = "over budget" // stopped by a budget
	Interrupted Status = "interrupted"
)

// A Manifest says what was run, with what, and how it ended.
type Manifest struct {
	Format  int    `json:"format"`
	Title   string `json:"title"`
	Slug    string `json:"slug,omitempty"`
	Study   string `json:"study,omitempty"` // the study file, as it was named
	Main    string `json:"main,omitempty"`  // the input that is the study
	Seed    uint64 `json:"seed"`
	Status  Status `json:"status"`
	Problem string `json:"problem,omitempty"` // why a run that is not done stopped

	Started time.Time `json:"started"` // real time, as all times here
	Ended   time.Time `json:"ended,omitzero"`

	Product string `json:"product,omitempty"` // version of this program
	Go      string `json:"go,omitempty"`      // version of Go

	Rehearsal  bool              `json:"rehearsal,omitempty"`  // made by the stand-in: evidence of nothing
	Models     map[string]string `json:"models,omitempty"`     // provider/model by role: act, write, extract, judge
	Identities map[string]string `json:"identities,omitempty"` // of the models, see llm.Identified
	// Used are all identities that the run has had, by role, the latest last: more than
	// one where it went on, or was forked, with a model reached or asked in another way.
	Used       map[string][]string `json:"used,omitempty"`
	Parameters map[string]any      `json:"parameters,omitempty"` // of a chat
	Settings   map[string]string   `json:"settings,omitempty"`   // of config.ini that decide what is answered, by key
	Set        map[string]string   `json:"set,omitempty"`        // variables of the study set from outside
	Small      bool                `json:"small,omitempty"`      // the model's context is short: replies and episodes are
	Excerpt    int                 `json:"excerpt,omitempty"`    // tokens of a transcript shown at once to who extracts; 0 is the usual number
	Partial    bool                `json:"partial,omitempty"`    // turns that fail are left out
	Limits     *Limits             `json:"limits,omitempty"`     // as the run was given them
	Prompts    string              `json:"prompts,omitempty"`    // hash of all prompt templates, whether or not the run used them
	Inputs     []Input             `json:"inputs,omitempty"`     // see Record.AddInput

	Parent     string `json:"parent,omitempty"`      // the record that this one was forked from
	ParentStep int    `json:"parent_step,omitempty"` // the last step taken over

	Warnings []string `json:"warnings,omitempty"`
	Totals   *Totals  `json:"totals,omitempty"`
}

// Limits are what a run may use; 0 is no limit.
type Limits struct {
	USD    float64 `json:"usd,omitempty"`
	Calls  int     `json:"calls,omitempty"`
	Tokens int     `json:"tokens,omitempty"`
}

// Totals sum up a run.
type Totals struct {
	People      int     `json:"people"`
	Rooms       int     `json:"rooms"`
	Steps       int     `json:"steps"`
	Calls       int     `json:"calls"`
	Tokens      int     `json:"tokens"` // input and output
	USD         float64 `json:"usd"`
	Answered    int     `json:"answered"`
	Refused     int     `json:"refused,omitempty"`
	Invalid     int     `json:"invalid,omitempty"`
	Failed      int     `json:"failed,omitempty"`
	WallSeconds float64 `json:"wall_seconds,omitempty"`
}

// An Input is a file that a run read.
type Input struct {
	Name string `json:"name"` // as the study names it
	Path string `json:"path"` // of the copy, within inputs/
	Hash string `json:"hash"` // SHA-256, hexadecimal
	Size int    `json:"size"` // bytes
}

func (m *Manifest) clone() Manifest {
	if m == nil {
		return Manifest{}
	}
	c := *m
	c.Models = maps.Clone(m.Models)
	c.Identities, c.Settings, c.Set = maps.Clone(m.Identities), maps.Clone(m.Settings), maps.Clone(m.Set)
	c.Parameters = maps.Clone(m.Parameters)
	c.Used = maps.Clone(m.Used)
	for role, list := range c.Used {
		c.Used[role] = slices.Clone(list)
	}
	c.Inputs = slices.Clone(m.Inputs)
	c.Warnings = slices.Clone(m.Warnings)
	if m.Totals != nil {
		t := *m.Totals
		c.Totals = &t
	}
	if m.Limits != nil {
		l := *m.Limits
		c.Limits = &l
	}
	return c
}

// Identified returns the identities that the model of a role has had, the latest last.
// Records of earlier versions hold one; a role without a model has that which acts.
func (m *Manifest) Identified(role string) []string {
	const act = "act"
	for _, r := range []string{role, act} {
		switch {
		case len(m.Used[r]) > 0:
			return slices.Clone(m.Used[r])
		case m.Identities[r] != "":
			return []string{m.Identities[r]}
		case m.Models[r] != "":
			return []string{m.Models[r]}
		}
	}
	return nil
}

// Use notes the identity that the model of a role has from now on.
func (m *Manifest) Use(role, identity string) {
	list := m.Used[role]
	if was := m.Identities[role]; len(list) == 0 && was != "" {
		list = []string{was}
	}
	list = slices.DeleteFunc(slices.Clone(list), func(x string) bool { return x == identity })
	if m.Used == nil {
		m.Used = map[string][]string{}
	}
	if m.Identities == nil {
		m.Identities = map[string]string{}
	}
	m.Used[role], m.Identities[role] = append(list, identity), identity
}

// A FormatError says that a record has another layout than this package reads.
type FormatError struct {
	Have, Want int
}

func (e *FormatError) Error() string {
	switch {
	case e.Have > e.Want:
		return fmt.Sprintf("the record has format %d and this version reads format %d: use a newer version", e.Have, e.Want)
	case e.Have <= 0:
		return "the manifest names no format: not a record of this program"
	}
	return fmt.Sprintf("the record has format %d, which this version no longer reads: use an older version", e.Have)
}

func readManifest(root *os.Root) (Manifest, error) {
	data, err := root.ReadFile(manifestFile)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, ErrNoRecord
	}
	if err != nil {
		return Manifest{}, err
	}
	m, err := parseManifest(data)
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", manifestFile, err)
	}
	return m, nil
}

func parseManifest(data []byte) (Manifest, error) {
	// The format is looked at first: the rest may mean something else there.
	var f struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(data, &f); err != nil {
		return Manifest{}, err
	}
	if f.Format != Format {
		return Manifest{}, &FormatError{Have: f.Format, Want: Format}
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return Manifest{}, err
	}
	for _, in := range m.Inputs {
		if !fs.ValidPath(in.Path) {
			return Manifest{}, fmt.Errorf("input path %q leads outside", in.Path)
		}
	}
	return m, nil
}

func (r *Record) saveManifest() error {
	data, err := marshal(&r.m, "  ")
	if err != nil {
		return err
	}
	return r.writeFile(manifestFile, data)
}

// Name returns the usual name of a record's folder: the day, the title's words and
// four digits that tell studies apart, such as 2026-03-02-tv-ad-7f3a. inputs is a
// hash of whatever the run reads.
func Name(title string, seed uint64, at time.Time, inputs string) string {
	sum := sha256.Sum256([]byte(title + "\x00" + strconv.FormatUint(seed, 10) + "\x00" + inputs))
	name := at.Format("2006-01-02")
	if s := Slug(title); s != "" {
		name += "-" + s
	}
	return name + "-" + hex.EncodeToString(sum[:2])
}

// Slug returns the letters and digits of a title, in lower case, its words joined by
// hyphens; at most 40 runes, cut between words where possible.
func Slug(title string) string {
	words := strings.FieldsFunc(strings.ToLower(title), func(c rune) bool {
		return !unicode.IsLetter(c) && !unicode.IsDigit(c)
	})
	const most = 40
	var slug []rune
	for _, w := range words {
		r := []rune(w)
		if len(slug) == 0 {
			slug = r[:min(len(r), most)]
			continue
		}
		if len(slug)+1+len(r) > most {
			break
		}
		slug = append(append(slug, '-'), r...)
	}
	return string(slug)
}
