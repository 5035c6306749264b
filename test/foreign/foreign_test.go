// Package foreign proves that an account sees nothing of another: every operation that takes a SID is called with the SIDs
// of another account in it, and answers exactly as for a SID that does not exist.
package foreign

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"usher/internal/sid"
	"usher/test/ops"
	"usher/test/rig"
)

// tenant is an account with one object of every kind.
type tenant struct {
	client *rig.Client
	world  ops.World
}

func newTenant(t *testing.T, s *rig.Server) tenant {
	t.Helper()
	made := s.Client().Post(t, "/api/2010-04-01/Accounts.json", "FriendlyName", "tenant")
	c := s.As(made.SID(), made.String("auth_token"))
	return tenant{c, ops.Build(t, c, made.SID())}
}

func TestForeignSIDs(t *testing.T) {
	rig.EachDatabase(t, rig.Options{}, func(t *testing.T, s *rig.Server) {
		list, err := ops.All()
		if err != nil {
			t.Fatal(err)
		}
		victim, intruder := newTenant(t, s), newTenant(t, s)
		before := victim.snapshot(t, list)
		tried := 0
		for _, o := range list {
			if o.Depth() == 0 || !victim.has(o) || !mounted(t, s, o) {
				continue
			}
			for at, name := range victim.world.Values(o) {
				if len(name) != sid.Len {
					continue // the number of a revision is nobody's
				}
				intruder.tries(t, o, at, victim.world)
				tried++
			}
		}
		t.Logf("%d calls with foreign SIDs", tried)
		if tried < 150 {
			t.Errorf("only %d calls were tried", tried)
		}
		intruder.references(t, victim.world)
		intruder.flows(t, victim.world)
		for path, text := range victim.snapshot(t, list) {
			if before[path] != text {
				t.Errorf("%s has changed:\n%s\n%s", path, before[path], text)
			}
		}
	})
}

// tries calls an operation with the intruder's SIDs before position at, and the victim's from there on.
func (i tenant) tries(t *testing.T, o ops.Operation, at int, victim ops.World) {
	t.Helper()
	values, nobody := i.world.Values(o), i.world.Values(o)
	for n, foreign := range victim.Values(o) {
		if n >= at && len(foreign) == sid.Len {
			values[n], nobody[n] = foreign, ops.Nobody(foreign)
		}
	}
	answer := i.call(t, o, values)
	if answer.Status != http.StatusNotFound || answer.Number("code") != 20404 {
		t.Errorf("%s %s with the foreign SID %s answers %d %s", o.Method, o.Fill(values), values[at], answer.Status, answer.Text)
		return
	}
	missing := i.call(t, o, nobody)
	if blank(answer.Text) != blank(missing.Text) || answer.Status != missing.Status {
		t.Errorf("%s %s: a foreign SID answers %s, one that does not exist %s", o.Method, o.Path, answer.Text, missing.Text)
	}
}

func (i tenant) call(t *testing.T, o ops.Operation, values []string) rig.Answer {
	t.Helper()
	a, err := i.client.Call(t.Context(), o.Method, o.Fill(values), rig.Form(i.world.Body(o)...))
	if err != nil {
		t.Fatalf("%s %s: %v", o.Method, o.Path, err)
	}
	return a
}

// references puts foreign SIDs into forms, where they name an object that the new one is to refer to.
func (i tenant) references(t *testing.T, victim ops.World) {
	t.Helper()
	service := "/chat/v2/Services/" + i.world["chat/Services"]
	workspace := "/taskrouter/v1/Workspaces/" + i.world["taskrouter/Workspaces"]
	for _, tt := range []struct {
		path  string
		pairs []string
	}{
		{service, []string{"DefaultChannelRoleSid", victim["chat/Services/Roles"]}},
		{service + "/Users", []string{"Identity", "x1", "RoleSid", victim["chat/Services/Roles"]}},
		{service + "/Channels/" + i.world["chat/Services/Channels"] + "/Members", []string{"Identity", "x2", "RoleSid", victim["chat/Services/Roles"]}},
		{workspace, []string{"DefaultActivitySid", victim["taskrouter/Workspaces/Activities"]}},
		{workspace + "/Workers", []string{"FriendlyName", "x3", "ActivitySid", victim["taskrouter/Workspaces/Activities"]}},
		{workspace + "/Tasks", []string{"WorkflowSid", victim["taskrouter/Workspaces/Workflows"]}},
		{workspace + "/Workflows", []string{"FriendlyName", "x4", "Configuration", ops.Route(victim["taskrouter/Workspaces/TaskQueues"])}},
		{workspace + "/TaskQueues", []string{"FriendlyName", "x5", "AssignmentActivitySid", victim["taskrouter/Workspaces/Activities"]}},
		{"/flex-api/v1/WebChannels", []string{
			"FlexFlowSid", victim["flex-api/FlexFlows"], "Identity", "x6", "CustomerFriendlyName", "x", "ChatFriendlyName", "x",
		}},
	} {
		a, err := i.client.Call(t.Context(), http.MethodPost, tt.path, rig.Form(tt.pairs...))
		if err != nil {
			t.Fatal(err)
		}
		if a.Status/100 != 4 || a.Status == http.StatusUnauthorized || a.Status == http.StatusMethodNotAllowed {
			t.Errorf("POST %s %v with a foreign SID answers %d %s", tt.path, tt.pairs, a.Status, a.Text)
		}
	}
}

