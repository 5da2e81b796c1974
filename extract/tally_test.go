package extract

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	advert = Question{ID: "choice.advert", Ask: "?", Type: OneOf, Options: []string{"A", "B"}, Labels: []Label{{"A", "bright"}}}
	intent = Question{ID: "intent", Ask: "?", Type: Scale, Lo: 1, Hi: 5, Labels: []Label{{"1", "definitely not"}, {"5", "definitely"}}}
	brands = Question{ID: "brands", Ask: "?", Type: SomeOf, Options: []string{"X", "Y", "Z"}}
	order  = Question{ID: "best", Ask: "?", Type: Rank, Options: []string{"X", "Y", "Z"}}
	price  = Question{ID: "price", Ask: "?", Type: Number}
	again  = Question{ID: "again", Ask: "?", Type: YesNo}
)

func answer(q Question, person string, v Value, attributes map[string]string) Answer {
	v.Kind = q.Type
	id, field, _ := strings.Cut(q.ID, ".")
	return Answer{Question: id, Field: field, Type: q.Type, Outcome: Answered, Value: v, Respondent: Respondent{Person: person, Attributes: attributes}}
}

func without(q Question, person string, o Outcome, attributes map[string]string) Answer {
	a := answer(q, person, Value{}, attributes)
	a.Outcome, a.Value = o, Value{}
	return a
}

func sampleAnswers() []Answer {
	var out []Answer
	for i, p := range []struct {
		age, tone string
		advert    string
		intent    float64
		best      []string
	}{{"25", "warm", "A", 5, []string{"X", "Y", "Z"}}, {"41", "cold", "B", 2, []string{"Y", "X", "Z"}}, {"33", "warm", "A", 4, []string{"X", "Z", "Y"}},
		{"70", "cold", "A", 1, []string{"Z", "X", "Y"}}, {"19", "warm", "B", 5, []string{"X", "Y", "Z"}}} {
		name := string(rune('a' + i))
		at := map[string]string{"age": p.age, "tone": p.tone}
		out = append(out, answer(advert, name, Value{Text: p.advert}, at), answer(intent, name, Value{Number: p.intent}, at), answer(order, name, Value{List: p.best}, at),
			answer(brands, name, Value{List: p.best[:i%3]}, at), answer(price, name, Value{Number: p.intent * 1.5}, at), answer(again, name, Value{Text: []string{"yes", "no"}[i%2]}, at))
	}
	for i, o := range []Outcome{Absent, Refused, Invalid, Failed, Skipped} {
		for _, q := range []Question{advert, intent, order, brands, price, again} {
			out = append(out, without(q, "n"+string(rune('a'+i)), o, map[string]string{"tone": "warm"}))
		}
	}
	return out
}

