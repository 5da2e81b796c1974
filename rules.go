package tinytroupe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Rules decide what the core acts do. They are pure: an error is told to the
// actor, who may try something else. Rules may also be a [Greeter].
type Rules interface {
	Resolve(v *View, actor string, a Action) ([]Effect, error)
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

// Greet implements Greeter.
func (r Room) Greet(v *View, newcomer string) []Effect {
	if !r.Acquainted || len(v.People()) < 2 {
		return nil
	}
	return []Effect{Introduce{Who: newcomer, To: []string{Everyone}}}
}

// talk tells the words to the target, to each of several targets, or without one
// to everyone within reach.
func talk(v *View, actor string, a Action, quiet bool) ([]Effect, error) {
	target := strings.ToLower(strings.TrimSpace(a.Target))
	say := func(to ...string) []Effect {
		return []Effect{Tell{to, Stimulus{Kind: Conversation, Source: actor, Content: a.Content}}}
	}
	switch target {
	case "", "everyone", "everybody", "all":
		near := v.Situation(actor).Near
		switch {
		case len(near) == 0 || quiet && target == "":
			return nil, nil
		case len(near) == len(v.People())-1:
			return say(Everyone), nil
		}
		names := make([]string, len(near))
		for i, q := range near {
			names[i] = q.Name
		}
		return say(names...), nil
	}
	names, err := targets(v, a.Target)
	if err != nil {
		return nil, err
	}
	var heard []string
	var problems []error
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
		return nil, errors.Join(problems...)
	}
	effects := say(heard...)
	for _, p := range problems {
		effects = append(effects, Tell{[]string{actor}, Stimulus{Kind: Result, Content: p.Error()}})
	}
	return effects, nil
}

// targets reads one name, or several with commas or "and" between them.
func targets(v *View, target string) ([]string, error) {
	name, err := v.Find(target)
	if err == nil {
		return []string{name}, nil
	}
	parts := strings.FieldsFunc(strings.ReplaceAll(target, " and ", ","), func(r rune) bool { return r == ',' || r == ';' || r == '&' })
	if len(parts) < 2 {
		return nil, err
	}
	var names []string
	for _, p := range parts {
		if strings.TrimSpace(p) == "" {
			continue
		}
		name, err := v.Find(p)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return nil, err
	}
	return names, nil
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
