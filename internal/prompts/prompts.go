// Package prompts holds sets of templates for prompts: those that come with a package,
// with others in their place.
package prompts

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"text/template"
)

// A Set is the effective templates of a package.
type Set struct {
	set  *template.Template
	hash string
}

// Load reads the templates of those names from the folder prompts in builtin, in their
// order, with those of overlay, which may be nil, in their place. One there that has no such name is an error.
// Line breaks at the end of a template are no part of it.
func Load(builtin, overlay fs.FS, names []string) (*Set, error) {
	if overlay != nil {
		entries, err := fs.ReadDir(overlay, ".")
		if err != nil {
			return nil, fmt.Errorf("prompt templates: %w", err)
		}
		for _, e := range entries {
			if n := e.Name(); path.Ext(n) == ".tmpl" && !slices.Contains(names, n) {
				return nil, fmt.Errorf("prompt templates: there is no %s to replace; there are %s", n, strings.Join(names, ", "))
			}
		}
	}
	sum := sha256.New()
	s := &Set{set: template.New("").Option("missingkey=error")}
	for _, name := range names {
		text, err := read(builtin, overlay, name)
		if err != nil {
			return nil, fmt.Errorf("prompt template %s: %w", name, err)
		}
		fmt.Fprintf(sum, "%s %d\n%s", name, len(text), text)
		if _, err := s.set.New(name).Parse(strings.TrimRight(text, "\n")); err != nil {
			return nil, fmt.Errorf("prompt template: %w", err)
		}
	}
	s.hash = hex.EncodeToString(sum.Sum(nil))
	return s, nil
}

func read(builtin, overlay fs.FS, name string) (string, error) {
	if overlay != nil {
		b, err := fs.ReadFile(overlay, name)
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return string(b), err
		}
	}
	b, err := fs.ReadFile(builtin, path.Join("prompts", name))
	return string(b), err
}

// A Trial is a template and data for it.
type Trial struct {
	Name string
	Data any
}

// Try executes templates with such data as they will get, so that a wrong field is an
// error now and not in a run.
func (s *Set) Try(trials ...Trial) error {
	for _, t := range trials {
		if _, err := s.Text(t.Name, t.Data); err != nil {
			return err
		}
	}
	return nil
}

// Hash is the SHA-256 of the names and texts of the templates, hexadecimal.
func (s *Set) Hash() string { return s.hash }

// Text executes a template.
func (s *Set) Text(name string, data any) (string, error) {
	var b strings.Builder
	if err := s.set.ExecuteTemplate(&b, name, data); err != nil {
		return "", fmt.Errorf("prompt template: %w", err)
	}
	return b.String(), nil
}
