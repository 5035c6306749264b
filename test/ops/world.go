package ops

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"usher/test/rig"
)

// World is one object of every kind in one account: the key of a path variable (Operation.Vars) and its SID.
type World map[string]string

// Build fills an account. Every step must succeed.
func Build(t *testing.T, c *rig.Client, account string) World {
	t.Helper()
	w := World{"api/Accounts": account}
	w.chat(t, c)
	w.taskrouter(t, c)
	w.flex(t, c)
	w.studio(t, c)
	w.hooks(t, c)
	w.messages(t, c, account)
	w.proxy(t, c, account)
	keys := "/api/2010-04-01/Accounts/" + account
	key := c.Post(t, keys+"/Keys.json", "FriendlyName", "world")
	w["api/Accounts/Keys"] = key.SID()
	// Two: the operations of the service must not take away what those of the user are called with.
	w["chat/Services/Bindings"] = w.device(t, c, account, key, "phone")
	w["chat/Services/Users/Bindings"] = w.device(t, c, account, key, "browser")
	w["api/Accounts/SigningKeys"] = w["api/Accounts/Keys"]
	if a, err := c.Call(t.Context(), http.MethodPost, keys+"/SigningKeys.json", rig.Form("FriendlyName", "world")); err == nil && a.Status == http.StatusCreated {
		w["api/Accounts/SigningKeys"] = a.SID()
	}
	return w
}

func (w World) chat(t *testing.T, c *rig.Client) {
	t.Helper()
	service := c.Post(t, "/chat/v2/Services", "FriendlyName", "world").SID()
	base := "/chat/v2/Services/" + service
	channel := c.Post(t, base+"/Channels", "Type", "private", "UniqueName", "room").SID()
	user := c.Post(t, base+"/Users", "Identity", "ann").SID()
	c.Post(t, base+"/Channels/"+channel+"/Members", "Identity", "ann")
	w["chat/Services"] = service
	w["chat/Services/Channels"] = channel
	w["chat/Services/Users"] = user
	w["chat/Services/Users/Channels"] = channel
	w["chat/Services/Roles"] = c.Post(t, base+"/Roles", "FriendlyName", "world", "Type", "channel", "Permission", "sendMessage").SID()
	// Not ann: the operations on her membership by way of the user must not take away that of the member.
	w["chat/Services/Channels/Members"] = c.Post(t, base+"/Channels/"+channel+"/Members", "Identity", "bob").SID()
	w["chat/Services/Channels/Messages"] = c.Post(t, base+"/Channels/"+channel+"/Messages", "Body", "hello", "From", "ann").SID()
	c.Post(t, base+"/Users", "Identity", "eve")
	c.Post(t, base+"/Users", "Identity", "guest") // whom CreateInvite invites
	w.try(t, c, "chat/Services/Channels/Invites", base+"/Channels/"+channel+"/Invites", "Identity", "eve")
	w["chat/Credentials"] = c.Post(t, "/chat/v2/Credentials", "Type", "fcm", "Secret", "x").SID()
	w.try(t, c, "chat/Services/Channels/Webhooks", base+"/Channels/"+channel+"/Webhooks",
		"Type", "webhook", "Configuration.Url", "https://example.org/hook", "Configuration.Filters", "onMessageSent")
}

// device registers a device of ann for push notifications, as her client would.
func (w World) device(t *testing.T, c *rig.Client, account string, key rig.Answer, name string) string {
	t.Helper()
	now := time.Now().Unix()
	token := rig.SignToken(key.String("secret"), map[string]any{
		"jti": key.SID() + "-1", "iss": key.SID(), "sub": account, "iat": now, "exp": now + 3600,
		"grants": map[string]any{"identity": "ann", "chat": map[string]any{"service_sid": w["chat/Services"]}},
	})
	body := fmt.Sprintf(`{"channel_type":"fcm","endpoint_platform":%[1]q,"data":{"registration_id":%[1]q}}`, name)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.Base+"/ers/v1/registrations", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Twilio-Token", token)
	answer, err := c.HTTP.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var registered struct{ ID string }
	if err := json.NewDecoder(answer.Body).Decode(&registered); err != nil || answer.StatusCode != http.StatusCreated {
		t.Fatalf("registering a device answers %d, %v", answer.StatusCode, err)
	}
	return registered.ID
}

