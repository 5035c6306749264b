package twilsock

import (
	"encoding/json"
	"strconv"

	"usher/internal/chat"

	"usher/internal/event"
	"usher/internal/realtime"
	"usher/internal/sid"
)

// What the events of chat carry (docs/realtime.md), as far as it is shown here. Rows are read through the same shapes.
type (
	channelEvent struct {
		SID          sid.SID         `json:"sid"`
		FriendlyName *string         `json:"friendly_name"`
		UniqueName   *string         `json:"unique_name"`
		Type         string          `json:"type"`
		Attributes   json.RawMessage `json:"attributes"`
		CreatedBy    string          `json:"created_by"`
		DateCreated  string          `json:"date_created"`
		DateUpdated  string          `json:"date_updated"`
		Members      int64           `json:"members_count"`
		Messages     int64           `json:"messages_count"`
		LastIndex    int64           `json:"last_index"`
	}
	messageEvent struct {
		SID           sid.SID         `json:"sid"`
		ChannelSID    sid.SID         `json:"channel_sid"`
		Index         int64           `json:"index"`
		Author        string          `json:"author"`
		MemberSID     *sid.SID        `json:"member_sid"`
		Body          string          `json:"body"`
		Attributes    json.RawMessage `json:"attributes"`
		DateCreated   string          `json:"date_created"`
		DateUpdated   string          `json:"date_updated"`
		LastUpdatedBy *string         `json:"last_updated_by"`
		Type          string          `json:"type"`
		Media         *chat.Media     `json:"media"`
	}
	memberEvent struct {
		SID         sid.SID         `json:"sid"`
		ChannelSID  sid.SID         `json:"channel_sid"`
		UserSID     sid.SID         `json:"user_sid"`
		Identity    string          `json:"identity"`
		RoleSID     sid.SID         `json:"role_sid"`
		Attributes  json.RawMessage `json:"attributes"`
		LastRead    *int64          `json:"last_consumed_message_index"`
		LastReadAt  *string         `json:"last_consumption_timestamp"`
		DateCreated string          `json:"date_created"`
		DateUpdated string          `json:"date_updated"`
	}
	userEvent struct {
		SID          sid.SID         `json:"sid"`
		Identity     string          `json:"identity"`
		FriendlyName *string         `json:"friendly_name"`
		Attributes   json.RawMessage `json:"attributes"`
		Online       *bool           `json:"is_online"`
		Notifiable   *bool           `json:"is_notifiable"`
		DateUpdated  string          `json:"date_updated"`
	}
	userChannelEvent struct {
		ChannelSID   sid.SID `json:"channel_sid"`
		Status       string  `json:"status"`
		LastRead     *int64  `json:"last_consumed_message_index"`
		Unread       *int64  `json:"unread_messages_count"`
		Notification string  `json:"notification_level"`
	}
)

// shape reads a row's event data, or the data of an event, as one of the shapes above.
func shape[T any](data any) (v T) {
	raw, isJSON := data.([]byte)
	if !isJSON {
		raw, _ = json.Marshal(data) // rows can always be encoded
	}
	_ = json.Unmarshal(raw, &v) // what is missing stays empty
	return v
}

