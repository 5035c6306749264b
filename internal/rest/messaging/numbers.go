package messaging

import (
	"context"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/messaging"
	"usher/internal/rest"
	"usher/internal/sid"
)

type numberForm struct {
	PhoneNumber          string            `form:"PhoneNumber,create"`
	AreaCode             string            `form:"AreaCode,create"`
	FriendlyName         rest.Opt[string]  `form:"FriendlyName"`
	SMSURL               rest.Opt[string]  `form:"SmsUrl"`
	SMSMethod            rest.Opt[string]  `form:"SmsMethod"`
	SMSFallbackURL       rest.Opt[string]  `form:"SmsFallbackUrl"`
	SMSFallbackMethod    rest.Opt[string]  `form:"SmsFallbackMethod"`
	SMSApplicationSID    rest.Opt[sid.SID] `form:"SmsApplicationSid"`
	StatusCallback       rest.Opt[string]  `form:"StatusCallback"`
	StatusCallbackMethod rest.Opt[string]  `form:"StatusCallbackMethod"`
	// ConnectionSID is Usher's own: what carries the number.
	ConnectionSID rest.Opt[sid.SID] `form:"ConnectionSid"`
	voiceForm
}

// voiceForm is what is kept for calls, which are not carried here.
type voiceForm struct {
	VoiceURL            rest.Opt[string] `form:"VoiceUrl,max=4096"`
	VoiceMethod         rest.Opt[string] `form:"VoiceMethod,enum=GET|POST"`
	VoiceFallbackURL    rest.Opt[string] `form:"VoiceFallbackUrl,max=4096"`
	VoiceFallbackMethod rest.Opt[string] `form:"VoiceFallbackMethod,enum=GET|POST"`
	VoiceApplicationSID rest.Opt[string] `form:"VoiceApplicationSid,max=34"`
}

func (v *voiceForm) change() map[string]string {
	var out map[string]string
	for name, o := range map[string]rest.Opt[string]{
		"voice_url": v.VoiceURL, "voice_method": v.VoiceMethod, "voice_fallback_url": v.VoiceFallbackURL,
		"voice_fallback_method": v.VoiceFallbackMethod, "voice_application_sid": v.VoiceApplicationSID,
	} {
		if o.Set {
			if out == nil {
				out = map[string]string{}
			}
			out[name] = o.V
		}
	}
	return out
}

func voice(m map[string]string, name, otherwise string) string {
	if v := m[name]; v != "" {
		return v
	}
	return otherwise
}

func (in *numberForm) change() messaging.NumberChange {
	return messaging.NumberChange{
		FriendlyName: in.FriendlyName.Ptr(), URL: in.SMSURL.Ptr(), Method: in.SMSMethod.Ptr(), FallbackURL: in.SMSFallbackURL.Ptr(),
		FallbackMethod: in.SMSFallbackMethod.Ptr(), StatusCallback: in.StatusCallback.Ptr(), StatusCallbackMethod: in.StatusCallbackMethod.Ptr(),
		Application: in.SMSApplicationSID.Ptr(), Connection: in.ConnectionSID.Ptr(), Voice: in.voiceForm.change(),
	}
}

type numberFilter struct {
	PhoneNumber  string `form:"PhoneNumber"`
	FriendlyName string `form:"FriendlyName"`
}

type capabilities struct {
	Voice bool `json:"voice"`
	SMS   bool `json:"sms"`
	MMS   bool `json:"mms"`
	Fax   bool `json:"fax"`
}

