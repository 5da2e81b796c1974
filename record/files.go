package record

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tinytroupe-go/tinytroupe"
)

// marshal writes JSON as this package keeps it: as it is read, without HTML escaping.
func marshal(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Path returns the path of a file of the record, for people to read.
func (r *Record) Path(name string) string { return filepath.Join(r.dir, filepath.FromSlash(name)) }

// WriteFile writes a file of the record, whole or not at all. The name is a relative,
// slash-separated path; one that leads outside is an error.
func (r *Record) WriteFile(name string, data []byte) error {
	if err := r.writeFile(name, data); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func (r *Record) writeFile(name string, data []byte) (err error) {
	if r.lock == nil {
		return ErrReadOnly
	}
	if !fs.ValidPath(name) || name == "." {
		return fs.ErrInvalid
	}
	dir := path.Dir(name)
	if err := r.root.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, tmp, err := r.createTemp(dir)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.root.Remove(tmp))
		}
	}()
	_, err = f.Write(data)
	if err == nil && !r.fast {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = r.root.Rename(tmp, name); err != nil {
		return err
	}
	if !r.fast {
		r.syncDir(dir)
	}
	return nil
}

func (r *Record) createTemp(dir string) (*os.File, string, error) {
	for i := 0; ; i++ {
		tmp := path.Join(dir, tempPrefix+strconv.Itoa(os.Getpid())+"-"+strconv.Itoa(i))
		f, err := r.root.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return f, tmp, err
		}
	}
}

// syncDir makes a new name durable where the system can: not all know how to.
func (r *Record) syncDir(dir string) {
	if d, err := r.root.Open(dir); err == nil {
		_ = d.Sync()
		d.Close()
	}
}

// ReadFile reads a file of the record.
func (r *Record) ReadFile(name string) ([]byte, error) {
	data, err := r.root.ReadFile(filepath.FromSlash(name))
	if err != nil {
		return nil, fmt.Errorf("read from %s: %w", r.dir, err)
	}
	return data, nil
}

// FS gives the record's files to whoever reads many of them.
func (r *Record) FS() fs.FS { return r.root.FS() }

// AddInput keeps a copy of a file that the run reads, under inputs/, and its hash in
// the manifest. name is the file's name as the study has it; whatever it is, the copy
// stays inside. Adding the same again does nothing; other data under the same name
// is [ErrChanged].
func (r *Record) AddInput(name string, data []byte) error {
	hash := Hash(data)
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, in := range r.m.Inputs {
		switch {
		case in.Name == name && in.Hash == hash:
			return nil
		case in.Name == name:
			return fmt.Errorf("input %s: %w", name, ErrChanged)
		}
	}
	p := freePath(r.m.Inputs, name)
	if err := r.writeFile(path.Join(inputsDir, p), data); err != nil {
		return fmt.Errorf("input %s: %w", name, err)
	}
	return r.update(func(m *Manifest) {
		m.Inputs = append(m.Inputs, Input{Name: name, Path: p, Hash: hash, Size: len(data)})
		slices.SortFunc(m.Inputs, func(a, b Input) int { return strings.Compare(a.Name, b.Name) })
	})
}

// freePath returns where a copy of an input goes: a path that no other has, or is a
// folder of.
func freePath(taken []Input, name string) string {
	p := inputPath(name)
	for i := 0; i < len(taken); i++ {
		if within(taken[i].Path, p) || within(p, taken[i].Path) {
			p, i = "_"+p, -1 // look again
		}
	}
	return p
}

// within reports whether p is dir or stands in it, on any file system.
func within(p, dir string) bool {
	return len(p) >= len(dir) && strings.EqualFold(p[:len(dir)], dir) && (len(p) == len(dir) || p[len(dir)] == '/')
}

// Input returns the copy of the input of that name.
func (r *Record) Input(name string) ([]byte, error) {
	for _, in := range r.Manifest().Inputs {
		if in.Name != name {
			continue
		}
		data, err := r.ReadFile(path.Join(inputsDir, in.Path))
		if err == nil && Hash(data) != in.Hash {
			err = fmt.Errorf("input %s: the copy was %w", name, ErrChanged)
		}
		return data, err
	}
	return nil, fmt.Errorf("input %s: %w", name, fs.ErrNotExist)
}

