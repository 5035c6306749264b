package twilsock

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/chat/settings"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/sid"
)

// session begins one, and answers its SID and the address of its items.
func (c *client) session() (string, string) {
	c.t.Helper()
	root := c.ok("POST", "/v3/Lists", nil, `{"purpose":"com.twilio.rtd.ipmsg","context":{"type":"IpMsgSession","apiVersion":"3"}}`)
	name := root["sid"].(string)
	c.subscribe(wish{SID: name, Form: "list", Last: at(0)})
	return name, strings.TrimPrefix(root["links"].(map[string]any)["items"].(string), syncHost)
}

// command pushes a command, and answers the response.
func (c *client) command(items, request string) map[string]any {
	c.t.Helper()
	c.n++
	id := fmt.Sprint("command ", c.n)
	c.ok("POST", items, nil, fmt.Sprintf(`{"data":{"commandId":%q,"request":%s}}`, id, request))
	e := c.hears("list_item_updated", func(e map[string]any) bool { return e["item_data"].(map[string]any)["commandId"] == id })
	return e["item_data"].(map[string]any)["response"].(map[string]any)
}

func TestSession_commands(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, nil)
		h.do(func(tx *db.Tx) error {
			_, _, err := h.rooms.EnsureUserTx(tx, h.service, chat.NewUser{Identity: "bob"})
			return err
		})
		c := h.open("ann visitor 60000")
		name, items := c.session()
		links := c.hears("list_context_updated", nil)["context_data"].(map[string]any)
		if links["identity"] != "ann" || c.ok("GET", "/v3/Lists/"+name+"/Context", nil, "")["last_event_id"] != 0.0 || c.ok("GET", "/v3/Lists/"+name, nil, "")["sid"] != name {
			t.Errorf("context: %v", links)
		}
		made := c.command(items, `{"action":"createChannel","friendlyName":"Room","uniqueName":"room","type":"private","attributes":"{}"}`)
		room, _ := made["channelSid"].(string)
		if made["status"] != 200.0 || made["channel"] != room+".channel" {
			t.Fatalf("createChannel: %v", made)
		}
		for _, step := range []struct {
			want int
			text string
		}{
			{200, `{"action":"joinChannelV2","channelSid":"ROOM"}`},
			{404, `{"action":"joinChannelV2","channelSid":"CH0123456789abcdef0123456789abcdef"}`},
			{200, `{"action":"inviteMember","channelSid":"ROOM","username":"bob"}`},
			{404, `{"action":"inviteMember","channelSid":"ROOM","username":"nobody"}`},
			{400, `{"action":"declineInvitation","channelSid":"ROOM"}`},
			{200, `{"action":"addMemberV2","channelSid":"ROOM","username":"bob"}`},
			{409, `{"action":"addMemberV2","channelSid":"ROOM","username":"bob"}`},
			{200, `{"action":"sendMessage","channelSid":"ROOM","text":"hello","attributes":"{\"a\":1}"}`},
			{400, `{"action":"sendMessage","channelSid":"ROOM","text":"hello","attributes":"{"}`},
			{200, `{"action":"sendMessage","channelSid":"ROOM","text":null}`},
			{400, `{"action":"sendMediaMessage","channelSid":"ROOM"}`},
			{400, `{"action":"sendMediaMessage","channelSid":"ROOM","mediaSid":"ME1"}`},
			{404, `{"action":"sendMediaMessage","channelSid":"ROOM","mediaSid":"ME0123456789abcdef0123456789abcdef"}`},
			{200, `{"action":"editMessage","channelSid":"ROOM","messageIdx":"0","text":"edited"}`},
			{200, `{"action":"editMessageAttributes","channelSid":"ROOM","messageIdx":0,"attributes":"{}"}`},
			{404, `{"action":"editMessage","channelSid":"ROOM","messageIdx":"7","text":"edited"}`},
			{404, `{"action":"editMessage","channelSid":"ROOM","messageIdx":{},"text":"edited"}`},
			{404, `{"action":"deleteMessage","channelSid":"ROOM","messageIdx":"x"}`},
			{200, `{"action":"consumptionReportV2","report":[{"channelSid":"ROOM","messageIdx":0}]}`},
			{200, `{"action":"consumptionReportV2","report":[{"channelSid":"ROOM","messageIdx":null}]}`},
			{400, `{"action":"consumptionReportV2","report":[` + strings.Repeat(`{},`, maxReport) + `{}]}`},
			{200, `{"action":"deleteMessage","channelSid":"ROOM","messageIdx":"1"}`},
			{200, `{"action":"editAttributes","channelSid":"ROOM","attributes":"{\"b\":2}"}`},
			{200, `{"action":"editFriendlyName","channelSid":"ROOM","friendlyName":"New"}`},
			{200, `{"action":"editUniqueName","channelSid":"ROOM","uniqueName":""}`},
			{200, `{"action":"editNotificationLevel","channelSid":"ROOM","notificationLevel":"muted"}`},
			{400, `{"action":"editNotificationLevel","channelSid":"ROOM","notificationLevel":"loud"}`},
			{200, `{"action":"editUserFriendlyName","username":"ann","friendlyName":"Ann"}`},
			{200, `{"action":"editUserAttributes","username":"ann","attributes":"{}"}`},
			{403, `{"action":"editUserFriendlyName","username":"bob","friendlyName":"Fool"}`},
			{404, `{"action":"editMemberAttributes","channelSid":"ROOM","memberSid":"MB0123456789abcdef0123456789abcdef","attributes":"{}"}`},
			{200, `{"action":"removeMember","channelSid":"ROOM","username":"bob"}`},
			{400, `{"action":"dance"}`},
			{400, `{"action":7}`},
			{400, `null`},
			{200, `{"action":"destroyChannel","channelSid":"ROOM"}`},
			{404, `{"action":"leaveChannel","channelSid":"ROOM"}`},
		} {
			got := c.command(items, strings.ReplaceAll(step.text, "ROOM", room))
			if got["status"] != float64(step.want) || got["statusText"] == "" {
				t.Errorf("%s: %v, want %d", step.text, got, step.want)
			}
		}
		c.refused(20001, "POST", items, nil, `{"data":`)
	})
}

