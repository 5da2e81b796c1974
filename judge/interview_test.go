package judge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/rawjson"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/mind"
)

// person returns somebody alone in a world, with a mind that asks m.
func person(t testing.TB, p tinytroupe.Persona, m llm.Model) *tinytroupe.Person {
	t.Helper()
	mnd, err := mind.New(m, nil)
	if err != nil {
		t.Fatal(err)
	}
	who, err := tinytroupe.Alone(p, mnd, nil)
	if err != nil {
		t.Fatal(err)
	}
	return who
}

func caseOf(t testing.TB, name string) Case {
	t.Helper()
	cases, err := Cases()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(cases, func(c Case) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("no case %q", name)
	}
	return cases[i]
}

// answers is a model that answers as the persona in its prompt would.
func answers(_ context.Context, _ int, req *llm.Request) (string, error) {
	q := req.Messages[len(req.Messages)-1].Parts[0].Text
	for _, before := range []string{"Question: ", "Now you are asked: "} {
		if i := strings.LastIndex(q, before); i >= 0 {
			q = q[i:]
		}
	}
	var by map[string]string
	switch {
	case strings.Contains(req.System, "Norrbanken"):
		by = map[string]string{
			"work":     "I run corporate lending at Norrbanken. Ten million and up.",
			"live":     "Östermalm. The view of the water was worth every krona.",
			"day":      "Up at five, run, markets, fourteen hours of work. I have no time to waste.",
			"owe":      "Then he pays or I take the house. Pity is not in the contract.",
			"have":     "More. A bigger bonus, and one day the chief executive's chair.",
			"thousand": "Invest it. Money that does not work is lost profit.",
		}
	case strings.Contains(req.System, "hermitage"):
		by = map[string]string{
			"work":     "I pray. Between prayers I mend chairs and look after the bees.",
			"live":     "Two rooms above the village. One more than I need.",
			"day":      "I rise at four for the psalms. Then the garden, slowly.",
			"owe":      "I would forgive him and give him soup.",
			"have":     "Nothing more. What one owns, owns one.",
			"thousand": "I would carry it down to the village. I do not touch money.",
		}
	default:
		return "", errors.New("whose prompt is this?")
	}
	for k, a := range by {
		if strings.Contains(q, k) {
			b, err := json.Marshal(map[string]string{"answer": a})
			return string(b), err
		}
	}
	return `{"answer":"I would not know."}`, nil
}

// examines is an examiner who asks twice, and once what was asked before.
func examines(_ context.Context, n int, req *llm.Request) (string, error) {
	if n%2 == 1 {
		return `{"questions":["What is your work?","Where do you live?","How does your day go?"," what IS your  work? "],"complete":false}`, nil
	}
	return `{"questions":["Where do you live?","What do you do with somebody who cannot pay what they owe?","What would you like to have?","You find a thousand euros: what now?"],"complete":true}`, nil
}

// rates is a judge that reads: it finds in the answers what speaks for each expectation.
func rates(_ context.Context, _ int, req *llm.Request) (string, error) {
	text := req.Messages[0].Parts[0].Text
	claim := text[strings.LastIndex(text, "# The claim"):]
	for of, sign := range map[string]string{
		"in banking": "corporate lending", "money and profit": "lost profit", "no pity": "Pity is not in the contract",
		"luxury": "worth every krona", "in a hurry": "no time to waste", "ambitious": "chief executive's chair",
		"religious": "I pray", "Owns very little": "What one owns, owns one", "forgiving": "I would forgive him",
		"Prays daily": "rise at four for the psalms", "Is patient": "the garden, slowly", "no wish to rise": "Nothing more",
	} {
		if !strings.Contains(claim, of) {
			continue
		}
		if strings.Contains(text, sign) {
			return fmt.Sprintf(`{"reason":"It shows.","quotes":[{"event":2,"quote":%q}],"verdict":"9","confidence":90}`, sign), nil
		}
		_, line, _ := strings.Cut(text, `"does":"TALK","to":["Interviewer"],"content":"`)
		first, _, _ := strings.Cut(line, ".")
		return fmt.Sprintf(`{"reason":"Somebody quite different.","quotes":[{"event":2,"quote":%q}],"verdict":"0","confidence":90}`, first), nil
	}
	return "", fmt.Errorf("what is expected?\n%s", claim)
}