func (w World) messages(t *testing.T, c *rig.Client, account string) {
	t.Helper()
	base := "/api/2010-04-01/Accounts/" + account
	w["api/Accounts/IncomingPhoneNumbers"] = c.Post(t, base+"/IncomingPhoneNumbers.json", "PhoneNumber", "+15005550180").SID()
	w["api/Accounts/Applications"] = c.Post(t, base+"/Applications.json", "FriendlyName", "world").SID()
	message := c.Post(t, base+"/Messages.json", "From", "+15005550180", "To", "+15005550181", "MediaUrl", "https://example.org/a.png").SID()
	w["api/Accounts/Messages"] = message
	files, err := c.All(t.Context(), base+"/Messages/"+message+"/Media.json", "media_list")
	if err != nil || len(files) == 0 {
		t.Fatalf("the message's files: %v, %v", files, err)
	}
	w["api/Accounts/Messages/Media"] = rig.Text(files[0], "sid")
	service := c.Post(t, "/messaging/v1/Services", "FriendlyName", "world").SID()
	pool := "/messaging/v1/Services/" + service
	pooled := c.Post(t, base+"/IncomingPhoneNumbers.json", "PhoneNumber", "+15005550182").SID()
	short := c.Post(t, base+"/IncomingPhoneNumbers.json", "PhoneNumber", "50180").SID()
	w["messaging/Services"] = service
	w["messaging/Services/PhoneNumbers"] = c.Post(t, pool+"/PhoneNumbers", "PhoneNumberSid", pooled).SID()
	w["messaging/Services/ShortCodes"] = c.Post(t, pool+"/ShortCodes", "ShortCodeSid", short).SID()
	w["messaging/Services/AlphaSenders"] = c.Post(t, pool+"/AlphaSenders", "AlphaSender", "WORLD").SID()
}

func (w World) taskrouter(t *testing.T, c *rig.Client) {
	t.Helper()
	workspace := c.Post(t, "/taskrouter/v1/Workspaces", "FriendlyName", "world").SID()
	base := "/taskrouter/v1/Workspaces/" + workspace
	ready := c.Post(t, base+"/Activities", "FriendlyName", "Ready", "Available", "true").SID()
	queue := c.Post(t, base+"/TaskQueues", "FriendlyName", "All", "TargetWorkers", "1==1").SID()
	workflow := c.Post(t, base+"/Workflows", "FriendlyName", "All", "Configuration", Route(queue)).SID()
	w["taskrouter/Workspaces"] = workspace
	w["taskrouter/Workspaces/Activities"] = ready
	w["taskrouter/Workspaces/TaskQueues"] = queue
	w["taskrouter/Workspaces/Workflows"] = workflow
	w["taskrouter/Workspaces/TaskChannels"] = c.Post(t, base+"/TaskChannels", "FriendlyName", "Fax", "UniqueName", "fax").SID()
	worker := c.Post(t, base+"/Workers", "FriendlyName", "world", "ActivitySid", ready, "Attributes", `{"contact_uri":"client:agent"}`).SID()
	w["taskrouter/Workspaces/Workers"] = worker
	channels, err := c.All(t.Context(), base+"/Workers/"+worker+"/Channels", "channels")
	if err != nil || len(channels) == 0 {
		t.Fatalf("the worker's channels: %v, %v", channels, err)
	}
	w["taskrouter/Workspaces/Workers/Channels"] = rig.Text(channels[0], "sid")
	task := c.Post(t, base+"/Tasks", "WorkflowSid", workflow, "Attributes", "{}").SID()
	w["taskrouter/Workspaces/Tasks"] = task
	rig.Eventually(t, "the task is offered", func() bool {
		rows, err := c.All(t.Context(), base+"/Tasks/"+task+"/Reservations", "reservations")
		if err != nil || len(rows) == 0 {
			return false
		}
		w["taskrouter/Workspaces/Tasks/Reservations"] = rig.Text(rows[0], "sid")
		w["taskrouter/Workspaces/Workers/Reservations"] = rig.Text(rows[0], "sid")
		return true
	})
}

