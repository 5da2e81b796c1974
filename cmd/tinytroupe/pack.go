package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/record"
)

func (p *program) packCommand() *cobra.Command {
	var out string
	var o record.PackOptions
	cmd := &cobra.Command{
		Use:   "pack [DIR]",
		Short: "Make one file of a record, to hand on",
		Long: `Pack makes a zip file of a record, the newest in runs where none is named. Show, replay,
diff and fork read it as they read a folder. Before it is written, everything in it is
searched for keys: those in the environment, and what looks like one; --yes packs even
so. Without the calls (--no-calls) it is smaller, and cannot be replayed.`,
		Example: `  tinytroupe pack
  tinytroupe pack runs/2026-03-02-tv-ad-7f3a --out tv-ad.zip --no-calls
  tinytroupe replay tv-ad.zip`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := newest(args)
			if err != nil {
				return usage(err)
			}
			return p.pack(dir, out, &o)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&out, "out", "", "the `file` to write (default: the record's name with .zip)")
	fl.BoolVar(&o.NoCalls, "no-calls", false, "leave the model's calls out")
	fl.BoolVar(&o.Anyway, "yes", false, "pack even what looks like a secret")
	return cmd
}

func (p *program) pack(dir, out string, o *record.PackOptions) (err error) {
	rec, err := view(dir)
	if err != nil {
		return usage(err)
	}
	defer func() { err = p.closed(err, rec.Close()) }()
	if rec.Status() == record.Running {
		return usage(fmt.Errorf("%s is still running", dir))
	}
	if out == "" {
		beside, err := named(dir)
		if err != nil {
			return usage(err)
		}
		out = filepath.Base(beside) + ".zip"
	}
	if inside, err := within(out, dir); err != nil {
		return usage(err)
	} else if inside {
		return usage(fmt.Errorf("%s is in the record itself, and would be packed with it: name a place outside, such as --out %s", out, quote(filepath.Join("..", filepath.Base(out)))))
	}
	set, err := config.Load(nil, &config.Options{Env: p.env})
	if err != nil {
		return usage(err)
	}
	for _, name := range providerNames() {
		if q, err := providerOf(name, set, p.env); err == nil {
			o.Secrets = append(o.Secrets, q.key)
		}
	}
	f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		err = fmt.Errorf("%s is there already: remove it, or name another with --out", out)
	}
	if err != nil {
		return usage(err)
	}
	err = rec.Pack(f, o)
	if err = errors.Join(err, f.Close()); err != nil {
		err = errors.Join(err, os.Remove(out))
		if _, ok := errors.AsType[*record.SecretError](err); ok {
			err = fmt.Errorf("%w\nNothing was written. Take it out, or add --yes to pack even so", err)
		}
		return usage(err)
	}
	info, err := os.Stat(out)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s  %d KB\n", out, (info.Size()+1023)/1024)
	return nil
}

// named is a path of which the last part is a name, as that of . and .. is not.
func named(path string) (string, error) {
	path = filepath.Clean(path)
	if base := filepath.Base(path); base != "." && base != ".." {
		return path, nil
	}
	return filepath.Abs(path)
}

// within reports whether a file that is to be made would be in a folder, whatever links
// lead there.
func within(file, folder string) (bool, error) {
	real := func(path string) (string, error) {
		abs, err := filepath.Abs(path)
		if err != nil {
			return "", err
		}
		return filepath.EvalSymlinks(abs)
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return false, err
	}
	parent := ""
	for dir := filepath.Dir(file); ; dir = filepath.Dir(dir) { // up to the first that is there
		if parent, err = real(dir); err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			return false, err
		}
	}
	if folder, err = real(folder); err != nil {
		return false, err
	}
	rel, err := filepath.Rel(folder, parent)
	return err == nil && (rel == "." || filepath.IsLocal(rel)), nil
}