// numberWire is a number on the wire. (Shape: the original's published examples.)
type numberWire struct {
	SID                    sid.SID           `json:"sid"`
	AccountSID             string            `json:"account_sid"`
	FriendlyName           string            `json:"friendly_name"`
	PhoneNumber            string            `json:"phone_number"`
	Capabilities           capabilities      `json:"capabilities"`
	SMSURL                 string            `json:"sms_url"`
	SMSMethod              string            `json:"sms_method"`
	SMSFallbackURL         string            `json:"sms_fallback_url"`
	SMSFallbackMethod      string            `json:"sms_fallback_method"`
	SMSApplicationSID      sid.SID           `json:"sms_application_sid"`
	StatusCallback         string            `json:"status_callback"`
	StatusCallbackMethod   string            `json:"status_callback_method"`
	VoiceURL               string            `json:"voice_url"`
	VoiceMethod            string            `json:"voice_method"`
	VoiceFallbackURL       string            `json:"voice_fallback_url"`
	VoiceFallbackMethod    string            `json:"voice_fallback_method"`
	VoiceApplicationSID    string            `json:"voice_application_sid"`
	VoiceCallerIDLookup    bool              `json:"voice_caller_id_lookup"`
	VoiceReceiveMode       string            `json:"voice_receive_mode"`
	TrunkSID               *string           `json:"trunk_sid"`
	AddressSID             *string           `json:"address_sid"`
	AddressRequirements    string            `json:"address_requirements"`
	IdentitySID            *string           `json:"identity_sid"`
	BundleSID              *string           `json:"bundle_sid"`
	EmergencyStatus        string            `json:"emergency_status"`
	EmergencyAddressSID    *string           `json:"emergency_address_sid"`
	EmergencyAddressStatus string            `json:"emergency_address_status"`
	Beta                   bool              `json:"beta"`
	Origin                 string            `json:"origin"`
	Status                 string            `json:"status"`
	Type                   string            `json:"type"`
	APIVersion             string            `json:"api_version"`
	DateCreated            *string           `json:"date_created"`
	DateUpdated            *string           `json:"date_updated"`
	URI                    string            `json:"uri"`
	SubresourceURIs        map[string]string `json:"subresource_uris"`
	// ConnectionSID is told to those who ask for details.
	ConnectionSID *sid.SID `json:"connection_sid,omitempty"`
}

// numbers mounts the account's numbers, and the lists by their type: here a number has none, so all of them hold all.
func (e *endpoint) numbers() []rest.Mount {
	all := e.numberList("/Accounts/{AccountSid}/IncomingPhoneNumbers", messaging.KindPhone, "incoming_phone_numbers", viewNumber)
	all.Get, all.Update, all.Delete = e.getNumber(messaging.KindPhone), e.updateNumber(messaging.KindPhone), func(ctx context.Context, c *rest.Call) error {
		actor, err := e.as(ctx, c)
		if err != nil {
			return err
		}
		return e.Messages.DeleteNumber(ctx, actor, c.SID("Sid"), messaging.KindPhone)
	}
	mounts := []rest.Mount{all}
	for _, kind := range []string{"Local", "Mobile", "TollFree"} {
		mounts = append(mounts, e.numberList(all.Path+"/"+kind, messaging.KindPhone, all.Key, viewNumber))
	}
	return mounts
}

func (e *endpoint) numberList(path, kind, key string, view func(*rest.Call, messaging.Number) any) rest.Resource[messaging.Number, numberForm] {
	return rest.Resource[messaging.Number, numberForm]{
		Path: path, Key: key, Read: read, Write: manage, Filter: numberFilter{}, View: view,
		List: func(ctx context.Context, c *rest.Call, p db.Page) (db.PageOf[messaging.Number], error) {
			return paged(e, ctx, c, func(actor account.Actor) (page db.PageOf[messaging.Number], err error) {
				var f numberFilter
				if err := c.Filter(&f); err != nil {
					return page, err
				}
				return e.Messages.ListNumbers(ctx, actor, kind, messaging.NumberFilter{Address: f.PhoneNumber, FriendlyName: f.FriendlyName}, p)
			})
		},
		Create: func(ctx context.Context, c *rest.Call, in numberForm) (n messaging.Number, err error) {
			actor, err := e.as(ctx, c)
			if err != nil {
				return n, err
			}
			if in.PhoneNumber == "" && in.AreaCode != "" {
				return n, fault.New(21452, "Numbers are not sold here: PhoneNumber takes one that a connection carries")
			}
			return e.Messages.CreateNumber(ctx, actor, in.PhoneNumber, in.change())
		},
	}
}

