package study_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/study"
)

func TestSelects(t *testing.T) {
	const people = `
people:
  young: {persona: {name: Ann Lee, age: 19, likes: [Tea, jazz], staff: false}}
  old: {persona: {name: Bo, age: "61", job: {title: Cook}}}
  cy: {persona: {age: 35.5, likes: tea, job: {title: poet}, code: 1.10}}
script:
`
	for _, c := range []struct{ to, want string }{
		{"everyone", "Ann Lee, Bo, cy"},
		{"Ann Lee", "Ann Lee"},
		{"young", "Ann Lee"},
		{"[young, Bo]", "Ann Lee, Bo"},
		{"[[young], {age: 61}]", "Ann Lee, Bo"},
		{"{age: 19}", "Ann Lee"},
		{"{age: 19..40}", "Ann Lee, cy"},
		{"{age: [19, 60..70]}", "Ann Lee, Bo"},
		{"{likes: TEA}", "Ann Lee, cy"},
		{"{likes: [jazz, rock]}", "Ann Lee"},
		{"{job.title: cook}", "Bo"},
		{"{staff: false}", "Ann Lee"},
		{"{code: 1.10}", "cy"},
		{"{likes: tea, age: 30..40}", "cy"},
		{"{not: young}", "Bo, cy"},
		{"{not: [young, Bo]}", "cy"},
		{"{age: 0..50, not: {likes: jazz}}", "cy"},
		{"{not: {not: Bo}}", "Bo"},
	} {
		s, err := loadText(people + "  - say: Hi\n    to: " + c.to + "\n")
		if err != nil {
			t.Errorf("%s: %v", c.to, err)
			continue
		}
		var got []string
		for _, g := range s.People {
			for _, p := range g.People {
				if s.Script[0].To.Selects(p) {
					got = append(got, p.Name())
				}
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %v, want %s", c.to, got, c.want)
		}
		if all := c.to == "everyone"; s.Script[0].To.Everyone() != all {
			t.Errorf("%s: everyone is %t", c.to, !all)
		}
	}
}

// TestStaff: staff is selected where it is named, and nowhere else.
func TestStaff(t *testing.T) {
	for to, want := range map[string]string{
		"everyone": "Ann", "{age: 1..99}": "Ann", "{not: Ann}": "", "{not: mo}": "Ann", "mo": "Mo", "Mo": "Mo",
		"[everyone, mo]": "Ann, Mo", "[mo, {age: 1..99, not: Mo}]": "Ann, Mo", "{not: [Ann, mo]}": "",
	} {
		s, err := loadText("people: {ann: {persona: {name: Ann, age: 30}}, mo: {persona: {name: Mo, age: 40}, staff: yes}}\nscript: [{say: Hi, to: " + to + "}]\n")
		if err != nil {
			if want != "" || !strings.Contains(err.Error(), "this selects nobody") {
				t.Errorf("%s: %v", to, err)
			}
			continue
		}
		var got []string
		for _, g := range s.People {
			for _, p := range g.People {
				if s.Script[0].To.Selects(p) {
					got = append(got, p.Name())
				}
			}
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s: %v, want %s", to, got, want)
		}
	}
}

// TestDurations spells random durations and reads them back, as the steps of a run
// and as a skip.
func TestDurations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		weeks, days, hours := rapid.IntRange(0, 3).Draw(t, "w"), rapid.IntRange(0, 9).Draw(t, "d"), rapid.IntRange(1, 30).Draw(t, "h")
		minutes, seconds := rapid.IntRange(0, 90).Draw(t, "m"), rapid.IntRange(0, 90).Draw(t, "s")
		want := time.Duration(weeks*7+days)*24*time.Hour + time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + time.Duration(seconds)*time.Second
		text := fmt.Sprintf("%dw%dd%dh%dm%ds", weeks, days, hours, minutes, seconds)
		s, err := loadText("people: {a: {persona: {age: 1}}}\nscript: [{skip: " + text + "}, {run: " + text + "}]\n")
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Script[0].Do.(study.Skip).For; got != want {
			t.Fatalf("%s is %v, want %v", text, got, want)
		}
		steps, step := s.Script[1].Do.(study.Run).Steps, 5*time.Minute
		if time.Duration(steps)*step < want || time.Duration(steps-1)*step >= want {
			t.Fatalf("%s are %d steps", text, steps)
		}
	})
}

// TestRecord runs a study into a record, and resumes it from one that was left in
// the middle of a commit.
func TestRecord(t *testing.T) {
	s := load(t, fmt.Sprintf(whole, "in turn", true, "act"))
	r, err := record.Create(t.TempDir(), &record.Manifest{Title: s.Title}, &record.Options{Fast: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	run := func(room string) []string {
		j, err := r.Journal(room)
		if err != nil {
			t.Fatal(err)
		}
		o := resuming(j, r.Events(room))
		if _, err := s.Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		l := &log{}
		for ev, err := range r.Events(room) {
			if err != nil {
				t.Fatal(err)
			}
			l.events = append(l.events, ev)
		}
		return l.lines(t)
	}
	want := strings.Join(run("whole"), "\n") + "\n"
	half := want[:len(want)/2]
	if err := r.WriteFile("worlds/half.jsonl", []byte(half)); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(run("half"), "\n") + "\n"; got != want {
		t.Errorf("the journals differ:\n%s\n%s", want, got)
	}
}
