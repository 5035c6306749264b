package kannel

import (
	"context"
	"crypto/subtle"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
	"usher/internal/segment"
)

// Receive implements connector.Receiver: a message of sms-service's get-url, or a receipt of a dlr-url.
func (c *Connection) Receive(_ context.Context, r connector.Request) (connector.Update, error) {
	u, err := url.Parse(r.URL)
	if err != nil {
		return connector.Update{}, &connector.Forged{Reason: "its address cannot be read"}
	}
	q, bad := url.ParseQuery(u.RawQuery)
	if shown := q["secret"]; len(shown) != 1 || subtle.ConstantTimeCompare([]byte(shown[0]), []byte(c.secret)) != 1 {
		return connector.Update{}, &connector.Forged{Reason: "the address has not the secret"}
	}
	if bad == nil && r.Method == http.MethodPost && len(r.Body) > 0 {
		var more url.Values
		more, bad = url.ParseQuery(string(r.Body))
		for name, values := range more {
			if name != "secret" {
				q[name] = values
			}
		}
	}
	if bad != nil {
		return connector.Update{}, &connector.Malformed{Reason: "its parameters cannot be read"}
	}
	q.Del("secret")
	if q.Has("receipt") {
		return receipt(q)
	}
	return message(q)
}

// answer is what Kannel is told: nothing that it could send on.
var answer = connector.Answer{ContentType: "text/plain"}

func message(q url.Values) (connector.Update, error) {
	m := carry.Inbound{ID: connector.NameOf(q.Get("id"), []byte(q.Encode())), From: address(q.Get("from")), To: address(q.Get("to")), Segments: 1}
	if m.From == "" || m.To == "" || m.From == m.To || !q.Has("text") {
		return connector.Update{}, &connector.Malformed{Reason: "from, to or text is missing"}
	}
	coding := segment.UTF8
	switch charset := strings.ToUpper(q.Get("charset")); {
	case q.Get("coding") == "1":
		return connector.Update{}, &connector.Malformed{Reason: "the message is binary"}
	case charset == "UTF-16BE", charset == "UCS-2", charset == "" && q.Get("coding") == "2":
		coding = segment.Wide
	case charset == "ISO-8859-1", charset == "LATIN1":
		coding = segment.Latin1
	}
	m.Body, _ = coding.Decode(segment.Part{Data: []byte(q.Get("text"))})
	m.Segments = segment.Measure(m.Body).Segments // Kannel has put it together and does not say
	m.SentAt = connector.Loose(q.Get("time")).Seconds()
	connector.Tidy(&m)
	connector.Named(&m, "")
	return connector.Update{Messages: []carry.Inbound{m}, Answer: answer}, nil
}

// address is a number with its plus, a short code, or a name.
func address(s string) string {
	s = strings.TrimSpace(s)
	if len(s) > 64 || strings.ContainsAny(s, ":\x00\n") || strings.ToValidUTF8(s, "") != s {
		return ""
	}
	if digits := strings.TrimPrefix(s, "00"); digits != s && len(digits) >= 8 && strings.Trim(digits, "0123456789") == "" {
		return "+" + digits
	}
	return s
}

// The bits of a delivery report (%d).
const (
	delivered = 1
	failed    = 2
	rejected  = 16
	expired   = 32
)

var (
	statWord = regexp.MustCompile(`(?i)(?:^|\s)stat:\s?([a-z]{2,12})(?:\s|$)`)
	errWord  = regexp.MustCompile(`(?i)(?:^|\s)err:\s?([0-9a-f]{1,8})(?:\s|$)`)
	nack     = regexp.MustCompile(`^NACK/(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})`)
)

func receipt(q url.Values) (connector.Update, error) {
	n, err := strconv.ParseUint(q.Get("status"), 10, 8)
	r := carry.Receipt{ID: q.Get("receipt")}
	if err != nil || n == 0 || r.ID == "" || len(r.ID) > 255 || strings.ContainsFunc(r.ID, odd) {
		return connector.Update{}, &connector.Malformed{Reason: "the receipt names no message, or no status"}
	}
	said, _, _ := strings.Cut(q.Get("answer"), "text:")
	said, _, _ = strings.Cut(said, "Text:") // what follows is the message's
	switch {
	case n&delivered != 0:
		r.Status = carry.Delivered
	case n&rejected != 0:
		r.Status, r.Code, r.Reason = carry.Failed, 30008, "the carrier refuses it"
		if m := nack.FindStringSubmatch(said); m != nil {
			status, _ := strconv.ParseUint(m[1], 0, 32)
			if r.Reason = "status " + m[1]; status == 0x0b {
				r.Code = 30005
			}
		}
	case n&failed != 0:
		r.Status, r.Code, r.Reason = carry.Undelivered, 30008, "not delivered"
		if m := statWord.FindStringSubmatch(said); m != nil {
			r.Reason = strings.ToUpper(m[1])
		}
		switch {
		case n&expired != 0 || r.Reason == "EXPIRED":
			r.Code = 30003
		case r.Reason == "REJECTD":
			r.Code = 30007
		}
		if m := errWord.FindStringSubmatch(said); m != nil {
			r.Reason += ", error " + m[1]
		}
	default:
		r.Status = carry.SentOut
	}
	return connector.Update{Receipts: []carry.Receipt{r}, Answer: answer}, nil
}
