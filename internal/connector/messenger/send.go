package messenger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"usher/internal/messaging/carry"
)

// maxText is the longest text, in characters. Source: the Send API's message object.
const maxText = 2000

type outgoing struct {
	Recipient recipient `json:"recipient"`
	Type      string    `json:"messaging_type"`
	Tag       string    `json:"tag,omitempty"`
	Message   message   `json:"message"`
}

type recipient struct {
	ID string `json:"id"`
}

type message struct {
	Text       string      `json:"text,omitempty"`
	Attachment *attachment `json:"attachment,omitempty"`
}

type attachment struct {
	Type    string  `json:"type"`
	Payload payload `json:"payload"`
}

type payload struct {
	URL string `json:"url,omitempty"`
}

// part is one message of Messenger's: words or a file.
type part struct {
	message
	file carry.Media // with Data when it is to be uploaded
}

// Send implements connector.Sender. Messenger takes words and files one by one; files go first, so that the words stand beneath them. When
// one is refused after another was taken, the outcome is told as not known: part of the message is with the customer.
func (c *Connection) Send(ctx context.Context, m carry.Outbound) (carry.Sent, error) {
	to, found := strings.CutPrefix(m.To, prefix)
	switch {
	case !found || !person(to):
		return carry.Sent{}, &carry.Refusal{Code: 21211, Reason: "the recipient is no Messenger address"}
	case m.Template != "":
		return carry.Sent{}, &carry.Refusal{Code: 63030, Reason: "Messenger has no templates"}
	case m.Body == "" && len(m.Media) == 0:
		return carry.Sent{}, &carry.Refusal{Code: 21619, Reason: "there is nothing to say"}
	case len(m.Media) > 10:
		return carry.Sent{}, &carry.Refusal{Code: 21623, Reason: "too many files"}
	case utf8.RuneCountInString(m.Body) > maxText:
		return carry.Sent{}, &carry.Refusal{Code: 21617, Reason: "the text is too long"}
	}
	var parts []part
	for _, f := range m.Media {
		parts = append(parts, part{message{Attachment: &attachment{kindOf(f.ContentType), payload{f.URL}}}, f})
	}
	if m.Body != "" {
		parts = append(parts, part{message: message{Text: m.Body}})
	}
	sent := carry.Sent{Status: carry.Queued}
	for i, p := range parts {
		id, err := c.part(ctx, to, p)
		if err != nil && i > 0 {
			return carry.Sent{}, fmt.Errorf("part %d of %d was not taken, those before were", i+1, len(parts))
		}
		if err != nil {
			return carry.Sent{}, err
		}
		sent.IDs = append(sent.IDs, id)
	}
	return sent, nil
}

// part sends one message of Messenger's.
func (c *Connection) part(ctx context.Context, to string, p part) (string, error) {
	out := outgoing{Recipient: recipient{to}, Type: "RESPONSE", Message: p.message}
	if c.tag != "" {
		out.Type, out.Tag = "MESSAGE_TAG", c.tag
	}
	var answer struct {
		ID string `json:"message_id"`
	}
	at := time.Now()
	path := "/" + c.page + "/messages"
	var err error
	if p.file.Data != nil {
		err = c.upload(ctx, path, out, p.file, &answer)
	} else {
		err = c.api.Post(ctx, path, out, &answer)
	}
	switch {
	case err != nil:
		return "", err
	case answer.ID == "" || len(answer.ID) > 255:
		return "", errors.New("the carrier's answer names no message")
	}
	c.sent.add(to, answer.ID, at)
	return answer.ID, nil
}

// upload sends a file's bytes along with the message.
func (c *Connection) upload(ctx context.Context, path string, out outgoing, file carry.Media, answer any) error {
	recipient, err := json.Marshal(out.Recipient)
	if err != nil {
		return err
	}
	message, err := json.Marshal(out.Message)
	if err != nil {
		return err
	}
	fields := map[string]string{"recipient": string(recipient), "messaging_type": out.Type, "message": string(message)}
	if out.Tag != "" {
		fields["tag"] = out.Tag
	}
	return c.api.Form(ctx, path, fields, "filedata", file, answer)
}

// kindOf is as what a file is shown.
func kindOf(contentType string) string {
	switch kind, _, _ := strings.Cut(contentType, "/"); kind {
	case "image", "video", "audio":
		return kind
	}
	return "file"
}
