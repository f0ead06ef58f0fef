// Package demo shows the main job of Arpenteur with the real things: a server process on a real store, three tablets, real HTTP over a
// link that is cut every 20 kilobytes, and a server that is killed half-way.
//
//	prepare   a diagnostic with its places, a visit, three enrolled tablets
//	walk      each tablet captures without a network: four checklists, findings, photos
//	exchange  over the bad link; the server is killed with SIGKILL in the middle, and started again
//	overlap   the tablets edit the same records without a network: apart, at one field, against a rule, under an open draft
//	exchange  what merges, and what a person must look at
//	settle    the coordinator decides one conflict, with a reason that every tablet receives
//	meet      two tablets exchange without the server; one carries the other's changes to it, and the receipt back
//	stick     a tablet's export reaches the server as a file
//	tally     what is there is counted, in the stores and through the API, and held against the laws
//
// No figure that it shows is written down anywhere: it is counted at the end. Where a count contradicts a law, Run fails with
// ErrBroken. Everything is fictional: the estate, the people, the codes.
package demo