func TestTables(t *testing.T) {
	var text, csv strings.Builder
	all := sampleAnswers()
	weighted := slices.Clone(all)
	for i := range weighted {
		if weighted[i].Person == "b" {
			weighted[i].Weight = 2.5
		}
	}
	write := func(q Question, answers []Answer, o *TallyOptions, rehearsal bool) {
		t.Helper()
		if rehearsal {
			o = &TallyOptions{Rehearsal: true}
		}
		table, err := Tally(q, answers, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := table.WriteText(&text, nil); err != nil {
			t.Fatal(err)
		}
		if err := table.WriteCSV(&csv); err != nil {
			t.Fatal(err)
		}
		text.WriteString("\n")
		csv.WriteString("\n")
	}
	for _, q := range []Question{advert, intent, order, brands, price, again} {
		write(q, all, nil, q.ID == "choice.advert")
	}
	write(advert, weighted, nil, false)
	write(intent, weighted, &TallyOptions{By: []Dimension{{Name: "tone", Order: []string{"warm"}}, {Name: "age", Bands: []Band{{18, 34}, {35, 54}}}}}, false)
	write(advert, nil, nil, false)
	golden(t, "tables.txt", text.String())
	golden(t, "tables.csv", csv.String())
}

func TestTallyRefuses(t *testing.T) {
	for _, c := range []struct {
		q    Question
		a    []Answer
		o    *TallyOptions
		want string
	}{
		{Question{ID: "why", Ask: "?"}, nil, nil, "code them first"},
		{Question{ID: "choice", Type: Fields}, nil, nil, "tally one of its fields"},
		{advert, nil, &TallyOptions{Level: 95}, "between 0 and 1"},
		{again, []Answer{{Question: "again", Respondent: Respondent{Person: "Zoe", Weight: -1}}}, nil, "Zoe has the weight -1"},
		{again, []Answer{{Question: "again", Respondent: Respondent{Weight: math.NaN()}}}, nil, "weight NaN"},
		{order, []Answer{answer(order, "Zoe", Value{List: []string{"X", "Y"}}, nil)}, nil, "the answer of Zoe is none to this question: it ranks 2 of 3"},
		{advert, []Answer{answer(advert, "Zoe", Value{Text: "Q"}, nil)}, nil, "none of the options"},
		{intent, []Answer{answer(intent, "Zoe", Value{Number: 9}, nil)}, nil, "outside of 1..5"},
		{advert, []Answer{{Question: "choice", Field: "advert", Type: OneOf, Outcome: Answered}}, nil, "there is no value"},
	} {
		if _, err := Tally(c.q, c.a, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.q.ID, err, c.want)
		}
	}
}

// What is no answer changes the base alone, whatever it carries. Groups add up to the
// total, and no figure is NaN or infinite.
func TestTallyCountsAnswers(t *testing.T) {
	outcomes := []Outcome{Absent, Refused, Invalid, Failed, Skipped, "", "made up"}
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.SampledFrom([]Question{advert, intent, order, brands, price, again}).Draw(t, "question")
		value := rapid.Custom(func(t *rapid.T) Value {
			v := Value{Kind: q.Type}
			switch q.Type {
			case OneOf:
				v.Text = rapid.SampledFrom(q.Options).Draw(t, "option")
			case YesNo:
				v.Text = rapid.SampledFrom([]string{"yes", "no"}).Draw(t, "yes")
			case Scale:
				v.Number = float64(rapid.IntRange(1, 5).Draw(t, "point"))
			case Number:
				v.Number = rapid.Float64Range(-1e300, 1e300).Draw(t, "number")
			case Rank:
				v.List = rapid.Permutation(q.Options).Draw(t, "rank")
			case SomeOf:
				v.List = rapid.Permutation(q.Options).Draw(t, "some")[:rapid.IntRange(0, 3).Draw(t, "n")]
			}
			return v
		})
		one := rapid.Custom(func(t *rapid.T) Answer {
			a := answer(q, rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "person"), value.Draw(t, "value"),
				map[string]string{"g": rapid.SampledFrom([]string{"1", "2", ""}).Draw(t, "group")})
			a.Weight = rapid.SampledFrom([]float64{0, 1, 0.25, 3}).Draw(t, "weight")
			return a
		})
		answers := rapid.SliceOfN(one, 0, 12).Draw(t, "answers")
		o := &TallyOptions{By: []Dimension{{Name: "g"}}}
		plain, err := Tally(q, answers, o)
		if err != nil {
			t.Fatal(err)
		}
		more := slices.Clone(answers)
		for range rapid.IntRange(0, 8).Draw(t, "others") {
			a := one.Draw(t, "other")
			a.Outcome = rapid.SampledFrom(outcomes).Draw(t, "outcome")
			a.Weight = 1
			i := rapid.IntRange(0, len(more)).Draw(t, "at")
			more = slices.Insert(more, i, a)
		}
		with, err := Tally(q, more, o)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(plain.Groups[0].Rows, with.Groups[0].Rows); d != "" {
			t.Errorf("rows changed: %s", d)
		}
		if d := cmp.Diff(plain.Groups[0].Stats, with.Groups[0].Stats); d != "" {
			t.Errorf("statistics changed: %s", d)
		}
		g := with.Groups[0]
		b := g.Base
		if b.Asked != len(more) || b.Answered != len(answers) || b.Answered+b.Absent+b.Refused+b.Invalid+b.Failed+b.Skipped != b.Asked {
			t.Errorf("base %+v of %d answers and %d in all", b, len(answers), len(more))
		}
		for i := range g.Rows {
			sum, asked := 0, 0
			for _, part := range with.Groups[1:] {
				sum += part.Rows[i].Count
				asked += part.Base.Asked
			}
			if sum != g.Rows[i].Count || asked != b.Asked {
				t.Errorf("groups have %d of %d, asked %d of %d", sum, g.Rows[i].Count, asked, b.Asked)
			}
		}
		if _, err := json.Marshal(with); err != nil { // NaN and infinity have no JSON
			t.Error(err)
		}
		var text strings.Builder
		if err := with.WriteText(&text, nil); err != nil || strings.Contains(text.String(), "NaN") || strings.Contains(text.String(), "Inf") {
			t.Error(text.String(), err)
		}
	})
}

