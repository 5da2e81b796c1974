package main

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/config"
)

// TestProvidersPage: docs/providers.md has each provider as the command has it.
func TestProvidersPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	none := func(string) (string, bool) { return "", false }
	s, err := config.Load(nil, &config.Options{Env: none})
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| .*\\| .*\\|.*\\|$").FindAllStringSubmatch(string(page), -1) {
		name := row[1]
		if slices.Contains(rows, name) {
			continue // of a later table
		}
		rows = append(rows, name)
		if name == rehearsalName {
			continue
		}
		p, err := providerOf(name, s, none)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{p.url, p.keyName, p.urlName} {
			if !strings.Contains(row[0], want) {
				t.Errorf("%s: %s is not in %s", name, want, row[0])
			}
		}
		if p.local != strings.Contains(row[0], "| none") {
			t.Errorf("%s: local %v, and the page says %s", name, p.local, row[0])
		}
	}
	if !slices.Equal(rows, providerNames()) {
		t.Errorf("the page has %q, the command %q", rows, providerNames())
	}
}
