package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestReliability: the tests that the page names are there, and so are their flags.
func TestReliability(t *testing.T) {
	page, err := os.ReadFile("reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	var code strings.Builder
	err = filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		data, err := os.ReadFile(path)
		code.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`|-run ((?:Test|Fuzz)[A-Za-z0-9]+)").FindAllStringSubmatch(string(page), -1)
	for _, m := range names {
		if name := m[1] + m[2]; !strings.Contains(code.String(), "\nfunc "+name+"(") {
			t.Errorf("there is no %s", name)
		}
	}
	flags := regexp.MustCompile(`-args -([a-z]+)`).FindAllStringSubmatch(string(page), -1)
	for _, m := range flags {
		if !strings.Contains(code.String(), `("`+m[1]+`", `) {
			t.Errorf("there is no flag -%s", m[1])
		}
	}
	if len(names) < 30 || len(flags) < 4 {
		t.Errorf("found %d tests and %d flags", len(names), len(flags))
	}
}
