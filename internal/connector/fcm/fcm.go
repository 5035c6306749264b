// Package fcm sends push notifications by Firebase Cloud Messaging, HTTP v1: a service account's key signs a request for an access
// token (RFC 7523), and the token is good for messages until it ends.
package fcm

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	devices "usher/internal/chat/push"
	"usher/internal/push"
)

// The addresses of the service.
const (
	DefaultURL      = "https://fcm.googleapis.com"
	DefaultTokenURL = "https://oauth2.googleapis.com/token" //nolint:gosec // an address
)

const (
	patience  = 10 * time.Second // of one exchange
	maxAnswer = 64 << 10         // bytes
	maxTokens = 256              // of credentials, kept at a time
	// early is how long before its end a token is not used any more.
	early = time.Minute
)

// Options of a Client; zero values take the defaults.
type Options struct {
	HTTP     *http.Client // how requests go out; redirects are never followed
	URL      string       // without a path
	TokenURL string       // where access tokens come from; what a key says of it does not count
}

// Client is the push service. It is safe for concurrent use.
type Client struct {
	http       http.Client
	url, token string

	mu     sync.Mutex
	tokens map[[sha256.Size]byte]access
}

type access struct {
	token string
	until time.Time
}

// New returns the push service. It does not connect yet.
func New(o Options) *Client {
	c := &Client{url: DefaultURL, token: DefaultTokenURL, tokens: map[[sha256.Size]byte]access{}}
	c.http.Transport = &http.Transport{ForceAttemptHTTP2: true, MaxConnsPerHost: 8, IdleConnTimeout: 5 * time.Minute}
	if o.HTTP != nil {
		c.http = *o.HTTP
	}
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if o.URL != "" {
		c.url = strings.TrimRight(o.URL, "/")
	}
	if o.TokenURL != "" {
		c.token = o.TokenURL
	}
	return c
}

// envelope is a message as the service takes it.
type envelope struct {
	Message message `json:"message"`
}

type message struct {
	Token   string            `json:"token"`
	Data    map[string]string `json:"data"`
	Android android           `json:"android"`
	Web     web               `json:"webpush"`
}

type android struct {
	Priority string `json:"priority"`
	TTL      string `json:"ttl"`
}

type web struct {
	Headers map[string]string `json:"headers"`
}

// Send implements push.Carrier. Client libraries take data and no ready notification: what they show is up to the app.
func (c *Client) Send(ctx context.Context, credential devices.Credential, device devices.Binding, m push.Message) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	secret := credential.Secret
	if secret == "" {
		secret = credential.APIKey // credentials for GCM, which FCM has replaced
	}
	account, err := parseAccount(secret)
	if err != nil {
		return err
	}
	data := map[string]string{"twi_message_type": m.Type, "twi_message_id": string(m.ID), "twi_body": m.Body}
	if m.Sound != "" {
		data["twi_sound"] = m.Sound
	}
	for name, value := range m.Data {
		data[name] = value
	}
	ttl := strconv.Itoa(int(max(time.Until(m.Expires), 0) / time.Second))
	body, err := json.Marshal(envelope{message{
		Token: device.Address, Data: data, Android: android{"high", ttl + "s"},
		Web: web{map[string]string{"TTL": ttl, "Urgency": "high"}},
	}})
	if err != nil {
		return fmt.Errorf("fcm: %w", err)
	}
	for try := 0; ; try++ {
		token, fresh, err := c.access(ctx, secret, account)
		if err != nil {
			return err
		}
		status, answer, err := c.post(ctx, c.url+"/v1/projects/"+account.Project+"/messages:send", "application/json", body, token)
		if err != nil {
			return err
		}
		if status == http.StatusUnauthorized && !fresh && try == 0 {
			c.forget(secret) // taken back before its time
			continue
		}
		return outcome(status, answer)
	}
}

// outcome reads the answer to a message. Source: the reference of FCM's error codes.
func outcome(status int, answer []byte) error {
	if status == http.StatusOK {
		return nil
	}
	var a struct {
		Error struct {
			Status  string `json:"status"`
			Details []struct {
				Code string `json:"errorCode"`
			} `json:"details"`
		} `json:"error"`
	}
	_ = json.Unmarshal(answer, &a) // an answer that is not JSON has its status
	code := a.Error.Status
	for _, d := range a.Error.Details {
		if d.Code != "" {
			code = d.Code
		}
	}
	switch {
	case code == "UNREGISTERED" || status == http.StatusNotFound:
		return &push.Gone{}
	case status == http.StatusTooManyRequests || status >= 500:
		return fmt.Errorf("fcm: status %d", status)
	}
	return &push.Refused{Reason: word(code, status)}
}

// word is a code of the service if it looks like one, else the status.
func word(code string, status int) string {
	if plainWord.MatchString(code) {
		return code
	}
	return "status " + strconv.Itoa(status)
}

var plainWord = regexp.MustCompile(`^[A-Za-z_]{1,64}$`)

// access returns an access token of a service account. fresh says that it was just fetched.
func (c *Client) access(ctx context.Context, secret string, account serviceAccount) (token string, fresh bool, err error) {
	key, now := sha256.Sum256([]byte(secret)), time.Now()
	c.mu.Lock()
	kept := c.tokens[key]
	c.mu.Unlock()
	if now.Before(kept.until) {
		return kept.token, false, nil
	}
	assertion, err := account.assertion(c.token, now)
	if err != nil {
		return "", false, err
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {assertion}}
	status, answer, err := c.post(ctx, c.token, "application/x-www-form-urlencoded", []byte(form.Encode()), "")
	if err != nil {
		return "", false, err
	}
	var a struct {
		Token   string `json:"access_token"`
		Seconds int64  `json:"expires_in"`
		Error   string `json:"error"`
	}
	_ = json.Unmarshal(answer, &a)
	switch {
	case status == http.StatusTooManyRequests || status >= 500:
		return "", false, fmt.Errorf("fcm: access token: status %d", status)
	case status != http.StatusOK || a.Token == "":
		return "", false, &push.Refused{Reason: "access token: " + word(a.Error, status)}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.tokens) >= maxTokens {
		clear(c.tokens)
	}
	c.tokens[key] = access{a.Token, now.Add(time.Duration(min(max(a.Seconds, 0), 24*3600))*time.Second - early)}
	return a.Token, true, nil
}

func (c *Client) forget(secret string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.tokens, sha256.Sum256([]byte(secret)))
}

// post sends a request and reads a bounded answer.
func (c *Client) post(ctx context.Context, address, contentType string, body []byte, token string) (int, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, nil, errors.New("fcm: the address cannot be used")
	}
	r.Header.Set("Content-Type", contentType)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		var where *url.Error
		if errors.As(err, &where) {
			err = where.Err
		}
		return 0, nil, fmt.Errorf("fcm: %w", err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return 0, nil, fmt.Errorf("fcm: %w", err)
	}
	return answer.StatusCode, all, nil
}
