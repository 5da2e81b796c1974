package judge

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/agreement"
	"github.com/tinytroupe-go/tinytroupe/internal/drain"
)

//go:embed testdata/gold/*.jsonl
var goldFiles embed.FS

// An Item is a short transcript with a claim and the verdict that people hold to be
// right.
type Item struct {
	ID          string              `json:"id"`
	Proposition string              `json:"proposition,omitempty"` // of the library; or
	Claim       string              `json:"claim,omitempty"`       // a claim of its own
	Vars        map[string]string   `json:"vars,omitempty"`
	Subject     string              `json:"subject,omitempty"` // a person; empty for the room
	Persona     *tinytroupe.Persona `json:"persona,omitempty"`

	// Lines such as "Ann: words said", "Ann thinks: words", or "USER: words" from outside.
	Transcript []string `json:"transcript"`
	Proposed   []string `json:"proposed,omitempty"` // the same, of what the subject may do next

	Verdict Outcome `json:"verdict"` // Holds, DoesNotHold or NotApplicable
	Why     string  `json:"why"`     // for people, not shown to the judge
}

// Gold returns the gold set that comes with the package. It was written for it, in
// English, with clear cases only: a judge that fails it is of no use, and one that
// passes may still fail on hard ones.
func Gold() ([]Item, error) {
	entries, err := goldFiles.ReadDir("testdata/gold")
	if err != nil {
		return nil, err
	}
	var items []Item
	for _, e := range entries {
		b, err := goldFiles.ReadFile(path.Join("testdata/gold", e.Name()))
		if err != nil {
			return nil, err
		}
		some, err := ReadItems(bytes.NewReader(b))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		items = append(items, some...)
	}
	return items, nil
}

