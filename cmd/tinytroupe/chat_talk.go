package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/internal/drain"
	"github.com/tinytroupe-go/tinytroupe/llm"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

const chatHelp = `  TEXT         everybody hears it and answers
  @NAME TEXT   one person hears it and answers
  """          begins and ends a text of several lines
  /step [N]    lets them go on by themselves
  /who         who is here, and in what mood
  /why [N]     the prompt and the reply behind the last answer, or the Nth last
  /quit        ends the chat, as Ctrl-D does
`

// lines reads lines when asked to, so that nobody reads when the chat is over. A
// read that is under way when an interrupt ends the chat ends with its input.
type lines struct {
	ask chan struct{}
	got chan string // closed at the end of the input
}

func readLines(r io.Reader) *lines {
	l := &lines{ask: make(chan struct{}), got: make(chan string)}
	in := bufio.NewReader(r)
	go func() {
		defer close(l.got)
		for range l.ask {
			s, err := in.ReadString('\n')
			if err != nil && s == "" {
				return
			}
			l.got <- strings.TrimRight(s, "\r\n")
		}
	}()
	return l
}

// next returns the next line, or false at the end of the chat.
func (c *chat) next(ctx context.Context, l *lines, prompt string) (string, bool) {
	if c.ending || ctx.Err() != nil {
		return "", false
	}
	if c.typed {
		fmt.Fprint(c.p.stdout, prompt)
	}
	select {
	case l.ask <- struct{}{}:
	case <-l.got: // the input has ended
		return "", false
	}
	select {
	case s, ok := <-l.got:
		c.at++
		if !ok && c.typed {
			fmt.Fprintln(c.p.stdout)
		}
		return s, ok
	case sig := <-c.sig:
		c.stop(sig)
		fmt.Fprintln(c.p.stdout)
	case <-ctx.Done():
	}
	return "", false
}

// stop notes a signal. One to end ends every chat, an interrupt one that nobody types.
func (c *chat) stop(sig os.Signal) { c.ending = c.ending || !c.typed || sig == syscall.SIGTERM }

// lose says why a line came to nothing. Who types sees it; among lines of a file it is
// counted, for nobody answered it.
func (c *chat) lose(format string, args ...any) {
	if !c.typed {
		c.lost++
		fmt.Fprintf(c.p.stdout, "line %d: ", c.at)
	}
	fmt.Fprintf(c.p.stdout, format, args...)
}

// talk takes line after line. The error is one that ends the chat.
func (c *chat) talk(ctx context.Context) error {
	in := c.p.stdin
	if in == nil {
		in = strings.NewReader("")
	}
	l := readLines(in)
	defer close(l.ask)
	for {
		s, ok := c.next(ctx, l, "> ")
		if ok && strings.TrimSpace(s) == `"""` {
			s, ok = c.block(ctx, l)
		}
		if !ok {
			return nil
		}
		end, err := c.line(ctx, s)
		if err == nil && end {
			return nil
		}
		if err != nil && c.fatal(err) {
			return err
		}
	}
}

// block reads a text of several lines.
func (c *chat) block(ctx context.Context, l *lines) (string, bool) {
	var text []string
	for {
		s, ok := c.next(ctx, l, "  ")
		switch {
		case !ok:
			return strings.Join(text, "\n"), len(text) > 0
		case strings.TrimSpace(s) == `"""`:
			return strings.Join(text, "\n"), true
		}
		text = append(text, s)
	}
}

// line does what a line says, and reports whether it ends the chat.
func (c *chat) line(ctx context.Context, s string) (end bool, err error) {
	text := strings.TrimSpace(s)
	word, rest, _ := strings.Cut(text, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case text == "":
		return false, nil
	case strings.HasPrefix(word, "@"):
		return false, c.sayTo(ctx, text[1:])
	case !strings.HasPrefix(word, "/") || strings.Contains(word[1:], "/") || strings.Contains(word, "\n"):
		return false, c.say(ctx, text)
	}
	switch word {
	case "/quit", "/exit", "/bye":
		return true, nil
	case "/help", "/?":
		fmt.Fprint(c.p.stdout, chatHelp)
	case "/who":
		c.who()
	case "/why":
		if n, ok := c.number(word, rest); ok {
			return false, c.why(n)
		}
	case "/step":
		if n, ok := c.number(word, rest); ok {
			return false, c.step(ctx, n)
		}
	default:
		c.lose("There is no %s. /help lists what there is; to say it, begin the line with a blank word such as \"So\".\n", line(word))
	}
	return false, nil
}

