package extract

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	tt "github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

func TestAnswersCSV(t *testing.T) {
	all := sampleAnswers()[:8]
	all[0].Evidence = []Evidence{{Quote: "A, \"of course\"\nit is.", Who: "a", Room: "r1", Event: 7}}
	all[0].Position, all[0].Shown, all[0].Scene, all[0].Room, all[0].Weight = 2, []string{"B", "A"}, "interview", "r1", 1.25
	all[1].Evidence = []Evidence{{Quote: "5", Record: "3f9c"}}
	all = append(all,
		Answer{Question: "pains", Field: "pain", Item: 2, Type: Text, Outcome: Answered, Value: Value{Kind: Text, Text: "=cmd|' /C calc'!A0"},
			Evidence: []Evidence{{Quote: "@SUM(1)"}}, Respondent: Respondent{Person: "-Eve", Attributes: map[string]string{"value": "+1", "age": "-3", "=x": "\tx"}}},
		Answer{Question: "price", Type: Number, Outcome: Answered, Value: Value{Kind: Number, Number: -2.5}, Respondent: Respondent{Person: "Bob"}},
		without(advert, "Zoe", Invalid, nil))
	all[len(all)-1].Reason = "Zoe did not say \"B\""
	var b strings.Builder
	if err := WriteCSV(&b, all, nil); err != nil {
		t.Fatal(err)
	}
	golden(t, "answers.csv", b.String())
}

