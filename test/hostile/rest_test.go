package hostile

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"usher/test/ops"
	"usher/test/rig"
)

// object reads a JSON object, or nil.
func object(text []byte) (v map[string]any) {
	_ = json.Unmarshal(text, &v)
	return v
}

func rest(t *testing.T, s *siege) {
	t.Run("values", func(t *testing.T) { values(t, s) })
	t.Run("places", func(t *testing.T) { places(t, s) })
	t.Run("bodies", func(t *testing.T) { bodies(t, s) })
	t.Run("headers", func(t *testing.T) { headers(t, s) })
	t.Run("page tokens", func(t *testing.T) { pageTokens(t, s) })
}

// bad is a form that must be refused.
type bad struct {
	path         string
	status, code int
	pairs        []string
}

// values sends forms that are well made and say what cannot be.
func values(t *testing.T, s *siege) {
	for _, b := range append(badChat(s), badRouting(s)...) {
		a := call(t, s.admin, http.MethodPost, b.path, b.pairs...)
		coded(t, fmt.Sprintf("POST %s %.60q", b.path, b.pairs), a, b.status, b.code)
		if strings.Contains(a.Text, s.secret) {
			t.Errorf("POST %s %.60q: the answer repeats the value", b.path, b.pairs)
		}
	}
}

func badChat(s *siege) []bad {
	long := func(n int) string { return s.secret + strings.Repeat("x", n) }
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	service, channel := s.service(), s.channel()
	messages, members := channel+"/Messages", channel+"/Members"
	message := messages + "/" + s.world["chat/Services/Channels/Messages"]
	member := members + "/" + s.world["chat/Services/Channels/Members"]
	list := []bad{
		{"/chat/v2/Services", 400, 20001, nil},
		{"/chat/v2/Services", 400, 50003, []string{"FriendlyName", long(300)}},
		{service, 400, 0, []string{"Limits.ChannelMembers", "1001"}},
		{service, 400, 0, []string{"Limits.ChannelMembers", "99999999999999999999"}},
		{service, 400, 0, []string{"Limits.UserChannels", "-1"}},
		{service + "/Channels", 400, 50003, []string{"FriendlyName", long(60)}},
		{service + "/Channels", 400, 50004, []string{"UniqueName", long(60)}},
		{service + "/Channels", 409, 50307, []string{"UniqueName", "room"}},
		{service + "/Channels", 400, 50306, []string{"UniqueName", ops.Nobody("CH")}},
		{service + "/Channels", 400, 20001, []string{"Type", "secret"}},
		{service + "/Channels", 400, 0, []string{"DateCreated", "yesterday"}},
		{service + "/Channels", 400, 0, []string{"DateCreated", "99999-01-01T00:00:00Z"}},
		{service + "/Users", 400, 20001, nil},
		{service + "/Users", 400, 50207, []string{"Identity", long(300)}},
		{service + "/Users", 400, 50206, []string{"Identity", ops.Nobody("US")}},
		{service + "/Users", 409, 50201, []string{"Identity", "ann"}},
		{service + "/Users", 404, 0, []string{"Identity", "other", "RoleSid", ops.Nobody("RL")}},
		{service + "/Users", 404, 0, []string{"Identity", "other", "RoleSid", "../../x"}},
		{service + "/Roles", 400, 20001, []string{"FriendlyName", "x", "Type", "root", "Permission", "sendMessage"}},
		{service + "/Roles", 400, 0, []string{"FriendlyName", "x", "Type", "channel", "Permission", "everything"}},
		{service + "/Roles", 400, 0, []string{"FriendlyName", long(300), "Type", "channel", "Permission", "sendMessage"}},
		{members, 409, 50404, []string{"Identity", "ann"}},
		{members, 400, 50207, []string{"Identity", long(300)}},
		{member, 400, 0, []string{"LastConsumedMessageIndex", "-2"}},
		{member, 400, 0, []string{"LastConsumedMessageIndex", "1e3"}},
		{member, 400, 50303, []string{"Attributes", `{"a":"` + long(5000) + `"}`}},
		{messages, 400, 50504, []string{"Body", long(33 << 10)}},
		{messages, 400, 50504, []string{"Body", strings.Repeat("語", 11_000)}},
		{messages, 400, 50310, []string{"Body", "x", "From", long(300)}},
		{messages, 400, 50303, []string{"Body", "x", "Attributes", `{"a":"` + long(17<<10) + `"}`}},
		{message, 400, 50504, []string{"Body", long(33 << 10)}},
		{message, 400, 50505, []string{"LastUpdatedBy", long(300)}},
	}
	for _, doc := range []string{
		"{", "}", "{]", `{"a":}`, `{"a":1,}`, `{'a':1}`, `{"a":01}`, `{"a":1}x`, `{"a":"` + "\x01" + `"}`, `{"a":NaN}`, `{"a":+1}`, `"\ud8"`, `{"a":1`, "nul",
		strings.Repeat("[", 200) + strings.Repeat("]", 200), "\ufeff{}", "\u00a0",
	} {
		list = append(list, bad{channel, 400, 50304, []string{"Attributes", doc}}, bad{message, 400, 50304, []string{"Attributes", doc}},
			bad{member, 400, 50304, []string{"Attributes", doc}}, bad{s.service() + "/Users/" + s.world["chat/Services/Users"], 400, 50304, []string{"Attributes", doc}})
	}
	return append(list, bad{channel, 400, 50303, []string{"Attributes", deep}}, bad{messages, 400, 50303, []string{"Body", "x", "Attributes", deep}})
}