// Route answers a workflow that sends everything to a queue.
func Route(queue string) string {
	return fmt.Sprintf(`{"task_routing":{"default_filter":{"queue":%q}}}`, queue)
}

func (w World) flex(t *testing.T, c *rig.Client) {
	t.Helper()
	flow := c.Post(t, "/flex-api/v1/FlexFlows", "FriendlyName", "world", "ChatServiceSid", w["chat/Services"], "ChannelType", "web",
		"IntegrationType", "task", "Integration.WorkspaceSid", w["taskrouter/Workspaces"],
		"Integration.WorkflowSid", w["taskrouter/Workspaces/Workflows"], "Integration.Channel", "default", "Enabled", "true").SID()
	w["flex-api/FlexFlows"] = flow
	w["flex-api/WebChannels"] = c.Post(t, "/flex-api/v1/WebChannels", "FlexFlowSid", flow, "Identity", "visitor",
		"CustomerFriendlyName", "Visitor", "ChatFriendlyName", "Chat").SID()
	w["flex-api/Channels"] = c.Post(t, "/flex-api/v1/Channels", "FlexFlowSid", flow, "Identity", "other-visitor",
		"ChatUserFriendlyName", "Visitor", "ChatFriendlyName", "Chat").SID()
}

// hooks sends a test to an address that is refused, and waits until that is written down: what is under way would change by itself.
func (w World) hooks(t *testing.T, c *rig.Client) {
	t.Helper()
	w["hooks/Flow"] = c.Post(t, "/flex-api/v1/FlexFlows", "FriendlyName", "bot", "ChatServiceSid", w["chat/Services"], "ChannelType", "web",
		"IntegrationType", "external", "Integration.Url", "http://127.0.0.1:9/").SID()
	made := c.Post(t, "/hooks/v1/Deliveries", "FlexFlowSid", w["hooks/Flow"]).SID()
	w["hooks/Deliveries"] = made
	rig.Eventually(t, "the test is refused", func() bool {
		a, err := c.Call(t.Context(), http.MethodGet, "/hooks/v1/Deliveries/"+made, nil)
		return err == nil && a.String("state") == "refused"
	})
}

// proxy makes a masked conversation that one person takes part in, and to whom something was said.
func (w World) proxy(t *testing.T, c *rig.Client, account string) {
	t.Helper()
	numbers := "/api/2010-04-01/Accounts/" + account + "/IncomingPhoneNumbers.json"
	pooled := c.Post(t, numbers, "PhoneNumber", "+12125550901").SID()
	w["proxy/number"] = c.Post(t, numbers, "PhoneNumber", "+12125550902").SID()
	service := c.Post(t, "/proxy/v1/Services", "UniqueName", "world").SID()
	base := "/proxy/v1/Services/" + service
	c.Post(t, base+"/PhoneNumbers", "Sid", pooled)
	session := c.Post(t, base+"/Sessions", "UniqueName", "world").SID()
	who := c.Post(t, base+"/Sessions/"+session+"/Participants", "Identifier", "+12125550101").SID()
	said := c.Post(t, base+"/Sessions/"+session+"/Participants/"+who+"/MessageInteractions", "Body", "hello").SID()
	w["proxy/Services"] = service
	w["proxy/Services/PhoneNumbers"] = pooled
	w["proxy/Services/Sessions"] = session
	w["proxy/Services/Sessions/Participants"] = who
	w["proxy/Services/Sessions/Participants/MessageInteractions"] = said
	w["proxy/Services/Sessions/Interactions"] = said
}

