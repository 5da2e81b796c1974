package people_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/llm/llmtest"
	"github.com/tinytroupe-go/tinytroupe/llm/rehearsal"
	"github.com/tinytroupe-go/tinytroupe/people"
)

// everything is a persona with a marker, M1 to M43, in every field that a persona
// usually has, and in some that it has not.
func everything(t *testing.T) tinytroupe.Persona {
	n := 0
	text := func(format string) string {
		for strings.Contains(format, "$") {
			n++
			format = strings.Replace(format, "$", fmt.Sprintf(`"M%d."`, n), 1)
		}
		return format
	}
	p := parse(t, text(`{"name":"Ana <M0> & Co","age":$,"gender":$,"nationality":$,"residence":$,"education":$,"long_term_goals":[$,$],
		"occupation":{"title":$,"organization":$,"description":$},"style":$,
		"personality":{"traits":[$,$],"big_five":{"openness":$,"conscientiousness":$,"extraversion":$,"agreeableness":$,"neuroticism":$}},
		"preferences":{"interests":[$],"likes":[$],"dislikes":[$]},"skills":[$],"beliefs":[$],
		"behaviors":{"general":[$],"routines":{"morning":[$],"workday":[$],"evening":[$],"weekend":[$]},"debate":[$]},
		"health":$,"relationships":[{"name":$,"description":$}],"other_facts":[$],
		"projects":[{"title":$,"type":$,"organization":$,"description":$,"key_contributions":[$],"resources":[$]}],
		"zodiac":{"sign":$,"houses":[[$],{"x":$}]},"language":$}`)).Persona
	if n != 43 {
		t.Fatalf("%d markers", n)
	}
	return p
}

func TestBioPrompt(t *testing.T) {
	m := llmtest.Scripted(`{"bio":" Ana is somebody. "}`, `{"bio":"x"}`)
	p := everything(t)
	bio, err := people.Bio(t.Context(), m, p, "In Portuguese.\nM99")
	if err != nil || bio != "Ana is somebody." {
		t.Fatal(bio, err)
	}
	if _, err := people.Bio(t.Context(), m, p, " "); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, req := range m.Requests() {
		fmt.Fprintf(&b, "label: %+v\n--- system\n%s\n--- user\n%s\n--- schema\n%s\n", req.Label, req.System, req.Messages[0].Parts[0].Text, req.Schema.Body)
	}
	for i := range 44 {
		if !strings.Contains(m.Requests()[0].System, fmt.Sprintf("M%d.", i)) && i > 0 || !strings.Contains(b.String(), "Ana <M0> & Co") {
			t.Errorf("marker %d does not reach the model", i)
		}
	}
	if !strings.Contains(m.Requests()[0].Messages[0].Parts[0].Text, "M99") {
		t.Error("the requirements do not reach the model")
	}
	const golden = "testdata/bio.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), b.String()); d != "" {
		t.Error(d)
	}
}

// TestBioOnce: under a cache a bio is made once for a persona and its requirements.
func TestBioOnce(t *testing.T) {
	calls, n := llm.NewMemory(), 0
	m := llm.Wrap(llmtest.Func("test/m", func(context.Context, int, *llm.Request) (string, error) {
		n++
		return fmt.Sprintf(`{"bio":"Bio %d."}`, n), nil
	}), llm.Cache(calls), llm.Meter(calls))
	p := tinytroupe.NewPersona("Ana")
	edited, err := p.With("age", 30)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		p            tinytroupe.Persona
		requirements string
		want         string
	}{
		{p, "", "Bio 1."}, {p, "", "Bio 1."}, {p, "short", "Bio 2."}, {edited, "", "Bio 3."}, {edited, "short", "Bio 4."}, {edited, "", "Bio 3."}, {p, "short", "Bio 2."},
	} {
		if got, err := people.Bio(t.Context(), m, tt.p, tt.requirements); err != nil || got != tt.want {
			t.Errorf("%s %q: got %q, %v, want %q", tt.p.JSON(), tt.requirements, got, err, tt.want)
		}
	}
}

func TestBioFailures(t *testing.T) {
	p := tinytroupe.NewPersona("Ana")
	if bio, err := people.Bio(t.Context(), llmtest.Scripted(`{"bio":" "}`), p, ""); !errors.Is(err, llm.ErrInvalid) || bio != "" {
		t.Errorf("empty: %q, %v", bio, err)
	}
	if bio, err := people.Bio(t.Context(), llmtest.Scripted(`none`, `none`), p, ""); !errors.Is(err, llm.ErrInvalid) || bio != "" {
		t.Errorf("no JSON: %q, %v", bio, err)
	}
	broken := errors.New("broken")
	m := llmtest.Func("test/m", func(context.Context, int, *llm.Request) (string, error) { return "", broken })
	if _, err := people.Bio(t.Context(), m, p, ""); !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "bio of Ana: ") {
		t.Error(err)
	}
}

func TestBioRehearsed(t *testing.T) {
	p := parse(t, `{"name":"Ana Reyes","age":41,"occupation":{"title":"Cook"},"preferences":{"interests":["Night trains"]}}`).Persona
	want := "Ana Reyes (41) is a cook. Interests: Night trains."
	if bio, err := people.Bio(t.Context(), rehearsal.New(nil), p, ""); err != nil || bio != want {
		t.Errorf("got %s, %v, want %s", bio, err, want)
	}
}