func badRouting(s *siege) []bad {
	long := func(n int) string { return s.secret + strings.Repeat("x", n) }
	ws, flows := s.workspace(), "/flex-api/v1/FlexFlows"
	task, queue := ws+"/Tasks/"+s.world["taskrouter/Workspaces/Tasks"], ws+"/TaskQueues/"+s.world["taskrouter/Workspaces/TaskQueues"]
	worker := ws + "/Workers/" + s.world["taskrouter/Workspaces/Workers"]
	list := []bad{
		{"/taskrouter/v1/Workspaces", 400, 20001, []string{"FriendlyName", "x", "Template", "LIFO"}},
		{"/taskrouter/v1/Workspaces", 400, 20001, []string{"FriendlyName", "x", "MultiTaskEnabled", "perhaps"}},
		{ws, 400, 20001, []string{"PrioritizeQueueOrder", "fifo"}},
		{ws, 400, 20001, []string{"FriendlyName", long(100)}},
		{ws + "/Activities", 400, 20001, []string{"FriendlyName", long(100)}},
		{ws + "/Workers", 400, 20001, []string{"FriendlyName", "world"}},
		{ws + "/Workers", 400, 20001, []string{"FriendlyName", long(100)}},
		{worker, 400, 20001, []string{"Attributes", `{"a":"` + long(5000) + `"}`}},
		{worker, 400, 20001, []string{"Attributes", "[]"}},
		{worker, 400, 20001, []string{"Attributes", strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65)}},
		{queue, 400, 20001, []string{"MaxReservedWorkers", "0"}},
		{queue, 400, 20001, []string{"MaxReservedWorkers", "51"}},
		{queue, 400, 20001, []string{"TaskOrder", "RANDOM"}},
		{task, 400, 20001, []string{"Priority", "99999999999999999999"}},
		{task, 400, 20001, []string{"Priority", "-1"}},
		{task, 400, 20001, []string{"Priority", "0x10"}},
		{task, 400, 20001, []string{"AssignmentStatus", "done"}},
		{task, 400, 20001, []string{"AssignmentStatus", "completed"}},
		{ws + "/Tasks", 400, 20001, []string{"Timeout", "-5", "Attributes", "{}"}},
		{ws + "/Tasks", 400, 20001, []string{"Timeout", "9223372036854775807", "Attributes", "{}"}},
		{ws + "/Tasks", 400, 20001, []string{"VirtualStartTime", "soon", "Attributes", "{}"}},
		{task + "/Reservations/" + s.world["taskrouter/Workspaces/Tasks/Reservations"], 400, 20001, []string{"ReservationStatus", "stolen"}},
		{worker + "/Channels/" + s.world["taskrouter/Workspaces/Workers/Channels"], 400, 20001, []string{"Capacity", "-1"}},
		{worker + "/Channels/" + s.world["taskrouter/Workspaces/Workers/Channels"], 400, 20001, []string{"Capacity", "2147483648"}},
		{flows, 400, 0, []string{"FriendlyName", "x", "ChatServiceSid", s.world["chat/Services"], "ChannelType", "pigeon"}},
		{flows, 400, 0, []string{"FriendlyName", "x", "ChatServiceSid", "IS1", "ChannelType", "web"}},
		{flows, 400, 0, []string{
			"FriendlyName", "x", "ChatServiceSid", s.world["chat/Services"], "ChannelType", "web", "IntegrationType", "external", "Integration.Url", "javascript:1",
		}},
		{"/flex-api/v1/WebChannels", 400, 0, []string{
			"FlexFlowSid", s.world["flex-api/FlexFlows"], "Identity", long(300), "CustomerFriendlyName", "x", "ChatFriendlyName", "x",
		}},
		{"/flex-api/v1/WebChannels", 400, 0, []string{
			"FlexFlowSid", s.world["flex-api/FlexFlows"], "Identity", "x", "CustomerFriendlyName", "x", "ChatFriendlyName", "x", "PreEngagementData", `{"a"`,
		}},
		{"/api/2010-04-01/Accounts.json", 400, 20002, []string{"FriendlyName", long(100)}},
		{"/api/2010-04-01/Accounts/" + s.AccountSID + "/Keys.json", 400, 0, []string{"FriendlyName", long(100)}},
	}
	return list
}

