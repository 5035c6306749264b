package messenger

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

// envelope is the body of a webhook. What is of another shape than expected is left out alone.
type envelope struct {
	Object string `json:"object"`
	Entry  []struct {
		Messaging []json.RawMessage `json:"messaging"`
	} `json:"entry"`
}

// happening is one item of a webhook; one of its parts says what happened.
type happening struct {
	Sender    struct{ ID connector.Loose } `json:"sender"`
	Recipient struct{ ID connector.Loose } `json:"recipient"`
	At        connector.Loose              `json:"timestamp"`
	Message   json.RawMessage              `json:"message"`
	Postback  json.RawMessage              `json:"postback"`
	Reaction  json.RawMessage              `json:"reaction"`
	Delivery  json.RawMessage              `json:"delivery"`
	Read      json.RawMessage              `json:"read"`
}

// Receive implements connector.Receiver.
func (c *Connection) Receive(ctx context.Context, r connector.Request) (connector.Update, error) {
	if err := c.api.Check(r); err != nil {
		return connector.Update{}, err
	}
	var body envelope
	if err := connector.ReadJSON(r.Body, &body); err != nil {
		return connector.Update{}, err
	}
	var u connector.Update
	if body.Object != "page" {
		return u, nil
	}
	for _, entry := range body.Entry {
		for _, raw := range entry.Messaging {
			h := read[happening](raw)
			if !person(string(h.Sender.ID)) || string(h.Recipient.ID) != c.page || string(h.Sender.ID) == c.page {
				continue
			}
			if m, ok := h.message(raw); ok {
				m.From, m.To, m.SentAt = prefix+string(h.Sender.ID), prefix+c.page, h.At.Milliseconds()
				m.ProfileName = c.name(ctx, string(h.Sender.ID))
				connector.Tidy(&m)
				connector.Named(&m, m.Details["MessageType"])
				u.Messages = append(u.Messages, m)
			}
			u.Receipts = append(u.Receipts, c.receipts(h)...)
		}
	}
	return u, nil
}

// read reads a part of a webhook; what is of another shape is nothing.
func read[T any](raw json.RawMessage) (v T) {
	if json.Unmarshal(raw, &v) != nil {
		var none T
		return none
	}
	return v
}

// there says that a part is there at all.
func there(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }

// message reads what a customer says; not ok is something else.
func (h happening) message(raw json.RawMessage) (carry.Inbound, bool) {
	d := connector.Details{}
	var m carry.Inbound
	switch {
	case there(h.Message):
		in := read[incoming](h.Message)
		if in.Echo || in.Deleted {
			return m, false
		}
		m.ID = connector.NameOf(string(in.ID), raw)
		in.content(&m, d)
	case there(h.Postback):
		p := read[struct {
			ID             connector.Loose `json:"mid"`
			Title, Payload string
		}](h.Postback)
		m.ID, m.Body = connector.NameOf(string(p.ID), raw), p.Title
		d.Set("ButtonText", p.Title)
		d.Set("ButtonPayload", p.Payload)
	case there(h.Reaction):
		p := read[struct{ Reaction, Emoji, Action, Mid string }](h.Reaction)
		if p.Action != "react" || p.Emoji == "" {
			return m, false
		}
		m.ID, m.Body = connector.NameOf("", raw), p.Emoji
		d.Set("ReactionEmoji", p.Emoji)
		d.Set("ReactionMessageId", p.Mid)
	default:
		return m, false
	}
	m.Details = d.Or()
	return m, true
}

type incoming struct {
	ID          connector.Loose   `json:"mid"`
	Text        string            `json:"text"`
	Echo        bool              `json:"is_echo"`
	Deleted     bool              `json:"is_deleted"`
	Quick       json.RawMessage   `json:"quick_reply"`
	ReplyTo     json.RawMessage   `json:"reply_to"`
	Attachments []json.RawMessage `json:"attachments"`
}

// maxAttachments bounds the files of one message.
const maxAttachments = 30

// content puts what a message holds into m.
func (in incoming) content(m *carry.Inbound, d connector.Details) {
	m.Body = in.Text
	quick := read[struct{ Payload string }](in.Quick)
	if quick.Payload != "" {
		d.Set("ButtonText", in.Text)
		d.Set("ButtonPayload", quick.Payload)
	}
	d.Set("RepliedMessageId", read[struct{ Mid string }](in.ReplyTo).Mid)
	for i, raw := range in.Attachments {
		if i == maxAttachments {
			d.Set("MediaError", "too many files in one message")
			break
		}
		a := read[struct {
			Type, Title, URL string
			Payload          struct {
				Title, URL  string
				Coordinates struct {
					Latitude  connector.Loose `json:"lat"`
					Longitude connector.Loose `json:"long"`
				}
			}
		}](raw)
		switch at := a.Payload.Coordinates; a.Type {
		case "image", "video", "audio", "file":
			if u, err := url.Parse(a.Payload.URL); err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" {
				m.Media = append(m.Media, carry.Media{URL: a.Payload.URL})
			} else {
				d.Set("MediaError", "the carrier names no file")
			}
		case "location":
			d.Set("Latitude", string(at.Latitude))
			d.Set("Longitude", string(at.Longitude))
			d.Set("Label", a.Title)
			m.Body = join(m.Body, a.Title, strings.Trim(string(at.Latitude)+","+string(at.Longitude), ","))
		case "fallback":
			if u := a.Payload.URL + a.URL; !strings.Contains(m.Body, u) {
				m.Body = join(m.Body, a.Title+a.Payload.Title, u)
			}
		default:
			d.Set("MessageType", a.Type)
		}
	}
}

// join puts lines under each other.
func join(lines ...string) string {
	var kept []string
	for _, l := range lines {
		if l != "" {
			kept = append(kept, l)
		}
	}
	return strings.Join(kept, "\n")
}

// receipts reads what became of the page's messages: those that are named, or else those up to a time.
func (c *Connection) receipts(h happening) []carry.Receipt {
	type until struct {
		IDs       []connector.Loose `json:"mids"`
		Watermark connector.Loose   `json:"watermark"`
	}
	to, status, part := string(h.Sender.ID), carry.Delivered, h.Delivery
	if there(h.Read) {
		status, part = carry.Read, h.Read
	}
	if !there(part) {
		return nil
	}
	u := read[until](part)
	at := u.Watermark.Milliseconds()
	var list []carry.Receipt
	for _, id := range u.IDs {
		if id != "" && len(id) <= 255 {
			list = append(list, carry.Receipt{ID: string(id), Status: status, At: at})
		}
	}
	if len(list) > 0 || at.IsZero() {
		return list
	}
	for _, id := range c.sent.until(to, at, status == carry.Read) {
		list = append(list, carry.Receipt{ID: id, Status: status, At: at})
	}
	return list
}
