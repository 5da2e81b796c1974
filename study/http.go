package study

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/mind/bot"
)

// HTTP is how a chatbot is called. What its texts take from the environment is filled
// in where a request is sent, and kept nowhere.
type HTTP struct {
	URL      Text
	Headers  []Header
	Body     *Template     // nil means {"session": ${room.id}, "message": ${said}}
	Reply    string        // JSON pointer to the answer; empty takes the whole reply
	Timeout  time.Duration `json:"-"`
	Parallel int           `json:"-"`

	env func(name string) (string, bool)
}

// A Header is one header of a request.
type Header struct {
	Name  string
	Value Text
}

// A Template is JSON with texts in it that are filled in.
type Template struct {
	Text   *Text      `json:",omitempty"`
	JSON   string     `json:",omitempty"` // a value that stands as it is
	List   []Template `json:",omitempty"`
	Fields []Field    `json:",omitempty"`
}

// A Field is a member of a Template that is an object.
type Field struct {
	Name  string
	Value Template
}

const (
	defaultBotTimeout  = 30 * time.Second
	defaultBotParallel = 8
)

// http reads how a chatbot is called.
func (d *decoder) http(n, assigned *node) *HTTP {
	h := &HTTP{Timeout: defaultBotTimeout, Parallel: defaultBotParallel, env: d.env}
	if n.kind == scalarNode {
		h.URL = d.wire(n, assigned)
		d.checkURL(h, n)
		return h
	}
	if n.kind != mapNode || len(n.fields) == 0 {
		d.bad.add(n.at, []string{"Such as http: {url: https://…, body: {message: \"${said}\"}, reply: /answer}."}, "expected a map, found %s", n.describe())
		return h
	}
	d.words(n, "a chatbot", httpWords)
	if v := n.get("url"); v != nil {
		h.URL = d.wire(v, assigned)
		d.checkURL(h, v)
	} else {
		d.bad.add(n.at, nil, "a chatbot needs a url")
	}
	if v := n.get("headers"); v != nil {
		if v.kind != mapNode {
			d.bad.add(v.at, []string{"Such as headers: {Authorization: \"Bearer ${env.TOKEN}\"}."}, "expected a map of headers, found %s", v.describe())
		}
		for _, f := range v.fields {
			if strings.ContainsFunc(f.key.text, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
				d.bad.add(f.key.at, nil, "a header has no name like %q", f.key.text)
				continue
			}
			t := d.wire(f.value, assigned)
			d.static(t, "a header")
			h.Headers = append(h.Headers, Header{f.key.text, t})
		}
	}
	if v := n.get("body"); v != nil {
		t := d.template(v, assigned)
		h.Body = &t
		if !t.has("said") {
			d.bad.add(v.at, []string{"Such as body: {session: \"${room.id}\", message: \"${said}\"}."}, "the body has no ${said}: the chatbot would not hear what is said to it")
		}
	}
	if v := n.get("reply"); v != nil {
		h.Reply = d.scalar(v)
		if err := bot.CheckPointer(h.Reply); err != nil {
			d.bad.add(v.at, nil, "%v", err)
		}
	}
	if v := n.get("timeout"); v != nil {
		h.Timeout = d.duration(v)
	}
	if v := n.get("parallel"); v != nil {
		c, ok := parseCount(d.scalar(v))
		if !ok {
			d.bad.add(v.at, nil, "%s, found %s", aCount, v.describe())
		}
		h.Parallel = c
	}
	return h
}

// wire reads a text that is sent to a chatbot.
func (d *decoder) wire(n, assigned *node) Text {
	t, _ := d.textAs(n, sent)
	for _, x := range t.parts {
		if x.ref == nil || x.ref[0] != "person" || x.ref[1] == "name" || assigned.get(x.ref[1]) != nil {
			continue
		}
		d.bad.add(x.at(), []string{"A chatbot has a name, and what is assigned to it."}, "the chatbot has no %q", strings.Join(x.ref[1:], "."))
	}
	return t
}

func (d *decoder) template(n, assigned *node) Template {
	var t Template
	switch n.kind {
	case listNode:
		if len(n.items) == 0 {
			t.JSON = "[]"
		}
		for _, it := range n.items {
			t.List = append(t.List, d.template(it, assigned))
		}
	case mapNode:
		if len(n.fields) == 0 {
			t.JSON = "{}"
		}
		for _, f := range n.fields {
			t.Fields = append(t.Fields, Field{f.key.text, d.template(f.value, assigned)})
		}
	case scalarNode:
		if !n.quoted && (n.text == "true" || n.text == "false" || number.MatchString(n.text)) {
			t.JSON = n.text
			break
		}
		t.Text = &Text{}
		if n.text != "" {
			*t.Text = d.wire(n, assigned)
		}
	default:
		t.JSON = "null"
	}
	return t
}

// checkURL reports an address that cannot be called.
func (d *decoder) checkURL(h *HTTP, n *node) {
	if d.bad.at(n.at) {
		return
	}
	d.static(h.URL, "the address")
	s, err := h.URL.with(h.fromEnv)
	if err != nil || s == "" {
		return // a mistake already
	}
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		d.bad.add(n.at, []string{"It begins with http:// or https://."}, "this is no address of a chatbot")
	}
}

// static reports what depends on the turn in a text that does not.
func (d *decoder) static(t Text, what string) {
	for _, x := range t.parts {
		if x.ref != nil && x.ref[0] != "env" {
			d.bad.add(x.at(), []string{"It may stand in the body."}, "${%s} is not known here: %s is the same for every turn", strings.Join(x.ref, "."), what)
		}
	}
}