// What the objects hold.
type (
	documentData struct {
		SID          sid.SID      `json:"sid"`
		Type         string       `json:"type"`
		FriendlyName *string      `json:"friendlyName"`
		UniqueName   *string      `json:"uniqueName"`
		Attributes   string       `json:"attributes"`
		CreatedBy    string       `json:"createdBy"`
		DateCreated  string       `json:"dateCreated"`
		DateUpdated  string       `json:"dateUpdated"`
		Messages     string       `json:"messages"`
		Roster       string       `json:"roster"`
		LastMessage  *lastMessage `json:"lastMessage,omitempty"`
	}
	lastMessage struct {
		Index     int64  `json:"index"`
		Timestamp string `json:"timestamp"`
	}
	messageData struct {
		SID           sid.SID   `json:"sid"`
		Author        string    `json:"author"`
		MemberSID     *sid.SID  `json:"memberSid"`
		Text          string    `json:"text"`
		Attributes    string    `json:"attributes"`
		Timestamp     string    `json:"timestamp"`
		DateUpdated   string    `json:"dateUpdated"`
		LastUpdatedBy *string   `json:"lastUpdatedBy"`
		Type          string    `json:"type"`
		Media         *fileData `json:"media,omitempty"`
	}
	fileData struct {
		SID         sid.SID `json:"sid"`
		Filename    *string `json:"filename"`
		ContentType string  `json:"contentType"`
		Size        int64   `json:"size"`
	}
	memberData struct {
		Identity    string  `json:"identity"`
		Type        string  `json:"type"`
		RoleSID     sid.SID `json:"roleSid"`
		UserInfo    string  `json:"userInfo"`
		Attributes  string  `json:"attributes"`
		LastRead    *int64  `json:"lastConsumedMessageIndex"`
		LastReadAt  *string `json:"lastConsumptionTimestamp"`
		DateCreated string  `json:"dateCreated"`
		DateUpdated string  `json:"dateUpdated"`
	}
	mineData struct {
		Channel      string `json:"channel"`
		Status       string `json:"status"`
		LastRead     *int64 `json:"lastConsumedMessageIndex"`
		Notification string `json:"notificationLevel"`
		Messages     string `json:"messages"`
		Roster       string `json:"roster"`
	}
	value struct {
		Value string `json:"value"`
	}
	reachability struct {
		Online     bool `json:"online"`
		Notifiable bool `json:"notifiable"`
	}
)

func (ch channelEvent) data() documentData {
	return documentData{
		SID: ch.SID, Type: ch.Type, FriendlyName: ch.FriendlyName, UniqueName: ch.UniqueName, Attributes: string(ch.Attributes),
		CreatedBy: ch.CreatedBy, DateCreated: ch.DateCreated, DateUpdated: ch.DateUpdated,
		Messages: object{messages, ch.SID}.name(), Roster: object{roster, ch.SID}.name(),
	}
}

func (m messageEvent) data() messageData {
	d := messageData{
		SID: m.SID, Author: m.Author, MemberSID: m.MemberSID, Text: m.Body, Attributes: string(m.Attributes), Timestamp: m.DateCreated,
		DateUpdated: m.DateUpdated, LastUpdatedBy: m.LastUpdatedBy, Type: m.Type,
	}
	if m.Media != nil {
		d.Media = &fileData{m.Media.SID, m.Media.Filename, m.Media.ContentType, m.Media.Size}
	}
	return d
}

func (m memberEvent) data() memberData {
	return memberData{
		Identity: m.Identity, Type: "chat", RoleSID: m.RoleSID, UserInfo: object{person, m.UserSID}.name(), Attributes: string(m.Attributes),
		LastRead: m.LastRead, LastReadAt: m.LastReadAt, DateCreated: m.DateCreated, DateUpdated: m.DateUpdated,
	}
}

func (uc userChannelEvent) data() mineData {
	return mineData{
		Channel: object{document, uc.ChannelSID}.name(), Status: uc.Status, LastRead: uc.LastRead, Notification: uc.Notification,
		Messages: object{messages, uc.ChannelSID}.name(), Roster: object{roster, uc.ChannelSID}.name(),
	}
}

// items are what a user's map holds. The first two always exist: clients fail without.
func (u userEvent) items() []item {
	name := ""
	if u.FriendlyName != nil {
		name = *u.FriendlyName
	}
	attributes := string(u.Attributes)
	if attributes == "" {
		attributes = "{}"
	}
	list := []item{
		{key: "friendlyName", data: value{name}, updated: u.DateUpdated},
		{key: "attributes", data: value{attributes}, updated: u.DateUpdated},
	}
	if u.Online != nil {
		online := reachability{*u.Online, u.Notifiable != nil && *u.Notifiable}
		list = append(list, item{key: "reachability", data: online, updated: u.DateUpdated})
	}
	return list
}

// numbered gives the items of a user the numbers that an offset stands for.
func (o object) numbered(u userEvent, offset int64) []item {
	list := u.items()
	for i := range list {
		list[i].id = o.last(offset-1) + 1 + int64(i)
	}
	return list
}

// item is an item of a map or a list.
type item struct {
	key              string // of a map
	index            int64  // of a list
	id               int64  // number of the last thing that happened to it
	created, updated string
	data             any
}

// syncHost is the host in the addresses of objects. Nobody connects to it: clients send what they ask of it through the socket.
const syncHost = "https://cds.twilio.com"

