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
	"usher/internal/attr"
	"usher/internal/chat/check"
	"usher/internal/chat/purge"
	"usher/internal/db"
	"usher/internal/event"
	"usher/internal/fault"
	"usher/internal/sid"
)

func TestChannels(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.service.SID
		at := time.Date(2016, 1, 2, 3, 4, 5, 0, time.UTC)
		ch, err := w.CreateChannel(ctx(), w.owner, s, NewChannel{
			FriendlyName: "General", UniqueName: "general", Attributes: `{ "a" : 1 }`, DateCreated: at,
		})
		want(t, err, 0)
		same(t, "type", ch.Type(), "public")
		same(t, "created by", ch.CreatedBy, "system")
		same(t, "created", ch.CreatedAt, at)
		same(t, "updated", ch.UpdatedAt, at)
		same(t, "last index", ch.LastIndex, -1)
		for _, ref := range []string{string(ch.SID), "general"} {
			got, err := w.GetChannel(ctx(), w.owner, Place{s, ref})
			want(t, err, 0)
			same(t, "found by "+ref, got.SID, ch.SID)
			same(t, "attributes", string(got.Attributes), `{"a":1}`)
		}
		_, err = w.CreateChannel(ctx(), w.owner, s, NewChannel{UniqueName: "general"})
		want(t, err, 50307)
		_, err = w.GetChannel(ctx(), w.owner, Place{s, "General"})
		want(t, err, 20404)
		private := w.channel()
		for _, tc := range []struct {
			types []string
			want  []sid.SID
			code  int
		}{
			{nil, []sid.SID{ch.SID, private.SID}, 0},
			{[]string{"public"}, []sid.SID{ch.SID}, 0},
			{[]string{"private"}, []sid.SID{private.SID}, 0},
			{[]string{"private", "public"}, []sid.SID{ch.SID, private.SID}, 0},
			{[]string{"secret"}, nil, 20001},
		} {
			page, err := w.ListChannels(ctx(), w.owner, s, tc.types, db.Page{Size: 10})
			want(t, err, tc.code)
			var got []sid.SID
			for _, c := range page.Items {
				got = append(got, c.SID)
			}
			same(t, fmt.Sprint(tc.types), fmt.Sprint(got), fmt.Sprint(tc.want))
		}
	})
}

func TestCreateChannel_refuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, tc := range []struct {
			name string
			n    NewChannel
			code int
		}{
			{"long name", NewChannel{FriendlyName: strings.Repeat("é", 65)}, 50003},
			{"long unique name", NewChannel{UniqueName: strings.Repeat("é", 65)}, 50004},
			{"unique name like a SID", NewChannel{UniqueName: string(sid.New(sid.Channel))}, 50306},
			{"attributes", NewChannel{Attributes: "{'a':1}"}, 50304},
			{"long attributes", NewChannel{Attributes: `"` + strings.Repeat("x", check.MaxChannelAttributes) + `"`}, 50303},
			{"long creator", NewChannel{CreatedBy: strings.Repeat("x", 257)}, 50310},
			{"longest names", NewChannel{FriendlyName: strings.Repeat("é", 64), UniqueName: strings.Repeat("é", 64)}, 0},
		} {
			t.Log(tc.name)
			_, err := w.CreateChannel(ctx(), w.owner, w.service.SID, tc.n)
			want(t, err, tc.code)
		}
		same(t, "channels", count(t, w, "chat_channel"), 1)
	})
}

func TestCreateChannel_sameNameAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var wait sync.WaitGroup
		var mu sync.Mutex
		made := 0
		for range 8 {
			wait.Go(func() {
				_, err := w.CreateChannel(ctx(), w.owner, w.service.SID, NewChannel{UniqueName: "one"})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					made++
				} else if !fault.HasCode(err, 50307) {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		same(t, "made", made, 1)
	})
}

