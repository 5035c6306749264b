package twilio

import (
	"context"
	"crypto/hmac"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"usher/internal/connector"
	"usher/internal/hook"
	"usher/internal/messaging/carry"
)

// filesTime bounds what is spent on files while the carrier waits. It waits for 15 seconds.
const filesTime = 8 * time.Second

// empty is TwiML that does nothing: what is to be answered goes out as a message of its own.
var empty = connector.Answer{ContentType: "text/xml; charset=utf-8", Body: []byte(`<?xml version="1.0" encoding="UTF-8"?><Response></Response>`)}

// Receive implements connector.Receiver.
func (c *Connection) Receive(ctx context.Context, r connector.Request) (connector.Update, error) {
	text := string(r.Body)
	called, err := url.Parse(r.URL)
	if err != nil {
		return connector.Update{}, &connector.Malformed{Reason: "not a URL"}
	}
	if r.Method == http.MethodGet {
		text = called.RawQuery
	}
	form, formErr := url.ParseQuery(text)
	signed := form
	if r.Method == http.MethodGet {
		signed = nil // what GET sends is in the address, which is signed
	}
	if err := c.check(r, called, signed); err != nil {
		return connector.Update{}, err
	}
	if formErr != nil {
		return connector.Update{}, &connector.Malformed{Reason: "not a form"}
	}
	u := connector.Update{Answer: empty}
	status := form.Get("MessageStatus")
	if status == "" {
		status = form.Get("SmsStatus")
	}
	switch carry.Status(status) {
	case "", carry.Received, carry.Receiving:
		m, ok := c.message(ctx, form, r.Body)
		if !ok {
			return connector.Update{}, &connector.Malformed{Reason: "neither a message nor a status"}
		}
		u.Messages = []carry.Inbound{m}
	case carry.SentOut, carry.Delivered, carry.Undelivered, carry.Failed, carry.Read:
		if receipt, ok := receipt(form, carry.Status(status)); ok {
			u.Receipts = []carry.Receipt{receipt}
		}
	default: // queued, sending, …: nothing that was not known
	}
	return u, nil
}

// check compares the signature with those of the addresses that the carrier may have signed: as it called, and as the operator has
// given it out; with and without port. Source: the validators of the official libraries, which try the same.
func (c *Connection) check(r connector.Request, called *url.URL, form url.Values) error {
	got := r.Header.Get("X-Twilio-Signature")
	if got == "" {
		return &connector.Forged{Reason: "X-Twilio-Signature is missing"}
	}
	addresses := []string{r.URL}
	if public, err := url.Parse(c.public); err == nil {
		public.RawQuery = called.RawQuery
		addresses = append(addresses, public.String())
	}
	for _, address := range slices.Clone(addresses) {
		if u, err := url.Parse(address); err == nil {
			if port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; u.Port() == "" {
				u.Host += port
			} else {
				u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
			}
			addresses = append(addresses, u.String())
		}
	}
	right := false
	for _, address := range addresses {
		right = hmac.Equal([]byte(got), []byte(hook.Sign(address, form, c.token))) || right
	}
	if !right {
		return &connector.Forged{Reason: "X-Twilio-Signature is wrong"}
	}
	return nil
}

// told are the parameters that have a place of their own in a message; all others are its details.
var told = regexp.MustCompile(`^(MessageSid|SmsSid|SmsMessageSid|AccountSid|ApiVersion|From|To|Body|NumMedia|NumSegments|SmsStatus|MessageStatus|ProfileName|MessagingServiceSid|Media(Url|ContentType)[0-9]+)$`)

// message reads an inbound message; not ok is a form that is none.
func (c *Connection) message(ctx context.Context, form url.Values, raw []byte) (carry.Inbound, bool) {
	id := form.Get("MessageSid")
	for _, name := range []string{"SmsMessageSid", "SmsSid"} {
		if id == "" {
			id = form.Get(name)
		}
	}
	m := carry.Inbound{From: form.Get("From"), To: form.Get("To"), Body: form.Get("Body"), ProfileName: form.Get("ProfileName")}
	if id == "" || !address(m.From) || !address(m.To) || m.From == m.To || carry.ChannelOf(m.From) != carry.ChannelOf(m.To) {
		return m, false
	}
	m.ID = connector.NameOf(id, raw)
	m.Segments, _ = strconv.Atoi(form.Get("NumSegments"))
	if m.Segments < 0 || m.Segments > 255 {
		m.Segments = 0
	}
	d := connector.Details{}
	for name, values := range form {
		if name != "" && len(name) <= 64 && !told.MatchString(name) && strings.Trim(name, letters) == "" {
			d.Set(name, values[0])
		}
	}
	m.Details = d.Or()
	slow, cancel := context.WithTimeout(ctx, filesTime)
	defer cancel()
	n, _ := strconv.Atoi(form.Get("NumMedia"))
	for i := range min(max(n, 0), maxMedia) {
		if f, ok := c.file(slow, ctx, form.Get("MediaUrl"+strconv.Itoa(i)), form.Get("MediaContentType"+strconv.Itoa(i))); ok {
			m.Media = append(m.Media, f)
		}
	}
	connector.Tidy(&m)
	return m, true
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_."

// address says whether a text can be one of a customer or of ours.
func address(a string) bool {
	_, rest, prefixed := strings.Cut(a, ":")
	return a != "" && len(a) <= maxAddress && utf8.ValidString(a) && !strings.ContainsFunc(a, unicode.IsControl) && (!prefixed || rest != "")
}

// file is one of a message's. Files of the carrier's own host may need our credentials, so they are fetched here; what cannot be, and
// what lies elsewhere, is left to whoever keeps the message.
func (c *Connection) file(ctx, request context.Context, link, contentType string) (carry.Media, bool) {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || len(link) > 4096 || !utf8.ValidString(link) {
		return carry.Media{}, false
	}
	left := carry.Media{URL: link, ContentType: contentType}
	if u.Scheme != c.base.Scheme || u.Host != c.base.Host || ctx.Err() != nil {
		return left, true
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, nil)
	if err != nil {
		return left, true
	}
	req.SetBasicAuth(c.user, c.password)
	req.Header.Set("User-Agent", "Usher")
	got, err := connector.Fetch(ctx, request, c.client, req)
	if err != nil {
		return left, true
	}
	if contentType != "" {
		got.ContentType = contentType
	}
	return got, true
}

// receipt reads a status callback.
func receipt(form url.Values, status carry.Status) (carry.Receipt, bool) {
	id := form.Get("MessageSid")
	if id == "" {
		id = form.Get("SmsSid")
	}
	if id == "" || len(id) > 255 || !utf8.ValidString(id) {
		return carry.Receipt{}, false
	}
	r := carry.Receipt{ID: id, Status: status}
	if code, err := strconv.Atoi(form.Get("ErrorCode")); err == nil && code > 0 && code <= 99_999 && (status == carry.Failed || status == carry.Undelivered) {
		r.Code, r.Reason = code, reason(code)
	}
	return r, true
}
