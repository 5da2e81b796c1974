package record

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// hash names a text or a prompt.
type hash [16]byte

func hashOf(parts ...[]byte) hash {
	h := sha256.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hash(h.Sum(nil)[:16])
}

type text struct {
	hash hash
	body string
}

func newText(s string) text {
	sum := sha256.Sum256([]byte(s))
	return text{hash(sum[:16]), s}
}

// node is one message of a prompt; its hash covers all before it.
type node struct {
	hash hash
	role string
	text text
}

// prompt is a request as it is stored.
type prompt struct {
	nodes    []node
	settings text
	images   []text
}

// settings are what a request holds besides the prompt.
type settings struct {
	Schema      *llm.Schema `json:"schema,omitempty"`
	Temperature *float64    `json:"temperature,omitempty"`
	TopP        *float64    `json:"top_p,omitempty"`
	MaxTokens   int         `json:"max_tokens,omitempty"`
	Effort      string      `json:"effort,omitempty"`
	Stop        []string    `json:"stop,omitempty"`
	Draw        int         `json:"draw,omitempty"`
}

// part is a part of a message that is not plain text alone.
type part struct {
	Text      string `json:"text,omitempty"`
	MediaType string `json:"media_type,omitempty"`
	Image     []byte `json:"image,omitempty"` // hash
}

const roleSystem = "system"

func newPrompt(req *llm.Request) (*prompt, error) {
	p := &prompt{nodes: make([]node, 0, len(req.Messages)+1)}
	set, err := marshal(&settings{req.Schema, req.Temperature, req.TopP, req.MaxTokens, req.Effort, req.Stop, req.Draw}, "")
	if err != nil {
		return nil, err
	}
	p.settings = newText(string(set))
	if req.System != "" {
		p.add(roleSystem, req.System)
	}
	for i := range req.Messages {
		m := &req.Messages[i]
		if len(m.Parts) == 1 && m.Parts[0].Image == nil {
			p.add(string(m.Role), m.Parts[0].Text)
			continue
		}
		parts := make([]part, len(m.Parts))
		for i, q := range m.Parts {
			parts[i].Text = q.Text
			if q.Image != nil {
				im := newText(string(q.Image.Data))
				p.images = append(p.images, im)
				parts[i].MediaType, parts[i].Image = q.Image.MediaType, im.hash[:]
			}
		}
		b, err := marshal(parts, "")
		if err != nil {
			return nil, err
		}
		p.add(string(m.Role)+"+", string(b))
	}
	return p, nil
}

func (p *prompt) add(role, body string) {
	var parent []byte
	if n := len(p.nodes); n > 0 {
		parent = p.nodes[n-1].hash[:]
	}
	t := newText(body)
	p.nodes = append(p.nodes, node{hashOf(parent, []byte(role), t.hash[:]), role, t})
}

// textStore is what the writer remembers of what it has stored, so that it need not
// look. All of it may be forgotten at any time.
type textStore struct {
	known map[hash]bool // of texts and prompts
	first map[hash]text // of each prompt, the first message that followed it
	comp  *flate.Writer
	buf   bytes.Buffer
}

const (
	mostKnown = 1 << 16
	mostFirst = 1 << 9
)

func (s *textStore) reset() {
	s.known, s.first = map[hash]bool{}, map[hash]text{}
}

func (s *textStore) note(h hash) {
	if len(s.known) >= mostKnown {
		clear(s.known)
	}
	s.known[h] = true
}

// has looks for a text or prompt with one of the statements for that.
func (c *Calls) has(stmt *sql.Stmt, h hash) (bool, error) {
	if c.texts.known[h] {
		return true, nil
	}
	var one int
	err := stmt.QueryRow(h[:]).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err == nil {
		c.texts.note(h)
	}
	return err == nil, err
}

// putPrompt stores what is new of a prompt, from the longest part that is known on,
// and returns the last node; nil for an empty prompt.
func (c *Calls) putPrompt(p *prompt) ([]byte, error) {
	if _, err := c.putText(&p.settings, nil); err != nil {
		return nil, err
	}
	for i := range p.images {
		if _, err := c.putText(&p.images[i], nil); err != nil {
			return nil, err
		}
	}
	n := len(p.nodes)
	if n == 0 {
		return nil, nil
	}
	at := n
	for ; at > 0; at-- {
		found, err := c.has(c.stmts.hasPrompt, p.nodes[at-1].hash)
		if err != nil {
			return nil, err
		}
		if found {
			break
		}
	}
	for i := at; i < n; i++ {
		nd := &p.nodes[i]
		var up hash // zero before the first
		var parent []byte
		if i > 0 {
			up = p.nodes[i-1].hash
			parent = up[:]
		}
		// A message as it is kept begins as it was sent, with a tail, a call before;
		// and the system prompts of different people begin alike.
		var base *text
		if first, ok := c.texts.first[up]; ok {
			base = &first
		}
		added, err := c.putText(&nd.text, base)
		if err != nil {
			return nil, err
		}
		if added && base == nil { // so that what others refer to refers to nothing
			if len(c.texts.first) >= mostFirst {
				clear(c.texts.first)
			}
			c.texts.first[up] = nd.text
		}
		if _, err := c.stmts.addPrompt.Exec(nd.hash[:], parent, nd.role, nd.text.hash[:]); err != nil {
			return nil, err
		}
		c.texts.note(nd.hash)
	}
	return p.nodes[n-1].hash[:], nil
}