// TestCases: the right expectations are met, and those of somebody else are not.
func TestCases(t *testing.T) {
	cases, err := Cases()
	if err != nil || len(cases) != 4 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			who := person(t, c.Persona, llmtest.Func("test/answers", answers))
			if err := who.Listen("Good evening."); err != nil {
				t.Fatal(err)
			}
			before := slices.Collect(who.World().Events())
			var seen []string
			judge := llmtest.Func("test/rates", func(ctx context.Context, n int, req *llm.Request) (string, error) {
				seen = append(seen, dump(req)) // one at a time: expectations are judged by this judge alone
				return rates(ctx, n, req)
			})
			iv := &Interview{
				Examiner: llmtest.Func("test/examines", examines), Expectations: c.Expectations,
				Judge: newJudge(t, llm.Wrap(judge, oneAtATime()), nil),
			}
			v, err := iv.Hold(t.Context(), who)
			if err != nil {
				t.Fatal(err)
			}
			score, rated, ok := v.Score()
			if !ok || rated != 6 || (score >= PassMark) != c.Met || c.Met && score < 0.95 || !c.Met && score > 0.05 {
				t.Errorf("%s; met should be %v\n%+v", v, c.Met, v.Ratings)
			}
			if len(v.Exchanges) != 6 {
				t.Errorf("%d questions were asked, want 6 without repetitions: %+v", len(v.Exchanges), v.Exchanges)
			}
			if after := slices.Collect(who.World().Events()); len(after) != len(before) {
				t.Errorf("asking left %d events", len(after)-len(before))
			}
			// The judge of the answers never sees the description.
			for _, s := range seen {
				for _, secret := range []string{`"occupation"`, `"long_term_goals"`, "big_five", c.Persona.Residence()} {
					if strings.Contains(s, secret) {
						t.Errorf("the judge sees %q of the description", secret)
					}
				}
			}
		})
	}
}

// oneAtATime lets a model be asked by one caller at a time.
func oneAtATime() llm.Middleware {
	return llm.Limit(llm.NewLimiter(&llm.LimiterOptions{Parallel: 1, Most: 1}))
}

// TestInterviewPrompts: what reaches examiner, person and judge, whole.
func TestInterviewPrompts(t *testing.T) {
	c := caseOf(t, "monk as monk")
	p := persona(t, `{"name":"Anselm","residence":"A hermitage"}`)
	var asked []string
	answer := llmtest.Func("test/answers", func(_ context.Context, n int, req *llm.Request) (string, error) {
		asked = append(asked, req.Messages[len(req.Messages)-1].Parts[0].Text)
		switch n {
		case 1:
			return `{"answer":"I pray, \"mostly\" <here>."}`, nil
		case 2:
			return "", llm.ErrFiltered
		case 3:
			return "", errors.New("the line is dead")
		}
		return `{"answer":"Bees & chairs."}`, nil
	})
	ex := llmtest.Scripted(
		`{"questions":["What is <your> work?"],"complete":false}`,
		`{"questions":["Whom do you pray to?"],"complete":false}`,
		`{"questions":["Are you there?"],"complete":false}`,
		`{"questions":["And else?"],"complete":false}`)
	script := llmtest.Scripted(strings.Replace(scored(8), "the second", "Bees & chairs", 1), strings.Replace(scored(3), "the second", "What is <your> work?", 1))
	iv := &Interview{Examiner: ex, Judge: newJudge(t, llm.Wrap(script, oneAtATime()), nil), Expectations: c.Expectations[:1], Rounds: 4, Questions: 2, Persona: &p}
	v, err := iv.Hold(t.Context(), person(t, p, answer))
	if err != nil {
		t.Fatal(err)
	}
	if got := v.String(); got != "Anselm: 0.89 (1 of 1 expectations rated, 2 of 4 questions answered)" {
		t.Error(got)
	}
	golden(t, "examiner.txt", dump(ex.Requests()[3]))
	golden(t, "expectation.txt", dump(script.Requests()[0]))
	golden(t, "question-put.txt", asked[len(asked)-1]+"\n")

	// A question quoted as if it were an answer is no evidence.
	iv.Examiner = llmtest.Scripted(`{"questions":["What is <your> work?"],"complete":true}`)
	v, err = iv.Hold(t.Context(), person(t, p, llmtest.Scripted(`{"answer":"I pray."}`)))
	if err != nil || v.Outcome() != Invalid || !strings.Contains(v.Ratings[0].Reason, "which Anselm did not say") {
		t.Errorf("%s, %+v, %v", v, v.Ratings[0], err)
	}
}

// TestInterviewRehearsal: the stand-in can be asked and can ask; only rating is left.
func TestInterviewRehearsal(t *testing.T) {
	m := rehearsal.New(nil)
	for _, name := range []string{"monk as monk", "banker as monk"} {
		c := caseOf(t, name)
		iv := &Interview{Examiner: m, Judge: newJudge(t, m, &Options{Rehearsal: true}), Expectations: c.Expectations}
		v, err := iv.Hold(t.Context(), person(t, c.Persona, m))
		if err != nil {
			t.Fatal(err)
		}
		if _, _, ok := v.Score(); ok || v.Outcome() != NotJudged || len(v.Exchanges) == 0 {
			t.Errorf("%s: %s", name, v)
		}
		for _, e := range v.Exchanges {
			if e.Err != nil || e.Question == "" || e.Answer == "" {
				t.Errorf("%s: %+v", name, e)
			}
			t.Logf("%q → %q", e.Question, e.Answer)
		}
	}
}

