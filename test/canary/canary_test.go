// Package canary proves that nothing a person wrote is kept in the clear: words that exist nowhere else are put into every
// place that takes words, and then looked for in the data folder, in a dump of the database and in what was printed.
package canary

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"usher/internal/db/dbtest"
	"usher/test/rig"
)

// canaries are the words, by the place that they were put into.
type canaries map[string]string

// word answers a new word for a place.
func (c canaries) word(place string) string {
	c[place] = "canary" + rig.Hex(12)
	return c[place]
}

// number answers a new telephone number for a place. The canary is its digits.
func (c canaries) number(place string) string {
	digits := ""
	for _, b := range rig.Hex(7) {
		digits += string('0' + b%10)
	}
	c[place] = digits
	return "+1" + digits
}

// attributes answers a JSON document with a word in it.
func (c canaries) attributes(place string) string { return `{"note":"` + c.word(place) + `"}` }

func TestNothingInTheClear(t *testing.T) {
	rig.EachDatabase(t, rig.Options{Env: []string{"USHER_LOG_LEVEL=debug", "USHER_ALLOW_NETWORKS=127.0.0.1/32"}}, func(t *testing.T, s *rig.Server) {
		c := canaries{}
		c.write(t, s)
		c.conversation(t, s)
		c.flows(t, s)
		c.webhooks(t, s)
		c.masked(t, s)
		c.files(t, s)
		c.texts(t, s)
		c.mistakes(t, s)
		c.search(t, "data folder while running", folder(t, s.Data))
		if s.Database != "" {
			c.search(t, "dump", dump(t, s.Database))
		}
		if err := s.Stop(); err != nil {
			t.Errorf("stop: %v", err)
		}
		files := folder(t, s.Data)
		c.search(t, "data folder after the end", files)
		c.search(t, "what was printed", map[string][]byte{"log": []byte(s.Printed())})
		t.Logf("%d canaries, none found in %d files", len(c), len(files))
	})
}