func TestCreateChannel_byToken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ada := w.as(account.RoleVisitor, "ada")
		ch, err := w.CreateChannel(ctx(), ada, w.service.SID, NewChannel{CreatedBy: "bob"})
		want(t, err, 0)
		same(t, "created by", ch.CreatedBy, "ada")
		_, err = w.Get(ctx(), ada, ch.SID)
		want(t, err, 20404) // until it has joined
		m, err := w.AddMember(ctx(), ada, w.place(ch), NewMember{Identity: "ada"})
		want(t, err, 0)
		same(t, "the creator's role", m.RoleSID, w.service.CreatorRole)
		_, err = w.Get(ctx(), ada, ch.SID)
		want(t, err, 0)
		_, err = w.CreateChannel(ctx(), ada, w.service.SID, NewChannel{DateCreated: time.Unix(1, 0)})
		want(t, err, 50107)
		_, err = w.UpdateRole(ctx(), w.owner, w.service.SID, w.service.ServiceRole, []string{"joinChannel"})
		want(t, err, 0)
		_, err = w.CreateChannel(ctx(), ada, w.service.SID, NewChannel{})
		want(t, err, 50107)
		page, err := w.ListChannels(ctx(), ada, w.service.SID, nil, db.Page{Size: 10})
		want(t, err, 0)
		same(t, "listed", len(page.Items), 1)
		page, err = w.ListChannels(ctx(), w.as(account.RoleAgent, "bob"), w.service.SID, nil, db.Page{Size: 10})
		want(t, err, 0)
		same(t, "listed to others", len(page.Items), 0)
	})
}

func TestUpdateChannel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch, at := w.channel("ada"), time.Date(2020, 5, 5, 5, 5, 5, 0, time.UTC)
		got, err := w.UpdateChannel(ctx(), w.owner, w.place(ch), ChannelChange{
			FriendlyName: ptr(strings.Repeat("x", 256)), UniqueName: ptr("desk"), Attributes: ptr(`{"status":"INACTIVE"}`),
			CreatedBy: ptr("ada"), DateUpdated: at,
		})
		want(t, err, 0)
		same(t, "updated", got.UpdatedAt, at)
		var data ChannelData
		same(t, "events", words(w.stream(event.Channel, ch.Row, &data)...), words(event.MemberAdded, event.ChannelUpdated))
		same(t, "attributes", string(data.Attributes), `{"status":"INACTIVE"}`)
		same(t, "unique name", *data.UniqueName, "desk")
		same(t, "last index", data.LastIndex, -1)
		_, _, err = w.SendTo(ctx(), w.owner, Place{w.service.SID, "desk"}, NewMessage{})
		want(t, err, 0)
		_, err = w.UpdateChannel(ctx(), w.owner, w.place(ch), ChannelChange{UniqueName: ptr("")})
		want(t, err, 0)
		_, _, err = w.SendTo(ctx(), w.owner, Place{w.service.SID, "desk"}, NewMessage{}) // its seat was remembered by name
		want(t, err, 20404)
		other := w.channel()
		_, err = w.UpdateChannel(ctx(), w.owner, w.place(other), ChannelChange{UniqueName: ptr("desk")})
		want(t, err, 0)
		_, err = w.UpdateChannel(ctx(), w.owner, w.place(ch), ChannelChange{UniqueName: ptr("desk")})
		want(t, err, 50307)
		now := w.get(ch)
		same(t, "messages", now.Messages, 1)
		same(t, "members", now.Members, 1)

		ada := w.as(account.RoleVisitor, "ada")
		_, err = w.UpdateChannel(ctx(), ada, w.place(ch), ChannelChange{Attributes: ptr("{}")})
		want(t, err, 50107)
		_, err = w.UpdateChannel(ctx(), ada, w.place(ch), ChannelChange{FriendlyName: ptr("")})
		want(t, err, 50107)
		_, err = w.UpdateMember(ctx(), w.owner, w.place(ch), "ada", MemberChange{RoleSID: &w.service.CreatorRole})
		want(t, err, 0)
		_, err = w.UpdateChannel(ctx(), ada, w.place(ch), ChannelChange{Attributes: ptr("{}"), FriendlyName: ptr("")})
		want(t, err, 0)
		_, err = w.UpdateChannel(ctx(), ada, w.place(ch), ChannelChange{DateUpdated: at})
		want(t, err, 50107)
		_, err = w.UpdateChannel(ctx(), w.as(account.RoleAgent, "bob"), w.place(ch), ChannelChange{})
		want(t, err, 20404)
	})
}

