package flex

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"usher/internal/account"
	"usher/internal/db"
	"usher/internal/sid"
)

func (w *world) contact(actor account.Actor, identity, name string) (c Contact, made bool) {
	w.t.Helper()
	w.do(func(tx *db.Tx) (err error) {
		c, made, err = w.EnsureContactTx(tx, actor.Account, identity, name)
		return err
	})
	return c, made
}

func (w *world) channel(flow Flow, contact Contact, web bool) Channel {
	w.t.Helper()
	c := Channel{
		Row: db.Row{SID: sid.New(sid.Channel), Account: contact.Account, Key: contact.Key}, FlowID: flow.ID, ContactID: contact.ID, Web: web, Open: true,
		ChannelDocument: ChannelDocument{Flow: flow.SID, Identity: contact.Identity, Name: "Ada", ChannelType: "sms", LongLived: true, Service: service},
	}
	w.do(func(tx *db.Tx) error { return w.CreateChannelTx(tx, &c) })
	return c
}

func TestContact(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ada, made := w.contact(w.owner, "ada", "Ada")
		if !made || ada.Key == 0 || ada.Identity != "ada" {
			t.Fatalf("contact %+v %v", ada, made)
		}
		again, made := w.contact(w.owner, "ada", "")
		if made || again.ID != ada.ID || again.Key != ada.Key || again.FriendlyName != "Ada" {
			t.Errorf("again: %+v %v", again, made)
		}
		if renamed, _ := w.contact(w.owner, "ada", "Ada L"); renamed.ID != ada.ID || renamed.FriendlyName != "Ada L" {
			t.Errorf("renamed: %+v", renamed)
		}
		if read, _ := w.contact(w.owner, "ada", ""); read.FriendlyName != "Ada L" {
			t.Errorf("the new name was not kept: %+v", read)
		}
		bob, _ := w.contact(w.owner, "bob", "Bob")
		foreign, made := w.contact(w.other, "ada", "Ada")
		if bob.Key == ada.Key || !made || foreign.ID == ada.ID || foreign.Key == ada.Key {
			t.Errorf("keys %d %d %d must differ", ada.Key, bob.Key, foreign.Key)
		}
	})
}

func TestContact_madeOnceByMany(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var all sync.WaitGroup
		var mu sync.Mutex
		ids, makers := map[int64]bool{}, 0
		for range 50 {
			all.Go(func() {
				var c Contact
				var made bool
				for {
					err := w.db.Do(context.Background(), func(tx *db.Tx) (err error) {
						c, made, err = w.EnsureContactTx(tx, w.owner.Account, "ada", "Ada")
						return err
					})
					if errors.Is(err, db.ErrConflict) {
						continue // as its doc says: run again
					}
					if err != nil {
						t.Errorf("contact: %v", err)
					}
					break
				}
				mu.Lock()
				defer mu.Unlock()
				ids[c.ID] = true
				if made {
					makers++
				}
			})
		}
		all.Wait()
		if len(ids) != 1 || makers != 1 {
			t.Errorf("%d contacts, %d makers", len(ids), makers)
		}
	})
}