// write puts a canary into every resource.
func (c canaries) write(t *testing.T, s *rig.Server) {
	t.Helper()
	client := s.Client()
	service := "/chat/v2/Services/" + client.Post(t, "/chat/v2/Services", "FriendlyName", c.word("service name")).SID()
	channel := service + "/Channels/" + client.Post(t, service+"/Channels", "FriendlyName", c.word("channel name"),
		"UniqueName", c.word("unique name"), "Attributes", c.attributes("channel attributes")).SID()
	identity := c.word("identity")
	client.Post(t, service+"/Users", "Identity", identity, "FriendlyName", c.word("user name"), "Attributes", c.attributes("user attributes"))
	client.Post(t, channel+"/Members", "Identity", c.number("number as identity"), "Attributes", c.attributes("member attributes"))
	client.Post(t, channel+"/Members", "Identity", identity)
	body := c.word("message")
	message := channel + "/Messages/" + client.Post(t, channel+"/Messages", "Body", body, "From", identity,
		"Attributes", c.attributes("message attributes")).SID()
	if got := client.Get(t, message).String("body"); got != body {
		t.Fatalf("the message reads %q", got)
	}
	client.Post(t, message, "Body", c.word("edited message"))
	client.Post(t, service+"/Roles", "FriendlyName", c.word("role name"), "Type", "channel", "Permission", "sendMessage")
	client.Must(t, http.MethodDelete, channel+"/Messages/"+client.Post(t, channel+"/Messages", "Body", c.word("deleted message")).SID())
	client.Post(t, "/api/2010-04-01/Accounts/"+s.AccountSID+"/Keys.json", "FriendlyName", c.word("key name"))

	st, err := s.Dial(t.Context(), s.Token(identity, service[strings.LastIndex(service, "/")+1:], time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	_, err = st.Ask(t.Context(), rig.Frame{
		"type": "send", "channel": channel[strings.LastIndex(channel, "/")+1:], "client_id": c.word("client id"),
		"body": c.word("message over the stream"), "attributes": rig.Frame{"note": c.word("attributes over the stream")},
	})
	if err != nil {
		t.Error(err)
	}
}

// texts puts canaries into messages by carriers, both ways, and into what answers them.
func (c canaries) texts(t *testing.T, s *rig.Server) {
	t.Helper()
	client := s.Client()
	base := "/api/2010-04-01/Accounts/" + s.AccountSID
	address := func(place string) string { return "https://" + c.word(place) + ".invalid/" }
	own := c.number("number of a connection")
	connection := client.Post(t, "/carriers/v1/Connections", "Kind", "sandbox", "FriendlyName", c.word("connection name"), "Addresses", `["`+own+`"]`).SID()
	numbers, err := client.All(t.Context(), base+"/IncomingPhoneNumbers.json?PhoneNumber=%2B"+own[1:], "incoming_phone_numbers")
	if err != nil || len(numbers) != 1 {
		t.Fatalf("the connection's number: %v, %v", numbers, err)
	}
	client.Post(t, base+"/IncomingPhoneNumbers/"+rig.Text(numbers[0], "sid")+".json", "FriendlyName", c.word("number's name"), "SmsUrl", address("number's webhook"))
	client.Post(t, base+"/Applications.json", "FriendlyName", c.word("application name"), "SmsUrl", address("application's webhook"))
	c["keyword"] = c.word("keyword")[:20] // as long as one may be
	client.Post(t, "/messaging/v1/Services", "FriendlyName", c.word("messaging service name"), "OptOutKeywords", c["keyword"], "HelpMessage", c.word("help"))
	customer := c.number("customer's number")
	body := c.word("text to a customer")
	sent := client.Post(t, base+"/Messages.json", "From", own, "To", customer, "Body", body, "StatusCallback", address("status callback"),
		"MediaUrl", address("media")).SID()
	if got := client.Get(t, base+"/Messages/"+sent+".json").String("body"); got != body {
		t.Fatalf("the text reads %q", got)
	}
	came := c.word("text of a customer")
	client.Post(t, "/carriers/v1/Connections/"+connection+"/Phones/"+customer+"/Messages", "To", own, "Body", came)
	rig.Eventually(t, "the text has come", func() bool {
		list, err := client.All(t.Context(), base+"/Messages.json?From=%2B"+customer[1:], "messages")
		return err == nil && len(list) == 1 && rig.Text(list[0], "body") == came
	})
}

// conversation puts canaries into what a visitor says and types, and into what routing keeps of it.
func (c canaries) conversation(t *testing.T, s *rig.Server) {
	t.Helper()
	client := s.Client()
	workspace := "/taskrouter/v1/Workspaces/" + client.Post(t, "/taskrouter/v1/Workspaces", "FriendlyName", c.word("workspace name")).SID()
	activity := client.Post(t, workspace+"/Activities", "FriendlyName", "Ready", "Available", "true").SID()
	queue := client.Post(t, workspace+"/TaskQueues", "FriendlyName", c.word("queue name"), "TargetWorkers", "1==1").SID()
	workflow := client.Post(t, workspace+"/Workflows", "FriendlyName", c.word("workflow name"),
		"Configuration", `{"task_routing":{"default_filter":{"queue":"`+queue+`"}}}`).SID()
	worker := client.Post(t, workspace+"/Workers", "FriendlyName", c.word("worker name"), "ActivitySid", activity,
		"Attributes", `{"contact_uri":"client:`+c.word("agent identity")+`","phone":"`+c.number("worker number")+`"}`).SID()
	service := client.Post(t, "/chat/v2/Services", "FriendlyName", "Shop").SID()
	flow := client.Post(t, "/flex-api/v1/FlexFlows", "FriendlyName", c.word("flow name"), "ChatServiceSid", service, "ChannelType", "web",
		"IntegrationType", "task", "Integration.WorkspaceSid", workspace[strings.LastIndex(workspace, "/")+1:],
		"Integration.WorkflowSid", workflow, "Integration.Channel", "default", "Enabled", "true").SID()
	form, err := json.Marshal(map[string]string{
		"name": c.word("visitor name"), "phone": c.number("visitor number"), "question": c.word("question"),
	})
	if err != nil {
		t.Fatal(err)
	}
	visitor := c.word("visitor identity")
	channel := client.Post(t, "/flex-api/v1/WebChannels", "FlexFlowSid", flow, "Identity", visitor,
		"CustomerFriendlyName", c.word("customer name"), "ChatFriendlyName", c.word("chat name"), "PreEngagementData", string(form)).SID()
	client.Post(t, "/chat/v2/Services/"+service+"/Channels/"+channel+"/Messages", "From", visitor, "Body", c.word("visitor's message"))

	var offers []map[string]any
	rig.Eventually(t, "the task is offered", func() bool {
		offers, err = client.All(t.Context(), workspace+"/Workers/"+worker+"/Reservations?ReservationStatus=pending", "reservations")
		return err == nil && len(offers) > 0
	})
	client.Post(t, workspace+"/Workers/"+worker+"/Reservations/"+rig.Text(offers[0], "sid"), "ReservationStatus", "accepted")
	client.Post(t, workspace+"/Tasks/"+rig.Text(offers[0], "task_sid"), "AssignmentStatus", "completed", "Reason", c.word("reason"))
	client.Post(t, workspace+"/Tasks", "WorkflowSid", workflow, "Attributes", `{"to":"`+c.number("task number")+`"}`)
}

// flows puts canaries into a Studio flow, and into what it keeps of a customer and of a test conversation.
func (c canaries) flows(t *testing.T, s *rig.Server) {
	t.Helper()
	client := s.Client()
	states := []map[string]any{
		{"name": "Trigger", "type": "trigger", "properties": map[string]any{}, "transitions": []map[string]string{
			{"event": "incomingMessage", "next": c.word("widget name")}, {"event": "incomingRequest", "next": c["widget name"]},
		}},
		{"name": c["widget name"], "type": "send-and-wait-for-reply", "properties": map[string]string{
			"from": c.word("author of a flow"), "body": c.word("question of a flow") + "{{contact.channel.address}}", "timeout": "3600",
			"service": "{{trigger.message.InstanceSid}}", "channel": "{{trigger.message.ChannelSid}}",
		}, "transitions": []map[string]string{{"event": "incomingMessage", "next": "call"}, {"event": "deliveryFailure", "next": "call"}, {"event": "timeout"}}},
		{"name": "call", "type": "make-http-request", "properties": map[string]string{
			"method": "POST", "url": "http://127.0.0.1:9/?q=" + c.word("query of a flow"), "body": c.word("body of a call"), "content_type": "text/plain",
		}, "transitions": []map[string]string{{"event": "success"}, {"event": "failed", "next": "function"}}},
		{"name": "function", "type": "run-function", "properties": map[string]any{
			"url": "https://shop.twil.io/" + c.word("path of a function"), "parameters": []any{map[string]string{"key": "a", "value": c.word("parameter of a function")}},
		}, "transitions": []map[string]string{{"event": "success"}, {"event": "fail", "next": "redirect"}}},
		{
			"name": "redirect", "type": "add-twiml-redirect", "properties": map[string]string{"url": "http://127.0.0.1:9/?q=" + c.word("query of a redirect")},
			"transitions": []map[string]string{{"event": "return"}, {"event": "fail", "next": "model"}},
		},
		{
			"name": "model", "type": "assistant", "properties": map[string]string{"instructions": c.word("instructions of a widget")},
			"transitions": []map[string]string{{"event": "handoff"}, {"event": "failed", "next": "agent"}},
		},
		{"name": "agent", "type": "send-to-flex", "properties": map[string]string{
			"workflow": "WW00000000000000000000000000000001", "channel": "chat", "attributes": `{"said":"{{widgets.` + c["widget name"] + `.inbound.Body}}"}`,
		}, "transitions": []map[string]string{{"event": "callComplete"}, {"event": "failedToEnqueue"}, {"event": "callFailure"}}},
	}
	definition, err := json.Marshal(map[string]any{"description": c.word("description of a flow"), "initial_state": "Trigger", "states": states})
	if err != nil {
		t.Fatal(err)
	}
	client.Post(t, "/usher/v1/Functions", "Match", "shop.twil.io", "Url", "http://a:"+c.word("password of a function")+"@127.0.0.1:9/"+c.word("base of a function"))
	client.Must(t, http.MethodPost, "/usher/v1/Assistant", "Url", "http://127.0.0.1:9/"+c.word("path of the assistant"), "Key", c.word("key of the assistant"),
		"Model", c.word("model of the assistant"), "Instructions", c.word("instructions of the assistant"))
	flow := "/studio/v2/Flows/" + client.Post(t, "/studio/v2/Flows", "FriendlyName", c.word("name of a flow of Studio"), "Status", "published",
		"CommitMessage", c.word("commit message"), "Definition", string(definition)).SID()
	client.Post(t, flow+"/TestUsers", "TestUsers", c.word("test user"))
	client.Post(t, flow+"/Executions", "To", c.number("contact of an execution"), "From", c.number("channel of an execution"),
		"Parameters", `{"a":"`+c.word("parameter of an execution")+`"}`)
	test := flow + "/TestConversations/" + client.Post(t, flow+"/TestConversations", "Body", c.word("first words of a test"), "Name", c.word("name in a test"),
		"PreEngagementData", `{"a":"`+c.word("form of a test")+`"}`).SID()
	client.Post(t, test, "Body", c.word("answer in a test"))
	rig.Eventually(t, "the test conversation comes to its task", func() bool {
		waits, _ := client.Get(t, test).Body["waits"].(map[string]any)
		return rig.Text(waits, "for") == "task"
	})
}

// webhooks lets a message go to the URL of an external flow: one that answers, and one that is refused.
func (c canaries) webhooks(t *testing.T, s *rig.Server) {
	t.Helper()
	client := s.Client()
	answer := []byte(c.word("answer of a bot"))
	bot := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(answer) }))
	defer bot.Close()
	service := client.Post(t, "/chat/v2/Services", "FriendlyName", "Bot").SID()
	for state, address := range map[string]string{"delivered": bot.URL, "refused": "http://127.0.0.2:9"} {
		flow := client.Post(t, "/flex-api/v1/FlexFlows", "FriendlyName", "Bot", "ChatServiceSid", service, "ChannelType", "web", "IntegrationType", "external",
			"Integration.Url", address+"/"+c.word("path of a webhook, "+state)+"?q="+c.word("query of a webhook, "+state)).SID()
		identity := c.word("identity, " + state)
		channel := client.Post(t, "/flex-api/v1/WebChannels", "FlexFlowSid", flow, "Identity", identity, "CustomerFriendlyName", "x", "ChatFriendlyName", "x").SID()
		client.Post(t, "/chat/v2/Services/"+service+"/Channels/"+channel+"/Messages", "From", identity, "Body", c.word("message to a bot, "+state),
			"Attributes", c.attributes("attributes to a bot, "+state))
		rig.Eventually(t, "the webhook is "+state, func() bool {
			rows, err := client.All(t.Context(), "/hooks/v1/Deliveries?SubjectSid="+channel, "deliveries")
			return err == nil && len(rows) == 1 && rig.Text(rows[0], "state") == state
		})
	}
}

