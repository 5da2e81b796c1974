package transcript

import (
	"bytes"
	"strings"
	"testing"

	tt "github.com/tinytroupe-go/tinytroupe"
)

// TestQuiet: of a step in which nothing is shown, one line says why, and none where it
// may have been broken off or where something was hidden.
func TestQuiet(t *testing.T) {
	const none, wait = "· nobody has anything new to react to\n", "· everybody waits\n"
	clock := tt.Event{Kind: tt.EventClock, Step: 1, Clock: &tt.Clock{Rounds: [][]string{{"Ann"}, {"Bo"}}}, End: true}
	mark := tt.Event{Kind: tt.EventMarked, Mark: []byte(`{}`), End: true}
	act := func(who string, kind tt.ActionKind) tt.Event {
		return tt.Event{Kind: tt.EventActed, Step: 1, Who: who, Action: &tt.Action{Kind: kind, Content: "words"}, End: true}
	}
	state := tt.Event{Kind: tt.EventState, Who: "Ann", State: &tt.MentalState{}}
	for name, c := range map[string]struct {
		events []tt.Event
		o      Options
		want   string
	}{
		"waits, then a mark":      {[]tt.Event{clock, act("Ann", tt.Done), state, act("Bo", tt.Done), mark}, Options{}, wait},
		"waits, then a step":      {[]tt.Event{clock, act("Ann", tt.Done), act("Bo", tt.Done), clock}, Options{}, wait},
		"waits, then nothing":     {[]tt.Event{clock, act("Ann", tt.Done), act("Bo", tt.Done)}, Options{}, wait},
		"one waits, broken off":   {[]tt.Event{clock, act("Ann", tt.Done)}, Options{}, ""},
		"broken off":              {[]tt.Event{clock}, Options{}, ""},
		"nobody acts":             {[]tt.Event{clock, mark}, Options{}, none},
		"no rounds":               {[]tt.Event{{Kind: tt.EventClock, Step: 1, Clock: &tt.Clock{}}}, Options{}, none},
		"somebody talks":          {[]tt.Event{clock, act("Ann", tt.Done), act("Bo", tt.Talk), mark}, Options{}, ""},
		"a hidden thought":        {[]tt.Event{clock, act("Ann", tt.Think), act("Bo", tt.Done), mark}, Options{HideThoughts: true}, ""},
		"DONE is shown":           {[]tt.Event{clock, act("Ann", tt.Done), act("Bo", tt.Done), mark}, Options{Done: true}, ""},
		"for machines":            {[]tt.Event{clock, act("Ann", tt.Done), act("Bo", tt.Done), mark}, Options{Form: JSONLines}, ""},
		"for machines and dull":   {[]tt.Event{clock, mark}, Options{Form: JSONLines}, ""},
		"in Markdown":             {[]tt.Event{clock, act("Ann", tt.Done), act("Bo", tt.Done), mark}, Options{Form: Markdown}, "· everybody waits\n\n"},
		"a failure is no silence": {[]tt.Event{clock, {Kind: tt.EventFailed, Who: "Ann", Failure: &tt.Failure{What: "turn", Cause: "down"}}, act("Bo", tt.Done), mark}, Options{}, ""},
	} {
		var b bytes.Buffer
		p := NewPrinter(&b, &c.o)
		p.Events(c.events...)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		got := b.String()
		if c.want != "" && strings.Count(got, c.want) != 1 || c.want == "" && (strings.Contains(got, none) || strings.Contains(got, wait)) {
			t.Errorf("%s: want %q in\n%s", name, c.want, got)
		}
	}
}