// places sends expressions and configurations with a mistake, and wants to be told where it is.
func places(t *testing.T, s *siege) {
	queue := s.world["taskrouter/Workspaces/TaskQueues"]
	one := s.workspace() + "/TaskQueues/" + queue
	for _, source := range []string{
		"(", ")", "a ==", "== 1", "a == 1 AND", "a NOT HAS 1", "not-a-name HAS 1 x", "a == 'open", "a == \"open", "a == 1)", "a IN [1", "a = = 1", "a ; b",
		strings.Repeat("(", 5000) + "1==1" + strings.Repeat(")", 5000), strings.Repeat("a==1 AND ", 20000) + "a==1", "a == \x00", "語 == ", "a == 1e", "a..b == 1", "a[ == 1",
	} {
		a := call(t, s.admin, http.MethodPost, one, "TargetWorkers", source)
		coded(t, fmt.Sprintf("the expression %.40q", source), a, 400, 20001)
		if len(source) < 100 && !strings.Contains(a.String("message"), "offset") && !strings.Contains(source, "\x00") {
			t.Errorf("the expression %q: %q names no place", source, a.String("message"))
		}
	}
	workflow := s.workspace() + "/Workflows/" + s.world["taskrouter/Workspaces/Workflows"]
	for _, source := range []string{
		"", "{", "[]", "7", `{"task_routing":`, `{"task_routing":[]}`, `{"task_routing":{"filters":{}}}`, `{"task_routing":{"filters":[7]}}`,
		`{"task_routing":{"filters":[{"expression":"a ==","targets":[{"queue":"` + queue + `"}]}]}}`,
		`{"task_routing":{"filters":[{"expression":"1==1","targets":[{"queue":"WQ0"}]}]}}`,
		`{"task_routing":{"default_filter":{"queue":"` + ops.Nobody("WQ") + `"}}}`,
		`{"task_routing":{"filters":[{"expression":"1==1","targets":[{"queue":"` + queue + `","priority":1e999}]}]}}`,
		`{"task_routing":{"filters":[{"expression":"1==1","targets":[{"queue":"` + queue + `","timeout":-1}]}]}}`,
		`{"task_routing":{"filters":[{"expression":"1==1","targets":[{"queue":"` + queue + `","skip_if":"("}]}]}}`,
		ops.Route(queue) + "x", strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50),
	} {
		a := call(t, s.admin, http.MethodPost, workflow, "Configuration", source)
		if source == "" {
			source = "{}"
			a = call(t, s.admin, http.MethodPost, workflow, "Configuration", source)
		}
		coded(t, fmt.Sprintf("the configuration %.60q", source), a, 400, 20001)
		if !strings.Contains(a.String("message"), "offset") {
			t.Errorf("the configuration %.60q: %q names no place", source, a.String("message"))
		}
	}
}

