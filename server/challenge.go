package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// Challenges are stateless: the hour they were made, authenticated by a key of the server. A replica's signature over one shows that
// it was made lately, whatever the tablet's clock says (law L7).
const (
	challengeLife = 48 * time.Hour
	// challengeEarly is the age from which an answer brings the next one, so that a tablet in use is never asked twice.
	challengeEarly = 12 * time.Hour
)

type challenger struct{ key [32]byte }

func (c challenger) make(now time.Time) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(now.Unix()/60)) //nolint:gosec // minutes fit for thousands of years
	mac := hmac.New(sha256.New, c.key[:])
	mac.Write(b)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(b)[:4+14])
}

// age returns how old a challenge is, or reports false where it is none of ours or too old.
func (c challenger) age(text string, now time.Time) (time.Duration, bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != 18 {
		return 0, false
	}
	made := time.Unix(int64(binary.BigEndian.Uint32(b))*60, 0)
	if !hmac.Equal([]byte(c.make(made)), []byte(text)) {
		return 0, false
	}
	age := now.Sub(made)
	return age, age < challengeLife && age > -challengeLife
}
