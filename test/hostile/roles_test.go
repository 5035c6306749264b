package hostile

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/test/ops"
	"usher/test/rig"
)

// tenant is an account of its own, with one object of every kind and a key that signs tokens.
type tenant struct {
	client      *rig.Client
	account     string
	key, secret string
	world       ops.World
	server      *siege
}

func newTenant(t *testing.T, s *siege) tenant {
	t.Helper()
	made := s.admin.Post(t, "/api/2010-04-01/Accounts.json", "FriendlyName", "tenant")
	c := s.As(made.SID(), made.String("auth_token"))
	key := c.Post(t, "/api/2010-04-01/Accounts/"+made.SID()+"/Keys.json", "FriendlyName", "tokens")
	w := ops.Build(t, c, made.SID())
	w["flex-api/Channels/Roles"] = "agent"
	return tenant{
		client: c, account: made.SID(), key: key.SID(), secret: key.String("secret"), world: w, server: s,
	}
}

// as answers a client with a token for a role. Its holder is no member of anything and holds no reservation.
func (n tenant) as(role string) *rig.Client {
	grants := claims{"identity": "mallory", "chat": claims{"service_sid": n.world["chat/Services"]}, "usher": claims{"role": role}}
	if role != "visitor" {
		grants["task_router"] = claims{"workspace_sid": n.world["taskrouter/Workspaces"], "worker_sid": ops.Nobody("WK")}
	}
	return n.server.As("token", rig.SignToken(n.secret, claims{
		"iss": n.key, "sub": n.account, "exp": time.Now().Add(time.Hour).Unix(), "grants": grants,
	}))
}

// matrix says what each role may do with what is not its own: everything else is denied. A line is a method and a path, where
// {} is any SID and * the rest of the path. Later roles may do what is listed for them only.
var matrix = map[string][]string{
	"visitor": {
		// Nothing but to look at the lists, which are empty or hold what is public to members, and to begin something new.
		"GET /chat/v2/Services/{}", "GET /chat/v2/Services/{}/Channels", "GET /chat/v2/Services/{}/Roles", "GET /chat/v2/Services/{}/Roles/{}",
		"POST /chat/v2/Services/{}/Channels",
	},
	"agent": {
		"GET /chat/v2/Services/{}", "GET /chat/v2/Services/{}/Channels", "GET /chat/v2/Services/{}/Roles", "GET /chat/v2/Services/{}/Roles/{}",
		"POST /chat/v2/Services/{}/Channels", "GET /flex-api/v1/*", "GET /taskrouter/v1/*",
	},
	"supervisor": {
		"GET /chat/v2/*", "POST /chat/v2/Services/{}/Channels", "GET /flex-api/v1/*", "GET /taskrouter/v1/*", "GET /studio/v2/*",
		"POST /taskrouter/v1/Workspaces/{}/Tasks", "POST /taskrouter/v1/Workspaces/{}/Tasks/*", "DELETE /taskrouter/v1/Workspaces/{}/Tasks/{}",
		"POST /taskrouter/v1/Workspaces/{}/Workers/*", "POST /flex-api/v1/Channels/{}/Roles/{}/Users",
	},
	"admin": {"GET /studio/v2/*", "POST /studio/v2/*", "DELETE /studio/v2/*", "GET /chat/v2/*", "GET /flex-api/v1/*", "GET /taskrouter/v1/*", "POST /chat/v2/*", "POST /flex-api/v1/*", "POST /taskrouter/v1/*", "DELETE /chat/v2/*", "DELETE /flex-api/v1/*", "DELETE /taskrouter/v1/*"},
}

// public needs no credentials, so no role can be denied it.
var public = []string{"/flex-api/v1/Configuration/Public", "/iam/v1/*"}

var variable = regexp.MustCompile(`\{\w+\}`)

// listed reports whether a method and path are in a list.
func listed(list []string, what string) bool {
	what = variable.ReplaceAllString(what, "{}")
	return slices.ContainsFunc(list, func(line string) bool {
		if start, all := strings.CutSuffix(line, "*"); all {
			return strings.HasPrefix(what, start)
		}
		return what == line
	})
}

