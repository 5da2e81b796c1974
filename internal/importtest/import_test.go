// Package importtest holds the rules of the module's architecture as tests: who
// may import whom, and that nothing is global.
package importtest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/tinytroupe-go/tinytroupe"

// allowed says what a package may import of this module, by path below the module
// ("." is the root; a pattern ending in /... covers what is below it). Everybody
// may import internal/....
var allowed = map[string][]string{
	".":             {},
	"llm":           {},
	"llm/price":     {"llm"},
	"llm/openai":    {"llm", "llm/internal/..."},
	"llm/ollama":    {"llm", "llm/internal/..."},
	"llm/anthropic": {"llm", "llm/internal/..."},
	"llm/gemini":    {"llm", "llm/internal/..."},
	"llm/rehearsal": {"llm"},
	"llm/llmtest":   {"llm"},
	"mind":          {".", "llm"},
	"mind/bot":      {".", "llm"},
	"mind/human":    {"."},
	"memory":        {".", "llm"},
	"ground":        {".", "llm"},
	"tool":          {".", "llm"},
	"people":        {".", "llm"},
	"transcript":    {".", "llm"},
	"extract":       {".", "llm", "transcript"},
	"judge":         {".", "llm", "transcript"},
	"story":         {".", "llm", "transcript"},
	"record":        {".", "llm"},
	"config":        {".", "llm"},
	"report":        {".", "llm", "extract", "judge", "story", "people", "record", "transcript"},
	"study":         {".", "llm", "report", "extract", "judge", "story", "people", "record", "transcript", "mind", "mind/bot", "mind/human", "memory", "ground", "tool", "config"},
	"examples/...":  {"./..."},
	"cmd/...":       {"./..."},
	"internal/...":  {"internal/..."},

	"internal/cmd/...": {"./..."},
	"llm/internal/...": {"llm"},
}

// outside says what packages that else stay within the standard library may import
// from elsewhere.
var outside = map[string][]string{
	".":             {},
	"llm":           {"github.com/google/jsonschema-go", "github.com/cenkalti/backoff"},
	"llm/price":     {},
	"llm/openai":    {},
	"llm/ollama":    {},
	"llm/anthropic": {},
	"llm/gemini":    {},
	"llm/rehearsal": {"github.com/google/jsonschema-go"},
	"mind":          {},
	"mind/bot":      {},
	"mind/human":    {},
	"transcript":    {},
	"extract":       {},
}

type file struct {
	pkg  string // path below the module
	name string
	ast  *ast.File
	fset *token.FileSet
}

func load(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	var files []file
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if n := d.Name(); rel != "." && (strings.HasPrefix(n, ".") || n == "testdata" || n == "runs") {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, file{path.Dir(rel), rel, f, fset})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 10 {
		t.Fatalf("only %d files found", len(files))
	}
	return files
}

func matches(pattern, pkg string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return base == "." || pkg == base || strings.HasPrefix(pkg, base+"/")
	}
	return pattern == pkg
}

// rule returns what the longest pattern that matches says.
func rule(m map[string][]string, pkg string) (to []string, ok bool) {
	best := ""
	for pattern, list := range m {
		if matches(pattern, pkg) && len(pattern) > len(best) {
			best, to, ok = pattern, list, true
		}
	}
	return to, ok
}

func TestImports(t *testing.T) {
	for _, f := range load(t) {
		to, ok := rule(allowed, f.pkg)
		if !ok {
			t.Errorf("%s: package %s is not in the list of allowed imports", f.name, f.pkg)
			continue
		}
		for _, spec := range f.ast.Imports {
			imp, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if imp == module || strings.HasPrefix(imp, module+"/") {
				target := strings.TrimPrefix(strings.TrimPrefix(imp, module), "/")
				if target == "" {
					target = "."
				}
				ok := matches("internal/...", target) || slices.ContainsFunc(to, func(p string) bool { return matches(p, target) })
				if !ok {
					t.Errorf("%s imports %s, which package %s may not", f.name, target, f.pkg)
				}
				continue
			}
			first, _, _ := strings.Cut(imp, "/")
			if extra, limited := outside[f.pkg]; limited && strings.Contains(first, ".") {
				if !slices.ContainsFunc(extra, func(p string) bool { return strings.HasPrefix(imp, p) }) {
					t.Errorf("%s imports %s: package %s stays within the standard library and %v", f.name, imp, f.pkg, extra)
				}
			}
		}
	}
}

