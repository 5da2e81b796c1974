package study_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// together is a mind that takes a second to answer, and counts how many do at once.
type together struct {
	voter
	mu       sync.Mutex
	now, top int
}

func (m *together) count(by int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now += by
	m.top = max(m.top, m.now)
}

func (m *together) Ask(ctx context.Context, p *tinytroupe.Perception, q tinytroupe.Question) (*tinytroupe.Answer, error) {
	m.count(1)
	defer m.count(-1)
	time.Sleep(time.Second)
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
		mind := &together{voter: voter{value: func(who, _, text string) any { return who + text }}}
		var res *study.Result
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			var err error
			res, err = s.Run(t.Context(), &study.RunOptions{Mind: func(study.Member) tinytroupe.Mind { return mind }, Parallel: 6})
			if took := time.Since(begun); err != nil || mind.top != 6 || took != 4*time.Second {
				t.Errorf("%s: %d at once, in %v, %v", ask, mind.top, took, err)
			}
		})
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
