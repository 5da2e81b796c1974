package study

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/extract"
	"github.com/tinytroupe-go/tinytroupe/judge"
)

// check judges a claim of each person, each room, or the study.
func (r *runner) check(ctx context.Context, do Check) (string, error) {
	if r.o.Judge == nil && do.Said == "" {
		return "", errors.New("there is no model that judges")
	}
	j, err := judge.New(r.o.Judge, &judge.Options{Rehearsal: r.o.Rehearsal})
	if err != nil {
		return "", err
	}
	c := Checked{Name: do.Name, Expect: do.Expect}
	var by []string
	if do.By != nil {
		by = r.names(*do.By)
	}
	var subjects []*judge.Subject
	var claims []*judge.Proposition
	add := func(who extract.Respondent, s *judge.Subject, p Person) error {
		claim, err := claimOf(do, p, who.Room, by)
		c.Of, subjects, claims = append(c.Of, who), append(subjects, s), append(claims, claim)
		return err
	}
	switch do.Per {
	case PerPerson:
		for _, p := range r.who(r.seen) {
			s := &judge.Subject{Name: p.Name(), Personas: []tinytroupe.Persona{p.Persona}, Rooms: roomsOf(p.rooms)}
			if err := add(r.respondent(p.Person, p.ids()...), s, p.Person); err != nil {
				return "", err
			}
		}
	case PerRoom:
		for _, rm := range r.seen {
			who := extract.Respondent{Scene: rm.id.Scene, Room: rm.id.Name()}
			r.placed(&who)
			s := &judge.Subject{Name: rm.id.Name(), World: true, Personas: r.personas(rm), Rooms: roomsOf([]*seen{rm})}
			if err := add(who, s, Person{}); err != nil {
				return "", err
			}
		}
	default:
		s := &judge.Subject{Name: r.s.Title, World: true, Personas: r.personas(r.seen...), Rooms: roomsOf(r.seen)}
		if err := add(extract.Respondent{}, s, Person{}); err != nil {
			return "", err
		}
	}
	c.Verdicts, err = r.judged(ctx, j, do, claims, subjects)
	r.looked.checks = append(r.looked.checks, c)
	r.form(do.form())
	if err != nil {
		return "", err
	}
	sum := judge.Summarize(c.Verdicts)
	text := do.Name + ": " + sum.String()
	if do.Expect != nil {
		switch met, known := sum.Meets(*do.Expect); {
		case !known:
			text += fmt.Sprintf("\nexpected %v: not judged", *do.Expect)
			if !r.o.Rehearsal {
				r.looked.unmet = append(r.looked.unmet, fmt.Sprintf("%s: expected a share of %v, and too few were judged", do.Name, *do.Expect))
			}
		case met:
			text += fmt.Sprintf("\nexpected %v: met", *do.Expect)
		default:
			share, _ := sum.Share()
			text += fmt.Sprintf("\nexpected %v: not met", *do.Expect)
			r.looked.unmet = append(r.looked.unmet, fmt.Sprintf("%s: expected a share of %v, found %.2f", do.Name, *do.Expect, share))
		}
	}
	return text, nil
}

// judged judges each claim of its subject, some at once, in their order.
func (r *runner) judged(ctx context.Context, j *judge.Judge, do Check, claims []*judge.Proposition, subjects []*judge.Subject) ([]*judge.Verdict, error) {
	ask := j.Check
	if do.Score {
		ask = j.Score
	}
	list := make([]*judge.Verdict, len(subjects))
	err := r.atOnce(ctx, len(subjects), func(ctx context.Context, i int) (err error) {
		list[i], err = ask(ctx, claims[i], subjects[i])
		return err
	})
	return list, err
}

// claimOf returns what is judged of somebody, or of a room; by is whose words count, where
// the check says so.
func claimOf(do Check, p Person, room string, by []string) (*judge.Proposition, error) {
	switch {
	case do.Library != "":
		c := *judge.Find(do.Library)
		c.Draws = do.Draws
		return &c, nil
	case do.Said != "":
		re := regexp.MustCompile(do.Said)
		c := judge.Said(re, by, do.Not)
		if do.By != nil && len(by) == 0 { // which would be anybody
			c.Code = func(*judge.Subject) (judge.Outcome, string, []judge.Quote) {
				return judge.NotApplicable, "nobody is whose words count", nil
			}
		}
		return c, nil
	}
	text, err := do.Claim.For(p, room)
	if err != nil {
		return nil, err
	}
	return &judge.Proposition{Name: do.Name, Claim: strings.ReplaceAll(text, "${", "$${"), Draws: do.Draws}, nil
}

// names returns whom who selects, as they are at a look and by what they answered so far.
func (r *runner) names(who Who) []string {
	told := map[string][]extract.Answer{}
	if who.byAnswers() {
		for _, a := range r.newest() {
			told[a.Person] = append(told[a.Person], a)
		}
	}
	var list []string
	for _, p := range r.s.everybody() {
		p.Persona = r.memory[p.Name()].persona
		if who.Selects(p.answered(attributesOf(told[p.Name()], p.Name(), nil))) {
			list = append(list, p.Name())
		}
	}
	return list
}

func roomsOf(rooms []*seen) []judge.Room {
	var list []judge.Room
	for _, rm := range rooms {
		list = append(list, judge.Room{Name: rm.id.Name(), Events: rm.view.Events()})
	}
	return list
}

func (r *runner) personas(rooms ...*seen) []tinytroupe.Persona {
	var list []tinytroupe.Persona
	for _, p := range r.s.everybody() {
		for _, rm := range rooms {
			if now := rm.view.Persona(p.Name()); !now.IsZero() {
				list = append(list, now)
				break
			}
		}
	}
	return list
}

