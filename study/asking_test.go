package study_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// together is a mind that answers once so many are asked at once, or after a while.
type together struct {
	voter
	need int

	mu       sync.Mutex
	now, top int
	enough   chan struct{}
}

func (m *together) Ask(ctx context.Context, p *tinytroupe.Perception, q tinytroupe.Question) (*tinytroupe.Answer, error) {
	m.mu.Lock()
	m.now++
	if m.now > m.top {
		if m.top = m.now; m.top == m.need {
			close(m.enough)
		}
	}
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		m.now--
		m.mu.Unlock()
	}()
	select {
	case <-m.enough:
		time.Sleep(time.Millisecond) // so that others could come
	case <-time.After(time.Second):
	}
	return m.voter.Ask(ctx, p, q)
}

// TestAskAtOnce: people are asked at once, as many as may be and no more, whether all are
// asked the same, each something else, or some something else.
func TestAskAtOnce(t *testing.T) {
	part := func(i int) int { return max(0, i-17) } // most are asked the same, and some each in words of their own
	for _, ask := range []string{"What?", "What, ${person.name}?", "What, ${person.part}?"} {
		var text strings.Builder
		text.WriteString("people:\n")
		for i := range 24 {
			fmt.Fprintf(&text, "  p%02d: {persona: {name: P%02d, part: %d}}\n", i, i, part(i))
		}
		fmt.Fprintf(&text, "questions: {q: {ask: %q}}\nscript:\n  - ask: q\n", ask)
		s := load(t, text.String())
		mind := &together{voter: voter{value: func(who, _, text string) any { return who + text }}, need: 6, enough: make(chan struct{})}
		res, err := s.Run(t.Context(), &study.RunOptions{Mind: func(study.Member) tinytroupe.Mind { return mind }, Parallel: 6})
		if err != nil || mind.top != 6 {
			t.Errorf("%s: %d at once, %v", ask, mind.top, err)
		}
		for i, a := range res.Answers {
			want := strings.NewReplacer("${person.name}", a.Person, "${person.part}", fmt.Sprint(part(i))).Replace(ask)
			if a.Person != fmt.Sprintf("P%02d", i) || !strings.HasPrefix(a.Value.Text, a.Person) || !strings.Contains(a.Value.Text, want) {
				t.Errorf("%s: answer %d is %s's: %s", ask, i, a.Person, a.Value.Text)
			}
		}
		if len(res.Answers) != 24 {
			t.Errorf("%s: %d answers", ask, len(res.Answers))
		}
	}
}
