package twilsock

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lxzan/gws"

	"usher/internal/account"
	"usher/internal/chat"
	"usher/internal/chat/look"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/sid"
)

func at(n int64) *int64 { return &n }

func says(of string) func(map[string]any) bool {
	return func(e map[string]any) bool { return e["item_data"].(map[string]any)["text"] == of }
}

func TestInit_refusals(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), func(o *Options) { o.Limits.PerIdentity = 1 })
	for token, want := range map[string]status{
		"":              {Code: 401, ErrorCode: 20101},
		"ann visitor 0": {Code: 401, ErrorCode: 20104},
		"ann visitor -": {Code: 403, ErrorCode: 20005},
	} {
		c := h.dial()
		f := c.ask(fmt.Sprintf(`{"method":"init","id":"1","token":%q}`, token), "")
		if f.Status.Code != want.Code || f.Status.ErrorCode != want.ErrorCode || f.Status.Description == "" {
			t.Errorf("%q: %+v, want %+v", token, f.Status, want)
		}
		if f := c.ask(`{"method":"message","id":"2","http_request":{"method":"GET","path":"/v2/Users"}}`, ""); f.Status.Code != 401 {
			t.Errorf("a request before init: %+v", f.Status)
		}
	}
	h.open("ann visitor 60000")
	if f := h.dial().ask(`{"method":"init","id":"1","token":"ann visitor 60000"}`, ""); f.Status.Code != 429 || f.body["backoff_policy"] == nil {
		t.Errorf("one connection too many: %+v %v", f.Status, f.body)
	}
	h.tokens.mu.Lock()
	h.tokens.down = true
	h.tokens.mu.Unlock()
	if f := h.dial().ask(`{"method":"init","id":"1","token":"bob visitor 60000"}`, ""); f.Status.Code != 503 {
		t.Errorf("without a database: %+v", f.Status)
	}
}

func TestHostileFrames_endOrAreAnswered(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), func(o *Options) { o.SignIn = 300 * time.Millisecond })
	for name, c := range map[string]struct {
		frame string
		code  uint16
	}{
		"not a frame":       {"GET / HTTP/1.1\r\n\r\n", closeProtocol},
		"cut short":         {frameOf(`{"method":"init","token":"x"}`, "")[:40], closeProtocol},
		"a wrong length":    {preamble + "2\r\n{\"method\":\"init\"}\r\n", closeProtocol},
		"an endless header": {preamble + "99999\r\n" + strings.Repeat("x", 100_000), closeProtocol},
		"too large":         {strings.Repeat("x", maxFrame+1), closeTooLarge},
		"silence":           {"", closeProtocol},
		"init twice":        {frameOf(`{"method":"init","id":"2","token":"ann visitor 60000"}`, ""), closeProtocol},
	} {
		peer := h.dial()
		if name == "init twice" {
			peer = h.open("ann visitor 60000")
		}
		if c.frame != "" {
			peer.raw(c.frame)
		}
		t.Run(name, func(t *testing.T) { peer.t = t; peer.ends(c.code) })
	}
	peer := h.dial()
	if err := peer.ws.WriteMessage(gws.OpcodeText, []byte(frameOf(`{"method":"init"}`, ""))); err != nil {
		t.Fatal(err)
	}
	peer.ends(closeNotBinary)

	c := h.open("ann visitor 60000")
	for head, want := range map[string]int{
		`{"method":"dance","id":"1"}`:                                        400,
		`{"method":"message","id":"2"}`:                                      400,
		`{"method":"put_notification_ctx","id":"3","notification_ctx_id":1}`: 200,
		`{"method":"delete_notification_ctx","id":"4"}`:                      200,
		`{"method":"update","id":"5","token":""}`:                            401,
		`{"method":"update","id":"6","token":"bob visitor 60000"}`:           403,
		`{"method":"update","id":"7","token":"ann agent 60000"}`:             403,
		`{"method":"update","id":"8","token":"ann visitor 60000"}`:           200,
	} {
		if f := c.ask(head, ""); f.Status.Code != want {
			t.Errorf("%s: %+v, want %d", head, f.Status, want)
		}
	}
	c.raw(frameOf(`{"method":"reply","id":"x","status":{"code":200}}`, ""))
	c.raw(frameOf(`{"method":"telemetry.v1","id":"x","events":[]}`, ""))
	for path, method := range map[string]string{"/": "GET", "": "GET", "/v3/Documents/x": "PATCH", "/v4/Subscriptions/x": "POST"} {
		c.refused(20404, method, path, nil, "")
	}
	for _, body := range []string{"", "null x", "[]", `{"action":"dance"}`, `{"action":"establish","requests":{}}`} {
		c.refused(20001, "POST", "/v4/Subscriptions", nil, body)
	}
	many := strings.Repeat(`{"object_sid":"x"},`, look.Most) + `{}`
	c.refused(20001, "POST", "/v4/Subscriptions", nil, `{"action":"establish","requests":[`+many+`]}`)
	c.raw(frameOf(`{"method":"close","id":"x"}`, ""))
	c.ends(1000)
}

