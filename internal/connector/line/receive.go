package line

import (
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

// fileTime bounds what is spent on the files of one webhook. LINE does not bring it again unless it was told to, so what cannot be had by
// then is left out, and the message says so.
const fileTime = 12 * time.Second

// event is one of a webhook's. What is of another shape than expected is left out alone.
type event struct {
	Type   string          `json:"type"`
	Mode   string          `json:"mode"`
	ID     connector.Loose `json:"webhookEventId"`
	At     connector.Loose `json:"timestamp"`
	Token  string          `json:"replyToken"`
	Source struct {
		Type string `json:"type"`
		User string `json:"userId"`
	} `json:"source"`
	Message  json.RawMessage `json:"message"`
	Postback struct {
		Data   string            `json:"data"`
		Params map[string]string `json:"params"`
	} `json:"postback"`
}

type message struct {
	ID        connector.Loose `json:"id"`
	Type      string          `json:"type"`
	Text      string          `json:"text"`
	Quoted    connector.Loose `json:"quotedMessageId"`
	FileName  string          `json:"fileName"`
	Title     string          `json:"title"`
	Address   string          `json:"address"`
	Latitude  connector.Loose `json:"latitude"`
	Longitude connector.Loose `json:"longitude"`
	Package   connector.Loose `json:"packageId"`
	Sticker   connector.Loose `json:"stickerId"`
	Keywords  []string        `json:"keywords"`
	Provider  struct {
		Type string `json:"type"`
		URL  string `json:"originalContentUrl"`
	} `json:"contentProvider"`
}

// Receive implements connector.Receiver.
func (c *Connection) Receive(ctx context.Context, r connector.Request) (connector.Update, error) {
	// X-Line-Signature is the base64 HMAC-SHA256 of the body's bytes under the channel's secret.
	want := base64.StdEncoding.EncodeToString(connector.Mac(c.secret, r.Body))
	if got := r.Header.Get("X-Line-Signature"); got == "" {
		return connector.Update{}, &connector.Forged{Reason: "X-Line-Signature is missing"}
	} else if !hmac.Equal([]byte(got), []byte(want)) {
		return connector.Update{}, &connector.Forged{Reason: "X-Line-Signature is wrong"}
	}
	var body struct {
		Destination string            `json:"destination"`
		Events      []json.RawMessage `json:"events"`
	}
	if err := connector.ReadJSON(r.Body, &body); err != nil {
		return connector.Update{}, err
	}
	var u connector.Update
	if body.Destination != c.bot {
		return u, nil
	}
	until, files := time.Now().Add(fileTime), 0
	for _, raw := range body.Events {
		var e event
		if json.Unmarshal(raw, &e) != nil || e.Mode == "standby" || e.Source.Type != "user" || !user(e.Source.User) || e.Source.User == c.bot {
			continue
		}
		m, ok := c.read(ctx, until, e, raw, &files)
		if !ok {
			continue
		}
		m.From, m.To, m.SentAt = prefix+e.Source.User, prefix+c.bot, e.At.Milliseconds()
		m.ProfileName = c.name(ctx, e.Source.User)
		connector.Tidy(&m)
		connector.Named(&m, m.Details["MessageType"])
		u.Messages = append(u.Messages, m)
		if c.reply {
			c.tokens.keep(e.Source.User, e.Token, r.At)
		}
	}
	return u, nil
}

// read reads what a customer says in an event; not ok is anything else.
func (c *Connection) read(ctx context.Context, until time.Time, e event, raw []byte, files *int) (carry.Inbound, bool) {
	d := connector.Details{}
	var m carry.Inbound
	switch e.Type {
	case "postback":
		m.ID, m.Body = connector.NameOf(string(e.ID), raw), e.Postback.Data
		d.Set("ButtonPayload", e.Postback.Data)
		for _, name := range []string{"date", "time", "datetime"} {
			d.Set("Postback"+strings.ToUpper(name[:1])+name[1:], e.Postback.Params[name])
		}
	case "message":
		var in message
		if json.Unmarshal(e.Message, &in) != nil {
			return m, false
		}
		m.ID = connector.NameOf(string(in.ID), raw)
		d.Set("MessageType", in.Type)
		d.Set("RepliedMessageId", string(in.Quoted))
		c.fill(ctx, until, in, &m, d, files)
	default:
		return m, false
	}
	m.Details = d.Or()
	return m, true
}

// fill puts what a message holds into m.
func (c *Connection) fill(ctx context.Context, until time.Time, in message, m *carry.Inbound, d connector.Details, files *int) {
	switch in.Type {
	case "text":
		m.Body = in.Text
	case "sticker":
		d.Set("StickerPackageId", string(in.Package))
		d.Set("StickerId", string(in.Sticker))
		if m.Body = in.Text; m.Body == "" && len(in.Keywords) > 0 {
			m.Body = "[" + strings.Join(in.Keywords[:min(len(in.Keywords), 3)], ", ") + "]"
		}
	case "location":
		d.Set("Label", in.Title)
		d.Set("Address", in.Address)
		d.Set("Latitude", string(in.Latitude))
		d.Set("Longitude", string(in.Longitude))
		var lines []string
		for _, l := range []string{in.Title, in.Address, strings.Trim(string(in.Latitude)+","+string(in.Longitude), ",")} {
			if l != "" {
				lines = append(lines, l)
			}
		}
		m.Body = strings.Join(lines, "\n")
	case "image", "video", "audio", "file":
		if in.Provider.Type == "external" && strings.HasPrefix(in.Provider.URL, "https://") {
			m.Media = append(m.Media, carry.Media{URL: in.Provider.URL, Name: in.FileName})
			return
		}
		if *files >= connector.MaxFiles || strings.Trim(string(in.ID), "0123456789") != "" || in.ID == "" {
			d.Set("MediaError", "the file cannot be had")
			return
		}
		f, err := c.content(ctx, until, string(in.ID))
		if err != nil {
			d.Set("MediaError", "the file cannot be had")
			return
		}
		*files += len(f.Data)
		f.Name = in.FileName
		m.Media = append(m.Media, f)
	}
}
