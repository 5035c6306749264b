package whatsapp

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"mime"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"usher/internal/messaging/carry"
)

// Limits of a message, in characters. Source: the Cloud API's pages on text messages and on media captions.
const (
	maxText    = 4096
	maxCaption = 1024
)

// outgoing is a message as the API takes it.
type outgoing struct {
	Product   string    `json:"messaging_product"`
	Kind      string    `json:"recipient_type"`
	To        string    `json:"to,omitempty"`
	Recipient string    `json:"recipient,omitempty"` // in place of to, for who does not show a number
	Type      string    `json:"type"`
	Text      *text     `json:"text,omitempty"`
	Image     *link     `json:"image,omitempty"`
	Video     *link     `json:"video,omitempty"`
	Audio     *link     `json:"audio,omitempty"`
	Document  *link     `json:"document,omitempty"`
	Template  *template `json:"template,omitempty"`
	// Note comes back in the webhooks of this message, which is a help when an answer was lost.
	Note string `json:"biz_opaque_callback_data,omitempty"`
}

type text struct {
	Body    string `json:"body"`
	Preview bool   `json:"preview_url"`
}

type link struct {
	ID       string `json:"id,omitempty"`
	Link     string `json:"link,omitempty"`
	Caption  string `json:"caption,omitempty"`
	Filename string `json:"filename,omitempty"`
}

type template struct {
	Name       string      `json:"name"`
	Language   language    `json:"language"`
	Components []component `json:"components,omitempty"`
}

type language struct {
	Code string `json:"code"`
}

type component struct {
	Type       string      `json:"type"`
	Parameters []parameter `json:"parameters"`
}

type parameter struct {
	Type string `json:"type"`
	Name string `json:"parameter_name,omitempty"`
	Text string `json:"text"`
}

// Send implements connector.Sender. A message has words, one file with or without words, or a template.
func (c *Connection) Send(ctx context.Context, m carry.Outbound) (carry.Sent, error) {
	out := outgoing{Product: "whatsapp", Kind: "individual", Note: m.SID}
	to, found := strings.CutPrefix(m.To, prefix)
	switch number := strings.TrimPrefix(to, "+"); {
	case found && address(number, "") != "":
		out.To = number
	case found && userID(to):
		out.Recipient = to
	default:
		return carry.Sent{}, &carry.Refusal{Code: 21211, Reason: "the recipient is no WhatsApp address"}
	}
	if err := c.fill(ctx, &out, m); err != nil {
		return carry.Sent{}, err
	}
	var answer struct {
		Messages []struct {
			ID string `json:"id"`
		} `json:"messages"`
	}
	if err := c.api.Post(ctx, "/"+c.phone+"/messages", out, &answer); err != nil {
		return carry.Sent{}, err
	}
	if len(answer.Messages) == 0 || answer.Messages[0].ID == "" || len(answer.Messages[0].ID) > 255 {
		return carry.Sent{}, errors.New("the carrier's answer names no message")
	}
	return carry.Sent{IDs: []string{answer.Messages[0].ID}, Status: carry.Queued}, nil
}

// fill puts what is to be said into out.
func (c *Connection) fill(ctx context.Context, out *outgoing, m carry.Outbound) error {
	switch {
	case m.Template != "":
		if len(m.Media) > 0 {
			return &carry.Refusal{Code: 63030, Reason: "a template takes no file"}
		}
		t, err := c.template(m)
		out.Type, out.Template = "template", t
		return err
	case len(m.Media) > 1:
		return &carry.Refusal{Code: 21623, Reason: "a WhatsApp message takes one file"}
	case len(m.Media) == 1:
		return c.file(ctx, out, m)
	case m.Body == "":
		return &carry.Refusal{Code: 21619, Reason: "there is nothing to say"}
	case utf8.RuneCountInString(m.Body) > maxText:
		return &carry.Refusal{Code: 21617, Reason: "the text is too long"}
	}
	out.Type, out.Text = "text", &text{m.Body, strings.Contains(m.Body, "https://")}
	return nil
}

// file puts the message's file into out: by its address, or uploaded first when we have the bytes.
func (c *Connection) file(ctx context.Context, out *outgoing, m carry.Outbound) error {
	f := m.Media[0]
	if utf8.RuneCountInString(m.Body) > maxCaption {
		return &carry.Refusal{Code: 21617, Reason: "the text beside a file is too long"}
	}
	l := &link{Link: f.URL, Caption: m.Body}
	if f.ContentType == "" {
		f.ContentType = mime.TypeByExtension(path.Ext(f.Name))
	}
	f.ContentType, _, _ = strings.Cut(f.ContentType, ";")
	if f.URL == "" {
		var uploaded struct {
			ID string `json:"id"`
		}
		fields := map[string]string{"messaging_product": "whatsapp", "type": f.ContentType}
		if err := c.api.Form(ctx, "/"+c.phone+"/media", fields, "file", f, &uploaded); err != nil || uploaded.ID == "" {
			if refusal := (*carry.Refusal)(nil); errors.As(err, &refusal) {
				return err
			}
			return &carry.Refusal{Code: 63037, Reason: "the file could not be uploaded", Again: true} // the message itself was not sent
		}
		l.ID = uploaded.ID
	}
	switch kind := kindOf(f.ContentType); {
	case kind == "image":
		out.Type, out.Image = kind, l
	case kind == "video":
		out.Type, out.Video = kind, l
	case kind == "audio" && m.Body == "": // a sound has no words beside it, a document has
		out.Type, out.Audio = kind, l
	default:
		l.Filename = f.Name
		out.Type, out.Document = "document", l
	}
	return nil
}

// kindOf is as what a file is sent. What WhatsApp does not show itself goes as a document. Source: the Cloud API's media types.
func kindOf(contentType string) string {
	switch contentType {
	case "image/jpeg", "image/png":
		return "image"
	case "video/mp4", "video/3gpp":
		return "video"
	case "audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg":
		return "audio"
	}
	return "document"
}

// template makes the template's part. Variables named 1, 2, … go by position and have no gap; others go by name.
func (c *Connection) template(m carry.Outbound) (*template, error) {
	t := &template{Name: m.Template, Language: language{m.Language}}
	if m.Language == "" {
		t.Language.Code = c.language
	}
	if len(m.Variables) == 0 {
		return t, nil
	}
	body := component{Type: "body"}
	if _, positional := m.Variables["1"]; positional {
		for i := range len(m.Variables) {
			v, ok := m.Variables[strconv.Itoa(i+1)]
			if !ok {
				return nil, &carry.Refusal{Code: 63028, Reason: fmt.Sprintf("variable %d of the template is missing", i+1)}
			}
			body.Parameters = append(body.Parameters, parameter{Type: "text", Text: v})
		}
	} else {
		for _, name := range slices.Sorted(maps.Keys(m.Variables)) {
			body.Parameters = append(body.Parameters, parameter{Type: "text", Name: name, Text: m.Variables[name]})
		}
	}
	t.Components = []component{body}
	return t, nil
}
