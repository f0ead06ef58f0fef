// Package ledger keeps ledgers in a store: their logs, their rulings and their merged records. Tablet and server both stand on
// it, so that a change is verified, kept, judged and merged in one way only (law L12). It holds the policy that a store does not.
//
//	run ──Receive──▶ lines, heads, rulings ──Settle──▶ merged records and their index
//	edit ─Commit──▶        (verified)                     (validated once)
//	                          │
//	        Since, Lacking ──▶ Runs ──▶ another holder
//
// A Keeper opens a Ledger inside a store's transaction. Receive verifies a run by its chain and signed head (law L8) and keeps it whole
// or refuses it whole; Commit writes the node's own log. Both leave the merging to Settle, which brings every touched record up
// to date, validates each once, and notes what its author should be told. Advances then writes what moved, under a version that
// counts the advances of the ledger in this store; Since tells what arrived after such a version. Everything but Advances can be
// prepared off the write lock (store.Prepare).
//
// What changes of records say of things that are kept elsewhere, photos for instance, a Watcher follows: Settle tells it of every change
// that it judged, and of every value that a ruling erased, inside the transaction.
//
// # What is kept
//
// A line is kept once, as it was received, at (log, sequence); further envelopes of the same change refer to it. Heads are kept where
// a run of the protocol ends, and after the last line. A record's entry holds the survivors of its registers and where its changes
// are; entries are derived, and are made again from the lines whenever a verdict changes, a version comes into force, or the merge rules do.
//
// A log is held to the last line of which every value is held or withheld by a ruling; version vectors say no more than that. A
// second, validly signed line at a held position begins a branch: a log of its own that shares its parent's lines up to the fork.
//
// # What records are found by
//
// By the attributes that their checklists name and, where a Finder is set (the server's), by their words and positions. All of it is written
// by Settle in the record's own transaction, so that what a ruling erased is in no index either (law L9). List goes by what the index
// says leaves the fewest records, checks the rest of a filter there too, and reads only what is left.
//
// # Damage
//
// What is read is checked: a line leads to its id, and the id back to the line. One that can't be read is left out of its record,
// and nothing else waits for it (law L6). Verify names every fault; a run that brings the line again heals it. Only rulings on who may
// write, and on checklist versions, must all be readable for the ledger to be written to, since every verdict depends on them.
package ledger
