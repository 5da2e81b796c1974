package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// Branch makes a new record that goes on from this one: with its artifacts, its calls,
// and each journal in keep up to the event with that Seq. The calls count as borrowed
// there: what the new run pays is its own. The manifest is m, with Parent set; inputs
// are those of the new run; dir is as in [Create].
func (r *Record) Branch(dir string, keep map[string]int, inputs []NamedData, m *Manifest, o *Options) (_ *Record, err error) {
	c := m.clone()
	c.Parent, c.Inputs = r.Dir(), nil
	calls, err := r.Calls()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("branch of %s: %w", r.dir, err)
	}
	n, err := Create(dir, &c, o)
	if err != nil {
		return nil, err
	}
	if calls != nil {
		err = calls.copyTo(n.Path(callsFile))
	}
	if err == nil {
		err = n.take(r, keep, inputs)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("branch of %s: %w", r.dir, err), n.Close())
	}
	return n, nil
}

// take copies files of another record.
func (r *Record) take(from *Record, keep map[string]int, inputs []NamedData) error {
	for _, in := range inputs {
		if err := r.AddInput(in.Name, in.Data); err != nil {
			return err
		}
	}
	artifacts, err := fs.ReadDir(from.FS(), artifactsDir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, a := range artifacts {
		data, err := from.ReadFile(path.Join(artifactsDir, a.Name()))
		if err != nil {
			return err
		}
		if err := r.writeFile(path.Join(artifactsDir, a.Name()), data); err != nil {
			return err
		}
	}
	for room, seq := range keep {
		if seq == 0 {
			continue
		}
		name := roomPath(room)
		f, err := from.root.Open(name)
		if err != nil {
			return err
		}
		size, err := sizeUpto(f, from.Path(name), seq)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
		data, err := from.root.ReadFile(name)
		if err != nil {
			return err
		}
		if err := r.writeFile(name, data[:size]); err != nil {
			return err
		}
	}
	return nil
}

// copyTo writes the calls to a new file, as borrowed, without those that were cut off.
func (c *Calls) copyTo(file string) error {
	if err := c.vacuum(file); err != nil {
		return err
	}
	n, err := openCalls(file, &callsOptions{fast: c.fast})
	if err != nil {
		return err
	}
	err = n.exec("DELETE FROM calls WHERE outcome IS NULL")
	if err == nil {
		err = n.exec("UPDATE calls SET attempt = 0")
	}
	return errors.Join(err, n.Close())
}

// vacuum writes the file anew, as one, whatever stands in its log.
func (c *Calls) vacuum(file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if _, err := c.read.Exec("VACUUM INTO ?", file); err != nil {
		return fmt.Errorf("%s: %w", callsFile, err)
	}
	return nil
}
