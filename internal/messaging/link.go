package messaging

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"time"

	"usher/internal/sid"
)

// Links makes and checks addresses under which a message's files can be had without credentials, for as long as they say.
type Links struct {
	Key []byte // of the installation
	// Origin is how others reach this server: "https://usher.example".
	Origin string
}

// The names of a signed address's parameters.
const (
	LinkExpires   = "Expires"
	LinkSignature = "Signature"
)

// MediaPath is the path of a file on the wire.
func MediaPath(acct, message, media sid.SID) string {
	return "/2010-04-01/Accounts/" + string(acct) + "/Messages/" + string(message) + "/Media/" + string(media)
}

// Sign returns an address of the file that can be read until then.
func (l Links) Sign(acct, message, media sid.SID, until time.Time) string {
	expires := strconv.FormatInt(until.Unix(), 10)
	q := url.Values{LinkExpires: {expires}, LinkSignature: {l.mac(acct, message, media, expires)}}
	return strings.TrimRight(l.Origin, "/") + MediaPath(acct, message, media) + "?" + q.Encode()
}

// Valid says whether these are the parameters of an address that Sign has made, and that can still be read.
func (l Links) Valid(acct, message, media sid.SID, expires, signature string, now time.Time) bool {
	until, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || now.Unix() > until {
		return false
	}
	return hmac.Equal([]byte(signature), []byte(l.mac(acct, message, media, expires)))
}

func (l Links) mac(acct, message, media sid.SID, expires string) string {
	h := hmac.New(sha256.New, l.Key)
	h.Write([]byte(strings.Join([]string{"message media", string(acct), string(message), string(media), expires}, "|")))
	return hex.EncodeToString(h.Sum(nil))
}
