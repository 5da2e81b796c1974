package tinytroupe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Rules decide what the core acts do. They are pure: an error is told to the
// actor, who may try something else. Rules may also be a [Greeter] and a [Describer].
type Rules interface {
	Resolve(v *View, actor string, a Action) ([]Effect, error)
}

// A Describer says what an act does under the rules, for the prompt, where that is other
// than usual; empty where it is not.
type Describer interface {
	Describe(kind ActionKind) (purpose string)
}

// A Greeter says what follows from somebody joining.
type Greeter interface {
	Greet(v *View, newcomer string) []Effect
}

// Room is the usual rules: people talk to those within reach, and reach out to
// anybody present. The zero Room is ready to use.
type Room struct {
	// Quiet lets a TALK without a target reach nobody, instead of everyone within reach.
	Quiet bool
	// Acquainted puts every newcomer within everybody's reach.
	Acquainted bool
}

// Resolve implements Rules.
func (r Room) Resolve(v *View, actor string, a Action) ([]Effect, error) {
	switch a.Kind {
	case Talk:
		return talk(v, actor, a, r.Quiet)
	case ReachOut:
		name, err := v.Find(a.Target)
		if err != nil {
			return nil, err
		}
		return reachOut(v, actor, name, "")
	case Think, Done:
		return nil, nil
	}
	return nil, errors.New("that is not something one can do here")
}

// Describe implements Describer.
func (r Room) Describe(kind ActionKind) string {
	if kind == Talk && r.Quiet {
		return "say something aloud. Only those named in the target hear it: one name, or several with commas; everyone for all within reach."
	}
	return ""
}

// Greet implements Greeter.
func (r Room) Greet(v *View, newcomer string) []Effect {
	if !r.Acquainted || len(v.People()) < 2 {
		return nil
	}
	return []Effect{Introduce{Who: newcomer, To: []string{Everyone}}}
}

// talk tells the words to the target, to each of several targets, or without one
// to everyone within reach. So it does where the target is whoever leads or watches,
// who is no person of the world.
func talk(v *View, actor string, a Action, quiet bool) ([]Effect, error) {
	say := func(to ...string) []Effect {
		return []Effect{Tell{to, Stimulus{Kind: Conversation, Source: actor, Content: a.Content}}}
	}
	names, all, problems := targets(v, a.Target, quiet)
	if all {
		near := v.Situation(actor).Near
		switch {
		case len(v.People()) == 1:
			return nil, nil
		case len(near) == 0:
			return nil, errors.New("nobody is within reach: REACH_OUT to somebody first")
		case len(near) == len(v.People())-1:
			return say(Everyone), nil
		}
		names := make([]string, len(near))
		for i, q := range near {
			names[i] = q.Name
		}
		return say(names...), nil
	}
	if len(names)+len(problems) == 0 {
		return nil, nil // to nobody, or to whoever is outside
	}
	var heard []string
	for _, name := range names {
		switch {
		case name == actor:
			problems = append(problems, errors.New("talking to oneself is thinking"))
		case !v.Reaches(actor, name):
			problems = append(problems, fmt.Errorf("%s is out of reach: REACH_OUT first", name))
		default:
			heard = append(heard, name)
		}
	}
	if len(heard) == 0 {
		texts := make([]string, len(problems))
		for i, p := range problems {
			texts[i] = p.Error()
		}
		return nil, errors.New(strings.Join(texts, "; "))
	}
	effects := say(heard...)
	for _, p := range problems {
		effects = append(effects, Tell{[]string{actor}, Stimulus{Kind: Result, Content: p.Error()}})
	}
	return effects, nil
}

// targets reads one name, or several with commas or "and" between them, and says which
// of them are nobody's. all means everyone within reach: so does an empty target, or a word
// for whoever speaks from outside, unless quiet.
func targets(v *View, target string, quiet bool) (names []string, all bool, problems []error) {
	read := func(t string) error {
		name, err := v.Find(t)
		switch {
		case err == nil:
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		case bare(t) == "" || outside(t):
			all = all || !quiet
		case wide(t):
			all = true
		default:
			return err
		}
		return nil
	}
	err := read(target)
	if err == nil {
		return names, all, nil
	}
	parts := strings.FieldsFunc(strings.ReplaceAll(target, " and ", ","), func(r rune) bool { return r == ',' || r == ';' || r == '&' })
	if len(parts) < 2 {
		return nil, false, []error{err}
	}
	for _, p := range parts {
		if strings.TrimSpace(p) == "" {
			continue
		}
		if err := read(p); err != nil {
			problems = append(problems, err)
		}
	}
	return names, all || !quiet && len(names)+len(problems) == 0, problems
}

// wide reports whether a target that is nobody's name is a word for all.
func wide(target string) bool {
	return slices.Contains([]string{
		Everyone, "all", "all of you", "everybody", "everyone", "everyone else", "everyone here", "group", "others", "room",
	}, bare(target))
}

// outside reports whether a target is a word for whoever speaks without being there.
func outside(target string) bool {
	return slices.Contains([]string{"facilitator", "host", "interviewer", "moderator", "researcher", "user", "visitor", "you"}, bare(target))
}

func bare(target string) string {
	return strings.TrimPrefix(strings.ToLower(strings.TrimSpace(target)), "the ")
}

func reachOut(v *View, actor, name, relation string) ([]Effect, error) {
	if name == actor {
		return nil, errors.New("one cannot reach out to oneself")
	}
	if v.Reaches(actor, name) {
		return nil, fmt.Errorf("%s is within reach already: TALK is enough", name)
	}
	return []Effect{
		Introduce{Who: actor, To: []string{name}, Relation: relation},
		Tell{[]string{actor}, Stimulus{Kind: Social, Source: name, Content: fmt.Sprintf("%s was successfully reached out to, and is now within reach.", name)}},
		Tell{[]string{name}, Stimulus{Kind: Social, Source: actor, Content: fmt.Sprintf("%s reached out to you, and is now within reach.", actor)}},
	}, nil
}
