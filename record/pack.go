package record

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// PackOptions tune Pack. The zero value of each field has the stated meaning.
type PackOptions struct {
	NoCalls bool     // leave the calls out: the file shows, but does not replay
	Secrets []string // texts that must not be in it, such as the keys in use; short ones are left out
	Anyway  bool     // pack even so
}

// A SecretError says where a record holds what looks like a secret.
type SecretError struct {
	File string
	Line int // 0 where the file has no lines
	What string
}

func (e *SecretError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s holds %s", e.File, e.What)
	}
	return fmt.Sprintf("%s:%d holds %s", e.File, e.Line, e.What)
}

// What an unpacked record may come to.
const (
	mostFiles = 200_000
	mostBytes = 8 << 30
)

// Pack writes the record as one zip file, which [View] and any zip tool read. All
// that goes in is searched for secrets first: the error joins a [*SecretError] for each
// file with one. What was cut off by revisions goes along; a record that lies within this
// one does not.
func (r *Record) Pack(w io.Writer, o *PackOptions) error {
	if o == nil {
		o = &PackOptions{}
	}
	tmp, err := os.MkdirTemp("", "tinytroupe-pack-")
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	defer os.RemoveAll(tmp)
	calls := ""
	if c, err := r.Calls(); !o.NoCalls && err == nil {
		calls = filepath.Join(tmp, callsFile)
		if err := c.vacuum(calls); err != nil {
			return fmt.Errorf("pack: %w", err)
		}
	} else if !o.NoCalls && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("pack: %w", err)
	}
	s := searcher{secrets: o.Secrets}
	var names []string
	err = fs.WalkDir(r.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		if err == nil && d.IsDir() && name != "." {
			_, calls := r.root.Lstat(path.Join(name, callsFile))
			_, manifest := r.root.Lstat(path.Join(name, manifestFile))
			if calls == nil && manifest == nil {
				return fs.SkipDir // another record, whose calls would go unsearched
			}
		}
		if err != nil || d.IsDir() || !d.Type().IsRegular() || name == lockFile || strings.HasPrefix(base, tempPrefix) || strings.HasPrefix(name, callsFile) {
			return err
		}
		names = append(names, name)
		data, err := r.root.ReadFile(name)
		s.file(name, data)
		return err
	})
	if err == nil && calls != "" && !o.Anyway {
		err = s.calls(r)
	}
	if err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	if len(s.found) > 0 && !o.Anyway {
		return errors.Join(s.found...)
	}
	z := zip.NewWriter(w)
	for _, name := range names {
		if err := packFile(z, name, func() (fs.File, error) { return r.root.Open(name) }); err != nil {
			return fmt.Errorf("pack: %s: %w", name, err)
		}
	}
	if calls != "" {
		if err := packFile(z, callsFile, func() (fs.File, error) { return os.Open(calls) }); err != nil {
			return fmt.Errorf("pack: %s: %w", callsFile, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("pack: %w", err)
	}
	return nil
}

func packFile(z *zip.Writer, name string, open func() (fs.File, error)) error {
	f, err := open()
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := z.Create(name)
	if err == nil {
		_, err = io.Copy(w, f)
	}
	return err
}

// secretForms are what keys look like.
var secretForms = []struct {
	what string
	re   *regexp.Regexp
}{
	{"what looks like an API key", regexp.MustCompile(`\b(sk|gsk|pk|rk|xai)[-_][A-Za-z0-9_-]{20,}`)},
	{"what looks like a Google API key", regexp.MustCompile(`\bAIza[0-9A-Za-z_-]{35}`)},
	{"what looks like an AWS key", regexp.MustCompile(`\b(AKIA|ASIA)[0-9A-Z]{16}\b`)},
	{"what looks like a token of GitHub or Slack", regexp.MustCompile(`\b(gh[pousr]_[A-Za-z0-9]{30,}|xox[abpr]-[A-Za-z0-9-]{10,})`)},
	{"a bearer token", regexp.MustCompile(`(?i)\bbearer\s+[A-Za-z0-9._~+/-]{20,}`)},
	{"a private key", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)},
}

type searcher struct {
	secrets []string
	found   []error
}

func (s *searcher) file(name string, data []byte) {
	if at, what := s.find(data); what != "" {
		line := 1 + bytes.Count(data[:at], []byte("\n"))
		s.found = append(s.found, &SecretError{name, line, what})
	}
}

func (s *searcher) find(data []byte) (at int, what string) {
	for _, secret := range s.secrets {
		if len(secret) < 8 {
			continue // a word, that is anywhere
		}
		if i := bytes.Index(data, []byte(secret)); i >= 0 {
			return i, "a key that is in use"
		}
	}
	for _, f := range secretForms {
		if loc := f.re.FindIndex(data); loc != nil {
			return loc[0], f.what
		}
	}
	return 0, ""
}

// calls searches the texts of the calls, which are compressed in their file.
func (s *searcher) calls(r *Record) error {
	c, err := r.Calls()
	if err != nil {
		return err
	}
	rows, err := c.read.Query("SELECT hash FROM texts")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var h []byte
		if err := rows.Scan(&h); err != nil {
			return err
		}
		body, err := c.text(h)
		if err != nil {
			return err
		}
		if _, what := s.find([]byte(body)); what != "" {
			s.found = append(s.found, &SecretError{callsFile, 0, what})
			return nil
		}
	}
	return rows.Err()
}

// unpack opens a packed record for reading. Closing it removes what was unpacked.
func unpack(file string) (_ *Record, err error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, fmt.Errorf("view record %s: neither a folder nor a packed record: %w", file, err)
	}
	defer z.Close()
	dir, err := os.MkdirTemp("", "tinytroupe-")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	left := int64(mostBytes)
	if len(z.File) > mostFiles {
		return nil, fmt.Errorf("it holds more than %d files", mostFiles)
	}
	for _, f := range z.File {
		if strings.HasSuffix(f.Name, "/") {
			continue
		}
		if !fs.ValidPath(f.Name) || !f.Mode().IsRegular() {
			return nil, fmt.Errorf("%q is not a file of a record", f.Name)
		}
		n, err := unpackFile(root, f, left)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		left -= n
	}
	r, err := View(dir)
	if err != nil {
		return nil, err
	}
	r.name = file
	return r, nil
}

func unpackFile(root *os.Root, f *zip.File, most int64) (int64, error) {
	in, err := f.Open()
	if err != nil {
		return 0, err
	}
	defer in.Close()
	if err := root.MkdirAll(path.Dir(f.Name), 0o700); err != nil {
		return 0, err
	}
	out, err := root.OpenFile(f.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(out, io.LimitReader(in, most+1))
	if n > most {
		err = errors.Join(err, fmt.Errorf("unpacked it is larger than %d bytes", int64(mostBytes)))
	}
	return n, errors.Join(err, out.Close())
}
