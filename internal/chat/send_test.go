package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/chat/check"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

func TestSend(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada", "bob")
		ada := w.as(account.RoleVisitor, "ada")
		m, repeated, err := w.Send(ctx(), ada, ch.SID, NewMessage{Body: "Hello", Attributes: ` {"a": 1} `, ClientID: "c1"})
		if err != nil || repeated {
			t.Fatal(err, repeated)
		}
		same(t, "index", m.Index, 0)
		same(t, "author", m.Author, "ada")
		same(t, "attributes", string(m.Attributes), `{"a":1}`)
		same(t, "key", m.Key, w.key)
		if m.MemberSID == "" || m.CreatedAt.IsZero() {
			t.Errorf("message %+v", m)
		}
		same(t, "second index", w.say(ch, "", "from the API").Index, 1)
		got, err := w.GetMessage(ctx(), w.as(account.RoleAgent, "bob"), w.place(ch), m.SID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "body", got.Body, "Hello")
		same(t, "client id", got.ClientID, "c1")

		now := w.get(ch)
		same(t, "messages", now.Messages, 2)
		same(t, "last index", now.LastIndex, 1)
		var data MessageData
		kinds := w.stream(event.Channel, ch.Row, &data)
		same(t, "events", words(kinds...), words(event.MemberAdded, event.MemberAdded, event.MessageAdded, event.MessageAdded))
		same(t, "head", now.Head, int64(len(kinds)))
		same(t, "author of the API", data.Author, System)
		if data.MemberSID != nil || data.Index != 1 || data.Body != "from the API" || string(data.Attributes) != "{}" {
			t.Errorf("payload %+v", data)
		}
	})
}

func TestSend_sameClientIDOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada")
		ada := w.as(account.RoleVisitor, "ada")
		var wait sync.WaitGroup
		var mu sync.Mutex
		firsts, seen := 0, map[sid.SID]bool{}
		for i := range 20 {
			wait.Go(func() {
				m, repeated, err := w.Send(ctx(), ada, ch.SID, NewMessage{Body: fmt.Sprint(i), ClientID: "same"})
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				if !repeated {
					firsts++
				}
				seen[m.SID] = true
			})
		}
		wait.Wait()
		same(t, "written", firsts, 1)
		same(t, "messages answered", len(seen), 1)
		same(t, "messages kept", w.get(ch).Messages, 1)
		same(t, "next index", w.say(ch, "", "next").Index, 1)

		other := w.channel("ada")
		if _, repeated, err := w.Send(ctx(), w.owner, ch.SID, NewMessage{Author: "bob", ClientID: "same"}); repeated || err != nil {
			t.Errorf("the client id counts for another author: %v %v", repeated, err)
		}
		if _, repeated, err := w.Send(ctx(), ada, other.SID, NewMessage{ClientID: "same"}); repeated || err != nil {
			t.Errorf("the client id counts in another channel: %v %v", repeated, err)
		}
	})
}

func TestSendTx(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada")
		w.do(func(tx *db.Tx) error {
			c := ch
			for i := range 3 {
				m, repeated, err := w.SendTx(tx, &c, NewMessage{Author: "ada", Body: "x", ClientID: fmt.Sprint("id", i/2)})
				if err != nil {
					return err
				}
				same(t, "repeated", repeated, i == 1)
				same(t, "index", m.Index, int64(i/2))
				same(t, "last index", c.LastIndex, int64(i/2))
				if m.MemberSID == "" {
					t.Error("no member")
				}
			}
			same(t, "messages", c.Messages, 2)
			return nil
		})
		w.do(func(tx *db.Tx) error {
			c := ch
			if err := w.DeleteChannelTx(tx, &c); err != nil {
				return err
			}
			_, _, err := w.SendTx(tx, &ch, NewMessage{Body: "late"})
			want(t, err, 20404)
			return nil
		})
	})
}