// Whatever the stand-in made says so, and is read all the same.
func TestRehearsalSaysSo(t *testing.T) {
	all := sampleAnswers()[:9]
	for name, write := range map[string]func(b *bytes.Buffer) error{
		"csv":   func(b *bytes.Buffer) error { return WriteCSV(b, all, &WriteOptions{Rehearsal: true}) },
		"jsonl": func(b *bytes.Buffer) error { return WriteJSONL(b, all, &WriteOptions{Rehearsal: true}) },
		"table": func(b *bytes.Buffer) error {
			table, err := Tally(advert, all, &TallyOptions{Rehearsal: true})
			if err != nil {
				return err
			}
			if data, err := json.Marshal(table); err != nil || !strings.Contains(string(data), transcript.Notice) {
				t.Errorf("%s %v", data, err)
			}
			return table.WriteCSV(b)
		},
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if name == "jsonl" {
			if !strings.HasPrefix(b.String(), `{"rehearsal":true,"notice":"`+transcript.Notice+"\"}\n") {
				t.Error(b.String())
			}
			if got, rehearsal, err := ReadJSONL("x", &b); err != nil || !rehearsal || !cmp.Equal(got, all, cmpopts.EquateEmpty()) {
				t.Errorf("%+v %v", got, err)
			}
			continue
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil || len(rows) < 3 {
			t.Fatal(rows, err)
		}
		for i, r := range rows {
			if want := map[bool]string{true: "notice", false: transcript.Notice}[i == 0]; r[len(r)-1] != want {
				t.Errorf("%s: row %d: %q", name, i, r)
			}
		}
	}
}

// No cell of a table begins as a formula does, unless it is a number; and nothing but
// the apostrophe is added.
func TestNoFormulas(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.Custom(func(t *rapid.T) string {
			return rapid.StringOfN(rapid.SampledFrom([]rune("=+-@＝＋－＠\t\r\n'ab,\"; ")), 0, 6, -1).Draw(t, "text")
		})
		s := text.Draw(t, "value")
		a := Answer{Question: text.Draw(t, "question"), Field: text.Draw(t, "field"), Type: Text, Outcome: Answered, Value: Value{Kind: Text, Text: s},
			Reason: text.Draw(t, "reason"), Evidence: []Evidence{{Quote: text.Draw(t, "quote"), Record: text.Draw(t, "record")}},
			Respondent: Respondent{Person: text.Draw(t, "person"), Scene: text.Draw(t, "scene"), Room: text.Draw(t, "room"), Attributes: map[string]string{text.Draw(t, "name"): text.Draw(t, "attribute")}}}
		var b bytes.Buffer
		if err := WriteCSV(&b, []Answer{a}, nil); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&b).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for _, c := range row {
				if c != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(c)[0]) {
					t.Errorf("cell %q", c)
				}
			}
		}
		if got := rows[1][5]; strings.TrimPrefix(got, "'") != strings.TrimPrefix(strings.ReplaceAll(s, "\r\n", "\n"), "'") {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func TestJSONL(t *testing.T) {
	text := rapid.StringOf(rapid.SampledFrom([]rune("ab \n\"<&é\u2028")))
	rapid.Check(t, func(t *rapid.T) {
		one := rapid.Custom(func(t *rapid.T) Answer {
			q := rapid.SampledFrom([]Question{advert, intent, order, brands, price, again, {ID: "why"}}).Draw(t, "q")
			a := answer(q, text.Draw(t, "person"), Value{}, nil)
			if q.Type == "" {
				a.Type, a.Value.Kind = Text, Text
			}
			switch a.Type {
			case Text, OneOf:
				a.Value.Text = text.Draw(t, "text")
			case YesNo:
				a.Value.Text = rapid.SampledFrom([]string{"yes", "no"}).Draw(t, "yes")
			case Scale, Number:
				a.Value.Number = rapid.Float64().Draw(t, "number")
			default:
				a.Value.List = rapid.SliceOfN(text, 0, 3).Draw(t, "list")
			}
			a.Evidence = []Evidence{{Quote: text.Draw(t, "quote"), Event: rapid.IntRange(0, 9).Draw(t, "event")}}
			if rapid.Bool().Draw(t, "none") {
				a.Outcome, a.Value, a.Reason = Refused, Value{}, text.Draw(t, "reason")
			}
			return a
		})
		all := rapid.SliceOfN(one, 0, 5).Draw(t, "answers")
		var b bytes.Buffer
		if err := WriteJSONL(&b, all, nil); err != nil {
			t.Fatal(err)
		}
		got, rehearsal, err := ReadJSONL("answers.jsonl", &b)
		if err != nil || rehearsal {
			t.Fatal(rehearsal, err)
		}
		if d := cmp.Diff(all, got, cmpopts.EquateEmpty()); d != "" {
			t.Error(d)
		}
	})
	for _, bad := range []string{`{"outcome":"answered","type":"text"}`, `{"outcome":"absent","type":"text","value":"x"}`, `{"outcome":"answered","type":"scale","value":"x"}`, `{"outcome":"answered","type":"wish","value":"x"}`, `[]`} {
		if _, _, err := ReadJSONL("answers.jsonl", strings.NewReader("\n"+bad+"\n")); err == nil || !strings.HasPrefix(err.Error(), "answers.jsonl:2: ") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestReduce(t *testing.T) {
	var j talk
	j.hear("Which one?", "Lisa Carter", "Oscar").says("Lisa Carter", "=B").thinks("Oscar", "Hm.").says("Oscar", "A, then.")
	j.add(tt.Event{Kind: tt.EventMoved, Who: "Oscar", Place: "Kitchen"})
	row := func(m *Moment) []any { return []any{m.Person, m.Kind, m.Source, m.Content, m.Event.Seq, m.Acted} }
	rows, err := Reduce(j.journal("").Events, []string{"Lisa Carter", "Oscar"}, []string{"person", "kind", "source", "content", "event", "acted"},
		Rule{"TALK", row}, Rule{"CONVERSATION", func(m *Moment) []any {
			if m.Source == "" {
				return nil
			}
			return row(m)
		}}, Rule{"moved", func(m *Moment) []any { return []any{m.Person, m.Kind, nil, []string{m.Event.Place}, m.Event.Seq, 1.5} }})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := rows.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	if err := rows.WriteJSONL(&b); err != nil {
		t.Fatal(err)
	}
	const want = `person,kind,source,content,event,acted
Lisa Carter,TALK,Lisa Carter,'=B,2,true
Lisa Carter,CONVERSATION,Oscar,"A, then.",4,false
Oscar,CONVERSATION,Lisa Carter,'=B,2,false
Oscar,TALK,Oscar,"A, then.",4,true
Oscar,moved,,"[""Kitchen""]",5,1.5
{"person":"Lisa Carter","kind":"TALK","source":"Lisa Carter","content":"=B","event":2,"acted":true}
{"person":"Lisa Carter","kind":"CONVERSATION","source":"Oscar","content":"A, then.","event":4,"acted":false}
{"person":"Oscar","kind":"CONVERSATION","source":"Lisa Carter","content":"=B","event":2,"acted":false}
{"person":"Oscar","kind":"TALK","source":"Oscar","content":"A, then.","event":4,"acted":true}
{"person":"Oscar","kind":"moved","source":null,"content":["Kitchen"],"event":5,"acted":1.5}
`
	if d := cmp.Diff(want, b.String()); d != "" {
		t.Error(d)
	}
	for _, c := range []struct {
		rules []Rule
		want  string
	}{
		{[]Rule{{"TALK", row}, {"TALK", row}}, "two rules for TALK"},
		{[]Rule{{"", row}}, "needs a kind"},
		{[]Rule{{"TALK", nil}}, "needs a kind"},
		{[]Rule{{"TALK", func(*Moment) []any { return []any{1} }}}, "made 1 values for 2 columns, of event 2"},
	} {
		if _, err := Reduce(j.journal("").Events, []string{"Lisa Carter"}, []string{"a", "b"}, c.rules...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// Whoever was not there heard nothing but what was said to them.
func TestReducePresence(t *testing.T) {
	var j talk
	j.add(tt.Event{Kind: tt.EventJoined, Who: "A"}).hear("one", tt.Everyone).add(tt.Event{Kind: tt.EventJoined, Who: "B"}).
		hear("two", tt.Everyone).says("A", "three").add(tt.Event{Kind: tt.EventLeft, Who: "B"}).hear("four", tt.Everyone).hear("five", "B")
	rows, err := Reduce(slices.Values(j), []string{"A", "B", "never came"}, []string{"person", "content"},
		Rule{"CONVERSATION", func(m *Moment) []any { return []any{m.Person, m.Content} }})
	if err != nil {
		t.Fatal(err)
	}
	want := [][]any{{"A", "one"}, {"A", "two"}, {"A", "four"}, {"B", "two"}, {"B", "three"}, {"B", "five"},
		{"never came", "one"}, {"never came", "two"}, {"never came", "three"}, {"never came", "four"}}
	if d := cmp.Diff(want, rows.Rows); d != "" {
		t.Error(d)
	}
}

// A row of one empty cell is a row.
func TestReduceEmptyRow(t *testing.T) {
	rows := Rows{Columns: []string{"a"}, Rows: [][]any{{"x"}, {""}, {nil}, {"y"}}}
	var b strings.Builder
	if err := rows.WriteCSV(&b); err != nil {
		t.Fatal(err)
	}
	got, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
	if d := cmp.Diff([][]string{{"a"}, {"x"}, {""}, {""}, {"y"}}, got); err != nil || d != "" {
		t.Errorf("%v %s", err, d)
	}
}
