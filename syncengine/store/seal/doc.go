// Package seal encrypts what a store keeps, so that a tablet that is lost tells nothing without its user's passphrase (design §9).
//
// A data key, drawn at random, encrypts every value with XChaCha20-Poly1305; space, ledger and key are authenticated with it, so that a
// value can't be moved. Keys stay clear: they hold only ids, sequences and hashes. The data key is wrapped in a Header, once for
// each way in; the way that exists is a passphrase through Argon2id (RFC 9106). The header is kept by the store's file format.
package seal