func TestSession_responsesSurviveTheConnection(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), nil)
	room := string(h.channel(chat.NewChannel{Private: true}, "ann"))
	c := h.open("ann visitor 60000")
	name, items := c.session()
	c.hears("list_context_updated", nil)
	c.ok("POST", items, nil, fmt.Sprintf(`{"data":{"commandId":"x","request":{"action":"sendMessage","channelSid":%q,"text":"once"}}}`, room))
	c.cut() // the response may have been lost
	c = h.open("ann visitor 60000")
	c.subscribe(wish{SID: name, Form: "list", Last: at(1)})
	e := c.hears("list_item_updated", nil)
	if data := e["item_data"].(map[string]any); data["commandId"] != "x" || data["response"].(map[string]any)["status"] != 200.0 {
		t.Errorf("%v", e)
	}
	// The same command again, because its answer was lost: nothing is written twice.
	c.ok("POST", items, nil, fmt.Sprintf(`{"data":{"commandId":"x","request":{"action":"sendMessage","channelSid":%q,"text":"once"}}}`, room))
	if e := c.hears("list_item_updated", nil)["item_data"].(map[string]any)["response"].(map[string]any); e["messageId"] != 0.0 {
		t.Errorf("%v", e)
	}
	for range keptResponses + 3 {
		c.command(items, `{"action":"dance"}`)
	}
	if s := h.server.sessions.find(name); len(s.responses) != keptResponses {
		t.Errorf("%d responses are kept", len(s.responses))
	}
	eve := h.open("eve visitor 60000")
	eve.refused(codeListNotFound, "POST", items, nil, `{"data":{"request":{"action":"dance"}}}`)
	eve.refused(20404, "GET", "/v3/Lists/"+name+"/Context", nil, "")
	eve.refused(20404, "GET", "/v3/Lists/"+name, nil, "")
	if f := eve.subscribe(wish{SID: name, Form: "list", Last: at(0)})[0]; f.body["event_type"] != "subscription_failed" {
		t.Errorf("a foreign session: %v", f.body)
	}
	c.ok("POST", "/v4/Subscriptions", nil, fmt.Sprintf(`{"action":"cancel","correlation_id":7,"requests":[{"object_sid":%q,"object_type":"list"}]}`, name))
	for range sessionsPerConn + 1 {
		c.session()
	}
	h.server.sessions.mu.Lock()
	h.server.sessions.sweep(time.Now().Add(-time.Minute))
	held := len(h.server.sessions.m)
	h.server.sessions.mu.Unlock()
	if held > sessionsPerConn+1 { // and the first connection's, which may come back
		t.Errorf("%d sessions are kept", held)
	}
	h.server.sessions.forget(time.Now().Add(time.Hour))
	if h.server.sessions.find(name) != nil {
		t.Error("a session that nobody holds is kept")
	}
	c.refused(codeListNotFound, "POST", items, nil, `{"data":{}}`)
}

