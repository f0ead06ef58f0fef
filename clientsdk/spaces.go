package clientsdk

import (
	"encoding/json"
	"fmt"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// The spaces of what a tablet keeps beside its ledgers.
const (
	spaceTablet    store.Space = "tablet"    // "identity", "base", "erased" in no ledger; "side", "photos" in each ledger
	spaceRemote    store.Space = "remote"    // replica -> heads that the server says it holds
	spaceReceipts  store.Space = "receipts"  // replica -> the newest receipt about another tablet's log, for relaying
	spaceAnnounced store.Space = "announced" // replica -> how far another tablet's log is known to reach beyond what is held here
	spaceDrafts    store.Space = "drafts"    // draft id -> the change that it was committed as, until the journal has forgotten it

	spacePhotos       store.Space = "photos"        // hash -> photoEntry
	spacePhotoRefs    store.Space = "photo_refs"    // hash of a photo that some change refers to -> 1
	spacePhotoChanges store.Space = "photo_changes" // change -> the photos that it refers to
)

// identity is who this store's user is, and to whom it belongs.
type identity struct {
	Server  string               `json:"server"`
	Root    wire.PublicKey       `json:"root"`
	Account syncengine.AccountID `json:"account"`
	Name    string               `json:"name"`
	// Keys are the seeds of the replicas that this store wrote, or will write as: the newest first.
	Keys [][]byte `json:"keys"`
}

// side is what a tablet knows of one ledger's exchange with the server.
type side struct {
	Access wire.Access `json:"access"`
	// Pushed is the version of the ledger in this store up to which everything is known to be on the server, or on its way back from it.
	Pushed uint64 `json:"pushed"`
	// Receipts are the last receipts, encoded, by the replica that they are about.
	Receipts map[string][]byte `json:"receipts,omitempty"`
}

// base is what the next exchange starts from.
type base struct {
	Token  string      `json:"token"`
	Digest wire.Digest `json:"digest"` // of the remote vectors of all ledgers with full access
	// Challenge is the server's last one: a tablet that is opened anew need not ask for another.
	Challenge string `json:"challenge,omitempty"`
}

func getJSON(r store.Reader, space store.Space, ledger syncengine.LedgerID, key []byte, v any) (bool, error) {
	raw, err := r.Get(space, ledger, key)
	if err != nil || raw == nil {
		return false, err
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return false, fmt.Errorf("%s: %w: %w", space, store.ErrCorrupt, err)
	}
	return true, nil
}

func putJSON(w store.Writer, space store.Space, ledger syncengine.LedgerID, key []byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.Put(space, ledger, key, raw)
}

func readIdentity(r store.Reader) (*identity, error) {
	id := new(identity)
	found, err := getJSON(r, spaceTablet, syncengine.LedgerID{}, []byte("identity"), id)
	if err != nil || !found {
		return nil, err
	}
	return id, nil
}

// enrolled returns the identity of an enrolled tablet.
func enrolled(r store.Reader) (*identity, error) {
	id, err := readIdentity(r)
	if err != nil {
		return nil, err
	}
	if id == nil || id.Account == "" {
		return nil, ErrNotEnrolled
	}
	return id, nil
}

func writeIdentity(w store.Writer, id *identity) error {
	return putJSON(w, spaceTablet, syncengine.LedgerID{}, []byte("identity"), id)
}

func readBase(r store.Reader) (b base, err error) {
	_, err = getJSON(r, spaceTablet, syncengine.LedgerID{}, []byte("base"), &b)
	return b, err
}

func writeBase(w store.Writer, b base) error {
	return putJSON(w, spaceTablet, syncengine.LedgerID{}, []byte("base"), b)
}

func readSide(r store.Reader, ledger syncengine.LedgerID) (s side, err error) {
	_, err = getJSON(r, spaceTablet, ledger, []byte("side"), &s)
	return s, err
}

func writeSide(w store.Writer, ledger syncengine.LedgerID, s side) error {
	return putJSON(w, spaceTablet, ledger, []byte("side"), s)
}

// remoteHeads are the heads that the server says it holds of one log, as kept.
type remoteHead struct {
	Seq   uint64          `json:"seq"`
	Chain syncengine.Hash `json:"chain"`
}

func readRemote(r store.Reader, ledger syncengine.LedgerID, replica syncengine.ReplicaID) ([]syncengine.Head, error) {
	var kept []remoteHead
	if _, err := getJSON(r, spaceRemote, ledger, replica.Hash[:], &kept); err != nil {
		return nil, err
	}
	out := make([]syncengine.Head, 0, len(kept))
	for _, h := range kept {
		out = append(out, syncengine.Head(h))
	}
	return out, nil
}

func writeRemote(w store.Writer, ledger syncengine.LedgerID, replica syncengine.ReplicaID, heads []syncengine.Head) error {
	kept := make([]remoteHead, 0, len(heads))
	for _, h := range heads {
		kept = append(kept, remoteHead(h))
	}
	return putJSON(w, spaceRemote, ledger, replica.Hash[:], kept)
}

// remoteVector reads everything that the server says it holds of a ledger.
func remoteVector(r store.Reader, ledger syncengine.LedgerID) (syncengine.VersionVector, error) {
	out := syncengine.VersionVector{}
	err := r.Scan(spaceRemote, ledger, nil, nil, func(key, raw []byte) (bool, error) {
		var kept []remoteHead
		if err := json.Unmarshal(raw, &kept); err != nil || len(key) != 32 {
			return false, fmt.Errorf("remote vector of ledger %s: %w", ledger, store.ErrCorrupt)
		}
		replica := syncengine.ReplicaID{Hash: syncengine.Hash(key)}
		for _, h := range kept {
			out.Advance(replica, syncengine.Head{}, syncengine.Head(h))
		}
		return true, nil
	})
	return out, err
}
