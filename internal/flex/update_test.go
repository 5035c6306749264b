package flex

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/sid"
)

// Each field changes alone: what a request does not name stays as it is.
func TestUpdateFlow_fieldByField(t *testing.T) {
	var (
		otherService                    = sid.New(sid.ChatService)
		studioFlow, workspace, workflow = sid.New("FW"), sid.New(sid.Workspace), sid.New(sid.Workflow)
	)
	rows := []struct {
		name   string
		change FlowChange
		apply  func(f *Flow)
	}{
		{"nothing", FlowChange{}, func(*Flow) {}},
		{"friendly name", FlowChange{FriendlyName: new("New")}, func(f *Flow) { f.FriendlyName = "New" }},
		{"chat service", FlowChange{ChatService: &otherService}, func(f *Flow) { f.ChatService = otherService }},
		{"channel type", FlowChange{ChannelType: new("sms")}, func(f *Flow) { f.ChannelType = "sms" }},
		{"off", FlowChange{Enabled: new(false)}, func(f *Flow) { f.Enabled = false }},
		{"long-lived", FlowChange{LongLived: new(true)}, func(f *Flow) { f.LongLived = true }},
		{"janitor", FlowChange{Janitor: new(true)}, func(f *Flow) { f.Janitor = true }},
		{"workspace", FlowChange{Integration: IntegrationChange{Workspace: &workspace}}, func(f *Flow) { f.Integration.Workspace = workspace }},
		{"workflow", FlowChange{Integration: IntegrationChange{Workflow: &workflow}}, func(f *Flow) { f.Integration.Workflow = workflow }},
		{"task channel", FlowChange{Integration: IntegrationChange{Channel: new("sms")}}, func(f *Flow) { f.Integration.Channel = "sms" }},
		{"timeout", FlowChange{Integration: IntegrationChange{Timeout: new(int64(5))}}, func(f *Flow) { f.Integration.Timeout = new(int64(5)) }},
		{"priority", FlowChange{Integration: IntegrationChange{Priority: new(int64(0))}}, func(f *Flow) { f.Integration.Priority = new(int64(0)) }},
		{
			"on message",
			FlowChange{Integration: IntegrationChange{CreationOnMessage: new(false)}},
			func(f *Flow) { f.Integration.CreationOnMessage = new(false) },
		},
		{"retries", FlowChange{Integration: IntegrationChange{RetryCount: new(int64(1))}}, func(f *Flow) { f.Integration.RetryCount = new(int64(1)) }},
		{
			"to studio",
			FlowChange{IntegrationType: new(Studio), Integration: IntegrationChange{FlowSID: &studioFlow}},
			func(f *Flow) { f.IntegrationType, f.Integration.FlowSID = Studio, studioFlow },
		},
		{
			"to external",
			FlowChange{IntegrationType: new(External), Integration: IntegrationChange{URL: new("https://example.com/")}},
			func(f *Flow) { f.IntegrationType, f.Integration.URL = External, "https://example.com/" },
		},
	}
	each(t, func(t *testing.T, w *world) {
		for _, row := range rows {
			want := w.flow(nil)
			got, err := w.UpdateFlow(t.Context(), w.as(account.RoleAdmin, "admin"), want.SID, row.change)
			if err != nil {
				t.Errorf("%s: %v", row.name, err)
				continue
			}
			row.apply(&want)
			opts := cmp.Options{cmp.AllowUnexported(Flow{}), cmpopts.IgnoreFields(db.Row{}, "Version", "UpdatedAt"), cmpopts.EquateEmpty()}
			if diff := cmp.Diff(want, got, opts); diff != "" {
				t.Errorf("%s: the answer:\n%s", row.name, diff)
			}
			read, err := w.GetFlow(t.Context(), w.owner, want.SID)
			if diff := cmp.Diff(want, read, opts); err != nil || diff != "" {
				t.Errorf("%s: read back: %v\n%s", row.name, err, diff)
			}
			if read.Version != want.Version+1 || read.UpdatedAt.Before(want.UpdatedAt) {
				t.Errorf("%s: version %d, updated %v", row.name, read.Version, read.UpdatedAt)
			}
		}
	})
}

// An identity that is taken away gives its place to another flow.
func TestUpdateFlow_identityTakenAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		sms := func(c *FlowChange) { c.ChannelType, c.ContactIdentity = new("sms"), new("+15005550100") }
		first := w.flow(sms)
		if _, err := w.UpdateFlow(t.Context(), w.owner, first.SID, FlowChange{ContactIdentity: new("")}); err != nil {
			t.Fatal(err)
		}
		w.flow(sms)
		_, err := w.UpdateFlow(t.Context(), w.owner, first.SID, FlowChange{ContactIdentity: new("+15005550100")})
		want(t, "to take it back", err, 20001)
		if read, err := w.GetFlow(t.Context(), w.owner, first.SID); err != nil || read.ContactIdentity != "" || read.contactHash != nil {
			t.Errorf("after the refusal: %+v %v", read, err)
		}
	})
}

