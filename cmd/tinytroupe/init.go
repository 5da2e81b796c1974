package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe/examples"
	"github.com/tinytroupe-go/tinytroupe/study"
)

const defaultExample = "simple-chat"

func (p *program) initCommand() *cobra.Command {
	var example string
	var list bool
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Begin a study from an example",
		Long: `Init writes an example's study, and every file that it names, into a folder, ready to be
run and changed. It never overwrites: where one of the files exists, nothing is
written. Without DIR the folder is called as the example.`,
		Example: `  tinytroupe init
  tinytroupe init --list
  tinytroupe init my-study --example brainstorm`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if list {
				return p.listExamples()
			}
			dir := example
			if len(args) == 1 {
				dir = args[0]
			}
			if err := p.writeExample(dir, example); err != nil {
				return usage(err)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&example, "example", defaultExample, "the `NAME` of the example")
	cmd.Flags().BoolVar(&list, "list", false, "list the examples")
	return cmd
}

// exampleNames returns the folders of examples that hold a study.
func exampleNames() []string {
	files, err := fs.Glob(examples.Files(), "*/study.yaml")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	for i, f := range files {
		files[i] = path.Dir(f)
	}
	return files
}

func (p *program) listExamples() error {
	for _, name := range exampleNames() {
		s, err := study.Load(name+"/study.yaml", &study.LoadOptions{FS: examples.Files(), Env: p.env})
		if err != nil {
			return err
		}
		about, _, _ := strings.Cut(s.About, "\n")
		fmt.Fprintf(p.stdout, "%-22s %s\n", name, line(about))
	}
	return nil
}

// writeExample writes an example's study and all that it names into a folder.
func (p *program) writeExample(dir, name string) error {
	if !slices.Contains(exampleNames(), name) {
		return fmt.Errorf("there is no example %q; there are %s", name, strings.Join(exampleNames(), ", "))
	}
	files, err := exampleFiles(name, p.env)
	if err != nil {
		return err
	}
	for _, f := range files {
		if _, err := os.Lstat(filepath.Join(dir, filepath.FromSlash(f.name))); err == nil {
			return fmt.Errorf("%s exists: nothing is written; name another folder", filepath.Join(dir, filepath.FromSlash(f.name)))
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, f := range files {
		file := filepath.Join(dir, filepath.FromSlash(f.name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			return err
		}
		if err := create(file, f.data); err != nil {
			return err
		}
		fmt.Fprintln(p.stdout, "wrote ", file)
	}
	fmt.Fprintf(p.stdout, "next   tinytroupe run %s\n", quote(filepath.Join(dir, "study.yaml")))
	return nil
}

func create(file string, data []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

type exampleFile struct {
	name string // below the folder that is written, with slashes
	data []byte
}

// exampleFiles returns the files of an example as they are written: all of its own
// folder, and those it names elsewhere moved into it, their names in the study
// changed with them.
func exampleFiles(name string, env func(string) (string, bool)) ([]exampleFile, error) {
	s, err := study.Load(name+"/study.yaml", &study.LoadOptions{FS: examples.Files(), Env: env})
	if err != nil {
		return nil, err
	}
	var files []exampleFile
	err = fs.WalkDir(examples.Files(), name, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(examples.Files(), p)
		files = append(files, exampleFile{strings.TrimPrefix(p, name+"/"), data})
		return err
	})
	if err != nil {
		return nil, err
	}
	// Inputs are named from the folder that holds them all, which is the example's own
	// unless it names files elsewhere.
	if s.Inputs[0].Path != "study.yaml" {
		for _, in := range s.Inputs[1:] {
			if !strings.HasPrefix(in.Path, name+"/") {
				files = append(files, exampleFile{in.Path, in.Data})
			}
		}
	}
	for i, f := range files {
		if f.name == "study.yaml" || f.name == "README.md" {
			files[i].data = []byte(strings.ReplaceAll(string(f.data), "../", ""))
		}
	}
	return files, nil
}
