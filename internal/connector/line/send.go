package line

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode/utf16"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

// Limits of a push. Source: the Messaging API's reference on push messages and text messages.
const (
	maxText     = 5000 // UTF-16 units
	maxMessages = 5
	maxURL      = 2000
)

type push struct {
	To       string    `json:"to,omitempty"`
	Token    string    `json:"replyToken,omitempty"`
	Messages []content `json:"messages"`
}

type content struct {
	Type     string `json:"type"`
	Text     string `json:"text,omitempty"`
	Original string `json:"originalContentUrl,omitempty"`
	Preview  string `json:"previewImageUrl,omitempty"`
}

// Repeats implements connector.Repeater.
func (c *Connection) Repeats() bool { return !c.reply }

// Send implements connector.Sender. Words and files of one message are pushed together: LINE takes all of them or none.
func (c *Connection) Send(ctx context.Context, m carry.Outbound) (carry.Sent, error) {
	to, found := strings.CutPrefix(m.To, prefix)
	if !found || !user(to) {
		return carry.Sent{}, &carry.Refusal{Code: 21211, Reason: "the recipient is no LINE address"}
	}
	messages, err := contents(m)
	if err != nil {
		return carry.Sent{}, err
	}
	if c.reply {
		if token := c.tokens.take(to); token != "" {
			sent, err := c.post(ctx, "reply", push{Token: token, Messages: messages}, "")
			if refusal := (*carry.Refusal)(nil); !errors.As(err, &refusal) {
				return sent, err
			}
			// The token was too old, or the reason is another: a push will tell.
		}
	}
	return c.post(ctx, "push", push{To: to, Messages: messages}, retryKey(m.SID))
}

// contents are the messages that LINE is to show.
func contents(m carry.Outbound) ([]content, error) {
	words := m.Body
	var pictures []content
	for _, f := range m.Media {
		switch {
		case !strings.HasPrefix(f.URL, "https://") || len(f.URL) > maxURL:
			return nil, &carry.Refusal{Code: 63019, Reason: "LINE fetches files from an https address only"}
		case f.ContentType == "image/jpeg" || f.ContentType == "image/png":
			pictures = append(pictures, content{Type: "image", Original: f.URL, Preview: f.URL})
		default: // films need a picture and sounds a length that nobody knows here; of other files LINE knows nothing
			words = strings.TrimSpace(words + "\n" + strings.TrimSpace(f.Name+"\n"+f.URL))
		}
	}
	var list []content
	if words != "" {
		list = append(list, content{Type: "text", Text: words})
	}
	list = append(list, pictures...)
	switch {
	case m.Template != "":
		return nil, &carry.Refusal{Code: 63030, Reason: "LINE has no templates"}
	case len(list) == 0:
		return nil, &carry.Refusal{Code: 21619, Reason: "there is nothing to say"}
	case len(list) > maxMessages:
		return nil, &carry.Refusal{Code: 21623, Reason: "too many files"}
	case len(utf16.Encode([]rune(words))) > maxText:
		return nil, &carry.Refusal{Code: 21617, Reason: "the text is too long"}
	}
	return list, nil
}

// retryKey makes a UUID of our SID, whose 32 digits are one already.
func retryKey(sid string) string {
	digits := strings.ToLower(sid[min(2, len(sid)):])
	if len(digits) != 32 || strings.Trim(digits, "0123456789abcdef") != "" {
		sum := sha256.Sum256([]byte(sid))
		digits = hex.EncodeToString(sum[:16])
	}
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
}

// post sends messages, with a key when it is a push, and reads what became of them.
func (c *Connection) post(ctx context.Context, how string, p push, key string) (carry.Sent, error) {
	body, err := json.Marshal(p)
	if err != nil {
		return carry.Sent{}, err
	}
	req, err := c.request(ctx, http.MethodPost, c.base+"/v2/bot/message/"+how, string(body))
	if err != nil {
		return carry.Sent{}, err
	}
	if key != "" {
		req.Header.Set("X-Line-Retry-Key", key)
		req.Header["X-Idempotency-Key"] = nil // not sent: the transport may try again by itself when an idle connection was closed
	}
	reply, err := connector.Call(ctx, c.client, req)
	if err != nil {
		return carry.Sent{}, err
	}
	var said struct {
		Message string `json:"message"`
		Sent    []struct {
			ID connector.Loose `json:"id"`
		} `json:"sentMessages"`
	}
	readable := json.Unmarshal(reply.Body, &said) == nil
	// 409 is the answer to a key that LINE has taken before: that try has succeeded.
	taken := reply.OK() || key != "" && reply.Status == http.StatusConflict
	if !taken {
		return carry.Sent{}, refusal(reply, said.Message)
	}
	sent := carry.Sent{Status: carry.SentOut}
	for _, s := range said.Sent {
		if s.ID != "" && len(s.ID) <= 255 {
			sent.IDs = append(sent.IDs, string(s.ID))
		}
	}
	if accepted := reply.Header.Get("X-Line-Accepted-Request-Id"); len(sent.IDs) == 0 && accepted != "" && len(accepted) <= 255 {
		sent.IDs = []string{accepted}
	}
	if len(sent.IDs) == 0 && key != "" && reply.Status == http.StatusConflict {
		sent.IDs = []string{key}
	}
	if len(sent.IDs) == 0 || !readable && reply.OK() {
		return carry.Sent{}, errors.New("the carrier's answer names no message")
	}
	return sent, nil
}

// refusal is what an answer means that is not yes. LINE's errors have no codes: some of its fixed texts tell more than the status.
func refusal(reply connector.Reply, text string) error {
	err := reply.Error()
	r := (*carry.Refusal)(nil)
	if !errors.As(err, &r) {
		return err
	}
	switch {
	case strings.Contains(text, "reached your monthly limit"):
		r.Code, r.Again, r.Reason = 63038, false, "the plan's messages of this month are used up"
	case reply.Status == http.StatusTooManyRequests:
		r.Code = 63018
	case reply.Status == http.StatusUnauthorized:
		r.Code, r.Reason = 63001, "HTTP status 401: the channel access token is not valid"
	case reply.Status == http.StatusForbidden:
		r.Code, r.Reason = 63008, "HTTP status 403: the account's plan does not allow it"
	case strings.Contains(text, "'to'"):
		r.Code, r.Reason = 63003, "there is no such customer of this account"
	case reply.Status == http.StatusServiceUnavailable:
		r.Code = 63012
	default:
		r.Code = 63005
	}
	return r
}
