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
	f, err := parser.ParseFile(fset, file, src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	// Types and their methods that stand before an example belong to it.
	var before strings.Builder
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(fn.Name.Name, "Example") {
			from := d.Pos()
			switch d := d.(type) {
			case *ast.GenDecl:
				if d.Tok != token.TYPE {
					continue
				}
				if d.Doc != nil {
					from = d.Doc.Pos()
				}
			case *ast.FuncDecl:
				if d.Recv == nil {
					continue
				}
			}
			before.Write(src[fset.Position(from).Offset:fset.Position(d.End()).Offset])
			before.WriteString("\n\n")
			continue
		}
		body := string(src[fset.Position(fn.Body.Lbrace).Offset+1 : fset.Position(fn.Body.Rbrace).Offset])
		code, output, _ := strings.Cut(body, "\t// Output:\n")
		md := "```go\n" + before.String() + strings.TrimSpace(strings.ReplaceAll("\n"+code, "\n\t", "\n")) + "\n```\n"
		before.Reset()
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

// TestNames: what the page for those who come from TinyTroupe tells them to use is
// there.
func TestNames(t *testing.T) {
	known := map[string]bool{}
	for _, dir := range []string{".", "people", "transcript", "record", "llm", "memory", "mind", "mind/human", "mind/bot", "config", "study", "extract", "judge", "examples/cast"} {
		readNames(t, dir, known)
	}
	page, err := os.ReadFile("from-tinytroupe.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for l := range strings.Lines(string(page)) {
		cells := strings.Split(l, "|")
		if len(cells) < 4 {
			continue
		}
		for _, m := range regexp.MustCompile("`([a-z]*\\.?[A-Z]\\w+(?:\\.[A-Z]\\w+)?)[`({\\[]").FindAllStringSubmatch(cells[2], -1) {
			if strings.ToUpper(m[1]) == m[1] { // RECALL, MODEL: acts and settings
				continue
			}
			if checked++; !known[m[1]] {
				t.Errorf("there is no %s", m[1])
			}
		}
	}
	if checked < 60 {
		t.Errorf("only %d names found", checked)
	}
}

// readNames adds what a package exports, as NAME and TYPE.NAME, below the root with
// the package's name.
func readNames(t *testing.T, dir string, known map[string]bool) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	add := func(names ...string) {
		name := strings.Join(names, ".")
		if dir != "." {
			name = filepath.Base(dir) + "." + name
		}
		known[name] = true
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					add(d.Name.Name)
					continue
				}
				recv := d.Recv.List[0].Type
				if p, ok := recv.(*ast.StarExpr); ok {
					recv = p.X
				}
				if id, ok := recv.(*ast.Ident); ok {
					add(id.Name, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.ValueSpec:
						for _, n := range s.Names {
							add(n.Name)
						}
					case *ast.TypeSpec:
						add(s.Name.Name)
						var fields []*ast.Field
						switch st := s.Type.(type) {
						case *ast.StructType:
							fields = st.Fields.List
						case *ast.InterfaceType:
							fields = st.Methods.List
						}
						for _, field := range fields {
							for _, n := range field.Names {
								add(s.Name.Name, n.Name)
							}
						}
					}
				}
			}
		}
	}
}
