package record

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
)

const (
	manifestFile = "manifest.json"
	lockFile     = "lock"
	callsFile    = "calls.db"
	peopleFile   = "people.jsonl"
	failuresFile = "failures.jsonl"
	inputsDir    = "inputs"
	worldsDir    = "worlds"
	artifactsDir = "artifacts"
	tempPrefix   = ".tmp-"
)

var (
	// ErrReadOnly: the record was opened with View.
	ErrReadOnly = errors.New("the record is open for reading only")
	// ErrNoRecord: the folder holds no manifest.
	ErrNoRecord = errors.New("not a record")
	// ErrChanged: an input differs from the copy that the record keeps.
	ErrChanged = errors.New("changed since the record was made")
)

// Options tune a record. The zero value of each field has the stated meaning.
type Options struct {
	// Fast leaves out waiting for the disk: what was written survives a kill of the
	// process, but perhaps not a failure of the machine. For tests and rehearsals.
	Fast bool
}

// A Record is the folder of one run. Its methods are safe for concurrent use.
type Record struct {
	dir  string
	name string // of the file that it was unpacked from, into dir; empty for a folder
	root *os.Root
	lock *os.File // nil when opened with View
	fast bool

	mu       sync.Mutex
	m        Manifest
	journals map[string]*Journal
	calls    *Calls
	stops    []func() // of readings that are under way
}

// Create makes a new record and holds its lock. dir is used as it is where it does
// not exist, is empty, or holds only what a process left that died in Create;
// otherwise a counter is added to it (dir-2, dir-3…): nothing is overwritten. See [Record.Dir]. Format and, where they are zero, Status
// (running) and Started (now) of the manifest are filled in.
func Create(dir string, m *Manifest, o *Options) (*Record, error) {
	r, err := create(dir, o)
	if err != nil {
		return nil, fmt.Errorf("create record: %w", err)
	}
	r.m = m.clone()
	r.m.Format = Format
	r.m.Status = cmp.Or(r.m.Status, Running)
	if r.m.Started.IsZero() {
		r.m.Started = time.Now().Round(0)
	}
	if err := r.saveManifest(); err != nil {
		return nil, errors.Join(fmt.Errorf("create record %s: %w", r.dir, err), r.Close())
	}
	return r, nil
}

func create(dir string, o *Options) (*Record, error) {
	if dir == "" {
		return nil, errors.New("no folder named")
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, err
	}
	for i := 1; ; i++ {
		d := dir
		if i > 1 {
			d = dir + "-" + strconv.Itoa(i)
		}
		err := os.Mkdir(d, 0o700)
		if errors.Is(err, fs.ErrExist) {
			if old, err := os.ReadDir(d); err != nil || !Blank(old) {
				continue
			}
		} else if err != nil {
			return nil, err
		}
		r, err := attach(d, o)
		if err != nil {
			return nil, err
		}
		if err := r.takeLock(); err != nil {
			r.root.Close()
			if _, taken := errors.AsType[*LockedError](err); taken {
				continue
			}
			return nil, err
		}
		// Another process may have filled the empty folder in between.
		if _, err := r.root.Lstat(manifestFile); err == nil {
			if err := r.Close(); err != nil {
				return nil, err
			}
			continue
		}
		return r, nil
	}
}

// Blank reports whether a folder holds nothing, or nothing but what Create leaves
// before the manifest is there.
func Blank(entries []os.DirEntry) bool {
	return !slices.ContainsFunc(entries, func(e os.DirEntry) bool {
		return e.Name() != lockFile && !strings.HasPrefix(e.Name(), tempPrefix)
	})
}

// Open opens an existing record for writing and holds its lock. While another
// process holds it the error is a [*LockedError]; a dead process holds no lock.
func Open(dir string, o *Options) (*Record, error) {
	r, err := attach(dir, o)
	if err != nil {
		return nil, fmt.Errorf("open record: %w", err)
	}
	if _, err = r.root.Lstat(manifestFile); err != nil {
		err = ErrNoRecord
	} else if err = r.takeLock(); err == nil {
		r.m, err = readManifest(r.root)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open record %s: %w", dir, err), r.Close())
	}
	r.sweep()
	return r, nil
}

// sweep removes files that a process left which died while it wrote them.
func (r *Record) sweep() {
	_ = fs.WalkDir(r.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && strings.HasPrefix(d.Name(), tempPrefix) {
			_ = r.root.Remove(name)
		}
		return nil
	})
}