func (e *endpoint) getNumber(kind string) func(context.Context, *rest.Call) (messaging.Number, error) {
	return func(ctx context.Context, c *rest.Call) (n messaging.Number, err error) {
		actor, err := e.as(ctx, c)
		if err != nil {
			return n, err
		}
		return e.Messages.GetNumber(ctx, actor, c.SID("Sid"), kind)
	}
}

func (e *endpoint) updateNumber(kind string) func(context.Context, *rest.Call, numberForm) (messaging.Number, error) {
	return func(ctx context.Context, c *rest.Call, in numberForm) (n messaging.Number, err error) {
		actor, err := e.as(ctx, c)
		if err != nil {
			return n, err
		}
		return e.Messages.UpdateNumber(ctx, actor, c.SID("Sid"), kind, in.change())
	}
}

func viewNumber(c *rest.Call, n messaging.Number) any {
	path := uri(c, "IncomingPhoneNumbers", string(n.SID))
	w := numberWire{
		SID: n.SID, AccountSID: c.Var("AccountSid"), FriendlyName: n.FriendlyName, PhoneNumber: n.Address, Capabilities: capabilities{SMS: true, MMS: true},
		SMSURL: n.URL, SMSMethod: n.Method, SMSFallbackURL: n.FallbackURL, SMSFallbackMethod: n.FallbackMethod, SMSApplicationSID: n.Application,
		StatusCallback: n.StatusCallback, StatusCallbackMethod: n.StatusCallbackMethod, VoiceURL: n.Voice["voice_url"],
		VoiceMethod: voice(n.Voice, "voice_method", "POST"), VoiceFallbackURL: n.Voice["voice_fallback_url"],
		VoiceFallbackMethod: voice(n.Voice, "voice_fallback_method", "POST"), VoiceApplicationSID: n.Voice["voice_application_sid"],
		VoiceReceiveMode: "voice", AddressRequirements: "none", EmergencyStatus: "Inactive", EmergencyAddressStatus: "unregistered",
		Origin: "hosted", Status: "in-use", Type: "local", APIVersion: "2010-04-01", DateCreated: c.Date(n.CreatedAt), DateUpdated: c.Date(n.UpdatedAt),
		URI: path + ".json", SubresourceURIs: map[string]string{"assigned_add_ons": path + "/AssignedAddOns.json"},
	}
	if c.Details() {
		w.ConnectionSID = &n.Connection
	}
	return w
}

type shortCodeWire struct {
	SID               sid.SID `json:"sid"`
	AccountSID        string  `json:"account_sid"`
	ShortCode         string  `json:"short_code"`
	FriendlyName      string  `json:"friendly_name"`
	APIVersion        string  `json:"api_version"`
	SMSURL            string  `json:"sms_url"`
	SMSMethod         string  `json:"sms_method"`
	SMSFallbackURL    string  `json:"sms_fallback_url"`
	SMSFallbackMethod string  `json:"sms_fallback_method"`
	DateCreated       *string `json:"date_created"`
	DateUpdated       *string `json:"date_updated"`
	URI               string  `json:"uri"`
}

// shortCodes mounts the account's short codes, which are written down like numbers.
func (e *endpoint) shortCodes() rest.Mount {
	all := e.numberList("/Accounts/{AccountSid}/SMS/ShortCodes", messaging.KindShort, "short_codes", func(c *rest.Call, n messaging.Number) any {
		return shortCodeWire{
			SID: n.SID, AccountSID: c.Var("AccountSid"), ShortCode: n.Address, FriendlyName: n.FriendlyName, APIVersion: "2010-04-01", SMSURL: n.URL,
			SMSMethod: n.Method, SMSFallbackURL: n.FallbackURL, SMSFallbackMethod: n.FallbackMethod, DateCreated: c.Date(n.CreatedAt),
			DateUpdated: c.Date(n.UpdatedAt), URI: uri(c, "SMS/ShortCodes", string(n.SID)+".json"),
		}
	})
	all.Create, all.Get, all.Update = nil, e.getNumber(messaging.KindShort), e.updateNumber(messaging.KindShort)
	return all
}
