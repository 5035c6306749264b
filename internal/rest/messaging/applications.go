package messaging

import (
	"context"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/messaging"
	"usher/internal/rest"
	"usher/internal/sid"
)

type applicationForm struct {
	FriendlyName          rest.Opt[string] `form:"FriendlyName"`
	SMSURL                rest.Opt[string] `form:"SmsUrl"`
	SMSMethod             rest.Opt[string] `form:"SmsMethod"`
	SMSFallbackURL        rest.Opt[string] `form:"SmsFallbackUrl"`
	SMSFallbackMethod     rest.Opt[string] `form:"SmsFallbackMethod"`
	SMSStatusCallback     rest.Opt[string] `form:"SmsStatusCallback"`
	MessageStatusCallback rest.Opt[string] `form:"MessageStatusCallback"`
	StatusCallback        rest.Opt[string] `form:"StatusCallback"`
	StatusCallbackMethod  rest.Opt[string] `form:"StatusCallbackMethod"`
	voiceForm
}

func (in *applicationForm) change() messaging.ApplicationChange {
	c := messaging.ApplicationChange{
		FriendlyName: in.FriendlyName.Ptr(), URL: in.SMSURL.Ptr(), Method: in.SMSMethod.Ptr(), FallbackURL: in.SMSFallbackURL.Ptr(),
		FallbackMethod: in.SMSFallbackMethod.Ptr(), MessageStatusCallback: in.MessageStatusCallback.Ptr(), StatusCallback: in.StatusCallback.Ptr(),
		StatusCallbackMethod: in.StatusCallbackMethod.Ptr(), Voice: in.voiceForm.change(),
	}
	if c.MessageStatusCallback == nil { // its older name
		c.MessageStatusCallback = in.SMSStatusCallback.Ptr()
	}
	return c
}

type applicationFilter struct {
	FriendlyName string `form:"FriendlyName"`
}

// applicationWire is an application on the wire. (Shape: the original's published examples.)
type applicationWire struct {
	SID                   sid.SID `json:"sid"`
	AccountSID            string  `json:"account_sid"`
	FriendlyName          string  `json:"friendly_name"`
	APIVersion            string  `json:"api_version"`
	SMSURL                *string `json:"sms_url"`
	SMSMethod             string  `json:"sms_method"`
	SMSFallbackURL        *string `json:"sms_fallback_url"`
	SMSFallbackMethod     string  `json:"sms_fallback_method"`
	SMSStatusCallback     *string `json:"sms_status_callback"`
	MessageStatusCallback *string `json:"message_status_callback"`
	StatusCallback        *string `json:"status_callback"`
	StatusCallbackMethod  string  `json:"status_callback_method"`
	VoiceURL              *string `json:"voice_url"`
	VoiceMethod           string  `json:"voice_method"`
	VoiceFallbackURL      *string `json:"voice_fallback_url"`
	VoiceFallbackMethod   string  `json:"voice_fallback_method"`
	VoiceCallerIDLookup   bool    `json:"voice_caller_id_lookup"`
	PublicConnect         bool    `json:"public_application_connect_enabled"`
	DateCreated           *string `json:"date_created"`
	DateUpdated           *string `json:"date_updated"`
	URI                   string  `json:"uri"`
}

func (e *endpoint) applications() rest.Mount {
	return rest.Resource[messaging.Application, applicationForm]{
		Path: "/Accounts/{AccountSid}/Applications", Key: "applications", Read: read, Write: manage, Filter: applicationFilter{},
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[messaging.Application], error) {
			return paged(e, ctx, c, func(actor account.Actor) (page db.PageOf[messaging.Application], err error) {
				var f applicationFilter
				if err := c.Filter(&f); err != nil {
					return page, err
				}
				return e.Messages.ListApplications(ctx, actor, f.FriendlyName, p)
			})
		},
		Get: func(ctx context.Context, c *rest.Call) (a messaging.Application, err error) {
			actor, err := e.as(ctx, c)
			if err != nil {
				return a, err
			}
			return e.Messages.GetApplication(ctx, actor, c.SID("Sid"))
		},
		Create: func(ctx context.Context, c *rest.Call, in applicationForm) (a messaging.Application, err error) {
			actor, err := e.as(ctx, c)
			if err != nil {
				return a, err
			}
			return e.Messages.CreateApplication(ctx, actor, in.change())
		},
		Update: func(ctx context.Context, c *rest.Call, in applicationForm) (a messaging.Application, err error) {
			actor, err := e.as(ctx, c)
			if err != nil {
				return a, err
			}
			return e.Messages.UpdateApplication(ctx, actor, c.SID("Sid"), in.change())
		},
		Delete: func(ctx context.Context, c *rest.Call) error {
			actor, err := e.as(ctx, c)
			if err != nil {
				return err
			}
			return e.Messages.DeleteApplication(ctx, actor, c.SID("Sid"))
		},
		View: func(c *rest.Call, a messaging.Application) any {
			return applicationWire{
				SID: a.SID, AccountSID: c.Var("AccountSid"), FriendlyName: a.FriendlyName, APIVersion: "2010-04-01", SMSURL: optional(a.URL), SMSMethod: a.Method,
				SMSFallbackURL: optional(a.FallbackURL), SMSFallbackMethod: a.FallbackMethod, SMSStatusCallback: optional(a.MessageStatusCallback),
				MessageStatusCallback: optional(a.MessageStatusCallback), StatusCallback: optional(a.StatusCallback), StatusCallbackMethod: a.StatusCallbackMethod,
				VoiceURL: optional(a.Voice["voice_url"]), VoiceMethod: voice(a.Voice, "voice_method", "POST"), VoiceFallbackURL: optional(a.Voice["voice_fallback_url"]),
				VoiceFallbackMethod: voice(a.Voice, "voice_fallback_method", "POST"), DateCreated: c.Date(a.CreatedAt), DateUpdated: c.Date(a.UpdatedAt),
				URI: uri(c, "Applications", string(a.SID)+".json"),
			}
		},
	}
}
