package messaging

import (
	"context"
	"encoding/json"
	"mime"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/messaging"
	"usher/internal/messaging/carry"
	"usher/internal/rest"
	"usher/internal/sid"
)

const (
	messagesPath = "/Accounts/{AccountSid}/Messages"
	messagePath  = messagesPath + "/{MessageSid}"
)

type messageForm struct {
	To                  string           `form:"To,create"`
	From                string           `form:"From,create"`
	Body                rest.Opt[string] `form:"Body"`
	MediaURL            []string         `form:"MediaUrl,create"`
	MessagingServiceSID sid.SID          `form:"MessagingServiceSid,create"`
	StatusCallback      string           `form:"StatusCallback,create"`
	ApplicationSID      sid.SID          `form:"ApplicationSid,create"`
	ProvideFeedback     bool             `form:"ProvideFeedback,create"`
	Attempt             int64            `form:"Attempt,create"`
	ValidityPeriod      rest.Opt[int64]  `form:"ValidityPeriod,create"`
	SmartEncoded        rest.Opt[bool]   `form:"SmartEncoded,create"`
	ScheduleType        string           `form:"ScheduleType,create,enum=fixed"`
	SendAt              string           `form:"SendAt,create"`
	ContentSID          string           `form:"ContentSid,create"`
	ContentVariables    string           `form:"ContentVariables,create"`
	ContentRetention    string           `form:"ContentRetention,create,enum=retain|discard"`
	AddressRetention    string           `form:"AddressRetention,create,enum=retain|obfuscate"`
	PersistentAction    []string         `form:"PersistentAction,create"`
	Status              string           `form:"Status,update,enum=canceled"`
}

type messageFilter struct {
	To     string    `form:"To"`
	From   string    `form:"From"`
	On     time.Time `form:"DateSent"`
	Before time.Time `form:"DateSent<"`
	After  time.Time `form:"DateSent>"`
}

// messageWire is a message on the wire. (Shape: the original's published examples.)
type messageWire struct {
	SID                 sid.SID             `json:"sid"`
	AccountSID          string              `json:"account_sid"`
	MessagingServiceSID *sid.SID            `json:"messaging_service_sid"`
	From                *string             `json:"from"`
	To                  string              `json:"to"`
	Body                string              `json:"body"`
	Status              carry.Status        `json:"status"`
	Direction           messaging.Direction `json:"direction"`
	NumSegments         string              `json:"num_segments"`
	NumMedia            string              `json:"num_media"`
	Price               *string             `json:"price"`
	PriceUnit           *string             `json:"price_unit"`
	ErrorCode           *int                `json:"error_code"`
	ErrorMessage        *string             `json:"error_message"`
	APIVersion          string              `json:"api_version"`
	DateCreated         *string             `json:"date_created"`
	DateUpdated         *string             `json:"date_updated"`
	DateSent            *string             `json:"date_sent"`
	URI                 string              `json:"uri"`
	SubresourceURIs     map[string]string   `json:"subresource_uris"`
}

func (e *endpoint) messages() rest.Mount {
	return rest.Resource[messaging.Message, messageForm]{
		Path: messagesPath, Key: "messages", Read: read, Write: send, Filter: messageFilter{},
		List: e.listMessages,
		Get: func(ctx context.Context, c *rest.Call) (m messaging.Message, err error) {
			actor, err := e.as(ctx, c)
			if err != nil {
				return m, err
			}
			return e.Messages.Get(ctx, actor, c.SID("Sid"))
		},
		Create: func(ctx context.Context, c *rest.Call, in messageForm) (m messaging.Message, err error) {
			actor, err := e.as(ctx, c)
			if err != nil {
				return m, err
			}
			draft, err := in.draft()
			if err != nil {
				return m, err
			}
			return e.Messages.Create(ctx, actor, draft)
		},
		Update: e.updateMessage,
		Delete: func(ctx context.Context, c *rest.Call) error {
			actor, err := e.as(ctx, c)
			if err != nil {
				return err
			}
			return e.Messages.Delete(ctx, actor, c.SID("Sid"))
		},
		View: func(c *rest.Call, m messaging.Message) any { return viewMessage(c, &m) },
	}
}

func (e *endpoint) listMessages(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[messaging.Message], error) {
	return paged(e, ctx, c, func(actor account.Actor) (page db.PageOf[messaging.Message], err error) {
		var f messageFilter
		if err := c.Filter(&f); err != nil {
			return page, err
		}
		filter := messaging.Filter{From: f.From, To: f.To, Since: f.After, Until: f.Before}
		if !f.On.IsZero() { // a day, whatever hour of it is named
			filter.Since = f.On.Truncate(24 * time.Hour)
			filter.Until = filter.Since.Add(24 * time.Hour)
		}
		return e.Messages.List(ctx, actor, filter, p)
	})
}

// updateMessage redacts or cancels: nothing else of a message can be changed.
func (e *endpoint) updateMessage(ctx context.Context, c *rest.Call, in messageForm) (m messaging.Message, err error) {
	actor, err := e.as(ctx, c)
	if err != nil {
		return m, err
	}
	switch {
	case in.Body.Set && in.Body.V != "":
		return m, fault.Invalid("Body can only be changed to an empty text, which redacts the message")
	case in.Status != "":
		if m, err = e.Messages.Cancel(ctx, actor, c.SID("Sid")); err != nil || !in.Body.Set {
			return m, err
		}
	case !in.Body.Set:
		return m, fault.Invalid("Nothing to change: send an empty Body, or Status=canceled")
	}
	return e.Messages.Redact(ctx, actor, c.SID("Sid"))
}

