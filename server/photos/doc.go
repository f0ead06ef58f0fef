// Package photos keeps the photos of the central server: their bytes, and what is known of them (protocol, section 7.4).
//
//	tablet ──PATCH──▶ Archive.Receive ──Append──▶ partial ──verified, Move──▶ photo ──one transaction──▶ held
//	change ──push───▶ ledger ──Watcher──▶ who refers to which photo ──▶ Counts (receipts), Find (screens)
//
// Bytes lie in a Store, which knows keys only: Dir is one over a folder. All policy sits above it, in an Archive. A photo is named by its
// ledger and the SHA-256 of its bytes; what one replica sends of it lies in a partial of its own until it is whole, so that nobody can
// spoil what another one sends. It is verified before it gets its name, so that a file with a photo's name is that photo.
//
// # What is known
//
// Beside the ledgers, in the same store, the index says which photos are held, which were saved by a backup, which are barred, and
// which changes refer to which. It is kept in the transaction of the push or edit (Watcher), so it is there exactly when the change is, and
// follows its verdict: only effective and pending changes count in receipts, but a refused one keeps its photo too, since it stays readable
// (law L1). Each replica's counts are kept as numbers: nothing in a request walks a ledger.
//
// # What can go wrong between bytes and index
//
// The photo gets its name first, then the index says that it is held: after a crash between them the next upload finds it and only
// verifies it. A photo is barred first, in the transaction of the ruling, then its bytes go (Erase): they are never sent meanwhile, and
// what was left is erased at the next start. Sweep puts right what else differs: it forgets what is not there, takes in what is there and
// referred to, and drops partials, and photos that nobody refers to, after their time.
package photos