// flows makes flows that name another account's service or workspace, and then conversations by them. A flow's references
// are looked up when it is used; whatever that answers, nothing may break and nothing may reach the other account.
func (i tenant) flows(t *testing.T, victim ops.World) {
	t.Helper()
	for _, of := range []struct{ service, workspace ops.World }{{victim, i.world}, {i.world, victim}, {victim, victim}} {
		flow, err := i.client.Call(t.Context(), http.MethodPost, "/flex-api/v1/FlexFlows", rig.Form("FriendlyName", "x", "ChannelType", "web",
			"IntegrationType", "task", "Integration.Channel", "default", "ChatServiceSid", of.service["chat/Services"],
			"Integration.WorkspaceSid", of.workspace["taskrouter/Workspaces"], "Integration.WorkflowSid", of.workspace["taskrouter/Workspaces/Workflows"]))
		if err != nil {
			t.Fatal(err)
		}
		if flow.Status != http.StatusCreated {
			continue
		}
		web, err := i.client.Call(t.Context(), http.MethodPost, "/flex-api/v1/WebChannels", rig.Form("FlexFlowSid", flow.SID(),
			"Identity", "x7", "CustomerFriendlyName", "x", "ChatFriendlyName", "x"))
		if err != nil {
			t.Fatal(err)
		}
		foreignService := of.service["chat/Services"] != i.world["chat/Services"]
		if web.Status >= 500 || foreignService && web.Status/100 != 4 {
			t.Errorf("a conversation by a flow with foreign SIDs answers %d %s", web.Status, web.Text)
		}
		if web.Status == http.StatusCreated {
			i.client.Post(t, "/chat/v2/Services/"+i.world["chat/Services"]+"/Channels/"+web.SID()+"/Messages", "From", "x7", "Body", "x")
		}
	}
}

// has says whether the world holds an object for each of the operation's variables.
func (i tenant) has(o ops.Operation) bool {
	for _, key := range o.Vars() {
		if i.world[key] == "" {
			return false
		}
	}
	return true
}

// mounted asks without credentials, as test/compat does.
func mounted(t *testing.T, s *rig.Server, o ops.Operation) bool {
	t.Helper()
	a, err := s.As("", "").Call(t.Context(), o.Method, o.Fill(ops.World{}.Values(o)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return a.Status == http.StatusUnauthorized
}

// snapshot reads everything that the tenant has, each by its own path.
func (i tenant) snapshot(t *testing.T, list []ops.Operation) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, o := range list {
		// What carriers say of a message moves its interaction.
		if o.Method != http.MethodGet || o.Depth() == 0 || !i.has(o) || strings.Contains(o.Path, "Statistics") || strings.Contains(o.Path, "Interactions") {
			continue
		}
		path := o.Fill(i.world.Values(o))
		a := i.call(t, o, i.world.Values(o))
		if a.Status == http.StatusOK {
			texts[path] = volatile.ReplaceAllString(a.Text, "")
		}
	}
	return texts
}

// volatile finds what changes by the mere passing of time.
var volatile = regexp.MustCompile(`"age":\d+,?`)

var anySID = regexp.MustCompile(`[A-Z]{2}[0-9a-f]{32}`)

// blank takes the SIDs out of a text, so that two answers about different SIDs can be compared.
func blank(text string) string { return anySID.ReplaceAllString(text, "SID") }
