package record

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe/llm"
)

// Model returns a model that answers from the record alone, as the model of that name
// did under any of the identities (see [llm.Identified] and [Manifest.Identified]) that it
// had, bad replies, refusals and failures included. What it was not asked is a
// [*DivergenceError] that says what of the prompt is not as it was.
func (p *Replay) Model(name string, identities ...string) llm.Model {
	return &recorded{p, name, identities}
}

type recorded struct {
	p          *Replay
	name       string
	identities []string // the latest last
}

func (m *recorded) Name() string { return m.name }

func (m *recorded) Identity() string {
	if n := len(m.identities); n > 0 {
		return m.identities[n-1]
	}
	return m.name
}

func (m *recorded) Generate(_ context.Context, req *llm.Request) (*llm.Response, error) {
	for _, key := range m.keys(req) {
		resp, ok, err := m.p.calls.Get(key)
		if err == nil && !ok {
			resp, err = m.p.calls.bad(key)
		}
		if err != nil {
			return nil, err
		}
		if resp != nil {
			resp.Call, resp.Cached = key, true
			return resp, nil
		}
	}
	return nil, m.p.calls.changed(req)
}

// keys returns the keys that a request can have had, the likeliest first. Where the model
// was asked the same under several identities, one reply was cut off: what stands in a
// journal was not, and of the others the latest is the one that the run went on with.
func (m *recorded) keys(req *llm.Request) []string {
	var list []string
	for _, id := range slices.Backward(m.identities) {
		list = append(list, llm.Key(id, req))
	}
	if len(list) < 2 {
		return list
	}
	stands := m.p.keys()
	slices.SortStableFunc(list, func(a, b string) int {
		switch {
		case stands[a] == stands[b]:
			return 0
		case stands[a]:
			return -1
		}
		return 1
	})
	return list
}

// bad returns the newest reply to a key that was of no use, which its asker then had
// repaired, or the error in its place; neither where there is none.
func (c *Calls) bad(key string) (*llm.Response, error) {
	list, err := c.ByKey(key)
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Backward(list) {
		switch e.Outcome {
		case llm.Invalid, llm.Truncated:
			text, err := c.Reply(e.ID)
			return &llm.Response{Text: text, Finish: e.Finish, Usage: e.Usage, Model: e.Served}, err
		case llm.Refused:
			return nil, &refusedBefore{e.Err}
		case llm.Failed:
			return nil, &failedBefore{e.Err}
		}
	}
	return nil, nil
}

// refusedBefore is a refusal in the run that is made again, in its words.
type refusedBefore struct{ text string }

func (e *refusedBefore) Error() string { return e.text }
func (e *refusedBefore) Unwrap() error { return llm.ErrFiltered }

// changed says what of a request is not as it was in the call that is most like it.
func (c *Calls) changed(req *llm.Request) error {
	l := req.Label
	e := &DivergenceError{Step: l.Step, Person: l.Person, Field: l.Purpose, Is: "a call that the record does not have"}
	is, err := c.flat(req)
	if err != nil {
		return err
	}
	list, err := collect(c.entries("WHERE person = ? AND step = ? AND purpose = ?", l.Person, l.Step, l.Purpose))
	if err != nil {
		return err
	}
	best := -1
	for _, old := range list {
		r, err := c.Request(old.ID)
		if err != nil {
			return err
		}
		was, err := c.flat(r)
		if err != nil {
			return err
		}
		field, a, b, same := firstOf(was, is)
		if same > best && field != "" {
			best, e.Field, e.Was, e.Is = same, "prompt: "+field, a, b
		}
	}
	return e
}

// piece is a part of a request.
type piece struct{ name, text string }

func (c *Calls) flat(req *llm.Request) ([]piece, error) {
	list := []piece{{"system", req.System}}
	for i, m := range req.Messages {
		var b strings.Builder
		for _, p := range m.Parts {
			b.WriteString(p.Text)
			if p.Image != nil {
				fmt.Fprintf(&b, "[%s %s]", p.Image.MediaType, Hash(p.Image.Data))
			}
		}
		list = append(list, piece{fmt.Sprintf("message %d (%s)", i+1, m.Role), b.String()})
	}
	r := *req
	r.System, r.Messages = "", nil
	set, err := json.Marshal(&settings{r.Schema, r.Temperature, r.TopP, r.MaxTokens, r.Effort, r.Stop, r.Draw})
	return append(list, piece{"settings", string(set)}), err
}

// firstOf returns the first piece that differs, what stands around the difference, and
// how many bytes are the same before it.
func firstOf(was, is []piece) (field, a, b string, same int) {
	for i := range max(len(was), len(is)) {
		var x, y piece
		if i < len(was) {
			x = was[i]
		}
		if i < len(is) {
			y = is[i]
		}
		if x == y {
			same += len(x.text)
			continue
		}
		n := common(x.text, y.text)
		return cmp.Or(y.name, x.name), around(x.text, n), around(y.text, n), same + n
	}
	return "", "", "", same
}