// bodies sends what is no form.
func bodies(t *testing.T, s *siege) {
	login := "Basic " + base64.StdEncoding.EncodeToString([]byte(s.AccountSID+":"+s.AuthToken))
	const form = "application/x-www-form-urlencoded"
	messages := s.URL + s.channel() + "/Messages"
	many := strings.Repeat("a=b&", 2000) + "Body=x"
	for _, tt := range []struct {
		name, kind, body string
		status, code     int
	}{
		{"10 MB", form, "Body=" + strings.Repeat("x", 10<<20), 413, 20413},
		{"bad percent in a value", form, "Body=%zz", 400, 20001},
		{"bad percent in a name", form, "%zz=1&Body=x", 400, 20001},
		{"half a percent", form, "Body=%e", 400, 20001},
		{"bad UTF-8", form, "Body=%ff%fe" + s.secret, 400, 20001},
		{"bare bad UTF-8", form, "Body=\xff\xfe" + s.secret, 400, 20001},
		{"a lone surrogate", form, "Body=%ed%a0%80" + s.secret, 400, 20001},
		{"overlong UTF-8", form, "Body=%c0%af", 400, 20001},
		{"NUL", form, "Body=" + s.secret + "%00x", 400, 20001},
		{"NUL in the author", form, "Body=x&From=a%00b", 400, 20001},
		{"too many parameters", form, many, 400, 20001},
		{"JSON", "application/json", `{"Body":"x"}`, 400, 20001},
		{"multipart", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"Body\"\r\n\r\nx\r\n--x--\r\n", 400, 20001},
		{"text", "text/plain", "Body=x", 400, 20001},
		{"nonsense", "/", "Body=x", 400, 20001},
	} {
		a := send(t, http.DefaultClient, http.MethodPost, messages, tt.body, "Content-Type", tt.kind, "Authorization", login)
		coded(t, tt.name, a, tt.status, tt.code)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte("Body=x&x=" + strings.Repeat("0", 10<<20)))
	_ = z.Close()
	for _, body := range []string{packed.String(), "Body=x"} {
		a := send(t, http.DefaultClient, http.MethodPost, messages, body, "Content-Type", form, "Content-Encoding", "gzip", "Authorization", login)
		coded(t, "a compressed body", a, 400, 20001)
	}
	conf := s.URL + "/flex-api/v1/Configuration"
	for _, body := range []string{
		"", "{", "[]", "7", `"x"`, strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 10_001) + "1" + strings.Repeat("}", 10_001), `{"ui_version":7}`, "{}x",
		`{"ui_version":` + strings.Repeat("9", 5000) + `}`, "\xff", `{"account_sid":{}}`,
	} {
		a := send(t, http.DefaultClient, http.MethodPost, conf, body, "Content-Type", "application/json", "Authorization", login)
		coded(t, fmt.Sprintf("the configuration %.30q", body), a, 400, 20001)
	}
	tokens := s.URL + "/iam/v1/Accounts/" + s.AccountSID + "/Tokens"
	for _, body := range []string{"", "{", "[]", `{"products":7}`, `{"products":["voice"]}`, strings.Repeat("[", 100_000)} {
		coded(t, fmt.Sprintf("a token for %.30q", body), send(t, from("127.0.0.31"), http.MethodPost, tokens, body), 400, 20001)
	}
}

