package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/tinytroupe-go/tinytroupe"
	"github.com/tinytroupe-go/tinytroupe/config"
	"github.com/tinytroupe-go/tinytroupe/examples/cast"
	"github.com/tinytroupe-go/tinytroupe/memory"
	"github.com/tinytroupe-go/tinytroupe/mind"
	"github.com/tinytroupe-go/tinytroupe/people"
	"github.com/tinytroupe-go/tinytroupe/record"
	"github.com/tinytroupe-go/tinytroupe/transcript"
)

// chatRoom is the room that a chat's journal is of.
const chatRoom = "chat"

// chatFlags are the flags of chat.
type chatFlags struct {
	fragments []string
	model     string
	dir       string
	seed      uint64
	budget    float64
	maxCalls  int
	maxTokens int
	quiet     bool // without thoughts
}

func (p *program) chatCommand() *cobra.Command {
	var f chatFlags
	cmd := &cobra.Command{
		Use:   "chat PERSONA...",
		Short: "Talk with one person or several",
		Long: `Chat puts people into a room and lets you talk with them. What you type, all of them
hear, and each answers; a line that begins with @NAME is for that person alone.

A PERSONA is a person's file (TinyTroupe's *.agent.json, with what it saved of somebody,
or a JSON object with a name), a folder of such files, or the short name of an
example: ` + strings.Join(cast.Names(), ", ") + `.
A fragment, a file or the short name of one, is added to everybody.

In the chat:

  TEXT         everybody hears it and answers
  @NAME TEXT   one person hears it and answers; one of their names is enough
  """          begins and ends a text of several lines
  /step [N]    lets them go on by themselves, for one step or N
  /who         who is here, and in what mood
  /why [N]     the prompt and the reply behind the last answer, or the Nth last
  /help        this list
  /quit        ends the chat, as Ctrl-D and Ctrl-C do

Ctrl-C while somebody answers waits for that answer and comes back to the prompt;
a second one drops it. A turn that fails is shown, and the chat goes on, but for a
key that is refused, which ends it with exit code 1.

The chat leaves a record, as run does: show shows it, and --dir goes on with it, the
people remembering what was said. Where stdin is not a terminal its lines are the
chat: then a budget that is used up, a model that cannot be reached or an interrupt ends
it, with the exit codes of run, and 3 where single turns failed or a line came to nothing.`,
		Example: `  tinytroupe chat lisa
  tinytroupe chat lisa oscar --fragment picky_customer
  tinytroupe chat my/ann.agent.json --model openai/gpt-5-mini --budget 0.50
  tinytroupe chat --dir runs/2026-03-02-chat-with-lisa-carter-1f0e
  echo "What would you pay for it?" | tinytroupe chat lisa oscar`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := limits(cmd.Flags().Changed, &runFlags{budget: f.budget, maxCalls: f.maxCalls, maxTokens: f.maxTokens}); err != nil {
				return usage(err)
			}
			return p.chat(cmd.Context(), args, &f, cmd.Flags().Changed("seed"))
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.fragments, "fragment", nil, "add a fragment to everybody: a `FILE`, or an example's name; may be repeated")
	fl.StringVar(&f.model, "model", "", "the model, as `PROVIDER/NAME`")
	fl.StringVar(&f.dir, "dir", "", "the `folder` of the record; one that exists is gone on with (default: a new one in runs)")
	fl.Uint64Var(&f.seed, "seed", 1, "the seed of all that is left to chance")
	fl.Float64Var(&f.budget, "budget", 0, "most that the chat may cost, in `USD`")
	fl.IntVar(&f.maxCalls, "max-calls", 0, "most calls that the chat may make")
	fl.IntVar(&f.maxTokens, "max-tokens", 0, "most tokens that the chat may use")
	fl.BoolVar(&f.quiet, "quiet-thoughts", false, "do not show what people think")
	return cmd
}