func TestChannel_lifeAndOneOpen(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(nil)
		ada, _ := w.contact(w.owner, "ada", "Ada")
		c := w.channel(flow, ada, true)
		second := Channel{Row: db.Row{SID: sid.New(sid.Channel), Account: c.Account, Key: c.Key}, FlowID: flow.ID, ContactID: ada.ID, Open: true}
		if err := w.db.Do(t.Context(), func(tx *db.Tx) error { return w.CreateChannelTx(tx, &second) }); !errors.Is(err, db.ErrConflict) {
			t.Errorf("a second open channel: %v, want a conflict", err)
		}
		task, next := sid.New(sid.Task), sid.New(sid.Task)
		w.do(func(tx *db.Tx) error {
			found, err := w.OpenChannelTx(tx, flow.ID, ada.ID)
			if err != nil || found.SID != c.SID {
				t.Errorf("open: %s %v", found.SID, err)
			}
			found.SetTask(task)
			found.Began = new(int64(0))
			return w.UpdateChannelTx(tx, &found)
		})
		read, err := w.GetChannel(t.Context(), w.owner, c.SID, true)
		if err != nil || !read.HasTask(task) || read.HasTask(next) || read.LastTask != task || *read.Began != 0 {
			t.Errorf("with a task: %+v %v", read, err)
		}
		read.SetTask("")
		if read.Task != nil || read.LastTask != task || read.HasTask("") || read.HasTask(task) {
			t.Errorf("without a task: %+v", read)
		}
		stale := read
		w.do(func(tx *db.Tx) error {
			read.Open = false
			return w.UpdateChannelTx(tx, &read)
		})
		if err := w.db.Do(t.Context(), func(tx *db.Tx) error { return w.UpdateChannelTx(tx, &stale) }); !errors.Is(err, db.ErrConflict) {
			t.Errorf("a stale write: %v, want a conflict", err)
		}
		w.do(func(tx *db.Tx) error {
			if _, err := w.OpenChannelTx(tx, flow.ID, ada.ID); !errors.Is(err, db.ErrNotFound) {
				t.Errorf("open after the end: %v", err)
			}
			return nil
		})
		w.channel(flow, ada, true) // the end makes room for another one
		w.do(func(tx *db.Tx) error { return w.DeleteChannelTx(tx, &read) })
		_, err = w.GetChannel(t.Context(), w.owner, c.SID, true)
		want(t, "deleted", err, 20404)
	})
}

func TestChannel_access(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow, other := w.flow(nil), w.flow(nil)
		ada, _ := w.contact(w.owner, "ada", "Ada")
		web, sms := w.channel(flow, ada, true), w.channel(other, ada, false)
		for _, row := range []struct {
			name  string
			actor account.Actor
			c     Channel
			web   bool
			code  int
		}{
			{"owner", w.owner, web, true, 0},
			{"agent", w.as(account.RoleAgent, "bert"), web, true, 0},
			{"the visitor", w.as(account.RoleVisitor, "ada"), web, true, 0},
			{"another visitor", w.as(account.RoleVisitor, "bob"), web, true, 20404},
			{"another account", w.other, web, true, 20404},
			{"a web channel by the other path", w.owner, web, false, 20404},
			{"a channel by the web's path", w.owner, sms, true, 20404},
			{"a channel", w.owner, sms, false, 0},
		} {
			got, err := w.GetChannel(t.Context(), row.actor, row.c.SID, row.web)
			want(t, row.name, err, row.code)
			if err == nil && got.SID != row.c.SID || err != nil && got.SID != "" {
				t.Errorf("%s: answered %s", row.name, got.SID)
			}
		}
		for kind, expect := range map[bool]sid.SID{true: web.SID, false: sms.SID} {
			page, err := w.ListChannels(t.Context(), w.owner, kind, db.Page{Size: 10})
			if err != nil || len(page.Items) != 1 || page.Items[0].SID != expect {
				t.Errorf("list, web %v: %+v %v", kind, page, err)
			}
		}
		_, err := w.ListChannels(t.Context(), w.as(account.RoleVisitor, "ada"), true, db.Page{Size: 10})
		want(t, "a visitor lists", err, 20403)
		w.do(func(tx *db.Tx) error {
			_, err := w.ChannelTx(tx, w.other.Account, web.SID)
			want(t, "another account, inside", err, 20404)
			return nil
		})
	})
}

func TestFlowOf(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		flow := w.flow(nil)
		ada, _ := w.contact(w.owner, "ada", "Ada")
		c := w.channel(flow, ada, false)
		of := func() (got Flow) {
			w.do(func(tx *db.Tx) (err error) { got, err = w.FlowOf(tx, c); return err })
			return got
		}
		if diff := cmp.Diff(flow, of(), cmp.AllowUnexported(Flow{}), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("the flow:\n%s", diff)
		}
		if err := w.DeleteFlow(t.Context(), w.owner, flow.SID); err != nil {
			t.Fatal(err)
		}
		got := of()
		if got.SID != flow.SID || got.Account != flow.Account || got.ChannelType != "sms" || got.IntegrationType != "" || !got.LongLived || !got.Janitor || got.Enabled {
			t.Errorf("what stands for a deleted flow: %+v", got)
		}
		if text := got.Describe(); !strings.Contains(text, string(flow.SID)) || strings.Contains(text, "Web") {
			t.Errorf("described as %q", text)
		}
	})
}

