package twilsock

import (
	"encoding/json"
	"strconv"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/chat/look"
	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/realtime"
	"usher/internal/sid"
)

// clientOperations are the client API of twilio-chat 5 and 6. Paths follow the prefix of the API's version.
var clientOperations = []operation{
	{"GET", "/Configuration", account.ChatOwn, 200, configuration},
	{"GET", "/MyConversations", account.ChatOwn, 200, listMine},
	{"GET", "/MyConversations/{channel}", account.ChatOwn, 200, getMine},
	{"POST", "/MyConversations/{channel}", account.ChatOwn, 200, updateMine},
	{"GET", "/Conversations", account.ChatOwn, 200, listConversations},
	{"POST", "/Conversations", account.ChatOwn, 201, createConversation},
	{"GET", "/Conversations/{channel}", account.ChatOwn, 200, getConversation},
	{"POST", "/Conversations/{channel}", account.ChatOwn, 200, updateConversation},
	{"DELETE", "/Conversations/{channel}", account.ChatOwn, 204, func(k *call) (any, error) { return nil, k.deleteChannel(k.vars["channel"]) }},
	{"POST", "/Conversations/{channel}/Messages", account.ChatOwn, 201, createMessage},
	{"POST", "/Conversations/{channel}/Messages/{message}", account.ChatOwn, 200, updateMessage},
	{"DELETE", "/Conversations/{channel}/Messages/{message}", account.ChatOwn, 204, deleteMessage},
	{"POST", "/Conversations/{channel}/Participants", account.ChatOwn, 201, createParticipant},
	{"POST", "/Conversations/{channel}/Participants/{member}", account.ChatOwn, 200, updateParticipant},
	{"DELETE", "/Conversations/{channel}/Participants/{member}", account.ChatOwn, 204, func(k *call) (any, error) {
		return nil, k.rooms().RemoveMember(k, k.actor, k.place(k.vars["channel"]), k.vars["member"])
	}},
	{"POST", "/Conversations/{channel}/Invites", account.ChatOwn, 201, createInvite},
	{"DELETE", "/Conversations/{channel}/Invites/{invite}", account.ChatOwn, 204, func(k *call) (any, error) {
		return nil, k.rooms().DeleteInvite(k, k.actor, k.place(k.vars["channel"]), k.vars["invite"])
	}},
	{"GET", "/Users", account.ChatOwn, 200, listUsers},
	{"GET", "/Users/{user}", account.ChatOwn, 200, func(k *call) (any, error) { return k.user(k.vars["user"]) }},
	{"POST", "/Users/{user}", account.ChatOwn, 200, updateUser},
	{"POST", "/Typing", account.ChatOwn, 200, typing},
}

func (k *call) rooms() *chat.Chat { return k.conn.srv.o.Chat }

// place names a channel of the caller's service.
func (k *call) place(channel string) chat.Place {
	return chat.Place{Service: k.actor.ChatService, Channel: channel}
}

// sight finds a channel by SID or unique name.
func (k *call) sight(ref string) (*look.Sight, error) {
	var s *look.Sight
	var err error
	if sid.Valid(ref, sid.Channel) {
		var found map[sid.SID]*look.Sight
		found, err = k.conn.srv.o.Look.Channels(k, k.actor, []sid.SID{sid.SID(ref)})
		s = found[sid.SID(ref)]
	} else {
		s, err = k.conn.srv.o.Look.Named(k, k.actor, ref)
	}
	if err == nil && s == nil {
		err = missing("Channels/" + ref)
	}
	return s, err
}

// seconds is a duration as clients read it (ISO 8601).
func seconds(n int) string { return "PT" + strconv.Itoa(n) + "S" }

// cacheSeconds is for how long clients may use what they have read.
const cacheSeconds = 5

// configuration is the first thing that a client asks for. A new identity becomes a user by it.
func configuration(k *call) (any, error) {
	u, err := k.conn.srv.o.Look.Enter(k, k.actor)
	if err != nil {
		return nil, err
	}
	s, err := k.rooms().GetService(k, k.actor, k.actor.ChatService)
	if err != nil {
		return nil, err
	}
	base := k.base() + k.prefix
	return map[string]any{
		"identity": u.Identity, "url": base + "/Configuration", "service_sid": s.SID, "account_sid": k.actor.AccountSID,
		"options": map[string]any{
			"consumption_report_interval": seconds(s.ConsumptionReports), "user_infos_to_subscribe": 100, "reachability_enabled": s.Reachability,
			"http_cache_interval": seconds(cacheSeconds), "my_conversations_page_size": maxPage,
		},
		"sync_objects": map[string]string{
			"my_conversations": object{mine, u.SID}.name(), "my_user_info": object{person, u.SID}.name(),
		},
		"links": map[string]string{
			"my_conversations": base + "/MyConversations", "conversations": base + "/Conversations", "users": base + "/Users",
			"current_user": base + "/Users/" + string(u.SID), "typing": base + "/Typing",
			"media_service": k.conn.origin + filesPath(s.SID), "messages_receipts": base + "/Receipts",
		},
	}, nil
}