// putText stores a text once and reports whether it was new. What it has in common
// with base, which has none itself, is not stored again.
func (c *Calls) putText(t *text, base *text) (added bool, err error) {
	found, err := c.has(c.stmts.hasText, t.hash)
	if err != nil || found {
		return false, err
	}
	const worth = 64 // bytes, less than which is not worth a reference
	var from []byte
	shared := 0
	if base != nil {
		for shared < min(len(t.body), len(base.body)) && t.body[shared] == base.body[shared] {
			shared++
		}
		if shared < worth {
			shared = 0
		} else {
			from = base.hash[:]
		}
	}
	rest, packed := []byte(t.body[shared:]), 0
	if len(rest) > 2*worth {
		b, err := c.texts.pack(rest)
		if err != nil {
			return false, err
		}
		if len(b) < len(rest) {
			rest, packed = b, 1
		}
	}
	if _, err := c.stmts.addText.Exec(t.hash[:], from, shared, packed, rest); err != nil {
		return false, err
	}
	c.texts.note(t.hash)
	return true, nil
}

// pack compresses; the result is valid until the next call.
func (s *textStore) pack(b []byte) ([]byte, error) {
	s.buf.Reset()
	var err error
	if s.comp == nil {
		s.comp, err = flate.NewWriter(&s.buf, flate.DefaultCompression)
	} else {
		s.comp.Reset(&s.buf)
	}
	if err == nil {
		_, err = s.comp.Write(b)
	}
	if err == nil {
		err = s.comp.Close()
	}
	return s.buf.Bytes(), err
}

// storedText is a row of texts.
type storedText struct {
	base   []byte
	shared int
	packed int
	rest   []byte
}

// text returns a stored text.
func (c *Calls) text(h []byte) (string, error) {
	if h == nil {
		return "", nil
	}
	var t storedText
	if err := c.getText.QueryRow(h).Scan(&t.base, &t.shared, &t.packed, &t.rest); err != nil {
		return "", fmt.Errorf("text %x: %w", h, err)
	}
	return c.restore(h, &t)
}

// restore puts a text together, which must have the hash it is named by. The base of
// a text is never one that has a base.
func (c *Calls) restore(h []byte, t *storedText) (string, error) {
	rest, err := c.unpack(t)
	if err == nil && t.base != nil {
		var b storedText
		var base []byte
		if err = c.getText.QueryRow(t.base).Scan(&b.base, &b.shared, &b.packed, &b.rest); err == nil {
			base, err = c.unpack(&b)
		}
		if err == nil {
			rest = slices.Concat(base[:max(0, min(t.shared, len(base)))], rest)
		}
	}
	body := string(rest)
	if name := newText(body).hash; err == nil && !bytes.Equal(name[:], h) {
		err = errors.New("damaged")
	}
	if err != nil {
		return "", fmt.Errorf("text %x: %w", h, err)
	}
	return body, nil
}

func (c *Calls) unpack(t *storedText) ([]byte, error) {
	if t.packed == 0 {
		return t.rest, nil
	}
	r, _ := c.inflate.Get().(io.ReadCloser)
	if r == nil {
		r = flate.NewReader(nil)
	}
	defer c.inflate.Put(r)
	// flate.NewReader promises a Resetter.
	if err := r.(flate.Resetter).Reset(bytes.NewReader(t.rest), nil); err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// request puts a request together again.
func (c *Calls) request(promptHash, settingsHash []byte) (*llm.Request, error) {
	body, err := c.text(settingsHash)
	if err != nil {
		return nil, err
	}
	var s settings
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	req := &llm.Request{Schema: s.Schema, Temperature: s.Temperature, TopP: s.TopP, MaxTokens: s.MaxTokens, Effort: s.Effort, Stop: s.Stop, Draw: s.Draw}
	// A parent is stored before its children, so a chain is never longer than the table.
	for h := promptHash; h != nil; {
		var parent, textHash []byte
		var role string
		if err := c.read.QueryRow(`SELECT parent, role, text FROM prompts WHERE hash = ?`, h).Scan(&parent, &role, &textHash); err != nil {
			return nil, fmt.Errorf("prompt %x: %w", h, err)
		}
		body, err := c.text(textHash)
		if err != nil {
			return nil, err
		}
		if role == roleSystem {
			req.System = body
		} else {
			m, err := c.message(role, body)
			if err != nil {
				return nil, err
			}
			req.Messages = append(req.Messages, m)
		}
		h = parent
	}
	slices.Reverse(req.Messages)
	return req, nil
}

func (c *Calls) message(role, body string) (llm.Message, error) {
	plain, ok := strings.CutSuffix(role, "+")
	if !ok {
		return llm.Text(llm.Role(role), body), nil
	}
	var parts []part
	if err := json.Unmarshal([]byte(body), &parts); err != nil {
		return llm.Message{}, fmt.Errorf("message: %w", err)
	}
	m := llm.Message{Role: llm.Role(plain), Parts: make([]llm.Part, len(parts))}
	for i, p := range parts {
		m.Parts[i].Text = p.Text
		if p.Image != nil {
			data, err := c.text(p.Image)
			if err != nil {
				return m, err
			}
			m.Parts[i].Image = &llm.Image{MediaType: p.MediaType, Data: []byte(data)}
		}
	}
	return m, nil
}
