package server

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/store"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// The spaces of what belongs to no ledger. They are small: one key for each diagnostic, ledger, tablet, person or code.
const (
	spaceDiagnostics    store.Space = "diagnostics"    // diagnostic id -> Diagnostic
	spaceLedgers        store.Space = "ledgers"        // ledger id -> ledgerEntry
	spaceDevices        store.Space = "devices"        // replica -> Device
	spaceAccess         store.Space = "access"         // replica | ledger -> access
	spaceCodes          store.Space = "codes"          // hash of an enrolment code -> enrolmentCode
	spaceTokens         store.Space = "tokens"         // hash of a token -> Person
	spaceContacts       store.Space = "contacts"       // replica -> when the tablet was last in contact, milliseconds
	spaceAnnounced      store.Space = "announced"      // replica | ledger -> announcement
	spaceAudit          store.Space = "audit"          // number -> auditEntry
	spaceRefresh        store.Space = "refresh"        // ledger id -> refreshMark
	spaceNeighbourhoods store.Space = "neighbourhoods" // code -> neighbourhood
	spaceOutlines       store.Space = "outlines"       // code of a neighbourhood -> its outline, canonical GeoJSON
	spaceServer         store.Space = "server"         // "number" -> the number given to the last ledger; "probe", "erasure" -> erasure; "restored" -> restoredMark
)

// Spaces lists every space of what belongs to no ledger, for tools that copy or count.
func Spaces() []store.Space {
	return []store.Space{
		spaceDiagnostics, spaceLedgers, spaceDevices, spaceAccess, spaceCodes, spaceTokens, spaceContacts, spaceAnnounced, spaceAudit, spaceRefresh,
		spaceNeighbourhoods, spaceOutlines, spaceServer,
	}
}

// Diagnostic is one commissioned survey of one neighbourhood, as the server finds it again.
type Diagnostic struct {
	ID            uuid.UUID           `json:"id"`
	Name          string              `json:"name"`
	Neighbourhood string              `json:"neighbourhood"` // its code, "QP066007"
	Ledger        syncengine.LedgerID `json:"ledger"`
	Restricted    syncengine.LedgerID `json:"restricted"` // the ledger of public security; zero where that is not in scope
	Created       int64               `json:"created"`    // milliseconds since 1970 UTC
}

// ledgerEntry leads from a ledger to its diagnostic. Number is the ledger's short name in base tokens.
type ledgerEntry struct {
	Number     uint64    `json:"number"`
	Diagnostic uuid.UUID `json:"diagnostic"`
	Restricted bool      `json:"restricted,omitempty"`
}

// Device is one replica of one person's tablet.
type Device struct {
	Replica     syncengine.ReplicaID `json:"replica"`
	Key         wire.PublicKey       `json:"key"`
	Account     syncengine.AccountID `json:"account"`
	Name        string               `json:"name"` // of the tablet: "T-04"
	Role        syncengine.Role      `json:"role"`
	Enrolled    int64                `json:"enrolled"`
	Predecessor syncengine.ReplicaID `json:"predecessor"`
	Successor   syncengine.ReplicaID `json:"successor"`
}

// access is what a replica may have of a ledger.
type access struct {
	Access wire.Access           `json:"access"`
	Grants []syncengine.ChangeID `json:"grants"` // not revoked yet
}

// enrolmentCode is what a code entitles to. Only its hash is kept.
type enrolmentCode struct {
	Account syncengine.AccountID  `json:"account"`
	Role    syncengine.Role       `json:"role"`
	Ledgers []syncengine.LedgerID `json:"ledgers"`
	Expires int64                 `json:"expires"` // by the server's clock
	By      syncengine.AccountID  `json:"by"`
	Name    string                `json:"name,omitempty"` // that the tablet gets; its own where it is empty
}

// put writes v as JSON under a key that belongs to no ledger.
func put(w store.Writer, space store.Space, key []byte, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return w.Put(space, syncengine.LedgerID{}, key, raw)
}

// get reads JSON from a key that belongs to no ledger, or reports false where there is none.
func get(r store.Reader, space store.Space, key []byte, v any) (bool, error) {
	raw, err := r.Get(space, syncengine.LedgerID{}, key)
	if err != nil || raw == nil {
		return false, err
	}
	return true, unmarshal(space, raw, v)
}

// unmarshal reads what put wrote.
func unmarshal(space store.Space, raw []byte, v any) error {
	if err := json.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("%s: %w: %w", space, store.ErrCorrupt, err)
	}
	return nil
}

// each reads every value of a space under a prefix, in the order of keys.
func each[T any](r store.Reader, space store.Space, prefix []byte, fn func(key []byte, v *T) (bool, error)) error {
	return r.Scan(space, syncengine.LedgerID{}, prefix, store.After(prefix), func(key, raw []byte) (bool, error) {
		v := new(T)
		if err := unmarshal(space, raw, v); err != nil {
			return false, err
		}
		return fn(key, v)
	})
}

func accessKey(replica syncengine.ReplicaID, ledger syncengine.LedgerID) []byte {
	return append(append(make([]byte, 0, 64), replica.Hash[:]...), ledger.Hash[:]...)
}

// held is one ledger that a replica may exchange.
type held struct {
	id     syncengine.LedgerID
	number uint64
	access wire.Access
}

// ledgersOf returns the ledgers that a replica is, or was, granted, in the order of their ids.
func ledgersOf(r store.Reader, replica syncengine.ReplicaID) ([]held, error) {
	var out []held
	err := each(r, spaceAccess, replica.Hash[:], func(key []byte, a *access) (bool, error) {
		if len(key) != 64 {
			return false, fmt.Errorf("access key of %d bytes: %w", len(key), store.ErrCorrupt)
		}
		h := held{id: syncengine.LedgerID{Hash: syncengine.Hash(key[32:])}, access: a.Access}
		var e ledgerEntry
		if _, err := get(r, spaceLedgers, h.id.Hash[:], &e); err != nil {
			return false, err
		}
		h.number = e.Number
		out = append(out, h)
		return true, nil
	})
	return out, err
}

// device returns the device of a replica, or nil.
func device(r store.Reader, replica syncengine.ReplicaID) (*Device, error) {
	d := new(Device)
	found, err := get(r, spaceDevices, replica.Hash[:], d)
	if err != nil || !found {
		return nil, err
	}
	return d, nil
}

// hashOf is the key that a code or token is kept under.
func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte("arpenteur " + secret))
	return sum[:]
}
