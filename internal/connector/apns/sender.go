package apns

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	devices "usher/internal/chat/push"
	"usher/internal/push"
)

// maxSenders is how many credentials have connections at a time.
const maxSenders = 64

// sender is what speaks for one credential.
type sender struct {
	http  *http.Client
	topic string
	token *signer // nil where the certificate speaks
}

// signer makes the tokens of a key. The service wants one to live 20 minutes at least and an hour at most.
type signer struct {
	KeyID string `json:"key_id"`
	Team  string `json:"team_id"`
	Topic string `json:"topic"` // the app's bundle id

	key  *ecdsa.PrivateKey
	mu   sync.Mutex
	text string
	made time.Time
}

// renewal is how long a token is used.
const renewal = 40 * time.Minute

// sender returns what speaks for a credential, made at the first time. A credential holds a certificate and its key, both PEM; or a
// JSON object with key_id, team_id and topic in place of the certificate, and the key that signs tokens.
func (c *Client) sender(credential devices.Credential) (*sender, error) {
	key := sha256.Sum256([]byte(credential.Certificate + "\x00" + credential.PrivateKey))
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.senders[key]; s != nil {
		return s, nil
	}
	s, err := c.newSender(credential.Certificate, credential.PrivateKey)
	if err != nil {
		return nil, err
	}
	if len(c.senders) >= maxSenders {
		for old, s := range c.senders {
			s.http.CloseIdleConnections()
			delete(c.senders, old)
		}
	}
	c.senders[key] = s
	return s, nil
}

func (c *Client) newSender(certificate, key string) (*sender, error) {
	transport := c.model.Clone()
	transport.ForceAttemptHTTP2 = true // the service speaks nothing else; a transport with its own TLS settings would not
	transport.MaxConnsPerHost, transport.IdleConnTimeout = 4, 5*time.Minute
	if transport.TLSClientConfig == nil {
		transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	s := &sender{http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	if strings.HasPrefix(strings.TrimSpace(certificate), "{") {
		token, err := newSigner(certificate, key)
		if err != nil {
			return nil, err
		}
		s.token, s.topic = token, token.Topic
		return s, nil
	}
	pair, err := tls.X509KeyPair(lines(certificate), lines(key))
	if err != nil {
		return nil, &push.Refused{Reason: "the credential's certificate and key are not a pair in PEM"}
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, &push.Refused{Reason: "the credential's certificate cannot be read"}
	}
	s.topic = topicOf(leaf)
	transport.TLSClientConfig.Certificates = []tls.Certificate{pair}
	return s, nil
}

// userID is the part of a certificate's subject that names the app.
var userID = asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}

// topicOf is the app that a certificate is for; "" when it does not say.
func topicOf(leaf *x509.Certificate) string {
	for _, name := range leaf.Subject.Names {
		if text, ok := name.Value.(string); ok && name.Type.Equal(userID) && plainTopic.MatchString(text) {
			return text
		}
	}
	return ""
}

// plainTopic is what may stand in a header.
var plainTopic = regexp.MustCompile(`^[A-Za-z0-9.-]{1,200}$`)

var block = regexp.MustCompile(`(?s)-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END ([A-Z0-9 ]+)-----`)

// lines puts the lines of PEM back that a form may have lost: the original's examples write certificates in one line.
func lines(text string) []byte {
	var out strings.Builder
	for _, m := range block.FindAllStringSubmatch(strings.ReplaceAll(text, `\n`, "\n"), 20) {
		fmt.Fprintf(&out, "-----BEGIN %s-----\n%s\n-----END %s-----\n", m[1], strings.Join(strings.Fields(m[2]), "\n"), m[3])
	}
	return []byte(out.String())
}

func newSigner(settings, key string) (*signer, error) {
	bad := &push.Refused{Reason: "the credential's key_id, team_id, topic or key cannot be used"}
	s := &signer{}
	if json.Unmarshal([]byte(settings), s) != nil || s.KeyID == "" || s.Team == "" || !plainTopic.MatchString(s.Topic) {
		return nil, bad
	}
	der, _ := pem.Decode(lines(key))
	if der == nil {
		return nil, bad
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der.Bytes)
	ec, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || ec.Curve.Params().BitSize != 256 {
		return nil, bad
	}
	s.key = ec
	return s, nil
}

// authorize adds the token to a request, where one speaks.
func (s *sender) authorize(r *http.Request, now time.Time) error {
	if s.token == nil {
		return nil
	}
	text, err := s.token.at(now)
	if err == nil {
		r.Header.Set("Authorization", "bearer "+text)
	}
	return err
}

// renew makes the next request have a token of its own.
func (s *sender) renew() {
	if s.token != nil {
		s.token.mu.Lock()
		defer s.token.mu.Unlock()
		// Not one a moment: the service refuses whoever makes too many.
		if time.Since(s.token.made) > 20*time.Minute {
			s.token.text = ""
		}
	}
}

// at is a token that is good at a time: a JWT, ES256.
func (s *signer) at(now time.Time) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.text != "" && now.Sub(s.made) < renewal {
		return s.text, nil
	}
	header, err := json.Marshal(map[string]string{"alg": "ES256", "kid": s.KeyID})
	if err != nil {
		return "", fmt.Errorf("apns: %w", err)
	}
	claims, err := json.Marshal(map[string]any{"iss": s.Team, "iat": now.Unix()})
	if err != nil {
		return "", fmt.Errorf("apns: %w", err)
	}
	signed := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims)
	sum := sha256.Sum256([]byte(signed))
	a, b, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		return "", fmt.Errorf("apns: %w", err)
	}
	signature := make([]byte, 64)
	a.FillBytes(signature[:32])
	b.FillBytes(signature[32:])
	s.text, s.made = signed+"."+base64.RawURLEncoding.EncodeToString(signature), now
	return s.text, nil
}
