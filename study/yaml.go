package study

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a study file may be at most; far more than people write.
const (
	mostBytes = 1 << 20
	mostDepth = 64
	mostNodes = 100_000
)

type nodeKind uint8

const (
	nullNode nodeKind = iota
	scalarNode
	mapNode
	listNode
)

func (k nodeKind) String() string {
	return [...]string{"nothing", "a text", "a map", "a list"}[k]
}

// A node is a YAML value as it was written: scalars keep their spelling.
type node struct {
	kind   nodeKind
	text   string // of a scalar
	quoted bool   // a scalar in quotes or a block
	flow   bool   // a map or list in brackets
	at     place
	last   int // line on which a plain scalar ends
	fields []field
	items  []*node
	size   int // nodes in it, aliases expanded
}

type field struct{ key, value *node }

// get returns the value of a field, nil where there is none.
func (n *node) get(key string) *node {
	if n != nil {
		for _, f := range n.fields {
			if f.key.text == key {
				return f.value
			}
		}
	}
	return nil
}

// list returns the items of a list, or the one that stands for itself.
func (n *node) list() []*node {
	if n.kind == listNode {
		return n.items
	}
	return []*node{n}
}

// describe says what a node is, with its text where that is short.
func (n *node) describe() string {
	if (n.kind == mapNode && len(n.fields) == 0) || (n.kind == listNode && len(n.items) == 0) {
		return "an empty " + n.kind.String()[2:]
	}
	if n.kind == scalarNode && utf8.RuneCountInString(n.text) <= 40 {
		return fmt.Sprintf("%q", n.text)
	}
	return n.kind.String()
}

// found is describe for a value that reads s once its variables are filled in.
func (n *node) found(s string) string {
	if n.kind == scalarNode && s != n.text {
		return fmt.Sprintf("%q, from %s", s, n.text)
	}
	return n.describe()
}

// parseYAML reads one document. It goes on after the mistakes that it can see
// through, so as to report as many as possible; the node is nil where nothing
// could be read.
func parseYAML(src *source, bad *mistakes) *node {
	if p, problem := unreadable(src); problem != "" {
		bad.add(p, nil, "%s", problem)
		return nil
	}
	lines := slices.Clone(src.lines)
	last := -1
	for range 100 {
		file, err := parseTokens(src, lines, bad)
		if err == nil {
			return (&builder{src: src, bad: bad, anchors: map[string]*node{}}).document(file)
		}
		p, problem := syntaxError(src, err)
		if p.line > 0 && p.line == last || !explain(src, lines, p, problem, bad, last) {
			return nil
		}
		last = p.line
	}
	return nil
}

// unreadable finds what no parser should be given.
func unreadable(src *source) (place, string) {
	if len(src.text) > mostBytes {
		return place{src: src}, fmt.Sprintf("the file is larger than %d KiB; long texts can stand in files of their own: {file: a.md}", mostBytes>>10)
	}
	for i, line := range src.lines {
		if !utf8.ValidString(line) {
			col := utf8.RuneCountInString(line[:len(line)-len(strings.TrimLeftFunc(line, func(r rune) bool { return r != utf8.RuneError }))]) + 1
			return place{src, i + 1, col, 1}, "the file is not UTF-8"
		}
		if j := strings.IndexFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f || r == '\ufeff' }); j >= 0 {
			return place{src, i + 1, utf8.RuneCountInString(line[:j]) + 1, 1}, "a control character"
		}
	}
	return place{}, ""
}

// parseTokens parses lines, from which it first takes the tags, each a mistake.
func parseTokens(src *source, lines []string, bad *mistakes) (file *ast.File, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("not YAML") // the parser's own failing
		}
	}()
	tokens := lexer.Tokenize(strings.Join(lines, "\n"))
	if tk := tooDeep(tokens); tk != nil {
		return nil, &yaml.SyntaxError{Message: "nested too deeply", Token: tk}
	}
	tags := false
	for _, tk := range tokens {
		if tk.Type == token.TagType {
			tags = untag(src, lines, tk, bad) || tags
		}
	}
	if tags {
		tokens = lexer.Tokenize(strings.Join(lines, "\n"))
	}
	return parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
}

// untag reports a tag, and makes plain text of it.
func untag(src *source, lines []string, tk *token.Token, bad *mistakes) bool {
	n, col := tk.Position.Line, tk.Position.Column
	if n < 1 || n > len(lines) {
		return false
	}
	line := []rune(lines[n-1])
	if col < 1 || col > len(line) || line[col-1] != '!' {
		return false
	}
	text := string(line[col-1:])
	if m := entry.FindStringSubmatch(string(line)); m == nil || m[3] != text {
		text = tk.Value
	}
	bad.add(place{src, n, col, utf8.RuneCountInString(tk.Value)}, []string{"Put it in quotes: " + quote(strings.TrimRight(text, " "))}, "%s is a tag, not part of the text", tk.Value)
	for i := col - 1; i < len(line) && line[i] == '!'; i++ {
		line[i] = 'x'
	}
	lines[n-1] = string(line)
	return true
}

