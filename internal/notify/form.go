package notify

import (
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"usher/internal/chat"
	"usher/internal/chat/payload"
	"usher/internal/event"
)

// names says how webhooks call what has happened. Source: the original's list of events.
var names = map[string]string{
	event.MessageAdded: "onMessageSent", event.MessageUpdated: "onMessageUpdated", event.MessageRemoved: "onMessageRemoved",
	event.ChannelAdded: "onChannelAdded", event.ChannelUpdated: "onChannelUpdated", event.ChannelRemoved: "onChannelDestroyed",
	event.MemberAdded: "onMemberAdded", event.MemberUpdated: "onMemberUpdated", event.MemberRemoved: "onMemberRemoved",
	event.UserAdded: "onUserAdded", event.UserUpdated: "onUserUpdated",
}

// nameOf is what webhooks call an event: a message that carries a file has a name of its own.
func nameOf(kind string, data any) string {
	if m, ok := data.(chat.MessageData); ok && m.Media != nil && kind == event.MessageAdded {
		return "onMediaMessageSent"
	}
	return names[kind]
}

// Kinds are the events that webhooks may be told of.
func Kinds() []string {
	list := make([]string, 0, len(names))
	for kind := range names {
		list = append(list, kind)
	}
	return list
}

// read decodes an event's payload.
func read(kind string, data json.RawMessage) (any, error) {
	var err error
	switch kind {
	case event.MessageAdded, event.MessageUpdated, event.MessageRemoved:
		var d chat.MessageData
		err = json.Unmarshal(data, &d)
		return d, err
	case event.MemberAdded, event.MemberUpdated, event.MemberRemoved:
		var d chat.MemberData
		err = json.Unmarshal(data, &d)
		return d, err
	case event.UserAdded, event.UserUpdated:
		var d chat.UserData
		err = json.Unmarshal(data, &d)
		return d, err
	}
	var d chat.ChannelData
	err = json.Unmarshal(data, &d)
	return d, err
}

// form collects the fields of a webhook; empty ones are left out, as the original does.
type form url.Values

func (f form) set(name, value string) {
	if value != "" {
		f[name] = []string{value}
	}
}

// first is the form with one value for each name.
func (f form) first() map[string]string {
	m := make(map[string]string, len(f))
	for name, values := range f {
		m[name] = values[0]
	}
	return m
}

func (f form) text(name string, value *string) {
	if value != nil {
		f.set(name, *value)
	}
}

func (f form) number(name string, value *int64) {
	if value != nil {
		f.set(name, strconv.FormatInt(*value, 10))
	}
}

func (f form) truth(name string, value *bool) {
	if value != nil {
		f.set(name, strconv.FormatBool(*value))
	}
}

// date writes a time as webhooks do, with milliseconds. Source: recorded webhooks.
func (f form) date(name string, d *payload.Date) {
	if d != nil && !time.Time(*d).IsZero() {
		f.set(name, time.Time(*d).UTC().Format("2006-01-02T15:04:05.000Z"))
	}
}

// attributes are JSON text; where nothing is known of them, an empty object.
func (f form) attributes(doc json.RawMessage) {
	if f.set("Attributes", string(doc)); len(doc) == 0 {
		f.set("Attributes", "{}")
	}
}

// describe adds what a webhook is told of a thing. changed says that it has been changed, so that its second date counts.
func (f form) describe(data any, changed bool) {
	second := func(d payload.Date) {
		if changed {
			f.date("DateUpdated", &d)
		}
	}
	switch d := data.(type) {
	case chat.MessageData:
		f.set("ChannelSid", string(d.ChannelSID))
		f.set("MessageSid", string(d.SID))
		if d.SID != "" { // one that is only about to be sent has no place yet
			f.number("Index", &d.Index)
		}
		f["Body"] = []string{d.Body}
		if d.Media != nil {
			f.set("MediaSid", string(d.Media.SID))
			f.text("MediaFilename", d.Media.Filename)
			f.set("MediaContentType", d.Media.ContentType)
			if d.Media.ContentType != "" { // one that is only about to be sent is known by its SID alone
				f.number("MediaSize", &d.Media.Size)
			}
		}
		f.set("From", d.Author)
		f.attributes(d.Attributes)
		f.date("DateCreated", &d.DateCreated)
		f.date("DateRemoved", d.DateRemoved)
		second(d.DateUpdated)
	case chat.MemberData:
		f.set("ChannelSid", string(d.ChannelSID))
		f.set("MemberSid", string(d.SID))
		f.set("Identity", d.Identity)
		f.set("RoleSid", string(d.RoleSID))
		f.attributes(d.Attributes)
		f.number("LastConsumedMessageIndex", d.LastRead)
		f.date("DateCreated", &d.DateCreated)
		f.date("DateRemoved", d.DateRemoved)
		second(d.DateUpdated)
	case chat.UserData:
		f.set("UserSid", string(d.SID))
		f.set("Identity", d.Identity)
		f.set("RoleSid", string(d.RoleSID))
		f.text("FriendlyName", d.FriendlyName)
		f.attributes(d.Attributes)
		f.date("DateCreated", &d.DateCreated)
		f.truth("IsOnline", d.Online)
		f.truth("IsNotifiable", d.Notifiable)
		second(d.DateUpdated)
	case chat.ChannelData:
		f.set("ChannelSid", string(d.SID))
		f.set("ChannelType", d.Type)
		f.set("CreatedBy", d.CreatedBy)
		f.text("FriendlyName", d.FriendlyName)
		f.text("UniqueName", d.UniqueName)
		f.attributes(d.Attributes)
		f.date("DateCreated", &d.DateCreated)
		f.date("DateRemoved", d.DateRemoved)
		second(d.DateUpdated)
	}
}
