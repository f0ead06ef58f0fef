// Package boltstore keeps a store in one bbolt file: a tablet's, and a server's by default.
//
// # The file
//
// Each ledger has a root bucket, named by its 32 bytes (the zero ledger by 32 zero bytes), with one nested bucket for each space. The
// root bucket "meta" says what the file is: a magic, the format version, the store's random id, who created it, and the header of the
// seal package. Buckets that become empty are removed, so that a ledger that was forgotten leaves not even its name. Files of older
// formats are brought to the newest in one transaction before anything else is done with them (format.go); newer ones are refused.
//
// A new file is made under another name and appears whole. One process at a time has it open (flock).
//
// # Committing
//
// A commit costs two syncs of the file, so updates that wait share one (group.go). A lone update waits for nobody. What Update
// acknowledged survives kill -9 and, given a device that honours fdatasync, power loss (law L1). When the device is full an update is
// answered with ErrFull, nothing is lost, and the store stays usable; as bbolt writes pages anew rather than in place, even a deletion
// may then need space that must first be freed elsewhere.
//
// # Damage
//
// bbolt trusts its file, and a damaged one makes it panic, fault or run out of memory. Three things keep that from the caller:
//
//   - Open reads the file's first pages, its list of free pages and the branches of its trees itself, before bbolt does
//     (preflight.go, walk.go). What would lead bbolt in circles is closed off, and the rest stays usable (law L6).
//   - Panics and faults of bbolt, here and in the values that an fn reads, come out as ErrCorrupt (guard.go). The transaction is rolled
//     back. Where bbolt would keep its locks for ever the store answers ErrCorrupt until it is opened again.
//   - Check reads every page, for a background scrub. It should run now and then: a damaged count of a page's further pages, which
//     nothing else looks at, makes bbolt free its neighbours with it at the next write.
//
// bbolt has no checksums of content. Sealing has, and so have the records themselves.
//
// # Erasing
//
// What is deleted stays in free pages until they are used again. [Store.Compact] writes the file anew without them (law L9), while the
// store is in use:
//
//	copy       what a read transaction sees, to a file beside the store; keys that are written meanwhile are noted
//	replay     what stands at the noted keys, in rounds, until few are left
//	exchange   writers wait: the last keys, one sync, the new file gets the store's name
//
// Readers never wait; each finishes on the file that it began on (volume.go). [Store.Copy] is the first step alone, for backups.
package boltstore
