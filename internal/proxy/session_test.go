package proxy

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"usher/internal/db"
	"usher/internal/fault"
	"usher/internal/sid"
)

func TestNext(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		from, asked, to Status
		code            int
	}{
		{Open, "", Open, 0},
		{Open, Open, Open, 0},
		{Open, InProgress, InProgress, 0},
		{Open, Closed, Closed, 0},
		{InProgress, Open, InProgress, 80608},
		{InProgress, InProgress, InProgress, 0},
		{InProgress, Closed, Closed, 0},
		{Closed, InProgress, InProgress, 0},
		{Closed, Open, Closed, 80608},
		{Closed, Closed, Closed, 0},
		{Open, "failed", Open, 80608},
		{Closed, "unknown", Closed, 80608},
	} {
		to, code := next(row.from, row.asked)
		if to != row.to || code != row.code {
			t.Errorf("%s asked for %s: %s, %d", row.from, row.asked, to, code)
		}
	}
}

func TestSession_create(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		s := w.pool(ServiceChange{DefaultTTL: new(int64(3600))}, first, second)
		v := w.session(s, NewSession{UniqueName: "order"})
		if v.Status != Open || v.Mode != VoiceAndMessage || v.TTL != 3600 || !v.DateExpiry.IsZero() || !v.StartedAt.IsZero() || v.expiresAt.IsZero() {
			t.Errorf("%+v", v)
		}
		three := []NewParticipant{{Identifier: ann}, {Identifier: bob}, {Identifier: carol}}
		for _, row := range []struct {
			name string
			in   NewSession
			code int
		}{
			{"a taken name", NewSession{UniqueName: "order"}, 80603},
			{"a name that is a SID", NewSession{UniqueName: string(sid.New(sid.ProxySession))}, 20001},
			{"no mode", NewSession{Mode: "telepathy"}, 20001},
			{"closed from the beginning", NewSession{Status: Closed}, 80608},
			{"a negative time", NewSession{TTL: new(int64(-1))}, 20001},
			{"an end that is past", NewSession{DateExpiry: time.Now().Add(-time.Second)}, 20001},
			{"three", NewSession{Participants: three}, 80609},
			{"the same twice", NewSession{Participants: []NewParticipant{{Identifier: ann}, {Identifier: ann}}}, 80103},
			{"a bad one", NewSession{UniqueName: "never", Participants: []NewParticipant{{Identifier: ann}, {Identifier: "bob"}}}, 80404},
			{"a channel where calls may come", NewSession{Participants: []NewParticipant{{Identifier: room}}}, 80616},
		} {
			_, err := w.CreateSession(ctx, w.owner, string(s.SID), row.in)
			want(t, row.name, err, row.code)
		}
		if page, err := w.Sessions(ctx, w.owner, string(s.SID), db.Page{Size: 50}); err != nil || len(page.Items) != 1 {
			t.Errorf("what was refused left %d sessions, %v", len(page.Items)-1, err)
		}
		_, err := w.Session(ctx, w.owner, string(s.SID), "never")
		want(t, "the refused one's name", err, 20404)
		want(t, "deleting", w.DeleteSession(ctx, w.owner, string(s.SID), "order"), 0)
		w.session(s, NewSession{UniqueName: "order", Status: InProgress})
	})
}

