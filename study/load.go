package study

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
)

// LoadOptions tune Load. The zero value of each field has the stated meaning.
type LoadOptions struct {
	Vars map[string]string                // variables that replace or join the study's
	Seed *uint64                          // in place of the study's; nil leaves that
	Name string                           // of a study without a title; empty means that of its file or folder
	FS   fs.FS                            // where the file is; nil means the file system
	Env  func(name string) (string, bool) // for ${env.X}; nil means that nothing is set
}

// Load reads a study and every file it names, and checks all that can be known
// before it runs. Files are found relative to the study. The error is a *Mistakes
// that lists every mistake, or an error of reading the study file itself.
func Load(file string, o *LoadOptions) (*Study, error) {
	d := &decoder{study: &Study{File: file, Seed: 1, Vars: map[string]any{}}, asked: map[string]field{}, read: map[string]bool{}, origins: map[string]origin{}, now: map[string]tinytroupe.Persona{}, looks: map[string]string{}}
	if o != nil {
		d.o = *o
	}
	d.files = newFiles(file, d.o.FS)
	data, err := d.files.readStudy()
	if errors.Is(err, fs.ErrNotExist) {
		hint := ""
		if near := d.files.near(d.files.base()); near != "" {
			hint = " Did you mean " + d.files.shown(near) + "?"
		}
		return nil, &missing{"there is no study " + file + "." + hint, err}
	}
	if err != nil {
		hint := ""
		if d.files.isFolder() {
			hint = ", and holds no study.yaml"
			if _, err := d.files.bytes(path.Join(filepath.ToSlash(file), "study.yaml")); err == nil {
				hint = ". Did you mean " + path.Join(filepath.ToSlash(file), "study.yaml") + "?"
			}
		}
		return nil, fmt.Errorf("study: %w%s", err, hint)
	}
	d.src = newSource(file, data)
	root := parseYAML(d.src, &d.bad)
	if root != nil || len(d.bad.list) == 0 {
		d.root(root)
	}
	if err := d.bad.err(file); err != nil {
		return nil, err
	}
	d.study.Set = maps.Clone(d.o.Vars)
	if d.study.Inputs, err = d.files.inputs(); err != nil {
		return nil, fmt.Errorf("study: %w", err)
	}
	return d.study, nil
}

// missing words the error of a study that is not there.
type missing struct {
	text string
	err  error
}

func (e *missing) Error() string { return e.text }
func (e *missing) Unwrap() error { return e.err }

// A decoder turns nodes into a Study and collects mistakes on the way.
type decoder struct {
	o       LoadOptions
	src     *source
	files   *files
	bad     mistakes
	study   *Study
	partial bool // some people could not be read, so that who there is is not known

	edits []string // attributes that the script sets; empty ones beside them

	looks map[string]string // of the steps so far: see lookedBy

	now map[string]tinytroupe.Persona // whom the steps so far have changed, by name; zero: how, answers decide

	begins map[string]saved // what files hold beside a persona, by the person's name

	scene *Scene           // whose steps are being read
	names map[string]place // of the scenes
	loops int              // that are open
	// within says in which items of loops the steps stand that are read now, nth how many
	// loops there were among them, or in the scene, or outside.
	within string
	nth    int
	steps  int // read so far

	missing int // names of variables that there are not

	asked   map[string]field   // questions, by name
	read    map[string]bool    // of them, those that a step uses
	forms   []extract.Question // what the steps so far can be asked to count
	origins map[string]origin  // of them, by name
	scenes  []string           // so far
	items   []string           // variables of loops so far
	checks  int                // without a name, so far
	exports []string           // paths so far
	tables  []string           // files of tables so far
}

func (d *decoder) env(name string) (string, bool) {
	if d.o.Env == nil {
		return "", false
	}
	return d.o.Env(name)
}

func (d *decoder) varNames() []string { return sortedKeys(d.study.Vars) }

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

