package twilsock

import (
	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/chat/look"
)

// descriptorOperations are what twilio-chat 3 and 4 read beside the objects. Their paths are ours: clients get them in the
// context of their session.
var descriptorOperations = []operation{
	{"GET", "/v2/SyncList", account.ChatOwn, 200, syncList},
	{"GET", "/v2/MyChannels", account.ChatOwn, 200, myDescriptors},
	{"GET", "/v2/PublicChannels", account.ChatOwn, 200, publicDescriptors},
	{"GET", "/v2/PublicChannels/{channel}", account.ChatOwn, 200, oneDescriptor},
	{"GET", "/v2/Users", account.ChatOwn, 200, listUsers},
	{"GET", "/v2/Users/{user}", account.ChatOwn, 200, func(k *call) (any, error) { return k.user(k.vars["user"]) }},
}

var descriptorLinks = map[string]string{
	"publicChannelsUrl": "/v2/PublicChannels", "myChannelsUrl": "/v2/MyChannels", "typingUrl": "/v1/typing",
	"syncListUrl": "/v2/SyncList", "usersUrl": "/v2/Users",
}

// descriptor is a channel as it is listed.
func (k *call) descriptor(ch *chat.Channel) map[string]any {
	e := shape[channelEvent](ch.Data())
	return map[string]any{
		"sid": e.SID, "channel_sid": e.SID, "unique_name": e.UniqueName, "friendly_name": e.FriendlyName, "attributes": string(e.Attributes),
		"created_by": e.CreatedBy, "date_created": e.DateCreated, "date_updated": e.DateUpdated, "type": e.Type,
		"members_count": e.Members, "messages_count": e.Messages, "channel": object{document, e.SID}.name(),
		"last_consumed_message_index": nil, "unread_messages_count": nil, "notification_level": chat.NotifyDefault,
		"status": chat.StatusNotParticipating,
	}
}

// mineDescriptor is a channel of the caller's own.
func (k *call) mineDescriptor(uc *chat.UserChannel) map[string]any {
	e := shape[userChannelEvent](uc.Data())
	d := k.descriptor(&uc.Channel)
	d["last_consumed_message_index"], d["unread_messages_count"] = e.LastRead, e.Unread
	d["notification_level"], d["status"] = e.Notification, e.Status
	return d
}

// sightDescriptor is a channel that the caller has found.
func (k *call) sightDescriptor(s *look.Sight) map[string]any {
	if s.Mine == nil {
		d := k.descriptor(&s.Channel)
		if s.Invited {
			d["status"] = chat.StatusInvited
		}
		return d
	}
	return k.mineDescriptor(&chat.UserChannel{Channel: s.Channel, Member: *s.Mine, Status: chat.StatusJoined})
}

func syncList(k *call) (any, error) {
	page, err := k.userChannels()
	var list []map[string]any
	for i := range page.Items {
		e := shape[userChannelEvent](page.Items[i].Data())
		d := e.data()
		list = append(list, map[string]any{
			"channel_sid": e.ChannelSID, "status": d.Status, "channel": d.Channel, "messages": d.Messages, "roster": d.Roster,
			"last_consumed_message_index": d.LastRead, "notification_level": d.Notification,
		})
	}
	return pageOf("channels", list, page.Next), err
}

func myDescriptors(k *call) (any, error) {
	if one := k.param("ChannelSid"); one != "" {
		uc, err := k.rooms().GetUserChannel(k, k.actor, k.actor.ChatService, k.actor.Identity, one)
		if err != nil {
			return nil, err
		}
		return pageOf("channels", []map[string]any{k.mineDescriptor(&uc)}, ""), nil
	}
	page, err := k.userChannels()
	var list []map[string]any
	for i := range page.Items {
		list = append(list, k.mineDescriptor(&page.Items[i]))
	}
	return pageOf("channels", list, page.Next), err
}

func publicDescriptors(k *call) (any, error) {
	found, next, err := k.public()
	var list []map[string]any
	for i := range found {
		list = append(list, k.sightDescriptor(&found[i]))
	}
	return pageOf("channels", list, next), err
}

func oneDescriptor(k *call) (any, error) {
	s, err := k.sight(k.vars["channel"])
	if err != nil {
		return nil, err
	}
	return k.sightDescriptor(s), nil
}