func TestSession_life(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		s := w.pool(ServiceChange{}, first)
		name := string(s.SID)
		v := w.session(s, NewSession{Mode: MessageOnly, Participants: []NewParticipant{{Identifier: ann, FriendlyName: "Ann"}, {Identifier: bob}}})
		change := func(c SessionChange) (Session, error) { return w.UpdateSession(ctx, w.owner, name, string(v.SID), c) }
		var err error
		if v, err = change(SessionChange{Status: Closed}); err != nil || v.ClosedReason != ByAPI || v.EndedAt.IsZero() || v.Status != Closed {
			t.Fatalf("%+v, %v", v, err)
		}
		_, err = change(SessionChange{Status: Closed})
		want(t, "closing again", err, 80607)
		_, err = change(SessionChange{TTL: new(int64(60))})
		want(t, "changing a closed one", err, 80607)
		_, err = change(SessionChange{Status: Open})
		want(t, "reopening to open", err, 80608)
		_, err = w.join(v, NewParticipant{Identifier: carol})
		want(t, "joining a closed one", err, 80607)
		people, _ := w.Participants(ctx, w.owner, name, string(v.SID), db.Page{Size: 5})
		want(t, "leaving a closed one", w.RemoveParticipant(ctx, w.owner, name, string(v.SID), people.Items[0].SID), 80607)

		if v, err = change(SessionChange{Status: InProgress}); err != nil || v.ClosedReason != "" || !v.EndedAt.IsZero() || v.StartedAt.IsZero() {
			t.Fatalf("reopened: %+v, %v", v, err)
		}
		people, err = w.Participants(ctx, w.owner, name, string(v.SID), db.Page{Size: 5})
		if err != nil || len(people.Items) != 2 || !people.Items[0].active || people.Items[0].FriendlyName != "Ann" {
			t.Errorf("the participants of a session that was reopened: %+v, %v", people.Items, err)
		}
		if v, err = change(SessionChange{TTL: new(int64(60))}); err != nil || v.expiresAt.IsZero() {
			t.Errorf("%+v, %v", v, err)
		}
		end := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
		if v, err = change(SessionChange{DateExpiry: end}); err != nil || !v.expiresAt.Equal(end) {
			t.Errorf("a date goes before seconds: %v, %v", v.expiresAt, err)
		}
		_, err = change(SessionChange{DateExpiry: time.Now().Add(-time.Hour)})
		want(t, "an end that is past", err, 20001)

		// Somebody else takes a pair while the session is closed.
		if _, err = change(SessionChange{Status: Closed}); err != nil {
			t.Fatal(err)
		}
		w.session(s, NewSession{Participants: []NewParticipant{{Identifier: ann}}})
		_, err = change(SessionChange{Status: InProgress})
		want(t, "reopening when a pair is taken", err, 80604)
		if v, err = w.Session(ctx, w.owner, name, string(v.SID)); err != nil || v.Status != Closed {
			t.Errorf("the refused change left %+v, %v", v, err)
		}
	})
}

func TestSession_reopenWithoutItsNumber(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		s := w.pool(ServiceChange{}, first)
		v := w.session(s, NewSession{Participants: []NewParticipant{{Identifier: ann}}})
		if _, err := w.UpdateSession(ctx, w.owner, string(s.SID), string(v.SID), SessionChange{Status: Closed}); err != nil {
			t.Fatal(err)
		}
		want(t, "the number leaves", w.RemoveNumber(ctx, w.owner, string(s.SID), false, w.own[w.owner.Account][first].SID), 0)
		_, err := w.UpdateSession(ctx, w.owner, string(s.SID), string(v.SID), SessionChange{Status: InProgress})
		want(t, "reopening", err, 80605)
	})
}

// backdate makes a session's times lie further back.
func (w *world) backdate(v Session, by time.Duration) {
	w.t.Helper()
	w.do(func(tx *db.Tx) error {
		_, err := tx.Exec(`update proxy_session set expires_at = case when expires_at > 0 then expires_at - $2 else 0 end,
			ended_at = case when ended_at > 0 then ended_at - $2 else 0 end where id = $1`, v.ID, by.Microseconds())
		return err
	})
}

func TestSweep(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		s := w.pool(ServiceChange{}, first)
		read := func(v Session) Session {
			t.Helper()
			v, err := w.Session(ctx, w.owner, string(s.SID), string(v.SID))
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		forever := w.session(s, NewSession{Participants: []NewParticipant{{Identifier: carol}}})
		later := w.session(s, NewSession{TTL: new(int64(3600))})
		var over []Session
		for i := range batch + 5 {
			over = append(over, w.session(s, NewSession{TTL: new(int64(60)), Participants: []NewParticipant{{Identifier: fmt.Sprintf("+1212556%04d", i)}}}))
			w.backdate(over[i], time.Minute)
		}
		if err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		for _, v := range over {
			if v = read(v); v.Status != Closed || v.ClosedReason != ByTime || v.EndedAt.IsZero() {
				t.Fatalf("over and %+v", v)
			}
		}
		if read(forever).Status != Open || read(later).Status != Open {
			t.Error("a session was closed before its time")
		}
		n, err := w.Number(ctx, w.owner, string(s.SID), false, w.own[w.owner.Account][first].SID)
		if err != nil || n.InUse != 1 {
			t.Errorf("in use %d, %v", n.InUse, err)
		}
		// Long after their end they go, with all that was in them.
		for _, v := range over {
			w.backdate(v, Retention)
		}
		if err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		if page, err := w.Sessions(ctx, w.owner, string(s.SID), db.Page{Size: 100}); err != nil || len(page.Items) != 2 {
			t.Errorf("%d sessions are kept, %v", len(page.Items), err)
		}
		w.none("proxy_participant", "session_id <> "+fmt.Sprint(forever.ID))
	})
}

