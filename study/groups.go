package study

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
)

// chance returns a source of chance that depends on its arguments alone.
func chance(seed uint64, keys ...string) *rand.Rand {
	h := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s", seed, strings.Join(keys, "\x00")))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(h[:]), binary.LittleEndian.Uint64(h[8:])))
}

// filePeople reads people from a file, from those that a pattern fits, from those of
// a folder, or from a list of these.
func (d *decoder) filePeople(n *node) ([]tinytroupe.Persona, bool) {
	items := n.list()
	if len(items) == 0 {
		d.bad.add(n.at, nil, "expected a file or a list of files, found an empty list")
	}
	var list []tinytroupe.Persona
	known := len(items) > 0
	for _, it := range items {
		names, ok := d.fileNames(it)
		known = known && ok
		for _, name := range names {
			p, ok := d.personFile(&node{kind: scalarNode, text: strings.ReplaceAll(name, "${", "$${"), at: it.at})
			if ok {
				list = append(list, p)
			}
			known = known && ok
		}
	}
	return list, known
}

// fileNames returns the files that a name stands for.
func (d *decoder) fileNames(n *node) ([]string, bool) {
	before := len(d.bad.list)
	name := d.scalar(n)
	if len(d.bad.list) > before || name == "" {
		if name == "" && len(d.bad.list) == before {
			d.bad.add(n.at, nil, "expected a file, found nothing")
		}
		return nil, false
	}
	pattern := strings.ContainsAny(name, "*?")
	folder := !pattern && d.files.isDir(name)
	if !pattern && !folder {
		return []string{name}, true
	}
	if folder {
		pattern, name = true, path.Join(strings.ReplaceAll(name, `\`, "/"), "*.agent.json")
	}
	names, err := d.files.glob(name)
	switch {
	case err != nil:
		d.bad.add(n.at, nil, "%s: %v", name, err)
	case len(names) == 0:
		d.bad.add(n.at, []string{"Files are found relative to the study."}, "no file fits %s", d.files.shown(name))
	}
	return names, len(names) > 0
}

func (f *files) isDir(name string) bool {
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	if path.IsAbs(name) || filepath.VolumeName(name) != "" {
		return false
	}
	var info fs.FileInfo
	var err error
	if f.fsys != nil {
		info, err = fs.Stat(f.fsys, f.shown(name))
	} else {
		info, err = os.Stat(f.shown(name))
	}
	return err == nil && info.IsDir()
}

// glob returns the files that a pattern fits, relative to the study, sorted.
func (f *files) glob(pattern string) ([]string, error) {
	pattern = path.Clean(strings.ReplaceAll(pattern, `\`, "/"))
	if path.IsAbs(pattern) || filepath.VolumeName(pattern) != "" {
		return nil, errAbsolute
	}
	var found []string
	var err error
	base := f.shown(".")
	if f.fsys != nil {
		found, err = fs.Glob(f.fsys, path.Join(quoteMeta(base), pattern))
	} else {
		found, err = filepath.Glob(filepath.Join(quoteMeta(base), filepath.FromSlash(pattern)))
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range found {
		rel, err := filepath.Rel(base, name)
		if err != nil {
			return nil, err
		}
		if rel = filepath.ToSlash(rel); !f.isDir(rel) {
			names = append(names, rel)
		}
	}
	slices.Sort(names)
	return names, nil
}

// quoteMeta keeps a folder from being read as a pattern. Where \ divides paths, there
// is no way to, and none is needed as often.
func quoteMeta(name string) string {
	if filepath.Separator == '\\' {
		return name
	}
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(name)
}

// human reads who is asked at the terminal: true, a name, or what they are like.
func (d *decoder) human(n *node, group string) (tinytroupe.Persona, bool) {
	if n.kind == mapNode {
		return d.inline(n, group)
	}
	before := len(d.bad.list)
	name := d.scalar(n)
	switch strings.ToLower(name) {
	case "true", "yes", "on":
		name = group
	case "false", "no", "off", "":
		d.bad.add(n.at, nil, "expected true, a name, or a map of what the person is like, found %s", n.describe())
	}
	return tinytroupe.NewPersona(name), len(d.bad.list) == before
}

// choose leaves those of a group whom where selects, and of those as many as count
// says, drawn by chance.
func (d *decoder) choose(n *node, g *Group, source string, complete bool) {
	if v := n.get("where"); v != nil {
		d.where(v, g, complete)
	}
	v := n.get("count")
	if v == nil {
		return
	}
	c, ok := parseCount(d.scalar(v))
	switch have := len(g.People); {
	case !ok:
		d.bad.add(v.at, nil, "%s, found %s", aCount, v.describe())
	case !complete || c == have:
	case have == 1 && source != "file":
		d.bad.add(v.at, []string{"Names are unique in a study."}, "there is one person in a %s, not %d", source, c)
	case c > have:
		what := fmt.Sprintf("there are %d people", have)
		if have == 1 {
			what = "there is one person"
		}
		d.bad.add(v.at, []string{"Names are unique in a study."}, "%s in %s, not %d", what, g.Name, c)
	default:
		drawn := chance(d.study.Seed, "count", g.Name).Perm(have)[:c]
		slices.Sort(drawn)
		for i, k := range drawn {
			g.People[i] = g.People[k]
		}
		g.People = g.People[:c]
	}
}

func (d *decoder) where(v *node, g *Group, complete bool) {
	before := len(d.bad.list)
	if v.kind != mapNode || len(v.fields) == 0 {
		d.bad.add(v.at, []string{"Such as where: {age: 18..65}."}, "expected a map of attributes, found %s", v.describe())
		return
	}
	w := d.who(v)
	if !complete || len(d.bad.list) > before {
		return
	}
	var all []string
	for _, p := range g.People {
		for _, k := range p.attributes() {
			all = appendNew(all, k)
		}
	}
	for _, c := range w.Where {
		if !slices.ContainsFunc(g.People, func(p Person) bool { return p.Get(c.Attribute) != nil }) {
			d.bad.add(c.at, known("attributes", c.Attribute, all), "nobody in %s has an attribute %q", g.Name, c.Attribute)
		}
	}
	chosen := slices.DeleteFunc(slices.Clone(g.People), func(p Person) bool { return !w.matches(p) })
	if len(chosen) == 0 && len(d.bad.list) == before {
		d.bad.add(v.at, nil, "this selects nobody of the %d in %s", len(g.People), g.Name)
	}
	g.People = chosen
}

// assign deals attributes out among the people of a group: each value equally often,
// but for what is left over, in an order by chance.
func (d *decoder) assign(n *node, g *Group) {
	if n == nil {
		return
	}
	if n.kind != mapNode || len(n.fields) == 0 {
		d.bad.add(n.at, []string{"Such as assign: {tone: [warm, cold]}."}, "expected a map of attributes and lists, found %s", n.describe())
		return
	}
	for _, f := range n.fields {
		name := f.key.text
		values, err := d.list(f.value)
		if err != nil {
			if err != errSaid {
				d.bad.add(f.value.at, nil, "%v", err)
			}
			continue
		}
		if strings.Contains(name, ".") || !refName.MatchString(name) {
			d.bad.add(f.key.at, nil, "an assigned attribute's name is letters, digits, - and _")
			continue
		}
		if i := slices.IndexFunc(g.People, func(p Person) bool { return p.Persona.Get(name) != nil }); i >= 0 {
			d.bad.add(f.key.at, []string{"Call the assigned attribute something else."}, "%s has an attribute %s already", g.People[i].Name(), name)
			continue
		}
		r := chance(d.study.Seed, "assign", g.Name, name)
		var deal []int
		for i := range g.People {
			if len(deal) == 0 {
				deal = r.Perm(len(values))
			}
			p := &g.People[i]
			if p.Assigned == nil {
				p.Assigned = map[string]any{}
			}
			p.Assigned[name], deal = values[deal[0]], deal[1:]
		}
	}

}

// errSaid stands for a mistake that has been reported.
var errSaid = errors.New("reported")

// list reads a list: as it stands, {rows: a.csv}, the name of a variable that is one,
// or a column of its rows.
func (d *decoder) list(n *node) ([]any, error) {
	before := len(d.bad.list)
	var v any
	if n.kind == scalarNode {
		name := strings.TrimSpace(d.scalar(n))
		if len(d.bad.list) > before {
			return nil, errSaid
		}
		var err error
		if v, err = d.variable(name, n); err != nil {
			return nil, err
		}
	} else if v = d.value(n); len(d.bad.list) > before {
		return nil, errSaid
	}
	l, ok := v.([]any)
	switch {
	case !ok:
		return nil, fmt.Errorf("expected a list, found %s", kindOf(v))
	case l == nil:
		return nil, errSaid // of a table that could not be read
	case len(l) == 0:
		return nil, errors.New("the list is empty")
	}
	return l, nil
}

// variable returns the variable of that name, a part of one, or a column of rows.
func (d *decoder) variable(name string, n *node) (any, error) {
	path := strings.Split(name, ".")
	v, ok := d.study.Vars[path[0]]
	if !ok {
		d.missing++
		d.bad.add(n.at, known("variables", path[0], d.varNames()), "there is no variable %q", path[0])
		return nil, errSaid
	}
	for i, key := range path[1:] {
		switch x := v.(type) {
		case map[string]any:
			if v, ok = x[key]; !ok {
				d.bad.add(n.at, known("it has", key, sortedKeys(x)), "%s has no %q", strings.Join(path[:i+1], "."), key)
				return nil, errSaid
			}
		case []any:
			if x == nil {
				return x, nil // of a table that could not be read
			}
			column := make([]any, len(x))
			for k, item := range x {
				m, isMap := item.(map[string]any)
				if column[k], ok = m[key]; !ok {
					var has []string
					if isMap {
						has = sortedKeys(m)
					}
					d.bad.add(n.at, known("they have", key, has), "item %d of %s has no %q", k+1, strings.Join(path[:i+1], "."), key)
					return nil, errSaid
				}
			}
			v = column
		default:
			return nil, fmt.Errorf("%s is %s: it has no %q", strings.Join(path[:i+1], "."), kindOf(v), key)
		}
	}
	return v, nil
}
