package judge

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
)

// Said returns the proposition that a regular expression matches something said aloud
// (a TALK) by one of those named, or, with not, nothing that they said. No names mean
// the person judged or, of a world, anybody. It is decided in code, also in a rehearsal.
// Of people who said nothing at all, the negation is not applicable: it would be true
// of them whatever it forbids.
func Said(re *regexp.Regexp, by []string, not bool) *Proposition {
	by = slices.Clone(by)
	who := "${target}"
	if len(by) > 0 {
		who = strings.ReplaceAll(strings.Join(by, " or "), "${", "$${")
	}
	claim := fmt.Sprintf("%s said something that matches /%s/.", who, strings.ReplaceAll(re.String(), "${", "$${"))
	if not {
		claim = fmt.Sprintf("%s said nothing that matches /%s/.", who, strings.ReplaceAll(re.String(), "${", "$${"))
	}
	return &Proposition{Name: "said", Claim: claim, Code: func(s *Subject) (Outcome, string, []Quote) {
		return said(s, re, by, not)
	}}
}

func said(s *Subject, re *regexp.Regexp, by []string, not bool) (Outcome, string, []Quote) {
	spoke := 0
	for i := range s.Rooms {
		for ev := range s.Rooms[i].Events {
			if ev.Kind != tinytroupe.EventActed || ev.Action == nil || ev.Action.Kind != tinytroupe.Talk {
				continue
			}
			if len(by) > 0 && !slices.Contains(by, ev.Who) || len(by) == 0 && !s.World && ev.Who != s.Name {
				continue
			}
			spoke++
			at := re.FindStringIndex(ev.Action.Content)
			if at == nil {
				continue
			}
			q := Quote{Seq: ev.Seq, Who: ev.Who, Text: ev.Action.Content[at[0]:at[1]]}
			if len(s.Rooms) > 1 {
				q.Room = s.Rooms[i].Name
			}
			outcome := Holds
			if not {
				outcome = DoesNotHold
			}
			return outcome, fmt.Sprintf("%s said %q in event %d", ev.Who, q.Text, ev.Seq), []Quote{q}
		}
	}
	switch {
	case not && spoke == 0:
		return NotApplicable, "nothing was said at all", nil
	case not:
		return Holds, fmt.Sprintf("none of %d utterances matches", spoke), nil
	}
	return DoesNotHold, fmt.Sprintf("none of %d utterances matches", spoke), nil
}
