// Package apns sends push notifications by the Apple Push Notification service, over HTTP/2: with the certificate and key of a
// credential, or with a token that its key signs.
package apns

import (
	"bytes"
	"context"
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
	DefaultURL        = "https://api.push.apple.com"
	DefaultSandboxURL = "https://api.sandbox.push.apple.com"
)

const (
	patience  = 10 * time.Second // of one exchange
	maxAnswer = 16 << 10         // bytes
	maxBody   = 4096             // bytes of a notification; more is refused by the service
)

// Options of a Client; zero values take the defaults.
type Options struct {
	Transport  *http.Transport // a model: each credential has a copy with its own certificate
	URL        string          // without a path
	SandboxURL string          // of credentials for development
}

// Client is the push service. It is safe for concurrent use.
type Client struct {
	model        *http.Transport
	url, sandbox string

	mu      sync.Mutex
	senders map[[32]byte]*sender
}

// New returns the push service. It does not connect yet.
func New(o Options) *Client {
	c := &Client{model: o.Transport, url: DefaultURL, sandbox: DefaultSandboxURL, senders: map[[32]byte]*sender{}}
	if c.model == nil {
		c.model = &http.Transport{}
	}
	if o.URL != "" {
		c.url = strings.TrimRight(o.URL, "/")
	}
	if o.SandboxURL != "" {
		c.sandbox = strings.TrimRight(o.SandboxURL, "/")
	}
	return c
}

// plainDevice is what the service calls devices: it stands in a path.
var plainDevice = regexp.MustCompile(`^[0-9A-Fa-f]{2,400}$`)

// Send implements push.Carrier.
func (c *Client) Send(ctx context.Context, credential devices.Credential, device devices.Binding, m push.Message) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	address := strings.NewReplacer("<", "", ">", "", " ", "").Replace(device.Address) // as old apps print it
	if !plainDevice.MatchString(address) {
		return &push.Gone{}
	}
	s, err := c.sender(credential)
	if err != nil {
		return err
	}
	body, err := payload(m)
	if err != nil {
		return err
	}
	base := c.url
	if credential.Sandbox {
		base = c.sandbox
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/3/device/"+address, bytes.NewReader(body))
	if err != nil {
		return errors.New("apns: the address cannot be used")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Apns-Push-Type", "alert")
	r.Header.Set("Apns-Priority", "10")
	r.Header.Set("Apns-Expiration", strconv.FormatInt(m.Expires.Unix(), 10))
	if id := string(m.ID); len(id) == 34 {
		id = id[2:]
		r.Header.Set("Apns-Collapse-Id", id) // two of one id are one
		r.Header.Set("Apns-Id", id[:8]+"-"+id[8:12]+"-"+id[12:16]+"-"+id[16:20]+"-"+id[20:])
	}
	if s.topic != "" {
		r.Header.Set("Apns-Topic", s.topic)
	}
	if err := s.authorize(r, time.Now()); err != nil {
		return err
	}
	answer, err := s.http.Do(r)
	if err != nil {
		var where *url.Error
		if errors.As(err, &where) {
			err = where.Err // the address names the device
		}
		return fmt.Errorf("apns: %w", err)
	}
	defer answer.Body.Close()
	all, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("apns: %w", err)
	}
	if answer.StatusCode == http.StatusForbidden {
		s.renew() // a token may have been taken back before its time
	}
	return outcome(answer.StatusCode, all)
}

// alert is the part of a notification that the system shows.
type alert struct {
	Alert struct {
		Body string `json:"body"`
	} `json:"alert"`
	Sound string `json:"sound,omitempty"`
	Badge *int64 `json:"badge,omitempty"`
}

// payload is a notification as client libraries read it: the data stands beside aps.
func payload(m push.Message) ([]byte, error) {
	all := map[string]any{"twi_message_type": m.Type, "twi_message_id": m.ID}
	for name, value := range m.Data {
		all[name] = value
	}
	a := alert{Sound: m.Sound, Badge: m.Badge}
	a.Alert.Body = m.Body
	all["aps"] = a
	body, err := json.Marshal(all)
	if err == nil && len(body) > maxBody {
		return nil, &push.Refused{Reason: "PayloadTooLarge"}
	}
	return body, err
}

// outcome reads an answer. Source: the service's table of status codes and reasons.
func outcome(status int, answer []byte) error {
	if status == http.StatusOK {
		return nil
	}
	var a struct {
		Reason string `json:"reason"`
		At     int64  `json:"timestamp"` // ms
	}
	_ = json.Unmarshal(answer, &a) // an answer that is not JSON has its status
	switch {
	case status == http.StatusGone && a.At > 0:
		return &push.Gone{Since: time.UnixMilli(a.At)}
	case status == http.StatusGone, a.Reason == "BadDeviceToken", a.Reason == "Unregistered":
		return &push.Gone{}
	case status == http.StatusTooManyRequests, status >= 500, a.Reason == "ExpiredProviderToken":
		return fmt.Errorf("apns: status %d", status)
	case plainWord.MatchString(a.Reason):
		return &push.Refused{Reason: a.Reason}
	}
	return &push.Refused{Reason: "status " + strconv.Itoa(status)}
}

var plainWord = regexp.MustCompile(`^[A-Za-z]{1,64}$`)
