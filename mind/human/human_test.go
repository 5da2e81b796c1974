package human_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/mind/human"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func Example() {
	m := human.New(strings.NewReader("I would take the red one.\n"), os.Stdout)
	w := tinytroupe.NewWorld("Shop", m, nil)
	p, err := w.Add(tinytroupe.NewPersona("Sam"), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	acts, err := p.ListenAndAct(context.Background(), "Which one?")
	fmt.Println("…\n"+acts[0].Content, err)
	// Output:
	// Sam, Thursday 09:00:
	//   USER: Which one?
	// You say, though nobody is within reach (an empty line says nothing): …
	// I would take the red one. <nil>
}

func ask(t *testing.T, m tinytroupe.Mind) []tinytroupe.Action {
	t.Helper()
	d, err := m.Decide(t.Context(), &tinytroupe.Perception{
		Persona:   tinytroupe.NewPersona("Sam"),
		Situation: tinytroupe.Situation{Context: []string{"rain"}, Near: []tinytroupe.Acquaintance{{Name: "Ann"}, {Name: "Bo"}}},
		Stimuli: []tinytroupe.Stimulus{
			{Kind: tinytroupe.Conversation, Source: "Ann", Content: "Two\nlines \x1b[31m"},
			{Kind: tinytroupe.Visual, Content: "A house", Images: []tinytroupe.Image{{Name: "a.png"}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d.Actions
}

func TestTerminal(t *testing.T) {
	var out strings.Builder
	m := human.New(strings.NewReader("  Hello you \r\n\nlast"), &out)
	if acts := ask(t, m.In("talks/Sam")); len(acts) != 1 || acts[0] != (tinytroupe.Action{Kind: tinytroupe.Talk, Target: "everyone", Content: "Hello you"}) {
		t.Errorf("%+v", acts)
	}
	for _, want := range []string{"Sam in talks/Sam, ", "(rain)", "Ann: Two\n    lines \ufffd[31m", "[VISUAL]: A house\n    [image a.png]", "You say to Ann, Bo "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
	if acts := ask(t, m); len(acts) != 0 {
		t.Errorf("an empty line: %+v", acts)
	}
	if acts := ask(t, m); len(acts) != 1 || acts[0].Content != "last" {
		t.Errorf("a last line: %+v", acts)
	}
	if acts := ask(t, m); len(acts) != 0 {
		t.Errorf("the end: %+v", acts)
	}
}

// TestInterrupted: waiting ends with the context.
func TestInterrupted(t *testing.T) {
	in, other := net.Pipe()
	defer in.Close()
	defer other.Close()
	m := human.New(in, &strings.Builder{})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := m.Decide(ctx, &tinytroupe.Perception{Persona: tinytroupe.NewPersona("Sam")}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if _, err := m.Decide(ctx, &tinytroupe.Perception{}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
