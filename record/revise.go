package record

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
)

// earlierDir holds, in a numbered folder for each revision, what the record held
// before it: journals that were cut, inputs that were replaced, the manifest, and all that
// was made of them.
const earlierDir = "earlier"

// madeDirs hold what a run makes of its journals. It is made again when the run goes on;
// until then what is there tells of work that no longer stands.
var madeDirs = []string{"results", "transcripts", "exports"}

// Revise cuts each journal in keep after the event with that Seq, away altogether at
// 0, and replaces the inputs, as names and data. What was there before is kept whole
// in the folder that is returned, such as earlier/1: nothing is lost. Results,
// transcripts and exports move there, but for files named in stay. A revision that is interrupted leaves the record as
// it was, or without these, or with some journals cut already; made again, it is whole.
func (r *Record) Revise(keep map[string]int, inputs []NamedData, stay ...string) (string, error) {
	if r.lock == nil {
		return "", ErrReadOnly
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.journals) > 0 {
		return "", errors.New("revise: journals are in use")
	}
	dir, err := r.nextEarlier()
	if err != nil {
		return "", fmt.Errorf("revise: %w", err)
	}
	if err := r.revise(dir, keep, inputs, stay); err != nil {
		return "", fmt.Errorf("revise: %w", err)
	}
	return dir, nil
}

// NamedData is a file by the name that it goes by.
type NamedData struct {
	Name string
	Data []byte
}

func (r *Record) nextEarlier() (string, error) {
	entries, err := fs.ReadDir(r.root.FS(), earlierDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	last := 0
	for _, e := range entries {
		if n, err := strconv.Atoi(e.Name()); err == nil {
			last = max(last, n)
		}
	}
	return path.Join(earlierDir, strconv.Itoa(last+1)), nil
}

func (r *Record) revise(dir string, keep map[string]int, inputs []NamedData, stay []string) error {
	if err := r.copyFile(manifestFile, path.Join(dir, manifestFile)); err != nil {
		return err
	}
	for _, in := range r.m.Inputs {
		name := path.Join(inputsDir, in.Path)
		if err := r.copyFile(name, path.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, name := range madeDirs {
		if err := r.moveAway(name, dir, stay); err != nil {
			return err
		}
	}
	for room, seq := range keep {
		if err := r.cut(roomPath(room), seq, dir); err != nil {
			return fmt.Errorf("journal of %s: %w", room, err)
		}
	}
	old := r.m.Inputs
	list, err := r.writeInputs(inputs)
	if err != nil {
		return err
	}
	if err := r.update(func(m *Manifest) { m.Inputs = list }); err != nil {
		return err
	}
	for _, in := range old {
		if !slices.ContainsFunc(list, func(x Input) bool { return x.Path == in.Path }) {
			_ = r.root.Remove(path.Join(inputsDir, in.Path)) // it is in dir
		}
	}
	return nil
}

// moveAway moves what a folder holds into dir, but for what stays.
func (r *Record) moveAway(folder, dir string, stay []string) error {
	entries, err := fs.ReadDir(r.root.FS(), folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := r.root.MkdirAll(path.Join(dir, folder), 0o700); err != nil {
		return err
	}
	for _, e := range entries {
		name := path.Join(folder, e.Name())
		if slices.Contains(stay, name) {
			continue
		}
		if err := r.root.Rename(name, path.Join(dir, name)); err != nil {
			return err
		}
	}
	_ = r.root.Remove(folder) // which it is not where something stays
	return nil
}

// writeInputs writes the copies of inputs and returns what the manifest says of them.
func (r *Record) writeInputs(inputs []NamedData) ([]Input, error) {
	var list []Input
	for _, in := range inputs {
		p := freePath(list, in.Name)
		if err := r.writeFile(path.Join(inputsDir, p), in.Data); err != nil {
			return nil, fmt.Errorf("input %s: %w", in.Name, err)
		}
		list = append(list, Input{Name: in.Name, Path: p, Hash: Hash(in.Data), Size: len(in.Data)})
	}
	slices.SortFunc(list, func(a, b Input) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// copyFile copies a file within the record.
func (r *Record) copyFile(from, to string) error {
	data, err := r.root.ReadFile(from)
	if err != nil {
		return err
	}
	return r.writeFile(to, data)
}

// cut keeps a journal whole in dir, and cuts it after an event.
func (r *Record) cut(name string, seq int, dir string) error {
	f, err := r.root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	size, err := sizeUpto(f, r.Path(name), seq)
	info, statErr := f.Stat()
	if err = errors.Join(err, statErr, f.Close()); err != nil || info.Size() == size && size > 0 {
		return err
	}
	if err := r.copyFile(name, path.Join(dir, name)); err != nil {
		return err
	}
	if size == 0 {
		return r.root.Remove(name)
	}
	w, err := r.root.OpenFile(name, os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = w.Truncate(size)
	if err == nil && !r.fast {
		err = w.Sync()
	}
	return errors.Join(err, w.Close())
}

// sizeUpto returns the length of a journal up to the event with that Seq, or to the
// last whole commit before it.
func sizeUpto(in io.Reader, name string, seq int) (int64, error) {
	lines := lineReader{r: bufio.NewReaderSize(in, 1<<16), name: name}
	var size int64
	for {
		line, err := lines.next()
		if err == io.EOF {
			return size, nil
		}
		var ev struct {
			Seq int  `json:"seq"`
			End bool `json:"end"`
		}
		if err == nil {
			if err = json.Unmarshal(line, &ev); err != nil {
				if !json.Valid(line) && lines.torn(&err) {
					return size, nil
				}
				err = lines.wrap(err)
			}
		}
		switch {
		case err != nil:
			return 0, err
		case ev.Seq > seq:
			return size, nil
		case ev.End:
			size = lines.read
		}
	}
}