func TestSend_refuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada")
		ada := w.as(account.RoleVisitor, "ada")
		stranger := w.owner
		w.do(func(tx *db.Tx) (err error) {
			stranger.Account, err = db.CreateKeyset(tx)
			return err
		})
		elsewhere := ada
		elsewhere.ChatService = sid.New(sid.ChatService)
		long := strings.Repeat("x", check.MaxBody+1)
		for _, tc := range []struct {
			name  string
			actor account.Actor
			n     NewMessage
			code  int
		}{
			{"not a member", w.as(account.RoleVisitor, "eve"), NewMessage{}, 20404},
			{"nobody", w.as(account.RoleVisitor, ""), NewMessage{}, 20404},
			{"supervisor who reads only", w.as(account.RoleSupervisor, "sue"), NewMessage{}, 50107},
			{"another account", stranger, NewMessage{}, 20404},
			{"another service", elsewhere, NewMessage{}, 20404},
			{"as somebody else", ada, NewMessage{Author: "bob"}, 50107},
			{"in the past", ada, NewMessage{DateCreated: time.Unix(1, 0)}, 50107},
			{"long body", ada, NewMessage{Body: long}, 50504},
			{"broken body", ada, NewMessage{Body: "\xff"}, 20001},
			{"long attributes", ada, NewMessage{Attributes: `"` + strings.Repeat("x", check.MaxMessageAttributes) + `"`}, 50303},
			{"broken attributes", ada, NewMessage{Attributes: `{"a":}`}, 50304},
			{"long author", w.owner, NewMessage{Author: strings.Repeat("x", 300)}, 50310},
			{"long editor", w.owner, NewMessage{LastUpdatedBy: strings.Repeat("x", 300)}, 50505},
			{"long client id", ada, NewMessage{ClientID: strings.Repeat("x", check.MaxClientID+1)}, 20001},
			{"largest body", ada, NewMessage{Body: long[1:]}, 0},
		} {
			_, _, err := w.Send(ctx(), tc.actor, ch.SID, tc.n)
			if (tc.code != 0) != (err != nil) || tc.code != 0 && !fault.HasCode(err, tc.code) {
				t.Errorf("%s: %v, want code %d", tc.name, err, tc.code)
			}
		}
		_, _, err := w.SendTo(ctx(), w.owner, Place{w.service.SID, "no such name"}, NewMessage{})
		want(t, err, 20404)
		_, _, err = w.Send(ctx(), w.owner, sid.New(sid.Channel), NewMessage{})
		want(t, err, 20404)
		same(t, "messages", w.get(ch).Messages, 1)
	})
}

// What is remembered of a sender must not outlive a change.
func TestSend_revocationIsExact(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ada := w.as(account.RoleVisitor, "ada")
		send := func(ch Channel) error {
			_, _, err := w.Send(ctx(), ada, ch.SID, NewMessage{Body: "x"})
			return err
		}
		mute, err := w.CreateRole(ctx(), w.owner, w.service.SID, NewRole{"mute", ScopeChannel, []string{"leaveChannel"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, tc := range []struct {
			name   string
			revoke func(ch Channel) error
			code   int
		}{
			{"removed", func(ch Channel) error { return w.RemoveMember(ctx(), w.owner, w.place(ch), "ada") }, 20404},
			{"other role", func(ch Channel) error {
				_, err := w.UpdateMember(ctx(), w.owner, w.place(ch), "ada", MemberChange{RoleSID: &mute.SID})
				return err
			}, 50107},
			{"channel deleted", func(ch Channel) error { return w.DeleteChannel(ctx(), w.owner, w.place(ch)) }, 20404},
			{"role changed", func(Channel) error {
				_, err := w.UpdateRole(ctx(), w.owner, w.service.SID, w.service.ChannelRole, []string{"leaveChannel"})
				return err
			}, 50107},
			{"user deleted", func(Channel) error { return w.DeleteUser(ctx(), w.owner, w.service.SID, "ada") }, 20404},
			{"service deleted", func(Channel) error { return w.DeleteService(ctx(), w.owner, w.service.SID) }, 20404},
		} {
			ch := w.channel("ada")
			if tc.name == "user deleted" {
				_, err := w.UpdateRole(ctx(), w.owner, w.service.SID, w.service.ChannelRole, []string{"sendMessage"})
				want(t, err, 0)
			}
			want(t, send(ch), 0)
			want(t, send(ch), 0)
			if err := tc.revoke(ch); err != nil {
				t.Fatalf("%s: %v", tc.name, err)
			}
			if err := send(ch); !fault.HasCode(err, tc.code) {
				t.Errorf("%s: %v, want %d", tc.name, err, tc.code)
			}
		}
	})
}

// What is remembered must not refuse what has been allowed since.
func TestSend_grantIsExact(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel()
		ada := w.as(account.RoleSupervisor, "ada")
		_, _, err := w.Send(ctx(), ada, ch.SID, NewMessage{})
		want(t, err, 50107)
		_, err = w.AddMember(ctx(), w.owner, w.place(ch), NewMember{Identity: "ada"})
		want(t, err, 0)
		m, _, err := w.Send(ctx(), ada, ch.SID, NewMessage{})
		want(t, err, 0)
		if m.MemberSID == "" {
			t.Error("the member is not known")
		}
		// The same of the account itself, whose seat is that of the author.
		before := w.say(ch, "bob", "x")
		_, err = w.AddMember(ctx(), w.owner, w.place(ch), NewMember{Identity: "bob"})
		want(t, err, 0)
		after := w.say(ch, "bob", "x")
		if before.MemberSID != "" || after.MemberSID == "" {
			t.Errorf("member %q, then %q", before.MemberSID, after.MemberSID)
		}
	})
}

