package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/record"
)

// TestShowNext: what was stopped is shown with the command that goes on with it.
func TestShowNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ study, want string }{
		{"a study.yaml", "next    tinytroupe resume DIR\n"},
		{"", "next    tinytroupe chat --dir DIR\n"},
	} {
		dir := filepath.Join(t.TempDir(), "r")
		rec, err := record.Create(dir, &record.Manifest{Study: c.study}, nil)
		if err != nil {
			t.Fatal(err)
		}
		// Nobody holds it any more, and it does not say that it is over: it was killed.
		if err := rec.Close(); err != nil {
			t.Fatal(err)
		}
		e := command(t, t.Context(), nil, "show", dir)
		if want := strings.ReplaceAll(c.want, "DIR", dir); !strings.Contains(e.stdout, want) || !strings.Contains(e.stdout, "status  interrupted") {
			t.Errorf("no %q in\n%s%s", want, e.stdout, e.stderr)
		}
	}
}

// TestNoPlace: where nothing can be written, the next step is said.
func TestNoPlace(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "closed")
	if err := os.Mkdir(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "x"), 0o700); !errors.Is(err, os.ErrPermission) {
		t.Skip("this user may write anywhere")
	}
	e := command(t, t.Context(), nil, "run", "../../examples/simple-chat/study.yaml", "--dir", filepath.Join(dir, "r"))
	if e.code != exitUsage || !strings.Contains(e.stderr, "Name a folder that can be written: --dir DIR") {
		t.Errorf("exit %d\n%s", e.code, e.stderr)
	}
}