// masked lets two people write to each other by a number that hides theirs, and tells a callback of it.
func (c canaries) masked(t *testing.T, s *rig.Server) {
	t.Helper()
	client := s.Client()
	told := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer told.Close()
	person := func(place string) string {
		c[place] = c.number(place)[1:14] // with the country's code, the longest that a number can be
		return "+44" + c[place]
	}
	number, one, other := person("proxy number"), person("participant"), person("other participant")
	owned := client.Post(t, "/api/2010-04-01/Accounts/"+s.AccountSID+"/IncomingPhoneNumbers.json", "PhoneNumber", number).SID()
	service := client.Post(t, "/proxy/v1/Services", "UniqueName", c.word("proxy service"), "CallbackUrl", told.URL+"/"+c.word("path of a proxy callback")).SID()
	base := "/proxy/v1/Services/" + service
	client.Post(t, base+"/PhoneNumbers", "Sid", owned)
	session := base + "/Sessions/" + client.Post(t, base+"/Sessions", "UniqueName", c.word("proxy session")).SID()
	for place, identifier := range map[string]string{"name of a participant": one, "name of the other participant": other} {
		who := client.Post(t, session+"/Participants", "Identifier", identifier, "FriendlyName", c.word(place)).SID()
		client.Post(t, session+"/Participants/"+who+"/MessageInteractions", "Body", c.word("words to a participant: "+place))
	}
	line := client.Post(t, "/carriers/v1/Connections", "Kind", "sandbox", "Addresses", `["`+number+`"]`).SID()
	client.Post(t, "/carriers/v1/Connections/"+line+"/Phones/"+one+"/Messages", "To", number, "Body", c.word("words between participants"))
	rig.Eventually(t, "the words have passed", func() bool {
		rows, err := client.All(t.Context(), session+"/Interactions", "interactions")
		return err == nil && len(rows) == 3
	})
}