// ReadItems reads a gold set of one's own: an item in JSON on each line. Empty lines do
// not count. An error names the line.
func ReadItems(r io.Reader) ([]Item, error) {
	var items []Item
	seen := map[string]bool{}
	scan := bufio.NewScanner(r)
	scan.Buffer(nil, 16<<20)
	for n := 1; scan.Scan(); n++ {
		if len(bytes.TrimSpace(scan.Bytes())) == 0 {
			continue
		}
		var it Item
		d := json.NewDecoder(bytes.NewReader(scan.Bytes()))
		d.DisallowUnknownFields()
		err := d.Decode(&it)
		if err == nil {
			_, _, err = it.compile()
		}
		if err == nil && (it.ID == "" || seen[it.ID]) {
			err = fmt.Errorf("its id %q is empty or taken", it.ID)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		seen[it.ID] = true
		items = append(items, it)
	}
	return items, scan.Err()
}

// compile returns what is to be judged.
func (it *Item) compile() (*Proposition, *Subject, error) {
	p := &Proposition{Claim: it.Claim}
	switch {
	case (it.Proposition == "") == (it.Claim == ""):
		return nil, nil, errors.New("an item has either a proposition or a claim")
	case it.Proposition != "":
		if p = Find(it.Proposition); p == nil {
			return nil, nil, fmt.Errorf("the library has no proposition %q", it.Proposition)
		}
	}
	if !slices.Contains([]Outcome{Holds, DoesNotHold, NotApplicable}, it.Verdict) {
		return nil, nil, fmt.Errorf("the verdict is %q; it is %q, %q or %q", it.Verdict, Holds, DoesNotHold, NotApplicable)
	}
	p = p.With(it.Vars)
	s := &Subject{Name: it.Subject}
	if s.Name == "" {
		s.Name, s.World = "the room", true
	}
	if it.Persona != nil {
		s.Personas = []tinytroupe.Persona{*it.Persona}
	}
	var events []tinytroupe.Event
	for i, line := range it.Transcript {
		ev, err := event(line)
		if err != nil {
			return nil, nil, err
		}
		ev.Seq = i + 1
		events = append(events, ev)
	}
	if len(events) == 0 {
		return nil, nil, errors.New("the transcript is empty")
	}
	s.Rooms = []Room{{Events: slices.Values(events)}}
	for _, line := range it.Proposed {
		ev, err := event(line)
		if err != nil || ev.Action == nil || ev.Who != it.Subject {
			return nil, nil, fmt.Errorf("%q is no act that %s may do", line, s.Name)
		}
		s.Proposed = append(s.Proposed, *ev.Action)
	}
	_, err := p.claim(s)
	return p, s, err
}

// event reads a line of an item's transcript.
func event(line string) (tinytroupe.Event, error) {
	who, words, ok := strings.Cut(line, ": ")
	if !ok || who == "" || words == "" {
		return tinytroupe.Event{}, fmt.Errorf(`%q is not like "Ann: words", "Ann thinks: words" or "USER: words"`, line)
	}
	everyone := []string{tinytroupe.Everyone}
	if who == "USER" {
		return tinytroupe.Event{Kind: tinytroupe.EventPerceived, To: everyone, Stimulus: &tinytroupe.Stimulus{Kind: tinytroupe.Conversation, Content: words}}, nil
	}
	if name, ok := strings.CutSuffix(who, " thinks"); ok {
		return tinytroupe.Event{Kind: tinytroupe.EventActed, Who: name, Action: &tinytroupe.Action{Kind: tinytroupe.Think, Content: words}}, nil
	}
	return tinytroupe.Event{Kind: tinytroupe.EventActed, Who: who, To: everyone, Action: &tinytroupe.Action{Kind: tinytroupe.Talk, Content: words}}, nil
}

// A Report tells how far a judge's verdicts agree with those of a gold set.
type Report struct {
	Items   []Item
	Got     []*Verdict // one for each item, in order; nil where it was not asked
	Summary Summary    // of Got
	Correct int        // items with the right verdict

	// Table compares the verdicts with the gold set on the items that the judge came to
	// a verdict on. What it came to none on is in Summary, and counts as wrong in
	// Accuracy.
	Table Table
}

// A Table tells how far two judgements of the same things agree, with Cohen's kappa.
type Table = agreement.Table

// Agreement has a judge check each item of a gold set. The error is that of [Each]; the
// report tells what was judged until then.
func Agreement(ctx context.Context, j *Judge, items []Item) (*Report, error) {
	r := &Report{Items: items, Got: make([]*Verdict, len(items))}
	err := drain.Each(ctx, 0, len(items), func(ctx context.Context, i int) error {
		p, s, err := items[i].compile()
		var v *Verdict
		if err == nil {
			v, err = j.Check(ctx, p, s)
		}
		if err != nil {
			return fmt.Errorf("item %s: %w", items[i].ID, err)
		}
		r.Got[i] = v
		return nil
	})
	r.Summary = Summarize(r.Got)
	var want, got []string
	for i, v := range r.Got {
		if v == nil || !v.Outcome.Judged() {
			continue
		}
		want, got = append(want, string(items[i].Verdict)), append(got, string(v.Outcome))
		if v.Outcome == items[i].Verdict {
			r.Correct++
		}
	}
	r.Table = agreement.Compare(want, got)
	return r, err
}

// Accuracy is the share of all items asked with the right verdict; false where a
// stand-in judged, or nothing was asked.
func (r *Report) Accuracy() (float64, bool) {
	asked := r.Summary.Asked - r.Summary.Skipped
	if asked == 0 || r.Summary.NotJudged > 0 {
		return 0, false
	}
	return float64(r.Correct) / float64(asked), true
}

// String tells the report in a few lines: accuracy, kappa, how it ended, and which
// verdict was given for which.
func (r *Report) String() string {
	var b strings.Builder
	asked := r.Summary.Asked - r.Summary.Skipped
	if a, ok := r.Accuracy(); ok {
		fmt.Fprintf(&b, "accuracy %.2f (%d of %d right)\n", a, r.Correct, asked)
	} else {
		b.WriteString("accuracy: not judged\n")
	}
	if k, ok := r.Table.Kappa(); ok {
		e, _ := r.Table.Error()
		fmt.Fprintf(&b, "kappa %.2f, standard error %.2f (on %d verdicts)\n", k, e, r.Table.N)
	} else {
		fmt.Fprintf(&b, "kappa: not defined (on %d verdicts)\n", r.Table.N)
	}
	fmt.Fprintf(&b, "%s\n", r.Summary.String())
	kinds := []Outcome{Holds, DoesNotHold, NotApplicable}
	fmt.Fprintf(&b, "%-16s%8s%16s%16s%12s\n", "right verdict", kinds[0], kinds[1], kinds[2], "no verdict")
	for _, want := range kinds {
		n := map[Outcome]int{}
		for i, v := range r.Got {
			if v == nil || r.Items[i].Verdict != want {
				continue
			}
			o := v.Outcome
			if !o.Judged() {
				o = Failed
			}
			n[o]++
		}
		fmt.Fprintf(&b, "%-16s%8d%16d%16d%12d\n", want, n[kinds[0]], n[kinds[1]], n[kinds[2]], n[Failed])
	}
	return b.String()
}