func TestSend_gaplessUnderLoad(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const senders, each = 12, 25
		ch := w.channel("a")
		var wait sync.WaitGroup
		for i := range senders {
			wait.Go(func() {
				for n := range each {
					if i == 0 && n%5 == 0 { // somebody comes and goes meanwhile
						if _, err := w.AddMember(ctx(), w.owner, w.place(ch), NewMember{Identity: fmt.Sprint("guest", n)}); err != nil {
							t.Error(err)
						}
						continue
					}
					if _, _, err := w.Send(ctx(), w.as(account.RoleVisitor, "a"), ch.SID, NewMessage{Body: "x"}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		const total = senders*each - each/5
		var list []Message
		for after := ""; ; {
			page, err := w.ListMessages(ctx(), w.owner, w.place(ch), db.Page{Size: 70, After: after})
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, page.Items...)
			if after = page.Next; after == "" {
				break
			}
		}
		same(t, "messages", len(list), total)
		for i, m := range list {
			if m.Index != int64(i) {
				t.Fatalf("message %d has index %d", i, m.Index)
			}
		}
		now := w.get(ch)
		same(t, "counter", now.Messages, total)
		same(t, "head", now.Head, int64(total+1+each/5))
		w.mu.Lock()
		defer w.mu.Unlock()
		offset := int64(0)
		for _, e := range w.events {
			if e.Stream.Kind != event.Channel {
				continue
			}
			offset++
			if w.db.Dialect() == "sqlite" && e.Offset != offset {
				t.Fatalf("published %d at place %d", e.Offset, offset)
			}
		}
		same(t, "published", offset, now.Head)
	})
}

func TestSettleTx_watched(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel()
		w.say(ch, "", "before")
		w.do(func(tx *db.Tx) error {
			return w.SettleTx(tx, &ch, true, func(old json.RawMessage) (json.RawMessage, error) { return old, nil })
		})
		w.say(ch, "", "after")
		w.mu.Lock()
		defer w.mu.Unlock()
		n := len(w.events)
		if w.events[n-2].Watched || !w.events[n-1].Watched {
			t.Error("the flag does not follow the channel")
		}
		same(t, "kept", w.get(ch).Watched, true)
	})
}

func TestPlace_unless(t *testing.T) {
	t.Parallel()
	p := Place{Channel: "x"}
	want(t, p.unless(db.ErrNotFound), 20404)
	if err := p.unless(db.ErrFull); !errors.Is(err, db.ErrFull) {
		t.Error(err)
	}
}
