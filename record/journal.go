package record

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tinytroupe-go/tinytroupe"
)

// A Journal is the file of one room's events, one JSON line each. It is a
// tinytroupe.Journal, safe for concurrent use.
type Journal struct {
	mu   sync.Mutex
	f    *os.File
	size int64 // of what is whole; the next line goes there
	fast bool
	err  error // the file may hold what it should not: nothing is appended any more
	buf  bytes.Buffer
}

// Journal opens the journal of a room for writing; a new room gets a new file. What
// follows the last whole commit, left by a kill, is cut off. The same room gives the
// same Journal until the record is closed. A slash in the name makes a folder.
func (r *Record) Journal(room string) (*Journal, error) {
	if r.lock == nil {
		return nil, ErrReadOnly
	}
	name := roomPath(room)
	r.mu.Lock()
	defer r.mu.Unlock()
	if j := r.journals[name]; j != nil {
		return j, nil
	}
	j, err := r.openJournal(name)
	if err != nil {
		return nil, fmt.Errorf("journal of %s: %w", room, err)
	}
	r.journals[name] = j
	return j, nil
}

func (r *Record) openJournal(name string) (*Journal, error) {
	if err := r.root.MkdirAll(path.Dir(name), 0o700); err != nil {
		return nil, err
	}
	// Some file systems take names that differ in case alone for the same.
	same, err := fs.ReadDir(r.root.FS(), path.Dir(name))
	if err != nil {
		return nil, err
	}
	for _, e := range same {
		if e.Name() != path.Base(name) && strings.EqualFold(e.Name(), path.Base(name)) {
			return nil, fmt.Errorf("the name differs only in case from that of %s", e.Name())
		}
	}
	f, err := r.root.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	size, err := whole(f, r.Path(name))
	if err == nil {
		err = f.Truncate(size)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if size == 0 && !r.fast {
		r.syncDir(path.Dir(name))
	}
	return &Journal{f: f, size: size, fast: r.fast}, nil
}

// Append writes the events in one write. It waits for the disk where one of them
// opens a step, and at [Journal.Sync].
func (j *Journal) Append(events ...tinytroupe.Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return j.err
	}
	j.buf.Reset()
	enc := json.NewEncoder(&j.buf)
	enc.SetEscapeHTML(false)
	sync := false
	for i := range events {
		if err := enc.Encode(&events[i]); err != nil {
			return fmt.Errorf("event %d: %w", events[i].Seq, err)
		}
		sync = sync || opensStep(&events[i])
	}
	_, err := j.f.WriteAt(j.buf.Bytes(), j.size)
	if err == nil && sync && !j.fast {
		err = j.f.Sync()
	}
	if err != nil {
		if cut := j.f.Truncate(j.size); cut != nil {
			j.err = fmt.Errorf("an earlier write failed and could not be undone: %w", cut)
		}
		return err
	}
	j.size += int64(j.buf.Len())
	if j.buf.Cap() > 1<<20 {
		j.buf = bytes.Buffer{}
	}
	return nil
}

func opensStep(ev *tinytroupe.Event) bool {
	c := ev.Clock
	return c != nil && (c.Rounds != nil || c.World == nil && c.Skip == "")
}

// Close waits until everything appended is on disk, and closes the file. Appending
// afterwards is an error.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if errors.Is(j.err, fs.ErrClosed) {
		return nil
	}
	j.err = fs.ErrClosed
	var err error
	if !j.fast {
		err = j.f.Sync()
	}
	return errors.Join(err, j.f.Close())
}

