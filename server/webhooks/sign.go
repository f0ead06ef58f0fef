package webhooks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// The headers of a message (Standard Webhooks 1.0).
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// Keys gives each hook its secret. Secrets are not kept but derived, from a key that lies outside the store and its backups.
type Keys [32]byte

func (k Keys) of(hook uuid.UUID) []byte {
	mac := hmac.New(sha256.New, k[:])
	mac.Write(hook[:])
	return mac.Sum(nil)
}

// Secret returns the secret of a hook in the form that receivers are given it in.
func (k Keys) Secret(hook uuid.UUID) string {
	return "whsec_" + base64.StdEncoding.EncodeToString(k.of(hook))
}

// sign returns the signature of one attempt: HMAC-SHA-256 over the id, the time in seconds and the body, with dots between them.
func (k Keys) sign(hook uuid.UUID, id string, at time.Time, body []byte) (timestamp, signature string) {
	timestamp = strconv.FormatInt(at.Unix(), 10)
	mac := hmac.New(sha256.New, k.of(hook))
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return timestamp, "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