// chat is a conversation under way.
type chat struct {
	p      *program
	f      *chatFlags
	choice choice
	set    *config.Settings
	stack  *stack
	rec    *record.Record
	calls  *record.Calls
	world  *tinytroupe.World
	show   *transcript.Printer // nil until people are there
	sig    <-chan os.Signal    // nil where nothing interrupts
	log    logFile
	begun  time.Time
	warn   []string
	files  []chatFile // read for people who are new

	typed  bool // somebody types: what they typed is not shown again
	steps  bool // step banners are shown
	failed int  // turns that came to nothing
	at     int  // line that was read last
	lost   int  // lines that came to nothing
	ending bool // a signal has ended the chat
}

type chatFile struct {
	name string
	data []byte
}

func (p *program) chat(ctx context.Context, names []string, f *chatFlags, seeded bool) (err error) {
	c := &chat{p: p, f: f, begun: time.Now(), typed: p.typed != nil && p.typed()}
	if err := c.prepare(ctx, names, seeded); err != nil {
		if _, ok := errors.AsType[*exitError](err); ok {
			return err
		}
		return usage(err)
	}
	defer func() {
		c.stack.close()
		err = p.closed(err, c.log.Close(), c.rec.Close())
	}()
	if p.signals != nil {
		sig, end := p.signals()
		defer end()
		c.sig = sig
	}
	return c.finish(c.talk(ctx))
}

// prepare reads everything, makes or opens the record, and brings people in. Nothing
// has been said or spent when it fails.
func (c *chat) prepare(ctx context.Context, names []string, seeded bool) error {
	list, err := c.people(names)
	if err != nil {
		return err
	}
	_, statErr := os.Stat(filepath.Join(c.f.dir, "manifest.json"))
	old := c.f.dir != "" && statErr == nil
	if !old {
		if err := vacant(c.f.dir); err != nil {
			return err
		}
	}
	if old && len(list) == 0 && len(c.f.fragments) > 0 {
		return fmt.Errorf("--fragment %s: it is added to people who come in, and nobody is named", c.f.fragments[0])
	}
	if !old && len(list) == 0 {
		return fmt.Errorf("chat with whom? Name a person's file, or one of %s", strings.Join(cast.Names(), ", "))
	}
	if c.set, err = config.Load([]string{"config.ini"}, &config.Options{Env: c.p.env}); err != nil {
		return err
	}
	if err := c.p.readPrices([]string{"config.ini"}); err != nil {
		return err
	}
	c.warn = append(c.warn, c.set.Warnings...)
	earlier := ""
	if old {
		if c.rec, err = record.Open(c.f.dir, nil); err != nil {
			return err
		}
		m := c.rec.Manifest()
		if earlier = m.Models["act"]; c.f.model != "" && c.f.model != earlier {
			return c.refuse("the record was made with %s, and this chat would go on with %s: name the same model, or another --dir", earlier, c.f.model)
		}
		if seeded && m.Seed != c.f.seed {
			return c.refuse("the record was made with seed %d, and this chat has seed %d", m.Seed, c.f.seed)
		}
		if rooms, err := c.rec.Rooms(); err != nil || !slices.Contains(rooms, chatRoom) {
			return c.refuse("%s is not the record of a chat", c.f.dir)
		}
	}
	flag := c.f.model
	if flag == "" && earlier != "" {
		c.choice = choice{name: earlier, why: "as before"}
	} else if c.choice, err = choose(ctx, flag, "", c.set, c.p.env); err != nil {
		return c.refuse("%w", err)
	}
	limits := caps{c.f.budget, c.f.maxCalls, c.f.maxTokens}
	if old && c.rec.Manifest().Limits != nil {
		// A cap holds until another is named; what was spent before counts.
		was := c.rec.Manifest().Limits
		limits = limits.or(caps{was.USD, was.Calls, was.Tokens})
	}
	limits, note, err := c.choice.limited(c.p.prices, limits.or(capsOf(c.set)), "chat")
	if err == nil {
		err = priceKnown(c.p.prices, limits, c.choice.name)
	}
	if err != nil {
		return c.refuse("%w", err)
	}
	if note != "" {
		c.warn = append(c.warn, note)
	}
	if c.stack, err = connect(ctx, c.choice.name, c.set, c.p.env, newLog(c.p.stderr, c.set, &c.log)); err != nil {
		return c.refuse("%w", err)
	}
	if err = c.open(list, limits); err == nil {
		err = c.log.open(c.rec.Path("log.txt"))
	}
	if err != nil {
		c.stack.close()
		return c.refuse("%w", err)
	}
	return nil
}

