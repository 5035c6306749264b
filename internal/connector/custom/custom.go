// Package custom carries messages over a channel of somebody's own: a program that stands between Usher and whatever its owner's customers
// write in. Usher posts what is to be sent to it, signed; it posts what customers say, and what became of messages, to the connection's
// address, with a token. docs/custom-channel.md is the contract for who writes such a program, with one that runs.
package custom

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

// Kind is a channel of one's own.
var Kind = connector.Kind{Name: "custom", Channels: []carry.Channel{carry.Custom}, Fields: fields, Open: open}

var fields = []connector.Field{
	{Name: "url", Label: "Your program", Help: "The address that Usher posts messages for customers to.", Required: true},
	{Name: "secret", Label: "Secret", Help: "Signs what Usher posts; 16 characters at least.", Secret: true, Required: true},
	{Name: "token", Label: "Token", Help: "What your program sends as Authorization: Bearer; 16 characters at least.", Secret: true, Required: true},
	{Name: "address", Label: "Own address", Help: "What customers write to: custom: and a name, such as custom:shop.", Default: "custom:usher"},
}

// The headers that sign what Usher posts: the seconds since 1970, and the hex HMAC-SHA256 of them, a dot, and the body's bytes.
const (
	timeHeader      = "Usher-Timestamp"
	signatureHeader = "Usher-Signature"
)

const (
	prefix = "custom:"
	// minSecret is the fewest characters of what only the two sides may know.
	minSecret = 16
	// maxItems bounds the items of one request.
	maxItems = 100
	// maxName bounds a customer's name in an address, and a message's, in bytes.
	maxName = 200
	// maxFiles bounds the files of one message.
	maxFiles = 10
)

// Connection is one program.
type Connection struct {
	client                      *http.Client
	url, secret, token, address string
}

func open(given map[string]string, d connector.Deps) (any, error) {
	s, err := connector.Settings(fields, given)
	if err != nil {
		return nil, err
	}
	if _, err := connector.Base(s, "url"); err != nil {
		return nil, err
	}
	for _, name := range []string{"secret", "token"} {
		if len(s[name]) < minSecret {
			return nil, fmt.Errorf("%s has %d characters at least", name, minSecret)
		}
	}
	if err := connector.Token(s, "token"); err != nil {
		return nil, err
	}
	own, ok := address(s["address"])
	if !ok {
		return nil, errors.New("address is custom: and a name without spaces")
	}
	return &Connection{d.Client, s["url"], s["secret"], s["token"], own}, nil
}

// address makes of a name, with or without the prefix, an address.
func address(name string) (string, bool) {
	name = strings.TrimPrefix(name, prefix)
	bad := func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }
	if name == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, bad) {
		return "", false
	}
	return prefix + name, true
}

// outgoing is what is posted to the program.
type outgoing struct {
	SID       string            `json:"sid"`
	From      string            `json:"from"`
	To        string            `json:"to"`
	Body      string            `json:"body"`
	Media     []file            `json:"media"`
	Template  string            `json:"template,omitempty"`
	Language  string            `json:"language,omitempty"`
	Variables map[string]string `json:"variables,omitempty"`
}

type file struct {
	URL         string `json:"url,omitempty"`
	Data        []byte `json:"data,omitempty"`
	ContentType string `json:"content_type,omitempty"`
	Name        string `json:"name,omitempty"`
}

// Repeats implements connector.Repeater: who writes such a program is told to show a SID once.
func (c *Connection) Repeats() bool { return true }

// Send implements connector.Sender. Any answer from 200 to 299 says that the message was taken.
func (c *Connection) Send(ctx context.Context, m carry.Outbound) (carry.Sent, error) {
	to, ok := address(m.To)
	if !ok || !strings.HasPrefix(m.To, prefix) {
		return carry.Sent{}, &carry.Refusal{Code: 21211, Reason: "the recipient is no address of this channel"}
	}
	out := outgoing{
		SID: m.SID, From: strings.TrimPrefix(m.From, prefix), To: strings.TrimPrefix(to, prefix), Body: m.Body, Media: []file{},
		Template: m.Template, Language: m.Language, Variables: m.Variables,
	}
	for _, f := range m.Media {
		out.Media = append(out.Media, file(f))
	}
	body, err := json.Marshal(out)
	if err != nil {
		return carry.Sent{}, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(string(body)))
	if err != nil {
		return carry.Sent{}, &carry.Refusal{Reason: "the address cannot be called"}
	}
	at := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Usher")
	req.Header.Set(timeHeader, at)
	req.Header.Set(signatureHeader, hex.EncodeToString(connector.Mac(c.secret, []byte(at+"."), body)))
	req.Header["X-Idempotency-Key"] = nil // not sent: the transport may try again by itself when an idle connection was closed
	reply, err := connector.Call(ctx, c.client, req)
	if err != nil {
		return carry.Sent{}, err
	}
	return result(m.SID, reply)
}

// result reads the program's answer, in which everything may be left out.
func result(sid string, reply connector.Reply) (carry.Sent, error) {
	var said struct {
		ID     string       `json:"id"`
		Status carry.Status `json:"status"`
		Code   int          `json:"code"`
	}
	readable := json.Unmarshal(reply.Body, &said) == nil
	if !reply.OK() {
		err := reply.Error()
		if r := (*carry.Refusal)(nil); errors.As(err, &r) && readable && said.Code > 0 && said.Code <= 99_999 {
			r.Code = said.Code
		}
		return carry.Sent{}, err
	}
	sent := carry.Sent{IDs: []string{sid}, Status: carry.SentOut}
	if readable && said.ID != "" && len(said.ID) <= maxName && utf8.ValidString(said.ID) {
		sent.IDs = []string{said.ID}
	}
	if readable && (said.Status == carry.Queued || said.Status == carry.Delivered) {
		sent.Status = said.Status
	}
	return sent, nil
}

// known says whether a request brings the token.
func (c *Connection) known(r connector.Request) error {
	got, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		return &connector.Forged{Reason: "Authorization: Bearer and the token are missing"}
	}
	if !hmac.Equal(connector.Mac("", []byte(got)), connector.Mac("", []byte(c.token))) {
		return &connector.Forged{Reason: "the token is wrong"}
	}
	return nil
}