func TestUpdateFlow_atOnceLosesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(nil)
		changes := []FlowChange{
			{FriendlyName: new("New")},
			{LongLived: new(true)},
			{Janitor: new(true)},
			{Integration: IntegrationChange{Channel: new("sms")}},
			{Integration: IntegrationChange{Priority: new(int64(3))}},
			{Integration: IntegrationChange{Timeout: new(int64(9))}},
		}
		var all sync.WaitGroup
		for _, c := range changes {
			all.Go(func() {
				if _, err := w.UpdateFlow(t.Context(), w.owner, flow.SID, c); err != nil {
					t.Errorf("update: %v", err)
				}
			})
		}
		all.Wait()
		got, err := w.GetFlow(t.Context(), w.owner, flow.SID)
		if err != nil {
			t.Fatal(err)
		}
		i := got.Integration
		if got.FriendlyName != "New" || !got.LongLived || !got.Janitor || i.Channel != "sms" || *i.Priority != 3 || *i.Timeout != 9 || got.Version != flow.Version+6 {
			t.Errorf("the flow %+v", got)
		}
	})
}

func TestLists_page(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(nil)
		var flows, channels []sid.SID
		flows = append(flows, flow.SID)
		for i := range 7 {
			flows = append(flows, w.flow(nil).SID)
			contact, _ := w.contact(w.owner, fmt.Sprintf("visitor-%d", i), "V")
			channels = append(channels, w.channel(flow, contact, true).SID)
		}
		foreign, _ := w.contact(w.other, "visitor", "V")
		w.channel(flow, foreign, true)
		read := func(next func(p db.Page) ([]sid.SID, string)) (all []sid.SID) {
			for p := (db.Page{Size: 3}); ; {
				items, after := next(p)
				all = append(all, items...)
				if after == "" {
					return all
				}
				p.After = after
			}
		}
		got := read(func(p db.Page) (all []sid.SID, next string) {
			page, err := w.ListFlows(t.Context(), w.owner, "", p)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range page.Items {
				all = append(all, v.SID)
			}
			return all, page.Next
		})
		if diff := cmp.Diff(flows, got); diff != "" {
			t.Errorf("flows:\n%s", diff)
		}
		got = read(func(p db.Page) (all []sid.SID, next string) {
			page, err := w.ListChannels(t.Context(), w.owner, true, p)
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range page.Items {
				all = append(all, v.SID)
			}
			return all, page.Next
		})
		if diff := cmp.Diff(channels, got); diff != "" {
			t.Errorf("channels:\n%s", diff)
		}
	})
}

func TestVisible(t *testing.T) {
	t.Parallel()
	c := Channel{ChannelDocument: ChannelDocument{Identity: "ada"}}
	for _, row := range []struct {
		role     account.Role
		identity string
		want     bool
	}{
		{account.RoleOwner, "", true},
		{account.RoleAdmin, "x", true},
		{account.RoleSupervisor, "x", true},
		{account.RoleAgent, "x", true},
		{account.RoleVisitor, "ada", true},
		{account.RoleVisitor, "Ada", false},
		{account.RoleVisitor, "", false},
		{"", "ada", false},
	} {
		if got := Visible(account.Actor{Account: 1, Role: row.role, Identity: row.identity}, c); got != row.want {
			t.Errorf("%s %q: %v", row.role, row.identity, got)
		}
	}
}

// What a channel holds comes back as it was given, under the contact's key and under no other.
func TestChannel_keepsItsDocument(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(nil)
		ada, _ := w.contact(w.owner, "ada", "Ada")
		c := Channel{
			Row: db.Row{SID: sid.New(sid.Channel), Account: ada.Account, Key: ada.Key}, FlowID: flow.ID, ContactID: ada.ID, Open: true,
			ChannelDocument: ChannelDocument{
				Flow: flow.SID, User: sid.New(sid.User), Service: service, Identity: "ada", Name: "Ada", ChannelType: "sms", Target: "+15005550111",
				PreEngagement: json.RawMessage(`{"z":1,"a":"b"}`), TaskAttributes: json.RawMessage(`{"n":12345678901234567890}`), LongLived: true,
			},
		}
		w.do(func(tx *db.Tx) error { return w.CreateChannelTx(tx, &c) })
		read, err := w.GetChannel(t.Context(), w.owner, c.SID, false)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, read); diff != "" {
			t.Errorf("read back:\n%s", diff)
		}
		w.do(func(tx *db.Tx) error { return db.DestroyDataKey(tx, ada.Account, ada.Key) })
		if _, err := w.GetChannel(t.Context(), w.owner, c.SID, false); err == nil {
			t.Error("the channel can be read after its key was destroyed")
		}
	})
}