// refuse ends what cannot begin, and gives up the record where one is open.
func (c *chat) refuse(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if c.rec == nil {
		return err
	}
	return errors.Join(err, c.rec.Close())
}

// people reads the people named, and adds the fragments to each.
func (c *chat) people(names []string) ([]people.Saved, error) {
	var fragments []people.Fragment
	for _, name := range c.f.fragments {
		list := []people.Fragment{{Name: name}}
		var err error
		if isFile(name) {
			list, err = people.LoadFragments(name)
		} else {
			list[0].Fragment, err = cast.Fragment(name)
		}
		if err != nil {
			return nil, err
		}
		for _, f := range list {
			if err := c.keep(f.File, f.Warnings); err != nil {
				return nil, err
			}
		}
		fragments = append(fragments, list...)
	}
	var all []people.Saved
	for _, name := range names {
		list := make([]people.Saved, 1)
		var err error
		if isFile(name) {
			list, err = people.Load(name)
		} else {
			list[0].Persona, err = cast.Person(name)
		}
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			if err := c.keep(s.File, s.Warnings); err != nil {
				return nil, err
			}
			for _, f := range fragments {
				if s.Persona, err = s.Persona.Merge(f.Fragment, tinytroupe.Fail); err != nil {
					return nil, fmt.Errorf("%s with fragment %s: %w", s.Persona.Name(), f.Name, err)
				}
			}
			if slices.ContainsFunc(all, func(q people.Saved) bool { return q.Persona.Name() == s.Persona.Name() }) {
				return nil, fmt.Errorf("%s is named twice", s.Persona.Name())
			}
			all = append(all, s)
		}
	}
	return all, nil
}

// isFile reports whether a name is a file's or a folder's rather than an example's
// short name.
func isFile(name string) bool {
	if strings.ContainsAny(name, `/\.`) {
		return true
	}
	_, err := os.Stat(name)
	return err == nil && !slices.Contains(cast.Names(), name) && !slices.Contains(cast.Fragments(), name)
}

// keep notes a file that was read, for the record. A name of the examples has none.
func (c *chat) keep(file string, warnings []string) error {
	c.warn = append(c.warn, warnings...)
	if file == "" {
		return nil
	}
	data, err := os.ReadFile(file)
	c.files = append(c.files, chatFile{file, data})
	return err
}

// open makes the record, or goes on with it, and puts people into the room.
func (c *chat) open(list []people.Saved, limits caps) error {
	resumed := c.rec != nil
	var err error
	if !resumed {
		names := make([]string, len(list))
		for i, p := range list {
			names[i] = p.Persona.Name()
		}
		title := "Chat with " + joined(names)
		m := &record.Manifest{
			Title: title, Slug: record.Slug(title), Seed: c.f.seed, Product: version(), Go: runtime.Version(),
			Rehearsal: c.choice.rehearsal(), Models: map[string]string{"act": c.choice.name}, Warnings: c.warn,
		}
		dir := c.f.dir
		if dir == "" {
			dir = filepath.Join(recordsDir, record.Name(title, c.f.seed, c.begun, c.begun.String()))
		}
		if c.rec, err = record.Create(dir, m, nil); err != nil {
			return err
		}
	}
	if c.calls, err = c.rec.Calls(); err != nil {
		return err
	}
	spent, err := spentOf(c.calls, c.p.prices)
	if err != nil {
		return err
	}
	c.stack.wrap(c.p, c.set, c.p.budget(c.set, limits, spent, c.choice.name), 0, c.calls, nil)
	o := &mind.Options{NoHarmfulText: !c.set.HarmfulContentPrevention, NoCopyrightText: !c.set.CopyrightPrevention}
	c.stack.bound(o)
	m, err := mind.New(c.stack.model, o)
	if err != nil {
		return err
	}
	if err := c.enter(m, resumed); err != nil {
		return err
	}
	if list, err = c.strangers(list); err != nil {
		return err
	}
	for _, f := range c.files {
		if err := c.rec.AddInput(f.name, f.data); err != nil {
			return err
		}
	}
	if err := c.rec.Update(func(man *record.Manifest) {
		man.Status, man.Problem, man.Prompts = record.Running, "", m.Hash()
		man.Limits = &record.Limits{USD: limits.usd, Calls: limits.calls, Tokens: limits.tokens}
	}); err != nil {
		return err
	}
	return c.welcome(list)
}