// conversation is a channel in the words of this API.
func (k *call) conversation(ch *chat.Channel) map[string]any {
	e := shape[channelEvent](ch.Data())
	url := k.base() + "/Client/v1/Conversations/" + string(e.SID)
	if k.prefix != "" {
		url = k.base() + k.prefix + "/Conversations/" + string(e.SID)
	}
	return map[string]any{
		"sid": e.SID, "conversation_sid": e.SID, "friendly_name": e.FriendlyName, "unique_name": e.UniqueName, "attributes": string(e.Attributes),
		"type": e.Type, "created_by": e.CreatedBy, "date_created": e.DateCreated, "date_updated": e.DateUpdated,
		"messages_count": e.Messages, "participants_count": e.Members, "members_count": e.Members,
		"sync_objects": map[string]string{
			"conversation": object{document, e.SID}.name(), "messages": object{messages, e.SID}.name(), "participants": object{roster, e.SID}.name(),
		},
		"links": map[string]string{"messages": url + "/Messages", "participants": url + "/Participants", "invites": url + "/Invites"},
		"url":   url,
	}
}

// myConversation is a channel as its member sees it.
func (k *call) myConversation(uc *chat.UserChannel) map[string]any {
	e := shape[userChannelEvent](uc.Data())
	m := k.conversation(&uc.Channel)
	m["status"], m["last_consumed_message_index"] = e.Status, e.LastRead
	m["notification_level"], m["unread_messages_count"] = e.Notification, e.Unread
	return m
}

// pageOf is a list with its tokens.
func pageOf(name string, list []map[string]any, next string) map[string]any {
	if list == nil {
		list = []map[string]any{}
	}
	return map[string]any{name: list, "meta": pageMeta{Next: token(next)}}
}

// userChannels reads a page of the caller's own channels.
func (k *call) userChannels() (db.PageOf[chat.UserChannel], error) {
	after := k.param("PageToken")
	if err := cursor(after); err != nil {
		return db.PageOf[chat.UserChannel]{}, err
	}
	return k.rooms().ListUserChannels(k, k.actor, k.actor.ChatService, k.actor.Identity, db.Page{Size: k.size(maxPage, maxPage), After: after})
}

func listMine(k *call) (any, error) {
	page, err := k.userChannels()
	var list []map[string]any
	for i := range page.Items {
		list = append(list, k.myConversation(&page.Items[i]))
	}
	return pageOf("conversations", list, page.Next), err
}

func getMine(k *call) (any, error) {
	uc, err := k.rooms().GetUserChannel(k, k.actor, k.actor.ChatService, k.actor.Identity, k.vars["channel"])
	return k.myConversation(&uc), err
}

func updateMine(k *call) (any, error) {
	var r map[string]json.RawMessage
	if err := k.decode(&r); err != nil {
		return nil, err
	}
	var change chat.UserChannelChange
	if raw, ok := r["last_consumed_message_index"]; ok {
		index := new(int64(-1)) // null: nothing was read
		if err := json.Unmarshal(raw, &index); err != nil {
			return nil, fault.New(50406, "")
		}
		if index == nil {
			index = new(int64(-1))
		}
		change.LastRead = index
	}
	if raw, ok := r["notification_level"]; ok {
		if err := json.Unmarshal(raw, &change.Notification); err != nil {
			return nil, fault.New(50210, "")
		}
	}
	uc, err := k.rooms().UpdateUserChannel(k, k.actor, k.actor.ChatService, k.actor.Identity, k.vars["channel"], change)
	return k.myConversation(&uc), err
}

func listConversations(k *call) (any, error) {
	list, next, err := k.public()
	var out []map[string]any
	for i := range list {
		out = append(out, k.conversation(&list[i].Channel))
	}
	return pageOf("conversations", out, next), err
}

// public reads a page of the public channels.
func (k *call) public() ([]look.Sight, string, error) {
	after := k.param("PageToken")
	if err := cursor(after); err != nil {
		return nil, "", err
	}
	return k.conn.srv.o.Look.Public(k, k.actor, db.Page{Size: k.size(standardPage, maxPage), After: after})
}