// A field of the same item makes groups, also for codes that stand apart.
func TestTallyByField(t *testing.T) {
	item := func(person string, n int, pain, stage string) []Answer {
		r := Respondent{Person: person}
		return []Answer{
			{Question: "pains", Field: "pain", Item: n, Type: Text, Outcome: Answered, Value: Value{Kind: Text, Text: pain}, Respondent: r},
			{Question: "pains", Field: "stage", Item: n, Type: OneOf, Outcome: Answered, Value: Value{Kind: OneOf, Text: stage}, Respondent: r},
		}
	}
	all := slices.Concat(item("a", 1, "too slow", "sign-up"), item("a", 2, "no bank", "bank link"), item("b", 1, "slow again", "bank link"))
	all = append(all, Answer{Question: "pains", Field: "pain", Type: Text, Outcome: Absent, Respondent: Respondent{Person: "c"}},
		Answer{Question: "pains", Field: "stage", Type: OneOf, Outcome: Absent, Respondent: Respondent{Person: "c"}})
	coding, err := CodeByWords(Question{ID: "pains.pain", Ask: "?"}, all, &CodeOptions{Codes: []Code{{Name: "speed", Words: []string{"slow"}}}})
	if err != nil {
		t.Fatal(err)
	}
	table, err := Tally(coding.Question, coding.Answers, &TallyOptions{By: []Dimension{{Name: "stage"}}, Also: all})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := table.WriteText(&text, nil); err != nil {
		t.Fatal(err)
	}
	const want = `pains.pain.code, base 3 of 4: 1 absent; from 2 respondents
  speed ██ 2  67 % (21–94)
  other █  1  33 % (6–79)
  stage sign-up, base 1 of 1
    speed █ 1  100 % (21–100)
    other   0  0 % (0–79)
  stage bank link, base 2 of 2
    speed █ 1  50 % (9–91)
    other █ 1  50 % (9–91)
  stage (absent), base 0 of 1: 1 absent
    speed  0
    other  0
`
	if d := cmp.Diff(want, text.String()); d != "" {
		t.Error(d)
	}
}

