package rehearsal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/jsonschema-go/jsonschema"
	"go.uber.org/goleak"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	_ llm.Model    = (*rehearsal.Model)(nil)
	_ llm.Embedder = (*rehearsal.Embedder)(nil)
)

// golden compares a script with a file that is meant to be read.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); rewrite with -update if the new text reads well:\n%s", path, diff)
	}
}

const adverts = `You are looking for a new TV for your home. Which of these adverts would you pick, and why?

# AD 1
The brightest picture ever.
A screen for sports in full daylight, with a remote that listens to your voice.

# AD 2
Films as they were meant to be.
Deep blacks, quiet nights and a cinema for your living room.

# AD 3
Smart and slim.
Built with sustainable materials and artificial intelligence that learns what you watch.`

func TestDialogue(t *testing.T) {
	s := newStage(t, rehearsal.New(nil), shipped(t, "lisa"), shipped(t, "oscar"))
	s.tell(stimulus{"CONVERSATION", "", "Talk to each other."})
	s.run(20)
	golden(t, "dialogue", s.script.String())
}

// shipped is the persona of a file in examples/people.
func shipped(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "examples", "people", name+".agent.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Persona json.RawMessage }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := json.Compact(&b, file.Persona); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Each is greeted once, also the second to whom somebody talks.
func TestGreetings(t *testing.T) {
	s := newStage(t, rehearsal.New(nil), shipped(t, "lisa"), shipped(t, "oscar"), shipped(t, "wanjiru"))
	lisa := s.players[0]
	greets := regexp.MustCompile(`^(?:Hello|Hi) `)
	for i, from := range []string{s.players[1].name, s.players[1].name, s.players[2].name, s.players[2].name} {
		lisa.near = []string{from}
		lisa.inbox = []stimulus{{"CONVERSATION", from, "I like to walk in the hills. What do you do in the evening?"}}
		said := ""
		for _, a := range s.turn(lisa).Actions {
			if a.Type == "TALK" && a.Target == from {
				said = a.Content
			}
		}
		if said == "" || greets.MatchString(said) != (i%2 == 0) {
			t.Errorf("turn %d, to %s: %q", i+1, from, said)
		}
	}
}

// TestConversation holds what must be true of a talk between two, whatever the seed.
func TestConversation(t *testing.T) {
	pairs := [][2]string{{lisa, oscar}, {shipped(t, "lisa"), shipped(t, "oscar")}, {shipped(t, "wanjiru"), shipped(t, "ray")}, {shipped(t, "lila"), shipped(t, "friedrich")}, {shipped(t, "marcos"), shipped(t, "sophie")}}
	for seed := range uint64(len(pairs)) {
		pair := pairs[seed]
		s := newStage(t, rehearsal.New(&rehearsal.Options{Seed: seed}), pair[0], pair[1])
		s.tell(stimulus{"CONVERSATION", "", "Talk to each other."})
		s.run(20)
		seen := map[string]bool{}
		talks, words := 0, ""
		for i, p := range s.players {
			other := strings.Fields(s.players[1-i].name)[0]
			named, bye := false, -1
			for n, d := range p.decisions {
				for _, a := range d.Actions {
					if a.Content == "" {
						continue
					}
					if bye >= 0 {
						t.Errorf("seed %d: %s acts after saying goodbye: %v", seed, p.name, a)
					}
					for _, line := range sentencesOf(a.Content) {
						if a.Type != "TALK" {
							line = p.name + " thinks: " + line // unknown to the other
						}
						if seen[line] {
							t.Errorf("seed %d: twice: %q", seed, line)
						}
						seen[line] = true
					}
					if a.Type != "TALK" {
						continue
					}
					talks++
					words += a.Content + "\n"
					if a.Target != s.players[1-i].name {
						t.Errorf("seed %d: %s talks to %q", seed, p.name, a.Target)
					}
					named = named || strings.Contains(a.Content, other)
					if strings.Contains(a.Content, "oodbye") || strings.Contains(a.Content, "See you") {
						bye = n
					}
				}
				if last := d.Actions[len(d.Actions)-1]; last.Type != "DONE" {
					t.Errorf("seed %d: the last act is %v", seed, last)
				}
				if d.State.Goals == "" || d.State.Attention == "" || d.State.Emotions == "" {
					t.Errorf("seed %d: empty state %+v", seed, d.State)
				}
			}
			if !named || bye < 0 {
				t.Errorf("seed %d: %s never says %s (%v) or goodbye (%d)", seed, p.name, other, named, bye)
			}
		}
		if talks < 10 {
			t.Errorf("seed %d: only %d utterances", seed, talks)
		}
		if bad := badEnglish.FindString(words); bad != "" {
			t.Errorf("seed %d: reads badly: %q in\n%s", seed, bad, words)
		}
		if t.Failed() {
			t.Log(s.script.String())
			return
		}
	}
}

var badEnglish = regexp.MustCompile(`\b[aA] [aeio]\w+|\w (?:\.|,)|  |\.\.|\bI (?:is|has|wakes|does|works)\b|\bis this: .* is this: |\b(?:the the|a a|to to|I I)\b|\b(?:am am|also also)\b|[a-z]\.[A-Z]`)

func sentencesOf(text string) []string {
	var out []string
	for _, s := range regexp.MustCompile(`[.!?]+(?:\s|$)`).Split(text, -1) {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func TestScenes(t *testing.T) {
	m := rehearsal.New(nil)
	mona := extra("Mona Ray", "Physician", "Running in the woods", "Open a clinic in a small town", "Patient with people")
	karl := extra("Karl Voss", "bus driver", "Football", "Retire at sixty", "Grumpy but fair")
	ines := extra("Ines", "Moderator", "Tea", "Write a book", "Calm")
	alone := func(s *stage) {
		for _, p := range s.players {
			p.near = nil
		}
	}
	t.Run("adverts", func(t *testing.T) {
		s := newStage(t, m, lisa, oscar, mona)
		alone(s)
		s.tell(stimulus{"CONVERSATION", "", adverts})
		s.run(2)
		golden(t, "adverts", s.script.String())
	})
	t.Run("ideas", func(t *testing.T) {
		s := newStage(t, m, lisa, oscar, mona, karl)
		s.tell(stimulus{"CONVERSATION", "", "We make a word processor. We want ideas for features that use artificial intelligence. Please suggest some."})
		s.run(3)
		s.tell(stimulus{"CONVERSATION", "", "Which of these would you keep?\nA: Voice typing: speak and it writes.\nB: A style coach for letters and numbers.\nC: Travel templates for trips by train."})
		s.run(3)
		for _, p := range s.players {
			for _, i := range []int{0, 3} {
				if d := p.decisions[i]; !slices.ContainsFunc(d.Actions, func(a act) bool { return a.Type == "TALK" }) {
					t.Errorf("%s says nothing to a question put to all: %v", p.name, d)
				}
			}
		}
		golden(t, "ideas", s.script.String())
	})
	t.Run("interview", func(t *testing.T) {
		s := newStage(t, m, ines, lisa)
		s.players[0].inbox = []stimulus{{"CONVERSATION", "", "Interview Lisa. Ask these questions:\n1. What do you do for a living?\n2. Where do you lose time, and why?\n3. Would you pay for help with that?\nThen thank her."}}
		s.run(6)
		golden(t, "interview", s.script.String())
	})
	t.Run("goal", func(t *testing.T) {
		s := newStage(t, m, lisa, extra("Bot", "support agent", "Order", "Help every customer", "Patient"))
		s.players[0].inbox = []stimulus{{"INTERNAL_GOAL_FORMULATION", "", "Find out why the bill was 20 euros higher this month."}}
		s.run(6)
		golden(t, "goal", s.script.String())
	})
	t.Run("alone", func(t *testing.T) {
		s := newStage(t, m, lisa)
		for _, st := range []stimulus{
			{"CONVERSATION", "", "Talk to Oscar about travel."},
			{"VISUAL", "", "A picture of a red house by the sea."},
			{"THOUGHT", "", "I should propose something quite different."},
			{"INTERNAL_GOAL_FORMULATION", "", "Learn more about bread."},
			{"SOCIAL", "", "A friend of a friend nods at you."},
			{"LOCATION", "", "A bakery."},
			{"CONVERSATION", "", "Do you remember what you said last time about your cat?"},
			{"RESULT", "", "You said that your cat is called Ada."},
		} {
			s.tell(st)
			s.run(1)
		}
		golden(t, "alone", s.script.String())
	})
	t.Run("questions", func(t *testing.T) {
		var b strings.Builder
		for _, q := range []string{
			"Would you buy bottled gazpacho at your supermarket?",
			"What do you think about working from home?",
			"Should cities ban cars?",
			"Do you like spicy food?",
			"Do you prefer tea or coffee?",
			"Which would you choose: A) a cheap phone, B) a phone with a good camera, or C) no phone at all?",
			"On a scale from 1 to 5, how likely are you to recommend Northwind to a friend?",
			"Tell me about yourself.",
			"What are the biggest problems you face?",
			"How do you usually plan a trip?",
			"Why do you cook?",
			"What is your favourite colour?",
			"What do you do in the evenings?",
			"WanderLux offers luxury trips with private guides. Would you be interested?",
			"Please explain what \"Quiet Hours\" means to you.",
		} {
			fmt.Fprintln(&b, q)
			for _, p := range []string{lisa, oscar, mona} {
				fmt.Fprintln(&b, "  ", answer(t, m, p, q, ""))
			}
		}
		golden(t, "questions", b.String())
	})
}

// crowd is eight people with little in common.
func crowd() []string {
	var out []string
	for i, like := range []string{"Football", "Opera", "Gardening", "Video games", "Hiking", "Cooking", "Old cars", "Poetry"} {
		out = append(out, extra(fmt.Sprintf("Person %c", 'A'+i), "clerk", like, "Have more time for "+strings.ToLower(like), "Calm"))
	}
	return out
}

func TestChoicesAreStableAndDiffer(t *testing.T) {
	m := rehearsal.New(nil)
	const schema = `{"type":"object","properties":{"choice":{"enum":["A","B","C","D"]},"score":{"type":"integer","minimum":1,"maximum":7},"rank":{"type":"array","items":{"enum":["red","green","blue"]},"minItems":3,"maxItems":3,"uniqueItems":true}},"required":["choice","score","rank"],"additionalProperties":false}`
	const question = "Which do you take?\nA: A ticket for the opera.\nB: Garden tools.\nC: A football.\nD: A cook book."
	choices, scores, ranks := map[string]bool{}, map[int]bool{}, map[string]bool{}
	for i, p := range crowd() {
		first, again := answer(t, m, p, question, schema), answer(t, m, p, question, schema)
		if first != again {
			t.Errorf("person %d: %s, then %s", i, first, again)
		}
		var v struct {
			Choice string
			Score  int
			Rank   []string
		}
		if err := json.Unmarshal([]byte(first), &v); err != nil {
			t.Fatal(err)
		}
		choices[v.Choice], scores[v.Score], ranks[strings.Join(v.Rank, " ")] = true, true, true
		if want := map[int]string{0: "C", 1: "A"}[i]; want != "" && v.Choice != want {
			t.Errorf("person %d likes what %s is about and takes %s", i, want, v.Choice)
		}
		// In another order the labels move with what they stand for.
		other := answer(t, m, p, "Which do you take?\nA: A cook book.\nB: A football.\nC: Garden tools.\nD: A ticket for the opera.", schema)
		if got, want := other[11:12], string('A'+'D'-v.Choice[0]); got != want {
			t.Errorf("person %d: took %s, and %s when the order was turned round", i, v.Choice, got)
		}
	}
	if len(choices) < 2 || len(scores) < 2 || len(ranks) < 2 {
		t.Errorf("eight people gave %d choices, %d scores, %d ranks", len(choices), len(scores), len(ranks))
	}
}

func TestExtraction(t *testing.T) {
	const transcript = `Extract from the transcript what Lisa Carter did. Which advert did she pick, and why?

USER --> Lisa Carter: [CONVERSATION]
          > Which? A: Bright. B: Films.
Lisa Carter acts: [TALK]
          > I would go for B, “Films”. It speaks of films, and I like films.
Oscar: I would pick A. It is cheap.`
	req := &llm.Request{
		System:   "You extract facts.",
		Messages: []llm.Message{llm.Text(llm.User, transcript)},
		Schema:   &llm.Schema{Name: "x", Body: json.RawMessage(`{"type":"object","properties":{"advert":{"enum":["A","B","C"]},"why":{"type":"string"},"quote":{"type":"string"}},"required":["advert","why","quote"]}`)},
	}
	resp, err := rehearsal.New(nil).Generate(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ Advert, Why, Quote string }
	if err := json.Unmarshal([]byte(resp.Text), &v); err != nil {
		t.Fatal(err)
	}
	if v.Advert != "B" {
		t.Errorf("advert %q", v.Advert)
	}
	for _, s := range []string{v.Why, v.Quote} {
		if s == "" || !strings.Contains(transcript, s) {
			t.Errorf("%q is not in the transcript", s)
		}
	}
}

func TestConsolidation(t *testing.T) {
	s := newStage(t, rehearsal.New(nil), lisa, oscar)
	s.tell(stimulus{"CONVERSATION", "", "Talk to each other."})
	s.run(4)
	p := s.players[0]
	req := &llm.Request{System: system(lisa), Messages: append(slices.Clone(p.messages), llm.Text(llm.User, "Summarise what happened so far.")),
		Schema: &llm.Schema{Name: "memo", Body: json.RawMessage(`{"type":"object","properties":{"summary":{"type":"string","maxLength":600},"memos":{"type":"array","maxItems":4,"items":{"type":"object","properties":{"content":{"type":"string"}},"required":["content"]}}},"required":["summary","memos"]}`)}}
	resp, err := rehearsal.New(nil).Generate(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ Summary string }
	if err := json.Unmarshal([]byte(resp.Text), &v); err != nil || !strings.Contains(v.Summary, "I talked with Oscar.") || !strings.Contains(v.Summary, "Oscar said: “") {
		t.Errorf("summary %q, %v", v.Summary, err)
	}
}

// TestSharedFirstName: of two relations with a first name, neither is chosen by chance.
func TestSharedFirstName(t *testing.T) {
	const ann = `{"name":"Ann Lee","relationships":[{"name":"Oscar Meyer","description":"friend"},{"name":"Oscar Stone","description":"boss"}]}`
	first := ""
	for range 30 {
		s := newStage(t, rehearsal.New(nil), ann)
		s.tell(stimulus{"CONVERSATION", "", "Talk to Oscar to get to know him."})
		req := s.players[0].request(s.now, "")
		resp, err := rehearsal.New(nil).Generate(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = resp.Text
		}
		if resp.Text != first {
			t.Fatalf("%s\n%s", first, resp.Text)
		}
	}
	if !strings.Contains(first, `"REACH_OUT","target":"Oscar"`) {
		t.Error(first)
	}
}

func TestSameRequestSameBytes(t *testing.T) {
	s := newStage(t, rehearsal.New(nil), lisa, oscar)
	s.tell(stimulus{"CONVERSATION", "", adverts})
	s.run(1)
	req := s.players[0].request(s.now, "")
	before := compact(req)
	a, err := rehearsal.New(nil).Generate(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	b, err := rehearsal.New(&rehearsal.Options{}).Generate(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{a.Text, a.Usage, a.Model, a.Finish}, []any{b.Text, b.Usage, b.Model, b.Finish}); diff != "" {
		t.Error(diff)
	}
	if compact(req) != before {
		t.Error("the request was changed")
	}
	if a.Usage.Input < 100 || a.Usage.Output < 10 || a.Usage.CachedInput != 0 {
		t.Errorf("usage %+v", a.Usage)
	}
}

func TestErrors(t *testing.T) {
	m := rehearsal.New(nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Generate(ctx, &llm.Request{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	hello := []llm.Message{llm.Text(llm.User, "Tell me about yourself.")}
	resp, err := m.Generate(t.Context(), &llm.Request{System: system(lisa), Messages: hello, MaxTokens: 3})
	if !errors.Is(err, llm.ErrTruncated) || resp == nil || resp.Finish != llm.FinishLength {
		t.Errorf("truncated: %v, %v", resp, err)
	}
	for _, bad := range []string{`{`, `{"type":"object","properties":{"a":{"$ref":"#/nowhere"}}}`, `{"type":"object","properties":{"a":false},"required":["a"]}`} {
		var e *llm.Error
		if _, err := m.Generate(t.Context(), &llm.Request{Messages: hello, Schema: &llm.Schema{Body: json.RawMessage(bad)}}); !errors.As(err, &e) || e.Status != 400 {
			t.Errorf("schema %s: %v", bad, err)
		}
	}
}

func TestEmbedder(t *testing.T) {
	e := rehearsal.NewEmbedder()
	texts := []string{"I love watching old films at night.", "She watches a film every night.", "The bus was late because of the snow.", ""}
	vs, usage, err := e.Embed(t.Context(), texts)
	if err != nil || len(vs) != len(texts) || usage.Input == 0 {
		t.Fatal(vs, usage, err)
	}
	dot := func(a, b []float32) (s float64) {
		for i := range a {
			s += float64(a[i]) * float64(b[i])
		}
		return s
	}
	for i, v := range vs {
		if n := dot(v, v); len(v) != 256 || math.Abs(n-1) > 1e-5 {
			t.Errorf("text %d: %d numbers, squared length %v", i, len(v), n)
		}
	}
	if near, far := dot(vs[0], vs[1]), dot(vs[0], vs[2]); near < far+0.2 {
		t.Errorf("similar %v, different %v", near, far)
	}
	again, _, _ := e.Embed(t.Context(), texts[1:2])
	if diff := cmp.Diff(vs[1], again[0]); diff != "" {
		t.Error(diff)
	}
	if rehearsal.New(nil).Name() != "rehearsal" || e.Name() != "rehearsal" {
		t.Error("name")
	}
}

func check(t interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}, schema, text string) {
	t.Helper()
	var s jsonschema.Schema
	if err := json.Unmarshal([]byte(schema), &s); err != nil {
		t.Fatal(err)
	}
	r, err := s.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if err := r.Validate(v); err != nil {
		t.Fatalf("%v\nschema %s\nvalue  %s", err, schema, text)
	}
}
