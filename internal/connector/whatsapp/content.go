package whatsapp

import (
	"encoding/json"
	"fmt"
	"strings"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

// incoming is a message of a webhook. The part that holds its content has the name of its type.
type incoming struct {
	ID          connector.Loose   `json:"id"`
	From        connector.Loose   `json:"from"`
	FromUser    connector.Loose   `json:"from_user_id"`
	At          connector.Loose   `json:"timestamp"`
	Type        string            `json:"type"`
	Text        json.RawMessage   `json:"text"`
	Image       json.RawMessage   `json:"image"`
	Audio       json.RawMessage   `json:"audio"`
	Voice       json.RawMessage   `json:"voice"`
	Video       json.RawMessage   `json:"video"`
	Document    json.RawMessage   `json:"document"`
	Sticker     json.RawMessage   `json:"sticker"`
	Location    json.RawMessage   `json:"location"`
	Contacts    []json.RawMessage `json:"contacts"`
	Button      json.RawMessage   `json:"button"`
	Interactive json.RawMessage   `json:"interactive"`
	Reaction    json.RawMessage   `json:"reaction"`
	Context     json.RawMessage   `json:"context"`
	Referral    json.RawMessage   `json:"referral"`
}

type file struct {
	ID      connector.Loose `json:"id"`
	Type    string          `json:"mime_type"`
	Name    string          `json:"filename"`
	Caption string          `json:"caption"`
}

// read reads a part of a message; what is of another shape is nothing.
func read[T any](raw json.RawMessage) (v T) {
	if json.Unmarshal(raw, &v) != nil {
		var none T
		return none
	}
	return v
}

// content puts what the message says into m, and returns the file that is to be fetched. Not ok is a reaction that was taken back.
func (in *incoming) content(m *carry.Inbound, d connector.Details) (file, bool) {
	switch in.Type {
	case "text":
		m.Body = read[struct {
			Body string `json:"body"`
		}](in.Text).Body
	case "image":
		return in.file(in.Image, m, d), true
	case "audio":
		return in.file(in.Audio, m, d), true
	case "voice":
		return in.file(in.Voice, m, d), true
	case "video":
		return in.file(in.Video, m, d), true
	case "document":
		return in.file(in.Document, m, d), true
	case "sticker":
		return in.file(in.Sticker, m, d), true
	case "location":
		in.location(m, d)
	case "contacts":
		for _, raw := range in.Contacts {
			if len(m.Media) < maxCards {
				m.Media = append(m.Media, card(raw))
			}
		}
	case "button":
		b := read[struct{ Text, Payload string }](in.Button)
		m.Body = b.Text
		d.Set("ButtonText", b.Text)
		d.Set("ButtonPayload", b.Payload)
	case "interactive":
		in.answer(m, d)
	case "reaction":
		r := read[struct {
			Message string `json:"message_id"`
			Emoji   string `json:"emoji"`
		}](in.Reaction)
		m.Body = r.Emoji
		d.Set("ReactionEmoji", r.Emoji)
		d.Set("ReactionMessageId", r.Message)
		return file{}, r.Emoji != ""
	}
	return file{}, true
}

// file reads the part of a message that names a file.
func (in *incoming) file(raw json.RawMessage, m *carry.Inbound, d connector.Details) file {
	f := read[file](raw)
	m.Body = f.Caption
	if f.ID == "" {
		d.Set("MediaError", "the carrier names no file")
	}
	return f
}

// location says a place in words, for those who only read, and in details for those who draw maps.
func (in *incoming) location(m *carry.Inbound, d connector.Details) {
	l := read[struct {
		Latitude, Longitude connector.Loose
		Name, Address       string
	}](in.Location)
	d.Set("Latitude", string(l.Latitude))
	d.Set("Longitude", string(l.Longitude))
	d.Set("Label", l.Name)
	d.Set("Address", l.Address)
	m.Body = place(l.Name, l.Address, string(l.Latitude), string(l.Longitude))
}

// place is a place in words.
func place(name, address, latitude, longitude string) string {
	var parts []string
	for _, p := range []string{name, address} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	if latitude != "" && longitude != "" {
		parts = append(parts, latitude+","+longitude)
	}
	return strings.Join(parts, "\n")
}

// answer reads what was chosen from buttons, a list or a form.
func (in *incoming) answer(m *carry.Inbound, d connector.Details) {
	type choice struct{ ID, Title, Description string }
	i := read[struct {
		Button choice `json:"button_reply"`
		List   choice `json:"list_reply"`
		Form   struct {
			Body     string
			Response json.RawMessage `json:"response_json"`
		} `json:"nfm_reply"`
	}](in.Interactive)
	switch {
	case i.Button != choice{}:
		m.Body = i.Button.Title
		d.Set("ButtonText", i.Button.Title)
		d.Set("ButtonPayload", i.Button.ID)
	case i.List != choice{}:
		m.Body = i.List.Title
		d.Set("ListTitle", i.List.Title)
		d.Set("ListId", i.List.ID)
		d.Set("ListDescription", i.List.Description)
	default:
		m.Body = i.Form.Body
		d.Set("InteractiveData", read[string](i.Form.Response))
	}
}

// details sets what may stand beside any content: what it answers to, whether it was forwarded, which advertisement led here.
func (in *incoming) details(d connector.Details) {
	c := read[struct {
		ID         string
		Forwarded  bool
		Frequently bool `json:"frequently_forwarded"`
	}](in.Context)
	d.Set("RepliedMessageId", c.ID)
	if c.Forwarded {
		d.Set("Forwarded", "true")
	}
	if c.Frequently {
		d.Set("FrequentlyForwarded", "true")
	}
	r := read[struct {
		Body, Headline string
		SourceID       string `json:"source_id"`
		SourceType     string `json:"source_type"`
		SourceURL      string `json:"source_url"`
		ClickID        string `json:"ctwa_clid"`
	}](in.Referral)
	d.Set("ReferralBody", r.Body)
	d.Set("ReferralHeadline", r.Headline)
	d.Set("ReferralSourceId", r.SourceID)
	d.Set("ReferralSourceType", r.SourceType)
	d.Set("ReferralSourceUrl", r.SourceURL)
	d.Set("ReferralCtwaClid", r.ClickID)
}

// maxCards bounds the contacts of one message.
const maxCards = 10

// card is the vCard of a contact that a customer sends, or one (3.0) that is made of its parts. The original sends such files, too. Source:
// RFC 2426.
func card(raw json.RawMessage) carry.Media {
	if whole := read[struct{ Vcard string }](raw).Vcard; strings.HasPrefix(whole, "BEGIN:VCARD") && len(whole) <= 64<<10 {
		return carry.Media{Data: []byte(strings.ToValidUTF8(whole, "?")), ContentType: "text/vcard", Name: "contact.vcf"}
	}
	c := read[struct {
		Name struct {
			Formatted string `json:"formatted_name"`
			First     string `json:"first_name"`
			Last      string `json:"last_name"`
		}
		Org struct {
			Company string
		}
		Phones []struct{ Phone, Type string }
		Emails []struct{ Email, Type string }
		URLs   []struct{ URL string } `json:"urls"`
	}](raw)
	var b strings.Builder
	line := func(format string, values ...string) {
		escaped := make([]any, len(values))
		for i, v := range values {
			escaped[i] = vcard.Replace(v)
		}
		if b.Len() < 64<<10 && strings.Join(values, "") != "" {
			fmt.Fprintf(&b, format+"\r\n", escaped...)
		}
	}
	b.WriteString("BEGIN:VCARD\r\nVERSION:3.0\r\n")
	line("N:%s;%s;;;", c.Name.Last, c.Name.First)
	line("FN:%s", c.Name.Formatted)
	line("ORG:%s", c.Org.Company)
	for _, p := range c.Phones {
		line("TEL:%s", p.Phone)
	}
	for _, e := range c.Emails {
		line("EMAIL:%s", e.Email)
	}
	for _, u := range c.URLs {
		line("URL:%s", u.URL)
	}
	b.WriteString("END:VCARD\r\n")
	return carry.Media{Data: []byte(strings.ToValidUTF8(b.String(), "?")), ContentType: "text/vcard", Name: "contact.vcf"}
}

// vcard escapes what would end a value or a line.
var vcard = strings.NewReplacer("\\", "\\\\", "\r\n", "\\n", "\n", "\\n", "\r", "", "\x00", "", ",", "\\,", ";", "\\;")
