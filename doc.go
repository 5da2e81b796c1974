// Package tinytroupe simulates people. It holds the world they live in: who is
// there, what each perceives and does, what time it is, and the log of it all.
// It does not know what a language model is: a [Mind] may be a model, a script,
// a chatbot behind HTTP or a human at a terminal.
//
// Minds propose, the world commits. In each step the [Scheduler] arranges the
// people in rounds. The members of a round decide concurrently, unaware of one
// another; then their acts are resolved in schedule order and committed to the
// [Journal] all at once. Every change is an [Event], and all state is a fold over
// the events, so a journal is enough to resume a run, to replay it, or to read
// what was said.
//
// Given the same journal, seed and replies of the minds, a run is identical to
// the byte, whatever the timing of the minds.
package tinytroupe