// Rooms returns the names of the rooms that have a journal, sorted.
func (r *Record) Rooms() ([]string, error) {
	var rooms []string
	err := fs.WalkDir(r.root.FS(), worldsDir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		file, ok := strings.CutSuffix(strings.TrimPrefix(p, worldsDir+"/"), ".jsonl")
		if !ok {
			return nil
		}
		parts := strings.Split(file, "/")
		for i := range parts {
			if parts[i], ok = roomName(parts[i]); !ok {
				return nil
			}
		}
		rooms = append(rooms, strings.Join(parts, "/"))
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	slices.Sort(rooms)
	return rooms, err
}

func roomPath(room string) string { return worldsDir + "/" + RoomFile(room) + ".jsonl" }

// RoomFile returns the path of a room's files, for any name: a file name for each part
// between slashes, without what files end in.
func RoomFile(room string) string {
	parts := strings.Split(room, "/")
	for i := range parts {
		parts[i] = fileName(parts[i])
	}
	return strings.Join(parts, "/")
}

// Events reads the journal of a room, commit by commit, up to the last whole one. An
// error names file and line and ends the sequence; a room without a journal is one.
func (r *Record) Events(room string) iter.Seq2[tinytroupe.Event, error] {
	return func(yield func(tinytroupe.Event, error) bool) {
		name := roomPath(room)
		f, err := r.root.Open(name)
		if err != nil {
			yield(tinytroupe.Event{}, fmt.Errorf("journal of %s: %w", room, err))
			return
		}
		defer f.Close()
		for ev, err := range ReadEvents(f, r.Path(name)) {
			if !yield(ev, err) {
				return
			}
		}
	}
}

// ReadEvents reads a journal, commit by commit, up to the last whole one. name stands
// in errors, with the line.
func ReadEvents(in io.Reader, name string) iter.Seq2[tinytroupe.Event, error] {
	return func(yield func(tinytroupe.Event, error) bool) {
		lines := lineReader{r: bufio.NewReaderSize(in, 1<<16), name: name}
		var commit []tinytroupe.Event
		for {
			line, err := lines.next()
			if err == io.EOF {
				return
			}
			var ev tinytroupe.Event
			if err == nil {
				var broken bool
				if broken, err = parse(line, &ev); err != nil {
					if broken && lines.torn(&err) {
						return
					}
					err = lines.wrap(err)
				}
			}
			if err != nil {
				yield(tinytroupe.Event{}, err)
				return
			}
			if commit = append(commit, ev); !ev.End {
				continue
			}
			for i := range commit {
				if !yield(commit[i], nil) {
					return
				}
			}
			commit = commit[:0]
		}
	}
}

// whole returns the length of the whole commits in a journal.
func whole(in io.Reader, name string) (int64, error) {
	lines := lineReader{r: bufio.NewReaderSize(in, 1<<16), name: name}
	var size int64
	for {
		line, err := lines.next()
		if err == io.EOF {
			return size, nil
		}
		var ev struct {
			End bool `json:"end"`
		}
		if err == nil {
			var broken bool
			if broken, err = parse(line, &ev); err != nil {
				if broken && lines.torn(&err) {
					return size, nil
				}
				err = lines.wrap(err)
			}
		}
		if err != nil {
			return 0, err
		}
		if ev.End {
			size = lines.read
		}
	}
}

// parse reads a line. It is broken where nothing could have been written so: it is no
// JSON, or no UTF-8, which the decoder would put right without a word.
func parse(line []byte, v any) (broken bool, err error) {
	if !utf8.Valid(line) {
		return true, errors.New("not UTF-8")
	}
	if err := json.Unmarshal(line, v); err != nil {
		return !json.Valid(line), err
	}
	return false, nil
}

// lineReader reads lines of any length.
type lineReader struct {
	r    *bufio.Reader
	name string
	line int
	read int64 // bytes, up to the end of the line last returned
	long []byte
}

// next returns the next line that ends in a newline, or io.EOF. It is valid until the
// next call.
func (l *lineReader) next() ([]byte, error) {
	l.long = l.long[:0]
	for {
		part, err := l.r.ReadSlice('\n')
		if err == nil && len(l.long) == 0 {
			l.line++
			l.read += int64(len(part))
			return part, nil
		}
		l.long = append(l.long, part...)
		switch err {
		case nil:
			l.line++
			l.read += int64(len(l.long))
			return l.long, nil
		case bufio.ErrBufferFull:
		case io.EOF:
			return nil, io.EOF // a half line counts for nothing
		default:
			return nil, l.wrap(err)
		}
	}
}

// torn reports whether the line just read, which is no JSON, is what a kill left: no
// whole commit follows it. Otherwise the file is damaged, and err says so.
func (l *lineReader) torn(err *error) bool {
	at := l.line
	for {
		line, e := l.next()
		if e == io.EOF {
			return true
		}
		if e != nil {
			*err = e
			return false
		}
		var ev struct {
			End bool `json:"end"`
		}
		if json.Unmarshal(line, &ev) == nil && ev.End {
			l.line = at
			*err = fmt.Errorf("damaged: %w, yet whole commits follow", *err)
			return false
		}
	}
}

func (l *lineReader) wrap(err error) error {
	return fmt.Errorf("%s:%d: %w", l.name, l.line, err)
}