// draft makes a request for a message of the form.
func (in *messageForm) draft() (d messaging.Draft, err error) {
	d = messaging.Draft{
		From: in.From, To: in.To, Body: in.Body.V, Media: in.MediaURL, Service: in.MessagingServiceSID, Application: in.ApplicationSID,
		StatusCallback: in.StatusCallback, Validity: in.ValidityPeriod.V, Attempt: in.Attempt, Smart: in.SmartEncoded.Ptr(), Asked: in.ProvideFeedback,
	}
	switch {
	case in.ValidityPeriod.Set && in.ValidityPeriod.V < 1:
		return d, fault.New(21624, "")
	case in.ContentRetention == "discard":
		return d, fault.New(30029, "ContentRetention=discard is not available here: redact the message after it was sent")
	case in.AddressRetention == "obfuscate":
		return d, fault.New(30030, "AddressRetention=obfuscate is not available here: addresses are kept sealed")
	case len(in.PersistentAction) > 0:
		return d, fault.Invalid("PersistentAction is not available here")
	}
	if err := in.schedule(&d); err != nil {
		return d, err
	}
	return d, in.template(&d)
}

func (in *messageForm) schedule(d *messaging.Draft) (err error) {
	if in.ScheduleType == "" && in.SendAt == "" {
		return nil
	}
	if in.ScheduleType == "" {
		return fault.Invalid("SendAt takes ScheduleType=fixed")
	}
	if in.SendAt == "" {
		return fault.New(35111, "ScheduleType=fixed takes SendAt")
	}
	if d.SendAt, err = time.Parse(time.RFC3339, in.SendAt); err != nil {
		return fault.New(35114, "SendAt is not a time such as 2030-11-30T20:36:27Z")
	}
	return nil
}

// template reads the name of a message that was approved beforehand. The original's own catalog of contents (HX…) is not kept
// here; ContentSid names a template of the channel's: order_update, or with its language order_update:en_US.
func (in *messageForm) template(d *messaging.Draft) error {
	if in.ContentSID == "" {
		return nil
	}
	if sid.Valid(in.ContentSID, "HX") {
		return fault.New(21655, "Contents (HX…) are not kept here: ContentSid takes the name of one of the channel's own templates (order_update:en_US)")
	}
	d.Template, d.Language, _ = strings.Cut(in.ContentSID, ":")
	if d.Template == "" || len(in.ContentSID) > 512 {
		return fault.New(21655, "")
	}
	if in.ContentVariables != "" {
		if err := json.Unmarshal([]byte(in.ContentVariables), &d.Variables); err != nil {
			return fault.New(21656, "ContentVariables must be a JSON object of texts")
		}
	}
	return nil
}

func viewMessage(c *rest.Call, m *messaging.Message) any {
	own := uri(c, "Messages", string(m.SID))
	w := messageWire{
		SID: m.SID, AccountSID: c.Var("AccountSid"), MessagingServiceSID: optional(m.Service), From: optional(m.From), To: m.To, Body: m.Body,
		Status: m.Status, Direction: m.Direction, NumSegments: strconv.Itoa(m.Segments), NumMedia: strconv.Itoa(len(m.Media)), APIVersion: "2010-04-01",
		DateCreated: c.Date(m.CreatedAt), DateUpdated: c.Date(m.UpdatedAt), DateSent: c.Date(m.SentAt), URI: own + ".json",
		SubresourceURIs: map[string]string{"media": own + "/Media.json"},
	}
	if m.Pooled && (m.Status == carry.Accepted || m.Status == carry.Scheduled) {
		w.From, w.NumSegments = nil, "0" // the wire tells neither before the message is on its way
	}
	if m.Asked {
		w.SubresourceURIs["feedback"] = own + "/Feedback.json"
	}
	if m.ErrorCode != 0 {
		w.ErrorCode = &m.ErrorCode
		if known, ok := fault.Lookup(m.ErrorCode); ok {
			w.ErrorMessage = &known.Text
		}
	}
	return w
}

type feedbackForm struct {
	Outcome string `form:"Outcome,enum=confirmed|unconfirmed"`
}

type feedbackWire struct {
	AccountSID  string  `json:"account_sid"`
	MessageSID  sid.SID `json:"message_sid"`
	Outcome     string  `json:"outcome"`
	DateCreated *string `json:"date_created"`
	DateUpdated *string `json:"date_updated"`
	URI         string  `json:"uri"`
}

func (e *endpoint) feedback() rest.Mount {
	return rest.Op[feedbackForm, feedbackWire]{
		Method: "POST", Path: messagePath + "/Feedback", Grants: send, Status: 201,
		Do: func(ctx context.Context, c *rest.Call, in feedbackForm) (w feedbackWire, err error) {
			actor, err := e.as(ctx, c)
			if err != nil {
				return w, err
			}
			if in.Outcome == "" {
				in.Outcome = messaging.Confirmed
			}
			m, err := e.Messages.Feedback(ctx, actor, c.SID("MessageSid"), in.Outcome)
			if err != nil {
				return w, err
			}
			return feedbackWire{
				AccountSID: c.Var("AccountSid"), MessageSID: m.SID, Outcome: m.Feedback, DateCreated: c.Date(m.FeedbackAt),
				DateUpdated: c.Date(m.UpdatedAt), URI: uri(c, "Messages", string(m.SID), "Feedback.json"),
			}, nil
		},
	}
}

// typeOf is what a file that is not kept here is likely to be, by its address.
func typeOf(i *messaging.Item) string {
	if i.ContentType != "" {
		return i.ContentType
	}
	if u, err := url.Parse(i.URL); err == nil {
		if t := mime.TypeByExtension(path.Ext(u.Path)); t != "" {
			t, _, _ = strings.Cut(t, ";")
			return t
		}
	}
	return "application/octet-stream"
}
