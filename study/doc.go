// Package study reads and runs studies: files that say who takes part, in what
// world, and what happens, step by step.
//
// [Load] reads a study and everything it names, and reports every mistake at once,
// each with its place, before anything is called or spent. [Run] carries it out, or
// carries on where an earlier run was stopped. [Schema] describes the file for
// editors.
package study
