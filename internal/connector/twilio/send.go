package twilio

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"usher/internal/connector"
	"usher/internal/messaging/carry"
)

// Limits of a message, as the original has them.
const (
	maxMedia    = 10
	maxAddress  = 255
	minValidity = time.Second
	maxValidity = 36_000 * time.Second
)

// Send implements connector.Sender.
func (c *Connection) Send(ctx context.Context, m carry.Outbound) (carry.Sent, error) {
	form, err := c.form(m)
	if err != nil {
		return carry.Sent{}, err
	}
	address := c.base.JoinPath("2010-04-01", "Accounts", c.account, "Messages.json")
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return carry.Sent{}, &carry.Refusal{Reason: "the address cannot be called"}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "Usher")
	req.SetBasicAuth(c.user, c.password)
	reply, err := connector.Call(ctx, c.client, req)
	if err != nil {
		return carry.Sent{}, err
	}
	if !reply.OK() {
		return carry.Sent{}, refusal(reply)
	}
	var taken struct {
		SID    string `json:"sid"`
		Status string `json:"status"`
	}
	if json.Unmarshal(reply.Body, &taken) != nil {
		return carry.Sent{}, reply.Error()
	}
	if taken.SID == "" || len(taken.SID) > 255 {
		return carry.Sent{}, errors.New("the carrier's answer names no message")
	}
	return carry.Sent{IDs: []string{taken.SID}, Status: carry.Queued}, nil
}

// form is the message as the API takes it.
func (c *Connection) form(m carry.Outbound) (url.Values, error) {
	_, to, prefixed := strings.Cut(m.To, ":")
	switch {
	case m.To == "" || prefixed && to == "" || len(m.To) > maxAddress || strings.ContainsFunc(m.To, func(r rune) bool { return r < ' ' }):
		return nil, &carry.Refusal{Code: 21211, Reason: "the recipient is no address"}
	case m.Body == "" && len(m.Media) == 0 && m.Template == "":
		return nil, &carry.Refusal{Code: 21619, Reason: "there is nothing to say"}
	case len(m.Media) > maxMedia:
		return nil, &carry.Refusal{Code: 21623, Reason: "too many files"}
	}
	form := url.Values{"To": {m.To}, "StatusCallback": {c.public}}
	if strings.HasPrefix(m.From, "MG") {
		form.Set("MessagingServiceSid", m.From)
	} else {
		form.Set("From", m.From)
	}
	if m.Body != "" {
		form.Set("Body", m.Body)
	}
	for _, f := range m.Media {
		if f.URL == "" {
			return nil, &carry.Refusal{Code: 21620, Reason: "the carrier fetches files by their address"}
		}
		form.Add("MediaUrl", f.URL)
	}
	if m.Template != "" {
		form.Set("ContentSid", m.Template)
		if len(m.Variables) > 0 {
			variables, err := json.Marshal(m.Variables)
			if err != nil {
				return nil, err
			}
			form.Set("ContentVariables", string(variables))
		}
	}
	if m.Validity > 0 {
		form.Set("ValidityPeriod", strconv.Itoa(int(min(max(m.Validity, minValidity), maxValidity)/time.Second)))
	}
	return form, nil
}

// refusal is what an answer means that is not yes.
func refusal(reply connector.Reply) error {
	err := reply.Error()
	r := (*carry.Refusal)(nil)
	var said struct {
		Code int `json:"code"`
	}
	if !errors.As(err, &r) || json.Unmarshal(reply.Body, &said) != nil || said.Code <= 0 || said.Code > 99_999 {
		return err
	}
	r.Code, r.Reason, r.Again = said.Code, reason(said.Code), r.Again || again[said.Code]
	r.After = reply.After()
	return r
}
