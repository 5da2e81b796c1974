package tinytroupe

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
)

// A Scheduler arranges the people of a step in rounds. The members of a round act
// unaware of one another; later rounds perceive what earlier ones did. Who is named
// twice in a round takes one turn in it, whoever is not present none. r is derived
// from the world's seed and the step, and is the only source of chance.
type Scheduler interface {
	Rounds(v *View, step int, r *rand.Rand) [][]string
}

// InTurn lets people act one after the other, in order of joining.
type InTurn struct{}

// Together lets all people act at once.
type Together struct{}

// Shuffled lets people act one after the other, in an order drawn anew each step.
type Shuffled struct{}

// Rounds implements Scheduler.
func (InTurn) Rounds(v *View, _ int, _ *rand.Rand) [][]string {
	var rounds [][]string
	for _, name := range v.People() {
		rounds = append(rounds, []string{name})
	}
	return rounds
}

// Rounds implements Scheduler.
func (Together) Rounds(v *View, _ int, _ *rand.Rand) [][]string {
	return [][]string{v.People()}
}

// Rounds implements Scheduler.
func (Shuffled) Rounds(v *View, step int, r *rand.Rand) [][]string {
	rounds := InTurn{}.Rounds(v, step, r)
	r.Shuffle(len(rounds), func(i, j int) { rounds[i], rounds[j] = rounds[j], rounds[i] })
	return rounds
}

// generator returns a source of chance that depends on its arguments alone.
func generator(seed uint64, key string, step int, purpose string) *rand.Rand {
	h := sha256.Sum256(fmt.Appendf(nil, "%d\x00%s\x00%d\x00%s", seed, key, step, purpose))
	return rand.New(rand.NewPCG(binary.LittleEndian.Uint64(h[:]), binary.LittleEndian.Uint64(h[8:])))
}
