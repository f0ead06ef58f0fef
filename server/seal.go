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
	// Seen is what the person may replace. Shown is all that was on the screen, where that is more: at a conflict somebody who doesn't
	// settle replaces only their own values.
	Seen  syncengine.Seen  `json:"seen"`
	Shown *syncengine.Seen `json:"shown,omitempty"`
}

// shown returns the changes whose values were on the screen at a path, ascending.
func (v *sight) shown(path syncengine.Path) []syncengine.ChangeID {
	if v.Shown != nil {
		return v.Shown.Over(path)
	}
	return v.Seen.Over(path)
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
func (z sealer) open(token string, account syncengine.AccountID, ledger syncengine.LedgerID, key syncengine.RecordKey) (*sight, error) {
	bad := wire.Problemf(wire.CodeInvalid, "seen is not what this server gave you for this record; read the record again")
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(raw) < sha256.Size || !hmac.Equal(raw[:sha256.Size], z.mac(raw[sha256.Size:])) {
		return nil, bad
	}
	v := new(sight)
	if err := json.Unmarshal(raw[sha256.Size:], v); err != nil {
		return nil, bad
	}
	if v.Account != account || v.Ledger != ledger || v.Kind != key.Kind || v.Record != key.ID {
		return nil, bad
	}
	return v, nil
}

func (z sealer) mac(body []byte) []byte {
	mac := hmac.New(sha256.New, z.key[:])
	mac.Write(body)
	return mac.Sum(nil)
}