func TestObjects_areViewsOfTheRows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, nil)
		room := h.channel(chat.NewChannel{Private: true, FriendlyName: "Room", Attributes: `{"a":1}`}, "ann", "bob")
		for i := range 5 {
			h.post(room, fmt.Sprint("m", i))
		}
		c := h.open("ann visitor 60000")
		doc := c.ok("GET", "/v3/Documents/"+string(room)+".channel", nil, "")
		data := doc["data"].(map[string]any)
		if doc["unique_name"] != string(room)+".channel" || doc["last_event_id"] != 7.0 || data["attributes"] != `{"a":1}` ||
			data["messages"] != string(room)+".messages" || data["lastMessage"].(map[string]any)["index"] != 4.0 {
			t.Errorf("document: %v", doc)
		}
		list := c.ok("GET", "/v3/Lists/"+data["messages"].(string), nil, "")
		items := strings.TrimPrefix(list["links"].(map[string]any)["items"].(string), syncHost)
		page := c.ok("GET", items, map[string]string{"PageSize": "2", "Order": "desc"}, "")
		got := page["items"].([]any)
		if len(got) != 2 || got[0].(map[string]any)["index"] != 4.0 || got[0].(map[string]any)["data"].(map[string]any)["text"] != "m4" {
			t.Errorf("newest messages: %v", got)
		}
		next := page["meta"].(map[string]any)["next_token"].(string)
		page = c.ok("GET", items, map[string]string{"PageToken": next}, "")
		if got = page["items"].([]any); len(got) != 2 || got[0].(map[string]any)["index"] != 2.0 {
			t.Errorf("the next page: %v", got)
		}
		page = c.ok("GET", items, map[string]string{"Index": "3"}, "")
		if got = page["items"].([]any); len(got) != 1 || got[0].(map[string]any)["index"] != 3.0 {
			t.Errorf("one message: %v", got)
		}
		members := c.ok("GET", "/v3/Maps/"+string(room)+".roster/Items", map[string]string{"PageSize": "1"}, "")
		more := members["meta"].(map[string]any)["next_token"].(string)
		rest := c.ok("GET", "/v3/Maps/"+string(room)+".roster/Items", map[string]string{"PageToken": more}, "")
		both := append(members["items"].([]any), rest["items"].([]any)...)
		if len(both) != 2 || both[1].(map[string]any)["data"].(map[string]any)["identity"] != "bob" {
			t.Errorf("members: %v", both)
		}
		key := both[1].(map[string]any)["key"].(string)
		if one := c.ok("GET", "/v3/Maps/"+string(room)+".roster/Items", map[string]string{"Key": key}, "")["items"].([]any); len(one) != 1 {
			t.Errorf("one member: %v", one)
		}
		conf := c.ok("GET", "/Client/v1/Configuration", nil, "")["sync_objects"].(map[string]any)
		mine := c.ok("GET", "/v3/Maps/"+conf["my_conversations"].(string)+"/Items", nil, "")["items"].([]any)
		if len(mine) != 1 || mine[0].(map[string]any)["key"] != string(room) || mine[0].(map[string]any)["data"].(map[string]any)["status"] != "joined" {
			t.Errorf("own channels: %v", mine)
		}
		info := c.ok("GET", "/v3/Maps/"+conf["my_user_info"].(string), map[string]string{"Include": "items"}, "")["items"].([]any)
		if len(info) != 2 || info[0].(map[string]any)["data"].(map[string]any)["value"] != "ANN" {
			t.Errorf("own name: %v", info)
		}
		for _, bad := range []string{"x", "desc.1", "-1", "1.x"} {
			c.refused(20001, "GET", items, map[string]string{"PageToken": bad}, "")
		}
		c.refused(20001, "GET", "/v3/Maps/"+string(room)+".roster/Items", map[string]string{"PageToken": "1.x"}, "")
		c.refused(20001, "GET", "/v3/Maps/"+string(room)+".roster/Items", map[string]string{"PageToken": "x.1"}, "")
	})
}

