// Package human lets a human being take part in a world, at a terminal.
package human

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"github.com/tinytroupe-go/tinytroupe"
)

// A Terminal shows a person what they perceive and reads what they say: a line, said
// to everyone within reach. An empty line, and the end of the input, say nothing. It
// is a Mind of any number of people, who are asked one after the other.
//
// Waiting for a line ends with the context where in has a SetReadDeadline that works,
// as an opened terminal does; else with the line.
type Terminal struct {
	turn chan struct{} // holds one token: whose turn it is
	from io.Reader
	in   *bufio.Reader
	out  io.Writer
	room string
}

// New returns a terminal that reads from in and writes to out.
func New(in io.Reader, out io.Writer) *Terminal {
	t := &Terminal{turn: make(chan struct{}, 1), from: in, in: bufio.NewReader(in), out: out}
	t.turn <- struct{}{}
	return t
}

// In returns the same terminal, which also says which room it asks for.
func (t *Terminal) In(room string) *Terminal {
	c := *t
	c.room = room
	return &c
}

// Decide implements tinytroupe.Mind.
func (t *Terminal) Decide(ctx context.Context, p *tinytroupe.Perception) (*tinytroupe.Decision, error) {
	select {
	case <-t.turn:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { t.turn <- struct{}{} }()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(t.out, t.screen(p)); err != nil {
		return nil, fmt.Errorf("asking %s: %w", p.Persona.Name(), err)
	}
	line, err := t.read(ctx)
	if err != nil {
		return nil, fmt.Errorf("asking %s: %w", p.Persona.Name(), err)
	}
	if line == "" {
		return &tinytroupe.Decision{}, nil
	}
	return &tinytroupe.Decision{Actions: []tinytroupe.Action{{Kind: tinytroupe.Talk, Target: "everyone", Content: line}}}, nil
}

// screen is what the person perceives, and the prompt.
func (t *Terminal) screen(p *tinytroupe.Perception) string {
	var b strings.Builder
	where := ""
	if t.room != "" {
		where = " in " + t.room
	}
	fmt.Fprintf(&b, "\n%s%s, %s:\n", p.Persona.Name(), where, p.Situation.Now.Format("Monday 15:04"))
	if p.Situation.Place != "" {
		fmt.Fprintf(&b, "  (%s)\n", p.Situation.Place)
	}
	for _, c := range p.Situation.Context {
		fmt.Fprintf(&b, "  (%s)\n", c)
	}
	for _, s := range p.Stimuli {
		from := s.Source
		switch {
		case s.Kind != tinytroupe.Conversation:
			from = "[" + string(s.Kind) + "]"
		case from == "":
			from = "USER"
		}
		fmt.Fprintf(&b, "  %s: %s\n", from, strings.ReplaceAll(s.Content, "\n", "\n    "))
		for _, i := range s.Images {
			fmt.Fprintf(&b, "    [image %s]\n", i.Name)
		}
	}
	if len(p.Stimuli) == 0 {
		b.WriteString("  nothing new\n")
	}
	var near []string
	for _, a := range p.Situation.Near {
		near = append(near, a.Name)
	}
	if len(near) > 0 {
		fmt.Fprintf(&b, "You say to %s (an empty line says nothing): ", strings.Join(near, ", "))
	} else {
		b.WriteString("You say, though nobody is within reach (an empty line says nothing): ")
	}
	return clean(b.String())
}

// read returns a line without what ends it.
func (t *Terminal) read(ctx context.Context) (string, error) {
	if d, ok := t.from.(interface{ SetReadDeadline(time.Time) error }); ok && d.SetReadDeadline(time.Time{}) == nil {
		stop := context.AfterFunc(ctx, func() { _ = d.SetReadDeadline(time.Now()) })
		defer stop()
	}
	line, err := t.in.ReadString('\n')
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case errors.Is(err, io.EOF):
		if line == "" {
			_, err = io.WriteString(t.out, "\n")
			return "", err
		}
	case err != nil:
		return "", err
	}
	return strings.TrimSpace(strings.ToValidUTF8(line, "\ufffd")), nil
}

// clean keeps what others said from driving the terminal. The spaces and joiners that
// scripts and emoji need stay.
func clean(s string) string {
	const nbsp, narrow, zwnj, zwj = 0xa0, 0x202f, 0x200c, 0x200d
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == '\n', r == nbsp, r == narrow, r == zwnj, r == zwj, unicode.IsPrint(r), unicode.IsMark(r):
			return r
		}
		return '\ufffd'
	}, s)
}
