package chat

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"usher/internal/account"
	"usher/internal/chat/check"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/sid"
)

func TestListMessages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel()
		for i := range 5 {
			w.say(ch, "", fmt.Sprint(i))
		}
		for _, tc := range []struct {
			desc bool
			want string
		}{{false, "0,1|2,3|4"}, {true, "4,3|2,1|0"}} {
			var pages []string
			for after := ""; ; {
				page, err := w.ListMessages(ctx(), w.owner, w.place(ch), db.Page{Size: 2, After: after, Desc: tc.desc})
				want(t, err, 0)
				var list []string
				for _, m := range page.Items {
					list = append(list, m.Body)
					same(t, "channel", m.ChannelSID, ch.SID)
				}
				pages = append(pages, strings.Join(list, ","))
				if after = page.Next; after == "" {
					break
				}
			}
			same(t, "pages", strings.Join(pages, "|"), tc.want)
		}
		if _, err := w.ListMessages(ctx(), w.owner, w.place(ch), db.Page{Size: 2, After: "x"}); err == nil {
			t.Error("a cursor that is none")
		}
	})
}

func TestUpdateMessage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada", "bob")
		p := w.place(ch)
		m := w.say(ch, "ada", "before")
		if m.WasEdited || m.LastUpdatedBy != "" {
			t.Errorf("fresh %+v", m)
		}
		ada, bob := w.as(account.RoleVisitor, "ada"), w.as(account.RoleAgent, "bob")
		m, err := w.UpdateMessage(ctx(), ada, p, m.SID, MessageChange{Attributes: ptr(`{"seen":1}`)})
		want(t, err, 0)
		same(t, "attributes are no edit", m.WasEdited, false)
		m, err = w.UpdateMessage(ctx(), ada, p, m.SID, MessageChange{Body: ptr("after")})
		want(t, err, 0)
		same(t, "edited", m.WasEdited, true)
		same(t, "by", m.LastUpdatedBy, "ada")
		var data MessageData
		w.stream(event.Channel, ch.Row, &data)
		if data.Body != "after" || !data.WasEdited || *data.LastUpdatedBy != "ada" || data.Index != 0 {
			t.Errorf("payload %+v", data)
		}
		at := time.Date(2016, 1, 2, 3, 4, 5, 0, time.UTC)
		m, err = w.UpdateMessage(ctx(), w.owner, p, m.SID, MessageChange{Author: ptr("bob"), DateCreated: at, DateUpdated: at})
		want(t, err, 0)
		same(t, "by", m.LastUpdatedBy, "system")
		same(t, "created", m.CreatedAt, at)
		got, err := w.GetMessage(ctx(), bob, p, m.SID)
		want(t, err, 0)
		same(t, "author", got.Author, "bob")
		same(t, "created", got.CreatedAt, at)
		b, err := w.GetMember(ctx(), w.owner, p, "bob")
		want(t, err, 0)
		same(t, "member", got.MemberSID, b.SID)

		for _, tc := range []struct {
			name   string
			actor  account.Actor
			change MessageChange
			code   int
		}{
			{"another's body", ada, MessageChange{Body: ptr("x")}, 50107},
			{"another's attributes", ada, MessageChange{Attributes: ptr("{}")}, 50107},
			{"author by a token", bob, MessageChange{Author: ptr("ada")}, 50107},
			{"date by a token", bob, MessageChange{DateUpdated: at}, 50107},
			{"long body", bob, MessageChange{Body: ptr(strings.Repeat("x", check.MaxBody+1))}, 50504},
			{"attributes", bob, MessageChange{Attributes: ptr("x")}, 50304},
			{"long author", w.owner, MessageChange{Author: ptr(strings.Repeat("x", 300))}, 50310},
			{"long editor", w.owner, MessageChange{LastUpdatedBy: ptr(strings.Repeat("x", 300))}, 50505},
			{"stranger", w.as(account.RoleVisitor, "eve"), MessageChange{}, 20404},
		} {
			t.Log(tc.name)
			_, err := w.UpdateMessage(ctx(), tc.actor, p, m.SID, tc.change)
			want(t, err, tc.code)
		}
		_, err = w.UpdateMessage(ctx(), w.owner, w.place(w.channel()), m.SID, MessageChange{})
		want(t, err, 20404)
	})
}

