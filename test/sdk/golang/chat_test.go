package golang

import (
	"fmt"
	"strings"
	"testing"
	"time"

	chat "github.com/twilio/twilio-go/rest/chat/v2"
)

func TestChat(t *testing.T) {
	t.Parallel()
	api := connect(t).ChatV2
	service := *ok[*chat.ChatV2Service](t)(api.CreateService((&chat.CreateServiceParams{}).SetFriendlyName("Support"))).Sid

	t.Run("service", func(t *testing.T) {
		s := ok[*chat.ChatV2Service](t)(api.UpdateService(service, (&chat.UpdateServiceParams{}).SetFriendlyName("Support 2").SetTypingIndicatorTimeout(7)))
		equal(t, "friendly_name", s.FriendlyName, "Support 2")
		s = ok[*chat.ChatV2Service](t)(api.FetchService(service))
		equal(t, "account_sid", s.AccountSid, account())
		if s.TypingIndicatorTimeout != 7 || s.DefaultServiceRoleSid == nil || s.DateCreated == nil {
			t.Errorf("the service reads %+v", s)
		}
	})
	t.Run("roles and users", func(t *testing.T) { rolesAndUsers(t, api, service) })
	t.Run("channels and messages", func(t *testing.T) { channelsAndMessages(t, api, service) })
	t.Run("errors", func(t *testing.T) { chatErrors(t, api, service) })

	done(t, api.DeleteService(service))
	_, err := api.FetchService(service)
	refused(t, err, 404, 20404)
}

func rolesAndUsers(t *testing.T, api *chat.ApiService, service string) {
	role := ok[*chat.ChatV2Role](t)(api.CreateRole(service, (&chat.CreateRoleParams{}).SetFriendlyName("reader").SetType("channel").
		SetPermission([]string{"sendMessage", "leaveChannel"})))
	equal(t, "type", role.Type, "channel")
	role = ok[*chat.ChatV2Role](t)(api.UpdateRole(service, *role.Sid, (&chat.UpdateRoleParams{}).SetPermission([]string{"sendMessage"})))
	if len(*role.Permissions) != 1 {
		t.Errorf("permissions are %v", *role.Permissions)
	}
	user := ok[*chat.ChatV2User](t)(api.CreateUser(service, (&chat.CreateUserParams{}).SetIdentity("ann@example.org").
		SetFriendlyName("Ann").SetAttributes(`{"tier":"gold"}`)))
	equal(t, "identity", user.Identity, "ann@example.org")
	user = ok[*chat.ChatV2User](t)(api.UpdateUser(service, *user.Sid, (&chat.UpdateUserParams{}).SetFriendlyName("Ann B.")))
	equal(t, "friendly_name", user.FriendlyName, "Ann B.")
	equal(t, "attributes", user.Attributes, `{"tier":"gold"}`)
	byIdentity := ok[*chat.ChatV2User](t)(api.FetchUser(service, "ann@example.org"))
	equal(t, "sid found by identity", byIdentity.Sid, *user.Sid)
	_, err := api.CreateUser(service, (&chat.CreateUserParams{}).SetIdentity("ann@example.org"))
	refused(t, err, 409, 50201)

	channel := ok[*chat.ChatV2Channel](t)(api.CreateChannel(service, (&chat.CreateChannelParams{}).SetType("private")))
	ok[*chat.ChatV2Member](t)(api.CreateMember(service, *channel.Sid, (&chat.CreateMemberParams{}).SetIdentity("ann@example.org")))
	for _, body := range []string{"hello", "are you there?"} {
		ok[*chat.ChatV2Message](t)(api.CreateMessage(service, *channel.Sid, (&chat.CreateMessageParams{}).SetBody(body)))
	}
	ok[*chat.ChatV2UserChannel](t)(api.UpdateUserChannel(service, *user.Sid, *channel.Sid, (&chat.UpdateUserChannelParams{}).SetLastConsumedMessageIndex(0)))
	of := ok[*chat.ChatV2UserChannel](t)(api.FetchUserChannel(service, *user.Sid, *channel.Sid))
	equal(t, "status", of.Status, "joined")
	if of.UnreadMessagesCount == nil || *of.UnreadMessagesCount != 1 {
		t.Errorf("unread messages: %v", of.UnreadMessagesCount)
	}
	if list := ok[[]chat.ChatV2UserChannel](t)(api.ListUserChannel(service, *user.Sid, &chat.ListUserChannelParams{})); len(list) != 1 {
		t.Errorf("the user is in %d channels", len(list))
	}
	done(t, api.DeleteUser(service, *user.Sid))
	done(t, api.DeleteRole(service, *role.Sid))
}