func TestForeignObjects_areNotThere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, nil)
		room := h.channel(chat.NewChannel{Private: true}, "ann")
		square := h.channel(chat.NewChannel{}, "ann")
		var ann chat.User
		h.do(func(tx *db.Tx) (err error) {
			ann, _, err = h.rooms.EnsureUserTx(tx, h.service, chat.NewUser{Identity: "ann"})
			return err
		})
		other := "IS0123456789abcdef0123456789abcdef"
		for _, token := range []string{"eve visitor 60000", "ann visitor 60000 SK " + other} {
			c := h.open(token)
			var wishes []wish
			for _, o := range []object{{document, room}, {messages, room}, {roster, room}, {mine, ann.SID}, {person, ann.SID}, {messages, square}, {roster, square}} {
				c.refused(20404, "GET", o.path(), nil, "")
				c.refused(20404, "GET", "/v3/"+kinds[o.kind].collection+"/"+o.name(), nil, "")
				wishes = append(wishes, wish{object: o, Last: at(0)})
			}
			wishes = append(wishes, wish{SID: "x"}, wish{SID: "ES0123456789abcdef0123456789abcdef", Form: "list"})
			for i, f := range c.subscribe(wishes...) {
				if f.body["event_type"] != "subscription_failed" || f.body["event"].(map[string]any)["error"].(map[string]any)["status"] != 404.0 {
					t.Errorf("%s: wish %d: %v", token, i, f.body)
				}
			}
			h.post(room, "secret")
			h.post(square, "secret")
			if got := c.heard(); len(got) != 0 {
				t.Errorf("%s heard %v", token, got)
			}
		}
		c := h.open("eve visitor 60000")
		c.refused(20404, "GET", object{document, square}.path(), nil, "")
		c.ok("GET", "/Client/v1/Configuration", nil, "")      // it becomes a user
		c.ok("GET", object{document, square}.path(), nil, "") // and can find a public one
		person := c.ok("GET", "/Client/v1/Users/ann", nil, "")
		if person["friendly_name"] != "" || person["identity"] != "ann" {
			t.Errorf("a stranger: %v", person)
		}
		map404 := person["sync_unique_name"].(string)
		if items := c.ok("GET", "/v3/Maps/"+map404, map[string]string{"Include": "items"}, "")["items"].([]any); len(items) != 2 {
			t.Errorf("a stranger's map: %v", items)
		}
	})
}

