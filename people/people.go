// Package people reads who takes part: agent files and fragments in TinyTroupe's
// shape, alone or a folder at a time, with the state that TinyTroupe saved in them;
// relates people to one another; and has a model write their bios.
package people

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/ordered"
)

// Names of files in a folder of people, or of fragments, end like this.
const (
	AgentSuffix    = ".agent.json"
	FragmentSuffix = ".fragment.json"
)

// Saved is what an agent file holds: a persona, and what was saved with it.
type Saved struct {
	File    string // as it was named, or found in a folder
	Persona tinytroupe.Persona

	Place   string                 // where the person was
	Context []string               // and in what surroundings
	State   tinytroupe.MentalState // as it was last
	Near    []string               // names of those whom the person could reach
	Memos   []tinytroupe.Memo      // what the person had lived through, then what they knew; see Parse

	// Faculties names what the person could do beyond the core acts. They are code, so
	// whoever adds the person makes them.
	Faculties []string

	// Warnings has one line, which begins with the file, where it held something that
	// has no meaning here.
	Warnings []string
}

// Options returns what a world takes of it when the person is added. Mind, memory
// and faculties are the caller's to add; memos are recalled only where there is a
// memory, such as memory.Words, and those without a time get that of joining. Who is
// Near may not be there yet, so that an Introduce is the caller's too.
func (s *Saved) Options() *tinytroupe.PersonOptions {
	return &tinytroupe.PersonOptions{
		Place: s.Place, Context: slices.Clone(s.Context), State: s.State, Memos: slices.Clone(s.Memos),
	}
}

// A Fragment is part of a persona, read from a file.
type Fragment struct {
	File string
	Name string // of the file, without folder and suffix: picky_customer
	tinytroupe.Fragment
	Warnings []string // as in Saved
}

// Load reads agent files. A path is a file, or a folder, which stands for its files
// that end in AgentSuffix, in the order of their names. Two people of one name are an
// error, since names are unique in a world. The error joins a *tinytroupe.PersonaError
// for everything that is wrong with the files' contents.
func Load(paths ...string) ([]Saved, error) { return loadPeople(disk{}, paths) }

// LoadFS is [Load] from a file system.
func LoadFS(fsys fs.FS, paths ...string) ([]Saved, error) {
	return loadPeople(fsys, paths)
}

// LoadFragments reads fragment files, as [Load] does agent files. Two files of one
// name are an error.
func LoadFragments(paths ...string) ([]Fragment, error) { return loadFragments(disk{}, paths) }

// LoadFragmentsFS is [LoadFragments] from a file system.
func LoadFragmentsFS(fsys fs.FS, paths ...string) ([]Fragment, error) {
	return loadFragments(fsys, paths)
}

// ParseFragment reads one fragment file. An error is a *tinytroupe.PersonaError.
func ParseFragment(file string, data []byte) (Fragment, error) {
	f, ignored, err := tinytroupe.ParseFragment(file, data)
	if err != nil {
		return Fragment{}, err
	}
	name := path.Base(filepath.ToSlash(file))
	for _, suffix := range []string{".json", ".fragment", ".agent"} {
		name = strings.TrimSuffix(name, suffix)
	}
	return Fragment{File: file, Name: name, Fragment: f, Warnings: warning(file, ignored)}, nil
}

// Format returns a persona as an agent file, which TinyTroupe reads too: indented, a
// key a line, in the persona's order.
func Format(p tinytroupe.Persona) []byte {
	text := slices.Concat([]byte(`{"type":"TinyPerson","persona":`), p.JSON(), []byte("}"))
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		panic(err) // a persona is valid JSON
	}
	b.WriteByte('\n')
	return b.Bytes()
}

func loadPeople(fsys fs.FS, paths []string) ([]Saved, error) {
	var list []Saved
	first := map[string]string{} // file by name
	err := each(fsys, paths, AgentSuffix, func(file string, data []byte) error {
		s, err := Parse(file, data)
		if err != nil {
			return err
		}
		name := s.Persona.Name()
		if other, ok := first[name]; ok {
			return nameTaken(file, data, s.Persona, other)
		}
		first[name] = file
		list = append(list, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func loadFragments(fsys fs.FS, paths []string) ([]Fragment, error) {
	var list []Fragment
	err := each(fsys, paths, FragmentSuffix, func(file string, data []byte) error {
		f, err := ParseFragment(file, data)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(list, func(g Fragment) bool { return g.Name == f.Name }); i >= 0 {
			return &tinytroupe.PersonaError{File: file, Problem: fmt.Sprintf("expected a name of its own for a fragment, found %q, which %s has", f.Name, list[i].File)}
		}
		list = append(list, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func nameTaken(file string, data []byte, who tinytroupe.Persona, other string) error {
	e := &tinytroupe.PersonaError{File: file, Path: "name", Problem: fmt.Sprintf("expected a name of its own, found %q, which the person of %s has", who.Name(), other)}
	root, err := ordered.Parse(data)
	if err != nil {
		return err // it was read before
	}
	if p, ok := root.Field("persona"); ok && bytes.Equal(p.Append(nil), who.JSON()) { // not a key of the persona's own
		root, e.Path = p, "persona.name"
	}
	v, _ := root.Field("name")
	e.Line, e.Column = ordered.Position(string(data), v.Pos)
	return e
}

// disk is the file system of the machine, with paths as it spells them.
type disk struct{}

func (disk) Open(name string) (fs.File, error) { return os.Open(name) }

// each gives f every file that the paths stand for, and joins the errors.
func each(fsys fs.FS, paths []string, suffix string, f func(file string, data []byte) error) error {
	var errs []error
	for _, name := range paths {
		files, err := files(fsys, name, suffix)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, file := range files {
			data, err := fs.ReadFile(fsys, file)
			if err == nil {
				err = f(file, data)
			}
			if err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

func files(fsys fs.FS, name, suffix string) ([]string, error) {
	info, err := fs.Stat(fsys, name)
	if err != nil || !info.IsDir() {
		return []string{name}, err
	}
	entries, err := fs.ReadDir(fsys, name)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		if !e.IsDir() && strings.HasSuffix(e.Name(), suffix) {
			found = append(found, path.Join(name, e.Name()))
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s: expected files that end in %s, found none", name, suffix)
	}
	return found, nil
}