// Flow is a definition that asks and waits.
const Flow = `{"description":"world","states":[
	{"name":"Trigger","type":"trigger","transitions":[{"event":"incomingRequest","next":"ask"}],"properties":{}},
	{"name":"ask","type":"send-and-wait-for-reply","transitions":[{"event":"incomingMessage"},{"event":"timeout"},{"event":"deliveryFailure"}],
	 "properties":{"from":"Bot","to":"{{contact.channel.address}}","body":"Yes?","timeout":"3600","channel":"{{contact.channel.address}}"}}
	],"initial_state":"Trigger","flags":{"allow_concurrent_calls":true}}`

func (w World) studio(t *testing.T, c *rig.Client) {
	t.Helper()
	flow := c.Post(t, "/studio/v2/Flows", "FriendlyName", "world", "Status", "published", "Definition", Flow).SID()
	base := "/studio/v2/Flows/" + flow + "/Executions"
	execution := c.Post(t, base, "To", w["chat/Services/Channels"], "From", "world").SID()
	steps, err := c.All(t.Context(), base+"/"+execution+"/Steps", "steps")
	if err != nil || len(steps) == 0 {
		t.Fatalf("the execution's steps: %v, %v", steps, err)
	}
	w["studio/Flows"] = flow
	w["studio/Flows/Revisions"] = "1"
	w["studio/Flows/Executions"] = execution
	w["studio/Flows/Executions/Steps"] = rig.Text(steps[0], "sid")
}

// try makes an object of a kind that may not be served yet.
func (w World) try(t *testing.T, c *rig.Client, key, path string, pairs ...string) {
	t.Helper()
	a, err := c.Call(t.Context(), http.MethodPost, path, rig.Form(pairs...))
	if err != nil {
		t.Fatal(err)
	}
	if a.Status == http.StatusCreated {
		w[key] = a.SID()
	}
}

// Values answers the SIDs for an operation's variables, outermost first; where the world has no such object it is one
// that nobody has.
func (w World) Values(o Operation) []string {
	var values []string
	for _, key := range o.Vars() {
		value := w[key]
		if value == "" {
			value = Nobody("XX")
		}
		values = append(values, value)
	}
	return values
}

// Nobody answers a SID with the prefix of like that no object has.
func Nobody(like string) string { return like[:2] + "0" + rig.Hex(16)[:31] }

// Body answers form fields that an operation accepts: what is required to create, something harmless to update.
func (w World) Body(o Operation) []string {
	if o.Method != http.MethodPost {
		return nil
	}
	if body, ok := bodies[o.Product+" "+o.Name]; ok {
		filled := make([]string, len(body))
		for i, s := range body {
			filled[i] = s
			if key, ok := strings.CutPrefix(s, "@"); ok {
				filled[i] = w[key]
			}
		}
		return filled
	}
	return []string{"FriendlyName", "changed"}
}