func TestSubscribe_replaysAndGoesOn(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, nil)
		room := h.channel(chat.NewChannel{Private: true}, "ann", "bob")
		c := h.open("ann visitor 60000")
		objects := []object{{document, room}, {messages, room}, {roster, room}}
		var wishes []wish
		for _, o := range objects {
			last := int64(c.ok("GET", o.path(), nil, "")["last_event_id"].(float64))
			wishes = append(wishes, wish{object: o, Last: &last})
		}
		for i := range 20 {
			h.post(room, fmt.Sprint("missed ", i))
		}
		for _, f := range c.subscribe(wishes...) {
			if f.body["event_type"] != "subscription_established" || f.body["event"].(map[string]any)["last_event_id"] != 22.0 {
				t.Errorf("%v", f.body)
			}
		}
		h.post(room, "live")
		c.hears("list_item_added", says("live"))
		added, documents := 0, 0
		for _, kind := range c.heard() {
			added += map[string]int{"list_item_added": 1}[kind]
			documents += map[string]int{"document_updated": 1}[kind]
		}
		if added != 20 || documents != 2 {
			t.Errorf("%d messages and %d documents, want 20 and 2", added, documents)
		}
		h.remove(room, "ann") // its right ends
		h.post(room, "unseen")
		if got := c.heard(); slices.Contains(got, "list_item_added") {
			t.Errorf("after the end of the right came %v", got)
		}
	})
}

// TestSubscribe_aHundredChannelsAreOneBatch counts statements: of a client that follows ten channels or a hundred, and has missed
// something in each of them.
func TestSubscribe_aHundredChannelsAreOneBatch(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, func(o *Options) { o.Recheck = time.Hour })
		h.do(func(tx *db.Tx) error {
			s, err := h.rooms.ServiceTx(tx, h.account, h.service.SID)
			if err != nil {
				return err
			}
			_, _, err = h.rooms.EnsureUserTx(tx, s, chat.NewUser{Identity: "ann"})
			return err
		})
		count := func(channels int) (fresh, missed int64) {
			var wishes []wish
			var rooms []sid.SID
			for range channels {
				room := h.channel(chat.NewChannel{Private: true}, "ann", "bob")
				rooms = append(rooms, room)
				h.post(room, "first")
				for _, o := range []object{{document, room}, {messages, room}, {roster, room}} {
					wishes = append(wishes, wish{object: o, Last: at(3)})
				}
			}
			subscribe := func() int64 {
				c := h.open("ann visitor 60000")
				before := d.Statements()
				for _, f := range c.subscribe(wishes...) {
					if f.body["event_type"] != "subscription_established" {
						t.Fatalf("%v", f.body)
					}
				}
				n := d.Statements() - before
				kinds := map[any]int{}
				for _, f := range c.early {
					if f.Method == "notification" {
						kinds[f.body["event_type"]]++
					}
				}
				if came := fmt.Sprint(kinds); came != "map[]" && came != fmt.Sprintf("map[document_updated:%d list_item_added:%[1]d]", channels) {
					t.Errorf("of %d channels came %s", channels, came)
				}
				c.cut()
				<-c.done
				return n
			}
			fresh = subscribe()
			for _, room := range rooms {
				h.post(room, "meanwhile")
			}
			return fresh, subscribe()
		}
		fewFresh, few := count(10)
		manyFresh, many := count(100)
		t.Logf("ten channels: %d statements, %d with something missed; a hundred: %d, %d", fewFresh, few, manyFresh, many)
		if manyFresh > fewFresh || many > few || many > 16 {
			t.Errorf("a hundred channels take %d statements, %d with something missed; ten take %d, %d", manyFresh, many, fewFresh, few)
		}
	})
}

// TestSubscribe_goesOnAfterAnInvite has somebody leave, be invited, and accept.
func TestSubscribe_goesOnAfterAnInvite(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, nil)
		room := h.channel(chat.NewChannel{Private: true}, "ann", "bob")
		c := h.open("ann visitor 60000")
		own := c.ok("GET", "/Client/v1/Configuration", nil, "")["sync_objects"].(map[string]any)["my_conversations"].(string)
		mine, _ := parseObject("Maps", own)
		c.subscribe(wish{object: mine}, wish{object: object{document, room}}, wish{object: object{messages, room}}, wish{object: object{roster, room}})
		h.remove(room, "ann")
		c.hears("map_item_removed", nil)
		h.post(room, "meanwhile")
		owner := account.System(h.account, accountSID)
		if _, err := h.rooms.CreateInvite(t.Context(), owner, chat.Place{Channel: string(room)}, chat.NewInvite{Identity: "ann"}); err != nil {
			t.Fatal(err)
		}
		c.hears("map_item_added", nil)
		c.ok("POST", "/Client/v1/Conversations/"+string(room)+"/Participants", nil, `{"identity":"ann"}`)
		c.hears("list_item_added", says("meanwhile"))
		h.post(room, "after")
		c.hears("list_item_added", says("after"))
	})
}