// Who is asked the same twice in a room has each answer in the group of its own time; and
// of many dimensions only the groups that occur are made, in their order.
func TestTallyAgain(t *testing.T) {
	r := Respondent{Person: "a", Room: "r"}
	ask := func(advert, when string) []Answer {
		return []Answer{{Question: "q", Field: "advert", Type: OneOf, Outcome: Answered, Value: Value{Kind: OneOf, Text: advert}, Respondent: r},
			{Question: "q", Field: "when", Type: OneOf, Outcome: Answered, Value: Value{Kind: OneOf, Text: when}, Respondent: r}}
	}
	q := Question{ID: "q.advert", Ask: "?", Type: OneOf, Options: []string{"A", "B"}}
	table, err := Tally(q, slices.Concat(ask("A", "before"), ask("B", "after")), &TallyOptions{By: []Dimension{{Name: "when", Order: []string{"after", "before"}}}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, g := range table.Groups {
		got = append(got, fmt.Sprint(g.Values, g.Rows[0].Count, g.Rows[1].Count))
	}
	if want := []string{"[] 1 1", "[after] 0 1", "[before] 1 0"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}

	var twice []Answer // in two scenes, and two rooms' own answers
	for _, r := range []Respondent{{Person: "a", Scene: "before", Room: "before/1"}, {Person: "a", Scene: "after", Room: "after/1"}, {Room: "one"}, {Room: "two"}} {
		twice = append(twice, Answer{Question: "y", Type: YesNo, Outcome: Answered, Value: Value{Kind: YesNo, Text: "yes"}, Respondent: r})
	}
	if table, err = Tally(Question{ID: "y", Ask: "?", Type: YesNo}, twice, nil); err != nil || table.Groups[0].People != 3 {
		t.Errorf("%d respondents, %v", table.Groups[0].People, err)
	}

	var many []Answer
	var by []Dimension
	for d := range 12 {
		by = append(by, Dimension{Name: fmt.Sprint("d", d)})
	}
	for n := range 30 { // 30 to the 12th combinations, of which 30 occur
		attributes := map[string]string{}
		for _, d := range by {
			attributes[d.Name] = fmt.Sprint(29 - n)
		}
		many = append(many, Answer{Question: "y", Type: YesNo, Outcome: Answered, Value: Value{Kind: YesNo, Text: "yes"}, Respondent: Respondent{Person: fmt.Sprint(n), Attributes: attributes}})
	}
	table, err = Tally(Question{ID: "y", Ask: "?", Type: YesNo}, many, &TallyOptions{By: by})
	if err != nil || len(table.Groups) != 31 || len(table.By) != 12 {
		t.Fatalf("%d groups, %v", len(table.Groups), err)
	}
	for n, g := range table.Groups[1:] {
		if g.Values[0] != fmt.Sprint(n) || g.Base.Answered != 1 {
			t.Errorf("group %d: %v", n, g.Values)
		}
	}
}

// A number below zero stays a number in every table.
func TestNumbersBelowZero(t *testing.T) {
	scale := Question{ID: "s", Ask: "?", Type: Scale, Lo: -2, Hi: 2}
	pick := Question{ID: "p", Ask: "?", Type: OneOf, Options: []string{"-2", "-x"}}
	r := Respondent{Person: "a", Attributes: map[string]string{"change": "-1.5"}}
	answers := []Answer{{Question: "s", Type: Scale, Outcome: Answered, Value: Value{Kind: Scale, Number: -2}, Respondent: r},
		{Question: "p", Type: OneOf, Outcome: Answered, Value: Value{Kind: OneOf, Text: "-2"}, Respondent: r},
		{Question: "p", Type: OneOf, Outcome: Answered, Value: Value{Kind: OneOf, Text: "-x"}, Respondent: r}}
	var b strings.Builder
	for _, q := range []Question{scale, pick} {
		table, err := Tally(q, answers, &TallyOptions{By: []Dimension{{Name: "change"}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := table.WriteCSV(&b); err != nil {
			t.Fatal(err)
		}
	}
	if err := WriteCSV(&b, answers, nil); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{"\ns,,share,-2,,1", "\ns,-1.5,share,-2,,1", "\np,,share,-2,,1", "\np,,share,'-x,,1", "\na,p,,,,-2,answered", "\na,p,,,,'-x,answered"} {
		if !strings.Contains(text, want) {
			t.Errorf("lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "'-2") || strings.Contains(text, "'-1") {
		t.Error(text)
	}
}