// mounted reads the products' listings of routes, which tests beside the code keep true.
func mounted(t *testing.T) []ops.Operation {
	t.Helper()
	known, err := ops.All()
	if err != nil {
		t.Fatal(err)
	}
	var list []ops.Operation
	for folder, product := range map[string]string{"accounts": "api", "chat": "chat", "flex": "flex-api", "iam": "iam", "taskrouter": "taskrouter", "studio": "studio"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "internal", "rest", folder, "testdata", "routes.txt"))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) < 3 || f[0][0] != '/' {
				continue
			}
			o := ops.Operation{Product: product, Method: f[1], Path: f[0]}
			shape := variable.ReplaceAllString(f[0], "{}")
			for _, k := range known {
				if k.Product == product && k.Method == f[1] && variable.ReplaceAllString(k.Path, "{}") == shape {
					o.Name = k.Name
				}
			}
			list = append(list, o)
		}
	}
	if len(list) < 100 {
		t.Fatalf("only %d routes were read", len(list))
	}
	// What takes away goes last, and the inner before the outer.
	order := map[string]int{http.MethodGet: 0, http.MethodPost: 1, http.MethodDelete: 2}
	slices.SortFunc(list, func(a, b ops.Operation) int {
		return cmp.Or(order[a.Method]-order[b.Method], b.Depth()-a.Depth(), strings.Compare(a.Path, b.Path))
	})
	return list
}

// roles calls every mounted operation with the token of every role.
func roles(t *testing.T, s *siege) {
	list := mounted(t)
	for _, role := range []string{"visitor", "agent", "supervisor", "admin"} {
		t.Run(role, func(t *testing.T) {
			n := newTenant(t, s)
			c, used := n.as(role), map[string]bool{}
			for _, o := range list {
				what := o.Method + " /" + o.Product + o.Path
				if listed(public, "/"+o.Product+o.Path) {
					continue
				}
				body := n.world.Body(o)
				if strings.HasSuffix(o.Path, "/Roles/{Role}/Users") {
					body = []string{"Identity", "mallory"}
				}
				a := call(t, c, o.Method, o.Fill(n.world.Values(o)), body...)
				allowed := listed(matrix[role], what)
				switch {
				case a.Status/100 == 2 && !allowed:
					t.Errorf("a %s may %s: %d %.300s", role, what, a.Status, a.Text)
				case a.Status/100 == 2:
					used[what] = true
				case a.Status == 403 || a.Status == 404:
				case allowed && a.Status/100 == 4 && a.Status != 401 && a.Status != 405: // a rule of the product says no
				default:
					t.Errorf("%s by a %s answers %d %.300s", what, role, a.Status, a.Text)
				}
				if a.Status == 403 && a.Number("code") < 20000 {
					t.Errorf("%s by a %s has no code: %s", what, role, a.Text)
				}
			}
			if role != "admin" { // lets nobody in but itself
				seat := "/flex-api/v1/Channels/" + n.world["flex-api/Channels"] + "/Roles/agent/Users"
				coded(t, "a stranger's seat by a "+role, call(t, c, http.MethodPost, seat, "Identity", "eve"), 403, 0)
			}
			for _, line := range matrix[role] {
				if !strings.HasSuffix(line, "*") && !slices.ContainsFunc(keys(used), func(what string) bool { return listed([]string{line}, what) }) {
					t.Errorf("a %s is refused what the table allows: %s", role, line)
				}
			}
		})
	}
}

func keys(m map[string]bool) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}

// guest is a visitor with a conversation.
type guest struct {
	client                   *rig.Client
	identity, token, channel string
}

func (s *siege) guest(t *testing.T, address string) guest {
	t.Helper()
	flow := s.world["flex-api/FlexFlows"]
	a := send(t, from(address), http.MethodPost, s.URL+"/iam/v1/Accounts/"+s.AccountSID+"/Tokens", `{"products":["flex"],"flow_sid":"`+flow+`","identity":"ann"}`)
	if a.Status != http.StatusCreated || a.String("identity") == "ann" {
		t.Fatalf("a visitor's token: %d %s", a.Status, a.Text)
	}
	g := guest{client: s.As("token", a.String("token")), identity: a.String("identity"), token: a.String("token")}
	g.channel = call(t, g.client, http.MethodPost, "/flex-api/v1/WebChannels", "FlexFlowSid", flow, "Identity", g.identity,
		"CustomerFriendlyName", s.secret, "ChatFriendlyName", "Chat", "PreEngagementData", `{"n":"`+s.secret+`"}`).SID()
	if g.channel == "" {
		t.Fatal("the visitor has no channel")
	}
	return g
}

