package tinytroupe

import "fmt"

// Network is the rules of a social network: only those who are related come
// within reach of one another. Use [NewNetwork].
type Network struct {
	Quiet bool // as of a Room

	edges map[[2]string]string
}

// A Relation joins two people by name. Its own name may be empty.
type Relation struct{ A, B, Name string }

// NewNetwork returns the rules for the given relations, which hold both ways.
// People need not exist yet. Relating a person to themselves, or two people twice
// under different names, is an error.
func NewNetwork(relations ...Relation) (*Network, error) {
	n := &Network{edges: make(map[[2]string]string, len(relations))}
	for _, r := range relations {
		if r.A == r.B {
			return nil, fmt.Errorf("network: %q is related to itself", r.A)
		}
		if old, ok := n.edges[edge(r.A, r.B)]; ok && old != r.Name {
			return nil, fmt.Errorf("network: %q and %q are related as %q and as %q", r.A, r.B, old, r.Name)
		}
		n.edges[edge(r.A, r.B)] = r.Name
	}
	return n, nil
}

func edge(a, b string) [2]string {
	if a > b {
		a, b = b, a
	}
	return [2]string{a, b}
}

// Related reports whether two people are related, and the relation's name.
func (n *Network) Related(a, b string) (string, bool) {
	name, ok := n.edges[edge(a, b)]
	return name, ok
}

// Resolve implements Rules: as in a Room, but REACH_OUT works only along a relation.
func (n *Network) Resolve(v *View, actor string, a Action) ([]Effect, error) {
	if a.Kind != ReachOut {
		return Room{Quiet: n.Quiet}.Resolve(v, actor, a)
	}
	name, err := v.Find(a.Target)
	if err != nil {
		return nil, err
	}
	relation, ok := n.Related(actor, name)
	if !ok && name != actor {
		return nil, fmt.Errorf("%s cannot be reached: you are not related", name)
	}
	return reachOut(v, actor, name, relation)
}

// Describe implements Describer.
func (n *Network) Describe(kind ActionKind) string { return Room{Quiet: n.Quiet}.Describe(kind) }

// Greet implements Greeter: newcomers are within reach of those they are related to.
func (n *Network) Greet(v *View, newcomer string) []Effect {
	var effects []Effect
	for _, other := range v.People() {
		if name, ok := n.Related(newcomer, other); ok {
			effects = append(effects, Introduce{Who: newcomer, To: []string{other}, Relation: name})
		}
	}
	return effects
}
