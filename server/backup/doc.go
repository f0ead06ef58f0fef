// Package backup keeps copies of a central server's store and photos in a folder, and brings them back.
//
//	Run      copy ─▶ verify ─▶ photos ─▶ hashes re-read ─▶ manifest ─▶ watermark ─▶ retention
//	Restore  manifest ─▶ copy with hash ─▶ verify ─▶ photos ─▶ mark ─▶ in place
//
// # What a backup is
//
// One copy of the store's file (compacted, so that nothing redacted is in its free pages, law L9), a list of the photos that it names, and a
// manifest that says what they are. The manifest is written last: without one, nothing counts, and what lies there is swept by the next run.
// So whenever the machine dies there is no half backup that looks whole. Photos are shared by the backups of a folder under their content's
// hash; each is copied once, and removed with the last backup that names it.
//
// A backup counts as verified when its pages, every chain, head and merged record of every ledger, and every photo were read from the folder
// and found to be what was signed. Then one transaction in the store writes the watermark: the number of the newest verified backup, and for each
// ledger the version that it holds. Receipts say from it how much of a tablet's log is safe (law L1).
//
// The authority's keys are in no backup: whoever gets hold of one can't speak for the authority. A folder belongs to one server, told by its
// root key. One Run at a time may work on a folder; the server sees to that.
package backup