// files sends a file, and leaves one that no message carries.
func (c canaries) files(t *testing.T, s *rig.Server) {
	t.Helper()
	client := s.Client()
	service := client.Post(t, "/chat/v2/Services", "FriendlyName", "Files").SID()
	channel := "/chat/v2/Services/" + service + "/Channels/" + client.Post(t, "/chat/v2/Services/"+service+"/Channels", "Type", "private").SID()
	for _, place := range []string{"sent", "not sent", "deleted"} {
		body := c.word("file that is "+place) + strings.Repeat(" and more", 20_000)
		url := s.URL + "/mcs/v1/Services/" + service + "/Media?Filename=" + c.word("name of a file that is "+place) + ".txt"
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth(s.AccountSID, s.AuthToken)
		r.Header.Set("Content-Type", "text/plain")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var file struct{ SID string }
		err = json.NewDecoder(res.Body).Decode(&file)
		if err := errors.Join(err, res.Body.Close()); err != nil || res.StatusCode != http.StatusCreated {
			t.Fatalf("upload: %d %v", res.StatusCode, err)
		}
		if place == "not sent" {
			continue
		}
		message := client.Post(t, channel+"/Messages", "MediaSid", file.SID).SID()
		if place == "deleted" {
			client.Must(t, http.MethodDelete, channel+"/Messages/"+message)
		}
	}
}