func (h *HTTP) fromEnv(ref []string) (string, error) {
	if ref[0] != "env" {
		return "", fmt.Errorf("${%s} is not known here", strings.Join(ref, "."))
	}
	v, ok := h.env(ref[1])
	if !ok {
		return "", fmt.Errorf("the environment has no %s", ref[1])
	}
	return v, nil
}

// has reports whether a text of the template refers to name.
func (t *Template) has(name string) bool {
	found := false
	t.each(func(x *Text) {
		found = found || slices.ContainsFunc(x.parts, func(p part) bool { return p.ref != nil && p.ref[0] == name })
	})
	return found
}

func (t *Template) each(f func(*Text)) {
	if t.Text != nil {
		f(t.Text)
	}
	for i := range t.List {
		t.List[i].each(f)
	}
	for i := range t.Fields {
		t.Fields[i].Value.each(f)
	}
}

// render returns the JSON with every text filled in.
func (t *Template) render(value func(ref []string) (string, error)) (string, error) {
	switch {
	case t.Text != nil:
		s, err := t.Text.with(value)
		return quoteRaw(s), err
	case t.JSON != "":
		return t.JSON, nil
	}
	items := make([]string, 0, len(t.List)+len(t.Fields))
	for i := range t.List {
		s, err := t.List[i].render(value)
		if err != nil {
			return "", err
		}
		items = append(items, s)
	}
	for i := range t.Fields {
		s, err := t.Fields[i].Value.render(value)
		if err != nil {
			return "", err
		}
		items = append(items, quoteRaw(t.Fields[i].Name)+":"+s)
	}
	if t.List != nil {
		return "[" + strings.Join(items, ",") + "]", nil
	}
	return "{" + strings.Join(items, ",") + "}", nil
}

// refs returns the attributes of the chatbot that its body needs.
func (h *HTTP) refs() [][]string {
	var list [][]string
	add := func(t *Text) {
		for _, p := range t.parts {
			if p.ref != nil && p.ref[0] == "person" {
				list = append(list, p.ref)
			}
		}
	}
	if h.Body != nil {
		h.Body.each(add)
	}
	return list
}

// bot returns the chatbot of a group.
func (h *HTTP) bot(group string, proxy func(*http.Request) (*url.URL, error)) (*bot.Bot, error) {
	o := &bot.Options{Name: group, Header: http.Header{}, Reply: h.Reply, Timeout: h.Timeout, Parallel: h.Parallel, Proxy: proxy}
	var err error
	if o.URL, err = h.URL.with(h.fromEnv); err != nil {
		return nil, err
	}
	o.Secrets = h.secrets()
	if o.Shown = h.URL.String(); h.URL.refers("env") {
		if u, err := url.Parse(o.URL); err == nil {
			o.Shown += " (" + u.Host + ")"
		}
	} else {
		o.Shown = ""
	}
	for _, x := range h.Headers {
		v, err := x.Value.with(h.fromEnv)
		if err != nil {
			return nil, err
		}
		if strings.ContainsAny(v, "\r\n\x00") {
			return nil, fmt.Errorf("%s: the header %s would have a line break in it", group, x.Name)
		}
		o.Header.Add(x.Name, v)
	}
	if h.Body != nil {
		o.Body = func(t *bot.Turn) ([]byte, error) {
			s, err := h.Body.render(func(ref []string) (string, error) {
				switch ref[0] {
				case "said":
					return t.Said, nil
				case "room":
					return t.Room, nil
				case "person":
					return t.Vars[strings.Join(ref[1:], ".")], nil
				}
				return h.fromEnv(ref)
			})
			return []byte(s), err
		}
	}
	return bot.New(o)
}

// secrets are the values of the environment that the chatbot must not give away. Where
// one is an address that is called, they are its user and what its query says: host and
// path may be spoken of.
func (h *HTTP) secrets() []string {
	var list []string
	add := func(s string) {
		if len(s) >= 8 { // shorter ones are words, such as a language
			list = append(list, s)
		}
	}
	each := func(t *Text, add func(string)) {
		for _, p := range t.parts {
			if p.ref != nil && p.ref[0] == "env" {
				s, _ := h.env(p.ref[1])
				add(s)
			}
		}
	}
	each(&h.URL, func(s string) {
		parts := []string{s}
		if u, err := url.Parse(s); err == nil && u.Scheme != "" && u.Host != "" {
			password, _ := u.User.Password()
			parts = []string{u.User.Username(), password}
			for field := range strings.SplitSeq(u.RawQuery, "&") {
				_, v, _ := strings.Cut(field, "=")
				parts = append(parts, v)
			}
		}
		for _, v := range parts {
			add(v)
			if plain, err := url.QueryUnescape(v); err == nil && plain != v { // either may be said back
				add(plain)
			}
		}
	})
	for i := range h.Headers {
		each(&h.Headers[i].Value, add)
	}
	if h.Body != nil {
		h.Body.each(func(t *Text) { each(t, add) })
	}
	return list
}

// mind returns the chatbot as somebody in a room.
func (h *HTTP) mind(m llm.Model, seed uint64, who Person, room string) tinytroupe.Mind {
	b := &bot.Mind{Model: m, Room: room, Seed: seed}
	if refs := h.refs(); len(refs) > 0 {
		b.Vars = func(p tinytroupe.Persona) (map[string]string, error) {
			now := who
			now.Persona = p
			vars := map[string]string{}
			for _, ref := range refs {
				s, err := now.text(ref)
				if err != nil {
					return nil, err
				}
				vars[strings.Join(ref[1:], ".")] = s
			}
			return vars, nil
		}
	}
	return b
}

func (t Text) refers(name string) bool {
	return slices.ContainsFunc(t.parts, func(p part) bool { return p.ref != nil && p.ref[0] == name })
}