// visitors lets one visitor try to reach the conversation of another.
func visitors(t *testing.T, s *siege) {
	a, b := s.guest(t, "127.0.0.21"), s.guest(t, "127.0.0.22")
	channel := s.service() + "/Channels/" + b.channel
	s.admin.Post(t, channel+"/Messages", "From", b.identity, "Body", "only for b "+s.secret)
	member := s.admin.Get(t, channel+"/Members", "Identity", b.identity)
	rows, _ := member.Body["members"].([]any)
	if len(rows) != 1 {
		t.Fatalf("b's channel: %s", member.Text)
	}
	mb := rig.Text(rows[0].(map[string]any), "sid")
	before := s.admin.Get(t, channel).Text + s.admin.Get(t, channel+"/Messages").Text + s.admin.Get(t, channel+"/Members").Text
	if own := call(t, b.client, http.MethodGet, channel+"/Messages"); own.Status != 200 {
		t.Errorf("b cannot read its own channel: %d %s", own.Status, own.Text)
	}
	for _, tt := range []struct {
		method, path string
		pairs        []string
	}{
		{"GET", channel, nil},
		{"POST", channel, []string{"Attributes", `{"status":"INACTIVE"}`}},
		{"DELETE", channel, nil},
		{"GET", channel + "/Messages", nil},
		{"GET", channel + "/Messages/0", nil},
		{"POST", channel + "/Messages", []string{"Body", s.secret}},
		{"POST", channel + "/Messages", []string{"Body", s.secret, "From", b.identity}},
		{"POST", channel + "/Messages/0", []string{"Body", s.secret}},
		{"DELETE", channel + "/Messages/0", nil},
		{"GET", channel + "/Members", nil},
		{"GET", channel + "/Members/" + mb, nil},
		{"POST", channel + "/Members", []string{"Identity", a.identity}},
		{"POST", channel + "/Members/" + mb, []string{"LastConsumedMessageIndex", "0"}},
		{"DELETE", channel + "/Members/" + mb, nil},
		{"GET", s.service() + "/Users/" + b.identity, nil},
		{"POST", s.service() + "/Users/" + b.identity, []string{"FriendlyName", s.secret}},
		{"GET", s.service() + "/Users/" + b.identity + "/Channels", nil},
		{"GET", s.service() + "/Users/" + b.identity + "/Channels/" + b.channel, nil},
		{"POST", s.service() + "/Users/" + b.identity + "/Channels/" + b.channel, []string{"NotificationLevel", "muted"}},
		{"GET", "/flex-api/v1/WebChannels/" + b.channel, nil},
		{"POST", "/flex-api/v1/WebChannels/" + b.channel, []string{"ChatStatus", "inactive"}},
		{"DELETE", "/flex-api/v1/WebChannels/" + b.channel, nil},
		{"POST", "/flex-api/v1/WebChannels", []string{"FlexFlowSid", s.world["flex-api/FlexFlows"], "Identity", b.identity, "CustomerFriendlyName", "x", "ChatFriendlyName", "x"}},
		{"POST", "/flex-api/v1/Channels/" + b.channel + "/Roles/agent/Users", []string{"Identity", a.identity}},
	} {
		got := call(t, a.client, tt.method, tt.path, tt.pairs...)
		if got.Status != 403 && got.Status != 404 {
			t.Errorf("a may %s %s: %d %s", tt.method, tt.path, got.Status, got.Text)
		}
	}
	// The lists hold only what is its own.
	for _, path := range []string{s.service() + "/Channels", s.service() + "/Users", "/flex-api/v1/WebChannels"} {
		if got := call(t, a.client, http.MethodGet, path, "PageSize", "1000"); strings.Contains(got.Text, b.channel) || strings.Contains(got.Text, b.identity) {
			t.Errorf("%s shows a what is b's: %d %s", path, got.Status, got.Text)
		}
	}
	code, k := s.hello(t, a.token)
	if code != 0 {
		t.Fatalf("a's hello is refused with %d", code)
	}
	for _, frame := range []string{
		`{"type":"history","id":2,"channel":%q}`, `{"type":"send","id":2,"channel":%q,"client_id":"x","body":"` + s.secret + `"}`, `{"type":"read","id":2,"channel":%q,"index":0}`,
	} {
		k.text(t, fmt.Sprintf(frame, b.channel))
		if f := k.want(t, "error"); f["code"] != 20404.0 {
			t.Errorf("%.30s of b's channel answers %v", frame, f)
		}
	}
	foreign := []string{b.channel, s.world["taskrouter/Workspaces"], s.world["taskrouter/Workspaces/Workers"], s.world["taskrouter/Workspaces/TaskQueues"], s.world["chat/Services/Users"], ops.Nobody("CH")}
	names, _ := json.Marshal(foreign)
	k.text(t, `{"type":"subscribe","id":3,"streams":`+string(names)+`}`)
	streams, _ := k.want(t, "subscribed")["streams"].([]any)
	for i, stream := range streams {
		row, _ := stream.(map[string]any)
		why, _ := row["error"].(map[string]any)
		if why["code"] != 20404.0 {
			t.Errorf("a follows %s: %v", foreign[i], row)
		}
	}
	k.text(t, fmt.Sprintf(`{"type":"typing","channel":%q}`, b.channel))
	k.text(t, `{"type":"token","id":4,"token":"`+b.token+`"}`)
	if f := k.want(t, "error"); f["status"] != 403.0 {
		t.Errorf("a's connection takes b's token: %v", f)
	}
	if after := s.admin.Get(t, channel).Text + s.admin.Get(t, channel+"/Messages").Text + s.admin.Get(t, channel+"/Members").Text; after != before {
		t.Errorf("b's channel has changed:\n%s\n%s", before, after)
	}
}