func TestSettleTx_attributes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel()
		w.do(func(tx *db.Tx) error {
			for range 2 { // the second changes nothing and is no event
				err := w.SettleTx(tx, &ch, false, func(old json.RawMessage) (json.RawMessage, error) {
					return attr.Merge(old, map[string]any{"status": "ACTIVE"})
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		same(t, "attributes", string(w.get(ch).Attributes), `{"status":"ACTIVE"}`)
		same(t, "events", words(w.stream(event.Channel, ch.Row, nil)...), event.ChannelUpdated)
		errRefused := errors.New("refused")
		err := w.db.Do(ctx(), func(tx *db.Tx) error {
			return w.SettleTx(tx, &ch, false, func(json.RawMessage) (json.RawMessage, error) { return nil, errRefused })
		})
		if !errors.Is(err, errRefused) {
			t.Error(err)
		}
	})
}

func TestDeleteChannel(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch, err := w.CreateChannel(ctx(), w.owner, w.service.SID, NewChannel{UniqueName: "room"})
		want(t, err, 0)
		for _, identity := range []string{"ada", "bob"} {
			_, err := w.AddMember(ctx(), w.owner, w.place(ch), NewMember{Identity: identity})
			want(t, err, 0)
		}
		w.say(ch, "ada", "x")
		want(t, w.DeleteChannel(ctx(), w.as(account.RoleVisitor, "ada"), w.place(ch)), 50107)
		want(t, w.DeleteChannel(ctx(), w.owner, w.place(ch)), 0)
		want(t, w.DeleteChannel(ctx(), w.owner, w.place(ch)), 20404)
		_, err = w.Get(ctx(), w.owner, ch.SID)
		want(t, err, 20404)
		u, err := w.GetUser(ctx(), w.owner, w.service.SID, "ada")
		want(t, err, 0)
		same(t, "channels of its member", u.Channels, 0)
		same(t, "events of its member", words(w.stream(event.User, u.Row, nil)...), words(event.UserChannelAdded, event.UserChannelRemoved))
		for _, table := range []string{"chat_channel", "chat_member", "chat_message"} {
			same(t, table, count(t, w, table), 0)
		}
		// The name is free, and the next channel is not mistaken for the last.
		next, err := w.CreateChannel(ctx(), w.owner, w.service.SID, NewChannel{UniqueName: "room"})
		want(t, err, 0)
		if next.ID == ch.ID {
			t.Error("an integer key was given twice")
		}
		same(t, "index", w.say(next, "", "x").Index, 0)
	})
}

func TestDeleteChannel_longHistoryGoesInBatches(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch, kept := w.channel("ada"), w.channel("ada")
		w.say(kept, "ada", "x")
		w.do(func(tx *db.Tx) error {
			c := ch
			for range purge.AtOnce + 510 {
				if _, _, err := w.SendTx(tx, &c, NewMessage{Body: "x"}); err != nil {
					return err
				}
			}
			return nil
		})
		want(t, w.DeleteChannel(ctx(), w.owner, w.place(ch)), 0)
		_, err := w.Get(ctx(), w.owner, ch.SID)
		want(t, err, 20404)
		same(t, "left", count(t, w, "chat_message"), 511)
		purgeAll(t, w)
		same(t, "left", count(t, w, "chat_message"), 1)
		same(t, "left", count(t, w, "chat_channel"), 1)
	})
}

func TestChannelTx(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ch := w.channel("ada")
		w.do(func(tx *db.Tx) error {
			got, err := w.ChannelTx(tx, w.acct, ch.SID)
			same(t, "service", got.ServiceSID, w.service.SID)
			same(t, "members", got.Members, 1)
			want(t, err, 0)
			_, err = w.ChannelTx(tx, w.acct+1, ch.SID)
			want(t, err, 20404)
			_, err = w.ServiceTx(tx, w.acct+1, w.service.SID)
			want(t, err, 20404)
			return nil
		})
	})
}
