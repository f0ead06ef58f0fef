// Package syncengine is the merge core: what a change is, what a ledger's authority decided, and how the changes of one record add
// up to what people see. It is pure. It reads no clock, draws no random number, starts no goroutine and does no I/O; times, ids
// and everything held are passed in. The same set of changes, values, rulings and checklists gives the same merged bytes, in any
// order and by any path (law L2), on tablet and server alike, because there is only this one merge (law L12).
//
// # From a change to a shown value
//
//	Change ──Judge──▶ Verdict ──Take──▶ State ──Record──▶ Record ──▶ document, conflicts, violations
//	          ▲                                              │
//	   Authority (rulings)                                 Render ──▶ Seen ──▶ over of the next change
//
// A Change is one atomic edit of one record: the registers it writes, and for each of them the changes whose values its author saw
// on screen and replaced (Write.Over). Its id is the hash of its header; see package wire for the bytes.
//
// Authority adds up the rulings of a ledger. Judge gives each change its Verdict: effective, pending (something it needs has not
// arrived), or ineffective (refused, void, not authorised, or not fitting its checklist). A verdict depends on what is held, never
// on the order in which it came.
//
// State merges the changes of one record one by one. At each register the survivors are the values of effective changes that no
// effective change covers; a change covers what it names in over, and reaches through changes without effect to what those name
// (law L3). So voiding B in A <- B <- C leaves C. Where a verdict changes, the record is rebuilt from its changes with Rebuild;
// both ways give the same survivors as the definition, which the tests hold them to.
//
// Record shows a State under the current version of its checklist: a policy chooses which survivor is shown, and never destroys
// one. Conflicts, violations and the shown value are derived each time and never stored as decisions.
//
// Render says what a form shows of a record, as a Seen. A draft keeps it, and its commit takes every over from it. Nothing else
// makes one, so a value that no author saw can't be replaced.
//
// # Across records
//
// NewPlaceTree hangs the places of a ledger into a tree whatever they say of each other, and Notices derives what no single record
// can break. VersionVector is for transport: it says how far logs are held and decides nothing.
//
// # Where to see it at work
//
// Each text under testdata tells one situation in the field, from two consultants in one cellar to a stolen tablet, as a script that
// the tests run; TestScripts says how to read them and how to write another. Package internal/oracle is the same merge a second time,
// written from its definition without any thought of speed; the tests hold every order of arrival to it.
package syncengine
