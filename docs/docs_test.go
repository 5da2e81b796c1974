package docs_test

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/mind"
)

var update = flag.Bool("update", false, "put the examples into the pages")

// check ends the program on an error. The pages use it where a program would say what
// it does about one.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// newMind returns a mind of the stand-in.
func newMind() *mind.Mind {
	m, err := mind.New(rehearsal.New(nil), nil)
	check(err)
	return m
}

// TestPages: the programs in the pages are the examples of this package, which run,
// and the outputs below them are theirs.
func TestPages(t *testing.T) {
	examples := map[string]string{}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		readExamples(t, file, examples)
	}
	used := map[string]bool{}
	for _, page := range []string{"tour.md", "from-tinytroupe.md"} {
		old, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text := regexp.MustCompile(`(?s)<!-- begin (Example\w*): [^\n]*-->\n.*?<!-- end -->`).ReplaceAllStringFunc(string(old), func(part string) string {
			head, _, _ := strings.Cut(part, "\n")
			name := strings.TrimSuffix(strings.Fields(head)[2], ":")
			body, ok := examples[name]
			if !ok {
				t.Errorf("%s: there is no %s", page, name)
			}
			used[name] = true
			return head + "\n" + body + "<!-- end -->"
		})
		if text == string(old) {
			continue
		}
		if !*update {
			t.Errorf("%s is not what its examples are: go test ./docs -run TestPages -update", page)
			continue
		}
		if err := os.WriteFile(page, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name := range examples {
		if !used[name] {
			t.Errorf("%s is in no page", name)
		}
	}
}

// readExamples takes the examples of a file as Markdown: the program, and what it
// prints.
func readExamples(t *testing.T, file string, examples map[string]string) {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, src, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(fn.Name.Name, "Example") {
			continue
		}
		body := string(src[fset.Position(fn.Body.Lbrace).Offset+1 : fset.Position(fn.Body.Rbrace).Offset])
		code, output, _ := strings.Cut(body, "\t// Output:\n")
		md := "```go\n" + strings.TrimSpace(strings.ReplaceAll("\n"+code, "\n\t", "\n")) + "\n```\n"
		if output != "" {
			var b strings.Builder
			for l := range strings.Lines(output) {
				l = strings.TrimSpace(l)
				if l != "" {
					b.WriteString(strings.TrimPrefix(strings.TrimPrefix(l, "//"), " ") + "\n")
				}
			}
			md += "```\n" + b.String() + "```\n"
		}
		examples[fn.Name.Name] = md
	}
}
