package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"github.com/arpenteur/arpenteur/syncengine"
	"github.com/arpenteur/arpenteur/syncengine/wire"
)

// sealer signs what a page has shown, so that only the server's own rendering can say what a person saw (law L3).
type sealer struct{ key [32]byte }

// sight is what one person was shown of one record.
type sight struct {
	Account syncengine.AccountID `json:"account"`
	Ledger  syncengine.LedgerID  `json:"ledger"`
	Kind    syncengine.Kind      `json:"kind"`
	Record  syncengine.RecordID  `json:"record"`
	Seen    syncengine.Seen      `json:"seen"`
}

// seal returns the token for a sight.
func (z sealer) seal(v *sight) (string, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(append(z.mac(body), body...)), nil
}

// open reads a token that must be of the given account, ledger and record.
func (z sealer) open(token string, account syncengine.AccountID, ledger syncengine.LedgerID, key syncengine.RecordKey) (syncengine.Seen, error) {
	bad := wire.Problemf(wire.CodeInvalid, "seen is not what this server gave you for this record; read the record again")
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < sha256.Size || !hmac.Equal(raw[:sha256.Size], z.mac(raw[sha256.Size:])) {
		return syncengine.Seen{}, bad
	}
	var v sight
	if err := json.Unmarshal(raw[sha256.Size:], &v); err != nil {
		return syncengine.Seen{}, bad
	}
	if v.Account != account || v.Ledger != ledger || v.Kind != key.Kind || v.Record != key.ID {
		return syncengine.Seen{}, bad
	}
	return v.Seen, nil
}

func (z sealer) mac(body []byte) []byte {
	mac := hmac.New(sha256.New, z.key[:])
	mac.Write(body)
	return mac.Sum(nil)
}
