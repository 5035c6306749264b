package hook

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the wire's choice; HMAC-SHA1 is not broken by collisions
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// The headers of the compatible wire. Source: recorded requests.
const (
	signatureHeader   = "X-Twilio-Signature"
	idempotencyHeader = "I-Twilio-Idempotency-Token"
)

// bodyHashKey is the query parameter that ties a body that is no form to the signature.
const bodyHashKey = "bodySHA256"

// Sign returns the value of X-Twilio-Signature for a request: base64 of HMAC-SHA1, under the account's auth token, of the URL as
// it is sent, followed by the form's names and values. Names are sorted by bytes; the values of one name are sorted, without
// repetitions, and each follows the name anew. A request whose body is no form has its hash in the URL (HashBody) and no form here.
//
// Source: the validators of the official libraries; testdata/signatures.json is checked with two of them, in test/sdk.
func Sign(rawURL string, form url.Values, token string) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(canonical(rawURL, form)))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// canonical is the text that is signed.
func canonical(rawURL string, form url.Values) string {
	var text strings.Builder
	text.WriteString(rawURL)
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range slices.Compact(slices.Sorted(slices.Values(form[name]))) {
			text.WriteString(name)
			text.WriteString(value)
		}
	}
	return text.String()
}

// HashBody returns the URL with the body's SHA-256 in its query, in place of one that stands there already.
func HashBody(u url.URL, body []byte) url.URL {
	var kept []string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		if name, _, _ := strings.Cut(part, "="); part != "" && name != bodyHashKey {
			kept = append(kept, part)
		}
	}
	sum := sha256.Sum256(body)
	u.RawQuery = strings.Join(append(kept, bodyHashKey+"="+hex.EncodeToString(sum[:])), "&")
	return u
}

// signedURL is the URL as the receiver sees it and signs it again: without user and password, and under https without port.
// Validators try an address with and without its port, older ones only as written here.
// Source: the original's page on webhook security.
func signedURL(u *url.URL) string {
	seen := *u
	seen.User, seen.Fragment, seen.RawFragment = nil, "", ""
	if seen.Scheme == "https" {
		seen.Host = strings.TrimSuffix(seen.Host, ":"+seen.Port())
	}
	return seen.String()
}
