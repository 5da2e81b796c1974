package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/llm"
)

// who says who is here.
func (c *chat) who() {
	v := c.world.View()
	for _, name := range v.People() {
		fmt.Fprintln(c.p.stdout, line(v.Persona(name).Bio()))
		if mood := v.State(name).Emotions; mood != "" {
			fmt.Fprintf(c.p.stdout, "  mood: %s\n", line(mood))
		}
		if n := v.Waiting(name); n > 0 {
			fmt.Fprintf(c.p.stdout, "  has not reacted to %s yet\n", count(n, "thing"))
		}
	}
}

// why shows the prompt and the reply behind the nth last answer.
func (c *chat) why(n int) error {
	for ev := range c.world.View().Recent() {
		if ev.Kind != tinytroupe.EventActed || len(ev.Calls) == 0 {
			continue
		}
		if n--; n == 0 {
			return c.behind(&ev)
		}
	}
	fmt.Fprintln(c.p.stdout, "There is no such answer yet.")
	return nil
}

func (c *chat) behind(ev *tinytroupe.Event) error {
	w := c.p.stdout
	for _, key := range ev.Calls {
		entries, err := c.calls.ByKey(key)
		if err != nil {
			return err
		}
		for i := len(entries) - 1; i >= 0; i-- {
			e := entries[i]
			if e.Outcome != llm.Answered {
				continue
			}
			req, err := c.calls.Request(e.ID)
			if err != nil {
				return err
			}
			reply, err := c.calls.Reply(e.ID)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "── %s, step %d: %s, %s ──\n", line(ev.Who), ev.Step, line(cmp.Or(e.Served, e.Model)), spent(&e.Usage))
			fmt.Fprintf(w, "── system ──\n%s\n", said(req.System))
			for _, m := range req.Messages {
				fmt.Fprintf(w, "── %s ──\n", m.Role)
				for _, part := range m.Parts {
					if part.Image != nil {
						fmt.Fprintln(w, "(a picture)")
						continue
					}
					fmt.Fprintln(w, said(part.Text))
				}
			}
			fmt.Fprintf(w, "── reply ──\n%s\n", said(reply))
			break
		}
	}
	return nil
}

func spent(u *llm.Usage) string {
	return fmt.Sprintf("%d tokens in, %d of them cached, %d out", u.Input, u.CachedInput, u.Output)
}

// said keeps the lines of a text, and is harmless to a terminal.
func said(s string) string {
	parts := strings.Split(s, "\n")
	for i, p := range parts {
		parts[i] = line(p)
	}
	return strings.Join(parts, "\n")
}