func TestClient_operations(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, nil)
		owner := account.System(h.account, accountSID)
		_, err := h.rooms.UpdateService(context.Background(), owner, h.service.SID, settings.Change{Reachability: new(true)})
		if err != nil {
			t.Fatal(err)
		}
		c := h.open("ann visitor 60000")
		if conf := c.ok("GET", "/Client/v1/Configuration", nil, ""); conf["options"].(map[string]any)["reachability_enabled"] != true {
			t.Errorf("configuration: %v", conf)
		}
		h.open("bob visitor 60000").ok("GET", "/Client/v1/Configuration", nil, "")
		room := c.ok("POST", "/Client/v1/Conversations", nil, `{"type":"private","unique_name":"room","attributes":"{}"}`)["sid"].(string)
		base := "/Client/v1/Conversations/" + room
		member := c.ok("POST", base+"/Participants", nil, `{"identity":"ann"}`)["sid"].(string)
		m := c.ok("POST", base+"/Messages", nil, `{"body":"hello","attributes":"{}"}`)
		message := base + "/Messages/" + m["sid"].(string)
		for _, step := range []struct {
			code               int
			method, path, body string
		}{
			{0, "GET", base, ""},
			{0, "GET", "/Client/v1/Conversations/room", ""},
			{20404, "GET", "/Client/v1/Conversations/other", ""},
			{0, "GET", "/Client/v1/Conversations", ""},
			{20001, "GET", "/Client/v1/Conversations?", ""},
			{0, "POST", base, `{"friendly_name":"New"}`},
			{20001, "POST", base, `[]`},
			{50307, "POST", "/Client/v1/Conversations", `{"unique_name":"room"}`},
			{20001, "POST", "/Client/v1/Conversations", ``},
			{0, "POST", message, `{"body":"edited"}`},
			{20001, "POST", message, `{"body":1}`},
			{50510, "POST", base + "/Messages", `{"media_sid":"ME1"}`},
			{50504, "POST", base + "/Messages", `{"body":"` + strings.Repeat("x", 40<<10) + `"}`},
			{0, "POST", base + "/Participants/" + member, `{"attributes":"{\"a\":1}"}`},
			{20001, "POST", base + "/Participants/" + member, ``},
			{20001, "POST", base + "/Participants", ``},
			{0, "POST", base + "/Invites", `{"identity":"bob"}`},
			{50212, "POST", base + "/Invites", `{"identity":"bob"}`},
			{20001, "POST", base + "/Invites", ``},
			{0, "DELETE", base + "/Invites/bob", ""},
			{0, "GET", "/Client/v1/MyConversations", ""},
			{0, "GET", "/Client/v1/MyConversations/" + room, ""},
			{0, "POST", "/Client/v1/MyConversations/" + room, `{"last_consumed_message_index":0}`},
			{0, "POST", "/Client/v1/MyConversations/" + room, `{"last_consumed_message_index":null}`},
			{50406, "POST", "/Client/v1/MyConversations/" + room, `{"last_consumed_message_index":"x"}`},
			{0, "POST", "/Client/v1/MyConversations/" + room, `{"notification_level":"muted"}`},
			{50210, "POST", "/Client/v1/MyConversations/" + room, `{"notification_level":7}`},
			{20001, "POST", "/Client/v1/MyConversations/" + room, ``},
			{0, "GET", "/Client/v1/Users/ann", ""},
			{0, "POST", "/Client/v1/Users/ann", `{"friendly_name":"Ann"}`},
			{20001, "POST", "/Client/v1/Users/ann", `7`},
			{20404, "GET", "/Client/v1/Users/US0123456789abcdef0123456789abcdef", ""},
			{20404, "GET", "/Client/v1/Users", ""},
			{0, "GET", "/v2/SyncList", ""},
			{0, "GET", "/v2/MyChannels", ""},
			{0, "GET", "/v2/PublicChannels", ""},
			{0, "GET", "/v2/PublicChannels/room", ""},
			{0, "POST", "/v1/registrations", `{"channel_type":"fcm","version":"3","message_types":["twilio.channel.new_message"],"data":{"registration_id":"d1"}}`},
			{0, "POST", "/v1/registrations", `{"channel_type":"fcm","version":"3","message_types":[],"data":{"registration_id":"d1"}}`},
			{50209, "POST", "/v1/registrations", `{"channel_type":"pigeon"}`},
			{20001, "POST", "/v1/registrations", ``},
			{20404, "DELETE", "/v1/registrations/BS1", ""},
			{0, "POST", "/v1/Telemetry/Events", `{}`},
			{0, "DELETE", message, ""},
			{0, "DELETE", base + "/Participants/ann", ""},
			{20404, "DELETE", base, ""},
		} {
			path, query, _ := strings.Cut(step.path, "?")
			params := map[string]string{}
			if query == "" && strings.HasSuffix(step.path, "?") {
				params["PageToken"] = "x"
			}
			if step.code != 0 {
				c.refused(step.code, step.method, path, params, step.body)
			} else {
				c.ok(step.method, path, params, step.body)
			}
		}
		device := c.ok("POST", "/v1/registrations", nil, `{"channel_type":"apn","data":{"registration_id":"d2"}}`)["id"].(string)
		c.ok("DELETE", "/v1/registrations/"+device, nil, "")
		for _, path := range []string{"/Client/v1/MyConversations", "/Client/v1/Users", "/v2/SyncList"} {
			c.refused(20001, "GET", path, map[string]string{"PageToken": "x"}, "")
		}
	})
}

