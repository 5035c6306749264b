package whatsapp

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

// patience is how long a message waits for its file: WhatsApp brings the webhook again as long as we do not take it, and keeps the file
// for days, but a customer's words should not wait for a picture that does not come.
const patience = time.Hour

// envelope is the body of a webhook, as far as it matters here. What is of another shape than expected is left out alone.
type envelope struct {
	Object string `json:"object"`
	Entry  []struct {
		Changes []struct {
			Field string          `json:"field"`
			Value json.RawMessage `json:"value"`
		} `json:"changes"`
	} `json:"entry"`
}

type value struct {
	Metadata struct {
		Phone connector.Loose `json:"phone_number_id"`
	} `json:"metadata"`
	Contacts []json.RawMessage `json:"contacts"`
	Messages []json.RawMessage `json:"messages"`
	Statuses []json.RawMessage `json:"statuses"`
}

type contact struct {
	Profile struct {
		Name     string `json:"name"`
		Username string `json:"username"`
	} `json:"profile"`
	Number connector.Loose `json:"wa_id"`
	User   connector.Loose `json:"user_id"`
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
	if body.Object != "whatsapp_business_account" {
		return u, nil
	}
	files := 0
	for _, entry := range body.Entry {
		for _, change := range entry.Changes {
			var v value
			if change.Field != "messages" || json.Unmarshal(change.Value, &v) != nil || string(v.Metadata.Phone) != c.phone {
				continue
			}
			names := v.names()
			for _, raw := range v.Messages {
				m, ok, err := c.message(ctx, raw, names, r.At, &files)
				if err != nil {
					return connector.Update{}, err
				}
				if ok {
					u.Messages = append(u.Messages, m)
				}
			}
			for _, raw := range v.Statuses {
				if receipt, ok := status(raw); ok {
					u.Receipts = append(u.Receipts, receipt)
				}
			}
		}
	}
	return u, nil
}

// names are the customers' names by address.
func (v value) names() map[string]string {
	names := map[string]string{}
	for _, raw := range v.Contacts {
		var c contact
		if json.Unmarshal(raw, &c) != nil {
			continue
		}
		for _, a := range []string{address(string(c.Number), ""), address("", string(c.User))} {
			if a != "" {
				names[a] = cmp.Or(c.Profile.Name, c.Profile.Username)
			}
		}
	}
	return names
}

// message reads one message; not ok is one that is none of a customer's.
func (c *Connection) message(ctx context.Context, raw json.RawMessage, names map[string]string, now time.Time, files *int) (carry.Inbound, bool, error) {
	var in incoming
	if json.Unmarshal(raw, &in) != nil {
		return carry.Inbound{}, false, nil
	}
	from := address(string(in.From), string(in.FromUser))
	if from == "" || from == c.address || in.Type == "system" || in.Type == "request_welcome" {
		return carry.Inbound{}, false, nil
	}
	m := carry.Inbound{ID: connector.NameOf(string(in.ID), raw), From: from, To: c.address, ProfileName: names[from], SentAt: in.At.Seconds()}
	details := connector.Details{}
	details.Set("WaId", strings.TrimPrefix(strings.TrimPrefix(from, prefix), "+"))
	details.Set("MessageType", in.Type)
	if id := string(in.FromUser); userID(id) {
		details.Set("UserId", id) // beside a number it tells who will write later without one
	}
	in.details(details)
	file, ok := in.content(&m, details)
	if !ok {
		return carry.Inbound{}, false, nil
	}
	if file.ID != "" {
		if err := c.attach(ctx, &m, file, details, now, files); err != nil {
			return carry.Inbound{}, false, err
		}
	}
	m.Details = details.Or()
	connector.Tidy(&m)
	connector.Named(&m, in.Type)
	return m, true, nil
}

// attach gets the message's file. Where it cannot be had the message comes without, and MediaError says so.
func (c *Connection) attach(ctx context.Context, m *carry.Inbound, f file, details connector.Details, now time.Time, files *int) error {
	if *files >= connector.MaxFiles {
		details.Set("MediaError", "too many files came at once")
		return nil
	}
	got, err := c.api.Media(ctx, string(f.ID))
	late := !m.SentAt.IsZero() && now.Sub(m.SentAt) > patience
	switch {
	case err != nil && !late && !errors.Is(err, connector.ErrNoFile):
		return errors.New("whatsapp: a file is not there yet")
	case err != nil:
		details.Set("MediaError", "the file cannot be had")
		return nil
	}
	*files += len(got.Data)
	got.Name = f.Name
	if f.Type != "" {
		got.ContentType = f.Type
	}
	m.Media = append(m.Media, got)
	return nil
}

// status reads a receipt; not ok is a status that says nothing of a message's way.
func status(raw json.RawMessage) (carry.Receipt, bool) {
	var s struct {
		ID     connector.Loose `json:"id"`
		Status string          `json:"status"`
		At     connector.Loose `json:"timestamp"`
		Errors []struct {
			Code int `json:"code"`
		} `json:"errors"`
	}
	if json.Unmarshal(raw, &s) != nil || s.ID == "" || len(s.ID) > 255 {
		return carry.Receipt{}, false
	}
	r := carry.Receipt{ID: string(s.ID), At: s.At.Seconds()}
	switch s.Status {
	case "sent":
		r.Status = carry.SentOut
	case "delivered":
		r.Status = carry.Delivered
	case "read", "played":
		r.Status = carry.Read
	case "failed":
		r.Status, r.Code = carry.Failed, 63023
		if len(s.Errors) > 0 {
			code := s.Errors[0].Code
			r.Code, r.Reason = problem(code, 0).Code, reason(code)
			if theirs[code] {
				r.Status = carry.Undelivered
			}
		}
	default:
		return carry.Receipt{}, false
	}
	return r, true
}