func TestAmend(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ old, want string }{
		{`{"a":1,"status":"ACTIVE"}`, `{"a":1,"status":"INACTIVE"}`},
		{`{}`, `{"status":"INACTIVE"}`},
		{``, `{"status":"INACTIVE"}`},
		{`[1]`, `{"status":"INACTIVE"}`},
		{`"text"`, `{"status":"INACTIVE"}`},
		{`7`, `{"status":"INACTIVE"}`},
		{`null`, `{"status":"INACTIVE"}`},
	} {
		got, err := Amend(json.RawMessage(row.old), map[string]any{"status": "INACTIVE"})
		if err != nil || string(got) != row.want {
			t.Errorf("%s: %s %v, want %s", row.old, got, err, row.want)
		}
	}
}

func TestConfiguration(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, err := w.GetConfiguration(t.Context(), w.owner)
		want(t, "before there is one", err, 20404)
		_, err = w.UpdateConfiguration(t.Context(), w.owner, nil)
		want(t, "update before there is one", err, 20404)
		first := ConfigurationDocument{Workspace: sid.New(sid.Workspace), Workflow: sid.New(sid.Workflow), ChatService: service}
		w.do(func(tx *db.Tx) error { return w.PutConfigurationTx(tx, w.owner.Account, first) })
		next := sid.New(sid.Workspace)
		changed, err := w.UpdateConfiguration(t.Context(), w.owner, map[string]json.RawMessage{
			"taskrouter_workspace_sid": json.RawMessage(`"` + string(next) + `"`), "ui_language": json.RawMessage(`"ja"`), "attributes": json.RawMessage(`{"a":[1,2]}`),
		})
		if err != nil || changed.Workspace != next {
			t.Fatalf("update: %+v %v", changed, err)
		}
		for name, bad := range map[string]string{
			"taskrouter_workspace_sid": `"WKx"`, "taskrouter_target_workflow_sid": `7`, "taskrouter_target_taskqueue_sid": `"` + string(next) + `"`,
			"taskrouter_offline_activity_sid": `null`, "chat_service_instance_sid": `""`, "flex_service_instance_sid": `"x"`,
			"anything": `"` + strings.Repeat("x", configurationMost) + `"`,
		} {
			_, err := w.UpdateConfiguration(t.Context(), w.owner, map[string]json.RawMessage{name: json.RawMessage(bad), "ui_language": json.RawMessage(`"de"`)})
			want(t, name, err, 20001)
		}
		read, err := w.GetConfiguration(t.Context(), w.as(account.RoleAgent, "bert"))
		if err != nil {
			t.Fatal(err)
		}
		expect := first
		expect.Workspace = next
		expect.Fields = map[string]json.RawMessage{"ui_language": json.RawMessage(`"ja"`), "attributes": json.RawMessage(`{"a":[1,2]}`)}
		if diff := cmp.Diff(expect, read.ConfigurationDocument); diff != "" {
			t.Errorf("the configuration:\n%s", diff)
		}
		_, err = w.UpdateConfiguration(t.Context(), w.as(account.RoleSupervisor, "s"), nil)
		want(t, "a supervisor", err, 20403)
		_, err = w.GetConfiguration(t.Context(), w.as(account.RoleVisitor, "v"))
		want(t, "a visitor", err, 20403)
		_, err = w.GetConfiguration(t.Context(), w.other)
		want(t, "another account", err, 20404)
		w.do(func(tx *db.Tx) error { return w.PutConfigurationTx(tx, w.owner.Account, first) })
		if again, err := w.GetConfiguration(t.Context(), w.owner); err != nil || again.Workspace != first.Workspace || again.ID != read.ID {
			t.Errorf("put again: %+v %v", again, err)
		}
	})
}