// headers sends nonsense around requests that are fine otherwise.
func headers(t *testing.T, s *siege) {
	login := "Basic " + base64.StdEncoding.EncodeToString([]byte(s.AccountSID+":"+s.AuthToken))
	path, task := s.URL+s.channel(), s.URL+s.workspace()+"/Tasks/"+s.world["taskrouter/Workspaces/Tasks"]
	for _, tag := range []string{"x", `"x"`, "0", "-1", "W/", `"77`, "99999999999999999999", `"77", "78"`, strings.Repeat("9", 5000)} {
		a := send(t, http.DefaultClient, http.MethodPost, task, "Priority=9", "Content-Type", "application/x-www-form-urlencoded", "If-Match", tag, "Authorization", login)
		coded(t, "If-Match "+tag[:min(20, len(tag))], a, 412, 0)
	}
	// What an untrusted neighbor says of another host and scheme does not count; and a Host that is no name breaks nothing.
	forged := []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example", "X-Forwarded-Prefix", "/evil", "X-Forwarded-For", "10.0.0.1", "Forwarded", "host=evil.example"}
	a := send(t, http.DefaultClient, http.MethodGet, path, "", append(forged, "Authorization", login)...)
	if a.Status != 200 || strings.Contains(a.Text, "evil") || strings.Contains(a.String("url"), "https") || a.Header.Get("Strict-Transport-Security") != "" {
		t.Errorf("forged X-Forwarded headers are believed: %d %s", a.Status, a.Text)
	}
	a = send(t, from(proxy), http.MethodGet, path, "", append(forged, "Authorization", login)...)
	if !strings.HasPrefix(a.String("url"), "https://evil.example/evil/") {
		t.Errorf("the configured proxy is not believed: %s", a.String("url"))
	}
	for _, host := range []string{"", "a b", "evil.example\\@x", "[::1", "%00", "x:99999999", strings.Repeat("a", 5000), "../..", "chat.evil.example", "<script>"} {
		if a := s.raw(t, "GET "+s.channel()+" HTTP/1.1\r\nHost: "+host+"\r\nAuthorization: "+login+"\r\nConnection: close\r\n\r\n"); a != nil && a.Status != 200 && a.Status/100 != 4 {
			t.Errorf("the host %.20q answers %d", host, a.Status)
		}
	}
	flood := "GET " + s.channel() + " HTTP/1.1\r\nHost: x\r\n"
	for name, more := range map[string]string{
		"one long header": "X: " + strings.Repeat("x", 100<<10) + "\r\n", "many headers": strings.Repeat("X-A: bbbbbbbbbbbb\r\n", 10_000),
		"a long path":    "",
		"folded headers": "X: a\r\n b\r\n c\r\n", "a header without a name": ": x\r\n", "NUL": "X: \x00\r\n",
	} {
		text := flood + more + "\r\n"
		if more == "" {
			text = "GET /" + strings.Repeat("x", 100<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n"
		}
		if a := s.raw(t, text); a != nil && a.Status/100 != 4 {
			t.Errorf("%s answers %d", name, a.Status)
		}
	}
	for _, text := range []string{
		"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST " + s.channel() + " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST " + s.channel() + " HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"POST " + s.channel() + " HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST " + s.channel() + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
		"POST " + s.channel() + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "POST " + s.channel() + " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	} {
		if a := s.raw(t, text); a != nil && a.Status >= 500 && a.Status != http.StatusHTTPVersionNotSupported && a.Status != http.StatusNotImplemented {
			t.Errorf("%.60q answers %d", text, a.Status)
		}
	}
}

// pageTokens changes the tokens that lists hand out.
func pageTokens(t *testing.T, s *siege) {
	list := s.service() + "/Roles"
	page := s.admin.Get(t, list+"?PageSize=1")
	meta, _ := page.Body["meta"].(map[string]any)
	next, err := url.Parse(rig.Text(meta, "next_page_url"))
	if err != nil {
		t.Fatal(err)
	}
	token := next.Query().Get("PageToken")
	if token == "" {
		t.Fatalf("no page token in %v", meta)
	}
	flipped := []byte(token)
	flipped[len(flipped)/2] ^= 1
	for _, tt := range []struct{ path, token string }{
		{list, "x"},
		{list, "PT"},
		{list, "PT!!"},
		{list, token[:len(token)-2]},
		{list, token + "AA"},
		{list, string(flipped)},
		{list, "PT" + strings.Repeat("A", 5000)},
		{s.service() + "/Users", token},
		{"/chat/v2/Services", token},
		{s.workspace() + "/Tasks", token},
		{list, "\x00"},
		{list, "PT" + strings.Repeat("_", 40)},
	} {
		coded(t, fmt.Sprintf("the page token %.20q", tt.token), call(t, s.admin, http.MethodGet, tt.path, "PageToken", tt.token), 400, 20001)
	}
	for _, pairs := range [][]string{
		{"PageSize", "0"},
		{"PageSize", "-1"},
		{"PageSize", "x"},
		{"PageSize", "99999999999999999999"},
		{"Page", "-1"},
		{"Page", "x"},
		{"Page", "9223372036854775807"},
		{"Page", "10001"},
	} {
		coded(t, fmt.Sprintf("a page by %q", pairs), call(t, s.admin, http.MethodGet, list, pairs...), 400, 20001)
	}
	coded(t, "Page in TaskRouter", call(t, s.admin, http.MethodGet, s.workspace()+"/Tasks", "Page", "1"), 400, 40153)
}

// odd sends what is unusual and allowed: it is kept as it was sent, and hides nothing of what stands beside it.
func odd(t *testing.T, s *siege) {
	channel := s.service() + "/Channels/" + s.admin.Post(t, s.service()+"/Channels", "Type", "private").SID()
	s.admin.Post(t, channel+"/Members", "Identity", "reader")
	k := s.in(t, "reader")
	k.text(t, `{"type":"subscribe","id":2,"streams":["`+channel[strings.LastIndexByte(channel, '/')+1:]+`"]}`)
	k.want(t, "subscribed")
	for _, doc := range []string{
		`{"a":"\ud800"}`, `{"a":"\udc00\ud800"}`, `{"\u0000":"\u0000"}`, `{"a":1,"a":2,"":3}`, `{"n":1e999,"m":-0,"o":1E+2,"p":0.1000}`,
		`{"n":` + strings.Repeat("9", 4000) + `}`, `{"__proto__":{"x":1},"constructor":null}`, `"text"`, "7", "null", `["<script>alert(1)</script>"]`,
		strings.Repeat(`{"a":`, 64) + "1" + strings.Repeat("}", 64), "{\"a\":\"\u2028\u2029\u202e\ufeff\"}",
	} {
		made := s.admin.Post(t, channel+"/Messages", "Body", s.secret, "Attributes", doc)
		if got := s.admin.Get(t, channel+"/Messages/"+made.SID()).String("attributes"); got != doc {
			t.Errorf("%.60q comes back as %.60q", doc, got)
		}
		if f := k.want(t, "event"); f["kind"] != "message.added" {
			t.Errorf("%.60q arrives as %v", doc, f)
		}
	}
	for _, body := range []string{"a\r\nlevel=ERROR msg=forged", "<img src=x onerror=alert(1)>", "\u202e\u0007\x1b[31m", strings.Repeat("語", 10_922), strings.Repeat("e\u0301", 5000)} {
		made := s.admin.Post(t, channel+"/Messages", "Body", body, "Body", "second")
		if made.String("body") != body {
			t.Errorf("the body %.40q comes back as %.40q", body, made.String("body"))
		}
		k.want(t, "event")
	}
	// A number that no machine can count with must not hide the attributes beside it from routing.
	ws := s.workspace()
	queue := s.admin.Post(t, ws+"/TaskQueues", "FriendlyName", "nobody", "TargetWorkers", "1==2").SID()
	workflow := s.admin.Post(t, ws+"/Workflows", "FriendlyName", "numbers", "Configuration",
		`{"task_routing":{"filters":[{"expression":"lang == 'ja'","targets":[{"queue":"`+queue+`"}]}]}}`).SID()
	task := s.admin.Post(t, ws+"/Tasks", "WorkflowSid", workflow, "Attributes", `{"lang":"ja","n":1e999}`).SID()
	rig.Eventually(t, "the task is routed", func() bool { return s.admin.Get(t, ws+"/Tasks/"+task).String("task_queue_sid") == queue })
}
