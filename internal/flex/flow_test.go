package flex

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/db/dbtest"
	"usher/internal/fault"
	"usher/internal/sid"
)

// world is an account and another one.
type world struct {
	*Flex
	t            *testing.T
	owner, other account.Actor
}

func each(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		w := &world{Flex: New(d), t: t}
		for _, a := range []*account.Actor{&w.owner, &w.other} {
			w.do(func(tx *db.Tx) error {
				id, err := db.CreateKeyset(tx)
				*a = account.System(id, sid.New(sid.Account))
				return err
			})
		}
		fn(t, w)
	})
}

func (w *world) do(fn func(tx *db.Tx) error) {
	w.t.Helper()
	if err := w.db.Do(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

// as is another actor of the same account.
func (w *world) as(role account.Role, identity string) account.Actor {
	return account.Actor{Account: w.owner.Account, AccountSID: w.owner.AccountSID, Role: role, Identity: identity}
}

func want(t *testing.T, what string, err error, code int) {
	t.Helper()
	if code == 0 && err != nil || code != 0 && !fault.HasCode(err, code) {
		t.Errorf("%s: %v, want code %d", what, err, code)
	}
}

const service sid.SID = "IS0123456789abcdef0123456789abcdef"

// taskFlow is a complete flow that makes tasks.
func taskFlow() FlowChange {
	return FlowChange{
		FriendlyName: new("Web"), ChatService: new(service), ChannelType: new("web"), IntegrationType: new(Task),
		Integration: IntegrationChange{Workspace: new(sid.New(sid.Workspace)), Workflow: new(sid.New(sid.Workflow))},
	}
}

func (w *world) flow(change func(c *FlowChange)) Flow {
	w.t.Helper()
	c := taskFlow()
	if change != nil {
		change(&c)
	}
	flow, err := w.CreateFlow(w.t.Context(), w.owner, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return flow
}

func TestCreateFlow_defaults(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, row := range []struct {
			name    string
			change  FlowChange
			enabled bool
			kind    string
		}{
			{"nothing said", FlowChange{}, false, Studio},
			{"a studio flow by its SID alone", FlowChange{Integration: IntegrationChange{FlowSID: new(sid.New("FW"))}}, true, Studio},
			{"an external flow", FlowChange{IntegrationType: new(External), Integration: IntegrationChange{URL: new("https://example.com/x")}}, true, External},
			{"an incomplete flow that is off", FlowChange{IntegrationType: new(Task), Enabled: new(false)}, false, Task},
		} {
			c := row.change
			c.FriendlyName, c.ChatService, c.ChannelType = new("F"), new(service), new("custom")
			flow, err := w.CreateFlow(t.Context(), w.owner, c)
			if err != nil {
				t.Errorf("%s: %v", row.name, err)
				continue
			}
			if flow.Enabled != row.enabled || flow.IntegrationType != row.kind || flow.Janitor || flow.LongLived {
				t.Errorf("%s: %+v", row.name, flow)
			}
			read, err := w.GetFlow(t.Context(), w.owner, flow.SID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(flow, read, cmp.AllowUnexported(Flow{}), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s: read back:\n%s", row.name, diff)
			}
		}
	})
}

func TestFlow_validation(t *testing.T) {
	rows := []struct {
		name   string
		change func(c *FlowChange)
		ok     bool
	}{
		{"no name", func(c *FlowChange) { c.FriendlyName = new("") }, false},
		{"a name of 255 letters", func(c *FlowChange) { c.FriendlyName = new(strings.Repeat("é", 255)) }, true},
		{"a name of 256 letters", func(c *FlowChange) { c.FriendlyName = new(strings.Repeat("é", 256)) }, false},
		{"no chat service", func(c *FlowChange) { c.ChatService = new(sid.SID("")) }, false},
		{"a chat service that is none", func(c *FlowChange) { c.ChatService = new(sid.New(sid.Channel)) }, false},
		{"no channel type", func(c *FlowChange) { c.ChannelType = new("") }, false},
		{"an unknown channel type", func(c *FlowChange) { c.ChannelType = new("fax") }, false},
		{"channel type custom", func(c *FlowChange) { c.ChannelType = new("custom") }, true},
		{"an identity of 256 letters", func(c *FlowChange) { c.ContactIdentity = new(strings.Repeat("é", 256)) }, true},
		{"an identity of 257 letters", func(c *FlowChange) { c.ContactIdentity = new(strings.Repeat("é", 257)) }, false},
		{"an unknown integration", func(c *FlowChange) { c.IntegrationType = new("fax") }, false},
		{"studio without a flow", func(c *FlowChange) { c.IntegrationType = new(Studio) }, false},
		{"studio with a flow that is none", func(c *FlowChange) { c.IntegrationType, c.Integration.FlowSID = new(Studio), new(sid.New(sid.Task)) }, false},
		{"external without an address", func(c *FlowChange) { c.IntegrationType = new(External) }, false},
		{"external with a file", func(c *FlowChange) { c.IntegrationType, c.Integration.URL = new(External), new("file:///etc/passwd") }, false},
		{"external without a host", func(c *FlowChange) { c.IntegrationType, c.Integration.URL = new(External), new("https:///x") }, false},
		{"an address that is too long", func(c *FlowChange) {
			c.IntegrationType, c.Integration.URL = new(External), new("https://example.com/"+strings.Repeat("x", 2048))
		}, false},
		{"external", func(c *FlowChange) { c.IntegrationType, c.Integration.URL = new(External), new("http://localhost:9/x") }, true},
		{"task without a workspace", func(c *FlowChange) { c.Integration.Workspace = new(sid.SID("")) }, false},
		{"task with a workspace that is none", func(c *FlowChange) { c.Integration.Workspace = new(sid.New(sid.Workflow)) }, false},
		{"task without a workflow", func(c *FlowChange) { c.Integration.Workflow = new(sid.SID("")) }, false},
		{"a timeout of 0", func(c *FlowChange) { c.Integration.Timeout = new(int64(0)) }, false},
		{"a timeout of 14 days", func(c *FlowChange) { c.Integration.Timeout = new(int64(1_209_600)) }, true},
		{"a timeout of more", func(c *FlowChange) { c.Integration.Timeout = new(int64(1_209_601)) }, false},
		{"a priority below 0", func(c *FlowChange) { c.Integration.Priority = new(int64(-1)) }, false},
		{"the highest priority", func(c *FlowChange) { c.Integration.Priority = new(int64(1<<31 - 1)) }, true},
		{"a higher priority", func(c *FlowChange) { c.Integration.Priority = new(int64(1 << 31)) }, false},
		{"retries below 0", func(c *FlowChange) { c.Integration.RetryCount = new(int64(-1)) }, false},
		{"three retries", func(c *FlowChange) { c.Integration.RetryCount = new(int64(3)) }, true},
		{"four retries", func(c *FlowChange) { c.Integration.RetryCount = new(int64(4)) }, false},
	}
	each(t, func(t *testing.T, w *world) {
		for _, row := range rows {
			code := 20001
			if row.ok {
				code = 0
			}
			c := taskFlow()
			row.change(&c)
			_, err := w.CreateFlow(t.Context(), w.owner, c)
			want(t, "create: "+row.name, err, code)

			flow := w.flow(nil)
			change := FlowChange{FriendlyName: new("changed")}
			row.change(&change)
			_, err = w.UpdateFlow(t.Context(), w.owner, flow.SID, change)
			want(t, "update: "+row.name, err, code)
			read, err := w.GetFlow(t.Context(), w.owner, flow.SID)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(flow, read, cmp.AllowUnexported(Flow{}), cmpopts.EquateEmpty()); (diff == "") == row.ok {
				t.Errorf("update: %s: after the answer %d the flow has changed so:\n%s", row.name, code, diff)
			}
		}
	})
}

func TestFlow_oneEnabledPerIdentity(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sms := func(identity string, enabled bool) func(c *FlowChange) {
			return func(c *FlowChange) {
				c.ChannelType, c.ContactIdentity, c.Enabled = new("sms"), &identity, &enabled
			}
		}
		first := w.flow(sms("+15005550100", true))
		c := taskFlow()
		sms(" +15005550100", true)(&c)
		_, err := w.CreateFlow(t.Context(), w.owner, c)
		want(t, "a second one", err, 20001)
		_, err = w.CreateFlow(t.Context(), w.other, c)
		want(t, "another account's", err, 0)
		second := w.flow(sms("+15005550100", false))
		_, err = w.UpdateFlow(t.Context(), w.owner, second.SID, FlowChange{Enabled: new(true)})
		want(t, "to switch a second one on", err, 20001)
		third := w.flow(sms("+15005550101", true))
		_, err = w.UpdateFlow(t.Context(), w.owner, third.SID, FlowChange{ContactIdentity: new("+15005550100")})
		want(t, "to take the identity", err, 20001)
		_, err = w.UpdateFlow(t.Context(), w.owner, first.SID, FlowChange{FriendlyName: new("still the same")})
		want(t, "to change the one that has it", err, 0)
		_, err = w.UpdateFlow(t.Context(), w.owner, first.SID, FlowChange{Enabled: new(false)})
		want(t, "to switch it off", err, 0)
		_, err = w.UpdateFlow(t.Context(), w.owner, second.SID, FlowChange{Enabled: new(true)})
		want(t, "to switch the second one on then", err, 0)
		w.flow(func(c *FlowChange) { c.ChannelType, c.ContactIdentity = new("whatsapp"), new("+15005550100") })
		for range 2 {
			w.flow(func(c *FlowChange) { c.ContactIdentity = new("shop") }) // web flows have no such bound
			w.flow(sms("", true))
		}
	})
}

func TestFlow_oneEnabledPerIdentityAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.do(func(tx *db.Tx) error { return w.PutConfigurationTx(tx, w.owner.Account, ConfigurationDocument{}) })
		var all sync.WaitGroup
		var mu sync.Mutex
		made := 0
		for range 20 {
			all.Go(func() {
				c := taskFlow()
				c.ChannelType, c.ContactIdentity = new("sms"), new("+15005550100")
				if _, err := w.CreateFlow(context.Background(), w.owner, c); err == nil {
					mu.Lock()
					defer mu.Unlock()
					made++
				} else if !fault.HasCode(err, 20001) {
					t.Errorf("create: %v", err)
				}
			})
		}
		all.Wait()
		if made != 1 {
			t.Errorf("%d enabled flows for one identity", made)
		}
	})
}

func TestFlow_access(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(nil)
		for role, code := range map[account.Role]int{account.RoleVisitor: 20403, account.RoleAgent: 0, account.RoleSupervisor: 0, account.RoleAdmin: 0} {
			_, err := w.GetFlow(t.Context(), w.as(role, "x"), flow.SID)
			want(t, string(role)+" reads", err, code)
			_, err = w.ListFlows(t.Context(), w.as(role, "x"), "", db.Page{Size: 10})
			want(t, string(role)+" lists", err, code)
			if role == account.RoleAdmin {
				continue
			}
			_, err = w.CreateFlow(t.Context(), w.as(role, "x"), taskFlow())
			want(t, string(role)+" creates", err, 20403)
			_, err = w.UpdateFlow(t.Context(), w.as(role, "x"), flow.SID, FlowChange{})
			want(t, string(role)+" updates", err, 20403)
			want(t, string(role)+" deletes", w.DeleteFlow(t.Context(), w.as(role, "x"), flow.SID), 20403)
		}
		_, err := w.GetFlow(t.Context(), w.other, flow.SID)
		want(t, "another account reads", err, 20404)
		_, err = w.UpdateFlow(t.Context(), w.other, flow.SID, FlowChange{FriendlyName: new("mine")})
		want(t, "another account updates", err, 20404)
		want(t, "another account deletes", w.DeleteFlow(t.Context(), w.other, flow.SID), 20404)
		if page, err := w.ListFlows(t.Context(), w.other, "", db.Page{Size: 10}); err != nil || len(page.Items) != 0 {
			t.Errorf("another account lists %d flows, %v", len(page.Items), err)
		}
	})
}