// none says that no row of a table matches.
func (w *world) none(table, where string) {
	w.t.Helper()
	w.do(func(tx *db.Tx) error {
		var n int
		err := tx.QueryRow("select count(*) from " + table + " where " + where).Scan(&n)
		if n != 0 {
			w.t.Errorf("%d rows of %s are left", n, table)
		}
		return err
	})
}

// What is over is over before a sweep has come: it is not routed, and its pairs are free.
func TestOver_beforeTheSweep(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(ServiceChange{}, first)
		pair := NewParticipant{Identifier: ann, Proxy: first}
		v := w.session(s, NewSession{TTL: new(int64(60)), Participants: []NewParticipant{pair}})
		w.backdate(v, time.Minute)
		w.do(func(tx *db.Tx) error {
			_, found, err := w.RouteTx(tx, w.owner.Account, first, ann)
			if found {
				t.Error("a session that is over was found")
			}
			return err
		})
		_, err := w.join(v, NewParticipant{Identifier: bob})
		want(t, "joining what is over", err, 80607)
		next := w.session(s, NewSession{Participants: []NewParticipant{pair}})
		chosen := w.session(s, NewSession{})
		_, err = w.join(chosen, NewParticipant{Identifier: ann})
		want(t, "the pool has one number only", err, 80208)
		w.do(func(tx *db.Tx) error {
			r, found, err := w.RouteTx(tx, w.owner.Account, first, ann)
			if err != nil || !found || r.Session.SID != next.SID || r.To != nil {
				t.Errorf("%v, %v, %v", r.Session.SID, found, err)
			}
			return nil
		})
		if v, err = w.Session(t.Context(), w.owner, string(s.SID), string(v.SID)); err != nil || v.Status != Closed || v.ClosedReason != ByTime {
			t.Errorf("%+v, %v", v, err)
		}
	})
}

func TestDeleteService_takesAllWithIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		s := w.pool(ServiceChange{}, first)
		w.session(s, NewSession{TTL: new(int64(60)), Participants: []NewParticipant{{Identifier: ann}, {Identifier: bob}}})
		want(t, "deleting", w.DeleteService(ctx, w.owner, string(s.SID)), 0)
		want(t, "and again", w.DeleteService(ctx, w.owner, string(s.SID)), 20404)
		w.do(func(tx *db.Tx) error {
			if _, found, err := w.RouteTx(tx, w.owner.Account, first, ann); err != nil || found {
				t.Errorf("routed: %v, %v", found, err)
			}
			return nil
		})
		// The number is free for another service at once.
		other := w.service(ServiceChange{})
		if _, err := w.AddNumber(ctx, w.owner, string(other.SID), NewNumber{Address: first}); err != nil {
			t.Error(err)
		}
		if err := w.Sweep(ctx); err != nil {
			t.Fatal(err)
		}
		w.none("proxy_session", "1 = 1")
		w.none("proxy_participant", "1 = 1")
	})
}