// bodies are the forms of the operations that need more than a name. A value that begins with @ is an object of the world.
var bodies = map[string][]string{
	"api CreateIncomingPhoneNumber":         {"PhoneNumber", "+15005550183"},
	"api CreateIncomingPhoneNumberLocal":    {"PhoneNumber", "+15005550184"},
	"api CreateIncomingPhoneNumberMobile":   {"PhoneNumber", "+15005550185"},
	"api CreateIncomingPhoneNumberTollFree": {"PhoneNumber", "+15005550186"},
	"api CreateMessage":                     {"From", "+15005550180", "To", "+15005550181", "Body", "x"},
	"api UpdateMessage":                     {"Body", ""},
	"api CreateMessageFeedback":             {"Outcome", "confirmed"},
	"messaging CreatePhoneNumber":           {"PhoneNumberSid", "@api/Accounts/IncomingPhoneNumbers"},
	"messaging CreateShortCode":             {"ShortCodeSid", "@messaging/Services/ShortCodes"},
	"messaging CreateAlphaSender":           {"AlphaSender", "OTHER"},
	"chat CreateChannel":                    {"FriendlyName", "x"},
	"chat UpdateChannel":                    {"Attributes", `{"x":1}`},
	"chat CreateChannelWebhook":             {"Type", "webhook", "Configuration.Url", "https://example.org/", "Configuration.Filters", "onMessageSent"},
	"chat UpdateChannelWebhook":             {"Configuration.Url", "https://example.org/2"},
	"chat CreateCredential":                 {"Type", "gcm"},
	"chat CreateInvite":                     {"Identity", "guest"},
	"chat CreateMember":                     {"Identity", "mallory"},
	"chat UpdateMember":                     {"Attributes", `{"x":1}`},
	"chat CreateMessage":                    {"Body", "x"},
	"chat UpdateMessage":                    {"Body", "changed"},
	"chat CreateRole":                       {"FriendlyName", "x", "Type", "channel", "Permission", "sendMessage"},
	"chat UpdateRole":                       {"Permission", "leaveChannel"},
	"chat CreateUser":                       {"Identity", "mallory"},
	"chat UpdateUserChannel":                {"LastConsumedMessageIndex", "0"},
	"flex-api CreateChannel":                {"FlexFlowSid", "@flex-api/FlexFlows", "Identity", "m", "ChatUserFriendlyName", "m", "ChatFriendlyName", "m"},
	"flex-api CreateWebChannel":             {"FlexFlowSid", "@flex-api/FlexFlows", "Identity", "m2", "CustomerFriendlyName", "m", "ChatFriendlyName", "m"},
	"flex-api UpdateWebChannel":             {"ChatStatus", "inactive"},
	"flex-api CreateFlexFlow":               {"FriendlyName", "x", "ChatServiceSid", "@chat/Services", "ChannelType", "web", "IntegrationType", "external", "Integration.Url", "https://example.org/"},
	"hooks CreateDelivery":                  {"FlexFlowSid", "@hooks/Flow"},
	"hooks CreateDeliveryReplay":            {},
	"studio CreateFlow":                     {"FriendlyName", "x", "Status", "published", "Definition", Flow},
	"studio UpdateFlow":                     {"Status", "draft", "FriendlyName", "changed"},
	"studio UpdateFlowValidate":             {"FriendlyName", "x", "Status", "published", "Definition", Flow},
	"studio CreateExecution":                {"To", "+15005550101", "From", "+15005550100"},
	"studio UpdateExecution":                {"Status", "ended"},
	"studio UpdateTestUser":                 {"TestUsers", "ann"},
	"taskrouter UpdateTask":                 {"Priority", "3"},
	"taskrouter CreateTask":                 {"WorkflowSid", "@taskrouter/Workspaces/Workflows", "Attributes", "{}"},
	"taskrouter CreateTaskChannel":          {"FriendlyName", "x", "UniqueName", "x"},
	"taskrouter CreateTaskQueue":            {"FriendlyName", "x", "TargetWorkers", "1==1"},
	"taskrouter CreateWorkflow":             {"FriendlyName", "x", "Configuration", `{"task_routing":{"filters":[]}}`},
	"taskrouter UpdateTaskReservation":      {"ReservationStatus", "accepted"},
	"proxy CreateService":                   {"UniqueName", "x"},
	"proxy UpdateService":                   {"DefaultTtl", "3600"},
	"proxy CreatePhoneNumber":               {"Sid", "@proxy/number"},
	"proxy UpdatePhoneNumber":               {"IsReserved", "false"},
	"proxy CreateSession":                   {"UniqueName", "x"},
	"proxy UpdateSession":                   {"Ttl", "3600"},
	"proxy CreateParticipant":               {"Identifier", "+12125550102"},
	"proxy CreateMessageInteraction":        {"Body", "x"},
	"taskrouter UpdateWorkerReservation": {
		"ReservationStatus", "rejected",
	},
	"taskrouter UpdateWorkerChannel": {"Capacity", "2"},
	"taskrouter UpdateWorker":        {"Attributes", `{"contact_uri":"client:agent","x":1}`},
}
