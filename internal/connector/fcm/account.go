package fcm

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"regexp"
	"time"

	"usher/internal/push"
)

// serviceAccount is what a key file of a service account says.
type serviceAccount struct {
	Type    string `json:"type"`
	Project string `json:"project_id"`
	KeyID   string `json:"private_key_id"`
	Key     string `json:"private_key"` // PEM, PKCS #8 or #1
	Email   string `json:"client_email"`
}

// plainProject is what a project's id may look like: it stands in a path.
var plainProject = regexp.MustCompile(`^[a-z0-9][a-z0-9.:-]{0,99}$`)

// parseAccount reads the secret of a credential. The server keys of old, which are no JSON, are refused: their service has ended.
func parseAccount(secret string) (serviceAccount, error) {
	var a serviceAccount
	switch {
	case json.Unmarshal([]byte(secret), &a) != nil || a.Type != "service_account":
		return a, &push.Refused{Reason: "the credential's secret is not the JSON key of a service account"}
	case !plainProject.MatchString(a.Project) || a.Email == "" || a.Key == "":
		return a, &push.Refused{Reason: "the key of the service account is incomplete"}
	}
	return a, nil
}

// scope is what the token is for.
const scope = "https://www.googleapis.com/auth/firebase.messaging"

// assertion is a signed request for an access token: a JWT, RS256, good for an hour.
func (a *serviceAccount) assertion(audience string, now time.Time) (string, error) {
	key, err := parseKey(a.Key)
	if err != nil {
		return "", err
	}
	header, err := json.Marshal(map[string]string{"alg": "RS256", "typ": "JWT", "kid": a.KeyID})
	if err != nil {
		return "", fmt.Errorf("fcm: %w", err)
	}
	claims, err := json.Marshal(map[string]any{
		"iss": a.Email, "scope": scope, "aud": audience, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	})
	if err != nil {
		return "", fmt.Errorf("fcm: %w", err)
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", &push.Refused{Reason: "the key of the service account cannot sign"}
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// parseKey reads an RSA key.
func parseKey(text string) (*rsa.PrivateKey, error) {
	bad := &push.Refused{Reason: "the key of the service account is not an RSA key"}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, bad
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	any, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if key, ok := any.(*rsa.PrivateKey); err == nil && ok {
		return key, nil
	}
	return nil, bad
}
