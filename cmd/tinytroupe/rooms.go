package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/study"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// botPrefix begins the names of models that are chatbots.
const botPrefix = "http/"

// around puts around a chatbot what stands around a model, but for the budget, which
// is for models.
func (s *session) around(m llm.Model, parallel int) llm.Model {
	return llm.Wrap(m,
		llm.Cache(s.calls),
		llm.Retry(&llm.RetryOptions{Attempts: s.set.MaxAttempts}),
		llm.Limit(llm.NewLimiter(&llm.LimiterOptions{Parallel: parallel, Most: parallel})),
		llm.Meter(s.calls))
}

// tally is what models and chatbots were called.
type tally struct {
	calls, tokens   int // of models, retries included
	bots, botsAgain int // of chatbots, and how many of them were sent again
}

func tallyOf(l *record.Ledger) tally {
	var t tally
	for _, m := range l.ByModel {
		if strings.HasPrefix(m.Name, botPrefix) {
			t.bots += m.Attempts
			t.botsAgain += m.Retries()
			continue
		}
		t.calls += m.Attempts
		t.tokens += m.Usage.Input + m.Usage.Output
	}
	return t
}

func hasHumans(s *study.Study) bool {
	return slices.ContainsFunc(s.People, func(g study.Group) bool { return g.Human })
}

// terminal refuses a study with humans where there is nobody to ask.
func (s *session) terminal() error {
	if !hasHumans(s.study) || s.p.typed != nil && s.p.typed() {
		return nil
	}
	for _, g := range s.study.People {
		if g.Human {
			return fmt.Errorf("%s: people: %s is asked at the terminal: %w: run it where somebody can type", s.study.File, g.Name, study.ErrNoTerminal)
		}
	}
	return nil
}

// asking returns where humans type. The terminal is opened anew where it can be, since
// waiting for it can then be ended.
func (p *program) asking() (io.Reader, func()) {
	if _, ok := p.stdin.(*os.File); ok {
		if tty, err := os.Open("/dev/tty"); err == nil {
			return tty, func() { _ = tty.Close() }
		}
	}
	return p.stdin, func() {}
}

// compared says what of the record still stands under the study as it is now.
func (s *session) compared() (*study.Edit, error) {
	rooms, err := s.rec.Rooms()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	events := map[string]iter.Seq2[tinytroupe.Event, error]{}
	for _, room := range rooms {
		events[room] = s.rec.Events(room)
	}
	return s.study.Compare(events)
}

func (s *session) observe(room study.Room, evs []tinytroupe.Event) {
	for _, ev := range evs {
		if ev.Kind == tinytroupe.EventFailed && ev.Failure != nil {
			s.lost = errors.Join(s.lost, s.rec.AddFailure(record.Failure{
				Scene: room.Scene, Room: room.ID, What: ev.Failure.What, Step: ev.Step, Person: ev.Who, Cause: ev.Failure.Cause,
			}))
		}
	}
	s.out.events(room, evs)
}

// failures counts the turns that came to nothing, those of earlier parts of the run
// too.
func failures(res *study.Result) int {
	n := 0
	if res != nil {
		for _, o := range res.Rooms {
			for ev := range o.World.Events() {
				if ev.Kind == tinytroupe.EventFailed {
					n++
				}
			}
		}
	}
	return n
}

func (s *session) writePeople() error {
	var list []record.Participant
	for _, g := range s.study.People {
		for _, p := range g.People {
			list = append(list, record.Participant{Group: g.Name, Persona: p.Persona, Name: p.Name(), Weight: 1, Staff: p.Staff, Assigned: p.Assigned})
		}
	}
	return s.rec.WritePeople(list)
}

func (s *session) totals(l *record.Ledger, res *study.Result) *record.Totals {
	t := &record.Totals{USD: l.Total.USD, Failed: s.failed, WallSeconds: s.seconds + time.Since(s.begun).Seconds()}
	t.Answered, t.Refused, t.Invalid = s.found.base.Answered, s.found.base.Refused, s.found.base.Invalid
	t.Failed += s.found.base.Failed
	sum := tallyOf(l)
	t.Calls, t.Tokens = sum.calls, sum.tokens
	for _, g := range s.study.People {
		t.People += len(g.People)
	}
	if res != nil {
		t.Rooms = len(res.Rooms)
		for _, o := range res.Rooms {
			t.Steps += o.World.View().Step()
		}
	}
	return t
}

func (s *session) addFailure(err error) error {
	f := record.Failure{What: "run", Cause: err.Error()}
	if te, ok := errors.AsType[*tinytroupe.TurnError](err); ok {
		f.What, f.Step, f.Person = "turn", te.Step, te.Person
	}
	if re, ok := errors.AsType[*study.RoomError](err); ok {
		f.Scene, f.Room = re.Room.Scene, re.Room.ID
	}
	if p, ok := errors.AsType[*tinytroupe.PanicError](err); ok {
		f.Raw = string(p.Stack)
	}
	return s.rec.AddFailure(f)
}

func (s *session) writeTranscripts(res *study.Result) error {
	if res == nil {
		return nil
	}
	var errs []error
	for _, o := range res.Rooms {
		var b strings.Builder
		title := s.study.Title
		if o.Room.Scene != "" || o.Room.Of > 1 {
			title += ": " + o.Room.Name()
		}
		err := transcript.Write(&b, o.World.Events(), &transcript.Options{
			Form: transcript.Markdown, Width: s.out.width, World: s.study.World.Name, Steps: stepsIn(s.study, o.Room.Scene),
			Title: title, Rehearsal: s.choice.rehearsal(),
		})
		if err == nil {
			err = s.rec.WriteFile(transcriptFile(o.Room.Name()), []byte(b.String()))
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func transcriptFile(room string) string { return "transcripts/" + record.RoomFile(room) + ".md" }