func TestSubscribe_restsWithoutARightAndComesBack(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, nil)
		square := h.channel(chat.NewChannel{}, "ann")
		c := h.open("ann visitor 60000")
		own := c.ok("GET", "/Client/v1/Configuration", nil, "")["sync_objects"].(map[string]any)["my_conversations"].(string)
		mine, _ := parseObject("Maps", own)
		c.subscribe(wish{object: mine}, wish{object: object{messages, square}}, wish{object: object{document, square}})
		h.remove(square, "ann")
		c.hears("map_item_removed", nil)
		h.post(square, "meanwhile")
		c.ok("POST", "/Client/v1/Conversations/"+string(square)+"/Participants", nil, `{"identity":"ann"}`)
		c.hears("list_item_added", says("meanwhile"))
		h.post(square, "after")
		c.hears("list_item_added", says("after"))
	})
}

func TestSubscribe_tellsAnewWhatTheLogHasForgotten(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		h := newHouse(t, d, nil)
		room := h.channel(chat.NewChannel{Private: true}, "ann", "bob")
		h.post(room, "old")
		if _, err := h.log.Trim(context.Background(), time.Now().Add(time.Hour), 1000); err != nil {
			t.Fatal(err)
		}
		h.post(room, "new")
		c := h.open("ann visitor 60000")
		c.subscribe(wish{object: object{messages, room}, Last: at(0)}, wish{object: object{roster, room}, Last: at(0)})
		for _, body := range []string{"old", "new"} {
			if e := c.hears("list_item_added", says(body)); e["id"] != 4.0 {
				t.Errorf("%v", e)
			}
		}
		for _, who := range []string{"ann", "bob"} {
			c.hears("map_item_added", func(e map[string]any) bool { return e["item_data"].(map[string]any)["identity"] == who })
		}
		h.post(room, "live")
		c.hears("list_item_added", says("live"))
	})
}

func TestSubscribe_anotherHistory(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), nil)
	room := h.channel(chat.NewChannel{Private: true}, "ann")
	h.post(room, "here")
	c := h.dial()
	f := c.ask(`{"method":"init","id":"1","token":"ann visitor 60000","continuation_token":"EPx"}`, "")
	if f.Continuation == "" || !f.ContinuationStatus.Reissued {
		t.Errorf("init: %+v", f.answer)
	}
	c.subscribe(wish{object: object{messages, room}, Last: at(2)})
	c.hears("list_item_added", says("here"))

	c = h.open("ann visitor 60000") // a number from the future
	c.raw(frameOf(`{"method":"message","id":"1","payload_size":500,"http_request":{"method":"POST","path":"/v4/Subscriptions"}}`,
		fmt.Sprintf("%-500s", fmt.Sprintf(`{"action":"establish","correlation_id":1,"requests":[{"object_sid":%q,"object_type":"list","last_event_id":99}]}`, object{messages, room}.sid()))))
	if f := c.next("close", func(f frame) bool { return f.Method == "close" }); f.Status.Code != 406 {
		t.Errorf("%+v", f.Status)
	}
	c.ends(1000)
}

func TestCancel_ends(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), nil)
	room := h.channel(chat.NewChannel{Private: true}, "ann")
	c := h.open("ann visitor 60000")
	c.subscribe(wish{object: object{messages, room}})
	c.ok("POST", "/v4/Subscriptions", nil, fmt.Sprintf(`{"action":"cancel","correlation_id":7,"requests":[{"object_sid":%q,"object_type":"list"},{"object_sid":"x"}]}`, object{messages, room}.sid()))
	c.hears("subscription_canceled", nil)
	h.post(room, "unheard")
	if got := c.heard(); slices.Contains(got, "list_item_added") {
		t.Errorf("heard %v", got)
	}
	if n := h.hub.Stats().Watches; n != 0 {
		t.Errorf("%d watches are left", n)
	}
}

