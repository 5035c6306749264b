package custom

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"
	"unicode/utf8"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

// item is what a program tells: what a customer says, or, with Receipt, what became of a message.
type item struct {
	ID      connector.Loose            `json:"id"`
	From    string                     `json:"from"`
	To      string                     `json:"to"`
	Name    string                     `json:"name"`
	Body    string                     `json:"body"`
	Media   []file                     `json:"media"`
	Details map[string]connector.Loose `json:"details"`
	SentAt  connector.Loose            `json:"sent_at"`

	Receipt connector.Loose `json:"receipt"`
	Status  carry.Status    `json:"status"`
	Code    int             `json:"code"`
}

// Receive implements connector.Receiver. All items of a request are kept, or, when one is wrong, none.
func (c *Connection) Receive(_ context.Context, r connector.Request) (connector.Update, error) {
	if err := c.known(r); err != nil {
		return connector.Update{}, err
	}
	var items []json.RawMessage
	body := bytes.TrimSpace(r.Body)
	if len(body) > 0 && body[0] == '{' {
		items = []json.RawMessage{nil}
		if err := connector.ReadJSON(body, &items[0]); err != nil {
			return connector.Update{}, err
		}
	} else if err := connector.ReadJSON(body, &items); err != nil {
		return connector.Update{}, err
	}
	if len(items) == 0 || len(items) > maxItems {
		return connector.Update{}, &connector.Malformed{Reason: fmt.Sprintf("one item, or a list of 1 to %d", maxItems)}
	}
	u := connector.Update{Answer: connector.Answer{ContentType: "application/json", Body: fmt.Appendf(nil, `{"taken":%d}`, len(items))}}
	for i, raw := range items {
		var in item
		wrong := "it is not of the documented shape"
		if json.Unmarshal(raw, &in) == nil {
			if in.Receipt != "" {
				wrong = receipt(in, r.At, &u)
			} else {
				wrong = c.message(in, &u)
			}
		}
		if wrong != "" {
			return connector.Update{}, &connector.Malformed{Reason: fmt.Sprintf("item %d: %s", i+1, wrong)}
		}
	}
	return u, nil
}

// message adds what a customer says to u, or tells what is wrong.
func (c *Connection) message(in item, u *connector.Update) (wrong string) {
	from, ok := address(in.From)
	m := carry.Inbound{From: from, To: c.address, Body: in.Body, ProfileName: in.Name}
	to, toOK := address(in.To)
	switch {
	case in.ID == "":
		return "id is missing"
	case !ok:
		return "from is 1 to 200 bytes without spaces"
	case in.To != "" && (!toOK || to != c.address):
		return "to is another address than this connection's"
	case from == c.address:
		return "from is this connection's own address"
	case len(in.Media) > maxFiles:
		return "too many files"
	case in.Body == "" && len(in.Media) == 0 && len(in.Details) == 0:
		return "there is neither body nor media"
	}
	m.ID = connector.NameOf(string(in.ID), nil)
	for _, f := range in.Media {
		link, err := url.Parse(f.URL)
		switch {
		case (f.URL == "") == (len(f.Data) == 0):
			return "a file has either url or data"
		case f.URL != "" && (err != nil || link.Scheme != "https" && link.Scheme != "http" || link.Host == "" || !utf8.ValidString(f.URL)):
			return "the url of a file is none"
		}
		if f.URL != "" {
			f.Data = nil
		}
		m.Media = append(m.Media, carry.Media(f))
	}
	d := connector.Details{}
	for name, value := range in.Details {
		if len(name) > 64 || !plain(name) {
			return "the name of a detail is letters and digits"
		}
		d.Set(name, string(value))
	}
	m.Details = d.Or()
	if in.SentAt != "" {
		at, err := time.Parse(time.RFC3339, string(in.SentAt))
		if m.SentAt = in.SentAt.Seconds(); err == nil {
			m.SentAt = at.UTC()
		} else if m.SentAt.IsZero() {
			return "sent_at is a time such as 2026-11-20T16:00:00Z, or seconds since 1970"
		}
	}
	connector.Tidy(&m)
	u.Messages = append(u.Messages, m)
	return ""
}

// plain says whether a name is letters, digits and _.
func plain(name string) bool {
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return name != ""
}

// receipt adds what became of a message to u, or tells what is wrong.
func receipt(in item, at time.Time, u *connector.Update) (wrong string) {
	switch in.Status {
	case carry.SentOut, carry.Delivered, carry.Undelivered, carry.Failed, carry.Read:
	default:
		return "status is sent, delivered, undelivered, failed or read"
	}
	if len(in.Receipt) > maxName || in.Code < 0 || in.Code > 99_999 {
		return "receipt or code is too long"
	}
	u.Receipts = append(u.Receipts, carry.Receipt{ID: string(in.Receipt), Status: in.Status, Code: in.Code, At: at})
	return ""
}