func TestDeleteMessage(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada", "bob")
		p := w.place(ch)
		first, last := w.say(ch, "ada", "0"), w.say(ch, "bob", "1")
		ada := w.as(account.RoleVisitor, "ada")
		want(t, w.DeleteMessage(ctx(), ada, p, last.SID), 50107)
		want(t, w.DeleteMessage(ctx(), ada, p, first.SID), 0)
		want(t, w.DeleteMessage(ctx(), w.owner, p, last.SID), 0)
		want(t, w.DeleteMessage(ctx(), w.owner, p, last.SID), 20404)
		want(t, w.DeleteMessage(ctx(), w.owner, p, sid.New(sid.Message)), 20404)
		same(t, "messages", w.get(ch).Messages, 0)
		same(t, "an index is not given again", w.say(ch, "ada", "2").Index, 2)
		same(t, "messages", w.get(ch).Messages, 1)
		got, err := w.GetChannel(ctx(), w.owner, p)
		want(t, err, 0)
		if got.LastMessage == "" || got.LastMessage == last.SID {
			t.Errorf("newest message %q", got.LastMessage)
		}
		kinds := w.stream(event.Channel, ch.Row, nil)
		same(t, "events", words(kinds[2:]...),
			words(event.MessageAdded, event.MessageAdded, event.MessageRemoved, event.MessageRemoved, event.MessageAdded))
	})
}

func TestHistory(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada")
		ada := w.as(account.RoleVisitor, "ada")
		var all []Message
		for i := range 7 {
			all = append(all, w.say(ch, "ada", fmt.Sprint(i)))
		}
		want(t, w.DeleteMessage(ctx(), w.owner, w.place(ch), all[4].SID), 0)
		for _, tc := range []struct {
			before *int64
			limit  int
			want   string
		}{
			{nil, 3, "3 5 6"},
			{ptr[int64](3), 2, "1 2"},
			{ptr[int64](0), 2, ""},
			{nil, 0, "6"},
			{nil, 1000, "0 1 2 3 5 6"},
			{ptr[int64](-5), 2, ""},
			{ptr[int64](1 << 60), 1, "6"},
		} {
			list, err := w.History(ctx(), ada, ch.SID, tc.before, tc.limit)
			want(t, err, 0)
			var got []string
			for _, m := range list {
				got = append(got, m.Body)
			}
			same(t, "history", words(got...), tc.want)
		}
		_, err := w.History(ctx(), w.as(account.RoleVisitor, "eve"), ch.SID, nil, 1)
		want(t, err, 20404)
		list, err := w.History(ctx(), w.as(account.RoleSupervisor, "sue"), ch.SID, nil, 1)
		if err != nil || len(list) != 1 {
			t.Errorf("a supervisor reads %v %v", list, err)
		}
		snap, err := w.Snapshot(ctx(), ada, ch.SID, nil, 2)
		want(t, err, 0)
		if len(snap.Messages) != 2 || len(snap.Members) != 1 || snap.Members[0].Identity != "ada" || snap.Channel.Head != 9 {
			t.Errorf("snapshot %+v", snap)
		}
		_, err = w.Snapshot(ctx(), w.as(account.RoleVisitor, "eve"), ch.SID, nil, 1)
		want(t, err, 20404)
		list2, err := w.Members(ctx(), ada, ch.SID)
		want(t, err, 0)
		same(t, "members", len(list2), 1)
	})
}

func TestRead(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada")
		ada := w.as(account.RoleVisitor, "ada")
		for range 4 {
			w.say(ch, "", "x")
		}
		at := func() int64 {
			m, err := w.GetMember(ctx(), ada, w.place(ch), "ada")
			want(t, err, 0)
			return m.LastRead
		}
		same(t, "at first", at(), -1)
		for _, step := range []struct{ index, want int64 }{{1, 1}, {0, 1}, {1, 1}, {2, 2}, {99, 3}, {99, 3}} {
			want(t, w.Read(ctx(), ada, ch.SID, step.index), 0)
			same(t, fmt.Sprint("after ", step.index), at(), step.want)
		}
		kinds := w.stream(event.Channel, ch.Row, nil)
		same(t, "events", strings.Count(words(kinds...), event.MemberUpdated), 3)
		want(t, w.Read(ctx(), ada, ch.SID, -1), 50406)
		want(t, w.Read(ctx(), w.as(account.RoleVisitor, "eve"), ch.SID, 1), 20404)
		want(t, w.Read(ctx(), w.as(account.RoleSupervisor, "sue"), ch.SID, 1), 50400)
		_, err := w.UpdateService(ctx(), w.owner, w.service.SID, ServiceChange{ReadStatus: ptr(false)})
		want(t, err, 0)
		w.say(ch, "", "x")
		want(t, w.Read(ctx(), ada, ch.SID, 4), 0)
		same(t, "without read status", at(), 3)
	})
}

// Whoever has the contact's key destroyed can read nothing of the contact.
func TestSealing_byTheContactsKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada")
		w.say(ch, "ada", "secret")
		w.do(func(tx *db.Tx) error { return db.DestroyDataKey(tx, w.acct, w.key) })
		if _, err := w.Get(ctx(), w.owner, ch.SID); err == nil {
			t.Error("the channel can be read")
		}
		if list, err := w.History(ctx(), w.owner, ch.SID, nil, 1); err == nil {
			t.Errorf("the messages can be read: %v", list)
		}
		// The channel's rows can still be removed.
		want(t, w.DeleteService(ctx(), w.owner, w.service.SID), 0)
		purgeAll(t, w)
		same(t, "messages", count(t, w, "chat_message"), 0)
	})
}
