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
	defer func() { err = errors.Join(err, rec.Close()) }()
	if rec.Status() == record.Running {
		return usage(fmt.Errorf("%s is still running", dir))
	}
	if out == "" {
		out = filepath.Base(filepath.Clean(dir)) + ".zip"
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