func getConversation(k *call) (any, error) {
	s, err := k.sight(k.vars["channel"])
	if err != nil {
		return nil, err
	}
	return k.conversation(&s.Channel), nil
}

func createConversation(k *call) (any, error) {
	var r struct {
		Type         string `json:"type"`
		UniqueName   string `json:"unique_name"`
		FriendlyName string `json:"friendly_name"`
		Attributes   string `json:"attributes"`
	}
	if err := k.decode(&r); err != nil {
		return nil, err
	}
	ch, err := k.rooms().CreateChannel(k, k.actor, k.actor.ChatService, chat.NewChannel{
		FriendlyName: r.FriendlyName, UniqueName: r.UniqueName, Attributes: r.Attributes, Private: r.Type == "private", CreatedBy: k.actor.Identity,
	})
	return k.conversation(&ch), err
}

func updateConversation(k *call) (any, error) {
	var r struct {
		UniqueName   *string `json:"unique_name"`
		FriendlyName *string `json:"friendly_name"`
		Attributes   *string `json:"attributes"`
	}
	if err := k.decode(&r); err != nil {
		return nil, err
	}
	ch, err := k.rooms().UpdateChannel(k, k.actor, k.place(k.vars["channel"]), chat.ChannelChange{
		FriendlyName: r.FriendlyName, UniqueName: r.UniqueName, Attributes: r.Attributes,
	})
	return k.conversation(&ch), err
}

func (k *call) deleteChannel(ref string) error {
	return k.rooms().DeleteChannel(k, k.actor, k.place(ref))
}

// send keeps a message; mutation is a name that the client made for it.
func (k *call) send(channel string, n chat.NewMessage) (chat.Message, error) {
	if wait := k.conn.raw.TooFast(true, abused); wait > 0 {
		return chat.Message{}, fault.TooMany(wait)
	}
	n.Author = k.actor.Identity
	m, _, err := k.rooms().SendTo(k, k.actor, k.place(channel), n)
	return m, err
}

func (k *call) messageBody(m *chat.Message) map[string]any {
	e := shape[messageEvent](m.Payload())
	channel := k.base() + k.prefix + "/Conversations/" + string(e.ChannelSID)
	var files []map[string]any // null for none
	if f := e.Media; f != nil {
		files = append(files, map[string]any{
			"sid": f.SID, "filename": f.Filename, "content_type": f.ContentType, "size": f.Size, "category": "media",
		})
	}
	return map[string]any{
		"sid": e.SID, "index": e.Index, "author": e.Author, "participant_sid": e.MemberSID, "body": e.Body, "attributes": string(e.Attributes),
		"media": files, "date_created": e.DateCreated, "date_updated": e.DateUpdated, "conversation_sid": e.ChannelSID,
		"url": channel + "/Messages/" + string(e.SID), "links": map[string]string{"conversation": channel},
	}
}

func createMessage(k *call) (any, error) {
	var r struct {
		Body       string `json:"body"`
		Attributes string `json:"attributes"`
		Media      string `json:"media_sid"`
	}
	if err := k.decode(&r); err != nil {
		return nil, err
	}
	m, err := k.send(k.vars["channel"], chat.NewMessage{Body: r.Body, Attributes: r.Attributes, ClientID: k.mutation(), Media: sid.SID(r.Media)})
	return k.messageBody(&m), err
}

func updateMessage(k *call) (any, error) {
	var r struct {
		Body       *string `json:"body"`
		Attributes *string `json:"attributes"`
	}
	if err := k.decode(&r); err != nil {
		return nil, err
	}
	m, err := k.rooms().UpdateMessage(k, k.actor, k.place(k.vars["channel"]), sid.SID(k.vars["message"]),
		chat.MessageChange{Body: r.Body, Attributes: r.Attributes})
	return k.messageBody(&m), err
}

func deleteMessage(k *call) (any, error) {
	return nil, k.rooms().DeleteMessage(k, k.actor, k.place(k.vars["channel"]), sid.SID(k.vars["message"]))
}

func (k *call) participant(m *chat.Member) map[string]any {
	e := shape[memberEvent](m.Data())
	return map[string]any{
		"sid": e.SID, "conversation_sid": e.ChannelSID, "identity": e.Identity, "role_sid": e.RoleSID, "attributes": string(e.Attributes),
		"last_consumed_message_index": e.LastRead, "last_consumption_timestamp": e.LastReadAt,
		"date_created": e.DateCreated, "date_updated": e.DateUpdated,
		"url": k.base() + k.prefix + "/Conversations/" + string(e.ChannelSID) + "/Participants/" + string(e.SID),
	}
}

