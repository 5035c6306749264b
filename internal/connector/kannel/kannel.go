// Package kannel carries SMS over Kannel's HTTP: messages go to its smsbox (sendsms), which calls back with what came in (a sms-service with
// get-url) and with receipts (dlr-url).
//
// Kannel signs nothing. Who calls back is known by a secret in the address, which therefore belongs on https or a network of one's own. For
// messages that come in, Kannel's configuration has
//
//	group = sms-service
//	keyword = default
//	catch-all = true
//	get-url = "https://…/carriers/{SID}?secret=…&id=%I&from=%p&to=%P&text=%b&coding=%c&charset=%C&time=%T"
//	max-messages = 0
//
// and, so that nothing is lost while Usher is away, http-request-retry and http-queue-delay in its group smsbox. Kannel puts long messages that
// come in together itself.
//
// Long messages that go out are cut here and sent part by part, since Kannel cuts off what exceeds its max-messages, which is 1 unless it
// is set. A try that breaks off in the middle is repeated with the same reference, so that a phone knows the parts that it has.
//
// Source: Kannel's user guide, 6 (SMS gateway: sms-service, sendsms, delivery reports), and what Kannel 1.4.5 sends.
package kannel

import (
	"context"
	"errors"
	"hash/fnv"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
	"usher/internal/segment"
)

// Kind is Kannel.
var Kind = connector.Kind{Name: "kannel", Channels: []carry.Channel{carry.SMS}, Fields: fields, Open: open}

var fields = []connector.Field{
	{Name: "url", Label: "Address of sendsms", Help: "Such as http://127.0.0.1:13013/cgi-bin/sendsms.", Required: true},
	{Name: "username", Label: "User", Help: "Of a group sendsms-user in Kannel's configuration.", Required: true},
	{Name: "password", Label: "Password", Secret: true, Required: true},
	{
		Name: "secret", Label: "Secret of callbacks", Help: "16 to 128 letters, digits, - or _: Kannel shows it with secret= in the addresses that it calls.",
		Secret: true, Required: true,
	},
	{Name: "smsc", Label: "SMSC", Help: "Kannel's smsc-id, when not any will do."},
	{
		Name: "long", Label: "Long messages", Help: "parts: cut here. kannel: cut by Kannel, up to the max-messages of its sendsms-user.", Default: "parts",
		Choices: []string{"parts", "kannel"},
	},
	{Name: "receipts", Label: "Ask for receipts", Default: "yes", Choices: []string{"yes", "no"}},
}

// Connection is one user of one Kannel.
type Connection struct {
	client             *http.Client
	url                string
	username, password string
	secret, smsc       string
	cut, receipts      bool
	public             string
}

func open(given map[string]string, d connector.Deps) (any, error) {
	s, err := connector.Settings(fields, given)
	if err != nil {
		return nil, err
	}
	base, err := connector.Base(s, "url")
	if err != nil {
		return nil, err
	}
	if n := len(s["secret"]); n < 16 || n > 128 || strings.ContainsFunc(s["secret"], odd) {
		return nil, errors.New("secret is 16 to 128 letters, digits, - or _")
	}
	return &Connection{
		client: d.Client, url: base, username: s["username"], password: s["password"], secret: s["secret"], smsc: s["smsc"],
		cut: s["long"] == "parts", receipts: s["receipts"] == "yes", public: d.PublicURL,
	}, nil
}

// odd says whether a character needs an escape in an address or means something to Kannel there.
func odd(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// Send implements connector.Sender.
func (c *Connection) Send(ctx context.Context, m carry.Outbound) (carry.Sent, error) {
	switch {
	case len(m.Media) > 0:
		return carry.Sent{}, &carry.Refusal{Code: 21621, Reason: "SMS carries no media"}
	case m.To == "" || strings.ContainsAny(m.To, " ,;"): // Kannel takes a blank for the next recipient
		return carry.Sent{}, &carry.Refusal{Code: 21211, Reason: "the recipient is no address"}
	}
	encoding := segment.Detect(m.Body)
	texts := []string{m.Body}
	if c.cut {
		texts = segment.Split(m.Body, encoding)
	}
	if len(texts) > 255 {
		return carry.Sent{}, &carry.Refusal{Code: 21617, Reason: "the text is too long"}
	}
	sent := carry.Sent{Status: carry.Queued}
	if !c.receipts {
		sent.Status = carry.SentOut
	}
	for i, text := range texts {
		id := m.SID + "-" + strconv.Itoa(i+1)
		q := c.query(m, id, text, encoding)
		if len(texts) > 1 {
			head := segment.Concat{Ref: reference(m.SID), Total: uint8(len(texts)), Part: uint8(i + 1)}
			q.Set("udh", string(head.Bytes()))
		}
		if err := c.call(ctx, q); err != nil {
			return carry.Sent{}, err
		}
		sent.IDs = append(sent.IDs, id)
	}
	return sent, nil
}

// query are the parameters of sendsms. Text is UTF-8 for every coding.
func (c *Connection) query(m carry.Outbound, id, text string, e segment.Encoding) url.Values {
	q := url.Values{
		"username": {c.username}, "password": {c.password}, "from": {m.From}, "to": {m.To}, "text": {text}, "charset": {"UTF-8"}, "coding": {"0"},
	}
	if e == segment.UCS2 {
		q.Set("coding", "2")
	}
	if c.smsc != "" {
		q.Set("smsc", c.smsc)
	}
	if m.Validity > 0 {
		q.Set("validity", strconv.Itoa(int(max(m.Validity/time.Minute, 1))))
	}
	if c.receipts {
		q.Set("dlr-mask", "31")
		q.Set("dlr-url", c.public+"?secret="+c.secret+"&receipt="+url.QueryEscape(id)+"&status=%d&answer=%A")
	}
	return q
}

// taken is how Kannel says that it has a message, or keeps it for later: with 202 and a number since 1.4, before that in words.
var taken = regexp.MustCompile(`^\s*(0:|3:|Sent|Queued)`)

// call asks Kannel once.
func (c *Connection) call(ctx context.Context, q url.Values) error {
	req, err := http.NewRequest(http.MethodGet, c.url+"?"+q.Encode(), nil)
	if err != nil {
		return &carry.Refusal{Reason: "the message makes no request"}
	}
	r, err := connector.Call(ctx, c.client, req)
	switch {
	case err != nil:
		return err
	case r.OK() && taken.Match(r.Body):
		return nil
	}
	return r.Error()
}

// reference ties the parts of a message together, the same for every try.
func reference(sid string) uint16 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(sid))
	sum := h.Sum32()
	return uint16((sum ^ sum>>8 ^ sum>>16 ^ sum>>24) & 0xff)
}