func (c *chat) number(word, rest string) (int, bool) {
	if rest == "" {
		return 1, true
	}
	n, err := strconv.Atoi(rest)
	if err != nil || n < 1 || n > 1000 {
		c.lose("%s takes a number from 1 to 1000, not %q.\n", word, rest)
		return 0, false
	}
	return n, true
}

// say lets everybody hear a text, and answer.
func (c *chat) say(ctx context.Context, text string) error {
	// A step that an error or an interrupt left open is finished first; whoever hears
	// nothing new in the step after it passes.
	steps := 1
	if c.world.View().Open() {
		steps++
	}
	if err := c.world.Broadcast(text); err != nil {
		return err
	}
	return c.turns(ctx, func(ctx context.Context) error { return c.world.Run(ctx, steps) })
}

// sayTo lets one person hear a text, and answer. The longest beginning that is
// somebody's name, or a part of one that nobody else has, says who.
func (c *chat) sayTo(ctx context.Context, text string) error {
	words := strings.Fields(text)
	v := c.world.View()
	for n := min(len(words)-1, 6); n > 0; n-- {
		name, err := v.Find(strings.TrimRight(strings.Join(words[:n], " "), ",:"))
		if err != nil {
			continue
		}
		for range n {
			text = strings.TrimSpace(text)
			_, text, _ = strings.Cut(text, words[0])
			words = words[1:]
		}
		p := c.world.Person(name)
		if err := p.Listen(strings.TrimSpace(text)); err != nil {
			return err
		}
		return c.turns(ctx, func(ctx context.Context) error {
			_, err := p.Act(ctx)
			return err
		})
	}
	c.lose("Write @NAME and what you want to say. Here are %s.\n", line(strings.Join(v.People(), ", ")))
	return nil
}

// step lets people go on by themselves. Whoever has nothing new passes.
func (c *chat) step(ctx context.Context, n int) error {
	before := c.answers()
	c.steps = n > 1
	defer func() { c.steps = false }()
	if err := c.turns(ctx, func(ctx context.Context) error { return c.world.Run(ctx, n) }); err != nil {
		return err
	}
	if c.answers() == before {
		fmt.Fprintln(c.p.stdout, "Nobody has heard anything new. Say something.")
	}
	return nil
}

func (c *chat) answers() int {
	n := 0
	for ev := range c.world.Events() {
		if ev.Kind == tinytroupe.EventActed {
			n++
		}
	}
	return n
}

// turns lets people act. The first interrupt lets the call under way finish, the
// second drops it; whether that ends the chat, stop says.
func (c *chat) turns(ctx context.Context, act func(context.Context) error) error {
	hard, cancel := context.WithCancel(ctx)
	soft, stop := drain.With(hard)
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i, do := range []func(){stop, cancel} {
			select {
			case sig := <-c.sig:
				fmt.Fprintln(c.p.stderr, []string{"\ninterrupted: waiting for the answer under way; again to drop it", "\ndropped"}[i])
				c.stop(sig)
				do()
			case <-over:
				return
			}
		}
	})
	err := act(soft)
	close(over)
	wg.Wait()
	stop()
	cancel()
	if err == nil || errors.Is(err, drain.ErrStopped) || errors.Is(err, context.Canceled) && ctx.Err() == nil {
		return nil
	}
	c.failed++
	fmt.Fprintf(c.p.stderr, "%s\n", said(err.Error()))
	if tip := c.stack.advice(err, ""); tip != "" {
		fmt.Fprintf(c.p.stderr, "next  %s\n", tip)
	}
	return err
}

// bearable are the failures of a turn that the next turn may not have.
func bearable(err error) bool { return tolerable(err) && refusedAt(err) == "" }

// fatal reports whether a chat is over with an error. Somebody who types may go on
// after any that they can do something about meanwhile, which a refused key is not;
// lines of a file would all end like this one.
func (c *chat) fatal(err error) bool {
	_, turn := errors.AsType[*tinytroupe.TurnError](err)
	return !turn || errors.Is(err, llm.ErrAuth) || !c.typed && !bearable(err)
}