func createParticipant(k *call) (any, error) {
	var r struct {
		Identity   string `json:"identity"`
		Attributes string `json:"attributes"`
	}
	if err := k.decode(&r); err != nil {
		return nil, err
	}
	m, err := k.add(k.vars["channel"], r.Identity, r.Attributes)
	return k.participant(&m), err
}

// add puts somebody, or the caller itself, into a channel. Identities that are nobody's are not made up by clients.
func (k *call) add(channel, identity, attributes string) (chat.Member, error) {
	return k.rooms().AddMember(k, k.actor, k.place(channel), chat.NewMember{Identity: identity, Attributes: attributes})
}

func updateParticipant(k *call) (any, error) {
	var r struct {
		Attributes *string `json:"attributes"`
	}
	if err := k.decode(&r); err != nil {
		return nil, err
	}
	m, err := k.rooms().UpdateMember(k, k.actor, k.place(k.vars["channel"]), k.vars["member"], chat.MemberChange{Attributes: r.Attributes})
	return k.participant(&m), err
}

func createInvite(k *call) (any, error) {
	var r struct {
		Identity string `json:"identity"`
	}
	if err := k.decode(&r); err != nil {
		return nil, err
	}
	i, err := k.rooms().CreateInvite(k, k.actor, k.place(k.vars["channel"]), chat.NewInvite{Identity: r.Identity})
	return map[string]any{"sid": i.SID, "conversation_sid": i.ChannelSID, "identity": i.Identity, "role_sid": i.RoleSID}, err
}

// person is a user in the words of both generations.
func (k *call) person(u *chat.User) map[string]any {
	e := shape[userEvent](u.Data())
	items := e.items()
	name := items[0].data.(value).Value
	info := object{person, e.SID}.name()
	return map[string]any{
		"identity": e.Identity, "friendly_name": name, "attributes": items[1].data.(value).Value, "is_online": e.Online, "is_notifiable": e.Notifiable,
		"sync_objects": map[string]string{"user_info_map": info}, "sync_unique_name": info,
		"url": k.base() + "/Client/v1/Users/" + string(e.SID), "links": map[string]string{},
	}
}

// user finds a user. Clients do not expect that the author of a message is nobody, so one that the caller may not see has
// no name and no attributes.
func (k *call) user(ref string) (any, error) {
	u, err := k.rooms().GetUser(k, k.actor, k.actor.ChatService, ref)
	if fault.Is(err, fault.KindNotFound) && !sid.Valid(ref, sid.User) {
		u, err = chat.User{UserDoc: chat.UserDoc{Identity: ref}, Row: db.Row{SID: nobody}}, nil
	}
	return k.person(&u), err
}

func listUsers(k *call) (any, error) {
	channel := k.param("ConversationSid")
	if channel == "" {
		channel = k.param("ChannelSid")
	}
	after := k.param("PageToken")
	if err := cursor(after); err != nil {
		return nil, err
	}
	page, err := k.rooms().ListMembers(k, k.actor, k.place(channel), nil, db.Page{Size: k.size(standardPage, maxPage), After: after})
	if err != nil {
		return nil, err
	}
	var named []sid.SID
	for i := range page.Items {
		named = append(named, page.Items[i].UserSID)
	}
	found, err := k.conn.srv.o.Look.Users(k, k.actor, named)
	var list []map[string]any
	for _, name := range named {
		if u := found[name]; u != nil {
			list = append(list, k.person(u))
		}
	}
	return pageOf("users", list, page.Next), err
}

func updateUser(k *call) (any, error) {
	var r struct {
		FriendlyName *string `json:"friendly_name"`
		Attributes   *string `json:"attributes"`
	}
	if err := k.decode(&r); err != nil {
		return nil, err
	}
	u, err := k.rooms().UpdateUser(k, k.actor, k.actor.ChatService, k.vars["user"], chat.UserChange{FriendlyName: r.FriendlyName, Attributes: r.Attributes})
	return k.person(&u), err
}

// typing tells the others of a channel that the caller writes.
func typing(k *call) (any, error) {
	channel := k.form().Get("ChannelSid")
	m, err := k.rooms().GetMember(k, k.actor, k.place(channel), k.actor.Identity)
	if err != nil {
		return nil, err
	}
	s, err := k.rooms().GetService(k, k.actor, k.actor.ChatService)
	if err != nil {
		return nil, err
	}
	name := m.FriendlyName
	if name == "" {
		name = m.Identity
	}
	k.conn.srv.o.Typing(realtime.Typing{Stream: channelStream(&m), Identity: m.Identity, Name: name, Seconds: s.TypingTimeout})
	return map[string]int{"typing_timeout": s.TypingTimeout}, nil
}