func (o object) itemURL(it item) string {
	if o.form() == "list" {
		return syncHost + o.path() + "/Items/" + strconv.FormatInt(it.index, 10)
	}
	return syncHost + o.path() + "/Items/" + it.key
}

// revision is what stands for a version of something.
func revision(id int64) string { return strconv.FormatInt(id, 16) }

// eventFrame makes the notification that something happened to an object. of names the event among those of the object.
func eventFrame(of, kind string, fields map[string]any) []byte {
	return notification(of, "twilio.sync.event", map[string]any{
		"event_protocol_version": 3, "event_type": kind, "strictly_ordered": true, "event": fields,
	})
}

// itemFrame tells about an item. what is added, updated or removed.
func (o object) itemFrame(it item, what string) []byte {
	form := o.form()
	fields := map[string]any{
		"id": it.id, "date_created": it.updated, form + "_sid": o.sid(), form + "_revision": revision(it.id),
		"item_url": o.itemURL(it), "item_revision": revision(it.id), "item_data": it.data,
	}
	if form == "list" {
		fields["item_index"] = it.index
	} else {
		fields["item_key"] = it.key
	}
	return eventFrame(o.sid()+"."+strconv.FormatInt(it.id, 10), form+"_item_"+what, fields)
}

// documentFrame tells what a document holds now.
func (o object) documentFrame(id int64, d documentData) []byte {
	return eventFrame(o.sid()+"."+strconv.FormatInt(id, 10), "document_updated", map[string]any{
		"id": id, "date_created": d.DateUpdated, "document_sid": o.sid(), "document_revision": revision(id), "document_data": d,
	})
}

// pasts are the endings of events of items.
var pasts = map[string]string{
	event.MessageAdded: "added", event.MessageUpdated: "updated", event.MessageRemoved: "removed",
	event.MemberAdded: "added", event.MemberUpdated: "updated", event.MemberRemoved: "removed",
	event.UserChannelAdded: "added", event.UserChannelUpdated: "updated", event.UserChannelRemoved: "removed",
}

// shows says which events of its owner's stream an object shows.
func (o object) shows(kind string) bool {
	switch kind {
	case event.MessageAdded:
		return o.kind == messages || o.kind == document
	case event.MessageUpdated, event.MessageRemoved:
		return o.kind == messages
	case event.MemberAdded, event.MemberUpdated, event.MemberRemoved:
		return o.kind == roster
	case event.ChannelUpdated, event.ChannelRemoved:
		return o.kind == document
	case event.UserUpdated:
		return o.kind == person
	case event.UserChannelAdded, event.UserChannelUpdated, event.UserChannelRemoved:
		return o.kind == mine
	}
	return false
}

// itemFrames encodes an event of items: the frame that all watchers of the object share. Where an event makes two frames,
// they stand one after the other.
func itemFrames(b *realtime.Broadcast) []byte {
	e := &b.Event
	of := b.Stream().SID
	switch e.Kind {
	case event.MessageAdded, event.MessageUpdated, event.MessageRemoved:
		m := shape[messageEvent](e.Data)
		return object{messages, of}.itemFrame(item{index: m.Index, id: e.Offset, updated: m.DateUpdated, data: m.data()}, pasts[e.Kind])
	case event.MemberAdded, event.MemberUpdated, event.MemberRemoved:
		m := shape[memberEvent](e.Data)
		return object{roster, of}.itemFrame(item{key: string(m.SID), id: e.Offset, updated: m.DateUpdated, data: m.data()}, pasts[e.Kind])
	case event.UserChannelAdded, event.UserChannelUpdated, event.UserChannelRemoved:
		uc := shape[userChannelEvent](e.Data)
		at := e.At.UTC().Format(dateFormat)
		return object{mine, of}.itemFrame(item{key: string(uc.ChannelSID), id: e.Offset, updated: at, data: uc.data()}, pasts[e.Kind])
	case event.UserUpdated:
		return object{person, of}.personFrames(shape[userEvent](e.Data), e.Offset)
	}
	return nil
}

// personFrames are the frames of a user as it is at an offset.
func (o object) personFrames(u userEvent, offset int64) []byte {
	var frames []byte
	for _, it := range o.numbered(u, offset) {
		frames = append(frames, o.itemFrame(it, "updated")...)
	}
	return frames
}

const dateFormat = "2006-01-02T15:04:05.000Z"