// verdicts returns checks as answers: yes or no, or a score.
func (r *runner) verdicts() []extract.Answer {
	var list []extract.Answer
	for _, c := range r.looked.checks {
		for i, v := range c.Verdicts {
			a := extract.Answer{Question: c.Name, Type: extract.YesNo, Outcome: extract.Skipped, Reason: "not reached", Respondent: c.Of[i]}
			if v == nil {
				list = append(list, a)
				continue
			}
			a.Reason, a.Calls = v.Reason, v.Calls()
			for _, q := range v.Quotes {
				a.Evidence = append(a.Evidence, extract.Evidence{Quote: q.Text, Who: q.Who, Room: q.Room, Event: q.Seq})
			}
			switch v.Outcome {
			case judge.Holds, judge.DoesNotHold:
				a.Outcome, a.Value = extract.Answered, extract.Value{Kind: extract.YesNo, Text: map[judge.Outcome]string{judge.Holds: "yes", judge.DoesNotHold: "no"}[v.Outcome]}
			case judge.Scored:
				a.Outcome, a.Type, a.Value = extract.Answered, extract.Number, extract.Value{Kind: extract.Number, Number: *v.Score}
			case judge.NotApplicable, judge.Undecided:
				a.Outcome = extract.Absent
			case judge.Refused:
				a.Outcome = extract.Refused
			case judge.Invalid:
				a.Outcome = extract.Invalid
			case judge.Failed:
				a.Outcome = extract.Failed
			}
			list = append(list, a)
		}
	}
	return list
}

// verdictLine is a verdict of a check, as it is exported.
type verdictLine struct {
	Check  string `json:"check"`
	Person string `json:"person,omitempty"`
	Room   string `json:"room,omitempty"`
	*judge.Verdict
}

// writeChecks writes checks as JSON lines, CSV, or JUnit's XML, which programs that run
// tests read: what does not hold is a failure there, what was not judged is skipped.
func writeChecks(w io.Writer, checks []Checked, format string) error {
	switch format {
	case "csv":
		return checksCSV(w, checks)
	case "junit":
		return checksJUnit(w, checks)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, c := range checks {
		for i, v := range c.Verdicts {
			if v == nil {
				continue
			}
			if err := enc.Encode(verdictLine{c.Name, c.Of[i].Person, c.Of[i].Room, v}); err != nil {
				return err
			}
		}
	}
	return nil
}

func checksCSV(w io.Writer, checks []Checked) error {
	out := csv.NewWriter(w)
	out.Write([]string{"check", "person", "room", "outcome", "score", "agreement", "reason", "quote"})
	for _, c := range checks {
		for i, v := range c.Verdicts {
			if v == nil {
				continue
			}
			score, agreement, quote := "", "", ""
			if v.Outcome == judge.Scored {
				score = strconv.FormatFloat(*v.Score, 'f', -1, 64)
			}
			if a, ok := v.Agreement(); ok {
				agreement = strconv.FormatFloat(a, 'f', 3, 64)
			}
			if len(v.Quotes) > 0 {
				quote = v.Quotes[0].Text
			}
			row := []string{c.Name, c.Of[i].Person, c.Of[i].Room, string(v.Outcome), score, agreement, v.Reason, quote}
			for k := range row {
				if k != 4 && k != 5 {
					row[k] = extract.Cell(row[k])
				}
			}
			out.Write(row)
		}
	}
	out.Flush()
	return out.Error()
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Errors   int         `xml:"errors,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string     `xml:"name,attr"`
	Class   string     `xml:"classname,attr"`
	Failure *junitNote `xml:"failure"`
	Error   *junitNote `xml:"error"`
	Skipped *junitNote `xml:"skipped"`
	Out     string     `xml:"system-out,omitempty"`
}

type junitNote struct {
	Message string `xml:"message,attr"`
}

func checksJUnit(w io.Writer, checks []Checked) error {
	var suites struct {
		XMLName xml.Name `xml:"testsuites"`
		Suites  []junitSuite
	}
	for _, c := range checks {
		s := junitSuite{Name: c.Name, Tests: len(c.Verdicts)}
		for i, v := range c.Verdicts {
			x := junitCase{Class: c.Name, Name: strings.TrimSpace(c.Of[i].Person + " " + c.Of[i].Room)}
			switch x.Name {
			case "":
				x.Name = "the study"
			case c.Of[i].Person + " " + c.Of[i].Person: // alone in a room that is called as they are
				x.Name = c.Of[i].Person
			}
			switch {
			case v == nil:
				s.Skipped++
				x.Skipped = &junitNote{"not reached"}
			case v.Outcome == judge.DoesNotHold:
				s.Failures++
				x.Failure = &junitNote{v.Reason}
			case v.Outcome == judge.Refused, v.Outcome == judge.Invalid, v.Outcome == judge.Failed:
				s.Errors++
				x.Error = &junitNote{string(v.Outcome) + ": " + v.Reason}
			case v.Outcome == judge.NotApplicable, v.Outcome == judge.NotJudged, v.Outcome == judge.Undecided:
				s.Skipped++
				x.Skipped = &junitNote{string(v.Outcome) + ": " + v.Reason}
			case v.Outcome == judge.Scored:
				x.Out = fmt.Sprintf("score %v: %s", *v.Score, v.Reason)
			}
			s.Cases = append(s.Cases, x)
		}
		suites.Suites = append(suites.Suites, s)
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	enc := xml.NewEncoder(&b)
	enc.Indent("", "  ")
	if err := enc.Encode(suites); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := w.Write(b.Bytes())
	return err
}