// enter makes the world, or resumes it.
func (c *chat) enter(m *mind.Mind, resumed bool) error {
	j, err := c.rec.Journal(chatRoom)
	if err != nil {
		return err
	}
	opts := &tinytroupe.Options{
		Seed: c.rec.Manifest().Seed, Key: chatRoom, Step: time.Minute, Idle: tinytroupe.Pass,
		Rules: tinytroupe.Room{Acquainted: true}, Journal: j, Store: c.rec.PutArtifact,
		Observe: c.observe, Tolerate: bearable,
	}
	opts.Episode = c.stack.episode(c.set)
	opts.Person = func(string) *tinytroupe.PersonOptions {
		return &tinytroupe.PersonOptions{Memory: new(memory.Words)}
	}
	if resumed {
		c.world, err = tinytroupe.Resume(m, c.rec.Events(chatRoom), opts)
		return err
	}
	c.world = tinytroupe.NewWorld("Chat", m, opts)
	return nil
}

// strangers are those of the list who are not there yet. Who is there must be as they were.
func (c *chat) strangers(list []people.Saved) (fresh []people.Saved, err error) {
	for _, p := range list {
		known := c.world.View().Persona(p.Persona.Name())
		switch {
		case known.IsZero():
			fresh = append(fresh, p)
		case !known.Equal(p.Persona):
			return nil, fmt.Errorf("%s is in this chat already, and has another description", p.Persona.Name())
		}
	}
	return fresh, nil
}

// welcome brings people in, and begins to show what happens.
func (c *chat) welcome(list []people.Saved) error {
	for _, p := range list {
		o := p.Options()
		o.Memory, o.Context = new(memory.Words), append(o.Context, visitor)
		if _, err := c.world.Add(p.Persona, o); err != nil {
			return err
		}
	}
	var present []record.Participant
	for _, name := range c.world.People() {
		present = append(present, record.Participant{Name: name, Persona: c.world.View().Persona(name), Weight: 1})
	}
	if err := c.rec.WritePeople(present); err != nil {
		return err
	}
	form := transcript.Plain
	if c.p.terminal() && !c.p.noColor() {
		form = transcript.Coloured
	}
	c.show = transcript.NewPrinter(c.p.stdout, &transcript.Options{
		Form: form, World: "Chat", People: c.world.People(), HideThoughts: c.f.quiet,
		MaxContent: c.set.MaxContentDisplayLength, // here alone: the record has all of it
	})
	c.head()
	return nil
}

// visitor tells people of whoever types, who is no person of the world.
const visitor = "A visitor, whom the list of people does not name, is here and talks with you: TALK without a target reaches them."

func (c *chat) head() {
	w := c.p.stdout
	if c.choice.rehearsal() {
		fmt.Fprintf(w, "model   %s\n        for real: --model %s\n", transcript.Notice, defaultOpenAI)
	} else {
		fmt.Fprintf(w, "model   %s (%s)\n", c.choice.name, c.choice.why)
	}
	for _, n := range c.warn {
		fmt.Fprintf(w, "note    %s\n", line(n))
	}
	fmt.Fprintf(w, "people  %s\n", line(strings.Join(c.world.People(), ", ")))
	fmt.Fprintf(w, "record  %s\n", c.rec.Dir())
	if c.typed {
		fmt.Fprintln(w, "help    /help; Ctrl-D ends")
	}
}

// joined joins names as a reader would.
func joined(names []string) string {
	switch n := len(names); {
	case n < 2:
		return strings.Join(names, "")
	case n < 4:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return fmt.Sprintf("%s, %s and %d more", names[0], names[1], len(names)-2)
}