// agents lets an agent try to get into a conversation that it was not asked for.
func agents(t *testing.T, s *siege) {
	n := newTenant(t, s)
	base := "/taskrouter/v1/Workspaces/" + n.world["taskrouter/Workspaces"]
	made := n.client.Post(t, base+"/Workers", "FriendlyName", "mallory", "ActivitySid", n.world["taskrouter/Workspaces/Activities"], "Attributes", `{"contact_uri":"client:mallory"}`)
	c := s.As("token", rig.SignToken(n.secret, claims{
		"iss": n.key, "sub": n.account, "exp": time.Now().Add(time.Hour).Unix(), "grants": claims{
			"identity": "mallory", "chat": claims{"service_sid": n.world["chat/Services"]}, "usher": claims{"role": "agent"},
			"task_router": claims{"workspace_sid": n.world["taskrouter/Workspaces"], "worker_sid": made.SID()},
		},
	}))
	channel := n.world["flex-api/WebChannels"]
	seat := fmt.Sprintf(`{"channelSid":%q}`, channel)
	coded(t, "an agent's task for a customer's channel", call(t, c, http.MethodPost, base+"/Tasks", "RoutingTarget", made.SID(), "Attributes", seat), 403, 0)
	coded(t, "an agent's task for somebody else", call(t, c, http.MethodPost, base+"/Tasks", "RoutingTarget", n.world["taskrouter/Workspaces/Workers"], "Attributes", "{}"), 403, 0)
	coded(t, "an agent's identity", call(t, c, http.MethodPost, base+"/Workers/"+made.SID(), "Attributes", `{"contact_uri":"client:visitor"}`), 403, 0)
	coded(t, "an agent's name", call(t, c, http.MethodPost, base+"/Workers/"+made.SID(), "FriendlyName", "visitor"), 403, 0)
	task := c.Post(t, base+"/Tasks", "RoutingTarget", made.SID(), "IgnoreCapacity", "true", "Attributes", `{"note":"lunch"}`).SID()
	coded(t, "a task that it does not hold yet", call(t, c, http.MethodPost, base+"/Tasks/"+task, "Attributes", seat), 403, 0)
	reservation := ""
	rig.Eventually(t, "the agent is asked", func() bool {
		rows, err := c.All(t.Context(), base+"/Tasks/"+task+"/Reservations", "reservations")
		if err == nil && len(rows) == 1 {
			reservation = rig.Text(rows[0], "sid")
		}
		return reservation != ""
	})
	c.Post(t, base+"/Tasks/"+task+"/Reservations/"+reservation, "ReservationStatus", "accepted")
	coded(t, "its own task, turned into a customer's", call(t, c, http.MethodPost, base+"/Tasks/"+task, "Attributes", seat), 403, 0)
	c.Post(t, base+"/Tasks/"+task, "Attributes", `{"note":"tea"}`)
	for _, path := range []string{"", "/Messages", "/Members"} {
		coded(t, "the customer's channel"+path, call(t, c, http.MethodGet, "/chat/v2/Services/"+n.world["chat/Services"]+"/Channels/"+channel+path), 404, 20404)
	}
}