func TestClient_listsOfSeveralPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), nil)
	var want []string
	for range 5 {
		want = append(want, string(h.channel(chat.NewChannel{}, "ann", "bob")))
	}
	c := h.open("ann visitor 60000")
	for _, list := range []struct{ path, key, of string }{
		{"/v2/MyChannels", "channels", "sid"},
		{"/v2/PublicChannels", "channels", "sid"},
		{"/v2/SyncList", "channels", "channel_sid"},
		{"/Client/v1/MyConversations", "conversations", "conversation_sid"},
		{"/Client/v1/Conversations", "conversations", "sid"},
	} {
		var got []string
		params := map[string]string{"PageSize": "2"}
		for {
			page := c.ok("GET", list.path, params, "")
			for _, one := range page[list.key].([]any) {
				got = append(got, one.(map[string]any)[list.of].(string))
			}
			next, more := page["meta"].(map[string]any)["next_token"].(string)
			if !more {
				break
			}
			params["PageToken"] = next
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", list.path, got, want)
		}
	}
	users := c.ok("GET", "/v2/Users", map[string]string{"ChannelSid": want[0]}, "")["users"].([]any)
	if len(users) != 2 {
		t.Errorf("users: %v", users)
	}
	if one := c.ok("GET", "/v2/MyChannels", map[string]string{"ChannelSid": want[1]}, "")["channels"].([]any); len(one) != 1 {
		t.Errorf("one channel: %v", one)
	}
	c.refused(20404, "GET", "/v2/MyChannels", map[string]string{"ChannelSid": "CH0123456789abcdef0123456789abcdef"}, "")
}

func TestInvited_seesTheDocumentAlone(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, nil)
		room := h.channel(chat.NewChannel{Private: true}, "ann")
		owner := account.System(h.account, accountSID)
		bob := h.open("bob visitor 60000")
		own := bob.ok("GET", "/Client/v1/Configuration", nil, "")["sync_objects"].(map[string]any)["my_conversations"].(string)
		mine, _ := parseObject("Maps", own)
		bob.subscribe(wish{object: mine})
		if _, err := h.rooms.CreateInvite(context.Background(), owner, chat.Place{Channel: string(room)}, chat.NewInvite{Identity: "bob"}); err != nil {
			t.Fatal(err)
		}
		if e := bob.hears("map_item_added", nil)["item_data"].(map[string]any); e["status"] != "invited" {
			t.Errorf("%v", e)
		}
		bob.ok("GET", object{document, room}.path(), nil, "")
		bob.refused(20404, "GET", object{messages, room}.path(), nil, "")
		bob.subscribe(wish{object: object{document, room}})
		if err := h.rooms.DeleteInvite(context.Background(), owner, chat.Place{Channel: string(room)}, "bob"); err != nil {
			t.Fatal(err)
		}
		bob.hears("map_item_removed", nil)
		bob.heard()
		h.post(room, "secret")
		if got := bob.heard(); len(got) != 0 {
			t.Errorf("after the invite was taken back came %v", got)
		}
	})
}

// FuzzHandle sends frames as a signed-in client: the server stays, and answers or closes.
func FuzzHandle(f *testing.F) {
	h := newHouse(f, dbtest.SQLite(f), nil)
	room := string(h.channel(chat.NewChannel{Private: true}, "ann"))
	for _, r := range routes {
		path := strings.NewReplacer("{channel}", room, "{ref}", room+".messages", "{user}", "ann", "{member}", "ann").Replace(r.prefix + r.path)
		f.Add(r.method, path, "PageToken", "desc.1.1", `{"identity":"ann","body":"x","action":"establish","requests":[{"object_sid":"`+object{messages, sid.SID(room)}.sid()+`"}]}`)
	}
	f.Fuzz(func(t *testing.T, method, path, name, text, body string) {
		mine := *h
		mine.t = t
		c := mine.dial()
		c.ask(`{"method":"init","id":"init","token":"ann visitor 60000"}`, "")
		head, _ := json.Marshal(map[string]any{
			"method": "message", "id": "x", "payload_size": len(body),
			"http_request": map[string]any{"path": path, "method": method, "params": map[string]string{name: text}},
		})
		c.raw(frameOf(string(head), body))
		for answered := false; !answered; {
			select {
			case f := <-c.frames:
				if answered = f.ID == "x"; answered && f.HTTPStatus != nil && f.HTTPStatus.Code == 500 {
					t.Errorf("%s %q: %+v", method, path, f.HTTPStatus)
				}
			case <-c.done:
				answered = true
			}
		}
		c.cut()
		<-c.done
	})
}