// inputPath makes a relative path without .. out of any name: folders above become _.
func inputPath(name string) string {
	var parts []string
	for i, p := range strings.Split(strings.ReplaceAll(name, `\`, "/"), "/") {
		switch p {
		case ".":
		case "":
			if i == 0 && name != "" {
				parts = append(parts, "_root")
			}
		case "..":
			if n := len(parts); n > 0 && parts[n-1] != "_" {
				parts = parts[:n-1]
			} else {
				parts = append(parts, "_")
			}
		default:
			p = fileName(p)
			if len(p) > 150 { // more than some file systems take
				p = strings.ToValidUTF8(p[:100], "") + "-" + Hash([]byte(p))[:16]
			}
			parts = append(parts, p)
		}
	}
	if len(parts) == 0 {
		return "_"
	}
	return strings.Join(parts, "/")
}

// fileName makes one portable file name out of any text, a different one for each
// text: what cannot stand in a name is written as %XX. See [roomName].
func fileName(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		c, n := utf8.DecodeRuneInString(s[i:])
		plain := unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("-_+,=@", c) ||
			(c == '.' || c == ' ') && i > 0 && i+n < len(s)
		if plain {
			b.WriteString(s[i : i+n])
		} else {
			for _, x := range []byte(s[i : i+n]) {
				fmt.Fprintf(&b, "%%%02X", x)
			}
		}
		i += n
	}
	name := b.String()
	stem, _, _ := strings.Cut(name, ".")
	switch {
	case name == "":
		return "%"
	case reserved(strings.ToUpper(stem)):
		return fmt.Sprintf("%%%02X%s", name[0], name[1:])
	}
	return name
}

// roomName undoes fileName.
func roomName(file string) (string, bool) {
	if file == "%" {
		return "", true
	}
	s, err := url.PathUnescape(file)
	return s, err == nil && fileName(s) == file
}

// reserved reports whether a name means a device on Windows.
func reserved(stem string) bool {
	switch stem {
	case "CON", "PRN", "AUX", "NUL":
		return true
	}
	return len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")) && unicode.IsDigit(rune(stem[3]))
}

// Hash is the SHA-256 of data in hexadecimal.
func Hash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// PutArtifact keeps bytes under their SHA-256; it is a tinytroupe Options.Store.
func (r *Record) PutArtifact(hash string, data []byte) error {
	if have := Hash(data); have != hash {
		return fmt.Errorf("artifact %s: its bytes have the hash %s", hash, have)
	}
	name := path.Join(artifactsDir, hash)
	if info, err := r.root.Stat(name); err == nil && info.Size() == int64(len(data)) {
		return nil
	}
	if err := r.writeFile(name, data); err != nil {
		return fmt.Errorf("artifact %s: %w", hash, err)
	}
	return nil
}

// Artifact returns the bytes kept under hash.
func (r *Record) Artifact(hash string) ([]byte, error) {
	if b, err := hex.DecodeString(hash); err != nil || len(b) != sha256.Size {
		return nil, fmt.Errorf("artifact %q: not a hash", hash)
	}
	data, err := r.ReadFile(path.Join(artifactsDir, hash))
	if err != nil {
		return nil, err
	}
	if have := Hash(data); have != hash {
		return nil, fmt.Errorf("artifact %s: damaged: its bytes have the hash %s", hash, have)
	}
	return data, nil
}

// A Participant is one line of people.jsonl.
type Participant struct {
	Name     string             `json:"name"`
	Group    string             `json:"group,omitempty"`
	Weight   float64            `json:"weight,omitempty"` // 0 means 1
	Staff    bool               `json:"staff,omitempty"`
	Assigned map[string]any     `json:"assigned,omitempty"` // by the study, not told to the person
	Persona  tinytroupe.Persona `json:"persona"`
}

// WritePeople writes people.jsonl.
func (r *Record) WritePeople(people []Participant) error {
	var b bytes.Buffer
	for i := range people {
		line, err := marshal(&people[i], "")
		if err != nil {
			return fmt.Errorf("%s: %s: %w", peopleFile, people[i].Name, err)
		}
		b.Write(line)
	}
	return r.WriteFile(peopleFile, b.Bytes())
}

// People reads people.jsonl. A record without one has nobody.
func (r *Record) People() ([]Participant, error) { return readLines[Participant](r, peopleFile, false) }

// A Failure is one line of failures.jsonl: something that came to nothing.
type Failure struct {
	Scene   string `json:"scene,omitempty"`
	Room    string `json:"room,omitempty"`
	Step    int    `json:"step,omitempty"`
	Person  string `json:"person,omitempty"`
	What    string `json:"what"`              // turn, ask, extract, …
	Outcome string `json:"outcome,omitempty"` // refused, invalid, failed
	Cause   string `json:"cause"`
	Call    string `json:"call,omitempty"` // key of the model call
	Raw     string `json:"raw,omitempty"`  // what the model said, whole; of a panic, the stack
}

// AddFailure appends a line to failures.jsonl.
func (r *Record) AddFailure(f Failure) error {
	if r.lock == nil {
		return ErrReadOnly
	}
	line, err := marshal(&f, "")
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w, err := r.root.OpenFile(failuresFile, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	// A half line from a kill is ended, so that this one stands alone.
	info, err := w.Stat()
	if err == nil && info.Size() > 0 {
		last := make([]byte, 1)
		if _, err = w.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			line = append([]byte{'\n'}, line...)
		}
	}
	if err == nil {
		_, err = w.WriteAt(line, info.Size())
	}
	return errors.Join(err, w.Close())
}

// Failures reads failures.jsonl. A line cut off by a kill is left out.
func (r *Record) Failures() ([]Failure, error) { return readLines[Failure](r, failuresFile, true) }

// readLines reads JSON lines; torn says that lines which are no JSON are left out.
func readLines[T any](r *Record, name string, torn bool) ([]T, error) {
	data, err := r.root.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []T
	n := 0
	for line := range bytes.Lines(data) {
		n++
		if torn && !json.Valid(line) {
			continue
		}
		var v T
		if err := json.Unmarshal(line, &v); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", r.Path(name), n, err)
		}
		list = append(list, v)
	}
	return list, nil
}