// observe shows a commit. What was typed has just been seen.
func (c *chat) observe(evs []tinytroupe.Event) {
	var shown []tinytroupe.Event
	for _, ev := range evs {
		if ev.Kind == tinytroupe.EventFailed {
			c.failed++
		}
		own := c.typed && ev.Kind == tinytroupe.EventPerceived && ev.Round == 0 && ev.Stimulus.Source == "" && ev.Stimulus.Kind == tinytroupe.Conversation
		frame := ev.Kind == tinytroupe.EventClock && !c.steps || ev.Kind == tinytroupe.EventContext
		if !own && !frame {
			shown = append(shown, ev)
		}
	}
	if c.show != nil {
		c.show.Events(shown...)
	}
}

// finish writes what a chat leaves and says how it ended.
func (c *chat) finish(chatErr error) error {
	status, code := record.Done, exitDone
	switch {
	case errors.Is(chatErr, llm.ErrBudget):
		status, code = record.OverBudget, exitBudget
	case chatErr != nil:
		status, code = record.Failed, exitFailed
	case c.ending:
		status, code, chatErr = record.Interrupted, exitInterrupted, errors.New("interrupted")
	case c.failed+c.lost > 0:
		status = record.Incomplete
		if !c.typed {
			code = exitIncomplete
		}
	}
	err := c.show.Close()
	l, lerr := c.calls.Ledger(c.p.prices)
	if err = errors.Join(err, lerr); err != nil {
		return &exitError{code: exitFailed, err: err}
	}
	var b strings.Builder
	if err = transcript.Write(&b, c.world.Events(), &transcript.Options{
		Form: transcript.Markdown, Title: c.rec.Manifest().Title, World: "Chat", Rehearsal: c.choice.rehearsal(),
	}); err == nil {
		err = c.rec.WriteFile("transcripts/"+chatRoom+".md", []byte(b.String()))
	}
	if chatErr != nil && status != record.Interrupted {
		f := record.Failure{Room: chatRoom, What: "chat", Cause: chatErr.Error()}
		if te, ok := errors.AsType[*tinytroupe.TurnError](chatErr); ok {
			f.What, f.Step, f.Person = "turn", te.Step, te.Person
		}
		err = errors.Join(err, c.rec.AddFailure(f))
	}
	err = errors.Join(err, c.rec.Update(func(m *record.Manifest) {
		m.Status, m.Ended = status, time.Now().Round(0)
		total := &record.Totals{
			People: len(c.world.People()), Rooms: 1, Steps: c.world.View().Step(), Calls: l.Total.Attempts,
			Tokens: l.Total.Usage.Input + l.Total.Usage.Output, USD: l.Total.USD, Failed: c.failed, WallSeconds: time.Since(c.begun).Seconds(),
		}
		if was := m.Totals; was != nil { // of the parts before; all else counts from the beginning
			total.Failed, total.WallSeconds = total.Failed+was.Failed, total.WallSeconds+was.WallSeconds
		}
		m.Totals = total
		if m.Problem = ""; chatErr != nil {
			m.Problem = chatErr.Error()
		}
	}))
	if err != nil {
		return &exitError{code: exitFailed, err: fmt.Errorf("record %s: %w", c.rec.Dir(), err)}
	}
	var spent *float64
	if l.Total.Unpriced == 0 {
		spent = &l.Total.USD
	}
	fmt.Fprintf(c.p.stdout, "%s  %s, %s, %s\n", status, count(l.Total.Attempts, "call"), cost(spent), c.choice.name)
	fmt.Fprintf(c.p.stdout, "next  tinytroupe show %s\n", quote(c.rec.Dir()))
	fmt.Fprintf(c.p.stdout, "      tinytroupe chat --dir %s  goes on\n", quote(c.rec.Dir()))
	if code != exitDone {
		if chatErr == nil {
			chatErr = fmt.Errorf("%s failed, %s came to nothing", count(c.failed, "turn"), count(c.lost, "line"))
		}
		return &exitError{code: code, err: chatErr, shown: true}
	}
	return nil
}