// mistakes makes requests that fail, because errors are what gets printed.
func (c canaries) mistakes(t *testing.T, s *rig.Server) {
	t.Helper()
	client := s.Client()
	for _, tt := range []struct {
		client *rig.Client
		path   string
		pairs  []string
	}{
		{client, "/chat/v2/Services", nil},
		{client, "/chat/v2/Services/" + c.word("path"), []string{"FriendlyName", "x"}},
		{client, "/chat/v2/Services", []string{"FriendlyName", strings.Repeat(c.word("long name"), 3000)}},
		{client, "/taskrouter/v1/Workspaces", []string{"FriendlyName", "x", "EventCallbackUrl", "not a url " + c.word("bad url")}},
		{s.As(c.word("user"), c.word("password")), "/chat/v2/Services", []string{"FriendlyName", c.word("name without rights")}},
		{s.As("token", c.word("token")), "/chat/v2/Services", []string{"FriendlyName", "x"}},
	} {
		a, err := tt.client.Call(t.Context(), http.MethodPost, tt.path, rig.Form(tt.pairs...))
		if err != nil {
			t.Fatal(err)
		}
		if a.Status/100 != 4 {
			t.Errorf("POST %s answers %d, meant to be refused", tt.path, a.Status)
		}
	}
}

// search looks for the canaries in texts: as they are, in any case, in hexadecimal and in base64.
func (c canaries) search(t *testing.T, where string, texts map[string][]byte) {
	t.Helper()
	if len(texts) == 0 {
		t.Errorf("%s: nothing to search", where)
	}
	for name, text := range texts {
		text = bytes.ToLower(text)
		for place, canary := range c {
			for form, needle := range forms(canary) {
				if at := bytes.Index(text, needle); at >= 0 {
					t.Errorf("%s: %s holds the %s (%s) at byte %d", where, name, place, form, at)
				}
			}
		}
	}
}

// forms answers how a word may be written, in lower case as the text that is searched. Base64 has three alignments.
func forms(word string) map[string][]byte {
	list := map[string][]byte{
		"plain": []byte(word), "hexadecimal": []byte(hex.EncodeToString([]byte(word))),
		"utf-16": []byte(strings.Join(strings.Split(word, ""), "\x00")),
	}
	for shift := range 3 {
		coded := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), word...))
		// The first and last characters depend on the neighbors.
		list["base64, shifted "+string(rune('0'+shift))] = []byte(strings.ToLower(coded[(shift*8+5)/6 : len(coded)-2]))
	}
	return list
}

// folder reads every file below dir.
func folder(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(name)
		files[strings.TrimPrefix(name, dir)] = text
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// dump answers the whole PostgreSQL database as text. Binary columns are in hexadecimal there, which is searched too.
func dump(t *testing.T, dsn string) map[string][]byte {
	t.Helper()
	bin, err := dbtest.FindPostgres()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), filepath.Join(bin, "pg_dump"), "--inserts", dsn).Output()
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 10_000 {
		t.Errorf("the dump has only %d bytes", len(out))
	}
	return map[string][]byte{"pg_dump": out}
}

func TestForms(t *testing.T) {
	t.Parallel()
	const word = "canary0123456789"
	for _, text := range []string{
		"xx" + word + "yy", strings.ToUpper(word), hex.EncodeToString([]byte("{" + word + "}")),
		base64.StdEncoding.EncodeToString([]byte("a" + word)), base64.URLEncoding.EncodeToString([]byte("ab" + word + "c")),
		base64.StdEncoding.EncodeToString([]byte(word + "..")),
	} {
		found := false
		for _, needle := range forms(word) {
			found = found || bytes.Contains(bytes.ToLower([]byte(text)), needle)
		}
		if !found {
			t.Errorf("%q hides the word", text)
		}
	}
}
