package iam

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"usher/internal/sid"
)

// visitorTTL is how long a visitor is recognised without coming back.
const visitorTTL = 180 * 24 * time.Hour

// secret returns what a widget keeps to be recognised by: the identity, the day, and a MAC over both and the account. It is not an
// access token; it only gets its holder a new token for the identity that the holder had.
func (e *endpoint) secret(account sid.SID, identity string, now time.Time) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(now.Unix()/86400))
	b = append(b, identity...)
	return base64.RawURLEncoding.EncodeToString(append(b, e.mac(account, b)...))
}

func (e *endpoint) mac(account sid.SID, b []byte) []byte {
	h := hmac.New(sha256.New, e.Key)
	h.Write([]byte("visitor " + account + " "))
	h.Write(b)
	return h.Sum(nil)
}

// known returns the identity of a visitor secret that was made for this account and is not too old.
func (e *endpoint) known(account sid.SID, secret string) (string, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(secret)
	const day = 4
	if err != nil || len(e.Key) == 0 || len(raw) <= day+sha256.Size || len(raw) > 1024 {
		return "", false
	}
	b, mac := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	if !hmac.Equal(mac, e.mac(account, b)) {
		return "", false
	}
	made := time.Unix(int64(binary.BigEndian.Uint32(b))*86400, 0)
	return string(b[day:]), time.Since(made) < visitorTTL
}