func (d *decoder) root(n *node) {
	switch {
	case n == nil || n.kind == nullNode:
		d.bad.add(place{src: d.src}, []string{"A study has at least people and a script."}, "the file is empty")
		return
	case n.kind != mapNode:
		d.bad.add(n.at, knownWords("keys", "", studyWords), "expected a study, found %s", n.kind)
		return
	}
	d.words(n, "a study", studyWords)
	d.vars(n.get("vars"))
	d.heading(n)
	d.world(n.get("world"))
	d.people(n)
	d.network(n.get("world").get("network"))
	d.unreachable()
	d.questions(n.get("questions"))
	d.script(n)
	d.unused()
	d.checkRooms(d.study.World.Rooms, n.get("world").get("rooms"), false)
}

// words reports the keys of n that are not known, or not yet available.
func (d *decoder) words(n *node, what string, list []word) {
	for _, f := range n.fields {
		switch w, ok := find(list, f.key.text); {
		case !ok:
			d.bad.add(f.key.at, knownWords("keys", f.key.text, list), "%s has no key %q", what, f.key.text)
		case w.later:
			d.notYet(f.key, w)
		}
	}
}

func (d *decoder) notYet(key *node, w word) {
	var hints []string
	if strings.HasPrefix(w.doc, "Reserved") {
		hints = []string{w.doc}
	}
	d.bad.add(key.at, hints, "%s: not available yet in this version", key.text).NotYet = true
}

func (d *decoder) heading(n *node) {
	s := d.study
	s.Title = d.line(n.get("title"))
	if s.Title == "" {
		s.Title = d.o.Name
	}
	if s.Title == "" {
		base := strings.TrimSuffix(path.Base(filepath.ToSlash(s.File)), path.Ext(s.File))
		if dir := path.Base(path.Dir(filepath.ToSlash(s.File))); base == "study" && dir != "." && dir != "/" {
			base = dir
		}
		s.Title = base
	}
	s.About = d.line(n.get("about"))
	s.Language = d.scalar(n.get("language"))
	if v := n.get("seed"); v != nil {
		u, err := strconv.ParseUint(d.scalar(v), 10, 64)
		if err != nil {
			d.bad.add(v.at, nil, "expected a whole number of at least 0, found %s", v.describe())
		}
		s.Seed = u
	}
	if d.o.Seed != nil {
		s.Seed = *d.o.Seed
	}
	d.models(n.get("model"))
	d.budget(n.get("budget"))
}

func (d *decoder) models(n *node) {
	m := &d.study.Models
	if n == nil {
		return
	}
	if n.kind != mapNode {
		m.Act = d.model(n)
		return
	}
	slots := []struct {
		name string
		to   *string
	}{{"act", &m.Act}, {"write", &m.Write}, {"extract", &m.Extract}, {"judge", &m.Judge}}
	for _, f := range n.fields {
		i := slices.IndexFunc(slots, func(s struct {
			name string
			to   *string
		}) bool {
			return s.name == f.key.text
		})
		if i < 0 {
			d.bad.add(f.key.at, known("purposes", f.key.text, []string{"act", "write", "extract", "judge"}), "there is no model for %q", f.key.text)
			continue
		}
		*slots[i].to = d.model(f.value)
		if f.key.text == "write" {
			d.study.Warnings = append(d.study.Warnings, fmt.Sprintf("%s: model: write: not used in this version: nothing writes", d.study.File))
		}
	}
}

func (d *decoder) model(n *node) string {
	s := d.scalar(n)
	provider, name, ok := strings.Cut(s, "/")
	if n.kind == scalarNode && s != "rehearsal" && (!ok || provider == "" || name == "") {
		d.bad.add(n.at, []string{"Such as openai/gpt-5-mini, ollama/gemma3 or rehearsal."}, "expected PROVIDER/NAME, found %q", s)
	}
	return s
}

