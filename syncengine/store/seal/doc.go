// Package seal encrypts the values of any store.
//
// # Values
//
// [Wrap] returns a store whose values are sealed with XChaCha20-Poly1305 under one data key: a random nonce of 24 bytes, then the
// ciphertext, 40 bytes more than the value. Space, ledger and key are authenticated with it, so that a value that was changed or moved
// does not open: it is answered with a store.DamagedError, which names it. Keys stay readable, as they hold ids, sequences and hashes
// only. An older value that someone put back in its own place does open; chains and signed heads, above, tell that.
//
// # Header
//
// The data key is random and never changes. It is wrapped in the slots of a [Header], which lies beside the values in the clear: each
// slot opens with one passphrase, through Argon2id, or in another way that other packages define. So a passphrase can be changed, or a
// recovery key added, without writing a value anew. What opens the store is a matter of the header alone: whoever has a copy of an old
// header and its passphrase can open the store, also after a change.
//
// [Open] holds the policy: when a store is sealed for the first time, and what is refused.
package seal