// TestNothingGlobal: no init, no mutable package variables, no environment
// outside of cmd and config. A package variable may be an error, a parsed
// template or expression, an embedded file system, or a table that nobody writes;
// writing to one anywhere in its package is what this test looks for.
func TestNothingGlobal(t *testing.T) {
	type variable struct{ pkg, name string }
	vars := map[variable]string{}
	files := load(t)
	for _, f := range files {
		for _, d := range f.ast.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.Name == "init" {
					t.Errorf("%s has an init function", f.name)
				}
			case *ast.GenDecl:
				if d.Tok != token.VAR {
					continue
				}
				for _, s := range d.Specs {
					v := s.(*ast.ValueSpec)
					for _, n := range v.Names {
						if n.Name != "_" {
							vars[variable{f.pkg, n.Name}] = f.fset.Position(n.Pos()).String()
						}
					}
					if embedded(d, v) || len(v.Values) > 0 && !mutable(v) {
						continue
					}
					t.Errorf("%s: package variable %s is neither an error, a parsed template, an embedded file nor a table", f.fset.Position(v.Pos()), v.Names[0].Name)
				}
			}
		}
	}
	for _, f := range files {
		env := matches("cmd/...", f.pkg) || f.pkg == "config" || matches("internal/cmd/...", f.pkg)
		ast.Inspect(f.ast, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok && x.Name == "os" && !env && slices.Contains([]string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv"}, n.Sel.Name) {
					t.Errorf("%s reads the environment: only cmd and config may", f.fset.Position(n.Pos()))
				}
			case *ast.FuncDecl:
				if n.Body == nil {
					return false
				}
				local := locals(n)
				ast.Inspect(n.Body, func(m ast.Node) bool {
					var targets []ast.Expr
					switch m := m.(type) {
					case *ast.AssignStmt:
						if m.Tok != token.DEFINE {
							targets = m.Lhs
						}
					case *ast.IncDecStmt:
						targets = []ast.Expr{m.X}
					}
					for _, e := range targets {
						if id := base(e); id != nil && !local[id.Name] {
							if at, ok := vars[variable{f.pkg, id.Name}]; ok {
								t.Errorf("%s writes to the package variable declared at %s", f.fset.Position(m.Pos()), at)
							}
						}
					}
					return true
				})
			}
			return true
		})
	}
}

func embedded(d *ast.GenDecl, v *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{d.Doc, v.Doc} {
		if doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") }) {
			return true
		}
	}
	return false
}

// mutable reports whether a variable's value is one that exists to be changed.
func mutable(v *ast.ValueSpec) bool {
	for _, value := range v.Values {
		switch e := value.(type) {
		case *ast.CompositeLit: // a table, unless it is a struct of another package with state
			if s, ok := e.Type.(*ast.SelectorExpr); ok && fromState(s) {
				return true
			}
		case *ast.CallExpr:
			if id, ok := e.Fun.(*ast.Ident); ok && (id.Name == "make" || id.Name == "new") {
				return true
			}
		case *ast.UnaryExpr:
			if e.Op == token.AND {
				return true
			}
		}
	}
	return false
}

func fromState(s *ast.SelectorExpr) bool {
	x, ok := s.X.(*ast.Ident)
	return ok && (x.Name == "sync" || x.Name == "atomic")
}

// base returns the variable that an assignment goes to.
func base(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// locals returns the names that a function declares itself, anywhere in it.
func locals(f *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	field := func(l *ast.FieldList) {
		if l == nil {
			return
		}
		for _, fd := range l.List {
			for _, n := range fd.Names {
				names[n.Name] = true
			}
		}
	}
	field(f.Recv)
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType:
			field(n.Params)
			field(n.Results)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, e := range n.Lhs {
					if id, ok := e.(*ast.Ident); ok {
						names[id.Name] = true
					}
				}
			}
		case *ast.RangeStmt:
			for _, e := range []ast.Expr{n.Key, n.Value} {
				if id, ok := e.(*ast.Ident); ok {
					names[id.Name] = true
				}
			}
		case *ast.ValueSpec:
			for _, id := range n.Names {
				names[id.Name] = true
			}
		}
		return true
	})
	return names
}

// TestSizes: the root stays small, and no file grows over 500 lines unnoticed.
func TestSizes(t *testing.T) {
	root := 0
	for _, f := range load(t) {
		b, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(f.name)))
		if err != nil {
			t.Fatal(err)
		}
		n := strings.Count(string(b), "\n")
		if f.pkg == "." {
			root += n
		}
		if n > 500 {
			t.Errorf("%s has %d lines; 500 are allowed", f.name, n)
		}
	}
	if root > 4000 {
		t.Errorf("the root package has %d lines; 4,000 are allowed", root)
	}
}