func TestEnd_byName(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(ServiceChange{UniqueName: new(FlexService)}, first)
		v := w.session(s, NewSession{UniqueName: room, Mode: MessageOnly, Participants: []NewParticipant{{Identifier: ann}, {Identifier: room}}})
		for i, n := range []int{1, 0} {
			w.do(func(tx *db.Tx) error {
				if other, err := w.EndTx(tx, w.other.Account, room, ByChannel); err != nil || other != 0 {
					t.Errorf("another account ended %d, %v", other, err)
				}
				got, err := w.EndTx(tx, w.owner.Account, room, ByChannel)
				if got != n {
					t.Errorf("call %d ended %d", i, got)
				}
				return err
			})
		}
		v, err := w.Session(t.Context(), w.owner, FlexService, room)
		if err != nil || v.Status != Closed || v.ClosedReason != ByChannel {
			t.Errorf("%+v, %v", v, err)
		}
		w.do(func(tx *db.Tx) error {
			if _, found, err := w.ChannelRouteTx(tx, w.owner.Account, room, tx.Now); err != nil || found {
				t.Errorf("a channel of a closed session is routed: %v, %v", found, err)
			}
			r, found, err := w.ChannelRouteTx(tx, w.owner.Account, room, v.CreatedAt)
			if err != nil || !found || r.Session.SID != v.SID || r.To == nil || r.To.Identifier != ann {
				t.Errorf("what was written before the end: %+v, %v, %v", r, found, err)
			}
			return nil
		})
	})
}

// Of many who ask at once for the same pair in different sessions one gets it, and the others are told that it went while they asked.
func TestParticipant_atOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const n = 8
		s := w.pool(ServiceChange{}, first)
		var open []Session
		for range n {
			open = append(open, w.session(s, NewSession{}))
		}
		var all sync.WaitGroup
		errs := make([]error, n)
		start := make(chan struct{})
		for i := range n {
			all.Go(func() {
				<-start
				_, errs[i] = w.AddParticipant(context.Background(), w.owner, string(s.SID), string(open[i].SID), NewParticipant{Identifier: ann, Proxy: first})
			})
		}
		close(start)
		all.Wait()
		won := 0
		for _, err := range errs {
			var f *fault.Error
			switch {
			case err == nil:
				won++
			case !errors.As(err, &f), f.Code != 80623 && f.Code != 80604, f.Code == 80623 && f.Status() != 409:
				t.Errorf("%v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d of %d got the pair", won, n)
		}
		_, err := w.join(open[0], NewParticipant{Identifier: bob, Proxy: first})
		want(t, "another person", err, 0)
		late := w.session(s, NewSession{})
		_, err = w.join(late, NewParticipant{Identifier: ann, Proxy: first})
		want(t, "afterwards", err, 80604)
	})
}

// A request that began before the pair went is told so by its own code.
func TestParticipant_goneWhileAsking(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(ServiceChange{}, first)
		began := time.Now().Add(-time.Second)
		w.session(s, NewSession{Participants: []NewParticipant{{Identifier: ann, Proxy: first}}})
		err := w.db.Do(t.Context(), func(tx *db.Tx) error {
			_, err := w.CreateSessionTx(tx, &s, NewSession{Participants: []NewParticipant{{Identifier: ann, Proxy: first}}}, began)
			return err
		})
		want(t, "began before", err, 80623)
	})
}

// Many ask at once for numbers that are chosen: nobody shares a pair.
func TestParticipant_chosenAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		s := w.pool(ServiceChange{}, first, second, "+12125550903", "+12125550904")
		var all sync.WaitGroup
		got := make([]error, 6)
		for i := range got {
			all.Go(func() {
				_, got[i] = w.CreateSession(context.Background(), w.owner, string(s.SID), NewSession{Participants: []NewParticipant{{Identifier: ann}}})
			})
		}
		all.Wait()
		won := 0
		for _, err := range got {
			if err == nil {
				won++
			} else if !fault.HasCode(err, 80208) && !fault.HasCode(err, 80623) {
				t.Error(err)
			}
		}
		if won != 4 {
			t.Errorf("four numbers served %d sessions of one person", won)
		}
	})
}

func TestCreateFlex(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var s Service
		w.do(func(tx *db.Tx) (err error) {
			s, err = w.CreateFlexTx(tx, w.owner.Account, w.owner.AccountSID, "IS0123456789abcdef0123456789abcdef")
			return err
		})
		got, err := w.Service(t.Context(), w.owner, FlexService)
		if err != nil || got.SID != s.SID || got.ChatService == "" || got.AccountSID != w.owner.AccountSID {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
