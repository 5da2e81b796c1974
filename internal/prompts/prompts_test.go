package prompts

import (
	"strings"
	"testing"
	"testing/fstest"
)

func TestLoad(t *testing.T) {
	builtin := fstest.MapFS{"prompts/a.tmpl": {Data: []byte("Hello {{.Name}}.\n\n")}, "prompts/b.tmpl": {Data: []byte("Bye")}}
	names := []string{"a.tmpl", "b.tmpl"}
	s, err := Load(builtin, nil, names)
	if err != nil {
		t.Fatal(err)
	}
	data := struct{ Name string }{"Ann"}
	if text, err := s.Text("a.tmpl", data); err != nil || text != "Hello Ann." {
		t.Errorf("%q, %v", text, err)
	}
	if err := s.Try(Trial{"a.tmpl", data}, Trial{"b.tmpl", nil}); err != nil {
		t.Error(err)
	}
	if err := s.Try(Trial{"a.tmpl", struct{}{}}); err == nil {
		t.Error("a field that is not there")
	}
	other, err := Load(builtin, fstest.MapFS{"a.tmpl": {Data: []byte("Hi {{.Name}}")}, "notes.md": {}}, names)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := other.Text("a.tmpl", data); text != "Hi Ann" || other.Hash() == s.Hash() || len(s.Hash()) != 64 {
		t.Errorf("%q, %s", text, other.Hash())
	}
	for overlay, want := range map[string]string{
		"c.tmpl": "there is no c.tmpl to replace; there are a.tmpl, b.tmpl",
		"a.tmpl": "prompt template: template: a.tmpl:1:",
	} {
		_, err := Load(builtin, fstest.MapFS{overlay: {Data: []byte("{{if}}")}}, names)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", overlay, err)
		}
	}
}