func (d *decoder) budget(n *node) {
	b := &d.study.Budget
	if n == nil {
		return
	}
	usd := func(n *node) {
		s := strings.TrimPrefix(d.scalar(n), "$")
		f, err := strconv.ParseFloat(s, 64)
		if err != nil || !(f > 0 && f < 1e9) {
			d.bad.add(n.at, noLimit, "expected US dollars, such as 2.50, found %s", n.describe())
		}
		b.USD = f
	}
	if n.kind != mapNode {
		usd(n)
		return
	}
	for _, f := range n.fields {
		switch f.key.text {
		case "usd":
			usd(f.value)
		case "calls":
			b.Calls = d.most(f.value)
		case "tokens":
			b.Tokens = d.most(f.value)
		default:
			d.bad.add(f.key.at, known("keys", f.key.text, []string{"usd", "calls", "tokens"}), "a budget has no key %q", f.key.text)
		}
	}
}

var noLimit = []string{"Left out, there is no limit."}

// most reads a limit, which may be large.
func (d *decoder) most(n *node) int {
	v, err := strconv.Atoi(d.scalar(n))
	if err != nil || v < 1 {
		d.bad.add(n.at, noLimit, "expected a whole number of at least 1, found %s", n.describe())
	}
	return v
}

func (d *decoder) world(n *node) {
	w := &d.study.World
	*w = World{Name: d.study.Title, Step: 5 * time.Minute, Turns: InTurn, Acquainted: true, Idle: tinytroupe.Act, Rooms: Rooms{Spread: All}}
	if n == nil {
		return
	}
	if n.kind != mapNode {
		d.bad.add(n.at, knownWords("keys", "", worldWords), "expected a map, found %s", n.kind)
		return
	}
	d.words(n, "a world", worldWords)
	if v := n.get("name"); v != nil {
		w.Name = d.line(v)
	}
	if v := n.get("starts"); v != nil {
		s, ok := d.scalar(v), false
		if w.Starts, ok = parseMoment(s); !ok {
			d.bad.add(v.at, nil, "%s, found %s", aMoment, v.found(s))
		}
	}
	if v := n.get("step"); v != nil {
		w.Step = d.duration(v)
	}
	w.Turns = Turns(d.choice(n.get("turns"), string(w.Turns), "in turn", "together", "shuffled"))
	before := len(d.bad.list)
	w.Acquainted = d.yes(n.get("acquainted"), w.Acquainted)
	if v := n.get("acquainted"); v != nil && len(d.bad.list) == before && w.Acquainted && n.get("network") != nil {
		d.bad.add(v.at, nil, "with a network, those are acquainted who are related")
	}
	w.Idle = tinytroupe.Idle(d.choice(n.get("idle"), string(w.Idle), "act", "pass"))
	w.Quiet = d.choice(n.get("untargeted"), everyone, everyone, "nobody") == "nobody"
	if v := n.get("rooms"); v != nil {
		w.Rooms = d.rooms(v)
	}
}

func (d *decoder) duration(n *node) time.Duration {
	s := d.scalar(n)
	v, ok := parseDuration(s)
	if !ok {
		d.bad.add(n.at, nil, "%s, found %s", aDuration, n.found(s))
	}
	return v
}

// choice reads one of several words.
func (d *decoder) choice(n *node, otherwise string, words ...string) string {
	if n == nil {
		return otherwise
	}
	s := d.scalar(n)
	if n.kind == scalarNode && !slices.Contains(words, s) {
		d.bad.add(n.at, known("expected one of", s, words), "unknown word %q", s)
		return otherwise
	}
	return s
}

func (d *decoder) yes(n *node, otherwise bool) bool {
	if n == nil {
		return otherwise
	}
	switch strings.ToLower(d.scalar(n)) {
	case "true", "yes", "on":
		return true
	case "false", "no", "off":
		return false
	}
	d.bad.add(n.at, nil, "expected true or false, found %s", n.describe())
	return otherwise
}
