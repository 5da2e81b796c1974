package study

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/internal/nearest"
)

// mostInput is the size, in bytes, that a file named by a study may have.
const mostInput = 32 << 20

// files reads the study and what it names, each once, and remembers it. Names are
// relative to the study's folder, with slashes, cleaned.
type files struct {
	file  string
	fsys  fs.FS // nil means the file system
	names []string
	data  map[string][]byte
}

func newFiles(file string, fsys fs.FS) *files {
	return &files{file: file, fsys: fsys, data: map[string][]byte{}}
}

func (f *files) base() string {
	if f.fsys != nil {
		return path.Base(f.file)
	}
	return filepath.Base(f.file)
}

// shown returns the name of a file as the user would write it.
func (f *files) shown(name string) string {
	if f.fsys != nil {
		return path.Join(path.Dir(f.file), name)
	}
	return filepath.Join(filepath.Dir(f.file), filepath.FromSlash(name))
}

func (f *files) readStudy() ([]byte, error) { return f.read(f.base()) }

// read returns a file. A name that is absolute, or leads out of the file system, is
// an error.
func (f *files) read(name string) ([]byte, error) {
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	if data, ok := f.data[name]; ok {
		return data, nil
	}
	if path.IsAbs(name) || filepath.VolumeName(name) != "" {
		return nil, errAbsolute
	}
	data, err := f.bytes(f.shown(name))
	if err != nil {
		return nil, err
	}
	f.data[name] = data
	f.names = append(f.names, name)
	return data, nil
}

var errAbsolute = errors.New("expected a path relative to the study")

func (f *files) bytes(name string) ([]byte, error) {
	open := func() (fs.File, error) { return os.Open(name) }
	if f.fsys != nil {
		open = func() (fs.File, error) { return f.fsys.Open(name) }
	}
	file, err := open()
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a file", name)
	case info.Size() > mostInput:
		return nil, fmt.Errorf("%s is larger than %d MiB", name, mostInput>>20)
	}
	return io.ReadAll(io.LimitReader(file, mostInput+1))
}

// isFolder reports whether the study is a folder.
func (f *files) isFolder() bool { return f.isDir(f.base()) }

// near returns the file beside name whose name is nearest.
func (f *files) near(name string) string {
	dir := path.Dir(path.Clean(name))
	var entries []fs.DirEntry
	var err error
	if f.fsys != nil {
		entries, err = fs.ReadDir(f.fsys, f.shown(dir))
	} else {
		entries, err = os.ReadDir(f.shown(dir))
	}
	if err != nil {
		return ""
	}
	var known []string
	for _, e := range entries {
		if !e.IsDir() {
			known = append(known, e.Name())
		}
	}
	if n := nearest.Word(path.Base(name), known); n != "" {
		return path.Join(dir, n)
	}
	return ""
}

// inputs returns what was read, under paths relative to the folder that holds all.
func (f *files) inputs() ([]Input, error) {
	up := 0
	for _, n := range f.names {
		k := 0
		for strings.HasPrefix(n, "../") {
			n, k = n[3:], k+1
		}
		up = max(up, k)
	}
	dir := path.Dir(f.file)
	if f.fsys == nil {
		abs, err := filepath.Abs(filepath.Dir(f.file))
		if err != nil {
			return nil, err
		}
		dir = filepath.ToSlash(abs)
	}
	parts := strings.FieldsFunc(dir, func(r rune) bool { return r == '/' })
	parts = parts[max(0, len(parts)-up):]
	var list []Input
	for _, n := range f.names {
		list = append(list, Input{path.Join(path.Join(parts...), n), f.data[n]})
	}
	return list, nil
}

// file reads a file that the study names at n.
func (d *decoder) file(n *node) (data []byte, src *source, ok bool) {
	before := len(d.bad.list)
	name := d.scalar(n)
	if len(d.bad.list) > before || n == nil || n.kind != scalarNode || name == "" {
		return nil, nil, false
	}
	data, err := d.files.read(name)
	switch {
	case err == nil:
		return data, newSource(d.files.shown(name), data), true
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid):
		hints := []string{"Files are found relative to the study."}
		if near := d.files.near(name); near != "" {
			hints[0] += " Did you mean " + near + "?"
		}
		d.bad.add(n.at, hints, "there is no file %s", d.files.shown(name))
	default:
		var pathErr *fs.PathError
		if errors.As(err, &pathErr) {
			err = pathErr.Err
		}
		d.bad.add(n.at, nil, "%s: %v", name, err)
	}
	return nil, nil, false
}

// index returns where in the inputs a file is.
func (f *files) index(name string) int {
	return slices.Index(f.names, path.Clean(strings.ReplaceAll(name, `\`, "/")))
}