// View opens a record for reading, also while another process writes it. dir may be a
// file that [Record.Pack] wrote.
func View(dir string) (*Record, error) {
	if info, err := os.Stat(dir); err == nil && info.Mode().IsRegular() {
		return unpack(dir)
	}
	r, err := attach(dir, nil)
	if err != nil {
		return nil, fmt.Errorf("view record: %w", err)
	}
	if r.m, err = readManifest(r.root); err != nil {
		return nil, errors.Join(fmt.Errorf("view record %s: %w", dir, err), r.Close())
	}
	return r, nil
}

func attach(dir string, o *Options) (*Record, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	r := &Record{dir: dir, root: root, journals: map[string]*Journal{}}
	if o != nil {
		r.fast = o.Fast
	}
	return r, nil
}

// Close writes out what is open and gives up the lock. It does not change the
// status in the manifest.
func (r *Record) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, stop := range r.stops {
		stop()
	}
	for _, j := range r.journals {
		errs = append(errs, j.Close())
	}
	if r.calls != nil {
		errs = append(errs, r.calls.Close())
	}
	if r.lock != nil {
		errs = append(errs, r.lock.Close())
	}
	errs = append(errs, r.root.Close())
	if r.name != "" {
		errs = append(errs, os.RemoveAll(r.dir))
	}
	r.journals, r.calls, r.lock, r.stops = map[string]*Journal{}, nil, nil, nil
	return errors.Join(errs...)
}

// pull reads the events of a room one by one, until the end or until the record closes.
func (r *Record) pull(room string) (next func() (tinytroupe.Event, error, bool), stop func()) {
	next, stop = iter.Pull2(r.Events(room))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stops = append(r.stops, stop)
	return next, stop
}

// Dir returns the record's folder, or the file that it was unpacked from.
func (r *Record) Dir() string {
	if r.name != "" {
		return r.name
	}
	return r.dir
}

// Manifest returns a copy of the manifest.
func (r *Record) Manifest() Manifest {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.m.clone()
}

// Update changes the manifest and writes it. On an error it stays as it was.
func (r *Record) Update(change func(m *Manifest)) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.update(change)
}

func (r *Record) update(change func(m *Manifest)) error {
	old := r.m
	r.m = old.clone()
	change(&r.m)
	r.m.Format = Format
	if err := r.saveManifest(); err != nil {
		r.m = old
		return fmt.Errorf("%s: %w", manifestFile, err)
	}
	return nil
}

// Calls returns the record's store of model calls. It is made at the first use; a
// record opened with View that has none gives an error that is fs.ErrNotExist.
func (r *Record) Calls() (*Calls, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls != nil {
		return r.calls, nil
	}
	// SQLite opens the file by its path: see that it is a file of this folder.
	info, err := r.root.Lstat(callsFile)
	switch {
	case errors.Is(err, fs.ErrNotExist) && r.lock != nil:
		f, err := r.root.OpenFile(callsFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, err
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", callsFile)
	}
	c, err := openCalls(filepath.Join(r.dir, callsFile), &callsOptions{readOnly: r.lock == nil, fast: r.fast})
	if err != nil {
		return nil, err
	}
	r.calls = c
	return c, nil
}

// Status returns how the run stands: as the manifest has it, but Interrupted where it
// says Running and no process holds the record.
func (r *Record) Status() Status {
	s := r.Manifest().Status
	if r.lock == nil {
		s = standing(r.root, s)
	}
	return s
}

func standing(root *os.Root, s Status) Status {
	if s == Running && !locked(root) {
		return Interrupted
	}
	return s
}

// A Summary is what [List] tells of a record.
type Summary struct {
	Dir      string
	Manifest Manifest
	Status   Status // Running only while a process holds the record
	Err      error  // why the manifest could not be read
}

// List returns the records in dir, newest first. A dir that does not exist has none.
// A record whose process died while it ran is Interrupted.
func List(dir string) ([]Summary, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, fmt.Errorf("list records: %w", err)
	}
	var list []Summary
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		d := filepath.Join(dir, e.Name())
		root, err := os.OpenRoot(d)
		if err != nil {
			list = append(list, Summary{Dir: d, Err: err})
			continue
		}
		m, err := readManifest(root)
		s := Summary{Dir: d, Manifest: m, Status: standing(root, m.Status), Err: err}
		root.Close()
		if !errors.Is(err, ErrNoRecord) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Summary) int {
		return cmp.Or(b.Manifest.Started.Compare(a.Manifest.Started), strings.Compare(b.Dir, a.Dir))
	})
	return list, nil
}