func TestToken_expiresAndIsRevoked(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), func(o *Options) { o.Notice = time.Hour })
	c := h.open("ann visitor 1500")
	if f := c.next("client_update", func(f frame) bool { return f.Method == "client_update" }); f.UpdateType != "token_about_to_expire" {
		t.Errorf("%+v", f.answer)
	}
	if f := c.next("close", func(f frame) bool { return f.Method == "close" }); f.Status.Code != 410 {
		t.Errorf("%+v", f.Status)
	}
	c.ends(1000)
	c = h.open("ann visitor 60000 SK1")
	h.tokens.mu.Lock()
	h.tokens.revoked["SK1"] = true
	h.tokens.mu.Unlock()
	if f := c.next("close", func(f frame) bool { return f.Method == "close" }); f.Status.Code != 401 {
		t.Errorf("%+v", f.Status)
	}
	c.ends(1000)
	if s := h.server.Stats(); s.Expired != 1 || s.Revoked != 1 || s.Opened != 2 {
		t.Errorf("%+v", s)
	}
}

func TestLimits_refuseAndClose(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), func(o *Options) {
		o.Limits = Limits{SendRate: 0.001, SendBurst: 1, RequestRate: 0.001, Burst: 5, PerAddress: 2}
	})
	room := string(h.channel(chat.NewChannel{Private: true}, "ann"))
	c := h.open("ann visitor 60000")
	c.ok("POST", "/Client/v1/Conversations/"+room+"/Messages", nil, `{"body":"one"}`)
	c.refused(20429, "POST", "/Client/v1/Conversations/"+room+"/Messages", nil, `{"body":"two"}`)
	for range 3 {
		c.ok("GET", "/v2/MyChannels", nil, "")
	}
	f := c.call("GET", "/v2/MyChannels", nil, "")
	if f.HTTPStatus.Code != 429 || (*f.HTTPHeaders)["Retry-After"] == "" {
		t.Errorf("%+v %v", f.HTTPStatus, f.HTTPHeaders)
	}
	for range 1001 {
		c.raw(frameOf(`{"method":"update","id":"x"}`, ""))
	}
	c.ends(closeProtocol)
	for h.server.Stats().Open > 0 { // only then its place is free
		runtime.Gosched()
	}
	h.dial()
	h.dial()
	h.dial().ends(closeLater)
}

func TestTyping_reachesTheOthers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), nil)
	room := h.channel(chat.NewChannel{Private: true}, "ann", "bob")
	ann, bob, eve := h.open("ann visitor 60000"), h.open("bob visitor 60000"), h.open("eve visitor 60000")
	for _, c := range []*client{ann, bob} {
		c.subscribe(wish{object: object{document, room}}, wish{object: object{messages, room}}, wish{object: object{roster, room}})
	}
	eve.refused(20404, "POST", "/v1/typing", nil, "ChannelSid="+string(room))
	ann.refused(20404, "POST", "/v1/typing", nil, "%zz")
	if got := ann.ok("POST", "/v1/typing", nil, "ChannelSid="+string(room)); got["typing_timeout"] != 5.0 {
		t.Errorf("%v", got)
	}
	f := bob.next("typing", func(f frame) bool { return f.MessageType == "twilio.ipmsg.typing_indicator" })
	if f.body["identity"] != "ann" || f.body["channel_sid"] != string(room) || f.body["typing_timeout"] != 6.0 {
		t.Errorf("%v", f.body)
	}
	bob.heard()
	ann.heard()
}

func TestDrain_sendsEverybodyAway(t *testing.T) {
	t.Parallel()
	h := newHouse(t, dbtest.SQLite(t), nil)
	c := h.open("ann visitor 60000")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := h.server.Run(ctx); err != nil {
		t.Fatal(err)
	}
	c.ends(closeGoingAway)
}
