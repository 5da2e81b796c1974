// Package cast gives Go programs the people and fragments of the examples by name.
package cast

import (
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/examples"
)

const (
	people    = "people/*.agent.json"
	fragments = "fragments/*.fragment.json"
)

// Person returns the person of people/NAME.agent.json, such as lisa. An unknown
// name is an error that lists the known ones.
func Person(name string) (tinytroupe.Persona, error) {
	file, data, err := read(people, name)
	if err != nil {
		return tinytroupe.Persona{}, err
	}
	p, _, err := tinytroupe.ParsePersona(file, data)
	return p, err
}

// Fragment returns fragments/NAME.fragment.json, such as picky_customer.
func Fragment(name string) (tinytroupe.Fragment, error) {
	file, data, err := read(fragments, name)
	if err != nil {
		return tinytroupe.Fragment{}, err
	}
	f, _, err := tinytroupe.ParseFragment(file, data)
	return f, err
}

// Names returns the names that Person knows, sorted.
func Names() []string { return names(people) }

// Fragments returns the names that Fragment knows, sorted.
func Fragments() []string { return names(fragments) }

func names(pattern string) []string {
	files, err := fs.Glob(examples.Files(), pattern)
	if err != nil {
		panic(err) // the pattern is a constant
	}
	_, suffix, _ := strings.Cut(path.Base(pattern), "*")
	for i, file := range files {
		files[i] = strings.TrimSuffix(path.Base(file), suffix)
	}
	return files
}

func read(pattern, name string) (file string, data []byte, err error) {
	file = strings.Replace(pattern, "*", name, 1)
	if data, err = fs.ReadFile(examples.Files(), file); err != nil {
		return "", nil, fmt.Errorf("no example %q in %s; there are %s", name, path.Dir(pattern), strings.Join(names(pattern), ", "))
	}
	return file, data, nil
}