func channelsAndMessages(t *testing.T, api *chat.ApiService, service string) {
	created := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
	channel := ok[*chat.ChatV2Channel](t)(api.CreateChannel(service, (&chat.CreateChannelParams{}).SetFriendlyName("Order 7").
		SetUniqueName("order-7").SetType("private").SetAttributes(`{"order":7}`).SetDateCreated(created)))
	if channel.DateCreated == nil || !channel.DateCreated.Equal(created) {
		t.Errorf("date_created is %v, want %v", channel.DateCreated, created)
	}
	byName := ok[*chat.ChatV2Channel](t)(api.FetchChannel(service, "order-7"))
	equal(t, "sid found by unique name", byName.Sid, *channel.Sid)

	member := ok[*chat.ChatV2Member](t)(api.CreateMember(service, *channel.Sid, (&chat.CreateMemberParams{}).SetIdentity("bob")))
	for i := range 7 {
		m := ok[*chat.ChatV2Message](t)(api.CreateMessage(service, *channel.Sid, (&chat.CreateMessageParams{}).SetFrom("bob").
			SetBody(fmt.Sprintf("message %d 日本語 👍", i)).SetAttributes(`{"n":1}`)))
		if m.Index != i {
			t.Errorf("message %d has index %d", i, m.Index)
		}
	}
	// PageSize 3 makes three pages, walked by the links in them.
	list := ok[[]chat.ChatV2Message](t)(api.ListMessage(service, *channel.Sid, (&chat.ListMessageParams{}).SetPageSize(3)))
	if len(list) != 7 {
		t.Fatalf("the list has %d messages in all of its pages", len(list))
	}
	for i, m := range list {
		equal(t, "body", m.Body, fmt.Sprintf("message %d 日本語 👍", i))
	}
	list = ok[[]chat.ChatV2Message](t)(api.ListMessage(service, *channel.Sid, (&chat.ListMessageParams{}).SetOrder("desc").SetPageSize(2).SetLimit(3)))
	if len(list) != 3 || list[0].Index != 6 || list[2].Index != 4 {
		t.Errorf("the newest three: %+v", list)
	}
	edited := ok[*chat.ChatV2Message](t)(api.UpdateMessage(service, *channel.Sid, *list[0].Sid, (&chat.UpdateMessageParams{}).SetBody("edited")))
	equal(t, "was_edited", edited.WasEdited, true)
	done(t, api.DeleteMessage(service, *channel.Sid, *list[1].Sid, nil))

	member = ok[*chat.ChatV2Member](t)(api.UpdateMember(service, *channel.Sid, *member.Sid, (&chat.UpdateMemberParams{}).SetLastConsumedMessageIndex(4)))
	if member.LastConsumedMessageIndex == nil || *member.LastConsumedMessageIndex != 4 {
		t.Errorf("read horizon: %v", member.LastConsumedMessageIndex)
	}
	if members := ok[[]chat.ChatV2Member](t)(api.ListMember(service, *channel.Sid, (&chat.ListMemberParams{}).SetIdentity([]string{"bob"}))); len(members) != 1 {
		t.Errorf("bob is %d members", len(members))
	}
	changed := ok[*chat.ChatV2Channel](t)(api.UpdateChannel(service, *channel.Sid, (&chat.UpdateChannelParams{}).SetAttributes(`{"order":8}`)))
	equal(t, "attributes", changed.Attributes, `{"order":8}`)
	done(t, api.DeleteMember(service, *channel.Sid, *member.Sid, nil))
	done(t, api.DeleteChannel(service, *channel.Sid, nil))
	_, err := api.FetchChannel(service, *channel.Sid)
	refused(t, err, 404, 20404)
}

func chatErrors(t *testing.T, api *chat.ApiService, service string) {
	_, err := api.FetchService("IS" + strings.Repeat("0", 32))
	refused(t, err, 404, 20404)
	ok[*chat.ChatV2Channel](t)(api.CreateChannel(service, (&chat.CreateChannelParams{}).SetUniqueName("taken")))
	_, err = api.CreateChannel(service, (&chat.CreateChannelParams{}).SetUniqueName("taken"))
	refused(t, err, 409, 50307)
	_, err = connect(t, account(), "wrong").ChatV2.FetchService(service)
	refused(t, err, 401, 20003)
}
