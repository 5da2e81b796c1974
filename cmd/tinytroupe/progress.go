package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/study"
)

// A statusLine is the last line of a terminal, rewritten in place. Whatever else is
// printed goes above it: each screen of the terminal takes it away before it writes. It
// moves the cursor by carriage returns and spaces alone, so that any terminal will do.
type statusLine struct {
	w       io.Writer
	columns func() int // 0 where unknown; nil means unknown
	now     func() time.Time

	mu    sync.Mutex
	text  string
	drawn int       // columns in use
	mid   bool      // the cursor stands within a line of something else
	last  time.Time // that it was drawn anew
}

const (
	drawEvery      = 100 * time.Millisecond
	usualColumns   = 80
	fewestColumns  = 20
	expectedFactor = 2 // times hintMost: a real run waits a little longer for what it shows
)

// over writes what goes above the line. A nil line only writes.
func (l *statusLine) over(w io.Writer, out []byte) (int, error) {
	if l == nil {
		return w.Write(out)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	n, err := w.Write(out)
	if len(out) > 0 {
		l.mid = out[len(out)-1] != '\n'
	}
	l.draw()
	return n, err
}

// set shows another text, made of parts of which the last are left out where the
// terminal is narrow. It is drawn at most ten times a second.
func (l *statusLine) set(parts ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if now.Sub(l.last) < drawEvery {
		return
	}
	l.last = now
	l.clear()
	l.text = fitting(parts, l.width())
	l.draw()
}

// end takes the line away.
func (l *statusLine) end() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	l.text = ""
}

func (l *statusLine) width() int {
	n := 0
	if l.columns != nil {
		n = l.columns()
	}
	if n <= 0 {
		n = usualColumns
	}
	return n - 1 // in the last column a terminal may begin another line
}

func (l *statusLine) clear() {
	if l.drawn > 0 {
		// The line is decoration: that it cannot be drawn is no error of the run.
		_, _ = io.WriteString(l.w, "\r"+strings.Repeat(" ", l.drawn)+"\r")
		l.drawn = 0
	}
}

func (l *statusLine) draw() {
	if l.text != "" && !l.mid {
		_, _ = io.WriteString(l.w, l.text)
		l.drawn = utf8.RuneCountInString(l.text)
	}
}

// fitting joins as many parts as fit.
func fitting(parts []string, width int) string {
	text := ""
	if width < fewestColumns {
		return text
	}
	for i, p := range parts {
		if i > 0 {
			p = ", " + p
		}
		if utf8.RuneCountInString(text+p) > width {
			break
		}
		text += p
	}
	return text
}

// progress is how far a run has come, as a terminal shows it: steps, calls, what was
// spent, what is expected, and the time that is left at the pace so far.
type progress struct {
	line   *statusLine
	budget *llm.Budget
	before llm.Spent // by earlier parts of the run
	begun  time.Time
	offer  *offer // of what was left; nil where nothing can be expected
	free   bool   // the model costs nothing
	priced bool

	mu       sync.Mutex
	done, of int // steps
}

// watch prepares to show progress, where there is a terminal that nobody types at.
func (s *session) watch(ctx context.Context) {
	if !s.out.terminal || s.out.quiet || hasHumans(s.study) || s.p.line == nil {
		return
	}
	w := &progress{line: s.p.line, budget: s.budget, before: s.before.spent, of: len(s.study.Steps()), priced: true, free: true}
	for _, name := range s.roles {
		price, known := s.p.prices(name)
		w.priced, w.free = w.priced && known, w.free && known && price == (llm.Price{})
	}
	if e, err := s.estimate(ctx, expectedFactor*hintMost); err == nil {
		w.offer = s.p.priced(e, s.roles)
	}
	w.begun = w.line.now()
	s.shown = w
}

// progress tells of a step as it begins and ends.
func (s *session) progress(p study.Progress) {
	s.out.progress(p)
	s.shown.step(p)
}

// called tells of a call that is over.
func (s *session) called() {
	if s.shown != nil {
		s.shown.show()
	}
}

// step notes that a step is over.
func (w *progress) step(p study.Progress) {
	if w == nil {
		return
	}
	if p.Phase == study.Ended || p.Phase == study.Skipped {
		w.mu.Lock()
		w.done = max(w.done, p.Verb)
		w.mu.Unlock()
	}
	w.show()
}

func (w *progress) show() {
	w.mu.Lock()
	done := w.done
	w.mu.Unlock()
	spent := w.budget.Spent()
	w.line.set(w.parts(done, spent, w.line.now().Sub(w.begun))...)
}

func (w *progress) parts(done int, spent llm.Spent, took time.Duration) []string {
	parts := []string{fmt.Sprintf("%d of %d steps", done, w.of)}
	money := ""
	if w.priced && !w.free {
		money = usd(spent.USD)
	}
	if w.offer == nil {
		parts = append(parts, count(spent.Calls, "call"))
		if money != "" {
			parts = append(parts, money)
		}
		return parts
	}
	low, high := w.offer.Sum("")
	least, most := w.before.Calls+low.Calls, w.before.Calls+high.Calls
	expected := least
	calls := fmt.Sprintf("%d of about %d calls", spent.Calls, least)
	if w.offer.wide() {
		expected = (least + most) / 2
		calls = fmt.Sprintf("%d of %s calls", spent.Calls, span(least, most))
	}
	parts = append(parts, calls)
	if money != "" {
		parts = append(parts, money+" of about "+dollars(w.before.USD+w.offer.low, w.before.USD+w.offer.high))
	}
	if made := spent.Calls - w.before.Calls; made > 0 && expected > spent.Calls {
		left := took.Seconds() / float64(made) * float64(expected-spent.Calls)
		parts = append(parts, "about "+about(left)+" left")
	}
	return parts
}

// watched is a model after each call of which progress is shown.
type watched struct {
	llm.Model
	after func()
}

func (m *watched) Unwrap() llm.Model { return m.Model }

func (m *watched) Generate(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	resp, err := m.Model.Generate(ctx, req)
	m.after()
	return resp, err
}