// TestInterviewFails: whatever breaks is an outcome or an error, and never a score.
func TestInterviewFails(t *testing.T) {
	c := caseOf(t, "banker as banker")
	good := llmtest.Func("test/answers", answers)
	ex := func() llm.Model { return llmtest.Func("test/examines", examines) }
	always := func(m llm.Model, k llmtest.FaultKind) llm.Model {
		return llmtest.Faulty(m, llmtest.Always(llmtest.Fault{Kind: k}))
	}
	judge := llmtest.Func("test/rates", rates)

	for _, k := range []llmtest.FaultKind{llmtest.Rate, llmtest.ServerError, llmtest.Reset, llmtest.Truncated, llmtest.NotJSON, llmtest.NotFound, llmtest.Auth, llmtest.Quota,
		llmtest.TooLong, llmtest.Echo, llmtest.NoSchema, llmtest.Empty, llmtest.Length, llmtest.Filter, llmtest.FilterCall, llmtest.Refusal} {
		again := k == llmtest.NotFound || k == llmtest.Auth || k == llmtest.Quota // with every call: an error besides
		// The person cannot answer.
		iv := &Interview{Examiner: ex(), Judge: newJudge(t, judge, nil), Expectations: c.Expectations}
		v, err := iv.Hold(t.Context(), person(t, c.Persona, always(good, k)))
		if b, err := json.Marshal(v); err != nil || v.Exchanges[0].Err != nil && !strings.Contains(string(b), `"reason":`+string(rawjson.Of(v.Exchanges[0].Err.Error()))) {
			t.Errorf("%s of the person is not kept: %s, %v", k, b, err)
		}
		if _, _, ok := v.Score(); (err != nil) != again || ok || v.Outcome().Judged() {
			if k != llmtest.Filter && k != llmtest.FilterCall && k != llmtest.Refusal {
				t.Errorf("%s of the person: %s, %v", k, v, err)
			}
		}
		// The judge cannot.
		iv = &Interview{Examiner: ex(), Judge: newJudge(t, always(judge, k), nil), Expectations: c.Expectations}
		v, err = iv.Hold(t.Context(), person(t, c.Persona, good))
		if _, _, ok := v.Score(); (err != nil) != again || ok || v.Outcome().Judged() || len(v.Exchanges) != 6 {
			t.Errorf("%s of the judge: %s, %v", k, v, err)
		}
		// The examiner cannot.
		iv = &Interview{Examiner: always(ex(), k), Judge: newJudge(t, judge, nil), Expectations: c.Expectations}
		v, err = iv.Hold(t.Context(), person(t, c.Persona, good))
		if _, _, ok := v.Score(); err == nil || ok || !strings.Contains(err.Error(), "interview of Victor Hallström: round 1: the examiner: ") {
			t.Errorf("%s of the examiner: %s, %v", k, v, err)
		}
	}

	// Half of the judge's verdicts are too few.
	half := llmtest.Faulty(judge, llmtest.Every(2, llmtest.Fault{Kind: llmtest.ServerError}))
	iv := &Interview{Examiner: ex(), Judge: newJudge(t, half, nil), Expectations: c.Expectations}
	v, err := iv.Hold(t.Context(), person(t, c.Persona, good))
	if _, rated, ok := v.Score(); err != nil || ok || rated != 3 || v.Outcome() != Failed {
		t.Errorf("%s, %v", v, err)
	}

	for _, c := range []struct {
		iv   *Interview
		r    Respondent
		want string
	}{
		{&Interview{Examiner: ex(), Judge: newJudge(t, judge, nil)}, person(t, c.Persona, good), "needs an examiner, a judge and at least one expectation"},
		{&Interview{Examiner: llmtest.Scripted(`{"questions":[" "],"complete":false}`), Judge: newJudge(t, judge, nil), Expectations: c.Expectations}, person(t, c.Persona, good), "the examiner asked nothing"},
		{&Interview{Examiner: ex(), Judge: newJudge(t, judge, nil), Expectations: c.Expectations}, dumb(t), "round 1: Ann: ask: unsupported operation"},
	} {
		if _, err := c.iv.Hold(t.Context(), c.r); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

// dumb is somebody whose mind cannot be asked.
func dumb(t *testing.T) Respondent {
	p, err := tinytroupe.Alone(tinytroupe.NewPersona("Ann"), mindFunc(func(*tinytroupe.Perception) string { return "" }), nil)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