func TestPublicFlowAndList(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.PublicFlow(t.Context(), "")
		want(t, "none", err, 20404)
		off := w.flow(func(c *FlowChange) { c.Enabled = new(false) })
		sms := w.flow(func(c *FlowChange) { c.ChannelType = new("sms") })
		first := w.flow(nil)
		second := w.flow(func(c *FlowChange) { c.FriendlyName = new("Second") })
		for _, s := range []sid.SID{off.SID, sms.SID, sid.New(sid.FlexFlow)} {
			_, err := w.PublicFlow(t.Context(), s)
			want(t, "not for the public", err, 20404)
		}
		for asked, expect := range map[sid.SID]sid.SID{"": first.SID, second.SID: second.SID} {
			if flow, err := w.PublicFlow(t.Context(), asked); err != nil || flow.SID != expect {
				t.Errorf("%q: %s %v, want %s", asked, flow.SID, err, expect)
			}
		}
		page, err := w.ListFlows(t.Context(), w.owner, "Second", db.Page{Size: 10})
		if err != nil || len(page.Items) != 1 || page.Items[0].SID != second.SID {
			t.Errorf("by name: %+v %v", page, err)
		}
		if page, err = w.ListFlows(t.Context(), w.owner, "", db.Page{Size: 3}); err != nil || len(page.Items) != 3 || page.Next == "" || page.Items[0].SID != off.SID {
			t.Errorf("all: %d %q %v", len(page.Items), page.Next, err)
		}
		if err := w.DeleteFlow(t.Context(), w.owner, first.SID); err != nil {
			t.Fatal(err)
		}
		_, err = w.GetFlow(t.Context(), w.owner, first.SID)
		want(t, "deleted", err, 20404)
		want(t, "deleted again", w.DeleteFlow(t.Context(), w.owner, first.SID), 20404)
	})
}