// tooDeep guards the parser, which recurses.
func tooDeep(tokens token.Tokens) *token.Token {
	flow, row, line := 0, 0, 0
	for _, tk := range tokens {
		if tk.Position.Line != line {
			row, line = 0, tk.Position.Line
		}
		switch tk.Type {
		case token.SequenceStartType, token.MappingStartType:
			flow++
		case token.SequenceEndType, token.MappingEndType:
			flow--
		case token.SequenceEntryType, token.MappingKeyType, token.TagType, token.AnchorType:
			row++
		}
		if flow > mostDepth || row > mostDepth {
			return tk
		}
	}
	return nil
}

// A builder turns the parser's tree into nodes.
type builder struct {
	src     *source
	bad     *mistakes
	anchors map[string]*node
	nodes   int
	full    bool
}

func (b *builder) document(file *ast.File) *node {
	var root *node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.DirectiveType {
			continue
		}
		if root != nil {
			b.bad.add(b.node(doc.Body, place{}, 0).at, nil, "a second document: a study is one")
			return root
		}
		root = b.node(doc.Body, place{}, 0)
	}
	return root
}

// place returns where a token is: its first line.
func (b *builder) place(tk *token.Token) place {
	if tk == nil || tk.Position == nil {
		return place{src: b.src}
	}
	first, _, _ := strings.Cut(strings.TrimSpace(tk.Origin), "\n")
	p := place{b.src, tk.Position.Line, tk.Position.Column, max(1, utf8.RuneCountInString(strings.TrimSpace(first)))}
	p.line = min(max(p.line, 1), len(b.src.lines))
	p.col = max(p.col, 1)
	return p
}

// node builds n. above is the place of the key that n belongs to, for what has none.
func (b *builder) node(n ast.Node, above place, depth int) *node {
	none := &node{at: above, size: 1}
	b.nodes++
	if n == nil || b.full {
		return none
	}
	out := &node{at: b.place(n.GetToken()), size: 1}
	if depth > mostDepth || b.nodes > mostNodes {
		b.full = true
		b.bad.add(out.at, nil, "the file is nested too deeply, or holds too much")
		return none
	}
	switch n := n.(type) {
	case *ast.NullNode:
		if tk := n.GetToken(); strings.TrimSpace(tk.Origin) != "" && tk.Type == token.NullType {
			out.text = tk.Value // the word null
			return out
		}
		return none
	case *ast.StringNode:
		out.kind, out.text = scalarNode, n.Token.Value
		out.quoted = n.Token.Type != token.StringType
		out.last = out.at.line + strings.Count(strings.TrimSpace(n.Token.Origin), "\n")
	case *ast.LiteralNode:
		out.kind, out.quoted = scalarNode, true
		if n.Value != nil {
			out.text = n.Value.Token.Value
		}
	case *ast.MappingNode:
		out.kind, out.flow = mapNode, n.IsFlowStyle
		b.fields(out, n.Values, depth)
	case *ast.MappingValueNode:
		out.kind, out.flow = mapNode, n.IsFlowStyle
		b.fields(out, []*ast.MappingValueNode{n}, depth)
	case *ast.SequenceNode:
		out.kind, out.flow = listNode, n.IsFlowStyle
		for _, v := range n.Values {
			it := b.node(v, out.at, depth+1)
			out.items = append(out.items, it)
			out.size += it.size
		}
	case *ast.AnchorNode:
		v := b.node(n.Value, out.at, depth+1)
		if n.Name != nil {
			b.anchors[n.Name.GetToken().Value] = v
		}
		return v
	case *ast.AliasNode:
		return b.alias(n, out.at)
	case ast.ScalarNode: // numbers, true and false, as they are spelled
		out.kind, out.text = scalarNode, strings.TrimSpace(n.GetToken().Value)
	default:
		b.bad.add(out.at, nil, "expected a text, a list or a map")
		return none
	}
	return out
}

func (b *builder) fields(out *node, values []*ast.MappingValueNode, depth int) {
	for i, v := range values {
		key := b.node(v.Key, out.at, depth+1)
		if i == 0 && !out.flow {
			out.at = key.at
		}
		if key.kind != scalarNode {
			b.bad.add(key.at, nil, "expected a key that is one word or phrase")
			continue
		}
		if v.Key.IsMergeKey() {
			b.bad.add(key.at, nil, "<< is not used in studies")
			continue
		}
		value := b.node(v.Value, key.at, depth+1)
		out.size += key.size + value.size
		if old := slices.IndexFunc(out.fields, func(f field) bool { return f.key.text == key.text }); old >= 0 {
			b.bad.add(key.at, []string{fmt.Sprintf("The first is on line %d.", out.fields[old].key.at.line)}, "%q is here twice", key.text)
			continue
		}
		out.fields = append(out.fields, field{key, value})
	}
}

func (b *builder) alias(n *ast.AliasNode, at place) *node {
	name := ""
	if n.Value != nil {
		name = n.Value.GetToken().Value
	}
	at.width = 1 + utf8.RuneCountInString(name)
	v, ok := b.anchors[name]
	if !ok {
		b.bad.add(at, []string{"Put a text that begins with * in quotes."}, "*%s refers to nothing", name)
		return &node{kind: scalarNode, text: "*" + name, quoted: true, at: at, size: 1}
	}
	if b.nodes += v.size; b.nodes > mostNodes {
		b.full = true
		b.bad.add(at, nil, "the file is nested too deeply, or holds too much")
		return &node{at: at, size: 1}
	}
	return v
}
