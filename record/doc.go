// Package record keeps what a run leaves on disk: one folder that holds the study
// and its inputs, the people, a journal of every room, every model call, and the
// results.
//
//	runs/2026-03-02-tv-ad-7f3a/
//	  manifest.json        what was run, with what, and how it ended
//	  lock                 held by the process that writes
//	  inputs/              copies of the study and every file it names
//	  people.jsonl         who took part
//	  worlds/<room>.jsonl  the journal of each room, one event a line
//	  calls.db             every model call (SQLite)
//	  artifacts/<hash>     what people made or were shown
//	  failures.jsonl       what came to nothing
//
// A process may be killed at any instant. What a [Journal] was given in one Append
// is there as a whole or not at all, other files are written under a temporary name
// and renamed, and a model call has its row before it is sent and is complete on
// disk before its reply is used.
//
// One process writes a record at a time; any number may read it meanwhile. All
// names that come from a study or a model stay inside the folder, and nobody but
// the owner can read it.
package record
